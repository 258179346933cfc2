//! What signing in needs to remember, in memory: the key of the tokens, wrong passwords, device codes, assertions that were used. It is gone
//! when the daemon is sealed; what must last (tokens that were revoked) is in the store.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::{devices::Devices, token::Tokens};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::seal::Secret32,
};

/// Wrong passwords that cost nothing but their own delay: for one name, and for all names that one peer tries.
const FREE_FAILURES: u32 = 5;
const FREE_FAILURES_OF_PEER: u32 = 50;
/// The longest that a peer waits before its next try.
const MAX_WAIT: Duration = Duration::from_secs(900);
/// Wrong passwords are forgotten after this time.
const MEMORY: Duration = Duration::from_secs(3600);
/// Peers and names that are remembered; beyond it the oldest is forgotten.
const MAX_REMEMBERED: usize = 10_000;
/// Passwords of one name that one peer may have checked at once.
const MAX_RUNNING: u32 = 4;

/// What signing in needs.
pub struct SignInDesk {
    /// Makes tokens and reads them.
    pub tokens: Tokens,
    /// Device codes.
    pub devices: Devices,
    /// By name and peer.
    failures: Mutex<HashMap<(String, String), Failures>>,
    /// By peer: who tries one password with many names is slowed down too, and no right one makes up for it.
    of_peers: Mutex<HashMap<String, Failures>>,
    assertions: Mutex<HashMap<[u8; 32], i64>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    running: u32,
    last: Instant,
}

/// A password that is being checked. It counts as wrong until it has turned out right, so that guessing in parallel gains nothing.
pub struct Try<'a> {
    desk: &'a SignInDesk,
    place: (String, String),
    right: bool,
}

impl SignInDesk {
    /// With the seed of the tokens' key, of one store.
    pub fn new(seed: &Secret32, cluster: Id) -> Result<Self> {
        Ok(Self {
            tokens: Tokens::new(seed, cluster)?,
            devices: Devices::default(),
            failures: Mutex::default(),
            of_peers: Mutex::default(),
            assertions: Mutex::default(),
        })
    }

    /// Begins to check a password of somebody, who need not exist, for a peer.
    pub fn begin(&self, name: &str, peer: &str) -> Result<Try<'_>> {
        let now = Instant::now();
        let place = (name.to_ascii_lowercase(), peer.to_owned());
        let remembered = |found: Option<&Failures>| {
            let found = found.copied().filter(|found| now.duration_since(found.last) < MEMORY);
            found.unwrap_or(Failures { count: 0, running: 0, last: now })
        };
        let of_peer = remembered(lock(&self.of_peers).get(peer));
        let mut all = lock(&self.failures);
        let found = remembered(all.get(&place));
        let beyond = of_peer.count.saturating_sub(FREE_FAILURES_OF_PEER - FREE_FAILURES);
        let ready = (found.last + wait_after(found.count)).max(of_peer.last + wait_after(beyond));
        if now < ready || found.running >= MAX_RUNNING {
            let seconds = ready.saturating_duration_since(now).as_secs() + 1;
            return Err(Error::new(
                ErrorCode::Unauthenticated,
                format!("too many wrong passwords from here; try again in {seconds} s"),
            ));
        }
        if all.len() >= MAX_REMEMBERED && !all.contains_key(&place) {
            forget_oldest(&mut all, |failures| failures.last);
        }
        all.insert(place.clone(), Failures { running: found.running + 1, ..found });
        Ok(Try { desk: self, place, right: false })
    }

    fn count_for_peer(&self, peer: &str) {
        let now = Instant::now();
        let mut all = lock(&self.of_peers);
        if all.len() >= MAX_REMEMBERED && !all.contains_key(peer) {
            forget_oldest(&mut all, |failures| failures.last);
        }
        let failures = all.entry(peer.to_owned()).or_insert(Failures { count: 0, running: 0, last: now });
        let count = if now.duration_since(failures.last) < MEMORY { failures.count } else { 0 };
        *failures = Failures { count: count.saturating_add(1), running: 0, last: now };
    }

    /// Takes an assertion, by what was signed, once.
    pub fn use_assertion(&self, signed: &str, expires: i64, now: i64) -> bool {
        let mut used = lock(&self.assertions);
        used.retain(|_, end| *end > now);
        if used.len() >= MAX_REMEMBERED {
            forget_oldest(&mut used, |end| *end);
        }
        used.insert(Sha256::digest(signed).into(), expires).is_none()
    }
}

/// How long a peer waits for its next try: a second after the first that costs something, twice as long after each further one.
fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1 << doublings.min(20)).min(MAX_WAIT),
    }
}

impl Try<'_> {
    /// The password is right.
    pub fn succeed(mut self) {
        self.right = true;
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let mut all = lock(&self.desk.failures);
        let Some(failures) = all.get_mut(&self.place) else { return };
        failures.running = failures.running.saturating_sub(1);
        if self.right {
            failures.count = 0;
        } else {
            failures.count = failures.count.saturating_add(1);
            failures.last = Instant::now();
        }
        if failures.count == 0 && failures.running == 0 {
            all.remove(&self.place);
        }
        drop(all);
        if !self.right {
            self.desk.count_for_peer(&self.place.1);
        }
    }
}

fn forget_oldest<K: Clone + Eq + Hash, V, O: Ord>(all: &mut HashMap<K, V>, age: impl Fn(&V) -> O) {
    if let Some(oldest) = all.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone()) {
        all.remove(&oldest);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> SignInDesk {
        SignInDesk::new(&Box::new(zeroize::Zeroizing::new([1; 32])), Id([1; 16])).unwrap()
    }

    #[test]
    fn guessing_is_slowed_down_for_who_guesses_alone() {
        let desk = desk();
        for _ in 0..FREE_FAILURES {
            drop(desk.begin("Ada", "uid:1").unwrap());
        }
        let error = desk.begin("ada", "uid:1").map(drop).unwrap_err();
        assert!(error.code == ErrorCode::Unauthenticated && error.detail.contains("try again in"));
        assert!(desk.begin("ada", "uid:2").is_ok() && desk.begin("bob", "uid:1").is_ok());
        assert_eq!(wait_after(FREE_FAILURES - 1), Duration::ZERO);
        assert_eq!(wait_after(FREE_FAILURES + 3), Duration::from_secs(8));
        assert_eq!(wait_after(u32::MAX), MAX_WAIT);
    }

    #[test]
    fn trying_many_names_is_slowed_down_and_an_account_of_ones_own_does_not_help() {
        let desk = desk();
        for number in 0..FREE_FAILURES_OF_PEER {
            drop(desk.begin(&number.to_string(), "uid:1").unwrap());
            desk.begin("mine", "uid:1").map(Try::succeed).ok();
        }
        assert!(desk.begin("another", "uid:1").is_err());
        assert!(desk.begin("another", "uid:2").is_ok(), "nobody else waits");
    }

    #[test]
    fn a_right_password_clears_the_count_and_parallel_ones_are_bounded() {
        let desk = desk();
        for _ in 0..FREE_FAILURES - 1 {
            drop(desk.begin("ada", "uid:1").unwrap());
        }
        desk.begin("ada", "uid:1").unwrap().succeed();
        let running: Vec<_> = (0..MAX_RUNNING).map(|_| desk.begin("ada", "uid:1").unwrap()).collect();
        assert!(desk.begin("ada", "uid:1").is_err());
        drop(running);
        assert!(desk.begin("ada", "uid:1").is_ok());
    }

    #[test]
    fn an_assertion_is_good_once() {
        let desk = desk();
        assert!(desk.use_assertion("a", 100, 1) && desk.use_assertion("b", 100, 1));
        assert!(!desk.use_assertion("a", 100, 99));
    }

    #[test]
    fn memory_is_bounded() {
        let desk = desk();
        for number in 0..MAX_REMEMBERED + 10 {
            drop(desk.begin("ada", &format!("uid:{number}")).unwrap());
        }
        assert!(lock(&desk.failures).len() <= MAX_REMEMBERED && lock(&desk.of_peers).len() <= MAX_REMEMBERED);
    }
}

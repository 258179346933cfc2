//! Device codes (RFC 8628): a client that cannot ask for a password begins, somebody who is signed in approves, the client is then signed in
//! as them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
};

/// How long a code waits for its approval.
pub const DEVICE_CODE_SECONDS: i64 = 15 * 60;
/// How often a client should ask.
pub const DEVICE_POLL_SECONDS: u32 = 5;
/// Codes that wait at once, over all and for one peer.
const MAX_WAITING: usize = 1000;
const MAX_WAITING_OF_PEER: usize = 20;
/// What a person types: no vowels, so no words, and nothing that looks like something else (RFC 8628 section 6.1).
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20^9 codes: nobody meets another's by mistake.
const USER_CODE_LEN: usize = 9;

/// The codes that wait.
#[derive(Default)]
pub struct Devices {
    /// By what the person types.
    waiting: Mutex<HashMap<String, Waiting>>,
}

struct Waiting {
    device_code: String,
    peer: String,
    expires: i64,
    approved: Option<Approval>,
}

/// Who approved a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The user.
    pub principal: Id,
    /// Their epoch at that moment: who is signed out everywhere since, is not signed in by it.
    pub epoch: u64,
}

/// A sign-in that has begun.
pub struct Begun {
    /// The client's half.
    pub device_code: String,
    /// What a person types.
    pub user_code: String,
    /// When it is over.
    pub expires: i64,
}

impl Devices {
    /// Begins one for a peer.
    pub fn begin(&self, peer: &str, now: i64) -> Result<Begun> {
        let mut waiting = self.lock(now);
        if waiting.len() >= MAX_WAITING
            || waiting.values().filter(|one| one.peer == peer).count() >= MAX_WAITING_OF_PEER
        {
            return Err(Error::new(ErrorCode::Overloaded, "too many sign-ins wait to be approved; try again later"));
        }
        let device_code = format!("{}{}", Id::random()?, Id::random()?);
        let user_code = loop {
            let code = random_code()?;
            if !waiting.contains_key(&code) {
                break code;
            }
        };
        let expires = now + DEVICE_CODE_SECONDS;
        let one = Waiting { device_code: device_code.clone(), peer: peer.to_owned(), expires, approved: None };
        waiting.insert(user_code.clone(), one);
        Ok(Begun { device_code, user_code, expires })
    }

    /// Approves the code that a person typed, whatever its case and blanks.
    pub fn approve(&self, user_code: &str, approval: Approval, now: i64) -> Result<()> {
        let typed: String = user_code.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut waiting = self.lock(now);
        let found = waiting.get_mut(&typed.to_ascii_uppercase()).filter(|one| one.approved.is_none());
        let found = found.ok_or_else(|| {
            Error::new(ErrorCode::TokenInvalid, "nobody waits with this code; it may have expired or been used")
        })?;
        found.approved = Some(approval);
        Ok(())
    }

    /// What the client asks for again and again. An approval is told once.
    pub fn poll(&self, device_code: &str, now: i64) -> Result<Approval> {
        let mut waiting = self.lock(now);
        let is_it = |one: &Waiting| verify_slices_are_equal(one.device_code.as_bytes(), device_code.as_bytes()).is_ok();
        let (user_code, approved) = waiting
            .iter()
            .find(|(_, one)| is_it(one))
            .map(|(user_code, one)| (user_code.clone(), one.approved))
            .ok_or_else(|| {
                Error::new(ErrorCode::TokenInvalid, "the device code has expired or was used; begin again")
            })?;
        let approved =
            approved.ok_or_else(|| Error::new(ErrorCode::SignInPending, "nobody has approved the code yet"))?;
        waiting.remove(&user_code);
        Ok(approved)
    }

    fn lock(&self, now: i64) -> MutexGuard<'_, HashMap<String, Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // A code from the future was made before the clock was set back.
        waiting.retain(|_, one| now < one.expires && one.expires <= now + DEVICE_CODE_SECONDS);
        waiting
    }
}

/// Uniform over the alphabet: bytes from its last, incomplete round are drawn again.
fn random_code() -> Result<String> {
    let limit = 256 - 256 % ALPHABET.len();
    let mut code = String::with_capacity(USER_CODE_LEN);
    while code.len() < USER_CODE_LEN {
        let mut byte = [0];
        crypto::fill_random(&mut byte)?;
        let drawn = usize::from(byte[0]);
        if let Some(letter) = ALPHABET.get(drawn % ALPHABET.len()).filter(|_| drawn < limit) {
            code.push(char::from(*letter));
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Approval = Approval { principal: Id([1; 16]), epoch: 2 };

    fn code(result: Result<Approval>) -> ErrorCode {
        result.unwrap_err().code
    }

    #[test]
    fn a_code_waits_is_approved_and_is_used_once() {
        let devices = Devices::default();
        let begun = devices.begin("uid:1", 100).unwrap();
        assert_eq!(begun.user_code.len(), USER_CODE_LEN);
        assert_eq!(code(devices.poll(&begun.device_code, 100)), ErrorCode::SignInPending);
        assert_eq!(code(devices.poll("another", 100)), ErrorCode::TokenInvalid);
        assert!(devices.approve("XXXXXXXXX", ADA, 100).is_err());
        devices.approve(&format!(" {} ", begun.user_code.to_lowercase()), ADA, 101).unwrap();
        assert!(devices.approve(&begun.user_code, ADA, 101).is_err(), "nobody approves over another");
        assert_eq!(devices.poll(&begun.device_code, 102).unwrap(), ADA);
        assert_eq!(code(devices.poll(&begun.device_code, 102)), ErrorCode::TokenInvalid);
    }

    #[test]
    fn a_code_ends() {
        let devices = Devices::default();
        let begun = devices.begin("uid:1", 100).unwrap();
        assert!(devices.approve(&begun.user_code, ADA, 100 + DEVICE_CODE_SECONDS).is_err());
        let begun = devices.begin("uid:1", 10_000).unwrap();
        devices.approve(&begun.user_code, ADA, 10_000).unwrap();
        assert_eq!(code(devices.poll(&begun.device_code, 100)), ErrorCode::TokenInvalid, "the clock was set back");
    }

    #[test]
    fn one_peer_does_not_fill_the_desk() {
        let devices = Devices::default();
        for _ in 0..MAX_WAITING_OF_PEER {
            devices.begin("uid:1", 100).unwrap();
        }
        assert!(devices.begin("uid:1", 100).is_err_and(|error| error.code == ErrorCode::Overloaded));
        assert!(devices.begin("uid:2", 100).is_ok() && devices.begin("uid:1", 100 + DEVICE_CODE_SECONDS).is_ok());
    }
}

//! Which connection a call uses, making them when needed, and forgetting them after a fork. What a connection is lives
//! in mux.rs, when to try again in transport.rs.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Endpoint;
use super::channel::Channel;
use super::core::{Core, End};
use super::mux::Mux;
use super::pipe::Pipe;
use super::socket::{Descriptors, Inherited};
use super::sync::{Arc, Condvar, Mutex, MutexGuard, Weak, lock};
use super::told::{Revisions, Told};

/// More connections than this only divide the batches.
const MAX_CONNECTIONS: usize = 4;
/// After a failure to open another connection beside those that work.
const GROWTH_PAUSE: Duration = Duration::from_secs(1);

/// The connections of one client.
pub(super) struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    descriptors: Arc<Descriptors>,
    pub(super) told: Arc<Told>,
}

pub(super) struct State {
    lines: Vec<Line>,
    /// Connections that serve no new calls; the calls that are still there own them.
    draining: Vec<Weak<Mux>>,
    closed: bool,
    /// Failed attempts so far, and why the last one failed.
    failures: u64,
    cause: String,
    grow_from: Instant,
}

enum Line {
    Empty,
    Connecting,
    Open(Arc<Mux>),
}

/// A connection lent to one call.
pub(super) struct Lent(Arc<Mux>);

/// What a fork holds: everything that the child will use. Taken in this order, and only ever held for memory work.
pub(super) struct Held<'a> {
    pool: &'a Pool,
    state: MutexGuard<'a, State>,
    revisions: MutexGuard<'a, Revisions>,
    descriptors: MutexGuard<'a, Vec<Inherited>>,
}

impl std::ops::Deref for Lent {
    type Target = Mux;

    fn deref(&self) -> &Mux {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pool {
    pub(super) fn new() -> Pool {
        // Not std's count, which opens files.
        let cores = rustix::thread::sched_getaffinity(None).map_or(1, |cores| cores.count() as usize);
        let lines = (0..cores.clamp(1, MAX_CONNECTIONS)).map(|_| Line::Empty).collect();
        let (cause, grow_from) = (String::new(), Instant::now());
        let state = State { lines, draining: Vec::new(), closed: false, failures: 0, cause, grow_from };
        Pool { state: Mutex::new(state), changed: Condvar::new(), descriptors: Arc::default(), told: Arc::default() }
    }

    /// A usable connection: one that nobody uses, else a new one, else the one with the fewest calls.
    pub(super) fn lend(&self, endpoint: &Endpoint, until: Instant) -> Result<Lent, String> {
        let mut retired = Vec::new();
        let mut state = lock(&self.state);
        let failures = state.failures;
        loop {
            if state.closed {
                return Err("the module was finalised".into());
            }
            state.retire(&mut retired);
            let best = state.best();
            let connecting = state.lines.iter().any(|line| matches!(line, Line::Connecting));
            let empty = state.lines.iter().position(|line| matches!(line, Line::Empty));
            match (best, empty) {
                (Some((mux, 0)), _) => return Ok(Lent::new(mux)),
                (Some((mux, _)), None) => return Ok(Lent::new(mux)),
                (Some((mux, _)), Some(_)) if connecting || Instant::now() < state.grow_from => {
                    return Ok(Lent::new(mux));
                }
                (best, Some(index)) if !connecting => {
                    state.set(index, Line::Connecting);
                    drop(state);
                    // Closed outside the lock: the pool is never locked over a system call.
                    retired.clear();
                    let made = self.connect(endpoint, index, until);
                    return match (made, best) {
                        (Err(_), Some((mux, _))) => Ok(Lent::new(mux)),
                        (made, _) => made,
                    };
                }
                (None, _) if state.failures != failures => return Err(state.cause.clone()),
                _ => {}
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("another call was still connecting".into());
            }
            state = self.wait(state, left);
        }
    }

    /// Fills a line that this call has claimed.
    fn connect(&self, endpoint: &Endpoint, index: usize, until: Instant) -> Result<Lent, String> {
        let made = self.open(endpoint, until);
        let mut state = lock(&self.state);
        let made = match made {
            Ok(mux) if !state.closed => {
                // Before the first call can use it: what is cached from now on, is cached with this connection
                // listening.
                self.told.forget();
                let lent = Lent::new(Arc::clone(&mux));
                state.set(index, Line::Open(mux));
                Ok(lent)
            }
            Ok(_) => Err("the module was finalised".into()),
            Err(cause) => {
                state.failures += 1;
                state.cause.clone_from(&cause);
                state.grow_from = Instant::now() + GROWTH_PAUSE;
                state.set(index, Line::Empty);
                Err(cause)
            }
        };
        drop(state);
        self.changed.notify_all();
        made
    }

    fn open(&self, endpoint: &Endpoint, until: Instant) -> Result<Arc<Mux>, String> {
        let channel = Channel::open(endpoint, &self.descriptors, until)?;
        let pipe = Pipe::default();
        let core = Core::open(pipe.clone(), &endpoint.authority()).map_err(|end| match end {
            End::NotSent(cause) | End::Lost(cause) | End::Refused(_, cause) => cause,
        })?;
        Ok(Arc::new(Mux::new(channel, pipe, Box::new(core), Arc::clone(&self.told))))
    }

    /// The connections that are open, for reading notices.
    pub(super) fn open_connections(&self) -> Vec<Arc<Mux>> {
        let state = lock(&self.state);
        let open = |line: &Line| if let Line::Open(mux) = line { Some(Arc::clone(mux)) } else { None };
        state.lines.iter().filter_map(open).collect()
    }

    /// Sleeps, but not past a close. False when the time is over first, or the pool is closed.
    pub(super) fn pause(&self, pause: Duration, until: Instant) -> bool {
        let end = Instant::now() + pause;
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            if state.closed || now >= until {
                return false;
            }
            if now >= end {
                return true;
            }
            state = self.wait(state, end.min(until) - now);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// Ends all connections and refuses new ones.
    pub(super) fn close(&self) {
        let mut open = Vec::new();
        {
            let mut state = lock(&self.state);
            state.closed = true;
            open.extend(state.draining.drain(..).filter_map(|mux| mux.upgrade()));
            for line in &mut state.lines {
                if let Line::Open(mux) = std::mem::replace(line, Line::Empty) {
                    open.push(mux);
                }
            }
        }
        self.changed.notify_all();
        for mux in open {
            mux.die(End::Lost("the module was finalised".into()));
        }
    }

    /// Before a fork.
    pub(super) fn hold(&self) -> Held<'_> {
        let state = lock(&self.state);
        let revisions = self.told.hold();
        Held { pool: self, state, revisions, descriptors: lock(&self.descriptors) }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, left: Duration) -> MutexGuard<'a, State> {
        match self.changed.wait_timeout(state, left) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }
}

impl Held<'_> {
    /// In the child: the parent's connections are leaked, because their locks may be held by threads that do not exist
    /// here. Neither locks, nor drops, nor makes a system call; the descriptors that are to be closed are the answer.
    pub(super) fn forget_parent(mut self) -> Vec<Inherited> {
        // A line that another thread was connecting is free too: that thread is not here.
        for line in &mut self.state.lines {
            if let Line::Open(mux) = std::mem::replace(line, Line::Empty) {
                std::mem::forget(mux);
            }
        }
        std::mem::take(&mut self.state.draining).into_iter().for_each(std::mem::forget);
        self.pool.told.forget_in(&mut self.revisions);
        std::mem::take(&mut *self.descriptors)
    }
}

#[cfg(test)]
impl Held<'_> {
    pub(super) fn descriptor_count(&self) -> usize {
        self.descriptors.len()
    }
}

impl State {
    fn set(&mut self, index: usize, line: Line) {
        if let Some(place) = self.lines.get_mut(index) {
            *place = line;
        }
    }

    /// Takes out what serves no new calls; calls that are still there keep it alive until they end.
    fn retire(&mut self, retired: &mut Vec<Arc<Mux>>) {
        for line in &mut self.lines {
            if matches!(line, Line::Open(mux) if !mux.is_usable())
                && let Line::Open(mux) = std::mem::replace(line, Line::Empty)
            {
                self.draining.retain(|mux| mux.strong_count() > 0);
                self.draining.push(Arc::downgrade(&mux));
                retired.push(mux);
            }
        }
    }

    fn best(&self) -> Option<(Arc<Mux>, usize)> {
        let open = self.lines.iter().filter_map(|line| if let Line::Open(mux) = line { Some(mux) } else { None });
        let loads = open.map(|mux| (mux, mux.in_flight.load(Ordering::Relaxed)));
        loads.min_by_key(|(_, load)| *load).map(|(mux, load)| (Arc::clone(mux), load))
    }
}

impl Lent {
    fn new(mux: Arc<Mux>) -> Lent {
        mux.in_flight.fetch_add(1, Ordering::Relaxed);
        Lent(mux)
    }
}

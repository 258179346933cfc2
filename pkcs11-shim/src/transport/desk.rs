//! Where callers wait: places, replies, and the hand-over of leadership. Knows neither sockets nor gRPC, so that it can
//! be modelled alone.
//!
//! One lock, one bell for each place. The rule that keeps everybody moving: *when there are sleepers and nobody leads,
//! one of them has been rung and will look.* Hence whoever steps down rings one, and whoever goes away while nobody
//! leads rings one too, because the ring may have been meant for the one who goes.

use std::time::Instant;

use super::sync::{Arc, Condvar, Mutex, lock};

/// The read buffer belongs to whoever leads.
pub(super) type Buffer = Vec<u8>;

/// Places are numbered by the low 16 bits of a request's id.
const PLACE_BITS: u32 = 16;

/// The waiting callers of one connection. `T` is what they wait for.
pub(super) struct Desk<T> {
    state: Mutex<State<T>>,
    max_places: usize,
}

struct State<T> {
    places: Vec<Place<T>>,
    free: Vec<usize>,
    sequence: u64,
    /// Empty while somebody leads and has it.
    buffer: Buffer,
    led: bool,
    closed: bool,
    /// Who was rung to lead and has not looked yet; no second one is woken meanwhile.
    called: u64,
    /// Where the search for a sleeper begins, so that no place is always the last.
    next: usize,
}

struct Place<T> {
    id: u64,
    content: Content<T>,
    asleep: bool,
    bell: Arc<Condvar>,
}

enum Content<T> {
    Free,
    Waiting,
    Done(T),
}

/// A place at the desk, given back when dropped. A reply that comes later finds another id there and is dropped.
pub(super) struct Ticket<'a, T> {
    desk: &'a Desk<T>,
    id: u64,
}

/// What a waiting caller is to do.
pub(super) enum Turn<T> {
    /// The reply.
    Done(T),
    /// Read for all, then [`step_down`](Desk::step_down).
    Lead(Buffer),
    /// The time is over.
    Late,
}

impl<T> Ticket<'_, T> {
    /// Unique in the connection's life, never 0.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        self.desk.leave(self.id);
    }
}

impl<T> Desk<T> {
    pub(super) fn new(max_places: usize, buffer: Buffer) -> Desk<T> {
        let (places, free) = (Vec::new(), Vec::new());
        let state = State { places, free, sequence: 0, buffer, led: false, closed: false, called: 0, next: 0 };
        Desk { state: Mutex::new(state), max_places: max_places.min(1 << PLACE_BITS) }
    }

    /// Takes a place. None when the desk is closed or full.
    pub(super) fn register(&self) -> Option<Ticket<'_, T>> {
        let mut state = lock(&self.state);
        if state.closed {
            return None;
        }
        let index = match state.free.pop() {
            Some(index) => index,
            None if state.places.len() < self.max_places => {
                let bell = Arc::new(Condvar::new());
                state.places.push(Place { id: 0, content: Content::Free, asleep: false, bell });
                state.places.len() - 1
            }
            None => return None,
        };
        state.sequence += 1;
        let id = (state.sequence << PLACE_BITS) | index as u64;
        let place = state.places.get_mut(index)?;
        (place.id, place.content, place.asleep) = (id, Content::Waiting, false);
        Some(Ticket { desk: self, id })
    }

    /// Waits for the reply, or for the leadership.
    pub(super) fn wait(&self, ticket: &Ticket<'_, T>, until: Instant) -> Turn<T> {
        let mut state = lock(&self.state);
        loop {
            if state.called == ticket.id {
                state.called = 0;
            }
            let led = state.led;
            let Some(place) = state.place(ticket.id) else { return Turn::Late };
            place.asleep = false;
            if let Content::Done(_) = place.content
                && let Content::Done(reply) = std::mem::replace(&mut place.content, Content::Free)
            {
                return Turn::Done(reply);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Turn::Late;
            }
            if !led {
                state.led = true;
                return Turn::Lead(std::mem::take(&mut state.buffer));
            }
            place.asleep = true;
            let bell = Arc::clone(&place.bell);
            state = match bell.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Whether the reply is there.
    pub(super) fn is_done(&self, ticket: &Ticket<'_, T>) -> bool {
        lock(&self.state).place(ticket.id).is_none_or(|place| matches!(place.content, Content::Done(_)))
    }

    /// The leadership for somebody who does not wait, if it is free.
    pub(super) fn try_lead(&self) -> Option<Buffer> {
        let mut state = lock(&self.state);
        if state.led {
            return None;
        }
        state.led = true;
        Some(std::mem::take(&mut state.buffer))
    }

    /// Gives the leadership back and rings a sleeper.
    pub(super) fn step_down(&self, buffer: Buffer) {
        let mut state = lock(&self.state);
        state.led = false;
        state.buffer = buffer;
        let bell = state.sleeper();
        drop(state);
        ring(bell);
    }

    /// Hands out replies. The bells are rung after unlocking, so that nobody wakes into a taken lock.
    pub(super) fn deliver(&self, replies: impl Iterator<Item = (u64, T)>) {
        let mut bells = Vec::new();
        let mut state = lock(&self.state);
        for (id, reply) in replies {
            if let Some(place) = state.place(id)
                && let Content::Waiting = place.content
            {
                place.content = Content::Done(reply);
                if place.asleep {
                    bells.push(Arc::clone(&place.bell));
                }
            }
        }
        drop(state);
        ring(bells);
    }

    /// Closes the desk: everybody who still waits gets what `outcome` says for their id.
    pub(super) fn close(&self, mut outcome: impl FnMut(u64) -> T) {
        let mut bells = Vec::new();
        let mut state = lock(&self.state);
        state.closed = true;
        for place in &mut state.places {
            if let Content::Waiting = place.content {
                place.content = Content::Done(outcome(place.id));
                if place.asleep {
                    bells.push(Arc::clone(&place.bell));
                }
            }
        }
        drop(state);
        ring(bells);
    }

    fn leave(&self, id: u64) {
        let mut state = lock(&self.state);
        if let Some(place) = state.place(id) {
            (place.id, place.content) = (0, Content::Free);
            state.free.push(index(id));
        }
        let bell = if state.led { None } else { state.sleeper() };
        drop(state);
        ring(bell);
    }
}

impl<T> State<T> {
    fn place(&mut self, id: u64) -> Option<&mut Place<T>> {
        self.places.get_mut(index(id)).filter(|place| place.id == id)
    }

    /// The bell of one who sleeps and has no reply yet, unless another such one has been called already.
    fn sleeper(&mut self) -> Option<Arc<Condvar>> {
        let called = self.called;
        if self.place(called).is_some_and(|place| place.sleeps()) {
            return None;
        }
        let (before, from) = self.places.split_at(self.next.min(self.places.len()));
        let place = from.iter().chain(before).find(|place| place.sleeps())?;
        let (id, bell) = (place.id, Arc::clone(&place.bell));
        (self.called, self.next) = (id, index(id) + 1);
        Some(bell)
    }
}

impl<T> Place<T> {
    fn sleeps(&self) -> bool {
        self.asleep && matches!(self.content, Content::Waiting)
    }
}

fn index(id: u64) -> usize {
    (id & ((1 << PLACE_BITS) - 1)) as usize
}

fn ring(bells: impl IntoIterator<Item = Arc<Condvar>>) {
    for bell in bells {
        bell.notify_one();
    }
}

//! One connection shared by its callers: a combining writer, and whoever waits reads for all. The protocol is in
//! core.rs, the waiting in desk.rs, the choice of a connection in pool.rs.
//!
//! Locks: `outbox`, `core` and the desk's, never two at once, never over a system call. Only one thread at a time
//! flushes (`Outbox::flushing`) and one reads (the desk's leadership); both are roles, not locks.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use prost::Message;
use softkeep_proto::limits::MAX_IN_FLIGHT_PER_CONNECTION;
use softkeep_proto::pkcs11::v1::{Reply, Request, reply};

use super::channel::Channel;
use super::core::{End, Wire};
use super::deframe::frame;
use super::desk::{Buffer, Desk, Ticket, Turn};
use super::pipe::Pipe;
use super::sync::{Arc, Mutex, lock};
use super::told::Told;

/// One read. Sixteen frames of the usual size.
const READ_BYTES: usize = 64 * 1024;
/// What may wait for a daemon that does not read; beyond it callers are turned back at once.
const MAX_BACKLOG_BYTES: usize = 64 * 1024 * 1024;
/// Reads in one [`Mux::drain`].
const MAX_DRAIN_READS: usize = 64;
/// A send buffer that grew for one large message is given back.
const KEEP_BYTES: usize = 256 * 1024;
/// A flusher that waits for room while another leads looks this often whether the other has gone.
const FLUSH_SLICE: Duration = Duration::from_millis(2);
/// A leader looks this often whether a flusher ran out of time and left bytes behind.
const LEAD_SLICE: Duration = Duration::from_millis(50);

/// Why [`Mux::exchange`] has no reply.
#[derive(Debug)]
pub(super) enum Fault {
    Late,
    Ended(End),
}

/// A connection.
pub(super) struct Mux {
    channel: Channel,
    pipe: Pipe,
    core: Mutex<Box<dyn Wire>>,
    outbox: Mutex<Outbox>,
    desk: Desk<Result<Bytes, End>>,
    told: Arc<Told>,
    /// A flusher left bytes behind, under `outbox`'s lock; the leader reads it without.
    stalled: AtomicBool,
    dead: AtomicBool,
    draining: AtomicBool,
    /// The peer has sent at least one byte.
    spoke: AtomicBool,
    /// Calls that the pool has put here.
    pub(super) in_flight: AtomicUsize,
}

#[derive(Default)]
struct Outbox {
    /// Framed messages that the protocol has not seen yet, and whose they are.
    queue: BytesMut,
    queued: Vec<u64>,
    /// Bytes of the protocol that a flusher could not send.
    rest: Vec<u8>,
    /// Requests of which surely no byte has left.
    unsent: Vec<u64>,
    flushing: bool,
    /// The protocol has output (window updates, or what they have freed) though the queue may be empty.
    kick: bool,
    dead: bool,
    /// An estimate, too low by HTTP/2's own bytes.
    backlog: usize,
}

impl Mux {
    pub(super) fn new(channel: Channel, pipe: Pipe, core: Box<dyn Wire>, told: Arc<Told>) -> Mux {
        Mux {
            channel,
            pipe,
            core: Mutex::new(core),
            outbox: Mutex::default(),
            desk: Desk::new(MAX_IN_FLIGHT_PER_CONNECTION, vec![0; READ_BYTES]),
            told,
            stalled: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            spoke: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
        }
    }

    /// Whether new calls may begin here.
    pub(super) fn is_usable(&self) -> bool {
        !self.dead.load(Ordering::Acquire) && !self.draining.load(Ordering::Acquire)
    }

    /// Sends a request, filling in its id, and waits for the reply's bytes.
    pub(super) fn exchange(&self, request: &mut Request, until: Instant) -> Result<Bytes, Fault> {
        let _tended = Tended(self);
        let not_sent = |cause: &str| Fault::Ended(End::NotSent(cause.into()));
        let ticket = self.desk.register().ok_or_else(|| not_sent("the connection is closed or full"))?;
        request.id = ticket.id();
        let flushes = self.post(request).ok_or_else(|| not_sent("the connection is closed or its backlog is full"))?;
        let mut led = if flushes { self.flush_as_sender(until) } else { None };
        loop {
            let mut buffer = match led.take() {
                Some(buffer) => buffer,
                None => match self.desk.wait(&ticket, until) {
                    Turn::Done(reply) => return reply.map_err(Fault::Ended),
                    Turn::Late => return Err(Fault::Late),
                    Turn::Lead(buffer) => buffer,
                },
            };
            self.lead(&mut buffer, &ticket, until);
            self.desk.step_down(buffer);
        }
    }

    /// Handles what has arrived, unless somebody already reads.
    pub(super) fn drain(&self) {
        let _tended = Tended(self);
        let Some(mut buffer) = self.desk.try_lead() else { return };
        // Bounded, because a daemon that never pauses must not hold the caller.
        for _ in 0..MAX_DRAIN_READS {
            if !self.read_some(&mut buffer) {
                break;
            }
        }
        if self.pipe.has_output() {
            self.flush_as_leader();
        }
        self.desk.step_down(buffer);
    }

    /// Ends the connection: nobody waits on it after this.
    pub(super) fn die(&self, end: End) {
        let unsent = {
            let mut outbox = lock(&self.outbox);
            outbox.dead = true;
            let mut unsent = std::mem::take(&mut outbox.unsent);
            unsent.append(&mut outbox.queued);
            unsent
        };
        let first = !self.dead.swap(true, Ordering::AcqRel);
        self.channel.shutdown();
        // A peer that never spoke has not even sent the preface that comes before all work (RFC 9113 section 3.4).
        let idle = !self.spoke.load(Ordering::Acquire);
        self.desk.close(|id| {
            Err(match &end {
                End::Lost(cause) if idle || unsent.contains(&id) => End::NotSent(cause.clone()),
                end => end.clone(),
            })
        });
        if first {
            self.told.forget();
        }
    }

    /// Puts a request into the outbox. `Some(true)`: the caller has become the flusher. None: it was not taken.
    fn post(&self, request: &Request) -> Option<bool> {
        let mut outbox = lock(&self.outbox);
        if outbox.dead || outbox.backlog > MAX_BACKLOG_BYTES {
            return None;
        }
        let before = outbox.queue.len();
        frame(request, &mut outbox.queue);
        outbox.backlog += outbox.queue.len() - before;
        outbox.queued.push(request.id);
        Some(!std::mem::replace(&mut outbox.flushing, true))
    }

    /// Reads for all until this ticket's reply is there or its time is over.
    fn lead(&self, buffer: &mut Buffer, ticket: &Ticket<'_, Result<Bytes, End>>, until: Instant) {
        while !self.desk.is_done(ticket) {
            let now = Instant::now();
            if now >= until {
                return;
            }
            let stalled = self.stalled.load(Ordering::Acquire);
            let ready = self.channel.wait(true, stalled, until.min(now + LEAD_SLICE));
            if ready.readable {
                self.read_some(buffer);
            }
            if ready.writable || (ready.readable && self.pipe.has_output()) {
                self.flush_as_leader();
            }
        }
    }

    /// Reads once, as the leader. False: there was nothing, or the connection is at its end.
    fn read_some(&self, buffer: &mut Buffer) -> bool {
        let mut end = None;
        let received = match self.channel.recv(buffer) {
            Ok(None) => return false,
            Ok(Some(received)) => received,
            Err(error) => {
                end = Some(End::Lost(format!("cannot receive: {error}")));
                0
            }
        };
        if received > 0 {
            self.spoke.store(true, Ordering::Release);
            self.pipe.feed(buffer.get(..received).unwrap_or_default());
        } else {
            self.pipe.end();
        }
        let mut messages = Vec::new();
        let going_away = {
            let mut core = lock(&self.core);
            core.drive();
            loop {
                match core.next_message() {
                    Some(Ok(message)) => messages.push(message),
                    Some(Err(cause)) => {
                        end = end.or(Some(cause));
                        break;
                    }
                    None if core.needs_drive() => core.drive(),
                    None => break,
                }
            }
            core.going_away()
        };
        self.hand_out(messages);
        if going_away {
            self.go_away();
        }
        match end {
            Some(end) => self.die(end),
            None if received == 0 => self.die(End::Lost("the daemon closed the connection".into())),
            None => return true,
        }
        false
    }

    /// No new calls here. The pool lets go of the connection, so its notices are no longer heard.
    fn go_away(&self) {
        if !self.draining.swap(true, Ordering::AcqRel) {
            self.told.forget();
        }
    }

    /// Replies to their callers, notices to memory.
    fn hand_out(&self, messages: Vec<Bytes>) {
        let replies = messages.into_iter().filter_map(|message| match peek_id(&message) {
            Some(id) => Some((id, Ok(message))),
            None => match Reply::decode(message.clone()) {
                Ok(Reply { id: 0, result: Some(reply::Result::VaultChanged(changed)) }) => {
                    self.told.note(changed.vault_id, changed.revision);
                    None
                }
                Ok(reply) => Some((reply.id, Ok(message))),
                // Not ours to judge: its caller, if any, will run into its deadline.
                Err(_) => None,
            },
        });
        let replies: Vec<_> = replies.collect();
        self.desk.deliver(replies.into_iter());
    }

    /// Sends what the protocol has to say (window updates, what they have freed); if somebody else is at it, tells them
    /// that there is more. Never waits: the leader has to read, and looks after stalled bytes while it waits for more.
    fn flush_as_leader(&self) {
        {
            let mut outbox = lock(&self.outbox);
            outbox.kick = true;
            if std::mem::replace(&mut outbox.flushing, true) {
                return;
            }
        }
        // If that breaks, the leader's next read finds the end, behind the replies that have arrived.
        self.flush_with(|| None);
    }

    /// Sends until nothing is left, for others too, or until the time is over. When nothing fits and nobody reads, the
    /// caller becomes the leader, because a daemon that waits for us to read does not read either.
    fn flush_as_sender(&self, until: Instant) -> Option<Buffer> {
        let mut led = None;
        let flushed = self.flush_with(|| {
            let now = Instant::now();
            led = self.desk.try_lead();
            let waits = led.is_none() && now < until;
            waits.then(|| until.min(now + FLUSH_SLICE))
        });
        if let Flushed::Broken = flushed {
            // Replies may still be there to be read: whoever leads finds the end and tells everybody.
            led = self.desk.try_lead();
        }
        led
    }

    /// The flusher's work. `on_full` says until when to wait for room; None leaves the rest to the leader.
    fn flush_with(&self, mut on_full: impl FnMut() -> Option<Instant>) -> Flushed {
        let mut rest = std::mem::take(&mut lock(&self.outbox).rest);
        loop {
            let Some((batch, ids)) = self.next_batch(&mut rest) else { return Flushed::All };
            let fresh = rest.is_empty();
            {
                let mut core = lock(&self.core);
                if !batch.is_empty() {
                    core.send(batch);
                }
                core.drive();
                self.pipe.take_output(&mut rest);
            }
            let mut sent = 0;
            while let Some(unsent) = rest.get(sent..).filter(|unsent| !unsent.is_empty()) {
                match self.channel.send(unsent) {
                    Ok(Some(count)) => sent += count,
                    Ok(None) => match on_full() {
                        Some(until) => {
                            self.channel.wait(false, true, until);
                        }
                        None => return self.leave_rest(rest.split_off(sent), sent),
                    },
                    Err(_) => return self.give_up(if fresh && sent == 0 { ids } else { Vec::new() }),
                }
            }
            lock(&self.outbox).relieve(sent);
            rest.clear();
        }
    }

    /// What is to be sent next; None: nothing, and the caller no longer is the flusher.
    fn next_batch(&self, rest: &mut Vec<u8>) -> Option<(Bytes, Vec<u64>)> {
        let mut outbox = lock(&self.outbox);
        self.stalled.store(false, Ordering::Release);
        if outbox.dead || (outbox.queue.is_empty() && !outbox.kick && rest.is_empty()) {
            outbox.flushing = false;
            if rest.capacity() <= KEEP_BYTES {
                outbox.rest = std::mem::take(rest);
            }
            return None;
        }
        outbox.kick = false;
        Some((outbox.queue.split().freeze(), std::mem::take(&mut outbox.queued)))
    }

    /// The bytes stay in order for the next flusher, which at the latest is the leader.
    fn leave_rest(&self, rest: Vec<u8>, sent: usize) -> Flushed {
        let mut outbox = lock(&self.outbox);
        outbox.relieve(sent);
        outbox.rest = rest;
        outbox.flushing = false;
        self.stalled.store(true, Ordering::Release);
        Flushed::Some
    }

    /// Sending failed: no new calls here, and the reader will find the end behind what has arrived.
    fn give_up(&self, unsent: Vec<u64>) -> Flushed {
        {
            let mut outbox = lock(&self.outbox);
            outbox.dead = true;
            outbox.flushing = false;
            outbox.unsent.extend(unsent);
        }
        self.go_away();
        self.channel.shutdown();
        Flushed::Broken
    }
}

enum Flushed {
    All,
    Some,
    Broken,
}

impl Outbox {
    fn relieve(&mut self, sent: usize) {
        self.backlog = self.backlog.saturating_sub(sent);
    }
}

/// A panic in a call leaves roles taken: then the connection ends, and with it everybody's wait.
struct Tended<'a>(&'a Mux);

impl Drop for Tended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.die(End::Lost("a panic in the module".into()));
        }
    }
}

/// The id of a reply that begins with it, as every encoder writes it; None: look closer.
fn peek_id(message: &[u8]) -> Option<u64> {
    let (&0x08, mut rest) = message.split_first()? else { return None };
    match prost::encoding::decode_varint(&mut rest) {
        Ok(0) | Err(_) => None,
        Ok(id) => Some(id),
    }
}

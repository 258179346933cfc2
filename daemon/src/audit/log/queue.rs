//! The records that wait, how far the log is on disk, and whether it failed: all that callers and the writer share.
//!
//! No file and no format here.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::failed;
use crate::{audit::record::Record, error::Result};

/// See the file.
pub(super) struct Queue {
    state: Mutex<State>,
    /// The writer sleeps here.
    work: Condvar,
    /// Flushers sleep here.
    synced: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    /// The newest number given.
    appended: u64,
    /// The newest number on disk.
    durable: u64,
    /// The writer sleeps: whoever brings it work must wake it.
    idle: bool,
    /// Somebody waits for the disk.
    urgent: bool,
    closing: bool,
    failure: Option<String>,
}

/// What the writer is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Write what was handed over, perhaps nothing: the deadline came.
    Write,
    /// Write what was handed over and end.
    Close,
    /// End; the log failed.
    Failed,
}

impl Queue {
    pub(super) fn new(end: u64, most: usize) -> Self {
        let state = State { appended: end, durable: end, ..State::default() };
        Self { state: Mutex::new(state), work: Condvar::new(), synced: Condvar::new(), most }
    }

    /// Nothing under this lock can panic halfway.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No system call unless the writer is asleep or the queue is half full: at speed neither is the case.
    pub(super) fn push(&self, record: Record) -> Result<u64> {
        let mut state = self.lock();
        if let Some(why) = &state.failure {
            return Err(failed("the audit log failed; no operation without a record").because(why.as_str()));
        }
        if state.records.len() >= self.most {
            return Err(failed("the audit log's queue is full; no operation without a record"));
        }
        state.records.push(record);
        state.appended += 1;
        let sequence = state.appended;
        let wake = std::mem::take(&mut state.idle) || state.records.len() == self.most / 2;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(sequence)
    }

    pub(super) fn flush(&self, longest: Duration) -> Result<()> {
        let mut state = self.lock();
        let target = state.appended;
        if state.durable < target && state.failure.is_none() {
            state.urgent = true;
            state.idle = false;
            self.work.notify_one();
            let pending = |state: &mut State| state.durable < target && state.failure.is_none();
            let waited = self.synced.wait_timeout_while(state, longest, pending);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match &state.failure {
            _ if state.durable >= target => Ok(()),
            Some(why) => Err(failed("the audit log could not be written").because(why.as_str())),
            None => Err(failed("the audit log's disk does not answer")),
        }
    }

    /// The writer's wait: for a first record, then `gather` for more, then all of them move into `records`.
    ///
    /// Returns without any at `deadline`, if one is given.
    pub(super) fn take(&self, records: &mut Vec<Record>, gather: Duration, deadline: Option<Instant>) -> Turn {
        let mut state = self.lock();
        while state.records.is_empty() && !state.closing && state.failure.is_none() {
            state.idle = true;
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.idle = false;
        if !state.records.is_empty() {
            let half = self.most / 2;
            let wait = |state: &mut State| {
                !state.urgent && !state.closing && state.failure.is_none() && state.records.len() < half
            };
            state = self.work.wait_timeout_while(state, gather, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.urgent = false;
        // The caller's vector is empty and as large as the last batch: two vectors change places for ever.
        std::mem::swap(&mut state.records, records);
        match (&state.failure, state.closing) {
            (Some(_), _) => Turn::Failed,
            (None, true) => Turn::Close,
            (None, false) => Turn::Write,
        }
    }

    /// Everything up to `sequence` is on disk.
    pub(super) fn synced(&self, sequence: u64) {
        self.lock().durable = sequence;
        self.synced.notify_all();
    }

    /// Latches the first failure: nothing is taken from then on, and all who wait are told.
    pub(super) fn fail(&self, why: &str) {
        let mut state = self.lock();
        if state.failure.is_none() {
            // After an orderly close nobody is left to be refused, and nothing is wrong.
            if !state.closing {
                tracing::error!(error = why, "the audit log failed; no key is used until a restart");
            }
            state.failure = Some(why.to_owned());
        }
        state.records = Vec::new();
        drop(state);
        self.work.notify_one();
        self.synced.notify_all();
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }
}

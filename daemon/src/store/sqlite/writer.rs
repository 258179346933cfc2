//! The one thread that writes: it takes every transaction that waits, commits them with one fsync, and answers all.
//!
//! Limits were checked before a request got here.

use std::sync::mpsc::{Receiver, SyncSender};

use rusqlite::{Connection, OptionalExtension, params};

use super::{Latch, feed_bounds, signed, unsigned};
use crate::{
    error::{Error, ErrorCode, Result},
    store::{Compare, Revision, Write, lost},
};

/// Transactions in one commit. An fsync is long paid for by then, and the first of the group should not wait for more.
const MAX_GROUP: usize = 256;

/// How the writer commits; a function so that tests can make it fail.
pub(super) type Commit = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

/// One transaction and where its caller waits.
pub(super) struct Request {
    pub(super) compares: Vec<Compare>,
    pub(super) writes: Vec<Write>,
    pub(super) reply: SyncSender<Result<Revision>>,
}

/// The writer thread's state.
pub(super) struct Writer {
    connection: Connection,
    requests: Receiver<Request>,
    latch: Latch,
    kept_revisions: u64,
    commit: Commit,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        requests: Receiver<Request>,
        latch: Latch,
        kept_revisions: u64,
        commit: Commit,
    ) -> Self {
        Self { connection, requests, latch, kept_revisions, commit }
    }

    /// Until the store is dropped. After a failed commit it goes on only to refuse.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.requests.recv() {
            let mut group = vec![first];
            while group.len() < MAX_GROUP {
                let Ok(request) = self.requests.try_recv() else { break };
                group.push(request);
            }
            let outcome = if self.latch.get().is_some() { Err(Failure::Latched) } else { self.commit_group(&group) };
            let answers: Vec<_> = match outcome {
                Ok(answers) => answers,
                Err(failure) => {
                    self.abandon(&failure);
                    group.iter().map(|_| Err(failure.answer())).collect()
                }
            };
            for (request, answer) in group.into_iter().zip(answers) {
                // A caller that gave up has dropped its end; its transaction stands all the same.
                let _ = request.reply.try_send(answer);
            }
        }
    }

    /// All requests in one SQLite transaction, each in its own savepoint: one that loses takes nobody with it.
    fn commit_group(&mut self, group: &[Request]) -> std::result::Result<Vec<Result<Revision>>, Failure> {
        // IMMEDIATE: a lock held by another program shows here, before anything is written.
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let (compacted, start) = feed_bounds(&self.connection)?;
        let mut newest = start;
        let mut answers = Vec::with_capacity(group.len());
        for request in group {
            self.connection.prepare_cached("SAVEPOINT request")?.execute([])?;
            let answer = self.apply(request, newest)?;
            match &answer {
                Ok(revision) => newest = *revision,
                Err(_) => self.connection.prepare_cached("ROLLBACK TO request")?.execute([]).map(drop)?,
            }
            self.connection.prepare_cached("RELEASE request")?.execute([])?;
            answers.push(answer);
        }
        if newest == start {
            // Nothing changed, so there is nothing to make durable.
            self.connection.execute_batch("ROLLBACK")?;
            return Ok(answers);
        }
        self.prune(compacted, newest)?;
        (self.commit)(&self.connection).map_err(Failure::Commit)?;
        Ok(answers)
    }

    /// One request. The outer error is the engine's and ends the group; the inner one is the request's own.
    fn apply(&self, request: &Request, newest: Revision) -> rusqlite::Result<Result<Revision>> {
        let mut find = self.connection.prepare_cached("SELECT revision FROM rows WHERE key = ?1")?;
        for compare in &request.compares {
            let found = find.query_row([compare.key()], |row| row.get(0)).optional()?;
            if !compare.holds(found.map(unsigned)) {
                return Ok(Err(lost(compare)));
            }
        }
        if request.writes.is_empty() {
            return Ok(Ok(newest));
        }
        let revision = newest + 1;
        let mut put = self.connection.prepare_cached(
            "INSERT INTO rows (key, value, revision) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
        )?;
        let mut delete = self.connection.prepare_cached("DELETE FROM rows WHERE key = ?1")?;
        let mut change =
            self.connection.prepare_cached("INSERT INTO changes (revision, key, deleted) VALUES (?1, ?2, ?3)")?;
        for write in &request.writes {
            let changed = match write {
                Write::Put(key, value) => put.execute(params![key, value, signed(revision)])?,
                Write::Delete(key) => delete.execute([key])?,
            };
            if changed > 0 {
                change.execute(params![signed(revision), write.key(), matches!(write, Write::Delete(_))])?;
            }
        }
        Ok(Ok(revision))
    }

    /// Records the newest revision and lets the feed's oldest go.
    fn prune(&self, compacted: Revision, newest: Revision) -> rusqlite::Result<()> {
        let oldest = compacted.max(newest.saturating_sub(self.kept_revisions));
        if oldest > compacted {
            self.connection.prepare_cached("DELETE FROM changes WHERE revision <= ?1")?.execute([signed(oldest)])?;
        }
        let mut meta = self.connection.prepare_cached("UPDATE meta SET revision = ?1, compacted = ?2 WHERE id = 1")?;
        meta.execute([signed(newest), signed(oldest)])?;
        Ok(())
    }

    /// Takes back what the group did, and stops writing for good unless the file is known to be unharmed.
    fn abandon(&mut self, failure: &Failure) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the store cannot roll back");
            let _ = self.latch.set(error.to_string());
        }
        if let Some(why) = failure.latches() {
            // No second try: after a failed fsync the kernel may call lost pages clean (fsyncgate).
            tracing::error!(error = %why, "the store failed to commit and takes no writes until a restart");
            let _ = self.latch.set(why);
        }
    }
}

/// Why a whole group was not committed.
enum Failure {
    /// An earlier group failed for good.
    Latched,
    /// A statement before the commit.
    Statement(rusqlite::Error),
    /// The commit itself.
    Commit(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Statement(error)
    }
}

impl Failure {
    /// Why no write may follow this one, if none may.
    fn latches(&self) -> Option<String> {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        match self {
            Self::Latched => None,
            Self::Statement(error) | Self::Commit(error) => match error.sqlite_error_code() {
                // Somebody else's lock, or ENOSPC from a write: nothing of the group is valid and no fsync was lost.
                Some(DatabaseBusy | DatabaseLocked | DiskFull) => None,
                _ => Some(error.to_string()),
            },
        }
    }

    fn answer(&self) -> Error {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
        match self {
            Self::Latched => Error::new(ErrorCode::StoreFailed, "the store takes no writes until a restart"),
            Self::Statement(error) | Self::Commit(error) => {
                let (code, detail) = match error.sqlite_error_code() {
                    Some(DatabaseBusy | DatabaseLocked) => {
                        (ErrorCode::Unavailable, "the store is locked by another program")
                    }
                    Some(DiskFull) => (ErrorCode::StoreFailed, "the store's disk is full"),
                    _ => (ErrorCode::StoreFailed, "the store could not be written"),
                };
                Error::new(code, detail).because(error.to_string())
            }
        }
    }
}

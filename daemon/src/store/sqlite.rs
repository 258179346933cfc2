//! The store on one machine: SQLite in WAL mode, one writer thread with group commit, a few readers.
//!
//! Here are the calls; `sqlite/setup.rs` opens the file, `sqlite/writer.rs` commits. What rows mean is not known here.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Change, Compare, DataDirLock, KEPT_REVISIONS, MAX_QUEUED_TRANSACTIONS, Revision, Row, Store, Write, after_prefix,
    check_transaction, compacted, never_reached,
};
use crate::error::{Error, ErrorCode, Result};

mod setup;
#[cfg(test)]
mod tests;
mod writer;

use writer::{Commit, Request, Writer};

/// The file in the data directory.
pub const FILE_NAME: &str = "store.db";

/// Readers at once. A read takes about 10 µs, so two per core of a small machine are never the bottleneck.
const READERS: usize = 4;

/// Why the writer stopped, once it has.
type Latch = Arc<OnceLock<String>>;

/// A store in one file.
pub struct SqliteStore {
    path: PathBuf,
    /// `None` only while it is being dropped: the writer ends when its queue does.
    queue: Option<SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
    readers: Readers,
    latch: Latch,
    /// Released last: fields drop in this order.
    _lock: DataDirLock,
}

impl SqliteStore {
    /// Locks `dir`, which must exist, and opens the store in it, making an empty one if there is none.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_locked(DataDirLock::acquire(dir)?)
    }

    /// As [`open`](Self::open), for a caller that needed the lock earlier.
    pub fn open_locked(lock: DataDirLock) -> Result<Self> {
        Self::open_with(lock, KEPT_REVISIONS, Box::new(|connection| connection.execute_batch("COMMIT")))
    }

    /// As [`open_locked`](Self::open_locked), with a commit of the caller's: tests make it fail, wait and count.
    fn open_with(lock: DataDirLock, kept_revisions: u64, commit: Commit) -> Result<Self> {
        let path = lock.dir().join(FILE_NAME);
        let connection = setup::open_writer(&path)?;
        let (idle, pool) = crossbeam_channel::bounded(READERS);
        for _ in 0..READERS {
            // Room for all of them, so this cannot fail; a reader lost here would only be one fewer.
            let _ = idle.try_send(setup::open_reader(&path)?);
        }
        let latch = Latch::default();
        let (queue, requests) = sync_channel(MAX_QUEUED_TRANSACTIONS);
        let writer = Writer::new(connection, requests, Arc::clone(&latch), kept_revisions, commit);
        let writer =
            thread::Builder::new().name("store-writer".into()).spawn(move || writer.run()).map_err(Error::internal)?;
        Ok(Self { path, queue: Some(queue), writer: Some(writer), readers: Readers { idle, pool }, latch, _lock: lock })
    }

    /// Runs `read` on a connection of its own, in one read transaction: all its statements see one revision.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.readers.with(|connection| {
            let transaction = connection.transaction()?;
            let found = read(&transaction)?;
            transaction.finish()?;
            Ok(found)
        })
    }

    /// The error of a store that stopped writing.
    fn stopped(&self) -> Error {
        // A writer that ended without a word panicked; from here on that is a known failure.
        let why = self.latch.get_or_init(|| "the writer ended".into());
        Error::new(ErrorCode::StoreFailed, "the store takes no writes until a restart").because(why.as_str())
    }
}

impl Store for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn get(&self, key: &str) -> Result<Option<Row>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT key, value, revision FROM rows WHERE key = ?1")?;
            statement.query_row([key], row).optional()
        })
    }

    fn range(&self, prefix: &str) -> Result<Vec<Row>> {
        // Bounds rather than LIKE or GLOB: a prefix is bytes, and both would see wildcards in it.
        let upper = after_prefix(prefix);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, value, revision FROM rows WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key",
            )?;
            statement.query_map(params![prefix, upper], row)?.collect()
        })
    }

    fn transact(&self, compares: Vec<Compare>, writes: Vec<Write>) -> Result<Revision> {
        check_transaction(&compares, &writes)?;
        if self.latch.get().is_some() {
            return Err(self.stopped());
        }
        let (reply, answer) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or_else(|| self.stopped())?;
        queue.send(Request { compares, writes, reply }).map_err(|_| self.stopped())?;
        answer.recv().map_err(|_| self.stopped())?
    }

    fn revision(&self) -> Result<Revision> {
        self.read(|connection| Ok(feed_bounds(connection)?.1))
    }

    fn changes_since(&self, revision: Revision) -> Result<Vec<Change>> {
        let (oldest, newest, changes) = self.read(|connection| {
            let (oldest, newest) = feed_bounds(connection)?;
            if revision < oldest || revision > newest {
                return Ok((oldest, newest, Vec::new()));
            }
            let mut statement = connection.prepare_cached(
                "SELECT revision, key, deleted FROM changes WHERE revision > ?1 ORDER BY revision, id",
            )?;
            let changes = statement.query_map([signed(revision)], |row| {
                Ok(Change { revision: unsigned(row.get(0)?), key: row.get(1)?, deleted: row.get(2)? })
            })?;
            Ok((oldest, newest, changes.collect::<rusqlite::Result<_>>()?))
        })?;
        match revision {
            asked if asked < oldest => Err(compacted(asked, oldest)),
            asked if asked > newest => Err(never_reached(asked, newest)),
            _ => Ok(changes),
        }
    }

    fn snapshot_to(&self, path: &Path) -> Result<()> {
        let failed = || Error::new(ErrorCode::StoreFailed, format!("cannot write the snapshot '{}'", path.display()));
        let Some(target) = path.to_str() else {
            return Err(Error::new(ErrorCode::InvalidArgument, "the snapshot's path is not UTF-8"));
        };
        // Made by us, private from its first byte and never over another file; VACUUM INTO accepts an empty one.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|source| failed().because(source))?;
        // A connection of its own, so that a long copy keeps no reader from its work.
        let copied = setup::open_reader(&self.path).and_then(|connection| {
            connection.execute("VACUUM INTO ?1", [target]).map_err(|source| failed().because(source))
        });
        // VACUUM INTO does not sync its output.
        let synced = copied.and_then(|_| {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let synced = file.sync_all().and_then(|()| File::open(dir)?.sync_all());
            synced.map_err(|source| failed().because(source))
        });
        if synced.is_err() {
            // Half a snapshot must not be mistaken for one.
            let _ = std::fs::remove_file(path);
        }
        synced
    }

    fn scrub(&self) -> Result<()> {
        // The file itself has zeros there (`secure_delete`); the log in front of it still has the pages of before.
        setup::empty_log(&self.path)
    }

    fn write_failure(&self) -> Option<String> {
        self.latch.get().cloned()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The readers first: SQLite empties the -wal file only if the last connection to close may write.
        while self.readers.pool.try_recv().is_ok() {}
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The read connections that are not in use; a caller that finds none waits for one.
struct Readers {
    idle: Sender<Connection>,
    pool: Receiver<Connection>,
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        let connection = self.pool.recv().map_err(Error::internal)?;
        let mut lent = Lent { connection: Some(connection), idle: &self.idle };
        let Some(connection) = lent.connection.as_mut() else {
            return Err(Error::internal("a lent connection is missing"));
        };
        read(connection)
            .map_err(|source| Error::new(ErrorCode::StoreFailed, "the store cannot be read").because(source))
    }
}

/// A connection on loan: it goes back even if the reader panics, or the pool would run dry.
struct Lent<'a> {
    connection: Option<Connection>,
    idle: &'a Sender<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.idle.try_send(connection);
        }
    }
}

/// The feed's oldest readable revision and the newest revision.
fn feed_bounds(connection: &Connection) -> rusqlite::Result<(Revision, Revision)> {
    let mut statement = connection.prepare_cached("SELECT compacted, revision FROM meta WHERE id = 1")?;
    statement.query_row([], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row { key: row.get(0)?, value: row.get(1)?, revision: unsigned(row.get(2)?) })
}

/// SQLite's integers are signed. No store reaches 2^63 transactions; a wild number becomes one it never reached.
fn signed(revision: Revision) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// The inverse; a negative revision can only be a damaged row and reads as "never written".
fn unsigned(revision: i64) -> Revision {
    Revision::try_from(revision).unwrap_or(0)
}

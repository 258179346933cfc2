//! The store: opaque rows under text keys, changed by compare-and-swap, with a change feed.
//!
//! The contract lives here, the engines in `store/`. Vaults, keys, sealing and MACs do not: a row's value means nothing
//! to this room. All calls block; callers that must not block run them on a blocking pool.

use std::{collections::HashSet, path::Path};

use crate::error::{Error, ErrorCode, Result};

#[cfg(test)]
mod contract;
pub mod lock;
pub mod memory;
pub mod sqlite;

pub use lock::DataDirLock;
pub use memory::MemoryStore;
pub use sqlite::SqliteStore;

/// Compares, and writes, in one transaction. etcd's default is 128 of each; below it, a transaction fits everywhere.
pub const MAX_TRANSACTION_OPS: usize = 100;

/// A key: room names, a vault, an object and a version of at most 127 bytes each, with room to spare.
pub const MAX_KEY_BYTES: usize = 512;

/// A value. A wrapped RSA-4096 key with a certificate chain is under 64 KiB, and etcd refuses requests over 1.5 MiB.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// Transactions that wait for the writer; the next caller waits in its own thread, so this bounds memory, not callers.
pub const MAX_QUEUED_TRANSACTIONS: usize = 1024;

/// Revisions the change feed reaches back. A reader further behind reloads everything, which is quicker by then.
pub const KEPT_REVISIONS: u64 = 100_000;

/// The number of a committed transaction: strictly increasing, never reused, 0 before the first.
pub type Revision = u64;

/// One stored row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The whole key.
    pub key: String,
    /// What was put, byte for byte.
    pub value: Vec<u8>,
    /// The transaction that last wrote it.
    pub revision: Revision,
}

/// A condition of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compare {
    /// There is no row with this key.
    Absent(String),
    /// There is a row with this key, and this transaction wrote it last.
    RevisionIs(String, Revision),
}

impl Compare {
    /// The key it looks at.
    pub fn key(&self) -> &str {
        match self {
            Self::Absent(key) | Self::RevisionIs(key, _) => key,
        }
    }

    /// Whether it holds for a row that was last written at `revision`, or does not exist.
    pub fn holds(&self, revision: Option<Revision>) -> bool {
        match self {
            Self::Absent(_) => revision.is_none(),
            Self::RevisionIs(_, wanted) => revision == Some(*wanted),
        }
    }
}

/// A change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Creates the row or replaces its value.
    Put(String, Vec<u8>),
    /// Removes the row. Removing none is no error and no entry in the change feed.
    Delete(String),
}

impl Write {
    /// The key it changes.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(key, _) | Self::Delete(key) => key,
        }
    }
}

/// One entry of the change feed: which row, not what is in it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The transaction that made it.
    pub revision: Revision,
    /// The row's key.
    pub key: String,
    /// The row was removed rather than put.
    pub deleted: bool,
}

/// What every engine does, alike; `store/contract.rs` tests them all against it.
pub trait Store: Send + Sync + 'static {
    /// The engine's name: `sqlite` or `memory`.
    fn kind(&self) -> &'static str;

    /// The row with exactly this key.
    fn get(&self, key: &str) -> Result<Option<Row>>;

    /// All rows whose key starts with `prefix`, literally, in the byte order of their keys; the empty prefix is all.
    fn range(&self, prefix: &str) -> Result<Vec<Row>>;

    /// All compares must hold, then all writes happen, durably, in the order given, or nothing does.
    ///
    /// Returns the new revision; a transaction without writes only checks, and returns the current one. A compare that
    /// does not hold is [`ErrorCode::Conflict`]. After [`ErrorCode::StoreFailed`] the outcome is not known: a commit
    /// whose fsync failed may yet be found on the disk at the next start.
    fn transact(&self, compares: Vec<Compare>, writes: Vec<Write>) -> Result<Revision>;

    /// The newest committed revision.
    fn revision(&self) -> Result<Revision>;

    /// Every change after `revision`, oldest first, all changes of a transaction together.
    ///
    /// At least the last [`KEPT_REVISIONS`] are kept. From further back the answer is [`ErrorCode::Conflict`]
    /// ("compacted"), and so it is for a revision this store never reached: the caller must read everything again.
    fn changes_since(&self, revision: Revision) -> Result<Vec<Change>>;

    /// Writes a consistent copy of everything to a new file at `path`, while the store stays in use.
    fn snapshot_to(&self, path: &Path) -> Result<()>;

    /// Makes sure that what was removed or replaced cannot be read from the store's files any more.
    fn scrub(&self) -> Result<()> {
        Ok(())
    }

    /// Why the store no longer takes writes, if so. Reads go on; only a restart clears it.
    fn write_failure(&self) -> Option<String> {
        None
    }
}

/// Refuses what no engine may be asked to do, so that all of them refuse the same.
fn check_transaction(compares: &[Compare], writes: &[Write]) -> Result<()> {
    if compares.len() > MAX_TRANSACTION_OPS || writes.len() > MAX_TRANSACTION_OPS {
        let detail =
            format!("a transaction has at most {MAX_TRANSACTION_OPS} compares and {MAX_TRANSACTION_OPS} writes");
        return Err(Error::new(ErrorCode::InvalidArgument, detail));
    }
    compares.iter().map(Compare::key).chain(writes.iter().map(Write::key)).try_for_each(check_key)?;
    let mut written = HashSet::with_capacity(writes.len());
    for write in writes {
        if !written.insert(write.key()) {
            // etcd refuses it too, and which of the two should win is nobody's intent.
            return Err(Error::new(ErrorCode::InvalidArgument, "a transaction writes a key twice"));
        }
        if let Write::Put(_, value) = write
            && value.len() > MAX_VALUE_BYTES
        {
            return Err(Error::new(
                ErrorCode::MessageTooLarge,
                format!("a stored value is over {MAX_VALUE_BYTES} bytes"),
            ));
        }
    }
    Ok(())
}

/// A key that every engine can hold.
fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains('\0') {
        let detail = format!("a stored key has 1 to {MAX_KEY_BYTES} bytes and no NUL");
        return Err(Error::new(ErrorCode::InvalidArgument, detail));
    }
    Ok(())
}

/// The answer to a transaction that lost.
fn lost(compare: &Compare) -> Error {
    Error::new(ErrorCode::Conflict, format!("'{}' was changed by somebody else meanwhile", compare.key()))
}

/// The answer to a feed reader that must start over.
fn compacted(asked: Revision, oldest: Revision) -> Error {
    Error::new(ErrorCode::Conflict, format!("compacted: changes since {asked} are gone, the oldest kept is {oldest}"))
}

/// The answer to a feed reader that comes from another store, or from before a rollback of this one.
fn never_reached(asked: Revision, current: Revision) -> Error {
    Error::new(ErrorCode::Conflict, format!("compacted: this store is at {current} and never reached {asked}"))
}

/// The smallest string above every string that starts with `prefix`; none if there is no such string.
///
/// UTF-8 sorts by bytes as it does by characters, so the next character makes an exact bound.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut bound = prefix.to_owned();
    while let Some(last) = bound.pop() {
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            bound.push(next);
            return Some(bound);
        }
    }
    None
}

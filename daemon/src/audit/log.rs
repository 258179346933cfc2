//! The audit log of mode `batch`: records are queued in order, and one thread writes, hashes and syncs all that wait.
//!
//! Here are the calls. `log/queue.rs` holds what waits, `log/writer.rs` writes, `log/files.rs` knows the directory, and
//! the lines themselves are in `record.rs`. Who may read the log, and what is worth a record, is not decided here.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::broadcast;

use super::record::{Door, Outcome, Record};
use crate::error::{Error, ErrorCode, Result};

pub use super::record::chain::{Anchor, CheckpointSigner};

pub(super) mod files;
mod queue;
#[cfg(test)]
mod tests;
mod writer;

use files::Resumed;
use queue::Queue;
use writer::{OpenSink, Writer};

/// Records that wait to be written: most of a second at full speed, some 30 MB. A disk that is further behind than that
/// is not keeping an audit log, so keys stop.
pub const MAX_QUEUED_RECORDS: usize = 65_536;

/// Lines kept for a follower that reads slowly; what it misses, it is told the number of.
pub const MAX_FOLLOWED_LINES: usize = 4096;

/// Lines in one answer of [`AuditLog::tail`].
pub const MAX_TAIL_LINES: usize = 10_000;

/// How long [`AuditLog::flush`] waits for a disk before it gives up on it.
const MAX_FLUSH_WAIT: Duration = Duration::from_secs(30);

/// Stores the newest anchor outside the log; called once a second at most, in a thread of its own.
pub type StoreAnchor = Box<dyn Fn(Anchor) -> Result<()> + Send>;

/// The log's sizes and rhythms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A file at least this long is followed by a new one.
    pub rotate_bytes: u64,
    /// See [`MAX_QUEUED_RECORDS`].
    pub queued_records: usize,
    /// How long records gather before they are written; an fsync later they are on disk.
    pub batch_interval: Duration,
    /// How often, at most, a checkpoint is signed and anchored.
    pub checkpoint_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rotate_bytes: 128 * 1024 * 1024,
            queued_records: MAX_QUEUED_RECORDS,
            // Leaves 30 of the promised 50 ms to the disk.
            batch_interval: Duration::from_millis(20),
            checkpoint_interval: Duration::from_secs(1),
        }
    }
}

/// What the log must be told when it is opened.
pub struct Opening {
    /// Signs the checkpoints.
    pub signer: CheckpointSigner,
    /// Stores each new anchor.
    pub store_anchor: StoreAnchor,
    /// The anchor that was stored last, if any ever was.
    pub last_anchor: Option<Anchor>,
    /// The time, for the records the log makes itself.
    pub now_unix_micros: i64,
}

/// An open log. Dropping it writes what waits, signs and anchors a last checkpoint, and ends its threads.
pub struct AuditLog {
    dir: PathBuf,
    queue: Arc<Queue>,
    followers: broadcast::Sender<Arc<str>>,
    threads: Vec<JoinHandle<()>>,
    opened_with: Option<String>,
}

impl AuditLog {
    /// Opens the log in `dir`, which must exist, and continues its chain. The caller holds the data directory's lock.
    ///
    /// A torn last line, as a crash leaves it, is cut off and recorded. Anything worse is recorded, and is a finding:
    /// see [`opened_with`](Self::opened_with).
    pub fn open(dir: &Path, opening: Opening, settings: Settings) -> Result<Self> {
        Self::open_with(dir, opening, settings, Box::new(writer::open_file))
    }

    /// As [`open`](Self::open), with files of the caller's: tests make them slow or broken.
    fn open_with(dir: &Path, opening: Opening, settings: Settings, open_sink: OpenSink) -> Result<Self> {
        let Opening { signer, store_anchor, last_anchor, now_unix_micros } = opening;
        let resumed = files::resume(dir, last_anchor)
            .map_err(|source| failed("cannot continue the audit log").because(source))?;
        let queue = Arc::new(Queue::new(resumed.end.sequence, settings.queued_records));
        let (followers, _) = broadcast::channel(MAX_FOLLOWED_LINES);
        // One waits while one is being stored; if both are taken the writer keeps the newest for later.
        let (anchors, due_anchors) = sync_channel::<Anchor>(1);
        let writer = Writer::new(
            dir,
            &resumed,
            now_unix_micros,
            signer,
            settings,
            Arc::clone(&queue),
            followers.clone(),
            anchors,
            open_sink,
        )
        .map_err(|source| failed("cannot write the audit log").because(source))?;
        let anchoring = Arc::clone(&queue);
        let anchor_thread = move || {
            for anchor in due_anchors {
                if let Err(error) = store_anchor(anchor) {
                    return anchoring.fail(&format!("the anchor was not stored: {error}"));
                }
            }
        };
        let spawn = |name: &str| thread::Builder::new().name(name.into());
        let threads = vec![
            spawn("audit-writer").spawn(move || writer.run()).map_err(Error::internal)?,
            spawn("audit-anchor").spawn(anchor_thread).map_err(Error::internal)?,
        ];
        let mut log = Self { dir: dir.to_owned(), queue, followers, threads, opened_with: None };
        log.record_findings(&resumed, now_unix_micros)?;
        Ok(log)
    }

    /// What opening found is in the log before anything else is.
    fn record_findings(&mut self, resumed: &Resumed, now_unix_micros: i64) -> Result<()> {
        let mut serious = Vec::new();
        for finding in &resumed.findings {
            let outcome = if finding.serious { Outcome::Failed } else { Outcome::Done };
            let mut record = Record::new(now_unix_micros, 0, "softkeepd", Door::Internal, finding.operation, outcome);
            record.detail = Some(finding.detail.clone());
            self.append(record)?;
            if finding.serious {
                serious.push(finding.detail.as_str());
            }
        }
        if !serious.is_empty() {
            self.opened_with = Some(serious.join("; "));
        }
        if resumed.findings.is_empty() { Ok(()) } else { self.flush() }
    }

    /// What was wrong with the log when it was opened, such as records that the last anchor knew and the log does not.
    pub fn opened_with(&self) -> Option<&str> {
        self.opened_with.as_deref()
    }

    /// Gives the record its number and queues it, in that order. It is on disk within 50 ms.
    ///
    /// [`ErrorCode::AuditFailed`] means that it is not recorded and the operation must not happen: the queue is full or
    /// the log failed earlier and stays failed.
    pub fn append(&self, record: Record) -> Result<u64> {
        self.queue.push(record)
    }

    /// Waits until every record appended before is on disk.
    pub fn flush(&self) -> Result<()> {
        self.queue.flush(MAX_FLUSH_WAIT)
    }

    /// Why the log takes no records, if so; only a restart clears it.
    pub fn failure(&self) -> Option<String> {
        self.queue.failure()
    }

    /// The newest `lines` records on disk, oldest first; at most [`MAX_TAIL_LINES`]. Checkpoints are left out.
    pub fn tail(&self, lines: usize) -> Result<Vec<String>> {
        files::tail(&self.dir, lines.min(MAX_TAIL_LINES))
            .map_err(|source| failed("cannot read the audit log").because(source))
    }

    /// Every record from now on, as its line without the newline, once it is on disk.
    ///
    /// A receiver that falls [`MAX_FOLLOWED_LINES`] behind gets `RecvError::Lagged` with the number of lines it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<str>> {
        self.followers.subscribe()
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.queue.close();
        // The writer first: its end lets the anchor thread end.
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The error of everything that goes wrong here.
fn failed(detail: &str) -> Error {
    Error::new(ErrorCode::AuditFailed, detail)
}

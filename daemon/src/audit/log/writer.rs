//! The thread that writes: takes all that wait, hashes, writes and syncs once, signs checkpoints, starts new files.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::Instant,
};

use tokio::sync::broadcast;

use super::{Anchor, CheckpointSigner, Settings, files, files::Resumed, queue::Queue, queue::Turn};
use crate::audit::record::{Record, chain};

/// Where lines go: a file, or a test's idea of one.
pub(super) trait Sink: Send {
    /// All of it, or an error after which the file's end is not known.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// To the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// Opens a file of the log for appending, making it if it is missing.
pub(super) type OpenSink = Box<dyn FnMut(&Path) -> io::Result<Box<dyn Sink>> + Send>;

impl Sink for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The usual [`OpenSink`].
pub(super) fn open_file(path: &Path) -> io::Result<Box<dyn Sink>> {
    Ok(Box::new(OpenOptions::new().append(true).create(true).mode(0o600).open(path)?))
}

/// The writer thread's state.
pub(super) struct Writer {
    dir: PathBuf,
    signer: CheckpointSigner,
    settings: Settings,
    queue: Arc<Queue>,
    followers: broadcast::Sender<Arc<str>>,
    anchors: SyncSender<Anchor>,
    open_sink: OpenSink,

    sink: Box<dyn Sink>,
    file_number: u32,
    file_bytes: u64,
    /// Lines that are not written yet.
    buffer: Vec<u8>,
    /// The newest record, written or in the buffer.
    end: Anchor,
    end_time: i64,
    /// The newest record that a checkpoint covers, and when that was made.
    checkpointed: u64,
    checkpoint_at: Option<Instant>,
    /// A checkpoint on disk whose anchor the anchor thread had no room for.
    pending_anchor: Option<Anchor>,
}

impl Writer {
    #[expect(clippy::too_many_arguments, reason = "called once, from the function that made each of them")]
    pub(super) fn new(
        dir: &Path,
        resumed: &Resumed,
        opened_at: i64,
        signer: CheckpointSigner,
        settings: Settings,
        queue: Arc<Queue>,
        followers: broadcast::Sender<Arc<str>>,
        anchors: SyncSender<Anchor>,
        mut open_sink: OpenSink,
    ) -> io::Result<Self> {
        let sink = open_sink(&dir.join(files::name(resumed.file_number)))?;
        files::sync_dir(dir)?;
        let mut writer = Self {
            dir: dir.to_owned(),
            signer,
            settings,
            queue,
            followers,
            anchors,
            open_sink,
            sink,
            file_number: resumed.file_number,
            file_bytes: resumed.file_bytes,
            buffer: Vec::new(),
            end: resumed.end,
            end_time: opened_at,
            checkpointed: resumed.anchored,
            checkpoint_at: None,
            pending_anchor: None,
        };
        if resumed.file_number > 1 && resumed.file_bytes == 0 {
            chain::write_continues(&files::name(resumed.file_number - 1), &resumed.end, &mut writer.buffer);
            writer.write_out()?;
        }
        Ok(writer)
    }

    /// Until the log closes or fails.
    pub(super) fn run(mut self) {
        // A panic in here must stop the keys like any other failure.
        let _ended = Ended(Arc::clone(&self.queue));
        let mut records = Vec::new();
        loop {
            let turn = self.queue.take(&mut records, self.settings.batch_interval, self.deadline());
            if turn == Turn::Failed {
                return;
            }
            let closing = turn == Turn::Close;
            if let Err(error) = self.write_batch(&mut records, closing) {
                return self.queue.fail(&format!("the audit log was not written: {error}"));
            }
            self.send_anchor(closing);
            if closing {
                return;
            }
        }
    }

    /// When there is something to do although no record comes.
    fn deadline(&self) -> Option<Instant> {
        if self.pending_anchor.is_some() {
            return Some(Instant::now() + self.settings.batch_interval);
        }
        let due = self.checkpoint_at.map_or_else(Instant::now, |at| at + self.settings.checkpoint_interval);
        (self.end.sequence > self.checkpointed).then_some(due)
    }

    fn write_batch(&mut self, records: &mut Vec<Record>, closing: bool) -> io::Result<()> {
        // Lines are only copied for followers if there are any.
        let followed = self.followers.receiver_count() > 0;
        let mut lines: Vec<Arc<str>> = Vec::new();
        for record in records.drain(..) {
            if self.file_bytes + self.buffer.len() as u64 >= self.settings.rotate_bytes {
                self.rotate()?;
            }
            let start = self.buffer.len();
            let sequence = self.end.sequence + 1;
            let head = record.write_line(sequence, &self.end.head, &mut self.buffer);
            self.end = Anchor { sequence, head };
            self.end_time = record.time_unix_micros;
            if followed {
                lines.push(String::from_utf8_lossy(&self.buffer[start..self.buffer.len() - 1]).into());
            }
        }
        let now = Instant::now();
        let due = self.checkpoint_at.is_none_or(|at| now.duration_since(at) >= self.settings.checkpoint_interval);
        let checkpoint = self.end.sequence > self.checkpointed && (due || closing);
        if checkpoint {
            chain::write_checkpoint(&self.signer, &self.end, self.end_time, &mut self.buffer);
        }
        self.write_out()?;
        self.queue.synced(self.end.sequence);
        if checkpoint {
            // Only now that it is on disk: an anchor ahead of the log would call every crash a truncation.
            self.checkpointed = self.end.sequence;
            self.checkpoint_at = Some(now);
            self.pending_anchor = Some(self.end);
        }
        for line in lines {
            // No receiver is no error: the last one may just have left.
            let _ = self.followers.send(line);
        }
        Ok(())
    }

    /// The buffer, in one write and one sync.
    fn write_out(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.sink.write_all(&self.buffer)?;
        self.sink.sync()?;
        self.file_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Finishes this file and starts the next with a line that says so.
    fn rotate(&mut self) -> io::Result<()> {
        self.write_out()?;
        let next = self.file_number.checked_add(1).ok_or_else(|| io::Error::other("no more file numbers"))?;
        let path = self.dir.join(files::name(next));
        if path.try_exists()? {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("'{}' is not ours", path.display())));
        }
        self.sink = (self.open_sink)(&path)?;
        files::sync_dir(&self.dir)?;
        chain::write_continues(&files::name(self.file_number), &self.end, &mut self.buffer);
        self.file_number = next;
        self.file_bytes = 0;
        self.write_out()
    }

    /// Hands the newest anchor over without waiting, except at the end: records must not wait for a slow store.
    fn send_anchor(&mut self, closing: bool) {
        let Some(anchor) = self.pending_anchor.take() else { return };
        if closing {
            // An error is the anchor thread's end, and it has latched why.
            let _ = self.anchors.send(anchor);
        } else if let Err(TrySendError::Full(anchor)) = self.anchors.try_send(anchor) {
            self.pending_anchor = Some(anchor);
        }
    }
}

/// Latches a failure when the writer is gone, whatever the reason; after an orderly end nobody is left to see it.
struct Ended(Arc<Queue>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.fail("the audit writer ended");
    }
}

//! The log's directory: file names, where a log ended when it is opened again, and its newest lines.
//!
//! Only the last file is read here; the whole chain is `verify.rs`'s.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::audit::record::chain::{Anchor, Line, LineEnd, LineReader, parse_line};

/// The part of a file that [`tail`] reads first; doubled until it holds enough lines.
const TAIL_WINDOW_BYTES: u64 = 64 * 1024;

/// `audit-000001.jsonl` and so on.
pub(in crate::audit) fn name(number: u32) -> String {
    format!("audit-{number:06}.jsonl")
}

/// The log's files by number.
pub(in crate::audit) fn list(dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let number =
            file_name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.parse().ok());
        // Only the name we would give: "audit-7.jsonl" is not the seventh file.
        if let Some(number) = number.filter(|number| *number > 0 && file_name.to_str() == Some(&name(*number))) {
            files.push((number, entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Makes the directory's names as durable as its files.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Where the log goes on.
#[derive(Debug)]
pub(super) struct Resumed {
    pub(super) file_number: u32,
    /// 0 if the file is yet to be opened with its first line.
    pub(super) file_bytes: u64,
    pub(super) end: Anchor,
    /// Records up to here need no new checkpoint; those after it lost theirs to a crash.
    pub(super) anchored: u64,
    pub(super) findings: Vec<Finding>,
}

/// Something to be recorded about how the log was found.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) operation: &'static str,
    pub(super) detail: String,
    /// Not what a crash leaves behind.
    pub(super) serious: bool,
}

/// Finds the end of the chain and cuts off what is not part of it; damage is kept beside the log, as evidence.
pub(super) fn resume(dir: &Path, last_anchor: Option<Anchor>) -> io::Result<Resumed> {
    let mut findings = Vec::new();
    let files = list(dir)?;
    let Some((number, path)) = files.last() else {
        let mut resumed = Resumed { file_number: 1, file_bytes: 0, end: Anchor::START, anchored: 0, findings };
        compare_with_anchor(&mut resumed, None, last_anchor);
        return Ok(resumed);
    };
    let scan = scan(path, *number, last_anchor)?;
    let end = match (scan.end, files.iter().rev().nth(1)) {
        (Some(end), _) => end,
        // The file was just begun: the one before knows where.
        (None, Some((before, path))) if *before == number - 1 => {
            self::scan(path, *before, last_anchor)?.end.ok_or_else(|| damaged(path))?
        }
        (None, _) => return Err(damaged(path)),
    };
    match scan.rest {
        Rest::Nothing => {}
        Rest::Torn => {
            cut(path, scan.valid_bytes)?;
            let detail = format!("{}: a torn last line was cut off at byte {}", name(*number), scan.valid_bytes);
            findings.push(Finding { operation: "audit.torn_line", detail, serious: false });
        }
        Rest::Damaged => {
            let kept = keep_aside(path, scan.valid_bytes)?;
            cut(path, scan.valid_bytes)?;
            let detail = format!(
                "{}: from byte {} on it does not belong to the chain; moved to '{kept}'",
                name(*number),
                scan.valid_bytes
            );
            findings.push(Finding { operation: "audit.damaged", detail, serious: true });
        }
    }
    let mut resumed =
        Resumed { file_number: *number, file_bytes: scan.valid_bytes, end, anchored: end.sequence, findings };
    compare_with_anchor(&mut resumed, scan.at_anchor, last_anchor);
    if resumed.findings.iter().all(|finding| !finding.serious) {
        resumed.anchored = last_anchor.map_or(0, |anchor| anchor.sequence);
    } // Otherwise the old anchor, the only witness, is replaced no sooner than by one that covers the finding's record.
    Ok(resumed)
}

fn damaged(path: &Path) -> io::Error {
    let text = format!("'{}' has no valid first line and no file before it", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// `at_anchor`: the log's own point with the anchor's number, where the last file has it.
fn compare_with_anchor(resumed: &mut Resumed, at_anchor: Option<Anchor>, last_anchor: Option<Anchor>) {
    let Some(anchor) = last_anchor else { return };
    let end = resumed.end.sequence;
    let detail = if end < anchor.sequence {
        format!("the log ends at record {end} although record {} was anchored: records were removed", anchor.sequence)
    } else if at_anchor.is_some_and(|found| found != anchor) {
        format!("record {} is not the one that was anchored: the log was replaced", anchor.sequence)
    } else {
        return;
    };
    resumed.findings.push(Finding { operation: "audit.truncated", detail, serious: true });
}

struct Scan {
    /// The end of the chain; none if the file has no valid opening.
    end: Option<Anchor>,
    valid_bytes: u64,
    rest: Rest,
    at_anchor: Option<Anchor>,
}

enum Rest {
    Nothing,
    Torn,
    Damaged,
}

/// Follows a file's chain from its opening as far as it goes.
fn scan(path: &Path, number: u32, last_anchor: Option<Anchor>) -> io::Result<Scan> {
    let mut reader = LineReader::new(BufReader::with_capacity(256 * 1024, File::open(path)?));
    let mut scan = Scan { end: None, valid_bytes: 0, rest: Rest::Nothing, at_anchor: None };
    if number == 1 {
        scan.end = Some(Anchor::START);
    }
    let mut line = Vec::new();
    let anchored = last_anchor.map(|anchor| anchor.sequence);
    while let Some(line_end) = reader.next(&mut line)? {
        if line_end == LineEnd::Torn {
            scan.rest = Rest::Torn;
            return Ok(scan);
        }
        let next = match (parse_line(&line), scan.end) {
            (Some(Line::Continues(opening)), None) if scan.valid_bytes == 0 => Some(opening.end),
            (Some(Line::Checkpoint(checkpoint)), Some(end)) if checkpoint.at == end => Some(end),
            (Some(Line::Record(record)), Some(end))
                if record.sequence == end.sequence + 1 && record.follows(&end.head) =>
            {
                Some(Anchor { sequence: record.sequence, head: record.hash })
            }
            _ => None,
        };
        let Some(next) = next.filter(|_| line_end == LineEnd::Whole) else {
            scan.rest = Rest::Damaged;
            return Ok(scan);
        };
        scan.end = Some(next);
        scan.valid_bytes = reader.offset;
        if anchored == Some(next.sequence) {
            scan.at_anchor = Some(next);
        }
    }
    Ok(scan)
}

fn cut(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(bytes)?;
    file.sync_all()
}

/// Copies what follows `offset` to a file of its own and returns its name.
fn keep_aside(path: &Path, offset: u64) -> io::Result<String> {
    let mut from = File::open(path)?;
    from.seek(SeekFrom::Start(offset))?;
    let base = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Damage may happen twice at one place; each is kept.
    for attempt in 1..=1000 {
        let kept = format!("{base}.damaged-{offset}-{attempt}");
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.with_file_name(&kept)) {
            Ok(mut to) => {
                io::copy(&mut from, &mut to)?;
                to.sync_all()?;
                return Ok(kept);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many damaged parts of the audit log"))
}

/// The newest `wanted` records, oldest first, across files.
pub(super) fn tail(dir: &Path, wanted: usize) -> io::Result<Vec<String>> {
    let mut newest_first = Vec::new();
    for (_, path) in list(dir)?.iter().rev() {
        if newest_first.len() >= wanted {
            break;
        }
        newest_first.extend(tail_of_file(path, wanted - newest_first.len())?.into_iter().rev());
    }
    newest_first.reverse();
    Ok(newest_first)
}

fn tail_of_file(path: &Path, wanted: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut window = TAIL_WINDOW_BYTES;
    loop {
        let start = length.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut file).take(length - start).read_to_end(&mut bytes)?;
        // A window that begins inside a line, and a line that is still being written, both lack one end.
        let skip =
            if start == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1) };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(skip, |at| at.max(skip));
        let records =
            bytes[skip..whole].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"sequence\":"));
        let records: Vec<_> = records.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        if records.len() >= wanted || start == 0 {
            return Ok(records[records.len().saturating_sub(wanted)..].to_vec());
        }
        window *= 2;
    }
}

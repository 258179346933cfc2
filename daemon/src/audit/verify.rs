//! Reads a whole log and says what is wrong with it, given the checkpoints' public key and the last anchor.
//!
//! Needs no daemon, no store and no secret. What to do about a finding is not decided here.

use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
};

use super::{
    log::files,
    receipt::Receipt,
    record::chain::{Anchor, CheckpointLine, ContinuesLine, Line, LineEnd, LineReader, RecordLine, parse_line},
};
use crate::error::{Error, ErrorCode, Result};

#[cfg(test)]
mod tests;

/// Findings that are listed; a log with more is as good as none.
pub const MAX_FINDINGS: usize = 1000;

/// What a log holds, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines that are records.
    pub records: u64,
    /// Files of the log.
    pub files: u64,
    /// Checkpoints with a good signature at the right place.
    pub checkpoints: u64,
    /// The given anchor's record, if the log has exactly it.
    pub anchored_sequence: Option<u64>,
    /// Each names the file, the line and what is wrong. Empty: nothing was edited, removed, inserted or moved.
    pub findings: Vec<String>,
    /// What a crash explains, such as a torn last line.
    pub notes: Vec<String>,
}

/// Verifies the log in `dir` against the checkpoints' public key and the last anchor stored outside it.
///
/// Finds any record line that was edited, removed, inserted or moved, a missing or renamed file, a checkpoint that the
/// key did not sign or that stands at the wrong place, and a log that ends before the anchor or passes it with another
/// record. It cannot find records removed from the end after the last anchor (at most a second's), nor the removal of
/// a checkpoint, which takes no record away. A log that was found truncated once says so in a record, and is never
/// clean again.
pub fn verify(dir: &Path, public_key: &[u8], anchor: Option<Anchor>) -> Result<Report> {
    let anchor = anchor.filter(|anchor| anchor.sequence > 0);
    let mut verifier = Verifier { public_key, anchor, end: Anchor::START, report: Report::default() };
    verifier.run(dir).map_err(|source| {
        Error::new(ErrorCode::AuditFailed, format!("cannot read the audit log in '{}'", dir.display())).because(source)
    })?;
    Ok(verifier.report)
}

/// Whether a record's receipt is signed, and of what the record says.
fn has_good_receipt(record: &RecordLine<'_>, public_key: &[u8]) -> bool {
    let receipt = record.text("receipt").and_then(|jws| Receipt::verify(&jws, public_key));
    receipt.is_some_and(|receipt| {
        record.text("vault").as_ref() == Some(&receipt.vault)
            && record.text("object").is_some_and(|object| object.eq_ignore_ascii_case(&receipt.key))
            && record.text("caller").as_ref() == Some(&receipt.caller)
    })
}

struct Verifier<'a> {
    public_key: &'a [u8],
    anchor: Option<Anchor>,
    /// The newest record, as its own line gives it: a broken line is one finding, not one for each line after it.
    end: Anchor,
    report: Report,
}

/// Where a line is.
struct Place<'a> {
    file: &'a str,
    line: u64,
}

impl Verifier<'_> {
    fn run(&mut self, dir: &Path) -> io::Result<()> {
        let files = files::list(dir)?;
        let mut expected = 1;
        for (index, (number, path)) in files.iter().enumerate() {
            while expected < *number {
                self.file_finding(&files::name(expected), "is missing");
                expected += 1;
            }
            expected = number.saturating_add(1);
            self.report.files += 1;
            self.file(*number, path, index + 1 == files.len())?;
        }
        let Some(anchor) = self.anchor else { return Ok(()) };
        if self.report.anchored_sequence.is_none() && self.end.sequence < anchor.sequence {
            let end = self.end.sequence;
            let what =
                format!("the log was truncated: it ends at record {end} and record {} was anchored", anchor.sequence);
            self.finding(what);
        } else if self.report.anchored_sequence.is_none() && self.report.findings.is_empty() {
            // Every way to skip a number is a finding of its own; this one does not trust that.
            self.finding(format!("record {}, which was anchored, is not in the log", anchor.sequence));
        }
        Ok(())
    }

    fn file(&mut self, number: u32, path: &Path, last: bool) -> io::Result<()> {
        let name = files::name(number);
        let mut reader = LineReader::new(BufReader::with_capacity(256 * 1024, File::open(path)?));
        let mut line = Vec::new();
        let mut place = Place { file: &name, line: 0 };
        while let Some(line_end) = reader.next(&mut line)? {
            place.line += 1;
            let first = place.line == 1;
            match (line_end, parse_line(&line)) {
                (LineEnd::Torn, _) if last => {
                    let note =
                        format!("{name}:{}: the line is incomplete: a crash, or the log is being written", place.line);
                    self.report.notes.push(note);
                }
                (LineEnd::Torn, _) => self.at(&place, "the line is incomplete"),
                (LineEnd::TooLong, _) => self.at(&place, "the line is longer than any of ours"),
                (LineEnd::Whole, Some(Line::Continues(opening))) if first && number > 1 => {
                    self.opening(&place, number, opening)
                }
                (LineEnd::Whole, Some(Line::Continues(_))) => {
                    self.at(&place, "a file's first line stands at the wrong place")
                }
                (LineEnd::Whole, parsed) => {
                    if first && number > 1 {
                        self.at(&place, "the line that continues the file before is missing");
                    }
                    match parsed {
                        Some(Line::Record(record)) => self.record(&place, &record),
                        Some(Line::Checkpoint(checkpoint)) => self.checkpoint(&place, &checkpoint),
                        _ => self.at(&place, "the line was edited or inserted: it has no form of ours"),
                    }
                }
            }
        }
        if place.line == 0 && !last {
            self.file_finding(&name, "is empty");
        }
        Ok(())
    }

    fn opening(&mut self, place: &Place<'_>, number: u32, opening: ContinuesLine) {
        if opening.file != files::name(number - 1) {
            self.at(place, &format!("the file continues '{}', not the one before it", opening.file));
        } else if opening.end != self.end {
            let (from, end) = (opening.end.sequence, self.end.sequence);
            let what = format!("the file continues record {from} with another head than the file before had at {end}");
            self.at(place, &what);
        }
        // From here on by what this file says, so that its own lines are judged by themselves.
        self.end = opening.end;
    }

    fn record(&mut self, place: &Place<'_>, record: &RecordLine<'_>) {
        self.report.records += 1;
        let expected = self.end.sequence.saturating_add(1);
        if record.sequence > expected {
            let last = record.sequence - 1;
            self.at(place, &format!("records {expected} to {last} are missing before this line"));
        } else if record.sequence < expected {
            self.at(place, &format!("record {} stands where {expected} belongs: inserted or moved", record.sequence));
        } else if !record.follows(&self.end.head) {
            self.at(place, "the hash does not match: this record was edited, or one before it replaced");
        }
        if record.is_operation("audit.truncated") || record.is_operation("audit.damaged") {
            self.at(place, "the daemon found the log truncated or damaged here when it started");
        } else if record.is_operation("audit.torn_line") {
            let note = format!("{}:{}: a torn line was cut off after a crash", place.file, place.line);
            self.report.notes.push(note);
        }
        if record.has_receipt() && !has_good_receipt(record, self.public_key) {
            self.at(place, "the import's receipt is not by this daemon's key, or of another import");
        }
        self.end = Anchor { sequence: record.sequence, head: record.hash };
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.sequence == record.sequence) {
            if anchor.head == record.hash {
                self.report.anchored_sequence = Some(anchor.sequence);
            } else {
                self.at(place, "this is not the record that was anchored: the log was replaced");
            }
        }
    }

    fn checkpoint(&mut self, place: &Place<'_>, checkpoint: &CheckpointLine) {
        if !checkpoint.is_signed_by(self.public_key) {
            self.at(place, "the checkpoint's signature is not by this daemon's key");
        } else if checkpoint.at != self.end {
            let what = format!(
                "the checkpoint vouches for record {} and another head than the log has at {}",
                checkpoint.at.sequence, self.end.sequence
            );
            self.at(place, &what);
        } else {
            self.report.checkpoints += 1;
        }
    }

    fn at(&mut self, place: &Place<'_>, what: &str) {
        self.finding(format!("{}:{}: {what}", place.file, place.line));
    }

    fn file_finding(&mut self, name: &str, what: &str) {
        self.finding(format!("{name}: {what}"));
    }

    fn finding(&mut self, what: String) {
        match self.report.findings.len() {
            0..MAX_FINDINGS => self.report.findings.push(what),
            MAX_FINDINGS => self.report.findings.push("and more".into()),
            _ => {}
        }
    }
}

//! How lines hang together: the hash chain, signed checkpoints, a file's first line, and reading any of them back.
//!
//! Pure but for [`LineReader`]: which files there are, and when a checkpoint is due, is not decided here.

use std::io::{self, BufRead, Write};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The longest line. Seven cut texts, escaped, are 42 KiB; a longer line was not written by us.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// The hash of the newest record, and through it of every record.
pub type Head = [u8; 32];

/// The head before the first record.
pub const GENESIS: Head = [0; 32];

/// Keeps a checkpoint's signature from being one of anything else, and anything else's from being a checkpoint's.
const CHECKPOINT_DOMAIN: &[u8] = b"softkeep-audit-checkpoint-v1";

/// What stands before a receipt.
pub(super) const RECEIPT_MEMBER: &[u8] = b",\"receipt\":\"";

/// What stands between a record and its hash.
const HASH_MEMBER: &[u8] = b",\"hash\":\"";

/// `,"hash":"`, 64 digits, `"}`.
const HASH_TAIL_BYTES: usize = HASH_MEMBER.len() + 64 + 2;

/// A point of the chain: kept outside the log, it proves what the log held up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The record's number; 0 is before the first.
    pub sequence: u64,
    /// The head after that record.
    pub head: Head,
}

impl Anchor {
    /// The start of every log.
    pub const START: Self = Self { sequence: 0, head: GENESIS };
}

/// Signs checkpoints with a key derived from the root key: who can write files but lacks it cannot forge one.
pub struct CheckpointSigner(Ed25519KeyPair);

impl CheckpointSigner {
    /// The signer of an Ed25519 seed (RFC 8032); the caller derives the seed and wipes it.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self> {
        // "Unchecked" only means that no public key was given to check the seed against.
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(Error::internal)
    }

    /// The public key that [`verify`](crate::audit::verify::verify) needs.
    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// Signs an import's receipt, which no checkpoint's message begins like.
    pub(in crate::audit) fn sign_receipt(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// Whether the holder of the key signed the message.
pub(in crate::audit) fn is_signed(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

/// `SHA-256(previous ‖ line without its hash member)`; `body` is that line short of its closing brace.
fn link(previous: &Head, body: &[u8]) -> Head {
    Sha256::new().chain_update(previous).chain_update(body).chain_update(b"}").finalize().into()
}

/// Hashes the unfinished line at `out[start..]`, finishes it, and returns the new head.
pub(super) fn finish_line(previous: &Head, start: usize, out: &mut Vec<u8>) -> Head {
    let head = link(previous, &out[start..]);
    out.extend_from_slice(HASH_MEMBER);
    write_hex(&head, out);
    out.extend_from_slice(b"\"}\n");
    head
}

/// Appends the checkpoint line of `at`, newline included. The time is its newest record's.
pub fn write_checkpoint(signer: &CheckpointSigner, at: &Anchor, unix_micros: i64, out: &mut Vec<u8>) {
    let mut time = Vec::new();
    super::write_time(unix_micros, &mut time);
    let time = String::from_utf8(time).unwrap_or_default();
    let signature = signer.0.sign(&checkpoint_message(at, &time));
    render_checkpoint(at, &time, signature.as_ref(), out);
}

/// Appends the first line of every file but the first: which file this one continues, and from where.
pub fn write_continues(file: &str, end: &Anchor, out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"continues\":{{\"file\":\"{file}\",\"sequence\":{},\"head\":\"", end.sequence);
    write_hex(&end.head, out);
    out.extend_from_slice(b"\"}}\n");
}

/// The time is signed as well: the line would otherwise have a part that anyone may edit.
fn checkpoint_message(at: &Anchor, time: &str) -> Vec<u8> {
    [CHECKPOINT_DOMAIN, &at.sequence.to_be_bytes(), &at.head, time.as_bytes()].concat()
}

fn render_checkpoint(at: &Anchor, time: &str, signature: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, "{{\"checkpoint\":{{\"sequence\":{},\"head\":\"", at.sequence);
    write_hex(&at.head, out);
    let _ = write!(out, "\",\"time\":\"{time}\"}},\"signature\":\"");
    write_hex(signature, out);
    out.extend_from_slice(b"\"}\n");
}

/// A line that has the form of one of ours. What it says is still to be checked.
#[derive(Debug)]
pub enum Line<'a> {
    /// A record.
    Record(RecordLine<'a>),
    /// A signed point of the chain.
    Checkpoint(CheckpointLine),
    /// The opening of a file.
    Continues(ContinuesLine),
}

/// A record's line, taken apart only as far as the chain needs.
#[derive(Debug)]
pub struct RecordLine<'a> {
    /// The number it gives itself.
    pub sequence: u64,
    /// The hash it gives itself.
    pub hash: Head,
    body: &'a [u8],
}

impl RecordLine<'_> {
    /// Whether its hash is that of its own content after `previous`.
    pub fn follows(&self, previous: &Head) -> bool {
        link(previous, self.body) == self.hash
    }

    /// Whether it records this operation. A quote inside a text is escaped, so nothing a caller sends can look like it.
    pub fn is_operation(&self, operation: &str) -> bool {
        let member = format!(",\"operation\":\"{operation}\",");
        self.body.windows(member.len()).any(|window| window == member.as_bytes())
    }

    /// Whether it has the receipt of an import, by the same rule.
    pub fn has_receipt(&self) -> bool {
        self.body.windows(RECEIPT_MEMBER.len()).any(|window| window == RECEIPT_MEMBER)
    }

    /// One of its members that are texts.
    pub fn text(&self, member: &str) -> Option<String> {
        let whole = [self.body, b"}"].concat();
        let line: serde_json::Value = serde_json::from_slice(&whole).ok()?;
        line.get(member)?.as_str().map(str::to_owned)
    }
}

/// A checkpoint's line.
#[derive(Debug)]
pub struct CheckpointLine {
    /// The point it vouches for.
    pub at: Anchor,
    time: String,
    signature: Vec<u8>,
}

impl CheckpointLine {
    /// Whether the holder of the key signed it.
    pub fn is_signed_by(&self, public_key: &[u8]) -> bool {
        let message = checkpoint_message(&self.at, &self.time);
        is_signed(public_key, &message, &self.signature)
    }
}

/// A file's opening line.
#[derive(Debug)]
pub struct ContinuesLine {
    /// The name of the file before.
    pub file: String,
    /// Where that file ended.
    pub end: Anchor,
}

/// Reads a line, given without its newline. `None` is anything that we would not have written to the byte.
pub fn parse_line(line: &[u8]) -> Option<Line<'_>> {
    if let Some(rest) = line.strip_prefix(b"{\"sequence\":") {
        let (body, tail) = line.split_at_checked(line.len().checked_sub(HASH_TAIL_BYTES)?)?;
        let hash = tail.strip_prefix(HASH_MEMBER)?.strip_suffix(b"\"}")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sequence = str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        return Some(Line::Record(RecordLine { sequence, hash: parse_hex(str::from_utf8(hash).ok()?)?, body }));
    }
    // The two rare lines are parsed loosely, written again and compared, so that no second form of them passes.
    let mut again = Vec::with_capacity(line.len() + 1);
    let parsed = match serde_json::from_slice(line).ok()? {
        Marker::Checkpoint { checkpoint, signature } => {
            let at = checkpoint.at.anchor()?;
            let signature = parse_hex_vec(&signature)?;
            render_checkpoint(&at, &checkpoint.time, &signature, &mut again);
            Line::Checkpoint(CheckpointLine { at, time: checkpoint.time, signature })
        }
        Marker::Continues { continues } => {
            let end = continues.at.anchor()?;
            write_continues(&continues.file, &end, &mut again);
            Line::Continues(ContinuesLine { file: continues.file, end })
        }
    };
    (again.strip_suffix(b"\n") == Some(line)).then_some(parsed)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Marker {
    Checkpoint { checkpoint: CheckpointMember, signature: String },
    Continues { continues: ContinuesMember },
}

#[derive(Deserialize)]
struct CheckpointMember {
    #[serde(flatten)]
    at: Point,
    time: String,
}

#[derive(Deserialize)]
struct ContinuesMember {
    file: String,
    #[serde(flatten)]
    at: Point,
}

#[derive(Deserialize)]
struct Point {
    sequence: u64,
    head: String,
}

impl Point {
    fn anchor(&self) -> Option<Anchor> {
        Some(Anchor { sequence: self.sequence, head: parse_hex(&self.head)? })
    }
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
}

/// Lower case only, as we write it.
pub(crate) fn parse_hex(text: &str) -> Option<Head> {
    parse_hex_vec(text)?.try_into().ok()
}

fn parse_hex_vec(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// With its newline.
    Whole,
    /// With the file.
    Torn,
    /// After [`MAX_LINE_BYTES`]; the rest of it was skipped.
    TooLong,
}

/// Reads lines of bounded length and counts the bytes behind them.
pub struct LineReader<R> {
    input: R,
    /// Where the next line begins.
    pub offset: u64,
}

impl<R: BufRead> LineReader<R> {
    /// Reads from the input's current place, which is called offset 0.
    pub fn new(input: R) -> Self {
        Self { input, offset: 0 }
    }

    /// The next line, without its newline, into `line`; `None` at the end.
    pub fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineEnd>> {
        line.clear();
        let mut length = 0;
        loop {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                return Ok((length > 0).then_some(LineEnd::Torn));
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..newline.unwrap_or(available.len())];
            let room = MAX_LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            length += part.len();
            let used = part.len() + usize::from(newline.is_some());
            self.input.consume(used);
            self.offset += used as u64;
            if newline.is_some() {
                return Ok(Some(if length > MAX_LINE_BYTES { LineEnd::TooLong } else { LineEnd::Whole }));
            }
        }
    }
}

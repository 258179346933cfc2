//! One audit record: its members, and its line in the log.
//!
//! How lines hang together is in `record/chain.rs`, files and threads are in `log.rs`. No clock: the time is handed in.

use std::{borrow::Cow, io::Write, sync::Arc};

use jiff::Timestamp;

use crate::error::ErrorCode;

pub mod chain;

use chain::{Head, finish_line};

/// A text member longer than this is cut and ends in "…". Seven of them, each byte escaped to six, stay below
/// [`chain::MAX_LINE_BYTES`]; all names that were accepted are far shorter, so only refused nonsense is ever cut.
pub const MAX_TEXT_BYTES: usize = 1024;

/// What marks a text that was cut.
const CUT: &str = "…";

/// The door a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The gRPC services.
    Grpc,
    /// The module's stream.
    Pkcs11,
    /// The daemon itself: start, scrub, rotation of the log.
    Internal,
}

impl Door {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Pkcs11 => "pkcs11",
            Self::Internal => "internal",
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Policy allowed it: the intent, on record before a key is used.
    Allowed,
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and failed.
    Failed,
}

impl Outcome {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One decision or one use. Shared texts are `Arc<str>`: the hot path clones pointers, not names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, in microseconds since 1970 UTC.
    pub time_unix_micros: i64,
    /// Ties the records of one request together.
    pub request_id: u64,
    /// Who, such as `uid:0 pid:12` or `certificate:web`.
    pub caller: Arc<str>,
    /// By which door.
    pub door: Door,
    /// What, such as `sign` or `vault.create`.
    pub operation: Cow<'static, str>,
    /// In which vault.
    pub vault: Option<Arc<str>>,
    /// Which key or other object.
    pub object: Option<Arc<str>>,
    /// Which version of it.
    pub version: Option<Arc<str>>,
    /// By which algorithm.
    pub algorithm: Option<Cow<'static, str>>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why not.
    pub code: Option<ErrorCode>,
    /// Anything else worth a line; never a secret.
    pub detail: Option<String>,
    /// The receipt of an import of a wrapped key ([`crate::audit::receipt`]).
    pub receipt: Option<String>,
}

impl Record {
    /// A record with only what every record has.
    pub fn new(
        time_unix_micros: i64,
        request_id: u64,
        caller: impl Into<Arc<str>>,
        door: Door,
        operation: impl Into<Cow<'static, str>>,
        outcome: Outcome,
    ) -> Self {
        Self {
            time_unix_micros,
            request_id,
            caller: caller.into(),
            door,
            operation: operation.into(),
            vault: None,
            object: None,
            version: None,
            algorithm: None,
            outcome,
            code: None,
            detail: None,
            receipt: None,
        }
    }

    /// Appends the record's line, newline included, and returns the chain's new head.
    ///
    /// The members' order is fixed, absent ones are left out, and `hash` is last: a line has one form only.
    pub fn write_line(&self, sequence: u64, previous: &Head, out: &mut Vec<u8>) -> Head {
        let start = out.len();
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{{\"sequence\":{sequence},\"time\":\"");
        write_time(self.time_unix_micros, out);
        let _ = write!(out, "\",\"request\":\"{:016x}\"", self.request_id);
        member("caller", &self.caller, out);
        member("door", self.door.name(), out);
        member("operation", &self.operation, out);
        optional("vault", self.vault.as_deref(), out);
        optional("object", self.object.as_deref(), out);
        optional("version", self.version.as_deref(), out);
        optional("algorithm", self.algorithm.as_deref(), out);
        member("outcome", self.outcome.name(), out);
        optional("code", self.code.map(ErrorCode::reason), out);
        optional("detail", self.detail.as_deref(), out);
        if let Some(receipt) = &self.receipt {
            // Letters, digits and dots, and never cut: half of a signature is none.
            out.extend_from_slice(chain::RECEIPT_MEMBER);
            escape(receipt, out);
            out.push(b'"');
        }
        finish_line(previous, start, out)
    }
}

/// RFC 3339, UTC, always six digits of a second. A time outside the calendar is written as the nearest in it.
pub(super) fn write_time(unix_micros: i64, out: &mut Vec<u8>) {
    let nearest = if unix_micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::from_microsecond(unix_micros).unwrap_or(nearest);
    let _ = write!(out, "{time:.6}");
}

fn optional(name: &str, value: Option<&str>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        member(name, value, out);
    }
}

fn member(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":\"");
    if value.len() <= MAX_TEXT_BYTES {
        escape(value, out);
    } else {
        escape(&value[..value.floor_char_boundary(MAX_TEXT_BYTES)], out);
        out.extend_from_slice(CUT.as_bytes());
    }
    out.push(b'"');
}

/// JSON's escapes (RFC 8259 section 7) and no others. Runs without any, which are nearly all, are copied whole.
fn escape(value: &str, out: &mut Vec<u8>) {
    let bytes = value.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        let _ = match byte {
            b'"' | b'\\' => out.write_all(&[b'\\', byte]),
            _ => write!(out, "\\u{byte:04x}"),
        };
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{chain::GENESIS, *};

    fn line(record: &Record, sequence: u64) -> String {
        let mut out = b"earlier\n".to_vec();
        record.write_line(sequence, &GENESIS, &mut out);
        String::from_utf8(out).unwrap().strip_prefix("earlier\n").unwrap().to_owned()
    }

    #[test]
    fn line_has_one_form() {
        let mut record = Record::new(1_795_000_000_000_001, 0xab, "uid:0 pid:12", Door::Grpc, "sign", Outcome::Refused);
        record.vault = Some("dev".into());
        record.code = Some(ErrorCode::PermissionDenied);
        let line = line(&record, 7);
        let (body, hash) = line.split_once(",\"hash\":\"").unwrap();
        assert_eq!(
            body,
            "{\"sequence\":7,\"time\":\"2026-11-18T11:06:40.000001Z\",\"request\":\"00000000000000ab\",\
             \"caller\":\"uid:0 pid:12\",\"door\":\"grpc\",\"operation\":\"sign\",\"vault\":\"dev\",\
             \"outcome\":\"refused\",\"code\":\"PERMISSION_DENIED\""
        );
        assert_eq!(hash.len(), 64 + "\"}\n".len());
    }

    #[test]
    fn hash_is_as_documented() {
        use sha2::{Digest, Sha256};
        let record = Record::new(0, 1, "c", Door::Internal, "start", Outcome::Done);
        let previous = [9; 32];
        let mut out = Vec::new();
        let head = record.write_line(1, &previous, &mut out);
        let line = String::from_utf8(out).unwrap();
        // Done as a reader of the documentation would: drop the hash member, hash the previous head and the rest.
        let at = line.find(",\"hash\"").unwrap();
        let without = format!("{}}}", &line[..at]);
        let expect: Head = Sha256::new().chain_update(previous).chain_update(without).finalize().into();
        assert_eq!(head, expect);
        assert_eq!(chain::parse_hex(&line[at + 9..at + 73]), Some(head));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let mut record = Record::new(0, 0, "", Door::Grpc, "x", Outcome::Done);
        record.detail = Some("é".repeat(MAX_TEXT_BYTES));
        let value: Value = serde_json::from_str(&line(&record, 1)).unwrap();
        assert_eq!(value["detail"], format!("{}…", "é".repeat(MAX_TEXT_BYTES / 2)));
        let worst: Arc<str> = "\u{1}".repeat(MAX_TEXT_BYTES + 1).into();
        record.caller = worst.clone();
        record.operation = worst.to_string().into();
        record.vault = Some(worst.clone());
        record.object = Some(worst.clone());
        record.version = Some(worst.clone());
        record.algorithm = Some(worst.to_string().into());
        record.detail = Some(worst.to_string());
        assert!(line(&record, u64::MAX).len() < chain::MAX_LINE_BYTES);
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[\u{0}-\u{20}\"\\\\\u{7f}-\u{a0}]{0,40}", Just("\",\"hash\":\"".to_owned())]
    }

    proptest! {
        #[test]
        fn serde_json_reads_back_the_same(
            texts in proptest::array::uniform7(text()),
            (time, id, sequence) in any::<(i64, u64, u64)>(),
        ) {
            let [caller, operation, vault, object, version, algorithm, detail] = texts;
            let mut record = Record::new(time, id, caller.as_str(), Door::Pkcs11, operation.clone(), Outcome::Allowed);
            record.vault = Some(vault.as_str().into());
            record.object = Some(object.as_str().into());
            record.version = Some(version.as_str().into());
            record.algorithm = Some(algorithm.clone().into());
            record.detail = Some(detail.clone());
            let line = line(&record, sequence);
            prop_assert_eq!(line.matches('\n').count(), 1);
            let value: Value = serde_json::from_str(&line).unwrap();
            let expect = [
                ("caller", caller), ("operation", operation), ("vault", vault), ("object", object),
                ("version", version),
                ("algorithm", algorithm), ("detail", detail), ("request", format!("{id:016x}")),
            ];
            for (name, text) in expect {
                prop_assert_eq!(value[name].as_str(), Some(text.as_str()), "{}", name);
            }
            prop_assert_eq!(value["sequence"].as_u64(), Some(sequence));
            let read: Timestamp = value["time"].as_str().unwrap().parse().unwrap();
            let nearest = time.clamp(Timestamp::MIN.as_microsecond(), Timestamp::MAX.as_microsecond());
            prop_assert_eq!(read.as_microsecond(), nearest);
        }
    }
}

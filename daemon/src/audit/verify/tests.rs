//! Every kind of tampering, done to a log of three files and found.

use std::{
    fs,
    path::PathBuf,
    sync::{LazyLock, Mutex},
};

use proptest::prelude::*;

use super::*;
use crate::audit::{
    log::{AuditLog, CheckpointSigner, Opening, Settings},
    record::{Door, Outcome, Record},
};

/// A log as its files' texts, and its last anchor.
struct Log {
    files: Vec<String>,
    anchor: Anchor,
    public_key: Vec<u8>,
}

/// Made once: three files, 21 records, several checkpoints. Every test tampers with a copy.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let stored = std::sync::Arc::new(Mutex::new(Anchor::START));
    for run in 0..3 {
        let stored_here = stored.clone();
        let opening = Opening {
            signer: CheckpointSigner::from_seed(&[3; 32]).unwrap(),
            store_anchor: Box::new(move |anchor| {
                *stored_here.lock().unwrap() = anchor;
                Ok(())
            }),
            last_anchor: None,
            now_unix_micros: 0,
        };
        // As large as the last file is now: each later run begins a new one with its first record, and fits into it.
        let last = files::list(dir.path()).unwrap().pop();
        let rotate_bytes = last.map_or(u64::MAX, |(_, path)| fs::metadata(path).unwrap().len());
        let log = AuditLog::open(dir.path(), opening, Settings { rotate_bytes, ..Settings::default() }).unwrap();
        for i in 0..7 {
            let mut record = Record::new(i, run, "uid:0 pid:12", Door::Grpc, "sign", Outcome::Done);
            record.detail = Some(format!("{run}/{i} \"é\""));
            log.append(record).unwrap();
        }
    }
    let files: Vec<_> = files::list(dir.path()).unwrap();
    let files: Vec<_> = files.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(files.len(), 3);
    let anchor = *stored.lock().unwrap();
    Log { files, anchor, public_key: CheckpointSigner::from_seed(&[3; 32]).unwrap().public_key() }
});

fn path(dir: &tempfile::TempDir, number: usize) -> PathBuf {
    dir.path().join(files::name(number as u32))
}

/// Verifies a log of these files.
fn check(files: &[impl AsRef<[u8]>], anchor: Option<Anchor>) -> Report {
    let dir = tempfile::tempdir().unwrap();
    for (index, text) in files.iter().enumerate() {
        fs::write(path(&dir, index + 1), text).unwrap();
    }
    verify(dir.path(), &LOG.public_key, anchor).unwrap()
}

/// One finding or more, the first of which names the place and the kind.
fn found(report: &Report, place: &str, kind: &str) {
    let first = report.findings.first().expect("tampering was not found");
    assert!(first.starts_with(place) && first.contains(kind), "{:?}", report.findings);
}

/// The files with the lines of one of them changed.
fn with_lines(file: usize, change: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
    let mut files = LOG.files.clone();
    let mut lines = files[file].lines().map(str::to_owned).collect();
    change(&mut lines);
    files[file] = lines.iter().map(|line| format!("{line}\n")).collect();
    files
}

#[test]
fn untouched_log_is_clean() {
    let report = check(&LOG.files, Some(LOG.anchor));
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.files, report.anchored_sequence), (21, 3, Some(21)));
    assert!(report.checkpoints >= 3);
    assert_eq!(check(&LOG.files, None).findings, [""; 0]);
    let other = CheckpointSigner::from_seed(&[4; 32]).unwrap().public_key();
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(&dir, 1), &LOG.files[0]).unwrap();
    found(&verify(dir.path(), &other, None).unwrap(), "audit-000001.jsonl:", "signature");
}

#[test]
fn removed_inserted_and_swapped_lines() {
    found(
        &check(&with_lines(0, |lines| drop(lines.remove(2))), None),
        "audit-000001.jsonl:3:",
        "records 3 to 3 are missing",
    );
    found(
        &check(&with_lines(0, |lines| lines.insert(3, lines[2].clone())), None),
        "audit-000001.jsonl:4:",
        "inserted or moved",
    );
    found(&check(&with_lines(0, |lines| lines.swap(2, 3)), None), "audit-000001.jsonl:3:", "missing");
    found(&check(&with_lines(1, |lines| lines.insert(3, "hello".into())), None), "audit-000002.jsonl:4:", "no form");
    found(
        &check(&with_lines(1, |lines| lines.insert(3, "x".repeat(100_000))), None),
        "audit-000002.jsonl:4:",
        "longer",
    );
    found(&check(&with_lines(1, |lines| lines.insert(3, String::new())), None), "audit-000002.jsonl:4:", "no form");
}

#[test]
fn missing_and_reordered_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(&dir, 1), &LOG.files[0]).unwrap();
    fs::write(path(&dir, 3), &LOG.files[2]).unwrap();
    found(&verify(dir.path(), &LOG.public_key, None).unwrap(), "audit-000002.jsonl", "missing");
    fs::write(path(&dir, 2), &LOG.files[1]).unwrap();
    fs::remove_file(path(&dir, 1)).unwrap();
    found(&verify(dir.path(), &LOG.public_key, None).unwrap(), "audit-000001.jsonl", "missing");
    let [one, two, three] = &LOG.files[..] else { panic!() };
    found(&check(&[one, three, two], None), "audit-000002.jsonl:1:", "continues 'audit-000002.jsonl'");
    found(&check(&[one, &String::new(), three], None), "audit-000002.jsonl", "empty");
    found(&check(&with_lines(1, |lines| drop(lines.remove(0))), None), "audit-000002.jsonl:1:", "is missing");
}

#[test]
fn forged_chain_is_stopped_by_checkpoints_and_by_the_anchor() {
    // Somebody with the files but no key writes a whole chain of his own.
    let mut forged = Vec::new();
    let mut end = Anchor::START;
    let record = Record::new(0, 0, "nobody", Door::Grpc, "sign", Outcome::Done);
    for sequence in 1..=30 {
        end = Anchor { sequence, head: record.write_line(sequence, &end.head, &mut forged) };
    }
    let report = check(&[&forged], Some(LOG.anchor));
    found(&report, "audit-000001.jsonl:21:", "not the record that was anchored");
    assert_eq!(report.anchored_sequence, None);
    let checkpoint = LOG.files[0].lines().rfind(|line| line.starts_with("{\"checkpoint\"")).unwrap();
    let with_old_checkpoint = [&forged[..], checkpoint.as_bytes(), b"\n"].concat();
    found(&check(&[with_old_checkpoint], None), "audit-000001.jsonl:31:", "another head");
}

#[test]
fn truncation_is_found_back_to_the_anchor_and_not_after() {
    let before = with_lines(2, |lines| lines.truncate(4));
    let report = check(&before, Some(LOG.anchor));
    found(&report, "the log was truncated", "record 21 was anchored");
    found(&check(&LOG.files[..1], Some(LOG.anchor)), "the log was truncated", "ends at record 7");
    found(&check(&[] as &[&str], Some(LOG.anchor)), "the log was truncated", "ends at record 0");
    // The documented gap: what came after the last anchor, at most a second's records, can go unseen.
    let last =
        LOG.files[2].lines().filter(|line| line.starts_with("{\"sequence\":18,")).map(str::to_owned).next().unwrap();
    let Some(Line::Record(record)) = parse_line(last.as_bytes()) else { panic!() };
    let report = check(&before, Some(Anchor { sequence: 18 - 1, head: record.hash }));
    assert!(!report.findings.is_empty(), "an anchor of another head at 17");
    let kept = before[2].lines().next_back().unwrap().to_owned();
    let Some(Line::Record(record)) = parse_line(kept.as_bytes()) else { panic!("{kept}") };
    let anchor = Anchor { sequence: record.sequence, head: record.hash };
    assert_eq!(check(&before, Some(anchor)).findings, [""; 0]);
}

#[test]
fn findings_are_bounded() {
    let nonsense = "nonsense\n".repeat(MAX_FINDINGS * 3);
    assert_eq!(check(&[nonsense], None).findings.len(), MAX_FINDINGS + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Any other byte at any place of any line, be it a record, a checkpoint or a file's first line.
    #[test]
    fn one_edited_byte_is_found(file in 0..3_usize, at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let mut files: Vec<Vec<u8>> = LOG.files.iter().map(|text| text.clone().into_bytes()).collect();
        // The very last newline is left alone: without it the line is an incomplete one, which is a note.
        let length = files[file].len() - usize::from(file == 2);
        let at = at.index(length);
        files[file][at] ^= change;
        let line = LOG.files[file].as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let report = check(&files, Some(LOG.anchor));
        prop_assert!(!report.findings.is_empty(), "byte {} of file {}", at, file + 1);
        let place = format!("audit-00000{}.jsonl:{line}:", file + 1);
        // An edited hash is noticed on its own line, an edited newline too; nothing earlier is ever blamed.
        prop_assert!(report.findings[0].starts_with(&place), "{} expected {}", report.findings[0], place);
    }
}

#[test]
fn a_receipt_of_somebody_else_or_of_another_import_is_found() {
    use crate::audit::{receipt::Receipt, record::chain::GENESIS};

    let check_receipt = |seed: u8, key: &str, findings: usize| {
        let receipt = Receipt {
            jti: "0".repeat(32),
            iat: 1,
            caller: "uid:0 pid:12".into(),
            oid: String::new(),
            vault: "dev".into(),
            key: key.into(),
            version: "1".repeat(32),
            kind: "P-256".into(),
            spki_sha256: Some("2".repeat(64)),
            kek: "kek/3".into(),
            dialect: "azure".into(),
            algorithm: "RSA-OAEP with SHA-1 and AES-KWP".into(),
        };
        let mut record = Record::new(1, 1, "uid:0 pid:12", Door::Grpc, "key.import", Outcome::Done);
        (record.vault, record.object) = (Some("dev".into()), Some("web".into()));
        record.receipt = Some(receipt.sign(&CheckpointSigner::from_seed(&[seed; 32]).unwrap()));
        let mut line = Vec::new();
        record.write_line(1, &GENESIS, &mut line);
        let report = check(&[&line], None);
        assert_eq!((report.findings.len(), report.records), (findings, 1), "{:?}", report.findings);
        assert!(report.findings.iter().all(|finding| finding.contains("receipt")));
    };
    // The names in the receipt are as the vault writes them, in the record as the caller did.
    check_receipt(3, "Web", 0);
    check_receipt(4, "web", 1);
    check_receipt(3, "mail", 1);
}

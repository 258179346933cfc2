//! The log's promises: order, durability, refusal, rotation, and what it says after a crash.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Instant,
};

use super::{writer::Sink, *};
use crate::audit::verify::{Report, verify};

const SEED: [u8; 32] = [7; 32];

/// A log's directory and the anchors that were stored for it.
struct Fixture {
    dir: tempfile::TempDir,
    anchors: Arc<Mutex<Vec<Anchor>>>,
}

impl Fixture {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), anchors: Arc::default() }
    }

    fn opening(&self) -> Opening {
        let anchors = Arc::clone(&self.anchors);
        Opening {
            signer: CheckpointSigner::from_seed(&SEED).unwrap(),
            store_anchor: Box::new(move |anchor| {
                anchors.lock().unwrap().push(anchor);
                Ok(())
            }),
            last_anchor: self.last_anchor(),
            now_unix_micros: 1_795_000_000_000_000,
        }
    }

    fn last_anchor(&self) -> Option<Anchor> {
        self.anchors.lock().unwrap().last().copied()
    }

    fn open(&self, settings: Settings) -> AuditLog {
        AuditLog::open(self.dir.path(), self.opening(), settings).unwrap()
    }

    fn verify(&self) -> Report {
        let key = CheckpointSigner::from_seed(&SEED).unwrap().public_key();
        verify(self.dir.path(), &key, self.last_anchor()).unwrap()
    }

    fn file(&self, number: u32) -> PathBuf {
        self.dir.path().join(files::name(number))
    }
}

fn record(detail: &str) -> Record {
    let mut record = Record::new(1_795_000_000_000_000, 1, "uid:0 pid:12", Door::Grpc, "sign", Outcome::Allowed);
    record.vault = Some("dev".into());
    record.object = Some("web-2026".into());
    record.detail = Some(detail.into());
    record
}

fn small_files() -> Settings {
    Settings { rotate_bytes: 2000, ..Settings::default() }
}

/// Appends one by one, each on disk before the next, so that rotation happens between them.
fn append_all(log: &AuditLog, count: usize) {
    for i in 0..count {
        log.append(record(&i.to_string())).unwrap();
        log.flush().unwrap();
    }
}

#[test]
fn three_files_verify_and_continue() {
    let fixture = Fixture::new();
    let log = fixture.open(small_files());
    append_all(&log, 18);
    assert!(log.tail(3).unwrap()[2].contains("\"detail\":\"17\""));
    drop(log);
    assert!(fixture.file(3).exists());
    assert_eq!(fs::metadata(fixture.file(3)).unwrap().permissions().mode() & 0o777, 0o600);
    let log = fixture.open(small_files());
    assert_eq!(log.opened_with(), None);
    assert_eq!(log.append(record("again")).unwrap(), 19);
    log.flush().unwrap();
    let tail = log.tail(100).unwrap();
    assert_eq!(tail.len(), 19);
    for (index, line) in tail.iter().enumerate() {
        assert!(line.starts_with(&format!("{{\"sequence\":{},", index + 1)), "{line}");
    }
    drop(log);
    let report = fixture.verify();
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.anchored_sequence), (19, Some(19)));
    assert!(report.files >= 3 && report.checkpoints >= 2, "{report:?}");
}

#[test]
fn records_reach_the_disk_by_themselves() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings::default());
    log.append(record("x")).unwrap();
    let start = Instant::now();
    while log.tail(1).unwrap().is_empty() || fixture.last_anchor().is_none() {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody wrote it");
        thread::sleep(Duration::from_millis(1));
    }
    // The next checkpoint is due a second later and comes although no further record does.
    log.append(record("y")).unwrap();
    log.flush().unwrap();
    while fixture.last_anchor().unwrap().sequence < 2 {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody anchored it");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn torn_tail_is_cut_and_recorded() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings::default());
    append_all(&log, 3);
    drop(log);
    let mut bytes = fs::read(fixture.file(1)).unwrap();
    bytes.extend_from_slice(b"{\"sequence\":4,\"time\":\"20");
    fs::write(fixture.file(1), bytes).unwrap();
    assert_eq!(fixture.verify().notes.len(), 1);
    let log = fixture.open(Settings::default());
    assert_eq!(log.opened_with(), None, "a crash leaves this behind");
    assert!(log.tail(1).unwrap()[0].contains("\"operation\":\"audit.torn_line\""));
    assert_eq!(log.append(record("next")).unwrap(), 5);
    drop(log);
    let report = fixture.verify();
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.notes.len()), (5, 1));
}

#[test]
fn crash_while_a_file_begins() {
    for begun in ["", "{\"continues\":{\"file\":\"audit-0000"] {
        let fixture = Fixture::new();
        let log = fixture.open(Settings::default());
        append_all(&log, 3);
        drop(log);
        fs::write(fixture.file(2), begun).unwrap();
        let log = fixture.open(Settings::default());
        assert_eq!(log.opened_with(), None);
        log.append(record("next")).unwrap();
        drop(log);
        assert_eq!(fixture.verify().findings, [""; 0]);
        let opening = "{\"continues\":{\"file\":\"audit-000001.jsonl\",\"sequence\":3,";
        assert!(fs::read_to_string(fixture.file(2)).unwrap().starts_with(opening));
    }
}

#[test]
fn removed_records_are_named_when_opened() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings::default());
    append_all(&log, 5);
    drop(log);
    let text = fs::read_to_string(fixture.file(1)).unwrap();
    let keep: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(fixture.file(1), keep).unwrap();
    let log = fixture.open(Settings::default());
    assert!(log.opened_with().unwrap().contains("record 5 was anchored"), "{:?}", log.opened_with());
    assert!(log.tail(1).unwrap()[0].contains("\"operation\":\"audit.truncated\""));
    append_all(&log, 9);
    drop(log);
    // Even now that a newer anchor fits, the log is not called clean.
    assert_eq!(fixture.verify().findings.len(), 1);
    fs::remove_file(fixture.file(1)).unwrap();
    assert!(fixture.open(Settings::default()).opened_with().is_some(), "no log at all is a truncated one");
}

#[test]
fn damage_in_the_last_file_is_kept_aside() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings::default());
    append_all(&log, 5);
    drop(log);
    let text = fs::read_to_string(fixture.file(1)).unwrap();
    fs::write(fixture.file(1), text.replace("\"detail\":\"3\"", "\"detail\":\"8\"")).unwrap();
    let log = fixture.open(Settings::default());
    let found = log.opened_with().unwrap();
    assert!(found.contains("does not belong") && found.contains("was anchored"), "{found}");
    assert_eq!(log.append(record("next")).unwrap(), 6, "after records 1 to 3 and the two findings");
    drop(log);
    let kept = fs::read_dir(fixture.dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains(".damaged-")).collect();
    assert_eq!(kept.len(), 1);
    assert!(fs::read_to_string(&kept[0]).unwrap().contains("\"detail\":\"8\""));
    assert_eq!(fixture.verify().findings.len(), 2);
}

/// A sink that waits, or fails, when told to.
struct TestSink {
    held: mpsc::Receiver<()>,
    broken: Arc<AtomicBool>,
}

impl Sink for TestSink {
    fn write_all(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let _ = self.held.recv();
        if self.broken.load(Ordering::SeqCst) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

/// A log of which each sync waits for a message, or for the sender to be dropped.
fn open_held(fixture: &Fixture, queued_records: usize) -> (AuditLog, mpsc::Sender<()>, Arc<AtomicBool>) {
    let (release, held) = mpsc::channel();
    let broken = Arc::new(AtomicBool::new(false));
    let mut sink = Some(TestSink { held, broken: Arc::clone(&broken) });
    let settings = Settings { queued_records, ..Settings::default() };
    let open_sink = Box::new(move |_: &Path| Ok(Box::new(sink.take().unwrap()) as Box<dyn Sink>));
    let log = AuditLog::open_with(fixture.dir.path(), fixture.opening(), settings, open_sink).unwrap();
    (log, release, broken)
}

#[test]
fn full_queue_refuses() {
    let fixture = Fixture::new();
    let (log, release, _) = open_held(&fixture, 10);
    // The writer takes at most one queue's worth and is held in its sync; a second fills up behind it.
    let mut appended = 0;
    let start = Instant::now();
    let refused = loop {
        match log.append(record("x")) {
            Ok(sequence) => {
                appended += 1;
                assert_eq!(sequence, appended);
            }
            Err(error) if start.elapsed() > Duration::from_millis(500) => break error,
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    };
    assert_eq!(refused.code, ErrorCode::AuditFailed);
    assert!((10..=20).contains(&appended), "{appended}");
    drop(release);
    log.flush().unwrap();
    assert_eq!(log.append(record("x")).unwrap(), appended + 1, "a full queue is not a failed log");
}

#[test]
fn failed_sink_refuses_for_good() {
    let fixture = Fixture::new();
    let (log, release, broken) = open_held(&fixture, 100);
    broken.store(true, Ordering::SeqCst);
    log.append(record("x")).unwrap();
    drop(release);
    assert_eq!(log.flush().unwrap_err().code, ErrorCode::AuditFailed);
    broken.store(false, Ordering::SeqCst);
    assert_eq!(log.append(record("x")).unwrap_err().code, ErrorCode::AuditFailed, "no second try");
    assert!(log.failure().unwrap().contains("the disk is gone"));
}

#[test]
fn failed_anchor_refuses() {
    let fixture = Fixture::new();
    let mut opening = fixture.opening();
    opening.store_anchor = Box::new(|_| Err(Error::new(ErrorCode::StoreFailed, "no store")));
    let log = AuditLog::open(fixture.dir.path(), opening, Settings::default()).unwrap();
    log.append(record("x")).unwrap();
    let start = Instant::now();
    while log.failure().is_none() {
        assert!(start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(log.append(record("x")).unwrap_err().code, ErrorCode::AuditFailed);
}

#[test]
fn rotation_into_a_missing_directory_latches() {
    let fixture = Fixture::new();
    let log = fixture.open(small_files());
    fs::remove_dir_all(fixture.dir.path()).unwrap();
    let failed = (0..100).find_map(|_| log.append(record("x")).and_then(|_| log.flush()).err());
    assert_eq!(failed.unwrap().code, ErrorCode::AuditFailed);
}

#[test]
fn followers_get_lines_or_a_mark() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings::default());
    let mut follower = log.subscribe();
    append_all(&log, 2);
    let tail = log.tail(2).unwrap();
    let start = Instant::now();
    for expect in tail {
        let line = loop {
            match follower.try_recv() {
                Ok(line) => break line,
                Err(error) => assert_eq!(error, broadcast::error::TryRecvError::Empty),
            }
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(*line, *expect);
    }
    for _ in 0..MAX_FOLLOWED_LINES + 100 {
        log.append(record("x")).unwrap();
    }
    log.flush().unwrap();
    drop(log);
    assert_eq!(follower.try_recv(), Err(broadcast::error::TryRecvError::Lagged(100)));
}

#[test]
fn concurrent_appends_are_one_chain() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings { rotate_bytes: 100_000, ..Settings::default() });
    thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || (0..500).for_each(|i| assert!(log.append(record(&format!("{thread}/{i}"))).is_ok())));
        }
    });
    drop(log);
    let report = fixture.verify();
    assert_eq!(report.findings, [""; 0]);
    assert_eq!((report.records, report.anchored_sequence), (2000, Some(2000)));
    assert!(report.files > 1);
}

#[test]
fn throughput_of_appends() {
    let fixture = Fixture::new();
    let log = fixture.open(Settings { queued_records: 200_000, ..Settings::default() });
    let count = 100_000;
    let template = record("RS256 2048");
    let start = Instant::now();
    for _ in 0..count {
        log.append(template.clone()).unwrap();
    }
    let appended = start.elapsed();
    log.flush().unwrap();
    let durable = start.elapsed();
    drop(log);
    let start = Instant::now();
    assert_eq!(fixture.verify().records, count);
    println!("{count} records: appended {appended:?}, durable {durable:?}, verified {:?}", start.elapsed());
}

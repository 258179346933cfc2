//! What only a file can do: survive, be locked, be damaged, fail. The contract itself is tested in `store/contract.rs`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use super::*;
use crate::store::contract;

fn put(key: &str, value: &str) -> Write {
    Write::Put(key.into(), value.into())
}

fn open_committing(dir: &Path, commit: Commit) -> SqliteStore {
    SqliteStore::open_with(DataDirLock::acquire(dir).unwrap(), 1000, commit).unwrap()
}

#[test]
fn keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let made = AtomicUsize::new(0);
    contract::check(&|kept| {
        let dir = root.path().join(made.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&dir).unwrap();
        let lock = DataDirLock::acquire(&dir).unwrap();
        Box::new(SqliteStore::open_with(lock, kept, Box::new(|c| c.execute_batch("COMMIT"))).unwrap())
    });
}

#[test]
fn reopening_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    store.transact(vec![], vec![put("a", "1"), put("b", "2")]).unwrap();
    let revision = store.transact(vec![], vec![Write::Delete("a".into())]).unwrap();
    let (rows, changes) = (store.range("").unwrap(), store.changes_since(0).unwrap());
    drop(store);
    let store = SqliteStore::open(dir.path()).unwrap();
    assert_eq!(store.range("").unwrap(), rows);
    assert_eq!(store.changes_since(0).unwrap(), changes);
    assert_eq!(store.revision().unwrap(), revision);
    assert!(store.transact(vec![], vec![put("c", "")]).unwrap() > revision);
}

#[test]
fn second_open_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = SqliteStore::open(dir.path()).unwrap();
    let error = SqliteStore::open(dir.path()).err().unwrap();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.detail.contains(&dir.path().display().to_string()), "{error}");
}

#[test]
fn foreign_files_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let check = |expect: &str| {
        let error = SqliteStore::open(dir.path()).err().unwrap();
        assert_eq!(error.code, ErrorCode::StoreFailed);
        assert!(error.detail.contains(FILE_NAME) && error.detail.contains(expect), "{error}");
    };
    fs::write(&path, b"this is no database, whatever its name says".repeat(200)).unwrap();
    check("is not a store");
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE holiday_photos (x)").unwrap();
    check("schema 0");
    fs::remove_file(&path).unwrap();
    drop(SqliteStore::open(dir.path()).unwrap());
    Connection::open(&path).unwrap().execute_batch("UPDATE meta SET schema = 99").unwrap();
    check("schema 99");
}

#[test]
fn damage_is_found_at_startup() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    for i in 0..200 {
        store.transact(vec![], vec![put(&format!("key/{i}"), &"v".repeat(300))]).unwrap();
    }
    drop(store);
    let path = dir.path().join(FILE_NAME);
    let mut bytes = fs::read(&path).unwrap();
    let page = 4096;
    // Cell pointers of the later pages; the first page holds the schema.
    for start in (2 * page..bytes.len()).step_by(page) {
        bytes[start..start + 16].fill(0xff);
    }
    fs::write(&path, bytes).unwrap();
    let error = SqliteStore::open(dir.path()).err().unwrap();
    assert_eq!(error.code, ErrorCode::StoreFailed);
    assert!(error.detail.contains("damaged"), "{error}");
}

#[test]
fn transactions_that_wait_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let (release, held) = mpsc::channel::<()>();
    let counted = Arc::clone(&commits);
    let store = open_committing(
        dir.path(),
        Box::new(move |connection| {
            // The first commit waits until the others have queued up behind it.
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                held.recv().unwrap();
            }
            connection.execute_batch("COMMIT")
        }),
    );
    let waiting = 40;
    std::thread::scope(|scope| {
        let first = scope.spawn(|| store.transact(vec![], vec![put("first", "")]).unwrap());
        wait_until(|| commits.load(Ordering::SeqCst) == 1);
        let sent = Arc::new(AtomicUsize::new(0));
        let others: Vec<_> = (0..waiting)
            .map(|i| {
                let (store, sent) = (&store, Arc::clone(&sent));
                // Every tenth must lose, and only it.
                let compares = if i % 10 == 0 { vec![Compare::Absent("first".into())] } else { vec![] };
                scope.spawn(move || {
                    sent.fetch_add(1, Ordering::SeqCst);
                    store.transact(compares, vec![put(&format!("other/{i}"), "")])
                })
            })
            .collect();
        wait_until(|| sent.load(Ordering::SeqCst) == waiting);
        std::thread::sleep(Duration::from_millis(100));
        release.send(()).unwrap();
        let mut revisions = vec![first.join().unwrap()];
        let answers: Vec<_> = others.into_iter().map(|other| other.join().unwrap()).collect();
        let lost = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(lost, 4);
        revisions.extend(answers.into_iter().flatten());
        revisions.sort_unstable();
        assert_eq!(revisions, (1..=37).collect::<Vec<_>>(), "each has a revision of its own, without gaps");
    });
    assert_eq!(store.range("other/").unwrap().len(), 36);
    // All 40 in one; a machine busy enough to delay some of the threads may need a second.
    let commits = commits.load(Ordering::SeqCst);
    assert!((2..=4).contains(&commits), "{commits} commits");
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}

#[test]
fn failed_commit_stops_writes_and_not_reads() {
    let dir = tempfile::tempdir().unwrap();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let store = open_committing(
        dir.path(),
        Box::new(move |connection| match counted.fetch_add(1, Ordering::SeqCst) {
            1 => Err(failure(rusqlite::ffi::SQLITE_IOERR_FSYNC)),
            _ => connection.execute_batch("COMMIT"),
        }),
    );
    store.transact(vec![], vec![put("a", "1")]).unwrap();
    for _ in 0..3 {
        let error = store.transact(vec![], vec![put("a", "2")]).unwrap_err();
        assert_eq!(error.code, ErrorCode::StoreFailed);
    }
    assert_eq!(commits.load(Ordering::SeqCst), 2, "the failed commit is not tried again");
    assert!(store.write_failure().is_some());
    assert_eq!(store.get("a").unwrap().unwrap().value, b"1");
    drop(store);
    let store = SqliteStore::open(dir.path()).unwrap();
    store.transact(vec![], vec![put("a", "3")]).unwrap();
}

#[test]
fn full_disk_fails_the_write_and_not_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut full = true;
    let store = open_committing(
        dir.path(),
        Box::new(move |connection| {
            if std::mem::take(&mut full) {
                return Err(failure(rusqlite::ffi::SQLITE_FULL));
            }
            connection.execute_batch("COMMIT")
        }),
    );
    let error = store.transact(vec![], vec![put("a", "1")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreFailed);
    assert_eq!(store.get("a").unwrap(), None);
    assert_eq!(store.transact(vec![], vec![put("a", "2")]).unwrap(), 1);
}

#[test]
fn snapshot_opens_as_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let revision = store.transact(vec![], vec![put("a", "1"), put("b", "2")]).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join(FILE_NAME);
    store.snapshot_to(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store.snapshot_to(&path).unwrap_err().code, ErrorCode::StoreFailed, "never over another file");
    assert!(path.exists(), "a refused snapshot leaves the file that was there");
    store.transact(vec![], vec![put("c", "later")]).unwrap();
    let restored = SqliteStore::open(copy.path()).unwrap();
    assert_eq!(restored.revision().unwrap(), revision);
    assert_eq!(restored.range("").unwrap().len(), 2);
}

#[test]
fn what_was_removed_is_in_no_file_after_scrubbing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
    let secret = "a key-encryption key that must be gone".repeat(4);
    let writes = (0..20).map(|number| put(&format!("row{number}"), &secret)).collect();
    store.transact(vec![], writes).unwrap();
    let found = || {
        ["store.db", "store.db-wal"].into_iter().any(|name| {
            let bytes = fs::read(dir.path().join(name)).unwrap();
            bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
        })
    };
    assert!(found());
    store.scrub().unwrap();
    assert!(found(), "what is still there stays");
    // Some are removed, some replaced, while others read and write.
    let busy = {
        let store = store.clone();
        thread::spawn(move || {
            for number in 0..200 {
                store.transact(vec![], vec![put("other", &number.to_string())]).unwrap();
                store.range("").unwrap();
            }
        })
    };
    let writes = (0..20).map(|number| match number % 2 {
        0 => Write::Delete(format!("row{number}")),
        _ => put(&format!("row{number}"), "another"),
    });
    store.transact(vec![], writes.collect()).unwrap();
    store.scrub().unwrap();
    assert!(!found());
    busy.join().unwrap();
    store.scrub().unwrap();
    assert!(!found());
}

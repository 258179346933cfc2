//! What every engine must do, as tests; each engine's own tests call [`check`] with a way to make an empty store.

use std::{sync::Arc, thread};

use super::{Change, Compare, MAX_KEY_BYTES, MAX_TRANSACTION_OPS, MAX_VALUE_BYTES, Revision, Store, Write};
use crate::error::ErrorCode;

/// Makes an empty store whose feed reaches back the given number of revisions.
pub(super) type Make<'a> = &'a dyn Fn(u64) -> Box<dyn Store>;

/// The whole contract.
pub(super) fn check(make: Make<'_>) {
    put_get_delete(make);
    prefixes_are_literal(make);
    compare_and_swap(make);
    all_or_nothing(make);
    feed_is_in_order(make);
    feed_is_compacted(make);
    limits(make);
    exact_under_contention(make);
}

fn put(key: &str, value: &str) -> Write {
    Write::Put(key.into(), value.into())
}

fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    store.range(prefix).unwrap().into_iter().map(|row| row.key).collect()
}

fn put_get_delete(make: Make<'_>) {
    let store = make(100);
    assert_eq!(store.revision().unwrap(), 0);
    assert_eq!(store.get("a").unwrap(), None);
    assert_eq!(store.transact(vec![], vec![]).unwrap(), 0, "no write, no revision");
    let first = store.transact(vec![], vec![put("a", "one"), put("b", "")]).unwrap();
    let row = store.get("a").unwrap().unwrap();
    assert_eq!((row.key.as_str(), row.value.as_slice(), row.revision), ("a", &b"one"[..], first));
    assert_eq!(store.get("b").unwrap().unwrap().value, b"");
    let second = store.transact(vec![], vec![put("a", "two")]).unwrap();
    assert!(second > first);
    assert_eq!(store.revision().unwrap(), second);
    assert_eq!(store.get("a").unwrap().unwrap().revision, second);
    assert_eq!(store.get("b").unwrap().unwrap().revision, first, "an untouched row keeps its revision");
    let third = store.transact(vec![], vec![Write::Delete("a".into()), Write::Delete("none".into())]).unwrap();
    assert!(third > second);
    assert_eq!(store.get("a").unwrap(), None);
    assert_eq!(store.write_failure(), None);
}

fn prefixes_are_literal(make: Make<'_>) {
    let store = make(100);
    let all = [
        "A/1",
        "a",
        "a%",
        "a*",
        "a/",
        "a/%",
        "a/0",
        "a/b",
        "a0",
        "a_",
        "aa",
        "a\u{10ffff}",
        "a\u{10ffff}z",
        "b",
        "é",
        "éa",
    ];
    store.transact(vec![], all.iter().rev().map(|key| put(key, key)).collect()).unwrap();
    assert_eq!(keys(&*store, ""), all, "byte order, whatever the order of writing");
    assert_eq!(keys(&*store, "a/"), ["a/", "a/%", "a/0", "a/b"], "'a0' is the next after 'a/' and not in it");
    assert_eq!(keys(&*store, "a/%"), ["a/%"]);
    assert_eq!(keys(&*store, "a_"), ["a_"]);
    assert_eq!(keys(&*store, "a%"), ["a%"]);
    assert_eq!(keys(&*store, "a*"), ["a*"]);
    assert_eq!(keys(&*store, "a\u{10ffff}"), ["a\u{10ffff}", "a\u{10ffff}z"]);
    assert_eq!(keys(&*store, "a").len(), 12);
    assert_eq!(keys(&*store, "é"), ["é", "éa"]);
    assert!(keys(&*store, "\u{10ffff}").is_empty());
    assert!(keys(&*store, "\u{d7ff}").is_empty());
    assert!(keys(&*store, "c").is_empty());
}

fn compare_and_swap(make: Make<'_>) {
    let store = make(100);
    let absent = || Compare::Absent("k".into());
    let at = |revision: Revision| Compare::RevisionIs("k".into(), revision);
    let lost = |compare: Compare, write: Write| {
        let before = (store.revision().unwrap(), store.range("").unwrap());
        assert_eq!(store.transact(vec![compare], vec![write]).unwrap_err().code, ErrorCode::Conflict);
        assert_eq!((store.revision().unwrap(), store.range("").unwrap()), before, "a lost transaction leaves no trace");
    };
    lost(at(0), put("k", "x"));
    let first = store.transact(vec![absent()], vec![put("k", "1")]).unwrap();
    lost(absent(), put("k", "x"));
    let second = store.transact(vec![at(first)], vec![put("k", "2")]).unwrap();
    lost(at(first), put("k", "x"));
    lost(at(first), Write::Delete("k".into()));
    lost(at(second + 1), put("k", "x"));
    assert_eq!(store.transact(vec![at(second)], vec![]).unwrap(), second, "a check alone");
    assert_eq!(store.transact(vec![at(first)], vec![]).unwrap_err().code, ErrorCode::Conflict);
    store.transact(vec![at(second)], vec![Write::Delete("k".into())]).unwrap();
    lost(at(second), put("k", "x"));
    let again = store.transact(vec![absent()], vec![put("k", "3")]).unwrap();
    assert!(again > second, "revisions are not used twice, even for a new row");
}

fn all_or_nothing(make: Make<'_>) {
    let store = make(100);
    let revision = store.transact(vec![], vec![put("a", "1"), put("b", "1")]).unwrap();
    let compares = vec![
        Compare::RevisionIs("a".into(), revision),
        Compare::Absent("c".into()),
        Compare::RevisionIs("b".into(), revision + 7),
    ];
    let writes = vec![put("a", "2"), put("c", "2"), Write::Delete("b".into())];
    assert_eq!(store.transact(compares, writes).unwrap_err().code, ErrorCode::Conflict);
    let rows: Vec<_> = store.range("").unwrap().into_iter().map(|row| (row.key, row.value, row.revision)).collect();
    assert_eq!(rows, [("a".into(), b"1".to_vec(), revision), ("b".into(), b"1".to_vec(), revision)]);
    assert_eq!(store.changes_since(revision).unwrap(), []);
}

fn feed_is_in_order(make: Make<'_>) {
    let store = make(100);
    let first = store.transact(vec![], vec![put("z", ""), put("a", "")]).unwrap();
    let second =
        store.transact(vec![], vec![Write::Delete("z".into()), put("m", ""), Write::Delete("none".into())]).unwrap();
    let change = |revision, key: &str, deleted| Change { revision, key: key.into(), deleted };
    let all =
        [change(first, "z", false), change(first, "a", false), change(second, "z", true), change(second, "m", false)];
    assert_eq!(store.changes_since(0).unwrap(), all);
    assert_eq!(store.changes_since(first).unwrap(), all[2..]);
    assert_eq!(store.changes_since(second).unwrap(), []);
    assert_eq!(store.changes_since(second + 1).unwrap_err().code, ErrorCode::Conflict, "another store's revision");
    assert_eq!(store.changes_since(u64::MAX).unwrap_err().code, ErrorCode::Conflict);
}

fn feed_is_compacted(make: Make<'_>) {
    let store = make(5);
    for _ in 0..8 {
        store.transact(vec![], vec![put("a", "")]).unwrap();
    }
    assert_eq!(store.changes_since(3).unwrap().len(), 5);
    let error = store.changes_since(2).unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.detail.starts_with("compacted"), "{error}");
}

fn limits(make: Make<'_>) {
    let store = make(100);
    let refused = |compares: Vec<Compare>, writes: Vec<Write>| store.transact(compares, writes).unwrap_err().code;
    assert_eq!(refused(vec![], vec![put("", "")]), ErrorCode::InvalidArgument);
    assert_eq!(refused(vec![], vec![put("a\0b", "")]), ErrorCode::InvalidArgument);
    assert_eq!(refused(vec![Compare::Absent(String::new())], vec![]), ErrorCode::InvalidArgument);
    assert_eq!(refused(vec![], vec![put(&"k".repeat(MAX_KEY_BYTES + 1), "")]), ErrorCode::InvalidArgument);
    let big = vec![0; MAX_VALUE_BYTES + 1];
    assert_eq!(refused(vec![], vec![Write::Put("a".into(), big)]), ErrorCode::MessageTooLarge);
    assert_eq!(refused(vec![], vec![put("a", ""), Write::Delete("a".into())]), ErrorCode::InvalidArgument);
    let many = |count| (0..count).map(|i| put(&i.to_string(), "")).collect::<Vec<_>>();
    assert_eq!(refused(vec![], many(MAX_TRANSACTION_OPS + 1)), ErrorCode::InvalidArgument);
    assert!(store.range("").unwrap().is_empty());
    store.transact(vec![], many(MAX_TRANSACTION_OPS)).unwrap();
    let largest = vec![Write::Put("k".repeat(MAX_KEY_BYTES), vec![7; MAX_VALUE_BYTES])];
    store.transact(vec![], largest).unwrap();
    assert_eq!(store.get(&"k".repeat(MAX_KEY_BYTES)).unwrap().unwrap().value, vec![7; MAX_VALUE_BYTES]);
}

fn exact_under_contention(make: Make<'_>) {
    let store: Arc<dyn Store> = Arc::from(make(1000));
    let start = store.transact(vec![], vec![put("n", "0")]).unwrap();
    let increment = |store: &dyn Store| loop {
        let row = store.get("n").unwrap().unwrap();
        let next = str::from_utf8(&row.value).unwrap().parse::<u32>().unwrap() + 1;
        let compare = Compare::RevisionIs("n".into(), row.revision);
        match store.transact(vec![compare], vec![put("n", &next.to_string())]) {
            Ok(_) => return,
            Err(error) => assert_eq!(error.code, ErrorCode::Conflict),
        }
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| increment(&*store)));
        }
    });
    assert_eq!(store.get("n").unwrap().unwrap().value, b"400");
    assert_eq!(store.revision().unwrap(), start + 400);
    assert_eq!(store.changes_since(start).unwrap().len(), 400);
}

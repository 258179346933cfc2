use super::*;
use crate::{keys::seal::random_secret, store::memory::MemoryStore};

struct Fixture {
    store: Arc<MemoryStore>,
    keys: RootKeys,
}

impl Fixture {
    fn new() -> Self {
        let fixture =
            Self { store: Arc::new(MemoryStore::new()), keys: RootKeys::derive(random_secret().unwrap()).unwrap() };
        Ledger::create(&*fixture.store, &fixture.keys, vec![]).unwrap();
        fixture
    }

    fn open(&self) -> Result<(Ledger, Load)> {
        Ledger::open(self.store.clone(), &self.keys)
    }

    fn value(&self, key: &str) -> Vec<u8> {
        self.store.get(key).unwrap().unwrap().value
    }

    fn overwrite(&self, key: &str, value: Vec<u8>) {
        self.store.transact(vec![], vec![Write::Put(key.into(), value)]).unwrap();
    }
}

fn commit<T>(ledger: &Ledger, fill: impl FnOnce(&mut Counters) -> Result<(Vec<Entry>, T)>) -> T {
    ledger.commit(fill, |_, _| ()).unwrap()
}

fn put(ledger: &Ledger, key: &str, body: &[u8]) {
    commit(ledger, |_| Ok((vec![Entry { key: key.into(), body: Some(body.to_vec()) }], ())));
}

#[test]
fn rows_survive_reopening_and_deletion_is_accounted_for() {
    let fixture = Fixture::new();
    let (ledger, load) = fixture.open().unwrap();
    assert!(load.rows.is_empty());
    put(&ledger, "key/a", b"one");
    put(&ledger, "key/b", b"two");
    put(&ledger, "key/a", b"three");
    commit(&ledger, |_| Ok((vec![Entry::delete("key/b".into())], ())));
    let (_, load) = fixture.open().unwrap();
    assert_eq!(
        load.rows.iter().map(|row| (row.key.as_str(), row.body.as_slice())).collect::<Vec<_>>(),
        [("key/a", b"three".as_slice())]
    );
    assert!(load.damaged.is_empty());
}

#[test]
fn a_flipped_bit_anywhere_in_a_row_refuses_that_row_alone() {
    let fixture = Fixture::new();
    let (ledger, _) = fixture.open().unwrap();
    put(&ledger, "key/a", b"a body to flip bits of");
    put(&ledger, "key/b", b"another");
    let value = fixture.value("key/a");
    for index in 0..value.len() {
        let mut flipped = value.clone();
        flipped[index] ^= 1 << (index % 8);
        fixture.overwrite("key/a", flipped);
        assert!(ledger.read("key/a").is_err_and(|error| error.code == ErrorCode::RecordDamaged), "byte {index}");
        assert!(ledger.read("key/b").unwrap().is_some());
        let (reopened, load) = fixture.open().unwrap();
        assert_eq!(load.damaged, ["key/a"], "byte {index}");
        assert_eq!(load.rows.len(), 1);
        drop(reopened);
    }
}

#[test]
fn a_damaged_row_can_be_replaced_and_does_not_hide_a_replayed_one() {
    let fixture = Fixture::new();
    let (ledger, _) = fixture.open().unwrap();
    put(&ledger, "key/a", b"one");
    put(&ledger, "key/b", b"old");
    let old = fixture.value("key/b");
    put(&ledger, "key/b", b"new");
    let mut damaged = fixture.value("key/a");
    damaged[20] ^= 1;
    fixture.overwrite("key/a", damaged);
    let new = fixture.value("key/b");
    fixture.overwrite("key/b", old);
    assert!(fixture.open().is_err(), "replayed beside a damaged one");
    fixture.overwrite("key/b", new);
    let (ledger, load) = fixture.open().unwrap();
    assert_eq!(load.damaged, ["key/a"]);
    put(&ledger, "key/a", b"two");
    assert!(fixture.open().unwrap().1.damaged.is_empty());
}

#[test]
fn missing_replayed_swapped_and_added_rows_are_refused() {
    let fixture = Fixture::new();
    let (ledger, _) = fixture.open().unwrap();
    put(&ledger, "key/a", b"old");
    let old = fixture.value("key/a");
    put(&ledger, "key/a", b"new");
    put(&ledger, "key/b", b"other");
    let (a, b) = (fixture.value("key/a"), fixture.value("key/b"));

    fixture.overwrite("key/a", old);
    assert!(fixture.open().is_err(), "replayed");
    assert!(ledger.read("key/a").is_err(), "replayed under a running daemon");
    fixture.overwrite("key/a", a.clone());
    assert!(fixture.open().is_ok());

    fixture.store.transact(vec![], vec![Write::Delete("key/b".into())]).unwrap();
    assert!(fixture.open().is_err(), "missing");
    fixture.overwrite("key/b", a.clone());
    fixture.overwrite("key/a", b.clone());
    let swapped = fixture.open();
    assert!(swapped.is_err() || swapped.is_ok_and(|(_, load)| load.damaged.len() == 2), "swapped");
    fixture.overwrite("key/a", a);
    fixture.overwrite("key/b", b.clone());
    fixture.overwrite("key/c", b);
    assert!(fixture.open().is_err(), "added");
}

#[test]
fn another_root_key_opens_nothing() {
    let fixture = Fixture::new();
    let (ledger, _) = fixture.open().unwrap();
    put(&ledger, "key/a", b"one");
    let other = RootKeys::derive(random_secret().unwrap()).unwrap();
    assert!(Ledger::open(fixture.store.clone(), &other).is_err());
}

#[test]
fn counters_never_go_back() {
    let fixture = Fixture::new();
    let take =
        |ledger: &Ledger| commit(ledger, |counters| Ok((vec![], (counters.take_slot(), counters.take_ordinal()))));
    let (ledger, _) = fixture.open().unwrap();
    assert_eq!(take(&ledger), (0, 1));
    assert_eq!(take(&ledger), (1, 2));
    drop(ledger);
    assert_eq!(take(&fixture.open().unwrap().0), (2, 3));
}

#[test]
fn sums_undo_each_other() {
    let (a, b) = ([0xff; 32], [0x81; 32]);
    let mut sum = [7; 32];
    add(&mut sum, &a);
    add(&mut sum, &b);
    subtract(&mut sum, &a);
    subtract(&mut sum, &b);
    assert_eq!(sum, [7; 32]);
}

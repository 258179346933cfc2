//! Rows over the store: each with a MAC and a sequence number, all of them summed up in one state row, so that an edited, replayed, added or
//! missing row is noticed by whoever holds the root key. Says nothing about what the rows mean.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::hmac;
use prost::Message;

use super::{
    record::{FORMAT, Row, StateRecord, row},
    seal::RootKeys,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    store::{Compare, Store, Write},
};

/// A row to be written, or (without a body) deleted.
pub struct Entry {
    /// The row's name.
    pub key: String,
    /// The record, encoded.
    pub body: Option<Vec<u8>>,
}

impl Entry {
    /// Writes a record.
    pub fn put(key: String, record: &impl Message) -> Self {
        Self { key, body: Some(record.encode_to_vec()) }
    }

    /// Removes a row.
    pub fn delete(key: String) -> Self {
        Self { key, body: None }
    }
}

/// A row that was read and whose MAC is right.
pub struct Verified {
    /// The row's name.
    pub key: String,
    /// When it was written.
    pub sequence: u64,
    /// The record, encoded.
    pub body: Vec<u8>,
}

/// The MACed rows of one store.
pub struct Ledger {
    store: Arc<dyn Store>,
    meta: hmac::Key,
    state: Mutex<State>,
    /// The MAC of every row, which the sum is made of. A lock of its own, changed under the state's: a key that is opened for the first
    /// time must not wait for somebody's commit.
    macs: RwLock<HashMap<String, [u8; 32]>>,
    /// The next slot id, for who must not wait for somebody's commit either.
    next_slot: AtomicU64,
}

struct State {
    record: StateRecord,
    /// The store's revision of the state row: every commit compares it, so two daemons can never both win.
    revision: u64,
}

/// What reading the whole store showed.
pub struct Load {
    /// Rows whose MAC is right, by name.
    pub rows: Vec<Verified>,
    /// Rows whose MAC is wrong; nothing is done with them.
    pub damaged: Vec<String>,
}

impl Ledger {
    /// Writes the first, empty state. The store must have none.
    pub fn create(store: &dyn Store, keys: &RootKeys, mut writes: Vec<Write>) -> Result<()> {
        let record = StateRecord { sequence: 0, root: vec![0; 32], next_slot: 0, next_ordinal: 1 };
        writes.push(Write::Put(row::STATE.into(), wrap(keys.meta(), row::STATE, 0, &record.encode_to_vec()).0));
        store.transact(vec![Compare::Absent(row::STATE.into())], writes).map(|_| ())
    }

    /// Reads every row and checks it. Fails when rows are missing, added or replayed; a damaged row alone fails only its own use.
    pub fn open(store: Arc<dyn Store>, keys: &RootKeys) -> Result<(Self, Load)> {
        let meta = keys.meta().clone();
        let state_row = store.get(row::STATE)?.ok_or_else(|| {
            Error::new(ErrorCode::RecordDamaged, "the store has no state row: it was never initialised or is damaged")
        })?;
        let record = unwrap(&meta, row::STATE, &state_row.value)
            .and_then(|verified| StateRecord::decode(verified.body.as_slice()).ok())
            .ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the state row fails its integrity check"))?;
        let mut macs = HashMap::new();
        let mut sum = [0; 32];
        let mut either = Vec::new();
        let mut load = Load { rows: Vec::new(), damaged: Vec::new() };
        for stored in store.range("")? {
            if stored.key == row::STATE || stored.key == row::CLUSTER || stored.key.starts_with(row::SLOT) {
                continue;
            }
            let mac = stored_mac(&stored.value);
            macs.insert(stored.key.clone(), mac);
            match unwrap(&meta, &stored.key, &stored.value) {
                Some(verified) => {
                    add(&mut sum, &mac);
                    load.rows.push(verified);
                }
                None => {
                    either.push((mac, recomputed_mac(&meta, &stored.key, &stored.value)));
                    load.damaged.push(stored.key);
                }
            }
        }
        let Some(chosen) = choose(sum, &either, &record.root) else {
            let named =
                if load.damaged.is_empty() { String::new() } else { format!("; damaged: {}", load.damaged.join(", ")) };
            return Err(Error::new(
                ErrorCode::RecordDamaged,
                format!("rows of the store are missing, added or older than its state says{named}; restore a backup"),
            ));
        };
        macs.extend(load.damaged.iter().cloned().zip(chosen));
        let next_slot = AtomicU64::new(record.next_slot);
        let state = Mutex::new(State { record, revision: state_row.revision });
        Ok((Self { store, meta, state, macs: RwLock::new(macs), next_slot }, load))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half changed: `commit` replaces it as a whole, after the store has agreed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes rows, all or none, durably. `fill` is given the counters (next slot, next ordinal), may take from them, and says what to write;
    /// it runs alone, so what it reads of the catalog holds. `apply` is told of the rows once they are durable, still alone, so that it hears
    /// of them in the order of their sequence numbers. Returns what `fill` made.
    ///
    /// This is the control plane: the lock is held until the store has answered.
    pub fn commit<T>(
        &self,
        fill: impl FnOnce(&mut Counters) -> Result<(Vec<Entry>, T)>,
        apply: impl FnOnce(u64, &[Entry]),
    ) -> Result<T> {
        let mut state = self.state();
        let mut counters = Counters { next_slot: state.record.next_slot, next_ordinal: state.record.next_ordinal };
        let (entries, made) = fill(&mut counters)?;
        let sequence = state.record.sequence + 1;
        let mut root: [u8; 32] = state.record.root.as_slice().try_into().map_err(|_| Error::internal("state root"))?;
        let mut writes = Vec::with_capacity(entries.len() + 1);
        let mut new_macs = Vec::with_capacity(entries.len());
        for entry in &entries {
            if let Some(old) = self.mac(&entry.key) {
                subtract(&mut root, &old);
            }
            match &entry.body {
                Some(body) => {
                    let (value, mac) = wrap(&self.meta, &entry.key, sequence, body);
                    add(&mut root, &mac);
                    writes.push(Write::Put(entry.key.clone(), value));
                    new_macs.push((&entry.key, Some(mac)));
                }
                None => {
                    writes.push(Write::Delete(entry.key.clone()));
                    new_macs.push((&entry.key, None));
                }
            }
        }
        let record = StateRecord {
            sequence,
            root: root.to_vec(),
            next_slot: counters.next_slot,
            next_ordinal: counters.next_ordinal,
        };
        writes.push(Write::Put(row::STATE.into(), wrap(&self.meta, row::STATE, sequence, &record.encode_to_vec()).0));
        let compare = Compare::RevisionIs(row::STATE.into(), state.revision);
        let revision = self.store.transact(vec![compare], writes)?;
        self.next_slot.store(record.next_slot, Ordering::Release);
        state.record = record;
        state.revision = revision;
        {
            let mut macs = self.macs.write().unwrap_or_else(PoisonError::into_inner);
            for (key, mac) in new_macs {
                match mac {
                    Some(mac) => macs.insert(key.clone(), mac),
                    None => macs.remove(key),
                };
            }
        }
        apply(sequence, &entries);
        Ok(made)
    }

    /// The sequence number of the last commit.
    pub fn sequence(&self) -> u64 {
        self.state().record.sequence
    }

    /// The slot id that the next vault will have.
    pub fn next_slot(&self) -> u64 {
        self.next_slot.load(Ordering::Acquire)
    }

    /// Waits until the commits that are under way have ended.
    pub fn settle(&self) {
        drop(self.state());
    }

    fn mac(&self, key: &str) -> Option<[u8; 32]> {
        self.macs.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// The names of all rows of a vault but its own, damaged ones too; what others name comes after what names them.
    pub fn rows_of_vault(&self, vault: Id) -> Vec<String> {
        let id = vault.to_string();
        let is_of_vault = |key: &str| {
            let mut parts = key.splitn(3, '/');
            parts.next().is_some_and(|kind| kind != "vault") && parts.next() == Some(&id)
        };
        let macs = self.macs.read().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<_> = macs.keys().filter(|key| is_of_vault(key)).cloned().collect();
        drop(macs);
        rows.sort_by_key(|key| std::cmp::Reverse(row::rank(key)));
        rows
    }

    /// Makes sure that what was removed cannot be read from the store's files.
    pub fn scrub(&self) -> Result<()> {
        self.store.scrub()
    }

    /// Reads one row again and checks it. For rows that are written once: one that is being replaced may seem damaged.
    pub fn read(&self, key: &str) -> Result<Option<Verified>> {
        let Some(stored) = self.store.get(key)? else { return Ok(None) };
        let expected = self.mac(key);
        unwrap(&self.meta, key, &stored.value)
            .filter(|_| expected.is_some_and(|mac| mac == stored_mac(&stored.value)))
            .map(Some)
            .ok_or_else(|| Error::new(ErrorCode::RecordDamaged, format!("the record {key} fails its integrity check")))
    }
}

/// The numbers that only ever grow.
pub struct Counters {
    next_slot: u64,
    next_ordinal: u64,
}

impl Counters {
    /// A slot id nobody had before.
    pub fn take_slot(&mut self) -> u64 {
        self.next_slot += 1;
        self.next_slot - 1
    }

    /// A place in the order of creation.
    pub fn take_ordinal(&mut self) -> u64 {
        self.next_ordinal += 1;
        self.next_ordinal - 1
    }
}

fn mac_of(meta: &hmac::Key, key: &str, sequence: u64, body: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(meta);
    context.update(&[FORMAT]);
    context.update(&(key.len() as u64).to_be_bytes());
    context.update(key.as_bytes());
    context.update(&sequence.to_be_bytes());
    context.update(body);
    let mut mac = [0; 32];
    mac.copy_from_slice(context.sign().as_ref());
    mac
}

fn wrap(meta: &hmac::Key, key: &str, sequence: u64, body: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let mac = mac_of(meta, key, sequence, body);
    (Row { format: FORMAT, sequence, mac, body }.to_bytes(), mac)
}

fn unwrap(meta: &hmac::Key, key: &str, value: &[u8]) -> Option<Verified> {
    let stored = Row::parse(value)?;
    let mac = mac_of(meta, key, stored.sequence, stored.body);
    let right = stored.format == FORMAT && aws_lc_rs::constant_time::verify_slices_are_equal(&mac, &stored.mac).is_ok();
    right.then(|| Verified { key: key.to_owned(), sequence: stored.sequence, body: stored.body.to_vec() })
}

/// What a row counts in the sum.
fn stored_mac(value: &[u8]) -> [u8; 32] {
    Row::parse(value).map_or([0; 32], |row| row.mac)
}

/// What a damaged row counted if it is its MAC that was damaged.
fn recomputed_mac(meta: &hmac::Key, key: &str, value: &[u8]) -> [u8; 32] {
    Row::parse(value).map_or([0; 32], |row| mac_of(meta, key, row.sequence, row.body))
}

/// Damaged rows whose place in the sum is worked out; with more, the store is refused as a whole.
const MAX_DAMAGED_ROWS: usize = 12;

/// Which of two MACs each damaged row counts with: the one that is stored (its record was damaged) or the one it should have (its MAC was).
/// `None` when no choice gives the right sum: then rows are missing, added or replayed.
fn choose(sum: [u8; 32], either: &[([u8; 32], [u8; 32])], root: &[u8]) -> Option<Vec<[u8; 32]>> {
    if either.len() > MAX_DAMAGED_ROWS {
        return None;
    }
    (0..1u32 << either.len()).find_map(|choice| {
        let pick = |(index, (stored, recomputed)): (usize, &([u8; 32], [u8; 32]))| {
            if choice >> index & 1 == 0 { *stored } else { *recomputed }
        };
        let chosen: Vec<_> = either.iter().enumerate().map(pick).collect();
        let mut total = sum;
        chosen.iter().for_each(|mac| add(&mut total, mac));
        (total == root).then_some(chosen)
    })
}

/// Adds modulo 2^256. MACs under a secret key are as good as random, so the sum is a multiset hash nobody without the key can steer.
fn add(sum: &mut [u8; 32], value: &[u8; 32]) {
    let mut carry = 0u16;
    for (sum, value) in sum.iter_mut().rev().zip(value.iter().rev()) {
        carry += u16::from(*sum) + u16::from(*value);
        *sum = carry.to_be_bytes()[1];
        carry >>= 8;
    }
}

fn subtract(sum: &mut [u8; 32], value: &[u8; 32]) {
    let mut negated = value.map(|byte| !byte);
    let mut one = [0; 32];
    one[31] = 1;
    add(&mut negated, &one);
    add(sum, &negated);
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;

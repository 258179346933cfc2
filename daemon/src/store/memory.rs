//! The store without a file, for dev mode and tests. Nothing survives the process; everything else is the contract.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use super::{
    Change, Compare, KEPT_REVISIONS, Revision, Row, Store, Write, after_prefix, check_transaction, compacted, lost,
    never_reached,
};
use crate::error::{Error, ErrorCode, Result};

/// A store that forgets.
#[derive(Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
    kept_revisions: u64,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<String, (Vec<u8>, Revision)>,
    revision: Revision,
    changes: VecDeque<Change>,
    /// Changes up to this revision are gone.
    compacted: Revision,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::keeping(KEPT_REVISIONS)
    }

    /// An empty store whose feed reaches back `kept_revisions`.
    pub(super) fn keeping(kept_revisions: u64) -> Self {
        Self { state: RwLock::default(), kept_revisions }
    }

    /// Poison is no reason to stop: nothing between the first and the last change of a transaction can panic.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn get(&self, key: &str) -> Result<Option<Row>> {
        let state = self.read();
        let found = state.rows.get_key_value(key);
        Ok(found.map(|(key, (value, revision))| Row { key: key.clone(), value: value.clone(), revision: *revision }))
    }

    fn range(&self, prefix: &str) -> Result<Vec<Row>> {
        let upper = after_prefix(prefix);
        let bounds = (Bound::Included(prefix), upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded));
        let state = self.read();
        let rows = state.rows.range::<str, _>(bounds);
        Ok(rows
            .map(|(key, (value, revision))| Row { key: key.clone(), value: value.clone(), revision: *revision })
            .collect())
    }

    fn transact(&self, compares: Vec<Compare>, writes: Vec<Write>) -> Result<Revision> {
        check_transaction(&compares, &writes)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for compare in &compares {
            if !compare.holds(state.rows.get(compare.key()).map(|row| row.1)) {
                return Err(lost(compare));
            }
        }
        if writes.is_empty() {
            return Ok(state.revision);
        }
        let revision = state.revision + 1;
        state.revision = revision;
        for write in writes {
            let (key, deleted) = match write {
                Write::Put(key, value) => {
                    state.rows.insert(key.clone(), (value, revision));
                    (key, false)
                }
                Write::Delete(key) => {
                    if state.rows.remove(&key).is_none() {
                        continue;
                    }
                    (key, true)
                }
            };
            state.changes.push_back(Change { revision, key, deleted });
        }
        state.compacted = state.compacted.max(revision.saturating_sub(self.kept_revisions));
        let compacted = state.compacted;
        while state.changes.front().is_some_and(|change| change.revision <= compacted) {
            state.changes.pop_front();
        }
        Ok(revision)
    }

    fn revision(&self) -> Result<Revision> {
        Ok(self.read().revision)
    }

    fn changes_since(&self, revision: Revision) -> Result<Vec<Change>> {
        let state = self.read();
        if revision < state.compacted {
            return Err(compacted(revision, state.compacted));
        }
        if revision > state.revision {
            return Err(never_reached(revision, state.revision));
        }
        let start = state.changes.partition_point(|change| change.revision <= revision);
        Ok(state.changes.range(start..).cloned().collect())
    }

    fn snapshot_to(&self, _path: &Path) -> Result<()> {
        Err(Error::new(ErrorCode::NotSupported, "the memory store has no snapshot: it is meant to be forgotten"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        super::super::contract::check(&|kept| Box::new(MemoryStore::keeping(kept)));
    }

    #[test]
    fn has_no_snapshot() {
        let error = MemoryStore::new().snapshot_to(Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error.code, ErrorCode::NotSupported);
    }
}

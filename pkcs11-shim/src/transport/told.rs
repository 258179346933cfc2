//! What the daemon's notices have said, and whether there was a gap in listening. No cache lives here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::sync::{Mutex, MutexGuard, lock};

/// More vaults than one daemon holds in practice; beyond it the notices start anew, which only makes caches suspect.
const MAX_VAULTS: usize = 16 * 1024;

pub(super) type Revisions = HashMap<Bytes, u64>;

/// The newest revision of each vault since the last gap.
#[derive(Default)]
pub(super) struct Told {
    revisions: Mutex<Revisions>,
    generation: AtomicU64,
}

impl Told {
    /// A notice. Connections tell in any order, so the highest counts.
    pub(super) fn note(&self, vault_id: Bytes, revision: u64) {
        let mut revisions = lock(&self.revisions);
        if revisions.len() >= MAX_VAULTS && !revisions.contains_key(&vault_id) {
            self.forget_in(&mut revisions);
        }
        // Copied: the field is a slice of the whole chunk that was read, and would keep all of it.
        let newest = revisions.entry(Bytes::copy_from_slice(&vault_id)).or_default();
        *newest = revision.max(*newest);
    }

    pub(super) fn revision(&self, vault_id: &[u8]) -> u64 {
        lock(&self.revisions).get(vault_id).copied().unwrap_or(0)
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A connection was made or lost: notices may have been missed, and a restored daemon may count from lower.
    pub(super) fn forget(&self) {
        self.forget_in(&mut lock(&self.revisions));
    }

    /// [`forget`](Self::forget) for who already holds the lock. The generation grows under it: a notice that comes
    /// after the growth stays.
    pub(super) fn forget_in(&self, revisions: &mut Revisions) {
        revisions.clear();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// For the time of a fork.
    pub(super) fn hold(&self) -> MutexGuard<'_, Revisions> {
        lock(&self.revisions)
    }
}

//! The bounded cache of open keys: parsing a key costs more than a signature, so each is parsed once and kept.
//! A key that falls out is wiped by its backend when the last user lets go of it.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{crypto::PrivateKey, id::Id};

/// Open keys kept: an RSA-4096 key with its tables takes about 10 KiB, so this is some 40 MiB.
pub const MAX_OPEN_KEYS: usize = 4096;

struct Slot {
    key: Arc<dyn PrivateKey>,
    used: AtomicU64,
}

/// Open keys by version id, the least recently used thrown out first.
pub struct Cache {
    slots: RwLock<HashMap<Id, Slot>>,
    clock: AtomicU64,
    capacity: usize,
}

impl Cache {
    /// An empty cache of at most so many keys.
    pub fn new(capacity: usize) -> Self {
        Self { slots: RwLock::default(), clock: AtomicU64::new(0), capacity }
    }

    /// The key, if it is open.
    pub fn get(&self, id: Id) -> Option<Arc<dyn PrivateKey>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get(&id)?;
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(slot.key.clone())
    }

    /// Keeps a key that was just opened.
    pub fn insert(&self, id: Id, key: Arc<dyn PrivateKey>) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.capacity && !slots.contains_key(&id) {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed)).map(|(id, _)| *id);
            oldest.and_then(|id| slots.remove(&id));
        }
        slots.insert(id, Slot { key, used: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed)) });
    }

    /// Forgets a key that was deleted.
    pub fn remove(&self, id: Id) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

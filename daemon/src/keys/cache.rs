//! The bounded cache of open keys: parsing a key costs more than a signature, so each is parsed once and kept.
//! A key that falls out is wiped by its backend when the last user lets go of it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Open keys kept: an RSA-4096 key with its tables takes about 10 KiB, so this is some 40 MiB.
pub const MAX_OPEN_KEYS: usize = 4096;

/// Open session objects kept. They come and go with a program's sessions, and are opened again from what the program sends.
pub const MAX_OPEN_SESSION_OBJECTS: usize = 1024;

struct Slot<V> {
    key: V,
    used: AtomicU64,
}

/// Open keys by what names them, the least recently used thrown out first.
pub struct Cache<K, V> {
    slots: RwLock<HashMap<K, Slot<V>>>,
    clock: AtomicU64,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty cache of at most so many keys.
    pub fn new(capacity: usize) -> Self {
        Self { slots: RwLock::new(HashMap::new()), clock: AtomicU64::new(0), capacity }
    }

    /// The key, if it is open.
    pub fn get(&self, id: &K) -> Option<V> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.get(id)?;
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(slot.key.clone())
    }

    /// Keeps a key that was just opened.
    pub fn insert(&self, id: K, key: V) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.capacity && !slots.contains_key(&id) {
            let oldest =
                slots.iter().min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed)).map(|(id, _)| id.clone());
            oldest.and_then(|id| slots.remove(&id));
        }
        slots.insert(id, Slot { key, used: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed)) });
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Forgets a key that was deleted.
    pub fn remove(&self, id: &K) {
        self.slots.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

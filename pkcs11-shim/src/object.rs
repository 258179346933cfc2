//! The handle table and what is cached of each object (PKCS#11 3.2 section 5.7). Handles are stable and never used
//! twice; when the cache is old is decided by `View`, asking again is `calls::object`'s.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use cryptoki_sys::CKA_PRIVATE;
use softkeep_proto::pkcs11::v1::{Attribute, KeyRef, Object, ObjectRef, key_ref};

use crate::{
    attribute::Attributes,
    error::{Error, Result},
};

/// Searches remembered for each slot; more than any client repeats.
const MAX_SEARCHES: usize = 256;

/// What names an object: both halves of a pair share the first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// CKA_UNIQUE_ID's 16 bytes.
    pub unique_id: [u8; 16],
    /// CKO_*.
    pub class: u64,
}

impl ObjectId {
    /// On the wire.
    pub fn to_wire(self) -> ObjectRef {
        ObjectRef { unique_id: self.unique_id.to_vec().into(), class: self.class }
    }

    /// On the wire, as what a request uses.
    pub fn to_key(self) -> KeyRef {
        KeyRef { key: Some(key_ref::Key::Object(self.to_wire())), ..KeyRef::default() }
    }

    /// Of an object in a reply.
    pub fn of(object: &Object) -> Result<Self> {
        let unique_id = object.unique_id[..].try_into().map_err(|_| Error::strange_reply())?;
        Ok(Self { unique_id, class: object.class })
    }
}

/// One object that the application has, or could have, a handle of.
#[derive(Clone)]
pub struct Entry {
    /// Where it is.
    pub slot_id: u64,
    /// Which it is.
    pub id: ObjectId,
    /// What is known of it.
    pub attributes: Arc<Attributes>,
    /// The view's epoch when that was known.
    pub epoch: u64,
}

impl Entry {
    /// CKA_PRIVATE: gone at logout.
    fn is_private(&self) -> bool {
        self.attributes.is(CKA_PRIVATE)
    }
}

/// Handle to object and back.
#[derive(Default)]
pub struct ObjectTable {
    entries: BTreeMap<u64, Entry>,
    handles: BTreeMap<(u64, ObjectId), u64>,
}

impl ObjectTable {
    /// Stores what the daemon told of an object, under the handle it has or the next free one.
    pub fn store(&mut self, entry: Entry, next_handle: &mut u64) -> u64 {
        let handle = *self.handles.entry((entry.slot_id, entry.id)).or_insert_with(|| {
            *next_handle += 1;
            *next_handle
        });
        self.entries.insert(handle, entry);
        handle
    }

    /// The object of a handle, as seen from a slot: handles of other slots are none there.
    pub fn get(&self, slot_id: u64, handle: u64) -> Result<&Entry> {
        self.entries.get(&handle).filter(|entry| entry.slot_id == slot_id).ok_or(Error::ObjectHandleInvalid)
    }

    /// Forgets an object; its handle is never given to another.
    pub fn remove(&mut self, slot_id: u64, id: ObjectId) {
        if let Some(handle) = self.handles.remove(&(slot_id, id)) {
            self.entries.remove(&handle);
        }
    }

    /// Forgets a slot's private objects (C_Logout).
    pub fn remove_private(&mut self, slot_id: u64) {
        let Self { entries, handles } = self;
        entries.retain(|_, entry| {
            let keep = entry.slot_id != slot_id || !entry.is_private();
            if !keep {
                handles.remove(&(entry.slot_id, entry.id));
            }
            keep
        });
    }

    /// This object and the next ones of its slot that are as old: they are asked for together, because a program that
    /// reads one object's attributes usually reads its neighbours' next.
    pub fn stale_from(&self, slot_id: u64, handle: u64, epoch: u64, limit: usize) -> Vec<ObjectId> {
        let stale = |(_, entry): &(&u64, &Entry)| entry.slot_id == slot_id && entry.epoch != epoch;
        self.entries.range(handle..).filter(stale).map(|(_, entry)| entry.id).take(limit).collect()
    }
}

/// What is known of how current a vault's cached objects are.
#[derive(Default)]
pub struct View {
    revision: u64,
    generation: u64,
    /// Entries of another epoch must be asked for again.
    epoch: u64,
    /// Searches of another epoch must be made again.
    search_epoch: u64,
    searches: BTreeMap<SearchKey, (u64, Vec<u64>)>,
}

/// A search: under which login, for what.
pub type SearchKey = (u64, Vec<(u64, Bytes)>);

/// A template as a search key; the order in which attributes are written does not matter.
pub fn search_key(login: u64, template: &[Attribute]) -> SearchKey {
    let mut attributes: Vec<_> = template.iter().map(|each| (each.r#type, each.value.clone())).collect();
    attributes.sort();
    (login, attributes)
}

impl View {
    /// Of a vault first seen over connection `generation`.
    pub fn new(generation: u64) -> Self {
        Self { generation, epoch: 1, search_epoch: 1, ..Self::default() }
    }

    /// The epoch that a current entry has.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn expire(&mut self) {
        self.epoch += 1;
        self.search_epoch += 1;
        self.searches.clear();
    }

    /// What the connections have told: a newer revision, or that notices may have been lost with a connection.
    pub fn observe(&mut self, told_revision: u64, generation: u64) {
        if generation != self.generation {
            self.expire();
            self.generation = generation;
            // The daemon behind a new connection may be a restored one, and count from lower.
            self.revision = told_revision;
        } else if told_revision > self.revision {
            self.expire();
            self.revision = told_revision;
        }
    }

    /// A reply read the vault at `revision`: the epoch that its objects have.
    pub fn settle(&mut self, revision: u64, generation: u64) -> u64 {
        self.observe(revision, generation);
        // A reply overtaken by a notice is stored as what it is: old.
        if revision < self.revision { self.epoch - 1 } else { self.epoch }
    }

    /// A reply to a creation: nothing else has changed if ours is the next revision.
    pub fn settle_creation(&mut self, revision: u64, generation: u64) -> u64 {
        if revision == self.revision + 1 && generation == self.generation {
            self.revision = revision;
            self.search_epoch += 1;
            self.searches.clear();
        }
        self.settle(revision, generation)
    }

    /// A search's result, if it still holds.
    pub fn search(&self, key: &SearchKey) -> Option<Vec<u64>> {
        self.searches.get(key).filter(|(epoch, _)| *epoch == self.search_epoch).map(|(_, handles)| handles.clone())
    }

    /// Remembers a search's result, unless the vault changed while it was made.
    pub fn remember(&mut self, key: SearchKey, epoch: u64, handles: Vec<u64>) {
        if epoch != self.epoch {
            return;
        }
        if self.searches.len() >= MAX_SEARCHES {
            self.searches.clear();
        }
        self.searches.insert(key, (self.search_epoch, handles));
    }

    /// Forgets the searches (a login or logout shows other objects).
    pub fn forget_searches(&mut self) {
        self.searches.clear();
    }
}

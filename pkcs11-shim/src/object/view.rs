//! How current a vault's cached objects and searches are (ADR 0001): by what the connections have told. Nothing is
//! asked here.

use std::collections::BTreeMap;

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::Attribute;

/// Searches remembered for each slot; more than any client repeats.
const MAX_SEARCHES: usize = 256;

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

//! The handle table and what is known of each object (PKCS#11 3.2 section 5.7). Handles are stable and never used
//! twice. A token object is the daemon's, and how old its copy here is, is decided by `view`; a session object is
//! wholly here, as the daemon sealed it. Asking the daemon is `calls`'.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use cryptoki_sys::CKA_PRIVATE;
use softkeep_proto::pkcs11::v1::{Attribute, KeyRef, Object, ObjectRef, key_ref};
use zeroize::Zeroizing;

use crate::{
    attribute::Attributes,
    error::{Error, Result},
};

use self::index::Index;

mod index;
pub mod local;
mod view;

#[cfg(test)]
mod tests;

pub use self::view::{View, search_key};

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

    /// Of an object in a reply.
    pub fn of(object: &Object) -> Result<Self> {
        let unique_id = object.unique_id[..].try_into().map_err(|_| Error::strange_reply())?;
        Ok(Self { unique_id, class: object.class })
    }
}

/// A session object's sealed form. It is wiped when the last share goes.
pub struct Sealed {
    blob: Bytes,
    /// What it was before C_SetAttributeValue, for operations that began with that and are still active.
    _before: Option<Arc<Sealed>>,
}

/// A session object: the whole of it, and whose it is. The daemon seals a private one for the login, any other for the
/// application, and is told both with each request.
#[derive(Clone)]
pub struct SessionObject {
    sealed: Arc<Sealed>,
    /// The session that made it, with which it ends.
    session: u64,
}

impl SessionObject {
    /// As the daemon sealed it.
    pub fn new(sealed: &[u8], session: u64) -> Self {
        Self { sealed: Arc::new(Sealed { blob: wiped_at_end(sealed), _before: None }), session }
    }

    /// The same object with other attributes.
    fn changed(&self, sealed: &[u8]) -> Self {
        // Nobody can begin with the old form any more; those who have, hold it.
        let before = (Arc::weak_count(&self.sealed) > 0).then(|| Arc::clone(&self.sealed));
        let sealed = Sealed { blob: wiped_at_end(sealed), _before: before };
        Self { sealed: Arc::new(sealed), session: self.session }
    }
}

/// Bytes that are overwritten when the last who shares them is done.
fn wiped_at_end(secret: &[u8]) -> Bytes {
    Bytes::from_owner(Zeroizing::new(secret.to_vec()))
}

/// A key as an operation keeps it: which it is and, if it is a session object, where that is found. An operation does
/// not keep a session object alive.
#[derive(Clone)]
pub struct Key {
    /// Which it is.
    pub id: ObjectId,
    sealed: Option<Weak<Sealed>>,
}

impl Key {
    /// On the wire, with the grant of C_Login(CKU_CONTEXT_SPECIFIC) if there is one. Of a session object that is gone
    /// nothing is left, and `remote` refuses it.
    pub fn to_wire(&self, grant: Option<Bytes>) -> KeyRef {
        let key = match &self.sealed {
            Some(sealed) => sealed.upgrade().map(|sealed| key_ref::Key::Sealed(sealed.blob.clone())),
            None => Some(key_ref::Key::Object(self.id.to_wire())),
        };
        KeyRef { key, one_time_grant: grant.unwrap_or_default() }
    }
}

/// Where an object is.
#[derive(Clone)]
pub enum Place {
    /// With the daemon. What is known of it was known in this epoch of the view.
    Token(u64),
    /// Here.
    Session(SessionObject),
    /// Here, and no application made it: it describes the token.
    Local,
}

/// One object that the application has, or could have, a handle of.
#[derive(Clone)]
pub struct Entry {
    /// The slot of its token.
    pub slot_id: u64,
    /// Which it is.
    pub id: ObjectId,
    /// What is known of it.
    pub attributes: Arc<Attributes>,
    /// Where it is.
    pub place: Place,
}

impl Entry {
    /// As what a request uses.
    pub fn key(&self) -> Key {
        let sealed = match &self.place {
            Place::Session(object) => Some(Arc::downgrade(&object.sealed)),
            Place::Token(_) | Place::Local => None,
        };
        Key { id: self.id, sealed }
    }

    /// CKA_PRIVATE: gone at logout.
    pub fn is_private(&self) -> bool {
        self.attributes.is(CKA_PRIVATE)
    }

    /// CKA_TOKEN false.
    pub fn is_session_object(&self) -> bool {
        matches!(self.place, Place::Session(_))
    }

    /// Whether the daemon must be asked before this is told.
    pub fn is_stale(&self, epoch: u64) -> bool {
        matches!(self.place, Place::Token(known) if known != epoch)
    }

    fn session(&self) -> Option<u64> {
        match &self.place {
            Place::Session(object) => Some(object.session),
            Place::Token(_) | Place::Local => None,
        }
    }
}

/// Handle to object and back.
#[derive(Default)]
pub struct ObjectTable {
    entries: BTreeMap<u64, Entry>,
    handles: BTreeMap<(u64, ObjectId), u64>,
    /// Of session objects; token objects are found by the daemon.
    index: Index,
}

impl ObjectTable {
    /// Stores what the daemon told of an object, under the handle it has or the next free one.
    pub fn store(&mut self, entry: Entry, next_handle: &mut u64) -> u64 {
        let handle = *self.handles.entry((entry.slot_id, entry.id)).or_insert_with(|| {
            *next_handle += 1;
            *next_handle
        });
        self.put(handle, Some(entry));
        handle
    }

    /// Makes an entry what a handle means, or makes it mean nothing; the index follows.
    fn put(&mut self, handle: u64, entry: Option<Entry>) {
        let before = self.entries.get(&handle);
        if let Some((before, session)) = before.and_then(|before| Some((before, before.session()?))) {
            self.index.remove(handle, before.slot_id, session, &before.attributes);
        }
        if let Some((now, session)) = entry.as_ref().and_then(|now| Some((now, now.session()?))) {
            self.index.insert(handle, now.slot_id, session, &now.attributes);
        }
        match entry {
            Some(entry) => self.entries.insert(handle, entry),
            None => self.entries.remove(&handle),
        };
    }

    /// Puts changed attributes and their sealed form in the place of what a session object was. False if it is no
    /// longer what it was: another thread was quicker.
    pub fn replace(&mut self, handle: u64, before: &Key, object: Object) -> bool {
        let Some(entry) = self.entries.get(&handle) else { return false };
        let Place::Session(session_object) = &entry.place else { return false };
        if before.sealed.as_ref().is_none_or(|sealed| sealed.as_ptr() != Arc::as_ptr(&session_object.sealed)) {
            return false;
        }
        let place = Place::Session(session_object.changed(&object.sealed));
        let entry = Entry { attributes: Arc::new(Attributes::of(object)), place, ..entry.clone() };
        self.put(handle, Some(entry));
        true
    }

    /// The object of a handle, as seen from a slot: handles of other slots are none there.
    pub fn get(&self, slot_id: u64, handle: u64) -> Result<&Entry> {
        self.entries.get(&handle).filter(|entry| entry.slot_id == slot_id).ok_or(Error::ObjectHandleInvalid)
    }

    /// Forgets an object; its handle is never given to another.
    pub fn remove(&mut self, slot_id: u64, id: ObjectId) {
        if let Some(handle) = self.handles.remove(&(slot_id, id)) {
            self.put(handle, None);
        }
    }

    fn remove_handle(&mut self, handle: u64) {
        if let Some((slot_id, id)) = self.entries.get(&handle).map(|entry| (entry.slot_id, entry.id)) {
            self.remove(slot_id, id);
        }
    }

    fn remove_where(&mut self, ends: impl Fn(&Entry) -> bool) {
        let ended = self.entries.iter().filter(|(_, entry)| ends(entry)).map(|(handle, _)| *handle);
        ended.collect::<Vec<_>>().into_iter().for_each(|handle| self.remove_handle(handle));
    }

    /// Forgets a slot's private objects (C_Logout).
    pub fn remove_private(&mut self, slot_id: u64) {
        self.remove_where(|entry| entry.slot_id == slot_id && entry.is_private());
    }

    /// Forgets all objects of a slot (C_InitToken).
    pub fn remove_slot(&mut self, slot_id: u64) {
        self.remove_where(|entry| entry.slot_id == slot_id);
    }

    /// Ends the objects of a session (C_CloseSession).
    pub fn remove_session(&mut self, session: u64) {
        self.index.of_session(session).into_iter().for_each(|handle| self.remove_handle(handle));
    }

    /// Ends all session objects of a slot (C_CloseAllSessions).
    pub fn remove_sessions(&mut self, slot_id: u64) {
        self.index.of_slot(slot_id).into_iter().for_each(|handle| self.remove_handle(handle));
    }

    /// The session objects of a slot that have all of these attributes, oldest first.
    pub fn find_session_objects(&self, slot_id: u64, template: &[Attribute]) -> Vec<u64> {
        let fits = |handle: &u64| {
            let entry = self.entries.get(handle).filter(|entry| entry.slot_id == slot_id);
            entry.is_some_and(|entry| entry.is_session_object() && entry.attributes.fits(template))
        };
        self.index.candidates(slot_id, template).filter(fits).collect()
    }

    /// This object and the next ones of its slot that are as old: they are asked for together, because a program that
    /// reads one object's attributes usually reads its neighbours' next.
    pub fn stale_from(&self, slot_id: u64, handle: u64, epoch: u64, limit: usize) -> Vec<ObjectId> {
        let stale = |(_, entry): &(&u64, &Entry)| entry.slot_id == slot_id && entry.is_stale(epoch);
        self.entries.range(handle..).filter(stale).map(|(_, entry)| entry.id).take(limit).collect()
    }
}

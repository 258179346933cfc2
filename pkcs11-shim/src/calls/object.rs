//! Object management (PKCS#11 3.2 section 5.7). Attributes of token objects come from the cache, which is asked for
//! again when the vault has changed; session objects are here, and changing one is a call that gives it back sealed
//! anew. What an object may say of itself is decided by the daemon.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{
    Attribute, CreateObject, DestroyObject, GetObjects, Object, ObjectsReply, ReadValues, SetAttributes,
};
use zeroize::Zeroizing;

use super::{remote_for_new, require_read_write};
use crate::{
    attribute::{Attributes, Lookup},
    error::{Error, Result},
    ffi::{AttributesOut, OutValue, Template},
    module::{Module, Running},
    object::{Entry, Key, ObjectId, Place, SessionObject},
    remote::{Remote, random_id},
};

/// Objects asked for at once when the cache is old.
const MAX_REFRESHED: usize = 64;

/// How old an answer may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Whatever is known: the daemon will check again.
    Any,
    /// No older than the last notice.
    Current,
}

/// The object of a handle.
pub fn look(module: &Module, session: u64, handle: u64, age: Age) -> Result<Entry> {
    let (remote, entry) = module.with(|running| {
        let remote = running.remote(session)?;
        let entry = running.objects().get(remote.slot.slot_id, handle)?.clone();
        Ok((remote, entry))
    })?;
    if age == Age::Any || !matches!(entry.place, Place::Token(_)) {
        return Ok(entry);
    }
    let slot_id = remote.slot.slot_id;
    let (revision, generation) = remote.drain();
    let (entry, stale) = module.with(|running| {
        running.view(slot_id).observe(revision, generation);
        let epoch = running.view(slot_id).epoch();
        let entry = running.objects().get(slot_id, handle)?.clone();
        let stale = match entry.is_stale(epoch) {
            true => running.objects().stale_from(slot_id, handle, epoch, MAX_REFRESHED),
            false => Vec::new(),
        };
        Ok((entry, stale))
    })?;
    if stale.is_empty() {
        return Ok(entry);
    }
    refresh(module, &remote, &stale)?;
    module.with(|running| running.objects().get(slot_id, handle).cloned())
}

/// Asks for objects again; those that are gone lose their handles.
fn refresh(module: &Module, remote: &Remote, ids: &[ObjectId]) -> Result<()> {
    let reply = remote.get(GetObjects { objects: ids.iter().map(|id| id.to_wire()).collect() })?;
    let slot_id = remote.slot.slot_id;
    module.with(|running| {
        running.require_same_login(remote)?;
        let exist: Vec<_> = reply.objects.iter().map(ObjectId::of).collect::<Result<_>>()?;
        // A full answer says nothing of what comes after its last object.
        let answered = match exist.last().filter(|_| reply.more).and_then(|last| ids.iter().position(|id| id == last)) {
            Some(last) => last + 1,
            None => ids.len(),
        };
        let epoch = running.view(slot_id).settle(reply.revision, remote.generation());
        for id in ids.iter().take(answered).filter(|id| !exist.contains(id)) {
            running.objects_mut().0.remove(slot_id, *id);
        }
        store(running, slot_id, reply.objects, epoch).map(drop)
    })
}

/// Stores token objects of a reply; their handles, in its order.
pub fn store(running: &mut Running, slot_id: u64, objects: Vec<Object>, epoch: u64) -> Result<Vec<u64>> {
    objects.into_iter().map(|object| store_at(running, slot_id, object, Place::Token(epoch))).collect()
}

fn store_at(running: &mut Running, slot_id: u64, object: Object, place: Place) -> Result<u64> {
    let id = ObjectId::of(&object)?;
    let (table, next_handle) = running.objects_mut();
    Ok(table.store(Entry { slot_id, id, attributes: Arc::new(Attributes::of(object)), place }, next_handle))
}

/// Stores what a call made; each object's class and handle, in the reply's order. Session objects belong to `session`.
pub fn store_created(module: &Module, session: u64, remote: &Remote, reply: ObjectsReply) -> Result<Vec<(u64, u64)>> {
    let slot_id = remote.slot.slot_id;
    module.with(|running| {
        running.require_same_login(remote)?;
        let mut epoch = 0;
        if reply.objects.iter().any(|object| object.sealed.is_empty()) {
            epoch = running.view(slot_id).settle_creation(reply.revision, remote.generation());
        }
        let stored = reply.objects.into_iter().map(|object| {
            let class = object.class;
            let place = if object.sealed.is_empty() {
                Place::Token(epoch)
            } else {
                // Whose session has been closed meanwhile, has no session objects.
                running.sessions.get(session)?;
                Place::Session(SessionObject::new(&object.sealed, session))
            };
            Ok((class, store_at(running, slot_id, object, place)?))
        });
        stored.collect()
    })
}

/// The handle of the one object that a call was to make. A private key may bring its public half along; the caller's
/// is the one of the class that the template names, if it names one.
pub fn only_created(created: &[(u64, u64)], template: &[Attribute]) -> Result<u64> {
    let class = template.iter().find(|attribute| attribute.r#type == ck::CKA_CLASS).map(|class| &class.value[..]);
    let named = created.iter().find(|(of, _)| class == Some(&of.to_le_bytes()[..]));
    named.or(created.first()).map(|(_, handle)| *handle).ok_or_else(Error::strange_reply)
}

/// C_CreateObject (section 5.7.1).
pub fn create(module: &Module, session: u64, template: Template, out: OutValue<ck::CK_OBJECT_HANDLE>) -> Result<()> {
    out.require()?;
    let template = template.parse()?;
    let remote = remote_for_new(module, session, &[&template])?;
    let reply = remote.create_object(CreateObject { template: template.clone(), request_id: random_id()? })?;
    out.set(only_created(&store_created(module, session, &remote, reply)?, &template)?)
}

/// C_DestroyObject (section 5.7.3): the handle of a token object goes when the daemon has said so, not before.
pub fn destroy(module: &Module, session: u64, handle: u64) -> Result<()> {
    let entry = look(module, session, handle, Age::Any)?;
    let (slot_id, id) = (entry.slot_id, entry.id);
    match entry.place {
        Place::Token(_) => {}
        Place::Session(_) if entry.attributes.bytes(ck::CKA_DESTROYABLE) != Some(&[0]) => {
            return module.with(|running| {
                running.objects_mut().0.remove(slot_id, id);
                Ok(())
            });
        }
        Place::Session(_) | Place::Local => return Err(Error::ActionProhibited),
    }
    let remote = require_read_write(module, session)?;
    let destroyed = remote.destroy(DestroyObject { object: Some(id.to_wire()) });
    let gone = matches!(&destroyed, Ok(_) | Err(Error::Daemon { rv: ck::CKR_OBJECT_HANDLE_INVALID, .. }));
    module.with(|running| {
        if gone {
            running.objects_mut().0.remove(slot_id, id);
        }
        if let Ok(revision) = &destroyed {
            running.view(slot_id).settle(*revision, remote.generation());
        }
        Ok(())
    })?;
    // The private half took the public one and the certificate along. An application that destroys them one after the
    // other holds their handles still, and gets what it asks for.
    let went_along = matches!(entry.attributes.ulong(ck::CKA_CLASS), Some(ck::CKO_PUBLIC_KEY | ck::CKO_CERTIFICATE));
    if went_along && gone { Ok(()) } else { destroyed.map(drop) }
}

/// C_GetObjectSize (section 5.7.4).
pub fn size(module: &Module, session: u64, handle: u64, out: OutValue<ck::CK_ULONG>) -> Result<()> {
    out.require()?;
    out.set(look(module, session, handle, Age::Current)?.attributes.size_bytes() as u64)
}

/// C_GetAttributeValue (section 5.7.5).
pub fn attributes(module: &Module, session: u64, handle: u64, out: AttributesOut) -> Result<()> {
    out.require()?;
    let entry = look(module, session, handle, Age::Current)?;
    let values = values_on_request(module, session, &entry, &out)?;
    let told = |wanted| values.iter().find(|(told, _)| *told == wanted);
    out.fill(|attribute_type| match (entry.attributes.lookup(attribute_type), told(attribute_type)) {
        (Lookup::OnRequest, Some((_, value))) => Lookup::Value(value),
        (Lookup::OnRequest, None) => value_len(&entry, attribute_type).map_or(Lookup::Sensitive, Lookup::Length),
        (known, _) => known,
    })
}

/// The length of a secret key's value, which CKA_VALUE_LEN tells without it.
fn value_len(entry: &Entry, attribute_type: u64) -> Option<usize> {
    let len = entry.attributes.ulong(ck::CKA_VALUE_LEN).filter(|_| attribute_type == ck::CKA_VALUE);
    len.and_then(|len| usize::try_from(len).ok())
}

/// Secret values that may be read, if any are wanted: asked for every time, and wiped after the call.
fn values_on_request(
    module: &Module,
    session: u64,
    entry: &Entry,
    out: &AttributesOut,
) -> Result<Vec<(u64, Zeroizing<Vec<u8>>)>> {
    let is_secret = |(attribute_type, value_wanted): &(u64, bool)| {
        entry.attributes.lookup(*attribute_type) == Lookup::OnRequest
            && (*value_wanted || value_len(entry, *attribute_type).is_none())
    };
    let types: Vec<_> = out.wanted()?.iter().filter(|wanted| is_secret(wanted)).map(|(wanted, _)| *wanted).collect();
    if types.is_empty() {
        return Ok(Vec::new());
    }
    let (remote, key) = (module.with(|running| running.remote(session))?, entry.key());
    remote.read_values(ReadValues { object: Some(key.to_wire(None)), types })
}

/// C_SetAttributeValue (section 5.7.6): of a session object in any session, of a token object in a read/write one.
pub fn set(module: &Module, session: u64, handle: u64, template: Template) -> Result<()> {
    let template = template.parse()?;
    loop {
        let entry = look(module, session, handle, Age::Any)?;
        let remote = match entry.place {
            Place::Token(_) => require_read_write(module, session)?,
            Place::Session(_) => module.with(|running| running.remote(session))?,
            Place::Local => return Err(Error::ActionProhibited),
        };
        let key = entry.key();
        let set = SetAttributes { object: Some(key.to_wire(None)), template: template.clone() };
        let reply = remote.set_attributes(set)?;
        if store_changed(module, &remote, handle, &key, reply)? {
            return Ok(());
        }
        // Another thread has changed the same session object: what it did must not be undone.
    }
}

/// Stores what C_SetAttributeValue made of an object. False if that is based on what it no longer was.
fn store_changed(module: &Module, remote: &Remote, handle: u64, key: &Key, reply: ObjectsReply) -> Result<bool> {
    let slot_id = remote.slot.slot_id;
    module.with(|running| {
        let Some(object) = reply.objects.iter().find(|object| !object.sealed.is_empty()).cloned() else {
            running.require_same_login(remote)?;
            let epoch = running.view(slot_id).settle(reply.revision, remote.generation());
            return store(running, slot_id, reply.objects, epoch).map(|_| true);
        };
        running.objects().get(slot_id, handle)?;
        Ok(running.objects_mut().0.replace(handle, key, object))
    })
}

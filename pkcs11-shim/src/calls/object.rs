//! Object management (PKCS#11 3.2 section 5.7): attributes come from the cache, which is asked for again when the vault
//! has changed. What an object may say of itself is decided by the daemon.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{CreateObject, DestroyObject, GetObjects, Object, ObjectsReply, SetAttributes};
use std::sync::Arc;

use super::{remote_for_new, require_read_write};
use crate::{
    attribute::Attributes,
    error::{Error, Result},
    ffi::{AttributesOut, OutValue, Template},
    module::{Module, Running},
    object::{Entry, ObjectId},
    remote::{Remote, request_id},
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
    let remote = module.with(|running| running.remote(session))?;
    let slot_id = remote.slot.slot_id;
    if age == Age::Any {
        return module.with(|running| running.objects().get(slot_id, handle).cloned());
    }
    let (revision, generation) = remote.drain();
    let (entry, stale) = module.with(|running| {
        running.view(slot_id).observe(revision, generation);
        let epoch = running.view(slot_id).epoch();
        let entry = running.objects().get(slot_id, handle)?.clone();
        let fresh = entry.epoch == epoch;
        let stale =
            if fresh { Vec::new() } else { running.objects().stale_from(slot_id, handle, epoch, MAX_REFRESHED) };
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

/// Stores objects of a reply; their handles, in its order.
pub fn store(running: &mut Running, slot_id: u64, objects: Vec<Object>, epoch: u64) -> Result<Vec<u64>> {
    let (table, next_handle) = running.objects_mut();
    let handles = objects.into_iter().map(|object| {
        let id = ObjectId::of(&object)?;
        let attributes = Arc::new(Attributes::of(object));
        Ok(table.store(Entry { slot_id, id, attributes, epoch }, next_handle))
    });
    handles.collect()
}

/// Stores what a creation made; each object's class and handle.
pub fn store_created(module: &Module, remote: &Remote, reply: ObjectsReply) -> Result<Vec<(u64, u64)>> {
    let slot_id = remote.slot.slot_id;
    module.with(|running| {
        running.require_same_login(remote)?;
        let classes: Vec<_> = reply.objects.iter().map(|object| object.class).collect();
        let epoch = running.view(slot_id).settle_creation(reply.revision, remote.generation());
        let handles = store(running, slot_id, reply.objects, epoch)?;
        Ok(classes.into_iter().zip(handles).collect())
    })
}

/// C_CreateObject (section 5.7.1).
pub fn create(module: &Module, session: u64, template: Template, out: OutValue<ck::CK_OBJECT_HANDLE>) -> Result<()> {
    out.require()?;
    let template = template.parse()?;
    let remote = remote_for_new(module, session, &[&template])?;
    let class = template.iter().find(|attribute| attribute.r#type == ck::CKA_CLASS).map(|class| class.value.clone());
    let reply = remote.create_object(CreateObject { template, request_id: request_id()? })?;
    // A private key brings its public half along; the caller's is the one of the class it named.
    let created = store_created(module, &remote, reply)?;
    let wanted = created.iter().find(|(of, _)| class.as_deref() == Some(&of.to_le_bytes()[..]));
    let (_, handle) = wanted.or(created.first()).ok_or_else(Error::strange_reply)?;
    out.set(*handle)
}

/// C_DestroyObject (section 5.7.3): the handle goes when the daemon has said so, not before.
pub fn destroy(module: &Module, session: u64, handle: u64) -> Result<()> {
    let remote = require_read_write(module, session)?;
    let slot_id = remote.slot.slot_id;
    let id = module.with(|running| running.objects().get(slot_id, handle).map(|entry| entry.id))?;
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
    destroyed.map(drop)
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
    out.fill(|attribute_type| entry.attributes.lookup(attribute_type))
}

/// C_SetAttributeValue (section 5.7.6).
pub fn set(module: &Module, session: u64, handle: u64, template: Template) -> Result<()> {
    let remote = require_read_write(module, session)?;
    let slot_id = remote.slot.slot_id;
    let template = template.parse()?;
    let id = module.with(|running| running.objects().get(slot_id, handle).map(|entry| entry.id))?;
    let reply = remote.set_attributes(SetAttributes { object: Some(id.to_key()), template })?;
    module.with(|running| {
        running.require_same_login(&remote)?;
        let epoch = running.view(slot_id).settle(reply.revision, remote.generation());
        store(running, slot_id, reply.objects, epoch).map(drop)
    })
}

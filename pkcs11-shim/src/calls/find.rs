//! Searches (PKCS#11 3.2 sections 5.7.7 to 5.7.9): a snapshot is taken at C_FindObjectsInit, and paging is local. Token
//! objects come first, so that who takes the first of several gets the lasting one.

use std::collections::BTreeSet;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{Attribute, FindObjects, ObjectRef};

use super::{object::store, says_token};
use crate::{
    error::Result,
    ffi::{OutArray, Template},
    module::Module,
    object::{local, search_key},
    session::Find,
};

/// C_FindObjectsInit (section 5.7.7).
pub fn init(module: &Module, session: u64, template: Template) -> Result<()> {
    module.with(|running| running.sessions.get_mut(session)?.require_idle::<Find>())?;
    let template = template.parse()?;
    let token = says_token(&template);
    let mut handles = Vec::new();
    if token != Some(false) {
        handles = match class_of(&template) {
            Some(class @ (ck::CKO_PROFILE | ck::CKO_MECHANISM)) => describe(module, session, class, &template)?,
            _ => search(module, session, template.clone())?,
        };
    }
    module.with(|running| {
        if token != Some(true) {
            let slot_id = running.sessions.get(session)?.slot.slot_id;
            handles.extend(running.objects().find_session_objects(slot_id, &template));
        }
        running.begin(session, Find { handles, next: 0 })
    })
}

fn class_of(template: &[Attribute]) -> Option<u64> {
    let class = template.iter().find(|attribute| attribute.r#type == ck::CKA_CLASS)?;
    class.value[..].try_into().ok().map(u64::from_le_bytes)
}

/// The objects that describe the token.
fn describe(module: &Module, session: u64, class: u64, template: &[Attribute]) -> Result<Vec<u64>> {
    module.with(|running| {
        let slot_id = running.sessions.get(session)?.slot.slot_id;
        let (table, next_handle) = running.objects_mut();
        let entries = local::describe(slot_id, class, template);
        Ok(entries.into_iter().map(|entry| table.store(entry, next_handle)).collect())
    })
}

/// The token objects that fit: what was found before, if the vault has not changed since; else what the daemon finds.
fn search(module: &Module, session: u64, template: Vec<Attribute>) -> Result<Vec<u64>> {
    let remote = module.with(|running| running.remote(session))?;
    let slot_id = remote.slot.slot_id;
    let key = search_key(remote.login_serial(), &template);
    let (revision, generation) = remote.drain();
    let known = module.with(|running| {
        let view = running.view(slot_id);
        view.observe(revision, generation);
        Ok(view.search(&key))
    })?;
    if let Some(handles) = known {
        return Ok(handles);
    }
    let (mut handles, mut seen, mut offset, mut first_epoch) = (Vec::new(), BTreeSet::new(), 0u32, None);
    let mut after = None;
    loop {
        let reply = remote.find(FindObjects { template: template.clone(), offset, limit: 0, after })?;
        after = reply.objects.last().map(|last| ObjectRef { unique_id: last.unique_id.clone(), class: last.class });
        let last = !reply.more || reply.objects.is_empty();
        offset = offset.saturating_add(u32::try_from(reply.objects.len()).unwrap_or(u32::MAX));
        module.with(|running| {
            running.require_same_login(&remote)?;
            let epoch = running.view(slot_id).settle(reply.revision, remote.generation());
            let page = store(running, slot_id, reply.objects, epoch)?;
            // The vault may change between pages, and shift an object from one to the next.
            handles.extend(page.into_iter().filter(|handle| seen.insert(*handle)));
            // Pages of different revisions are an answer, but not one to be given again.
            let whole = *first_epoch.get_or_insert(epoch) == epoch;
            if last && whole {
                running.view(slot_id).remember(key.clone(), epoch, handles.clone());
            }
            Ok(())
        })?;
        if last {
            return Ok(handles);
        }
    }
}

/// C_FindObjects (section 5.7.8): any number at a time; none at the end.
pub fn next(module: &Module, session: u64, out: OutArray) -> Result<()> {
    let capacity = out.capacity()?;
    let page = module.with(|running| {
        let mut find: Find = running.sessions.get_mut(session)?.take()?;
        let page: Vec<u64> = find.handles.iter().skip(find.next).take(capacity).copied().collect();
        find.next += page.len();
        running.begin(session, find)?;
        Ok(page)
    })?;
    out.fill(&page)
}

/// C_FindObjectsFinal (section 5.7.9).
pub fn end(module: &Module, session: u64) -> Result<()> {
    module.with(|running| running.sessions.get_mut(session)?.take::<Find>().map(drop))
}

//! Searches (PKCS#11 3.2 sections 5.7.7 to 5.7.9): a snapshot is taken at C_FindObjectsInit, and paging is local.

use std::collections::BTreeSet;

use softkeep_proto::pkcs11::v1::{Attribute, FindObjects};

use super::{object::store, says_token};
use crate::{
    error::Result,
    ffi::{OutArray, Template},
    module::Module,
    object::search_key,
    session::Find,
};

/// C_FindObjectsInit (section 5.7.7).
pub fn init(module: &Module, session: u64, template: Template) -> Result<()> {
    module.with(|running| running.sessions.get_mut(session)?.require_idle::<Find>())?;
    let template = template.parse()?;
    // Session objects live in the module (ADR 0001), and there are none.
    let handles = if says_token(&template) == Some(false) { Vec::new() } else { search(module, session, template)? };
    module.with(|running| running.begin(session, Find { handles, next: 0 }))
}

/// The objects that fit: what was found before, if the vault has not changed since; else what the daemon finds.
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
    loop {
        let reply = remote.find(FindObjects { template: template.clone(), offset, limit: 0 })?;
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

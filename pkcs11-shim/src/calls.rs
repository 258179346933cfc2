//! The safe bodies of the entry points, one file for each chapter of PKCS#11 3.2 section 5, and the rules that several
//! share: how an operation begins, and when it ends. Pointers are `ffi`'s, permissions the daemon's.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{Attribute, UserType};
use zeroize::Zeroizing;

use crate::{
    attribute::Attributes,
    error::{Error, Result},
    ffi::{MechanismArg, OutBuf, Room},
    mechanism::Mechanism,
    module::Module,
    object::ObjectId,
    remote::Remote,
    session::Operation,
};

pub mod decrypt;
pub mod digest;
pub mod encrypt;
pub mod find;
pub mod general;
pub mod key;
pub mod login;
pub mod object;
pub mod random;
pub mod session;
pub mod sign;
pub mod slot;
pub mod verify;

/// What is known of an output's length before it is made.
enum Length {
    /// Exactly this.
    Exact(usize),
    /// This or less.
    UpTo(usize),
}

/// Begins an operation: NULL for the mechanism ends an active one instead (PKCS#11 3.2 section 5.2).
fn begin<O: Operation>(
    module: &Module,
    session: u64,
    mechanism: &MechanismArg,
    flag: u64,
    make: impl FnOnce(Mechanism) -> Result<O>,
) -> Result<()> {
    if mechanism.is_null() {
        // Programs older than 3.0 know NULL as a mistake only, and have nothing active when they make it.
        return module
            .with(|running| running.sessions.get_mut(session)?.take::<O>().map(drop).map_err(|_| Error::ArgumentsBad));
    }
    let remote = module.with(|running| {
        running.sessions.get_mut(session)?.require_idle::<O>()?;
        running.remote(session)
    })?;
    let operation = make(mechanism.parse()?.require(flag)?)?;
    module.with(|running| running.resume(session, operation, &remote))
}

/// Takes an operation out of its session, with all that a call of the daemon needs.
fn take<O: Operation>(module: &Module, session: u64) -> Result<(O, Remote)> {
    module.with(|running| {
        let remote = running.remote(session)?;
        Ok((running.sessions.get_mut(session)?.take()?, remote))
    })
}

/// THE rule (PKCS#11 3.2 section 5.2): an operation ends with the call that would give its output, unless that was a
/// length query or the buffer was too small. A query does no work; nothing is locked while `run` works.
fn finish<O: Operation>(
    module: &Module,
    session: u64,
    out: &OutBuf,
    length: impl FnOnce(&O) -> Result<Length>,
    run: impl FnOnce(&O, &Remote) -> Result<Zeroizing<Vec<u8>>>,
) -> Result<()> {
    let (operation, remote) = take::<O>(module, session)?;
    let deliver = || {
        let room = match length(&operation)? {
            Length::Exact(len) => out.room_for(len)?,
            Length::UpTo(len) => out.room_up_to(len)?,
        };
        if room == Room::Enough {
            out.write(&run(&operation, &remote)?)?;
        }
        Ok(room)
    };
    let delivered = deliver();
    if matches!(delivered, Ok(Room::Query) | Err(Error::BufferTooSmall)) {
        // If the session is gone meanwhile, or another thread began anew in it, there is nothing to go back to.
        drop(module.with(|running| running.resume(session, operation, &remote)));
    }
    delivered.map(drop)
}

/// A step in the middle of an operation, which any error ends.
fn step<O: Operation>(module: &Module, session: u64, work: impl FnOnce(&mut O) -> Result<()>) -> Result<()> {
    let (mut operation, remote) = take::<O>(module, session)?;
    work(&mut operation)?;
    module.with(|running| running.resume(session, operation, &remote))
}

/// The key of an *Init: its type fits, it may be used so, and so may the mechanism with it. The daemon checks all this
/// again; here it costs no call, and the application learns it where PKCS#11 says.
fn key_for(
    module: &Module,
    session: u64,
    handle: u64,
    mechanism: &Mechanism,
    usage: u64,
) -> Result<(ObjectId, Arc<Attributes>)> {
    let mut entry = object::look(module, session, handle, object::Age::Any).map_err(Error::about_key)?;
    if entry.attributes.is(ck::CKA_PRIVATE) {
        module.with(|running| match running.login(entry.slot_id) {
            Some(login) if login.user_type == UserType::User => Ok(()),
            _ => Err(Error::UserNotLoggedIn),
        })?;
    }
    if !entry.attributes.is(usage) {
        // Perhaps it was enabled elsewhere since: worth one question before refusing.
        entry = object::look(module, session, handle, object::Age::Current).map_err(Error::about_key)?;
    }
    let attributes = &entry.attributes;
    if mechanism.row.family.key_type() != attributes.ulong(ck::CKA_KEY_TYPE) {
        return Err(Error::KeyTypeInconsistent);
    }
    if !attributes.is(usage) {
        return Err(Error::KeyFunctionNotPermitted);
    }
    let allowed = attributes.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
    if !allowed.is_empty() && !allowed.contains(&mechanism.row.mechanism) {
        return Err(Error::MechanismInvalid);
    }
    Ok((entry.id, entry.attributes))
}

/// SESSION_READ_ONLY for what changes the token (PKCS#11 3.2 section 5.6.1).
fn require_read_write(module: &Module, session: u64) -> Result<Remote> {
    module.with(|running| match running.sessions.get(session)?.read_write {
        true => running.remote(session),
        false => Err(Error::SessionReadOnly),
    })
}

/// For a creation: only token objects need a read/write session.
fn remote_for_new(module: &Module, session: u64, templates: &[&[Attribute]]) -> Result<Remote> {
    if templates.iter().any(|template| says_token(template) == Some(true)) {
        require_read_write(module, session)
    } else {
        module.with(|running| running.remote(session))
    }
}

/// What a template says of CKA_TOKEN.
fn says_token(template: &[Attribute]) -> Option<bool> {
    let token = template.iter().find(|attribute| attribute.r#type == ck::CKA_TOKEN)?;
    Some(token.value.iter().any(|byte| *byte != 0))
}

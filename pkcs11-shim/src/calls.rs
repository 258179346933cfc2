//! The safe bodies of the entry points, one file for each chapter of PKCS#11 3.2 section 5, and the rules that several
//! share: how an operation begins, and when it ends. Pointers are `ffi`'s, permissions the daemon's.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{Attribute, UserType};
use zeroize::Zeroizing;

use crate::{
    attribute::Attributes,
    cipher::Length,
    error::{Error, Result},
    ffi::{MechanismArg, OutBuf, Room},
    mechanism::Mechanism,
    module::Module,
    object::Key,
    remote::Remote,
    session::{Authentication, Operation, Use},
};

pub mod copy;
pub mod decrypt;
pub mod derive;
pub mod digest;
pub mod dual;
pub mod encapsulate;
pub mod encrypt;
pub mod find;
pub mod general;
pub mod key;
pub mod login;
pub mod message_cipher;
pub mod message_sign;
pub mod object;
pub mod operation_state;
pub mod random;
pub mod recover;
pub mod session;
pub mod sign;
pub mod slot;
pub mod token;
pub mod verify;
pub mod wrap;

/// Begins an operation: NULL for the mechanism ends an active one instead (PKCS#11 3.2 section 5.2).
fn begin<O: Operation>(
    module: &Module,
    session: u64,
    mechanism: &MechanismArg,
    flag: u64,
    make: impl FnOnce(Mechanism) -> Result<O>,
) -> Result<()> {
    begin_reading(module, session, mechanism, MechanismArg::parse, flag, make)
}

/// The same, with what is read of the mechanism.
fn begin_reading<O: Operation>(
    module: &Module,
    session: u64,
    mechanism: &MechanismArg,
    read: impl FnOnce(&MechanismArg) -> Result<Mechanism>,
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
    let operation = make(read(mechanism)?.require(flag)?)?;
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
    run: impl FnOnce(&mut O, &Remote) -> Result<Zeroizing<Vec<u8>>>,
) -> Result<()> {
    let (mut operation, remote) = take::<O>(module, session)?;
    let delivered = deliver(&mut operation, &remote, out, length, run);
    if matches!(delivered, Ok(Room::Query) | Err(Error::BufferTooSmall)) {
        // If the session is gone meanwhile, or another thread began anew in it, there is nothing to go back to.
        drop(module.with(|running| running.resume(session, operation, &remote)));
    }
    delivered.map(drop)
}

/// The output, unless only its length was asked for or there is no room.
fn deliver<O>(
    operation: &mut O,
    remote: &Remote,
    out: &OutBuf,
    length: impl FnOnce(&O) -> Result<Length>,
    run: impl FnOnce(&mut O, &Remote) -> Result<Zeroizing<Vec<u8>>>,
) -> Result<Room> {
    let length = length(operation)?;
    let room = match length {
        Length::Exact(len) => out.room_for(len)?,
        Length::UpTo(len) => out.room_up_to(len)?,
    };
    if room == Room::Enough {
        let output = run(operation, remote)?;
        // Told otherwise, the application may have no room; and a MAC or ciphertext of another length is none.
        match length {
            Length::Exact(len) if output.len() != len => return Err(Error::strange_reply()),
            Length::UpTo(len) if output.len() > len => return Err(Error::strange_reply()),
            _ => out.write(&output)?,
        }
    }
    Ok(room)
}

/// A step in the middle of an operation that gives output: the operation goes on, unless there was another error than
/// too small a buffer. Then, and after a length query, nothing has been taken in.
fn pass<O: Operation>(
    module: &Module,
    session: u64,
    out: &OutBuf,
    length: impl FnOnce(&O) -> Result<usize>,
    run: impl FnOnce(&mut O, &Remote) -> Result<Zeroizing<Vec<u8>>>,
) -> Result<()> {
    let (mut operation, remote) = take::<O>(module, session)?;
    let delivered = deliver(&mut operation, &remote, out, |operation| length(operation).map(Length::Exact), run);
    if matches!(delivered, Ok(_) | Err(Error::BufferTooSmall)) {
        module.with(|running| running.resume(session, operation, &remote))?;
    }
    delivered.map(drop)
}

/// The same with two operations at once (PKCS#11 3.2 section 5.17): both go on, or both end.
fn pass_both<A: Operation, B: Operation>(
    module: &Module,
    session: u64,
    out: &OutBuf,
    length: impl FnOnce(&A, &B) -> Result<usize>,
    run: impl FnOnce(&mut A, &mut B, &Remote) -> Result<Zeroizing<Vec<u8>>>,
) -> Result<()> {
    let (mut both, remote) = module.with(|running| {
        let remote = running.remote(session)?;
        let session = running.sessions.get_mut(session)?;
        if !session.is_active::<A>() || !session.is_active::<B>() {
            return Err(Error::OperationNotInitialized);
        }
        Ok(((session.take::<A>()?, session.take::<B>()?), remote))
    })?;
    let length = |(a, b): &(A, B)| length(a, b).map(Length::Exact);
    let delivered = deliver(&mut both, &remote, out, length, |(a, b), remote| run(a, b, remote));
    if matches!(delivered, Ok(_) | Err(Error::BufferTooSmall)) {
        module.with(|running| {
            running.resume(session, both.0, &remote)?;
            running.resume(session, both.1, &remote)
        })?;
    }
    delivered.map(drop)
}

/// A step of an operation on many messages: what goes wrong with one ends none of the others.
fn converse<O: Operation>(
    module: &Module,
    session: u64,
    work: impl FnOnce(&mut O, &Remote) -> Result<()>,
) -> Result<()> {
    let (mut operation, remote) = take::<O>(module, session)?;
    let outcome = work(&mut operation, &remote);
    let resumed = module.with(|running| running.resume(session, operation, &remote));
    outcome.and(resumed)
}

/// A step in the middle of an operation, which any error ends.
fn step<O: Operation>(module: &Module, session: u64, work: impl FnOnce(&mut O, &Remote) -> Result<()>) -> Result<()> {
    let (mut operation, remote) = take::<O>(module, session)?;
    work(&mut operation, &remote)?;
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
) -> Result<(Key, Arc<Attributes>)> {
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
    if !attributes.ulong(ck::CKA_KEY_TYPE).is_some_and(|key_type| mechanism.row.fits(key_type)) {
        return Err(Error::KeyTypeInconsistent);
    }
    if !attributes.is(usage) {
        return Err(Error::KeyFunctionNotPermitted);
    }
    let allowed = attributes.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
    if !allowed.is_empty() && !allowed.contains(&mechanism.row.mechanism) {
        return Err(Error::MechanismInvalid);
    }
    Ok((entry.key(), entry.attributes))
}

/// A private key's use. The public halves and secret keys never ask for the PIN again.
fn use_of(key: Key, mechanism: Mechanism, attributes: &Attributes) -> Use {
    let again =
        attributes.ulong(ck::CKA_CLASS) == Some(ck::CKO_PRIVATE_KEY) && attributes.is(ck::CKA_ALWAYS_AUTHENTICATE);
    let authentication = if again { Authentication::needed() } else { Authentication::NotNeeded };
    Use { key, mechanism, authentication }
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

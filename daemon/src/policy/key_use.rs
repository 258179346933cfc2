//! Whether a key allows what is to be done with it: its operations, whether it is enabled, its time.

use cryptoki_sys as ck;
use softkeep_proto::algorithm::KeyOperation;

use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        record::Ops,
    },
};

/// What a key does only from `not_before` on and until `expires`: what makes something that others will rely on, and what brings a key in.
/// The rest undoes or checks what was made (decrypt, unwrap, verify), which Key Vault allows outside that time too.
const IN_TIME_ONLY: Ops = Ops::SIGN
    .and(Ops::SIGN_RECOVER)
    .and(Ops::ENCRYPT)
    .and(Ops::WRAP_KEY)
    .and(Ops::WRAP_OBJECT)
    .and(Ops::ENCAPSULATE)
    .and(Ops::DERIVE)
    .and(Ops::of(KeyOperation::Import));

/// Refuses what the key does not allow now.
pub(super) fn check(version: &Version, needs: Ops, now: i64) -> Result<()> {
    if !version.ops().contains(needs) {
        let refused = format!("the key's operations do not include {}", needs.words());
        return Err(Error::new(ErrorCode::OperationNotPermitted, refused));
    }
    // What was wrapped for a key for imports, that key must never decrypt for anybody, whatever it may do by now.
    let import = Ops::of(KeyOperation::Import);
    if version.policy.ever().has_any(import) && needs != import {
        return Err(Error::new(
            ErrorCode::OperationNotPermitted,
            "a key that was ever one for imports does nothing else",
        ));
    }
    check_enabled(version)?;
    if needs.has_any(IN_TIME_ONLY) { check_time(version, now) } else { Ok(()) }
}

/// Both halves of a pair are one key here, and the public half is everybody's: who names it uses it for what a public key does.
pub(super) fn check_half(class: u64, needs: Ops) -> Result<()> {
    if class != ck::CKO_PUBLIC_KEY || Ops::PUBLIC_HALF.contains(needs) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::OperationNotPermitted, format!("a public key does not {}", needs.words())))
}

/// Refuses a second key that is disabled or out of its time: it is wrapped, or goes into a derivation, or certifies.
pub(super) fn check_other(version: &Version, now: i64) -> Result<()> {
    check_enabled(version)?;
    check_time(version, now)
}

/// The stored key that a session object is a copy of. A copy does no more than its original may now: when that is disabled, expired or
/// deleted, whoever took a copy before has nothing of it.
pub(super) fn original<'a>(vault: Option<&'a Vault>, version: &Version) -> Result<Option<&'a Version>> {
    let (Some(vault), false) = (vault, version.record.copied_from.is_empty()) else { return Ok(None) };
    let original = vault.version(Id::from_bytes(&version.record.copied_from)?);
    match original.filter(|original| !original.record.private_hidden) {
        Some(original) => Ok(Some(original)),
        None => disabled("is a copy of one that is deleted"),
    }
}

fn check_enabled(version: &Version) -> Result<()> {
    if version.record.enabled { Ok(()) } else { disabled("is disabled") }
}

fn check_time(version: &Version, now: i64) -> Result<()> {
    if version.record.not_before.is_some_and(|start| now < start) {
        return disabled("is not valid yet");
    }
    if version.record.expires.is_some_and(|end| now >= end) {
        return disabled("has expired");
    }
    Ok(())
}

/// Whether CKA_ALWAYS_AUTHENTICATE asks for the PIN before this.
pub(super) fn needs_pin(needs: Ops) -> bool {
    needs.has_any(Ops::NEEDS_PIN)
}

fn disabled<T>(why: &str) -> Result<T> {
    Err(Error::new(ErrorCode::KeyDisabled, format!("the key {why}")))
}

#[cfg(test)]
#[path = "key_use/tests.rs"]
mod tests;

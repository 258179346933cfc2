//! Whether a key allows what is to be done with it: its operations, whether it is enabled, its time.

use cryptoki_sys as ck;

use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
};

/// What makes something that others will rely on; what undoes it, Key Vault allows after a key has expired too.
const PROTECTS: Ops = Ops::SIGN
    .and(Ops::SIGN_RECOVER)
    .and(Ops::ENCRYPT)
    .and(Ops::WRAP_KEY)
    .and(Ops::WRAP_OBJECT)
    .and(Ops::ENCAPSULATE)
    .and(Ops::DERIVE);

/// Refuses what the key does not allow now.
pub(super) fn check(version: &Version, needs: Ops, now: i64) -> Result<()> {
    if !version.ops().contains(needs) {
        let refused = format!("the key's operations do not include {}", needs.words());
        return Err(Error::new(ErrorCode::OperationNotPermitted, refused));
    }
    check_enabled(version, now)?;
    if needs.has_any(PROTECTS) && version.record.expires.is_some_and(|end| now >= end) {
        return disabled("has expired");
    }
    Ok(())
}

/// Both halves of a pair are one key here, and the public half is everybody's: who names it uses it for what a public key does.
pub(super) fn check_half(class: u64, needs: Ops) -> Result<()> {
    if class != ck::CKO_PUBLIC_KEY || Ops::PUBLIC_HALF.contains(needs) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::OperationNotPermitted, format!("a public key does not {}", needs.words())))
}

/// Refuses a key that is disabled or not valid yet.
pub(super) fn check_enabled(version: &Version, now: i64) -> Result<()> {
    if !version.record.enabled {
        return disabled("is disabled");
    }
    if version.record.not_before.is_some_and(|start| now < start) {
        return disabled("is not valid yet");
    }
    Ok(())
}

/// Whether CKA_ALWAYS_AUTHENTICATE asks for the PIN before this.
pub(super) fn needs_pin(needs: Ops) -> bool {
    needs.has_any(Ops::NEEDS_PIN)
}

fn disabled(why: &str) -> Result<()> {
    Err(Error::new(ErrorCode::KeyDisabled, format!("the key {why}")))
}

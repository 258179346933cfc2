//! PINs: hashing them, comparing them, and bounding how often one may be guessed.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use argon2::{Algorithm, Argon2, Params, Version};
use softkeep_proto::limits::{MAX_PIN_BYTES, MAX_PIN_FAILURES, MIN_PIN_BYTES_STANDARD, MIN_PIN_BYTES_STRICT};
use subtle::ConstantTimeEq;

use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::UserType,
    keys::record::{PinRecord, VaultRecord},
};

/// Argon2id for PINs (OWASP's floor). A PIN has few bits whatever it costs: what protects a stolen hash is the pepper, derived from the root key.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A PIN as it is stored; `epoch` must be higher than any before it.
pub fn hash(pin: &[u8], pepper: &[u8; 32], epoch: u64) -> Result<PinRecord> {
    let mut salt = vec![0; 16];
    crypto::fill_random(&mut salt)?;
    let hash = stretch(pin, &salt, pepper)?.to_vec();
    Ok(PinRecord { salt, hash, epoch })
}

/// Whether a PIN is the stored one. Takes the same time either way.
pub fn is_right(pin: &[u8], record: &PinRecord, pepper: &[u8; 32]) -> Result<bool> {
    Ok(pin.len() <= MAX_PIN_BYTES && bool::from(stretch(pin, &record.salt, pepper)?.ct_eq(record.hash.as_slice())))
}

fn stretch(pin: &[u8], salt: &[u8], pepper: &[u8; 32]) -> Result<[u8; 32]> {
    let failed = |cause: argon2::Error| Error::internal(cause.to_string());
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(failed)?;
    let argon = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, parameters).map_err(failed)?;
    let mut hash = [0; 32];
    // A longer PIN is never right; cutting it bounds the work.
    argon.hash_password_into(pin.get(..MAX_PIN_BYTES).unwrap_or(pin), salt, &mut hash).map_err(failed)?;
    Ok(hash)
}

/// Whether a new PIN is long enough for its vault.
pub fn check_length(pin: &[u8], vault: &VaultRecord) -> Result<()> {
    let shortest = min_len(vault);
    if (shortest..=MAX_PIN_BYTES).contains(&pin.len()) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::PinInvalid, format!("a PIN of this vault has {shortest} to {MAX_PIN_BYTES} bytes")))
}

/// The shortest PIN a vault's profile takes.
pub fn min_len(vault: &VaultRecord) -> usize {
    if vault.profile == "strict" { MIN_PIN_BYTES_STRICT } else { MIN_PIN_BYTES_STANDARD }
}

/// Attempts being checked right now. They count as failures until they turn out right, so that guessing in parallel gains nothing.
#[derive(Default)]
pub struct Attempts {
    running: Mutex<HashMap<(Id, UserType, String), u32>>,
}

/// One attempt being checked; dropping it ends it.
pub struct Attempt<'a> {
    attempts: &'a Attempts,
    place: (Id, UserType, String),
}

impl Attempts {
    /// Begins an attempt, unless this peer's failures and running attempts have used up the vault's patience. The failures are looked
    /// up here: an attempt that ends meanwhile is found among the one or the other.
    pub fn begin(
        &self,
        vault: Id,
        user_type: UserType,
        peer: &str,
        failures: impl FnOnce() -> u32,
    ) -> Result<Attempt<'_>> {
        let place = (vault, user_type, peer.to_owned());
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.get(&place).copied().unwrap_or_default();
        if failures().saturating_add(count) >= MAX_PIN_FAILURES {
            return Err(Error::new(
                ErrorCode::PinLocked,
                "too many wrong PINs; an administrator unlocks it: softkeep token unlock",
            ));
        }
        running.insert(place.clone(), count + 1);
        Ok(Attempt { attempts: self, place })
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut running = self.attempts.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_pin_with_the_right_pepper_is_right() {
        let record = hash(b"1234", &[1; 32], 1).unwrap();
        assert!(is_right(b"1234", &record, &[1; 32]).unwrap());
        assert!(!is_right(b"1235", &record, &[1; 32]).unwrap());
        assert!(!is_right(b"1234", &record, &[2; 32]).unwrap());
        assert!(!is_right(b"", &record, &[1; 32]).unwrap());
        assert!(
            !is_right(&[b'1'; MAX_PIN_BYTES + 1], &hash(&[b'1'; MAX_PIN_BYTES], &[1; 32], 1).unwrap(), &[1; 32])
                .unwrap()
        );
    }

    #[test]
    fn parallel_attempts_count() {
        let attempts = Attempts::default();
        let begin = |failures| attempts.begin(Id([1; 16]), UserType::User, "uid:1", || failures);
        let running: Vec<_> = (0..7).map(|_| begin(3).unwrap()).collect();
        assert!(begin(3).is_err_and(|error| error.code == ErrorCode::PinLocked));
        assert!(attempts.begin(Id([1; 16]), UserType::User, "uid:2", || 3).is_ok(), "another peer is not locked");
        drop(running);
        assert!(begin(3).is_ok());
        assert!(begin(10).is_err());
    }
}

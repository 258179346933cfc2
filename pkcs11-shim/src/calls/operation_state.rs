//! Operation state (PKCS#11 3.2 sections 5.6.6 and 5.6.7): a digest under way as bytes. Everything else needs a key, and
//! a key's use is not handed out as bytes.

use cryptoki_sys as ck;

use crate::{
    error::{Error, Result},
    ffi::{InBuf, OutBuf},
    hash::{Hasher, digest},
    mechanism::{Family, TABLE},
    module::Module,
    session::Digest,
};
use softkeep_proto::{algorithm::Hash, mechanism::hash_of};

/// What the bytes begin with: what they are, and the version of their form.
const HEADER: &[u8] = b"softkeep digest state 1\0";

/// The last bytes: a digest of all before them, against damage. The state is no secret, and who makes up a state has
/// only made up a message.
const CHECK: Hash = Hash::Sha256;

/// What could be saved at all, says the specification; the others count as not active.
const SAVEABLE: u64 = ck::CKF_ENCRYPT | ck::CKF_DECRYPT | ck::CKF_DIGEST | ck::CKF_SIGN | ck::CKF_VERIFY;

/// C_GetOperationState (section 5.6.6).
pub fn get(module: &Module, session: u64, out: OutBuf) -> Result<()> {
    let state = module.with(|running| {
        let session = running.sessions.get_mut(session)?;
        match session.active_flags() & SAVEABLE {
            0 => return Err(Error::OperationNotInitialized),
            ck::CKF_DIGEST => {}
            _ => return Err(Error::StateUnsaveable),
        }
        let operation = session.active::<Digest>()?;
        if operation.has_key { Err(Error::StateUnsaveable) } else { Ok(save(operation)) }
    })?;
    out.write(&state)
}

/// C_SetOperationState (section 5.6.7): what was active in the session is replaced.
pub fn set(module: &Module, session: u64, state: InBuf, keys: [u64; 2]) -> Result<()> {
    module.with(|running| running.sessions.get(session).map(drop))?;
    if state.is_null() {
        return Err(Error::ArgumentsBad);
    }
    let operation = restore(state.bytes()?).ok_or(Error::SavedStateInvalid)?;
    if keys != [0; 2] {
        return Err(Error::KeyNotNeeded);
    }
    module.with(|running| {
        let open = running.sessions.get_mut(session)?;
        open.cancel(u64::MAX);
        open.begin(operation)
    })
}

/// Header, mechanism (8 bytes, little-endian), whether parts have been given, state, check.
fn save(operation: &Digest) -> Vec<u8> {
    let hash = operation.hasher.hash();
    let mechanism = TABLE.iter().find(|row| row.family == Family::Digest && row.hash == Some(hash));
    let mechanism = mechanism.map_or(0, |row| row.mechanism).to_le_bytes();
    let mut state = [HEADER, &mechanism, &[u8::from(operation.multi_part)], &operation.hasher.save()].concat();
    state.extend(digest(CHECK, &[&state]));
    state
}

fn restore(state: &[u8]) -> Option<Digest> {
    let (state, check) = state.split_at_checked(state.len().checked_sub(CHECK.len())?)?;
    if digest(CHECK, &[state]) != check {
        return None;
    }
    let (mechanism, state) = state.strip_prefix(HEADER)?.split_first_chunk()?;
    let (multi_part, state) = state.split_first()?;
    let hasher = Hasher::restore(hash_of(u64::from_le_bytes(*mechanism))?, state)?;
    Some(Digest { hasher, multi_part: *multi_part != 0, has_key: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_state_is_none() {
        for hash in Hash::ALL {
            let mut hasher = Hasher::new(hash);
            hasher.update(b"some");
            let saved = save(&Digest { hasher, multi_part: true, has_key: false });
            let restored = restore(&saved).map(|operation| operation.hasher.finish());
            assert_eq!(restored, Some(digest(hash, &[b"some"])));
            for index in 0..saved.len() {
                let mut damaged = saved.clone();
                damaged[index] ^= 0x10;
                assert!(restore(&damaged).is_none());
                assert!(restore(&saved[..index]).is_none());
            }
        }
    }
}

//! Grants of one use of a key with CKA_ALWAYS_AUTHENTICATE: a login's, a key's, for a minute. They die with the daemon's process, which
//! has the only key that makes them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::hmac;

use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, Login},
};

/// From showing the PIN to using the key; a person may have to press a button in between.
const LIFE_SECONDS: i64 = 60;
const NONCE_LEN: usize = 16;
const BODY_LEN: usize = NONCE_LEN + 8;

/// Makes and takes them.
pub(super) struct OneTimeGrants {
    key: hmac::Key,
    /// Those that were used, until they would have expired.
    spent: Mutex<HashMap<Vec<u8>, i64>>,
}

impl OneTimeGrants {
    /// With a key of its own.
    pub(super) fn new() -> Result<Self> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        crypto::fill_random(&mut *key)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*key), spent: Mutex::default() })
    }

    /// nonce (16 bytes) ‖ end (8, big-endian) ‖ MAC (32).
    pub(super) fn issue(&self, caller: &Caller, key: Id, now: i64) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        crypto::fill_random(&mut nonce)?;
        let mut grant = [&nonce[..], &(now + LIFE_SECONDS).to_be_bytes()].concat();
        let mac = self.mac(&grant, user(caller)?, key);
        grant.extend(mac.as_ref());
        Ok(grant)
    }

    /// Takes one; it is good only once.
    pub(super) fn spend(&self, grant: Option<&[u8]>, caller: &Caller, key: Id, now: i64) -> Result<()> {
        let refused = || Error::new(ErrorCode::Unauthenticated, "the key asks for the PIN at each use");
        let (body, mac) = grant.and_then(|grant| grant.split_at_checked(BODY_LEN)).ok_or_else(refused)?;
        let right = self.mac(body, user(caller)?, key);
        aws_lc_rs::constant_time::verify_slices_are_equal(right.as_ref(), mac).map_err(|_| refused())?;
        let (_, end) = body.split_last_chunk().ok_or_else(refused)?;
        let end = i64::from_be_bytes(*end);
        if now > end {
            return Err(refused());
        }
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.retain(|_, end| *end >= now);
        if spent.insert(body.to_vec(), end).is_some() {
            return Err(refused());
        }
        Ok(())
    }

    fn mac(&self, body: &[u8], login: &Login, key: Id) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(body);
        context.update(&login.id.0);
        context.update(&key.0);
        context.sign()
    }
}

/// Only who has a PIN can show it.
fn user(caller: &Caller) -> Result<&Login> {
    match caller {
        Caller::PinUser(login, _) => Ok(login),
        Caller::Peer(_) | Caller::Principal(..) | Caller::Application(..) | Caller::Internal => {
            Err(Error::new(ErrorCode::Unauthenticated, "the key asks for the PIN at each use: through PKCS#11 alone"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Peer, UserType};

    fn caller(login: u8) -> Caller {
        let login = Login {
            vault: Id([1; 16]),
            user_type: UserType::User,
            epoch: 1,
            id: Id([login; 16]),
            application: Id::default(),
        };
        Caller::PinUser(login, Peer::Unix { uid: 1, pid: None })
    }

    #[test]
    fn a_grant_is_good_once_for_its_login_and_key_within_its_minute() {
        let (grants, key) = (OneTimeGrants::new().unwrap(), Id([9; 16]));
        let grant = grants.issue(&caller(1), key, 100).unwrap();
        let spend = |grant: &[u8], login, key, now| grants.spend(Some(grant), &caller(login), key, now).is_ok();
        assert!(!spend(&grant, 2, key, 100), "another login");
        assert!(!spend(&grant, 1, Id([8; 16]), 100), "another key");
        assert!(!spend(&grant, 1, key, 161), "too late");
        assert!(!spend(&[], 1, key, 100) && grants.spend(None, &caller(1), key, 100).is_err());
        for index in 0..grant.len() {
            let mut forged = grant.clone();
            forged[index] ^= 1;
            assert!(!spend(&forged, 1, key, 100), "byte {index}");
        }
        assert!(spend(&grant, 1, key, 160));
        assert!(!spend(&grant, 1, key, 100), "twice");
        assert!(OneTimeGrants::new().unwrap().spend(Some(&grant), &caller(1), key, 100).is_err(), "another daemon");
        assert!(grants.issue(&Caller::Peer(Peer::Unix { uid: 0, pid: None }), key, 100).is_err());
    }
}

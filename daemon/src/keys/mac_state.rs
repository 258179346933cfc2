//! A MAC under way, on its way to the application and back: sealed for one caller, one key and one mechanism, so that it is of no use to
//! another, and nobody but the daemon reads or changes it.

use zeroize::Zeroizing;

use super::{Keys, catalog::Version, seal};
use crate::{
    error::{Error, ErrorCode, Result},
    identity::Caller,
};

const PURPOSE: &[u8] = b"mac-state/1";
const SALT_LEN: usize = 16;

impl Keys {
    /// Seals a state.
    pub fn seal_mac_state(&self, key: &Version, caller: &Caller, mechanism: u64, state: &[u8]) -> Result<Vec<u8>> {
        let mut salt = [0; SALT_LEN];
        crate::crypto::fill_random(&mut salt)?;
        let (sealing_key, data) = self.mac_state_key(key, caller, mechanism, &salt)?;
        Ok([&salt[..], &seal::seal(&sealing_key, &data, state)?].concat())
    }

    /// Opens one that the same caller was given for the same key and mechanism.
    pub fn open_mac_state(
        &self,
        key: &Version,
        caller: &Caller,
        mechanism: u64,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let refused = || Error::new(ErrorCode::InvalidArgument, "the state of the MAC is not of this operation");
        let (salt, sealed) = sealed.split_at_checked(SALT_LEN).ok_or_else(refused)?;
        let (sealing_key, data) = self.mac_state_key(key, caller, mechanism, salt)?;
        seal::unseal(&sealing_key, &data, sealed)?.ok_or_else(refused)
    }

    /// A key for each state, so that no nonce is ever drawn twice under one; and what is authenticated with it.
    fn mac_state_key(
        &self,
        key: &Version,
        caller: &Caller,
        mechanism: u64,
        salt: &[u8],
    ) -> Result<(seal::Secret32, Vec<u8>)> {
        let kek = {
            let view = self.catalog.view();
            self.kek(view.vault(key.vault).ok_or_else(Error::sealed)?)?
        };
        let opener = caller.opener();
        let [login, application] = [opener.login, opener.application].map(Option::unwrap_or_default);
        let data = [PURPOSE, &key.vault.0, &key.id.0, &mechanism.to_be_bytes(), &login.0, &application.0].concat();
        Ok((seal::derive(&kek, &[PURPOSE, salt])?, data))
    }
}

//! One part of a message under a MAC. The daemon keeps nothing between parts: the state goes out sealed and comes back with the next part,
//! so a MAC of any length needs no memory here, and a daemon that was restarted goes on with it.

use std::borrow::Cow;

use bytes::Bytes;
use softkeep_proto::mechanism::Row;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    method::{self, Method, Signing},
    sign,
};
use crate::{
    crypto::mac::{Mac, MacState, mac},
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// The next part.
pub struct UpdateMac {
    vault: VaultName,
    key: KeyName,
    method: Method<Signing>,
    /// The MAC will be checked, not made.
    verify: bool,
    /// The last answer; empty before the first part.
    state: Bytes,
    data: Bytes,
}

impl UpdateMac {
    /// Checks what the application asks for.
    pub fn new(
        vault: VaultName,
        key: KeyName,
        method: Method<Signing>,
        verify: bool,
        state: Bytes,
        data: Bytes,
    ) -> Result<Self> {
        sign::check_size(&data)?;
        Ok(Self { vault, key, method, verify, state, data })
    }
}

impl Operation for UpdateMac {
    const NAME: &'static str = "updateMac";
    const PERMISSION: Permission = Permission::Sign;
    // What is on record is the MAC that comes of it: until then nobody but the daemon can read anything of this.
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn permission(&self) -> Permission {
        if self.verify { Permission::Verify } else { Permission::Sign }
    }

    fn key_use(&self) -> Option<Ops> {
        Some(if self.verify { Ops::VERIFY } else { Ops::SIGN })
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        method::lane(version, self.data.len())
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let operation = grant.operation();
        method::check_key(&grant, operation.method.row, &[cryptoki_sys::CKO_SECRET_KEY])?;
        let Signing::Mac { mac, .. } = &operation.method.how else {
            return Err(Error::new(ErrorCode::UnsupportedAlgorithm, "only a MAC works on parts"));
        };
        let key = rooms.keys.open(&grant)?;
        let context = Context { grant: &grant, row: operation.method.row, mac, secret: key.secret()? };
        let mut state = context.resume(rooms, &operation.state)?;
        state.update(&operation.data)?;
        rooms.keys.seal_mac_state(grant.version()?, grant.caller(), context.row.mechanism, &state.export())
    }
}

impl KeyUse for UpdateMac {}

/// A MAC by some key for somebody.
pub struct Context<'a, O> {
    /// Who, with which key.
    pub grant: &'a Authorized<O>,
    /// By which mechanism.
    pub row: &'static Row,
    /// Which MAC.
    pub mac: &'a Mac,
    /// The key's bytes.
    pub secret: &'a [u8],
}

impl<O> Context<'_, O> {
    /// The whole MAC, of all parts and these last bytes.
    pub fn finish(&self, rooms: &Unsealed, state: &[u8], last: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        if state.is_empty() {
            return mac(self.mac, self.secret, last);
        }
        let mut state = self.resume(rooms, state)?;
        state.update(last)?;
        state.finish()
    }

    fn resume(&self, rooms: &Unsealed, state: &[u8]) -> Result<MacState> {
        if state.is_empty() {
            return MacState::new(self.mac, self.secret);
        }
        let (version, caller) = (self.grant.version()?, self.grant.caller());
        let opened = rooms.keys.open_mac_state(version, caller, self.row.mechanism, state)?;
        MacState::import(self.mac, self.secret, &opened)
    }
}

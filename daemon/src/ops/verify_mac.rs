//! Checks a MAC. Signatures are checked in the module, which has the public keys.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    Audited, Operation,
    method::{self, Method, Signing},
    sign, update_mac,
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName},
    workers::Lane,
};

/// What to check.
pub struct VerifyMac {
    /// The vault.
    pub vault: VaultName,
    /// The key.
    pub key: KeyName,
    /// Which MAC.
    pub method: Method<Signing>,
    /// The message, or the rest of it.
    pub data: Bytes,
    /// The MAC as it came.
    pub mac: Bytes,
    /// What came of the parts before.
    pub mac_state: Bytes,
}

impl Operation for VerifyMac {
    const NAME: &'static str = "verify";
    const PERMISSION: Permission = Permission::Verify;
    const AUDITED: Audited = Audited::Use;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Key(self.vault.clone(), self.key.clone())
    }

    fn key_use(&self) -> Option<Ops> {
        Some(Ops::VERIFY)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.method.name())
    }

    fn lane(&self, version: Option<&Version>) -> Lane {
        method::lane(version, self.data.len())
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let operation = grant.operation();
        sign::check_size(&operation.data)?;
        method::check_key(&grant, operation.method.row, &[cryptoki_sys::CKO_SECRET_KEY])?;
        let Signing::Mac { mac, len_bytes } = &operation.method.how else {
            return Err(Error::new(ErrorCode::NotSupported, "signatures are verified in the module"));
        };
        let key = rooms.keys.open(&grant)?;
        let context = update_mac::Context { grant: &grant, row: operation.method.row, mac, secret: key.secret()? };
        let right = context.finish(rooms, &operation.mac_state, &operation.data)?;
        let right = right.get(..*len_bytes).unwrap_or(&right);
        aws_lc_rs::constant_time::verify_slices_are_equal(right, &operation.mac)
            .map_err(|_| Error::new(ErrorCode::SignatureInvalid, "the MAC is wrong"))
    }
}

impl KeyUse for VerifyMac {}

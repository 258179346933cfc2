//! C_Login with CKU_CONTEXT_SPECIFIC: the PIN again, for one use of a key with CKA_ALWAYS_AUTHENTICATE.

use zeroize::Zeroizing;

use super::{Audited, Operation, login};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::UserType,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place, VaultName},
    workers::Lane,
};

/// The user's PIN, and the key it is for.
pub struct ContextLogin {
    /// The vault.
    pub vault: Id,
    /// The key.
    pub key: KeyName,
    /// The PIN.
    pub pin: Zeroizing<Vec<u8>>,
}

impl Operation for ContextLogin {
    const NAME: &'static str = "login.context";
    const PERMISSION: Permission = Permission::Login;
    const AUDITED: Audited = Audited::Login;
    /// Good for one use within a minute.
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.key.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        if !grant.caller().is_user() {
            return Err(Error::new(
                ErrorCode::Unauthenticated,
                "only who is logged in as the user shows the PIN again",
            ));
        }
        login::check(&grant, rooms, UserType::User, &grant.operation().pin)?;
        rooms.policy.grant_one_use(grant.caller(), grant.version()?.id, clock::now_seconds())
    }
}

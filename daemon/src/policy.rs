//! Who may do what. The only room that makes an [`Authorized`], and without one no operation runs and no private key opens.
//!
//! Effective right = the caller's grant ∩ the key's operations ∩ its attributes (enabled, not before, expires). Default deny.

use std::sync::Arc;

use bytes::Bytes;
use cryptoki_sys as ck;

use crate::{
    config::ClientGrant,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, Login, Peer, UserType},
    keys::{
        Keys,
        catalog::{Vault, Version, View},
        record::{ObjectRecord, VaultRecord},
    },
    ops::Operation,
};

mod engine;
mod explain;
pub mod grants;
mod key_use;
mod one_time;
mod permission;
mod permission_set;
pub mod principals;
pub mod profile;
pub mod roles;
pub mod scope;
mod subject;
pub mod wrapping;

pub use engine::{Grant, Lack, Target, Thing, Verdict, check_principal};
pub use explain::{Explanation, Question};
pub use grants::{Grants, Right};
use one_time::OneTimeGrants;
use permission::USER_GRANT;
pub use permission::{Area, Permission};
pub use permission_set::PermissionSet;
use scope::Scope;
pub use subject::Subject;

/// A vault as the caller named it.
#[derive(Clone, Debug)]
pub enum VaultName {
    /// By name.
    Named(String),
    /// By identifier.
    Id(Id),
}

/// A key as the caller named it.
#[derive(Clone, Debug)]
pub enum KeyName {
    /// By name; no version means the current one.
    Named(String, Option<Id>),
    /// By version: its private or secret key.
    Version(Id),
    /// One object of that CKA_UNIQUE_ID and CKO_* class: a public key too, or what is no key.
    Object(Id, u64),
    /// A session object, which comes with the request.
    Sealed(Bytes),
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyName::Named(name, None) => f.write_str(name),
            KeyName::Named(name, Some(id)) => write!(f, "{name}/{id}"),
            KeyName::Version(id) | KeyName::Object(id, _) => write!(f, "{id}"),
            KeyName::Sealed(_) => f.write_str("(session object)"),
        }
    }
}

/// What an operation works on.
#[derive(Clone, Debug)]
pub enum Place {
    /// The daemon as a whole.
    Daemon,
    /// A vault, and for the audit log the name of what is meant in it.
    Vault(VaultName, Option<String>),
    /// One version of a key.
    Key(VaultName, KeyName),
    /// A deleted vault that can be recovered, by name.
    DeletedVault(String),
    /// A group, which need not be there.
    Group(String),
    /// A user or service principal, as the caller named it; it need not be there.
    Principal(String),
    /// Where a role is given or taken.
    Scope(Scope),
}

/// The vault of a grant.
#[derive(Clone)]
pub struct VaultRef {
    /// Its identifier.
    pub id: Id,
    /// Its record when the grant was made.
    pub record: Arc<VaultRecord>,
}

/// Leave to do one operation, once: it moves into the operation and is gone.
pub struct Authorized<O> {
    operation: O,
    caller: Caller,
    vault: Option<VaultRef>,
    subject: Option<Subject>,
    other: Option<Subject>,
}

impl<O> Authorized<O> {
    /// What may be done.
    pub fn operation(&self) -> &O {
        &self.operation
    }

    /// By whom.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// In which vault.
    pub fn vault(&self) -> Result<&VaultRef> {
        self.vault.as_ref().ok_or_else(|| Error::internal("the operation has no vault"))
    }

    /// With which version of which key.
    pub fn version(&self) -> Result<&Arc<Version>> {
        self.subject()?.version()
    }

    /// With which object: a key as private, secret or public one, or what is no key.
    pub fn subject(&self) -> Result<&Subject> {
        self.subject.as_ref().ok_or_else(|| Error::internal("the operation has no object"))
    }

    /// With which object that is no key.
    pub fn object(&self) -> Result<&Arc<ObjectRecord>> {
        self.subject()?.object()
    }

    /// And with which second key ([`Operation::other_key`]).
    pub fn other_version(&self) -> Result<&Arc<Version>> {
        self.other()?.version()
    }

    /// The second key with its class.
    pub fn other(&self) -> Result<&Subject> {
        self.other.as_ref().ok_or_else(|| Error::internal("the operation has no second key"))
    }

    /// Takes the operation out; the grant is spent.
    pub fn into_operation(self) -> O {
        self.operation
    }
}

/// An operation that uses a key: only for these does the keys room open one.
pub trait KeyUse: Operation {}

/// An operation that needs a key's own bytes, to wrap, copy, derive or tell them: the only ones that get them.
pub trait KeyExport: Operation {}

/// An operation that takes a key's versions into a sealed backup: their bytes leave the keys room only so.
pub trait KeyBackup: Operation {
    /// The key.
    fn key_name(&self) -> &str;
}

/// An operation that makes, completes or copies a certificate: for these the keys room tells the certificate's own keys, which its
/// secret repeats, and signs with the authorities of its vault.
pub trait CertificateKeys: Operation {
    /// The certificate.
    fn certificate_name(&self) -> &str;
}

/// An operation that reads the values of one secret: only for these does the keys room open them.
pub trait SecretRead: Operation {
    /// The secret.
    fn secret_name(&self) -> &str;
}

/// The rules, with what the configuration adds to them.
pub struct Policy {
    /// The daemon's own user administers.
    own_uid: u32,
    clients: Vec<ClientGrant>,
    one_time: OneTimeGrants,
}

impl Policy {
    /// With the certificates the configuration lists.
    pub fn new(clients: Vec<ClientGrant>) -> Result<Self> {
        Ok(Self { own_uid: rustix::process::geteuid().as_raw(), clients, one_time: OneTimeGrants::new()? })
    }

    /// Decides. Everything the operation will need of the catalog comes with the grant, so nothing is looked up or re-checked later.
    pub fn authorize<O: Operation>(
        &self,
        keys: &Keys,
        caller: Caller,
        operation: O,
        now: i64,
    ) -> Result<Authorized<O>> {
        let view = keys.catalog.view();
        if let Caller::Principal(who, _) = &caller {
            engine::check_principal(&view, who, now)?;
        }
        let place = operation.place();
        let (vault, key) = match &place {
            Place::Daemon | Place::Group(_) | Place::Principal(_) | Place::Scope(_) => (None, None),
            Place::Vault(vault, _) => (Some(self.find_vault(&view, &caller, vault)?), None),
            Place::Key(vault, key) => (Some(self.find_vault(&view, &caller, vault)?), Some(key)),
            Place::DeletedVault(name) => (Some(self.find_deleted_vault(&view, &caller, name)?), None),
        };
        let target = match (&place, vault) {
            (Place::Group(name), _) => Target::Group(name),
            (Place::Scope(scope), _) => Target::Scope(scope),
            (_, None) => Target::Daemon,
            (Place::Vault(_, Some(name)), Some(vault)) => Target::Vault(vault, Thing::Named(name)),
            (Place::Key(_, key), Some(vault)) => Target::Vault(vault, Thing::key(key)),
            (_, Some(vault)) => Target::Vault(vault, Thing::None),
        };
        self.check_at(&view, &caller, target, wanted(&caller, &operation, key))?;
        let find = |key: Option<&KeyName>| match (vault, key) {
            (Some(vault), Some(key)) => {
                let found = subject::find(keys, vault, &caller, key)?;
                check_privacy(&caller, key, &found)?;
                Ok(Some(found))
            }
            _ => Ok(None),
        };
        let other_key = operation.other_key();
        if let (Some(other), Some(vault)) = (&other_key, vault) {
            let target = Target::Vault(vault, Thing::key(other));
            self.check_at(&view, &caller, target, wanted(&caller, &operation, Some(other)))?;
        }
        let (subject, other) = (find(key)?, find(other_key.as_ref())?);
        if let Some(Subject::Key { class: ck::CKO_SECRET_KEY, .. }) = &subject {
            self.check_own_right(&view, &caller, target, wanted(&caller, &operation, key))?;
        }
        if let (Some(Subject::Key { version, class }), Some(needs)) = (&subject, operation.key_use()) {
            key_use::check_half(*class, needs)?;
            key_use::check(version, needs, now)?;
            if let Some(original) = key_use::original(vault, version)? {
                key_use::check(original, needs, now)?;
            }
            if version.policy.always_authenticate && key_use::needs_pin(needs) {
                self.one_time.spend(operation.one_time_grant(), &caller, version.id, now)?;
            }
        }
        if let Some(Subject::Key { version, .. }) = &other {
            key_use::check_other(version, now)?;
            if let Some(original) = key_use::original(vault, version)? {
                key_use::check_other(original, now)?;
            }
        }
        let vault = vault.map(|vault| VaultRef { id: vault.id, record: vault.record.clone() });
        Ok(Authorized { operation, caller, vault, subject, other })
    }

    /// Refuses what a caller was not granted. Operations ask this themselves only about what a template decides: whether what they make
    /// is kept.
    pub fn check(&self, view: &View, caller: &Caller, vault: Option<&Vault>, wanted: Permission) -> Result<()> {
        self.check_at(view, caller, vault.map_or(Target::Daemon, |vault| Target::Vault(vault, Thing::None)), wanted)
    }

    /// The same at any place.
    pub fn check_at(&self, view: &View, caller: &Caller, target: Target<'_>, wanted: Permission) -> Result<()> {
        if self.decide(view, caller, target, wanted)?.is_allowed() {
            return Ok(());
        }
        let refused = format!("{caller} may not {}", wanted.full_name());
        // PKCS#11 tells an application apart that only has to log in.
        let login_helps = matches!(caller, Caller::Application(..)) && USER_GRANT.contains(wanted);
        let code = match wanted {
            _ if login_helps => ErrorCode::Unauthenticated,
            // To all but the security officer it is an attribute like CKA_LOCAL.
            Permission::SetTrust => ErrorCode::AttributeReadOnly,
            _ => ErrorCode::PermissionDenied,
        };
        Err(Error::new(code, refused))
    }

    /// Makes the grant of one use of a key that asks for the PIN each time; the caller has just shown it.
    pub fn grant_one_use(&self, caller: &Caller, key: Id, now: i64) -> Result<Vec<u8>> {
        self.one_time.issue(caller, key, now)
    }

    /// The peers that the daemon has heard of, to tell their object ids by.
    pub fn known_peers(&self, view: &View) -> Vec<Peer> {
        let uids = [0, self.own_uid].into_iter().chain(view.admins());
        let certificates = self.clients.iter().map(|client| client.name.as_str().into());
        uids.map(|uid| Peer::Unix { uid, pid: None })
            .chain(certificates.map(|name| Peer::Certificate { name, fingerprint: [0; 32] }))
            .collect()
    }

    /// Whether a peer may make vaults through PKCS#11 or list every vault.
    pub fn administers(&self, view: &View, peer: &Peer) -> bool {
        self.is_admin(view, &Caller::Peer(peer.clone()))
    }

    fn find_vault<'a>(&self, view: &'a View, caller: &Caller, name: &VaultName) -> Result<&'a Vault> {
        let (vault, shown) = match name {
            VaultName::Named(name) => (view.vault_named(name), name.clone()),
            VaultName::Id(id) => (view.vault(*id), id.to_string()),
        };
        // One answer for "is not there" and "is not yours to know of".
        vault.filter(|vault| self.may_see(view, caller, vault)).ok_or_else(|| Error::vault_not_found(&shown))
    }

    /// One answer for "is not there" and "is not yours to know of" again: a deleted vault is its managers'.
    fn find_deleted_vault<'a>(&self, view: &'a View, caller: &Caller, name: &str) -> Result<&'a Vault> {
        let may_see = |vault: &&Vault| {
            self.allows(view, caller, Target::Vault(vault, Thing::None), Permission::ReadVault)
                || self.allows(view, caller, Target::Vault(vault, Thing::None), Permission::PurgeVault)
        };
        view.deleted_vault(name)
            .filter(may_see)
            .ok_or_else(|| Error::new(ErrorCode::VaultNotFound, format!("no deleted vault '{name}'")))
    }
}

/// A login from before the PIN was changed is over.
pub fn check_epoch(login: &Login, vault: &Vault) -> Result<()> {
    let pin = match login.user_type {
        UserType::User => &vault.record.user_pin,
        UserType::SecurityOfficer => &vault.record.so_pin,
    };
    if pin.as_ref().is_some_and(|pin| pin.epoch == login.epoch) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::Unauthenticated, "the PIN has changed since this login; log in again"))
}

/// What a caller must be granted. Who is not logged in may use what is theirs, and public keys, whatever the verb is called.
fn wanted<O: Operation>(caller: &Caller, operation: &O, key: Option<&KeyName>) -> Permission {
    match (caller, key) {
        // What no user may do (CKA_TRUSTED is the security officer's) needs that permission, whoever has the object.
        _ if !USER_GRANT.contains(operation.permission()) => operation.permission(),
        (Caller::Application(..), Some(KeyName::Sealed(_))) => Permission::UseOwnObject,
        (Caller::Application(..), Some(KeyName::Object(_, ck::CKO_PUBLIC_KEY))) if operation.key_use().is_some() => {
            Permission::UseOwnObject
        }
        _ => operation.permission(),
    }
}

/// Private objects are the user's, and so is every secret that the vault keeps. Others do not get them, whatever else they are granted.
fn check_privacy(caller: &Caller, key: &KeyName, found: &Subject) -> Result<()> {
    let is_kept_secret =
        !matches!(key, KeyName::Sealed(_)) && matches!(found.class(), ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY);
    match caller {
        Caller::Application(..) if is_kept_secret => {
            Err(Error::new(ErrorCode::Unauthenticated, "the key is the vault's; log in"))
        }
        Caller::Application(..) if found.is_private() => {
            Err(Error::new(ErrorCode::Unauthenticated, "the object is private; log in"))
        }
        Caller::PinUser(login, _) if login.user_type == UserType::SecurityOfficer && found.is_private() => {
            Err(Error::key_not_found(&key.to_string()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

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

mod key_use;
mod one_time;
mod permission;
pub mod profile;
mod subject;
pub mod wrapping;

use one_time::OneTimeGrants;
pub use permission::Permission;
use permission::{LOCAL_GRANT, SO_GRANT, USER_GRANT};
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
        let (vault, key) = match operation.place() {
            Place::Daemon | Place::Group(_) | Place::DeletedVault(_) => (None, None),
            Place::Vault(vault, _) => (Some(vault), None),
            Place::Key(vault, key) => (Some(vault), Some(key)),
        };
        let vault = vault.map(|name| self.find_vault(&view, &caller, &name)).transpose()?;
        self.check(&view, &caller, vault, wanted(&caller, &operation, key.as_ref()))?;
        let find = |key: Option<KeyName>| match (vault, key) {
            (Some(vault), Some(key)) => {
                let found = subject::find(keys, vault, &caller, &key)?;
                check_privacy(&caller, &key, &found)?;
                Ok(Some(found))
            }
            _ => Ok(None),
        };
        let other_key = operation.other_key();
        if other_key.is_some() {
            self.check(&view, &caller, vault, wanted(&caller, &operation, other_key.as_ref()))?;
        }
        let (subject, other) = (find(key)?, find(other_key)?);
        if let (Some(Subject::Key { version, class }), Some(needs)) = (&subject, operation.key_use()) {
            key_use::check_half(*class, needs)?;
            key_use::check(version, needs, now)?;
            if version.policy.always_authenticate && key_use::needs_pin(needs) {
                self.one_time.spend(operation.one_time_grant(), &caller, version.id, now)?;
            }
        }
        if let Some(Subject::Key { version, .. }) = &other {
            key_use::check_enabled(version, now)?;
        }
        let vault = vault.map(|vault| VaultRef { id: vault.id, record: vault.record.clone() });
        Ok(Authorized { operation, caller, vault, subject, other })
    }

    /// Refuses what a caller was not granted. Operations ask this themselves only about what a template decides: whether what they make
    /// is kept.
    pub fn check(&self, view: &View, caller: &Caller, vault: Option<&Vault>, wanted: Permission) -> Result<()> {
        if self.allows(view, caller, vault, wanted)? {
            return Ok(());
        }
        let refused = format!("{caller} may not {}", wanted.name());
        // PKCS#11 tells an application apart that only has to log in.
        let login_helps = matches!(caller, Caller::Application(..)) && USER_GRANT.contains(&wanted);
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

    /// Whether a caller administers the daemon.
    fn is_admin(&self, view: &View, caller: &Caller) -> bool {
        match caller {
            Caller::Internal => true,
            Caller::Peer(Peer::Unix { uid, .. }) => *uid == 0 || *uid == self.own_uid || view.is_admin(*uid),
            Caller::Principal(..)
            | Caller::Peer(Peer::Certificate { .. })
            | Caller::Application(..)
            | Caller::PinUser(..) => false,
        }
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

    /// Whether a caller may know that a vault exists.
    pub fn may_see(&self, view: &View, caller: &Caller, vault: &Vault) -> bool {
        if self.is_admin(view, caller) {
            return true;
        }
        match caller {
            Caller::Internal => true,
            Caller::Principal(..) => false,
            // A login over TLS ends when its certificate is no longer listed.
            Caller::PinUser(login, peer) => login.vault == vault.id && self.is_listed(peer, vault),
            // A vault without a PIN is no token anybody could use.
            Caller::Application(Peer::Unix { .. }, _) | Caller::Peer(Peer::Unix { .. }) => {
                vault.record.user_pin.is_some() || vault.record.so_pin.is_some()
            }
            Caller::Application(peer, _) | Caller::Peer(peer) => self.is_listed(peer, vault),
        }
    }

    /// Whether the configuration lists a certificate for a vault; peers of the Unix socket need no listing.
    fn is_listed(&self, peer: &Peer, vault: &Vault) -> bool {
        match peer {
            Peer::Unix { .. } => true,
            Peer::Certificate { name, .. } => self.clients.iter().any(|client| client.names(name, &vault.record.name)),
        }
    }

    fn allows(&self, view: &View, caller: &Caller, vault: Option<&Vault>, wanted: Permission) -> Result<bool> {
        if self.is_admin(view, caller) {
            return Ok(true);
        }
        Ok(match (caller, vault) {
            // Listing shows only what `may_see` lets through, one vault at a time.
            (_, None) => wanted == Permission::SeeToken,
            (Caller::PinUser(login, _), Some(vault)) => {
                check_epoch(login, vault)?;
                login.vault == vault.id && pin_grant(login.user_type).contains(&wanted)
            }
            (Caller::Application(..) | Caller::Peer(Peer::Unix { .. }), Some(_)) => LOCAL_GRANT.contains(&wanted),
            (Caller::Peer(Peer::Certificate { name, .. }), Some(vault)) => {
                self.clients.iter().any(|client| client.names(name, &vault.record.name) && client.allows(wanted))
            }
            (Caller::Principal(..), Some(_)) => false,
            (Caller::Internal, Some(_)) => true,
        })
    }
}

fn pin_grant(user_type: UserType) -> &'static [Permission] {
    match user_type {
        UserType::User => &USER_GRANT,
        UserType::SecurityOfficer => &SO_GRANT,
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
        _ if !USER_GRANT.contains(&operation.permission()) => operation.permission(),
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

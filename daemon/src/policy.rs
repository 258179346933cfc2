//! Who may do what. The only room that makes an [`Authorized`], and without one no operation runs and no private key opens.
//!
//! Effective right = the caller's grant ∩ the key's operations ∩ its attributes (enabled, not before, expires). Default deny.

use std::sync::Arc;

use softkeep_proto::algorithm::KeyOperation;

use crate::{
    config::ClientGrant,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, Login, Peer, UserType},
    keys::{
        catalog::{Key, Vault, Version, View},
        record::{Ops, VaultRecord},
    },
    ops::Operation,
};

/// What a grant may allow: Key Vault's permission names, and what only a local service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See that a vault is there, as a token.
    SeeToken,
    /// Try a PIN.
    Login,
    /// Read public objects.
    ReadPublic,
    /// `get`: read a key's public side and attributes.
    Get,
    /// `list`.
    List,
    /// `create`.
    Create,
    /// `import`.
    Import,
    /// `update`.
    Update,
    /// `delete`.
    Delete,
    /// `sign`.
    Sign,
    /// `verify`.
    Verify,
    /// `encrypt`.
    Encrypt,
    /// `decrypt`.
    Decrypt,
    /// Change one's own PIN, or (the SO) the user's.
    ChangePin,
    /// Make, show, change and delete vaults; set any PIN; read the audit log; seal.
    Administer,
}

impl Permission {
    /// The name in configuration files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Permission::SeeToken => "seeToken",
            Permission::Login => "login",
            Permission::ReadPublic => "readPublic",
            Permission::Get => "get",
            Permission::List => "list",
            Permission::Create => "create",
            Permission::Import => "import",
            Permission::Update => "update",
            Permission::Delete => "delete",
            Permission::Sign => "sign",
            Permission::Verify => "verify",
            Permission::Encrypt => "encrypt",
            Permission::Decrypt => "decrypt",
            Permission::ChangePin => "changePin",
            Permission::Administer => "administer",
        }
    }
}

/// What a vault's PIN user may do: everything in that vault and nothing else.
const USER_GRANT: [Permission; 14] = [
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::Get,
    Permission::List,
    Permission::Create,
    Permission::Import,
    Permission::Update,
    Permission::Delete,
    Permission::Sign,
    Permission::Verify,
    Permission::Encrypt,
    Permission::Decrypt,
    Permission::ChangePin,
];

/// The security officer sets PINs and uses no key.
const SO_GRANT: [Permission; 4] =
    [Permission::SeeToken, Permission::Login, Permission::ReadPublic, Permission::ChangePin];

/// Anybody on this machine who may open the socket: enough for a program to find its token and log in.
const LOCAL_GRANT: [Permission; 4] =
    [Permission::SeeToken, Permission::Login, Permission::ReadPublic, Permission::Verify];

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
    /// By version.
    Version(Id),
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
    version: Option<Arc<Version>>,
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
        self.version.as_ref().ok_or_else(|| Error::internal("the operation has no key"))
    }

    /// Takes the operation out; the grant is spent.
    pub fn into_operation(self) -> O {
        self.operation
    }
}

/// An operation that uses a private key: only for these does the keys room open one.
pub trait KeyUse: Operation {}

/// The rules, with what the configuration adds to them.
pub struct Policy {
    /// The daemon's own user administers.
    own_uid: u32,
    clients: Vec<ClientGrant>,
}

impl Policy {
    /// With the certificates the configuration lists.
    pub fn new(clients: Vec<ClientGrant>) -> Self {
        Self { own_uid: rustix::process::geteuid().as_raw(), clients }
    }

    /// Decides. Everything the operation will need of the catalog comes with the grant, so nothing is looked up or re-checked later.
    pub fn authorize<O: Operation>(
        &self,
        view: &View,
        caller: Caller,
        operation: O,
        now: i64,
    ) -> Result<Authorized<O>> {
        let (vault, key) = match operation.place() {
            Place::Daemon => (None, None),
            Place::Vault(vault, _) => (Some(vault), None),
            Place::Key(vault, key) => (Some(vault), Some(key)),
        };
        let vault = vault.map(|name| self.find_vault(view, &caller, &name)).transpose()?;
        if !self.allows(view, &caller, vault, O::PERMISSION)? {
            let refused = format!("{caller} may not {}", O::PERMISSION.name());
            return Err(Error::new(ErrorCode::PermissionDenied, refused));
        }
        let version = match (vault, key) {
            (Some(vault), Some(key)) => Some(find_version(vault, &key)?),
            _ => None,
        };
        if let (Some(version), Some(needs)) = (&version, O::KEY_USE) {
            check_use(version, needs, now)?;
        }
        let vault = vault.map(|vault| VaultRef { id: vault.id, record: vault.record.clone() });
        Ok(Authorized { operation, caller, vault, version })
    }

    /// Whether a caller administers the daemon.
    fn is_admin(&self, view: &View, caller: &Caller) -> bool {
        match caller {
            Caller::Internal => true,
            Caller::Peer(Peer::Unix { uid, .. }) => *uid == 0 || *uid == self.own_uid || view.is_admin(*uid),
            Caller::Peer(Peer::Certificate { .. }) | Caller::Application(_) | Caller::PinUser(..) => false,
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
            // A login over TLS ends when its certificate is no longer listed.
            Caller::PinUser(login, peer) => login.vault == vault.id && self.is_listed(peer, vault),
            // A vault without a PIN is no token anybody could use.
            Caller::Application(Peer::Unix { .. }) | Caller::Peer(Peer::Unix { .. }) => {
                vault.record.user_pin.is_some() || vault.record.so_pin.is_some()
            }
            Caller::Application(peer) | Caller::Peer(peer) => self.is_listed(peer, vault),
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
            (Caller::Application(Peer::Certificate { .. }), Some(_)) => LOCAL_GRANT.contains(&wanted),
            (Caller::Application(_) | Caller::Peer(Peer::Unix { .. }), Some(_)) => LOCAL_GRANT.contains(&wanted),
            (Caller::Peer(Peer::Certificate { name, .. }), Some(vault)) => {
                self.clients.iter().any(|client| client.names(name, &vault.record.name) && client.allows(wanted))
            }
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

fn find_version(vault: &Vault, key: &KeyName) -> Result<Arc<Version>> {
    let damaged = || Error::new(ErrorCode::RecordDamaged, "the key's stored record fails its integrity check");
    let (found, shown) = match key {
        KeyName::Version(id) => (vault.version(*id).or_refuse(vault.is_damaged(*id), damaged)?, id.to_string()),
        KeyName::Named(name, None) => {
            let key = vault.key(name);
            let should_be_there = key.is_some() || vault.is_name_damaged(name);
            (key.and_then(Key::current).or_refuse(should_be_there, damaged)?, name.clone())
        }
        KeyName::Named(name, Some(id)) => {
            let key = vault.key(name);
            let version = key.and_then(|key| key.versions.iter().find(|version| version.id == *id));
            (version.or_refuse(vault.is_damaged(*id) || vault.is_name_damaged(name), damaged)?, format!("{name}/{id}"))
        }
    };
    found.filter(|version| !version.record.private_hidden).cloned().ok_or_else(|| Error::key_not_found(&shown))
}

/// What is not found although it should be there is an error of its own, never "not found".
trait OrRefuse: Sized {
    fn or_refuse(self, should_be_there: bool, error: impl FnOnce() -> Error) -> Result<Self>;
}

impl<T> OrRefuse for Option<T> {
    fn or_refuse(self, should_be_there: bool, error: impl FnOnce() -> Error) -> Result<Self> {
        if self.is_none() && should_be_there { Err(error()) } else { Ok(self) }
    }
}

fn check_use(version: &Version, needs: KeyOperation, now: i64) -> Result<()> {
    if !Ops(version.policy.ops).contains(Ops::of(needs)) {
        let refused = format!("the key's operations do not include {}", needs.name());
        return Err(Error::new(ErrorCode::OperationNotPermitted, refused));
    }
    let disabled = |why: &str| Err(Error::new(ErrorCode::KeyDisabled, format!("the key {why}")));
    if !version.record.enabled {
        return disabled("is disabled");
    }
    if version.record.not_before.is_some_and(|start| now < start) {
        return disabled("is not valid yet");
    }
    // Key Vault: what a key has made can still be checked and opened after it expired.
    let protects = matches!(needs, KeyOperation::Sign | KeyOperation::Encrypt | KeyOperation::WrapKey);
    if protects && version.record.expires.is_some_and(|end| now >= end) {
        return disabled("has expired");
    }
    Ok(())
}

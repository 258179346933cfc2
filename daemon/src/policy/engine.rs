//! The decision itself: whether somebody was granted a permission at a place, and by what. Everybody who wants to know asks here: the
//! pipeline, the verbs that show only what may be seen, and `policy explain`.

use super::{
    KeyName, Policy,
    permission::{Area, LOCAL_GRANT, Permission},
    permission_set::PermissionSet,
    roles::BuiltInRole,
    scope::{Address, Collection, Scope},
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, Peer, SignedIn},
    keys::catalog::{Vault, View},
};

/// A place that is asked about.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// The daemon as a whole: only a role over the whole subscription reaches it.
    Daemon,
    /// A group, which need not be there.
    Group(&'a str),
    /// A vault, deleted or not, and perhaps one thing in it.
    Vault(&'a Vault, Thing<'a>),
    /// Where a role is to be given.
    Scope(&'a Scope),
}

/// One key, secret or certificate, as far as it is known.
#[derive(Clone, Copy)]
pub enum Thing<'a> {
    /// None: the vault is meant.
    None,
    /// By name.
    Named(&'a str),
    /// A key by its version, as PKCS#11 names it.
    Version(Id),
}

impl<'a> Thing<'a> {
    /// The key that is named so.
    pub fn key(name: &'a KeyName) -> Self {
        match name {
            KeyName::Named(name, _) => Thing::Named(name),
            KeyName::Version(id) | KeyName::Object(id, _) => Thing::Version(*id),
            KeyName::Sealed(_) => Thing::None,
        }
    }
}

/// What the engine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is granted, by this.
    Allowed(Grant),
    /// Nothing grants it.
    Refused(Lack),
}

/// What grants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The daemon acts by itself.
    Daemon,
    /// The caller administers.
    Administrator,
    /// Everybody may.
    Everybody,
    /// Every user of this machine may.
    LocalPeer,
    /// The entry of the vault's PIN user, or what the security officer always has.
    Pin,
    /// The daemon's configuration, for the certificate.
    Configuration,
    /// An entry of the vault's access policies.
    AccessPolicy,
    /// A role.
    Role {
        /// Which.
        role: Id,
        /// By which assignment.
        assignment: Id,
    },
    /// It holds some right in the vault, so it may know of it.
    SomeRight,
}

/// Why nothing grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Only administrators may.
    Administrators,
    /// Only a login with a PIN may.
    PinOnly,
    /// The login is another vault's.
    OtherVault,
    /// The entry does not name it.
    PinEntry,
    /// No access policy of the vault names it.
    AccessPolicy,
    /// No role that reaches the place has it.
    Role,
    /// A program that is not logged in has no more.
    NotLoggedIn,
}

impl Verdict {
    /// Whether it is granted.
    pub fn is_allowed(self) -> bool {
        matches!(self, Verdict::Allowed(_))
    }

    fn of(granted: bool, grant: Grant, lack: Lack) -> Self {
        if granted { Verdict::Allowed(grant) } else { Verdict::Refused(lack) }
    }
}

impl Policy {
    /// Decides. An error means that the caller is nobody any more: the PIN or the token is no longer good.
    pub fn decide(&self, view: &View, caller: &Caller, target: Target<'_>, wanted: Permission) -> Result<Verdict> {
        if matches!(caller, Caller::Internal) {
            return Ok(Verdict::Allowed(Grant::Daemon));
        }
        if self.is_admin(view, caller) {
            return Ok(Verdict::Allowed(Grant::Administrator));
        }
        let vault = match target {
            // Listing shows only what `may_see` lets through, one vault at a time.
            Target::Daemon if wanted == Permission::SeeToken => return Ok(Verdict::Allowed(Grant::Everybody)),
            Target::Daemon | Target::Group(_) | Target::Scope(_) => None,
            Target::Vault(vault, _) => Some(vault),
        };
        Ok(match (caller, vault) {
            (Caller::PinUser(login, _), Some(vault)) => {
                super::check_epoch(login, vault)?;
                if login.vault != vault.id {
                    return Ok(Verdict::Refused(Lack::OtherVault));
                }
                Verdict::of(vault.grants.of_pin(login.user_type).contains(wanted), Grant::Pin, Lack::PinEntry)
            }
            (Caller::PinUser(..), None) => Verdict::Refused(Lack::PinOnly),
            (Caller::Application(..), vault) => {
                let granted = vault.is_some() && LOCAL_GRANT.contains(wanted);
                Verdict::of(granted, Grant::LocalPeer, Lack::NotLoggedIn)
            }
            (Caller::Peer(Peer::Unix { .. }), Some(_)) if LOCAL_GRANT.contains(wanted) => {
                Verdict::Allowed(Grant::LocalPeer)
            }
            (Caller::Peer(Peer::Certificate { name, .. }), Some(vault)) if self.lists(name, vault, wanted) => {
                Verdict::Allowed(Grant::Configuration)
            }
            (Caller::Peer(peer), _) => rights(view, peer.object_id(view.cluster), None, target, wanted),
            (Caller::Principal(who, _), _) => rights(view, who.object_id, who.application, target, wanted),
            (Caller::Internal, _) => Verdict::Allowed(Grant::Daemon),
        })
    }

    /// What everybody on this machine may do with public keys, to verify, needs a right of one's own where the key is secret: a MAC is
    /// checked with what it is made with.
    pub fn check_own_right(&self, view: &View, caller: &Caller, target: Target<'_>, wanted: Permission) -> Result<()> {
        let Caller::Peer(peer @ Peer::Unix { .. }) = caller else { return Ok(()) };
        if self.is_admin(view, caller) || rights(view, peer.object_id(view.cluster), None, target, wanted).is_allowed()
        {
            return Ok(());
        }
        let refused = format!("{caller} may not {} with a secret key", wanted.full_name());
        Err(Error::new(ErrorCode::PermissionDenied, refused))
    }

    /// Whether a caller was granted something at a place, for verbs that show only what may be seen.
    pub fn allows(&self, view: &View, caller: &Caller, target: Target<'_>, wanted: Permission) -> bool {
        self.decide(view, caller, target, wanted).is_ok_and(Verdict::is_allowed)
    }

    /// Whether a caller may give (or take) one role at a scope: it was granted that there, by a role that may give this one.
    pub fn may_give(&self, view: &View, caller: &Caller, scope: &Scope, role: Id) -> bool {
        if self.is_admin(view, caller) {
            return true;
        }
        let Some(object_id) = caller.object_id(view.cluster) else { return true };
        let may = |giver: Id| {
            BuiltInRole::by_id(giver).is_none_or(|giver| giver.gives.is_empty() || giver.gives.contains(&role))
        };
        matches!(caller, Caller::Peer(_) | Caller::Principal(..))
            && reaching(view, object_id, Target::Scope(scope), Permission::AssignRoles).any(|right| may(right.role))
    }

    /// Whether a caller administers the daemon.
    pub fn is_admin(&self, view: &View, caller: &Caller) -> bool {
        match caller {
            Caller::Internal => true,
            Caller::Peer(Peer::Unix { uid, .. }) => *uid == 0 || *uid == self.own_uid || view.is_admin(*uid),
            Caller::Principal(who, _) => view
                .directory
                .principals
                .get(&who.object_id)
                .is_some_and(|record| record.administrator && !record.disabled && record.epoch == who.epoch),
            Caller::Peer(Peer::Certificate { .. }) | Caller::Application(..) | Caller::PinUser(..) => false,
        }
    }

    /// Whether a caller may know that a vault exists.
    pub fn may_see(&self, view: &View, caller: &Caller, vault: &Vault) -> bool {
        if self.is_admin(view, caller) {
            return true;
        }
        let has_pin = || vault.record.user_pin.is_some() || vault.record.so_pin.is_some();
        match caller {
            Caller::Internal => true,
            // A login over TLS ends when its certificate has no rights left.
            Caller::PinUser(login, peer) => login.vault == vault.id && self.is_known(view, peer, vault),
            // A vault without a PIN is no token anybody could use.
            Caller::Application(Peer::Unix { .. }, _) => has_pin(),
            Caller::Peer(Peer::Unix { .. }) if has_pin() => true,
            Caller::Application(peer @ Peer::Certificate { .. }, _) => self.is_known(view, peer, vault),
            Caller::Peer(peer @ Peer::Certificate { .. }) => self.is_known(view, peer, vault),
            Caller::Peer(peer) => has_some_right(view, peer.object_id(view.cluster), None, vault),
            Caller::Principal(who, _) => has_some_right(view, who.object_id, who.application, vault),
        }
    }

    /// Whether a certificate has anything to do with a vault; peers of the Unix socket need not.
    fn is_known(&self, view: &View, peer: &Peer, vault: &Vault) -> bool {
        match peer {
            Peer::Unix { .. } => true,
            Peer::Certificate { name, .. } => {
                self.lists(name, vault, Permission::SeeToken)
                    || has_some_right(view, peer.object_id(view.cluster), None, vault)
            }
        }
    }

    /// Whether the configuration gives a certificate something in a vault.
    fn lists(&self, certificate: &str, vault: &Vault, wanted: Permission) -> bool {
        self.clients.iter().any(|client| client.names(certificate, &vault.record.name) && client.allows(wanted))
    }
}

/// What access policies and roles say of an object id.
fn rights(view: &View, object_id: Id, application: Option<Id>, target: Target<'_>, wanted: Permission) -> Verdict {
    match wanted.area() {
        Area::Daemon => Verdict::Refused(Lack::Administrators),
        Area::Token => match target {
            Target::Vault(vault, _) if wanted == Permission::SeeToken => {
                let some = has_some_right(view, object_id, application, vault);
                Verdict::of(some, Grant::SomeRight, if vault.record.rbac { Lack::Role } else { Lack::AccessPolicy })
            }
            _ => Verdict::Refused(Lack::PinOnly),
        },
        Area::Key | Area::Secret | Area::Certificate => match target {
            Target::Vault(vault, _) if !vault.record.rbac => {
                let granted = vault.grants.of_principal(object_id, application).contains(wanted);
                Verdict::of(granted, Grant::AccessPolicy, Lack::AccessPolicy)
            }
            _ => by_role(view, object_id, target, wanted),
        },
        Area::Control => by_role(view, object_id, target, wanted),
    }
}

fn by_role(view: &View, object_id: Id, target: Target<'_>, wanted: Permission) -> Verdict {
    reaching(view, object_id, target, wanted).next().map_or(Verdict::Refused(Lack::Role), |right| {
        Verdict::Allowed(Grant::Role { role: right.role, assignment: right.assignment })
    })
}

/// The roles of a principal that have a permission and reach a place.
fn reaching<'a>(
    view: &'a View,
    object_id: Id,
    target: Target<'a>,
    wanted: Permission,
) -> impl Iterator<Item = &'a super::Right> {
    let (address, vault) = match target {
        Target::Daemon => (Address::default(), None),
        Target::Group(name) => (Address { group: Some(name), ..Address::default() }, None),
        Target::Scope(scope) => {
            // The group is the one that the vault is in, whatever the caller says.
            let vault = scope.vault.as_deref().and_then(|name| view.vault_named(name));
            let group = vault.map_or(scope.address().group, group_of);
            (Address { group, ..scope.address() }, vault)
        }
        Target::Vault(vault, thing) => (address_of(vault, thing, wanted), Some(vault)),
    };
    let group_made =
        address.group.and_then(|name| view.directory.groups.get(&name.to_ascii_lowercase())).map(|group| group.created);
    view.directory
        .rights_of(object_id)
        .iter()
        .filter(move |right| right.permissions.contains(wanted))
        .filter(move |right| right.reaches(&address, vault.map(|vault| vault.record.created), group_made))
}

fn address_of<'a>(vault: &'a Vault, thing: Thing<'a>, wanted: Permission) -> Address<'a> {
    let name = match thing {
        Thing::None => None,
        Thing::Named(name) => Some(name),
        Thing::Version(id) => vault.version(id).map(|version| version.record.key.as_str()),
    };
    // An issuer is no certificate, whatever its name: who has a role for one certificate does not say who issues.
    let collection = Collection::of(wanted.area()).filter(|_| !ISSUERS.contains(wanted));
    Address { group: group_of(vault), vault: Some(&vault.record.name), object: collection.zip(name) }
}

fn group_of(vault: &Vault) -> Option<&str> {
    Some(vault.record.resource_group.as_str()).filter(|group| !group.is_empty())
}

/// Whether an object id was granted anything in a vault, be it for one key: then it may know of the vault.
fn has_some_right(view: &View, object_id: Id, application: Option<Id>, vault: &Vault) -> bool {
    if !vault.record.rbac && !vault.grants.of_principal(object_id, application).is_empty() {
        return true;
    }
    let in_vault = if vault.record.rbac { DATA.union(CONTROL) } else { CONTROL };
    let whole = address_of(vault, Thing::None, Permission::ReadVault);
    view.directory.rights_of(object_id).iter().any(|right| {
        // A role for one thing in the vault reaches that thing's address: here it counts for the vault.
        let object = right.scope.object.as_ref().map(|(collection, name)| (*collection, name.as_str()));
        let made = view.directory.groups.get(&vault.record.resource_group.to_ascii_lowercase());
        right.reaches(&Address { object, ..whole }, Some(vault.record.created), made.map(|group| group.created))
            && !right.permissions.intersection(in_vault).is_empty()
    })
}

/// What is about the issuers of a vault, which have names of their own.
const ISSUERS: PermissionSet = PermissionSet::of(&[
    Permission::GetIssuers,
    Permission::ListIssuers,
    Permission::SetIssuers,
    Permission::DeleteIssuers,
    Permission::ManageIssuers,
]);
const CONTROL: PermissionSet = PermissionSet::area(Area::Control);
const DATA: PermissionSet = PermissionSet::area(Area::Key)
    .union(PermissionSet::area(Area::Secret))
    .union(PermissionSet::area(Area::Certificate));

/// Refuses a token whose principal is gone, disabled or signed out, or whose time is over.
pub fn check_principal(view: &View, who: &SignedIn, now: i64) -> Result<()> {
    let refused = |why: String| Err(Error::new(ErrorCode::TokenInvalid, why));
    let Some(record) = view.directory.principals.get(&who.object_id) else {
        return refused("the access token's principal was deleted".into());
    };
    if record.disabled {
        return refused(format!("{} is disabled", who.name));
    }
    if record.epoch != who.epoch || view.directory.revoked.contains_key(&who.session) {
        return refused("the access token was revoked; sign in again".into());
    }
    crate::identity::token::check_time(who.issued, who.expires, now)
}

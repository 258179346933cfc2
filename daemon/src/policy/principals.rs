//! Who is meant: principals by object id or by one of their names, and the other way round. Refuses nobody anything.

use std::sync::Arc;

use super::{Authorized, VaultRef};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, Login, Peer, SignedIn, UserType, pin_object_id, token},
    keys::{
        catalog::{Vault, View},
        record::{PrincipalKind, PrincipalRecord},
    },
};

/// A principal.
#[derive(Clone, Debug)]
pub enum Who {
    /// A user or service principal.
    Stored(Arc<PrincipalRecord>),
    /// A user of this machine, or a client certificate.
    Peer(Peer),
    /// One of the two PKCS#11 users of a vault.
    Pin(UserType, Id),
    /// An object id that nobody known has. A policy may name it all the same.
    Unknown(Id),
}

impl Who {
    /// Finds who is meant by an object id (a GUID, with hyphens or without), a user's name, an app id, a display name, "uid:1000",
    /// "certificate:NAME", or, in a vault, "pin:user" and "pin:so".
    pub fn find(view: &View, name: &str, vault: Option<&Vault>) -> Result<Self> {
        let not_found = |what: String| Error::new(ErrorCode::PrincipalNotFound, what);
        if let Some(uid) = name.strip_prefix("uid:") {
            let uid = uid.parse().map_err(|_| not_found(format!("'{name}' is no user of this machine")))?;
            return Ok(Who::Peer(Peer::Unix { uid, pid: None }));
        }
        if let Some(common_name) = name.strip_prefix("certificate:").filter(|name| !name.is_empty()) {
            return Ok(Who::Peer(Peer::Certificate { name: common_name.into(), fingerprint: [0; 32] }));
        }
        if let Some(user_type) = pin_user(name) {
            let vault = vault.ok_or_else(|| {
                Error::new(ErrorCode::InvalidArgument, format!("'{name}' is a user of one vault: name the vault"))
            })?;
            return Ok(Who::Pin(user_type, vault.id));
        }
        let directory = &view.directory;
        if let Ok(id) = parse_guid(name) {
            let stored = directory.principals.get(&id).or_else(|| directory.application(id));
            if let Some(record) = stored {
                return Ok(Who::Stored(record.clone()));
            }
            let own = [UserType::User, UserType::SecurityOfficer].into_iter().find_map(|user_type| {
                let vault = vault.filter(|vault| pin_object_id(view.cluster, user_type, vault.id) == id)?;
                Some(Who::Pin(user_type, vault.id))
            });
            return Ok(own.unwrap_or(Who::Unknown(id)));
        }
        if let Some(record) = directory.user(name) {
            return Ok(Who::Stored(record.clone()));
        }
        let mut shown = directory.principals.values().filter(|record| record.display_name == name && !name.is_empty());
        match (shown.next(), shown.next()) {
            (Some(record), None) => Ok(Who::Stored(record.clone())),
            (Some(_), Some(_)) => Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("several principals are called '{name}'; give the object id or the app id"),
            )),
            (None, _) => Err(not_found(format!("no principal '{name}'"))),
        }
    }

    /// The same, but an object id alone is not enough.
    pub fn find_known(view: &View, name: &str, vault: Option<&Vault>) -> Result<Self> {
        match Self::find(view, name, vault)? {
            Who::Unknown(_) => Err(Error::new(ErrorCode::PrincipalNotFound, format!("no principal '{name}'"))),
            known => Ok(known),
        }
    }

    /// The record of who has one.
    pub fn find_stored(view: &View, name: &str) -> Result<Arc<PrincipalRecord>> {
        match Self::find_known(view, name, None)? {
            Who::Stored(record) => Ok(record),
            Who::Peer(_) | Who::Pin(..) | Who::Unknown(_) => Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("'{name}' is neither a user nor a service principal: there is nothing on record to change"),
            )),
        }
    }

    /// Of a caller.
    pub fn of(view: &View, caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Internal => None,
            Caller::Peer(peer) | Caller::Application(peer, _) => Some(Who::Peer(peer.clone())),
            Caller::PinUser(login, _) => Some(Who::Pin(login.user_type, login.vault)),
            Caller::Principal(who, _) => Some(Who::by_object_id(view, who.object_id, &[])),
        }
    }

    /// Whoever has an object id, as far as that can be known: a peer's tells nothing of the peer, unless it is one of those given.
    pub fn by_object_id(view: &View, id: Id, peers: &[Peer]) -> Self {
        if let Some(record) = view.directory.principals.get(&id) {
            return Who::Stored(record.clone());
        }
        let peer = peers.iter().find(|peer| peer.object_id(view.cluster) == id);
        peer.map_or(Who::Unknown(id), |peer| Who::Peer(peer.clone()))
    }

    /// The object id.
    pub fn object_id(&self, cluster: Id) -> Result<Id> {
        match self {
            Who::Stored(record) => Id::from_bytes(&record.object_id),
            Who::Peer(peer) => Ok(peer.object_id(cluster)),
            Who::Pin(user_type, vault) => Ok(pin_object_id(cluster, *user_type, *vault)),
            Who::Unknown(id) => Ok(*id),
        }
    }

    /// What kind of principal it is, as the protocol says it; empty where that is not known.
    pub fn kind(&self) -> &'static str {
        match self {
            Who::Stored(record) => kind(record),
            Who::Peer(Peer::Unix { .. }) => "UnixPeer",
            Who::Peer(Peer::Certificate { .. }) => "Certificate",
            Who::Pin(UserType::User, _) => "PinUser",
            Who::Pin(UserType::SecurityOfficer, _) => "SecurityOfficer",
            Who::Unknown(_) => "",
        }
    }

    /// The name by which it is found again; empty where none is known.
    pub fn name(&self) -> String {
        match self {
            Who::Stored(record) => name_of(record),
            Who::Peer(peer) => peer.name(),
            Who::Pin(UserType::User, _) => "pin:user".into(),
            Who::Pin(UserType::SecurityOfficer, _) => "pin:so".into(),
            Who::Unknown(_) => String::new(),
        }
    }

    /// The caller that this principal would be if it called now.
    pub fn as_caller(&self, view: &View, now: i64) -> Result<Caller> {
        let peer = || Peer::Unix { uid: rustix::process::geteuid().as_raw(), pid: None };
        Ok(match self {
            Who::Peer(peer) => Caller::Peer(peer.clone()),
            Who::Stored(record) => {
                let who = SignedIn {
                    object_id: Id::from_bytes(&record.object_id)?,
                    name: name_of(record).into(),
                    application: Id::from_bytes(&record.app_id).ok(),
                    session: Id::default(),
                    epoch: record.epoch,
                    issued: now,
                    expires: now + token::ACCESS_TOKEN_SECONDS,
                };
                Caller::Principal(who, peer())
            }
            Who::Pin(user_type, vault) => {
                let record = view.vault(*vault).map(|vault| vault.record.clone());
                let pin = record.as_ref().and_then(|record| match user_type {
                    UserType::User => record.user_pin.as_ref(),
                    UserType::SecurityOfficer => record.so_pin.as_ref(),
                });
                let epoch = pin.map_or(0, |pin| pin.epoch);
                let (id, application) = (Id::default(), Id::default());
                Caller::PinUser(Login { vault: *vault, user_type: *user_type, epoch, id, application }, peer())
            }
            Who::Unknown(id) => {
                let error = format!("nobody has the object id {id}");
                return Err(Error::new(ErrorCode::PrincipalNotFound, error));
            }
        })
    }
}

/// "pin:user" and "pin:so".
fn pin_user(name: &str) -> Option<UserType> {
    match name {
        "pin:user" => Some(UserType::User),
        "pin:so" => Some(UserType::SecurityOfficer),
        _ => None,
    }
}

/// 32 hex digits, with hyphens or without.
pub fn parse_guid(text: &str) -> Result<Id> {
    let bare = text.replace('-', "");
    let hyphens: Vec<_> = text.match_indices('-').map(|(at, _)| at).collect();
    let well_formed = hyphens.is_empty() || hyphens == [8, 13, 18, 23];
    Id::parse(&bare)
        .ok()
        .filter(|_| well_formed)
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, format!("'{text}' is no GUID")))
}

/// As the protocol says it.
pub fn kind(record: &PrincipalRecord) -> &'static str {
    if record.kind == i32::from(PrincipalKind::ServicePrincipal) { "ServicePrincipal" } else { "User" }
}

/// A user's name, or a service principal's app id as a GUID.
pub fn name_of(record: &PrincipalRecord) -> String {
    if !record.name.is_empty() {
        return record.name.clone();
    }
    Id::from_bytes(&record.app_id).map(|app| app.guid()).unwrap_or_default()
}

/// The vault that is named beside a principal, as the grant has it.
pub fn vault_of<'a, O>(view: &'a View, grant: &Authorized<O>) -> Result<&'a Vault> {
    let VaultRef { id, .. } = grant.vault()?;
    view.vault(*id).ok_or_else(|| Error::vault_not_found(&id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_with_hyphens_and_without() {
        let id = Id([0xAB; 16]);
        for text in [id.to_string(), id.guid(), id.guid().to_uppercase()] {
            assert_eq!(parse_guid(&text).unwrap(), id);
        }
        let moved = "ab-ababababababab-ab-ab-abababababab";
        for text in ["", "ab", "abababab-abababab-abab-abab-ababababab", moved, "ada@example.com"] {
            assert!(parse_guid(text).is_err(), "{text}");
        }
    }
}

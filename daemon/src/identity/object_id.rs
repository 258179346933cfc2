//! Object ids: what policies and roles name a principal by. Users and service principals have theirs on record; everybody else's follows
//! from who they are, so that a policy can name a peer before it has ever called.

use sha2::{Digest, Sha256};

use super::{Caller, Peer, UserType};
use crate::id::Id;

impl Caller {
    /// The caller's object id; the daemon itself has none.
    pub fn object_id(&self, cluster: Id) -> Option<Id> {
        match self {
            Caller::Peer(peer) | Caller::Application(peer, _) => Some(peer.object_id(cluster)),
            Caller::Principal(who, _) => Some(who.object_id),
            Caller::PinUser(login, _) => Some(pin_object_id(cluster, login.user_type, login.vault)),
            Caller::Internal => None,
        }
    }
}

impl Peer {
    /// The object id of a user of this machine, or of a certificate's common name.
    pub fn object_id(&self, cluster: Id) -> Id {
        match self {
            Peer::Unix { uid, .. } => derived(cluster, "unix", &uid.to_string()),
            Peer::Certificate { name, .. } => derived(cluster, "certificate", name),
        }
    }
}

/// The object id of one of a vault's two PKCS#11 users.
pub fn pin_object_id(cluster: Id, user_type: UserType, vault: Id) -> Id {
    let kind = match user_type {
        UserType::User => "pin-user",
        UserType::SecurityOfficer => "pin-so",
    };
    derived(cluster, kind, &vault.to_string())
}

/// The daemon's one subscription, for clients that want one.
pub fn subscription_id(cluster: Id) -> Id {
    cluster
}

/// The daemon's one tenant.
pub fn tenant_id(cluster: Id) -> Id {
    derived(cluster, "tenant", "")
}

/// The first half of a hash, with the bits that make it a UUID of one's own making (RFC 9562 section 5.8).
fn derived(cluster: Id, kind: &str, name: &str) -> Id {
    let mut hash = Sha256::new();
    hash.update(b"softkeep/principal/1");
    hash.update(cluster.0);
    for part in [kind, name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    as_uuid(hash.finalize().first_chunk::<16>().copied().unwrap_or_default(), 8)
}

/// A new random object id (RFC 9562 section 5.4).
pub fn random_object_id() -> crate::error::Result<Id> {
    Id::random().map(|id| as_uuid(id.0, 4))
}

fn as_uuid(mut bytes: [u8; 16], version: u8) -> Id {
    bytes[6] = (bytes[6] & 0x0F) | (version << 4);
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    Id(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_of_their_own() {
        let (cluster, vault) = (Id([1; 16]), Id([2; 16]));
        let all = [
            Peer::Unix { uid: 1000, pid: Some(1) }.object_id(cluster),
            Peer::Unix { uid: 1001, pid: Some(1) }.object_id(cluster),
            Peer::Unix { uid: 1000, pid: None }.object_id(Id([3; 16])),
            Peer::Certificate { name: "1000".into(), fingerprint: [0; 32] }.object_id(cluster),
            pin_object_id(cluster, UserType::User, vault),
            pin_object_id(cluster, UserType::SecurityOfficer, vault),
            pin_object_id(cluster, UserType::User, cluster),
            tenant_id(cluster),
            random_object_id().unwrap(),
        ];
        for (index, id) in all.iter().enumerate() {
            assert!(all[index + 1..].iter().all(|other| other != id));
            assert!(matches!(id.0[6] >> 4, 4 | 8) && id.0[8] >> 6 == 2, "{id}");
        }
    }

    #[test]
    fn it_depends_on_nothing_but_who_it_is() {
        let cluster = Id([1; 16]);
        let peer = |pid| Peer::Unix { uid: 1000, pid };
        assert_eq!(peer(Some(1)).object_id(cluster), peer(Some(2)).object_id(cluster));
        let caller = Caller::Application(peer(None), Id([9; 16]));
        assert_eq!(caller.object_id(cluster), Caller::Peer(peer(Some(3))).object_id(cluster));
        // Stored policies name these: they must never change.
        assert_eq!(peer(None).object_id(cluster).to_string(), "2893fcc465c78e5fb0cbb20e3388641b");
        assert_eq!(Caller::Internal.object_id(cluster), None);
    }
}

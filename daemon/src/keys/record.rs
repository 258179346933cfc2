//! The records as they lie in the store (format 1; `docs/storage-format.md` is the same in prose), and the names of their rows.
//! Nothing is opened, checked or decided here. Private keys appear only sealed.

use std::collections::BTreeMap;

use prost::Message;

use crate::id::Id;

mod certificate;
mod ops;
mod policy;
mod principal;
mod secret;
mod vault;

pub use certificate::{
    CertificateBackup, CertificatePolicyRecord, CertificateRecord, CertificateVersionBackup, CertificateVersionRecord,
    ContactRecord, IssuerAdminRecord, IssuerRecord, LifetimeActionRecord, PendingRecord,
};
pub use ops::Ops;
pub use policy::{KeyPolicy, Origin, PublicPolicy};
pub use principal::{
    AssignmentRecord, CredentialRecord, GroupRecord, PrincipalKind, PrincipalRecord, RevokedRecord, RoleRecord,
};
pub use secret::{SecretBackup, SecretPolicy, SecretRecord, SecretVersionBackup, SecretVersionRecord};
pub use vault::{AccessPolicyRecord, KekRecord, NetworkRecord, PinRecord, VaultRecord};

/// The version of every row and blob below.
pub const FORMAT: u8 = 1;

/// What every mutable row is wrapped in, at fixed places, so that no flipped bit makes one part pass for another:
/// format (1 byte) ‖ sequence (8, big-endian) ‖ MAC (32) ‖ record.
pub struct Row<'a> {
    /// [`FORMAT`].
    pub format: u8,
    /// The ledger's sequence number when this row was written: an old copy of a row has a lower one.
    pub sequence: u64,
    /// HMAC-SHA256 under K_meta over the format, the row's name, the sequence and the record.
    pub mac: [u8; 32],
    /// The record.
    pub body: &'a [u8],
}

impl<'a> Row<'a> {
    /// Takes a stored value apart; `None` when it is too short to be one.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (format, rest) = value.split_first()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (mac, body) = rest.split_first_chunk()?;
        Some(Self { format: *format, sequence: u64::from_be_bytes(*sequence), mac: *mac, body })
    }

    /// The stored value.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[self.format], &self.sequence.to_be_bytes()[..], &self.mac, self.body].concat()
    }
}

/// A key: a name and what all its versions share. Row `key/{vault}/{name in lower case}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct KeyRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, tag = "2")]
    pub created: i64,
    #[prost(int64, optional, tag = "3")]
    pub deleted: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub scheduled_purge: Option<i64>,
    /// The id of the version that is meant when none is named.
    #[prost(bytes = "vec", tag = "5")]
    pub current: Vec<u8>,
    /// The key belongs to the certificate of the same name, which changes and deletes it.
    #[prost(bool, tag = "6")]
    pub managed: bool,
    /// When the key is rotated; nobody has said so where there is none.
    #[prost(message, optional, tag = "7")]
    pub rotation: Option<RotationRecord>,
}

/// When a key is rotated. Durations are in the words of ISO 8601, as they were told; empty means none.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct RotationRecord {
    #[prost(string, tag = "1")]
    pub expiry_time: String,
    #[prost(string, tag = "2")]
    pub rotate_after_create: String,
    #[prost(string, tag = "3")]
    pub rotate_before_expiry: String,
    #[prost(string, tag = "4")]
    pub notify_before_expiry: String,
    #[prost(int64, tag = "5")]
    pub created: i64,
    #[prost(int64, tag = "6")]
    pub updated: i64,
    /// The version whose expiry has been notified of.
    #[prost(bytes = "vec", tag = "7")]
    pub notified: Vec<u8>,
}

/// One version of a key. Row `version/{vault}/{version}`; its sealed private key is the row `blob/{vault}/{version}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct VersionRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The key's name in lower case.
    #[prost(string, tag = "2")]
    pub key: String,
    /// 1, 2, 3 … within the vault, in the order of creation.
    #[prost(uint64, tag = "3")]
    pub ordinal: u64,
    #[prost(int64, tag = "4")]
    pub created: i64,
    #[prost(int64, tag = "5")]
    pub updated: i64,
    #[prost(bool, tag = "6")]
    pub enabled: bool,
    #[prost(int64, optional, tag = "7")]
    pub not_before: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub expires: Option<i64>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub tags: BTreeMap<String, String>,
    /// Empty for a secret key.
    #[prost(bytes = "vec", tag = "10")]
    pub public_key_der: Vec<u8>,
    /// What decides over the use of the private key; also the blob's associated data.
    #[prost(message, optional, tag = "11")]
    pub policy: Option<KeyPolicy>,
    /// What a PKCS#11 application said of each half, beyond what follows from the rest. Attribute type → wire value.
    #[prost(btree_map = "uint64, bytes", tag = "12")]
    pub private_attributes: BTreeMap<u64, Vec<u8>>,
    #[prost(btree_map = "uint64, bytes", tag = "13")]
    pub public_attributes: BTreeMap<u64, Vec<u8>>,
    /// The private (and with it the key's use) or the public object was destroyed through PKCS#11.
    #[prost(bool, tag = "14")]
    pub private_hidden: bool,
    #[prost(bool, tag = "15")]
    pub public_hidden: bool,
    /// The self-signed certificate published beside the key; empty when there is none.
    #[prost(bytes = "vec", tag = "16")]
    pub certificate_der: Vec<u8>,
    #[prost(string, tag = "17")]
    pub request_id: String,
    /// Whether `kty` is shown with `-HSM`.
    #[prost(bool, tag = "18")]
    pub hsm: bool,
    /// The public object was not asked for but made with the private one: an application that writes it takes its place.
    #[prost(bool, tag = "20")]
    pub public_derived: bool,
    /// CKA_CHECK_VALUE of a secret key; empty when there is none.
    #[prost(bytes = "vec", tag = "19")]
    pub check_value: Vec<u8>,
    /// Of a session object: the stored version that it is a copy of, and with which it ends.
    #[prost(bytes = "vec", tag = "21")]
    pub copied_from: Vec<u8>,
}

/// An object that is no key here: a certificate, a data object, or the public half of somebody else's key. Row `object/{vault}/{id}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct ObjectRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// CKO_*.
    #[prost(uint64, tag = "2")]
    pub class: u64,
    #[prost(uint64, tag = "3")]
    pub ordinal: u64,
    #[prost(btree_map = "uint64, bytes", tag = "4")]
    pub attributes: BTreeMap<u64, Vec<u8>>,
    #[prost(bool, tag = "5")]
    pub hidden: bool,
    #[prost(string, tag = "6")]
    pub request_id: String,
    /// Of a public key: what it may be used for.
    #[prost(message, optional, tag = "7")]
    pub policy: Option<KeyPolicy>,
    /// Of a public key.
    #[prost(bytes = "vec", tag = "8")]
    pub public_key_der: Vec<u8>,
    #[prost(int64, tag = "9")]
    pub created: i64,
    /// CKA_VALUE of a private data object, sealed under the object's record key.
    #[prost(bytes = "vec", tag = "10")]
    pub sealed_value: Vec<u8>,
}

/// Wrong PINs of one peer at one vault. Row `pin/{vault}/{user type}/{peer}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct PinFailureRecord {
    #[prost(string, tag = "1")]
    pub peer: String,
    #[prost(string, tag = "2")]
    pub user_type: String,
    #[prost(uint32, tag = "3")]
    pub count: u32,
}

/// A user of this machine who administers. Row `admin/uid:{number}`. Users with a name are principals.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct AdminRecord {
    #[prost(uint32, optional, tag = "1")]
    pub uid: Option<u32>,
}

/// The newest audit record known to be on disk. Row `audit-anchor`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct AnchorRecord {
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub head: Vec<u8>,
}

/// The sum over all rows, so that a missing, added or replayed row is noticed. Row `state`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct StateRecord {
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub root: Vec<u8>,
    /// The next slot id and the next ordinal.
    #[prost(uint64, tag = "3")]
    pub next_slot: u64,
    #[prost(uint64, tag = "4")]
    pub next_ordinal: u64,
}

/// The names of the rows.
pub mod row {
    use super::Id;

    /// The cluster's id, in the clear.
    pub const CLUSTER: &str = "cluster";
    /// The prefix of the seal slots, which must be readable before any MAC can be checked; each is sealed in itself.
    pub const SLOT: &str = "slot/";
    /// The row of the sum.
    pub const STATE: &str = "state";
    /// The row of the audit anchor.
    pub const AUDIT_ANCHOR: &str = "audit-anchor";

    /// What a row names is in rows of a lower rank: the order in which rows are read.
    pub fn rank(key: &str) -> u8 {
        match key.split('/').next().unwrap_or_default() {
            "vault" => 0,
            "kek" => 1,
            "key" | "secret" | "certificate" => 2,
            _ => 3,
        }
    }

    /// The row of a vault.
    pub fn vault(vault: Id) -> String {
        format!("vault/{vault}")
    }
    /// The row of a vault's KEK.
    pub fn kek(vault: Id) -> String {
        format!("kek/{vault}")
    }
    /// The row of a key; `name` in lower case.
    pub fn key(vault: Id, name: &str) -> String {
        format!("key/{vault}/{name}")
    }
    /// The row of a version.
    pub fn version(vault: Id, version: Id) -> String {
        format!("version/{vault}/{version}")
    }
    /// The row of a sealed private key.
    pub fn blob(vault: Id, version: Id) -> String {
        format!("blob/{vault}/{version}")
    }
    /// The row of another object.
    pub fn object(vault: Id, object: Id) -> String {
        format!("object/{vault}/{object}")
    }
    /// The row of a secret; `name` in lower case.
    pub fn secret(vault: Id, name: &str) -> String {
        format!("secret/{vault}/{name}")
    }
    /// The row of a secret's version.
    pub fn secret_version(vault: Id, version: Id) -> String {
        format!("secretversion/{vault}/{version}")
    }
    /// The row of a secret's sealed value.
    pub fn secret_value(vault: Id, version: Id) -> String {
        format!("secretvalue/{vault}/{version}")
    }
    /// The row of a certificate; `name` in lower case.
    pub fn certificate(vault: Id, name: &str) -> String {
        format!("certificate/{vault}/{name}")
    }
    /// The row of a certificate's version.
    pub fn certificate_version(vault: Id, version: Id) -> String {
        format!("certversion/{vault}/{version}")
    }
    /// The row of a certificate issuer; `name` in lower case.
    pub fn issuer(vault: Id, name: &str) -> String {
        format!("issuer/{vault}/{name}")
    }
    /// The row of a principal.
    pub fn principal(object_id: Id) -> String {
        format!("principal/{object_id}")
    }
    /// The row of a role assignment.
    pub fn assignment(id: Id) -> String {
        format!("assignment/{id}")
    }
    /// The row of a role of one's own.
    pub fn role(id: Id) -> String {
        format!("role/{id}")
    }
    /// The row of a group; `name` in lower case.
    pub fn group(name: &str) -> String {
        format!("group/{name}")
    }
    /// The row of a token that was made worthless before its time.
    pub fn revoked(token: Id) -> String {
        format!("revoked/{token}")
    }
    /// The row of a peer's wrong PINs.
    pub fn pin(vault: Id, user_type: &str, peer: &str) -> String {
        format!("pin/{vault}/{user_type}/{peer}")
    }
    /// The row of an administrator.
    pub fn admin(kind: &str, name: &str) -> String {
        format!("admin/{kind}:{name}")
    }
}

//! A vault's record, its PINs and its key-encryption key.

use std::collections::BTreeMap;

use prost::Message;

/// A vault. Row `vault/{vault}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct VaultRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint64, tag = "3")]
    pub slot_id: u64,
    #[prost(int64, tag = "4")]
    pub created: i64,
    #[prost(int64, tag = "5")]
    pub updated: i64,
    #[prost(string, tag = "6")]
    pub location: String,
    #[prost(string, tag = "7")]
    pub resource_group: String,
    #[prost(string, tag = "8")]
    pub sku: String,
    #[prost(btree_map = "string, string", tag = "9")]
    pub tags: BTreeMap<String, String>,
    #[prost(uint32, tag = "10")]
    pub soft_delete_retention_days: u32,
    #[prost(string, tag = "11")]
    pub profile: String,
    #[prost(bool, tag = "12")]
    pub publish_certificates: bool,
    #[prost(message, optional, tag = "13")]
    pub user_pin: Option<PinRecord>,
    #[prost(message, optional, tag = "14")]
    pub so_pin: Option<PinRecord>,
    #[prost(uint32, tag = "15")]
    pub kek_version: u32,
    #[prost(int64, optional, tag = "16")]
    pub deleted: Option<i64>,
    #[prost(string, tag = "17")]
    pub request_id: String,
    /// What keys sensitive keys may be wrapped by: "any", or "guarded" or nothing.
    #[prost(string, tag = "18")]
    pub wrapping: String,
    /// The epoch of the user's PIN that C_InitToken took away.
    #[prost(uint64, tag = "19")]
    pub last_user_epoch: u64,
    #[prost(bool, tag = "20")]
    pub purge_protection: bool,
    #[prost(bool, tag = "21")]
    pub enabled_for_deployment: bool,
    #[prost(bool, tag = "22")]
    pub enabled_for_disk_encryption: bool,
    #[prost(bool, tag = "23")]
    pub enabled_for_template_deployment: bool,
    /// Whether roles decide here; else access policies do.
    #[prost(bool, tag = "24")]
    pub rbac: bool,
    #[prost(message, repeated, tag = "25")]
    pub access_policies: Vec<AccessPolicyRecord>,
    #[prost(message, optional, tag = "26")]
    pub network: Option<NetworkRecord>,
    #[prost(string, tag = "27")]
    pub public_network_access: String,
    #[prost(int64, optional, tag = "28")]
    pub scheduled_purge: Option<i64>,
    /// Who made it and who changed it last, as the audit log says it.
    #[prost(string, tag = "29")]
    pub created_by: String,
    #[prost(string, tag = "30")]
    pub updated_by: String,
    /// Its KEK is destroyed and its rows are being removed: it never comes back.
    #[prost(bool, tag = "31")]
    pub purged: bool,
    /// Whether CKO_DATA objects show its secrets.
    #[prost(bool, tag = "32")]
    pub publish_secrets: bool,
    #[prost(message, repeated, tag = "33")]
    pub contacts: Vec<super::ContactRecord>,
}

/// What one principal may do in the vault.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct AccessPolicyRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub object_id: Vec<u8>,
    /// Only together with this application; empty: always.
    #[prost(bytes = "vec", tag = "2")]
    pub application_id: Vec<u8>,
    /// Names of permissions, or "all".
    #[prost(string, repeated, tag = "3")]
    pub keys: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub secrets: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub certificates: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    pub storage: Vec<String>,
}

/// Kept as told.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct NetworkRecord {
    #[prost(string, tag = "1")]
    pub default_action: String,
    #[prost(string, tag = "2")]
    pub bypass: String,
    #[prost(string, repeated, tag = "3")]
    pub ip_addresses: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    pub subnet_ids: Vec<String>,
}

/// A PIN, as Argon2id with a pepper derived from the root key.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct PinRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub salt: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
    /// Grows with every new PIN; login tokens of an older epoch are dead.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
}

/// A vault's key-encryption key, wrapped under K_kek. Row `kek/{vault}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct KekRecord {
    #[prost(uint32, tag = "1")]
    pub version: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub wrapped: Vec<u8>,
}

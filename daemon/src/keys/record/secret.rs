//! The records of secrets. A value appears only sealed.

use std::collections::BTreeMap;

use prost::Message;
use zeroize::Zeroize;

/// A secret: a name and what all its versions share. Row `secret/{vault}/{name in lower case}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SecretRecord {
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
    /// The secret belongs to the certificate of the same name, which changes and deletes it.
    #[prost(bool, tag = "6")]
    pub managed: bool,
}

/// One version of a secret. Row `secretversion/{vault}/{version}`; its sealed value is the row `secretvalue/{vault}/{version}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SecretVersionRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The secret's name in lower case.
    #[prost(string, tag = "2")]
    pub secret: String,
    /// In the order of creation, among all objects of the store.
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
    #[prost(string, tag = "10")]
    pub content_type: String,
    #[prost(string, tag = "11")]
    pub request_id: String,
    /// Also the sealed value's associated data.
    #[prost(message, optional, tag = "12")]
    pub policy: Option<SecretPolicy>,
}

/// What a sealed value is bound to.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct SecretPolicy {
    #[prost(uint32, tag = "1")]
    pub format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub cluster: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub vault: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub version: Vec<u8>,
    #[prost(uint32, tag = "5")]
    pub kek_version: u32,
    /// The value is a certificate's, with its private key if that is exportable.
    #[prost(bool, tag = "6")]
    pub managed: bool,
}

/// A secret's backup, before it is sealed.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
#[allow(missing_docs)]
pub struct SecretBackup {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, tag = "2")]
    pub created: i64,
    /// In the order of creation; the last is the current one.
    #[prost(message, repeated, tag = "3")]
    pub versions: Vec<SecretVersionBackup>,
}

/// One version in a backup.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
#[allow(missing_docs)]
pub struct SecretVersionBackup {
    /// Without place, seal and request id.
    #[prost(message, optional, tag = "1")]
    pub record: Option<SecretVersionRecord>,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

impl Drop for SecretVersionBackup {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

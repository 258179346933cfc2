//! The records of certificates, their policies, operations under way, issuers and contacts. Their keys and secrets are records of their own,
//! of the same names and versions.

use std::collections::BTreeMap;

use prost::Message;
use zeroize::Zeroize as _;

use super::{SecretVersionRecord, VersionRecord};

/// A certificate: a name and what all its versions share. Row `certificate/{vault}/{name in lower case}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct CertificateRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, tag = "2")]
    pub created: i64,
    #[prost(int64, optional, tag = "3")]
    pub deleted: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub scheduled_purge: Option<i64>,
    /// The id of the version that is meant when none is named; empty before the first is complete.
    #[prost(bytes = "vec", tag = "5")]
    pub current: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub policy: Option<CertificatePolicyRecord>,
    /// The newest operation, finished or not.
    #[prost(message, optional, tag = "7")]
    pub pending: Option<PendingRecord>,
    /// The version about whose end the contacts were told.
    #[prost(bytes = "vec", tag = "8")]
    pub notified: Vec<u8>,
}

/// One version of a certificate. Row `certversion/{vault}/{version}`; its key and its secret have the same version.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct CertificateVersionRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// The certificate's name in lower case.
    #[prost(string, tag = "2")]
    pub certificate: String,
    /// In the order of creation, among all objects of the store.
    #[prost(uint64, tag = "3")]
    pub ordinal: u64,
    #[prost(int64, tag = "4")]
    pub created: i64,
    #[prost(int64, tag = "5")]
    pub updated: i64,
    #[prost(bool, tag = "6")]
    pub enabled: bool,
    #[prost(btree_map = "string, string", tag = "7")]
    pub tags: BTreeMap<String, String>,
    /// X.509, DER.
    #[prost(bytes = "vec", tag = "8")]
    pub der: Vec<u8>,
    /// The issuers above it, nearest first.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub chain: Vec<Vec<u8>>,
    #[prost(string, tag = "10")]
    pub content_type: String,
    #[prost(string, tag = "11")]
    pub request_id: String,
    /// What the certificate says, in seconds since 1970.
    #[prost(int64, tag = "12")]
    pub not_before: i64,
    #[prost(int64, tag = "13")]
    pub not_after: i64,
    /// Its secret tells the private key.
    #[prost(bool, tag = "14")]
    pub exportable: bool,
}

/// What the next version is to be.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct CertificatePolicyRecord {
    /// "Self", "Unknown", or an issuer's name.
    #[prost(string, tag = "1")]
    pub issuer: String,
    #[prost(string, tag = "2")]
    pub certificate_type: String,
    #[prost(bool, optional, tag = "3")]
    pub certificate_transparency: Option<bool>,
    #[prost(bool, tag = "4")]
    pub exportable: bool,
    #[prost(string, tag = "5")]
    pub kty: String,
    #[prost(uint32, tag = "6")]
    pub key_size_bits: u32,
    #[prost(string, tag = "7")]
    pub curve: String,
    #[prost(bool, tag = "8")]
    pub reuse_key: bool,
    #[prost(string, tag = "9")]
    pub content_type: String,
    #[prost(string, tag = "10")]
    pub subject: String,
    #[prost(string, repeated, tag = "11")]
    pub dns_names: Vec<String>,
    #[prost(string, repeated, tag = "12")]
    pub emails: Vec<String>,
    #[prost(string, repeated, tag = "13")]
    pub upns: Vec<String>,
    #[prost(string, repeated, tag = "14")]
    pub uris: Vec<String>,
    #[prost(string, repeated, tag = "15")]
    pub ip_addresses: Vec<String>,
    #[prost(string, repeated, tag = "16")]
    pub extended_key_usages: Vec<String>,
    #[prost(string, repeated, tag = "17")]
    pub key_usages: Vec<String>,
    #[prost(uint32, tag = "18")]
    pub validity_months: u32,
    #[prost(message, repeated, tag = "19")]
    pub lifetime_actions: Vec<LifetimeActionRecord>,
    #[prost(bool, tag = "20")]
    pub enabled: bool,
    #[prost(int64, tag = "21")]
    pub created: i64,
    #[prost(int64, tag = "22")]
    pub updated: i64,
    /// Whether it may issue certificates, and how many authorities may come below it.
    #[prost(bool, tag = "23")]
    pub ca: bool,
    #[prost(uint32, optional, tag = "24")]
    pub path_length: Option<u32>,
}

/// What is done before a certificate ends.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct LifetimeActionRecord {
    /// "AutoRenew" or "EmailContacts".
    #[prost(string, tag = "1")]
    pub action: String,
    #[prost(uint32, tag = "2")]
    pub days_before_expiry: u32,
    #[prost(uint32, tag = "3")]
    pub lifetime_percentage: u32,
}

/// A certificate operation.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct PendingRecord {
    /// The version that it will make; the key of that version is there already.
    #[prost(bytes = "vec", tag = "1")]
    pub version: Vec<u8>,
    #[prost(string, tag = "2")]
    pub issuer: String,
    /// PKCS#10, DER.
    #[prost(bytes = "vec", tag = "3")]
    pub csr: Vec<u8>,
    /// "inProgress", "completed", "cancelled", "failed".
    #[prost(string, tag = "4")]
    pub status: String,
    #[prost(string, tag = "5")]
    pub status_details: String,
    #[prost(bool, tag = "6")]
    pub cancellation_requested: bool,
    #[prost(string, tag = "7")]
    pub error_code: String,
    #[prost(string, tag = "8")]
    pub error_message: String,
    #[prost(int64, tag = "9")]
    pub created: i64,
    #[prost(string, tag = "10")]
    pub request_id: String,
    #[prost(btree_map = "string, string", tag = "11")]
    pub tags: BTreeMap<String, String>,
    #[prost(bool, tag = "12")]
    pub disabled: bool,
    /// What identifies it to its caller.
    #[prost(bytes = "vec", tag = "13")]
    pub operation: Vec<u8>,
    /// Whether the policy let the key be told when it was made. A later policy is for later keys.
    #[prost(bool, tag = "14")]
    pub exportable: bool,
}

/// Who issues certificates for a vault. Row `issuer/{vault}/{name in lower case}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct IssuerRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub provider: String,
    #[prost(string, tag = "3")]
    pub account_id: String,
    #[prost(string, tag = "4")]
    pub organization_id: String,
    #[prost(message, repeated, tag = "5")]
    pub admins: Vec<IssuerAdminRecord>,
    #[prost(bool, tag = "6")]
    pub enabled: bool,
    #[prost(int64, tag = "7")]
    pub created: i64,
    #[prost(int64, tag = "8")]
    pub updated: i64,
    /// The provider's password, sealed.
    #[prost(bytes = "vec", tag = "9")]
    pub sealed_password: Vec<u8>,
}

/// Somebody at an issuer.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct IssuerAdminRecord {
    #[prost(string, tag = "1")]
    pub first_name: String,
    #[prost(string, tag = "2")]
    pub last_name: String,
    #[prost(string, tag = "3")]
    pub email: String,
    #[prost(string, tag = "4")]
    pub phone: String,
}

/// Whom a vault's certificates concern.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct ContactRecord {
    #[prost(string, tag = "1")]
    pub email: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub phone: String,
}

/// A backup of a certificate, in the clear inside its seal. It has no `Debug`: it holds keys.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
#[allow(missing_docs)]
pub struct CertificateBackup {
    /// Where it was taken.
    #[prost(bytes = "vec", tag = "1")]
    pub vault: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub certificate: Option<CertificateRecord>,
    #[prost(message, repeated, tag = "3")]
    pub versions: Vec<CertificateVersionBackup>,
    /// The vault's rules.
    #[prost(string, tag = "4")]
    pub profile: String,
    #[prost(string, tag = "5")]
    pub wrapping: String,
}

/// One version in a backup of a certificate, with its key and its secret.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
#[allow(missing_docs)]
pub struct CertificateVersionBackup {
    #[prost(message, optional, tag = "1")]
    pub record: Option<CertificateVersionRecord>,
    #[prost(message, optional, tag = "2")]
    pub key: Option<VersionRecord>,
    /// PKCS#8.
    #[prost(bytes = "vec", tag = "3")]
    pub material: Vec<u8>,
    #[prost(message, optional, tag = "4")]
    pub secret: Option<SecretVersionRecord>,
    /// The secret's value.
    #[prost(bytes = "vec", tag = "5")]
    pub value: Vec<u8>,
}

impl Drop for CertificateVersionBackup {
    fn drop(&mut self) {
        self.material.zeroize();
        self.value.zeroize();
    }
}

//! The records of who there is: users, service principals, groups of vaults, roles and who has them, tokens that were made worthless.

use std::collections::BTreeMap;

use prost::Message;

use super::PinRecord;

/// The kinds of principals that are stored; peers and PIN users have object ids without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum PrincipalKind {
    /// Somebody with a name and a password.
    User = 0,
    /// A program with an app id and secrets or certificates.
    ServicePrincipal = 1,
}

/// A user or a service principal. Row `principal/{object id}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct PrincipalRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub object_id: Vec<u8>,
    #[prost(enumeration = "PrincipalKind", tag = "2")]
    pub kind: i32,
    /// A user's name. Empty for a service principal.
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub display_name: String,
    /// Of a service principal.
    #[prost(bytes = "vec", tag = "5")]
    pub app_id: Vec<u8>,
    #[prost(bool, tag = "6")]
    pub disabled: bool,
    #[prost(bool, tag = "7")]
    pub administrator: bool,
    #[prost(int64, tag = "8")]
    pub created: i64,
    #[prost(message, repeated, tag = "9")]
    pub credentials: Vec<CredentialRecord>,
    /// Grows when all its tokens are to die.
    #[prost(uint64, tag = "10")]
    pub epoch: u64,
    #[prost(string, tag = "11")]
    pub request_id: String,
}

/// What a principal signs in with.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct CredentialRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    /// A password or a secret; `None` for a certificate.
    #[prost(message, optional, tag = "2")]
    pub password: Option<PinRecord>,
    /// X.509, DER; empty for a password.
    #[prost(bytes = "vec", tag = "3")]
    pub certificate: Vec<u8>,
    #[prost(string, tag = "4")]
    pub display_name: String,
    #[prost(int64, tag = "5")]
    pub created: i64,
    #[prost(int64, optional, tag = "6")]
    pub expires: Option<i64>,
    #[prost(string, tag = "7")]
    pub hint: String,
}

/// Who has which role where. Row `assignment/{id}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct AssignmentRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub role: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub principal: Vec<u8>,
    /// As Azure writes it, without the subscription: "", "/resourceGroups/g", "/resourceGroups/g/providers/…/vaults/v[/keys/k]".
    #[prost(string, tag = "4")]
    pub scope: String,
    #[prost(int64, tag = "5")]
    pub created: i64,
    #[prost(string, tag = "6")]
    pub created_by: String,
}

/// A role of one's own. Row `role/{id}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct RoleRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub description: String,
    #[prost(string, repeated, tag = "4")]
    pub actions: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub not_actions: Vec<String>,
    #[prost(string, repeated, tag = "6")]
    pub data_actions: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    pub not_data_actions: Vec<String>,
    #[prost(string, repeated, tag = "8")]
    pub assignable_scopes: Vec<String>,
}

/// A resource group. Row `group/{name in lower case}`.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct GroupRecord {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub location: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub tags: BTreeMap<String, String>,
    #[prost(int64, tag = "4")]
    pub created: i64,
}

/// A token that was made worthless before its time. Row `revoked/{token}`; it goes when the token would have ended.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct RevokedRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub token: Vec<u8>,
    #[prost(int64, tag = "2")]
    pub expires: i64,
}

//! The verbs, one file each: what an operation needs, which permission, and what it does once it is allowed. No transport, no identity.

use std::borrow::Cow;

use softkeep_proto::algorithm::KeyOperation;

use crate::{
    error::Result,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

pub mod create_key;
pub mod create_object;
pub mod create_vault;
pub mod decrypt;
pub mod delete_key;
pub mod delete_vault;
pub mod destroy_object;
pub mod encrypt;
pub mod find_objects;
pub mod generate_key_pair;
pub mod get_key;
pub mod get_objects;
pub mod get_token;
pub mod get_vault;
pub mod import_key;
pub mod list_key_versions;
pub mod list_keys;
pub mod list_tokens;
pub mod list_vaults;
pub mod login;
mod names;
mod new_version;
pub mod random;
pub mod seal;
pub mod set_attributes;
pub mod set_pin;
pub mod sign;
pub mod tail_audit;
mod template;
pub mod unlock_token;
pub mod verify;
pub mod verify_audit;

/// How an operation is audited. A refusal always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// Only when it is refused: it shows what is public or the caller's own.
    Read,
    /// Its intent before, a failure after.
    Use,
    /// Its intent before and its outcome after, queued as a use's are.
    Login,
    /// Its intent before and its outcome after, both on disk before the reply.
    Administration,
}

/// One verb.
pub trait Operation: Sized + Send + 'static {
    /// The name in the audit log.
    const NAME: &'static str;
    /// What the caller must be granted.
    const PERMISSION: Permission;
    /// What the key must allow, for an operation with a key.
    const KEY_USE: Option<KeyOperation> = None;
    /// How it is audited.
    const AUDITED: Audited;
    /// What the caller gets.
    type Reply: Send + 'static;

    /// What it works on.
    fn place(&self) -> Place;

    /// The algorithm, for the audit log.
    fn algorithm(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// Where it runs.
    fn lane(&self, version: Option<&Version>) -> Lane;

    /// Does it.
    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply>;
}

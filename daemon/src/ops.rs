//! The verbs, one file each: what an operation needs, which permission, and what it does once it is allowed. No transport, no identity.

use std::borrow::Cow;

use crate::{
    error::Result,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, KeyName, Permission, Place},
    workers::Lane,
};

pub mod add_credential;
pub mod announce_certificate;
pub mod announce_expiry;
pub mod approve_device_sign_in;
pub mod backup_certificate;
pub mod backup_key;
pub mod backup_secret;
pub mod begin_device_sign_in;
pub mod cancel_certificate_operation;
pub mod certificate_policy;
pub mod check_vault_name;
pub mod context_login;
pub mod copy_object;
pub mod create_certificate;
pub mod create_group;
pub mod create_key;
pub mod create_object;
pub mod create_principal;
pub mod create_role_assignment;
pub mod create_vault;
pub mod decapsulate_key;
pub mod decrypt;
pub mod delete_access_policy;
pub mod delete_certificate;
pub mod delete_certificate_operation;
pub mod delete_group;
pub mod delete_issuer;
pub mod delete_key;
pub mod delete_principal;
pub mod delete_role_assignment;
pub mod delete_role_definition;
pub mod delete_secret;
pub mod delete_vault;
pub mod derive_key;
pub mod destroy_object;
pub mod encapsulate_key;
pub mod encrypt;
pub mod encrypt_secret;
pub mod explain_policy;
pub mod find_objects;
pub mod forget_revoked;
pub mod generate_key;
pub mod generate_key_pair;
pub mod get_certificate;
pub mod get_certificate_operation;
pub mod get_certificate_policy;
pub mod get_contacts;
pub mod get_deleted_certificate;
pub mod get_deleted_key;
pub mod get_deleted_secret;
pub mod get_deleted_vault;
pub mod get_group;
pub mod get_issuer;
pub mod get_key;
pub mod get_objects;
pub mod get_principal;
pub mod get_rotation_policy;
pub mod get_secret;
pub mod get_token;
pub mod get_vault;
pub mod import_certificate;
pub mod import_key;
pub mod init_token;
pub mod issue_certificate;
pub mod issuing_authority;
mod key_change;
pub mod list_certificate_versions;
pub mod list_certificates;
pub mod list_deleted_keys;
pub mod list_deleted_vaults;
pub mod list_groups;
pub mod list_issuers;
pub mod list_key_versions;
pub mod list_keys;
pub mod list_principals;
pub mod list_role_assignments;
pub mod list_role_definitions;
pub mod list_secret_versions;
pub mod list_secrets;
pub mod list_tokens;
pub mod list_vaults;
pub mod login;
pub mod merge_certificate;
pub mod method;
mod names;
pub mod new_certificate;
pub mod new_object;
pub mod new_secret;
mod new_version;
mod principal_change;
pub mod purge_certificate;
pub mod purge_key;
pub mod purge_secret;
pub mod purge_vault;
pub mod random;
pub mod read_values;
pub mod recover_certificate;
pub mod recover_key;
pub mod recover_secret;
pub mod recover_vault;
pub mod remove_credential;
pub mod remove_purged_vault;
pub mod renew_certificate;
pub mod restore_certificate;
pub mod restore_key;
pub mod restore_secret;
pub mod rotate_key;
mod rotation;
pub mod seal;
pub mod set_access_policy;
pub mod set_attributes;
pub mod set_certificate_policy;
pub mod set_contacts;
pub mod set_issuer;
pub mod set_pin;
pub mod set_role_definition;
pub mod set_rotation_policy;
pub mod set_secret;
pub mod sign;
pub mod sign_in;
pub mod sign_out;
pub mod tail_audit;
pub mod template;
pub mod unlock_token;
pub mod unwrap_key;
pub mod update_certificate;
pub mod update_key;
pub mod update_mac;
pub mod update_principal;
pub mod update_secret;
pub mod update_vault;
mod vault_settings;
pub mod verify;
pub mod verify_audit;
pub mod verify_mac;
pub mod who_am_i;
pub mod wrap_key;

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

/// What an operation adds to the record of its success.
#[derive(Default)]
pub struct Remark {
    /// In place of what the record of the intent says.
    pub detail: Option<String>,
    /// The receipt of an import.
    pub receipt: Option<String>,
}

/// One verb.
pub trait Operation: Sized + Send + 'static {
    /// The name in the audit log.
    const NAME: &'static str;
    /// What the caller must be granted.
    const PERMISSION: Permission;
    /// How it is audited.
    const AUDITED: Audited;
    /// What the caller gets.
    type Reply: Send + 'static;

    /// What it works on.
    fn place(&self) -> Place;

    /// What the caller must be granted for this very one, where it depends on what is asked for.
    fn permission(&self) -> Permission {
        Self::PERMISSION
    }

    /// How this very one is audited, where it depends on what is asked for.
    fn audited(&self) -> Audited {
        Self::AUDITED
    }

    /// What the key must allow, for an operation that uses one.
    fn key_use(&self) -> Option<Ops> {
        None
    }

    /// A second key, in the same vault: what is wrapped, what a derivation adds. It must be the caller's to use; what it must allow is
    /// the operation's to check.
    fn other_key(&self) -> Option<KeyName> {
        None
    }

    /// The answer to C_Login with CKU_CONTEXT_SPECIFIC, for a key that asks for the PIN at each use.
    fn one_time_grant(&self) -> Option<&[u8]> {
        None
    }

    /// The algorithm, for the audit log.
    fn algorithm(&self) -> Option<Cow<'static, str>> {
        None
    }

    /// Where it runs.
    fn lane(&self, version: Option<&Version>) -> Lane;

    /// What the record of its success says besides.
    fn remark(_reply: &Self::Reply) -> Remark {
        Remark::default()
    }

    /// Does it.
    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply>;
}

//! C_InitToken: makes a vault out of the free slot, or empties one and gives it a new security officer's PIN. Softly: what was in it can
//! be recovered.

use std::sync::Arc;

use softkeep_proto::{
    limits::{MAX_VAULT_NAME_LEN, MIN_VAULT_NAME_LEN},
    v1::CreateVaultRequest,
};
use zeroize::Zeroizing;

use super::{Audited, Operation, create_vault, list_tokens::TokenRow, login, names, unlock_token};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::UserType,
    keys::{
        Keys,
        catalog::{Vault, Version, View},
        ledger::Entry,
        record::{CertificateRecord, KeyRecord, ObjectRecord, PinRecord, SecretRecord, VaultRecord, row},
    },
    pins,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName, VaultRef},
    workers::Lane,
};

/// Which token, or a new one.
pub struct InitToken {
    /// `None` for the free slot.
    pub vault: Option<Id>,
    /// The security officer's PIN: the one there is, or the first.
    pub so_pin: Zeroizing<Vec<u8>>,
    /// The name of the new vault; of one that is there, its own or nothing.
    pub label: String,
    /// Whether a new vault publishes certificates.
    pub publish_certificates: bool,
}

impl Operation for InitToken {
    const NAME: &'static str = "token.init";
    const PERMISSION: Permission = Permission::WriteVault;
    const AUDITED: Audited = Audited::Administration;
    type Reply = TokenRow;

    fn place(&self) -> Place {
        match self.vault {
            Some(id) => Place::Vault(VaultName::Id(id), None),
            None => Place::Daemon,
        }
    }

    fn permission(&self) -> Permission {
        if self.vault.is_some() { Permission::DeleteVault } else { Permission::WriteVault }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<TokenRow> {
        let id = match grant.operation().vault {
            Some(id) => {
                empty(&grant, rooms)?;
                id
            }
            None => make(&grant, rooms)?.id,
        };
        let view = rooms.keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        Ok(TokenRow::of(vault, grant.caller()))
    }
}

fn make(grant: &Authorized<InitToken>, rooms: &Unsealed) -> Result<VaultRef> {
    let operation = grant.operation();
    let wanted = operation.label.trim();
    let request = CreateVaultRequest { name: "unnamed".into(), ..CreateVaultRequest::default() };
    let draft = create_vault::CreateVault::parse(request, operation.publish_certificates)?;
    // As long as the usual profile, which the vault will have, wants it.
    pins::check_length(&operation.so_pin, &VaultRecord::default())?;
    let so_pin = pins::hash(&operation.so_pin, rooms.keys.root.pin_pepper(), 1)?;
    create_vault::write(rooms, &draft, grant.caller(), |view, id, record| {
        record.name = free_name(view, wanted, id);
        record.so_pin = Some(so_pin);
    })
}

/// The label, if a vault may be called so and none is; else what is left of it, with a number.
fn free_name(view: &View, wanted: &str, id: Id) -> String {
    if names::check_vault_name(wanted).is_ok() && !view.is_vault_name_taken(wanted) {
        return wanted.to_owned();
    }
    let mut base = String::new();
    for letter in wanted.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() => base.push(letter),
            _ if !base.is_empty() && !base.ends_with('-') => base.push('-'),
            _ => {}
        }
    }
    if !base.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        base.insert_str(0, "token-");
    }
    base.truncate(MAX_VAULT_NAME_LEN);
    let base = base.trim_end_matches('-');
    let legal = (MIN_VAULT_NAME_LEN..=MAX_VAULT_NAME_LEN).contains(&base.len());
    if legal && !view.is_vault_name_taken(base) {
        return base.to_owned();
    }
    let number = id.to_string();
    let number = number.get(..6).unwrap_or(&number);
    let room = MAX_VAULT_NAME_LEN - number.len() - 1;
    format!("{}-{number}", base.get(..room).unwrap_or(base).trim_end_matches('-'))
}

/// Rows in one transaction; the store takes a hundred.
const ROWS_AT_ONCE: usize = 64;

fn empty(grant: &Authorized<InitToken>, rooms: &Unsealed) -> Result<()> {
    let (operation, vault) = (grant.operation(), grant.vault()?);
    let label = operation.label.trim();
    if !label.is_empty() && !label.eq_ignore_ascii_case(&vault.record.name) {
        let detail = format!("the token is called '{}', and a vault is not renamed", vault.record.name);
        return Err(Error::new(ErrorCode::InvalidArgument, detail));
    }
    if vault.record.so_pin.is_some() {
        login::check(grant, rooms, UserType::SecurityOfficer, &operation.so_pin)?;
    } else {
        // Setting a PIN that nobody had to know is the administrator's.
        let view = rooms.keys.catalog.view();
        rooms.policy.check(&view, grant.caller(), view.vault(vault.id), Permission::Administer)?;
        pins::check_length(&operation.so_pin, &vault.record)?;
    }
    let hashed = pins::hash(&operation.so_pin, rooms.keys.root.pin_pepper(), 0)?;
    let keys = &rooms.keys;
    // In pieces: what is left if it breaks off is a token with less in it and the PINs it had, to be initialised again.
    while delete_some(keys, vault.id)? > 0 {}
    keys.write(|_| {
        let view = keys.catalog.view();
        let vault = view.vault(vault.id).ok_or_else(|| Error::vault_not_found(&vault.record.name))?;
        let old = &vault.record;
        let after = |pin: &Option<PinRecord>| 1 + pin.as_ref().map_or(0, |old| old.epoch);
        let so_pin = Some(PinRecord { epoch: after(&old.so_pin), ..hashed });
        // The user's PIN is gone, and logins with it; a new one must not make them good again.
        let last_user_epoch = old.user_pin.as_ref().map_or(old.last_user_epoch, |pin| pin.epoch);
        let updated = clock::now_seconds();
        let record = VaultRecord { so_pin, user_pin: None, last_user_epoch, updated, ..VaultRecord::clone(old) };
        Ok((vec![Entry::put(row::vault(vault.id), &record)], ()))
    })?;
    unlock_token::forget_failures(rooms, vault.id, |_, _| true)
}

/// Soft-deletes some of what is in a vault, and says how many.
fn delete_some(keys: &Arc<Keys>, vault: Id) -> Result<usize> {
    let versions = keys.write(|_| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let (mut entries, mut versions) = (Vec::new(), Vec::new());
        for (name, key) in vault.keys.iter().filter(|(_, key)| key.record.deleted.is_none()).take(ROWS_AT_ONCE) {
            entries.push(Entry::put(row::key(vault.id, name), &deleted(vault, &key.record)));
            versions.extend(key.versions.iter().map(|version| version.id));
        }
        let secrets = vault.secrets.after("").filter(|(_, secret)| secret.record.deleted.is_none());
        for (name, secret) in secrets.take(ROWS_AT_ONCE - entries.len()) {
            let (deleted, scheduled_purge) = deletion(vault);
            let record = SecretRecord { deleted, scheduled_purge, ..SecretRecord::clone(&secret.record) };
            entries.push(Entry::put(row::secret(vault.id, name), &record));
        }
        let certificates = vault.certificates.after("").filter(|(_, named)| named.record.deleted.is_none());
        for (name, certificate) in certificates.take(ROWS_AT_ONCE - entries.len()) {
            let (deleted, scheduled_purge) = deletion(vault);
            let record =
                CertificateRecord { deleted, scheduled_purge, ..CertificateRecord::clone(&certificate.record) };
            entries.push(Entry::put(row::certificate(vault.id, name), &record));
        }
        let objects = vault.objects().filter(|record| !record.hidden).take(ROWS_AT_ONCE - entries.len());
        for record in objects {
            let hidden = ObjectRecord { hidden: true, ..ObjectRecord::clone(record) };
            entries.push(Entry::put(row::object(vault.id, Id::from_bytes(&record.id)?), &hidden));
        }
        let count = entries.len();
        Ok((entries, (count, versions)))
    })?;
    versions.1.into_iter().for_each(|version| keys.forget(version));
    Ok(versions.0)
}

/// The record of a key that is deleted now.
pub fn deleted(vault: &Vault, key: &KeyRecord) -> KeyRecord {
    let (deleted, scheduled_purge) = deletion(vault);
    KeyRecord { deleted, scheduled_purge, ..key.clone() }
}

/// Now, and when what is deleted now is purged.
fn deletion(vault: &Vault) -> (Option<i64>, Option<i64>) {
    let now = clock::now_seconds();
    (Some(now), Some(now + 24 * 3600 * i64::from(vault.record.soft_delete_retention_days)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_label_gives_a_legal_name() {
        let view = View::default();
        let id = Id([0xab; 16]);
        assert_eq!(free_name(&view, "web-1", id), "web-1");
        assert_eq!(free_name(&view, "My Token", id), "My-Token");
        assert_eq!(free_name(&view, "1", id), "token-1");
        for label in
            ["", "ä", "a", "-", "a--b", "  ", "1234567890123456789012345678901234", "a:b:c", "ab-", "\u{1F511}"]
        {
            let name = free_name(&view, label, id);
            assert!(names::check_vault_name(&name).is_ok(), "'{label}' gives '{name}'");
        }
    }
}

//! Says whom the certificates of a vault concern. Nobody is written to: what would be a mail is a record of the audit log.

use std::sync::Arc;

use softkeep_proto::v1;

use super::{Audited, Operation};
use crate::{
    clock,
    crypto::x509::contents,
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{ContactRecord, VaultRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

const MAX_CONTACTS: usize = 100;
/// Of a name or a telephone number.
pub const MAX_WORD_BYTES: usize = 256;

/// Who they are.
pub struct SetContacts {
    vault: VaultName,
    contacts: Vec<ContactRecord>,
}

impl SetContacts {
    /// Checks the addresses. No contacts means that there are to be none.
    pub fn parse(vault: VaultName, contacts: Vec<v1::Contact>) -> Result<Self> {
        let invalid = |why: String| Err(Error::new(ErrorCode::InvalidArgument, why));
        if contacts.len() > MAX_CONTACTS {
            return invalid(format!("a vault has at most {MAX_CONTACTS} contacts"));
        }
        for (index, contact) in contacts.iter().enumerate() {
            contents::email(&contact.email)?;
            if contact.name.len() > MAX_WORD_BYTES || contact.phone.len() > MAX_WORD_BYTES {
                return invalid(format!("a name or telephone number has at most {MAX_WORD_BYTES} bytes"));
            }
            let same = |other: &&v1::Contact| other.email.eq_ignore_ascii_case(&contact.email);
            if contacts.iter().take(index).find(same).is_some() {
                return invalid(format!("the contact '{}' is there twice", contact.email));
            }
        }
        let record =
            |contact: v1::Contact| ContactRecord { email: contact.email, name: contact.name, phone: contact.phone };
        Ok(Self { vault, contacts: contacts.into_iter().map(record).collect() })
    }
}

impl Operation for SetContacts {
    const NAME: &'static str = "certificate.set-contacts";
    const PERMISSION: Permission = Permission::ManageContacts;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Arc<VaultRecord>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), None)
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Arc<VaultRecord>> {
        let id = grant.vault()?.id;
        let keys = &rooms.keys;
        keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let contacts = grant.operation().contacts.clone();
            let record = VaultRecord { contacts, updated: clock::now_seconds(), ..(*vault.record).clone() };
            Ok((vec![Entry::put(row::vault(id), &record)], Arc::new(record)))
        })
    }
}

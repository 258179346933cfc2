//! Puts on record that a certificate ends soon, and whom that concerns: the lifetime action "EmailContacts". Once for each version, by the
//! daemon itself, which writes no mail.

use super::{Audited, Operation, renew_certificate::announced_at};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    jobs::Job,
    keys::{
        catalog::{Named, Vault, Version, View},
        ledger::Entry,
        record::{CertificateRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Which certificate.
pub struct AnnounceCertificate {
    vault: VaultName,
    name: String,
}

/// The certificates whose end is to be announced now, or was to be before.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, certificate) in vault.certificates.after("") {
            if is_due(vault, certificate, now) {
                let announce = AnnounceCertificate { vault: VaultName::Id(vault.id), name: name.clone() };
                jobs.push(Job::new(&format!("{}/{name}", vault.id), announce));
            }
        }
    }
    jobs
}

fn is_due(vault: &Vault, certificate: &Named<CertificateRecord>, now: i64) -> bool {
    certificate.record.notified != certificate.record.current
        && announced_at(vault, certificate).is_some_and(|time| time <= now)
}

impl Operation for AnnounceCertificate {
    const NAME: &'static str = "certificate.near-expiry";
    /// No door offers this verb: the daemon itself may do everything.
    const PERMISSION: Permission = Permission::UpdateCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<()> {
        let (id, name) = (grant.vault()?.id, &grant.operation().name);
        let keys = &rooms.keys;
        let (vault, contacts) = keys.write(|_| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let nothing = || Error::new(ErrorCode::Conflict, "there is nothing to announce any more");
            let certificate = vault.certificates.get(name).ok_or_else(nothing)?;
            if !is_due(vault, certificate, clock::now_seconds()) {
                return Err(nothing());
            }
            let current = certificate.record.current.clone();
            let record = CertificateRecord { notified: current, ..(*certificate.record).clone() };
            let contacts: Vec<_> = vault.record.contacts.iter().map(|contact| contact.email.clone()).collect();
            let entry = Entry::put(row::certificate(id, &name.to_ascii_lowercase()), &record);
            Ok((vec![entry], (vault.record.name.clone(), contacts)))
        })?;
        let whom = if contacts.is_empty() { "no contacts".to_owned() } else { contacts.join(", ") };
        rooms.audit.note("certificate.contacts", Some(&vault), Some(name), Some(whom))
    }
}

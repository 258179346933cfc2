//! Makes the next version of a certificate before the last one ends: the lifetime action "AutoRenew". Once for each version, by the daemon
//! itself. Whom somebody elsewhere must issue a certificate for, the contacts are told instead (`announce_certificate.rs`).

use super::{
    Audited, Operation,
    certificate_policy::{AUTO_RENEW, EMAIL_CONTACTS, UNKNOWN},
    issue_certificate::{self, OperationView, Order},
    issuing_authority::PROVIDER,
    new_certificate::IN_PROGRESS,
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    jobs::Job,
    keys::{
        catalog::{Named, Vault, Version, View},
        record::{CertificateRecord, LifetimeActionRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, CertificateKeys, Permission, Place, VaultName},
    workers::Lane,
};

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Which certificate.
pub struct RenewCertificate {
    vault: VaultName,
    name: String,
}

/// The certificates that are to be renewed now, or were to be before.
pub fn due(view: &View, now: i64) -> Vec<Job> {
    let mut jobs = Vec::new();
    for vault in view.vaults() {
        for (name, certificate) in vault.certificates.after("") {
            if is_due(vault, certificate, now) {
                let renew = RenewCertificate { vault: VaultName::Id(vault.id), name: name.clone() };
                jobs.push(Job::new(&format!("{}/{name}", vault.id), renew));
            }
        }
    }
    jobs
}

fn is_due(vault: &Vault, certificate: &Named<CertificateRecord>, now: i64) -> bool {
    let waits = certificate.record.pending.as_ref().is_some_and(|pending| pending.status == IN_PROGRESS);
    !waits
        && certificate.current().is_some_and(|version| version.enabled)
        && issued_here(vault, &certificate.record)
        && time_of(certificate, AUTO_RENEW).is_some_and(|time| time <= now)
}

/// Whether the next version is made without anybody else.
fn issued_here(vault: &Vault, record: &CertificateRecord) -> bool {
    let Some(policy) = &record.policy else { return false };
    if policy.issuer == UNKNOWN {
        return false;
    }
    let issuer = vault.issuers.get(&policy.issuer.to_ascii_lowercase());
    policy.issuer == super::certificate_policy::SELF || issuer.is_some_and(|issuer| issuer.provider == PROVIDER)
}

/// When the contacts are to be told of the current version's end; for one that nobody here can renew, when it would be renewed.
pub fn announced_at(vault: &Vault, certificate: &Named<CertificateRecord>) -> Option<i64> {
    let announce = time_of(certificate, EMAIL_CONTACTS);
    if issued_here(vault, &certificate.record) {
        return announce;
    }
    let renew = time_of(certificate, AUTO_RENEW);
    announce.into_iter().chain(renew).min()
}

/// When an action is to be taken for the current version of a certificate that is not deleted.
fn time_of(certificate: &Named<CertificateRecord>, action: &str) -> Option<i64> {
    if certificate.record.deleted.is_some() {
        return None;
    }
    let policy = certificate.record.policy.as_ref().filter(|policy| policy.enabled)?;
    let action = policy.lifetime_actions.iter().find(|named| named.action == action)?;
    let current = certificate.current()?;
    Some(moment(action, current.not_before, current.not_after))
}

/// When an action is to be taken in a life from a beginning to an end.
fn moment(action: &LifetimeActionRecord, start: i64, end: i64) -> i64 {
    if action.days_before_expiry > 0 {
        return end - i64::from(action.days_before_expiry) * SECONDS_PER_DAY;
    }
    let life = end.saturating_sub(start);
    start + life / 100 * i64::from(action.lifetime_percentage)
}

impl Operation for RenewCertificate {
    const NAME: &'static str = "certificate.renew";
    /// No door offers this verb: the daemon itself may do everything.
    const PERMISSION: Permission = Permission::CreateCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = OperationView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<OperationView> {
        let id = grant.vault()?.id;
        let order = {
            let view = rooms.keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            let nothing = || Error::new(ErrorCode::Conflict, "there is nothing to renew any more");
            let certificate = vault.certificates.get(&grant.operation().name).ok_or_else(nothing)?;
            if !is_due(vault, certificate, clock::now_seconds()) {
                return Err(nothing());
            }
            let current = certificate.current().ok_or_else(nothing)?;
            Order {
                name: certificate.record.name.clone(),
                policy: certificate.record.policy.clone().ok_or_else(nothing)?,
                enabled: true,
                tags: current.tags.clone(),
                request_id: String::new(),
                renews: Some(current.id.clone()),
            }
        };
        issue_certificate::issue(&grant, rooms, order)
    }
}

impl CertificateKeys for RenewCertificate {
    fn certificate_name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let at = |days, percentage| {
            let action = LifetimeActionRecord {
                action: AUTO_RENEW.into(),
                days_before_expiry: days,
                lifetime_percentage: percentage,
            };
            moment(&action, 1_000_000, 1_000_000 + 100 * SECONDS_PER_DAY)
        };
        assert_eq!(at(30, 0), 1_000_000 + 70 * SECONDS_PER_DAY);
        assert_eq!(at(0, 80), 1_000_000 + 80 * SECONDS_PER_DAY);
        assert_eq!(at(0, 1), 1_000_000 + SECONDS_PER_DAY);
    }
}

//! Takes a sealed backup of a certificate with all its versions, and of the key and the secret of each.

use prost::Message as _;
use zeroize::Zeroizing;

use super::{Audited, Operation, new_certificate};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        record::{CertificateBackup, CertificateVersionBackup},
    },
    pipeline::Unsealed,
    policy::{Authorized, CertificateKeys, Permission, Place, SecretRead, VaultName},
    workers::Lane,
};

/// What its seal says that a backup is of.
pub const KIND: &str = "certificate";

/// The most versions that a backup has (Key Vault's number).
pub const MAX_VERSIONS: usize = 500;

/// Of which certificate.
pub struct BackupCertificate {
    /// The vault.
    pub vault: VaultName,
    /// The certificate.
    pub name: String,
}

impl Operation for BackupCertificate {
    const NAME: &'static str = "certificate.backup";
    const PERMISSION: Permission = Permission::BackupCertificate;
    const AUDITED: Audited = Audited::Administration;
    /// The backup.
    type Reply = Vec<u8>;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Vec<u8>> {
        let (id, name) = (grant.vault()?.id, &grant.operation().name);
        let keys = &rooms.keys;
        let (mut backup, of_keys) = {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            records(vault, name)?
        };
        for (version, key) in backup.versions.iter_mut().zip(of_keys) {
            version.material = keys.certificate_key(&grant, &key)?.to_vec();
            let secret = version.secret.as_ref().ok_or_else(|| Error::internal("a backup without a secret"))?;
            version.value = keys.open_secret(&grant, secret)?.to_vec();
        }
        keys.seal_backup(KIND, &Zeroizing::new(backup.encode_to_vec()))
    }
}

/// The backup without what is secret, and the keys of its versions.
fn records(vault: &Vault, name: &str) -> Result<(CertificateBackup, Vec<std::sync::Arc<Version>>)> {
    let certificate = new_certificate::find(vault, name)?;
    let invalid = |why: String| Error::new(ErrorCode::InvalidArgument, why);
    if certificate.versions.is_empty() {
        return Err(invalid(format!("the certificate '{name}' has no complete version yet")));
    }
    if certificate.versions.len() > MAX_VERSIONS {
        return Err(invalid(format!("the certificate '{name}' has more than {MAX_VERSIONS} versions")));
    }
    let damaged = || Error::new(ErrorCode::RecordDamaged, "the key or the secret of a version is damaged");
    let mut backup = CertificateBackup {
        vault: vault.id.0.to_vec(),
        profile: vault.record.profile.clone(),
        wrapping: vault.record.wrapping.clone(),
        certificate: Some((*certificate.record).clone()),
        versions: Vec::new(),
    };
    let mut of_keys = Vec::new();
    for version in &certificate.versions {
        let key = vault.version(Id::from_bytes(&version.id)?).ok_or_else(damaged)?;
        let secret = vault.secrets.get(name).and_then(|secret| secret.version(&version.id)).ok_or_else(damaged)?;
        backup.versions.push(CertificateVersionBackup {
            record: Some((**version).clone()),
            key: Some(key.record.clone()),
            material: Vec::new(),
            secret: Some((**secret).clone()),
            value: Vec::new(),
        });
        of_keys.push(key.clone());
    }
    Ok((backup, of_keys))
}

impl CertificateKeys for BackupCertificate {
    fn certificate_name(&self) -> &str {
        &self.name
    }
}

impl SecretRead for BackupCertificate {
    fn secret_name(&self) -> &str {
        &self.name
    }
}

//! The rows of a certificate's version, however it comes about: made here, merged, brought in or restored. Its key and its secret have the
//! same name and version and belong to it.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::{
    certificate_policy::{self, PEM},
    names,
    new_secret::{self, NewSecret},
    new_version::{self, Naming, NewVersion, Wishes, check_sku},
};
use crate::{
    clock,
    crypto::{key_info::PublicInfo, pem, pfx, x509::Read},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Named, Vault, Version},
        ledger::{Counters, Entry},
        record::{
            CertificatePolicyRecord, CertificateRecord, CertificateVersionRecord, KeyPolicy, KeyRecord, PendingRecord,
            SecretRecord, VaultRecord, VersionRecord, row,
        },
    },
    policy::profile::Rules,
};

/// A certificate as its callers see it.
pub struct CertificateView {
    /// Its vault.
    pub vault: Arc<VaultRecord>,
    /// Its name and what its versions share.
    pub certificate: Arc<CertificateRecord>,
    /// The version; none while the first one is not complete.
    pub version: Option<Arc<CertificateVersionRecord>>,
}

impl CertificateView {
    /// One of a vault.
    pub fn of(
        vault: &Vault,
        certificate: &Named<CertificateRecord>,
        version: Option<&Arc<CertificateVersionRecord>>,
    ) -> Self {
        Self { vault: vault.record.clone(), certificate: certificate.record.clone(), version: version.cloned() }
    }

    /// One of a vault as it is now; no version means the current one.
    pub fn find(vault: &Vault, name: &str, version: Option<Id>) -> Result<Self> {
        let certificate = find(vault, name)?;
        let found = match version {
            None => certificate.current(),
            Some(id) => match certificate.version(&id.0) {
                Some(version) => Some(version),
                None if vault.is_damaged(id) => return Err(damaged()),
                None => return Err(Error::certificate_not_found(&format!("{name}/{id}"))),
            },
        };
        if found.is_none() && !certificate.record.current.is_empty() {
            return Err(damaged());
        }
        Ok(Self::of(vault, certificate, found))
    }
}

/// The words for a version that a caller names; what is no identifier names none.
pub fn parse_version(name: &str, version: &str) -> Result<Option<Id>> {
    match version {
        "" => Ok(None),
        text => Id::parse(text).map(Some).map_err(|_| Error::certificate_not_found(&format!("{name}/{text}"))),
    }
}

fn damaged() -> Error {
    Error::new(ErrorCode::RecordDamaged, "the certificate's stored record fails its integrity check")
}

/// A certificate that is not deleted. What is there and cannot be read is not "not found".
pub fn find<'a>(vault: &'a Vault, name: &str) -> Result<&'a Named<CertificateRecord>> {
    if vault.is_certificate_name_damaged(name) {
        return Err(damaged());
    }
    vault.certificates.get(name).ok_or_else(|| Error::certificate_not_found(name))
}

/// A deleted certificate that can be recovered. One that is being purged or restored right now is not seen.
pub fn find_deleted<'a>(vault: &'a Vault, name: &str) -> Result<&'a Named<CertificateRecord>> {
    let there = vault.certificates.get_deleted(name).filter(|certificate| is_whole(certificate));
    there.ok_or_else(|| Error::new(ErrorCode::CertificateNotFound, format!("no deleted certificate '{name}'")))
}

/// Whether a deleted certificate can come back: neither its purge nor its restoration is under way.
pub fn is_whole(certificate: &Named<CertificateRecord>) -> bool {
    let has_current = certificate.record.current.is_empty() || certificate.current().is_some();
    has_current && certificate.record.scheduled_purge != Some(0)
}

/// Key Vault's rule for the names of certificates, which is that for keys.
pub fn check_name(name: &str) -> Result<()> {
    if names::is_key_name(name) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, "a certificate name has 1 to 127 letters, digits and hyphens"))
}

/// Whether a version may be made under a name: it is free, or a certificate's; and its key and secret are that certificate's.
pub fn check_name_free(vault: &Vault, name: &str) -> Result<()> {
    if vault.is_certificate_name_damaged(name) || vault.is_name_damaged(name) {
        return Err(damaged());
    }
    if let Some(certificate) = vault.certificates.get_any(name)
        && certificate.record.deleted.is_some()
    {
        let why = format!(
            "certificate {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this \
             state, the certificate can only be recovered or purged"
        );
        return Err(Error::new(ErrorCode::NameDeleted, why));
    }
    if let Some(key) = vault.keys.get(&name.to_ascii_lowercase()) {
        let code = if key.record.deleted.is_some() { ErrorCode::NameDeleted } else { ErrorCode::AlreadyExists };
        if key.record.deleted.is_some() || !key.record.managed {
            return Err(Error::new(code, format!("there is a key '{name}' that belongs to no certificate")));
        }
    }
    new_secret::check_name_free(vault, name, true)
}

/// A version that is to be written.
pub struct NewCertificate {
    /// The name as its first caller wrote it.
    pub name: String,
    /// The version's id, which its key and its secret have too.
    pub version: Id,
    /// What the next version is to be.
    pub policy: CertificatePolicyRecord,
    /// Whether the secret tells the key.
    pub exportable: bool,
    /// The certificate.
    pub read: Read,
    /// Its issuers, DER, nearest first.
    pub chain: Vec<Vec<u8>>,
    /// Whether it, its key and its secret may be used.
    pub enabled: bool,
    /// The caller's own.
    pub tags: BTreeMap<String, String>,
    /// The idempotency key, or empty.
    pub request_id: String,
    /// The newest operation.
    pub pending: Option<PendingRecord>,
}

/// The key of a version that is to be written.
pub enum CertificateKey {
    /// It is new here: its record but for its number and place.
    New(Box<VersionRecord>),
    /// It is there, made with the request that the certificate answers.
    Pending(Arc<Version>),
}

impl NewCertificate {
    /// The rows: the certificate's two, the key's, and the secret's three. The name is free.
    pub fn entries(
        self,
        keys: &Keys,
        vault: &Vault,
        counters: &mut Counters,
        key: CertificateKey,
        material: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<Entry>> {
        let now = clock::now_seconds();
        let name = self.name.to_ascii_lowercase();
        let (not_before, expires) = (Some(self.read.not_before), Some(self.read.not_after));
        let certificates: Vec<_> = std::iter::once(self.read.der.clone()).chain(self.chain.iter().cloned()).collect();
        let secret = NewSecret {
            name: self.name.clone(),
            version: self.version,
            value: secret_value(&self.policy, self.exportable.then_some(&material), &certificates)?,
            content_type: self.policy.content_type.clone(),
            enabled: self.enabled,
            not_before,
            expires,
            tags: self.tags.clone(),
            managed: true,
            request_id: String::new(),
        };
        let dress = |record: VersionRecord| VersionRecord {
            enabled: self.enabled,
            not_before,
            expires,
            tags: self.tags.clone(),
            updated: now,
            ..record
        };
        let mut entries = match key {
            CertificateKey::New(record) => {
                let new = NewVersion { record: dress(*record), material, id: Some(self.version), managed: true };
                key_entries(keys, vault, counters, &self.name, new)?
            }
            CertificateKey::Pending(version) => {
                let key = vault.key(&name).ok_or_else(|| Error::key_not_found(&name))?;
                let current = KeyRecord { current: self.version.0.to_vec(), ..(*key.record).clone() };
                vec![
                    Entry::put(row::key(vault.id, &name), &current),
                    Entry::put(row::version(vault.id, version.id), &dress(version.record.clone())),
                ]
            }
        };
        entries.extend(new_secret::entries(keys, vault, counters, secret)?);
        let version = CertificateVersionRecord {
            id: self.version.0.to_vec(),
            certificate: name.clone(),
            ordinal: counters.take_ordinal(),
            created: now,
            updated: now,
            enabled: self.enabled,
            tags: self.tags,
            der: self.read.der,
            chain: self.chain,
            content_type: self.policy.content_type.clone(),
            request_id: self.request_id,
            not_before: self.read.not_before,
            not_after: self.read.not_after,
            exportable: self.exportable,
        };
        let record = CertificateRecord {
            current: self.version.0.to_vec(),
            policy: Some(self.policy),
            pending: self.pending,
            ..record_of(vault, self.name, now)
        };
        entries.push(Entry::put(row::certificate(vault.id, &name), &record));
        entries.push(Entry::put(row::certificate_version(vault.id, self.version), &version));
        Ok(entries)
    }
}

/// The record of a name that is there, or a new one.
pub fn record_of(vault: &Vault, name: String, now: i64) -> CertificateRecord {
    match vault.certificates.get(&name) {
        Some(certificate) => (*certificate.record).clone(),
        None => CertificateRecord { name, created: now, ..CertificateRecord::default() },
    }
}

/// The rows of a certificate's new key.
pub fn key_entries(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    name: &str,
    new: NewVersion,
) -> Result<Vec<Entry>> {
    let naming = Naming::Exactly(name.to_owned());
    Ok(new_version::entries(keys, vault, counters, &naming, new, &mut HashSet::new())?.entries)
}

/// Where a certificate's key comes from.
pub enum Source<'a> {
    /// It was made for this certificate.
    Generated,
    /// It came with the certificate.
    Imported,
    /// It was the last version's.
    Reused(&'a KeyPolicy),
}

/// The record of a certificate's key, complete but for its number, its place and what the certificate says.
pub fn key_record(
    vault: &VaultRecord,
    policy: &CertificatePolicyRecord,
    public: &PublicInfo,
    source: &Source<'_>,
) -> Result<VersionRecord> {
    let mut wishes = Wishes::default();
    wishes.ops = certificate_policy::operations(policy, public.key_type)?;
    let mut record = wishes.into_record(public.key_type, Some(public), matches!(source, Source::Generated))?;
    record.hsm = policy.kty.ends_with("-HSM");
    check_sku(vault, record.hsm)?;
    let key = record.policy.as_mut().ok_or_else(|| Error::internal("a new key without a policy"))?;
    if let Source::Reused(last) = source {
        (key.generated, key.origin, key.generation_mechanism) =
            (last.generated, last.origin, last.generation_mechanism);
        (key.always_sensitive, key.never_extractable) = (last.always_sensitive, last.never_extractable);
        key.ever_ops |= last.ever_ops;
        key.copied = last.copied;
    }
    if policy.exportable {
        // The secret beside it tells it to whoever may read secrets.
        (key.always_sensitive, key.never_extractable) = (false, false);
    }
    Rules::of(vault)?.check_key(key)?;
    Ok(record)
}

/// What the secret beside a certificate holds: the certificate and its issuers, with the key if that may leave.
fn secret_value(
    policy: &CertificatePolicyRecord,
    key: Option<&Zeroizing<Vec<u8>>>,
    certificates: &[Vec<u8>],
) -> Result<Zeroizing<Vec<u8>>> {
    let key = key.map(|key| key.as_slice());
    if policy.content_type == PEM {
        return pem::write(key, certificates);
    }
    let pfx = pfx::write(key, certificates)?;
    Ok(Zeroizing::new(Base64::encode_string(&pfx).into_bytes()))
}

/// The rows that go away with an operation that does not come to its end: its key, which nobody has used.
pub fn unfinished_key_rows(vault: &Vault, record: &CertificateRecord) -> Result<Vec<Entry>> {
    let Some(pending) = record.pending.as_ref().filter(|pending| pending.status == IN_PROGRESS) else {
        return Ok(Vec::new());
    };
    let name = record.name.to_ascii_lowercase();
    let Some(key) = vault.keys.get(&name).filter(|key| key.record.managed) else { return Ok(Vec::new()) };
    let id = Id::from_bytes(&pending.version)?;
    let mut entries = vec![Entry::delete(row::version(vault.id, id)), Entry::delete(row::blob(vault.id, id))];
    if key.record.current == pending.version {
        entries.push(Entry::delete(row::key(vault.id, &name)));
    }
    Ok(entries)
}

/// The state of an operation that waits for a certificate.
pub const IN_PROGRESS: &str = "inProgress";
/// Of one that made its certificate.
pub const COMPLETED: &str = "completed";
/// Of one that was given up.
pub const CANCELLED: &str = "cancelled";

/// The rows of a certificate, its key and its secret, all deleted or all there.
pub fn mark_deleted(vault: &Vault, name: &str, deleted: Option<i64>, purge: Option<i64>) -> Vec<Entry> {
    let name = name.to_ascii_lowercase();
    let mut entries = Vec::new();
    if let Some(certificate) = vault.certificates.get_any(&name) {
        let record = CertificateRecord { deleted, scheduled_purge: purge, ..(*certificate.record).clone() };
        entries.push(Entry::put(row::certificate(vault.id, &name), &record));
    }
    if let Some(key) = vault.keys.get(&name).filter(|key| key.record.managed) {
        let record = KeyRecord { deleted, scheduled_purge: purge, ..(*key.record).clone() };
        entries.push(Entry::put(row::key(vault.id, &name), &record));
    }
    if let Some(secret) = vault.secrets.get_any(&name).filter(|secret| secret.record.managed) {
        let record = SecretRecord { deleted, scheduled_purge: purge, ..(*secret.record).clone() };
        entries.push(Entry::put(row::secret(vault.id, &name), &record));
    }
    entries
}

/// Takes what a caller says of a version's attributes.
pub fn attributes(
    given: Option<softkeep_proto::v1::CertificateAttributes>,
) -> Result<(Option<bool>, BTreeMap<String, String>)> {
    let given = given.unwrap_or_default();
    let tags: BTreeMap<_, _> = given.tags.into_iter().collect();
    names::check_tags(&tags)?;
    Ok((given.enabled, tags))
}

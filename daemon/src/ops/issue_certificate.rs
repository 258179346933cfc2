//! Makes the next version of a certificate by its policy: its key, and then a certificate signed by that key or by an authority of the
//! vault, or else a request that somebody elsewhere answers.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::algorithm::SignScheme;
use zeroize::Zeroizing;

use super::{
    certificate_policy::{self, SELF, UNKNOWN},
    issuing_authority::{Authority, Issuing},
    new_certificate::{
        self, COMPLETED, CertificateKey, IN_PROGRESS, NewCertificate, Source, check_name_free, key_entries, key_record,
        record_of,
    },
    new_version::NewVersion,
};
use crate::{
    clock,
    crypto::{
        self,
        key_info::{self, PublicInfo},
        x509::{self, Read, Signer, Times, request},
    },
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Vault, Version},
        ledger::{Counters, Entry},
        record::{
            CertificatePolicyRecord, CertificateRecord, KeyRecord, PendingRecord, VaultRecord, VersionRecord, row,
        },
    },
    pipeline::Unsealed,
    policy::{Authorized, CertificateKeys},
};

/// What Key Vault says of a request that nobody here issues; clients look for these words.
const PERFORM_MERGE: &str = "Pending certificate created. Please Perform Merge to complete the request.";

/// Clients' clocks may be a little behind (Key Vault's ten minutes).
const BACKDATE_SECONDS: i64 = 600;

/// What is to be made.
pub struct Order {
    /// The certificate.
    pub name: String,
    /// What it is to be.
    pub policy: CertificatePolicyRecord,
    /// Whether it may be used.
    pub enabled: bool,
    /// The caller's own.
    pub tags: BTreeMap<String, String>,
    /// The idempotency key, or empty.
    pub request_id: String,
    /// Of a renewal: the version that it is of; there must be no newer one.
    pub renews: Option<Vec<u8>>,
}

/// A certificate operation as its callers see it.
pub struct OperationView {
    /// Its vault.
    pub vault: Arc<VaultRecord>,
    /// The certificate.
    pub name: String,
    /// The operation.
    pub pending: PendingRecord,
}

impl OperationView {
    /// The newest one of a certificate.
    pub fn find(vault: &Vault, name: &str) -> Result<Self> {
        let certificate = new_certificate::find(vault, name)?;
        let pending = certificate.record.pending.clone().ok_or_else(|| {
            Error::new(ErrorCode::OperationNotFound, format!("there is no operation of the certificate '{name}'"))
        })?;
        Ok(Self { vault: vault.record.clone(), name: certificate.record.name.clone(), pending })
    }
}

/// What there is before anything is made.
struct Before {
    vault: Arc<VaultRecord>,
    /// The key of the last version, if it is to be the next one's too.
    last: Option<Arc<Version>>,
    issuing: Issuing,
}

/// Makes it. A request that was made before gives what came of it.
pub fn issue<O: CertificateKeys>(grant: &Authorized<O>, rooms: &Unsealed, order: Order) -> Result<OperationView> {
    let (keys, id) = (&rooms.keys, grant.vault()?.id);
    let before = {
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        if let Some(made) = made_before(vault, &order)? {
            return Ok(made);
        }
        before(vault, &order)?
    };
    let key_type = certificate_policy::key_type(&order.policy)?;
    let (material, source) = match &before.last {
        Some(last) => (keys.certificate_key(grant, last)?, Source::Reused(&last.policy)),
        None => (keys.backend.generate(key_type)?, Source::Generated),
    };
    let public = key_info::public_info_of_private(&material)?;
    let record = key_record(&before.vault, &order.policy, &public, &source)?;
    let made = Made::make(grant, keys, &order, &before.issuing, &material, &public)?;
    let view = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        if let Some(earlier) = made_before(vault, &order)? {
            return Ok((vec![], earlier));
        }
        check(vault, &order)?;
        let pending = made.pending(&order)?;
        let shown = OperationView { vault: vault.record.clone(), name: order.name.clone(), pending: pending.clone() };
        let entries = match made.certificate {
            Some(_) => made.complete(keys, vault, counters, &order, pending, record, material)?,
            None => made.begin(keys, vault, counters, &order, pending, record, material)?,
        };
        Ok((entries, shown))
    })?;
    if let Issuing::Here(authority) = &before.issuing {
        let detail = format!("for '{}' by '{}'", order.name, authority.name);
        rooms.audit.note("certificate.issue", Some(&before.vault.name), Some(&order.name), Some(detail))?;
    }
    Ok(view)
}

/// What an earlier request with the same id came to.
fn made_before(vault: &Vault, order: &Order) -> Result<Option<OperationView>> {
    if order.request_id.is_empty() {
        return Ok(None);
    }
    let certificate = vault.certificates.get(&order.name);
    let pending = certificate.and_then(|certificate| certificate.record.pending.as_ref());
    if let (Some(certificate), Some(pending)) = (certificate, pending.filter(|it| it.request_id == order.request_id)) {
        let (vault, name) = (vault.record.clone(), certificate.record.name.clone());
        return Ok(Some(OperationView { vault, name, pending: pending.clone() }));
    }
    match vault.made_by(&order.request_id) {
        None => Ok(None),
        Some(_) => Err(Error::new(ErrorCode::InvalidArgument, "this request id was used for something else")),
    }
}

fn check(vault: &Vault, order: &Order) -> Result<()> {
    check_name_free(vault, &order.name)?;
    let record = vault.certificates.get(&order.name).map(|certificate| &certificate.record);
    if record.and_then(|record| record.pending.as_ref()).is_some_and(|pending| pending.status == IN_PROGRESS) {
        let why = format!(
            "an operation of the certificate '{}' is in progress; complete, cancel or delete it first",
            order.name
        );
        return Err(Error::new(ErrorCode::Conflict, why));
    }
    match &order.renews {
        Some(renews) if record.is_none_or(|record| record.current != *renews) => {
            Err(Error::new(ErrorCode::Conflict, "the certificate was renewed meanwhile"))
        }
        _ => Ok(()),
    }
}

fn before(vault: &Vault, order: &Order) -> Result<Before> {
    check(vault, order)?;
    let issuing = match order.policy.issuer.as_str() {
        SELF => Issuing::ByItself,
        UNKNOWN => Issuing::Elsewhere(PERFORM_MERGE.to_owned()),
        issuer => Issuing::of(vault, issuer, &order.name, &order.policy)?,
    };
    let last = order.policy.reuse_key.then(|| last_key(vault, order)).transpose()?.flatten();
    Ok(Before { vault: vault.record.clone(), last, issuing })
}

/// The key of the current version, where the policy wants it again and it fits.
fn last_key(vault: &Vault, order: &Order) -> Result<Option<Arc<Version>>> {
    let Some(current) = vault.certificates.get(&order.name).and_then(|certificate| certificate.current()) else {
        return Ok(None);
    };
    let version = vault.version(Id::from_bytes(&current.id)?).cloned();
    let version = version.ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the certificate's key is damaged"))?;
    let invalid = |why: &str| Err(Error::new(ErrorCode::InvalidArgument, why));
    if version.key_type != certificate_policy::key_type(&order.policy)? {
        return invalid("the policy reuses the key, but wants one of another type or size");
    }
    if order.policy.exportable && !current.exportable {
        return invalid("the policy reuses a key that was not exportable, and cannot make it so");
    }
    Ok(Some(version))
}

/// A certificate that is complete, or the request for one.
struct Made {
    version: Id,
    csr: Vec<u8>,
    certificate: Option<Read>,
    chain: Vec<Vec<u8>>,
    status_details: String,
}

impl Made {
    fn make<O: CertificateKeys>(
        grant: &Authorized<O>,
        keys: &Keys,
        order: &Order,
        issuing: &Issuing,
        material: &[u8],
        public: &PublicInfo,
    ) -> Result<Self> {
        let contents = certificate_policy::contents(&order.policy)?;
        let key = keys.backend.open(material)?;
        let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
        let own = Signer { public, sign: &sign };
        let now = clock::now_seconds();
        let times = Times {
            not_before: now - BACKDATE_SECONDS,
            not_after: certificate_policy::end_of(now, order.policy.validity_months)?,
        };
        let mut serial = [0; 16];
        crypto::fill_random(&mut serial)?;
        let mut made = Self {
            version: Id::random()?,
            csr: request::request(&contents, own)?,
            certificate: None,
            chain: Vec::new(),
            status_details: String::new(),
        };
        let der = match issuing {
            Issuing::ByItself => x509::certificate(&contents, public, times, serial, None, own)?,
            Issuing::Here(authority) => {
                made.chain = authority.chain();
                let key = keys.authority_key(grant, &authority.key)?;
                let key = key.private()?;
                let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
                let signer = Signer { public: authority.key.public()?, sign: &sign };
                let times = authority.cap(times)?;
                x509::certificate(&contents, public, times, serial, Some(&authority.read), signer)?
            }
            Issuing::Elsewhere(details) => {
                made.status_details.clone_from(details);
                return Ok(made);
            }
        };
        made.certificate = Some(Read::parse(&der)?);
        Ok(made)
    }

    fn pending(&self, order: &Order) -> Result<PendingRecord> {
        let status = if self.certificate.is_some() { COMPLETED } else { IN_PROGRESS };
        Ok(PendingRecord {
            version: self.version.0.to_vec(),
            issuer: order.policy.issuer.clone(),
            csr: self.csr.clone(),
            status: status.into(),
            status_details: self.status_details.clone(),
            created: clock::now_seconds(),
            request_id: order.request_id.clone(),
            tags: order.tags.clone(),
            disabled: !order.enabled,
            operation: Id::random()?.0.to_vec(),
            exportable: order.policy.exportable,
            ..PendingRecord::default()
        })
    }

    #[allow(clippy::too_many_arguments)] // what a version is made of
    fn complete(
        self,
        keys: &Keys,
        vault: &Vault,
        counters: &mut Counters,
        order: &Order,
        pending: PendingRecord,
        record: VersionRecord,
        material: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<Entry>> {
        let new = NewCertificate {
            name: order.name.clone(),
            version: self.version,
            policy: order.policy.clone(),
            exportable: order.policy.exportable,
            read: self.certificate.ok_or_else(|| Error::internal("there is no certificate yet"))?,
            chain: self.chain,
            enabled: order.enabled,
            tags: order.tags.clone(),
            request_id: order.request_id.clone(),
            pending: Some(pending),
        };
        new.entries(keys, vault, counters, CertificateKey::New(Box::new(record)), material)
    }

    /// The key alone, disabled until its certificate comes: the last version stays the one that is meant.
    #[allow(clippy::too_many_arguments)] // as above
    fn begin(
        self,
        keys: &Keys,
        vault: &Vault,
        counters: &mut Counters,
        order: &Order,
        pending: PendingRecord,
        record: VersionRecord,
        material: Zeroizing<Vec<u8>>,
    ) -> Result<Vec<Entry>> {
        let name = order.name.to_ascii_lowercase();
        let record = VersionRecord { enabled: false, ..record };
        let new = NewVersion { record, material, id: Some(self.version), managed: true };
        let mut entries = key_entries(keys, vault, counters, &order.name, new)?;
        if let Some(key) = vault.key(&name) {
            let unchanged = Entry::put(row::key(vault.id, &name), &KeyRecord::clone(&key.record));
            entries.retain(|entry| entry.key != unchanged.key);
            entries.push(unchanged);
        }
        let certificate = CertificateRecord {
            policy: Some(order.policy.clone()),
            pending: Some(pending),
            ..record_of(vault, order.name.clone(), clock::now_seconds())
        };
        entries.push(Entry::put(row::certificate(vault.id, &name), &certificate));
        Ok(entries)
    }
}

impl Authority {
    /// A certificate does not outlive its issuer's.
    fn cap(&self, times: Times) -> Result<Times> {
        let now = clock::now_seconds();
        if now < self.read.not_before || now >= self.read.not_after {
            let why = format!("the certificate '{}' of the authority is not valid now", self.name);
            return Err(Error::new(ErrorCode::KeyDisabled, why));
        }
        Ok(Times {
            not_before: times.not_before.max(self.read.not_before),
            not_after: times.not_after.min(self.read.not_after),
        })
    }
}

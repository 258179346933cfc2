//! Takes in a certificate with its private key, as a PFX or a PEM: a new certificate, or the next version of one.

use std::collections::BTreeMap;

use softkeep_proto::v1;
use zeroize::Zeroizing;

use super::{
    Audited, Operation, certificate_policy, names,
    new_certificate::{
        self, CertificateKey, CertificateView, IN_PROGRESS, NewCertificate, Source, check_name_free, key_record,
    },
};
use crate::{
    crypto::{
        key_info::{self, PublicInfo},
        pem,
        pfx::{self, Bundle},
        x509::{Read, read},
    },
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::catalog::{Vault, Version},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// Certificates in one file.
const MAX_CHAIN: usize = 20;

/// A certificate to be taken in.
pub struct ImportCertificate {
    vault: VaultName,
    name: String,
    value: Zeroizing<Vec<u8>>,
    password: Zeroizing<String>,
    policy: Option<v1::CertificatePolicy>,
    enabled: Option<bool>,
    tags: BTreeMap<String, String>,
    request_id: String,
}

impl ImportCertificate {
    /// Checks what can be checked before the file is opened.
    pub fn parse(vault: VaultName, request: v1::ImportCertificateRequest) -> Result<Self> {
        let (value, password) = (Zeroizing::new(request.value), Zeroizing::new(request.password));
        new_certificate::check_name(&request.name)?;
        names::check_request_id(&request.request_id)?;
        let (enabled, tags) = new_certificate::attributes(request.attributes)?;
        if value.is_empty() {
            return Err(Error::new(ErrorCode::CertificateInvalid, "the certificate file is empty"));
        }
        let (name, policy, request_id) = (request.name, request.policy, request.request_id);
        Ok(Self { vault, name, value, password, policy, enabled, tags, request_id })
    }

    fn open(&self) -> Result<(Bundle, &'static str)> {
        match pem::is_pem(&self.value) {
            true => Ok((pem::read(&self.value, &self.password)?, certificate_policy::PEM)),
            false => Ok((pfx::read(&self.value, &self.password)?, certificate_policy::PFX)),
        }
    }

    /// What an earlier request with the same id made.
    fn made_before(&self, vault: &Vault) -> Result<Option<CertificateView>> {
        let Some(id) = vault.made_by(&self.request_id) else { return Ok(None) };
        let certificate = vault.certificates.get(&self.name);
        let version = certificate.and_then(|certificate| certificate.version(&id.0));
        match (certificate, version) {
            (Some(certificate), Some(version)) => Ok(Some(CertificateView::of(vault, certificate, Some(version)))),
            _ => Err(Error::new(ErrorCode::InvalidArgument, "this request id was used for something else")),
        }
    }
}

/// The certificate of the key, and its issuers in their order.
fn own_certificate(bundle: &Bundle, public: &PublicInfo) -> Result<(Read, Vec<Vec<u8>>)> {
    let invalid = |why: &str| Error::new(ErrorCode::CertificateInvalid, why);
    if bundle.certificates.is_empty() {
        return Err(invalid("there is no certificate in the file"));
    }
    if bundle.certificates.len() > MAX_CHAIN {
        return Err(invalid("there are more than 20 certificates in the file"));
    }
    let mut all = bundle.certificates.iter().map(|der| Read::parse(der)).collect::<Result<Vec<_>>>()?;
    let own = all.iter().position(|read| read.is_for(public));
    let own = own.ok_or_else(|| invalid("no certificate in the file is for its private key"))?;
    let own = all.remove(own);
    let chain = read::order(&own, all).into_iter().map(|read| read.der).collect();
    Ok((own, chain))
}

impl Operation for ImportCertificate {
    const NAME: &'static str = "certificate.import";
    const PERMISSION: Permission = Permission::ImportCertificate;
    const AUDITED: Audited = Audited::Administration;
    type Reply = CertificateView;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        // A password is hashed many thousand times.
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<CertificateView> {
        let (id, vault_record) = (grant.vault()?.id, grant.vault()?.record.clone());
        let keys = &rooms.keys;
        let mut operation = grant.into_operation();
        if let Some(made) =
            keys.catalog.view().vault(id).map(|vault| operation.made_before(vault)).transpose()?.flatten()
        {
            return Ok(made);
        }
        let (bundle, content_type) = operation.open()?;
        let public = key_info::public_info_of_private(&bundle.key)?;
        // The backend that will use the key checks it too.
        keys.backend.open(&bundle.key)?;
        let (own, chain) = own_certificate(&bundle, &public)?;
        let policy = certificate_policy::of_certificate(&own, public.key_type, content_type);
        let policy = match operation.policy.take() {
            Some(given) => certificate_policy::completed(given, policy)?,
            None => policy,
        };
        let record = key_record(&vault_record, &policy, &public, &Source::Imported)?;
        let version = Id::random()?;
        let new = NewCertificate {
            name: operation.name.clone(),
            version,
            enabled: operation.enabled.unwrap_or(policy.enabled),
            exportable: policy.exportable,
            policy,
            read: own,
            chain,
            tags: operation.tags.clone(),
            request_id: operation.request_id.clone(),
            pending: None,
        };
        let repeated = keys.write(|counters| {
            let view = keys.catalog.view();
            let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
            if let Some(made) = operation.made_before(vault)? {
                return Ok((vec![], Some(made)));
            }
            check_name_free(vault, &operation.name)?;
            check_idle(vault, &operation.name)?;
            let entries = new.entries(keys, vault, counters, CertificateKey::New(Box::new(record)), bundle.key)?;
            Ok((entries, None))
        })?;
        if let Some(repeated) = repeated {
            return Ok(repeated);
        }
        let view = keys.catalog.view();
        let vault = view.vault(id).ok_or_else(|| Error::vault_not_found(&id.to_string()))?;
        CertificateView::find(vault, &operation.name, Some(version))
    }
}

/// Refuses a new version while a request for one waits.
fn check_idle(vault: &Vault, name: &str) -> Result<()> {
    let pending = vault.certificates.get(name).and_then(|certificate| certificate.record.pending.as_ref());
    if pending.is_none_or(|pending| pending.status != IN_PROGRESS) {
        return Ok(());
    }
    let why = format!("an operation of the certificate '{name}' is in progress; complete, cancel or delete it first");
    Err(Error::new(ErrorCode::Conflict, why))
}

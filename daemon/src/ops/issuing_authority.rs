//! Who signs a certificate: itself, an authority of the vault (an issuer of the provider `softkeep-ca`), or somebody elsewhere.

use std::sync::Arc;

use super::{names, new_certificate};
use crate::{
    crypto::x509::Read,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        record::{CertificatePolicyRecord, IssuerRecord, Ops},
    },
};

/// The provider that issues here.
pub const PROVIDER: &str = "softkeep-ca";

/// Who signs.
pub enum Issuing {
    /// The certificate's own key.
    ByItself,
    /// An authority of the vault.
    Here(Box<Authority>),
    /// Somebody who is sent the request; with words about who.
    Elsewhere(String),
}

/// A certificate of the vault that issues others.
pub struct Authority {
    /// Its name.
    pub name: String,
    /// Its current version.
    pub read: Read,
    /// Its key.
    pub key: Arc<Version>,
    above: Vec<Vec<u8>>,
}

impl Authority {
    /// What comes above what it issues, nearest first.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        std::iter::once(self.read.der.clone()).chain(self.above.iter().cloned()).collect()
    }

    fn find(vault: &Vault, name: &str) -> Result<Self> {
        let certificate = new_certificate::find(vault, name)?;
        let invalid = |why: String| Error::new(ErrorCode::CertificateInvalid, why);
        let version =
            certificate.current().ok_or_else(|| invalid(format!("the certificate '{name}' is not complete yet")))?;
        let read = Read::parse(&version.der)?;
        if !read.is_authority() {
            return Err(invalid(format!(
                "the certificate '{name}' is not an authority's: make it with basic constraints CA"
            )));
        }
        let key = vault.version(Id::from_bytes(&version.id)?).cloned();
        let key = key.ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the authority's key is damaged"))?;
        if !version.enabled || !key.record.enabled || key.record.private_hidden {
            return Err(Error::new(ErrorCode::KeyDisabled, format!("the authority '{name}' is disabled")));
        }
        if !key.ops().contains(Ops::SIGN) {
            return Err(Error::new(
                ErrorCode::OperationNotPermitted,
                format!("the key of the authority '{name}' does not sign"),
            ));
        }
        Ok(Self { name: certificate.record.name.clone(), read, key, above: version.chain.clone() })
    }
}

impl Issuing {
    /// By an issuer of the vault.
    pub fn of(vault: &Vault, issuer: &str, certificate: &str, policy: &CertificatePolicyRecord) -> Result<Self> {
        let record = find_issuer(vault, issuer)?;
        if !record.enabled {
            return Err(Error::new(ErrorCode::OperationNotPermitted, format!("the issuer '{issuer}' is disabled")));
        }
        if record.provider != PROVIDER {
            return Ok(Self::Elsewhere(format!(
                "the provider '{}' is not asked from here: have the request signed, and merge the certificate",
                record.provider
            )));
        }
        let name = certificate_named(vault, &record.account_id)?;
        if name.eq_ignore_ascii_case(certificate) {
            return Err(Error::new(ErrorCode::InvalidArgument, "an authority does not issue its own certificate"));
        }
        let authority = Authority::find(vault, &name)?;
        if policy.ca && authority.read.path_len() == Some(0) {
            let why = format!("the authority '{name}' may not have authorities below it (its path length is 0)");
            return Err(Error::new(ErrorCode::CertificateInvalid, why));
        }
        Ok(Self::Here(Box::new(authority)))
    }
}

/// An issuer of the vault.
pub fn find_issuer<'a>(vault: &'a Vault, name: &str) -> Result<&'a Arc<IssuerRecord>> {
    let not_found =
        || Error::new(ErrorCode::IssuerNotFound, format!("no issuer '{name}' in the vault '{}'", vault.record.name));
    vault.issuers.get(&name.to_ascii_lowercase()).ok_or_else(not_found)
}

/// The name of the certificate that signs for an issuer: a name, or an identifier of one in the same vault.
fn certificate_named(vault: &Vault, account: &str) -> Result<String> {
    let Some(address) = account.strip_prefix("https://") else { return Ok(account.to_owned()) };
    let mut parts = address.split('/');
    let host = parts.next().and_then(|host| host.split('.').next()).unwrap_or_default();
    if !host.eq_ignore_ascii_case(&vault.record.name) {
        let why = format!("the authority '{account}' is in another vault; it must be in '{}'", vault.record.name);
        return Err(Error::new(ErrorCode::InvalidArgument, why));
    }
    let name = parts.nth(1).unwrap_or_default();
    check_account(account).map(|()| name.to_owned())
}

/// Whether what an issuer of ours has for an account names a certificate.
pub fn check_account(account: &str) -> Result<()> {
    let name = match account.strip_prefix("https://") {
        None => Some(account),
        Some(address) => match address.split('/').collect::<Vec<_>>().as_slice() {
            [_, "certificates", name] | [_, "certificates", name, _] => Some(*name),
            _ => None,
        },
    };
    if name.is_some_and(names::is_key_name) {
        return Ok(());
    }
    let why = format!(
        "an issuer of the provider {PROVIDER} has the name of a certificate for an account id, not '{account}'"
    );
    Err(Error::new(ErrorCode::InvalidArgument, why))
}

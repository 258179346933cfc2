//! What a certificate says.

use core::net::IpAddr;

use const_oid::AssociatedOid;
use der::{Decode, Encode as _, asn1::Utf8StringRef};
use softkeep_proto::algorithm::Hash;
use x509_cert::{
    Certificate,
    ext::pkix::{
        BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
        name::GeneralName,
    },
};

use super::{
    contents::{KEY_USAGES, USER_PRINCIPAL_NAME, identifier_of},
    name,
};
use crate::{
    crypto::{
        digest,
        key_info::{self, PublicInfo},
    },
    error::{Error, ErrorCode, Result},
};

/// Larger certificates are no certificates of anybody's.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// A certificate that was read.
pub struct Read {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Its key, as DER of ours.
    spki_der: Vec<u8>,
    /// Its subject as it is in the certificate.
    pub subject_der: Vec<u8>,
    /// Its issuer's.
    pub issuer_der: Vec<u8>,
    /// Its subject as text.
    pub subject: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    parsed: Certificate,
}

/// The alternative names of a certificate, by kind.
#[derive(Default)]
pub struct AlternativeNames {
    /// Hosts.
    pub dns_names: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// Users in directories.
    pub upns: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
    /// Addresses.
    pub ip_addresses: Vec<String>,
}

fn invalid(cause: der::Error) -> Error {
    Error::new(ErrorCode::CertificateInvalid, "this is no X.509 certificate").because(cause)
}

impl Read {
    /// Reads a certificate, DER.
    pub fn parse(der: &[u8]) -> Result<Self> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(Error::new(ErrorCode::CertificateInvalid, "the certificate is too large"));
        }
        let parsed = Certificate::from_der(der).map_err(invalid)?;
        let tbs = parsed.tbs_certificate();
        let seconds =
            |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        Ok(Self {
            der: der.to_vec(),
            spki_der: tbs.subject_public_key_info().to_der().map_err(invalid)?,
            subject_der: tbs.subject().to_der().map_err(invalid)?,
            issuer_der: tbs.issuer().to_der().map_err(invalid)?,
            subject: name::show(tbs.subject()),
            not_before: seconds(tbs.validity().not_before),
            not_after: seconds(tbs.validity().not_after),
            parsed,
        })
    }

    /// The certificate's key; an error of the caller's for types that are not used here.
    pub fn public(&self) -> Result<PublicInfo> {
        key_info::public_info(&self.spki_der)
    }

    /// Whether it is for this key.
    pub fn is_for(&self, public: &PublicInfo) -> bool {
        self.public().is_ok_and(|own| own.spki_der == public.spki_der)
    }

    /// Whether it may issue certificates: it says that it is an authority's, and if it says what its key is for, that is among it.
    pub fn is_authority(&self) -> bool {
        let constraints = self.extension::<BasicConstraints>();
        // Here a damaged one is not an absent one, which would allow everything.
        let signs = match self.parsed.tbs_certificate().get_extension::<KeyUsage>() {
            Ok(usage) => usage.is_none_or(|(_, usage)| usage.0.contains(KeyUsages::KeyCertSign)),
            Err(_) => false,
        };
        constraints.is_some_and(|constraints| constraints.ca) && signs
    }

    /// How many authorities may come below it.
    pub fn path_len(&self) -> Option<u8> {
        self.extension::<BasicConstraints>().and_then(|constraints| constraints.path_len_constraint)
    }

    /// Whether another certificate's issuer is this one, by name.
    pub fn issued(&self, other: &Read) -> bool {
        self.subject_der == other.issuer_der
    }

    /// What certificates that it issues say of its key.
    pub fn key_identifier(&self) -> Vec<u8> {
        match self.extension::<SubjectKeyIdentifier>() {
            Some(identifier) => identifier.0.as_bytes().to_vec(),
            None => {
                let spki = self.parsed.tbs_certificate().subject_public_key_info();
                spki::SubjectPublicKeyInfoRef::from_der(&spki.to_der().unwrap_or_default())
                    .map_or_else(|_| digest(Hash::Sha1, &self.der), |spki| identifier_of(&spki.subject_public_key))
            }
        }
    }

    /// What its key is for, in Key Vault's words.
    pub fn key_usages(&self) -> Vec<String> {
        let Some(usage) = self.extension::<KeyUsage>() else { return Vec::new() };
        KEY_USAGES.iter().filter(|(_, flag)| usage.0.contains(*flag)).map(|(name, _)| (*name).to_owned()).collect()
    }

    /// For which purposes.
    pub fn extended_key_usages(&self) -> Vec<String> {
        let usage = self.extension::<ExtendedKeyUsage>();
        usage.map(|usage| usage.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    /// Its alternative names, those that Key Vault knows.
    pub fn alternative_names(&self) -> AlternativeNames {
        let mut names = AlternativeNames::default();
        let Some(extension) = self.extension::<SubjectAltName>() else { return names };
        for general in extension.0 {
            match general {
                GeneralName::DnsName(name) => names.dns_names.push(name.as_str().into()),
                GeneralName::Rfc822Name(name) => names.emails.push(name.as_str().into()),
                GeneralName::UniformResourceIdentifier(name) => names.uris.push(name.as_str().into()),
                GeneralName::IpAddress(bytes) => {
                    let bytes = bytes.as_bytes();
                    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
                    let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
                    names.ip_addresses.extend(address.ok().map(|address| address.to_string()));
                }
                GeneralName::OtherName(other) if other.type_id == USER_PRINCIPAL_NAME => {
                    let name = Utf8StringRef::try_from(&other.value);
                    names.upns.extend(name.ok().map(|name| name.as_str().to_owned()));
                }
                _ => {}
            }
        }
        names
    }

    /// One that is damaged counts as absent; who decides by its absence must not gain by that.
    fn extension<T: for<'a> Decode<'a> + AssociatedOid>(&self) -> Option<T> {
        self.parsed.tbs_certificate().get_extension::<T>().ok().flatten().map(|(_, extension)| extension)
    }
}

/// Puts certificates in the order of a chain after the first: each after one that it issued, and what does not belong to the
/// chain at the end, in the order it came.
pub fn order(first: &Read, mut others: Vec<Read>) -> Vec<Read> {
    let mut chain: Vec<Read> = Vec::new();
    loop {
        let last = chain.last().unwrap_or(first);
        let next = match last.subject_der == last.issuer_der {
            true => None,
            false => others.iter().position(|other| other.issued(last)),
        };
        match next {
            Some(index) => chain.push(others.remove(index)),
            None => break,
        }
    }
    chain.extend(others);
    chain
}

//! What a certificate says beside its key: subject, alternative names, usages, whether it is an authority's.

use core::net::IpAddr;

use const_oid::AssociatedOid;
use der::{
    Decode as _, Encode,
    asn1::{Any, BitStringRef, Ia5String, ObjectIdentifier, OctetString, Utf8StringRef},
    flagset::FlagSet,
};
use softkeep_proto::algorithm::{Hash, KeyType};
use spki::SubjectPublicKeyInfoRef;
use x509_cert::ext::{
    Extension, Extensions,
    pkix::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
        SubjectKeyIdentifier,
        name::{GeneralName, OtherName},
    },
};

use super::name::Name;
use crate::{
    crypto::{digest, key_info::PublicInfo},
    error::{Error, ErrorCode, Result},
};

/// id-ms-san-upn: the name of a user in a directory.
pub const USER_PRINCIPAL_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

/// Longer names are attacks on whoever reads the certificate.
const MAX_ALTERNATIVE_NAME_BYTES: usize = 2048;

/// The most bytes of a host's name (RFC 1035 section 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// TABLE: the key usages (RFC 5280 section 4.2.1.3) in Key Vault's words.
pub static KEY_USAGES: [(&str, KeyUsages); 9] = [
    ("digitalSignature", KeyUsages::DigitalSignature),
    ("nonRepudiation", KeyUsages::NonRepudiation),
    ("keyEncipherment", KeyUsages::KeyEncipherment),
    ("dataEncipherment", KeyUsages::DataEncipherment),
    ("keyAgreement", KeyUsages::KeyAgreement),
    ("keyCertSign", KeyUsages::KeyCertSign),
    ("cRLSign", KeyUsages::CRLSign),
    ("encipherOnly", KeyUsages::EncipherOnly),
    ("decipherOnly", KeyUsages::DecipherOnly),
];

/// What a certificate or a request says beside its key.
#[derive(Clone)]
pub struct Contents {
    /// The subject; may be empty if there are alternative names.
    pub subject: Name,
    /// The alternative names.
    pub names: Vec<GeneralName>,
    /// What the key is for.
    pub key_usages: FlagSet<KeyUsages>,
    /// For which purposes.
    pub extended: Vec<ObjectIdentifier>,
    /// Whether it may issue others, and how many authorities may come below it.
    pub authority: Option<Option<u8>>,
}

impl Contents {
    /// One that says only who it is, and that it signs.
    pub fn signing(subject: Name) -> Self {
        let key_usages = KeyUsages::DigitalSignature.into();
        Self { subject, names: Vec::new(), key_usages, extended: Vec::new(), authority: None }
    }

    /// The extensions of a certificate.
    pub(super) fn extensions(&self, public: &PublicInfo, authority_key: Option<Vec<u8>>) -> der::Result<Extensions> {
        let mut extensions = self.requested_extensions(public.key_type)?;
        let identifier = key_identifier(public)?;
        extensions.push(extension(false, &SubjectKeyIdentifier(OctetString::new(identifier)?))?);
        if let Some(key) = authority_key {
            let identifier =
                AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(key)?), ..Default::default() };
            extensions.push(extension(false, &identifier)?);
        }
        Ok(extensions)
    }

    /// The extensions that a request asks for, and that a certificate has besides the identifiers of its keys.
    pub(super) fn requested_extensions(&self, key_type: KeyType) -> der::Result<Extensions> {
        let constraints =
            BasicConstraints { ca: self.authority.is_some(), path_len_constraint: self.authority.flatten() };
        let mut extensions = vec![extension(true, &constraints)?];
        let usages = self.usages_for(key_type);
        if !usages.is_empty() {
            extensions.push(extension(true, &KeyUsage(usages))?);
        }
        if !self.extended.is_empty() {
            extensions.push(extension(false, &ExtendedKeyUsage(self.extended.clone()))?);
        }
        if !self.names.is_empty() {
            // RFC 5280 section 4.2.1.6: critical where there is no other name.
            extensions.push(extension(self.subject.is_empty(), &SubjectAltName(self.names.clone()))?);
        }
        Ok(extensions)
    }

    /// The key usages that a certificate of this kind may have: an elliptic-curve key enciphers nothing (RFC 5480 section 3), and only
    /// an authority signs certificates (RFC 5280 section 4.2.1.9), which it always does.
    fn usages_for(&self, key_type: KeyType) -> FlagSet<KeyUsages> {
        let mut usages = self.key_usages;
        if !matches!(key_type, KeyType::Rsa(_)) {
            usages -= KeyUsages::KeyEncipherment | KeyUsages::DataEncipherment;
        }
        match self.authority {
            Some(_) => usages |= KeyUsages::KeyCertSign | KeyUsages::CRLSign,
            None => usages -= KeyUsages::KeyCertSign,
        }
        if !usages.contains(KeyUsages::KeyAgreement) {
            // What these mean without it is undefined (RFC 5280 section 4.2.1.3).
            usages -= KeyUsages::EncipherOnly | KeyUsages::DecipherOnly;
        }
        usages
    }
}

pub(super) fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn key_identifier(public: &PublicInfo) -> der::Result<Vec<u8>> {
    let spki = SubjectPublicKeyInfoRef::from_der(&public.spki_der)?;
    Ok(identifier_of(&spki.subject_public_key))
}

/// RFC 7093 section 2 method 1: the first 160 bits of the SHA-256 of the key.
pub(super) fn identifier_of(key: &BitStringRef<'_>) -> Vec<u8> {
    let mut identifier = digest(Hash::Sha256, key.raw_bytes());
    identifier.truncate(20);
    identifier
}

fn invalid(why: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

fn ia5(kind: &str, text: &str) -> Result<Ia5String> {
    Ia5String::new(text).map_err(|_| invalid(format!("the {kind} '{text}' has letters that are not ASCII")))
}

/// A name of a host, which may begin with a star.
pub fn dns_name(text: &str) -> Result<GeneralName> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let legal = !host.is_empty()
        && text.len() <= MAX_HOST_BYTES
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        });
    if !legal {
        return Err(invalid(format!("'{text}' is no DNS name; write names in other scripts as xn--…")));
    }
    ia5("DNS name", text).map(GeneralName::DnsName)
}

/// A mail address.
pub fn email(text: &str) -> Result<GeneralName> {
    let legal = text.len() <= MAX_ALTERNATIVE_NAME_BYTES
        && text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !text.chars().any(|letter| letter.is_control() || letter == ' ');
    if !legal {
        return Err(invalid(format!("'{text}' is no mail address")));
    }
    ia5("mail address", text).map(GeneralName::Rfc822Name)
}

/// The name of a user in a directory.
pub fn user_principal_name(text: &str) -> Result<GeneralName> {
    if text.is_empty() || text.len() > MAX_ALTERNATIVE_NAME_BYTES || text.chars().any(char::is_control) {
        return Err(invalid(format!("'{text}' is no user principal name")));
    }
    let value = Utf8StringRef::new(text).map_err(Error::internal)?;
    Ok(GeneralName::OtherName(OtherName { type_id: USER_PRINCIPAL_NAME, value: Any::from(value) }))
}

/// A URI with its scheme.
pub fn uri(text: &str) -> Result<GeneralName> {
    let legal = text.len() <= MAX_ALTERNATIVE_NAME_BYTES
        && text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
                && !rest.is_empty()
        })
        && !text.chars().any(|letter| letter.is_control() || letter == ' ');
    if !legal {
        return Err(invalid(format!("'{text}' is no URI")));
    }
    ia5("URI", text).map(GeneralName::UniformResourceIdentifier)
}

/// An address.
pub fn ip_address(text: &str) -> Result<GeneralName> {
    text.parse::<IpAddr>().map(GeneralName::from).map_err(|_| invalid(format!("'{text}' is no IP address")))
}

/// A key usage by its name, whatever its case.
pub fn key_usage(text: &str) -> Result<KeyUsages> {
    let found = KEY_USAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, usage)| *usage).ok_or_else(|| {
        let all: Vec<_> = KEY_USAGES.iter().map(|(name, _)| *name).collect();
        invalid(format!("unknown key usage '{text}'; there are {}", all.join(", ")))
    })
}

/// A purpose by its number.
pub fn purpose(text: &str) -> Result<ObjectIdentifier> {
    ObjectIdentifier::new(text).map_err(|_| {
        invalid(format!("the extended key usage '{text}' is no object identifier with dots, like 1.3.6.1.5.5.7.3.1"))
    })
}

//! What PKCS#11 sees of a version or another object: its attributes (PKCS#11 3.2 sections 4.6 to 4.10). A face holds nothing secret;
//! whether somebody may see it is the policy room's business.

use std::collections::BTreeMap;

use bytes::Bytes;
use cryptoki_sys as ck;
use der::{Decode, Encode, asn1::OctetString};
use softkeep_proto::{
    algorithm::{Hash, KeyOperation, KeyType, SecretKind},
    pkcs11::v1::{Attribute, Object},
};
use x509_cert::Certificate;

use super::{
    catalog::Version,
    record::{ObjectRecord, Ops},
};
use crate::{
    crypto::key_info::{PublicInfo, PublicNumbers},
    id::Id,
};

/// Attribute type → wire value (`Attribute` in `module.proto`).
pub type Attributes = BTreeMap<u64, Bytes>;

/// One object as PKCS#11 shows it.
pub struct Face {
    /// CKA_UNIQUE_ID; both halves of a pair share it.
    pub unique_id: Id,
    /// CKO_*.
    pub class: u64,
    /// CKA_PRIVATE: only for those who are logged in.
    pub private: bool,
    /// All that may be read.
    pub attributes: Attributes,
    /// What exists and is never told.
    pub sensitive: &'static [u64],
}

impl Face {
    /// The wire form.
    pub fn to_object(&self) -> Object {
        Object {
            unique_id: Bytes::copy_from_slice(&self.unique_id.0),
            class: self.class,
            attributes: self
                .attributes
                .iter()
                .map(|(kind, value)| Attribute { r#type: *kind, value: value.clone() })
                .collect(),
            sensitive: self.sensitive.to_vec(),
            ..Object::default()
        }
    }

    /// About how many bytes the wire form takes.
    pub fn size_bytes(&self) -> usize {
        const FRAME_BYTES: usize = 16;
        self.attributes.values().map(|value| value.len() + FRAME_BYTES).sum()
    }

    /// Whether every attribute of a template is there with that value. A sensitive one never matches.
    pub fn matches(&self, template: &[Attribute]) -> bool {
        template.iter().all(|wanted| self.attributes.get(&wanted.r#type).is_some_and(|value| *value == wanted.value))
    }
}

/// CK_BBOOL on the wire.
pub fn flag(on: bool) -> Bytes {
    Bytes::from_static(if on { &[1] } else { &[0] })
}

/// CK_ULONG on the wire.
pub fn number(value: u64) -> Bytes {
    Bytes::copy_from_slice(&value.to_le_bytes())
}

/// The number of an attribute, if it is there and has 8 bytes.
pub fn as_number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_le_bytes)
}

/// The truth of an attribute: PKCS#11 says any non-zero byte is CK_TRUE.
pub fn as_flag(value: &[u8]) -> Option<bool> {
    match value {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

const RSA_SECRETS: &[u64] = &[
    ck::CKA_PRIVATE_EXPONENT,
    ck::CKA_PRIME_1,
    ck::CKA_PRIME_2,
    ck::CKA_EXPONENT_1,
    ck::CKA_EXPONENT_2,
    ck::CKA_COEFFICIENT,
];
const VALUE_SECRETS: &[u64] = &[ck::CKA_VALUE];

/// The seed and what it expands to (PKCS#11 3.2 sections 6.67 and 6.68).
const SEED_SECRETS: &[u64] = &[ck::CKA_SEED, ck::CKA_VALUE];

/// The faces of a version: private key, public key, and the certificate published beside them. `label` is what the vault calls the version.
pub fn of_version(version: &Version, label: &str) -> Vec<Face> {
    let record = &version.record;
    let mut faces = Vec::with_capacity(3);
    if !record.private_hidden {
        faces.push(private_face(version, label));
        if !record.certificate_der.is_empty() {
            faces.extend(certificate_face(version, label));
        }
    }
    if !record.public_hidden {
        faces.push(public_face(version, label));
    }
    faces
}

fn common(class: u64, id: Id, label: &[u8], private: bool) -> Attributes {
    Attributes::from([
        (ck::CKA_CLASS, number(class)),
        (ck::CKA_TOKEN, flag(true)),
        (ck::CKA_PRIVATE, flag(private)),
        (ck::CKA_MODIFIABLE, flag(true)),
        (ck::CKA_COPYABLE, flag(false)),
        (ck::CKA_DESTROYABLE, flag(true)),
        (ck::CKA_LABEL, Bytes::copy_from_slice(label)),
        (ck::CKA_UNIQUE_ID, Bytes::from(id.to_string())),
    ])
}

fn key_common(version: &Version, class: u64, label: &str, private: bool) -> Attributes {
    let mut attributes = common(class, version.id, label.as_bytes(), private);
    attributes.extend([
        (ck::CKA_ID, Bytes::copy_from_slice(&version.id.0)),
        (ck::CKA_START_DATE, Bytes::new()),
        (ck::CKA_END_DATE, Bytes::new()),
        (ck::CKA_SUBJECT, Bytes::new()),
        (ck::CKA_LOCAL, flag(version.policy.generated)),
        (ck::CKA_KEY_GEN_MECHANISM, number(generation_mechanism(version))),
        (ck::CKA_PUBLIC_KEY_INFO, Bytes::from(version.public.spki_der.clone())),
        (ck::CKA_ALLOWED_MECHANISMS, mechanisms(&version.policy.allowed_mechanisms)),
    ]);
    public_numbers(&version.public, &mut attributes);
    attributes
}

fn mechanisms(list: &[u64]) -> Bytes {
    list.iter().flat_map(|mechanism| mechanism.to_le_bytes()).collect()
}

fn generation_mechanism(version: &Version) -> u64 {
    match (version.policy.generated, version.key_type) {
        (false, _) => ck::CK_UNAVAILABLE_INFORMATION,
        (true, KeyType::Rsa(_)) => ck::CKM_RSA_PKCS_KEY_PAIR_GEN,
        (true, KeyType::Ec(_)) => ck::CKM_EC_KEY_PAIR_GEN,
        (true, KeyType::Edwards(_)) => ck::CKM_EC_EDWARDS_KEY_PAIR_GEN,
        (true, KeyType::Montgomery(_)) => ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
        (true, KeyType::Dh(_)) => ck::CKM_DH_PKCS_KEY_PAIR_GEN,
        (true, KeyType::MlDsa(_)) => ck::CKM_ML_DSA_KEY_PAIR_GEN,
        (true, KeyType::MlKem(_)) => ck::CKM_ML_KEM_KEY_PAIR_GEN,
        (true, KeyType::Secret(SecretKind::Aes, _)) => ck::CKM_AES_KEY_GEN,
        (true, KeyType::Secret(SecretKind::ChaCha20, _)) => ck::CKM_CHACHA20_KEY_GEN,
        (true, KeyType::Secret(SecretKind::Generic | SecretKind::Hmac(_), _)) => ck::CKM_GENERIC_SECRET_KEY_GEN,
    }
}

/// The members of a public key that clients read from either half.
fn public_numbers(public: &PublicInfo, attributes: &mut Attributes) {
    attributes.insert(ck::CKA_KEY_TYPE, number(key_type_number(public.key_type)));
    match &public.numbers {
        PublicNumbers::Rsa { n, e } => attributes.extend([
            (ck::CKA_MODULUS, Bytes::from(n.clone())),
            (ck::CKA_MODULUS_BITS, number(8 * n.len() as u64)),
            (ck::CKA_PUBLIC_EXPONENT, Bytes::from(e.clone())),
        ]),
        PublicNumbers::Ec { x, y } => attributes.extend([
            (ck::CKA_EC_PARAMS, ec_params(public.key_type)),
            (ck::CKA_EC_POINT, ec_point(x, y)),
        ]),
        PublicNumbers::Raw(value) => match parameter_set(public.key_type) {
            Some(set) => attributes
                .extend([(ck::CKA_PARAMETER_SET, number(set)), (ck::CKA_VALUE, Bytes::from(value.clone()))]),
            // Edwards and Montgomery: the bytes of RFC 8032 and RFC 7748, not in DER (PKCS#11 3.2 section 6.3).
            None => attributes.extend([
                (ck::CKA_EC_PARAMS, ec_params(public.key_type)),
                (ck::CKA_EC_POINT, Bytes::from(value.clone())),
            ]),
        },
        PublicNumbers::Dh { p, g, y } => attributes.extend([
            (ck::CKA_PRIME, Bytes::from(p.clone())),
            (ck::CKA_BASE, Bytes::from(g.clone())),
            (ck::CKA_VALUE, Bytes::from(y.clone())),
        ]),
    }
}

/// CKA_PARAMETER_SET, for the types that have it.
fn parameter_set(key_type: KeyType) -> Option<u64> {
    match key_type {
        KeyType::MlDsa(set) => Some(set.parameter_set()),
        KeyType::MlKem(set) => Some(set.parameter_set()),
        _ => None,
    }
}

/// CKA_KEY_TYPE.
pub fn key_type_number(key_type: KeyType) -> u64 {
    match key_type {
        KeyType::Rsa(_) => ck::CKK_RSA,
        KeyType::Ec(_) => ck::CKK_EC,
        KeyType::Edwards(_) => ck::CKK_EC_EDWARDS,
        KeyType::Montgomery(_) => ck::CKK_EC_MONTGOMERY,
        KeyType::Dh(_) => ck::CKK_DH,
        KeyType::MlDsa(_) => ck::CKK_ML_DSA,
        KeyType::MlKem(_) => ck::CKK_ML_KEM,
        KeyType::Secret(SecretKind::Aes, _) => ck::CKK_AES,
        KeyType::Secret(SecretKind::ChaCha20, _) => ck::CKK_CHACHA20,
        KeyType::Secret(SecretKind::Generic, _) => ck::CKK_GENERIC_SECRET,
        KeyType::Secret(SecretKind::Hmac(hash), _) => match hash {
            Hash::Sha1 => ck::CKK_SHA_1_HMAC,
            Hash::Sha224 => ck::CKK_SHA224_HMAC,
            Hash::Sha256 => ck::CKK_SHA256_HMAC,
            Hash::Sha384 => ck::CKK_SHA384_HMAC,
            Hash::Sha512 => ck::CKK_SHA512_HMAC,
            Hash::Sha512_224 => ck::CKK_SHA512_224_HMAC,
            Hash::Sha512_256 => ck::CKK_SHA512_256_HMAC,
            Hash::Sha3_224 => ck::CKK_SHA3_224_HMAC,
            Hash::Sha3_256 => ck::CKK_SHA3_256_HMAC,
            Hash::Sha3_384 => ck::CKK_SHA3_384_HMAC,
            Hash::Sha3_512 => ck::CKK_SHA3_512_HMAC,
        },
    }
}

fn ec_params(key_type: KeyType) -> Bytes {
    match key_type {
        KeyType::Ec(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Edwards(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Montgomery(curve) => Bytes::from_static(curve.oid_der()),
        KeyType::Rsa(_) | KeyType::Dh(_) | KeyType::MlDsa(_) | KeyType::MlKem(_) | KeyType::Secret(..) => Bytes::new(),
    }
}

/// DER OCTET STRING around the uncompressed point (PKCS#11 3.2 section 6.3.3).
fn ec_point(x: &[u8], y: &[u8]) -> Bytes {
    let point = [&[4], x, y].concat();
    OctetString::new(point).and_then(|octets| octets.to_der()).unwrap_or_default().into()
}

fn private_face(version: &Version, label: &str) -> Face {
    let policy = &version.policy;
    let may = |operation| flag(Ops(policy.ops).contains(operation));
    let mut attributes = key_common(version, ck::CKO_PRIVATE_KEY, label, true);
    attributes.remove(&ck::CKA_MODULUS_BITS);
    attributes.extend([
        (ck::CKA_SENSITIVE, flag(policy.sensitive)),
        (ck::CKA_ALWAYS_SENSITIVE, flag(policy.always_sensitive)),
        (ck::CKA_EXTRACTABLE, flag(policy.extractable)),
        (ck::CKA_NEVER_EXTRACTABLE, flag(policy.never_extractable)),
        (ck::CKA_SIGN, may(Ops::of(KeyOperation::Sign))),
        (ck::CKA_SIGN_RECOVER, flag(false)),
        (ck::CKA_DECRYPT, may(Ops::of(KeyOperation::Decrypt))),
        (ck::CKA_UNWRAP, may(Ops::UNWRAP_OBJECT)),
        (ck::CKA_DERIVE, may(Ops::DERIVE)),
        (ck::CKA_ALWAYS_AUTHENTICATE, flag(false)),
        (ck::CKA_WRAP_WITH_TRUSTED, flag(false)),
    ]);
    overlay(&mut attributes, &version.record.private_attributes);
    let sensitive = match version.key_type {
        KeyType::Rsa(_) => RSA_SECRETS,
        KeyType::Ec(_)
        | KeyType::Edwards(_)
        | KeyType::Montgomery(_)
        | KeyType::Dh(_)
        | KeyType::Secret(..) => VALUE_SECRETS,
        KeyType::MlDsa(_) | KeyType::MlKem(_) => SEED_SECRETS,
    };
    // Of a public key this is the public value; of a private key it is the private one.
    attributes.remove(&ck::CKA_VALUE);
    Face { unique_id: version.id, class: ck::CKO_PRIVATE_KEY, private: true, attributes, sensitive }
}

fn public_face(version: &Version, label: &str) -> Face {
    let may = |operation| flag(Ops(version.policy.ops).contains(Ops::of(operation)));
    let mut attributes = key_common(version, ck::CKO_PUBLIC_KEY, label, false);
    attributes.remove(&ck::CKA_ALLOWED_MECHANISMS);
    attributes.extend([
        (ck::CKA_VERIFY, may(KeyOperation::Verify)),
        (ck::CKA_VERIFY_RECOVER, flag(false)),
        (ck::CKA_ENCRYPT, may(KeyOperation::Encrypt)),
        (ck::CKA_WRAP, may(KeyOperation::WrapKey)),
        (ck::CKA_DERIVE, flag(false)),
        (ck::CKA_TRUSTED, flag(false)),
    ]);
    overlay(&mut attributes, &version.record.public_attributes);
    let private = attributes.get(&ck::CKA_PRIVATE).and_then(|value| as_flag(value)).unwrap_or(false);
    Face { unique_id: version.id, class: ck::CKO_PUBLIC_KEY, private, attributes, sensitive: &[] }
}

fn certificate_face(version: &Version, label: &str) -> Option<Face> {
    let der = &version.record.certificate_der;
    let label = version.record.private_attributes.get(&ck::CKA_LABEL).map_or(label.as_bytes(), Vec::as_slice);
    let mut attributes = common(ck::CKO_CERTIFICATE, version.id, label, false);
    let own_id = version.record.private_attributes.get(&ck::CKA_ID).map_or(version.id.0.as_slice(), Vec::as_slice);
    attributes.insert(ck::CKA_ID, Bytes::copy_from_slice(own_id));
    attributes.insert(ck::CKA_MODIFIABLE, flag(false));
    attributes.insert(ck::CKA_VALUE, Bytes::copy_from_slice(der));
    attributes.extend(certificate_names(der)?);
    certificate_defaults(&mut attributes);
    Some(Face { unique_id: version.id, class: ck::CKO_CERTIFICATE, private: false, attributes, sensitive: &[] })
}

/// CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER and CKA_PUBLIC_KEY_INFO of a DER certificate; `None` when it is none.
pub fn certificate_names(der: &[u8]) -> Option<[(u64, Bytes); 4]> {
    let certificate = Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    Some([
        (ck::CKA_SUBJECT, tbs.subject().to_der().ok()?.into()),
        (ck::CKA_ISSUER, tbs.issuer().to_der().ok()?.into()),
        (ck::CKA_SERIAL_NUMBER, tbs.serial_number().to_der().ok()?.into()),
        (ck::CKA_PUBLIC_KEY_INFO, tbs.subject_public_key_info().to_der().ok()?.into()),
    ])
}

fn certificate_defaults(attributes: &mut Attributes) {
    for (kind, value) in [
        (ck::CKA_CERTIFICATE_TYPE, number(ck::CKC_X_509)),
        (ck::CKA_CERTIFICATE_CATEGORY, number(ck::CK_CERTIFICATE_CATEGORY_UNSPECIFIED)),
        (ck::CKA_TRUSTED, flag(false)),
        (ck::CKA_ID, Bytes::new()),
        (ck::CKA_START_DATE, Bytes::new()),
        (ck::CKA_END_DATE, Bytes::new()),
    ] {
        attributes.entry(kind).or_insert(value);
    }
}

/// The face of a certificate or public key that an application wrote.
pub fn of_object(id: Id, record: &ObjectRecord) -> Option<Face> {
    if record.hidden {
        return None;
    }
    let mut attributes = common(record.class, id, b"", false);
    overlay(&mut attributes, &record.attributes);
    if record.class == ck::CKO_CERTIFICATE {
        if let Some(names) = attributes.get(&ck::CKA_VALUE).and_then(|der| certificate_names(der)) {
            for (kind, value) in names {
                attributes.entry(kind).or_insert(value);
            }
        }
        certificate_defaults(&mut attributes);
    }
    let private = attributes.get(&ck::CKA_PRIVATE).and_then(|value| as_flag(value)).unwrap_or(false);
    Some(Face { unique_id: id, class: record.class, private, attributes, sensitive: &[] })
}

fn overlay(attributes: &mut Attributes, explicit: &BTreeMap<u64, Vec<u8>>) {
    attributes.extend(explicit.iter().map(|(kind, value)| (*kind, Bytes::copy_from_slice(value))));
}

//! Keys as PKCS#11 shows them (PKCS#11 3.2 sections 4.7 to 4.10).

use bytes::Bytes;
use cryptoki_sys as ck;
use jiff::Timestamp;
use softkeep_proto::algorithm::KeyType;

use super::{
    Attributes, Face, VALUE, common, flag, mechanisms, number,
    numbers::{key_type_number, public_numbers},
    overlay,
};
use crate::{
    crypto::key_info::PublicInfo,
    keys::{catalog::Version, record::Ops},
};

const RSA_SECRETS: &[u64] = &[
    ck::CKA_PRIVATE_EXPONENT,
    ck::CKA_PRIME_1,
    ck::CKA_PRIME_2,
    ck::CKA_EXPONENT_1,
    ck::CKA_EXPONENT_2,
    ck::CKA_COEFFICIENT,
];

/// The seed and what it expands to (PKCS#11 3.2 sections 6.67 and 6.68).
const SEED_SECRETS: &[u64] = &[ck::CKA_SEED, ck::CKA_VALUE];

/// The attributes that hold the secret of a key of this type.
pub fn secrets(key_type: KeyType) -> &'static [u64] {
    match key_type {
        KeyType::Rsa(_) => RSA_SECRETS,
        KeyType::MlDsa(_) | KeyType::MlKem(_) => SEED_SECRETS,
        KeyType::Ec(_) | KeyType::Edwards(_) | KeyType::Montgomery(_) | KeyType::Dh(_) | KeyType::Secret(..) => VALUE,
    }
}

fn key_common(version: &Version, class: u64, label: &str) -> Attributes {
    let policy = &version.policy;
    let mut attributes = common(class, version.id, label.as_bytes(), policy.is_private(class));
    attributes.extend([
        (ck::CKA_TOKEN, flag(!version.is_session_object())),
        (ck::CKA_ID, Bytes::copy_from_slice(&version.id.0)),
        (ck::CKA_START_DATE, date(version.record.not_before)),
        (ck::CKA_END_DATE, date(version.record.expires)),
        (ck::CKA_KEY_TYPE, number(key_type_number(version.key_type))),
        (ck::CKA_LOCAL, flag(policy.generated)),
        (ck::CKA_KEY_GEN_MECHANISM, number(policy.generation_mechanism)),
        (ck::CKA_ALLOWED_MECHANISMS, mechanisms(policy.allowed_mechanisms(class))),
        // No validation is claimed for anything.
        (ck::CKA_OBJECT_VALIDATION_FLAGS, number(0)),
    ]);
    if let Some(public) = &version.public {
        attributes.insert(ck::CKA_SUBJECT, Bytes::new());
        attributes.insert(ck::CKA_PUBLIC_KEY_INFO, Bytes::from(public.spki_der.clone()));
        public_numbers(public, &mut attributes);
    }
    attributes
}

/// CK_DATE of a time, in UTC: eight digits. Nothing where no time is set, or none that has four digits for a year.
fn date(seconds: Option<i64>) -> Bytes {
    let time = seconds.filter(|seconds| *seconds >= 0).and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map(|time| time.strftime("%Y%m%d").to_string().into()).unwrap_or_default()
}

fn permissions(fixed: bool, not_copyable: bool, not_destroyable: bool) -> [(u64, Bytes); 3] {
    [
        (ck::CKA_MODIFIABLE, flag(!fixed)),
        (ck::CKA_COPYABLE, flag(!not_copyable)),
        (ck::CKA_DESTROYABLE, flag(!not_destroyable)),
    ]
}

/// What private and secret keys have alike.
fn secrecy(version: &Version, attributes: &mut Attributes) {
    let policy = &version.policy;
    attributes.extend(permissions(policy.fixed, policy.not_copyable, policy.not_destroyable));
    attributes.extend([
        (ck::CKA_SENSITIVE, flag(policy.sensitive)),
        (ck::CKA_ALWAYS_SENSITIVE, flag(policy.always_sensitive)),
        (ck::CKA_EXTRACTABLE, flag(policy.extractable)),
        (ck::CKA_NEVER_EXTRACTABLE, flag(policy.never_extractable)),
        (ck::CKA_WRAP_WITH_TRUSTED, flag(policy.wrap_with_trusted)),
    ]);
    for (kind, rule) in
        [(ck::CKA_UNWRAP_TEMPLATE, &policy.unwrap_template), (ck::CKA_DERIVE_TEMPLATE, &policy.derive_template)]
    {
        attributes.insert(kind, Bytes::from(rule.clone()));
    }
}

/// Which secret attributes are never told, and which are told to who asks.
fn told(version: &Version) -> (&'static [u64], &'static [u64]) {
    let secrets = secrets(version.key_type);
    match version.policy.sensitive || !version.policy.extractable {
        true => (secrets, &[]),
        false => (&[], secrets),
    }
}

pub(super) fn private(version: &Version, label: &str) -> Face {
    let policy = &version.policy;
    let may = |operation| flag(version.ops().contains(operation));
    let mut attributes = key_common(version, ck::CKO_PRIVATE_KEY, label);
    attributes.remove(&ck::CKA_MODULUS_BITS);
    secrecy(version, &mut attributes);
    attributes.extend([
        (ck::CKA_SIGN, may(Ops::SIGN)),
        (ck::CKA_SIGN_RECOVER, may(Ops::SIGN_RECOVER)),
        (ck::CKA_DECRYPT, may(Ops::DECRYPT)),
        (ck::CKA_UNWRAP, may(Ops::UNWRAP_OBJECT)),
        (ck::CKA_DERIVE, may(Ops::DERIVE)),
        (ck::CKA_DECAPSULATE, may(Ops::DECAPSULATE)),
        (ck::CKA_ALWAYS_AUTHENTICATE, flag(policy.always_authenticate)),
        (ck::CKA_DECAPSULATE_TEMPLATE, Bytes::from(policy.decapsulate_template.clone())),
    ]);
    overlay(&mut attributes, &version.record.private_attributes);
    // Of a public key this is the public value; of a private key it is the private one.
    attributes.remove(&ck::CKA_VALUE);
    let (sensitive, on_request) = told(version);
    Face {
        unique_id: version.id,
        class: ck::CKO_PRIVATE_KEY,
        private: policy.private,
        attributes,
        sensitive,
        on_request,
        sealed: Bytes::new(),
    }
}

pub(super) fn public(version: &Version, public: &PublicInfo, label: &str) -> Face {
    let policy = &version.policy;
    let own = policy.public.clone().unwrap_or_default();
    let may = |operation| flag(version.ops().contains(operation));
    let mut attributes = key_common(version, ck::CKO_PUBLIC_KEY, label);
    attributes.extend(permissions(own.fixed, own.not_copyable, own.not_destroyable));
    attributes.extend([
        (ck::CKA_VERIFY, may(Ops::VERIFY)),
        (ck::CKA_VERIFY_RECOVER, may(Ops::VERIFY_RECOVER)),
        (ck::CKA_ENCRYPT, may(Ops::ENCRYPT)),
        (ck::CKA_WRAP, may(Ops::wrap(public.key_type))),
        (ck::CKA_ENCAPSULATE, may(Ops::ENCAPSULATE)),
        (ck::CKA_DERIVE, flag(false)),
        (ck::CKA_TRUSTED, flag(own.trusted)),
        (ck::CKA_WRAP_TEMPLATE, Bytes::from(own.wrap_template)),
        (ck::CKA_ENCAPSULATE_TEMPLATE, Bytes::from(own.encapsulate_template)),
    ]);
    overlay(&mut attributes, &version.record.public_attributes);
    Face {
        unique_id: version.id,
        class: ck::CKO_PUBLIC_KEY,
        private: own.private,
        attributes,
        sensitive: &[],
        on_request: &[],
        sealed: Bytes::new(),
    }
}

pub(super) fn secret(version: &Version, label: &str) -> Face {
    let policy = &version.policy;
    let may = |operation| flag(version.ops().contains(operation));
    let mut attributes = key_common(version, ck::CKO_SECRET_KEY, label);
    secrecy(version, &mut attributes);
    attributes.extend([
        (ck::CKA_SIGN, may(Ops::SIGN)),
        (ck::CKA_VERIFY, may(Ops::VERIFY)),
        (ck::CKA_ENCRYPT, may(Ops::ENCRYPT)),
        (ck::CKA_DECRYPT, may(Ops::DECRYPT)),
        (ck::CKA_WRAP, may(Ops::WRAP_OBJECT)),
        (ck::CKA_UNWRAP, may(Ops::UNWRAP_OBJECT)),
        (ck::CKA_DERIVE, may(Ops::DERIVE)),
        (ck::CKA_TRUSTED, flag(policy.trusted)),
        (ck::CKA_WRAP_TEMPLATE, Bytes::from(policy.wrap_template.clone())),
        (ck::CKA_CHECK_VALUE, Bytes::from(version.record.check_value.clone())),
    ]);
    if let KeyType::Secret(_, bytes) = version.key_type {
        attributes.insert(ck::CKA_VALUE_LEN, number(bytes.into()));
    }
    overlay(&mut attributes, &version.record.private_attributes);
    let (sensitive, on_request) = told(version);
    Face {
        unique_id: version.id,
        class: ck::CKO_SECRET_KEY,
        private: policy.private,
        attributes,
        sensitive,
        on_request,
        sealed: Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates() {
        for (seconds, expected) in [
            (None, ""),
            (Some(0), "19700101"),
            (Some(1_772_323_199), "20260228"),
            (Some(1_772_323_200), "20260301"),
            (Some(-1), ""),
            (Some(i64::MAX), ""),
        ] {
            assert_eq!(date(seconds), expected, "{seconds:?}");
        }
    }
}

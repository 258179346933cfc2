//! Both ways with both backends, taken apart by other means, and spoiled.

use aes_gcm::aead::KeyInit as _;
use softkeep_proto::algorithm::{Curve, Hash, MontgomeryCurve};

use super::*;
use crate::crypto::test_vectors::code;
use crate::crypto::{AwsLc, RustCrypto};

const TARGET: &[u8] = b"the bytes of some key, of any length at all";

fn backends() -> [Box<dyn Backend>; 2] {
    [Box::new(AwsLc), Box::new(RustCrypto)]
}

fn oaep() -> EncryptScheme {
    EncryptScheme::RsaOaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: b"label".to_vec() }
}

/// A new key, open, with its public side.
fn new_key(backend: &dyn Backend, key_type: KeyType) -> (std::sync::Arc<dyn PrivateKey>, key_info::PublicInfo) {
    let pkcs8_der = backend.generate(key_type).unwrap();
    (backend.open(&pkcs8_der).unwrap(), key_info::public_info_of_private(&pkcs8_der).unwrap())
}

fn point(public: &key_info::PublicInfo) -> Vec<u8> {
    match &public.numbers {
        PublicNumbers::Ec { x, y } => [&[4][..], x, y].concat(),
        PublicNumbers::Raw(point) => point.clone(),
        _ => panic!("no curve"),
    }
}

/// RFC 5649 by RustCrypto, with a key of 32 bytes.
fn unwrap_by_rustcrypto(aes_key: &[u8], wrapped: &[u8]) -> Vec<u8> {
    let wrapper = aes_kw::KwpAes256::new_from_slice(aes_key).unwrap();
    wrapper.unwrap_key(wrapped, &mut [0; 4096]).unwrap().to_vec()
}

#[test]
fn rsa_gives_back_what_it_wrapped() {
    for backend in backends() {
        let (private, public) = new_key(&*backend, KeyType::Rsa(2048));
        let public = backend.open_public(&public.spki_der).unwrap();
        let target = vec![7; 2000];
        for (aes_key_bytes, target) in [(16, &TARGET[..1]), (24, TARGET), (32, &target)] {
            let wrapped = rsa_aes_wrap(&*public, &oaep(), aes_key_bytes, target).unwrap();
            assert_eq!(*rsa_aes_unwrap(&*private, &oaep(), aes_key_bytes, &wrapped).unwrap(), target);
            assert_ne!(rsa_aes_wrap(&*public, &oaep(), aes_key_bytes, target).unwrap(), wrapped);
        }
        // The two halves are what the specification says.
        let wrapped = rsa_aes_wrap(&*public, &oaep(), 32, TARGET).unwrap();
        let aes_key = private.decrypt(&oaep(), &wrapped[..256]).unwrap();
        assert_eq!(unwrap_by_rustcrypto(&aes_key, &wrapped[256..]), TARGET);
    }
}

#[test]
fn rsa_refuses_what_was_not_wrapped_so() {
    let (private, public) = new_key(&AwsLc, KeyType::Rsa(2048));
    let public = AwsLc.open_public(&public.spki_der).unwrap();
    let wrapped = rsa_aes_wrap(&*public, &oaep(), 16, TARGET).unwrap();
    let unwrap = |wrapped: &[u8], aes_key_bytes| code(rsa_aes_unwrap(&*private, &oaep(), aes_key_bytes, wrapped));
    assert_eq!(unwrap(&wrapped, 32), ErrorCode::DecryptFailed);
    for at in [0, 255, 256, wrapped.len() - 1] {
        let mut spoiled = wrapped.clone();
        spoiled[at] ^= 1;
        assert_eq!(unwrap(&spoiled, 16), ErrorCode::DecryptFailed, "{at}");
    }
    for len in [0, 1, 255, 256, 257, 264, 271, wrapped.len() - 8, wrapped.len() - 1] {
        assert_eq!(unwrap(&wrapped[..len], 16), ErrorCode::DecryptFailed, "{len}");
    }
    for len in [0, 15, 20, 33] {
        assert_eq!(unwrap(&wrapped, len), ErrorCode::InvalidParameters);
        assert_eq!(code(rsa_aes_wrap(&*public, &oaep(), len, TARGET)), ErrorCode::InvalidParameters);
    }
    for scheme in [EncryptScheme::RsaPkcs1, EncryptScheme::RsaRaw] {
        assert_eq!(code(rsa_aes_wrap(&*public, &scheme, 16, TARGET)), ErrorCode::InvalidParameters);
        assert_eq!(code(rsa_aes_unwrap(&*private, &scheme, 16, &wrapped)), ErrorCode::InvalidParameters);
    }
    assert_eq!(code(rsa_aes_wrap(&*public, &oaep(), 16, &[])), ErrorCode::InvalidLength);
    let (ec, _) = new_key(&AwsLc, KeyType::Ec(Curve::P256));
    assert_eq!(code(rsa_aes_unwrap(&*ec, &oaep(), 16, &wrapped)), ErrorCode::KeyTypeMismatch);
}

/// Every kind of key that can agree, and how many bytes its public key has.
const AGREEING: [(KeyType, usize); 6] = [
    (KeyType::Ec(Curve::P256), 65),
    (KeyType::Ec(Curve::P384), 97),
    (KeyType::Ec(Curve::P521), 133),
    (KeyType::Ec(Curve::P256K), 65),
    (KeyType::Montgomery(MontgomeryCurve::X25519), 32),
    (KeyType::Montgomery(MontgomeryCurve::X448), 56),
];

const FORMS: [PointForm; 2] = [PointForm::Bare, PointForm::OctetString];

fn ecdh(kdf: AgreementKdf, shared_info: &[u8], aes_key_bytes: usize, point_form: PointForm) -> EcdhWrap<'_> {
    EcdhWrap { kdf, shared_info, aes_key_bytes, point_form }
}

#[test]
fn a_curve_gives_back_what_it_wrapped() {
    for backend in backends() {
        for (key_type, _) in AGREEING {
            let (private, public) = new_key(&*backend, key_type);
            for point_form in FORMS {
                for way in [
                    ecdh(AgreementKdf::Null, b"", 16, point_form),
                    ecdh(AgreementKdf::X963(Hash::Sha512), b"both know", 24, point_form),
                    ecdh(AgreementKdf::OneStep(Hash::Sha3_256), b"", 32, point_form),
                ] {
                    let wrapped = way.wrap(&*backend, key_type, &point(&public), TARGET).unwrap();
                    assert_eq!(*way.unwrap(&*private, &wrapped).unwrap(), TARGET, "{key_type:?}");
                }
            }
        }
    }
}

#[test]
fn a_curve_wraps_as_the_specification_says() {
    for (key_type, point_len) in AGREEING {
        let (private, public) = new_key(&AwsLc, key_type);
        for (point_form, header) in [
            (PointForm::Bare, vec![]),
            (
                PointForm::OctetString,
                [&[4][..], if point_len > 127 { &[0x81] } else { &[] }, &[point_len as u8]].concat(),
            ),
        ] {
            let way = ecdh(AgreementKdf::Null, b"", 32, point_form);
            let wrapped = way.wrap(&AwsLc, key_type, &point(&public), TARGET).unwrap();
            assert_eq!(wrapped[..header.len()], header);
            let (point, target) = wrapped[header.len()..].split_at(point_len);
            // The first bits of what is agreed on, where CKM_ECDH1_DERIVE would keep the last.
            let agreed = private.agree(point).unwrap();
            assert_eq!(unwrap_by_rustcrypto(&agreed[..32], target), TARGET);

            let way = ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 32, point_form);
            let wrapped = way.wrap(&AwsLc, key_type, &self::point(&public), TARGET).unwrap();
            let (point, target) = wrapped[header.len()..].split_at(point_len);
            let agreed = private.agree(point).unwrap();
            let aes_key = super::super::hashes::digest(Hash::Sha256, &[&agreed, &[0, 0, 0, 1], b"info"]);
            assert_eq!(unwrap_by_rustcrypto(&aes_key, target), TARGET);
        }
    }
}

#[test]
fn a_curve_refuses_what_was_not_wrapped_so() {
    for (key_type, _) in AGREEING {
        let (private, public) = new_key(&AwsLc, key_type);
        for point_form in FORMS {
            let way = ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 16, point_form);
            let wrapped = way.wrap(&AwsLc, key_type, &point(&public), TARGET).unwrap();
            let refused = |way: EcdhWrap<'_>, wrapped: &[u8]| {
                assert_eq!(code(way.unwrap(&*private, wrapped)), ErrorCode::DecryptFailed, "{key_type:?}");
            };
            refused(ecdh(AgreementKdf::X963(Hash::Sha256), b"Info", 16, point_form), &wrapped);
            refused(ecdh(AgreementKdf::X963(Hash::Sha384), b"info", 16, point_form), &wrapped);
            refused(ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 32, point_form), &wrapped);
            let other = if point_form == PointForm::Bare { PointForm::OctetString } else { PointForm::Bare };
            refused(ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 16, other), &wrapped);
            for at in [0, 1, 10, wrapped.len() - TARGET.len(), wrapped.len() - 1] {
                let mut spoiled = wrapped.clone();
                spoiled[at] ^= 1;
                refused(ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 16, point_form), &spoiled);
            }
            for len in [0, 1, 2, 32, 57, 65, 70, wrapped.len() - 8, wrapped.len() - 1] {
                refused(ecdh(AgreementKdf::X963(Hash::Sha256), b"info", 16, point_form), &wrapped[..len]);
            }
        }
    }
}

#[test]
fn a_curve_needs_keys_and_parameters_that_fit() {
    let way = ecdh(AgreementKdf::Null, b"", 16, PointForm::Bare);
    let (rsa, _) = new_key(&AwsLc, KeyType::Rsa(2048));
    assert_eq!(code(way.unwrap(&*rsa, &[0; 300])), ErrorCode::KeyTypeMismatch);
    assert_eq!(code(way.wrap(&AwsLc, KeyType::Rsa(2048), &[0; 65], TARGET)), ErrorCode::KeyTypeMismatch);
    let (key_type, _) = AGREEING[0];
    let (private, public) = new_key(&AwsLc, key_type);
    for aes_key_bytes in [0, 15, 17, 64] {
        let way = ecdh(AgreementKdf::Null, b"", aes_key_bytes, PointForm::Bare);
        assert_eq!(code(way.wrap(&AwsLc, key_type, &point(&public), TARGET)), ErrorCode::InvalidParameters);
        assert_eq!(code(way.unwrap(&*private, &[0; 300])), ErrorCode::InvalidParameters);
    }
    let with_info = ecdh(AgreementKdf::Null, b"info", 16, PointForm::Bare);
    assert_eq!(code(with_info.wrap(&AwsLc, key_type, &point(&public), TARGET)), ErrorCode::InvalidParameters);
    assert!(way.wrap(&AwsLc, key_type, &[4; 65], TARGET).is_err(), "no point of the curve");
}

//! What other code signed is verified here; what is encrypted here, other code decrypts.
#![allow(clippy::unwrap_used)]

use ecdsa::signature::hazmat::PrehashSigner;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, traits::PublicKeyParts};
use softkeep_proto::pkcs11::v1::{Attribute, Object, RsaPssParams};

use super::*;
use crate::mechanism::{Raw, find};

fn attributes(values: Vec<(u64, Vec<u8>)>) -> Attributes {
    let attributes = values.into_iter().map(|(r#type, value)| Attribute { r#type, value: value.into() }).collect();
    Attributes::of(Object { attributes, ..Object::default() })
}

fn rsa_key(bits: usize) -> (RsaPrivateKey, PublicKey, usize) {
    let private = RsaPrivateKey::new(&mut UnwrapErr(SysRng), bits).unwrap();
    let attributes = attributes(vec![
        (ck::CKA_KEY_TYPE, ck::CKK_RSA.to_le_bytes().to_vec()),
        (ck::CKA_MODULUS, private.n().to_be_bytes().to_vec()),
        (ck::CKA_PUBLIC_EXPONENT, vec![1, 0, 1]),
    ]);
    (private, PublicKey::of(&attributes).unwrap(), signature_len_bytes(&attributes).unwrap())
}

fn check(key: &PublicKey, mechanism: &Mechanism, data: &[u8], signature: &[u8]) {
    assert_eq!(key.verify(mechanism, data, signature), Ok(()));
    let mut wrong = signature.to_vec();
    wrong[signature.len() / 2] ^= 1;
    assert_eq!(key.verify(mechanism, data, &wrong), Err(Error::SignatureInvalid));
    let mut other = data.to_vec();
    other[0] ^= 1;
    assert_eq!(key.verify(mechanism, &other, signature), Err(Error::SignatureInvalid));
    assert_eq!(key.verify(mechanism, data, &signature[1..]), Err(Error::SignatureLenRange));
}

fn pss(mechanism: u64, hash: u64, mgf: u64, salt_len_bytes: u64) -> Mechanism {
    Mechanism::new(find(mechanism).unwrap(), Raw::Pss(RsaPssParams { hash, mgf, salt_len_bytes })).unwrap()
}

#[test]
fn rsa_signatures() {
    for bits in [1024, 1025, 1031] {
        let (private, public, len) = rsa_key(bits);
        assert_eq!(len, bits.div_ceil(8));
        let message_digest = digest(Hash::Sha256, &[b"message"]);
        let hashed = Mechanism::new(find(ck::CKM_SHA256_RSA_PKCS).unwrap(), Raw::Nothing).unwrap();
        let signature = private.sign(Pkcs1v15Sign::new::<sha2::Sha256>(), &message_digest).unwrap();
        check(&public, &hashed, &message_digest, &signature);
        let raw = Mechanism::new(find(ck::CKM_RSA_PKCS).unwrap(), Raw::Nothing).unwrap();
        let info = [Hash::Sha256.digest_info_prefix(), &message_digest].concat();
        check(&public, &raw, &info, &signature);
        let salted = rsa::Pss::<sha2::Sha256>::new_with_salt(20);
        let signature = private.sign_with_rng(&mut UnwrapErr(SysRng), salted, &message_digest).unwrap();
        check(&public, &pss(ck::CKM_SHA256_RSA_PKCS_PSS, ck::CKM_SHA256, 2, 20), &message_digest, &signature);
        for wrong in [(ck::CKM_SHA256, 2, 21), (ck::CKM_SHA256, 1, 20)] {
            let wrong = pss(ck::CKM_RSA_PKCS_PSS, wrong.0, wrong.1, wrong.2);
            assert_eq!(public.verify(&wrong, &message_digest, &signature), Err(Error::SignatureInvalid));
        }
    }
}

#[test]
fn oaep_opens_elsewhere() {
    let (private, public, _) = rsa_key(1024);
    let oaep = |label: &[u8]| Oaep { hash: Hash::Sha256, mgf: Hash::Sha1, label: label.to_vec() };
    for message in [&b""[..], b"x", &[7; 62]] {
        let ciphertext = public.encrypt(&oaep(b"label"), message).unwrap();
        let scheme = rsa::Oaep::<sha2::Sha256, sha1::Sha1>::new_with_mgf_hash_and_label(&b"label"[..]);
        assert_eq!(private.decrypt(scheme, &ciphertext).unwrap(), message);
    }
    assert_eq!(public.encrypt(&oaep(b""), &[7; 63]), Err(Error::DataLenRange));
}

#[test]
fn ecdsa_with_digests_of_any_length() {
    macro_rules! curve {
        ($library:ident, $curve:expr) => {{
            let private = $library::ecdsa::SigningKey::from_slice(&vec![1; $curve.width_bytes()]).unwrap();
            let point = private.verifying_key().to_sec1_point(false).to_bytes().to_vec();
            let mut der = vec![0x04];
            der.extend(if point.len() < 0x80 { vec![] } else { vec![0x81] });
            der.push(point.len() as u8);
            der.extend(&point);
            let mechanism = Mechanism::new(find(ck::CKM_ECDSA).unwrap(), Raw::Nothing).unwrap();
            for point in [der, point] {
                let public = PublicKey::of(&attributes(vec![
                    (ck::CKA_KEY_TYPE, ck::CKK_EC.to_le_bytes().to_vec()),
                    (ck::CKA_EC_PARAMS, $curve.oid_der().to_vec()),
                    (ck::CKA_EC_POINT, point),
                ]))
                .unwrap();
                for hash in Hash::ALL {
                    let message_digest = digest(hash, &[b"message"]);
                    let Ok(signature) = private.sign_prehash(&message_digest) else { continue };
                    let signature: $library::ecdsa::Signature = signature;
                    check(&public, &mechanism, &message_digest, &signature.to_bytes());
                }
            }
        }};
    }
    curve!(p256, Curve::P256);
    curve!(p384, Curve::P384);
    curve!(p521, Curve::P521);
}

#[test]
fn broken_keys_are_refused() {
    let rsa = |modulus: Vec<u8>, exponent: Vec<u8>| {
        PublicKey::of(&attributes(vec![
            (ck::CKA_KEY_TYPE, ck::CKK_RSA.to_le_bytes().to_vec()),
            (ck::CKA_MODULUS, modulus),
            (ck::CKA_PUBLIC_EXPONENT, exponent),
        ]))
        .map(drop)
    };
    assert_eq!(rsa(vec![], vec![3]), Err(Error::KeySizeRange));
    assert_eq!(rsa(vec![0xff; 600], vec![3]), Err(Error::KeySizeRange));
    assert_eq!(rsa(vec![0xfe; 256], vec![3]), Err(Error::KeySizeRange));
    assert_eq!(rsa(vec![0xff; 256], vec![]), Err(Error::KeySizeRange));
    assert_eq!(PublicKey::of(&Attributes::default()).map(drop), Err(Error::KeyTypeInconsistent));
}

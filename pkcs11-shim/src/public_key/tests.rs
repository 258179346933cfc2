//! What other code signed is verified here; what is encrypted here, other code decrypts.
#![allow(clippy::unwrap_used)]

use cryptoki_sys as ck;
use ecdsa::signature::{Signer, hazmat::PrehashSigner};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, traits::PublicKeyParts};
use softkeep_proto::{
    algorithm::Hash,
    pkcs11::v1::{
        Attribute, EdDsaParams, Object, RsaOaepParams, RsaPssParams, SignContextParams, mechanism::Parameter,
    },
};

use super::*;
use crate::{
    hash::digest,
    mechanism::{Raw, find},
    message::Message,
};

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
    Mechanism::new(find(mechanism).unwrap(), Raw::from(Parameter::RsaPss(RsaPssParams { hash, mgf, salt_len_bytes })))
        .unwrap()
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
    let oaep = |label: &[u8]| {
        let label = label.to_vec().into();
        let params = RsaOaepParams { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA1, label };
        Mechanism::new(find(ck::CKM_RSA_PKCS_OAEP).unwrap(), Parameter::RsaOaep(params).into()).unwrap()
    };
    for message in [&b""[..], b"x", &[7; 62]] {
        let ciphertext = public.encrypt(&oaep(b"label"), message).unwrap();
        let scheme = rsa::Oaep::<sha2::Sha256, sha1::Sha1>::new_with_mgf_hash_and_label(&b"label"[..]);
        assert_eq!(private.decrypt(scheme, &ciphertext).unwrap(), message);
    }
    assert_eq!(public.encrypt(&oaep(b""), &[7; 63]), Err(Error::DataLenRange));
}

fn plain(mechanism: u64) -> Mechanism {
    Mechanism::new(find(mechanism).unwrap(), Raw::Nothing).unwrap()
}

#[test]
fn other_rsa_paddings_open_elsewhere() {
    let (private, public, len) = rsa_key(1024);
    for message in [&b""[..], b"x", &[0; 117]] {
        let ciphertext = public.encrypt(&plain(ck::CKM_RSA_PKCS), message).unwrap();
        assert_eq!(private.decrypt(rsa::Pkcs1v15Encrypt, &ciphertext).unwrap(), message);
    }
    assert_eq!(public.encrypt(&plain(ck::CKM_RSA_PKCS), &[0; 118]), Err(Error::DataLenRange));
    let bare = public.encrypt(&plain(ck::CKM_RSA_X_509), b"bare").unwrap();
    let number = rsa::BoxedUint::from_be_slice(&bare, 1024).unwrap();
    let opened = rsa::hazmat::rsa_decrypt_and_check(&private, None::<&mut UnwrapErr<SysRng>>, &number).unwrap();
    assert!(opened.to_be_bytes().ends_with(b"\0\0bare"));
    assert_eq!(public.encrypt(&plain(ck::CKM_RSA_X_509), &vec![0xff; len]), Err(Error::DataLenRange));
    assert_eq!(public.encrypt(&plain(ck::CKM_RSA_X_509), &vec![0; len + 1]), Err(Error::DataLenRange));
}

#[test]
fn what_is_signed_is_recovered() {
    let (private, public, len) = rsa_key(1024);
    let signature = private.sign(Pkcs1v15Sign::new_unprefixed(), b"inside").unwrap();
    assert_eq!(public.recover(&plain(ck::CKM_RSA_PKCS), &signature), Ok(b"inside".to_vec()));
    let block = public.recover(&plain(ck::CKM_RSA_X_509), &signature).unwrap();
    assert_eq!((block.len(), &block[..3]), (len, &[0, 1, 0xff][..]));
    assert!(block.ends_with(b"\0inside"));
    let mut wrong = signature.clone();
    wrong[9] ^= 1;
    assert_eq!(public.recover(&plain(ck::CKM_RSA_PKCS), &wrong), Err(Error::SignatureInvalid));
    assert_eq!(public.recover(&plain(ck::CKM_RSA_PKCS), &signature[1..]), Err(Error::SignatureLenRange));
}

fn eddsa(prehash: bool, context: &[u8]) -> Mechanism {
    let params = Parameter::Eddsa(EdDsaParams { prehash, context: context.to_vec().into() });
    Mechanism::new(find(ck::CKM_EDDSA).unwrap(), params.into()).unwrap()
}

fn edwards_key(curve: EdwardsCurve, point: Vec<u8>) -> Attributes {
    attributes(vec![
        (ck::CKA_CLASS, ck::CKO_PUBLIC_KEY.to_le_bytes().to_vec()),
        (ck::CKA_KEY_TYPE, ck::CKK_EC_EDWARDS.to_le_bytes().to_vec()),
        (ck::CKA_EC_PARAMS, curve.oid_der().to_vec()),
        (ck::CKA_EC_POINT, point),
    ])
}

/// What the module hands to `verify` for a message.
fn prepared(mechanism: &Mechanism, attributes: &Attributes, message: &[u8]) -> Vec<u8> {
    let mut taken = Message::new(mechanism, attributes).unwrap();
    message.chunks(3).for_each(|part| taken.update_local(part).unwrap());
    taken.finish().data
}

#[test]
fn ed25519_in_its_three_forms() {
    let private = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let public = private.verifying_key().to_bytes().to_vec();
    let attributes = edwards_key(EdwardsCurve::Ed25519, [&[0x04, 32], &public[..]].concat());
    let key = PublicKey::of(&attributes).unwrap();
    let pure = plain(ck::CKM_EDDSA);
    check(&key, &pure, b"message", &private.sign(b"message").to_bytes());
    assert!(key.verify(&eddsa(false, b""), b"message", &private.sign(b"message").to_bytes()).is_err());
    let hashed = <sha2::Sha512 as ::digest::Digest>::new_with_prefix(b"message");
    let signature = private.sign_prehashed(hashed, Some(b"context")).unwrap().to_bytes();
    let ph = eddsa(true, b"context");
    let prehash = prepared(&ph, &attributes, b"message");
    assert_eq!(prehash, digest(Hash::Sha512, &[b"message"]));
    check(&key, &ph, &prehash, &signature);
    assert_eq!(key.verify(&eddsa(true, b"other"), &prehash, &signature), Err(Error::SignatureInvalid));
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 8032 section 7.2 (Ed25519ctx, "foo") and 7.4 (Ed448, 1 octet with and without context), 7.5 (Ed448ph, "abc").
#[test]
fn edwards_vectors() {
    let foo = PublicKey::of(&edwards_key(
        EdwardsCurve::Ed25519,
        hex("dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292"),
    ));
    let signature = hex("55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a
         8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d");
    check(&foo.unwrap(), &eddsa(false, b"foo"), &hex("f726936d19c800494e3fdaff20b276a8"), &signature);
    let octet = hex(
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a94
         80",
    );
    let octet = PublicKey::of(&edwards_key(EdwardsCurve::Ed448, octet)).unwrap();
    let signature = hex(
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779
         805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c0
         3a00",
    );
    check(&octet, &plain(ck::CKM_EDDSA), &[3], &signature);
    // Six bits of R's last byte have no meaning, and no other form but zero.
    let mut unused = signature;
    unused[56] |= 0x40;
    assert_eq!(octet.verify(&plain(ck::CKM_EDDSA), &[3], &unused), Err(Error::SignatureInvalid));
    let signature = hex(
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d607217fce6e042f6815ea
         000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d5428407e85dcbc98a49155c13764e66c
         3c00",
    );
    check(&octet, &eddsa(false, b"foo"), &[3], &signature);
    let abc = hex(
        "259b71c19f83ef77a7abd26524cbdb3161b590a48f7d17de3ee0ba9c52beb743c09428a131d6b1b57303d90d8132c276d5ed3d5d01c0f538
         80",
    );
    let attributes = edwards_key(EdwardsCurve::Ed448, abc);
    let signature = hex(
        "822f6901f7480f3d5f562c592994d9693602875614483256505600bbc281ae381f54d6bce2ea911574932f52a4e6cadd78769375ec3ffd1b
         801a0d9b3f4030cd433964b6457ea39476511214f97469b57dd32dbc560a9a94d00bff07620464a3ad203df7dc7ce360c3cd3696d9d9fab9
         0f00",
    );
    let ph = eddsa(true, b"");
    let prehash = prepared(&ph, &attributes, b"abc");
    check(&PublicKey::of(&attributes).unwrap(), &ph, &prehash, &signature);
}

#[test]
fn ml_dsa_in_all_forms() {
    macro_rules! set {
        ($library:ident, $set:expr) => {{
            let private = ::ml_dsa::ExpandedSigningKey::<::ml_dsa::$library>::from_seed(&[7; 32].into());
            let public = private.verifying_key().encode().to_vec();
            let info = [&[0x30, 0x0b][..], $set.oid_der(), &[0x03, 0x82, 0, 0, 0], &public].concat();
            let half = |class: u64, value: (u64, Vec<u8>)| {
                attributes(vec![
                    (ck::CKA_CLASS, class.to_le_bytes().to_vec()),
                    (ck::CKA_KEY_TYPE, ck::CKK_ML_DSA.to_le_bytes().to_vec()),
                    (ck::CKA_PARAMETER_SET, $set.parameter_set().to_le_bytes().to_vec()),
                    value,
                ])
            };
            let public_half = half(ck::CKO_PUBLIC_KEY, (ck::CKA_VALUE, public));
            let private_half = half(ck::CKO_PRIVATE_KEY, (ck::CKA_PUBLIC_KEY_INFO, info));
            let key = PublicKey::of(&public_half).unwrap();
            let context = |mechanism, hash| {
                let params = SignContextParams { hedge: 0, context: b"context".to_vec().into(), hash };
                Mechanism::new(find(mechanism).unwrap(), Parameter::SignContext(params).into()).unwrap()
            };
            let pure = context(ck::CKM_ML_DSA, 0);
            let mu = prepared(&pure, &private_half, b"message");
            assert_eq!(mu, prepared(&pure, &public_half, b"message"), "both halves know the public key");
            let signature = private.sign_deterministic(b"message", b"context").unwrap().encode();
            check(&key, &pure, &mu, &signature);
            let without = prepared(&plain(ck::CKM_ML_DSA), &private_half, b"message");
            assert_eq!(key.verify(&pure, &without, &signature), Err(Error::SignatureInvalid));
            let signature = private.sign_deterministic(b"message", b"").unwrap().encode();
            check(&key, &plain(ck::CKM_ML_DSA), &without, &signature);
            // The hashed form, written out: FIPS 204 algorithm 4 over the library's algorithm 7.
            let oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
            let message_digest = digest(Hash::Sha256, &[b"message"]);
            let framed = [&[1, 7][..], b"context", &oid, &message_digest].concat();
            let signature = private.sign_internal(&[&framed], &[0; 32].into()).encode();
            let hashed = context(ck::CKM_HASH_ML_DSA_SHA256, 0);
            check(&key, &hashed, &prepared(&hashed, &private_half, b"message"), &signature);
            let given = context(ck::CKM_HASH_ML_DSA, ck::CKM_SHA256);
            check(&key, &given, &prepared(&given, &private_half, &message_digest), &signature);
        }};
    }
    set!(MlDsa44, MlDsaSet::MlDsa44);
    set!(MlDsa65, MlDsaSet::MlDsa65);
    set!(MlDsa87, MlDsaSet::MlDsa87);
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
                    // The negative of s is right too, whichever of them is the smaller.
                    let (r, s) = signature.split_scalars();
                    let other = $library::ecdsa::Signature::from_scalars(r, -s).unwrap();
                    check(&public, &mechanism, &message_digest, &other.to_bytes());
                }
            }
        }};
    }
    curve!(p256, Curve::P256);
    curve!(p384, Curve::P384);
    curve!(p521, Curve::P521);
    curve!(k256, Curve::P256K);
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
    assert_eq!(rsa(vec![0xff; 1100], vec![3]), Err(Error::KeySizeRange));
    assert_eq!(rsa(vec![0xfe; 256], vec![3]), Err(Error::KeySizeRange));
    assert_eq!(rsa(vec![0xff; 256], vec![]), Err(Error::KeySizeRange));
    assert_eq!(PublicKey::of(&Attributes::default()).map(drop), Err(Error::KeyTypeInconsistent));
}

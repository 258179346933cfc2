//! What a backend must do: one suite that every backend passes, and a second one in which each checks the other's work.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use softkeep_proto::algorithm::{
    Curve, EdwardsCurve, EncryptScheme, Hash, KeyType, MlDsaSet, MlKemSet, MontgomeryCurve, SecretKind, SignScheme,
};

use super::key_info::{PublicNumbers, check_import, public_info, public_info_of_private};
use super::*;
use crate::error::{Error, ErrorCode};

mod agreement;
mod both;
mod pkcs1;

const KEY_TYPES: [KeyType; 17] = [
    KeyType::Rsa(2048),
    KeyType::Rsa(3072),
    KeyType::Rsa(4096),
    KeyType::Ec(Curve::P256),
    KeyType::Ec(Curve::P384),
    KeyType::Ec(Curve::P521),
    KeyType::Ec(Curve::P256K),
    KeyType::Edwards(EdwardsCurve::Ed25519),
    KeyType::Edwards(EdwardsCurve::Ed448),
    KeyType::Montgomery(MontgomeryCurve::X25519),
    KeyType::Montgomery(MontgomeryCurve::X448),
    KeyType::MlDsa(MlDsaSet::MlDsa44),
    KeyType::MlDsa(MlDsaSet::MlDsa65),
    KeyType::MlDsa(MlDsaSet::MlDsa87),
    KeyType::MlKem(MlKemSet::MlKem512),
    KeyType::MlKem(MlKemSet::MlKem768),
    KeyType::MlKem(MlKemSet::MlKem1024),
];

const BACKENDS: [&dyn Backend; 2] = [&AwsLc, &RustCrypto];

/// One key of each type for the whole test binary, made by aws-lc because it is quick.
fn pkcs8(key_type: KeyType) -> &'static [u8] {
    static KEYS: [OnceLock<Zeroizing<Vec<u8>>>; KEY_TYPES.len()] = [const { OnceLock::new() }; KEY_TYPES.len()];
    let index = KEY_TYPES.iter().position(|one| *one == key_type).unwrap();
    KEYS[index].get_or_init(|| AwsLc.generate(key_type).unwrap())
}

fn spki(key_type: KeyType) -> Vec<u8> {
    public_info_of_private(pkcs8(key_type)).unwrap().spki_der
}

fn open(backend: &dyn Backend, key_type: KeyType) -> (Arc<dyn PrivateKey>, Arc<dyn PublicKey>) {
    (backend.open(pkcs8(key_type)).unwrap(), backend.open_public(&spki(key_type)).unwrap())
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

fn pss(hash: Hash, salt_len_bytes: usize) -> SignScheme {
    SignScheme::RsaPss { hash, mgf: hash, salt_len_bytes }
}

fn oaep(hash: Hash, mgf: Hash, label: &[u8]) -> EncryptScheme {
    EncryptScheme::RsaOaep { hash, mgf, label: label.to_vec() }
}

/// Bytes that look like a digest: none of them zero, so that no cut or shift goes unseen.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 37 % 251 + 1) as u8).collect()
}

fn eddsa(context: Option<&[u8]>, prehashed: bool) -> SignScheme {
    SignScheme::EdDsa { context: context.map(<[u8]>::to_vec), prehashed }
}

/// What every backend signs, by key type; nothing for those that do not sign.
fn cases(key_type: KeyType) -> Vec<(SignScheme, Vec<u8>)> {
    match key_type {
        KeyType::Rsa(bits) => rsa_cases(key_type, bits),
        KeyType::Ec(_) => {
            [1, 20, 28, 32, 47, 48, 64, 65, 66, 67, 128].map(|len| (SignScheme::Ecdsa, bytes(len))).into()
        }
        KeyType::Edwards(curve) => {
            let mut cases: Vec<_> = [0, 1, 57, 64, 10_000].map(|len| (eddsa(None, false), bytes(len))).into();
            for context in [None, Some(&b""[..]), Some(b"context"), Some(&[7; 255])] {
                cases.push((eddsa(context, true), bytes(64)));
            }
            if curve == EdwardsCurve::Ed448 {
                cases.push((eddsa(Some(b"context"), false), bytes(20)));
            }
            cases
        }
        KeyType::MlDsa(_) => {
            [false, true].map(|deterministic| (SignScheme::MlDsaMu { deterministic }, bytes(64))).into()
        }
        KeyType::Montgomery(_) | KeyType::Dh(_) | KeyType::MlKem(_) | KeyType::Secret(..) => Vec::new(),
    }
}

/// The large RSA keys get each scheme once, for time.
fn rsa_cases(key_type: KeyType, bits: u32) -> Vec<(SignScheme, Vec<u8>)> {
    let k = signature_len(key_type);
    let hashes = if bits == 2048 { &Hash::ALL[..] } else { &[Hash::Sha384] };
    let mut cases = vec![
        (SignScheme::RsaPkcs1Raw, bytes(k - 11)),
        (SignScheme::RsaRaw, bytes(k)),
        (pss(Hash::Sha256, k - 34), bytes(32)),
    ];
    if bits == 2048 {
        cases.extend([0, 1, 36].map(|len| (SignScheme::RsaPkcs1Raw, bytes(len))));
        cases.extend([(SignScheme::RsaRaw, bytes(20)), (SignScheme::RsaRaw, vec![2]), (pss(Hash::Sha1, 0), bytes(20))]);
    }
    for hash in hashes {
        cases.push((SignScheme::RsaPkcs1(*hash), bytes(hash.len())));
        cases.push((pss(*hash, hash.len()), bytes(hash.len())));
    }
    cases
}

fn oaep_cases(key_type: KeyType) -> Vec<(EncryptScheme, Vec<u8>)> {
    let k = signature_len(key_type);
    let mut cases = vec![
        (oaep(Hash::Sha256, Hash::Sha256, b""), bytes(k - 66)),
        (oaep(Hash::Sha1, Hash::Sha1, b"label"), Vec::new()),
        (oaep(Hash::Sha256, Hash::Sha1, b"\0 another"), bytes(32)),
    ];
    if key_type == KeyType::Rsa(2048) {
        let all = Hash::ALL.iter().flat_map(|hash| Hash::ALL.iter().map(move |mgf| (*hash, *mgf)));
        cases.extend(all.map(|(hash, mgf)| (oaep(hash, mgf, b""), bytes(32))));
    }
    cases
}

fn contract(backend: &dyn Backend) {
    for key_type in KEY_TYPES {
        signs_and_verifies(backend, key_type);
        refuses_other_schemes(backend, key_type);
        match key_type {
            KeyType::Rsa(_) => refuses_rsa_inputs(backend, key_type),
            _ => refuses_inputs(backend, key_type),
        }
        match key_type {
            KeyType::Rsa(_) => encrypts_and_decrypts(backend, key_type),
            _ => refuses_encryption(backend, key_type),
        }
    }
    cuts_digests(backend);
    refuses_keys(backend);
}

fn signs_and_verifies(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    assert_eq!((private.key_type(), public.key_type()), (key_type, key_type));
    for (scheme, input) in cases(key_type) {
        let what = format!("{} {key_type:?} {scheme:?} {}", backend.name(), input.len());
        let mut signature = private.sign(&scheme, &input).expect(&what);
        assert_eq!(signature.len(), signature_len(key_type), "{what}");
        assert!(public.verify(&scheme, &input, &signature).unwrap(), "{what}");

        for at in [0, signature.len() / 2, signature.len() - 1] {
            signature[at] ^= 1;
            assert!(!public.verify(&scheme, &input, &signature).unwrap(), "{what}: bit of byte {at} of the signature");
            signature[at] ^= 1;
        }
        if let Some(first) = input.first() {
            let other = [&[first ^ 4], &input[1..]].concat();
            assert!(!public.verify(&scheme, &other, &signature).unwrap(), "{what}: another input");
        }
        for wrong in [&[][..], &signature[1..], &[&signature[..], &[0]].concat(), &[&[0], &signature[..]].concat()] {
            assert!(!public.verify(&scheme, &input, wrong).unwrap(), "{what}: {} bytes", wrong.len());
        }
        for byte in [0, 0xff] {
            assert!(!public.verify(&scheme, &input, &vec![byte; signature.len()]).unwrap(), "{what}: all {byte}");
        }
    }
}

/// A scheme is for keys of one kind.
fn refuses_other_schemes(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    let schemes = [
        SignScheme::RsaPkcs1(Hash::Sha256),
        SignScheme::RsaPkcs1Raw,
        SignScheme::RsaRaw,
        pss(Hash::Sha256, 32),
        SignScheme::Ecdsa,
        eddsa(None, false),
        SignScheme::MlDsaMu { deterministic: true },
    ];
    let own = cases(key_type);
    for scheme in schemes {
        let same = |one: &SignScheme| std::mem::discriminant(one) == std::mem::discriminant(&scheme);
        if own.iter().any(|(one, _)| same(one)) {
            continue;
        }
        let what = format!("{} {key_type:?} {scheme:?}", backend.name());
        assert_eq!(code(private.sign(&scheme, &[1; 64])), Some(ErrorCode::KeyTypeMismatch), "{what}");
        assert_eq!(code(public.verify(&scheme, &[1; 64], &[1; 64])), Some(ErrorCode::KeyTypeMismatch), "{what}");
    }
}

fn refuses_inputs(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    let check = |scheme: SignScheme, input: &[u8], expected| {
        let what = format!("{} {key_type:?} {scheme:?} {}", backend.name(), input.len());
        assert_eq!(code(private.sign(&scheme, input)), Some(expected), "{what}");
        let signature = vec![1; signature_len(key_type)];
        assert_eq!(code(public.verify(&scheme, input, &signature)), Some(expected), "{what}");
    };
    match key_type {
        KeyType::Ec(_) => {
            check(SignScheme::Ecdsa, &[], ErrorCode::InvalidLength);
            check(SignScheme::Ecdsa, &[1; 129], ErrorCode::InvalidLength);
        }
        KeyType::Edwards(_) => {
            for len in [0, 63, 65] {
                check(eddsa(None, true), &bytes(len), ErrorCode::InvalidLength);
            }
            check(eddsa(Some(&[1; 256]), true), &[1; 64], ErrorCode::InvalidParameters);
            check(eddsa(Some(&[1; 256]), false), &[1; 64], ErrorCode::InvalidParameters);
        }
        KeyType::MlDsa(_) => {
            for len in [0, 32, 63, 65] {
                check(SignScheme::MlDsaMu { deterministic: false }, &bytes(len), ErrorCode::InvalidLength);
            }
        }
        _ => {}
    }
}

fn refuses_rsa_inputs(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    let check = |scheme: SignScheme, input: &[u8], expected| {
        let what = format!("{} {key_type:?} {scheme:?} {}", backend.name(), input.len());
        assert_eq!(code(private.sign(&scheme, input)), Some(expected), "{what}");
        let signature = vec![1; signature_len(key_type)];
        assert_eq!(code(public.verify(&scheme, input, &signature)), Some(expected), "{what}");
    };
    let k = signature_len(key_type);
    let info = public_info_of_private(pkcs8(key_type)).unwrap();
    let PublicNumbers::Rsa { n, .. } = info.numbers else { unreachable!() };
    for hash in Hash::ALL {
        for len in [0, hash.len() - 1, hash.len() + 1] {
            check(SignScheme::RsaPkcs1(hash), &bytes(len), ErrorCode::InvalidLength);
            check(pss(hash, 20), &bytes(len), ErrorCode::InvalidLength);
        }
        for salt in [k - hash.len() - 1, k, usize::MAX] {
            check(pss(hash, salt), &bytes(hash.len()), ErrorCode::InvalidParameters);
        }
    }
    check(SignScheme::RsaPkcs1Raw, &bytes(k - 10), ErrorCode::InvalidLength);
    check(SignScheme::RsaRaw, &bytes(k + 1), ErrorCode::InvalidLength);
    let mut n_minus_one = n.clone();
    *n_minus_one.last_mut().unwrap() -= 1;
    for value in [&[][..], &[0], &[1], &n_minus_one, &n, &vec![0xff; k]] {
        check(SignScheme::RsaRaw, value, ErrorCode::InvalidArgument);
    }
}

fn encrypts_and_decrypts(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    let k = signature_len(key_type);
    for (scheme, plaintext) in oaep_cases(key_type) {
        let ciphertext = public.encrypt(&scheme, &plaintext).unwrap();
        assert_eq!(ciphertext.len(), k);
        assert_eq!(*private.decrypt(&scheme, &ciphertext).unwrap(), plaintext, "{} {scheme:?}", backend.name());
    }
    for hash in Hash::ALL {
        let too_long = public.encrypt(&oaep(hash, Hash::Sha1, b""), &vec![1; k - 2 * hash.len() - 1]);
        assert_eq!(code(too_long), Some(ErrorCode::InvalidLength));
    }

    let scheme = oaep(Hash::Sha256, Hash::Sha256, b"label");
    let good = public.encrypt(&scheme, b"secret").unwrap();
    let mut flipped = good.clone();
    flipped[k / 2] ^= 1;
    let info = public_info_of_private(pkcs8(key_type)).unwrap();
    let PublicNumbers::Rsa { n, .. } = info.numbers else { unreachable!() };
    let padded = |byte| [vec![0; k - 1], vec![byte]].concat();
    let ciphertexts = [
        (&scheme, flipped),
        (&scheme, good[1..].to_vec()),
        (&scheme, [&good[..], &[0]].concat()),
        (&scheme, [&[0], &good[..]].concat()),
        (&scheme, Vec::new()),
        (&scheme, padded(0)),
        (&scheme, padded(1)),
        (&scheme, padded(2)),
        (&scheme, n),
        (&scheme, vec![0xff; k]),
        (&oaep(Hash::Sha256, Hash::Sha256, b""), good.clone()),
        (&oaep(Hash::Sha256, Hash::Sha256, b"Label"), good.clone()),
        (&oaep(Hash::Sha1, Hash::Sha256, b"label"), good.clone()),
        (&oaep(Hash::Sha256, Hash::Sha1, b"label"), good.clone()),
    ];
    for (index, (scheme, ciphertext)) in ciphertexts.iter().enumerate() {
        let error = private.decrypt(scheme, ciphertext).expect_err("a wrong ciphertext");
        assert_eq!(error.to_string(), Error::decrypt_failed().to_string(), "{} case {index}", backend.name());
        assert!(error.source.is_none(), "{} case {index}", backend.name());
    }
}

fn refuses_encryption(backend: &dyn Backend, key_type: KeyType) {
    let (private, public) = open(backend, key_type);
    for scheme in [oaep(Hash::Sha256, Hash::Sha256, b""), EncryptScheme::RsaPkcs1, EncryptScheme::RsaRaw] {
        assert_eq!(code(public.encrypt(&scheme, b"x")), Some(ErrorCode::KeyTypeMismatch));
        assert_eq!(code(private.decrypt(&scheme, &[1; 256])), Some(ErrorCode::KeyTypeMismatch));
    }
    assert_eq!(code(private.decrypt_pkcs1_to_len(&[1; 256], 16)), Some(ErrorCode::KeyTypeMismatch));
}

/// FIPS 186-5 section 6.4.1: a short digest is a small number, and of a long one the leftmost bits count.
fn cuts_digests(backend: &dyn Backend) {
    for (curve, digest, same) in [
        (Curve::P521, bytes(20), [vec![0; 45], bytes(20)].concat()),
        (Curve::P521, bytes(64), [vec![0; 1], bytes(64)].concat()),
        (Curve::P521, bytes(66), [bytes(66), bytes(9)].concat()),
        (Curve::P521, vec![0xff; 66], [vec![0xff; 65], vec![0x80]].concat()),
        (Curve::P384, bytes(64), bytes(48)),
        (Curve::P384, bytes(20), [vec![0; 28], bytes(20)].concat()),
        (Curve::P256, bytes(64), bytes(32)),
        (Curve::P256, bytes(20), [vec![0; 12], bytes(20)].concat()),
    ] {
        let (private, public) = open(backend, KeyType::Ec(curve));
        let signature = private.sign(&SignScheme::Ecdsa, &digest).unwrap();
        assert!(public.verify(&SignScheme::Ecdsa, &same, &signature).unwrap(), "{} {curve:?}", backend.name());
    }
}

fn refuses_keys(backend: &dyn Backend) {
    let good = pkcs8(KeyType::Ec(Curve::P256));
    let long = [good, &[0]].concat();
    for garbage in [&[][..], b"garbage", &[0x30, 0x80], &good[..good.len() - 1], &good[1..], &long] {
        assert_eq!(code(backend.open(garbage)), Some(ErrorCode::KeyInvalid), "{}", backend.name());
        assert_eq!(code(backend.open_public(garbage)), Some(ErrorCode::KeyInvalid), "{}", backend.name());
    }
    for key_type in [KeyType::Rsa(2048), KeyType::Ec(Curve::P384)] {
        assert_eq!(code(backend.open(&spki(key_type))), Some(ErrorCode::KeyInvalid));
        assert_eq!(code(backend.open_public(pkcs8(key_type))), Some(ErrorCode::KeyInvalid));
    }
    for bits in [0, 512, 1024, 2047] {
        assert_eq!(code(backend.generate(KeyType::Rsa(bits))), Some(ErrorCode::KeyTooWeak), "{bits}");
    }
    for bits in [2049, 2056, 8448, u32::MAX] {
        assert_eq!(code(backend.generate(KeyType::Rsa(bits))), Some(ErrorCode::UnsupportedAlgorithm), "{bits}");
    }

    // A secret number that is not the public one's.
    let half = |key_type| pkcs8(key_type).len() / 2;
    for (key_type, at) in [(KeyType::Rsa(2048), half(KeyType::Rsa(2048))), (KeyType::Ec(Curve::P256), 50)] {
        let mut wrong = pkcs8(key_type).to_vec();
        wrong[at] ^= 1;
        assert_eq!(code(backend.open(&wrong)), Some(ErrorCode::KeyInvalid), "{} {key_type:?}", backend.name());
    }
}

#[test]
fn aws_lc() {
    contract(&AwsLc);
}

#[test]
fn rustcrypto() {
    contract(&RustCrypto);
}

/// Nothing here may panic, whatever the bytes are.
fn parse_everything(bytes: &[u8]) {
    let _ = check_import(bytes);
    let _ = public_info(bytes);
    for backend in BACKENDS {
        let _ = backend.open(bytes);
        let _ = backend.open_public(bytes);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse_everything(&bytes);
    }

    #[test]
    fn damaged_keys_never_panic(
        which in 0..2 * KEY_TYPES.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let key_type = KEY_TYPES[which / 2];
        let mut der = if which % 2 == 0 { pkcs8(key_type).to_vec() } else { spki(key_type) };
        for (at, byte) in damage {
            let at = at.index(der.len());
            der[at] = byte;
        }
        if let Some(cut) = cut {
            der.truncate(cut.index(der.len()));
        }
        parse_everything(&der);
    }
}

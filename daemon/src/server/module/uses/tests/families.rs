//! Every family of mechanisms, through the pipeline: known answers of the standards, and there and back again.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::MlDsaSet,
    mechanism::{Family, TABLE, hmac_key_type},
    pkcs11::v1::{
        self, AeadParams, ChaCha20Params, CtrParams, EdDsaParams, RsaOaepParams, RsaPssParams, SignContextParams,
        mechanism::Parameter, reply, request::Op,
    },
};

use super::bench::{Bench, Handle, code, number, plain, secret, template, with};
use crate::error::ErrorCode;

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub const READABLE: [(u64, bool); 2] = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];

pub fn aead(nonce: usize, tag_len_bytes: u64) -> Parameter {
    Parameter::Aead(AeadParams {
        nonce: vec![9; nonce].into(),
        associated_data: Bytes::from_static(b"header"),
        tag_len_bytes,
    })
}

pub fn oaep(hash: u64, mgf: u64) -> RsaOaepParams {
    RsaOaepParams { hash, mgf, label: Bytes::from_static(b"label") }
}

/// NIST SP 800-38A section F.
#[tokio::test]
async fn aes_gives_the_standards_answers() {
    let bench = Bench::standard().await;
    let value = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let key = bench.import(ck::CKK_AES, &value, &[(ck::CKA_ENCRYPT, true), (ck::CKA_DECRYPT, true)]).await.unwrap();
    let block = hex("6bc1bee22e409f96e93d7e117393172a");
    let iv = Parameter::Iv(hex("000102030405060708090a0b0c0d0e0f").into());
    let counter = CtrParams { counter_bits: 128, block: hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").into() };
    for (mechanism, expected) in [
        (plain(ck::CKM_AES_ECB), "3ad77bb40d7a3660a89ecaf32466ef97"),
        (with(ck::CKM_AES_CBC, iv), "7649abac8119b246cee98e9b12e9197d"),
        (with(ck::CKM_AES_CTR, Parameter::Ctr(counter)), "874d6191b620e3261bef6864990db6ce"),
    ] {
        let ciphertext = bench.encrypt(&key, mechanism.clone(), &block).await.unwrap();
        assert_eq!(ciphertext, hex(expected));
        assert_eq!(bench.decrypt(&key, mechanism, &ciphertext).await.unwrap(), block);
    }
    // RFC 3394 section 4.1.
    let kek = hex("000102030405060708090A0B0C0D0E0F");
    let kek = bench.import(ck::CKK_AES, &kek, &[(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)]).await.unwrap();
    let value = hex("00112233445566778899AABBCCDDEEFF");
    let target = bench.import(ck::CKK_AES, &value, &READABLE).await.unwrap();
    let wrapped = bench.wrap(&kek, plain(ck::CKM_AES_KEY_WRAP), &target).await.unwrap();
    assert_eq!(wrapped, hex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"));
    let back = bench.unwrap(&kek, plain(ck::CKM_AES_KEY_WRAP), &wrapped, secret(ck::CKK_AES, &READABLE)).await.unwrap();
    assert_eq!(bench.read(&back, ck::CKA_VALUE).await.unwrap().unwrap(), value);
}

#[tokio::test]
async fn every_cipher_gives_back_what_it_took_and_notices_what_was_changed() {
    let bench = Bench::standard().await;
    let flags = [(ck::CKA_ENCRYPT, true), (ck::CKA_DECRYPT, true)];
    let aes = bench.aes(&flags).await.unwrap();
    let chacha = bench.generate(plain(ck::CKM_CHACHA20_KEY_GEN), template(&flags, &[])).await.unwrap();
    let iv = || Parameter::Iv(vec![3; 16].into());
    let message = vec![5; 48];
    for (key, mechanism, authenticated) in [
        (&aes, plain(ck::CKM_AES_ECB), false),
        (&aes, with(ck::CKM_AES_CBC, iv()), false),
        (&aes, with(ck::CKM_AES_CBC_PAD, iv()), false),
        (&aes, with(ck::CKM_AES_CTR, Parameter::Ctr(CtrParams { counter_bits: 32, block: vec![1; 16].into() })), false),
        (&aes, with(ck::CKM_AES_GCM, aead(12, 16)), true),
        (&aes, with(ck::CKM_AES_CCM, aead(12, 8)), true),
        (&aes, plain(ck::CKM_AES_KEY_WRAP), true),
        (&aes, plain(ck::CKM_AES_KEY_WRAP_PAD), true),
        (&aes, plain(ck::CKM_AES_KEY_WRAP_KWP), true),
        (&chacha, with(ck::CKM_CHACHA20_POLY1305, aead(12, 0)), true),
        (
            &chacha,
            with(ck::CKM_CHACHA20, Parameter::Chacha20(ChaCha20Params { counter: 1, nonce: vec![2; 12].into() })),
            false,
        ),
    ] {
        let name = mechanism.as_ref().unwrap().r#type;
        let ciphertext = bench.encrypt(key, mechanism.clone(), &message).await.unwrap();
        assert_ne!(ciphertext[..message.len().min(ciphertext.len())], message[..], "0x{name:x}");
        assert_eq!(bench.decrypt(key, mechanism.clone(), &ciphertext).await.unwrap(), message, "0x{name:x}");
        let mut changed = ciphertext.to_vec();
        changed[20] ^= 1;
        let result = bench.decrypt(key, mechanism, &changed).await;
        match authenticated {
            true => assert_eq!(code(result), Some(ErrorCode::DecryptFailed), "0x{name:x}"),
            false => assert!(result.map_or(true, |plaintext| plaintext != message), "0x{name:x}"),
        }
    }
    assert_eq!(code(bench.encrypt(&chacha, plain(ck::CKM_AES_ECB), &message).await), Some(ErrorCode::KeyTypeMismatch));
}

/// A message in parts, the chaining block coming back from the module each time.
#[tokio::test]
async fn cbc_with_padding_works_in_parts() {
    let bench = Bench::standard().await;
    let key = bench.aes(&[(ck::CKA_ENCRYPT, true), (ck::CKA_DECRYPT, true)]).await.unwrap();
    let iv = vec![3; 16];
    let mechanism = |iv: &[u8]| with(ck::CKM_AES_CBC_PAD, Parameter::Iv(Bytes::copy_from_slice(iv)));
    let whole = bench.encrypt(&key, mechanism(&iv), &[8; 40]).await.unwrap();
    let request = |iv: &[u8], partial| v1::Encrypt {
        key: key.key(),
        mechanism: mechanism(iv),
        plaintext: vec![8; if partial { 32 } else { 8 }].into(),
        partial,
    };
    let mut parts = Vec::new();
    for partial in [true, false] {
        let iv = if partial { iv.clone() } else { parts[parts.len() - 16..].to_vec() };
        let reply::Result::Encrypted(reply) = bench.run(Op::Encrypt(request(&iv, partial))).await.unwrap() else {
            panic!("a reply of another kind");
        };
        parts.extend_from_slice(&reply.ciphertext);
    }
    assert_eq!(parts, whole);
}

/// RFC 4231 test case 2, RFC 4493 section 4.
#[tokio::test]
async fn macs_give_the_standards_answers() {
    let bench = Bench::standard().await;
    let flags = [(ck::CKA_SIGN, true), (ck::CKA_VERIFY, true)];
    let jefe = bench.import(ck::CKK_GENERIC_SECRET, b"Jefe", &flags).await.unwrap();
    let message = b"what do ya want for nothing?";
    let right = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(bench.sign(&jefe, plain(ck::CKM_SHA256_HMAC), message).await.unwrap(), right);
    let short = with(ck::CKM_SHA256_HMAC_GENERAL, Parameter::MacLenBytes(5));
    assert_eq!(bench.sign(&jefe, short.clone(), message).await.unwrap(), right[..5]);
    bench.verify(&jefe, short.clone(), message, &right[..5]).await.unwrap();
    assert_eq!(code(bench.verify(&jefe, short, message, &right[..6]).await), Some(ErrorCode::SignatureInvalid));

    let value = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let aes = bench.import(ck::CKK_AES, &value, &flags).await.unwrap();
    let message = hex("6bc1bee22e409f96e93d7e117393172a");
    let right = hex("070a16b46b4d4144f79bdd9dd04a287c");
    assert_eq!(bench.sign(&aes, plain(ck::CKM_AES_CMAC), &message).await.unwrap(), right);
    let general = with(ck::CKM_AES_CMAC_GENERAL, Parameter::MacLenBytes(4));
    assert_eq!(bench.sign(&aes, general, &message).await.unwrap(), right[..4]);
    let gmac = with(ck::CKM_AES_GMAC, Parameter::Iv(vec![1; 12].into()));
    let tag = bench.sign(&aes, gmac.clone(), &message).await.unwrap();
    bench.verify(&aes, gmac.clone(), &message, &tag).await.unwrap();
    assert_eq!(code(bench.verify(&aes, gmac, b"another", &tag).await), Some(ErrorCode::SignatureInvalid));
}

/// Every HMAC of the table, with the generic and its own key type, whole and in parts.
#[tokio::test]
async fn every_hmac_is_the_same_whole_and_in_parts() {
    let bench = Bench::standard().await;
    let flags = [(ck::CKA_SIGN, true), (ck::CKA_VERIFY, true)];
    for row in TABLE.iter().filter(|row| row.family == Family::Hmac) {
        let key = bench.import(hmac_key_type(row.hash.unwrap()), &[4; 32], &flags).await.unwrap();
        let generic = bench.import(ck::CKK_GENERIC_SECRET, &[4; 32], &flags).await.unwrap();
        let message: Vec<u8> = (0..1000u32).map(|number| number as u8).collect();
        let whole = bench.sign(&key, plain(row.mechanism), &message).await.unwrap();
        assert_eq!(bench.sign(&generic, plain(row.mechanism), &message).await.unwrap(), whole, "{}", row.name);
        assert_eq!(in_parts(&bench, &key, row.mechanism, &message, &[0, 1, 300, 700]).await, whole, "{}", row.name);
        let general = TABLE.iter().find(|other| other.family == Family::HmacGeneral && other.hash == row.hash).unwrap();
        let short = with(general.mechanism, Parameter::MacLenBytes(9));
        assert_eq!(bench.sign(&key, short, &message).await.unwrap(), whole[..9], "{}", general.name);
    }
    let aes = bench.import(ck::CKK_AES, &[4; 16], &flags).await.unwrap();
    let whole = bench.sign(&aes, plain(ck::CKM_AES_CMAC), &[1; 100]).await.unwrap();
    assert_eq!(in_parts(&bench, &aes, ck::CKM_AES_CMAC, &[1; 100], &[16, 33, 96]).await, whole);
}

pub async fn update(
    bench: &Bench,
    key: &Handle,
    mechanism: u64,
    state: Bytes,
    data: &[u8],
) -> crate::error::Result<Bytes> {
    let request = v1::UpdateMac {
        key: key.key(),
        mechanism: plain(mechanism),
        mac_state: state,
        data: Bytes::copy_from_slice(data),
        verify: false,
    };
    match bench.run(Op::UpdateMac(request)).await? {
        reply::Result::MacUpdated(reply) => Ok(reply.mac_state),
        _ => unreachable!("a reply of another kind"),
    }
}

pub async fn finish(
    bench: &Bench,
    key: &Handle,
    mechanism: u64,
    state: Bytes,
    data: &[u8],
) -> crate::error::Result<Bytes> {
    let request = v1::Sign {
        key: key.key(),
        mechanism: plain(mechanism),
        data: Bytes::copy_from_slice(data),
        recover: false,
        mac_state: state,
    };
    match bench.run(Op::Sign(request)).await? {
        reply::Result::Sign(reply) => Ok(reply.signature),
        _ => unreachable!("a reply of another kind"),
    }
}

async fn in_parts(bench: &Bench, key: &Handle, mechanism: u64, message: &[u8], cuts: &[usize]) -> Bytes {
    let (mut state, mut start) = (Bytes::new(), 0);
    for cut in cuts {
        state = update(bench, key, mechanism, state, &message[start..*cut]).await.unwrap();
        start = *cut;
    }
    finish(bench, key, mechanism, state, &message[start..]).await.unwrap()
}

#[tokio::test]
async fn every_signature_is_right() {
    let bench = Bench::standard().await;
    let backend = bench.pipeline.unsealed().unwrap().keys.backend.clone();
    let rsa = bench.rsa(&[], &[(ck::CKA_SIGN, true), (ck::CKA_SIGN_RECOVER, true)]).await.unwrap();
    let ec = bench.ec(&[], &[]).await.unwrap();
    let params = softkeep_proto::algorithm::EdwardsCurve::Ed25519.oid_der().to_vec();
    let public = template(&[], &[(ck::CKA_EC_PARAMS, params)]);
    let edwards = bench.pair(ck::CKM_EC_EDWARDS_KEY_PAIR_GEN, public, vec![]).await.unwrap();
    let public = template(&[], &[(ck::CKA_PARAMETER_SET, number(MlDsaSet::MlDsa65.parameter_set()))]);
    let lattice = bench.pair(ck::CKM_ML_DSA_KEY_PAIR_GEN, public, vec![]).await.unwrap();
    for row in TABLE.iter().filter(|row| row.flags & ck::CKF_SIGN != 0) {
        let digest = vec![6; row.hash.map_or(32, |hash| hash.len())];
        let hash = TABLE.iter().find(|other| other.family == Family::Digest && other.hash == row.hash);
        let hash = hash.map_or(ck::CKM_SHA256, |row| row.mechanism);
        let pss = RsaPssParams { hash, mgf: ck::CKG_MGF1_SHA256, salt_len_bytes: 20 };
        let context = SignContextParams { hedge: 0, context: Bytes::new(), hash: ck::CKM_SHA256 };
        let (key, mechanism, input) = match row.family {
            Family::RsaPkcs => (&rsa, plain(row.mechanism), digest),
            Family::RsaX509 => (&rsa, plain(row.mechanism), [vec![0], vec![6; 255]].concat()),
            Family::RsaPss => (&rsa, with(row.mechanism, Parameter::RsaPss(pss)), digest),
            Family::Ecdsa => (&ec, plain(row.mechanism), digest),
            Family::EdDsa => (&edwards, plain(row.mechanism), b"a message".to_vec()),
            Family::MlDsa => (&lattice, plain(row.mechanism), vec![6; 64]),
            Family::HashMlDsa => (&lattice, with(row.mechanism, Parameter::SignContext(context)), vec![6; 64]),
            _ => continue,
        };
        let signature = bench.sign(&key.0, mechanism.clone(), &input).await.unwrap_or_else(|error| {
            panic!("{}: {error}", row.name);
        });
        let scheme = match super::super::mechanism::sign(&mechanism.unwrap(), false).unwrap().how {
            crate::ops::method::Signing::Signature(scheme) => scheme,
            crate::ops::method::Signing::Mac { .. } => unreachable!("no MAC is left"),
        };
        let spki = key.1.value(ck::CKA_PUBLIC_KEY_INFO).unwrap();
        let public = backend.open_public(&spki).unwrap();
        assert!(public.verify(&scheme, &input, &signature).unwrap(), "{}", row.name);
        assert!(!public.verify(&scheme, &input, &[&[signature[0] ^ 1], &signature[1..]].concat()).unwrap());
    }
    let prehashed = EdDsaParams { prehash: true, context: Bytes::from_static(b"here") };
    let mechanism = with(ck::CKM_EDDSA, Parameter::Eddsa(prehashed));
    assert_eq!(bench.sign(&edwards.0, mechanism, &[1; 64]).await.unwrap().len(), 64);
    let recover = v1::Sign {
        key: rsa.0.key(),
        mechanism: plain(ck::CKM_RSA_PKCS),
        data: Bytes::from_static(b"to be read again"),
        recover: true,
        ..v1::Sign::default()
    };
    let reply::Result::Sign(reply) = bench.run(Op::Sign(recover)).await.unwrap() else { panic!("another reply") };
    let same = bench.sign(&rsa.0, plain(ck::CKM_RSA_PKCS), b"to be read again").await.unwrap();
    assert_eq!(reply.signature, same);
}

#[tokio::test]
async fn private_keys_decrypt() {
    let bench = Bench::standard().await;
    let backend = bench.pipeline.unsealed().unwrap().keys.backend.clone();
    let (private, public) = bench.rsa(&[], &[(ck::CKA_DECRYPT, true)]).await.unwrap();
    let public = backend.open_public(&public.value(ck::CKA_PUBLIC_KEY_INFO).unwrap()).unwrap();
    let parameters = oaep(ck::CKM_SHA384, ck::CKG_MGF1_SHA1);
    for mechanism in
        [with(ck::CKM_RSA_PKCS_OAEP, Parameter::RsaOaep(parameters)), plain(ck::CKM_RSA_PKCS), plain(ck::CKM_RSA_X_509)]
    {
        let scheme = match super::super::mechanism::decrypt(mechanism.as_ref().unwrap(), false).unwrap().how {
            crate::ops::method::Decryption::Private(scheme) => scheme,
            crate::ops::method::Decryption::Secret(_) => unreachable!("an RSA mechanism"),
        };
        let message = if mechanism.as_ref().unwrap().r#type == ck::CKM_RSA_X_509 { vec![1; 256] } else { vec![7; 30] };
        let ciphertext = public.encrypt(&scheme, &message).unwrap();
        assert_eq!(bench.decrypt(&private, mechanism, &ciphertext).await.unwrap(), message);
    }
}

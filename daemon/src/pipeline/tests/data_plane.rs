//! Key Vault's operations by all of its algorithms: what they make, what other implementations say to it, and what each refuses.

use cryptoki_sys as ck;
use proptest::prelude::*;
use softkeep_proto::{
    algorithm::{Hash, JOSE_ENCRYPTIONS, JOSE_SIGNATURES, JoseCipher, JoseSigning},
    pkcs11::v1::{Attribute, CreateObject as Template},
};

use super::*;
use crate::{
    keys::record::AccessPolicyRecord,
    ops::{
        create_object::CreateObject,
        decrypt::Decrypt,
        encrypt::{Encrypt, Encrypted},
    },
};

#[path = "data_plane/refusals.rs"]
mod refusals;

fn key(name: &str) -> KeyName {
    KeyName::Named(name.into(), None)
}

fn dev() -> VaultName {
    VaultName::Named("dev".into())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

async fn make(fixture: &Fixture, name: &str, kty: &str, size: u32, curve: &str, ops: &[&str]) {
    let request = v1::CreateKeyRequest {
        vault: "dev".into(),
        name: name.into(),
        kty: kty.into(),
        key_size_bits: size,
        curve: curve.into(),
        key_ops: ops.iter().map(|operation| (*operation).to_owned()).collect(),
        ..Default::default()
    };
    fixture.run(Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap();
}

/// A secret key of known bytes, brought in through PKCS#11: what Key Vault's names are checked with by published examples.
async fn bring(fixture: &Fixture, name: &str, key_type: u64, value: &[u8], flags: &[u64]) {
    let number = |value: u64| value.to_le_bytes().to_vec();
    let mut template = vec![
        (ck::CKA_CLASS, number(ck::CKO_SECRET_KEY)),
        (ck::CKA_KEY_TYPE, number(key_type)),
        (ck::CKA_VALUE, value.to_vec()),
        (ck::CKA_LABEL, name.as_bytes().to_vec()),
        (ck::CKA_TOKEN, vec![1]),
    ];
    template.extend(flags.iter().map(|flag| (*flag, vec![1])));
    let template = template.into_iter().map(|(kind, value)| Attribute { r#type: kind, value: value.into() }).collect();
    let create = CreateObject::parse(fixture.vault("dev"), Template { template, request_id: Default::default() });
    let user = fixture.user().await;
    fixture.run(user, create.unwrap()).await.unwrap();
}

fn encryption(algorithm: &str, plaintext: &[u8]) -> v1::EncryptRequest {
    v1::EncryptRequest { algorithm: algorithm.into(), plaintext: plaintext.to_vec(), ..Default::default() }
}

async fn encrypt(fixture: &Fixture, name: &str, request: v1::EncryptRequest) -> Result<Encrypted> {
    fixture.run(Caller::Internal, Encrypt::<false>::parse(dev(), key(name), request)?).await
}

async fn wrap(fixture: &Fixture, name: &str, request: v1::EncryptRequest) -> Result<Encrypted> {
    fixture.run(Caller::Internal, Encrypt::<true>::parse(dev(), key(name), request)?).await
}

fn decryption(algorithm: &str, encrypted: &Encrypted) -> v1::DecryptRequest {
    v1::DecryptRequest {
        algorithm: algorithm.into(),
        ciphertext: encrypted.ciphertext.clone(),
        iv: encrypted.iv.clone(),
        tag: encrypted.tag.clone(),
        aad: encrypted.aad.clone(),
        ..Default::default()
    }
}

async fn decrypt(fixture: &Fixture, name: &str, request: v1::DecryptRequest) -> Result<Vec<u8>> {
    let decrypt = Decrypt::<false>::parse(dev(), key(name), request)?;
    fixture.run(Caller::Internal, decrypt).await.map(|(plaintext, _)| plaintext.to_vec())
}

async fn unwrap(fixture: &Fixture, name: &str, request: v1::DecryptRequest) -> Result<Vec<u8>> {
    let unwrap = Decrypt::<true>::parse(dev(), key(name), request)?;
    fixture.run(Caller::Internal, unwrap).await.map(|(plaintext, _)| plaintext.to_vec())
}

async fn signature(fixture: &Fixture, name: &str, algorithm: &str, digest: &[u8]) -> Result<Vec<u8>> {
    let request = v1::SignRequest { key: None, algorithm: algorithm.into(), digest: digest.to_vec() };
    fixture.run(Caller::Internal, Sign::parse(dev(), key(name), request)?).await.map(|(signature, _)| signature)
}

async fn verify(fixture: &Fixture, caller: Caller, name: &str, request: (&str, &[u8], &[u8])) -> Result<bool> {
    let (algorithm, digest, signature) = request;
    let request = v1::VerifyRequest {
        key: None,
        algorithm: algorithm.into(),
        digest: digest.to_vec(),
        signature: signature.to_vec(),
    };
    fixture.run(caller, Verify::parse(dev(), key(name), request)?).await.map(|(valid, _)| valid)
}

const CRYPT: [&str; 4] = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];

#[tokio::test]
async fn every_encryption_algorithm_goes_there_and_back_with_the_key_it_is_for() {
    let fixture = Fixture::new().await;
    make(&fixture, "rsa", "RSA", 2048, "", &[]).await;
    let keys = ["rsa", "a128", "a192", "a256"];
    for (name, bits) in keys.into_iter().zip([0, 128, 192, 256]).skip(1) {
        make(&fixture, name, "oct", bits, "", &CRYPT).await;
    }
    let plaintext = [7; 32];
    for row in &JOSE_ENCRYPTIONS {
        for (index, name) in keys.into_iter().enumerate() {
            let fits = match (&row.cipher, row.key_bytes) {
                (JoseCipher::Rsa(_), _) => index == 0,
                (_, Some(bytes)) => index > 0 && bytes == 8 * (index + 1),
                (_, None) => index > 0,
            };
            for wraps in [false, true] {
                let request = encryption(row.name, &plaintext);
                let made = match wraps {
                    true => wrap(&fixture, name, request).await,
                    false => encrypt(&fixture, name, request).await,
                };
                if !fits {
                    assert_eq!(code(made), Some(ErrorCode::KeyTypeMismatch), "{} {name}", row.name);
                    continue;
                }
                let made = made.unwrap();
                let sizes = (made.iv.len(), made.tag.len(), made.ciphertext.len());
                let expected = match row.cipher {
                    JoseCipher::Rsa(_) => (0, 0, 256),
                    JoseCipher::Gcm => (12, 16, 32),
                    JoseCipher::Cbc => (16, 0, 32),
                    JoseCipher::CbcPad => (16, 0, 48),
                    JoseCipher::KeyWrap | JoseCipher::KeyWrapPad => (0, 0, 40),
                };
                assert_eq!(sizes, expected, "{}", row.name);
                let back = decryption(row.name, &made);
                let back = match wraps {
                    true => unwrap(&fixture, name, back).await,
                    false => decrypt(&fixture, name, back).await,
                };
                assert_eq!(back.unwrap(), plaintext, "{}", row.name);
            }
        }
    }
}

#[tokio::test]
async fn what_came_out_changed_does_not_open_and_says_no_more_than_that() {
    let fixture = Fixture::new().await;
    make(&fixture, "aes", "oct", 256, "", &CRYPT).await;
    let request = v1::EncryptRequest { aad: b"header".to_vec(), ..encryption("A256GCM", b"message") };
    let made = encrypt(&fixture, "aes", request).await.unwrap();
    assert_eq!(made.aad, b"header");
    let right = decryption("A256GCM", &made);
    assert_eq!(decrypt(&fixture, "aes", right.clone()).await.unwrap(), b"message");
    let changes: [fn(&mut v1::DecryptRequest); 4] = [
        |request| request.ciphertext[0] ^= 1,
        |request| request.tag[15] ^= 1,
        |request| request.aad.clear(),
        |request| request.iv[0] ^= 1,
    ];
    for change in changes {
        let mut wrong = right.clone();
        change(&mut wrong);
        let error = decrypt(&fixture, "aes", wrong).await.unwrap_err();
        assert_eq!((error.code, error.detail.as_str()), (ErrorCode::DecryptFailed, "decryption failed"));
    }
    let again = encrypt(&fixture, "aes", encryption("A256GCM", b"message")).await.unwrap();
    assert_ne!(again.iv, made.iv, "each message has a vector of its own");

    let made = encrypt(&fixture, "aes", encryption("A256KW", &[7; 32])).await.unwrap();
    let mut wrong = decryption("A256KW", &made);
    wrong.ciphertext[0] ^= 1;
    assert_eq!(code(unwrap(&fixture, "aes", wrong).await), Some(ErrorCode::DecryptFailed));
}

#[tokio::test]
async fn parameters_that_an_algorithm_has_not_are_refused() {
    let fixture = Fixture::new().await;
    make(&fixture, "aes", "oct", 256, "", &CRYPT).await;
    let with = |algorithm: &str, length: usize, iv: usize, aad: &[u8]| v1::EncryptRequest {
        iv: vec![1; iv],
        aad: aad.to_vec(),
        ..encryption(algorithm, &vec![7; length])
    };
    use ErrorCode::{InvalidLength, InvalidParameters, UnsupportedAlgorithm};
    for (request, expected) in [
        (with("A256GCM", 8, 12, b""), InvalidParameters),
        (with("A256CBC", 16, 8, b""), InvalidParameters),
        (with("A256CBC", 16, 16, b"aad"), InvalidParameters),
        (with("A256CBC", 15, 0, b""), InvalidLength),
        (with("A256KW", 16, 8, b""), InvalidParameters),
        (with("A256KW", 12, 0, b""), InvalidLength),
        (with("A256KW", 8, 0, b""), InvalidLength),
        (with("CKM_AES_KEY_WRAP_PAD", 0, 0, b""), InvalidLength),
        (with("RSA-OAEP", 16, 1, b""), InvalidParameters),
        (with("a256gcm", 16, 0, b""), UnsupportedAlgorithm),
        (with("dir", 16, 0, b""), UnsupportedAlgorithm),
    ] {
        let name = request.algorithm.clone();
        assert_eq!(code(encrypt(&fixture, "aes", request).await), Some(expected), "{name}");
    }
    let with = |algorithm: &str, iv: usize, tag: usize| v1::DecryptRequest {
        algorithm: algorithm.into(),
        ciphertext: vec![7; 32],
        iv: vec![1; iv],
        tag: vec![2; tag],
        ..Default::default()
    };
    for (request, expected) in [
        (with("A256GCM", 0, 16), InvalidParameters),
        (with("A256GCM", 12, 4), InvalidParameters),
        (with("A256GCM", 12, 0), InvalidParameters),
        (with("A256CBC", 0, 0), InvalidParameters),
        (with("A256CBC", 16, 16), InvalidParameters),
        (with("A256KW", 0, 16), InvalidParameters),
    ] {
        let shown = (request.algorithm.clone(), request.iv.len(), request.tag.len());
        assert_eq!(code(decrypt(&fixture, "aes", request).await), Some(expected), "{shown:?}");
    }
}

/// RFC 3394 section 4.1, RFC 5649 section 6, SP 800-38A section F.2.1, RFC 4231 section 4.3.
#[tokio::test]
async fn published_examples() {
    let fixture = Fixture::new().await;
    let flags = [ck::CKA_ENCRYPT, ck::CKA_DECRYPT];
    bring(&fixture, "kek128", ck::CKK_AES, &hex("000102030405060708090a0b0c0d0e0f"), &flags).await;
    let made = encrypt(&fixture, "kek128", encryption("A128KW", &hex("00112233445566778899aabbccddeeff"))).await;
    let expected = hex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    assert_eq!(made.unwrap().ciphertext, expected);
    let made =
        encrypt(&fixture, "kek128", encryption("CKM_AES_KEY_WRAP", &hex("00112233445566778899aabbccddeeff"))).await;
    assert_eq!(made.unwrap().ciphertext, expected);

    bring(&fixture, "kek192", ck::CKK_AES, &hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"), &flags).await;
    let wrapped = hex("c37b7e6492584340bed12207808941155068f738");
    let made = encrypt(&fixture, "kek192", encryption("CKM_AES_KEY_WRAP_PAD", &wrapped)).await.unwrap();
    assert_eq!(made.ciphertext, hex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"));

    bring(&fixture, "cbc128", ck::CKK_AES, &hex("2b7e151628aed2a6abf7158809cf4f3c"), &flags).await;
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    let request = v1::EncryptRequest { iv, ..encryption("A128CBC", &hex("6bc1bee22e409f96e93d7e117393172a")) };
    let made = encrypt(&fixture, "cbc128", request).await.unwrap();
    assert_eq!(made.ciphertext, hex("7649abac8119b246cee98e9b12e9197d"));

    bring(&fixture, "jefe", ck::CKK_GENERIC_SECRET, b"Jefe", &[ck::CKA_SIGN, ck::CKA_VERIFY]).await;
    let message = b"what do ya want for nothing?";
    for (algorithm, expected) in [
        ("HS256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ("HS384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"),
        (
            "HS512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        assert_eq!(signature(&fixture, "jefe", algorithm, message).await.unwrap(), hex(expected), "{algorithm}");
    }
}

#[tokio::test]
async fn another_implementation_opens_what_gcm_sealed() {
    use aes_gcm::{
        Aes256Gcm, KeyInit,
        aead::{Aead, Payload},
    };
    let fixture = Fixture::new().await;
    bring(&fixture, "gcm", ck::CKK_AES, &[9; 32], &[ck::CKA_ENCRYPT, ck::CKA_DECRYPT]).await;
    let request = v1::EncryptRequest { aad: b"header".to_vec(), ..encryption("A256GCM", b"message") };
    let made = encrypt(&fixture, "gcm", request).await.unwrap();
    let sealed = [&made.ciphertext[..], &made.tag].concat();
    let nonce: [u8; 12] = made.iv.as_slice().try_into().unwrap();
    let opened = Aes256Gcm::new(&[9; 32].into()).decrypt(&nonce.into(), Payload { msg: &sealed, aad: b"header" });
    assert_eq!(opened.unwrap(), b"message");
}

#[tokio::test]
async fn every_signature_algorithm_signs_with_its_key_and_another_library_agrees() {
    let fixture = Fixture::new().await;
    make(&fixture, "rsa", "RSA", 2048, "", &["sign", "verify"]).await;
    for curve in ["P-256", "P-384", "P-521", "P-256K"] {
        make(&fixture, curve, "EC", 0, curve, &["sign", "verify"]).await;
    }
    make(&fixture, "Ed25519", "OKP", 0, "Ed25519", &["sign", "verify"]).await;
    make(&fixture, "oct", "oct", 128, "", &["sign", "verify"]).await;
    let all = ["rsa", "P-256", "P-384", "P-521", "P-256K", "Ed25519", "oct"];
    let other = RustCrypto;
    for row in &JOSE_SIGNATURES {
        let own = match (row.name, row.curve) {
            (_, Some(curve)) => curve.name(),
            ("EdDSA", _) => "Ed25519",
            (name, _) if name.starts_with("HS") => "oct",
            _ => "rsa",
        };
        let input = vec![0x5a; row.hash.len()];
        for name in all.into_iter().filter(|name| *name != own) {
            let refused = signature(&fixture, name, row.name, &input).await;
            assert_eq!(code(refused), Some(ErrorCode::KeyTypeMismatch), "{} {name}", row.name);
            let refused = verify(&fixture, Caller::Internal, name, (row.name, &input, &[0; 64])).await;
            assert_eq!(code(refused), Some(ErrorCode::KeyTypeMismatch), "{} {name}", row.name);
        }
        let made = signature(&fixture, own, row.name, &input).await.unwrap();
        let check = |input: Vec<u8>, signature: Vec<u8>| {
            let fixture = &fixture;
            async move { verify(fixture, Caller::Internal, own, (row.name, &input, &signature)).await }
        };
        assert!(check(input.clone(), made.clone()).await.unwrap(), "{}", row.name);
        let mut changed = input.clone();
        changed[0] ^= 1;
        assert!(!check(changed, made.clone()).await.unwrap(), "{}", row.name);
        for wrong in [vec![], made[1..].to_vec(), [&made[..], &[0]].concat()] {
            assert!(!check(input.clone(), wrong).await.unwrap(), "{}", row.name);
        }
        // A digest has one length; a message any.
        let longer = signature(&fixture, own, row.name, &[0; 65]).await;
        match row.takes_digest() {
            true => assert_eq!(code(longer), Some(ErrorCode::InvalidLength), "{}", row.name),
            false => assert!(longer.is_ok(), "{}", row.name),
        }
        let scheme = match &row.signing {
            JoseSigning::Digest(scheme) => scheme.clone(),
            JoseSigning::Message(scheme) => scheme.clone(),
            JoseSigning::Mac => continue,
        };
        let public = fixture.run(Caller::Internal, GetKey(dev(), key(own))).await.unwrap();
        let public = other.open_public(&public.version.public.as_ref().unwrap().spki_der).unwrap();
        assert!(public.verify(&scheme, &input, &made).unwrap(), "{}", row.name);
    }
    assert_eq!(code(signature(&fixture, "rsa", "RS1", &[0; 20]).await), Some(ErrorCode::UnsupportedAlgorithm));
    assert_eq!(code(signature(&fixture, "rsa", "none", &[0; 20]).await), Some(ErrorCode::UnsupportedAlgorithm));
}

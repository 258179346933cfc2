//! Attacks on what comes in wrapped (BYOK): a blob taken apart, a key for one import used twice, keys that are none.

use softkeep_proto::algorithm::{EncryptScheme, Hash};

use super::*;
use crate::{
    crypto::{
        byok,
        cipher::{self, Cipher},
    },
    ops::{
        backup_key::BackupKey, decrypt::Decrypt, get_key::KeyView, import_key::ImportKey, rotate_key::RotateKey,
        update_key::UpdateKey,
    },
};

const AES_KEY: [u8; 32] = [7; 32];

fn premium() -> VaultName {
    VaultName::Named("premium".into())
}

/// A vault with a key for imports.
struct Vault {
    fixture: Fixture,
    kek: KeyView,
}

impl Vault {
    async fn new(single_use: bool) -> Self {
        let fixture = Fixture::new().await;
        let request = v1::CreateVaultRequest { name: "premium".into(), sku: "premium".into(), ..Default::default() };
        fixture.run(Caller::Internal, CreateVault::parse(request, false).unwrap()).await.unwrap();
        let request = v1::CreateKeyRequest {
            vault: "premium".into(),
            name: "kek".into(),
            kty: "RSA-HSM".into(),
            key_ops: vec!["import".into()],
            single_use,
            ..Default::default()
        };
        let kek = fixture.run(Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap();
        Self { fixture, kek }
    }

    async fn admin<O: Operation>(&self, operation: O) -> Result<O::Reply> {
        self.fixture.run(Caller::Internal, operation).await
    }

    fn hidden(&self, bytes: &[u8]) -> Vec<u8> {
        let public = AwsLc.open_public(&self.kek.version.record.public_key_der).unwrap();
        let oaep = EncryptScheme::RsaOaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
        public.encrypt(&oaep, bytes).unwrap()
    }

    /// What a sender makes: an AES key hides the target, the key for imports hides that.
    fn blob(&self, target: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let wrapped = cipher::encrypt(&Cipher::AesKwp { iv: None }, &AES_KEY, target).unwrap();
        (self.hidden(&AES_KEY), wrapped)
    }

    async fn import(&self, name: &str, algorithm: &str, blob: Vec<u8>) -> Result<KeyView> {
        let wrapped = v1::WrappedKey {
            blob,
            kek_name: "kek".into(),
            format: "aws".into(),
            algorithm: algorithm.into(),
            ..Default::default()
        };
        let request = v1::ImportKeyRequest {
            vault: "premium".into(),
            name: name.into(),
            wrapped: Some(wrapped),
            ..Default::default()
        };
        self.admin(ImportKey::parse(request)?).await.map(|imported| imported.key)
    }

    async fn decrypt<const UNWRAPS: bool>(&self, name: &str, request: v1::DecryptRequest) -> Result<Vec<u8>> {
        let key = KeyName::Named(name.into(), None);
        let decrypt = Decrypt::<UNWRAPS>::parse(premium(), key, request)?;
        self.admin(decrypt).await.map(|(plaintext, _)| plaintext.to_vec())
    }
}

/// The front of a blob is the AES key under RSA: brought in as a key of its own, it would open the rest.
#[tokio::test]
async fn a_blob_is_not_taken_apart() {
    let vault = Vault::new(false).await;
    let target =
        AwsLc.generate(softkeep_proto::algorithm::KeyType::Ec(softkeep_proto::algorithm::Curve::P256)).unwrap();
    let (hidden, wrapped) = vault.blob(&target);
    vault.import("target", "RSA_AES_KEY_WRAP_SHA_256", [&hidden[..], &wrapped].concat()).await.unwrap();
    for algorithm in ["RSAES_OAEP_SHA_256", ""] {
        vault.import("front", algorithm, hidden.clone()).await.unwrap();
        for (algorithm, iv) in
            [("CKM_AES_KEY_WRAP_PAD", 0), ("CKM_AES_KEY_WRAP", 0), ("A256KW", 0), ("A256CBC", 16), ("A256CBCPAD", 16)]
        {
            let request = || v1::DecryptRequest {
                algorithm: algorithm.into(),
                ciphertext: wrapped[..wrapped.len() / 16 * 16].to_vec(),
                iv: vec![0; iv],
                ..Default::default()
            };
            let whole = || v1::DecryptRequest { ciphertext: wrapped.clone(), ..request() };
            for result in [
                vault.decrypt::<true>("front", request()).await,
                vault.decrypt::<false>("front", request()).await,
                vault.decrypt::<true>("front", whole()).await,
                vault.decrypt::<false>("front", whole()).await,
            ] {
                assert_eq!(code(result), Some(ErrorCode::OperationNotPermitted), "{algorithm}");
            }
        }
    }
    // The one thing that a key like that is for goes on.
    let nonce = [1; 12];
    let gcm = Cipher::AesGcm { iv: nonce.to_vec(), aad: Vec::new(), tag_bytes: 16 };
    let mut ciphertext = cipher::encrypt(&gcm, &AES_KEY, b"data").unwrap();
    let tag = ciphertext.split_off(4);
    let iv = nonce.to_vec();
    let request = v1::DecryptRequest { algorithm: "A256GCM".into(), ciphertext, iv, tag, ..Default::default() };
    assert_eq!(vault.decrypt::<false>("front", request).await.unwrap(), b"data");
}

#[tokio::test]
async fn a_key_for_one_import_is_not_used_twice() {
    let vault = Vault::new(true).await;
    let (hidden, wrapped) = vault.blob(&[9; 32]);
    let blob = [hidden, wrapped].concat();
    let backup = || BackupKey { vault: premium(), name: "kek".into() };
    assert_eq!(
        code(vault.admin(backup()).await),
        Some(ErrorCode::ActionProhibited),
        "a copy would be good for one more"
    );
    vault.import("first", "RSA_AES_KEY_WRAP_SHA_256", blob.clone()).await.unwrap();
    let again = |name: &'static str| vault.import(name, "RSA_AES_KEY_WRAP_SHA_256", blob.clone());
    assert_eq!(code(again("second").await), Some(ErrorCode::KeyDisabled));
    let enabled = v1::KeyAttributes { enabled: Some(true), ..Default::default() };
    let request = v1::UpdateKeyRequest { attributes: Some(enabled), ..Default::default() };
    let enable = UpdateKey::parse(premium(), KeyName::Named("kek".into(), None), request).unwrap();
    assert_eq!(code(vault.admin(enable).await), Some(ErrorCode::ActionProhibited));
    assert_eq!(code(vault.admin(backup()).await), Some(ErrorCode::ActionProhibited));
    assert_eq!(code(again("second").await), Some(ErrorCode::KeyDisabled));
    // Its successor is another key, which opens nothing of this one's.
    let rotated = vault.admin(RotateKey::parse(premium(), "kek".into(), String::new()).unwrap()).await.unwrap();
    assert!(rotated.version.record.enabled && rotated.version.policy.single_use);
    assert_eq!(code(again("second").await), Some(ErrorCode::TransferBlobInvalid));
}

/// Whatever is behind the RSA key's door, if it is no key there is one answer.
#[tokio::test]
async fn what_is_no_key_has_one_answer() {
    let vault = Vault::new(false).await;
    let good = AwsLc.generate(softkeep_proto::algorithm::KeyType::Ec(softkeep_proto::algorithm::Curve::P256)).unwrap();
    let one_more = [&good[..], &[0]].concat();
    let mut other_half = good.to_vec();
    *other_half.last_mut().unwrap() ^= 1;
    let mut zero = good.to_vec();
    let scalar = scalar_of(&good);
    zero[scalar.clone()].fill(0);
    let mut too_large = good.to_vec();
    too_large[scalar].fill(0xff);
    let nested = (0..2000).fold(vec![], |inside: Vec<u8>, _| {
        [&[0x30, 0x82][..], &u16::try_from(inside.len().min(60000)).unwrap().to_be_bytes(), &inside].concat()
    });
    let told = byok::invalid();
    for (what, target) in [
        ("bytes behind it", one_more),
        ("another public half", other_half),
        ("a scalar of nothing", zero),
        ("a scalar above the order", too_large),
        ("many layers", nested),
        ("cut off", good[..good.len() / 2].to_vec()),
        ("text", b"-----BEGIN PRIVATE KEY-----".to_vec()),
        ("a secret key of another length", vec![5; 20]),
    ] {
        let (hidden, wrapped) = vault.blob(&target);
        let error = vault.import("x", "", [hidden, wrapped].concat()).await.err().expect(what);
        assert_eq!((error.code, &error.detail), (told.code, &told.detail), "{what}");
    }
    // And what was changed on the way.
    let (hidden, wrapped) = vault.blob(&good);
    for at in [0, 255, 256, 263, 264, hidden.len() + wrapped.len() - 1] {
        let mut blob = [&hidden[..], &wrapped].concat();
        blob[at] ^= 1;
        let error = vault.import("x", "RSA_AES_KEY_WRAP_SHA_256", blob).await.err().expect("a refusal");
        assert_eq!((error.code, &error.detail), (told.code, &told.detail), "byte {at}");
    }
    for (what, aes_key) in [("no key", &[][..]), ("a short one", &[1; 15]), ("a long one", &[1; 64])] {
        let blob = [vault.hidden(aes_key), wrapped.clone()].concat();
        let error = vault.import("x", "RSA_AES_KEY_WRAP_SHA_256", blob).await.err().expect(what);
        assert_eq!((error.code, &error.detail), (told.code, &told.detail), "{what}");
    }
}

/// Where the 32 bytes of a P-256 key are in its PKCS#8: behind the version of its ECPrivateKey.
fn scalar_of(pkcs8: &[u8]) -> std::ops::Range<usize> {
    let at = pkcs8.windows(5).position(|window| window == [0x02, 0x01, 0x01, 0x04, 0x20]).unwrap() + 5;
    at..at + 32
}

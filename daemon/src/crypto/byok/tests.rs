//! Forms, and what is behind them. Blobs that the `openssl` command line makes are in `tests/it/byok.rs`.

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use proptest::prelude::*;
use softkeep_proto::algorithm::{Curve, KeyType, SecretKind};

use super::*;
use crate::crypto::{AwsLc, Backend as _, RustCrypto, key_info, key_wrap};

const KID: &str = "https://dev.vault.azure.net/keys/KEK/0123456789abcdef0123456789abcdef";

struct Kek {
    private: std::sync::Arc<dyn PrivateKey>,
    public: std::sync::Arc<dyn crate::crypto::PublicKey>,
}

/// One for all tests: making one takes long.
fn kek() -> &'static Kek {
    static KEK: std::sync::OnceLock<Kek> = std::sync::OnceLock::new();
    KEK.get_or_init(|| {
        let pkcs8 = AwsLc.generate(KeyType::Rsa(2048)).unwrap();
        let spki = key_info::public_info_of_private(&pkcs8).unwrap().spki_der;
        Kek { private: AwsLc.open(&pkcs8).unwrap(), public: AwsLc.open_public(&spki).unwrap() }
    })
}

fn oaep(hash: Hash) -> EncryptScheme {
    EncryptScheme::RsaOaep { hash, mgf: hash, label: Vec::new() }
}

fn wrap(hash: Hash, aes_bytes: usize, target: &[u8]) -> Vec<u8> {
    key_wrap::rsa_aes_wrap(&*kek().public, &oaep(hash), aes_bytes, target).unwrap()
}

fn file(enc: &str, kid: &str, ciphertext: &[u8]) -> Vec<u8> {
    let ciphertext = Base64UrlUnpadded::encode_string(ciphertext);
    let header = serde_json::json!({"kid": kid, "alg": "dir", "enc": enc});
    serde_json::json!({"schema_version": "1.0.0", "header": header, "ciphertext": ciphertext, "generator": "g"})
        .to_string()
        .into_bytes()
}

fn open(blob: &[u8], format: &str, algorithm: &str) -> Result<Opened> {
    parse(blob, format, algorithm)?.open(2048, &*kek().private)
}

fn refusal(blob: &[u8], format: &str, algorithm: &str) -> Error {
    open(blob, format, algorithm).err().unwrap()
}

#[test]
fn every_dialect_opens_what_was_wrapped_in_it() {
    let target = b"sixteen bytes !!";
    for (hash, enc) in [
        (Hash::Sha1, "CKM_RSA_AES_KEY_WRAP"),
        (Hash::Sha256, "RSA_AES_KEY_WRAP_256"),
        (Hash::Sha384, "RSA_AES_KEY_WRAP_384"),
    ] {
        for aes_bytes in [16, 24, 32] {
            let blob = file(enc, KID, &wrap(hash, aes_bytes, target));
            assert_eq!(*open(&blob, "", "").unwrap().target, target, "{enc} {aes_bytes}");
            assert_eq!(*open(&blob, "azure", enc).unwrap().target, target);
        }
    }
    for (hash, aws) in [(Hash::Sha1, "RSA_AES_KEY_WRAP_SHA_1"), (Hash::Sha256, "RSA_AES_KEY_WRAP_SHA_256")] {
        let blob = wrap(hash, 32, target);
        let base64 = Base64::encode_string(&blob);
        for (blob, format, algorithm, dialect) in [
            (&blob[..], "", "", Dialect::Raw),
            (&blob, "", aws, Dialect::Aws),
            (&blob, "aws", "", Dialect::Aws),
            (&blob, "gcp", "", Dialect::Gcp),
            (base64.as_bytes(), "", "", Dialect::OpenBao),
            (base64.as_bytes(), "openbao", "", Dialect::OpenBao),
        ] {
            let envelope = parse(blob, format, algorithm).unwrap();
            assert_eq!(envelope.dialect, dialect, "{format} {algorithm}");
            let opened = envelope.open(2048, &*kek().private).unwrap();
            assert_eq!((&opened.target[..], &*opened.algorithm), (&target[..], &*name(hash, Layout::Aes)));
        }
        let direct = kek().public.encrypt(&oaep(hash), target).unwrap();
        assert_eq!(open(&direct, "", "").unwrap().algorithm, name(hash, Layout::Direct));
    }
}

/// One blob in 256 begins as a transfer file does.
#[test]
fn bytes_that_begin_with_a_brace_are_bytes() {
    for _ in 0..20_000 {
        let blob = kek().public.encrypt(&oaep(Hash::Sha256), b"sixteen bytes !!").unwrap();
        if blob.first() == Some(&b'{') {
            assert_eq!(open(&blob, "", "RSAES_OAEP_SHA_256").unwrap().target.as_slice(), b"sixteen bytes !!");
            return;
        }
    }
    panic!("no ciphertext begins with a brace");
}

#[test]
fn whatever_is_wrong_inside_has_one_answer() {
    let target = AwsLc.generate(KeyType::Ec(Curve::P256)).unwrap();
    let good = wrap(Hash::Sha256, 32, &target);
    let mut wrong = Vec::new();
    for place in [0, 100, 255, 256, good.len() - 1] {
        let mut blob = good.clone();
        blob[place] ^= 1;
        wrong.push(blob);
    }
    // Another hash, an AES key of no length, no AES key at all, a block that is no number below the modulus.
    wrong.push(wrap(Hash::Sha512, 32, &target));
    for aes_key in [&[7; 31][..], &[]] {
        let hidden = kek().public.encrypt(&oaep(Hash::Sha256), aes_key).unwrap();
        wrong.push([&hidden, &good[256..]].concat());
    }
    wrong.push([&[0xff; 256][..], &good[256..]].concat());
    wrong.push([&[0; 256][..], &good[256..]].concat());
    let words = |error: Error| (error.code, error.detail, error.source.is_none());
    for blob in wrong {
        let error = refusal(&blob, "aws", "RSA_AES_KEY_WRAP_SHA_256");
        assert_eq!(words(error), words(invalid()));
    }
    let mut direct = kek().public.encrypt(&oaep(Hash::Sha1), b"sixteen bytes !!").unwrap();
    direct[9] ^= 1;
    assert_eq!(words(refusal(&direct, "aws", "RSAES_OAEP_SHA_1")), words(invalid()));
}

#[test]
fn what_everybody_can_see_has_answers_of_its_own() {
    let good = wrap(Hash::Sha1, 32, b"sixteen bytes !!");
    let text = file("CKM_RSA_AES_KEY_WRAP", KID, &good);
    let said = |blob: &[u8], format: &str, algorithm: &str| refusal(blob, format, algorithm).detail;
    assert!(said(&[], "", "").contains("empty"));
    assert!(said(&vec![b'a'; MAX_BLOB_BYTES + 1], "", "").contains("at most"));
    for len in [1, 50, text.len() / 2, text.len() - 1] {
        assert!(said(&text[..len], "", "").contains("cut off"), "{len}");
    }
    assert!(said(&good[..good.len() - 1], "aws", "").contains("bytes"));
    assert!(said(&good[..255], "aws", "").contains("bytes"));
    assert!(said(&[&good[..], &[0; 8]].concat(), "aws", "RSAES_OAEP_SHA_1").contains("bytes"));
    assert!(said(&good, "aws", "RSA_AES_KEY_WRAP_SHA_512").contains("has no algorithm"));
    assert!(said(&good, "gcp", "rsa-oaep-2048-sha256-aes-256").contains("has no algorithm"));
    assert!(said(&good, "gcp", "RSA_OAEP_3072_SHA256_AES_256").contains("3072"));
    assert!(said(&good, "openbao", "").contains("base64"));
    assert!(said(&good, "vault", "").contains("unknown dialect"));
    assert!(said(&file("RSA1_5", KID, &good), "", "").contains("has no algorithm"));
    assert!(said(&file("CKM_RSA_AES_KEY_WRAP", "KEK", &good), "", "").contains("kid"));
    assert!(said(&file("CKM_RSA_AES_KEY_WRAP", KID, &good), "", "RSA_AES_KEY_WRAP_256").contains("not by"));
    assert_eq!(
        parse(&good, "aws", "").unwrap().open(1024, &*kek().private).err().unwrap().code,
        ErrorCode::KeyTypeMismatch
    );
}

#[test]
fn kids_name_a_key_and_perhaps_a_vault() {
    let kek = |kid: &str| parse(&file("CKM_RSA_AES_KEY_WRAP", kid, &[1]), "", "").map(|envelope| envelope.kek.unwrap());
    let found = kek(KID).unwrap();
    assert_eq!((found.vault.as_deref(), &*found.name, found.version.is_some()), (Some("dev"), "KEK", true));
    assert_eq!(kek("https://dev.vault.localhost:8443/keys/KEK").unwrap().version, None);
    // These hosts are the same for every vault.
    for host in ["localhost:8443", "127.0.0.1"] {
        assert_eq!(kek(&format!("https://{host}/keys/KEK")).unwrap().vault, None);
    }
    for none in
        ["https://dev.x/secrets/KEK", "https://dev.x/keys/", "https://dev.x/keys/KEK/12", "https://dev.x/keys/a/b/c"]
    {
        assert_eq!(kek(none).unwrap_err().code, ErrorCode::TransferBlobInvalid, "{none}");
    }
}

#[test]
fn what_is_inside_must_be_a_key_and_the_one_announced() {
    let read = |bytes: &[u8], kty: &str, curve: &str| {
        Target::of_unwrapped(Zeroizing::new(bytes.to_vec()), Kind::parse(kty, curve).unwrap(), &AwsLc)
            .map(|key| key.key_type)
    };
    let ec = AwsLc.generate(KeyType::Ec(Curve::P384)).unwrap();
    assert_eq!(read(&ec, "", "").unwrap(), KeyType::Ec(Curve::P384));
    assert_eq!(read(&ec, "EC-HSM", "P-384").unwrap(), KeyType::Ec(Curve::P384));
    assert_eq!(read(&[7; 24], "", "").unwrap(), KeyType::Secret(SecretKind::Aes, 24));
    assert_eq!(read(&[7; 16], "oct", "").unwrap(), KeyType::Secret(SecretKind::Aes, 16));
    for (bytes, kty, curve, code) in [
        (&ec[..], "RSA", "", ErrorCode::KeyTypeMismatch),
        (&ec, "EC", "P-256", ErrorCode::KeyTypeMismatch),
        (&ec, "", "Ed25519", ErrorCode::KeyTypeMismatch),
        (&ec, "RSA", "P-384", ErrorCode::KeyTypeMismatch),
        (&[7; 32], "", "P-256", ErrorCode::TransferBlobInvalid),
        (&ec, "oct", "", ErrorCode::TransferBlobInvalid),
        (&[7; 33], "", "", ErrorCode::TransferBlobInvalid),
        (&[&ec[..], &[0]].concat(), "", "", ErrorCode::TransferBlobInvalid),
        (&ec[..ec.len() - 1], "", "", ErrorCode::TransferBlobInvalid),
        (&[7; 32], "RSA", "", ErrorCode::TransferBlobInvalid),
    ] {
        assert_eq!(read(bytes, kty, curve).unwrap_err().code, code, "{kty} {curve} {}", bytes.len());
    }
    // The public key beside the private one is another's.
    let other = AwsLc.generate(KeyType::Ec(Curve::P384)).unwrap();
    let mut mixed = ec.to_vec();
    let point = mixed.len() - 96;
    mixed[point..].copy_from_slice(&other[point..]);
    assert_eq!(read(&mixed, "", "").unwrap_err().code, ErrorCode::TransferBlobInvalid);
}

#[test]
fn the_corpus_is_survived() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/transfer_blob");
    // How the corpus was begun: UPDATE_CORPUS names its folder.
    if let Some(folder) = std::env::var_os("UPDATE_CORPUS") {
        let pliant =
            [vec![0x17; 256], cipher::encrypt(&Cipher::AesKwp { iv: None }, &[0x42; 32], &[9; 32]).unwrap()].concat();
        let blob = wrap(Hash::Sha256, 32, &[9; 16]);
        for (name, content) in [
            ("azure", file("CKM_RSA_AES_KEY_WRAP", KID, &pliant)),
            ("softkeep", file("RSA_AES_KEY_WRAP_256", KID, &blob)),
            ("cut_off", file("CKM_RSA_AES_KEY_WRAP", KID, &pliant)[..200].to_vec()),
            ("aws", blob.clone()),
            ("raw", pliant.clone()),
            ("openbao", Base64::encode_string(&pliant).into_bytes()),
            ("direct", pliant[..256].to_vec()),
            ("no_kid", file("RSA_AES_KEY_WRAP_384", "https://x/keys//", &pliant)),
        ] {
            std::fs::write(std::path::Path::new(&folder).join(name), content).unwrap();
        }
    }
    let mut replayed = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        fuzzing::survive(&std::fs::read(file.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 8, "{replayed} files");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_wrapped_comes_out_again(target in prop::collection::vec(any::<u8>(), 9..300), which in 0..4_usize) {
        let hash = HASHES[which];
        prop_assert_eq!(&*open(&wrap(hash, 32, &target), "aws", "").unwrap().target, &target);
    }

    #[test]
    fn a_changed_blob_is_refused(place in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let mut blob = wrap(Hash::Sha256, 32, &[5; 40]);
        let place = place.index(blob.len());
        blob[place] ^= change;
        let error = refusal(&blob, "aws", "RSA_AES_KEY_WRAP_SHA_256");
        prop_assert_eq!(error.code, ErrorCode::TransferBlobInvalid);
        prop_assert_eq!(error.detail, invalid().detail);
    }

    #[test]
    fn any_bytes_are_survived(blob in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzzing::survive(&blob);
    }

    #[test]
    fn any_text_is_survived(text in "\\{\"schema_version\":\"1.0.0\",\"header\":\\{.{0,60}\\},\"ciphertext\":\".{0,40}\"\\}?") {
        fuzzing::survive(text.as_bytes());
    }
}

const HASHES: [Hash; 4] = [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512];

#[test]
fn both_backends_open_the_same() {
    let pkcs8 = AwsLc.generate(KeyType::Rsa(2048)).unwrap();
    let spki = key_info::public_info_of_private(&pkcs8).unwrap().spki_der;
    let blob =
        key_wrap::rsa_aes_wrap(&*AwsLc.open_public(&spki).unwrap(), &oaep(Hash::Sha384), 32, b"some secret").unwrap();
    let envelope = parse(&blob, "aws", "").unwrap();
    for private in [AwsLc.open(&pkcs8).unwrap(), RustCrypto.open(&pkcs8).unwrap()] {
        assert_eq!(*envelope.open(2048, &*private).unwrap().target, b"some secret");
    }
}

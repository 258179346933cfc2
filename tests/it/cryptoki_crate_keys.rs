//! What else the Rust crate `cryptoki` can ask for: secret keys, ciphers that authenticate, messages, wrapping,
//! derivation, key agreement, encapsulation and the newer signatures. OpenSSL and published vectors are the judges.

use std::{fs, path::PathBuf};

use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType, MessageParam,
        aead::{GcmMessageParams, GcmParams, GeneratorFunction},
        dsa::{HashSignAdditionalContext, HedgeType, SignAdditionalContext},
        eddsa::{EddsaParams, EddsaSignatureScheme},
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
        hkdf::{HkdfParams, HkdfSalt},
        misc::KeyDerivationStringData,
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource},
    },
    object::{
        Attribute, AttributeType, KeyType, MlDsaParameterSetType, MlKemParameterSetType, ObjectClass, ObjectHandle,
        ParameterSetType,
    },
    session::Session,
};
use softkeep_tests::{Daemon, client::Client, output_of, run};

const MESSAGE: &[u8] = b"what is signed, encrypted or authenticated, 64 bytes altogether.";

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(code, _)) => code,
        other => panic!("not a refusal of the module: {other:?}"),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bring_in(session: &Session, key_type: KeyType, value: &[u8], uses: &[Attribute]) -> ObjectHandle {
    let what = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(key_type),
        Attribute::Value(value.into()),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    session.create_object(&[&what, uses].concat()).unwrap()
}

/// A template for a secret key whose value may be read.
fn open(key_type: KeyType, len: u64) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(key_type),
        Attribute::ValueLen(len.into()),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ]
}

fn value(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match &session.get_attributes(key, &[AttributeType::Value]).unwrap()[..] {
        [Attribute::Value(value)] => value.clone(),
        other => panic!("no value: {other:?}"),
    }
}

fn point(session: &Session, key: ObjectHandle) -> Vec<u8> {
    match &session.get_attributes(key, &[AttributeType::EcPoint]).unwrap()[..] {
        [Attribute::EcPoint(point)] => point.clone(),
        other => panic!("no point: {other:?}"),
    }
}

fn openssl(daemon: &Daemon, line: &str) {
    output_of(&mut daemon.openssl(&line.split(' ').collect::<Vec<_>>()));
}

/// OpenSSL's output file for a line that ends in `-out`.
fn by_openssl(daemon: &Daemon, line: &str) -> Vec<u8> {
    openssl(daemon, &format!("{line} out"));
    fs::read(daemon.path("out")).unwrap()
}

#[test]
fn aes_agrees_with_openssl_in_one_part_and_in_many() {
    let client = Client::start();
    let (session, daemon) = (client.logged_in(), &client.daemon);
    daemon.write("message", MESSAGE);
    let key: Vec<u8> = (0..32).collect();
    let uses = [Attribute::Encrypt(true), Attribute::Decrypt(true), Attribute::Sign(true), Attribute::Verify(true)];
    let inside = bring_in(&session, KeyType::AES, &key, &uses);
    let iv = [9; 16];
    for (mechanism, name) in [
        (Mechanism::AesCbc(iv), "aes-256-cbc -nopad -iv 09090909090909090909090909090909"),
        (Mechanism::AesCbcPad(iv), "aes-256-cbc -iv 09090909090909090909090909090909"),
        (Mechanism::AesEcb, "aes-256-ecb -nopad"),
    ] {
        let expected = by_openssl(daemon, &format!("enc -{name} -K {} -in message -out", hex(&key)));
        assert_eq!(session.encrypt(&mechanism, inside, MESSAGE).unwrap(), expected, "{name}");
        assert_eq!(session.decrypt(&mechanism, inside, &expected).unwrap(), MESSAGE, "{name}");
        session.encrypt_init(&mechanism, inside).unwrap();
        let mut parts: Vec<u8> = Vec::new();
        MESSAGE.chunks(5).for_each(|part| parts.extend(session.encrypt_update(part).unwrap()));
        parts.extend(session.encrypt_final().unwrap());
        assert_eq!(parts, expected, "{name}");
    }
}

#[test]
fn macs_agree_with_openssl() {
    let client = Client::start();
    let (session, daemon) = (client.logged_in(), &client.daemon);
    daemon.write("message", MESSAGE);
    let key: Vec<u8> = (0..32).collect();
    let uses = [Attribute::Sign(true), Attribute::Verify(true)];
    let aes = bring_in(&session, KeyType::AES, &key, &uses);
    let generic = bring_in(&session, KeyType::GENERIC_SECRET, &key, &uses);
    for (mechanism, inside, name) in [
        (Mechanism::AesCMac, aes, "-mac CMAC -macopt cipher:aes-256-cbc"),
        (Mechanism::Sha1Hmac, generic, "-sha1 -mac HMAC"),
        (Mechanism::Sha224Hmac, generic, "-sha224 -mac HMAC"),
        (Mechanism::Sha256Hmac, generic, "-sha256 -mac HMAC"),
        (Mechanism::Sha384Hmac, generic, "-sha384 -mac HMAC"),
        (Mechanism::Sha512Hmac, generic, "-sha512 -mac HMAC"),
    ] {
        openssl(daemon, &format!("dgst {name} -macopt hexkey:{} -binary -out mac message", hex(&key)));
        let expected = fs::read(daemon.path("mac")).unwrap();
        assert_eq!(session.sign(&mechanism, inside, MESSAGE).unwrap(), expected, "{name}");
        session.sign_init(&mechanism, inside).unwrap();
        MESSAGE.chunks(9).for_each(|part| session.sign_update(part).unwrap());
        assert_eq!(session.sign_final().unwrap(), expected, "{name}");
        session.verify(&mechanism, inside, MESSAGE, &expected).unwrap();
        let refused = session.verify(&mechanism, inside, b"another message", &expected);
        assert_eq!(code(refused), RvError::SignatureInvalid, "{name}");
    }
    let made = session.generate_key(&Mechanism::Sha256KeyGen, &[Attribute::ValueLen(32.into())]).unwrap();
    assert_eq!(session.sign(&Mechanism::Sha256Hmac, made, MESSAGE).unwrap().len(), 32);
}

/// GCM of 16 zeros under a key and nonce of zeros: the second test case of the GCM specification.
const GCM_SEALED: &str = "0388dace60b6a392f328c2b971b2fe78";
const GCM_TAG: &str = "ab6e47d42cec13bdf53a67b21257bddf";

#[test]
fn gcm_is_the_specifications_in_one_call_and_by_messages() {
    let client = Client::start();
    let session = client.logged_in();
    let key = bring_in(&session, KeyType::AES, &[0; 16], &[Attribute::Encrypt(true), Attribute::Decrypt(true)]);
    let mut iv = [0; 12];
    let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, b"", 128.into()).unwrap());
    let whole = session.encrypt(&mechanism, key, &[0; 16]).unwrap();
    assert_eq!(hex(&whole), [GCM_SEALED, GCM_TAG].concat());
    assert_eq!(session.decrypt(&mechanism, key, &whole).unwrap(), [0; 16]);

    let (mut iv, mut tag) = ([0; 12], [0; 16]);
    let none = GeneratorFunction::NoGenerate;
    let parameters = GcmMessageParams::new(&mut iv, 0.into(), none, &mut tag).unwrap();
    session.message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key).unwrap();
    let sealed = session.encrypt_message(&MessageParam::AesGcmMessage(parameters), b"", &[0; 16]).unwrap();
    assert_eq!((hex(&sealed), hex(parameters.tag())), (GCM_SEALED.to_owned(), GCM_TAG.to_owned()));
    // The next message under the same operation, with a nonce that the token chooses.
    let (mut chosen, mut chosen_tag) = ([0; 12], [0; 16]);
    let random = GeneratorFunction::GenerateRandom;
    let mut second = GcmMessageParams::new(&mut chosen, 0.into(), random, &mut chosen_tag).unwrap();
    let other = session.encrypt_message(&MessageParam::AesGcmMessage(second), b"aad", MESSAGE).unwrap();
    assert_ne!(second.iv(), [0; 12], "no nonce was chosen");
    session.message_encrypt_final().unwrap();

    session.message_decrypt_init(&Mechanism::AesGcmMessage(parameters), key).unwrap();
    let parameter = MessageParam::AesGcmMessage(parameters);
    assert_eq!(session.decrypt_message(&parameter, b"", &sealed).unwrap(), [0; 16]);
    let second = GcmMessageParams::new(&mut chosen, 0.into(), none, &mut chosen_tag).unwrap();
    let parameter = MessageParam::AesGcmMessage(second);
    assert_eq!(session.decrypt_message(&parameter, b"aad", &other).unwrap(), MESSAGE);
    // The crate has no name for CKR_AEAD_DECRYPT_FAILED.
    session.decrypt_message(&parameter, b"another", &other).unwrap_err();
    session.message_decrypt_final().unwrap();
}

#[test]
fn keys_are_wrapped_and_unwrapped() {
    let client = Client::start();
    let (session, daemon) = (client.logged_in(), &client.daemon);
    // RFC 3394 section 4.1.
    let key = bytes("000102030405060708090a0b0c0d0e0f");
    let wrapping = bring_in(&session, KeyType::AES, &key, &[Attribute::Wrap(true), Attribute::Unwrap(true)]);
    let secret = bring_in(&session, KeyType::AES, &bytes("00112233445566778899aabbccddeeff"), &[]);
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, wrapping, secret).unwrap();
    assert_eq!(hex(&wrapped), "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    let template = [&open(KeyType::AES, 0)[..2], &open(KeyType::AES, 0)[3..], &[Attribute::Encrypt(true)]].concat();
    let again = session.unwrap_key(&Mechanism::AesKeyWrap, wrapping, &wrapped, &template).unwrap();
    assert_eq!(value(&session, again), value(&session, secret));
    let mut damaged = wrapped.clone();
    damaged[0] ^= 1;
    let refused = session.unwrap_key(&Mechanism::AesKeyWrap, wrapping, &damaged, &template);
    assert_eq!(code(refused), RvError::WrappedKeyInvalid);
    // A sensitive key is not handed to a wrapping key that somebody may know.
    let sensitive = [Attribute::ValueLen(32.into()), Attribute::Extractable(true), Attribute::Sensitive(true)];
    let sensitive = session.generate_key(&Mechanism::AesKeyGen, &sensitive).unwrap();
    assert_eq!(code(session.wrap_key(&Mechanism::AesKeyWrap, wrapping, sensitive)), RvError::KeyNotWrappable);
    let only = [Attribute::ValueLen(32.into()), Attribute::Wrap(true), Attribute::Unwrap(true)];
    let unknown = [Attribute::Encrypt(false), Attribute::Decrypt(false), Attribute::Extractable(false)];
    let unknown = session.generate_key(&Mechanism::AesKeyGen, &[&only[..], &unknown].concat()).unwrap();
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrap, unknown, sensitive).unwrap();
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    let again = session.unwrap_key(&Mechanism::AesKeyWrap, unknown, &wrapped, &template).unwrap();
    let sealed = session.encrypt(&Mechanism::AesEcb, sensitive, &[0; 16]).unwrap();
    assert_eq!(session.decrypt(&Mechanism::AesEcb, again, &sealed).unwrap(), [0; 16]);
    // RSA-OAEP both ways.
    let public = [Attribute::ModulusBits(2048.into()), Attribute::Wrap(true)];
    let private = [Attribute::Unwrap(true)];
    let pair = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap();
    let source = PkcsOaepSource::empty();
    let oaep = Mechanism::RsaPkcsOaep(PkcsOaepParams::new(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, source));
    let wrapped = session.wrap_key(&oaep, pair.0, secret).unwrap();
    let again = session.unwrap_key(&oaep, pair.1, &wrapped, &template).unwrap();
    daemon.write("block", [0; 16]);
    let expected = by_openssl(daemon, "enc -aes-128-ecb -nopad -K 00112233445566778899aabbccddeeff -in block -out");
    assert_eq!(session.encrypt(&Mechanism::AesEcb, again, &[0; 16]).unwrap(), expected);
}

#[test]
fn derivations_are_the_published_ones() {
    let client = Client::start();
    let session = client.logged_in();
    // RFC 5869, test case 1.
    let base = bring_in(&session, KeyType::GENERIC_SECRET, &[0x0b; 22], &[Attribute::Derive(true)]);
    let (salt, info) = (bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"));
    let hkdf = HkdfParams::new(MechanismType::SHA256, Some(HkdfSalt::Data(&salt)), Some(&info));
    let derived = session.derive_key(&Mechanism::HkdfDerive(hkdf), base, &open(KeyType::GENERIC_SECRET, 42)).unwrap();
    let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    assert_eq!(hex(&value(&session, derived)), expected);
    for (mechanism, expected) in [
        (Mechanism::ConcatenateBaseAndData(KeyDerivationStringData::new(b"ab")), [&[0x0b; 22][..], b"ab"].concat()),
        (Mechanism::ConcatenateDataAndBase(KeyDerivationStringData::new(b"ab")), [b"ab", &[0x0b; 22][..]].concat()),
        (Mechanism::ConcatenateBaseAndKey(base), vec![0x0b; 44]),
        (Mechanism::XorBaseAndData(KeyDerivationStringData::new(&[0xff; 22])), vec![0xf4; 22]),
    ] {
        let len = u64::try_from(expected.len()).unwrap();
        let derived = session.derive_key(&mechanism, base, &open(KeyType::GENERIC_SECRET, len)).unwrap();
        assert_eq!(value(&session, derived), expected, "{mechanism:?}");
    }
    let not_for_that = bring_in(&session, KeyType::GENERIC_SECRET, b"not for that", &[Attribute::Derive(false)]);
    let mechanism = Mechanism::ConcatenateBaseAndData(KeyDerivationStringData::new(b"ab"));
    let refused = code(session.derive_key(&mechanism, not_for_that, &open(KeyType::GENERIC_SECRET, 14)));
    assert_eq!(refused, RvError::KeyFunctionNotPermitted);
}

/// DER of the names of the curves: the OIDs of RFC 5480 and RFC 8410.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const X25519: &[u8] = b"\x06\x03\x2b\x65\x6e";

#[test]
fn keys_are_agreed_on_with_openssl() {
    let client = Client::start();
    let (session, daemon) = (client.logged_in(), &client.daemon);
    for (mechanism, params, spki, genpkey, len) in [
        (
            Mechanism::EccKeyPairGen,
            P256,
            "3059301306072a8648ce3d020106082a8648ce3d030107034200",
            "EC -pkeyopt ec_paramgen_curve:P-256",
            65,
        ),
        (Mechanism::EccMontgomeryKeyPairGen, X25519, "302a300506032b656e032100", "X25519", 32),
    ] {
        let public = [Attribute::EcParams(params.into())];
        let pair = session.generate_key_pair(&mechanism, &public, &[Attribute::Derive(true)]).unwrap();
        let inside = point(&session, pair.0);
        daemon.write("inside.der", [bytes(spki), inside[inside.len() - len..].to_vec()].concat());
        openssl(daemon, &format!("genpkey -algorithm {genpkey} -out partner.pem"));
        openssl(daemon, "pkey -in partner.pem -pubout -outform DER -out partner.der");
        let partner = fs::read(daemon.path("partner.der")).unwrap();
        let shared = by_openssl(daemon, "pkeyutl -derive -inkey partner.pem -peerkey inside.der -peerform DER -out");
        let public_data = &partner[partner.len() - len..];
        let plain = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), public_data));
        let derived = session.derive_key(&plain, pair.1, &open(KeyType::GENERIC_SECRET, 32)).unwrap();
        assert_eq!(value(&session, derived), shared, "{genpkey}");
        let hashed = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::sha256(b"info"), public_data));
        let derived = session.derive_key(&hashed, pair.1, &open(KeyType::AES, 32)).unwrap();
        daemon.write("x963", [&shared[..], &[0, 0, 0, 1], b"info"].concat());
        let expected = fs::read(daemon.digest("sha256", &daemon.path("x963"))).unwrap();
        assert_eq!(value(&session, derived), expected, "{genpkey}, X9.63");
    }
}

/// OpenSSL's verdict on a signature of Ed25519.
fn ed25519_verifies(daemon: &Daemon, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key: PathBuf = daemon.write("ed.der", [&bytes("302a300506032b6570032100"), public].concat());
    let mut verify = daemon.openssl(&["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey"]);
    verify.arg(key).arg("-in").arg(daemon.write("message", message));
    run(verify.arg("-sigfile").arg(daemon.write("signature", signature))).status.success()
}

#[test]
fn the_newer_signatures_and_encapsulation_work() {
    let client = Client::start();
    let session = client.logged_in();
    let public = [Attribute::EcParams(ED25519.into())];
    let pair = session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &[]).unwrap();
    let eddsa = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
    let signature = session.sign(&eddsa, pair.1, MESSAGE).unwrap();
    session.verify(&eddsa, pair.0, MESSAGE, &signature).unwrap();
    let inside = point(&session, pair.0);
    let inside = &inside[inside.len() - 32..];
    assert!(ed25519_verifies(&client.daemon, inside, MESSAGE, &signature));
    assert!(!ed25519_verifies(&client.daemon, inside, b"another message", &signature));

    let context = SignAdditionalContext::new(HedgeType::Required, Some(b"context"));
    for set in [MlDsaParameterSetType::ML_DSA_44, MlDsaParameterSetType::ML_DSA_65, MlDsaParameterSetType::ML_DSA_87] {
        let public = [Attribute::ParameterSet(ParameterSetType::from(set))];
        let pair = session.generate_key_pair(&Mechanism::MlDsaKeyPairGen, &public, &[]).unwrap();
        let plain = SignAdditionalContext::new(HedgeType::Preferred, None);
        for mechanism in [Mechanism::MlDsa(plain), Mechanism::MlDsa(context), Mechanism::HashMlDsaSha512(context)] {
            let signature = session.sign(&mechanism, pair.1, MESSAGE).unwrap();
            session.verify(&mechanism, pair.0, MESSAGE, &signature).unwrap();
            session.verify_signature_init(&mechanism, pair.0, &signature).unwrap();
            session.verify_signature(MESSAGE).unwrap();
            let refused = session.verify(&mechanism, pair.0, b"another message", &signature);
            assert_eq!(code(refused), RvError::SignatureInvalid, "{mechanism:?}");
        }
        let digest = session.digest(&Mechanism::Sha256, MESSAGE).unwrap();
        let hashed = HashSignAdditionalContext::new(HedgeType::Preferred, None, MechanismType::SHA256);
        let signature = session.sign(&Mechanism::HashMlDsa(hashed), pair.1, &digest).unwrap();
        let hashed = Mechanism::HashMlDsaSha256(plain);
        session.verify(&hashed, pair.0, MESSAGE, &signature).unwrap();
    }
    for set in
        [MlKemParameterSetType::ML_KEM_512, MlKemParameterSetType::ML_KEM_768, MlKemParameterSetType::ML_KEM_1024]
    {
        let public = [Attribute::ParameterSet(ParameterSetType::from(set))];
        let pair = session.generate_key_pair(&Mechanism::MlKemKeyPairGen, &public, &[]).unwrap();
        let template = open(KeyType::GENERIC_SECRET, 32);
        let (sealed, made) = session.encapsulate_key(&Mechanism::MlKem, pair.0, &template).unwrap();
        let opened = session.decapsulate_key(&Mechanism::MlKem, pair.1, &template, &sealed).unwrap();
        assert_eq!(value(&session, opened), value(&session, made));
    }
}

#[test]
fn an_ecdsa_signature_without_the_zeros_before_both_numbers_is_verified() {
    const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
    let client = Client::start();
    let session = client.logged_in();
    let public = [Attribute::EcParams(P521.into())];
    let pair = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &[]).unwrap();
    // Each number is below 2^521, so that its first byte is 0 or 1.
    let signatures = (0..200).map(|_| session.sign(&Mechanism::EcdsaSha512, pair.1, MESSAGE).unwrap());
    let whole = signatures.into_iter().find(|signature| (signature[0], signature[66]) == (0, 0)).unwrap();
    let short = [&whole[1..66], &whole[67..]].concat();
    session.verify(&Mechanism::EcdsaSha512, pair.0, MESSAGE, &short).unwrap();
    let refused = session.verify(&Mechanism::EcdsaSha512, pair.0, b"another message", &short);
    assert_eq!(code(refused), RvError::SignatureInvalid);
    let odd = session.verify(&Mechanism::EcdsaSha512, pair.0, MESSAGE, &short[1..]);
    assert_eq!(code(odd), RvError::SignatureLenRange);
}

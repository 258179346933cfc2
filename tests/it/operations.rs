//! Operations in parts, over messages and with a PIN for each use, with the real daemon, by the crate `cryptoki`. What
//! can be had elsewhere is compared with OpenSSL.

use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism, MessageParam,
        aead::{GcmMessageParams, GcmParams, GeneratorFunction},
        dsa::{HedgeType, SignAdditionalContext},
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, KeyType, MlDsaParameterSetType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use softkeep_tests::{
    PIN,
    client::{Client, pin},
    stdout_of,
};

const SECRET: [u8; 32] = [0x42; 32];
const IV: [u8; 16] = [0x24; 16];
/// DER of id-Ed25519, RFC 8410.
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(code, _)) => code,
        other => panic!("not a refusal of the module: {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret whose value OpenSSL can be given too.
fn secret(session: &Session, key_type: KeyType) -> ObjectHandle {
    session
        .create_object(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(key_type),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Sign(true),
            Attribute::Verify(true),
            Attribute::Value(SECRET.into()),
        ])
        .unwrap()
}

fn parts(data: &[u8], part: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    data.chunks(1000).flat_map(part).collect()
}

#[test]
fn a_cipher_in_parts_is_openssls() {
    let client = Client::start();
    let session = client.logged_in();
    let key = secret(&session, KeyType::AES);
    let message: Vec<u8> = (0..4321u32).map(|number| number as u8).collect();
    let file = client.daemon.write("message", &message);
    let openssl = |arguments: &[&str]| {
        let out = client.daemon.path("by-openssl");
        let mut command = client.daemon.openssl(&["enc", "-e", "-K", &hex(&SECRET)]);
        stdout_of(command.args(arguments).arg("-in").arg(&file).arg("-out").arg(&out));
        std::fs::read(out).unwrap()
    };
    let padded = Mechanism::AesCbcPad(IV);
    let expected = openssl(&["-aes-256-cbc", "-iv", &hex(&IV)]);
    assert_eq!(session.encrypt(&padded, key, &message).unwrap(), expected);
    session.encrypt_init(&padded, key).unwrap();
    let mut sealed = parts(&message, |part| session.encrypt_update(part).unwrap());
    sealed.extend(session.encrypt_final().unwrap());
    assert_eq!(sealed, expected);
    session.decrypt_init(&padded, key).unwrap();
    let mut opened = parts(&sealed, |part| session.decrypt_update(part).unwrap());
    opened.extend(session.decrypt_final().unwrap());
    assert_eq!(opened, message);
    // Without padding the message is whole blocks, or an error at the end, which ends the operation.
    session.encrypt_init(&Mechanism::AesCbc(IV), key).unwrap();
    assert_eq!(session.encrypt_update(&message[..20]).unwrap().len(), 16);
    assert_eq!(code(session.encrypt_final()), RvError::DataLenRange);
    assert_eq!(code(session.encrypt_update(&message)), RvError::OperationNotInitialized);
    assert_eq!(session.encrypt(&Mechanism::AesEcb, key, &[0; 32]).unwrap().len(), 32);
}

#[test]
fn a_mac_of_a_message_larger_than_a_call_is_openssls() {
    let client = Client::start();
    let session = client.logged_in();
    let key = secret(&session, KeyType::GENERIC_SECRET);
    let message = vec![0x5a; 1_500_000];
    let file = client.daemon.write("message", &message);
    let key_option = format!("hexkey:{}", hex(&SECRET));
    let arguments = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key_option, "-r"];
    let by_openssl = stdout_of(client.daemon.openssl(&arguments).arg(&file));
    let mac = session.sign(&Mechanism::Sha256Hmac, key, &message).unwrap();
    assert_eq!(by_openssl.split_whitespace().next(), Some(&hex(&mac)[..]));
    session.sign_init(&Mechanism::Sha256Hmac, key).unwrap();
    message.chunks(100_000).for_each(|part| session.sign_update(part).unwrap());
    assert_eq!(session.sign_final().unwrap(), mac);
    session.verify_signature_init(&Mechanism::Sha256Hmac, key, &mac).unwrap();
    message.chunks(700_000).for_each(|part| session.verify_signature_update(part).unwrap());
    session.verify_signature_final().unwrap();
    let wrong = session.verify(&Mechanism::Sha256Hmac, key, &message[1..], &mac);
    assert_eq!(code(wrong), RvError::SignatureInvalid);
}

#[test]
fn messages_have_nonces_made_here_and_tags_beside_them() {
    let client = Client::start();
    let session = client.logged_in();
    let key = secret(&session, KeyType::AES);
    let (mut iv, mut tag) = ([0xaa; 12], [0; 16]);
    let seal = |iv: &mut [u8; 12], tag: &mut [u8; 16]| {
        let params = GcmMessageParams::new(iv, 32.into(), GeneratorFunction::GenerateCounter, tag).unwrap();
        session.encrypt_message(&MessageParam::AesGcmMessage(params), b"header", b"inside").unwrap()
    };
    let params = GcmMessageParams::new(&mut iv, 32.into(), GeneratorFunction::GenerateCounter, &mut tag).unwrap();
    session.message_encrypt_init(&Mechanism::AesGcmMessage(params), key).unwrap();
    for count in 0..3 {
        let sealed = seal(&mut iv, &mut tag);
        assert_eq!(iv, [0xaa, 0xaa, 0xaa, 0xaa, 0, 0, 0, 0, 0, 0, 0, count]);
        let mut nonce = iv;
        let whole = Mechanism::AesGcm(GcmParams::new(&mut nonce, b"header", 128.into()).unwrap());
        assert_eq!(session.decrypt(&whole, key, &[&sealed[..], &tag].concat()).unwrap(), b"inside");
        let mut nonce = iv;
        let params = GcmMessageParams::new(&mut nonce, 0.into(), GeneratorFunction::NoGenerate, &mut tag).unwrap();
        session.message_decrypt_init(&Mechanism::AesGcmMessage(params), key).unwrap();
        let parameter = MessageParam::AesGcmMessage(params);
        assert_eq!(session.decrypt_message(&parameter, b"header", &sealed).unwrap(), b"inside");
        assert!(session.decrypt_message(&parameter, b"another", &sealed).is_err());
        session.message_decrypt_final().unwrap();
    }
    session.message_encrypt_final().unwrap();
}

fn pair(session: &Session, mechanism: &Mechanism, public: Attribute) -> (ObjectHandle, ObjectHandle) {
    let public = [public, Attribute::Verify(true)];
    session.generate_key_pair(mechanism, &public, &[Attribute::Sign(true)]).unwrap()
}

#[test]
fn newer_signatures_are_verified_here() {
    let client = Client::start();
    let session = client.logged_in();
    let message = b"what is signed, a little at a time";
    let edwards = pair(&session, &Mechanism::EccEdwardsKeyPairGen, Attribute::EcParams(ED25519.into()));
    let set = Attribute::ParameterSet(MlDsaParameterSetType::ML_DSA_65.into());
    let lattice = pair(&session, &Mechanism::MlDsaKeyPairGen, set);
    let context = || SignAdditionalContext::new(HedgeType::Preferred, Some(b"context"));
    for ((public, private), mechanism) in [
        (edwards, Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))),
        (edwards, Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519ph(b"context")))),
        (edwards, Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519ctx(b"context")))),
        (lattice, Mechanism::MlDsa(context())),
        (lattice, Mechanism::HashMlDsaSha256(context())),
    ] {
        session.sign_init(&mechanism, private).unwrap();
        message.chunks(7).for_each(|part| session.sign_update(part).unwrap());
        let signature = session.sign_final().unwrap();
        session.verify(&mechanism, public, message, &signature).unwrap();
        session.verify_init(&mechanism, public).unwrap();
        message.chunks(5).for_each(|part| session.verify_update(part).unwrap());
        session.verify_final(&signature).unwrap();
        let refused = session.verify(&mechanism, public, &message[1..], &signature);
        assert_eq!(code(refused), RvError::SignatureInvalid, "{mechanism:?}");
    }
}

#[test]
fn a_key_that_asks_for_the_pin_each_time() {
    let client = Client::start();
    let session = client.logged_in();
    let public = [Attribute::ModulusBits(2048.into()), Attribute::Verify(true)];
    let private = [Attribute::Sign(true), Attribute::AlwaysAuthenticate(true), Attribute::Private(true)];
    let (public, private) = session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap();
    let sign = || {
        session.sign_update(b"message")?;
        session.sign_final()
    };
    session.sign_init(&Mechanism::Sha256RsaPkcs, private).unwrap();
    assert_eq!(code(sign()), RvError::UserNotLoggedIn);
    session.sign_init(&Mechanism::Sha256RsaPkcs, private).unwrap();
    assert_eq!(code(session.login(UserType::ContextSpecific, Some(&pin("4321")))), RvError::PinIncorrect);
    session.login(UserType::ContextSpecific, Some(&pin(PIN))).unwrap();
    let signature = sign().unwrap();
    session.verify(&Mechanism::Sha256RsaPkcs, public, b"message", &signature).unwrap();
    session.sign_init(&Mechanism::Sha256RsaPkcs, private).unwrap();
    assert_eq!(code(sign()), RvError::UserNotLoggedIn, "one PIN, one signature");
    let nothing_waits = session.login(UserType::ContextSpecific, Some(&pin(PIN)));
    assert_eq!(code(nothing_waits), RvError::OperationNotInitialized);
}

#[test]
fn the_value_of_a_key_goes_into_a_digest_if_it_may_be_read() {
    let client = Client::start();
    let session = client.logged_in();
    let open = secret(&session, KeyType::AES);
    let closed = session.generate_key(&Mechanism::AesKeyGen, &[Attribute::ValueLen(32.into())]).unwrap();
    session.digest_init(&Mechanism::Sha256).unwrap();
    session.digest_update(b"salt").unwrap();
    session.digest_key(open).unwrap();
    let expected = session.digest(&Mechanism::Sha256, &[&b"salt"[..], &SECRET].concat());
    assert_eq!(code(expected), RvError::OperationActive);
    let digest = session.digest_final().unwrap();
    assert_eq!(digest, session.digest(&Mechanism::Sha256, &[&b"salt"[..], &SECRET].concat()).unwrap());
    session.digest_init(&Mechanism::Sha256).unwrap();
    assert_eq!(code(session.digest_key(closed)), RvError::KeyIndigestible);
}

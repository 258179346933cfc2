//! Keys that are wrapped, unwrapped, derived and encapsulated, with the real daemon, by the crate `cryptoki`.

use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism,
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
    },
    object::{Attribute, AttributeType, KeyType, MlKemParameterSetType, ObjectClass, ObjectHandle},
    session::Session,
};
use softkeep_tests::client::Client;

/// DER of the curve's OID, RFC 5480.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(code, _)) => code,
        other => panic!("not a refusal of the module: {other:?}"),
    }
}

fn aes(session: &Session, more: &[Attribute]) -> ObjectHandle {
    let template = [&[Attribute::ValueLen(32.into())], more].concat();
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

/// A key that wraps and unwraps by any mechanism, because it wraps no sensitive key.
fn open_wrapping_key(session: &Session) -> ObjectHandle {
    let open = [Attribute::Extractable(true), Attribute::Sensitive(false)];
    aes(session, &[&open[..], &[Attribute::Wrap(true), Attribute::Unwrap(true)]].concat())
}

/// The attributes of a secret that the test may look at.
fn readable(key_type: KeyType) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(key_type),
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

#[test]
fn a_wrapped_key_comes_back_the_same() {
    let client = Client::start();
    let session = client.logged_in();
    let wrapping = open_wrapping_key(&session);
    let key = aes(&session, &[Attribute::Extractable(true), Attribute::Sensitive(false), Attribute::Encrypt(true)]);
    // What it encrypts is how a key is known again that may not be read.
    let encrypted = |key| session.encrypt(&Mechanism::AesCbcPad([5; 16]), key, b"known again").unwrap();
    let template =
        [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), Attribute::Encrypt(true)];
    let kinds = [(Mechanism::AesKeyWrap, 40), (Mechanism::AesKeyWrapPad, 48), (Mechanism::AesCbcPad([1; 16]), 48)];
    for (mechanism, len) in kinds {
        let wrapped = session.wrap_key(&mechanism, wrapping, key).unwrap();
        assert_eq!(wrapped.len(), len, "{mechanism:?}");
        let back = session.unwrap_key(&mechanism, wrapping, &wrapped, &template).unwrap();
        assert_eq!(encrypted(back), encrypted(key), "{mechanism:?}");
        let short = session.unwrap_key(&mechanism, wrapping, &wrapped[..len - 1], &template);
        assert!(short.is_err(), "{mechanism:?}");
    }
    let fixed = aes(&session, &[Attribute::Extractable(false)]);
    assert_eq!(code(session.wrap_key(&Mechanism::AesKeyWrap, wrapping, fixed)), RvError::KeyUnextractable);
}

#[test]
fn a_wrapped_private_key_signs_as_before() {
    let client = Client::start();
    let session = client.logged_in();
    let wrapping = open_wrapping_key(&session);
    let public = [Attribute::EcParams(P256.into()), Attribute::Token(false)];
    let private =
        [Attribute::Sign(true), Attribute::Extractable(true), Attribute::Sensitive(false), Attribute::Token(false)];
    let (public, private) = session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap();
    // Its length is asked for first, and is that of what comes then.
    let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping, private).unwrap();
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(KeyType::EC), Attribute::Sign(true)];
    let back = session.unwrap_key(&Mechanism::AesKeyWrapPad, wrapping, &wrapped, &template).unwrap();
    let signature = session.sign(&Mechanism::EcdsaSha256, back, b"message").unwrap();
    session.verify(&Mechanism::EcdsaSha256, public, b"message", &signature).unwrap();
}

#[test]
fn two_sides_derive_one_secret() {
    let client = Client::start();
    let session = client.logged_in();
    let pair = || {
        let public = [Attribute::EcParams(P256.into()), Attribute::Token(false)];
        let private = [Attribute::Derive(true), Attribute::Token(false)];
        session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap()
    };
    let (ours, theirs) = (pair(), pair());
    let point = |public| match &session.get_attributes(public, &[AttributeType::EcPoint]).unwrap()[..] {
        [Attribute::EcPoint(point)] => point.clone(),
        other => panic!("no point: {other:?}"),
    };
    let derive = |private, public| {
        let point = point(public);
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), &point));
        let template = [readable(KeyType::GENERIC_SECRET), vec![Attribute::ValueLen(32.into())]].concat();
        let secret = session.derive_key(&mechanism, private, &template).unwrap();
        value(&session, secret)
    };
    let secret = derive(ours.1, theirs.0);
    assert_eq!(secret.len(), 32);
    assert_eq!(secret, derive(theirs.1, ours.0));
    assert_ne!(secret, derive(ours.1, ours.0));
}

#[test]
fn an_encapsulated_secret_is_the_same_at_both_ends() {
    let client = Client::start();
    let session = client.logged_in();
    let kem = |set| {
        let public = [Attribute::ParameterSet(set), Attribute::Encapsulate(true), Attribute::Token(false)];
        let private = [Attribute::Decapsulate(true), Attribute::Token(false)];
        session.generate_key_pair(&Mechanism::MlKemKeyPairGen, &public, &private).unwrap()
    };
    let sets = [
        (MlKemParameterSetType::ML_KEM_512, 768),
        (MlKemParameterSetType::ML_KEM_768, 1088),
        (MlKemParameterSetType::ML_KEM_1024, 1568),
    ];
    for (set, len) in sets {
        let (public, private) = kem(set.into());
        let template = [readable(KeyType::GENERIC_SECRET), vec![Attribute::ValueLen(32.into())]].concat();
        let (ciphertext, secret) = session.encapsulate_key(&Mechanism::MlKem, public, &template).unwrap();
        assert_eq!(ciphertext.len(), len);
        let same = session.decapsulate_key(&Mechanism::MlKem, private, &template, &ciphertext).unwrap();
        assert_eq!(value(&session, secret), value(&session, same));
        let other = kem(set.into()).1;
        let another = session.decapsulate_key(&Mechanism::MlKem, other, &template, &ciphertext).unwrap();
        assert_ne!(value(&session, secret), value(&session, another), "implicit rejection");
    }
}

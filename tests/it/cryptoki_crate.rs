//! The Rust crate `cryptoki` (PKCS#11 3.2 by way of C_GetInterface) in this process, told where the daemon is by
//! C_Initialize's `pReserved`. OpenSSL checks the signatures with the public keys as the CLI has them.

use std::{path::PathBuf, thread};

use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType,
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams},
    },
    object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, SessionState, UserType},
};
use softkeep_tests::{
    PIN, VAULT,
    client::{Client, pin},
    stdout_of,
    tools::ecdsa_der,
};

/// DER of the curves' OIDs, RFC 5480.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const MESSAGE: &[u8] = b"what is signed";

/// The refusal's code and the function that gave it.
fn rv<T: std::fmt::Debug>(result: Result<T, Error>) -> (RvError, String) {
    match result {
        Err(Error::Pkcs11(error, function)) => (error, format!("{function:?}")),
        other => panic!("not a refusal of the module: {other:?}"),
    }
}

fn rsa_pair(session: &Session, label: &str) -> (ObjectHandle, ObjectHandle) {
    let name = || [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())];
    let [token, text, id] = name();
    let public = [token, text, id, Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
    let [token, text, id] = name();
    let private = [token, text, id, Attribute::Private(true), Attribute::Sign(true), Attribute::Decrypt(true)];
    session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).unwrap()
}

fn ec_pair(session: &Session, label: &str, curve: &[u8]) -> (ObjectHandle, ObjectHandle) {
    let public = [
        Attribute::Token(true),
        Attribute::EcParams(curve.into()),
        Attribute::Label(label.into()),
        Attribute::Verify(true),
    ];
    let private =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Label(label.into()), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap()
}

fn pss(hash_alg: MechanismType, mgf: PkcsMgfType, salt: u64) -> PkcsPssParams {
    PkcsPssParams { hash_alg, mgf, s_len: salt.into() }
}

#[test]
fn the_token_describes_itself() {
    let client = Client::start();
    let library = client.pkcs11().get_library_info().unwrap();
    assert_eq!((library.cryptoki_version().major(), library.cryptoki_version().minor()), (3, 2));
    assert_eq!(library.manufacturer_id(), "Softkeep");
    let token = client.pkcs11().get_token_info(client.slot).unwrap();
    assert_eq!((token.label(), token.manufacturer_id()), (VAULT, "Softkeep"));
    assert!(token.login_required() && token.user_pin_initialized() && token.token_initialized() && token.rng());
    assert!(!token.user_pin_locked() && !token.write_protected());
    assert!(token.min_pin_length() >= 4 && token.max_pin_length() >= 8);
    let id = client.daemon.json(&["keyvault", "show", "--name", VAULT]).to_string();
    assert!(id.contains(token.serial_number()), "{} in {id}", token.serial_number());
    for mechanism in client.pkcs11().get_mechanism_list(client.slot).unwrap() {
        client.pkcs11().get_mechanism_info(client.slot, mechanism).unwrap();
    }
    let rsa = client.pkcs11().get_mechanism_info(client.slot, MechanismType::RSA_PKCS_KEY_PAIR_GEN).unwrap();
    assert!(rsa.generate_key_pair() && rsa.min_key_size() == 2048 && rsa.max_key_size() == 8192);
}

#[test]
fn pairs_made_from_templates_are_found_and_described() {
    let client = Client::start();
    let session = client.logged_in();
    assert_eq!(session.get_session_info().unwrap().session_state(), SessionState::RwUser);
    let (rsa_public, rsa_private) = rsa_pair(&session, "rsa");
    let (ec_public, ec_private) = ec_pair(&session, "ec", P256);
    let find = |template: &[Attribute]| session.find_objects(template).unwrap();
    let private = || Attribute::Class(ObjectClass::PRIVATE_KEY);
    assert_eq!(find(&[private(), Attribute::Label(b"rsa".into())]), [rsa_private]);
    assert_eq!(find(&[private(), Attribute::Id(b"rsa".into())]), [rsa_private]);
    assert_eq!(find(&[private(), Attribute::KeyType(KeyType::EC)]), [ec_private]);
    assert_eq!(find(&[Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(b"ec".into())]), [ec_public]);
    assert!(find(&[Attribute::Label(b"nobody".into())]).is_empty());
    assert_eq!(find(&[private()]).len(), 2);

    let asked = [AttributeType::Modulus, AttributeType::PublicExponent, AttributeType::ModulusBits];
    let found = session.get_attributes(rsa_public, &asked).unwrap();
    let [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent), Attribute::ModulusBits(bits)] = &found[..]
    else {
        panic!("{found:?}");
    };
    assert_eq!((&exponent[..], u64::from(*bits)), (&[1, 0, 1][..], 2048));
    let public_key = client.daemon.download("rsa");
    let by_openssl = stdout_of(client.daemon.openssl(&["rsa", "-pubin", "-noout", "-modulus", "-in"]).arg(public_key));
    let hex: String = modulus.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(by_openssl.trim(), format!("Modulus={hex}"));

    let asked = [AttributeType::EcParams, AttributeType::EcPoint];
    let found = session.get_attributes(ec_public, &asked).unwrap();
    let [Attribute::EcParams(curve), Attribute::EcPoint(point)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&curve[..], &point[..3], point.len()), (P256, &[4, 65, 4][..], 67), "an OCTET STRING of a whole point");
    client.daemon.cli(&["key", "download", "--name", "ec", "--encoding", "DER", "--file", "ec.der"]);
    assert!(std::fs::read(client.daemon.path("ec.der")).unwrap().ends_with(&point[2..]), "the CLI has the same point");

    for key in [rsa_private, ec_private] {
        let asked = [
            AttributeType::Sensitive,
            AttributeType::AlwaysSensitive,
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
            AttributeType::Local,
            AttributeType::Private,
            AttributeType::AlwaysAuthenticate,
        ];
        let expected = [
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Local(true),
            Attribute::Private(true),
            Attribute::AlwaysAuthenticate(false),
        ];
        assert_eq!(session.get_attributes(key, &asked).unwrap(), expected);
    }
    let secret =
        [AttributeType::PrivateExponent, AttributeType::Prime1, AttributeType::Coefficient, AttributeType::EcPoint];
    let info = session.get_attribute_info(rsa_private, &secret).unwrap();
    use AttributeInfo::{Sensitive, TypeInvalid};
    assert!(matches!(info[..], [Sensitive, Sensitive, Sensitive, TypeInvalid]), "{info:?}");
    let info = session.get_attribute_info(ec_private, &[AttributeType::Value]).unwrap();
    assert!(matches!(info[..], [Sensitive]), "{info:?}");
    assert!(
        session.get_attributes(ec_private, &[AttributeType::Value]).unwrap().is_empty(),
        "the private value came out"
    );
}

#[test]
fn rsa_signatures_are_verified_by_openssl() {
    let client = Client::start();
    let session = client.logged_in();
    let (public, private) = rsa_pair(&session, "rsa");
    let sha256 = pss(MechanismType::SHA256, PkcsMgfType::MGF1_SHA256, 32);
    let sha512 = pss(MechanismType::SHA512, PkcsMgfType::MGF1_SHA512, 20);
    let padding = |salt: &'static str| ["-sigopt", "rsa_padding_mode:pss", "-sigopt", salt];
    for (mechanism, options) in [
        (Mechanism::Sha1RsaPkcs, vec!["-sha1"]),
        (Mechanism::Sha256RsaPkcs, vec!["-sha256"]),
        (Mechanism::Sha384RsaPkcs, vec!["-sha384"]),
        (Mechanism::Sha512RsaPkcs, vec!["-sha512"]),
        (Mechanism::Sha256RsaPkcsPss(sha256), [&["-sha256"][..], &padding("rsa_pss_saltlen:32")].concat()),
        (Mechanism::Sha512RsaPkcsPss(sha512), [&["-sha512"][..], &padding("rsa_pss_saltlen:20")].concat()),
    ] {
        let signature = session.sign(&mechanism, private, MESSAGE).unwrap();
        assert!(client.openssl_verifies(&options, "rsa", MESSAGE, &signature), "{mechanism:?}");
        session.verify(&mechanism, public, MESSAGE, &signature).unwrap();
        let refused = rv(session.verify(&mechanism, public, b"what is not signed", &signature));
        assert_eq!(refused.0, RvError::SignatureInvalid, "{mechanism:?}");
    }
    let wrong = rv(session.sign(&Mechanism::EcdsaSha256, private, MESSAGE));
    assert_eq!(wrong, (RvError::KeyTypeInconsistent, "SignInit".into()));
    let not_for_that = rv(session.sign(&Mechanism::Sha256RsaPkcs, public, MESSAGE));
    assert_eq!(not_for_that.1, "SignInit", "a public key signs nothing: {not_for_that:?}");
}

#[test]
fn ec_signatures_are_verified_by_openssl() {
    let client = Client::start();
    let session = client.logged_in();
    for (label, curve, width) in [("p256", P256, 32), ("p384", P384, 48)] {
        let (public, private) = ec_pair(&session, label, curve);
        for (mechanism, hash) in [
            (Mechanism::EcdsaSha1, "-sha1"),
            (Mechanism::EcdsaSha256, "-sha256"),
            (Mechanism::EcdsaSha384, "-sha384"),
            (Mechanism::EcdsaSha512, "-sha512"),
        ] {
            let signature = session.sign(&mechanism, private, MESSAGE).unwrap();
            assert_eq!(signature.len(), 2 * width);
            assert!(client.openssl_verifies(&[hash], label, MESSAGE, &ecdsa_der(&signature)), "{label} {mechanism:?}");
            session.verify(&mechanism, public, MESSAGE, &signature).unwrap();
            let refused = rv(session.verify(&mechanism, public, b"what is not signed", &signature));
            assert_eq!(refused.0, RvError::SignatureInvalid, "{label} {mechanism:?}");
        }
        let message = client.daemon.write("message", MESSAGE);
        let digest: PathBuf = client.daemon.digest("sha256", &message);
        let signature = session.sign(&Mechanism::Ecdsa, private, &std::fs::read(digest).unwrap()).unwrap();
        assert!(
            client.openssl_verifies(&["-sha256"], label, MESSAGE, &ecdsa_der(&signature)),
            "{label} with its own digest"
        );
    }
}

#[test]
fn a_message_in_parts_has_the_signature_of_the_whole() {
    let client = Client::start();
    let session = client.logged_in();
    let (rsa_public, rsa) = rsa_pair(&session, "rsa");
    let (_, ec) = ec_pair(&session, "ec", P256);
    let in_parts = |mechanism: &Mechanism, key| {
        session.sign_init(mechanism, key).unwrap();
        MESSAGE.chunks(5).for_each(|part| session.sign_update(part).unwrap());
        session.sign_final().unwrap()
    };
    let whole = session.sign(&Mechanism::Sha256RsaPkcs, rsa, MESSAGE).unwrap();
    assert_eq!(in_parts(&Mechanism::Sha256RsaPkcs, rsa), whole, "PKCS#1 v1.5 has one signature per message");
    let signature = in_parts(&Mechanism::EcdsaSha256, ec);
    assert!(client.openssl_verifies(&["-sha256"], "ec", MESSAGE, &ecdsa_der(&signature)));
    session.verify_init(&Mechanism::Sha256RsaPkcs, rsa_public).unwrap();
    MESSAGE.chunks(3).for_each(|part| session.verify_update(part).unwrap());
    session.verify_final(&whole).unwrap();
    // A mechanism without a hash takes one part only, and the operation is over after an error.
    session.sign_init(&Mechanism::Ecdsa, ec).unwrap();
    assert_eq!(rv(session.sign_update(MESSAGE)).1, "SignUpdate");
    session.sign_init(&Mechanism::Ecdsa, ec).unwrap();
}

#[test]
fn oaep_opens_what_was_sealed_with_the_same_label_only() {
    let client = Client::start();
    let session = client.logged_in();
    let (public, private) = rsa_pair(&session, "rsa");
    let oaep = |label: &'static [u8]| {
        let source = PkcsOaepSource::data_specified(label);
        Mechanism::RsaPkcsOaep(PkcsOaepParams::new(MechanismType::SHA256, PkcsMgfType::MGF1_SHA1, source))
    };
    let sealed = session.encrypt(&oaep(b"label"), public, b"what is inside").unwrap();
    assert_eq!(session.decrypt(&oaep(b"label"), private, &sealed).unwrap(), b"what is inside");
    let refused = rv(session.decrypt(&oaep(b"other"), private, &sealed));
    assert_eq!(refused, (RvError::EncryptedDataInvalid, "Decrypt".into()));
}

#[test]
fn private_objects_need_a_login_and_are_gone_after_logout() {
    let client = Client::start();
    client.daemon.make_key("ec", &["--kty", "EC"]);
    let session = client.session();
    let private_keys = || session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
    assert_eq!(session.get_session_info().unwrap().session_state(), SessionState::RwPublic);
    assert!(private_keys().is_empty());
    assert_eq!(session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY)]).unwrap().len(), 1);
    let refused = rv(session.login(UserType::User, Some(&pin("4321"))));
    assert_eq!(refused, (RvError::PinIncorrect, "Login".into()));
    assert!(private_keys().is_empty());
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    assert_eq!(rv(session.login(UserType::User, Some(&pin(PIN)))).0, RvError::UserAlreadyLoggedIn);
    let key = private_keys()[0];
    // The login is the application's: another session has it too.
    let other = client.session();
    other.sign(&Mechanism::EcdsaSha256, key, MESSAGE).unwrap();
    other.logout().unwrap();
    assert!(private_keys().is_empty());
    let after = rv(session.sign(&Mechanism::EcdsaSha256, key, MESSAGE)).0;
    assert!(matches!(after, RvError::KeyHandleInvalid | RvError::UserNotLoggedIn), "{after}");
    assert_eq!(rv(session.logout()).0, RvError::UserNotLoggedIn);
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    session.sign(&Mechanism::EcdsaSha256, private_keys()[0], MESSAGE).unwrap();
    assert_eq!(client.daemon.module_uses("sign", "ec"), 2);
}

#[test]
fn sessions_in_threads_sign_side_by_side() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 100;
    let client = Client::start();
    let session = client.logged_in();
    let (public, private) = ec_pair(&session, "ec", P256);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let session = client.session();
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let message = format!("{thread} {round}");
                    let signature = session.sign(&Mechanism::EcdsaSha256, private, message.as_bytes()).unwrap();
                    session.verify(&Mechanism::EcdsaSha256, public, message.as_bytes(), &signature).unwrap();
                }
            });
        }
    });
    assert_eq!(client.daemon.module_uses("sign", "ec"), THREADS * ROUNDS);
}

#[test]
fn a_destroyed_pair_is_gone_for_the_cli_and_one_of_the_cli_is_found_at_once() {
    let client = Client::start();
    let session = client.logged_in();
    let (_, private) = ec_pair(&session, "short-lived", P256);
    assert_eq!(client.daemon.json(&["key", "show", "--name", "short-lived"])["key"]["crv"], "P-256");
    session.destroy_object(private).unwrap();
    assert_eq!(client.daemon.softkeep(&["key", "show", "--name", "short-lived"]).status.code(), Some(3));
    assert!(session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap().is_empty());
    client.daemon.make_key("fresh", &["--kty", "EC"]);
    let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(b"fresh".into())]);
    let signature = session.sign(&Mechanism::EcdsaSha256, found.unwrap()[0], MESSAGE).unwrap();
    assert!(client.openssl_verifies(&["-sha256"], "fresh", MESSAGE, &ecdsa_der(&signature)));
}

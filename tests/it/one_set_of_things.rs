//! One set of things and two doors: what is made, changed and destroyed through the module is so in the vault, and the
//! other way round, within a second.

use std::time::Duration;

use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use softkeep_tests::{
    SO_PIN, VAULT,
    client::{Client, pin},
    wait_until,
};

/// How soon a change shows at the other door.
const SOON: Duration = Duration::from_secs(1);
/// DER of the curve's OID, RFC 5480.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

fn ec_pair(session: &Session, label: &str) -> (ObjectHandle, ObjectHandle) {
    let public = [Attribute::Token(true), Attribute::EcParams(P256.into()), Attribute::Label(label.into())];
    let private = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap()
}

/// The private and secret keys with a label.
fn keys(session: &Session, label: &str) -> usize {
    let found = session.find_objects(&[Attribute::Label(label.into())]).unwrap();
    let class = |key| session.get_attributes(key, &[AttributeType::Class]).unwrap();
    let keys = [[Attribute::Class(ObjectClass::PRIVATE_KEY)], [Attribute::Class(ObjectClass::SECRET_KEY)]];
    found.into_iter().filter(|key| keys.iter().any(|wanted| class(*key) == wanted)).count()
}

fn cli_lists(client: &Client, what: &str, name: &str) -> bool {
    let listed = client.daemon.cli(&["keyvault", "key", what, "--vault-name", VAULT]);
    listed.contains(&format!("/{name}\""))
        || listed.contains(&format!("\"{name}\""))
        || listed.contains(&format!("/{name}/"))
}

#[test]
fn what_the_module_makes_is_in_the_vault() {
    let client = Client::start();
    let session = client.logged_in();
    ec_pair(&session, "pair");
    session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[Attribute::Token(true), Attribute::Label("secret".into()), Attribute::ValueLen(32.into())],
        )
        .unwrap();
    session
        .create_object(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(true),
            Attribute::Label("imported".into()),
            Attribute::Value(vec![3; 32]),
        ])
        .unwrap();
    for name in ["pair", "secret", "imported"] {
        wait_until(name, SOON, || cli_lists(&client, "list", name));
    }
}

#[test]
fn what_the_vault_makes_is_in_the_module() {
    let client = Client::start();
    let session = client.logged_in();
    assert_eq!(keys(&session, "outside"), 0);
    client.daemon.cli(&["keyvault", "key", "create", "--vault-name", VAULT, "--name", "outside", "--kty", "EC"]);
    wait_until("the key in the token", SOON, || keys(&session, "outside") == 1);
    client.daemon.cli(&["keyvault", "key", "delete", "--vault-name", VAULT, "--name", "outside"]);
    wait_until("the key gone from the token", SOON, || keys(&session, "outside") == 0);
}

#[test]
fn what_is_destroyed_can_be_recovered() {
    let client = Client::start();
    let session = client.logged_in();
    let (_, private) = ec_pair(&session, "lost");
    let secret = session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[Attribute::Token(true), Attribute::Label("hidden".into()), Attribute::ValueLen(16.into())],
        )
        .unwrap();
    session.destroy_object(private).unwrap();
    session.destroy_object(secret).unwrap();
    for name in ["lost", "hidden"] {
        assert_eq!(keys(&session, name), 0);
        wait_until(name, SOON, || !cli_lists(&client, "list", name) && cli_lists(&client, "list-deleted", name));
        client.daemon.cli(&["keyvault", "key", "recover", "--vault-name", VAULT, "--name", name]);
        wait_until(name, SOON, || keys(&session, name) == 1);
    }
}

#[test]
fn a_token_is_made_by_c_init_token_and_is_a_vault() {
    let client = Client::start();
    let free = |client: &Client| {
        let slots = client.pkcs11().get_all_slots().unwrap();
        slots.into_iter().find(|slot| !client.pkcs11().get_token_info(*slot).unwrap().token_initialized())
    };
    let slot = free(&client).expect("a peer that may make vaults has a free slot");
    client.pkcs11().init_token(slot, &pin("12345678"), "Another Vault").unwrap();
    let token = client.pkcs11().get_token_info(slot).unwrap();
    assert!(token.token_initialized() && !token.user_pin_initialized());
    let listed = client.daemon.cli(&["keyvault", "list"]);
    assert!(listed.contains(token.label()), "{}: {listed}", token.label());
    let session = client.pkcs11().open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&pin("12345678"))).unwrap();
    session.init_pin(&pin("4321")).unwrap();
    session.logout().unwrap();
    session.login(UserType::User, Some(&pin("4321"))).unwrap();
    ec_pair(&session, "first");
    assert_eq!(keys(&session, "first"), 1);
    assert!(client.pkcs11().init_token(slot, &pin("12345678"), "x").is_err(), "a session is open");
    session.close().unwrap();
    let next = free(&client).expect("there is always one free slot more");
    assert!(next.id() > slot.id());
    assert!(client.pkcs11().init_token(slot, &pin("wrong pin"), "x").is_err());
    client.pkcs11().init_token(slot, &pin("12345678"), "Another Vault").unwrap();
    let session = client.pkcs11().open_rw_session(slot).unwrap();
    assert!(session.login(UserType::User, Some(&pin("4321"))).is_err(), "the user's PIN went with the contents");
    assert_eq!(keys(&session, "first"), 0);
}

#[test]
fn the_so_marks_what_is_trusted_and_sees_nothing_private() {
    let client = Client::start();
    let session = client.logged_in();
    let template = [
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label("wrapping".into()),
        Attribute::ValueLen(32.into()),
        Attribute::Wrap(true),
    ];
    let key = session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
    ec_pair(&session, "private");
    assert!(session.update_attributes(key, &[Attribute::Trusted(true)]).is_err(), "only the SO may");
    session.logout().unwrap();
    session.login(UserType::So, Some(&pin(SO_PIN))).unwrap();
    assert_eq!(session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap(), []);
    let [seen] = session.find_objects(&[Attribute::Label("wrapping".into())]).unwrap()[..] else { panic!("one key") };
    session.update_attributes(seen, &[Attribute::Trusted(true)]).unwrap();
    let trusted = session.get_attributes(seen, &[AttributeType::Trusted]).unwrap();
    assert_eq!(trusted, [Attribute::Trusted(true)]);
}

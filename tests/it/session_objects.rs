//! Session objects with the real daemon, by the crate `cryptoki`: they are found, used and gone as PKCS#11 says, and
//! the daemon that was restarted between knows them no less.

use std::time::Duration;

use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use softkeep_tests::{
    PIN, VAULT,
    client::{Client, pin},
    wait_until,
};

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(code, _)) => code,
        other => panic!("not a refusal of the module: {other:?}"),
    }
}

fn secret(session: &Session, label: &str) -> ObjectHandle {
    let template = [
        Attribute::Label(label.into()),
        Attribute::ValueLen(32.into()),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

fn open_secret(session: &Session, label: &str, value: &[u8]) -> Result<ObjectHandle, Error> {
    session.create_object(&[
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.into()),
        Attribute::Private(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Value(value.into()),
    ])
}

fn found(session: &Session, label: &str) -> Vec<ObjectHandle> {
    session.find_objects(&[Attribute::Label(label.into())]).unwrap()
}

fn round_trip(session: &Session, key: ObjectHandle) -> bool {
    let mechanism = Mechanism::AesCbcPad([7; 16]);
    let sealed = session.encrypt(&mechanism, key, b"plain").unwrap();
    session.decrypt(&mechanism, key, &sealed).unwrap() == b"plain"
}

#[test]
fn a_secret_key_of_a_session_is_used_and_gone_with_it() {
    let client = Client::start();
    let (lasting, passing) = (client.logged_in(), client.session());
    let key = secret(&passing, "passing");
    assert_eq!(found(&lasting, "passing"), [key]);
    assert!(round_trip(&lasting, key), "another session of the application uses it");
    let listed = client.daemon.cli(&["keyvault", "key", "list", "--vault-name", VAULT]);
    assert!(!listed.contains("passing"), "{listed}");
    passing.close().unwrap();
    assert_eq!(found(&lasting, "passing"), []);
    assert_eq!(code(lasting.encrypt(&Mechanism::AesCbcPad([7; 16]), key, b"x")), RvError::KeyHandleInvalid);
}

#[test]
fn a_private_object_ends_with_the_login_and_a_public_one_outlives_it() {
    let client = Client::start();
    let session = client.session();
    let early = open_secret(&session, "early", &[1; 16]).unwrap();
    assert!(round_trip(&session, early), "nobody has logged in");
    assert_eq!(
        code(session.generate_key(&Mechanism::AesKeyGen, &[Attribute::ValueLen(16.into())])),
        RvError::UserNotLoggedIn
    );
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    assert!(round_trip(&session, early));
    let private = secret(&session, "private");
    let public = open_secret(&session, "public", &[2; 16]).unwrap();
    session.logout().unwrap();
    assert_eq!(found(&session, "private"), []);
    assert_eq!(code(session.encrypt(&Mechanism::AesCbcPad([7; 16]), private, b"x")), RvError::KeyHandleInvalid);
    assert!(round_trip(&session, early) && round_trip(&session, public));
    session.destroy_object(public).unwrap();
    assert_eq!(found(&session, "public"), []);
}

#[test]
fn a_restarted_daemon_takes_session_objects_as_before() {
    let mut client = Client::start();
    let session = client.logged_in();
    let key = secret(&session, "kept");
    let mechanism = Mechanism::AesCbcPad([7; 16]);
    let sealed = session.encrypt(&mechanism, key, b"before").unwrap();
    client.daemon.kill();
    client.daemon.start_again();
    assert_eq!(session.decrypt(&mechanism, key, &sealed).unwrap(), b"before");
    assert_eq!(found(&session, "kept"), [key]);
    session.update_attributes(key, &[Attribute::Label("renamed".into())]).unwrap();
    assert_eq!((found(&session, "kept"), found(&session, "renamed")), (vec![], vec![key]));
    assert!(round_trip(&session, key));
}

#[test]
fn a_child_goes_on_with_its_parents_session_objects() {
    let client = Client::start();
    let session = client.logged_in();
    let key = secret(&session, "inherited");
    // SAFETY: the child calls the module and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let fine = found(&session, "inherited") == [key] && round_trip(&session, key);
        // SAFETY: nothing of the test is unwound in the child.
        unsafe { libc::_exit(i32::from(!fine)) };
    }
    let mut status = 0;
    // SAFETY: our own child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(round_trip(&session, key));
}

#[test]
fn what_may_be_read_is_read_and_what_may_not_is_not() {
    let client = Client::start();
    let session = client.logged_in();
    let open = open_secret(&session, "open", &[9; 16]).unwrap();
    let values = session.get_attributes(open, &[AttributeType::Value, AttributeType::ValueLen]).unwrap();
    assert_eq!(values, [Attribute::Value(vec![9; 16]), Attribute::ValueLen(16.into())]);
    let closed = secret(&session, "closed");
    assert_eq!(session.get_attributes(closed, &[AttributeType::Value]).unwrap(), [], "sensitive");
}

#[test]
fn a_copy_of_a_token_key_is_the_sessions_and_not_the_other_way_round() {
    let client = Client::start();
    let session = client.logged_in();
    let token = [Attribute::Token(true), Attribute::Label("original".into()), Attribute::ValueLen(32.into())];
    let original = session.generate_key(&Mechanism::AesKeyGen, &token).unwrap();
    let copy = session.copy_object(original, &[Attribute::Token(false), Attribute::Label("copy".into())]).unwrap();
    assert_eq!(found(&session, "copy"), [copy]);
    let copied = session.get_attributes(copy, &[AttributeType::Token, AttributeType::Label]).unwrap();
    assert_eq!(copied, [Attribute::Token(false), Attribute::Label("copy".into())]);
    session.destroy_object(copy).unwrap();
    assert_eq!(found(&session, "original"), [original]);
    wait_until("the copy is nowhere", Duration::from_secs(1), || {
        !client.daemon.cli(&["keyvault", "key", "list", "--vault-name", VAULT]).contains("copy")
    });
}

#[test]
fn data_and_certificates_of_a_session_are_found_by_their_attributes() {
    let client = Client::start();
    let session = client.logged_in();
    let data = session
        .create_object(&[
            Attribute::Class(ObjectClass::DATA),
            Attribute::Label("note".into()),
            Attribute::Application("test".into()),
            Attribute::Value(b"what is kept".to_vec()),
        ])
        .unwrap();
    let wanted = [Attribute::Class(ObjectClass::DATA), Attribute::Application("test".into())];
    assert_eq!(session.find_objects(&wanted).unwrap(), [data]);
    let value = session.get_attributes(data, &[AttributeType::Value]).unwrap();
    assert_eq!(value, [Attribute::Value(b"what is kept".to_vec())]);
    let many = 2000;
    for number in 0..many {
        session
            .create_object(&[Attribute::Class(ObjectClass::DATA), Attribute::Label(format!("n{number}").into())])
            .unwrap();
    }
    assert_eq!(found(&session, "n1234").len(), 1);
    assert_eq!(session.find_objects(&[Attribute::Class(ObjectClass::DATA)]).unwrap().len(), many + 1);
}

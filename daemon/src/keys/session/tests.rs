//! Only whom a session object was sealed for opens it, and nothing of it can be changed.

use proptest::prelude::*;

use super::*;

const VAULT: Id = Id([1; 16]);
const LOGIN: Id = Id([2; 16]);

fn data(value: &[u8]) -> SessionRecord {
    let attributes = [(ck::CKA_VALUE, value.to_vec())].into();
    let object = ObjectRecord { id: vec![3; 16], class: ck::CKO_DATA, attributes, ..ObjectRecord::default() };
    SessionRecord { vault: VAULT.0.to_vec(), for_login: true, version: None, object: Some(object) }
}

fn opener(login: Id) -> Opener {
    Opener { login: Some(login), application: Some(login) }
}

#[test]
fn it_opens_for_its_login_in_its_vault_and_for_nobody_else() {
    let kek = seal::random_secret().unwrap();
    let blob = seal(&kek, &Scope::Login(LOGIN), &data(b"x"), b"").unwrap();
    assert!(
        matches!(open(&kek, VAULT, &opener(LOGIN), &blob), Ok(SessionObject::Other(object)) if object.id == [3; 16])
    );
    let refused = |kek: &Secret32, vault, opener: &Opener| {
        assert_eq!(open(kek, vault, opener, &blob).err().map(|error| error.code), Some(ErrorCode::KeyNotFound));
    };
    refused(&kek, VAULT, &opener(Id([4; 16])));
    refused(&kek, VAULT, &Opener::default());
    refused(&kek, VAULT, &Opener { login: None, application: Some(LOGIN) });
    refused(&kek, Id([5; 16]), &opener(LOGIN));
    refused(&seal::random_secret().unwrap(), VAULT, &opener(LOGIN));
}

#[test]
fn what_is_sealed_for_a_program_is_not_for_a_login_of_the_same_number() {
    let kek = seal::random_secret().unwrap();
    let record = SessionRecord { for_login: false, ..data(b"x") };
    let blob = seal(&kek, &Scope::Application(LOGIN), &record, b"").unwrap();
    assert!(open(&kek, VAULT, &opener(LOGIN), &blob).is_ok());
    assert!(open(&kek, VAULT, &Opener { login: Some(LOGIN), application: None }, &blob).is_err());
}

#[test]
fn no_bit_of_it_can_be_changed_and_none_left_out() {
    let kek = seal::random_secret().unwrap();
    let blob = seal(&kek, &Scope::Login(LOGIN), &data(b"value"), b"a secret").unwrap();
    for index in 0..blob.len() {
        let mut flipped = blob.to_vec();
        flipped[index] ^= 1;
        assert!(open(&kek, VAULT, &opener(LOGIN), &flipped).is_err(), "byte {index}");
        assert!(open(&kek, VAULT, &opener(LOGIN), &blob[..index]).is_err(), "length {index}");
    }
}

#[test]
fn what_is_too_large_is_refused_where_it_is_made() {
    let kek = seal::random_secret().unwrap();
    let record = data(&vec![0; MAX_SEALED_OBJECT_BYTES]);
    assert!(
        seal(&kek, &Scope::Login(LOGIN), &record, b"").is_err_and(|error| error.code == ErrorCode::AttributeInvalid)
    );
}

proptest! {
    #[test]
    fn what_is_no_blob_is_refused_and_nothing_panics(blob in proptest::collection::vec(any::<u8>(), 0..200), length in any::<u32>()) {
        let kek = seal::random_secret().unwrap();
        prop_assert!(open(&kek, VAULT, &opener(LOGIN), &blob).is_err());
        let mut framed = vec![FORMAT; PREFIX_LEN];
        framed[1 + SALT_LEN..].copy_from_slice(&(length % 64).to_be_bytes());
        framed.extend(&blob);
        prop_assert!(open(&kek, VAULT, &opener(LOGIN), &framed).is_err());
        if let Some(parts) = parse(&framed) {
            prop_assert_eq!(parts.associated.len() + parts.sealed.len(), framed.len());
            prop_assert_eq!(parts.header.len() as u32, length % 64);
        }
    }

    #[test]
    fn what_was_sealed_comes_back(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        let kek = seal::random_secret().unwrap();
        let record = data(&value);
        let blob = seal(&kek, &Scope::Login(LOGIN), &record, b"").unwrap();
        match open(&kek, VAULT, &opener(LOGIN), &blob).unwrap() {
            SessionObject::Other(object) => prop_assert_eq!(Some(ObjectRecord::clone(&object)), record.object),
            SessionObject::Key(_) => prop_assert!(false, "a data object is no key"),
        }
    }
}

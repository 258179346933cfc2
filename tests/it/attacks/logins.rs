//! To use or see what is somebody else's: without a login, as the officer, after logging out, with another program's or login's objects.

use softkeep_proto::pkcs11::v1::{
    CopyObject, Decrypt, Encrypt, FindObjects, GenerateKey, GetObjects, KeyRef, Object, ObjectRef, ReadValues, SetPin,
    UserType, reply, request::Op,
};
use softkeep_tests::{
    SO_PIN,
    arguments::{Mechanism, Template},
    calls::Calls,
    raw::{Rv, ck},
    raw_call,
};

use super::{
    Row, row,
    wire::{Wire, attribute, named, number, plain, sealed, stored},
    world::{At, Attempt, Stop, USER_PIN, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "find private objects without a login",
        find_without_login,
        "useless: nothing is found",
        "useless: nothing is found",
    ),
    row(
        "use a private key's handle after logging out",
        handle_after_logout,
        "encrypt: CKR_KEY_HANDLE_INVALID",
        "encrypt: CKR_KEY_HANDLE_INVALID",
    ),
    row(
        "guess handles after logging out",
        guess_handles,
        "useless: no handle near it is private",
        "useless: no handle near it is private",
    ),
    row(
        "go on signing after logging out",
        sign_after_logout,
        "sign: CKR_OPERATION_NOT_INITIALIZED",
        "sign: CKR_OPERATION_NOT_INITIALIZED",
    ),
    row(
        "use a private key as the officer",
        as_officer,
        "encrypt: CKR_KEY_HANDLE_INVALID",
        "encrypt: CKR_KEY_HANDLE_INVALID",
    ),
    row(
        "read a private object by its id without a login",
        get_without_login,
        "useless: nothing is found",
        "useless: nothing is found",
    ),
    row(
        "use a private key by its id without a login",
        use_without_login,
        "decrypt: CKR_USER_NOT_LOGGED_IN",
        "decrypt: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "copy a private key by its id without a login",
        copy_without_login,
        "copy: CKR_USER_NOT_LOGGED_IN",
        "copy: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "use another login's session object",
        other_login,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
    ),
    row(
        "use a private session object with its program's id",
        program_id,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
    ),
    row(
        "use another program's session object",
        other_program,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "generate: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "use a session object in another vault",
        other_vault,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "encrypt: CKR_TOKEN_NOT_PRESENT",
    ),
    row(
        "copy a public secret key without a login, use the copy",
        copy_public_secret,
        "copy: CKR_USER_NOT_LOGGED_IN",
        "set-up: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "use a login token after the PIN was changed",
        old_login,
        "encrypt: CKR_USER_NOT_LOGGED_IN",
        "encrypt: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "use a login token that was changed",
        forged_login,
        "find: CKR_USER_NOT_LOGGED_IN",
        "find: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "use a login token in another vault",
        login_elsewhere,
        "generate: CKR_TOKEN_NOT_PRESENT",
        "generate: CKR_TOKEN_NOT_PRESENT",
    ),
    row(
        "read a session key's values by its blob",
        read_values,
        "useless: it has none to tell",
        "useless: it has none to tell",
    ),
];

fn stored_key(world: &mut World, label: &[u8]) -> Result<super::world::Marked, Stop> {
    world.marked(Template::new().on(&[ck::CKA_TOKEN, ck::CKA_DECRYPT]).bytes(ck::CKA_LABEL, label))
}

fn ecb() -> Mechanism {
    Mechanism::plain(ck::CKM_AES_ECB)
}

/// Does something without a login, and logs in again.
fn logged_out<T>(world: &mut World, act: impl FnOnce(Calls) -> T) -> T {
    world.calls.logout().unwrap();
    let done = act(world.calls);
    world.refresh();
    done
}

fn find_without_login(world: &mut World) -> Attempt {
    stored_key(world, b"not-for-all")?;
    let found = logged_out(world, |calls| calls.find(&Template::new().bytes(ck::CKA_LABEL, b"not-for-all")));
    if found.at("find")?.is_empty() { useless("nothing is found") } else { Ok(()) }
}

fn handle_after_logout(world: &mut World) -> Attempt {
    let key = stored_key(world, b"handle")?;
    logged_out(world, |calls| calls.encrypt(&ecb(), key.key, &[0; 16])).at("encrypt").map(drop)
}

fn guess_handles(world: &mut World) -> Attempt {
    let key = world.marked(Template::new())?;
    let hit = logged_out(world, |calls| {
        let near = key.key.saturating_sub(200)..key.key + 200;
        near.chain(0..200).any(|handle| calls.flag(handle, ck::CKA_PRIVATE) == Ok(true))
    });
    if hit { Ok(()) } else { useless("no handle near it is private") }
}

fn sign_after_logout(world: &mut World) -> Attempt {
    let key = world.marked_base(Template::new().on(&[ck::CKA_SIGN]).off(&[ck::CKA_DERIVE]))?;
    let mut mechanism = softkeep_tests::raw::mechanism(ck::CKM_SHA256_HMAC);
    let begun = raw_call!(world.calls.module, C_SignInit(world.calls.session, &mut mechanism, key.key));
    assert_eq!(begun, ck::CKR_OK);
    logged_out(world, |calls| calls.module.sign_now(calls.session, b"still?")).at("sign").map(drop)
}

fn as_officer(world: &mut World) -> Attempt {
    let key = stored_key(world, b"not-for-the-officer")?;
    world
        .as_officer(|officer| {
            let found = officer.find(&Template::new().bytes(ck::CKA_LABEL, b"not-for-the-officer"));
            assert!(found.is_ok_and(|found| found.is_empty()), "nor is it found");
            officer.encrypt(&ecb(), key.key, &[0; 16])
        })
        .at("encrypt")
        .map(drop)
}

/// The stored key by its id, as somebody knows it who was once logged in.
fn id_of(world: &mut World, label: &[u8]) -> Result<Object, Stop> {
    stored_key(world, label)?;
    let mut wire = world.wire();
    wire.log_in(UserType::User, USER_PIN).at("log in")?;
    let find = FindObjects { template: vec![attribute(ck::CKA_LABEL, label)], ..FindObjects::default() };
    Ok(wire.objects(Op::FindObjects(find)).at("find")?.remove(0))
}

fn get_without_login(world: &mut World) -> Attempt {
    let object = id_of(world, b"seen-by-id")?;
    let objects = vec![ObjectRef { unique_id: object.unique_id, class: object.class }];
    let found = world.wire().objects(Op::GetObjects(GetObjects { objects })).at("get")?;
    if found.is_empty() { useless("nothing is found") } else { Ok(()) }
}

fn encrypt(key: Option<KeyRef>) -> Op {
    let plaintext = vec![0; 16].into();
    Op::Encrypt(Encrypt { key, mechanism: plain(ck::CKM_AES_ECB), plaintext, partial: false })
}

fn use_without_login(world: &mut World) -> Attempt {
    let object = id_of(world, b"used-by-id")?;
    let decrypt = |class| {
        let (key, ciphertext) = (named(&object.unique_id, class), vec![0; 16].into());
        Op::Decrypt(Decrypt { key, mechanism: plain(ck::CKM_AES_ECB), ciphertext, partial: false })
    };
    let wire = world.wire();
    for class in [ck::CKO_PUBLIC_KEY, ck::CKO_PRIVATE_KEY, ck::CKO_DATA] {
        if wire.call(decrypt(class)).is_ok() {
            return Ok(());
        }
    }
    wire.call(decrypt(object.class)).at("decrypt").map(drop)
}

fn copy_without_login(world: &mut World) -> Attempt {
    let object = id_of(world, b"copied-by-id")?;
    let template = vec![attribute(ck::CKA_TOKEN, &[0]), attribute(ck::CKA_PRIVATE, &[0])];
    let copy = CopyObject { object: stored(&object), template, request_id: vec![1; 16].into() };
    world.wire().call(Op::CopyObject(copy)).at("copy").map(drop)
}

/// A session key of a program.
fn session_key(wire: &Wire, template: &[(u64, bool)]) -> Rv<Object> {
    let flags = template.iter().map(|(kind, on)| attribute(*kind, &[u8::from(*on)]));
    let template = flags.chain([number(ck::CKA_VALUE_LEN, 32)]).collect();
    let (mechanism, request_id) = (plain(ck::CKM_AES_KEY_GEN), vec![2; 16].into());
    Ok(wire.objects(Op::GenerateKey(GenerateKey { mechanism, template, request_id }))?.remove(0))
}

/// Another program of the user's.
pub fn logged_in(world: &World) -> Result<Wire, Stop> {
    let mut wire = world.wire();
    wire.log_in(UserType::User, USER_PIN).at("log in")?;
    Ok(wire)
}

const ENCRYPTS: (u64, bool) = (ck::CKA_ENCRYPT, true);

fn other_login(world: &mut World) -> Attempt {
    let (one, other) = (logged_in(world)?, logged_in(world)?);
    let key = session_key(&one, &[ENCRYPTS]).at("generate")?;
    one.call(encrypt(sealed(&key.sealed))).at("set-up")?;
    other.call(encrypt(sealed(&key.sealed))).at("encrypt").map(drop)
}

fn program_id(world: &mut World) -> Attempt {
    let (one, nobody) = (logged_in(world)?, world.wire());
    let key = session_key(&one, &[ENCRYPTS]).at("generate")?;
    nobody.call(encrypt(sealed(&key.sealed))).at("encrypt").map(drop)
}

fn other_program(world: &mut World) -> Attempt {
    let (one, mut other) = (world.wire(), world.wire());
    other.application = b"a third program!".to_vec().into();
    let key = session_key(&one, &[ENCRYPTS, (ck::CKA_PRIVATE, false)]).at("generate")?;
    one.call(encrypt(sealed(&key.sealed))).at("set-up")?;
    other.call(encrypt(sealed(&key.sealed))).at("encrypt").map(drop)
}

fn other_vault(world: &mut World) -> Attempt {
    let mut one = world.wire();
    let key = match session_key(&one, &[ENCRYPTS, (ck::CKA_PRIVATE, false)]) {
        Ok(key) => key,
        Err(_) => {
            one = logged_in(world)?;
            session_key(&one, &[ENCRYPTS]).at("generate")?
        }
    };
    let elsewhere = Wire::connect(&world.daemon.endpoint(), softkeep_tests::VAULT);
    one.vault = elsewhere.vault.clone();
    one.call(encrypt(sealed(&key.sealed))).at("encrypt").map(drop)
}

/// A key with CKA_PRIVATE false is everybody's to see; to use it takes a login, whether as it is or as a copy.
fn copy_public_secret(world: &mut World) -> Attempt {
    let label = b"seen-by-all";
    world.marked(Template::new().on(&[ck::CKA_TOKEN]).off(&[ck::CKA_PRIVATE]).bytes(ck::CKA_LABEL, label))?;
    let nobody = world.wire();
    let find = FindObjects { template: vec![attribute(ck::CKA_LABEL, label)], ..FindObjects::default() };
    let key = nobody.objects(Op::FindObjects(find)).at("find")?.remove(0);
    assert_eq!(nobody.call(encrypt(stored(&key))).map(drop), Err(ck::CKR_USER_NOT_LOGGED_IN), "as it is");
    let template = vec![attribute(ck::CKA_TOKEN, &[0])];
    let copy = CopyObject { object: stored(&key), template, request_id: vec![3; 16].into() };
    let copy = nobody.objects(Op::CopyObject(copy)).at("copy")?.remove(0);
    nobody.call(encrypt(sealed(&copy.sealed))).at("encrypt").map(drop)
}

fn old_login(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = session_key(&wire, &[ENCRYPTS]).at("generate")?;
    let mut other = logged_in(world)?;
    let change = |old: &str, new: &str| {
        let (old_pin, new_pin) = (old.as_bytes().to_vec().into(), new.as_bytes().to_vec().into());
        Op::SetPin(SetPin { user_type: UserType::User.into(), old_pin, new_pin })
    };
    other.call(change(USER_PIN, "another-pin")).at("change the PIN")?;
    let tried = wire.call(encrypt(sealed(&key.sealed))).at("encrypt").map(drop);
    other.log_in(UserType::User, "another-pin").unwrap();
    other.call(change("another-pin", USER_PIN)).unwrap();
    world.refresh();
    tried
}

fn forged_login(world: &mut World) -> Attempt {
    let mut wire = logged_in(world)?;
    let right = wire.login.to_vec();
    let find = || Op::FindObjects(FindObjects::default());
    let mut last = useless("nothing was tried");
    for byte in 0..right.len() {
        let mut forged = right.clone();
        forged[byte] ^= 1;
        wire.login = forged.into();
        last = wire.call(find()).at("find").map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn login_elsewhere(world: &mut World) -> Attempt {
    let mut wire = logged_in(world)?;
    wire.vault = Wire::connect(&world.daemon.endpoint(), softkeep_tests::VAULT).vault;
    session_key(&wire, &[ENCRYPTS]).at("generate").map(drop)
}

fn read_values(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = session_key(&wire, &[ENCRYPTS]).at("generate")?;
    let types = vec![ck::CKA_VALUE, ck::CKA_PRIVATE_EXPONENT];
    match wire.call(Op::ReadValues(ReadValues { object: sealed(&key.sealed), types })).at("read")? {
        reply::Result::Values(values) if values.attributes.is_empty() => useless("it has none to tell"),
        _ => Ok(()),
    }
}

#[test]
fn the_officers_pin_is_another() {
    assert_ne!(SO_PIN, USER_PIN, "else an attack could take the one for the other");
}

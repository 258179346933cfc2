//! To use what was given for one use, or for one key, again or for another: one-time grants, and MACs that were begun.

use softkeep_proto::pkcs11::v1::{ContextLogin, GenerateKey, KeyRef, Object, Sign, UpdateMac, reply, request::Op};
use softkeep_tests::raw::ck;

use super::{
    Row,
    logins::logged_in,
    row,
    wire::{Wire, attribute, number, plain, sealed},
    world::{At, Attempt, Stop, USER_PIN, World},
};

pub const ATTACKS: &[Row] = &[
    row(
        "use a one-time grant twice",
        grant_twice,
        "sign twice: CKR_USER_NOT_LOGGED_IN",
        "sign twice: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "use a one-time grant for another key",
        grant_elsewhere,
        "sign: CKR_USER_NOT_LOGGED_IN",
        "sign: CKR_USER_NOT_LOGGED_IN",
    ),
    row(
        "use a key that asks for the PIN without a grant",
        no_grant,
        "sign: CKR_USER_NOT_LOGGED_IN",
        "sign: CKR_USER_NOT_LOGGED_IN",
    ),
    row("go on with another key's MAC", mac_of_another_key, "sign: CKR_ARGUMENTS_BAD", "sign: CKR_ARGUMENTS_BAD"),
    row(
        "go on with another mechanism's MAC",
        mac_of_another_mechanism,
        "sign: CKR_ARGUMENTS_BAD",
        "sign: CKR_ARGUMENTS_BAD",
    ),
];

/// Two EC pairs that ask for the PIN at each use, and a grant for the first.
fn asking(wire: &Wire) -> Result<(Object, Object, bytes::Bytes), Stop> {
    let pair = |id: u8| {
        let curve = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let objects = wire.objects(Op::GenerateKeyPair(softkeep_proto::pkcs11::v1::GenerateKeyPair {
            mechanism: plain(ck::CKM_EC_KEY_PAIR_GEN),
            public_template: vec![attribute(ck::CKA_EC_PARAMS, &curve)],
            private_template: vec![attribute(ck::CKA_ALWAYS_AUTHENTICATE, &[1]), attribute(ck::CKA_SIGN, &[1])],
            request_id: vec![id; 16].into(),
        }));
        let private = |objects: Vec<Object>| objects.into_iter().find(|object| object.class == ck::CKO_PRIVATE_KEY);
        Ok::<_, Stop>(private(objects.at("make the pair")?).unwrap())
    };
    let (one, other) = (pair(4)?, pair(5)?);
    let login = ContextLogin { key: sealed(&one.sealed), pin: USER_PIN.as_bytes().to_vec().into() };
    match wire.call(Op::ContextLogin(login)).at("show the PIN")? {
        reply::Result::ContextLogin(reply) => Ok((one, other, reply.one_time_grant)),
        _ => panic!("a grant's answer"),
    }
}

fn sign(key: &Object, grant: &bytes::Bytes) -> Op {
    let key = sealed(&key.sealed).map(|key| KeyRef { one_time_grant: grant.clone(), ..key });
    let data = vec![7; 32].into();
    Op::Sign(Sign { key, mechanism: plain(ck::CKM_ECDSA), data, recover: false, mac_state: vec![].into() })
}

fn grant_twice(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let (key, _, grant) = asking(&wire)?;
    wire.call(sign(&key, &grant)).at("sign once")?;
    wire.call(sign(&key, &grant)).at("sign twice").map(drop)
}

fn grant_elsewhere(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let (_, other, grant) = asking(&wire)?;
    wire.call(sign(&other, &grant)).at("sign").map(drop)
}

fn no_grant(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let (key, _, _) = asking(&wire)?;
    wire.call(sign(&key, &bytes::Bytes::new())).at("sign").map(drop)
}

/// An HMAC key and the state of a MAC begun with it.
fn begun(wire: &Wire, id: u8) -> Result<(Object, bytes::Bytes), Stop> {
    let template = vec![attribute(ck::CKA_SIGN, &[1]), number(ck::CKA_VALUE_LEN, 32)];
    let (mechanism, request_id) = (plain(ck::CKM_GENERIC_SECRET_KEY_GEN), vec![id; 16].into());
    let key = wire.objects(Op::GenerateKey(GenerateKey { mechanism, template, request_id })).at("generate")?.remove(0);
    let update = UpdateMac {
        key: sealed(&key.sealed),
        mechanism: plain(ck::CKM_SHA256_HMAC),
        mac_state: vec![].into(),
        data: b"begun".to_vec().into(),
        verify: false,
    };
    match wire.call(Op::UpdateMac(update)).at("begin")? {
        reply::Result::MacUpdated(reply) => Ok((key, reply.mac_state)),
        _ => panic!("a MAC's state"),
    }
}

fn finish(wire: &Wire, key: &Object, mechanism: u64, mac_state: bytes::Bytes) -> Attempt {
    let data = b"ended".to_vec().into();
    let sign = Sign { key: sealed(&key.sealed), mechanism: plain(mechanism), data, recover: false, mac_state };
    wire.call(Op::Sign(sign)).at("sign").map(drop)
}

fn mac_of_another_key(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let ((one, mac), (other, _)) = (begun(&wire, 6)?, begun(&wire, 7)?);
    assert_eq!(finish(&wire, &one, ck::CKM_SHA256_HMAC, mac.clone()), Ok(()), "its own");
    finish(&wire, &other, ck::CKM_SHA256_HMAC, mac)
}

fn mac_of_another_mechanism(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let (key, mac) = begun(&wire, 8)?;
    finish(&wire, &key, ck::CKM_SHA512_HMAC, mac)
}

//! Parameters that weaken a mechanism, and mechanisms that a key is not for.

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::ck,
};

use super::{
    Row, row,
    world::{At, Attempt, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "decrypt GCM without a tag",
        no_tag,
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "decrypt GCM with a tag of one byte",
        short_tag,
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "decrypt GCM without a nonce",
        no_nonce,
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
        "decrypt: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "decrypt GCM with a changed tag",
        changed_tag,
        "decrypt: CKR_ENCRYPTED_DATA_INVALID",
        "decrypt: CKR_ENCRYPTED_DATA_INVALID",
    ),
    row(
        "decrypt a whole block of a key for OAEP alone",
        oaep_key_raw,
        "decrypt: CKR_MECHANISM_INVALID",
        "decrypt: CKR_MECHANISM_INVALID",
    ),
    row(
        "encrypt by a mechanism the key does not allow",
        not_allowed,
        "encrypt: CKR_MECHANISM_INVALID",
        "encrypt: CKR_MECHANISM_INVALID",
    ),
    row(
        "sign with a key that verifies",
        not_signing,
        "sign: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "sign: CKR_KEY_FUNCTION_NOT_PERMITTED",
    ),
    row(
        "decrypt with a key that unwraps",
        not_decrypting,
        "decrypt: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "decrypt: CKR_KEY_FUNCTION_NOT_PERMITTED",
    ),
    row(
        "sign a whole block with a key for digests",
        digest_key_raw,
        "useless: neither mechanism is allowed",
        "useless: neither mechanism is allowed",
    ),
    row(
        "sign with a MAC of no bytes",
        empty_mac,
        "sign: CKR_MECHANISM_PARAM_INVALID",
        "sign: CKR_MECHANISM_PARAM_INVALID",
    ),
];

fn gcm(iv: &[u8], tag_bits: u64) -> Mechanism {
    Mechanism::with(ck::CKM_AES_GCM, Parameter::Gcm { iv: iv.to_vec(), aad: vec![], tag_bits })
}

fn gcm_attack(world: &mut World, mechanism: &Mechanism, change: impl FnOnce(&mut Vec<u8>)) -> Attempt {
    let key = world.kek(&[ck::CKA_ENCRYPT, ck::CKA_DECRYPT])?;
    let mut sealed = world.calls.encrypt(&Mechanism::gcm(), key, b"for one's eyes only").at("encrypt")?;
    change(&mut sealed);
    world.calls.decrypt(mechanism, key, &sealed).at("decrypt").map(drop)
}

fn no_tag(world: &mut World) -> Attempt {
    gcm_attack(world, &gcm(&[3; 12], 0), |sealed| sealed.truncate(sealed.len() - 16))
}

fn short_tag(world: &mut World) -> Attempt {
    gcm_attack(world, &gcm(&[3; 12], 8), |sealed| sealed.truncate(sealed.len() - 15))
}

fn no_nonce(world: &mut World) -> Attempt {
    gcm_attack(world, &gcm(&[], 128), |_| {})
}

fn changed_tag(world: &mut World) -> Attempt {
    gcm_attack(world, &Mechanism::gcm(), |sealed| *sealed.last_mut().unwrap() ^= 1)
}

fn oaep_key_raw(world: &mut World) -> Attempt {
    let private = Template::new().on(&[ck::CKA_DECRYPT]).mechanisms(&[ck::CKM_RSA_PKCS_OAEP]);
    let (public, private) = world.rsa_with(&Template::new().on(&[ck::CKA_ENCRYPT]), &private).at("make the pair")?;
    let sealed = world.calls.encrypt(&Mechanism::oaep(), public, b"sealed").at("encrypt")?;
    world.calls.decrypt(&Mechanism::oaep(), private, &sealed).at("decrypt as it should be")?;
    world.calls.decrypt(&Mechanism::plain(ck::CKM_RSA_X_509), private, &sealed).at("decrypt").map(drop)
}

fn not_allowed(world: &mut World) -> Attempt {
    let key = world.marked(Template::new().mechanisms(&[ck::CKM_AES_GCM]))?;
    world.calls.encrypt(&Mechanism::plain(ck::CKM_AES_ECB), key.key, &[0; 16]).at("encrypt").map(drop)
}

fn not_signing(world: &mut World) -> Attempt {
    let key = world.marked_base(Template::new().on(&[ck::CKA_VERIFY]).off(&[ck::CKA_DERIVE]))?;
    world.calls.sign(&Mechanism::plain(ck::CKM_SHA256_HMAC), key.key, b"text").at("sign").map(drop)
}

fn not_decrypting(world: &mut World) -> Attempt {
    let key = world.kek(&[ck::CKA_UNWRAP])?;
    world.calls.decrypt(&Mechanism::plain(ck::CKM_AES_KEY_WRAP), key, &[0; 40]).at("decrypt").map(drop)
}

fn digest_key_raw(world: &mut World) -> Attempt {
    let private = Template::new().on(&[ck::CKA_SIGN]).mechanisms(&[ck::CKM_SHA256_RSA_PKCS]);
    let (_, private) = world.rsa_with(&Template::new(), &private).at("make the pair")?;
    for mechanism in [ck::CKM_RSA_X_509, ck::CKM_RSA_PKCS] {
        if world.calls.sign(&Mechanism::plain(mechanism), private, &[1; 32]).is_ok() {
            return Ok(());
        }
    }
    world.calls.sign(&Mechanism::plain(ck::CKM_SHA256_RSA_PKCS), private, b"text").at("sign as it should be")?;
    useless("neither mechanism is allowed")
}

/// A MAC of nothing is right for every message.
fn empty_mac(world: &mut World) -> Attempt {
    let key = world.marked_base(Template::new().on(&[ck::CKA_SIGN, ck::CKA_VERIFY]).off(&[ck::CKA_DERIVE]))?;
    let general = Mechanism::number(ck::CKM_SHA256_HMAC_GENERAL, 0);
    world.calls.sign(&general, key.key, b"text").at("sign").map(drop)
}

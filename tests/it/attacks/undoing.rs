//! To wrap a key and undo the wrapping: with the same key, its other half, a copy of it, or a key that the attacker knows (Clulow, CHES
//! 2003).

use base64ct::{Base64, Encoding};
use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::ck,
    run,
};

use super::{
    Row, row,
    world::{At, Attempt, World, useless},
};

const WRAPS_AND_DECRYPTS: [u64; 2] = [ck::CKA_WRAP, ck::CKA_DECRYPT];

pub const ATTACKS: &[Row] = &[
    row(
        "wrap by ECB and decrypt",
        ecb,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by CBC and decrypt",
        cbc,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by CBC with padding and decrypt",
        cbc_pad,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by GCM and decrypt",
        gcm,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by key wrap and decrypt",
        key_wrap,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by padded key wrap and decrypt",
        key_wrap_padded,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by ECB under a key that only wraps",
        ecb_alone,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "wrap: CKR_MECHANISM_INVALID",
    )
    .succeeds_with_any(),
    row(
        "wrap by GCM with the nonce of a known key",
        gcm_nonce,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by OAEP and decrypt",
        oaep,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by v1.5 and decrypt",
        v1_5,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by v1.5 and decrypt without padding",
        v1_5_raw,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by OAEP and sign the blob without padding",
        raw_sign,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by OAEP and sign the blob with recovery",
        raw_recover,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap by OAEP and decrypt through Key Vault's door",
        key_vault,
        "decrypt: OPERATION_NOT_PERMITTED",
        "wrap: CKR_KEY_NOT_WRAPPABLE",
    ),
    row(
        "wrap with what once decrypted, its copy decrypts",
        once_decrypted,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    )
    .succeeds_with_any(),
    row(
        "wrap, and let the key decrypt later",
        decrypts_later,
        "let it decrypt: CKR_ACTION_PROHIBITED",
        "set-up: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "wrap, and let a copy of the key decrypt",
        copy_decrypts,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "wrap: CKR_KEY_NOT_WRAPPABLE",
    ),
    row(
        "wrap with what derives",
        derives,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "wrap what must be wrapped with a trusted key",
        not_trusted,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "wrap: CKR_KEY_NOT_WRAPPABLE",
    ),
    row("wrap what is not extractable", unextractable, "wrap: CKR_KEY_UNEXTRACTABLE", "wrap: CKR_KEY_UNEXTRACTABLE"),
    row(
        "wrap by RSA and AES, unwrap the AES key inside",
        rsa_aes,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "wrap: CKR_KEY_NOT_WRAPPABLE",
    ),
    row(
        "wrap under an extractable trusted key, get that",
        extractable_trusted,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    ),
];

fn wrap_and_decrypt(world: &mut World, mechanism: &Mechanism) -> Attempt {
    let (target, kek) = (world.marked(Template::new())?, world.kek(&WRAPS_AND_DECRYPTS)?);
    let blob = world.calls.wrap(mechanism, kek, target.key).at("wrap")?;
    let loot = world.calls.decrypt(mechanism, kek, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn ecb(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::plain(ck::CKM_AES_ECB))
}

fn cbc(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::bytes(ck::CKM_AES_CBC, &[1; 16]))
}

fn cbc_pad(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::bytes(ck::CKM_AES_CBC_PAD, &[1; 16]))
}

fn gcm(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::gcm())
}

fn key_wrap(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::plain(ck::CKM_AES_KEY_WRAP))
}

fn key_wrap_padded(world: &mut World) -> Attempt {
    wrap_and_decrypt(world, &Mechanism::plain(ck::CKM_AES_KEY_WRAP_KWP))
}

/// Blocks of ECB are unwrapped one by one as keys that may be read.
fn ecb_alone(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let ecb = Mechanism::plain(ck::CKM_AES_ECB);
    let blob = world.calls.wrap(&ecb, kek, target.key).at("wrap")?;
    let readable = Template::aes(16).off(&[ck::CKA_SENSITIVE]).on(&[ck::CKA_EXTRACTABLE]);
    let half = world.calls.unwrap_key(&ecb, kek, &blob[..16], &readable).at("unwrap")?;
    world.read(half, &target)
}

/// Two keys under one nonce: the known one gives the key stream of the other.
fn gcm_nonce(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let kek = world.kek(&[ck::CKA_WRAP])?;
    let known = world.known(&Template::new().off(&[ck::CKA_SENSITIVE]).on(&[ck::CKA_EXTRACTABLE]))?;
    let stream = world.calls.wrap(&Mechanism::gcm(), kek, known).at("wrap the known key")?;
    let blob = world.calls.wrap(&Mechanism::gcm(), kek, target.key).at("wrap")?;
    let loot: Vec<u8> = blob.iter().zip(&stream).map(|(one, other)| one ^ other ^ 0xa5).collect();
    world.take(&loot, &target)
}

fn rsa_attack(
    world: &mut World,
    wrap_by: &Mechanism,
    private: &[u64],
    undo: impl FnOnce(&World, u64, &[u8]) -> Result<Vec<u8>, super::Stop>,
) -> Attempt {
    let target = world.marked(Template::new())?;
    let (public, private) = world.rsa(&[ck::CKA_WRAP], private).at("make the wrapping key")?;
    let blob = world.calls.wrap(wrap_by, public, target.key).at("wrap")?;
    let loot = undo(world, private, &blob)?;
    // A bare RSA block of 256 bytes is the padded key, whatever the padding.
    if loot.len() == 256 { Ok(()) } else { world.take(&loot, &target) }
}

fn oaep(world: &mut World) -> Attempt {
    rsa_attack(world, &Mechanism::oaep(), &[ck::CKA_DECRYPT], |world, key, blob| {
        world.calls.decrypt(&Mechanism::oaep(), key, blob).at("decrypt")
    })
}

fn v1_5(world: &mut World) -> Attempt {
    let v1_5 = Mechanism::plain(ck::CKM_RSA_PKCS);
    rsa_attack(world, &v1_5, &[ck::CKA_DECRYPT], |world, key, blob| world.calls.decrypt(&v1_5, key, blob).at("decrypt"))
}

fn v1_5_raw(world: &mut World) -> Attempt {
    rsa_attack(world, &Mechanism::plain(ck::CKM_RSA_PKCS), &[ck::CKA_DECRYPT], |world, key, blob| {
        world.calls.decrypt(&Mechanism::plain(ck::CKM_RSA_X_509), key, blob).at("decrypt")
    })
}

fn raw_sign(world: &mut World) -> Attempt {
    rsa_attack(world, &Mechanism::oaep(), &[ck::CKA_SIGN, ck::CKA_UNWRAP], |world, key, blob| {
        world.calls.sign(&Mechanism::plain(ck::CKM_RSA_X_509), key, blob).at("sign")
    })
}

fn raw_recover(world: &mut World) -> Attempt {
    rsa_attack(world, &Mechanism::oaep(), &[ck::CKA_SIGN_RECOVER, ck::CKA_UNWRAP], |world, key, blob| {
        world.calls.sign_recover(&Mechanism::plain(ck::CKM_RSA_X_509), key, blob).at("sign")
    })
}

/// The pair is the vault's own and has a name there; the daemon's administrator decrypts by it.
fn key_vault(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let token = Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, b"two-doors");
    let (public, _) =
        world.rsa_with(&token.clone().on(&[ck::CKA_WRAP]), &token.on(&[ck::CKA_UNWRAP])).at("make the wrapping key")?;
    let blob = world.calls.wrap(&Mechanism::oaep(), public, target.key).at("wrap")?;
    let blob = Base64::encode_string(&blob);
    let mut command = world.daemon.command(softkeep_tests::program("softkeep"));
    command.args(["keyvault", "key", "decrypt", "--vault-name", &world.name, "--name", "two-doors"]);
    command.args(["--algorithm", "RSA-OAEP-256", "--value", &blob]);
    let output = run(&mut command);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let code = stderr.split(|one: char| !one.is_ascii_uppercase() && one != '_').find(|word| word.len() > 8);
        return Err(super::Stop(format!("decrypt: {}", code.unwrap_or(&stderr))));
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if stdout.contains(&Base64::encode_string(&target.value)) { Ok(()) } else { useless("another value") }
}

fn once_decrypted(world: &mut World) -> Attempt {
    let (target, kek) = (world.marked(Template::new())?, world.kek(&WRAPS_AND_DECRYPTS)?);
    let copy = world.calls.copy(kek, &Template::new()).at("copy")?;
    world.calls.set(kek, &Template::new().off(&[ck::CKA_DECRYPT])).at("switch off")?;
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, kek, target.key).at("wrap")?;
    let loot = world.calls.decrypt(&mechanism, copy, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn decrypts_later(world: &mut World) -> Attempt {
    let (target, kek) = (world.marked(Template::new().off(&[ck::CKA_WRAP_WITH_TRUSTED]))?, world.kek(&[ck::CKA_WRAP])?);
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, kek, target.key).at("wrap")?;
    world.calls.set(kek, &Template::new().on(&[ck::CKA_DECRYPT])).at("let it decrypt")?;
    let loot = world.calls.decrypt(&mechanism, kek, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn copy_decrypts(world: &mut World) -> Attempt {
    let (target, kek) = (world.marked(Template::new())?, world.kek(&[ck::CKA_WRAP])?);
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, kek, target.key).at("wrap")?;
    let copy = world.calls.copy(kek, &Template::new().on(&[ck::CKA_DECRYPT])).at("copy")?;
    let loot = world.calls.decrypt(&mechanism, copy, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn derives(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_DERIVE])?;
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, kek, target.key).at("wrap")?;
    // The wrapping key's own bytes become a key that decrypts.
    let decrypts = Template::aes(32).on(&[ck::CKA_DECRYPT]);
    let twin =
        world.calls.derive(&Mechanism::data(ck::CKM_XOR_BASE_AND_DATA, &[0; 32]), kek, &decrypts).at("derive")?;
    let loot = world.calls.decrypt(&mechanism, twin, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn not_trusted(world: &mut World) -> Attempt {
    let target = world.marked(Template::new().on(&[ck::CKA_WRAP_WITH_TRUSTED]))?;
    let kek = world.kek(&[ck::CKA_WRAP])?;
    world.calls.wrap(&Mechanism::plain(ck::CKM_AES_KEY_WRAP), kek, target.key).at("wrap").map(drop)
}

fn unextractable(world: &mut World) -> Attempt {
    let target = world.marked(Template::new().off(&[ck::CKA_EXTRACTABLE]))?;
    let kek = world.kek(&[ck::CKA_WRAP])?;
    world.calls.wrap(&Mechanism::plain(ck::CKM_AES_KEY_WRAP), kek, target.key).at("wrap").map(drop)
}

fn rsa_aes(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let (public, private) = world.rsa(&[ck::CKA_WRAP], &[ck::CKA_UNWRAP]).at("make the wrapping key")?;
    let wrap = Mechanism::with(ck::CKM_RSA_AES_KEY_WRAP, Parameter::RsaAes { bits: 256 });
    let blob = world.calls.wrap(&wrap, public, target.key).at("wrap")?;
    let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_SENSITIVE, ck::CKA_DECRYPT]);
    let inner = world.calls.unwrap_key(&Mechanism::oaep(), private, &blob[..256], &template).at("unwrap")?;
    let loot = world.calls.decrypt(&Mechanism::plain(ck::CKM_AES_KEY_WRAP_KWP), inner, &blob[256..]).at("decrypt")?;
    world.take(&loot, &target)
}

/// The officer trusts a key that may leave: it leaves under another and comes back as one that decrypts.
fn extractable_trusted(world: &mut World) -> Attempt {
    let kept = Template::new().on(&[ck::CKA_TOKEN, ck::CKA_WRAP]).off(&[ck::CKA_PRIVATE]);
    let kept = kept.on(&[ck::CKA_EXTRACTABLE]).bytes(ck::CKA_LABEL, b"trusted-and-extractable");
    let trusted = world.kek_with(&kept)?;
    world.as_officer(|officer| officer.set(trusted, &Template::new().on(&[ck::CKA_TRUSTED]))).at("trust")?;
    let target = world.marked(Template::new())?;
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, trusted, target.key).at("wrap")?;
    let out = world.calls.wrap(&mechanism, kek, trusted).at("wrap the trusted key")?;
    let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_SENSITIVE, ck::CKA_DECRYPT]);
    let twin = world.calls.unwrap_key(&mechanism, kek, &out, &template).at("unwrap the trusted key")?;
    let loot = world.calls.decrypt(&mechanism, twin, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

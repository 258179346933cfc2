//! To unwrap a wrapped key as something weaker (Bortolozzo, Centenaro, Focardi and Steel, CCS 2010), or to learn from how unwrapping fails
//! (Bleichenbacher, CRYPTO 1998).

use std::collections::BTreeSet;

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::{self, ck},
};

use super::{
    Row, row,
    world::{At, Attempt, Marked, Stop, Vault, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "unwrap as not sensitive",
        not_sensitive,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
    ),
    row("unwrap without a word", silent, "read: CKR_ATTRIBUTE_SENSITIVE", "read: CKR_ATTRIBUTE_SENSITIVE"),
    row(
        "unwrap as extractable, wrap under a known key",
        extractable,
        "wrap under a known key: CKR_KEY_NOT_WRAPPABLE",
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap as a data object",
        data_object,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
    ),
    row("unwrap as a private key", private_key, "unwrap: CKR_WRAPPED_KEY_INVALID", "unwrap: CKR_WRAPPED_KEY_INVALID"),
    row(
        "unwrap as a generic secret, cut it",
        generic,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row("unwrap one byte of it", one_byte, "unwrap: CKR_TEMPLATE_INCONSISTENT", "unwrap: CKR_TEMPLATE_INCONSISTENT"),
    row(
        "unwrap by ECB what was sealed",
        by_ecb,
        "unwrap: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "unwrap: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT",
    ),
    row(
        "unwrap by padded key wrap of PKCS#7 what was sealed",
        by_padding,
        "unwrap: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "unwrap: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT",
    ),
    row(
        "unwrap by key wrap with an IV of one's own",
        by_own_iv,
        "unwrap: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "unwrap: CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT",
    ),
    row(
        "unwrap against the key's own template",
        against_template,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with a copy that has no template",
        copy_without_template,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with a copy for weak mechanisms",
        copy_for_weak,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with a copy of a trusted imported key",
        copy_of_trusted,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap what lost its trusted key",
        trust_taken_away,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with what may not",
        may_not_unwrap,
        "unwrap: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "unwrap: CKR_KEY_FUNCTION_NOT_PERMITTED",
    ),
    row(
        "unwrap by a mechanism the key does not allow",
        not_allowed,
        "unwrap: CKR_MECHANISM_INVALID",
        "unwrap: CKR_MECHANISM_INVALID",
    ),
    row(
        "unwrap v1.5 and learn the padding",
        unwrap_oracle,
        "useless: every block is answered Ok(())",
        "make the unwrapping key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "decrypt v1.5 and learn the padding",
        decrypt_oracle,
        "useless: every block is answered Ok(())",
        "useless: every block is answered Err(\"CKR_FUNCTION_FAILED\")",
    ),
    row(
        "unwrap damaged key wrap and learn where",
        damaged,
        "useless: every blob is answered Err(\"CKR_WRAPPED_KEY_INVALID\")",
        "useless: every blob is answered Err(\"CKR_WRAPPED_KEY_INVALID\")",
    ),
];

const READABLE: [u64; 2] = [ck::CKA_EXTRACTABLE, ck::CKA_ENCRYPT];

fn kw() -> Mechanism {
    Mechanism::plain(ck::CKM_AES_KEY_WRAP)
}

/// A marked key that was wrapped as it should be.
struct Sealed {
    target: Marked,
    /// The key that unwraps, and how.
    key: u64,
    by: Mechanism,
    blob: Vec<u8>,
}

/// Under a secret key made here; where every key that may leave needs a trusted one, under a pair whose public half the officer trusts.
fn sealed(world: &mut World, more: Template) -> Result<Sealed, Stop> {
    if world.kind != Vault::Strict {
        let key = world.kek_with(&more.on(&[ck::CKA_WRAP, ck::CKA_UNWRAP]))?;
        let target = world.marked(Template::new())?;
        let blob = world.calls.wrap(&kw(), key, target.key).at("wrap")?;
        return Ok(Sealed { target, key, by: kw(), blob });
    }
    let token = Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, b"sealing");
    let private = token.clone().on(&[ck::CKA_UNWRAP]).and(&more);
    let (public, key) = world.rsa_with(&token.on(&[ck::CKA_WRAP]), &private).at("make the wrapping key")?;
    world.as_officer(|officer| officer.set(public, &Template::new().on(&[ck::CKA_TRUSTED]))).at("trust")?;
    let unique_id = Template::new().number(ck::CKA_CLASS, ck::CKO_PRIVATE_KEY);
    let found = world.calls.find(&unique_id.bytes(ck::CKA_LABEL, b"sealing")).at("find")?;
    let key = if found.contains(&key) { key } else { *found.last().unwrap() };
    let target = world.marked(Template::new())?;
    let blob = world.calls.wrap(&Mechanism::oaep(), public, target.key).at("wrap")?;
    Ok(Sealed { target, key, by: Mechanism::oaep(), blob })
}

/// Unwraps it by its own mechanism or another, and reads.
fn unwrap_and_read(world: &mut World, more: Template, other: Option<Mechanism>, template: &Template) -> Attempt {
    let Sealed { target, key, by, blob } = sealed(world, more)?;
    let unwrapped = world.calls.unwrap_key(&other.unwrap_or(by), key, &blob, template).at("unwrap")?;
    world.read(unwrapped, &target)
}

fn readable() -> Template {
    Template::secret(ck::CKK_AES).off(&[ck::CKA_SENSITIVE]).on(&READABLE)
}

fn not_sensitive(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), None, &readable())
}

fn silent(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), None, &Template::secret(ck::CKK_AES))
}

fn extractable(world: &mut World) -> Attempt {
    let Sealed { target, key, by, blob } = sealed(world, Template::new())?;
    let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_EXTRACTABLE]);
    let key = world.calls.unwrap_key(&by, key, &blob, &template).at("unwrap")?;
    let known = world.known(&Template::new().on(&[ck::CKA_WRAP]))?;
    let blob = world.calls.wrap(&kw(), known, key).at("wrap under a known key")?;
    let home = world.known(&Template::new().on(&[ck::CKA_DECRYPT]))?;
    let loot = world.calls.decrypt(&kw(), home, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn data_object(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), None, &Template::new().number(ck::CKA_CLASS, ck::CKO_DATA))
}

fn private_key(world: &mut World) -> Attempt {
    let template = Template::new().number(ck::CKA_CLASS, ck::CKO_PRIVATE_KEY).number(ck::CKA_KEY_TYPE, ck::CKK_EC);
    unwrap_and_read(world, Template::new(), None, &template.off(&[ck::CKA_SENSITIVE]))
}

fn generic(world: &mut World) -> Attempt {
    let Sealed { key, by, blob, .. } = sealed(world, Template::new())?;
    let template = Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]);
    let key = world.calls.unwrap_key(&by, key, &blob, &template).at("unwrap")?;
    let cut = Mechanism::number(ck::CKM_EXTRACT_KEY_FROM_KEY, 0);
    world.calls.derive(&cut, key, &Template::generic(1).on(&[ck::CKA_SIGN])).at("derive").map(drop)
}

fn one_byte(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), None, &Template::generic(1).on(&[ck::CKA_SIGN]))
}

fn by_ecb(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), Some(Mechanism::plain(ck::CKM_AES_ECB)), &Template::generic(40))
}

fn by_padding(world: &mut World) -> Attempt {
    let template = Template::secret(ck::CKK_GENERIC_SECRET);
    unwrap_and_read(world, Template::new(), Some(Mechanism::plain(ck::CKM_AES_KEY_WRAP_PAD)), &template)
}

fn by_own_iv(world: &mut World) -> Attempt {
    unwrap_and_read(world, Template::new(), Some(Mechanism::bytes(ck::CKM_AES_KEY_WRAP, &[0xa6; 8])), &readable())
}

fn against_template(world: &mut World) -> Attempt {
    let rule = Template::new().on(&[ck::CKA_SENSITIVE]);
    unwrap_and_read(world, Template::new().nested(ck::CKA_UNWRAP_TEMPLATE, rule), None, &readable())
}

fn copy_without_template(world: &mut World) -> Attempt {
    let rule = Template::new().off(&[ck::CKA_DECRYPT]);
    let Sealed { target, key, by, blob } = sealed(world, Template::new().nested(ck::CKA_UNWRAP_TEMPLATE, rule))?;
    let without = Template::new().nested(ck::CKA_UNWRAP_TEMPLATE, Template::new());
    let copy = world.calls.copy(key, &without).at("copy")?;
    let key = world.calls.unwrap_key(&by, copy, &blob, &readable()).at("unwrap")?;
    world.read(key, &target)
}

fn copy_for_weak(world: &mut World) -> Attempt {
    let Sealed { target, key, blob, .. } = sealed(world, Template::new())?;
    let copy = world.calls.copy(key, &Template::new().mechanisms(&[ck::CKM_AES_ECB])).at("copy")?;
    let ecb = Mechanism::plain(ck::CKM_AES_ECB);
    let key = world.calls.unwrap_key(&ecb, copy, &blob[..32], &readable()).at("unwrap")?;
    world.read(key, &target)
}

/// The officer vouches for a key that came from outside. Its user does not know it, but copies it, and the copy is no longer trusted.
fn trusted_import(world: &mut World) -> Result<u64, Stop> {
    let kept = Template::new().on(&[ck::CKA_TOKEN, ck::CKA_WRAP, ck::CKA_UNWRAP]).off(&[ck::CKA_PRIVATE]);
    let kek = world.known(&kept.bytes(ck::CKA_LABEL, b"vouched-for"))?;
    world.as_officer(|officer| officer.set(kek, &Template::new().on(&[ck::CKA_TRUSTED]))).at("trust")?;
    Ok(kek)
}

fn copy_of_trusted(world: &mut World) -> Attempt {
    let kek = trusted_import(world)?;
    let target = world.marked(Template::new())?;
    let blob = world.calls.wrap(&kw(), kek, target.key).at("wrap")?;
    let copy = world.calls.copy(kek, &Template::new().off(&[ck::CKA_TOKEN])).at("copy")?;
    let key = world.calls.unwrap_key(&kw(), copy, &blob, &readable()).at("unwrap")?;
    world.read(key, &target)
}

fn trust_taken_away(world: &mut World) -> Attempt {
    let kek = trusted_import(world)?;
    let target = world.marked(Template::new())?;
    let blob = world.calls.wrap(&kw(), kek, target.key).at("wrap")?;
    world.as_officer(|officer| officer.set(kek, &Template::new().off(&[ck::CKA_TRUSTED]))).at("distrust")?;
    let key = world.calls.unwrap_key(&kw(), kek, &blob, &readable()).at("unwrap")?;
    world.read(key, &target)
}

fn may_not_unwrap(world: &mut World) -> Attempt {
    let kek = world.kek(&[ck::CKA_WRAP])?;
    world.calls.unwrap_key(&kw(), kek, &[0; 40], &Template::secret(ck::CKK_AES)).at("unwrap").map(drop)
}

fn not_allowed(world: &mut World) -> Attempt {
    let template = Template::new().mechanisms(&[ck::CKM_AES_KEY_WRAP]).on(&[ck::CKA_WRAP, ck::CKA_UNWRAP]);
    let kek = world.kek_with(&template)?;
    let kwp = Mechanism::plain(ck::CKM_AES_KEY_WRAP_KWP);
    world.calls.unwrap_key(&kwp, kek, &[0; 40], &Template::secret(ck::CKK_AES)).at("unwrap").map(drop)
}

/// Blocks of which one in each is well padded, and others damaged in every place that padding has.
fn blocks(world: &World, public: u64) -> Result<Vec<Vec<u8>>, Stop> {
    let mut padded = vec![7u8; 256];
    padded[0] = 0;
    padded[1] = 2;
    padded[256 - 17] = 0;
    let change = |at: usize, to: u8| {
        let mut block = padded.clone();
        block[at] = to;
        block
    };
    // Right, wrong first byte, wrong type, a zero too early, no zero at all, a key of another length.
    let blocks = [padded.clone(), change(0, 1), change(1, 1), change(5, 0), change(256 - 17, 7), change(200, 0)];
    blocks
        .iter()
        .map(|block| world.calls.encrypt(&Mechanism::plain(ck::CKM_RSA_X_509), public, block).at("encrypt"))
        .collect()
}

fn unwrap_oracle(world: &mut World) -> Attempt {
    let (public, private) = world.rsa(&[ck::CKA_ENCRYPT], &[ck::CKA_UNWRAP]).at("make the unwrapping key")?;
    let template = Template::aes(16).on(&[ck::CKA_ENCRYPT]);
    let mut answers = BTreeSet::new();
    for block in blocks(world, public)? {
        let key = world.calls.unwrap_key(&Mechanism::plain(ck::CKM_RSA_PKCS), private, &block, &template);
        answers.insert(key.map(drop).map_err(raw::name));
        // The same block is the same key: a random one each time would tell too.
        if let Ok(key) = key {
            let ecb = Mechanism::plain(ck::CKM_AES_ECB);
            let again = world.calls.unwrap_key(&Mechanism::plain(ck::CKM_RSA_PKCS), private, &block, &template);
            let once = world.calls.encrypt(&ecb, key, &[0; 16]).at("encrypt")?;
            if once != world.calls.encrypt(&ecb, again.at("unwrap again")?, &[0; 16]).at("encrypt")? {
                return Ok(());
            }
        }
    }
    if answers.len() > 1 { Ok(()) } else { useless(&format!("every block is answered {:?}", answers.first().unwrap())) }
}

fn decrypt_oracle(world: &mut World) -> Attempt {
    let (public, private) = world.rsa(&[ck::CKA_ENCRYPT], &[ck::CKA_DECRYPT]).at("make the key")?;
    let mut answers = BTreeSet::new();
    for block in blocks(world, public)? {
        let v1_5 = Mechanism::plain(ck::CKM_RSA_PKCS);
        let (once, again) = (world.calls.decrypt(&v1_5, private, &block), world.calls.decrypt(&v1_5, private, &block));
        if once != again {
            return Ok(());
        }
        answers.insert(once.map(drop).map_err(raw::name));
    }
    if answers.len() > 1 { Ok(()) } else { useless(&format!("every block is answered {:?}", answers.first().unwrap())) }
}

fn damaged(world: &mut World) -> Attempt {
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let template = Template::secret(ck::CKK_AES);
    let mut answers = BTreeSet::new();
    for (mechanism, lengths) in [(ck::CKM_AES_KEY_WRAP, [24, 40]), (ck::CKM_AES_KEY_WRAP_KWP, [24, 40])] {
        for length in lengths {
            for byte in 0..length {
                let mut blob = vec![0x55; length];
                blob[byte] ^= 1;
                let key = world.calls.unwrap_key(&Mechanism::plain(mechanism), kek, &blob, &template);
                answers.insert(key.map(drop).map_err(raw::name));
            }
        }
    }
    let short = Mechanism::with(ck::CKM_AES_GCM, Parameter::Gcm { iv: vec![1; 12], aad: vec![], tag_bits: 0 });
    if world.calls.unwrap_key(&short, kek, &[0x55; 32], &template).is_ok() {
        return Ok(());
    }
    if answers.len() > 1 { Ok(()) } else { useless(&format!("every blob is answered {:?}", answers.first().unwrap())) }
}

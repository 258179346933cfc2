//! To derive a key that can be read, or one so short, or so much like another, that it is found by trying (Clulow, CHES 2003); and to agree
//! with public values that are none.

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::{Rv, ck},
};

use super::{
    Row, row,
    world::{At, Attempt, Marked, Stop, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "cut one byte out of the key",
        extract_one,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "cut one byte out of what stays but is not sensitive",
        extract_unextractable,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "set-up: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "cut by putting bytes behind the key",
        append_and_cut,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "cut by putting bytes before the key",
        prepend_and_cut,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "cut by adding one byte to the key",
        xor_short,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "cut the second of two keys",
        join_and_cut,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "shift the key by a byte and compare",
        shift_and_compare,
        "cut: CKR_TEMPLATE_INCONSISTENT",
        "cut: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "turn the key by a byte and compare",
        turn_and_compare,
        "turn: CKR_TEMPLATE_INCONSISTENT",
        "turn: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "make the key a curve's scalar, and one with a bit turned over",
        related_scalars,
        "turn over: CKR_TEMPLATE_INCONSISTENT",
        "turn over: CKR_MECHANISM_INVALID",
    ),
    row(
        "make a scalar of a private key that was unwrapped as a secret",
        related_private_key,
        "turn over: CKR_TEMPLATE_INCONSISTENT",
        "set-up: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "add zeros to the key and read",
        xor_readable,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row(
        "put a byte behind the key and read",
        append_readable,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row(
        "join with a known key and read",
        join_readable,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row(
        "derive as another type that wraps",
        derive_wrapping,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row("derive by HKDF as readable", hkdf, "useless: nothing of the value in it", "derive: CKR_TEMPLATE_INCONSISTENT"),
    row(
        "derive by HKDF with the key as salt, as readable",
        hkdf_salt,
        "useless: nothing of the value in it",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "derive the digest as readable",
        digest,
        "useless: nothing of the value in it",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "encrypt data with the key as readable",
        encrypt_data,
        "useless: nothing of the value in it",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "read HKDF's output as data",
        hkdf_data,
        "useless: nothing of the value in it",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row("digest the key", digest_key, "digest: CKR_KEY_INDIGESTIBLE", "digest: CKR_KEY_INDIGESTIBLE"),
    row(
        "derive against the key's own template",
        against_template,
        "derive: CKR_TEMPLATE_INCONSISTENT",
        "derive: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "derive by a mechanism the key does not allow",
        not_allowed,
        "derive: CKR_MECHANISM_INVALID",
        "derive: CKR_MECHANISM_INVALID",
    ),
    row(
        "derive with a key that signs",
        not_deriving,
        "derive: CKR_KEY_FUNCTION_NOT_PERMITTED",
        "derive: CKR_KEY_FUNCTION_NOT_PERMITTED",
    ),
];

fn derive(world: &World, mechanism: &Mechanism, base: u64, bytes: u64) -> Rv<u64> {
    world.calls.derive(mechanism, base, &Template::generic(bytes).on(&[ck::CKA_SIGN, ck::CKA_DERIVE]))
}

fn extract(first_bit: u64) -> Mechanism {
    Mechanism::number(ck::CKM_EXTRACT_KEY_FROM_KEY, first_bit)
}

fn append(data: &[u8]) -> Mechanism {
    Mechanism::data(ck::CKM_CONCATENATE_BASE_AND_DATA, data)
}

fn prepend(data: &[u8]) -> Mechanism {
    Mechanism::data(ck::CKM_CONCATENATE_DATA_AND_BASE, data)
}

fn xor(data: &[u8]) -> Mechanism {
    Mechanism::data(ck::CKM_XOR_BASE_AND_DATA, data)
}

fn mac(world: &World, key: u64) -> Result<Vec<u8>, Stop> {
    world.calls.sign(&Mechanism::plain(ck::CKM_SHA256_HMAC), key, b"which?").at("sign")
}

/// What a key of one byte is, by trying all.
fn guess(world: &World, key: u64, expected: u8) -> Attempt {
    let mark = mac(world, key)?;
    for byte in 0..=255 {
        let known = Template::secret(ck::CKK_GENERIC_SECRET).bytes(ck::CKA_VALUE, &[byte]).on(&[ck::CKA_SIGN]);
        if mac(world, world.calls.create(&known).at("guess")?)? == mark {
            return if byte == expected { Ok(()) } else { useless("another byte") };
        }
    }
    useless("no guess fits")
}

fn cut(world: &mut World, base: Template, mechanism: &Mechanism, byte: usize) -> Attempt {
    let base = world.marked_base(base)?;
    let key = derive(world, mechanism, base.key, 1).at("derive")?;
    guess(world, key, base.value[byte])
}

fn extract_one(world: &mut World) -> Attempt {
    cut(world, Template::new(), &extract(8), 1)
}

fn extract_unextractable(world: &mut World) -> Attempt {
    cut(world, Template::new().off(&[ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE]), &extract(8), 1)
}

fn append_and_cut(world: &mut World) -> Attempt {
    cut(world, Template::new(), &append(&[0]), 0)
}

fn prepend_and_cut(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    derive(world, &prepend(&[0; 31]), base.key, 32).at("derive").map(drop)
}

fn xor_short(world: &mut World) -> Attempt {
    cut(world, Template::new(), &xor(&[0]), 0)
}

fn join_and_cut(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let known = world.known(&Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]))?;
    derive(world, &Mechanism::number(ck::CKM_CONCATENATE_BASE_AND_KEY, base.key), known, 33).at("derive").map(drop)
}

/// Without its first byte and with a zero before it, the key is itself with its first byte set to zero. To find the byte that does that
/// takes 256 guesses, and so on byte by byte.
fn shift_and_compare(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let rest = derive(world, &extract(8), base.key, 31).at("cut")?;
    let shifted = derive(world, &prepend(&[0]), rest, 32).at("put a zero before")?;
    compare(world, &base, mac(world, shifted)?, |guess| {
        let mut data = [0; 32];
        data[0] = guess;
        derive(world, &xor(&data), base.key, 32)
    })
}

/// The key turned by a byte and a zero behind it; the key with a zero behind it, and all that turned: they differ in two places by the same
/// byte, the key's first.
fn turn_and_compare(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let turned = derive(world, &extract(8), base.key, 32).at("turn")?;
    let turned = derive(world, &append(&[0]), turned, 33).at("put a zero behind")?;
    let longer = derive(world, &append(&[0]), base.key, 33).at("put a zero behind")?;
    let longer = derive(world, &extract(8), longer, 33).at("turn")?;
    compare(world, &base, mac(world, turned)?, |guess| {
        let mut data = [0; 33];
        data[31] = guess;
        data[32] = guess;
        derive(world, &xor(&data), longer, 33)
    })
}

fn compare(world: &World, base: &Marked, mark: Vec<u8>, guess: impl Fn(u8) -> Rv<u64>) -> Attempt {
    for byte in 0..=255 {
        if mac(world, guess(byte).at("guess")?)? == mark {
            return if byte == base.value[0] { Ok(()) } else { useless("another byte") };
        }
    }
    useless("no guess fits")
}

/// PKCS#8 of a private key on P-256, up to the scalar.
const SCALAR_FOLLOWS: [u8; 35] = [
    0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
    1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
];

/// The curve, as CKA_EC_PARAMS has it.
pub const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const EXTRACTABLE: [u64; 3] = [ck::CKA_EXTRACTABLE, ck::CKA_SENSITIVE, ck::CKA_DERIVE];

fn kwp() -> Mechanism {
    Mechanism::plain(ck::CKM_AES_KEY_WRAP_KWP)
}

/// A secret that is PKCS#8, taken out and brought in as the private key that it is; that tells its public point.
fn point_of(world: &World, kek: u64, pkcs8: u64) -> Result<Vec<u8>, Stop> {
    let blob = world.calls.wrap(&kwp(), kek, pkcs8).at("wrap")?;
    let private = Template::new().number(ck::CKA_CLASS, ck::CKO_PRIVATE_KEY).number(ck::CKA_KEY_TYPE, ck::CKK_EC);
    let key = world.calls.unwrap_key(&kwp(), kek, &blob, &private).at("unwrap as a private key")?;
    world.calls.get(key, ck::CKA_PUBLIC_KEY_INFO).at("read the point")
}

/// The points of a scalar and of the same with its last bit turned over differ by the base point, to one side or the other: that is the
/// bit. And so on with every other bit.
fn related_scalars(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new().on(&EXTRACTABLE))?;
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    for bit in [0, 1] {
        let mut data = [0; 32];
        data[31] = bit;
        let turned =
            world.calls.derive(&xor(&data), base.key, &Template::generic(32).on(&EXTRACTABLE)).at("turn over")?;
        let pkcs8 = Template::generic(67).on(&EXTRACTABLE);
        let pkcs8 = world.calls.derive(&prepend(&SCALAR_FOLLOWS), turned, &pkcs8).at("make PKCS#8")?;
        point_of(world, kek, pkcs8)?;
    }
    Ok(())
}

/// The same with a private key of the vault.
fn related_private_key(world: &mut World) -> Attempt {
    let public = Template::new().bytes(ck::CKA_EC_PARAMS, P256);
    let private = Template::new().on(&[ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE, ck::CKA_SIGN]);
    let (_, private) = world.calls.pair(ck::CKM_EC_KEY_PAIR_GEN, &public, &private).at("set-up")?;
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let blob = world.calls.wrap(&kwp(), kek, private).at("take out")?;
    let secret = Template::secret(ck::CKK_GENERIC_SECRET).on(&EXTRACTABLE);
    let secret = world.calls.unwrap_key(&kwp(), kek, &blob, &secret).at("bring in as a secret")?;
    let length = u64::from_ne_bytes(world.calls.get(secret, ck::CKA_VALUE_LEN).at("read")?.try_into().unwrap());
    let mut data = vec![0; length as usize];
    data[67] = 1;
    let turned =
        world.calls.derive(&xor(&data), secret, &Template::generic(length).on(&EXTRACTABLE)).at("turn over")?;
    point_of(world, kek, turned).map(drop)
}

fn readable(bytes: u64) -> Template {
    Template::generic(bytes).off(&[ck::CKA_SENSITIVE]).on(&[ck::CKA_EXTRACTABLE, ck::CKA_SIGN])
}

fn derive_and_read(world: &mut World, base: Template, mechanism: &Mechanism, bytes: u64) -> Attempt {
    let base = world.marked_base(base)?;
    let key = world.calls.derive(mechanism, base.key, &readable(bytes)).at("derive")?;
    world.read(key, &base)
}

fn xor_readable(world: &mut World) -> Attempt {
    derive_and_read(world, Template::new(), &xor(&[0; 32]), 32)
}

fn append_readable(world: &mut World) -> Attempt {
    derive_and_read(world, Template::new(), &append(&[0]), 33)
}

fn join_readable(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let known = world.known(&Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]))?;
    let join = Mechanism::number(ck::CKM_CONCATENATE_BASE_AND_KEY, base.key);
    let key = world.calls.derive(&join, known, &readable(64)).at("derive")?;
    world.read(key, &base)
}

/// A known key with nothing added is no key made here, however often it is derived.
fn derive_wrapping(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let base = world.kek(&[ck::CKA_DERIVE])?;
    let wraps = Template::aes(32).on(&[ck::CKA_WRAP, ck::CKA_SENSITIVE]).off(&[ck::CKA_EXTRACTABLE]);
    let key = world.calls.derive(&xor(&[0; 32]), base, &wraps).at("derive")?;
    world.calls.wrap(&Mechanism::plain(ck::CKM_AES_KEY_WRAP), key, target.key).at("wrap").map(drop)
}

fn hkdf(world: &mut World) -> Attempt {
    let mechanism = Mechanism::with(ck::CKM_HKDF_DERIVE, Parameter::Hkdf { salt_key: None, expand: true });
    derive_and_read(world, Template::new(), &mechanism, 64)
}

fn hkdf_salt(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let known = world.known(&Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]))?;
    let salted = Parameter::Hkdf { salt_key: Some(base.key), expand: false };
    let key = world.calls.derive(&Mechanism::with(ck::CKM_HKDF_DERIVE, salted), known, &readable(32)).at("derive")?;
    world.read(key, &base)
}

fn digest(world: &mut World) -> Attempt {
    derive_and_read(world, Template::new(), &Mechanism::plain(ck::CKM_SHA256_KEY_DERIVATION), 32)
}

fn encrypt_data(world: &mut World) -> Attempt {
    let mechanism =
        Mechanism::with(ck::CKM_AES_CBC_ENCRYPT_DATA, Parameter::CbcData { iv: [0; 16], data: vec![0; 32] });
    derive_and_read(world, Template::secret(ck::CKK_AES), &mechanism, 32)
}

fn hkdf_data(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    let mechanism = Mechanism::with(ck::CKM_HKDF_DATA, Parameter::Hkdf { salt_key: None, expand: true });
    let template = Template::new().number(ck::CKA_CLASS, ck::CKO_DATA).number(ck::CKA_VALUE_LEN, 64);
    let data = world.calls.derive(&mechanism, base.key, &template).at("derive")?;
    world.read(data, &base)
}

/// Digests of the key beside chosen bytes would be as good as reading, for a short one.
fn digest_key(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new())?;
    world.calls.digest_key(base.key).at("digest").map(drop)
}

fn against_template(world: &mut World) -> Attempt {
    let rule = Template::new().on(&[ck::CKA_SENSITIVE]);
    let base = Template::new().nested(ck::CKA_DERIVE_TEMPLATE, rule);
    derive_and_read(world, base, &Mechanism::plain(ck::CKM_SHA256_KEY_DERIVATION), 32)
}

fn not_allowed(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new().mechanisms(&[ck::CKM_HKDF_DERIVE]))?;
    derive(world, &extract(0), base.key, 32).at("derive").map(drop)
}

fn not_deriving(world: &mut World) -> Attempt {
    let base = world.marked_base(Template::new().on(&[ck::CKA_SIGN]).off(&[ck::CKA_DERIVE]))?;
    derive(world, &extract(0), base.key, 32).at("derive").map(drop)
}

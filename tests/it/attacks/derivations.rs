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
    row("cut one byte out of the key", extract_one, "", ""),
    row("cut one byte out of what stays but is not sensitive", extract_unextractable, "", ""),
    row("cut by putting bytes behind the key", append_and_cut, "", ""),
    row("cut by putting bytes before the key", prepend_and_cut, "", ""),
    row("cut by adding one byte to the key", xor_short, "", ""),
    row("cut the second of two keys", join_and_cut, "", ""),
    row("shift the key by a byte and compare", shift_and_compare, "", ""),
    row("turn the key by a byte and compare", turn_and_compare, "", ""),
    row("add zeros to the key and read", xor_readable, "", ""),
    row("put a byte behind the key and read", append_readable, "", ""),
    row("join with a known key and read", join_readable, "", ""),
    row("derive as another type that wraps", derive_wrapping, "", ""),
    row("derive by HKDF as readable", hkdf, "", ""),
    row("derive by HKDF with the key as salt, as readable", hkdf_salt, "", ""),
    row("derive the digest as readable", digest, "", ""),
    row("encrypt data with the key as readable", encrypt_data, "", ""),
    row("read HKDF's output as data", hkdf_data, "", ""),
    row("digest the key", digest_key, "", ""),
    row("derive against the key's own template", against_template, "", ""),
    row("derive by a mechanism the key does not allow", not_allowed, "", ""),
    row("derive with a key that signs", not_deriving, "", ""),
    row("agree with a point off the curve", off_the_curve, "", ""),
    row("agree with the point at infinity", infinity, "", ""),
    row("agree with a point of another curve", other_curve, "", ""),
    row("agree with X25519's points of small order", small_order, "", ""),
    row("agree with a DH value of 0, 1, p-1 or p", dh_values, "", ""),
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
    let mechanism = Mechanism::with(
        ck::CKM_AES_CBC_ENCRYPT_DATA,
        Parameter::CbcData { iv: [0; 16], data: vec![0; 32] },
    );
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

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

fn agree(world: &World, generation: u64, curve: &[u8], points: &[Vec<u8>]) -> Attempt {
    let public = Template::new().bytes(ck::CKA_EC_PARAMS, curve);
    let private = Template::new().on(&[ck::CKA_DERIVE, ck::CKA_SENSITIVE]).off(&[ck::CKA_EXTRACTABLE]);
    let (_, private) = world.calls.pair(generation, &public, &private).at("make the pair")?;
    agree_with(points, |point| {
        let mechanism = Parameter::Ecdh { kdf: ck::CKD_SHA256_KDF, public: point.to_vec() };
        derive(world, &Mechanism::with(ck::CKM_ECDH1_DERIVE, mechanism), private, 32)
    })
}

/// Every value must be refused, and all in one way.
fn agree_with(values: &[Vec<u8>], derive: impl Fn(&[u8]) -> Rv<u64>) -> Attempt {
    let mut last = Ok(());
    for (index, value) in values.iter().enumerate() {
        last = derive(value).at("derive").map(drop);
        if let Ok(()) = last {
            eprintln!("value {index} is taken");
            return Ok(());
        }
    }
    last
}

fn off_the_curve(world: &mut World) -> Attempt {
    agree(world, ck::CKM_EC_KEY_PAIR_GEN, P256, &[[&[4][..], &[1; 64]].concat(), [&[2][..], &[0xff; 32]].concat()])
}

fn infinity(world: &mut World) -> Attempt {
    agree(world, ck::CKM_EC_KEY_PAIR_GEN, P256, &[vec![0], [&[4][..], &[0; 64]].concat(), vec![]])
}

fn other_curve(world: &mut World) -> Attempt {
    let p384 = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
    let flags = Template::new().on(&[ck::CKA_DERIVE]);
    let public = Template::new().bytes(ck::CKA_EC_PARAMS, &p384);
    let (other, _) = world.calls.pair(ck::CKM_EC_KEY_PAIR_GEN, &public, &flags).at("make the other pair")?;
    let point = world.calls.get(other, ck::CKA_EC_POINT).at("read")?;
    agree(world, ck::CKM_EC_KEY_PAIR_GEN, P256, &[point])
}

/// The values of RFC 7748's curve whose multiples are all zero.
fn small_order(world: &mut World) -> Attempt {
    let number = |bytes: [u8; 2]| [&bytes[..1], &[0; 30], &bytes[1..]].concat();
    let mut minus_one = vec![0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let (mut zero, mut one) = (minus_one.clone(), minus_one.clone());
    (zero[0], one[0]) = (0xed, 0xee);
    agree(world, ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN, X25519, &[number([0, 0]), number([1, 0]), minus_one, zero, one])
}

/// RFC 3526's group of 2048 bits.
const PRIME: &str = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B\
302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05\
98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E8603\
9B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF";

fn dh_values(world: &mut World) -> Attempt {
    let prime: Vec<u8> = PRIME
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let public = Template::new().bytes(ck::CKA_PRIME, &prime).bytes(ck::CKA_BASE, &[2]);
    let private = Template::new().on(&[ck::CKA_DERIVE]);
    let (_, private) = world.calls.pair(ck::CKM_DH_PKCS_KEY_PAIR_GEN, &public, &private).at("make the pair")?;
    let mut minus_one = prime.clone();
    minus_one[255] -= 1;
    agree_with(&[vec![0], vec![1], minus_one, prime.clone(), [&[0][..], &prime].concat()], |value| {
        derive(world, &Mechanism::bytes(ck::CKM_DH_PKCS_DERIVE, value), private, 32)
    })
}

//! To agree on a secret with a public value that is none: what comes of it would tell the private key, or be known beforehand.

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::{Rv, ck},
};

use super::{
    Row,
    derivations::P256,
    row,
    world::{At, Attempt, World},
};

pub const ATTACKS: &[Row] = &[
    row(
        "agree with a point off the curve",
        off_the_curve,
        "derive: CKR_MECHANISM_PARAM_INVALID",
        "derive: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "agree with the point at infinity",
        infinity,
        "derive: CKR_MECHANISM_PARAM_INVALID",
        "derive: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "agree with a point of another curve",
        other_curve,
        "derive: CKR_MECHANISM_PARAM_INVALID",
        "derive: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "agree with X25519's points of small order",
        small_order,
        "derive: CKR_MECHANISM_PARAM_INVALID",
        "derive: CKR_MECHANISM_PARAM_INVALID",
    ),
    row(
        "agree with a DH value of 0, 1, p-1 or p",
        dh_values,
        "derive: CKR_MECHANISM_PARAM_INVALID",
        "derive: CKR_MECHANISM_PARAM_INVALID",
    ),
];

fn derive(world: &World, mechanism: &Mechanism, base: u64, bytes: u64) -> Rv<u64> {
    world.calls.derive(mechanism, base, &Template::generic(bytes).on(&[ck::CKA_SIGN]))
}

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

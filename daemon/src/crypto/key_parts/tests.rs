//! Parts to keys and back.

use proptest::prelude::*;
use softkeep_proto::algorithm::SignScheme;

use super::super::test_vectors::hex;
use super::*;
use crate::crypto::key_info::{PublicNumbers, check_import, public_info, public_info_of_private};
use crate::crypto::{AwsLc, Backend, RustCrypto};

const BACKENDS: [&dyn Backend; 2] = [&AwsLc, &RustCrypto];

fn refused<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("a refusal").code
}

/// What a key is taken apart into makes the same key again.
#[test]
fn parts_make_the_key_again() {
    let p = hex(include_str!("tests/group_14.hex"));
    let mut keys = vec![dh::generate(&p, &[2], Some(256)).unwrap(), AwsLc.generate(KeyType::Rsa(2048)).unwrap()];
    let types = Curve::ALL
        .map(KeyType::Ec)
        .into_iter()
        .chain(EdwardsCurve::ALL.map(KeyType::Edwards))
        .chain(MontgomeryCurve::ALL.map(KeyType::Montgomery))
        .chain(MlDsaSet::ALL.map(KeyType::MlDsa))
        .chain(MlKemSet::ALL.map(KeyType::MlKem));
    keys.extend(types.map(|key_type| RustCrypto.generate(key_type).unwrap()));
    for pkcs8 in keys {
        let public = public_info_of_private(&pkcs8).unwrap();
        let again = match (parts_of(&pkcs8).unwrap(), &public.numbers) {
            (PrivateParts::Rsa { d, p, q, dp, dq, qinv }, PublicNumbers::Rsa { n, e }) => {
                let (primes, crt) = (Some((&p[..], &q[..])), Some((&dp[..], &dq[..], &qinv[..])));
                rsa_pkcs8(RsaValues { n, e, d: &d, primes, crt })
            }
            (PrivateParts::Ec(curve, value), _) => ec_pkcs8(curve, &value),
            (PrivateParts::Edwards(curve, value), _) => edwards_pkcs8(curve, &value),
            (PrivateParts::Montgomery(curve, value), _) => montgomery_pkcs8(curve, &value),
            (PrivateParts::Dh { p, g, value }, _) => dh_pkcs8(&p, &g, &value),
            (PrivateParts::MlDsa(set, seed, _), _) => ml_dsa_pkcs8(set, &seed.unwrap()),
            (PrivateParts::MlKem(set, seed, _), _) => ml_kem_pkcs8(set, &seed.unwrap()),
            (PrivateParts::Rsa { .. }, _) => unreachable!(),
        };
        let again = again.unwrap();
        assert_eq!(public_info_of_private(&again).unwrap(), public);
        if !matches!(public.key_type, KeyType::Ec(_)) {
            // What else a SEC 1 key may hold is the maker's choice.
            assert_eq!(again, pkcs8, "{:?}", public.key_type);
        }
        let spki = match &public.numbers {
            PublicNumbers::Rsa { n, e } => rsa_spki(n, e),
            PublicNumbers::Ec { x, y } => {
                let KeyType::Ec(curve) = public.key_type else { unreachable!() };
                ec_spki(curve, &[&[4], &x[..], y].concat())
            }
            PublicNumbers::Raw(bytes) => raw_spki(public.key_type, bytes),
            PublicNumbers::Dh { p, g, y } => dh_spki(p, g, y),
        };
        assert_eq!(spki.unwrap(), public.spki_der, "{:?}", public.key_type);
    }
}

/// Expanded keys, whose seeds are lost, and both together.
#[test]
fn expanded_keys_work_too() {
    for set in MlDsaSet::ALL {
        let pkcs8 = AwsLc.generate(KeyType::MlDsa(set)).unwrap();
        let PrivateParts::MlDsa(_, Some(seed), expanded) = parts_of(&pkcs8).unwrap() else { unreachable!() };
        let alone = ml_dsa_pkcs8(set, &expanded).unwrap();
        let (public, scheme) = (public_info_of_private(&pkcs8).unwrap(), SignScheme::MlDsaMu { deterministic: true });
        assert_eq!(check_import(&alone).unwrap(), public);
        assert!(matches!(parts_of(&alone).unwrap(), PrivateParts::MlDsa(_, None, one) if one == expanded));
        let expected = AwsLc.open(&pkcs8).unwrap().sign(&scheme, &[1; 64]).unwrap();
        for backend in BACKENDS {
            assert_eq!(backend.open(&alone).unwrap().sign(&scheme, &[1; 64]).unwrap(), expected);
        }
        both_choices(KeyType::MlDsa(set), &public.spki_der, &seed, &expanded);

        // A coefficient out of range, a hash of another public key, and a t0 that s1 and s2 do not make.
        let t0_at = expanded.len() - 1;
        for (at, byte) in [(128, 0xff), (64, expanded[64] ^ 1), (t0_at, !expanded[t0_at])] {
            let mut wrong = expanded.clone();
            wrong[at] = byte;
            let wrong = ml_dsa_pkcs8(set, &wrong).unwrap();
            for backend in BACKENDS {
                if at == t0_at && backend.name() == "rustcrypto" {
                    continue; // It finds that out only sometimes.
                }
                assert_eq!(refused(backend.open(&wrong)), ErrorCode::KeyInvalid, "{} {at}", backend.name());
            }
        }
    }
    for set in MlKemSet::ALL {
        let pkcs8 = RustCrypto.generate(KeyType::MlKem(set)).unwrap();
        let PrivateParts::MlKem(_, Some(seed), expanded) = parts_of(&pkcs8).unwrap() else { unreachable!() };
        let alone = ml_kem_pkcs8(set, &expanded).unwrap();
        let public = public_info_of_private(&pkcs8).unwrap();
        assert_eq!(check_import(&alone).unwrap(), public);
        let (ciphertext, secret) = AwsLc.open_public(&public.spki_der).unwrap().encapsulate().unwrap();
        for backend in BACKENDS {
            assert_eq!(backend.open(&alone).unwrap().decapsulate(&ciphertext).unwrap(), secret);
        }
        both_choices(KeyType::MlKem(set), &public.spki_der, &seed, &expanded);

        let mut wrong = expanded.clone();
        let hash_at = wrong.len() - 64;
        wrong[hash_at] ^= 1;
        let wrong = ml_kem_pkcs8(set, &wrong).unwrap();
        for backend in BACKENDS {
            assert_eq!(refused(backend.open(&wrong)), ErrorCode::KeyInvalid, "{}", backend.name());
        }
    }
}

/// Seed and expanded key side by side must be of one key.
fn both_choices(key_type: KeyType, spki_der: &[u8], seed: &[u8], expanded: &[u8]) {
    let both = |seed: &[u8]| {
        let (seed, expanded) = (OctetStringRef::new(seed).unwrap(), OctetStringRef::new(expanded).unwrap());
        wrap(raw_identifier(key_type).unwrap(), &Both { seed, expanded }.to_der().unwrap()).unwrap()
    };
    for backend in BACKENDS {
        assert_eq!(backend.open(&both(seed)).unwrap().key_type(), key_type);
    }
    assert_eq!(public_info_of_private(&both(seed)).unwrap().spki_der, spki_der);
    let mut other = seed.to_vec();
    other[0] ^= 1;
    for backend in BACKENDS {
        assert_eq!(refused(backend.open(&both(&other))), ErrorCode::KeyInvalid);
    }
}

/// The table of parameter sets says the numbers of PKCS#11 3.2.
#[test]
fn parameter_sets_have_their_numbers() {
    use cryptoki_sys as ck;
    let ml_dsa = [ck::CKP_ML_DSA_44, ck::CKP_ML_DSA_65, ck::CKP_ML_DSA_87];
    assert_eq!(
        MlDsaSet::ALL.map(|set| (set.parameter_set(), Some(set))),
        ml_dsa.map(|n| (n, MlDsaSet::by_parameter_set(n)))
    );
    let ml_kem = [ck::CKP_ML_KEM_512, ck::CKP_ML_KEM_768, ck::CKP_ML_KEM_1024];
    assert_eq!(
        MlKemSet::ALL.map(|set| (set.parameter_set(), Some(set))),
        ml_kem.map(|n| (n, MlKemSet::by_parameter_set(n)))
    );
}

#[test]
fn wrong_parts_are_refused() {
    assert_eq!(refused(ec_pkcs8(Curve::P256, &[])), ErrorCode::KeyInvalid);
    assert_eq!(refused(ec_pkcs8(Curve::P256, &[0xff; 32])), ErrorCode::KeyInvalid);
    assert_eq!(refused(ec_pkcs8(Curve::P256, &[1; 33])), ErrorCode::KeyInvalid);
    // Zeros before a number are no part of it.
    assert_eq!(ec_pkcs8(Curve::P256, &[7]).unwrap(), ec_pkcs8(Curve::P256, &[&[0; 40][..], &[7]].concat()).unwrap());
    for len in [0, 31, 33, 57] {
        assert_eq!(refused(edwards_pkcs8(EdwardsCurve::Ed25519, &vec![1; len])), ErrorCode::KeyInvalid);
        assert_eq!(refused(montgomery_pkcs8(MontgomeryCurve::X25519, &vec![1; len])), ErrorCode::KeyInvalid);
        assert_eq!(refused(ml_dsa_pkcs8(MlDsaSet::MlDsa44, &vec![1; len])), ErrorCode::KeyInvalid);
        assert_eq!(refused(ml_kem_pkcs8(MlKemSet::MlKem512, &vec![1; len])), ErrorCode::KeyInvalid);
    }
    assert_eq!(refused(rsa_pkcs8(RsaValues::default())), ErrorCode::KeyInvalid);
    let long = vec![0xff; 2000];
    assert_eq!(
        refused(rsa_pkcs8(RsaValues { n: &long, e: &[3], d: &[3], ..RsaValues::default() })),
        ErrorCode::KeyInvalid
    );
    assert_eq!(refused(parts_of(b"garbage")), ErrorCode::KeyInvalid);
    for (key_type, len) in [
        (KeyType::Edwards(EdwardsCurve::Ed25519), 31),
        (KeyType::Montgomery(MontgomeryCurve::X448), 57),
        (KeyType::MlDsa(MlDsaSet::MlDsa65), 1951),
        (KeyType::MlKem(MlKemSet::MlKem768), 1185),
    ] {
        let spki = raw_spki(key_type, &vec![1; len]).unwrap();
        assert_eq!(refused(public_info(&spki)), ErrorCode::KeyInvalid, "{key_type:?}");
    }
}

/// A public key beside the private one (RFC 5958 version 2) is taken if it is the right one.
#[test]
fn a_public_key_beside_the_private_one() {
    let seed = [7; 32];
    let pkcs8 = edwards_pkcs8(EdwardsCurve::Ed25519, &seed).unwrap();
    let public = edwards::public_of(EdwardsCurve::Ed25519, &seed).unwrap();
    let with = |public: &[u8]| {
        let mut info = PrivateKeyInfoRef::from_der(&pkcs8).unwrap();
        info.public_key = Some(BitStringRef::from_bytes(public).unwrap());
        info.to_der().unwrap()
    };
    for backend in BACKENDS {
        assert!(backend.open(&with(&public)).is_ok(), "{}", backend.name());
        assert_eq!(refused(backend.open(&with(&[9; 32]))), ErrorCode::KeyInvalid);
    }
}

#[test]
fn openssl_reads_what_is_written_and_writes_what_is_read() {
    for (algorithm, key_type) in [
        ("ED25519", KeyType::Edwards(EdwardsCurve::Ed25519)),
        ("ED448", KeyType::Edwards(EdwardsCurve::Ed448)),
        ("X25519", KeyType::Montgomery(MontgomeryCurve::X25519)),
        ("X448", KeyType::Montgomery(MontgomeryCurve::X448)),
    ] {
        let run = |arguments: &[&str]| {
            let output = std::process::Command::new("openssl").args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let pem = run(&["genpkey", "-algorithm", algorithm]);
        let (_, theirs) = pkcs8::SecretDocument::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
        assert_eq!(check_import(theirs.as_bytes()).unwrap().key_type, key_type);

        let ours = AwsLc.generate(key_type).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &*ours).unwrap();
        let path = file.path().to_str().unwrap();
        let spki = run(&["pkey", "-inform", "DER", "-in", path, "-pubout", "-outform", "DER"]);
        assert_eq!(spki, public_info_of_private(&ours).unwrap().spki_der, "{algorithm}");
    }
}

proptest! {
    /// Whatever an expanded key holds, reading it gives a key or a refusal.
    #[test]
    fn damaged_expanded_keys_never_panic(
        which in 0..6usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let set = which % 3;
        let expanded = if which < 3 {
            lattice::expand_ml_dsa(MlDsaSet::ALL[set], &[7; 32])
        } else {
            lattice::expand_ml_kem(MlKemSet::ALL[set], &[7; 64])
        };
        let mut expanded = expanded.unwrap();
        for (at, byte) in damage {
            let at = at.index(expanded.len());
            expanded[at] = byte;
        }
        let pkcs8 = if which < 3 {
            ml_dsa_pkcs8(MlDsaSet::ALL[set], &expanded)
        } else {
            ml_kem_pkcs8(MlKemSet::ALL[set], &expanded)
        }
        .unwrap();
        for backend in BACKENDS {
            let _ = backend.open(&pkcs8);
        }
    }
}

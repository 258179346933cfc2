//! Keys that are too weak, too large, odd in other ways, or no keys at all.

use pkcs1::UintRef;
use pkcs8::der::asn1::{AnyRef, Null, OctetStringRef};

use super::*;
use crate::crypto::{AwsLc, Backend as _, RustCrypto};

/// An RSA key of the right form whose numbers mean nothing: looking at it must not need arithmetic.
fn rsa_form(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let uint = |bytes| UintRef::new(bytes).unwrap();
    let key = pkcs1::RsaPrivateKeyRef {
        modulus: uint(modulus),
        public_exponent: uint(exponent),
        private_exponent: uint(&[3]),
        prime1: uint(&[5]),
        prime2: uint(&[7]),
        exponent1: uint(&[1]),
        exponent2: uint(&[1]),
        coefficient: uint(&[1]),
        other_prime_infos: None,
    };
    wrap(pkcs1::ALGORITHM_ID, &key.to_der().unwrap())
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Vec<u8> {
    PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key).unwrap()).to_der().unwrap()
}

fn modulus(bits: usize) -> Vec<u8> {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] >>= n.len() * 8 - bits;
    n
}

const F4: [u8; 3] = [1, 0, 1];

fn refused(pkcs8: &[u8]) -> (ErrorCode, String) {
    let error = check_import(pkcs8).unwrap_err();
    for backend in [&AwsLc as &dyn crate::crypto::Backend, &RustCrypto] {
        assert_eq!(backend.open(pkcs8).err().unwrap().code, error.code, "{}", backend.name());
    }
    (error.code, error.detail)
}

#[test]
fn rsa_sizes() {
    for bits in [512, 1024, 2040, 2047] {
        let (code, detail) = refused(&rsa_form(&modulus(bits), &F4));
        assert_eq!(code, ErrorCode::KeyTooWeak);
        assert!(detail.contains(&format!(" {bits} bits")), "{detail}");
    }
    for bits in [2049, 2056, 3000, 4097, 8448, 16384] {
        assert_eq!(refused(&rsa_form(&modulus(bits), &F4)).0, ErrorCode::UnsupportedAlgorithm, "{bits}");
    }
    for bits in KEY_VAULT_RSA_BITS {
        let der = rsa_form(&modulus(bits as usize), &F4);
        let info = check_import(&der).unwrap();
        assert_eq!(info.key_type, KeyType::Rsa(bits));
        assert_eq!(info.numbers, PublicNumbers::Rsa { n: modulus(bits as usize), e: F4.to_vec() });
        // The form is right, the numbers are not: that is for `open` to find.
        for backend in [&AwsLc as &dyn crate::crypto::Backend, &RustCrypto] {
            assert_eq!(backend.open(&der).err().unwrap().code, ErrorCode::KeyInvalid, "{}", backend.name());
        }
    }
}

#[test]
fn rsa_exponents_and_moduli() {
    for exponent in [&[0][..], &[1], &[3], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2], &[2, 0, 0, 0, 1], &[1; 9]] {
        assert_eq!(refused(&rsa_form(&modulus(2048), exponent)).0, ErrorCode::KeyInvalid, "{exponent:?}");
    }
    check_import(&rsa_form(&modulus(2048), &[1, 0xff, 0xff, 0xff, 0xff])).unwrap();
    let mut even = modulus(2048);
    even[255] = 0xfe;
    assert_eq!(refused(&rsa_form(&even, &F4)).0, ErrorCode::KeyInvalid);
    assert_eq!(refused(&rsa_form(&[0], &F4)).0, ErrorCode::KeyTooWeak);
}

#[test]
fn other_algorithms() {
    let dsa = AlgorithmIdentifierRef { oid: ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), parameters: None };
    assert_eq!(refused(&wrap(dsa, &[4; 34])).0, ErrorCode::UnsupportedAlgorithm);
    let brainpool = ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7");
    let unknown = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&brainpool)) };
    let (code, detail) = refused(&wrap(unknown, &[4; 34]));
    assert_eq!(code, ErrorCode::UnsupportedAlgorithm);
    assert!(detail.contains("1.3.36.3.3.2.8.1.1.7"), "{detail}");
    for parameters in [None, Some(AnyRef::from(Null))] {
        let unnamed = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters };
        assert_eq!(refused(&wrap(unnamed, &[4; 34])).0, ErrorCode::UnsupportedAlgorithm);
    }
    let pss = AlgorithmIdentifierRef { oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), parameters: None };
    assert_eq!(refused(&wrap(pss, &[4; 34])).0, ErrorCode::UnsupportedAlgorithm);
    let bare = AlgorithmIdentifierRef { parameters: None, ..pkcs1::ALGORITHM_ID };
    assert_eq!(refused(&wrap(bare, &[4; 34])).0, ErrorCode::KeyInvalid);
    assert_eq!(refused(&wrap(pkcs1::ALGORITHM_ID, &[4; 34])).0, ErrorCode::KeyInvalid);
}

#[test]
fn ec_numbers() {
    for curve in Curve::ALL {
        let pkcs8 = AwsLc.generate(KeyType::Ec(curve)).unwrap();
        let info = check_import(&pkcs8).unwrap();
        assert_eq!(info.key_type, KeyType::Ec(curve));
        let PublicNumbers::Ec { x, y } = &info.numbers else { panic!("not EC") };
        assert_eq!((x.len(), y.len()), (curve.width_bytes(), curve.width_bytes()));
        assert!(info.spki_der.ends_with(&[&[4], &x[..], y].concat()));
        assert_eq!(public_info(&info.spki_der).unwrap(), info);

        // A compressed point is the same key.
        let compressed = [&[2 | (y[y.len() - 1] & 1)], &x[..]].concat();
        let oid: ObjectIdentifier = ObjectIdentifier::from_der(curve.oid_der()).unwrap();
        let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&oid)) };
        let spki = |point: &[u8]| {
            let subject_public_key = BitStringRef::from_bytes(point).unwrap();
            SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().unwrap()
        };
        assert_eq!(public_info(&spki(&compressed)).unwrap(), info);

        // The point at infinity and points of another curve are no keys.
        let mut off_curve = [&[4], &x[..], y].concat();
        *off_curve.last_mut().unwrap() ^= 1;
        for point in [&[0][..], &[], &off_curve, &compressed[1..], &[4; 20]] {
            assert_eq!(public_info(&spki(point)).unwrap_err().code, ErrorCode::KeyInvalid, "{point:?}");
        }
        // Nor is a private key of zero.
        let zero = EcPrivateKey { private_key: &vec![0; curve.width_bytes()], parameters: None, public_key: None };
        assert_eq!(refused(&wrap(algorithm, &zero.to_der().unwrap())).0, ErrorCode::KeyInvalid);
    }
}

#[test]
fn openssl_keys_come_in() {
    for (arguments, key_type) in [
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..], KeyType::Rsa(2048)),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], KeyType::Ec(Curve::P384)),
    ] {
        // PEM, because `-outform DER` does not give PKCS#8.
        let output = std::process::Command::new("openssl").arg("genpkey").args(arguments).output().unwrap();
        let (label, der) = pkcs8::SecretDocument::from_pem(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
        assert_eq!(label, "PRIVATE KEY");
        assert_eq!(check_import(der.as_bytes()).unwrap().key_type, key_type);
        AwsLc.open(der.as_bytes()).map(drop).unwrap();
        RustCrypto.open(der.as_bytes()).map(drop).unwrap();
    }
}

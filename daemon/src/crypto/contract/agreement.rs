//! What two keys agree on, and what ML-KEM hides: each backend with the other, and every wrong peer.

use super::super::{dh, key_parts};
use super::*;

/// The prime of RFC 3526 section 3 (group 14), whose base is 2.
fn group_14() -> Vec<u8> {
    super::super::test_vectors::hex(include_str!("../key_parts/tests/group_14.hex"))
}

/// A peer's public key in the form that `agree` takes.
fn peer_of(pkcs8: &[u8]) -> Vec<u8> {
    match public_info_of_private(pkcs8).unwrap().numbers {
        PublicNumbers::Ec { x, y } => [&[4], &x[..], &y].concat(),
        PublicNumbers::Raw(bytes) => bytes,
        PublicNumbers::Dh { y, .. } => y,
        PublicNumbers::Rsa { .. } => unreachable!(),
    }
}

fn agreeing() -> impl Iterator<Item = KeyType> {
    KEY_TYPES.into_iter().filter(|key_type| matches!(key_type, KeyType::Ec(_) | KeyType::Montgomery(_)))
}

/// Four agreements on one secret: each side by each backend.
fn agree(one: &[u8], other: &[u8], len: usize) {
    let secrets = BACKENDS.map(|backend| {
        [(one, other), (other, one)].map(|(own, peer)| backend.open(own).unwrap().agree(&peer_of(peer)).unwrap())
    });
    assert_eq!(secrets[0][0].len(), len);
    assert!(secrets.iter().flatten().all(|secret| *secret == secrets[0][0]));
    assert!(secrets[0][0].iter().any(|byte| *byte != 0));
}

#[test]
fn both_sides_agree() {
    for key_type in agreeing() {
        let other = RustCrypto.generate(key_type).unwrap();
        let len = match key_type {
            KeyType::Ec(curve) => curve.width_bytes(),
            KeyType::Montgomery(curve) => curve.key_bytes(),
            _ => unreachable!(),
        };
        agree(pkcs8(key_type), &other, len);
    }
}

#[test]
fn a_compressed_point_is_the_same_peer() {
    for curve in Curve::ALL {
        let key_type = KeyType::Ec(curve);
        let peer = peer_of(&AwsLc.generate(key_type).unwrap());
        let width = curve.width_bytes();
        let compressed = [&[2 | (peer[2 * width] & 1)], &peer[1..=width]].concat();
        for backend in BACKENDS {
            let private = backend.open(pkcs8(key_type)).unwrap();
            assert_eq!(private.agree(&peer).unwrap(), private.agree(&compressed).unwrap(), "{curve:?}");
        }
    }
}

#[test]
fn wrong_peers_are_refused() {
    for key_type in agreeing() {
        let good = peer_of(pkcs8(key_type));
        let mut peers = vec![Vec::new(), good[1..].to_vec(), [&good[..], &[0]].concat(), vec![0; good.len()]];
        match key_type {
            KeyType::Ec(curve) => {
                let mut off_curve = good.clone();
                *off_curve.last_mut().unwrap() ^= 1;
                let width = curve.width_bytes();
                let hybrid = [&[6 | (good[2 * width] & 1)], &good[1..]].concat();
                let beyond_the_field = [&[4], &vec![0xff; 2 * width][..]].concat();
                let compact = [&[5], &good[1..=width]].concat();
                peers.extend([off_curve, hybrid, beyond_the_field, compact, vec![0]]);
            }
            // Points of low order (RFC 7748 section 6); zero is among them above.
            KeyType::Montgomery(curve) => peers.push([&[1], &vec![0; curve.key_bytes() - 1][..]].concat()),
            _ => unreachable!(),
        }
        for backend in BACKENDS {
            let private = backend.open(pkcs8(key_type)).unwrap();
            for (index, peer) in peers.iter().enumerate() {
                let found = code(private.agree(peer));
                assert_eq!(found, Some(ErrorCode::InvalidParameters), "{} {key_type:?} {index}", backend.name());
            }
        }
    }
}

#[test]
fn keys_that_do_not_agree_say_so() {
    for backend in BACKENDS {
        for key_type in KEY_TYPES {
            if agreeing().any(|one| one == key_type) {
                continue;
            }
            let private = backend.open(pkcs8(key_type)).unwrap();
            assert_eq!(code(private.agree(&[4; 65])), Some(ErrorCode::KeyTypeMismatch), "{key_type:?}");
        }
    }
}

#[test]
fn diffie_hellman() {
    let p = group_14();
    for (private_bits, same) in [(None, 2047), (Some(256), 256), (Some(225), 225)] {
        let [one, other] = [0, 1].map(|_| dh::generate(&p, &[2], private_bits).unwrap());
        let info = check_import(&one).unwrap();
        assert_eq!(info.key_type, KeyType::Dh(2048));
        assert_eq!(public_info(&info.spki_der).unwrap(), info);
        let key_parts::PrivateParts::Dh { value, .. } = key_parts::parts_of(&one).unwrap() else { unreachable!() };
        assert_eq!(super::super::key_info::bit_len(&value).unwrap(), same);
        agree(&one, &other, p.len());

        let mut p_minus_one = p.clone();
        *p_minus_one.last_mut().unwrap() -= 1;
        for backend in BACKENDS {
            assert_eq!(backend.open_public(&info.spki_der).unwrap().key_type(), KeyType::Dh(2048));
            let private = backend.open(&one).unwrap();
            for peer in [&[][..], &[0], &[1], &[0, 1], &p_minus_one, &p, &[0xff; 300]] {
                assert_eq!(code(private.agree(peer)), Some(ErrorCode::InvalidParameters));
            }
            // Zeros before a number change nothing, and what is agreed on keeps its own.
            let padded = [&[0, 0], &peer_of(&other)[..]].concat();
            assert_eq!(private.agree(&padded).unwrap().len(), p.len());
        }
    }
}

#[test]
fn wrong_diffie_hellman_parameters_are_refused() {
    let p = group_14();
    let mut even = p.clone();
    *even.last_mut().unwrap() -= 1;
    for (prime, base, bits, expected) in [
        (&p[..128], &[2][..], None, ErrorCode::KeyTooWeak),
        (&even, &[2], None, ErrorCode::KeyInvalid),
        (&p, &[1], None, ErrorCode::KeyInvalid),
        (&p, &[], None, ErrorCode::KeyInvalid),
        (&p, &even, None, ErrorCode::KeyInvalid),
        (&p, &[2], Some(160), ErrorCode::InvalidParameters),
        (&p, &[2], Some(2048), ErrorCode::InvalidParameters),
        (&[0xff; 1025], &[2], None, ErrorCode::UnsupportedAlgorithm),
    ] {
        assert_eq!(code(dh::generate(prime, base, bits)), Some(expected), "{} {base:?} {bits:?}", prime.len());
    }
}

#[test]
fn secrets_come_out_of_capsules() {
    for set in MlKemSet::ALL {
        let key_type = KeyType::MlKem(set);
        let opened = BACKENDS.map(|backend| open(backend, key_type));
        for (maker, opener) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (ciphertext, secret) = opened[maker].1.encapsulate().unwrap();
            assert_eq!((ciphertext.len(), secret.len()), (set.ciphertext_bytes(), MlKemSet::SHARED_SECRET_BYTES));
            let private = &opened[opener].0;
            assert_eq!(private.decapsulate(&ciphertext).unwrap(), secret, "{set:?}");

            // A forged capsule holds another secret, the same one for both.
            let mut forged = ciphertext.clone();
            forged[set.ciphertext_bytes() / 2] ^= 1;
            let [first, second] = [0, 1].map(|index| opened[index].0.decapsulate(&forged).unwrap());
            assert_eq!(first, second, "{set:?}");
            assert_ne!(first, secret);
            for wrong in [&[][..], &ciphertext[1..], &[&ciphertext[..], &[0]].concat()] {
                assert_eq!(code(private.decapsulate(wrong)), Some(ErrorCode::InvalidLength));
            }
        }
    }
    for backend in BACKENDS {
        for key_type in [KeyType::Rsa(2048), KeyType::Ec(Curve::P256), KeyType::MlDsa(MlDsaSet::MlDsa44)] {
            let (private, public) = open(backend, key_type);
            assert_eq!(code(private.decapsulate(&[1; 768])), Some(ErrorCode::KeyTypeMismatch));
            assert_eq!(code(public.encapsulate()), Some(ErrorCode::KeyTypeMismatch));
        }
    }
}

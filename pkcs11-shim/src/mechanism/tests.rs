//! The table's own consistency, and parameters that must be refused.
#![allow(clippy::unwrap_used)]

use super::*;

fn pss(hash: u64, mgf: u64, salt_len_bytes: u64) -> Raw {
    Parameter::RsaPss(wire::RsaPssParams { hash, mgf, salt_len_bytes }).into()
}

fn check(mechanism: u64, raw: Raw, expect: Result<()>) {
    assert_eq!(Mechanism::new(find(mechanism).unwrap(), raw).map(|_| ()), expect, "mechanism {mechanism:#x}");
}

#[test]
fn no_mechanism_is_listed_twice() {
    for (index, row) in TABLE.iter().enumerate() {
        assert!(TABLE[..index].iter().all(|other| other.mechanism != row.mechanism));
        assert_ne!(row.flags, 0);
    }
    assert_eq!(find(u64::MAX).map(|row| row.mechanism), Err(Error::MechanismInvalid));
}

#[test]
fn pss_parameters_are_needed_and_checked() {
    check(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256, ck::CKG_MGF1_SHA256, 32), Ok(()));
    check(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256, ck::CKG_MGF1_SHA1, 0), Ok(()));
    check(ck::CKM_SHA256_RSA_PKCS_PSS, pss(ck::CKM_SHA256, ck::CKG_MGF1_SHA256, 32), Ok(()));
    check(ck::CKM_SHA256_RSA_PKCS_PSS, pss(ck::CKM_SHA384, ck::CKG_MGF1_SHA384, 32), Err(Error::MechanismParamInvalid));
    check(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256_RSA_PKCS, 2, 32), Err(Error::MechanismParamInvalid));
    check(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256, 77, 32), Err(Error::MechanismParamInvalid));
    check(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256, 2, u64::MAX), Err(Error::MechanismParamInvalid));
    check(ck::CKM_RSA_PKCS_PSS, Raw::Nothing, Err(Error::MechanismParamInvalid));
    check(ck::CKM_RSA_PKCS_PSS, Raw::Wrong, Err(Error::MechanismParamInvalid));
}

#[test]
fn other_parameters() {
    let label = || b"l".to_vec().into();
    let oaep = |hash| Parameter::RsaOaep(wire::RsaOaepParams { hash, mgf: ck::CKG_MGF1_SHA1, label: label() }).into();
    check(ck::CKM_RSA_PKCS_OAEP, oaep(ck::CKM_SHA256), Ok(()));
    check(ck::CKM_RSA_PKCS_OAEP, oaep(0), Err(Error::MechanismParamInvalid));
    check(ck::CKM_ECDSA, Raw::Nothing, Ok(()));
    check(ck::CKM_ECDSA, Raw::Wrong, Err(Error::MechanismParamInvalid));
}

#[test]
fn lengths_of_raw_data() {
    let raw = |mechanism, params| Mechanism::new(find(mechanism).unwrap(), params).unwrap();
    assert_eq!(raw(ck::CKM_RSA_PKCS, Raw::Nothing).check_data(245, 256), Ok(()));
    assert_eq!(raw(ck::CKM_RSA_PKCS, Raw::Nothing).check_data(246, 256), Err(Error::DataLenRange));
    assert_eq!(raw(ck::CKM_RSA_X_509, Raw::Nothing).check_data(257, 256), Err(Error::DataLenRange));
    assert_eq!(raw(ck::CKM_RSA_PKCS_PSS, pss(ck::CKM_SHA256, 2, 32)).check_data(31, 256), Err(Error::DataLenRange));
    assert_eq!(raw(ck::CKM_ECDSA, Raw::Nothing).check_data(0, 32), Err(Error::DataLenRange));
    assert_eq!(raw(ck::CKM_SHA256_RSA_PKCS, Raw::Nothing).check_data(0, 256), Ok(()));
}

fn aead(nonce: usize, associated_data: usize, tag_len_bytes: u64, message_len: Option<u64>) -> Raw {
    let (nonce, associated_data) = (vec![1; nonce].into(), vec![2; associated_data].into());
    let parameter = Parameter::Aead(wire::AeadParams { nonce, associated_data, tag_len_bytes });
    Raw::Given(Given { parameter, key_handle: None, message_len })
}

#[test]
fn aead_parameters_at_their_edges() {
    const NO: Result<()> = Err(Error::MechanismParamInvalid);
    for (nonce, tag, expect) in
        [(1, 16, Ok(())), (256, 4, Ok(())), (0, 16, NO), (257, 16, NO), (12, 3, NO), (12, 17, NO)]
    {
        check(ck::CKM_AES_GCM, aead(nonce, 9, tag, None), expect);
    }
    for (nonce, tag, expect) in [(7, 4, Ok(())), (13, 16, Ok(())), (6, 8, NO), (14, 8, NO), (12, 5, NO), (12, 18, NO)] {
        check(ck::CKM_AES_CCM, aead(nonce, 9, tag, Some(0)), expect);
    }
    // A nonce of 13 bytes leaves two for the message's length.
    check(ck::CKM_AES_CCM, aead(13, 0, 8, Some(0xffff)), Ok(()));
    check(ck::CKM_AES_CCM, aead(13, 0, 8, Some(0x1_0000)), NO);
    check(ck::CKM_AES_CCM, aead(7, 0, 8, Some(u64::MAX)), Ok(()));
    check(ck::CKM_AES_GMAC, aead(12, 0, 16, None), Ok(()));
    check(ck::CKM_AES_GMAC, aead(12, 1, 16, None), NO);
    check(ck::CKM_CHACHA20_POLY1305, aead(12, 9, 0, None), Ok(()));
    check(ck::CKM_CHACHA20_POLY1305, aead(8, 9, 0, None), NO);
}

#[test]
fn contexts_counters_and_lengths() {
    const NO: Result<()> = Err(Error::MechanismParamInvalid);
    let eddsa = |len| Parameter::Eddsa(wire::EdDsaParams { prehash: true, context: vec![0; len].into() }).into();
    check(ck::CKM_EDDSA, eddsa(255), Ok(()));
    check(ck::CKM_EDDSA, eddsa(256), NO);
    let sign = |hedge, hash| {
        Parameter::SignContext(wire::SignContextParams { hedge, context: b"c".to_vec().into(), hash }).into()
    };
    check(ck::CKM_ML_DSA, Raw::Nothing, Ok(()));
    check(ck::CKM_ML_DSA, sign(ck::CKH_DETERMINISTIC_REQUIRED, 0), Ok(()));
    check(ck::CKM_ML_DSA, sign(3, 0), NO);
    check(ck::CKM_HASH_ML_DSA, Raw::Nothing, NO);
    check(ck::CKM_HASH_ML_DSA, sign(0, ck::CKM_SHA256), Ok(()));
    check(ck::CKM_HASH_ML_DSA, sign(0, ck::CKM_SHA256_RSA_PKCS), NO);
    let ctr = |counter_bits| Parameter::Ctr(wire::CtrParams { counter_bits, block: vec![0; 16].into() }).into();
    check(ck::CKM_AES_CTR, ctr(128), Ok(()));
    check(ck::CKM_AES_CTR, ctr(0), NO);
    check(ck::CKM_AES_CTR, ctr(129), NO);
    let chacha =
        |counter, nonce| Parameter::Chacha20(wire::ChaCha20Params { counter, nonce: vec![0; nonce].into() }).into();
    check(ck::CKM_CHACHA20, chacha(u64::from(u32::MAX) + 1, 8), Ok(()));
    check(ck::CKM_CHACHA20, chacha(u64::from(u32::MAX) + 1, 12), NO);
    check(ck::CKM_CHACHA20, chacha(0, 24), NO);
    for (len, expect) in [(0, NO), (1, Ok(())), (48, Ok(())), (49, NO)] {
        check(ck::CKM_SHA384_HMAC_GENERAL, Parameter::MacLenBytes(len).into(), expect);
    }
    check(ck::CKM_AES_CBC, Parameter::Iv(vec![0; 15].into()).into(), NO);
    check(ck::CKM_AES_KEY_WRAP, Raw::Nothing, Ok(()));
    check(ck::CKM_AES_KEY_WRAP_KWP, Parameter::Iv(vec![0; 8].into()).into(), NO);
}

#[test]
fn every_mechanism_refuses_what_another_takes() {
    for row in TABLE {
        check(row.mechanism, Raw::Wrong, Err(Error::MechanismParamInvalid));
        let wrong = match row.parameter() {
            ParameterKind::FirstBit => Parameter::MacLenBytes(1),
            _ => Parameter::FirstBit(1),
        };
        check(row.mechanism, wrong.into(), Err(Error::MechanismParamInvalid));
    }
}

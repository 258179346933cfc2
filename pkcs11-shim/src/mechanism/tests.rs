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

//! Signing and verifying with recovery (PKCS#11 3.2 sections 5.13.5, 5.13.6, 5.15.5 and 5.15.6): RSA signatures that
//! hold what is signed. The first is one call, the other local.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1 as wire;
use zeroize::Zeroizing;

use super::{Length, begin, finish, key_for, use_of};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, OutBuf},
    mechanism::Family,
    module::Module,
    public_key::{PublicKey, rsa_key},
    session::{SignRecover, VerifyRecover},
};

/// C_SignRecoverInit (section 5.13.5).
pub fn init_sign(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_SIGN_RECOVER, |mechanism| {
        let (key, attributes) = key_for(module, session, key, &mechanism, ck::CKA_SIGN_RECOVER)?;
        let signature_len = rsa_key::modulus_len_bytes(&attributes)?;
        Ok(SignRecover { usage: use_of(key, mechanism, &attributes), signature_len })
    })
}

/// C_SignRecover (section 5.13.6).
pub fn sign(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &SignRecover| Ok(Length::Exact(operation.signature_len));
    finish(module, session, &out, length, |operation, remote| {
        let data = data.bytes()?;
        operation.usage.mechanism.check_data(data.len(), operation.signature_len)?;
        let sign = wire::Sign {
            key: Some(operation.usage.spend()?),
            mechanism: Some(operation.usage.mechanism.to_wire()),
            data: data.to_vec().into(),
            recover: true,
            ..wire::Sign::default()
        };
        remote.sign(sign).map(|signature| Zeroizing::new(signature.to_vec())).map_err(Error::about_key)
    })
}

/// C_VerifyRecoverInit (section 5.15.5).
pub fn init_verify(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin(module, session, &mechanism, ck::CKF_VERIFY_RECOVER, |mechanism| {
        let (_, attributes) = key_for(module, session, key, &mechanism, ck::CKA_VERIFY_RECOVER)?;
        let max_data_len = rsa_key::capacity_bytes(&mechanism, rsa_key::modulus_len_bytes(&attributes)?);
        Ok(VerifyRecover { key: PublicKey::of(&attributes)?, mechanism, max_data_len })
    })
}

/// C_VerifyRecover (section 5.15.6).
pub fn verify(module: &Module, session: u64, signature: InBuf, out: OutBuf) -> Result<()> {
    let length = |operation: &VerifyRecover| match operation.mechanism.row.family {
        Family::RsaX509 => Ok(Length::Exact(operation.max_data_len)),
        _ => Ok(Length::UpTo(operation.max_data_len)),
    };
    finish(module, session, &out, length, |operation, _| {
        operation.key.recover(&operation.mechanism, signature.bytes()?).map(Zeroizing::new)
    })
}

//! CK_GCM_WRAP_PARAMS and CK_CCM_WRAP_PARAMS (PKCS#11 3.2 sections 6.13.5 and 6.13.6): as the parameters for
//! encryption, but the module may be asked to make the IV, and writes it where the application reads it.

use std::ptr;

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    limits::MAX_GATHERED_BYTES,
    pkcs11::v1::{AeadParams, mechanism::Parameter},
};

use super::views::{InBuf, MechanismArg};
use crate::{
    error::{Error, Result},
    mechanism::{Family, Given, Mechanism, Raw},
    nonce::{NonceRequest, Nonces},
};

/// No AEAD takes a longer one.
const MAX_IV_BYTES: u64 = 256;

/// What the two structures have in common.
struct WrapParams {
    iv: *mut u8,
    iv_len: u64,
    fixed_bits: u64,
    generator: u64,
    associated_data: (*const u8, u64),
    tag_len_bytes: u64,
    message_len: Option<u64>,
}

impl MechanismArg {
    /// Reads the structure, if it is one of the two.
    fn wrap_params(&self) -> Result<Option<WrapParams>> {
        let (given, row) = self.given()?;
        let is = |size: usize| !given.pParameter.is_null() && given.ulParameterLen == size as u64;
        if row.family == Family::AesGcm && is(size_of::<ck::CK_GCM_WRAP_PARAMS>()) {
            // SAFETY: not NULL, as long as the structure, and valid to read, as `MechanismArg::new` asks.
            let gcm = unsafe { ptr::read_unaligned(given.pParameter.cast::<ck::CK_GCM_WRAP_PARAMS>()) };
            return Ok(Some(WrapParams {
                iv: gcm.pIv,
                iv_len: gcm.ulIvLen,
                fixed_bits: gcm.ulIvFixedBits,
                generator: gcm.ivGenerator,
                associated_data: (gcm.pAAD, gcm.ulAADLen),
                tag_len_bytes: gcm.ulTagBits.div_ceil(8),
                message_len: None,
            }));
        }
        if row.family == Family::AesCcm && is(size_of::<ck::CK_CCM_WRAP_PARAMS>()) {
            // SAFETY: as above.
            let ccm = unsafe { ptr::read_unaligned(given.pParameter.cast::<ck::CK_CCM_WRAP_PARAMS>()) };
            return Ok(Some(WrapParams {
                iv: ccm.pNonce,
                iv_len: ccm.ulNonceLen,
                fixed_bits: ccm.ulNonceFixedBits,
                generator: ccm.nonceGenerator,
                associated_data: (ccm.pAAD, ccm.ulAADLen),
                tag_len_bytes: ccm.ulMACLen,
                message_len: Some(ccm.ulDataLen),
            }));
        }
        Ok(None)
    }

    fn parse_with_iv(&self, generate: bool) -> Result<Mechanism> {
        let Some(params) = self.wrap_params()? else { return self.parse() };
        let mut nonce = copy(params.iv, params.iv_len, MAX_IV_BYTES)?;
        if generate {
            nonce = params.generate(nonce)?;
        }
        let associated_data = copy(params.associated_data.0, params.associated_data.1, MAX_GATHERED_BYTES as u64)?;
        let parameter = Parameter::Aead(AeadParams {
            nonce: nonce.into(),
            associated_data: Bytes::from(associated_data),
            tag_len_bytes: params.tag_len_bytes,
        });
        let given = Given { parameter, key_handle: None, message_len: params.message_len };
        Mechanism::new(self.given()?.1, Raw::Given(given))
    }

    /// Reads a mechanism that wraps, and makes its IV if that is asked for.
    pub fn parse_to_wrap(&self) -> Result<Mechanism> {
        self.parse_with_iv(true)
    }

    /// Reads a mechanism that unwraps: the IV is what it was.
    pub fn parse_to_unwrap(&self) -> Result<Mechanism> {
        self.parse_with_iv(false)
    }

    /// Writes the IV that [`parse_to_wrap`](Self::parse_to_wrap) made to where the application reads it.
    pub fn tell_iv(&self, mechanism: &Mechanism) -> Result<()> {
        let Some(params) = self.wrap_params()?.filter(|params| params.generator != ck::CKG_NO_GENERATE) else {
            return Ok(());
        };
        if let Some(Parameter::Aead(AeadParams { nonce, .. })) = mechanism.to_wire().parameter
            && nonce.len() as u64 == params.iv_len
        {
            // SAFETY: it was read for its length before, and is the application's to have written
            // (`MechanismArg::new`).
            unsafe { ptr::copy_nonoverlapping(nonce.as_ptr(), params.iv, nonce.len()) };
        }
        Ok(())
    }
}

impl WrapParams {
    /// Makes all but the first bits of an IV, if that is asked for. There is no operation whose IVs could be counted,
    /// so the counting generators are refused.
    fn generate(&self, nonce: Vec<u8>) -> Result<Vec<u8>> {
        match self.generator {
            ck::CKG_NO_GENERATE | ck::CKG_GENERATE | ck::CKG_GENERATE_RANDOM => {
                let (fixed_bits, generator) = (self.fixed_bits, self.generator);
                Nonces::default().next(NonceRequest { nonce, fixed_bits, generator })
            }
            _ => Err(Error::MechanismParamInvalid),
        }
    }
}

fn copy(data: *const u8, len: u64, limit: u64) -> Result<Vec<u8>> {
    if len > limit {
        return Err(Error::MechanismParamInvalid);
    }
    // SAFETY: a pointer of the parameter is valid for the length beside it, as `MechanismArg::new` asks.
    let view = unsafe { InBuf::new(data, len) };
    view.bytes().map(<[u8]>::to_vec).map_err(|_| Error::MechanismParamInvalid)
}

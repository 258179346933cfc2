//! The parameter of one message (PKCS#11 3.2 sections 6.13.3, 6.13.4 and 6.41): read once, and written where the module
//! makes the nonce and the tag.

use std::{ffi::c_void, ptr};

use cryptoki_sys as ck;

use super::{
    parameters::bytes_of,
    views::{InBuf, length},
};
use crate::{
    error::{Error, Result},
    mechanism::{Family, Row},
    nonce::NonceRequest,
};

/// No nonce is longer, whatever the parameter says.
const MAX_NONCE_BYTES: u64 = 256;

/// No tag is longer.
const MAX_TAG_BYTES: u64 = 16;

/// A parameter as it came.
pub struct MessageArg {
    parameter: *const c_void,
    len: u64,
}

/// A parameter that has been read.
pub struct MessageParameter {
    /// The nonce, or what it is made of.
    pub nonce: NonceRequest,
    /// CCM: how long the message will be.
    pub message_len: Option<u64>,
    /// The tag's length.
    pub tag_len: usize,
    nonce_at: *mut u8,
    tag_at: *mut u8,
}

impl MessageArg {
    /// # Safety
    /// `parameter` is NULL or valid to read for `len` bytes, and what it points to is valid to read and write, during
    /// this call.
    pub unsafe fn new(parameter: *const c_void, len: u64) -> Self {
        Self { parameter, len }
    }

    /// For mechanisms whose messages have no parameter of their own.
    pub fn require_none(&self) -> Result<()> {
        if self.parameter.is_null() || self.len == 0 { Ok(()) } else { Err(Error::MechanismParamInvalid) }
    }

    /// Reads what messages of this mechanism take.
    pub fn parse(&self, row: &Row) -> Result<MessageParameter> {
        let (nonce, tag, message_len) = match row.family {
            Family::AesGcm => {
                let gcm: ck::CK_GCM_MESSAGE_PARAMS = self.structure()?;
                let nonce = (gcm.pIv, gcm.ulIvLen, gcm.ulIvFixedBits, gcm.ivGenerator);
                (nonce, (gcm.pTag, bytes_of(gcm.ulTagBits)), None)
            }
            Family::AesCcm => {
                let ccm: ck::CK_CCM_MESSAGE_PARAMS = self.structure()?;
                let nonce = (ccm.pNonce, ccm.ulNonceLen, ccm.ulNonceFixedBits, ccm.nonceGenerator);
                (nonce, (ccm.pMAC, ccm.ulMACLen), Some(ccm.ulDataLen))
            }
            Family::ChaCha20Poly1305 => {
                let chacha: ck::CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = self.structure()?;
                let nonce = (chacha.pNonce, chacha.ulNonceLen, 0, ck::CKG_NO_GENERATE);
                (nonce, (chacha.pTag, MAX_TAG_BYTES), None)
            }
            _ => return Err(Error::MechanismParamInvalid),
        };
        let (nonce_at, nonce_len, fixed_bits, generator) = nonce;
        let (tag_at, tag_len) = tag;
        if nonce_len > MAX_NONCE_BYTES || tag_len > MAX_TAG_BYTES || tag_at.is_null() {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: the parameter's own pointer is valid for the length beside it, as `new` asks.
        let given = unsafe { InBuf::new(nonce_at, nonce_len) };
        let nonce = given.bytes().map_err(|_| Error::MechanismParamInvalid)?.to_vec();
        Ok(MessageParameter {
            nonce: NonceRequest { nonce, fixed_bits, generator },
            message_len,
            tag_len: length(tag_len)?,
            nonce_at,
            tag_at,
        })
    }

    fn structure<T: Copy>(&self) -> Result<T> {
        if self.parameter.is_null() || self.len != size_of::<T>() as u64 {
            return Err(Error::MechanismParamInvalid);
        }
        // SAFETY: not NULL, as long as T, and valid to read, as `new` asks; T is plain numbers and pointers.
        Ok(unsafe { ptr::read_unaligned(self.parameter.cast::<T>()) })
    }
}

impl MessageParameter {
    /// Tells the application which nonce the message has.
    pub fn write_nonce(&self, nonce: &[u8]) {
        if self.nonce.generator != ck::CKG_NO_GENERATE && nonce.len() == self.nonce.nonce.len() {
            // SAFETY: the nonce was read from here, as long as this one, and may be written, as `MessageArg::new` asks;
            // `nonce` is ours.
            unsafe { ptr::copy_nonoverlapping(nonce.as_ptr(), self.nonce_at, nonce.len()) };
        }
    }

    /// Gives the application the tag.
    pub fn write_tag(&self, tag: &[u8]) -> Result<()> {
        if tag.len() != self.tag_len {
            return Err(Error::strange_reply());
        }
        // SAFETY: not NULL, with room for a tag, as `MessageArg::new` asks; `tag` is ours.
        unsafe { ptr::copy_nonoverlapping(tag.as_ptr(), self.tag_at, tag.len()) };
        Ok(())
    }

    /// The tag that the application has.
    pub fn read_tag(&self) -> Vec<u8> {
        let mut tag = vec![0; self.tag_len];
        // SAFETY: as in `write_tag`, to read.
        unsafe { ptr::copy_nonoverlapping(self.tag_at, tag.as_mut_ptr(), tag.len()) };
        tag
    }
}

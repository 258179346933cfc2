//! Mechanisms with the parameters that the tests need. Each borrows what it points to: it is made and used in one expression.

use std::ptr;

use softkeep_tests::raw::ck::{self, CK_MECHANISM};

/// A mechanism with a parameter, which must outlive its use.
pub fn with<T>(mechanism: u64, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::from_mut(parameter).cast(), ulParameterLen: size_of::<T>() as u64 }
}

fn pointer(bytes: &[u8]) -> *mut u8 {
    bytes.as_ptr().cast_mut()
}

/// CK_GCM_PARAMS.
pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: usize) -> ck::CK_GCM_PARAMS {
    ck::CK_GCM_PARAMS {
        pIv: pointer(iv),
        ulIvLen: iv.len() as u64,
        ulIvBits: 8 * iv.len() as u64,
        pAAD: pointer(aad),
        ulAADLen: aad.len() as u64,
        ulTagBits: tag_bits as u64,
    }
}

/// CK_CCM_PARAMS for a plaintext of so many bytes.
pub fn ccm(data_len: usize, nonce: &[u8], aad: &[u8], mac_len: usize) -> ck::CK_CCM_PARAMS {
    ck::CK_CCM_PARAMS {
        ulDataLen: data_len as u64,
        pNonce: pointer(nonce),
        ulNonceLen: nonce.len() as u64,
        pAAD: pointer(aad),
        ulAADLen: aad.len() as u64,
        ulMACLen: mac_len as u64,
    }
}

/// CK_SALSA20_CHACHA20_POLY1305_PARAMS.
pub fn chacha20_poly1305(nonce: &[u8], aad: &[u8]) -> ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
    ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
        pNonce: pointer(nonce),
        ulNonceLen: nonce.len() as u64,
        pAAD: pointer(aad),
        ulAADLen: aad.len() as u64,
    }
}

/// CK_RSA_PKCS_OAEP_PARAMS.
pub fn oaep(hash: u64, mgf: u64, label: &[u8]) -> ck::CK_RSA_PKCS_OAEP_PARAMS {
    ck::CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash,
        mgf,
        source: ck::CKZ_DATA_SPECIFIED,
        pSourceData: pointer(label).cast(),
        ulSourceDataLen: label.len() as u64,
    }
}

/// CK_ECDH1_DERIVE_PARAMS: the shared secret itself.
pub fn ecdh(public: &[u8]) -> ck::CK_ECDH1_DERIVE_PARAMS {
    ck::CK_ECDH1_DERIVE_PARAMS {
        kdf: ck::CKD_NULL,
        ulSharedDataLen: 0,
        pSharedData: ptr::null_mut(),
        ulPublicDataLen: public.len() as u64,
        pPublicData: pointer(public),
    }
}

/// CK_EDDSA_PARAMS: the message itself, and no context.
pub fn pure_eddsa() -> ck::CK_EDDSA_PARAMS {
    ck::CK_EDDSA_PARAMS { phFlag: ck::CK_FALSE, ulContextDataLen: 0, pContextData: ptr::null_mut() }
}

/// CK_SIGN_ADDITIONAL_CONTEXT: what is signed, is signed without random.
pub fn sign_context(context: &[u8]) -> ck::CK_SIGN_ADDITIONAL_CONTEXT {
    ck::CK_SIGN_ADDITIONAL_CONTEXT {
        hedgeVariant: ck::CKH_DETERMINISTIC_REQUIRED,
        pContext: pointer(context),
        ulContextLen: context.len() as u64,
    }
}

/// CK_HKDF_PARAMS of both steps.
pub fn hkdf(hash: u64, salt: &[u8], info: &[u8]) -> ck::CK_HKDF_PARAMS {
    ck::CK_HKDF_PARAMS {
        bExtract: ck::CK_TRUE,
        bExpand: ck::CK_TRUE,
        prfHashMechanism: hash,
        ulSaltType: if salt.is_empty() { ck::CKF_HKDF_SALT_NULL } else { ck::CKF_HKDF_SALT_DATA },
        pSalt: pointer(salt),
        ulSaltLen: salt.len() as u64,
        hSaltKey: ck::CK_INVALID_HANDLE,
        pInfo: pointer(info),
        ulInfoLen: info.len() as u64,
    }
}

/// CK_PKCS5_PBKD2_PARAMS2.
pub fn pbkdf2(prf: u64, password: &[u8], salt: &[u8], iterations: usize) -> ck::CK_PKCS5_PBKD2_PARAMS2 {
    ck::CK_PKCS5_PBKD2_PARAMS2 {
        saltSource: ck::CKZ_SALT_SPECIFIED,
        pSaltSourceData: pointer(salt).cast(),
        ulSaltSourceDataLen: salt.len() as u64,
        iterations: iterations as u64,
        prf,
        pPrfData: ptr::null_mut(),
        ulPrfDataLen: 0,
        pPassword: pointer(password),
        ulPasswordLen: password.len() as u64,
    }
}

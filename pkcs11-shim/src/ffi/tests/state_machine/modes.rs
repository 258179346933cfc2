//! What the random sequences are made of: kinds of operation, mechanisms with their keys and parameters, and answers.

use cryptoki_sys::*;
use softkeep_proto::{
    algorithm::Hash,
    pkcs11::v1::{AeadParams, CtrParams, mechanism::Parameter},
};

use crate::{
    ffi::tests::vault::{self, AES, EDWARDS, GUARDED, HMAC, IV, RSA},
    hash::digest,
};

/// A family of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Sign,
    SignRecover,
    Verify,
    VerifyRecover,
    Encrypt,
    Decrypt,
    Digest,
    MessageSign,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Sign,
        Kind::SignRecover,
        Kind::Verify,
        Kind::VerifyRecover,
        Kind::Encrypt,
        Kind::Decrypt,
        Kind::Digest,
        Kind::MessageSign,
    ];
    pub const WITH_OUTPUT: [Kind; 7] = [
        Kind::Sign,
        Kind::SignRecover,
        Kind::VerifyRecover,
        Kind::Encrypt,
        Kind::Decrypt,
        Kind::Digest,
        Kind::MessageSign,
    ];

    pub fn flag(self) -> u64 {
        match self {
            Kind::Sign => CKF_SIGN,
            Kind::SignRecover => CKF_SIGN_RECOVER,
            Kind::Verify => CKF_VERIFY,
            Kind::VerifyRecover => CKF_VERIFY_RECOVER,
            Kind::Encrypt => CKF_ENCRYPT,
            Kind::Decrypt => CKF_DECRYPT,
            Kind::Digest => CKF_DIGEST,
            Kind::MessageSign => CKF_MESSAGE_SIGN,
        }
    }
}

/// A mechanism with its parameter, and for signatures its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Hmac,
    CmacGeneral,
    RsaRaw,
    RsaSha256,
    /// The same with the key that asks for the PIN each time.
    Guarded,
    EdDsa,
    Ecb,
    Cbc,
    CbcPad,
    Ctr,
    Gcm,
    Sha256,
}

impl Mode {
    /// What is begun with what; the last two are mistakes.
    pub const ALL: [(Kind, Mode); 29] = [
        (Kind::Sign, Mode::Hmac),
        (Kind::Sign, Mode::CmacGeneral),
        (Kind::Sign, Mode::RsaRaw),
        (Kind::Sign, Mode::RsaSha256),
        (Kind::Sign, Mode::Guarded),
        (Kind::Sign, Mode::EdDsa),
        (Kind::Verify, Mode::Hmac),
        (Kind::Verify, Mode::CmacGeneral),
        (Kind::Verify, Mode::RsaRaw),
        (Kind::Verify, Mode::RsaSha256),
        (Kind::Verify, Mode::EdDsa),
        (Kind::SignRecover, Mode::RsaRaw),
        (Kind::VerifyRecover, Mode::RsaRaw),
        (Kind::MessageSign, Mode::EdDsa),
        (Kind::MessageSign, Mode::RsaRaw),
        (Kind::MessageSign, Mode::Guarded),
        (Kind::Encrypt, Mode::Ecb),
        (Kind::Encrypt, Mode::Cbc),
        (Kind::Encrypt, Mode::CbcPad),
        (Kind::Encrypt, Mode::Ctr),
        (Kind::Encrypt, Mode::Gcm),
        (Kind::Decrypt, Mode::Ecb),
        (Kind::Decrypt, Mode::Cbc),
        (Kind::Decrypt, Mode::CbcPad),
        (Kind::Decrypt, Mode::Ctr),
        (Kind::Decrypt, Mode::Gcm),
        (Kind::Digest, Mode::Sha256),
        (Kind::Sign, Mode::Ecb),
        (Kind::Encrypt, Mode::Hmac),
    ];

    pub fn mechanism(self) -> u64 {
        match self {
            Mode::Hmac => CKM_SHA256_HMAC,
            Mode::CmacGeneral => CKM_AES_CMAC_GENERAL,
            Mode::RsaRaw => CKM_RSA_PKCS,
            Mode::RsaSha256 | Mode::Guarded => CKM_SHA256_RSA_PKCS,
            Mode::EdDsa => CKM_EDDSA,
            Mode::Ecb => CKM_AES_ECB,
            Mode::Cbc => CKM_AES_CBC,
            Mode::CbcPad => CKM_AES_CBC_PAD,
            Mode::Ctr => CKM_AES_CTR,
            Mode::Gcm => CKM_AES_GCM,
            Mode::Sha256 => CKM_SHA256,
        }
    }

    /// The key that the operation takes.
    pub fn key(self, kind: Kind) -> ([u8; 16], u64) {
        let half = if matches!(kind, Kind::Verify | Kind::VerifyRecover) { CKO_PUBLIC_KEY } else { CKO_PRIVATE_KEY };
        match self {
            Mode::Hmac => (HMAC, CKO_SECRET_KEY),
            Mode::RsaRaw | Mode::RsaSha256 => (RSA, half),
            Mode::Guarded => (GUARDED, half),
            Mode::EdDsa => (EDWARDS, half),
            _ => (AES, CKO_SECRET_KEY),
        }
    }

    pub fn parameter(self) -> Option<Parameter> {
        match self {
            Mode::Cbc | Mode::CbcPad => Some(Parameter::Iv(IV.to_vec().into())),
            Mode::Ctr => Some(Parameter::Ctr(CtrParams { counter_bits: 128, block: IV.to_vec().into() })),
            Mode::Gcm => Some(Parameter::Aead(AeadParams {
                nonce: IV[..12].to_vec().into(),
                associated_data: b"aad".to_vec().into(),
                tag_len_bytes: 16,
            })),
            Mode::CmacGeneral => Some(Parameter::MacLenBytes(4)),
            _ => None,
        }
    }

    pub fn signature_len(self) -> usize {
        match self {
            Mode::Hmac => 32,
            Mode::CmacGeneral => 4,
            Mode::EdDsa => 64,
            _ => 128,
        }
    }

    /// What is signed is the caller's own block: one part, of a limited length.
    pub fn is_raw(self) -> bool {
        self == Mode::RsaRaw
    }

    pub fn sign(self, data: &[u8]) -> Vec<u8> {
        let (mechanism, parameter) = (self.mechanism(), self.parameter());
        let hashed = digest(Hash::Sha256, &[data]);
        let data = if matches!(self, Mode::RsaSha256 | Mode::Guarded) { &hashed } else { data };
        let made = vault::mac(mechanism, parameter.as_ref(), data);
        made.or_else(|| vault::sign(&self.key(Kind::Sign).0, mechanism, data)).unwrap_or_default()
    }
}

/// How much room the caller gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Query,
    Short,
    Exact,
    Plenty,
}

/// Which signature is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    Right,
    Wrong,
    Short,
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Just(CK_RV),
    /// A length query's, or too small a buffer's.
    Length(CK_RV, usize),
    Output(Vec<u8>),
}

//! Wrapping a key of any length with a public key: a new AES key wraps it (RFC 5649), and the public key hides the AES
//! key. With RSA by OAEP (PKCS#11 3.2 section 6.1, CKM_RSA_AES_KEY_WRAP), with elliptic curves by an agreement with a
//! new key pair (section 6.3, CKM_ECDH_AES_KEY_WRAP and its successors). What the wrapped bytes mean is the caller's
//! matter.

use softkeep_proto::algorithm::{EncryptScheme, KeyType};
use zeroize::Zeroizing;

use super::cipher::{Cipher, decrypt, encrypt};
use super::kdf::{self, AgreementKdf};
use super::key_info::{self, PublicNumbers};
use super::{Backend, PrivateKey, PublicKey, fill_random, modulus_len};
use crate::error::{Error, ErrorCode, Result};

/// The first byte of a point that is not compressed (SEC 1 section 2.3.3).
const UNCOMPRESSED_POINT: u8 = 0x04;

/// The tag of an OCTET STRING in DER.
const OCTET_STRING: u8 = 0x04;

/// The inner cipher of both ways.
const KWP: Cipher = Cipher::AesKwp { iv: None };

/// Wraps for an RSA key: a new AES key of so many bytes in OAEP, then the target wrapped with it.
pub fn rsa_aes_wrap(
    public: &dyn PublicKey,
    oaep: &EncryptScheme,
    aes_key_bytes: usize,
    target: &[u8],
) -> Result<Vec<u8>> {
    check_oaep(oaep)?;
    check_aes_key_bytes(aes_key_bytes)?;
    let mut aes_key = Zeroizing::new(vec![0; aes_key_bytes]);
    fill_random(&mut aes_key)?;
    let wrapped = encrypt(&KWP, &aes_key, target)?;
    Ok([public.encrypt(oaep, &aes_key)?, wrapped].concat())
}

/// The inverse of [`rsa_aes_wrap`]. Whatever is wrong inside, the error is the one of [`Error::decrypt_failed`].
pub fn rsa_aes_unwrap(
    private: &dyn PrivateKey,
    oaep: &EncryptScheme,
    aes_key_bytes: usize,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    check_oaep(oaep)?;
    check_aes_key_bytes(aes_key_bytes)?;
    let KeyType::Rsa(bits) = private.key_type() else {
        return Err(Error::new(ErrorCode::KeyTypeMismatch, "this key wrap needs an RSA key"));
    };
    let (hidden_key, wrapped) = split(wrapped, modulus_len(bits))?;
    let aes_key = private.decrypt(oaep, hidden_key)?;
    if aes_key.len() != aes_key_bytes {
        return Err(Error::decrypt_failed());
    }
    unwrap_target(&aes_key, wrapped)
}

/// How the new key's point stands before the wrapped target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointForm {
    /// As it is: CKM_ECDH_X_AES_KEY_WRAP, and CKM_ECDH_AES_KEY_WRAP.
    Bare,
    /// As an OCTET STRING in DER: CKM_ECDH_COF_AES_KEY_WRAP.
    OctetString,
}

/// The parameters of wrapping by an agreement (CK_ECDH_AES_KEY_WRAP_PARAMS).
pub struct EcdhWrap<'a> {
    /// How the AES key comes from what was agreed on.
    pub kdf: AgreementKdf,
    /// What both sides know besides.
    pub shared_info: &'a [u8],
    /// 16, 24 or 32.
    pub aes_key_bytes: usize,
    /// How the new key's point is written.
    pub point_form: PointForm,
}

impl EcdhWrap<'_> {
    /// Wraps for the key of this type with this point or u coordinate: a new public key, then the target wrapped with
    /// the AES key that the two agree on.
    pub fn wrap(&self, backend: &dyn Backend, key_type: KeyType, peer_public: &[u8], target: &[u8]) -> Result<Vec<u8>> {
        check_aes_key_bytes(self.aes_key_bytes)?;
        public_len(key_type)?;
        let pkcs8_der = backend.generate(key_type)?;
        let agreed = backend.open(&pkcs8_der)?.agree(peer_public)?;
        let wrapped = encrypt(&KWP, &self.aes_key(&agreed)?, target)?;
        let point = match key_info::public_info_of_private(&pkcs8_der)?.numbers {
            PublicNumbers::Ec { x, y } => [&[UNCOMPRESSED_POINT][..], &x, &y].concat(),
            PublicNumbers::Raw(point) => point,
            PublicNumbers::Rsa { .. } | PublicNumbers::Dh { .. } => {
                return Err(Error::internal("a new key of another type than asked for"));
            }
        };
        Ok([self.point_header(point.len()), point, wrapped].concat())
    }

    /// The inverse of [`EcdhWrap::wrap`]. Whatever is wrong inside, the error is the one of [`Error::decrypt_failed`].
    pub fn unwrap(&self, private: &dyn PrivateKey, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        check_aes_key_bytes(self.aes_key_bytes)?;
        let point_len = public_len(private.key_type())?;
        let expected_header = self.point_header(point_len);
        let (header, rest) = split(wrapped, expected_header.len())?;
        if header != expected_header {
            return Err(Error::decrypt_failed());
        }
        let (point, wrapped) = split(rest, point_len)?;
        // A point that is none is as wrong as a wrong target.
        let agreed = private.agree(point).map_err(|_| Error::decrypt_failed())?;
        unwrap_target(&self.aes_key(&agreed)?, wrapped)
    }

    /// Without a derivation the AES key is the front of what was agreed on.
    fn aes_key(&self, agreed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        match self.kdf {
            AgreementKdf::Null if agreed.len() >= self.aes_key_bytes => {
                kdf::agreement(self.kdf, &agreed[..self.aes_key_bytes], self.shared_info, self.aes_key_bytes)
            }
            kdf => kdf::agreement(kdf, agreed, self.shared_info, self.aes_key_bytes),
        }
    }

    /// What DER puts before the point. No point has 256 bytes, so its length takes one byte, or two from 128 on.
    fn point_header(&self, point_len: usize) -> Vec<u8> {
        match (self.point_form, point_len) {
            (PointForm::Bare, _) => Vec::new(),
            (PointForm::OctetString, 0..=127) => vec![OCTET_STRING, point_len as u8],
            (PointForm::OctetString, _) => vec![OCTET_STRING, 0x81, point_len as u8],
        }
    }
}

/// How long a public key of this type is, as a point that is not compressed or a u coordinate.
fn public_len(key_type: KeyType) -> Result<usize> {
    match key_type {
        KeyType::Ec(curve) => Ok(1 + 2 * curve.width_bytes()),
        KeyType::Montgomery(curve) => Ok(curve.key_bytes()),
        _ => Err(Error::new(ErrorCode::KeyTypeMismatch, "this key wrap needs a key of an elliptic curve")),
    }
}

fn check_oaep(scheme: &EncryptScheme) -> Result<()> {
    match scheme {
        EncryptScheme::RsaOaep { .. } => Ok(()),
        _ => Err(Error::new(ErrorCode::InvalidParameters, "this key wrap hides its key by OAEP")),
    }
}

fn check_aes_key_bytes(len: usize) -> Result<()> {
    match len {
        16 | 24 | 32 => Ok(()),
        _ => Err(Error::new(ErrorCode::InvalidParameters, format!("AES has keys of 16, 24 or 32 bytes, not {len}"))),
    }
}

/// Both lengths are public, and the wrapped bytes come from somebody else: too short is as wrong as anything else.
fn split(wrapped: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    wrapped.split_at_checked(at).ok_or_else(Error::decrypt_failed)
}

fn unwrap_target(aes_key: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    decrypt(&KWP, aes_key, wrapped).map_err(|_| Error::decrypt_failed())
}

#[cfg(test)]
mod tests;

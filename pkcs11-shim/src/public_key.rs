//! Public-key operations, all local: verification and encryption from an object's public attributes. One file for each
//! kind of key; the arithmetic is RustCrypto's and dalek's. Nothing here handles a private key.

use cryptoki_sys as ck;
use rsa::RsaPublicKey;
use softkeep_proto::algorithm::{Curve, EdwardsCurve, MlDsaSet};

use crate::{
    attribute::Attributes,
    error::{Error, Result},
    mechanism::{Family, Mechanism},
};

pub mod ec;
pub mod edwards;
pub mod ml_dsa;
pub mod rsa_key;

#[cfg(test)]
mod tests;

/// A public key.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// A point on a curve, SEC1.
    Ec(Curve, Vec<u8>),
    /// An Edwards curve's, RFC 8032.
    Edwards(EdwardsCurve, Vec<u8>),
    /// ML-DSA's, FIPS 204.
    MlDsa(MlDsaSet, Vec<u8>),
}

/// The length of a signature by this key (and, for RSA, of a ciphertext).
pub fn signature_len_bytes(attributes: &Attributes) -> Result<usize> {
    match attributes.ulong(ck::CKA_KEY_TYPE) {
        Some(ck::CKK_RSA) => rsa_key::modulus_len_bytes(attributes),
        Some(ck::CKK_EC) => Ok(2 * ec::curve(attributes)?.width_bytes()),
        Some(ck::CKK_EC_EDWARDS) => Ok(edwards::curve(attributes)?.signature_bytes()),
        Some(ck::CKK_ML_DSA) => Ok(ml_dsa::parameter_set(attributes)?.signature_bytes()),
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// A DER OCTET STRING's content, or the bytes themselves: CKA_EC_POINT comes in both forms (PKCS#11 3.2 section 6.3.3).
fn unwrap_octets(der: &[u8]) -> &[u8] {
    match der {
        [0x04, len, content @ ..] if *len < 0x80 && content.len() == usize::from(*len) => content,
        [0x04, 0x81, len, content @ ..] if content.len() == usize::from(*len) => content,
        bare => bare,
    }
}

impl PublicKey {
    /// Reads the public attributes.
    pub fn of(attributes: &Attributes) -> Result<Self> {
        match attributes.ulong(ck::CKA_KEY_TYPE) {
            Some(ck::CKK_RSA) => rsa_key::public_key(attributes).map(Self::Rsa),
            Some(ck::CKK_EC) => {
                let point = unwrap_octets(attributes.bytes(ck::CKA_EC_POINT).unwrap_or_default());
                Ok(Self::Ec(ec::curve(attributes)?, point.to_vec()))
            }
            Some(ck::CKK_EC_EDWARDS) => {
                let curve = edwards::curve(attributes)?;
                Ok(Self::Edwards(curve, edwards::public_bytes(curve, attributes)?))
            }
            Some(ck::CKK_ML_DSA) => ml_dsa::public_bytes(attributes).map(|(set, key)| Self::MlDsa(set, key)),
            _ => Err(Error::KeyTypeInconsistent),
        }
    }

    /// Verifies a signature. `data` is the digest where the mechanism hashes, mu for ML-DSA, the prehash for the
    /// prehashed forms of EdDSA, else what the caller signed.
    pub fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<()> {
        let valid = match (self, mechanism.row.family) {
            (Self::Rsa(key), _) => rsa_key::verify(key, mechanism, data, signature)?,
            (Self::Ec(curve, point), Family::Ecdsa) => ec::verify(*curve, point, data, signature)?,
            (Self::Edwards(curve, key), Family::EdDsa) => {
                edwards::verify(*curve, key, &mechanism.params, data, signature)?
            }
            (Self::MlDsa(set, key), Family::MlDsa | Family::HashMlDsa) => ml_dsa::verify(*set, key, data, signature)?,
            _ => return Err(Error::KeyTypeInconsistent),
        };
        if valid { Ok(()) } else { Err(Error::SignatureInvalid) }
    }

    /// Encrypts with RSA.
    pub fn encrypt(&self, mechanism: &Mechanism, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => rsa_key::encrypt(key, mechanism, message),
            _ => Err(Error::KeyTypeInconsistent),
        }
    }

    /// What an RSA signature with recovery holds.
    pub fn recover(&self, mechanism: &Mechanism, signature: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Rsa(key) => rsa_key::recover(key, mechanism, signature),
            _ => Err(Error::KeyTypeInconsistent),
        }
    }
}

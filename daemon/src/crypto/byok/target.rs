//! What was inside: a private key as PKCS#8, or a secret key's bytes.
//!
//! Who sees these errors has made the wrapped key, or has one that was made rightly: what was changed on the way does not pass
//! AES-KWP's or OAEP's own check and never comes here. So a key that is only unwelcome may be told so.

use softkeep_proto::algorithm::{Curve, KeyType, SecretKind};
use zeroize::Zeroizing;

use super::{
    super::{Backend, key_info, key_info::PublicInfo},
    invalid,
};
use crate::error::{Error, ErrorCode, Result};

/// The lengths of a secret key (AES).
const SECRET_BYTES: [usize; 3] = [16, 24, 32];

/// A key that may come in.
pub struct Target {
    /// Its type.
    pub key_type: KeyType,
    /// Its public half; a secret key has none.
    pub public: Option<PublicInfo>,
    /// PKCS#8, or the secret key's bytes.
    pub material: Zeroizing<Vec<u8>>,
}

/// What the caller says is inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    family: Option<Family>,
    curve: Option<Curve>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Rsa,
    Ec,
    Okp,
    Oct,
}

impl Kind {
    /// From JWK's words; empty ones mean to find out.
    pub fn parse(kty: &str, curve: &str) -> Result<Self> {
        let family = match kty.strip_suffix("-HSM").unwrap_or(kty) {
            "" => None,
            "RSA" => Some(Family::Rsa),
            "EC" => Some(Family::Ec),
            "OKP" => Some(Family::Okp),
            "oct" => Some(Family::Oct),
            other => {
                let refusal = format!("unknown key type '{other}': RSA, EC, OKP or oct");
                return Err(Error::new(ErrorCode::UnsupportedAlgorithm, refusal));
            }
        };
        let unknown = || Error::new(ErrorCode::UnsupportedAlgorithm, format!("unknown curve '{curve}'"));
        // Of OKP there is one curve, which says the type too.
        let (family, curve) = match curve {
            "" => (family, None),
            "Ed25519" => (family.or(Some(Family::Okp)), None),
            name => (family.or(Some(Family::Ec)), Some(Curve::by_name(name).ok_or_else(unknown)?)),
        };
        Ok(Self { family, curve })
    }

    fn agrees(self, key_type: KeyType) -> bool {
        let family = match key_type {
            KeyType::Rsa(_) => Some(Family::Rsa),
            KeyType::Ec(_) => Some(Family::Ec),
            KeyType::Edwards(_) | KeyType::Montgomery(_) => Some(Family::Okp),
            KeyType::Secret(..) => Some(Family::Oct),
            KeyType::Dh(_) | KeyType::MlDsa(_) | KeyType::MlKem(_) => None,
        };
        let curve = if let KeyType::Ec(curve) = key_type { Some(curve) } else { None };
        self.family.is_none_or(|told| Some(told) == family) && self.curve.is_none_or(|told| Some(told) == curve)
    }
}

impl Target {
    /// Reads what was unwrapped.
    pub fn of_unwrapped(material: Zeroizing<Vec<u8>>, kind: Kind, backend: &dyn Backend) -> Result<Self> {
        let is_secret = match kind.family {
            Some(family) => family == Family::Oct,
            None => SECRET_BYTES.contains(&material.len()),
        };
        let target = if is_secret { Self::of_secret(material) } else { Self::of_pkcs8(material, backend) };
        let target = target.map_err(|error| match error.code {
            // Neither names a secret: that a key is too short or of a kind we do not have.
            ErrorCode::KeyTooWeak | ErrorCode::UnsupportedAlgorithm => error,
            _ => invalid(),
        })?;
        if kind.agrees(target.key_type) {
            return Ok(target);
        }
        let told = target.key_type.kind();
        Err(Error::new(ErrorCode::KeyTypeMismatch, format!("the wrapped key is one of {told}, not what was announced")))
    }

    /// A private key (PKCS#8 DER): its type, its size, and, which is slow, that its numbers belong together.
    pub fn of_pkcs8(material: Zeroizing<Vec<u8>>, backend: &dyn Backend) -> Result<Self> {
        let public = key_info::check_import(&material)?;
        backend.open(&material)?;
        Ok(Self { key_type: public.key_type, public: Some(public), material })
    }

    /// A secret key's bytes.
    pub fn of_secret(material: Zeroizing<Vec<u8>>) -> Result<Self> {
        match u32::try_from(material.len()) {
            Ok(len @ (16 | 24 | 32)) => {
                Ok(Self { key_type: KeyType::Secret(SecretKind::Aes, len), public: None, material })
            }
            _ => {
                let refusal = format!("a secret key has 128, 192 or 256 bits, not {}", 8 * material.len());
                Err(Error::new(ErrorCode::KeyInvalid, refusal))
            }
        }
    }
}

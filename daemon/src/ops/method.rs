//! What a PKCS#11 mechanism and its parameter ask for, in the words of the crypto room. The doors make these; the verbs run them.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Curve, EdwardsCurve, EncryptScheme, Hash, KeyType, MontgomeryCurve, SecretKind, SignScheme},
    mechanism::{self, Family, Row},
    pkcs11::v1::Attribute,
};

use crate::{
    crypto::{
        cipher::Cipher,
        kdf::{
            AgreementKdf,
            sp800_108::{DataParam, Mode},
        },
        mac::Mac,
    },
    error::{Error, ErrorCode, Result},
    keys::{catalog::Version, face},
    policy::{Authorized, KeyName},
    workers::Lane,
};

/// A mechanism, with what its parameter makes of it.
#[derive(Clone)]
pub struct Method<T> {
    /// The mechanism's row.
    pub row: &'static Row,
    /// What it does.
    pub how: T,
}

impl<T> Method<T> {
    /// The name for the audit log.
    pub fn name(&self) -> Cow<'static, str> {
        self.row.name.into()
    }
}

/// Whether a grant's key is of a class that this is done with, of a type that the mechanism takes, and allows the mechanism
/// (CKA_ALLOWED_MECHANISMS). The class matters: both halves of a pair are one key here, and the public one is everybody's.
pub fn check_key<O>(grant: &Authorized<O>, row: &Row, classes: &[u64]) -> Result<()> {
    let (version, class) = (grant.version()?, grant.subject()?.class());
    if !classes.contains(&class) {
        return Err(Error::new(ErrorCode::KeyTypeMismatch, "the object is no key for this"));
    }
    check_mechanism(version, class, row)
}

/// Whether one of a key's objects fits a mechanism and allows it.
pub fn check_mechanism(version: &Version, class: u64, row: &Row) -> Result<()> {
    if !row.fits(face::key_type_number(version.key_type)) {
        let kind = version.key_type.kind();
        return Err(Error::new(ErrorCode::KeyTypeMismatch, format!("{} is not for a key of type {kind}", row.name)));
    }
    let allowed = version.policy.allowed_mechanisms(class);
    if !allowed.is_empty() && !allowed.contains(&row.mechanism) {
        return Err(Error::new(ErrorCode::OperationNotPermitted, format!("the key does not allow {}", row.name)));
    }
    Ok(())
}

/// The same for an algorithm in JOSE's words, whose mechanism this is, and the object of the pair that does it: a mechanism of its family,
/// with its hash or without, must be allowed. HMAC is made with AES keys too, since Key Vault's secret keys are of no other kind.
pub fn check_jose(version: &Version, class: u64, name: &str, mechanism: u64) -> Result<&'static Row> {
    let row = mechanism::find(mechanism).ok_or_else(|| Error::internal("a JOSE algorithm without a mechanism"))?;
    let is_mac_by_aes = row.family == Family::Hmac && matches!(version.key_type, KeyType::Secret(SecretKind::Aes, _));
    if !row.fits(face::key_type_number(version.key_type)) && !is_mac_by_aes {
        let kind = version.key_type.kind();
        return Err(Error::new(ErrorCode::KeyTypeMismatch, format!("{name} is not for a key of type {kind}")));
    }
    let does = |other: &Row| other.family == row.family && (other.hash.is_none() || other.hash == row.hash);
    let allowed = version.policy.allowed_mechanisms(class);
    if allowed.is_empty() || allowed.iter().filter_map(|number| mechanism::find(*number)).any(does) {
        return Ok(row);
    }
    let why = format!("the key's CKA_ALLOWED_MECHANISMS have none that does {name}");
    Err(Error::new(ErrorCode::OperationNotPermitted, why))
}

/// The class of the object that does the other half of it: the public key of a pair, or the same secret key.
pub fn public_class(version: &Version) -> u64 {
    match version.class() {
        ck::CKO_SECRET_KEY => ck::CKO_SECRET_KEY,
        _ => ck::CKO_PUBLIC_KEY,
    }
}

/// The classes of keys that are secret.
pub const SECRET_OR_PRIVATE: [u64; 2] = [ck::CKO_SECRET_KEY, ck::CKO_PRIVATE_KEY];

/// More than this is not worked on where it arrives: hashing or encrypting it takes longer than handing it over, and others wait meanwhile.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Where a key works on so much.
pub fn lane(version: Option<&Version>, input_bytes: usize) -> Lane {
    lane_of(version.map(|version| version.key_type), input_bytes)
}

/// Fast keys work where the request arrived; RSA and lattices go to the pool, so that they cannot hold the others up.
fn lane_of(key_type: Option<KeyType>, input_bytes: usize) -> Lane {
    let fast = match key_type {
        Some(KeyType::Ec(Curve::P256 | Curve::P384)) => true,
        Some(KeyType::Edwards(EdwardsCurve::Ed25519) | KeyType::Montgomery(MontgomeryCurve::X25519)) => true,
        Some(KeyType::Secret(..)) => true,
        Some(KeyType::Ec(_) | KeyType::Edwards(_) | KeyType::Montgomery(_)) => false,
        Some(KeyType::Rsa(_) | KeyType::Dh(_) | KeyType::MlDsa(_) | KeyType::MlKem(_)) | None => false,
    };
    if fast && input_bytes <= MAX_INLINE_BYTES { Lane::Inline } else { Lane::Compute }
}

/// A signature or a MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// With a private key.
    Signature(SignScheme),
    /// With a secret key.
    Mac {
        /// Which.
        mac: Mac,
        /// How many bytes of it, from the front.
        len_bytes: usize,
    },
}

/// Decryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decryption {
    /// With a private key.
    Private(EncryptScheme),
    /// With a secret key.
    Secret(Cipher),
}

/// The way a key goes out or comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// Under a secret key.
    Secret(Cipher),
    /// Under an RSA key: a secret as short as the modulus allows.
    Rsa(EncryptScheme),
    /// Under an AES key of so many bytes, which is made for this one time and goes along under an RSA key.
    RsaAes {
        /// The AES key's length.
        aes_bytes: usize,
        /// How the AES key is encrypted.
        oaep: EncryptScheme,
    },
    /// Under an AES key of so many bytes, which comes of an agreement with an ephemeral key.
    EcdhAes {
        /// The AES key's length.
        aes_bytes: usize,
        /// What becomes of the agreed secret.
        kdf: AgreementKdf,
        /// What both sides know.
        shared_data: Vec<u8>,
    },
}

/// HKDF's salt.
#[derive(Clone)]
pub enum Salt {
    /// As many zero bytes as the hash has.
    None,
    /// These.
    Bytes(Vec<u8>),
    /// A key's.
    Key(KeyName),
}

/// The way from one key to another.
#[derive(Clone)]
pub enum Derivation {
    /// Agreement with another's public key on a curve.
    Ecdh {
        /// What becomes of the agreed secret.
        kdf: AgreementKdf,
        /// What both sides know.
        shared_data: Vec<u8>,
        /// The public key.
        peer: Vec<u8>,
    },
    /// Agreement with another's public value.
    Dh {
        /// The value, big-endian.
        peer: Vec<u8>,
    },
    /// HKDF (RFC 5869).
    Hkdf {
        /// Its hash.
        hash: Hash,
        /// The salt of the first step, if that is made.
        extract: Option<Salt>,
        /// The second step's information, if that is made.
        expand: Option<Vec<u8>>,
    },
    /// SP 800-108.
    Counter {
        /// The way round after round.
        mode: Mode,
        /// Its pseudo-random function.
        prf: Mac,
        /// What goes into each round.
        parts: Vec<DataParam>,
        /// The templates of the keys beside the first.
        additional: Vec<Vec<Attribute>>,
    },
    /// The key's encryption of data.
    Encrypt {
        /// ECB or CBC.
        cipher: Cipher,
        /// The data: whole blocks.
        data: Vec<u8>,
    },
    /// The key's bytes, then another's.
    AppendKey(KeyName),
    /// The key's bytes, then these.
    Append(Vec<u8>),
    /// These, then the key's bytes.
    Prepend(Vec<u8>),
    /// The key's bytes with these added bit by bit.
    Xor(Vec<u8>),
    /// The key's bits from this one on.
    Extract(usize),
    /// The key's digest.
    Digest(Hash),
}

#[cfg(test)]
mod tests {
    use softkeep_proto::algorithm::MlDsaSet;

    use super::*;

    #[test]
    fn what_takes_long_leaves_the_connections_thread() {
        let aes = KeyType::Secret(SecretKind::Aes, 32);
        for (key_type, input_bytes, expected) in [
            (KeyType::Ec(Curve::P256), 32, Lane::Inline),
            (KeyType::Ec(Curve::P521), 66, Lane::Compute),
            (KeyType::Rsa(2048), 32, Lane::Compute),
            (KeyType::MlDsa(MlDsaSet::MlDsa44), 64, Lane::Compute),
            (KeyType::Edwards(EdwardsCurve::Ed25519), 1000, Lane::Inline),
            (KeyType::Edwards(EdwardsCurve::Ed25519), 1_000_000, Lane::Compute),
            (KeyType::Edwards(EdwardsCurve::Ed448), 1000, Lane::Compute),
            (aes, 16, Lane::Inline),
            (aes, MAX_INLINE_BYTES, Lane::Inline),
            (aes, softkeep_proto::limits::MAX_PART_BYTES, Lane::Compute),
        ] {
            assert_eq!(lane_of(Some(key_type), input_bytes), expected, "{key_type:?} {input_bytes}");
        }
    }
}

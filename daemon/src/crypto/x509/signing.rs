//! Signatures over what DER says: which algorithm a key's type signs with in X.509, and its identifier there.

use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, SHA_256_WITH_RSA_ENCRYPTION};
use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{AnyRef, BitString, Null, ObjectIdentifier, UintRef},
};
use softkeep_proto::algorithm::{Curve, Hash, KeyType, MlDsaSet, SignScheme};
use spki::AlgorithmIdentifierRef;

use crate::{
    crypto::{
        curve_hash, digest,
        key_info::{PublicInfo, PublicNumbers, raw_oid_der},
        lattice::ml_dsa_mu,
        signature_len,
    },
    error::{Error, ErrorCode, Result},
};

/// `PrivateKey::sign` of a key that is somewhere else.
pub type Sign<'a> = &'a dyn Fn(&SignScheme, &[u8]) -> Result<Vec<u8>>;

/// Who signs: a public key, and what its private key does.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The public half.
    pub public: &'a PublicInfo,
    /// The private half's work.
    pub sign: Sign<'a>,
}

/// Certificate and CertificationRequest (RFC 5280 section 4.1.1, RFC 2986 section 4.2) have this form.
#[derive(Sequence)]
struct Signed<'a> {
    content: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitString,
}

/// Ecdsa-Sig-Value (RFC 3279 section 2.2.3).
#[derive(Sequence)]
struct EcdsaSigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl Signer<'_> {
    /// The identifier of the algorithm, as the content that is signed may have to name it.
    pub fn algorithm(&self) -> Result<AlgorithmIdentifierRef<'static>> {
        signature_algorithm(self.public.key_type).map(|(_, _, algorithm)| algorithm)
    }

    /// The content with its signature, DER.
    pub fn seal(&self, content: &[u8]) -> Result<Vec<u8>> {
        let (hashed, scheme, algorithm) = signature_algorithm(self.public.key_type)?;
        let signature = (self.sign)(&scheme, &hashed.input(self.public, content)?)?;
        if signature.len() != signature_len(self.public.key_type) {
            return Err(Error::internal("the certificate's signature has the wrong length"));
        }
        assemble(content, algorithm, self.public.key_type, &signature).map_err(Error::internal)
    }
}

fn assemble(
    content: &[u8],
    algorithm: AlgorithmIdentifierRef<'_>,
    key_type: KeyType,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    let signature = match key_type {
        KeyType::Ec(curve) => {
            let (r, s) = signature.split_at_checked(curve.width_bytes()).unwrap_or((signature, &[]));
            EcdsaSigValue { r: UintRef::new(r)?, s: UintRef::new(s)? }.to_der()?
        }
        _ => signature.to_vec(),
    };
    let signature = BitString::from_bytes(&signature)?;
    Signed { content: AnyRef::from_der(content)?, algorithm, signature }.to_der()
}

/// What is done with the bytes to be signed before `sign` gets them.
enum Hashed {
    By(Hash),
    Not,
    ToMu(MlDsaSet),
}

impl Hashed {
    fn input(&self, public: &PublicInfo, content: &[u8]) -> Result<Vec<u8>> {
        match (self, &public.numbers) {
            (Hashed::By(hash), _) => Ok(digest(*hash, content)),
            (Hashed::Not, _) => Ok(content.to_vec()),
            (Hashed::ToMu(set), PublicNumbers::Raw(key)) => ml_dsa_mu(*set, key, b"", content),
            (Hashed::ToMu(_), _) => Err(Error::internal("an ML-DSA key without its bytes")),
        }
    }
}

/// The identifier of types whose keys and signatures share one.
fn own_identifier(key_type: KeyType) -> Result<AlgorithmIdentifierRef<'static>> {
    let oid = ObjectIdentifier::from_der(raw_oid_der(key_type)).map_err(Error::internal)?;
    Ok(AlgorithmIdentifierRef { oid, parameters: None })
}

/// RFC 4055 section 5 for RSA (the parameters are NULL), RFC 5758 section 3.2 for ECDSA (there are none).
fn signature_algorithm(key_type: KeyType) -> Result<(Hashed, SignScheme, AlgorithmIdentifierRef<'static>)> {
    Ok(match key_type {
        KeyType::Rsa(_) => {
            let algorithm =
                AlgorithmIdentifierRef { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(AnyRef::from(Null)) };
            (Hashed::By(Hash::Sha256), SignScheme::RsaPkcs1(Hash::Sha256), algorithm)
        }
        KeyType::Ec(curve) => {
            let oid: ObjectIdentifier = match curve {
                // RFC 8812 leaves certificates out; what secp256k1 ones carry is this.
                Curve::P256 | Curve::P256K => ECDSA_WITH_SHA_256,
                Curve::P384 => ECDSA_WITH_SHA_384,
                Curve::P521 => ECDSA_WITH_SHA_512,
            };
            (Hashed::By(curve_hash(curve)), SignScheme::Ecdsa, AlgorithmIdentifierRef { oid, parameters: None })
        }
        // RFC 8410 section 6: Ed25519 and Ed448 without a context. The identifier is the key's own.
        KeyType::Edwards(_) => {
            let scheme = SignScheme::EdDsa { context: None, prehashed: false };
            (Hashed::Not, scheme, own_identifier(key_type)?)
        }
        // RFC 9881 section 3: pure ML-DSA with an empty context.
        KeyType::MlDsa(set) => {
            (Hashed::ToMu(set), SignScheme::MlDsaMu { deterministic: false }, own_identifier(key_type)?)
        }
        _ => return Err(Error::new(ErrorCode::KeyTypeMismatch, "no certificate is made for keys of this type")),
    })
}

/// Whether certificates can be signed with keys of this type.
pub fn can_sign(key_type: KeyType) -> bool {
    signature_algorithm(key_type).is_ok()
}

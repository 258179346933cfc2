//! ML-DSA verification (FIPS 204) of the 64-byte mu that `message` computes.

use cryptoki_sys as ck;
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, Signature, VerifyingKey};
use softkeep_proto::algorithm::{Hash, MlDsaSet};

use crate::{
    attribute::Attributes,
    error::{Error, Result},
};

/// The parameter set of a CKA_PARAMETER_SET.
pub fn parameter_set(attributes: &Attributes) -> Result<MlDsaSet> {
    let number = attributes.ulong(ck::CKA_PARAMETER_SET);
    number.and_then(MlDsaSet::by_parameter_set).ok_or(Error::KeyTypeInconsistent)
}

/// The public key, of either half: a public key has it as CKA_VALUE, a private one at the end of CKA_PUBLIC_KEY_INFO
/// (RFC 9881 section 4: a SubjectPublicKeyInfo without parameters).
pub fn public_bytes(attributes: &Attributes) -> Result<(MlDsaSet, Vec<u8>)> {
    let set = parameter_set(attributes)?;
    let len = set.public_key_bytes();
    let key = match attributes.ulong(ck::CKA_CLASS) {
        Some(ck::CKO_PUBLIC_KEY) => attributes.bytes(ck::CKA_VALUE).filter(|value| value.len() == len),
        _ => attributes.bytes(ck::CKA_PUBLIC_KEY_INFO).and_then(|info| {
            let (header, key) = info.split_at_checked(info.len().checked_sub(len)?)?;
            let oid = set.oid_der();
            // No unused bits in the BIT STRING, and the algorithm before it is this set's.
            let fits = header.last() == Some(&0) && header.windows(oid.len()).any(|window| window == oid);
            fits.then_some(key)
        }),
    };
    key.map(|key| (set, key.to_vec())).ok_or(Error::KeyTypeInconsistent)
}

/// The OBJECT IDENTIFIER of a hash in HashML-DSA's M' (FIPS 204 algorithm 4), taken out of PKCS#1's DigestInfo, which
/// has the same: a SEQUENCE of a SEQUENCE of it.
pub fn hash_oid(hash: Hash) -> Result<&'static [u8]> {
    let info = hash.digest_info_prefix();
    let oid = info.get(4..).and_then(|oid| oid.get(..2 + usize::from(*oid.get(1)?)));
    oid.filter(|oid| oid.first() == Some(&6)).ok_or(Error::MechanismParamInvalid)
}

/// Verifies a signature of mu.
pub fn verify(set: MlDsaSet, key: &[u8], mu: &[u8], signature: &[u8]) -> Result<bool> {
    if signature.len() != set.signature_bytes() {
        return Err(Error::SignatureLenRange);
    }
    macro_rules! verify {
        ($set:ident) => {{
            let key = EncodedVerifyingKey::<$set>::try_from(key).map_err(|_| Error::KeyTypeInconsistent)?;
            let mu = mu.try_into().map_err(|_| Error::DataLenRange)?;
            let signature = EncodedSignature::<$set>::try_from(signature).map_err(|_| Error::SignatureLenRange)?;
            let decoded = Signature::<$set>::decode(&signature);
            decoded.is_some_and(|signature| VerifyingKey::<$set>::decode(&key).verify_mu(mu, &signature))
        }};
    }
    Ok(match set {
        MlDsaSet::MlDsa44 => verify!(MlDsa44),
        MlDsaSet::MlDsa65 => verify!(MlDsa65),
        MlDsaSet::MlDsa87 => verify!(MlDsa87),
    })
}

//! Public-key operations, all local: verification and OAEP encryption from an object's public attributes. Padding is
//! written out here (RFC 8017) because PKCS#11 lets the hash, MGF1's hash and the salt differ freely; the arithmetic is
//! RustCrypto's. Nothing here handles a private key.

use cryptoki_sys as ck;
use ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{BoxedUint, RsaPublicKey, hazmat::rsa_encrypt, traits::PublicKeyParts};
use softkeep_proto::{
    algorithm::{Curve, Hash},
    limits::MAX_RSA_BITS,
};
use zeroize::Zeroizing;

use crate::{
    attribute::Attributes,
    error::{Error, Result},
    hash::digest,
    mechanism::{Family, Mechanism, Oaep, Params, Pss},
};

#[cfg(test)]
mod tests;

/// A public key.
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// A point on a curve, SEC1.
    Ec(Curve, Vec<u8>),
}

/// The curve of a CKA_EC_PARAMS.
pub fn curve(attributes: &Attributes) -> Result<Curve> {
    let params = attributes.bytes(ck::CKA_EC_PARAMS).unwrap_or_default();
    Curve::ALL.into_iter().find(|curve| curve.oid_der() == params).ok_or(Error::KeyTypeInconsistent)
}

/// The length of a signature by this key (and, for RSA, of a ciphertext).
pub fn signature_len_bytes(attributes: &Attributes) -> Result<usize> {
    match attributes.ulong(ck::CKA_KEY_TYPE) {
        Some(ck::CKK_RSA) => match trim(attributes.bytes(ck::CKA_MODULUS).unwrap_or_default()).len() {
            0 => Err(Error::KeyTypeInconsistent),
            len => Ok(len),
        },
        Some(ck::CKK_EC) => Ok(2 * curve(attributes)?.width_bytes()),
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// A big integer without leading zeros.
fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// CKA_EC_POINT is a DER OCTET STRING around the point (PKCS#11 3.2 section 6.3.3); the bare point is accepted too.
fn point(der: &[u8]) -> &[u8] {
    match der {
        [0x04, len, point @ ..] if *len < 0x80 && point.len() == usize::from(*len) => point,
        [0x04, 0x81, len, point @ ..] if point.len() == usize::from(*len) => point,
        bare => bare,
    }
}

impl PublicKey {
    /// Reads the public attributes.
    pub fn of(attributes: &Attributes) -> Result<Self> {
        match attributes.ulong(ck::CKA_KEY_TYPE) {
            Some(ck::CKK_RSA) => {
                let number = |attribute| {
                    let bytes = trim(attributes.bytes(attribute).unwrap_or_default());
                    let bits = u32::try_from(bytes.len() * 8).map_err(|_| Error::KeySizeRange)?;
                    BoxedUint::from_be_slice(bytes, bits.max(64)).map_err(|_| Error::KeySizeRange)
                };
                let (modulus, exponent) = (number(ck::CKA_MODULUS)?, number(ck::CKA_PUBLIC_EXPONENT)?);
                let key = RsaPublicKey::new_with_size_limits(
                    modulus,
                    exponent,
                    RsaPublicKey::MIN_SIZE..=MAX_RSA_BITS as usize,
                );
                key.map(Self::Rsa).map_err(|_| Error::KeySizeRange)
            }
            Some(ck::CKK_EC) => {
                Ok(Self::Ec(curve(attributes)?, point(attributes.bytes(ck::CKA_EC_POINT).unwrap_or_default()).to_vec()))
            }
            _ => Err(Error::KeyTypeInconsistent),
        }
    }

    /// Verifies a signature. `data` is the digest where the mechanism hashes, else what the caller signed.
    pub fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<()> {
        let valid = match (self, mechanism.row.family, &mechanism.params) {
            (Self::Rsa(key), Family::RsaPkcs, _) => {
                let block = open(key, signature)?;
                let prefix = mechanism.row.hash.map(Hash::digest_info_prefix).unwrap_or_default();
                pkcs1_block(&[prefix, data].concat(), block.len()).is_some_and(|expected| expected == block)
            }
            (Self::Rsa(key), Family::RsaX509, _) => trim(&open(key, signature)?) == trim(data),
            (Self::Rsa(key), Family::RsaPss, Params::Pss(pss)) => {
                pss_fits(pss, data, &open(key, signature)?, key.n().bits() as usize)
            }
            (Self::Ec(curve, point), Family::Ecdsa, _) => ecdsa_fits(*curve, point, data, signature)?,
            _ => return Err(Error::KeyTypeInconsistent),
        };
        if valid { Ok(()) } else { Err(Error::SignatureInvalid) }
    }

    /// Encrypts with RSAES-OAEP (RFC 8017 section 7.1.1).
    pub fn encrypt(&self, oaep: &Oaep, message: &[u8]) -> Result<Vec<u8>> {
        let Self::Rsa(key) = self else {
            return Err(Error::KeyTypeInconsistent);
        };
        let mut seed = vec![0; oaep.hash.len()];
        getrandom::fill(&mut seed).map_err(|_| Error::FunctionFailed)?;
        power(key, &oaep_block(oaep, message, &seed, key.size())?)
    }
}

/// The longest message that fits one OAEP block.
pub fn oaep_capacity_bytes(oaep: &Oaep, key_bytes: usize) -> usize {
    key_bytes.saturating_sub(2 * oaep.hash.len() + 2)
}

/// The block that a signature opens to, as long as the modulus.
fn open(key: &RsaPublicKey, signature: &[u8]) -> Result<Vec<u8>> {
    if signature.len() != key.size() {
        return Err(Error::SignatureLenRange);
    }
    power(key, signature).map_err(|_| Error::SignatureInvalid)
}

/// The RSA public operation on a block as long as the modulus (RFC 8017 section 5.1.1).
fn power(key: &RsaPublicKey, block: &[u8]) -> Result<Vec<u8>> {
    let precision = key.n().bits_precision();
    let number = BoxedUint::from_be_slice(block, precision).map_err(|_| Error::DataLenRange)?;
    if number >= *key.n().as_ref() {
        return Err(Error::DataLenRange);
    }
    let result = rsa_encrypt(key, &number).map_err(|_| Error::FunctionFailed)?.to_be_bytes();
    // The library's numbers are whole machine words; a modulus need not be.
    let digits = trim(&result);
    let mut out = vec![0; key.size().saturating_sub(digits.len())];
    out.extend_from_slice(digits);
    Ok(out)
}

/// EMSA-PKCS1-v1_5 around bytes that already are a DigestInfo, or what the caller of CKM_RSA_PKCS takes for one.
fn pkcs1_block(content: &[u8], len: usize) -> Option<Vec<u8>> {
    let padding = len.checked_sub(content.len() + 3).filter(|padding| *padding >= 8)?;
    let mut block = vec![0xff; padding + 2];
    block[0] = 0;
    block[1] = 1;
    block.push(0);
    block.extend_from_slice(content);
    Some(block)
}

/// XORs MGF1 of `seed` into `target` (RFC 8017 appendix B.2.1).
fn mask(hash: Hash, seed: &[u8], target: &mut [u8]) {
    for (counter, chunk) in (0u32..).zip(target.chunks_mut(hash.len())) {
        let pad = digest(hash, &[seed, &counter.to_be_bytes()]);
        for (byte, mask) in chunk.iter_mut().zip(pad) {
            *byte ^= mask;
        }
    }
}

/// EMSA-PSS-VERIFY (RFC 8017 section 9.1.2).
fn pss_fits(pss: &Pss, message_digest: &[u8], block: &[u8], modulus_bits: usize) -> bool {
    let (hash_len, em_bits) = (pss.hash.len(), modulus_bits - 1);
    let em_len = em_bits.div_ceil(8);
    // A modulus of 8k+1 bits makes the block one byte longer than the encoded message.
    let Some((lead, em)) = block.split_at_checked(block.len().saturating_sub(em_len)) else { return false };
    if lead.iter().any(|byte| *byte != 0) || message_digest.len() != hash_len || em_len < hash_len + 2 {
        return false;
    }
    let Some((masked, [expected @ .., 0xbc])) = em.split_at_checked(em_len - hash_len - 1) else { return false };
    let Some(zeros) = masked.len().checked_sub(pss.salt_len_bytes + 1) else { return false };
    let free_mask = 0xffu8.checked_shr((8 * em_len - em_bits) as u32).unwrap_or(0);
    if masked[0] & !free_mask != 0 {
        return false;
    }
    let mut db = masked.to_vec();
    mask(pss.mgf, expected, &mut db);
    db[0] &= free_mask;
    let (padding, rest) = db.split_at(zeros);
    let Some((1, salt)) = rest.split_first() else { return false };
    padding.iter().all(|byte| *byte == 0) && digest(pss.hash, &[&[0; 8], message_digest, salt]) == expected
}

/// EME-OAEP encoding (RFC 8017 section 7.1.1 step 2).
fn oaep_block(oaep: &Oaep, message: &[u8], seed: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    let hash_len = oaep.hash.len();
    let padding = oaep_capacity_bytes(oaep, len).checked_sub(message.len()).ok_or(Error::DataLenRange)?;
    if len < 2 * hash_len + 2 {
        return Err(Error::KeySizeRange);
    }
    let mut db = Zeroizing::new(digest(oaep.hash, &[&oaep.label]));
    db.resize(hash_len + padding, 0);
    db.push(1);
    db.extend_from_slice(message);
    mask(oaep.mgf, seed, &mut db);
    let mut masked_seed = seed.to_vec();
    mask(oaep.mgf, &db, &mut masked_seed);
    Ok(Zeroizing::new([&[0], masked_seed.as_slice(), &db].concat()))
}

/// ECDSA over a digest of any length (FIPS 186-5 section 6.4.2).
fn ecdsa_fits(curve: Curve, point: &[u8], digest: &[u8], signature: &[u8]) -> Result<bool> {
    if signature.len() != 2 * curve.width_bytes() {
        return Err(Error::SignatureLenRange);
    }
    macro_rules! verify {
        ($library:ident) => {{
            let key = $library::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Error::KeyTypeInconsistent)?;
            $library::ecdsa::Signature::from_slice(signature).is_ok_and(|s| key.verify_prehash(digest, &s).is_ok())
        }};
    }
    Ok(match curve {
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::P521 => verify!(p521),
    })
}

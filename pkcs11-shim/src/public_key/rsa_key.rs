//! RSA with a public key (RFC 8017). Padding is written out here because PKCS#11 lets the hash, MGF1's hash and the salt
//! differ freely; the arithmetic is RustCrypto's.

use cryptoki_sys as ck;
use rsa::{BoxedUint, RsaPublicKey, hazmat::rsa_encrypt, traits::PublicKeyParts};
use softkeep_proto::{algorithm::Hash, limits::MAX_RSA_BITS};
use zeroize::Zeroizing;

use crate::{
    attribute::Attributes,
    error::{Error, Result},
    hash::digest,
    mechanism::{Family, Mechanism, Oaep, Params, Pss},
};

/// RFC 8017 sections 7.2.1 and 9.2: eight bytes of padding and three of frame.
const PKCS1_OVERHEAD_BYTES: usize = 11;

/// The modulus's length.
pub fn modulus_len_bytes(attributes: &Attributes) -> Result<usize> {
    match trim(attributes.bytes(ck::CKA_MODULUS).unwrap_or_default()).len() {
        0 => Err(Error::KeyTypeInconsistent),
        len => Ok(len),
    }
}

/// Reads the public attributes.
pub fn public_key(attributes: &Attributes) -> Result<RsaPublicKey> {
    let number = |attribute| {
        let bytes = trim(attributes.bytes(attribute).unwrap_or_default());
        let bits = u32::try_from(bytes.len() * 8).map_err(|_| Error::KeySizeRange)?;
        BoxedUint::from_be_slice(bytes, bits.max(64)).map_err(|_| Error::KeySizeRange)
    };
    let (modulus, exponent) = (number(ck::CKA_MODULUS)?, number(ck::CKA_PUBLIC_EXPONENT)?);
    let sizes = RsaPublicKey::MIN_SIZE..=MAX_RSA_BITS as usize;
    RsaPublicKey::new_with_size_limits(modulus, exponent, sizes).map_err(|_| Error::KeySizeRange)
}

/// Whether a signature is one of these bytes: a digest where the mechanism hashes.
pub fn verify(key: &RsaPublicKey, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<bool> {
    let block = open(key, signature)?;
    Ok(match (mechanism.row.family, &mechanism.params) {
        (Family::RsaPkcs, _) => {
            let prefix = mechanism.row.hash.map(Hash::digest_info_prefix).unwrap_or_default();
            pkcs1_block(&[prefix, data].concat(), block.len()).is_some_and(|expected| expected == block)
        }
        (Family::RsaX509, _) => trim(&block) == trim(data),
        (Family::RsaPss, Params::Pss(pss)) => pss_fits(pss, data, &block, key.n().bits() as usize),
        _ => return Err(Error::KeyTypeInconsistent),
    })
}

/// What a signature with recovery holds (PKCS#11 3.2 sections 6.1.6 and 6.1.8).
pub fn recover(key: &RsaPublicKey, mechanism: &Mechanism, signature: &[u8]) -> Result<Vec<u8>> {
    let block = open(key, signature)?;
    match mechanism.row.family {
        Family::RsaX509 => Ok(block),
        Family::RsaPkcs => {
            let content = block.strip_prefix(&[0, 1]).and_then(|padded| {
                let padding = padded.iter().take_while(|byte| **byte == 0xff).count();
                padded.get(padding..).filter(|_| padding >= 8)?.strip_prefix(&[0])
            });
            content.map(<[u8]>::to_vec).ok_or(Error::SignatureInvalid)
        }
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// Encrypts with RSAES-OAEP, RSAES-PKCS1-v1_5 (RFC 8017 sections 7.1.1 and 7.2.1) or not padded at all.
pub fn encrypt(key: &RsaPublicKey, mechanism: &Mechanism, message: &[u8]) -> Result<Vec<u8>> {
    let len = key.size();
    match (mechanism.row.family, &mechanism.params) {
        (Family::RsaOaep, Params::Oaep(oaep)) => {
            let mut seed = Zeroizing::new(vec![0; oaep.hash.len()]);
            getrandom::fill(&mut seed).map_err(|_| Error::FunctionFailed)?;
            power(key, &oaep_block(oaep, message, &seed, len)?)
        }
        (Family::RsaPkcs, _) => power(key, &pkcs1_encryption_block(message, len)?),
        (Family::RsaX509, _) => {
            let zeros = len.checked_sub(message.len()).ok_or(Error::DataLenRange)?;
            power(key, &Zeroizing::new([&vec![0; zeros], message].concat()))
        }
        _ => Err(Error::KeyTypeInconsistent),
    }
}

/// The longest message that one block takes, and so the longest that one gives.
pub fn capacity_bytes(mechanism: &Mechanism, key_bytes: usize) -> usize {
    match (mechanism.row.family, &mechanism.params) {
        (Family::RsaOaep, Params::Oaep(oaep)) => oaep_capacity_bytes(oaep, key_bytes),
        (Family::RsaPkcs, _) => key_bytes.saturating_sub(PKCS1_OVERHEAD_BYTES),
        _ => key_bytes,
    }
}

fn oaep_capacity_bytes(oaep: &Oaep, key_bytes: usize) -> usize {
    key_bytes.saturating_sub(2 * oaep.hash.len() + 2)
}

/// A big integer without leading zeros.
fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
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

/// EME-PKCS1-v1_5: the padding is random and has no zero in it (RFC 8017 section 7.2.1).
fn pkcs1_encryption_block(message: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>> {
    let padding_len = len.checked_sub(message.len() + 3).filter(|padding| *padding >= 8).ok_or(Error::DataLenRange)?;
    let mut padding = Zeroizing::new(vec![0; padding_len]);
    getrandom::fill(&mut padding).map_err(|_| Error::FunctionFailed)?;
    for byte in padding.iter_mut() {
        while *byte == 0 {
            getrandom::fill(std::slice::from_mut(byte)).map_err(|_| Error::FunctionFailed)?;
        }
    }
    Ok(Zeroizing::new([&[0, 2], padding.as_slice(), &[0], message].concat()))
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

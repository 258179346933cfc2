//! The key hierarchy below the root key: HKDF labels, AES-256-GCM sealing, row MACs. No store, no records' meaning.
//!
//! root key → K_meta (row MACs), K_kek (wraps vault KEKs), K_login, K_pin, K_audit; vault KEK → one key per record version.
//! AES-KWP is not used at rest because it has no associated data: somebody who can write the store could swap two blobs.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};
use zeroize::Zeroizing;

use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
};

/// A 256-bit secret in one allocation, wiped when dropped.
pub type Secret32 = Box<Zeroizing<[u8; 32]>>;

/// A new random secret.
pub fn random_secret() -> Result<Secret32> {
    let mut secret = Box::new(Zeroizing::new([0; 32]));
    crypto::fill_random(&mut **secret)?;
    Ok(secret)
}

/// Bytes of output keying material that HKDF is asked for.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA256 (RFC 5869) of a uniformly random secret, with the parts of `info` told apart by their lengths.
pub fn derive(secret: &[u8; 32], info: &[&[u8]]) -> Result<Secret32> {
    let lengths: Vec<[u8; 4]> =
        info.iter().map(|part| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()).collect();
    let framed: Vec<&[u8]> = lengths.iter().zip(info).flat_map(|(length, part)| [&length[..], *part]).collect();
    let mut out = Box::new(Zeroizing::new([0; 32]));
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"softkeep")
        .extract(secret)
        .expand(&framed, Length(32))
        .and_then(|okm| okm.fill(&mut **out))
        .map_err(|_| Error::internal("HKDF failed"))?;
    Ok(out)
}

/// AES-256-GCM with a random 96-bit nonce in front. Each record version has its own key, so few nonces are ever drawn under one key.
pub fn seal(key: &[u8; 32], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    crypto::fill_random(&mut nonce)?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + 16));
    buffer.extend_from_slice(plaintext);
    let tag = aead_key(key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut buffer)
        .map_err(|_| Error::internal("AES-GCM sealing failed"))?;
    let mut sealed = Vec::with_capacity(NONCE_LEN + buffer.len() + 16);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&buffer);
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] made; `None` when a bit of it, of the key or of the associated data is another.
pub fn unseal(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let Some((nonce, ciphertext)) = sealed.split_at_checked(NONCE_LEN) else { return Ok(None) };
    let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else { return Ok(None) };
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let Ok(length) = aead_key(key)?.open_in_place(nonce, Aad::from(aad), &mut buffer).map(|plaintext| plaintext.len())
    else {
        return Ok(None);
    };
    buffer.truncate(length);
    Ok(Some(buffer))
}

fn aead_key(key: &[u8; 32]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::internal("AES key"))
}

/// The keys derived from the root key. Dropping it is what sealing the daemon means.
pub struct RootKeys {
    root: Secret32,
    meta: hmac::Key,
    login: hmac::Key,
    kek: Secret32,
    pin: Secret32,
}

impl RootKeys {
    /// Derives all of them.
    pub fn derive(root: Secret32) -> Result<Self> {
        let key = |label: &[u8]| derive(&root, &[label]);
        Ok(Self {
            meta: hmac::Key::new(hmac::HMAC_SHA256, &**key(b"row-mac/1")?),
            login: hmac::Key::new(hmac::HMAC_SHA256, &**key(b"login-token/1")?),
            kek: key(b"kek-wrap/1")?,
            pin: key(b"pin-pepper/1")?,
            root,
        })
    }

    /// The root key itself, for wrapping it under another seal slot.
    pub fn root(&self) -> &Secret32 {
        &self.root
    }

    /// MACs rows.
    pub fn meta(&self) -> &hmac::Key {
        &self.meta
    }

    /// MACs login tokens.
    pub fn login(&self) -> &hmac::Key {
        &self.login
    }

    /// Argon2's secret input: without the root key, a stolen PIN hash cannot be guessed at.
    pub fn pin_pepper(&self) -> &Secret32 {
        &self.pin
    }

    /// The seed of the Ed25519 key that signs audit checkpoints.
    pub fn audit_seed(&self) -> Result<Secret32> {
        derive(&self.root, &[b"audit-checkpoint/1"])
    }

    /// The seed of the Ed25519 key that signs access tokens.
    pub fn token_seed(&self) -> Result<Secret32> {
        derive(&self.root, &[b"access-token/1"])
    }

    /// Wraps a vault's KEK.
    pub fn wrap_kek(&self, vault: &[u8], version: u32, kek: &Secret32) -> Result<Vec<u8>> {
        seal(&self.kek, &kek_aad(vault, version), &***kek)
    }

    /// Opens a vault's KEK.
    pub fn unwrap_kek(&self, vault: &[u8], version: u32, wrapped: &[u8]) -> Result<Secret32> {
        let damaged = || Error::new(ErrorCode::RecordDamaged, "the vault's key-encryption key does not open");
        let plain = unseal(&self.kek, &kek_aad(vault, version), wrapped)?.ok_or_else(damaged)?;
        let mut kek = Box::new(Zeroizing::new([0; 32]));
        if plain.len() != kek.len() {
            return Err(damaged());
        }
        kek.copy_from_slice(&plain);
        Ok(kek)
    }
}

fn kek_aad(vault: &[u8], version: u32) -> Vec<u8> {
    [b"softkeep/kek/1".as_slice(), vault, &version.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_associated_data_open_a_blob() {
        let key = random_secret().unwrap();
        let sealed = seal(&key, b"aad", b"a private key").unwrap();
        assert_eq!(unseal(&key, b"aad", &sealed).unwrap().unwrap().as_slice(), b"a private key");
        assert!(unseal(&key, b"other", &sealed).unwrap().is_none());
        assert!(unseal(&random_secret().unwrap(), b"aad", &sealed).unwrap().is_none());
        for index in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[index] ^= 1;
            assert!(unseal(&key, b"aad", &flipped).unwrap().is_none(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(unseal(&key, b"aad", &sealed[..length]).unwrap().is_none(), "length {length}");
        }
    }

    #[test]
    fn info_parts_are_told_apart() {
        let secret = random_secret().unwrap();
        assert_ne!(derive(&secret, &[b"ab", b"c"]).unwrap(), derive(&secret, &[b"a", b"bc"]).unwrap());
        assert_eq!(derive(&secret, &[b"ab", b"c"]).unwrap(), derive(&secret, &[b"ab", b"c"]).unwrap());
    }
}

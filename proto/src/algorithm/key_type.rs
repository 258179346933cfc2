//! TABLE: key types and the words in which the store keeps them.

use super::{Curve, EdwardsCurve, Hash, MlDsaSet, MlKemSet, MontgomeryCurve};

/// What a secret key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// AES (FIPS 197).
    Aes,
    /// ChaCha20 (RFC 8439).
    ChaCha20,
    /// Bytes for whatever takes them (CKK_GENERIC_SECRET).
    Generic,
    /// HMAC with one hash (CKK_SHA256_HMAC and the like).
    Hmac(Hash),
}

impl SecretKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = SecretKind> {
        [SecretKind::Aes, SecretKind::ChaCha20, SecretKind::Generic]
            .into_iter()
            .chain(Hash::ALL.into_iter().map(SecretKind::Hmac))
    }

    /// The word in the store.
    pub const fn name(self) -> &'static str {
        match self {
            SecretKind::Aes => "AES",
            SecretKind::ChaCha20 => "ChaCha20",
            SecretKind::Generic => "generic",
            SecretKind::Hmac(Hash::Sha1) => "HMAC-SHA-1",
            SecretKind::Hmac(Hash::Sha224) => "HMAC-SHA-224",
            SecretKind::Hmac(Hash::Sha256) => "HMAC-SHA-256",
            SecretKind::Hmac(Hash::Sha384) => "HMAC-SHA-384",
            SecretKind::Hmac(Hash::Sha512) => "HMAC-SHA-512",
            SecretKind::Hmac(Hash::Sha512_224) => "HMAC-SHA-512/224",
            SecretKind::Hmac(Hash::Sha512_256) => "HMAC-SHA-512/256",
            SecretKind::Hmac(Hash::Sha3_224) => "HMAC-SHA3-224",
            SecretKind::Hmac(Hash::Sha3_256) => "HMAC-SHA3-256",
            SecretKind::Hmac(Hash::Sha3_384) => "HMAC-SHA3-384",
            SecretKind::Hmac(Hash::Sha3_512) => "HMAC-SHA3-512",
        }
    }

    /// Whether a key of this kind may have so many bytes.
    pub const fn takes(self, bytes: u32) -> bool {
        match self {
            SecretKind::Aes => matches!(bytes, 16 | 24 | 32),
            SecretKind::ChaCha20 => bytes == 32,
            SecretKind::Generic | SecretKind::Hmac(_) => bytes > 0,
        }
    }
}

/// The type of a key and its size, without the `-HSM` ending (which says where Key Vault would keep it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA with a modulus of so many bits.
    Rsa(u32),
    /// ECDSA and ECDH.
    Ec(Curve),
    /// EdDSA.
    Edwards(EdwardsCurve),
    /// X25519 and X448.
    Montgomery(MontgomeryCurve),
    /// Diffie-Hellman with a prime of so many bits (PKCS#3).
    Dh(u32),
    /// ML-DSA.
    MlDsa(MlDsaSet),
    /// ML-KEM.
    MlKem(MlKemSet),
    /// A secret key of so many bytes.
    Secret(SecretKind, u32),
}

impl KeyType {
    /// The word in the store. With [`KeyType::bits`] it says everything.
    pub const fn kind(self) -> &'static str {
        match self {
            KeyType::Rsa(_) => "RSA",
            KeyType::Ec(curve) => curve.name(),
            KeyType::Edwards(curve) => curve.name(),
            KeyType::Montgomery(curve) => curve.name(),
            KeyType::Dh(_) => "DH",
            KeyType::MlDsa(set) => set.name(),
            KeyType::MlKem(set) => set.name(),
            KeyType::Secret(kind, _) => kind.name(),
        }
    }

    /// The size that the word leaves open; 0 where it says all.
    pub const fn bits(self) -> u32 {
        match self {
            KeyType::Rsa(bits) | KeyType::Dh(bits) => bits,
            KeyType::Secret(_, bytes) => bytes.saturating_mul(8),
            KeyType::Ec(_) | KeyType::Edwards(_) | KeyType::Montgomery(_) | KeyType::MlDsa(_) | KeyType::MlKem(_) => 0,
        }
    }

    /// The type that [`KeyType::kind`] and [`KeyType::bits`] came from.
    pub fn from_kind(kind: &str, bits: u32) -> Option<Self> {
        match kind {
            "RSA" => return Some(KeyType::Rsa(bits)),
            "DH" => return Some(KeyType::Dh(bits)),
            _ => {}
        }
        if let Some(secret) = SecretKind::all().find(|secret| secret.name() == kind) {
            let whole = bits.is_multiple_of(8) && secret.takes(bits / 8);
            return whole.then_some(KeyType::Secret(secret, bits / 8));
        }
        Curve::by_name(kind)
            .map(KeyType::Ec)
            .or_else(|| EdwardsCurve::by_name(kind).map(KeyType::Edwards))
            .or_else(|| MontgomeryCurve::by_name(kind).map(KeyType::Montgomery))
            .or_else(|| MlDsaSet::by_name(kind).map(KeyType::MlDsa))
            .or_else(|| MlKemSet::by_name(kind).map(KeyType::MlKem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let types = [2048, 3072, 8192]
            .into_iter()
            .flat_map(|bits| [KeyType::Rsa(bits), KeyType::Dh(bits)])
            .chain(Curve::ALL.map(KeyType::Ec))
            .chain(EdwardsCurve::ALL.map(KeyType::Edwards))
            .chain(MontgomeryCurve::ALL.map(KeyType::Montgomery))
            .chain(MlDsaSet::ALL.map(KeyType::MlDsa))
            .chain(MlKemSet::ALL.map(KeyType::MlKem))
            .chain([16, 24].map(|bytes| KeyType::Secret(SecretKind::Aes, bytes)))
            .chain(SecretKind::all().map(|kind| KeyType::Secret(kind, 32)));
        let mut seen = std::collections::HashSet::new();
        for key_type in types {
            assert_eq!(KeyType::from_kind(key_type.kind(), key_type.bits()), Some(key_type));
            assert!(seen.insert((key_type.kind(), key_type.bits())), "{key_type:?}");
        }
    }

    #[test]
    fn what_never_was_stored_does_not() {
        for (kind, bits) in [("AES", 0), ("AES", 129), ("AES", 160), ("ChaCha20", 128), ("generic", 0), ("", 0)] {
            assert_eq!(KeyType::from_kind(kind, bits), None, "{kind} {bits}");
        }
        for kind in ["rsa", "P-255", "HMAC", "HMAC-MD5", "ML-DSA-66", "Ed25518"] {
            assert_eq!(KeyType::from_kind(kind, 256), None, "{kind}");
        }
    }
}

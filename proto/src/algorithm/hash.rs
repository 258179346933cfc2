//! TABLE: hash functions (FIPS 180-4, FIPS 202).

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// DigestInfo around a digest of `$len` bytes whose hash is number `$arc` of NIST's list (2.16.840.1.101.3.4.2).
macro_rules! nist_prefix {
    ($arc:literal, $len:literal) => {{
        const PREFIX: [u8; 19] = {
            let mut prefix = *b"\x30\0\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\0\x05\x00\x04\0";
            prefix[1] = 17 + $len;
            prefix[14] = $arc;
            prefix[18] = $len;
            prefix
        };
        &PREFIX
    }};
}

impl Hash {
    /// Every hash.
    pub const ALL: [Hash; 11] = [
        Hash::Sha1,
        Hash::Sha224,
        Hash::Sha256,
        Hash::Sha384,
        Hash::Sha512,
        Hash::Sha512_224,
        Hash::Sha512_256,
        Hash::Sha3_224,
        Hash::Sha3_256,
        Hash::Sha3_384,
        Hash::Sha3_512,
    ];

    /// The name as the standards write it.
    pub const fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "SHA-1",
            Hash::Sha224 => "SHA-224",
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
            Hash::Sha512_224 => "SHA-512/224",
            Hash::Sha512_256 => "SHA-512/256",
            Hash::Sha3_224 => "SHA3-224",
            Hash::Sha3_256 => "SHA3-256",
            Hash::Sha3_384 => "SHA3-384",
            Hash::Sha3_512 => "SHA3-512",
        }
    }

    /// The digest's length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha224 | Hash::Sha512_224 | Hash::Sha3_224 => 28,
            Hash::Sha256 | Hash::Sha512_256 | Hash::Sha3_256 => 32,
            Hash::Sha384 | Hash::Sha3_384 => 48,
            Hash::Sha512 | Hash::Sha3_512 => 64,
        }
    }

    /// Bytes that go in at once: the block of HMAC (FIPS 198-1; for SHA-3 the rate, FIPS 202 section 7).
    pub const fn block_bytes(self) -> usize {
        match self {
            Hash::Sha1 | Hash::Sha224 | Hash::Sha256 => 64,
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 128,
            Hash::Sha3_224 => 144,
            Hash::Sha3_256 => 136,
            Hash::Sha3_384 => 104,
            Hash::Sha3_512 => 72,
        }
    }

    /// The DER of DigestInfo up to the digest (RFC 8017 section 9.2, note 1; SHA-3 by its number in NIST's list).
    pub const fn digest_info_prefix(self) -> &'static [u8] {
        match self {
            Hash::Sha1 => &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
            Hash::Sha256 => nist_prefix!(1, 32),
            Hash::Sha384 => nist_prefix!(2, 48),
            Hash::Sha512 => nist_prefix!(3, 64),
            Hash::Sha224 => nist_prefix!(4, 28),
            Hash::Sha512_224 => nist_prefix!(5, 28),
            Hash::Sha512_256 => nist_prefix!(6, 32),
            Hash::Sha3_224 => nist_prefix!(7, 28),
            Hash::Sha3_256 => nist_prefix!(8, 32),
            Hash::Sha3_384 => nist_prefix!(9, 48),
            Hash::Sha3_512 => nist_prefix!(10, 64),
        }
    }
}

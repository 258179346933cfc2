//! TABLE: elliptic curves: of Weierstraß, Edwards and Montgomery form.

/// A curve of FIPS 186-5 or SEC 2 for ECDSA and ECDH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P256,
    P384,
    P521,
    /// secp256k1 (SEC 2 section 2.4.1).
    P256K,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Curve; 4] = [Curve::P256, Curve::P384, Curve::P521, Curve::P256K];

    /// The JWK name (RFC 7518 section 6.2.1.1; for secp256k1 Key Vault's own).
    pub const fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
            Curve::P256K => "P-256K",
        }
    }

    /// The curve of a JWK name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a field element, and of r and of s in a signature.
    pub const fn width_bytes(self) -> usize {
        match self {
            Curve::P256 | Curve::P256K => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The order's length in bits: CK_MECHANISM_INFO counts keys so.
    pub const fn bits(self) -> u32 {
        match self {
            Curve::P256 | Curve::P256K => 256,
            Curve::P384 => 384,
            Curve::P521 => 521,
        }
    }

    /// The curve's OBJECT IDENTIFIER, DER with tag and length (CKA_EC_PARAMS).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
            Curve::P256K => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        }
    }
}

/// A curve of EdDSA (RFC 8032).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum EdwardsCurve {
    Ed25519,
    Ed448,
}

impl EdwardsCurve {
    /// Every curve.
    pub const ALL: [EdwardsCurve; 2] = [EdwardsCurve::Ed25519, EdwardsCurve::Ed448];

    /// The name (RFC 8037).
    pub const fn name(self) -> &'static str {
        match self {
            EdwardsCurve::Ed25519 => "Ed25519",
            EdwardsCurve::Ed448 => "Ed448",
        }
    }

    /// The curve of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a private key, and of a public key (RFC 8032 sections 5.1.5 and 5.2.5).
    pub const fn key_bytes(self) -> usize {
        match self {
            EdwardsCurve::Ed25519 => 32,
            EdwardsCurve::Ed448 => 57,
        }
    }

    /// Bytes of a signature.
    pub const fn signature_bytes(self) -> usize {
        2 * self.key_bytes()
    }

    /// The key's length in bits: CK_MECHANISM_INFO counts keys so.
    pub const fn bits(self) -> u32 {
        match self {
            EdwardsCurve::Ed25519 => 255,
            EdwardsCurve::Ed448 => 448,
        }
    }

    /// The OBJECT IDENTIFIER, DER with tag and length (RFC 8410 section 3; CKA_EC_PARAMS).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            EdwardsCurve::Ed25519 => &[0x06, 0x03, 0x2b, 0x65, 0x70],
            EdwardsCurve::Ed448 => &[0x06, 0x03, 0x2b, 0x65, 0x71],
        }
    }
}

/// Whether a point of Ed448 is written as RFC 8032 section 5.2.2 has it: y below 2^448 - 2^224 - 1, and of the last
/// byte one bit at most. `ed448-goldilocks` does not ask, and then one signature would have several forms.
pub fn is_canonical_448(point: &[u8; 57]) -> bool {
    let (y, sign) = point.split_at(56);
    // The prime's bytes are all ff but the one at 28, the smaller end first.
    let prime_at = |at: usize| if at == 28 { 0xfe } else { 0xff };
    let below = y.iter().enumerate().rev().find_map(|(at, byte)| (*byte != prime_at(at)).then(|| *byte < prime_at(at)));
    below == Some(true) && sign.iter().all(|byte| byte & 0x7f == 0)
}

/// A curve of X25519 and X448 (RFC 7748).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MontgomeryCurve {
    X25519,
    X448,
}

impl MontgomeryCurve {
    /// Every curve.
    pub const ALL: [MontgomeryCurve; 2] = [MontgomeryCurve::X25519, MontgomeryCurve::X448];

    /// The name (RFC 8037).
    pub const fn name(self) -> &'static str {
        match self {
            MontgomeryCurve::X25519 => "X25519",
            MontgomeryCurve::X448 => "X448",
        }
    }

    /// The curve of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// Bytes of a private key, of a public key and of what two keys agree on (RFC 7748 section 5).
    pub const fn key_bytes(self) -> usize {
        match self {
            MontgomeryCurve::X25519 => 32,
            MontgomeryCurve::X448 => 56,
        }
    }

    /// The key's length in bits: CK_MECHANISM_INFO counts keys so.
    pub const fn bits(self) -> u32 {
        match self {
            MontgomeryCurve::X25519 => 255,
            MontgomeryCurve::X448 => 448,
        }
    }

    /// The OBJECT IDENTIFIER, DER with tag and length (RFC 8410 section 3; CKA_EC_PARAMS).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            MontgomeryCurve::X25519 => &[0x06, 0x03, 0x2b, 0x65, 0x6e],
            MontgomeryCurve::X448 => &[0x06, 0x03, 0x2b, 0x65, 0x6f],
        }
    }
}

//! TABLE: the parameter sets of ML-DSA (FIPS 204) and ML-KEM (FIPS 203).

/// A parameter set of ML-DSA (FIPS 204 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MlDsaSet {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl MlDsaSet {
    /// Every set.
    pub const ALL: [MlDsaSet; 3] = [MlDsaSet::MlDsa44, MlDsaSet::MlDsa65, MlDsaSet::MlDsa87];

    /// Bytes of the seed that a private key is made of.
    pub const SEED_BYTES: usize = 32;

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            MlDsaSet::MlDsa44 => "ML-DSA-44",
            MlDsaSet::MlDsa65 => "ML-DSA-65",
            MlDsaSet::MlDsa87 => "ML-DSA-87",
        }
    }

    /// The set of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// PKCS#11's number: CKA_PARAMETER_SET (CKP_ML_DSA_*).
    pub const fn parameter_set(self) -> u64 {
        match self {
            MlDsaSet::MlDsa44 => 1,
            MlDsaSet::MlDsa65 => 2,
            MlDsaSet::MlDsa87 => 3,
        }
    }

    /// The set of PKCS#11's number.
    pub fn by_parameter_set(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.parameter_set() == number)
    }

    /// Bytes of a public key (FIPS 204 table 2).
    pub const fn public_key_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 1312,
            MlDsaSet::MlDsa65 => 1952,
            MlDsaSet::MlDsa87 => 2592,
        }
    }

    /// Bytes of an expanded private key (FIPS 204 table 2).
    pub const fn expanded_key_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 2560,
            MlDsaSet::MlDsa65 => 4032,
            MlDsaSet::MlDsa87 => 4896,
        }
    }

    /// Bytes of a signature (FIPS 204 table 2).
    pub const fn signature_bytes(self) -> usize {
        match self {
            MlDsaSet::MlDsa44 => 2420,
            MlDsaSet::MlDsa65 => 3309,
            MlDsaSet::MlDsa87 => 4627,
        }
    }

    /// The OBJECT IDENTIFIER, DER with tag and length (RFC 9881 section 2).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            MlDsaSet::MlDsa44 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11],
            MlDsaSet::MlDsa65 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12],
            MlDsaSet::MlDsa87 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13],
        }
    }
}

/// A parameter set of ML-KEM (FIPS 203 section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MlKemSet {
    MlKem512,
    MlKem768,
    MlKem1024,
}

impl MlKemSet {
    /// Every set.
    pub const ALL: [MlKemSet; 3] = [MlKemSet::MlKem512, MlKemSet::MlKem768, MlKemSet::MlKem1024];

    /// Bytes of the seed d‖z that a private key is made of.
    pub const SEED_BYTES: usize = 64;

    /// Bytes of the secret that both sides share.
    pub const SHARED_SECRET_BYTES: usize = 32;

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            MlKemSet::MlKem512 => "ML-KEM-512",
            MlKemSet::MlKem768 => "ML-KEM-768",
            MlKemSet::MlKem1024 => "ML-KEM-1024",
        }
    }

    /// The set of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// PKCS#11's number: CKA_PARAMETER_SET (CKP_ML_KEM_*).
    pub const fn parameter_set(self) -> u64 {
        match self {
            MlKemSet::MlKem512 => 1,
            MlKemSet::MlKem768 => 2,
            MlKemSet::MlKem1024 => 3,
        }
    }

    /// The set of PKCS#11's number.
    pub fn by_parameter_set(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.parameter_set() == number)
    }

    /// Bytes of a public (encapsulation) key (FIPS 203 table 3).
    pub const fn public_key_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 800,
            MlKemSet::MlKem768 => 1184,
            MlKemSet::MlKem1024 => 1568,
        }
    }

    /// Bytes of an expanded private (decapsulation) key (FIPS 203 table 3).
    pub const fn expanded_key_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 1632,
            MlKemSet::MlKem768 => 2400,
            MlKemSet::MlKem1024 => 3168,
        }
    }

    /// Bytes of a ciphertext (FIPS 203 table 3).
    pub const fn ciphertext_bytes(self) -> usize {
        match self {
            MlKemSet::MlKem512 => 768,
            MlKemSet::MlKem768 => 1088,
            MlKemSet::MlKem1024 => 1568,
        }
    }

    /// The OBJECT IDENTIFIER, DER with tag and length (RFC 9935 section 3).
    pub const fn oid_der(self) -> &'static [u8] {
        match self {
            MlKemSet::MlKem512 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x01],
            MlKemSet::MlKem768 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x02],
            MlKemSet::MlKem1024 => &[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, 0x03],
        }
    }
}

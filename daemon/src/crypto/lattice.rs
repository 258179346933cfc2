//! ML-DSA (FIPS 204) and ML-KEM (FIPS 203) by the crates `ml-dsa` and `ml-kem`: expanding seeds for both backends, and
//! the work itself where aws-lc does not do it.

use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, VerifyingKey};
#[allow(deprecated)]
use ml_kem::ExpandedKeyEncoding as _;
use ml_kem::array::Array;
use ml_kem::array::sizes::U64;
use ml_kem::kem::{Decapsulate as _, Encapsulate as _, KeyExport as _};
use ml_kem::{DecapsulationKey, EncapsulationKey, MlKem512, MlKem768, MlKem1024};
use softkeep_proto::algorithm::{MlDsaSet, MlKemSet};
use zeroize::Zeroizing;

use super::key_parts::Secret;
use super::random::Random;
use crate::error::{Error, ErrorCode, Result};

/// Runs the body with the name bound to the type of the parameter set.
macro_rules! with_ml_dsa {
    ($set:expr, $name:ident => $body:expr) => {
        match $set {
            MlDsaSet::MlDsa44 => {
                type $name = MlDsa44;
                $body
            }
            MlDsaSet::MlDsa65 => {
                type $name = MlDsa65;
                $body
            }
            MlDsaSet::MlDsa87 => {
                type $name = MlDsa87;
                $body
            }
        }
    };
}

/// Runs the body with the name bound to the type of the parameter set.
macro_rules! with_ml_kem {
    ($set:expr, $name:ident => $body:expr) => {
        match $set {
            MlKemSet::MlKem512 => {
                type $name = MlKem512;
                $body
            }
            MlKemSet::MlKem768 => {
                type $name = MlKem768;
                $body
            }
            MlKemSet::MlKem1024 => {
                type $name = MlKem1024;
                $body
            }
        }
    };
}

/// The private key of its expanded form: the crate does not export what a function of `$set` would have to name.
macro_rules! ml_kem_key {
    ($set:ty, $expanded:expr) => {{
        // Deprecated because a seed is shorter; PKCS#11's CKA_VALUE is the long form.
        #[allow(deprecated)]
        let key = $expanded.try_into().ok().and_then(|bytes| DecapsulationKey::<$set>::from_expanded(bytes).ok());
        key.ok_or_else(|| Error::new(ErrorCode::KeyInvalid, "the key's numbers do not fit together"))?
    }};
}

/// Sixty-four bytes as the crates pass them.
type B64 = Array<u8, U64>;

/// The expanded private key of a seed (FIPS 204 algorithm 6).
pub(super) fn expand_ml_dsa(set: MlDsaSet, seed: &[u8]) -> Result<Secret> {
    with_ml_dsa!(set, P => {
        let key = ExpandedSigningKey::<P>::from_seed(&seed.try_into().map_err(Error::internal)?);
        // Deprecated because a seed is shorter; PKCS#11's CKA_VALUE is the long form.
        #[allow(deprecated)]
        let expanded = Zeroizing::new(key.to_expanded());
        Ok(Zeroizing::new(expanded.to_vec()))
    })
}

/// The public key. An expanded key without its seed must prove that its parts are of one key.
pub(super) fn ml_dsa_public_of(set: MlDsaSet, seed: Option<&Secret>, expanded: &[u8]) -> Result<Vec<u8>> {
    with_ml_dsa!(set, P => {
        let key = ml_dsa_key::<P>(set, expanded)?;
        let public = key.verifying_key();
        if seed.is_none() {
            // The signature is made with the hash of the public key that is inside the private one, and checked with
            // the public key that follows from the secret vectors. A wrong t0 may slip through: it is no secret, and
            // makes some signatures wrong. aws-lc computes it anew.
            let proof = key.sign_deterministic(b"softkeep", b"").map_err(Error::internal)?;
            if !public.verify_with_context(b"softkeep", b"", &proof) {
                return Err(Error::new(ErrorCode::KeyInvalid, "the key's numbers do not fit together"));
            }
        }
        Ok(public.encode().to_vec())
    })
}

/// Signs mu (FIPS 204 algorithm 7, from line 7 on).
pub(super) fn ml_dsa_sign(set: MlDsaSet, expanded: &[u8], mu: &[u8], deterministic: bool) -> Result<Vec<u8>> {
    let mu: B64 = mu.try_into().map_err(Error::internal)?;
    with_ml_dsa!(set, P => {
        let key = ml_dsa_key::<P>(set, expanded)?;
        let signature = match deterministic {
            true => key.sign_mu_deterministic(&mu),
            false => key.sign_mu_randomized(&mu, &mut Random).map_err(Error::internal)?,
        };
        Ok(signature.encode().to_vec())
    })
}

/// Verifies a signature over mu (FIPS 204 algorithm 8, from line 8 on).
pub(super) fn ml_dsa_verify(set: MlDsaSet, public: &[u8], mu: &[u8], signature: &[u8]) -> Result<bool> {
    let mu: B64 = mu.try_into().map_err(Error::internal)?;
    with_ml_dsa!(set, P => {
        let key = VerifyingKey::<P>::decode(&public.try_into().map_err(Error::internal)?);
        Ok(ml_dsa::Signature::<P>::try_from(signature).is_ok_and(|signature| key.verify_mu(&mu, &signature)))
    })
}

/// The mu of a message (FIPS 204 algorithm 7 line 6, with the M' of algorithm 2), for who signs what they have written
/// themselves.
pub fn ml_dsa_mu(set: MlDsaSet, public: &[u8], context: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    use ml_dsa::signature::digest::Update as _;
    with_ml_dsa!(set, P => {
        let key = VerifyingKey::<P>::decode(&public.try_into().map_err(Error::internal)?);
        let mu = key.compute_mu(|hash| { hash.update(message); Ok(()) }, context).map_err(Error::internal)?;
        Ok(mu.to_vec())
    })
}

fn ml_dsa_key<P: ml_dsa::MlDsaParams>(set: MlDsaSet, expanded: &[u8]) -> Result<ExpandedSigningKey<P>> {
    if !are_short(set, expanded) {
        return Err(Error::new(ErrorCode::KeyInvalid, "the key's secret vectors are out of range"));
    }
    let bytes = Zeroizing::new(expanded.try_into().map_err(Error::internal)?);
    #[allow(deprecated)]
    let key = ExpandedSigningKey::<P>::from_expanded(&bytes);
    Ok(key)
}

/// Whether the coefficients of s1 and s2 are at most eta (FIPS 204 algorithm 25 says: only of trusted input). The crate
/// takes that for granted and panics.
fn are_short(set: MlDsaSet, expanded: &[u8]) -> bool {
    /// rho, K and tr come first.
    const HEAD_BYTES: usize = 32 + 32 + 64;
    /// Coefficients of a polynomial.
    const DEGREE: usize = 256;
    // eta is 2 or 4, a coefficient is eta minus a number of 3 or 4 bits.
    let (polynomials, bits, most) = match set {
        MlDsaSet::MlDsa44 => (4 + 4, 3, 4),
        MlDsaSet::MlDsa65 => (6 + 5, 4, 8),
        MlDsaSet::MlDsa87 => (8 + 7, 3, 4),
    };
    let Some(vectors) = expanded.get(HEAD_BYTES..HEAD_BYTES + polynomials * DEGREE * bits / 8) else { return false };
    // Eight numbers of so many bits fill as many bytes, the lowest bits first. All are looked at, whatever they are.
    vectors.chunks_exact(bits).fold(true, |short, group| {
        let group = group.iter().rev().fold(0u32, |number, byte| (number << 8) | u32::from(*byte));
        (0..8).fold(short, |short, at| short & ((group >> (at * bits)) & ((1 << bits) - 1) <= most))
    })
}

/// The expanded private key of a seed (FIPS 203 algorithm 16).
pub(super) fn expand_ml_kem(set: MlKemSet, seed: &[u8]) -> Result<Secret> {
    with_ml_kem!(set, P => {
        let key = DecapsulationKey::<P>::from_seed(seed.try_into().map_err(Error::internal)?);
        #[allow(deprecated)]
        let expanded = Zeroizing::new(key.to_expanded_bytes());
        Ok(Zeroizing::new(expanded.to_vec()))
    })
}

/// The public key, which the expanded private key contains (FIPS 203 section 7.3: its hash is checked).
pub(super) fn ml_kem_public_of(set: MlKemSet, expanded: &[u8]) -> Result<Vec<u8>> {
    with_ml_kem!(set, P => Ok(ml_kem_key!(P, expanded).encapsulation_key().to_bytes().to_vec()))
}

/// Whether the bytes are an encapsulation key (FIPS 203 section 7.2).
pub(super) fn is_ml_kem_public(set: MlKemSet, public: &[u8]) -> bool {
    with_ml_kem!(set, P => public.try_into().is_ok_and(|bytes| EncapsulationKey::<P>::new(bytes).is_ok()))
}

/// A ciphertext and the secret inside (FIPS 203 algorithm 20).
pub(super) fn ml_kem_encapsulate(set: MlKemSet, public: &[u8]) -> Result<(Vec<u8>, Secret)> {
    with_ml_kem!(set, P => {
        let bytes = public.try_into().map_err(Error::internal)?;
        let key = EncapsulationKey::<P>::new(bytes).map_err(Error::internal)?;
        let (ciphertext, secret) = key.encapsulate_with_rng(&mut rsa::rand_core::UnwrapErr(Random));
        Ok((ciphertext.to_vec(), Zeroizing::new(Zeroizing::new(secret).to_vec())))
    })
}

/// The secret inside a ciphertext of the right length; of a forged one, a secret that nobody knows (FIPS 203
/// algorithm 21).
pub(super) fn ml_kem_decapsulate(set: MlKemSet, expanded: &[u8], ciphertext: &[u8]) -> Result<Secret> {
    with_ml_kem!(set, P => {
        let key = ml_kem_key!(P, expanded);
        let secret = Zeroizing::new(key.decapsulate(ciphertext.try_into().map_err(Error::internal)?));
        Ok(Zeroizing::new(secret.to_vec()))
    })
}

//! X25519 and X448 (RFC 7748) by `x25519-dalek` and `ed448-goldilocks`. aws-lc, where it runs, does X25519 instead.

use ed448_goldilocks::elliptic_curve::bigint::U448;
use ed448_goldilocks::elliptic_curve::scalar::FromUintUnchecked as _;
use ed448_goldilocks::{EdwardsScalar, MontgomeryPoint};
use softkeep_proto::algorithm::MontgomeryCurve;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::key_parts::Secret;
use crate::error::{Error, ErrorCode, Result};

/// The public key of a private one.
pub(super) fn public_of(curve: MontgomeryCurve, secret: &[u8]) -> Result<Vec<u8>> {
    Ok(match curve {
        MontgomeryCurve::X25519 => PublicKey::from(&x25519(secret)?).to_bytes().to_vec(),
        MontgomeryCurve::X448 => x448(secret, MontgomeryPoint::GENERATOR.as_bytes())?.to_vec(),
    })
}

/// The u coordinate that two keys agree on. All zeros, which a peer can force by a point of low order, is refused
/// (RFC 7748 section 6).
pub(super) fn agree(curve: MontgomeryCurve, secret: &[u8], peer: &[u8]) -> Result<Secret> {
    let shared = match curve {
        MontgomeryCurve::X25519 => {
            let peer: [u8; 32] = peer.try_into().map_err(Error::internal)?;
            let shared = x25519(secret)?.diffie_hellman(&PublicKey::from(peer));
            Zeroizing::new(shared.as_bytes().to_vec())
        }
        MontgomeryCurve::X448 => x448(secret, peer)?,
    };
    refuse_zero(shared)
}

/// See [`agree`].
pub(super) fn refuse_zero(shared: Secret) -> Result<Secret> {
    let zero = shared.ct_eq(&vec![0; shared.len()]);
    if zero.into() {
        return Err(Error::new(ErrorCode::InvalidParameters, "the peer's public key is a point of low order"));
    }
    Ok(shared)
}

fn x25519(secret: &[u8]) -> Result<StaticSecret> {
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(Error::internal)?);
    Ok(StaticSecret::from(*bytes))
}

/// The function X448 (RFC 7748 section 5).
fn x448(secret: &[u8], u: &[u8]) -> Result<Secret> {
    let mut scalar = Zeroizing::new(<[u8; 56]>::try_from(secret).map_err(Error::internal)?);
    scalar[0] &= 0xfc;
    scalar[55] |= 0x80;
    let u: [u8; 56] = u.try_into().map_err(Error::internal)?;
    // Not reduced by the group's order: that would be right for points of that order only, and a peer's may be on the
    // twist.
    let scalar = Zeroizing::new(EdwardsScalar::from_uint_unchecked(U448::from_le_slice(&*scalar)));
    let shared = Zeroizing::new(&MontgomeryPoint(u) * &*scalar);
    Ok(Zeroizing::new(shared.as_bytes().to_vec()))
}

//! ECDSA and ECDH.

use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::pkey::Pkey;
use super::{Result, failed, ok};

/// A point on a curve.
struct Point(NonNull<lc::EC_POINT>);

impl Drop for Point {
    fn drop(&mut self) {
        // SAFETY: the point is ours alone.
        unsafe { lc::EC_POINT_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    /// ECDH with a peer's point (SEC 1 section 2.3.4), which is checked to be on the curve: its x coordinate, `width`
    /// bytes.
    pub fn ecdh(&self, peer: &[u8], width: usize) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.ec()?;
        let mut out = Zeroizing::new(vec![0; width]);
        // SAFETY: `key` belongs to the live key, and its group lives as long; the point is null or ours.
        let (group, point) = unsafe {
            let group = lc::EC_KEY_get0_group(key);
            (group, NonNull::new(lc::EC_POINT_new(group)).map(Point).ok_or_else(|| failed("EC_POINT_new"))?)
        };
        // SAFETY: group, point and key are live; `peer` is only read; `out` has as many bytes as it says; no KDF.
        let written = unsafe {
            let decoded = lc::EC_POINT_oct2point(group, point.0.as_ptr(), peer.as_ptr(), peer.len(), ptr::null_mut());
            ok("EC_POINT_oct2point", decoded)?;
            lc::ECDH_compute_key(out.as_mut_ptr().cast(), out.len(), point.0.as_ptr(), key, None)
        };
        if usize::try_from(written) == Ok(width) { Ok(out) } else { Err(failed("ECDH_compute_key")) }
    }

    /// ECDSA over the leftmost bits of the digest: r‖s, each `width` bytes.
    pub fn ecdsa_sign(&self, digest: &[u8], width: usize) -> Result<Vec<u8>> {
        let key = self.ec()?;
        // SAFETY: the digest is valid and only read, `key` belongs to the live key; null or a signature that is ours.
        let signature = unsafe { lc::ECDSA_do_sign(digest.as_ptr(), digest.len(), key) };
        let signature = NonNull::new(signature).map(EcdsaSig).ok_or_else(|| failed("ECDSA_do_sign"))?;
        let mut out = vec![0; 2 * width];
        let (r_out, s_out) = out.split_at_mut(width);
        let (mut r, mut s) = (ptr::null(), ptr::null());
        // SAFETY: the signature is live and lends its two numbers, never null, for as long; each half of `out` has
        // `width` bytes, and a number that needs more is refused.
        unsafe {
            lc::ECDSA_SIG_get0(signature.0.as_ptr(), &raw mut r, &raw mut s);
            ok("BN_bn2bin_padded", lc::BN_bn2bin_padded(r_out.as_mut_ptr(), r_out.len(), r))?;
            ok("BN_bn2bin_padded", lc::BN_bn2bin_padded(s_out.as_mut_ptr(), s_out.len(), s))?;
        }
        Ok(out)
    }

    /// Verifies ECDSA.
    pub fn ecdsa_verify(&self, digest: &[u8], r: &[u8], s: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (self.ec(), EcdsaSig::new(r, s)) else { return false };
        // SAFETY: the digest is valid and only read; `signature` and `key` are live.
        let verdict = unsafe { lc::ECDSA_do_verify(digest.as_ptr(), digest.len(), signature.0.as_ptr(), key) };
        ok("ECDSA_do_verify", verdict).is_ok()
    }
}

/// An ECDSA signature as two numbers.
struct EcdsaSig(NonNull<lc::ECDSA_SIG>);

impl EcdsaSig {
    fn new(r: &[u8], s: &[u8]) -> Result<Self> {
        // SAFETY: null or a signature that is ours.
        let signature = NonNull::new(unsafe { lc::ECDSA_SIG_new() }).map(Self);
        let signature = signature.ok_or_else(|| failed("ECDSA_SIG_new"))?;
        // SAFETY: BN_bin2bn reads the slices and gives null or a number that is ours; ECDSA_SIG_set0 refuses nulls and
        // takes both numbers only when it succeeds, so otherwise both are still ours; freeing null is allowed.
        unsafe {
            let r = lc::BN_bin2bn(r.as_ptr(), r.len(), ptr::null_mut());
            let s = lc::BN_bin2bn(s.as_ptr(), s.len(), ptr::null_mut());
            if lc::ECDSA_SIG_set0(signature.0.as_ptr(), r, s) != 1 {
                lc::BN_free(r);
                lc::BN_free(s);
                return Err(failed("ECDSA_SIG_set0"));
            }
        }
        Ok(signature)
    }
}

impl Drop for EcdsaSig {
    fn drop(&mut self) {
        // SAFETY: the signature is ours alone and owns its numbers.
        unsafe { lc::ECDSA_SIG_free(self.0.as_ptr()) }
    }
}

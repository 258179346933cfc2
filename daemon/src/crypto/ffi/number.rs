//! Big numbers: owned ones, and Diffie-Hellman's power.

use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::{Result, failed, ok};

/// A number that is wiped when it is freed.
pub struct Number(pub(super) NonNull<lc::BIGNUM>);

impl Number {
    /// Of big-endian bytes.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        // SAFETY: reads the slice; gives null or a number that is ours.
        let number = unsafe { lc::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) };
        NonNull::new(number).map(Self).ok_or_else(|| failed("BN_bin2bn"))
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: the number is ours alone.
        unsafe { lc::BN_clear_free(self.0.as_ptr()) }
    }
}

/// What a multiplication needs besides its numbers.
struct Scratch(NonNull<lc::BN_CTX>);

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: the context is ours alone.
        unsafe { lc::BN_CTX_free(self.0.as_ptr()) }
    }
}

/// base^exponent mod modulus in constant time, as long as the modulus, which is odd. The base is below the modulus.
pub fn power(modulus: &[u8], base: &[u8], exponent: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let (result, base, exponent, number) =
        (Number::new(&[])?, Number::new(base)?, Number::new(exponent)?, Number::new(modulus)?);
    // SAFETY: null or a context that is ours.
    let scratch = NonNull::new(unsafe { lc::BN_CTX_new() }).map(Scratch).ok_or_else(|| failed("BN_CTX_new"))?;
    let mut out = Zeroizing::new(vec![0; modulus.len()]);
    // SAFETY: all numbers and the context are live and ours; a null Montgomery context is made anew inside; `out` has
    // as many bytes as it says, and a number that needs more is refused.
    unsafe {
        let (rr, a, p, m) = (result.0.as_ptr(), base.0.as_ptr(), exponent.0.as_ptr(), number.0.as_ptr());
        let done = lc::BN_mod_exp_mont_consttime(rr, a, p, m, scratch.0.as_ptr(), ptr::null());
        ok("BN_mod_exp_mont_consttime", done)?;
        ok("BN_bn2bin_padded", lc::BN_bn2bin_padded(out.as_mut_ptr(), out.len(), rr))?;
    }
    Ok(out)
}

//! Random bytes. One source for both backends; no seeding, no state of ours.

use rsa::rand_core::{TryCryptoRng, TryRng};

use crate::error::{Error, Result};

/// Fills the buffer from aws-lc's generator (SP 800-90A CTR-DRBG, one for each thread, seeded from the operating
/// system and reseeded from it). On failure the buffer must not be used.
pub fn fill_random(buf: &mut [u8]) -> Result<()> {
    aws_lc_rs::rand::fill(buf).map_err(|_| Error::internal("the random generator failed"))
}

/// [`fill_random`] as the RustCrypto crates want it.
pub(super) struct Random;

impl TryRng for Random {
    type Error = Error;

    fn try_next_u32(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        fill_random(&mut bytes).map(|()| u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64> {
        let mut bytes = [0; 8];
        fill_random(&mut bytes).map(|()| u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, buf: &mut [u8]) -> Result<()> {
        fill_random(buf)
    }
}

impl TryCryptoRng for Random {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ() {
        let (mut first, mut second) = ([0u8; 32], [0u8; 32]);
        fill_random(&mut first).unwrap();
        fill_random(&mut second).unwrap();
        assert_ne!(first, [0u8; 32]);
        assert_ne!(first, second);
        fill_random(&mut []).unwrap();
    }
}

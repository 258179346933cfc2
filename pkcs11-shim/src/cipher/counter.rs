//! Where a stream cipher stands: its counter, how much of the current block of key stream is used, and how much the
//! counter still allows. The same key stream must never come twice.

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::{ChaCha20Params, CtrParams, mechanism::Parameter};

/// A counter and a place in its block.
#[derive(Clone)]
pub struct Counter {
    form: Form,
    /// Of the current block.
    used: usize,
    /// Blocks that the counter allows, the current one among them; None for more than any message has.
    blocks_left: Option<u128>,
}

#[derive(Clone)]
enum Form {
    /// The counter is the block's last bits, big-endian (SP 800-38A appendix B.1). It does not wrap (PKCS#11 3.2 section
    /// 6.11).
    Ctr { block: u128, counter_bits: u32 },
    /// RFC 8439 section 2.3.
    ChaCha20 { counter: u64, nonce: Bytes },
}

impl Counter {
    /// CKM_AES_CTR.
    pub fn ctr(block: [u8; 16], counter_bits: u32) -> Self {
        let block = u128::from_be_bytes(block);
        let counter = block & mask(counter_bits);
        let blocks_left = match 1u128.checked_shl(counter_bits) {
            Some(all) => Some(all - counter),
            // 2 to the power of 128 itself is one too many for the type.
            None => Some(counter.wrapping_neg()).filter(|left| *left != 0),
        };
        Self { form: Form::Ctr { block, counter_bits }, used: 0, blocks_left }
    }

    /// CKM_CHACHA20: a nonce of 12 bytes leaves 32 bits for the counter, one of 8 leaves 64. It does not wrap.
    pub fn chacha20(counter: u64, nonce: Bytes) -> Self {
        let bits = if nonce.len() == 12 { 32 } else { 64 };
        let blocks_left = Some((1u128 << bits).saturating_sub(u128::from(counter)));
        Self { form: Form::ChaCha20 { counter, nonce }, used: 0, blocks_left }
    }

    fn block_bytes(&self) -> usize {
        match self.form {
            Form::Ctr { .. } => 16,
            Form::ChaCha20 { .. } => 64,
        }
    }

    /// Bytes of the current block that are used.
    pub fn used(&self) -> usize {
        self.used
    }

    /// None if the counter does not last for so many bytes.
    pub fn require(&self, len: usize) -> Option<()> {
        let blocks = self.used.checked_add(len)?.div_ceil(self.block_bytes());
        self.blocks_left.is_none_or(|left| blocks as u128 <= left).then_some(())
    }

    /// So many bytes have been used.
    pub fn advance(&mut self, len: usize) {
        let (blocks, used) = ((self.used + len) / self.block_bytes(), (self.used + len) % self.block_bytes());
        self.used = used;
        self.blocks_left = self.blocks_left.map(|left| left.saturating_sub(blocks as u128));
        match &mut self.form {
            Form::Ctr { block, counter_bits } => {
                let mask = mask(*counter_bits);
                *block = *block & !mask | block.wrapping_add(blocks as u128) & mask;
            }
            Form::ChaCha20 { counter, .. } => *counter = counter.wrapping_add(blocks as u64),
        }
    }

    /// As the parameter of the call for what comes next.
    pub fn parameter(&self) -> Parameter {
        match &self.form {
            Form::Ctr { block, counter_bits } => Parameter::Ctr(CtrParams {
                counter_bits: *counter_bits,
                block: Bytes::copy_from_slice(&block.to_be_bytes()),
            }),
            Form::ChaCha20 { counter, nonce } => {
                Parameter::Chacha20(ChaCha20Params { counter: *counter, nonce: nonce.clone() })
            }
        }
    }
}

/// The bits of the block that count.
fn mask(counter_bits: u32) -> u128 {
    u128::MAX.checked_shr(128u32.saturating_sub(counter_bits)).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn block(counter: &Counter) -> u128 {
        let Parameter::Ctr(ctr) = counter.parameter() else { panic!("no CTR") };
        u128::from_be_bytes(ctr.block[..].try_into().unwrap())
    }

    #[test]
    fn ctr_counts_within_its_bits_and_does_not_wrap() {
        let mut counter = Counter::ctr(0xab_fffdu128.to_be_bytes(), 16);
        counter.advance(15);
        assert_eq!((block(&counter), counter.used()), (0xab_fffd, 15));
        counter.advance(18);
        assert_eq!((block(&counter), counter.used()), (0xab_ffff, 1));
        assert_eq!((counter.require(15), counter.require(16)), (Some(()), None));
        counter.advance(15);
        assert_eq!((counter.require(0), counter.require(1)), (Some(()), None));
        assert_eq!(block(&counter), 0xab_0000, "the bits before the counter stay");
        // PKCS#11's own example: two bits that begin at 1 are good for three blocks.
        let small = Counter::ctr(1u128.to_be_bytes(), 2);
        assert_eq!((small.require(48), small.require(49)), (Some(()), None));
        let last = Counter::ctr([0xff; 16], 128);
        assert_eq!((last.require(16), last.require(17)), (Some(()), None));
        assert_eq!(Counter::ctr([0; 16], 128).require(usize::MAX / 2), Some(()));
    }

    #[test]
    fn chacha20_ends_with_its_counter() {
        let mut counter = Counter::chacha20(u64::from(u32::MAX), Bytes::from_static(&[0; 12]));
        assert_eq!(counter.require(64), Some(()));
        assert_eq!(counter.require(65), None);
        counter.advance(64);
        assert_eq!(counter.require(1), None);
        let wide = Counter::chacha20(u64::from(u32::MAX), Bytes::from_static(&[0; 8]));
        assert_eq!(wide.require(65), Some(()));
    }
}

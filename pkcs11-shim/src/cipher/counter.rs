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
    /// The counter is the block's last bits, big-endian (SP 800-38A appendix B.1), and wraps among themselves.
    Ctr { block: u128, counter_bits: u32 },
    /// RFC 8439 section 2.3.
    ChaCha20 { counter: u64, nonce: Bytes },
}

impl Counter {
    /// CKM_AES_CTR.
    pub fn ctr(block: [u8; 16], counter_bits: u32) -> Self {
        let form = Form::Ctr { block: u128::from_be_bytes(block), counter_bits };
        Self { form, used: 0, blocks_left: 1u128.checked_shl(counter_bits) }
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
                let mask = u128::MAX.checked_shr(128 - *counter_bits).unwrap_or(0);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn block(counter: &Counter) -> u128 {
        let Parameter::Ctr(ctr) = counter.parameter() else { panic!("no CTR") };
        u128::from_be_bytes(ctr.block[..].try_into().unwrap())
    }

    #[test]
    fn ctr_wraps_within_its_bits_and_never_repeats() {
        let mut counter = Counter::ctr(0xab_fffeu128.to_be_bytes(), 16);
        counter.advance(15);
        assert_eq!((block(&counter), counter.used()), (0xab_fffe, 15));
        counter.advance(18);
        assert_eq!((block(&counter), counter.used()), (0xab_0000, 1), "the bits before the counter stay");
        assert_eq!(counter.require(((1 << 16) - 2) * 16 - 1), Some(()));
        assert_eq!(counter.require(((1 << 16) - 2) * 16), None, "this block would be the first again");
        let mut all = Counter::ctr([0xff; 16], 128);
        all.advance(16);
        assert_eq!(block(&all), 0);
        assert_eq!(all.require(usize::MAX / 2), Some(()));
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

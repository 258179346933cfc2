//! The nonces of messages under one key (PKCS#11 3.2 section 6.13.3): given by the application, or made here of its
//! fixed bits and a counter or random ones. A nonce made here never comes twice in an operation.

use cryptoki_sys as ck;

use crate::error::{Error, Result};

/// Random bits fewer than these would meet again too soon: with 64, one in four billion keys sees it within 100,000 messages.
const MIN_RANDOM_BITS: usize = 64;

/// What a message's parameter says of its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceRequest {
    /// As the application gave it.
    pub nonce: Vec<u8>,
    /// How many of its first bits stay.
    pub fixed_bits: u64,
    /// CKG_*.
    pub generator: u64,
}

/// The nonces of one message-based operation.
#[derive(Default)]
pub struct Nonces {
    /// What the counter's first message was given, and how.
    first: Option<NonceRequest>,
    /// What the last message got.
    last: Vec<u8>,
    /// Messages that had a nonce by counter.
    counter: u128,
}

impl Nonces {
    /// The nonce of the next message.
    pub fn next(&mut self, request: NonceRequest) -> Result<Vec<u8>> {
        let bits = request.nonce.len() * 8;
        let fixed = usize::try_from(request.fixed_bits).ok().filter(|fixed| *fixed <= bits);
        let free = bits - fixed.ok_or(Error::MechanismParamInvalid)?;
        match request.generator {
            ck::CKG_NO_GENERATE => Ok(request.nonce),
            ck::CKG_GENERATE | ck::CKG_GENERATE_RANDOM => {
                if free < MIN_RANDOM_BITS {
                    return Err(Error::MechanismParamInvalid);
                }
                let mut random = vec![0; request.nonce.len()];
                getrandom::fill(&mut random).map_err(|_| Error::FunctionFailed)?;
                Ok(merge(&request.nonce, &random, free))
            }
            ck::CKG_GENERATE_COUNTER | ck::CKG_GENERATE_COUNTER_XOR => self.count(request, free),
            _ => Err(Error::MechanismParamInvalid),
        }
    }

    /// The counter goes on through the whole operation. What it is put into is what the first message was given: the
    /// application hands in the last nonce again, which already has a counter in it.
    fn count(&mut self, request: NonceRequest, free: usize) -> Result<Vec<u8>> {
        let first = self.first.get_or_insert_with(|| request.clone());
        let same = NonceRequest { nonce: first.nonce.clone(), ..request.clone() } == *first;
        if !same || (request.nonce != first.nonce && request.nonce != self.last) {
            return Err(Error::MechanismParamInvalid);
        }
        if free < 128 && self.counter >> free != 0 {
            return Err(Error::TokenResourceExceeded);
        }
        let mut counted = vec![0; first.nonce.len()];
        for (byte, count) in counted.iter_mut().rev().zip(self.counter.to_le_bytes()) {
            *byte = count;
        }
        if request.generator == ck::CKG_GENERATE_COUNTER_XOR {
            counted.iter_mut().zip(&first.nonce).for_each(|(byte, given)| *byte ^= given);
        }
        self.last = merge(&first.nonce, &counted, free);
        self.counter += 1;
        Ok(self.last.clone())
    }
}

/// The first bits of one, the last `free` bits of the other.
fn merge(fixed: &[u8], made: &[u8], free: usize) -> Vec<u8> {
    let len = fixed.len();
    let byte = |index: usize| {
        // Bits after this byte that are free, and so how many of its own are.
        let mask = match free.saturating_sub((len - 1 - index) * 8) {
            0 => 0,
            bits @ 1..8 => 0xff >> (8 - bits),
            _ => 0xff,
        };
        fixed[index] & !mask | made[index] & mask
    };
    (0..len).map(byte).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request(nonce: &[u8], fixed_bits: u64, generator: u64) -> NonceRequest {
        NonceRequest { nonce: nonce.to_vec(), fixed_bits, generator }
    }

    #[test]
    fn a_counter_fills_what_is_free_and_ends_when_that_is_full() {
        let mut nonces = Nonces::default();
        let mut given = vec![0xaa; 3];
        for count in 0..16u8 {
            given = nonces.next(request(&given, 20, ck::CKG_GENERATE_COUNTER)).unwrap();
            assert_eq!(given, [0xaa, 0xaa, 0xa0 | count]);
        }
        let full = nonces.next(request(&given, 20, ck::CKG_GENERATE_COUNTER));
        assert_eq!(full, Err(Error::TokenResourceExceeded));
    }

    #[test]
    fn a_counter_is_xored_into_what_was_given_first() {
        let mut nonces = Nonces::default();
        let base = [9, 9, 9, 9, 0x55];
        let mut seen = Vec::new();
        for _ in 0..300 {
            let given = seen.last().unwrap_or(&base.to_vec()).clone();
            seen.push(nonces.next(request(&given, 8, ck::CKG_GENERATE_COUNTER_XOR)).unwrap());
        }
        assert_eq!((&seen[0][..], &seen[1][..]), (&base[..], &[9, 9, 9, 9, 0x54][..]));
        assert_eq!(seen[256], [9, 9, 9, 8, 0x55]);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 300);
        let other = nonces.next(request(&[9, 9, 9, 9, 0], 8, ck::CKG_GENERATE_COUNTER_XOR));
        assert_eq!(other, Err(Error::MechanismParamInvalid), "another base could meet a nonce of the first");
        let fewer = nonces.next(request(&base, 16, ck::CKG_GENERATE_COUNTER_XOR));
        assert_eq!(fewer, Err(Error::MechanismParamInvalid));
    }

    #[test]
    fn random_bits_are_the_free_ones() {
        let mut nonces = Nonces::default();
        for generator in [ck::CKG_GENERATE, ck::CKG_GENERATE_RANDOM] {
            let one = nonces.next(request(&[7; 12], 32, generator)).unwrap();
            let two = nonces.next(request(&[7; 12], 32, generator)).unwrap();
            assert_eq!((&one[..4], &two[..4]), (&[7; 4][..], &[7; 4][..]));
            assert_ne!(one[4..], two[4..]);
            let few = nonces.next(request(&[7; 12], 65, generator));
            assert_eq!(few, Err(Error::MechanismParamInvalid));
        }
        assert_eq!(nonces.next(request(&[7; 12], 97, ck::CKG_NO_GENERATE)), Err(Error::MechanismParamInvalid));
        assert_eq!(nonces.next(request(&[7; 12], 0, ck::CKG_NO_GENERATE)), Ok(vec![7; 12]));
        assert_eq!(nonces.next(request(&[7; 12], 0, 77)), Err(Error::MechanismParamInvalid));
    }
}

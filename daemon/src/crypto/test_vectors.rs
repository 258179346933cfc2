//! What the tests of this room share.

use crate::error::{ErrorCode, Result};

/// The bytes of a standard's hexadecimal digits, which may be grouped by spaces and line ends.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a digit") as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The same, where the length is part of the type.
pub fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().expect("the length")
}

/// The code of a refusal.
pub fn code<T>(result: Result<T>) -> ErrorCode {
    result.err().expect("a refusal").code
}

//! The 16-byte identifiers of vaults, versions and objects. Nothing about what they name.

use std::fmt;

use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
};

/// A random identifier, written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 16]);

impl Id {
    /// A new random identifier.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        crypto::fill_random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// From exactly 16 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        bytes.try_into().map(Self).map_err(|_| Error::new(ErrorCode::InvalidArgument, "an identifier has 16 bytes"))
    }

    /// As Azure writes one: 8-4-4-4-12 hex digits (RFC 9562 section 4).
    pub fn guid(&self) -> String {
        let hex = self.to_string();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    /// From 32 hex digits of either case.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::new(ErrorCode::InvalidArgument, "an identifier has 32 hex digits");
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| invalid())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        let id = Id([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(Id::parse(&id.to_string().to_uppercase()).unwrap(), id);
        for wrong in ["", "0", "+00102030405060708090a0b0c0d0eff", "g00102030405060708090a0b0c0d0eff"] {
            assert!(Id::parse(wrong).is_err(), "{wrong}");
        }
    }
}

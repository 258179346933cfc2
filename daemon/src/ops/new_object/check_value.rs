//! CKA_CHECK_VALUE of a secret key (PKCS#11 3.2 section 4.10.2).

use softkeep_proto::algorithm::{Hash, SecretKind};

use crate::{
    crypto::{self, cipher},
    error::{Error, ErrorCode, Result},
};

/// The first three bytes of a block of zeros under a block cipher's key, of the SHA-1 hash of any other secret.
pub fn of(kind: SecretKind, value: &[u8]) -> Result<Vec<u8>> {
    let whole = match kind {
        SecretKind::Aes => cipher::encrypt(&cipher::Cipher::AesEcb, value, &[0; 16])?,
        SecretKind::ChaCha20 | SecretKind::Generic | SecretKind::Hmac(_) => crypto::digest(Hash::Sha1, value),
    };
    Ok(whole.get(..3).unwrap_or_default().to_vec())
}

/// What is kept: nothing where the application wants none (it gives an empty one), or where the vault has none of its sensitive keys; what
/// the application gives must be right.
pub fn kept(kind: SecretKind, value: &[u8], given: Option<Vec<u8>>, withheld: bool) -> Result<Vec<u8>> {
    let right = of(kind, value)?;
    match given {
        Some(given) if given.is_empty() => Ok(given),
        Some(given) if given != right => {
            Err(Error::new(ErrorCode::AttributeInvalid, "CKA_CHECK_VALUE is not the one of this key"))
        }
        _ if withheld => Ok(Vec::new()),
        _ => Ok(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_are_those_of_other_tokens() {
        // FIPS 197's all-zero key and block: 66e94bd4ef8a2c3b884cfa59ca342b2e. SHA-1 of "abc": a9993e….
        assert_eq!(of(SecretKind::Aes, &[0; 16]).unwrap(), [0x66, 0xe9, 0x4b]);
        assert_eq!(of(SecretKind::Generic, b"abc").unwrap(), [0xa9, 0x99, 0x3e]);
        let kept =
            |given: Option<&[u8]>, withheld| kept(SecretKind::Generic, b"abc", given.map(<[u8]>::to_vec), withheld);
        assert_eq!(kept(None, false).unwrap(), [0xa9, 0x99, 0x3e]);
        assert!(kept(Some(&[]), false).unwrap().is_empty());
        assert!(kept(None, true).unwrap().is_empty());
        assert!(kept(Some(&[1, 2, 3]), false).is_err_and(|error| error.code == ErrorCode::AttributeInvalid));
    }
}

//! Attempts to get a sensitive key out, each by a program that is logged in and may use every key of the vault. An attack returns what it
//! got hold of; both profiles must leave it with nothing.

mod copies;
mod data_plane;
mod derivations;
mod others;
mod wrapping;

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::Mechanism;

use super::bench::{Bench, Handle, plain};
use crate::error::{Error, ErrorCode, Result};

/// What an attack came by. `NOTHING` as the expected code means that every call was answered and nothing secret with it.
pub type Loot = Result<Vec<u8>>;

pub const NOTHING: ErrorCode = ErrorCode::Unspecified;

pub fn nothing() -> Error {
    Error::new(NOTHING, "nothing came out")
}

/// Attacks by name, with the code that `standard` stops each with. `strict` may stop it earlier.
macro_rules! attacks {
    ($test:ident: $($name:ident $code:expr, |$bench:ident| $body:block)*) => {
        $(async fn $name($bench: &Bench) -> Loot $body)*

        #[tokio::test]
        async fn $test() {
            let (standard, strict) = (Bench::standard().await, Bench::strict().await);
            let mut wrong = Vec::new();
            $(
                let name = stringify!($name);
                wrong.extend(super::check(name, $name(&standard).await, Some($code)));
                wrong.extend(super::check(name, $name(&strict).await, None));
            )*
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    };
}
pub(super) use attacks;

/// What is wrong with the end of an attack.
pub fn check(name: &str, loot: Loot, expected: Option<ErrorCode>) -> Option<String> {
    let error = match loot {
        Ok(bytes) => return Some(format!("{name}: {} bytes came out", bytes.len())),
        Err(error) => error,
    };
    let right = match expected {
        Some(expected) => error.code == expected,
        None => !matches!(error.code, ErrorCode::Internal | ErrorCode::NotSupported),
    };
    (!right).then(|| format!("{name}: {error}"))
}

/// A key that wraps and does nothing else.
pub async fn wrapper(bench: &Bench) -> Result<Handle> {
    bench.aes(&[(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)]).await
}

/// The key that is after: it may leave, wrapped, and nobody may read it.
pub async fn target(bench: &Bench) -> Result<Handle> {
    let flags = [(ck::CKA_SENSITIVE, true), (ck::CKA_EXTRACTABLE, true), (ck::CKA_ENCRYPT, true)];
    bench.aes(&flags).await
}

/// The same as a secret to derive from.
pub async fn secret_base(bench: &Bench) -> Result<Handle> {
    bench.generic(32, &[(ck::CKA_SENSITIVE, true), (ck::CKA_EXTRACTABLE, true), (ck::CKA_DERIVE, true)]).await
}

/// Its value, if it is told.
pub async fn read(bench: &Bench, key: &Handle) -> Loot {
    let told = bench.read(key, ck::CKA_VALUE).await?;
    told.map(|value| value.to_vec()).filter(|value| !value.is_empty()).ok_or_else(nothing)
}

/// The front of a MAC by a key so short that its holder finds it by trying all.
pub async fn guess(bench: &Bench, key: &Handle) -> Loot {
    Ok(bench.sign(key, plain(ck::CKM_SHA256_HMAC), b"guess").await?.to_vec())
}

pub async fn wrapped(bench: &Bench, wrapping: &Handle, mechanism: Option<Mechanism>) -> Result<Bytes> {
    let target = target(bench).await?;
    bench.wrap(wrapping, mechanism, &target).await
}

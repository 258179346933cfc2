//! X.509 certificates (RFC 5280) and requests for them (RFC 2986): made here, and read. Whether one may be made is not decided
//! here, and no private key is held: it stays with the caller's `sign`.

use std::time::Duration;

use der::{
    DateTime, Decode as _, Encode as _, Sequence, TagMode, TagNumber,
    asn1::{AnyRef, ContextSpecific},
};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use x509_cert::{
    certificate::{Rfc5280, Version},
    ext::Extensions,
    serial_number::SerialNumber,
    time::{Time, Validity},
};

use super::key_info::PublicInfo;
use crate::error::{Error, ErrorCode, Result};

pub mod contents;
pub mod name;
pub mod read;
pub mod request;
mod signing;

pub use contents::Contents;
pub use read::Read;
pub use signing::{Sign, Signer, can_sign};

/// TBSCertificate (RFC 5280 section 4.1.2), because `x509_cert::TbsCertificate` can be read but not made without its
/// builder, which wants the key in its own traits.
#[derive(Sequence)]
struct Tbs<'a> {
    version: ContextSpecific<Version>,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierRef<'a>,
    issuer: AnyRef<'a>,
    validity: Validity<Rfc5280>,
    subject: AnyRef<'a>,
    subject_public_key_info: SubjectPublicKeyInfoRef<'a>,
    extensions: ContextSpecific<Extensions>,
}

/// When a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy)]
pub struct Times {
    /// From then on.
    pub not_before: i64,
    /// Until then.
    pub not_after: i64,
}

/// Makes a certificate, version 3, in DER, for a public key. Without an issuer it is signed by its own key.
pub fn certificate(
    contents: &Contents,
    public: &PublicInfo,
    times: Times,
    serial: [u8; 16],
    issuer: Option<&Read>,
    signer: Signer<'_>,
) -> Result<Vec<u8>> {
    if times.not_before > times.not_after {
        return Err(Error::new(ErrorCode::InvalidArgument, "the certificate ends before it begins"));
    }
    let validity = Validity::new(time(times.not_before)?, time(times.not_after)?);
    let subject = contents.subject.to_der().map_err(Error::internal)?;
    let issuer_name = issuer.map_or(&subject, |issuer| &issuer.subject_der);
    let extensions = contents.extensions(public, issuer.map(Read::key_identifier)).map_err(Error::internal)?;
    let algorithm = signer.algorithm()?;
    let write = || {
        Tbs {
            version: explicit(0, Version::V3),
            serial_number: SerialNumber::new(&positive(serial))?,
            signature: algorithm,
            issuer: AnyRef::from_der(issuer_name)?,
            validity,
            subject: AnyRef::from_der(&subject)?,
            subject_public_key_info: SubjectPublicKeyInfoRef::from_der(&public.spki_der)?,
            extensions: explicit(3, extensions),
        }
        .to_der()
    };
    let tbs = write().map_err(Error::internal)?;
    signer.seal(&tbs)
}

fn explicit<T>(number: u8, value: T) -> ContextSpecific<T> {
    ContextSpecific { tag_number: TagNumber(number.into()), tag_mode: TagMode::Explicit, value }
}

/// A serial number is positive (RFC 5280 section 4.1.2.2): its first bit is cleared and its second set.
fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    serial[0] = (serial[0] & 0x7f) | 0x40;
    serial
}

fn time(unix: i64) -> Result<Time> {
    u64::try_from(unix)
        .ok()
        .and_then(|seconds| DateTime::from_unix_duration(Duration::from_secs(seconds)).ok())
        .map(Time::from)
        .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "a certificate's time is between 1970 and 9999"))
}

#[cfg(test)]
mod tests;

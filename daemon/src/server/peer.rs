//! Who is at the other end of a connection: the kernel's word on a Unix socket, the verified certificate on TLS.

use std::sync::Arc;

use der::Decode;
use tonic::{
    Extensions,
    transport::server::{TcpConnectInfo, TlsConnectInfo, UdsConnectInfo},
};
use x509_cert::Certificate;

use crate::{
    error::{Error, ErrorCode, Result},
    identity::Peer,
};

/// The peer of a request, from what tonic knows of its connection.
pub fn of(extensions: &Extensions) -> Result<Peer> {
    if let Some(info) = extensions.get::<UdsConnectInfo>() {
        let credentials = info.peer_cred.ok_or_else(unknown)?;
        return Ok(Peer::Unix { uid: credentials.uid(), pid: credentials.pid() });
    }
    let info = extensions.get::<TlsConnectInfo<TcpConnectInfo>>().ok_or_else(unknown)?;
    let certificates = info.peer_certs().ok_or_else(unknown)?;
    let der = certificates.first().ok_or_else(unknown)?;
    let certificate = Certificate::from_der(der).map_err(|_| unknown())?;
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der).as_ref());
    Ok(Peer::Certificate { name: common_name(&certificate).ok_or_else(unknown)?, fingerprint })
}

/// The only common name of a certificate's subject; one with two could be taken for either.
fn common_name(certificate: &Certificate) -> Option<Arc<str>> {
    let subject = certificate.tbs_certificate().subject();
    let mut names = subject.iter().filter(|attribute| attribute.oid == const_oid::db::rfc4519::CN);
    let name = names.next()?;
    if names.next().is_some() {
        return None;
    }
    let text = x509_cert::ext::pkix::name::DirectoryString::try_from(&name.value).ok()?;
    Some(text.value().into())
}

fn unknown() -> Error {
    Error::new(ErrorCode::Unauthenticated, "the connection does not say who is calling")
}

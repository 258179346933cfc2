//! Requests for certificates (PKCS#10, RFC 2986).

use der::{Decode as _, Encode as _, asn1::SetOfVec};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::{
    attr::Attribute,
    name::Name,
    request::{CertReqInfo, ExtensionReq, Version},
};

use super::{Contents, Signer};
use crate::error::{Error, Result};

/// Makes a request, DER, for the signer's own key.
pub fn request(contents: &Contents, signer: Signer<'_>) -> Result<Vec<u8>> {
    let write = || {
        let subject = contents.subject.to_der()?;
        let wanted = contents.requested_extensions(signer.public.key_type)?;
        let mut attributes = SetOfVec::new();
        attributes.insert(Attribute::try_from(ExtensionReq(wanted))?)?;
        CertReqInfo {
            version: Version::V1,
            subject: Name::from_der(&subject)?,
            public_key: SubjectPublicKeyInfoOwned::from_der(&signer.public.spki_der)?,
            attributes,
        }
        .to_der()
    };
    let info = write().map_err(Error::internal)?;
    signer.seal(&info)
}

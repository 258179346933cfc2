//! Files with certificates.

use super::*;

const ONE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

#[test]
fn pem_and_der_are_read() {
    assert_eq!(read("--file", ONE.as_bytes()).unwrap(), [[0x30, 0]]);
    let two = format!("subject=a\n{ONE}issuer\r\n{ONE}");
    assert_eq!(read("--file", two.as_bytes()).unwrap().len(), 2);
    assert_eq!(read("--file", &[0x30, 0]).unwrap(), [[0x30, 0]]);
}

#[test]
fn other_files_are_not() {
    let key = ONE.replace("CERTIFICATE", "PRIVATE KEY");
    let cut = ONE.get(..40).unwrap();
    let damaged = ONE.replace("MAA=", "M?A=");
    for text in ["", "text", &key, cut, &damaged] {
        let error = read("--file", text.as_bytes()).unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::CertificateInvalid), "{text}");
    }
}

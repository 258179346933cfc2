//! What a certificate file may turn into: the one entry of the fuzz target `certificate_file`, and of the test that replays its corpus. Only
//! for them.

use der::{Decode as _, Encode as _};

use super::{
    pem, pfx,
    x509::{Read, name, read},
};

/// The password of the corpus's files.
const PASSWORD: &str = "secret";

/// Reads bytes as everything that a user may bring with a certificate. Nothing may panic.
pub fn survive(data: &[u8]) {
    // Refusals are as good as successes here.
    let bundles = [pfx::read(data, PASSWORD), pem::read(data, PASSWORD)];
    let mut certificates: Vec<Vec<u8>> = bundles.into_iter().flatten().flat_map(|bundle| bundle.certificates).collect();
    certificates.extend(pem::certificates(data).into_iter().flatten());
    certificates.push(data.to_vec());
    let mut read: Vec<Read> = certificates.iter().filter_map(|der| Read::parse(der).ok()).collect();
    for certificate in &read {
        let _ = (certificate.public(), certificate.is_authority(), certificate.key_identifier());
        let _ = (certificate.alternative_names(), certificate.key_usages(), certificate.extended_key_usages());
        read_name(&certificate.subject);
    }
    if let Some(first) = read.pop() {
        let _ = read::order(&first, read);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        read_name(text);
    }
}

/// What is read as a name is written, and read again, as the same name.
fn read_name(text: &str) {
    let Ok(parsed) = name::parse(text) else { return };
    let Ok(der) = parsed.to_der() else { return };
    let Ok(read) = x509_cert::name::Name::from_der(&der) else { return };
    let again = name::parse(&name::show(&read)).and_then(|name| name.to_der().map_err(crate::error::Error::internal));
    assert!(
        parsed.is_empty() || again.is_ok_and(|again| again == der),
        "'{text}' is another name when it is read again"
    );
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::crypto::pfx::tests::Files;

    fn corpus() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/certificate_file")
    }

    /// How the corpus was begun: with UPDATE_CORPUS set.
    #[test]
    fn the_corpus_is_survived() {
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            write_corpus();
        }
        let mut replayed = 0;
        for file in fs::read_dir(corpus()).unwrap() {
            survive(&fs::read(file.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 8, "{replayed} files");
    }

    fn write_corpus() {
        fs::create_dir_all(corpus()).unwrap();
        for (kind, files) in [("rsa", Files::rsa()), ("ec", Files::ec())] {
            let pfx =
                ["pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:secret", "-iter", "1"];
            files.openssl(&[&pfx[..], &["-out", "modern"]].concat());
            files.openssl(&[&pfx[..], &["-legacy", "-out", "old"]].concat());
            files.openssl(&["x509", "-in", "cert.pem", "-outform", "DER", "-out", "der"]);
            files.openssl(&[
                "pkcs8",
                "-topk8",
                "-in",
                "key.pem",
                "-out",
                "sealed",
                "-passout",
                "pass:secret",
                "-iter",
                "1",
            ]);
            fs::write(files.0.path().join("pem"), [files.read("sealed"), files.read("cert.pem")].concat()).unwrap();
            for name in ["modern", "old", "der", "pem"] {
                fs::write(corpus().join(format!("{kind}_{name}")), files.read(name)).unwrap();
            }
        }
        let name = r#"CN=a\, b+OU="c ""d""", O=#0c0161;1.2.3=\c3\bc, S=x"#;
        fs::write(corpus().join("name"), name).unwrap();
    }
}

use std::{fs, path::Path, process::Command, slice};

use proptest::prelude::*;

use super::*;
use crate::crypto::{pem, test_vectors::code, x509};

/// The files that the `openssl` command line makes of one key.
pub(crate) struct Files(pub(crate) tempfile::TempDir);

impl Files {
    /// A self-signed certificate; `new_key` are the arguments of `openssl req`.
    pub(crate) fn new(new_key: &[&str]) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let request =
            ["req", "-x509", "-nodes", "-subj", "/CN=test", "-days", "30", "-keyout", "key.pem", "-out", "cert.pem"];
        files.openssl(&[&request[..], new_key].concat());
        files
    }

    pub(crate) fn rsa() -> Self {
        Self::new(&["-newkey", "rsa:2048"])
    }

    pub(crate) fn ec() -> Self {
        Self::new(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> String {
        let output = Command::new("openssl").args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "openssl {arguments:?}: {text}");
        text
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn pfx(&self, more: &[&str]) -> Vec<u8> {
        let export = ["pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-out", "out.pfx"];
        self.openssl(&[&export[..], more].concat());
        self.read("out.pfx")
    }

    fn certificate(&self) -> Vec<u8> {
        pem::certificates(&self.read("cert.pem")).unwrap().remove(0)
    }
}

/// What `openssl pkcs12 -export` has been asked for over the years.
const FORMS: [&[&str]; 7] = [
    &["-passout", "pass:secret"],
    &["-passout", "pass:secret", "-legacy"],
    &[
        "-passout",
        "pass:secret",
        "-certpbe",
        "PBE-SHA1-RC2-40",
        "-keypbe",
        "PBE-SHA1-3DES",
        "-macalg",
        "sha1",
        "-provider",
        "legacy",
        "-provider",
        "default",
    ],
    &["-passout", "pass:secret", "-certpbe", "NONE", "-keypbe", "NONE"],
    &["-passout", "pass:secret", "-certpbe", "aes-128-cbc", "-keypbe", "des-ede3-cbc", "-macalg", "sha512"],
    &["-passout", "pass:secret", "-name", "my name", "-iter", "100000"],
    &["-passout", "pass:secret", "-nomaciter"],
];

#[test]
fn what_openssl_writes_is_read() {
    for files in [Files::rsa(), Files::ec()] {
        let certificate = files.certificate();
        let own = x509::Read::parse(&certificate).unwrap();
        for form in FORMS {
            let pfx = files.pfx(form);
            let bundle = read(&pfx, "secret").unwrap();
            assert_eq!(bundle.certificates, slice::from_ref(&certificate), "{form:?}");
            assert!(own.is_for(&key_info::public_info_of_private(&bundle.key).unwrap()), "{form:?}");
            assert_eq!(code(read(&pfx, "Secret")), ErrorCode::PasswordIncorrect, "{form:?}");
            assert_eq!(code(read(&pfx, "")), ErrorCode::PasswordIncorrect, "{form:?}");
        }
        let empty = files.pfx(&["-passout", "pass:"]);
        assert!(read(&empty, "").is_ok());
        assert_eq!(code(read(&empty, "x")), ErrorCode::PasswordIncorrect);
    }
}

#[test]
fn what_is_written_here_openssl_reads() {
    for files in [Files::rsa(), Files::ec()] {
        let bundle = pem::read(&[files.read("key.pem"), files.read("cert.pem")].concat(), "").unwrap();
        let issuer = Files::ec();
        let certificates = vec![files.certificate(), issuer.certificate()];
        let pfx = write(Some(&bundle.key), &certificates).unwrap();
        fs::write(files.0.path().join("ours.pfx"), &*pfx).unwrap();
        let shown = files.openssl(&["pkcs12", "-in", "ours.pfx", "-passin", "pass:", "-nodes"]);
        assert_eq!(shown.matches("BEGIN CERTIFICATE").count(), 2, "{shown}");
        assert!(shown.contains("BEGIN PRIVATE KEY"), "{shown}");
        let again = read(&pfx, "").unwrap();
        assert_eq!(again.certificates, certificates);
        assert_eq!(again.key, bundle.key);

        let alone = write(None, &certificates).unwrap();
        fs::write(files.0.path().join("alone.pfx"), &*alone).unwrap();
        let shown = files.openssl(&["pkcs12", "-in", "alone.pfx", "-passin", "pass:", "-nodes"]);
        assert!(shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE KEY"), "{shown}");
        assert_eq!(code(read(&alone, "")), ErrorCode::CertificateInvalid);
    }
}

#[test]
fn other_keys_are_refused_by_name() {
    let refusal = |files: &Files| {
        let refusal = read(&files.pfx(&["-passout", "pass:secret"]), "secret").err().unwrap();
        assert!(refusal.code == ErrorCode::KeyTooWeak || refusal.detail.contains("RSA of 2048"), "{}", refusal.detail);
        refusal.code
    };
    assert_eq!(refusal(&Files::new(&["-newkey", "ed448"])), ErrorCode::UnsupportedAlgorithm);
    assert_eq!(refusal(&Files::new(&["-newkey", "ed25519"])), ErrorCode::UnsupportedAlgorithm);
    assert_eq!(refusal(&Files::new(&["-newkey", "rsa:1024"])), ErrorCode::KeyTooWeak);
    assert_eq!(refusal(&Files::new(&["-newkey", "rsa:2560"])), ErrorCode::UnsupportedAlgorithm);
    let brainpool = Files::new(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"]);
    assert_eq!(refusal(&brainpool), ErrorCode::UnsupportedAlgorithm);
    let dsa = Files(tempfile::tempdir().unwrap());
    dsa.openssl(&["dsaparam", "-out", "dsa.pem", "2048"]);
    dsa.openssl(&["gendsa", "-out", "key.pem", "dsa.pem"]);
    dsa.openssl(&["req", "-x509", "-subj", "/CN=dsa", "-key", "key.pem", "-out", "cert.pem"]);
    assert_eq!(refusal(&dsa), ErrorCode::UnsupportedAlgorithm);
}

#[test]
fn what_is_no_pfx() {
    let files = Files::ec();
    let pfx = files.pfx(&["-passout", "pass:secret"]);
    for damaged in
        [&b""[..], b"no", &[0x30, 0x80], &pfx[..pfx.len() - 1], &pfx[..pfx.len() / 2], &[&pfx[..], &[0]].concat()]
    {
        assert_eq!(code(read(damaged, "secret")), ErrorCode::CertificateInvalid, "{} bytes", damaged.len());
    }
    assert_eq!(code(read(&vec![0; MAX_FILE_BYTES + 1], "")), ErrorCode::MessageTooLarge);
    assert_eq!(code(read(&pfx, "a\0b")), ErrorCode::InvalidArgument);
    files.openssl(&[
        "pkcs12",
        "-export",
        "-nokeys",
        "-in",
        "cert.pem",
        "-out",
        "no-key.pfx",
        "-passout",
        "pass:secret",
    ]);
    assert_eq!(code(read(&files.read("no-key.pfx"), "secret")), ErrorCode::CertificateInvalid);
    files.openssl(&[
        "pkcs12",
        "-export",
        "-nomac",
        "-inkey",
        "key.pem",
        "-in",
        "cert.pem",
        "-out",
        "no-mac.pfx",
        "-passout",
        "pass:secret",
    ]);
    assert_eq!(code(read(&files.read("no-mac.pfx"), "secret")), ErrorCode::UnsupportedAlgorithm);
}

/// A file must not keep a thread busy for hours.
#[test]
fn too_many_iterations() {
    let files = Files::ec();
    let pfx = files.pfx(&["-passout", "pass:secret", "-iter", "1000001"]);
    // 0x0f4241 at the MAC, which is the last thing in the file; asking for eight times as many makes it no longer.
    let at = pfx.windows(4).rposition(|window| window == [3, 0x0f, 0x42, 0x41]).unwrap();
    let mut more = pfx.clone();
    more[at + 1] = 0x7f;
    assert_eq!(iterations::asked_for(&pfx), 3 * 1_000_001);
    let started = std::time::Instant::now();
    assert_eq!(code(read(&more, "secret")), ErrorCode::CertificateInvalid);
    // The same in BER, whose lengths are not told beforehand.
    let endless = [&[0x30, 0x80][..], &more[4..], &[0, 0]].concat();
    assert_eq!(code(read(&endless, "secret")), ErrorCode::CertificateInvalid);
    // And at the key, which is inside.
    let first = pfx.windows(4).position(|window| window == [3, 0x0f, 0x42, 0x41]).unwrap();
    assert!(first < at);
    let mut more = pfx;
    more[first + 1] = 0x7f;
    assert_eq!(code(read(&more, "secret")), ErrorCode::CertificateInvalid);
    assert!(started.elapsed().as_millis() < 500);
    // That is no exaggeration: aws-lc reads it.
    let pfx = files.pfx(&["-passout", "pass:secret"]);
    assert!(read(&[&[0x30, 0x80][..], &pfx[4..], &[0, 0]].concat(), "secret").is_ok());
}

#[test]
fn a_pfx_that_is_changed_a_little_is_survived() {
    let files = Files::ec();
    let pfxs = [files.pfx(FORMS[3]), files.pfx(&["-passout", "pass:secret", "-iter", "1"])];
    // How the corpus was begun: UPDATE_CORPUS names its folder.
    if let Some(corpus) = std::env::var_os("UPDATE_CORPUS") {
        for (index, pfx) in pfxs.iter().enumerate() {
            fs::write(Path::new(&corpus).join(format!("pfx_{index}")), pfx).unwrap();
        }
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(500));
    let change = (0..pfxs.len(), any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>());
    runner
        .run(&change, |(which, place, value, end)| {
            let mut pfx = pfxs[which].clone();
            let place = place.index(pfx.len());
            pfx[place] = value;
            // A refusal is as good as a success; a panic, or a memory error under a sanitiser, is neither.
            let _ = read(&pfx, "secret");
            pfx.truncate(end.index(pfx.len()));
            let _ = read(&pfx, "secret");
            Ok(())
        })
        .unwrap();
}

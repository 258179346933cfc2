//! Key Vault's model through gRPC by clients made from the protos in other languages. What they assert is in
//! `tests/python/key_vault.py` and `tests/node/grpc.js`; what Python made is judged by OpenSSL here.

use std::{fs, path::Path};

use softkeep_tests::{Daemon, stdout_of};

use crate::{
    packages::node_modules,
    python_grpc::{python_with, source, stubs},
};

#[test]
fn python_finds_the_whole_model() {
    let daemon = Daemon::start();
    let python = python_with("requirements.txt");
    let stubs = stubs(&daemon, &python);
    let endpoint = format!("unix:{}", daemon.socket().display());
    let said = stdout_of(daemon.command(&python).arg(source("key_vault.py")).arg(endpoint).arg(stubs));
    assert_eq!(said, "vaults\nkeys\nsecrets\ncertificates\naccess\nstreams\ncleaning\n");

    let mut shown = daemon.tool("openssl", "openssl");
    shown.args(["x509", "-inform", "DER", "-noout", "-subject", "-ext", "subjectAltName", "-in"]);
    let shown = stdout_of(shown.arg(daemon.path("web.der")));
    assert!(shown.contains("CN = python.example") && shown.contains("DNS:www.python.example"), "{shown}");
    let public = |arguments: &[&str]| {
        let mut openssl = daemon.tool("openssl", "openssl");
        stdout_of(openssl.args(arguments).arg("-in").arg(daemon.path("web.pem")))
    };
    let (of_key, of_certificate) = (public(&["pkey", "-pubout"]), public(&["x509", "-noout", "-pubkey"]));
    assert_eq!(of_key, of_certificate, "the secret's key is the certificate's");
}

#[test]
fn node_finds_the_model_too() {
    let daemon = Daemon::start();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    // Node looks for packages beside the program.
    let program = node_modules(&sources).join("grpc.js");
    fs::copy(sources.join("grpc.js"), &program).unwrap();
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto");
    let said = stdout_of(daemon.tool("node", "nodejs").arg(program).arg(daemon.socket()).arg(protos));
    assert_eq!(said, "vaults\nkeys\nsecrets\naccess\npipeline\n");
}

//! Key Vault's operations through gRPC by a client in Python. What it asserts is in `tests/python/data_plane.py`; what
//! it signed is checked here by OpenSSL.

use std::fs;

use softkeep_tests::{Daemon, stdout_of, tools::ecdsa_der};

use crate::python_grpc::{python_with, source, stubs};

#[test]
fn every_algorithm_batches_and_streams() {
    let daemon = Daemon::start();
    let python = python_with("requirements.txt");
    let stubs = stubs(&daemon, &python);
    let endpoint = format!("unix:{}", daemon.socket().display());
    let said = stdout_of(daemon.command(&python).arg(source("data_plane.py")).arg(endpoint).arg(stubs));
    assert_eq!(said, "ciphers\nsignatures\nbatches\nstreams\n");

    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let signature = daemon.path("k1.signature");
    fs::write(&signature, ecdsa_der(&fs::read(&signature).unwrap())).unwrap();
    for (file, right) in [(&file, true), (&other, false)] {
        assert_eq!(daemon.verifies(&["-sha256"], &daemon.path("k1.der"), &signature, file), right, "ES256K");
    }
    let ed25519 = |file: &str| {
        let mut openssl = daemon.openssl(&["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "ed.der"]);
        openssl.args(["-rawin", "-sigfile", "ed.signature", "-in", file]).output().unwrap().status.success()
    };
    assert!(ed25519("message") && !ed25519("other"), "EdDSA");
}

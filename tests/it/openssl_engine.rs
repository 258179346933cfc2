//! OpenSSL 3.0 with its engine `pkcs11` (libp11): files, certificates, and a TLS 1.3 server whose private key is in the
//! daemon. Signatures are checked by OpenSSL without the engine, with the public key as the CLI has it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use softkeep_tests::{
    Daemon, output_of, run, stdout_of,
    tools::{Running, key_uri},
};

const ENGINE: [&str; 4] = ["-engine", "pkcs11", "-keyform", "engine"];
const PSS: [&str; 4] = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];

fn sign(daemon: &Daemon, options: &[&str], key: &str, file: &Path) -> PathBuf {
    let signature = file.with_extension(format!("{key}.signature"));
    let mut command = daemon.openssl_engine(&["dgst"]);
    command.args(options).args(ENGINE).args(["-sign", &key_uri(key), "-out"]).arg(&signature).arg(file);
    output_of(&mut command);
    signature
}

#[test]
fn a_file_is_signed_with_an_rsa_and_an_ec_key() {
    let daemon = Daemon::start();
    let rsa = daemon.make_key("rsa", &["--kty", "RSA", "--size", "2048"]);
    let ec = daemon.make_key("ec", &["--kty", "EC", "--curve", "P-256"]);
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let pss = [&["-sha384"], &PSS[..]].concat();
    for (key, public, options) in
        [("rsa", &rsa, &["-sha256"][..]), ("ec", &ec, &["-sha256"]), ("ec", &ec, &["-sha1"]), ("rsa", &rsa, &pss)]
    {
        let before = daemon.module_uses("sign", key);
        let signature = sign(&daemon, options, key, &file);
        assert!(daemon.verifies(options, public, &signature, &file), "{key} {options:?}");
        assert!(!daemon.verifies(options, public, &signature, &other), "{key} {options:?}: any file would do");
        assert_eq!(daemon.module_uses("sign", key), before + 1, "one line in the audit log per use");
    }
    let line = daemon.module_lines("sign", "ec").pop().unwrap();
    assert_eq!((&line["algorithm"], &line["vault"]), (&"CKM_ECDSA".into(), &"dev".into()));
    assert!(line["caller"].as_str().unwrap().starts_with("pin-user "), "{line}");
}

#[test]
fn a_key_without_its_pin_signs_nothing() {
    let daemon = Daemon::start();
    daemon.make_key("ec", &["--kty", "EC"]);
    let file = daemon.write("message", "what is not signed");
    for uri in
        [key_uri("ec").replace("pin-value=1234", "pin-value=4321"), key_uri("ec").replace("object=ec", "object=e")]
    {
        let mut command = daemon.openssl_engine(&["dgst", "-sha256"]);
        let refused = run(command.args(ENGINE).args(["-sign", &uri, "-out", "signature"]).arg(&file));
        assert!(!refused.status.success(), "{uri}");
    }
    assert_eq!(daemon.module_uses("sign", "ec"), 0);
    let wrong = daemon.audit_lines().into_iter().filter(|line| line["code"] == "PIN_INCORRECT").count();
    assert!(wrong >= 1, "a wrong PIN is on record");
}

fn certificate(daemon: &Daemon, key: &str, options: &[&str]) -> PathBuf {
    let path = daemon.path(&format!("{key}.crt"));
    let mut command =
        daemon.openssl_engine(&["req", "-x509", "-new", "-sha256", "-subj", "/CN=localhost", "-days", "2"]);
    command.args(["-addext", "subjectAltName=DNS:localhost"]).args(options).args(ENGINE);
    output_of(command.args(["-key", &key_uri(key), "-out"]).arg(&path));
    path
}

#[test]
fn a_certificate_is_made_with_an_rsa_and_an_ec_key() {
    let daemon = Daemon::start();
    for (key, kty, options) in [("rsa", "RSA", &[][..]), ("pss", "RSA", &PSS), ("ec", "EC", &[])] {
        let public = daemon.make_key(key, &["--kty", kty]);
        let certificate = certificate(&daemon, key, options);
        let verdict =
            stdout_of(daemon.openssl(&["verify", "-check_ss_sig", "-CAfile"]).arg(&certificate).arg(&certificate));
        assert!(verdict.ends_with(": OK\n"), "{verdict}");
        let of_certificate = stdout_of(daemon.openssl(&["x509", "-noout", "-pubkey", "-in"]).arg(&certificate));
        assert_eq!(of_certificate, fs::read_to_string(public).unwrap());
        let text = stdout_of(daemon.openssl(&["x509", "-noout", "-text", "-in"]).arg(&certificate));
        let algorithm = match key {
            "rsa" => "sha256WithRSAEncryption",
            "pss" => "rsassaPss",
            _ => "ecdsa-with-SHA256",
        };
        assert!(text.contains(&format!("Signature Algorithm: {algorithm}")), "{text}");
        assert_eq!(daemon.module_uses("sign", key), 1);
    }
}

/// Starts `openssl s_server` with a key of the daemon, on a port it chooses itself.
fn serve(daemon: &Daemon, key: &str, certificate: &Path) -> (Running, u16) {
    let mut command = daemon.openssl_engine(&["s_server", "-accept", "127.0.0.1:0", "-www", "-tls1_3"]);
    command.args(ENGINE).args(["-key", &key_uri(key), "-cert"]).arg(certificate);
    let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
    let mut lines = BufReader::new(server.child().stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:").map(|port| port.parse().unwrap()));
    // Reads on to the end, so that the server never waits for a full pipe or dies of a closed one.
    std::thread::spawn(move || lines.count());
    (server, port.expect("s_server did not say where it listens"))
}

fn fetch(daemon: &Daemon, certificate: &Path, port: u16) -> Command {
    let mut command = daemon.tool("curl", "curl");
    command.args(["--silent", "--show-error", "--fail", "--tlsv1.3", "--max-time", "20", "--noproxy", "*"]);
    command.args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--cacert"]).arg(certificate);
    command.arg(format!("https://localhost:{port}/"));
    command
}

#[test]
fn a_tls_1_3_server_with_its_key_in_the_daemon_shows_its_page_to_curl() {
    let daemon = Daemon::start();
    for (key, kty, signature_type) in [("rsa", "RSA", "RSA-PSS"), ("ec", "EC", "ECDSA")] {
        daemon.make_key(key, &["--kty", kty]);
        let certificate = certificate(&daemon, key, &[]);
        let before = daemon.module_uses("sign", key);
        let (mut server, port) = serve(&daemon, key, &certificate);
        for _ in 0..3 {
            let page = stdout_of(&mut fetch(&daemon, &certificate, port));
            assert!(page.contains("TLSv1.3"), "{page}");
        }
        let mut client = daemon.openssl(&["s_client", "-brief", "-tls1_3", "-verify_return_error", "-CAfile"]);
        client.arg(&certificate).args(["-verify_hostname", "localhost", "-connect", &format!("127.0.0.1:{port}")]);
        let (stdout, stderr) = output_of(&mut client);
        let said = stdout + &stderr;
        assert!(said.contains(&format!("Signature type: {signature_type}")), "{said}");
        assert!(said.contains("Verification: OK"), "{said}");
        assert_eq!(daemon.module_uses("sign", key) - before, 4, "the daemon signed each handshake");
        assert!(server.is_alive());
        server.stop();
        let gone = run(&mut fetch(&daemon, &certificate, port));
        assert!(!gone.status.success(), "the page was somebody else's");
    }
    // A certificate that is not this key's is not served: the client would see a bad signature.
    let (_server, port) = serve(&daemon, "ec", &daemon.path("ec.crt"));
    let wrong = run(&mut fetch(&daemon, &daemon.path("rsa.crt"), port));
    assert_eq!(wrong.status.code(), Some(60), "curl trusts only the certificate it was given");
}

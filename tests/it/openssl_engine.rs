//! OpenSSL 3.0 with its engine `pkcs11` (libp11): files, certificates, and TLS servers whose private key is in the
//! daemon. Signatures are checked by OpenSSL without the engine, with the public key as the CLI has it. The certificate
//! authority and CMS are in `openssl_documents.rs`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use softkeep_tests::{
    Daemon, VAULT, output_of, run, stdout_of,
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

/// Starts `openssl s_server` with a key of the daemon, on a port it chooses itself. The options name the TLS version.
fn serve(daemon: &Daemon, options: &[&str], key: &str, certificate: &Path) -> (Running, u16) {
    let mut command = daemon.openssl_engine(&["s_server", "-accept", "127.0.0.1:0", "-www"]);
    command.args(options);
    command.args(ENGINE).args(["-key", &key_uri(key), "-cert"]).arg(certificate);
    listen(&mut command)
}

/// Starts a prepared `openssl s_server` and reads its port.
fn listen(command: &mut Command) -> (Running, u16) {
    let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
    let mut lines = BufReader::new(server.child().stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:").map(|port| port.parse().unwrap()));
    // Reads on to the end, so that the server never waits for a full pipe or dies of a closed one.
    std::thread::spawn(move || lines.count());
    (server, port.expect("s_server did not say where it listens"))
}

fn fetch(daemon: &Daemon, version: &str, certificate: &Path, port: u16) -> Command {
    let mut command = daemon.tool("curl", "curl");
    command.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*"]);
    command.args([&format!("--tlsv{version}"), "--tls-max", version]);
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
        let (mut server, port) = serve(&daemon, &["-tls1_3"], key, &certificate);
        for _ in 0..3 {
            let page = stdout_of(&mut fetch(&daemon, "1.3", &certificate, port));
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
        let gone = run(&mut fetch(&daemon, "1.3", &certificate, port));
        assert!(!gone.status.success(), "the page was somebody else's");
    }
    // A certificate that is not this key's is not served: the client would see a bad signature.
    let (_server, port) = serve(&daemon, &["-tls1_3"], "ec", &daemon.path("ec.crt"));
    let wrong = run(&mut fetch(&daemon, "1.3", &daemon.path("rsa.crt"), port));
    assert_eq!(wrong.status.code(), Some(60), "curl trusts only the certificate it was given");
}

#[test]
fn a_tls_1_2_server_signs_each_handshake_as_the_client_asks() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.make_key("ec", &["--kty", "EC", "--curve", "P-384"]);
    for (key, algorithms) in [
        ("rsa", &[("rsa_pkcs1_sha256", "RSA"), ("rsa_pkcs1_sha512", "RSA"), ("rsa_pss_rsae_sha256", "RSA-PSS")][..]),
        ("ec", &[("ecdsa_secp384r1_sha384", "ECDSA"), ("ecdsa_secp256r1_sha256", "ECDSA")]),
    ] {
        let certificate = certificate(&daemon, key, &[]);
        let before = daemon.module_uses("sign", key);
        let (_server, port) = serve(&daemon, &["-tls1_2"], key, &certificate);
        assert!(stdout_of(&mut fetch(&daemon, "1.2", &certificate, port)).contains("TLSv1.2"));
        for (algorithm, signature_type) in algorithms {
            let mut client = daemon.openssl(&["s_client", "-brief", "-tls1_2", "-sigalgs", algorithm]);
            client.args(["-cipher", "ECDHE", "-verify_return_error", "-CAfile"]).arg(&certificate);
            client.args(["-connect", &format!("127.0.0.1:{port}")]);
            let (stdout, stderr) = output_of(&mut client);
            let said = stdout + &stderr;
            assert!(said.contains(&format!("Signature type: {signature_type}\n")), "{algorithm}: {said}");
            assert!(said.contains("Protocol version: TLSv1.2") && said.contains("Verification: OK"), "{said}");
        }
        assert_eq!(daemon.module_uses("sign", key) - before, 1 + algorithms.len(), "one signature a handshake");
    }
}

#[test]
fn pkeyutl_signs_verifies_and_decrypts() {
    let daemon = Daemon::start();
    let rsa = daemon.make_key("rsa", &["--kty", "RSA"]);
    let ec = daemon.make_key("ec", &["--kty", "EC", "--curve", "P-521"]);
    let digest = daemon.digest("sha256", &daemon.write("message", "what is signed"));
    let other = daemon.digest("sha256", &daemon.write("other", "what is not signed"));
    let pkcs1 = ["-pkeyopt", "digest:sha256"];
    let pss = ["-pkeyopt", "digest:sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:20"];
    for (key, public, options) in [("rsa", &rsa, &pkcs1[..]), ("rsa", &rsa, &pss), ("ec", &ec, &[])] {
        let signature = daemon.path("signature");
        let mut sign = daemon.openssl_engine(&["pkeyutl", "-sign", "-inkey", &key_uri(key)]);
        output_of(sign.args(ENGINE).args(options).arg("-in").arg(&digest).arg("-out").arg(&signature));
        assert!(daemon.verifies_raw(options, public, &signature, &digest), "{key} {options:?}");
        assert!(!daemon.verifies_raw(options, public, &signature, &other), "{key} {options:?}: any digest would do");
        // The public object of the token serves as well, without a login.
        for (input, valid) in [(&digest, true), (&other, false)] {
            let object = format!("pkcs11:token={VAULT};object={key};type=public");
            let mut verify = daemon.openssl_engine(&["pkeyutl", "-verify", "-pubin", "-inkey", &object]);
            verify.args(ENGINE).args(options).arg("-sigfile").arg(&signature).arg("-in").arg(input);
            assert_eq!(run(&mut verify).status.success(), valid, "{key} {options:?}");
        }
    }
    let secret = daemon.write("secret", "what is inside");
    for hash in ["sha1", "sha256", "sha512"] {
        let oaep = ["rsa_padding_mode:oaep", &format!("rsa_oaep_md:{hash}"), &format!("rsa_mgf1_md:{hash}")];
        let oaep = oaep.map(|option| ["-pkeyopt", option]).concat();
        let mut encrypt = daemon.openssl(&["pkeyutl", "-encrypt", "-pubin", "-out", "sealed", "-inkey"]);
        output_of(encrypt.arg(&rsa).args(&oaep).arg("-in").arg(&secret));
        let mut decrypt = daemon.openssl_engine(&["pkeyutl", "-decrypt", "-in", "sealed", "-inkey", &key_uri("rsa")]);
        assert_eq!(stdout_of(decrypt.args(ENGINE).args(&oaep)), "what is inside", "{hash}");
    }
    assert_eq!((daemon.module_uses("sign", "rsa"), daemon.module_uses("decrypt", "rsa")), (2, 3));
}

#[test]
fn curl_and_s_client_show_a_certificate_whose_key_is_in_the_daemon() {
    let daemon = Daemon::start();
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"];
    let mut server = daemon.openssl(&make);
    output_of(server.args(["-addext", "subjectAltName=DNS:localhost", "-keyout", "server.key", "-out", "server.crt"]));
    for (key, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        daemon.make_key(key, &["--kty", kty]);
        let certificate = certificate(&daemon, key, &[]);
        let mut command = daemon.openssl(&["s_server", "-accept", "127.0.0.1:0", "-www", "-key", "server.key"]);
        command.args(["-cert", "server.crt", "-Verify", "1", "-verify_return_error", "-CAfile"]).arg(&certificate);
        let (_server, port) = listen(&mut command);
        let before = daemon.module_uses("sign", key);
        for version in ["1.2", "1.3"] {
            let mut curl = fetch(&daemon, version, &daemon.path("server.crt"), port);
            assert!(!run(&mut curl).status.success(), "curl, TLS {version}: nobody asked who it was");
            curl.args(["--engine", "pkcs11", "--key-type", "ENG", "--key", &key_uri(key), "--cert"]).arg(&certificate);
            assert!(stdout_of(&mut curl).contains(&format!("TLSv{version}")), "{key}");
            let mut client =
                daemon.openssl_engine(&["s_client", "-brief", &format!("-tls{}", version.replace('.', "_"))]);
            client.args(ENGINE).args(["-key", &key_uri(key), "-cert"]).arg(&certificate);
            client.args(["-CAfile", "server.crt", "-verify_return_error", "-connect", &format!("127.0.0.1:{port}")]);
            output_of(&mut client);
        }
        assert_eq!(daemon.module_uses("sign", key) - before, 4, "{key}");
    }
}

#[test]
fn pkeyutl_agrees_on_a_secret_and_opens_pkcs_1_v1_5() {
    let daemon = Daemon::start();
    let make = ["--keypairgen", "--key-type", "EC:secp384r1", "--id", "d1", "--label", "here", "--usage-derive"];
    crate::pkcs11_tool::logged_in(&daemon, &make);
    let here = daemon.download("here");
    let make = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "there.key"];
    output_of(&mut daemon.openssl(&make));
    output_of(&mut daemon.openssl(&["pkey", "-in", "there.key", "-pubout", "-out", "there.pem"]));
    let mut derive = daemon.openssl_engine(&["pkeyutl", "-derive", "-inkey", &key_uri("here"), "-out", "secret"]);
    output_of(derive.args(ENGINE).args(["-peerkey", "there.pem"]));
    let mut derive = daemon.openssl(&["pkeyutl", "-derive", "-inkey", "there.key", "-out", "expected", "-peerkey"]);
    output_of(derive.arg(here));
    assert_eq!(fs::read(daemon.path("secret")).unwrap(), fs::read(daemon.path("expected")).unwrap());

    let rsa = daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.write("message", "what is inside");
    let mut encrypt = daemon.openssl(&["pkeyutl", "-encrypt", "-pubin", "-in", "message", "-out", "sealed", "-inkey"]);
    output_of(encrypt.arg(rsa));
    let mut decrypt = daemon.openssl_engine(&["pkeyutl", "-decrypt", "-in", "sealed", "-inkey", &key_uri("rsa")]);
    assert_eq!(stdout_of(decrypt.args(ENGINE)), "what is inside");
}

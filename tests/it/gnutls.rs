//! GnuTLS (with p11-kit below it): `p11tool` lists, generates and tries keys and keeps certificates, `certtool` is an
//! authority whose certificates OpenSSL verifies, `gnutls-serv` and `gnutls-cli` shake hands with keys of the daemon.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use softkeep_tests::{
    Daemon, PIN, VAULT, module, output_of, run, stdout_of,
    tools::{Running, free_port},
    wait_until,
};

const PACKAGE: &str = "gnutls-bin";

fn p11tool(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = daemon.tool("p11tool", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap()]).args(args);
    command
}

fn uri(object: &str, kind: &str) -> String {
    format!("pkcs11:token={VAULT};object={object};type={kind}")
}

#[test]
fn p11tool_lists_makes_and_tries_keys() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    let token = format!("pkcs11:token={VAULT}");
    let said = stdout_of(&mut p11tool(
        &daemon,
        &["--login", "--generate-privkey", "ecdsa", "--curve", "secp384r1", "--label", "ec", &token],
    ));
    let public = said.find("-----BEGIN PUBLIC KEY-----").expect("the public key is printed");
    assert_eq!(fs::read_to_string(daemon.download("ec")).unwrap().trim(), said[public..].trim());
    let public_only = stdout_of(&mut p11tool(&daemon, &["--list-all", &token]));
    assert!(public_only.contains("type=public") && !public_only.contains("type=private"), "{public_only}");
    let listed = stdout_of(&mut p11tool(&daemon, &["--login", "--list-all", &token]));
    for kind in ["Private key (RSA-2048)", "Private key (EC/ECDSA-SECP384R1)", "CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE"] {
        assert!(listed.contains(kind), "{kind} in {listed}");
    }
    for name in ["rsa", "ec"] {
        let (stdout, stderr) = output_of(&mut p11tool(&daemon, &["--login", "--test-sign", &uri(name, "private")]));
        assert!((stdout + &stderr).contains("Verifying against public key in the token... ok"), "{name}");
        assert!(daemon.module_uses("sign", name) >= 1);
    }
    let gone = run(&mut p11tool(&daemon, &["--login", "--test-sign", &uri("nobody", "private")]));
    assert!(!gone.status.success());
}

#[test]
fn certtool_signs_a_certificate_that_openssl_verifies() {
    let daemon = Daemon::start();
    for (name, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        let public_key = daemon.make_key(name, &["--kty", kty]);
        daemon.write("template", "cn = gnutls\nexpiration_days = 2\nsigning_key\n");
        let certificate = daemon.path(&format!("{name}.crt"));
        let mut command = daemon.tool("certtool", PACKAGE);
        command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--generate-self-signed"]);
        command.args(["--load-privkey", &uri(name, "private"), "--template", "template", "--outfile"]);
        output_of(command.arg(&certificate));
        output_of(daemon.openssl(&["verify", "-check_ss_sig", "-CAfile"]).arg(&certificate).arg(&certificate));
        let of_certificate = stdout_of(daemon.openssl(&["x509", "-noout", "-pubkey", "-in"]).arg(&certificate));
        assert_eq!(of_certificate, fs::read_to_string(public_key).unwrap());
        assert_eq!(daemon.module_uses("sign", name), 1);
    }
}

/// `certtool` with a key of the daemon, named by the option.
fn certtool(daemon: &Daemon, key_option: &str, key: &str, args: &[&str]) -> Command {
    let mut command = daemon.tool("certtool", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap()]);
    command.args([key_option, &uri(key, "private")]).args(args);
    command
}

/// A certificate that a key of the daemon signs for itself, `KEY.crt`.
pub fn self_signed(daemon: &Daemon, key: &str) {
    daemon.write(
        "self.template",
        "cn = localhost\ndns_name = localhost\ntls_www_server\ntls_www_client\nsigning_key\nexpiration_days = 2\n",
    );
    let file = format!("{key}.crt");
    let args = ["--generate-self-signed", "--template", "self.template", "--outfile", &file];
    output_of(&mut certtool(daemon, "--load-privkey", key, &args));
}

#[test]
fn certtool_is_an_authority_with_its_key_in_the_token() {
    let daemon = Daemon::start();
    let leaf = daemon.make_key("leaf", &["--kty", "RSA"]);
    daemon.write("ca.template", "cn = ca\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 2\n");
    daemon.write("leaf.template", "cn = leaf\ntls_www_server\nsigning_key\nexpiration_days = 2\n");
    let request = ["--generate-request", "--template", "leaf.template", "--outfile", "leaf.csr"];
    output_of(&mut certtool(&daemon, "--load-privkey", "leaf", &request));
    output_of(&mut daemon.openssl(&["req", "-verify", "-noout", "-in", "leaf.csr"]));
    for (name, options, padding) in [
        ("rsa", &["--kty", "RSA"][..], &[][..]),
        ("pss", &["--kty", "RSA", "--size", "3072"], &["--sign-params", "rsa-pss", "--hash", "sha384"]),
        ("ec", &["--kty", "EC", "--curve", "P-521"], &[]),
    ] {
        daemon.make_key(name, options);
        let make = ["--generate-self-signed", "--template", "ca.template", "--outfile", "ca.crt"];
        output_of(certtool(&daemon, "--load-privkey", name, &make).args(padding));
        let authority = |args: &[&str]| {
            let mut command = certtool(&daemon, "--load-ca-privkey", name, &["--load-ca-certificate", "ca.crt"]);
            output_of(command.args(args).args(padding));
        };
        let (issue, to) = (["--generate-certificate", "--load-request", "leaf.csr"], ["--outfile", "leaf.crt"]);
        authority(&[&issue[..], &["--template", "leaf.template"], &to].concat());
        output_of(&mut daemon.openssl(&["verify", "-CAfile", "ca.crt", "leaf.crt"]));
        let text = stdout_of(&mut daemon.openssl(&["x509", "-noout", "-text", "-in", "leaf.crt"]));
        let is_pss = text.contains("Signature Algorithm: rsassaPss") && text.contains("Hash Algorithm: sha384");
        assert_eq!(is_pss, name == "pss", "{text}");
        let public_key = stdout_of(&mut daemon.openssl(&["x509", "-noout", "-pubkey", "-in", "leaf.crt"]));
        assert_eq!(public_key, fs::read_to_string(&leaf).unwrap());
        authority(&["--generate-crl", "--template", "ca.template", "--outfile", "revoked.crl"]);
        let (_, said) = output_of(&mut daemon.openssl(&["crl", "-noout", "-CAfile", "ca.crt", "-in", "revoked.crl"]));
        assert!(said.contains("verify OK"), "{name}: {said}");
        assert_eq!(daemon.module_uses("sign", name), 3, "its own certificate, the leaf's, and a list");
    }
}

#[test]
fn p11tool_exports_renames_and_deletes() {
    let daemon = Daemon::start();
    let token = format!("pkcs11:token={VAULT}");
    let logged_in = |args: &[&str]| stdout_of(p11tool(&daemon, &["--login", "--batch"]).args(args));
    let pem = fs::read_to_string(daemon.make_key("first", &["--kty", "RSA"])).unwrap();
    assert_eq!(stdout_of(&mut p11tool(&daemon, &["--export", &uri("first", "public")])).trim(), pem.trim());
    logged_in(&["--export-pubkey", &uri("first", "private"), "--outfile", "exported.pem"]);
    assert_eq!(fs::read_to_string(daemon.path("exported.pem")).unwrap().trim(), pem.trim());
    let random = run(&mut p11tool(&daemon, &["--generate-random", "32", &token]));
    assert_eq!(random.stdout.len(), 32, "{random:?}");

    // A certificate takes the identifier of the key it is for.
    self_signed(&daemon, "first");
    let stored = logged_in(&["--write", "--load-certificate", "first.crt", "--label", "mine", &token]);
    assert_eq!(stored, "");
    let exported = stdout_of(&mut p11tool(&daemon, &["--export", &uri("mine", "cert")]));
    assert_eq!(exported.trim(), fs::read_to_string(daemon.path("first.crt")).unwrap().trim());
    let with_key = logged_in(&["--list-certs", "--only-urls", &token]);
    assert!(with_key.contains("object=mine;type=cert"), "it belongs to a private key: {with_key}");

    let private = uri("first", "private");
    logged_in(&["--set-label", "second", &private]);
    logged_in(&["--set-id", "0c0d", &uri("second", "private")]);
    let listed = logged_in(&["--list-privkeys", "--only-urls", &token]);
    assert!(listed.contains("id=%0C%0D;object=second;type=private"), "{listed}");
    output_of(&mut p11tool(&daemon, &["--login", "--test-sign", &uri("second", "private")]));
    logged_in(&["--delete", &uri("mine", "cert")]);
    logged_in(&["--delete", &uri("second", "private")]);
    let listed = run(&mut p11tool(&daemon, &["--login", "--batch", "--list-all", "--only-urls", &token]));
    assert!(!String::from_utf8_lossy(&listed.stdout).contains("type="), "{listed:?}");
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 0);
}

/// Starts `gnutls-serv` with a key of the daemon; its pages are over TLS only.
pub fn serve(daemon: &Daemon, key: &str, args: &[&str]) -> (Running, u16) {
    let port = free_port();
    let mut command = daemon.tool("gnutls-serv", PACKAGE);
    command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--http", "--quiet"]);
    command.args(["--port", &port.to_string(), "--x509keyfile", &uri(key, "private")]);
    command.args(["--x509certfile", &format!("{key}.crt")]).args(args).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Running::start(&mut command);
    wait_until("gnutls-serv's start", Duration::from_secs(20), || {
        assert!(server.is_alive(), "gnutls-serv ended; was its key found?");
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (server, port)
}

fn fetch(daemon: &Daemon, version: &str, authority: &Path, port: u16) -> bool {
    let mut curl = daemon.tool("curl", "curl");
    curl.args(["--silent", "--fail", "--max-time", "20", "--noproxy", "*", "--cacert"]).arg(authority);
    curl.args([&format!("--tlsv{version}"), "--tls-max", version, "--resolve"]);
    curl.args([&format!("localhost:{port}:127.0.0.1"), &format!("https://localhost:{port}/")]);
    let output = run(&mut curl);
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("GnuTLS")
}

#[test]
fn gnutls_serv_shakes_hands_with_a_key_of_the_daemon() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.make_key("ec", &["--kty", "EC"]);
    for (key, old, new) in
        [("rsa", "(RSA-SHA256)", "(RSA-PSS-RSAE-SHA256)"), ("ec", "(ECDSA-SHA256)", "(ECDSA-SECP256R1-SHA256)")]
    {
        self_signed(&daemon, key);
        let (_server, port) = serve(&daemon, key, &[]);
        let before = daemon.module_uses("sign", key);
        for (version, signature) in [("1.2", old), ("1.3", new)] {
            let mut client = daemon.tool("gnutls-cli", PACKAGE);
            client.args(["--x509cafile", &format!("{key}.crt"), "--port", &port.to_string()]);
            client.args(["--priority", &format!("NORMAL:-VERS-ALL:+VERS-TLS{version}"), "localhost"]);
            let said = stdout_of(&mut client);
            assert!(said.contains("The certificate is trusted."), "{said}");
            assert!(said.contains(&format!("(TLS{version}-X.509)")) && said.contains(signature), "{signature}: {said}");
            assert!(fetch(&daemon, version, &daemon.path(&format!("{key}.crt")), port), "curl, TLS {version}");
        }
        assert_eq!(daemon.module_uses("sign", key) - before, 4, "one signature a handshake");
    }
}

#[test]
fn gnutls_cli_shows_a_client_certificate_whose_key_is_in_the_daemon() {
    let daemon = Daemon::start();
    for key in ["server", "client", "stranger"] {
        daemon.make_key(key, &["--kty", "EC"]);
        self_signed(&daemon, key);
    }
    let (_server, port) =
        serve(&daemon, "server", &["--require-client-cert", "--verify-client-cert", "--x509cafile", "client.crt"]);
    let connect = |key: &str, certificate: &str| {
        let mut command = daemon.tool("gnutls-cli", PACKAGE);
        command.env("GNUTLS_PIN", PIN).args(["--provider", module().to_str().unwrap(), "--port", &port.to_string()]);
        command.args(["--x509cafile", "server.crt", "--x509keyfile", &uri(key, "private")]);
        command.args(["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "--x509certfile", certificate, "localhost"]);
        run(&mut command).status.success()
    };
    assert!(connect("client", "client.crt"));
    assert_eq!(daemon.module_uses("sign", "client"), 2, "its certificate and the handshake");
    assert!(!connect("stranger", "stranger.crt"), "any certificate would do");
    assert!(!connect("stranger", "client.crt"), "any key would do");
}

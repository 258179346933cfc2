//! NSS, as Firefox and its tools use it: `modutil` adds the module, `certutil` makes keys and is an authority,
//! `selfserv` serves TLS, `tstclnt` shows a client certificate, and `cmsutil` signs. OpenSSL is on the other side.
//! The module is added as "friendly": NSS reads certificates without a login, which its tools cannot ask a PIN for.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use softkeep_tests::{
    Daemon, PIN, VAULT, module, output_of, run, stdout_of,
    tools::{Running, free_port},
    wait_until,
};

const PACKAGE: &str = "libnss3-tools";

/// A program of NSS's with the test's database.
fn nss(daemon: &Daemon, program: &str) -> Command {
    let mut command = daemon.tool(program, PACKAGE);
    command.args(["-d", "sql:nss"]);
    command
}

/// `certutil` on the token, with the PIN.
fn certutil(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = nss(daemon, "certutil");
    command.args(["-h", VAULT, "-f", "pin"]).args(args);
    command
}

/// A database that knows the module.
fn prepare(daemon: &Daemon) {
    fs::create_dir(daemon.path("nss")).unwrap();
    daemon.write("pin", format!("{PIN}\n"));
    // `certutil` asks for typing unless it has a file to stir into NSS's own random numbers.
    daemon.write("noise", [7; 64]);
    output_of(nss(daemon, "certutil").args(["-N", "--empty-password"]));
    let mut add = daemon.tool("modutil", PACKAGE);
    add.args(["-dbdir", "sql:nss", "-force", "-add", "Softkeep", "-mechanisms", "FRIENDLY", "-libfile"]);
    output_of(add.arg(module()));
}

/// A self-signed authority with a new key in the token, `dev:ca` and `ca.crt`.
fn make_authority(daemon: &Daemon) {
    let answers = daemon.write("answers", "y\n\nn\n"); // a CA, any path length, not critical
    let mut make =
        certutil(daemon, &["-S", "-n", "ca", "-s", "CN=ca", "-x", "-t", "C,C,C", "-k", "ec", "-q", "nistp256"]);
    make.args(["-Z", "SHA256", "-m", "1", "-v", "2", "-z", "noise", "-2"]);
    output_of(make.stdin(fs::File::open(answers).unwrap()));
    let pem = stdout_of(nss(daemon, "certutil").args(["-L", "-n", &format!("{VAULT}:ca"), "-a"]));
    daemon.write("ca.crt", pem);
}

/// The key that NSS made last: NSS identifies it by a digest of the public key.
fn keys(daemon: &Daemon) -> Vec<(String, String)> {
    let listed = stdout_of(&mut certutil(daemon, &["-K"]));
    let rows = listed.lines().filter_map(|line| line.strip_prefix('<')?.split_once("> "));
    let words = rows.map(|(_, row)| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.map(|row| (row[0].clone(), row[1].clone())).collect()
}

/// Makes a key in the token, has the authority certify it, and stores the certificate beside it as `NAME`.
fn make_certificate(daemon: &Daemon, name: &str, serial: &str, key: &[&str]) {
    let request = format!("{name}.csr");
    let certificate = format!("{name}.crt");
    output_of(
        certutil(daemon, &["-R", "-s", &format!("CN={name}"), "-a", "-o", &request, "-z", "noise", "-k"]).args(key),
    );
    let issue = ["-C", "-c", &format!("{VAULT}:ca"), "-i", &request, "-a", "-o", &certificate, "-Z", "SHA256"];
    output_of(certutil(daemon, &issue).args(["-m", serial, "-v", "1", "-8", "localhost"]));
    output_of(&mut daemon.openssl(&["verify", "-CAfile", "ca.crt", &certificate]));
    output_of(&mut certutil(daemon, &["-A", "-n", name, "-t", ",,", "-a", "-i", &certificate]));
    let valid = stdout_of(&mut certutil(daemon, &["-V", "-u", "V", "-n", &format!("{VAULT}:{name}")]));
    assert!(valid.contains("certificate is valid"), "{valid}");
}

#[test]
fn the_module_is_added_and_its_keys_are_listed() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.make_key("ec", &["--kty", "EC"]);
    prepare(&daemon);
    let shown = stdout_of(daemon.tool("modutil", PACKAGE).args(["-dbdir", "sql:nss", "-list", "Softkeep"]));
    for line in
        [&format!("Token Name: {VAULT}"), "Login Type: Login required", "Status: Enabled", "PKCS #11 Version 3."]
    {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let kinds: Vec<String> = keys(&daemon).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["rsa", "ec"]);
    let certificates = stdout_of(&mut certutil(&daemon, &["-L"]));
    assert!(certificates.contains("dev:rsa") && certificates.contains("dev:ec"), "published ones: {certificates}");
    daemon.write("wrong", "4321\n");
    let refused = run(nss(&daemon, "certutil").args(["-K", "-h", VAULT, "-f", "wrong"]));
    assert!(!refused.status.success() || refused.stdout.is_empty(), "{refused:?}");
    // An existing key by its identifier.
    let (_, id) = &keys(&daemon)[0];
    output_of(&mut certutil(&daemon, &["-R", "-k", id, "-s", "CN=rsa", "-a", "-o", "rsa.csr"]));
    output_of(&mut daemon.openssl(&["req", "-verify", "-noout", "-in", "rsa.csr"]));
    let public_key = stdout_of(&mut daemon.openssl(&["req", "-noout", "-pubkey", "-in", "rsa.csr"]));
    assert_eq!(public_key, fs::read_to_string(daemon.path("rsa.pem")).unwrap());
    output_of(daemon.tool("modutil", PACKAGE).args(["-dbdir", "sql:nss", "-force", "-delete", "Softkeep"]));
}

/// Starts `selfserv` with a certificate and key of the token.
fn serve(daemon: &Daemon, name: &str) -> (Running, u16) {
    let port = free_port();
    let mut command = nss(daemon, "selfserv");
    command.args(["-n", &format!("{VAULT}:{name}"), "-w", PIN, "-p", &port.to_string()]);
    let mut server = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_until("selfserv's start", Duration::from_secs(20), || {
        assert!(server.is_alive(), "selfserv ended");
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    (server, port)
}

#[test]
fn selfserv_shakes_hands_and_cmsutil_signs_with_keys_made_by_nss() {
    let daemon = Daemon::start();
    prepare(&daemon);
    make_authority(&daemon);
    daemon.write("message", "what is signed\n");
    daemon.write("other", "what is not signed\n");
    for (name, serial, key, signature) in
        [("rsa", "11", &["rsa", "-g", "2048"][..], "RSA-PSS"), ("ec", "12", &["ec", "-q", "nistp384"], "ECDSA")]
    {
        make_certificate(&daemon, name, serial, key);
        let (_server, port) = serve(&daemon, name);
        let mut curl = daemon.tool("curl", "curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*", "--cacert", "ca.crt"]);
        curl.args(["--tls-max", "1.2", "--resolve", &format!("localhost:{port}:127.0.0.1")]);
        let page = stdout_of(curl.arg(format!("https://localhost:{port}/")));
        assert!(page.contains("GET / HTTP"), "selfserv shows what it was asked: {page}");
        let mut client =
            daemon.openssl(&["s_client", "-brief", "-tls1_3", "-verify_return_error", "-CAfile", "ca.crt"]);
        let (stdout, stderr) = output_of(client.args(["-connect", &format!("127.0.0.1:{port}")]));
        let said = stdout + &stderr;
        assert!(
            said.contains(&format!("Signature type: {signature}\n")) && said.contains("Verification: OK"),
            "{said}"
        );

        let mut sign = nss(&daemon, "cmsutil");
        sign.args(["-S", "-N", &format!("{VAULT}:{name}"), "-p", PIN, "-T", "-H", "SHA256", "-i", "message"]);
        output_of(sign.args(["-o", "message.cms"]));
        let verify = |content: &str| {
            let mut command = daemon.openssl(&["cms", "-verify", "-inform", "DER", "-in", "message.cms", "-binary"]);
            run(command.args(["-purpose", "any", "-CAfile", "ca.crt", "-content", content])).status.success()
        };
        assert!(verify("message") && !verify("other"), "{name}");
        if name == "rsa" {
            let seal = ["cms", "-encrypt", "-aes256", "-binary", "-outform", "DER", "-in", "message", "-out", "sealed"];
            output_of(daemon.openssl(&seal).arg("rsa.crt"));
            let opened = stdout_of(nss(&daemon, "cmsutil").args(["-D", "-p", PIN, "-i", "sealed"]));
            assert_eq!(opened, "what is signed\n");
        }
    }
}

#[test]
fn tstclnt_shows_a_client_certificate() {
    let daemon = Daemon::start();
    prepare(&daemon);
    make_authority(&daemon);
    make_certificate(&daemon, "me", "11", &["rsa", "-g", "2048"]);
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"];
    output_of(daemon.openssl(&make).args(["-keyout", "server.key", "-out", "server.crt"]));
    output_of(nss(&daemon, "certutil").args(["-A", "-n", "server", "-t", "CP,,", "-a", "-i", "server.crt"]));
    let mut command = daemon.openssl(&["s_server", "-accept", "127.0.0.1:0", "-www", "-key", "server.key"]);
    command.args(["-cert", "server.crt", "-Verify", "2", "-verify_return_error", "-CAfile", "ca.crt"]);
    let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut lines = BufReader::new(server.child().stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:").map(str::to_owned)).unwrap();
    std::thread::spawn(move || lines.count());
    let before = daemon.audit_lines().into_iter().filter(|line| line["operation"] == "sign").count();
    let connect = |args: &[&str]| {
        let mut command = nss(&daemon, "tstclnt");
        command.args(["-4", "-h", "localhost", "-p", &port, "-V", "tls1.2:tls1.3"]).args(args);
        command.stdin(fs::File::open(daemon.write("request", "GET / HTTP/1.0\r\n\r\n")).unwrap());
        String::from_utf8_lossy(&run(&mut command).stdout).into_owned()
    };
    let page = connect(&["-n", &format!("{VAULT}:me"), "-w", PIN]);
    assert!(page.contains("HTTP/1.0 200 ok") && page.contains("Subject: CN=me\n"), "{page}");
    let after = daemon.audit_lines().into_iter().filter(|line| line["operation"] == "sign").count();
    assert_eq!(after, before + 1, "the token signed the handshake");
    let page = connect(&[]);
    assert!(!page.contains("200 ok"), "nobody asked who it was: {page}");
}

#[test]
fn a_key_with_its_certificate_is_brought_in() {
    let daemon = Daemon::start();
    prepare(&daemon);
    let make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mine", "-days", "2"];
    output_of(daemon.openssl(&make).args(["-keyout", "mine.key", "-out", "mine.crt"]));
    let pack = ["pkcs12", "-export", "-in", "mine.crt", "-inkey", "mine.key", "-passout", "pass:x", "-name", "mine"];
    output_of(daemon.openssl(&pack).args(["-out", "mine.p12"]));
    output_of(nss(&daemon, "pk12util").args(["-i", "mine.p12", "-h", VAULT, "-W", "x", "-k", "pin"]));
    let listed = keys(&daemon);
    assert_eq!(listed.len(), 1, "{listed:?}");
    // The key opens what was encrypted for the certificate.
    daemon.write("message", "what is inside\n");
    let encrypt = ["cms", "-encrypt", "-aes256", "-binary", "-outform", "DER", "-in", "message", "-out", "sealed"];
    output_of(daemon.openssl(&encrypt).arg("mine.crt"));
    let opened = stdout_of(nss(&daemon, "cmsutil").args(["-D", "-p", PIN, "-i", "sealed"]));
    assert_eq!(opened, "what is inside\n");
}

//! Seal slots and the mTLS door: a daemon that is set up as an operator does, without dev mode.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use softkeep_tests::{
    PIN, module, output_of, program, run, stdout_of,
    tools::{free_port, tool},
};
use tempfile::TempDir;

use crate::host::Program;

const PASSPHRASE: &str = "correct horse battery staple";

/// A data folder, and the daemon on it while it runs.
pub struct Server {
    dir: TempDir,
    child: Option<Child>,
}

impl Server {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("softkeep-test.").tempdir().unwrap();
        fs::write(dir.path().join("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
        fs::write(dir.path().join("wrong"), "correct horse battery stable").unwrap();
        fs::write(dir.path().join("message"), "message").unwrap();
        Self { dir, child: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn init(&self, arguments: &[&str]) -> Output {
        let mut daemon = Command::new(program("softkeepd"));
        run(daemon
            .current_dir(self.dir.path())
            .args(["init", "--data-dir", "data", "--admin-uid", "0"])
            .args(arguments))
    }

    pub fn start(&mut self, arguments: &[&str]) {
        self.stop();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("softkeepd.log")).unwrap();
        let mut daemon = Command::new(program("softkeepd"));
        daemon.current_dir(self.dir.path()).args(["--ready-stdout", "--data-dir", "data"]).args(arguments);
        let mut child = daemon.arg("--listen").arg(self.endpoint()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let ready =
            BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).any(|line| line == "ready");
        self.child = Some(child);
        assert!(ready, "{}", fs::read_to_string(self.path("softkeepd.log")).unwrap());
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn endpoint(&self) -> String {
        format!("unix://{}", self.path("sock").display())
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("SOFTKEEP_ENDPOINT", self.endpoint()).env("SOFTKEEP_VAULT", "dev");
        command.env("SOFTKEEP_TOKEN_LABEL", "dev").env("SOFTKEEP_PKCS11_MODULE", module()).stdin(Stdio::null());
        command
    }

    pub fn cli(&self, arguments: &[&str]) -> String {
        stdout_of(self.command(program("softkeep")).args(arguments))
    }

    /// Runs what must be refused: with this exit code and this `code:`.
    fn refused(&self, arguments: &[&str], exit: i32, code: &str) {
        let output = run(self.command(program("softkeep")).args(arguments));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {stderr}");
        assert!(stderr.contains(&format!("code: {code}")), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: ") && stderr.contains("fix: "), "{arguments:?}: {stderr}");
    }

    fn status(&self) -> (Option<i32>, Value) {
        let output = run(self.command(program("softkeep")).arg("status"));
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

const SIGN: [&str; 8] = ["key", "sign", "--name", "ec", "--algorithm", "ES256", "--in", "message"];

#[test]
fn a_passphrase_slot_starts_sealed_and_is_opened_and_sealed_by_an_administrator() {
    let mut server = Server::new();
    let made = server.init(&["--slot", "passphrase", "--passphrase-file", "passphrase"]);
    assert!(made.status.success(), "{made:?}");
    server.start(&[]);
    let (exit, status) = server.status();
    assert_eq!((exit, &status["sealed"]), (Some(5), &Value::Bool(true)), "{status}");
    assert!(status["sealReason"].as_str().unwrap().contains("softkeep unseal"), "{status}");
    assert_eq!(status["slots"], serde_json::json!(["passphrase"]));
    server.refused(&SIGN, 5, "SEALED");
    server.refused(&["keyvault", "create", "--name", "dev"], 5, "SEALED");

    server.refused(&["unseal", "--passphrase-file", "wrong"], 4, "PIN_INCORRECT");
    assert_eq!(server.status().0, Some(5), "still sealed");
    server.cli(&["unseal", "--passphrase-file", "passphrase"]);
    let (exit, status) = server.status();
    assert_eq!((exit, &status["sealed"]), (Some(0), &Value::Bool(false)), "{status}");
    server.cli(&["keyvault", "create", "--name", "dev"]);
    server.cli(&["token", "set-pin", "--pin", PIN]);
    server.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    server.cli(&SIGN);
    let mut host = Program::start(&mut server.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    for verb in ["initialize", "open", &format!("login {PIN}"), "sign ec"] {
        assert_eq!(host.ask(verb), "CKR_OK", "{verb}");
    }

    server.cli(&["seal"]);
    let (exit, status) = server.status();
    assert_eq!((exit, &status["sealed"]), (Some(5), &Value::Bool(true)), "{status}");
    server.refused(&SIGN, 5, "SEALED");
    assert_eq!(host.ask("sign ec"), "CKR_DEVICE_REMOVED", "the module's program, too");
    server.cli(&["unseal", "--passphrase-file", "passphrase"]);
    assert_eq!(host.ask("sign ec"), "CKR_OK", "and it carries on without a second login");

    server.start(&[]);
    assert_eq!(server.status().0, Some(5), "a restart seals");
    server.cli(&["unseal", "--passphrase-file", "passphrase"]);
    server.cli(&SIGN);
    assert_eq!(host.ask("sign ec"), "CKR_OK");
    let log = server.cli(&["audit", "tail"]);
    assert!(log.contains("after 1 wrong passphrases"), "the wrong passphrase is on record: {log}");
}

#[test]
fn a_key_file_slot_opens_by_itself_as_long_as_its_file_is_there() {
    let mut server = Server::new();
    let made = server.init(&["--slot", "keyfile"]);
    assert!(made.status.success(), "{made:?}");
    let key_file = server.path("data/root.key");
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o400);
    server.start(&[]);
    assert_eq!(server.status().0, Some(0));
    server.cli(&["keyvault", "create", "--name", "dev"]);
    server.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    server.stop();
    fs::rename(&key_file, server.path("elsewhere")).unwrap();
    server.start(&[]);
    let (exit, status) = server.status();
    assert_eq!(exit, Some(5));
    assert!(status["sealReason"].as_str().unwrap().contains("root.key"), "it names the file: {status}");
    server.refused(&SIGN, 5, "SEALED");
    server.stop();
    fs::rename(server.path("elsewhere"), &key_file).unwrap();
    server.start(&[]);
    server.cli(&SIGN);
}

#[test]
fn a_folder_is_initialised_once() {
    let mut server = Server::new();
    assert!(server.init(&["--slot", "keyfile"]).status.success());
    for slot in [&["--slot", "keyfile"][..], &["--slot", "passphrase", "--passphrase-file", "passphrase"]] {
        let again = server.init(slot);
        let stderr = String::from_utf8_lossy(&again.stderr);
        assert_eq!(again.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("ALREADY_EXISTS") && stderr.contains("data is already initialised"), "{stderr}");
    }
    server.start(&[]);
    assert_eq!(server.status().0, Some(0), "and the first root key still opens it");
}

/// A certificate authority and what it signed, made with OpenSSL.
fn certify(server: &Server, authority: &str, names: &[&str]) {
    let openssl = |arguments: &str| {
        output_of(Command::new(tool("openssl", "openssl")).current_dir(server.dir.path()).args(arguments.split(' ')));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} -days 2"));
    for name in names {
        let extra = if *name == "server" { "-addext subjectAltName=IP:127.0.0.1 " } else { "" };
        let signed_by = format!("-CA {authority}.pem -CAkey {authority}.key");
        openssl(&format!(
            "req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={} -days 2 {extra}{signed_by} -addext \
             basicConstraints=critical,CA:FALSE",
            name.trim_end_matches('2')
        ));
        fs::write(
            server.path(&format!("{name}.toml")),
            format!("[tls]\nca-file = \"ca.pem\"\ncertificate-file = \"{name}.pem\"\nkey-file = \"{name}.key\"\n"),
        )
        .unwrap();
    }
}

#[test]
fn a_listed_certificate_may_do_what_it_is_listed_for_and_no_more() {
    let mut server = Server::new();
    certify(&server, "ca", &["server", "web", "stranger"]);
    certify(&server, "other-ca", &["web2"]);
    assert!(server.init(&["--slot", "keyfile"]).status.success());
    let config = "[tls]\ncertificate-file = \"server.pem\"\nkey-file = \"server.key\"\nclient-ca-file = \"ca.pem\"\n\
                  [[clients]]\nname = \"web\"\nvaults = [\"dev\"]\npermissions = [\"sign\", \"get\", \"verify\"]\n";
    fs::write(server.path("softkeepd.toml"), config).unwrap();
    let url = format!("https://127.0.0.1:{}", free_port());
    server.start(&["--config", "softkeepd.toml", "--listen", &url]);
    for vault in ["dev", "prod"] {
        server.cli(&["keyvault", "create", "--name", vault]);
        server.cli(&["key", "create", "--vault-name", vault, "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    }
    let with = |certificate: &'static str, arguments: &[&'static str]| -> Vec<String> {
        let config = format!("{certificate}.toml");
        let all = [arguments, &["--endpoint", url.as_str(), "--config", config.as_str()]].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let refused = |arguments: Vec<String>, exit: i32, code: &str| {
        server.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), exit, code);
    };

    let sign = [&SIGN[..], &["--out", "signature", "--signature-format", "der"]].concat();
    stdout_of(server.command(program("softkeep")).args(with("web", &sign)));
    server.cli(&["key", "download", "--name", "ec", "--file", "public.pem"]);
    let mut openssl = Command::new(tool("openssl", "openssl"));
    let verify = "dgst -sha256 -verify public.pem -signature signature message".split(' ');
    assert_eq!(stdout_of(openssl.current_dir(server.dir.path()).args(verify)).trim(), "Verified OK");

    let prod = [&SIGN[..], &["--vault-name", "prod"]].concat();
    refused(with("web", &prod), 3, "VAULT_NOT_FOUND");
    refused(
        with("web", &["key", "create", "--name", "new", "--kty", "EC", "--curve", "P-256"]),
        4,
        "PERMISSION_DENIED",
    );
    refused(with("web", &["key", "delete", "--name", "ec"]), 4, "PERMISSION_DENIED");
    refused(with("web", &["audit", "verify"]), 4, "PERMISSION_DENIED");
    refused(with("web", &["unseal", "--passphrase-file", "passphrase"]), 4, "PERMISSION_DENIED");
    refused(with("stranger", &SIGN), 3, "VAULT_NOT_FOUND");
    // The right name, signed by somebody else.
    refused(with("web2", &SIGN), 5, "UNAVAILABLE");

    // No certificate at all: the handshake itself is refused. s_client waits for the daemon's word and says what it was.
    let port = url.rsplit(':').next().unwrap_or_default();
    let connect = format!("10 openssl s_client -connect 127.0.0.1:{port} -CAfile ca.pem -alpn h2 -ign_eof");
    let anonymous =
        run(Command::new("timeout").current_dir(server.dir.path()).args(connect.split(' ')).stdin(Stdio::null()));
    let stderr = String::from_utf8_lossy(&anonymous.stderr);
    assert!(!anonymous.status.success() && stderr.contains("certificate required"), "{anonymous:?}");
    // And with one the same request gets as far as gRPC, so it was the certificate.
    let with_one = ["-sS", "--http2", "--cacert", "ca.pem", "--cert", "web.pem", "--key", "web.key", &url];
    output_of(Command::new(tool("curl", "curl")).current_dir(server.dir.path()).args(with_one));
    server.cli(&SIGN);
}

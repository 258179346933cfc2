//! p11-kit: the module found by its `.module` file, as every user of `p11-kit-proxy.so` finds it; and the module in
//! another process, by `p11-kit server` and by `p11-kit remote`. OpenSSL verifies what was signed.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use softkeep_tests::{
    Daemon, PIN, VAULT, module, output_of, run, stdout_of,
    tools::{Running, key_uri, tool},
};

/// A module of p11-kit's, in Debian's folders for this machine.
fn module_of_p11_kit(name: &str, package: &str) -> PathBuf {
    let lib = Path::new("/usr/lib").join(format!("{}-linux-gnu", env::consts::ARCH));
    let path = lib.join(name);
    assert!(path.exists(), "{} is not there; run: apt-get install {package}", path.display());
    path
}

/// Signs a file with `pkcs11-tool` through this module and has OpenSSL verify it.
fn signs(daemon: &Daemon, mut command: Command, through: &Path, mechanism: &str, key: &str) {
    let file = daemon.write("message", "what is signed");
    let input = if mechanism == "ECDSA" { daemon.digest("sha256", &file) } else { file.clone() };
    let _ = fs::remove_file(daemon.path("signature"));
    command.arg("--module").arg(through).args(["--token-label", VAULT, "--login", "--pin", PIN, "--sign"]);
    command.args([
        "-m",
        mechanism,
        "--id",
        &daemon.key_id(key),
        "--signature-format",
        "openssl",
        "-o",
        "signature",
        "-i",
    ]);
    output_of(command.arg(&input));
    let public_key = daemon.path(&format!("{key}.pem"));
    assert!(daemon.verifies(&["-sha256"], &public_key, &daemon.path("signature"), &file), "{mechanism}");
}

/// Gives p11-kit a configuration with one module. It reads no configuration of root's: then the programs run as
/// `nobody`.
fn configure(daemon: &Daemon, file: &str) {
    fs::create_dir_all(daemon.path("config/pkcs11/modules")).unwrap();
    daemon.write("config/pkcs11/pkcs11.conf", "user-config: only\n");
    daemon.write("config/pkcs11/modules/softkeep.module", file);
    fs::set_permissions(daemon.dir(), fs::Permissions::from_mode(0o777)).unwrap();
}

/// A program that has the configuration.
fn configured(daemon: &Daemon, program: &str, package: &str) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = daemon.tool("setpriv", "util-linux");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(tool(program, package));
        command
    } else {
        daemon.tool(program, package)
    };
    command.env("XDG_CONFIG_HOME", daemon.path("config")).env("HOME", daemon.dir()).env("GNUTLS_PIN", PIN);
    command
}

/// What a program of p11-kit's finds when the configuration says this.
fn check_configured(file: &str) {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.make_key("ec", &["--kty", "EC"]);
    configure(&daemon, file);
    let modules = stdout_of(configured(&daemon, "p11-kit", "p11-kit").arg("list-modules"));
    assert!(modules.starts_with("softkeep: ") && modules.contains(&format!("token: {VAULT}\n")), "{modules}");
    // GnuTLS loads what p11-kit has, and needs no --provider.
    for key in ["rsa", "ec"] {
        let object = format!("pkcs11:token={VAULT};object={key};type=private");
        let mut command = configured(&daemon, "p11tool", "gnutls-bin");
        let (stdout, stderr) = output_of(command.args(["--login", "--test-sign", &object]));
        assert!((stdout + &stderr).contains("Verifying against public key in the token... ok"), "{key}");
    }
    // Everybody else gets it by the proxy.
    let proxy = module_of_p11_kit("p11-kit-proxy.so", "p11-kit-modules");
    for (mechanism, key) in [("SHA256-RSA-PKCS", "rsa"), ("ECDSA", "ec")] {
        signs(&daemon, configured(&daemon, "pkcs11-tool", "opensc"), &proxy, mechanism, key);
        assert!(daemon.module_uses("sign", key) >= 2, "{key}: p11tool and pkcs11-tool");
    }
}

#[test]
fn the_module_file_and_the_proxy_find_the_module() {
    check_configured(&format!("module: {}\n", module().display()));
}

#[test]
fn the_module_file_may_name_a_command_that_runs_the_module() {
    check_configured(&format!("module: p11-kit-client.so\nremote: |p11-kit remote {}\n", module().display()));
}

#[test]
fn the_server_and_the_client_module_carry_signatures_and_decryption() {
    let daemon = Daemon::start();
    let rsa = daemon.make_key("rsa", &["--kty", "RSA"]);
    let ec = daemon.make_key("ec", &["--kty", "EC", "--curve", "P-384"]);
    let mut command = daemon.tool("p11-kit", "p11-kit");
    command.args(["server", "--foreground", "--provider"]).arg(module()).arg("--name").arg(daemon.path("p11.socket"));
    let mut server = Running::start(command.arg(format!("pkcs11:token={VAULT}")).stdout(Stdio::piped()));
    let mut lines = BufReader::new(server.child().stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("P11_KIT_SERVER_ADDRESS=")), "p11-kit server does not listen");
    let client = module_of_p11_kit("pkcs11/p11-kit-client.so", "p11-kit-modules");
    let address = format!("unix:path={}", daemon.path("p11.socket").display());
    let pkcs11_tool = || {
        let mut command = daemon.tool("pkcs11-tool", "opensc");
        command.env("P11_KIT_SERVER_ADDRESS", &address);
        command
    };
    for (mechanism, key) in [("SHA256-RSA-PKCS", "rsa"), ("ECDSA", "ec")] {
        signs(&daemon, pkcs11_tool(), &client, mechanism, key);
        let line = daemon.module_lines("sign", key).pop().unwrap();
        let child_of_the_server = line["caller"].as_str().unwrap().rsplit_once("pid:").unwrap().1.to_owned();
        let parent = fs::read_to_string(format!("/proc/{child_of_the_server}/status"));
        // It may have ended by now, with its client.
        assert!(parent.map_or(true, |status| status.contains(&format!("PPid:\t{}\n", server.pid()))), "{line}");
    }
    // OpenSSL's engine loads the client module like any other.
    let message = daemon.path("message");
    let mut sign = daemon.openssl_engine(&["dgst", "-sha384", "-engine", "pkcs11", "-keyform", "engine"]);
    sign.env("P11_KIT_SERVER_ADDRESS", &address).env("PKCS11_MODULE_PATH", &client);
    output_of(sign.args(["-sign", &key_uri("ec"), "-out", "by-engine"]).arg(&message));
    assert!(daemon.verifies(&["-sha384"], &ec, &daemon.path("by-engine"), &message));
    let mut encrypt = daemon.openssl(&["pkeyutl", "-encrypt", "-pubin", "-out", "sealed", "-inkey"]);
    encrypt.arg(&rsa).args(["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]);
    output_of(encrypt.arg("-in").arg(&message));
    let mut decrypt = pkcs11_tool();
    decrypt.arg("--module").arg(&client).args(["--login", "--pin", PIN, "--decrypt", "--id", &daemon.key_id("rsa")]);
    decrypt.args(["-m", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA256", "--mgf", "MGF1-SHA256"]);
    output_of(decrypt.args(["-i", "sealed", "-o", "opened"]));
    assert_eq!(fs::read(daemon.path("opened")).unwrap(), b"what is signed");
    server.stop();
    let gone = run(pkcs11_tool().arg("--module").arg(&client).args(["--login", "--pin", PIN, "-O"]));
    assert!(!String::from_utf8_lossy(&gone.stdout).contains("Private Key Object"), "somebody else's keys");
}

//! OpenSSH: public keys without a login, and signatures by way of the agent, which loads the module in a helper of its
//! own. `ssh-keygen -Y verify` checks them with OpenSSH's own code. Logins are in `ssh_login.rs`.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use softkeep_tests::{Daemon, PIN, module, output_of, run, stdout_of, tools::Running};

use crate::pkcs11_tool::logged_in;

const PACKAGE: &str = "openssh-client";

/// Type and key, without the comment.
fn key_of(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// The public key that the CLI downloaded, as OpenSSH writes it.
pub fn converted(daemon: &Daemon, pem: &Path) -> String {
    key_of(&stdout_of(daemon.tool("ssh-keygen", PACKAGE).args(["-i", "-m", "PKCS8", "-f"]).arg(pem)))
}

#[test]
fn ssh_keygen_prints_the_public_keys_without_a_login() {
    let daemon = Daemon::start();
    let mut expected: Vec<String> = [("rsa", "RSA", "2048"), ("p256", "EC", "P-256"), ("p521", "EC", "P-521")]
        .map(|(name, kty, size)| {
            let option = if kty == "RSA" { "--size" } else { "--curve" };
            let key = converted(&daemon, &daemon.make_key(name, &["--kty", kty, option, size]));
            format!("{key} {name}")
        })
        .into();
    let printed = stdout_of(daemon.tool("ssh-keygen", PACKAGE).arg("-D").arg(module()));
    let mut printed: Vec<&str> = printed.lines().collect();
    printed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(printed, expected);
    let logins = daemon.audit_lines().into_iter().filter(|line| line["operation"] == "login").count();
    assert_eq!(logins, 0);
}

/// A program that answers OpenSSH's question for a PIN.
pub fn askpass(daemon: &Daemon, pin: &str) -> PathBuf {
    let script = daemon.write("askpass", format!("#!/bin/sh\necho {pin}\n"));
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// An agent of the test's own; its helper with the module goes with it.
pub struct Agent {
    running: Running,
}

impl Agent {
    /// Starts one that listens on `agent` in the daemon's folder.
    pub fn start(daemon: &Daemon) -> Self {
        // The agent's own list allows /usr/lib and /usr/local/lib only.
        let allowed = format!("{}/*", module().parent().unwrap().display());
        let mut command = daemon.tool("ssh-agent", PACKAGE);
        command.args(["-D", "-a", "agent", "-P", &allowed]).stdout(Stdio::piped());
        let mut running = Running::start(&mut command);
        let stdout = BufReader::new(running.child().stdout.take().unwrap());
        let listens = stdout.lines().map_while(Result::ok).any(|line| line.starts_with("SSH_AUTH_SOCK="));
        assert!(listens, "ssh-agent does not listen");
        Self { running }
    }

    /// `ssh-add`, with a PIN where it asks for one.
    pub fn add(daemon: &Daemon, pin: &str) -> Command {
        let mut command = daemon.tool("ssh-add", PACKAGE);
        command
            .env("SSH_AUTH_SOCK", daemon.path("agent"))
            .env("SSH_ASKPASS", askpass(daemon, pin))
            .env("SSH_ASKPASS_REQUIRE", "force");
        command
    }
}

fn sign(daemon: &Daemon, public_key: &Path, file: &str) -> Output {
    let mut command = daemon.tool("ssh-keygen", PACKAGE);
    command
        .env("SSH_AUTH_SOCK", daemon.path("agent"))
        .args(["-Y", "sign", "-n", "file", "-f"])
        .arg(public_key)
        .arg(file);
    run(&mut command)
}

fn verify(daemon: &Daemon, allowed: &Path, signature: &str, file: &str) -> Output {
    let mut command = daemon.tool("ssh-keygen", PACKAGE);
    command.args(["-Y", "verify", "-n", "file", "-I", "me", "-s", signature, "-f"]).arg(allowed);
    run(command.stdin(fs::File::open(daemon.path(file)).unwrap()))
}

#[test]
fn the_agent_signs_with_the_modules_keys_and_ssh_keygen_verifies() {
    let daemon = Daemon::start();
    let keys = [("rsa", "RSA"), ("ec", "EC")]
        .map(|(name, kty)| (name, converted(&daemon, &daemon.make_key(name, &["--kty", kty]))));
    let mut agent = Agent::start(&daemon);
    let refused = run(Agent::add(&daemon, "4321").arg("-s").arg(module()));
    assert!(!refused.status.success(), "a wrong PIN added keys");
    output_of(Agent::add(&daemon, PIN).arg("-s").arg(module()));
    let listed = stdout_of(Agent::add(&daemon, PIN).arg("-L"));
    assert_eq!(listed.lines().map(key_of).collect::<Vec<_>>(), keys.each_ref().map(|(_, key)| key.clone()));

    daemon.write("message", "what is signed");
    daemon.write("other", "what is not signed");
    for (name, key) in &keys {
        let public_key = daemon.write(&format!("{name}.pub"), format!("{key} {name}\n"));
        let allowed = daemon.write("allowed", format!("me {key}\n"));
        output_of(Agent::add(&daemon, PIN).arg("-T").arg(&public_key));
        let signed = sign(&daemon, &public_key, "message");
        assert!(signed.status.success(), "{name}: {}", String::from_utf8_lossy(&signed.stderr));
        let good = verify(&daemon, &allowed, "message.sig", "message");
        assert!(good.status.success(), "{name}: {}", String::from_utf8_lossy(&good.stdout));
        assert!(!verify(&daemon, &allowed, "message.sig", "other").status.success(), "{name}: any file would do");
        assert_eq!(daemon.module_uses("sign", name), 2, "ssh-add -T and ssh-keygen -Y sign");
        fs::remove_file(daemon.path("message.sig")).unwrap();
    }

    output_of(Agent::add(&daemon, PIN).arg("-e").arg(module()));
    let after = sign(&daemon, &daemon.path("ec.pub"), "message");
    assert!(!after.status.success(), "the module was removed from the agent, and its key still signs");
    agent.running.stop();
}

#[test]
fn ssh_keygen_certifies_a_user_with_a_key_of_the_module() {
    let daemon = Daemon::start();
    let authority = converted(&daemon, &daemon.make_key("ca", &["--kty", "EC", "--curve", "P-384"]));
    daemon.write("ca.pub", format!("{authority} ca\n"));
    let make = ["-q", "-t", "ed25519", "-N", "", "-C", "user", "-f", "user"];
    output_of(daemon.tool("ssh-keygen", PACKAGE).args(make));
    let mut certify = daemon.tool("ssh-keygen", PACKAGE);
    certify.env("SSH_ASKPASS", askpass(&daemon, PIN)).env("SSH_ASKPASS_REQUIRE", "force").arg("-D").arg(module());
    output_of(certify.args(["-s", "ca.pub", "-I", "somebody", "-n", "somebody", "user.pub"]));
    let shown = stdout_of(daemon.tool("ssh-keygen", PACKAGE).args(["-L", "-f", "user-cert.pub"]));
    assert!(shown.contains("Signing CA: ECDSA") && shown.contains("using ecdsa-sha2-nistp384"), "{shown}");
    assert_eq!(daemon.module_uses("sign", "ca"), 1);
    // Whoever reads a certificate checks its signature first: -Y verify with the CA as cert-authority says so.
    daemon.write("message", "what is signed");
    let signed =
        run(daemon.tool("ssh-keygen", PACKAGE).args(["-Y", "sign", "-n", "file", "-f", "user-cert.pub", "message"]));
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let allowed = daemon.write("allowed", format!("somebody cert-authority {authority}\n"));
    let mut check = daemon.tool("ssh-keygen", PACKAGE);
    check.args(["-Y", "verify", "-n", "file", "-I", "somebody", "-s", "message.sig", "-f"]).arg(allowed);
    output_of(check.stdin(fs::File::open(daemon.path("message")).unwrap()));
}

#[test]
fn keys_that_openssh_cannot_use_do_not_hide_the_others() {
    let daemon = Daemon::start();
    let make = ["--keypairgen", "--key-type", "EC:edwards25519", "--id", "c1", "--label", "edwards"];
    logged_in(&daemon, &make);
    logged_in(&daemon, &["--keygen", "--key-type", "AES:32", "--id", "11", "--label", "aes"]);
    let key = converted(&daemon, &daemon.make_key("usable", &["--kty", "EC"]));
    let printed = stdout_of(daemon.tool("ssh-keygen", PACKAGE).arg("-D").arg(module()));
    let usable = printed.lines().filter(|line| !line.starts_with("ssh-ed25519 ")).collect::<Vec<_>>();
    assert_eq!(usable, [format!("{key} usable")]);
}

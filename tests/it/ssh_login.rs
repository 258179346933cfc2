//! OpenSSH logins to a local `sshd` of the test's own: with keys of the module (by `PKCS11Provider` and by the
//! agent), with certificates of an authority in the token, and with the host's key in the token. Nobody else's
//! configuration is read. Started as root, sshd wants its folder /run/sshd, which is made; another user's sshd lets
//! that user in. The account needs a shell and must not be locked (`passwd -S`): sshd says so in what a failed test
//! shows.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use softkeep_tests::{
    Daemon, PIN, module, output_of, run, stdout_of,
    tools::{Running, free_port},
};

use crate::ssh::{Agent, askpass, converted};

/// What the far side says, and nobody else.
const GREETING: &str = "let in";

struct Server {
    running: Running,
    port: u16,
}

impl Server {
    /// Starts one; `host_key` is the file of a private key, or of a public one whose private half is in the agent.
    fn start(daemon: &Daemon, host_key: &str, settings: &str) -> Self {
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = free_port();
        let dir = daemon.dir().display();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/{host_key}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
             {settings}\n"
        );
        let path = daemon.write("sshd_config", configuration);
        let mut command = daemon.tool("sshd", "openssh-server");
        command.args(["-D", "-e", "-f"]).arg(path).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut running = Running::start(&mut command);
        let mut lines = BufReader::new(running.child().stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let listens = lines.by_ref().inspect(|line| said.push(line.clone())).any(|line| line.contains("listening on"));
        assert!(listens, "sshd does not listen: {said:#?}");
        // Reads on, so that sshd never waits for a full pipe; a failed test shows what it said.
        std::thread::spawn(move || lines.for_each(|line| eprintln!("sshd: {line}")));
        Self { running, port }
    }

    /// A client that asks nobody, and that trusts `known_hosts` in the daemon's folder.
    fn client(&self, daemon: &Daemon) -> Command {
        let mut command = daemon.tool("ssh", "openssh-client");
        command.env_remove("SSH_AUTH_SOCK").env("SSH_ASKPASS", askpass(daemon, PIN));
        command.env("SSH_ASKPASS_REQUIRE", "force").args(["-F", "none", "-p", &self.port.to_string()]);
        for option in ["StrictHostKeyChecking=yes", "GlobalKnownHostsFile=none", "UserKnownHostsFile=known_hosts"] {
            command.args(["-o", option]);
        }
        command
    }

    /// Logs in as the user who runs the test.
    fn login(&self, command: &mut Command) -> Output {
        let user = stdout_of(Command::new("id").arg("-un"));
        run(command.arg(format!("{}@127.0.0.1", user.trim())).args(["echo", GREETING]))
    }
}

fn is_in(output: &Output) -> bool {
    output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == GREETING
}

/// A key of the provider, chosen by its public half.
fn by_provider<'a>(command: &'a mut Command, public_key: &str) -> &'a mut Command {
    let provider = format!("PKCS11Provider={}", module().display());
    command.args(["-o", &provider, "-o", "IdentitiesOnly=yes", "-i", public_key])
}

/// A key of OpenSSH's own, `NAME` and `NAME.pub`.
fn file_key(daemon: &Daemon, name: &str) -> String {
    let make = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name];
    output_of(daemon.tool("ssh-keygen", "openssh-client").args(make));
    fs::read_to_string(daemon.path(&format!("{name}.pub"))).unwrap()
}

/// A key of the daemon, and its public half as `NAME.pub`.
fn token_key(daemon: &Daemon, name: &str, kty: &str) -> String {
    let key = converted(daemon, &daemon.make_key(name, &["--kty", kty]));
    daemon.write(&format!("{name}.pub"), format!("{key} {name}\n"));
    key
}

/// Certifies `NAME.pub` with the token's key `ca`; the options say for whom.
fn certify(daemon: &Daemon, options: &[&str], name: &str) {
    let mut command = daemon.tool("ssh-keygen", "openssh-client");
    command.env("SSH_ASKPASS", askpass(daemon, PIN)).env("SSH_ASKPASS_REQUIRE", "force").arg("-D").arg(module());
    output_of(command.args(["-s", "ca.pub", "-I", name]).args(options).arg(format!("{name}.pub")));
}

#[test]
fn a_login_with_the_modules_keys() {
    let daemon = Daemon::start();
    let host = file_key(&daemon, "host");
    daemon.write("known_hosts", format!("* {host}"));
    let keys = ["RSA", "EC"].map(|kty| token_key(&daemon, &kty.to_lowercase(), kty));
    token_key(&daemon, "stranger", "EC");
    daemon.write("allowed", format!("{}\n{}\n", keys[0], keys[1]));
    let allowed = format!("AuthorizedKeysFile {}", daemon.path("allowed").display());
    let server = Server::start(&daemon, "host", &allowed);

    for key in ["rsa", "ec"] {
        let output = server.login(by_provider(&mut server.client(&daemon), &format!("{key}.pub")));
        assert!(is_in(&output), "{key}: {output:?}");
        assert_eq!(daemon.module_uses("sign", key), 1, "{key}");
    }
    let refused = server.login(by_provider(&mut server.client(&daemon), "stranger.pub"));
    assert!(!is_in(&refused), "any key would do");
    // Nobody says which key: the client offers what the module has.
    let provider = format!("PKCS11Provider={}", module().display());
    let output = server.login(server.client(&daemon).args(["-o", &provider, "-o", "IdentityFile=none"]));
    assert!(is_in(&output), "{output:?}");

    let agent = Agent::start(&daemon);
    let client = || {
        let mut command = server.client(&daemon);
        command.env("SSH_AUTH_SOCK", daemon.path("agent")).args(["-o", "IdentitiesOnly=yes", "-i", "ec.pub"]);
        command
    };
    assert!(!is_in(&server.login(&mut client())), "the agent has no key yet");
    output_of(Agent::add(&daemon, PIN).arg("-s").arg(module()));
    let before = daemon.module_uses("sign", "ec");
    for _ in 0..3 {
        let output = server.login(&mut client());
        assert!(is_in(&output), "{output:?}");
    }
    assert_eq!(daemon.module_uses("sign", "ec") - before, 3, "one signature a login");
    drop(agent);
}

#[test]
fn a_login_with_a_certificate_of_an_authority_in_the_token() {
    let daemon = Daemon::start();
    let host = file_key(&daemon, "host");
    daemon.write("known_hosts", format!("* {host}"));
    token_key(&daemon, "ca", "RSA");
    let trusted = format!("TrustedUserCAKeys {}\nAuthorizedKeysFile none", daemon.path("ca.pub").display());
    let server = Server::start(&daemon, "host", &trusted);
    let user = stdout_of(Command::new("id").arg("-un"));
    file_key(&daemon, "user");
    let with_file = |name: &str| {
        let mut command = server.client(&daemon);
        command.args(["-o", "IdentitiesOnly=yes", "-i", name]);
        server.login(&mut command)
    };
    assert!(!is_in(&with_file("user")), "a key without a certificate");
    certify(&daemon, &["-n", "somebody-else"], "user");
    assert!(!is_in(&with_file("user")), "a certificate of somebody else");
    certify(&daemon, &["-n", user.trim(), "-V", "+1h"], "user");
    let output = with_file("user");
    assert!(is_in(&output), "{output:?}");
    assert_eq!(daemon.module_uses("sign", "ca"), 2);

    // The user's key may be in the token too: the certificate is a file beside it.
    token_key(&daemon, "hardware", "EC");
    certify(&daemon, &["-n", user.trim()], "hardware");
    let mut command = server.client(&daemon);
    by_provider(&mut command, "hardware.pub").args(["-o", "CertificateFile=hardware-cert.pub"]);
    let output = server.login(&mut command);
    assert!(is_in(&output), "{output:?}");
    assert_eq!(daemon.module_uses("sign", "hardware"), 1);
}

#[test]
fn a_host_whose_key_is_in_the_token() {
    let daemon = Daemon::start();
    let host = token_key(&daemon, "host", "EC");
    let authority = token_key(&daemon, "ca", "EC");
    let user = file_key(&daemon, "user");
    daemon.write("allowed", user);
    certify(&daemon, &["-h", "-n", "127.0.0.1"], "host");
    let _agent = Agent::start(&daemon);
    output_of(Agent::add(&daemon, PIN).arg("-s").arg(module()));
    let settings = format!(
        "HostKeyAgent {dir}/agent\nHostCertificate {dir}/host-cert.pub\nAuthorizedKeysFile {dir}/allowed",
        dir = daemon.dir().display()
    );
    let mut server = Server::start(&daemon, "host.pub", &settings);
    let login = |known: String, algorithm: &str| {
        daemon.write("known_hosts", known);
        let mut command = server.client(&daemon);
        command.args(["-o", "IdentitiesOnly=yes", "-i", "user", "-o", &format!("HostKeyAlgorithms={algorithm}")]);
        server.login(&mut command)
    };
    let before = daemon.module_uses("sign", "host");
    let (plain, certified) = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com");
    let output = login(format!("* {host}\n"), plain);
    assert!(is_in(&output), "{output:?}");
    let output = login(format!("@cert-authority * {authority}\n"), certified);
    assert!(is_in(&output), "{output:?}");
    assert_eq!(daemon.module_uses("sign", "host") - before, 2, "the token signed both key exchanges");
    let refused = login(format!("* {authority}\n"), plain);
    assert!(!is_in(&refused), "any host would do");
    server.running.stop();
}

//! What the tests of web servers share: certificates for an RSA and an EC key of the daemon, clients that come all at
//! once, and a look at the server's processes.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use softkeep_tests::{Daemon, output_of, run, stdout_of};

/// Makes the keys `rsa` and `ec`, and `rsa.crt` and `ec.crt` by OpenSSL's own CA, `ca.crt`.
pub fn certify(daemon: &Daemon) {
    let make = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-days", "2", "-keyout", "ca.key", "-out",
        "ca.crt",
    ];
    output_of(&mut daemon.openssl(&make));
    daemon.write("san.cnf", "subjectAltName = DNS:localhost\n");
    for (name, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        let public_key = daemon.make_key(name, &["--kty", kty]);
        let mut issue =
            daemon.openssl(&["x509", "-new", "-subj", "/CN=localhost", "-CA", "ca.crt", "-CAkey", "ca.key"]);
        issue.args(["-days", "2", "-extfile", "san.cnf", "-out", &format!("{name}.crt"), "-force_pubkey"]);
        output_of(issue.arg(public_key));
    }
}

/// The processes whose parent this one is.
pub fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The effective user of a process.
pub fn user_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok())
}

/// Who the workers have to be. Only root can change its user; nginx started by another stays with that one.
pub fn workers_user() -> u32 {
    if !rustix::process::geteuid().is_root() {
        return rustix::process::geteuid().as_raw();
    }
    stdout_of(Command::new("id").args(["-u", "www-data"])).trim().parse().unwrap()
}

/// One fresh connection: TLS 1.3 with the EC key, or TLS 1.2 with the RSA key.
pub fn connect(daemon: &Daemon, port: u16, rsa: bool) -> Output {
    let mut curl = daemon.tool("curl", "curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "30", "--noproxy", "*", "--cacert", "ca.crt"]);
    if rsa {
        curl.args(["--tlsv1.2", "--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"]);
    } else {
        curl.arg("--tlsv1.3");
    }
    curl.args(["--resolve", &format!("localhost:{port}:127.0.0.1")]);
    run(curl.arg(format!("https://localhost:{port}/")))
}

/// So many connections of each client at once, alternating between the keys; what went wrong.
pub fn hammer(
    daemon: &Daemon,
    port: u16,
    page: &str,
    clients: usize,
    rounds: usize,
    done: &AtomicUsize,
) -> Vec<String> {
    let client = |client: usize| {
        let mut wrong = Vec::new();
        for round in 0..rounds {
            let output = connect(daemon, port, (client + round).is_multiple_of(2));
            if !output.status.success() || output.stdout != page.as_bytes() {
                let code = output.status.code().or(output.status.signal());
                wrong.push(format!("{code:?} {}", String::from_utf8_lossy(&output.stderr).trim()));
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        wrong
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|number| scope.spawn(move || client(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

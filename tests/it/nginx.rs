//! nginx with an RSA and an EC key in the daemon: the master loads the module and logs in as root, the workers are
//! forked from it as `www-data` and sign each handshake, and a reload in the middle loses nothing.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use softkeep_tests::{
    Daemon, output_of, run, stdout_of,
    tools::{Running, free_port, key_uri, tool},
    wait_until,
};

const CLIENTS: usize = 4;
/// Connections of each client before the reload, and again from then on.
const HALF: usize = 25;
const PAGE: &str = "served with a key that nginx does not have\n";

fn configuration(daemon: &Daemon, port: u16) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.map(|kind| format!("  {kind}_temp_path {kind}_temp;\n")).concat();
    format!(
        "daemon off;\nmaster_process on;\nworker_processes 2;\nuser www-data;\n\
         pid nginx.pid;\nerror_log error.log info;\n\
         ssl_engine pkcs11;\n\
         env SOFTKEEP_ENDPOINT;\nenv SOFTKEEP_PKCS11_CONF;\nenv PKCS11_MODULE_PATH;\nenv OPENSSL_CONF;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{temporary}  access_log access.log;\n  keepalive_timeout 0;\n  server {{\n    \
         listen 127.0.0.1:{port} ssl;\n    server_name localhost;\n    ssl_protocols TLSv1.2 TLSv1.3;\n    \
         ssl_session_cache off;\n    ssl_session_tickets off;\n    \
         ssl_certificate {dir}/rsa.crt;\n    ssl_certificate_key \"engine:pkcs11:{rsa}\";\n    \
         ssl_certificate {dir}/ec.crt;\n    ssl_certificate_key \"engine:pkcs11:{ec}\";\n    \
         location / {{ default_type text/plain; return 200 \"{page}\"; }}\n  }}\n}}\n",
        dir = daemon.dir().display(),
        rsa = key_uri("rsa"),
        ec = key_uri("ec"),
        page = PAGE.replace('\n', "\\n"),
    )
}

/// Certificates by OpenSSL's own CA for the daemon's keys.
fn certify(daemon: &Daemon) {
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
fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The effective user of a process.
fn user_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok())
}

/// Who the workers have to be. Only root can change its user; nginx started by another stays with that one.
fn workers_user() -> u32 {
    if !rustix::process::geteuid().is_root() {
        return rustix::process::geteuid().as_raw();
    }
    stdout_of(Command::new("id").args(["-u", "www-data"])).trim().parse().unwrap()
}

/// One fresh connection: TLS 1.3 with the EC key, or TLS 1.2 with the RSA key.
fn connect(daemon: &Daemon, port: u16, rsa: bool) -> Output {
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

/// `HALF` connections of each client at once, alternating between the keys; what went wrong.
fn hammer(daemon: &Daemon, port: u16, done: &AtomicUsize) -> Vec<String> {
    let client = |client: usize| {
        let mut wrong = Vec::new();
        for round in 0..HALF {
            let output = connect(daemon, port, (client + round).is_multiple_of(2));
            if !output.status.success() || output.stdout != PAGE.as_bytes() {
                let code = output.status.code().or(output.status.signal());
                wrong.push(format!("{code:?} {}", String::from_utf8_lossy(&output.stderr).trim()));
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        wrong
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn start(daemon: &Daemon, port: u16) -> Running {
    daemon.write("nginx.conf", configuration(daemon, port));
    let mut command = daemon.command(tool("nginx", "nginx-light"));
    command.args(["-c"]).arg(daemon.path("nginx.conf")).arg("-p").arg(daemon.dir()).args(["-e", "error.log"]);
    let mut nginx = Running::start(command.stdout(Stdio::null()).stderr(Stdio::inherit()));
    wait_until("nginx's start", Duration::from_secs(20), || {
        assert!(nginx.is_alive(), "nginx ended: {}", log(daemon.dir()));
        children(nginx.pid()).len() == 2 && connect(daemon, port, false).status.success()
    });
    nginx
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("error.log")).unwrap_or_default()
}

#[test]
fn two_hundred_connections_and_a_reload_lose_nothing() {
    let daemon = Daemon::start();
    certify(&daemon);
    let port = free_port();
    let mut nginx = start(&daemon, port);
    let user = workers_user();
    let first_workers = children(nginx.pid());
    assert!(first_workers.iter().all(|worker| user_of(*worker) == Some(user)), "{first_workers:?} are not {user}");
    let uses = || (daemon.module_uses("sign", "rsa"), daemon.module_uses("sign", "ec"));
    let before = uses();

    let done = AtomicUsize::new(0);
    let wrong = hammer(&daemon, port, &done);
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", log(daemon.dir()));
    let middle = uses();
    let half = CLIENTS * HALF / 2;
    assert!(middle.0 >= before.0 + half && middle.1 >= before.1 + half, "{before:?} {middle:?}");

    // The reload comes while connections are being made.
    let done = AtomicUsize::new(0);
    let wrong = thread::scope(|scope| {
        let clients = scope.spawn(|| hammer(&daemon, port, &done));
        wait_until("some connections", Duration::from_secs(60), || done.load(Ordering::Relaxed) >= CLIENTS * HALF / 4);
        nginx.signal(Signal::HUP);
        clients.join().unwrap()
    });
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", log(daemon.dir()));
    wait_until("the old workers' end", Duration::from_secs(20), || {
        let now = children(nginx.pid());
        now.len() == 2 && now.iter().all(|worker| !first_workers.contains(worker))
    });
    let new_workers = children(nginx.pid());
    assert!(new_workers.iter().all(|worker| user_of(*worker) == Some(user)), "{new_workers:?} are not {user}");
    assert!([false, true].iter().all(|rsa| connect(&daemon, port, *rsa).status.success()), "{}", log(daemon.dir()));
    let after = uses();
    assert!(after.0 >= middle.0 + half && after.1 >= middle.1 + half, "{middle:?} {after:?}");

    // Who used the keys: workers from before and from after the reload, none of them root.
    let mut callers: Vec<String> =
        daemon.module_lines("sign", "ec").iter().map(|line| line["caller"].to_string()).collect();
    callers.sort_unstable();
    callers.dedup();
    assert!(callers.iter().all(|caller| caller.contains(&format!("via uid:{user} pid:"))), "{callers:#?}");
    let used_by = |workers: &[u32]| {
        workers.iter().any(|pid| callers.iter().any(|caller| caller.contains(&format!("pid:{pid}\""))))
    };
    assert!(used_by(&first_workers) && used_by(&new_workers), "{first_workers:?} {new_workers:?} {callers:#?}");
    // The master logged in itself, as who started it, before it forked.
    let own = format!("uid:{} pid:{}", rustix::process::geteuid().as_raw(), nginx.pid());
    let logins =
        daemon.audit_lines().into_iter().filter(|line| line["operation"] == "login" && line["outcome"] == "done");
    let logins: Vec<String> = logins.map(|line| line["caller"].to_string()).collect();
    assert!(logins.iter().any(|caller| caller.contains(&own)), "{own} in {logins:#?}");
    assert_eq!(nginx.stop(), Some(0), "{}", log(daemon.dir()));
    let trouble: Vec<String> = log(daemon.dir())
        .lines()
        .filter(|line| line.contains("exited on signal") || line.contains("[alert]"))
        .map(str::to_owned)
        .collect();
    assert!(trouble.is_empty(), "{trouble:#?}");
}

//! nginx with an RSA and an EC key in the daemon: the master loads the module and logs in as root, the workers are
//! forked from it as `www-data` and sign each handshake, and a reload in the middle loses nothing.

use std::{
    fs,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use softkeep_tests::{
    Daemon,
    tools::{Running, free_port, key_uri, moved_clock, tool},
    wait_until,
};

use crate::web::{self, children, connect, user_of, workers_user};

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
         env FAKETIME_TIMESTAMP_FILE;\nenv FAKETIME_NO_CACHE;\nenv DONT_FAKE_MONOTONIC;\n\
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

fn start(daemon: &Daemon, port: u16) -> Running {
    start_in(daemon, port, &[])
}

fn start_in(daemon: &Daemon, port: u16, environment: &[(String, String)]) -> Running {
    daemon.write("nginx.conf", configuration(daemon, port));
    let mut command = daemon.command(tool("nginx", "nginx-light"));
    command.envs(environment.iter().cloned());
    command.args(["-c"]).arg(daemon.path("nginx.conf")).arg("-p").arg(daemon.dir()).args(["-e", "error.log"]);
    let mut nginx = Running::start(command.stdout(Stdio::null()).stderr(Stdio::inherit()));
    wait_until("nginx's start", Duration::from_secs(20), || {
        assert!(nginx.is_alive(), "nginx ended: {}", log(daemon.dir()));
        children(nginx.pid()).len() == 2 && connect(daemon, port, false).status.success()
    });
    nginx
}

fn hammer(daemon: &Daemon, port: u16, done: &AtomicUsize) -> Vec<String> {
    web::hammer(daemon, port, PAGE, CLIENTS, HALF, done)
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("error.log")).unwrap_or_default()
}

#[test]
fn two_hundred_connections_and_a_reload_lose_nothing() {
    let daemon = Daemon::start();
    web::certify(&daemon);
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

/// The day of the last signature with a key, as the audit log has it, and how often anybody logged in.
fn last_use(daemon: &Daemon, key: &str) -> (String, usize) {
    let line = daemon.module_lines("sign", key).pop().unwrap();
    let logins =
        daemon.audit_lines().into_iter().filter(|line| line["operation"] == "login" && line["outcome"] == "done");
    (line["time"].as_str().unwrap()[..10].to_owned(), logins.count())
}

#[test]
fn days_of_idling_and_a_restart_of_the_daemon_cost_no_request() {
    let mut daemon = Daemon::start_in(&[], moved_clock);
    web::certify(&daemon);
    let port = free_port();
    let mut nginx = start_in(&daemon, port, &moved_clock(daemon.dir()));
    let served = |daemon: &Daemon, rsa: bool| {
        let output = connect(daemon, port, rsa);
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), log(daemon.dir()));
    };
    // Each worker logs in with its first signature; only then do later connections find nothing new to do.
    let workers = children(nginx.pid());
    wait_until("every worker's signature", Duration::from_secs(20), || {
        let wrong = web::hammer(&daemon, port, PAGE, CLIENTS, 4, &AtomicUsize::new(0));
        assert!(wrong.is_empty(), "{wrong:#?}\n{}", log(daemon.dir()));
        let signed = daemon.module_lines("sign", "ec");
        workers.iter().all(|pid| signed.iter().any(|line| line["caller"].to_string().contains(&format!("pid:{pid}\""))))
    });
    let (today, logins) = last_use(&daemon, "ec");
    for (offset, restart) in [("+8h", false), ("+3d", false), ("+9d", true)] {
        if restart {
            daemon.kill();
        }
        daemon.write("clock", format!("{offset}\n"));
        if restart {
            daemon.start_again();
        }
        for rsa in [false, true] {
            served(&daemon, rsa);
        }
        let (day, logins_now) = last_use(&daemon, "rsa");
        assert!(day > today || offset == "+8h", "the daemon's clock was not moved: {day}");
        assert_eq!(logins_now, logins, "{offset}: somebody had to log in again");
    }
    assert!(nginx.is_alive());
    assert_eq!(nginx.stop(), Some(0), "{}", log(daemon.dir()));
}

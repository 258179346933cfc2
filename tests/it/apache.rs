//! Apache httpd with an RSA and an EC key in the daemon, by `SSLCryptoDevice pkcs11`: the children are forked as
//! `www-data`, sign on many threads, and graceful restarts in the middle lose nothing.

use std::{
    fs,
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use softkeep_tests::{
    Daemon, VAULT, output_of,
    tools::{Running, free_port, key_uri, tool},
    wait_until,
};

use crate::{
    pkcs11_tool,
    web::{self, children, connect, user_of, workers_user},
};

const CLIENTS: usize = 4;
const ROUNDS: usize = 40;
const RESTARTS: usize = 3;
const PAGE: &str = "served with a key that httpd does not have\n";

fn configuration(daemon: &Daemon, port: u16) -> String {
    let modules = ["mpm_event", "authz_core", "dir", "ssl"];
    let modules: String =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n")).concat();
    let user = if rustix::process::geteuid().is_root() { "User www-data\nGroup www-data\n" } else { "" };
    format!(
        "ServerRoot {dir}\nServerName localhost\nListen 127.0.0.1:{port}\n{modules}{user}\
         PidFile {dir}/httpd.pid\nMutex file:{dir} default\nErrorLog {dir}/error.log\nLogLevel info\n\
         DocumentRoot {dir}/pages\n<Directory {dir}/pages>\n  Require all granted\n</Directory>\n\
         StartServers 2\nServerLimit 4\nThreadsPerChild 8\nMaxRequestWorkers 32\n\
         MinSpareThreads 8\nMaxSpareThreads 32\nKeepAlive Off\n\
         SSLCryptoDevice pkcs11\nSSLSessionCache none\nSSLSessionTickets off\n\
         <VirtualHost *:{port}>\n  SSLEngine on\n  SSLProtocol +TLSv1.2 +TLSv1.3\n  \
         SSLCertificateFile {dir}/rsa.crt\n  SSLCertificateKeyFile \"{rsa}\"\n  \
         SSLCertificateFile \"pkcs11:token={VAULT};object=ec;type=cert\"\n  \
         SSLCertificateKeyFile \"{ec}\"\n</VirtualHost>\n",
        dir = daemon.dir().display(),
        rsa = key_uri("rsa"),
        ec = key_uri("ec"),
    )
}

fn log(daemon: &Daemon) -> String {
    fs::read_to_string(daemon.path("error.log")).unwrap_or_default()
}

fn start(daemon: &Daemon, port: u16) -> Running {
    fs::create_dir(daemon.path("pages")).unwrap();
    daemon.write("pages/index.html", PAGE);
    // One certificate is a file, the other is in the token too.
    output_of(&mut daemon.openssl(&["x509", "-in", "ec.crt", "-outform", "DER", "-out", "ec.der"]));
    let id = daemon.key_id("ec");
    pkcs11_tool::logged_in(daemon, &["--write-object", "ec.der", "--type", "cert", "--label", "ec", "--id", &id]);
    daemon.write("httpd.conf", configuration(daemon, port));
    let mut command = daemon.command(tool("apache2", "apache2-bin"));
    command.arg("-DFOREGROUND").arg("-f").arg(daemon.path("httpd.conf"));
    let mut httpd = Running::start(command.stdout(Stdio::null()).stderr(Stdio::inherit()));
    wait_until("httpd's start", Duration::from_secs(20), || {
        assert!(httpd.is_alive(), "httpd ended: {}", log(daemon));
        connect(daemon, port, false).status.success()
    });
    httpd
}

#[test]
fn graceful_restarts_under_load_lose_nothing() {
    let daemon = Daemon::start();
    web::certify(&daemon);
    let port = free_port();
    let mut httpd = start(&daemon, port);
    let user = workers_user();
    let first = children(httpd.pid());
    assert!(!first.is_empty() && first.iter().all(|child| user_of(*child) == Some(user)), "{first:?} are not {user}");
    let uses = || (daemon.module_uses("sign", "rsa"), daemon.module_uses("sign", "ec"));
    let before = uses();
    let restarts = || log(&daemon).matches("Doing graceful restart").count();

    let done = AtomicUsize::new(0);
    let wrong = thread::scope(|scope| {
        let clients = scope.spawn(|| web::hammer(&daemon, port, PAGE, CLIENTS, ROUNDS, &done));
        for restart in 1..=RESTARTS {
            let connections = CLIENTS * ROUNDS * restart / (RESTARTS + 1);
            wait_until("some connections", Duration::from_secs(60), || done.load(Ordering::Relaxed) >= connections);
            httpd.signal(Signal::USR1);
            wait_until("the restart", Duration::from_secs(20), || restarts() == restart);
        }
        clients.join().unwrap()
    });
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", log(&daemon));
    wait_until("the first children's end", Duration::from_secs(20), || {
        children(httpd.pid()).iter().all(|child| !first.contains(child))
    });
    let (after, half) = (uses(), CLIENTS * ROUNDS / 2);
    assert!(after.0 >= before.0 + half && after.1 >= before.1 + half, "{before:?} {after:?}");
    for line in daemon.module_lines("sign", "rsa") {
        let caller = line["caller"].as_str().unwrap();
        assert!(caller.contains(&format!("via uid:{user} pid:")), "{caller}");
    }
    assert_eq!(httpd.stop(), Some(0), "{}", log(&daemon));
    for trouble in ["exit signal", "[crit]", "[alert]", ":error]"] {
        assert!(!log(&daemon).contains(trouble), "{}", log(&daemon));
    }
}

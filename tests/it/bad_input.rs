//! Bad input of every kind: a clear error, nothing lost, and the daemon alive and at work for everybody else.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use softkeep_tests::{Daemon, output_of, program, run, stdout_of, tools::tool, wait_until};

use crate::host::Program;

fn daemon_with_keys() -> Daemon {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "rsa", "--kty", "RSA"]);
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    fs::write(daemon.path("message"), "message").unwrap();
    daemon
}

/// Sign with the key; must do.
fn sign(daemon: &Daemon, key: &str) -> String {
    daemon.cli(&[
        "key",
        "sign",
        "--name",
        key,
        "--algorithm",
        if key == "rsa" { "RS256" } else { "ES256" },
        "--in",
        "message",
    ])
}

/// The CLI refuses with this exit code, and with `error:`, `code:` and `fix:` lines.
fn assert_refused(output: &Output, exit: i32, code: &str) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{stderr}");
    assert!(stderr.contains(&format!("  code: {code}")), "{stderr}");
    assert!(stderr.contains("error: ") && stderr.contains("  fix: "), "{stderr}");
    assert!(!stderr.contains("panicked") && output.stdout.is_empty(), "{output:?}");
    stderr
}

#[test]
fn an_unknown_vault_key_or_version_is_named_and_not_found() {
    let daemon = daemon_with_keys();
    let vault = daemon.softkeep(&["key", "show", "--vault-name", "nowhere", "--name", "ec"]);
    assert!(assert_refused(&vault, 3, "VAULT_NOT_FOUND").contains("nowhere"));
    let key = daemon.softkeep(&["key", "sign", "--name", "nothing", "--algorithm", "ES256", "--in", "message"]);
    assert!(assert_refused(&key, 3, "KEY_NOT_FOUND").contains("nothing"));
    let version = daemon.softkeep(&["key", "show", "--name", "ec", "--version", &"0".repeat(32)]);
    assert_refused(&version, 3, "KEY_NOT_FOUND");
    sign(&daemon, "ec");
}

#[test]
fn a_pem_that_is_locked_weak_or_garbage_imports_nothing() {
    let daemon = Daemon::start();
    let openssl = |arguments: &str| {
        output_of(Command::new(tool("openssl", "openssl")).current_dir(daemon.dir()).args(arguments.split(' ')));
    };
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:right -out locked.pem");
    openssl("genrsa -out weak.pem 512");
    fs::write(daemon.path("garbage.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    fs::write(daemon.path("text.pem"), "this is no PEM\n").unwrap();
    fs::write(daemon.path("binary.pem"), [0xff, 0, 0x80, 0xfe]).unwrap();
    fs::write(daemon.path("password"), "right").unwrap();
    let import = |file: &str, password: &str| {
        daemon.softkeep(&["key", "import", "--name", "x", "--pem-file", file, "--pem-password", password])
    };
    assert!(assert_refused(&import("locked.pem", "wrong"), 1, "KEY_INVALID").contains("the password is wrong"));
    assert_refused(&import("weak.pem", "none"), 1, "KEY_TOO_WEAK");
    assert_refused(&import("garbage.pem", "none"), 1, "KEY_INVALID");
    for file in ["text.pem", "binary.pem", "absent.pem"] {
        let output = import(file, "none");
        assert!(matches!(output.status.code(), Some(1 | 2)), "{file}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "), "{file}: {output:?}");
    }
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 0, "nothing was imported");
    let imported = import("locked.pem", "@password");
    assert!(imported.status.success(), "and the right password opens it: {imported:?}");
}

#[test]
fn a_digest_of_the_wrong_length_is_refused_at_both_doors() {
    let daemon = daemon_with_keys();
    // 31 bytes.
    let short = format!("{}A==", "A".repeat(41));
    let output = daemon.softkeep(&["key", "sign", "--name", "rsa", "--algorithm", "RS256", "--digest", &short]);
    assert!(assert_refused(&output, 1, "INVALID_LENGTH").contains("32"), "it says what is right");
    let mut host = Program::logged_in(&daemon);
    assert_eq!(host.ask("sign-raw rsa 246"), "CKR_DATA_LEN_RANGE");
    assert_eq!(host.ask("sign-raw rsa 245"), "CKR_OK");
}

#[test]
fn a_message_over_four_mebibytes_is_refused_by_its_size() {
    let mut daemon = daemon_with_keys();
    fs::write(daemon.path("large"), vec![7; 5 * 1024 * 1024]).unwrap();
    let verify =
        ["key", "verify", "--name", "rsa", "--algorithm", "RS256", "--in", "message", "--signature-file", "large"];
    let output = daemon.softkeep(&verify);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("MESSAGE_TOO_LARGE") && stderr.contains("4194304"), "it names the limit: {stderr}");
    assert!(daemon.is_alive());
    sign(&daemon, "rsa");
}

/// A daemon that must not start; what it says.
fn refused_start(arguments: &[&str]) -> String {
    let output = run(Command::new(program("softkeepd")).args(arguments).stdin(Stdio::null()));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: ") && stderr.contains("code: ") && !stderr.contains("panicked"), "{stderr}");
    stderr
}

#[test]
fn a_second_daemon_on_the_same_folder_is_refused_and_harms_nothing() {
    let mut daemon = daemon_with_keys();
    let mut host = Program::logged_in(&daemon);
    let (data, socket) = (daemon.path("data"), daemon.endpoint());
    let elsewhere = format!("unix://{}", daemon.path("other.sock").display());
    for listen in [&socket, &elsewhere] {
        let stderr = refused_start(&["--data-dir", data.to_str().unwrap(), "--listen", listen]);
        assert!(stderr.contains(data.to_str().unwrap()), "it names the folder: {stderr}");
        assert!(stderr.contains(&daemon.pid().to_string()), "and who has it: {stderr}");
    }
    assert!(daemon.is_alive());
    sign(&daemon, "ec");
    assert_eq!(host.ask("sign ec"), "CKR_OK");
}

#[test]
fn a_folder_that_was_not_initialised_is_refused_with_the_command_that_does() {
    let dir = tempfile::tempdir().unwrap();
    let (data, socket) = (dir.path().join("data"), dir.path().join("sock"));
    let listen = format!("unix://{}", socket.display());
    let stderr = refused_start(&["--data-dir", data.to_str().unwrap(), "--listen", &listen]);
    assert!(stderr.contains("softkeepd init --data-dir") && stderr.contains(data.to_str().unwrap()), "{stderr}");
    assert!(!data.exists() && !socket.exists(), "and nothing was made");
}

/// Flips one bit of the first row whose key begins so, at a place counted from the end; the row's key.
fn flip(daemon: &Daemon, key: &str, from_end: u32) -> String {
    let script = "import sqlite3,sys\n\
                  db=sqlite3.connect(sys.argv[1])\n\
                  key,value=db.execute('SELECT key,value FROM rows WHERE key LIKE ?',(sys.argv[2]+'%',)).fetchone()\n\
                  value=bytearray(value); value[-1-int(sys.argv[3])]^=1\n\
                  db.execute('UPDATE rows SET value=? WHERE key=?',(bytes(value),key)); db.commit(); print(key)\n";
    let mut python = Command::new(tool("python3", "python3"));
    let place = from_end.to_string();
    let command = python.args(["-c", script]).arg(daemon.path("data/store.db")).args([key, &place]);
    stdout_of(command).trim().to_owned()
}

/// The row of the sealed private key.
fn blob_row(daemon: &Daemon, name: &str) -> String {
    let kid = daemon.json(&["key", "show", "--name", name])["key"]["kid"].as_str().unwrap().to_owned();
    format!("blob/%{}", kid.rsplit('/').next().unwrap())
}

#[test]
fn one_flipped_bit_in_a_sealed_key_is_named_and_stops_that_key_alone() {
    for from_end in [0, 40] {
        let mut daemon = daemon_with_keys();
        let row = blob_row(&daemon, "ec");
        daemon.kill();
        let row = flip(&daemon, &row, from_end);
        daemon.start_again();
        let status = daemon.json(&["status"]);
        assert_eq!(status["damagedRecords"], serde_json::json!([row]), "{status}");
        let output = daemon.softkeep(&["key", "sign", "--name", "ec", "--algorithm", "ES256", "--in", "message"]);
        assert_refused(&output, 1, "RECORD_DAMAGED");
        sign(&daemon, "rsa");
        let mut host = Program::logged_in(&daemon);
        assert_eq!((host.ask("sign ec"), host.ask("sign rsa")), ("CKR_DEVICE_ERROR".into(), "CKR_OK".into()));
        let lines = daemon.audit_lines();
        assert!(
            lines.iter().any(|line| line["operation"] == "store.damaged" && line["object"] == row.as_str()),
            "on record"
        );
        assert_eq!(daemon.json(&["audit", "verify"])["intact"], true, "the log itself is whole");
    }
}

#[test]
fn one_flipped_bit_in_what_a_key_may_do_is_named_and_stops_that_key_alone() {
    let mut daemon = daemon_with_keys();
    let version = blob_row(&daemon, "ec").replace("blob/", "version/");
    daemon.kill();
    let row = flip(&daemon, &version, 3);
    daemon.start_again();
    assert_eq!(daemon.json(&["status"])["damagedRecords"], serde_json::json!([row]));
    let output = daemon.softkeep(&["key", "sign", "--name", "ec", "--algorithm", "ES256", "--in", "message"]);
    assert!(matches!(output.status.code(), Some(1 | 3)), "{output:?}");
    sign(&daemon, "rsa");
}

#[test]
fn null_and_short_buffers_at_every_output_get_the_right_answer() {
    let daemon = daemon_with_keys();
    let (stdout, stderr) = output_of(&mut daemon.command(env!("CARGO_BIN_EXE_bad-buffers")));
    assert!(stdout.lines().any(|line| line == "ok"), "{stdout}{stderr}");
}

#[test]
fn garbage_and_half_open_connections_disturb_nobody() {
    let mut daemon = daemon_with_keys();
    let mut signing = Program::sign_loop(&daemon, 2);
    let random = fs::File::open("/dev/urandom").and_then(|mut file| {
        let mut bytes = vec![0; 64 * 1024];
        file.read_exact(&mut bytes).map(|()| bytes)
    });
    let random = random.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // A HEADERS frame that says it is 16 MiB long.
    let large_frame = [0xff, 0xff, 0xff, 1, 4, 0, 0, 0, 1];
    let nonsense: [Vec<u8>; 6] = [
        random.clone(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        preface.clone(),
        [preface.clone(), settings.to_vec(), random].concat(),
        [preface, settings.to_vec(), large_frame.to_vec()].concat(),
        vec![0x16, 3, 1, 2, 0, 1, 0, 1],
    ];
    let before = signing.signed();
    let mut half_open = Vec::new();
    for round in 0..50 {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        // The daemon may close at once, so an error is right too.
        let _ = stream.write_all(&nonsense[round % nonsense.len()]);
        half_open.push(stream);
        half_open.push(UnixStream::connect(daemon.socket()).unwrap());
    }
    wait_until("signing beside it", Duration::from_secs(20), || signing.signed() > before + 50);
    let mut fresh = Program::logged_in(&daemon);
    assert_eq!(fresh.ask("sign ec"), "CKR_OK", "a new connection beside a hundred idle ones");
    sign(&daemon, "rsa");
    drop(half_open);
    assert!(signing.finish().starts_with("done"));
    assert!(daemon.is_alive());
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    wait_until("the daemon let go of the closed connections", Duration::from_secs(10), || descriptors() < 60);
}

#[test]
fn a_socket_that_is_gone_stops_new_connections_only() {
    let daemon = daemon_with_keys();
    let conf = format!("endpoint = {}\ntimeout-ms = 1000\n", daemon.endpoint());
    fs::write(daemon.path("pkcs11.conf"), conf).unwrap();
    let mut connected = Program::logged_in(&daemon);
    assert_eq!(connected.ask("sign ec"), "CKR_OK");
    fs::remove_file(daemon.socket()).unwrap();
    assert_eq!(connected.ask("sign ec"), "CKR_OK", "what is connected goes on");
    let mut late = Program::start(&mut daemon.command(env!("CARGO_BIN_EXE_pkcs11-host")));
    assert_eq!(late.ask("initialize"), "CKR_OK", "which connects to nothing");
    assert_eq!(late.ask("open"), "CKR_TOKEN_NOT_PRESENT");
    let output = daemon.softkeep(&["key", "list"]);
    let stderr = assert_refused(&output, 5, "UNAVAILABLE");
    assert!(stderr.contains(daemon.socket().to_str().unwrap()), "it names the socket: {stderr}");
    thread::sleep(Duration::from_millis(100));
    assert_eq!(connected.ask("sign rsa"), "CKR_OK");
}

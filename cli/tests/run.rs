//! `softkeep run` around real commands, with a stand-in for the daemon: what is started, what is passed on, what is
//! left behind.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Writes what it was given, says ready, and lives as long as its stdin.
const DAEMON: &str = r#"#!/bin/sh
echo "$$" > "$3/../pid"
{ echo "$*"; env | grep ^SOFTKEEPD_ | sort; } > "$3/../given"
echo ready
exec cat
"#;

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(daemon: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_softkeep"), folder.path().join("softkeep")).unwrap();
        fs::write(folder.path().join("libsoftkeep_pkcs11.so"), "").unwrap();
        let path = folder.path().join("softkeepd");
        fs::write(&path, daemon).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path().join("softkeep"));
        command.args(arguments).env("TMPDIR", self.path()).env("HOME", self.path()).stdin(Stdio::null());
        for name in ["SOFTKEEP_ENDPOINT", "SOFTKEEP_VAULT", "SOFTKEEP_CONFIG", "SOFTKEEP_OUTPUT", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> Option<i32> {
        self.run(arguments).status.code()
    }

    fn daemon_lives(&self) -> bool {
        let Ok(pid) = fs::read_to_string(self.path().join("pid")) else { return false };
        Path::new("/proc").join(pid.trim()).join("fd/0").symlink_metadata().is_ok()
    }

    fn wait_for_end(&self) {
        let start = Instant::now();
        while self.daemon_lives() {
            assert!(start.elapsed() < Duration::from_secs(10), "the daemon is still there");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("softkeep-run.")).collect()
    }
}

#[test]
fn ten_runs_leave_nothing() {
    let bench = Bench::new(DAEMON);
    for _ in 0..10 {
        assert_eq!(bench.code(&["run", "--", "true"]), Some(0));
        assert!(!bench.daemon_lives());
    }
    assert!(bench.leftovers().is_empty());
}

#[test]
fn the_exit_code_is_the_commands() {
    let bench = Bench::new(DAEMON);
    assert_eq!(bench.code(&["run", "--", "sh", "-c", "exit 7"]), Some(7));
    assert_eq!(bench.code(&["run", "--", "sh", "-c", "kill -TERM $$"]), Some(143));
    assert_eq!(bench.code(&["run", "--", "no-such-command-here"]), Some(127));
    assert_eq!(bench.code(&["run", "--", "/dev/null"]), Some(126));
    assert_eq!(bench.code(&["run", "--azure", "--", "true"]), Some(2));
    assert!(bench.leftovers().is_empty());
}

#[test]
fn the_environment_is_complete() {
    let bench = Bench::new(DAEMON);
    let script =
        "env | grep -E '^(SOFTKEEP|PKCS11_MODULE)' | sort; cat \"$SOFTKEEP_JAVA_CONFIG\" \"$SOFTKEEP_PKCS11_CONF\"";
    let arguments =
        ["run", "--vault", "one", "--vault", "two", "--pin", "pin!", "--user", "me:secret", "--", "sh", "-c", script];
    let output = bench.run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let module = bench.path().canonicalize().unwrap().join("libsoftkeep_pkcs11.so");
    for line in [
        format!("PKCS11_MODULE_PATH={}", module.display()),
        format!("SOFTKEEP_PKCS11_MODULE={}", module.display()),
        format!("library = {}", module.display()),
        "SOFTKEEP_PIN=pin!".to_owned(),
        "SOFTKEEP_SO_PIN=12345678".to_owned(),
        "SOFTKEEP_TOKEN_LABEL=one".to_owned(),
        "SOFTKEEP_VAULT=one".to_owned(),
        "slot = 0".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    let endpoint = text.lines().find_map(|line| line.strip_prefix("SOFTKEEP_ENDPOINT=")).unwrap();
    assert!(endpoint.ends_with("/run/softkeep.sock"));
    assert!(text.lines().any(|line| line == format!("endpoint = {endpoint}")));
    assert!(!text.contains("SOFTKEEPD_"), "the daemon's variables are not the command's");
    let given = fs::read_to_string(bench.path().join("given")).unwrap();
    let folder = endpoint.strip_prefix("unix://").unwrap().strip_suffix("/run/softkeep.sock").unwrap();
    let expected = format!(
        "--dev --data-dir {folder} --listen {endpoint} --dev-vault one --dev-vault two --ready-stdout --exit-with-stdin\n\
         SOFTKEEPD_DEV_PIN=pin!\nSOFTKEEPD_DEV_SO_PIN=12345678\nSOFTKEEPD_DEV_USER=me:secret\n"
    );
    assert_eq!(given, expected);
}

#[test]
fn signals_reach_the_command() {
    let bench = Bench::new(DAEMON);
    let script = "trap 'exit 42' TERM HUP; echo up > \"$0\"; while :; do sleep 0.05; done";
    for signal in ["TERM", "HUP"] {
        let flag = bench.path().join(format!("up.{signal}"));
        let mut child = bench.command(&["run", "--", "sh", "-c", script, flag.to_str().unwrap()]).spawn().unwrap();
        while !flag.exists() {
            thread::sleep(Duration::from_millis(10));
        }
        let pid = child.id().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(42), "{signal}");
    }
    assert!(!bench.daemon_lives());
    assert!(bench.leftovers().is_empty());
}

#[test]
fn a_killed_run_leaves_no_daemon() {
    let bench = Bench::new(DAEMON);
    let flag = bench.path().join("up");
    // The command outlives its parent and must not hold the daemon's stdin.
    let mut child = bench
        .command(&["run", "--", "sh", "-c", "echo up > \"$0\"; exec sleep 3", flag.to_str().unwrap()])
        .spawn()
        .unwrap();
    while !flag.exists() {
        thread::sleep(Duration::from_millis(10));
    }
    assert!(bench.daemon_lives());
    child.kill().unwrap();
    child.wait().unwrap();
    bench.wait_for_end();
}

#[test]
fn a_daemon_that_does_not_start_is_reported() {
    let bench = Bench::new("#!/bin/sh\necho 'error: no such flag' >&2\nexit 2\n");
    let output = bench.run(&["run", "--", "true"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("softkeepd: error: no such flag"), "{text}");
    assert!(text.contains("error: softkeepd did not start: exit status: 2"), "{text}");
    assert!(bench.leftovers().is_empty());
}

#[test]
fn a_stubborn_daemon_is_killed() {
    let bench =
        Bench::new("#!/bin/sh\necho $$ > \"$3/../pid\"\ntrap '' TERM\necho ready\nwhile :; do sleep 0.1; done\n");
    assert_eq!(bench.code(&["run", "--", "true"]), Some(0));
    bench.wait_for_end();
    assert!(bench.leftovers().is_empty());
}

#[test]
fn dev_prints_exports_and_stays() {
    let bench = Bench::new(DAEMON);
    let mut child = bench.command(&["dev"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut text = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    while !text.contains("SOFTKEEP_PKCS11_CONF") {
        assert_ne!(std::io::BufRead::read_line(&mut stdout, &mut text).unwrap(), 0, "{text}");
    }
    assert!(text.lines().all(|line| line.starts_with("export ")), "{text}");
    assert!(bench.daemon_lives());
    Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!bench.daemon_lives());
    assert!(bench.leftovers().is_empty());
}

#[test]
fn without_a_daemon_the_exit_code_is_five() {
    let bench = Bench::new(DAEMON);
    let output = bench.run(&["status", "--endpoint", "unix:///nowhere/softkeep.sock"]);
    assert_eq!(output.status.code(), Some(5));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: cannot reach softkeepd at unix:///nowhere/softkeep.sock: "), "{text}");
    assert!(text.contains("\n  code: UNAVAILABLE (Unavailable)\n  fix: "), "{text}");
    assert!(output.stdout.is_empty());
    assert_eq!(bench.code(&["key", "list"]), Some(2), "no vault named");
    assert_eq!(bench.code(&["--help"]), Some(0));
}

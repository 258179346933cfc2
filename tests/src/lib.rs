//! The harness of the tests: a daemon of its own for each, in a temporary folder, stopped with the test; and the programs to run against it.
//! What is tested is what `cargo build --release --workspace` leaves, or what `SOFTKEEP_BIN_DIR` names.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot be set up has failed

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub mod arguments;
pub mod calls;
pub mod client;
pub mod golden;
pub mod many;
pub mod raw;

pub mod tools;

/// The user PIN of every test vault.
pub const PIN: &str = "1234";
/// The security officer's PIN of every test vault.
pub const SO_PIN: &str = "12345678";
/// The vault that every test daemon has.
pub const VAULT: &str = "dev";

/// Where the programs under test are.
pub fn bin_dir() -> PathBuf {
    let dir = env::var_os("SOFTKEEP_BIN_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release"), PathBuf::from);
    fs::canonicalize(&dir)
        .unwrap_or_else(|_| panic!("{} is not there; run: cargo build --release --workspace", dir.display()))
}

/// A program under test.
pub fn program(name: &str) -> PathBuf {
    let path = bin_dir().join(name);
    assert!(path.exists(), "{} is not there; run: cargo build --release --workspace", path.display());
    path
}

/// The module under test.
pub fn module() -> PathBuf {
    program("libsoftkeep_pkcs11.so")
}

/// A daemon in dev mode on a folder of its own; stopped and cleaned up when dropped.
pub struct Daemon {
    child: Child,
    dir: TempDir,
    args: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Daemon {
    /// Starts one with the vault [`VAULT`].
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further arguments.
    pub fn start_with(args: &[&str]) -> Self {
        Self::start_in(args, |_| Vec::new())
    }

    /// Starts one with further arguments and environment, which may depend on its folder.
    pub fn start_in(args: &[&str], environment: impl FnOnce(&Path) -> Vec<(String, String)>) -> Self {
        let dir = tempfile::Builder::new().prefix("softkeep-test.").tempdir().unwrap();
        // Programs that change their user must still reach the socket.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(
            dir.path().join("pkcs11.conf"),
            format!("endpoint = unix://{}/run/softkeep.sock\n", dir.path().display()),
        )
        .unwrap();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let environment = environment(dir.path());
        let child = spawn(dir.path(), &args, &environment);
        Self { child, dir, args, environment }
    }

    /// The daemon's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the daemon's folder, for the test's own files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `unix:///…`
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.path("run/softkeep.sock")
    }

    /// The daemon's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the daemon's process is alive.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same folder.
    pub fn start_again(&mut self) {
        self.child = spawn(self.dir.path(), &self.args, &self.environment);
    }

    /// A command that knows this daemon: endpoint, module, vault, PIN.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("SOFTKEEP_ENDPOINT", self.endpoint())
            .env("SOFTKEEP_PKCS11_CONF", self.path("pkcs11.conf"))
            .env("SOFTKEEP_VAULT", VAULT)
            .env("SOFTKEEP_TOKEN_LABEL", VAULT)
            .env("SOFTKEEP_PIN", PIN)
            .env("SOFTKEEP_SO_PIN", SO_PIN)
            .env("SOFTKEEP_PKCS11_MODULE", module())
            .env("PKCS11_MODULE_PATH", module())
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.dir())
            .stdin(Stdio::null());
        command
    }

    /// The CLI.
    pub fn softkeep(&self, args: &[&str]) -> Output {
        run(self.command(program("softkeep")).args(args))
    }

    /// The CLI, which must succeed; its standard output.
    pub fn cli(&self, args: &[&str]) -> String {
        stdout_of(self.command(program("softkeep")).args(args))
    }

    /// The CLI's JSON.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.cli(args)).unwrap()
    }

    /// The lines of the audit log, oldest first.
    pub fn audit_lines(&self) -> Vec<serde_json::Value> {
        let lines = self.cli(&["audit", "tail", "--lines", "10000"]);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.path("softkeepd.log")).unwrap_or_default();
            eprintln!("--- softkeepd's log ---\n{log}");
        }
    }
}

fn spawn(dir: &Path, args: &[String], environment: &[(String, String)]) -> Child {
    fs::create_dir_all(dir.join("run")).unwrap();
    let log = fs::OpenOptions::new().create(true).append(true).open(dir.join("softkeepd.log")).unwrap();
    let mut child = Command::new(program("softkeepd"))
        // With the pipe kept in `Child`, a test that is killed takes its daemon along.
        .args(["--dev", "--ready-stdout", "--exit-with-stdin", "--dev-vault", VAULT, "--data-dir"])
        .arg(dir)
        .arg("--listen")
        .arg(format!("unix://{}/run/softkeep.sock", dir.display()))
        .args(args)
        .envs(environment.iter().cloned())
        .env("SOFTKEEPD_DEV_PIN", PIN)
        .env("SOFTKEEPD_DEV_SO_PIN", SO_PIN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let ready = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).any(|line| line == "ready");
    if !ready {
        let status = child.wait().unwrap();
        panic!(
            "softkeepd did not start ({status}): {}",
            fs::read_to_string(dir.join("softkeepd.log")).unwrap_or_default()
        );
    }
    child
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command that must succeed; its standard output and error.
pub fn output_of(command: &mut Command) -> (String, String) {
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    (stdout, stderr)
}

/// Runs a command that must succeed; its standard output.
pub fn stdout_of(command: &mut Command) -> String {
    output_of(command).0
}

/// Waits until something holds, at most so long.
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < limit, "{what} did not happen within {limit:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

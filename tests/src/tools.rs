//! Other people's programs: found, or named with the Debian package that has them; servers that end with the test; and
//! OpenSSL as the judge of what the module answered.

use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Daemon, PIN, VAULT, run, stdout_of};

/// How long a server may take to end after SIGTERM.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Where a program is.
pub fn tool(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = places.map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed; run: apt-get install {package}"))
}

/// A TCP port of the loopback interface that nobody uses at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A process that ends with the test: SIGTERM by its id, and SIGKILL if that is not enough.
pub struct Running(Child);

impl Running {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The child, for its streams.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Sends it SIGTERM and waits; its exit code, if it ended by itself and in time.
    pub fn stop(&mut self) -> Option<i32> {
        if self.is_alive() {
            self.signal(Signal::TERM);
        }
        let start = Instant::now();
        while self.is_alive() && start.elapsed() < END_LIMIT {
            thread::sleep(Duration::from_millis(10));
        }
        if self.is_alive() {
            self.0.kill().unwrap();
        }
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The environment of a program whose wall clock is moved by a file in this folder. Its waits are as long as ever.
pub fn moved_clock(dir: &Path) -> Vec<(String, String)> {
    let library =
        Path::new("/usr/lib").join(format!("{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH));
    assert!(library.exists(), "{} is not there; run: apt-get install libfaketime", library.display());
    let clock = dir.join("clock");
    std::fs::write(&clock, "+0\n").unwrap();
    [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The physical memory of a process (`VmRSS`).
pub fn resident_kibibytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The URI of a private key with its PIN, RFC 7512.
pub fn key_uri(name: &str) -> String {
    format!("pkcs11:token={VAULT};object={name};type=private;pin-value={PIN}")
}

impl Daemon {
    /// A program with this daemon's environment.
    pub fn tool(&self, name: &str, package: &str) -> Command {
        self.command(tool(name, package))
    }

    /// OpenSSL.
    pub fn openssl(&self, args: &[&str]) -> Command {
        let mut command = self.tool("openssl", "openssl");
        command.args(args);
        command
    }

    /// OpenSSL, knowing that its engine `pkcs11` is there. The engine's arguments are the caller's.
    pub fn openssl_engine(&self, args: &[&str]) -> Command {
        let engine = run(&mut self.openssl(&["engine", "pkcs11"]));
        let package = "OpenSSL has no engine pkcs11; run: apt-get install libengine-pkcs11-openssl";
        assert!(engine.status.success(), "{package}");
        self.openssl(args)
    }

    /// Makes a key with the CLI and gives its public half as OpenSSL reads it, `NAME.pem` in the daemon's folder.
    pub fn make_key(&self, name: &str, args: &[&str]) -> PathBuf {
        self.cli(&[&["key", "create", "--name", name, "--output", "none"], args].concat());
        self.download(name)
    }

    /// The public half of a key, as the CLI has it.
    pub fn download(&self, name: &str) -> PathBuf {
        let path = self.path(&format!("{name}.pem"));
        self.cli(&["key", "download", "--name", name, "--file", path.to_str().unwrap()]);
        path
    }

    /// The identifier of a key's current version in hexadecimal, as `pkcs11-tool --id` takes it.
    pub fn key_id(&self, name: &str) -> String {
        let shown = self.json(&["key", "show", "--name", name]);
        shown["key"]["kid"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()
    }

    /// Writes a file into the daemon's folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// OpenSSL's verdict on the signature of a file. The options are `dgst`'s: the hash, the padding.
    pub fn verifies(&self, options: &[&str], public_key: &Path, signature: &Path, file: &Path) -> bool {
        let mut command = self.openssl(&["dgst"]);
        command.args(options).arg("-verify").arg(public_key).arg("-signature").arg(signature).arg(file);
        run(&mut command).status.success()
    }

    /// OpenSSL's verdict on the signature of a digest or DigestInfo as it is. The options are `pkeyutl`'s.
    pub fn verifies_raw(&self, options: &[&str], public_key: &Path, signature: &Path, input: &Path) -> bool {
        let mut command = self.openssl(&["pkeyutl", "-verify", "-pubin", "-inkey"]);
        command.arg(public_key).args(options).arg("-sigfile").arg(signature).arg("-in").arg(input);
        run(&mut command).status.success()
    }

    /// A digest in raw bytes, by OpenSSL, as a file.
    pub fn digest(&self, hash: &str, file: &Path) -> PathBuf {
        let path = file.with_extension(hash);
        stdout_of(self.openssl(&["dgst", &format!("-{hash}"), "-binary", "-out"]).arg(&path).arg(file));
        path
    }

    /// How often a key was used through the module, as the audit log has it.
    pub fn module_uses(&self, operation: &str, key: &str) -> usize {
        self.module_lines(operation, key).len()
    }

    /// The audit lines of a key's uses through the module.
    pub fn module_lines(&self, operation: &str, key: &str) -> Vec<serde_json::Value> {
        let mut lines = self.audit_lines();
        lines.retain(|line| {
            let is = |member: &str, value: &str| line[member] == value;
            is("door", "pkcs11") && is("operation", operation) && is("object", key) && is("outcome", "allowed")
        });
        lines
    }
}

/// A signature r‖s as a DER SEQUENCE of two INTEGERs, which OpenSSL reads.
pub fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len() - 1);
        let sign = (bytes[zeros] >= 0x80).then_some(0);
        let value: Vec<u8> = sign.into_iter().chain(bytes[zeros..].iter().copied()).collect();
        [&[2, u8::try_from(value.len()).unwrap()], &value[..]].concat()
    };
    let (r, s) = signature.split_at(signature.len() / 2);
    let content = [integer(r), integer(s)].concat();
    let length = u8::try_from(content.len()).unwrap();
    let header = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
    [header, content].concat()
}

/// Where the C programs of the tests are.
fn c_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("c")
}

impl Daemon {
    /// Compiles the C program that leads the module through its life (`tests/c`), into the daemon's folder; with
    /// AddressSanitizer, if asked for, which also finds what is left allocated at the end.
    pub fn compile_lifecycle(&self, sanitize: bool) -> Command {
        let program = self.path(if sanitize { "lifecycle-asan" } else { "lifecycle" });
        let mut compile = self.tool("cc", "build-essential");
        compile.args(["-std=gnu11", "-O1", "-g", "-pthread", "-Wall", "-Wextra", "-Werror"]);
        if sanitize {
            compile.arg("-fsanitize=address");
        }
        compile.args(["lifecycle.c", "mixed.c"].map(|name| c_sources().join(name)));
        stdout_of(compile.arg("-o").arg(&program));
        self.command(program)
    }
}

//! `softkeep run` and `softkeep dev` with the real daemon: what the command finds, what the caller gets back, what
//! stays and what is left behind.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use softkeep_tests::{
    module, output_of, program, run, stdout_of,
    tools::{Running, tool},
    wait_until,
};
use tempfile::TempDir;

/// A folder that is `$TMPDIR` and the working folder of everything started in it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("softkeep-test.").tempdir().unwrap();
        for name in ["tmp", "work"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// `softkeep` with these arguments, and a surrounding that knows of no daemon.
    fn softkeep(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program("softkeep"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOFTKEEP")) {
            command.env_remove(name);
        }
        command.args(args).env_remove("PKCS11_MODULE_PATH").env("TMPDIR", self.tmp()).env("HOME", self.work());
        command
            .env("SOFTKEEP", program("softkeep"))
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// `softkeep run OPTIONS -- sh -c SCRIPT`; in the script `$SOFTKEEP` is the CLI.
    fn script(&self, options: &[&str], script: &str) -> Output {
        run(self.softkeep(&["run"]).args(options).args(["--", "sh", "-ec", script]))
    }

    /// The same, which must succeed; its standard output.
    fn run(&self, options: &[&str], script: &str) -> String {
        stdout_of(self.softkeep(&["run"]).args(options).args(["--", "sh", "-ec", script]))
    }

    /// Processes that were started with a path in this folder, such as a daemon.
    fn processes(&self) -> Vec<String> {
        let mine = self.folder.path().to_str().unwrap();
        let lines = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).replace('\0', " "))
        });
        lines.filter(|line| line.contains(mine)).collect()
    }

    /// What is in `$TMPDIR`.
    fn leftovers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.tmp()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.leftovers(), [""; 0]);
        assert_eq!(self.processes(), [""; 0]);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_exit_status_is_the_commands() {
    let bench = Bench::new();
    for (script, code) in [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143)] {
        assert_eq!(bench.script(&[], script).status.code(), Some(code), "{script}");
    }
    let missing = run(&mut bench.softkeep(&["run", "--", "no-such-command-here"]));
    assert_eq!(missing.status.code(), Some(127));
    assert_eq!(run(&mut bench.softkeep(&["run"])).status.code(), Some(2));
    bench.assert_nothing_is_left();
}

#[test]
fn ten_runs_leave_no_process_socket_or_folder() {
    let bench = Bench::new();
    // What is looked for can be found: the daemon and its folder, while a command runs.
    let mut long = bench.softkeep(&["run", "--", "cat"]);
    let mut long = Running::start(long.stdin(Stdio::piped()).stdout(Stdio::null()));
    wait_until("the daemon's start", Duration::from_secs(20), || {
        let sockets =
            bench.leftovers().into_iter().filter(|name| bench.tmp().join(name).join("run/softkeep.sock").exists());
        sockets.count() == 1 && bench.processes().iter().any(|line| line.contains("softkeepd"))
    });
    drop(long.child().stdin.take());
    assert_eq!(long.child().wait().unwrap().code(), Some(0));
    bench.assert_nothing_is_left();
    for _ in 0..10 {
        let done = run(&mut bench.softkeep(&["run", "--", "true"]));
        assert_eq!(
            (done.status.code(), text(&done.stdout), text(&done.stderr)),
            (Some(0), String::new(), String::new())
        );
        bench.assert_nothing_is_left();
    }
}

#[test]
fn a_killed_run_takes_its_daemon_along() {
    let bench = Bench::new();
    let mut command = bench.softkeep(&["run", "--", "cat"]);
    let mut running = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
    wait_until("the daemon's start", Duration::from_secs(20), || !bench.processes().is_empty());
    running.signal(Signal::KILL);
    running.child().wait().unwrap();
    wait_until("the daemon's end", Duration::from_secs(20), || bench.processes().is_empty());
}

#[test]
fn the_variables_lead_to_a_daemon_that_signs() {
    let bench = Bench::new();
    let said = bench.run(&[], "env");
    let value = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} is not set")).to_owned()
    };
    for (name, expected) in [
        ("SOFTKEEP_VAULT", "dev"),
        ("SOFTKEEP_TOKEN_LABEL", "dev"),
        ("SOFTKEEP_PIN", "1234"),
        ("SOFTKEEP_SO_PIN", "12345678"),
        ("SOFTKEEP_PKCS11_MODULE", module().to_str().unwrap()),
        ("PKCS11_MODULE_PATH", module().to_str().unwrap()),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    assert!(value("SOFTKEEP_ENDPOINT").starts_with(&format!("unix://{}/", bench.tmp().display())));
    assert!(!said.contains("SOFTKEEPD_"), "the daemon's own variables are not the command's");

    let (pkcs11_tool, openssl) = (tool("pkcs11-tool", "opensc"), tool("openssl", "openssl"));
    let script = format!(
        "$SOFTKEEP key create --name k --kty EC --output none; $SOFTKEEP key download --name k --file k.pem\n\
         echo text > text\n\
         {} --module $SOFTKEEP_PKCS11_MODULE --token-label $SOFTKEEP_TOKEN_LABEL --login --pin $SOFTKEEP_PIN \
         --sign -m ECDSA-SHA256 --signature-format openssl -i text -o text.sig >&2\n\
         {openssl} dgst -sha256 -verify k.pem -signature text.sig text",
        pkcs11_tool.display(),
        openssl = openssl.display(),
    );
    assert_eq!(bench.run(&[], &script), "Verified OK\n");
    // The module finds the daemon by its configuration file as well.
    fs::remove_file(bench.work().join("k.pem")).unwrap();
    let pkcs11_tool = pkcs11_tool.to_str().unwrap();
    let script = script.replace(pkcs11_tool, &format!("env -u SOFTKEEP_ENDPOINT {pkcs11_tool}"));
    assert_eq!(bench.run(&[], &script), "Verified OK\n");
    bench.assert_nothing_is_left();
}

#[test]
fn each_vault_is_a_token_with_the_pins_asked_for() {
    let bench = Bench::new();
    let pkcs11_tool = tool("pkcs11-tool", "opensc");
    let list = format!("{} --module $SOFTKEEP_PKCS11_MODULE", pkcs11_tool.display());
    let options = ["--vault", "one", "--vault", "two", "--pin", "p-i-n!", "--so-pin", "another one"];
    let script = format!(
        "echo $SOFTKEEP_VAULT $SOFTKEEP_TOKEN_LABEL; {list} -L\n\
         {list} --token-label two --login --pin 'p-i-n!' --keypairgen --key-type EC:prime256v1 --label two\n\
         ! {list} --token-label one --login --pin 1234 -O\n\
         $SOFTKEEP key list --vault-name one --output tsv --query '[].name'\n\
         $SOFTKEEP key list --vault-name two --output tsv --query '[].name'"
    );
    let said = bench.run(&options, &script);
    assert!(said.starts_with("one one\n"), "{said}");
    for label in ["one", "two"] {
        assert!(said.contains(&format!("token label        : {label}\n")), "{said}");
    }
    let names: Vec<&str> = said.lines().rev().take_while(|line| !line.contains(' ')).collect();
    assert_eq!(names, ["two"], "the key is in the vault of its token only: {said}");
    bench.assert_nothing_is_left();
}

#[test]
fn java_finds_the_keys_by_the_configuration_it_is_given() {
    let bench = Bench::new();
    let keytool = tool("keytool", "default-jdk-headless");
    let script = format!(
        "$SOFTKEEP key create --name web --kty EC --output none\n\
         {} -list -keystore NONE -storetype PKCS11 -storepass $SOFTKEEP_PIN \
         -providerClass sun.security.pkcs11.SunPKCS11 -providerArg $SOFTKEEP_JAVA_CONFIG",
        keytool.display()
    );
    let said = bench.run(&[], &script);
    assert!(said.contains("web, PrivateKeyEntry, "), "{said}");
}

#[test]
fn a_data_folder_keeps_its_keys_from_one_run_to_the_next() {
    let bench = Bench::new();
    let folder = bench.work().join("data");
    let options = ["--data-dir", folder.to_str().unwrap()];
    bench.run(
        &options,
        "$SOFTKEEP key create --name k --kty EC -o none; $SOFTKEEP key download --name k --file first.pem",
    );
    assert!(bench.processes().is_empty() && !folder.join("run/softkeep.sock").exists());
    bench.run(
        &options,
        "$SOFTKEEP key download --name k --file second.pem; echo text > text
        $SOFTKEEP key sign --name k --algorithm ES256 --in text --signature-format der --out text.sig",
    );
    let read = |name: &str| fs::read(bench.work().join(name)).unwrap();
    assert_eq!(read("first.pem"), read("second.pem"));
    let mut openssl = Command::new(tool("openssl", "openssl"));
    openssl.current_dir(bench.work()).args([
        "dgst",
        "-sha256",
        "-verify",
        "first.pem",
        "-signature",
        "text.sig",
        "text",
    ]);
    output_of(&mut openssl);
    // The temporary folder of --keep is such a folder afterwards.
    let kept = bench.script(&["--keep"], "$SOFTKEEP key create --name kept -o none");
    assert!(kept.status.success(), "{}", text(&kept.stderr));
    let [left] = &bench.leftovers()[..] else { panic!("{:?}", bench.leftovers()) };
    let left = bench.tmp().join(left);
    assert!(text(&kept.stderr).contains(&format!("keeping {}", left.display())), "{}", text(&kept.stderr));
    let listed = bench.run(&["--data-dir", left.to_str().unwrap()], "$SOFTKEEP key list -o tsv --query '[].name'");
    assert_eq!(listed, "kept\n");
    assert!(bench.processes().is_empty());
}

/// What a shell finds after the exports were pasted into it.
fn in_another_shell(bench: &Bench, exports: &str, script: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-ec", &format!("{exports}\n{script}")]).env("SOFTKEEP", program("softkeep")).current_dir(bench.work());
    stdout_of(&mut shell)
}

#[test]
fn dev_prints_exports_for_another_shell_and_leaves_nothing() {
    let bench = Bench::new();
    let mut command = bench.softkeep(&["dev"]);
    let mut dev = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut stdout = BufReader::new(dev.child().stdout.take().unwrap());
    let mut exports = String::new();
    while !exports.contains("SOFTKEEP_PKCS11_CONF") {
        assert_ne!(stdout.read_line(&mut exports).unwrap(), 0, "{exports}");
    }
    assert!(exports.lines().all(|line| line.starts_with("export ")), "{exports}");
    let script = "$SOFTKEEP key create --name k -o none; $SOFTKEEP key list -o tsv --query '[].name'";
    assert_eq!(in_another_shell(&bench, &exports, script), "k\n");
    dev.signal(Signal::INT);
    assert_eq!(dev.child().wait().unwrap().code(), Some(0));
    bench.assert_nothing_is_left();
}

#[test]
fn the_doctor_finds_nothing_wrong_in_a_run() {
    let bench = Bench::new();
    tool("pkcs11-tool", "opensc"); // the doctor loads the module with it
    let said = bench.run(&[], "$SOFTKEEP key create --name k --kty EC -o none; $SOFTKEEP doctor");
    for line in ["ok    endpoint: ", "ok    version: ", "ok    module loads: ", "ok    signature: "] {
        assert!(said.lines().any(|found| found.starts_with(line)), "{line} in {said}");
    }
    assert!(!said.lines().any(|line| line.starts_with("fail")), "{said}");
    // And it can tell: nobody can use a sealed daemon.
    let ill = bench.script(&[], "$SOFTKEEP seal -o none; $SOFTKEEP doctor");
    assert_eq!(ill.status.code(), Some(1), "{}", text(&ill.stdout));
    assert!(text(&ill.stdout).lines().any(|line| line.starts_with("fail  seal: ")), "{}", text(&ill.stdout));
}

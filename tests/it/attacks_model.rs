//! Attacks on Key Vault's model with the real programs: tokens that are forged, worn out or somebody else's, and what may be learnt with none.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use softkeep_tests::{Daemon, program, stdout_of};

const USER: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

struct Bench {
    daemon: Daemon,
}

impl Bench {
    /// A daemon with an administrator whose token is Ada's, and with Eve, who is nobody.
    fn start() -> Self {
        let user = |_: &std::path::Path| vec![("SOFTKEEPD_DEV_USER".to_owned(), format!("{USER}:{PASSWORD}"))];
        let bench = Self { daemon: Daemon::start_in(&[], user) };
        let eve = ["ad", "user", "create", "--display-name", "Eve", "--password", "battery staple"];
        bench.ok(&[&eve[..], &["--user-principal-name", "eve@example.com"]].concat());
        bench
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.daemon.command(program("softkeep"));
        command.args(args).env("XDG_CONFIG_HOME", self.daemon.path("config")).env_remove("SOFTKEEP_SESSION");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        stdout_of(&mut self.command(args))
    }

    fn refused(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?} was done");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn change_session(&self, change: impl Fn(&mut Value)) {
        let path = self.daemon.path("config/softkeep/session.json");
        let mut all: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        change(&mut all["sessions"][self.daemon.endpoint()]);
        fs::write(path, all.to_string()).unwrap();
    }
}

#[test]
fn a_stranger_with_a_token_does_nothing_and_learns_of_nothing() {
    let bench = Bench::start();
    bench.ok(&["group", "create", "-n", "hidden", "-l", "local"]);
    bench.ok(&["keyvault", "create", "-n", "hidden-vault", "-g", "hidden"]);
    bench.ok(&["keyvault", "secret", "set", "--vault-name", "hidden-vault", "-n", "db", "--value", "the value"]);
    bench.ok(&["login", "-u", "eve@example.com", "-p", "battery staple"]);
    for args in [
        &["keyvault", "list"][..],
        &["group", "list"],
        &["keyvault", "list-deleted"],
        &["role", "assignment", "list", "--all", "--assignee", USER],
        &["role", "assignment", "list", "--all", "--assignee", "nobody@example.com"],
    ] {
        assert_eq!(serde_json::from_str::<Value>(&bench.ok(args)).unwrap(), Value::Array(Vec::new()), "{args:?}");
    }
    for args in [
        &["keyvault", "show", "-n", "VAULT"][..],
        &["keyvault", "secret", "show", "--vault-name", "VAULT", "-n", "db"],
        &["keyvault", "secret", "list", "--vault-name", "VAULT"],
        &["keyvault", "key", "create", "--vault-name", "VAULT", "-n", "mine"],
        &["keyvault", "certificate", "list", "--vault-name", "VAULT"],
        &["keyvault", "delete", "-n", "VAULT"],
        &["keyvault", "set-policy", "-n", "VAULT", "--upn", "eve@example.com", "--secret-permissions", "get"],
    ] {
        let told = |vault: &str| {
            let args: Vec<_> = args.iter().map(|arg| if *arg == "VAULT" { vault } else { arg }).collect();
            let told = bench.refused(&args);
            let without_number = told.lines().map(|line| line.split("request").next().unwrap_or_default());
            without_number.collect::<Vec<_>>().join("\n").replace(vault, "VAULT")
        };
        assert_eq!(told("hidden-vault"), told("absent-vault"), "{args:?}");
    }
    for args in [
        &["role", "assignment", "create", "--assignee", "eve@example.com", "--role", "Owner", "--scope", "/"][..],
        &["ad", "user", "list"],
        &["ad", "user", "show", "--id", USER],
        &["ad", "user", "create", "--display-name", "M", "--password", "battery staple", "--user-principal-name", "m"],
        &["policy", "explain", "--as", USER, "--permission", "sign"],
        &["audit", "tail"],
        &["seal"],
    ] {
        let told = bench.refused(args);
        assert!(told.contains("may not") || told.contains("VAULT_NOT_FOUND"), "{args:?}: {told}");
    }
}

#[test]
fn tokens_are_worth_what_they_were_made_for_on_every_door() {
    let bench = Bench::start();
    bench.ok(&["login", "-u", USER, "-p", PASSWORD]);
    bench.ok(&["keyvault", "list"]);
    bench.change_session(|session| session["accessToken"] = session["refreshToken"].clone());
    for args in [&["keyvault", "list"][..], &["audit", "tail"], &["random", "8"], &["seal"]] {
        let output = bench.run(args);
        assert!(!output.status.success(), "a refresh token opened {args:?}");
    }
    for token in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        bench.change_session(|session| session["accessToken"] = token.into());
        assert!(!bench.run(&["keyvault", "list"]).status.success(), "{token}");
    }
    // The forged token did not fall back to the rights of root, who runs this.
    bench.ok(&["logout"]);
    bench.ok(&["keyvault", "list"]);
}

#[test]
fn who_reads_the_audit_log_reads_no_further_once_they_may_not() {
    let bench = Bench::start();
    bench.ok(&["login", "-u", USER, "-p", PASSWORD]);
    let mut tail = bench.command(&["audit", "tail", "--follow"]);
    let mut tail = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().is_ok(), "an administrator reads it");
    let mut root = bench.command(&["ad", "user", "update", "--id", USER, "--account-enabled", "false"]);
    stdout_of(root.env("XDG_CONFIG_HOME", bench.daemon.path("other")));
    // The stream ends at the first line after it, instead of going on for as long as it stays open.
    let left: Vec<_> = lines.map_while(Result::ok).collect();
    assert!(!tail.wait().unwrap().success());
    assert!(!left.iter().any(|line| line.contains("principal.update") && line.contains("\"done\"")), "{left:?}");
}

//! Signing in from the command line: by password, by certificate, by a code that somebody approves; and what is kept of it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use softkeep_tests::{Daemon, program, stdout_of, tools::tool};

const USER: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

struct Bench {
    daemon: Daemon,
}

impl Bench {
    fn start() -> Self {
        let user = |_: &std::path::Path| vec![("SOFTKEEPD_DEV_USER".to_owned(), format!("{USER}:{PASSWORD}"))];
        let daemon = Daemon::start_in(&[], user);
        fs::write(daemon.path("password"), PASSWORD).unwrap();
        Self { daemon }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.daemon.command(program("softkeep"));
        command.args(args).env("XDG_CONFIG_HOME", self.daemon.path("config")).env_remove("SOFTKEEP_SESSION");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&stdout_of(&mut self.command(args))).unwrap()
    }

    fn login(&self) -> Value {
        self.json(&["login", "--username", USER, "--password", "@password"])
    }

    fn session_file(&self) -> PathBuf {
        self.daemon.path("config/softkeep/session.json")
    }

    fn session(&self) -> Value {
        let all: Value = serde_json::from_str(&fs::read_to_string(self.session_file()).unwrap()).unwrap();
        all["sessions"][self.daemon.endpoint()].clone()
    }

    fn change_session(&self, change: impl Fn(&mut Value)) {
        let mut all: Value = serde_json::from_str(&fs::read_to_string(self.session_file()).unwrap()).unwrap();
        change(&mut all["sessions"][self.daemon.endpoint()]);
        fs::write(self.session_file(), all.to_string()).unwrap();
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_session_is_kept_used_and_ended() {
    let bench = Bench::start();
    assert_eq!(bench.json(&["account", "show"])["user"]["type"], "unixPeer", "the peer's own rights");
    let login = bench.run(&["login", "-u", USER, "-p", PASSWORD]);
    assert!(login.status.success(), "{}", err(&login));
    assert_eq!(err(&login).lines().count(), 1, "one line of warning: {}", err(&login));
    assert!(!err(&login).contains(PASSWORD));
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(bench.session_file()), mode(bench.daemon.path("config/softkeep"))), (0o600, 0o700));
    let token = bench.session()["accessToken"].as_str().unwrap().to_owned();
    assert!(!String::from_utf8_lossy(&login.stdout).contains(&token), "login prints no token");
    assert_eq!(bench.json(&["account", "show"])["user"]["name"], USER);
    assert_eq!(bench.json(&["ad", "signed-in-user", "show"])["userPrincipalName"], USER);
    assert_eq!(bench.json(&["account", "get-access-token"])["accessToken"], token);
    assert!(bench.run(&["logout"]).status.success());
    assert_eq!(bench.json(&["account", "show"])["user"]["type"], "unixPeer");
    let again = bench.run(&["logout"]);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0));
    // The token that was signed out is worth nothing, wherever it is kept.
    bench.login();
    bench.change_session(|session| session["accessToken"] = token.clone().into());
    bench.change_session(|session| session["refreshToken"] = "".into());
    let gone = bench.run(&["keyvault", "list"]);
    assert_eq!(gone.status.code(), Some(4));
    assert!(err(&gone).contains("TOKEN_INVALID"), "{}", err(&gone));
}

#[test]
fn a_token_that_is_about_to_end_is_exchanged_first() {
    let bench = Bench::start();
    bench.login();
    let before = bench.session();
    bench.json(&["keyvault", "list"]);
    assert_eq!(bench.session()["accessToken"], before["accessToken"], "it has an hour left");
    let soon = before["expires"].as_i64().unwrap() - 3600 + 200;
    bench.change_session(|session| session["expires"] = soon.into());
    bench.json(&["keyvault", "list"]);
    let after = bench.session();
    assert_ne!(after["accessToken"], before["accessToken"]);
    assert!(after["expires"].as_i64().unwrap() > soon);
    assert_eq!(bench.json(&["account", "show"])["user"]["name"], USER);
}

#[test]
fn wrong_passwords_and_unknown_names_leave_nothing() {
    let bench = Bench::start();
    for name in [USER, "nobody@example.com"] {
        let refused = bench.run(&["login", "-u", name, "-p", "wrong"]);
        assert_eq!(refused.status.code(), Some(4), "{}", err(&refused));
        assert!(refused.stdout.is_empty() && !bench.session_file().exists());
        assert!(err(&refused).contains("\n  code: UNAUTHENTICATED") && err(&refused).contains("\n  fix: "));
    }
    let nobody_to_ask = bench.run(&["login", "-u", USER]);
    assert_eq!(nobody_to_ask.status.code(), Some(2));
    assert!(err(&nobody_to_ask).contains("@FILE"), "{}", err(&nobody_to_ask));
}

#[test]
fn a_code_is_approved_in_another_terminal() {
    let bench = Bench::start();
    bench.login();
    let mut waiting = bench.command(&["login", "--use-device-code"]);
    let other = bench.daemon.path("other.json");
    let mut waiting =
        waiting.env("SOFTKEEP_SESSION", &other).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(waiting.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.starts_with("To sign in, use ") && said.trim_end().ends_with(" to authenticate."), "{said}");
    let code = said.split("enter the code ").nth(1).unwrap().split(' ').next().unwrap();
    let unknown = bench.run(&["login", "approve", "AAAA-AAAA"]);
    assert!(!unknown.status.success());
    assert_eq!(bench.json(&["login", "approve", code])["signsInAs"], USER);
    let mut printed = String::new();
    waiting.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(waiting.wait().unwrap().success());
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed[0]["user"]["name"], USER);
    assert_eq!(fs::metadata(other).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_service_principal_signs_in_with_its_certificate() {
    let bench = Bench::start();
    for (name, key) in
        [("rsa", ["-newkey", "rsa:2048"].as_slice()), ("ec", &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])]
    {
        let mut openssl = Command::new(tool("openssl", "openssl"));
        openssl.current_dir(bench.daemon.dir()).args(["req", "-x509", "-nodes", "-subj", "/CN=app", "-days", "30"]);
        stdout_of(openssl.args(key).args(["-keyout", "key.pem", "-out", "cert.pem"]).stderr(Stdio::null()));
        let both = ["key.pem", "cert.pem"].map(|file| fs::read_to_string(bench.daemon.path(file)).unwrap()).concat();
        fs::write(bench.daemon.path("app.pem"), both).unwrap();
        let made = bench.json(&["ad", "sp", "create-for-rbac", "-n", name, "--cert", "@cert.pem"]);
        assert_eq!(made["password"], Value::Null, "there is no secret");
        let app = made["appId"].as_str().unwrap().to_owned();
        let login = ["login", "--service-principal", "-u", &app, "--certificate", "app.pem"];
        let account = bench.json(&login);
        assert_eq!(account[0]["user"], serde_json::json!({"name": app, "type": "servicePrincipal"}));
        assert!(bench.session()["refreshToken"].as_str().unwrap().is_empty());
        let refused = bench.run(&["keyvault", "create", "-n", "not-mine"]);
        assert_eq!(refused.status.code(), Some(4), "it has no role: {}", err(&refused));
        bench.run(&["logout"]);
        let secret = bench.run(&["login", "--service-principal", "-u", &app, "-p", "guess"]);
        assert_eq!(secret.status.code(), Some(4));
    }
}

#[test]
fn another_subscription_or_tenant_is_not_here() {
    let bench = Bench::start();
    let other = "00000000-0000-0000-0000-000000000001";
    for line in [
        ["account", "set", "--subscription", other].as_slice(),
        &["keyvault", "list", "--subscription", other],
        &["login", "-u", USER, "-p", "@password", "--tenant", other],
    ] {
        let refused = bench.run(line);
        assert_eq!(refused.status.code(), Some(1), "{line:?} {}", err(&refused));
        assert!(refused.stdout.is_empty() && !bench.session_file().exists());
    }
    let own = bench.json(&["account", "show"])["id"].as_str().unwrap().to_owned();
    assert!(bench.run(&["account", "set", "--subscription", &own]).status.success());
    assert!(bench.run(&["keyvault", "list", "--subscription", &own]).status.success());
}

#[test]
fn what_needs_azure_says_so() {
    let bench = Bench::start();
    for line in [
        ["keyvault", "region", "list", "--hsm-name", "h"].as_slice(),
        &["keyvault", "create", "--hsm-name", "h", "-g", "g"],
        &["keyvault", "key", "get-attestation", "--name", "k"],
        &["login", "--identity"],
        &["provider", "register", "-n", "Microsoft.Compute"],
    ] {
        let refused = bench.run(line);
        assert_eq!(refused.status.code(), Some(1), "{line:?} {}", err(&refused));
        assert!(err(&refused).contains("NEEDS_AZURE"), "{line:?} {}", err(&refused));
    }
    assert_eq!(bench.run(&["keyvault", "region", "fly"]).status.code(), Some(2));
}

#[test]
fn a_shell_completes_names() {
    let bench = Bench::start();
    bench.json(&["key", "create", "-n", "web-server", "--kty", "EC"]);
    bench.json(&["secret", "set", "--vault-name", "dev", "-n", "db-password", "--value", "@password"]);
    let complete = |words: &[&str]| {
        let mut command = bench.command(&["--"]);
        command.args(words).env("SOFTKEEP_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        stdout_of(&mut command)
    };
    let words = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(complete(&["softkeep", "key", "show", "--vault-name", "d"])), ["dev"]);
    assert_eq!(words(complete(&["softkeep", "key", "show", "--vault-name", "dev", "--name", "we"])), ["web-server"]);
    assert_eq!(words(complete(&["softkeep", "keyvault", "secret", "show", "--name", ""])), ["db-password"]);
    assert_eq!(words(complete(&["softkeep", "keyvault", "delete", "-n", "de"])), ["dev"]);
    assert!(words(complete(&["softkeep", "keyv"])).contains(&"keyvault".to_owned()));
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout_of(&mut bench.command(&["completion", shell]));
        assert!(script.contains("SOFTKEEP_COMPLETE") && script.contains("softkeep"), "{shell}");
    }
}

#[test]
fn bash_loads_the_script_and_completes() {
    let bench = Bench::start();
    let softkeep = program("softkeep");
    let script = r#"source <(softkeep completion bash)
COMP_WORDS=(softkeep key show --vault-name d); COMP_CWORD=4; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
eval "$(complete -p softkeep | sed 's/.*-F \([^ ]*\).*/\1 softkeep d --vault-name/')"
printf '%s\n' "${COMPREPLY[@]}""#;
    let path = format!("{}:{}", softkeep.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = bench.daemon.command("bash");
    assert_eq!(stdout_of(bash.args(["-c", script]).env("PATH", path)).trim(), "dev");
}

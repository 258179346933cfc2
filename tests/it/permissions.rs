//! Rights that are taken away while somebody has them: from a program that is logged in, from a service principal, from a token whose time
//! is over. Everything through the programs themselves.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use serde_json::Value;
use softkeep_tests::{Daemon, VAULT, program, run, tools::moved_clock};

use crate::host::Program;

/// A right that is taken away is gone everywhere within this time.
const GONE_WITHIN: Duration = Duration::from_secs(1);

/// Somebody with a folder of their own for their session.
struct Person<'a> {
    daemon: &'a Daemon,
    folder: &'static str,
}

impl Person<'_> {
    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.daemon.command(program("softkeep"));
        let folder = self.daemon.path(self.folder);
        run(command.args(args).env("XDG_CONFIG_HOME", folder).env_remove("SOFTKEEP_SESSION"))
    }

    /// The exit code and what is said of the refusal.
    fn refused(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}");
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn entry<'a>(vault: &'a Value, object_id: &str) -> &'a Value {
    let entries = vault["properties"]["accessPolicies"].as_array().unwrap();
    entries.iter().find(|entry| entry["objectId"] == object_id).unwrap()
}

#[test]
fn a_logged_in_program_loses_what_its_entry_loses() {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "web", "--kty", "EC", "--curve", "P-256"]);
    let mut host = Program::logged_in(&daemon);
    assert_eq!(host.ask("sign web"), "CKR_OK");
    let set = |permissions: &[&str]| {
        let args =
            [&["keyvault", "set-policy", "--name", VAULT, "--object-id", "pin:user", "--key-permissions"], permissions];
        daemon.cli(&args.concat());
        Instant::now()
    };
    let taken = set(&["get", "list", "verify"]);
    while host.ask("sign web") == "CKR_OK" {
        assert!(taken.elapsed() < GONE_WITHIN, "it still signs");
    }
    let told = daemon.json(&["policy", "explain", "--as", "pin:user", "--permission", "sign", "--name", "web"]);
    assert_eq!((&told["allowed"], told["reasons"].as_array().unwrap().len()), (&Value::Bool(false), 2), "{told}");
    set(&["all"]);
    assert_eq!(host.ask("sign web"), "CKR_OK", "the same login, as if nothing had been");
    // Without its entry it has none of it.
    daemon.cli(&["keyvault", "delete-policy", "--name", VAULT, "--object-id", "pin:user"]);
    assert_ne!(host.ask("sign web"), "CKR_OK");
    let refusals = daemon.audit_lines();
    let refused = refusals.iter().filter(|line| line["operation"] == "sign" && line["outcome"] == "refused").count();
    assert!(refused >= 2, "every refusal is on record");
}

#[test]
fn who_may_not_change_policies_changes_nothing() {
    let daemon = Daemon::start();
    let app = daemon.json(&["ad", "sp", "create-for-rbac", "--name", "MyApp"]);
    let (id, secret) = (app["appId"].as_str().unwrap(), app["password"].as_str().unwrap());
    let service = Person { daemon: &daemon, folder: "service" };
    service.json(&["login", "--service-principal", "--username", id, "--password", secret]);
    let grab = ["keyvault", "set-policy", "--name", VAULT, "--spn", id, "--secret-permissions", "get"];
    // What it was granted nothing in, it may not even know of.
    let (exit, said) = service.refused(&grab);
    assert!(exit == 3 && said.contains("VAULT_NOT_FOUND"), "{exit} {said}");
    daemon.cli(&["keyvault", "set-policy", "--name", VAULT, "--spn", id, "--key-permissions", "get", "sign"]);
    let before = daemon.json(&["keyvault", "show", "--name", VAULT]);
    let (exit, said) = service.refused(&grab);
    assert!(exit == 4 && said.contains("PERMISSION_DENIED") && said.contains("fix:"), "{exit} {said}");
    let scope = format!("/subscriptions/{}", daemon.json(&["account", "show"])["id"].as_str().unwrap());
    let (exit, said) =
        service.refused(&["role", "assignment", "create", "--role", "Owner", "--assignee", id, "--scope", &scope]);
    assert!(exit == 4 && said.contains("PERMISSION_DENIED"), "{exit} {said}");
    let sp = daemon.json(&["ad", "sp", "show", "--id", id]);
    assert_eq!(entry(&before, sp["id"].as_str().unwrap())["permissions"]["secrets"], Value::Array(Vec::new()));
    assert_eq!(daemon.json(&["keyvault", "show", "--name", VAULT])["properties"], before["properties"]);
    // A name that is no permission changes nothing either.
    let administrator = Person { daemon: &daemon, folder: "administrator" };
    let (exit, said) =
        administrator.refused(&["keyvault", "set-policy", "--name", VAULT, "--spn", id, "--key-permissions", "fly"]);
    assert!(exit != 0 && said.contains("fly") && said.contains("wrapKey"), "{said}");
    assert_eq!(daemon.json(&["keyvault", "show", "--name", VAULT])["properties"], before["properties"]);
    // Its tokens end with it.
    daemon.cli(&["ad", "sp", "delete", "--id", id]);
    let (exit, said) = service.refused(&["key", "list", "--vault-name", VAULT]);
    assert!(exit == 4 && said.contains("TOKEN_INVALID"), "{exit} {said}");
}

#[test]
fn a_token_is_refused_after_its_time_and_before_it() {
    let daemon = Daemon::start_in(&[], |dir| {
        let mut environment = moved_clock(dir);
        environment.push(("SOFTKEEPD_DEV_USER".to_owned(), "ada:correct horse".to_owned()));
        environment
    });
    daemon.write("password", "correct horse");
    let ada = Person { daemon: &daemon, folder: "ada" };
    ada.json(&["login", "--username", "ada", "--password", "@password"]);
    ada.json(&["key", "list", "--vault-name", VAULT]);
    for (clock, word) in [("+100d\n", "expired"), ("-1d\n", "the clock was set back")] {
        daemon.write("clock", clock);
        let (exit, said) = ada.refused(&["key", "list", "--vault-name", VAULT]);
        assert!(exit == 4 && said.contains("TOKEN_INVALID") && said.contains(word), "{clock}: {exit} {said}");
    }
    daemon.write("clock", "+0\n");
    ada.json(&["key", "list", "--vault-name", VAULT]);
}

/// What `keyvault show` prints as a vault's id is a scope, also where the vault is in no group.
#[test]
fn a_role_is_given_at_the_id_that_a_vault_shows() {
    let daemon = Daemon::start();
    daemon.cli(&["keyvault", "create", "--name", "roles", "--enable-rbac-authorization", "true"]);
    daemon.cli(&["secret", "set", "--vault-name", "roles", "--name", "word", "--value", "w"]);
    let robot = daemon.json(&["ad", "sp", "create-for-rbac", "--name", "robot", "--password", "robot-secret-1"]);
    let (app, tenant) = (robot["appId"].as_str().unwrap(), robot["tenant"].as_str().unwrap());
    let person = Person { daemon: &daemon, folder: "robot" };
    person.json(&["login", "--service-principal", "-u", app, "-p", "robot-secret-1", "--tenant", tenant]);
    let show = ["secret", "show", "--vault-name", "roles", "--name", "word"];
    assert_eq!(person.refused(&show).0, 3, "no role yet");
    let scope = daemon.json(&["keyvault", "show", "--name", "roles"])["id"].as_str().unwrap().to_owned();
    let assign =
        ["role", "assignment", "create", "--assignee", app, "--role", "Key Vault Secrets User", "--scope", &scope];
    daemon.cli(&assign);
    assert_eq!(person.json(&show)["value"], "w");
    let refused =
        Person { daemon: &daemon, folder: "nobody" }.refused(&["group", "create", "-n", "SoftKeep", "-l", "local"]);
    assert_eq!(refused.0, 1, "no group has the name that stands for none: {}", refused.1);
}

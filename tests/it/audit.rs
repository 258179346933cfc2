//! The audit log of a real daemon: what is on record, and that nobody can change it unnoticed.

use std::{fs, path::PathBuf, thread, time::Duration};

use serde_json::Value;
use softkeep_tests::{Daemon, run, wait_until};

use crate::host::Program;

/// Anchors are written each second.
const ANCHORED: Duration = Duration::from_millis(2500);

fn log(daemon: &Daemon) -> PathBuf {
    daemon.path("data/audit/audit-000001.jsonl")
}

fn is(line: &Value, members: &[(&str, &str)]) -> bool {
    members.iter().all(|(name, value)| line[*name] == **value)
}

#[test]
fn decisions_and_uses_are_on_record() {
    let daemon = Daemon::start();
    daemon.cli(&["key", "create", "--name", "ec", "--kty", "EC", "--curve", "P-256"]);
    daemon.cli(&["key", "create", "--name", "off", "--kty", "EC", "--curve", "P-256", "--disabled"]);
    fs::write(daemon.path("message"), "message").unwrap();
    let sign =
        |name: &str| daemon.softkeep(&["key", "sign", "--name", name, "--algorithm", "ES256", "--in", "message"]);
    assert!(sign("ec").status.success());
    assert_eq!(sign("off").status.code(), Some(4), "a disabled key");
    let mut host = Program::logged_in(&daemon);
    assert_eq!(host.ask("sign ec"), "CKR_OK");
    let mut guessing = Program::host(&daemon);
    assert_eq!(guessing.ask("login wrong-guess"), "CKR_PIN_INCORRECT");
    daemon.cli(&["token", "set-pin", "--pin", "new-secret"]);
    assert_eq!(host.ask("sign ec"), "CKR_USER_NOT_LOGGED_IN");

    let grpc = [("door", "grpc"), ("vault", "dev")];
    let module = [("door", "pkcs11"), ("vault", "dev")];
    let expected = [
        ("key made", [("operation", "key.create"), ("outcome", "done"), ("object", "ec")], grpc),
        ("signed over gRPC", [("operation", "sign"), ("outcome", "allowed"), ("object", "ec")], grpc),
        ("refused over gRPC", [("operation", "sign"), ("outcome", "refused"), ("code", "KEY_DISABLED")], grpc),
        ("logged in", [("operation", "login"), ("outcome", "done"), ("object", "user")], module),
        ("wrong PIN", [("operation", "login"), ("outcome", "failed"), ("code", "PIN_INCORRECT")], module),
        ("signed through the module", [("operation", "sign"), ("outcome", "allowed"), ("object", "ec")], module),
        ("PIN set", [("operation", "token.set-pin"), ("outcome", "done"), ("object", "user")], grpc),
    ];
    // Uses are on disk within 50 ms.
    wait_until("the last use on record", Duration::from_secs(5), || {
        let lines = daemon.audit_lines();
        lines.iter().any(|line| is(line, &[("outcome", "refused"), ("door", "pkcs11"), ("operation", "sign")]))
    });
    let lines = daemon.audit_lines();
    for (what, first, second) in expected {
        let found: Vec<_> = lines.iter().filter(|line| is(line, &first) && is(line, &second)).collect();
        // The right PIN and the wrong one; a use that goes well has no second record.
        let count = if what == "tries to log in" { 2 } else { 1 };
        assert_eq!(found.len(), count, "{what}: {lines:#?}");
        assert!(found[0]["caller"].as_str().unwrap().contains("uid:"), "{what} names the caller: {found:?}");
    }
    let text = lines.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("wrong-guess") && !text.contains("new-secret"), "no PIN is on record");
    let report = daemon.json(&["audit", "verify"]);
    assert_eq!((&report["intact"], &report["findings"]), (&Value::Bool(true), &serde_json::json!([])));
    assert!(report["records"].as_u64().unwrap() >= lines.len() as u64, "{report}");
}

/// Makes a log, stops the daemon, tampers, starts again: what `audit verify` finds.
fn findings_after(tamper: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
    let mut daemon = Daemon::start();
    for number in 0..4 {
        let name = format!("key-{number}");
        daemon.cli(&["key", "create", "--name", &name, "--kty", "EC", "--curve", "P-256"]);
    }
    thread::sleep(ANCHORED);
    assert_eq!(daemon.json(&["audit", "verify"])["intact"], true);
    daemon.kill();
    let path = log(&daemon);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    assert!(lines.len() > 8, "{lines:?}");
    tamper(&mut lines);
    fs::write(&path, lines.into_iter().map(|line| line + "\n").collect::<String>()).unwrap();
    daemon.start_again();
    // Whatever was done to the log, the keys still serve.
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 4);
    let output = daemon.softkeep(&["audit", "verify"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not intact"), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["intact"], false);
    // Found once, found for ever: also after the next start.
    daemon.kill();
    daemon.start_again();
    assert_eq!(
        run(daemon.command(softkeep_tests::program("softkeep")).args(["audit", "verify"])).status.code(),
        Some(1)
    );
    report["findings"].as_array().unwrap().iter().map(|finding| finding.as_str().unwrap().to_owned()).collect()
}

/// The first line, counted from 0, that is this operation's.
fn position(lines: &[String], operation: &str) -> usize {
    let member = format!("\"operation\":\"{operation}\"");
    lines.iter().position(|line| line.contains(&member)).unwrap_or_else(|| panic!("no {operation} in {lines:#?}"))
}

/// At least one finding names the file and one of these lines, counted from 1.
fn assert_names(findings: &[String], lines: &[usize]) {
    let named =
        |line: &usize| findings.iter().any(|finding| finding.starts_with(&format!("audit-000001.jsonl:{line}: ")));
    assert!(lines.iter().any(named), "no finding names a line of {lines:?}: {findings:?}");
}

#[test]
fn one_edited_character_is_found() {
    let mut edited = 0;
    let findings = findings_after(|lines| {
        edited = position(lines, "key.create");
        lines[edited] = lines[edited].replace("key-0", "key-9");
    });
    assert_names(&findings, &[edited + 1]);
}

#[test]
fn a_removed_line_is_found() {
    let mut removed = 0;
    let findings = findings_after(|lines| {
        removed = position(lines, "key.create");
        lines.remove(removed);
    });
    // The line that now stands in its place does not follow the one before.
    assert_names(&findings, &[removed + 1]);
}

#[test]
fn two_swapped_lines_are_found() {
    let mut first = 0;
    let findings = findings_after(|lines| {
        first = position(lines, "key.create");
        lines.swap(first, first + 1);
    });
    assert_names(&findings, &[first + 1, first + 2]);
}

#[test]
fn a_log_cut_off_before_its_last_anchor_is_found() {
    let findings = findings_after(|lines| {
        let half = lines.len() / 2;
        lines.truncate(half);
    });
    let says = |finding: &String| finding.contains("truncated") && finding.contains("audit-000001.jsonl");
    assert!(findings.iter().any(says), "{findings:?}");
}

//! A folder of a thousand PEM files: all come in, bad ones are reported and stop nothing, and a run that was broken off goes on where it was.

use std::{
    collections::HashMap,
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;
use softkeep_tests::{Daemon, program, run, stdout_of, wait_until};

/// Files in the folder.
const FILES: usize = 1000;

fn lines(daemon: &Daemon) -> Vec<Value> {
    let text = fs::read_to_string(daemon.path("results.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn statuses(daemon: &Daemon) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in lines(daemon) {
        *counts.entry(line["status"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// All names in the vault, over however many pages.
fn names(daemon: &Daemon) -> Vec<String> {
    let list = daemon.json(&["key", "list"]);
    list.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

/// One key from openssl, and as many others: P-256 private keys are numbers, and a shell makes a thousand of them soon.
fn make_files(daemon: &Daemon) {
    let script = format!(
        "mkdir pems && cd pems && for i in $(seq -w 1 {FILES}); do \
         openssl ecparam -name prime256v1 -genkey -noout -out site-$i.example.pem || exit 1; done"
    );
    stdout_of(daemon.command("sh").args(["-c", &script]));
}

const IMPORT: [&str; 6] = ["key", "import", "--pem-dir", "pems", "--results", "results.jsonl"];

#[test]
fn a_thousand_files_come_in_although_the_run_is_killed_in_the_middle() {
    let daemon = Daemon::start();
    make_files(&daemon);
    let mut child = daemon.command(program("softkeep")).args(IMPORT).stdout(Stdio::null()).spawn().unwrap();
    wait_until("a hundred imports", Duration::from_secs(60), || lines(&daemon).len() >= 100);
    child.kill().unwrap();
    child.wait().unwrap();
    let before = statuses(&daemon)["imported"];
    assert!((100..FILES).contains(&before), "{before}");
    // What a crash in the middle of a line leaves.
    let mut text = fs::read(daemon.path("results.jsonl")).unwrap();
    text.truncate(text.len() - 30);
    fs::write(daemon.path("results.jsonl"), text).unwrap();

    let start = Instant::now();
    let done = daemon.json(&IMPORT);
    assert_eq!(done["failed"], 0);
    let (imported, skipped) = (done["imported"].as_u64().unwrap(), done["skipped"].as_u64().unwrap());
    assert_eq!((imported + skipped) as usize, FILES);
    assert!(skipped as usize >= before - 1, "{done}");
    println!("{imported} files in {:?}", start.elapsed());

    // Each once: what the first run had made without a line in the file was not made again.
    let names = names(&daemon);
    assert_eq!(names.len(), FILES);
    assert!(names.contains(&"site-0001-example".to_owned()));
    for number in ["0001", "0500", "1000"] {
        let name = format!("site-{number}-example");
        let versions = daemon.json(&["key", "list-versions", "--name", &name]);
        assert_eq!(versions.as_array().unwrap().len(), 1, "{name}");
        daemon.cli(&["key", "download", "--name", &name, "--file", &format!("{name}.pub")]);
        let pem = format!("pems/site-{number}.example.pem");
        let public = stdout_of(&mut daemon.openssl(&["pkey", "-in", &pem, "-pubout"]));
        assert_eq!(fs::read_to_string(daemon.path(&format!("{name}.pub"))).unwrap(), public);
    }
    let again = daemon.json(&IMPORT);
    assert_eq!((&again["imported"], &again["skipped"]), (&0.into(), &FILES.into()));
}

#[test]
fn bad_files_are_reported_and_stop_nothing() {
    let daemon = Daemon::start();
    let script = "mkdir pems && cd pems && \
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out good.pem 2>/dev/null && \
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.pem 2>/dev/null && \
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out a.key && \
        openssl pkcs8 -topk8 -v2 aes-256-cbc -in good.pem -out locked.pem -passout pass:secret && \
        cp a.key under_score.p8 && cp a.key under.score.p8 && cp good.pem notes.txt && \
        echo nonsense > broken.pem && head -c 200 good.pem > cut.pem";
    stdout_of(daemon.command("sh").args(["-c", script]));
    let first = run(daemon.command(program("softkeep")).args(IMPORT));
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    let reply: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!((&reply["imported"], &reply["failed"]), (&3.into(), &5.into()), "{reply}");
    let stderr = String::from_utf8(first.stderr).unwrap();
    assert!(stderr.contains("5 files were not imported") && stderr.contains("results.jsonl"), "{stderr}");
    let line = |file: &str| lines(&daemon).into_iter().find(|line| line["file"] == file).unwrap();
    assert_eq!(line("weak.pem")["code"], "KEY_TOO_WEAK");
    assert_eq!(line("broken.pem")["code"], "KEY_INVALID");
    assert!(line("locked.pem")["error"].as_str().unwrap().contains("encrypted"));
    assert!(line("under_score.p8")["error"].as_str().unwrap().contains("under.score.p8"));
    let imported = ["a", "good", "under-score"];
    assert_eq!(names(&daemon), imported);

    // With the password, and the others put right, the rest follows.
    daemon.write("password", "secret\n");
    for file in ["weak.pem", "broken.pem", "cut.pem", "under_score.p8"] {
        fs::remove_file(daemon.path("pems").join(file)).unwrap();
    }
    let second = daemon.json(&[&IMPORT[..], &["--pem-password", "@password"]].concat());
    assert_eq!((&second["imported"], &second["skipped"], &second["failed"]), (&1.into(), &3.into(), &0.into()));
    // A file that has changed is another key: a new version.
    stdout_of(daemon.command("sh").args(["-c", "openssl genpkey -algorithm ED25519 -out pems/a.key"]));
    let third = daemon.json(&[&IMPORT[..], &["--pem-password", "@password"]].concat());
    assert_eq!((&third["imported"], &third["skipped"]), (&1.into(), &3.into()));
    assert_eq!(daemon.json(&["key", "list-versions", "--name", "a"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_dry_run_of_a_folder_changes_nothing() {
    let daemon = Daemon::start();
    stdout_of(daemon.command("sh").args(["-c", "mkdir pems && openssl genpkey -algorithm ED25519 -out pems/a.pem"]));
    let dry = daemon.json(&[&IMPORT[..], &["--dry-run"]].concat());
    assert_eq!((&dry["checked"], &dry["imported"]), (&1.into(), &0.into()));
    assert!(names(&daemon).is_empty());
    assert_eq!(daemon.json(&IMPORT)["imported"], 1);
}

#[test]
fn a_daemon_that_goes_away_ends_the_run_and_the_next_one_goes_on() {
    let mut daemon = Daemon::start_with(&[]);
    let script =
        "mkdir pems && cd pems && for i in $(seq 1 40); do openssl genpkey -algorithm ED25519 -out k$i.pem; done";
    stdout_of(daemon.command("sh").args(["-c", script]));
    daemon.kill();
    let gone = daemon.softkeep(&IMPORT);
    assert_eq!(gone.status.code(), Some(5), "{gone:?}");
    daemon.start_again();
    assert_eq!(daemon.json(&IMPORT)["imported"], 40);
}

//! Secrets through gRPC by a client in Python, after `kill -9`, and as data objects of PKCS#11. What the client asserts
//! is in `tests/python/secrets.py`.

use std::{fs, path::PathBuf};

use serde_json::Value;
use softkeep_tests::{Daemon, PIN, run, stdout_of};

use crate::{
    pkcs11_tool::tool,
    python_grpc::{python_with, source, stubs},
};

/// The Python client.
struct Client {
    python: PathBuf,
    stubs: PathBuf,
}

impl Client {
    fn new(daemon: &Daemon) -> Self {
        let python = python_with("requirements.txt");
        let stubs = stubs(daemon, &python);
        Self { python, stubs }
    }

    fn runs(&self, daemon: &Daemon, steps: &[&str]) {
        let endpoint = format!("unix:{}", daemon.socket().display());
        let mut command = daemon.command(&self.python);
        let said = stdout_of(command.arg(source("secrets.py")).arg(endpoint).arg(&self.stubs).args(steps));
        assert_eq!(said, steps.join("\n") + "\n");
    }
}

/// A secret's value as the CLI tells it.
fn value(daemon: &Daemon, name: &str) -> Value {
    daemon.json(&["keyvault", "secret", "show", "--vault-name", "dev", "--name", name])["value"].clone()
}

#[test]
fn a_python_client_keeps_its_secrets_here_and_they_outlive_a_crash() {
    let mut daemon = Daemon::start();
    Client::new(&daemon).runs(&daemon, &["values", "versions", "deletion"]);
    daemon.kill();
    daemon.start_again();
    assert_eq!(value(&daemon, "many"), "29", "restored before the crash");
    for file in files_of(&daemon) {
        let content = fs::read(&file).unwrap();
        assert!(!content.windows(8).any(|window| window == b"line two"), "{} has a value in the clear", file.display());
    }
}

/// What the daemon has written: store and audit log.
fn files_of(daemon: &Daemon) -> Vec<PathBuf> {
    let mut folders = vec![daemon.dir().to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.file_name().is_some_and(|name| name == "stubs") => {}
                true => folders.push(path),
                false if path.is_file() => files.push(path),
                false => {}
            }
        }
    }
    assert!(files.iter().any(|file| file.extension().is_some_and(|extension| extension == "db")), "{files:?}");
    files
}

/// What `--read-object` gives of a vault's data object, with a login or without.
fn read(daemon: &Daemon, label: &str, login: &[&str]) -> Result<Vec<u8>, String> {
    let _ = fs::remove_file(daemon.path("read"));
    let read = ["--read-object", "--type", "data", "--label", label, "-o", "read"];
    let output = run(tool(daemon, login).args(read));
    match fs::read(daemon.path("read")) {
        Ok(bytes) if output.status.success() => Ok(bytes),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn a_published_secret_is_a_private_data_object_for_who_may_read_secrets() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    client.runs(&daemon, &["publish"]);
    let login = ["--login", "--pin", PIN];
    let listed = stdout_of(&mut tool(&daemon, &[&login[..], &["-O", "--type", "data"]].concat()));
    assert!(listed.contains("'shown'"), "{listed}");
    assert!(!stdout_of(&mut tool(&daemon, &["-O", "--type", "data"])).contains("shown"), "it is private");
    assert!(read(&daemon, "shown", &login).is_err(), "a PIN user reads no secrets unless the vault says so");
    client.runs(&daemon, &["grant"]);
    assert_eq!(read(&daemon, "shown", &login).unwrap(), b"line one\r\nline two \t\0\xff ");
    assert!(read(&daemon, "shown", &[]).is_err());
    let mut delete = tool(&daemon, &login);
    let delete = run(delete.args(["--delete-object", "--type", "data", "--label", "shown"]));
    assert!(!delete.status.success(), "PKCS#11 shows it and no more");
    client.runs(&daemon, &["revoke"]);
    assert!(read(&daemon, "shown", &login).is_err(), "at once");
}

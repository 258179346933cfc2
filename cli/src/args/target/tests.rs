//! What is named, by name and by identifier.

use clap::Parser;

use super::*;
use crate::args::GlobalArgs;

const VERSION: &str = "0123456789abcdef0123456789abcdef";

fn settings(vault: Option<&str>) -> Settings {
    let env = |name: &str| vault.filter(|_| name == "SOFTKEEP_VAULT").map(str::to_owned);
    Settings::resolve(&GlobalArgs::default(), &env, Vec::new(), &|_| false).unwrap()
}

#[derive(Parser)]
struct Probe<T: Args> {
    #[command(flatten)]
    target: T,
}

fn probe<T: Args>(line: &str) -> T {
    Probe::<T>::try_parse_from(["probe"].into_iter().chain(line.split_whitespace())).unwrap().target
}

fn check(line: &str, found: Result<Object>, expected: Option<(&str, &str, &str)>) {
    match (found, expected) {
        (Ok(key), Some(expected)) => {
            assert_eq!((key.vault.as_str(), key.name.as_str(), key.version.as_str()), expected, "{line}");
        }
        (Err(error), None) => assert_eq!(error.exit() as u8, 2, "{line}"),
        (found, _) => panic!("{line}: {found:?}"),
    }
}

#[test]
fn keys() {
    let key = |line: &str, expected| {
        let found = probe::<VersionTarget>(line).resolve(&settings(Some("dev")));
        let object = found.map(|key| Object { vault: key.vault, name: key.name, version: key.version });
        check(line, object, expected);
    };
    key("-n k", Some(("dev", "k", "")));
    key("--vault-name v -n k", Some(("v", "k", "")));
    key(&format!("-n k -v {}", VERSION.to_uppercase()), Some(("dev", "k", VERSION)));
    key(&format!("--id https://v.x/keys/k/{VERSION}"), Some(("v", "k", VERSION)));
    key(&format!("--id https://v.x/keys/k/{VERSION} -v {VERSION}"), Some(("v", "k", VERSION)));
    key(&format!("--id https://v.x/keys/k/{VERSION} -v 1"), None);
    key("--id https://v.x", None);
    key("--id https://v.x/secrets/k", None);
    key("", None);
    assert!(probe::<VersionTarget>("-n k").resolve(&settings(None)).is_err());
    let hsm = probe::<VersionTarget>("--hsm-name h -n k").resolve(&settings(None)).unwrap_err();
    assert!(hsm.render().contains("NEEDS_AZURE"));
}

#[test]
fn secrets() {
    let secret = |line: &str, expected| {
        let found = probe::<ObjectVersionTarget>(line).resolve(Collection::Secrets, &settings(Some("dev")));
        check(line, found, expected);
    };
    secret("-n s", Some(("dev", "s", "")));
    secret("--id https://v.x:8443/secrets/s/", Some(("v", "s", "")));
    secret("--id https://v.x/secret/s", Some(("v", "s", "")));
    secret("--id https://v.x/deletedsecrets/s", Some(("v", "s", "")));
    secret("--id https://v.x/keys/s", None);
}

#[test]
fn vaults() {
    for line in ["--vault-name v", "--id https://v.x", "--id https://v.x/keys/"] {
        assert_eq!(probe::<KeysTarget>(line).resolve(&settings(None)).unwrap(), "v", "{line}");
    }
}

#[test]
fn versions_are_not_deleted_alone() {
    let object = |version: &str| Object { vault: String::new(), name: String::new(), version: version.to_owned() };
    assert!(object("").whole("deleted").is_ok());
    assert_eq!(object(VERSION).whole("deleted").unwrap_err().message(), "a version cannot be deleted alone");
}

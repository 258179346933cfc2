//! The grammar, as users write it.

use clap::CommandFactory;

use super::*;
use crate::commands::{self, key, keyvault};

fn parse(line: &str) -> std::result::Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_grammar_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn az_lines_parse() {
    for line in [
        "softkeep keyvault create --name ContosoKeyVault --resource-group ContosoResourceGroup --location EastAsia",
        "softkeep keyvault create -n ContosoKeyVault -g G -l L --sku Premium --tags a=b c --retention-days 7",
        "softkeep keyvault list -o table",
        "softkeep keyvault show --name ContosoKeyVault",
        "softkeep keyvault delete --name ContosoKeyVault",
        "softkeep keyvault key create --vault-name V --name K --protection software",
        "softkeep keyvault key create --vault-name V -n K -p hsm --kty rsa-hsm --size 3072 --ops sign verify wrapkey --disabled true",
        "softkeep key create --id https://v.x/keys/k --curve P-256 --expires 2027-01-01T00:00:00Z --not-before 2026-01-01",
        "softkeep keyvault key import --vault-name V --name K --pem-file ./k.pem --pem-password p --protection software",
        "softkeep key list --vault-name V --maxresults 3 --query [].kid",
        "softkeep key list --id https://v.x",
        "softkeep key list-versions -n K",
        "softkeep key create -n K --kty oct-HSM --size 256",
        "softkeep key list-deleted --vault-name V",
        "softkeep keyvault key recover --vault-name V -n K",
        "softkeep key show -n K -v 0123456789abcdef0123456789abcdef",
        "softkeep key delete -n K",
        "softkeep key download -n K -f k.pem -e der",
        "softkeep key sign -n K -a ES256 --digest AAAA",
        "softkeep key sign -n K -a es256 --in file --signature-format der --out sig",
        "softkeep key verify -n K -a ES256 --digest AAAA --signature AAAA",
        "softkeep key encrypt -n K -a RSA-OAEP --value x --data-type plaintext",
        "softkeep key decrypt -n K -a rsa-oaep-256 --value x",
        "softkeep token set-so-pin --vault-name V --pin-file -",
        "softkeep token set-pin --pin -",
        "softkeep token unlock --peer uid:1000",
        "softkeep token show",
        "softkeep status",
        "softkeep seal",
        "softkeep unseal --passphrase-file -",
        "softkeep env",
        "softkeep doctor -o json",
        "softkeep audit tail --lines 3 --follow",
        "softkeep audit verify",
        "softkeep dev --vault a --user me:secret",
        "softkeep run --vault a --vault b --pin 1 --so-pin 2 --keep --data-dir d -- ls -o x --query",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}\n{error}");
        }
    }
}

#[test]
fn wrong_lines_are_usage_errors() {
    for line in [
        "softkeep",
        "softkeep key",
        "softkeep key sign -n K -a ES256",
        "softkeep key sign -n K -a ES256 --digest AAAA --in f",
        "softkeep key create --id https://v.x/keys/k --name k",
        "softkeep key create -n K --curve P-192",
        "softkeep key import -n K",
        "softkeep key import -n K --pem-file a --pem-string b",
        "softkeep keyvault delete",
        "softkeep keyvault create -n V --retention-days 6",
        "softkeep run ls",
        "softkeep run --user nopassword -- ls",
        "softkeep token set-pin --pin 1 --pin-file f",
        "softkeep status -o xml",
    ] {
        let error = parse(line).err().unwrap_or_else(|| panic!("{line}"));
        assert!(error.use_stderr(), "{line}");
        let usage = usage(&error.to_string());
        assert_eq!(usage.exit() as u8, 2);
        let text = usage.render();
        assert_eq!(text.lines().count(), 3, "{line}\n{text}");
        assert!(text.starts_with("error: ") && text.contains("\n  code: USAGE\n  fix: "), "{line}\n{text}");
    }
    assert!(!parse("softkeep key sign --help").err().unwrap().use_stderr());
    assert!(!parse("softkeep --version").err().unwrap().use_stderr());
}

#[test]
fn key_is_an_alias() {
    let long = parse("softkeep keyvault key list").unwrap().command;
    let short = parse("softkeep key list").unwrap().command;
    assert!(matches!(long, commands::Command::Keyvault(keyvault::Command::Key(key::Command::List(_)))));
    assert!(matches!(short, commands::Command::Key(key::Command::List(_))));
}

fn settings(vault: Option<&str>) -> Settings {
    let env = |name: &str| vault.filter(|_| name == "SOFTKEEP_VAULT").map(str::to_owned);
    Settings::resolve(&GlobalArgs::default(), &env, Vec::new(), &|_| false).unwrap()
}

#[derive(Parser)]
struct Probe {
    #[command(flatten)]
    target: VersionTarget,
    #[command(flatten)]
    attributes: AttributeArgs,
}

fn probe(line: &str) -> Probe {
    Probe::try_parse_from(["probe"].into_iter().chain(line.split_whitespace())).unwrap()
}

#[test]
fn targets() {
    let version = "0123456789abcdef0123456789abcdef";
    let check = |line: &str, expected: Option<(&str, &str, &str)>| match (
        probe(line).target.resolve(&settings(Some("dev"))),
        expected,
    ) {
        (Ok(key), Some(expected)) => {
            assert_eq!((key.vault.as_str(), key.name.as_str(), key.version.as_str()), expected, "{line}")
        }
        (Err(error), None) => assert_eq!(error.exit() as u8, 2, "{line}"),
        (found, _) => panic!("{line}: {found:?}"),
    };
    check("-n k", Some(("dev", "k", "")));
    check("--vault-name v -n k", Some(("v", "k", "")));
    check(&format!("-n k -v {}", version.to_uppercase()), Some(("dev", "k", version)));
    check(&format!("--id https://v.x/keys/k/{version}"), Some(("v", "k", version)));
    check(&format!("--id https://v.x/keys/k/{version} -v {version}"), Some(("v", "k", version)));
    check(&format!("--id https://v.x/keys/k/{version} -v 1"), None);
    check("--id https://v.x", None);
    check("", None);
    assert!(probe("-n k").target.resolve(&settings(None)).is_err());
}

#[test]
fn attributes() {
    let args = probe("--ops Sign WRAPKEY --disabled --tags a=b=c d --expires 2027-01-01").attributes;
    assert_eq!(args.operations(), ["sign", "wrapKey"]);
    let attributes = args.attributes().unwrap();
    assert_eq!(attributes.enabled, Some(false));
    assert_eq!(attributes.tags.get("a").map(String::as_str), Some("b=c"));
    assert_eq!(attributes.tags.get("d").map(String::as_str), Some(""));
    assert_eq!(probe("").attributes.attributes().unwrap().enabled, None);
    assert_eq!(probe("--disabled false").attributes.attributes().unwrap().enabled, Some(true));
    for line in ["--tags =x", "--tags a=1 a=2", "--not-before 2027-01-01 --expires 2026-01-01"] {
        assert_eq!(probe(line).attributes.attributes().unwrap_err().exit() as u8, 2, "{line}");
    }
}

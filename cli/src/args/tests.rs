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
        "softkeep keyvault key create --vault-name V -n K --curve ed25519 --exportable false",
        "softkeep keyvault key create --vault-name V -n KEK --kty RSA-HSM --size 4096 --ops import --single-use",
        "softkeep keyvault key show-deleted --id https://v.x/deletedkeys/k",
        "softkeep keyvault key purge -n K",
        "softkeep keyvault key rotate -n K",
        "softkeep keyvault key rotation-policy show -n K",
        "softkeep keyvault key rotation-policy update -n K --value policy.json",
        "softkeep keyvault key set-attributes -n K --enabled false --ops sign --tags",
        "softkeep keyvault key backup -n K -f k.backup",
        "softkeep keyvault key restore --vault-name V -f k.backup --no-wait",
        "softkeep keyvault key restore -t SAS -u https://blob --backup-folder f -n K",
        "softkeep keyvault key random --count 16",
        "softkeep keyvault key get-policy-template",
        "softkeep keyvault key get-attestation -n K -f a.json",
        "softkeep keyvault key encrypt -n K -a A256CBCPAD --value x --iv 00 --aad 00",
        "softkeep keyvault key decrypt -n K -a A256GCM --value x --iv 00 --tag 00 --aad 00",
        "softkeep key wrap -n K -a rsa1_5 --value x",
        "softkeep key unwrap -n K -a CKM_AES_KEY_WRAP_PAD --value x",
        "softkeep keyvault key list --hsm-name H --include-managed",
        "softkeep keyvault secret set --vault-name V --name S --value -x --content-type t --expires 2027-01-01",
        "softkeep keyvault secret set --vault-name V -n S -f file -e utf-16LE --description t --disabled --tags a=b",
        "softkeep secret show --id https://v.x/secret/s",
        "softkeep secret list --vault-name V --include-managed true --maxresults 2",
        "softkeep secret list-versions -n S",
        "softkeep secret list-deleted --id https://v.x",
        "softkeep secret show-deleted -n S",
        "softkeep secret set-attributes -n S -v 0 --content-type t --enabled --tags x=y",
        "softkeep secret delete -n S",
        "softkeep secret recover -n S",
        "softkeep secret purge -n S",
        "softkeep secret backup -n S -f b",
        "softkeep secret restore --vault-name V -f b",
        "softkeep secret download -n S -f b -e base64 --overwrite",
        "softkeep keyvault certificate create --vault-name V -n C -p @policy.json --validity 3 --disabled --tags a",
        "softkeep keyvault certificate import --vault-name V -n C -f c.pfx --password p -p policy.json",
        "softkeep certificate show -n C",
        "softkeep certificate list --vault-name V --include-pending",
        "softkeep certificate list-versions -n C --maxresults 1",
        "softkeep certificate list-deleted --vault-name V --include-pending false",
        "softkeep certificate show-deleted -n C",
        "softkeep certificate set-attributes -n C --enabled false -p policy.json --tags",
        "softkeep certificate delete -n C",
        "softkeep certificate recover -n C",
        "softkeep certificate purge -n C",
        "softkeep certificate backup -n C -f b",
        "softkeep certificate restore --vault-name V -f b",
        "softkeep certificate download -n C -f c.pem -e der",
        "softkeep certificate get-default-policy --scaffold",
        "softkeep certificate pending show --vault-name V -n C",
        "softkeep certificate pending merge --vault-name V -n C -f c.pem --tags a=b",
        "softkeep certificate pending delete --vault-name V -n C",
        "softkeep certificate contact add --vault-name V --email a@b --name N --phone 1",
        "softkeep certificate contact delete --vault-name V --email a@b",
        "softkeep certificate contact list --vault-name V",
        "softkeep certificate issuer create --vault-name V --issuer-name I --provider-name softkeep-ca --account-id root",
        "softkeep certificate issuer show --vault-name V --issuer-name I",
        "softkeep certificate issuer list --vault-name V",
        "softkeep certificate issuer update --vault-name V --issuer-name I --enabled false --organization-id o --password @f",
        "softkeep certificate issuer delete --vault-name V --issuer-name I",
        "softkeep certificate issuer admin add --vault-name V --issuer-name I --email a@b --first-name A --last-name B",
        "softkeep certificate issuer admin delete --vault-name V --issuer-name I --email a@b",
        "softkeep certificate issuer admin list --vault-name V --issuer-name I",
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

/// `az-flags.txt` has a line for each verb of keys, secrets and certificates in `az`, with its flags.
#[test]
fn every_verb_has_the_flags_of_az() {
    let cli = Cli::command();
    for row in include_str!("az-flags.txt").lines() {
        let (verb, flags) = row.split_once(':').unwrap();
        for noun in ["keyvault", ""] {
            let mut command = &cli;
            for word in noun.split_whitespace().chain(verb.split(' ')) {
                command = command.find_subcommand(word).unwrap_or_else(|| panic!("{noun} {verb}: no {word}"));
            }
            for flag in flags.split_whitespace() {
                let known = command.get_arguments().any(|argument| match flag.strip_prefix("--") {
                    Some(long) => {
                        argument.get_long() == Some(long)
                            || argument.get_all_aliases().unwrap_or_default().contains(&long)
                    }
                    None => argument.get_short() == flag.chars().nth(1),
                });
                assert!(known, "{noun} {verb} lacks {flag}");
            }
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
        "softkeep key create -n K --ops fly",
        "softkeep key list --maxresults 0",
        "softkeep key random --count 0",
        "softkeep key sign -n K -a ES256 --digest AAAA --id https://v.x/keys/k",
        "softkeep secret set --vault-name V --value v",
        "softkeep secret set -n S --value v --file f",
        "softkeep secret set -n S --file f --encoding ebcdic",
        "softkeep secret download -n S",
        "softkeep certificate create -n C",
        "softkeep certificate issuer create --issuer-name I",
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
fn key_secret_and_certificate_are_short_for_more() {
    let long = parse("softkeep keyvault key list").unwrap().command;
    let short = parse("softkeep key list").unwrap().command;
    assert!(matches!(long, commands::Command::Keyvault(keyvault::Command::Key(key::Command::List(_)))));
    assert!(matches!(short, commands::Command::Key(key::Command::List(_))));
}

#[test]
fn a_pem_may_stand_on_the_command_line() {
    let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
    let line = ["softkeep", "key", "import", "--vault-name", "V", "-n", "K", "--pem-string", pem, "-o", "none"];
    assert!(Cli::try_parse_from(line).is_ok());
}

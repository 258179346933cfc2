//! The command line's own work on keys and secrets, against a real daemon: files, encodings, both forms of signatures,
//! what is refused and how.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use softkeep_tests::{Daemon, run};

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A line that must fail, with its exit code and words on standard error.
fn fails(daemon: &Daemon, line: &str, exit: i32, expected: &str) {
    let output = daemon.softkeep(&words(line));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{line}\n{text}");
    assert!(text.contains(expected) && text.contains("\n  fix: "), "{line}\n{text}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn public_keys_in_three_encodings() {
    let daemon = Daemon::start();
    daemon.cli(&words("key create -n web --kty RSA"));
    for encoding in ["PEM", "der", "JWK"] {
        let file = format!("k.{encoding}");
        assert_eq!(daemon.cli(&["key", "download", "-n", "web", "-f", &file, "-e", encoding]), "");
        fails(&daemon, &format!("key download -n web -f {file} -e {encoding}"), 1, "exists");
    }
    let jwk: serde_json::Value = serde_json::from_slice(&fs::read(daemon.path("k.JWK")).unwrap()).unwrap();
    assert_eq!((&jwk["kty"], &jwk["e"]), (&"RSA".into(), &"AQAB".into()));
    let openssl = |words: &[&str]| String::from_utf8(run(daemon.command("openssl").args(words)).stdout).unwrap();
    let modulus = openssl(&["rsa", "-pubin", "-in", "k.PEM", "-noout", "-modulus"]);
    assert!(modulus.starts_with("Modulus="));
    assert_eq!(modulus, openssl(&["rsa", "-pubin", "-inform", "DER", "-in", "k.der", "-noout", "-modulus"]));
}

#[test]
fn signatures_in_both_forms() {
    let daemon = Daemon::start();
    daemon.cli(&words("key create -n sig --curve P-256"));
    daemon.cli(&words("key create -n rsa"));
    fs::write(daemon.path("message"), "abc").unwrap();
    let signed = daemon.json(&words("key sign -n sig -a es256 --in message --out sig"));
    assert_eq!(fs::read(daemon.path("sig")).unwrap().len(), 64);
    let signature = signed["signature"].as_str().unwrap();
    let url = signature.trim_end_matches('=').replace('+', "-").replace('/', "_");
    daemon.cli(&["key", "verify", "-n", "sig", "-a", "ES256", "--in", "message", &format!("--signature={url}")]);
    daemon.cli(&words("key verify -n sig -a ES256 --in message --signature-file sig"));
    let der = daemon.softkeep(&words("key sign -n sig -a ES256 --in message --signature-format der --out -")).stdout;
    fs::write(daemon.path("sig.der"), &der).unwrap();
    daemon.cli(&words("key verify -n sig -a ES256 --in message --signature-format der --signature-file sig.der"));
    daemon.cli(&words("key download -n sig -f sig.pem"));
    let openssl = words("dgst -sha256 -verify sig.pem -signature sig.der message");
    assert!(run(daemon.command("openssl").args(openssl)).status.success());
    let wrong = format!("key verify -n sig -a ES256 --in message --signature {}", "A".repeat(86));
    let verdict = daemon.softkeep(&words(&wrong));
    assert_eq!(verdict.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&verdict.stdout).contains(r#""isValid": false"#), "the verdict is printed as well");
    fails(&daemon, "key sign -n rsa -a RS256 --in message --signature-format der", 2, "ES256, ES384 and ES512");
    fails(&daemon, "key sign -n sig -a ES256 --digest AAAA", 1, "code: INVALID_LENGTH");
    fails(&daemon, "key sign -n sig -a ES257 --in message", 2, "no signature algorithm");
    fails(&daemon, "key sign -n rsa -a ES256 --in message", 1, "code: ");
}

#[test]
fn an_edwards_key_signs_the_message_itself() {
    let daemon = Daemon::start();
    daemon.cli(&words("key create -n ed --kty OKP"));
    fs::write(daemon.path("message"), "abc").unwrap();
    daemon.cli(&words("key sign -n ed -a EdDSA --in message --out sig"));
    daemon.cli(&words("key verify -n ed -a EdDSA --in message --signature-file sig"));
    daemon.cli(&words("key download -n ed -f ed.pem"));
    let openssl = words("pkeyutl -verify -pubin -inkey ed.pem -rawin -in message -sigfile sig");
    assert!(run(daemon.command("openssl").args(openssl)).status.success());
}

#[test]
fn what_is_encrypted_comes_back() {
    let daemon = Daemon::start();
    daemon.cli(&words("key create -n aes --kty oct --size 256"));
    daemon.cli(&words("key create -n rsa"));
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let sealed = daemon.json(&words("key encrypt -n aes -a a256gcm --value hello --data-type plaintext --aad 0aff"));
    let (result, iv, tag) = (text(&sealed["result"]), text(&sealed["iv"]), text(&sealed["tag"]));
    let line = format!("key decrypt -n aes -a A256GCM --value {result} --iv {iv} --tag {tag} --data-type plaintext");
    assert_eq!(daemon.json(&words(&format!("{line} --aad 0AFF")))["result"], "hello");
    fails(&daemon, &line, 1, "code: DECRYPT_FAILED");
    let iv = "00112233445566778899aabbccddeeff";
    let sealed = daemon.json(&words(&format!("key encrypt -n aes -a A256CBCPAD --value aGk --iv {iv}")));
    assert_eq!(sealed["iv"], iv);
    let line = format!("key decrypt -n aes -a A256CBCPAD --value {} --iv {iv}", text(&sealed["result"]));
    assert_eq!(daemon.json(&words(&line))["result"], "aGk=");
    for (key, algorithm) in [("aes", "A256KW"), ("rsa", "RSA-OAEP-256")] {
        let secret = "AAECAwQFBgcICQoLDA0ODw==";
        let wrapped = daemon.json(&words(&format!("key wrap -n {key} -a {algorithm} --value {secret}")));
        let line = format!("key unwrap -n {key} -a {algorithm} --value {}", text(&wrapped["result"]));
        assert_eq!(daemon.json(&words(&line))["result"], secret);
    }
    fails(&daemon, "key encrypt -n aes -a A256GCM --value h!", 2, "--data-type plaintext");
    fails(&daemon, "key encrypt -n aes -a A256GCM --value aGk --aad xyz", 2, "--aad is not hex");
    fails(&daemon, "key encrypt -n aes -a ROT13 --value aGk", 2, "ROT13");
}

#[test]
fn files_become_secrets_and_files_again() {
    let daemon = Daemon::start();
    let utf16: Vec<u8> = "schlüssel\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let contents: [(&str, &[u8]); 5] = [
        ("utf-8", "a blank stays \n".as_bytes()),
        ("ascii", b" plain\r\n"),
        ("utf-16le", &utf16),
        ("base64", &[0, 1, 2, 0xff]),
        ("hex", &[0xff, 0, 10]),
    ];
    for (encoding, content) in contents {
        fs::write(daemon.path("in"), content).unwrap();
        let set = daemon.json(&["secret", "set", "-n", "file", "-f", "in", "-e", encoding]);
        assert_eq!(set["tags"]["file-encoding"], encoding);
        daemon.cli(&["secret", "download", "-n", "file", "-f", encoding]);
        assert_eq!(fs::read(daemon.path(encoding)).unwrap(), content, "{encoding}");
        assert_eq!(mode(&daemon.path(encoding)), 0o600, "{encoding}");
    }
    assert_eq!(daemon.json(&words("secret show -n file"))["value"], "ff000a");
    fails(&daemon, "secret download -n file -f hex", 1, "hex exists");
    fs::write(daemon.path("open"), "something longer that was here").unwrap();
    fs::set_permissions(daemon.path("open"), fs::Permissions::from_mode(0o644)).unwrap();
    daemon.cli(&words("secret download -n file -f open --overwrite -e utf-8"));
    assert_eq!((fs::read(daemon.path("open")).unwrap(), mode(&daemon.path("open"))), (b"ff000a".to_vec(), 0o600));
    fs::write(daemon.path("in"), [0xff]).unwrap();
    fails(&daemon, "secret set -n file -f in", 2, "--encoding base64");
    assert_eq!(daemon.json(&words("secret list-versions -n file")).as_array().unwrap().len(), 5, "no version more");
}

#[test]
fn values_are_kept_to_the_last_blank_and_warned_about() {
    let daemon = Daemon::start();
    let output = daemon.softkeep(&["secret", "set", "-n", "pin", "--value", "hVFkk965BuUv "]);
    assert!(output.status.success());
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert!(warnings.contains("visible to other users") && warnings.contains("which is kept"), "{warnings}");
    assert!(!warnings.contains("hVFkk965BuUv"));
    assert_eq!(daemon.cli(&words("secret show -n pin --query value -o tsv")), "hVFkk965BuUv \n");
    fs::write(daemon.path("value"), "from a file\n").unwrap();
    let output = daemon.softkeep(&words("secret set -n pin --value @value"));
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(daemon.cli(&words("secret show -n pin --query value -o tsv")), "from a file\n");
    fails(&daemon, "secret set -n pin", 2, "no terminal to ask on");
}

#[test]
fn limits_of_secrets_leave_nothing_behind() {
    let daemon = Daemon::start();
    fs::write(daemon.path("most"), "x".repeat(25 * 1024)).unwrap();
    fs::write(daemon.path("more"), "x".repeat(26 * 1024)).unwrap();
    daemon.cli(&words("secret set -n big -f most -o none"));
    fails(&daemon, "secret set -n big -f more", 1, "code: ");
    fails(&daemon, "secret set -n bad_name --value x", 1, "code: ");
    let versions = daemon.json(&words("secret list-versions -n big"));
    assert_eq!(versions.as_array().unwrap().len(), 1);
    assert_eq!(daemon.json(&words("secret list")).as_array().unwrap().len(), 1);
    daemon.cli(&words("secret delete -n big -o none"));
    fails(&daemon, "secret set -n big --value x", 1, "code: NAME_DELETED");
    fails(&daemon, "secret show -n big", 3, "code: SECRET_NOT_FOUND");
}

#[test]
fn identifiers_name_what_names_name() {
    let daemon = Daemon::start();
    let set = |value: &str| {
        let set = daemon.json(&["secret", "set", "-n", "s", "--value", value]);
        set["id"].as_str().unwrap().to_owned()
    };
    let (first, _) = (set("one"), set("two"));
    let value = |id: &str| daemon.json(&["secret", "show", "--id", id])["value"].clone();
    assert_eq!(value(&first), "one");
    let base = "https://dev.vault.localhost/secrets/s";
    for id in [base, &format!("{base}/"), "https://DEV.vault.azure.net:8443/secret/s"] {
        assert_eq!(value(id), "two", "{id}");
    }
    let version = first.rsplit('/').next().unwrap();
    assert_eq!(daemon.json(&["secret", "show", "-n", "s", "-v", version])["value"], "one");
    fails(&daemon, "secret show --id https://dev.vault.localhost/keys/s", 2, "is not the id of a secret");
    fails(&daemon, "secret show --id https://dev.vault.localhost/secrets/s --name s", 2, "USAGE");
    fails(&daemon, &format!("secret delete --id {first}"), 2, "a version cannot be deleted alone");
    daemon.cli(&["secret", "delete", "--id", base, "-o", "none"]);
    let deleted = "https://dev.vault.localhost/deletedsecrets/s";
    assert_eq!(daemon.json(&["secret", "show-deleted", "--id", deleted])["recoveryId"], deleted);
    daemon.cli(&["secret", "recover", "--id", deleted, "-o", "none"]);
    assert_eq!(value(base), "two");
}

#[test]
fn backups_are_their_owners_and_sealed() {
    let daemon = Daemon::start();
    daemon.cli(&words("secret set -n s --value plainly-readable -o none"));
    daemon.cli(&words("secret backup -n s -f s.backup"));
    let backup = fs::read(daemon.path("s.backup")).unwrap();
    assert_eq!(mode(&daemon.path("s.backup")), 0o600);
    assert!(!backup.windows(16).any(|window| window == b"plainly-readable"));
    fails(&daemon, "secret backup -n s -f s.backup", 1, "exists");
    fails(&daemon, "secret restore -f s.backup", 1, "code: ALREADY_EXISTS");
    let mut damaged = backup.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(daemon.path("damaged"), damaged).unwrap();
    fails(&daemon, "secret restore -f damaged", 1, "code: BACKUP_INVALID");
    daemon.cli(&words("key create -n k --curve P-256 -o none"));
    fails(&daemon, "key restore -f s.backup", 1, "code: BACKUP_INVALID");
    daemon.cli(&words("secret delete -n s -o none"));
    daemon.cli(&words("secret purge -n s"));
    daemon.cli(&words("secret restore -f s.backup -o none"));
    assert_eq!(daemon.json(&words("secret show -n s"))["value"], "plainly-readable");
}

#[test]
fn only_what_is_given_changes() {
    let daemon = Daemon::start();
    daemon.cli(&words("key create -n k --curve P-256 --tags a=b --expires 2036-01-01 -o none"));
    let changed = daemon.json(&words("key set-attributes -n k --not-before 2026-01-01"));
    assert_eq!(changed["tags"]["a"], "b");
    assert_eq!(changed["attributes"]["expires"], "2036-01-01T00:00:00+00:00");
    let changed = daemon.json(&["key", "set-attributes", "-n", "k", "--expires", "", "--tags", ""]);
    assert!(changed["attributes"]["expires"].is_null() && changed["tags"].is_null());
    assert_eq!(changed["attributes"]["notBefore"], "2026-01-01T00:00:00+00:00");
    fails(&daemon, "key set-attributes -n k", 2, "nothing to change");
    daemon.cli(&words("key set-attributes -n k --enabled false -o none"));
    fails(&daemon, &format!("key sign -n k -a ES256 --digest {}", "A".repeat(43)), 4, "code: KEY_DISABLED");
}

#[test]
fn every_format_prints_secrets() {
    let daemon = Daemon::start();
    daemon.cli(&words("secret set -n s --value v --content-type t -o none"));
    let table = daemon.cli(&words("keyvault secret list -o table"));
    assert!(table.starts_with("Name  Id "), "{table}");
    assert_eq!(table.lines().count(), 3);
    assert_eq!(daemon.cli(&words("secret list --query [].{n:name,t:contentType} -o tsv")), "s\tt\n");
    assert!(daemon.cli(&words("secret show -n s -o yaml")).contains("value: v\n"));
    assert!(daemon.cli(&words("secret show -n s -o jsonc")).starts_with('{'));
    assert_eq!(daemon.cli(&words("secret show -n s -o none")), "");
}

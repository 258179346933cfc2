//! Deletion, backups, and input that is refused.

use super::*;

#[test]
fn a_certificate_is_backed_up_deleted_purged_and_restored() {
    let daemon = Daemon::start();
    for _ in 0..2 {
        let wanted = policy(&daemon, "policy.json", "CN=kept", |_| {});
        certificate(&daemon, &["create", "-n", "kept", "-p", &wanted]);
    }
    let before = certificate(&daemon, &["show", "-n", "kept"]);
    certificate_text(&daemon, &["backup", "-n", "kept", "-f", "kept.backup"]);
    let deleted = certificate(&daemon, &["delete", "-n", "kept"]);
    assert!(deleted["scheduledPurgeDate"].is_string(), "{deleted}");
    assert_eq!(refused(&daemon, &["show", "-n", "kept"]), (3, "CERTIFICATE_NOT_FOUND".into()));
    let wanted = policy(&daemon, "policy.json", "CN=kept", |_| {});
    assert_eq!(refused(&daemon, &["create", "-n", "kept", "-p", &wanted]).1, "NAME_DELETED");
    certificate_text(&daemon, &["purge", "-n", "kept"]);
    certificate(&daemon, &["restore", "-f", "kept.backup"]);
    let after = certificate(&daemon, &["show", "-n", "kept"]);
    assert_eq!((&before["cer"], &before["id"], &before["policy"]), (&after["cer"], &after["id"], &after["policy"]));
    assert_eq!(versions(&daemon, "kept"), 2);
    download_secret(&daemon, "kept", "kept.pfx");
    openssl(&daemon, &["pkcs12", "-in", "kept.pfx", "-passin", "pass:", "-nodes"]);
}

fn certificate_text(daemon: &Daemon, args: &[&str]) -> String {
    daemon.cli(&[&["keyvault", "certificate"], args, &IN].concat())
}

#[test]
fn bad_input_changes_nothing() {
    let daemon = Daemon::start();
    make(&daemon, &EC);
    export(&daemon, "good.pfx", &[]);
    let good = fs::read(daemon.path("good.pfx")).unwrap();
    daemon.write("cut.pfx", &good[..good.len() / 2]);
    make(&daemon, &["-newkey", "ed448"]);
    export(&daemon, "ed448.pfx", &[]);
    make(&daemon, &["-newkey", "rsa:1024"]);
    export(&daemon, "weak.pfx", &[]);
    openssl(&daemon, &["dsaparam", "-out", "dsa.parameters", "2048"]);
    openssl(&daemon, &["gendsa", "-out", "key.pem", "dsa.parameters"]);
    openssl(&daemon, &["req", "-x509", "-subj", "/CN=dsa", "-key", "key.pem", "-out", "cert.pem"]);
    export(&daemon, "dsa.pfx", &[]);
    let good_key = fs::read(daemon.path("key.pem")).unwrap();
    make(&daemon, &EC);
    daemon.write("mismatch.pem", [good_key, fs::read(daemon.path("cert.pem")).unwrap()].concat());
    for (file, password, expected) in [
        ("good.pfx", "wrong", "PASSWORD_INCORRECT"),
        ("cut.pfx", "secret", "CERTIFICATE_INVALID"),
        ("ed448.pfx", "secret", "UNSUPPORTED_ALGORITHM"),
        ("dsa.pfx", "secret", "UNSUPPORTED_ALGORITHM"),
        ("weak.pfx", "secret", "KEY_TOO_WEAK"),
        ("mismatch.pem", "secret", "UNSUPPORTED_ALGORITHM"),
    ] {
        let import = ["import", "-n", "bad", "-f", file, "--password", password];
        assert_eq!(refused(&daemon, &import), (1, expected.into()), "{file}");
    }
    for (change, expected) in [
        (json!({ "subject": "contoso.com" }), "INVALID_ARGUMENT"),
        (json!({ "validityInMonths": 1201 }), "INVALID_ARGUMENT"),
        (json!({ "ekus": ["serverAuth"] }), "INVALID_ARGUMENT"),
    ] {
        let wanted = policy(&daemon, "policy.json", "CN=bad", |policy| {
            for (name, value) in change.as_object().unwrap() {
                policy["x509CertificateProperties"][name] = value.clone();
            }
        });
        assert_eq!(refused(&daemon, &["create", "-n", "bad", "-p", &wanted]), (1, expected.into()), "{change}");
    }
    let wanted = policy(&daemon, "policy.json", "CN=bad", issued_by("nobody"));
    assert_eq!(refused(&daemon, &["create", "-n", "bad", "-p", &wanted]), (3, "ISSUER_NOT_FOUND".into()));
    assert_eq!(refused(&daemon, &["show", "-n", "bad"]), (3, "CERTIFICATE_NOT_FOUND".into()));
    assert!(certificate(&daemon, &["list", "--include-pending", "true"]).as_array().unwrap().is_empty());
}

//! What the verbs of keys, secrets and certificates print, member for member, as `az` does: `tests/golden/az/`.

use std::fs;

use serde_json::Value;
use softkeep_tests::{Daemon, golden, run, stdout_of};

/// Runs a line of words; the verb's JSON.
fn json(daemon: &Daemon, line: &str) -> Value {
    daemon.json(&line.split_whitespace().collect::<Vec<_>>())
}

/// Runs a line and compares.
fn check(daemon: &Daemon, name: &str, line: &str) -> Value {
    let printed = json(daemon, line);
    golden::check(name, &printed);
    printed
}

/// Runs a line that prints nothing.
fn silent(daemon: &Daemon, line: &str) {
    assert_eq!(daemon.cli(&line.split_whitespace().collect::<Vec<_>>()), "", "{line}");
}

#[test]
fn keys() {
    let daemon = Daemon::start();
    check(&daemon, "key-create", "keyvault key create --name web --protection software --tags team=a");
    check(&daemon, "key-show", "keyvault key show --name web");
    check(&daemon, "key-create-oct", "keyvault key create --name aes --kty oct --protection hsm --size 256");
    check(&daemon, "key-list", "keyvault key list");
    check(&daemon, "key-create-hsm", "keyvault key create --name rsahsm --kty RSA-HSM --ops import");
    check(
        &daemon,
        "key-create-ec",
        "keyvault key create --name sig --curve P-256 -p hsm --ops sign verify --disabled --expires 2036-01-01 --not-before 2026-01-01",
    );
    check(&daemon, "key-create-okp", "keyvault key create --name ed --curve Ed25519");
    check(&daemon, "key-rotate", "keyvault key rotate --name web");
    check(&daemon, "key-list-versions", "keyvault key list-versions --name web");
    check(&daemon, "key-rotation-policy-show", "keyvault key rotation-policy show --name web");
    let policy = r#"{"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}},
        {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}],
        "attributes": {"expiryTime": "P2Y"}}"#;
    fs::write(daemon.path("policy.json"), policy).unwrap();
    check(&daemon, "key-rotation-policy-update", "keyvault key rotation-policy update --name web --value policy.json");
    let digest = "A".repeat(43) + "=";
    let signed = check(&daemon, "key-sign", &format!("keyvault key sign --name web -a RS256 --digest {digest}"));
    let signature = signed["signature"].as_str().unwrap();
    let line = format!("keyvault key verify --name web -a RS256 --digest {digest} --signature {signature}");
    check(&daemon, "key-verify", &line);
    let sealed = check(
        &daemon,
        "key-encrypt",
        "keyvault key encrypt --name web -a RSA-OAEP --value hello --data-type plaintext",
    );
    let result = sealed["result"].as_str().unwrap();
    check(&daemon, "key-decrypt", &format!("keyvault key decrypt --name web -a RSA-OAEP --value {result}"));
    check(&daemon, "key-encrypt-gcm", "keyvault key encrypt --name aes -a A256GCM --value aGk= --aad 0011");
    check(&daemon, "key-random", "keyvault key random --count 20");
    check(&daemon, "key-get-policy-template", "keyvault key get-policy-template");
    check(
        &daemon,
        "key-set-attributes",
        "keyvault key set-attributes --name web --enabled false --ops sign verify --tags b",
    );
}

#[test]
fn keys_that_go_and_come() {
    let daemon = Daemon::start();
    json(&daemon, "keyvault key create --name web --ops sign verify --disabled --tags b");
    silent(&daemon, "keyvault key backup --name web --file web.backup");
    check(&daemon, "key-delete", "keyvault key delete --name web");
    check(&daemon, "key-show-deleted", "keyvault key show-deleted --name web");
    check(&daemon, "key-list-deleted", "keyvault key list-deleted");
    check(&daemon, "key-recover", "keyvault key recover --id https://dev.vault.localhost/deletedkeys/web");
    json(&daemon, "keyvault key delete --name web");
    silent(&daemon, "keyvault key purge --name web");
    check(&daemon, "key-restore", "keyvault key restore --vault-name dev --file web.backup");
}

#[test]
fn secrets() {
    let daemon = Daemon::start();
    check(&daemon, "secret-set", "keyvault secret set --vault-name dev --name SQLPassword --value hVFkk965BuUv");
    check(&daemon, "secret-show", "keyvault secret show --vault-name dev --name SQLPassword");
    fs::write(daemon.path("blob"), [0, 255, 10]).unwrap();
    check(
        &daemon,
        "secret-set-file",
        "keyvault secret set --name blob --file blob --encoding base64 --tags k=v --disabled true --expires 2036-01-01 --description application/octet-stream",
    );
    check(&daemon, "secret-list", "keyvault secret list --vault-name dev");
    check(&daemon, "secret-list-versions", "keyvault secret list-versions --name SQLPassword");
    let line = "keyvault secret set-attributes --name SQLPassword --enabled false --content-type text/plain --tags --not-before 2026-01-01";
    check(&daemon, "secret-set-attributes", line);
    silent(&daemon, "keyvault secret backup --name SQLPassword --file s.backup");
    check(&daemon, "secret-delete", "keyvault secret delete --name SQLPassword");
    check(&daemon, "secret-show-deleted", "keyvault secret show-deleted --name SQLPassword");
    check(&daemon, "secret-list-deleted", "keyvault secret list-deleted --vault-name dev");
    check(&daemon, "secret-recover", "keyvault secret recover --name SQLPassword");
    json(&daemon, "keyvault secret delete --name SQLPassword");
    silent(&daemon, "keyvault secret purge --name SQLPassword");
    check(&daemon, "secret-restore", "keyvault secret restore --vault-name dev --file s.backup");
}

/// Writes the default policy, changed, to a file.
fn policy(daemon: &Daemon, name: &str, change: impl FnOnce(&mut Value)) {
    let mut policy = json(daemon, "keyvault certificate get-default-policy");
    change(&mut policy);
    fs::write(daemon.path(name), policy.to_string()).unwrap();
}

#[test]
fn certificates() {
    let daemon = Daemon::start();
    check(&daemon, "certificate-get-default-policy", "keyvault certificate get-default-policy");
    policy(&daemon, "policy.json", |_| {});
    let line = "keyvault certificate create --vault-name dev --name own --policy @policy.json --tags a=b";
    check(&daemon, "certificate-create", line);
    check(&daemon, "certificate-show", "keyvault certificate show --vault-name dev --name own");
    check(&daemon, "certificate-list", "keyvault certificate list --vault-name dev");
    check(&daemon, "certificate-list-versions", "keyvault certificate list-versions --name own");
    policy(&daemon, "half.json", |policy| policy["x509CertificateProperties"]["validityInMonths"] = 6.into());
    check(
        &daemon,
        "certificate-set-attributes",
        "keyvault certificate set-attributes --name own --enabled false --policy @half.json --tags",
    );
    silent(&daemon, "keyvault certificate backup --name own --file own.backup");
    check(&daemon, "certificate-delete", "keyvault certificate delete --name own");
    check(&daemon, "certificate-show-deleted", "keyvault certificate show-deleted --name own");
    check(&daemon, "certificate-list-deleted", "keyvault certificate list-deleted --vault-name dev");
    check(&daemon, "certificate-recover", "keyvault certificate recover --name own");
    json(&daemon, "keyvault certificate delete --name own");
    silent(&daemon, "keyvault certificate purge --name own");
    check(&daemon, "certificate-restore", "keyvault certificate restore --vault-name dev --file own.backup");
}

#[test]
fn certificates_from_elsewhere() {
    let daemon = Daemon::start();
    let openssl = |words: &str| stdout_of(daemon.command("openssl").args(words.split_whitespace()));
    openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=taken -days 365 -addext keyUsage=digitalSignature -addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE",
    );
    openssl("pkcs12 -export -inkey k.pem -in c.pem -out c.pfx -passout pass:secret");
    check(
        &daemon,
        "certificate-import",
        "keyvault certificate import --vault-name dev --name taken --file c.pfx --password secret",
    );
    policy(&daemon, "asked.json", |policy| policy["issuerParameters"]["name"] = "Unknown".into());
    check(
        &daemon,
        "certificate-pending-show",
        "keyvault certificate create --vault-name dev --name asked --policy asked.json",
    );
    check(&daemon, "certificate-pending-show", "keyvault certificate pending show --vault-name dev --name asked");
    check(&daemon, "certificate-pending-delete", "keyvault certificate pending delete --vault-name dev --name asked");
    let line = "keyvault certificate create --vault-name dev --name merged --policy asked.json";
    let csr = json(&daemon, line)["csr"].as_str().unwrap().to_owned();
    fs::write(
        daemon.path("csr.pem"),
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{csr}\n-----END CERTIFICATE REQUEST-----\n"),
    )
    .unwrap();
    openssl("x509 -req -in csr.pem -CA c.pem -CAkey k.pem -days 30 -out merged.pem");
    check(
        &daemon,
        "certificate-pending-merge",
        "keyvault certificate pending merge --vault-name dev --name merged --file merged.pem --tags m=1",
    );
}

#[test]
fn issuers_and_contacts() {
    let daemon = Daemon::start();
    let line = "keyvault certificate contact add --vault-name dev --email admin@contoso.com --name Admin";
    check(&daemon, "certificate-contact-add", line);
    check(&daemon, "certificate-contact-list", "keyvault certificate contact list --vault-name dev");
    let line = "keyvault certificate contact delete --vault-name dev --email admin@contoso.com";
    check(&daemon, "certificate-contact-delete", line);
    policy(&daemon, "root.json", |_| {});
    json(&daemon, "keyvault certificate create --vault-name dev --name root --policy root.json");
    let issuer = |verb: &str, more: &str| format!("keyvault certificate issuer {verb} --vault-name dev {more}");
    let ca = "--issuer-name ca";
    let line = format!("{ca} --provider-name softkeep-ca --account-id root");
    check(&daemon, "certificate-issuer-create", &issuer("create", &line));
    check(&daemon, "certificate-issuer-list", &issuer("list", ""));
    let line = format!("{ca} --email a@contoso.com --first-name A --phone 1");
    check(&daemon, "certificate-issuer-admin-add", &issuer("admin add", &line));
    check(&daemon, "certificate-issuer-admin-list", &issuer("admin list", ca));
    check(&daemon, "certificate-issuer-show", &issuer("show", ca));
    let line = format!("{ca} --enabled false --organization-id org");
    check(&daemon, "certificate-issuer-update", &issuer("update", &line));
    check(&daemon, "certificate-issuer-delete", &issuer("delete", ca));
    let gone = run(daemon.command(softkeep_tests::program("softkeep")).args(issuer("show", ca).split_whitespace()));
    assert_eq!(gone.status.code(), Some(3));
}

//! Certificates with the real daemon, the CLI and `openssl`: files of all ages brought in, certificates made here and verified elsewhere,
//! requests signed elsewhere, an authority of one's own, renewals, and what programs with the module loaded see of it all.

use std::{fs, path::Path, process::Output, time::Duration};

use base64ct::{Base64, Encoding as _};
use cryptoki::{
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use serde_json::{Value, json};
use softkeep_tests::{
    Daemon, VAULT,
    client::Client,
    output_of,
    tools::{key_uri, moved_clock},
    wait_until,
};

use crate::pkcs11_tool::logged_in;

mod lifecycle;

/// The daemon looks every five seconds for what is due.
const DUE_LIMIT: Duration = Duration::from_secs(20);

/// How soon a change shows at the other door.
const SOON: Duration = Duration::from_secs(1);

const IN: [&str; 2] = ["--vault-name", VAULT];

fn certificate(daemon: &Daemon, args: &[&str]) -> Value {
    daemon.json(&[&["keyvault", "certificate"], args, &IN].concat())
}

/// A command that must fail: its exit code and its error code.
fn refused(daemon: &Daemon, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = daemon.softkeep(&[&["keyvault", "certificate"], args, &IN].concat());
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(!status.success() && stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&stdout));
    assert!(stderr.contains("fix: "), "{args:?}: {stderr}");
    let code = stderr.lines().find_map(|line| line.trim().strip_prefix("code: ")).unwrap_or_default();
    (status.code().unwrap(), code.split(' ').next().unwrap_or_default().to_owned())
}

fn openssl(daemon: &Daemon, args: &[&str]) -> String {
    let (stdout, stderr) = output_of(&mut daemon.openssl(args));
    stdout + &stderr
}

/// The policy that az begins with, changed.
fn policy(daemon: &Daemon, name: &str, subject: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut policy = daemon.json(&["keyvault", "certificate", "get-default-policy"]);
    policy["x509CertificateProperties"]["subject"] = subject.into();
    policy["keyProperties"] = json!({ "exportable": true, "keyType": "EC", "curve": "P-256", "reuseKey": false });
    change(&mut policy);
    let file = daemon.write(name, policy.to_string());
    format!("@{}", file.display())
}

fn issued_by(issuer: &str) -> impl Fn(&mut Value) {
    let issuer = issuer.to_owned();
    move |policy| policy["issuerParameters"]["name"] = issuer.as_str().into()
}

fn download(daemon: &Daemon, name: &str, file: &str) {
    let _ = fs::remove_file(daemon.path(file));
    daemon.cli(&[&["keyvault", "certificate", "download", "-n", name, "-f", file], &IN[..]].concat());
}

/// The secret beside a certificate, as a file.
fn download_secret(daemon: &Daemon, name: &str, file: &str) {
    let secret = daemon.json(&[&["keyvault", "secret", "show", "-n", name], &IN[..]].concat());
    let value = secret["value"].as_str().unwrap();
    let content = match secret["contentType"].as_str() {
        Some("application/x-pkcs12") => Base64::decode_vec(value).unwrap(),
        _ => value.as_bytes().to_vec(),
    };
    daemon.write(file, content);
}

/// A key and its self-signed certificate by `openssl`.
fn make(daemon: &Daemon, key: &[&str]) {
    let request = [
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/O=Contoso/CN=made",
        "-days",
        "90",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ];
    openssl(daemon, &[&request[..], key].concat());
}

const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];

fn export(daemon: &Daemon, file: &str, more: &[&str]) {
    let export = ["pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-out", file, "-passout", "pass:secret"];
    openssl(daemon, &[&export[..], more].concat());
}

#[test]
fn files_of_all_ages_are_brought_in_and_their_keys_sign() {
    let daemon = Daemon::start();
    for (kind, key) in [("rsa", &["-newkey", "rsa:2048"][..]), ("ec", &EC[..])] {
        make(&daemon, key);
        let old = ["-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-legacy"];
        export(&daemon, "modern.pfx", &[]);
        export(&daemon, "old.pfx", &old);
        let text = [fs::read(daemon.path("key.pem")).unwrap(), fs::read(daemon.path("cert.pem")).unwrap()].concat();
        daemon.write("both.pem", text);
        openssl(&daemon, &["pkcs8", "-topk8", "-in", "key.pem", "-out", "sealed.pem", "-passout", "pass:secret"]);
        let text = [fs::read(daemon.path("sealed.pem")).unwrap(), fs::read(daemon.path("cert.pem")).unwrap()].concat();
        daemon.write("sealed-both.pem", text);
        for (form, file, password) in [
            ("modern", "modern.pfx", true),
            ("old", "old.pfx", true),
            ("pem", "both.pem", false),
            ("sealed", "sealed-both.pem", true),
        ] {
            let name = format!("{kind}-{form}");
            let import = ["import", "-n", &name, "-f", file];
            let password = if password { &["--password", "secret"][..] } else { &[] };
            let imported = certificate(&daemon, &[&import[..], password].concat());
            assert_eq!(imported["policy"]["x509CertificateProperties"]["subject"], "CN=made, O=Contoso", "{imported}");
            assert_eq!(imported["policy"]["issuerParameters"]["name"], "Unknown");
            download(&daemon, &name, "shown.pem");
            let fingerprint =
                |file: &str| openssl(&daemon, &["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]);
            assert_eq!(fingerprint("shown.pem"), fingerprint("cert.pem"));
            // The key is the file's, and is used through PKCS#11.
            daemon.write("message", &name);
            openssl(&daemon, &["dgst", "-sha256", "-binary", "-out", "digest", "message"]);
            let mechanism = if kind == "rsa" { "SHA256-RSA-PKCS" } else { "ECDSA-SHA256" };
            let sign = ["--sign", "-m", mechanism, "--signature-format", "openssl", "-i", "message", "-o", "signature"];
            logged_in(&daemon, &[&sign[..], &["--id", &daemon.key_id(&name)]].concat());
            openssl(&daemon, &["x509", "-in", "cert.pem", "-pubkey", "-noout", "-out", "public.pem"]);
            let verified =
                openssl(&daemon, &["dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "message"]);
            assert!(verified.contains("Verified OK"), "{verified}");
        }
    }
    // The secret is the whole of it again, without a password.
    download_secret(&daemon, "ec-old", "back.pfx");
    let shown = openssl(&daemon, &["pkcs12", "-in", "back.pfx", "-passin", "pass:", "-nodes"]);
    assert!(shown.contains("BEGIN PRIVATE KEY") && shown.contains("BEGIN CERTIFICATE"), "{shown}");
    download_secret(&daemon, "ec-pem", "back.pem");
    let key = |file: &str| openssl(&daemon, &["pkey", "-in", file, "-pubout"]);
    assert_eq!(key("back.pem"), key("key.pem"));
    let listed = certificate(&daemon, &["list"]);
    assert_eq!(listed.as_array().unwrap().len(), 8);
    let managed = |args: &[&str]| daemon.json(&[&["keyvault"], args, &IN].concat()).as_array().unwrap().len();
    assert_eq!(managed(&["secret", "list", "--include-managed", "true"]), 8);
}

#[test]
fn self_signed_certificates_verify() {
    let daemon = Daemon::start();
    for (name, key) in [
        ("rsa", json!({ "keyType": "RSA", "keySize": 2048, "exportable": true, "reuseKey": true })),
        ("p256", json!({ "keyType": "EC", "curve": "P-256", "exportable": true, "reuseKey": true })),
        ("p521", json!({ "keyType": "EC", "curve": "P-521", "exportable": false, "reuseKey": true })),
    ] {
        let wanted = policy(&daemon, "policy.json", "CN=contoso.com, O=Contoso, C=CH", |policy| {
            policy["keyProperties"] = key;
            policy["x509CertificateProperties"]["subjectAlternativeNames"] =
                json!({ "dnsNames": ["contoso.com", "*.contoso.com"] });
        });
        let operation = certificate(&daemon, &["create", "-n", name, "-p", &wanted]);
        assert_eq!((&operation["status"], &operation["error"]), (&"completed".into(), &Value::Null), "{operation}");
        let shown = certificate(&daemon, &["show", "-n", name]);
        let id = shown["id"].as_str().unwrap();
        assert_eq!(operation["target"], id[..id.rfind('/').unwrap()], "without the version, as in Azure");
        download(&daemon, name, "own.pem");
        openssl(&daemon, &["verify", "-x509_strict", "-CAfile", "own.pem", "own.pem"]);
        let text = openssl(&daemon, &["x509", "-in", "own.pem", "-noout", "-text"]);
        for expected in [
            "Subject: C = CH, O = Contoso, CN = contoso.com",
            "DNS:contoso.com, DNS:*.contoso.com",
            "CA:FALSE",
            "TLS Web Server",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        let key = daemon.json(&[&["keyvault", "key", "show", "-n", name], &IN[..]].concat());
        assert_eq!((&key["managed"], &key["key"]["kid"]), (&true.into(), &shown["kid"]), "{key}");
    }
}

#[test]
fn a_request_is_signed_elsewhere_and_merged() {
    let daemon = Daemon::start();
    openssl(
        &daemon,
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=Elsewhere",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ],
    );
    let wanted = policy(&daemon, "policy.json", "CN=asked.contoso.com", issued_by("Unknown"));
    let operation = certificate(&daemon, &["create", "-n", "asked", "-p", &wanted]);
    assert_eq!(operation["status"], "inProgress", "{operation}");
    assert!(certificate(&daemon, &["list"]).as_array().unwrap().is_empty());
    let pending = certificate(&daemon, &["list", "--include-pending", "true"]);
    assert_eq!(pending[0]["name"], "asked");
    let csr = certificate(&daemon, &["pending", "show", "-n", "asked"])["csr"].as_str().unwrap().to_owned();
    daemon.write("asked.csr", Base64::decode_vec(&csr).unwrap());
    let text = openssl(&daemon, &["req", "-inform", "DER", "-in", "asked.csr", "-verify", "-noout", "-text"]);
    assert!(text.contains("CN = asked.contoso.com"), "{text}");

    // Somebody else's certificate is not merged.
    make(&daemon, &EC);
    assert_eq!(
        refused(&daemon, &["pending", "merge", "-n", "asked", "-f", "cert.pem"]),
        (1, "CERTIFICATE_INVALID".into())
    );
    let sign =
        ["x509", "-req", "-inform", "DER", "-in", "asked.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "30"];
    openssl(&daemon, &[&sign[..], &["-copy_extensions", "copyall", "-out", "asked.pem"]].concat());
    let chain = [fs::read(daemon.path("asked.pem")).unwrap(), fs::read(daemon.path("ca.pem")).unwrap()].concat();
    daemon.write("chain.pem", chain);
    let merged = certificate(&daemon, &["pending", "merge", "-n", "asked", "-f", "chain.pem"]);
    assert_eq!(merged["name"], "asked", "{merged}");
    download_secret(&daemon, "asked", "asked.pfx");
    let shown = openssl(&daemon, &["pkcs12", "-in", "asked.pfx", "-passin", "pass:", "-nodes"]);
    assert_eq!(
        (shown.matches("BEGIN CERTIFICATE").count(), shown.matches("BEGIN PRIVATE KEY").count()),
        (2, 1),
        "{shown}"
    );
    download(&daemon, "asked", "merged.pem");
    openssl(&daemon, &["verify", "-CAfile", "ca.pem", "merged.pem"]);
    assert_eq!(refused(&daemon, &["pending", "merge", "-n", "asked", "-f", "chain.pem"]).1, "CONFLICT");
}

/// A root, an authority below it, and what that issues, all in one vault.
fn authorities(daemon: &Daemon) {
    let root = policy(daemon, "root.json", "CN=Root, O=Contoso", |policy| {
        policy["x509CertificateProperties"]["basicConstraints"] = json!({ "ca": true, "pathLength": 1 });
        policy["x509CertificateProperties"]["validityInMonths"] = 240.into();
        policy["keyProperties"]["exportable"] = false.into();
    });
    certificate(daemon, &["create", "-n", "root", "-p", &root]);
    let issuer =
        ["issuer", "create", "--issuer-name", "house", "--provider-name", "softkeep-ca", "--account-id", "root"];
    certificate(daemon, &issuer);
}

#[test]
fn an_authority_of_ones_own_issues() {
    let daemon = Daemon::start();
    authorities(&daemon);
    let middle = policy(&daemon, "middle.json", "CN=Middle, O=Contoso", |policy| {
        issued_by("house")(policy);
        policy["x509CertificateProperties"]["basicConstraints"] = json!({ "ca": true, "pathLength": 0 });
        policy["x509CertificateProperties"]["validityInMonths"] = 120.into();
        policy["keyProperties"] = json!({ "keyType": "RSA", "keySize": 2048, "exportable": false });
    });
    certificate(&daemon, &["create", "-n", "middle", "-p", &middle]);
    let issuer =
        ["issuer", "create", "--issuer-name", "lower", "--provider-name", "softkeep-ca", "--account-id", "middle"];
    certificate(&daemon, &issuer);
    let web = policy(&daemon, "web.json", "CN=web.contoso.com", |policy| {
        issued_by("lower")(policy);
        policy["secretProperties"]["contentType"] = "application/x-pem-file".into();
    });
    let operation = certificate(&daemon, &["create", "-n", "web", "-p", &web]);
    assert_eq!(operation["status"], "completed", "{operation}");
    for name in ["root", "middle", "web"] {
        download(&daemon, name, &format!("{name}.pem"));
    }
    openssl(&daemon, &["verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "middle.pem", "web.pem"]);
    // The secret brings the chain along, and a TLS server needs nothing else.
    download_secret(&daemon, "web", "web-all.pem");
    let all = fs::read_to_string(daemon.path("web-all.pem")).unwrap();
    assert_eq!((all.matches("BEGIN CERTIFICATE").count(), all.matches("BEGIN PRIVATE KEY").count()), (3, 1));
    assert_eq!(refused(&daemon, &["create", "-n", "below", "-p", &middle_below(&daemon)]).1, "CERTIFICATE_INVALID");
    // Who issued what is on record.
    let issued = daemon.audit_lines().into_iter().filter(|line| line["operation"] == "certificate.issue").count();
    assert_eq!(issued, 2);
}

fn middle_below(daemon: &Daemon) -> String {
    policy(daemon, "below.json", "CN=Below", |policy| {
        issued_by("lower")(policy);
        policy["x509CertificateProperties"]["basicConstraints"] = json!({ "ca": true });
    })
}

fn versions(daemon: &Daemon, name: &str) -> usize {
    certificate(daemon, &["list-versions", "-n", name]).as_array().unwrap().len()
}

fn set_clock(dir: &Path, offset: &str) {
    fs::write(dir.join("clock"), format!("{offset}\n")).unwrap();
}

#[test]
fn certificates_are_renewed_in_time_and_after_downtime() {
    let mut daemon = Daemon::start_in(&[], moved_clock);
    authorities(&daemon);
    certificate(&daemon, &["contact", "add", "--email", "admin@contoso.com"]);
    for (name, issuer) in [("own", "Self"), ("issued", "house"), ("elsewhere", "Self")] {
        let wanted = policy(&daemon, "policy.json", &format!("CN={name}"), issued_by(issuer));
        certificate(&daemon, &["create", "-n", name, "-p", &wanted]);
    }
    // Of one of them somebody else is to make the next version.
    let foreign = policy(&daemon, "foreign.json", "CN=elsewhere", issued_by("Unknown"));
    certificate(&daemon, &["set-attributes", "-n", "elsewhere", "-p", &foreign]);
    let announced = |daemon: &Daemon| {
        let lines = daemon.audit_lines();
        let contacts = lines.iter().filter(|line| line["operation"] == "certificate.contacts");
        contacts.map(|line| line["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The default policy renews 90 days before the end of a year.
    set_clock(daemon.dir(), "+260d");
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!((versions(&daemon, "own"), versions(&daemon, "issued")), (1, 1), "not before their time");
    set_clock(daemon.dir(), "+280d");
    wait_until("the renewal", DUE_LIMIT, || versions(&daemon, "own") == 2 && versions(&daemon, "issued") == 2);
    wait_until("the announcement", DUE_LIMIT, || announced(&daemon) == ["admin@contoso.com"]);
    assert_eq!(versions(&daemon, "elsewhere"), 1);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!((versions(&daemon, "own"), versions(&daemon, "issued"), announced(&daemon).len()), (2, 2, 1), "once");
    download(&daemon, "issued", "issued.pem");
    download(&daemon, "root", "root.pem");
    openssl(&daemon, &["verify", "-no_check_time", "-CAfile", "root.pem", "issued.pem"]);

    // What came due while the daemon was stopped is done when it is back.
    daemon.kill();
    set_clock(daemon.dir(), "+900d");
    daemon.start_again();
    wait_until("the late renewal", DUE_LIMIT, || versions(&daemon, "own") == 3 && versions(&daemon, "issued") == 3);
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!((versions(&daemon, "own"), versions(&daemon, "issued")), (3, 3), "once");
}

fn find(session: &Session, class: ObjectClass, label: &str) -> Vec<ObjectHandle> {
    session.find_objects(&[Attribute::Class(class), Attribute::Label(label.into())]).unwrap()
}

#[test]
fn a_running_program_sees_certificates_beside_their_keys() {
    let client = Client::start();
    let session = client.logged_in();
    let daemon = &client.daemon;
    assert!(find(&session, ObjectClass::CERTIFICATE, "web").is_empty());
    make(daemon, &EC);
    export(daemon, "web.pfx", &[]);
    certificate(daemon, &["import", "-n", "web", "-f", "web.pfx", "--password", "secret"]);
    wait_until("the certificate", SOON, || !find(&session, ObjectClass::CERTIFICATE, "web").is_empty());
    let found = |class| match find(&session, class, "web").as_slice() {
        [one] => *one,
        other => panic!("{} objects", other.len()),
    };
    let (face, key) = (found(ObjectClass::CERTIFICATE), found(ObjectClass::PRIVATE_KEY));
    let attributes = |handle, kinds: &[AttributeType]| session.get_attributes(handle, kinds).unwrap();
    assert_eq!(attributes(face, &[AttributeType::Id]), attributes(key, &[AttributeType::Id]));
    let value = attributes(face, &[AttributeType::Value]);
    let Some(Attribute::Value(der)) = value.first() else { panic!("no value") };
    openssl(daemon, &["x509", "-in", "cert.pem", "-outform", "DER", "-out", "cert.der"]);
    assert_eq!(*der, fs::read(daemon.path("cert.der")).unwrap());
    let rest = [AttributeType::Subject, AttributeType::Issuer, AttributeType::SerialNumber];
    assert_eq!(attributes(face, &rest).len(), 3);
    assert_eq!(session.sign(&Mechanism::Ecdsa, key, &[7; 48]).unwrap().len(), 96);
    assert!(
        session.destroy_object(face).is_err() && session.destroy_object(key).is_err(),
        "the certificate is deleted in the vault"
    );

    // OpenSC lists it, and OpenSSL's engine loads the pair.
    let listed = logged_in(daemon, &["-O"]);
    assert!(listed.contains("Certificate Object; type = X.509 cert") && listed.contains("CN=made"), "{listed}");
    logged_in(daemon, &["--read-object", "--type", "cert", "--label", "web", "-o", "read.der"]);
    assert_eq!(fs::read(daemon.path("read.der")).unwrap(), *der);
    daemon.write("message", "to whom it may concern\n");
    let sign =
        ["cms", "-sign", "-engine", "pkcs11", "-keyform", "engine", "-inkey", &key_uri("web"), "-signer", "cert.pem"];
    output_of(&mut daemon.openssl_engine(&[&sign[..], &["-in", "message", "-out", "signed", "-text"]].concat()));
    let verify = ["cms", "-verify", "-in", "signed", "-CAfile", "cert.pem", "-purpose", "any", "-text"];
    assert!(openssl(daemon, &verify).contains("to whom it may concern"));

    certificate(daemon, &["set-attributes", "-n", "web", "--enabled", "false"]);
    wait_until("the key is disabled", SOON, || session.sign(&Mechanism::Ecdsa, key, &[7; 48]).is_err());
    certificate(daemon, &["delete", "-n", "web"]);
    wait_until("the objects are gone", SOON, || find(&session, ObjectClass::CERTIFICATE, "web").is_empty());
    certificate(daemon, &["recover", "-n", "web"]);
    wait_until("the objects are back", SOON, || find(&session, ObjectClass::CERTIFICATE, "web").len() == 1);
}

//! OpenDNSSEC's `ods-hsmutil` and `ods-hsmspeed`: keys are made, listed, shown as DNSKEY records, tried and removed.

use std::{fs, process::Command};

use softkeep_tests::{Daemon, PIN, VAULT, module, output_of, run, stdout_of};

const PACKAGE: &str = "libhsm-bin";

/// What `ods-hsmutil` reads of OpenDNSSEC's configuration, and what its schema wants besides.
fn configure(daemon: &Daemon) {
    let dir = daemon.dir().display();
    daemon.write(
        "conf.xml",
        format!(
            "<Configuration><RepositoryList><Repository name=\"Softkeep\"><Module>{module}</Module>\
             <TokenLabel>{VAULT}</TokenLabel><PIN>{PIN}</PIN></Repository></RepositoryList>\
             <Common><PolicyFile>{dir}/kasp.xml</PolicyFile><ZoneListFile>{dir}/zonelist.xml</ZoneListFile></Common>\
             <Enforcer><Datastore><SQLite>{dir}/kasp.db</SQLite></Datastore></Enforcer></Configuration>",
            module = module().display()
        ),
    );
}

fn hsmutil(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = daemon.tool("ods-hsmutil", PACKAGE);
    command.args(["-c", "conf.xml"]).args(args);
    command
}

/// The keys it lists: identifier and type.
fn keys(daemon: &Daemon) -> Vec<(String, String)> {
    let listed = stdout_of(&mut hsmutil(daemon, &["list", "Softkeep"]));
    let rows = listed.lines().filter_map(|line| line.strip_prefix("Softkeep "));
    let words = rows.map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let mut keys: Vec<_> = words.map(|row| (row[0].clone(), row[1].clone())).collect();
    keys.sort_by(|a, b| a.1.cmp(&b.1));
    keys
}

#[test]
fn keys_are_made_listed_shown_and_removed() {
    let daemon = Daemon::start();
    configure(&daemon);
    let info = stdout_of(&mut hsmutil(&daemon, &["info"]));
    assert!(info.contains(&format!("Token Label:   {VAULT}")), "{info}");
    for (algorithm, size) in [("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384")] {
        let made = stdout_of(&mut hsmutil(&daemon, &["generate", "Softkeep", algorithm, size]));
        assert!(made.contains("Key generation successful: "), "{made}");
    }
    let listed = keys(&daemon);
    let kinds: Vec<&str> = listed.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["ECDSA/256", "ECDSA/384", "RSA/2048"]);

    // A DNSKEY record of an EC key is the point without its first byte, in base64, RFC 6605.
    let (id, _) = &listed[0];
    let record = stdout_of(&mut hsmutil(&daemon, &["dnskey", id, "example.org", "257", "13"]));
    let fields: Vec<&str> = record.split_whitespace().collect();
    assert_eq!(fields[3..7], ["DNSKEY", "257", "3", "13"], "{record}");
    let names = daemon.json(&["key", "list"]);
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    let points = names.iter().map(|name| {
        let pem = daemon.download(name);
        stdout_of(daemon.openssl(&["pkey", "-pubin", "-outform", "DER", "-out", "point", "-in"]).arg(pem));
        fs::read(daemon.path("point")).unwrap()
    });
    fs::write(daemon.path("base64"), format!("{}\n", fields[7])).unwrap();
    output_of(&mut daemon.openssl(&["base64", "-d", "-A", "-in", "base64", "-out", "decoded"]));
    let decoded = fs::read(daemon.path("decoded")).unwrap();
    assert_eq!(decoded.len(), 64);
    assert_eq!(points.filter(|point| point.ends_with(&decoded)).count(), 1, "it is a key of the vault: {names:?}");

    for (id, _) in &listed {
        let removed = stdout_of(&mut hsmutil(&daemon, &["remove", id]));
        assert!(removed.contains("Key remove successful"), "{removed}");
    }
    assert!(keys(&daemon).is_empty());
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 0);
}

#[test]
fn its_own_test_signs_with_what_it_makes() {
    let daemon = Daemon::start();
    configure(&daemon);
    // It counts as an error each kind of key that is not to be had, of which it tries many: its exit code says nothing.
    let report = run(&mut hsmutil(&daemon, &["test", "Softkeep"]));
    let report = String::from_utf8(report.stdout).unwrap();
    for size in [2048, 4096] {
        let part = report
            .split(&format!("Generating {size}-bit RSA key... OK\n"))
            .nth(1)
            .unwrap_or_else(|| panic!("{report}"));
        let part = part.split("\n\n").next().unwrap();
        for line in ["Signing (RSA/SHA1) with key... OK", "Signing (RSA/SHA512) with key... OK", "Deleting key... OK"] {
            assert!(part.contains(line), "{line} in {part}");
        }
    }
    assert!(report.contains("Generating ECDSA Curve P-256 key... OK"), "{report}");
    assert!(report.contains("Generating 1024 bytes of random data... OK"), "{report}");
    let mut speed = daemon.tool("ods-hsmspeed", PACKAGE);
    let said = stdout_of(speed.args(["-c", "conf.xml", "-r", "Softkeep", "-i", "50", "-s", "2048", "-t", "2"]));
    assert!(said.contains("2 threads, 50 signatures per thread"), "{said}");
    let signatures = daemon.audit_lines().into_iter().filter(|line| line["algorithm"] == "CKM_RSA_PKCS").count();
    assert!(signatures >= 106, "six of the test and a hundred of the two threads: {signatures}");
    let wrong = fs::read_to_string(daemon.path("conf.xml")).unwrap().replace(PIN, "4321");
    daemon.write("conf.xml", wrong);
    assert!(!run(&mut hsmutil(&daemon, &["list"])).status.success(), "a wrong PIN listed keys");
}

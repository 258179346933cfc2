//! Single-use keys, dry runs, and the signed receipt of each import in the audit log.

use std::{fs, thread};

use serde_json::Value;
use softkeep_tests::{output_of, program, run};

use super::{Byok, TARGETS, refusals::assert_refused};

fn imports(byok: &Byok, outcome: &str) -> Vec<Value> {
    let lines = byok.daemon.audit_lines();
    lines.into_iter().filter(|line| line["operation"] == "key.import" && line["outcome"] == outcome).collect()
}

/// The part of a JWS with that number.
fn part(byok: &Byok, jws: &str, number: usize) -> Vec<u8> {
    let text = jws.trim().split('.').nth(number).unwrap().replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    byok.daemon.write("part.b64", format!("{text}{padding}\n"));
    output_of(&mut byok.daemon.openssl(&["base64", "-d", "-A", "-in", "part.b64", "-out", "part.bin"]));
    byok.read("part.bin")
}

#[test]
fn every_import_leaves_a_receipt_that_openssl_verifies() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    byok.transfer_file("good.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &byok.blob("sha1", "p256.der"));
    let made = byok.import("mine", "good.byok", &["--receipt", "receipt.jws"]);
    let receipt = fs::read_to_string(byok.path("receipt.jws")).unwrap();
    let line = imports(&byok, "done").pop().unwrap();
    assert_eq!(line["receipt"], receipt.trim());
    assert_eq!(
        (&line["object"], &line["detail"].as_str().unwrap().starts_with("with key kek/")),
        (&"mine".into(), &true)
    );

    let says: Value = serde_json::from_slice(&part(&byok, &receipt, 1)).unwrap();
    let kid = made["key"]["kid"].as_str().unwrap();
    assert_eq!((&says["vault"], &says["key"], &says["kind"]), (&"dev".into(), &"mine".into(), &"P-256".into()));
    assert_eq!(kid, format!("https://dev.vault.localhost/keys/mine/{}", says["version"].as_str().unwrap()));
    assert!(byok.kid("KEK").to_lowercase().ends_with(says["kek"].as_str().unwrap()), "{says}");
    assert_eq!((&says["dialect"], &says["algorithm"]), (&"azure".into(), &"RSA-OAEP with SHA-1 and AES-KWP".into()));
    assert!(says["caller"].as_str().unwrap().starts_with("uid:"), "{says}");
    output_of(&mut byok.daemon.openssl(&["pkey", "-pubin", "-in", "p256.pub", "-outform", "DER", "-out", "spki.der"]));
    let hash = byok.daemon.digest("sha256", &byok.path("spki.der"));
    let hash: String = fs::read(hash).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(says["spki_sha256"], hash.as_str());

    // The public key is in the header; in PEM it is 12 fixed bytes (RFC 8410) and those.
    let header: Value = serde_json::from_slice(&part(&byok, &receipt, 0)).unwrap();
    assert_eq!((&header["alg"], &header["jwk"]["crv"]), (&"EdDSA".into(), &"Ed25519".into()));
    let x = part(&byok, header["jwk"]["x"].as_str().unwrap(), 0);
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    byok.daemon.write("log.der", [&prefix[..], &x].concat());
    let signature = part(&byok, &receipt, 2);
    byok.daemon.write("signature", signature);
    byok.daemon.write("signed", receipt.trim().rsplit_once('.').unwrap().0);
    let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "log.der", "-rawin", "-in", "signed"];
    output_of(byok.daemon.openssl(&verify).args(["-sigfile", "signature"]));
    assert_eq!(byok.daemon.json(&["audit", "verify"])["intact"], true);

    // A secret key's receipt says nothing of its bytes.
    output_of(&mut byok.daemon.openssl(&["rand", "-out", "secret.bin", "32"]));
    byok.transfer_file("oct.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &byok.blob("sha1", "secret.bin"));
    byok.import("oct", "oct.byok", &["--receipt", "oct.jws"]);
    let says: Value =
        serde_json::from_slice(&part(&byok, &fs::read_to_string(byok.path("oct.jws")).unwrap(), 1)).unwrap();
    assert_eq!((&says["kind"], says.get("spki_sha256")), (&"AES-256".into(), None));
}

#[test]
fn a_dry_run_checks_everything_and_changes_nothing() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    let kid = byok.make_kek("once", 2048, &["--single-use"]);
    byok.transfer_file("good.byok", &kid, "CKM_RSA_AES_KEY_WRAP", &byok.blob_for("once.pem", "sha1", "p256.der"));
    for _ in 0..2 {
        let shown = byok.import("dry", "good.byok", &["--dry-run"]);
        assert_eq!((&shown["key"]["crv"], &shown["key"]["kid"]), (&"P-256".into(), &"".into()));
    }
    assert_eq!(byok.daemon.softkeep(&["key", "show", "--name", "dry"]).status.code(), Some(3));
    let lines = imports(&byok, "done");
    assert_eq!(lines.len(), 2);
    assert!(
        lines.iter().all(|line| line["detail"].as_str().unwrap().contains("dry run") && line.get("receipt").is_none())
    );
    let plain = byok.daemon.json(&["key", "import", "--name", "dry", "--pem-file", "p256.pem", "--dry-run"]);
    assert_eq!(plain["key"]["kid"], "");
    byok.import("dry", "good.byok", &[]);
    byok.assert_signs_as("dry", "p256", "ES256");
    let again = byok.refused("good.byok", &["--dry-run"]);
    assert_refused(&again, 4, "KEY_DISABLED", "disabled");
}

#[test]
fn of_many_imports_with_a_key_for_one_exactly_one_happens() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    for round in 0..5 {
        let kek = format!("once-{round}");
        let kid = byok.make_kek(&kek, 2048, &["--single-use"]);
        byok.transfer_file(
            "race.byok",
            &kid,
            "CKM_RSA_AES_KEY_WRAP",
            &byok.blob_for(&format!("{kek}.pem"), "sha1", "p256.der"),
        );
        let outputs: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|number| {
                    let mut command = byok.daemon.command(program("softkeep"));
                    command.args([
                        "key",
                        "import",
                        "--byok-file",
                        "race.byok",
                        "--name",
                        &format!("race-{round}-{number}"),
                    ]);
                    scope.spawn(move || run(&mut command))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = outputs.iter().filter(|output| output.status.success()).count();
        assert_eq!(won, 1, "{outputs:?}");
        for lost in outputs.iter().filter(|output| !output.status.success()) {
            assert_refused(lost, 4, "KEY_DISABLED", "");
        }
        let list = byok.daemon.json(&["key", "list"]);
        let prefix = format!("race-{round}-");
        let made =
            list.as_array().unwrap().iter().filter(|key| key["name"].as_str().unwrap().starts_with(&prefix)).count();
        assert_eq!(made, 1);
        assert_eq!(byok.daemon.json(&["key", "show", "--name", &kek])["attributes"]["enabled"], false);
    }
}

#[test]
fn a_failed_import_does_not_spend_the_key_for_one() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    let kid = byok.make_kek("once", 2048, &["--single-use"]);
    let blob = byok.blob_for("once.pem", "sha1", "p256.der");
    let mut wrong = blob.clone();
    wrong[300] ^= 1;
    byok.transfer_file("bad.byok", &kid, "CKM_RSA_AES_KEY_WRAP", &wrong);
    assert_refused(&byok.refused("bad.byok", &[]), 1, "TRANSFER_BLOB_INVALID", "");
    byok.transfer_file("good.byok", &kid, "CKM_RSA_AES_KEY_WRAP", &blob);
    byok.import("good", "good.byok", &[]);
    byok.assert_signs_as("good", "p256", "ES256");
}

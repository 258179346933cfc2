//! What does not come in, each with its reason, and nothing changed.

use std::{fs, process::Output};

use softkeep_tests::run;

use super::{Byok, TARGETS};

/// The CLI refuses with this exit code, code and words, and says what to do.
pub(super) fn assert_refused(output: &Output, exit: i32, code: &str, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(exit), "{words}: {stderr}");
    assert!(stderr.contains(&format!("  code: {code} ")), "{words}: {stderr}");
    assert!(stderr.contains(words), "{words}: {stderr}");
    assert!(stderr.contains("  fix: ") && output.stdout.is_empty(), "{output:?}");
}

/// The one answer to whatever is wrong inside.
const INSIDE: &str = "the wrapped key cannot be unwrapped with this key";

fn prepared() -> (Byok, Vec<u8>) {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    let blob = byok.blob("sha1", "p256.der");
    byok.transfer_file("good.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &blob);
    (byok, blob)
}

fn keys(byok: &Byok) -> usize {
    byok.daemon.json(&["key", "list"]).as_array().unwrap().len()
}

#[test]
fn whatever_is_wrong_inside_is_told_in_the_same_words() {
    let (byok, blob) = prepared();
    let kid = byok.kid("KEK");
    let before = keys(&byok);
    let refuse = |blob: &[u8]| {
        byok.transfer_file("bad.byok", &kid, "CKM_RSA_AES_KEY_WRAP", blob);
        let refused = byok.refused("bad.byok", &[]);
        assert_refused(&refused, 1, "TRANSFER_BLOB_INVALID", INSIDE);
        let stderr = String::from_utf8(refused.stderr).unwrap();
        // All but the number of the request.
        stderr.lines().map(|line| line.split("  request:").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut answers = Vec::new();
    for place in [0, 7, 128, 255, 256, 264, blob.len() - 1] {
        let mut changed = blob.clone();
        changed[place] ^= 0x40;
        answers.push(refuse(&changed));
    }
    // For another key, by another hash, with another block of the same length, and with no key inside.
    byok.make_kek("OTHER", 2048, &[]);
    answers.push(refuse(&byok.blob_for("OTHER.pem", "sha1", "p256.der")));
    answers.push(refuse(&byok.blob("sha256", "p256.der")));
    answers.push(refuse(&[&blob[..256], &[0; 152]].concat()));
    byok.daemon.write("text", "this is no key at all, whatever it says");
    answers.push(refuse(&byok.blob("sha1", "text")));
    // A private key with something behind it, and one that is cut off.
    let der = byok.read("p256.der");
    byok.daemon.write("more", [&der[..], &[0]].concat());
    answers.push(refuse(&byok.blob("sha1", "more")));
    byok.daemon.write("less", &der[..der.len() - 2]);
    answers.push(refuse(&byok.blob("sha1", "less")));
    // The public half beside the private one is another key's.
    byok.make_target("other", TARGETS[1].1);
    let other = byok.read("other.der");
    byok.daemon.write("mixed", [&der[..der.len() - 64], &other[other.len() - 64..]].concat());
    answers.push(refuse(&byok.blob("sha1", "mixed")));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(keys(&byok), before + 1, "the second key for imports is all that is new");
    byok.import("good", "good.byok", &[]);
}

#[test]
fn what_everybody_can_see_is_told_by_name() {
    let (byok, blob) = prepared();
    let kid = byok.kid("KEK");
    let text = byok.read("good.byok");
    let invalid = "TRANSFER_BLOB_INVALID";
    for len in [0, 1, 40, text.len() / 2, text.len() - 1] {
        byok.daemon.write("bad", &text[..len]);
        let words = if len == 0 { "empty" } else { "cut off" };
        assert_refused(&byok.refused("bad", &[]), 1, invalid, words);
    }
    for (len, words) in [(255, "bytes"), (256, "bytes"), (blob.len() - 1, "bytes"), (blob.len() - 4, "bytes")] {
        byok.transfer_file("bad", &kid, "CKM_RSA_AES_KEY_WRAP", &blob[..len]);
        assert_refused(&byok.refused("bad", &[]), 1, invalid, words);
    }
    for (kid, code, exit, words) in [
        (kid.replace("//dev.", "//other."), "INVALID_ARGUMENT", 1, "made for the vault 'other'"),
        (kid.replace("/KEK/", "/NONE/"), "KEY_NOT_FOUND", 3, "NONE"),
        (kid[..kid.len() - 32].to_owned() + &"0".repeat(32), "KEY_NOT_FOUND", 3, "KEK"),
        (kid.replace("/keys/", "/secrets/"), invalid, 1, "kid"),
        ("KEK".to_owned(), invalid, 1, "kid"),
    ] {
        byok.transfer_file("bad", &kid, "CKM_RSA_AES_KEY_WRAP", &blob);
        assert_refused(&byok.refused("bad", &[]), exit, code, words);
    }
    for enc in ["RSA1_5", "CKM_AES_KEY_WRAP", ""] {
        byok.transfer_file("bad", &kid, enc, &blob);
        assert_refused(&byok.refused("bad", &[]), 1, "UNSUPPORTED_ALGORITHM", "has no algorithm");
    }
    let schema = String::from_utf8(text).unwrap().replace("1.0.0", "2.0.0");
    byok.daemon.write("bad", schema);
    assert_refused(&byok.refused("bad", &[]), 1, invalid, "schema_version");
    let good = |args: &[&str], exit, code: &str, words: &str| {
        assert_refused(&byok.refused("good.byok", args), exit, code, words);
    };
    good(&["--kek", "OTHER"], 1, "INVALID_ARGUMENT", "made for another key");
    good(&["--kty", "RSA"], 1, "KEY_TYPE_MISMATCH", "not what was announced");
    good(&["--kty", "EC", "--curve", "P-384"], 1, "KEY_TYPE_MISMATCH", "not what was announced");
    good(&["--algorithm", "RSA_AES_KEY_WRAP_256"], 1, "INVALID_ARGUMENT", "not by RSA_AES_KEY_WRAP_256");
    good(&["--ops", "decrypt"], 1, "INVALID_ARGUMENT", "");
    byok.daemon.write("raw", &blob);
    assert_refused(&byok.refused("raw", &[]), 1, "INVALID_ARGUMENT", "is not named");
    let named = ["--kek", "KEK", "--algorithm", "RSA_AES_KEY_WRAP_SHA_512"];
    assert_refused(
        &byok.refused("raw", &[&named[..], &["--byok-format", "aws"]].concat()),
        1,
        "UNSUPPORTED_ALGORITHM",
        "aws has",
    );
    let gcp = ["--kek", "KEK", "--algorithm", "rsa-oaep-4096-sha1-aes-256"];
    assert_refused(&byok.refused("raw", &gcp), 1, invalid, "4096");
    assert_eq!(keys(&byok), 1);
}

#[test]
fn only_a_key_for_imports_unwraps_and_it_does_nothing_else() {
    let (byok, _) = prepared();
    for (name, args) in [("plain", &["--kty", "RSA"][..]), ("curve", &["--kty", "EC"])] {
        byok.daemon.cli(&[&["key", "create", "--name", name], args].concat());
    }
    byok.daemon.cli(&["key", "download", "--name", "plain", "--file", "plain.pem"]);
    byok.daemon.write("plain.bin", byok.blob_for("plain.pem", "sha256", "p256.der"));
    assert_refused(
        &byok.refused("plain.bin", &["--kek", "plain"]),
        4,
        "OPERATION_NOT_PERMITTED",
        "not one for imports",
    );
    assert_refused(&byok.refused("plain.bin", &["--kek", "curve"]), 1, "KEY_TYPE_MISMATCH", "no RSA key");
    // No door gives the key for imports another use.
    let changed = byok.daemon.softkeep(&["key", "set-attributes", "--name", "KEK", "--ops", "decrypt"]);
    assert!(!changed.status.success(), "{changed:?}");
    byok.oaep("KEK.pem", "sha1", "aes.bin", "hidden.bin");
    let hidden = byok.base64(&byok.read("hidden.bin"), false);
    let decrypted =
        byok.daemon.softkeep(&["key", "decrypt", "--name", "KEK", "--algorithm", "RSA-OAEP", "--value", hidden.trim()]);
    assert_refused(&decrypted, 4, "OPERATION_NOT_PERMITTED", "");
    let mut tool = byok.daemon.tool("pkcs11-tool", "opensc");
    tool.arg("--module").arg(softkeep_tests::module()).args([
        "--login",
        "--pin",
        softkeep_tests::PIN,
        "--label",
        "KEK",
    ]);
    tool.args(["--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA-1", "--mgf", "MGF1-SHA1"]);
    let decrypted = run(tool.args(["-i", "hidden.bin", "-o", "shown.bin"]));
    assert!(!decrypted.status.success(), "{decrypted:?}");
    assert!(fs::read(byok.path("shown.bin")).unwrap_or_default().is_empty());
}

#[test]
fn a_disabled_or_expired_key_for_imports_unwraps_nothing() {
    let (byok, _) = prepared();
    byok.daemon.cli(&["key", "set-attributes", "--name", "KEK", "--enabled", "false"]);
    assert_refused(&byok.refused("good.byok", &[]), 4, "KEY_DISABLED", "");
    byok.daemon.cli(&["key", "set-attributes", "--name", "KEK", "--enabled", "true"]);
    byok.daemon.cli(&["key", "set-attributes", "--name", "KEK", "--expires", "2020-01-01T00:00:00Z"]);
    assert_refused(&byok.refused("good.byok", &[]), 4, "KEY_DISABLED", "");
    byok.daemon.cli(&["key", "set-attributes", "--name", "KEK", "--expires", "2120-01-01T00:00:00Z"]);
    byok.import("now", "good.byok", &[]);
    byok.daemon.cli(&["key", "delete", "--name", "KEK"]);
    assert_refused(&byok.refused("good.byok", &[]), 3, "KEY_NOT_FOUND", "KEK");
}

#[test]
fn weak_and_strange_keys_stay_out() {
    let (byok, _) = prepared();
    byok.make_target("weak", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    byok.make_target(
        "small",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
    );
    byok.make_target("curve", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp224r1"]);
    for (target, code) in
        [("weak", "KEY_TOO_WEAK"), ("small", "TRANSFER_BLOB_INVALID"), ("curve", "UNSUPPORTED_ALGORITHM")]
    {
        let blob = byok.blob("sha1", &format!("{target}.der"));
        byok.transfer_file("bad", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &blob);
        assert_refused(&byok.refused("bad", &[]), 1, code, "");
        // The same in the clear.
        let pem = format!("{target}.pem");
        let refused = byok.daemon.softkeep(&["key", "import", "--name", "refused", "--pem-file", &pem]);
        assert!(!refused.status.success(), "{target}");
    }
    byok.daemon.write("short", "0123456789");
    let blob = byok.blob("sha1", "short");
    byok.transfer_file("bad", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &blob);
    assert_refused(&byok.refused("bad", &["--kty", "oct"]), 1, "TRANSFER_BLOB_INVALID", INSIDE);
    assert_eq!(keys(&byok), 1);
}

#[test]
fn a_deleted_name_is_not_imported_to() {
    let (byok, _) = prepared();
    byok.import("gone", "good.byok", &[]);
    byok.daemon.cli(&["key", "delete", "--name", "gone"]);
    let refused = byok.daemon.softkeep(&["key", "import", "--name", "gone", "--byok-file", "good.byok"]);
    assert_refused(&refused, 1, "NAME_DELETED", "gone");
    let dry = byok.daemon.softkeep(&["key", "import", "--name", "gone", "--byok-file", "good.byok", "--dry-run"]);
    assert_refused(&dry, 1, "NAME_DELETED", "gone");
}

#[test]
fn sources_exclude_each_other() {
    let (byok, _) = prepared();
    let both = ["key", "import", "--name", "x", "--byok-file", "good.byok", "--pem-file", "p256.pem"];
    for args in [
        &both[..],
        &["key", "import", "--name", "x"],
        &["key", "import", "--name", "x", "--pem-file", "p256.pem", "--kek", "KEK"],
    ] {
        let refused = byok.daemon.softkeep(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?} {refused:?}");
    }
}

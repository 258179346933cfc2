//! `softkeep byok wrap`, offline: what it makes comes in here, and `openssl` alone unwraps it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;
use softkeep_tests::{output_of, program, run, stdout_of};

use super::{Byok, TARGETS, make_targets};

impl Byok {
    /// Without a daemon to ask.
    fn wrap(&self, args: &[&str]) -> Value {
        let mut command = self.daemon.command(program("softkeep"));
        command.env("SOFTKEEP_ENDPOINT", "unix:///nowhere/softkeep.sock").args(["byok", "wrap"]).args(args);
        serde_json::from_str(&stdout_of(&mut command)).unwrap()
    }

    fn decode(&self, text: &str) -> Vec<u8> {
        let text = text.trim().replace('-', "+").replace('_', "/");
        let padding = "=".repeat((4 - text.len() % 4) % 4);
        self.daemon.write("text.b64", format!("{text}{padding}\n"));
        output_of(&mut self.daemon.openssl(&["base64", "-d", "-A", "-in", "text.b64", "-out", "text.bin"]));
        self.read("text.bin")
    }

    /// Unwraps with the private key in `own.pem`, by openssl.
    fn unwrap(&self, blob: &[u8], hash: &str, modulus: usize) -> Vec<u8> {
        self.daemon.write("hidden.bin", &blob[..modulus]);
        self.daemon.write("wrapped.bin", &blob[modulus..]);
        let (md, mgf) = (format!("rsa_oaep_md:{hash}"), format!("rsa_mgf1_md:{hash}"));
        let decrypt = ["pkeyutl", "-decrypt", "-inkey", "own.pem", "-in", "hidden.bin", "-out", "aes.bin"];
        let padding = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &md, "-pkeyopt", &mgf];
        output_of(self.daemon.openssl(&decrypt).args(padding));
        if blob.len() == modulus {
            return self.read("aes.bin");
        }
        let key: String = self.read("aes.bin").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key.len(), 64, "an AES key of 256 bits");
        let unwrap =
            ["enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", &key, "-in", "wrapped.bin", "-out", "plain"];
        output_of(&mut self.daemon.openssl(&unwrap));
        self.read("plain")
    }
}

#[test]
fn what_is_wrapped_for_each_service_comes_in_here() {
    let byok = Byok::start(3072);
    make_targets(&byok);
    let kid = byok.kid("KEK");
    for service in ["azure", "softkeep", "aws", "gcp", "openbao"] {
        for (target, _, algorithm) in TARGETS {
            let (out, pem) = (format!("{target}-{service}.out"), format!("{target}.pem"));
            let mut args = vec!["--for", service, "--key", &pem, "--kek", "KEK.pem", "--out", &out];
            if matches!(service, "azure" | "softkeep") {
                args.extend(["--kid", &kid]);
            }
            let said = byok.wrap(&args);
            let name = format!("{service}-{target}");
            let mut import = vec!["--byok-format", service];
            if !matches!(service, "azure" | "softkeep") {
                import.extend(["--kek", "KEK", "--algorithm", said["algorithm"].as_str().unwrap()]);
            }
            byok.import(&name, &out, &import);
            byok.assert_signs_as(&name, target, algorithm);
        }
    }
    for service in ["aws", "gcp"] {
        let out = format!("direct-{service}.out");
        let said = byok.wrap(&["--for", service, "--key", "p256.pem", "--kek", "KEK.pem", "--direct", "--out", &out]);
        let name = format!("direct-{service}");
        byok.import(&name, &out, &["--kek", "KEK", "--algorithm", said["algorithm"].as_str().unwrap()]);
        byok.assert_signs_as(&name, "p256", "ES256");
    }
}

#[test]
fn openssl_alone_unwraps_what_is_wrapped() {
    let byok = Byok::start(2048);
    make_targets(&byok);
    output_of(&mut byok.daemon.openssl(&["genrsa", "-out", "own.pem", "4096"]));
    output_of(&mut byok.daemon.openssl(&["rsa", "-in", "own.pem", "-pubout", "-out", "own.pub"]));
    output_of(&mut byok.daemon.openssl(&["rand", "-out", "secret.bin", "32"]));
    let kid = "https://contoso.vault.azure.net/keys/KEKforBYOK/0123456789abcdef0123456789abcdef";
    for (key, plain) in [("rsa.pem", "rsa.der"), ("p521.der", "p521.der"), ("secret.bin", "secret.bin")] {
        let out = format!("{plain}.byok");
        byok.wrap(&["--for", "azure", "--key", key, "--kek", "own.pub", "--kid", kid, "--out", &out]);
        let file: Value = serde_json::from_slice(&byok.read(&out)).unwrap();
        assert_eq!((&file["schema_version"], &file["header"]["alg"]), (&"1.0.0".into(), &"dir".into()));
        assert_eq!((&file["header"]["kid"], &file["header"]["enc"]), (&kid.into(), &"CKM_RSA_AES_KEY_WRAP".into()));
        let text = file["ciphertext"].as_str().unwrap();
        assert!(!text.contains(['=', '+', '/']), "base64url without padding");
        let blob = byok.decode(text);
        assert_eq!(byok.unwrap(&blob, "sha1", 512), byok.read(plain), "{key}");
    }
    for hash in ["sha1", "sha256"] {
        let out = format!("aws-{hash}");
        byok.wrap(&["--for", "aws", "--hash", hash, "--key", "p256.pem", "--kek", "own.pub", "--out", &out]);
        assert_eq!(byok.unwrap(&byok.read(&out), hash, 512), byok.read("p256.der"));
        let mode = fs::metadata(byok.path(&out)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    byok.wrap(&["--for", "gcp", "--direct", "--key", "secret.bin", "--kek", "own.pub", "--out", "direct"]);
    assert_eq!(byok.unwrap(&byok.read("direct"), "sha256", 512), byok.read("secret.bin"));
    for hash in ["sha384", "sha512"] {
        let out = format!("bao-{hash}");
        byok.wrap(&["--for", "openbao", "--hash", hash, "--key", "p384.pem", "--kek", "own.pub", "--out", &out]);
        let blob = byok.decode(&fs::read_to_string(byok.path(&out)).unwrap());
        assert_eq!(byok.unwrap(&blob, hash, 512), byok.read("p384.der"));
    }
}

#[test]
fn keys_are_read_in_each_form() {
    let byok = Byok::start(2048);
    make_targets(&byok);
    let mut forms = Vec::new();
    for target in ["rsa", "p256"] {
        let (pem, encrypted) = (format!("{target}.pem"), format!("{target}.enc"));
        let topk8 =
            ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", &pem, "-out", &encrypted, "-passout", "pass:secret"];
        output_of(&mut byok.daemon.openssl(&topk8));
        forms.extend([(target, pem), (target, format!("{target}.der")), (target, encrypted)]);
    }
    output_of(&mut byok.daemon.openssl(&["rsa", "-in", "rsa.pem", "-traditional", "-out", "rsa.pkcs1"]));
    output_of(&mut byok.daemon.openssl(&["ec", "-in", "p256.pem", "-out", "p256.sec1"]));
    forms.extend([("rsa", "rsa.pkcs1".to_owned()), ("p256", "p256.sec1".to_owned())]);
    output_of(&mut byok.daemon.openssl(&["rsa", "-pubin", "-in", "KEK.pem", "-RSAPublicKey_out", "-out", "KEK.pkcs1"]));
    output_of(&mut byok.daemon.openssl(&["pkey", "-pubin", "-in", "KEK.pem", "-outform", "DER", "-out", "KEK.der"]));
    let shown = byok.daemon.json(&["key", "show", "--name", "KEK"]);
    let url = |text: &Value| text.as_str().unwrap().replace('+', "-").replace('/', "_").replace('=', "");
    let jwk = serde_json::json!({"kty": "RSA-HSM", "n": url(&shown["key"]["n"]), "e": url(&shown["key"]["e"])});
    byok.daemon.write("KEK.jwk", jwk.to_string());
    for (number, (target, form)) in forms.iter().enumerate() {
        let kek = ["KEK.pem", "KEK.der", "KEK.pkcs1", "KEK.jwk"][number % 4];
        let (out, name) = (format!("form-{number}.out"), format!("form-{number}"));
        byok.daemon.write("password", "secret\n");
        let mut args = vec!["--for", "aws", "--key", form, "--kek", kek, "--out", &out];
        args.extend(["--key-password", "@password"]);
        byok.wrap(&args);
        byok.import(&name, &out, &["--kek", "KEK"]);
        byok.assert_signs_as(&name, target, if *target == "rsa" { "RS256" } else { "ES256" });
    }
    // RFC 8037 appendix A.1.
    let ed = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    byok.daemon.write("ed.jwk", ed);
    byok.wrap(&["--for", "aws", "--key", "ed.jwk", "--kek", "KEK.pem", "--out", "ed.out"]);
    let made = byok.import("ed", "ed.out", &["--kek", "KEK"]);
    assert_eq!(url(&made["key"]["x"]), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    // RFC 7517 appendix A.2.
    let ec = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;
    byok.daemon.write("ec.jwk", ec);
    byok.wrap(&["--for", "aws", "--key", "ec.jwk", "--kek", "KEK.pem", "--out", "ec.out"]);
    assert_eq!(
        url(&byok.import("ec", "ec.out", &["--kek", "KEK"])["key"]["x"]),
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
    );
}

#[test]
fn wrapping_refuses_what_no_service_would_take() {
    let byok = Byok::start(2048);
    make_targets(&byok);
    let refused = |args: &[&str], exit: i32, words: &str| {
        let output = run(byok.daemon.command(program("softkeep")).args(["byok", "wrap"]).args(args));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{stderr}");
        assert!(stderr.contains(words) && stderr.contains("  fix: "), "{words}: {stderr}");
    };
    let base = ["--key", "rsa.pem", "--kek", "KEK.pem", "--out", "never"];
    refused(&[&base[..], &["--for", "azure"]].concat(), 2, "--kid is missing");
    refused(&[&base[..], &["--for", "gcp"]].concat(), 2, "3072 or 4096");
    refused(&[&base[..], &["--for", "aws", "--direct"]].concat(), 2, "--direct");
    refused(&[&base[..], &["--for", "aws", "--hash", "sha512"]].concat(), 2, "sha512");
    refused(&["--for", "aws", "--key", "KEK.pem", "--kek", "KEK.pem", "--out", "never"], 1, "no private key");
    refused(&["--for", "aws", "--key", "rsa.pem", "--kek", "rsa.pem", "--out", "never"], 1, "private key");
    refused(&["--for", "aws", "--key", "rsa.pem", "--kek", "p256.pub", "--out", "never"], 1, "no public RSA key");
    assert!(!byok.path("never").exists());
    byok.daemon.write("there", "mine");
    refused(&["--for", "aws", "--key", "rsa.pem", "--kek", "KEK.pem", "--out", "there"], 1, "exists");
    assert_eq!(byok.read("there"), b"mine");
}

//! Bring your own key: blobs that the `openssl` command line made, in every dialect, come in; what comes in signs, decrypts and is what it
//! was; each bad one is refused by name and changes nothing. What `softkeep byok wrap` makes, `openssl` alone unwraps.

use std::{fs, path::PathBuf, process::Output};

use serde_json::Value;
use softkeep_tests::{Daemon, output_of, stdout_of};

mod receipts;
mod refusals;
mod wrapping;

/// A daemon with a key for imports, its public half in `KEK.pem`.
struct Byok {
    daemon: Daemon,
}

impl Byok {
    fn start(kek_bits: u32) -> Self {
        let daemon = Daemon::start();
        let byok = Self { daemon };
        byok.make_kek("KEK", kek_bits, &[]);
        byok
    }

    /// The commands of Key Vault's own documentation.
    fn make_kek(&self, name: &str, bits: u32, args: &[&str]) -> String {
        let bits = bits.to_string();
        let create = ["keyvault", "key", "create", "--kty", "RSA-HSM", "--ops", "import", "--vault-name", "dev"];
        self.daemon.cli(&[&create[..], &["--size", &bits, "--name", name], args].concat());
        let file = format!("{name}.pem");
        self.daemon.cli(&["keyvault", "key", "download", "--vault-name", "dev", "--name", name, "--file", &file]);
        self.kid(name)
    }

    fn kid(&self, name: &str) -> String {
        self.daemon.json(&["key", "show", "--name", name])["key"]["kid"].as_str().unwrap().to_owned()
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.daemon.path(file)).unwrap()
    }

    /// A private key as PKCS#8 in `NAME.der`, as PEM in `NAME.pem`, its public half in `NAME.pub`.
    fn make_target(&self, name: &str, options: &[&str]) {
        let (pem, der, public) = (format!("{name}.pem"), format!("{name}.der"), format!("{name}.pub"));
        output_of(self.daemon.openssl(&["genpkey", "-out", &pem]).args(options));
        output_of(
            &mut self.daemon.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", &pem, "-outform", "DER", "-out", &der]),
        );
        output_of(&mut self.daemon.openssl(&["pkey", "-in", &pem, "-pubout", "-out", &public]));
    }

    /// RSA-OAEP with this hash, by openssl.
    fn oaep(&self, kek: &str, hash: &str, input: &str, output: &str) {
        let (hash, mgf) = (format!("rsa_oaep_md:{hash}"), format!("rsa_mgf1_md:{hash}"));
        let command = ["pkeyutl", "-encrypt", "-pubin", "-inkey", kek, "-in", input, "-out", output];
        let padding = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &hash, "-pkeyopt", &mgf];
        output_of(self.daemon.openssl(&command).args(padding));
    }

    /// The blob of CKM_RSA_AES_KEY_WRAP for the key in `KEK.pem`, by openssl.
    fn blob(&self, hash: &str, target: &str) -> Vec<u8> {
        self.blob_for("KEK.pem", hash, target)
    }

    fn blob_for(&self, kek: &str, hash: &str, target: &str) -> Vec<u8> {
        output_of(&mut self.daemon.openssl(&["rand", "-out", "aes.bin", "32"]));
        self.oaep(kek, hash, "aes.bin", "hidden.bin");
        let key: String = self.read("aes.bin").iter().map(|byte| format!("{byte:02x}")).collect();
        let wrap = ["enc", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", &key, "-in", target, "-out", "wrapped.bin"];
        output_of(&mut self.daemon.openssl(&wrap));
        [self.read("hidden.bin"), self.read("wrapped.bin")].concat()
    }

    fn base64(&self, bytes: &[u8], url: bool) -> String {
        self.daemon.write("plain.bin", bytes);
        let text = stdout_of(&mut self.daemon.openssl(&["base64", "-A", "-in", "plain.bin"]));
        if url { text.trim().replace('+', "-").replace('/', "_").replace('=', "") } else { text }
    }

    /// A `.byok` file.
    fn transfer_file(&self, name: &str, kid: &str, enc: &str, blob: &[u8]) {
        let ciphertext = self.base64(blob, true);
        let file = format!(
            r#"{{"schema_version":"1.0.0","header":{{"kid":"{kid}","alg":"dir","enc":"{enc}"}},"ciphertext":"{ciphertext}","generator":"openssl"}}"#
        );
        self.daemon.write(name, file);
    }

    fn import(&self, name: &str, file: &str, args: &[&str]) -> Value {
        self.daemon.json(
            &[&["keyvault", "key", "import", "--vault-name", "dev", "--name", name, "--byok-file", file], args]
                .concat(),
        )
    }

    fn refused(&self, file: &str, args: &[&str]) -> Output {
        self.daemon.softkeep(&[&["key", "import", "--name", "refused", "--byok-file", file], args].concat())
    }

    /// Signs with the key here, verifies with the public key from before.
    fn assert_signs_as(&self, key: &str, target: &str, algorithm: &str) {
        let message = self.daemon.write("message", "a message");
        let (public, signature) = (self.daemon.path(&format!("{target}.pub")), self.daemon.path("signature"));
        let _ = fs::remove_file(&signature);
        let sign = ["key", "sign", "--name", key, "--algorithm", algorithm, "--in", "message", "--out", "signature"];
        let format = if algorithm == "RS256" { "raw" } else { "der" };
        self.daemon.cli(&[&sign[..], &["--signature-format", format]].concat());
        let hash = if algorithm == "ES384" { "-sha384" } else { "-sha256" };
        let hash = if algorithm == "ES512" { "-sha512" } else { hash };
        assert!(self.daemon.verifies(&[hash], &public, &signature, &message), "{key} {algorithm}");
        let shown = self.daemon.path(&format!("{key}.shown"));
        self.daemon.cli(&["key", "download", "--name", key, "--file", shown.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(shown).unwrap(), fs::read_to_string(public).unwrap());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.daemon.path(name)
    }
}

/// The targets of the issue: name, how openssl makes it, how it signs here.
const TARGETS: [(&str, &[&str], &str); 4] = [
    ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RS256"),
    (
        "p256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
        "ES256",
    ),
    (
        "p384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-pkeyopt", "ec_param_enc:named_curve"],
        "ES384",
    ),
    (
        "p521",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-pkeyopt", "ec_param_enc:named_curve"],
        "ES512",
    ),
];

fn make_targets(byok: &Byok) {
    for (name, options, _) in TARGETS {
        byok.make_target(name, options);
    }
}

#[test]
fn key_vaults_transfer_files_come_in_for_keys_of_every_size() {
    for bits in [2048, 3072, 4096] {
        let byok = Byok::start(bits);
        make_targets(&byok);
        for (target, _, algorithm) in TARGETS {
            let blob = byok.blob("sha1", &format!("{target}.der"));
            byok.transfer_file("ITByok.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &blob);
            let made = byok.import(target, "./ITByok.byok", &["--protection", "hsm"]);
            let kty = if target == "rsa" { "RSA-HSM" } else { "EC-HSM" };
            assert_eq!(made["key"]["kty"], kty, "{bits} {target}");
            byok.assert_signs_as(target, target, algorithm);
        }
    }
}

#[test]
fn key_vaults_words_for_the_target_and_the_file_as_a_string_are_taken() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    let blob = byok.blob("sha1", "p256.der");
    // A host of the same vault under another suffix, and one that names no vault.
    let path = byok.kid("KEK").split_once("/keys/").unwrap().1.to_owned();
    for (number, host) in ["DEV.vault.azure.net", "dev.vault.localhost:8443", "localhost:8443"].into_iter().enumerate()
    {
        byok.transfer_file("file.byok", &format!("https://{host}/keys/{path}"), "CKM_RSA_AES_KEY_WRAP", &blob);
        let text = fs::read_to_string(byok.path("file.byok")).unwrap();
        let name = format!("key-{number}");
        let made = byok.daemon.json(&[
            "key",
            "import",
            "--name",
            &name,
            "--byok-string",
            &text,
            "--kty",
            "EC",
            "--curve",
            "P-256",
        ]);
        assert_eq!((&made["key"]["kty"], &made["key"]["crv"]), (&"EC-HSM".into(), &"P-256".into()));
        byok.assert_signs_as(&name, "p256", "ES256");
    }
    // With the operations that were asked for, and the attributes.
    let asked = ["--ops", "sign", "--tags", "a=b", "--disabled", "true", "--protection", "software"];
    let made = byok.import("asked", "file.byok", &asked);
    assert_eq!(made["key"]["keyOps"], serde_json::json!(["sign"]));
    assert_eq!((&made["attributes"]["enabled"], &made["tags"]["a"]), (&false.into(), &"b".into()));
    assert_eq!(made["key"]["kty"], "EC-HSM", "as Key Vault has it");
}

#[test]
fn sha_256_and_384_come_in_by_our_own_words() {
    let byok = Byok::start(3072);
    byok.make_target("rsa", TARGETS[0].1);
    for (hash, enc) in [("sha256", "RSA_AES_KEY_WRAP_256"), ("sha384", "RSA_AES_KEY_WRAP_384")] {
        let blob = byok.blob(hash, "rsa.der");
        byok.transfer_file("own.byok", &byok.kid("KEK"), enc, &blob);
        byok.import(hash, "own.byok", &["--byok-format", "softkeep"]);
        byok.assert_signs_as(hash, "rsa", "RS256");
        byok.import(&format!("{hash}-found"), "own.byok", &[]);
    }
}

#[test]
fn awss_blobs_come_in_by_each_algorithm() {
    let byok = Byok::start(4096);
    make_targets(&byok);
    for (target, _, algorithm) in TARGETS {
        for (hash, name) in [("sha1", "RSA_AES_KEY_WRAP_SHA_1"), ("sha256", "RSA_AES_KEY_WRAP_SHA_256")] {
            byok.daemon.write("aws.bin", byok.blob(hash, &format!("{target}.der")));
            let key = format!("{target}-{hash}");
            byok.import(&key, "aws.bin", &["--byok-format", "aws", "--kek", "KEK", "--algorithm", name]);
            byok.assert_signs_as(&key, target, algorithm);
            byok.import(&format!("{key}-found"), "aws.bin", &["--kek", "KEK"]);
        }
    }
    for (hash, name) in [("sha1", "RSAES_OAEP_SHA_1"), ("sha256", "RSAES_OAEP_SHA_256")] {
        byok.oaep("KEK.pem", hash, "p256.der", "direct.bin");
        let key = format!("direct-{hash}");
        byok.import(&key, "direct.bin", &["--byok-format", "aws", "--kek", "KEK", "--algorithm", name]);
        byok.assert_signs_as(&key, "p256", "ES256");
        byok.import(&format!("{key}-found"), "direct.bin", &["--kek", "KEK"]);
    }
}

#[test]
fn googles_blobs_come_in_by_each_import_method() {
    for bits in [3072, 4096] {
        let byok = Byok::start(bits);
        byok.make_target("rsa", TARGETS[0].1);
        byok.make_target("p256", TARGETS[1].1);
        for hash in ["sha1", "sha256"] {
            byok.daemon.write("gcp.bin", byok.blob(hash, "rsa.der"));
            let method = format!("rsa-oaep-{bits}-{hash}-aes-256");
            byok.import(hash, "gcp.bin", &["--byok-format", "gcp", "--kek", "KEK", "--algorithm", &method]);
            byok.assert_signs_as(hash, "rsa", "RS256");
        }
        byok.oaep("KEK.pem", "sha256", "p256.der", "direct.bin");
        let method = format!("RSA_OAEP_{bits}_SHA256");
        byok.import("direct", "direct.bin", &["--kek", "KEK", "--algorithm", &method]);
        byok.assert_signs_as("direct", "p256", "ES256");
    }
}

#[test]
fn openbaos_ciphertexts_come_in_by_each_hash() {
    let byok = Byok::start(4096);
    byok.make_target("p384", TARGETS[2].1);
    for hash in ["sha1", "sha256", "sha384", "sha512"] {
        let blob = byok.blob(hash, "p384.der");
        byok.daemon.write("bao.txt", byok.base64(&blob, false));
        byok.import(
            hash,
            "bao.txt",
            &["--byok-format", "openbao", "--kek", "KEK", "--algorithm", &hash.to_uppercase()],
        );
        byok.assert_signs_as(hash, "p384", "ES384");
        byok.import(&format!("{hash}-found"), "bao.txt", &["--kek", "KEK"]);
    }
}

#[test]
fn secret_keys_come_in_as_bytes_and_do_what_the_bytes_do() {
    let byok = Byok::start(2048);
    for bytes in ["16", "24", "32"] {
        output_of(&mut byok.daemon.openssl(&["rand", "-out", "secret.bin", bytes]));
        let blob = byok.blob("sha1", "secret.bin");
        byok.transfer_file("oct.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &blob);
        let name = format!("oct-{bytes}");
        let made = byok.import(&name, "oct.byok", &["--kty", "oct"]);
        assert_eq!((&made["key"]["kty"], &made["key"]["k"]), (&"oct-HSM".into(), &Value::Null));
        byok.oaep("KEK.pem", "sha256", "secret.bin", "direct.bin");
        byok.import(&format!("{name}-direct"), "direct.bin", &["--kek", "KEK", "--algorithm", "RSAES_OAEP_SHA_256"]);
        // A check value is the front of zeros, encrypted (PKCS#11 3.2 section 4.10.2): openssl says the same of the same bytes.
        let hex: String = byok.read("secret.bin").iter().map(|byte| format!("{byte:02x}")).collect();
        byok.daemon.write("zeros", [0; 16]);
        let cipher = format!("-aes-{}-ecb", 8 * bytes.parse::<u32>().unwrap());
        let encrypt = ["enc", &cipher, "-K", &hex, "-nopad", "-in", "zeros", "-out", "check"];
        output_of(&mut byok.daemon.openssl(&encrypt));
        let mut tool = byok.daemon.tool("pkcs11-tool", "opensc");
        tool.arg("--module").arg(softkeep_tests::module()).args(["--login", "--pin", softkeep_tests::PIN]);
        // It finds the key to encrypt with by its id alone.
        let id = byok.daemon.key_id(&name);
        tool.args(["--encrypt", "--mechanism", "AES-ECB", "--id", &id, "-i", "zeros", "-o", &format!("here-{bytes}")]);
        output_of(&mut tool);
        assert_eq!(byok.read(&format!("here-{bytes}")), byok.read("check"), "{bytes}");
    }
    output_of(&mut byok.daemon.openssl(&["rand", "-out", "secret.bin", "32"]));
    let made = byok.daemon.json(&["key", "import", "--name", "plain", "--secret-file", "secret.bin"]);
    assert_eq!((&made["key"]["kty"], &made["attributes"]["keySize"]), (&"oct".into(), &256.into()));
}

#[test]
fn ed25519_comes_in() {
    let byok = Byok::start(2048);
    byok.make_target("ed", &["-algorithm", "ED25519"]);
    byok.transfer_file("ed.byok", &byok.kid("KEK"), "RSA_AES_KEY_WRAP_256", &byok.blob("sha256", "ed.der"));
    let made = byok.import("ed", "ed.byok", &["--kty", "OKP"]);
    assert_eq!((&made["key"]["kty"], &made["key"]["crv"]), (&"OKP-HSM".into(), &"Ed25519".into()));
    byok.daemon.cli(&["key", "download", "--name", "ed", "--file", "ed.shown"]);
    assert_eq!(byok.read("ed.shown"), byok.read("ed.pub"));
}

#[test]
fn an_imported_version_follows_the_one_before() {
    let byok = Byok::start(2048);
    byok.make_target("rsa", TARGETS[0].1);
    byok.daemon.cli(&["key", "create", "--name", "both", "--kty", "RSA"]);
    byok.transfer_file("file.byok", &byok.kid("KEK"), "CKM_RSA_AES_KEY_WRAP", &byok.blob("sha1", "rsa.der"));
    byok.import("both", "file.byok", &[]);
    byok.assert_signs_as("both", "rsa", "RS256");
    let versions = byok.daemon.json(&["key", "list-versions", "--name", "both"]);
    assert_eq!(versions.as_array().unwrap().len(), 2);
    // The key that unwraps is no place for what it unwraps.
    let onto = byok.daemon.softkeep(&["key", "import", "--name", "kek", "--byok-file", "file.byok"]);
    refusals::assert_refused(&onto, 1, "INVALID_ARGUMENT", "name of the key that unwraps");
}

#[test]
fn a_strict_vault_takes_wrapped_keys_and_a_standard_one_has_no_hsm_types() {
    let byok = Byok::start(2048);
    byok.make_target("p256", TARGETS[1].1);
    let daemon = &byok.daemon;
    daemon.cli(&["keyvault", "create", "--name", "strict-vault", "--profile", "strict", "--sku", "premium"]);
    let strict = ["--vault-name", "strict-vault", "--name"];
    daemon.cli(
        &[&["key", "create", "--kty", "RSA-HSM", "--size", "2048", "--ops", "import"], &strict[..], &["KEK"]].concat(),
    );
    daemon.cli(&[&["key", "download", "--file", "strict.pem"], &strict[..], &["KEK"]].concat());
    let kid =
        daemon.json(&[&["key", "show"], &strict[..], &["KEK"]].concat())["key"]["kid"].as_str().unwrap().to_owned();
    byok.transfer_file("file.byok", &kid, "CKM_RSA_AES_KEY_WRAP", &byok.blob_for("strict.pem", "sha1", "p256.der"));
    daemon.json(&[&["key", "import", "--byok-file", "file.byok"], &strict[..], &["wrapped"]].concat());
    let plain = daemon.softkeep(&[&["key", "import", "--pem-file", "p256.pem"], &strict[..], &["plain"]].concat());
    refusals::assert_refused(&plain, 1, "TEMPLATE_INCONSISTENT", "never in the clear");
    // Wrapped for one vault is wrapped for no other.
    refusals::assert_refused(&byok.refused("file.byok", &[]), 1, "INVALID_ARGUMENT", "'strict-vault'");

    daemon.cli(&["keyvault", "create", "--name", "standard-vault", "--sku", "standard"]);
    let import = ["key", "import", "--vault-name", "standard-vault", "--name", "k", "--pem-file", "p256.pem"];
    let hsm = daemon.softkeep(&[&import[..], &["--protection", "hsm"]].concat());
    refusals::assert_refused(&hsm, 1, "SKU_NOT_SUPPORTED", "premium");
    daemon.json(&import);
}

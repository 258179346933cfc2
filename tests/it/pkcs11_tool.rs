//! OpenSC's `pkcs11-tool` against the module: what it lists, makes, signs, decrypts, stores and deletes. Signatures and
//! ciphertexts are checked and made by OpenSSL, keys by the CLI. Every mechanism is in `pkcs11_tool_mechanisms.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{Daemon, PIN, VAULT, module, output_of, run, stdout_of};

/// `pkcs11-tool` with the module.
pub fn tool(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = daemon.tool("pkcs11-tool", "opensc");
    command.arg("--module").arg(module()).args(args);
    command
}

/// Runs it without a login.
pub fn public(daemon: &Daemon, args: &[&str]) -> String {
    stdout_of(&mut tool(daemon, args))
}

/// Runs it as the user.
pub fn logged_in(daemon: &Daemon, args: &[&str]) -> String {
    stdout_of(tool(daemon, &["--login", "--pin", PIN]).args(args))
}

fn names(daemon: &Daemon) -> Vec<String> {
    let keys = daemon.json(&["key", "list"]);
    keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

/// The text blocks of `-O` that begin with this word.
fn objects(listing: &str, class: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in listing.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => block.extend(["\n", line]),
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks.retain(|block| block.starts_with(class));
    blocks
}

#[test]
fn the_token_and_its_mechanisms_are_listed() {
    let daemon = Daemon::start();
    let slots = public(&daemon, &["-L"]);
    let token = slots.split("Slot ").find(|slot| slot.contains(&format!("token label        : {VAULT}\n"))).unwrap();
    let flags = token.lines().find(|line| line.contains("token flags")).unwrap();
    for flag in ["login required", "rng", "token initialized", "PIN initialized"] {
        assert!(flags.contains(flag), "{flag} in {flags}");
    }
    let id = daemon.json(&["keyvault", "show", "--name", VAULT]).to_string();
    let serial = token.lines().find_map(|line| line.split_once("serial num         : ")).unwrap().1.trim();
    assert!(serial.len() == 16 && id.contains(serial), "the serial number {serial} is the vault's id in {id}");
    let mechanisms = public(&daemon, &["-M"]);
    for (name, use_of_it) in [
        ("RSA-PKCS-KEY-PAIR-GEN", "generate_key_pair"),
        ("RSA-PKCS-OAEP", "encrypt, decrypt"),
        ("ECDSA-KEY-PAIR-GEN", "keySize={256,521}, generate_key_pair"),
        ("AES-KEY-GEN", "keySize={16,32}, generate"),
        ("SHA256", "digest"),
    ] {
        let line = mechanisms.lines().find(|line| line.starts_with(&format!("  {name}, "))).unwrap_or(name);
        assert!(line.contains(use_of_it), "{use_of_it} in {line}");
    }
    for mechanism in ["RSA-PKCS", "SHA256-RSA-PKCS", "RSA-PKCS-PSS", "SHA256-RSA-PKCS-PSS", "ECDSA", "ECDSA-SHA256"] {
        let line = mechanisms.lines().find(|line| line.starts_with(&format!("  {mechanism}, "))).unwrap_or(mechanism);
        assert!(line.contains(", sign, ") && line.contains(", verify"), "{line}");
    }
}

#[test]
fn keys_of_the_cli_are_objects_and_private_ones_need_a_login() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA", "--size", "3072"]);
    daemon.make_key("ec", &["--kty", "EC", "--curve", "P-384"]);
    let before = public(&daemon, &["-O"]);
    assert_eq!(objects(&before, "Public Key Object").len(), 2, "{before}");
    assert_eq!(objects(&before, "Certificate Object").len(), 2, "dev vaults publish certificates: {before}");
    assert!(objects(&before, "Private Key Object").is_empty(), "{before}");
    let after = logged_in(&daemon, &["-O"]);
    let keys = objects(&after, "Private Key Object");
    assert_eq!(keys.len(), 2, "{after}");
    for key in keys {
        assert!(key.contains("sensitive, always sensitive, never extractable, local"), "{key}");
    }
    assert!(after.contains("Public Key Object; RSA 3072 bits") && after.contains("EC_POINT 384 bits"), "{after}");
}

#[test]
fn a_wrong_pin_is_refused_with_its_own_code() {
    let daemon = Daemon::start();
    let refused = run(&mut tool(&daemon, &["--login", "--pin", "9999", "-O"]));
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("C_Login failed: rv = CKR_PIN_INCORRECT (0xa0)"), "{said}");
    logged_in(&daemon, &["-O"]); // the right one still works
}

/// Signs with a key, by its identifier.
pub fn sign(daemon: &Daemon, id: &str, options: &[&str], input: &Path) -> PathBuf {
    let signature = daemon.path("signature");
    let mut command = tool(daemon, &["--login", "--pin", PIN, "--sign", "--id", id, "-m"]);
    output_of(command.args(options).arg("-i").arg(input).arg("-o").arg(&signature));
    signature
}

#[test]
fn an_rsa_pair_made_here_signs_what_openssl_verifies() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "RSA:2048", "--id", "a1", "--label", "made-here"]);
    assert_eq!(names(&daemon), ["made-here"], "the CLI sees it at once");
    assert_eq!(daemon.json(&["key", "show", "--name", "made-here"])["key"]["kty"], "RSA");
    let key = daemon.download("made-here");
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    let digest = daemon.digest("sha256", &file);
    // RFC 8017, section 9.2: the DigestInfo before a SHA-256 digest.
    let prefix = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let digest_info = daemon.write("digestinfo", [&prefix[..], &fs::read(&digest).unwrap()].concat());
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    let raw_pss = ["RSA-PKCS-PSS", "--hash-algorithm", "SHA256", "--mgf", "MGF1-SHA256", "--salt-len", "32"];
    for (mechanism, input, options) in [
        (&["RSA-PKCS"][..], &digest_info, &["-sha256"][..]),
        (&["SHA256-RSA-PKCS"], &file, &["-sha256"]),
        (&["SHA512-RSA-PKCS"], &file, &["-sha512"]),
        (&raw_pss, &digest, &pss),
        (&["SHA256-RSA-PKCS-PSS"], &file, &pss),
    ] {
        let signature = sign(&daemon, "a1", mechanism, input);
        assert!(daemon.verifies(options, &key, &signature, &file), "{mechanism:?}");
        assert!(!daemon.verifies(options, &key, &signature, &other), "{mechanism:?}: any file would do");
    }
    assert_eq!(daemon.module_uses("sign", "made-here"), 5);
    // The module's own verdict, without a login.
    let signature = sign(&daemon, "a1", &["SHA256-RSA-PKCS"], &file);
    let verify = ["--verify", "-m", "SHA256-RSA-PKCS", "--id", "a1", "--signature-file"];
    let good = stdout_of(tool(&daemon, &verify).arg(&signature).arg("-i").arg(&file));
    assert!(good.contains("Signature is valid"), "{good}");
    let bad = run(tool(&daemon, &verify).arg(&signature).arg("-i").arg(&other));
    assert!(!String::from_utf8_lossy(&bad.stdout).contains("Signature is valid"), "{bad:?}");
}

#[test]
fn ec_pairs_made_here_sign_what_openssl_verifies() {
    let daemon = Daemon::start();
    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    for (id, label, curve) in [("b1", "p256", "prime256v1"), ("b2", "p384", "secp384r1"), ("b3", "p521", "secp521r1")] {
        logged_in(&daemon, &["--keypairgen", "--key-type", &format!("EC:{curve}"), "--id", id, "--label", label]);
        assert!(names(&daemon).contains(&label.to_owned()), "the CLI sees it at once");
        let key = daemon.download(label);
        let text = stdout_of(daemon.openssl(&["pkey", "-pubin", "-noout", "-text", "-in"]).arg(&key));
        assert!(text.contains(&format!("ASN1 OID: {curve}")), "{text}");
        let signature = sign(&daemon, id, &["ECDSA-SHA256", "--signature-format", "openssl"], &file);
        assert!(daemon.verifies(&["-sha256"], &key, &signature, &file), "{label}");
        assert!(!daemon.verifies(&["-sha256"], &key, &signature, &other), "{label}: any file would do");
        let digest = daemon.digest("sha384", &file);
        let signature = sign(&daemon, id, &["ECDSA", "--signature-format", "openssl"], &digest);
        assert!(daemon.verifies_raw(&[], &key, &signature, &digest), "{label}");
        let other_digest = daemon.digest("sha384", &other);
        assert!(!daemon.verifies_raw(&[], &key, &signature, &other_digest), "{label}: any digest would do");
        assert_eq!(daemon.module_uses("sign", label), 2);
    }
}

#[test]
fn oaep_opens_what_openssl_encrypted() {
    let daemon = Daemon::start();
    logged_in(&daemon, &["--keypairgen", "--key-type", "RSA:2048", "--id", "c1", "--label", "box"]);
    let key = daemon.download("box");
    let secret = daemon.write("secret", "what is inside");
    for (hash, mgf) in [("SHA256", "SHA256"), ("SHA-1", "SHA-1")] {
        let name = hash.replace('-', "").to_lowercase();
        let (sealed, opened) = (daemon.path("sealed"), daemon.path("opened"));
        let mut encrypt = daemon.openssl(&["pkeyutl", "-encrypt", "-pubin", "-inkey"]);
        encrypt.arg(&key).args(["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &format!("rsa_oaep_md:{name}")]);
        encrypt.args(["-pkeyopt", &format!("rsa_mgf1_md:{name}"), "-in"]).arg(&secret).arg("-out").arg(&sealed);
        output_of(&mut encrypt);
        let decrypt = |sealed: &Path| {
            let mgf = format!("MGF1-{}", mgf.replace("SHA-1", "SHA1"));
            let hash = ["--decrypt", "--id", "c1", "-m", "RSA-PKCS-OAEP", "--hash-algorithm", hash, "--mgf", &mgf];
            let mut command = tool(&daemon, &["--login", "--pin", PIN]);
            run(command.args(hash).arg("-i").arg(sealed).arg("-o").arg(&opened))
        };
        let done = decrypt(&sealed);
        assert!(done.status.success(), "{hash}: {}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(fs::read(&opened).unwrap(), b"what is inside");
        let mut damaged = fs::read(&sealed).unwrap();
        damaged[100] ^= 1;
        let refused = decrypt(&daemon.write("damaged", damaged));
        assert!(!refused.status.success(), "{hash}: a damaged ciphertext was opened");
        fs::remove_file(opened).unwrap();
    }
    assert_eq!(daemon.module_uses("decrypt", "box"), 4);
}

#[test]
fn a_certificate_is_stored_and_read_back() {
    let daemon = Daemon::start();
    let public_key = daemon.make_key("web", &["--kty", "EC"]);
    let id = daemon.key_id("web");
    // A CA of OpenSSL's own certifies the daemon's key.
    let certify =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.crt"];
    output_of(&mut daemon.openssl(&certify));
    let mut issue =
        daemon.openssl(&["x509", "-new", "-subj", "/CN=web", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2"]);
    output_of(issue.args(["-outform", "DER", "-out", "web.der", "-force_pubkey"]).arg(&public_key));
    let written = logged_in(&daemon, &["--write-object", "web.der", "--type", "cert", "--id", &id, "--label", "web"]);
    assert!(written.contains("CN=web"), "{written}");
    public(&daemon, &["--read-object", "--type", "cert", "--id", &id, "--output-file", "read.der"]);
    assert_eq!(fs::read(daemon.path("read.der")).unwrap(), fs::read(daemon.path("web.der")).unwrap());
    let listing = public(&daemon, &["-O"]);
    let certificates = objects(&listing, "Certificate Object");
    assert_eq!(certificates.len(), 1, "the published one has gone: {listing}");
    let (label, key_id) = ("label:      web", format!("ID:         {id}"));
    assert!(certificates[0].contains(label) && certificates[0].contains(&key_id), "{listing}");
    logged_in(&daemon, &["--delete-object", "--type", "cert", "--id", &id]);
    let listing = public(&daemon, &["-O"]);
    assert!(objects(&listing, "Certificate Object").is_empty(), "nothing is published in its place: {listing}");
    assert_eq!(objects(&listing, "Public Key Object").len(), 1, "{listing}");
    assert_eq!(names(&daemon), ["web"], "the key is as it was");
}

#[test]
fn a_deleted_key_is_gone_for_everybody() {
    let daemon = Daemon::start();
    for (id, label) in [("d1", "goes"), ("d2", "stays")] {
        logged_in(&daemon, &["--keypairgen", "--key-type", "EC:prime256v1", "--id", id, "--label", label]);
    }
    let refused = run(&mut tool(&daemon, &["--delete-object", "--type", "privkey", "--id", "d1"]));
    assert!(!refused.status.success(), "without a login there is no private key to delete");
    assert_eq!(names(&daemon), ["goes", "stays"]);
    logged_in(&daemon, &["--delete-object", "--type", "privkey", "--id", "d1"]);
    assert_eq!(names(&daemon), ["stays"]);
    let listing = logged_in(&daemon, &["-O"]);
    assert!(!listing.contains("goes") && listing.contains("stays"), "{listing}");
    let file = daemon.write("message", "what is not signed");
    let sign = ["--login", "--pin", PIN, "--sign", "-m", "ECDSA-SHA256", "-o", "signature", "--id", "d1", "-i"];
    assert!(!run(tool(&daemon, &sign).arg(&file)).status.success());
    assert_eq!(daemon.softkeep(&["key", "show", "--name", "goes"]).status.code(), Some(3));
}

#[test]
fn its_own_tests_find_nothing_wrong() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    daemon.make_key("ec", &["--kty", "EC"]);
    let report = logged_in(&daemon, &["--test"]);
    assert!(report.contains("No errors"), "{report}");
    for part in ["seems to be OK", "all 4 digest functions seem to work", "testing key 0 (rsa)"] {
        assert!(report.contains(part), "{part} in {report}");
    }
}

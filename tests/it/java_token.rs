//! Java's SunPKCS11 as the maker and user of everything in a token: keys, certificates, signed archives, ciphers, key
//! agreement, a TLS server. The JDK's own providers, OpenSSL and curl check it; the programs are in `tests/java`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use softkeep_tests::{
    Daemon, PIN, module, output_of, stdout_of,
    tools::{Running, moved_clock, resident_kibibytes},
};

use crate::{
    java::{PACKAGE, config, java, keytool},
    web,
};

/// The rest of a command line of `keytool` or `jarsigner`.
fn token_options(daemon: &Daemon) -> Vec<String> {
    let config = config(daemon).display().to_string();
    ["-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg", &config].map(str::to_owned).into()
}

fn key_tool(daemon: &Daemon, line: &str) -> String {
    let args: Vec<&str> = line.split(' ').collect();
    // What is said of imports goes to standard error.
    let (stdout, stderr) = output_of(&mut keytool(daemon, PIN, &args));
    stdout + &stderr
}

#[test]
fn keytool_makes_certifies_brings_in_and_deletes_what_jarsigner_signs_with() {
    let daemon = Daemon::start();
    // Without the provider's name keytool makes RSA keys in the JVM and brings them in.
    key_tool(
        &daemon,
        "-genkeypair -alias code -keyalg RSA -keysize 2048 -dname CN=code -providerName SunPKCS11-Softkeep",
    );
    key_tool(&daemon, "-genseckey -alias secret -keyalg AES -keysize 256");
    // A key pair and its certificate from outside.
    let make =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2";
    output_of(&mut daemon.openssl(&make.split(' ').collect::<Vec<_>>()));
    let pack = "pkcs12 -export -inkey ca.key -in ca.crt -name brought -passout pass:secret -out ca.p12";
    output_of(&mut daemon.openssl(&pack.split(' ').collect::<Vec<_>>()));
    let mut import = daemon.tool("keytool", PACKAGE);
    import.args("-importkeystore -srckeystore ca.p12 -srcstoretype PKCS12 -srcstorepass secret".split(' '));
    import.args(["-destkeystore", "NONE", "-deststoretype", "PKCS11", "-deststorepass", PIN]);
    output_of(import.args(token_options(&daemon)));

    // A request, certified by OpenSSL, and the answer with its chain.
    key_tool(&daemon, "-certreq -alias code -file code.csr");
    daemon.write("code.cnf", "extendedKeyUsage = codeSigning\n");
    let certify = "x509 -req -in code.csr -CA ca.crt -CAkey ca.key -days 2 -extfile code.cnf -out code.crt";
    output_of(&mut daemon.openssl(&certify.split(' ').collect::<Vec<_>>()));
    let both = ["code.crt", "ca.crt"].map(|name| fs::read_to_string(daemon.path(name)).unwrap()).concat();
    daemon.write("chain.crt", both);
    key_tool(&daemon, "-importcert -noprompt -alias code -file chain.crt");
    let listing = key_tool(&daemon, "-list -v");
    for line in [
        "Your keystore contains 3 entries",
        "Alias name: code\nEntry type: PrivateKeyEntry\nCertificate chain length: 2\n",
        "Alias name: brought\nEntry type: PrivateKeyEntry\nCertificate chain length: 1\n",
        "Alias name: secret\nEntry type: SecretKeyEntry\n",
    ] {
        assert!(listing.contains(line), "{line} in {listing}");
    }

    // Archives signed with both keys; the trust store is made by keytool as well, outside the token.
    let mut trust = daemon.tool("keytool", PACKAGE);
    trust.args("-importcert -noprompt -alias ca -file ca.crt -keystore trust.p12 -storepass secret".split(' '));
    output_of(&mut trust);
    daemon.write("content", "what is signed");
    output_of(daemon.tool("jar", PACKAGE).args(["cf", "plain.jar", "content"]));
    for alias in ["code", "brought"] {
        let signed = format!("{alias}.jar");
        let mut sign = daemon.tool("jarsigner", PACKAGE);
        sign.args(["-keystore", "NONE", "-storetype", "PKCS11", "-storepass", PIN]).args(token_options(&daemon));
        output_of(sign.args(["-signedjar", &signed, "plain.jar", alias]));
        let mut verify = daemon.tool("jarsigner", PACKAGE);
        verify.args(["-verify", "-keystore", "trust.p12", "-storepass", "secret", &signed]);
        let said = stdout_of(&mut verify);
        assert!(said.contains("jar verified."), "{said}");
        assert!(!said.contains("chain is invalid"), "{said}");
    }

    key_tool(&daemon, "-delete -alias brought");
    key_tool(&daemon, "-delete -alias secret");
    let mut objects = daemon.tool("pkcs11-tool", "opensc");
    objects.arg("--module").arg(module()).args(["--token-label", "dev", "--login", "--pin", PIN, "-O"]);
    let objects = stdout_of(&mut objects);
    assert_eq!(objects.matches("Private Key Object").count(), 1, "{objects}");
    assert!(!objects.contains("Secret Key Object"), "{objects}");
    // Java names nothing; the vault names what it gets.
    assert!(!objects.lines().any(|line| line.trim() == "label:"), "{objects}");
    let made_inside = "sensitive, always sensitive, never extractable, local";
    assert!(objects.contains(made_inside), "the RSA key was not made in the token: {objects}");
}

#[test]
fn everything_sunpkcs11_offers_agrees_with_the_jdks_own_providers() {
    let daemon = Daemon::start();
    daemon.make_key("rsa", &["--kty", "RSA"]);
    let said = stdout_of(java(&daemon, &[], "UseToken.java").arg(config(&daemon)).args([PIN, "rsa"]));
    let wrong: Vec<&str> = said.lines().filter(|line| !line.ends_with(" true")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What must have been there to be checked.
    for name in [
        "RSASSA-PSS",
        "SHA3-512withRSA",
        "SHA512withRSASSA-PSS",
        "SHA256withECDSA secp521r1",
        "NONEwithECDSAinP1363Format secp384r1",
        "AES/ECB/PKCS5Padding 192",
        "AES/CBC/NoPadding 128",
        "AES/CTR/NoPadding 256",
        "AES_256/GCM/NoPadding 256",
        "AES/GCM/NoPadding refuses",
        "ChaCha20-Poly1305 256",
        "RSA/ECB/PKCS1Padding",
        "RSA unwrap",
        "HmacSHA3-384",
        "KeyGenerator ChaCha20",
        "SecretKeyFactory AES",
        "ECDH secp521r1",
        "DH",
        "SHA-512/256",
        "secret entry deleted",
    ] {
        assert!(said.lines().any(|line| line == format!("{name} true")), "{name} in {said}");
    }
}

/// So many MiB of AES-CBC and of HMAC, with the JVM's and the daemon's memory before and after.
fn check_flat_memory(mebibytes: u32) {
    const MAX_GROWN_KIBIBYTES: u64 = 24 * 1024;
    let daemon = Daemon::start();
    let mut program = java(&daemon, &["-Xmx64m"], "FlatMemory.java");
    program.arg(config(&daemon)).arg(PIN);
    let with = |mebibytes: u32| {
        let mut command = Command::new(program.get_program());
        command.args(program.get_args()).arg(mebibytes.to_string()).current_dir(daemon.dir());
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        stdout_of(&mut command)
    };
    with(1);
    let before = resident_kibibytes(daemon.pid());
    let said = with(mebibytes);
    let grown = resident_kibibytes(daemon.pid()).saturating_sub(before);
    assert!(grown < MAX_GROWN_KIBIBYTES, "the daemon grew by {grown} KiB");
    assert!(said.contains("AES/CBC/PKCS5Padding true\nHmacSHA256 true\n"), "{said}");
    let grown: i64 = said.lines().find_map(|line| line.strip_prefix("grown ")).unwrap().parse().unwrap();
    assert!(grown < i64::try_from(MAX_GROWN_KIBIBYTES).unwrap(), "the JVM grew by {grown} KiB");
}

#[test]
fn long_streams_through_java_leave_memory_flat() {
    check_flat_memory(64);
}

#[test]
#[ignore = "minutes: make test-long runs it"]
fn long_streams_of_a_gibibyte_through_java_leave_memory_flat() {
    check_flat_memory(1024);
}

/// How long a Java program goes on with a clock that has been moved.
const CLOCK_CACHED: Duration = Duration::from_secs(1);

#[test]
fn a_java_tls_server_serves_at_once_after_days_of_idling_and_a_restart() {
    let mut daemon = Daemon::start_in(&[], moved_clock);
    web::certify(&daemon);
    // Compiled with the clock as it is: a JVM whose clock is moved is slow.
    let mut compile = daemon.tool("javac", PACKAGE);
    compile.arg("-d").arg(daemon.dir());
    output_of(compile.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("java/ServeTls.java")));
    let mut command = daemon.tool("java", PACKAGE);
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "ServeTls"]);
    command.arg(config(&daemon)).args([PIN, "ca.crt", "rsa=rsa.crt", "ec=ec.crt"]);
    // The JVM asks for the time so often that reading the file each time would take longer than all else.
    command.envs(moved_clock(daemon.dir())).env_remove("FAKETIME_NO_CACHE").env("FAKETIME_CACHE_DURATION", "1");
    command.stdout(Stdio::piped());
    let mut server = Running::start(&mut command);
    let lines = BufReader::new(server.child().stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let port = lines.inspect(|line| said.push(line.clone())).find_map(|line| line.strip_prefix("port ")?.parse().ok());
    assert_eq!(said[..2], ["rsa chain true", "ec chain true"]);
    let port = port.unwrap();
    let served = |daemon: &Daemon| {
        for rsa in [false, true] {
            let output = web::connect(daemon, port, rsa);
            assert!(output.status.success(), "rsa: {rsa}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(String::from_utf8_lossy(&output.stdout), "by Java.\n");
        }
    };
    served(&daemon);
    let logins = |daemon: &Daemon| {
        daemon.audit_lines().iter().filter(|line| line["operation"] == "login" && line["outcome"] == "done").count()
    };
    let logged_in = logins(&daemon);
    // Certificates hold for two days.
    for (offset, restart) in [("+8h", false), ("+30h", true)] {
        if restart {
            daemon.kill();
        }
        daemon.write("clock", format!("{offset}\n"));
        if restart {
            daemon.start_again();
        }
        thread::sleep(CLOCK_CACHED * 2);
        served(&daemon);
        assert_eq!(logins(&daemon), logged_in, "{offset}: Java had to log in again");
    }
    assert!(daemon.module_uses("sign", "ec") >= 3 && daemon.module_uses("sign", "rsa") >= 3);
}

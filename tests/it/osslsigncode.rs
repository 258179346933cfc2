//! osslsigncode: a Windows program is signed with a key of the daemon, and verified by osslsigncode without it.

use std::{fs, path::Path};

use softkeep_tests::{Daemon, module, output_of, run, tools::key_uri};

const PACKAGE: &str = "osslsigncode";

/// The smallest program that Windows would start: it returns. PE format, "Microsoft PE and COFF Specification".
fn portable_executable() -> Vec<u8> {
    let mut file = vec![0; 0x400];
    let mut at = |offset: usize, bytes: &[u8]| file[offset..offset + bytes.len()].copy_from_slice(bytes);
    at(0, b"MZ");
    at(0x3c, &0x40u32.to_le_bytes()); // where the PE header is
    at(0x40, b"PE\0\0");
    at(0x44, &0x8664u16.to_le_bytes()); // machine: x64
    at(0x46, &1u16.to_le_bytes()); // sections
    at(0x54, &0xf0u16.to_le_bytes()); // size of the optional header
    at(0x56, &0x22u16.to_le_bytes()); // an executable that knows large addresses
    let optional = 0x58;
    at(optional, &0x20bu16.to_le_bytes()); // PE32+
    for (offset, value) in [
        (4, 0x200u32), // size of code
        (16, 0x1000),  // entry point
        (20, 0x1000),  // base of code
        (32, 0x1000),  // alignment of sections
        (36, 0x200),   // alignment in the file
        (40, 6),       // for Windows 6.0
        (48, 6),
        (56, 0x2000), // size in memory
        (60, 0x200),  // size of the headers
        (68, 3),      // a console program
        (108, 16),    // directories
    ] {
        at(optional + offset, &value.to_le_bytes());
    }
    at(optional + 24, &0x1_4000_0000u64.to_le_bytes()); // where it wants to be
    let section = optional + 0xf0;
    at(section, b".text");
    for (offset, value) in [(8, 1u32), (12, 0x1000), (16, 0x200), (20, 0x200), (36, 0x6000_0020)] {
        at(section + offset, &value.to_le_bytes());
    }
    at(0x200, &[0xc3]); // ret
    file
}

fn verifies(daemon: &Daemon, certificate: &str, file: &Path) -> bool {
    let mut command = daemon.tool("osslsigncode", PACKAGE);
    command.args(["verify", "-CAfile", certificate, "-in"]).arg(file);
    let output = run(&mut command);
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("Signature verification: ok")
}

#[test]
fn a_windows_program_is_signed_with_rsa_and_ec() {
    let daemon = Daemon::start();
    let program = daemon.write("program.exe", portable_executable());
    for (key, kty) in [("rsa", "RSA"), ("ec", "EC")] {
        daemon.make_key(key, &["--kty", kty]);
        let certificate = format!("{key}.crt");
        let mut certify = daemon.openssl_engine(&["req", "-x509", "-new", "-sha256", "-subj", "/CN=author"]);
        certify.args(["-days", "2", "-addext", "extendedKeyUsage=codeSigning", "-engine", "pkcs11"]);
        output_of(certify.args(["-keyform", "engine", "-key", &key_uri(key), "-out", &certificate]));
        let signed = daemon.path(&format!("{key}.exe"));
        let before = daemon.module_uses("sign", key);
        let mut sign = daemon.tool("osslsigncode", PACKAGE);
        sign.args(["sign", "-pkcs11module"]).arg(module());
        sign.args(["-certs", &certificate, "-key", &key_uri(key), "-h", "sha256"]);
        output_of(sign.arg("-in").arg(&program).arg("-out").arg(&signed));
        assert_eq!(daemon.module_uses("sign", key), before + 1);
        assert!(verifies(&daemon, &certificate, &signed), "{key}");
        assert!(!verifies(&daemon, &certificate, &program), "{key}: it was never signed");
        let mut changed = fs::read(&signed).unwrap();
        changed[0x201] ^= 1;
        assert!(!verifies(&daemon, &certificate, &daemon.write("changed.exe", changed)), "{key}: any program would do");
    }
    assert!(!verifies(&daemon, "rsa.crt", &daemon.path("ec.exe")), "anybody's signature would do");
}

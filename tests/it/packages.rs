//! PKCS#11 packages of other languages: python-pkcs11 and PyKCS11, pkcs11js, Go's crypto11 and miekg/pkcs11. What they
//! assert is in `tests/python`, `tests/node` and `tests/go`, checked by each language's own cryptography.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{Daemon, output_of, stdout_of, tools::tool};

use crate::python_grpc::{python_with, source};

const REQUIREMENTS: &str = "requirements-pkcs11.txt";

#[test]
fn python_pkcs11_makes_finds_and_uses_keys() {
    let daemon = Daemon::start();
    let python = python_with(REQUIREMENTS);
    let said = stdout_of(daemon.command(python).arg(source("pkcs11_package.py")));
    assert_eq!(said, "objects\nrsa\ncurves\naes\nhmac\nlattices\n");
    let listed = daemon.cli(&["key", "list"]);
    assert!(listed.contains("\"kept\"") && !listed.contains("kept-aes"), "the CLI sees what is left: {listed}");
}

#[test]
fn pykcs11_makes_finds_and_uses_keys() {
    let daemon = Daemon::start();
    let python = python_with(REQUIREMENTS);
    let said = stdout_of(daemon.command(python).arg(source("pykcs11_package.py")));
    assert_eq!(said, "slots\nrsa\nelliptic curve\nsecret keys\nlogged out\n");
}

/// A folder with the packages of Node's programs, made once in the target folder and again when its file changes.
pub fn node_modules(sources: &Path) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let lock = File::create(target.join("test-node.lock")).unwrap();
    lock.lock().unwrap();
    let folder = target.join("test-node");
    let (done, wanted) = (folder.join("done.json"), fs::read_to_string(sources.join("package.json")).unwrap());
    if fs::read_to_string(&done).ok().as_ref() != Some(&wanted) {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        fs::copy(sources.join("package.json"), folder.join("package.json")).unwrap();
        // Compiles the part of pkcs11js in C++.
        let mut npm = Command::new(tool("npm", "npm"));
        output_of(npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder));
        fs::write(done, wanted).unwrap();
    }
    folder
}

#[test]
fn pkcs11js_makes_finds_and_uses_keys() {
    let daemon = Daemon::start();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    // Node looks for packages beside the program.
    let program = node_modules(&sources).join("client.js");
    fs::copy(sources.join("client.js"), &program).unwrap();
    let said = stdout_of(daemon.tool("node", "nodejs").arg(program));
    assert_eq!(said, "session\nrsa\nobjects\nelliptic curve\nsecret keys\nlogged out\n");
}

/// Where Debian's Go packages put their sources.
const GO_PATH: &str = "/usr/share/gocode";

#[test]
fn go_programs_make_find_and_use_keys_and_serve_tls() {
    let daemon = Daemon::start();
    for (package, import) in [
        ("golang-github-thalesignite-crypto11-dev", "ThalesIgnite/crypto11"),
        ("golang-github-miekg-pkcs11-dev", "miekg/pkcs11"),
    ] {
        let found = Path::new(GO_PATH).join("src/github.com").join(import);
        assert!(found.exists(), "{} is not there; run: apt-get install {package}", found.display());
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let program = daemon.path("client");
    let mut go = daemon.tool("go", "golang-go");
    go.env("GO111MODULE", "off").env("GOPATH", GO_PATH).env("GOCACHE", target.join("test-go"));
    go.args(["build", "-o"]).arg(&program).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("go/client.go"));
    output_of(&mut go);
    let said = stdout_of(&mut daemon.command(program));
    assert_eq!(said, "rsa\ncurves\nsecret keys\ntls\nlow level\n");
}

//! A Python client made with `grpcio-tools` from our protos, over the Unix socket. What it asserts is in
//! `tests/python/client.py`; what it signed is checked here by OpenSSL.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{Daemon, output_of, stdout_of, tools::ecdsa_der, tools::tool};

const PACKAGE: &str = "python3-venv";

/// A file of `tests/python`.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

/// A Python with the packages of a file of `tests/python`, made once in the target folder and again when the file changes.
pub fn python_with(requirements: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let name = format!("test-venv-{}", requirements.trim_end_matches(".txt"));
    // Held to the end of this function: tests run in several processes.
    let lock = File::create(target.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let venv = target.join(name);
    let requirements = source(requirements);
    let (done, wanted) = (venv.join("requirements.txt"), fs::read_to_string(&requirements).unwrap());
    if fs::read_to_string(&done).ok().as_ref() != Some(&wanted) {
        let python = tool("python3", PACKAGE);
        let ensurepip = Command::new(&python).args(["-c", "import ensurepip, venv"]).output().unwrap();
        assert!(ensurepip.status.success(), "python3 cannot make environments; run: apt-get install {PACKAGE}");
        output_of(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv));
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        output_of(pip.arg(requirements));
        fs::write(done, wanted).unwrap();
    }
    venv.join("bin/python")
}

/// The stubs, from every proto of ours.
pub fn stubs(daemon: &Daemon, python: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto");
    let out = daemon.path("stubs");
    fs::create_dir(&out).unwrap();
    let mut protoc = daemon.command(python);
    protoc.args(["-m", "grpc_tools.protoc"]).arg(format!("-I{}", root.display()));
    protoc.arg(format!("--python_out={}", out.display())).arg(format!("--grpc_python_out={}", out.display()));
    for folder in ["softkeep/v1", "softkeep/pkcs11/v1"] {
        let protos = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        protoc.args(protos.filter(|path| path.extension().is_some_and(|extension| extension == "proto")));
    }
    output_of(&mut protoc);
    out
}

#[test]
fn a_python_client_made_from_the_protos_finds_what_they_promise() {
    let daemon = Daemon::start();
    let python = python_with("requirements.txt");
    let stubs = stubs(&daemon, &python);
    let endpoint = format!("unix:{}", daemon.socket().display());
    let said = stdout_of(daemon.command(&python).arg(source("client.py")).arg(endpoint).arg(stubs));
    assert_eq!(said, "health\nvaults\nkeys\ncrypto\ndeadline\n");

    let file = daemon.write("message", "what is signed");
    let other = daemon.write("other", "what is not signed");
    for (algorithm, key, options) in [
        ("RS256", "rsa", &["-sha256"][..]),
        ("PS256", "rsa", &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]),
        ("ES256", "ec", &["-sha256"]),
    ] {
        let signature = daemon.path(&format!("{algorithm}.signature"));
        if key == "ec" {
            fs::write(&signature, ecdsa_der(&fs::read(&signature).unwrap())).unwrap();
        }
        let public = daemon.path(&format!("{key}.der"));
        assert!(daemon.verifies(options, &public, &signature, &file), "{algorithm}");
        assert!(!daemon.verifies(options, &public, &signature, &other), "{algorithm}: any file would do");
    }
    let shown = daemon.json(&["key", "show", "--vault-name", "python", "--name", "ec"]);
    assert_eq!(shown["key"]["crv"], "P-256", "the CLI sees what Python made");
}

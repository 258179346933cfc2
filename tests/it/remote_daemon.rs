//! The module and a daemon that it reaches by TLS, with a certificate on either side: the same tokens, logins,
//! restarts and forks as over the Unix socket.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
};
use softkeep_tests::{
    Daemon, PIN, VAULT,
    client::pin,
    module, output_of, stdout_of,
    tools::{free_port, tool},
};
use tempfile::TempDir;

/// DER of the curve's OID, RFC 5480.
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const MESSAGE: &[u8] = b"what is signed";

/// A daemon behind TLS, and certificates for it and its clients.
struct Remote {
    daemon: Daemon,
    url: String,
    certificates: TempDir,
}

impl Remote {
    fn start() -> Self {
        let certificates = tempfile::tempdir().unwrap();
        let at = certificates.path();
        certify(at, "ca", &[("server", "EC"), ("web", "EC"), ("stranger", "EC"), ("rsa", "RSA")]);
        certify(at, "other", &[("forged", "EC")]);
        let config = format!(
            "[tls]\ncertificate-file = '{0}/server.pem'\nkey-file = '{0}/server.key'\nclient-ca-file = '{0}/ca.pem'\n\
             [[clients]]\nname = 'web'\nvaults = ['{VAULT}']\npermissions = ['get']\n\
             [[clients]]\nname = 'rsa'\nvaults = ['{VAULT}']\npermissions = ['get']\n",
            at.display()
        );
        let file = at.join("softkeepd.toml");
        fs::write(&file, config).unwrap();
        let url = format!("https://127.0.0.1:{}", free_port());
        let daemon = Daemon::start_with(&["--config", file.to_str().unwrap(), "--listen", &url]);
        Self { daemon, url, certificates }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.certificates.path().join(name)
    }

    /// The module, told to use a certificate and to trust an authority.
    fn module(&self, certificate: &str, authority: &str) -> Pkcs11 {
        let (file, log) = (self.path("module.conf"), self.path("module.log"));
        let path = |name: &str, extension: &str| self.path(&format!("{name}.{extension}")).display().to_string();
        let text = format!(
            "endpoint = {}\ntls-ca = {}\ntls-certificate = {}\ntls-key = {}\nlog = {}\ntimeout-ms = 5000\n",
            self.url,
            path(authority, "pem"),
            path(certificate, "pem"),
            path(certificate, "key"),
            log.display()
        );
        fs::write(&file, text).unwrap();
        // SAFETY: the test's process has no other thread that reads the environment.
        unsafe { env::set_var("SOFTKEEP_PKCS11_CONF", &file) };
        let pkcs11 = Pkcs11::new(module()).unwrap();
        pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        pkcs11
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("module.log")).unwrap_or_default()
    }
}

/// A certificate authority and what it signed, made with OpenSSL.
fn certify(at: &Path, authority: &str, names: &[(&str, &str)]) {
    let openssl = |arguments: &str| {
        output_of(Command::new(tool("openssl", "openssl")).current_dir(at).args(arguments.split(' ')));
    };
    let key = |kind: &str| match kind {
        "RSA" => "-newkey rsa:2048 -nodes",
        _ => "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes",
    };
    let ec = key("EC");
    openssl(&format!("req -x509 {ec} -keyout {authority}.key -out {authority}.pem -subj /CN={authority} -days 2"));
    for (name, kind) in names {
        let extra = if *name == "server" { "-addext subjectAltName=IP:127.0.0.1 " } else { "" };
        let subject = if *name == "forged" { "web" } else { name };
        openssl(&format!(
            "req -x509 {} -keyout {name}.key -out {name}.pem -subj /CN={subject} -days 2 {extra}-CA {authority}.pem \
             -CAkey {authority}.key -addext basicConstraints=critical,CA:FALSE",
            key(kind)
        ));
    }
}

fn logged_in(pkcs11: &Pkcs11) -> Session {
    let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    session
}

fn pair(session: &Session) -> (ObjectHandle, ObjectHandle) {
    let public = [Attribute::Token(true), Attribute::EcParams(P256.into()), Attribute::Label("remote".into())];
    let private = [Attribute::Token(true), Attribute::Sign(true), Attribute::Label("remote".into())];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).unwrap()
}

fn signs(session: &Session, keys: (ObjectHandle, ObjectHandle)) -> bool {
    let signature = session.sign(&Mechanism::EcdsaSha256, keys.1, MESSAGE);
    signature.is_ok_and(|signature| session.verify(&Mechanism::EcdsaSha256, keys.0, MESSAGE, &signature).is_ok())
}

#[test]
fn a_daemon_behind_tls_serves_the_module_like_one_on_a_socket() {
    let mut remote = Remote::start();
    let pkcs11 = remote.module("web", "ca");
    let session = logged_in(&pkcs11);
    let keys = pair(&session);
    assert!(signs(&session, keys));
    let listed = remote.daemon.cli(&["keyvault", "key", "list", "--vault-name", VAULT]);
    assert!(listed.contains("remote"), "{listed}");
    // Many records: more than fits any buffer on the way, there and back.
    let aes = session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[Attribute::ValueLen(32.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)],
        )
        .unwrap();
    let long: Vec<u8> = (0..500_000u32).map(|number| number.to_le_bytes()[0]).collect();
    let sealed = session.encrypt(&Mechanism::AesCbcPad([3; 16]), aes, &long).unwrap();
    assert_eq!(session.decrypt(&Mechanism::AesCbcPad([3; 16]), aes, &sealed).unwrap(), long);
    // A restart: handles, login and session objects stay.
    remote.daemon.kill();
    remote.daemon.start_again();
    assert!(signs(&session, keys));
    assert_eq!(session.decrypt(&Mechanism::AesCbcPad([3; 16]), aes, &sealed).unwrap(), long);
    // SAFETY: the child calls the module and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let fine = (0..3).all(|_| signs(&session, keys));
        // SAFETY: nothing of the test is unwound in the child.
        unsafe { libc::_exit(i32::from(!fine)) };
    }
    assert!((0..3).all(|_| signs(&session, keys)), "the parent's connection is its own");
    let mut status = 0;
    // SAFETY: our own child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    let audit = remote.daemon.audit_lines();
    assert!(audit.iter().any(|line| line.to_string().contains("certificate:web")), "{audit:?}");
    drop(session);
    pkcs11.finalize().unwrap();
}

#[test]
fn threads_share_connections_behind_tls() {
    let remote = Remote::start();
    let pkcs11 = remote.module("rsa", "ca");
    let session = logged_in(&pkcs11);
    pair(&session);
    let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let session = pkcs11.open_rw_session(slot).unwrap();
                let one = |class| session.find_objects(&[Attribute::Class(class)]).unwrap()[0];
                let keys = (one(ObjectClass::PUBLIC_KEY), one(ObjectClass::PRIVATE_KEY));
                for _ in 0..50 {
                    assert!(signs(&session, keys));
                }
            });
        }
    });
    drop(session);
    pkcs11.finalize().unwrap();
}

#[test]
fn who_is_not_known_to_the_other_gets_nowhere() {
    let remote = Remote::start();
    for (certificate, authority, why) in [("web", "other", "certificate"), ("forged", "ca", "alert")] {
        let pkcs11 = remote.module(certificate, authority);
        let start = Instant::now();
        let slots = pkcs11.get_slots_with_initialized_token();
        assert!(!matches!(&slots, Ok(slots) if !slots.is_empty()), "{certificate}, {authority}: {slots:?}");
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(remote.log().to_lowercase().contains(why), "{}", remote.log());
        fs::remove_file(remote.path("module.log")).unwrap();
        pkcs11.finalize().unwrap();
    }
    // The authority is right, but nobody listed this one.
    let pkcs11 = remote.module("stranger", "ca");
    assert_eq!(pkcs11.get_slots_with_initialized_token().unwrap(), []);
    pkcs11.finalize().unwrap();
    let missing = remote.module("nobody", "ca");
    assert!(remote.log().contains("nobody.pem"), "{}", remote.log());
    let slots = missing.get_slots_with_token();
    assert!(matches!(&slots, Ok(slots) if slots.is_empty()) || is_device_error(&slots), "{slots:?}");
    missing.finalize().unwrap();
    stdout_of(remote.daemon.command(softkeep_tests::program("softkeep")).args(["keyvault", "list"]));
}

fn is_device_error<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Pkcs11(RvError::DeviceError, _)))
}

//! What the benchmarks share: tokens with keys in them, and threads that sign.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a benchmark that cannot be set up has failed

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

/// The user PIN of every token here.
pub const PIN: &str = "1234";

/// Where Debian puts SoftHSM2's module.
pub const SOFTHSM2: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A key kind that is measured.
#[derive(Clone, Copy)]
pub enum Kind {
    /// RSA-2048, CKM_RSA_PKCS over a DigestInfo of SHA-256.
    Rsa2048,
    /// ECDSA P-256 over a SHA-256 digest.
    P256,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Rsa2048, Kind::P256];

    /// The name in reports, and the key's label.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Rsa2048 => "rsa2048",
            Kind::P256 => "p256",
        }
    }

    /// What is signed.
    pub fn input(self) -> Vec<u8> {
        match self {
            Kind::Rsa2048 => [softkeep_proto::algorithm::Hash::Sha256.digest_info_prefix(), &[7; 32]].concat(),
            Kind::P256 => vec![7; 32],
        }
    }

    /// How it is signed through PKCS#11.
    pub fn mechanism(self) -> Mechanism<'static> {
        match self {
            Kind::Rsa2048 => Mechanism::RsaPkcs,
            Kind::P256 => Mechanism::Ecdsa,
        }
    }
}

/// A token that is open and logged in.
pub struct Token {
    context: Option<Pkcs11>,
    slot: Slot,
    login: Option<Session>,
}

impl Drop for Token {
    /// C_Finalize, so that the next token of this process starts from nothing.
    fn drop(&mut self) {
        self.login = None;
        self.context.take().unwrap().finalize().unwrap();
    }
}

impl Token {
    /// Opens the token of a label and logs in.
    pub fn open(module: &Path, label: &str) -> Self {
        let context = Pkcs11::new(module).unwrap();
        context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let is_it = |slot: &Slot| context.get_token_info(*slot).is_ok_and(|info| info.label() == label);
        let slot = context.get_slots_with_token().unwrap().into_iter().find(is_it).expect("the token");
        let login = context.open_rw_session(slot).unwrap();
        login.login(UserType::User, Some(&AuthPin::new(PIN.into()))).unwrap();
        Self { context: Some(context), slot, login: Some(login) }
    }

    /// Makes a key of a kind, labelled with its name.
    pub fn generate(&self, kind: Kind) {
        let session = self.context().open_rw_session(self.slot).unwrap();
        let label = Attribute::Label(kind.name().into());
        let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Sign(true), label.clone()];
        let mut public = vec![Attribute::Token(true), Attribute::Verify(true), label];
        let mechanism = match kind {
            Kind::Rsa2048 => {
                public.push(Attribute::ModulusBits(2048.into()));
                public.push(Attribute::PublicExponent(vec![1, 0, 1]));
                Mechanism::RsaPkcsKeyPairGen
            }
            Kind::P256 => {
                public.push(Attribute::EcParams(softkeep_proto::algorithm::Curve::P256.oid_der().to_vec()));
                Mechanism::EccKeyPairGen
            }
        };
        session.generate_key_pair(&mechanism, &public, &private).unwrap();
    }

    /// Signs so often, spread over threads with a session each; the time from the first signature to the last.
    pub fn sign(&self, kind: Kind, threads: usize, times: u64) -> Duration {
        let input = kind.input();
        let start = Barrier::new(threads + 1);
        let each = times.div_ceil(threads as u64);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let (session, key) = self.session(kind);
                    // The first use opens the key at the other end; it is not what is measured.
                    session.sign(&kind.mechanism(), key, &input).unwrap();
                    let (start, input) = (&start, &input);
                    scope.spawn(move || {
                        start.wait();
                        for _ in 0..each {
                            session.sign(&kind.mechanism(), key, input).unwrap();
                        }
                    })
                })
                .collect();
            start.wait();
            let begun = Instant::now();
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            // Scaled to what was asked for: the division above rounds up.
            begun.elapsed().mul_f64(times as f64 / (each * threads as u64) as f64)
        })
    }

    fn context(&self) -> &Pkcs11 {
        self.context.as_ref().unwrap()
    }

    /// A new read/write session.
    pub fn read_write(&self) -> Session {
        self.context().open_rw_session(self.slot).unwrap()
    }

    /// A new session, and the key of a kind.
    pub fn session(&self, kind: Kind) -> (Session, ObjectHandle) {
        let session = self.context().open_ro_session(self.slot).unwrap();
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(kind.name().into())];
        let key = session.find_objects(&template).unwrap()[0];
        session.get_attributes(key, &[AttributeType::Sign]).unwrap();
        (session, key)
    }
}

/// Makes a SoftHSM2 token in a folder and gives its configuration file; `None` where SoftHSM2 is not installed.
pub fn softhsm2(dir: &Path) -> Option<PathBuf> {
    if !Path::new(SOFTHSM2).exists() {
        return None;
    }
    let config = dir.join("softhsm2.conf");
    std::fs::create_dir(dir.join("tokens")).unwrap();
    std::fs::write(&config, format!("directories.tokendir = {}/tokens\nlog.level = ERROR\n", dir.display())).unwrap();
    let status = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "softhsm", "--pin", PIN, "--so-pin", "12345678"])
        .env("SOFTHSM2_CONF", &config)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    Some(config)
}

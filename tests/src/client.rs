//! The Rust crate `cryptoki` as a client in the test's own process, told where the daemon is by C_Initialize's
//! `pReserved`.

use std::{
    ffi::CString,
    ptr::NonNull,
    sync::{Mutex, MutexGuard},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use crate::{Daemon, PIN, module};

/// The module's state is one per process; nextest gives each test its own, `cargo test` does not.
static PROCESS: Mutex<()> = Mutex::new(());

/// The process for a test that initialises the module itself.
pub fn process() -> MutexGuard<'static, ()> {
    PROCESS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A daemon and the initialised module. Finalised when dropped.
pub struct Client {
    pkcs11: Option<Pkcs11>,
    /// The test vault's slot.
    pub slot: Slot,
    /// The daemon.
    pub daemon: Daemon,
    _process: MutexGuard<'static, ()>,
}

impl Client {
    /// Starts a daemon and initialises the module.
    pub fn start() -> Self {
        Self::of(Daemon::start())
    }

    /// Initialises the module for a daemon.
    pub fn of(daemon: Daemon) -> Self {
        let process = process();
        let pkcs11 = Pkcs11::new(module()).unwrap();
        let endpoint = CString::new(format!("endpoint={}", daemon.endpoint())).unwrap();
        let pointer = NonNull::new(endpoint.as_ptr().cast_mut().cast()).unwrap();
        // SAFETY: the module reads pReserved as a string that ends in NUL, and only during C_Initialize.
        let args = unsafe { CInitializeArgs::new_with_reserved(CInitializeFlags::OS_LOCKING_OK, pointer) };
        pkcs11.initialize(args).unwrap();
        let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
        Self { pkcs11: Some(pkcs11), slot, daemon, _process: process }
    }

    /// The initialised module.
    pub fn pkcs11(&self) -> &Pkcs11 {
        self.pkcs11.as_ref().unwrap()
    }

    /// A new read/write session.
    pub fn session(&self) -> Session {
        self.pkcs11().open_rw_session(self.slot).unwrap()
    }

    /// A new read/write session, and the user logged in.
    pub fn logged_in(&self) -> Session {
        let session = self.session();
        session.login(UserType::User, Some(&pin(PIN))).unwrap();
        session
    }

    /// OpenSSL's verdict on a signature by a key, with the public half as the CLI has it.
    pub fn openssl_verifies(&self, options: &[&str], key: &str, message: &[u8], signature: &[u8]) -> bool {
        let public = self.daemon.path(&format!("{key}.pem"));
        let public = if public.exists() { public } else { self.daemon.download(key) };
        let file = self.daemon.write("message", message);
        self.daemon.verifies(options, &public, &self.daemon.write("signature", signature), &file)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.pkcs11.take().unwrap().finalize().unwrap();
    }
}

/// A PIN as the crate wants it.
pub fn pin(text: &str) -> AuthPin {
    AuthPin::new(text.into())
}

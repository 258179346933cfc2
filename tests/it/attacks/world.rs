//! What the attacker has: a vault, its user's PIN, every function of the module, and keys whose values the test knows and he must not find.

use std::{collections::HashSet, ffi::CString, fs, path::Path, ptr, sync::MutexGuard};

use softkeep_tests::{
    Daemon, SO_PIN,
    arguments::{Mechanism, Template},
    calls::Calls,
    client, module,
    raw::{self, Module, Rv, ck},
    raw_call,
};

use super::wire::Wire;

/// The user PIN of the attacked vaults: long enough for `strict`.
pub const USER_PIN: &str = "87654321";

/// Which vault is attacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vault {
    Standard,
    Strict,
    /// `standard` with `--wrapping any`: where some of the attacks must succeed, which shows that they are attacks.
    Any,
}

impl Vault {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Vault::Standard => &["--profile", "standard"],
            Vault::Strict => &["--profile", "strict"],
            Vault::Any => &["--wrapping", "any"],
        }
    }
}

/// Why an attack came to nothing: the step that was refused and how, or what was wrong with the loot.
#[derive(Debug, PartialEq, Eq)]
pub struct Stop(pub String);

/// An attack that comes to its end has succeeded.
pub type Attempt = Result<(), Stop>;

/// Names the step that a refusal stopped.
pub trait At<T> {
    /// See [`At`].
    fn at(self, step: &str) -> Result<T, Stop>;
}

impl<T> At<T> for Rv<T> {
    fn at(self, step: &str) -> Result<T, Stop> {
        self.map_err(|rv| Stop(format!("{step}: {}", raw::name(rv))))
    }
}

/// An end without success, though nothing was refused.
pub fn useless<T>(why: &str) -> Result<T, Stop> {
    Err(Stop(format!("useless: {why}")))
}

/// A key whose value the test knows.
pub struct Marked {
    pub key: u64,
    pub value: Vec<u8>,
}

/// One attacked vault.
pub struct World {
    pub daemon: Daemon,
    pub kind: Vault,
    pub calls: Calls,
    pub slot: u64,
    pub name: String,
    markers: Vec<Vec<u8>>,
    /// The keys by which marked keys come into a vault that takes none in the clear: the wrapping half abroad, and the unwrapping one.
    ferry: Option<(u64, u64)>,
    _process: MutexGuard<'static, ()>,
}

impl World {
    /// A daemon with one vault, and the user logged in.
    pub fn of(kind: Vault) -> Self {
        let daemon = Daemon::start();
        let name = "attacked".to_owned();
        let create = [&["keyvault", "create", "--name", &name][..], kind.flags()].concat();
        daemon.cli(&create);
        for (verb, pin) in [("set-so-pin", SO_PIN), ("set-pin", USER_PIN)] {
            daemon.cli(&["token", verb, "--vault-name", &name, "--pin", pin]);
        }
        let process = client::process();
        let module = Module::load_from(module());
        let endpoint = CString::new(format!("endpoint={}", daemon.endpoint())).unwrap();
        let mut arguments = ck::CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: ck::CKF_OS_LOCKING_OK,
            pReserved: endpoint.as_ptr().cast_mut().cast(),
        };
        assert_eq!(raw_call!(module, C_Initialize(ptr::from_mut(&mut arguments).cast())), ck::CKR_OK);
        let slot = slot(module, &name);
        let calls = Calls { module, session: module.open(slot).unwrap() };
        calls.login(ck::CKU_USER, USER_PIN).unwrap();
        Self { daemon, kind, calls, slot, name, markers: Vec::new(), ferry: None, _process: process }
    }

    /// Another module in another program, not logged in.
    pub fn wire(&self) -> Wire {
        Wire::connect(&self.daemon.endpoint(), &self.name)
    }

    /// Logs in again if an attack left no login behind.
    pub fn settle(&mut self) {
        if self.calls.module.session_state(self.calls.session) != Ok(ck::CKS_RW_USER_FUNCTIONS) {
            self.refresh();
        }
    }

    /// Ends every session and logs in again.
    pub fn refresh(&mut self) {
        raw_call!(self.calls.module, C_CloseAllSessions(self.slot));
        self.calls.session = self.calls.module.open(self.slot).unwrap();
        self.calls.login(ck::CKU_USER, USER_PIN).unwrap();
        self.ferry = None;
    }

    /// Does something as the security officer. The user's session objects that are private are gone after that.
    pub fn as_officer<T>(&mut self, act: impl FnOnce(Calls) -> T) -> T {
        self.calls.logout().unwrap();
        self.calls.login(ck::CKU_SO, SO_PIN).unwrap();
        let done = act(self.calls);
        self.calls.logout().unwrap();
        self.calls.login(ck::CKU_USER, USER_PIN).unwrap();
        self.ferry = None;
        done
    }

    /// A value that is nowhere else.
    pub fn value(&mut self) -> Vec<u8> {
        let mut state = 0x5eed_0000 + self.markers.len() as u64;
        let value: Vec<u8> = (0..32).map(|_| (split_mix(&mut state) >> 56) as u8).collect();
        self.markers.push(value.clone());
        value
    }

    /// A sensitive, extractable AES key, or what the template says otherwise.
    pub fn marked(&mut self, template: Template) -> Result<Marked, Stop> {
        let flags = [ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE, ck::CKA_ENCRYPT];
        let template = Template::secret(ck::CKK_AES).on(&flags).and(&template);
        let value = self.value();
        let key = self.bring(&template, &value).at("set-up")?;
        Ok(Marked { key, value })
    }

    /// A generic secret to derive from, sensitive.
    pub fn marked_base(&mut self, template: Template) -> Result<Marked, Stop> {
        let base = Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]).off(&[ck::CKA_ENCRYPT]);
        self.marked(base.off(&[ck::CKA_EXTRACTABLE]).and(&template))
    }

    /// Brings in a key of a known value: in the clear, or where that is refused, wrapped.
    pub fn bring(&mut self, template: &Template, value: &[u8]) -> Rv<u64> {
        if self.kind != Vault::Strict {
            return self.calls.create(&template.clone().bytes(ck::CKA_VALUE, value));
        }
        let (abroad, here) = self.ferry()?;
        let wrapped = self.calls.encrypt(&Mechanism::oaep(), abroad, value)?;
        // What may leave `strict` may do so under a trusted key only.
        let template = Template::new().on(&[ck::CKA_WRAP_WITH_TRUSTED]).and(template);
        self.calls.unwrap_key(&Mechanism::oaep(), here, &wrapped, &template)
    }

    fn ferry(&mut self) -> Rv<(u64, u64)> {
        if let Some(ferry) = self.ferry {
            return Ok(ferry);
        }
        let (public, private) = self.rsa(&[ck::CKA_WRAP], &[ck::CKA_UNWRAP])?;
        let abroad = Template::new()
            .number(ck::CKA_CLASS, ck::CKO_PUBLIC_KEY)
            .number(ck::CKA_KEY_TYPE, ck::CKK_RSA)
            .bytes(ck::CKA_MODULUS, &self.calls.get(public, ck::CKA_MODULUS)?)
            .bytes(ck::CKA_PUBLIC_EXPONENT, &self.calls.get(public, ck::CKA_PUBLIC_EXPONENT)?)
            .on(&[ck::CKA_ENCRYPT]);
        let ferry = (self.calls.create(&abroad)?, private);
        self.ferry = Some(ferry);
        Ok(ferry)
    }

    /// An AES key made here with these operations.
    pub fn kek(&self, operations: &[u64]) -> Result<u64, Stop> {
        self.kek_with(&Template::new().on(operations))
    }

    /// The same with more to say.
    pub fn kek_with(&self, template: &Template) -> Result<u64, Stop> {
        let template = Template::aes(32).on(&[ck::CKA_SENSITIVE]).off(&[ck::CKA_EXTRACTABLE]).and(template);
        self.calls.generate(&Mechanism::plain(ck::CKM_AES_KEY_GEN), &template).at("make the wrapping key")
    }

    /// An RSA pair made here.
    pub fn rsa(&self, public: &[u64], private: &[u64]) -> Rv<(u64, u64)> {
        self.rsa_with(&Template::new().on(public), &Template::new().on(private))
    }

    /// The same with more to say.
    pub fn rsa_with(&self, public: &Template, private: &Template) -> Rv<(u64, u64)> {
        let public = Template::new().number(ck::CKA_MODULUS_BITS, 2048).and(public);
        let private = Template::new().on(&[ck::CKA_SENSITIVE]).off(&[ck::CKA_EXTRACTABLE]).and(private);
        self.calls.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private)
    }

    /// A key that the attacker knows.
    pub fn known(&mut self, template: &Template) -> Result<u64, Stop> {
        let value = [0xa5; 32];
        let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_SENSITIVE]).off(&[ck::CKA_EXTRACTABLE]).and(template);
        self.bring(&template, &value).at("bring in the known key")
    }

    /// Whether loot has 16 bytes of the value in a row.
    pub fn take(&self, loot: &[u8], marked: &Marked) -> Attempt {
        if contains_part(loot, &marked.value) { Ok(()) } else { useless("nothing of the value in it") }
    }

    /// Reads a key that ought to have the value.
    pub fn read(&self, key: u64, marked: &Marked) -> Attempt {
        let loot = self.calls.get(key, ck::CKA_VALUE).at("read")?;
        self.take(&loot, marked)
    }

    /// The first file under the daemon's folder that has 16 bytes in a row of any marked value, as they are or in hex.
    pub fn leaking_file(&self) -> Option<String> {
        let mut leaking = None;
        let plain: HashSet<Vec<u8>> = self.markers.iter().map(|value| value[..16].to_vec()).collect();
        let hex: HashSet<Vec<u8>> = plain.iter().map(|value| hex(value).into_bytes()).collect();
        each_file(self.daemon.dir(), &mut |path, content| {
            let has = |markers: &HashSet<Vec<u8>>, length| content.windows(length).any(|part| markers.contains(part));
            if has(&plain, 16) || has(&hex, 32) {
                leaking = Some(path.display().to_string());
            }
        });
        leaking
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.calls.module.finalize();
    }
}

fn slot(module: Module, label: &str) -> u64 {
    let (mut slots, mut count) = ([0; 16], 16);
    assert_eq!(raw_call!(module, C_GetSlotList(ck::CK_TRUE, slots.as_mut_ptr(), &mut count)), ck::CKR_OK);
    let is_it = |slot: &u64| {
        let mut info = ck::CK_TOKEN_INFO::default();
        raw_call!(module, C_GetTokenInfo(*slot, &mut info));
        String::from_utf8_lossy(&info.label).trim_end() == label
    };
    slots.into_iter().take(count as usize).find(is_it).unwrap()
}

fn each_file(dir: &Path, visit: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_file(&path, visit);
        } else if let Ok(content) = fs::read(&path) {
            visit(&path, &content);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether bytes have 16 bytes in a row of a value.
pub fn contains_part(bytes: &[u8], value: &[u8]) -> bool {
    value.windows(16).any(|part| bytes.windows(16).any(|window| window == part))
}

/// SplitMix64: numbers that look random and come again with the same seed.
pub fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

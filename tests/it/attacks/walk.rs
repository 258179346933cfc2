//! A random walk over the functions: thousands of calls in an order that nobody thought of. Whatever they answer, no answer has 16 bytes in a
//! row of a marked value in it, and nothing that protects a key is ever weaker than it was.
//!
//! `SOFTKEEP_TEST_WALK_STEPS` makes it longer, `SOFTKEEP_TEST_WALK_SEED` another one.

use std::{collections::HashSet, env};

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::{Rv, ck},
};

use super::world::{USER_PIN, Vault, World, split_mix};

const STEPS: u64 = 4000;
const MOST_KEYS: usize = 40;
const MOST_BLOBS: usize = 60;

/// The flags that protect, and what each must stay once it is so.
const STICKY: [(u64, bool); 11] = [
    (ck::CKA_SENSITIVE, true),
    (ck::CKA_EXTRACTABLE, false),
    (ck::CKA_WRAP_WITH_TRUSTED, true),
    (ck::CKA_PRIVATE, true),
    (ck::CKA_MODIFIABLE, false),
    (ck::CKA_COPYABLE, false),
    (ck::CKA_DESTROYABLE, false),
    (ck::CKA_TRUSTED, false),
    (ck::CKA_LOCAL, false),
    (ck::CKA_ALWAYS_SENSITIVE, false),
    (ck::CKA_NEVER_EXTRACTABLE, false),
];

const PURPOSES: [&[u64]; 4] = [
    &[ck::CKA_ENCRYPT, ck::CKA_DECRYPT],
    &[ck::CKA_SIGN, ck::CKA_VERIFY],
    &[ck::CKA_WRAP, ck::CKA_UNWRAP],
    &[ck::CKA_DERIVE],
];

#[derive(Clone)]
struct Key {
    handle: u64,
    /// The protecting flags as they were when last seen.
    seen: Vec<Option<bool>>,
}

struct Walk {
    world: World,
    seed: u64,
    state: u64,
    keys: Vec<Key>,
    /// RSA: the public and the private half.
    pairs: Vec<(u64, u64)>,
    blobs: Vec<Vec<u8>>,
    /// What was wrapped, how, and by which key that could undo it.
    wrapped: Vec<(Mechanism, u64, Vec<u8>)>,
    /// The windows of all values that nobody may have.
    marked: HashSet<Vec<u8>>,
    trace: Vec<String>,
    done: u64,
    /// An answer that had part of a marked value in it.
    leak: Option<String>,
}

impl Walk {
    fn of(kind: Vault, seed: u64) -> Self {
        let world = World::of(kind);
        let (keys, pairs, blobs) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            world,
            seed,
            state: seed,
            keys,
            pairs,
            blobs,
            wrapped: Vec::new(),
            marked: HashSet::new(),
            trace: Vec::new(),
            done: 0,
            leak: None,
        }
    }

    fn number(&mut self, below: usize) -> usize {
        (split_mix(&mut self.state) % below.max(1) as u64) as usize
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.number(many) == 0
    }

    fn key(&mut self) -> u64 {
        let index = self.number(self.keys.len());
        self.keys.get(index).map_or(0, |key| key.handle)
    }

    fn blob(&mut self) -> Vec<u8> {
        let index = self.number(self.blobs.len());
        let mut blob = self.blobs.get(index).cloned().unwrap_or_else(|| vec![0x55; 48]);
        if self.one_in(4) {
            let length = self.number(blob.len()).next_multiple_of(8).min(blob.len());
            blob.truncate(length);
        }
        if self.one_in(8) && !blob.is_empty() {
            let at = self.number(blob.len());
            blob[at] ^= 1;
        }
        blob
    }

    /// Operations, and flags that protect, mostly towards the stricter side; now and then one towards the other.
    fn flags(&mut self, mut template: Template) -> Template {
        let strict = self.world.kind == Vault::Strict;
        let purpose = PURPOSES[self.number(PURPOSES.len())];
        for kind in PURPOSES.concat() {
            if if strict { purpose.contains(&kind) } else { self.one_in(2) } {
                template = template.on(&[kind]);
            }
        }
        for (kind, on) in STICKY.into_iter().take(7) {
            if self.one_in(10) {
                template = flag(template, kind, on);
            }
        }
        if self.one_in(if strict { 10 } else { 3 }) {
            let (kind, on) = STICKY[self.number(3)];
            template = flag(template, kind, !on);
        }
        if self.one_in(20) {
            let (kind, on) = STICKY[self.number(STICKY.len())];
            template = flag(template, kind, !on);
        }
        template
    }

    fn secret(&mut self, generated: bool) -> Template {
        let length = [16, 32, 32, 24, 1][self.number(5)];
        let types = [ck::CKK_AES, ck::CKK_GENERIC_SECRET];
        let template = Template::secret(types[self.number(2)]);
        let template = if generated || self.one_in(4) { template.number(ck::CKA_VALUE_LEN, length) } else { template };
        self.flags(template)
    }

    fn mechanism(&mut self) -> Mechanism {
        let iv = [self.number(3) as u8; 16];
        match self.number(12) {
            0 => Mechanism::plain(ck::CKM_AES_ECB),
            1 => Mechanism::bytes(ck::CKM_AES_CBC, &iv),
            2 => Mechanism::bytes(ck::CKM_AES_CBC_PAD, &iv),
            3 => Mechanism::gcm(),
            4 => Mechanism::plain(ck::CKM_AES_KEY_WRAP_KWP),
            5 => Mechanism::plain(ck::CKM_AES_KEY_WRAP_PAD),
            6 => Mechanism::bytes(ck::CKM_AES_KEY_WRAP, &iv[..8]),
            7 => Mechanism::oaep(),
            8 => Mechanism::plain(ck::CKM_RSA_PKCS),
            9 => Mechanism::plain(ck::CKM_RSA_X_509),
            10 => Mechanism::with(ck::CKM_RSA_AES_KEY_WRAP, Parameter::RsaAes { bits: 256 }),
            _ => Mechanism::plain(ck::CKM_AES_KEY_WRAP),
        }
    }

    fn derivation(&mut self) -> Mechanism {
        let data = vec![self.number(2) as u8; self.number(40)];
        match self.number(8) {
            0 => Mechanism::data(ck::CKM_CONCATENATE_BASE_AND_DATA, &data),
            1 => Mechanism::data(ck::CKM_CONCATENATE_DATA_AND_BASE, &data),
            2 => Mechanism::data(ck::CKM_XOR_BASE_AND_DATA, &data),
            3 => Mechanism::number(ck::CKM_EXTRACT_KEY_FROM_KEY, self.number(256) as u64),
            4 => Mechanism::number(ck::CKM_CONCATENATE_BASE_AND_KEY, self.key()),
            5 => Mechanism::with(ck::CKM_HKDF_DERIVE, Parameter::Hkdf { salt_key: None, expand: true }),
            6 => Mechanism::data(ck::CKM_AES_ECB_ENCRYPT_DATA, &data),
            _ => Mechanism::plain(ck::CKM_SHA256_KEY_DERIVATION),
        }
    }

    /// A wrapping or unwrapping key: a secret one or a half of a pair.
    fn either(&mut self, private: bool) -> u64 {
        match self.pairs.is_empty() || self.one_in(2) {
            true => self.key(),
            false => {
                let at = self.number(self.pairs.len());
                let (public, own) = self.pairs[at];
                if private { own } else { public }
            }
        }
    }

    /// A way, a key and a blob, often such as belong together.
    fn something_wrapped(&mut self) -> (Mechanism, u64, Vec<u8>) {
        let any = (self.mechanism(), self.either(true), self.blob());
        let at = self.number(self.wrapped.len());
        let Some((mechanism, key, blob)) = self.wrapped.get(at).cloned() else { return any };
        match self.number(4) {
            0 => any,
            1 => (any.0, key, blob),
            _ => (mechanism, key, blob),
        }
    }

    fn came(&mut self, what: &str, key: Rv<u64>, from: Option<&Key>) {
        self.note(what, key.map(|_| Vec::new()));
        let Ok(handle) = key else { return };
        let seen = from.map_or_else(|| vec![None; STICKY.len()], |from| from.seen.clone());
        self.keys.push(Key { handle, seen });
        self.look(self.keys.len() - 1);
        if self.keys.len() > MOST_KEYS {
            let at = self.number(self.keys.len());
            let gone = self.keys.swap_remove(at);
            let _ = self.world.calls.destroy(gone.handle);
        }
    }

    /// An answer: traced, and searched for what nobody may have.
    fn note(&mut self, what: &str, answer: Rv<Vec<u8>>) {
        self.done += u64::from(answer.is_ok());
        self.trace.push(format!(
            "{what}: {}",
            answer.as_ref().map_or_else(|rv| softkeep_tests::raw::name(*rv), |_| "ok".into())
        ));
        let Ok(answer) = answer else { return };
        let leaks = answer.windows(16).any(|window| self.marked.contains(window));
        if leaks && self.leak.is_none() {
            self.leak = Some(self.story());
        }
        if answer.len() >= 16 {
            self.blobs.push(answer);
            if self.blobs.len() > MOST_BLOBS {
                let at = self.number(self.blobs.len());
                self.blobs.swap_remove(at);
            }
        }
    }

    fn story(&self) -> String {
        let last = self.trace.len().saturating_sub(60);
        format!("seed {}, step {}:\n{}", self.seed, self.trace.len(), self.trace[last..].join("\n"))
    }

    /// Reads a key's protecting flags, which may have become stricter and nothing else, and its value, which the key may tell or not.
    fn look(&mut self, index: usize) {
        let Some(key) = self.keys.get(index).cloned() else { return };
        for (at, (kind, guard)) in STICKY.into_iter().enumerate() {
            let Ok(now) = self.world.calls.flag(key.handle, kind) else { continue };
            let weaker = key.seen[at] == Some(guard) && now != guard;
            assert!(!weaker, "attribute 0x{kind:x} of a key is weaker than it was\n{}", self.story());
            self.keys[index].seen[at] = Some(now);
        }
        let value = self.world.calls.get(key.handle, ck::CKA_VALUE);
        self.note("read", value);
    }

    fn import(&mut self) {
        let template = self.secret(false).off(&[ck::CKA_COPYABLE]);
        let template = if self.one_in(2) { template.on(&[ck::CKA_COPYABLE]) } else { template };
        if self.one_in(3) {
            let length = [16, 32][self.number(2)];
            let known = self.world.bring(&template, &vec![0xa5; length]);
            return self.came("import a known key", known, None);
        }
        let template = match self.one_in(3) {
            true => template.off(&[ck::CKA_EXTRACTABLE]),
            false => template.on(&[ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE]),
        };
        let value = self.world.value();
        self.marked.extend(value.windows(16).map(<[u8]>::to_vec));
        let key = self.world.bring(&template, &value);
        self.came("import a marked key", key, None);
    }

    fn make_pair(&mut self) {
        let mut take = |kinds: &[u64]| {
            let on: Vec<u64> = kinds.iter().copied().filter(|_| self.one_in(2)).collect();
            on
        };
        let public = take(&[ck::CKA_WRAP, ck::CKA_ENCRYPT]);
        let private = take(&[ck::CKA_UNWRAP, ck::CKA_DECRYPT, ck::CKA_SIGN]);
        if let Ok(pair) = self.world.rsa(&public, &private) {
            self.pairs.push(pair);
        }
    }

    fn log_in_again(&mut self) {
        self.world.calls.logout().unwrap();
        let keys = std::mem::take(&mut self.keys);
        for key in &keys {
            let private = key.seen[3] == Some(true);
            let used = self.world.calls.encrypt(&Mechanism::plain(ck::CKM_AES_ECB), key.handle, &[0; 16]);
            assert!(!private || used.is_err(), "a private key is used without a login\n{}", self.story());
        }
        self.pairs.clear();
        self.wrapped.clear();
        self.world.calls.login(ck::CKU_USER, USER_PIN).unwrap();
        self.world.refresh();
        self.trace.push("log in again".into());
    }

    fn step(&mut self) {
        match self.number(1000) {
            0..60 => {
                let (template, kind) = (self.secret(true), [ck::CKM_AES_KEY_GEN, ck::CKM_GENERIC_SECRET_KEY_GEN]);
                let kind = kind[self.number(2)];
                let template = match kind {
                    ck::CKM_AES_KEY_GEN => template.number(ck::CKA_KEY_TYPE, ck::CKK_AES),
                    _ => template.number(ck::CKA_KEY_TYPE, ck::CKK_GENERIC_SECRET),
                };
                let key = self.world.calls.generate(&Mechanism::plain(kind), &template);
                self.came("generate", key, None);
            }
            60..180 => self.import(),
            180..260 => {
                let index = self.number(self.keys.len());
                let Some(from) = self.keys.get(index).cloned() else { return };
                let template = self.flags(Template::new());
                let copy = self.world.calls.copy(from.handle, &template);
                self.came("copy", copy, Some(&from));
            }
            260..380 => {
                let (key, template) = (self.key(), self.flags(Template::new()));
                let set = self.world.calls.set(key, &template);
                self.note("set", set.map(|()| Vec::new()));
            }
            380..540 => {
                let (mechanism, wrapping, key) = (self.mechanism(), self.either(false), self.key());
                let blob = self.world.calls.wrap(&mechanism, wrapping, key);
                if let Ok(blob) = &blob {
                    let pair = self.pairs.iter().find(|(public, _)| *public == wrapping);
                    self.wrapped.push((mechanism.clone(), pair.map_or(wrapping, |pair| pair.1), blob.clone()));
                }
                self.note(&format!("wrap by {mechanism:?}"), blob);
            }
            540..680 => {
                let (mechanism, key, blob) = self.something_wrapped();
                let template = self.secret(false);
                let key = self.world.calls.unwrap_key(&mechanism, key, &blob, &template);
                self.came(&format!("unwrap by {mechanism:?}"), key, None);
            }
            680..800 => {
                let (mechanism, base, template) = (self.derivation(), self.key(), self.secret(true));
                let key = self.world.calls.derive(&mechanism, base, &template);
                self.came(&format!("derive by {mechanism:?}"), key, None);
            }
            800..850 => {
                let (mechanism, key, blob) = (self.mechanism(), self.either(false), self.blob());
                let out = self.world.calls.encrypt(&mechanism, key, &blob);
                self.note("encrypt", out);
            }
            850..930 => {
                let (mechanism, key, blob) = self.something_wrapped();
                let out = self.world.calls.decrypt(&mechanism, key, &blob);
                self.note(&format!("decrypt by {mechanism:?}"), out);
            }
            930..960 => {
                let (key, blob) = (self.either(true), self.blob());
                let out = self.world.calls.sign(&Mechanism::plain(ck::CKM_RSA_X_509), key, &blob);
                self.note("sign", out);
            }
            960..963 if self.pairs.len() < 4 => self.make_pair(),
            963 => self.log_in_again(),
            _ => {
                let index = self.number(self.keys.len());
                self.look(index);
            }
        }
    }
}

fn flag(template: Template, kind: u64, on: bool) -> Template {
    if on { template.on(&[kind]) } else { template.off(&[kind]) }
}

/// Walks on until an answer leaks, which is given with the story that led to it.
fn walk(kind: Vault) -> Option<String> {
    let from_environment = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let steps = from_environment("SOFTKEEP_TEST_WALK_STEPS").unwrap_or(STEPS);
    let seed = from_environment("SOFTKEEP_TEST_WALK_SEED").unwrap_or(20_261_122);
    let mut walk = Walk::of(kind, seed);
    for _ in 0..steps {
        walk.step();
        if walk.leak.is_some() {
            return walk.leak;
        }
    }
    assert_eq!(walk.world.leaking_file(), None);
    assert!(walk.done > steps / 20, "only {} of {steps} calls did anything\n{}", walk.done, walk.story());
    None
}

#[test]
fn a_random_walk_finds_nothing_in_a_standard_vault() {
    assert_eq!(walk(Vault::Standard), None);
}

#[test]
fn a_random_walk_finds_nothing_in_a_strict_vault() {
    assert_eq!(walk(Vault::Strict), None);
}

/// The control: it does find what is to be found.
#[test]
fn a_random_walk_finds_a_value_where_wrapping_is_any() {
    assert!(walk(Vault::Any).is_some());
}

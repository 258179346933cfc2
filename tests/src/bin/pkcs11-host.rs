//! A program with the module loaded that does what each line of its standard input says, and answers with the CK_RV's name, the
//! milliseconds it took, and what was asked for. One application, so one login, for as long as it runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::HashMap,
    io, ptr, thread,
    time::{Duration, Instant},
};

use softkeep_tests::{
    raw::{Kind, Module, Rv, Signer, ck, name},
    raw_call,
};

struct Host {
    module: Module,
    session: u64,
    keys: HashMap<String, Signer>,
}

fn main() {
    let mut host = Host { module: Module::load(), session: 0, keys: HashMap::new() };
    for line in io::stdin().lines() {
        let line = line.unwrap();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let start = Instant::now();
        let result = host.obey(verb, rest);
        let ms = start.elapsed().as_millis();
        match result {
            Ok(told) => println!("CKR_OK {ms} {told}"),
            Err(rv) => println!("{} {ms}", name(rv)),
        }
    }
}

/// Every slot with its flags, and how many have a token. The one whose token is not initialised is there for who may make
/// vaults, and is left out.
fn slots(module: Module) -> Rv<String> {
    let list = |present: u8| -> Rv<Vec<u64>> {
        let (mut count, mut ids) = (0, [0; 16]);
        plain(raw_call!(module, C_GetSlotList(present, ptr::null_mut(), &mut count)))?;
        plain(raw_call!(module, C_GetSlotList(present, ids.as_mut_ptr(), &mut count)))?;
        let mut info = ck::CK_TOKEN_INFO::default();
        let is_free = |slot: &u64| {
            raw_call!(module, C_GetTokenInfo(*slot, &mut info)) == ck::CKR_OK
                && info.flags & ck::CKF_TOKEN_INITIALIZED == 0
        };
        let (_, slots) = ids.into_iter().take(count as usize).partition::<Vec<u64>, _>(is_free);
        Ok(slots)
    };
    let mut told = String::new();
    for slot in list(ck::CK_FALSE)? {
        told += &format!("{slot}:{} ", slot_flags(module, slot)?);
    }
    Ok(format!("{told}of them {} present", list(ck::CK_TRUE)?.len()))
}

fn slot_flags(module: Module, slot: u64) -> Rv<String> {
    let mut info = ck::CK_SLOT_INFO::default();
    plain(raw_call!(module, C_GetSlotInfo(slot, &mut info)))?;
    let flag = |flag: u64, name: &'static str| if info.flags & flag != 0 { name } else { "" };
    Ok(flag(ck::CKF_TOKEN_PRESENT, "present").to_owned() + flag(ck::CKF_REMOVABLE_DEVICE, "+removable"))
}

/// C_WaitForSlotEvent; the slot.
fn slot_event(module: Module, flags: u64) -> Rv<String> {
    let mut slot = u64::MAX;
    plain(raw_call!(module, C_WaitForSlotEvent(flags, &mut slot, ptr::null_mut())))?;
    Ok(slot.to_string())
}

fn plain(rv: u64) -> Rv<String> {
    if rv == ck::CKR_OK { Ok(String::new()) } else { Err(rv) }
}

impl Host {
    fn obey(&mut self, verb: &str, rest: &str) -> Rv<String> {
        let Self { module, session, .. } = *self;
        match verb {
            "initialize" => plain(module.initialize()),
            "finalize" => plain(module.finalize()),
            "open" => {
                self.session = module.open(module.slot()?)?;
                Ok(String::new())
            }
            "login" => plain(module.login(session, ck::CKU_USER, rest)),
            "login-so" => plain(module.login(session, ck::CKU_SO, rest)),
            "logout" => {
                // Handles of private objects end with the login.
                self.keys.clear();
                plain(raw_call!(module, C_Logout(session)))
            }
            "state" => module.session_state(session).map(|state| state.to_string()),
            "set-pin" => {
                let (old, new) = rest.split_once(' ').expect("old and new");
                let (old_ptr, new_ptr) = (old.as_ptr().cast_mut(), new.as_ptr().cast_mut());
                plain(raw_call!(module, C_SetPIN(session, old_ptr, old.len() as u64, new_ptr, new.len() as u64)))
            }
            "slots" => slots(module),
            "slot-flags" => slot_flags(module, rest.parse().unwrap()),
            "token-info" => {
                let mut info = ck::CK_TOKEN_INFO::default();
                plain(raw_call!(module, C_GetTokenInfo(rest.parse().unwrap(), &mut info)))?;
                Ok(String::from_utf8_lossy(&info.label).trim_end().to_owned())
            }
            "open-slot" => {
                self.session = module.open(rest.parse().unwrap())?;
                Ok(String::new())
            }
            "event" => slot_event(module, ck::CKF_DONT_BLOCK),
            "wait" => slot_event(module, 0),
            "wait-until-finalize" => thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(300));
                    assert_eq!(module.finalize(), ck::CKR_OK);
                });
                slot_event(module, 0)
            }),
            "private-handle" => self.signer(rest).map(|signer| signer.private.to_string()),
            "sign-with-handle" => {
                let signature = module.sign(session, ck::CKM_ECDSA_SHA256, rest.parse().unwrap(), b"some data");
                signature.map(|signature| signature.len().to_string())
            }
            "find-private" => Ok(module.find(session, ck::CKO_PRIVATE_KEY, rest)?.len().to_string()),
            // The key is looked for once and then used by its handles.
            "sign" => self.signer(rest)?.sign_and_verify(b"some data").map(|_| String::new()),
            // The data's length only: CKM_RSA_PKCS takes at most 11 bytes less than the modulus.
            "sign-raw" => {
                let (label, len) = rest.split_once(' ').expect("label and length");
                let signer = self.signer(label)?;
                let data = vec![7; len.parse().unwrap()];
                module.sign(session, ck::CKM_RSA_PKCS, signer.private, &data).map(|_| String::new())
            }
            // SAFETY: no pointers.
            "uid" => Ok(format!("{}", unsafe { libc::setuid(rest.parse().unwrap()) })),
            "pin-locked" => {
                let mut info = ck::CK_TOKEN_INFO::default();
                plain(raw_call!(module, C_GetTokenInfo(module.slot()?, &mut info)))?;
                Ok((info.flags & ck::CKF_USER_PIN_LOCKED != 0).to_string())
            }
            other => panic!("no verb {other}"),
        }
    }

    fn signer(&mut self, label: &str) -> Rv<Signer> {
        if !self.keys.contains_key(label) {
            let kind = if label.contains("rsa") { Kind::Rsa } else { Kind::Ec };
            let signer = Signer::find(self.module, self.module.slot()?, self.session, kind, label)?;
            self.keys.insert(label.to_owned(), signer);
        }
        Ok(self.keys[label].in_session(self.session))
    }
}

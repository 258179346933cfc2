//! Random sequences of calls, against the fake daemon and a model of what PKCS#11 says comes back: every return value,
//! length and output must be the model's. `PROPTEST_CASES` sets how many sequences are tried.

use std::ptr;

use cryptoki_sys::*;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    super::table::*,
    calls::{find, initialise, login},
    daemon::{Daemon, SLOT},
    turn,
    vault::{self, IV},
};

mod model;
mod modes;

use crate::error::Error;
use model::Model;
use modes::{Answer, Kind, Mode, Room, Signature};

/// Sequences in a run that nobody asked to be longer.
const CASES: u32 = 2000;

/// One call.
#[derive(Clone, Debug)]
pub enum Action {
    Initialize,
    Finalize,
    Open {
        read_write: bool,
    },
    Close(usize),
    CloseAll,
    Login {
        session: usize,
        user: u64,
        right: bool,
    },
    Logout(usize),
    FindInit(usize),
    Find(usize),
    FindFinal(usize),
    Init {
        session: usize,
        kind: Kind,
        mode: Mode,
    },
    /// An *Init with NULL.
    End {
        session: usize,
        kind: Kind,
    },
    Cancel {
        session: usize,
        flags: u64,
    },
    Whole {
        session: usize,
        kind: Kind,
        data: Vec<u8>,
        room: Room,
    },
    Update {
        session: usize,
        kind: Kind,
        data: Vec<u8>,
        room: Room,
    },
    Last {
        session: usize,
        kind: Kind,
        room: Room,
    },
    Verify {
        session: usize,
        data: Vec<u8>,
        signature: Signature,
    },
    VerifyFinal {
        session: usize,
        signature: Signature,
    },
    Both {
        session: usize,
        kinds: (Kind, Kind),
        data: Vec<u8>,
        room: Room,
    },
    Save {
        session: usize,
    },
    Restore {
        session: usize,
        damaged: bool,
    },
    MessageBegin {
        session: usize,
    },
    MessageNext {
        session: usize,
        data: Vec<u8>,
        room: Option<Room>,
    },
    MessageFinal {
        session: usize,
    },
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 100..130), 1 => Just(vec![7; 32])]
}

fn action() -> impl Strategy<Value = Action> {
    let session = || 0usize..4;
    let room =
        || prop_oneof![1 => Just(Room::Query), 1 => Just(Room::Short), 3 => Just(Room::Exact), 1 => Just(Room::Plenty)];
    let output_kind = || proptest::sample::select(&Kind::WITH_OUTPUT[..]);
    let signature =
        || prop_oneof![3 => Just(Signature::Right), 1 => Just(Signature::Wrong), 1 => Just(Signature::Short)];
    let users =
        || prop_oneof![6 => Just(CKU_USER), 1 => Just(CKU_SO), 4 => Just(CKU_CONTEXT_SPECIFIC), 1 => Just(9u64)];
    let dual = || {
        use Kind::{Decrypt, Digest, Encrypt, Sign, Verify};
        proptest::sample::select(&[(Encrypt, Digest), (Decrypt, Digest), (Encrypt, Sign), (Decrypt, Verify)][..])
    };
    prop_oneof![
        1 => Just(Action::Initialize),
        1 => Just(Action::Finalize),
        3 => any::<bool>().prop_map(|read_write| Action::Open { read_write }),
        1 => session().prop_map(Action::Close),
        1 => Just(Action::CloseAll),
        6 => (session(), users(), prop::bool::weighted(0.8))
            .prop_map(|(session, user, right)| Action::Login { session, user, right }),
        1 => session().prop_map(Action::Logout),
        1 => session().prop_map(Action::FindInit),
        1 => session().prop_map(Action::Find),
        1 => session().prop_map(Action::FindFinal),
        16 => (session(), proptest::sample::select(&Mode::ALL[..])).prop_map(|(session, (kind, mode))| Action::Init { session, kind, mode }),
        1 => (session(), proptest::sample::select(&Kind::ALL[..])).prop_map(|(session, kind)| Action::End { session, kind }),
        1 => (session(), proptest::sample::select(&Kind::ALL[..]))
            .prop_map(|(session, kind)| Action::Cancel { session, flags: kind.flag() }),
        8 => (session(), output_kind(), data(), room())
            .prop_map(|(session, kind, data, room)| Action::Whole { session, kind, data, room }),
        12 => (session(), output_kind(), data(), room())
            .prop_map(|(session, kind, data, room)| Action::Update { session, kind, data, room }),
        6 => (session(), output_kind(), room()).prop_map(|(session, kind, room)| Action::Last { session, kind, room }),
        3 => (session(), data(), signature())
            .prop_map(|(session, data, signature)| Action::Verify { session, data, signature }),
        3 => (session(), data(), Just(Room::Exact))
            .prop_map(|(session, data, room)| Action::Update { session, kind: Kind::Verify, data, room }),
        3 => (session(), signature()).prop_map(|(session, signature)| Action::VerifyFinal { session, signature }),
        4 => (session(), dual(), data(), room())
            .prop_map(|(session, kinds, data, room)| Action::Both { session, kinds, data, room }),
        2 => session().prop_map(|session| Action::Save { session }),
        2 => (session(), prop::bool::weighted(0.2)).prop_map(|(session, damaged)| Action::Restore { session, damaged }),
        2 => session().prop_map(|session| Action::MessageBegin { session }),
        3 => (session(), data(), proptest::option::of(room()))
            .prop_map(|(session, data, room)| Action::MessageNext { session, data, room }),
        1 => session().prop_map(|session| Action::MessageFinal { session }),
    ]
}

/// The module, seen as a C program sees it, and what the driver remembers for it.
struct Driver<'a> {
    daemon: &'a Daemon,
    sessions: Vec<u64>,
    saved: Vec<u8>,
}

/// The buffer of a call, by what the model says that is needed.
struct Out {
    bytes: Vec<u8>,
    null: bool,
    len: u64,
}

impl Out {
    fn new(room: Room, needed: usize) -> Self {
        let size = match room {
            Room::Query => 0,
            Room::Short => needed.saturating_sub(1),
            Room::Exact => needed,
            Room::Plenty => needed + 50,
        };
        Self { bytes: vec![0xee; size], null: room == Room::Query, len: size as u64 }
    }

    fn pointer(&mut self) -> *mut u8 {
        if self.null { ptr::null_mut() } else { self.bytes.as_mut_ptr() }
    }

    fn answer(self, rv: CK_RV) -> Answer {
        match rv {
            CKR_OK if self.null => Answer::Length(rv, self.len as usize),
            CKR_OK => Answer::Output(self.bytes[..self.len as usize].to_vec()),
            CKR_BUFFER_TOO_SMALL => Answer::Length(rv, self.len as usize),
            rv => Answer::Just(rv),
        }
    }
}

impl Driver<'_> {
    fn session(&self, index: usize) -> u64 {
        self.sessions.get(index).copied().unwrap_or(4_000_000)
    }

    /// Learns the handles, as a program does after C_Login.
    fn learn(&self, session: u64, model: &mut Model) {
        for class in [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY] {
            let visible = vault::objects().into_iter().filter(|object| {
                object.class == class
                    && (model.logged_in() || class == CKO_PUBLIC_KEY || object.unique_id[..] == vault::HMAC)
            });
            let handles = find(session, class);
            let ids: Vec<[u8; 16]> = visible.map(|object| object.unique_id[..].try_into().unwrap()).collect();
            assert_eq!(handles.len(), ids.len());
            for (id, handle) in ids.into_iter().zip(handles) {
                model.learn(id, class, handle);
            }
        }
    }

    fn init(&self, session: u64, kind: Kind, mode: Option<Mode>, key: u64) -> CK_RV {
        let (mut iv, mut aad, mut length) = (IV, *b"aad", 4u64);
        let mut ctr = CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: IV };
        let mut gcm = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: 3,
            ulTagBits: 128,
        };
        let mut mechanism = CK_MECHANISM { mechanism: mode.map_or(0, Mode::mechanism), ..Default::default() };
        let (parameter, len): (*mut std::ffi::c_void, usize) = match mode {
            Some(Mode::Cbc | Mode::CbcPad) => ((&raw mut iv).cast(), 16),
            Some(Mode::Ctr) => ((&raw mut ctr).cast(), size_of_val(&ctr)),
            Some(Mode::Gcm) => ((&raw mut gcm).cast(), size_of_val(&gcm)),
            Some(Mode::CmacGeneral) => ((&raw mut length).cast(), 8),
            _ => (ptr::null_mut(), 0),
        };
        (mechanism.pParameter, mechanism.ulParameterLen) = (parameter, len as u64);
        let mechanism = if mode.is_some() { &raw mut mechanism } else { ptr::null_mut() };
        unsafe {
            match kind {
                Kind::Sign => C_SignInit(session, mechanism, key),
                Kind::SignRecover => C_SignRecoverInit(session, mechanism, key),
                Kind::Verify => C_VerifyInit(session, mechanism, key),
                Kind::VerifyRecover => C_VerifyRecoverInit(session, mechanism, key),
                Kind::Encrypt => C_EncryptInit(session, mechanism, key),
                Kind::Decrypt => C_DecryptInit(session, mechanism, key),
                Kind::Digest => C_DigestInit(session, mechanism),
                Kind::MessageSign => C_MessageSignInit(session, mechanism, key),
            }
        }
    }

    fn whole(&self, session: u64, kind: Kind, data: &[u8], mut out: Out) -> Answer {
        let (at, count) = (data.as_ptr().cast_mut(), data.len() as u64);
        let (pointer, none) = (out.pointer(), ptr::null_mut());
        let rv = unsafe {
            match kind {
                Kind::Sign => C_Sign(session, at, count, pointer, &mut out.len),
                Kind::SignRecover => C_SignRecover(session, at, count, pointer, &mut out.len),
                Kind::VerifyRecover => C_VerifyRecover(session, at, count, pointer, &mut out.len),
                Kind::Encrypt => C_Encrypt(session, at, count, pointer, &mut out.len),
                Kind::Decrypt => C_Decrypt(session, at, count, pointer, &mut out.len),
                Kind::Digest => C_Digest(session, at, count, pointer, &mut out.len),
                Kind::MessageSign => C_SignMessage(session, none, 0, at, count, pointer, &mut out.len),
                Kind::Verify => unreachable!("has its own action"),
            }
        };
        out.answer(rv)
    }

    /// The update of a kind that has one; the others' is answered as what it is.
    fn update(&self, session: u64, kind: Kind, data: &[u8], mut out: Out) -> Option<Answer> {
        let (at, count, pointer) = (data.as_ptr().cast_mut(), data.len() as u64, out.pointer());
        Some(unsafe {
            match kind {
                Kind::Sign => Answer::Just(C_SignUpdate(session, at, count)),
                Kind::Verify => Answer::Just(C_VerifyUpdate(session, at, count)),
                Kind::Digest => Answer::Just(C_DigestUpdate(session, at, count)),
                Kind::Encrypt => {
                    let rv = C_EncryptUpdate(session, at, count, pointer, &mut out.len);
                    out.answer(rv)
                }
                Kind::Decrypt => {
                    let rv = C_DecryptUpdate(session, at, count, pointer, &mut out.len);
                    out.answer(rv)
                }
                Kind::SignRecover | Kind::VerifyRecover | Kind::MessageSign => return None,
            }
        })
    }

    fn last(&self, session: u64, kind: Kind, mut out: Out) -> Option<Answer> {
        let pointer = out.pointer();
        let function = match kind {
            Kind::Sign => C_SignFinal,
            Kind::Digest => C_DigestFinal,
            Kind::Encrypt => C_EncryptFinal,
            Kind::Decrypt => C_DecryptFinal,
            _ => return None,
        };
        let rv = unsafe { function(session, pointer, &mut out.len) };
        Some(out.answer(rv))
    }

    /// Does what the action says; None where there is no such function.
    fn run(&mut self, action: &Action, model: &mut Model) -> Option<Answer> {
        let at = |data: &[u8]| data.as_ptr().cast_mut();
        Some(match action {
            Action::Initialize => Answer::Just(initialise(self.daemon)),
            Action::Finalize => Answer::Just(unsafe { C_Finalize(ptr::null_mut()) }),
            Action::Open { read_write } => {
                let flags = CKF_SERIAL_SESSION | if *read_write { CKF_RW_SESSION } else { 0 };
                let mut session = 0;
                let rv = unsafe { C_OpenSession(SLOT, flags, ptr::null_mut(), None, &mut session) };
                if rv == CKR_OK {
                    self.sessions.push(session);
                }
                Answer::Just(rv)
            }
            Action::Close(session) => Answer::Just(unsafe { C_CloseSession(self.session(*session)) }),
            Action::CloseAll => Answer::Just(unsafe { C_CloseAllSessions(SLOT) }),
            Action::Login { session, user, right } => {
                // The SO has no keys to use: here only the refusals matter.
                let pin = if *right && *user != CKU_SO { "1234" } else { "wrong" };
                Answer::Just(login(self.session(*session), *user, pin))
            }
            Action::Logout(session) => Answer::Just(unsafe { C_Logout(self.session(*session)) }),
            Action::FindInit(session) => {
                let mut none = CK_ATTRIBUTE::default();
                Answer::Just(unsafe { C_FindObjectsInit(self.session(*session), &mut none, 0) })
            }
            Action::Find(session) => {
                let (mut handle, mut count) = (0, 0);
                Answer::Just(unsafe { C_FindObjects(self.session(*session), &mut handle, 1, &mut count) })
            }
            Action::FindFinal(session) => Answer::Just(unsafe { C_FindObjectsFinal(self.session(*session)) }),
            Action::Init { session, kind, mode } => {
                let key = model.handle(mode.key(*kind));
                Answer::Just(self.init(self.session(*session), *kind, Some(*mode), key))
            }
            Action::End { session, kind } => Answer::Just(self.init(self.session(*session), *kind, None, 0)),
            Action::Cancel { session, flags } => {
                Answer::Just(unsafe { C_SessionCancel(self.session(*session), *flags) })
            }
            Action::Whole { session, kind, data, room } => {
                let out = Out::new(*room, model.whole_room(*session, *kind, data));
                self.whole(self.session(*session), *kind, data, out)
            }
            Action::Update { session, kind, data, room } => {
                let out = Out::new(*room, model.update_room(*session, *kind, data));
                self.update(self.session(*session), *kind, data, out)?
            }
            Action::Last { session, kind, room } => {
                let out = Out::new(*room, model.last_room(*session, *kind));
                self.last(self.session(*session), *kind, out)?
            }
            Action::Verify { session, data, signature } => {
                let given = model.signature(*session, data, *signature);
                let (count, len) = (data.len() as u64, given.len() as u64);
                Answer::Just(unsafe { C_Verify(self.session(*session), at(data), count, at(&given), len) })
            }
            Action::VerifyFinal { session, signature } => {
                let given = model.signature(*session, &[], *signature);
                Answer::Just(unsafe { C_VerifyFinal(self.session(*session), at(&given), given.len() as u64) })
            }
            Action::Both { session, kinds, data, room } => {
                let mut out = Out::new(*room, model.update_room(*session, kinds.0, data));
                let function = match kinds {
                    (Kind::Encrypt, Kind::Digest) => C_DigestEncryptUpdate,
                    (Kind::Decrypt, Kind::Digest) => C_DecryptDigestUpdate,
                    (Kind::Encrypt, _) => C_SignEncryptUpdate,
                    _ => C_DecryptVerifyUpdate,
                };
                let (pointer, count) = (out.pointer(), data.len() as u64);
                let rv = unsafe { function(self.session(*session), at(data), count, pointer, &mut out.len) };
                out.answer(rv)
            }
            Action::Save { session } => {
                let mut len = 0;
                let session = self.session(*session);
                let asked = unsafe { C_GetOperationState(session, ptr::null_mut(), &mut len) };
                if asked != CKR_OK {
                    return Some(Answer::Just(asked));
                }
                self.saved = vec![0; len as usize];
                Answer::Just(unsafe { C_GetOperationState(session, self.saved.as_mut_ptr(), &mut len) })
            }
            Action::Restore { session, damaged } => {
                let mut saved = self.saved.clone();
                if let (true, Some(byte)) = (*damaged, saved.last_mut()) {
                    *byte ^= 1;
                }
                let len = saved.len() as u64;
                Answer::Just(unsafe { C_SetOperationState(self.session(*session), at(&saved), len, 0, 0) })
            }
            Action::MessageBegin { session } => {
                Answer::Just(unsafe { C_SignMessageBegin(self.session(*session), ptr::null_mut(), 0) })
            }
            Action::MessageNext { session, data, room } => {
                let (session_handle, none, count) = (self.session(*session), ptr::null_mut(), data.len() as u64);
                match room {
                    None => Answer::Just(unsafe {
                        C_SignMessageNext(session_handle, none, 0, at(data), count, ptr::null_mut(), ptr::null_mut())
                    }),
                    Some(room) => {
                        let mut out = Out::new(*room, model.whole_room(*session, Kind::MessageSign, data));
                        let pointer = out.pointer();
                        let rv = unsafe {
                            C_SignMessageNext(session_handle, none, 0, at(data), count, pointer, &mut out.len)
                        };
                        out.answer(rv)
                    }
                }
            }
            Action::MessageFinal { session } => Answer::Just(unsafe { C_MessageSignFinal(self.session(*session)) }),
        })
    }
}

/// The function of an action, for the return values that it may have.
fn function(action: &Action) -> &'static str {
    let of_kind = |names: [&'static str; 8], kind: Kind| names[kind as usize];
    match action {
        Action::Initialize => "C_Initialize",
        Action::Finalize => "C_Finalize",
        Action::Open { .. } => "C_OpenSession",
        Action::Close(_) => "C_CloseSession",
        Action::CloseAll => "C_CloseAllSessions",
        Action::Login { .. } => "C_Login",
        Action::Logout(_) => "C_Logout",
        Action::FindInit(_) => "C_FindObjectsInit",
        Action::Find(_) => "C_FindObjects",
        Action::FindFinal(_) => "C_FindObjectsFinal",
        Action::Init { kind, .. } | Action::End { kind, .. } => of_kind(
            [
                "C_SignInit",
                "C_SignRecoverInit",
                "C_VerifyInit",
                "C_VerifyRecoverInit",
                "C_EncryptInit",
                "C_DecryptInit",
                "C_DigestInit",
                "C_MessageSignInit",
            ],
            *kind,
        ),
        Action::Cancel { .. } => "C_SessionCancel",
        Action::Whole { kind, .. } => of_kind(
            [
                "C_Sign",
                "C_SignRecover",
                "C_Verify",
                "C_VerifyRecover",
                "C_Encrypt",
                "C_Decrypt",
                "C_Digest",
                "C_SignMessage",
            ],
            *kind,
        ),
        Action::Update { kind, .. } => of_kind(
            ["C_SignUpdate", "", "C_VerifyUpdate", "", "C_EncryptUpdate", "C_DecryptUpdate", "C_DigestUpdate", ""],
            *kind,
        ),
        Action::Last { kind, .. } => {
            of_kind(["C_SignFinal", "", "", "", "C_EncryptFinal", "C_DecryptFinal", "C_DigestFinal", ""], *kind)
        }
        Action::Verify { .. } => "C_Verify",
        Action::VerifyFinal { .. } => "C_VerifyFinal",
        Action::Both { kinds: (Kind::Encrypt, Kind::Digest), .. } => "C_DigestEncryptUpdate",
        Action::Both { kinds: (Kind::Decrypt, Kind::Digest), .. } => "C_DecryptDigestUpdate",
        Action::Both { kinds: (Kind::Encrypt, _), .. } => "C_SignEncryptUpdate",
        Action::Both { .. } => "C_DecryptVerifyUpdate",
        Action::Save { .. } => "C_GetOperationState",
        Action::Restore { .. } => "C_SetOperationState",
        Action::MessageBegin { .. } => "C_SignMessageBegin",
        Action::MessageNext { .. } => "C_SignMessageNext",
        Action::MessageFinal { .. } => "C_MessageSignFinal",
    }
}

fn check(daemon: &Daemon, actions: &[Action]) -> Result<(), TestCaseError> {
    let mut driver = Driver { daemon, sessions: Vec::new(), saved: Vec::new() };
    let mut model = Model::default();
    daemon.world.lock().unwrap().grants = None;
    // A program that does nothing of use is not worth much: most begin as they should.
    let begin = [
        Action::Initialize,
        Action::Open { read_write: true },
        Action::Login { session: 0, user: CKU_USER, right: true },
    ];
    for (step, action) in begin.iter().chain(actions).enumerate() {
        let got = driver.run(action, &mut model);
        let Some(got) = got else { continue };
        let expected = match model.step(action) {
            // Each function returns only what PKCS#11 lists for it; `error::returns` has tests of its own.
            Answer::Just(rv) if rv != CKR_OK => {
                Answer::Just(Error::Daemon { rv, reason: String::new() }.returned_by(function(action)))
            }
            answer => answer,
        };
        prop_assert_eq!(&got, &expected, "step {}: {:?}", step, action);
        if let Some(session) = model.learns_by(action) {
            driver.learn(driver.session(session), &mut model);
        }
    }
    unsafe { C_Finalize(ptr::null_mut()) };
    daemon.asked();
    Ok(())
}

#[test]
fn nothing_differs_from_the_model() {
    let _turn = turn();
    let daemon = Daemon::start();
    daemon.world.lock().unwrap().vault = true;
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { CASES };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 5000, ..Config::default() };
    let outcome = TestRunner::new(config).run(&vec(action(), 1..60), |actions| {
        // A sequence that failed has left the module as it was then.
        unsafe { C_Finalize(ptr::null_mut()) };
        check(&daemon, &actions)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

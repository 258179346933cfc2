//! Calls every function of the module in one situation, and says what each returned that PKCS#11 does not list for it.
//! The table of functions, arguments and lists is `pkcs11-shim/src/error/return-values.txt`; its path is the first
//! argument, the situation the second. Where the daemon is to be gone or sealed, the program says `ready` when it has
//! prepared its sessions, and goes on with the next line of its standard input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, env, ffi::c_void, fs, io, os::unix::ffi::OsStringExt, ptr};

use cryptoki_sys as ck;
use softkeep_tests::{
    PIN,
    raw::{Kind, Module, Rv, Signer, attribute, mechanism, must, name},
    raw_call,
};

/// Every argument of PKCS#11 is a number or a pointer, and no function has more.
const MAX_ARGUMENTS: usize = 10;
/// Room behind every pointer that is not NULL.
const ROOM: usize = 4096;

/// One line of the table.
struct Row {
    name: String,
    arguments: Vec<String>,
    codes: Vec<String>,
}

impl Row {
    fn takes(&self, argument: &str) -> bool {
        self.arguments.iter().any(|each| each == argument)
    }

    /// Sections 5.1.1, 5.1.2 and 5.1.6 add to each list.
    fn allows(&self, code: &str) -> bool {
        let always = ["OK", "FUNCTION_FAILED", "GENERAL_ERROR", "HOST_MEMORY", "FUNCTION_NOT_SUPPORTED"];
        let session = ["SESSION_HANDLE_INVALID", "SESSION_CLOSED", "DEVICE_REMOVED"];
        self.codes.iter().any(|each| each == code)
            || always.contains(&code)
            || (self.takes("session") && session.contains(&code))
    }
}

fn read_table(path: &str) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap().replace("\n ", " ");
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
        // A group stands before it is used.
        let expand = |word: &str| groups.get(word).cloned().unwrap_or_else(|| vec![word.to_owned()]);
        let codes: Vec<String> = rest.split_whitespace().flat_map(expand).collect();
        match head.split_once('(') {
            None => drop(groups.insert(head.to_owned(), codes)),
            Some((name, arguments)) => {
                let arguments = arguments.trim_end_matches(')').split(',').map(str::to_owned).collect();
                rows.push(Row { name: name.to_owned(), arguments, codes });
            }
        }
    }
    assert_eq!(rows.len(), 104);
    // What ends sessions, logins or objects comes last.
    let ends = ["C_DestroyObject", "C_CloseSession", "C_Logout", "C_CloseAllSessions"];
    rows.sort_by_key(|row| ends.iter().position(|end| *end == row.name).map_or(0, |at| at + 1));
    rows
}

/// What the arguments are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pointers {
    Good,
    AllNull,
    /// Only this argument is NULL.
    NullAt(usize),
}

struct Situation {
    slot: u64,
    session: u64,
    handle: u64,
    pointers: Pointers,
}

/// Buffers that outlive a call.
struct Buffers {
    bytes: Vec<u8>,
    out: Vec<u8>,
    count: u64,
    value: [u64; ROOM / 8],
    mechanism: ck::CK_MECHANISM,
    class: [u64; 1],
    template: Vec<ck::CK_ATTRIBUTE>,
}

fn call(library: *mut c_void, row: &Row, situation: &Situation) -> u64 {
    let symbol = std::ffi::CString::new(row.name.clone()).unwrap();
    // SAFETY: the handle is dlopen's.
    let function = unsafe { libc::dlsym(library, symbol.as_ptr()) };
    assert!(!function.is_null(), "{}", row.name);
    let mut buffers = Buffers {
        bytes: vec![0x41; ROOM],
        out: vec![0; ROOM],
        count: 64,
        value: [0; ROOM / 8],
        mechanism: mechanism(ck::CKM_ECDSA_SHA256),
        class: [ck::CKO_PRIVATE_KEY],
        template: Vec::new(),
    };
    buffers.template = vec![attribute(ck::CKA_CLASS, &mut buffers.class)];
    let mut arguments = [0usize; MAX_ARGUMENTS];
    for (index, kind) in row.arguments.iter().enumerate() {
        let null = situation.pointers == Pointers::AllNull || situation.pointers == Pointers::NullAt(index);
        let pointer = |pointer: *mut c_void| if null { 0 } else { pointer as usize };
        arguments[index] = match kind.as_str() {
            "slot" => situation.slot as usize,
            "session" => situation.session as usize,
            // CKF_DONT_BLOCK, and a session's CKF_SERIAL_SESSION.
            "flags" if row.name == "C_OpenSession" => ck::CKF_SERIAL_SESSION as usize,
            "flags" | "type" => 1,
            "handle" => situation.handle as usize,
            "len" => {
                if kind_before(row, index) == "template" {
                    1
                } else {
                    32
                }
            }
            "bytes" => pointer(buffers.bytes.as_mut_ptr().cast()),
            "out" => pointer(buffers.out.as_mut_ptr().cast()),
            "count" => pointer((&raw mut buffers.count).cast()),
            "value" => pointer(buffers.value.as_mut_ptr().cast()),
            "mechanism" => pointer((&raw mut buffers.mechanism).cast()),
            "template" => pointer(buffers.template.as_mut_ptr().cast()),
            "reserved" => 0,
            other => panic!("no argument {other}"),
        };
    }
    let [a, b, c, d, e, f, g, h, i, j] = arguments;
    type Any = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize, usize, usize, usize, usize) -> u64;
    // SAFETY: on the 64-bit ABIs of Linux each of these arguments has a place of its own that a function with fewer
    // does not look at, and a CK_BBOOL is the low byte of one; pointers are NULL or to buffers that live here.
    unsafe { std::mem::transmute::<*mut c_void, Any>(function)(a, b, c, d, e, f, g, h, i, j) }
}

fn kind_before(row: &Row, index: usize) -> &str {
    index.checked_sub(1).map_or("", |before| &row.arguments[before])
}

/// Tries again while the daemon is merely slow: one scene has a short time limit.
fn prepare(what: &str, mut attempt: impl FnMut() -> u64) {
    let rv = (0..50).map(|_| attempt()).find(|rv| *rv != ck::CKR_DEVICE_ERROR);
    assert_eq!(rv.map(name), Some("CKR_OK".into()), "{what}");
}

/// The same for what has a value.
fn patiently<T>(what: &str, mut attempt: impl FnMut() -> Rv<T>) -> T {
    let early = (0..50).find_map(|_| attempt().ok());
    early.unwrap_or_else(|| must(what, attempt()))
}

/// A session in which every kind of operation is active.
fn busy_session(module: Module, slot: u64, signer: Option<Signer>) -> u64 {
    let session = must("open", module.open(slot));
    prepare("find", || raw_call!(module, C_FindObjectsInit(session, ptr::null_mut(), 0)));
    prepare("digest", || raw_call!(module, C_DigestInit(session, &mut mechanism(ck::CKM_SHA256))));
    if let Some(signer) = signer {
        let mut ecdsa = mechanism(ck::CKM_ECDSA_SHA256);
        let mut signature = [0; 64];
        let signature = signature.as_mut_ptr();
        prepare("sign", || raw_call!(module, C_SignInit(session, &mut ecdsa, signer.private)));
        prepare("verify", || raw_call!(module, C_VerifyInit(session, &mut ecdsa, signer.public)));
        prepare("verify", || {
            raw_call!(module, C_VerifySignatureInit(session, &mut ecdsa, signer.public, signature, 64))
        });
    }
    session
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let (rows, scene) = (read_table(&arguments[1]), arguments[2].as_str());
    let path = std::ffi::CString::new(env::var_os("SOFTKEEP_PKCS11_MODULE").unwrap().into_vec()).unwrap();
    // SAFETY: a path, and a flag that dlopen knows.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null());
    let module = Module::load();
    let mut wrong = 0;
    let mut seen = BTreeMap::<u64, u32>::new();
    let mut check = |row: &Row, situation: &Situation, expected: &[u64]| {
        let rv = call(library, row, situation);
        *seen.entry(rv).or_default() += 1;
        let named = name(rv);
        let listed = row.allows(named.trim_start_matches("CKR_"));
        if !listed || !(expected.is_empty() || expected.contains(&rv)) {
            println!("{}: {}{named}", row.name, if listed { "" } else { "not listed: " });
            wrong += 1;
        }
    };
    // C_Initialize and C_Finalize have tests of their own; here they would end the scene.
    let life = |row: &&Row| !["C_Initialize", "C_Finalize"].contains(&row.name.as_str());
    let good = Situation { slot: 0, session: 1, handle: 1, pointers: Pointers::Good };
    if scene == "not-initialised" {
        for row in rows.iter().filter(|row| row.name != "C_Initialize") {
            let anytime = !row.codes.iter().any(|code| code == "CRYPTOKI_NOT_INITIALIZED");
            for pointers in [Pointers::Good, Pointers::AllNull] {
                let expected = [ck::CKR_CRYPTOKI_NOT_INITIALIZED];
                check(row, &Situation { pointers, ..good }, if anytime { &[] } else { &expected });
            }
        }
    } else {
        assert_eq!(module.initialize(), ck::CKR_OK);
        let slot = patiently("slot", || module.slot());
        let first = must("open", module.open(slot));
        let login = matches!(scene, "null" | "gone" | "sealed");
        if login {
            prepare("login", || module.login(first, ck::CKU_USER, PIN));
        }
        let signer = login.then(|| patiently("find", || Signer::find(module, slot, first, Kind::Ec, "ec")));
        let public = patiently("find", || module.find_one(first, ck::CKO_PUBLIC_KEY, "ec"));
        let handle = signer.map_or(public, |signer| signer.private);
        // Each function in an idle session and in a busy one, prepared while all is well.
        let sessions: Vec<[u64; 2]> =
            (0..rows.len()).map(|_| [must("open", module.open(slot)), busy_session(module, slot, signer)]).collect();
        if matches!(scene, "gone" | "sealed") {
            println!("ready");
            io::stdin().read_line(&mut String::new()).unwrap();
        }
        for (row, sessions) in rows.iter().zip(&sessions).filter(|(row, _)| life(row)) {
            match scene {
                "bad-session" => {
                    // The last is all that the legacy functions ever answer (section 5.20).
                    let expected =
                        [ck::CKR_SESSION_HANDLE_INVALID, ck::CKR_FUNCTION_NOT_SUPPORTED, ck::CKR_FUNCTION_NOT_PARALLEL];
                    let expected = if row.takes("session") { &expected[..] } else { &[] };
                    for session in [0, u64::MAX] {
                        for pointers in [Pointers::Good, Pointers::AllNull] {
                            // Arguments may be looked at before the session, by the standard's leave.
                            let expected = if pointers == Pointers::Good { expected } else { &[] };
                            check(row, &Situation { slot, session, handle, pointers }, expected);
                        }
                    }
                    let expected = [ck::CKR_SLOT_ID_INVALID, ck::CKR_FUNCTION_NOT_SUPPORTED];
                    let expected = if row.takes("slot") { &expected[..] } else { &[] };
                    check(
                        row,
                        &Situation { slot: u64::MAX, session: first, handle, pointers: Pointers::Good },
                        expected,
                    );
                }
                "null" => {
                    let number = ["slot", "session", "handle", "flags", "type", "len"];
                    let is_pointer = |at: &usize| !number.contains(&row.arguments[*at].as_str());
                    let mut pointers: Vec<_> =
                        (0..row.arguments.len()).filter(is_pointer).map(Pointers::NullAt).collect();
                    if !pointers.is_empty() {
                        pointers.push(Pointers::AllNull);
                    }
                    for pointers in pointers {
                        for session in [sessions[0], sessions[1], busy_session(module, slot, signer)] {
                            check(row, &Situation { slot, session, handle, pointers }, &[]);
                        }
                    }
                }
                _ => {
                    for handle in [handle, public, u64::MAX] {
                        for session in *sessions {
                            check(row, &Situation { slot, session, handle, pointers: Pointers::Good }, &[]);
                        }
                    }
                }
            }
        }
    }
    let seen: Vec<String> = seen.iter().map(|(rv, count)| format!("{} {count}", name(*rv))).collect();
    println!("seen: {}", seen.join(", "));
    println!("{}", if wrong == 0 { "ok" } else { "wrong" });
}

//! Session objects and the objects that describe the token, by whole calls against the fake daemon.

use std::{ptr, thread};

use cryptoki_sys::*;

use super::{
    super::table::*,
    calls::{Host, find, initialise, login, open},
    daemon::SLOT,
    lifecycle::forked,
    maker::VALUE_BYTE,
};

/// A template of owned values.
pub struct Wanted(Vec<(u64, Vec<u8>)>);

impl Wanted {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn flag(mut self, kind: u64, on: bool) -> Self {
        self.0.push((kind, vec![u8::from(on)]));
        self
    }

    pub fn number(mut self, kind: u64, value: u64) -> Self {
        self.0.push((kind, value.to_ne_bytes().into()));
        self
    }

    pub fn text(mut self, kind: u64, value: &str) -> Self {
        self.0.push((kind, value.into()));
        self
    }

    pub fn attributes(&mut self) -> Vec<CK_ATTRIBUTE> {
        let attribute = |(kind, value): &mut (u64, Vec<u8>)| CK_ATTRIBUTE {
            type_: *kind,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as u64,
        };
        self.0.iter_mut().map(attribute).collect()
    }
}

/// C_FindObjects of all that fit.
pub fn search(session: u64, mut wanted: Wanted) -> Vec<u64> {
    let mut template = wanted.attributes();
    assert_eq!(unsafe { C_FindObjectsInit(session, template.as_mut_ptr(), template.len() as u64) }, CKR_OK);
    let (mut found, mut count) = (vec![0; 64], 0);
    assert_eq!(unsafe { C_FindObjects(session, found.as_mut_ptr(), 64, &mut count) }, CKR_OK);
    assert_eq!(unsafe { C_FindObjectsFinal(session) }, CKR_OK);
    found.truncate(count as usize);
    found
}

/// C_GenerateKey of an AES key.
pub fn generate(session: u64, mut wanted: Wanted) -> Result<u64, CK_RV> {
    let mut mechanism = CK_MECHANISM { mechanism: CKM_AES_KEY_GEN, ..Default::default() };
    let (mut template, mut key) = (wanted.attributes(), 0);
    let count = template.len() as u64;
    match unsafe { C_GenerateKey(session, &mut mechanism, template.as_mut_ptr(), count, &mut key) } {
        CKR_OK => Ok(key),
        rv => Err(rv),
    }
}

fn labelled(label: &str) -> Wanted {
    Wanted::new().text(CKA_LABEL, label)
}

fn local(label: &str) -> Wanted {
    labelled(label).flag(CKA_TOKEN, false)
}

/// One attribute with room for so many bytes; none asks for the length.
pub fn read(session: u64, object: u64, kind: u64, room: usize) -> (CK_RV, u64, Vec<u8>) {
    let mut value = vec![0; room];
    let place = if room == 0 { ptr::null_mut() } else { value.as_mut_ptr().cast() };
    let mut wanted = CK_ATTRIBUTE { type_: kind, pValue: place, ulValueLen: room as u64 };
    let rv = unsafe { C_GetAttributeValue(session, object, &mut wanted, 1) };
    (rv, wanted.ulValueLen, value)
}

fn set(session: u64, object: u64, mut wanted: Wanted) -> CK_RV {
    let mut template = wanted.attributes();
    unsafe { C_SetAttributeValue(session, object, template.as_mut_ptr(), template.len() as u64) }
}

fn is_gone(session: u64, object: u64) -> bool {
    read(session, object, CKA_CLASS, 8).0 == CKR_OBJECT_HANDLE_INVALID
}

#[test]
fn session_objects_are_found_here() {
    let host = Host::logged_in();
    let read_only = open(0).unwrap();
    assert_eq!(generate(read_only, labelled("a").flag(CKA_TOKEN, true)), Err(CKR_SESSION_READ_ONLY));
    let (a, b) = (generate(read_only, labelled("a")).unwrap(), generate(host.session, labelled("b")).unwrap());
    assert_eq!(host.daemon.asked(), ["generate key", "generate key"]);
    assert_eq!(search(host.session, local("a")), [a], "each session of the application sees it");
    assert_eq!(search(host.session, Wanted::new().flag(CKA_TOKEN, false)), [a, b]);
    assert_eq!(search(host.session, local("c")), []);
    assert_eq!(read(host.session, a, CKA_LABEL, 8).2[0], b'a');
    assert_eq!(host.daemon.asked(), [""; 0], "no call for what is here");
    assert_eq!(search(host.session, labelled("a")), [a]);
    assert_eq!(search(host.session, labelled("a").flag(CKA_TOKEN, true)), []);
    assert_eq!(host.daemon.asked(), ["find", "find"], "where a token object could be, the daemon is asked");
    let [_, found @ ..] = &find(host.session, CKO_SECRET_KEY)[..] else { panic!("two keys") };
    assert_eq!(found, [b]);
    let mut public_pair = Wanted::new().text(CKA_LABEL, "web");
    public_pair = public_pair.number(CKA_CLASS, CKO_PUBLIC_KEY);
    assert_eq!(search(host.session, public_pair).len(), 1, "the token's own are found as before");
}

#[test]
fn objects_end_with_their_session_and_private_ones_with_the_login() {
    let host = Host::start();
    let early = generate(host.session, labelled("early")).unwrap();
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
    let other = open(0).unwrap();
    let (mine, others) = (generate(host.session, labelled("k")).unwrap(), generate(other, labelled("k")).unwrap());
    assert_eq!(search(host.session, local("k")), [mine, others]);
    assert_eq!(unsafe { C_CloseSession(other) }, CKR_OK);
    assert_eq!(search(host.session, local("k")), [mine]);
    assert!(is_gone(host.session, others) && !is_gone(host.session, mine));
    assert_eq!(unsafe { C_Logout(host.session) }, CKR_OK);
    assert!(is_gone(host.session, mine));
    assert_eq!(search(host.session, Wanted::new().flag(CKA_TOKEN, false)), [early]);
    assert_eq!(unsafe { C_DestroyObject(host.session, early) }, CKR_OK);
    assert_eq!(unsafe { C_DestroyObject(host.session, early) }, CKR_OBJECT_HANDLE_INVALID);
    generate(host.session, labelled("k")).unwrap();
    assert_eq!(unsafe { C_CloseAllSessions(SLOT) }, CKR_OK);
    assert_eq!(search(open(0).unwrap(), Wanted::new().flag(CKA_TOKEN, false)), []);
}

#[test]
fn an_object_made_before_login_is_used_after_it() {
    let host = Host::start();
    let early = generate(host.session, labelled("early")).unwrap();
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_OK);
    let late = generate(host.session, labelled("late")).unwrap();
    // The fake daemon opens each for its own owner only.
    assert_eq!(read(host.session, early, CKA_VALUE, 32).0, CKR_OK);
    assert_eq!(read(host.session, late, CKA_VALUE, 32).0, CKR_OK);
    assert_eq!(set(host.session, early, labelled("earlier")), CKR_OK);
    assert_eq!(unsafe { C_Logout(host.session) }, CKR_OK);
    assert_eq!(search(host.session, local("earlier")), [early]);
    assert_eq!(read(host.session, early, CKA_VALUE, 32).0, CKR_OK);
    assert_eq!(host.daemon.world.lock().unwrap().applications.len(), 1);
}

#[test]
fn values_that_may_be_read_are_asked_for_and_not_kept() {
    let host = Host::logged_in();
    let key = generate(host.session, labelled("k")).unwrap();
    host.daemon.asked();
    assert_eq!(read(host.session, key, CKA_VALUE, 0), (CKR_OK, 32, vec![]));
    assert_eq!(host.daemon.asked(), [""; 0], "CKA_VALUE_LEN tells the length");
    assert_eq!(read(host.session, key, CKA_VALUE, 32), (CKR_OK, 32, vec![VALUE_BYTE; 32]));
    assert_eq!(read(host.session, key, CKA_VALUE, 31).0, CKR_BUFFER_TOO_SMALL);
    assert_eq!(host.daemon.asked(), ["values", "values"]);
    assert_eq!(read(host.session, key, CKA_PRIME_1, 32).0, CKR_ATTRIBUTE_SENSITIVE, "the daemon did not tell it");
    assert_eq!(read(host.session, key, CKA_MODULUS, 32).0, CKR_ATTRIBUTE_TYPE_INVALID);
    assert_eq!(search(host.session, local("k").text(CKA_VALUE, "Z")), [], "nobody finds a key by its value");
}

#[test]
fn changed_attributes_are_found_and_no_change_is_lost() {
    let host = Host::logged_in();
    let read_only = open(0).unwrap();
    let key = generate(host.session, labelled("old")).unwrap();
    assert_eq!(set(read_only, key, labelled("new")), CKR_OK, "a session object needs no read/write session");
    assert_eq!(search(host.session, local("old")), []);
    assert_eq!(search(host.session, local("new")), [key]);
    thread::scope(|scope| {
        for (kind, text) in [(CKA_ID, "id"), (CKA_LABEL, "label"), (CKA_APPLICATION, "application")] {
            scope.spawn(move || {
                let session = open(0).unwrap();
                for _ in 0..20 {
                    assert_eq!(set(session, key, Wanted::new().text(kind, text)), CKR_OK);
                }
            });
        }
    });
    let all = local("label").text(CKA_ID, "id").text(CKA_APPLICATION, "application");
    assert_eq!(search(host.session, all), [key]);
}

#[test]
fn a_child_has_its_parents_session_objects_until_it_starts_fresh() {
    let host = Host::start();
    let early = generate(host.session, labelled("early")).unwrap();
    let fine = forked(|| {
        let found = search(host.session, local("early")) == [early];
        let used = read(host.session, early, CKA_VALUE, 32).0 == CKR_OK;
        let fresh = initialise(&host.daemon) == CKR_OK
            && open(0).is_ok_and(|session| {
                search(session, local("early")).is_empty() && generate(session, labelled("own")).is_ok()
            });
        found && used && fresh
    });
    assert!(fine);
    assert_eq!(read(host.session, early, CKA_VALUE, 32).0, CKR_OK);
    let applications = host.daemon.world.lock().unwrap().applications.clone();
    assert_eq!(applications.len(), 2, "the child's own C_Initialize made it another application");
    assert!(applications.iter().all(|application| application.len() == 16));
}

#[test]
fn profiles_and_mechanisms_show_to_who_asks_for_them() {
    let host = Host::start();
    let profiles = search(host.session, Wanted::new().number(CKA_CLASS, CKO_PROFILE));
    assert_eq!(profiles.len(), 4);
    assert_eq!(search(host.session, Wanted::new().number(CKA_CLASS, CKO_PROFILE)), profiles);
    let baseline = Wanted::new().number(CKA_CLASS, CKO_PROFILE).number(CKA_PROFILE_ID, CKP_BASELINE_PROVIDER);
    assert_eq!(search(host.session, baseline), profiles[..1]);
    let gcm = Wanted::new().number(CKA_CLASS, CKO_MECHANISM).number(CKA_MECHANISM_TYPE, CKM_AES_GCM);
    let [gcm] = search(host.session, gcm)[..] else { panic!("one mechanism") };
    assert_eq!(read(host.session, gcm, CKA_LABEL, 11), (CKR_OK, 11, b"CKM_AES_GCM".to_vec()));
    assert_eq!(host.daemon.asked(), [""; 0]);
    assert_eq!(unsafe { C_DestroyObject(host.session, gcm) }, CKR_ACTION_PROHIBITED);
    assert_eq!(set(host.session, gcm, labelled("x")), CKR_ACTION_PROHIBITED);
    let everything = search(host.session, Wanted::new());
    assert!(!everything.iter().any(|handle| profiles.contains(handle)), "who lists all sees keys");
}

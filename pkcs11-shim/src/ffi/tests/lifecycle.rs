//! C_Initialize, C_Finalize, fork() and panics.

use std::{
    ffi::c_void,
    ptr,
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use cryptoki_sys::*;

use super::{
    super::{guard, table::*},
    calls::{Host, find, initialise, login, open, sign, sign_init},
    turn,
};

unsafe extern "C" fn create(_: *mut *mut c_void) -> CK_RV {
    CKR_GENERAL_ERROR
}

unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    CKR_GENERAL_ERROR
}

fn args(form: usize) -> Option<CK_C_INITIALIZE_ARGS> {
    let mutexes = CK_C_INITIALIZE_ARGS {
        CreateMutex: Some(create),
        DestroyMutex: Some(other),
        LockMutex: Some(other),
        UnlockMutex: Some(other),
        ..Default::default()
    };
    match form % 3 {
        0 => None,
        1 => Some(CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, ..Default::default() }),
        _ => Some(mutexes),
    }
}

#[test]
fn sixteen_threads_race() {
    let _turn = turn();
    for _ in 0..50 {
        let (barrier, won, ended) = (Barrier::new(16), AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for form in 0..16 {
                let (barrier, won, ended) = (&barrier, &won, &ended);
                scope.spawn(move || {
                    let mut args = args(form);
                    let pointer = args.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
                    barrier.wait();
                    match unsafe { C_Initialize(pointer.cast()) } {
                        CKR_OK => won.fetch_add(1, Ordering::SeqCst),
                        rv => {
                            assert_eq!(rv, CKR_CRYPTOKI_ALREADY_INITIALIZED);
                            0
                        }
                    };
                    barrier.wait();
                    match unsafe { C_Finalize(ptr::null_mut()) } {
                        CKR_OK => ended.fetch_add(1, Ordering::SeqCst),
                        rv => {
                            assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
                            0
                        }
                    };
                });
            }
        });
        assert_eq!((won.into_inner(), ended.into_inner()), (1, 1));
    }
}

#[test]
fn before_and_after() {
    let _turn = turn();
    let mut count = 0;
    // Not initialised comes before every other mistake.
    assert_eq!(unsafe { C_GetSlotList(0, ptr::null_mut(), ptr::null_mut()) }, CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_eq!(unsafe { C_GetInfo(ptr::null_mut()) }, CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_eq!(unsafe { C_Finalize(ptr::null_mut()) }, CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_eq!(unsafe { C_Finalize((&raw mut count).cast()) }, CKR_CRYPTOKI_NOT_INITIALIZED);
    assert_eq!(
        unsafe {
            C_EncapsulateKey(
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        },
        CKR_CRYPTOKI_NOT_INITIALIZED
    );
    let mut partial = CK_C_INITIALIZE_ARGS { LockMutex: Some(other), ..Default::default() };
    assert_eq!(unsafe { C_Initialize((&raw mut partial).cast()) }, CKR_ARGUMENTS_BAD);
    assert_eq!(unsafe { C_Initialize(ptr::null_mut()) }, CKR_OK);
    assert_eq!(unsafe { C_GetInfo(ptr::null_mut()) }, CKR_ARGUMENTS_BAD);
    assert_eq!(unsafe { C_Finalize((&raw mut count).cast()) }, CKR_ARGUMENTS_BAD);
    assert_eq!(unsafe { C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut count, ptr::null_mut()) }, CKR_NO_EVENT);
    thread::scope(|scope| {
        let waits = || unsafe { C_WaitForSlotEvent(0, &mut 0, ptr::null_mut()) };
        let waiter = scope.spawn(waits);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(unsafe { C_Finalize(ptr::null_mut()) }, CKR_OK);
        assert_eq!(waiter.join().unwrap(), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn a_panic_stays_inside() {
    let _turn = turn();
    unsafe { *libc::__errno_location() = 77 };
    assert_eq!(guard("C_Test", |_| panic!("a bug")), CKR_GENERAL_ERROR);
    assert_eq!(unsafe { *libc::__errno_location() }, 77);
}

/// Runs `child` in a child process; true if it returned true.
pub fn forked(child: impl FnOnce() -> bool) -> bool {
    match unsafe { libc::fork() } {
        0 => {
            let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(false);
            unsafe { libc::_exit(if fine { 0 } else { 1 }) }
        }
        child => {
            let mut status = 0;
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            status == 0
        }
    }
}

#[test]
fn a_child_goes_on_and_starts_fresh() {
    let host = Host::logged_in();
    let key = find(host.session, CKO_PRIVATE_KEY)[0];
    let others = open(0).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(sign_init(others, CKM_ECDSA, key), CKR_OK));
    });
    assert_eq!(sign_init(host.session, CKM_ECDSA, key), CKR_OK);
    let fine = forked(|| {
        // Its own operation, the same handles, still logged in; nothing of a thread that is not here.
        sign(host.session, &[1; 32], 64).is_ok()
            && sign(others, &[1; 32], 64) == Err((CKR_OPERATION_NOT_INITIALIZED, 64))
            && sign_init(others, CKM_ECDSA, key) == CKR_OK
            && sign(others, &[1; 32], 64).is_ok()
            && find(host.session, CKO_PRIVATE_KEY) == [key]
            // A grandchild, too.
            && forked(|| sign_init(others, CKM_ECDSA, key) == CKR_OK && sign(others, &[1; 32], 64).is_ok())
            && initialise(&host.daemon) == CKR_OK
            && initialise(&host.daemon) == CKR_CRYPTOKI_ALREADY_INITIALIZED
            && sign_init(host.session, CKM_ECDSA, key) == CKR_SESSION_HANDLE_INVALID
            && open(0).is_ok_and(|session| find(session, CKO_PRIVATE_KEY).is_empty())
            && unsafe { C_Finalize(ptr::null_mut()) } == CKR_OK
            && unsafe { C_Finalize(ptr::null_mut()) } == CKR_CRYPTOKI_NOT_INITIALIZED
    });
    assert!(fine);
    // The parent has noticed nothing.
    host.daemon.asked();
    assert!(sign(host.session, &[1; 32], 64).is_ok());
    assert!(sign(others, &[1; 32], 64).is_ok());
    assert_eq!(host.daemon.asked(), ["sign", "sign"]);
}

#[test]
fn forks_among_calls() {
    let host = Host::logged_in();
    let key = find(host.session, CKO_PRIVATE_KEY)[0];
    let stop = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let session = open(0).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(sign_init(session, CKM_ECDSA, key), CKR_OK);
                    assert!(sign(session, &[1; 32], 64).is_ok());
                }
            });
        }
        for _ in 0..20 {
            let signs =
                || sign_init(host.session, CKM_ECDSA, key) == CKR_OK && sign(host.session, &[1; 32], 64).is_ok();
            assert!(forked(signs));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_child_made_without_telling() {
    let host = Host::logged_in();
    let key = find(host.session, CKO_PRIVATE_KEY)[0];
    // A bare clone() runs no handler; the wiped page tells.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } as i32;
    if child == 0 {
        let rv = sign_init(host.session, CKM_ECDSA, key);
        let fresh = initialise(&host.daemon);
        unsafe { libc::_exit(if (rv, fresh) == (CKR_OK, CKR_OK) { 0 } else { 1 }) }
    }
    let mut status = 0;
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    assert_eq!(login(host.session, CKU_USER, "1234"), CKR_USER_ALREADY_LOGGED_IN);
}

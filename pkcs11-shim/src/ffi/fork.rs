//! What must happen around fork(): handlers that hold the module's locks over it, and a page that the kernel wipes in
//! any child, told or not. What the state looks like afterwards is `module`'s.

use std::{
    cell::UnsafeCell,
    os::fd::BorrowedFd,
    ptr,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering},
    },
};

use crate::{
    error::Result,
    module::{MODULE, Module, State},
    transport::{Client, ForkGuard, Inherited},
};

/// A byte that is 1 in a process that knows itself and 0 in a child nobody told us about. Null until prepared, and
/// where the kernel has no MADV_WIPEONFORK.
static MARK: AtomicPtr<AtomicU8> = AtomicPtr::new(ptr::null_mut());

/// Locks taken before fork() and released after it.
static HELD: Held = Held(UnsafeCell::new(None));

struct Held(UnsafeCell<Option<Locks>>);

// SAFETY: touched only by the handlers, and only between taking the state's lock and releasing it; the lock is inside.
unsafe impl Sync for Held {}

/// Dropped in the order of the fields: the client's locks, our share of the client, the state's lock.
struct Locks {
    client_guard: Option<ForkGuard<'static>>,
    client: Option<Arc<Client>>,
    state: MutexGuard<'static, State>,
}

/// Once per process: registers the fork handlers, makes the page, and silences the panics that `guard` catches.
pub fn prepare_process() {
    static PREPARED: AtomicBool = AtomicBool::new(false);
    if PREPARED.swap(true, Ordering::SeqCst) {
        return;
    }
    MARK.store(wiped_page(), Ordering::SeqCst);
    // SAFETY: the handlers stay mapped for the life of the process (`-z nodelete`).
    unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
    // This is the hook of the module's own copy of the standard library; the host's is another. The default one would
    // write to the host's standard error.
    if !cfg!(test) {
        std::panic::set_hook(Box::new(|info| MODULE.log_unless_locked().line(&info.to_string())));
    }
}

/// A page that is zero in every child, marked.
fn wiped_page() -> *mut AtomicU8 {
    const LEN: usize = 4096;
    // SAFETY: a new private mapping at an address of the kernel's choice; checked before use.
    let page = unsafe {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        libc::mmap(ptr::null_mut(), LEN, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if page == libc::MAP_FAILED {
        return ptr::null_mut();
    }
    // SAFETY: exactly the mapping made above, which nobody else knows.
    if unsafe { libc::madvise(page, LEN, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above; not used afterwards.
        unsafe { libc::munmap(page, LEN) };
        return ptr::null_mut();
    }
    set_mark(page.cast());
    page.cast()
}

fn set_mark(mark: *mut AtomicU8) {
    // SAFETY: null, or the page of `wiped_page`, which is never unmapped once it is marked.
    if let Some(mark) = unsafe { mark.as_ref() } {
        mark.store(1, Ordering::SeqCst);
    }
}

/// At every entry: whether this is a child that the handlers did not see (a bare clone()).
pub fn check(module: &Module) -> Result<()> {
    // SAFETY: as in `set_mark`.
    let Some(mark) = (unsafe { MARK.load(Ordering::Relaxed).as_ref() }) else { return Ok(()) };
    if mark.load(Ordering::Relaxed) == 0 {
        module.after_unannounced_fork()?;
        mark.store(1, Ordering::SeqCst);
    }
    Ok(())
}

extern "C" fn before() {
    let (state, client) = MODULE.before_fork();
    let client_guard = client.as_ref().map(|client| {
        let client: *const Client = Arc::as_ptr(client);
        // SAFETY: `Locks` keeps the client alive for longer than the guard, which it drops first.
        unsafe { &*client }.before_fork()
    });
    // SAFETY: the state's lock is held, so no other handler is between `before` and `take`.
    unsafe { *HELD.0.get() = Some(Locks { client_guard, client, state }) };
}

/// What `before` left.
fn take() -> Option<Locks> {
    // SAFETY: the calling thread holds the state's lock since `before`; nobody else touches the cell.
    unsafe { (*HELD.0.get()).take() }
}

extern "C" fn after_in_parent() {
    drop(take());
}

/// Closes a descriptor of the parent's, if the number still means what it meant: hosts that daemonize close and reuse
/// numbers. Never a shutdown(): the connection is the parent's too.
fn close(inherited: &Inherited) {
    if inherited.number < 0 {
        return;
    }
    // SAFETY: used for one fstat, which at worst says that the number is no descriptor.
    let status = rustix::fs::fstat(unsafe { BorrowedFd::borrow_raw(inherited.number) });
    if status.is_ok_and(|status| inherited.is_still(status.st_dev, status.st_ino)) {
        // SAFETY: the socket that the transport made and, in this process, has just forgotten: nobody else has it.
        unsafe { rustix::io::close(inherited.number) };
    }
}

extern "C" fn after_in_child() {
    let Some(Locks { client_guard, client, mut state }) = take() else { return };
    if let Some(guard) = client_guard {
        Client::after_fork_in_child(guard).iter().for_each(close);
    }
    state.after_fork_in_child();
    set_mark(MARK.load(Ordering::SeqCst));
    drop(client);
    drop(state);
}

//! A host that forks after it has logged in: one scenario of `tests/it/fork.rs` at a time. A failed check panics, in whichever process;
//! a process that hangs is ended by its alarm.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    env, fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use softkeep_tests::{
    PIN,
    raw::{Kind, Module, Signer, ck, must, name},
    raw_call,
};

/// The whole scenario, and a child in it.
const SCENARIO_SECONDS: u32 = 100;
const STORM_CHILD_SECONDS: u32 = 15;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let number = |index: usize| arguments.get(index).map_or(0, |text| text.parse::<u64>().unwrap());
    set_alarm(SCENARIO_SECONDS);
    match arguments[1].as_str() {
        "both" => both(number(2)),
        "storm" => storm(number(2)),
        "fresh" => fresh(),
        "generations" => generations(),
        "once" => drop(must("a fresh program signs", Host::start().ec().sign_and_verify(b"fresh program"))),
        "daemonize" => daemonize(),
        "operations" => operations(),
        other => panic!("no scenario {other}"),
    }
    println!("ok");
}

fn set_alarm(seconds: u32) {
    // SAFETY: no pointers; the default action of SIGALRM ends the process, which is what is wanted.
    unsafe { libc::alarm(seconds) };
}

/// Runs `work` in a child; its process id.
fn fork(seconds: u32, work: impl FnOnce()) -> i32 {
    // SAFETY: this is what is tested. The child runs our code and the module's, as forking hosts do, and ends by _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            set_alarm(seconds);
            let done = catch_unwind(AssertUnwindSafe(work));
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        child => child,
    }
}

/// Waits for a child, which must have ended well.
fn reap(child: i32) {
    let mut status = 0;
    // SAFETY: the status is ours to write.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(!libc::WIFSIGNALED(status), "child {child} was ended by signal {} (14: it hung)", libc::WTERMSIG(status));
    assert_eq!(libc::WEXITSTATUS(status), 0, "child {child} failed");
}

/// Forks, and waits for a child that does `work`.
fn in_child(work: impl FnOnce()) {
    reap(fork(SCENARIO_SECONDS - 10, work));
}

#[derive(Clone, Copy)]
struct Host {
    module: Module,
    slot: u64,
    session: u64,
}

impl Host {
    fn start() -> Self {
        let module = Module::load();
        assert_eq!(name(module.initialize()), "CKR_OK");
        Self::logged_in(module)
    }

    fn logged_in(module: Module) -> Self {
        let slot = must("slot", module.slot());
        let session = must("open", module.open(slot));
        assert_eq!(name(module.login(session, ck::CKU_USER, PIN)), "CKR_OK");
        Self { module, slot, session }
    }

    fn generate(self, kind: Kind, label: &str) -> Signer {
        let (public, private) = must("generate", self.module.generate(self.session, kind, label));
        Signer { module: self.module, slot: self.slot, session: self.session, kind, public, private }
    }

    /// The key that the test has made with the CLI.
    fn ec(self) -> Signer {
        must("find the key", Signer::find(self.module, self.slot, self.session, Kind::Ec, "ec"))
    }
}

/// Four threads sign `count` times each and check every signature.
fn sign_a_lot(signers: [Signer; 2], who: &str, count: u64) {
    let threads = (0..4usize).map(|thread| {
        let (signer, who) = (signers[thread % 2], who.to_owned());
        thread::spawn(move || {
            let signer = signer.in_session(must("open", signer.module.open(signer.slot)));
            for index in 0..count {
                let data = format!("{who} {thread} {index}");
                must("sign and verify", signer.sign_and_verify(data.as_bytes()));
            }
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
}

fn both(count: u64) {
    let host = Host::start();
    let signers = [host.generate(Kind::Rsa, "forked-rsa"), host.generate(Kind::Ec, "forked-ec")];
    for signer in signers {
        must("before fork", signer.sign_and_verify(b"before"));
    }
    let child = fork(SCENARIO_SECONDS - 10, || {
        // For openssl, by the parent's handles and session.
        let signature = must("child signs", signers[0].sign_and_verify(b"signed by the child"));
        fs::write("child.sig", signature).unwrap();
        sign_a_lot(signers, "child", count);
    });
    sign_a_lot(signers, "parent", count);
    reap(child);
    for signer in signers {
        must("the parent goes on", signer.sign_and_verify(b"after"));
    }
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn storm(forks: u64) {
    let host = Host::start();
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let threads = (0..8).map(|_| {
        let (stop, rounds) = (Arc::clone(&stop), Arc::clone(&rounds));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let session = must("open", host.module.open(host.slot));
                let host = Host { session, ..host };
                let round = rounds.fetch_add(1, Ordering::Relaxed);
                let signer = host.ec();
                let data = format!("thread {round}");
                let signature = signer.module.sign(session, signer.kind.mechanism(), signer.private, data.as_bytes());
                let signature = must("a thread signs", signature);
                if round.is_multiple_of(16) {
                    let mechanism = signer.kind.mechanism();
                    must(
                        "verify",
                        signer.module.verify(session, mechanism, signer.public, data.as_bytes(), &signature),
                    );
                }
                must("close", host.module.close(session));
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    while rounds.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    let before = open_descriptors();
    for index in 0..forks {
        let child = fork(STORM_CHILD_SECONDS, || {
            let host = Host { session: must("open in child", host.module.open(host.slot)), ..host };
            must("child signs", host.ec().sign_and_verify(format!("child {index}").as_bytes()));
        });
        reap(child);
    }
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    // A pool of at most four connections may still have grown; a descriptor lost for each fork would be a thousand.
    assert!(open_descriptors() <= before + 4, "descriptors: {before} before, {} after", open_descriptors());
    println!("{} rounds in threads", rounds.load(Ordering::Relaxed));
}

fn fresh() {
    let host = Host::start();
    let (module, parents) = (host.module, host.ec());
    in_child(|| {
        assert_eq!(name(module.initialize()), "CKR_OK");
        assert_eq!(module.session_state(parents.session), Err(ck::CKR_SESSION_HANDLE_INVALID));
        let slot = must("slot", module.slot());
        let session = must("open", module.open(slot));
        assert_eq!(module.session_state(session), Ok(ck::CKS_RW_PUBLIC_SESSION), "logged out");
        assert_eq!(module.find(session, ck::CKO_PRIVATE_KEY, ""), Ok(Vec::new()), "private objects are invisible");
        let refused = module.sign_init(session, ck::CKM_ECDSA_SHA256, parents.private);
        assert_eq!(refused, Err(ck::CKR_KEY_HANDLE_INVALID), "the parent's handle");
        assert_eq!(name(module.initialize()), "CKR_CRYPTOKI_ALREADY_INITIALIZED");
        must("close", module.close(session));
        must("signs after its own login", Host::logged_in(module).ec().sign_and_verify(b"fresh child"));
        assert_eq!(name(module.finalize()), "CKR_OK");
        assert_eq!(name(module.finalize()), "CKR_CRYPTOKI_NOT_INITIALIZED");
    });
    must("the parent, after the child's fresh start", parents.sign_and_verify(b"parent"));
    in_child(|| {
        must("the child goes on", parents.sign_and_verify(b"child"));
        assert_eq!(name(module.finalize()), "CKR_OK");
        assert_eq!(parents.sign_and_verify(b"child"), Err(ck::CKR_CRYPTOKI_NOT_INITIALIZED));
        assert_eq!(name(module.initialize()), "CKR_OK");
        must("signs again", Host::logged_in(module).ec().sign_and_verify(b"child"));
    });
    in_child(|| assert_eq!(name(module.finalize()), "CKR_OK"));
    must("the parent, after the child's C_Finalize", parents.sign_and_verify(b"parent"));
    assert_eq!(name(module.initialize()), "CKR_CRYPTOKI_ALREADY_INITIALIZED");
}

/// Descriptors that are sockets.
fn sockets() -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

fn generations() {
    let before = sockets();
    let host = Host::start();
    let signer = host.ec();
    assert!(sockets() > before, "the parent is connected");
    in_child(|| {
        assert_eq!(sockets(), before, "the child keeps no descriptor of its parent's connections");
        in_child(|| {
            must("grandchild", signer.sign_and_verify(b"grandchild"));
        });
        must("child", signer.sign_and_verify(b"child"));
        in_child(|| {
            in_child(|| drop(must("fourth generation", signer.sign_and_verify(b"fourth generation"))));
        });
    });
    in_child(|| {
        // exec gives back only an error.
        panic!("{}", Command::new("/proc/self/exe").arg("once").exec());
    });
    let status = Command::new("/proc/self/exe").arg("once").status().unwrap();
    assert!(status.success(), "a spawned program: {status}");
    must("parent", signer.sign_and_verify(b"parent"));
}

/// What a daemonizing host does: every descriptor it does not know is closed.
fn close_all() {
    for number in 3..256 {
        // SAFETY: closing the descriptors of others is what is tested.
        unsafe { libc::close(number) };
    }
}

/// Files that take the numbers just closed.
struct Files(Vec<(fs::File, PathBuf)>);

impl Files {
    fn open(generation: &str) -> Self {
        let open = |index| {
            let path = Path::new(".").join(format!("{generation}.{index}"));
            (fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap(), path)
        };
        Self((0..32).map(open).collect())
    }

    fn check(&self) {
        for (file, path) in &self.0 {
            let held = file.metadata().unwrap_or_else(|error| panic!("{} was closed: {error}", path.display()));
            assert_eq!(held.ino(), fs::metadata(path).unwrap().ino(), "{} is another file now", path.display());
            assert_eq!(held.len(), 0, "something was written to {}", path.display());
        }
    }
}

fn daemonize() {
    let host = Host::start();
    let signer = host.ec();
    in_child(|| {
        close_all();
        let files = Files::open("first");
        must("after closing the parent's descriptors", signer.sign_and_verify(b"daemon"));
        files.check();
        std::mem::forget(files);
        // Again: now the numbers are those of connections that this process has made itself.
        close_all();
        let files = Files::open("second");
        must("after closing its own descriptors", signer.sign_and_verify(b"daemon"));
        files.check();
        in_child(|| {
            files.check();
            must("a worker of the daemon", signer.sign_and_verify(b"worker"));
            files.check();
        });
        files.check();
        assert_eq!(name(signer.module.finalize()), "CKR_OK");
        files.check();
    });
    // Closed before the fork: the handler in the child must look before it closes.
    in_child(|| {
        must("connects", signer.sign_and_verify(b"daemon"));
        close_all();
        let files = Files::open("third");
        in_child(|| {
            files.check();
            must("a worker of the daemon", signer.sign_and_verify(b"worker"));
            files.check();
        });
        files.check();
    });
    must("the parent", signer.sign_and_verify(b"parent"));
}

fn operations() {
    let host = Host::start();
    let (module, mechanism) = (host.module, ck::CKM_ECDSA_SHA256);
    let signer = host.ec();
    let [theirs, ours, parts] = [(); 3].map(|()| must("open", module.open(host.slot)));
    let (begun, is_begun) = mpsc::channel();
    let (resume, resumed) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        must("another thread begins", module.sign_init(theirs, mechanism, signer.private));
        begun.send(()).unwrap();
        resumed.recv().unwrap();
        module.sign_now(theirs, b"data")
    });
    is_begun.recv().unwrap();
    must("the forking thread begins", module.sign_init(ours, mechanism, signer.private));
    must("the forking thread begins", module.sign_init(parts, mechanism, signer.private));
    assert_eq!(raw_call!(module, C_SignUpdate(parts, b"first ".as_ptr().cast_mut(), 6)), ck::CKR_OK);
    let finish = || {
        let signature = must("goes on", module.sign_now(ours, b"data"));
        must("verify", module.verify(host.session, mechanism, signer.public, b"data", &signature));
        assert_eq!(raw_call!(module, C_SignUpdate(parts, b"last".as_ptr().cast_mut(), 4)), ck::CKR_OK);
        let (mut signature, mut len) = ([0; 64], 64);
        assert_eq!(raw_call!(module, C_SignFinal(parts, signature.as_mut_ptr(), &mut len)), ck::CKR_OK);
        must("verify", module.verify(host.session, mechanism, signer.public, b"first last", &signature));
    };
    in_child(|| {
        assert_eq!(
            module.sign_now(theirs, b"data"),
            Err(ck::CKR_OPERATION_NOT_INITIALIZED),
            "of a thread that is not here"
        );
        let (mut len, data) = (0, b"data".as_ptr().cast_mut());
        let query = raw_call!(module, C_Sign(theirs, data, 4, ptr::null_mut(), &mut len));
        assert_eq!(query, ck::CKR_OPERATION_NOT_INITIALIZED);
        finish();
        must("begins anew in that session", module.sign(theirs, mechanism, signer.private, b"new"));
    });
    finish();
    resume.send(()).unwrap();
    let signature = must("the other thread goes on in the parent", other.join().unwrap());
    must("verify", module.verify(host.session, mechanism, signer.public, b"data", &signature));
}

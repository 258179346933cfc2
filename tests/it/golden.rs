//! What the built module is, seen from outside: its symbols, libraries, link flags and size. A change here is either meant, and then
//! `UPDATE_EXPECT=1` writes the golden files anew, or it is somebody's dependency on its way into every host process.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use softkeep_tests::{bin_dir, module, stdout_of, tools::tool};

/// No host wants these behind its back: threads, and the file descriptors of an event loop.
const NEVER_IMPORTED: [&str; 8] =
    ["pthread_create", "clone", "clone3", "epoll_", "eventfd", "timerfd", "signalfd", "inotify_"];
/// What only an optimised build is free of: destructors of thread-locals, which would run in a host's thread after the module's end, and
/// aws-lc's hooks, which a host could supply.
const NEVER_IN_RELEASE: [&str; 4] = ["__cxa_thread_atexit", "pthread_key_create", "OPENSSL_", "sdallocx"];
/// The release build has 5.1 MB: TLS is some 2.5 of it, the lattices, curves and hashes most of the rest. Much less would be
/// a module without one of them, and much more a library that was not meant.
const RELEASE_BYTES: std::ops::Range<u64> = 3_500_000..6_500_000;

fn is_release() -> bool {
    bin_dir().ends_with("release")
}

fn readelf(arguments: &[&str]) -> String {
    stdout_of(Command::new(tool("readelf", "binutils")).args(arguments).arg(module()))
}

/// Names of dynamic symbols, without their versions.
fn symbols(which: &str) -> BTreeSet<String> {
    let text = stdout_of(Command::new(tool("nm", "binutils")).args(["-D", which, "--format=posix"]).arg(module()));
    let names = text.lines().filter_map(|line| line.split([' ', '@']).next());
    let names: BTreeSet<String> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    assert!(names.len() > 10, "nm says: {text}");
    names
}

/// Compares with a golden file, line by line; `UPDATE_EXPECT=1` writes it.
fn assert_golden(name: &str, lines: &BTreeSet<String>) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if env::var_os("UPDATE_EXPECT").is_some() {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&path, text).unwrap();
    }
    let expected: BTreeSet<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let (more, fewer): (Vec<_>, Vec<_>) = (lines.difference(&expected).collect(), expected.difference(lines).collect());
    assert!(more.is_empty() && fewer.is_empty(), "{name}: new: {more:?}, gone: {fewer:?} (UPDATE_EXPECT=1 if meant)");
}

#[test]
fn the_module_exports_the_functions_of_pkcs11_and_nothing_else() {
    let exported = symbols("--defined-only");
    assert_golden("module-exports.txt", &exported);
    let foreign: Vec<_> = exported.iter().filter(|name| !name.starts_with("C_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    // 2.40 has 68 functions; 3.0 adds 24, 3.2 another 12.
    assert_eq!(exported.len(), 68 + 24 + 12);
}

#[test]
fn the_module_needs_the_c_library_and_no_cryptography_of_the_machine() {
    let dynamic = readelf(&["--dynamic", "--wide"]);
    let libraries = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let libraries = libraries.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned()));
    let libraries: BTreeSet<String> = libraries.collect();
    assert!(!libraries.iter().any(|name| name.starts_with("libcrypto") || name.starts_with("libssl")), "{libraries:?}");
    assert_golden("module-needed.txt", &libraries);
}

#[test]
fn the_module_can_start_no_thread_and_wait_in_no_event_loop() {
    let imported = symbols("--undefined-only");
    let never = NEVER_IMPORTED.iter().chain(NEVER_IN_RELEASE.iter().filter(|_| is_release()));
    for never in never {
        let found: Vec<_> = imported.iter().filter(|name| name.starts_with(never)).collect();
        assert!(found.is_empty(), "imports {found:?}");
    }
    assert!(imported.contains("__register_atfork"), "fork is handled");
}

#[test]
fn the_module_is_bound_at_once_read_only_where_it_can_be_and_stays_mapped() {
    let (dynamic, segments) = (readelf(&["--dynamic", "--wide"]), readelf(&["--segments", "--wide"]));
    let flags = |tag: &str| dynamic.lines().find(|line| line.contains(tag)).unwrap_or_default().to_owned();
    assert!(flags("(FLAGS)").contains("BIND_NOW"), "{dynamic}");
    assert!(flags("(FLAGS)").contains("SYMBOLIC"), "{dynamic}");
    assert!(flags("(FLAGS_1)").contains("NODELETE"), "{dynamic}");
    for unwanted in ["(TEXTREL)", "(RPATH)", "(RUNPATH)"] {
        assert!(!dynamic.contains(unwanted), "{unwanted}: {dynamic}");
    }
    assert!(dynamic.contains("soname: [libsoftkeep_pkcs11.so]"), "{dynamic}");
    assert!(segments.contains("GNU_RELRO"), "{segments}");
    assert!(!segments.contains("RWE"), "writable and executable: {segments}");
}

#[test]
fn the_module_has_the_size_it_should_have() {
    let bytes = fs::metadata(module()).unwrap().len();
    if is_release() {
        assert!(RELEASE_BYTES.contains(&bytes), "{bytes} bytes");
    } else {
        assert!(bytes > RELEASE_BYTES.start, "{bytes} bytes");
    }
}

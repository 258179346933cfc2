//! The invariants of ARCHITECTURE.md that a search can see, held by the tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// The Rust files below a folder, with their text.
fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{below} has no sources");
    found
}

/// Whether the code says a word; comments, and the tests at the end of a file, are left out.
fn says(text: &str, word: &str) -> bool {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).any(|code| code.contains(word))
}

/// No file below a folder, but for those named, says a word.
fn only(below: &str, word: &str, allowed: &[&str]) {
    for (name, text) in sources(below) {
        let excused = allowed.iter().any(|prefix| name.starts_with(prefix)) || name.contains("/tests");
        assert!(excused || !says(&text, word), "{name} says {word}, which belongs to {allowed:?}");
    }
}

#[test]
fn each_crate_keeps_its_unsafe_in_one_room() {
    for word in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"] {
        only("daemon/src", word, &["daemon/src/crypto/ffi"]);
        only("pkcs11-shim/src", word, &["pkcs11-shim/src/ffi"]);
        only("cli/src", word, &[]);
        only("proto/src", word, &[]);
    }
}

#[test]
fn grpc_lives_in_the_doors() {
    only("daemon/src", "tonic", &["daemon/src/server"]);
    only("pkcs11-shim/src", "tonic", &[]);
}

#[test]
fn crypto_is_pure() {
    for word in
        ["tokio", "std::fs", "std::net", "async fn", "SystemTime", "crate::store", "crate::keys", "crate::policy"]
    {
        only("daemon/src/crypto", word, &[]);
    }
}

#[test]
fn the_store_knows_nothing_of_what_it_keeps() {
    for word in ["crate::keys", "crate::policy", "crate::identity", "crate::ops", "crate::crypto"] {
        only("daemon/src/store", word, &[]);
    }
}

#[test]
fn only_the_policy_room_grants() {
    only("daemon/src", "Authorized {", &["daemon/src/policy.rs"]);
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    only("daemon/src", "SystemTime::now", &["daemon/src/clock.rs"]);
}

#[test]
fn the_module_makes_no_thread_and_no_runtime() {
    for word in ["thread::spawn", "thread::Builder", "tokio::runtime", "tokio::net", "#[tokio::"] {
        only("pkcs11-shim/src", word, &[]);
    }
}

#[test]
fn the_clients_never_import_the_daemon() {
    for folder in ["pkcs11-shim/src", "cli/src", "proto/src"] {
        only(folder, "softkeep_daemon", &[]);
    }
}

#[test]
fn files_stay_readable() {
    for folder in ["proto/src", "daemon/src", "pkcs11-shim/src", "cli/src", "tests", "benches"] {
        for (name, text) in sources(folder) {
            assert!(text.lines().count() <= 600, "{name} has over 600 lines");
            assert!(
                text.trim_start().starts_with("//!") || name.contains("tests"),
                "{name} does not say what lives there"
            );
        }
    }
}

//! How the cdylib is linked; what is in it is decided elsewhere.

fn main() {
    // Set by cargo-fuzz, which builds this source as a library of its own (fuzz/Cargo.toml).
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    println!("cargo:rerun-if-changed=build.rs");
    // A host that calls dlclose keeps the code mapped: our atfork handlers must never point into unmapped memory.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A host with its own C_Sign (another module, a proxy) must not capture the calls between our own functions.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsoftkeep_pkcs11.so");
}

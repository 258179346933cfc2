//! The boundary from the outside: tables, views and whole calls as a C program makes them. The other side of the calls
//! is a fake daemon; the real one is tested where both are built.
#![allow(clippy::unwrap_used, clippy::undocumented_unsafe_blocks)]

mod calls;
mod daemon;
mod keys;
mod lifecycle;
mod maker;
mod objects;
mod operations;
mod state_machine;
mod tables;
mod vault;
mod views;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// There is one module in a process: tests of it take turns (cargo test runs them in threads).
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

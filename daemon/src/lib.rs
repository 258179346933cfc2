//! The Softkeep daemon: the rooms of `ARCHITECTURE.md`. `server` is on top and `store` at the bottom; each uses what is below it.
#![deny(unsafe_code)] // the one exception is the room `crypto/ffi`

pub mod audit;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod error;
pub mod id;
pub mod identity;
pub mod init;
pub mod jobs;
pub mod keys;
pub mod ops;
pub mod pins;
pub mod pipeline;
pub mod policy;
pub mod process;
pub mod server;
pub mod store;
pub mod workers;

//! One binary for all tests with real clients: they share the harness.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod audit;
mod bad_input;
mod cli;
mod cryptoki_crate;
mod fork;
mod gnutls;
mod golden;
mod host;
mod java;
mod nginx;
mod openssl_engine;
mod pin;
mod pkcs11_tool;
mod python_grpc;
mod restart;
mod run_dev;
mod ssh;
mod store;
mod tidy;

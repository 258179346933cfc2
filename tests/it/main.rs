//! One binary for all tests with real clients: they share the harness.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cli;
mod cryptoki_crate;
mod java;
mod nginx;
mod openssl_engine;
mod pkcs11_tool;
mod python_grpc;
mod run_dev;
mod ssh;
mod fork;
mod host;
mod restart;
mod gnutls;
mod golden;
mod pin;
mod audit;
mod store;
mod bad_input;
mod tidy;

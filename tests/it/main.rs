//! One binary for all tests with real clients: they share the harness.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod apache;
mod audit;
mod bad_input;
mod cli;
mod cryptoki_crate;
mod fork;
mod gnutls;
mod golden;
mod host;
mod java;
mod loading;
mod nginx;
mod nss;
mod opendnssec;
mod openssl_documents;
mod openssl_engine;
mod osslsigncode;
mod p11_kit;
mod pin;
mod pkcs11_tool;
mod pkcs11_tool_mechanisms;
mod python_grpc;
mod requests;
mod restart;
mod run_dev;
mod ssh;
mod ssh_login;
mod store;
mod threads;
mod tidy;
mod web;

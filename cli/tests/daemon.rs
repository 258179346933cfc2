//! The command line against a stand-in daemon over a real socket: how errors with their details are printed, whatever
//! the daemon says. What the real daemon answers is tested with the real one.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;
use softkeep_proto::v1::{
    GetStatusRequest, SealRequest, Status, UnsealRequest,
    system_server::{System, SystemServer},
};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Code, Request, Response, transport::Server};
use tonic_types::{ErrorDetails, StatusExt};

type Answer<T> = Result<Response<T>, tonic::Status>;

/// A sealed daemon; the passphrase chooses how unsealing fails.
#[derive(Clone, Default)]
struct Fake;

fn refuse<T>(code: Code, reason: &str, message: &str) -> Answer<T> {
    let mut details = ErrorDetails::with_error_info(reason, "softkeep", std::collections::HashMap::new());
    details.set_request_info("r-1", "");
    Err(tonic::Status::with_error_details(code, message, details))
}

#[tonic::async_trait]
impl System for Fake {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Answer<Status> {
        Ok(Response::new(Status { sealed: true, seal_reason: "no root key".to_owned(), ..Status::default() }))
    }
    async fn seal(&self, _: Request<SealRequest>) -> Answer<Status> {
        Ok(Response::new(Status { sealed: true, ..Status::default() }))
    }
    async fn unseal(&self, request: Request<UnsealRequest>) -> Answer<Status> {
        match request.get_ref().passphrase.as_str() {
            "right" => Ok(Response::new(Status::default())),
            "none" => refuse(Code::NotFound, "KEY_NOT_FOUND", "no key 'none'"),
            "denied" => refuse(Code::PermissionDenied, "PERMISSION_DENIED", "no"),
            "sealed" => refuse(Code::FailedPrecondition, "SEALED", "the daemon is sealed"),
            "escape" => refuse(Code::NotFound, "KEY_NOT_FOUND", "no key '\x1b[2J'"),
            "newer" => refuse(Code::Aborted, "A_REASON_OF_TOMORROW", "later"),
            "proxy" => Err(tonic::Status::permission_denied("a proxy says no")),
            _ => refuse(Code::Unauthenticated, "PIN_INCORRECT", "the passphrase is wrong"),
        }
    }
}

struct Bench {
    folder: TempDir,
    socket: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        // Ends with the test's process.
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let incoming = UnixListenerStream::new(UnixListener::from_std(listener).unwrap());
                let server = Server::builder().add_service(SystemServer::new(Fake));
                server.serve_with_incoming(incoming).await.unwrap();
            });
        });
        Self { folder, socket }
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_softkeep"));
        command.args(line.split_whitespace()).stdin(Stdio::null()).current_dir(self.folder.path());
        for name in ["SOFTKEEP_CONFIG", "SOFTKEEP_OUTPUT", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).env("SOFTKEEP_VAULT", "dev");
        command.env("SOFTKEEP_ENDPOINT", format!("unix://{}", self.socket.display())).output().unwrap()
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(line);
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn fails(&self, line: &str, exit: i32, words: &str) {
        let output = self.run(line);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{line}\n{text}");
        assert!(text.contains(words), "{line}\n{text}");
        assert!(output.stdout.is_empty(), "{line}");
    }

    fn unsealing_fails(&self, passphrase: &str, exit: i32, words: &str) {
        fs::write(self.folder.path().join("pass"), passphrase).unwrap();
        self.fails("unseal --passphrase-file pass", exit, words);
    }
}

#[test]
fn failures_have_codes() {
    let bench = Bench::new();
    bench.unsealing_fails(
        "none",
        3,
        "error: no key 'none'\n  code: KEY_NOT_FOUND (NotFound)  request: r-1\n  fix: softkeep key list",
    );
    bench.unsealing_fails("denied", 4, "PERMISSION_DENIED");
    bench.unsealing_fails("sealed", 5, "fix: softkeep status says why");
    bench.unsealing_fails("wrong", 4, "PIN_INCORRECT");
    bench.unsealing_fails("newer", 1, "code: ABORTED (Aborted)");
    bench.unsealing_fails("proxy", 4, "code: PERMISSION_DENIED (PermissionDenied)");
    bench.unsealing_fails("escape", 3, "no key ' [2J'");
    bench.fails("keyvault list", 1, "code: UNIMPLEMENTED (Unimplemented)");
    bench.fails("token set-pin --pin 123", 1, "PIN_INVALID");
}

#[test]
fn a_sealed_daemon_is_shown_and_counts_as_a_failure() {
    let bench = Bench::new();
    let status = bench.run("status");
    assert_eq!(status.status.code(), Some(5));
    assert_eq!(serde_json::from_slice::<Value>(&status.stdout).unwrap()["sealed"], true);
    assert!(bench.run("seal").status.success());
    fs::write(bench.folder.path().join("pass"), "right\n").unwrap();
    assert_eq!(bench.json("unseal --passphrase-file pass")["sealed"], false);
}

#[test]
fn what_needs_no_daemon_asks_none() {
    let bench = Bench::new();
    fs::remove_file(&bench.socket).unwrap();
    assert_eq!(bench.json("key get-policy-template")["version"], "1.0.0");
    let policy = bench.json("keyvault certificate get-default-policy");
    assert_eq!(policy["x509CertificateProperties"]["subject"], "CN=CLIGetDefaultPolicy");
    assert_eq!(
        bench.json("certificate get-default-policy --scaffold")["x509CertificateProperties"]["validityInMonths"],
        24
    );
    bench.fails("key list", 5, "UNAVAILABLE");
    // Files are looked at before anybody is asked.
    fs::write(bench.folder.path().join("there"), "").unwrap();
    for line in [
        "key download -n k -f there",
        "key backup -n k -f there",
        "secret download -n s -f there",
        "secret backup -n s -f there",
        "certificate download -n c -f there",
        "certificate backup -n c -f there",
    ] {
        bench.fails(line, 1, "there exists");
    }
    for line in [
        "key list --hsm-name h",
        "key show -n k --hsm-name h",
        "key create -n k --policy p",
        "key create -n k --immutable",
        "key create -n k --exportable",
        "key create -n k --default-cvm-policy",
        "key create -n k --external-key-id e",
        "key create -n k --ops export",
        "key set-attributes -n k --policy p",
        "key restore -t sas --backup-folder f -n k",
        "key random --count 8 --hsm-name h",
        "key get-attestation -n k",
    ] {
        bench.fails(line, 1, "code: NEEDS_AZURE");
    }
}

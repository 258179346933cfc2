//! The command line against a stand-in daemon over a real socket: requests as they arrive, answers as they are printed,
//! and errors with their details.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use serde_json::Value;
use softkeep_proto::v1::{
    CreateKeyRequest, DecryptReply, DecryptRequest, DeleteKeyRequest, EncryptReply, EncryptRequest, GetKeyRequest,
    GetStatusRequest, ImportKeyRequest, Key, KeyRef, ListKeyVersionsRequest, ListKeysReply, ListKeysRequest,
    RandomReply, RandomRequest, RecoverDeletedKeyRequest, SealRequest, SignReply, SignRequest, Status, UnsealRequest,
    VerifyReply, VerifyRequest,
    crypto_server::{Crypto, CryptoServer},
    keys_server::{Keys, KeysServer},
    system_server::{System, SystemServer},
};
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::{Code, Request, Response, transport::Server};
use tonic_types::{ErrorDetails, StatusExt};

type Answer<T> = Result<Response<T>, tonic::Status>;

/// Answers like a daemon with one vault `dev`; a name chooses the failure.
#[derive(Clone, Default)]
struct Fake;

fn refuse<T>(code: Code, reason: &str, message: &str) -> Answer<T> {
    let mut details = ErrorDetails::with_error_info(reason, "softkeep", std::collections::HashMap::new());
    details.set_request_info("r-1", "");
    Err(tonic::Status::with_error_details(code, message, details))
}

fn key(vault: String, name: String, kty: String) -> Key {
    let version = "0123456789abcdef0123456789abcdef".to_owned();
    let kid = format!("https://{vault}.vault.localhost/keys/{name}/{version}");
    Key { vault, name, version, kid, kty, enabled: true, public_key_der: vec![0x30, 0], ..Key::default() }
}

#[tonic::async_trait]
impl Keys for Fake {
    async fn create_key(&self, request: Request<CreateKeyRequest>) -> Answer<Key> {
        let request = request.into_inner();
        Ok(Response::new(Key { key_ops: request.key_ops, ..key(request.vault, request.name, request.kty) }))
    }
    async fn import_key(&self, request: Request<ImportKeyRequest>) -> Answer<Key> {
        let request = request.into_inner();
        assert_eq!(request.pkcs8_der.first(), Some(&0x30));
        Ok(Response::new(key(request.vault, request.name, "EC-HSM".to_owned())))
    }
    async fn get_key(&self, request: Request<GetKeyRequest>) -> Answer<Key> {
        match request.get_ref().name.as_str() {
            "none" => refuse(Code::NotFound, "KEY_NOT_FOUND", "no key 'none'"),
            "denied" => refuse(Code::PermissionDenied, "PERMISSION_DENIED", "no"),
            "sealed" => refuse(Code::FailedPrecondition, "SEALED", "the daemon is sealed"),
            name => Ok(Response::new(key("dev".to_owned(), name.to_owned(), "EC".to_owned()))),
        }
    }
    async fn list_keys(&self, request: Request<ListKeysRequest>) -> Answer<ListKeysReply> {
        let request = request.into_inner();
        // Three pages of one key.
        let page: u32 = request.page_token.parse().unwrap_or_default();
        let keys = vec![key(request.vault, format!("k{page}"), "EC".to_owned())];
        let next_page_token = if page < 2 { (page + 1).to_string() } else { String::new() };
        Ok(Response::new(ListKeysReply { keys, next_page_token }))
    }
    async fn list_key_versions(&self, _: Request<ListKeyVersionsRequest>) -> Answer<ListKeysReply> {
        Ok(Response::new(ListKeysReply::default()))
    }
    async fn delete_key(&self, request: Request<DeleteKeyRequest>) -> Answer<Key> {
        let request = request.into_inner();
        Ok(Response::new(Key { deleted: Some(0), ..key(request.vault, request.name, "EC".to_owned()) }))
    }
    async fn list_deleted_keys(&self, request: Request<ListKeysRequest>) -> Answer<ListKeysReply> {
        let gone = Key { deleted: Some(0), ..key(request.into_inner().vault, "gone".to_owned(), "EC".to_owned()) };
        Ok(Response::new(ListKeysReply { keys: vec![gone], ..ListKeysReply::default() }))
    }
    async fn recover_deleted_key(&self, request: Request<RecoverDeletedKeyRequest>) -> Answer<Key> {
        let request = request.into_inner();
        Ok(Response::new(key(request.vault, request.name, "EC".to_owned())))
    }
}

fn kid(key: Option<KeyRef>) -> String {
    let key = key.unwrap();
    format!("{}/{}/{}", key.vault, key.name, key.version)
}

#[tonic::async_trait]
impl Crypto for Fake {
    async fn sign(&self, request: Request<SignRequest>) -> Answer<SignReply> {
        let request = request.into_inner();
        let signature = [request.digest.clone(), request.digest].concat();
        Ok(Response::new(SignReply { signature, kid: kid(request.key) }))
    }
    async fn verify(&self, request: Request<VerifyRequest>) -> Answer<VerifyReply> {
        let request = request.into_inner();
        let valid = request.signature == [request.digest.clone(), request.digest].concat();
        Ok(Response::new(VerifyReply { valid, kid: kid(request.key) }))
    }
    async fn encrypt(&self, request: Request<EncryptRequest>) -> Answer<EncryptReply> {
        let request = request.into_inner();
        Ok(Response::new(EncryptReply { ciphertext: request.plaintext, kid: kid(request.key) }))
    }
    async fn decrypt(&self, request: Request<DecryptRequest>) -> Answer<DecryptReply> {
        let request = request.into_inner();
        Ok(Response::new(DecryptReply { plaintext: request.ciphertext, kid: kid(request.key) }))
    }
    async fn random(&self, _: Request<RandomRequest>) -> Answer<RandomReply> {
        refuse(Code::Unimplemented, "NOT_SUPPORTED", "no")
    }
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
                let server = Server::builder().add_service(KeysServer::new(Fake)).add_service(CryptoServer::new(Fake));
                server.add_service(SystemServer::new(Fake)).serve_with_incoming(incoming).await.unwrap();
            });
        });
        Self { folder, socket }
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
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

    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(line)).unwrap()
    }

    fn fails(&self, line: &str, exit: i32, words: &str) {
        let output = self.run(line);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{line}\n{text}");
        assert!(text.contains(words), "{line}\n{text}");
    }
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn keys() {
    let bench = Bench::new();
    let made = bench.json("keyvault key create -n web --curve P-256 -p hsm --ops sign");
    assert_eq!(made["key"]["kty"], "EC-HSM");
    assert_eq!(made["key"]["keyOps"], serde_json::json!(["sign"]));
    assert_eq!(bench.ok("key list --query [].name -o tsv"), "k0\nk1\nk2\n");
    assert_eq!(bench.ok("key list --maxresults 2 --query [].name -o tsv"), "k0\nk1\n");
    assert_eq!(bench.json("key list")[0]["kid"], "https://dev.vault.localhost/keys/k0");
    assert_eq!(bench.ok("key list-versions -n web"), "[]\n");
    let shown = bench.json("key show --id https://dev.vault.localhost/keys/web");
    assert_eq!(shown["key"]["kid"], "https://dev.vault.localhost/keys/web/0123456789abcdef0123456789abcdef");
    assert_eq!(bench.json("key delete -n web")["recoveryId"], "https://dev.vault.localhost/deletedkeys/web");
    assert_eq!(bench.json("key list-deleted")[0]["name"], "gone");
    assert!(bench.json("key recover -n web").to_string().contains("/keys/web"));
    assert_eq!(bench.ok("key download -n web -f k.pem"), "");
    let pem = String::from_utf8(read(bench.folder.path(), "k.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    bench.fails("key download -n web -f k.pem -e DER", 1, "exists");
    bench.ok("key download -n web -f k.der -e DER");
    assert_eq!(read(bench.folder.path(), "k.der"), [0x30, 0]);
}

#[test]
fn import_warns_about_a_password_on_the_command_line() {
    let bench = Bench::new();
    let script =
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -passout pass:secret";
    let pem = Command::new("sh").args(["-c", script]).output().unwrap().stdout;
    bench.file("k.pem", &pem);
    bench.file("pw", b"secret\n");
    let output = bench.run("keyvault key import -n k --pem-file k.pem --pem-password secret --protection hsm");
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("warning: --pem-password on the command line"), "{text}");
    assert!(!text.contains("secret"));
    let output = bench.run("key import -n k --pem-file k.pem --pem-password @pw");
    assert!(output.status.success() && output.stderr.is_empty());
    bench.fails("key import -n k --pem-file k.pem --pem-password wrong", 1, "code: KEY_INVALID");
    bench.fails("key import -n k --pem-file k.pem", 2, "no terminal to ask on");
}

#[test]
fn signatures() {
    let bench = Bench::new();
    bench.file("message", b"abc");
    let signed = bench.json("key sign -n web -a es256 --in message --out sig");
    assert_eq!(signed["algorithm"], "ES256");
    assert_eq!(signed["keyId"], "dev/web/");
    assert_eq!(read(bench.folder.path(), "sig").len(), 64);
    let signature = signed["signature"].as_str().unwrap();
    let url = signature.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let verdict = bench.json(&format!("key verify -n web -a ES256 --in message --signature={url}"));
    assert_eq!(verdict["isValid"], true);
    bench.ok("key verify -n web -a ES256 --in message --signature-file sig");
    let der = bench.run("key sign -n web -a ES256 --in message --signature-format der --out -").stdout;
    assert_eq!(der.first(), Some(&0x30));
    bench.file("sig.der", &der);
    bench.ok("key verify -n web -a ES256 --in message --signature-format der --signature-file sig.der");
    bench.fails("key verify -n web -a ES256 --in message --signature AAAA", 1, "the signature is not valid");
    bench.fails("key sign -n web -a RS256 --in message --signature-format der", 2, "ES256, ES384 and ES512");
    bench.fails("key sign -n web -a ES256 --digest AAAA", 1, "--in FILE hashes for you");
}

#[test]
fn encryption() {
    let bench = Bench::new();
    let sealed = bench.json("key encrypt -n k -a RSA-OAEP --value hi --data-type plaintext");
    assert_eq!(sealed["result"], "aGk=");
    assert_eq!(bench.json("key decrypt -n k -a RSA-OAEP --value aGk --data-type plaintext")["result"], "hi");
    assert_eq!(bench.json("key decrypt -n k -a RSA-OAEP --value aGk=")["result"], "aGk=");
    bench.fails("key encrypt -n k -a RSA-OAEP --value h!", 2, "--data-type plaintext");
}

#[test]
fn failures_have_codes() {
    let bench = Bench::new();
    bench.fails("key show -n none", 3, "error: no key 'none'\n  code: KEY_NOT_FOUND (NotFound)  request: r-1\n  fix: ");
    bench.fails("key show -n denied", 4, "PERMISSION_DENIED");
    bench.fails("key show -n sealed", 5, "fix: softkeep status says why");
    bench.fails("keyvault list", 1, "code: UNIMPLEMENTED (Unimplemented)");
    let status = bench.run("status");
    assert_eq!(status.status.code(), Some(5));
    assert_eq!(serde_json::from_slice::<Value>(&status.stdout).unwrap()["sealed"], true);
    assert!(bench.run("seal").status.success());
    bench.file("pass", b"right\n");
    assert_eq!(bench.json("unseal --passphrase-file pass")["sealed"], false);
    bench.file("pass", b"wrong");
    bench.fails("unseal --passphrase-file pass", 4, "PIN_INCORRECT");
    bench.fails("token set-pin --pin 123", 1, "PIN_INVALID");
}

//! The other side for the transport's tests: a real tonic server that echoes, and raw ones that misbehave. No test
//! lives here.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::module_server::{Module, ModuleServer};
use softkeep_proto::pkcs11::v1::{Failure, Reply, Request, Sign, SignReply, VaultChanged, reply, request};
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::Server as Tonic;
use tonic::{Response, Status, Streaming};

use super::super::{CallError, Client, Endpoint, Retry};

/// How the server is set up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) max_age: Option<Duration>,
    /// HTTP/2's default windows (64 KiB) if none.
    pub(crate) window: Option<u32>,
}

/// A running server; dropping it kills it with all its connections.
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn socket_path() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    (directory, path)
}

impl Server {
    pub(crate) fn start(path: &Path, options: Options) -> Server {
        let _ = std::fs::remove_file(path);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let path = path.to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::UnixListener::bind(path).unwrap();
                ready.send(()).unwrap();
                let service = ModuleServer::new(Echo).max_decoding_message_size(8 << 20);
                let mut server = Tonic::builder();
                if let Some(age) = options.max_age {
                    server = server.max_connection_age(age);
                }
                if let Some(window) = options.window {
                    server = server.initial_stream_window_size(window).initial_connection_window_size(window);
                }
                let serving = server.add_service(service).serve_with_incoming(UnixListenerStream::new(listener));
                tokio::select! {
                    served = serving => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().unwrap();
        Server { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

/// Echoes `Sign.data`. What it begins with may ask for more: `delay:<ms>:`, `notice:<revision>:`, `big:<bytes>:`,
/// `fail:`.
struct Echo;

#[tonic::async_trait]
impl Module for Echo {
    type ExchangeStream = ReceiverStream<Result<Reply, Status>>;

    async fn exchange(
        &self,
        request: tonic::Request<Streaming<Request>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let mut requests = request.into_inner();
        let (replies, stream) = tokio::sync::mpsc::channel(1024);
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                let Some(request::Op::Sign(sign)) = request.op else { continue };
                let (id, vault_id, replies) = (request.id, request.vault_id, replies.clone());
                match number(&sign.data, b"delay:") {
                    Some(delay) => {
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_millis(delay)).await;
                            answer(&replies, id, vault_id, sign.data).await;
                        });
                    }
                    None => answer(&replies, id, vault_id, sign.data).await,
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

async fn answer(replies: &tokio::sync::mpsc::Sender<Result<Reply, Status>>, id: u64, vault_id: Bytes, data: Bytes) {
    if let Some(revision) = number(&data, b"notice:") {
        let changed = VaultChanged { vault_id, revision };
        let _ = replies.send(Ok(Reply { id: 0, result: Some(reply::Result::VaultChanged(changed)) })).await;
    }
    let result = if data.starts_with(b"fail:") {
        reply::Result::Failure(Failure { ck_rv: 6, reason: "asked to".into(), ..Failure::default() })
    } else if let Some(bytes) = number(&data, b"big:") {
        reply::Result::Sign(SignReply { signature: vec![7; bytes as usize].into() })
    } else {
        reply::Result::Sign(SignReply { signature: data })
    };
    let _ = replies.send(Ok(Reply { id, result: Some(result) })).await;
}

fn number(data: &[u8], marker: &[u8]) -> Option<u64> {
    let rest = data.strip_prefix(marker)?;
    let end = rest.iter().position(|&byte| byte == b':')?;
    std::str::from_utf8(&rest[..end]).unwrap().parse().ok()
}

/// A raw server: writes its script to each connection once the client has said something, then closes or holds it.
pub(crate) struct Raw {
    pub(crate) accepted: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    CloseAtOnce,
    Close,
    Hold,
}

impl Raw {
    /// The threads end with the test process.
    pub(crate) fn start(path: &Path, script: Vec<u8>, then: Then) -> Raw {
        let listener = UnixListener::bind(path).unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        std::thread::spawn(move || {
            let mut held: VecDeque<UnixStream> = VecDeque::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                if then == Then::CloseAtOnce {
                    continue;
                }
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(&script);
                if then == Then::Hold {
                    held.push_back(stream);
                }
            }
        });
        Raw { accepted }
    }
}

/// An HTTP/2 frame (RFC 9113 section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header that HPACK neither compresses nor remembers.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0, name.len() as u8];
    bytes.extend(name.as_bytes());
    bytes.push(value.len() as u8);
    bytes.extend(value.as_bytes());
    bytes
}

pub(crate) fn client(path: &Path, timeout_ms: u64) -> Client {
    Client::new(Endpoint::Unix(path.to_owned()), Duration::from_millis(timeout_ms), Bytes::from_static(b"application"))
}

pub(crate) const VAULT: &[u8] = &[1; 16];

pub(crate) fn op(data: Vec<u8>) -> request::Op {
    request::Op::Sign(Sign { data: data.into(), ..Sign::default() })
}

/// One echo; the answer's bytes.
pub(crate) fn echo(client: &Client, data: Vec<u8>, retry: Retry) -> Result<Bytes, CallError> {
    match client.call(VAULT, &[], op(data), retry)? {
        reply::Result::Sign(reply) => Ok(reply.signature),
        _ => panic!("another reply than was asked for"),
    }
}

/// A small generator (xorshift64*), so that tests need no crate for it.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let first = self.below(256) as u8;
        (0..length).map(|index| (index as u8).wrapping_mul(31).wrapping_add(first) | 0x80).collect()
    }
}

//! The doors: gRPC on a Unix socket and on TLS with client certificates, the module's stream. They translate and decide nothing.
//! tonic lives here only.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use softkeep_proto::{DESCRIPTORS, limits::MAX_MESSAGE_BYTES};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{mpsc, watch},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Server, ServerTlsConfig, server::Router};
use tower::layer::util::{Identity, Stack};

use edge::EdgeLayer;

use crate::{
    config::{Config, Listen, Tls},
    error::{Error, ErrorCode, Result},
    pipeline::Pipeline,
};

mod bearer;
mod edge;
mod grpc;
mod module;
mod peer;
mod status;

/// What the status call needs to know and no room does.
pub struct About {
    /// Throw-away daemon with default PINs.
    pub dev_mode: bool,
    /// See [`crate::process::harden`].
    pub memory_locked: bool,
}

/// Where the doors are once they are open.
pub struct Doors {
    acceptors: Vec<Acceptor>,
    tls: Option<ServerTlsConfig>,
    sockets: Vec<PathBuf>,
}

enum Acceptor {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// A connection on its way to the runtime that will serve it.
enum Accepted {
    Unix(std::os::unix::net::UnixStream),
    Tcp(std::net::TcpStream),
}

/// Flow control of one stream and of a connection: large enough that a module's queued requests never wait for a window (RFC 9113 section 5.2).
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Streams of one connection: a module uses one; the rest is for unary callers.
const MAX_STREAMS_PER_CONNECTION: u32 = 1024;
/// A TLS client that does not finish its handshake in this time is let go.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long calls under way may take once the daemon is told to stop. A module whose connection is cut sends its call again.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);
/// Connections waiting for a runtime.
const ACCEPT_BACKLOG: usize = 256;

impl Doors {
    /// Binds everything, before anything is served. Must be called within a runtime.
    pub async fn open(config: &Config) -> Result<Self> {
        let mut doors = Self { acceptors: Vec::new(), tls: None, sockets: Vec::new() };
        for listen in &config.listen {
            match listen {
                Listen::Unix(path) => {
                    doors.acceptors.push(Acceptor::Unix(bind_unix(path)?));
                    doors.sockets.push(path.clone());
                }
                Listen::Https(address) => doors.acceptors.push(Acceptor::Tcp(bind_tcp(*address).await?)),
            }
        }
        doors.tls = config.tls.as_ref().map(tls).transpose()?;
        Ok(doors)
    }

    /// Serves until `stop` says so, then lets calls under way finish.
    ///
    /// One single-threaded runtime a core, connections dealt round: a request never changes threads unless it goes to a worker pool.
    pub async fn serve(
        self,
        pipeline: Arc<Pipeline>,
        about: Arc<About>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let runtimes = thread::available_parallelism().map_or(2, usize::from);
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for number in 0..runtimes {
            let (unix, unix_streams) = mpsc::channel(ACCEPT_BACKLOG);
            let (tcp, tcp_streams) = mpsc::channel(ACCEPT_BACKLOG);
            senders.push((unix, tcp));
            let (pipeline, about, stop, tls) = (pipeline.clone(), about.clone(), stop.clone(), self.tls.clone());
            let run = move || serve_connections(pipeline, about, tls, unix_streams, tcp_streams, stop);
            threads.push(thread::Builder::new().name(format!("server-{number}")).spawn(run).map_err(Error::internal)?);
        }
        let mut accepts = Vec::new();
        for acceptor in self.acceptors {
            accepts.push(tokio::spawn(accept(acceptor, senders.clone())));
        }
        drop(senders);
        // The sender is never dropped before it has said stop.
        let _ = stop.wait_for(|stopped| *stopped).await;
        accepts.into_iter().for_each(|accept| accept.abort());
        tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())))
            .await
            .map_err(Error::internal)?;
        self.sockets.iter().for_each(|path| drop(fs::remove_file(path)));
        Ok(())
    }
}

type Senders = Vec<(mpsc::Sender<Accepted>, mpsc::Sender<Accepted>)>;

async fn accept(acceptor: Acceptor, senders: Senders) {
    let mut next = 0;
    loop {
        let accepted = match &acceptor {
            Acceptor::Unix(listener) => {
                listener.accept().await.and_then(|(stream, _)| stream.into_std()).map(Accepted::Unix)
            }
            Acceptor::Tcp(listener) => {
                listener.accept().await.and_then(|(stream, _)| stream.into_std()).map(Accepted::Tcp)
            }
        };
        match accepted {
            Ok(accepted) => {
                let (unix, tcp) = &senders[next % senders.len()];
                next += 1;
                let sender = if matches!(accepted, Accepted::Unix(_)) { unix } else { tcp };
                if sender.send(accepted).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of descriptors, most likely: those that close make room.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn serve_connections(
    pipeline: Arc<Pipeline>,
    about: Arc<About>,
    tls: Option<ServerTlsConfig>,
    unix: mpsc::Receiver<Accepted>,
    tcp: mpsc::Receiver<Accepted>,
    stop: watch::Receiver<bool>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "a runtime could not be started"),
    };
    runtime.block_on(async {
        let stopped = |mut stop: watch::Receiver<bool>| async move { drop(stop.wait_for(|stopped| *stopped).await) };
        use tokio_stream::StreamExt as _;
        let unix = ReceiverStream::new(unix).filter_map(|accepted| match accepted {
            Accepted::Unix(stream) => Some(UnixStream::from_std(stream)),
            Accepted::Tcp(_) => None,
        });
        let tcp = ReceiverStream::new(tcp).filter_map(|accepted| match accepted {
            Accepted::Tcp(stream) => Some(TcpStream::from_std(stream).inspect(|stream| drop(stream.set_nodelay(true)))),
            Accepted::Unix(_) => None,
        });
        let local = router(server(), &pipeline, &about).serve_with_incoming_shutdown(unix, stopped(stop.clone()));
        let remote = async {
            match tls {
                Some(tls) => match server().tls_config(tls) {
                    Ok(server) => {
                        router(server, &pipeline, &about).serve_with_incoming_shutdown(tcp, stopped(stop.clone())).await
                    }
                    Err(error) => Err(error),
                },
                None => Ok(()),
            }
        };
        let cut_off = async {
            stopped(stop.clone()).await;
            tokio::time::sleep(SHUTDOWN_GRACE).await;
        };
        tokio::select! {
            (local, remote) = async { tokio::join!(local, remote) } => {
                for error in [local, remote].into_iter().filter_map(std::result::Result::err) {
                    tracing::error!(%error, "a server ended");
                }
            }
            // A module's stream never ends by itself; calls under way have had their time.
            () = cut_off => {}
        }
    });
    runtime.shutdown_background();
}

/// What every call passes through.
type Layers = Stack<EdgeLayer, Identity>;

fn server() -> Server<Layers> {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_STREAMS_PER_CONNECTION)
        .tcp_nodelay(true)
        .layer(EdgeLayer)
}

fn router(mut server: Server<Layers>, pipeline: &Arc<Pipeline>, about: &Arc<About>) -> Router<Layers> {
    use softkeep_proto::{
        pkcs11::v1::module_server::ModuleServer,
        v1::{
            access_server::AccessServer, audit_server::AuditServer, certificates_server::CertificatesServer,
            crypto_server::CryptoServer, keys_server::KeysServer, secrets_server::SecretsServer,
            system_server::SystemServer, vaults_server::VaultsServer,
        },
    };
    let services = grpc::Services::new(pipeline.clone(), about.clone());
    macro_rules! sized {
        ($service:expr) => {
            $service.max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES)
        };
    }
    // Two versions of one service: many clients still speak only the older one.
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection_v1 = about.dev_mode.then(|| reflection().build_v1()).and_then(std::result::Result::ok);
    let reflection_v1alpha = about.dev_mode.then(|| reflection().build_v1alpha()).and_then(std::result::Result::ok);
    server
        .add_service(sized!(ModuleServer::new(module::ModuleService::new(pipeline.clone(), about.dev_mode))))
        .add_service(sized!(CryptoServer::new(services.clone())))
        .add_service(sized!(KeysServer::new(services.clone())))
        .add_service(sized!(SecretsServer::new(services.clone())))
        .add_service(sized!(CertificatesServer::new(services.clone())))
        .add_service(sized!(VaultsServer::new(services.clone())))
        .add_service(sized!(AccessServer::new(services.clone())))
        .add_service(sized!(AuditServer::new(services.clone())))
        .add_service(sized!(SystemServer::new(services)))
        .add_service(status::health(pipeline))
        .add_optional_service(reflection_v1)
        .add_optional_service(reflection_v1alpha)
}

fn cannot_listen(place: impl std::fmt::Display, cause: io::Error) -> Error {
    Error::new(ErrorCode::Unavailable, format!("cannot listen on {place}: {cause}")).because(cause)
}

/// Any local program may connect (servers log in as root, fork and change user); what it may do, its uid and its PIN decide.
const SOCKET_MODE: u32 = 0o666;

fn bind_unix(path: &Path) -> Result<UnixListener> {
    let failed = |cause| cannot_listen(path.display(), cause);
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(dir).map_err(failed)?;
    }
    // The data folder's lock says that no other daemon of ours is alive; a socket that is still there is a dead one's, unless it answers.
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(cannot_listen(path.display(), io::Error::from(io::ErrorKind::AddrInUse)));
        }
        fs::remove_file(path).map_err(failed)?;
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
    Ok(listener)
}

async fn bind_tcp(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|cause| cannot_listen(address, cause))
}

fn tls(files: &Tls) -> Result<ServerTlsConfig> {
    let read = |path: &Path| {
        fs::read(path).map_err(|cause| {
            Error::new(ErrorCode::InvalidArgument, format!("cannot read {}", path.display())).because(cause)
        })
    };
    let key = zeroize::Zeroizing::new(read(&files.key_file)?);
    Ok(ServerTlsConfig::new()
        .identity(tonic::transport::Identity::from_pem(read(&files.certificate_file)?, &*key))
        .client_ca_root(Certificate::from_pem(read(&files.client_ca_file)?))
        .timeout(TLS_HANDSHAKE_TIMEOUT))
}

//! The way to the daemon: one call, one reply, over connections that come and go. What is asked and what the answer
//! means is not known here; neither is a runtime or a thread: the calling threads do all the work (ADR 0001).
//!
//! From the caller down: `Client` (this file: the retry loop) → `pool` (which connection) → `mux` (sharing one) →
//! `desk` (who waits, who reads) and `core` (HTTP/2 and gRPC as a state machine over `pipe`) → `channel` (a Unix
//! socket, or `tls` over TCP) → `socket` (system calls).

mod channel;
mod core;
pub(crate) mod deframe;
mod desk;
mod mux;
mod pipe;
mod pool;
mod socket;
mod sync;
mod tls;
mod told;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;
use softkeep_proto::limits::{MAX_MESSAGE_BYTES, MODULE_GENERATION_TIMEOUT_MS};
use softkeep_proto::pkcs11::v1::{Failure, Reply, Request, reply, request};
use zeroize::Zeroize;

use self::core::End;
use self::mux::Fault;
use self::pool::{Held, Pool};
pub use self::socket::Inherited;
pub use self::tls::{Remote, TlsFiles};

/// `sun_path` (unix(7)) without its terminating zero.
const MAX_SOCKET_PATH_BYTES: usize = 107;
/// What the fields that are filled in per attempt (id, timeout) may add to a request.
const FILLED_IN_BYTES: usize = 24;
const GENERATION_TIMEOUT: Duration = Duration::from_millis(MODULE_GENERATION_TIMEOUT_MS);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// grpc/statuscodes: INTERNAL.
const INTERNAL: i32 = 13;

/// Where the daemon is.
#[derive(Clone)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// Another machine, by TLS with certificates on both sides.
    Https(Remote),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
            Endpoint::Https(remote) if remote.host.contains(':') => {
                write!(f, "https://[{}]:{}", remote.host, remote.port)
            }
            Endpoint::Https(remote) => write!(f, "https://{}:{}", remote.host, remote.port),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration of TLS holds a private key.
        write!(f, "Endpoint({self})")
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Endpoint {
    /// Reads `unix:/path`, `unix:///path`, an absolute path, or `https://host:port`.
    pub fn parse(text: &str) -> Result<Endpoint, String> {
        if let Some(remote) = text.strip_prefix("https://") {
            let remote = Remote::parse(remote).ok_or_else(|| format!("'{text}' is not https://host:port"))?;
            return Ok(Endpoint::Https(remote));
        }
        let path = match text.strip_prefix("unix:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None => text,
        };
        if !path.starts_with('/') {
            return Err(format!("'{text}' is neither unix:/path, nor an absolute path, nor https://host:port"));
        }
        if path.len() > MAX_SOCKET_PATH_BYTES || path.contains('\0') {
            return Err(format!("'{text}' cannot be a socket: its path must be at most {MAX_SOCKET_PATH_BYTES} bytes"));
        }
        Ok(Endpoint::Unix(PathBuf::from(path)))
    }

    /// Whether there is a socket, answered or not; over a network that cannot be seen.
    pub fn exists(&self) -> bool {
        match self {
            Endpoint::Unix(path) => path.exists(),
            Endpoint::Https(_) => true,
        }
    }

    /// What comes before the path in a URL.
    fn authority(&self) -> String {
        match self {
            Endpoint::Unix(_) => "http://localhost".into(),
            Endpoint::Https(_) => self.to_string(),
        }
    }

    /// `$SOFTKEEP_ENDPOINT`, else the user's own daemon if its socket exists, else the system's.
    pub fn discover() -> Endpoint {
        if let Some(text) = trusted_env("SOFTKEEP_ENDPOINT") {
            // A setting that cannot be read must not lead to another daemon: it fails at the first call, with its text
            // in the cause.
            return Endpoint::parse(&text).unwrap_or_else(|_| Endpoint::Unix(PathBuf::from(text)));
        }
        let own = trusted_env("XDG_RUNTIME_DIR").map(|directory| Path::new(&directory).join("softkeep/softkeep.sock"));
        match own {
            Some(path) if path.is_absolute() && path.exists() => Endpoint::Unix(path),
            _ => Endpoint::Unix(PathBuf::from("/run/softkeep/softkeep.sock")),
        }
    }
}

/// The environment belongs to whoever starts the program: in a set-user-ID one it must not choose who sees the PIN.
fn trusted_env(name: &str) -> Option<String> {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    let elevated = getuid() != geteuid() || getgid() != getegid();
    std::env::var(name).ok().filter(|text| !elevated && !text.is_empty())
}

/// Whether a request may be sent again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It may: doing it twice is doing it once.
    Safe,
    /// Only when it surely was not sent.
    Never,
}

/// Why a call has no reply.
#[derive(Clone, PartialEq)]
pub enum CallError {
    /// The daemon could not be reached within the time; the last cause.
    Unreachable(String),
    /// The daemon did not answer in time.
    Timeout,
    /// The request was sent, the connection was lost, and it must not be sent again.
    OutcomeUnknown,
    /// gRPC itself said no: status code and message.
    Refused(i32, String),
    /// The daemon said no.
    Failure(Failure),
    /// The request exceeds the message limit.
    TooLarge,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Unreachable(cause) => write!(f, "the daemon cannot be reached: {cause}"),
            CallError::Timeout => f.write_str("the daemon did not answer in time"),
            CallError::OutcomeUnknown => f.write_str("the connection was lost before the answer came"),
            CallError::Refused(status, text) => write!(f, "refused with gRPC status {status}: {text}"),
            CallError::Failure(failure) => write!(f, "{} ({})", failure.reason, failure.request_id),
            CallError::TooLarge => f.write_str("the request is too large"),
        }
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The messages on the wire have no Debug, so that no secret is ever printed by mistake.
        write!(f, "CallError({self})")
    }
}

impl std::error::Error for CallError {}

/// The connections to one daemon.
pub struct Client {
    endpoint: Endpoint,
    timeout: Duration,
    application_id: Bytes,
    pool: Pool,
}

/// Holds the client still for a fork: every lock that the child will need. Dropping it releases them.
pub struct ForkGuard<'a>(Held<'a>);

impl Client {
    /// Opens nothing yet; the first call does. Each request carries `application_id`.
    pub fn new(endpoint: Endpoint, timeout: Duration, application_id: Bytes) -> Client {
        Client { endpoint, timeout, application_id, pool: Pool::new() }
    }

    /// Sends one request and waits for its reply, connecting and reconnecting until the client's timeout has passed
    /// since the call began.
    pub fn call(
        &self,
        vault_id: &[u8],
        login_token: &[u8],
        op: request::Op,
        retry: Retry,
    ) -> Result<reply::Result, CallError> {
        self.call_until(Instant::now() + self.timeout, vault_id, login_token, op, retry)
    }

    /// [`call`](Self::call) with a deadline of its own. The answer to a request that makes a key has longer: the daemon
    /// would make the key all the same, and nobody would know of it.
    pub fn call_until(
        &self,
        until: Instant,
        vault_id: &[u8],
        login_token: &[u8],
        op: request::Op,
        retry: Retry,
    ) -> Result<reply::Result, CallError> {
        if let Endpoint::Https(remote) = &self.endpoint
            && let Some(mistake) = remote.mistake()
        {
            // Time does not mend what is wrong with a file that is read once.
            return Err(CallError::Unreachable(mistake.into()));
        }
        let (vault_id, login_token) = (Bytes::copy_from_slice(vault_id), Bytes::copy_from_slice(login_token));
        let application_id = self.application_id.clone();
        let secret = has_secret_reply(&op);
        let answer_until = if makes_key(&op) { until + GENERATION_TIMEOUT } else { until };
        let mut request = Request { vault_id, login_token, application_id, op: Some(op), ..Request::default() };
        if request.encoded_len() + FILLED_IN_BYTES > MAX_MESSAGE_BYTES {
            return Err(CallError::TooLarge);
        }
        let mut pause = Duration::ZERO;
        loop {
            let cause = match self.attempt(&mut request, until, answer_until) {
                Ok(reply) => return open(request.id, reply, secret),
                Err(Fault::Late) => return Err(self.unless_closed(CallError::Timeout)),
                Err(Fault::Ended(End::Refused(status, text))) => return Err(CallError::Refused(status, text)),
                Err(Fault::Ended(End::Lost(_))) if retry == Retry::Never => {
                    return Err(self.unless_closed(CallError::OutcomeUnknown));
                }
                Err(Fault::Ended(End::Lost(cause) | End::NotSent(cause))) => cause,
            };
            // The first time at once: a daemon that has restarted is there already.
            if !self.pool.pause(pause, until) {
                return Err(CallError::Unreachable(cause));
            }
            pause = (pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE);
        }
    }

    fn attempt(&self, request: &mut Request, until: Instant, answer_until: Instant) -> Result<Bytes, Fault> {
        let mux = self.pool.lend(&self.endpoint, until).map_err(|cause| Fault::Ended(End::NotSent(cause)))?;
        let left = answer_until.saturating_duration_since(Instant::now()).as_millis();
        // 0 would mean "no limit".
        request.timeout_ms = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        mux.exchange(request, answer_until)
    }

    fn unless_closed(&self, error: CallError) -> CallError {
        if self.pool.is_closed() { CallError::Unreachable("the module was finalised".into()) } else { error }
    }

    /// Reads what has arrived on the connections, without waiting, so that notices are seen. Where another thread is
    /// reading, it sees them.
    pub fn drain_notices(&self) {
        for mux in self.pool.open_connections() {
            mux.drain();
        }
    }

    /// The newest revision of a vault that the daemon has told since
    /// [`connection_generation`](Self::connection_generation) last grew; 0 is none.
    pub fn told_revision(&self, vault_id: &[u8]) -> u64 {
        self.pool.told.revision(vault_id)
    }

    /// Grows whenever a connection was made, lost, or began to go away: notices may have been missed, so what was
    /// cached before is suspect.
    pub fn connection_generation(&self) -> u64 {
        self.pool.told.generation()
    }

    /// C_Finalize: ends the connections for good. Calls of other threads end with [`CallError::Unreachable`].
    pub fn close(&self) {
        self.pool.close();
    }

    /// The atfork handler's first half.
    pub fn before_fork(&self) -> ForkGuard<'_> {
        ForkGuard(self.pool.hold())
    }

    /// Its second half, in the child: forgets the parent's connections without touching them. The caller closes each
    /// descriptor of the answer whose `fstat` [still shows the same socket](Inherited::is_still), and never shuts it
    /// down: it is the parent's too.
    #[must_use = "descriptors of the parent's that the child must close"]
    pub fn after_fork_in_child(guard: ForkGuard<'_>) -> Vec<Inherited> {
        guard.0.forget_parent()
    }
}

/// Whether a request may take the daemon long: pairs, keys derived from passwords, a vault that is emptied.
fn makes_key(op: &request::Op) -> bool {
    matches!(op, request::Op::GenerateKeyPair(_) | request::Op::GenerateKey(_) | request::Op::InitToken(_))
}

/// Whether the reply has what must not stay in memory.
fn has_secret_reply(op: &request::Op) -> bool {
    matches!(op, request::Op::Decrypt(_) | request::Op::ReadValues(_))
}

/// The reply's content.
fn open(id: u64, reply: Bytes, secret: bool) -> Result<reply::Result, CallError> {
    // A field is a slice of the message, except where the message is wiped.
    let decoded = if secret { Reply::decode(&reply[..]) } else { Reply::decode(reply.clone()) };
    if secret && let Ok(mut message) = reply.try_into_mut() {
        message.zeroize();
    }
    match decoded {
        Ok(Reply { id: answered, result: Some(result) }) if answered == id => match result {
            reply::Result::Failure(failure) => Err(CallError::Failure(failure)),
            result => Ok(result),
        },
        Ok(_) => Err(CallError::Refused(INTERNAL, "the daemon's reply is empty".into())),
        Err(error) => Err(CallError::Refused(INTERNAL, format!("the daemon's reply cannot be read: {error}"))),
    }
}

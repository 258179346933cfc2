//! TLS 1.3 (RFC 8446) with a certificate on either side: what turns bytes into records and back. It makes no system
//! call but those of the socket it is given, waits nowhere but in the handshake, and is driven by the calling
//! threads.
//!
//! The connection's state is locked for memory work only. What is half sent belongs to whoever flushes, what is half
//! received to whoever reads (see mux.rs).

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};

use super::{
    socket::Socket,
    sync::{Arc, Mutex, lock},
};

/// One record's content (RFC 8446 section 5.1). What is sent in one piece is one record: a connection that breaks
/// before its end has not given the daemon any of it.
const RECORD_BYTES: usize = 16 * 1024;
/// What is received at once: with a record begun before, it still fits the reader's buffer (mux.rs, 64 KiB).
const RECEIVED_BYTES: usize = 32 * 1024;
/// A certificate chain, a list of authorities or a key: more is a wrong path.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Where a daemon's certificate, and ours, are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that may have signed the daemon's certificate, PEM.
    pub ca: Option<PathBuf>,
    /// Our certificate, and those between it and the authority the daemon knows, PEM.
    pub certificate: Option<PathBuf>,
    /// Our certificate's private key, PEM.
    pub key: Option<PathBuf>,
}

/// A daemon behind TLS, and how to speak to it.
#[derive(Clone)]
pub struct Remote {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Why no connection can be made, where that is known beforehand: told at the first call.
    config: Result<Arc<ClientConfig>, String>,
}

impl Remote {
    /// Reads the host and port after `https://`.
    pub fn parse(text: &str) -> Option<Remote> {
        let (host, port) = text.strip_suffix('/').unwrap_or(text).rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(host) => host.strip_suffix(']')?,
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0)?;
        ServerName::try_from(host).ok()?;
        Some(Remote { host: host.into(), port, config: Err("no certificate is configured".into()) })
    }

    /// Reads the files. They are kept: a host may give up the right to read them.
    pub fn configure(&mut self, files: &TlsFiles) {
        self.config = configuration(files).map(Arc::new);
    }

    /// What is wrong with the files.
    pub fn mistake(&self) -> Option<&str> {
        self.config.as_ref().err().map(String::as_str)
    }

    fn connection(&self) -> Result<ClientConnection, String> {
        let config = self.config.clone()?;
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        ClientConnection::new(config, name).map_err(|error| error.to_string())
    }
}

fn configuration(files: &TlsFiles) -> Result<ClientConfig, String> {
    let (Some(ca), Some(certificate), Some(key)) = (&files.ca, &files.certificate, &files.key) else {
        return Err("https needs tls-ca, tls-certificate and tls-key".into());
    };
    if !is_processor_supported() {
        return Err("this processor is too old for https; it must have AVX2, ADX, AES and PCLMULQDQ".into());
    }
    let mut roots = RootCertStore::empty();
    for authority in certificates(ca)? {
        roots.add(authority).map_err(|error| format!("{}: {error}", ca.display()))?;
    }
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| format!("{}: {error}", key.display()))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("{}: {error}", certificate.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A ticket would outlive a fork in two processes, and connections are few.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// What graviola asserts at its first use; a panic there would fail C_Initialize.
#[cfg(target_arch = "x86_64")]
fn is_processor_supported() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("aes") && has!("pclmulqdq") && has!("bmi1") && has!("adx") && has!("avx") && has!("avx2")
}

/// See above.
#[cfg(target_arch = "aarch64")]
fn is_processor_supported() -> bool {
    use std::arch::is_aarch64_feature_detected as has;
    has!("neon") && has!("aes") && has!("pmull") && has!("sha2")
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(fault(&"no certificate in it")),
        found => found.map_err(|error| fault(&error)),
    }
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let fault = |error: io::Error| format!("{}: {error}", path.display());
    match fs::metadata(path).map_err(fault)?.len() {
        0..=MAX_FILE_BYTES => fs::read(path).map(zeroize::Zeroizing::new).map_err(fault),
        _ => Err(format!("{}: longer than {MAX_FILE_BYTES} bytes", path.display())),
    }
}

/// The records of one connection.
pub(super) struct Tls {
    connection: Mutex<ClientConnection>,
    outgoing: Mutex<Outgoing>,
    incoming: Mutex<Vec<u8>>,
}

/// A record on its way.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// How many of the caller's bytes are in it.
    content: usize,
}

impl Tls {
    /// Shakes hands.
    pub(super) fn connect(remote: &Remote, socket: &Socket, until: Instant) -> Result<Tls, String> {
        let mut connection = remote.connection()?;
        let failed = |error: io::Error| format!("TLS with {}: {error}", remote.host);
        let mut outgoing = Vec::new();
        let mut received = vec![0; RECEIVED_BYTES];
        loop {
            write_all(&mut connection, &mut outgoing).map_err(failed)?;
            let mut rest = &outgoing[..];
            while !rest.is_empty() {
                match socket.send(rest).map_err(failed)? {
                    Some(sent) => rest = rest.get(sent..).unwrap_or_default(),
                    None => wait(socket, (false, true), until).map_err(failed)?,
                }
            }
            outgoing.clear();
            if !connection.is_handshaking() {
                break;
            }
            match socket.recv(&mut received).map_err(failed)? {
                None => wait(socket, (true, false), until).map_err(failed)?,
                Some(0) => return Err(failed(io::ErrorKind::UnexpectedEof.into())),
                Some(count) => {
                    let mut rest = received.get(..count).unwrap_or_default();
                    while !rest.is_empty() {
                        connection.read_tls(&mut rest).map_err(failed)?;
                        connection.process_new_packets().map_err(|error| failed(io::Error::other(error)))?;
                    }
                }
            }
        }
        if connection.alpn_protocol() != Some(b"h2") {
            return Err(format!("TLS with {}: what answers there speaks no HTTP/2", remote.host));
        }
        let outgoing = Mutex::new(Outgoing::default());
        Ok(Tls { connection: Mutex::new(connection), outgoing, incoming: Mutex::new(received) })
    }

    /// Sends the first bytes of these, as one record; how many. While it is half sent the answer is `None`, and the
    /// next call must bring the same bytes.
    pub(super) fn send(&self, socket: &Socket, bytes: &[u8]) -> io::Result<Option<usize>> {
        let mut outgoing = std::mem::take(&mut *lock(&self.outgoing));
        let sent = self.send_record(&mut outgoing, socket, bytes);
        *lock(&self.outgoing) = outgoing;
        sent
    }

    fn send_record(&self, outgoing: &mut Outgoing, socket: &Socket, bytes: &[u8]) -> io::Result<Option<usize>> {
        if outgoing.bytes.is_empty() {
            let content = bytes.get(..RECORD_BYTES).unwrap_or(bytes);
            let mut connection = lock(&self.connection);
            connection.writer().write_all(content)?;
            write_all(&mut connection, &mut outgoing.bytes)?;
            (outgoing.sent, outgoing.content) = (0, content.len());
        }
        while let Some(rest) = outgoing.bytes.get(outgoing.sent..).filter(|rest| !rest.is_empty()) {
            match socket.send(rest)? {
                Some(sent) => outgoing.sent += sent,
                None => return Ok(None),
            }
        }
        outgoing.bytes.clear();
        Ok(Some(outgoing.content))
    }

    /// Receives what is there, as [`Socket::recv`] does. The buffer is filled with all that was in it.
    pub(super) fn recv(&self, socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut incoming = std::mem::take(&mut *lock(&self.incoming));
        let received = self.recv_records(&mut incoming, socket, buffer);
        *lock(&self.incoming) = incoming;
        received
    }

    fn recv_records(&self, incoming: &mut [u8], socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // The daemon's first words may have come with the end of the handshake.
        let (mut filled, mut closed) = self.open(&[], buffer)?;
        while filled == 0 && !closed {
            match socket.recv(incoming)? {
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(count) => (filled, closed) = self.open(incoming.get(..count).unwrap_or_default(), buffer)?,
            }
        }
        Ok(Some(filled))
    }

    /// Puts the content of records into the buffer: how much it was, and whether the daemon has said that no more
    /// comes.
    fn open(&self, mut records: &[u8], buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut connection = lock(&self.connection);
        let (mut filled, mut closed) = (0, false);
        loop {
            let state = connection.process_new_packets().map_err(io::Error::other)?;
            closed |= state.peer_has_closed();
            while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
                match connection.reader().read(room) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The end without a farewell, which the socket's own end tells too.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                    Err(error) => return Err(error),
                }
            }
            if records.is_empty() {
                return Ok((filled, closed));
            }
            connection.read_tls(&mut records)?;
        }
    }
}

/// Moves what the connection wants to send behind `target`.
fn write_all(connection: &mut ClientConnection, target: &mut Vec<u8>) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(target)?;
    }
    Ok(())
}

fn wait(socket: &Socket, (read, write): (bool, bool), until: Instant) -> io::Result<()> {
    if Instant::now() >= until {
        return Err(io::ErrorKind::TimedOut.into());
    }
    socket.wait(read, write, until);
    Ok(())
}

//! A connected way to the daemon: a Unix socket, or TCP with TLS over it. Which of the two, nobody above knows.

use std::io;
use std::net::ToSocketAddrs;
use std::time::Instant;

use super::Endpoint;
use super::socket::{Descriptors, Ready, Socket};
use super::sync::Arc;
use super::tls::{Remote, Tls};

/// The socket and, where there is TLS, the records on it.
pub(super) struct Channel {
    socket: Socket,
    tls: Option<Tls>,
}

impl Channel {
    /// Connects; over the network that waits, until `until` at most.
    pub(super) fn open(endpoint: &Endpoint, list: &Arc<Descriptors>, until: Instant) -> Result<Channel, String> {
        match endpoint {
            Endpoint::Unix(path) => match Socket::connect(path, list) {
                Ok(socket) => Ok(Channel { socket, tls: None }),
                Err(error) => Err(format!("{}: {error}", path.display())),
            },
            Endpoint::Https(remote) => {
                let socket = Channel::dial(remote, list, until)
                    .map_err(|error| format!("https://{}:{}: {error}", remote.host, remote.port))?;
                let tls = Tls::connect(remote, &socket, until)?;
                Ok(Channel { socket, tls: Some(tls) })
            }
        }
    }

    /// The first of a host's addresses that answers. Looking up a name is the C library's, and not bounded by `until`.
    fn dial(remote: &Remote, list: &Arc<Descriptors>, until: Instant) -> io::Result<Socket> {
        let mut failure = io::Error::from(io::ErrorKind::NotFound);
        for address in (remote.host.as_str(), remote.port).to_socket_addrs()? {
            match Socket::connect_tcp(address, list, until) {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Sends what fits. `Ok(None)`: nothing fits now, and the next call must bring the same bytes.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match &self.tls {
            Some(tls) => tls.send(&self.socket, bytes),
            None => self.socket.send(bytes),
        }
    }

    /// Receives what is there. `Ok(None)`: nothing yet; `Ok(Some(0))`: the end.
    pub(super) fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &self.tls {
            Some(tls) => tls.recv(&self.socket, buffer),
            None => self.socket.recv(buffer),
        }
    }

    /// As [`Socket::wait`].
    pub(super) fn wait(&self, read: bool, write: bool, until: Instant) -> Ready {
        self.socket.wait(read, write, until)
    }

    /// As [`Socket::shutdown`].
    pub(super) fn shutdown(&self) {
        self.socket.shutdown();
    }
}

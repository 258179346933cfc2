//! The system calls: connect, send, recv, ppoll, and the list of descriptors that a fork must know. No protocol lives
//! here.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    shutdown, socket_with, sockopt,
};

use super::sync::{Arc, Mutex, lock};

/// After so long without a word the kernel asks a TCP peer whether it is there, three times, and then gives up.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A descriptor of ours, by number and by what it was when it was made. Hosts that daemonize close and reuse numbers,
/// so the number alone proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// The descriptor's number.
    pub number: RawFd,
    device: u64,
    inode: u64,
}

impl Inherited {
    /// Whether `fstat` of the number, with these `st_dev` and `st_ino`, still shows the socket we made.
    pub fn is_still(&self, device: u64, inode: u64) -> bool {
        self.device == device && self.inode == inode
    }
}

/// Every open socket of one client, also those which the pool has let go of and a call still uses.
pub(super) type Descriptors = Mutex<Vec<Inherited>>;

/// A connected socket; dropping it closes it, unless the host has.
pub(super) struct Socket {
    // Order matters: first the descriptor is closed, then it leaves the list. A fork in between finds an entry that
    // `fstat` refutes; the other way round it would leave a descriptor that nobody closes.
    descriptor: Option<OwnedFd>,
    entry: Entry,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_ours = self.is_ours();
        match self.descriptor.take() {
            // The host has closed it, and may have given its number to a file of its own.
            Some(descriptor) if !is_ours => drop(descriptor.into_raw_fd()),
            ours => drop(ours),
        }
    }
}

struct Entry {
    list: Arc<Descriptors>,
    inherited: Inherited,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.list).retain(|other| *other != self.inherited);
    }
}

/// What [`Socket::wait`] saw.
#[derive(Clone, Copy)]
pub(super) struct Ready {
    pub(super) readable: bool,
    pub(super) writable: bool,
}

impl Socket {
    /// Connects, without waiting: a daemon whose backlog is full looks like one that is away, and the caller tries
    /// again.
    pub(super) fn connect(path: &Path, list: &Arc<Descriptors>) -> io::Result<Socket> {
        let address = SocketAddrUnix::new(path)?;
        let socket = Socket::make(AddressFamily::UNIX, list)?;
        connect(socket.descriptor()?, &address)?;
        Ok(socket)
    }

    /// Connects over TCP, and waits for that.
    pub(super) fn connect_tcp(address: SocketAddr, list: &Arc<Descriptors>, until: Instant) -> io::Result<Socket> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = Socket::make(family, list)?;
        let descriptor = socket.descriptor()?;
        // Requests are small and each is waited for.
        sockopt::set_tcp_nodelay(descriptor, true)?;
        // Nobody reads while the host is idle, so the kernel has to notice that the other end is gone.
        sockopt::set_socket_keepalive(descriptor, true)?;
        sockopt::set_tcp_keepidle(descriptor, KEEP_ALIVE)?;
        sockopt::set_tcp_keepintvl(descriptor, KEEP_ALIVE / 3)?;
        sockopt::set_tcp_keepcnt(descriptor, 3)?;
        match connect(descriptor, &address) {
            Ok(()) => return Ok(socket),
            Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        while Instant::now() < until {
            if socket.wait(false, true, until).writable {
                sockopt::socket_error(socket.descriptor()?)??;
                return Ok(socket);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// A socket that is on the list.
    fn make(family: AddressFamily, list: &Arc<Descriptors>) -> io::Result<Socket> {
        // The one lock over system calls: both never wait, and a fork must not see a descriptor before it is on the
        // list.
        let mut entries = lock(list);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let descriptor = socket_with(family, SocketType::STREAM, flags, None)?;
        let stat = fstat(&descriptor)?;
        let inherited = Inherited { number: descriptor.as_raw_fd(), device: stat.st_dev, inode: stat.st_ino };
        entries.push(inherited);
        Ok(Socket { descriptor: Some(descriptor), entry: Entry { list: Arc::clone(list), inherited } })
    }

    /// It is there until the socket is dropped.
    fn descriptor(&self) -> Result<&OwnedFd, Errno> {
        self.descriptor.as_ref().ok_or(Errno::BADF)
    }

    /// Whether the number still means the socket we made.
    fn is_ours(&self) -> bool {
        let status = self.descriptor().and_then(fstat);
        status.is_ok_and(|status| self.entry.inherited.is_still(status.st_dev, status.st_ino))
    }

    /// Sends what fits. `Ok(None)`: nothing fits now.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        now_or_never(send(self.descriptor()?, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
    }

    /// Receives what is there. `Ok(None)`: nothing yet; `Ok(Some(0))`: the end.
    pub(super) fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        now_or_never(recv(self.descriptor()?, buffer, RecvFlags::DONTWAIT).map(|(received, _)| received))
    }

    /// Waits until something of what is asked for is possible, or until `until`; signals also end it.
    pub(super) fn wait(&self, read: bool, write: bool, until: Instant) -> Ready {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, read);
        events.set(PollFlags::OUT, write);
        let left = until.saturating_duration_since(Instant::now());
        let seen = self.descriptor().map_or(PollFlags::NVAL, |descriptor| {
            let mut polled = [PollFd::new(descriptor, events)];
            poll(&mut polled, Some(&timespec(left))).map_or(PollFlags::empty(), |_| polled[0].revents())
        });
        // HUP and ERR are reported unasked; the read or write that follows finds out which.
        let broken = seen.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
        Ready {
            readable: read && (broken || seen.contains(PollFlags::IN)),
            writable: write && (broken || seen.contains(PollFlags::OUT)),
        }
    }

    /// Ends both directions, so that a thread waiting in [`wait`](Self::wait) wakes; what has arrived can still be
    /// received.
    pub(super) fn shutdown(&self) {
        if let Some(descriptor) = self.descriptor.as_ref().filter(|_| self.is_ours()) {
            // The peer may have been quicker; there is nothing to do about any error.
            let _ = shutdown(descriptor, Shutdown::Both);
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timespec { tv_sec: seconds, tv_nsec: duration.subsec_nanos().into() }
}

fn now_or_never(result: Result<usize, Errno>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

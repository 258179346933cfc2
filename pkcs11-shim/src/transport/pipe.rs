//! The two in-memory buffers that h2 takes for its socket. No descriptor and no gRPC lives here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::sync::{Arc, Mutex, lock};

/// What has arrived and what wants to leave. Writing never waits: HTTP/2's windows and the outbox's limit bound the
/// memory.
#[derive(Clone, Default)]
pub(super) struct Pipe(Arc<Mutex<Buffers>>);

#[derive(Default)]
struct Buffers {
    arrived: Vec<u8>,
    /// How much of `arrived` h2 has read.
    read: usize,
    leaving: Vec<u8>,
    eof: bool,
}

/// A buffer that grew for one large message is given back rather than kept for the life of the host.
const KEEP_BYTES: usize = 256 * 1024;

impl Pipe {
    /// Bytes from the socket.
    pub(super) fn feed(&self, bytes: &[u8]) {
        lock(&self.0).arrived.extend_from_slice(bytes);
    }

    /// Nothing more will arrive.
    pub(super) fn end(&self) {
        lock(&self.0).eof = true;
    }

    /// Whether h2 has written something that [`take_output`](Self::take_output) would give.
    pub(super) fn has_output(&self) -> bool {
        !lock(&self.0).leaving.is_empty()
    }

    /// Moves what h2 has written behind `target`.
    pub(super) fn take_output(&self, target: &mut Vec<u8>) {
        let mut buffers = lock(&self.0);
        if target.is_empty() {
            std::mem::swap(target, &mut buffers.leaving);
        } else {
            target.append(&mut buffers.leaving);
        }
        if buffers.leaving.capacity() > KEEP_BYTES {
            buffers.leaving = Vec::new();
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, target: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut buffers = lock(&self.0);
        let unread = buffers.arrived.get(buffers.read..).unwrap_or_default();
        if unread.is_empty() {
            // No waker is kept: whoever feeds the pipe also drives h2.
            return if buffers.eof { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let taken = unread.len().min(target.remaining());
        target.put_slice(unread.get(..taken).unwrap_or_default());
        buffers.read += taken;
        if buffers.read == buffers.arrived.len() {
            buffers.arrived.clear();
            buffers.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).leaving.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut buffers = lock(&self.0);
        for part in parts {
            buffers.leaving.extend_from_slice(part);
        }
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

//! HTTP/2 and gRPC as a state machine over the pipe: one connection, one long `Exchange` stream. No socket, no waiting
//! and no threads live here; the rest of the transport sees only the trait [`Wire`], so that another framing could take
//! h2's place.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, StatusCode, Version};

use super::deframe::{Deframer, Malformed};
use super::pipe::Pipe;
use super::sync::Arc;

/// Why a connection serves no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The request surely was not processed.
    NotSent(String),
    /// The outcome of what was sent is unknown.
    Lost(String),
    /// The daemon said no to the stream: gRPC status and message.
    Refused(i32, String),
}

/// What the rest of the transport needs of a protocol.
pub(super) trait Wire: Send {
    /// Queues framed messages; they leave as one piece where the windows allow.
    fn send(&mut self, messages: Bytes);
    /// Digests what is in the pipe and writes what wants to leave.
    fn drive(&mut self);
    /// The next message, or why there will be none. None: nothing yet.
    fn next_message(&mut self) -> Option<Result<Bytes, End>>;
    /// Whether taking messages has given cause to drive again (window updates).
    fn needs_drive(&self) -> bool;
    /// Whether the peer wants no new work on this connection.
    fn going_away(&mut self) -> bool;
}

/// The path of the one method.
const METHOD: &str = "/softkeep.pkcs11.v1.Module/Exchange";
/// Two of the largest messages: the daemon never has to wait for us to read on.
const WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// Headers and trailers of a gRPC answer are below 1 KiB.
const MAX_HEADER_BYTES: u32 = 32 * 1024;
/// A daemon's words in an error, at most.
const MAX_STATUS_MESSAGE_BYTES: usize = 512;

// gRPC status codes (grpc/statuscodes).
const UNKNOWN: i32 = 2;
const RESOURCE_EXHAUSTED: i32 = 8;
const INTERNAL: i32 = 13;
const UNAVAILABLE: i32 = 14;

/// h2 wakes "the connection's task" when it has more to do; here that is a flag.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// [`Wire`] by the h2 crate.
pub(super) struct Core {
    connection: Connection<Pipe, Bytes>,
    /// Never used for a second request: its `poll_ready` is how h2 tells of a GOAWAY.
    probe: SendRequest<Bytes>,
    requests: SendStream<Bytes>,
    response: Option<ResponseFuture>,
    replies: Option<RecvStream>,
    deframer: Deframer,
    /// A reply or notice has been seen, so the daemon has worked for us.
    served: bool,
    closed: Option<String>,
    end: Option<End>,
    woken: Arc<Flag>,
    waker: Waker,
}

impl Core {
    /// Writes the preface and the request's headers into the pipe; they leave together with the first message. The
    /// authority is what comes before the path of a URL.
    pub(super) fn open(pipe: Pipe, authority: &str) -> Result<Core, End> {
        let woken = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(MAX_HEADER_BYTES)
            .enable_push(false);
        let not_begun = |error: h2::Error| End::NotSent(format!("cannot begin HTTP/2: {error}"));
        let handshake = pin!(builder.handshake::<_, Bytes>(pipe));
        let Poll::Ready(begun) = handshake.poll(&mut context) else {
            return Err(End::NotSent("HTTP/2 did not begin".into()));
        };
        let (mut probe, connection) = begun.map_err(not_begun)?;
        let request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(format!("{authority}{METHOD}"))
            .header("te", "trailers")
            .header("content-type", "application/grpc")
            .header("user-agent", concat!("softkeep-pkcs11/", env!("CARGO_PKG_VERSION")))
            .body(())
            .map_err(|error| End::NotSent(error.to_string()))?;
        let (response, requests) = probe.send_request(request, false).map_err(not_begun)?;
        Ok(Core {
            connection,
            probe,
            requests,
            response: Some(response),
            replies: None,
            deframer: Deframer::default(),
            served: false,
            closed: None,
            end: None,
            woken,
            waker,
        })
    }

    /// The stream's next event; the reply's head first. `Ready(None)`: there is more to deframe.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<Option<End>> {
        if let Some(response) = &mut self.response {
            let Poll::Ready(answer) = Pin::new(response).poll(context) else { return Poll::Pending };
            self.response = None;
            match answer {
                Err(error) => return Poll::Ready(Some(self.broken(&error))),
                Ok(answer) => {
                    let (head, body) = answer.into_parts();
                    if let Some(end) = refusal(head.status, &head.headers) {
                        return Poll::Ready(Some(end));
                    }
                    self.replies = Some(body);
                }
            }
        }
        let Some(body) = &mut self.replies else { return Poll::Pending };
        match body.poll_data(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => {
                // Read is consumed: what is not yet a whole message is bounded by the message limit, not by the window.
                let released = body.flow_control().release_capacity(chunk.len());
                self.deframer.push(chunk);
                Poll::Ready(released.err().map(|error| self.broken(&error)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(self.broken(&error))),
            Poll::Ready(None) => match body.poll_trailers(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(Some(trailers))) => Poll::Ready(Some(ended(&trailers))),
                Poll::Ready(Ok(None)) => Poll::Ready(Some(End::Lost("the stream ended without a status".into()))),
                Poll::Ready(Err(error)) => Poll::Ready(Some(self.broken(&error))),
            },
        }
    }

    /// What an error of h2's means for the calls in flight.
    fn broken(&self, error: &h2::Error) -> End {
        // RFC 9113 section 8.7: a refused stream was not processed.
        if error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM) && !self.served {
            return End::NotSent("the daemon refused the stream".into());
        }
        End::Lost(match &self.closed {
            Some(cause) if error.is_io() => cause.clone(),
            _ => error.to_string(),
        })
    }
}

impl Wire for Core {
    fn send(&mut self, messages: Bytes) {
        // An error means that the stream has ended, which `next_message` tells with its reason.
        let _ = self.requests.send_data(messages, false);
    }

    fn drive(&mut self) {
        if self.closed.is_some() {
            return;
        }
        let mut context = Context::from_waker(&self.waker);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            match Pin::new(&mut self.connection).poll(&mut context) {
                Poll::Ready(Ok(())) => self.closed = Some("the daemon closed the connection".into()),
                Poll::Ready(Err(error)) => self.closed = Some(error.to_string()),
                // h2 wakes itself while polled, when one step gives rise to another.
                Poll::Pending if self.woken.0.load(Ordering::Relaxed) => continue,
                Poll::Pending => {}
            }
            return;
        }
    }

    fn next_message(&mut self) -> Option<Result<Bytes, End>> {
        let waker = self.waker.clone();
        let mut context = Context::from_waker(&waker);
        loop {
            if let Some(end) = &self.end {
                return Some(Err(end.clone()));
            }
            match self.deframer.next() {
                Ok(Some(message)) => {
                    self.served = true;
                    return Some(Ok(message));
                }
                Ok(None) => {}
                Err(malformed) => {
                    self.end = Some(distrust(&malformed));
                    continue;
                }
            }
            match self.poll_stream(&mut context) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(end)) => self.end = Some(self.mid_message(end)),
                // Everything that came before the connection's end has been read.
                Poll::Pending => self.end = Some(self.mid_message(End::Lost(self.closed.clone()?))),
            }
        }
    }

    fn needs_drive(&self) -> bool {
        self.closed.is_none() && self.woken.0.load(Ordering::Relaxed)
    }

    fn going_away(&mut self) -> bool {
        let mut context = Context::from_waker(&self.waker);
        matches!(self.probe.poll_ready(&mut context), Poll::Ready(Err(_)))
    }
}

impl Core {
    fn mid_message(&self, end: End) -> End {
        match end {
            End::Lost(cause) if self.deframer.is_mid_message() => {
                End::Lost(format!("{cause}, in the middle of a reply"))
            }
            end => end,
        }
    }
}

fn distrust(malformed: &Malformed) -> End {
    match malformed {
        Malformed::TooLarge(length) => {
            End::Refused(RESOURCE_EXHAUSTED, format!("the daemon announced a reply of {length} bytes"))
        }
        Malformed::Compressed => End::Refused(INTERNAL, "the daemon sent a compressed reply".into()),
    }
}

/// What the head of the answer says, if it is not "here come the replies".
fn refusal(status: StatusCode, headers: &HeaderMap) -> Option<End> {
    if headers.contains_key("grpc-status") {
        return Some(ended(headers));
    }
    // grpc/http-grpc-status-mapping: a proxy's answer, not the daemon's.
    let code = match status.as_u16() {
        200 => return None,
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    };
    Some(by_status(code, format!("HTTP status {status}")))
}

/// What trailers say.
fn ended(trailers: &HeaderMap) -> End {
    let status = trailers.get("grpc-status").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let Some(status) = status else { return End::Lost("the stream ended without a status".into()) };
    let text = trailers.get("grpc-message").map(|value| percent_decoded(value.as_bytes())).unwrap_or_default();
    by_status(status, text)
}

/// A daemon that goes away (0: it ended the stream; 14: it says so) is a lost connection; all else is a refusal.
fn by_status(status: i32, text: String) -> End {
    match status {
        0 => End::Lost("the daemon ended the stream".into()),
        UNAVAILABLE => End::Lost(format!("the daemon is unavailable: {text}")),
        status => End::Refused(status, text),
    }
}

/// gRPC over HTTP/2, "Percent-Encoded": what is no valid escape stands for itself.
fn percent_decoded(text: &[u8]) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.get(..MAX_STATUS_MESSAGE_BYTES).unwrap_or(text);
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

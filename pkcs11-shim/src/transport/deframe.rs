//! gRPC's length-prefixed messages: cut out of DATA frames, and put into them. No HTTP/2 lives here.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use softkeep_proto::limits::MAX_MESSAGE_BYTES;

/// One byte of flags, four of length (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX_BYTES: usize = 5;

/// Appends a message with its prefix. The caller has checked its size.
pub(super) fn frame(message: &impl Message, target: &mut BytesMut) {
    let length = message.encoded_len();
    target.reserve(PREFIX_BYTES + length);
    target.put_u8(0);
    target.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // Cannot fail: a BytesMut grows.
    let _ = message.encode(target);
}

/// Puts messages together again; h2 and the peer cut them where they like.
#[derive(Default)]
pub(super) struct Deframer {
    /// The chunk being read: messages inside it are slices, not copies.
    chunk: Bytes,
    /// The beginning of a message that the last chunk did not end.
    begun: BytesMut,
}

/// A prefix that we do not accept; nothing after it can be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    TooLarge(u32),
    Compressed,
}

impl Deframer {
    /// More of the stream. The caller takes all messages first.
    pub(super) fn push(&mut self, chunk: Bytes) {
        if self.begun.is_empty() && self.chunk.is_empty() {
            self.chunk = chunk;
        } else {
            self.begun.extend_from_slice(&self.chunk);
            self.begun.extend_from_slice(&chunk);
            self.chunk = Bytes::new();
        }
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.begun.is_empty() {
            return Ok(cut(&self.chunk)?.map(|length| {
                self.chunk.advance(PREFIX_BYTES);
                self.chunk.split_to(length)
            }));
        }
        let Some(length) = cut(&self.begun)? else { return Ok(None) };
        self.begun.advance(PREFIX_BYTES);
        Ok(Some(self.begun.split_to(length).freeze()))
    }

    /// Whether the stream stops in the middle of a message.
    pub(super) fn is_mid_message(&self) -> bool {
        !self.chunk.is_empty() || !self.begun.is_empty()
    }
}

/// The messages of a whole stream that arrives in pieces of this many bytes, up to the first that is not accepted.
#[cfg(any(test, fuzzing))]
pub fn messages(stream: &[u8], piece_bytes: usize) -> Vec<Bytes> {
    let (mut deframer, mut messages) = (Deframer::default(), Vec::new());
    for piece in stream.chunks(piece_bytes.max(1)) {
        deframer.push(Bytes::copy_from_slice(piece));
        loop {
            match deframer.next() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return messages,
            }
        }
    }
    messages
}

/// The length of the message at the front, if all of it is there. The limit is checked before the memory is asked for.
fn cut(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let [flags, a, b, c, d] = *prefix;
    let length = u32::from_be_bytes([a, b, c, d]);
    if flags != 0 {
        return Err(Malformed::Compressed);
    }
    if length as usize > MAX_MESSAGE_BYTES {
        return Err(Malformed::TooLarge(length));
    }
    Ok((rest.len() >= length as usize).then_some(length as usize))
}

//! What tonic would answer by itself and without details, in our words: a caller's `grpc-timeout` that passed (tonic says CANCELLED), a message
//! over the limit (OUT_OF_RANGE).

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use softkeep_proto::limits::MAX_MESSAGE_BYTES;
use tonic::{body::Body, codegen::http};
use tower::{Layer, Service};

use super::{bearer, status};
use crate::error::{Error, ErrorCode};

/// Puts an [`Edge`] around a service.
#[derive(Clone, Copy)]
pub struct EdgeLayer;

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge(inner)
    }
}

/// Ends a call when its caller no longer waits, and names what was too large.
#[derive(Clone)]
pub struct Edge<S>(S);

impl<S, B> Service<http::Request<B>> for Edge<S>
where
    S: Service<http::Request<B>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        bearer::remember(&mut request);
        let limit = request.headers().get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
        let work = self.0.call(request);
        let Some(limit) = limit else { return Box::pin(async move { work.await.map(name_too_large) }) };
        // Made before tonic makes its own timer, and polled before it: so this one is first.
        let work = tokio::time::timeout(limit, work);
        let late = || status::of(Error::new(ErrorCode::DeadlineExceeded, "the caller's time limit passed")).into_http();
        Box::pin(async move { work.await.unwrap_or_else(|_| Ok(late())).map(name_too_large) })
    }
}

/// tonic's OUT_OF_RANGE, which no table of ours gives, as MESSAGE_TOO_LARGE.
fn name_too_large(response: http::Response<Body>) -> http::Response<Body> {
    let out_of_range = response.headers().get("grpc-status").is_some_and(|status| status.as_bytes() == b"11");
    if !out_of_range {
        return response;
    }
    let detail = format!("the message is too large: the limit is {MAX_MESSAGE_BYTES} bytes");
    status::of(Error::new(ErrorCode::MessageTooLarge, detail)).into_http()
}

/// At most eight digits and a unit.
fn parse(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units() {
        assert_eq!(parse("2m"), Some(Duration::from_millis(2)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(parse("1S"), Some(Duration::from_secs(1)));
        for wrong in ["", "m", "1", "-1S", "+1S", "1s", "123456789S", "1 S", "é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,20}") {
            let _ = parse(&text);
        }
    }
}

//! `grpc-timeout` (gRPC over HTTP/2, "Requests") as a DEADLINE_EXCEEDED of ours: tonic's own timer answers CANCELLED, without details.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tonic::{body::Body, codegen::http};
use tower::{Layer, Service};

use super::status;
use crate::error::{Error, ErrorCode};

/// Puts [`Timed`] around a service.
#[derive(Clone, Copy)]
pub struct TimedLayer;

impl<S> Layer<S> for TimedLayer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed(inner)
    }
}

/// Ends a call when its caller no longer waits.
#[derive(Clone)]
pub struct Timed<S>(S);

impl<S, B> Service<http::Request<B>> for Timed<S>
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

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let limit = request.headers().get("grpc-timeout").and_then(|value| parse(value.to_str().ok()?));
        let work = self.0.call(request);
        let Some(limit) = limit else { return Box::pin(work) };
        // Made before tonic makes its own timer, and polled before it: so this one is first.
        let work = tokio::time::timeout(limit, work);
        let late = || status::of(Error::new(ErrorCode::DeadlineExceeded, "the caller's time limit passed")).into_http();
        Box::pin(async move { work.await.unwrap_or_else(|_| Ok(late())) })
    }
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

//! Several operations in one call. Each is a request of its own: authorised, audited and refused for itself.

use softkeep_proto::{
    limits::{MAX_BATCH, MAX_PIPELINE_IN_FLIGHT},
    v1::{self, crypto_reply::Result as Outcome, crypto_request::Operation},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Services, status};
use crate::{
    error::{Error, ErrorCode, Result},
    identity::Caller,
};

/// Answers all of a batch, in its order.
pub(super) async fn batch(services: &Services, caller: &Caller, batch: v1::BatchRequest) -> Result<v1::BatchReply> {
    let count = batch.requests.len();
    if count == 0 || count > MAX_BATCH {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("a batch has 1 to {MAX_BATCH} requests, not {count}"),
        ));
    }
    // Ends with this call: what has not begun when its caller goes is never done.
    let mut work = JoinSet::new();
    for (index, request) in batch.requests.into_iter().enumerate() {
        let (services, caller) = (services.clone(), caller.clone());
        work.spawn(async move { (index, run(&services, caller, request).await) });
    }
    let mut replies = vec![v1::CryptoReply::default(); count];
    while let Some(done) = work.join_next().await {
        let (index, reply) = done.map_err(Error::internal)?;
        if let Some(place) = replies.get_mut(index) {
            *place = reply;
        }
    }
    Ok(v1::BatchReply { replies })
}

/// Answers requests as they are done, in whatever order that is. It reads no further while [`MAX_PIPELINE_IN_FLIGHT`] are under way or the
/// caller does not take its answers.
pub(super) fn pipeline(
    services: Services,
    caller: Caller,
    requests: Streaming<v1::PipelineRequest>,
) -> ReceiverStream<std::result::Result<v1::PipelineReply, Status>> {
    let (replies, answers) = mpsc::channel(MAX_PIPELINE_IN_FLIGHT);
    tokio::spawn(drive(services, caller, requests, replies));
    ReceiverStream::new(answers)
}

async fn drive(
    services: Services,
    caller: Caller,
    mut requests: Streaming<v1::PipelineRequest>,
    replies: mpsc::Sender<std::result::Result<v1::PipelineReply, Status>>,
) {
    let mut work = JoinSet::new();
    let mut has_more = true;
    while has_more || !work.is_empty() {
        let reply = tokio::select! {
            // The caller is gone; so is, with `work`, what it has asked for.
            () = replies.closed() => return,
            request = requests.message(), if has_more && work.len() < MAX_PIPELINE_IN_FLIGHT => match request {
                Ok(Some(v1::PipelineRequest { number, request })) => {
                    let (services, caller) = (services.clone(), caller.clone());
                    work.spawn(async move {
                        let reply = run(&services, caller, request.unwrap_or_default()).await;
                        v1::PipelineReply { number, reply: Some(reply) }
                    });
                    continue;
                }
                Ok(None) => {
                    has_more = false;
                    continue;
                }
                Err(status) => Err(status),
            },
            Some(done) = work.join_next() => done.map_err(|error| status::of(Error::internal(error))),
        };
        let is_end = reply.is_err();
        if replies.send(reply).await.is_err() || is_end {
            return;
        }
    }
}

async fn run(services: &Services, caller: Caller, request: v1::CryptoRequest) -> v1::CryptoReply {
    let outcome = match request.operation {
        None => Err(Error::new(ErrorCode::InvalidArgument, "the request has no operation")),
        Some(Operation::Sign(request)) => services.sign_as(caller, request).await.map(Outcome::Sign),
        Some(Operation::Verify(request)) => services.verify_as(caller, request).await.map(Outcome::Verify),
        Some(Operation::Encrypt(request)) => services.encrypt_as::<false>(caller, request).await.map(Outcome::Encrypt),
        Some(Operation::Decrypt(request)) => services.decrypt_as::<false>(caller, request).await.map(Outcome::Decrypt),
        Some(Operation::WrapKey(request)) => services.encrypt_as::<true>(caller, request).await.map(Outcome::WrapKey),
        Some(Operation::UnwrapKey(request)) => {
            services.decrypt_as::<true>(caller, request).await.map(Outcome::UnwrapKey)
        }
    };
    v1::CryptoReply { result: Some(outcome.unwrap_or_else(|error| Outcome::Failure(failure(error)))) }
}

/// An error in the words of a call that fails for itself.
fn failure(error: Error) -> v1::CryptoFailure {
    v1::CryptoFailure {
        code: error.code.grpc() as i32,
        reason: error.code.reason().to_owned(),
        request_id: status::request_id(&error),
        message: status::brief(error.detail),
    }
}

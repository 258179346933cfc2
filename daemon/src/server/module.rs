//! The module's stream, `softkeep.pkcs11.v1`: requests in, replies out in whatever order they are done, notices between them.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use prost::Message as _;
use softkeep_proto::{
    error::ErrorCode,
    limits::MAX_IN_FLIGHT_PER_CONNECTION,
    pkcs11::v1::{Failure, Reply, Request, VaultChanged, module_server::Module, reply},
};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

use super::{peer, status};
use crate::{
    error::{Error, Result},
    id::Id,
    identity::{Caller, Peer},
    pipeline::Pipeline,
};

mod mechanism;
mod translate;
mod uses;

use translate::Defaults;

/// The door of the PKCS#11 module.
pub struct ModuleService {
    pipeline: Arc<Pipeline>,
    defaults: Defaults,
}

impl ModuleService {
    /// In front of a pipeline; whether vaults made here publish certificates.
    pub fn new(pipeline: Arc<Pipeline>, publish_certificates: bool) -> Self {
        Self { pipeline, defaults: Defaults { publish_certificates } }
    }
}

/// One module's connection.
struct Connection {
    pipeline: Arc<Pipeline>,
    defaults: Defaults,
    peer: Peer,
    /// The vaults this connection has named and may see: it hears of their changes.
    named: Mutex<HashSet<Id>>,
    replies: mpsc::Sender<std::result::Result<Reply, Status>>,
    in_flight: Semaphore,
}

/// What one permit of a connection pays for: all of them are the requests it may have in flight, and 64 MiB.
const BYTES_PER_PERMIT: usize = 16 * 1024;

/// Replies waiting for a module that does not read them; with that many no more are made. What one refers to can be large.
const MAX_WAITING_REPLIES: usize = 256;

/// Changes that come in quick succession are told as one.
const NOTICE_INTERVAL: Duration = Duration::from_millis(20);

#[tonic::async_trait]
impl Module for ModuleService {
    type ExchangeStream = ReceiverStream<std::result::Result<Reply, Status>>;

    async fn exchange(
        &self,
        request: tonic::Request<Streaming<Request>>,
    ) -> std::result::Result<Response<Self::ExchangeStream>, Status> {
        let peer = peer::of(request.extensions()).map_err(status::of)?;
        let (replies, outgoing) = mpsc::channel(MAX_WAITING_REPLIES);
        let connection = Arc::new(Connection {
            pipeline: self.pipeline.clone(),
            defaults: self.defaults,
            peer,
            named: Mutex::default(),
            replies,
            in_flight: Semaphore::new(MAX_IN_FLIGHT_PER_CONNECTION),
        });
        tokio::spawn(connection.read(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

impl Connection {
    async fn read(self: Arc<Self>, mut requests: Streaming<Request>) {
        let notices = tokio::spawn(self.clone().tell_changes());
        // An error is the peer's going; there is nobody left to tell.
        while let Ok(Some(request)) = requests.message().await {
            self.clone().take(request).await;
        }
        notices.abort();
    }

    /// Runs a request where it arrived; what does not end at once goes on by itself while the next request is read.
    async fn take(self: Arc<Self>, request: Request) {
        let permits = u32::try_from(1 + request.encoded_len() / BYTES_PER_PERMIT).unwrap_or(u32::MAX);
        let connection = self.clone();
        let mut work = Box::pin(async move { connection.answer(request).await });
        let reply = match poll_once(work.as_mut()) {
            Poll::Ready(reply) => reply,
            Poll::Pending => {
                // Never closed, so a permit always comes; waiting for it is what holds back a module that sends too much.
                let Ok(permit) = self.in_flight.acquire_many(permits).await else { return };
                permit.forget();
                tokio::spawn(async move {
                    let reply = work.await;
                    let _ = self.replies.send(Ok(reply)).await;
                    // Not before: replies that nobody reads would gather without limit.
                    self.in_flight.add_permits(permits as usize);
                });
                return;
            }
        };
        let _ = self.replies.send(Ok(reply)).await;
    }

    async fn answer(&self, request: Request) -> Reply {
        let id = request.id;
        let timeout = Duration::from_millis(request.timeout_ms.into());
        let work = pin!(self.run(request));
        let result = match timeout.is_zero() {
            true => work.await,
            false => Deadline { work, timeout, timer: None }.await,
        };
        Reply { id, result: Some(result.unwrap_or_else(|error| reply::Result::Failure(failure(error)))) }
    }

    async fn run(&self, request: Request) -> Result<reply::Result> {
        let application = match request.application_id.is_empty() {
            true => Id::default(),
            false => Id::from_bytes(&request.application_id)?,
        };
        let caller = self.pipeline.identify(&self.peer, &request.login_token, application)?;
        let vault = match request.vault_id.is_empty() {
            true => Id::default(),
            false => Id::from_bytes(&request.vault_id)?,
        };
        self.listen_to(&caller, vault);
        translate::run(&self.pipeline, caller, vault, request.op, self.defaults).await
    }

    /// From now on the connection hears of a vault's changes: before the request reads it, and only if its caller may see it. Other
    /// identifiers are made up, and would be kept for as long as the connection lives.
    fn listen_to(&self, caller: &Caller, vault: Id) {
        let named = || self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if !named().contains(&vault) && self.pipeline.may_see(caller, vault) {
            named().insert(vault);
        }
    }

    /// Tells the module of changes in the vaults it has named, the newest revision of each.
    async fn tell_changes(self: Arc<Self>) {
        loop {
            // Asked for before looking: a change between the two is then not missed.
            let mut seal_reason = self.pipeline.seal_reason();
            // A sealed daemon has no changes; an unsealed one has a new feed.
            let Ok(rooms) = self.pipeline.unsealed() else {
                if seal_reason.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let mut changes = rooms.keys.catalog.changes();
            let catalog = Arc::downgrade(&rooms.keys);
            drop(rooms);
            loop {
                let mut newest = HashMap::new();
                match changes.recv().await {
                    Ok((vault, revision)) => drop(newest.insert(vault, revision)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => break,
                }
                tokio::time::sleep(NOTICE_INTERVAL).await;
                let mut missed = newest.is_empty();
                loop {
                    match changes.try_recv() {
                        Ok((vault, revision)) => drop(newest.insert(vault, revision)),
                        Err(broadcast::error::TryRecvError::Lagged(_)) => missed = true,
                        Err(_) => break,
                    }
                }
                let named: Vec<Id> =
                    self.named.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
                if missed {
                    let Some(keys) = catalog.upgrade() else { break };
                    let view = keys.catalog.view();
                    newest = named.iter().filter_map(|id| view.vault(*id).map(|vault| (*id, vault.revision))).collect();
                }
                for vault in named {
                    let Some(revision) = newest.get(&vault).copied() else { continue };
                    let notice = VaultChanged { vault_id: Bytes::copy_from_slice(&vault.0), revision };
                    let reply = Reply { id: 0, result: Some(reply::Result::VaultChanged(notice)) };
                    if self.replies.send(Ok(reply)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Lets work begin. What is not done at once is polled again by the task it is given to, so nobody needs waking here.
fn poll_once<F: Future>(work: Pin<&mut F>) -> Poll<F::Output> {
    work.poll(&mut Context::from_waker(Waker::noop()))
}

/// Work with a limit whose timer is only made when the work does not end at once: most of it does.
struct Deadline<F> {
    work: F,
    timeout: Duration,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl<T, F: Future<Output = Result<T>> + Unpin> Future for Deadline<F> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let Poll::Ready(result) = Pin::new(&mut self.work).poll(context) {
            return Poll::Ready(result);
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        timer
            .as_mut()
            .poll(context)
            .map(|()| Err(Error::new(ErrorCode::DeadlineExceeded, "the module's time limit passed")))
    }
}

fn failure(error: Error) -> Failure {
    Failure {
        code: error.code.into(),
        ck_rv: error.code.ck_rv(),
        request_id: status::request_id(&error),
        reason: status::brief(error.detail),
    }
}

#[cfg(test)]
mod tests;

//! The PKCS#11 door of the daemon, as its module uses it: one stream, a login, one request at a time.

use std::{
    pin::Pin,
    task::{self, Poll},
};

use aws_lc_rs::rand;
use softkeep_proto::{
    error::ErrorCode,
    pkcs11::v1::{
        Attribute, CreateObject, FindObjects, ListTokens, Login, Object, Reply, Request, UserType, reply, request,
    },
};
use tokio::sync::mpsc;
use tonic::{Streaming, codegen::tokio_stream::Stream};

use crate::{
    client::Context,
    error::{Error, Result},
};

/// A stream, logged in as the user of one vault.
pub struct Module {
    requests: mpsc::Sender<Request>,
    replies: Streaming<Reply>,
    last: u64,
    vault_id: Vec<u8>,
    login_token: Vec<u8>,
    application_id: Vec<u8>,
}

/// The requests as they are made.
struct Outgoing(mpsc::Receiver<Request>);

impl Stream for Outgoing {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Option<Request>> {
        self.0.poll_recv(context)
    }
}

fn unexpected() -> Error {
    Error::coded(ErrorCode::Internal, "the daemon gave another answer than it was asked for")
}

impl Module {
    /// Finds the vault and logs in.
    pub async fn log_in(context: &Context, vault: &str, pin: &[u8]) -> Result<Self> {
        let (requests, outgoing) = mpsc::channel(1);
        let replies = context.module().await?.exchange(Outgoing(outgoing)).await?.into_inner();
        let mut application_id = vec![0; 16];
        rand::fill(&mut application_id).map_err(|_| Error::local("no random numbers"))?;
        let (vault_id, login_token) = (Vec::new(), Vec::new());
        let mut module = Self { requests, replies, last: 0, vault_id, login_token, application_id };
        let reply::Result::ListTokens(list) = module.call(request::Op::ListTokens(ListTokens {})).await? else {
            return Err(unexpected());
        };
        let token = list.tokens.into_iter().find(|token| token.label.eq_ignore_ascii_case(vault));
        let token = token.filter(|token| !token.vault_id.is_empty()).ok_or_else(|| {
            Error::coded(ErrorCode::VaultNotFound, format!("the vault '{vault}' is no token that this user can see"))
                .fix("give it a PIN with: softkeep token set-pin --vault-name VAULT")
        })?;
        module.vault_id = token.vault_id.to_vec();
        let login = Login { user_type: UserType::User.into(), pin: pin.to_vec().into() };
        let reply::Result::Login(login) = module.call(request::Op::Login(login)).await? else {
            return Err(unexpected());
        };
        module.login_token = login.login_token.to_vec();
        Ok(module)
    }

    /// The objects with these attributes.
    pub async fn find(&mut self, template: Vec<Attribute>) -> Result<Vec<Object>> {
        let find = FindObjects { template, ..FindObjects::default() };
        match self.call(request::Op::FindObjects(find)).await? {
            reply::Result::Objects(found) => Ok(found.objects),
            _ => Err(unexpected()),
        }
    }

    /// Makes an object.
    pub async fn create(&mut self, template: Vec<Attribute>, request_id: &[u8]) -> Result<()> {
        let create = CreateObject { template, request_id: request_id.to_vec().into() };
        match self.call(request::Op::CreateObject(create)).await? {
            reply::Result::Created(_) => Ok(()),
            _ => Err(unexpected()),
        }
    }

    async fn call(&mut self, op: request::Op) -> Result<reply::Result> {
        self.last += 1;
        let request = Request {
            id: self.last,
            vault_id: self.vault_id.clone().into(),
            login_token: self.login_token.clone().into(),
            timeout_ms: 0,
            application_id: self.application_id.clone().into(),
            op: Some(op),
        };
        let ended = || Error::coded(ErrorCode::Unavailable, "the daemon ended the connection");
        self.requests.send(request).await.map_err(|_| ended())?;
        loop {
            let reply = self.replies.message().await?.ok_or_else(ended)?;
            // Others are notices of changes.
            if reply.id != self.last {
                continue;
            }
            return match reply.result {
                Some(reply::Result::Failure(failure)) => {
                    let code = ErrorCode::try_from(failure.code).unwrap_or(ErrorCode::Internal);
                    Err(Error::coded(code, failure.reason))
                }
                Some(result) => Ok(result),
                None => Err(unexpected()),
            };
        }
    }
}

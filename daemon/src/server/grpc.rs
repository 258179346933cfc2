//! `softkeep.v1`: each call is translated, run through the pipeline, and translated back.

use std::sync::Arc;

use softkeep_proto::limits::MAX_PAGE_SIZE;
use tonic::{Extensions, Request, Status};

use super::{About, bearer, peer, status};
use crate::{
    audit::record::Door,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::Caller,
    ops::Operation,
    pipeline::Pipeline,
    policy::{KeyName, VaultName},
};

pub mod access;
mod audit;
mod certificates;
mod crypto;
mod identifiers;
mod keys;
mod secrets;
mod system;
mod vaults;

/// All services of `softkeep.v1`.
#[derive(Clone)]
pub struct Services {
    pipeline: Arc<Pipeline>,
    about: Arc<About>,
}

impl Services {
    /// In front of a pipeline.
    pub fn new(pipeline: Arc<Pipeline>, about: Arc<About>) -> Self {
        Self { pipeline, about }
    }

    /// Parses and runs an operation for whoever sent the request.
    async fn run<W, O: Operation>(
        &self,
        request: Request<W>,
        parse: impl FnOnce(W) -> Result<O>,
    ) -> std::result::Result<O::Reply, Status> {
        let (_, extensions, message) = request.into_parts();
        let caller = self.caller(&extensions).map_err(status::of)?;
        let operation = parse(message).map_err(status::of)?;
        self.pipeline.run(caller, Door::Grpc, operation).await.map_err(status::of)
    }

    /// Takes a request apart: who sent it, and what.
    fn caller_of<W>(&self, request: Request<W>) -> std::result::Result<(Caller, W), Status> {
        let (_, extensions, message) = request.into_parts();
        Ok((self.caller(&extensions).map_err(status::of)?, message))
    }

    /// Who sends a request: whom its access token is for, else its peer.
    fn caller(&self, extensions: &Extensions) -> Result<Caller> {
        let peer = peer::of(extensions)?;
        match bearer::of(extensions)? {
            Some(token) => self.pipeline.identify_bearer(&peer, token, Door::Grpc),
            None => Ok(Caller::Peer(peer)),
        }
    }
}

fn vault_name(name: String) -> Result<VaultName> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::InvalidArgument, "no vault is named"));
    }
    Ok(VaultName::Named(name))
}

fn key_name(name: String, version: &str) -> Result<KeyName> {
    if name.is_empty() {
        return Err(Error::new(ErrorCode::InvalidArgument, "no key is named"));
    }
    let version =
        if version.is_empty() { None } else { Some(Id::parse(version).map_err(|_| Error::key_not_found(&name))?) };
    Ok(KeyName::Named(name, version))
}

/// The number of items a page may have, from what the caller asks for.
fn page_size(asked: u32) -> usize {
    match asked as usize {
        0 => MAX_PAGE_SIZE,
        asked => asked.min(MAX_PAGE_SIZE),
    }
}

//! `softkeep.v1.System`.

use softkeep_proto::v1::{self, system_server::System};
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{Services, peer, status};
use crate::{
    error::{Error, ErrorCode},
    identity::Peer,
    ops::seal::Seal,
};

#[tonic::async_trait]
impl System for Services {
    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Result<Response<v1::Status>, Status> {
        Ok(Response::new(self.status()))
    }

    async fn seal(&self, request: Request<v1::SealRequest>) -> Result<Response<v1::Status>, Status> {
        self.run(request, |_| Ok(Seal)).await?;
        self.pipeline.seal("it was sealed by an administrator; run: softkeep unseal, or restart it");
        Ok(Response::new(self.status()))
    }

    async fn unseal(&self, request: Request<v1::UnsealRequest>) -> Result<Response<v1::Status>, Status> {
        // While the daemon is sealed it knows no administrators: the passphrase is the proof, and it is asked for on this machine only.
        let local = matches!(peer::of(request.extensions()), Ok(Peer::Unix { .. }));
        if !local {
            return Err(status::of(Error::new(
                ErrorCode::PermissionDenied,
                "the daemon is unsealed from its own machine",
            )));
        }
        let passphrase = Zeroizing::new(request.into_inner().passphrase.into_bytes());
        self.pipeline.unseal_with_passphrase(passphrase).await.map_err(status::of)?;
        Ok(Response::new(self.status()))
    }
}

impl Services {
    fn status(&self) -> v1::Status {
        let unsealed = self.pipeline.unsealed();
        let (store, slots) = self.pipeline.store_kind();
        let audit = unsealed.as_ref().ok().and_then(|rooms| rooms.audit.log().failure());
        v1::Status {
            version: env!("CARGO_PKG_VERSION").into(),
            sealed: unsealed.is_err(),
            seal_reason: self.pipeline.seal_reason().borrow().clone(),
            dev_mode: self.about.dev_mode,
            store: store.into(),
            crypto_backend: self.pipeline.backend_name().into(),
            started: self.pipeline.started,
            slots,
            damaged_records: unsealed.map(|rooms| rooms.keys.damaged.clone()).unwrap_or_default(),
            memory_locked: self.about.memory_locked,
            audit: audit.unwrap_or_else(|| "ok".into()),
            requests: self.pipeline.requests(),
        }
    }
}

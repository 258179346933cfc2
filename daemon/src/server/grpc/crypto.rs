//! `softkeep.v1.Crypto`.

use softkeep_proto::v1::{self, crypto_server::Crypto};
use tonic::{Request, Response, Status};

use super::{Services, identifiers, key_name, vault_name};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::catalog::Version,
    ops::{decrypt::Decrypt, encrypt::Encrypt, random::Random, sign::Sign, verify::Verify},
    policy::{KeyName, VaultName},
};

/// Takes the key's names out of a request.
fn place(key: &mut Option<v1::KeyRef>) -> Result<(VaultName, KeyName)> {
    let key = key.take().ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "no key is named"))?;
    Ok((vault_name(key.vault)?, key_name(key.name, &key.version)?))
}

#[tonic::async_trait]
impl Crypto for Services {
    async fn sign(&self, request: Request<v1::SignRequest>) -> std::result::Result<Response<v1::SignReply>, Status> {
        let parse = |mut request: v1::SignRequest| {
            let (vault, key) = place(&mut request.key)?;
            Sign::parse(vault, key, request)
        };
        let (signature, version) = self.run(request, parse).await?;
        Ok(Response::new(v1::SignReply { signature, kid: self.kid(&version) }))
    }

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> std::result::Result<Response<v1::VerifyReply>, Status> {
        let parse = |mut request: v1::VerifyRequest| {
            let (vault, key) = place(&mut request.key)?;
            Verify::parse(vault, key, request)
        };
        let (valid, version) = self.run(request, parse).await?;
        Ok(Response::new(v1::VerifyReply { valid, kid: self.kid(&version) }))
    }

    async fn encrypt(
        &self,
        request: Request<v1::EncryptRequest>,
    ) -> std::result::Result<Response<v1::EncryptReply>, Status> {
        let parse = |mut request: v1::EncryptRequest| {
            let (vault, key) = place(&mut request.key)?;
            Encrypt::parse(vault, key, request)
        };
        let (ciphertext, version) = self.run(request, parse).await?;
        Ok(Response::new(v1::EncryptReply { ciphertext, kid: self.kid(&version), ..v1::EncryptReply::default() }))
    }

    async fn decrypt(
        &self,
        request: Request<v1::DecryptRequest>,
    ) -> std::result::Result<Response<v1::DecryptReply>, Status> {
        let parse = |mut request: v1::DecryptRequest| {
            let (vault, key) = place(&mut request.key)?;
            Decrypt::parse(vault, key, request)
        };
        let (plaintext, version) = self.run(request, parse).await?;
        Ok(Response::new(v1::DecryptReply { plaintext: plaintext.to_vec(), kid: self.kid(&version) }))
    }

    type PipelineStream = tokio_stream::Pending<std::result::Result<v1::PipelineReply, Status>>;

    async fn wrap_key(&self, _: Request<v1::EncryptRequest>) -> std::result::Result<Response<v1::EncryptReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn unwrap_key(&self, _: Request<v1::DecryptRequest>) -> std::result::Result<Response<v1::DecryptReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn batch(&self, _: Request<v1::BatchRequest>) -> std::result::Result<Response<v1::BatchReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn pipeline(
        &self,
        _: Request<tonic::Streaming<v1::PipelineRequest>>,
    ) -> std::result::Result<Response<Self::PipelineStream>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn random(
        &self,
        request: Request<v1::RandomRequest>,
    ) -> std::result::Result<Response<v1::RandomReply>, Status> {
        let random = self.run(request, |request| Random::parse(request.count_bytes)).await?;
        Ok(Response::new(v1::RandomReply { random }))
    }
}

impl Services {
    fn kid(&self, version: &Version) -> String {
        let rooms = self.pipeline.unsealed().ok();
        let vault = rooms
            .and_then(|rooms| rooms.keys.catalog.view().vault(version.vault).map(|vault| vault.record.name.clone()));
        identifiers::kid(&vault.unwrap_or_default(), &version.record.key, version.id)
    }
}

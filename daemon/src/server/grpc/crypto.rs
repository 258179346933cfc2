//! `softkeep.v1.Crypto`.

use softkeep_proto::v1::{self, crypto_server::Crypto};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Services, identifiers, key_name, status, vault_name};
use crate::{
    audit::record::Door,
    error::{Error, ErrorCode, Result},
    identity::Caller,
    keys::catalog::Version,
    ops::{
        decrypt::Decrypt,
        encrypt::{Encrypt, Encrypted},
        random::Random,
        sign::Sign,
        verify::Verify,
    },
    policy::{KeyName, VaultName},
};

mod many;

/// Takes the key's names out of a request.
fn place(key: &mut Option<v1::KeyRef>) -> Result<(VaultName, KeyName)> {
    let key = key.take().ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "no key is named"))?;
    Ok((vault_name(key.vault)?, key_name(key.name, &key.version)?))
}

#[tonic::async_trait]
impl Crypto for Services {
    async fn sign(&self, request: Request<v1::SignRequest>) -> std::result::Result<Response<v1::SignReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.sign_as(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> std::result::Result<Response<v1::VerifyReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.verify_as(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn encrypt(
        &self,
        request: Request<v1::EncryptRequest>,
    ) -> std::result::Result<Response<v1::EncryptReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.encrypt_as::<false>(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn decrypt(
        &self,
        request: Request<v1::DecryptRequest>,
    ) -> std::result::Result<Response<v1::DecryptReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.decrypt_as::<false>(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn wrap_key(
        &self,
        request: Request<v1::EncryptRequest>,
    ) -> std::result::Result<Response<v1::EncryptReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.encrypt_as::<true>(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn unwrap_key(
        &self,
        request: Request<v1::DecryptRequest>,
    ) -> std::result::Result<Response<v1::DecryptReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        self.decrypt_as::<true>(caller, request).await.map(Response::new).map_err(status::of)
    }

    async fn random(
        &self,
        request: Request<v1::RandomRequest>,
    ) -> std::result::Result<Response<v1::RandomReply>, Status> {
        let random = self.run(request, |request| Random::parse(request.count_bytes)).await?;
        Ok(Response::new(v1::RandomReply { random }))
    }

    async fn batch(&self, request: Request<v1::BatchRequest>) -> std::result::Result<Response<v1::BatchReply>, Status> {
        let (caller, request) = self.caller_of(request)?;
        many::batch(self, &caller, request).await.map(Response::new).map_err(status::of)
    }

    type PipelineStream = ReceiverStream<std::result::Result<v1::PipelineReply, Status>>;

    async fn pipeline(
        &self,
        request: Request<Streaming<v1::PipelineRequest>>,
    ) -> std::result::Result<Response<Self::PipelineStream>, Status> {
        let (caller, requests) = self.caller_of(request)?;
        Ok(Response::new(many::pipeline(self.clone(), caller, requests)))
    }
}

impl Services {
    async fn sign_as(&self, caller: Caller, mut request: v1::SignRequest) -> Result<v1::SignReply> {
        let (vault, key) = place(&mut request.key)?;
        let sign = Sign::parse(vault, key, request)?;
        let (signature, version) = self.pipeline.run(caller, Door::Grpc, sign).await?;
        Ok(v1::SignReply { signature, kid: self.kid(&version) })
    }

    async fn verify_as(&self, caller: Caller, mut request: v1::VerifyRequest) -> Result<v1::VerifyReply> {
        let (vault, key) = place(&mut request.key)?;
        let verify = Verify::parse(vault, key, request)?;
        let (valid, version) = self.pipeline.run(caller, Door::Grpc, verify).await?;
        Ok(v1::VerifyReply { valid, kid: self.kid(&version) })
    }

    async fn encrypt_as<const WRAPS: bool>(
        &self,
        caller: Caller,
        mut request: v1::EncryptRequest,
    ) -> Result<v1::EncryptReply> {
        let (vault, key) = place(&mut request.key)?;
        let encrypt = Encrypt::<WRAPS>::parse(vault, key, request)?;
        let Encrypted { ciphertext, iv, tag, aad, version } = self.pipeline.run(caller, Door::Grpc, encrypt).await?;
        Ok(v1::EncryptReply { ciphertext, kid: self.kid(&version), iv, tag, aad })
    }

    async fn decrypt_as<const UNWRAPS: bool>(
        &self,
        caller: Caller,
        mut request: v1::DecryptRequest,
    ) -> Result<v1::DecryptReply> {
        let (vault, key) = place(&mut request.key)?;
        let decrypt = Decrypt::<UNWRAPS>::parse(vault, key, request)?;
        let (mut plaintext, version) = self.pipeline.run(caller, Door::Grpc, decrypt).await?;
        Ok(v1::DecryptReply { plaintext: std::mem::take(&mut *plaintext), kid: self.kid(&version) })
    }

    fn kid(&self, version: &Version) -> String {
        let rooms = self.pipeline.unsealed().ok();
        let vault = rooms
            .and_then(|rooms| rooms.keys.catalog.view().vault(version.vault).map(|vault| vault.record.name.clone()));
        identifiers::kid(&vault.unwrap_or_default(), &version.record.key, version.id)
    }
}

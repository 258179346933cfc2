//! `softkeep.v1.Keys`.

use softkeep_proto::{
    algorithm::KeyType,
    v1::{self, keys_server::Keys},
};
use tonic::{Request, Response, Status};

use super::{
    Services,
    identifiers::{kid, recovery_level},
    key_name, page_size, vault_name,
};
use crate::{
    crypto::key_info::PublicNumbers,
    keys::record::Ops,
    ops::{
        create_key::CreateKey,
        delete_key::DeleteKey,
        get_key::{GetKey, KeyView},
        import_key::ImportKey,
        list_deleted_keys::ListDeletedKeys,
        list_key_versions::ListKeyVersions,
        list_keys::{ListKeys, Page},
        recover_key::RecoverKey,
    },
};

#[tonic::async_trait]
impl Keys for Services {
    async fn create_key(&self, request: Request<v1::CreateKeyRequest>) -> Result<Response<v1::Key>, Status> {
        self.run(request, CreateKey::parse).await.map(|view| Response::new(show(&view)))
    }

    async fn import_key(&self, request: Request<v1::ImportKeyRequest>) -> Result<Response<v1::Key>, Status> {
        self.run(request, ImportKey::parse).await.map(|view| Response::new(show(&view)))
    }

    async fn get_key(&self, request: Request<v1::GetKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse = |request: v1::GetKeyRequest| {
            Ok(GetKey(vault_name(request.vault)?, key_name(request.name, &request.version)?))
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Result<Response<v1::ListKeysReply>, Status> {
        let parse = |request: v1::ListKeysRequest| {
            Ok(ListKeys {
                vault: vault_name(request.vault)?,
                after: request.page_token,
                limit: page_size(request.page_size),
            })
        };
        self.run(request, parse).await.map(|page| Response::new(show_page(&page)))
    }

    async fn list_key_versions(
        &self,
        request: Request<v1::ListKeyVersionsRequest>,
    ) -> Result<Response<v1::ListKeysReply>, Status> {
        let parse = |request: v1::ListKeyVersionsRequest| {
            let limit = page_size(request.page_size);
            Ok(ListKeyVersions {
                vault: vault_name(request.vault)?,
                name: request.name,
                after: request.page_token,
                limit,
            })
        };
        self.run(request, parse).await.map(|page| Response::new(show_page(&page)))
    }

    async fn delete_key(&self, request: Request<v1::DeleteKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse =
            |request: v1::DeleteKeyRequest| Ok(DeleteKey { vault: vault_name(request.vault)?, name: request.name });
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn list_deleted_keys(
        &self,
        request: Request<v1::ListKeysRequest>,
    ) -> Result<Response<v1::ListKeysReply>, Status> {
        let parse = |request: v1::ListKeysRequest| {
            Ok(ListDeletedKeys {
                vault: vault_name(request.vault)?,
                after: request.page_token,
                limit: page_size(request.page_size),
            })
        };
        self.run(request, parse).await.map(|page| Response::new(show_page(&page)))
    }

    async fn recover_deleted_key(
        &self,
        request: Request<v1::RecoverDeletedKeyRequest>,
    ) -> Result<Response<v1::Key>, Status> {
        let parse = |request: v1::RecoverDeletedKeyRequest| {
            Ok(RecoverKey { vault: vault_name(request.vault)?, name: request.name })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn update_key(&self, _: Request<v1::UpdateKeyRequest>) -> std::result::Result<Response<v1::Key>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn rotate_key(&self, _: Request<v1::RotateKeyRequest>) -> std::result::Result<Response<v1::Key>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_rotation_policy(&self, _: Request<v1::GetRotationPolicyRequest>) -> std::result::Result<Response<v1::RotationPolicy>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn set_rotation_policy(&self, _: Request<v1::SetRotationPolicyRequest>) -> std::result::Result<Response<v1::RotationPolicy>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn backup_key(&self, _: Request<v1::BackupKeyRequest>) -> std::result::Result<Response<v1::BackupKeyReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn restore_key(&self, _: Request<v1::RestoreKeyRequest>) -> std::result::Result<Response<v1::Key>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn get_deleted_key(&self, _: Request<v1::GetDeletedKeyRequest>) -> std::result::Result<Response<v1::Key>, Status> {
        Err(Status::unimplemented("not here yet"))
    }

    async fn purge_deleted_key(&self, _: Request<v1::PurgeDeletedKeyRequest>) -> std::result::Result<Response<v1::PurgeDeletedKeyReply>, Status> {
        Err(Status::unimplemented("not here yet"))
    }
}

fn show_page(page: &Page<KeyView>) -> v1::ListKeysReply {
    v1::ListKeysReply {
        keys: page.items.iter().map(show).collect(),
        next_page_token: page.next.clone().unwrap_or_default(),
    }
}

fn show(view: &KeyView) -> v1::Key {
    let (record, version) = (&view.version.record, &view.version);
    let suffix = if record.hsm { "-HSM" } else { "" };
    let (kty, key_size_bits, curve) = match version.key_type {
        KeyType::Rsa(bits) => ("RSA", bits, String::new()),
        KeyType::Ec(curve) => ("EC", 0, curve.name().to_owned()),
        // RFC 8037 and RFC 9864 for what JWK has names for; the rest as the store says it.
        KeyType::Edwards(_) | KeyType::Montgomery(_) => ("OKP", 0, version.key_type.kind().to_owned()),
        KeyType::MlDsa(_) | KeyType::MlKem(_) => ("AKP", 0, version.key_type.kind().to_owned()),
        KeyType::Dh(bits) => ("DH", bits, String::new()),
        KeyType::Secret(_, bytes) => ("oct", 8 * bytes, String::new()),
    };
    let (n, e, x, y) = match version.public.as_ref().map(|public| public.numbers.clone()) {
        Some(PublicNumbers::Rsa { n, e }) => (n, e, vec![], vec![]),
        Some(PublicNumbers::Ec { x, y }) => (vec![], vec![], x, y),
        Some(PublicNumbers::Raw(x)) => (vec![], vec![], x, vec![]),
        Some(PublicNumbers::Dh { .. }) | None => (vec![], vec![], vec![], vec![]),
    };
    v1::Key {
        vault: view.vault.name.clone(),
        name: view.key.name.clone(),
        version: version.id.to_string(),
        kid: kid(&view.vault.name, &view.key.name, version.id),
        kty: format!("{kty}{suffix}"),
        key_size_bits,
        curve,
        key_ops: Ops(version.policy.ops).names(),
        enabled: record.enabled && !record.private_hidden,
        not_before: record.not_before,
        expires: record.expires,
        created: record.created,
        updated: record.updated,
        tags: record.tags.clone().into_iter().collect(),
        exportable: version.policy.extractable,
        public_key_der: record.public_key_der.clone(),
        n,
        e,
        x,
        y,
        recovery_level: recovery_level(&view.vault).into(),
        recoverable_days: view.vault.soft_delete_retention_days,
        deleted: view.key.deleted,
        scheduled_purge: view.key.scheduled_purge,
        hsm_platform: "0".into(),
        managed: view.key.managed,
        single_use: version.policy.single_use,
        import_receipt: String::new(),
    }
}

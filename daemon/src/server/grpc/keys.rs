//! `softkeep.v1.Keys`.

use softkeep_proto::{
    algorithm::KeyType,
    v1::{self, keys_server::Keys},
};
use tonic::{Request, Response, Status};

use super::{
    Services,
    identifiers::{kid, recovery_level, vault_uri},
    key_name, page_size, vault_name,
};
use crate::{
    crypto::key_info::PublicNumbers,
    error::{Error, ErrorCode},
    keys::record::Ops,
    ops::{
        backup_key::BackupKey,
        create_key::CreateKey,
        delete_key::DeleteKey,
        get_deleted_key::GetDeletedKey,
        get_key::{GetKey, KeyView},
        get_rotation_policy::GetRotationPolicy,
        import_key::ImportKey,
        list_deleted_keys::ListDeletedKeys,
        list_key_versions::ListKeyVersions,
        list_keys::{ListKeys, Page},
        purge_key::PurgeKey,
        recover_key::RecoverKey,
        restore_key::RestoreKey,
        rotate_key::RotateKey,
        set_rotation_policy::SetRotationPolicy,
        update_key::UpdateKey,
    },
};

#[tonic::async_trait]
impl Keys for Services {
    async fn create_key(&self, request: Request<v1::CreateKeyRequest>) -> Result<Response<v1::Key>, Status> {
        self.run(request, CreateKey::parse).await.map(|view| Response::new(show(&view)))
    }

    async fn import_key(&self, request: Request<v1::ImportKeyRequest>) -> Result<Response<v1::Key>, Status> {
        self.run(request, ImportKey::parse).await.map(|imported| {
            let mut key = show(&imported.key);
            key.import_receipt = imported.receipt;
            if imported.dry_run {
                // There is none: the identifiers would name nothing.
                (key.version, key.kid) = (String::new(), String::new());
            }
            Response::new(key)
        })
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
        let parse = |request: v1::DeleteKeyRequest| {
            Ok(DeleteKey { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
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
            Ok(RecoverKey { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn update_key(&self, request: Request<v1::UpdateKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse = |mut request: v1::UpdateKeyRequest| {
            let vault = vault_name(std::mem::take(&mut request.vault))?;
            let key = key_name(std::mem::take(&mut request.name), &request.version)?;
            UpdateKey::parse(vault, key, request)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn rotate_key(&self, request: Request<v1::RotateKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse = |request: v1::RotateKeyRequest| {
            RotateKey::parse(vault_name(request.vault)?, named(request.name)?, request.request_id)
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn get_rotation_policy(
        &self,
        request: Request<v1::GetRotationPolicyRequest>,
    ) -> Result<Response<v1::RotationPolicy>, Status> {
        let parse = |request: v1::GetRotationPolicyRequest| {
            Ok(GetRotationPolicy { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|policy| Response::new(show_policy(policy)))
    }

    async fn set_rotation_policy(
        &self,
        request: Request<v1::SetRotationPolicyRequest>,
    ) -> Result<Response<v1::RotationPolicy>, Status> {
        let parse = |request: v1::SetRotationPolicyRequest| {
            let mut policy = request.policy.unwrap_or_default();
            let vault = vault_name(std::mem::take(&mut policy.vault))?;
            policy.name = named(policy.name)?;
            SetRotationPolicy::parse(vault, &policy)
        };
        self.run(request, parse).await.map(|policy| Response::new(show_policy(policy)))
    }

    async fn backup_key(&self, request: Request<v1::BackupKeyRequest>) -> Result<Response<v1::BackupKeyReply>, Status> {
        let parse = |request: v1::BackupKeyRequest| {
            Ok(BackupKey { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|backup| Response::new(v1::BackupKeyReply { backup }))
    }

    async fn restore_key(&self, request: Request<v1::RestoreKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse = |request: v1::RestoreKeyRequest| RestoreKey::parse(vault_name(request.vault)?, request.backup);
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn get_deleted_key(&self, request: Request<v1::GetDeletedKeyRequest>) -> Result<Response<v1::Key>, Status> {
        let parse = |request: v1::GetDeletedKeyRequest| {
            Ok(GetDeletedKey { vault: vault_name(request.vault)?, name: named(request.name)? })
        };
        self.run(request, parse).await.map(|view| Response::new(show(&view)))
    }

    async fn purge_deleted_key(
        &self,
        request: Request<v1::PurgeDeletedKeyRequest>,
    ) -> Result<Response<v1::PurgeDeletedKeyReply>, Status> {
        let parse =
            |request: v1::PurgeDeletedKeyRequest| Ok(PurgeKey::now(vault_name(request.vault)?, named(request.name)?));
        self.run(request, parse).await.map(|()| Response::new(v1::PurgeDeletedKeyReply {}))
    }
}

/// The name of a key that is meant as a whole.
fn named(name: String) -> crate::error::Result<String> {
    match name.is_empty() {
        true => Err(Error::new(ErrorCode::InvalidArgument, "no key is named")),
        false => Ok(name),
    }
}

fn show_policy(policy: v1::RotationPolicy) -> v1::RotationPolicy {
    let id = format!("{}/keys/{}/rotationpolicy", vault_uri(&policy.vault), policy.name);
    v1::RotationPolicy { id, ..policy }
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

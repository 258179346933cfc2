//! A daemon with one vault and a user logged in, and short words for what a program asks of it.

use std::sync::Arc;

use bytes::Bytes;
use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::{
    pkcs11::v1::{
        self, Attribute, AttributeList, KeyRef, Mechanism, Object, ObjectRef, key_ref, mechanism::Parameter, reply,
        request::Op,
    },
    v1::CreateVaultRequest,
};
use zeroize::Zeroizing;

use crate::{
    audit::record::Door,
    config::Config,
    crypto::AwsLc,
    error::{ErrorCode, Result},
    id::Id,
    identity::{Caller, Login, Peer, UserType},
    keys::{initialise, seal, slot::Slot},
    ops::{create_vault::CreateVault, set_pin::SetPin},
    pipeline::Pipeline,
    policy::VaultName,
    server::module::translate::{self, Defaults},
    store::MemoryStore,
};

const STRANGER: Peer = Peer::Unix { uid: 4_000_000, pid: None };

/// An object of the daemon's.
#[derive(Clone)]
pub struct Handle(pub Object);

impl Handle {
    pub fn key(&self) -> Option<KeyRef> {
        let key = match self.0.sealed.is_empty() {
            true => key_ref::Key::Object(ObjectRef { unique_id: self.0.unique_id.clone(), class: self.0.class }),
            false => key_ref::Key::Sealed(self.0.sealed.clone()),
        };
        Some(KeyRef { key: Some(key), ..KeyRef::default() })
    }

    /// The value of an attribute that is told.
    pub fn value(&self, kind: u64) -> Option<Bytes> {
        self.0.attributes.iter().find(|attribute| attribute.r#type == kind).map(|attribute| attribute.value.clone())
    }

    pub fn flag(&self, kind: u64) -> bool {
        self.value(kind).is_some_and(|value| value[..] == [1])
    }
}

pub struct Bench {
    pub pipeline: Arc<Pipeline>,
    pub vault: Id,
    pub user: Caller,
    pub officer: Caller,
    _dir: tempfile::TempDir,
}

pub fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

/// A template, of any mixture of flags, numbers and bytes.
pub fn template(flags: &[(u64, bool)], rest: &[(u64, Vec<u8>)]) -> Vec<Attribute> {
    let flags = flags.iter().map(|(kind, on)| (*kind, vec![u8::from(*on)]));
    let attribute = |(kind, value): (u64, Vec<u8>)| Attribute { r#type: kind, value: value.into() };
    flags.chain(rest.iter().cloned()).map(attribute).collect()
}

/// A template as the value of an attribute.
pub fn rule(flags: &[(u64, bool)]) -> Vec<u8> {
    AttributeList { attributes: template(flags, &[]) }.encode_to_vec()
}

pub fn plain(mechanism: u64) -> Option<Mechanism> {
    Some(Mechanism { r#type: mechanism, parameter: None })
}

pub fn with(mechanism: u64, parameter: Parameter) -> Option<Mechanism> {
    Some(Mechanism { r#type: mechanism, parameter: Some(parameter) })
}

pub fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

impl Bench {
    pub async fn standard() -> Self {
        Self::new("standard", "").await
    }

    pub async fn strict() -> Self {
        Self::new("strict", "").await
    }

    pub async fn new(profile: &str, wrapping: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new());
        initialise(&*store, &Slot::KeyFile(dir.path().join("root.key")), seal::random_secret().unwrap()).unwrap();
        let config = Config { data_dir: dir.path().into(), ..Config::default() };
        let pipeline = Arc::new(Pipeline::new(store, Arc::new(AwsLc), &config).unwrap());
        pipeline.unseal_unattended();
        let request = CreateVaultRequest {
            name: "dev".into(),
            profile: profile.into(),
            wrapping: wrapping.into(),
            sku: "premium".into(),
            ..CreateVaultRequest::default()
        };
        let create = CreateVault::parse(request, false).unwrap();
        let vault = pipeline.run(Caller::Internal, Door::Grpc, create).await.unwrap().id;
        let mut callers = Vec::new();
        for user_type in [UserType::User, UserType::SecurityOfficer] {
            let new_pin = Zeroizing::new(b"12345678".to_vec());
            let set = SetPin { vault: VaultName::Id(vault), user_type, old_pin: None, new_pin };
            pipeline.run(Caller::Internal, Door::Grpc, set).await.unwrap();
            let record = pipeline.unsealed().unwrap().keys.catalog.view().vault(vault).unwrap().record.clone();
            let pin = if user_type == UserType::User { &record.user_pin } else { &record.so_pin };
            let epoch = pin.as_ref().unwrap().epoch;
            callers.push(caller(vault, user_type, epoch));
        }
        let officer = callers.pop().unwrap();
        Self { pipeline, vault, user: callers.pop().unwrap(), officer, _dir: dir }
    }

    /// The same user, logged in by another program.
    pub fn another_login(&self) -> Caller {
        match &self.user {
            Caller::PinUser(login, _) => caller(self.vault, UserType::User, login.epoch),
            _ => unreachable!("the bench's user logs in with a PIN"),
        }
    }

    pub async fn run_as(&self, caller: &Caller, op: Op) -> Result<reply::Result> {
        translate::run(&self.pipeline, caller.clone(), self.vault, Some(op), Defaults { publish_certificates: false })
            .await
    }

    pub async fn run(&self, op: Op) -> Result<reply::Result> {
        self.run_as(&self.user, op).await
    }

    async fn objects(&self, op: Op) -> Result<Vec<Handle>> {
        let objects = match self.run(op).await? {
            reply::Result::Created(made) | reply::Result::Generated(made) | reply::Result::AttributesSet(made) => made,
            _ => unreachable!("a reply of another kind"),
        };
        Ok(objects.objects.into_iter().map(Handle).collect())
    }

    async fn one(&self, op: Op) -> Result<Handle> {
        Ok(self.objects(op).await?.remove(0))
    }

    pub async fn generate(&self, mechanism: Option<Mechanism>, template: Vec<Attribute>) -> Result<Handle> {
        self.one(Op::GenerateKey(v1::GenerateKey { mechanism, template, request_id: Bytes::new() })).await
    }

    /// An AES-256 key with these flags; sensitive, not extractable and for the session unless they say otherwise.
    pub async fn aes(&self, flags: &[(u64, bool)]) -> Result<Handle> {
        self.generate(plain(ck::CKM_AES_KEY_GEN), template(flags, &[(ck::CKA_VALUE_LEN, number(32))])).await
    }

    /// A generic secret of so many bytes.
    pub async fn generic(&self, len: u64, flags: &[(u64, bool)]) -> Result<Handle> {
        let template = template(flags, &[(ck::CKA_VALUE_LEN, number(len))]);
        self.generate(plain(ck::CKM_GENERIC_SECRET_KEY_GEN), template).await
    }

    /// A pair: the private and the public object.
    pub async fn pair(
        &self,
        mechanism: u64,
        public: Vec<Attribute>,
        private: Vec<Attribute>,
    ) -> Result<(Handle, Handle)> {
        let request = v1::GenerateKeyPair {
            mechanism: plain(mechanism),
            public_template: public,
            private_template: private,
            request_id: Bytes::new(),
        };
        let mut objects = self.objects(Op::GenerateKeyPair(request)).await?;
        let of = |objects: &mut Vec<Handle>, class| {
            objects.remove(objects.iter().position(|object| object.0.class == class).unwrap())
        };
        Ok((of(&mut objects, ck::CKO_PRIVATE_KEY), of(&mut objects, ck::CKO_PUBLIC_KEY)))
    }

    pub async fn rsa(&self, public: &[(u64, bool)], private: &[(u64, bool)]) -> Result<(Handle, Handle)> {
        let public = template(public, &[(ck::CKA_MODULUS_BITS, number(2048))]);
        self.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, public, template(private, &[])).await
    }

    pub async fn ec(&self, public: &[(u64, bool)], private: &[(u64, bool)]) -> Result<(Handle, Handle)> {
        let params = softkeep_proto::algorithm::Curve::P256.oid_der().to_vec();
        let public = template(public, &[(ck::CKA_EC_PARAMS, params)]);
        self.pair(ck::CKM_EC_KEY_PAIR_GEN, public, template(private, &[])).await
    }

    pub async fn create(&self, template: Vec<Attribute>) -> Result<Handle> {
        self.one(Op::CreateObject(v1::CreateObject { template, request_id: Bytes::new() })).await
    }

    /// A secret key of known bytes.
    pub async fn import(&self, key_type: u64, value: &[u8], flags: &[(u64, bool)]) -> Result<Handle> {
        let rest = [
            (ck::CKA_CLASS, number(ck::CKO_SECRET_KEY)),
            (ck::CKA_KEY_TYPE, number(key_type)),
            (ck::CKA_VALUE, value.to_vec()),
        ];
        self.create(template(flags, &rest)).await
    }

    pub async fn copy(&self, object: &Handle, template: Vec<Attribute>) -> Result<Handle> {
        self.one(Op::CopyObject(v1::CopyObject { object: object.key(), template, request_id: Bytes::new() })).await
    }

    pub async fn set(&self, object: &Handle, template: Vec<Attribute>) -> Result<Handle> {
        self.one(Op::SetAttributes(v1::SetAttributes { object: object.key(), template })).await
    }

    /// The secret value, for whom it is told.
    pub async fn read(&self, object: &Handle, kind: u64) -> Result<Option<Bytes>> {
        let request = v1::ReadValues { object: object.key(), types: vec![kind] };
        match self.run(Op::ReadValues(request)).await? {
            reply::Result::Values(values) => Ok(values.attributes.into_iter().next().map(|value| value.value)),
            _ => unreachable!("a reply of another kind"),
        }
    }

    pub async fn sign(&self, key: &Handle, mechanism: Option<Mechanism>, data: &[u8]) -> Result<Bytes> {
        let data = Bytes::copy_from_slice(data);
        let request = v1::Sign { key: key.key(), mechanism, data, ..v1::Sign::default() };
        match self.run(Op::Sign(request)).await? {
            reply::Result::Sign(reply) => Ok(reply.signature),
            _ => unreachable!("a reply of another kind"),
        }
    }

    pub async fn verify(&self, key: &Handle, mechanism: Option<Mechanism>, data: &[u8], mac: &[u8]) -> Result<()> {
        let (data, signature) = (Bytes::copy_from_slice(data), Bytes::copy_from_slice(mac));
        let request = v1::Verify { key: key.key(), mechanism, data, signature, mac_state: Bytes::new() };
        self.run(Op::Verify(request)).await.map(|_| ())
    }

    pub async fn encrypt(&self, key: &Handle, mechanism: Option<Mechanism>, data: &[u8]) -> Result<Bytes> {
        let plaintext = Bytes::copy_from_slice(data);
        match self.run(Op::Encrypt(v1::Encrypt { key: key.key(), mechanism, plaintext, partial: false })).await? {
            reply::Result::Encrypted(reply) => Ok(reply.ciphertext),
            _ => unreachable!("a reply of another kind"),
        }
    }

    pub async fn decrypt(&self, key: &Handle, mechanism: Option<Mechanism>, data: &[u8]) -> Result<Bytes> {
        let ciphertext = Bytes::copy_from_slice(data);
        match self.run(Op::Decrypt(v1::Decrypt { key: key.key(), mechanism, ciphertext, partial: false })).await? {
            reply::Result::Decrypt(reply) => Ok(reply.plaintext),
            _ => unreachable!("a reply of another kind"),
        }
    }

    pub async fn wrap(&self, wrapping: &Handle, mechanism: Option<Mechanism>, key: &Handle) -> Result<Bytes> {
        let request =
            v1::WrapKey { wrapping_key: wrapping.key(), mechanism, key: key.key(), associated_data: Bytes::new() };
        match self.run(Op::WrapKey(request)).await? {
            reply::Result::Wrapped(reply) => Ok(reply.wrapped),
            _ => unreachable!("a reply of another kind"),
        }
    }

    pub async fn unwrap(
        &self,
        unwrapping: &Handle,
        mechanism: Option<Mechanism>,
        wrapped: &[u8],
        template: Vec<Attribute>,
    ) -> Result<Handle> {
        let request = v1::UnwrapKey {
            unwrapping_key: unwrapping.key(),
            mechanism,
            wrapped: Bytes::copy_from_slice(wrapped),
            template,
            associated_data: Bytes::new(),
            request_id: Bytes::new(),
        };
        self.one(Op::UnwrapKey(request)).await
    }

    pub async fn derive(
        &self,
        base: &Handle,
        mechanism: Option<Mechanism>,
        template: Vec<Attribute>,
    ) -> Result<Vec<Handle>> {
        let request = v1::DeriveKey { base_key: base.key(), mechanism, template, request_id: Bytes::new() };
        self.objects(Op::DeriveKey(request)).await
    }
}

fn caller(vault: Id, user_type: UserType, epoch: u64) -> Caller {
    let [id, application] = [(); 2].map(|()| Id::random().unwrap());
    Caller::PinUser(Login { vault, user_type, epoch, id, application }, STRANGER)
}

/// A secret key's template: generic, for the session.
pub fn secret(key_type: u64, flags: &[(u64, bool)]) -> Vec<Attribute> {
    template(flags, &[(ck::CKA_CLASS, number(ck::CKO_SECRET_KEY)), (ck::CKA_KEY_TYPE, number(key_type))])
}

/// The same with a length.
pub fn secret_of(key_type: u64, len: u64, flags: &[(u64, bool)]) -> Vec<Attribute> {
    let mut template = secret(key_type, flags);
    template.push(Attribute { r#type: ck::CKA_VALUE_LEN, value: number(len).into() });
    template
}

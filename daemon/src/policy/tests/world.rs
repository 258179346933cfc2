//! A daemon with a store in memory, and what the tests do to it.

use std::sync::Arc;

use softkeep_proto::v1;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    audit::record::Door,
    config::Config,
    crypto::AwsLc,
    error::{ErrorCode, Result},
    id::Id,
    identity::{Caller, Login, Peer, UserType},
    keys::{
        initialise,
        ledger::Entry,
        record::{AccessPolicyRecord, AssignmentRecord, GroupRecord, PrincipalKind, PrincipalRecord, VaultRecord, row},
        seal, slot,
    },
    ops::{Operation, create_key::CreateKey, create_vault::CreateVault, set_pin::SetPin},
    pipeline::{Pipeline, Unsealed},
    policy::{VaultName, principals::Who},
    store::MemoryStore,
};

pub const STRANGER: Peer = Peer::Unix { uid: 4_000_000, pid: None };

pub struct World {
    pub pipeline: Arc<Pipeline>,
    _dir: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new());
        let slot = slot::Slot::KeyFile(dir.path().join("root.key"));
        initialise(&*store, &slot, seal::random_secret().unwrap()).unwrap();
        let config = Config { data_dir: dir.path().into(), ..Config::default() };
        let pipeline = Arc::new(Pipeline::new(store, Arc::new(AwsLc), &config).unwrap());
        pipeline.unseal_unattended();
        Self { pipeline, _dir: dir }
    }

    pub fn rooms(&self) -> Arc<Unsealed> {
        self.pipeline.unsealed().unwrap()
    }

    pub fn cluster(&self) -> Id {
        self.rooms().keys.cluster
    }

    pub async fn run<O: Operation>(&self, caller: &Caller, operation: O) -> Result<O::Reply> {
        self.pipeline.run(caller.clone(), Door::Grpc, operation).await
    }

    /// A vault with both PINs, in a group of its own making where one is named.
    pub async fn vault(&self, name: &str, group: &str, rbac: bool) -> Id {
        if !group.is_empty() {
            self.put(row::group(group), &GroupRecord { name: group.into(), ..GroupRecord::default() });
        }
        let request = v1::CreateVaultRequest {
            name: name.into(),
            resource_group: group.into(),
            ..v1::CreateVaultRequest::default()
        };
        self.run(&Caller::Internal, CreateVault::parse(request, false).unwrap()).await.unwrap();
        for (user_type, pin) in [(UserType::User, "1234"), (UserType::SecurityOfficer, "12345678")] {
            let new_pin = Zeroizing::new(pin.as_bytes().to_vec());
            let operation = SetPin { vault: VaultName::Named(name.into()), user_type, old_pin: None, new_pin };
            self.run(&Caller::Internal, operation).await.unwrap();
        }
        self.change_vault(name, |record| record.rbac = rbac);
        self.vault_id(name)
    }

    pub fn vault_id(&self, name: &str) -> Id {
        self.rooms().keys.catalog.view().vault_named(name).unwrap().id
    }

    pub fn change_vault(&self, name: &str, change: impl FnOnce(&mut VaultRecord)) {
        let id = self.vault_id(name);
        let mut record = (*self.rooms().keys.catalog.view().vault(id).unwrap().record).clone();
        change(&mut record);
        self.put(row::vault(id), &record);
    }

    pub async fn key(&self, vault: &str, name: &str) {
        let request = v1::CreateKeyRequest {
            vault: vault.into(),
            name: name.into(),
            kty: "EC".into(),
            ..v1::CreateKeyRequest::default()
        };
        self.run(&Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap();
    }

    pub fn put(&self, name: String, record: &impl prost::Message) {
        self.rooms().keys.write(|_| Ok((vec![Entry::put(name, record)], ()))).unwrap();
    }

    pub fn remove(&self, name: String) {
        self.rooms().keys.write(|_| Ok((vec![Entry::delete(name)], ()))).unwrap();
    }

    /// A user as if signed in.
    pub fn user(&self, name: &str) -> Caller {
        let id = Id([name.len() as u8; 16]);
        let record = PrincipalRecord {
            object_id: id.0.to_vec(),
            kind: PrincipalKind::User.into(),
            name: name.into(),
            ..PrincipalRecord::default()
        };
        self.put(row::principal(id), &record);
        self.as_caller(name)
    }

    pub fn as_caller(&self, name: &str) -> Caller {
        let rooms = self.rooms();
        let view = rooms.keys.catalog.view();
        let now = crate::clock::now_seconds();
        Who::find(&view, name, None).unwrap().as_caller(&view, now).unwrap()
    }

    pub fn give(&self, caller: &Caller, role: Id, scope: &str) -> Id {
        let assignment = Id::random().unwrap();
        let record = AssignmentRecord {
            id: assignment.0.to_vec(),
            role: role.0.to_vec(),
            principal: caller.object_id(self.cluster()).unwrap().0.to_vec(),
            scope: scope.into(),
            created: crate::clock::now_seconds(),
            created_by: String::new(),
        };
        self.put(row::assignment(assignment), &record);
        assignment
    }

    pub fn take(&self, assignment: Id) {
        self.remove(row::assignment(assignment));
    }

    /// Replaces a principal's entry in a vault.
    pub fn entry(&self, vault: &str, object_id: Id, keys: &[&str], secrets: &[&str]) {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let entry = AccessPolicyRecord {
            object_id: object_id.0.to_vec(),
            keys: names(keys),
            secrets: names(secrets),
            ..AccessPolicyRecord::default()
        };
        self.change_vault(vault, |record| {
            record.access_policies.retain(|other| other.object_id != entry.object_id);
            record.access_policies.push(entry);
        });
    }

    /// A PKCS#11 login with the right PIN.
    pub fn pin(&self, vault: &str, user_type: UserType) -> Caller {
        let id = self.vault_id(vault);
        let record = self.rooms().keys.catalog.view().vault(id).unwrap().record.clone();
        let pin = match user_type {
            UserType::User => record.user_pin.clone(),
            UserType::SecurityOfficer => record.so_pin.clone(),
        };
        let epoch = pin.unwrap().epoch;
        let login = Login { vault: id, user_type, epoch, id: Id([5; 16]), application: Id::default() };
        Caller::PinUser(login, STRANGER)
    }
}

pub fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

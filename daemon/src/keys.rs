//! The only room that sees a key in the clear: records, sealing, the catalog of what there is, the cache of open keys.
//! It opens a private key for a grant of the policy room and for nothing else.

use std::sync::Arc;

use prost::Message;
use zeroize::Zeroizing;

use crate::{
    crypto::{Backend, PrivateKey},
    error::{Error, ErrorCode, Result},
    id::Id,
    policy::{Authorized, KeyUse},
    store::{Store, Write},
};

pub mod anchor;
pub mod cache;
pub mod catalog;
pub mod face;
pub mod ledger;
pub mod record;
pub mod seal;
pub mod slot;

use cache::{Cache, MAX_OPEN_KEYS};
use catalog::{Catalog, Vault, Version};
use ledger::{Counters, Entry, Ledger};
use record::{KeyPolicy, row};
use seal::{RootKeys, Secret32};

/// Everything that exists only while the daemon is unsealed.
pub struct Keys {
    /// What there is.
    pub catalog: Catalog,
    /// The keys derived from the root key.
    pub root: RootKeys,
    /// The cryptography in use.
    pub backend: Arc<dyn Backend>,
    /// This store's id, in every blob's associated data.
    pub cluster: Id,
    /// Rows that were refused when the store was read.
    pub damaged: Vec<String>,
    ledger: Ledger,
    cache: Cache,
}

/// Initialises an empty store: cluster id, root key, its slot, and the rows that go with them.
pub fn initialise(store: &dyn Store, slot: &slot::Slot, root: Secret32) -> Result<()> {
    if store.get(row::CLUSTER)?.is_some() {
        return Err(Error::new(ErrorCode::AlreadyExists, "this data folder is already initialised"));
    }
    let cluster = Id::random()?;
    let writes = vec![Write::Put(row::CLUSTER.into(), cluster.0.to_vec()), slot::create(cluster, slot, &root)?];
    Ledger::create(store, &RootKeys::derive(root)?, writes)
}

/// The store's cluster id; `None` before it is initialised.
pub fn cluster_of(store: &dyn Store) -> Result<Option<Id>> {
    store.get(row::CLUSTER)?.map(|row| Id::from_bytes(&row.value)).transpose()
}

impl Keys {
    /// Reads and checks the whole store with the root key.
    pub fn unseal(store: Arc<dyn Store>, cluster: Id, root: Secret32, backend: Arc<dyn Backend>) -> Result<Self> {
        let root = RootKeys::derive(root)?;
        let (ledger, load) = Ledger::open(store, &root)?;
        let (catalog, damaged) = Catalog::load(load);
        Ok(Self { catalog, root, backend, cluster, damaged, ledger, cache: Cache::new(MAX_OPEN_KEYS) })
    }

    /// Opens the private key that a grant is for.
    pub fn open<O: KeyUse>(&self, grant: &Authorized<O>) -> Result<Arc<dyn PrivateKey>> {
        let version = grant.version()?;
        if let Some(key) = self.cache.get(version.id) {
            return Ok(key);
        }
        let key = self.backend.open(&self.unseal_version(version)?)?;
        self.cache.insert(version.id, key.clone());
        Ok(key)
    }

    fn unseal_version(&self, version: &Version) -> Result<Zeroizing<Vec<u8>>> {
        let damaged = || Error::new(ErrorCode::RecordDamaged, "the stored private key fails its integrity check");
        let wrapped_kek = self.catalog.view().vault(version.vault).ok_or_else(Error::sealed)?.kek()?;
        let kek = self.root.unwrap_kek(&version.vault.0, wrapped_kek.version, &wrapped_kek.wrapped)?;
        let blob = self.ledger.read(&row::blob(version.vault, version.id))?.ok_or_else(damaged)?;
        let key = record_key(&kek, version.vault, version.id)?;
        seal::unseal(&key, &version.policy.encode_to_vec(), &blob.body)?.ok_or_else(damaged)
    }

    /// The row of a private key, sealed to its policy.
    pub fn seal_version(&self, vault: &Vault, policy: &KeyPolicy, pkcs8_der: &[u8]) -> Result<Entry> {
        let wrapped_kek = vault.kek()?;
        let kek = self.root.unwrap_kek(&vault.id.0, wrapped_kek.version, &wrapped_kek.wrapped)?;
        let version = Id::from_bytes(&policy.version)?;
        let key = record_key(&kek, vault.id, version)?;
        let sealed = seal::seal(&key, &policy.encode_to_vec(), pkcs8_der)?;
        Ok(Entry { key: row::blob(vault.id, version), body: Some(sealed) })
    }

    /// Writes rows durably and lets every door see them. `fill` runs alone: what it reads of the catalog still holds when it is written.
    pub fn write<T>(&self, fill: impl FnOnce(&mut Counters) -> Result<(Vec<Entry>, T)>) -> Result<T> {
        self.ledger.commit(fill, |sequence, entries| self.catalog.apply(sequence, entries))
    }

    /// The store's sequence number, which an anchor outside of it vouches for.
    pub fn sequence(&self) -> u64 {
        self.ledger.sequence()
    }

    /// Forgets an open key whose version is gone.
    pub fn forget(&self, version: Id) {
        self.cache.remove(version);
    }
}

fn record_key(kek: &Secret32, vault: Id, version: Id) -> Result<Secret32> {
    seal::derive(kek, &[b"record/1", &vault.0, b"key", &version.0])
}

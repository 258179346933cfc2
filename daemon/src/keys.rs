//! The only room that sees a key in the clear: records, sealing, the catalog of what there is, the cache of open keys.
//! It opens a key for a grant of the policy room and for nothing else.

use std::sync::Arc;

use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::algorithm::Hash;
use zeroize::Zeroizing;

use crate::{
    crypto::{self, Backend},
    error::{Error, ErrorCode, Result},
    id::Id,
    policy::{Authorized, CertificateKeys, KeyExport, KeyUse, SecretRead, Subject},
    store::{Store, Write},
};

pub mod anchor;
pub mod backup;
pub mod cache;
pub mod catalog;
pub mod face;
pub mod ledger;
mod mac_state;
mod open_key;
pub mod record;
pub mod seal;
pub mod session;
pub mod slot;

use cache::{Cache, MAX_OPEN_KEYS, MAX_OPEN_SESSION_OBJECTS};
use catalog::{Catalog, Vault, Version};
use ledger::{Counters, Entry, Ledger};
pub use open_key::OpenKey;
use record::{KekRecord, KeyPolicy, ObjectRecord, SecretPolicy, SecretVersionRecord, row};
use seal::{RootKeys, Secret32};
use session::{Opener, Scope, SessionObject, SessionRecord};

/// Larger session objects are opened anew for each use: some thousand bytes are enough for any key, and the cache has a bound.
const MAX_CACHED_BLOB_BYTES: usize = 16 * 1024;

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
    cache: Cache<Id, Arc<OpenKey>>,
    session_objects: Cache<Vec<u8>, SessionObject>,
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
        let (catalog, damaged) = Catalog::load(load, cluster);
        let (cache, session_objects) = (Cache::new(MAX_OPEN_KEYS), Cache::new(MAX_OPEN_SESSION_OBJECTS));
        Ok(Self { catalog, root, backend, cluster, damaged, ledger, cache, session_objects })
    }

    /// Opens the key that a grant is for.
    pub fn open<O: KeyUse>(&self, grant: &Authorized<O>) -> Result<Arc<OpenKey>> {
        self.open_version(secret_of(grant.subject()?)?)
    }

    /// Opens the second key of a grant that is for two.
    pub fn open_other<O: KeyUse>(&self, grant: &Authorized<O>) -> Result<Arc<OpenKey>> {
        self.open_version(secret_of(grant.other()?)?)
    }

    /// The key itself (PKCS#8, or the bytes of a secret key) that a grant is for: where it is wrapped, copied, or read because it may be.
    pub fn export<O: KeyExport>(&self, grant: &Authorized<O>) -> Result<Zeroizing<Vec<u8>>> {
        self.material(secret_of(grant.subject()?)?)
    }

    /// The same of the second key of a grant that is for two.
    pub fn export_other<O: KeyExport>(&self, grant: &Authorized<O>) -> Result<Zeroizing<Vec<u8>>> {
        self.material(secret_of(grant.other()?)?)
    }

    /// One version of the key of the certificate that a grant is for: PKCS#8.
    pub fn certificate_key<O: CertificateKeys>(
        &self,
        grant: &Authorized<O>,
        version: &Version,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let own = version.record.key.eq_ignore_ascii_case(grant.operation().certificate_name());
        if !own || grant.vault()?.id != version.vault || version.is_session_object() {
            return Err(Error::internal("the key is of another certificate than the grant"));
        }
        self.material(version)
    }

    /// Opens the key of a certificate of the same vault, to sign what a grant is for with it.
    pub fn authority_key<O: CertificateKeys>(&self, grant: &Authorized<O>, version: &Version) -> Result<Arc<OpenKey>> {
        if grant.vault()?.id != version.vault || version.is_session_object() {
            return Err(Error::internal("the authority is in another vault than the grant"));
        }
        self.open_version(version)
    }

    fn open_version(&self, version: &Version) -> Result<Arc<OpenKey>> {
        let open = |material: &Zeroizing<Vec<u8>>| -> Result<Arc<OpenKey>> {
            Ok(Arc::new(match version.class() {
                ck::CKO_SECRET_KEY => OpenKey::Secret(material.clone()),
                ck::CKO_PRIVATE_KEY => OpenKey::Private(self.backend.open(material)?),
                _ => return Err(Error::new(ErrorCode::KeyTypeMismatch, "a public key has no private half here")),
            }))
        };
        if let Some(session) = &version.session {
            if let Some(key) = session.open.get() {
                return Ok(key.clone());
            }
            let key = open(&session.material)?;
            return Ok(session.open.get_or_init(|| key).clone());
        }
        if let Some(key) = self.cache.get(&version.id) {
            return Ok(key);
        }
        let key = open(&self.material(version)?)?;
        self.cache.insert(version.id, key.clone());
        if self.catalog.view().vault(version.vault).is_none() {
            // The vault was deleted meanwhile, and its open keys were forgotten before this one was among them.
            self.cache.remove(&version.id);
        }
        Ok(key)
    }

    fn material(&self, version: &Version) -> Result<Zeroizing<Vec<u8>>> {
        if version.session.is_some() {
            return session::material(version).cloned();
        }
        let read = |version: &Version| {
            let gone = || Error::vault_not_found(&version.vault.to_string());
            let wrapped_kek = self.catalog.view().vault(version.vault).ok_or_else(gone)?.kek()?;
            self.unseal_version(&wrapped_kek, version)
        };
        match read(version) {
            Err(error) if error.code == ErrorCode::RecordDamaged => {
                // Perhaps its policy is being changed right now, and its blob with it: look again when that is done.
                self.ledger.settle();
                let now = self.catalog.view().vault(version.vault).and_then(|vault| vault.version(version.id).cloned());
                let now = now.ok_or(error)?;
                read(&now)
            }
            result => result,
        }
    }

    fn unseal_version(&self, wrapped_kek: &KekRecord, version: &Version) -> Result<Zeroizing<Vec<u8>>> {
        let damaged = || Error::new(ErrorCode::RecordDamaged, "the stored private key fails its integrity check");
        let kek = self.root.unwrap_kek(&version.vault.0, wrapped_kek.version, &wrapped_kek.wrapped)?;
        let blob = self.ledger.read(&row::blob(version.vault, version.id))?.ok_or_else(damaged)?;
        let key = record_key(&kek, version.vault, version.id)?;
        seal::unseal(&key, &version.policy.encode_to_vec(), &blob.body)?.ok_or_else(damaged)
    }

    fn kek(&self, vault: &Vault) -> Result<Secret32> {
        let wrapped_kek = vault.kek()?;
        self.root.unwrap_kek(&vault.id.0, wrapped_kek.version, &wrapped_kek.wrapped)
    }

    /// The row of a private or secret key, sealed to its policy.
    pub fn seal_version(&self, vault: &Vault, policy: &KeyPolicy, material: &[u8]) -> Result<Entry> {
        let version = Id::from_bytes(&policy.version)?;
        let key = record_key(&self.kek(vault)?, vault.id, version)?;
        let sealed = seal::seal(&key, &policy.encode_to_vec(), material)?;
        Ok(Entry { key: row::blob(vault.id, version), body: Some(sealed) })
    }

    /// The row of a stored key under another policy.
    pub fn reseal_version(&self, vault: &Vault, version: &Version, policy: &KeyPolicy) -> Result<Entry> {
        let material = self.unseal_version(&*vault.kek()?, version)?;
        self.seal_version(vault, policy, &material)
    }

    /// Seals what only the readers of an object that is no key are told.
    pub fn seal_value(&self, vault: &Vault, object: Id, value: &[u8]) -> Result<Vec<u8>> {
        let key = value_key(&self.kek(vault)?, vault.id, object)?;
        seal::seal(&key, &object.0, value)
    }

    /// Reads it again.
    pub fn open_value(&self, vault: &Vault, record: &ObjectRecord) -> Result<Zeroizing<Vec<u8>>> {
        if record.sealed_value.is_empty() {
            // Of a session object it came with the request.
            return Ok(Zeroizing::new(record.attributes.get(&ck::CKA_VALUE).cloned().unwrap_or_default()));
        }
        let object = Id::from_bytes(&record.id)?;
        let key = value_key(&self.kek(vault)?, vault.id, object)?;
        let damaged = || Error::new(ErrorCode::RecordDamaged, "the object's value fails its integrity check");
        seal::unseal(&key, &object.0, &record.sealed_value)?.ok_or_else(damaged)
    }

    /// The row of a secret's value, sealed to what it is bound to.
    pub fn seal_secret(&self, vault: &Vault, policy: &SecretPolicy, value: &[u8]) -> Result<Entry> {
        let version = Id::from_bytes(&policy.version)?;
        let key = secret_key(&self.kek(vault)?, vault.id, version)?;
        let sealed = seal::seal(&key, &policy.encode_to_vec(), value)?;
        Ok(Entry { key: row::secret_value(vault.id, version), body: Some(sealed) })
    }

    /// The value of one version of the secret that a grant is for.
    pub fn open_secret<O: SecretRead>(
        &self,
        grant: &Authorized<O>,
        version: &SecretVersionRecord,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let (vault, name) = (grant.vault()?.id, grant.operation().secret_name());
        if !version.secret.eq_ignore_ascii_case(name) {
            return Err(Error::internal("the version is of another secret than the grant"));
        }
        let damaged = || Error::new(ErrorCode::RecordDamaged, "the stored secret fails its integrity check");
        let policy = version.policy.as_ref().ok_or_else(damaged)?;
        let id = Id::from_bytes(&version.id)?;
        let wrapped_kek =
            self.catalog.view().vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?.kek()?;
        let kek = self.root.unwrap_kek(&vault.0, wrapped_kek.version, &wrapped_kek.wrapped)?;
        let sealed = self.ledger.read(&row::secret_value(vault, id))?.ok_or_else(damaged)?;
        let key = secret_key(&kek, vault, id)?;
        seal::unseal(&key, &policy.encode_to_vec(), &sealed.body)?.ok_or_else(damaged)
    }

    /// Seals a backup under the root key: only this store's daemon, or a replica of it, reads it. `kind` tells backups of keys, secrets
    /// and certificates apart.
    pub fn seal_backup(&self, kind: &str, content: &[u8]) -> Result<Vec<u8>> {
        let key = seal::derive(self.root.root(), &[b"backup/1", kind.as_bytes()])?;
        seal::seal(&key, &[b"softkeep/backup/1", &self.cluster.0[..]].concat(), content)
    }

    /// Reads a backup of that kind. One error for every cause.
    pub fn open_backup(&self, kind: &str, backup: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let key = seal::derive(self.root.root(), &[b"backup/1", kind.as_bytes()])?;
        let invalid = || Error::new(ErrorCode::BackupInvalid, format!("this is no {kind} backup that was made here"));
        seal::unseal(&key, &[b"softkeep/backup/1", &self.cluster.0[..]].concat(), backup)?.ok_or_else(invalid)
    }

    /// Seals a session object.
    pub fn seal_session(
        &self,
        vault: &Vault,
        scope: &Scope,
        record: &SessionRecord,
        material: &[u8],
    ) -> Result<bytes::Bytes> {
        session::seal(&self.kek(vault)?, scope, record, material)
    }

    /// Seals a session key with other attributes.
    pub fn reseal_session(
        &self,
        vault: &Vault,
        scope: &Scope,
        record: &SessionRecord,
        version: &Version,
    ) -> Result<bytes::Bytes> {
        self.seal_session(vault, scope, record, session::material(version)?)
    }

    /// Opens a session object for whom it was sealed.
    pub fn open_session(&self, vault: &Vault, opener: &Opener, blob: &[u8]) -> Result<SessionObject> {
        // What is remembered under this name was opened by the same login and program, with these very bytes.
        let [login, application] = [opener.login, opener.application].map(|id| id.unwrap_or_default());
        let name = crypto::digest(Hash::Sha256, &[&vault.id.0, &login.0, &application.0, blob].concat());
        if let Some(object) = self.session_objects.get(&name) {
            return Ok(object);
        }
        let object = session::open(&self.kek(vault)?, vault.id, opener, blob)?;
        if matches!(object, SessionObject::Key(_)) && blob.len() <= MAX_CACHED_BLOB_BYTES {
            self.session_objects.insert(name, object.clone());
        }
        Ok(object)
    }

    /// Writes rows durably and lets every door see them. `fill` runs alone: what it reads of the catalog still holds when it is written.
    pub fn write<T>(&self, fill: impl FnOnce(&mut Counters) -> Result<(Vec<Entry>, T)>) -> Result<T> {
        self.ledger.commit(fill, |sequence, entries| self.catalog.apply(sequence, entries))
    }

    /// The store's sequence number, which an anchor outside of it vouches for.
    pub fn sequence(&self) -> u64 {
        self.ledger.sequence()
    }

    /// The slot id that the next vault will have.
    pub fn next_slot(&self) -> u64 {
        self.ledger.next_slot()
    }

    /// Forgets the open keys of a vault that is gone, and every open session object: those that are still good are opened again.
    pub fn forget_all(&self, versions: impl IntoIterator<Item = Id>) {
        versions.into_iter().for_each(|version| self.cache.remove(&version));
        self.session_objects.clear();
    }

    /// The names of all rows of a vault but its own.
    pub fn rows_of_vault(&self, vault: Id) -> Vec<String> {
        self.ledger.rows_of_vault(vault)
    }

    /// Makes sure that what was removed cannot be read from the store's files.
    pub fn scrub(&self) -> Result<()> {
        self.ledger.scrub()
    }

    /// Forgets an open key whose version is gone.
    pub fn forget(&self, version: Id) {
        self.cache.remove(&version);
    }
}

/// The key that a grant is for, unless it is for its public object alone: leave to verify with a pair is not leave to sign.
fn secret_of(subject: &Subject) -> Result<&Version> {
    match subject.class() {
        ck::CKO_PUBLIC_KEY => Err(Error::new(ErrorCode::KeyTypeMismatch, "a public key cannot do this")),
        _ => subject.version().map(|version| &**version),
    }
}

fn record_key(kek: &Secret32, vault: Id, version: Id) -> Result<Secret32> {
    seal::derive(kek, &[b"record/1", &vault.0, b"key", &version.0])
}

fn secret_key(kek: &Secret32, vault: Id, version: Id) -> Result<Secret32> {
    seal::derive(kek, &[b"record/1", &vault.0, b"secret", &version.0])
}

fn value_key(kek: &Secret32, vault: Id, object: Id) -> Result<Secret32> {
    seal::derive(kek, &[b"record/1", &vault.0, b"value", &object.0])
}

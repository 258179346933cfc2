//! What the daemon knows of its vaults, keys and objects, in memory: the store's rows, checked once, parsed, and indexed. It answers the data
//! plane without the store. Locks are held for look-ups only. Nobody is refused anything here.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use prost::Message;
use softkeep_proto::pkcs11::v1::Attribute;
use tokio::sync::broadcast;

mod certificates;
mod directory;
mod faces;
mod named;
mod secrets;
mod version;

pub use directory::Directory;
use faces::Faces;
pub use named::{AllNamed, Named};
pub use version::{Key, Session, Version};

use super::{
    face::{self, Face},
    record::{
        AdminRecord, AnchorRecord, CertificateRecord, IssuerRecord, KekRecord, KeyRecord, ObjectRecord,
        PinFailureRecord, SecretRecord, VaultRecord, VersionRecord, row,
    },
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    policy::Grants,
};

/// Change notices kept for a slow listener; one that falls behind is told that it did and looks at everything again.
const CHANGE_BACKLOG: usize = 1024;

/// A vault and everything in it.
pub struct Vault {
    /// Its identifier.
    pub id: Id,
    /// The stored record.
    pub record: Arc<VaultRecord>,
    /// The ledger's sequence number of the last change in it.
    pub revision: u64,
    /// By name in lower case.
    pub keys: BTreeMap<String, Key>,
    /// Secrets.
    pub secrets: AllNamed<SecretRecord>,
    /// Certificates.
    pub certificates: AllNamed<CertificateRecord>,
    /// Certificate issuers by name in lower case.
    pub issuers: BTreeMap<String, Arc<IssuerRecord>>,
    /// Wrong PINs by (user type, peer).
    pub pin_failures: HashMap<(String, String), u32>,
    /// What its access policies come down to.
    pub grants: Grants,
    kek: Option<Arc<KekRecord>>,
    versions: HashMap<Id, Arc<Version>>,
    objects: HashMap<Id, Arc<ObjectRecord>>,
    public_keys: HashMap<Id, Arc<Version>>,
    requests: HashMap<String, Id>,
    damaged: HashSet<Id>,
    damaged_names: HashSet<String>,
    damaged_secrets: HashSet<String>,
    /// Names of secrets by the identifiers of their PKCS#11 objects.
    published_secrets: HashMap<Id, String>,
    damaged_certificates: HashSet<String>,
    faces: Faces,
}

impl Vault {
    fn new(id: Id, record: VaultRecord, cluster: Id) -> Self {
        Self {
            id,
            grants: Grants::of(&record, cluster, id),
            record: Arc::new(record),
            revision: 0,
            keys: BTreeMap::new(),
            secrets: AllNamed::default(),
            certificates: AllNamed::default(),
            issuers: BTreeMap::new(),
            pin_failures: HashMap::new(),
            kek: None,
            versions: HashMap::new(),
            objects: HashMap::new(),
            public_keys: HashMap::new(),
            requests: HashMap::new(),
            damaged: HashSet::new(),
            damaged_names: HashSet::new(),
            damaged_secrets: HashSet::new(),
            published_secrets: HashMap::new(),
            damaged_certificates: HashSet::new(),
            faces: Faces::default(),
        }
    }

    /// The wrapped KEK.
    pub fn kek(&self) -> Result<Arc<KekRecord>> {
        self.kek.clone().ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the vault has no key-encryption key"))
    }

    /// A key by name, whatever its case; deleted ones are not found.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.get(&name.to_ascii_lowercase()).filter(|key| key.record.deleted.is_none())
    }

    /// Whether a name is taken, also by a deleted key, which may come back, or by one whose record is damaged.
    pub fn is_name_taken(&self, name: &str) -> bool {
        self.keys.contains_key(&name.to_ascii_lowercase()) || self.is_name_damaged(name)
    }

    /// Whether the record of a key of this name was refused when the store was read.
    pub fn is_name_damaged(&self, name: &str) -> bool {
        self.damaged_names.contains(&name.to_ascii_lowercase())
    }

    /// A deleted key by name, whatever its case.
    pub fn deleted_key(&self, name: &str) -> Option<&Key> {
        self.keys.get(&name.to_ascii_lowercase()).filter(|key| key.record.deleted.is_some())
    }

    /// Whether a version is there, deleted or not, or its record was refused.
    pub fn has_version(&self, id: Id) -> bool {
        self.versions.contains_key(&id) || self.is_damaged(id)
    }

    /// A version that is not deleted.
    pub fn version(&self, id: Id) -> Option<&Arc<Version>> {
        let version = self.versions.get(&id)?;
        self.key(&version.record.key).map(|_| version)
    }

    /// Whether a version's record was refused when the store was read.
    pub fn is_damaged(&self, id: Id) -> bool {
        self.damaged.contains(&id)
    }

    /// An object that is no key.
    pub fn object(&self, id: Id) -> Option<&Arc<ObjectRecord>> {
        self.objects.get(&id)
    }

    /// All objects that are no keys, hidden ones too.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<ObjectRecord>> {
        self.objects.values()
    }

    /// A public key that belongs to no key here.
    pub fn public_key(&self, id: Id) -> Option<&Arc<Version>> {
        self.public_keys.get(&id).filter(|_| self.objects.get(&id).is_some_and(|object| !object.hidden))
    }

    /// What an earlier request with this id made.
    pub fn made_by(&self, request_id: &str) -> Option<Id> {
        self.requests.get(request_id).copied().filter(|_| !request_id.is_empty())
    }

    /// The objects that match a template, in creation order.
    pub fn find(&self, template: &[Attribute], visible: impl Fn(&Face) -> bool) -> Vec<Arc<Face>> {
        self.faces.find(template, None, visible).cloned().collect()
    }

    /// The same, as they are asked for, from one object on.
    pub fn search<'a>(
        &'a self,
        template: &'a [Attribute],
        after: Option<(Id, u64)>,
        visible: impl Fn(&Face) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Arc<Face>> + 'a {
        self.faces.find(template, after, visible)
    }

    /// One object.
    pub fn face(&self, id: Id, class: u64) -> Option<&Arc<Face>> {
        self.faces.of(id).find(|face| face.class == class)
    }

    /// All objects of one id: the halves of a pair and its certificate.
    pub fn faces_of(&self, id: Id) -> Vec<Arc<Face>> {
        self.faces.of(id).cloned().collect()
    }

    fn put_version(&mut self, record: VersionRecord) -> Result<()> {
        let version = Arc::new(Version::parse(self.id, record, None)?);
        let id = version.id;
        let name = version.record.key.clone();
        if !version.record.request_id.is_empty() {
            self.requests.insert(version.record.request_id.clone(), id);
        }
        self.versions.insert(id, version.clone());
        let Some(key) = self.keys.get_mut(&name) else {
            return Err(Error::new(ErrorCode::RecordDamaged, "a version has no key"));
        };
        match key.versions.iter_mut().find(|other| other.id == id) {
            Some(place) => *place = version,
            None => {
                key.versions.push(version);
                key.versions.sort_by_key(|version| version.record.ordinal);
            }
        }
        self.show_key(&name);
        Ok(())
    }

    /// Makes the faces of a key's versions anew: a new version takes the plain name from the last one.
    fn show_key(&mut self, name: &str) {
        let Some(key) = self.keys.get(name) else { return };
        let current = key.current().map(|version| version.id);
        for version in &key.versions {
            let label = match current == Some(version.id) {
                true => key.record.name.clone(),
                false => format!("{}/{}", key.record.name, version.id),
            };
            let deleted = key.record.deleted.is_some();
            let mut faces = if deleted { Vec::new() } else { face::of_version(version, &label) };
            if let Some(der) = certificates::of(&self.certificates, name, version.id).filter(|_| !deleted) {
                face::show_certificate(&mut faces, version, &label, der);
            }
            self.faces.replace(version.id, version.record.ordinal, faces);
        }
    }

    fn remember_request(&mut self, request_id: &str, id: &[u8]) -> Result<()> {
        if !request_id.is_empty() {
            self.requests.insert(request_id.to_owned(), Id::from_bytes(id)?);
        }
        Ok(())
    }

    fn remove_key(&mut self, name: &str) {
        let Some(key) = self.keys.remove(name) else { return };
        for version in key.versions {
            self.remove_version(version.id);
        }
    }

    fn remove_version(&mut self, id: Id) {
        self.faces.replace(id, 0, Vec::new());
        self.requests.retain(|_, made| *made != id);
        let Some(version) = self.versions.remove(&id) else { return };
        if let Some(key) = self.keys.get_mut(&version.record.key) {
            key.versions.retain(|other| other.id != id);
        }
    }

    fn remove_object(&mut self, id: Id) {
        self.faces.replace(id, 0, Vec::new());
        self.requests.retain(|_, made| *made != id);
        self.objects.remove(&id);
        self.public_keys.remove(&id);
    }

    fn put_object(&mut self, record: ObjectRecord) -> Result<()> {
        let id = Id::from_bytes(&record.id)?;
        if !record.request_id.is_empty() {
            self.requests.insert(record.request_id.clone(), id);
        }
        let faces = match record.policy.is_some() {
            true => {
                let version = Arc::new(Version::of_public_object(self.id, &record)?);
                self.public_keys.insert(id, version.clone());
                if record.hidden { Vec::new() } else { face::of_version(&version, "") }
            }
            false => face::of_object(id, &record).into_iter().collect(),
        };
        self.faces.replace(id, record.ordinal, faces);
        self.objects.insert(id, Arc::new(record));
        Ok(())
    }
}

/// Everything, behind one lock.
#[derive(Default)]
pub struct View {
    /// Users, roles, groups.
    pub directory: Directory,
    vaults: HashMap<Id, Vault>,
    by_name: HashMap<String, Id>,
    admins: HashSet<u32>,
    anchor: Option<AnchorRecord>,
    /// The store's id, which object ids are derived from.
    pub cluster: Id,
}

impl View {
    /// A vault by id; deleted ones are not found.
    pub fn vault(&self, id: Id) -> Option<&Vault> {
        self.vaults.get(&id).filter(|vault| vault.record.deleted.is_none())
    }

    /// A vault by name, whatever its case.
    pub fn vault_named(&self, name: &str) -> Option<&Vault> {
        self.by_name.get(&name.to_ascii_lowercase()).and_then(|id| self.vault(*id))
    }

    /// Whether a name is taken, also by a deleted vault, which may come back.
    pub fn is_vault_name_taken(&self, name: &str) -> bool {
        self.by_name.contains_key(&name.to_ascii_lowercase())
    }

    /// A deleted vault that can be recovered, by name.
    pub fn deleted_vault(&self, name: &str) -> Option<&Vault> {
        let vault = self.by_name.get(&name.to_ascii_lowercase()).and_then(|id| self.vaults.get(id))?;
        Some(vault).filter(|vault| vault.record.deleted.is_some() && !vault.record.purged)
    }

    /// The deleted vaults that can be recovered, by name.
    pub fn deleted_vaults(&self) -> Vec<&Vault> {
        let is_there = |vault: &&Vault| vault.record.deleted.is_some() && !vault.record.purged;
        let mut vaults: Vec<_> = self.vaults.values().filter(is_there).collect();
        vaults.sort_by_key(|vault| vault.record.name.to_ascii_lowercase());
        vaults
    }

    /// Every vault that has rows, also deleted ones and those whose rows are being removed.
    pub fn every_vault(&self) -> impl Iterator<Item = &Vault> {
        self.vaults.values()
    }

    /// All vaults that are not deleted, in creation order.
    pub fn vaults(&self) -> Vec<&Vault> {
        let mut vaults: Vec<_> = self.vaults.values().filter(|vault| vault.record.deleted.is_none()).collect();
        vaults.sort_by_key(|vault| vault.record.slot_id);
        vaults
    }

    /// Whether a uid was named an administrator.
    pub fn is_admin(&self, uid: u32) -> bool {
        self.admins.contains(&uid)
    }

    /// The uids that were named administrators.
    pub fn admins(&self) -> impl Iterator<Item = u32> {
        self.admins.iter().copied()
    }

    /// The newest audit record known to be on disk.
    pub fn anchor(&self) -> Option<&AnchorRecord> {
        self.anchor.as_ref()
    }

    /// Remembers that the record of a key or version was refused, so that its use says so and nothing takes its place.
    fn mark_damaged(&mut self, row: &str) {
        let mut parts = row.splitn(3, '/');
        let (Some(kind), Some(vault), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return };
        let Some(vault) = Id::parse(vault).ok().and_then(|id| self.vaults.get_mut(&id)) else { return };
        match kind {
            "key" => drop(vault.damaged_names.insert(rest.to_owned())),
            "version" => vault.damaged.extend(Id::parse(rest)),
            "secret" => drop(vault.damaged_secrets.insert(rest.to_owned())),
            "secretversion" | "certversion" => vault.damaged.extend(Id::parse(rest)),
            "certificate" => drop(vault.damaged_certificates.insert(rest.to_owned())),
            _ => {}
        }
    }

    fn apply(&mut self, key: &str, body: Option<&[u8]>, sequence: u64) -> Result<Option<Id>> {
        let mut parts = key.splitn(3, '/');
        let (kind, first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
        match kind {
            row::AUDIT_ANCHOR => {
                self.anchor = body.map(decode).transpose()?;
                return Ok(None);
            }
            "principal" | "assignment" | "role" | "group" | "revoked" => {
                self.directory.apply(kind, key.split_once('/').map_or("", |(_, rest)| rest), body)?;
                return Ok(None);
            }
            "admin" => {
                if let Some(uid) = body.map(decode::<AdminRecord>).transpose()?.and_then(|record| record.uid) {
                    self.admins.insert(uid);
                }
                return Ok(None);
            }
            _ => {}
        }
        let id = Id::parse(first)?;
        if let Some(body) = body.filter(|_| kind == "vault") {
            let record = decode::<VaultRecord>(body)?;
            if record.purged {
                // Its name is free, and may have been given again.
                self.by_name.retain(|_, named| *named != id);
            } else {
                self.by_name.insert(record.name.to_ascii_lowercase(), id);
            }
            match self.vaults.get_mut(&id) {
                Some(vault) if !record.purged => {
                    vault.grants = Grants::of(&record, self.cluster, id);
                    let shows_others = vault.record.publish_secrets != record.publish_secrets;
                    vault.record = Arc::new(record);
                    if shows_others {
                        vault.show_secrets();
                    }
                }
                // What was in a purged vault is gone at once, whenever its rows are.
                _ => drop(self.vaults.insert(id, Vault::new(id, record, self.cluster))),
            }
        }
        if body.is_none() && kind == "vault" {
            self.vaults.remove(&id);
            self.by_name.retain(|_, named| *named != id);
            return Ok(Some(id));
        }
        let vault =
            self.vaults.get_mut(&id).ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "a row names no vault"))?;
        vault.revision = vault.revision.max(sequence);
        if vault.record.purged {
            return Ok(Some(id));
        }
        let Some(rest) = rest.or((kind == "kek").then_some("")) else { return Ok(Some(id)) };
        match (kind, body) {
            ("kek", Some(body)) => vault.kek = Some(Arc::new(decode(body)?)),
            ("key", Some(body)) => {
                let record = Arc::new(decode::<KeyRecord>(body)?);
                let fresh = Key { record: record.clone(), versions: Vec::new() };
                vault.keys.entry(rest.to_owned()).or_insert(fresh).record = record;
                vault.show_key(rest);
            }
            ("version", Some(body)) => vault.put_version(decode(body)?)?,
            ("object", Some(body)) => vault.put_object(decode(body)?)?,
            ("secret", Some(body)) => vault.put_secret(rest, decode(body)?),
            ("secretversion", Some(body)) => vault.put_secret_version(decode(body)?)?,
            ("certificate", Some(body)) => vault.certificates.put(rest, decode(body)?),
            ("certversion", Some(body)) => vault.put_certificate_version(decode(body)?)?,
            ("issuer", Some(body)) => drop(vault.issuers.insert(rest.to_owned(), Arc::new(decode(body)?))),
            ("kek", None) => vault.kek = None,
            ("key", None) => vault.remove_key(rest),
            ("version", None) => vault.remove_version(Id::parse(rest)?),
            ("object", None) => vault.remove_object(Id::parse(rest)?),
            ("secret", None) => vault.remove_secret(rest),
            ("secretversion", None) => vault.remove_secret_version(Id::parse(rest)?),
            ("certificate", None) => vault.certificates.remove(rest),
            ("certversion", None) => vault.remove_certificate_version(Id::parse(rest)?),
            ("issuer", None) => drop(vault.issuers.remove(rest)),
            ("pin", body) => {
                let (user_type, peer) = rest.split_once('/').unwrap_or((rest, ""));
                let place = (user_type.to_owned(), peer.to_owned());
                match body.map(decode::<PinFailureRecord>).transpose()? {
                    Some(record) => vault.pin_failures.insert(place, record.count),
                    None => vault.pin_failures.remove(&place),
                };
            }
            _ => {}
        }
        Ok(Some(id))
    }
}

fn decode<T: Message + Default>(body: &[u8]) -> Result<T> {
    T::decode(body).map_err(|cause| Error::new(ErrorCode::RecordDamaged, "a record cannot be read").because(cause))
}

/// The catalog: a view, and word of every change.
pub struct Catalog {
    view: RwLock<View>,
    changes: broadcast::Sender<(Id, u64)>,
}

impl Catalog {
    /// Reads rows whose MACs are right, and remembers those whose are not. Also returns the names of all that cannot be read.
    pub fn load(load: super::ledger::Load, cluster: Id) -> (Self, Vec<String>) {
        let mut view = View { cluster, directory: Directory::new(cluster), ..View::default() };
        let super::ledger::Load { mut rows, mut damaged } = load;
        rows.sort_by_key(|row| row::rank(&row.key));
        for row in rows {
            if view.apply(&row.key, Some(&row.body), row.sequence).is_err() {
                damaged.push(row.key);
            }
        }
        damaged.iter().for_each(|row| view.mark_damaged(row));
        (Self { view: RwLock::new(view), changes: broadcast::Sender::new(CHANGE_BACKLOG) }, damaged)
    }

    /// Looks. The guard must not be held over a call.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in rows that are now durable, and tells the listeners which vaults changed.
    pub fn apply(&self, sequence: u64, entries: &[super::ledger::Entry]) {
        let mut changed = HashSet::new();
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            for entry in entries {
                match view.apply(&entry.key, entry.body.as_deref(), sequence) {
                    Ok(vault) => changed.extend(vault),
                    Err(error) => tracing::error!(row = entry.key, %error, "a row just written cannot be read"),
                }
            }
        }
        for vault in changed {
            // Nobody listening is no error.
            let _ = self.changes.send((vault, sequence));
        }
    }

    /// Vaults and their new revisions, as they change.
    pub fn changes(&self) -> broadcast::Receiver<(Id, u64)> {
        self.changes.subscribe()
    }
}

//! `softkeepd init`: the first root key, its slot, and the first administrator.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    clock,
    crypto::AwsLc,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::random_object_id,
    keys::{
        Keys, cluster_of, initialise,
        ledger::Entry,
        record::{AdminRecord, CredentialRecord, PrincipalKind, PrincipalRecord, row},
        seal,
        slot::Slot,
    },
    pins,
    store::{SqliteStore, Store},
};

/// The first administrator.
pub enum Admin {
    /// A user of this machine.
    Uid(u32),
    /// A name and a password, for `softkeep login`.
    User(String, Zeroizing<Vec<u8>>),
}

/// Makes a data folder's rows. The folder is made if it is not there.
pub fn init(data_dir: &Path, slot: &Slot, admins: &[Admin]) -> Result<()> {
    make_private_dir(data_dir)?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(data_dir)?);
    let root = seal::random_secret()?;
    initialise(&*store, slot, root.clone())?;
    add_admins(store, root, admins)
}

/// Whether a data folder was initialised.
pub fn is_initialised(data_dir: &Path) -> bool {
    data_dir.join(crate::store::sqlite::FILE_NAME).exists()
}

fn add_admins(store: Arc<dyn Store>, root: seal::Secret32, admins: &[Admin]) -> Result<()> {
    let cluster: Id = cluster_of(&*store)?.ok_or_else(|| Error::internal("no cluster id after initialising"))?;
    let keys = Keys::unseal(store, cluster, root, Arc::new(AwsLc))?;
    let mut entries = Vec::new();
    for admin in admins {
        entries.push(match admin {
            Admin::Uid(uid) => {
                let record = AdminRecord { uid: Some(*uid) };
                Entry::put(row::admin("uid", &uid.to_string()), &record)
            }
            Admin::User(name, password) => {
                if name.is_empty() || name.len() > 64 || name.contains('/') {
                    return Err(Error::new(ErrorCode::InvalidArgument, "a user name has 1 to 64 bytes and no slash"));
                }
                let password = pins::hash(password, keys.root.pin_pepper(), 1)?;
                let (id, now) = (random_object_id()?, clock::now_seconds());
                let credential = CredentialRecord {
                    id: random_object_id()?.0.to_vec(),
                    password: Some(password),
                    created: now,
                    ..CredentialRecord::default()
                };
                let record = PrincipalRecord {
                    object_id: id.0.to_vec(),
                    kind: PrincipalKind::User.into(),
                    name: name.clone(),
                    display_name: name.clone(),
                    administrator: true,
                    created: now,
                    credentials: vec![credential],
                    ..PrincipalRecord::default()
                };
                Entry::put(row::principal(id), &record)
            }
        });
    }
    keys.write(|_| Ok((entries, ())))
}

/// Makes a folder for nobody else.
pub fn make_private_dir(dir: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|cause| Error::new(ErrorCode::StoreFailed, format!("cannot make {}", dir.display())).because(cause))
}

//! Seal slots: the ways to open the root key (a passphrase, a key file). Each slot wraps the same root key; any one opens it.

use std::{
    fs,
    io::{Read, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use argon2::{Algorithm, Argon2, Params, Version};
use prost::Message;
use softkeep_proto::limits::MAX_PASSPHRASE_BYTES;
use zeroize::Zeroizing;

use super::{
    record::row,
    seal::{self, Secret32},
};
use crate::{
    crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
    store::{Store, Write},
};

/// Argon2id (RFC 9106) for passphrases, which a thief of the disk may guess at offline: about a second and 256 MiB a guess.
const PASSPHRASE_MEMORY_KIB: u32 = 256 * 1024;
const PASSPHRASE_PASSES: u32 = 4;
const PASSPHRASE_LANES: u32 = 4;
/// Below this a slot's parameters are not ours: somebody made guessing cheap.
const MIN_MEMORY_KIB: u32 = 64 * 1024;
/// Above this an edited slot could exhaust the machine's memory.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// A passphrase shorter than this is guessed whatever Argon2 costs.
const MIN_PASSPHRASE_BYTES: usize = 8;

/// Row `slot/{kind}`.
#[derive(Clone, PartialEq, Message)]
struct SlotRecord {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(bytes = "vec", tag = "2")]
    salt: Vec<u8>,
    #[prost(uint32, tag = "3")]
    memory_kib: u32,
    #[prost(uint32, tag = "4")]
    passes: u32,
    #[prost(uint32, tag = "5")]
    lanes: u32,
    #[prost(string, tag = "6")]
    key_file: String,
    #[prost(bytes = "vec", tag = "7")]
    wrapped_root: Vec<u8>,
}

/// How a slot is to be opened.
pub enum Slot {
    /// By something a person knows.
    Passphrase(Zeroizing<Vec<u8>>),
    /// By the 32 bytes of a file, without asking anybody.
    KeyFile(PathBuf),
}

/// The rows of a new slot around a root key. A key file is made here and must not exist yet.
pub fn create(cluster: Id, slot: &Slot, root: &Secret32) -> Result<Write> {
    let mut record = SlotRecord::default();
    let key = match slot {
        Slot::Passphrase(passphrase) => {
            if !(MIN_PASSPHRASE_BYTES..=MAX_PASSPHRASE_BYTES).contains(&passphrase.len()) {
                let range = format!("a passphrase has {MIN_PASSPHRASE_BYTES} to {MAX_PASSPHRASE_BYTES} bytes");
                return Err(Error::new(ErrorCode::PinInvalid, range));
            }
            record.kind = "passphrase".into();
            record.salt = vec![0; 32];
            crypto::fill_random(&mut record.salt)?;
            (record.memory_kib, record.passes, record.lanes) =
                (PASSPHRASE_MEMORY_KIB, PASSPHRASE_PASSES, PASSPHRASE_LANES);
            stretch(passphrase, &record)?
        }
        Slot::KeyFile(path) => {
            record.kind = "keyfile".into();
            record.key_file = path.to_str().ok_or_else(|| invalid_key_file(path, "its path is not UTF-8"))?.to_owned();
            let key = seal::random_secret()?;
            write_key_file(path, &key)?;
            key
        }
    };
    record.wrapped_root = seal::seal(&key, &aad(cluster, &record), &***root)?;
    Ok(Write::Put(format!("{}{}", row::SLOT, record.kind), record.encode_to_vec()))
}

/// The kinds of slots a store has.
pub fn kinds(store: &dyn Store) -> Result<Vec<String>> {
    Ok(records(store)?.into_iter().map(|record| record.kind).collect())
}

/// Opens the root key by whatever slot needs nobody. `None` when there is no such slot.
pub fn open_unattended(store: &dyn Store, cluster: Id) -> Result<Option<Secret32>> {
    let Some(record) = records(store)?.into_iter().find(|record| record.kind == "keyfile") else { return Ok(None) };
    let path = Path::new(&record.key_file);
    let key = read_key_file(path)?;
    unwrap_root(cluster, &record, &key)?
        .map(Some)
        .ok_or_else(|| invalid_key_file(path, "it does not open this store's root key"))
}

/// Opens the root key by a passphrase.
pub fn open_with_passphrase(store: &dyn Store, cluster: Id, passphrase: &[u8]) -> Result<Secret32> {
    let record = records(store)?
        .into_iter()
        .find(|record| record.kind == "passphrase")
        .ok_or_else(|| Error::new(ErrorCode::NotSupported, "this store has no passphrase slot"))?;
    let wrong = || Error::new(ErrorCode::PinIncorrect, "the passphrase is wrong");
    if passphrase.len() > MAX_PASSPHRASE_BYTES {
        return Err(wrong());
    }
    unwrap_root(cluster, &record, &stretch(passphrase, &record)?)?.ok_or_else(wrong)
}

fn records(store: &dyn Store) -> Result<Vec<SlotRecord>> {
    let decode = |value: &[u8]| {
        SlotRecord::decode(value)
            .map_err(|cause| Error::new(ErrorCode::RecordDamaged, "a seal slot is damaged").because(cause))
    };
    store.range(row::SLOT)?.iter().map(|row| decode(&row.value)).collect()
}

fn aad(cluster: Id, record: &SlotRecord) -> Vec<u8> {
    [b"softkeep/slot/1".as_slice(), &cluster.0, record.kind.as_bytes()].concat()
}

fn unwrap_root(cluster: Id, record: &SlotRecord, key: &Secret32) -> Result<Option<Secret32>> {
    let Some(plain) = seal::unseal(key, &aad(cluster, record), &record.wrapped_root)? else { return Ok(None) };
    let mut root = Box::new(Zeroizing::new([0; 32]));
    if plain.len() != root.len() {
        return Ok(None);
    }
    root.copy_from_slice(&plain);
    Ok(Some(root))
}

fn stretch(passphrase: &[u8], record: &SlotRecord) -> Result<Secret32> {
    if !(MIN_MEMORY_KIB..=MAX_MEMORY_KIB).contains(&record.memory_kib) || record.passes > 16 || record.lanes > 16 {
        return Err(Error::new(ErrorCode::RecordDamaged, "the passphrase slot's Argon2 parameters are out of bounds"));
    }
    let mut key = Box::new(Zeroizing::new([0; 32]));
    let parameters = Params::new(record.memory_kib, record.passes, record.lanes, Some(32)).map_err(|cause| {
        Error::new(ErrorCode::RecordDamaged, "the passphrase slot's Argon2 parameters").because(cause)
    })?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(passphrase, &record.salt, &mut **key)
        .map_err(|cause| Error::internal(cause.to_string()))?;
    Ok(key)
}

fn invalid_key_file(path: &Path, why: &str) -> Error {
    Error::new(ErrorCode::StoreFailed, format!("key file {}: {why}", path.display()))
}

fn write_key_file(path: &Path, key: &Secret32) -> Result<()> {
    let failed = |cause: std::io::Error| invalid_key_file(path, "cannot be made").because(cause);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(path).map_err(failed)?;
    file.write_all(&***key).and_then(|()| file.sync_all()).map_err(failed)
}

fn read_key_file(path: &Path) -> Result<Secret32> {
    let failed = |cause: std::io::Error| invalid_key_file(path, "cannot be read").because(cause);
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut key = Box::new(Zeroizing::new([0; 32]));
    file.read_exact(&mut **key).map_err(failed)?;
    if file.read(&mut [0]).map_err(failed)? != 0 {
        return Err(invalid_key_file(path, "it is longer than 32 bytes"));
    }
    Ok(key)
}

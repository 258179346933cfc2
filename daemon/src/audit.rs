//! What happened: each decision and each use of a key, as a record in the chained log. The front that the pipeline calls;
//! the chain, its file and its verifier are in the modules below.

use std::{borrow::Cow, path::Path, sync::Arc};

use prost::Message;

pub mod log;
pub mod receipt;
pub mod record;
pub mod verify;

use log::{Anchor, AuditLog};
use record::{Door, Outcome, Record};

use crate::{
    clock,
    error::{Error, Result},
    identity::Caller,
    ops::{Audited, Operation, Remark},
    policy::{Authorized, KeyName, Place, VaultName, profile::WrappingRule},
};

/// The name of an object that has none, because no vault keeps it.
const SESSION_OBJECT: &str = "(session object)";

/// What ties the records of one request together and goes to the caller with an error.
pub type RequestId = u64;

/// The audit log, as the pipeline uses it.
pub struct Audit {
    log: AuditLog,
}

/// An operation whose intent is on record.
pub struct Intent {
    record: Option<Record>,
    audited: Audited,
}

impl Audit {
    /// Over an open log.
    pub fn new(log: AuditLog) -> Self {
        Self { log }
    }

    /// Puts the intent on record, before any key is touched. Without it nothing is done.
    pub fn begin<O: Operation>(&self, grant: &Authorized<O>, request: Request) -> Result<Intent> {
        let audited = grant.operation().audited();
        if audited == Audited::Read {
            return Ok(Intent { record: None, audited });
        }
        // The names the catalog has are better than the ones the caller used.
        let mut record = request.record(Outcome::Allowed);
        record.vault = grant.vault().ok().map(|vault| vault.record.name.as_str().into());
        match grant.version() {
            Ok(version) => {
                let name = if version.is_session_object() { SESSION_OBJECT } else { version.record.key.as_str() };
                record.object = Some(name.into());
                record.version = Some(version.id.to_string().into());
            }
            Err(_) => (record.object, record.version) = (request.object(), request.version()),
        }
        if let Ok(other) = grant.other_version() {
            let name = if other.is_session_object() { SESSION_OBJECT } else { other.record.key.as_str() };
            let any = grant.vault().is_ok_and(|vault| vault.record.wrapping == WrappingRule::Any.name());
            let lifted = if any { ", in a vault whose wrapping is 'any'" } else { "" };
            record.detail = Some(format!("with key {name}/{}{lifted}", other.id));
        }
        self.log.append(record.clone())?;
        if audited == Audited::Administration {
            self.log.flush()?;
        }
        Ok(Intent { record: Some(record), audited })
    }

    /// Puts the outcome on record. A use that went well has only its intent; administration always has both, on disk before the reply.
    pub fn end<T>(&self, intent: Intent, result: &Result<T>, remark: Remark) -> Result<()> {
        let Some(mut record) = intent.record else { return Ok(()) };
        if intent.audited == Audited::Use && result.is_ok() {
            return Ok(());
        }
        record.time_unix_micros = clock::now_micros();
        record.outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
        if let Err(error) = result {
            record.code = Some(error.code);
            record.detail = Some(error.detail.clone());
        }
        record.detail = remark.detail.or(record.detail);
        record.receipt = remark.receipt;
        self.log.append(record)?;
        match intent.audited {
            Audited::Administration => self.log.flush().map_err(|error| {
                let detail = format!("what was asked for is done, but its outcome is not on record: {}", error.detail);
                Error { detail, ..error }
            }),
            Audited::Login | Audited::Use | Audited::Read => Ok(()),
        }
    }

    /// Puts a refusal on record.
    pub fn refused(&self, request: &Request, error: &Error) -> Result<()> {
        let mut record = request.record(Outcome::Refused);
        (record.vault, record.object, record.version) = (request.vault(), request.object(), request.version());
        record.code = Some(error.code);
        record.detail = Some(error.detail.clone());
        self.log.append(record).map(|_| ())
    }

    /// Puts on record that somebody came with a login token or an access token that is none.
    pub fn unknown_caller(&self, caller: &Caller, door: Door, error: &Error) -> Result<()> {
        let caller = caller.to_string();
        let mut record = Record::new(clock::now_micros(), 0, caller, door, "identify", Outcome::Refused);
        record.code = Some(error.code);
        record.detail = Some(error.detail.clone());
        self.log.append(record).map(|_| ())
    }

    /// Puts something on record that the daemon does of its own accord.
    pub fn note(
        &self,
        operation: &'static str,
        vault: Option<&str>,
        object: Option<&str>,
        detail: Option<String>,
    ) -> Result<()> {
        let caller = Caller::Internal.to_string();
        let mut record = Record::new(clock::now_micros(), 0, caller, Door::Internal, operation, Outcome::Done);
        record.vault = vault.map(Arc::from);
        record.object = object.map(Arc::from);
        record.detail = detail;
        self.log.append(record).map(|_| ())
    }

    /// The log itself, for reading.
    pub fn log(&self) -> &AuditLog {
        &self.log
    }
}

/// What is known of a request before anything is decided. Its names become text only for a record that needs them.
pub struct Request {
    id: RequestId,
    door: Door,
    caller: Arc<str>,
    operation: &'static str,
    place: Place,
    algorithm: Option<Cow<'static, str>>,
}

impl Request {
    /// Of an operation that somebody asks for.
    pub fn of<O: Operation>(id: RequestId, door: Door, caller: &Caller, operation: &O) -> Self {
        let (caller, algorithm) = (caller.to_string().into(), operation.algorithm());
        Self { id, door, caller, operation: O::NAME, place: operation.place(), algorithm }
    }

    fn record(&self, outcome: Outcome) -> Record {
        let mut record =
            Record::new(clock::now_micros(), self.id, self.caller.clone(), self.door, self.operation, outcome);
        record.algorithm.clone_from(&self.algorithm);
        record
    }

    fn vault(&self) -> Option<Arc<str>> {
        match &self.place {
            Place::Daemon | Place::Group(_) | Place::Principal(_) | Place::Scope(_) => None,
            Place::DeletedVault(name) => Some(name.as_str().into()),
            Place::Vault(VaultName::Named(name), _) | Place::Key(VaultName::Named(name), _) => {
                Some(name.as_str().into())
            }
            Place::Vault(VaultName::Id(id), _) | Place::Key(VaultName::Id(id), _) => Some(id.to_string().into()),
        }
    }

    fn object(&self) -> Option<Arc<str>> {
        match &self.place {
            Place::Vault(_, object) => object.as_deref().map(Arc::from),
            Place::Key(_, KeyName::Named(name, _)) => Some(name.as_str().into()),
            Place::Key(_, KeyName::Sealed(_)) => Some(SESSION_OBJECT.into()),
            Place::Group(name) | Place::Principal(name) => Some(name.as_str().into()),
            Place::Scope(scope) => Some(format!("/{}", scope.to_string().trim_start_matches('/')).into()),
            Place::Daemon | Place::DeletedVault(_) | Place::Key(_, KeyName::Version(_) | KeyName::Object(..)) => None,
        }
    }

    fn version(&self) -> Option<Arc<str>> {
        match &self.place {
            Place::Key(_, KeyName::Version(id) | KeyName::Object(id, _) | KeyName::Named(_, Some(id))) => {
                Some(id.to_string().into())
            }
            Place::Daemon
            | Place::DeletedVault(_)
            | Place::Group(_)
            | Place::Principal(_)
            | Place::Scope(_)
            | Place::Vault(..)
            | Place::Key(..) => None,
        }
    }
}

/// Reads the anchor's row.
pub fn read_anchor(record: &crate::keys::record::AnchorRecord) -> Option<Anchor> {
    Some(Anchor { sequence: record.sequence, head: record.head.as_slice().try_into().ok()? })
}

/// The anchor's row.
pub fn anchor_row(anchor: &Anchor) -> Vec<u8> {
    crate::keys::record::AnchorRecord { sequence: anchor.sequence, head: anchor.head.to_vec() }.encode_to_vec()
}

/// Where the log lies in a data folder.
pub fn dir(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("audit")
}

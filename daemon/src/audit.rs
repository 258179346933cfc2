//! What happened: each decision and each use of a key, as a record in the chained log. The front that the pipeline calls;
//! the chain, its file and its verifier are in the modules below.

use std::{path::Path, sync::Arc};

use prost::Message;

pub mod log;
pub mod record;
pub mod verify;

use log::{Anchor, AuditLog};
use record::{Door, Outcome, Record};

use crate::{
    clock,
    error::{Error, Result},
    identity::Caller,
    ops::{Audited, Operation},
    policy::{self, Authorized},
};

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
    pub fn begin<O: Operation>(&self, grant: &Authorized<O>, door: Door, request: RequestId) -> Result<Intent> {
        if !policy::is_logged::<O>() {
            return Ok(Intent { record: None, audited: O::AUDITED });
        }
        let mut record = base(grant.caller(), grant.operation(), door, request, Outcome::Allowed);
        // The names the catalog has are better than the ones the caller used.
        if let Ok(vault) = grant.vault() {
            record.vault = Some(vault.record.name.as_str().into());
        }
        if let Ok(version) = grant.version() {
            record.object = Some(version.record.key.as_str().into());
            record.version = Some(version.id.to_string().into());
        }
        self.log.append(record.clone())?;
        Ok(Intent { record: Some(record), audited: O::AUDITED })
    }

    /// Puts the outcome on record. A use that went well has only its intent; administration always has both, on disk before the reply.
    pub fn end<T>(&self, intent: Intent, result: &Result<T>) -> Result<()> {
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
        self.log.append(record)?;
        match intent.audited {
            Audited::Administration => self.log.flush(),
            Audited::Use | Audited::Read => Ok(()),
        }
    }

    /// Puts a refusal on record.
    pub fn refused(&self, mut record: Record, error: &Error) -> Result<()> {
        record.outcome = Outcome::Refused;
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

/// The record of an operation, as far as it is known before anything is decided.
pub fn base<O: Operation>(caller: &Caller, operation: &O, door: Door, request: RequestId, outcome: Outcome) -> Record {
    let (vault, object, version) = policy::audit_place(operation);
    let mut record = Record::new(clock::now_micros(), request, caller.to_string(), door, O::NAME, outcome);
    record.vault = vault.map(Arc::from);
    record.object = object.map(Arc::from);
    record.version = version.map(Arc::from);
    record.algorithm = operation.algorithm();
    record
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

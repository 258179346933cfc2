//! The straight line of a request, which every door calls: authorize → audit intent → open key → run → audit result → reply.
//! Also the one switch between sealed and unsealed.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    audit::{
        self, Audit, RequestId,
        log::{AuditLog, CheckpointSigner, Opening, Settings},
        record::Door,
    },
    clock,
    config::{self, Config},
    crypto::Backend,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{self, Caller, Peer, desk::SignInDesk, token::TokenKind},
    keys::{
        Keys, anchor,
        ledger::Entry,
        record::row,
        seal::{RootKeys, Secret32},
        slot,
    },
    ops::{Audited, Operation},
    policy::Policy,
    store::Store,
    workers::{Lane, Workers},
};

mod turns;

use turns::Turns;

/// The rooms that exist only while the daemon is unsealed.
pub struct Unsealed {
    /// The log. First, so that it is closed while the store can still take its last anchor.
    pub audit: Audit,
    /// Records and keys.
    pub keys: Arc<Keys>,
    /// Grants.
    pub policy: Arc<Policy>,
    /// What the configuration says of new vaults.
    pub new_vaults: config::Vaults,
    /// Attempts at PINs that are being checked right now.
    pub attempts: crate::pins::Attempts,
    /// Tokens, wrong passwords, device codes.
    pub sign_in: SignInDesk,
    /// Where the audit log lies.
    pub audit_dir: PathBuf,
    /// Last, so that it says so when all the others are gone.
    _end: End,
}

/// Says that the rooms it was among are gone.
struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How long the rooms of before may take to end: their last call is an RSA key generation.
const MAX_ENDING: Duration = Duration::from_secs(30);

/// The daemon without its doors.
pub struct Pipeline {
    store: Arc<dyn Store>,
    backend: Arc<dyn Backend>,
    policy: Arc<Policy>,
    new_vaults: config::Vaults,
    workers: Workers,
    turns: Turns,
    unsealed: RwLock<Option<Arc<Unsealed>>>,
    /// Why it is sealed; empty while it is not.
    seal_reason: watch::Sender<String>,
    next_request: AtomicU64,
    first_request: u64,
    audit_dir: PathBuf,
    anchor_path: PathBuf,
    /// The end of the rooms that were last unsealed: two sets of them must never write at once.
    last_ended: Mutex<Option<Arc<AtomicBool>>>,
    /// Wrong passphrases since the start, put on record by the unsealing that follows.
    wrong_passphrases: Mutex<u32>,
    /// When the daemon started, in Unix seconds.
    pub started: i64,
}

impl Pipeline {
    /// Builds the rooms around a store; sealed at first.
    pub fn new(store: Arc<dyn Store>, backend: Arc<dyn Backend>, config: &Config) -> Result<Self> {
        let mut first_request = [0; 8];
        crate::crypto::fill_random(&mut first_request)?;
        // A random start tells the requests of one run from those of the next.
        let first_request = u64::from_be_bytes(first_request) >> 1;
        Ok(Self {
            store,
            backend,
            policy: Arc::new(Policy::new(config.clients.clone())?),
            new_vaults: config.vaults,
            workers: Workers::start()?,
            turns: Turns::default(),
            unsealed: RwLock::new(None),
            seal_reason: watch::Sender::new("the daemon has just started".into()),
            next_request: AtomicU64::new(first_request),
            first_request,
            audit_dir: audit::dir(&config.data_dir),
            anchor_path: anchor::path(&config.data_dir),
            last_ended: Mutex::new(None),
            wrong_passphrases: Mutex::new(0),
            started: clock::now_seconds(),
        })
    }

    /// The straight line.
    pub async fn run<O: Operation>(&self, caller: Caller, door: Door, operation: O) -> Result<O::Reply> {
        // Before anything is decided: what is decided holds when the turn comes.
        let _turn = match caller.peer() {
            Some(peer) if operation.lane(None) == Lane::Generate => Some(self.turns.take(peer).await?),
            _ => None,
        };
        let rooms = self.unsealed()?;
        let id = self.next_request.fetch_add(1, Ordering::Relaxed);
        let request = audit::Request::of(id, door, &caller, &operation);
        let decision = rooms.policy.authorize(&rooms.keys, caller, operation, clock::now_seconds());
        let grant = match decision {
            Ok(grant) => grant,
            Err(error) => {
                rooms.audit.refused(&request, &error)?;
                return Err(Error { request_id: id, ..error });
            }
        };
        let audited = grant.operation().audited();
        let lane = grant.operation().lane(grant.version().ok().map(|version| &**version));
        let line = move || {
            let intent = rooms.audit.begin(&grant, request)?;
            let result = O::run(grant, &rooms);
            let remark = result.as_ref().map(O::remark).unwrap_or_default();
            rooms.audit.end(intent, &result, remark)?;
            result
        };
        // Administration waits for the disk, which must not hold up a connection's thread.
        let lane = if lane == Lane::Inline && audited == Audited::Administration { Lane::Store } else { lane };
        let result = self.workers.run(lane, line).await;
        if let Err(error) = &result {
            log(id, error);
            if !error.answer_after.is_zero() {
                tokio::time::sleep(error.answer_after).await;
            }
        }
        result.map_err(|error| Error { request_id: id, ..error })
    }

    /// Who sends a request of the PKCS#11 module.
    pub fn identify(&self, peer: &Peer, login_token: &[u8], application: Id) -> Result<Caller> {
        if login_token.is_empty() {
            return Ok(Caller::Application(peer.clone(), application));
        }
        let rooms = self.unsealed()?;
        match identity::read_login_token(rooms.keys.root.login(), login_token, peer) {
            Ok(login) => Ok(Caller::PinUser(identity::Login { application, ..login }, peer.clone())),
            Err(error) => {
                rooms.audit.unknown_caller(&Caller::Application(peer.clone(), application), Door::Pkcs11, &error)?;
                Err(error)
            }
        }
    }

    /// Who sends a request with an access token. Whether its principal is still there is read when the request is decided.
    pub fn identify_bearer(&self, peer: &Peer, token: &str, door: Door) -> Result<Caller> {
        let rooms = self.unsealed()?;
        match rooms.sign_in.tokens.read(TokenKind::Access, token, clock::now_seconds()) {
            Ok(who) => Ok(Caller::Principal(who, peer.clone())),
            Err(error) => {
                rooms.audit.unknown_caller(&Caller::Peer(peer.clone()), door, &error)?;
                Err(error)
            }
        }
    }

    /// Refuses what a caller could not ask for at this moment, for answers that go on after they were allowed. Nothing is put on record.
    pub fn check<O: Operation>(&self, caller: Caller, operation: O) -> Result<()> {
        let rooms = self.unsealed()?;
        rooms.policy.authorize(&rooms.keys, caller, operation, clock::now_seconds()).map(drop)
    }

    /// Whether a caller may know of a vault. A sealed daemon tells nobody.
    pub fn may_see(&self, caller: &Caller, vault: Id) -> bool {
        self.unsealed().is_ok_and(|rooms| {
            let view = rooms.keys.catalog.view();
            view.vault(vault).is_some_and(|vault| rooms.policy.may_see(&view, caller, vault))
        })
    }

    /// The rooms, if the daemon is unsealed.
    pub fn unsealed(&self) -> Result<Arc<Unsealed>> {
        self.unsealed.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| {
            Error::new(ErrorCode::Sealed, format!("the daemon is sealed: {}", self.seal_reason.borrow().as_str()))
        })
    }

    /// Why the daemon is sealed, as it changes; empty while it is not.
    pub fn seal_reason(&self) -> watch::Receiver<String> {
        self.seal_reason.subscribe()
    }

    /// The store's kind and its seal slots.
    pub fn store_kind(&self) -> (&'static str, Vec<String>) {
        (self.store.kind(), slot::kinds(&*self.store).unwrap_or_default())
    }

    /// How many requests have been decided on since the start.
    pub fn requests(&self) -> u64 {
        self.next_request.load(Ordering::Relaxed).wrapping_sub(self.first_request)
    }

    /// The name of the cryptography in use.
    pub fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    /// Opens what opens without anybody. Staying sealed is no error: the reason is kept for `status`.
    pub fn unseal_unattended(&self) {
        let opened = self.cluster().and_then(|cluster| slot::open_unattended(&*self.store, cluster));
        match opened {
            Ok(Some(root)) => {
                if let Err(error) = self.open(root) {
                    self.stay_sealed(&error);
                }
            }
            Ok(None) => {
                self.seal_reason.send_replace("it waits for a passphrase; run: softkeep unseal".into());
            }
            Err(error) => self.stay_sealed(&error),
        }
    }

    /// Opens the passphrase slot. Blocks for about a second, which is also what slows guessing down.
    pub async fn unseal_with_passphrase(self: &Arc<Self>, passphrase: Zeroizing<Vec<u8>>) -> Result<()> {
        let pipeline = self.clone();
        self.workers
            // Not where keys are made: nobody's RSA key holds up the operator.
            .run(Lane::Store, move || {
                if pipeline.unsealed().is_ok() {
                    return Ok(());
                }
                let root = slot::open_with_passphrase(&*pipeline.store, pipeline.cluster()?, &passphrase).inspect_err(
                    |_| {
                        *pipeline.wrong_passphrases.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    },
                )?;
                pipeline.open(root).inspect_err(|error| pipeline.stay_sealed(error))
            })
            .await
    }

    /// Unseals with a root key that is at hand (dev mode, initialisation).
    pub fn open(&self, root: Secret32) -> Result<()> {
        let mut last_ended = self.last_ended.lock().unwrap_or_else(PoisonError::into_inner);
        wait_for_end(last_ended.as_deref())?;
        let keys = Arc::new(Keys::unseal(self.store.clone(), self.cluster()?, root, self.backend.clone())?);
        anchor::check(&self.anchor_path, keys.root.meta(), keys.sequence())?;
        let audit = self.open_audit(&keys)?;
        let wrong = std::mem::take(&mut *self.wrong_passphrases.lock().unwrap_or_else(PoisonError::into_inner));
        let after = (wrong > 0).then(|| format!("after {wrong} wrong passphrases"));
        audit.note("daemon.unseal", None, None, after)?;
        for row in &keys.damaged {
            tracing::error!(row, "a stored record fails its integrity check and is refused");
            audit.note("store.damaged", None, Some(row), None)?;
        }
        let sign_in = SignInDesk::new(&keys.root.token_seed()?, keys.cluster)?;
        let ended = Arc::new(AtomicBool::new(false));
        let rooms = Unsealed {
            audit,
            keys,
            policy: self.policy.clone(),
            new_vaults: self.new_vaults,
            attempts: crate::pins::Attempts::default(),
            sign_in,
            audit_dir: self.audit_dir.clone(),
            _end: End(ended.clone()),
        };
        *last_ended = Some(ended);
        *self.unsealed.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(rooms));
        self.seal_reason.send_replace(String::new());
        Ok(())
    }

    /// Forgets the root key and all that was opened with it; calls under way end by themselves.
    pub fn seal(&self, reason: &str) {
        let rooms = self.unsealed.write().unwrap_or_else(PoisonError::into_inner).take();
        // Not under the lock: whoever is the last to let go of them waits for the audit log's disk.
        drop(rooms);
        self.seal_reason.send_replace(reason.into());
    }

    fn cluster(&self) -> Result<Id> {
        crate::keys::cluster_of(&*self.store)?.ok_or_else(|| {
            Error::new(ErrorCode::StoreFailed, "the data folder is not initialised; run: softkeepd init")
        })
    }

    fn stay_sealed(&self, error: &Error) {
        tracing::error!(%error, "the daemon stays sealed");
        self.seal_reason.send_replace(format!("{}: {}", error.code.reason(), error.detail));
    }

    fn open_audit(&self, keys: &Arc<Keys>) -> Result<Audit> {
        let signer = audit_signer(&keys.root)?;
        let last = keys.catalog.view().anchor().and_then(audit::read_anchor);
        let (anchored, anchor_path) = (keys.clone(), self.anchor_path.clone());
        let keep = move |anchor: audit::log::Anchor| {
            let entry = Entry { key: row::AUDIT_ANCHOR.into(), body: Some(audit::anchor_row(&anchor)) };
            anchored.write(|_| Ok((vec![entry], ())))?;
            anchor::write(&anchor_path, anchored.root.meta(), anchored.sequence())
        };
        crate::init::make_private_dir(&self.audit_dir)?;
        let opening =
            Opening { signer, store_anchor: Box::new(keep), last_anchor: last, now_unix_micros: clock::now_micros() };
        let log = AuditLog::open(&self.audit_dir, opening, Settings::default())?;
        if let Some(finding) = log.opened_with() {
            tracing::error!(finding, "the audit log was tampered with or lost records");
        }
        Ok(Audit::new(log))
    }
}

/// The public key that checks the audit log's checkpoints.
pub fn audit_public_key(root: &RootKeys) -> Result<Vec<u8>> {
    Ok(audit_signer(root)?.public_key())
}

fn wait_for_end(last_ended: Option<&AtomicBool>) -> Result<()> {
    let start = Instant::now();
    while last_ended.is_some_and(|ended| !ended.load(Ordering::Acquire)) {
        if start.elapsed() > MAX_ENDING {
            return Err(Error::new(
                ErrorCode::Unavailable,
                "calls from before the daemon was sealed are still under way; try again",
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// What signs the audit log.
pub fn audit_signer(root: &RootKeys) -> Result<CheckpointSigner> {
    let seed = root.audit_seed()?;
    CheckpointSigner::from_seed(&seed)
}

fn log(request: RequestId, error: &Error) {
    match error.code {
        ErrorCode::Internal | ErrorCode::RecordDamaged | ErrorCode::StoreFailed | ErrorCode::AuditFailed => {
            tracing::error!(request, %error, "a request failed");
        }
        _ => tracing::debug!(request, %error, "a request failed"),
    }
}

#[cfg(test)]
#[path = "pipeline/tests.rs"]
mod tests;

//! The one global: everything the module remembers, behind one lock that is held for memory work only, never over a
//! call of the daemon, a hash or a file. What fork() does to it is here; the handlers themselves are `ffi::fork`'s.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::UserType;
use zeroize::Zeroizing;

use crate::{
    config::Config,
    error::{Error, Result},
    log::Log,
    object::{ObjectTable, View},
    remote::{Remote, random_id},
    session::{Operation, SessionTable, this_thread},
    slot::{SlotRef, SlotTable},
    transport::{Client, Endpoint},
};

/// The module of this process.
pub static MODULE: Module = Module::new();

/// How long a child whose fork we were not told of waits for a lock that may never be released.
const ORPHANED_LOCK_TRIES: u32 = 100;

/// The state and its lock.
pub struct Module {
    state: Mutex<State>,
    /// Signalled by C_Finalize, for threads in C_WaitForSlotEvent.
    ended: Condvar,
}

/// What outlives C_Finalize, and what does not.
pub struct State {
    running: Option<Running>,
    /// This process is a child that still uses its parent's initialisation: C_Initialize starts it fresh.
    inherited: bool,
    /// Counts C_Initialize, C_Finalize and fork(): whoever waits sees by it that the module is not the one it knew.
    generation: u64,
    counters: Counters,
}

/// The last handle of each kind; never reset, so that a handle is never used twice in a process.
#[derive(Clone, Copy)]
pub struct Counters {
    session: u64,
    object: u64,
    login: u64,
}

/// Between C_Initialize and C_Finalize.
pub struct Running {
    client: Arc<Client>,
    endpoint: Endpoint,
    timeout: Duration,
    /// What session objects are sealed for while nobody is logged in. A child of fork() has its parent's, and with it
    /// the session objects, until it calls C_Initialize.
    application_id: Bytes,
    log: Log,
    counters: Counters,
    /// The slots.
    pub slots: SlotTable,
    /// The sessions.
    pub sessions: SessionTable,
    objects: ObjectTable,
    logins: BTreeMap<u64, Login>,
    views: BTreeMap<u64, View>,
}

/// Who is logged in to a slot (one for the whole application: PKCS#11 3.2 section 5.6.8).
#[derive(Clone)]
pub struct Login {
    /// The user or the SO.
    pub user_type: UserType,
    /// The daemon's token.
    pub token: Arc<Zeroizing<Vec<u8>>>,
    /// Which login this is: what was asked under another is not kept.
    pub serial: u64,
    /// The daemon no longer takes the token (the PIN was changed elsewhere): C_Login may replace it.
    pub dead: Arc<AtomicBool>,
}

impl Module {
    /// Not initialised.
    pub const fn new() -> Self {
        let counters = Counters { session: 0, object: 0, login: 0 };
        Self {
            state: Mutex::new(State { running: None, inherited: false, generation: 0, counters }),
            ended: Condvar::new(),
        }
    }

    /// The lock. A panic under it is caught at the C boundary and leaves data that is still consistent enough to go on:
    /// every change is a single insertion or removal.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// C_Initialize. Never connects.
    pub fn initialise(&self, load: impl FnOnce() -> Config) -> Result<()> {
        self.require_uninitialised()?;
        let config = load();
        let application_id = random_id()?;
        let mut state = self.lock();
        if state.running.is_some() && !state.inherited {
            return Err(Error::CryptokiAlreadyInitialized);
        }
        let previous = state.stop();
        state.running = Some(Running::new(config, application_id, state.counters));
        state.inherited = false;
        drop(state);
        // Only a child of fork() has one here: these are its own connections, never its parent's.
        previous.inspect(Running::close);
        Ok(())
    }

    /// C_Finalize.
    pub fn finalise(&self) -> Result<()> {
        let mut state = self.lock();
        let running = state.stop().ok_or(Error::CryptokiNotInitialized)?;
        state.inherited = false;
        drop(state);
        self.ended.notify_all();
        running.close();
        Ok(())
    }

    /// CRYPTOKI_NOT_INITIALIZED unless it is.
    pub fn require_initialised(&self) -> Result<()> {
        self.with(|_| Ok(()))
    }

    fn require_uninitialised(&self) -> Result<()> {
        let state = self.lock();
        if state.running.is_some() && !state.inherited { Err(Error::CryptokiAlreadyInitialized) } else { Ok(()) }
    }

    /// Memory work under the lock.
    pub fn with<T>(&self, work: impl FnOnce(&mut Running) -> Result<T>) -> Result<T> {
        work(self.lock().running.as_mut().ok_or(Error::CryptokiNotInitialized)?)
    }

    /// Where failures are written.
    pub fn log(&self) -> Log {
        self.lock().running.as_ref().map(|running| running.log.clone()).unwrap_or_default()
    }

    /// The same for the panic hook, which may run under the lock; then there is nowhere.
    pub fn log_unless_locked(&self) -> Log {
        let state = self.state.try_lock().ok();
        state.and_then(|state| state.running.as_ref().map(|running| running.log.clone())).unwrap_or_default()
    }

    /// Which initialisation this is.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Sleeps so long, unless C_Finalize ends the initialisation that the caller knew.
    pub fn rest(&self, generation: u64, how_long: Duration) -> Result<()> {
        let ended = |state: &mut State| state.running.is_none() || state.generation != generation;
        let rested = self.ended.wait_timeout_while(self.lock(), how_long, |state| !ended(state));
        let (mut state, _) = rested.unwrap_or_else(PoisonError::into_inner);
        if ended(&mut state) { Err(Error::CryptokiNotInitialized) } else { Ok(()) }
    }

    /// fork() is about to happen: the state stays locked until the handler after it drops this.
    pub fn before_fork(&self) -> (MutexGuard<'_, State>, Option<Arc<Client>>) {
        let state = self.lock();
        let client = state.running.as_ref().map(|running| Arc::clone(&running.client));
        (state, client)
    }

    /// In a child that was made without telling us (a bare clone()): the locks may be held by threads that do not
    /// exist here, so the parent's client is left alone and leaked, and the state is taken over only if it is free.
    pub fn after_unannounced_fork(&self) -> Result<()> {
        for _ in 0..ORPHANED_LOCK_TRIES {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
            };
            state.after_fork_in_child();
            if let Some(running) = &mut state.running {
                let fresh = Arc::new(running.new_client());
                std::mem::forget(std::mem::replace(&mut running.client, fresh));
            }
            return Ok(());
        }
        Err(Error::GeneralError)
    }
}

impl State {
    /// In a child: handles, sessions and logins stay; operations of threads that do not exist here do not.
    pub fn after_fork_in_child(&mut self) {
        self.generation += 1;
        if let Some(running) = &mut self.running {
            self.inherited = true;
            running.sessions.after_fork(this_thread());
        }
    }

    fn stop(&mut self) -> Option<Running> {
        self.generation += 1;
        let running = self.running.take()?;
        self.counters = running.counters;
        Some(running)
    }
}

impl Running {
    fn new(config: Config, application_id: Bytes, counters: Counters) -> Self {
        let client = Client::new(config.endpoint.clone(), config.timeout, application_id.clone());
        Self {
            client: Arc::new(client),
            endpoint: config.endpoint,
            timeout: config.timeout,
            application_id,
            log: config.log,
            counters,
            slots: SlotTable::default(),
            sessions: SessionTable::default(),
            objects: ObjectTable::default(),
            logins: BTreeMap::new(),
            views: BTreeMap::new(),
        }
    }

    fn new_client(&self) -> Client {
        Client::new(self.endpoint.clone(), self.timeout, self.application_id.clone())
    }

    fn close(&self) {
        self.client.close();
    }

    /// The connection to the daemon, for a call that no session makes.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Where the daemon is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How long one call may take.
    pub fn time_limit(&self) -> Duration {
        self.timeout
    }

    /// All that a session's call needs once the lock is released.
    pub fn remote(&self, session: u64) -> Result<Remote> {
        let slot = self.sessions.get(session)?.slot.clone();
        let login = self.logins.get(&slot.slot_id).cloned();
        Ok(Remote::new(self.client(), slot, login))
    }

    /// Opens a session; its handle.
    pub fn open_session(&mut self, slot: SlotRef, read_write: bool) -> u64 {
        self.counters.session += 1;
        self.sessions.insert(self.counters.session, slot, read_write);
        self.counters.session
    }

    /// Closes a session and ends the objects it made; with the last one of a slot the application is logged out
    /// (PKCS#11 3.2 section 5.6.2).
    pub fn close_session(&mut self, session: u64) -> Result<()> {
        let slot = self.sessions.remove(session)?;
        self.objects.remove_session(session);
        if self.sessions.count(slot.slot_id).0 == 0 {
            self.log_out(slot.slot_id);
        }
        Ok(())
    }

    /// Closes all sessions of a slot (PKCS#11 3.2 section 5.6.3).
    pub fn close_all_sessions(&mut self, slot_id: u64) {
        self.sessions.remove_slot(slot_id);
        self.objects.remove_sessions(slot_id);
        self.log_out(slot_id);
    }

    /// Who is logged in to a slot.
    pub fn login(&self, slot_id: u64) -> Option<&Login> {
        self.logins.get(&slot_id)
    }

    /// Remembers a login.
    pub fn log_in(&mut self, slot_id: u64, user_type: UserType, token: &[u8]) {
        self.counters.login += 1;
        let serial = self.counters.login;
        self.logins.insert(
            slot_id,
            Login { user_type, token: Arc::new(Zeroizing::new(token.to_vec())), serial, dead: Arc::default() },
        );
        self.view(slot_id).forget_searches();
    }

    /// Puts a new token in the place of the old one, in the same login (C_SetPIN).
    pub fn renew_token(&mut self, slot_id: u64, serial: u64, token: &[u8]) {
        if let Some(login) = self.logins.get_mut(&slot_id).filter(|login| login.serial == serial) {
            login.token = Arc::new(Zeroizing::new(token.to_vec()));
        }
    }

    /// Forgets a login: active operations end and private objects lose their handles (PKCS#11 3.2 section 5.6.9).
    pub fn log_out(&mut self, slot_id: u64) {
        if self.logins.remove(&slot_id).is_some() {
            self.sessions.cancel_slot(slot_id);
            self.objects.remove_private(slot_id);
            self.view(slot_id).forget_searches();
        }
    }

    /// How current a slot's cache is.
    pub fn view(&mut self, slot_id: u64) -> &mut View {
        let generation = self.client.connection_generation();
        self.views.entry(slot_id).or_insert_with(|| View::new(generation))
    }

    /// Forgets all that was known of a slot's objects (C_InitToken).
    pub fn forget_token(&mut self, slot_id: u64) {
        self.objects.remove_slot(slot_id);
        self.views.remove(&slot_id);
    }

    /// The objects that have handles.
    pub fn objects(&self) -> &ObjectTable {
        &self.objects
    }

    /// The objects that have handles, to change them; and the last handle given.
    pub fn objects_mut(&mut self) -> (&mut ObjectTable, &mut u64) {
        (&mut self.objects, &mut self.counters.object)
    }

    /// The answer to a call that was made under a login is kept only if that login is still there.
    pub fn require_same_login(&self, remote: &Remote) -> Result<()> {
        let now = self.logins.get(&remote.slot.slot_id).map_or(0, |login| login.serial);
        if now == remote.login_serial() { Ok(()) } else { Err(Error::UserNotLoggedIn) }
    }

    /// Puts an operation back that was taken out for a step, unless it was ended meanwhile: by C_Logout, which found nothing to end.
    pub fn resume<O: Operation>(&mut self, session: u64, operation: O, remote: &Remote) -> Result<()> {
        if remote.login_serial() != 0 {
            self.require_same_login(remote)?;
        }
        self.begin(session, operation)
    }

    /// Puts an operation into a session.
    pub fn begin<O: Operation>(&mut self, session: u64, operation: O) -> Result<()> {
        self.sessions.get_mut(session)?.begin(operation)
    }
}

#[cfg(test)]
mod tests {
    use softkeep_proto::algorithm::Hash;

    use super::*;
    use crate::{hash::Hasher, session::Digest};

    #[test]
    fn what_logout_ended_does_not_come_back() {
        let module = Module::new();
        let endpoint = Endpoint::Unix("/nowhere".into());
        module.initialise(|| Config { endpoint, timeout: Duration::from_secs(1), log: Log::Off }).unwrap();
        let digest = || Digest { hasher: Hasher::new(Hash::Sha256), multi_part: false, has_key: false };
        let slot = SlotRef { slot_id: 1, vault_id: vec![1; 16].into() };
        let outcome = module.with(|running| {
            let session = running.open_session(slot, false);
            let public = running.remote(session)?;
            running.log_in(1, UserType::User, b"token");
            // A login ends nothing.
            running.resume(session, digest(), &public)?;
            running.sessions.get_mut(session)?.take::<Digest>()?;
            let logged_in = running.remote(session)?;
            running.log_out(1);
            assert_eq!(running.resume(session, digest(), &logged_in), Err(Error::UserNotLoggedIn));
            // Nor does it come back under the next login.
            running.log_in(1, UserType::User, b"another");
            running.resume(session, digest(), &logged_in)
        });
        assert_eq!(outcome, Err(Error::UserNotLoggedIn));
    }
}

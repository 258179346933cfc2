//! Sessions and the operations active in them. All of it is local: the daemon has never heard of a session. When an
//! operation ends is `calls`' one rule; what it does is `calls::*`'s.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use cryptoki_sys as ck;

use crate::{
    error::{Error, Result},
    slot::SlotRef,
};

mod operations;

pub use operations::*;

/// An operation and the thread that began it: in a child of fork() only the forking thread's are still somebody's.
pub struct Active<T> {
    thread: u64,
    operation: T,
}

/// The operations of a session; each kind is independent of the others (PKCS#11 3.2 section 5.1.2: OpenSSH and others
/// read attributes and sign inside an active search).
#[derive(Default)]
pub struct Operations {
    find: Option<Active<Find>>,
    sign: Option<Active<Sign>>,
    sign_recover: Option<Active<SignRecover>>,
    verify: Option<Active<Verify>>,
    verify_signature: Option<Active<VerifySignature>>,
    verify_recover: Option<Active<VerifyRecover>>,
    encrypt: Option<Active<Encrypt>>,
    decrypt: Option<Active<Decrypt>>,
    digest: Option<Active<Digest>>,
    message_encrypt: Option<Active<MessageEncrypt>>,
    message_decrypt: Option<Active<MessageDecrypt>>,
    message_sign: Option<Active<MessageSign>>,
    message_verify: Option<Active<MessageVerify>>,
}

/// One of the kinds of operation.
pub trait Operation: Sized {
    /// Where a session keeps it.
    fn place(operations: &mut Operations) -> &mut Option<Active<Self>>;
}

macro_rules! operations {
    ($($kind:ident $field:ident $flag:ident,)*) => {
        $(impl Operation for $kind {
            fn place(operations: &mut Operations) -> &mut Option<Active<Self>> {
                &mut operations.$field
            }
        })*

        impl Operations {
            /// Ends the operations that C_SessionCancel's flags name.
            pub fn cancel(&mut self, flags: u64) {
                $(if flags & ck::$flag != 0 { self.$field = None; })*
            }

            /// Ends the operations of every other thread.
            fn keep_only(&mut self, thread: u64) {
                $(self.$field.take_if(|active| active.thread != thread);)*
            }

            /// The CKF_* of those that are active.
            fn active(&self) -> u64 {
                [$((self.$field.is_some(), ck::$flag),)*]
                    .into_iter()
                    .fold(0, |flags, (active, flag)| if active { flags | flag } else { flags })
            }
        }
    };
}

operations! {
    Find find CKF_FIND_OBJECTS,
    Sign sign CKF_SIGN,
    SignRecover sign_recover CKF_SIGN_RECOVER,
    Verify verify CKF_VERIFY,
    VerifySignature verify_signature CKF_VERIFY,
    VerifyRecover verify_recover CKF_VERIFY_RECOVER,
    Encrypt encrypt CKF_ENCRYPT,
    Decrypt decrypt CKF_DECRYPT,
    Digest digest CKF_DIGEST,
    MessageEncrypt message_encrypt CKF_MESSAGE_ENCRYPT,
    MessageDecrypt message_decrypt CKF_MESSAGE_DECRYPT,
    MessageSign message_sign CKF_MESSAGE_SIGN,
    MessageVerify message_verify CKF_MESSAGE_VERIFY,
}

impl Operations {
    /// The uses of private keys that are active.
    fn uses(&mut self) -> impl Iterator<Item = &mut Use> {
        let sign = self.sign.as_mut().map(|active| &mut active.operation.usage);
        let recover = self.sign_recover.as_mut().map(|active| &mut active.operation.usage);
        let messages = self.message_sign.as_mut().map(|active| &mut active.operation.sign.usage);
        let decrypt = self.decrypt.as_mut().and_then(|active| match &mut active.operation.decryptor {
            Decryptor::Private { usage, .. } => Some(usage),
            Decryptor::Secret(_) => None,
        });
        [sign, recover, messages, decrypt].into_iter().flatten()
    }
}

/// One open session.
pub struct Session {
    /// Where it is open.
    pub slot: SlotRef,
    /// CKF_RW_SESSION was given.
    pub read_write: bool,
    operations: Operations,
}

impl Session {
    /// The flags of CK_SESSION_INFO.
    pub fn flags(&self) -> u64 {
        ck::CKF_SERIAL_SESSION | if self.read_write { ck::CKF_RW_SESSION } else { 0 }
    }

    /// Whether an operation of this kind is active.
    pub fn is_active<O: Operation>(&mut self) -> bool {
        O::place(&mut self.operations).is_some()
    }

    /// OPERATION_ACTIVE if one of this kind is.
    pub fn require_idle<O: Operation>(&mut self) -> Result<()> {
        if self.is_active::<O>() { Err(Error::OperationActive) } else { Ok(()) }
    }

    /// Begins an operation.
    pub fn begin<O: Operation>(&mut self, operation: O) -> Result<()> {
        self.require_idle::<O>()?;
        *O::place(&mut self.operations) = Some(Active { thread: this_thread(), operation });
        Ok(())
    }

    /// Takes the operation out; without a [`begin`](Self::begin) afterwards it has ended.
    pub fn take<O: Operation>(&mut self) -> Result<O> {
        O::place(&mut self.operations).take().map(|active| active.operation).ok_or(Error::OperationNotInitialized)
    }

    /// The operation of this kind, where it is.
    pub fn active<O: Operation>(&mut self) -> Result<&mut O> {
        let active = O::place(&mut self.operations).as_mut();
        active.map(|active| &mut active.operation).ok_or(Error::OperationNotInitialized)
    }

    /// The CKF_* of the operations that are active, as C_SessionCancel names them.
    pub fn active_flags(&self) -> u64 {
        self.operations.active()
    }

    /// The use of a key that waits for the PIN; the one begun last, if several do.
    pub fn waiting(&mut self) -> Result<(u64, &mut Use)> {
        let serial = |usage: &&mut Use| match usage.authentication {
            Authentication::Needed(serial) => serial,
            _ => 0,
        };
        let last = self.operations.uses().max_by_key(serial).ok_or(Error::OperationNotInitialized)?;
        match last.authentication {
            Authentication::Needed(serial) => Ok((serial, last)),
            _ => Err(Error::OperationNotInitialized),
        }
    }

    /// Ends the operations that the flags name (all of them with all ones).
    pub fn cancel(&mut self, flags: u64) {
        self.operations.cancel(flags);
    }
}

/// All open sessions. Handles are never used twice in a process.
#[derive(Default)]
pub struct SessionTable {
    sessions: BTreeMap<u64, Session>,
}

impl SessionTable {
    /// Opens a session under a new handle.
    pub fn insert(&mut self, handle: u64, slot: SlotRef, read_write: bool) {
        self.sessions.insert(handle, Session { slot, read_write, operations: Operations::default() });
    }

    /// The session of a handle.
    pub fn get(&self, handle: u64) -> Result<&Session> {
        self.sessions.get(&handle).ok_or(Error::SessionHandleInvalid)
    }

    /// The session of a handle, to change it.
    pub fn get_mut(&mut self, handle: u64) -> Result<&mut Session> {
        self.sessions.get_mut(&handle).ok_or(Error::SessionHandleInvalid)
    }

    /// Closes one; its slot.
    pub fn remove(&mut self, handle: u64) -> Result<SlotRef> {
        self.sessions.remove(&handle).map(|session| session.slot).ok_or(Error::SessionHandleInvalid)
    }

    /// Closes all of a slot.
    pub fn remove_slot(&mut self, slot_id: u64) {
        self.sessions.retain(|_, session| session.slot.slot_id != slot_id);
    }

    /// How many are open in a slot: all, and the read/write ones.
    pub fn count(&self, slot_id: u64) -> (u64, u64) {
        let in_slot = self.sessions.values().filter(|session| session.slot.slot_id == slot_id);
        in_slot.fold((0, 0), |(all, rw), session| (all + 1, rw + u64::from(session.read_write)))
    }

    /// Ends every operation in a slot (C_Logout).
    pub fn cancel_slot(&mut self, slot_id: u64) {
        for session in self.sessions.values_mut().filter(|session| session.slot.slot_id == slot_id) {
            session.cancel(u64::MAX);
        }
    }

    /// Ends the operations of threads that a child of fork() does not have.
    pub fn after_fork(&mut self, thread: u64) {
        for session in self.sessions.values_mut() {
            session.operations.keep_only(thread);
            // Parent and child would count on from the same nonce, under the same key.
            session.operations.message_encrypt = None;
        }
    }
}

/// A number for the calling thread; the same before and after fork(). Not a `ThreadId`: that thread-local has a
/// destructor, which would run in a host thread after the module is gone.
pub fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static THREAD: Cell<u64> = const { Cell::new(0) };
    }
    THREAD.with(|thread| {
        if thread.get() == 0 {
            thread.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        thread.get()
    })
}

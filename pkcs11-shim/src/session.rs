//! Sessions and the operations active in them. All of it is local: the daemon has never heard of a session. When an
//! operation ends is `calls`' one rule; what it does is `calls::*`'s.

use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{AeadParams, KeyRef};
use zeroize::Zeroizing;

use crate::{
    cipher::{Cipher, Length},
    error::{Error, Result},
    hash::Hasher,
    mechanism::Mechanism,
    message::Message,
    nonce::Nonces,
    object::Key,
    public_key::PublicKey,
    slot::SlotRef,
};

/// C_FindObjects' place in the snapshot that C_FindObjectsInit took.
pub struct Find {
    /// Everything found, in order.
    pub handles: Vec<u64>,
    /// How many have been handed out.
    pub next: usize,
}

/// Whether the PIN is needed once more before the key is used (CKA_ALWAYS_AUTHENTICATE).
#[derive(Clone)]
pub enum Authentication {
    /// The login is enough.
    NotNeeded,
    /// C_Login with CKU_CONTEXT_SPECIFIC must come first. The number says which operation began last.
    Needed(u64),
    /// It came, and this is what the daemon gave for it: good for one use.
    Granted(Bytes),
}

/// The use of a key, once or more often: what the calls of the daemon carry.
pub struct Use {
    /// The key.
    pub key: Key,
    /// What to do with it.
    pub mechanism: Mechanism,
    /// Whether the PIN is needed once more.
    pub authentication: Authentication,
}

impl Use {
    /// The key of a request. A grant is spent by it: the next use needs another.
    pub fn spend(&mut self) -> Result<KeyRef> {
        match std::mem::replace(&mut self.authentication, Authentication::NotNeeded) {
            Authentication::NotNeeded => Ok(self.key.to_wire(None)),
            Authentication::Needed(serial) => {
                self.authentication = Authentication::Needed(serial);
                Err(Error::UserNotLoggedIn)
            }
            Authentication::Granted(grant) => {
                self.authentication = Authentication::needed();
                Ok(self.key.to_wire(Some(grant)))
            }
        }
    }
}

impl Authentication {
    /// Of an operation that begins now.
    pub fn needed() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self::Needed(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A signature or MAC to come.
pub struct Sign {
    /// The key and what to do with it.
    pub usage: Use,
    /// Known beforehand, so that a length query costs nothing.
    pub signature_len: usize,
    /// The message so far.
    pub message: Message,
    /// C_SignUpdate has been called: only C_SignFinal may end it.
    pub multi_part: bool,
}

/// A signature with recovery to come.
pub struct SignRecover {
    /// The key and what to do with it.
    pub usage: Use,
    /// Known beforehand.
    pub signature_len: usize,
}

/// Who verifies.
pub enum Verifier {
    /// The module, with a public key.
    Public(PublicKey),
    /// The daemon: a MAC is made with a secret key.
    Daemon(Key),
}

/// A verification.
pub struct Verify {
    /// The key.
    pub verifier: Verifier,
    /// What the signature was made with.
    pub mechanism: Mechanism,
    /// The length of a signature.
    pub signature_len: usize,
    /// The message so far.
    pub message: Message,
    /// C_VerifyUpdate has been called: only C_VerifyFinal may end it.
    pub multi_part: bool,
}

/// A verification whose signature was given first (PKCS#11 3.2).
pub struct VerifySignature {
    /// The rest of it.
    pub verify: Verify,
    /// The signature.
    pub signature: Vec<u8>,
}

/// A verification that gives back what was signed, wholly local.
pub struct VerifyRecover {
    /// The key.
    pub key: PublicKey,
    /// What the signature was made with.
    pub mechanism: Mechanism,
    /// No recovered message is longer.
    pub max_data_len: usize,
}

/// Who encrypts.
pub enum Encryptor {
    /// The module, with a public key: one part.
    Public {
        /// The key.
        key: PublicKey,
        /// What to do with it.
        mechanism: Mechanism,
        /// As long as the modulus.
        ciphertext_len: usize,
    },
    /// The daemon, with a secret key.
    Secret(Cipher),
}

/// An encryption.
pub struct Encrypt {
    /// Who does it.
    pub encryptor: Encryptor,
    /// C_EncryptUpdate has been called: only C_EncryptFinal may end it.
    pub multi_part: bool,
}

/// How the daemon decrypts.
pub enum Decryptor {
    /// With a private key: one part.
    Private {
        /// The key and what to do with it.
        usage: Use,
        /// Of the plaintext.
        plaintext_len: Length,
    },
    /// With a secret key.
    Secret(Cipher),
}

/// A decryption to come.
pub struct Decrypt {
    /// How.
    pub decryptor: Decryptor,
    /// C_DecryptUpdate has been called: only C_DecryptFinal may end it.
    pub multi_part: bool,
    /// A ciphertext and its plaintext that did not fit the buffer: the call that repeats it costs no second use.
    pub kept: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// A digest, local but for the value of a key that goes into it.
pub struct Digest {
    /// The message so far.
    pub hasher: Hasher,
    /// C_DigestUpdate has been called: only C_DigestFinal may end it.
    pub multi_part: bool,
    /// C_DigestKey has been called: the state is not the application's to see.
    pub has_key: bool,
}

/// Messages to be encrypted or decrypted with the same key (PKCS#11 3.2 sections 5.9 and 5.11).
pub struct MessageCipher {
    /// The key.
    pub key: Key,
    /// What to do with it; its parameter comes with each message.
    pub mechanism: Mechanism,
    /// The nonces made here.
    pub nonces: Nonces,
    /// A message begun and not ended.
    pub current: Option<AeadMessage>,
}

/// One message, gathered.
pub struct AeadMessage {
    /// Its parameter as the daemon will see it, without the tag.
    pub parameter: AeadParams,
    /// How long it will be, where the mechanism tells beforehand.
    pub message_len: Option<u64>,
    /// What has been given of it.
    pub data: Zeroizing<Vec<u8>>,
}

/// Messages to be encrypted.
pub struct MessageEncrypt(pub MessageCipher);

/// Messages to be decrypted.
pub struct MessageDecrypt(pub MessageCipher);

/// Messages to be signed with the same key (PKCS#11 3.2 section 5.14).
pub struct MessageSign {
    /// As one operation would have it, with nothing of a message.
    pub sign: Sign,
    /// A message begun and not ended.
    pub current: Option<Message>,
}

/// Messages to be verified with the same key (PKCS#11 3.2 section 5.16).
pub struct MessageVerify {
    /// As one operation would have it, with nothing of a message.
    pub verify: Verify,
    /// A message begun and not ended.
    pub current: Option<Message>,
}

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

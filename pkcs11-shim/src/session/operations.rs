//! The kinds of operation: what each needs to know between its *Init and its end. When it ends is `calls`' one rule; what
//! it does is `calls::*`'s.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
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

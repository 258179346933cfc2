//! Calls of the daemon: each carries vault, login and operation, and gives the one kind of reply that fits. Holds no
//! lock and remembers nothing; when to call is `calls`', how it travels is `transport`'s.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use cryptoki_sys::CKR_USER_NOT_LOGGED_IN;
use softkeep_proto::pkcs11::v1::{
    CreateObject, Decrypt, DestroyObject, FindObjects, GenerateKeyPair, GetObjects, ListTokens, Login as WireLogin,
    ObjectsReply, SetAttributes, SetPin, Sign, TokenInfo, UserType, reply, request,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    error::{Error, Result},
    module::Login,
    slot::SlotRef,
    transport::{Client, Retry},
};

/// What a call needs, copied out from under the module's lock.
#[derive(Clone)]
pub struct Remote {
    client: Arc<Client>,
    /// The session's slot.
    pub slot: SlotRef,
    login: Option<Login>,
}

/// The vaults that this peer may see.
pub fn list_tokens(client: &Client) -> Result<Vec<TokenInfo>> {
    match client.call(&[], &[], request::Op::ListTokens(ListTokens {}), Retry::Safe)? {
        reply::Result::ListTokens(reply) => Ok(reply.tokens),
        _ => Err(Error::strange_reply()),
    }
}

impl Remote {
    /// For one session's calls.
    pub fn new(client: Arc<Client>, slot: SlotRef, login: Option<Login>) -> Self {
        Self { client, slot, login }
    }

    /// The login that the calls are made under; 0 for none.
    pub fn login_serial(&self) -> u64 {
        self.login.as_ref().map_or(0, |login| login.serial)
    }

    /// Reads notices that have arrived, without waiting; what they told: the vault's revision and the connections'
    /// generation.
    pub fn drain(&self) -> (u64, u64) {
        self.client.drain_notices();
        // In this order: a revision from after a gap must not pass for one from before it.
        let generation = self.generation();
        (self.client.told_revision(&self.slot.vault_id), generation)
    }

    /// Which connections the client has.
    pub fn generation(&self) -> u64 {
        self.client.connection_generation()
    }

    fn call(&self, op: request::Op, retry: Retry) -> Result<reply::Result> {
        let token: &[u8] = self.login.as_ref().map_or(&[], |login| login.token.as_slice());
        let answer = self.client.call(&self.slot.vault_id, token, op, retry).map_err(Error::from);
        if let (Err(Error::Daemon { rv: CKR_USER_NOT_LOGGED_IN, .. }), Some(login)) = (&answer, &self.login) {
            login.dead.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// C_Login: the token. Not sent twice, because a wrong PIN would be counted twice.
    pub fn login(&self, user_type: UserType, pin: &[u8]) -> Result<Bytes> {
        let login = WireLogin { user_type: user_type.into(), pin: pin.to_vec().into() };
        match self.call(request::Op::Login(login), Retry::Never)? {
            reply::Result::Login(reply) => Ok(reply.login_token),
            _ => Err(Error::strange_reply()),
        }
    }

    /// C_SetPIN and C_InitPIN: the new token.
    pub fn set_pin(&self, user_type: UserType, old: &[u8], new: &[u8]) -> Result<Bytes> {
        let pins = SetPin { user_type: user_type.into(), old_pin: old.to_vec().into(), new_pin: new.to_vec().into() };
        match self.call(request::Op::SetPin(pins), Retry::Never)? {
            reply::Result::PinSet(reply) => Ok(reply.login_token),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One page of a search.
    pub fn find(&self, search: FindObjects) -> Result<ObjectsReply> {
        self.objects(request::Op::FindObjects(search))
    }

    /// The objects among these that exist.
    pub fn get(&self, objects: GetObjects) -> Result<ObjectsReply> {
        self.objects(request::Op::GetObjects(objects))
    }

    fn objects(&self, op: request::Op) -> Result<ObjectsReply> {
        match self.call(op, Retry::Safe)? {
            reply::Result::Objects(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One signature.
    pub fn sign(&self, sign: Sign) -> Result<Bytes> {
        match self.call(request::Op::Sign(sign), Retry::Safe)? {
            reply::Result::Sign(reply) => Ok(reply.signature),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One decryption.
    pub fn decrypt(&self, decrypt: Decrypt) -> Result<Zeroizing<Vec<u8>>> {
        match self.call(request::Op::Decrypt(decrypt), Retry::Safe)? {
            reply::Result::Decrypt(reply) => Ok(secret(reply.plaintext)),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A new pair. Safe to send again: the request has an id.
    pub fn generate_key_pair(&self, generate: GenerateKeyPair) -> Result<ObjectsReply> {
        match self.call(request::Op::GenerateKeyPair(generate), Retry::Safe)? {
            reply::Result::Generated(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A new object. Safe to send again: the request has an id.
    pub fn create_object(&self, create: CreateObject) -> Result<ObjectsReply> {
        match self.call(request::Op::CreateObject(create), Retry::Safe)? {
            reply::Result::Created(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// Changed attributes. Setting the same values twice is setting them once.
    pub fn set_attributes(&self, set: SetAttributes) -> Result<ObjectsReply> {
        match self.call(request::Op::SetAttributes(set), Retry::Safe)? {
            reply::Result::AttributesSet(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A destroyed object; the vault's revision since. Not sent twice: the second answer would be "no such object".
    pub fn destroy(&self, destroy: DestroyObject) -> Result<u64> {
        match self.call(request::Op::DestroyObject(destroy), Retry::Never)? {
            reply::Result::Destroyed(reply) => Ok(reply.revision),
            _ => Err(Error::strange_reply()),
        }
    }
}

/// Takes a plaintext out of a received message, and wipes the message where nobody else holds a part of it.
fn secret(received: Bytes) -> Zeroizing<Vec<u8>> {
    let secret = Zeroizing::new(received.to_vec());
    if let Ok(mut received) = received.try_into_mut() {
        received.zeroize();
    }
    secret
}

/// 16 random bytes that let the daemon recognise a request sent again.
pub fn request_id() -> Result<Bytes> {
    let mut id = vec![0; 16];
    getrandom::fill(&mut id).map_err(|_| Error::FunctionFailed)?;
    Ok(id.into())
}

//! Calls of the daemon: each carries vault, login and operation, and gives the one kind of reply that fits. Holds no
//! lock and remembers nothing; when to call is `calls`', how it travels is `transport`'s.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use bytes::Bytes;
use cryptoki_sys::CKR_USER_NOT_LOGGED_IN;
use softkeep_proto::pkcs11::v1::{
    self as wire, FindObjects, GetObjects, ListTokens, Login as WireLogin, ObjectsReply, SetPin, TokenInfo, UserType,
    mechanism::Parameter, reply, request,
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

/// The vaults that this peer may see, if the daemon says it by then.
pub fn list_tokens(client: &Client, until: Instant) -> Result<Vec<TokenInfo>> {
    match client.call_until(until, &[], &[], request::Op::ListTokens(ListTokens {}), Retry::Safe)? {
        reply::Result::ListTokens(reply) => Ok(reply.tokens),
        _ => Err(Error::strange_reply()),
    }
}

/// C_InitToken: a new vault, or one that is there emptied. Not sent twice, because a wrong PIN would be counted twice.
pub fn init_token(client: &Client, vault_id: &[u8], init: wire::InitToken) -> Result<TokenInfo> {
    match client.call(vault_id, &[], request::Op::InitToken(init), Retry::Never)? {
        reply::Result::TokenInitialised(reply) => reply.token.ok_or_else(Error::strange_reply),
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
        let keys = keys_of(&op);
        if keys.iter().any(|key| key.key.is_none()) {
            // A session object that ended while an operation had it.
            return Err(Error::ObjectHandleInvalid);
        }
        // A one-time grant is spent by the first try, so there is no second one.
        let granted = keys.iter().any(|key| !key.one_time_grant.is_empty());
        let retry = if granted { Retry::Never } else { retry };
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

    /// One signature or MAC.
    pub fn sign(&self, sign: wire::Sign) -> Result<Bytes> {
        match self.call(request::Op::Sign(sign), Retry::Safe)? {
            reply::Result::Sign(reply) => Ok(reply.signature),
            _ => Err(Error::strange_reply()),
        }
    }

    /// Checks one MAC.
    pub fn verify(&self, verify: wire::Verify) -> Result<()> {
        match self.call(request::Op::Verify(verify), Retry::Safe)? {
            reply::Result::Verified(_) => Ok(()),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One part of a message under a MAC: the state after it.
    pub fn update_mac(&self, update: wire::UpdateMac) -> Result<Bytes> {
        match self.call(request::Op::UpdateMac(update), Retry::Safe)? {
            reply::Result::MacUpdated(reply) => Ok(reply.mac_state),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One encryption with a secret key, or a part of one.
    pub fn encrypt(&self, encrypt: wire::Encrypt) -> Result<Bytes> {
        match self.call(request::Op::Encrypt(encrypt), Retry::Safe)? {
            reply::Result::Encrypted(reply) => Ok(reply.ciphertext),
            _ => Err(Error::strange_reply()),
        }
    }

    /// One decryption, or a part of one.
    pub fn decrypt(&self, decrypt: wire::Decrypt) -> Result<Zeroizing<Vec<u8>>> {
        match self.call(request::Op::Decrypt(decrypt), Retry::Safe)? {
            reply::Result::Decrypt(reply) => Ok(secret(reply.plaintext)),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A new pair. This and all that make an object are safe to send again: the request has an id.
    pub fn generate_key_pair(&self, generate: wire::GenerateKeyPair) -> Result<ObjectsReply> {
        match self.call(request::Op::GenerateKeyPair(generate), Retry::Safe)? {
            reply::Result::Generated(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A new secret key.
    pub fn generate_key(&self, generate: wire::GenerateKey) -> Result<ObjectsReply> {
        self.create(request::Op::GenerateKey(generate))
    }

    /// A new object from the application's values.
    pub fn create_object(&self, create: wire::CreateObject) -> Result<ObjectsReply> {
        self.create(request::Op::CreateObject(create))
    }

    /// A copy of an object.
    pub fn copy_object(&self, copy: wire::CopyObject) -> Result<ObjectsReply> {
        self.create(request::Op::CopyObject(copy))
    }

    /// A key out of its wrapped form.
    pub fn unwrap_key(&self, unwrap: wire::UnwrapKey) -> Result<ObjectsReply> {
        self.create(request::Op::UnwrapKey(unwrap))
    }

    /// A key made from another.
    pub fn derive_key(&self, derive: wire::DeriveKey) -> Result<ObjectsReply> {
        self.create(request::Op::DeriveKey(derive))
    }

    /// The secret in a ciphertext of a key encapsulation.
    pub fn decapsulate_key(&self, decapsulate: wire::DecapsulateKey) -> Result<ObjectsReply> {
        self.create(request::Op::DecapsulateKey(decapsulate))
    }

    fn create(&self, op: request::Op) -> Result<ObjectsReply> {
        match self.call(op, Retry::Safe)? {
            reply::Result::Created(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A new secret and the ciphertext that carries it.
    pub fn encapsulate_key(&self, encapsulate: wire::EncapsulateKey) -> Result<(Bytes, ObjectsReply)> {
        match self.call(request::Op::EncapsulateKey(encapsulate), Retry::Safe)? {
            reply::Result::Encapsulated(reply) => Ok((reply.ciphertext, reply.created.unwrap_or_default())),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A key in its wrapped form.
    pub fn wrap_key(&self, wrap: wire::WrapKey) -> Result<Bytes> {
        match self.call(request::Op::WrapKey(wrap), Retry::Safe)? {
            reply::Result::Wrapped(reply) => Ok(reply.wrapped),
            _ => Err(Error::strange_reply()),
        }
    }

    /// Secret values that may be read.
    pub fn read_values(&self, read: wire::ReadValues) -> Result<Vec<(u64, Zeroizing<Vec<u8>>)>> {
        match self.call(request::Op::ReadValues(read), Retry::Safe)? {
            reply::Result::Values(reply) => {
                Ok(reply.attributes.into_iter().map(|value| (value.r#type, secret(value.value))).collect())
            }
            _ => Err(Error::strange_reply()),
        }
    }

    /// The PIN again, for one use of one key. Not sent twice, because a wrong PIN would be counted twice.
    pub fn context_login(&self, login: wire::ContextLogin) -> Result<Bytes> {
        match self.call(request::Op::ContextLogin(login), Retry::Never)? {
            reply::Result::ContextLogin(reply) => Ok(reply.one_time_grant),
            _ => Err(Error::strange_reply()),
        }
    }

    /// Changed attributes. Setting the same values twice is setting them once.
    pub fn set_attributes(&self, set: wire::SetAttributes) -> Result<ObjectsReply> {
        match self.call(request::Op::SetAttributes(set), Retry::Safe)? {
            reply::Result::AttributesSet(reply) => Ok(reply),
            _ => Err(Error::strange_reply()),
        }
    }

    /// A destroyed object; the vault's revision since. Not sent twice: the second answer would be "no such object".
    pub fn destroy(&self, destroy: wire::DestroyObject) -> Result<u64> {
        match self.call(request::Op::DestroyObject(destroy), Retry::Never)? {
            reply::Result::Destroyed(reply) => Ok(reply.revision),
            _ => Err(Error::strange_reply()),
        }
    }
}

/// The objects that a request uses.
fn keys_of(op: &request::Op) -> Vec<&wire::KeyRef> {
    use request::Op;
    let (key, other, mechanism) = match op {
        Op::Sign(sign) => (&sign.key, None, &sign.mechanism),
        Op::Verify(verify) => (&verify.key, None, &verify.mechanism),
        Op::UpdateMac(update) => (&update.key, None, &update.mechanism),
        Op::Encrypt(encrypt) => (&encrypt.key, None, &encrypt.mechanism),
        Op::Decrypt(decrypt) => (&decrypt.key, None, &decrypt.mechanism),
        Op::WrapKey(wrap) => (&wrap.wrapping_key, wrap.key.as_ref(), &wrap.mechanism),
        Op::UnwrapKey(unwrap) => (&unwrap.unwrapping_key, None, &unwrap.mechanism),
        Op::DeriveKey(derive) => (&derive.base_key, None, &derive.mechanism),
        Op::EncapsulateKey(encapsulate) => (&encapsulate.public_key, None, &encapsulate.mechanism),
        Op::DecapsulateKey(decapsulate) => (&decapsulate.private_key, None, &decapsulate.mechanism),
        Op::CopyObject(copy) => (&copy.object, None, &None),
        Op::SetAttributes(set) => (&set.object, None, &None),
        Op::ReadValues(read) => (&read.object, None, &None),
        Op::ContextLogin(login) => (&login.key, None, &None),
        Op::ListTokens(_)
        | Op::Login(_)
        | Op::FindObjects(_)
        | Op::GetObjects(_)
        | Op::GenerateKeyPair(_)
        | Op::GenerateKey(_)
        | Op::CreateObject(_)
        | Op::DestroyObject(_)
        | Op::SetPin(_)
        | Op::InitToken(_) => (&None, None, &None),
    };
    let inner = match mechanism.as_ref().and_then(|mechanism| mechanism.parameter.as_ref()) {
        Some(Parameter::OtherKey(key)) => Some(key),
        Some(Parameter::Hkdf(hkdf)) => hkdf.salt_key.as_ref(),
        _ => None,
    };
    key.iter().chain(other).chain(inner).collect()
}

/// Takes a plaintext out of a received message, and wipes the message where nobody else holds a part of it.
fn secret(received: Bytes) -> Zeroizing<Vec<u8>> {
    let secret = Zeroizing::new(received.to_vec());
    if let Ok(mut received) = received.try_into_mut() {
        received.zeroize();
    }
    secret
}

/// 16 random bytes: by one of them the daemon recognises a request sent again, by another an application.
pub fn random_id() -> Result<Bytes> {
    let mut id = vec![0; 16];
    getrandom::fill(&mut id).map_err(|_| Error::FunctionFailed)?;
    Ok(id.into())
}

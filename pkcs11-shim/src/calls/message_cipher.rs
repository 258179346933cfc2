//! Message-based encryption and decryption (PKCS#11 3.2 sections 5.9 and 5.11): many messages under one key, each with
//! its own nonce, associated data and tag. A message is one call of the daemon, when all of it is there.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{AeadParams, mechanism::Parameter};
use zeroize::Zeroizing;

use super::{begin_reading, converse, key_for, take};
use crate::{
    cipher::{Direction, ask},
    error::{Error, Result},
    ffi::{InBuf, MechanismArg, MessageArg, MessageParameter, OutBuf, Room},
    mechanism::{Family, Given, Mechanism, Raw},
    module::Module,
    nonce::Nonces,
    remote::Remote,
    session::{AeadMessage, MessageCipher, MessageDecrypt, MessageEncrypt, Operation},
};

/// Encryption and decryption are one code: what differs is the way.
pub trait MessageOperation: Operation {
    /// Which way.
    const DIRECTION: Direction;
    /// CKF_* that the mechanism needs.
    const FLAG: u64;
    /// CKA_* that the key needs.
    const USAGE: u64;
    /// An operation of these messages.
    fn of(messages: MessageCipher) -> Self;
    /// Its messages.
    fn messages(&mut self) -> &mut MessageCipher;
}

impl MessageOperation for MessageEncrypt {
    const DIRECTION: Direction = Direction::Encrypt;
    const FLAG: u64 = ck::CKF_MESSAGE_ENCRYPT;
    const USAGE: u64 = ck::CKA_ENCRYPT;
    fn of(messages: MessageCipher) -> Self {
        Self(messages)
    }
    fn messages(&mut self) -> &mut MessageCipher {
        &mut self.0
    }
}

impl MessageOperation for MessageDecrypt {
    const DIRECTION: Direction = Direction::Decrypt;
    const FLAG: u64 = ck::CKF_MESSAGE_DECRYPT;
    const USAGE: u64 = ck::CKA_DECRYPT;
    fn of(messages: MessageCipher) -> Self {
        Self(messages)
    }
    fn messages(&mut self) -> &mut MessageCipher {
        &mut self.0
    }
}

/// C_MessageEncryptInit and C_MessageDecryptInit (sections 5.9.1 and 5.11.1). The parameter comes with each message.
pub fn init<O: MessageOperation>(module: &Module, session: u64, mechanism: MechanismArg, key: u64) -> Result<()> {
    begin_reading(module, session, &mechanism, MechanismArg::parse_bare, O::FLAG, |mechanism| {
        let (key, _) = key_for(module, session, key, &mechanism, O::USAGE)?;
        Ok(O::of(MessageCipher { key, mechanism, nonces: Nonces::default(), current: None }))
    })
}

/// C_EncryptMessage and C_DecryptMessage (sections 5.9.2 and 5.11.2).
pub fn whole<O: MessageOperation>(
    module: &Module,
    session: u64,
    parameter: MessageArg,
    associated_data: InBuf,
    data: InBuf,
    out: OutBuf,
) -> Result<()> {
    converse(module, session, |operation: &mut O, remote| {
        let messages = operation.messages();
        if messages.current.is_some() {
            return Err(Error::OperationActive);
        }
        let (associated_data, data) = (associated_data.bytes()?, data.bytes()?);
        let parameter = parameter.parse(messages.mechanism.row)?;
        if data.len() > O::DIRECTION.limit() || associated_data.len() > O::DIRECTION.limit() {
            return Err(O::DIRECTION.wrong_length());
        }
        if out.room_for(data.len())? == Room::Query {
            return Ok(());
        }
        let mut message = open(messages, &parameter, associated_data, O::DIRECTION)?;
        message.data = Zeroizing::new(data.to_vec());
        let nonce = message.parameter.nonce.clone();
        run(messages, remote, message, &parameter, &out, O::DIRECTION)?;
        parameter.write_nonce(&nonce);
        Ok(())
    })
}

/// C_EncryptMessageBegin and C_DecryptMessageBegin (sections 5.9.3 and 5.11.3).
pub fn start<O: MessageOperation>(
    module: &Module,
    session: u64,
    parameter: MessageArg,
    associated_data: InBuf,
) -> Result<()> {
    converse(module, session, |operation: &mut O, _| {
        let messages = operation.messages();
        if messages.current.is_some() {
            return Err(Error::OperationActive);
        }
        let associated_data = associated_data.bytes()?;
        let parameter = parameter.parse(messages.mechanism.row)?;
        if associated_data.len() > O::DIRECTION.limit() {
            return Err(O::DIRECTION.wrong_length());
        }
        let message = open(messages, &parameter, associated_data, O::DIRECTION)?;
        parameter.write_nonce(&message.parameter.nonce);
        messages.current = Some(message);
        Ok(())
    })
}

/// C_EncryptMessageNext and C_DecryptMessageNext (sections 5.9.4 and 5.11.4). All output comes with the last part: before
/// the tag is checked there is no plaintext to give.
pub fn next<O: MessageOperation>(
    module: &Module,
    session: u64,
    parameter: MessageArg,
    data: InBuf,
    out: OutBuf,
    flags: u64,
) -> Result<()> {
    converse(module, session, |operation: &mut O, remote| {
        let messages = operation.messages();
        let mut message = messages.current.take().ok_or(Error::OperationNotInitialized)?;
        let data = data.bytes()?;
        let total = message.data.len().saturating_add(data.len());
        if total > O::DIRECTION.limit() {
            return Err(O::DIRECTION.wrong_length());
        }
        let last = flags & ck::CKF_END_OF_MESSAGE != 0;
        let parameter = if last { Some(parameter.parse(messages.mechanism.row)?) } else { None };
        match out.room_for(if last { total } else { 0 }) {
            Ok(Room::Enough) => {}
            // Nothing has been taken in: the message goes on.
            asked @ (Ok(Room::Query) | Err(Error::BufferTooSmall)) => {
                messages.current = Some(message);
                return asked.map(drop);
            }
            Err(error) => return Err(error),
        }
        let mut grown = Zeroizing::new(Vec::with_capacity(total));
        grown.extend_from_slice(&message.data);
        grown.extend_from_slice(data);
        message.data = grown;
        match parameter {
            Some(parameter) => run(messages, remote, message, &parameter, &out, O::DIRECTION),
            None => {
                messages.current = Some(message);
                out.write(&[])
            }
        }
    })
}

/// C_MessageEncryptFinal and C_MessageDecryptFinal (sections 5.9.5 and 5.11.5).
pub fn end<O: MessageOperation>(module: &Module, session: u64) -> Result<()> {
    take::<O>(module, session).map(drop)
}

/// A message with nothing of its data; when encrypting, with its nonce made.
fn open(
    messages: &mut MessageCipher,
    parameter: &MessageParameter,
    associated_data: &[u8],
    direction: Direction,
) -> Result<AeadMessage> {
    let tag_len_bytes = match messages.mechanism.row.family {
        Family::ChaCha20Poly1305 => 0,
        _ => parameter.tag_len as u64,
    };
    let params = |nonce: Vec<u8>| AeadParams {
        nonce: nonce.into(),
        associated_data: associated_data.to_vec().into(),
        tag_len_bytes,
    };
    // Judged before a counter is spent on it.
    let judged = Given {
        parameter: Parameter::Aead(params(parameter.nonce.nonce.clone())),
        key_handle: None,
        message_len: parameter.message_len,
    };
    Mechanism::new(messages.mechanism.row, Raw::Given(judged))?;
    let nonce = match direction {
        Direction::Encrypt => messages.nonces.next(parameter.nonce.clone())?,
        Direction::Decrypt => parameter.nonce.nonce.clone(),
    };
    Ok(AeadMessage { parameter: params(nonce), message_len: parameter.message_len, data: Zeroizing::default() })
}

/// The one call. The daemon has the tag after the ciphertext, the application beside it.
fn run(
    messages: &MessageCipher,
    remote: &Remote,
    mut message: AeadMessage,
    parameter: &MessageParameter,
    out: &OutBuf,
    direction: Direction,
) -> Result<()> {
    let len = message.data.len();
    if message.message_len.is_some_and(|told| told != len as u64) {
        return Err(direction.wrong_length());
    }
    let mechanism = messages.mechanism.to_wire_at(Parameter::Aead(message.parameter));
    if direction == Direction::Decrypt {
        message.data.extend(parameter.read_tag());
    }
    let answer = ask(remote, direction, &messages.key, mechanism, &message.data, false)?;
    let (output, tag) = answer.split_at_checked(len).ok_or_else(Error::strange_reply)?;
    match direction {
        Direction::Encrypt => parameter.write_tag(tag)?,
        Direction::Decrypt if !tag.is_empty() => return Err(Error::strange_reply()),
        Direction::Decrypt => {}
    }
    out.write(output)
}

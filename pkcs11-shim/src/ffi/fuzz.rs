//! What a fuzzer may throw at the module: each entry takes bytes and makes of them what a host or a daemon would have
//! handed over, with pointers that are valid and lengths that are true, as PKCS#11 asks of a host. Nothing may panic,
//! whatever the values.

use bytes::Bytes;
use cryptoki_sys as ck;
use prost::Message as _;
use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    pkcs11::v1::{Attribute, Object, Reply, reply::Result as Answer},
};

use super::{AttributesOut, MechanismArg, MessageArg, Template};
use crate::{
    attribute::Attributes,
    mechanism::{Mechanism, ParameterKind, Raw, TABLE, find},
    message::Message,
    object::ObjectId,
    public_key::{PublicKey, signature_len_bytes},
    transport::deframe,
};

#[cfg(test)]
mod tests;

/// The next bytes of the input, zeros after its end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// As many bytes as the next one says.
    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }
}

/// A template given, and the same types asked for.
pub fn template(data: &[u8]) {
    let mut input = Input(data);
    let mut values: Vec<(u64, Vec<u8>)> = Vec::new();
    while !input.0.is_empty() && values.len() < 40 {
        // Small numbers are the attributes there are; the high bits make arrays and vendors' ones.
        let number = u64::from(input.byte()) << 8 | u64::from(input.byte());
        let high = if number & 0x8000 == 0 { 0 } else { 0x4000_0000 };
        values.push((number & 0x7fff | high, input.bytes().to_vec()));
    }
    let mut items: Vec<ck::CK_ATTRIBUTE> = values
        .iter_mut()
        .map(|(type_, value)| {
            // An array has pointers in it, which no input has: it is given empty or with half an item.
            let array = value_kind(*type_) == ValueKind::Template;
            let len = if array { value.len() % size_of::<ck::CK_ATTRIBUTE>() } else { value.len() };
            ck::CK_ATTRIBUTE { type_: *type_, pValue: value.as_mut_ptr().cast(), ulValueLen: len as u64 }
        })
        .collect();
    // SAFETY: each value is valid for its length until the end of this function.
    let parsed = unsafe { Template::new(items.as_ptr(), items.len() as u64) }.parse();
    let attributes = Attributes::of(Object { attributes: parsed.unwrap_or_default(), ..Object::default() });
    // SAFETY: as above, to write.
    let out = unsafe { AttributesOut::new(items.as_mut_ptr(), items.len() as u64) };
    let _ = out.fill(|attribute_type| attributes.lookup(attribute_type));
}

/// Where a parameter structure has its pointers, each with its length; all structures are of 8-byte words.
fn layout(kind: ParameterKind) -> (usize, &'static [(usize, usize)]) {
    match kind {
        ParameterKind::RsaPss => (3, &[]),
        ParameterKind::RsaOaep => (5, &[(3, 4)]),
        ParameterKind::OptionalEdDsa => (3, &[(2, 1)]),
        ParameterKind::OptionalSignContext => (3, &[(1, 2)]),
        ParameterKind::HashSignContext => (4, &[(1, 2)]),
        ParameterKind::Ecdh => (5, &[(2, 1), (4, 3)]),
        ParameterKind::EcdhAesWrap => (4, &[(3, 2)]),
        ParameterKind::Gcm | ParameterKind::Gmac => (6, &[(0, 1), (3, 4)]),
        ParameterKind::Ccm => (6, &[(1, 2), (3, 4)]),
        ParameterKind::ChaCha20Poly1305 => (4, &[(0, 1), (2, 3)]),
        ParameterKind::Hkdf => (8, &[(3, 4), (6, 7)]),
        ParameterKind::Pbkdf2 => (9, &[(1, 2), (5, 6), (7, 8)]),
        ParameterKind::Data => (2, &[(0, 1)]),
        ParameterKind::CbcData => (4, &[(2, 3)]),
        ParameterKind::Ctr => (3, &[]),
        _ => (1, &[]),
    }
}

/// A mechanism with its parameter, or with bytes of another length than it takes; and the parameter of a message.
pub fn parameter(data: &[u8]) {
    let mut input = Input(data);
    let Some(row) = TABLE.get(usize::from(input.byte()) % TABLE.len()) else { return };
    let shape = input.byte();
    let mut text = input.bytes().to_vec();
    text.resize(text.len().max(16), 0);
    let (at, len) = (text.as_mut_ptr(), text.len() as u64);
    let (mut words, pointers) = match row.parameter() {
        kind @ (ParameterKind::ChaCha20 | ParameterKind::RsaAesWrap) => (vec![0; 4], layout(kind).1),
        kind => (vec![0u64; layout(kind).0], layout(kind).1),
    };
    words.iter_mut().for_each(|word| *word = input.number());
    for (pointer, length) in pointers {
        words[*pointer] = at as u64;
        words[*length] %= len + 1;
    }
    let mut parts =
        [ck::CK_PRF_DATA_PARAM { type_: input.number() % 7, pValue: at.cast(), ulValueLen: input.number() % 17 }];
    let mut oaep = ck::CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: input.number(),
        mgf: input.number(),
        source: input.number() % 2,
        pSourceData: at.cast(),
        ulSourceDataLen: input.number() % (len + 1),
    };
    match row.parameter() {
        ParameterKind::ChaCha20 => (words[0], words[2]) = (at as u64, at as u64),
        ParameterKind::RsaAesWrap => {
            words[1] = (&raw mut oaep) as u64;
            words.truncate(2);
        }
        ParameterKind::CounterKdf => words = vec![words[0], 1, parts.as_mut_ptr() as u64, 0, 0],
        ParameterKind::FeedbackKdf => {
            words = vec![words[0], 1, parts.as_mut_ptr() as u64, len.min(16), at as u64, 0, 0];
        }
        _ => {}
    }
    let whole = words.len() as u64 * 8;
    // A length that is not the structure's is looked at as bytes or not at all, never as pointers.
    let given_len = if shape < 0xc0 { whole } else { input.number() % whole };
    let given =
        ck::CK_MECHANISM { mechanism: row.mechanism, pParameter: words.as_mut_ptr().cast(), ulParameterLen: given_len };
    // SAFETY: the parameter is valid for its length, and its pointers for theirs, until the end of this function.
    let mechanism = unsafe { MechanismArg::new(&raw const given) };
    let _ = mechanism.parse();
    // SAFETY: as above.
    let message = unsafe { MessageArg::new(words.as_ptr().cast(), given_len) };
    if let (6, Ok(parameter)) = (words.len(), message.parse(row)) {
        let _ = parameter.nonce;
    }
}

/// The public attributes of a key, and a signature to verify with it.
pub fn ec_point(data: &[u8]) {
    let mut input = Input(data);
    let kinds = [
        (ck::CKK_EC, ck::CKM_ECDSA),
        (ck::CKK_EC_EDWARDS, ck::CKM_EDDSA),
        (ck::CKK_ML_DSA, ck::CKM_ML_DSA),
        (ck::CKK_RSA, ck::CKM_RSA_PKCS),
    ];
    let (key_type, mechanism) = kinds[usize::from(input.byte()) % kinds.len()];
    let params: &[u8] = match input.byte() {
        0 => &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        1 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        2 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        3 => &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        4 => &[0x06, 0x03, 0x2b, 0x65, 0x70],
        5 => &[0x06, 0x03, 0x2b, 0x65, 0x71],
        _ => input.bytes(),
    };
    let (set, signature, message) = (u64::from(input.byte() % 5), input.bytes(), input.bytes());
    let value = input.0;
    let attributes = [
        (ck::CKA_CLASS, ck::CKO_PUBLIC_KEY.to_le_bytes().to_vec()),
        (ck::CKA_KEY_TYPE, key_type.to_le_bytes().to_vec()),
        (ck::CKA_EC_PARAMS, params.to_vec()),
        (ck::CKA_EC_POINT, value.to_vec()),
        (ck::CKA_PARAMETER_SET, set.to_le_bytes().to_vec()),
        (ck::CKA_VALUE, value.to_vec()),
        (ck::CKA_MODULUS, value.to_vec()),
        (ck::CKA_PUBLIC_EXPONENT, vec![1, 0, 1]),
    ];
    let attributes = attributes.map(|(r#type, value)| Attribute { r#type, value: value.into() }).to_vec();
    let attributes = Attributes::of(Object { attributes, ..Object::default() });
    let Ok(mechanism) = find(mechanism).and_then(|row| Mechanism::new(row, Raw::Nothing)) else { return };
    let mut signature = signature.to_vec();
    signature.resize(signature_len_bytes(&attributes).unwrap_or(0).min(10_000), 0x11);
    let taken = Message::new(&mechanism, &attributes).and_then(|mut taken| {
        taken.update_local(message)?;
        Ok(taken.finish().data)
    });
    if let (Ok(key), Ok(taken)) = (PublicKey::of(&attributes), taken) {
        let _ = key.verify(&mechanism, &taken, &signature);
        let _ = key.encrypt(&mechanism, message);
        let _ = key.recover(&mechanism, &signature);
    }
}

/// What a daemon sends: frames cut anywhere, messages of anything, objects with any attributes.
pub fn reply(data: &[u8]) {
    let mut input = Input(data);
    let piece = usize::from(input.byte());
    for message in deframe::messages(input.0, piece).into_iter().chain([Bytes::copy_from_slice(input.0)]) {
        let Ok(reply) = Reply::decode(message) else { continue };
        let (Some(Answer::Objects(objects)) | Some(Answer::Created(objects)) | Some(Answer::Generated(objects))) =
            reply.result
        else {
            continue;
        };
        for object in objects.objects {
            let _ = ObjectId::of(&object);
            let attributes = Attributes::of(object);
            let _ = (attributes.mechanisms(ck::CKA_ALLOWED_MECHANISMS), attributes.size_bytes());
            let _ = PublicKey::of(&attributes);
            let mut room = [0u8; 64];
            let types = [ck::CKA_CLASS, ck::CKA_LABEL, ck::CKA_ALLOWED_MECHANISMS, ck::CKA_EC_POINT];
            let mut wanted =
                types.map(|type_| ck::CK_ATTRIBUTE { type_, pValue: room.as_mut_ptr().cast(), ulValueLen: 64 });
            // SAFETY: the buffer has 64 bytes, which every item says; they may overwrite each other.
            let out = unsafe { AttributesOut::new(wanted.as_mut_ptr(), wanted.len() as u64) };
            let _ = out.fill(|attribute_type| attributes.lookup(attribute_type));
        }
    }
}

//! Attribute values: between the application's form and the wire's, and what is known of one object.
//! Which attribute has which form is `softkeep_proto::attribute`'s table; raw pointers are `ffi`'s.

use std::collections::BTreeMap;

use bytes::Bytes;
use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    limits::MAX_ATTRIBUTE_BYTES,
    pkcs11::v1::Object,
};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// Bytes of a CK_ULONG on the wire and, on the machines this module is built for, in memory.
pub const ULONG_BYTES: usize = 8;

// The rest of the module treats CK_ULONG and u64 as one type (PKCS#11 rule for other machines: convert in `ffi`).
const _: () = assert!(size_of::<cryptoki_sys::CK_ULONG>() == ULONG_BYTES);

/// The attributes of one object as the daemon told them.
#[derive(Debug, Default)]
pub struct Attributes {
    values: BTreeMap<u64, Bytes>,
    sensitive: Vec<u64>,
}

/// What is known of one attribute of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The value in wire form.
    Value(&'a [u8]),
    /// It exists and is not told.
    Sensitive,
    /// The object has no such attribute.
    Absent,
}

impl Attributes {
    /// Of the daemon's answer.
    pub fn of(object: Object) -> Self {
        // Copied into one buffer of their own: the values are slices of whatever was read from the socket with them,
        // and would keep all of it.
        let all: Bytes = object.attributes.iter().flat_map(|attribute| attribute.value.iter().copied()).collect();
        let mut start = 0;
        let values = object.attributes.iter().map(|attribute| {
            let end = start + attribute.value.len();
            let value = all.slice(start..end);
            start = end;
            (attribute.r#type, value)
        });
        Self { values: values.collect(), sensitive: object.sensitive }
    }

    /// What C_GetAttributeValue says of one attribute.
    pub fn lookup(&self, attribute_type: u64) -> Lookup<'_> {
        match self.values.get(&attribute_type) {
            _ if self.sensitive.contains(&attribute_type) => Lookup::Sensitive,
            Some(value) => Lookup::Value(value),
            None => Lookup::Absent,
        }
    }

    /// An attribute's bytes.
    pub fn bytes(&self, attribute_type: u64) -> Option<&[u8]> {
        self.values.get(&attribute_type).map(|value| &value[..])
    }

    /// A CK_ULONG attribute.
    pub fn ulong(&self, attribute_type: u64) -> Option<u64> {
        self.bytes(attribute_type).and_then(|value| value.try_into().ok()).map(u64::from_le_bytes)
    }

    /// A CK_BBOOL attribute; absent means false.
    pub fn is(&self, attribute_type: u64) -> bool {
        self.bytes(attribute_type).is_some_and(|value| value.iter().any(|byte| *byte != 0))
    }

    /// A list of mechanisms; absent means empty.
    pub fn mechanisms(&self, attribute_type: u64) -> Vec<u64> {
        let (numbers, _) = self.bytes(attribute_type).unwrap_or_default().as_chunks::<ULONG_BYTES>();
        numbers.iter().copied().map(u64::from_le_bytes).collect()
    }

    /// About how many bytes the object takes (C_GetObjectSize).
    pub fn size_bytes(&self) -> usize {
        self.values.values().map(|value| value.len() + ULONG_BYTES).sum()
    }
}

/// The wire form of a value given by the application. Arrays of attributes have pointers in them and are `ffi`'s.
pub fn to_wire(attribute_type: u64, native: &[u8]) -> Result<Vec<u8>> {
    if native.len() > MAX_ATTRIBUTE_BYTES {
        return Err(Error::AttributeValueInvalid);
    }
    match value_kind(attribute_type) {
        ValueKind::Ulong if native.len() != ULONG_BYTES => Err(Error::AttributeValueInvalid),
        ValueKind::Ulong | ValueKind::Mechanisms => swap(native),
        ValueKind::Bool => match native {
            [byte] => Ok(vec![u8::from(*byte != 0)]),
            _ => Err(Error::AttributeValueInvalid),
        },
        ValueKind::Template => Err(Error::AttributeValueInvalid),
        ValueKind::Bytes => Ok(native.to_vec()),
    }
}

/// The application's form of a value from the wire.
pub fn to_native(attribute_type: u64, wire: &[u8]) -> Vec<u8> {
    match value_kind(attribute_type) {
        ValueKind::Ulong | ValueKind::Mechanisms => swap(wire).unwrap_or_default(),
        ValueKind::Bool | ValueKind::Template | ValueKind::Bytes => wire.to_vec(),
    }
}

/// Between little-endian and this machine's order, eight bytes at a time; its own inverse.
fn swap(numbers: &[u8]) -> Result<Vec<u8>> {
    let (numbers, rest) = numbers.as_chunks::<ULONG_BYTES>();
    if !rest.is_empty() {
        return Err(Error::AttributeValueInvalid);
    }
    Ok(numbers.iter().flat_map(|number| u64::from_ne_bytes(*number).to_le_bytes()).collect())
}

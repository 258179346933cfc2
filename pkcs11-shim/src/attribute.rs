//! Attribute values: between the application's form and the wire's, and what is known of one object.
//! Which attribute has which form is `softkeep_proto::attribute`'s table; raw pointers are `ffi`'s.

use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    limits::MAX_ATTRIBUTE_BYTES,
    pkcs11::v1::{Attribute, Object},
};

use crate::error::{Error, Result};

#[cfg(test)]
mod tests;

/// Bytes of a CK_ULONG on the wire and, on the machines this module is built for, in memory.
pub const ULONG_BYTES: usize = 8;

// The rest of the module treats CK_ULONG and u64 as one type (PKCS#11 rule for other machines: convert in `ffi`).
const _: () = assert!(size_of::<cryptoki_sys::CK_ULONG>() == ULONG_BYTES);

/// The attributes of one object as the daemon told them, in as little memory as they need: an application may have
/// a hundred thousand session objects.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Every value in wire form, one behind the other.
    data: Box<[u8]>,
    /// Where each is, by attribute type.
    places: Box<[Place]>,
    sensitive: Box<[u64]>,
    on_request: Box<[u64]>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    attribute_type: u64,
    start: u32,
    end: u32,
}

/// What is known of one attribute of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// The value in wire form.
    Value(&'a [u8]),
    /// It exists and is not told.
    Sensitive,
    /// It exists, and the daemon tells it if asked.
    OnRequest,
    /// It exists and is this long; the value was not asked for.
    Length(usize),
    /// The object has no such attribute.
    Absent,
}

impl Attributes {
    /// Of the daemon's answer.
    pub fn of(object: Object) -> Self {
        let mut given = object.attributes;
        given.sort_by_key(|attribute| attribute.r#type);
        given.dedup_by_key(|attribute| attribute.r#type);
        let (mut data, mut places) = (Vec::new(), Vec::with_capacity(given.len()));
        for attribute in &given {
            let start = data.len();
            data.extend_from_slice(&attribute.value);
            // A message is far below the four gigabytes that this can hold.
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(data.len())) {
                places.push(Place { attribute_type: attribute.r#type, start, end });
            }
        }
        Self {
            data: data.into(),
            places: places.into(),
            sensitive: object.sensitive.into(),
            on_request: object.on_request.into(),
        }
    }

    /// What C_GetAttributeValue says of one attribute.
    pub fn lookup(&self, attribute_type: u64) -> Lookup<'_> {
        match self.bytes(attribute_type) {
            _ if self.sensitive.contains(&attribute_type) => Lookup::Sensitive,
            _ if self.on_request.contains(&attribute_type) => Lookup::OnRequest,
            Some(value) => Lookup::Value(value),
            None => Lookup::Absent,
        }
    }

    /// An attribute's bytes.
    pub fn bytes(&self, attribute_type: u64) -> Option<&[u8]> {
        let index = self.places.binary_search_by_key(&attribute_type, |place| place.attribute_type).ok()?;
        let place = self.places.get(index)?;
        self.data.get(place.start as usize..place.end as usize)
    }

    /// Whether all of these are attributes of the object, as a search asks.
    pub fn fits(&self, template: &[Attribute]) -> bool {
        template.iter().all(|wanted| self.lookup(wanted.r#type) == Lookup::Value(&wanted.value))
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
        self.data.len() + self.places.len() * ULONG_BYTES
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

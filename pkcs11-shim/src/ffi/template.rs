//! Views of CK_ATTRIBUTE arrays: read as a template, written by C_GetAttributeValue (PKCS#11 3.2 section 5.7.5).
//! What the attributes mean is not known here.

use std::ptr;

use bytes::Bytes;
use cryptoki_sys::{CK_ATTRIBUTE, CK_UNAVAILABLE_INFORMATION};
use prost::Message;
use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    limits::{MAX_ATTRIBUTE_BYTES, MAX_TEMPLATE_ATTRIBUTES},
    pkcs11::v1::{Attribute, AttributeList},
};
use zeroize::Zeroizing;

use super::views::{InBuf, length};
use crate::{
    attribute::{Lookup, to_native, to_wire},
    error::{Error, Result},
};

const ATTRIBUTE_BYTES: usize = size_of::<CK_ATTRIBUTE>();

/// A template the application gives.
pub struct Template {
    attributes: *const CK_ATTRIBUTE,
    count: u64,
}

impl Template {
    /// # Safety
    /// `attributes` is NULL or valid to read for `count` items, and each `pValue` for its length, during this call.
    pub unsafe fn new(attributes: *const CK_ATTRIBUTE, count: u64) -> Self {
        Self { attributes, count }
    }

    /// The attributes in wire form.
    pub fn parse(&self) -> Result<Vec<Attribute>> {
        self.read(true)
    }

    fn read(&self, nested: bool) -> Result<Vec<Attribute>> {
        let count = length(self.count)?;
        if count > MAX_TEMPLATE_ATTRIBUTES || (self.attributes.is_null() && count > 0) {
            return Err(Error::ArgumentsBad);
        }
        (0..count)
            .map(|index| {
                // SAFETY: not NULL, and index is below the count that `new` promises.
                let given = unsafe { ptr::read_unaligned(self.attributes.add(index)) };
                // It may be a key: wiped when the request is gone.
                let value = Bytes::from_owner(Zeroizing::new(wire_value(&given, nested)?));
                Ok(Attribute { r#type: given.type_, value })
            })
            .collect()
    }
}

fn wire_value(given: &CK_ATTRIBUTE, nested: bool) -> Result<Vec<u8>> {
    if given.ulValueLen > MAX_ATTRIBUTE_BYTES as u64 {
        return Err(Error::AttributeValueInvalid);
    }
    if value_kind(given.type_) == ValueKind::Template {
        let count = given.ulValueLen / ATTRIBUTE_BYTES as u64;
        // A template inside a template inside a template means nothing, and would let a caller choose our depth.
        if !nested || !given.ulValueLen.is_multiple_of(ATTRIBUTE_BYTES as u64) {
            return Err(Error::AttributeValueInvalid);
        }
        let inner = Template { attributes: given.pValue.cast_const().cast(), count };
        let attributes = inner.read(false).map_err(|_| Error::AttributeValueInvalid)?;
        return Ok(AttributeList { attributes }.encode_to_vec());
    }
    // SAFETY: the value's pointer is valid for its length, as `Template::new` asks.
    let value = unsafe { InBuf::new(given.pValue.cast_const().cast(), given.ulValueLen) };
    to_wire(given.type_, value.bytes().map_err(|_| Error::AttributeValueInvalid)?)
}

/// The attributes that C_GetAttributeValue is asked for.
pub struct AttributesOut {
    attributes: *mut CK_ATTRIBUTE,
    count: u64,
}

/// Some programs ask for every attribute that there is, a few hundred; a count far beyond that was never set, and room
/// for as many could not be had.
const MAX_ASKED_ATTRIBUTES: u64 = 1 << 16;

/// What went wrong on the way; every attribute is processed all the same, and one answer is chosen at the end.
#[derive(Default)]
struct Trouble {
    sensitive: bool,
    absent: bool,
    short: bool,
}

impl AttributesOut {
    /// # Safety
    /// `attributes` is NULL or valid to read and write for `count` items, and each `pValue` is NULL or valid to write
    /// for its length, during this call. The items of an array of attributes likewise.
    pub unsafe fn new(attributes: *mut CK_ATTRIBUTE, count: u64) -> Self {
        Self { attributes, count }
    }

    /// ARGUMENTS_BAD for a missing array, and for a count that cannot be one.
    pub fn require(&self) -> Result<()> {
        let missing = self.attributes.is_null() && self.count > 0;
        if missing || self.count > MAX_ASKED_ATTRIBUTES { Err(Error::ArgumentsBad) } else { Ok(()) }
    }

    /// The attributes asked for, and whether the value is wanted or only its length.
    pub fn wanted(&self) -> Result<Vec<(u64, bool)>> {
        self.require()?;
        let wanted = (0..length(self.count)?).map(|index| {
            // SAFETY: not NULL, and index is below the count that `new` promises; valid to read.
            let wanted = unsafe { ptr::read_unaligned(self.attributes.add(index)) };
            (wanted.type_, !wanted.pValue.is_null())
        });
        Ok(wanted.collect())
    }

    /// Fills in each attribute, or says in its length that there is no value.
    pub fn fill<'a>(&self, lookup: impl Fn(u64) -> Lookup<'a>) -> Result<()> {
        self.require()?;
        let mut trouble = Trouble::default();
        for index in 0..length(self.count)? {
            // SAFETY: not NULL, and index is below the count that `new` promises.
            let place = unsafe { self.attributes.add(index) };
            // SAFETY: as above; valid to read.
            let mut wanted = unsafe { ptr::read_unaligned(place) };
            wanted.ulValueLen = match lookup(wanted.type_) {
                Lookup::Value(value) => answer(&wanted, value, &mut trouble),
                Lookup::Length(len) if wanted.pValue.is_null() => len as u64,
                // What the daemon would have told if asked, and did not tell, is nobody's to read.
                Lookup::Sensitive | Lookup::OnRequest | Lookup::Length(_) => {
                    trouble.sensitive = true;
                    CK_UNAVAILABLE_INFORMATION
                }
                Lookup::Absent => {
                    trouble.absent = true;
                    CK_UNAVAILABLE_INFORMATION
                }
            };
            // SAFETY: as above; valid to write.
            unsafe { ptr::write_unaligned(place, wanted) };
        }
        match trouble {
            Trouble { sensitive: true, .. } => Err(Error::AttributeSensitive),
            Trouble { absent: true, .. } => Err(Error::AttributeTypeInvalid),
            Trouble { short: true, .. } => Err(Error::BufferTooSmall),
            Trouble { .. } => Ok(()),
        }
    }
}

/// How many bytes the application's place has. What an earlier call left as "no value" is no length: no memory is as long.
fn room(wanted: &CK_ATTRIBUTE) -> u64 {
    if wanted.ulValueLen == CK_UNAVAILABLE_INFORMATION { 0 } else { wanted.ulValueLen }
}

/// Writes one value; what its length field becomes.
fn answer(wanted: &CK_ATTRIBUTE, wire: &[u8], trouble: &mut Trouble) -> u64 {
    if value_kind(wanted.type_) == ValueKind::Template {
        return answer_template(wanted, wire, trouble);
    }
    let native = Zeroizing::new(to_native(wanted.type_, wire));
    if wanted.pValue.is_null() {
        return native.len() as u64;
    }
    if room(wanted) < native.len() as u64 {
        trouble.short = true;
        return CK_UNAVAILABLE_INFORMATION;
    }
    // SAFETY: not NULL and long enough, as `AttributesOut::new` asks; `native` is ours.
    unsafe { ptr::copy_nonoverlapping(native.as_ptr(), wanted.pValue.cast::<u8>(), native.len()) };
    native.len() as u64
}

/// An array of attributes: first its length, then its types and lengths, then its values, each with a call.
fn answer_template(wanted: &CK_ATTRIBUTE, wire: &[u8], trouble: &mut Trouble) -> u64 {
    let Ok(AttributeList { attributes }) = AttributeList::decode(wire) else {
        trouble.absent = true;
        return CK_UNAVAILABLE_INFORMATION;
    };
    let len = (attributes.len() * ATTRIBUTE_BYTES) as u64;
    if wanted.pValue.is_null() {
        return len;
    }
    if room(wanted) < len {
        trouble.short = true;
        return CK_UNAVAILABLE_INFORMATION;
    }
    let places = wanted.pValue.cast::<CK_ATTRIBUTE>();
    for (index, attribute) in attributes.iter().enumerate() {
        // SAFETY: not NULL, and index is below the length checked above.
        let place = unsafe { places.add(index) };
        // SAFETY: as above; the application gives zeroed or filled items (PKCS#11 3.2 section 5.7.5).
        let mut inner = unsafe { ptr::read_unaligned(place) };
        inner.type_ = attribute.r#type;
        inner.ulValueLen = match value_kind(attribute.r#type) {
            // Refused when written, so never met; its values would be pointers of another process.
            ValueKind::Template => CK_UNAVAILABLE_INFORMATION,
            _ => answer(&inner, &attribute.value, trouble),
        };
        // SAFETY: as above; valid to write.
        unsafe { ptr::write_unaligned(place, inner) };
    }
    len
}

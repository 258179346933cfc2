//! TABLE: the wire form of each PKCS#11 attribute (PKCS#11 3.2 section 4 and appendix B).

/// How an attribute's value is written on the wire; see `Attribute` in `module.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// CK_ULONG and its aliases (CK_KEY_TYPE, CK_OBJECT_CLASS …): 8 bytes, little-endian.
    Ulong,
    /// CK_BBOOL: one byte.
    Bool,
    /// An array of CK_MECHANISM_TYPE: 8 bytes each.
    Mechanisms,
    /// An array of CK_ATTRIBUTE: an `AttributeList`.
    Template,
    /// Bytes, strings, dates, big integers: as they are.
    Bytes,
}

/// The kind of an attribute; what is not in the table is bytes.
pub fn value_kind(attribute_type: u64) -> ValueKind {
    match attribute_type {
        // CLASS, CERTIFICATE_TYPE, CERTIFICATE_CATEGORY, JAVA_MIDP_SECURITY_DOMAIN, NAME_HASH_ALGORITHM
        0x000 | 0x080 | 0x087 | 0x088 | 0x08C => ValueKind::Ulong,
        // KEY_TYPE, MODULUS_BITS, PRIME_BITS, SUBPRIME_BITS, VALUE_BITS, VALUE_LEN, KEY_GEN_MECHANISM
        0x100 | 0x121 | 0x133 | 0x134 | 0x160 | 0x161 | 0x166 => ValueKind::Ulong,
        // MECHANISM_TYPE, PROFILE_ID, PARAMETER_SET, OBJECT_VALIDATION_FLAGS
        0x500 | 0x601 | 0x61D | 0x61E => ValueKind::Ulong,
        // TOKEN, PRIVATE, TRUSTED
        0x001 | 0x002 | 0x086 => ValueKind::Bool,
        // SENSITIVE … DERIVE (0x103-0x10C without the dates), EXTRACTABLE, LOCAL, NEVER_EXTRACTABLE, ALWAYS_SENSITIVE
        0x103..=0x10C | 0x162..=0x165 => ValueKind::Bool,
        // MODIFIABLE, COPYABLE, DESTROYABLE, ALWAYS_AUTHENTICATE, WRAP_WITH_TRUSTED, ENCAPSULATE, DECAPSULATE
        0x170..=0x172 | 0x202 | 0x210 | 0x633 | 0x634 => ValueKind::Bool,
        // ALLOWED_MECHANISMS
        0x4000_0600 => ValueKind::Mechanisms,
        // WRAP_TEMPLATE, UNWRAP_TEMPLATE, DERIVE_TEMPLATE, ENCAPSULATE_TEMPLATE, DECAPSULATE_TEMPLATE
        0x4000_0211..=0x4000_0213 | 0x4000_062A | 0x4000_062B => ValueKind::Template,
        _ => ValueKind::Bytes,
    }
}

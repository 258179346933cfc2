//! The part of a key's record that decides policy.

use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::algorithm::KeyType;

use super::Ops;
use crate::error::{Error, ErrorCode, Result};

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Origin {
    /// Its value came from outside: Key Vault's import, C_CreateObject.
    Imported = 0,
    /// Made here.
    Generated = 1,
    /// By C_UnwrapKey.
    Unwrapped = 2,
    /// By C_DeriveKey.
    Derived = 3,
    /// By C_EncapsulateKey or C_DecapsulateKey.
    Encapsulated = 4,
}

/// The part of a version that decides policy: MACed with its row, and again the associated data of its blob.
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct KeyPolicy {
    #[prost(uint32, tag = "1")]
    pub format: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub cluster: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub vault: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub version: Vec<u8>,
    /// [`KeyType::kind`].
    #[prost(string, tag = "5")]
    pub kind: String,
    /// [`KeyType::bits`].
    #[prost(uint32, tag = "6")]
    pub bits: u32,
    /// Bits of [`Ops`].
    #[prost(uint32, tag = "7")]
    pub ops: u32,
    /// Made here (CKA_LOCAL) or brought in.
    #[prost(bool, tag = "8")]
    pub generated: bool,
    #[prost(bool, tag = "9")]
    pub extractable: bool,
    #[prost(bool, tag = "10")]
    pub sensitive: bool,
    #[prost(bool, tag = "11")]
    pub always_sensitive: bool,
    #[prost(bool, tag = "12")]
    pub never_extractable: bool,
    #[prost(uint32, tag = "13")]
    pub kek_version: u32,
    /// CKA_ALLOWED_MECHANISMS; empty means all that fit.
    #[prost(uint64, repeated, tag = "14")]
    pub allowed_mechanisms: Vec<u64>,
    /// CKO_PRIVATE_KEY (of a pair, which has a public half in [`Self::public`]), CKO_SECRET_KEY, or CKO_PUBLIC_KEY for a public key alone.
    #[prost(uint64, tag = "15")]
    pub class: u64,
    /// CKA_PRIVATE.
    #[prost(bool, tag = "16")]
    pub private: bool,
    /// What PKCS#11 calls CKA_MODIFIABLE false, CKA_COPYABLE false and CKA_DESTROYABLE false.
    #[prost(bool, tag = "17")]
    pub fixed: bool,
    #[prost(bool, tag = "18")]
    pub not_copyable: bool,
    #[prost(bool, tag = "19")]
    pub not_destroyable: bool,
    /// CKA_WRAP_WITH_TRUSTED.
    #[prost(bool, tag = "20")]
    pub wrap_with_trusted: bool,
    /// CKA_TRUSTED, by the security officer alone.
    #[prost(bool, tag = "21")]
    pub trusted: bool,
    /// CKA_ALWAYS_AUTHENTICATE.
    #[prost(bool, tag = "22")]
    pub always_authenticate: bool,
    /// Each an encoded `AttributeList`; empty means no rule.
    #[prost(bytes = "vec", tag = "23")]
    pub wrap_template: Vec<u8>,
    #[prost(bytes = "vec", tag = "24")]
    pub unwrap_template: Vec<u8>,
    #[prost(bytes = "vec", tag = "25")]
    pub derive_template: Vec<u8>,
    #[prost(bytes = "vec", tag = "26")]
    pub encapsulate_template: Vec<u8>,
    #[prost(bytes = "vec", tag = "27")]
    pub decapsulate_template: Vec<u8>,
    /// Every operation the key ever had, bits of [`Ops`].
    #[prost(uint32, tag = "28")]
    pub ever_ops: u32,
    /// CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION when it was not made here.
    #[prost(uint64, tag = "29")]
    pub generation_mechanism: u64,
    #[prost(enumeration = "Origin", tag = "30")]
    pub origin: i32,
    /// It was unwrapped by a key that is not TRUSTED (or comes from such a one): it wraps no sensitive key.
    #[prost(bool, tag = "31")]
    pub unwrapped_by_untrusted: bool,
    /// The public half's own flags; of a pair or a public key alone.
    #[prost(message, optional, tag = "32")]
    pub public: Option<PublicPolicy>,
    /// It was CKA_TRUSTED once, or is a copy of a key that was: it may have wrapped what others may not.
    #[prost(bool, tag = "33")]
    pub ever_trusted: bool,
    /// Of a key for imports: the first successful one disables it.
    #[prost(bool, tag = "34")]
    pub single_use: bool,
    /// It is a copy, by C_CopyObject or from a backup: the original has a later life of its own, and neither may undo what the other has
    /// wrapped.
    #[prost(bool, tag = "35")]
    pub copied: bool,
}

/// What a public half says for itself. What it may be used for is in [`KeyPolicy::ops`].
#[derive(Clone, PartialEq, Message)]
#[allow(missing_docs)]
pub struct PublicPolicy {
    #[prost(bool, tag = "1")]
    pub private: bool,
    #[prost(bool, tag = "2")]
    pub fixed: bool,
    #[prost(bool, tag = "3")]
    pub not_copyable: bool,
    #[prost(bool, tag = "4")]
    pub not_destroyable: bool,
    #[prost(bool, tag = "5")]
    pub trusted: bool,
    #[prost(uint64, repeated, tag = "6")]
    pub allowed_mechanisms: Vec<u64>,
    #[prost(bytes = "vec", tag = "7")]
    pub wrap_template: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub encapsulate_template: Vec<u8>,
}

impl KeyPolicy {
    /// The key's type, or why the record cannot be one of ours.
    pub fn key_type(&self) -> Result<KeyType> {
        KeyType::from_kind(&self.kind, self.bits)
            .ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "a record names an unknown key type"))
    }

    /// What the key may do.
    pub fn operations(&self) -> Ops {
        Ops(self.ops)
    }

    /// What it ever could.
    pub fn ever(&self) -> Ops {
        Ops(self.ever_ops)
    }

    /// CKA_PRIVATE of one of the key's objects.
    pub fn is_private(&self, class: u64) -> bool {
        match (&self.public, class) {
            (Some(public), ck::CKO_PUBLIC_KEY) => public.private,
            _ => self.private,
        }
    }

    /// CKA_TRUSTED of one of the key's objects: a pair's trust is that of its public half, which wraps.
    pub fn is_trusted(&self, class: u64) -> bool {
        match (&self.public, class) {
            (Some(public), ck::CKO_PUBLIC_KEY) => public.trusted,
            _ => self.trusted,
        }
    }

    /// CKA_ALLOWED_MECHANISMS of one of the key's objects; empty means all that fit.
    pub fn allowed_mechanisms(&self, class: u64) -> &[u64] {
        match (&self.public, class) {
            (Some(public), ck::CKO_PUBLIC_KEY) => &public.allowed_mechanisms,
            _ => &self.allowed_mechanisms,
        }
    }

    /// CKA_WRAP_TEMPLATE of one of the key's objects, encoded; empty means no rule.
    pub fn wrap_template(&self, class: u64) -> &[u8] {
        match (&self.public, class) {
            (Some(public), ck::CKO_PUBLIC_KEY) => &public.wrap_template,
            _ => &self.wrap_template,
        }
    }

    /// Whether its secret may be told to whoever asks for it.
    pub fn is_readable(&self) -> bool {
        !self.sensitive && self.extractable
    }

    /// Whether its secret is known to be somewhere else, or may go there: it is extractable, or made here and once was. Of a key from
    /// elsewhere nobody can say more. The secret of a public key alone is not here at all.
    pub fn may_have_left(&self) -> bool {
        self.class != ck::CKO_PUBLIC_KEY && (self.extractable || (self.generated && !self.never_extractable))
    }

    /// Whether what wraps with this key keeps a secret from all who may use the key (PKCS#11 has no word for it): its secret was made
    /// here and never could leave.
    pub fn is_home_grown(&self) -> bool {
        self.generated && self.always_sensitive && self.never_extractable
    }
}

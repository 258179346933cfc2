//! THE way to make an object of any class, whatever the verb: what the template leaves open is decided here, the vault's profile is asked,
//! and a token object is written, a session object sealed.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{KeyType, SecretKind};
use zeroize::Zeroizing;

use super::{Audited, find_objects::Found, new_version, template::Template};
use crate::{
    crypto::key_info::{self, PublicInfo},
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::Caller,
    keys::record::{KeyPolicy, Ops, Origin},
    pipeline::Unsealed,
    policy::{
        Permission,
        profile::{Profile, Rules},
    },
};

mod check_value;
mod draft;
mod flags;
mod other;
pub mod resealed;
mod session;
mod token;

pub use draft::KeyDraft;
pub use flags::{default_ops, of_class as class_flags};
pub use other::OtherDraft;

/// Where a new key comes from, and what follows for it.
#[derive(Clone)]
pub struct Provenance {
    /// How it came to be.
    pub origin: Origin,
    /// CKA_KEY_GEN_MECHANISM: the mechanism that made it here, else CK_UNAVAILABLE_INFORMATION.
    pub mechanism: u64,
    /// CKA_ALWAYS_SENSITIVE is possible: the secret was never outside, and nobody could read what it was made of.
    pub always_sensitive: bool,
    /// CKA_NEVER_EXTRACTABLE is possible.
    pub never_extractable: bool,
    /// A template that says CKA_SENSITIVE false is refused.
    pub must_be_sensitive: bool,
    /// A template that says CKA_EXTRACTABLE true is refused.
    pub must_stay: bool,
    /// What it unwraps or was unwrapped by is not trusted: it wraps no sensitive key.
    pub unwrapped_by_untrusted: bool,
    /// A template that says CKA_WRAP_WITH_TRUSTED false is refused.
    pub wrap_with_trusted: bool,
}

impl Provenance {
    /// Made here by a mechanism.
    pub fn generated(mechanism: u64) -> Self {
        Self { always_sensitive: true, never_extractable: true, mechanism, ..Self::of(Origin::Generated) }
    }

    /// Brought in in the clear.
    pub fn imported() -> Self {
        Self::of(Origin::Imported)
    }

    /// Unwrapped. Who unwrapped it decides the last two facts.
    pub fn unwrapped(must_be_sensitive: bool, by_untrusted: bool) -> Self {
        Self { must_be_sensitive, unwrapped_by_untrusted: by_untrusted, ..Self::of(Origin::Unwrapped) }
    }

    /// Derived from a key (PKCS#11 3.2 section 6, under every derivation: the derived key was always sensitive if the base key was).
    pub fn derived(base: &KeyPolicy) -> Self {
        Self {
            always_sensitive: base.always_sensitive,
            never_extractable: base.never_extractable,
            unwrapped_by_untrusted: base.unwrapped_by_untrusted,
            ..Self::of(Origin::Derived)
        }
    }

    /// Agreed on with a KEM.
    pub fn encapsulated() -> Self {
        Self::of(Origin::Encapsulated)
    }

    fn of(origin: Origin) -> Self {
        Self {
            origin,
            mechanism: ck::CK_UNAVAILABLE_INFORMATION,
            always_sensitive: false,
            never_extractable: false,
            must_be_sensitive: false,
            must_stay: false,
            unwrapped_by_untrusted: false,
            wrap_with_trusted: false,
        }
    }
}

/// An object about to be made: the application's template, and what it is to be made of.
pub enum NewObject {
    /// A key.
    Key(NewKey),
    /// A certificate or data object.
    Other(OtherDraft),
}

/// A key about to be made.
pub struct NewKey {
    /// CKO_PRIVATE_KEY, CKO_SECRET_KEY or CKO_PUBLIC_KEY.
    pub class: u64,
    /// Its type and size.
    pub key_type: KeyType,
    /// PKCS#8, the bytes of a secret key, or nothing for a public key.
    pub material: Zeroizing<Vec<u8>>,
    /// The public half; a secret key has none.
    pub public: Option<PublicInfo>,
    /// The application's template (with the rule of the key that makes it applied).
    pub template: Template,
    /// The public half's template, for a pair.
    pub public_template: Option<Template>,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl NewKey {
    /// A secret key of these bytes: of the type that the template says, generic if it says none.
    pub fn secret(mut template: Template, value: Zeroizing<Vec<u8>>, provenance: Provenance) -> Result<Self> {
        let kind = secret_kind(&template)?;
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        check_secret_len(kind, length)?;
        template.only_number(ck::CKA_VALUE_LEN, length.into())?;
        let key_type = KeyType::Secret(kind, length);
        let class = ck::CKO_SECRET_KEY;
        Ok(Self { class, key_type, material: value, public: None, template, public_template: None, provenance })
    }

    /// A private key, whose type it says itself.
    pub fn private(template: Template, pkcs8_der: Zeroizing<Vec<u8>>, provenance: Provenance) -> Result<Self> {
        let public = key_info::check_import(&pkcs8_der)?;
        Ok(Self {
            class: ck::CKO_PRIVATE_KEY,
            key_type: public.key_type,
            material: pkcs8_der,
            public: Some(public),
            template,
            public_template: None,
            provenance,
        })
    }

    /// A pair that was made here.
    pub fn pair(
        private: Template,
        public: Template,
        pkcs8_der: Zeroizing<Vec<u8>>,
        provenance: Provenance,
    ) -> Result<Self> {
        Ok(Self { public_template: Some(public), ..Self::private(private, pkcs8_der, provenance)? })
    }

    /// Somebody else's public key.
    pub fn public(template: Template, info: PublicInfo) -> Self {
        Self {
            class: ck::CKO_PUBLIC_KEY,
            key_type: info.key_type,
            material: Zeroizing::default(),
            public: Some(info),
            template,
            public_template: None,
            provenance: Provenance::imported(),
        }
    }
}

/// The kind of secret key that a template asks for; [`SecretKind::Generic`] where it says nothing. CKK_HKDF is a generic secret by another
/// name, which the object keeps.
pub fn secret_kind(template: &Template) -> Result<SecretKind> {
    let number = template.peek_number(ck::CKA_KEY_TYPE)?.unwrap_or(ck::CKK_GENERIC_SECRET);
    if number == ck::CKK_HKDF {
        return Ok(SecretKind::Generic);
    }
    let of = |kind: &SecretKind| crate::keys::face::key_type_number(KeyType::Secret(*kind, 0)) == number;
    SecretKind::all().find(of).ok_or_else(|| {
        Error::new(ErrorCode::AttributeInvalid, format!("key type 0x{number:x} is no secret key that is known here"))
    })
}

/// How many bytes a secret key is to have: as its template says (CKA_VALUE_LEN), else as its type must, else `None`.
pub fn secret_len(template: &Template) -> Result<Option<usize>> {
    let kind = secret_kind(template)?;
    let given = template.peek_number(ck::CKA_VALUE_LEN)?;
    let length = match (given, kind) {
        (Some(length), _) => u32::try_from(length).unwrap_or(u32::MAX),
        (None, SecretKind::ChaCha20) => 32,
        (None, _) => return Ok(None),
    };
    check_secret_len(kind, length)?;
    Ok(Some(length as usize))
}

fn check_secret_len(kind: SecretKind, length: u32) -> Result<()> {
    if kind.takes(length) && length as usize <= softkeep_proto::limits::MAX_SECRET_BYTES {
        return Ok(());
    }
    Err(Error::new(ErrorCode::KeyTooWeak, format!("a {} key cannot have {length} bytes", kind.name())))
}

/// Whether a template asks for a token object.
pub fn is_token(template: &Template) -> Result<bool> {
    Ok(template.peek_flag(ck::CKA_TOKEN)?.unwrap_or(false))
}

/// What a caller must be granted to make the object of a template: to keep it, `to_keep`; for a session, no more than to be somebody.
/// For [`super::Operation::permission`]; [`make`] asks again, when all templates are applied.
pub fn permission(template: &Template, class: u64, to_keep: Permission) -> Permission {
    let flag = |kind| template.peek_flag(kind).ok().flatten();
    let private = flag(ck::CKA_PRIVATE).unwrap_or(matches!(class, ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY));
    permission_of(flag(ck::CKA_TOKEN).unwrap_or(false), private, to_keep)
}

/// How the making of a template's object is audited: what is kept as administration, a session object as a use.
pub fn audited(template: &Template) -> Audited {
    match is_token(template) {
        Ok(false) => Audited::Use,
        Ok(true) | Err(_) => Audited::Administration,
    }
}

/// What it takes to keep an object that is no key.
pub fn kept_other(class: u64, private: bool) -> Permission {
    if class == ck::CKO_CERTIFICATE && !private { Permission::CreatePublic } else { Permission::Create }
}

fn permission_of(token: bool, private: bool, to_keep: Permission) -> Permission {
    match (token, private) {
        (true, _) => to_keep,
        (false, true) => Permission::MakePrivateObject,
        (false, false) => Permission::UseOwnObject,
    }
}

/// Makes the objects of one request: all or none. A repeated request id gives what the first one made, if that was kept.
pub fn make(rooms: &Unsealed, caller: &Caller, vault: Id, objects: Vec<NewObject>, request_id: &str) -> Result<Found> {
    let mut drafts = Vec::with_capacity(objects.len());
    for object in objects {
        drafts.push(match object {
            NewObject::Key(key) => Draft::Key(Box::new(KeyDraft::of(rooms, vault, key)?)),
            NewObject::Other(other) => Draft::Other(other),
        });
    }
    make_drafts(rooms, caller, vault, drafts, request_id)
}

/// An object whose every attribute is decided.
pub enum Draft {
    /// A key.
    Key(Box<KeyDraft>),
    /// A certificate or data object.
    Other(OtherDraft),
}

impl Draft {
    fn is_token(&self) -> bool {
        match self {
            Draft::Key(key) => key.token,
            Draft::Other(other) => other.token,
        }
    }

    fn permission(&self) -> Permission {
        match self {
            Draft::Key(key) => {
                let imported = key.policy.origin() == Origin::Imported && key.class != ck::CKO_PUBLIC_KEY;
                let to_keep = if imported { Permission::Import } else { Permission::Create };
                permission_of(key.token, key.policy.is_private(key.class), to_keep)
            }
            Draft::Other(other) => permission_of(other.token, other.private, kept_other(other.class, other.private)),
        }
    }

    fn is_trusted(&self) -> bool {
        matches!(self, Draft::Other(other) if other.trusted)
    }
}

/// As [`make`], of objects whose attributes are decided already (a copy's).
pub fn make_drafts(
    rooms: &Unsealed,
    caller: &Caller,
    vault: Id,
    drafts: Vec<Draft>,
    request_id: &str,
) -> Result<Found> {
    {
        let view = rooms.keys.catalog.view();
        let found = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        for draft in &drafts {
            rooms.policy.check(&view, caller, Some(found), draft.permission())?;
            if draft.is_trusted() {
                rooms.policy.check(&view, caller, Some(found), Permission::SetTrust)?;
            }
        }
    }
    let mut faces = Vec::new();
    let mut kept = Vec::new();
    for (index, draft) in drafts.into_iter().enumerate() {
        let id =
            if index == 0 || request_id.is_empty() { request_id.to_owned() } else { format!("{request_id}/{index}") };
        match draft.is_token() {
            true => kept.push((draft, id)),
            false => faces.extend(session::seal(rooms, caller, vault, draft)?),
        }
    }
    faces.extend(token::write(rooms, vault, kept)?);
    let revision = rooms.keys.catalog.view().vault(vault).map_or(0, |vault| vault.revision);
    Ok(Found { faces, revision, more: false })
}

/// The operations that keys of a type can have at all.
pub fn possible_ops(key_type: KeyType) -> Ops {
    new_version::possible_ops(key_type)
}

/// The objects of one id, as they are now.
pub fn show(rooms: &Unsealed, vault: Id, id: Id) -> Result<Found> {
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    let faces: Vec<Arc<_>> = vault.faces_of(id);
    Ok(Found { faces, revision: vault.revision, more: false })
}

/// CKA_CHECK_VALUE of a Key Vault key: as of any other of its vault.
pub fn check_value(rooms: &Unsealed, vault: Id, kind: SecretKind, value: &[u8]) -> Result<Vec<u8>> {
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    let withheld = Rules::of(&vault.record)?.profile == Profile::Strict;
    check_value::kept(kind, value, None, withheld)
}

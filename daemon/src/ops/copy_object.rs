//! C_CopyObject: an object again, in the session or in the vault, with attributes that may only narrow. A copy keeps what its original ever
//! was and could do, and is trusted by nobody.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1;
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    find_objects::Found,
    key_change, names,
    new_object::{self, Draft, KeyDraft, OtherDraft},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        face::{self, Face},
        record::{KeyPolicy, ObjectRecord},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyExport, KeyName, Permission, Place, Subject, VaultName},
    workers::Lane,
};

/// What to copy, and what is to be otherwise.
pub struct CopyObject {
    vault: Id,
    object: KeyName,
    token: bool,
    template: Template,
    request_id: String,
}

impl CopyObject {
    /// Checks what the application asks for. Where it does not say, the copy is kept where the original is.
    pub fn parse(vault: Id, object: KeyName, template: Vec<v1::Attribute>, request_id: &[u8]) -> Result<Self> {
        let mut template = Template::parse(template)?;
        let token = template.flag(ck::CKA_TOKEN)?.unwrap_or(!matches!(object, KeyName::Sealed(_)));
        Ok(Self { vault, object, token, template, request_id: names::request_id(request_id)? })
    }
}

impl Operation for CopyObject {
    const NAME: &'static str = "object.copy";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Key(VaultName::Id(self.vault), self.object.clone())
    }

    fn permission(&self) -> Permission {
        match self.object {
            _ if self.token => Self::PERMISSION,
            // The copy could be used without a login, and the stored key cannot.
            KeyName::Object(_, ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY) => Permission::MakePrivateObject,
            _ => Permission::UseOwnObject,
        }
    }

    fn audited(&self) -> Audited {
        if self.token { Self::AUDITED } else { Audited::Use }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.operation();
        let template = operation.template.clone();
        let draft = match grant.subject()? {
            Subject::Key { version, class } => {
                let material = match *class {
                    ck::CKO_PUBLIC_KEY => Zeroizing::default(),
                    _ => rooms.keys.export(&grant)?,
                };
                Draft::Key(Box::new(copy_key(rooms, version, *class, material, template, operation.token)?))
            }
            Subject::Object(record) => {
                let value = {
                    let view = rooms.keys.catalog.view();
                    let gone = || Error::vault_not_found(&operation.vault.to_string());
                    rooms.keys.open_value(view.vault(operation.vault).ok_or_else(gone)?, record)?
                };
                Draft::Other(copy_other(record, value, template, operation.token)?)
            }
        };
        let (caller, vault, request_id) = (grant.caller().clone(), operation.vault, operation.request_id.clone());
        new_object::make_drafts(rooms, &caller, vault, vec![draft], &request_id)
    }
}

impl KeyExport for CopyObject {}

fn check_copyable(face: &Face) -> Result<()> {
    match face.attributes.get(&ck::CKA_COPYABLE).is_some_and(|flag| flag[..] == [0]) {
        true => Err(Error::new(ErrorCode::ActionProhibited, "the object may not be copied")),
        false => Ok(()),
    }
}

/// CKA_PRIVATE of a copy: never less private than the original.
fn privacy(template: &mut Template, private: bool) -> Result<bool> {
    match template.flag(ck::CKA_PRIVATE)? {
        Some(false) if private => {
            Err(Error::new(ErrorCode::TemplateInconsistent, "a copy of a private object is private"))
        }
        Some(on) => Ok(on),
        None => Ok(private),
    }
}

fn copy_key(
    rooms: &Unsealed,
    version: &Version,
    class: u64,
    material: Zeroizing<Vec<u8>>,
    mut template: Template,
    token: bool,
) -> Result<KeyDraft> {
    let shown = {
        let view = rooms.keys.catalog.view();
        let stored = view.vault(version.vault).filter(|_| !version.is_session_object());
        stored.and_then(|vault| vault.face(version.id, class).map(|face| Face::clone(face)))
    };
    let shown = shown.or_else(|| face::of_version(version, "").into_iter().find(|face| face.class == class));
    let face = shown.ok_or_else(|| Error::key_not_found(&version.id.to_string()))?;
    check_copyable(&face)?;
    let original = &version.policy;
    // Of others no copy has ever wrapped a sensitive key.
    let copied = original.copied || original.is_home_grown() || original.ever_trusted;
    let mut policy = KeyPolicy { class, trusted: false, copied, ..original.clone() };
    if let Some(public) = &mut policy.public {
        public.trusted = false;
    }
    match (class, &mut policy.public) {
        (ck::CKO_PUBLIC_KEY, Some(public)) => public.private = privacy(&mut template, public.private)?,
        _ => policy.private = privacy(&mut template, policy.private)?,
    }
    key_change::apply(&mut policy, class, &mut template, None).map_err(|error| match error.code {
        // Of a copy it is the template that asks for too much, not the object that may not be changed.
        ErrorCode::ActionProhibited => Error { code: ErrorCode::TemplateInconsistent, ..error },
        _ => error,
    })?;
    let (given, rest) = template.split();
    // What the vault would call the original is said of the copy in so many words. Saying nothing is not said: a
    // nameless session key that becomes the vault's is labelled as the vault names it.
    let said = [ck::CKA_LABEL, ck::CKA_ID].into_iter().filter_map(|kind| {
        let value = face.attributes.get(&kind).filter(|value| !value.is_empty());
        value.map(|value| (kind, value.to_vec()))
    });
    let own = match class {
        ck::CKO_PUBLIC_KEY => &version.record.public_attributes,
        _ => &version.record.private_attributes,
    };
    let mut attributes: std::collections::BTreeMap<u64, Vec<u8>> = said.collect();
    attributes.extend(own.iter().map(|(kind, value)| (*kind, value.clone())));
    attributes.extend(given);
    let label = attributes.get(&ck::CKA_LABEL).map(|label| String::from_utf8_lossy(label).into_owned());
    let is_public = class == ck::CKO_PUBLIC_KEY;
    // What the vault keeps is a key of its own; a copy in a session ends with its original, and so do the copies of that.
    let copied_from = match (token || is_public, version.is_session_object()) {
        (true, _) => Vec::new(),
        (false, true) => version.record.copied_from.clone(),
        (false, false) => version.id.0.to_vec(),
    };
    let (private_attributes, public_attributes) =
        if is_public { (Default::default(), attributes) } else { (attributes.clone(), attributes) };
    let (rest, public_rest) = if is_public { (Template::default(), rest) } else { (rest, Template::default()) };
    Ok(KeyDraft {
        token,
        class,
        label: label.unwrap_or_default(),
        policy,
        material,
        public: version.public.clone(),
        pair: false,
        private_attributes,
        public_attributes,
        check_value: version.record.check_value.clone(),
        enabled: version.record.enabled,
        not_before: version.record.not_before,
        expires: version.record.expires,
        copied_from,
        rest,
        public_rest,
    })
}

/// What an object says of itself because it is where it is.
const OF_THE_PLACE: [u64; 4] = [ck::CKA_CLASS, ck::CKA_TOKEN, ck::CKA_UNIQUE_ID, ck::CKA_TRUSTED];

fn copy_other(
    record: &ObjectRecord,
    value: Zeroizing<Vec<u8>>,
    mut template: Template,
    token: bool,
) -> Result<OtherDraft> {
    let face = face::of_object(Id::from_bytes(&record.id)?, record)
        .ok_or_else(|| Error::key_not_found("the hidden object"))?;
    check_copyable(&face)?;
    let private = privacy(&mut template, face.private)?;
    let mut copy =
        ObjectRecord { class: record.class, attributes: record.attributes.clone(), ..ObjectRecord::default() };
    OF_THE_PLACE.iter().for_each(|kind| drop(copy.attributes.remove(kind)));
    for kind in [ck::CKA_MODIFIABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE] {
        if let Some(on) = template.flag(kind)? {
            copy.attributes.insert(kind, vec![u8::from(on)]);
        }
    }
    copy.attributes.insert(ck::CKA_PRIVATE, vec![u8::from(private)]);
    let (given, rest) = template.split();
    rest.check_against(&face)?;
    copy.attributes.extend(given);
    let hides_value = record.class == ck::CKO_DATA && private;
    let value = match hides_value {
        true => {
            copy.attributes.remove(&ck::CKA_VALUE);
            value
        }
        false => Zeroizing::default(),
    };
    Ok(OtherDraft::of_record(&copy, value, token))
}

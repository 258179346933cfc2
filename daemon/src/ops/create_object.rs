//! C_CreateObject: certificates, data, public keys, and (where the vault's profile lets them in in the clear) private and secret keys.

use cryptoki_sys as ck;
use softkeep_proto::{algorithm::KeyType, pkcs11::v1};

use super::{
    Audited, Operation,
    find_objects::Found,
    names,
    new_object::{self, NewObject, OtherDraft},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

mod private_key;
mod public_key;
mod secret_key;

/// An object to be made.
pub struct CreateObject {
    vault: Id,
    class: u64,
    label: String,
    permission: Permission,
    audited: Audited,
    template: Template,
    request_id: String,
}

impl CreateObject {
    /// Checks the form of what the application brings. Its numbers are worked on in [`Operation::run`]: that takes long, and not everybody
    /// may ask for it.
    pub fn parse(vault: Id, request: v1::CreateObject) -> Result<Self> {
        let template = Template::parse(request.template)?;
        let class = template.peek_number(ck::CKA_CLASS)?;
        let class = class.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_CLASS is missing"))?;
        let label = template.text(ck::CKA_LABEL);
        let to_keep = match class {
            ck::CKO_PRIVATE_KEY | ck::CKO_SECRET_KEY => Permission::Import,
            _ => new_object::kept_other(class, template.peek_flag(ck::CKA_PRIVATE)?.unwrap_or(false)),
        };
        let permission = new_object::permission(&template, class, to_keep);
        let audited = new_object::audited(&template);
        let request_id = names::request_id(&request.request_id)?;
        Ok(Self { vault, class, label, permission, audited, template, request_id })
    }
}

fn read(class: u64, template: Template) -> Result<NewObject> {
    Ok(match class {
        ck::CKO_CERTIFICATE => NewObject::Other(OtherDraft::certificate(template)?),
        ck::CKO_DATA => NewObject::Other(OtherDraft::data(template)?),
        ck::CKO_PUBLIC_KEY => NewObject::Key(public_key::read(template)?),
        ck::CKO_PRIVATE_KEY => NewObject::Key(private_key::read(template)?),
        ck::CKO_SECRET_KEY => NewObject::Key(secret_key::read(template)?),
        _ => {
            let cannot = format!("objects of class {class} cannot be written");
            return Err(Error::new(ErrorCode::AttributeInvalid, cannot));
        }
    })
}

impl Operation for CreateObject {
    const NAME: &'static str = "object.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.label.clone()))
    }

    fn permission(&self) -> Permission {
        self.permission
    }

    fn audited(&self) -> Audited {
        self.audited
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let caller = grant.caller().clone();
        let operation = grant.into_operation();
        let object = read(operation.class, operation.template)?;
        // The backend that will use the key checks it too: that its numbers belong together and are large enough.
        if let NewObject::Key(key) = &object {
            match (operation.class, &key.public) {
                (ck::CKO_PRIVATE_KEY, _) => drop(rooms.keys.backend.open(&key.material)?),
                (_, Some(public)) if matches!(key.key_type, KeyType::Rsa(_)) => {
                    drop(rooms.keys.backend.open_public(&public.spki_der)?);
                }
                _ => {}
            }
        }
        new_object::make(rooms, &caller, operation.vault, vec![object], &operation.request_id)
    }
}

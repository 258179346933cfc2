//! C_CreateObject of what is no secret: certificates and public keys. Private keys come by import, wrapped.

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1;

use super::{Audited, Operation, find_objects::Found, generate_key_pair, names, template::Template};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::{Vault, Version},
        face,
        ledger::Entry,
        record::{ObjectRecord, VersionRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// An object to be kept.
pub struct CreateObject {
    vault: Id,
    class: u64,
    label: String,
    attributes: std::collections::BTreeMap<u64, Vec<u8>>,
    request_id: String,
}

impl CreateObject {
    /// Checks what the application brings.
    pub fn parse(vault: Id, request: v1::CreateObject) -> Result<Self> {
        let mut template = Template::parse(request.template)?;
        let class = template.number(ck::CKA_CLASS)?;
        let class = class.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_CLASS is missing"))?;
        let label = template.text(ck::CKA_LABEL);
        let request_id: String = request.request_id.iter().map(|byte| format!("{byte:02x}")).collect();
        names::check_request_id(&request_id)?;
        template.require_token_object()?;
        template.only_flag(ck::CKA_TRUSTED, false)?;
        template.only_flag(ck::CKA_MODIFIABLE, true)?;
        template.only_flag(ck::CKA_DESTROYABLE, true)?;
        template.flag(ck::CKA_COPYABLE)?;
        let attributes = match class {
            ck::CKO_CERTIFICATE => certificate(template)?,
            _ => {
                return Err(Error::new(
                    ErrorCode::NotSupported,
                    format!("objects of class {class} cannot be written here yet"),
                ));
            }
        };
        Ok(Self { vault, class, label, attributes, request_id })
    }
}

fn certificate(mut template: Template) -> Result<std::collections::BTreeMap<u64, Vec<u8>>> {
    template.only_number(ck::CKA_CERTIFICATE_TYPE, ck::CKC_X_509)?;
    let private = template.flag(ck::CKA_PRIVATE)?.unwrap_or(false);
    let der = template
        .bytes(ck::CKA_VALUE)
        .ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_VALUE is missing"))?;
    if face::certificate_names(&der).is_none() {
        return Err(Error::new(ErrorCode::AttributeInvalid, "CKA_VALUE is no X.509 certificate"));
    }
    template.bytes(ck::CKA_CHECK_VALUE);
    template.bytes(ck::CKA_PUBLIC_KEY_INFO);
    let mut attributes = template.into_descriptive()?;
    attributes.insert(ck::CKA_VALUE, der);
    attributes.insert(ck::CKA_PRIVATE, vec![u8::from(private)]);
    Ok(attributes)
}

/// Keys whose self-signed certificate is no longer needed, now that a real one for that public key or CKA_ID is there.
fn superseded(vault: &Vault, attributes: &std::collections::BTreeMap<u64, Vec<u8>>) -> Vec<VersionRecord> {
    let value = attributes.get(&ck::CKA_VALUE).map(Vec::as_slice).unwrap_or_default();
    let names = face::certificate_names(value);
    let public = names
        .and_then(|names| names.into_iter().find(|(kind, _)| *kind == ck::CKA_PUBLIC_KEY_INFO))
        .map(|(_, value)| value);
    let id = attributes.get(&ck::CKA_ID).filter(|id| !id.is_empty());
    let published = vault.find(&[], |face| {
        let same = |kind, value: &[u8]| face.attributes.get(&kind).is_some_and(|found| found == value);
        face.class == ck::CKO_CERTIFICATE
            && (public.as_ref().is_some_and(|public| same(ck::CKA_PUBLIC_KEY_INFO, public))
                || id.is_some_and(|id| same(ck::CKA_ID, id)))
    });
    let versions = published.iter().filter_map(|face| vault.version(face.unique_id));
    versions.map(|version| VersionRecord { certificate_der: Vec::new(), ..version.record.clone() }).collect()
}

impl Operation for CreateObject {
    const NAME: &'static str = "object.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.label.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.into_operation();
        let keys = &rooms.keys;
        let id = keys.write(|counters| {
            let view = keys.catalog.view();
            let vault =
                view.vault(operation.vault).ok_or_else(|| Error::vault_not_found(&operation.vault.to_string()))?;
            if let Some(made) = vault.made_by(&operation.request_id) {
                return Ok((vec![], made));
            }
            let id = Id::random()?;
            let mut entries: Vec<_> = superseded(vault, &operation.attributes)
                .iter()
                .map(|record| Ok(Entry::put(row::version(vault.id, Id::from_bytes(&record.id)?), record)))
                .collect::<Result<_>>()?;
            let record = ObjectRecord {
                id: id.0.to_vec(),
                class: operation.class,
                ordinal: counters.take_ordinal(),
                attributes: operation.attributes,
                hidden: false,
                request_id: operation.request_id,
            };
            entries.push(Entry::put(row::object(vault.id, id), &record));
            Ok((entries, id))
        })?;
        generate_key_pair::show(rooms, operation.vault, id)
    }
}

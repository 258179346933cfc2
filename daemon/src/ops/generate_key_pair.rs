//! C_GenerateKeyPair: a new key whose halves carry what the application's templates say.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Curve, KeyOperation, KeyType},
    pkcs11::v1,
};

use super::{
    Audited, Operation,
    find_objects::Found,
    new_version::{self, Material, Naming, Wishes},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, record::Ops},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A pair to be made.
pub struct GenerateKeyPair {
    vault: Id,
    key_type: KeyType,
    label: String,
    wishes: Wishes,
}

impl GenerateKeyPair {
    /// Checks what the application asks for.
    pub fn parse(vault: Id, request: v1::GenerateKeyPair) -> Result<Self> {
        let mut public = Template::parse(request.public_template)?;
        let mut private = Template::parse(request.private_template)?;
        let mechanism = request.mechanism.map_or(0, |mechanism| mechanism.r#type);
        let key_type = key_type(mechanism, &mut public)?;
        let ck_type = match key_type {
            KeyType::Rsa(_) => ck::CKK_RSA,
            KeyType::Ec(_) => ck::CKK_EC,
        };
        for (template, class) in [(&mut public, ck::CKO_PUBLIC_KEY), (&mut private, ck::CKO_PRIVATE_KEY)] {
            template.only_number(ck::CKA_CLASS, class)?;
            template.only_number(ck::CKA_KEY_TYPE, ck_type)?;
        }
        // The public half goes with the private one, whatever the application says of it.
        private.require_token_object()?;
        public.flag(ck::CKA_TOKEN)?;
        let mut wishes = Wishes { ops: ops(key_type, &mut public, &mut private)?, ..Wishes::default() };
        wishes.sensitive = private.flag(ck::CKA_SENSITIVE)?.unwrap_or(true);
        wishes.extractable = private.flag(ck::CKA_EXTRACTABLE)?.unwrap_or(false);
        wishes.allowed_mechanisms = private.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
        refuse_unkept(&mut public, &mut private)?;
        let label =
            [private.text(ck::CKA_LABEL), public.text(ck::CKA_LABEL)].into_iter().find(|label| !label.is_empty());
        wishes.request_id = request.request_id.iter().map(|byte| format!("{byte:02x}")).collect();
        super::names::check_request_id(&wishes.request_id)?;
        wishes.private_attributes = private.into_descriptive()?;
        wishes.public_attributes = public.into_descriptive()?;
        Ok(Self { vault, key_type, label: label.unwrap_or_default(), wishes })
    }
}

/// The key's type from the mechanism and the public template (PKCS#11 3.2 sections 6.1.4 and 6.3.10).
fn key_type(mechanism: u64, public: &mut Template) -> Result<KeyType> {
    let invalid = |what: &str| Error::new(ErrorCode::AttributeInvalid, what);
    match mechanism {
        ck::CKM_RSA_PKCS_KEY_PAIR_GEN => {
            let bits = public.number(ck::CKA_MODULUS_BITS)?;
            let bits = bits.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_MODULUS_BITS is missing"))?;
            if let Some(exponent) = public.bytes(ck::CKA_PUBLIC_EXPONENT) {
                let significant: Vec<u8> = exponent.into_iter().skip_while(|byte| *byte == 0).collect();
                if significant != [1, 0, 1] {
                    return Err(invalid("the public exponent is 65537"));
                }
            }
            let bits = u32::try_from(bits).unwrap_or(u32::MAX);
            new_version::parse_key_type("RSA", bits.max(1), "").map(|(key_type, _)| key_type).map_err(|error| {
                // A size out of range has its own code in PKCS#11.
                Error::new(ErrorCode::KeyTooWeak, error.detail)
            })
        }
        ck::CKM_EC_KEY_PAIR_GEN => {
            let params = public.bytes(ck::CKA_EC_PARAMS);
            let params = params.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_EC_PARAMS is missing"))?;
            let curve =
                Curve::ALL.into_iter().find(|curve| curve.oid_der() == params || printable_name(*curve) == params);
            curve.map(KeyType::Ec).ok_or_else(|| invalid("the curve is P-256, P-384 or P-521"))
        }
        _ => Err(Error::new(
            ErrorCode::UnsupportedAlgorithm,
            format!("mechanism 0x{mechanism:x} makes no key pair here"),
        )),
    }
}

/// CKA_EC_PARAMS may name the curve in a PrintableString (PKCS#11 3.2 section 6.3.3).
fn printable_name(curve: Curve) -> Vec<u8> {
    let name = match curve {
        Curve::P256 => "secp256r1",
        Curve::P384 => "secp384r1",
        Curve::P521 => "secp521r1",
    };
    [&[0x13, u8::try_from(name.len()).unwrap_or(0)], name.as_bytes()].concat()
}

/// What the key may do: as the templates say; where they are silent, what real programs expect of a new key.
fn ops(key_type: KeyType, public: &mut Template, private: &mut Template) -> Result<Ops> {
    let mut ops = Ops::all(&KeyOperation::defaults(key_type));
    // Key Vault's unwrapKey returns plaintext; CKA_UNWRAP never grants it.
    ops = ops.with(Ops::of(KeyOperation::UnwrapKey), false);
    for (attribute, operation) in [
        (ck::CKA_SIGN, Ops::of(KeyOperation::Sign)),
        (ck::CKA_DECRYPT, Ops::of(KeyOperation::Decrypt)),
        (ck::CKA_UNWRAP, Ops::UNWRAP_OBJECT),
        (ck::CKA_DERIVE, Ops::DERIVE),
    ] {
        ops = private.flag(attribute)?.map_or(ops, |on| ops.with(operation, on));
    }
    for (attribute, operation) in [
        (ck::CKA_VERIFY, Ops::of(KeyOperation::Verify)),
        (ck::CKA_ENCRYPT, Ops::of(KeyOperation::Encrypt)),
        (ck::CKA_WRAP, Ops::of(KeyOperation::WrapKey)),
    ] {
        ops = public.flag(attribute)?.map_or(ops, |on| ops.with(operation, on));
    }
    // An EC key neither encrypts nor wraps; programs that set every flag mean no harm.
    if let KeyType::Ec(_) = key_type {
        let impossible = [KeyOperation::Encrypt, KeyOperation::Decrypt, KeyOperation::WrapKey];
        ops = ops.with(Ops::all(&impossible), false).with(Ops::UNWRAP_OBJECT, false);
    }
    Ok(ops)
}

/// Attributes that are acceptable only as what they are anyway.
fn refuse_unkept(public: &mut Template, private: &mut Template) -> Result<()> {
    private.only_flag(ck::CKA_PRIVATE, true)?;
    public.flag(ck::CKA_PRIVATE)?;
    public.flag(ck::CKA_DERIVE)?;
    public.only_flag(ck::CKA_TRUSTED, false)?;
    private.only_flag(ck::CKA_WRAP_WITH_TRUSTED, false)?;
    private.only_flag(ck::CKA_ALWAYS_AUTHENTICATE, false)?;
    for template in [public, private] {
        template.only_flag(ck::CKA_SIGN_RECOVER, false)?;
        template.only_flag(ck::CKA_VERIFY_RECOVER, false)?;
        template.only_flag(ck::CKA_MODIFIABLE, true)?;
        template.only_flag(ck::CKA_DESTROYABLE, true)?;
        template.flag(ck::CKA_COPYABLE)?;
    }
    Ok(())
}

impl Operation for GenerateKeyPair {
    const NAME: &'static str = "key.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.label.clone()))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let operation = grant.into_operation();
        let material = Material { pkcs8_der: rooms.keys.backend.generate(operation.key_type)?, generated: true };
        let id =
            new_version::write(rooms, operation.vault, &Naming::After(operation.label), operation.wishes, material)?;
        show(rooms, operation.vault, id)
    }
}

/// The objects of one id, as they are now.
pub fn show(rooms: &Unsealed, vault: Id, id: Id) -> Result<Found> {
    let view = rooms.keys.catalog.view();
    let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
    let faces: Vec<Arc<_>> = vault.faces_of(id);
    Ok(Found { faces, revision: vault.revision, more: false })
}

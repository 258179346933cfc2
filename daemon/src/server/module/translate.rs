//! One request of the module as an operation of the pipeline, and its result as a reply.

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::{self, reply, request::Op};
use zeroize::Zeroizing;

use super::{super::grpc::access::serial, uses};
use crate::{
    audit::record::Door,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType},
    ops::{
        context_login::ContextLogin,
        copy_object::CopyObject,
        create_object::CreateObject,
        destroy_object::DestroyObject,
        find_objects::{FindObjects, Found},
        generate_key_pair::GenerateKeyPair,
        get_objects::GetObjects,
        init_token::InitToken,
        list_tokens::{ListTokens, TokenRow},
        login::Login,
        read_values::ReadValues,
        set_attributes::SetAttributes,
        set_pin::SetPin,
    },
    pipeline::Pipeline,
    policy::VaultName,
};

/// What new vaults are like when nobody says.
#[derive(Clone, Copy)]
pub struct Defaults {
    /// Whether they publish certificates.
    pub publish_certificates: bool,
}

/// Runs one request.
pub async fn run(
    pipeline: &Pipeline,
    caller: Caller,
    vault: Id,
    op: Option<Op>,
    defaults: Defaults,
) -> Result<reply::Result> {
    macro_rules! run {
        ($operation:expr) => {
            pipeline.run(caller, Door::Pkcs11, $operation).await?
        };
    }
    Ok(match op.ok_or_else(|| Error::new(ErrorCode::NotSupported, "the request is not known here"))? {
        Op::ListTokens(_) => reply::Result::ListTokens(tokens(run!(ListTokens))),
        Op::Login(login) => {
            let pin = Zeroizing::new(login.pin.to_vec());
            let token = run!(Login { vault, user_type: user_type(login.user_type)?, pin });
            reply::Result::Login(v1::LoginReply { login_token: token.into() })
        }
        Op::SetPin(set) => {
            let old_pin = (!set.old_pin.is_empty()).then(|| Zeroizing::new(set.old_pin.to_vec()));
            let new_pin = Zeroizing::new(set.new_pin.to_vec());
            let operation =
                SetPin { vault: VaultName::Id(vault), user_type: user_type(set.user_type)?, old_pin, new_pin };
            reply::Result::PinSet(v1::LoginReply { login_token: run!(operation).unwrap_or_default().into() })
        }
        Op::FindObjects(find) => {
            let after = find.after.map(|after| Ok::<_, Error>((Id::from_bytes(&after.unique_id)?, after.class)));
            let operation = FindObjects {
                vault,
                template: find.template,
                after: after.transpose()?,
                offset: find.offset as usize,
                limit: find.limit as usize,
            };
            reply::Result::Objects(objects(run!(operation)))
        }
        Op::GetObjects(get) => {
            let wanted = get
                .objects
                .iter()
                .map(|object| Ok((Id::from_bytes(&object.unique_id)?, object.class)))
                .collect::<Result<_>>()?;
            reply::Result::Objects(objects(run!(GetObjects { vault, objects: wanted })))
        }
        Op::Sign(request) => {
            let (signature, _) = run!(uses::sign(vault, request)?);
            reply::Result::Sign(v1::SignReply { signature: signature.into() })
        }
        Op::Verify(request) => {
            run!(uses::verify(vault, request)?);
            reply::Result::Verified(v1::VerifyReply {})
        }
        Op::UpdateMac(request) => {
            let mac_state = run!(uses::update_mac(vault, request)?).into();
            reply::Result::MacUpdated(v1::UpdateMacReply { mac_state })
        }
        Op::Encrypt(request) => {
            let ciphertext = run!(uses::encrypt(vault, request)?).into();
            reply::Result::Encrypted(v1::EncryptReply { ciphertext })
        }
        Op::Decrypt(request) => {
            let (plaintext, _) = run!(uses::decrypt(vault, request)?);
            reply::Result::Decrypt(v1::DecryptReply { plaintext: Bytes::copy_from_slice(&plaintext) })
        }
        Op::WrapKey(request) => {
            let wrapped = run!(uses::wrap_key(vault, request)?).into();
            reply::Result::Wrapped(v1::WrapKeyReply { wrapped })
        }
        Op::UnwrapKey(request) => reply::Result::Created(objects(run!(uses::unwrap_key(vault, request)?))),
        Op::DeriveKey(request) => reply::Result::Created(objects(run!(uses::derive_key(vault, request)?))),
        Op::EncapsulateKey(request) => {
            let (ciphertext, created) = run!(uses::encapsulate_key(vault, request)?);
            let created = Some(objects(created));
            reply::Result::Encapsulated(v1::EncapsulateKeyReply { ciphertext: ciphertext.into(), created })
        }
        Op::DecapsulateKey(request) => reply::Result::Created(objects(run!(uses::decapsulate_key(vault, request)?))),
        Op::GenerateKey(request) => reply::Result::Created(objects(run!(uses::generate_key(vault, request)?))),
        Op::GenerateKeyPair(request) => {
            reply::Result::Generated(objects(run!(GenerateKeyPair::parse(vault, request)?)))
        }
        Op::CreateObject(request) => reply::Result::Created(objects(run!(CreateObject::parse(vault, request)?))),
        Op::CopyObject(request) => {
            let object = uses::key(request.object)?;
            let operation = CopyObject::parse(vault, object, request.template, &request.request_id)?;
            reply::Result::Created(objects(run!(operation)))
        }
        Op::SetAttributes(request) => {
            let operation = SetAttributes::parse(vault, uses::key(request.object)?, request.template)?;
            reply::Result::AttributesSet(objects(run!(operation)))
        }
        Op::ReadValues(request) => {
            let operation = ReadValues::new(vault, uses::key(request.object)?, request.types)?;
            reply::Result::Values(v1::ReadValuesReply { attributes: run!(operation) })
        }
        Op::ContextLogin(request) => {
            let pin = Zeroizing::new(request.pin.to_vec());
            let one_time_grant = run!(ContextLogin { vault, key: uses::key(request.key)?, pin }).into();
            reply::Result::ContextLogin(v1::ContextLoginReply { one_time_grant })
        }
        Op::InitToken(request) => {
            // What a peer may do to vaults is its own right, whatever the program is logged in as.
            let peer = caller.peer().cloned().ok_or_else(|| Error::internal("a request of nobody's"))?;
            let operation = InitToken {
                vault: (vault != Id::default()).then_some(vault),
                so_pin: Zeroizing::new(request.so_pin.to_vec()),
                label: request.label,
                publish_certificates: defaults.publish_certificates,
            };
            let row = pipeline.run(Caller::Peer(peer), Door::Pkcs11, operation).await?;
            reply::Result::TokenInitialised(v1::InitTokenReply { token: Some(token(row)) })
        }
        Op::DestroyObject(request) => {
            let object = request.object.unwrap_or_default();
            let operation = DestroyObject { vault, id: Id::from_bytes(&object.unique_id)?, class: object.class };
            reply::Result::Destroyed(v1::DestroyObjectReply { revision: run!(operation) })
        }
    })
}

fn user_type(number: i32) -> Result<UserType> {
    match v1::UserType::try_from(number) {
        Ok(v1::UserType::So) => Ok(UserType::SecurityOfficer),
        Ok(v1::UserType::User) => Ok(UserType::User),
        _ => Err(Error::new(ErrorCode::InvalidArgument, "no such kind of user")),
    }
}

fn objects(found: Found) -> v1::ObjectsReply {
    v1::ObjectsReply {
        objects: found.faces.iter().map(|face| face.to_object()).collect(),
        revision: found.revision,
        more: found.more,
    }
}

fn tokens(rows: Vec<TokenRow>) -> v1::ListTokensReply {
    v1::ListTokensReply { tokens: rows.into_iter().map(token).collect() }
}

fn token(row: TokenRow) -> v1::TokenInfo {
    v1::TokenInfo {
        vault_id: row.id.map(|id| Bytes::copy_from_slice(&id.0)).unwrap_or_default(),
        slot_id: row.slot_id,
        label: row.label,
        serial: row.id.map(serial).unwrap_or_default(),
        user_pin_set: row.user_pin.is_set,
        so_pin_set: row.so_pin.is_set,
        revision: row.revision,
        user_pin_locked: row.user_pin.locked,
        so_pin_locked: row.so_pin.locked,
        min_pin_len: u32::try_from(row.min_pin_len).unwrap_or(u32::MAX),
        user_pin_count_low: row.user_pin.count_low,
    }
}

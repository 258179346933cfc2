//! C_GenerateKeyPair: a new key whose halves carry what the application's templates say.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{KeyType, MlDsaSet, MlKemSet},
    limits::{MAX_RSA_BITS, MIN_RSA_BITS, RSA_BITS_STEP},
    mechanism::{self, Family, Row},
    pkcs11::v1,
};
use zeroize::Zeroizing;

use super::{
    Audited, Operation,
    find_objects::Found,
    names,
    new_object::{self, NewKey, NewObject, Provenance},
    template::Template,
};
use crate::{
    crypto::dh,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, face},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A pair to be made.
pub struct GenerateKeyPair {
    vault: Id,
    row: &'static Row,
    kind: Kind,
    private: Template,
    public: Template,
    request_id: String,
}

/// What is made.
enum Kind {
    Of(KeyType),
    Dh { prime: Vec<u8>, base: Vec<u8>, private_bits: Option<u32> },
}

impl GenerateKeyPair {
    /// Checks what the application asks for.
    pub fn parse(vault: Id, request: v1::GenerateKeyPair) -> Result<Self> {
        let mut public = Template::parse(request.public_template)?;
        let mut private = Template::parse(request.private_template)?;
        let number = request.mechanism.map_or(0, |mechanism| mechanism.r#type);
        let row = mechanism::find(number).filter(|row| row.flags & ck::CKF_GENERATE_KEY_PAIR != 0);
        let row = row.ok_or_else(|| {
            Error::new(ErrorCode::UnsupportedAlgorithm, format!("mechanism 0x{number:x} makes no key pair here"))
        })?;
        let kind = kind(row.family, &mut public, &mut private)?;
        Ok(Self { vault, row, kind, private, public, request_id: names::request_id(&request.request_id)? })
    }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorCode::TemplateIncomplete, format!("{what} is missing"))
}

fn invalid(what: &str) -> Error {
    Error::new(ErrorCode::AttributeInvalid, what)
}

/// The key's type from the mechanism and the public template (PKCS#11 3.2 section 6). What names it may stand in the private template too.
fn kind(family: Family, public: &mut Template, private: &mut Template) -> Result<Kind> {
    Ok(match family {
        Family::RsaKeyPair => Kind::Of(rsa(public)?),
        Family::EcKeyPair => Kind::Of(curve(ck::CKK_EC, public, private)?),
        Family::EdwardsKeyPair => Kind::Of(curve(ck::CKK_EC_EDWARDS, public, private)?),
        Family::MontgomeryKeyPair => Kind::Of(curve(ck::CKK_EC_MONTGOMERY, public, private)?),
        Family::MlDsaKeyPair => {
            let number = parameter_set(public, private)?;
            let set = MlDsaSet::ALL.into_iter().find(|set| set.parameter_set() == number);
            Kind::Of(KeyType::MlDsa(set.ok_or_else(|| invalid("CKA_PARAMETER_SET is no parameter set of ML-DSA"))?))
        }
        Family::MlKemKeyPair => {
            let number = parameter_set(public, private)?;
            let set = MlKemSet::ALL.into_iter().find(|set| set.parameter_set() == number);
            Kind::Of(KeyType::MlKem(set.ok_or_else(|| invalid("CKA_PARAMETER_SET is no parameter set of ML-KEM"))?))
        }
        _ => {
            let (prime, base) = (public.bytes(ck::CKA_PRIME), public.bytes(ck::CKA_BASE));
            let (prime, base) = (prime.ok_or_else(|| missing("CKA_PRIME"))?, base.ok_or_else(|| missing("CKA_BASE"))?);
            let bits = private.number(ck::CKA_VALUE_BITS)?.map(|bits| u32::try_from(bits).unwrap_or(u32::MAX));
            Kind::Dh { prime, base, private_bits: bits }
        }
    })
}

fn rsa(public: &mut Template) -> Result<KeyType> {
    let bits = public.number(ck::CKA_MODULUS_BITS)?.ok_or_else(|| missing("CKA_MODULUS_BITS"))?;
    if let Some(exponent) = public.bytes(ck::CKA_PUBLIC_EXPONENT) {
        let significant: Vec<u8> = exponent.into_iter().skip_while(|byte| *byte == 0).collect();
        if significant != [1, 0, 1] {
            return Err(invalid("the public exponent is 65537"));
        }
    }
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    if (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) && bits.is_multiple_of(RSA_BITS_STEP) {
        return Ok(KeyType::Rsa(bits));
    }
    let range = format!("RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits in steps of {RSA_BITS_STEP}, not {bits}");
    Err(Error::new(ErrorCode::KeyTooWeak, range))
}

fn curve(key_type: u64, public: &mut Template, private: &mut Template) -> Result<KeyType> {
    let (own, other) = (public.bytes(ck::CKA_EC_PARAMS), private.bytes(ck::CKA_EC_PARAMS));
    let params = own.or(other).ok_or_else(|| missing("CKA_EC_PARAMS"))?;
    face::curve_of_params(key_type, &params).ok_or_else(|| invalid("CKA_EC_PARAMS names no curve that is known here"))
}

fn parameter_set(public: &mut Template, private: &mut Template) -> Result<u64> {
    let (own, other) = (public.number(ck::CKA_PARAMETER_SET)?, private.number(ck::CKA_PARAMETER_SET)?);
    if own.is_some() && other.is_some() && own != other {
        return Err(Error::new(ErrorCode::TemplateInconsistent, "the halves have two values of CKA_PARAMETER_SET"));
    }
    own.or(other).ok_or_else(|| missing("CKA_PARAMETER_SET"))
}

impl Operation for GenerateKeyPair {
    const NAME: &'static str = "key.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        let label = [&self.private, &self.public].map(|template| template.text(ck::CKA_LABEL));
        Place::Vault(VaultName::Id(self.vault), label.into_iter().find(|label| !label.is_empty()))
    }

    fn permission(&self) -> Permission {
        new_object::permission(&self.private, ck::CKO_PRIVATE_KEY, Self::PERMISSION)
    }

    fn audited(&self) -> Audited {
        new_object::audited(&self.private)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.row.name.into())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Generate
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let caller = grant.caller().clone();
        let GenerateKeyPair { vault, row, kind, private, public, request_id } = grant.into_operation();
        let material: Zeroizing<Vec<u8>> = match &kind {
            Kind::Of(key_type) => rooms.keys.backend.generate(*key_type)?,
            Kind::Dh { prime, base, private_bits } => dh::generate(prime, base, *private_bits)?,
        };
        let key = NewKey::pair(private, public, material, Provenance::generated(row.mechanism))?;
        new_object::make(rooms, &caller, vault, vec![NewObject::Key(key)], &request_id)
    }
}

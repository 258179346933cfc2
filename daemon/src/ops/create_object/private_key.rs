//! A private key in the clear, from its parts (PKCS#11 3.2 sections 6.1.3, 6.3.4 to 6.3.6, 6.4.3, 6.67 and 6.68).

use cryptoki_sys as ck;
use softkeep_proto::algorithm::KeyType;
use zeroize::Zeroizing;

use super::public_key::{curve, lattice};
use crate::{
    crypto::{
        key_info,
        key_parts::{self, PrivateParts, RsaValues},
    },
    error::{Error, ErrorCode, Result},
    ops::{
        new_object::{NewKey, Provenance},
        template::Template,
    },
};

/// Reads it.
pub(super) fn read(mut template: Template) -> Result<NewKey> {
    let number = template.peek_number(ck::CKA_KEY_TYPE)?;
    let number = number.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_KEY_TYPE is missing"))?;
    let pkcs8_der = match number {
        ck::CKK_RSA => rsa(&mut template)?,
        ck::CKK_EC | ck::CKK_EC_EDWARDS | ck::CKK_EC_MONTGOMERY => {
            let (curve, value) = (curve(number, &mut template)?, template.required(ck::CKA_VALUE)?);
            // Some programs put the public point beside the private value; it says nothing new.
            template.bytes(ck::CKA_EC_POINT);
            match curve {
                KeyType::Ec(curve) => key_parts::ec_pkcs8(curve, &value)?,
                KeyType::Edwards(curve) => key_parts::edwards_pkcs8(curve, &value)?,
                KeyType::Montgomery(curve) => key_parts::montgomery_pkcs8(curve, &value)?,
                _ => return Err(Error::internal("a curve that is none")),
            }
        }
        ck::CKK_DH => {
            let (p, g) = (template.required(ck::CKA_PRIME)?, template.required(ck::CKA_BASE)?);
            template.number(ck::CKA_VALUE_BITS)?;
            key_parts::dh_pkcs8(&p, &g, &template.required(ck::CKA_VALUE)?)?
        }
        ck::CKK_ML_DSA | ck::CKK_ML_KEM => lattice_key(number, &mut template)?,
        other => {
            let unknown = format!("key type 0x{other:x} is not known here");
            return Err(Error::new(ErrorCode::AttributeInvalid, unknown));
        }
    };
    if let Some(given) = template.bytes(ck::CKA_PUBLIC_KEY_INFO).filter(|given| !given.is_empty())
        && key_info::public_info(&given)? != key_info::public_info_of_private(&pkcs8_der)?
    {
        return Err(Error::new(ErrorCode::TemplateInconsistent, "CKA_PUBLIC_KEY_INFO is another key's"));
    }
    NewKey::private(template, pkcs8_der, Provenance::imported())
}

/// With the primes, with all of the Chinese remainders, or with neither: the rest is worked out.
fn rsa(template: &mut Template) -> Result<Zeroizing<Vec<u8>>> {
    let (n, d) = (template.required(ck::CKA_MODULUS)?, template.required(ck::CKA_PRIVATE_EXPONENT)?);
    let e = template.secret(ck::CKA_PUBLIC_EXPONENT);
    let (p, q) = (template.secret(ck::CKA_PRIME_1), template.secret(ck::CKA_PRIME_2));
    let (dp, dq) = (template.secret(ck::CKA_EXPONENT_1), template.secret(ck::CKA_EXPONENT_2));
    let qinv = template.secret(ck::CKA_COEFFICIENT);
    let e = e.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_PUBLIC_EXPONENT is missing"))?;
    let primes = p.as_deref().zip(q.as_deref());
    let crt = dp.as_deref().zip(dq.as_deref()).zip(qinv.as_deref()).filter(|_| primes.is_some());
    key_parts::rsa_pkcs8(RsaValues {
        n: &n,
        e: &e,
        d: &d,
        primes: primes.map(|(p, q)| (p.as_slice(), q.as_slice())),
        crt: crt.map(|((dp, dq), qinv)| (dp.as_slice(), dq.as_slice(), qinv.as_slice())),
    })
}

/// From the seed where it is given, which says all; the expanded key beside it must be the seed's.
fn lattice_key(number: u64, template: &mut Template) -> Result<Zeroizing<Vec<u8>>> {
    let key_type = lattice(number, template)?;
    let present = |value: &Zeroizing<Vec<u8>>| !value.is_empty();
    let seed = template.secret(ck::CKA_SEED).filter(present);
    let value = template.secret(ck::CKA_VALUE).filter(present);
    let build = |value: &[u8]| match key_type {
        KeyType::MlDsa(set) => key_parts::ml_dsa_pkcs8(set, value),
        KeyType::MlKem(set) => key_parts::ml_kem_pkcs8(set, value),
        _ => Err(Error::internal("a parameter set that is none")),
    };
    match (seed, value) {
        (Some(seed), value) => {
            let pkcs8_der = build(&seed)?;
            let expanded = match key_parts::parts_of(&pkcs8_der)? {
                PrivateParts::MlDsa(_, _, expanded) | PrivateParts::MlKem(_, _, expanded) => expanded,
                _ => return Err(Error::internal("a lattice key that is none")),
            };
            if value.is_some_and(|value| value != expanded) {
                return Err(Error::new(ErrorCode::TemplateInconsistent, "CKA_SEED and CKA_VALUE are of two keys"));
            }
            Ok(pkcs8_der)
        }
        (None, Some(value)) => build(&value),
        (None, None) => Err(Error::new(ErrorCode::TemplateIncomplete, "CKA_SEED or CKA_VALUE is missing")),
    }
}

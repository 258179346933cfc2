//! Somebody's public key from its parts (PKCS#11 3.2 sections 6.1.2, 6.3.3 to 6.3.5, 6.4.2, 6.67 and 6.68).

use cryptoki_sys as ck;
use der::{Decode, asn1::OctetString};
use softkeep_proto::algorithm::{KeyType, MlDsaSet, MlKemSet};

use crate::{
    crypto::{key_info, key_parts},
    error::{Error, ErrorCode, Result},
    keys::face,
    ops::{new_object::NewKey, template::Template},
};

/// Reads it.
pub(super) fn read(mut template: Template) -> Result<NewKey> {
    let number = template.number(ck::CKA_KEY_TYPE)?;
    let number = number.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_KEY_TYPE is missing"))?;
    let spki_der = spki(number, &mut template)?;
    let info = key_info::public_info(&spki_der)?;
    // What the application calls the whole of it must be that, in whatever encoding.
    if let Some(given) = template.bytes(ck::CKA_PUBLIC_KEY_INFO).filter(|given| !given.is_empty())
        && key_info::public_info(&given)? != info
    {
        return Err(Error::new(ErrorCode::TemplateInconsistent, "CKA_PUBLIC_KEY_INFO is another key's"));
    }
    Ok(NewKey::public(template, info))
}

fn spki(key_type: u64, template: &mut Template) -> Result<Vec<u8>> {
    match key_type {
        ck::CKK_RSA => {
            let (n, e) = (template.required(ck::CKA_MODULUS)?, template.required(ck::CKA_PUBLIC_EXPONENT)?);
            key_parts::rsa_spki(&n, &e)
        }
        ck::CKK_EC | ck::CKK_EC_EDWARDS | ck::CKK_EC_MONTGOMERY => {
            let (curve, point) = (curve(key_type, template)?, template.required(ck::CKA_EC_POINT)?);
            match curve {
                KeyType::Ec(curve) => key_parts::ec_spki(curve, &bare(&point, 1 + 2 * curve.width_bytes())),
                KeyType::Edwards(edwards) => key_parts::raw_spki(curve, &bare(&point, edwards.key_bytes())),
                KeyType::Montgomery(montgomery) => key_parts::raw_spki(curve, &bare(&point, montgomery.key_bytes())),
                _ => Err(Error::internal("a curve that is none")),
            }
        }
        ck::CKK_DH => {
            let (p, g) = (template.required(ck::CKA_PRIME)?, template.required(ck::CKA_BASE)?);
            key_parts::dh_spki(&p, &g, &template.required(ck::CKA_VALUE)?)
        }
        ck::CKK_ML_DSA | ck::CKK_ML_KEM => {
            let key_type = lattice(key_type, template)?;
            key_parts::raw_spki(key_type, &template.required(ck::CKA_VALUE)?)
        }
        other => Err(Error::new(ErrorCode::AttributeInvalid, format!("key type 0x{other:x} is not known here"))),
    }
}

/// The curve that CKA_EC_PARAMS names.
pub(super) fn curve(key_type: u64, template: &mut Template) -> Result<KeyType> {
    let params = template.required(ck::CKA_EC_PARAMS)?;
    face::curve_of_params(key_type, &params)
        .ok_or_else(|| Error::new(ErrorCode::AttributeInvalid, "CKA_EC_PARAMS names no curve that is known here"))
}

/// The parameter set that CKA_PARAMETER_SET names.
pub(super) fn lattice(key_type: u64, template: &mut Template) -> Result<KeyType> {
    let number = template.number(ck::CKA_PARAMETER_SET)?;
    let number = number.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_PARAMETER_SET is missing"))?;
    let set = match key_type {
        ck::CKK_ML_DSA => MlDsaSet::ALL.into_iter().find(|set| set.parameter_set() == number).map(KeyType::MlDsa),
        _ => MlKemSet::ALL.into_iter().find(|set| set.parameter_set() == number).map(KeyType::MlKem),
    };
    set.ok_or_else(|| Error::new(ErrorCode::AttributeInvalid, "CKA_PARAMETER_SET is none of this key type's"))
}

/// The point itself: programs give it in a DER OCTET STRING, as PKCS#11 says, or bare. An uncompressed point begins with the tag of an OCTET
/// STRING, so it is its length that tells them apart.
fn bare(given: &[u8], bare_len: usize) -> Vec<u8> {
    if given.len() == bare_len {
        return given.to_vec();
    }
    OctetString::from_der(given).map_or_else(|_| given.to_vec(), |octets| octets.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_point_that_looks_like_der_is_bare() {
        // One point in 256 has an x that begins with its own length.
        let mut point = vec![7; 65];
        point[..2].copy_from_slice(&[4, 63]);
        assert_eq!(bare(&point, 65), point);
        let wrapped = [&[4, 65], &point[..]].concat();
        assert_eq!(bare(&wrapped, 65), point);
        let compressed = [&[2], &[9; 32][..]].concat();
        assert_eq!(bare(&compressed, 65), compressed);
        assert_eq!(bare(&[&[4, 33], &compressed[..]].concat(), 65), compressed);
    }
}

//! C_GenerateKey: a new secret key.

use std::borrow::Cow;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Hash, KeyType},
    mechanism::{self, Family, Row, hmac_key_type},
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
    crypto::kdf,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{catalog::Version, face::number},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    workers::Lane,
};

/// A key to be made.
pub struct GenerateKey {
    vault: Id,
    row: &'static Row,
    length: usize,
    password: Option<Password>,
    template: Template,
    request_id: String,
}

/// What CKM_PKCS5_PBKD2 makes a key of.
pub struct Password {
    /// The hash of its HMAC.
    pub hash: Hash,
    /// The password.
    pub password: Zeroizing<Vec<u8>>,
    /// Not secret.
    pub salt: Vec<u8>,
    /// How often.
    pub iterations: u32,
}

/// All the rounds of one CKM_PKCS5_PBKD2: what is in use is below a million, and so many take some ten seconds, which nobody can end.
pub const MAX_PBKDF2_ROUNDS: u64 = 20_000_000;

impl Password {
    /// Each block of the hash's length takes all iterations anew (RFC 8018 section 5.2).
    fn check_work(&self, key_bytes: usize) -> Result<()> {
        let rounds = u64::from(self.iterations).saturating_mul(key_bytes.div_ceil(self.hash.len()) as u64);
        if rounds <= MAX_PBKDF2_ROUNDS {
            return Ok(());
        }
        let detail =
            format!("so long a key of so many iterations takes {rounds} rounds; {MAX_PBKDF2_ROUNDS} are the limit");
        Err(Error::new(ErrorCode::InvalidParameters, detail))
    }
}

impl GenerateKey {
    /// Checks what the application asks for. `password` is the parameter of CKM_PKCS5_PBKD2, which needs one.
    pub fn parse(vault: Id, request: v1::GenerateKey, password: Option<Password>) -> Result<Self> {
        let mut template = Template::parse(request.template)?;
        let number = request.mechanism.map_or(0, |mechanism| mechanism.r#type);
        let row = mechanism::find(number).filter(|row| row.flags & ck::CKF_GENERATE != 0);
        let row = row.ok_or_else(|| {
            Error::new(ErrorCode::UnsupportedAlgorithm, format!("mechanism 0x{number:x} makes no secret key here"))
        })?;
        if (row.family == Family::Pbkdf2) != password.is_some() {
            return Err(Error::new(ErrorCode::InvalidParameters, "the mechanism's parameter is missing or another's"));
        }
        template.only_number(ck::CKA_CLASS, ck::CKO_SECRET_KEY)?;
        set_key_type(row, &mut template)?;
        let length = new_object::secret_len(&template)?.or_else(|| usual_len(row));
        let length = length.ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, "CKA_VALUE_LEN is missing"))?;
        password.as_ref().map_or(Ok(()), |password| password.check_work(length))?;
        let request_id = names::request_id(&request.request_id)?;
        Ok(Self { vault, row, length, password, template, request_id })
    }
}

/// The type that the mechanism makes; what the template says of it must agree.
fn set_key_type(row: &Row, template: &mut Template) -> Result<()> {
    let generic = [ck::CKK_GENERIC_SECRET];
    let possible: Vec<u64> = match row.family {
        Family::AesKey => vec![ck::CKK_AES],
        Family::ChaCha20Key => vec![ck::CKK_CHACHA20],
        Family::HmacKey => row.hash.map(hmac_key_type).into_iter().chain(generic).collect(),
        Family::HkdfKey => vec![ck::CKK_HKDF],
        // A password's key is of the type that the template says.
        Family::Pbkdf2 => return Ok(()),
        // Of CKM_GENERIC_SECRET_KEY_GEN programs ask HMAC keys too.
        _ => generic.into_iter().chain(Hash::ALL.map(hmac_key_type)).chain([ck::CKK_HKDF]).collect(),
    };
    match template.peek_number(ck::CKA_KEY_TYPE)? {
        Some(key_type) if !possible.contains(&key_type) => {
            Err(Error::new(ErrorCode::TemplateInconsistent, format!("{} makes no such key type", row.name)))
        }
        Some(_) => Ok(()),
        None => {
            let key_type = possible.first().copied().unwrap_or(ck::CKK_GENERIC_SECRET);
            template.set(ck::CKA_KEY_TYPE, number(key_type).to_vec());
            Ok(())
        }
    }
}

/// What a key of this mechanism has when the template does not say: HMAC keys as much as the hash, as RFC 2104 section 3 advises.
fn usual_len(row: &Row) -> Option<usize> {
    match row.family {
        Family::HmacKey | Family::HkdfKey => row.hash.map(Hash::len).or(Some(32)),
        _ => None,
    }
}

impl Operation for GenerateKey {
    const NAME: &'static str = "key.create";
    const PERMISSION: Permission = Permission::Create;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Found;

    fn place(&self) -> Place {
        Place::Vault(VaultName::Id(self.vault), Some(self.template.text(ck::CKA_LABEL)))
    }

    fn permission(&self) -> Permission {
        new_object::permission(&self.template, ck::CKO_SECRET_KEY, Self::PERMISSION)
    }

    fn audited(&self) -> Audited {
        new_object::audited(&self.template)
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        Some(self.row.name.into())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        if self.password.is_some() { Lane::Generate } else { Lane::Store }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Found> {
        let caller = grant.caller().clone();
        let GenerateKey { vault, row, length, password, template, request_id } = grant.into_operation();
        let (value, provenance) = match &password {
            Some(Password { hash, password, salt, iterations }) => {
                // Whoever knows the password has the key, so it was not always secret.
                let provenance = Provenance {
                    always_sensitive: false,
                    never_extractable: false,
                    ..Provenance::generated(row.mechanism)
                };
                (kdf::pbkdf2(*hash, password, salt, *iterations, length)?, provenance)
            }
            None => {
                let kind = new_object::secret_kind(&template)?;
                let bytes = u32::try_from(length).map_err(Error::internal)?;
                (rooms.keys.backend.generate(KeyType::Secret(kind, bytes))?, Provenance::generated(row.mechanism))
            }
        };
        let key = NewKey::secret(template, value, provenance)?;
        new_object::make(rooms, &caller, vault, vec![NewObject::Key(key)], &request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 13 blocks of SHA-1 for 256 bytes.
    #[test]
    fn a_long_key_of_a_password_takes_its_iterations_for_each_block() {
        let work = |iterations, key_bytes| {
            let password = Password { hash: Hash::Sha1, password: Zeroizing::default(), salt: Vec::new(), iterations };
            password.check_work(key_bytes).map_err(|error| error.code)
        };
        assert_eq!((work(20_000_000, 20), work(20_000_000, 21)), (Ok(()), Err(ErrorCode::InvalidParameters)));
        assert_eq!((work(1_500_000, 256), work(1_600_000, 256)), (Ok(()), Err(ErrorCode::InvalidParameters)));
        assert!(work(u32::MAX, usize::MAX).is_err());
    }
}

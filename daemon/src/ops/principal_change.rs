//! What the verbs that make and change users and service principals have in common.

use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use der::Decode;
use softkeep_proto::limits::MAX_PIN_BYTES;
use zeroize::Zeroizing;

use crate::{
    clock, crypto,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        ledger::Entry,
        record::{CredentialRecord, PrincipalRecord, row},
    },
    pins,
    pipeline::Unsealed,
    policy::principals::{self, Who},
};

const MAX_USER_NAME_BYTES: usize = 64;
const MAX_DISPLAY_NAME_BYTES: usize = 256;
/// Shorter ones are guessed; dev mode's and those given to `softkeepd init` are the operator's affair.
const MIN_PASSWORD_BYTES: usize = 8;
/// Each is checked at every sign-in.
const MAX_CREDENTIALS: usize = 10;
/// The largest certificate: a large RSA key and a long list of names.
const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;
/// How much of a secret that was made here is kept to tell it from others; Azure keeps as much. Of one that somebody chose, nothing is.
const HINT_CHARS: usize = 3;
/// How long a service principal's secret or certificate is good if nobody says so.
const YEAR_SECONDS: i64 = 365 * 24 * 3600;

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, what)
}

/// A user's name: what nobody can take for an object id, a peer or a PIN user.
pub fn check_user_name(name: &str) -> Result<()> {
    let legal = (1..=MAX_USER_NAME_BYTES).contains(&name.len())
        && name.chars().all(|character| !character.is_control() && !"/:\\\"".contains(character))
        && name.trim() == name
        && principals::parse_guid(name).is_err();
    if legal {
        return Ok(());
    }
    Err(invalid(format!(
        "a user name has 1 to {MAX_USER_NAME_BYTES} bytes without '/', ':' and quotes, and is no GUID"
    )))
}

/// What people see.
pub fn check_display_name(name: &str) -> Result<()> {
    if name.len() <= MAX_DISPLAY_NAME_BYTES && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(invalid(format!("a display name has at most {MAX_DISPLAY_NAME_BYTES} bytes and no control characters")))
}

/// A password that somebody chose.
pub fn check_password(password: &str) -> Result<()> {
    if (MIN_PASSWORD_BYTES..=MAX_PIN_BYTES).contains(&password.len()) {
        return Ok(());
    }
    Err(invalid(format!("a password has {MIN_PASSWORD_BYTES} to {MAX_PIN_BYTES} bytes")))
}

/// A certificate that service principals can sign in with.
pub fn check_certificate(der: &[u8]) -> Result<()> {
    if der.len() > MAX_CERTIFICATE_BYTES {
        return Err(invalid(format!("a certificate has at most {MAX_CERTIFICATE_BYTES} bytes")));
    }
    x509_cert::Certificate::from_der(der)
        .map(|_| ())
        .map_err(|cause| Error::new(ErrorCode::CertificateInvalid, "the certificate is no X.509 DER").because(cause))
}

/// A new random secret, 256 bits.
pub fn make_secret() -> Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    crypto::fill_random(&mut *bytes)?;
    Ok(Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes)))
}

/// A password or secret as it is kept.
pub fn password_credential(
    rooms: &Unsealed,
    password: &str,
    display_name: &str,
    expires: Option<i64>,
    with_hint: bool,
) -> Result<CredentialRecord> {
    let hint = if with_hint { password.chars().take(HINT_CHARS).collect() } else { String::new() };
    Ok(CredentialRecord {
        id: crate::identity::random_object_id()?.0.to_vec(),
        password: Some(pins::hash(password.as_bytes(), rooms.keys.root.pin_pepper(), 1)?),
        display_name: display_name.to_owned(),
        created: clock::now_seconds(),
        expires,
        hint,
        ..CredentialRecord::default()
    })
}

/// A certificate as it is kept.
pub fn certificate_credential(der: &[u8], display_name: &str, expires: Option<i64>) -> Result<CredentialRecord> {
    let hash = crypto::digest(softkeep_proto::algorithm::Hash::Sha256, der);
    Ok(CredentialRecord {
        id: crate::identity::random_object_id()?.0.to_vec(),
        certificate: der.to_vec(),
        display_name: display_name.to_owned(),
        created: clock::now_seconds(),
        expires,
        hint: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        ..CredentialRecord::default()
    })
}

/// When a service principal's credential ends.
pub fn expiry(asked: Option<i64>) -> Result<Option<i64>> {
    let now = clock::now_seconds();
    match asked {
        None => Ok(Some(now + YEAR_SECONDS)),
        Some(end) if end > now => Ok(Some(end)),
        Some(_) => Err(invalid("the credential would have expired already")),
    }
}

/// Adds a credential.
pub fn add(record: &mut PrincipalRecord, credential: CredentialRecord) -> Result<()> {
    if record.credentials.len() >= MAX_CREDENTIALS {
        return Err(invalid(format!("a principal has at most {MAX_CREDENTIALS} credentials; remove one first")));
    }
    record.credentials.push(credential);
    Ok(())
}

/// Changes a principal's record.
pub fn write(
    rooms: &Unsealed,
    name: &str,
    change: impl FnOnce(&mut PrincipalRecord) -> Result<()>,
) -> Result<Arc<PrincipalRecord>> {
    rooms.keys.write(|_| {
        let view = rooms.keys.catalog.view();
        let mut record = (*Who::find_stored(&view, name)?).clone();
        change(&mut record)?;
        let id = Id::from_bytes(&record.object_id)?;
        Ok((vec![Entry::put(row::principal(id), &record)], Arc::new(record)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_no_other_names() {
        for name in ["ada", "ada@example.com", "Ada Lovelace", "ädå"] {
            assert!(check_user_name(name).is_ok(), "{name}");
        }
        let guid = Id([1; 16]).guid();
        for name in ["", " ada", "ada\n", "a/b", "uid:0", "pin:user", &guid, &guid.replace('-', ""), &"a".repeat(65)] {
            assert!(check_user_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn made_secrets_are_long_and_never_the_same() {
        let (one, other) = (make_secret().unwrap(), make_secret().unwrap());
        assert!(one.len() == 43 && one != other && check_password(&one).is_ok());
    }
}

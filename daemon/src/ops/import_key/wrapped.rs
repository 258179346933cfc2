//! A key that comes in wrapped: which key unwraps it, whether that one may, and the receipt.

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{Hash, KeyOperation, KeyType},
    v1,
};

use super::ImportKey;
use crate::{
    audit::receipt::{MAX_RECEIPT_BYTES, Receipt},
    clock,
    crypto::{
        self,
        byok::{self, Dialect, Envelope, Kind, Target},
    },
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::Caller,
    keys::{
        catalog::{Vault, Version},
        ledger::Entry,
        record::{Ops, row},
    },
    ops::get_key::KeyView,
    pipeline::{Unsealed, audit_signer},
    policy::{Authorized, KeyName},
};

/// What a key for imports does, and all it does.
const IMPORT: Ops = Ops::of(KeyOperation::Import);

/// What a secret key does that RSA alone has hidden. It may be the AES key of the other layout, cut off from a blob whose rest it would
/// unwrap to bytes. That takes AES backwards, and these go forwards only.
const FORWARD: [u64; 7] = [
    ck::CKM_AES_GCM,
    ck::CKM_AES_CTR,
    ck::CKM_AES_CMAC,
    ck::CKM_AES_GMAC,
    ck::CKM_SHA256_HMAC,
    ck::CKM_SHA384_HMAC,
    ck::CKM_SHA512_HMAC,
];

/// A wrapped key as it came.
pub(super) struct Wrapped {
    envelope: Envelope,
    /// The key that unwraps it.
    pub(super) kek: KeyName,
    kind: Kind,
}

/// What came out.
pub(super) struct Unwrapped {
    pub(super) target: Target,
    /// CKA_ALLOWED_MECHANISMS; empty means all that fit.
    pub(super) allowed_mechanisms: Vec<u64>,
    pub(super) origin: Unwrapping,
}

/// How it came out, for the receipt.
pub(super) struct Unwrapping {
    pub(super) kek: Arc<Version>,
    dialect: Dialect,
    algorithm: String,
    kind: String,
}

impl Wrapped {
    /// Reads what can be read without a key.
    pub(super) fn parse(vault: &str, name: &str, wrapped: v1::WrappedKey) -> Result<Self> {
        let kind = Kind::parse(&wrapped.kty, &wrapped.curve)?;
        let envelope = byok::parse(&wrapped.blob, &wrapped.format, &wrapped.algorithm)?;
        let kek = find_kek(vault, &envelope, &wrapped)?;
        if matches!(&kek, KeyName::Named(kek, _) if kek.eq_ignore_ascii_case(name)) {
            let refusal = "a key is not imported under the name of the key that unwraps it";
            return Err(Error::new(ErrorCode::InvalidArgument, refusal));
        }
        Ok(Self { envelope, kek, kind })
    }

    /// Its dialect and, as far as it is known, algorithm.
    pub(super) fn announced(&self) -> String {
        format!("{}: {}", self.envelope.dialect.name(), self.envelope.announced())
    }

    /// Unwraps it with the key of the grant and reads what is inside.
    pub(super) fn open(&self, grant: &Authorized<ImportKey>, rooms: &Unsealed) -> Result<Unwrapped> {
        let kek = grant.other_version()?;
        let bits = check_kek(kek, &self.kek)?;
        let key = rooms.keys.open_other(grant)?;
        let opened = self.envelope.open(bits, key.private()?)?;
        let target = Target::of_unwrapped(opened.target, self.kind, &*rooms.keys.backend)?;
        let kind = match target.key_type {
            KeyType::Rsa(bits) => format!("RSA-{bits}"),
            KeyType::Secret(_, bytes) => format!("AES-{}", 8 * bytes),
            other => other.kind().to_owned(),
        };
        let (kek, dialect, algorithm) = (kek.clone(), self.envelope.dialect, opened.algorithm);
        let is_secret = matches!(target.key_type, KeyType::Secret(..));
        let allowed_mechanisms = if opened.is_direct && is_secret { FORWARD.to_vec() } else { Vec::new() };
        Ok(Unwrapped { target, allowed_mechanisms, origin: Unwrapping { kek, dialect, algorithm, kind } })
    }
}

/// The key that the file names and the one that the request names must be one. The file's host is not looked at beyond the vault's name:
/// the same vault has several hosts.
fn find_kek(vault: &str, envelope: &Envelope, wrapped: &v1::WrappedKey) -> Result<KeyName> {
    let invalid = |detail: String| Error::new(ErrorCode::InvalidArgument, detail);
    let told = Some(wrapped.kek_name.as_str()).filter(|name| !name.is_empty());
    let version = Some(wrapped.kek_version.to_ascii_lowercase()).filter(|version| !version.is_empty());
    let (name, version) = match (&envelope.kek, told) {
        (None, None) => return Err(invalid("the key that unwraps it is not named".into())),
        (None, Some(name)) => (name.to_owned(), version),
        (Some(kid), told) => {
            if let Some(other) = kid.vault.as_ref().filter(|named| !named.eq_ignore_ascii_case(vault)) {
                let refusal = format!("the transfer file was made for the vault '{other}', not for '{vault}'");
                return Err(invalid(refusal));
            }
            let other_name = told.is_some_and(|told| !told.eq_ignore_ascii_case(&kid.name));
            let other_version = version.is_some() && kid.version.is_some() && version != kid.version;
            if other_name || other_version {
                return Err(invalid(format!("the transfer file was made for another key, '{}'", kid.name)));
            }
            (kid.name.clone(), kid.version.clone().or(version))
        }
    };
    let version = match version {
        Some(version) => Some(Id::parse(&version).map_err(|_| Error::key_not_found(&format!("{name}/{version}")))?),
        None => None,
    };
    Ok(KeyName::Named(name, version))
}

/// Whether a key may unwrap imports: RSA, now, and nothing else ever. A key that decrypts, or once did, could undo the wrapping for
/// whoever may use it so. Whether it is enabled, the policy room has seen.
fn check_kek(kek: &Version, name: &KeyName) -> Result<u32> {
    let (KeyType::Rsa(bits), ck::CKO_PRIVATE_KEY) = (kek.key_type, kek.class()) else {
        return Err(Error::new(
            ErrorCode::KeyTypeMismatch,
            format!("the key '{name}' is no RSA key: it cannot unwrap"),
        ));
    };
    if kek.is_session_object() || kek.ops() != IMPORT || kek.policy.ever() != IMPORT {
        let refusal = format!("the key '{name}' is not one for imports: its operations must be 'import' alone, always");
        return Err(Error::new(ErrorCode::OperationNotPermitted, refusal));
    }
    if kek.record.expires.is_some_and(|end| clock::now_seconds() >= end) {
        return Err(Error::new(ErrorCode::KeyDisabled, format!("the key '{name}' for imports has expired")));
    }
    Ok(bits)
}

/// In the transaction of the import: the key that unwrapped must still be there and enabled, so that of two imports with a key for one
/// only one happens. Gives the row that disables such a key.
pub(super) fn spend(vault: &Vault, kek: &Version) -> Result<Option<Entry>> {
    let now = vault.version(kek.id).filter(|now| now.record.enabled && vault.key(&now.record.key).is_some());
    let Some(now) = now else {
        return Err(Error::new(ErrorCode::KeyDisabled, "the key for imports is disabled, or has been used by now"));
    };
    if !now.policy.single_use {
        return Ok(None);
    }
    let mut record = now.record.clone();
    record.enabled = false;
    record.updated = clock::now_seconds();
    Ok(Some(Entry::put(row::version(vault.id, kek.id), &record)))
}

impl Unwrapping {
    /// The receipt of the import that made this version.
    pub(super) fn receipt(&self, rooms: &Unsealed, caller: &Caller, key: &KeyView) -> Result<String> {
        let hash = |spki: &[u8]| hex(&crypto::digest(Hash::Sha256, spki));
        let public = &key.version.record.public_key_der;
        let receipt = Receipt {
            jti: Id::random()?.to_string(),
            iat: clock::now_seconds(),
            caller: caller.to_string(),
            oid: caller.object_id(rooms.keys.cluster).map(|id| id.to_string()).unwrap_or_default(),
            vault: key.vault.name.clone(),
            key: key.key.name.clone(),
            version: key.version.id.to_string(),
            kind: self.kind.clone(),
            spki_sha256: (!public.is_empty()).then(|| hash(public)),
            kek: format!("{}/{}", self.kek.record.key, self.kek.id),
            dialect: self.dialect.name().into(),
            algorithm: self.algorithm.clone(),
        };
        let jws = receipt.sign(&audit_signer(&rooms.keys.root)?);
        if jws.len() > MAX_RECEIPT_BYTES {
            return Err(Error::internal("a receipt that is too long"));
        }
        Ok(jws)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

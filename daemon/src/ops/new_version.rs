//! What creating, importing and generating a key have in common: the rows of a new version, with its key when that is new too.

use std::{collections::BTreeMap, sync::Arc};

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{Curve, Hash, KeyOperation, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::names;
use crate::{
    clock,
    crypto::{self, key_info, key_info::PublicInfo, self_signed},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::Vault,
        ledger::{Counters, Entry},
        record::{FORMAT, KeyPolicy, KeyRecord, Ops, VersionRecord, row},
    },
    pipeline::Unsealed,
};

/// What the caller wants of the new version's attributes.
#[derive(Clone, Default)]
pub struct Wishes {
    /// Key Vault's attributes.
    pub disabled: bool,
    /// Unix seconds.
    pub not_before: Option<i64>,
    /// Unix seconds.
    pub expires: Option<i64>,
    /// Key Vault's tags.
    pub tags: BTreeMap<String, String>,
    /// Shown as `-HSM`.
    pub hsm: bool,
    /// What the key may do.
    pub ops: Ops,
    /// CKA_EXTRACTABLE; Key Vault's keys never are.
    pub extractable: bool,
    /// CKA_SENSITIVE; Key Vault's keys always are.
    pub sensitive: bool,
    /// CKA_ALLOWED_MECHANISMS.
    pub allowed_mechanisms: Vec<u64>,
    /// What a PKCS#11 application said of each half.
    pub private_attributes: BTreeMap<u64, Vec<u8>>,
    /// See `private_attributes`.
    pub public_attributes: BTreeMap<u64, Vec<u8>>,
    /// Idempotency key.
    pub request_id: String,
}

impl Wishes {
    /// From Key Vault's words.
    pub fn parse(
        key_type: Option<KeyType>,
        key_ops: &[String],
        attributes: Option<softkeep_proto::v1::KeyAttributes>,
        hsm: bool,
        request_id: String,
    ) -> Result<Self> {
        names::check_request_id(&request_id)?;
        let attributes = attributes.unwrap_or_default();
        let tags: BTreeMap<_, _> = attributes.tags.into_iter().collect();
        names::check_tags(&tags)?;
        if let (Some(start), Some(end)) = (attributes.not_before, attributes.expires)
            && start >= end
        {
            return Err(Error::new(ErrorCode::InvalidArgument, "a key must begin to be valid before it expires"));
        }
        let mut ops = Vec::new();
        for name in key_ops {
            let unknown = || Error::new(ErrorCode::InvalidArgument, format!("unknown key operation '{name}'"));
            ops.push(KeyOperation::by_name(name).ok_or_else(unknown)?);
        }
        if ops.is_empty() {
            ops = key_type.map(KeyOperation::defaults).unwrap_or_default();
        }
        Ok(Self {
            disabled: attributes.enabled == Some(false),
            not_before: attributes.not_before,
            expires: attributes.expires,
            tags,
            hsm,
            ops: Ops::all(&ops),
            sensitive: true,
            request_id,
            ..Self::default()
        })
    }
}

/// Which key the version is of.
pub enum Naming {
    /// This one, new or already there.
    Exactly(String),
    /// A new one, after the label where that is legal and free.
    After(String),
}

/// A private key that is to become a version.
pub struct Material {
    /// PKCS#8.
    pub pkcs8_der: Zeroizing<Vec<u8>>,
    /// Made here, or brought in.
    pub generated: bool,
}

/// Writes the version, and its key if that is new. Returns the version's id; a repeated request id gives the first one's.
pub fn write(rooms: &Unsealed, vault: Id, naming: &Naming, wishes: Wishes, material: Material) -> Result<Id> {
    let keys = &rooms.keys;
    let public = key_info::public_info_of_private(&material.pkcs8_der)?;
    check_ops(wishes.ops, public.key_type)?;
    let certificate_der = certificate(keys, vault, naming, &wishes, &public, &material)?;
    let published = !certificate_der.is_empty();
    let (id, vault_name, name) = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        if let Some(made) = vault.made_by(&wishes.request_id) {
            return Ok((vec![], (made, String::new(), String::new())));
        }
        let id = Id::random()?;
        let name = choose_name(vault, naming, id)?;
        let mut entries = Vec::new();
        let key = match vault.key(&name) {
            Some(key) => KeyRecord { current: id.0.to_vec(), ..(*key.record).clone() },
            None => KeyRecord {
                name: name.clone(),
                created: clock::now_seconds(),
                deleted: None,
                scheduled_purge: None,
                current: id.0.to_vec(),
            },
        };
        entries.push(Entry::put(row::key(vault.id, &name.to_ascii_lowercase()), &key));
        let record = record(keys, vault, id, &name, wishes, &public, material.generated, certificate_der, counters);
        if let Some(policy) = &record.policy {
            entries.push(keys.seal_version(vault, policy, &material.pkcs8_der)?);
        }
        entries.push(Entry::put(row::version(vault.id, id), &record));
        Ok((entries, (id, vault.record.name.clone(), name)))
    })?;
    if published && !name.is_empty() {
        let detail = Some("self-signed, beside its key".into());
        rooms.audit.note("certificate.publish", Some(&vault_name), Some(&name), detail)?;
    }
    Ok(id)
}

/// The row format of a version.
#[expect(
    clippy::too_many_arguments,
    reason = "one argument per fact of a new record; a struct would only be taken apart again"
)]
fn record(
    keys: &Arc<Keys>,
    vault: &Vault,
    id: Id,
    name: &str,
    wishes: Wishes,
    public: &PublicInfo,
    generated: bool,
    certificate_der: Vec<u8>,
    counters: &mut Counters,
) -> VersionRecord {
    let now = clock::now_seconds();
    let (kind, bits) = match public.key_type {
        KeyType::Rsa(bits) => ("RSA".to_owned(), bits),
        KeyType::Ec(curve) => (curve.name().to_owned(), 0),
    };
    let policy = KeyPolicy {
        format: FORMAT.into(),
        cluster: keys.cluster.0.to_vec(),
        vault: vault.id.0.to_vec(),
        version: id.0.to_vec(),
        kind,
        bits,
        ops: wishes.ops.0,
        generated,
        extractable: wishes.extractable,
        sensitive: wishes.sensitive,
        always_sensitive: generated && wishes.sensitive,
        never_extractable: generated && !wishes.extractable,
        kek_version: vault.record.kek_version,
        allowed_mechanisms: wishes.allowed_mechanisms,
    };
    VersionRecord {
        id: id.0.to_vec(),
        key: name.to_ascii_lowercase(),
        ordinal: counters.take_ordinal(),
        created: now,
        updated: now,
        enabled: !wishes.disabled,
        not_before: wishes.not_before,
        expires: wishes.expires,
        tags: wishes.tags,
        public_key_der: public.spki_der.clone(),
        policy: Some(policy),
        private_attributes: wishes.private_attributes,
        public_attributes: wishes.public_attributes,
        private_hidden: false,
        public_hidden: false,
        certificate_der,
        request_id: wishes.request_id,
        hsm: wishes.hsm,
    }
}

fn choose_name(vault: &Vault, naming: &Naming, id: Id) -> Result<String> {
    match naming {
        Naming::Exactly(name) => {
            if vault.is_name_damaged(name) {
                let detail = format!("the record of the key '{name}' is damaged; its name is not free");
                return Err(Error::new(ErrorCode::RecordDamaged, detail));
            }
            if vault.is_name_taken(name) && vault.key(name).is_none() {
                return Err(Error::new(
                    ErrorCode::AlreadyExists,
                    format!("the key '{name}' is deleted but recoverable; its name is not free"),
                ));
            }
            // A new version keeps the name as it was first written.
            Ok(vault.key(name).map_or_else(|| name.clone(), |key| key.record.name.clone()))
        }
        Naming::After(label) if names::is_key_name(label) && !vault.is_name_taken(label) => Ok(label.clone()),
        Naming::After(_) => {
            let id = id.to_string();
            Ok(format!("key-{}", id.get(..16).unwrap_or(&id)))
        }
    }
}

/// RSA may do all; EC keys sign, verify and derive.
fn check_ops(ops: Ops, key_type: KeyType) -> Result<()> {
    let KeyType::Ec(_) = key_type else { return Ok(()) };
    let possible = Ops::all(&[KeyOperation::Sign, KeyOperation::Verify]).with(Ops::DERIVE, true);
    if possible.contains(ops) {
        return Ok(());
    }
    Err(Error::new(ErrorCode::InvalidArgument, "an elliptic-curve key can sign and verify only"))
}

/// A published certificate outlives any key that is rotated as it should be.
const CERTIFICATE_SECONDS: i64 = 20 * 365 * 24 * 3600;
/// Clients' clocks may be a little behind.
const CERTIFICATE_BACKDATE_SECONDS: i64 = 24 * 3600;

/// The certificate to publish beside a key, empty when the vault wants none or the key does not sign.
fn certificate(
    keys: &Arc<Keys>,
    vault: Id,
    naming: &Naming,
    wishes: &Wishes,
    public: &PublicInfo,
    material: &Material,
) -> Result<Vec<u8>> {
    let publish = keys.catalog.view().vault(vault).is_some_and(|vault| vault.record.publish_certificates);
    if !publish || !wishes.ops.contains(Ops::of(KeyOperation::Sign)) {
        return Ok(Vec::new());
    }
    let (Naming::Exactly(name) | Naming::After(name)) = naming;
    let label =
        wishes.private_attributes.get(&ck::CKA_LABEL).and_then(|label| std::str::from_utf8(label).ok()).unwrap_or(name);
    // X.520 gives a common name 64 characters.
    let common_name: String = if label.is_empty() { "softkeep".into() } else { label.chars().take(64).collect() };
    let mut serial = [0; 16];
    crypto::fill_random(&mut serial)?;
    let now = clock::now_seconds();
    let key = keys.backend.open(&material.pkcs8_der)?;
    let scheme = match public.key_type {
        KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha256),
        KeyType::Ec(_) => SignScheme::Ecdsa,
    };
    let sign = |digest: &[u8]| key.sign(scheme, digest);
    self_signed::certificate(
        &common_name,
        public,
        now - CERTIFICATE_BACKDATE_SECONDS,
        now + CERTIFICATE_SECONDS,
        serial,
        &sign,
    )
}

/// The key type of Key Vault's words, and whether it ends in `-HSM`.
pub fn parse_key_type(kty: &str, bits: u32, curve: &str) -> Result<(KeyType, bool)> {
    let (plain, hsm) = kty.strip_suffix("-HSM").map_or((kty, false), |plain| (plain, true));
    let unsupported = |what: String| Error::new(ErrorCode::UnsupportedAlgorithm, what);
    let key_type = match plain {
        "RSA" => match bits {
            0 => KeyType::Rsa(2048),
            bits if bits < 2048 => {
                return Err(Error::new(ErrorCode::KeyTooWeak, format!("RSA keys of {bits} bits are too weak")));
            }
            bits if key_info::RSA_BITS.contains(&bits) => KeyType::Rsa(bits),
            bits => return Err(unsupported(format!("RSA keys have 2048, 3072 or 4096 bits, not {bits}"))),
        },
        "EC" => {
            let name = if curve.is_empty() { "P-256" } else { curve };
            KeyType::Ec(Curve::by_name(name).ok_or_else(|| unsupported(format!("unknown curve '{name}'")))?)
        }
        _ => return Err(unsupported(format!("unknown key type '{kty}'"))),
    };
    Ok((key_type, hsm))
}

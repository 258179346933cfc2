//! What creating, importing and generating a key have in common: the rows of a new version, with its key when that is new too.

use std::collections::{BTreeMap, HashSet};

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{Curve, KeyOperation, KeyType, SecretKind, SignScheme};
use zeroize::Zeroizing;

use super::names;
use crate::{
    clock,
    crypto::{self, key_info, key_info::PublicInfo, self_signed},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        Keys,
        catalog::{Vault, Version},
        ledger::{Counters, Entry},
        record::{FORMAT, KeyPolicy, KeyRecord, Ops, Origin, PublicPolicy, VersionRecord, row},
    },
    pipeline::Unsealed,
};

/// What a Key Vault caller wants of the new version's attributes.
#[derive(Clone, Default)]
pub struct Wishes {
    disabled: bool,
    not_before: Option<i64>,
    expires: Option<i64>,
    tags: BTreeMap<String, String>,
    hsm: bool,
    pub(super) ops: Ops,
    request_id: String,
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
            request_id,
        })
    }

    /// The version's record, complete but for its number and place. Key Vault's keys are private, sensitive, and never leave.
    pub fn into_record(self, key_type: KeyType, public: Option<&PublicInfo>, generated: bool) -> Result<VersionRecord> {
        check_ops(self.ops, key_type)?;
        let mut policy = KeyPolicy {
            format: FORMAT.into(),
            class: if public.is_some() { ck::CKO_PRIVATE_KEY } else { ck::CKO_SECRET_KEY },
            kind: key_type.kind().to_owned(),
            bits: key_type.bits(),
            ops: self.ops.0,
            ever_ops: self.ops.0,
            private: true,
            sensitive: true,
            generated,
            always_sensitive: generated,
            never_extractable: generated,
            generation_mechanism: if generated {
                generation_mechanism(key_type)
            } else {
                ck::CK_UNAVAILABLE_INFORMATION
            },
            public: public.map(|_| PublicPolicy::default()),
            ..KeyPolicy::default()
        };
        policy.set_origin(if generated { Origin::Generated } else { Origin::Imported });
        Ok(VersionRecord {
            enabled: !self.disabled,
            not_before: self.not_before,
            expires: self.expires,
            tags: self.tags,
            public_key_der: public.map(|public| public.spki_der.clone()).unwrap_or_default(),
            policy: Some(policy),
            request_id: self.request_id,
            hsm: self.hsm,
            ..VersionRecord::default()
        })
    }
}

/// The PKCS#11 mechanism that makes such a key.
fn generation_mechanism(key_type: KeyType) -> u64 {
    match key_type {
        KeyType::Rsa(_) => ck::CKM_RSA_PKCS_KEY_PAIR_GEN,
        KeyType::Ec(_) => ck::CKM_EC_KEY_PAIR_GEN,
        KeyType::Edwards(_) => ck::CKM_EC_EDWARDS_KEY_PAIR_GEN,
        KeyType::Montgomery(_) => ck::CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
        KeyType::Dh(_) => ck::CKM_DH_PKCS_KEY_PAIR_GEN,
        KeyType::MlDsa(_) => ck::CKM_ML_DSA_KEY_PAIR_GEN,
        KeyType::MlKem(_) => ck::CKM_ML_KEM_KEY_PAIR_GEN,
        KeyType::Secret(SecretKind::Aes, _) => ck::CKM_AES_KEY_GEN,
        KeyType::Secret(SecretKind::ChaCha20, _) => ck::CKM_CHACHA20_KEY_GEN,
        KeyType::Secret(SecretKind::Generic | SecretKind::Hmac(_), _) => ck::CKM_GENERIC_SECRET_KEY_GEN,
    }
}

/// Which key the version is of.
pub enum Naming {
    /// This one, new or already there.
    Exactly(String),
    /// A new one, after the label where that is legal and free.
    After(String),
}

/// A key that is to become a version: its record, complete but for its number and place, and its secret (PKCS#8 or bytes).
pub struct NewVersion {
    /// The record.
    pub record: VersionRecord,
    /// The secret.
    pub material: Zeroizing<Vec<u8>>,
}

/// Writes the version, and its key if that is new. Returns the version's id; a repeated request id gives the first one's.
pub fn write(rooms: &Unsealed, vault: Id, naming: &Naming, mut new: NewVersion) -> Result<Id> {
    let keys = &rooms.keys;
    publish(keys, vault, naming, &mut new)?;
    let written = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let mut names = HashSet::new();
        let mut written = entries(keys, vault, counters, naming, new, &mut names)?;
        Ok((std::mem::take(&mut written.entries), written))
    })?;
    written.note(rooms)?;
    Ok(written.id)
}

/// What was written.
pub struct Written {
    /// The version.
    pub id: Id,
    /// The rows.
    pub entries: Vec<Entry>,
    /// The version that was made; `None` when an earlier request made it.
    pub version: Option<Version>,
    published: Option<(String, String)>,
}

impl Written {
    /// Puts the certificate on record that was published with the key.
    pub fn note(&self, rooms: &Unsealed) -> Result<()> {
        let Some((vault, name)) = &self.published else { return Ok(()) };
        let detail = Some("self-signed, beside its key".into());
        rooms.audit.note("certificate.publish", Some(vault), Some(name), detail)
    }
}

/// The rows of a new version. `names` are those that this transaction has taken so far.
pub fn entries(
    keys: &Keys,
    vault: &Vault,
    counters: &mut Counters,
    naming: &Naming,
    new: NewVersion,
    names: &mut HashSet<String>,
) -> Result<Written> {
    let NewVersion { mut record, material } = new;
    if let Some(id) = vault.made_by(&record.request_id) {
        return Ok(Written { id, entries: Vec::new(), version: None, published: None });
    }
    let id = Id::random()?;
    let name = choose_name(vault, naming, id, names)?;
    names.insert(name.to_ascii_lowercase());
    let now = clock::now_seconds();
    let key = match vault.key(&name) {
        Some(key) => KeyRecord { current: id.0.to_vec(), ..(*key.record).clone() },
        None => {
            let current = id.0.to_vec();
            KeyRecord { name: name.clone(), created: now, current, ..KeyRecord::default() }
        }
    };
    record.id = id.0.to_vec();
    record.key = name.to_ascii_lowercase();
    record.ordinal = counters.take_ordinal();
    (record.created, record.updated) = (now, now);
    let mut policy = record.policy.take().ok_or_else(|| Error::internal("a new version without a policy"))?;
    (policy.cluster, policy.vault, policy.version) = (keys.cluster.0.to_vec(), vault.id.0.to_vec(), id.0.to_vec());
    policy.kek_version = vault.record.kek_version;
    let entries = vec![
        Entry::put(row::key(vault.id, &record.key), &key),
        keys.seal_version(vault, &policy, &material)?,
        Entry::put(row::version(vault.id, id), &{
            record.policy = Some(policy);
            record.clone()
        }),
    ];
    let published = (!record.certificate_der.is_empty()).then(|| (vault.record.name.clone(), name));
    Ok(Written { id, entries, version: Some(Version::parse(vault.id, record, None)?), published })
}

fn choose_name(vault: &Vault, naming: &Naming, id: Id, taken: &HashSet<String>) -> Result<String> {
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
        Naming::After(label)
            if names::is_key_name(label)
                && !vault.is_name_taken(label)
                && !taken.contains(&label.to_ascii_lowercase()) =>
        {
            Ok(label.clone())
        }
        Naming::After(_) => {
            let id = id.to_string();
            Ok(format!("key-{}", id.get(..16).unwrap_or(&id)))
        }
    }
}

/// What keys of a type can do at all.
pub fn possible_ops(key_type: KeyType) -> Ops {
    let sign = Ops::SIGN.and(Ops::VERIFY);
    let wrap = Ops::wrap(key_type).and(Ops::UNWRAP_OBJECT);
    match key_type {
        KeyType::Rsa(_) => {
            let crypt = Ops::ENCRYPT.and(Ops::DECRYPT).and(Ops::UNWRAP_KEY);
            sign.and(crypt).and(wrap).and(Ops::SIGN_RECOVER).and(Ops::VERIFY_RECOVER).and(Ops::of(KeyOperation::Import))
        }
        // To wrap with an agreed key (CKM_ECDH_AES_KEY_WRAP).
        KeyType::Ec(_) => sign.and(Ops::DERIVE).and(wrap),
        KeyType::Montgomery(_) => Ops::DERIVE.and(wrap),
        KeyType::Edwards(_) | KeyType::MlDsa(_) => sign,
        KeyType::Dh(_) => Ops::DERIVE,
        KeyType::MlKem(_) => Ops::ENCAPSULATE.and(Ops::DECAPSULATE),
        KeyType::Secret(..) => {
            let crypt = Ops::ENCRYPT.and(Ops::DECRYPT).and(Ops::WRAP_KEY).and(Ops::UNWRAP_KEY);
            sign.and(crypt).and(wrap).and(Ops::DERIVE)
        }
    }
}

fn check_ops(ops: Ops, key_type: KeyType) -> Result<()> {
    let impossible = Ops(ops.0 & !possible_ops(key_type).0);
    if impossible.is_empty() {
        return Ok(());
    }
    let refusal = match key_type {
        KeyType::Ec(_) => "an elliptic-curve key can sign and verify only".to_owned(),
        _ => format!("a key of this type cannot: {}", impossible.words()),
    };
    Err(Error::new(ErrorCode::InvalidArgument, refusal))
}

/// A published certificate outlives any key that is rotated as it should be.
const CERTIFICATE_SECONDS: i64 = 20 * 365 * 24 * 3600;
/// Clients' clocks may be a little behind.
const CERTIFICATE_BACKDATE_SECONDS: i64 = 24 * 3600;

/// Puts the self-signed certificate into the record that the vault publishes beside a key that signs, if it does.
pub fn publish(keys: &Keys, vault: Id, naming: &Naming, new: &mut NewVersion) -> Result<()> {
    let wanted = keys.catalog.view().vault(vault).is_some_and(|vault| vault.record.publish_certificates);
    let signs = new.record.policy.as_ref().is_some_and(|policy| policy.operations().contains(Ops::SIGN));
    if !wanted || !signs || new.record.public_key_der.is_empty() {
        return Ok(());
    }
    let public = key_info::public_info(&new.record.public_key_der)?;
    if !self_signed::can_certify(public.key_type) {
        return Ok(());
    }
    let (Naming::Exactly(name) | Naming::After(name)) = naming;
    let own_label = new.record.private_attributes.get(&ck::CKA_LABEL);
    let label = own_label.and_then(|label| std::str::from_utf8(label).ok()).unwrap_or(name);
    // X.520 gives a common name 64 characters.
    let common_name: String = if label.is_empty() { "softkeep".into() } else { label.chars().take(64).collect() };
    let mut serial = [0; 16];
    crypto::fill_random(&mut serial)?;
    let now = clock::now_seconds();
    let key = keys.backend.open(&new.material)?;
    let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
    let (start, end) = (now - CERTIFICATE_BACKDATE_SECONDS, now + CERTIFICATE_SECONDS);
    new.record.certificate_der = self_signed::certificate(&common_name, &public, start, end, serial, &sign)?;
    Ok(())
}

/// The sizes of Key Vault's secret keys.
const KEY_VAULT_SECRET_BITS: [u32; 3] = [128, 192, 256];

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
            bits if key_info::KEY_VAULT_RSA_BITS.contains(&bits) => KeyType::Rsa(bits),
            bits => return Err(unsupported(format!("RSA keys have 2048, 3072 or 4096 bits, not {bits}"))),
        },
        "EC" => {
            let name = if curve.is_empty() { "P-256" } else { curve };
            KeyType::Ec(Curve::by_name(name).ok_or_else(|| unsupported(format!("unknown curve '{name}'")))?)
        }
        "oct" => match bits {
            0 => KeyType::Secret(SecretKind::Aes, 32),
            bits if KEY_VAULT_SECRET_BITS.contains(&bits) => KeyType::Secret(SecretKind::Aes, bits / 8),
            bits => return Err(unsupported(format!("secret keys have 128, 192 or 256 bits, not {bits}"))),
        },
        _ => return Err(unsupported(format!("unknown key type '{kty}'"))),
    };
    Ok((key_type, hsm))
}

//! What a Key Vault caller may want of a new key: its type, its operations, its attributes.

use std::collections::BTreeMap;

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{Curve, EdwardsCurve, KeyOperation, KeyType, SecretKind};

use super::names;
use crate::{
    crypto::{key_info, key_info::PublicInfo},
    error::{Error, ErrorCode, Result},
    keys::record::{FORMAT, KeyPolicy, Ops, Origin, PublicPolicy, VaultRecord, VersionRecord},
};

/// What a Key Vault caller wants of the new version's attributes.
#[derive(Clone, Default)]
pub struct Wishes {
    disabled: bool,
    not_before: Option<i64>,
    expires: Option<i64>,
    tags: BTreeMap<String, String>,
    hsm: bool,
    pub(in crate::ops) ops: Ops,
    pub(in crate::ops) request_id: String,
    single_use: bool,
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
        check_window(attributes.not_before, attributes.expires)?;
        let mut ops = parse_ops(key_ops)?;
        if ops.is_empty() {
            ops = Ops::all(&key_type.map(KeyOperation::defaults).unwrap_or_default());
        }
        Ok(Self {
            disabled: attributes.enabled == Some(false),
            not_before: attributes.not_before,
            expires: attributes.expires,
            tags,
            hsm,
            ops,
            request_id,
            single_use: false,
        })
    }

    /// The same key, but for one import only.
    pub fn for_single_use(self, single_use: bool) -> Result<Self> {
        if single_use && self.ops != Ops::of(KeyOperation::Import) {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "only a key for imports (key_ops 'import') is for a single use",
            ));
        }
        if single_use && self.disabled {
            let refusal = "a key for a single use is enabled from the start: disabled, it stays so";
            return Err(Error::new(ErrorCode::InvalidArgument, refusal));
        }
        Ok(Self { single_use, ..self })
    }

    /// Whether a key of this type can be so.
    pub fn check(&self, key_type: KeyType) -> Result<()> {
        check_ops(self.ops, key_type, self.hsm)
    }

    /// Whether a key of this type can be so in this vault.
    pub fn check_in(&self, vault: &VaultRecord, key_type: KeyType) -> Result<()> {
        self.check(key_type)?;
        check_sku(vault, self.hsm)
    }

    /// The version's record, complete but for its number and place. Key Vault's keys are private, sensitive, and never leave.
    pub fn into_record(self, key_type: KeyType, public: Option<&PublicInfo>, generated: bool) -> Result<VersionRecord> {
        self.check(key_type)?;
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
            single_use: self.single_use,
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
pub fn generation_mechanism(key_type: KeyType) -> u64 {
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

/// Key Vault's names of operations.
pub fn parse_ops(names: &[String]) -> Result<Ops> {
    let mut ops = Ops::NONE;
    for name in names {
        let unknown = || Error::new(ErrorCode::InvalidArgument, format!("unknown key operation '{name}'"));
        ops = ops.and(Ops::of(KeyOperation::by_name(name).ok_or_else(unknown)?));
    }
    Ok(ops)
}

/// Whether a key may be valid from one time to the other.
pub fn check_window(not_before: Option<i64>, expires: Option<i64>) -> Result<()> {
    match (not_before, expires) {
        (Some(start), Some(end)) if start >= end => {
            Err(Error::new(ErrorCode::InvalidArgument, "a key must begin to be valid before it expires"))
        }
        _ => Ok(()),
    }
}

/// Whether a key of this type, labelled `-HSM` or not, can have these operations.
pub fn check_ops(ops: Ops, key_type: KeyType, hsm: bool) -> Result<()> {
    let invalid = |refusal: String| Err(Error::new(ErrorCode::InvalidArgument, refusal));
    let import = Ops::of(KeyOperation::Import);
    if ops.contains(import) {
        if ops != import {
            return invalid("the operation 'import' stands alone: a key for imports does nothing else".into());
        }
        if !hsm || !matches!(key_type, KeyType::Rsa(_)) {
            return invalid("only a key of type RSA-HSM can have the operation 'import'".into());
        }
    }
    let impossible = Ops(ops.0 & !possible_ops(key_type).0);
    match key_type {
        _ if impossible.is_empty() => Ok(()),
        KeyType::Ec(_) => invalid("an elliptic-curve key can sign and verify only".into()),
        _ => invalid(format!("a key of this type cannot: {}", impossible.words())),
    }
}

/// The SKU whose vaults have `-HSM` keys.
const PREMIUM: &str = "premium";

/// Refuses `-HSM` keys in vaults that do not have them.
pub fn check_sku(vault: &VaultRecord, hsm: bool) -> Result<()> {
    if !hsm || vault.sku.eq_ignore_ascii_case(PREMIUM) {
        return Ok(());
    }
    let refusal =
        format!("the vault '{}' is of the SKU 'standard'; keys of a type ending in -HSM need 'premium'", vault.name);
    Err(Error::new(ErrorCode::SkuNotSupported, refusal))
}

/// The sizes of Key Vault's secret keys.
const KEY_VAULT_SECRET_BITS: [u32; 3] = [128, 192, 256];

/// The key type of Key Vault's words, and whether it ends in `-HSM`. A size for a curve and a curve for a size are mistakes of the
/// caller's, who would get another key than the one in mind.
pub fn parse_key_type(kty: &str, bits: u32, curve: &str) -> Result<(KeyType, bool)> {
    let (plain, hsm) = kty.strip_suffix("-HSM").map_or((kty, false), |plain| (plain, true));
    let unsupported = |what: String| Error::new(ErrorCode::UnsupportedAlgorithm, what);
    match plain {
        "EC" | "OKP" if bits != 0 => {
            return Err(Error::new(ErrorCode::InvalidArgument, format!("a key of type {kty} has a curve, no size")));
        }
        "RSA" | "oct" if !curve.is_empty() => {
            return Err(Error::new(ErrorCode::InvalidArgument, format!("a key of type {kty} has a size, no curve")));
        }
        _ => {}
    }
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
        "OKP" => match curve {
            "" => KeyType::Edwards(EdwardsCurve::Ed25519),
            name if name.eq_ignore_ascii_case("Ed25519") => KeyType::Edwards(EdwardsCurve::Ed25519),
            other => return Err(unsupported(format!("an OKP key is on the curve Ed25519, not '{other}'"))),
        },
        "oct" => match bits {
            0 => KeyType::Secret(SecretKind::Aes, 32),
            bits if KEY_VAULT_SECRET_BITS.contains(&bits) => KeyType::Secret(SecretKind::Aes, bits / 8),
            bits => return Err(unsupported(format!("secret keys have 128, 192 or 256 bits, not {bits}"))),
        },
        _ => return Err(unsupported(format!("unknown key type '{kty}'"))),
    };
    Ok((key_type, hsm))
}

#[cfg(test)]
#[path = "wishes/tests.rs"]
mod tests;

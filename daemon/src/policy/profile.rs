//! What a vault's profile refuses: `standard` the operation that would give a key away, `strict` already the mechanism and the template that
//! could lead there. `docs/policy.md` is the same in prose. Who is asking is `policy.rs`'s question, not this file's.

use cryptoki_sys as ck;
use softkeep_proto::{
    algorithm::{EncryptScheme, Hash, KeyType, SecretKind, SignScheme},
    mechanism::{Family, Row},
};

use crate::{
    crypto::kdf::AgreementKdf,
    error::{Error, ErrorCode, Result},
    keys::record::{KeyPolicy, Ops, Origin, VaultRecord},
    ops::method::{Derivation, Signing, Wrapping},
};

/// How much a vault lets programs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// All that real programs need.
    Standard,
    /// What a careful operator would allow.
    Strict,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 2] = [Profile::Standard, Profile::Strict];

    /// The name in requests and records.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Standard => "standard",
            Profile::Strict => "strict",
        }
    }

    /// The profile of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// What keys sensitive keys may be wrapped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappingRule {
    /// Those that nobody can undo it with.
    Guarded,
    /// Any, for old programs.
    Any,
}

impl WrappingRule {
    /// Every rule.
    pub const ALL: [WrappingRule; 2] = [WrappingRule::Guarded, WrappingRule::Any];

    /// The name in requests and records.
    pub const fn name(self) -> &'static str {
        match self {
            WrappingRule::Guarded => "guarded",
            WrappingRule::Any => "any",
        }
    }

    /// The rule of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// The rules of one vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Its profile.
    pub profile: Profile,
    /// Its rule about wrapping.
    pub wrapping: WrappingRule,
}

/// The shortest MAC that `strict` makes: 64 bits, what NIST SP 800-107 section 5.3.3 calls enough for most.
const MIN_STRICT_MAC_BYTES: usize = 8;

/// The shortest derived key of `strict`, and the shortest HMAC key: 112 bits of strength need 14 bytes (NIST SP 800-131A).
const MIN_STRICT_SECRET_BYTES: u32 = 14;

/// What a key of `strict` is for: bits of one of these and no other.
const PURPOSES: [Ops; 5] = [
    Ops::SIGN.and(Ops::VERIFY).and(Ops::SIGN_RECOVER).and(Ops::VERIFY_RECOVER),
    Ops::ENCRYPT.and(Ops::DECRYPT),
    Ops::WRAP_KEY.and(Ops::WRAP_OBJECT).and(Ops::UNWRAP_OBJECT).and(Ops::UNWRAP_KEY),
    Ops::DERIVE,
    Ops::ENCAPSULATE.and(Ops::DECAPSULATE),
];

fn refused(row: &Row, why: &str) -> Error {
    Error::new(ErrorCode::UnsupportedAlgorithm, format!("the vault's profile 'strict' refuses {}: {why}", row.name))
}

fn inconsistent(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::TemplateInconsistent, why)
}

impl Rules {
    /// Those of a vault. A record that names others than we know lets nothing be done.
    pub fn of(vault: &VaultRecord) -> Result<Self> {
        Self::of_words(&vault.profile, &vault.wrapping)
            .ok_or_else(|| Error::new(ErrorCode::RecordDamaged, "the vault's profile is not known here"))
    }

    /// Those that a backup names, which was taken where they held.
    pub fn of_words(profile: &str, wrapping: &str) -> Option<Self> {
        let wrapping = if wrapping.is_empty() { WrappingRule::Guarded.name() } else { wrapping };
        Some(Self { profile: Profile::by_name(profile)?, wrapping: WrappingRule::by_name(wrapping)? })
    }

    /// Refuses a key from a vault whose rules keep it better: what must not leave there would leave here.
    pub fn check_origin(self, from: Self) -> Result<()> {
        let refused = |why: &str| Err(Error::new(ErrorCode::ActionProhibited, why));
        if from.wrapping == WrappingRule::Guarded && self.wrapping == WrappingRule::Any {
            return refused("the backup is of a vault that guards its wrapping, and this one lets any key wrap");
        }
        if from.is_strict() && !self.is_strict() {
            return refused("the backup is of a vault of the profile 'strict', and this one's is 'standard'");
        }
        Ok(())
    }

    fn is_strict(self) -> bool {
        self.profile == Profile::Strict
    }

    /// Whether a signature may be made so, of this input.
    pub fn check_sign(self, row: &Row, how: &Signing, input: &[u8]) -> Result<()> {
        if !self.is_strict() {
            return Ok(());
        }
        let weak = |hash: Hash| if hash == Hash::Sha1 { Err(refused(row, "SHA-1 is broken")) } else { Ok(()) };
        match how {
            Signing::Signature(SignScheme::RsaRaw) => Err(refused(row, "what is signed has no form")),
            Signing::Signature(SignScheme::RsaPkcs1(hash)) => weak(*hash),
            Signing::Signature(SignScheme::RsaPss { hash, mgf, .. }) => weak(*hash).and_then(|()| weak(*mgf)),
            Signing::Signature(SignScheme::RsaPkcs1Raw) => match digest_info_hash(input) {
                Some(hash) => weak(hash),
                None => Err(refused(row, "what is signed is no DigestInfo")),
            },
            Signing::Signature(SignScheme::Ecdsa) if input.len() == Hash::Sha1.len() => weak(Hash::Sha1),
            Signing::Signature(_) => Ok(()),
            Signing::Mac { len_bytes, .. } if *len_bytes < MIN_STRICT_MAC_BYTES => {
                Err(refused(row, "the MAC is too short"))
            }
            Signing::Mac { .. } => Ok(()),
        }
    }

    /// Whether a private key may decrypt so.
    pub fn check_decrypt(self, row: &Row, scheme: &EncryptScheme) -> Result<()> {
        match scheme {
            _ if !self.is_strict() => Ok(()),
            EncryptScheme::RsaOaep { .. } => Ok(()),
            EncryptScheme::RsaPkcs1 | EncryptScheme::RsaRaw => Err(refused(row, "the padding protects nothing")),
        }
    }

    /// Whether keys may go out or come in so, whatever the keys are.
    pub fn check_wrapping(self, row: &Row, how: &Wrapping) -> Result<()> {
        if !self.is_strict() {
            return Ok(());
        }
        match how {
            Wrapping::Secret(_) if super::wrapping::seals(how) => Ok(()),
            Wrapping::Secret(_) => {
                Err(refused(row, "its initialisation vector is the caller's, or it authenticates nothing"))
            }
            Wrapping::Rsa(scheme) | Wrapping::RsaAes { oaep: scheme, .. } => match scheme {
                EncryptScheme::RsaOaep { hash, mgf, .. } if *hash != Hash::Sha1 && *mgf != Hash::Sha1 => Ok(()),
                EncryptScheme::RsaOaep { .. } => Err(refused(row, "OAEP is to be with SHA-256 or better")),
                EncryptScheme::RsaPkcs1 | EncryptScheme::RsaRaw => Err(refused(row, "the padding protects nothing")),
            },
            Wrapping::EcdhAes { kdf, .. } => check_agreement(row, *kdf),
        }
    }

    /// Whether a key may be derived so.
    pub fn check_derivation(self, row: &Row, how: &Derivation, derived_bytes: usize) -> Result<()> {
        if !self.is_strict() {
            return Ok(());
        }
        if derived_bytes < MIN_STRICT_SECRET_BYTES as usize {
            return Err(refused(row, "the derived key is too short"));
        }
        if row.family == Family::HkdfData {
            return Err(refused(row, "what is derived would be readable"));
        }
        match how {
            Derivation::Ecdh { kdf, .. } => check_agreement(row, *kdf),
            Derivation::AppendKey(_)
            | Derivation::Append(_)
            | Derivation::Prepend(_)
            | Derivation::Xor(_)
            | Derivation::Extract(_) => Err(refused(row, "the key's own bytes would be in the derived one")),
            Derivation::Dh { .. } => Err(refused(row, "the agreed secret would be the key")),
            Derivation::Hkdf { hash: Hash::Sha1, .. } => Err(refused(row, "SHA-1 is broken")),
            Derivation::Hkdf { .. }
            | Derivation::Counter { .. }
            | Derivation::Encrypt { .. }
            | Derivation::Digest(_) => Ok(()),
        }
    }

    /// Whether a key may be as its record says. Called for every new key, of whatever origin, and for every change of one.
    pub fn check_key(self, key: &KeyPolicy) -> Result<()> {
        if !self.is_strict() || key.class == ck::CKO_PUBLIC_KEY {
            return Ok(());
        }
        let origin = key.origin();
        if origin == Origin::Imported {
            return Err(inconsistent("the vault's profile 'strict' takes in keys wrapped, never in the clear"));
        }
        if !key.sensitive {
            return Err(inconsistent("the vault's profile 'strict' has sensitive keys only (CKA_SENSITIVE true)"));
        }
        if key.extractable && !key.wrap_with_trusted {
            let why = "the vault's profile 'strict' has extractable keys only with CKA_WRAP_WITH_TRUSTED true";
            return Err(inconsistent(why));
        }
        if !key.private {
            return Err(inconsistent("the vault's profile 'strict' has no keys for everybody (CKA_PRIVATE true)"));
        }
        let purposes = PURPOSES.iter().filter(|purpose| key.operations().has_any(**purpose)).count();
        if purposes > 1 {
            let words = key.operations().words();
            return Err(inconsistent(format!(
                "the vault's profile 'strict' has keys for one purpose, not for {words}"
            )));
        }
        match key.key_type()? {
            KeyType::Secret(SecretKind::Generic | SecretKind::Hmac(_), bytes) if bytes < MIN_STRICT_SECRET_BYTES => {
                Err(Error::new(
                    ErrorCode::KeyTooWeak,
                    "the vault's profile 'strict' has secret keys of 112 bits and more",
                ))
            }
            _ => Ok(()),
        }
    }

    /// What a key may do in this vault when nobody says: of what is usual, in `strict`, one purpose's.
    pub fn default_ops(self, usual: Ops) -> Ops {
        match PURPOSES.into_iter().find(|purpose| usual.has_any(*purpose)) {
            Some(purpose) if self.is_strict() => usual.only(purpose),
            _ => usual,
        }
    }

    /// Whether a Key Vault caller is refused to give a key operations: `added` are those that it has not now, `new` those that it never
    /// had. Of those that it once had, nothing changes: a key that ever wrapped and undid has never wrapped a sensitive key.
    pub fn forbids_widening(self, key: &KeyPolicy, added: Ops, new: Ops) -> bool {
        if self.is_strict() {
            return !added.is_empty();
        }
        let undoes = super::wrapping::undoing(key);
        parts_copies(key, new) || (new.has_any(undoes) && key.ever().has_any(WRAPS) && !key.ever().has_any(undoes))
    }

    /// Whether operations may be added to a key that is there. In `strict` none may. In `standard` those must stay away that would undo
    /// what the key has wrapped, and a key with those never becomes one that wraps.
    pub fn check_widening(self, key: &KeyPolicy, added: Ops) -> Result<()> {
        let refused = |why: &str| Err(Error::new(ErrorCode::ActionProhibited, why));
        let new = Ops(added.0 & !key.ops);
        if new.is_empty() {
            return Ok(());
        }
        if self.is_strict() {
            return refused("the vault's profile 'strict' adds no operation to a key");
        }
        if parts_copies(key, Ops(new.0 & !key.ever_ops)) {
            return refused("a copy gains nothing that wraps or undoes that: its original may have done the other");
        }
        let undoes = super::wrapping::undoing(key);
        if (new.has_any(undoes) && key.ever().has_any(WRAPS)) || (new.has_any(WRAPS) && key.ever().has_any(undoes)) {
            return refused("a key that wraps never decrypts, derives or signs as it is told to");
        }
        Ok(())
    }
}

/// What wraps, or brings back what was wrapped.
const WRAPS: Ops = Ops::WRAP_KEY.and(Ops::WRAP_OBJECT).and(Ops::UNWRAP_OBJECT);

/// Whether these operations, which the key never had, would let it undo what a copy of it wraps, or the other way round. A backup is a
/// moment in one life, in which each key keeps the rule for itself; so a copy that stays at its moment keeps it too.
fn parts_copies(key: &KeyPolicy, new: Ops) -> bool {
    key.copied && new.has_any(WRAPS.and(super::wrapping::undoing(key)))
}

fn check_agreement(row: &Row, kdf: AgreementKdf) -> Result<()> {
    match kdf {
        AgreementKdf::Null => Err(refused(row, "without a key derivation function the agreed secret would be the key")),
        AgreementKdf::X963(Hash::Sha1) | AgreementKdf::OneStep(Hash::Sha1) => Err(refused(row, "SHA-1 is broken")),
        AgreementKdf::X963(_) | AgreementKdf::OneStep(_) => Ok(()),
    }
}

/// The hash of a well-formed DigestInfo (RFC 8017 section 9.2).
fn digest_info_hash(input: &[u8]) -> Option<Hash> {
    Hash::ALL.into_iter().find(|hash| {
        let prefix = hash.digest_info_prefix();
        input.len() == prefix.len() + hash.len() && input.starts_with(prefix)
    })
}

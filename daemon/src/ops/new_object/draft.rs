//! A key whose every attribute is decided, and how a template decides.

use std::collections::BTreeMap;

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{KeyType, SecretKind};
use zeroize::Zeroizing;

use super::{NewKey, Provenance, check_value, flags};
use crate::{
    crypto::key_info::PublicInfo,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::record::{FORMAT, KeyPolicy, Origin, PublicPolicy, VersionRecord},
    ops::{names, template::Template},
    pipeline::Unsealed,
    policy::profile::{Profile, Rules},
};

/// A key whose every attribute is decided; what is missing are its number and its place.
pub struct KeyDraft {
    /// CKA_TOKEN.
    pub token: bool,
    /// CKO_* of the object that was asked for.
    pub class: u64,
    /// CKA_LABEL, which a token object's key is named after.
    pub label: String,
    /// All but the numbers.
    pub policy: KeyPolicy,
    /// PKCS#8, bytes, or nothing.
    pub material: Zeroizing<Vec<u8>>,
    /// The public half.
    pub public: Option<PublicInfo>,
    /// Whether the public half was asked for: a pair.
    pub pair: bool,
    /// What describes the private or secret key.
    pub private_attributes: BTreeMap<u64, Vec<u8>>,
    /// What describes the public key.
    pub public_attributes: BTreeMap<u64, Vec<u8>>,
    /// CKA_CHECK_VALUE.
    pub check_value: Vec<u8>,
    /// Key Vault's `enabled`, `nbf` and `exp`: a copy ends when its original does.
    pub enabled: bool,
    /// See `enabled`.
    pub not_before: Option<i64>,
    /// See `enabled`.
    pub expires: Option<i64>,
    /// Of a copy in a session: the stored version that it is a copy of; else empty.
    pub copied_from: Vec<u8>,
    /// What the application said besides, to be held against the object.
    pub rest: Template,
    /// The same of the public half.
    pub public_rest: Template,
}

impl KeyDraft {
    /// Decides.
    pub(super) fn of(rooms: &Unsealed, vault: Id, key: NewKey) -> Result<Self> {
        let rules = {
            let view = rooms.keys.catalog.view();
            let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
            Rules::of(&vault.record)?
        };
        Self::decide(rules, key)
    }

    fn decide(rules: Rules, key: NewKey) -> Result<Self> {
        let NewKey { class, key_type, material, public, mut template, public_template, provenance } = key;
        let pair = public_template.is_some();
        let mut public_template = public_template.unwrap_or_default();
        let token = template.flag(ck::CKA_TOKEN)?.unwrap_or(false);
        // The public half goes with the private one, whatever the application says of it.
        public_template.flag(ck::CKA_TOKEN)?;
        let ops = flags::operations(class, key_type, &mut template, pair.then_some(&mut public_template), rules)?;
        let mut policy = KeyPolicy {
            format: FORMAT.into(),
            class,
            kind: key_type.kind().to_owned(),
            bits: key_type.bits(),
            ops: ops.0,
            ever_ops: ops.0,
            generated: provenance.origin == Origin::Generated,
            generation_mechanism: provenance.mechanism,
            unwrapped_by_untrusted: provenance.unwrapped_by_untrusted,
            ..KeyPolicy::default()
        };
        policy.set_origin(provenance.origin);
        let mut check_value = Vec::new();
        match class {
            ck::CKO_PUBLIC_KEY => policy.public = Some(public_policy(&mut template, None)?),
            _ => {
                secrecy(&mut policy, &mut template, &provenance, rules, token)?;
                if let KeyType::Secret(kind, _) = key_type {
                    let withheld = rules.profile == Profile::Strict && policy.sensitive;
                    let given = template.bytes(ck::CKA_CHECK_VALUE);
                    check_value = check_value::kept(kind, &material, given, withheld)?;
                } else {
                    policy.public = Some(public_policy(&mut public_template, Some(policy.private))?);
                }
            }
        }
        rules.check_key(&policy)?;
        let label = [&template, &public_template].map(|template| template.text(ck::CKA_LABEL));
        let label = label.into_iter().find(|label| !label.is_empty()).unwrap_or_default();
        let is_hkdf = class == ck::CKO_SECRET_KEY && template.peek_number(ck::CKA_KEY_TYPE)? == Some(ck::CKK_HKDF);
        let (mut own, mut rest) = template.split();
        if is_hkdf && matches!(key_type, KeyType::Secret(SecretKind::Generic, _)) {
            own.extend(rest.bytes(ck::CKA_KEY_TYPE).map(|value| (ck::CKA_KEY_TYPE, value)));
        }
        let (public_attributes, public_rest) = public_template.split();
        let (private_attributes, public_attributes, rest, public_rest) = match class {
            ck::CKO_PUBLIC_KEY => (BTreeMap::new(), own, Template::default(), rest),
            // The public object that comes with a private key is found as that is.
            ck::CKO_PRIVATE_KEY if !pair => {
                let shared = [ck::CKA_LABEL, ck::CKA_ID, ck::CKA_SUBJECT];
                let public = own.iter().filter(|(kind, _)| shared.contains(kind));
                let public = public.map(|(kind, value)| (*kind, value.clone())).collect();
                (own, public, rest, Template::default())
            }
            _ => (own, public_attributes, rest, public_rest),
        };
        Ok(Self {
            token,
            class,
            label,
            policy,
            material,
            public,
            pair,
            private_attributes,
            public_attributes,
            check_value,
            enabled: true,
            not_before: None,
            expires: None,
            copied_from: Vec::new(),
            rest,
            public_rest,
        })
    }

    /// The record and the secret, to be given a number and a place. The record's own policy is complete but for the numbers.
    pub(super) fn into_record(self, request_id: String) -> Result<(VersionRecord, Zeroizing<Vec<u8>>)> {
        names::check_request_id(&request_id)?;
        let record = VersionRecord {
            enabled: self.enabled,
            not_before: self.not_before,
            expires: self.expires,
            public_key_der: self.public.map(|public| public.spki_der).unwrap_or_default(),
            policy: Some(self.policy),
            private_attributes: self.private_attributes,
            public_attributes: self.public_attributes,
            check_value: self.check_value,
            copied_from: self.copied_from,
            request_id,
            ..VersionRecord::default()
        };
        Ok((record, self.material))
    }
}

/// The flags of a private or secret key that say who may see and have it.
fn secrecy(
    policy: &mut KeyPolicy,
    template: &mut Template,
    provenance: &Provenance,
    rules: Rules,
    token: bool,
) -> Result<()> {
    let inconsistent = |what: &str| Err(Error::new(ErrorCode::TemplateInconsistent, what));
    // What a program agrees on for a session it means to read: Java and others take an agreed secret out without having said a word.
    let readable = !token
        && rules.profile == Profile::Standard
        && !matches!(provenance.origin, Origin::Generated | Origin::Imported)
        && !provenance.must_be_sensitive;
    policy.private = template.flag(ck::CKA_PRIVATE)?.unwrap_or(true);
    policy.sensitive = template.flag(ck::CKA_SENSITIVE)?.unwrap_or(!readable);
    policy.extractable = template.flag(ck::CKA_EXTRACTABLE)?.unwrap_or(readable && !provenance.must_stay);
    if provenance.must_be_sensitive && !policy.sensitive {
        return inconsistent("the new key must be sensitive (CKA_SENSITIVE true), as what it comes from may be");
    }
    if provenance.must_stay && policy.extractable {
        return inconsistent("the new key must not be extractable, as what it comes from is not");
    }
    policy.always_sensitive = provenance.always_sensitive && policy.sensitive;
    policy.never_extractable = provenance.never_extractable && !policy.extractable;
    policy.fixed = !template.flag(ck::CKA_MODIFIABLE)?.unwrap_or(true);
    policy.not_copyable = !template.flag(ck::CKA_COPYABLE)?.unwrap_or(true);
    policy.not_destroyable = !template.flag(ck::CKA_DESTROYABLE)?.unwrap_or(true);
    policy.wrap_with_trusted = template.flag(ck::CKA_WRAP_WITH_TRUSTED)?.unwrap_or(provenance.wrap_with_trusted);
    if provenance.wrap_with_trusted && !policy.wrap_with_trusted {
        return inconsistent("a trusted key alone wraps the new key (CKA_WRAP_WITH_TRUSTED), as what it comes from");
    }
    policy.allowed_mechanisms = template.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
    policy.unwrap_template = template.rule(ck::CKA_UNWRAP_TEMPLATE)?;
    policy.derive_template = template.rule(ck::CKA_DERIVE_TEMPLATE)?;
    if policy.class == ck::CKO_SECRET_KEY {
        refuse_trust(template)?;
        policy.wrap_template = template.rule(ck::CKA_WRAP_TEMPLATE)?;
        for impossible in [ck::CKA_SIGN_RECOVER, ck::CKA_VERIFY_RECOVER, ck::CKA_ENCAPSULATE, ck::CKA_DECAPSULATE] {
            template.only_flag(impossible, false)?;
        }
    } else {
        policy.always_authenticate = template.flag(ck::CKA_ALWAYS_AUTHENTICATE)?.unwrap_or(false);
        policy.decapsulate_template = template.rule(ck::CKA_DECAPSULATE_TEMPLATE)?;
        if policy.always_authenticate && !policy.private {
            return inconsistent("a key that asks for the PIN at each use is private (CKA_PRIVATE true)");
        }
    }
    Ok(())
}

/// The flags of a public key. The half of a pair whose private key is for everybody is for everybody too.
fn public_policy(template: &mut Template, private_half: Option<bool>) -> Result<PublicPolicy> {
    refuse_trust(template)?;
    let private = template.flag(ck::CKA_PRIVATE)?.unwrap_or(false);
    if private && private_half == Some(false) {
        return Err(Error::new(
            ErrorCode::TemplateInconsistent,
            "the public half is private and the private half is not",
        ));
    }
    Ok(PublicPolicy {
        private,
        fixed: !template.flag(ck::CKA_MODIFIABLE)?.unwrap_or(true),
        not_copyable: !template.flag(ck::CKA_COPYABLE)?.unwrap_or(true),
        not_destroyable: !template.flag(ck::CKA_DESTROYABLE)?.unwrap_or(true),
        trusted: false,
        allowed_mechanisms: template.mechanisms(ck::CKA_ALLOWED_MECHANISMS),
        wrap_template: template.rule(ck::CKA_WRAP_TEMPLATE)?,
        encapsulate_template: template.rule(ck::CKA_ENCAPSULATE_TEMPLATE)?,
    })
}

/// CKA_TRUSTED is the security officer's to set, on an object that is there.
fn refuse_trust(template: &mut Template) -> Result<()> {
    match template.flag(ck::CKA_TRUSTED)? {
        Some(true) => Err(Error::new(ErrorCode::AttributeReadOnly, "the security officer alone sets CKA_TRUSTED")),
        Some(false) | None => Ok(()),
    }
}

//! What C_SetAttributeValue and C_CopyObject may change of a key's policy: it narrows. What a flag once forbade it never allows again, and
//! what a key may do grows only where nothing wrapped by it could be undone that way.

use cryptoki_sys as ck;
use softkeep_proto::algorithm::KeyType;

use super::{
    new_object::{class_flags, possible_ops},
    template::Template,
};
use crate::{
    error::{Error, ErrorCode, Result},
    keys::record::{KeyPolicy, Ops},
    policy::profile::Rules,
};

/// What wraps and what could undo it.
const WRAPPING: Ops = Ops::WRAP_KEY
    .and(Ops::WRAP_OBJECT)
    .and(Ops::UNWRAP_OBJECT)
    .and(Ops::DECRYPT)
    .and(Ops::UNWRAP_KEY)
    .and(Ops::SIGN)
    .and(Ops::SIGN_RECOVER)
    .and(Ops::DERIVE);

fn read_only(kind: u64) -> Error {
    Error::new(ErrorCode::AttributeReadOnly, format!("attribute 0x{kind:x} cannot be changed so"))
}

/// Takes the policy's attributes out of a template and applies them to one of a key's objects. `rules` are given where operations may be
/// added at all: a token object's, in place. A copy and a session object never gain any, since what they were before is still about.
pub fn apply(policy: &mut KeyPolicy, class: u64, template: &mut Template, rules: Option<Rules>) -> Result<()> {
    let key_type = policy.key_type()?;
    change_ops(policy, class, key_type, template, rules)?;
    if class == ck::CKO_PUBLIC_KEY {
        let own = policy.public.get_or_insert_default();
        narrow(template, ck::CKA_COPYABLE, &mut own.not_copyable)?;
        narrow(template, ck::CKA_DESTROYABLE, &mut own.not_destroyable)?;
        narrow(template, ck::CKA_MODIFIABLE, &mut own.fixed)?;
        return Ok(());
    }
    narrow(template, ck::CKA_COPYABLE, &mut policy.not_copyable)?;
    narrow(template, ck::CKA_DESTROYABLE, &mut policy.not_destroyable)?;
    narrow(template, ck::CKA_MODIFIABLE, &mut policy.fixed)?;
    raise(template, ck::CKA_SENSITIVE, &mut policy.sensitive)?;
    raise(template, ck::CKA_WRAP_WITH_TRUSTED, &mut policy.wrap_with_trusted)?;
    let mut stays = !policy.extractable;
    narrow(template, ck::CKA_EXTRACTABLE, &mut stays)?;
    policy.extractable = !stays;
    Ok(())
}

/// A flag that may only become true.
fn raise(template: &mut Template, kind: u64, flag: &mut bool) -> Result<()> {
    match template.flag(kind)? {
        Some(false) if *flag => Err(read_only(kind)),
        Some(on) => {
            *flag = on;
            Ok(())
        }
        None => Ok(()),
    }
}

/// A flag that may only become false; `denied` is its opposite.
fn narrow(template: &mut Template, kind: u64, denied: &mut bool) -> Result<()> {
    match template.flag(kind)? {
        Some(true) if *denied => Err(read_only(kind)),
        Some(on) => {
            *denied = !on;
            Ok(())
        }
        None => Ok(()),
    }
}

fn change_ops(
    policy: &mut KeyPolicy,
    class: u64,
    key_type: KeyType,
    template: &mut Template,
    rules: Option<Rules>,
) -> Result<()> {
    let (mut ops, mut added) = (policy.operations(), Ops::NONE);
    for (kind, operation) in class_flags(class, key_type) {
        let Some(on) = template.flag(kind)? else { continue };
        if on && !ops.contains(operation) {
            if !possible_ops(key_type).contains(operation) {
                return Err(Error::new(
                    ErrorCode::AttributeInvalid,
                    format!("attribute 0x{kind:x}: not with such a key"),
                ));
            }
            added = added.and(operation);
        }
        ops = ops.with(operation, on);
    }
    if !added.is_empty() {
        let rules = rules.ok_or_else(|| {
            Error::new(ErrorCode::ActionProhibited, "a copy or a session object may do no more than it did before")
        })?;
        check_added(policy, added)?;
        rules.check_widening(policy, added)?;
    }
    policy.ops = ops.0;
    policy.ever_ops = policy.ever().and(ops).0;
    Ok(())
}

/// A key that the wrapping rule could ever accept keeps its operations as they are, copies and all: what it has wrapped must stay so.
fn check_added(policy: &KeyPolicy, added: Ops) -> Result<()> {
    let vouched_for = [ck::CKO_PUBLIC_KEY, policy.class].into_iter().any(|class| policy.is_trusted(class));
    if added.has_any(WRAPPING) && (policy.is_home_grown() || vouched_for || policy.ever_trusted) {
        let why = "a key that may wrap sensitive keys never gains an operation (it was made so, or is trusted)";
        return Err(Error::new(ErrorCode::ActionProhibited, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use softkeep_proto::pkcs11::v1::Attribute;

    use super::*;
    use crate::policy::profile::{Profile, WrappingRule};

    const STANDARD: Rules = Rules { profile: Profile::Standard, wrapping: WrappingRule::Guarded };

    fn key(ops: Ops) -> KeyPolicy {
        KeyPolicy {
            class: ck::CKO_SECRET_KEY,
            kind: "AES".into(),
            bits: 256,
            ops: ops.0,
            ever_ops: ops.0,
            extractable: true,
            private: true,
            ..KeyPolicy::default()
        }
    }

    fn home_grown(ops: Ops) -> KeyPolicy {
        let secret = KeyPolicy { generated: true, sensitive: true, always_sensitive: true, ..key(ops) };
        KeyPolicy { never_extractable: true, extractable: false, ..secret }
    }

    fn change(
        mut policy: KeyPolicy,
        flags: &[(u64, bool)],
        rules: Option<Rules>,
    ) -> std::result::Result<KeyPolicy, ErrorCode> {
        let attribute = |(kind, on): &(u64, bool)| Attribute { r#type: *kind, value: vec![u8::from(*on)].into() };
        let mut template = Template::parse(flags.iter().map(attribute).collect()).unwrap();
        let class = policy.class;
        apply(&mut policy, class, &mut template, rules).map_err(|error| error.code)?;
        assert!(template.kinds().is_empty());
        Ok(policy)
    }

    #[test]
    fn flags_go_one_way() {
        let narrowed = change(
            key(Ops::ENCRYPT),
            &[
                (ck::CKA_SENSITIVE, true),
                (ck::CKA_EXTRACTABLE, false),
                (ck::CKA_WRAP_WITH_TRUSTED, true),
                (ck::CKA_COPYABLE, false),
            ],
            None,
        )
        .unwrap();
        assert!(narrowed.sensitive && !narrowed.extractable && narrowed.wrap_with_trusted && narrowed.not_copyable);
        for back in [
            (ck::CKA_SENSITIVE, false),
            (ck::CKA_EXTRACTABLE, true),
            (ck::CKA_WRAP_WITH_TRUSTED, false),
            (ck::CKA_COPYABLE, true),
        ] {
            assert_eq!(
                change(narrowed.clone(), &[back], Some(STANDARD)),
                Err(ErrorCode::AttributeReadOnly),
                "{back:?}"
            );
        }
        let same = [(ck::CKA_SENSITIVE, true), (ck::CKA_EXTRACTABLE, false)];
        assert_eq!(change(narrowed.clone(), &same, None), Ok(narrowed));
    }

    #[test]
    fn operations_go_freely_and_come_only_where_they_undo_nothing() {
        let without = change(key(Ops::ENCRYPT.and(Ops::DECRYPT)), &[(ck::CKA_DECRYPT, false)], None).unwrap();
        assert_eq!((without.operations(), without.ever()), (Ops::ENCRYPT, Ops::ENCRYPT.and(Ops::DECRYPT)));
        let with = change(without.clone(), &[(ck::CKA_DECRYPT, true)], Some(STANDARD)).unwrap();
        assert!(with.operations().contains(Ops::DECRYPT));
        assert_eq!(change(without, &[(ck::CKA_DECRYPT, true)], None), Err(ErrorCode::ActionProhibited));
    }

    /// Clulow's attack by way of C_SetAttributeValue: to wrap, and then to make the key one that decrypts; or the other way round.
    #[test]
    fn a_key_that_may_wrap_sensitive_keys_gains_nothing() {
        for (has, wants) in [
            (Ops::WRAP_OBJECT, ck::CKA_DECRYPT),
            (Ops::ENCRYPT, ck::CKA_WRAP),
            (Ops::ENCRYPT, ck::CKA_DECRYPT),
            (Ops::NONE, ck::CKA_DERIVE),
        ] {
            let changed = change(home_grown(has), &[(wants, true)], Some(STANDARD));
            assert_eq!(changed, Err(ErrorCode::ActionProhibited), "{} 0x{wants:x}", has.words());
        }
        let trusted = KeyPolicy { trusted: true, ..key(Ops::WRAP_OBJECT) };
        assert_eq!(change(trusted, &[(ck::CKA_DECRYPT, true)], Some(STANDARD)), Err(ErrorCode::ActionProhibited));
        assert!(change(home_grown(Ops::ENCRYPT), &[(ck::CKA_VERIFY, true)], Some(STANDARD)).is_ok());
    }
}

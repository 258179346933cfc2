use softkeep_proto::algorithm::{KeyType, SecretKind};

use super::*;
use crate::{
    id::Id,
    policy::profile::{Profile, WrappingRule},
};

const STANDARD: Rules = Rules { profile: Profile::Standard, wrapping: WrappingRule::Guarded };
const STRICT: Rules = Rules { profile: Profile::Strict, ..STANDARD };
const IMPORT: Ops = Ops::of(KeyOperation::Import);

fn request(paths: &[&str]) -> v1::UpdateKeyRequest {
    let mut request = v1::UpdateKeyRequest::default();
    if !paths.is_empty() {
        let mask = request.update_mask.get_or_insert_default();
        mask.paths = paths.iter().map(|path| (*path).to_owned()).collect();
    }
    request
}

fn parse(request: v1::UpdateKeyRequest) -> Result<UpdateKey> {
    UpdateKey::parse(VaultName::Named("v".into()), KeyName::Named("k".into(), None), request)
}

fn version(key_type: KeyType, ops: Ops, ever: Ops) -> Version {
    let policy = KeyPolicy {
        class: cryptoki_sys::CKO_SECRET_KEY,
        kind: key_type.kind().into(),
        bits: key_type.bits(),
        ops: ops.0,
        ever_ops: ever.and(ops).0,
        private: true,
        sensitive: true,
        generated: true,
        always_sensitive: true,
        never_extractable: true,
        ..KeyPolicy::default()
    };
    let mut policy = policy;
    policy.set_origin(crate::keys::record::Origin::Generated);
    let record = VersionRecord {
        id: vec![1; 16],
        enabled: true,
        not_before: Some(10),
        expires: Some(20),
        tags: BTreeMap::from([("a".into(), "b".into())]),
        policy: Some(policy.clone()),
        ..VersionRecord::default()
    };
    Version { vault: Id([2; 16]), id: Id([1; 16]), record, policy, key_type, public: None, session: None }
}

fn aes(ops: Ops, ever: Ops) -> Version {
    version(KeyType::Secret(SecretKind::Aes, 32), ops, ever)
}

fn changed(request: v1::UpdateKeyRequest) -> Result<VersionRecord> {
    parse(request)?.changed(&aes(Ops::ENCRYPT, Ops::NONE), false, STANDARD)
}

#[test]
fn the_mask_says_what_is_changed_and_what_is_taken_away() {
    let unchanged = changed(request(&[])).unwrap();
    assert_eq!((unchanged.enabled, unchanged.not_before, unchanged.expires), (true, Some(10), Some(20)));
    assert_eq!(unchanged.tags.len(), 1);
    let attributes = v1::KeyAttributes { enabled: Some(false), expires: Some(99), ..Default::default() };
    let given = v1::UpdateKeyRequest { attributes: Some(attributes.clone()), ..request(&[]) };
    let record = changed(given.clone()).unwrap();
    assert_eq!((record.enabled, record.not_before, record.expires, record.tags.len()), (false, Some(10), Some(99), 1));
    let record = changed(v1::UpdateKeyRequest { ..request(&["not_before", "tags", "enabled"]) }).unwrap();
    assert_eq!((record.enabled, record.not_before, record.expires, record.tags.len()), (true, None, Some(20), 0));
    let only = v1::UpdateKeyRequest { attributes: Some(attributes), ..request(&["expires"]) };
    let record = changed(only).unwrap();
    assert_eq!((record.enabled, record.expires), (true, Some(99)), "what the mask does not name stays");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let attributes = |attributes| v1::UpdateKeyRequest { attributes: Some(attributes), ..request(&[]) };
    for wrong in [
        request(&["kty"]),
        request(&["attributes.enabled"]),
        attributes(v1::KeyAttributes { not_before: Some(20), ..Default::default() }),
        attributes(v1::KeyAttributes { expires: Some(10), ..Default::default() }),
        attributes(v1::KeyAttributes {
            tags: (0..16).map(|number| (number.to_string(), String::new())).collect(),
            ..Default::default()
        }),
        v1::UpdateKeyRequest { key_ops: vec!["fly".into()], ..request(&[]) },
    ] {
        assert_eq!(changed(wrong.clone()).unwrap_err().code, ErrorCode::InvalidArgument, "{wrong:?}");
    }
}

#[test]
fn operations_come_back_but_never_undo_what_a_key_has_wrapped() {
    let crypt = Ops::ENCRYPT.and(Ops::DECRYPT);
    let wrap = Ops::WRAP_KEY.and(Ops::UNWRAP_KEY);
    use ErrorCode::{ActionProhibited, InvalidArgument};
    for (name, ops, ever, wanted, expected) in [
        ("narrower", crypt, Ops::NONE, Ops::ENCRYPT, Ok(Ops::ENCRYPT)),
        ("none", crypt, Ops::NONE, Ops::NONE, Ok(Ops::NONE)),
        ("as it was once", Ops::ENCRYPT, crypt, crypt, Ok(crypt)),
        ("as it was once, and it wrapped", Ops::WRAP_KEY, crypt.and(wrap), crypt, Ok(crypt)),
        ("wider", Ops::ENCRYPT, Ops::NONE, crypt, Ok(crypt)),
        ("wrapping too", crypt, Ops::NONE, crypt.and(wrap), Ok(crypt.and(wrap))),
        ("undoing what it wraps", Ops::WRAP_KEY, Ops::NONE, Ops::WRAP_KEY.and(Ops::DECRYPT), Err(ActionProhibited)),
        ("undoing what it wrapped", Ops::ENCRYPT, Ops::WRAP_KEY, crypt, Err(ActionProhibited)),
        ("what PKCS#11 unwraps", Ops::UNWRAP_OBJECT, Ops::NONE, Ops::UNWRAP_KEY, Err(ActionProhibited)),
        ("of another type", crypt, Ops::NONE, IMPORT, Err(InvalidArgument)),
    ] {
        let result = with_ops(&aes(ops, ever), wanted, STANDARD).map(|policy| policy.operations());
        let result = result.map_err(|error| error.code);
        assert_eq!(result, expected, "{name}");
    }
    let kept = with_ops(&aes(Ops::ENCRYPT.and(Ops::DERIVE), Ops::NONE), Ops::DECRYPT, STANDARD).unwrap();
    assert_eq!(kept.operations(), Ops::DECRYPT.and(Ops::DERIVE), "what only PKCS#11 has stays");
    assert!(kept.ever().contains(crypt));
    let strict = with_ops(&aes(Ops::ENCRYPT, crypt), crypt, STRICT);
    assert_eq!(strict.unwrap_err().code, ActionProhibited);
    let mut fixed = aes(crypt, Ops::NONE);
    fixed.policy.fixed = true;
    assert_eq!(with_ops(&fixed, Ops::ENCRYPT, STANDARD).unwrap_err().code, ActionProhibited);
    assert!(with_ops(&fixed, crypt, STANDARD).is_ok(), "it is so already");
}

#[test]
fn a_key_for_imports_stays_one() {
    let rsa = |ops, hsm| {
        let mut version = version(KeyType::Rsa(2048), ops, Ops::NONE);
        version.record.hsm = hsm;
        version
    };
    let code = |result: Result<KeyPolicy>| result.map(|policy| policy.operations()).map_err(|error| error.code);
    let prohibited = Err(ErrorCode::ActionProhibited);
    assert_eq!(code(with_ops(&rsa(IMPORT, true), Ops::DECRYPT, STANDARD)), prohibited);
    assert_eq!(code(with_ops(&rsa(Ops::DECRYPT, true), IMPORT, STANDARD)), prohibited);
    assert_eq!(code(with_ops(&rsa(IMPORT, true), Ops::NONE, STANDARD)), Ok(Ops::NONE));
    assert_eq!(code(with_ops(&rsa(IMPORT, true), IMPORT, STANDARD)), Ok(IMPORT));
}

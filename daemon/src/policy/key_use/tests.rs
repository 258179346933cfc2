use super::*;
use crate::keys::record::{KeyPolicy, VersionRecord};

const ALL: Ops = Ops(u32::MAX);
const NOW: i64 = 1000;

fn version(enabled: bool, not_before: Option<i64>, expires: Option<i64>) -> Version {
    let policy = KeyPolicy {
        class: ck::CKO_SECRET_KEY,
        kind: "AES".into(),
        bits: 256,
        ops: ALL.0,
        version: vec![1; 16],
        ..KeyPolicy::default()
    };
    let record = VersionRecord {
        id: vec![1; 16],
        enabled,
        not_before,
        expires,
        policy: Some(policy),
        ..VersionRecord::default()
    };
    Version::parse(Id([2; 16]), record, None).unwrap()
}

/// Every operation × every state of a key.
#[test]
fn what_a_key_does_when() {
    let import = Ops::of(KeyOperation::Import);
    let in_time_only = [
        Ops::SIGN,
        Ops::SIGN_RECOVER,
        Ops::ENCRYPT,
        Ops::WRAP_KEY,
        Ops::WRAP_OBJECT,
        Ops::ENCAPSULATE,
        Ops::DERIVE,
        import,
    ];
    let always =
        [Ops::DECRYPT, Ops::UNWRAP_KEY, Ops::UNWRAP_OBJECT, Ops::VERIFY, Ops::VERIFY_RECOVER, Ops::DECAPSULATE];
    let known = in_time_only.iter().chain(&always).fold(Ops::NONE, |all, ops| all.and(*ops));
    let named = Ops(0x7f).and(Ops(0x7f << 16));
    assert_eq!(known, named, "every operation has a row here");
    let states = [
        ("usable", version(true, None, None), true, true),
        ("from now on", version(true, Some(NOW), None), true, true),
        ("for one more second", version(true, None, Some(NOW + 1)), true, true),
        ("not valid yet", version(true, Some(NOW + 1), None), false, true),
        ("expired", version(true, None, Some(NOW)), false, true),
        ("disabled", version(false, None, None), false, false),
        ("disabled and expired", version(false, None, Some(NOW)), false, false),
    ];
    for (state, version, makes, undoes) in &states {
        for (operations, expected) in [(&in_time_only[..], *makes), (&always[..], *undoes)] {
            for needs in operations {
                let result = check(version, *needs, NOW).map_err(|error| error.code);
                let expected = if expected { Ok(()) } else { Err(ErrorCode::KeyDisabled) };
                assert_eq!(result, expected, "{state}: {}", needs.words());
            }
        }
        assert_eq!(check_other(version, NOW).is_ok(), *makes, "{state}");
    }
}

#[test]
fn what_is_not_among_its_operations_is_refused_first() {
    let mut key = version(false, None, None);
    key.policy.ops = Ops::VERIFY.0;
    assert_eq!(check(&key, Ops::SIGN, NOW).unwrap_err().code, ErrorCode::OperationNotPermitted);
}

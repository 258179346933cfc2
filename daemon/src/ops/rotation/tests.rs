use std::sync::Arc;

use super::*;
use crate::{
    id::Id,
    keys::record::{KeyPolicy, KeyRecord, VersionRecord},
};

const DAY: i64 = 24 * 3600;

fn action(action: &str, after: &str, before: &str) -> v1::LifetimeAction {
    v1::LifetimeAction { action: action.into(), time_after_create: after.into(), time_before_expiry: before.into() }
}

fn policy(expiry: &str, lifetime_actions: Vec<v1::LifetimeAction>) -> v1::RotationPolicy {
    v1::RotationPolicy { expiry_time: expiry.into(), lifetime_actions, ..Default::default() }
}

fn record(expiry: &str, lifetime_actions: Vec<v1::LifetimeAction>) -> RotationRecord {
    check(&policy(expiry, lifetime_actions), 7).unwrap()
}

#[test]
fn durations_are_whole_and_of_the_calendar() {
    for (text, days) in
        [("P90D", 90), ("P2Y", 730), ("P1M", 30), ("P1Y2M10D", 435), ("P4W", 28), ("P999D", 999), ("P0Y1D", 1)]
    {
        assert_eq!(parse(text).map(|duration| duration.days).ok(), Some(days), "{text}");
    }
    for text in [
        "",
        "P",
        "90D",
        "P-1D",
        "-P1D",
        "+P1D",
        "P1.5D",
        "P1,5D",
        "PT1H",
        "P1DT1H",
        "P1D ",
        " P1D",
        "p1d",
        "P1Dx",
        "1 day",
        "P1D1Y",
        "PD",
        "P0D",
        "P99999999999999999999Y",
        "P30D30D",
    ] {
        assert_eq!(parse(text).map(|_| ()).unwrap_err().code, ErrorCode::InvalidArgument, "{text:?}");
    }
}

#[test]
fn policies_keep_the_rules() {
    let rotate = |after: &str, before: &str| vec![action("Rotate", after, before)];
    let notify = |before: &str| vec![action("Notify", "", before)];
    for (expiry, actions, fits) in [
        ("", vec![], true),
        ("P28D", vec![], true),
        ("P27D", vec![], false),
        ("soon", vec![], false),
        ("", rotate("P30D", ""), true),
        ("", rotate("P6D", ""), false),
        ("P90D", rotate("P83D", ""), true),
        ("P90D", rotate("P84D", ""), false),
        ("P90D", rotate("", "P30D"), true),
        ("P90D", rotate("", "P84D"), false),
        ("P90D", rotate("", "P6D"), false),
        ("", rotate("", "P30D"), false),
        ("P90D", rotate("", ""), false),
        ("P90D", rotate("P30D", "P30D"), false),
        ("", notify("P30D"), true),
        ("P90D", notify("P89D"), true),
        ("P90D", notify("P90D"), false),
        ("P90D", notify(""), false),
        ("P90D", vec![action("Notify", "P10D", "")], false),
        ("P90D", vec![action("Notify", "P10D", "P10D")], false),
        ("P90D", vec![action("Delete", "", "P10D")], false),
        ("P90D", [rotate("P30D", ""), notify("P10D")].concat(), true),
        ("P90D", [rotate("P30D", ""), rotate("P40D", "")].concat(), false),
        ("P90D", [notify("P30D"), notify("P10D")].concat(), false),
        ("P2Y", vec![action("rotate", "P18M", ""), action("NOTIFY", "", "P30D")], true),
    ] {
        let checked = check(&policy(expiry, actions.clone()), 7);
        assert_eq!(checked.is_ok(), fits, "{expiry} {actions:?}");
        assert!(checked.is_ok() || checked.is_err_and(|error| error.code == ErrorCode::InvalidArgument));
    }
}

#[test]
fn a_policy_is_shown_as_it_was_told() {
    let told = policy("P2Y", vec![action("Rotate", "P18M", ""), action("Notify", "", "P30D")]);
    let shown = show("v", "k", &check(&told, 7).unwrap());
    let expected =
        v1::RotationPolicy { vault: "v".into(), name: "k".into(), created: Some(7), updated: Some(7), ..told };
    assert_eq!(shown, expected);
    let default = show("v", "k", &default_record());
    assert_eq!(default.lifetime_actions, [action("Notify", "", "P30D")]);
    assert_eq!((default.expiry_time.as_str(), default.created, default.updated), ("", None, None));
}

/// 2026-01-31 00:00 UTC.
const CREATED: i64 = 1_769_817_600;

fn key(rotation: Option<RotationRecord>, change: impl FnOnce(&mut KeyRecord, &mut VersionRecord)) -> Key {
    let id = vec![1; 16];
    let policy = KeyPolicy {
        class: cryptoki_sys::CKO_SECRET_KEY,
        kind: "AES".into(),
        bits: 256,
        version: id.clone(),
        ..KeyPolicy::default()
    };
    let mut version = VersionRecord {
        id: id.clone(),
        created: CREATED,
        enabled: true,
        policy: Some(policy),
        ..VersionRecord::default()
    };
    let mut record = KeyRecord { name: "k".into(), current: id, rotation, ..KeyRecord::default() };
    change(&mut record, &mut version);
    Key { record: Arc::new(record), versions: vec![Arc::new(Version::parse(Id([2; 16]), version, None).unwrap())] }
}

#[test]
fn months_and_years_are_those_of_the_calendar() {
    let after = |duration: &str| rotates_at(&key(Some(record("", vec![action("Rotate", duration, "")])), |_, _| {}));
    assert_eq!(after("P30D"), Some(CREATED + 30 * DAY));
    assert_eq!(after("P1M"), Some(CREATED + 28 * DAY), "the last of February");
    assert_eq!(after("P1Y"), Some(CREATED + 365 * DAY));
    assert_eq!(after("P3Y"), Some(CREATED + (3 * 365 + 1) * DAY), "2028 is a leap year");
}

#[test]
fn a_rotation_is_due_before_expiry_or_after_creation() {
    let before = || Some(record("P90D", vec![action("Rotate", "", "P30D")]));
    let expiring = |_: &mut KeyRecord, version: &mut VersionRecord| version.expires = Some(CREATED + 90 * DAY);
    assert_eq!(rotates_at(&key(before(), expiring)), Some(CREATED + 60 * DAY));
    assert_eq!(rotates_at(&key(before(), |_, _| {})), None, "it does not expire");
    assert_eq!(rotates_at(&key(None, expiring)), None);
    let after = || Some(record("", vec![action("Rotate", "P7D", "")]));
    assert_eq!(rotates_at(&key(after(), |_, _| {})), Some(CREATED + 7 * DAY));
    assert_eq!(rotates_at(&key(after(), |_, version| version.enabled = false)), None);
    assert_eq!(rotates_at(&key(after(), |_, version| version.private_hidden = true)), None);
    assert_eq!(rotates_at(&key(after(), |key, _| key.deleted = Some(CREATED))), None);
    assert_eq!(rotates_at(&key(after(), |key, _| key.managed = true)), None);
    assert_eq!(rotates_at(&key(after(), |key, _| key.current = vec![9; 16])), None, "its record is damaged");
}

#[test]
fn a_notice_comes_once_for_each_version() {
    let expiring = |_: &mut KeyRecord, version: &mut VersionRecord| version.expires = Some(CREATED + 90 * DAY);
    assert_eq!(notifies_at(&key(None, expiring)), Some(CREATED + 60 * DAY), "by default");
    assert_eq!(notifies_at(&key(None, |_, _| {})), None, "it does not expire");
    let ten_days = || record("P90D", vec![action("Notify", "", "P10D")]);
    assert_eq!(notifies_at(&key(Some(ten_days()), expiring)), Some(CREATED + 80 * DAY));
    assert_eq!(notifies_at(&key(Some(record("P90D", vec![])), expiring)), None);
    let notified = |version: u8| Some(RotationRecord { notified: vec![version; 16], ..ten_days() });
    assert_eq!(notifies_at(&key(notified(1), expiring)), None);
    assert_eq!(notifies_at(&key(notified(2), expiring)), Some(CREATED + 80 * DAY), "an older version was announced");
}

#[test]
fn a_new_version_expires_as_the_policy_says() {
    assert_eq!(expires(None, CREATED), None);
    assert_eq!(expires(Some(&default_record()), CREATED), None);
    assert_eq!(expires(Some(&record("P90D", vec![])), CREATED), Some(CREATED + 90 * DAY));
    assert!(expires(Some(&record("P9999Y", vec![])), CREATED).is_some_and(|end| end > CREATED));
}

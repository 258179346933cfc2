//! When a key is rotated and when its expiry is announced: Key Vault's rules for a rotation policy, and the times that follow from one.
//! Durations are calendar durations (ISO 8601, "P1Y6M", "P90D") and count in UTC.

use jiff::{Span, Timestamp, tz::TimeZone};
use softkeep_proto::v1;

use crate::{
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::{Key, Version},
        record::RotationRecord,
    },
};

/// The shortest lifetime that a policy gives.
const MIN_LIFETIME_DAYS: i64 = 28;

/// A rotation keeps so far from both ends of a lifetime.
const MIN_ROTATION_DAYS: i64 = 7;

/// What a key has when nobody has said anything: its expiry is announced a month before.
const DEFAULT_NOTICE: &str = "P30D";

/// The longest duration in words; Key Vault's have a dozen characters at most.
const MAX_DURATION_CHARS: usize = 32;

const ROTATE: &str = "Rotate";
const NOTIFY: &str = "Notify";

fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

/// A duration of years, months, weeks and days.
struct Duration {
    span: Span,
    /// Its length for comparisons, with 365 days a year and 30 a month.
    days: i64,
}

/// Reads a duration: `P`, then whole numbers of years, months, weeks and days. Key Vault has no hours.
fn parse(text: &str) -> Result<Duration> {
    let refusal = || invalid(format!("'{text}' is no duration of years, months and days, such as P90D or P1Y6M"));
    let known = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'Y' | b'M' | b'W' | b'D');
    let digits = text.strip_prefix('P').filter(|rest| text.len() <= MAX_DURATION_CHARS && rest.bytes().all(known));
    digits.ok_or_else(refusal)?;
    let span: Span = text.parse().map_err(|_| refusal())?;
    let days = 365 * i64::from(span.get_years())
        + 30 * i64::from(span.get_months())
        + 7 * i64::from(span.get_weeks())
        + i64::from(span.get_days());
    if days == 0 {
        return Err(invalid(format!("'{text}' is no time at all")));
    }
    Ok(Duration { span, days })
}

/// Reads one that may be absent.
fn parse_optional(text: &str) -> Result<Option<Duration>> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// The record of a policy that keeps Key Vault's rules.
pub fn check(policy: &v1::RotationPolicy, now: i64) -> Result<RotationRecord> {
    let lifetime = parse_optional(&policy.expiry_time)?;
    if lifetime.as_ref().is_some_and(|lifetime| lifetime.days < MIN_LIFETIME_DAYS) {
        return Err(invalid(format!("a key's expiry time is at least {MIN_LIFETIME_DAYS} days")));
    }
    let expiry_time = policy.expiry_time.clone();
    let mut record = RotationRecord { expiry_time, created: now, updated: now, ..RotationRecord::default() };
    let (mut rotates, mut notifies) = (false, false);
    for action in &policy.lifetime_actions {
        let twice = match &action.action {
            name if name.eq_ignore_ascii_case(ROTATE) => {
                check_rotate(action, lifetime.as_ref())?;
                record.rotate_after_create.clone_from(&action.time_after_create);
                record.rotate_before_expiry.clone_from(&action.time_before_expiry);
                std::mem::replace(&mut rotates, true)
            }
            name if name.eq_ignore_ascii_case(NOTIFY) => {
                check_notify(action, lifetime.as_ref())?;
                record.notify_before_expiry.clone_from(&action.time_before_expiry);
                std::mem::replace(&mut notifies, true)
            }
            other => return Err(invalid(format!("an action is '{ROTATE}' or '{NOTIFY}', not '{other}'"))),
        };
        if twice {
            return Err(invalid(format!("a policy has one action '{}' at most", action.action)));
        }
    }
    Ok(record)
}

fn check_rotate(action: &v1::LifetimeAction, lifetime: Option<&Duration>) -> Result<()> {
    let after_create = parse_optional(&action.time_after_create)?;
    let before_expiry = parse_optional(&action.time_before_expiry)?;
    let at = match (&after_create, &before_expiry, lifetime) {
        (Some(at), None, _) | (None, Some(at), Some(_)) => at,
        (None, Some(_), None) => return Err(invalid("to rotate before expiry, a policy needs an expiry time")),
        (None, None, _) | (Some(_), Some(_), _) => {
            return Err(invalid("'Rotate' has one trigger: a time after creation or a time before expiry"));
        }
    };
    if at.days < MIN_ROTATION_DAYS || lifetime.is_some_and(|lifetime| at.days + MIN_ROTATION_DAYS > lifetime.days) {
        return Err(invalid(format!(
            "a rotation is at least {MIN_ROTATION_DAYS} days after creation and {MIN_ROTATION_DAYS} days before expiry"
        )));
    }
    Ok(())
}

fn check_notify(action: &v1::LifetimeAction, lifetime: Option<&Duration>) -> Result<()> {
    if !action.time_after_create.is_empty() {
        return Err(invalid("'Notify' has a time before expiry only"));
    }
    let before = parse_optional(&action.time_before_expiry)?;
    let before = before.ok_or_else(|| invalid("'Notify' needs a time before expiry"))?;
    if lifetime.is_some_and(|lifetime| before.days >= lifetime.days) {
        return Err(invalid("a notice comes within the key's lifetime"));
    }
    Ok(())
}

/// What a key has that nobody has given a policy.
pub fn default_record() -> RotationRecord {
    RotationRecord { notify_before_expiry: DEFAULT_NOTICE.into(), ..RotationRecord::default() }
}

/// A policy in the words of the services.
pub fn show(vault: &str, name: &str, record: &RotationRecord) -> v1::RotationPolicy {
    let action = |action: &str, after: &str, before: &str| {
        (!after.is_empty() || !before.is_empty()).then(|| v1::LifetimeAction {
            action: action.into(),
            time_after_create: after.into(),
            time_before_expiry: before.into(),
        })
    };
    let told = record.created != 0;
    v1::RotationPolicy {
        vault: vault.into(),
        name: name.into(),
        expiry_time: record.expiry_time.clone(),
        lifetime_actions: [
            action(ROTATE, &record.rotate_after_create, &record.rotate_before_expiry),
            action(NOTIFY, "", &record.notify_before_expiry),
        ]
        .into_iter()
        .flatten()
        .collect(),
        created: told.then_some(record.created),
        updated: told.then_some(record.updated),
        // The door's to say.
        id: String::new(),
    }
}

/// A time and so much more. `None` where that is no time any more, or where nothing was said.
fn add(time: i64, duration: &str, sign: i64) -> Option<i64> {
    let span = parse(duration).ok()?.span.checked_mul(sign).ok()?;
    let start = Timestamp::from_second(time).ok()?.to_zoned(TimeZone::UTC);
    start.checked_add(span).ok().map(|end| end.timestamp().as_second())
}

/// When a version that is made now expires.
pub fn expires(record: Option<&RotationRecord>, now: i64) -> Option<i64> {
    let record = record.filter(|record| !record.expiry_time.is_empty())?;
    // A policy that was accepted can be read; a lifetime past the end of the calendar ends there.
    add(now, &record.expiry_time, 1).or(Some(Timestamp::MAX.as_second()))
}

/// The current version, if the daemon does anything about it by itself: not with one that is disabled, destroyed, deleted or a
/// certificate's.
fn attended(key: &Key) -> Option<&Version> {
    let current = key.current().filter(|version| version.record.enabled && !version.record.private_hidden);
    current.filter(|_| key.record.deleted.is_none() && !key.record.managed).map(|version| &**version)
}

/// When a key is to be rotated.
pub fn rotates_at(key: &Key) -> Option<i64> {
    let record = key.record.rotation.as_ref()?;
    let version = &attended(key)?.record;
    match (&*record.rotate_after_create, &*record.rotate_before_expiry) {
        ("", "") => None,
        ("", before) => add(version.expires?, before, -1),
        (after, _) => add(version.created, after, 1),
    }
}

/// When the expiry of a key's current version is to be announced; `None` when it was.
pub fn notifies_at(key: &Key) -> Option<i64> {
    let version = &attended(key)?.record;
    let expires = version.expires?;
    let default = default_record();
    let record = key.record.rotation.as_ref().unwrap_or(&default);
    if record.notify_before_expiry.is_empty() || record.notified == version.id {
        return None;
    }
    add(expires, &record.notify_before_expiry, -1)
}

#[cfg(test)]
#[path = "rotation/tests.rs"]
mod tests;

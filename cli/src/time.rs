//! Times: Unix seconds on the wire, `2026-08-21T10:00:00+00:00` as `az` prints them, RFC 3339 and `az`'s shorter forms
//! as input.

#[cfg(test)]
mod tests;

use jiff::{Timestamp, civil, tz::TimeZone};

/// Prints Unix seconds as `az` does.
pub fn print(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// Prints Unix seconds as `az account get-access-token` does: without an offset. Here it is always UTC.
pub fn print_plain(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S.000000").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// Reads `2026-08-21T10:00:00Z`, with an offset, without one (UTC), without seconds, or a date alone (its midnight,
/// UTC).
pub fn parse(text: &str) -> Result<i64, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    let bare = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let civil = bare
        .parse::<civil::DateTime>()
        .or_else(|_| bare.parse::<civil::Date>().map(|date| date.to_datetime(civil::Time::midnight())))
        .map_err(|_| format!("'{text}' is not a time like 2026-12-31T23:59:59Z"))?;
    let zoned = civil.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(zoned.timestamp().as_second())
}

//! Golden files of JSON: `tests/golden/az/NAME.json` has what `az` prints for a verb, member for member, written from
//! its documented shapes. What differs from run to run stands there as a placeholder: `{time}`, `{version}`, `{hex}`,
//! `{base64}`, `{text}`, alone or within a text. Everything else, names, types and nulls, must be equal.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Compares what a verb printed with its golden file.
pub fn check(name: &str, printed: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/az").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expected: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut differences = Vec::new();
    compare("", &expected, printed, &mut differences);
    let lines = differences.join("\n  ");
    assert!(differences.is_empty(), "{} differs:\n  {lines}\nprinted: {printed:#}", path.display());
}

fn compare(path: &str, expected: &Value, printed: &Value, differences: &mut Vec<String>) {
    match (expected, printed) {
        (Value::Object(expected), Value::Object(printed)) => {
            for name in expected.keys().chain(printed.keys().filter(|name| !expected.contains_key(*name))) {
                let path = format!("{path}/{name}");
                match (expected.get(name), printed.get(name)) {
                    (Some(expected), Some(printed)) => compare(&path, expected, printed, differences),
                    (Some(_), None) => differences.push(format!("{path} is missing")),
                    (None, _) => differences.push(format!("{path} should not be there")),
                }
            }
        }
        (Value::Array(expected), Value::Array(printed)) if expected.len() == printed.len() => {
            for (index, (expected, printed)) in expected.iter().zip(printed).enumerate() {
                compare(&format!("{path}/{index}"), expected, printed, differences);
            }
        }
        (Value::String(pattern), Value::String(text)) if fits(pattern, text) => {}
        (expected, printed) if expected == printed => {}
        (expected, printed) => differences.push(format!("{path} is {printed}, not {expected}")),
    }
}

/// Whether a text is what a pattern with placeholders says.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == text };
    let Some((placeholder, after)) = rest.split_once('}') else { return pattern == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    // The shortest part that lets the rest fit; placeholders are few.
    (1..=text.len())
        .filter(|end| text.is_char_boundary(*end))
        .any(|end| is(placeholder, &text[..end]) && fits(after, &text[end..]))
}

fn is(placeholder: &str, text: &str) -> bool {
    let lower_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match placeholder {
        "time" => {
            let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
            shape == "0000-00-00T00:00:00+00:00" && text.ends_with("+00:00")
        }
        "version" => text.len() == 32 && lower_hex(text),
        "hex" => text.len().is_multiple_of(2) && lower_hex(text),
        "HEX" => text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')),
        "base64" => {
            let body = text.trim_end_matches('=');
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
            text.len().is_multiple_of(4) && text.len() - body.len() < 3 && body.bytes().all(letter)
        }
        "text" => true,
        _ => panic!("no placeholder {{{placeholder}}}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(expected: Value, printed: Value) -> Vec<String> {
        let mut found = Vec::new();
        compare("", &expected, &printed, &mut found);
        found
    }

    #[test]
    fn placeholders() {
        for (pattern, text) in [
            ("{time}", "2026-11-22T05:54:12+00:00"),
            ("https://v/keys/k/{version}", "https://v/keys/k/f84ddef3ea1fdd4bec536ceca0a884db"),
            ("{base64}", "AQ=="),
            ("a {text} c {text}", "a b c d"),
            ("plain", "plain"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("{time}", "2026-11-22T05:54:12Z"),
            ("{version}", "F84DDEF3EA1FDD4BEC536CECA0A884DB"),
            ("{base64}", "AQ"),
            ("{base64}", "A_=="),
            ("{text}", ""),
            ("{hex}", "abc"),
            ("plain", "plainer"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn names_types_and_nulls_count() {
        assert!(differences(json!({"a": "{text}", "b": null}), json!({"b": null, "a": "x"})).is_empty());
        for (expected, printed) in [
            (json!({"a": null}), json!({})),
            (json!({}), json!({"a": null})),
            (json!({"a": null}), json!({"a": ""})),
            (json!({"a": "1"}), json!({"a": 1})),
            (json!([1]), json!([1, 2])),
            (json!("{text}"), json!(1)),
        ] {
            assert_eq!(differences(expected, printed).len(), 1);
        }
    }
}

//! `-o yaml`: block style. A text that could be read as anything else is quoted as in JSON, which YAML 1.2 reads the
//! same way.

use serde_json::Value;

/// A value as a YAML document.
pub fn render(value: &Value) -> String {
    let mut out = String::new();
    match scalar(value) {
        Some(text) => out = text + "\n",
        None => block(value, 0, &mut out),
    }
    out
}

/// What fits on one line.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Object(members) if members.is_empty() => Some("{}".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
        plain => Some(plain.to_string()),
    }
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                out.push_str(&format!("{indent}{}:", quoted(name)));
                nested(member, depth + 1, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                nested(item, depth + 1, out);
            }
        }
        _ => {}
    }
}

fn nested(value: &Value, depth: usize, out: &mut String) {
    match scalar(value) {
        Some(text) => out.push_str(&format!(" {text}\n")),
        None => {
            out.push('\n');
            block(value, depth, out);
        }
    }
}

/// Plain only where no YAML reader could see a number, a date, a truth value or syntax.
fn quoted(text: &str) -> String {
    let word = text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/'));
    let reserved =
        ["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if word && !reserved { text.to_owned() } else { Value::from(text).to_string() }
}

//! The two matrices of `docs/pkcs11.md` are what the module's table of entry points and the table of mechanisms say.
//! `UPDATE_EXPECT=1` writes them anew.

use std::{env, fs, path::Path, path::PathBuf};

use cryptoki_sys as ck;
use softkeep_proto::mechanism::{self, ParameterKind, Row};

/// What a function has instead of a body, and what that answers.
const ANSWERS: [(&str, &str); 2] =
    [("unsupported", "`CKR_FUNCTION_NOT_SUPPORTED`"), ("general::not_parallel", "`CKR_FUNCTION_NOT_PARALLEL`")];

/// The uses of a mechanism, as columns.
const USES: [(&str, u64); 10] = [
    ("make", ck::CKF_GENERATE | ck::CKF_GENERATE_KEY_PAIR),
    ("sign, verify", ck::CKF_SIGN | ck::CKF_VERIFY),
    ("recover", ck::CKF_SIGN_RECOVER | ck::CKF_VERIFY_RECOVER),
    ("encrypt, decrypt", ck::CKF_ENCRYPT | ck::CKF_DECRYPT),
    ("by message", ck::CKF_MESSAGE_SIGN | ck::CKF_MESSAGE_VERIFY | ck::CKF_MESSAGE_ENCRYPT | ck::CKF_MESSAGE_DECRYPT),
    ("wrap, unwrap", ck::CKF_WRAP | ck::CKF_UNWRAP),
    ("derive", ck::CKF_DERIVE),
    ("encapsulate", ck::CKF_ENCAPSULATE | ck::CKF_DECAPSULATE),
    ("digest", ck::CKF_DIGEST),
    ("several messages", ck::CKF_MULTI_MESSAGE),
];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The functions as `ffi/table.rs` has them: name, version, what answers.
fn functions() -> Vec<(String, String, String)> {
    let source = fs::read_to_string(file("pkcs11-shim/src/ffi/table.rs")).unwrap();
    let mut version = String::new();
    let mut found = Vec::new();
    let rows = source.split_once("\nentry_points! {").expect("the table").1.replace("anytime C_", "initialised C_");
    for row in rows.split("initialised C_") {
        if !version.is_empty() {
            let name = format!("C_{}", row.split('(').next().unwrap());
            let body = row.split_once("=>").unwrap_or_else(|| panic!("{name} has no body")).1;
            found.push((name, version.clone(), answer(body)));
        }
        // The head of the next version stands before its first function.
        let mut heads = row.lines().filter_map(|line| line.trim().strip_suffix(" {"));
        if let Some(next) = heads.rfind(|word| word.starts_with(|digit: char| digit.is_ascii_digit())) {
            version = next.to_owned();
        }
    }
    found
}

/// What answers a function: the file of `calls/` or `ffi/` that its body names.
fn answer(body: &str) -> String {
    if let Some((_, answer)) = ANSWERS.iter().find(|(word, _)| body.contains(word)) {
        return (*answer).to_owned();
    }
    let word = body.split(|character: char| !(character.is_ascii_alphanumeric() || "_:".contains(character)));
    let path = word.filter(|word| word.contains("::")).find(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    path.and_then(|path| path.split("::").next()).unwrap_or_else(|| panic!("{body}")).replace('_', " ")
}

fn function_matrix() -> String {
    let functions = functions();
    // 2.40 has 68 functions; 3.0 adds 24, 3.2 another 12.
    assert_eq!(functions.len(), 68 + 24 + 12, "{functions:?}");
    let rows = functions.iter().map(|(name, version, answer)| format!("| `{name}` | {version} | {answer} |\n"));
    format!("| function | since | answered by |\n|---|---|---|\n{}", rows.collect::<String>())
}

fn mechanism_matrix() -> String {
    let heads: String = USES.iter().map(|(head, _)| format!(" {head} |")).collect();
    let rules = "---|".repeat(USES.len());
    let rows: String = mechanism::TABLE.iter().map(mechanism_row).collect();
    format!("| mechanism |{heads} keys | parameter |\n|---|{rules}---|---|\n{rows}")
}

fn mechanism_row(row: &Row) -> String {
    let uses: String = USES.iter().map(|(_, flags)| if row.flags & flags != 0 { " ✓ |" } else { " |" }).collect();
    let sizes = match row.key_sizes() {
        (0, 0) => String::new(),
        (smallest, largest) if smallest == largest => smallest.to_string(),
        (smallest, largest) => format!("{smallest}–{largest}"),
    };
    let parameter = match row.parameter() {
        ParameterKind::None => String::new(),
        ParameterKind::Iv(bytes) => format!("{bytes} bytes"),
        ParameterKind::OptionalIv(bytes) => format!("none or {bytes} bytes"),
        kind => words(&format!("{kind:?}")),
    };
    format!("| `{}` |{uses} {sizes} | {parameter} |\n", row.name)
}

/// `OptionalSignContext` as words.
fn words(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() && words.ends_with(|last: char| last.is_lowercase()) {
            words.push(' ');
        }
        words.push(character);
    }
    words.replace("Optional ", "none or ")
}

/// The page with a generated part put in between its two marks.
fn with_part(page: &str, name: &str, part: &str) -> String {
    let (from, to) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->\n");
    let (before, rest) = page.split_once(&from).unwrap_or_else(|| panic!("docs/pkcs11.md has no {from}"));
    let (_, after) = rest.split_once(to).unwrap_or_else(|| panic!("no end of {name}"));
    format!("{before}{from}\n{part}\n{to}{after}")
}

#[test]
fn the_matrices_are_what_the_tables_say() {
    let path = file("docs/pkcs11.md");
    let page = fs::read_to_string(&path).unwrap();
    let expected = with_part(&page, "functions", &function_matrix());
    let expected = with_part(&expected, "mechanisms", &mechanism_matrix());
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    for (is, should_be) in page.lines().zip(expected.lines()) {
        assert_eq!(is, should_be, "UPDATE_EXPECT=1 writes it");
    }
    assert_eq!(page.lines().count(), expected.lines().count(), "UPDATE_EXPECT=1 writes it");
}

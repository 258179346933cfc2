//! The documents' commands, verbatim but for the program's name, on one throw-away daemon; what they print is compared with a golden
//! file. `UPDATE_EXPECT=1` writes it anew.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use softkeep_tests::{program, stdout_of, tools::tool};

const DOCUMENTS: &str = include_str!("az_grammar/documents.txt");
/// Lists longer than this are shown by their beginning.
const SHOWN_ITEMS: usize = 8;
const PASSWORD: &str = "hVFkk965BuUv";

fn commands() -> Vec<&'static str> {
    DOCUMENTS.lines().filter(|line| line.starts_with("az ")).collect()
}

/// One shell for all: each command's output and exit code go to files of their number.
fn script() -> String {
    let mut script = "SUBSCRIPTION=$(softkeep account show --query id -o tsv)\n\
        TENANT=$(softkeep account show --query tenantId -o tsv)\n"
        .to_owned();
    for (number, line) in commands().into_iter().enumerate() {
        let line = line.replacen("az ", "softkeep ", 1);
        if line.contains("--byok-file") {
            script.push_str("sh ./make-byok.sh >make-byok.log 2>&1\n");
        }
        let _ = writeln!(script, "{line} >{number}.out 2>{number}.err </dev/null\necho $? >{number}.exit");
        if line.contains("create-for-rbac -n \"MyApp\"") {
            let _ = writeln!(script, "APP_ID=$(sed -n 's/.*\"appId\": \"\\(.*\\)\".*/\\1/p' {number}.out)");
        }
    }
    script
}

/// The blob that the BYOK document has a key management tool make, by OpenSSL alone.
const MAKE_BYOK: &str = r#"set -e
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out target.pem
openssl pkcs8 -topk8 -nocrypt -in target.pem -outform DER -out target.der
openssl rand -out aes.bin 32
openssl pkeyutl -encrypt -pubin -inkey KEKforBYOK.publickey.pem -in aes.bin -out p1.bin -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha1
openssl enc -id-aes256-wrap-pad -iv A65959A6 -K "$(od -An -v -tx1 aes.bin | tr -d ' \n')" -in target.der -out p2.bin
ct=$(cat p1.bin p2.bin | base64 -w0 | tr '+/' '-_' | tr -d =)
kid=$(softkeep keyvault key show --vault-name ContosoKeyVaultHSM --name KEKforBYOK --query key.kid -o tsv)
printf '{"schema_version":"1.0.0","header":{"kid":"%s","alg":"dir","enc":"CKM_RSA_AES_KEY_WRAP"},"ciphertext":"%s","generator":"openssl"}' "$kid" "$ct" >ITByok.byok
"#;

/// The files that the documents name.
fn files(folder: &Path) {
    let openssl = || {
        let mut command = Command::new(tool("openssl", "openssl"));
        command.current_dir(folder).stderr(Stdio::null());
        command
    };
    let password = format!("pass:{PASSWORD}");
    stdout_of(openssl().args([
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
        "plain.pem",
    ]));
    stdout_of(
        openssl()
            .args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "plain.pem", "-passout", &password])
            .args(["-out", "softkey.pem"]),
    );
    stdout_of(openssl().args([
        "req",
        "-x509",
        "-key",
        "plain.pem",
        "-subj",
        "/CN=contoso.com",
        "-days",
        "365",
        "-out",
        "cert.pem",
    ]));
    let pfx = [
        "pkcs12",
        "-export",
        "-inkey",
        "plain.pem",
        "-in",
        "cert.pem",
        "-passout",
        &password,
        "-out",
        r"c:\cert\cert.pfx",
    ];
    stdout_of(openssl().args(pfx));
    fs::write(folder.join("make-byok.sh"), MAKE_BYOK).unwrap();
}

#[test]
fn the_documents_run_verbatim() {
    let folder = tempfile::Builder::new().prefix("softkeep-az.").tempdir().unwrap();
    files(folder.path());
    fs::write(folder.path().join("all.sh"), script()).unwrap();
    let softkeep = program("softkeep");
    let path = format!("{}:{}", softkeep.parent().unwrap().display(), env::var("PATH").unwrap_or_default());
    stdout_of(
        Command::new(&softkeep)
            .args(["run", "--user", "username@domain.com:password", "--", "sh", "./all.sh"])
            .env("PATH", path)
            .env("XDG_CONFIG_HOME", folder.path())
            .env_remove("SOFTKEEP_OUTPUT")
            .env_remove("SOFTKEEP_CONFIG")
            .current_dir(folder.path()),
    );
    let mut shown = String::new();
    let mut failed = String::new();
    for (number, line) in commands().into_iter().enumerate() {
        let read = |ending: &str| fs::read_to_string(folder.path().join(format!("{number}.{ending}"))).unwrap();
        let (out, exit) = (read("out"), read("exit"));
        if exit.trim() != "0" {
            let _ = writeln!(failed, "{line}\n{}", read("err"));
        }
        let _ = writeln!(shown, "$ {line}\n{}", normal(&out));
    }
    assert!(failed.is_empty(), "these failed:\n{failed}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/az-documents.txt");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&golden, &shown).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap();
    if let Some((number, (found, wanted))) =
        shown.lines().zip(expected.lines()).enumerate().find(|(_, (found, wanted))| found != wanted)
    {
        panic!("az-documents.txt line {}: expected {wanted}, found {found} (UPDATE_EXPECT=1 if meant)", number + 1);
    }
    assert_eq!(shown.lines().count(), expected.lines().count(), "az-documents.txt ends elsewhere");
}

/// Output without what is another each time.
fn normal(out: &str) -> String {
    match serde_json::from_str::<Value>(out) {
        Ok(value) => format!("{:#}\n", normal_value(value, "")),
        // Help is clap's to word.
        Err(_) if out.contains("Usage: ") => "<help>\n".to_owned(),
        Err(_) => out.to_owned(),
    }
}

fn normal_value(value: Value, name: &str) -> Value {
    match value {
        Value::Array(items) => {
            let more = items.len() > SHOWN_ITEMS;
            let shown = items.into_iter().take(SHOWN_ITEMS).map(|item| normal_value(item, name));
            shown.chain(more.then(|| "<more>".into())).collect()
        }
        // Its names are GUIDs, which are in another order each time.
        Value::Object(members) if name == "principals" => {
            let named = members.values().filter_map(Value::as_str);
            let mut names: Vec<String> = named.map(normal_words).collect();
            names.sort();
            names.into()
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value = normal_value(value, &name);
                (normal_words(&name), value)
            })
            .collect(),
        Value::Number(_) if ["revision", "expires_on"].contains(&name) => "<number>".into(),
        Value::String(text) if SECRETS.contains(&name) => {
            format!("<{}>", if text.is_empty() { "empty" } else { name }).into()
        }
        Value::String(text) => normal_words(&text).into(),
        plain => plain,
    }
}

/// Members whose values are random, or long.
const SECRETS: [&str; 10] =
    ["accessToken", "password", "n", "x", "y", "cer", "x509Thumbprint", "x509ThumbprintHex", "hint", "expiresOn"];

fn normal_words(text: &str) -> String {
    let bytes = text.as_bytes();
    if bytes.len() == 25 && text.ends_with("+00:00") && bytes.get(10) == Some(&b'T') {
        return "<time>".to_owned();
    }
    let mut words = String::new();
    for part in text.split_inclusive(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')) {
        let end =
            part.len() - usize::from(part.ends_with(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')));
        let (word, rest) = part.split_at(end);
        let hex = word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        words.push_str(match (hex, word.len()) {
            (true, 36) => "<guid>",
            (true, 32) => "<version>",
            _ => word,
        });
        words.push_str(rest);
    }
    words
}

//! Precedence, defaults and refusals.

use super::*;

fn file(text: &str) -> (PathBuf, File) {
    let path = PathBuf::from(format!("/c{}", text.len()));
    let file = parse(text, &path).unwrap();
    (path, file)
}

fn resolve(flag: Option<&str>, env: &[(&str, &str)], files: &[&str]) -> Settings {
    let flags = GlobalArgs { endpoint: flag.map(str::to_owned), ..GlobalArgs::default() };
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let files = files.iter().map(|text| file(text)).collect();
    Settings::resolve(&flags, &env, files, &|path| path.starts_with("/there")).unwrap()
}

#[test]
fn flag_over_environment_over_files_over_default() {
    let files = [
        "endpoint = 'unix:///user'\n[tls]\nca-file = '/ca'",
        "endpoint = 'unix:///system'\nvault = 'v'\noutput = 'tsv'",
    ];
    let env = [("SOFTKEEP_ENDPOINT", "unix:///env"), ("SOFTKEEP_VAULT", "e")];
    let endpoint = |settings: &Settings| settings.endpoint.to_string();
    assert_eq!(endpoint(&resolve(Some("unix:///flag"), &env, &files)), "unix:///flag");
    assert_eq!(endpoint(&resolve(None, &env, &files)), "unix:///env");
    let from_files = resolve(None, &[], &files);
    assert_eq!(endpoint(&from_files), "unix:///user");
    assert_eq!(from_files.vault.as_deref(), Some("v"));
    assert_eq!(from_files.output, Format::Tsv);
    assert_eq!(from_files.tls.ca_file, Some(PathBuf::from("/ca")));
    assert_eq!(resolve(None, &env, &files).vault.as_deref(), Some("e"));
    let nothing = resolve(None, &[], &[]);
    assert_eq!(endpoint(&nothing), "unix:///run/softkeep/softkeep.sock");
    assert!(!nothing.output_chosen);
}

#[test]
fn the_users_socket_if_it_is_there() {
    let there = resolve(None, &[("XDG_RUNTIME_DIR", "/there")], &[]);
    assert_eq!(there.endpoint.to_string(), "unix:///there/softkeep/softkeep.sock");
    let away = resolve(None, &[("XDG_RUNTIME_DIR", "/away")], &[]);
    assert_eq!(away.endpoint.to_string(), "unix:///run/softkeep/softkeep.sock");
}

#[test]
fn endpoints() {
    assert_eq!(Endpoint::parse("unix:/a/b").unwrap(), Endpoint::Unix(PathBuf::from("/a/b")));
    assert_eq!(Endpoint::parse("https://h:1/").unwrap(), Endpoint::Https("https://h:1".to_owned()));
    let long = format!("unix:///{}", "x".repeat(107));
    for text in ["", "unix://", "unix://a/b", "http://h:1", "https://", "/a/b", long.as_str()] {
        assert_eq!(Endpoint::parse(text).unwrap_err().exit() as u8, 2, "{text}");
    }
}

#[test]
fn unknown_settings_are_errors() {
    for text in ["vualt = 'x'", "[tls]\nca = 'x'", "endpoint = 1", "="] {
        let error = parse(text, Path::new("/c")).unwrap_err();
        assert_eq!(error.exit() as u8, 2, "{text}");
        assert!(error.message().starts_with("/c line "), "{}", error.message());
    }
}

#[test]
fn a_vault_must_be_named_somewhere() {
    let settings = resolve(None, &[], &[]);
    assert_eq!(settings.vault(Some("x")).unwrap(), "x");
    assert_eq!(settings.vault(None).unwrap_err().exit() as u8, 2);
}

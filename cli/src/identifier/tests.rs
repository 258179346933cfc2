//! Identifiers, good and bad.

use super::*;

fn check(text: &str, vault: &str, name: Option<&str>, version: Option<&str>) {
    let collection = name.map(|_| Collection::Keys);
    let (name, version) = (name.map(str::to_owned), version.map(str::to_owned));
    let expected = Identifier { vault: vault.to_owned(), collection, name, version };
    assert_eq!(Identifier::parse(text).unwrap(), expected, "{text}");
}

#[test]
fn good() {
    let version = "0123456789abcdef0123456789abcdef";
    check("https://dev.vault.localhost", "dev", None, None);
    check("https://dev.vault.localhost:8443/", "dev", None, None);
    check("https://dev.vault.localhost/keys/web", "dev", Some("web"), None);
    check("https://dev.vault.localhost/keys/web/", "dev", Some("web"), None);
    check(&format!("HTTPS://dev.vault.azure.net/keys/web/{version}"), "dev", Some("web"), Some(version));
    let upper = format!("https://dev.v/keys/web/{}", version.to_ascii_uppercase());
    check(&upper, "dev", Some("web"), Some(version));
}

#[test]
fn bad() {
    for text in [
        "",
        "dev",
        "http://dev.v/keys/web",
        "https://",
        "https:///keys/web",
        "https://d_v.v/keys/web",
        "https://dev.v/keys//0123456789abcdef0123456789abcdef",
        "https://dev.v/locks/web",
        "https://dev.v/keys/web/1",
        "https://dev.v/keys/web/0123456789abcdef0123456789abcdeg",
        "https://dev.v/keys/web/0123456789abcdef0123456789abcdef/more",
        "https:/ä",
    ] {
        assert_eq!(Identifier::parse(text).unwrap_err().exit() as u8, 2, "{text}");
    }
}

#[test]
fn collections() {
    for (part, expected) in [
        ("keys", Collection::Keys),
        ("Key", Collection::Keys),
        ("deletedkeys", Collection::Keys),
        ("secrets", Collection::Secrets),
        ("secret", Collection::Secrets),
        ("deletedsecrets", Collection::Secrets),
        ("certificates", Collection::Certificates),
        ("deletedcertificates", Collection::Certificates),
    ] {
        let id = Identifier::parse(&format!("https://dev.v/{part}/web/")).unwrap();
        assert_eq!((id.collection, id.name.as_deref()), (Some(expected), Some("web")), "{part}");
    }
    assert_eq!(Identifier::parse("https://dev.v/keys").unwrap().name, None);
}

use der::{Decode as _, Encode as _};
use proptest::prelude::*;
use x509_cert::name::Name as Parsed;

use super::*;

fn shown(text: &str) -> String {
    show(&Parsed::from_der(&parse(text).unwrap().to_der().unwrap()).unwrap())
}

#[test]
fn what_key_vaults_users_write() {
    for (written, expected) in [
        ("CN=contoso.com", "CN=contoso.com"),
        ("CN=contoso.com,O=Contoso,C=us", "CN=contoso.com, O=Contoso, C=US"),
        ("  cn = contoso.com ; O=Contoso ", "CN=contoso.com, O=Contoso"),
        (r#"CN=a, O="Contoso, Ltd", S=Washington"#, r"CN=a, O=Contoso\, Ltd, ST=Washington"),
        (r#"CN="say ""hi""""#, r#"CN=say \"hi\""#),
        (r"CN=a\,b\+c\\d", r"CN=a\,b\+c\\d"),
        (r"CN=M\c3\bcller", "CN=Müller"),
        (r"CN=\ a\ ", r"CN=\ a\ "),
        (r"CN=\#1", r"CN=\#1"),
        ("CN=a=b", "CN=a=b"),
        ("CN=schlüssel/1 ", "CN=schlüssel/1"),
        ("OU=a+CN=b, O=c", "CN=b+OU=a, O=c"),
        ("E=a@b.c, CN=x", "E=a@b.c, CN=x"),
        ("CN=example, DC=example, DC=net", "CN=example, DC=example, DC=net"),
        ("OID.2.5.4.3=a", "CN=a"),
        ("1.2.3.4=#0c0161", "1.2.3.4=#0c0161"),
        ("", ""),
    ] {
        assert_eq!(shown(written), expected, "{written}");
        assert_eq!(shown(expected), expected, "{expected}");
    }
}

#[test]
fn what_cannot_be_read() {
    let long = format!("CN={}", "a".repeat(65));
    let longer = format!("CN={}", "a".repeat(5000));
    for text in [
        "contoso.com",
        "CN",
        "CN=",
        "=a",
        "CN=a,",
        ",CN=a",
        "CN=a,,O=b",
        "XX=a",
        "CN=\"a",
        "CN=\"a\"b",
        "CN=a\"b",
        r"CN=a\",
        r"CN=a\x",
        r"CN=\ff",
        "C=USA",
        "C=1",
        "CN=#",
        "CN=#0",
        "CN=#zz",
        "CN=#0c05",
        "DC=ä",
        "CN=a\n",
        "SERIALNUMBER=ü",
        "1.2=",
        "9.9.9=a",
        &long,
        &longer,
    ] {
        assert_eq!(parse(text).unwrap_err().code, ErrorCode::InvalidArgument, "{text}");
    }
}

#[test]
fn openssl_reads_the_same() {
    let name = parse(r#"CN=Zoë "Z" \#1, OU=a\+b, O="Contoso, Ltd", L=Zürich, C=CH"#);
    assert!(name.is_err(), "a quote needs a backslash");
    let name = parse(r#"CN=Zoë #1, OU=a\+b, O="Contoso, Ltd", L=Zürich, C=CH"#).unwrap();
    assert_eq!(name.len(), 5);
    // The country first: RFC 4514 turns the order round.
    assert_eq!(name.first().unwrap().iter().next().unwrap().oid, rfc4519::COUNTRY_NAME);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in ".{0,64}") {
        if let Ok(name) = parse(&text) {
            let der = name.to_der().unwrap();
            if !name.is_empty() {
                let again = parse(&show(&Parsed::from_der(&der).unwrap())).unwrap();
                prop_assert_eq!(again.to_der().unwrap(), der);
            }
        }
    }

    #[test]
    fn any_value_goes_there_and_back(
        cn in "[^\\p{C}]{1,64}", o in "[^\\p{C}]{1,64}", names in "(CN|O|OU|L|ST|STREET|UID|T)",
    ) {
        let text = format!("{names}={}, DC=b, O={}", escape(&cn), escape(&o));
        let name = parse(&text).unwrap();
        prop_assert_eq!(show(&Parsed::from_der(&name.to_der().unwrap()).unwrap()), text);
    }

    /// A grammar-shaped text finds more than noise does.
    #[test]
    fn any_almost_name_is_survived(text in "((CN|O|C|E|1\\.2\\.3|X)?[=,;+]?[ \"#\\\\a-fü0-9]{0,5}){0,8}") {
        if let Ok(name) = parse(&text) && !name.is_empty() {
            let der = name.to_der().unwrap();
            prop_assert_eq!(parse(&show(&Parsed::from_der(&der).unwrap())).unwrap().to_der().unwrap(), der);
        }
    }
}

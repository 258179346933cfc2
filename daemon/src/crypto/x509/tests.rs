use std::{fs, process::Command};

use der::pem::LineEnding;
use softkeep_proto::algorithm::{Curve, KeyType, SignScheme};

use super::*;
use crate::crypto::{AwsLc, Backend as _, PrivateKey, key_info::public_info_of_private};

struct Key {
    private: std::sync::Arc<dyn PrivateKey>,
    public: PublicInfo,
}

impl Key {
    fn new(key_type: KeyType) -> Self {
        let pkcs8 = AwsLc.generate(key_type).unwrap();
        Self { private: AwsLc.open(&pkcs8).unwrap(), public: public_info_of_private(&pkcs8).unwrap() }
    }

    fn sign(&self) -> impl Fn(&SignScheme, &[u8]) -> Result<Vec<u8>> + '_ {
        |scheme, input| self.private.sign(scheme, input)
    }
}

fn contents(subject: &str) -> Contents {
    Contents::signing(name::parse(subject).unwrap())
}

const TIMES: Times = Times { not_before: 1_700_000_000, not_after: 4_000_000_000 };

fn openssl(dir: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {text}");
    text
}

fn write(dir: &std::path::Path, name: &str, label: &str, der: &[u8]) {
    fs::write(dir.join(name), der::pem::encode_string(label, LineEnding::LF, der).unwrap()).unwrap();
}

#[test]
fn an_authority_and_what_it_issues() {
    let dir = tempfile::tempdir().unwrap();
    for (authority_type, leaf_type) in
        [(KeyType::Rsa(2048), KeyType::Ec(Curve::P256)), (KeyType::Ec(Curve::P384), KeyType::Rsa(2048))]
    {
        let (authority, leaf) = (Key::new(authority_type), Key::new(leaf_type));
        let sign = authority.sign();
        let signer = Signer { public: &authority.public, sign: &sign };
        let root = Contents { authority: Some(Some(0)), ..contents("CN=Root, O=Contoso") };
        let root = certificate(&root, &authority.public, TIMES, [1; 16], None, signer).unwrap();
        write(dir.path(), "root.pem", "CERTIFICATE", &root);
        let root = Read::parse(&root).unwrap();
        assert!(root.is_authority() && root.path_len() == Some(0));

        let wanted = Contents {
            names: vec![
                contents::dns_name("*.contoso.com").unwrap(),
                contents::email("a@contoso.com").unwrap(),
                contents::user_principal_name("ö@contoso.com").unwrap(),
                contents::uri("https://contoso.com/a").unwrap(),
                contents::ip_address("10.0.0.1").unwrap(),
                contents::ip_address("::1").unwrap(),
            ],
            key_usages: contents::key_usage("digitalsignature").unwrap()
                | contents::key_usage("keyEncipherment").unwrap()
                | contents::key_usage("keyCertSign").unwrap(),
            extended: vec![contents::purpose("1.3.6.1.5.5.7.3.1").unwrap()],
            ..contents("CN=web, O=Contoso, C=CH")
        };
        let der = certificate(&wanted, &leaf.public, TIMES, [2; 16], Some(&root), signer).unwrap();
        write(dir.path(), "leaf.pem", "CERTIFICATE", &der);
        openssl(dir.path(), &["verify", "-x509_strict", "-CAfile", "root.pem", "leaf.pem"]);
        openssl(dir.path(), &["verify", "-x509_strict", "-CAfile", "root.pem", "root.pem"]);
        let text = openssl(dir.path(), &["x509", "-noout", "-text", "-in", "leaf.pem"]);
        let encipherment = matches!(leaf_type, KeyType::Rsa(_));
        for expected in [
            "Issuer: O = Contoso, CN = Root",
            "Subject: C = CH, O = Contoso, CN = web",
            "DNS:*.contoso.com, email:a@contoso.com, othername: UPN::",
            "URI:https://contoso.com/a, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1",
            "TLS Web Server Authentication",
            if encipherment { "Digital Signature, Key Encipherment\n" } else { "Digital Signature\n" },
            "CA:FALSE",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(!text.contains("Certificate Sign"), "only an authority signs certificates:\n{text}");

        let read = Read::parse(&der).unwrap();
        assert!(
            read.is_for(&leaf.public) && !read.is_for(&authority.public) && root.issued(&read) && !read.is_authority()
        );
        assert_eq!((read.not_before, read.not_after), (TIMES.not_before, TIMES.not_after));
        assert_eq!(read.subject, "CN=web, O=Contoso, C=CH");
        let names = read.alternative_names();
        assert_eq!(
            (names.dns_names, names.emails, names.upns, names.uris, names.ip_addresses),
            (
                vec!["*.contoso.com".into()],
                vec!["a@contoso.com".into()],
                vec!["ö@contoso.com".into()],
                vec!["https://contoso.com/a".into()],
                vec!["10.0.0.1".into(), "::1".into()]
            )
        );
        assert_eq!(read.extended_key_usages(), ["1.3.6.1.5.5.7.3.1"]);
    }
}

#[test]
fn a_request_that_openssl_signs() {
    let dir = tempfile::tempdir().unwrap();
    for key_type in [KeyType::Rsa(2048), KeyType::Ec(Curve::P521)] {
        let key = Key::new(key_type);
        let sign = key.sign();
        let wanted = Contents { names: vec![contents::dns_name("a.b").unwrap()], ..contents("CN=asked, O=Contoso") };
        let csr = request::request(&wanted, Signer { public: &key.public, sign: &sign }).unwrap();
        write(dir.path(), "request.pem", "CERTIFICATE REQUEST", &csr);
        let text = openssl(dir.path(), &["req", "-verify", "-noout", "-text", "-in", "request.pem"]);
        assert!(text.contains("Subject: O = Contoso, CN = asked") && text.contains("DNS:a.b"), "{text}");
        openssl(
            dir.path(),
            &[
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key", "-out",
                "ca.pem",
            ],
        );
        openssl(
            dir.path(),
            &[
                "x509",
                "-req",
                "-copy_extensions",
                "copyall",
                "-in",
                "request.pem",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-out",
                "signed.pem",
            ],
        );
        let signed =
            crate::crypto::pem::certificates(&fs::read(dir.path().join("signed.pem")).unwrap()).unwrap().remove(0);
        assert!(Read::parse(&signed).unwrap().is_for(&key.public));
    }
}

#[test]
fn alternative_names_and_usages_that_are_none() {
    for text in ["", "a b", "a..b", "*.", "ä.de", "a.*.b", &"a".repeat(64), &format!("{}a", "a.".repeat(127))] {
        assert!(contents::dns_name(text).is_err(), "{text}");
    }
    for text in ["", "a", "@b", "a@", "ä@b", "a b@c"] {
        assert!(contents::email(text).is_err(), "{text}");
    }
    for text in ["", "a", ":b", "a:", "1a:b", "a:b c", "a:ä"] {
        assert!(contents::uri(text).is_err(), "{text}");
    }
    for text in ["", "1.2.3", "1.2.3.4/8", "::g"] {
        assert!(contents::ip_address(text).is_err(), "{text}");
    }
    assert!(contents::user_principal_name("").is_err());
    for text in ["", "serverAuth", "1", "1.2.", "5.5.7"] {
        assert_eq!(contents::purpose(text).unwrap_err().code, ErrorCode::InvalidArgument, "{text}");
    }
    let refusal = contents::key_usage("signing").unwrap_err();
    assert!(refusal.detail.contains("digitalSignature"), "{}", refusal.detail);
}

#[test]
fn chains_are_put_in_order() {
    let key = Key::new(KeyType::Ec(Curve::P256));
    let sign = key.sign();
    let signer = Signer { public: &key.public, sign: &sign };
    let make = |name: &str, issuer: Option<&Read>| {
        let contents = Contents { authority: Some(None), ..contents(name) };
        Read::parse(&certificate(&contents, &key.public, TIMES, [3; 16], issuer, signer).unwrap()).unwrap()
    };
    let root = make("CN=root", None);
    let middle = make("CN=middle", Some(&root));
    let leaf = make("CN=leaf", Some(&middle));
    let stranger = make("CN=stranger", None);
    let ordered = read::order(&leaf, vec![stranger, root, middle]);
    let names: Vec<_> = ordered.iter().map(|read| read.subject.as_str()).collect();
    assert_eq!(names, ["CN=middle", "CN=root", "CN=stranger"]);
}

#[test]
fn what_is_no_certificate() {
    for der in [&b""[..], b"\x30\x00", b"no"] {
        assert_eq!(Read::parse(der).err().unwrap().code, ErrorCode::CertificateInvalid);
    }
}

use base64ct::{Base64UrlUnpadded, Encoding};
use softkeep_proto::algorithm::{Curve, Hash, KeyType, SignScheme};

use super::*;
use crate::{
    crypto::{AwsLc, Backend as _, PrivateKey, digest, key_info::public_info_of_private, self_signed},
    identity::jwt::{join, signing_input},
};

const NOW: i64 = 2_000_000_000;
const APP: Id = Id([0x11; 16]);

struct Application {
    key: std::sync::Arc<dyn PrivateKey>,
    certificate: Vec<u8>,
}

fn application(key_type: KeyType) -> Application {
    let pkcs8 = AwsLc.generate(key_type).unwrap();
    let key = AwsLc.open(&pkcs8).unwrap();
    let public = public_info_of_private(&pkcs8).unwrap();
    let sign = |scheme: &SignScheme, input: &[u8]| key.sign(scheme, input);
    let certificate = self_signed::certificate("app", &public, NOW - 1000, NOW + 1000, [7; 16], &sign).unwrap();
    Application { key, certificate }
}

impl Application {
    fn assertion(&self, header: &str, claims: &str) -> String {
        let signed = signing_input(header, claims.as_bytes());
        let scheme = match self.key.key_type() {
            KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha256),
            _ => SignScheme::Ecdsa,
        };
        let signature = self.key.sign(&scheme, &digest(Hash::Sha256, signed.as_bytes())).unwrap();
        join(&signed, &signature)
    }
}

fn claims(app: &str, audience: &str, from: i64, to: i64) -> String {
    format!(r#"{{"iss":"{app}","sub":"{app}","aud":{audience},"nbf":{from},"exp":{to}}}"#)
}

#[test]
fn a_certificates_key_proves_who_it_is() {
    let app = APP.guid();
    for (key_type, name) in [(KeyType::Rsa(2048), "RS256"), (KeyType::Ec(Curve::P256), "ES256")] {
        let application = application(key_type);
        let header = format!(r#"{{"alg":"{name}","typ":"JWT"}}"#);
        let good = application.assertion(&header, &claims(&app, r#""softkeep""#, NOW, NOW + 300));
        assert_eq!(check(&good, APP, &application.certificate, NOW).unwrap().expires, NOW + 300);
        for (what, header, claims) in [
            ("another audience", &*header, claims(&app, r#""https://login.microsoftonline.com/x""#, NOW, NOW + 300)),
            ("another issuer", &header, claims(&Id([2; 16]).guid(), r#""softkeep""#, NOW, NOW + 300)),
            ("over", &header, claims(&app, r#""softkeep""#, NOW - 300, NOW)),
            ("from the future", &header, claims(&app, r#""softkeep""#, NOW + 900, NOW + 950)),
            ("too long", &header, claims(&app, r#""softkeep""#, NOW, NOW + 2 * MAX_LIFE_SECONDS)),
            ("no audience", &header, format!(r#"{{"iss":"{app}","sub":"{app}","exp":{}}}"#, NOW + 300)),
            ("no algorithm", r#"{"alg":"none"}"#, claims(&app, r#""softkeep""#, NOW, NOW + 300)),
            ("another algorithm", r#"{"alg":"HS256"}"#, claims(&app, r#""softkeep""#, NOW, NOW + 300)),
        ] {
            assert!(
                check(&application.assertion(header, &claims), APP, &application.certificate, NOW).is_none(),
                "{what}"
            );
        }
        let many = claims(&app, r#"["x","https://login.localhost/y"]"#, NOW, NOW + 300);
        assert!(check(&application.assertion(&header, &many), APP, &application.certificate, NOW).is_some());
        let other = self::application(key_type);
        assert!(check(&good, APP, &other.certificate, NOW).is_none(), "another's certificate");
        assert!(check(&good, Id([9; 16]), &application.certificate, NOW).is_none(), "another application");
        for index in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[index] ^= 1;
            let forged = String::from_utf8(bytes).unwrap();
            assert!(check(&forged, APP, &application.certificate, NOW).is_none(), "byte {index}");
        }
    }
}

#[test]
fn a_certificate_has_its_time() {
    let application = application(KeyType::Ec(Curve::P256));
    let at = |now: i64| {
        let claims = claims(&APP.guid(), r#""softkeep""#, now, now + 300);
        check(&application.assertion(r#"{"alg":"ES256"}"#, &claims), APP, &application.certificate, now).is_some()
    };
    assert!(at(NOW) && !at(NOW + 1000) && !at(NOW - 1001));
}

/// The order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// To an ECDSA signature (r, s) anybody can make another good one, (r, n - s).
fn other_signature(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let (mut other, mut borrow) = ([0; 32], 0);
    for index in (0..32).rev() {
        let difference = i16::from(ORDER[index]) - i16::from(s[index]) - borrow;
        borrow = i16::from(difference < 0);
        other[index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    [r, &other].concat()
}

#[test]
fn an_assertion_with_another_signature_is_the_same_assertion() {
    let application = application(KeyType::Ec(Curve::P256));
    let claims = claims(&APP.guid(), r#""softkeep""#, NOW, NOW + 300);
    let first = application.assertion(r#"{"alg":"ES256"}"#, &claims);
    let (signed, signature) = first.rsplit_once('.').unwrap();
    let forged = join(signed, &other_signature(&Base64UrlUnpadded::decode_vec(signature).unwrap()));
    let (one, other) = [&first, &forged].map(|text| check(text, APP, &application.certificate, NOW).unwrap()).into();
    assert!(first != forged && one.signed == other.signed, "or it could be used twice");
}

#[test]
fn what_must_be_understood_and_is_not_is_refused() {
    let application = application(KeyType::Ec(Curve::P256));
    let claims = claims(&APP.guid(), r#""softkeep""#, NOW, NOW + 300);
    let assertion = application.assertion(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, &claims);
    assert!(check(&assertion, APP, &application.certificate, NOW).is_none());
}

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

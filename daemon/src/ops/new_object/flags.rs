//! What a new key may do: as its template says; where that is silent, what real programs expect (PKCS#11 3.2 section 4.8 leaves it to the
//! token).

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{KeyType, SecretKind};

use crate::{
    error::Result,
    keys::record::Ops,
    ops::{new_version::possible_ops, template::Template},
    policy::profile::Rules,
};

/// The attributes of a private key and the operations they stand for.
const PRIVATE: [(u64, Ops); 6] = [
    (ck::CKA_SIGN, Ops::SIGN),
    (ck::CKA_SIGN_RECOVER, Ops::SIGN_RECOVER),
    (ck::CKA_DECRYPT, Ops::DECRYPT),
    (ck::CKA_UNWRAP, Ops::UNWRAP_OBJECT),
    (ck::CKA_DERIVE, Ops::DERIVE),
    (ck::CKA_DECAPSULATE, Ops::DECAPSULATE),
];

const SECRET: [(u64, Ops); 7] = [
    (ck::CKA_SIGN, Ops::SIGN),
    (ck::CKA_VERIFY, Ops::VERIFY),
    (ck::CKA_ENCRYPT, Ops::ENCRYPT),
    (ck::CKA_DECRYPT, Ops::DECRYPT),
    (ck::CKA_WRAP, Ops::WRAP_OBJECT),
    (ck::CKA_UNWRAP, Ops::UNWRAP_OBJECT),
    (ck::CKA_DERIVE, Ops::DERIVE),
];

fn public(key_type: KeyType) -> [(u64, Ops); 6] {
    [
        (ck::CKA_VERIFY, Ops::VERIFY),
        (ck::CKA_VERIFY_RECOVER, Ops::VERIFY_RECOVER),
        (ck::CKA_ENCRYPT, Ops::ENCRYPT),
        (ck::CKA_WRAP, Ops::wrap(key_type)),
        (ck::CKA_ENCAPSULATE, Ops::ENCAPSULATE),
        // Programs set it on both halves. The public one derives nothing.
        (ck::CKA_DERIVE, Ops::NONE),
    ]
}

/// The attributes of an object and the operations they stand for.
pub fn of_class(class: u64, key_type: KeyType) -> Vec<(u64, Ops)> {
    match class {
        ck::CKO_PRIVATE_KEY => PRIVATE.to_vec(),
        ck::CKO_SECRET_KEY => SECRET.to_vec(),
        _ => public(key_type).to_vec(),
    }
}

/// What a key of a type may do when nobody says. Java makes and imports EC keys without a word and then derives with them.
pub fn default_ops(key_type: KeyType) -> Ops {
    match key_type {
        KeyType::Rsa(_) => {
            let private = Ops::SIGN.and(Ops::DECRYPT).and(Ops::UNWRAP_OBJECT);
            private.and(Ops::VERIFY).and(Ops::ENCRYPT).and(Ops::WRAP_KEY)
        }
        KeyType::Ec(_) => Ops::SIGN.and(Ops::VERIFY).and(Ops::DERIVE),
        KeyType::Edwards(_) | KeyType::MlDsa(_) => Ops::SIGN.and(Ops::VERIFY),
        KeyType::Montgomery(_) | KeyType::Dh(_) => Ops::DERIVE,
        KeyType::MlKem(_) => Ops::ENCAPSULATE.and(Ops::DECAPSULATE),
        KeyType::Secret(SecretKind::Aes, _) => {
            Ops::ENCRYPT.and(Ops::DECRYPT).and(Ops::WRAP_OBJECT).and(Ops::UNWRAP_OBJECT)
        }
        KeyType::Secret(SecretKind::ChaCha20, _) => Ops::ENCRYPT.and(Ops::DECRYPT),
        KeyType::Secret(SecretKind::Generic, _) => Ops::SIGN.and(Ops::VERIFY).and(Ops::DERIVE),
        KeyType::Secret(SecretKind::Hmac(_), _) => Ops::SIGN.and(Ops::VERIFY),
    }
}

/// What the public half does where the private half does this.
fn counterpart(private: Ops, key_type: KeyType) -> Ops {
    [
        (Ops::SIGN, Ops::VERIFY),
        (Ops::DECRYPT, Ops::ENCRYPT),
        (Ops::UNWRAP_OBJECT, Ops::wrap(key_type)),
        (Ops::SIGN_RECOVER, Ops::VERIFY_RECOVER),
        (Ops::DECAPSULATE, Ops::ENCAPSULATE),
    ]
    .into_iter()
    .fold(Ops::NONE, |ops, (of, other)| ops.with(other, private.contains(of) || ops.contains(other)))
}

/// Takes the flags out of a template. What it turns on is meant to be all; only if it turns nothing on do the defaults speak.
fn take(template: &mut Template, table: &[(u64, Ops)], silent: Ops) -> Result<Ops> {
    let (mut on, mut off) = (Ops::NONE, Ops::NONE);
    for (kind, ops) in table {
        match template.flag(*kind)? {
            Some(true) => on = on.and(*ops),
            Some(false) => off = off.and(*ops),
            None => {}
        }
    }
    Ok(if on.is_empty() { silent.with(off, false) } else { on })
}

/// The operations of a new key. What its type cannot do is left out without a word: programs that set every flag mean no harm.
pub fn operations(
    class: u64,
    key_type: KeyType,
    template: &mut Template,
    public_template: Option<&mut Template>,
    rules: Rules,
) -> Result<Ops> {
    let usual = rules.default_ops(default_ops(key_type));
    let ops = match class {
        ck::CKO_SECRET_KEY => take(template, &SECRET, usual)?,
        ck::CKO_PRIVATE_KEY => {
            let private = take(template, &PRIVATE, usual.only(Ops::PRIVATE_HALF))?.only(possible_ops(key_type));
            let silent = counterpart(private, key_type);
            private.and(match public_template {
                Some(template) => take(template, &public(key_type), silent)?,
                None => silent,
            })
        }
        _ => take(template, &public(key_type), usual.only(Ops::PUBLIC_HALF))?,
    };
    Ok(ops.only(possible_ops(key_type)))
}

#[cfg(test)]
mod tests {
    use softkeep_proto::{
        algorithm::{Curve, MlKemSet},
        pkcs11::v1::Attribute,
    };

    use super::*;
    use crate::policy::profile::{Profile, WrappingRule};

    fn template(flags: &[(u64, bool)]) -> Template {
        let attribute = |(kind, on): &(u64, bool)| Attribute { r#type: *kind, value: vec![u8::from(*on)].into() };
        Template::parse(flags.iter().map(attribute).collect()).unwrap()
    }

    fn check(class: u64, key_type: KeyType, private: &[(u64, bool)], public: Option<&[(u64, bool)]>, expected: Ops) {
        let rules = Rules { profile: Profile::Standard, wrapping: WrappingRule::Guarded };
        let mut public = public.map(template);
        let got = operations(class, key_type, &mut template(private), public.as_mut(), rules).unwrap();
        assert_eq!(got, expected, "{} instead of {}", got.words(), expected.words());
    }

    #[test]
    fn what_a_template_says_is_all_and_what_it_does_not_say_is_usual() {
        let (rsa, ec) = (KeyType::Rsa(2048), KeyType::Ec(Curve::P256));
        let pair = ck::CKO_PRIVATE_KEY;
        check(pair, ec, &[], Some(&[]), Ops::SIGN.and(Ops::VERIFY).and(Ops::DERIVE));
        check(pair, ec, &[(ck::CKA_SIGN, true)], Some(&[]), Ops::SIGN.and(Ops::VERIFY));
        check(pair, ec, &[(ck::CKA_SIGN, false)], None, Ops::DERIVE);
        check(
            pair,
            rsa,
            &[(ck::CKA_UNWRAP, true)],
            Some(&[(ck::CKA_WRAP, true)]),
            Ops::UNWRAP_OBJECT.and(Ops::WRAP_KEY),
        );
        check(pair, rsa, &[(ck::CKA_SIGN, true)], Some(&[(ck::CKA_VERIFY, true), (ck::CKA_ENCRYPT, false)]), {
            Ops::SIGN.and(Ops::VERIFY)
        });
        let everything: Vec<_> = PRIVATE.iter().map(|(kind, _)| (*kind, true)).collect();
        check(pair, KeyType::MlKem(MlKemSet::MlKem768), &everything, Some(&[]), Ops::DECAPSULATE.and(Ops::ENCAPSULATE));
        let aes = KeyType::Secret(SecretKind::Aes, 32);
        check(ck::CKO_SECRET_KEY, aes, &[(ck::CKA_WRAP, true), (ck::CKA_DECRYPT, false)], None, Ops::WRAP_OBJECT);
        check(ck::CKO_SECRET_KEY, aes, &[(ck::CKA_WRAP, false)], None, {
            Ops::ENCRYPT.and(Ops::DECRYPT).and(Ops::UNWRAP_OBJECT)
        });
        check(ck::CKO_PUBLIC_KEY, rsa, &[(ck::CKA_WRAP, true)], None, Ops::WRAP_KEY);
        check(ck::CKO_PUBLIC_KEY, ec, &[], None, Ops::VERIFY);
    }
}

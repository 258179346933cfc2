//! Reads PKCS#11 templates (PKCS#11 3.2 section 4.1): each attribute once, of the right form, and taken out as it is understood.
//! What is left over at the end is kept with the object if it says nothing about policy, and refused otherwise.

use std::collections::BTreeMap;

use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    limits::{MAX_ATTRIBUTE_BYTES, MAX_LABEL_BYTES, MAX_TEMPLATE_ATTRIBUTES},
    pkcs11::v1::{Attribute, AttributeList},
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorCode, Result},
    keys::face::{Face, as_flag, as_number},
};

/// The attributes of a template that nobody has taken yet. Values may be secret, so they are wiped.
#[derive(Clone, Default)]
pub struct Template(BTreeMap<u64, Zeroizing<Vec<u8>>>);

/// What the application may say freely of a key or certificate; it decides nothing.
const DESCRIPTIVE: [u64; 16] = [
    ck::CKA_LABEL,
    ck::CKA_ID,
    ck::CKA_SUBJECT,
    ck::CKA_ISSUER,
    ck::CKA_SERIAL_NUMBER,
    ck::CKA_START_DATE,
    ck::CKA_END_DATE,
    ck::CKA_URL,
    ck::CKA_CERTIFICATE_CATEGORY,
    ck::CKA_CERTIFICATE_TYPE,
    ck::CKA_APPLICATION,
    ck::CKA_OBJECT_ID,
    ck::CKA_JAVA_MIDP_SECURITY_DOMAIN,
    ck::CKA_NAME_HASH_ALGORITHM,
    ck::CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
    ck::CKA_HASH_OF_ISSUER_PUBLIC_KEY,
];

fn invalid(kind: u64, why: &str) -> Error {
    Error::new(ErrorCode::AttributeInvalid, format!("attribute 0x{kind:x} {why}"))
}

impl Template {
    /// Checks sizes and forms.
    pub fn parse(attributes: Vec<Attribute>) -> Result<Self> {
        if attributes.len() > MAX_TEMPLATE_ATTRIBUTES {
            return Err(Error::new(
                ErrorCode::TemplateInconsistent,
                format!("at most {MAX_TEMPLATE_ATTRIBUTES} attributes"),
            ));
        }
        let mut taken: BTreeMap<u64, Zeroizing<Vec<u8>>> = BTreeMap::new();
        for attribute in attributes {
            let kind = attribute.r#type;
            check_form(kind, &attribute.value)?;
            let value = Zeroizing::new(attribute.value.to_vec());
            if taken.insert(kind, value).is_some_and(|earlier| **earlier != *attribute.value) {
                return Err(Error::new(
                    ErrorCode::TemplateInconsistent,
                    format!("attribute 0x{kind:x} is given twice"),
                ));
            }
        }
        Ok(Self(taken))
    }

    /// Takes out a value.
    pub fn bytes(&mut self, kind: u64) -> Option<Vec<u8>> {
        self.secret(kind).map(|value| value.to_vec())
    }

    /// Takes out a secret value.
    pub fn secret(&mut self, kind: u64) -> Option<Zeroizing<Vec<u8>>> {
        self.0.remove(&kind)
    }

    /// Takes out a value that must be there.
    pub fn required(&mut self, kind: u64) -> Result<Zeroizing<Vec<u8>>> {
        self.secret(kind)
            .ok_or_else(|| Error::new(ErrorCode::TemplateIncomplete, format!("attribute 0x{kind:x} is missing")))
    }

    /// Looks at a value without taking it.
    pub fn peek(&self, kind: u64) -> Option<&[u8]> {
        self.0.get(&kind).map(|value| value.as_slice())
    }

    /// Takes out a truth.
    pub fn flag(&mut self, kind: u64) -> Result<Option<bool>> {
        let flag = self.peek_flag(kind)?;
        self.0.remove(&kind);
        Ok(flag)
    }

    /// Looks at a truth without taking it.
    pub fn peek_flag(&self, kind: u64) -> Result<Option<bool>> {
        self.peek(kind).map(|value| as_flag(value).ok_or_else(|| invalid(kind, "is no CK_BBOOL"))).transpose()
    }

    /// Takes out a number.
    pub fn number(&mut self, kind: u64) -> Result<Option<u64>> {
        let number = self.peek_number(kind)?;
        self.0.remove(&kind);
        Ok(number)
    }

    /// Looks at a number without taking it.
    pub fn peek_number(&self, kind: u64) -> Result<Option<u64>> {
        self.peek(kind).map(|value| as_number(value).ok_or_else(|| invalid(kind, "is no CK_ULONG"))).transpose()
    }

    /// Takes out a list of mechanisms.
    pub fn mechanisms(&mut self, kind: u64) -> Vec<u64> {
        let value = self.0.remove(&kind).unwrap_or_default();
        value.chunks_exact(8).filter_map(as_number).collect()
    }

    /// Takes out a rule for other templates (CKA_UNWRAP_TEMPLATE and the like), encoded; empty when there is none. A rule has no rules
    /// of its own.
    pub fn rule(&mut self, kind: u64) -> Result<Vec<u8>> {
        let value = self.0.remove(&kind).unwrap_or_default();
        let rule = Self::parse(decode_rule(&value)?)?;
        if rule.0.keys().any(|kind| value_kind(*kind) == ValueKind::Template) {
            return Err(invalid(kind, "has another template in it"));
        }
        let attributes =
            rule.0.iter().map(|(kind, value)| Attribute { r#type: *kind, value: bytes::Bytes::copy_from_slice(value) });
        Ok(AttributeList { attributes: attributes.collect() }.encode_to_vec())
    }

    /// Adds what a key's rule says of every object made with it (PKCS#11 3.2 section 4.9: CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE and
    /// the like). A template that says otherwise is refused.
    pub fn apply_rule(&mut self, rule: &[u8]) -> Result<()> {
        for (kind, value) in Self::parse(decode_rule(rule)?)?.0 {
            match self.0.get(&kind) {
                Some(own) if *own != value => {
                    return Err(Error::new(
                        ErrorCode::TemplateInconsistent,
                        format!("attribute 0x{kind:x} contradicts the key's own template for new objects"),
                    ));
                }
                _ => drop(self.0.insert(kind, value)),
            }
        }
        Ok(())
    }

    /// Puts in a value, in place of the application's.
    pub fn set(&mut self, kind: u64, value: Vec<u8>) {
        self.0.insert(kind, Zeroizing::new(value));
    }

    /// The attributes that are left.
    pub fn kinds(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// Looks at a text without taking it.
    pub fn text(&self, kind: u64) -> String {
        self.peek(kind).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
    }

    /// Takes out a value that is acceptable only if it is this one: what the application says twice must agree.
    pub fn only_number(&mut self, kind: u64, right: u64) -> Result<()> {
        match self.number(kind)? {
            Some(value) if value != right => {
                Err(Error::new(ErrorCode::TemplateInconsistent, format!("attribute 0x{kind:x} contradicts the rest")))
            }
            _ => Ok(()),
        }
    }

    /// The same for a truth.
    pub fn only_flag(&mut self, kind: u64, right: bool) -> Result<()> {
        match self.flag(kind)? {
            Some(value) if value != right => {
                Err(Error::new(ErrorCode::TemplateInconsistent, format!("attribute 0x{kind:x} must be {right}")))
            }
            _ => Ok(()),
        }
    }

    /// What describes the object, and what is left after that: acceptable only if it says what the object says anyway.
    pub fn split(self) -> (BTreeMap<u64, Vec<u8>>, Template) {
        let (descriptive, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.0.into_iter().partition(|(kind, _)| is_descriptive(*kind));
        (descriptive.into_iter().map(|(kind, value)| (kind, value.to_vec())).collect(), Template(rest))
    }

    /// Refuses what contradicts the object that was made ([`Template::split`]): programs repeat what follows from the rest, and may.
    pub fn check_against(&self, face: &Face) -> Result<()> {
        for (kind, value) in &self.0 {
            match face.attributes.get(kind) {
                Some(own) if **own == ***value => {}
                Some(_) => {
                    return Err(Error::new(
                        ErrorCode::TemplateInconsistent,
                        format!("attribute 0x{kind:x} contradicts the rest"),
                    ));
                }
                None => {
                    let cannot = format!("attribute 0x{kind:x} cannot be given");
                    return Err(Error::new(ErrorCode::AttributeReadOnly, cannot));
                }
            }
        }
        Ok(())
    }

    /// What describes the object; anything else that is still there is refused.
    pub fn into_descriptive(self) -> Result<BTreeMap<u64, Vec<u8>>> {
        let (descriptive, rest) = self.split();
        match rest.0.keys().next() {
            Some(kind) => {
                Err(Error::new(ErrorCode::AttributeReadOnly, format!("attribute 0x{kind:x} cannot be given")))
            }
            None => Ok(descriptive),
        }
    }
}

fn is_descriptive(kind: u64) -> bool {
    let is_vendors = kind >= ck::CKA_VENDOR_DEFINED;
    DESCRIPTIVE.contains(&kind) || is_vendors
}

fn decode_rule(rule: &[u8]) -> Result<Vec<Attribute>> {
    let list = AttributeList::decode(rule);
    list.map(|list| list.attributes)
        .map_err(|cause| Error::new(ErrorCode::AttributeInvalid, "an attribute list cannot be read").because(cause))
}

fn check_form(kind: u64, value: &[u8]) -> Result<()> {
    let right = match value_kind(kind) {
        ValueKind::Ulong => value.len() == 8,
        ValueKind::Bool => value.len() == 1,
        ValueKind::Mechanisms => value.len().is_multiple_of(8),
        ValueKind::Template | ValueKind::Bytes => true,
    };
    if !right {
        return Err(invalid(kind, "has the wrong length"));
    }
    let most = if kind == ck::CKA_LABEL { MAX_LABEL_BYTES } else { MAX_ATTRIBUTE_BYTES };
    if value.len() > most {
        return Err(invalid(kind, &format!("has more than {most} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(kind: u64, value: &[u8]) -> Attribute {
        Attribute { r#type: kind, value: value.to_vec().into() }
    }

    #[test]
    fn contradictions_and_wrong_forms_are_named() {
        let code = |attributes| Template::parse(attributes).map(|_| ()).map_err(|error| error.code);
        assert_eq!(
            code(vec![attribute(ck::CKA_SIGN, &[1]), attribute(ck::CKA_SIGN, &[0])]),
            Err(ErrorCode::TemplateInconsistent)
        );
        assert_eq!(code(vec![attribute(ck::CKA_SIGN, &[1]), attribute(ck::CKA_SIGN, &[1])]), Ok(()));
        assert_eq!(code(vec![attribute(ck::CKA_SIGN, &[])]), Err(ErrorCode::AttributeInvalid));
        assert_eq!(code(vec![attribute(ck::CKA_KEY_TYPE, &[0; 4])]), Err(ErrorCode::AttributeInvalid));
        assert_eq!(code(vec![attribute(ck::CKA_LABEL, &[b'a'; 256])]), Err(ErrorCode::AttributeInvalid));
        assert_eq!(code(vec![attribute(ck::CKA_LABEL, &[b'a'; 255])]), Ok(()));
    }

    #[test]
    fn a_rule_adds_what_is_missing_and_contradicts_nothing() {
        let rule = |attributes| {
            let list = AttributeList { attributes }.encode_to_vec();
            Template::parse(vec![attribute(ck::CKA_UNWRAP_TEMPLATE, &list)]).unwrap().rule(ck::CKA_UNWRAP_TEMPLATE)
        };
        let sensitive = rule(vec![attribute(ck::CKA_SENSITIVE, &[1])]).unwrap();
        let applied = |own: Vec<Attribute>| {
            let mut template = Template::parse(own).unwrap();
            template
                .apply_rule(&sensitive)
                .map(|()| template.peek_flag(ck::CKA_SENSITIVE).unwrap())
                .map_err(|error| error.code)
        };
        assert_eq!(applied(vec![]), Ok(Some(true)));
        assert_eq!(applied(vec![attribute(ck::CKA_SENSITIVE, &[1])]), Ok(Some(true)));
        assert_eq!(applied(vec![attribute(ck::CKA_SENSITIVE, &[0])]), Err(ErrorCode::TemplateInconsistent));
        let code = |attributes| rule(attributes).map_err(|error| error.code);
        assert_eq!(code(vec![attribute(ck::CKA_SENSITIVE, &[1, 1])]), Err(ErrorCode::AttributeInvalid));
        assert_eq!(code(vec![attribute(ck::CKA_DERIVE_TEMPLATE, &[])]), Err(ErrorCode::AttributeInvalid));
        assert_eq!(code(vec![]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn no_rule_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut template = Template::default();
            template.set(ck::CKA_UNWRAP_TEMPLATE, bytes.clone());
            if let Ok(rule) = template.rule(ck::CKA_UNWRAP_TEMPLATE) {
                prop_assert!(Template::default().apply_rule(&rule).is_ok(), "what was taken in can be applied");
            }
            let _ = Template::default().apply_rule(&bytes);
        }

        #[test]
        fn nothing_panics(attributes in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let attributes = attributes.iter().map(|(kind, value)| attribute(*kind, value)).collect();
            if let Ok(mut template) = Template::parse(attributes) {
                let _ = template.flag(ck::CKA_SIGN);
                let _ = template.number(ck::CKA_KEY_TYPE);
                let _ = template.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
                let _ = template.rule(ck::CKA_UNWRAP_TEMPLATE);
                let _ = template.into_descriptive();
            }
        }
    }
}

//! Reads PKCS#11 templates (PKCS#11 3.2 section 4.1): each attribute once, of the right form, and taken out as it is understood.
//! What is left over at the end is kept with the object if it says nothing about policy, and refused otherwise.

use std::collections::BTreeMap;

use cryptoki_sys as ck;
use softkeep_proto::{
    attribute::{ValueKind, value_kind},
    limits::{MAX_ATTRIBUTE_BYTES, MAX_LABEL_BYTES, MAX_TEMPLATE_ATTRIBUTES},
    pkcs11::v1::Attribute,
};

use crate::{
    error::{Error, ErrorCode, Result},
    keys::face::{as_flag, as_number},
};

/// The attributes of a template that nobody has taken yet.
pub struct Template(BTreeMap<u64, Vec<u8>>);

/// What the application may say freely of a key or certificate; it decides nothing.
const DESCRIPTIVE: [u64; 11] = [
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
        let mut taken = BTreeMap::new();
        for attribute in attributes {
            let kind = attribute.r#type;
            check_form(kind, &attribute.value)?;
            if taken.insert(kind, attribute.value.to_vec()).is_some_and(|earlier| earlier != attribute.value) {
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
        self.0.remove(&kind)
    }

    /// Takes out a truth.
    pub fn flag(&mut self, kind: u64) -> Result<Option<bool>> {
        self.0.remove(&kind).map(|value| as_flag(&value).ok_or_else(|| invalid(kind, "is no CK_BBOOL"))).transpose()
    }

    /// Takes out a number.
    pub fn number(&mut self, kind: u64) -> Result<Option<u64>> {
        self.0.remove(&kind).map(|value| as_number(&value).ok_or_else(|| invalid(kind, "is no CK_ULONG"))).transpose()
    }

    /// Takes out a list of mechanisms.
    pub fn mechanisms(&mut self, kind: u64) -> Vec<u64> {
        let value = self.0.remove(&kind).unwrap_or_default();
        value.chunks_exact(8).filter_map(as_number).collect()
    }

    /// Looks at a text without taking it.
    pub fn text(&self, kind: u64) -> String {
        self.0.get(&kind).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
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

    /// Objects of a session are not the daemon's to keep.
    pub fn require_token_object(&mut self) -> Result<()> {
        match self.flag(ck::CKA_TOKEN)? {
            Some(true) => Ok(()),
            Some(false) | None => {
                Err(Error::new(ErrorCode::NotSupported, "session objects (CKA_TOKEN false) are not supported yet"))
            }
        }
    }

    /// What describes the object; anything else that is still there is refused.
    pub fn into_descriptive(self) -> Result<BTreeMap<u64, Vec<u8>>> {
        match self.0.keys().find(|kind| !DESCRIPTIVE.contains(kind) && **kind < ck::CKA_VENDOR_DEFINED) {
            Some(kind) => {
                Err(Error::new(ErrorCode::AttributeReadOnly, format!("attribute 0x{kind:x} cannot be given")))
            }
            None => Ok(self.0),
        }
    }
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

    proptest! {
        #[test]
        fn nothing_panics(attributes in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let attributes = attributes.iter().map(|(kind, value)| attribute(*kind, value)).collect();
            if let Ok(mut template) = Template::parse(attributes) {
                let _ = template.flag(ck::CKA_SIGN);
                let _ = template.number(ck::CKA_KEY_TYPE);
                let _ = template.mechanisms(ck::CKA_ALLOWED_MECHANISMS);
                let _ = template.into_descriptive();
            }
        }
    }
}

//! Certificates and data objects about to be made (PKCS#11 3.2 sections 4.5 and 4.6).

use std::collections::BTreeMap;

use cryptoki_sys as ck;
use zeroize::Zeroizing;

use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        face::{self, as_flag},
        record::ObjectRecord,
    },
    ops::template::Template,
};

/// A certificate or data object whose every attribute is decided.
pub struct OtherDraft {
    /// CKA_TOKEN.
    pub token: bool,
    /// CKA_PRIVATE.
    pub private: bool,
    /// CKA_TRUSTED, which the security officer alone may give.
    pub trusted: bool,
    /// CKO_*.
    pub class: u64,
    /// All attributes that are kept; CKA_VALUE too, unless it is for its readers alone.
    pub attributes: BTreeMap<u64, Vec<u8>>,
    /// CKA_VALUE of a private data object.
    pub value: Zeroizing<Vec<u8>>,
}

impl OtherDraft {
    /// A certificate: X.509 in DER.
    pub fn certificate(mut template: Template) -> Result<Self> {
        template.only_number(ck::CKA_CERTIFICATE_TYPE, ck::CKC_X_509)?;
        let trusted = template.flag(ck::CKA_TRUSTED)?.unwrap_or(false);
        let der = template.required(ck::CKA_VALUE)?;
        if face::certificate_names(&der).is_none() {
            return Err(Error::new(ErrorCode::AttributeInvalid, "CKA_VALUE is no X.509 certificate"));
        }
        let check_value = template.bytes(ck::CKA_CHECK_VALUE);
        if check_value.as_ref().is_some_and(|value| !value.is_empty() && *value != face::certificate_check_value(&der))
        {
            return Err(Error::new(ErrorCode::AttributeInvalid, "CKA_CHECK_VALUE is not the one of this certificate"));
        }
        template.bytes(ck::CKA_PUBLIC_KEY_INFO);
        let mut draft = Self::of(ck::CKO_CERTIFICATE, template)?;
        draft.attributes.insert(ck::CKA_VALUE, der.to_vec());
        draft.attributes.insert(ck::CKA_TRUSTED, vec![u8::from(trusted)]);
        draft.trusted = trusted;
        draft.attributes.extend(check_value.map(|value| (ck::CKA_CHECK_VALUE, value)));
        Ok(draft)
    }

    /// A data object.
    pub fn data(mut template: Template) -> Result<Self> {
        let value = template.secret(ck::CKA_VALUE).unwrap_or_default();
        let mut draft = Self::of(ck::CKO_DATA, template)?;
        match draft.private {
            true => draft.value = value,
            false => drop(draft.attributes.insert(ck::CKA_VALUE, value.to_vec())),
        }
        Ok(draft)
    }

    fn of(class: u64, mut template: Template) -> Result<Self> {
        let token = template.flag(ck::CKA_TOKEN)?.unwrap_or(false);
        let private = template.flag(ck::CKA_PRIVATE)?.unwrap_or(false);
        template.only_number(ck::CKA_CLASS, class)?;
        let mut kept = vec![(ck::CKA_PRIVATE, private)];
        for kind in [ck::CKA_MODIFIABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE] {
            kept.extend(template.flag(kind)?.map(|on| (kind, on)));
        }
        let mut attributes = template.into_descriptive()?;
        attributes.extend(kept.into_iter().map(|(kind, on)| (kind, vec![u8::from(on)])));
        Ok(Self { token, private, trusted: false, class, attributes, value: Zeroizing::default() })
    }

    /// A copy's: what the record says, in another place.
    pub fn of_record(record: &ObjectRecord, value: Zeroizing<Vec<u8>>, token: bool) -> Self {
        let private = record.attributes.get(&ck::CKA_PRIVATE).and_then(|value| as_flag(value)).unwrap_or(false);
        Self { token, private, trusted: false, class: record.class, attributes: record.attributes.clone(), value }
    }

    /// The record but for its number and place, and what only its readers are told.
    pub(super) fn into_record(self, request_id: String) -> (ObjectRecord, Zeroizing<Vec<u8>>) {
        let record = ObjectRecord {
            id: Id::default().0.to_vec(),
            class: self.class,
            attributes: self.attributes,
            request_id,
            created: clock::now_seconds(),
            ..ObjectRecord::default()
        };
        (record, self.value)
    }
}

//! A secret key in the clear.

use cryptoki_sys as ck;

use crate::{
    error::Result,
    ops::{
        new_object::{NewKey, Provenance},
        template::Template,
    },
};

/// Reads it.
pub(super) fn read(mut template: Template) -> Result<NewKey> {
    // Which kind of secret it is must be said: nothing else tells.
    if template.peek(ck::CKA_KEY_TYPE).is_none() {
        template.required(ck::CKA_KEY_TYPE)?;
    }
    let value = template.required(ck::CKA_VALUE)?;
    NewKey::secret(template, value, Provenance::imported())
}

//! PKCS#11's functions on objects and keys, called directly: each gives the CK_RV as it came.
#![allow(clippy::macro_metavars_in_unsafe)] // as in `raw.rs`

use std::ptr;

use cryptoki_sys::{self as ck, CK_ATTRIBUTE};

use crate::{
    arguments::{Mechanism, Template},
    raw::{Module, Rv},
    raw_call,
};

/// Room for any answer here.
const ROOM: usize = 8192;

fn ok(rv: u64) -> Rv<()> {
    if rv == ck::CKR_OK { Ok(()) } else { Err(rv) }
}

fn filled(call: impl FnOnce(*mut u8, &mut u64) -> u64) -> Rv<Vec<u8>> {
    let (mut out, mut length) = (vec![0; ROOM], ROOM as u64);
    ok(call(out.as_mut_ptr(), &mut length))?;
    out.truncate(length as usize);
    Ok(out)
}

fn input(bytes: &[u8]) -> (*mut u8, u64) {
    (bytes.as_ptr().cast_mut(), bytes.len() as u64)
}

/// A session of the module's.
#[derive(Clone, Copy)]
pub struct Calls {
    /// The module.
    pub module: Module,
    /// The session.
    pub session: u64,
}

macro_rules! one_shot {
    ($($(#[$doc:meta])* $name:ident: $init:ident $run:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(self, mechanism: &Mechanism, key: u64, data: &[u8]) -> Rv<Vec<u8>> {
            ok(mechanism.lend(|mechanism| raw_call!(self.module, $init(self.session, mechanism, key))))?;
            let (data, length) = input(data);
            filled(|out, room| raw_call!(self.module, $run(self.session, data, length, out, room)))
        }
    )*};
}

impl Calls {
    one_shot! {
        /// C_EncryptInit, C_Encrypt.
        encrypt: C_EncryptInit C_Encrypt;
        /// C_DecryptInit, C_Decrypt.
        decrypt: C_DecryptInit C_Decrypt;
        /// C_SignInit, C_Sign.
        sign: C_SignInit C_Sign;
        /// C_SignRecoverInit, C_SignRecover.
        sign_recover: C_SignRecoverInit C_SignRecover;
    }

    /// C_GenerateKey.
    pub fn generate(self, mechanism: &Mechanism, template: &Template) -> Rv<u64> {
        let mut key = 0;
        ok(mechanism.lend(|mechanism| {
            template.lend(|template, count| {
                raw_call!(self.module, C_GenerateKey(self.session, mechanism, template, count, &mut key))
            })
        }))?;
        Ok(key)
    }

    /// C_GenerateKeyPair: the public and the private key.
    pub fn pair(self, mechanism: u64, public: &Template, private: &Template) -> Rv<(u64, u64)> {
        let mut pair = (0, 0);
        ok(Mechanism::plain(mechanism).lend(|mechanism| {
            public.lend(|public, publics| {
                private.lend(|private, privates| {
                    let (first, second) = (&mut pair.0, &mut pair.1);
                    raw_call!(
                        self.module,
                        C_GenerateKeyPair(self.session, mechanism, public, publics, private, privates, first, second)
                    )
                })
            })
        }))?;
        Ok(pair)
    }

    /// C_CreateObject.
    pub fn create(self, template: &Template) -> Rv<u64> {
        let mut object = 0;
        ok(template.lend(|template, count| {
            raw_call!(self.module, C_CreateObject(self.session, template, count, &mut object))
        }))?;
        Ok(object)
    }

    /// C_CopyObject.
    pub fn copy(self, object: u64, template: &Template) -> Rv<u64> {
        let mut copy = 0;
        ok(template.lend(|template, count| {
            raw_call!(self.module, C_CopyObject(self.session, object, template, count, &mut copy))
        }))?;
        Ok(copy)
    }

    /// C_SetAttributeValue.
    pub fn set(self, object: u64, template: &Template) -> Rv<()> {
        ok(template
            .lend(|template, count| raw_call!(self.module, C_SetAttributeValue(self.session, object, template, count))))
    }

    /// C_DestroyObject.
    pub fn destroy(self, object: u64) -> Rv<()> {
        ok(raw_call!(self.module, C_DestroyObject(self.session, object)))
    }

    /// C_GetAttributeValue of one attribute.
    pub fn get(self, object: u64, kind: u64) -> Rv<Vec<u8>> {
        let mut out = vec![0u8; ROOM];
        let mut attribute = [crate::raw::attribute(kind, &mut out)];
        ok(raw_call!(self.module, C_GetAttributeValue(self.session, object, attribute.as_mut_ptr(), 1)))?;
        out.truncate(attribute[0].ulValueLen as usize);
        Ok(out)
    }

    /// C_GetAttributeValue of one flag.
    pub fn flag(self, object: u64, kind: u64) -> Rv<bool> {
        self.get(object, kind).map(|value| value == [ck::CK_TRUE])
    }

    /// The length that C_GetAttributeValue tells when asked for no value, and its answer.
    pub fn length(self, object: u64, kind: u64) -> (u64, u64) {
        let mut attribute = [CK_ATTRIBUTE { type_: kind, pValue: ptr::null_mut(), ulValueLen: 0 }];
        let rv = raw_call!(self.module, C_GetAttributeValue(self.session, object, attribute.as_mut_ptr(), 1));
        (rv, attribute[0].ulValueLen)
    }

    /// C_GetObjectSize.
    pub fn size(self, object: u64) -> Rv<u64> {
        let mut size = 0;
        ok(raw_call!(self.module, C_GetObjectSize(self.session, object, &mut size)))?;
        Ok(size)
    }

    /// C_WrapKey.
    pub fn wrap(self, mechanism: &Mechanism, wrapping: u64, key: u64) -> Rv<Vec<u8>> {
        mechanism.lend(|mechanism| {
            filled(|out, room| raw_call!(self.module, C_WrapKey(self.session, mechanism, wrapping, key, out, room)))
        })
    }

    /// C_UnwrapKey.
    pub fn unwrap_key(self, mechanism: &Mechanism, unwrapping: u64, wrapped: &[u8], template: &Template) -> Rv<u64> {
        let ((wrapped, length), mut key) = (input(wrapped), 0);
        ok(mechanism.lend(|mechanism| {
            template.lend(|template, count| {
                raw_call!(
                    self.module,
                    C_UnwrapKey(self.session, mechanism, unwrapping, wrapped, length, template, count, &mut key)
                )
            })
        }))?;
        Ok(key)
    }

    /// C_DeriveKey.
    pub fn derive(self, mechanism: &Mechanism, base: u64, template: &Template) -> Rv<u64> {
        let mut key = 0;
        ok(mechanism.lend(|mechanism| {
            template.lend(|template, count| {
                raw_call!(self.module, C_DeriveKey(self.session, mechanism, base, template, count, &mut key))
            })
        }))?;
        Ok(key)
    }

    /// C_DigestKey of SHA-256.
    pub fn digest_key(self, key: u64) -> Rv<Vec<u8>> {
        ok(raw_call!(self.module, C_DigestInit(self.session, &mut crate::raw::mechanism(ck::CKM_SHA256))))?;
        let added = ok(raw_call!(self.module, C_DigestKey(self.session, key)));
        let digest = filled(|out, room| raw_call!(self.module, C_DigestFinal(self.session, out, room)));
        added.and(digest)
    }

    /// C_FindObjects: every object that a template fits.
    pub fn find(self, template: &Template) -> Rv<Vec<u64>> {
        ok(template.lend(|template, count| raw_call!(self.module, C_FindObjectsInit(self.session, template, count))))?;
        let (mut found, mut page, mut got) = (Vec::new(), [0; 64], 1);
        while got > 0 {
            ok(raw_call!(self.module, C_FindObjects(self.session, page.as_mut_ptr(), 64, &mut got)))?;
            found.extend_from_slice(&page[..got as usize]);
        }
        ok(raw_call!(self.module, C_FindObjectsFinal(self.session)))?;
        Ok(found)
    }

    /// C_Login.
    pub fn login(self, user: u64, pin: &str) -> Rv<()> {
        ok(self.module.login(self.session, user, pin))
    }

    /// C_Logout.
    pub fn logout(self) -> Rv<()> {
        ok(raw_call!(self.module, C_Logout(self.session)))
    }
}

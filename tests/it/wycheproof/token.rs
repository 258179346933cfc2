//! One session of a token of the test's own, and PKCS#11's functions in it.

use softkeep_tests::{
    PIN,
    arguments::Template,
    client::Client,
    module,
    raw::{
        Module, Rv, attribute,
        ck::{self, CK_MECHANISM},
    },
    raw_call,
};

/// Room for any answer here.
const ROOM: usize = 16 * 1024;

/// A logged-in session.
pub struct Token {
    module: Module,
    session: u64,
    /// The daemon and the initialised module, which end with the test.
    _client: Client,
}

fn ok(rv: u64) -> Rv<()> {
    if rv == ck::CKR_OK { Ok(()) } else { Err(rv) }
}

fn input(bytes: &[u8]) -> (*mut u8, u64) {
    (bytes.as_ptr().cast_mut(), bytes.len() as u64)
}

fn filled(call: impl FnOnce(*mut u8, &mut u64) -> u64) -> Rv<Vec<u8>> {
    let (mut out, mut length) = (vec![0; ROOM], ROOM as u64);
    ok(call(out.as_mut_ptr(), &mut length))?;
    out.truncate(length as usize);
    Ok(out)
}

macro_rules! one_shot {
    ($($(#[$doc:meta])* $name:ident: $init:ident $run:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, mut mechanism: CK_MECHANISM, key: u64, data: &[u8]) -> Rv<Vec<u8>> {
            ok(raw_call!(self.module, $init(self.session, &mut mechanism, key)))?;
            let (data, length) = input(data);
            filled(|out, room| raw_call!(self.module, $run(self.session, data, length, out, room)))
        }
    )*};
}

impl Token {
    /// Starts a daemon, and logs the user in.
    pub fn start() -> Self {
        let client = Client::start();
        let module = Module::load_from(module());
        let session = module.open(client.slot.id()).unwrap();
        assert_eq!(module.login(session, ck::CKU_USER, PIN), ck::CKR_OK);
        Self { module, session, _client: client }
    }

    one_shot! {
        /// C_EncryptInit, C_Encrypt.
        encrypt: C_EncryptInit C_Encrypt;
        /// C_DecryptInit, C_Decrypt.
        decrypt: C_DecryptInit C_Decrypt;
        /// C_SignInit, C_Sign.
        sign: C_SignInit C_Sign;
    }

    /// C_VerifyInit, C_Verify.
    pub fn verify(&self, mut mechanism: CK_MECHANISM, key: u64, data: &[u8], signature: &[u8]) -> Rv<()> {
        ok(raw_call!(self.module, C_VerifyInit(self.session, &mut mechanism, key)))?;
        let ((data, length), (signature, signature_length)) = (input(data), input(signature));
        ok(raw_call!(self.module, C_Verify(self.session, data, length, signature, signature_length)))
    }

    /// C_DigestInit, C_Digest.
    pub fn digest(&self, hash: u64, data: &[u8]) -> Vec<u8> {
        ok(raw_call!(self.module, C_DigestInit(self.session, &mut softkeep_tests::raw::mechanism(hash)))).unwrap();
        let (data, length) = input(data);
        filled(|out, room| raw_call!(self.module, C_Digest(self.session, data, length, out, room))).unwrap()
    }

    /// C_CreateObject of a session object.
    pub fn create(&self, template: &Template) -> Rv<u64> {
        let mut object = 0;
        let template = template.clone().off(&[ck::CKA_TOKEN]);
        ok(template.lend(|template, count| {
            raw_call!(self.module, C_CreateObject(self.session, template, count, &mut object))
        }))?;
        Ok(object)
    }

    /// A secret key of a type, for whatever it can be used for.
    pub fn secret(&self, key_type: u64, value: &[u8], uses: &[u64]) -> Rv<u64> {
        self.create(&Template::secret(key_type).bytes(ck::CKA_VALUE, value).on(uses))
    }

    /// C_DestroyObject.
    pub fn destroy(&self, object: u64) {
        assert_eq!(raw_call!(self.module, C_DestroyObject(self.session, object)), ck::CKR_OK);
    }

    /// C_GetAttributeValue of one attribute.
    pub fn get(&self, object: u64, kind: u64) -> Rv<Vec<u8>> {
        let mut out = vec![0u8; ROOM];
        let mut attributes = [attribute(kind, &mut out)];
        ok(raw_call!(self.module, C_GetAttributeValue(self.session, object, attributes.as_mut_ptr(), 1)))?;
        out.truncate(attributes[0].ulValueLen as usize);
        Ok(out)
    }

    /// The value of a new secret key, which is then destroyed.
    pub fn take_value(&self, key: Rv<u64>) -> Rv<Vec<u8>> {
        let key = key?;
        let value = self.get(key, ck::CKA_VALUE);
        self.destroy(key);
        value
    }

    /// C_GenerateKey.
    pub fn generate(&self, mut mechanism: CK_MECHANISM, template: &Template) -> Rv<u64> {
        let mut key = 0;
        ok(template.lend(|template, count| {
            raw_call!(self.module, C_GenerateKey(self.session, &mut mechanism, template, count, &mut key))
        }))?;
        Ok(key)
    }

    /// C_DeriveKey.
    pub fn derive(&self, mut mechanism: CK_MECHANISM, base: u64, template: &Template) -> Rv<u64> {
        let mut key = 0;
        ok(template.lend(|template, count| {
            raw_call!(self.module, C_DeriveKey(self.session, &mut mechanism, base, template, count, &mut key))
        }))?;
        Ok(key)
    }

    /// C_WrapKey.
    pub fn wrap(&self, mut mechanism: CK_MECHANISM, wrapping: u64, key: u64) -> Rv<Vec<u8>> {
        filled(|out, room| raw_call!(self.module, C_WrapKey(self.session, &mut mechanism, wrapping, key, out, room)))
    }

    /// C_UnwrapKey.
    pub fn unwrap_key(
        &self,
        mut mechanism: CK_MECHANISM,
        unwrapping: u64,
        wrapped: &[u8],
        template: &Template,
    ) -> Rv<u64> {
        let ((wrapped, length), mut key) = (input(wrapped), 0);
        let mechanism = &mut mechanism;
        ok(template.lend(|template, count| {
            raw_call!(
                self.module,
                C_UnwrapKey(self.session, mechanism, unwrapping, wrapped, length, template, count, &mut key)
            )
        }))?;
        Ok(key)
    }

    /// C_EncapsulateKey: the ciphertext and the secret.
    pub fn encapsulate(&self, mut mechanism: CK_MECHANISM, public: u64, template: &Template) -> Rv<(Vec<u8>, u64)> {
        let mut key = 0;
        let mechanism = &mut mechanism;
        let ciphertext = template.lend(|template, count| {
            filled(|out, room| {
                raw_call!(
                    self.module,
                    C_EncapsulateKey(self.session, mechanism, public, template, count, out, room, &mut key)
                )
            })
        })?;
        Ok((ciphertext, key))
    }

    /// C_DecapsulateKey.
    pub fn decapsulate(
        &self,
        mut mechanism: CK_MECHANISM,
        private: u64,
        ciphertext: &[u8],
        template: &Template,
    ) -> Rv<u64> {
        let ((ciphertext, length), mut key) = (input(ciphertext), 0);
        let mechanism = &mut mechanism;
        ok(template.lend(|template, count| {
            raw_call!(
                self.module,
                C_DecapsulateKey(self.session, mechanism, private, template, count, ciphertext, length, &mut key)
            )
        }))?;
        Ok(key)
    }
}

/// A generic secret whose value may be read.
pub fn readable_secret() -> Template {
    Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_EXTRACTABLE]).off(&[ck::CKA_SENSITIVE, ck::CKA_TOKEN])
}

/// The same of so many bytes.
pub fn readable(bytes: usize) -> Template {
    readable_secret().number(ck::CKA_VALUE_LEN, bytes as u64)
}

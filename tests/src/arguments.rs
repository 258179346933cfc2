//! The arguments of PKCS#11's functions, built by tests that call them directly: templates and mechanisms that own what they point to.

use std::ptr;

use cryptoki_sys::{
    self as ck, CK_AES_CBC_ENCRYPT_DATA_PARAMS, CK_ATTRIBUTE, CK_ECDH1_DERIVE_PARAMS, CK_GCM_PARAMS, CK_HKDF_PARAMS,
    CK_KEY_DERIVATION_STRING_DATA, CK_MECHANISM, CK_PKCS5_PBKD2_PARAMS2, CK_RSA_AES_KEY_WRAP_PARAMS,
    CK_RSA_PKCS_OAEP_PARAMS,
};

/// A template. Later values of an attribute replace earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Template(Vec<(u64, Value)>);

#[derive(Clone, Debug)]
enum Value {
    Bytes(Vec<u8>),
    Nested(Template),
}

impl Template {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A secret key of a type.
    pub fn secret(key_type: u64) -> Self {
        Self::new().number(ck::CKA_CLASS, ck::CKO_SECRET_KEY).number(ck::CKA_KEY_TYPE, key_type)
    }

    /// An AES key of so many bytes, to be generated or derived.
    pub fn aes(bytes: u64) -> Self {
        Self::secret(ck::CKK_AES).number(ck::CKA_VALUE_LEN, bytes)
    }

    /// A generic secret of so many bytes, to be generated or derived.
    pub fn generic(bytes: u64) -> Self {
        Self::secret(ck::CKK_GENERIC_SECRET).number(ck::CKA_VALUE_LEN, bytes)
    }

    /// Bytes.
    pub fn bytes(self, kind: u64, value: &[u8]) -> Self {
        self.put(kind, Value::Bytes(value.to_vec()))
    }

    /// A CK_ULONG.
    pub fn number(self, kind: u64, value: u64) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// A list of mechanisms.
    pub fn mechanisms(self, value: &[u64]) -> Self {
        let bytes: Vec<u8> = value.iter().flat_map(|one| one.to_ne_bytes()).collect();
        self.bytes(ck::CKA_ALLOWED_MECHANISMS, &bytes)
    }

    /// CKA_WRAP_TEMPLATE and the like.
    pub fn nested(self, kind: u64, value: Template) -> Self {
        self.put(kind, Value::Nested(value))
    }

    /// Flags that are true.
    pub fn on(self, kinds: &[u64]) -> Self {
        kinds.iter().fold(self, |template, kind| template.bytes(*kind, &[ck::CK_TRUE]))
    }

    /// Flags that are false.
    pub fn off(self, kinds: &[u64]) -> Self {
        kinds.iter().fold(self, |template, kind| template.bytes(*kind, &[ck::CK_FALSE]))
    }

    /// What another says too.
    pub fn and(self, other: &Template) -> Self {
        other.0.iter().cloned().fold(self, |template, (kind, value)| template.put(kind, value))
    }

    fn put(mut self, kind: u64, value: Value) -> Self {
        self.0.retain(|(other, _)| *other != kind);
        self.0.push((kind, value));
        self
    }

    /// Lends it to a call.
    pub fn lend<R>(&self, call: impl FnOnce(*mut CK_ATTRIBUTE, u64) -> R) -> R {
        let mut owned = self.clone();
        let (mut array, _keep) = owned.array();
        call(array.as_mut_ptr(), array.len() as u64)
    }

    /// Its attributes, which point into it, and the arrays that some of them point to.
    fn array(&mut self) -> (Vec<CK_ATTRIBUTE>, Vec<Vec<CK_ATTRIBUTE>>) {
        let (mut array, mut keep) = (Vec::new(), Vec::new());
        for (kind, value) in &mut self.0 {
            array.push(match value {
                Value::Bytes(bytes) => crate::raw::attribute(*kind, bytes),
                Value::Nested(template) => {
                    let (mut inner, inners) = template.array();
                    let attribute = crate::raw::attribute(*kind, &mut inner);
                    keep.extend(inners);
                    keep.push(inner);
                    attribute
                }
            });
        }
        (array, keep)
    }
}

/// A mechanism's parameter.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // PKCS#11's own words
pub enum Parameter {
    None,
    Bytes(Vec<u8>),
    Gcm { iv: Vec<u8>, aad: Vec<u8>, tag_bits: u64 },
    Oaep { hash: u64, mgf: u64 },
    RsaAes { bits: u64 },
    Ecdh { kdf: u64, public: Vec<u8> },
    Data(Vec<u8>),
    CbcData { iv: [u8; 16], data: Vec<u8> },
    Hkdf { salt_key: Option<u64>, expand: bool },
    Password(Vec<u8>),
}

/// A mechanism with its parameter.
#[derive(Clone, Debug)]
pub struct Mechanism {
    kind: u64,
    parameter: Parameter,
}

impl Mechanism {
    /// Without a parameter.
    pub fn plain(kind: u64) -> Self {
        Self::with(kind, Parameter::None)
    }

    /// With one.
    pub fn with(kind: u64, parameter: Parameter) -> Self {
        Self { kind, parameter }
    }

    /// With bytes: an initialisation vector, a public value, a number in the machine's form.
    pub fn bytes(kind: u64, bytes: &[u8]) -> Self {
        Self::with(kind, Parameter::Bytes(bytes.to_vec()))
    }

    /// With a handle or another number.
    pub fn number(kind: u64, number: u64) -> Self {
        Self::bytes(kind, &number.to_ne_bytes())
    }

    /// OAEP with SHA-256.
    pub fn oaep() -> Self {
        Self::with(ck::CKM_RSA_PKCS_OAEP, Parameter::Oaep { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256 })
    }

    /// GCM with a whole tag.
    pub fn gcm() -> Self {
        Self::with(ck::CKM_AES_GCM, Parameter::Gcm { iv: vec![3; 12], aad: Vec::new(), tag_bits: 128 })
    }

    /// A derivation by data.
    pub fn data(kind: u64, data: &[u8]) -> Self {
        Self::with(kind, Parameter::Data(data.to_vec()))
    }

    /// Lends it to a call.
    pub fn lend<R>(&self, call: impl FnOnce(*mut CK_MECHANISM) -> R) -> R {
        let mut parameter = self.parameter.clone();
        match &mut parameter {
            Parameter::None => call(&mut crate::raw::mechanism(self.kind)),
            Parameter::Bytes(bytes) => self.pass(bytes.as_mut_slice(), call),
            Parameter::Gcm { iv, aad, tag_bits } => {
                let parameter = CK_GCM_PARAMS {
                    pIv: iv.as_mut_ptr(),
                    ulIvLen: iv.len() as u64,
                    ulIvBits: 8 * iv.len() as u64,
                    pAAD: aad.as_mut_ptr(),
                    ulAADLen: aad.len() as u64,
                    ulTagBits: *tag_bits,
                };
                self.pass(&mut [parameter], call)
            }
            Parameter::Oaep { hash, mgf } => self.pass(&mut [oaep(*hash, *mgf)], call),
            Parameter::RsaAes { bits } => {
                let mut oaep = oaep(ck::CKM_SHA256, ck::CKG_MGF1_SHA256);
                self.pass(&mut [CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: *bits, pOAEPParams: &mut oaep }], call)
            }
            Parameter::Ecdh { kdf, public } => {
                let parameter = CK_ECDH1_DERIVE_PARAMS {
                    kdf: *kdf,
                    ulSharedDataLen: 0,
                    pSharedData: ptr::null_mut(),
                    ulPublicDataLen: public.len() as u64,
                    pPublicData: public.as_mut_ptr(),
                };
                self.pass(&mut [parameter], call)
            }
            Parameter::Data(data) => {
                let parameter = CK_KEY_DERIVATION_STRING_DATA { pData: data.as_mut_ptr(), ulLen: data.len() as u64 };
                self.pass(&mut [parameter], call)
            }
            Parameter::CbcData { iv, data } => {
                let (pointer, length) = (data.as_mut_ptr(), data.len() as u64);
                self.pass(&mut [CK_AES_CBC_ENCRYPT_DATA_PARAMS { iv: *iv, pData: pointer, length }], call)
            }
            Parameter::Hkdf { salt_key, expand } => {
                let parameter = CK_HKDF_PARAMS {
                    bExtract: ck::CK_TRUE,
                    bExpand: u8::from(*expand),
                    prfHashMechanism: ck::CKM_SHA256,
                    ulSaltType: if salt_key.is_some() { ck::CKF_HKDF_SALT_KEY } else { ck::CKF_HKDF_SALT_NULL },
                    pSalt: ptr::null_mut(),
                    ulSaltLen: 0,
                    hSaltKey: salt_key.unwrap_or_default(),
                    pInfo: ptr::null_mut(),
                    ulInfoLen: 0,
                };
                self.pass(&mut [parameter], call)
            }
            Parameter::Password(password) => {
                let mut salt = [9u8; 16];
                let parameter = CK_PKCS5_PBKD2_PARAMS2 {
                    saltSource: ck::CKZ_SALT_SPECIFIED,
                    pSaltSourceData: salt.as_mut_ptr().cast(),
                    ulSaltSourceDataLen: salt.len() as u64,
                    iterations: 1000,
                    prf: ck::CKP_PKCS5_PBKD2_HMAC_SHA256,
                    pPrfData: ptr::null_mut(),
                    ulPrfDataLen: 0,
                    pPassword: password.as_mut_ptr(),
                    ulPasswordLen: password.len() as u64,
                };
                self.pass(&mut [parameter], call)
            }
        }
    }

    fn pass<T, R>(&self, parameter: &mut [T], call: impl FnOnce(*mut CK_MECHANISM) -> R) -> R {
        let length = size_of_val(parameter) as u64;
        let pointer = parameter.as_mut_ptr().cast();
        call(&mut CK_MECHANISM { mechanism: self.kind, pParameter: pointer, ulParameterLen: length })
    }
}

fn oaep(hash: u64, mgf: u64) -> CK_RSA_PKCS_OAEP_PARAMS {
    CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash,
        mgf,
        source: ck::CKZ_DATA_SPECIFIED,
        pSourceData: ptr::null_mut(),
        ulSourceDataLen: 0,
    }
}

//! PFX files (PKCS#12, RFC 7292) and private keys in PEM, as aws-lc reads and writes them.

use std::{
    ffi::{CStr, c_int},
    ptr::{self, NonNull},
};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use super::{Failed, Result, failed, ok, pkey::Pkey};

/// Why a PFX or a PEM was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The password is wrong, or something that it protects is damaged.
    Password,
    /// The key is of a type that aws-lc does not know.
    KeyType,
    /// It is encrypted or authenticated in a way that aws-lc does not know.
    Protection,
    /// There is more than one private key.
    TwoKeys,
    /// There is no key where one must be.
    NoKey,
    /// It cannot be read.
    Damaged,
}

/// What a PFX holds: certificates are DER, in the order of the file.
pub struct Contents {
    /// The private key.
    pub key: Option<Pkey>,
    /// The certificates.
    pub certificates: Vec<Vec<u8>>,
}

/// A stack of certificates, each with one reference.
struct Stack(NonNull<lc::stack_st_X509>);

impl Stack {
    fn new() -> Result<Self> {
        // SAFETY: takes nothing; a stack of certificates is an OPENSSL_STACK (the C macros of stack.h cast alike).
        let stack = unsafe { lc::OPENSSL_sk_new_null() };
        NonNull::new(stack.cast()).map(Self).ok_or_else(|| failed("OPENSSL_sk_new_null"))
    }

    fn raw(&self) -> *mut lc::OPENSSL_STACK {
        self.0.as_ptr().cast()
    }

    fn push(&self, certificate: Certificate) -> Result<()> {
        let pointer = certificate.0.as_ptr();
        // SAFETY: both are live. On success the stack has the reference, which `Drop` gives back.
        if unsafe { lc::OPENSSL_sk_push(self.raw(), pointer.cast()) } == 0 {
            return Err(failed("OPENSSL_sk_push"));
        }
        std::mem::forget(certificate);
        Ok(())
    }

    fn to_der(&self) -> Result<Vec<Vec<u8>>> {
        // SAFETY: the stack is live, the index is within it, and what it lends lives as long as the stack.
        let count = unsafe { lc::OPENSSL_sk_num(self.raw()) };
        (0..count)
            .map(|index| {
                // SAFETY: as above; every element is a live X509.
                let certificate = unsafe { lc::OPENSSL_sk_value(self.raw(), index) };
                NonNull::new(certificate.cast::<lc::X509>()).ok_or_else(|| failed("OPENSSL_sk_value")).and_then(to_der)
            })
            .collect()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the stack and one reference to each of its elements are ours; a null element is freed as nothing.
        unsafe {
            while lc::OPENSSL_sk_num(self.raw()) > 0 {
                lc::X509_free(lc::OPENSSL_sk_pop(self.raw()).cast());
            }
            lc::OPENSSL_sk_free(self.raw());
        }
    }
}

/// One parsed certificate.
struct Certificate(NonNull<lc::X509>);

impl Certificate {
    fn parse(der: &[u8]) -> Result<Self> {
        let mut data = der.as_ptr();
        let len = der.len().try_into().map_err(|_| failed("d2i_X509"))?;
        // SAFETY: `data` is valid for `len` bytes; the parser copies what it keeps and gives a reference that is ours.
        let certificate = unsafe { lc::d2i_X509(ptr::null_mut(), &raw mut data, len) };
        NonNull::new(certificate).map(Self).ok_or_else(|| failed("d2i_X509"))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { lc::X509_free(self.0.as_ptr()) }
    }
}

fn to_der(certificate: NonNull<lc::X509>) -> Result<Vec<u8>> {
    let mut out = ptr::null_mut();
    // SAFETY: the certificate is live; with a null `out` the function allocates, and the memory is ours.
    let len = unsafe { lc::i2d_X509(certificate.as_ptr(), &raw mut out) };
    // SAFETY: on success `out` is valid for `len` bytes.
    unsafe { take(out, usize::try_from(len).unwrap_or(0), "i2d_X509") }
}

/// Copies and frees what aws-lc allocated.
///
/// # Safety
///
/// `out` is null, or valid for `len` bytes and ours to free with OPENSSL_free, which wipes it.
unsafe fn take(out: *mut u8, len: usize, call: &'static str) -> Result<Vec<u8>> {
    if out.is_null() || len == 0 {
        return Err(failed(call));
    }
    // SAFETY: as the caller promises.
    unsafe {
        let bytes = std::slice::from_raw_parts(out, len).to_vec();
        lc::OPENSSL_free(out.cast());
        Ok(bytes)
    }
}

/// Reads a PFX.
pub fn read(pfx: &[u8], password: &CStr) -> std::result::Result<Contents, Refusal> {
    let certificates = Stack::new().map_err(|_| Refusal::Damaged)?;
    let mut key = ptr::null_mut();
    let mut input = lc::CBS { data: pfx.as_ptr(), len: pfx.len() };
    // SAFETY: `input` describes `pfx`, which outlives the call; the outputs are live places, and what is put there is ours; the
    // password is a C string.
    let read = unsafe {
        lc::ERR_clear_error();
        lc::PKCS12_get_key_and_certs(&raw mut key, certificates.0.as_ptr(), &raw mut input, password.as_ptr())
    };
    let key = NonNull::new(key).map(Pkey);
    if read != 1 {
        return Err(refusal());
    }
    let certificates = certificates.to_der().map_err(|_| Refusal::Damaged)?;
    Ok(Contents { key, certificates })
}

/// Writes a PFX with the empty password: the certificate first, then its issuers. A key is encrypted under that password, because
/// many programs do not read one that is not: with 3DES, which all of them know (and aws-lc writes nothing newer in a PFX). It keeps
/// nothing secret.
pub fn write(key: Option<&Pkey>, certificates: &[Vec<u8>]) -> Result<Zeroizing<Vec<u8>>> {
    const NOT_ENCRYPTED: c_int = -1;
    let mut parsed = certificates.iter().map(|der| Certificate::parse(der));
    let first = parsed.next().transpose()?.ok_or_else(|| failed("PKCS12_create"))?;
    let chain = Stack::new()?;
    for issuer in parsed {
        chain.push(issuer?)?;
    }
    // SAFETY: everything is live during the call, which takes references of its own; the result is ours. A null key means none.
    let pfx = unsafe {
        lc::PKCS12_create(
            c"".as_ptr(),
            ptr::null(),
            key.map_or(ptr::null(), |key| key.0.as_ptr().cast_const()),
            first.0.as_ptr(),
            chain.0.as_ptr(),
            lc::NID_pbe_WithSHA1And3_Key_TripleDES_CBC,
            NOT_ENCRYPTED,
            0,
            0,
            0,
        )
    };
    let Some(pfx) = NonNull::new(pfx) else { return Err(failed("PKCS12_create")) };
    let mut out = ptr::null_mut();
    // SAFETY: the PFX is ours and freed once; with a null `out` the function allocates, and `take` frees that.
    unsafe {
        let len = lc::i2d_PKCS12(pfx.as_ptr(), &raw mut out);
        lc::PKCS12_free(pfx.as_ptr());
        take(out, usize::try_from(len).unwrap_or(0), "i2d_PKCS12").map(Zeroizing::new)
    }
}

/// Reads the first private key of a PEM text, in any of the forms that OpenSSL writes, encrypted or not.
pub fn read_pem_key(pem: &[u8], password: &CStr) -> std::result::Result<Pkey, Refusal> {
    let len = pem.len().try_into().map_err(|_| Refusal::Damaged)?;
    // SAFETY: the BIO reads `pem`, which outlives it; it is freed once. Without a callback the reader takes the user data as a C
    // string, which it only reads, so it never asks at a terminal. The key is ours.
    let key = unsafe {
        lc::ERR_clear_error();
        let bio = lc::BIO_new_mem_buf(pem.as_ptr().cast(), len);
        let key = lc::PEM_read_bio_PrivateKey(bio, ptr::null_mut(), None, password.as_ptr().cast_mut().cast());
        lc::BIO_free(bio);
        key
    };
    NonNull::new(key).map(Pkey).ok_or_else(refusal)
}

impl Pkey {
    /// The key as PKCS#8 DER.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>> {
        const FIRST_GUESS_BYTES: usize = 2048;
        let mut out = ptr::null_mut();
        let mut len = 0;
        // SAFETY: a CBB may begin as zeros; it is initialised before use and either finished or cleaned up. The key is live.
        // `take` frees what `CBB_finish` hands over.
        unsafe {
            let mut builder: lc::CBB = std::mem::zeroed();
            ok("CBB_init", lc::CBB_init(&raw mut builder, FIRST_GUESS_BYTES))?;
            let written = lc::EVP_marshal_private_key(&raw mut builder, self.0.as_ptr()) == 1
                && lc::CBB_finish(&raw mut builder, &raw mut out, &raw mut len) == 1;
            if !written {
                lc::CBB_cleanup(&raw mut builder);
                return Err(failed("EVP_marshal_private_key"));
            }
            take(out, len, "CBB_finish").map(Zeroizing::new)
        }
    }

    /// What aws-lc calls the key's type, for a message.
    pub fn type_name(&self) -> Option<&'static str> {
        // SAFETY: the key is live.
        match unsafe { lc::EVP_PKEY_id(self.0.as_ptr()) } {
            lc::EVP_PKEY_DSA => Some("DSA"),
            lc::EVP_PKEY_DH => Some("DH"),
            lc::EVP_PKEY_ED25519 => Some("Ed25519"),
            lc::EVP_PKEY_X25519 => Some("X25519"),
            lc::EVP_PKEY_RSA_PSS => Some("RSASSA-PSS"),
            lc::EVP_PKEY_PQDSA => Some("ML-DSA"),
            lc::EVP_PKEY_KEM => Some("ML-KEM"),
            _ => None,
        }
    }
}

/// Why the last call refused, from the oldest entry of the thread's error queue, which is emptied.
fn refusal() -> Refusal {
    // SAFETY: this only looks at the calling thread's queue.
    let error = unsafe { lc::ERR_peek_error() }.cast_signed();
    // ERR_GET_LIB and ERR_GET_REASON, which are macros: the library in the highest byte, the reason in the lowest 12 bits.
    let (library, reason) = ((error >> 24) & 0xff, error & 0xfff);
    let Failed(_) = failed("PKCS12");
    match (library, reason) {
        (lc::ERR_LIB_PKCS8 | lc::ERR_LIB_PKCS12, lc::PKCS8_R_INCORRECT_PASSWORD) => Refusal::Password,
        (lc::ERR_LIB_CIPHER, _) => Refusal::Password,
        (lc::ERR_LIB_PEM, lc::PEM_R_BAD_DECRYPT | lc::PEM_R_BAD_PASSWORD_READ) => Refusal::Password,
        (lc::ERR_LIB_PEM, lc::PEM_R_NO_START_LINE) => Refusal::NoKey,
        (lc::ERR_LIB_PEM, lc::PEM_R_UNSUPPORTED_ENCRYPTION | lc::PEM_R_UNSUPPORTED_CIPHER) => Refusal::Protection,
        (lc::ERR_LIB_PKCS8, lc::PKCS8_R_MULTIPLE_PRIVATE_KEYS_IN_PKCS12) => Refusal::TwoKeys,
        (lc::ERR_LIB_PKCS8, lc::PKCS8_R_UNSUPPORTED_PRIVATE_KEY_ALGORITHM) => Refusal::KeyType,
        (lc::ERR_LIB_EVP, lc::EVP_R_UNSUPPORTED_ALGORITHM | lc::EVP_R_UNKNOWN_PUBLIC_KEY_TYPE) => Refusal::KeyType,
        (
            lc::ERR_LIB_PKCS8,
            lc::PKCS8_R_UNKNOWN_ALGORITHM
            | lc::PKCS8_R_UNKNOWN_CIPHER
            | lc::PKCS8_R_UNKNOWN_CIPHER_ALGORITHM
            | lc::PKCS8_R_UNKNOWN_DIGEST
            | lc::PKCS8_R_UNKNOWN_HASH
            | lc::PKCS8_R_UNSUPPORTED_CIPHER
            | lc::PKCS8_R_UNSUPPORTED_KEYLENGTH
            | lc::PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION
            | lc::PKCS8_R_UNSUPPORTED_PRF
            | lc::PKCS8_R_UNSUPPORTED_SALT_TYPE
            | lc::PKCS8_R_MISSING_MAC
            | lc::PKCS8_R_PKCS12_PUBLIC_KEY_INTEGRITY_NOT_SUPPORTED,
        )
        | (lc::ERR_LIB_DIGEST, _) => Refusal::Protection,
        _ => Refusal::Damaged,
    }
}

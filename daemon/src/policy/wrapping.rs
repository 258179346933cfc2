//! Which key may take which other out, and what a key may become that came in or was derived. The attacks that this answers are those of
//! Clulow (CHES 2003) and of Bortolozzo, Centenaro, Focardi and Steel (CCS 2010): to wrap a key and decrypt it, to bring it back as
//! something weaker, to peel it byte by byte.

use cryptoki_sys as ck;
use softkeep_proto::algorithm::{EncryptScheme, KeyType};

use super::profile::{Rules, WrappingRule};
use crate::{
    crypto::cipher::Cipher,
    error::{Error, ErrorCode, Result},
    keys::record::{KeyPolicy, Ops},
    ops::method::Wrapping,
};

/// What a key may do that would give its holder what it has wrapped. RSA signs whatever block it is given by two mechanisms, which is
/// decryption by another name; a key that does not allow those signs only what it has formed itself.
pub fn undoing(key: &KeyPolicy) -> Ops {
    let undoing = Ops::DECRYPT.and(Ops::UNWRAP_KEY).and(Ops::SIGN_RECOVER).and(Ops::DERIVE);
    let allowed = &key.allowed_mechanisms;
    let signs_anything = allowed.is_empty()
        || allowed.iter().any(|mechanism| matches!(*mechanism, ck::CKM_RSA_PKCS | ck::CKM_RSA_X_509));
    match key.key_type() {
        Ok(KeyType::Rsa(_)) if signs_anything => undoing.and(Ops::SIGN),
        _ => undoing,
    }
}

/// Whether what is wrapped so stays shut for somebody who chooses the parameters, wraps what he likes and unwraps what he likes. Not among
/// them: ECB and CBC, which notice no change; GCM, CCM and CTR, where he chooses the initialisation vector and one known key tells the next;
/// AES key wrap with an initialisation vector of his or with PKCS#7 padding, since then one form can be unwrapped as the other and tells a
/// byte by whether that fails.
pub fn seals(how: &Wrapping) -> bool {
    match how {
        Wrapping::Secret(Cipher::AesKw { iv }) => iv.is_none(),
        Wrapping::Secret(Cipher::AesKwp { iv }) => iv.is_none(),
        Wrapping::Secret(_) | Wrapping::Rsa(EncryptScheme::RsaPkcs1 | EncryptScheme::RsaRaw) => false,
        Wrapping::Rsa(EncryptScheme::RsaOaep { .. }) | Wrapping::RsaAes { .. } | Wrapping::EcdhAes { .. } => true,
    }
}

/// The mechanisms of [`seals`].
const SEALING: [u64; 5] = [
    ck::CKM_AES_KEY_WRAP,
    ck::CKM_AES_KEY_WRAP_KWP,
    ck::CKM_RSA_PKCS_OAEP,
    ck::CKM_RSA_AES_KEY_WRAP,
    ck::CKM_ECDH_AES_KEY_WRAP,
];

fn not_wrappable(why: &str) -> Error {
    Error::new(ErrorCode::KeyNotWrappable, why)
}

impl Rules {
    /// Whether `wrapping`'s object of this class may take `target` out so.
    pub fn check_wrap(self, wrapping: &KeyPolicy, class: u64, how: &Wrapping, target: &KeyPolicy) -> Result<()> {
        if !target.extractable {
            return Err(Error::new(ErrorCode::KeyUnextractable, "the key is not extractable"));
        }
        let trusted = wrapping.is_trusted(class);
        if target.wrap_with_trusted && !trusted {
            return Err(not_wrappable("the key is wrapped only by a trusted key (CKA_WRAP_WITH_TRUSTED)"));
        }
        if !target.sensitive || self.wrapping == WrappingRule::Any {
            return Ok(());
        }
        if !seals(how) {
            return Err(not_wrappable("a sensitive key is not wrapped by this mechanism or with this parameter"));
        }
        if wrapping.unwrapped_by_untrusted {
            return Err(not_wrappable("what an untrusted key has unwrapped wraps no sensitive key"));
        }
        if !trusted && !wrapping.is_home_grown() {
            let why = "a sensitive key is wrapped by a trusted key, or by one made here that was always sensitive and never extractable";
            return Err(not_wrappable(why));
        }
        // A wrapping key that leaves under another comes back as one that decrypts.
        if wrapping.may_have_left() {
            return Err(not_wrappable("the wrapping key is or was extractable itself"));
        }
        // Also of a trusted key: the officer vouches for where it came from, not for what its holders do with it.
        if wrapping.ever().has_any(undoing(wrapping)) {
            return Err(not_wrappable("the wrapping key does, or did, more than wrap: it could undo the wrapping"));
        }
        // The AES key inside would come out of the front as a key that decrypts the rest, where the private half is here.
        let has_private = wrapping.class == ck::CKO_PRIVATE_KEY || wrapping.is_home_grown();
        if matches!(how, Wrapping::RsaAes { .. }) && has_private {
            let allowed = &wrapping.allowed_mechanisms;
            if allowed.is_empty() || allowed.contains(&ck::CKM_RSA_PKCS_OAEP) {
                let why = "the wrapping key's private half allows CKM_RSA_PKCS_OAEP too, which would unwrap the AES key inside";
                return Err(not_wrappable(why));
            }
        }
        Ok(())
    }

    /// Whether a key may bring keys in so, and whether they must then be sensitive: a key that may have taken sensitive keys out opens
    /// nothing but what was sealed, and what it opens stays sensitive.
    pub fn check_unwrap(self, unwrapping: &KeyPolicy, how: &Wrapping) -> Result<bool> {
        let guards = self.wrapping == WrappingRule::Guarded && may_have_sealed(unwrapping);
        if guards && !seals(how) {
            let why = "a key that wraps sensitive keys does not unwrap by this mechanism or with this parameter";
            return Err(Error::new(ErrorCode::OperationNotPermitted, why));
        }
        Ok(guards)
    }
}

/// Whether [`Rules::check_wrap`] may ever have let this key take a sensitive one out. A copy of a key counts as the key.
fn may_have_sealed(key: &KeyPolicy) -> bool {
    let trusted = key.trusted || key.is_trusted(ck::CKO_PUBLIC_KEY) || key.ever_trusted;
    let secret = key.always_sensitive && key.never_extractable;
    let wraps_only = key.ever().has_any(Ops::WRAP_KEY.and(Ops::WRAP_OBJECT)) && !key.ever().has_any(undoing(key));
    let allowed = key.allowed_mechanisms(ck::CKO_PUBLIC_KEY);
    let by_sealing = allowed.is_empty() || allowed.iter().any(|mechanism| SEALING.contains(mechanism));
    by_sealing && (trusted || (secret && wraps_only))
}

/// Whether a key may be derived that has so many of the base's own bytes in it: of one that nobody may read, all or none. A single byte would
/// be found by trying 256 keys; and a key without its first byte, put behind a zero, is the whole key with one byte changed, which takes 256
/// comparisons to find.
pub fn check_cut(base: &KeyPolicy, base_bytes: usize, own_bytes: usize) -> Result<()> {
    if base.is_readable() || own_bytes >= base_bytes {
        return Ok(());
    }
    Err(Error::new(ErrorCode::TemplateInconsistent, "of a key that may not be read all bytes go into a derived one"))
}

/// The same for a key of the base's bits from one of them on: turned round, it is cut in two, and what is put behind it stands between.
pub fn check_turn(base: &KeyPolicy, first_bit: usize) -> Result<()> {
    if base.is_readable() || first_bit == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorCode::TemplateInconsistent, "the bits of a key that may not be read keep their order"))
}

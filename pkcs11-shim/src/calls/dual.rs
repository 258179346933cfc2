//! Dual-function operations (PKCS#11 3.2 section 5.17): one part through two active operations. The cipher decides how
//! much output there is; the other takes in the plaintext only if the output could be delivered.

use super::{pass_both, sign, verify};
use crate::{
    error::{Error, Result},
    ffi::{InBuf, OutBuf},
    module::Module,
    session::{Decrypt, Digest, Encrypt, Sign, Verify},
};

/// C_DigestEncryptUpdate (section 5.17.1).
pub fn digest_encrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |encrypt: &Encrypt, _: &Digest| encrypt.parts()?.update_len(data.clone()?.len());
    pass_both(module, session, &out, length, |encrypt, digest, remote| {
        let data = data.clone()?;
        let output = encrypt.update(remote, data)?;
        digest.update(data);
        Ok(output)
    })
}

/// C_DecryptDigestUpdate (section 5.17.2).
pub fn decrypt_digest(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |decrypt: &Decrypt, _: &Digest| decrypt.parts()?.update_len(data.clone()?.len());
    pass_both(module, session, &out, length, |decrypt, digest, remote| {
        let output = decrypt.update(remote, data.clone()?)?;
        digest.update(&output);
        Ok(output)
    })
}

/// C_SignEncryptUpdate (section 5.17.3).
pub fn sign_encrypt(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |encrypt: &Encrypt, sign: &Sign| match sign.message.takes_parts() {
        true => encrypt.parts()?.update_len(data.clone()?.len()),
        false => Err(Error::OperationNotInitialized),
    };
    pass_both(module, session, &out, length, |encrypt, sign, remote| {
        let data = data.clone()?;
        sign::more(sign, remote, data)?;
        encrypt.update(remote, data)
    })
}

/// C_DecryptVerifyUpdate (section 5.17.4).
pub fn decrypt_verify(module: &Module, session: u64, data: InBuf, out: OutBuf) -> Result<()> {
    let data = data.bytes();
    let length = |decrypt: &Decrypt, verify: &Verify| match verify.message.takes_parts() {
        true => decrypt.parts()?.update_len(data.clone()?.len()),
        false => Err(Error::OperationNotInitialized),
    };
    pass_both(module, session, &out, length, |decrypt, verify, remote| {
        let output = decrypt.update(remote, data.clone()?)?;
        verify::more(verify, remote, &output)?;
        Ok(output)
    })
}

//! What a transfer file or blob may turn into: the one entry of the fuzz target `transfer_blob`, and of the test that replays its
//! corpus. Only for them.

use softkeep_proto::algorithm::{EncryptScheme, KeyType, SignScheme};
use zeroize::Zeroizing;

use super::{Kind, Target, parse};
use crate::{
    crypto::{PrivateKey, RustCrypto},
    error::{Error, Result},
};

/// A key that gives the same bytes whatever it decrypts: whoever wraps knows the AES key too.
struct Pliant;

impl PrivateKey for Pliant {
    fn key_type(&self) -> KeyType {
        KeyType::Rsa(2048)
    }

    fn sign(&self, _: &SignScheme, _: &[u8]) -> Result<Vec<u8>> {
        Err(Error::decrypt_failed())
    }

    fn decrypt(&self, _: &EncryptScheme, _: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(vec![0x42; 32]))
    }
}

/// Reads it in each dialect, unwraps it and reads what comes out, and itself. Nothing may panic.
pub fn survive(blob: &[u8]) {
    for format in ["", "azure", "aws", "gcp", "openbao", "softkeep"] {
        for algorithm in ["", "RSA_AES_KEY_WRAP_SHA_1", "rsa-oaep-3072-sha256", "SHA384"] {
            let Ok(envelope) = parse(blob, format, algorithm) else { continue };
            let opened = [2048, 3072, 4096].map(|bits| envelope.open(bits, &Pliant));
            for opened in opened.into_iter().flatten() {
                read(opened.target);
            }
        }
    }
    read(Zeroizing::new(blob.to_vec()));
}

fn read(material: Zeroizing<Vec<u8>>) {
    // Refusals are as good as successes here; of RSA keys only the form is read, their numbers take too long.
    let kind = Kind::parse("", "").unwrap_or_default();
    if material.len() < 256 {
        drop(Target::of_unwrapped(material, kind, &RustCrypto));
    } else {
        drop(crate::crypto::key_info::check_import(&material));
    }
}

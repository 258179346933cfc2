//! Lengths by mode and direction; what the calls carry is tested against the fake daemon in `ffi`'s tests.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::AeadParams;

use super::*;
use crate::{
    mechanism::{Given, Raw, find},
    object::{Entry, ObjectId, Place},
};

fn cipher(mechanism: u64, raw: Raw, direction: Direction) -> Cipher {
    let id = ObjectId { unique_id: [0; 16], class: ck::CKO_SECRET_KEY };
    let entry = Entry { slot_id: 0, id, attributes: Arc::default(), place: Place::Token(0) };
    Cipher::new(entry.key(), Mechanism::new(find(mechanism).unwrap(), raw).unwrap(), direction).unwrap()
}

fn iv() -> Raw {
    Parameter::Iv(Bytes::from_static(&[0; 16])).into()
}

fn aead(message_len: Option<u64>) -> Raw {
    let nonce = Bytes::from_static(&[0; 12]);
    let params = AeadParams { nonce, associated_data: Bytes::new(), tag_len_bytes: 12 };
    Raw::Given(Given { parameter: Parameter::Aead(params), key_handle: None, message_len })
}

#[test]
fn lengths_of_block_modes() {
    use Direction::{Decrypt, Encrypt};
    let ecb = cipher(ck::CKM_AES_ECB, Raw::Nothing, Encrypt);
    assert_eq!((ecb.update_len(15), ecb.update_len(33)), (Ok(0), Ok(32)));
    assert_eq!((ecb.finish_len(0), ecb.finish_len(32)), (Ok(Length::Exact(0)), Ok(Length::Exact(32))));
    assert_eq!(ecb.finish_len(17), Err(Error::DataLenRange));
    let padded = cipher(ck::CKM_AES_CBC_PAD, iv(), Encrypt);
    assert_eq!((padded.update_len(16), padded.finish_len(0)), (Ok(16), Ok(Length::Exact(16))));
    assert_eq!(padded.finish_len(16), Ok(Length::Exact(32)));
    let opened = cipher(ck::CKM_AES_CBC_PAD, iv(), Decrypt);
    assert_eq!((opened.update_len(0), opened.update_len(16), opened.update_len(17)), (Ok(0), Ok(0), Ok(16)));
    assert_eq!(opened.finish_len(32), Ok(Length::UpTo(32)));
    assert_eq!(
        (opened.finish_len(0), opened.finish_len(15)),
        (Err(Error::EncryptedDataLenRange), Err(Error::EncryptedDataLenRange))
    );
}

#[test]
fn lengths_of_what_is_gathered() {
    use Direction::{Decrypt, Encrypt};
    let sealed = cipher(ck::CKM_AES_GCM, aead(None), Encrypt);
    assert_eq!((sealed.update_len(99), sealed.finish_len(99)), (Ok(0), Ok(Length::Exact(111))));
    assert_eq!(sealed.update_len(MAX_GATHERED_BYTES + 1), Err(Error::DataLenRange));
    let opened = cipher(ck::CKM_AES_GCM, aead(None), Decrypt);
    assert_eq!(opened.finish_len(12), Ok(Length::Exact(0)));
    assert_eq!(opened.finish_len(11), Err(Error::EncryptedDataLenRange));
    let told = cipher(ck::CKM_AES_CCM, aead(Some(5)), Encrypt);
    assert_eq!((told.finish_len(5), told.finish_len(6)), (Ok(Length::Exact(17)), Err(Error::DataLenRange)));
    let told = cipher(ck::CKM_AES_CCM, aead(Some(5)), Decrypt);
    assert_eq!((told.finish_len(17), told.finish_len(18)), (Ok(Length::Exact(5)), Err(Error::EncryptedDataLenRange)));
    let wrap = cipher(ck::CKM_AES_KEY_WRAP, Raw::Nothing, Encrypt);
    assert_eq!((wrap.finish_len(16), wrap.finish_len(17)), (Ok(Length::Exact(24)), Err(Error::DataLenRange)));
    let padded = cipher(ck::CKM_AES_KEY_WRAP_KWP, Raw::Nothing, Encrypt);
    assert_eq!((padded.finish_len(1), padded.finish_len(8)), (Ok(Length::Exact(16)), Ok(Length::Exact(16))));
    let padded = cipher(ck::CKM_AES_KEY_WRAP_PAD, Raw::Nothing, Encrypt);
    assert_eq!((padded.finish_len(7), padded.finish_len(8)), (Err(Error::DataLenRange), Ok(Length::Exact(24))));
    let opened = cipher(ck::CKM_AES_KEY_WRAP_KWP, Raw::Nothing, Decrypt);
    assert_eq!(
        (opened.finish_len(24), opened.finish_len(20)),
        (Ok(Length::UpTo(16)), Err(Error::EncryptedDataLenRange))
    );
}

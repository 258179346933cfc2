//! Every family of operations against the fake daemon: outputs, lengths, what is asked, and when an operation ends.

use std::ptr;

use cryptoki_sys::*;
use softkeep_proto::pkcs11::v1::{AeadParams, ChaCha20Params, CtrParams, mechanism::Parameter};

use super::{
    super::table::*,
    calls::{Host, login, open},
    vault::{self, AES, CHACHA, EDWARDS, GUARDED, HMAC, IV, RSA, SECRET},
};

mod many;

type Two = unsafe extern "C" fn(u64, *mut u8, u64, *mut u8, *mut u64) -> CK_RV;
type One = unsafe extern "C" fn(u64, *mut u8, *mut u64) -> CK_RV;
type Init = unsafe extern "C" fn(u64, *mut CK_MECHANISM, u64) -> CK_RV;

/// A host whose vault has the keys of every kind.
fn host() -> Host {
    let host = Host::logged_in();
    host.daemon.world.lock().unwrap().vault = true;
    host
}

/// A key's handle.
fn key(host: &Host, id: [u8; 16], class: u64) -> u64 {
    let index = vault::objects().iter().filter(|object| object.class == class).position(|o| o.unique_id[..] == id);
    let handle = super::calls::find(host.session, class)[index.unwrap()];
    host.daemon.asked();
    handle
}

fn plain(mechanism: u64) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, ..Default::default() }
}

fn with<T>(mechanism: u64, parameter: &mut T) -> CK_MECHANISM {
    let parameter: *mut T = parameter;
    CK_MECHANISM { mechanism, pParameter: parameter.cast(), ulParameterLen: size_of::<T>() as u64 }
}

fn begin(init: Init, host: &Host, mut mechanism: CK_MECHANISM, key: u64) -> CK_RV {
    unsafe { init(host.session, &mut mechanism, key) }
}

/// A function that gives output, with so much room.
fn call(function: Two, host: &Host, data: &[u8], room: usize) -> Result<Vec<u8>, (CK_RV, u64)> {
    let (mut out, mut len) = (vec![0; room], room as u64);
    match unsafe { function(host.session, data.as_ptr().cast_mut(), data.len() as u64, out.as_mut_ptr(), &mut len) } {
        CKR_OK => Ok(out[..len as usize].to_vec()),
        rv => Err((rv, len)),
    }
}

fn last(function: One, host: &Host, room: usize) -> Result<Vec<u8>, (CK_RV, u64)> {
    let (mut out, mut len) = (vec![0; room], room as u64);
    match unsafe { function(host.session, out.as_mut_ptr(), &mut len) } {
        CKR_OK => Ok(out[..len as usize].to_vec()),
        rv => Err((rv, len)),
    }
}

/// A length query.
fn query(function: Two, host: &Host, data: &[u8]) -> (CK_RV, u64) {
    let mut len = 0;
    let rv = unsafe { function(host.session, data.as_ptr().cast_mut(), data.len() as u64, ptr::null_mut(), &mut len) };
    (rv, len)
}

fn iv() -> Parameter {
    Parameter::Iv(IV.to_vec().into())
}

#[test]
fn block_modes_give_output_with_each_part() {
    let host = host();
    let key = key(&host, AES, CKO_SECRET_KEY);
    let message: Vec<u8> = (0..100).collect();
    for (mechanism, parameter, len) in
        [(CKM_AES_ECB, None, 96), (CKM_AES_CBC, Some(iv()), 96), (CKM_AES_CBC_PAD, Some(iv()), 100)]
    {
        let message = &message[..len];
        let expected = vault::encrypt(mechanism, parameter.as_ref(), message).unwrap();
        let mut memory = IV;
        let mut given = || if parameter.is_some() { with(mechanism, &mut memory) } else { plain(mechanism) };
        assert_eq!(begin(C_EncryptInit, &host, given(), key), CKR_OK);
        assert_eq!(query(C_Encrypt, &host, message), (CKR_OK, expected.len() as u64));
        assert_eq!(call(C_Encrypt, &host, message, 10), Err((CKR_BUFFER_TOO_SMALL, expected.len() as u64)));
        assert_eq!(host.daemon.asked(), [""; 0]);
        assert_eq!(call(C_Encrypt, &host, message, 200), Ok(expected.clone()));
        assert_eq!(host.daemon.asked(), ["encrypt"]);
        assert_eq!(call(C_Encrypt, &host, message, 200), Err((CKR_OPERATION_NOT_INITIALIZED, 200)));
        for size in [1, 15, 16, 17, 33, 100] {
            let mut ciphertext = Vec::new();
            assert_eq!(begin(C_EncryptInit, &host, given(), key), CKR_OK);
            for part in message.chunks(size) {
                let (rv, len) = query(C_EncryptUpdate, &host, part);
                assert_eq!(rv, CKR_OK);
                if len > 0 {
                    let short = call(C_EncryptUpdate, &host, part, len as usize - 1);
                    assert_eq!(short, Err((CKR_BUFFER_TOO_SMALL, len)));
                }
                ciphertext.extend(call(C_EncryptUpdate, &host, part, len as usize).unwrap());
            }
            ciphertext.extend(last(C_EncryptFinal, &host, 32).unwrap());
            assert_eq!(ciphertext, expected, "{mechanism:#x} in parts of {size}");
            let mut plaintext = Vec::new();
            assert_eq!(begin(C_DecryptInit, &host, given(), key), CKR_OK);
            for part in expected.chunks(size) {
                plaintext.extend(call(C_DecryptUpdate, &host, part, 200).unwrap());
            }
            plaintext.extend(last(C_DecryptFinal, &host, 32).unwrap());
            assert_eq!(plaintext, message, "{mechanism:#x} in parts of {size}");
        }
        host.daemon.asked();
    }
    assert_eq!(begin(C_EncryptInit, &host, plain(CKM_AES_ECB), key), CKR_OK);
    assert_eq!(call(C_Encrypt, &host, &[0; 17], 100), Err((CKR_DATA_LEN_RANGE, 100)));
    assert_eq!(begin(C_EncryptInit, &host, plain(CKM_AES_CBC), key), CKR_MECHANISM_PARAM_INVALID);
    assert_eq!(host.daemon.asked(), [""; 0]);
}

#[test]
fn a_plaintext_that_does_not_fit_is_kept_for_the_next_call() {
    let host = host();
    let key = key(&host, AES, CKO_SECRET_KEY);
    let ciphertext = vault::encrypt(CKM_AES_CBC_PAD, Some(&iv()), b"0123456789abcdefXYZ").unwrap();
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_CBC_PAD, &mut IV.clone()), key), CKR_OK);
    assert_eq!(query(C_Decrypt, &host, &ciphertext), (CKR_OK, 32), "no more is known");
    assert_eq!(call(C_Decrypt, &host, &ciphertext, 18), Err((CKR_BUFFER_TOO_SMALL, 19)));
    assert_eq!(call(C_Decrypt, &host, &ciphertext, 19), Ok(b"0123456789abcdefXYZ".to_vec()));
    assert_eq!(host.daemon.asked(), ["decrypt"], "once");
    // In parts: the last block waits for the end.
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_CBC_PAD, &mut IV.clone()), key), CKR_OK);
    assert_eq!(call(C_DecryptUpdate, &host, &ciphertext, 99), Ok(b"0123456789abcdef".to_vec()));
    assert_eq!(last(C_DecryptFinal, &host, 2), Err((CKR_BUFFER_TOO_SMALL, 3)));
    assert_eq!(last(C_DecryptFinal, &host, 3), Ok(b"XYZ".to_vec()));
    assert_eq!(host.daemon.asked(), ["decrypt", "decrypt"]);
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_CBC_PAD, &mut [0u8; 16]), key), CKR_OK);
    assert_eq!(call(C_Decrypt, &host, &ciphertext[..31], 99), Err((CKR_ENCRYPTED_DATA_LEN_RANGE, 99)));
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_CBC_PAD, &mut IV.clone()), key), CKR_OK);
    let refused = call(C_Decrypt, &host, &[7; 32], 99);
    assert_eq!(refused, Err((CKR_ENCRYPTED_DATA_INVALID, 99)));
}

#[test]
fn stream_ciphers_go_on_in_the_middle_of_a_block() {
    let host = host();
    let message: Vec<u8> = (0..=255).collect();
    let mut ctr = CK_AES_CTR_PARAMS { ulCounterBits: 64, cb: IV };
    let ctr_wire = Parameter::Ctr(CtrParams { counter_bits: 64, block: IV.to_vec().into() });
    let (mut counter, mut nonce) = (7u32.to_le_bytes(), [9u8; 12]);
    let mut chacha = CK_CHACHA20_PARAMS {
        pBlockCounter: counter.as_mut_ptr(),
        blockCounterBits: 32,
        pNonce: nonce.as_mut_ptr(),
        ulNonceBits: 96,
    };
    let chacha_wire = Parameter::Chacha20(ChaCha20Params { counter: 7, nonce: vec![9; 12].into() });
    let aes = key(&host, AES, CKO_SECRET_KEY);
    let chacha_key = key(&host, CHACHA, CKO_SECRET_KEY);
    let cases =
        [(with(CKM_AES_CTR, &mut ctr), ctr_wire, aes), (with(CKM_CHACHA20, &mut chacha), chacha_wire, chacha_key)];
    for (mechanism, wire, key) in cases {
        let expected = vault::encrypt(mechanism.mechanism, Some(&wire), &message).unwrap();
        for size in [1, 7, 16, 63, 64, 65, 256] {
            for (init, update, finish, from, to) in [
                (C_EncryptInit as Init, C_EncryptUpdate as Two, C_EncryptFinal as One, &message, &expected),
                (C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, &expected, &message),
            ] {
                assert_eq!(begin(init, &host, mechanism, key), CKR_OK);
                let mut output = Vec::new();
                for part in from.chunks(size) {
                    assert_eq!(query(update, &host, part), (CKR_OK, part.len() as u64));
                    output.extend(call(update, &host, part, part.len()).unwrap());
                }
                assert_eq!(last(finish, &host, 1), Ok(Vec::new()));
                assert_eq!(output, *to);
            }
        }
    }
    let mut short = CK_AES_CTR_PARAMS { ulCounterBits: 2, cb: [0; 16] };
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_CTR, &mut short), aes), CKR_OK);
    assert!(call(C_EncryptUpdate, &host, &[0; 64], 64).is_ok());
    assert_eq!(call(C_EncryptUpdate, &host, &[0], 1), Err((CKR_DATA_LEN_RANGE, 1)), "the counter would come again");
}

#[test]
fn more_than_one_call_takes_and_more_than_may_be_gathered() {
    let host = host();
    let key = key(&host, AES, CKO_SECRET_KEY);
    let message = vec![0x5a; (1 << 20) + 32];
    let expected = vault::encrypt(CKM_AES_CBC_PAD, Some(&iv()), &message).unwrap();
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_CBC_PAD, &mut IV.clone()), key), CKR_OK);
    assert!(call(C_Encrypt, &host, &message, message.len() + 16) == Ok(expected));
    assert_eq!(host.daemon.asked(), ["encrypt"; 3]);
    let mut mechanism = gcm_params(&mut IV.clone(), &mut []);
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_GCM, &mut mechanism), key), CKR_OK);
    let refused = call(C_Encrypt, &host, &message, 0).map(drop);
    assert_eq!(refused, Err((CKR_DATA_LEN_RANGE, 0)));
    let hmac = self::key(&host, HMAC, CKO_SECRET_KEY);
    let mac = vault::mac(CKM_SHA256_HMAC, None, &message).unwrap();
    assert_eq!(begin(C_SignInit, &host, plain(CKM_SHA256_HMAC), hmac), CKR_OK);
    assert_eq!(call(C_Sign, &host, &message, 32), Ok(mac.clone()));
    assert_eq!(host.daemon.asked(), ["mac", "mac", "sign"]);
    assert_eq!(begin(C_VerifyInit, &host, plain(CKM_SHA256_HMAC), hmac), CKR_OK);
    for part in message.chunks(300_000) {
        assert_eq!(unsafe { C_VerifyUpdate(host.session, part.as_ptr().cast_mut(), part.len() as u64) }, CKR_OK);
    }
    assert_eq!(unsafe { C_VerifyFinal(host.session, mac.as_ptr().cast_mut(), 32) }, CKR_OK);
    assert_eq!(host.daemon.asked(), ["mac", "mac", "verify"]);
}

fn gcm_params(nonce: &mut [u8], aad: &mut [u8]) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: 12,
        ulIvBits: 96,
        pAAD: aad.as_mut_ptr(),
        ulAADLen: aad.len() as u64,
        ulTagBits: 128,
    }
}

fn aead(aad: &[u8], tag_len_bytes: u64) -> Parameter {
    let nonce = IV[..12].to_vec().into();
    Parameter::Aead(AeadParams { nonce, associated_data: aad.to_vec().into(), tag_len_bytes })
}

#[test]
fn aead_tells_nothing_before_the_tag_fits() {
    let host = host();
    let key = key(&host, AES, CKO_SECRET_KEY);
    let (mut nonce, mut aad) = (IV, *b"header");
    let mut params = gcm_params(&mut nonce, &mut aad);
    let sealed = vault::encrypt(CKM_AES_GCM, Some(&aead(b"header", 16)), b"inside").unwrap();
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_GCM, &mut params), key), CKR_OK);
    assert_eq!(call(C_EncryptUpdate, &host, b"ins", 0), Ok(vec![]));
    assert_eq!(call(C_EncryptUpdate, &host, b"ide", 0), Ok(vec![]));
    assert_eq!(last(C_EncryptFinal, &host, 21), Err((CKR_BUFFER_TOO_SMALL, 22)));
    assert_eq!(last(C_EncryptFinal, &host, 22), Ok(sealed.clone()));
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_GCM, &mut params), key), CKR_OK);
    assert_eq!(query(C_Decrypt, &host, &sealed), (CKR_OK, 6));
    assert_eq!(call(C_Decrypt, &host, &sealed, 6), Ok(b"inside".to_vec()));
    let mut broken = sealed.clone();
    broken[0] ^= 1;
    assert_eq!(begin(C_DecryptInit, &host, with(CKM_AES_GCM, &mut params), key), CKR_OK);
    assert_eq!(call(C_Decrypt, &host, &broken, 6), Err((CKR_ENCRYPTED_DATA_INVALID, 6)));
    let mut ccm = CK_CCM_PARAMS {
        ulDataLen: 6,
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: 12,
        pAAD: aad.as_mut_ptr(),
        ulAADLen: 6,
        ulMACLen: 8,
    };
    let sealed = vault::encrypt(CKM_AES_CCM, Some(&aead(b"header", 8)), b"inside").unwrap();
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_CCM, &mut ccm), key), CKR_OK);
    assert_eq!(call(C_Encrypt, &host, b"inside", 14), Ok(sealed));
    assert_eq!(begin(C_EncryptInit, &host, with(CKM_AES_CCM, &mut ccm), key), CKR_OK);
    assert_eq!(call(C_Encrypt, &host, b"longer than told", 99), Err((CKR_DATA_LEN_RANGE, 99)));
}

#[test]
fn macs_of_every_length() {
    let host = host();
    for (id, mechanism, general, full) in
        [(HMAC, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, 32), (AES, CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, 16)]
    {
        let key = key(&host, id, CKO_SECRET_KEY);
        let mac = vault::mac(mechanism, None, b"message").unwrap();
        assert_eq!(begin(C_SignInit, &host, plain(mechanism), key), CKR_OK);
        assert_eq!(call(C_Sign, &host, b"message", full), Ok(mac.clone()));
        for len in [1, 4, full] {
            assert_eq!(begin(C_SignInit, &host, with(general, &mut (len as u64)), key), CKR_OK);
            assert_eq!(query(C_Sign, &host, b"message"), (CKR_OK, len as u64));
            assert_eq!(call(C_Sign, &host, b"message", len), Ok(mac[..len].to_vec()));
            let mut length = len as u64;
            let mut given = with(general, &mut length);
            let mut signature_first = |mac: &[u8]| unsafe {
                let (at, count) = (mac.as_ptr().cast_mut(), mac.len() as u64);
                assert_eq!(C_VerifySignatureInit(host.session, &mut given, key, at, count), CKR_OK);
                assert_eq!(C_VerifySignatureUpdate(host.session, b"mess".as_ptr().cast_mut(), 4), CKR_OK);
                assert_eq!(C_VerifySignatureUpdate(host.session, b"age".as_ptr().cast_mut(), 3), CKR_OK);
                C_VerifySignatureFinal(host.session)
            };
            assert_eq!(signature_first(&mac[..len]), CKR_OK);
            let mut wrong = mac[..len].to_vec();
            wrong[0] ^= 1;
            assert_eq!(signature_first(&wrong), CKR_SIGNATURE_INVALID);
            host.daemon.asked();
            assert_eq!(signature_first(&mac[..len - 1]), CKR_SIGNATURE_LEN_RANGE);
            assert_eq!(host.daemon.asked(), [""; 0], "the length is checked here");
        }
        for len in [0, full as u64 + 1, u64::MAX] {
            let rv = begin(C_SignInit, &host, with(general, &mut len.to_owned()), key);
            assert_eq!(rv, CKR_MECHANISM_PARAM_INVALID);
        }
    }
}

#[test]
fn rsa_with_recovery_and_older_paddings() {
    let host = host();
    let (public, private) = (key(&host, RSA, CKO_PUBLIC_KEY), key(&host, RSA, CKO_PRIVATE_KEY));
    assert_eq!(begin(C_SignRecoverInit, &host, plain(CKM_RSA_PKCS), private), CKR_OK);
    assert_eq!(query(C_SignRecover, &host, b"inside"), (CKR_OK, 128));
    let signature = call(C_SignRecover, &host, b"inside", 128).unwrap();
    assert_eq!(host.daemon.asked(), ["sign"]);
    assert_eq!(begin(C_VerifyRecoverInit, &host, plain(CKM_RSA_PKCS), public), CKR_OK);
    assert_eq!(query(C_VerifyRecover, &host, &signature), (CKR_OK, 117), "no more than that");
    assert_eq!(call(C_VerifyRecover, &host, &signature, 5), Err((CKR_BUFFER_TOO_SMALL, 6)));
    assert_eq!(call(C_VerifyRecover, &host, &signature, 6), Ok(b"inside".to_vec()));
    assert_eq!(begin(C_VerifyRecoverInit, &host, plain(CKM_RSA_PKCS), public), CKR_OK);
    assert_eq!(call(C_VerifyRecover, &host, &[1; 128], 128), Err((CKR_SIGNATURE_INVALID, 128)));
    assert_eq!(begin(C_SignRecoverInit, &host, plain(CKM_SHA256_RSA_PKCS), private), CKR_MECHANISM_INVALID);
    assert_eq!(begin(C_SignRecoverInit, &host, plain(CKM_RSA_PKCS), private), CKR_OK);
    assert_eq!(call(C_SignRecover, &host, &[1; 118], 128), Err((CKR_DATA_LEN_RANGE, 128)));
    assert_eq!(begin(C_EncryptInit, &host, plain(CKM_RSA_PKCS), public), CKR_OK);
    let ciphertext = call(C_Encrypt, &host, b"inside", 128).unwrap();
    assert_eq!(host.daemon.asked(), [""; 0], "encrypted here");
    assert_eq!(begin(C_DecryptInit, &host, plain(CKM_RSA_PKCS), private), CKR_OK);
    assert_eq!(call(C_DecryptUpdate, &host, &ciphertext, 128), Err((CKR_OPERATION_NOT_INITIALIZED, 128)));
    assert_eq!(begin(C_DecryptInit, &host, plain(CKM_RSA_PKCS), private), CKR_OK);
    assert_eq!(call(C_Decrypt, &host, &ciphertext, 128), Ok(b"inside".to_vec()));
}

#[test]
fn eddsa_takes_the_message_in_parts() {
    let host = host();
    let (public, private) = (key(&host, EDWARDS, CKO_PUBLIC_KEY), key(&host, EDWARDS, CKO_PRIVATE_KEY));
    let expected = vault::sign(&EDWARDS, CKM_EDDSA, b"message").unwrap();
    assert_eq!(begin(C_SignInit, &host, plain(CKM_EDDSA), private), CKR_OK);
    for part in [&b"mess"[..], b"age"] {
        assert_eq!(unsafe { C_SignUpdate(host.session, part.as_ptr().cast_mut(), part.len() as u64) }, CKR_OK);
    }
    assert_eq!(last(C_SignFinal, &host, 64), Ok(expected.clone()));
    assert_eq!(host.daemon.asked(), ["sign"]);
    let verify = |message: &[u8]| unsafe {
        assert_eq!(C_VerifyInit(host.session, &mut plain(CKM_EDDSA), public), CKR_OK);
        let data = message.as_ptr().cast_mut();
        C_Verify(host.session, data, message.len() as u64, expected.as_ptr().cast_mut(), 64)
    };
    assert_eq!((verify(b"message"), verify(b"massage")), (CKR_OK, CKR_SIGNATURE_INVALID));
}

#[test]
fn a_key_that_asks_each_time() {
    let host = host();
    let key = key(&host, GUARDED, CKO_PRIVATE_KEY);
    let again = |pin| login(host.session, CKU_CONTEXT_SPECIFIC, pin);
    assert_eq!(again("1234"), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(begin(C_SignInit, &host, plain(CKM_SHA256_RSA_PKCS), key), CKR_OK);
    assert_eq!(query(C_Sign, &host, b"message"), (CKR_OK, 128), "the length needs no PIN");
    assert_eq!(again("wrong"), CKR_PIN_INCORRECT);
    assert_eq!(again("1234"), CKR_OK);
    assert_eq!(again("1234"), CKR_OPERATION_NOT_INITIALIZED, "nobody waits for it any more");
    assert_eq!(call(C_Sign, &host, b"message", 1), Err((CKR_BUFFER_TOO_SMALL, 128)));
    let signature = call(C_Sign, &host, b"message", 128).unwrap();
    assert_eq!(host.daemon.asked(), ["context", "context", "sign"]);
    assert_eq!(begin(C_SignInit, &host, plain(CKM_SHA256_RSA_PKCS), key), CKR_OK);
    assert_eq!(call(C_Sign, &host, b"message", 128), Err((CKR_USER_NOT_LOGGED_IN, 128)), "each use needs one");
    assert_eq!(host.daemon.asked(), [""; 0], "and that is known here");
    // A message-based operation needs one for each message.
    assert_eq!(begin(C_MessageSignInit, &host, plain(CKM_SHA256_RSA_PKCS), key), CKR_OK);
    assert_eq!(sign_message(&host, b"message", 128), Err((CKR_USER_NOT_LOGGED_IN, 128)));
    assert_eq!(again("1234"), CKR_OK);
    assert_eq!(sign_message(&host, b"message", 128), Ok(signature));
    assert_eq!(sign_message(&host, b"message", 128), Err((CKR_USER_NOT_LOGGED_IN, 128)));
    assert_eq!(unsafe { C_MessageSignFinal(host.session) }, CKR_OK);
    // A plaintext that did not fit is not decrypted again.
    let ciphertext = {
        let public = self::key(&host, GUARDED, CKO_PUBLIC_KEY);
        assert_eq!(begin(C_EncryptInit, &host, plain(CKM_RSA_PKCS), public), CKR_OK);
        call(C_Encrypt, &host, b"inside", 128).unwrap()
    };
    assert_eq!(begin(C_DecryptInit, &host, plain(CKM_RSA_PKCS), key), CKR_OK);
    assert_eq!(again("1234"), CKR_OK);
    assert_eq!(call(C_Decrypt, &host, &ciphertext, 3), Err((CKR_BUFFER_TOO_SMALL, 6)));
    assert_eq!(call(C_Decrypt, &host, &ciphertext, 6), Ok(b"inside".to_vec()));
    assert_eq!(host.daemon.asked().iter().filter(|asked| **asked == "decrypt").count(), 1);
    // The login must be there anyway.
    assert_eq!(begin(C_SignInit, &host, plain(CKM_SHA256_RSA_PKCS), key), CKR_OK);
    assert_eq!(unsafe { C_Logout(host.session) }, CKR_OK);
    assert_eq!(again("1234"), CKR_OPERATION_NOT_INITIALIZED);
}

fn sign_message(host: &Host, data: &[u8], room: usize) -> Result<Vec<u8>, (CK_RV, u64)> {
    let (mut out, mut len) = (vec![0; room], room as u64);
    let (at, count) = (data.as_ptr().cast_mut(), data.len() as u64);
    match unsafe { C_SignMessage(host.session, ptr::null_mut(), 0, at, count, out.as_mut_ptr(), &mut len) } {
        CKR_OK => Ok(out[..len as usize].to_vec()),
        rv => Err((rv, len)),
    }
}

#[test]
fn a_key_that_may_be_read_is_digested() {
    let host = host();
    let (aes, rsa) = (key(&host, AES, CKO_SECRET_KEY), key(&host, RSA, CKO_PRIVATE_KEY));
    let chacha = key(&host, CHACHA, CKO_SECRET_KEY);
    assert_eq!(unsafe { C_DigestKey(host.session, aes) }, CKR_OPERATION_NOT_INITIALIZED);
    for indigestible in [rsa, chacha] {
        assert_eq!(unsafe { C_DigestInit(host.session, &mut plain(CKM_SHA256)) }, CKR_OK);
        assert_eq!(unsafe { C_DigestKey(host.session, indigestible) }, CKR_KEY_INDIGESTIBLE);
        assert_eq!(last(C_DigestFinal, &host, 32), Err((CKR_OPERATION_NOT_INITIALIZED, 32)));
    }
    assert_eq!(unsafe { C_DigestInit(host.session, &mut plain(CKM_SHA256)) }, CKR_OK);
    assert_eq!(unsafe { C_DigestUpdate(host.session, b"salt".as_ptr().cast_mut(), 4) }, CKR_OK);
    assert_eq!(unsafe { C_DigestKey(host.session, aes) }, CKR_OK);
    let mut len = 0;
    let unsaveable = unsafe { C_GetOperationState(host.session, ptr::null_mut(), &mut len) };
    assert_eq!(unsaveable, CKR_STATE_UNSAVEABLE, "what has been digested could be found in the state");
    let expected = crate::hash::digest(softkeep_proto::algorithm::Hash::Sha256, &[b"salt", &SECRET]);
    assert_eq!(last(C_DigestFinal, &host, 32), Ok(expected));
}

#[test]
fn null_ends_what_is_active_and_nothing_else() {
    let host = host();
    let aes = key(&host, AES, CKO_SECRET_KEY);
    let inits: [Init; 9] = [
        C_SignInit,
        C_SignRecoverInit,
        C_VerifyInit,
        C_VerifyRecoverInit,
        C_EncryptInit,
        C_DecryptInit,
        C_MessageSignInit,
        C_MessageEncryptInit,
        C_MessageDecryptInit,
    ];
    for (index, init) in inits.into_iter().enumerate() {
        let refused = unsafe { init(host.session, ptr::null_mut(), 0) };
        assert_ne!(refused, CKR_OK, "{index}");
    }
    assert_eq!(unsafe { C_DigestInit(host.session, ptr::null_mut()) }, CKR_ARGUMENTS_BAD);
    assert_eq!(begin(C_EncryptInit, &host, plain(CKM_AES_ECB), aes), CKR_OK);
    assert_eq!(unsafe { C_EncryptInit(host.session, ptr::null_mut(), 0) }, CKR_OK);
    assert_eq!(call(C_Encrypt, &host, &[0; 16], 16), Err((CKR_OPERATION_NOT_INITIALIZED, 16)));
}

//! Many messages under one key, one part through two operations, and an operation through two sessions.

use super::*;

#[test]
fn messages_signed_and_verified_one_after_another() {
    let host = host();
    let (public, private) = (key(&host, EDWARDS, CKO_PUBLIC_KEY), key(&host, EDWARDS, CKO_PRIVATE_KEY));
    assert_eq!(sign_message(&host, b"a", 64), Err((CKR_OPERATION_NOT_INITIALIZED, 64)));
    assert_eq!(begin(C_MessageSignInit, &host, plain(CKM_EDDSA), private), CKR_OK);
    assert_eq!(begin(C_MessageVerifyInit, &host, plain(CKM_EDDSA), public), CKR_OK);
    for message in [&b"one"[..], b"two"] {
        let (at, count) = (message.as_ptr().cast_mut(), message.len() as u64);
        assert_eq!(sign_message(&host, message, 9), Err((CKR_BUFFER_TOO_SMALL, 64)));
        let signature = sign_message(&host, message, 64).unwrap();
        let (none, mut out, mut len) = (ptr::null_mut(), [0; 64], 64);
        unsafe {
            assert_eq!(C_SignMessageBegin(host.session, none, 0), CKR_OK);
            assert_eq!(C_SignMessageBegin(host.session, none, 0), CKR_OPERATION_ACTIVE);
            assert_eq!(sign_message(&host, message, 64), Err((CKR_OPERATION_ACTIVE, 64)));
            assert_eq!(C_SignMessageNext(host.session, none, 0, at, 1, ptr::null_mut(), ptr::null_mut()), CKR_OK);
            let rest = at.add(1);
            assert_eq!(C_SignMessageNext(host.session, none, 0, rest, count - 1, ptr::null_mut(), &mut len), CKR_OK);
            assert_eq!(C_SignMessageNext(host.session, none, 0, rest, count - 1, out.as_mut_ptr(), &mut len), CKR_OK);
            assert_eq!(
                C_SignMessageNext(host.session, none, 0, at, 1, out.as_mut_ptr(), &mut len),
                CKR_OPERATION_NOT_INITIALIZED
            );
            assert_eq!(out[..], signature);
            let first = signature.as_ptr().cast_mut();
            assert_eq!(C_VerifyMessage(host.session, none, 0, at, count, first, 64), CKR_OK);
            assert_eq!(C_VerifyMessage(host.session, none, 0, at, count - 1, first, 64), CKR_SIGNATURE_INVALID);
            assert_eq!(C_VerifyMessageBegin(host.session, none, 0), CKR_OK);
            assert_eq!(C_VerifyMessageNext(host.session, none, 0, at, 2, ptr::null_mut(), 0), CKR_OK);
            assert_eq!(C_VerifyMessageNext(host.session, none, 0, at.add(2), count - 2, first, 64), CKR_OK);
        }
    }
    unsafe {
        assert_eq!(C_MessageSignFinal(host.session), CKR_OK);
        assert_eq!(C_MessageSignFinal(host.session), CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(C_MessageVerifyInit(host.session, ptr::null_mut(), 0), CKR_OK, "NULL ends it");
        assert_eq!(C_MessageVerifyFinal(host.session), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn messages_sealed_and_opened_with_nonces_made_here() {
    let host = host();
    let key = key(&host, AES, CKO_SECRET_KEY);
    assert_eq!(begin(C_MessageEncryptInit, &host, plain(CKM_AES_GCM), key), CKR_OK);
    assert_eq!(begin(C_MessageDecryptInit, &host, plain(CKM_AES_GCM), key), CKR_OK);
    let (mut nonce, mut tag) = ([0xaa; 12], [0u8; 16]);
    let mut params = CK_GCM_MESSAGE_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 32,
        ivGenerator: CKG_GENERATE_COUNTER,
        pTag: tag.as_mut_ptr(),
        ulTagBits: 128,
    };
    let size = size_of_val(&params) as u64;
    let aad = b"header".as_ptr().cast_mut();
    for count in 0..3u8 {
        let parameter = (&raw mut params).cast();
        let (mut data, mut len) = (*b"message", 6);
        let pointer = data.as_mut_ptr();
        unsafe {
            let seal = |out, len| C_EncryptMessage(host.session, parameter, size, aad, 6, pointer, 7, out, len);
            assert_eq!(seal(pointer, &mut len), CKR_BUFFER_TOO_SMALL);
            assert_eq!((seal(ptr::null_mut(), &mut len), len), (CKR_OK, 7));
            assert_eq!(seal(pointer, &mut len), CKR_OK, "in place");
        }
        let expected_nonce = [&[0xaa; 4][..], &[0; 7], &[count]].concat();
        assert_eq!(unsafe { *params.pIv.cast::<[u8; 12]>() }[..], expected_nonce, "a query spends none");
        let wire =
            AeadParams { nonce: expected_nonce.into(), associated_data: b"header".to_vec().into(), tag_len_bytes: 16 };
        let expected = vault::encrypt(CKM_AES_GCM, Some(&Parameter::Aead(wire)), b"message").unwrap();
        let sealed = [&data[..], unsafe { &*params.pTag.cast::<[u8; 16]>() }].concat();
        assert_eq!(sealed, expected);
        unsafe {
            let mut opened = [0u8; 7];
            let mut open = |aad_len| {
                let out = opened.as_mut_ptr();
                C_DecryptMessage(host.session, parameter, size, aad, aad_len, data.as_mut_ptr(), 7, out, &mut len)
            };
            assert_eq!(open(5), CKR_ENCRYPTED_DATA_INVALID);
            assert_eq!(open(6), CKR_OK, "one that does not open ends nothing");
            assert_eq!(&opened, b"message");
            // The same in parts.
            let (mut first, mut none) = ([0u8; 7], 0u64);
            assert_eq!(C_DecryptMessageBegin(host.session, parameter, size, aad, 6), CKR_OK);
            let mut next = |from: usize, count: u64, len: &mut u64, flags| {
                let (input, out) = (data.as_mut_ptr().add(from), first.as_mut_ptr());
                C_DecryptMessageNext(host.session, parameter, size, input, count, out, len, flags)
            };
            assert_eq!((next(0, 3, &mut none, 0), none), (CKR_OK, 0));
            assert_eq!((next(3, 4, &mut none, CKF_END_OF_MESSAGE), none), (CKR_BUFFER_TOO_SMALL, 7));
            assert_eq!((next(3, 4, &mut none, CKF_END_OF_MESSAGE), none), (CKR_OK, 7));
            assert_eq!(next(3, 4, &mut none, CKF_END_OF_MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
            assert_eq!(&first, b"message");
        }
    }
    // A random nonce, made at the beginning and told there.
    params.ivGenerator = CKG_GENERATE_RANDOM;
    let before = unsafe { *params.pIv.cast::<[u8; 12]>() };
    let parameter = (&raw mut params).cast();
    unsafe {
        assert_eq!(C_EncryptMessageBegin(host.session, parameter, size, aad, 6), CKR_OK);
        assert_eq!(C_EncryptMessageBegin(host.session, parameter, size, aad, 6), CKR_OPERATION_ACTIVE);
        let made = *params.pIv.cast::<[u8; 12]>();
        assert_eq!(made[..4], before[..4]);
        assert_ne!(made, before);
        let (mut out, mut len) = ([0u8; 3], 3);
        let input = b"abc".as_ptr().cast_mut();
        let rv = C_EncryptMessageNext(
            host.session,
            parameter,
            size,
            input,
            3,
            out.as_mut_ptr(),
            &mut len,
            CKF_END_OF_MESSAGE,
        );
        assert_eq!((rv, len), (CKR_OK, 3));
        let wire =
            AeadParams { nonce: made.to_vec().into(), associated_data: b"header".to_vec().into(), tag_len_bytes: 16 };
        let expected = vault::encrypt(CKM_AES_GCM, Some(&Parameter::Aead(wire)), b"abc").unwrap();
        assert_eq!([&out[..], &*params.pTag.cast::<[u8; 16]>()].concat(), expected);
        let mut ragged = CK_GCM_MESSAGE_PARAMS { ulTagBits: 121, ..params };
        let parameter = (&raw mut ragged).cast();
        assert_eq!(C_EncryptMessageBegin(host.session, parameter, size, aad, 6), CKR_MECHANISM_PARAM_INVALID);
        assert_eq!(C_MessageEncryptFinal(host.session), CKR_OK);
        assert_eq!(C_MessageEncryptFinal(host.session), CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(C_SessionCancel(host.session, CKF_MESSAGE_DECRYPT), CKR_OK);
        assert_eq!(C_MessageDecryptFinal(host.session), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn one_part_through_two_operations() {
    let host = host();
    let (aes, hmac) = (key(&host, AES, CKO_SECRET_KEY), key(&host, HMAC, CKO_SECRET_KEY));
    let message: Vec<u8> = (0..64).collect();
    let ciphertext = vault::encrypt(CKM_AES_CBC, Some(&iv()), &message).unwrap();
    let digest = crate::hash::digest(softkeep_proto::algorithm::Hash::Sha256, &[&message]);
    let mac = vault::mac(CKM_SHA256_HMAC, None, &message).unwrap();
    let cbc = || with(CKM_AES_CBC, Box::leak(Box::new(IV)));
    assert_eq!(call(C_DigestEncryptUpdate, &host, &message, 64), Err((CKR_OPERATION_NOT_INITIALIZED, 64)));
    assert_eq!(begin(C_EncryptInit, &host, cbc(), aes), CKR_OK);
    assert_eq!(call(C_DigestEncryptUpdate, &host, &message, 64), Err((CKR_OPERATION_NOT_INITIALIZED, 64)));
    assert_eq!(unsafe { C_DigestInit(host.session, &mut plain(CKM_SHA256)) }, CKR_OK);
    let mut out = Vec::new();
    for part in message.chunks(20) {
        let (rv, len) = query(C_DigestEncryptUpdate, &host, part);
        assert_eq!(rv, CKR_OK);
        assert_eq!(call(C_DigestEncryptUpdate, &host, part, len as usize - 1), Err((CKR_BUFFER_TOO_SMALL, len)));
        out.extend(call(C_DigestEncryptUpdate, &host, part, len as usize).unwrap());
    }
    assert_eq!(out, ciphertext);
    assert_eq!((last(C_EncryptFinal, &host, 1), last(C_DigestFinal, &host, 32)), (Ok(vec![]), Ok(digest.clone())));

    assert_eq!(begin(C_DecryptInit, &host, cbc(), aes), CKR_OK);
    assert_eq!(unsafe { C_DigestInit(host.session, &mut plain(CKM_SHA256)) }, CKR_OK);
    assert_eq!(call(C_DecryptDigestUpdate, &host, &ciphertext, 64), Ok(message.clone()));
    assert_eq!((last(C_DecryptFinal, &host, 1), last(C_DigestFinal, &host, 32)), (Ok(vec![]), Ok(digest)));

    assert_eq!(begin(C_EncryptInit, &host, cbc(), aes), CKR_OK);
    assert_eq!(begin(C_SignInit, &host, plain(CKM_SHA256_HMAC), hmac), CKR_OK);
    assert_eq!(call(C_SignEncryptUpdate, &host, &message, 64), Ok(ciphertext.clone()));
    assert_eq!((last(C_EncryptFinal, &host, 1), last(C_SignFinal, &host, 32)), (Ok(vec![]), Ok(mac.clone())));

    assert_eq!(begin(C_DecryptInit, &host, cbc(), aes), CKR_OK);
    assert_eq!(begin(C_VerifyInit, &host, plain(CKM_SHA256_HMAC), hmac), CKR_OK);
    assert_eq!(call(C_DecryptVerifyUpdate, &host, &ciphertext, 64), Ok(message));
    assert_eq!(last(C_DecryptFinal, &host, 1), Ok(vec![]));
    assert_eq!(unsafe { C_VerifyFinal(host.session, mac.as_ptr().cast_mut(), 32) }, CKR_OK);
}

#[test]
fn a_digest_is_saved_and_restored() {
    let host = host();
    let (other, mut len) = (open(0).unwrap(), 0);
    let state = |session, out: *mut u8, len: &mut u64| unsafe { C_GetOperationState(session, out, len) };
    assert_eq!(state(host.session, ptr::null_mut(), &mut len), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(unsafe { C_DigestInit(host.session, &mut plain(CKM_SHA3_256)) }, CKR_OK);
    assert_eq!(unsafe { C_DigestUpdate(host.session, b"mess".as_ptr().cast_mut(), 4) }, CKR_OK);
    assert_eq!(state(host.session, ptr::null_mut(), &mut len), CKR_OK);
    let mut saved = vec![0; len as usize];
    len -= 1;
    assert_eq!(state(host.session, saved.as_mut_ptr(), &mut len), CKR_BUFFER_TOO_SMALL);
    assert_eq!(state(host.session, saved.as_mut_ptr(), &mut len), CKR_OK);
    let restore = |saved: &[u8], key| unsafe {
        C_SetOperationState(other, saved.as_ptr().cast_mut(), saved.len() as u64, key, 0)
    };
    assert_eq!(restore(&saved, 7), CKR_KEY_NOT_NEEDED);
    assert_eq!(restore(&saved[1..], 0), CKR_SAVED_STATE_INVALID);
    assert_eq!(restore(&saved, 0), CKR_OK);
    assert_eq!(unsafe { C_DigestUpdate(other, b"age".as_ptr().cast_mut(), 3) }, CKR_OK);
    let (mut out, mut size) = ([0u8; 32], 32);
    assert_eq!(unsafe { C_DigestFinal(other, out.as_mut_ptr(), &mut size) }, CKR_OK);
    let expected = crate::hash::digest(softkeep_proto::algorithm::Hash::Sha3_256, &[b"message"]);
    assert_eq!(out[..], expected);
    let aes = key(&host, AES, CKO_SECRET_KEY);
    assert_eq!(begin(C_EncryptInit, &host, plain(CKM_AES_ECB), aes), CKR_OK);
    assert_eq!(state(host.session, ptr::null_mut(), &mut len), CKR_STATE_UNSAVEABLE);
}

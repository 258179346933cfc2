//! The fake daemon's keys of every kind, and what it does with them, by RustCrypto. The same functions tell the tests
//! what must come out. No test lives here.

use std::sync::OnceLock;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use bytes::Bytes;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher, block_padding};
use cryptoki_sys as ck;
use ecdsa::signature::Signer;
use getrandom::SysRng;
use hmac::Mac;
use rand_core::UnwrapErr;
use rsa::{Pkcs1v15Encrypt, Pkcs1v15Sign, RsaPrivateKey, traits::PublicKeyParts};
use softkeep_proto::{
    algorithm::EdwardsCurve,
    pkcs11::v1::{key_ref::Key, mechanism::Parameter, request::Op, *},
};

use super::daemon::{World, failure};

/// The keys by their unique ids.
pub const AES: [u8; 16] = [0x11; 16];
pub const HMAC: [u8; 16] = [0x12; 16];
pub const CHACHA: [u8; 16] = [0x13; 16];
pub const RSA: [u8; 16] = [0x14; 16];
pub const EDWARDS: [u8; 16] = [0x15; 16];
/// An RSA pair whose private half asks for the PIN each time.
pub const GUARDED: [u8; 16] = [0x16; 16];

/// The bytes of every secret key.
pub const SECRET: [u8; 32] = [0x42; 32];

/// Fixed parameters, so that a test and the fake agree.
pub const IV: [u8; 16] = [0x24; 16];

pub fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut UnwrapErr(SysRng), 1024).unwrap())
}

pub fn edwards() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[3; 32])
}

fn object(unique_id: [u8; 16], class: u64, key_type: u64, values: Vec<(u64, Vec<u8>)>) -> Object {
    let base = [(ck::CKA_CLASS, class), (ck::CKA_KEY_TYPE, key_type)].map(|(a, n)| (a, n.to_le_bytes().to_vec()));
    let private = (ck::CKA_PRIVATE, vec![u8::from(class != ck::CKO_PUBLIC_KEY && unique_id != HMAC)]);
    let all = base.into_iter().chain([private, (ck::CKA_TOKEN, vec![1])]).chain(values);
    let attributes = all.map(|(r#type, value)| Attribute { r#type, value: value.into() }).collect();
    Object { unique_id: Bytes::copy_from_slice(&unique_id), class, attributes, ..Object::default() }
}

/// Every key; of pairs the public half first.
pub fn objects() -> Vec<Object> {
    let flags = |flags: &[u64]| flags.iter().map(|flag| (*flag, vec![1])).collect::<Vec<_>>();
    let secret = |id, key_type, usage: &[u64]| object(id, ck::CKO_SECRET_KEY, key_type, flags(usage));
    let modulus = || {
        vec![
            (ck::CKA_MODULUS, rsa().n().to_be_bytes().to_vec()),
            (ck::CKA_PUBLIC_EXPONENT, rsa().e().to_be_bytes().to_vec()),
        ]
    };
    let pair = |id, always| {
        let usage = flags(&[ck::CKA_VERIFY, ck::CKA_VERIFY_RECOVER, ck::CKA_ENCRYPT]);
        let public = object(id, ck::CKO_PUBLIC_KEY, ck::CKK_RSA, [modulus(), usage].concat());
        let usage = flags(&[ck::CKA_SIGN, ck::CKA_SIGN_RECOVER, ck::CKA_DECRYPT]);
        let always = vec![(ck::CKA_ALWAYS_AUTHENTICATE, vec![u8::from(always)])];
        [public, object(id, ck::CKO_PRIVATE_KEY, ck::CKK_RSA, [modulus(), usage, always].concat())]
    };
    let point = vec![
        (ck::CKA_EC_PARAMS, EdwardsCurve::Ed25519.oid_der().to_vec()),
        (ck::CKA_EC_POINT, edwards().verifying_key().to_bytes().to_vec()),
    ];
    let edwards = [(ck::CKO_PUBLIC_KEY, ck::CKA_VERIFY), (ck::CKO_PRIVATE_KEY, ck::CKA_SIGN)]
        .map(|(class, usage)| object(EDWARDS, class, ck::CKK_EC_EDWARDS, [point.clone(), flags(&[usage])].concat()));
    let both = [ck::CKA_ENCRYPT, ck::CKA_DECRYPT, ck::CKA_SIGN, ck::CKA_VERIFY, ck::CKA_EXTRACTABLE];
    let mut all = vec![
        secret(AES, ck::CKK_AES, &both),
        secret(HMAC, ck::CKK_GENERIC_SECRET, &both),
        secret(CHACHA, ck::CKK_CHACHA20, &both[..4]),
    ];
    all.extend(pair(RSA, false).into_iter().chain(pair(GUARDED, true)).chain(edwards));
    all
}

/// One whole encryption; None if it cannot be.
pub fn encrypt(mechanism: u64, parameter: Option<&Parameter>, data: &[u8]) -> Option<Vec<u8>> {
    match (mechanism, parameter) {
        (ck::CKM_AES_ECB, _) => {
            let blocks = data
                .chunks(16)
                .map(|block| encrypt(ck::CKM_AES_CBC, Some(&Parameter::Iv(Bytes::from_static(&[0; 16]))), block));
            blocks.collect::<Option<Vec<_>>>().map(|blocks| blocks.concat())
        }
        (ck::CKM_AES_CBC, Some(Parameter::Iv(iv))) if data.len().is_multiple_of(16) => {
            let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(&SECRET, iv).ok()?;
            Some(cipher.encrypt_padded_vec::<block_padding::NoPadding>(data))
        }
        (ck::CKM_AES_CBC_PAD, Some(Parameter::Iv(iv))) => {
            let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(&SECRET, iv).ok()?;
            Some(cipher.encrypt_padded_vec::<block_padding::Pkcs7>(data))
        }
        (ck::CKM_AES_GCM, Some(Parameter::Aead(aead))) if aead.nonce.len() == 12 && aead.tag_len_bytes == 16 => {
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            let payload = Payload { msg: data, aad: &aead.associated_data };
            aes_gcm::Aes256Gcm::new(&SECRET.into()).encrypt(&nonce.into(), payload).ok()
        }
        (ck::CKM_CHACHA20_POLY1305, Some(Parameter::Aead(aead))) => {
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            let payload = Payload { msg: data, aad: &aead.associated_data };
            chacha20poly1305::ChaCha20Poly1305::new(&SECRET.into()).encrypt(&nonce.into(), payload).ok()
        }
        (ck::CKM_AES_CCM, Some(Parameter::Aead(aead))) if aead.nonce.len() == 12 && aead.tag_len_bytes == 8 => {
            type Ccm = ccm::Ccm<aes::Aes256, ccm::consts::U8, ccm::consts::U12>;
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            Ccm::new(&SECRET.into()).encrypt(&nonce.into(), Payload { msg: data, aad: &aead.associated_data }).ok()
        }
        _ => stream(mechanism, parameter, data),
    }
}

/// CTR and ChaCha20: the same both ways.
fn stream(mechanism: u64, parameter: Option<&Parameter>, data: &[u8]) -> Option<Vec<u8>> {
    let mut data = data.to_vec();
    match (mechanism, parameter) {
        (ck::CKM_AES_CTR, Some(Parameter::Ctr(ctr))) => {
            ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&SECRET, &ctr.block).ok()?.apply_keystream(&mut data);
        }
        (ck::CKM_CHACHA20, Some(Parameter::Chacha20(chacha))) if chacha.nonce.len() == 12 => {
            use cbc::cipher::StreamCipherSeek;
            let mut cipher = chacha20::ChaCha20::new_from_slices(&SECRET, &chacha.nonce).ok()?;
            cipher.try_seek(chacha.counter * 64).ok()?;
            cipher.apply_keystream(&mut data);
        }
        _ => return None,
    }
    Some(data)
}

/// One whole decryption; None if it does not open.
pub fn decrypt(mechanism: u64, parameter: Option<&Parameter>, data: &[u8]) -> Option<Vec<u8>> {
    match (mechanism, parameter) {
        (ck::CKM_AES_ECB, _) => {
            let blocks = data
                .chunks(16)
                .map(|block| decrypt(ck::CKM_AES_CBC, Some(&Parameter::Iv(Bytes::from_static(&[0; 16]))), block));
            blocks.collect::<Option<Vec<_>>>().map(|blocks| blocks.concat())
        }
        (ck::CKM_AES_CBC, Some(Parameter::Iv(iv))) if data.len().is_multiple_of(16) => {
            let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(&SECRET, iv).ok()?;
            cipher.decrypt_padded_vec::<block_padding::NoPadding>(data).ok()
        }
        (ck::CKM_AES_CBC_PAD, Some(Parameter::Iv(iv))) => {
            let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(&SECRET, iv).ok()?;
            cipher.decrypt_padded_vec::<block_padding::Pkcs7>(data).ok()
        }
        (ck::CKM_AES_GCM, Some(Parameter::Aead(aead))) if aead.nonce.len() == 12 && aead.tag_len_bytes == 16 => {
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            let payload = Payload { msg: data, aad: &aead.associated_data };
            aes_gcm::Aes256Gcm::new(&SECRET.into()).decrypt(&nonce.into(), payload).ok()
        }
        (ck::CKM_CHACHA20_POLY1305, Some(Parameter::Aead(aead))) => {
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            let payload = Payload { msg: data, aad: &aead.associated_data };
            chacha20poly1305::ChaCha20Poly1305::new(&SECRET.into()).decrypt(&nonce.into(), payload).ok()
        }
        (ck::CKM_AES_CCM, Some(Parameter::Aead(aead))) if aead.nonce.len() == 12 && aead.tag_len_bytes == 8 => {
            type Ccm = ccm::Ccm<aes::Aes256, ccm::consts::U8, ccm::consts::U12>;
            let nonce: [u8; 12] = aead.nonce[..].try_into().ok()?;
            Ccm::new(&SECRET.into()).decrypt(&nonce.into(), Payload { msg: data, aad: &aead.associated_data }).ok()
        }
        _ => stream(mechanism, parameter, data),
    }
}

/// A MAC of its mechanism's length.
pub fn mac(mechanism: u64, parameter: Option<&Parameter>, data: &[u8]) -> Option<Vec<u8>> {
    let whole = match mechanism {
        ck::CKM_SHA256_HMAC | ck::CKM_SHA256_HMAC_GENERAL => {
            let mut mac = <hmac::Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&SECRET).ok()?;
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        ck::CKM_AES_CMAC | ck::CKM_AES_CMAC_GENERAL => {
            let mut mac = <cmac::Cmac<aes::Aes256> as KeyInit>::new_from_slice(&SECRET).ok()?;
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        }
        _ => return None,
    };
    match parameter {
        Some(Parameter::MacLenBytes(len)) => whole.get(..*len as usize).map(<[u8]>::to_vec),
        _ => Some(whole),
    }
}

/// A signature by a private key here.
pub fn sign(key: &[u8], mechanism: u64, data: &[u8]) -> Option<Vec<u8>> {
    match (key, mechanism) {
        (key, ck::CKM_RSA_PKCS) if key == RSA || key == GUARDED => {
            rsa().sign(Pkcs1v15Sign::new_unprefixed(), data).ok()
        }
        (key, ck::CKM_SHA256_RSA_PKCS) if key == RSA || key == GUARDED => {
            rsa().sign(Pkcs1v15Sign::new::<sha2::Sha256>(), data).ok()
        }
        (key, ck::CKM_EDDSA) if key == EDWARDS => Some(edwards().sign(data).to_bytes().to_vec()),
        _ => None,
    }
}

/// The key of a request, if it is one of these.
fn id(key: Option<&KeyRef>) -> Option<[u8; 16]> {
    let Some(Key::Object(object)) = &key?.key else { return None };
    let id: [u8; 16] = object.unique_id[..].try_into().ok()?;
    [AES, HMAC, CHACHA, RSA, EDWARDS, GUARDED].contains(&id).then_some(id)
}

impl World {
    /// The answer, if these keys are asked for.
    pub fn answer_vault(&mut self, request: &Request) -> Option<reply::Result> {
        let visible = |object: &Object| {
            request.login_token == "token" || object.class == ck::CKO_PUBLIC_KEY || object.unique_id[..] == HMAC
        };
        let key = match request.op.as_ref()? {
            Op::FindObjects(find) if self.vault => {
                self.asked.push("find");
                let fits = |object: &Object| find.template.iter().all(|each| object.attributes.contains(each));
                let objects = objects().into_iter().filter(|object| visible(object) && fits(object)).collect();
                return Some(reply::Result::Objects(ObjectsReply { objects, revision: self.revision, more: false }));
            }
            Op::GetObjects(get) if self.vault => {
                self.asked.push("get");
                let named = |object: &Object| {
                    get.objects.iter().any(|each| each.unique_id == object.unique_id && each.class == object.class)
                };
                let objects = objects().into_iter().filter(|object| visible(object) && named(object)).collect();
                return Some(reply::Result::Objects(ObjectsReply { objects, revision: self.revision, more: false }));
            }
            Op::Sign(sign) => &sign.key,
            Op::Verify(verify) => &verify.key,
            Op::UpdateMac(update) => &update.key,
            Op::Encrypt(encrypt) => &encrypt.key,
            Op::Decrypt(decrypt) => &decrypt.key,
            Op::ReadValues(read) => &read.object,
            Op::ContextLogin(login) => &login.key,
            _ => return None,
        };
        let id = id(key.as_ref())?;
        if id != HMAC && request.login_token != "token" {
            return Some(failure(ck::CKR_OBJECT_HANDLE_INVALID));
        }
        let grant = key.as_ref().map(|key| key.one_time_grant.clone()).unwrap_or_default();
        let uses = matches!(request.op, Some(Op::Sign(_) | Op::Decrypt(_)));
        if id == GUARDED && uses && self.grants.take_if(|granted| *granted == grant).is_none() {
            return Some(failure(ck::CKR_USER_NOT_LOGGED_IN));
        }
        Some(self.answer_with(request, id).unwrap_or_else(|| failure(ck::CKR_ENCRYPTED_DATA_INVALID)))
    }

    fn answer_with(&mut self, request: &Request, id: [u8; 16]) -> Option<reply::Result> {
        let parameter = |mechanism: &Option<Mechanism>| mechanism.as_ref().and_then(|each| each.parameter.clone());
        let number = |mechanism: &Option<Mechanism>| mechanism.as_ref().map_or(0, |each| each.r#type);
        Some(match request.op.as_ref()? {
            Op::Sign(asked) => {
                self.asked.push("sign");
                let (mechanism, given) = (number(&asked.mechanism), parameter(&asked.mechanism));
                let data = [&asked.mac_state[..], &asked.data].concat();
                let signature = mac(mechanism, given.as_ref(), &data).or_else(|| sign(&id, mechanism, &data))?;
                reply::Result::Sign(SignReply { signature: signature.into() })
            }
            Op::Verify(asked) => {
                self.asked.push("verify");
                let data = [&asked.mac_state[..], &asked.data].concat();
                let expected = mac(number(&asked.mechanism), parameter(&asked.mechanism).as_ref(), &data)?;
                match expected == asked.signature {
                    true => reply::Result::Verified(VerifyReply {}),
                    false => failure(ck::CKR_SIGNATURE_INVALID),
                }
            }
            Op::UpdateMac(asked) => {
                self.asked.push("mac");
                reply::Result::MacUpdated(UpdateMacReply {
                    mac_state: [&asked.mac_state[..], &asked.data].concat().into(),
                })
            }
            Op::Encrypt(asked) => {
                self.asked.push("encrypt");
                let mechanism = match number(&asked.mechanism) {
                    ck::CKM_AES_CBC_PAD if asked.partial => ck::CKM_AES_CBC,
                    mechanism => mechanism,
                };
                let ciphertext = encrypt(mechanism, parameter(&asked.mechanism).as_ref(), &asked.plaintext)?.into();
                reply::Result::Encrypted(EncryptReply { ciphertext })
            }
            Op::Decrypt(asked) if id == RSA || id == GUARDED => {
                self.asked.push("decrypt");
                let plaintext = rsa().decrypt(Pkcs1v15Encrypt, &asked.ciphertext).ok()?.into();
                reply::Result::Decrypt(DecryptReply { plaintext })
            }
            Op::Decrypt(asked) => {
                self.asked.push("decrypt");
                let mechanism = match number(&asked.mechanism) {
                    ck::CKM_AES_CBC_PAD if asked.partial => ck::CKM_AES_CBC,
                    mechanism => mechanism,
                };
                let plaintext = decrypt(mechanism, parameter(&asked.mechanism).as_ref(), &asked.ciphertext)?.into();
                reply::Result::Decrypt(DecryptReply { plaintext })
            }
            Op::ReadValues(_) => {
                self.asked.push("read");
                let value = Attribute { r#type: ck::CKA_VALUE, value: Bytes::from_static(&SECRET) };
                reply::Result::Values(ReadValuesReply { attributes: vec![value] })
            }
            Op::ContextLogin(login) => {
                self.asked.push("context");
                if login.pin != "1234" {
                    return Some(failure(ck::CKR_PIN_INCORRECT));
                }
                self.grants = Some(Bytes::from_static(b"grant"));
                reply::Result::ContextLogin(ContextLoginReply { one_time_grant: Bytes::from_static(b"grant") })
            }
            _ => return None,
        })
    }
}

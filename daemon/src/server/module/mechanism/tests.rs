//! Every mechanism of the table with the parameter it takes, and no panic whatever comes.

use bytes::Bytes;
use cryptoki_sys as ck;
use proptest::prelude::*;
use softkeep_proto::{
    mechanism::{Family, ParameterKind, TABLE},
    pkcs11::v1::{
        AeadParams, AttributeList, CbcDataParams, ChaCha20Params, CounterKdfParams, CtrParams, EcdhAesWrapParams,
        EcdhParams, EdDsaParams, HkdfParams, KdfPart, KeyRef, ObjectRef, Pbkdf2Params, RsaAesWrapParams, RsaPssParams,
        SignContextParams, key_ref,
    },
};

use super::*;

fn other_key() -> KeyRef {
    let object = ObjectRef { unique_id: Bytes::from_static(&[1; 16]), class: ck::CKO_SECRET_KEY };
    KeyRef { key: Some(key_ref::Key::Object(object)), ..KeyRef::default() }
}

fn bytes(len: usize) -> Bytes {
    vec![7; len].into()
}

fn digest_mechanism(hash: Option<Hash>) -> u64 {
    let wanted = hash.unwrap_or(Hash::Sha256);
    let row = TABLE.iter().find(|row| row.family == Family::Digest && row.hash == Some(wanted));
    row.map_or(0, |row| row.mechanism)
}

fn oaep_params() -> RsaOaepParams {
    RsaOaepParams { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256, label: Bytes::new() }
}

/// A parameter that the mechanism takes.
fn right(row: &Row) -> Option<Parameter> {
    use ParameterKind as K;
    let aead = |nonce, tag_len_bytes| AeadParams { nonce: bytes(nonce), associated_data: Bytes::new(), tag_len_bytes };
    Some(match row.parameter() {
        K::None | K::OptionalEdDsa | K::OptionalSignContext | K::OptionalIv(_) => return None,
        K::RsaPss => Parameter::RsaPss(RsaPssParams {
            hash: digest_mechanism(row.hash),
            mgf: ck::CKG_MGF1_SHA256,
            salt_len_bytes: 20,
        }),
        K::RsaOaep => Parameter::RsaOaep(oaep_params()),
        K::RsaAesWrap => Parameter::RsaAesWrap(RsaAesWrapParams { aes_bits: 256, oaep: Some(oaep_params()) }),
        K::HashSignContext => {
            Parameter::SignContext(SignContextParams { hedge: 0, context: bytes(3), hash: ck::CKM_SHA256 })
        }
        K::Ecdh => {
            Parameter::Ecdh(EcdhParams { kdf: ck::CKD_SHA256_KDF, shared_data: Bytes::new(), public_data: bytes(65) })
        }
        K::EcdhAesWrap => Parameter::EcdhAesWrap(EcdhAesWrapParams {
            aes_bits: 128,
            kdf: ck::CKD_SHA256_KDF,
            shared_data: Bytes::new(),
        }),
        K::DhPublic => Parameter::DhPublic(bytes(256)),
        K::Iv(len) => Parameter::Iv(bytes(len)),
        K::Ctr => Parameter::Ctr(CtrParams { counter_bits: 32, block: bytes(16) }),
        K::Gcm => Parameter::Aead(aead(12, 16)),
        K::Ccm => Parameter::Aead(aead(12, 8)),
        K::Gmac => Parameter::Iv(bytes(12)),
        K::ChaCha20 => Parameter::Chacha20(ChaCha20Params { counter: 0, nonce: bytes(12) }),
        K::ChaCha20Poly1305 => Parameter::Aead(aead(12, 0)),
        K::MacLength => Parameter::MacLenBytes(8),
        K::Hkdf => Parameter::Hkdf(HkdfParams {
            extract: true,
            expand: true,
            hash: ck::CKM_SHA256,
            salt_kind: ck::CKF_HKDF_SALT_NULL,
            ..HkdfParams::default()
        }),
        K::Pbkdf2 => Parameter::Pbkdf2(Pbkdf2Params {
            prf: ck::CKP_PKCS5_PBKD2_HMAC_SHA256,
            salt: bytes(8),
            iterations: 1,
            password: bytes(4),
        }),
        K::CounterKdf | K::FeedbackKdf => {
            Parameter::Sp800108(CounterKdfParams { prf: ck::CKM_SHA256_HMAC, ..CounterKdfParams::default() })
        }
        K::KeyHandle => Parameter::OtherKey(other_key()),
        K::Data => Parameter::Data(bytes(16)),
        K::CbcData => Parameter::CbcData(CbcDataParams { iv: bytes(16), data: bytes(32) }),
        K::FirstBit => Parameter::FirstBit(3),
    })
}

/// Whether each use that the row's flags name takes the mechanism.
fn takes(row: &Row, mechanism: &Mechanism) -> Vec<(&'static str, bool)> {
    let public_rsa = matches!(row.family, Family::RsaPkcs | Family::RsaX509 | Family::RsaOaep);
    let uses: [(&str, u64, &dyn Fn() -> bool); 10] = [
        ("sign", ck::CKF_SIGN, &|| sign(mechanism, false).is_ok()),
        ("recover", ck::CKF_SIGN_RECOVER, &|| sign(mechanism, true).is_ok()),
        ("encrypt", ck::CKF_ENCRYPT, &|| encrypt(mechanism, false).is_ok() != public_rsa),
        ("decrypt", ck::CKF_DECRYPT, &|| decrypt(mechanism, false).is_ok()),
        ("wrap", ck::CKF_WRAP, &|| wrap(mechanism, ck::CKF_WRAP, &[]).is_ok()),
        ("unwrap", ck::CKF_UNWRAP, &|| wrap(mechanism, ck::CKF_UNWRAP, &[]).is_ok()),
        ("derive", ck::CKF_DERIVE, &|| derive(mechanism).is_ok()),
        ("encapsulate", ck::CKF_ENCAPSULATE, &|| encapsulate(mechanism, ck::CKF_ENCAPSULATE).is_ok()),
        ("decapsulate", ck::CKF_DECAPSULATE, &|| encapsulate(mechanism, ck::CKF_DECAPSULATE).is_ok()),
        ("generate", ck::CKF_GENERATE, &|| row.family != Family::Pbkdf2 || pbkdf2(mechanism).is_ok()),
    ];
    uses.into_iter().filter(|(_, flag, _)| row.flags & flag != 0).map(|(name, _, take)| (name, take())).collect()
}

#[test]
fn every_mechanism_takes_its_parameter_for_every_use_it_is_for() {
    for row in TABLE {
        let mechanism = Mechanism { r#type: row.mechanism, parameter: right(row) };
        for (name, taken) in takes(row, &mechanism) {
            assert!(taken, "{} to {name}", row.name);
        }
    }
}

#[test]
fn no_mechanism_takes_anothers_parameter_or_is_for_another_use() {
    let foreign = [
        ("RsaPss", Parameter::RsaPss(RsaPssParams::default())),
        ("Iv", Parameter::Iv(bytes(5))),
        ("MacLenBytes", Parameter::MacLenBytes(1000)),
        ("Ctr", Parameter::Ctr(CtrParams { counter_bits: 129, block: bytes(16) })),
        ("Hkdf", Parameter::Hkdf(HkdfParams::default())),
    ];
    for row in TABLE {
        for (kind, parameter) in &foreign {
            let mechanism = Mechanism { r#type: row.mechanism, parameter: Some(parameter.clone()) };
            for (name, taken) in takes(row, &mechanism) {
                let local =
                    name == "encrypt" && matches!(row.family, Family::RsaPkcs | Family::RsaX509 | Family::RsaOaep);
                let own = row.family == Family::AesGmac && matches!(parameter, Parameter::Iv(_));
                let no_parameter = name == "generate";
                assert!(!taken || local || own || no_parameter, "{} to {name} with {kind}", row.name);
            }
        }
        let mechanism = Mechanism { r#type: row.mechanism, parameter: right(row) };
        assert!(row.flags & ck::CKF_SIGN != 0 || sign(&mechanism, false).is_err(), "{}", row.name);
        assert!(row.flags & ck::CKF_WRAP != 0 || wrap(&mechanism, ck::CKF_WRAP, &[]).is_err(), "{}", row.name);
        assert!(row.flags & ck::CKF_DECRYPT != 0 || decrypt(&mechanism, false).is_err(), "{}", row.name);
        assert!(row.flags & ck::CKF_DERIVE != 0 || derive(&mechanism).is_err(), "{}", row.name);
    }
}

#[test]
fn parts_are_for_what_works_on_parts() {
    for row in TABLE.iter().filter(|row| row.flags & ck::CKF_DECRYPT != 0) {
        let mechanism = Mechanism { r#type: row.mechanism, parameter: right(row) };
        let streams = matches!(
            row.family,
            Family::AesEcb | Family::AesCbc | Family::AesCbcPad | Family::AesCtr | Family::ChaCha20
        );
        assert_eq!(decrypt(&mechanism, true).is_ok(), streams, "{}", row.name);
    }
}

/// Makes messages of whatever bytes come: their types have no `Debug`, so the test's input is the bytes.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// Often one that is somewhere in a table.
    fn number(&mut self) -> u64 {
        match self.byte() {
            0..=99 => u64::from(self.byte() % 40),
            100..=199 => 0x200 + u64::from(self.byte()),
            200..=229 => TABLE.get(usize::from(self.byte())).map_or(128, |row| row.mechanism),
            _ => u64::from_le_bytes([(); 8].map(|()| self.byte())),
        }
    }

    fn data(&mut self) -> Bytes {
        let len = match self.byte() {
            0..=199 => usize::from(self.byte() % 34),
            200..=229 => 16,
            230..=249 => 12,
            _ => 4090 + usize::from(self.byte() % 12),
        };
        vec![self.byte(); len].into()
    }

    fn key(&mut self) -> KeyRef {
        let key = match self.byte() % 3 {
            0 => None,
            1 => Some(key_ref::Key::Sealed(self.data())),
            _ => Some(key_ref::Key::Object(ObjectRef { unique_id: self.data(), class: self.number() })),
        };
        KeyRef { key, ..KeyRef::default() }
    }

    fn oaep(&mut self) -> RsaOaepParams {
        RsaOaepParams { hash: self.number(), mgf: self.number(), label: self.data() }
    }

    fn part(&mut self) -> KdfPart {
        KdfPart {
            r#type: u64::from(self.byte() % 7),
            little_endian: self.flag(),
            width_bits: u32::from(self.byte()),
            length_method: u64::from(self.byte() % 4),
            data: self.data(),
        }
    }

    fn parameter(&mut self) -> Option<Parameter> {
        Some(match self.byte() % 21 {
            0 => return None,
            1 => Parameter::RsaPss(RsaPssParams {
                hash: self.number(),
                mgf: self.number(),
                salt_len_bytes: self.number(),
            }),
            2 => Parameter::RsaOaep(self.oaep()),
            3 => Parameter::Iv(self.data()),
            4 => Parameter::Ctr(CtrParams { counter_bits: self.byte().into(), block: self.data() }),
            5 => Parameter::Aead(AeadParams {
                nonce: self.data(),
                associated_data: self.data(),
                tag_len_bytes: self.number(),
            }),
            6 => Parameter::MacLenBytes(self.number()),
            7 => Parameter::Ecdh(EcdhParams { kdf: self.number(), shared_data: self.data(), public_data: self.data() }),
            8 => Parameter::DhPublic(self.data()),
            9 => Parameter::Eddsa(EdDsaParams { prehash: self.flag(), context: self.data() }),
            10 => Parameter::Hkdf(HkdfParams {
                extract: self.flag(),
                expand: self.flag(),
                hash: self.number(),
                salt_kind: u64::from(self.byte() % 6),
                salt: self.data(),
                salt_key: self.flag().then(|| self.key()),
                info: self.data(),
            }),
            11 => Parameter::Sp800108(CounterKdfParams {
                prf: self.number(),
                parts: (0..self.byte() % 40).map(|_| self.part()).collect(),
                iv: self.data(),
                additional_keys: vec![AttributeList::default(); usize::from(self.byte() % 20)],
            }),
            12 => Parameter::Pbkdf2(Pbkdf2Params {
                prf: self.number(),
                salt: self.data(),
                iterations: self.number(),
                password: self.data(),
            }),
            13 => Parameter::RsaAesWrap(RsaAesWrapParams {
                aes_bits: self.number() as u32,
                oaep: self.flag().then(|| self.oaep()),
            }),
            14 => Parameter::EcdhAesWrap(EcdhAesWrapParams {
                aes_bits: self.number() as u32,
                kdf: self.number(),
                shared_data: self.data(),
            }),
            15 => Parameter::Data(self.data()),
            16 => Parameter::CbcData(CbcDataParams { iv: self.data(), data: self.data() }),
            17 => Parameter::OtherKey(self.key()),
            18 => Parameter::FirstBit(self.number()),
            19 => Parameter::SignContext(SignContextParams {
                hedge: u64::from(self.byte() % 5),
                context: self.data(),
                hash: self.number(),
            }),
            _ => Parameter::Chacha20(ChaCha20Params { counter: self.number(), nonce: self.data() }),
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn nothing_panics(
        index in 0..TABLE.len() + 4,
        number in any::<u64>(),
        source in proptest::collection::vec(any::<u8>(), 0..200),
        own in any::<bool>(),
        partial in any::<bool>(),
    ) {
        let row = TABLE.get(index);
        let mut source = Source(&source);
        let parameter = if own { row.and_then(right) } else { source.parameter() };
        let mechanism = Mechanism { r#type: row.map_or(number, |row| row.mechanism), parameter };
        let _ = sign(&mechanism, partial);
        let _ = encrypt(&mechanism, partial);
        let _ = decrypt(&mechanism, partial);
        let _ = wrap(&mechanism, ck::CKF_WRAP, &source.data());
        let _ = wrap(&mechanism, ck::CKF_UNWRAP, &[]);
        let _ = derive(&mechanism);
        let _ = encapsulate(&mechanism, ck::CKF_ENCAPSULATE);
        let _ = pbkdf2(&mechanism);
    }
}

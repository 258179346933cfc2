//! Against NIST's examples, OpenSSL's results and the formulas written out.

use softkeep_proto::algorithm::Hash;

use super::*;
use crate::crypto::test_vectors::{code, hex};

const BIG_8: NumberFormat = NumberFormat { little_endian: false, width_bits: 8 };
const BIG_32: NumberFormat = NumberFormat { little_endian: false, width_bits: 32 };
const SHA256: Mac = Mac::Hmac(Hash::Sha256);

fn bytes(bytes: &[u8]) -> DataParam {
    DataParam::Bytes(Zeroizing::new(bytes.to_vec()))
}

fn one(mode: &Mode, prf: &Mac, key: &[u8], params: &[DataParam], len: usize) -> Result<Vec<u8>> {
    derive(mode, prf, key, params, &[len]).map(|mut keys| std::mem::take(&mut *keys[0]))
}

#[test]
fn counter_mode_gives_the_examples_of_nist() {
    // CAVP, KDFCTR_gen, CMAC_AES128 with 8 bits before the fixed input, and HMAC_SHA256 the same.
    assert_eq!(
        one(
            &Mode::Counter,
            &Mac::AesCmac,
            &hex("dff1e50ac0b69dc40f1051d46c2b069c"),
            &[
                DataParam::IterationVariable(Some(BIG_8)),
                bytes(&hex("c16e6e02c5a3dcc8d78b9ac1306877761310455b4e41469951d9e6c2245a064b
                     33fd8c3b01203a7824485bf0a64060c4648b707d2607935699316ea5")),
            ],
            16
        )
        .unwrap(),
        hex("8be8f0869b3c0ba97b71863d1b9f7813")
    );
    assert_eq!(
        one(
            &Mode::Counter,
            &SHA256,
            &hex("43eef6d824fd820405626ab9b6d79f1fd04e126ab8e17729e3afc7cb5af794f8"),
            &[
                DataParam::IterationVariable(Some(BIG_32)),
                bytes(&hex("5e269b5a7bdedcc3e875e2725693a257fc60011af7dcd68a3358507fe29b0659
                     ca66951daa05a15032033650bc58a27840f8fbe9f4088b9030738f68")),
            ],
            32
        )
        .unwrap(),
        hex("f0a339ecbcae6add1afb27da3ba40a1320c6427a58afb9dc366b219b7eb29ecf")
    );
}

#[test]
fn double_pipeline_mode_gives_the_example_of_nist() {
    // CAVP, KDFDblPipeline_gen without a counter, HMAC_SHA256.
    let fixed = hex("921ab061920b191de12f746ac9de08 00
        4f2c20f01775e27bcacdc21ee4a5ff0387758f36d8ec71c7a8c8208284f650b611837e");
    assert_eq!(
        one(
            &Mode::DoublePipeline,
            &SHA256,
            &hex("7d4f86fdfd1c4ba04c674a68d60316d12c99c1b1f44f0a8e02bd2601377ebcd9"),
            &[DataParam::IterationVariable(None), bytes(&fixed)],
            64
        )
        .unwrap(),
        hex("506bc2ba51410b2a6e7c05d33891520ddd5f702ad3d6203d76d8dae1216d0783
             d8c59fae2e821d8eff2d8ddd93a6741c8f144fb96e9ca7d7c532468f213f5efe")
    );
}

#[test]
fn counter_and_feedback_mode_are_what_openssl_says() {
    // `openssl kdf ... KBKDF` of OpenSSL 3.0 with this key, salt "label", info "context" and, for the first, this seed.
    let key = hex("7d4f86fdfd1c4ba04c674a68d60316d12c99c1b1f44f0a8e02bd2601377ebcd9");
    let rest = [bytes(b"label"), bytes(&[0]), bytes(b"context"), DataParam::Length(LengthMethod::SumOfKeys, BIG_32)];
    let feedback = [&[DataParam::IterationVariable(None), DataParam::Counter(BIG_32)], &rest[..]].concat();
    let counter = [&[DataParam::IterationVariable(Some(BIG_32))], &rest[..]].concat();
    let iv: Vec<u8> = (0..32).collect();
    for (mode, params, expected) in [
        (
            Mode::Feedback { iv },
            &feedback,
            "4d94b04f3912e69fb11709a6dfddfcbaf211b38c2f53d7eeb3595a418e57e494
             183cf15e7791499399cf945c570c9d28f1a3845d255eda82e0316ee480f66a0c",
        ),
        (
            Mode::Feedback { iv: vec![] },
            &feedback,
            "f81ce062e049bb2498e29373d6b3c5a09690b03a2d6f59ce3f9d3bcde0063c92
             2245aff64afd71bd7b8b05bc04675e43fc8471d6377e77b2aac9e4080453c522",
        ),
        (
            Mode::Counter,
            &counter,
            "f81ce062e049bb2498e29373d6b3c5a09690b03a2d6f59ce3f9d3bcde0063c92
             3086c5b51a7262d256f1c79c3b1182a6821a38a605d4bf170224d1bde55ce314",
        ),
    ] {
        assert_eq!(one(&mode, &SHA256, &key, params, 64).unwrap(), hex(expected));
    }
}

#[test]
fn each_key_begins_with_an_output_of_its_own() {
    // The example of PKCS#11 3.2 section 6.42: 48 and 16 bytes with SHA-256 take three outputs.
    let params = |method| [DataParam::IterationVariable(Some(BIG_8)), bytes(b"x"), DataParam::Length(method, BIG_32)];
    for (method, bits) in [(LengthMethod::SumOfKeys, 512u32), (LengthMethod::SumOfSegments, 768)] {
        let output = |counter: u8| {
            let input = [&[counter, b'x'], &bits.to_be_bytes()[..]].concat();
            mac(&SHA256, b"key", &input).unwrap().to_vec()
        };
        let keys = derive(&Mode::Counter, &SHA256, b"key", &params(method), &[48, 16]).unwrap();
        assert_eq!(*keys[0], [&output(1)[..], &output(2)[..16]].concat());
        assert_eq!(*keys[1], output(3)[..16]);
    }
}

#[test]
fn the_double_pipeline_leaves_its_variables_out_of_the_beginning() {
    let little = NumberFormat { little_endian: true, width_bits: 16 };
    let params = [
        bytes(b"a"),
        DataParam::Counter(little),
        bytes(b"b"),
        DataParam::IterationVariable(None),
        DataParam::Length(LengthMethod::SumOfKeys, little),
    ];
    let prf = |input: &[u8]| mac(&SHA256, b"key", input).unwrap().to_vec();
    let length = [0, 2]; // 512 bits
    let first = prf(&[&b"ab"[..], &length].concat());
    let second = prf(&first);
    let output = |counter: u8, chain: &[u8]| prf(&[&b"a"[..], &[counter, 0], b"b", chain, &length].concat());
    assert_eq!(
        one(&Mode::DoublePipeline, &SHA256, b"key", &params, 64).unwrap(),
        [output(1, &first), output(2, &second)].concat()
    );
}

#[test]
fn a_number_is_written_as_asked_or_refused() {
    for (value, little_endian, width_bits, expected) in [
        (0x01_0203, false, 24, Some("010203")),
        (0x01_0203, true, 24, Some("030201")),
        (0x01_0203, false, 64, Some("0000000000010203")),
        (0x01_0203, true, 40, Some("0302010000")),
        (0x01_0203, false, 16, None),
        (0xff, true, 8, Some("ff")),
    ] {
        let written = number(value, NumberFormat { little_endian, width_bits }).ok().map(|bytes| bytes.to_vec());
        assert_eq!(written, expected.map(hex), "{value:x} in {width_bits}");
    }
}

#[test]
fn what_section_6_42_forbids_is_refused() {
    let feedback = Mode::Feedback { iv: vec![] };
    let counter = || DataParam::Counter(BIG_32);
    let length = || DataParam::Length(LengthMethod::SumOfKeys, BIG_32);
    let format = |width_bits| NumberFormat { little_endian: false, width_bits };
    let refused = |mode: &Mode, params: &[DataParam]| {
        assert_eq!(code(one(mode, &SHA256, b"key", params, 16)), ErrorCode::InvalidParameters);
    };
    let counted = || DataParam::IterationVariable(Some(BIG_32));
    let plain = || DataParam::IterationVariable(None);
    refused(&Mode::Counter, &[]);
    refused(&Mode::Counter, &[bytes(b"x")]);
    refused(&Mode::Counter, &[plain()]);
    refused(&Mode::Counter, &[counted(), counted()]);
    refused(&Mode::Counter, &[counted(), counter()]);
    refused(&Mode::Counter, &[counted(), length(), length()]);
    refused(&Mode::Counter, &[counted(), bytes(b"")]);
    for mode in [&feedback, &Mode::DoublePipeline] {
        refused(mode, &[counter()]);
        refused(mode, &[counted()]);
        refused(mode, &[plain(), counter(), counter()]);
        refused(mode, &[plain(), plain()]);
    }
    for width_bits in [0, 4, 12, 33, 40, 64] {
        refused(&Mode::Counter, &[DataParam::IterationVariable(Some(format(width_bits)))]);
        refused(&feedback, &[plain(), DataParam::Counter(format(width_bits))]);
    }
    for width_bits in [0, 4, 12, 65, 72] {
        refused(&Mode::Counter, &[counted(), DataParam::Length(LengthMethod::SumOfKeys, format(width_bits))]);
    }
    // 256 bits do not fit one byte.
    let short = DataParam::Length(LengthMethod::SumOfKeys, BIG_8);
    assert_eq!(code(one(&Mode::Counter, &SHA256, b"k", &[counted(), short], 32)), ErrorCode::InvalidParameters);
    let gmac = Mac::AesGmac { iv: vec![0; 12] };
    assert_eq!(code(one(&Mode::Counter, &gmac, &[0; 16], &[counted()], 16)), ErrorCode::InvalidParameters);
    assert_eq!(code(one(&Mode::Counter, &Mac::AesCmac, b"key", &[counted()], 16)), ErrorCode::KeyTypeMismatch);
}

#[test]
fn a_counter_counts_as_far_as_its_bits() {
    let params = [DataParam::IterationVariable(Some(BIG_8))];
    assert_eq!(one(&Mode::Counter, &SHA256, b"key", &params, 255 * 32).unwrap().len(), 255 * 32);
    assert_eq!(code(one(&Mode::Counter, &SHA256, b"key", &params, 255 * 32 + 1)), ErrorCode::InvalidLength);
    let params = [DataParam::IterationVariable(Some(BIG_32))];
    assert_eq!(code(one(&Mode::Counter, &SHA256, b"key", &params, 0)), ErrorCode::InvalidLength);
    assert_eq!(code(one(&Mode::Counter, &SHA256, b"key", &params, MAX_DERIVED_BYTES + 1)), ErrorCode::InvalidLength);
    let many = vec![MAX_DERIVED_BYTES; 2];
    assert_eq!(code(derive(&Mode::Counter, &SHA256, b"key", &params, &many)), ErrorCode::InvalidLength);
}

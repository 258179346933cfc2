//! The examples of the standards, both ways.

use crate::crypto::cipher::{Cipher, decrypt, encrypt};
use crate::crypto::test_vectors::{hex, hex_array};

/// Encrypts to what the standard says, and back.
fn check_example(cipher: &Cipher, key: &str, plaintext: &str, ciphertext: &str) {
    let (key, plaintext, ciphertext) = (hex(key), hex(plaintext), hex(ciphertext));
    assert_eq!(encrypt(cipher, &key, &plaintext).unwrap(), ciphertext, "{cipher:?}");
    assert_eq!(*decrypt(cipher, &key, &ciphertext).unwrap(), plaintext, "{cipher:?}");
}

/// SP 800-38A appendix F: its keys and its four blocks.
const SP800_38A_KEYS: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
];
const SP800_38A_TEXT: &str = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
    30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";

#[test]
fn ecb_gives_the_blocks_of_fips_197() {
    // Appendix C.
    let text = "00112233445566778899aabbccddeeff";
    check_example(&Cipher::AesEcb, "000102030405060708090a0b0c0d0e0f", text, "69c4e0d86a7b0430d8cdb78070b4c55a");
    check_example(
        &Cipher::AesEcb,
        "000102030405060708090a0b0c0d0e0f1011121314151617",
        text,
        "dda97ca4864cdfe06eaf70a0ec0d7191",
    );
    check_example(
        &Cipher::AesEcb,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        text,
        "8ea2b7ca516745bfeafc49904b496089",
    );
}

#[test]
fn cbc_gives_the_examples_of_sp_800_38a() {
    // Sections F.2.1, F.2.3 and F.2.5.
    let cipher = Cipher::AesCbc { iv: hex_array("000102030405060708090a0b0c0d0e0f") };
    for (key, ciphertext) in SP800_38A_KEYS.into_iter().zip([
        "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
         73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7",
        "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a
         571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
         39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b",
    ]) {
        check_example(&cipher, key, SP800_38A_TEXT, ciphertext);
    }
}

#[test]
fn ctr_gives_the_examples_of_sp_800_38a() {
    // Sections F.5.1, F.5.3 and F.5.5.
    let cipher = Cipher::AesCtr { block: hex_array("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), counter_bits: 128 };
    for (key, ciphertext) in SP800_38A_KEYS.into_iter().zip([
        "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
         5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
        "1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94
         1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050",
        "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5
         2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
    ]) {
        check_example(&cipher, key, SP800_38A_TEXT, ciphertext);
    }
}

#[test]
fn gcm_gives_the_examples_of_its_first_publication() {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 1, 4, 5, 6, 10 and 16.
    let gcm = |iv: &str, aad: &str| Cipher::AesGcm { iv: hex(iv), aad: hex(aad), tag_bytes: 16 };
    let text = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    let aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    let key = "feffe9928665731c6d6a8f9467308308";
    check_example(
        &gcm("000000000000000000000000", ""),
        "00000000000000000000000000000000",
        "",
        "58e2fccefa7e3061367f1d57a4e7455a",
    );
    check_example(
        &gcm("cafebabefacedbaddecaf888", aad),
        key,
        text,
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
         5bc94fbc3221a5db94fae95ae7121a47",
    );
    check_example(
        &gcm("cafebabefacedbad", aad),
        key,
        text,
        "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423
         73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598
         3612d2e79e3b0785561be14aaca2fccb",
    );
    check_example(
        &gcm(
            "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728
             c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
            aad,
        ),
        key,
        text,
        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7
         01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5
         619cc5aefffe0bfa462af43c1699d050",
    );
    check_example(
        &gcm("cafebabefacedbaddecaf888", aad),
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        text,
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c
         7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710
         2519498e80f1478f37ba55bd6d27618c",
    );
    check_example(
        &gcm("cafebabefacedbaddecaf888", aad),
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        text,
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
}

#[test]
fn ccm_gives_the_examples_of_sp_800_38c() {
    // Appendix C, examples 1, 2 and 3.
    let ccm = |nonce: &str, aad: &str, mac_bytes| Cipher::AesCcm { nonce: hex(nonce), aad: hex(aad), mac_bytes };
    let key = "404142434445464748494a4b4c4d4e4f";
    check_example(&ccm("10111213141516", "0001020304050607", 4), key, "20212223", "7162015b4dac255d");
    check_example(
        &ccm("1011121314151617", "000102030405060708090a0b0c0d0e0f", 6),
        key,
        "202122232425262728292a2b2c2d2e2f",
        "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
    );
    check_example(
        &ccm("101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213", 8),
        key,
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
    );
}

#[test]
fn key_wrap_gives_the_examples_of_rfc_3394() {
    // Sections 4.1 to 4.6.
    let cipher = Cipher::AesKw { iv: None };
    let keys = [
        "000102030405060708090a0b0c0d0e0f",
        "000102030405060708090a0b0c0d0e0f1011121314151617",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ];
    for (key, text_bytes, wrapped) in [
        (keys[0], 16, "1fa68b0a8112b447 aef34bd8fb5a7b82 9d3e862371d2cfe5"),
        (keys[1], 16, "96778b25ae6ca435 f92b5b97c050aed2 468ab8a17ad84e5d"),
        (keys[2], 16, "64e8c3f9ce0f5ba2 63e9777905818a2a 93c8191e7d6e8ae7"),
        (keys[1], 24, "031d33264e15d332 68f24ec260743edc e1c6c7ddee725a93 6ba814915c6762d2"),
        (keys[2], 24, "a8f9bc1612c68b3f f6e6f4fbe30e71e4 769c8b80a32cb895 8cd5d17d6b254da1"),
        (keys[2], 32, "28c9f404c4b810f4 cbccb35cfb87f826 3f5786e2d80ed326 cbc7f0e71a99f43b fb988b9b7a02dd21"),
    ] {
        let text = "00112233445566778899aabbccddeeff 000102030405060708090a0b0c0d0e0f".replace(' ', "");
        check_example(&cipher, key, &text[..2 * text_bytes], wrapped);
    }
}

#[test]
fn padded_key_wrap_gives_the_examples_of_rfc_5649() {
    // Section 6.
    let key = "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8";
    for iv in [None, Some(hex_array("a65959a6"))] {
        let cipher = Cipher::AesKwp { iv };
        check_example(
            &cipher,
            key,
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        );
        check_example(&cipher, key, "466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f");
    }
}

#[test]
fn chacha20_gives_the_example_of_rfc_8439() {
    // Section 2.4.2.
    let text = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let cipher = Cipher::ChaCha20 { nonce: hex("000000000000004a00000000"), counter: 1 };
    let key = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let ciphertext = hex("6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b
         f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8
         07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736
         5af90bbf74a35be6b40b8eedf2785e42874d");
    assert_eq!(encrypt(&cipher, &key, text.as_bytes()).unwrap(), ciphertext);
    assert_eq!(*decrypt(&cipher, &key, &ciphertext).unwrap(), text.as_bytes());
}

#[test]
fn chacha20_poly1305_gives_the_example_of_rfc_8439() {
    // Section 2.8.2.
    let text = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let cipher =
        Cipher::ChaCha20Poly1305 { nonce: hex_array("070000004041424344454647"), aad: hex("50515253c0c1c2c3c4c5c6c7") };
    let key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let ciphertext = hex("d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6
         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36
         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc
         3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
    assert_eq!(encrypt(&cipher, &key, text.as_bytes()).unwrap(), ciphertext);
    assert_eq!(*decrypt(&cipher, &key, &ciphertext).unwrap(), text.as_bytes());
}

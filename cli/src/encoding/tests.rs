//! Both alphabets, both signature forms.

use super::*;

#[test]
fn both_alphabets_with_and_without_padding() {
    for text in ["+/+/AQ==", "-_-_AQ==", "-_-_AQ", "+/+/AQ"] {
        assert_eq!(*from_base64("--digest", text).unwrap(), [0xfb, 0xff, 0xbf, 0x01], "{text}");
    }
    assert!(from_base64("--digest", "").unwrap().is_empty());
    for text in ["***", "AAAA A", "A", "AQ==AQ=="] {
        let error = from_base64("--digest", text).unwrap_err();
        assert_eq!(error.exit() as u8, 2, "{text}");
        assert!(!error.message().contains(text), "the value stays out of the message");
    }
}

#[test]
fn signatures_change_form_and_back() {
    for (algorithm, width) in [("ES256", 32), ("ES384", 48), ("ES512", 66)] {
        let mut raw = vec![0; 2 * width];
        raw[2] = 0x80; // needs a sign byte, after leading zeros
        raw[2 * width - 1] = 7;
        let der = signature_to_der(algorithm, &raw).unwrap();
        assert_eq!(signature_from_der(algorithm, &der).unwrap(), raw, "{algorithm}");
    }
    let der = signature_to_der("ES256", &[vec![0; 31], vec![1], vec![0; 31], vec![0x80]].concat()).unwrap();
    assert_eq!(der, [0x30, 7, 2, 1, 1, 2, 2, 0, 0x80]);
}

#[test]
fn wrong_signatures_are_refused() {
    assert!(signature_to_der("RS256", &[0; 256]).is_err());
    assert!(signature_to_der("ES256", &[0; 63]).is_err());
    assert!(signature_from_der("ES256", &[0x30, 3, 2, 1, 1]).is_err());
    assert!(signature_from_der("ES256", b"garbage").is_err());
    // r of 33 bytes does not fit P-256
    let mut long = vec![0x30, 38, 2, 33];
    long.extend([1; 33]);
    long.extend([2, 1, 1]);
    assert!(signature_from_der("ES256", &long).is_err());
}

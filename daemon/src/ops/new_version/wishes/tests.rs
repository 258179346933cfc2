use super::*;

fn ops(names: &[&str]) -> Result<Ops> {
    parse_ops(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

#[test]
fn key_types_in_the_words_of_key_vault() {
    for (kty, bits, curve, expected) in [
        ("RSA", 0, "", Some((KeyType::Rsa(2048), false))),
        ("RSA-HSM", 3072, "", Some((KeyType::Rsa(3072), true))),
        ("RSA", 4096, "", Some((KeyType::Rsa(4096), false))),
        ("EC", 0, "", Some((KeyType::Ec(Curve::P256), false))),
        ("EC-HSM", 0, "P-521", Some((KeyType::Ec(Curve::P521), true))),
        ("EC", 0, "P-256K", Some((KeyType::Ec(Curve::P256K), false))),
        ("oct", 0, "", Some((KeyType::Secret(SecretKind::Aes, 32), false))),
        ("oct-HSM", 192, "", Some((KeyType::Secret(SecretKind::Aes, 24), true))),
        ("OKP", 0, "", Some((KeyType::Edwards(EdwardsCurve::Ed25519), false))),
        ("OKP-HSM", 0, "Ed25519", Some((KeyType::Edwards(EdwardsCurve::Ed25519), true))),
        ("RSA", 1024, "", None),
        ("RSA", 2049, "", None),
        ("RSA", 2048, "P-256", None),
        ("EC", 256, "", None),
        ("EC", 0, "P-224", None),
        ("oct", 64, "", None),
        ("OKP", 0, "X25519", None),
        ("DSA", 0, "", None),
        ("", 0, "", None),
    ] {
        let parsed = parse_key_type(kty, bits, curve);
        assert_eq!(parsed.ok(), expected, "{kty} {bits} {curve}");
    }
    assert_eq!(parse_key_type("RSA", 1024, "").unwrap_err().code, ErrorCode::KeyTooWeak);
}

#[test]
fn operations_fit_the_type() {
    let (rsa, ec) = (KeyType::Rsa(2048), KeyType::Ec(Curve::P256));
    let aes = KeyType::Secret(SecretKind::Aes, 32);
    let ed25519 = KeyType::Edwards(EdwardsCurve::Ed25519);
    for (names, key_type, hsm, fits) in [
        (&["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"][..], rsa, false, true),
        (&["sign", "verify"], ec, false, true),
        (&["encrypt"], ec, false, false),
        (&["wrapKey"], ec, true, false),
        (&["sign"], ed25519, false, true),
        (&["unwrapKey"], ed25519, false, false),
        (&["encrypt", "wrapKey"], aes, false, true),
        (&["import"], rsa, true, true),
        (&["import"], rsa, false, false),
        (&["import", "wrapKey"], rsa, true, false),
        (&["import"], ec, true, false),
        (&["import"], aes, true, false),
    ] {
        let checked = check_ops(ops(names).unwrap(), key_type, hsm);
        assert_eq!(checked.is_ok(), fits, "{names:?} {key_type:?} {hsm}");
        assert!(checked.is_ok() || checked.is_err_and(|error| error.code == ErrorCode::InvalidArgument));
    }
    assert_eq!(ops(&["Sign"]).unwrap_err().code, ErrorCode::InvalidArgument);
}

#[test]
fn a_single_use_is_for_imports() {
    let wishes = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Wishes::parse(Some(KeyType::Rsa(2048)), &names, None, true, String::new()).unwrap()
    };
    let record = wishes(&["import"]).for_single_use(true).unwrap().into_record(KeyType::Rsa(2048), None, true).unwrap();
    assert!(record.policy.unwrap().single_use);
    assert!(wishes(&["sign"]).for_single_use(true).is_err());
    assert!(wishes(&[]).for_single_use(true).is_err());
    assert!(wishes(&["sign"]).for_single_use(false).is_ok());
}

#[test]
fn hsm_keys_need_the_premium_sku() {
    for (sku, hsm, fits) in
        [("standard", false, true), ("standard", true, false), ("premium", true, true), ("", true, false)]
    {
        let vault = VaultRecord { sku: sku.into(), ..VaultRecord::default() };
        assert_eq!(check_sku(&vault, hsm).map_err(|error| error.code).is_ok(), fits, "{sku} {hsm}");
    }
}

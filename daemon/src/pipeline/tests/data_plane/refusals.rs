//! What Key Vault's operations refuse: the key, the vault, the caller, the request.

use super::*;

#[tokio::test]
async fn rsnull_pads_what_it_is_given_and_no_more_than_fits() {
    let fixture = Fixture::new().await;
    make(&fixture, "rsa", "RSA", 2048, "", &["sign", "verify"]).await;
    let info = [Hash::Sha256.digest_info_prefix(), &[7; 32]].concat();
    let padded = signature(&fixture, "rsa", "RSNULL", &info).await.unwrap();
    assert_eq!(padded, signature(&fixture, "rsa", "RS256", &[7; 32]).await.unwrap());
    assert!(signature(&fixture, "rsa", "RSNULL", &[1; 245]).await.is_ok());
    assert_eq!(code(signature(&fixture, "rsa", "RSNULL", &[1; 246]).await), Some(ErrorCode::InvalidLength));
}

#[tokio::test]
async fn rsa1_5_gives_bytes_for_a_forged_block_and_is_not_there_in_strict() {
    let fixture = Fixture::new().await;
    make(&fixture, "rsa", "RSA", 2048, "", &[]).await;
    let made = wrap(&fixture, "rsa", encryption("RSA1_5", b"a key")).await.unwrap();
    assert_eq!(unwrap(&fixture, "rsa", decryption("RSA1_5", &made)).await.unwrap(), b"a key");
    // What has another padding opens to something: nobody learns from an error that it was wrong.
    let other = wrap(&fixture, "rsa", encryption("RSA-OAEP", b"a key")).await.unwrap();
    let [first, second] = [0, 1].map(|_| unwrap(&fixture, "rsa", decryption("RSA1_5", &other)));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(first == second && first != b"a key");

    let strict = v1::CreateVaultRequest { name: "strict".into(), profile: "strict".into(), ..Default::default() };
    fixture.run(Caller::Internal, CreateVault::parse(strict, false).unwrap()).await.unwrap();
    let request = v1::CreateKeyRequest {
        vault: "strict".into(),
        name: "rsa".into(),
        kty: "RSA".into(),
        key_ops: vec!["wrapKey".into(), "unwrapKey".into()],
        ..Default::default()
    };
    fixture.run(Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap();
    let vault = || VaultName::Named("strict".into());
    let wrap = |algorithm: &str| Encrypt::<true>::parse(vault(), key("rsa"), encryption(algorithm, b"a key")).unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, wrap("RSA1_5")).await), Some(ErrorCode::UnsupportedAlgorithm));
    let made = fixture.run(Caller::Internal, wrap("RSA-OAEP-256")).await.unwrap();
    let unwrap = |algorithm: &str| Decrypt::<true>::parse(vault(), key("rsa"), decryption(algorithm, &made)).unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, unwrap("RSA1_5")).await), Some(ErrorCode::UnsupportedAlgorithm));
    assert_eq!(fixture.run(Caller::Internal, unwrap("RSA-OAEP-256")).await.unwrap().0.as_slice(), b"a key");
}

#[tokio::test]
async fn each_operation_needs_its_own_key_op() {
    let fixture = Fixture::new().await;
    for (index, only) in CRYPT.iter().enumerate() {
        make(&fixture, only, "oct", 256, "", &[only]).await;
        let made = Encrypted {
            ciphertext: vec![0; 40],
            iv: vec![],
            tag: vec![],
            aad: vec![],
            version: fixture.run(Caller::Internal, GetKey(dev(), key(only))).await.unwrap().version,
        };
        let results = [
            code(encrypt(&fixture, only, encryption("A256KW", &[7; 32])).await),
            code(decrypt(&fixture, only, decryption("A256KW", &made)).await),
            code(wrap(&fixture, only, encryption("A256KW", &[7; 32])).await),
            code(unwrap(&fixture, only, decryption("A256KW", &made)).await),
        ];
        for (other, result) in results.into_iter().enumerate() {
            let expected = match (other == index, index % 2) {
                (false, _) => Some(ErrorCode::OperationNotPermitted),
                (true, 0) => None,
                (true, _) => Some(ErrorCode::DecryptFailed),
            };
            assert_eq!(result, expected, "{only} {other}");
        }
    }
}

/// A MAC is checked with a secret: that is for who may use the key, not for everybody on the machine.
#[tokio::test]
async fn a_stranger_checks_signatures_at_most_and_no_macs() {
    let fixture = Fixture::new().await;
    make(&fixture, "mac", "oct", 256, "", &["sign", "verify"]).await;
    let mac = signature(&fixture, "mac", "HS256", b"message").await.unwrap();
    let request = ("HS256", b"message".as_slice(), &mac[..]);
    assert!(verify(&fixture, Caller::Internal, "mac", request).await.unwrap());
    let refused = verify(&fixture, Caller::Peer(STRANGER), "mac", request).await;
    assert_eq!(code(refused), Some(ErrorCode::PermissionDenied));
    // The same uid with an entry of its own.
    let (vault, rooms) = (fixture.vault("dev"), fixture.pipeline.unsealed().unwrap());
    let write = |_: &mut crate::keys::ledger::Counters| {
        let mut record = (*rooms.keys.catalog.view().vault(vault).unwrap().record).clone();
        let object_id = STRANGER.object_id(rooms.keys.cluster).0.to_vec();
        record.access_policies.push(AccessPolicyRecord {
            object_id,
            keys: vec!["verify".into()],
            ..Default::default()
        });
        Ok((vec![Entry::put(row::vault(vault), &record)], ()))
    };
    rooms.keys.write(write).unwrap();
    assert!(verify(&fixture, Caller::Peer(STRANGER), "mac", request).await.unwrap());
}

/// Real names, near misses, and anything.
fn names() -> impl Strategy<Value = String> {
    let encryptions = proptest::sample::select(JOSE_ENCRYPTIONS.iter().map(|row| row.name).collect::<Vec<_>>());
    let signatures = proptest::sample::select(JOSE_SIGNATURES.iter().map(|row| row.name).collect::<Vec<_>>());
    prop_oneof![encryptions.prop_map(str::to_owned), signatures.prop_map(str::to_owned), ".{0,12}"]
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..=most)
}

proptest! {
    /// What is refused before anybody is asked for a key is refused for what the caller sent; and nothing panics.
    #[test]
    fn requests_of_any_form_are_read_or_refused(
        algorithm in names(),
        (iv, tag) in (bytes(20), bytes(20)),
        (aad, data) in (bytes(4), bytes(70)),
    ) {
        use ErrorCode::{InvalidParameters, UnsupportedAlgorithm};
        let key = || KeyName::Named("k".into(), None);
        let request = v1::EncryptRequest {
            key: None,
            algorithm: algorithm.clone(),
            plaintext: data.clone(),
            iv: iv.clone(),
            aad: aad.clone(),
        };
        let refused = [
            code(Encrypt::<false>::parse(dev(), key(), request.clone())),
            code(Encrypt::<true>::parse(dev(), key(), request)),
        ];
        prop_assert_eq!(refused[0], refused[1]);
        let ciphertext = data.clone();
        let request = v1::DecryptRequest { key: None, algorithm: algorithm.clone(), ciphertext, iv, tag, aad };
        let opened = code(Decrypt::<true>::parse(dev(), key(), request));
        for refused in [refused[0], opened].into_iter().flatten() {
            prop_assert!(matches!(refused, InvalidParameters | UnsupportedAlgorithm), "{refused:?}");
            let is_known = JOSE_ENCRYPTIONS.iter().any(|row| row.name == algorithm);
            prop_assert_eq!(refused == UnsupportedAlgorithm, !is_known);
        }
        let sign = v1::SignRequest { key: None, algorithm: algorithm.clone(), digest: data.clone() };
        let is_known = JOSE_SIGNATURES.iter().any(|row| row.name == algorithm);
        prop_assert_eq!(code(Sign::parse(dev(), key(), sign)), (!is_known).then_some(UnsupportedAlgorithm));
        let verify = v1::VerifyRequest { key: None, algorithm, digest: data.clone(), signature: data };
        prop_assert_eq!(code(Verify::parse(dev(), key(), verify)), (!is_known).then_some(UnsupportedAlgorithm));
    }
}

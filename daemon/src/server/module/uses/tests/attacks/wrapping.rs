//! Wrap and undo it: by decrypting, by bringing the key back weaker, by a wrapping key that somebody knows, by mechanisms that do not seal.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{
    pkcs11::v1::{
        AeadParams, EcdhAesWrapParams, KeyRef, ObjectRef, Pbkdf2Params, RsaAesWrapParams, RsaOaepParams, key_ref,
        mechanism::Parameter,
    },
    v1::CreateKeyRequest,
};

use super::{
    super::bench::{Bench, Handle, number, plain, rule, secret, secret_of, template, with},
    Loot, NOTHING, attacks, nothing, read, target, wrapped, wrapper,
};
use crate::{
    audit::record::Door,
    error::{ErrorCode as E, Result},
    identity::Caller,
    ops::create_key::CreateKey,
};

fn kw() -> Option<softkeep_proto::pkcs11::v1::Mechanism> {
    plain(ck::CKM_AES_KEY_WRAP)
}

fn iv(mechanism: u64, len: usize) -> Option<softkeep_proto::pkcs11::v1::Mechanism> {
    with(mechanism, Parameter::Iv(vec![0; len].into()))
}

fn oaep_params() -> RsaOaepParams {
    RsaOaepParams { hash: ck::CKM_SHA256, mgf: ck::CKG_MGF1_SHA256, label: Bytes::new() }
}

fn oaep() -> Option<softkeep_proto::pkcs11::v1::Mechanism> {
    with(ck::CKM_RSA_PKCS_OAEP, Parameter::RsaOaep(oaep_params()))
}

fn rsa_aes() -> Option<softkeep_proto::pkcs11::v1::Mechanism> {
    let parameters = RsaAesWrapParams { aes_bits: 256, oaep: Some(oaep_params()) };
    with(ck::CKM_RSA_AES_KEY_WRAP, Parameter::RsaAesWrap(parameters))
}

fn aead() -> Parameter {
    let (nonce, associated_data) = (vec![0; 12].into(), Bytes::new());
    Parameter::Aead(AeadParams { nonce, associated_data, tag_len_bytes: 16 })
}

fn readable(key_type: u64) -> Vec<softkeep_proto::pkcs11::v1::Attribute> {
    secret(key_type, &[(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)])
}

/// A pair whose private half unwraps and does nothing else but what is said.
async fn pair(bench: &Bench, also: &[(u64, bool)]) -> Result<(Handle, Handle)> {
    let private = [&[(ck::CKA_UNWRAP, true)], also].concat();
    bench.rsa(&[(ck::CKA_WRAP, true)], &private).await
}

/// A public key of the same numbers, as somebody would bring it who has the private key elsewhere.
async fn imported(bench: &Bench, public: &Handle, flags: &[(u64, bool)]) -> Result<Handle> {
    let rest = [
        (ck::CKA_CLASS, number(ck::CKO_PUBLIC_KEY)),
        (ck::CKA_KEY_TYPE, number(ck::CKK_RSA)),
        (ck::CKA_MODULUS, public.value(ck::CKA_MODULUS).unwrap().to_vec()),
        (ck::CKA_PUBLIC_EXPONENT, public.value(ck::CKA_PUBLIC_EXPONENT).unwrap().to_vec()),
    ];
    bench.create(template(flags, &rest)).await
}

/// Through Key Vault's door: a key that wraps and unwraps there.
async fn key_vault_pair(bench: &Bench) -> Result<Handle> {
    let request = CreateKeyRequest {
        vault: "dev".into(),
        name: format!("kv-{}", crate::id::Id::random()?),
        kty: "RSA".into(),
        key_ops: vec!["wrapKey".into(), "unwrapKey".into()],
        ..CreateKeyRequest::default()
    };
    let made = bench.pipeline.run(Caller::Internal, Door::Grpc, CreateKey::parse(request)?).await?;
    let unique_id = Bytes::copy_from_slice(&made.version.id.0);
    let object = ObjectRef { unique_id, class: ck::CKO_PUBLIC_KEY };
    let _ = KeyRef { key: Some(key_ref::Key::Object(object.clone())), ..KeyRef::default() };
    Ok(Handle(softkeep_proto::pkcs11::v1::Object {
        unique_id: object.unique_id,
        class: object.class,
        ..softkeep_proto::pkcs11::v1::Object::default()
    }))
}

attacks! { no_wrapping_is_undone:
    wrap_then_decrypt E::KeyNotWrappable, |bench| {
        let both = bench.aes(&[(ck::CKA_WRAP, true), (ck::CKA_DECRYPT, true)]).await?;
        let blob = wrapped(bench, &both, kw()).await?;
        Ok(bench.decrypt(&both, kw(), &blob).await?.to_vec())
    }
    decrypt_given_up_before_wrapping E::KeyNotWrappable, |bench| {
        let both = bench.aes(&[(ck::CKA_WRAP, true), (ck::CKA_DECRYPT, true)]).await?;
        let narrowed = bench.set(&both, template(&[(ck::CKA_DECRYPT, false)], &[])).await?;
        let blob = wrapped(bench, &narrowed, kw()).await?;
        Ok(bench.decrypt(&both, kw(), &blob).await?.to_vec())
    }
    decrypt_added_after_wrapping E::ActionProhibited, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = match target(bench).await {
            Ok(target) => bench.wrap(&wrapping, kw(), &target).await?,
            Err(_) => Bytes::from_static(&[0; 40]),
        };
        let wide = bench.set(&wrapping, template(&[(ck::CKA_DECRYPT, true)], &[])).await?;
        Ok(bench.decrypt(&wide, kw(), &blob).await?.to_vec())
    }
    derive_added_after_wrapping E::ActionProhibited, |bench| {
        let wrapping = wrapper(bench).await?;
        bench.set(&wrapping, template(&[(ck::CKA_DERIVE, true)], &[])).await.map(|_| vec![])
    }
    decrypt_added_to_a_stored_key_that_wraps E::ActionProhibited, |bench| {
        let wrapping = bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)]).await?;
        bench.set(&wrapping, template(&[(ck::CKA_DECRYPT, true)], &[])).await.map(|_| vec![])
    }
    wrap_added_to_a_stored_key_that_decrypts E::ActionProhibited, |bench| {
        let decrypting = bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_DECRYPT, true)]).await?;
        bench.set(&decrypting, template(&[(ck::CKA_WRAP, true)], &[])).await.map(|_| vec![])
    }
    sign_added_to_a_stored_pair_that_wraps E::ActionProhibited, |bench| {
        let public = template(&[(ck::CKA_WRAP, true)], &[(ck::CKA_MODULUS_BITS, number(2048))]);
        let private = template(&[(ck::CKA_TOKEN, true), (ck::CKA_UNWRAP, true)], &[]);
        let (private, _) = bench.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, public, private).await?;
        bench.set(&private, template(&[(ck::CKA_SIGN, true)], &[])).await.map(|_| vec![])
    }
    key_inside_rsa_aes_of_a_stored_pair E::KeyNotWrappable, |bench| {
        let public = template(&[(ck::CKA_WRAP, true)], &[(ck::CKA_MODULUS_BITS, number(2048))]);
        let private = template(&[(ck::CKA_TOKEN, true), (ck::CKA_UNWRAP, true)], &[]);
        let (_, public) = bench.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, public, private).await?;
        Ok(wrapped(bench, &public, rsa_aes()).await?.to_vec())
    }
    copy_of_the_public_half_as_a_wrapping_key E::KeyNotWrappable, |bench| {
        // The copy knows nothing of its private half's past.
        let (private, public) = pair(bench, &[(ck::CKA_DECRYPT, true)]).await?;
        let copy = bench.copy(&public, template(&[], &[])).await?;
        let blob = wrapped(bench, &copy, oaep()).await?;
        Ok(bench.decrypt(&private, oaep(), &blob).await?.to_vec())
    }
    copy_that_decrypts E::TemplateInconsistent, |bench| {
        let wrapping = wrapper(bench).await?;
        bench.copy(&wrapping, template(&[(ck::CKA_DECRYPT, true)], &[])).await.map(|_| vec![])
    }
    unwrap_as_readable E::TemplateInconsistent, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        read(bench, &bench.unwrap(&wrapping, kw(), &blob, readable(ck::CKK_AES)).await?).await
    }
    unwrap_as_readable_with_a_copy E::TemplateInconsistent, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        let copy = bench.copy(&wrapping, template(&[], &[])).await?;
        read(bench, &bench.unwrap(&copy, kw(), &blob, readable(ck::CKK_AES)).await?).await
    }
    unwrap_without_a_word_and_read NOTHING, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        let back = secret(ck::CKK_AES, &[(ck::CKA_EXTRACTABLE, true)]);
        read(bench, &bench.unwrap(&wrapping, kw(), &blob, back).await?).await
    }
    unwrap_and_turn_sensitive_off E::AttributeReadOnly, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        let back = bench.unwrap(&wrapping, kw(), &blob, secret(ck::CKK_AES, &[])).await?;
        let open = bench.set(&back, template(&[(ck::CKA_SENSITIVE, false)], &[])).await?;
        read(bench, &open).await
    }
    unwrap_as_a_wrapping_key_for_others E::KeyNotWrappable, |bench| {
        // Whoever may encrypt brings a key that he knows.
        let flags = [(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true), (ck::CKA_ENCRYPT, true)];
        let wrapping = bench.aes(&flags).await?;
        let known = bench.encrypt(&wrapping, kw(), &[7; 32]).await?;
        let flags = [(ck::CKA_WRAP, true), (ck::CKA_EXTRACTABLE, false)];
        let second = bench.unwrap(&wrapping, kw(), &known, secret(ck::CKK_AES, &flags)).await?;
        Ok(wrapped(bench, &second, kw()).await?.to_vec())
    }
    wrap_by_ecb E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, plain(ck::CKM_AES_ECB)).await?.to_vec())
    }
    wrap_by_cbc E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, iv(ck::CKM_AES_CBC, 16)).await?.to_vec())
    }
    wrap_by_padded_cbc E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, iv(ck::CKM_AES_CBC_PAD, 16)).await?.to_vec())
    }
    wrap_by_gcm_twice_with_one_nonce E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, with(ck::CKM_AES_GCM, aead())).await?.to_vec())
    }
    wrap_by_ccm_twice_with_one_nonce E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, with(ck::CKM_AES_CCM, aead())).await?.to_vec())
    }
    wrap_by_pkcs7_and_key_wrap E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, plain(ck::CKM_AES_KEY_WRAP_PAD)).await?.to_vec())
    }
    wrap_with_an_initial_value_of_ones_own E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, iv(ck::CKM_AES_KEY_WRAP, 8)).await?.to_vec())
    }
    wrap_padded_with_an_initial_value_of_ones_own E::KeyNotWrappable, |bench| {
        Ok(wrapped(bench, &wrapper(bench).await?, iv(ck::CKM_AES_KEY_WRAP_KWP, 4)).await?.to_vec())
    }
    unwrap_one_block_by_ecb E::OperationNotPermitted, |bench| {
        let oracle = wrapper(bench).await?;
        let block = secret_of(ck::CKK_GENERIC_SECRET, 1, &[(ck::CKA_SIGN, true)]);
        let first = bench.unwrap(&oracle, plain(ck::CKM_AES_ECB), &[1; 16], block).await?;
        super::guess(bench, &first).await
    }
    unwrap_by_cbc_with_any_initial_value E::OperationNotPermitted, |bench| {
        let oracle = wrapper(bench).await?;
        let block = secret_of(ck::CKK_GENERIC_SECRET, 1, &[(ck::CKA_SIGN, true)]);
        let first = bench.unwrap(&oracle, iv(ck::CKM_AES_CBC, 16), &[1; 16], block).await?;
        super::guess(bench, &first).await
    }
    unwrap_by_padded_cbc_as_a_padding_oracle E::OperationNotPermitted, |bench| {
        let oracle = wrapper(bench).await?;
        let block = secret(ck::CKK_GENERIC_SECRET, &[]);
        bench.unwrap(&oracle, iv(ck::CKM_AES_CBC_PAD, 16), &[1; 32], block).await.map(|_| vec![])
    }
    unwrap_what_was_wrapped_without_padding_as_padded E::OperationNotPermitted, |bench| {
        let wrapping = wrapper(bench).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        let back = secret(ck::CKK_GENERIC_SECRET, &[]);
        bench.unwrap(&wrapping, plain(ck::CKM_AES_KEY_WRAP_PAD), &blob, back).await.map(|_| vec![])
    }
    wrap_by_pkcs1 E::KeyNotWrappable, |bench| {
        let (_, public) = pair(bench, &[]).await?;
        Ok(wrapped(bench, &public, plain(ck::CKM_RSA_PKCS)).await?.to_vec())
    }
    wrap_by_a_pair_that_decrypts E::KeyNotWrappable, |bench| {
        let (private, public) = pair(bench, &[(ck::CKA_DECRYPT, true)]).await?;
        let blob = wrapped(bench, &public, oaep()).await?;
        Ok(bench.decrypt(&private, oaep(), &blob).await?.to_vec())
    }
    wrap_by_a_pair_that_signs_any_block E::KeyNotWrappable, |bench| {
        let (private, public) = pair(bench, &[(ck::CKA_SIGN, true)]).await?;
        let blob = wrapped(bench, &public, oaep()).await?;
        Ok(bench.sign(&private, plain(ck::CKM_RSA_X_509), &blob).await?.to_vec())
    }
    wrap_by_a_pair_that_signs_to_recover E::KeyNotWrappable, |bench| {
        let (_, public) = pair(bench, &[(ck::CKA_SIGN_RECOVER, true)]).await?;
        Ok(wrapped(bench, &public, oaep()).await?.to_vec())
    }
    wrap_by_the_public_half_of_a_pair_elsewhere E::KeyNotWrappable, |bench| {
        let (_, public) = pair(bench, &[]).await?;
        let imported = imported(bench, &public, &[(ck::CKA_WRAP, true)]).await?;
        Ok(wrapped(bench, &imported, oaep()).await?.to_vec())
    }
    import_a_public_key_as_trusted E::AttributeReadOnly, |bench| {
        let (_, public) = pair(bench, &[]).await?;
        let imported = imported(bench, &public, &[(ck::CKA_WRAP, true), (ck::CKA_TRUSTED, true)]).await?;
        Ok(wrapped(bench, &imported, oaep()).await?.to_vec())
    }
    generate_a_trusted_key E::AttributeReadOnly, |bench| {
        let flags = [(ck::CKA_WRAP, true), (ck::CKA_DECRYPT, true), (ck::CKA_TRUSTED, true)];
        Ok(wrapped(bench, &bench.aes(&flags).await?, kw()).await?.to_vec())
    }
    key_inside_rsa_aes_as_a_key_that_decrypts E::KeyNotWrappable, |bench| {
        let (private, public) = pair(bench, &[]).await?;
        let blob = wrapped(bench, &public, rsa_aes()).await?;
        let inner = secret(ck::CKK_AES, &[(ck::CKA_DECRYPT, true)]);
        let inner = bench.unwrap(&private, oaep(), &blob[..256], inner).await?;
        Ok(bench.decrypt(&inner, plain(ck::CKM_AES_KEY_WRAP_KWP), &blob[256..]).await?.to_vec())
    }
    key_inside_rsa_aes_where_only_that_is_allowed E::OperationNotPermitted, |bench| {
        let only = (ck::CKA_ALLOWED_MECHANISMS, number(ck::CKM_RSA_AES_KEY_WRAP));
        let public = template(&[(ck::CKA_WRAP, true)], &[(ck::CKA_MODULUS_BITS, number(2048))]);
        let private = template(&[(ck::CKA_UNWRAP, true)], &[only]);
        let (private, public) = bench.pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, public, private).await?;
        let blob = wrapped(bench, &public, rsa_aes()).await?;
        let inner = secret(ck::CKK_AES, &[(ck::CKA_DECRYPT, true)]);
        let inner = bench.unwrap(&private, oaep(), &blob[..256], inner).await?;
        Ok(bench.decrypt(&inner, plain(ck::CKM_AES_KEY_WRAP_KWP), &blob[256..]).await?.to_vec())
    }
    wrap_by_a_curve_and_derive_the_key E::KeyNotWrappable, |bench| {
        let (_, public) = bench.ec(&[(ck::CKA_WRAP, true)], &[(ck::CKA_UNWRAP, true), (ck::CKA_DERIVE, true)]).await?;
        let parameters = EcdhAesWrapParams { aes_bits: 256, kdf: ck::CKD_SHA256_KDF, shared_data: Bytes::new() };
        let mechanism = with(ck::CKM_ECDH_AES_KEY_WRAP, Parameter::EcdhAesWrap(parameters));
        Ok(wrapped(bench, &public, mechanism).await?.to_vec())
    }
    wrap_here_and_unwrap_by_key_vault E::KeyNotWrappable, |bench| {
        let public = key_vault_pair(bench).await?;
        Ok(wrapped(bench, &public, oaep()).await?.to_vec())
    }
    wrap_by_a_key_of_known_bytes E::KeyNotWrappable, |bench| {
        let known = bench.import(ck::CKK_AES, &[7; 32], &[(ck::CKA_WRAP, true), (ck::CKA_SENSITIVE, true)]).await?;
        Ok(wrapped(bench, &known, kw()).await?.to_vec())
    }
    wrap_by_a_key_of_a_known_password E::KeyNotWrappable, |bench| {
        let parameters = Pbkdf2Params {
            prf: ck::CKP_PKCS5_PBKD2_HMAC_SHA256,
            salt: Bytes::from_static(b"salt"),
            iterations: 1,
            password: Bytes::from_static(b"known"),
        };
        let mechanism = with(ck::CKM_PKCS5_PBKD2, Parameter::Pbkdf2(parameters));
        let known = bench.generate(mechanism, secret_of(ck::CKK_AES, 32, &[(ck::CKA_WRAP, true)])).await?;
        Ok(wrapped(bench, &known, kw()).await?.to_vec())
    }
    wrap_by_a_key_derived_of_a_known_one E::KeyNotWrappable, |bench| {
        let base = bench.import(ck::CKK_GENERIC_SECRET, &[7; 32], &[(ck::CKA_DERIVE, true)]).await?;
        let known = secret_of(ck::CKK_AES, 32, &[(ck::CKA_WRAP, true), (ck::CKA_SENSITIVE, true)]);
        let known = bench.derive(&base, plain(ck::CKM_SHA256_KEY_DERIVATION), known).await?.remove(0);
        Ok(wrapped(bench, &known, kw()).await?.to_vec())
    }
    wrap_by_a_key_that_was_readable_once E::KeyNotWrappable, |bench| {
        let flags = [(ck::CKA_WRAP, true), (ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
        let known = bench.aes(&flags).await?;
        let now = template(&[(ck::CKA_SENSITIVE, true), (ck::CKA_EXTRACTABLE, false)], &[]);
        let known = bench.set(&known, now).await?;
        Ok(wrapped(bench, &known, kw()).await?.to_vec())
    }
    wrap_by_an_oracle_for_encryption_that_derives E::KeyNotWrappable, |bench| {
        let oracle = bench.aes(&[(ck::CKA_WRAP, true), (ck::CKA_DERIVE, true)]).await?;
        Ok(wrapped(bench, &oracle, kw()).await?.to_vec())
    }
    wrap_what_stays E::KeyUnextractable, |bench| {
        let stays = bench.aes(&[(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, false)]).await?;
        Ok(bench.wrap(&wrapper(bench).await?, kw(), &stays).await?.to_vec())
    }
    let_what_stays_leave E::AttributeReadOnly, |bench| {
        let stays = bench.aes(&[(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, false)]).await?;
        let leaves = bench.set(&stays, template(&[(ck::CKA_EXTRACTABLE, true)], &[])).await?;
        Ok(bench.wrap(&wrapper(bench).await?, kw(), &leaves).await?.to_vec())
    }
    copy_what_stays_as_what_leaves E::AttributeReadOnly, |bench| {
        let stays = bench.aes(&[(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, false)]).await?;
        let leaves = bench.copy(&stays, template(&[(ck::CKA_EXTRACTABLE, true)], &[])).await?;
        Ok(bench.wrap(&wrapper(bench).await?, kw(), &leaves).await?.to_vec())
    }
    wrap_what_is_for_trusted_keys E::KeyNotWrappable, |bench| {
        let flags = [(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, true), (ck::CKA_WRAP_WITH_TRUSTED, true)];
        let guarded = bench.aes(&flags).await?;
        Ok(bench.wrap(&wrapper(bench).await?, kw(), &guarded).await?.to_vec())
    }
    wrap_what_was_for_trusted_keys E::AttributeReadOnly, |bench| {
        let flags = [(ck::CKA_ENCRYPT, true), (ck::CKA_EXTRACTABLE, true), (ck::CKA_WRAP_WITH_TRUSTED, true)];
        let guarded = bench.aes(&flags).await?;
        let free = bench.set(&guarded, template(&[(ck::CKA_WRAP_WITH_TRUSTED, false)], &[])).await?;
        Ok(bench.wrap(&wrapper(bench).await?, kw(), &free).await?.to_vec())
    }
    unwrap_against_the_keys_own_template E::TemplateInconsistent, |bench| {
        let rest = [(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_UNWRAP_TEMPLATE, rule(&[(ck::CKA_EXTRACTABLE, false)]))];
        let wrapping = template(&[(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)], &rest);
        let wrapping = bench.generate(plain(ck::CKM_AES_KEY_GEN), wrapping).await?;
        let blob = wrapped(bench, &wrapping, kw()).await?;
        let back = secret(ck::CKK_AES, &[(ck::CKA_EXTRACTABLE, true)]);
        bench.unwrap(&wrapping, kw(), &blob, back).await.map(|_| vec![])
    }
    wrap_against_the_keys_own_template E::KeyNotWrappable, |bench| {
        let rest = [(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_WRAP_TEMPLATE, rule(&[(ck::CKA_ENCRYPT, false)]))];
        let wrapping = template(&[(ck::CKA_WRAP, true), (ck::CKA_UNWRAP, true)], &rest);
        let wrapping = bench.generate(plain(ck::CKM_AES_KEY_GEN), wrapping).await?;
        Ok(wrapped(bench, &wrapping, kw()).await?.to_vec())
    }
    read_the_value NOTHING, |bench| {
        let flags = [(ck::CKA_ENCRYPT, true), (ck::CKA_SENSITIVE, true), (ck::CKA_EXTRACTABLE, true)];
        let flags = if target(bench).await.is_ok() { &flags[..] } else { &flags[..2] };
        let key = bench.aes(flags).await?;
        read(bench, &key).await.map_err(|_| nothing())
    }
}

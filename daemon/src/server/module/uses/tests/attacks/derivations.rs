//! Peel a key: derive from it until so little of it is left that all values can be tried.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{Mechanism, mechanism::Parameter};

use super::{
    super::bench::{Bench, Handle, number, plain, rule, secret_of, template, with},
    Loot, attacks, guess, read, secret_base,
};
use crate::error::{ErrorCode as E, Result};

fn data(mechanism: u64, len: usize) -> Option<Mechanism> {
    with(mechanism, Parameter::Data(vec![0; len].into()))
}

fn extract(first_bit: u64) -> Option<Mechanism> {
    with(ck::CKM_EXTRACT_KEY_FROM_KEY, Parameter::FirstBit(first_bit))
}

/// A derived key that makes MACs and may be derived from again.
async fn derive(bench: &Bench, base: &Handle, mechanism: Option<Mechanism>, len: u64) -> Result<Handle> {
    let template = secret_of(ck::CKK_GENERIC_SECRET, len, &[(ck::CKA_SIGN, true), (ck::CKA_DERIVE, true)]);
    Ok(bench.derive(base, mechanism, template).await?.remove(0))
}

async fn known(bench: &Bench, len: usize) -> Result<Handle> {
    bench.import(ck::CKK_GENERIC_SECRET, &vec![0; len], &[(ck::CKA_DERIVE, true), (ck::CKA_SIGN, true)]).await
}

attacks! { no_key_is_peeled:
    extract_one_byte E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, extract(0), 1).await?).await
    }
    extract_fifteen_bytes E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, extract(8), 15).await?).await
    }
    exclusive_or_with_one_byte E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, data(ck::CKM_XOR_BASE_AND_DATA, 1), 1).await?).await
    }
    exclusive_or_cut_by_its_length E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, data(ck::CKM_XOR_BASE_AND_DATA, 32), 2).await?).await
    }
    rid_a_key_of_its_wrap_with_trusted E::TemplateInconsistent, |bench| {
        let flags = [ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE, ck::CKA_DERIVE, ck::CKA_WRAP_WITH_TRUSTED];
        let base = bench.generic(32, &flags.map(|flag| (flag, true))).await?;
        let mechanism = data(ck::CKM_CONCATENATE_BASE_AND_DATA, 8);
        let longer = derive(bench, &base, mechanism.clone(), 40).await?;
        assert!(longer.flag(ck::CKA_WRAP_WITH_TRUSTED));
        let freed = [(ck::CKA_EXTRACTABLE, true), (ck::CKA_WRAP_WITH_TRUSTED, false)];
        let template = secret_of(ck::CKK_GENERIC_SECRET, 40, &freed);
        bench.derive(&base, mechanism, template).await.map(|_| vec![])
    }
    append_and_cut E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, data(ck::CKM_CONCATENATE_BASE_AND_DATA, 8), 1).await?).await
    }
    prepend_what_is_known_and_cut E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        guess(bench, &derive(bench, &base, data(ck::CKM_CONCATENATE_DATA_AND_BASE, 31), 32).await?).await
    }
    append_to_a_known_key_and_cut E::TemplateInconsistent, |bench| {
        let (base, known) = (secret_base(bench).await?, known(bench, 31).await?);
        let mechanism = with(ck::CKM_CONCATENATE_BASE_AND_KEY, Parameter::OtherKey(base.key().unwrap()));
        guess(bench, &derive(bench, &known, mechanism, 32).await?).await
    }
    prepend_to_a_known_key_and_cut E::TemplateInconsistent, |bench| {
        let (base, known) = (secret_base(bench).await?, known(bench, 31).await?);
        let mechanism = with(ck::CKM_CONCATENATE_BASE_AND_KEY, Parameter::OtherKey(known.key().unwrap()));
        guess(bench, &derive(bench, &base, mechanism, 1).await?).await
    }
    cut_out_where_known_bytes_meet_the_key E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        let longer = derive(bench, &base, data(ck::CKM_CONCATENATE_DATA_AND_BASE, 32), 64).await?;
        guess(bench, &derive(bench, &longer, extract(8 * 17), 16).await?).await
    }
    cut_out_of_a_copy_of_it E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        let longer = derive(bench, &base, data(ck::CKM_CONCATENATE_DATA_AND_BASE, 32), 64).await?;
        let copy = bench.copy(&longer, template(&[], &[])).await?;
        guess(bench, &derive(bench, &copy, extract(8 * 17), 16).await?).await
    }
    cut_again_what_was_cut E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        let half = derive(bench, &base, extract(0), 16).await?;
        guess(bench, &derive(bench, &half, extract(0), 8).await?).await
    }
    derive_as_readable E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        let flags = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
        let template = secret_of(ck::CKK_GENERIC_SECRET, 40, &flags);
        let derived = bench.derive(&base, data(ck::CKM_CONCATENATE_BASE_AND_DATA, 8), template).await?;
        read(bench, &derived[0]).await
    }
    turn_round_as_readable E::TemplateInconsistent, |bench| {
        let base = secret_base(bench).await?;
        let flags = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
        let derived = bench.derive(&base, extract(0), secret_of(ck::CKK_GENERIC_SECRET, 32, &flags)).await?;
        read(bench, &derived[0]).await
    }
    join_with_a_known_key_as_readable E::TemplateInconsistent, |bench| {
        let (base, known) = (secret_base(bench).await?, known(bench, 16).await?);
        let mechanism = with(ck::CKM_CONCATENATE_BASE_AND_KEY, Parameter::OtherKey(base.key().unwrap()));
        let flags = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
        let derived = bench.derive(&known, mechanism, secret_of(ck::CKK_GENERIC_SECRET, 48, &flags)).await?;
        read(bench, &derived[0]).await
    }
    let_what_stays_leave_by_deriving E::TemplateInconsistent, |bench| {
        let stays = bench.generic(32, &[(ck::CKA_DERIVE, true), (ck::CKA_EXTRACTABLE, false)]).await?;
        let template = secret_of(ck::CKK_GENERIC_SECRET, 32, &[(ck::CKA_EXTRACTABLE, true)]);
        bench.derive(&stays, extract(0), template).await.map(|_| vec![])
    }
    derive_with_a_key_that_does_not E::OperationNotPermitted, |bench| {
        let key = bench.generic(32, &[(ck::CKA_SIGN, true)]).await?;
        guess(bench, &derive(bench, &key, plain(ck::CKM_SHA256_KEY_DERIVATION), 32).await?).await
    }
    join_a_key_that_does_not_derive E::OperationNotPermitted, |bench| {
        let (known, other) = (known(bench, 16).await?, bench.generic(32, &[(ck::CKA_SIGN, true)]).await?);
        let mechanism = with(ck::CKM_CONCATENATE_BASE_AND_KEY, Parameter::OtherKey(other.key().unwrap()));
        guess(bench, &derive(bench, &known, mechanism, 48).await?).await
    }
    derive_against_the_keys_own_template E::TemplateInconsistent, |bench| {
        let rest = [(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_DERIVE_TEMPLATE, rule(&[(ck::CKA_SENSITIVE, true)]))];
        let base = template(&[(ck::CKA_DERIVE, true)], &rest);
        let base = bench.generate(plain(ck::CKM_GENERIC_SECRET_KEY_GEN), base).await?;
        let flags = [(ck::CKA_SENSITIVE, false), (ck::CKA_EXTRACTABLE, true)];
        let template = secret_of(ck::CKK_GENERIC_SECRET, 32, &flags);
        let derived = bench.derive(&base, plain(ck::CKM_SHA256_KEY_DERIVATION), template).await?;
        read(bench, &derived[0]).await
    }
    agree_with_a_point_off_the_curve E::InvalidParameters, |bench| {
        let (private, _) = bench.ec(&[], &[(ck::CKA_DERIVE, true)]).await?;
        let parameters = softkeep_proto::pkcs11::v1::EcdhParams {
            kdf: ck::CKD_SHA256_KDF,
            shared_data: Bytes::new(),
            public_data: [&[4][..], &[1; 64]].concat().into(),
        };
        guess(bench, &derive(bench, &private, with(ck::CKM_ECDH1_DERIVE, Parameter::Ecdh(parameters)), 32).await?).await
    }
}

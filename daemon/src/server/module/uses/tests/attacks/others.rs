//! What belongs to one key, login or half of a pair, put to use for another.

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::pkcs11::v1::{self, Object, reply, request::Op};

use super::{
    super::{
        bench::{Bench, Handle, number, plain, template},
        families::{finish, update},
    },
    Loot, attacks,
};
use crate::{
    error::{ErrorCode as E, Result},
    identity::{Caller, Peer},
};

const HMAC: u64 = ck::CKM_SHA256_HMAC;

async fn mac_key(bench: &Bench) -> Result<Handle> {
    bench.generic(32, &[(ck::CKA_SIGN, true), (ck::CKA_VERIFY, true)]).await
}

fn sign(key: &Handle, mechanism: u64) -> Op {
    let (key, mechanism) = (key.key(), plain(mechanism));
    Op::Sign(v1::Sign { key, mechanism, data: Bytes::from_static(&[6; 32]), ..v1::Sign::default() })
}

async fn as_other(bench: &Bench, caller: &Caller, op: Op) -> Loot {
    match bench.run_as(caller, op).await? {
        reply::Result::Sign(reply) => Ok(reply.signature.to_vec()),
        _ => Ok(vec![]),
    }
}

/// A program that is not logged in.
fn nobody() -> Caller {
    Caller::Application(Peer::Unix { uid: 4_000_000, pid: None }, crate::id::Id([7; 16]))
}

/// A token object, whose halves go by one number.
async fn kept_pair(bench: &Bench) -> Result<(Handle, Handle)> {
    bench.ec(&[], &[(ck::CKA_TOKEN, true), (ck::CKA_SIGN, true)]).await
}

attacks! { nothing_serves_another:
    mac_state_to_another_key E::InvalidArgument, |bench| {
        let (one, other) = (mac_key(bench).await?, mac_key(bench).await?);
        let state = update(bench, &one, HMAC, Bytes::new(), b"part").await?;
        Ok(finish(bench, &other, HMAC, state, b"rest").await?.to_vec())
    }
    mac_state_to_another_mechanism E::InvalidArgument, |bench| {
        let key = mac_key(bench).await?;
        let state = update(bench, &key, HMAC, Bytes::new(), b"part").await?;
        Ok(finish(bench, &key, ck::CKM_SHA512_HMAC, state, b"rest").await?.to_vec())
    }
    mac_state_with_another_bit E::InvalidArgument, |bench| {
        let key = mac_key(bench).await?;
        let mut state = update(bench, &key, HMAC, Bytes::new(), b"part").await?.to_vec();
        state[40] ^= 1;
        Ok(finish(bench, &key, HMAC, state.into(), b"rest").await?.to_vec())
    }
    mac_state_that_is_none E::InvalidArgument, |bench| {
        let key = mac_key(bench).await?;
        Ok(finish(bench, &key, HMAC, Bytes::from_static(&[1; 5]), b"rest").await?.to_vec())
    }
    mac_state_of_another_login E::InvalidArgument, |bench| {
        let kept = [(ck::CKA_TOKEN, true), (ck::CKA_SIGN, true), (ck::CKA_VERIFY, true)];
        let key = bench.generic(32, &kept).await?;
        let mac_state = update(bench, &key, HMAC, Bytes::new(), b"part").await?;
        let request = v1::Sign { key: key.key(), mechanism: plain(HMAC), mac_state, ..v1::Sign::default() };
        as_other(bench, &bench.another_login(), Op::Sign(request)).await
    }
    mac_by_verifying_with_a_key_that_only_signs E::OperationNotPermitted, |bench| {
        let key = bench.generic(32, &[(ck::CKA_SIGN, true)]).await?;
        bench.verify(&key, plain(HMAC), b"", &[0; 32]).await.map(|()| vec![])
    }
    session_key_of_another_login E::KeyNotFound, |bench| {
        let key = mac_key(bench).await?;
        as_other(bench, &bench.another_login(), sign(&key, HMAC)).await
    }
    session_key_without_a_login E::KeyNotFound, |bench| {
        let key = mac_key(bench).await?;
        as_other(bench, &nobody(), sign(&key, HMAC)).await
    }
    session_key_with_another_bit E::KeyNotFound, |bench| {
        let key = mac_key(bench).await?;
        for at in [0, 10, 30, 60, key.0.sealed.len() - 1] {
            let mut sealed = key.0.sealed.to_vec();
            sealed[at] ^= 1;
            let changed = Handle(Object { sealed: sealed.into(), ..key.0.clone() });
            if let Ok(mac) = bench.sign(&changed, plain(HMAC), b"").await {
                return Ok(mac.to_vec());
            }
        }
        let changed = Handle(Object { sealed: Bytes::from_static(&[1; 100]), ..key.0.clone() });
        Ok(bench.sign(&changed, plain(HMAC), b"").await?.to_vec())
    }
    sign_without_a_login_by_naming_the_public_half E::OperationNotPermitted, |bench| {
        let (_, public) = kept_pair(bench).await?;
        as_other(bench, &nobody(), sign(&public, ck::CKM_ECDSA)).await
    }
    sign_by_naming_the_public_half E::OperationNotPermitted, |bench| {
        let (_, public) = kept_pair(bench).await?;
        Ok(bench.sign(&public, plain(ck::CKM_ECDSA), &[6; 32]).await?.to_vec())
    }
    sign_without_a_login E::Unauthenticated, |bench| {
        let (private, _) = kept_pair(bench).await?;
        as_other(bench, &nobody(), sign(&private, ck::CKM_ECDSA)).await
    }
    sign_as_the_officer E::PermissionDenied, |bench| {
        let (private, _) = kept_pair(bench).await?;
        as_other(bench, &bench.officer, sign(&private, ck::CKM_ECDSA)).await
    }
    trust_a_key_as_the_user E::AttributeReadOnly, |bench| {
        let key = bench.aes(&[(ck::CKA_TOKEN, true), (ck::CKA_WRAP, true)]).await?;
        bench.set(&key, template(&[(ck::CKA_TRUSTED, true)], &[])).await.map(|_| vec![])
    }
    claim_that_a_known_key_was_made_here E::TemplateInconsistent, |bench| {
        let claims = [(ck::CKA_WRAP, true), (ck::CKA_LOCAL, true)];
        let known = bench.import(ck::CKK_AES, &[7; 32], &claims).await?;
        Ok(super::wrapped(bench, &known, plain(ck::CKM_AES_KEY_WRAP)).await?.to_vec())
    }
    claim_that_a_known_key_was_always_secret E::TemplateInconsistent, |bench| {
        let claims = [(ck::CKA_WRAP, true), (ck::CKA_ALWAYS_SENSITIVE, true), (ck::CKA_NEVER_EXTRACTABLE, true)];
        let known = bench.import(ck::CKK_AES, &[7; 32], &claims).await?;
        Ok(super::wrapped(bench, &known, plain(ck::CKM_AES_KEY_WRAP)).await?.to_vec())
    }
    use_a_mechanism_that_the_key_does_not_allow E::OperationNotPermitted, |bench| {
        let rest = [(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_ALLOWED_MECHANISMS, number(HMAC))];
        let key = template(&[(ck::CKA_SIGN, true)], &rest);
        let key = bench.generate(plain(ck::CKM_GENERIC_SECRET_KEY_GEN), key).await?;
        Ok(bench.sign(&key, plain(ck::CKM_SHA512_HMAC), b"").await?.to_vec())
    }
    allow_it_afterwards E::AttributeReadOnly, |bench| {
        let rest = [(ck::CKA_VALUE_LEN, number(32)), (ck::CKA_ALLOWED_MECHANISMS, number(HMAC))];
        let key = template(&[(ck::CKA_SIGN, true)], &rest);
        let key = bench.generate(plain(ck::CKM_GENERIC_SECRET_KEY_GEN), key).await?;
        let wider = [(ck::CKA_ALLOWED_MECHANISMS, [number(HMAC), number(ck::CKM_SHA512_HMAC)].concat())];
        let key = bench.set(&key, template(&[], &wider)).await?;
        Ok(bench.sign(&key, plain(ck::CKM_SHA512_HMAC), b"").await?.to_vec())
    }
    wrap_the_public_half E::KeyNotWrappable, |bench| {
        let (_, public) = kept_pair(bench).await?;
        let wrapping = super::wrapper(bench).await?;
        Ok(bench.wrap(&wrapping, plain(ck::CKM_AES_KEY_WRAP_KWP), &public).await?.to_vec())
    }
}

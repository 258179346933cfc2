//! Vaults with thousands of objects, made over gRPC by many callers at once.

use std::{ops::Range, time::Duration};

use softkeep_proto::v1::{CreateKeyRequest, SetSecretRequest, keys_client::KeysClient, secrets_client::SecretsClient};
use tokio::{runtime, task::JoinSet};
use tonic::transport::{Channel, Endpoint};

use crate::{Daemon, VAULT};

/// Callers at once: their writes share a transaction.
const CALLERS: usize = 32;

/// The name of an object; in the order of their numbers.
pub fn name(number: usize) -> String {
    format!("object-{number:06}")
}

/// A connection to the daemon.
pub async fn channel(daemon: &Daemon) -> Channel {
    let endpoint = Endpoint::from_shared(daemon.endpoint()).unwrap();
    endpoint.timeout(Duration::from_secs(60)).connect().await.unwrap()
}

/// Makes secrets.
pub fn make_secrets(daemon: &Daemon, numbers: Range<usize>) {
    make(daemon, numbers, async |channel, numbers| {
        let mut client = SecretsClient::new(channel);
        for number in numbers {
            let request = SetSecretRequest {
                vault: VAULT.to_owned(),
                name: name(number),
                value: format!("value of {number}").into_bytes(),
                ..SetSecretRequest::default()
            };
            client.set_secret(request).await.unwrap();
        }
    });
}

/// Makes keys, on P-256.
pub fn make_keys(daemon: &Daemon, numbers: Range<usize>) {
    make(daemon, numbers, async |channel, numbers| {
        let mut client = KeysClient::new(channel);
        for number in numbers {
            let request = CreateKeyRequest {
                vault: VAULT.to_owned(),
                name: name(number),
                kty: "EC".to_owned(),
                ..CreateKeyRequest::default()
            };
            client.create_key(request).await.unwrap();
        }
    });
}

fn make<F>(daemon: &Daemon, numbers: Range<usize>, caller: F)
where
    F: AsyncFn(Channel, Range<usize>) + Copy + 'static,
{
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let share = numbers.len().div_ceil(CALLERS).max(1);
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let channel = channel(daemon).await;
        let mut callers = JoinSet::new();
        for start in numbers.clone().step_by(share) {
            let (channel, end) = (channel.clone(), numbers.end.min(start + share));
            callers.spawn_local(async move { caller(channel, start..end).await });
        }
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    });
}

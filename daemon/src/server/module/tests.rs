//! What a module may do to the daemon by what it sends and does not read.

use std::sync::atomic::{AtomicUsize, Ordering};

use softkeep_proto::{
    pkcs11::v1::{ListTokens, Login, UserType, request::Op},
    v1,
};
use zeroize::Zeroizing;

use super::*;
use crate::{
    audit::record::Door,
    config::Config,
    crypto::AwsLc,
    identity,
    keys::{initialise, seal, slot::Slot},
    ops::{create_vault::CreateVault, set_pin::SetPin},
    policy::VaultName,
    store::MemoryStore,
};

type Replies = mpsc::Receiver<std::result::Result<Reply, Status>>;

/// A connection to a daemon with one vault, which has an SO PIN and no user PIN.
async fn connection(waiting: usize, in_flight: usize) -> (Arc<Connection>, Replies, Id, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    initialise(&*store, &Slot::KeyFile(dir.path().join("root.key")), seal::random_secret().unwrap()).unwrap();
    let config = Config { data_dir: dir.path().into(), ..Config::default() };
    let pipeline = Arc::new(Pipeline::new(store, Arc::new(AwsLc), &config).unwrap());
    pipeline.unseal_unattended();
    let create = v1::CreateVaultRequest { name: "dev".into(), ..Default::default() };
    let create = CreateVault::parse(create, false).unwrap();
    let vault = pipeline.run(Caller::Internal, Door::Grpc, create).await.unwrap().id;
    let new_pin = Zeroizing::new(b"12345678".to_vec());
    let user_type = identity::UserType::SecurityOfficer;
    let set_pin = SetPin { vault: VaultName::Id(vault), user_type, old_pin: None, new_pin };
    pipeline.run(Caller::Internal, Door::Grpc, set_pin).await.unwrap();
    let (replies, outgoing) = mpsc::channel(waiting);
    let connection = Connection {
        defaults: Defaults { publish_certificates: false },
        pipeline,
        peer: Peer::Unix { uid: 4_000_000, pid: None },
        named: Mutex::default(),
        replies,
        in_flight: Semaphore::new(in_flight),
    };
    (Arc::new(connection), outgoing, vault, dir)
}

fn request(id: u64, vault: Id, op: Op) -> Request {
    Request { id, vault_id: Bytes::copy_from_slice(&vault.0), op: Some(op), ..Request::default() }
}

#[tokio::test]
async fn a_module_that_reads_no_replies_is_not_read_any_further() {
    const SENT: usize = 20;
    let (connection, mut outgoing, vault, _dir) = connection(1, 2).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let sender = tokio::spawn({
        let taken = taken.clone();
        async move {
            for id in 1..=SENT {
                // Goes to the store's lane, to learn that there is no such PIN.
                let login = Login { user_type: UserType::User.into(), pin: Bytes::from_static(b"1234") };
                connection.clone().take(request(id as u64, vault, Op::Login(login))).await;
                taken.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let taken = taken.load(Ordering::Relaxed);
    assert!((1..=4).contains(&taken), "one reply waits, two requests are in flight: {taken}");
    for _ in 0..SENT {
        assert!(outgoing.recv().await.unwrap().is_ok());
    }
    sender.await.unwrap();
}

#[tokio::test]
async fn only_vaults_that_are_there_and_seen_are_listened_to() {
    let (connection, mut outgoing, vault, _dir) = connection(8, 8).await;
    for id in [Id([7; 16]), vault, Id([8; 16])] {
        connection.clone().take(request(1, id, Op::ListTokens(ListTokens {}))).await;
        assert!(outgoing.recv().await.unwrap().is_ok());
    }
    assert_eq!(connection.named.lock().unwrap().iter().copied().collect::<Vec<_>>(), [vault]);
}

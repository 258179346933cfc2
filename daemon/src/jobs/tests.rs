use softkeep_proto::v1::CreateVaultRequest;
use tempfile::TempDir;

use super::*;
use crate::{
    config::Config,
    crypto::AwsLc,
    error::Error,
    keys::{
        catalog::Version,
        initialise,
        ledger::Entry,
        record::{VaultRecord, row},
        seal,
        slot::Slot,
    },
    ops::{Audited, create_vault::CreateVault, delete_vault::DeleteVault},
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, VaultName},
    store::MemoryStore,
    workers::Lane,
};

/// An operation that never works.
struct Broken;

impl Operation for Broken {
    const NAME: &'static str = "test.broken";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Read;
    type Reply = ();

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(_: Authorized<Self>, _: &Unsealed) -> Result<()> {
        Err(Error::new(ErrorCode::Internal, "it never works"))
    }
}

fn pipeline() -> (Arc<Pipeline>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    initialise(&*store, &Slot::KeyFile(dir.path().join("root.key")), seal::random_secret().unwrap()).unwrap();
    let config = Config { data_dir: dir.path().into(), ..Config::default() };
    let pipeline = Arc::new(Pipeline::new(store, Arc::new(AwsLc), &config).unwrap());
    pipeline.unseal_unattended();
    (pipeline, dir)
}

/// A vault that was deleted so long ago that it is due.
async fn long_deleted(pipeline: &Pipeline, name: &str) {
    let request = CreateVaultRequest { name: name.into(), ..CreateVaultRequest::default() };
    let create = CreateVault::parse(request, false).unwrap();
    pipeline.run(Caller::Internal, Door::Internal, create).await.unwrap();
    let delete = DeleteVault(VaultName::Named(name.into()));
    let deleted = pipeline.run(Caller::Internal, Door::Internal, delete).await.unwrap();
    let record = VaultRecord { scheduled_purge: Some(1), ..VaultRecord::clone(&deleted.record) };
    let rooms = pipeline.unsealed().unwrap();
    rooms.keys.write(|_| Ok((vec![Entry::put(row::vault(deleted.id), &record)], ()))).unwrap();
}

fn vaults(pipeline: &Pipeline) -> usize {
    pipeline.unsealed().unwrap().keys.catalog.view().every_vault().count()
}

#[tokio::test]
async fn what_is_due_is_done_and_one_failure_stops_nothing_else() {
    let (pipeline, _dir) = pipeline();
    long_deleted(&pipeline, "first").await;
    long_deleted(&pipeline, "second").await;
    let mut schedule = Schedule::default();
    let mut jobs = vec![Job::new("a", Broken)];
    jobs.extend(list(&pipeline, ops::purge_vault::due, clock::now_seconds()));
    assert_eq!(jobs.len(), 3);
    schedule.run(&pipeline, jobs).await;
    assert_eq!((vaults(&pipeline), schedule.failed.len()), (0, 1));
}

#[tokio::test]
async fn a_job_that_fails_waits_longer_each_time_and_is_forgotten_when_it_is_no_longer_due() {
    let (pipeline, _dir) = pipeline();
    let mut schedule = Schedule::default();
    let mut waits = Vec::new();
    for _ in 0..12 {
        schedule.run(&pipeline, vec![Job::new("a", Broken)]).await;
        let failure = schedule.failed.values_mut().next().unwrap();
        waits.push(failure.back_off.as_secs());
        let again = failure.again;
        assert!(again > Instant::now());
        // Before its time it is left alone.
        schedule.run(&pipeline, vec![Job::new("a", Broken)]).await;
        assert!(schedule.failed.values().all(|failure| failure.again == again));
        schedule.failed.values_mut().for_each(|failure| failure.again = Instant::now());
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    schedule.run(&pipeline, Vec::new()).await;
    assert!(schedule.failed.is_empty());
}

#[tokio::test]
async fn a_sealed_daemon_does_nothing_and_catches_up_at_once_when_it_is_unsealed() {
    let (pipeline, _dir) = pipeline();
    long_deleted(&pipeline, "old").await;
    pipeline.seal("a test");
    assert!(list(&pipeline, ops::purge_vault::due, clock::now_seconds()).is_empty());
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(run(pipeline.clone(), stopped));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let start = Instant::now();
    pipeline.unseal_unattended();
    while vaults(&pipeline) > 0 {
        assert!(start.elapsed() < WAKE_EVERY, "it waited for its next turn");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop.send(true).unwrap();
    running.await.unwrap();
}

//! What the daemon does by itself when its time has come: purging what was deleted long ago, and what other rooms add to [`DUE`].
//! Each job is an operation like any other, run through the pipeline as the daemon itself: authorised, audited, in its lane.
//! What is due is read from the records at each wake-up, so nothing is lost while the daemon is sealed or stopped.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    audit::record::Door,
    clock,
    error::{ErrorCode, Result},
    identity::Caller,
    keys::catalog::View,
    ops::{self, Operation},
    pipeline::Pipeline,
};

/// How late a job may be. Reading what is due costs some milliseconds with a hundred thousand objects.
const WAKE_EVERY: Duration = Duration::from_secs(5);

/// A job that fails waits this long, then twice as long each time, up to [`MAX_BACK_OFF`].
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
/// See [`FIRST_BACK_OFF`].
const MAX_BACK_OFF: Duration = Duration::from_secs(3600);

/// Says what is due at a time (Unix seconds). It only reads, and runs under the catalog's lock.
type Due = fn(&View, i64) -> Vec<Job>;

/// TABLE: everything that may be due. Each row has a loop of its own: ten thousand secrets to purge keep no key from its rotation.
const DUE: &[Due] = &[
    ops::forget_revoked::due,
    ops::purge_vault::due,
    ops::rotate_key::due,
    ops::announce_expiry::due,
    ops::purge_key::due,
    ops::renew_certificate::due,
    ops::announce_certificate::due,
    ops::purge_certificate::due,
    ops::purge_secret::due,
];

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// One thing that is due. Between being listed and being run the world may change: its operation looks again whether it is.
pub struct Job {
    name: String,
    run: Box<dyn FnOnce(Arc<Pipeline>) -> Running + Send>,
}

impl Job {
    /// An operation on something. Both together name the job: what fails under one name waits before it is tried again.
    pub fn new<O: Operation>(object: &str, operation: O) -> Self {
        let run = move |pipeline: Arc<Pipeline>| -> Running {
            Box::pin(async move { pipeline.run(Caller::Internal, Door::Internal, operation).await.map(|_| ()) })
        };
        Self { name: format!("{} {object}", O::NAME), run: Box::new(run) }
    }
}

/// Runs what is due, every few seconds and at once after the daemon was unsealed, until `stop` says so.
pub async fn run(pipeline: Arc<Pipeline>, stop: watch::Receiver<bool>) {
    let mut rows = JoinSet::new();
    for due in DUE {
        rows.spawn(run_row(*due, pipeline.clone(), stop.clone()));
    }
    while let Some(ended) = rows.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "nothing of one kind is done any more until a restart");
        }
    }
}

async fn run_row(due: Due, pipeline: Arc<Pipeline>, mut stop: watch::Receiver<bool>) {
    let mut unsealed = pipeline.seal_reason();
    let mut schedule = Schedule::default();
    loop {
        tokio::select! {
            () = schedule.run(&pipeline, list(&pipeline, due, clock::now_seconds())) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(WAKE_EVERY) => {}
            _ = unsealed.changed() => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// What is due. A sealed daemon has nothing to do.
fn list(pipeline: &Pipeline, due: Due, now: i64) -> Vec<Job> {
    let Ok(rooms) = pipeline.unsealed() else { return Vec::new() };
    let view = rooms.keys.catalog.view();
    due(&view, now)
}

/// What failed, and when it is tried again.
#[derive(Default)]
struct Schedule {
    failed: HashMap<String, Failure>,
}

struct Failure {
    back_off: Duration,
    again: Instant,
}

impl Schedule {
    /// Runs jobs, one after the other, but those that failed a short while ago.
    async fn run(&mut self, pipeline: &Arc<Pipeline>, jobs: Vec<Job>) {
        let names: HashSet<_> = jobs.iter().map(|job| job.name.clone()).collect();
        self.failed.retain(|name, _| names.contains(name));
        for job in jobs {
            if self.failed.get(&job.name).is_some_and(|failure| failure.again > Instant::now()) {
                continue;
            }
            match (job.run)(pipeline.clone()).await {
                Ok(()) => drop(self.failed.remove(&job.name)),
                Err(error) if error.code == ErrorCode::Sealed => return,
                Err(error) => {
                    tracing::warn!(job = job.name, %error, "what was due failed; it is tried again later");
                    self.failed(job.name);
                }
            }
        }
    }

    fn failed(&mut self, name: String) {
        let back_off =
            self.failed.get(&name).map_or(FIRST_BACK_OFF, |failure| (failure.back_off * 2).min(MAX_BACK_OFF));
        self.failed.insert(name, Failure { back_off, again: Instant::now() + back_off });
    }
}

/// What [`run`] does at one wake-up. Returns how much was due.
#[cfg(test)]
pub async fn wake_once(pipeline: &Arc<Pipeline>, now: i64) -> usize {
    let jobs: Vec<_> = DUE.iter().flat_map(|due| list(pipeline, *due, now)).collect();
    let count = jobs.len();
    Schedule::default().run(pipeline, jobs).await;
    count
}

#[cfg(test)]
#[path = "jobs/tests.rs"]
mod tests;

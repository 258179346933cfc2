//! Threads for work that would hold up a connection: RSA, PIN hashing, key generation, writes to the store. Knows nothing of the work.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode, Result};

/// The nice value of threads that callers wait for by the millisecond.
const NICE_NORMAL: i32 = 0;
/// That of threads whose work takes seconds anyway. A core that both want is theirs for a quarter of the time: signatures hardly notice,
/// and keys are made even where signing never stops.
const NICE_BEHIND: i32 = 5;

type Job = Box<dyn FnOnce() + Send>;

/// Jobs a pool may have waiting; beyond that callers are told to try again.
const MAX_QUEUED_JOBS: usize = 8192;

/// Where an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// On the connection's own thread: look-ups, and signatures that cost less than handing them over.
    Inline,
    /// A pool as large as the machine: RSA, PIN hashing.
    Compute,
    /// A pool of its own, so that making a key never delays using one.
    Generate,
    /// Reads and writes of the store.
    Store,
}

/// The pools.
pub struct Workers {
    compute: Sender<Job>,
    generate: Sender<Job>,
    store: Sender<Job>,
}

impl Workers {
    /// Starts the threads; they end when the pools are dropped.
    pub fn start() -> Result<Self> {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            compute: pool("compute", cores, NICE_NORMAL)?,
            generate: pool("generate", cores.div_ceil(2), NICE_BEHIND)?,
            store: pool("store", 4, NICE_NORMAL)?,
        })
    }

    /// Runs work in a lane and waits for it. A panic in it becomes an internal error of this one call.
    pub async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let pool = match lane {
            Lane::Inline => return caught(work),
            Lane::Compute => &self.compute,
            Lane::Generate => &self.generate,
            Lane::Store => &self.store,
        };
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits any more: the caller's deadline passed or its connection went.
            if !done.is_closed() {
                let _ = done.send(caught(work));
            }
        });
        pool.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::new(ErrorCode::Overloaded, "too much work is waiting; try again"),
            TrySendError::Disconnected(_) => Error::new(ErrorCode::Unavailable, "the daemon is stopping"),
        })?;
        result.await.unwrap_or_else(|_| Err(Error::new(ErrorCode::Unavailable, "the daemon is stopping")))
    }
}

fn pool(name: &str, threads: usize, nice: i32) -> Result<Sender<Job>> {
    let (sender, jobs) = bounded::<Job>(MAX_QUEUED_JOBS);
    for number in 0..threads {
        let jobs = jobs.clone();
        let work = move || {
            // On Linux a nice value is a thread's own. Without it the work is done all the same.
            if nice != NICE_NORMAL
                && let Err(cause) = rustix::process::nice(nice)
            {
                tracing::warn!(%cause, "a thread that generates keys has the same priority as those that use them");
            }
            for job in jobs {
                job();
            }
        };
        thread::Builder::new().name(format!("{name}-{number}")).spawn(work).map_err(Error::internal)?;
    }
    Ok(sender)
}

fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Sound to go on: what `work` shares with others is behind locks whose users leave it whole at every step.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("panic")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn generating_gives_way_to_using() {
        let workers = Workers::start().unwrap();
        let nice = || Ok(rustix::process::getpriority_process(None).unwrap());
        assert_eq!(workers.run(Lane::Generate, nice).await.unwrap(), NICE_BEHIND);
        for lane in [Lane::Inline, Lane::Compute, Lane::Store] {
            assert_eq!(workers.run(lane, nice).await.unwrap(), NICE_NORMAL, "{lane:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_fails_one_call_and_the_pool_goes_on() {
        let workers = Workers::start().unwrap();
        for lane in [Lane::Inline, Lane::Compute, Lane::Generate, Lane::Store] {
            let failed = workers.run(lane, || -> Result<()> { panic!("a defect") }).await;
            assert!(failed.is_err_and(|error| error.code == ErrorCode::Internal));
            assert_eq!(workers.run(lane, || Ok(7)).await.unwrap(), 7);
        }
    }
}

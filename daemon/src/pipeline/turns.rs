//! Turns in the lane where keys are made: one peer with a thousand requests must not make all others wait for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    error::{Error, Result},
    identity::Peer,
};

/// Keys of one peer that may be in the making, or waiting for a thread, at a time. Two keep a thread busy; whoever comes after
/// waits for two RSA keys of each other peer, not for a queue.
const MAX_TURNS_PER_PEER: usize = 2;

/// Peers that are remembered though they have nothing under way.
const MAX_IDLE_PEERS: usize = 256;

/// Who is making keys.
#[derive(Default)]
pub(super) struct Turns {
    peers: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Turns {
    /// Waits until the peer may have another key made. Who goes away meanwhile is forgotten; dropping the turn ends it.
    pub(super) async fn take(&self, peer: &Peer) -> Result<OwnedSemaphorePermit> {
        let turns = self.of(peer);
        turns.acquire_owned().await.map_err(|_| Error::internal("a turn that was closed"))
    }

    fn of(&self, peer: &Peer) -> Arc<Semaphore> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_IDLE_PEERS {
            peers.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        peers.entry(peer.name()).or_insert_with(|| Arc::new(Semaphore::new(MAX_TURNS_PER_PEER))).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    fn peer(uid: u32) -> Peer {
        Peer::Unix { uid, pid: None }
    }

    #[tokio::test]
    async fn a_peer_waits_for_its_own_turns_alone() {
        let turns = Turns::default();
        let first = turns.take(&peer(1)).await.unwrap();
        let _second = turns.take(&peer(1)).await.unwrap();
        assert!(timeout(SOON, turns.take(&peer(1))).await.is_err(), "a third at a time");
        assert!(timeout(SOON, turns.take(&peer(2))).await.is_ok(), "another peer waits");
        drop(first);
        assert!(timeout(SOON, turns.take(&peer(1))).await.is_ok(), "a turn that ended is free");
    }

    #[tokio::test]
    async fn peers_with_nothing_under_way_are_forgotten() {
        let turns = Turns::default();
        let kept = turns.take(&peer(0)).await.unwrap();
        for uid in 1..2000 {
            drop(turns.take(&peer(uid)).await.unwrap());
        }
        let peers = turns.peers.lock().unwrap().len();
        assert!(peers <= MAX_IDLE_PEERS, "{peers}");
        drop(kept);
    }
}

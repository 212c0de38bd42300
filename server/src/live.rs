//! Who watches what: after each commit the store hands the new events, already serialised, to the watchers of that run.
//!
//! A watcher subscribes first, reads the log from its own position, then goes on with what arrives here. The ring is bounded: whoever
//! falls out of it, or meets a gap, reads the log again from where it stands. So nobody misses, doubles or holds up anything.

use axum::extract::ws::Utf8Bytes;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// Batches kept for the watchers of one run.
const RING: usize = 256;

/// Events that one commit added to the log of one run.
#[derive(Debug, Clone)]
pub struct Told {
    /// The run.
    pub run_id: Uuid,
    /// Number of the first of them.
    pub first_seq: i64,
    /// Their texts, in order.
    pub events: Arc<[Utf8Bytes]>,
}

impl Told {
    /// Number of the last of them.
    pub fn last_seq(&self) -> i64 {
        self.first_seq + self.events.len() as i64 - 1
    }
}

/// The watchers of all runs.
#[derive(Debug)]
pub struct Live {
    runs: Mutex<HashMap<Uuid, broadcast::Sender<Told>>>,
    all: broadcast::Sender<Arc<[Told]>>,
    /// Marks this server among those behind one PostgreSQL.
    pub server: Uuid,
    /// Told when a run may have become ready to lease.
    pub queue: Notify,
    /// Told when a share was revoked.
    pub shares: Notify,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            all: broadcast::channel(RING).0,
            server: Uuid::new_v4(),
            queue: Notify::new(),
            shares: Notify::new(),
        }
    }
}

impl Live {
    /// Watches one run.
    pub fn watch(self: &Arc<Self>, run_id: Uuid) -> Watch {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = runs.entry(run_id).or_insert_with(|| broadcast::channel(RING).0);
        Watch { receiver: Some(sender.subscribe()), run_id, live: self.clone() }
    }

    /// Watches every run.
    pub fn watch_all(&self) -> broadcast::Receiver<Arc<[Told]>> {
        self.all.subscribe()
    }

    /// How many watch single runs, and how many watch all.
    pub fn count_watchers(&self) -> (usize, usize) {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        (runs.values().map(broadcast::Sender::receiver_count).sum(), self.all.receiver_count())
    }

    /// Whether anybody would hear of this run.
    pub fn is_watched(&self, run_id: Uuid) -> bool {
        self.all.receiver_count() > 0 || self.runs.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&run_id)
    }

    /// Tells the watchers what was committed.
    pub fn tell(&self, told: Told) {
        self.tell_many(vec![told]);
    }

    /// Tells what one commit added to the logs of many runs. It is one piece of news to those who watch every run, so that they do not
    /// fall out of the ring for it.
    pub fn tell_many(&self, mut told: Vec<Told>) {
        told.retain(|one| !one.events.is_empty());
        if told.is_empty() {
            return;
        }
        // Sending fails only when nobody listens, which is no fault.
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for one in &told {
            if let Some(sender) = runs.get(&one.run_id) {
                let _ = sender.send(one.clone());
            }
        }
        drop(runs);
        let _ = self.all.send(told.into());
    }
}

/// A subscription to one run; the last one to go takes the channel with it.
pub struct Watch {
    receiver: Option<broadcast::Receiver<Told>>,
    run_id: Uuid,
    live: Arc<Live>,
}

impl Watch {
    /// The next batch, in the order of sending. `Err` where this watcher fell out of the ring and must read the log again.
    pub async fn next(&mut self) -> Result<Told, broadcast::error::RecvError> {
        match &mut self.receiver {
            Some(receiver) => receiver.recv().await,
            None => Err(broadcast::error::RecvError::Closed),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.receiver = None;
        let mut runs = self.live.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.get(&self.run_id).is_some_and(|sender| sender.receiver_count() == 0) {
            runs.remove(&self.run_id);
        }
    }
}

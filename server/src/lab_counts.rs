//! How many workers and runs there are, told to those who watch when it changes: pages need not ask again and again.

use crate::{
    clock::now_ms,
    store::{Store, StoreError},
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;
use worker::protocol::LEASE_MS;

/// How often the database is asked while somebody watches.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Workers and runs in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LabCounts {
    /// Workers.
    pub workers: WorkerCounts,
    /// Runs.
    pub runs: RunCounts,
}

/// How many workers there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WorkerCounts {
    /// Called within the last 30 s.
    pub online: usize,
    /// Hold a run.
    pub busy: usize,
}

/// How many runs wait and run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunCounts {
    /// Waiting.
    pub queued: i64,
    /// Running.
    pub running: i64,
}

impl LabCounts {
    /// The counts now.
    pub async fn of(store: &Store) -> Result<Self, StoreError> {
        let workers = store.list_workers(now_ms() - LEASE_MS, Uuid::nil(), 500).await?;
        let (queued, running) = store.count_active_runs().await?;
        let busy = workers.iter().filter(|worker| worker.run_id.is_some()).count();
        Ok(Self { workers: WorkerCounts { online: workers.len(), busy }, runs: RunCounts { queued, running } })
    }
}

/// The counts as they change. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LabNews(Arc<News>);

#[derive(Debug)]
struct News {
    counts: watch::Sender<Option<LabCounts>>,
    /// Told when somebody new watches.
    come: Notify,
}

impl Default for LabNews {
    fn default() -> Self {
        Self(Arc::new(News { counts: watch::channel(None).0, come: Notify::new() }))
    }
}

impl LabNews {
    /// The counts from now on; the first is there as soon as the database has been asked.
    pub fn watch(&self) -> watch::Receiver<Option<LabCounts>> {
        let News { counts, come } = &*self.0;
        if counts.receiver_count() == 0 {
            // Nobody has looked for a while, so what is known is old.
            counts.send_replace(None);
        }
        let mut watch = counts.subscribe();
        watch.mark_changed();
        come.notify_one();
        watch
    }

    /// Looks again and again while somebody watches, for all of them once.
    pub async fn keep(&self, store: &Store, stop: &CancellationToken) {
        let News { counts, come } = &*self.0;
        loop {
            let wait = async {
                match counts.receiver_count() {
                    0 => come.notified().await,
                    _ => drop(tokio::time::timeout(LOOK_AGAIN, come.notified()).await),
                }
            };
            if stop.run_until_cancelled(wait).await.is_none() {
                return;
            }
            match LabCounts::of(store).await {
                Ok(now) => {
                    counts.send_if_modified(|known| {
                        let is_new = known.as_ref() != Some(&now);
                        *known = Some(now);
                        is_new
                    });
                }
                Err(error) => tracing::warn!(%error, "workers and runs could not be counted"),
            }
        }
    }
}

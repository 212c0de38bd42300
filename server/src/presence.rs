//! When workers were last heard of: every call counts, but only one in a while is written down.

use crate::store::Store;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;
use worker::protocol::LEASE_MS;

/// Calls of one lease within this time are one write.
const PAUSE_MS: i64 = 5_000;

/// When the worker of each lease was last written down, ms since 1970. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Mutex<HashMap<Uuid, i64>>>);

impl Presence {
    /// Notes that the worker that holds this lease has called. A failure is only logged: the call itself was served.
    pub async fn note(&self, store: &Store, run_id: Uuid, lease_token: Uuid, now_ms: i64) {
        if !self.is_due(lease_token, now_ms) {
            return;
        }
        if let Err(error) = store.touch_holder(run_id, lease_token, now_ms).await {
            tracing::warn!(%error, %run_id, "a worker's call could not be noted");
        }
    }

    fn is_due(&self, lease_token: Uuid, now_ms: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&lease_token).is_some_and(|last| now_ms < last + PAUSE_MS) {
            return false;
        }
        // Leases that have ended say nothing more, so what is kept is bounded by those that stand.
        noted.retain(|_, last| now_ms < *last + LEASE_MS);
        noted.insert(lease_token, now_ms);
        true
    }
}

//! Following one run's event log: first the past from the database, then the present as it is committed, every event once and in order.

use crate::{
    live::Watch,
    store::{Store, StoreError},
};
use axum::extract::ws::Utf8Bytes;
use std::collections::VecDeque;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

/// Text read from the log at a time.
const READ_BYTES: usize = 64 << 10;

/// A place in a run's log that moves forward.
pub struct Follower {
    store: Store,
    run_id: Uuid,
    watch: Watch,
    position: i64,
    ready: VecDeque<(i64, Utf8Bytes)>,
    /// Whether the log may hold more than what has been read and heard.
    behind: bool,
    ended: bool,
}

impl Follower {
    /// Follows the log after event number `after`. Subscribes first, so that nothing falls between past and present.
    pub fn new(store: &Store, run_id: Uuid, after: i64) -> Self {
        let watch = store.live.watch(run_id);
        Self { store: store.clone(), run_id, watch, position: after, ready: VecDeque::new(), behind: true, ended: false }
    }

    /// The next event with its number; `None` once the terminal status has been given, or the run is gone. Safe to drop while it waits.
    pub async fn next(&mut self) -> Result<Option<(i64, Utf8Bytes)>, StoreError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some((seq, text)) = self.ready.pop_front() {
                self.position = seq;
                self.ended = is_terminal(&text);
                return Ok(Some((seq, text)));
            }
            if self.behind {
                // Boxed, so that only who reads the log holds the memory to do it: most viewers wait for what comes.
                Box::pin(self.read_log()).await?;
                continue;
            }
            match self.watch.next().await {
                Ok(told) if told.last_seq() <= self.position => {}
                Ok(told) if told.first_seq > self.position + 1 => self.behind = true,
                Ok(told) => {
                    let skip = (self.position + 1 - told.first_seq) as usize;
                    self.ready.extend((told.first_seq..).zip(told.events.iter().cloned()).skip(skip));
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}

impl Follower {
    /// Takes in the next part of the stored log.
    async fn read_log(&mut self) -> Result<(), StoreError> {
        let events = self.store.list_events(self.run_id, self.position, READ_BYTES).await?;
        self.behind = !events.is_empty();
        self.ready = events.into();
        if !self.behind {
            let run = self.store.find_run(self.run_id).await?;
            self.ended = run.is_none_or(|run| run.status.is_terminal() && run.last_seq <= self.position);
        }
        Ok(())
    }
}

/// Whether an event is the end of its log. Events are written by this server with `type` and `status` third and fourth.
fn is_terminal(text: &str) -> bool {
    let Some((_, rest)) = text.split_once(r#""type":"status","status":""#) else { return false };
    let head_is_ours = text.find(r#""type":"#) == text.find(r#""type":"status","status":""#);
    head_is_ours && ["succeeded\"", "failed\"", "cancelled\""].iter().any(|word| rest.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::is_terminal;

    #[test]
    fn only_a_terminal_status_ends_a_log() {
        assert!(is_terminal(r#"{"seq":3,"time":"t","type":"status","status":"failed","reason":null,"attempt":1}"#));
        assert!(!is_terminal(r#"{"seq":3,"time":"t","type":"status","status":"running","reason":"failed","attempt":1}"#));
        assert!(!is_terminal(r#"{"seq":3,"time":"t","type":"log","level":"info","message":"\"type\":\"status\",\"status\":\"failed\""}"#));
    }
}

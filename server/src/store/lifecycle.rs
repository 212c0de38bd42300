//! How runs change state: what people ask for (cancel, pause, resume) and how a worker ends its lease.

use super::{
    RunRow, RunStatus, Store, StoreError,
    events::{Event, NewEvents, WriteEvents},
    in_transaction,
    recent::FoldPoints,
    runs::{sort_key, to_json},
};
use crate::claims::Verdict;
use lab::json::Number;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Why a run does not change its state.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such run.
    #[error("there is no run {0}")]
    NotFound(Uuid),
    /// There is no such sweep.
    #[error("there is no sweep {0}")]
    NoSweep(Uuid),
    /// Its state does not allow it; the text says why.
    #[error("{0}")]
    NotAllowed(String),
    /// Another worker, or nobody, holds it.
    #[error("the lease of run {0} is lost")]
    LeaseLost(Uuid),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// How a lease ends, as the server has judged it.
#[derive(Debug, Clone)]
pub enum Ended {
    /// With a summary and the verdicts on it.
    Succeeded {
        /// Summary numbers.
        summary: BTreeMap<String, Number>,
        /// Verdicts.
        claims: Vec<Verdict>,
    },
    /// With a reason.
    Failed(String),
    /// As asked for.
    Cancelled,
    /// As asked for.
    Paused,
    /// Back to the queue, with the reason.
    HandedBack(String),
}

/// What a person asks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Cancel,
    Pause,
    Resume,
}

#[derive(sqlx::FromRow)]
struct Held {
    status: RunStatus,
    requested: Option<String>,
    attempt: i64,
    last_seq: i64,
}

impl Store {
    /// Cancels a run: at once where no worker holds it, else as soon as the worker obeys. Cancelling twice is no error.
    pub async fn cancel_run(&self, id: Uuid, now_ms: i64) -> Result<RunRow, ChangeError> {
        self.wish(id, Wish::Cancel, now_ms).await
    }

    /// Pauses a run: at once where no worker holds it, else as soon as the worker has stored a checkpoint. Pausing twice is no error.
    pub async fn pause_run(&self, id: Uuid, now_ms: i64) -> Result<RunRow, ChangeError> {
        self.wish(id, Wish::Pause, now_ms).await
    }

    /// Queues a paused run again, or takes back a pause that no worker has obeyed yet.
    pub async fn resume_run(&self, id: Uuid, now_ms: i64) -> Result<RunRow, ChangeError> {
        self.wish(id, Wish::Resume, now_ms).await
    }

    async fn wish(&self, id: Uuid, wish: Wish, now_ms: i64) -> Result<RunRow, ChangeError> {
        use RunStatus::{Cancelled, Paused, Queued, Running};
        const LOCK: &str = "UPDATE runs SET last_seq = last_seq WHERE id = $1 RETURNING status, requested, attempt, last_seq";
        const MOVE: &str = "UPDATE runs SET status = $2, status_reason = NULL, last_seq = $3, finished_at_ms = $4 WHERE id = $1";
        let told = in_transaction!(self, tx => {
            let held: Option<Held> = sqlx::query_as(LOCK).bind(id).fetch_optional(&mut *tx).await?;
            let Some(held) = held else { return Err(ChangeError::NotFound(id)) };
            let mut events = NewEvents::after(id, held.last_seq, now_ms);
            let change = match (wish, held.status) {
                (Wish::Cancel, Cancelled) | (Wish::Pause, Paused) => Ok((None, None)),
                (Wish::Cancel, Queued | Paused) => Ok((Some(Cancelled), None)),
                (Wish::Pause, Queued) => Ok((Some(Paused), None)),
                (Wish::Resume, Paused) => Ok((Some(Queued), None)),
                (Wish::Cancel, Running) => Ok((None, Some(Some("cancel")))),
                (Wish::Pause, Running) if held.requested.as_deref() == Some("cancel") => Err("it is being cancelled".to_owned()),
                (Wish::Pause, Running) => Ok((None, Some(Some("pause")))),
                (Wish::Resume, Running) if held.requested.as_deref() == Some("pause") => Ok((None, Some(None))),
                (wish, status) => {
                    let (verb, rule) = match wish {
                        Wish::Cancel => ("cancelled", "only a queued, running or paused run can be"),
                        Wish::Pause => ("paused", "only a queued or running run can be"),
                        Wish::Resume => ("resumed", "only a paused run can be"),
                    };
                    Err(format!("it is {}; it cannot be {verb}: {rule}", status.word()))
                }
            };
            let (to, requested) = match change {
                Ok(change) => change,
                Err(reason) => {
                    // Here and not whenever the connection is used again: until then a worker that asks would skip the locked run.
                    tx.rollback().await?;
                    return Err(ChangeError::NotAllowed(reason));
                }
            };
            if let Some(requested) = requested {
                sqlx::query("UPDATE runs SET requested = $2 WHERE id = $1").bind(id).bind(requested).execute(&mut *tx).await?;
            }
            if let Some(to) = to {
                events.push(&Event::Status { status: to, reason: None, attempt: held.attempt })?;
                tx.write_events(&events, self.live.server).await?;
                sqlx::query(MOVE).bind(id).bind(to).bind(events.last_seq()).bind(to.is_terminal().then_some(now_ms)).execute(&mut *tx).await?;
            }
            events.told()
        });
        self.live.tell(told);
        if wish == Wish::Resume {
            self.live.queue.notify_waiters();
        }
        self.find_run(id).await?.ok_or(ChangeError::NotFound(id))
    }

    /// Ends a lease as the worker says. Fails with `LeaseLost` when another worker has taken the run over; the caller then drops its result.
    pub async fn finish_run(&self, id: Uuid, lease_token: Uuid, ended: &Ended, now_ms: i64) -> Result<(), ChangeError> {
        const LOCK: &str =
            "UPDATE runs SET last_seq = last_seq WHERE id = $1 AND lease_token = $2 RETURNING status, requested, attempt, last_seq";
        const END: &str = "UPDATE runs SET status = $2, status_reason = $3, requested = NULL, lease_token = NULL, lease_until_ms = NULL, \
            worker_id = NULL, deaths = 0, eta_ms = NULL, last_seq = $4, finished_at_ms = $5, summary = $6, claims = $7, \
            progress_step = CASE WHEN $2 = 'succeeded' THEN COALESCE(progress_total, progress_step) ELSE progress_step END WHERE id = $1";
        let empty = (BTreeMap::new(), Vec::new());
        let told = in_transaction!(self, tx => {
            let held: Option<Held> = sqlx::query_as(LOCK).bind(id).bind(lease_token).fetch_optional(&mut *tx).await?;
            let Some(held) = held else { return Err(ChangeError::LeaseLost(id)) };
            let cancelled = held.requested.as_deref() == Some("cancel");
            let (status, reason) = match ended {
                Ended::Succeeded { .. } => (RunStatus::Succeeded, None),
                Ended::Failed(reason) => (RunStatus::Failed, Some(reason.as_str())),
                Ended::Cancelled => (RunStatus::Cancelled, None),
                Ended::Paused | Ended::HandedBack(_) if cancelled => (RunStatus::Cancelled, None),
                Ended::Paused => (RunStatus::Paused, None),
                Ended::HandedBack(_) if held.requested.as_deref() == Some("pause") => (RunStatus::Paused, None),
                Ended::HandedBack(reason) => (RunStatus::Queued, Some(reason.as_str())),
            };
            let (summary, claims) = match ended {
                Ended::Succeeded { summary, claims } => (summary, claims),
                _ => (&empty.0, &empty.1),
            };
            let mut events = NewEvents::after(id, held.last_seq, now_ms);
            if status == RunStatus::Succeeded {
                events.push(&Event::Summary { summary, claims })?;
            }
            events.push(&Event::Status { status, reason, attempt: held.attempt })?;
            tx.write_events(&events, self.live.server).await?;
            tx.fold_points(id).await?;
            sqlx::query(END).bind(id).bind(status).bind(reason).bind(events.last_seq()).bind(status.is_terminal().then_some(now_ms))
                .bind(to_json(summary)?).bind(to_json(claims)?).execute(&mut *tx).await?;
            for (name, Number(value)) in summary {
                match sort_key(*value) {
                    Some(key) => sqlx::query("INSERT INTO summary_values (name, run_id, sort_key) VALUES ($1, $2, $3)")
                        .bind(name).bind(id).bind(key).execute(&mut *tx).await?,
                    None => sqlx::query("INSERT INTO summary_nans (name, run_id) VALUES ($1, $2)")
                        .bind(name).bind(id).execute(&mut *tx).await?,
                };
            }
            events.told()
        });
        self.heads.take(id);
        self.live.tell(told);
        self.live.queue.notify_waiters();
        Ok(())
    }

    /// The runs of these ids, in this order; absent ones are left out.
    pub async fn list_runs_by_id(&self, ids: &[Uuid]) -> Result<Vec<RunRow>, StoreError> {
        let mut runs = Vec::with_capacity(ids.len());
        for id in ids {
            runs.extend(self.find_run(*id).await?);
        }
        Ok(runs)
    }
}

//! Queueing one run: a new one, one that repeats another, or one that goes on from a checkpoint of another.

use super::{
    CheckpointRow, RunRow, RunStatus, Store, StoreError,
    append::INSERT_LOG,
    checkpoints::INSERT_CHECKPOINT,
    events::{Event, NewEvents, WriteEvents},
    in_transaction, on_each,
    runs::{INSERT_TAG, to_json},
};
use lab::record::Level;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A run about to be queued.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the contract describes every field of a run")]
pub struct NewRun {
    pub experiment: String,
    pub preset: String,
    pub name: String,
    pub project: String,
    pub created_by: String,
    pub config: Map<String, Value>,
    pub seed: i64,
    pub device: String,
    pub priority: i64,
    pub tags: Vec<String>,
    pub note: String,
    pub parent_id: Option<Uuid>,
}

/// What a run that comes of another takes from it.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// What its log says of it first.
    pub told: Option<String>,
    /// The sweep that it joins, and its cell there.
    pub sweep: Option<(Uuid, i64)>,
    /// The checkpoint that it goes on from.
    pub fork: Option<Fork>,
}

/// Where a fork goes on from.
#[derive(Debug, Clone)]
pub struct Fork {
    /// The fork's own id, under which the checkpoint's bytes are stored.
    pub id: Uuid,
    /// The run whose first steps are the fork's.
    pub from: Uuid,
    /// The fork's own copy of the checkpoint.
    pub checkpoint: CheckpointRow,
}

impl Store {
    /// Queues a run; its log begins with `status: queued`.
    pub async fn enqueue_run(&self, new: &NewRun, now_ms: i64) -> Result<RunRow, StoreError> {
        self.enqueue_from(new, &Origin::default(), now_ms).await
    }

    /// Queues a run that comes of another; its log begins with `status: queued` and says where it comes from.
    pub async fn enqueue_from(&self, new: &NewRun, origin: &Origin, now_ms: i64) -> Result<RunRow, StoreError> {
        const INSERT: &str = "INSERT INTO runs (id, experiment, preset, name, project, created_by, config, seed, device, priority, tags, note, \
            parent_id, sweep_id, sweep_cell, forked_from, forked_step, progress_step, next_ordinal, status, last_seq, engram_version, created_at_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 'queued', $20, $21, $22)";
        let fork = origin.fork.as_ref();
        let id = fork.map_or_else(Uuid::now_v7, |fork| fork.id);
        let step = fork.map(|fork| fork.checkpoint.step);
        let (config, tags) = (to_json(&new.config)?, to_json(&new.tags)?);
        let mut events = NewEvents::after(id, 0, now_ms);
        events.push(&Event::Status { status: RunStatus::Queued, reason: None, attempt: 0 })?;
        let line = origin.told.as_deref().map(|message| (events.next_seq(), message));
        if let Some((_, message)) = line {
            events.push(&Event::Log { level: Level::Info, message })?;
        }
        in_transaction!(self, tx => {
            sqlx::query(INSERT)
                .bind(id).bind(&new.experiment).bind(&new.preset).bind(&new.name).bind(&new.project).bind(&new.created_by)
                .bind(&config).bind(new.seed).bind(&new.device).bind(new.priority).bind(&tags).bind(&new.note)
                .bind(new.parent_id).bind(origin.sweep.map(|(sweep, _)| sweep)).bind(origin.sweep.map(|(_, cell)| cell))
                .bind(fork.map(|fork| fork.from)).bind(step).bind(step.unwrap_or(0)).bind(fork.map_or(1, |fork| fork.checkpoint.next_ordinal))
                .bind(events.last_seq()).bind(worker::VERSION).bind(now_ms)
                .execute(&mut *tx).await?;
            if let Some(Fork { checkpoint, .. }) = fork {
                sqlx::query(INSERT_CHECKPOINT).bind(checkpoint.id).bind(id).bind(checkpoint.next_ordinal).bind(checkpoint.step)
                    .bind(checkpoint.bytes).bind(&checkpoint.sha256).bind(&checkpoint.engram_version).bind(now_ms)
                    .execute(&mut *tx).await?;
            }
            for tag in &new.tags {
                sqlx::query(INSERT_TAG).bind(tag).bind(id).execute(&mut *tx).await?;
            }
            if let Some((seq, message)) = line {
                sqlx::query(INSERT_LOG).bind(id).bind(seq).bind(now_ms).bind("info").bind(message).execute(&mut *tx).await?;
            }
            tx.write_events(&events, self.live.server).await?;
        });
        self.live.tell(events.told());
        self.live.queue.notify_waiters();
        self.find_run(id).await?.ok_or_else(|| StoreError::Damaged(format!("run {id} is not there after it was queued")))
    }

    /// A run of the same cell and seed as this one of a sweep that has not failed and was not cancelled.
    pub async fn find_repeat_in_sweep(&self, run: &RunRow) -> Result<Option<Uuid>, StoreError> {
        const SQL: &str = "SELECT id FROM runs WHERE sweep_id = $1 AND sweep_cell = $2 AND seed = $3 AND id <> $4 \
            AND status NOT IN ('failed', 'cancelled') ORDER BY id LIMIT 1";
        Ok(on_each!(self, read, pool => {
            sqlx::query_scalar(SQL).bind(run.sweep_id).bind(run.sweep_cell).bind(run.seed).bind(run.id).fetch_optional(pool).await
        })?)
    }
}

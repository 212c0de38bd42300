//! Sweeps: the runs of every cell of a grid with every seed, made in one transaction, listed, counted and cancelled together.

use super::{
    ChangeError, RunRow, RunStatus, Store, StoreError,
    events::{Event, NewEvents, WriteEvents},
    in_transaction, on_each,
    runs::{COLUMNS, read_json, to_json},
};
use crate::{grid::Cells, live::Told};
use lab::json::Number;
use serde_json::{Map, Value};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Rows of one INSERT; PostgreSQL takes 65,535 values a statement, SQLite 32,766.
const ROWS_PER_INSERT: usize = 2_000;

/// A sweep as stored. JSON columns are text here; the methods read them.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs, reason = "the contract describes every field of a sweep")]
pub struct SweepRow {
    pub id: Uuid,
    pub experiment: String,
    pub preset: String,
    pub name: String,
    pub project: String,
    pub created_by: String,
    pub config: String,
    pub grid: String,
    pub seeds: String,
    pub device: String,
    pub priority: i64,
    pub tags: String,
    pub max_parallel: Option<i64>,
    pub created_at_ms: i64,
}

impl SweepRow {
    /// The fields given beside the grid.
    pub fn config(&self) -> Result<Map<String, Value>, StoreError> {
        read_json(&self.config, "config", self.id)
    }

    /// The grid as it was given, fields with lists of values; empty where its cells were listed.
    pub fn grid(&self) -> Result<Map<String, Value>, StoreError> {
        match read_json(&self.grid, "grid", self.id)? {
            Value::Object(fields) => Ok(fields),
            _ => Ok(Map::new()),
        }
    }

    /// Its cells.
    pub fn cells(&self) -> Result<Cells, StoreError> {
        Ok(Cells::of(&read_json(&self.grid, "grid", self.id)?))
    }

    /// The seeds of every cell.
    pub fn seeds(&self) -> Result<Vec<i64>, StoreError> {
        read_json(&self.seeds, "seeds", self.id)
    }

    /// The tags of its runs.
    pub fn tags(&self) -> Result<Vec<String>, StoreError> {
        read_json(&self.tags, "tags", self.id)
    }
}

/// A sweep about to be made.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the contract describes every field of a sweep")]
pub struct NewSweep {
    pub experiment: String,
    pub preset: String,
    pub name: String,
    pub project: String,
    pub created_by: String,
    /// The fields given beside the grid.
    pub config: Map<String, Value>,
    /// The grid, or the list of cells, as it was given.
    pub grid: Value,
    /// The complete config of every cell, in the order of the grid.
    pub cells: Vec<Map<String, Value>>,
    pub seeds: Vec<i64>,
    pub device: String,
    pub priority: i64,
    pub tags: Vec<String>,
    pub max_parallel: Option<i64>,
}

/// How many runs are in each state.
#[derive(Debug, Clone, Default)]
pub struct StateCounts(HashMap<RunStatus, i64>);

impl StateCounts {
    /// Counts `count` more runs in this state.
    pub fn add(&mut self, status: RunStatus, count: i64) {
        *self.0.entry(status).or_default() += count;
    }

    /// Runs in this state.
    pub fn of(&self, status: RunStatus) -> i64 {
        self.0.get(&status).copied().unwrap_or(0)
    }

    /// Runs in any state.
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }
}

/// What a sweep's table needs of one of its runs.
#[derive(Debug, Clone)]
pub struct SweepRun {
    /// Its cell, in the order of the grid.
    pub cell: usize,
    /// Its state.
    pub status: RunStatus,
    summary: String,
}

impl SweepRun {
    /// Its summary numbers. Errors: the stored text is damaged.
    pub fn summary(&self) -> Result<BTreeMap<String, Number>, StoreError> {
        serde_json::from_str(&self.summary).map_err(|error| StoreError::Damaged(format!("a summary: {error}")))
    }
}

impl Store {
    /// Makes a sweep and queues all its runs, seeds outermost, in one transaction. Each run's log begins with `status: queued`.
    pub async fn add_sweep(&self, new: &NewSweep, now_ms: i64) -> Result<SweepRow, StoreError> {
        const SWEEP: &str = "INSERT INTO sweeps (id, experiment, preset, name, project, created_by, config, grid, seeds, device, priority, \
            tags, max_parallel, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        const LOGS: &str =
            "INSERT INTO event_batches (run_id, last_seq, first_seq, body) SELECT id, 1, 1, $2 FROM runs WHERE sweep_id = $1";
        const TAG: &str = "INSERT INTO run_tags (tag, run_id) SELECT $1, id FROM runs WHERE sweep_id = $2";
        let id = Uuid::now_v7();
        let json = (to_json(&new.config)?, to_json(&new.grid)?, to_json(&new.seeds)?, to_json(&new.tags)?);
        let configs: Vec<String> = new.cells.iter().map(to_json).collect::<Result<_, _>>()?;
        let cells = || (0i64..).zip(&configs);
        // Version 7 ids ascend as they are made, and the queue serves an owner's runs in the order of their ids.
        let runs: Vec<(Uuid, i64, i64, &String)> =
            new.seeds.iter().flat_map(|seed| cells().map(|(cell, config)| (Uuid::now_v7(), *seed, cell, config))).collect();
        // An event does not name its run, so the logs of all begin with the same bytes.
        let mut first = NewEvents::after(Uuid::nil(), 0, now_ms);
        first.push(&Event::Status { status: RunStatus::Queued, reason: None, attempt: 0 })?;
        let body = first.body();
        in_transaction!(self, tx => {
            sqlx::query(SWEEP)
                .bind(id).bind(&new.experiment).bind(&new.preset).bind(&new.name).bind(&new.project).bind(&new.created_by)
                .bind(&json.0).bind(&json.1).bind(&json.2).bind(&new.device).bind(new.priority).bind(&json.3)
                .bind(new.max_parallel).bind(now_ms)
                .execute(&mut *tx).await?;
            for rows in runs.chunks(ROWS_PER_INSERT) {
                let mut query = QueryBuilder::new("WITH made (id, seed, cell, config) AS (");
                query.push_values(rows, |mut row, (id, seed, cell, config)| {
                    row.push_bind(*id).push_bind(*seed).push_bind(*cell).push_bind(config.as_str());
                });
                query.push(") INSERT INTO runs (id, experiment, preset, name, project, created_by, config, seed, device, priority, tags, note, \
                    sweep_id, sweep_cell, status, last_seq, engram_version, created_at_ms) \
                    SELECT made.id, s.experiment, s.preset, s.name, s.project, s.created_by, made.config, made.seed, s.device, s.priority, \
                    s.tags, '', s.id, made.cell, 'queued', 1, ");
                query.push_bind(worker::VERSION).push(", s.created_at_ms FROM made CROSS JOIN sweeps s WHERE s.id = ").push_bind(id);
                query.build().execute(&mut *tx).await?;
            }
            sqlx::query(LOGS).bind(id).bind(&body).execute(&mut *tx).await?;
            for tag in &new.tags {
                sqlx::query(TAG).bind(tag).bind(id).execute(&mut *tx).await?;
            }
            tx.announce_sweep(id, self.live.server).await?;
        });
        let told = first.told();
        self.live.tell_many(runs.iter().map(|(run_id, ..)| Told { run_id: *run_id, ..told.clone() }).collect());
        self.live.queue.notify_waiters();
        self.find_sweep(id).await?.ok_or_else(|| StoreError::Damaged(format!("sweep {id} is not there after it was made")))
    }

    /// The sweep of this id.
    pub async fn find_sweep(&self, id: Uuid) -> Result<Option<SweepRow>, StoreError> {
        Ok(on_each!(self, read, pool => sqlx::query_as("SELECT * FROM sweeps WHERE id = $1").bind(id).fetch_optional(pool).await)?)
    }

    /// A page of sweeps older than `before`, newest first.
    pub async fn list_sweeps(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<SweepRow>, StoreError> {
        const SQL: &str = "SELECT * FROM sweeps WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(before).bind(limit).fetch_all(pool).await)?)
    }

    /// How many runs of a sweep are in each state.
    pub async fn count_sweep_runs(&self, id: Uuid) -> Result<StateCounts, StoreError> {
        const SQL: &str = "SELECT status, COUNT(*) FROM runs WHERE sweep_id = $1 GROUP BY status";
        let rows: Vec<(RunStatus, i64)> = on_each!(self, read, pool => sqlx::query_as(SQL).bind(id).fetch_all(pool).await)?;
        let mut counts = StateCounts::default();
        rows.into_iter().for_each(|(status, count)| counts.add(status, count));
        Ok(counts)
    }

    /// All runs of a sweep, in the order they were made, with what its table shows of them.
    pub async fn list_sweep_runs(&self, id: Uuid) -> Result<Vec<SweepRun>, StoreError> {
        const SQL: &str = "SELECT COALESCE(sweep_cell, 0), status, summary FROM runs WHERE sweep_id = $1 ORDER BY id";
        let rows: Vec<(i64, RunStatus, String)> = on_each!(self, read, pool => sqlx::query_as(SQL).bind(id).fetch_all(pool).await)?;
        Ok(rows.into_iter().map(|(cell, status, summary)| SweepRun { cell: cell as usize, status, summary }).collect())
    }

    /// The first runs of a sweep, in the order they were made.
    pub async fn list_first_runs_of_sweep(&self, id: Uuid, limit: i64) -> Result<Vec<RunRow>, StoreError> {
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM runs WHERE sweep_id = ").push_bind(id).push(" ORDER BY id LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(pool).await
        })?)
    }

    /// Cancels every run of a sweep that has not ended: at once where no worker holds it, else as soon as the worker obeys.
    pub async fn cancel_sweep(&self, id: Uuid, now_ms: i64) -> Result<SweepRow, ChangeError> {
        // PostgreSQL only: no run changes between the two statements below, and two cancels take the runs in the same order.
        const LOCK: &str = "SELECT id FROM runs WHERE sweep_id = $1 AND status IN ('queued', 'paused', 'running') ORDER BY id FOR UPDATE";
        const CANCEL: &str = "UPDATE runs SET status = 'cancelled', status_reason = NULL, last_seq = last_seq + 1, finished_at_ms = $2 \
            WHERE sweep_id = $1 AND status IN ('queued', 'paused') RETURNING id, last_seq, attempt";
        const ASK: &str = "UPDATE runs SET requested = 'cancel' WHERE sweep_id = $1 AND status = 'running'";
        let sweep = self.find_sweep(id).await?.ok_or(ChangeError::NoSweep(id))?;
        let postgres = matches!(self.database, super::Database::Postgres(_));
        let ended = in_transaction!(self, tx => {
            if postgres {
                sqlx::query(LOCK).bind(id).execute(&mut *tx).await?;
            }
            sqlx::query(ASK).bind(id).execute(&mut *tx).await?;
            let rows: Vec<(Uuid, i64, i64)> = sqlx::query_as(CANCEL).bind(id).bind(now_ms).fetch_all(&mut *tx).await?;
            let mut ended = Vec::with_capacity(rows.len());
            for (run_id, last_seq, attempt) in rows {
                let mut events = NewEvents::after(run_id, last_seq - 1, now_ms);
                events.push(&Event::Status { status: RunStatus::Cancelled, reason: None, attempt })?;
                ended.push((run_id, last_seq, events));
            }
            for rows in ended.chunks(ROWS_PER_INSERT) {
                let mut query = QueryBuilder::new("INSERT INTO event_batches (run_id, last_seq, first_seq, body) ");
                query.push_values(rows, |mut row, (run_id, last_seq, events)| {
                    row.push_bind(*run_id).push_bind(*last_seq).push_bind(*last_seq).push_bind(events.body());
                });
                query.build().execute(&mut *tx).await?;
            }
            tx.announce_sweep(id, self.live.server).await?;
            ended
        });
        self.live.tell_many(ended.into_iter().map(|(.., events)| events.told()).collect());
        Ok(sweep)
    }
}

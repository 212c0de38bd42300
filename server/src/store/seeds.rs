//! Runs that differ only in their seeds: those of a sweep's cell, and those of a config.

use super::{RunRow, RunStatus, Store, StoreError, on_each};
use lab::json::Number;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A run with its seed and its summary.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SeededRun {
    /// Its id.
    pub id: Uuid,
    /// Its seed.
    pub seed: i64,
    /// Its state.
    pub status: RunStatus,
    summary: String,
}

impl SeededRun {
    /// Its summary numbers. Errors: the stored text is damaged.
    pub fn summary(&self) -> Result<BTreeMap<String, Number>, StoreError> {
        serde_json::from_str(&self.summary).map_err(|error| StoreError::Damaged(format!("a summary: {error}")))
    }
}

impl Store {
    /// The runs of one cell of a sweep, in the order they were made.
    pub async fn list_runs_of_cell(&self, sweep_id: Uuid, cell: i64) -> Result<Vec<SeededRun>, StoreError> {
        const SQL: &str = "SELECT id, seed, status, summary FROM runs WHERE sweep_id = $1 AND COALESCE(sweep_cell, 0) = $2 ORDER BY id";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(sweep_id).bind(cell).fetch_all(pool).await)?)
    }

    /// The newest 1,000 runs that succeeded with the experiment, config and version of this one, itself among them if it has. The first steps
    /// of a fork were made under another config, so that it is like no other run.
    pub async fn list_runs_like(&self, run: &RunRow) -> Result<Vec<SeededRun>, StoreError> {
        const SQL: &str = "SELECT id, seed, status, summary FROM runs WHERE experiment = $1 AND status = 'succeeded' AND config = $2 \
            AND engram_version = $3 AND (id = $4 OR ($5 IS NULL AND forked_from IS NULL)) ORDER BY id DESC LIMIT 1000";
        Ok(on_each!(self, read, pool => {
            sqlx::query_as(SQL).bind(&run.experiment).bind(&run.config).bind(&run.engram_version).bind(run.id).bind(run.forked_from)
                .fetch_all(pool).await
        })?)
    }
}

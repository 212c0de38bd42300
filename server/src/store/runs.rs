//! Runs: finding, labelling, counting and deleting them.

use super::{Store, StoreError, in_transaction, on_each};
use crate::claims::Verdict;
use lab::json::Number;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::QueryBuilder;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Held back with its checkpoint; no worker.
    Paused,
    /// Ended with a summary.
    Succeeded,
    /// Ended with a reason.
    Failed,
    /// Ended because somebody said so.
    Cancelled,
}

impl RunStatus {
    /// Whether the run has ended for good.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// All states.
    pub const ALL: [Self; 6] = [Self::Queued, Self::Running, Self::Paused, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state a word means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// A run as stored. JSON columns are text here; the methods read them.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs, reason = "the contract describes every field of a run")]
pub struct RunRow {
    pub id: Uuid,
    pub experiment: String,
    pub preset: String,
    pub name: String,
    pub project: String,
    pub created_by: String,
    pub config: String,
    pub seed: i64,
    pub device: String,
    pub priority: i64,
    pub tags: String,
    pub note: String,
    pub archived: bool,
    pub sweep_id: Option<Uuid>,
    pub sweep_cell: Option<i64>,
    pub parent_id: Option<Uuid>,
    pub forked_from: Option<Uuid>,
    pub forked_step: Option<i64>,
    pub status: RunStatus,
    pub status_reason: Option<String>,
    pub requested: Option<String>,
    pub progress_step: i64,
    pub progress_total: Option<i64>,
    pub eta_ms: Option<i64>,
    pub summary: String,
    pub claims: String,
    pub attempt: i64,
    pub worker_id: Option<Uuid>,
    pub last_seq: i64,
    pub engram_version: String,
    pub created_at_ms: i64,
    pub started_at_ms: Option<i64>,
    pub finished_at_ms: Option<i64>,
}

/// The columns of [`RunRow`].
pub(super) const COLUMNS: &str = "id, experiment, preset, name, project, created_by, config, seed, device, priority, tags, note, archived, \
    sweep_id, sweep_cell, parent_id, forked_from, forked_step, status, status_reason, requested, progress_step, progress_total, eta_ms, \
    summary, claims, attempt, worker_id, last_seq, engram_version, created_at_ms, started_at_ms, finished_at_ms";

impl RunRow {
    /// The complete config.
    pub fn config(&self) -> Result<Map<String, Value>, StoreError> {
        read_json(&self.config, "config", self.id)
    }

    /// The tags.
    pub fn tags(&self) -> Result<Vec<String>, StoreError> {
        read_json(&self.tags, "tags", self.id)
    }

    /// The summary numbers.
    pub fn summary(&self) -> Result<BTreeMap<String, Number>, StoreError> {
        read_json(&self.summary, "summary", self.id)
    }

    /// The verdicts.
    pub fn claims(&self) -> Result<Vec<Verdict>, StoreError> {
        read_json(&self.claims, "claims", self.id)
    }
}

pub(super) fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &str, id: Uuid) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("{what} of {id}: {error}")))
}

/// What may be changed of a run.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "named as in the contract")]
pub struct RunPatch {
    pub name: Option<String>,
    pub project: Option<String>,
    pub tags: Option<Vec<String>>,
    pub note: Option<String>,
    pub archived: Option<bool>,
}

impl Store {
    /// The run of this id.
    pub async fn find_run(&self, id: Uuid) -> Result<Option<RunRow>, StoreError> {
        Ok(on_each!(self, read, pool => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM runs WHERE id = ").push_bind(id);
            query.build_query_as().fetch_optional(pool).await
        })?)
    }

    /// Changes labels; `None` where there is no such run.
    pub async fn patch_run(&self, id: Uuid, patch: &RunPatch) -> Result<Option<RunRow>, StoreError> {
        const SQL: &str = "UPDATE runs SET name = COALESCE($2, name), project = COALESCE($3, project), tags = COALESCE($4, tags), \
            note = COALESCE($5, note), archived = COALESCE($6, archived) WHERE id = $1";
        let tags = patch.tags.as_ref().map(to_json).transpose()?;
        in_transaction!(self, tx => {
            let changed = sqlx::query(SQL)
                .bind(id).bind(&patch.name).bind(&patch.project).bind(&tags).bind(&patch.note).bind(patch.archived)
                .execute(&mut *tx).await?.rows_affected();
            if changed > 0 && let Some(tags) = &patch.tags {
                sqlx::query("DELETE FROM run_tags WHERE run_id = $1").bind(id).execute(&mut *tx).await?;
                for tag in tags {
                    sqlx::query(INSERT_TAG).bind(tag).bind(id).execute(&mut *tx).await?;
                }
            }
        });
        self.find_run(id).await
    }

    /// Deletes a run that has ended or is queued, with all its rows and their disk space; `false` if it is in another state.
    pub async fn delete_run(&self, id: Uuid) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM runs WHERE id = $1 AND status IN ('queued', 'succeeded', 'failed', 'cancelled')";
        on_each!(self, write, pool => sqlx::query(SQL).bind(id).execute(pool).await.map(drop))?;
        let gone = self.find_run(id).await?.is_none();
        if gone {
            self.give_back_space().await?;
        }
        Ok(gone)
    }

    /// Gives the disk space of deleted rows back.
    pub(super) async fn give_back_space(&self) -> Result<(), StoreError> {
        if let super::Database::Sqlite { write, .. } = &self.database {
            // The freed pages go back to the file system; fails only if the database does, and then nothing is lost.
            sqlx::query("PRAGMA incremental_vacuum").fetch_all(write).await?;
            // Until then they are free only in the write-ahead log. PASSIVE waits for no reader.
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_all(write).await?;
        }
        Ok(())
    }

    /// How many runs are queued and running.
    pub async fn count_active_runs(&self) -> Result<(i64, i64), StoreError> {
        const SQL: &str =
            "SELECT (SELECT COUNT(*) FROM runs WHERE status = 'queued'), (SELECT COUNT(*) FROM runs WHERE status = 'running')";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).fetch_one(pool).await)?)
    }

    /// How many runs there are of each status; a status without runs is left out.
    pub async fn count_runs_by_status(&self) -> Result<Vec<(RunStatus, i64)>, StoreError> {
        const SQL: &str = "SELECT status, COUNT(*) FROM runs GROUP BY status";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).fetch_all(pool).await)?)
    }

    /// Milliseconds left of all running runs together, as far as they are known.
    pub async fn sum_running_eta_ms(&self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(eta_ms), 0) AS BIGINT) FROM runs WHERE status = 'running'";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).fetch_one(pool).await)?)
    }

    /// How many runs there are.
    pub async fn count_runs(&self) -> Result<i64, StoreError> {
        Ok(on_each!(self, read, pool => sqlx::query_scalar("SELECT COUNT(*) FROM runs").fetch_one(pool).await)?)
    }
}

pub(super) const INSERT_TAG: &str = "INSERT INTO run_tags (tag, run_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

/// An integer that orders like the number: for indexes only, the number itself is kept elsewhere. NaN has none.
pub(super) fn sort_key(value: f64) -> Option<i64> {
    let bits = value.to_bits() as i64;
    (!value.is_nan()).then_some(flipped(bits))
}

/// The number that a sort key stands for.
pub(super) fn value_of_key(key: i64) -> f64 {
    f64::from_bits(flipped(key) as u64)
}

/// Turns the order of negative numbers round; twice is nothing.
fn flipped(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::{sort_key, value_of_key};

    #[test]
    fn sort_keys_order_like_their_numbers() {
        let ordered = [f64::NEG_INFINITY, -2.0, -1e-300, -0.0, 0.0, 1e-300, 1.0, 2.0, f64::INFINITY];
        assert!(ordered.windows(2).all(|pair| sort_key(pair[0]) < sort_key(pair[1])));
        assert!(ordered.iter().all(|value| value_of_key(sort_key(*value).unwrap()).to_bits() == value.to_bits()));
        assert_eq!(sort_key(f64::NAN), None);
    }
}

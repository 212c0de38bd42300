//! The database: one store over SQLite and PostgreSQL, the only place where SQL is written.
//!
//! The same statement text serves both wherever the dialects agree (`$1` binds on both); `on_each!` and `in_transaction!` write a body
//! once and expand it for each. Whatever appends to a run's event log tells its watchers after the commit, never before.

mod advance;
mod append;
mod artifacts;
mod broad_results;
mod bulk;
mod checkpoints;
pub(crate) mod chunk;
mod conditions;
mod enqueue;
mod events;
mod frames;
mod heads;
mod idempotency;
mod known_values;
mod lifecycle;
mod logs;
mod open;
mod points;
mod queue;
mod recent;
mod run_groups;
mod run_list;
mod runs;
mod seeds;
mod series;
mod shares;
mod sweeps;
mod tokens;
mod workers;

pub use append::AppendError;
pub use artifacts::{ArtifactRow, NewArtifact};
pub use bulk::{BulkAction, BulkOutcome};
pub use checkpoints::CheckpointRow;
pub(crate) use chunk::StoredPoint;
pub use enqueue::{Fork, NewRun, Origin};
pub use frames::FrameRow;
pub use idempotency::{KeyState, StoredResponse};
pub use lifecycle::{ChangeError, Ended};
pub use logs::LogRow;
pub use open::{OpenError, sqlite_file};
pub use points::SeriesHead;
pub use run_groups::{GroupKey, GroupValue, RunGroup};
pub use run_list::{PageStart, RunCursor, RunSort, SortKey};
pub use runs::{RunPatch, RunRow, RunStatus};
pub use seeds::SeededRun;
pub use series::{SeriesPoints, Spacing, Window};
pub use shares::{NewShare, ShareRow, Shared};
pub use sweeps::{NewSweep, StateCounts, SweepRow, SweepRun};
pub use tokens::{Role, TokenRow};
pub use workers::WorkerRow;

use crate::live::Live;
use advance::Waiting;
use heads::Heads;
use sqlx::{PgPool, SqlitePool};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the database said.
    #[error("the database did not do it: {0}")]
    Database(#[from] sqlx::Error),
    /// A stored row does not read back as what it must be.
    #[error("a stored row is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether the database does not answer at the moment, or another program holds it.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            // SQLite: busy or locked; PostgreSQL: starting up, going down, not accepting connections, out of connections.
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("5" | "6" | "261" | "517" | "57P01" | "57P02" | "57P03" | "55000" | "53300"))
            }
            _ => false,
        }
    }

    /// Whether the disk (or the quota) is full, so that nothing can be written until there is room.
    pub fn is_disk_full(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        // SQLite: SQLITE_FULL, and a write or the growth of its shared memory that failed; PostgreSQL: disk_full.
        matches!(error.code().as_deref(), Some("13" | "778" | "4874" | "53100"))
    }
}

/// The pools of one database.
#[derive(Clone)]
pub(crate) enum Database {
    /// `write` has one connection, so that writers queue in the pool instead of failing with SQLITE_BUSY; batches that only go on go
    /// through `advances`.
    Sqlite { write: SqlitePool, read: SqlitePool, advances: mpsc::Sender<Waiting> },
    /// One pool for both.
    Postgres(PgPool),
}

/// The store. Every field is a cheap handle.
#[derive(Clone)]
pub struct Store {
    database: Database,
    heads: Arc<Heads>,
    /// Who watches what; told after each commit.
    pub live: Arc<Live>,
}

/// Runs the same expression on whichever pool the store holds; `write` and `read` differ on SQLite only.
macro_rules! on_each {
    ($store:expr, $mode:ident, $pool:ident => $body:expr) => {
        match &$store.database {
            $crate::store::Database::Sqlite { $mode: $pool, .. } => $body,
            $crate::store::Database::Postgres($pool) => $body,
        }
    };
}

/// Runs the same body in a write transaction and commits it. Leaving the body early rolls back.
macro_rules! in_transaction {
    ($store:expr, $tx:ident => $body:expr) => {
        match &$store.database {
            $crate::store::Database::Sqlite { write, .. } => {
                let mut $tx = write.begin_with("BEGIN IMMEDIATE").await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
            $crate::store::Database::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $body;
                $tx.commit().await?;
                value
            }
        }
    };
}

pub(crate) use {in_transaction, on_each};

impl Store {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_each!(self, read, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Closes every connection; SQLite folds its log into the main file.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

//! Log lines of a run.

use super::{Store, StoreError, on_each};
use uuid::Uuid;

/// A log line.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LogRow {
    /// Number of its event.
    pub seq: i64,
    /// When it was stored, ms since 1970.
    pub time_ms: i64,
    /// `info`, `warning` or `error`.
    pub level: String,
    /// The line.
    pub message: String,
}

impl Store {
    /// A page of log lines after event number `after`.
    pub async fn list_logs(&self, run_id: Uuid, after: i64, limit: i64) -> Result<Vec<LogRow>, StoreError> {
        const SQL: &str = "SELECT seq, time_ms, level, message FROM logs WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(after).bind(limit).fetch_all(pool).await)?)
    }
}

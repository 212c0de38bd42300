//! Reading every point of a series piece by piece, so that a long run is read in bounded memory.

use super::{
    Store, StoreError,
    chunk::{self, StoredPoint},
    on_each, recent,
};
use uuid::Uuid;

/// A series of a run, without its points.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct SeriesHead {
    /// Metric name.
    pub name: String,
    /// Arm; empty for the whole run.
    pub arm: String,
    /// Its number in the run.
    pub number: i64,
}

/// Chunks of one piece: 16,384 points.
const PIECE: i64 = 32;

impl Store {
    /// The series of a run by name and arm.
    pub async fn list_series(&self, run_id: Uuid) -> Result<Vec<SeriesHead>, StoreError> {
        const SQL: &str = "SELECT name, arm, number FROM series WHERE run_id = $1";
        let mut heads: Vec<SeriesHead> = on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).fetch_all(pool).await)?;
        // Not by the database, whose order of texts may be its own.
        heads.sort();
        Ok(heads)
    }

    /// The next points of a series after a step, at most 16,384 but for those that are in no chunk yet; empty at its end.
    pub(crate) async fn read_points_after(&self, run_id: Uuid, series: i64, step: i64) -> Result<Vec<StoredPoint>, StoreError> {
        const CHUNKS: &str = "SELECT data FROM chunks WHERE run_id = $1 AND series = $2 AND last_step > $3 ORDER BY chunk LIMIT $4";
        on_each!(self, read, pool => {
            // One snapshot of both: between them points may move from the batches into chunks.
            let mut tx = pool.begin().await?;
            if matches!(self.database, super::Database::Postgres(_)) {
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut *tx).await?;
            }
            let rows: Vec<Vec<u8>> =
                sqlx::query_scalar(CHUNKS).bind(run_id).bind(series).bind(step).bind(PIECE).fetch_all(&mut *tx).await?;
            let mut points = Vec::new();
            for row in &rows {
                points.extend(chunk::decode(row)?.into_iter().filter(|point| point.step > step));
            }
            if (rows.len() as i64) < PIECE {
                let last = points.last().map_or(step, |point| point.step);
                let rows: Vec<Vec<u8>> = sqlx::query_scalar(recent::LIST).bind(run_id).fetch_all(&mut *tx).await?;
                let mut recent = recent::by_series(&rows)?;
                points.extend(recent.remove(&series).unwrap_or_default().into_iter().filter(|point| point.step > last));
            }
            Ok(points)
        })
    }
}

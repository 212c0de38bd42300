//! Points that are not in chunks yet: a row a batch, so that a batch is one small write whatever the number of its series.
//!
//! Once enough of them lie there they are folded into the chunks of their series, many at a time. Whoever reads takes both.

use super::{
    StoreError,
    chunk::{self, CHUNK_POINTS, ChunkRow, StoredPoint},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Batches that may lie unfolded.
pub(super) const MOST_BATCHES: usize = 128;
/// Points that may lie unfolded.
pub(super) const MOST_POINTS: usize = 8_192;

/// A point and the number of its series.
pub(super) type SeriesPoint = (i64, StoredPoint);

pub(super) const LIST: &str = "SELECT body FROM recent_points WHERE run_id = $1 ORDER BY last_seq";
pub(super) const INSERT: &str = "INSERT INTO recent_points (run_id, last_seq, body) VALUES ($1, $2, $3)";
const DELETE: &str = "DELETE FROM recent_points WHERE run_id = $1";
pub(super) const OPEN_CHUNK: &str = "SELECT chunk, data FROM chunks WHERE run_id = $1 AND series = $2 ORDER BY chunk DESC LIMIT 1";
const UPSERT_CHUNK: &str = "INSERT INTO chunks (run_id, series, chunk, count, first_step, first_time_ms, first_bits, last_step, last_time_ms, \
    last_bits, min_step, min_time_ms, min_bits, max_step, max_time_ms, max_bits, nan_step, nan_time_ms, data) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
    ON CONFLICT (run_id, series, chunk) DO UPDATE SET count = excluded.count, last_step = excluded.last_step, \
    last_time_ms = excluded.last_time_ms, last_bits = excluded.last_bits, min_step = excluded.min_step, min_time_ms = excluded.min_time_ms, \
    min_bits = excluded.min_bits, max_step = excluded.max_step, max_time_ms = excluded.max_time_ms, max_bits = excluded.max_bits, \
    nan_step = excluded.nan_step, nan_time_ms = excluded.nan_time_ms, data = excluded.data";

/// The points of one batch as a row holds them: series, step, time and the value's bits, 8 bytes each, little endian.
pub(super) fn encode(points: &[SeriesPoint]) -> Vec<u8> {
    let words = points.iter().flat_map(|(series, point)| [*series, point.step, point.time_ms, point.value.to_bits() as i64]);
    words.flat_map(i64::to_le_bytes).collect()
}

/// The points of a row.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<SeriesPoint>, StoreError> {
    let (words, rest) = bytes.as_chunks::<8>();
    let (points, more) = words.as_chunks::<4>();
    if !rest.is_empty() || !more.is_empty() {
        return Err(StoreError::Damaged(format!("a batch of points has {} bytes", bytes.len())));
    }
    let point = |[series, step, time_ms, bits]: &[[u8; 8]; 4]| {
        let value = f64::from_bits(u64::from_le_bytes(*bits));
        (i64::from_le_bytes(*series), StoredPoint { step: i64::from_le_bytes(*step), time_ms: i64::from_le_bytes(*time_ms), value })
    };
    Ok(points.iter().map(point).collect())
}

/// The points of these rows by the number of their series, each series in the order of its steps.
pub(super) fn by_series(rows: &[Vec<u8>]) -> Result<BTreeMap<i64, Vec<StoredPoint>>, StoreError> {
    let mut found: BTreeMap<i64, Vec<StoredPoint>> = BTreeMap::new();
    for row in rows {
        for (series, point) in decode(row)? {
            found.entry(series).or_default().push(point);
        }
    }
    Ok(found)
}

/// The chunks, by number, that hold these points once they follow the last chunk of their series (its number and data).
pub(super) fn chunks_after(last: Option<(i64, Vec<u8>)>, points: Vec<StoredPoint>) -> Result<Vec<(i64, Vec<StoredPoint>)>, StoreError> {
    let (number, mut all) = match last {
        Some((number, data)) => (number, chunk::decode(&data)?),
        None => (0, Vec::new()),
    };
    // A full chunk is left as it is.
    let first = if all.len() < CHUNK_POINTS { number } else { number + 1 };
    if all.len() < CHUNK_POINTS {
        all.extend(points)
    } else {
        all = points
    }
    Ok((first..).zip(all.chunks(CHUNK_POINTS).map(<[_]>::to_vec)).collect())
}

/// Moving the recent points of a run into chunks, within a transaction of either database that holds the run's row.
pub(super) trait FoldPoints {
    /// Afterwards every point of the run is in a chunk.
    async fn fold_points(&mut self, run_id: Uuid) -> Result<(), StoreError>;
}

macro_rules! fold_points {
    ($database:ty) => {
        impl FoldPoints for sqlx::Transaction<'_, $database> {
            async fn fold_points(&mut self, run_id: Uuid) -> Result<(), StoreError> {
                let rows: Vec<Vec<u8>> = sqlx::query_scalar(LIST).bind(run_id).fetch_all(&mut **self).await?;
                if rows.is_empty() {
                    return Ok(());
                }
                for (series, points) in by_series(&rows)? {
                    let open: Option<(i64, Vec<u8>)> =
                        sqlx::query_as(OPEN_CHUNK).bind(run_id).bind(series).fetch_optional(&mut **self).await?;
                    for (number, points) in chunks_after(open, points)? {
                        let Some(row) = ChunkRow::of(series, number, &points) else { continue };
                        sqlx::query(UPSERT_CHUNK)
                            .bind(run_id)
                            .bind(row.series)
                            .bind(row.chunk)
                            .bind(row.count)
                            .bind(row.first_step)
                            .bind(row.first_time_ms)
                            .bind(row.first_bits)
                            .bind(row.last_step)
                            .bind(row.last_time_ms)
                            .bind(row.last_bits)
                            .bind(row.min_step)
                            .bind(row.min_time_ms)
                            .bind(row.min_bits)
                            .bind(row.max_step)
                            .bind(row.max_time_ms)
                            .bind(row.max_bits)
                            .bind(row.nan_step)
                            .bind(row.nan_time_ms)
                            .bind(chunk::encode(&points))
                            .execute(&mut **self)
                            .await?;
                    }
                }
                sqlx::query(DELETE).bind(run_id).execute(&mut **self).await?;
                Ok(())
            }
        }
    };
}

fold_points!(sqlx::Sqlite);
fold_points!(sqlx::Postgres);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_keep_their_series_and_their_bits() {
        let values = [0.5, -0.0, f64::NAN, f64::NEG_INFINITY, 5e-324];
        let points: Vec<SeriesPoint> = (0..).zip(values).map(|(i, value)| (i % 2, StoredPoint { step: i, time_ms: -i, value })).collect();
        let rows = [encode(&points[..3]), encode(&points[3..])];
        assert_eq!(decode(&rows[0]).unwrap(), points[..3]);
        let series = by_series(&rows).unwrap();
        assert_eq!(series[&0].iter().map(|point| point.step).collect::<Vec<_>>(), [0, 2, 4]);
        assert_eq!(series[&1][1].value.to_bits(), f64::NEG_INFINITY.to_bits());
        assert!(decode(&[0; 24]).is_err());
    }
}

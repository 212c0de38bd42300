//! Frames: the list of a run's pictures, and their bytes.

use super::{Store, StoreError, on_each};
use uuid::Uuid;

/// A frame without its body.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FrameRow {
    /// Number of its event.
    pub seq: i64,
    /// Name.
    pub name: String,
    /// Arm; empty for the whole run.
    pub arm: String,
    /// Step it shows.
    pub step: i64,
    /// Kind of picture.
    pub kind: String,
}

impl Store {
    /// A page of frames after event number `after`.
    pub async fn list_frames(&self, run_id: Uuid, after: i64, limit: i64) -> Result<Vec<FrameRow>, StoreError> {
        const SQL: &str = "SELECT seq, name, arm, step, kind FROM frames WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(after).bind(limit).fetch_all(pool).await)?)
    }

    /// Kind and JSON text of a frame; of an `image` the text is its PNG in base64.
    pub async fn find_frame(&self, run_id: Uuid, seq: i64) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        const SQL: &str = "SELECT kind, body FROM frames WHERE run_id = $1 AND seq = $2";
        let row: Option<(String, Vec<u8>)> =
            on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(seq).fetch_optional(pool).await)?;
        let Some((kind, body)) = row else { return Ok(None) };
        let body = lz4_flex::decompress_size_prepended(&body)
            .map_err(|error| StoreError::Damaged(format!("frame {seq} of run {run_id}: {error}")))?;
        Ok(Some((kind, body)))
    }
}

//! Artifacts and checkpoints: what the database knows of files whose bytes lie in the object store.

use super::{Store, StoreError, in_transaction, lifecycle::ChangeError, on_each};
use uuid::Uuid;

/// A file that a run left behind.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ArtifactRow {
    /// Relative path.
    pub path: String,
    /// Size.
    pub bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// Media type.
    pub media_type: String,
}

/// A file whose bytes are stored and that is about to be known.
#[derive(Debug, Clone)]
pub struct NewArtifact {
    /// What is known of it.
    pub row: ArtifactRow,
    /// Proof of the lease of the worker that sent it.
    pub lease_token: Uuid,
}

/// A stored checkpoint.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CheckpointRow {
    /// Its id, part of its place in the object store.
    pub id: Uuid,
    /// First ordinal that a run resumed from it sends.
    pub next_ordinal: i64,
    /// Steps done.
    pub step: i64,
    /// Size.
    pub bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// The version that wrote it.
    pub engram_version: String,
}

/// How many checkpoints of a run are kept.
const CHECKPOINTS_KEPT: i64 = 2;

impl Store {
    /// Whether this lease still stands; renews nothing.
    pub async fn holds_lease(&self, run_id: Uuid, lease_token: Uuid) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM runs WHERE id = $1 AND lease_token = $2";
        let found: i64 = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(run_id).bind(lease_token).fetch_one(pool).await)?;
        Ok(found > 0)
    }

    /// Makes a stored checkpoint current; returns those that are no longer kept, whose bytes may go.
    /// `Ok(Err(expected))` where items below its ordinal are still missing.
    pub async fn add_checkpoint(
        &self,
        run_id: Uuid,
        lease_token: Uuid,
        row: &CheckpointRow,
        now_ms: i64,
    ) -> Result<Result<Vec<Uuid>, u64>, ChangeError> {
        const LOCK: &str = "UPDATE runs SET last_seq = last_seq WHERE id = $1 AND lease_token = $2 RETURNING next_ordinal";
        const INSERT: &str = "INSERT INTO checkpoints (id, run_id, next_ordinal, step, bytes, sha256, engram_version, created_at_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        const OLD: &str = "SELECT id FROM checkpoints WHERE run_id = $1 ORDER BY id DESC";
        Ok(in_transaction!(self, tx => {
            let expected: Option<i64> = sqlx::query_scalar(LOCK).bind(run_id).bind(lease_token).fetch_optional(&mut *tx).await?;
            let Some(expected) = expected else { return Err(ChangeError::LeaseLost(run_id)) };
            if row.next_ordinal > expected {
                return Ok(Err(expected as u64));
            }
            sqlx::query(INSERT).bind(row.id).bind(run_id).bind(row.next_ordinal).bind(row.step).bind(row.bytes).bind(&row.sha256)
                .bind(&row.engram_version).bind(now_ms).execute(&mut *tx).await?;
            let all: Vec<Uuid> = sqlx::query_scalar(OLD).bind(run_id).fetch_all(&mut *tx).await?;
            let old = all.into_iter().skip(CHECKPOINTS_KEPT as usize).collect::<Vec<_>>();
            for id in &old {
                sqlx::query("DELETE FROM checkpoints WHERE id = $1").bind(id).execute(&mut *tx).await?;
            }
            Ok(old)
        }))
    }

    /// The newest checkpoint of a run.
    pub async fn find_checkpoint(&self, run_id: Uuid) -> Result<Option<CheckpointRow>, StoreError> {
        const SQL: &str =
            "SELECT id, next_ordinal, step, bytes, sha256, engram_version FROM checkpoints WHERE run_id = $1 ORDER BY id DESC LIMIT 1";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).fetch_optional(pool).await)?)
    }

    /// The checkpoints of a run.
    pub async fn list_checkpoints(&self, run_id: Uuid) -> Result<Vec<Uuid>, StoreError> {
        const SQL: &str = "SELECT id FROM checkpoints WHERE run_id = $1";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(run_id).fetch_all(pool).await)?)
    }

    /// Checkpoints of runs that have ended, as (run, checkpoint): nobody will resume them.
    pub async fn list_spent_checkpoints(&self) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
        const SQL: &str = "SELECT c.run_id, c.id FROM checkpoints c JOIN runs r ON r.id = c.run_id \
            WHERE r.status IN ('succeeded', 'failed', 'cancelled') LIMIT 500";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).fetch_all(pool).await)?)
    }

    /// Forgets a checkpoint whose bytes are gone.
    pub async fn forget_checkpoint(&self, id: Uuid) -> Result<(), StoreError> {
        on_each!(self, write, pool => sqlx::query("DELETE FROM checkpoints WHERE id = $1").bind(id).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Makes a stored file known; a file of the same path is replaced.
    pub async fn add_artifact(&self, run_id: Uuid, new: &NewArtifact, now_ms: i64) -> Result<(), ChangeError> {
        const LOCK: &str = "UPDATE runs SET last_seq = last_seq WHERE id = $1 AND lease_token = $2";
        const UPSERT: &str = "INSERT INTO artifacts (run_id, path, bytes, sha256, media_type, created_at_ms) VALUES ($1, $2, $3, $4, $5, $6) \
            ON CONFLICT (run_id, path) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, media_type = excluded.media_type";
        let ArtifactRow { path, bytes, sha256, media_type } = &new.row;
        in_transaction!(self, tx => {
            if sqlx::query(LOCK).bind(run_id).bind(new.lease_token).execute(&mut *tx).await?.rows_affected() == 0 {
                return Err(ChangeError::LeaseLost(run_id));
            }
            sqlx::query(UPSERT).bind(run_id).bind(path).bind(bytes).bind(sha256).bind(media_type).bind(now_ms).execute(&mut *tx).await?;
        });
        Ok(())
    }

    /// A page of artifacts after `after`, by path.
    pub async fn list_artifacts(&self, run_id: Uuid, after: &str, limit: i64) -> Result<Vec<ArtifactRow>, StoreError> {
        const SQL: &str = "SELECT path, bytes, sha256, media_type FROM artifacts WHERE run_id = $1 AND path > $2 ORDER BY path LIMIT $3";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(after).bind(limit).fetch_all(pool).await)?)
    }

    /// The artifact of exactly this path.
    pub async fn find_artifact(&self, run_id: Uuid, path: &str) -> Result<Option<ArtifactRow>, StoreError> {
        const SQL: &str = "SELECT path, bytes, sha256, media_type FROM artifacts WHERE run_id = $1 AND path = $2";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(path).fetch_optional(pool).await)?)
    }
}

//! Artifacts: what the database knows of files that runs leave behind, whose bytes lie in the object store.

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

impl Store {
    /// Whether this lease still stands; renews nothing.
    pub async fn holds_lease(&self, run_id: Uuid, lease_token: Uuid) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM runs WHERE id = $1 AND lease_token = $2";
        let found: i64 = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(run_id).bind(lease_token).fetch_one(pool).await)?;
        Ok(found > 0)
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

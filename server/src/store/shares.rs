//! Shares: links that open runs read-only until they expire or are revoked.

use super::{Store, StoreError, in_transaction, on_each};
use uuid::Uuid;

/// A share without its token, which is never stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ShareRow {
    /// Its id.
    pub id: Uuid,
    /// Title, may be empty.
    pub title: String,
    /// Who made it.
    pub created_by: String,
    /// When, ms since 1970.
    pub created_at_ms: i64,
    /// When it ends, ms since 1970; `None` for never.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

impl ShareRow {
    /// Whether it opens anything at this time.
    pub fn is_open(&self, now_ms: i64) -> bool {
        self.revoked_at_ms.is_none() && self.expires_at_ms.is_none_or(|end| now_ms < end)
    }
}

/// A share about to be made.
#[derive(Debug, Clone)]
pub struct NewShare {
    /// SHA-256 of its token.
    pub hash: Vec<u8>,
    /// Title.
    pub title: String,
    /// Who makes it.
    pub created_by: String,
    /// When it ends.
    pub expires_at_ms: Option<i64>,
    /// The runs it opens, in order.
    pub run_ids: Vec<Uuid>,
}

const COLUMNS: &str = "id, title, created_by, created_at_ms, expires_at_ms, revoked_at_ms";

impl Store {
    /// Makes a share.
    pub async fn add_share(&self, new: &NewShare, now_ms: i64) -> Result<ShareRow, StoreError> {
        const INSERT: &str =
            "INSERT INTO shares (id, hash, title, created_by, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6)";
        let id = Uuid::now_v7();
        in_transaction!(self, tx => {
            sqlx::query(INSERT).bind(id).bind(&new.hash).bind(&new.title).bind(&new.created_by).bind(now_ms).bind(new.expires_at_ms)
                .execute(&mut *tx).await?;
            for (position, run_id) in (0i64..).zip(&new.run_ids) {
                sqlx::query("INSERT INTO share_runs (share_id, position, run_id) VALUES ($1, $2, $3)")
                    .bind(id).bind(position).bind(run_id).execute(&mut *tx).await?;
            }
        });
        let (title, created_by) = (new.title.clone(), new.created_by.clone());
        Ok(ShareRow { id, title, created_by, created_at_ms: now_ms, expires_at_ms: new.expires_at_ms, revoked_at_ms: None })
    }

    /// A page of shares older than `before`, newest first, with the runs of each.
    pub async fn list_shares(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<(ShareRow, Vec<Uuid>)>, StoreError> {
        const SQL: &str = "SELECT id, title, created_by, created_at_ms, expires_at_ms, revoked_at_ms FROM shares \
            WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2";
        let rows: Vec<ShareRow> = on_each!(self, read, pool => sqlx::query_as(SQL).bind(before).bind(limit).fetch_all(pool).await)?;
        let mut shares = Vec::with_capacity(rows.len());
        for row in rows {
            let runs = self.list_share_runs(row.id).await?;
            shares.push((row, runs));
        }
        Ok(shares)
    }

    /// The share whose token has this hash, however it stands.
    pub async fn find_share(&self, hash: &[u8]) -> Result<Option<(ShareRow, Vec<Uuid>)>, StoreError> {
        let row: Option<ShareRow> = on_each!(self, read, pool => {
            let mut query = sqlx::QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM shares WHERE hash = ").push_bind(hash.to_vec());
            query.build_query_as().fetch_optional(pool).await
        })?;
        let Some(row) = row else { return Ok(None) };
        let runs = self.list_share_runs(row.id).await?;
        Ok(Some((row, runs)))
    }

    /// Revokes a share at once; `false` where there is none. Whoever looks through it is told.
    pub async fn revoke_share(&self, id: Uuid, now_ms: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE shares SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE id = $1";
        let changed =
            on_each!(self, write, pool => sqlx::query(SQL).bind(id).bind(now_ms).execute(pool).await.map(|done| done.rows_affected()))?;
        self.live.shares.notify_waiters();
        Ok(changed > 0)
    }

    async fn list_share_runs(&self, share_id: Uuid) -> Result<Vec<Uuid>, StoreError> {
        const SQL: &str = "SELECT run_id FROM share_runs WHERE share_id = $1 ORDER BY position";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(share_id).fetch_all(pool).await)?)
    }
}

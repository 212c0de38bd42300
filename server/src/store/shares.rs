//! Shares: links that open runs read-only until they expire or are revoked.

use super::{RunRow, Store, StoreError, in_transaction, on_each};
use std::collections::HashSet;
use uuid::Uuid;

/// A share without its token, which is never stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ShareRow {
    /// Its id.
    pub id: Uuid,
    /// The sweep whose runs it opens; `None` where it opens runs of its own list.
    pub sweep_id: Option<Uuid>,
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
    /// What it opens.
    pub shared: Shared,
}

/// What a share opens.
#[derive(Debug, Clone)]
pub enum Shared {
    /// These runs, in order.
    Runs(Vec<Uuid>),
    /// Every run of a sweep.
    Sweep(Uuid),
}

const COLUMNS: &str = "id, sweep_id, title, created_by, created_at_ms, expires_at_ms, revoked_at_ms";

impl Store {
    /// Makes a share.
    pub async fn add_share(&self, new: &NewShare, now_ms: i64) -> Result<ShareRow, StoreError> {
        const INSERT: &str =
            "INSERT INTO shares (id, hash, title, created_by, created_at_ms, expires_at_ms, sweep_id) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let id = Uuid::now_v7();
        let (run_ids, sweep_id) = match &new.shared {
            Shared::Runs(ids) => (ids.as_slice(), None),
            Shared::Sweep(sweep_id) => (&[][..], Some(*sweep_id)),
        };
        in_transaction!(self, tx => {
            sqlx::query(INSERT).bind(id).bind(&new.hash).bind(&new.title).bind(&new.created_by).bind(now_ms).bind(new.expires_at_ms)
                .bind(sweep_id).execute(&mut *tx).await?;
            for (position, run_id) in (0i64..).zip(run_ids) {
                sqlx::query("INSERT INTO share_runs (share_id, position, run_id) VALUES ($1, $2, $3)")
                    .bind(id).bind(position).bind(run_id).execute(&mut *tx).await?;
            }
        });
        let (title, created_by) = (new.title.clone(), new.created_by.clone());
        Ok(ShareRow { id, sweep_id, title, created_by, created_at_ms: now_ms, expires_at_ms: new.expires_at_ms, revoked_at_ms: None })
    }

    /// A page of shares older than `before`, newest first, each with the runs of its list, which is empty for a share of a sweep.
    pub async fn list_shares(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<(ShareRow, Vec<Uuid>)>, StoreError> {
        const SQL: &str = "SELECT id, sweep_id, title, created_by, created_at_ms, expires_at_ms, revoked_at_ms FROM shares \
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
    pub async fn find_share(&self, hash: &[u8]) -> Result<Option<ShareRow>, StoreError> {
        Ok(on_each!(self, read, pool => {
            let mut query = sqlx::QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM shares WHERE hash = ").push_bind(hash.to_vec());
            query.build_query_as().fetch_optional(pool).await
        })?)
    }

    /// The runs that a share opens, in order, at most `limit` of them.
    pub async fn list_shared_runs(&self, share: &ShareRow, limit: usize) -> Result<Vec<RunRow>, StoreError> {
        match share.sweep_id {
            Some(sweep_id) => self.list_first_runs_of_sweep(sweep_id, limit as i64).await,
            None => {
                let mut ids = self.list_share_runs(share.id).await?;
                ids.truncate(limit);
                self.list_runs_by_id(&ids).await
            }
        }
    }

    /// Those of these runs that a share opens, in the order given.
    pub async fn list_shared_runs_by_id(&self, share: &ShareRow, ids: &[Uuid]) -> Result<Vec<RunRow>, StoreError> {
        let mut runs = self.list_runs_by_id(ids).await?;
        match share.sweep_id {
            Some(sweep_id) => runs.retain(|run| run.sweep_id == Some(sweep_id)),
            None => {
                let opened = self.list_share_runs(share.id).await?;
                runs.retain(|run| opened.contains(&run.id));
            }
        }
        Ok(runs)
    }

    /// The ids of all runs that a share opens.
    pub async fn list_shared_ids(&self, share: &ShareRow) -> Result<HashSet<Uuid>, StoreError> {
        const OF_SWEEP: &str = "SELECT id FROM runs WHERE sweep_id = $1";
        let ids: Vec<Uuid> = match share.sweep_id {
            Some(sweep_id) => on_each!(self, read, pool => sqlx::query_scalar(OF_SWEEP).bind(sweep_id).fetch_all(pool).await)?,
            None => self.list_share_runs(share.id).await?,
        };
        Ok(ids.into_iter().collect())
    }

    /// Whether a share opens this run.
    pub async fn share_opens(&self, share: &ShareRow, run_id: Uuid) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM runs r WHERE r.id = $1 AND (r.sweep_id = $2 \
            OR r.id IN (SELECT run_id FROM share_runs WHERE share_id = $3))";
        let found: i64 =
            on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(run_id).bind(share.sweep_id).bind(share.id).fetch_one(pool).await)?;
        Ok(found > 0)
    }

    /// Changes title and end of a share that is not revoked, and returns it as it is then with the runs of its list; `None` where there is none.
    pub async fn change_share(
        &self,
        id: Uuid,
        title: Option<&str>,
        expires_at_ms: Option<Option<i64>>,
    ) -> Result<Option<(ShareRow, Vec<Uuid>)>, StoreError> {
        const CHANGE: &str = "UPDATE shares SET title = COALESCE($2, title), \
            expires_at_ms = CASE WHEN $3 THEN $4 ELSE expires_at_ms END WHERE id = $1 AND revoked_at_ms IS NULL";
        let end = expires_at_ms.flatten();
        on_each!(self, write, pool => {
            sqlx::query(CHANGE).bind(id).bind(title).bind(expires_at_ms.is_some()).bind(end).execute(pool).await.map(drop)
        })?;
        // Whoever looks through it waits for another end now.
        self.live.shares.notify_waiters();
        let row: Option<ShareRow> = on_each!(self, read, pool => {
            let mut query = sqlx::QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM shares WHERE id = ").push_bind(id);
            query.build_query_as().fetch_optional(pool).await
        })?;
        match row {
            Some(row) => Ok(Some((row, self.list_share_runs(id).await?))),
            None => Ok(None),
        }
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

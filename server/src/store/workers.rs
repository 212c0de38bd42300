//! Workers that have introduced themselves.

use super::{Store, StoreError, on_each};
use uuid::Uuid;

/// A worker as stored, with the run it holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WorkerRow {
    /// Its id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Host.
    pub host: String,
    /// Devices as a JSON list.
    pub devices: String,
    /// Version.
    pub version: String,
    /// When it last called, ms since 1970.
    pub last_seen_at_ms: i64,
    /// The run it holds.
    pub run_id: Option<Uuid>,
}

impl Store {
    /// Adds or renews a worker.
    pub async fn register_worker(
        &self,
        register: &worker::protocol::Register,
        supervised_by: Option<&str>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO workers (id, name, host, devices, version, supervised_by, last_seen_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) \
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, host = excluded.host, devices = excluded.devices, version = excluded.version, \
            supervised_by = excluded.supervised_by, last_seen_at_ms = excluded.last_seen_at_ms";
        let devices = super::runs::to_json(&register.devices)?;
        on_each!(self, write, pool => sqlx::query(SQL)
            .bind(register.worker_id).bind(&register.name).bind(&register.host).bind(devices).bind(&register.version)
            .bind(supervised_by).bind(now_ms).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Notes that a worker called; its devices, or `None` where it is not known.
    pub async fn touch_worker(&self, id: Uuid, now_ms: i64) -> Result<Option<Vec<String>>, StoreError> {
        const SQL: &str = "UPDATE workers SET last_seen_at_ms = $2 WHERE id = $1 RETURNING devices";
        let devices: Option<String> =
            on_each!(self, write, pool => sqlx::query_scalar(SQL).bind(id).bind(now_ms).fetch_optional(pool).await)?;
        devices
            .map(|text| serde_json::from_str(&text).map_err(|error| StoreError::Damaged(format!("devices of worker {id}: {error}"))))
            .transpose()
    }

    /// Notes that the worker that holds this lease called.
    pub async fn touch_holder(&self, run_id: Uuid, lease_token: Uuid, now_ms: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE workers SET last_seen_at_ms = $3 WHERE last_seen_at_ms < $3 \
            AND id = (SELECT worker_id FROM runs WHERE id = $1 AND lease_token = $2)";
        on_each!(self, write, pool => sqlx::query(SQL).bind(run_id).bind(lease_token).bind(now_ms).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// A page of workers that called since `since_ms` or hold a run, after `after` by id.
    pub async fn list_workers(&self, since_ms: i64, after: Uuid, limit: i64) -> Result<Vec<WorkerRow>, StoreError> {
        const SQL: &str = "SELECT w.id, w.name, w.host, w.devices, w.version, w.last_seen_at_ms, \
            (SELECT r.id FROM runs r WHERE r.worker_id = w.id AND r.status = 'running' LIMIT 1) AS run_id FROM workers w \
            WHERE w.id > $2 AND (w.last_seen_at_ms >= $1 OR EXISTS (SELECT 1 FROM runs r WHERE r.worker_id = w.id AND r.status = 'running')) \
            ORDER BY w.id LIMIT $3";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(since_ms).bind(after).bind(limit).fetch_all(pool).await)?)
    }

    /// Whether a worker with a GPU has called since `since_ms`.
    pub async fn has_gpu_worker(&self, since_ms: i64) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM workers WHERE last_seen_at_ms >= $1 AND devices LIKE '%\"cuda:%'";
        let count: i64 = on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(since_ms).fetch_one(pool).await)?;
        Ok(count > 0)
    }

    /// The name of a worker.
    pub async fn find_worker_name(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT name FROM workers WHERE id = $1";
        Ok(on_each!(self, read, pool => sqlx::query_scalar(SQL).bind(id).fetch_optional(pool).await)?)
    }

    /// Forgets a worker.
    pub async fn remove_worker(&self, id: Uuid) -> Result<(), StoreError> {
        on_each!(self, write, pool => sqlx::query("DELETE FROM workers WHERE id = $1").bind(id).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Forgets the workers that have not called since `before_ms` and hold nothing.
    pub async fn forget_workers(&self, before_ms: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "DELETE FROM workers WHERE last_seen_at_ms < $1 AND id NOT IN (SELECT worker_id FROM runs WHERE worker_id IS NOT NULL)";
        on_each!(self, write, pool => sqlx::query(SQL).bind(before_ms).execute(pool).await.map(drop))?;
        Ok(())
    }
}

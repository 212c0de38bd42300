//! Idempotency keys: the first answer to a key, kept for a day.

use super::{Store, StoreError, on_each};

/// How a key stands when a request comes with it.
#[derive(Debug)]
pub enum KeyState {
    /// Nobody used it; it is this request's now.
    Ours,
    /// Another request with it has no answer yet.
    Pending,
    /// It was used with another body.
    OtherBody,
    /// It has its answer.
    Answered(StoredResponse),
}

/// The first answer to a key.
#[derive(Debug, Clone)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers and body, encrypted with the key.
    pub response: Vec<u8>,
}

/// A pending key older than this was left by a server that ended; the next request takes it.
const ABANDONED_MS: i64 = 60_000;

impl Store {
    /// Takes the key for a request with this body, or says how it stands.
    pub async fn take_key(&self, hash: &[u8], body_hash: &[u8], now_ms: i64) -> Result<KeyState, StoreError> {
        const TAKE: &str = "INSERT INTO idempotency_keys (hash, body_hash, created_at_ms) VALUES ($1, $2, $3) ON CONFLICT (hash) DO UPDATE SET \
            created_at_ms = excluded.created_at_ms, body_hash = excluded.body_hash WHERE idempotency_keys.status IS NULL \
            AND idempotency_keys.created_at_ms < $4";
        const FIND: &str = "SELECT body_hash, status, response FROM idempotency_keys WHERE hash = $1";
        let taken = on_each!(self, write, pool => sqlx::query(TAKE).bind(hash).bind(body_hash).bind(now_ms).bind(now_ms - ABANDONED_MS)
            .execute(pool).await.map(|done| done.rows_affected()))?;
        if taken > 0 {
            return Ok(KeyState::Ours);
        }
        let row: Option<(Vec<u8>, Option<i64>, Option<Vec<u8>>)> =
            on_each!(self, read, pool => sqlx::query_as(FIND).bind(hash).fetch_optional(pool).await)?;
        Ok(match row {
            // It was released in between: the next try takes it.
            None => KeyState::Pending,
            Some((known, ..)) if known != body_hash => KeyState::OtherBody,
            Some((_, Some(status), Some(response))) => KeyState::Answered(StoredResponse { status: status as u16, response }),
            Some(_) => KeyState::Pending,
        })
    }

    /// Keeps the answer to a key.
    pub async fn answer_key(&self, hash: &[u8], answer: &StoredResponse) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE idempotency_keys SET status = $2, response = $3 WHERE hash = $1";
        on_each!(self, write, pool => sqlx::query(SQL).bind(hash).bind(i64::from(answer.status)).bind(&answer.response).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Gives a key back, so that a refused body does not use it up.
    pub async fn release_key(&self, hash: &[u8]) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_keys WHERE hash = $1 AND status IS NULL";
        on_each!(self, write, pool => sqlx::query(SQL).bind(hash).execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Forgets the keys made before `before_ms`.
    pub async fn forget_keys(&self, before_ms: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM idempotency_keys WHERE created_at_ms < $1";
        on_each!(self, write, pool => sqlx::query(SQL).bind(before_ms).execute(pool).await.map(drop))?;
        Ok(())
    }
}

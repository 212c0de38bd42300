//! Tokens of people and workers; only their hashes are stored.

use super::{Store, StoreError, on_each};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a token may do. Each role may do what those before it may, but a worker only works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "TEXT", rename_all = "snake_case")]
pub enum Role {
    /// Speaks the worker protocol, nothing else.
    Worker,
    /// Reads.
    Viewer,
    /// Reads, submits, shares.
    Member,
    /// Everything.
    Admin,
}

impl Role {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }
}

/// A token without its secret.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made, ms since 1970.
    pub created_at_ms: i64,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

impl Store {
    /// Adds a token by the SHA-256 of its secret.
    pub async fn add_token(&self, name: &str, role: Role, hash: &[u8], now_ms: i64) -> Result<Uuid, StoreError> {
        const SQL: &str = "INSERT INTO tokens (id, name, role, hash, created_at_ms) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT (hash) DO UPDATE SET name = excluded.name, role = excluded.role, revoked_at_ms = NULL RETURNING id";
        let id = Uuid::now_v7();
        Ok(on_each!(self, write, pool =>
            sqlx::query_scalar(SQL).bind(id).bind(name).bind(role).bind(hash).bind(now_ms).fetch_one(pool).await)?)
    }

    /// The token with this hash that still counts.
    pub async fn find_token(&self, hash: &[u8]) -> Result<Option<TokenRow>, StoreError> {
        const SQL: &str = "SELECT id, name, role, created_at_ms, revoked_at_ms FROM tokens WHERE hash = $1 AND revoked_at_ms IS NULL";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).bind(hash).fetch_optional(pool).await)?)
    }

    /// All tokens, oldest first.
    pub async fn list_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        const SQL: &str = "SELECT id, name, role, created_at_ms, revoked_at_ms FROM tokens ORDER BY id";
        Ok(on_each!(self, read, pool => sqlx::query_as(SQL).fetch_all(pool).await)?)
    }

    /// Revokes a token; `false` where there is none.
    pub async fn revoke_token(&self, id: Uuid, now_ms: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE tokens SET revoked_at_ms = COALESCE(revoked_at_ms, $2) WHERE id = $1";
        let changed =
            on_each!(self, write, pool => sqlx::query(SQL).bind(id).bind(now_ms).execute(pool).await.map(|done| done.rows_affected()))?;
        Ok(changed > 0)
    }
}

//! The quick write of a batch: one round trip, and on SQLite one commit for all the batches that came while the last was written.

use super::{Database, Store, StoreError, events::CHANNEL};
use sqlx::SqlitePool;
use std::sync::LazyLock;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// What the quick write changes of the run's row, and what it must find there.
#[derive(Clone)]
pub(crate) struct Advance {
    pub run_id: Uuid,
    pub lease_token: Uuid,
    pub last_seq: i64,
    pub next_ordinal: i64,
    pub lease_until_ms: i64,
    pub new_last_seq: i64,
    pub new_next_ordinal: i64,
    pub progress_step: Option<i64>,
    pub progress_total: Option<i64>,
    pub eta_ms: Option<i64>,
    pub events: Vec<u8>,
    pub points: Vec<u8>,
    /// Who tells the other servers of a PostgreSQL.
    pub server: Uuid,
}

/// What people asked of the run meanwhile (`""` for nothing); `None` where the row was not as expected and nothing was changed.
type Written = Option<String>;
pub(super) type Waiting = (Advance, oneshot::Sender<Result<Written, StoreError>>);

/// Batches written in one commit at most.
const GROUP: usize = 16;
/// Binds of one batch.
const BINDS: usize = 12;

const POSTGRES: &str = "WITH run AS (UPDATE runs SET last_seq = $6, next_ordinal = $7, lease_until_ms = $5, \
    progress_step = COALESCE($8, progress_step), progress_total = COALESCE($9, progress_total), \
    eta_ms = CASE WHEN $8 IS NULL THEN eta_ms ELSE $10 END \
    WHERE id = $1 AND lease_token = $2 AND last_seq = $3 AND next_ordinal = $4 RETURNING COALESCE(requested, '') AS requested), \
    log AS (INSERT INTO event_batches (run_id, last_seq, first_seq, body) SELECT $1, $6, $3 + 1, $11 FROM run), \
    points AS (INSERT INTO recent_points (run_id, last_seq, body) SELECT $1, $6, $12 FROM run) \
    SELECT requested, pg_notify($13, $14)::text FROM run";

/// The statements that write so many batches in one transaction, by number of batches less one.
static SQLITE: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let group = |count| {
        let writes = (0..count).map(|index| {
            let bind = |number: usize| format!("${}", index * BINDS + number);
            let [id, token, last_seq, ordinal, until, new_last_seq, new_ordinal, step, total, eta, events, points] =
                std::array::from_fn(|number| bind(number + 1));
            format!(
                "UPDATE runs SET last_seq = {new_last_seq}, next_ordinal = {new_ordinal}, lease_until_ms = {until}, \
                progress_step = COALESCE({step}, progress_step), progress_total = COALESCE({total}, progress_total), \
                eta_ms = CASE WHEN {step} IS NULL THEN eta_ms ELSE {eta} END \
                WHERE id = {id} AND lease_token = {token} AND last_seq = {last_seq} AND next_ordinal = {ordinal} \
                RETURNING id, last_seq, COALESCE(requested, ''); \
                INSERT INTO event_batches (run_id, last_seq, first_seq, body) SELECT {id}, {new_last_seq}, {last_seq} + 1, {events} WHERE changes() = 1; \
                INSERT INTO recent_points (run_id, last_seq, body) SELECT {id}, {new_last_seq}, {points} WHERE changes() = 1; "
            )
        });
        let text = format!("BEGIN IMMEDIATE; {} COMMIT", writes.collect::<String>());
        // Made once and used as long as the program runs.
        &*Box::leak(text.into_boxed_str())
    };
    (1..=GROUP).map(group).collect()
});

macro_rules! bind {
    ($query:expr, $advance:expr) => {
        $query
            .bind($advance.run_id)
            .bind($advance.lease_token)
            .bind($advance.last_seq)
            .bind($advance.next_ordinal)
            .bind($advance.lease_until_ms)
            .bind($advance.new_last_seq)
            .bind($advance.new_next_ordinal)
            .bind($advance.progress_step)
            .bind($advance.progress_total)
            .bind($advance.eta_ms)
            .bind($advance.events)
            .bind($advance.points)
    };
}

impl Store {
    /// Writes all of it where the run's row is as expected.
    pub(super) async fn advance(&self, advance: Advance) -> Result<Written, StoreError> {
        match &self.database {
            Database::Sqlite { advances, .. } => {
                let (sender, written) = oneshot::channel();
                // The writer ends with the last handle of the store, so both fail only while the program ends.
                let _ = advances.send((advance, sender)).await;
                written.await.unwrap_or(Err(StoreError::Database(sqlx::Error::PoolClosed)))
            }
            Database::Postgres(pool) => {
                let note = format!("{} {} {} {}", advance.server, advance.run_id, advance.last_seq + 1, advance.new_last_seq);
                let query = bind!(sqlx::query_as(POSTGRES), advance).bind(CHANNEL).bind(note);
                let row: Option<(String, String)> = query.fetch_optional(pool).await?;
                Ok(row.map(|(requested, _)| requested))
            }
        }
    }
}

/// Starts the writer of a SQLite database; it ends with the last sender.
pub(super) fn start_writer(write: SqlitePool) -> mpsc::Sender<Waiting> {
    let (sender, mut receiver) = mpsc::channel(GROUP);
    tokio::spawn(async move {
        let mut waiting: Vec<Waiting> = Vec::with_capacity(GROUP);
        while receiver.recv_many(&mut waiting, GROUP).await > 0 {
            let (advances, senders): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            let written = match write_group(&write, &advances).await {
                Ok(written) => written.into_iter().map(Ok).collect(),
                Err(error) if advances.len() == 1 => vec![Err(error)],
                // Each for itself, so that what fails for one does not fail for the others.
                Err(_) => {
                    let mut each = Vec::with_capacity(advances.len());
                    for advance in &advances {
                        each.push(write_group(&write, std::slice::from_ref(advance)).await.map(|mut one| one.pop().flatten()));
                    }
                    each
                }
            };
            for (sender, written) in senders.into_iter().zip(written) {
                // A caller that went away does not hear the answer; its batch is written all the same.
                let _ = sender.send(written);
            }
        }
    });
    sender
}

/// Writes these batches in one transaction.
async fn write_group(write: &SqlitePool, advances: &[Advance]) -> Result<Vec<Written>, StoreError> {
    let mut query = sqlx::query_as(SQLITE[advances.len() - 1]);
    for advance in advances.iter().cloned() {
        query = bind!(query, advance);
    }
    let mut connection = write.acquire().await?;
    let rows: Result<Vec<(Uuid, i64, String)>, _> = query.fetch_all(&mut *connection).await;
    if rows.is_err() {
        // Where the failure has ended the transaction already, this fails too, which is as well.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
    }
    let mut rows = rows?.into_iter().peekable();
    let written = advances.iter().map(|advance| {
        let is_its = |row: &(Uuid, i64, String)| (row.0, row.1) == (advance.run_id, advance.new_last_seq);
        rows.next_if(is_its).map(|(.., requested)| requested)
    });
    Ok(written.collect())
}

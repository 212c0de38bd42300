//! The append-only event log of every run: writing events within a transaction, reading them back byte for byte.

use super::{Database, Store, StoreError, on_each};
use crate::{claims::Verdict, clock::rfc3339, live::Told};
use axum::extract::ws::Utf8Bytes;
use lab::json::Number;
use lab::record::Level;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;
use worker::protocol::TimedPoint;

use super::RunStatus;

/// Points that go into one `metrics` event at most, so that no message grows without bound.
const POINTS_PER_EVENT: usize = 1_000;

/// One event as the contract writes it, without `seq` and `time`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    Status { status: RunStatus, reason: Option<&'a str>, attempt: i64 },
    Metrics { points: Vec<EventPoint<'a>> },
    Progress { step: u64, total: u64, eta_seconds: Option<f64> },
    Frame { name: &'a str, arm: Option<&'a str>, step: u64, kind: &'a str, url: String },
    Log { level: Level, message: &'a str },
    Summary { summary: &'a BTreeMap<String, Number>, claims: &'a [Verdict] },
}

/// A point within a `metrics` event.
#[derive(Serialize)]
pub(crate) struct EventPoint<'a> {
    name: &'a str,
    arm: Option<&'a str>,
    step: u64,
    value: Number,
}

impl<'a> From<&'a TimedPoint> for EventPoint<'a> {
    fn from(timed: &'a TimedPoint) -> Self {
        let point = &timed.point;
        Self { name: &point.name, arm: point.arm.as_deref(), step: point.step, value: point.value }
    }
}

#[derive(Serialize)]
struct Numbered<'a> {
    seq: i64,
    time: &'a str,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// Events about to be appended to one run's log, numbered from its row, in one transaction.
pub(crate) struct NewEvents {
    run_id: Uuid,
    first_seq: i64,
    time: String,
    texts: Vec<String>,
}

impl NewEvents {
    /// Events that follow number `last_seq`.
    pub fn after(run_id: Uuid, last_seq: i64, now_ms: i64) -> Self {
        Self { run_id, first_seq: last_seq + 1, time: rfc3339(now_ms), texts: Vec::new() }
    }

    /// The number the next event gets.
    pub fn next_seq(&self) -> i64 {
        self.first_seq + self.texts.len() as i64
    }

    /// Number of the last event of the log, these included.
    pub fn last_seq(&self) -> i64 {
        self.next_seq() - 1
    }

    /// Adds an event. Fails only if it cannot be written as JSON.
    pub fn push(&mut self, event: &Event<'_>) -> Result<(), StoreError> {
        let numbered = Numbered { seq: self.next_seq(), time: &self.time, event };
        self.texts.push(serde_json::to_string(&numbered).map_err(|error| StoreError::Damaged(error.to_string()))?);
        Ok(())
    }

    /// Adds points as `metrics` events.
    pub fn push_points(&mut self, points: &[&TimedPoint]) -> Result<(), StoreError> {
        for points in points.chunks(POINTS_PER_EVENT) {
            self.push(&Event::Metrics { points: points.iter().map(|point| EventPoint::from(*point)).collect() })?;
        }
        Ok(())
    }

    /// The stored form: texts joined by newlines (JSON text holds none), compressed.
    pub fn body(&self) -> Vec<u8> {
        lz4_flex::compress_prepend_size(self.texts.join("\n").as_bytes())
    }

    /// What the watchers are told after the commit.
    pub fn told(self) -> Told {
        let events: Arc<[Utf8Bytes]> = self.texts.into_iter().map(Utf8Bytes::from).collect();
        Told { run_id: self.run_id, first_seq: self.first_seq, events }
    }
}

/// Writes events within a transaction of either database.
pub(crate) trait WriteEvents {
    /// Appends the events; `server` marks the notification, so that this server does not read back its own.
    async fn write_events(&mut self, events: &NewEvents, server: Uuid) -> Result<(), sqlx::Error>;
    /// Marks that the logs of many runs of a sweep have grown, once for all of them.
    async fn announce_sweep(&mut self, sweep_id: Uuid, server: Uuid) -> Result<(), sqlx::Error>;
}

const INSERT: &str = "INSERT INTO event_batches (run_id, last_seq, first_seq, body) VALUES ($1, $2, $3, $4)";

impl WriteEvents for sqlx::Transaction<'_, sqlx::Sqlite> {
    async fn write_events(&mut self, events: &NewEvents, _server: Uuid) -> Result<(), sqlx::Error> {
        if events.texts.is_empty() {
            return Ok(());
        }
        sqlx::query(INSERT)
            .bind(events.run_id)
            .bind(events.last_seq())
            .bind(events.first_seq)
            .bind(events.body())
            .execute(&mut **self)
            .await
            .map(drop)
    }

    async fn announce_sweep(&mut self, _sweep_id: Uuid, _server: Uuid) -> Result<(), sqlx::Error> {
        Ok(())
    }
}

impl WriteEvents for sqlx::Transaction<'_, sqlx::Postgres> {
    async fn write_events(&mut self, events: &NewEvents, server: Uuid) -> Result<(), sqlx::Error> {
        if events.texts.is_empty() {
            return Ok(());
        }
        let body = events.body();
        sqlx::query(INSERT).bind(events.run_id).bind(events.last_seq()).bind(events.first_seq).bind(body).execute(&mut **self).await?;
        let note = format!("{server} {} {} {}", events.run_id, events.first_seq, events.last_seq());
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(note).execute(&mut **self).await.map(drop)
    }

    async fn announce_sweep(&mut self, sweep_id: Uuid, server: Uuid) -> Result<(), sqlx::Error> {
        let note = format!("{server} {SWEEP} {sweep_id}");
        sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(note).execute(&mut **self).await.map(drop)
    }
}

/// The channel on which PostgreSQL servers tell each other of new events.
pub(super) const CHANNEL: &str = "engram_events";
/// Stands in a notification in place of a run's id: a sweep's id follows.
const SWEEP: &str = "sweep";

impl Store {
    /// The events after number `after`, oldest first, in whole stored batches until about `most` bytes of text.
    pub async fn list_events(&self, run_id: Uuid, after: i64, most: usize) -> Result<Vec<(i64, Utf8Bytes)>, StoreError> {
        const SQL: &str = "SELECT first_seq, body FROM event_batches WHERE run_id = $1 AND last_seq > $2 ORDER BY last_seq LIMIT $3";
        let (mut found, mut bytes, mut position) = (Vec::new(), 0, after);
        // Most batches are small; a handful at a time keeps memory flat for a log of any length.
        loop {
            let rows: Vec<(i64, Vec<u8>)> =
                on_each!(self, read, pool => sqlx::query_as(SQL).bind(run_id).bind(position).bind(64).fetch_all(pool).await)?;
            if rows.is_empty() {
                return Ok(found);
            }
            for (first_seq, body) in rows {
                for (seq, text) in (first_seq..).zip(unpack(&body)?) {
                    position = seq;
                    if seq > after {
                        bytes += text.len();
                        found.push((seq, text));
                    }
                }
            }
            if bytes >= most {
                return Ok(found);
            }
        }
    }

    /// Tells the watchers on this server what other servers of the same PostgreSQL commit, until the connection is closed for good.
    pub async fn hear_other_servers(&self) -> Result<(), StoreError> {
        let Database::Postgres(pool) = &self.database else { return Ok(()) };
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            let note = listener.recv().await?;
            let mut words = note.payload().split(' ');
            let mut word = || words.next();
            let server = word().and_then(|text| text.parse::<Uuid>().ok());
            let subject = word();
            if subject == Some(SWEEP) {
                let sweep_id = word().and_then(|text| text.parse::<Uuid>().ok());
                if let (Some(server), Some(sweep_id)) = (server, sweep_id)
                    && server != self.live.server
                {
                    self.hear_of_sweep(sweep_id).await?;
                }
                continue;
            }
            let run_id = subject.and_then(|text| text.parse::<Uuid>().ok());
            let first_seq = word().and_then(|text| text.parse::<i64>().ok());
            let (Some(server), Some(run_id), Some(first_seq)) = (server, run_id, first_seq) else { continue };
            if server == self.live.server {
                continue;
            }
            self.live.queue.notify_waiters();
            if self.live.is_watched(run_id) {
                let events: Vec<Utf8Bytes> = self.list_events(run_id, first_seq - 1, 0).await?.into_iter().map(|(_, text)| text).collect();
                self.live.tell(Told { run_id, first_seq, events: events.into() });
            }
        }
    }

    /// Another server has changed many runs of a sweep at once: the last events of all its runs are told, read in one query. Whoever
    /// follows one of them and finds a gap before it reads the log.
    async fn hear_of_sweep(&self, sweep_id: Uuid) -> Result<(), StoreError> {
        self.live.queue.notify_waiters();
        const SQL: &str = "SELECT r.id, e.first_seq, e.body FROM runs r JOIN event_batches e ON e.run_id = r.id AND e.last_seq = r.last_seq \
            WHERE r.sweep_id = $1";
        let rows: Vec<(Uuid, i64, Vec<u8>)> = on_each!(self, read, pool => sqlx::query_as(SQL).bind(sweep_id).fetch_all(pool).await)?;
        let told = rows.into_iter().map(|(run_id, first_seq, body)| Ok(Told { run_id, first_seq, events: unpack(&body)?.into() }));
        self.live.tell_many(told.collect::<Result<_, StoreError>>()?);
        Ok(())
    }
}

fn unpack(body: &[u8]) -> Result<Vec<Utf8Bytes>, StoreError> {
    let damaged = |error: String| StoreError::Damaged(format!("an event batch: {error}"));
    let text = lz4_flex::decompress_size_prepended(body).map_err(|error| damaged(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|error| damaged(error.to_string()))?;
    Ok(text.split('\n').map(|event| Utf8Bytes::from(event.to_owned())).collect())
}

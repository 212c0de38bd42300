//! Appending a worker's batch to a run: repeated items compared and dropped, new ones stored, all in one transaction.

use super::{
    RunStatus, Store, StoreError,
    chunk::{self, CHUNK_POINTS, ChunkRow, StoredPoint},
    events::{Event, NewEvents, WriteEvents},
    in_transaction,
};
use lab::record::{Level, is_clock_name};
use std::collections::HashMap;
use uuid::Uuid;
use worker::protocol::{Answer, Batch, LEASE_MS, LogLine, Order, ReportedFrame, ReportedItem, TimedPoint};

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another worker, or nobody, holds the run; this one must drop it.
    #[error("the lease of run {0} is lost")]
    LeaseLost(Uuid),
    /// Items are missing before the first one.
    #[error("items are missing: expected ordinal {expected}")]
    Gap {
        /// The ordinal to send from.
        expected: u64,
    },
    /// The batch breaks a rule of the log.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What the transaction needs of the run's row.
#[derive(sqlx::FromRow)]
struct Position {
    last_seq: i64,
    next_ordinal: i64,
    requested: Option<String>,
    status_reason: Option<String>,
    attempt: i64,
    warned_attempt: i64,
    progress_step: i64,
    progress_total: Option<i64>,
    eta_ms: Option<i64>,
}

/// The open end of a series.
struct Tail {
    number: i64,
    chunk: i64,
    points: Vec<StoredPoint>,
    is_new: bool,
    touched: Vec<i64>,
}

impl Tail {
    fn last_step(&self) -> Option<i64> {
        self.points.last().map(|point| point.step)
    }
}

type SeriesKey = (String, String);

fn key(point: &TimedPoint) -> SeriesKey {
    (point.point.name.clone(), point.point.arm.clone().unwrap_or_default())
}

fn stored(point: &TimedPoint) -> StoredPoint {
    StoredPoint { step: point.point.step as i64, time_ms: point.time_ms, value: point.point.value.0 }
}

impl Store {
    /// Stores a batch and renews the lease. The answer says what the worker should do next.
    pub async fn append_batch(&self, run_id: Uuid, batch: &Batch, now_ms: i64) -> Result<Answer, AppendError> {
        const LOCK: &str = "UPDATE runs SET lease_until_ms = $3 WHERE id = $1 AND lease_token = $2 RETURNING last_seq, next_ordinal, requested, \
            status_reason, attempt, warned_attempt, progress_step, progress_total, eta_ms";
        const UPDATE: &str = "UPDATE runs SET last_seq = $2, next_ordinal = $3, progress_step = $4, progress_total = $5, eta_ms = $6, \
            status_reason = $7, warned_attempt = $8 WHERE id = $1";
        if let Some(text) = batch.items.iter().find_map(refusal) {
            return Err(AppendError::Refused(text));
        }
        let (events, answer) = in_transaction!(self, tx => {
            let position: Option<Position> =
                sqlx::query_as(LOCK).bind(run_id).bind(batch.lease_token).bind(now_ms + LEASE_MS).fetch_optional(&mut *tx).await?;
            let Some(mut position) = position else { return Err(AppendError::LeaseLost(run_id)) };
            let expected = position.next_ordinal as u64;
            if batch.first_ordinal > expected && !batch.items.is_empty() {
                return Err(AppendError::Gap { expected });
            }
            let skipped = (expected.saturating_sub(batch.first_ordinal) as usize).min(batch.items.len());
            let (repeated, fresh) = batch.items.split_at(skipped);

            let mut tails: HashMap<SeriesKey, Tail> = HashMap::new();
            let mut series_count: Option<i64> = None;
            let points = fresh.iter().filter_map(as_point).chain(&batch.clock_points);
            for series in points.map(key) {
                if tails.contains_key(&series) {
                    continue;
                }
                let known: Option<(i64, Option<i64>, Option<Vec<u8>>)> =
                    sqlx::query_as(FIND_TAIL).bind(run_id).bind(&series.0).bind(&series.1).fetch_optional(&mut *tx).await?;
                let tail = match known {
                    Some((number, chunk, data)) => {
                        let points = data.map(|data| chunk::decode(&data)).transpose()?.unwrap_or_default();
                        Tail { number, chunk: chunk.unwrap_or(0), points, is_new: false, touched: Vec::new() }
                    }
                    None => {
                        let next = match series_count {
                            Some(count) => count,
                            None => sqlx::query_scalar("SELECT COUNT(*) FROM series WHERE run_id = $1").bind(run_id).fetch_one(&mut *tx).await?,
                        };
                        series_count = Some(next + 1);
                        Tail { number: next, chunk: 0, points: Vec::new(), is_new: true, touched: Vec::new() }
                    }
                };
                tails.insert(series, tail);
            }

            let mut events = NewEvents::after(run_id, position.last_seq, now_ms);
            if let Some(text) = batch.status_reason.as_deref() {
                let reason = (!text.is_empty()).then_some(text);
                if reason != position.status_reason.as_deref() {
                    events.push(&Event::Status { status: RunStatus::Running, reason, attempt: position.attempt })?;
                    position.status_reason = reason.map(str::to_owned);
                }
            }
            if position.warned_attempt < position.attempt && !repeated.is_empty() {
                let mut differs = None;
                for (ordinal, item) in (batch.first_ordinal..).zip(repeated) {
                    let same = match item {
                        ReportedItem::Point(point) => {
                            let (name, arm) = key(point);
                            let data: Option<Vec<u8>> = sqlx::query_scalar(FIND_CHUNK).bind(run_id).bind(name).bind(arm)
                                .bind(point.point.step as i64).fetch_optional(&mut *tx).await?;
                            let points = data.map(|data| chunk::decode(&data)).transpose()?.unwrap_or_default();
                            points.contains(&stored(point))
                        }
                        ReportedItem::Frame(frame) => {
                            let body: Option<Vec<u8>> = sqlx::query_scalar("SELECT body FROM frames WHERE run_id = $1 AND ordinal = $2")
                                .bind(run_id).bind(ordinal as i64).fetch_optional(&mut *tx).await?;
                            body.is_some_and(|body| body == pack_frame(frame))
                        }
                        ReportedItem::Log(_) => true,
                    };
                    if !same {
                        differs = Some(step_of(item));
                        break;
                    }
                }
                if let Some(step) = differs {
                    let message = format!(
                        "step {step} came out with other bits than before this attempt (another kind of CPU took over?); the first values stay"
                    );
                    let (seq, level) = (events.next_seq(), Level::Warning);
                    events.push(&Event::Log { level, message: &message })?;
                    sqlx::query(INSERT_LOG).bind(run_id).bind(seq).bind(now_ms).bind("warning").bind(message).execute(&mut *tx).await?;
                    position.warned_attempt = position.attempt;
                }
            }

            let mut pending: Vec<&TimedPoint> = Vec::new();
            for (ordinal, item) in (expected.max(batch.first_ordinal)..).zip(fresh) {
                match item {
                    ReportedItem::Point(point) => {
                        take_point(&mut tails, point).map_err(AppendError::Refused)?;
                        pending.push(point);
                        continue;
                    }
                    _ => events.push_points(&std::mem::take(&mut pending))?,
                }
                let seq = events.next_seq();
                match item {
                    ReportedItem::Frame(frame) => {
                        let (arm, url) = (frame.arm.as_deref(), format!("frames/{seq}"));
                        events.push(&Event::Frame { name: &frame.name, arm, step: frame.step, kind: &frame.kind, url })?;
                        sqlx::query(INSERT_FRAME).bind(run_id).bind(seq).bind(ordinal as i64).bind(&frame.name).bind(arm.unwrap_or(""))
                            .bind(frame.step as i64).bind(&frame.kind).bind(pack_frame(frame)).execute(&mut *tx).await?;
                    }
                    ReportedItem::Log(LogLine { level, message }) => {
                        events.push(&Event::Log { level: *level, message })?;
                        sqlx::query(INSERT_LOG).bind(run_id).bind(seq).bind(now_ms).bind(level_word(*level)).bind(message).execute(&mut *tx).await?;
                    }
                    ReportedItem::Point(_) => {}
                }
            }
            // A clock series goes on wherever it stood; what a resumed run says again of the same steps is dropped.
            for point in &batch.clock_points {
                if take_point(&mut tails, point).is_ok() {
                    pending.push(point);
                }
            }
            events.push_points(&pending)?;
            for LogLine { level, message } in &batch.engine_log {
                let seq = events.next_seq();
                events.push(&Event::Log { level: *level, message })?;
                sqlx::query(INSERT_LOG).bind(run_id).bind(seq).bind(now_ms).bind(level_word(*level)).bind(message).execute(&mut *tx).await?;
            }
            if let Some(progress) = batch.progress {
                events.push(&Event::Progress { step: progress.step, total: progress.total, eta_seconds: progress.eta_seconds })?;
                position.progress_step = progress.step as i64;
                position.progress_total = Some(progress.total as i64);
                position.eta_ms = progress.eta_seconds.map(|seconds| (seconds * 1_000.0) as i64);
            }

            for ((name, arm), tail) in &tails {
                if tail.is_new && !tail.points.is_empty() {
                    sqlx::query("INSERT INTO series (run_id, number, name, arm) VALUES ($1, $2, $3, $4)")
                        .bind(run_id).bind(tail.number).bind(name).bind(arm).execute(&mut *tx).await?;
                }
                for (chunk, points) in tail.chunks_to_write() {
                    let Some(row) = ChunkRow::of(tail.number, chunk, points) else { continue };
                    sqlx::query(UPSERT_CHUNK).bind(run_id).bind(row.series).bind(row.chunk).bind(row.count)
                        .bind(row.first_step).bind(row.first_time_ms).bind(row.first_bits)
                        .bind(row.last_step).bind(row.last_time_ms).bind(row.last_bits)
                        .bind(row.min_step).bind(row.min_time_ms).bind(row.min_bits)
                        .bind(row.max_step).bind(row.max_time_ms).bind(row.max_bits)
                        .bind(row.nan_step).bind(row.nan_time_ms).bind(chunk::encode(points))
                        .execute(&mut *tx).await?;
                }
            }
            let next_ordinal = expected.max(batch.first_ordinal + batch.items.len() as u64);
            let changed = events.next_seq() > position.last_seq + 1 || next_ordinal > expected;
            if changed {
                tx.write_events(&events, self.live.server).await?;
                sqlx::query(UPDATE).bind(run_id).bind(events.last_seq()).bind(next_ordinal as i64).bind(position.progress_step)
                    .bind(position.progress_total).bind(position.eta_ms).bind(&position.status_reason).bind(position.warned_attempt)
                    .execute(&mut *tx).await?;
            }
            let order = match position.requested.as_deref() {
                Some("cancel") => Order::Cancel,
                Some("pause") => Order::Pause,
                _ => Order::GoOn,
            };
            (events, Answer { order, next_ordinal })
        });
        self.live.tell(events.told());
        Ok(answer)
    }
}

const FIND_TAIL: &str = "SELECT s.number, c.chunk, c.data FROM series s LEFT JOIN chunks c ON c.run_id = s.run_id AND c.series = s.number \
    AND c.chunk = (SELECT MAX(m.chunk) FROM chunks m WHERE m.run_id = s.run_id AND m.series = s.number) \
    WHERE s.run_id = $1 AND s.name = $2 AND s.arm = $3";
const FIND_CHUNK: &str = "SELECT c.data FROM series s JOIN chunks c ON c.run_id = s.run_id AND c.series = s.number \
    WHERE s.run_id = $1 AND s.name = $2 AND s.arm = $3 AND c.first_step <= $4 AND c.last_step >= $4";
const UPSERT_CHUNK: &str = "INSERT INTO chunks (run_id, series, chunk, count, first_step, first_time_ms, first_bits, last_step, last_time_ms, \
    last_bits, min_step, min_time_ms, min_bits, max_step, max_time_ms, max_bits, nan_step, nan_time_ms, data) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
    ON CONFLICT (run_id, series, chunk) DO UPDATE SET count = excluded.count, last_step = excluded.last_step, \
    last_time_ms = excluded.last_time_ms, last_bits = excluded.last_bits, min_step = excluded.min_step, min_time_ms = excluded.min_time_ms, \
    min_bits = excluded.min_bits, max_step = excluded.max_step, max_time_ms = excluded.max_time_ms, max_bits = excluded.max_bits, \
    nan_step = excluded.nan_step, nan_time_ms = excluded.nan_time_ms, data = excluded.data";
const INSERT_FRAME: &str = "INSERT INTO frames (run_id, seq, ordinal, name, arm, step, kind, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const INSERT_LOG: &str = "INSERT INTO logs (run_id, seq, time_ms, level, message) VALUES ($1, $2, $3, $4, $5)";

impl Tail {
    /// The chunks that hold new points, with all their points; `points` begins with the open chunk.
    fn chunks_to_write(&self) -> impl Iterator<Item = (i64, &[StoredPoint])> {
        let pieces = self.points.chunks(CHUNK_POINTS).enumerate().map(|(i, points)| (self.chunk + i as i64, points));
        pieces.filter(|(chunk, _)| self.touched.contains(chunk))
    }
}

/// Adds a point at the end of its series, or says why it may not stand there.
fn take_point(tails: &mut HashMap<SeriesKey, Tail>, point: &TimedPoint) -> Result<(), String> {
    let Some(tail) = tails.get_mut(&key(point)) else { return Err("a point without its series".to_owned()) };
    let (name, step) = (&point.point.name, point.point.step as i64);
    if let Some(last) = tail.last_step().filter(|last| *last >= step) {
        return Err(format!("{name} has a point at step {last} already, and none may follow at step {step}"));
    }
    let chunk = tail.chunk + (tail.points.len() / CHUNK_POINTS) as i64;
    if tail.touched.last() != Some(&chunk) {
        tail.touched.push(chunk);
    }
    tail.points.push(stored(point));
    Ok(())
}

fn as_point(item: &ReportedItem) -> Option<&TimedPoint> {
    match item {
        ReportedItem::Point(point) => Some(point),
        _ => None,
    }
}

fn step_of(item: &ReportedItem) -> u64 {
    match item {
        ReportedItem::Point(point) => point.point.step,
        ReportedItem::Frame(frame) => frame.step,
        ReportedItem::Log(_) => 0,
    }
}

/// The stored form of a frame: its JSON text compressed. An image stays the base64 text of its PNG until it is served.
fn pack_frame(frame: &ReportedFrame) -> Vec<u8> {
    lz4_flex::compress_prepend_size(frame.body.get().as_bytes())
}

fn refusal(item: &ReportedItem) -> Option<String> {
    let (name, arm) = match item {
        ReportedItem::Point(point) if is_clock_name(&point.point.name) => {
            return Some(format!("{} depends on the clock and must not be numbered", point.point.name));
        }
        ReportedItem::Point(point) if point.point.step > i64::MAX as u64 >> 10 => {
            return Some(format!("step {} of {} is above 2^53-1", point.point.step, point.point.name));
        }
        ReportedItem::Point(point) => (&point.point.name, &point.point.arm),
        ReportedItem::Frame(frame) => (&frame.name, &frame.arm),
        ReportedItem::Log(_) => return None,
    };
    match (name.is_empty(), arm.as_deref()) {
        (true, _) => Some("a point or frame has no name".to_owned()),
        (_, Some("")) => Some(format!("the arm of {name} is empty; leave it out for the whole run")),
        _ => None,
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

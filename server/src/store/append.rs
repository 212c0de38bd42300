//! Appending a worker's batch to a run: repeated items compared and dropped, new ones stored, all in one transaction.
//!
//! Most batches are nothing but the next points of known series. For them the server remembers where the run stands ([`Head`]) and writes
//! in one round trip, which changes nothing where the memory is wrong; any other batch reads the run's row first.

use super::{
    RunStatus, Store, StoreError,
    advance::Advance,
    chunk,
    events::{Event, NewEvents, WriteEvents},
    heads::{Head, key, stored},
    in_transaction,
    recent::{self, FoldPoints, SeriesPoint},
};
use lab::record::{Level, is_clock_name};
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

impl Store {
    /// Stores a batch and renews the lease. The answer says what the worker should do next.
    pub async fn append_batch(&self, run_id: Uuid, batch: &Batch, now_ms: i64) -> Result<Answer, AppendError> {
        if let Some(text) = batch.items.iter().find_map(refusal) {
            return Err(AppendError::Refused(text));
        }
        let mut known = self.heads.take(run_id).filter(|head| head.lease_token == batch.lease_token);
        if let Some(head) = known.take_if(|head| head.continues_with(batch) && head.has_room())
            && let Some(answer) = self.append_points(run_id, batch, head, now_ms).await?
        {
            return Ok(answer);
        }
        self.append_any(run_id, batch, known, now_ms).await
    }

    /// Appends the next points of known series in one round trip. `None` where the head does not fit the row or the batch, and nothing
    /// was changed.
    async fn append_points(&self, run_id: Uuid, batch: &Batch, mut head: Head, now_ms: i64) -> Result<Option<Answer>, StoreError> {
        let mut pending: Vec<&TimedPoint> = Vec::with_capacity(batch.items.len() + batch.clock_points.len());
        let mut taken: Vec<SeriesPoint> = Vec::with_capacity(pending.capacity());
        for item in &batch.items {
            let ReportedItem::Point(point) = item else { return Ok(None) };
            if head.take_point(point, &mut taken).is_err() {
                return Ok(None);
            }
            pending.push(point);
        }
        pending.extend(batch.clock_points.iter().filter(|point| head.take_point(point, &mut taken).is_ok()));
        let mut events = NewEvents::after(run_id, head.last_seq, now_ms);
        events.push_points(&pending)?;
        if let Some(progress) = batch.progress {
            events.push(&Event::Progress { step: progress.step, total: progress.total, eta_seconds: progress.eta_seconds })?;
        }
        if events.next_seq() == head.last_seq + 1 {
            return Ok(None);
        }
        let next_ordinal = head.next_ordinal + batch.items.len() as u64;
        let advance = Advance {
            run_id,
            lease_token: head.lease_token,
            last_seq: head.last_seq,
            next_ordinal: head.next_ordinal as i64,
            lease_until_ms: now_ms + LEASE_MS,
            new_last_seq: events.last_seq(),
            new_next_ordinal: next_ordinal as i64,
            progress_step: batch.progress.map(|progress| progress.step as i64),
            progress_total: batch.progress.map(|progress| progress.total as i64),
            eta_ms: batch.progress.and_then(|progress| progress.eta_seconds).map(|seconds| (seconds * 1_000.0) as i64),
            events: events.body(),
            points: recent::encode(&taken),
            server: self.live.server,
        };
        let Some(requested) = self.advance(advance).await? else { return Ok(None) };
        head.last_seq = events.last_seq();
        head.next_ordinal = next_ordinal;
        head.recent_batches += 1;
        head.recent_points += taken.len();
        self.heads.put(run_id, head);
        self.live.tell(events.told());
        Ok(Some(Answer { order: order(&requested), next_ordinal }))
    }

    /// Appends any batch, reading first where the run stands. `known` spares reading its series where it is right.
    async fn append_any(&self, run_id: Uuid, batch: &Batch, known: Option<Head>, now_ms: i64) -> Result<Answer, AppendError> {
        const LOCK: &str = "UPDATE runs SET lease_until_ms = $3 WHERE id = $1 AND lease_token = $2 RETURNING last_seq, next_ordinal, requested, \
            status_reason, attempt, warned_attempt, progress_step, progress_total, eta_ms";
        const UPDATE: &str = "UPDATE runs SET last_seq = $2, next_ordinal = $3, progress_step = $4, progress_total = $5, eta_ms = $6, \
            status_reason = $7, warned_attempt = $8 WHERE id = $1";
        const SERIES: &str = "SELECT number, name, arm, (SELECT c.last_step FROM chunks c WHERE c.run_id = s.run_id AND c.series = s.number \
            ORDER BY c.chunk DESC LIMIT 1) FROM series s WHERE s.run_id = $1";
        let (events, head, answer) = in_transaction!(self, tx => {
            let position: Option<Position> =
                sqlx::query_as(LOCK).bind(run_id).bind(batch.lease_token).bind(now_ms + LEASE_MS).fetch_optional(&mut *tx).await?;
            let Some(mut position) = position else { return Err(AppendError::LeaseLost(run_id)) };
            let expected = position.next_ordinal as u64;
            if batch.first_ordinal > expected && !batch.items.is_empty() {
                return Err(AppendError::Gap { expected });
            }
            let skipped = (expected.saturating_sub(batch.first_ordinal) as usize).min(batch.items.len());
            let (repeated, fresh) = batch.items.split_at(skipped);
            let mut head = match known.filter(|head| head.last_seq == position.last_seq && head.next_ordinal == expected) {
                Some(head) => head,
                None => {
                    let series: Vec<(i64, String, String, Option<i64>)> = sqlx::query_as(SERIES).bind(run_id).fetch_all(&mut *tx).await?;
                    let recent: Vec<Vec<u8>> = sqlx::query_scalar(recent::LIST).bind(run_id).fetch_all(&mut *tx).await?;
                    Head::read(batch.lease_token, series, &recent)?
                }
            };

            let mut events = NewEvents::after(run_id, position.last_seq, now_ms);
            if let Some(text) = batch.status_reason.as_deref() {
                let reason = (!text.is_empty()).then_some(text);
                if reason != position.status_reason.as_deref() {
                    events.push(&Event::Status { status: RunStatus::Running, reason, attempt: position.attempt })?;
                    position.status_reason = reason.map(str::to_owned);
                }
            }
            if position.warned_attempt < position.attempt && !repeated.is_empty() {
                tx.fold_points(run_id).await?;
                (head.recent_batches, head.recent_points) = (0, 0);
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
                        ReportedItem::Frame(frame) if is_clock_name(&frame.name) => true,
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

            let (mut pending, mut taken): (Vec<&TimedPoint>, Vec<SeriesPoint>) = Default::default();
            let known_series = head.series.len() as i64;
            for (ordinal, item) in (expected.max(batch.first_ordinal)..).zip(fresh) {
                match item {
                    ReportedItem::Point(point) => {
                        head.take_point(point, &mut taken).map_err(AppendError::Refused)?;
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
                if head.take_point(point, &mut taken).is_ok() {
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

            for ((name, arm), end) in head.series.iter().filter(|(_, end)| end.number >= known_series) {
                sqlx::query("INSERT INTO series (run_id, number, name, arm) VALUES ($1, $2, $3, $4)")
                    .bind(run_id).bind(end.number).bind(name).bind(arm).execute(&mut *tx).await?;
            }
            if !taken.is_empty() {
                sqlx::query(recent::INSERT).bind(run_id).bind(events.last_seq()).bind(recent::encode(&taken)).execute(&mut *tx).await?;
                head.recent_batches += 1;
                head.recent_points += taken.len();
            }
            if !head.has_room() {
                tx.fold_points(run_id).await?;
                (head.recent_batches, head.recent_points) = (0, 0);
            }
            let next_ordinal = expected.max(batch.first_ordinal + batch.items.len() as u64);
            let changed = events.next_seq() > position.last_seq + 1 || next_ordinal > expected;
            if changed {
                tx.write_events(&events, self.live.server).await?;
                sqlx::query(UPDATE).bind(run_id).bind(events.last_seq()).bind(next_ordinal as i64).bind(position.progress_step)
                    .bind(position.progress_total).bind(position.eta_ms).bind(&position.status_reason).bind(position.warned_attempt)
                    .execute(&mut *tx).await?;
            }
            head.last_seq = events.last_seq();
            head.next_ordinal = next_ordinal;
            (events, head, Answer { order: order(position.requested.as_deref().unwrap_or_default()), next_ordinal })
        });
        self.heads.put(run_id, head);
        self.live.tell(events.told());
        Ok(answer)
    }
}

/// What the worker should do, given what people asked for.
fn order(requested: &str) -> Order {
    match requested {
        "cancel" => Order::Cancel,
        "pause" => Order::Pause,
        _ => Order::GoOn,
    }
}

const FIND_CHUNK: &str = "SELECT c.data FROM series s JOIN chunks c ON c.run_id = s.run_id AND c.series = s.number \
    WHERE s.run_id = $1 AND s.name = $2 AND s.arm = $3 AND c.first_step <= $4 AND c.last_step >= $4";
const INSERT_FRAME: &str = "INSERT INTO frames (run_id, seq, ordinal, name, arm, step, kind, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(super) const INSERT_LOG: &str = "INSERT INTO logs (run_id, seq, time_ms, level, message) VALUES ($1, $2, $3, $4, $5)";

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

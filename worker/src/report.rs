//! The reporter: brings what a run says to the server in batches, keeps the lease, and takes orders from the answers.

use crate::{
    backlog::Backlog,
    backoff::Backoff,
    client::{CallError, Client},
    engine::Ended,
    now_ms,
    orders::{Command, Orders},
    outbox::{Message, Room},
    protocol::{Answer, Finish, LogLine, Order, Outcome, Progress, RENEW_MS, TimedPoint},
    upload::{Upload, Uploads},
};
use lab::record::Level;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};
use uuid::Uuid;

/// Time between two batches while there is something to say.
const PAUSE: Duration = Duration::from_millis(100);
/// Time between two batches while there is not. Far below [`RENEW_MS`], for an order is learned from an answer.
const HEARTBEAT: Duration = Duration::from_millis(RENEW_MS / 5);
/// Least time between two reports of progress as the server sees them; the engine's own pace could jitter below a second.
const PROGRESS_PAUSE: Duration = Duration::from_millis(1050);

/// How reporting a lease ended.
#[derive(Debug)]
pub enum Reported {
    /// The server has everything, the end too.
    Finished(&'static str),
    /// The run belongs to somebody else.
    Lost(String),
    /// The token is not accepted any more.
    Unauthorized(CallError),
}

/// [`crate::protocol::Batch`] with borrowed, already serialised items.
#[derive(Serialize)]
struct BatchBody<'a> {
    lease_token: Uuid,
    first_ordinal: u64,
    items: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    clock_points: &'a [TimedPoint],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    engine_log: &'a [LogLine],
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<&'a str>,
    sent_at_ms: i64,
}

/// Reports one lease.
pub struct Reporter {
    client: Client,
    run_id: Uuid,
    lease_token: Uuid,
    orders: Orders,
    inbox: UnboundedReceiver<Message>,
    room: Room,
    backlog: Backlog,
    clock_points: Vec<TimedPoint>,
    engine_log: Vec<LogLine>,
    progress: Option<Progress>,
    progress_sent: Option<Instant>,
    status_reason: Option<String>,
    uploads: Uploads,
    ended: Option<Outcome>,
    /// False once the engine can say nothing more.
    inbox_open: bool,
    /// The server refused what this run says, so the rest is not delivered.
    gave_up: bool,
    last_batch: Option<Instant>,
    /// The last batch could not hold all.
    more: bool,
    /// Nothing is sent before, after a failure.
    not_before: Instant,
    backoff: Backoff,
}

impl Reporter {
    /// A reporter of the lease `lease_token` of `run_id`, fed by `inbox`.
    pub fn new(client: Client, run_id: Uuid, lease_token: Uuid, orders: Orders, inbox: UnboundedReceiver<Message>, room: Room) -> Self {
        Self {
            uploads: Uploads::new(client.clone(), run_id, lease_token),
            client,
            run_id,
            lease_token,
            orders,
            inbox,
            backlog: Backlog::new(room.clone()),
            room,
            clock_points: Vec::new(),
            engine_log: Vec::new(),
            progress: None,
            progress_sent: None,
            status_reason: None,
            ended: None,
            inbox_open: true,
            gave_up: false,
            last_batch: None,
            more: false,
            not_before: Instant::now(),
            backoff: Backoff::default(),
        }
    }

    /// Reports until the lease is given back or lost. However long the server is away, it tries again.
    pub async fn run(mut self) -> Reported {
        let result = self.report().await;
        if !matches!(result, Reported::Finished(_)) {
            self.orders.give(Command::Drop);
        }
        result
    }

    async fn report(&mut self) -> Reported {
        loop {
            while let Ok(message) = self.inbox.try_recv() {
                self.take(message);
            }
            self.uploads.start(|ordinal| self.backlog.has_delivered(ordinal));
            if let Some(outcome) = self.ended.clone()
                && self.is_delivered()
            {
                tokio::time::sleep_until(self.not_before).await;
                match self.client.finish(self.run_id, &Finish { lease_token: self.lease_token, outcome: outcome.clone() }).await {
                    Ok(()) => return Reported::Finished(name_of(&outcome)),
                    Err(error @ CallError::Refused { .. }) if self.gave_up => return Reported::Lost(error.to_string()),
                    Err(error) => {
                        if let Some(reported) = self.meet(error) {
                            return reported;
                        }
                    }
                }
                continue;
            }
            let (due, has_news) = (self.due(), self.has_news());
            tokio::select! {
                // With news at hand the next batch takes along what has come until then; waking for each item would cost more.
                message = self.inbox.recv(), if self.inbox_open && !has_news => match message {
                    Some(message) => self.take(message),
                    None => {
                        // The engine's thread is gone; where it left no ending, this is one.
                        self.inbox_open = false;
                        self.end(Outcome::Failed { reason: "The engine stopped without a result.".to_owned() });
                    }
                },
                (upload, result) = self.uploads.done() => if let Some(reported) = self.uploaded(&upload, result) { return reported },
                () = tokio::time::sleep_until(due) => if let Some(reported) = self.send_batch().await { return reported },
            }
        }
    }

    /// When the next batch is sent.
    fn due(&self) -> Instant {
        let Some(last) = self.last_batch else { return self.not_before };
        let pause = match self.has_news() {
            true if self.more || self.ended.is_some() => Duration::ZERO,
            true => PAUSE,
            false => HEARTBEAT,
        };
        self.not_before.max(last + pause)
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Item(ordinal, item) => self.backlog.push(ordinal, item),
            Message::ClockPoint(point) => self.clock_points.push(point),
            Message::Progress(progress) => self.progress = Some(progress),
            Message::Log(line) => self.engine_log.push(line),
            Message::StatusReason(reason) => self.status_reason = Some(reason),
            Message::Checkpoint(checkpoint) => self.uploads.push(Upload::Checkpoint(checkpoint)),
            Message::Ended(ended) => self.engine_ended(ended),
        }
    }

    fn engine_ended(&mut self, ended: Ended) {
        let outcome = match ended {
            Ended::Succeeded { summary, artifacts } => {
                for artifact in artifacts {
                    let bytes = artifact.bytes.into();
                    self.uploads.push(Upload::Artifact { path: artifact.path, media_type: artifact.media_type, bytes });
                }
                Outcome::Succeeded { summary }
            }
            Ended::Failed(reason) => Outcome::Failed { reason },
            Ended::Cancelled => Outcome::Cancelled,
            Ended::Paused => Outcome::Paused,
            Ended::Stopped => Outcome::HandedBack { reason: "The worker was stopped.".to_owned() },
            Ended::Dropped => Outcome::HandedBack { reason: "The worker dropped the run.".to_owned() },
        };
        self.end(outcome);
    }

    /// Sets the end unless there is one already.
    fn end(&mut self, outcome: Outcome) {
        if matches!(outcome, Outcome::Cancelled | Outcome::Failed { .. }) && self.ended.is_none() {
            self.uploads.clear();
        }
        self.ended.get_or_insert(outcome);
    }

    /// Whether the server has all there is to have before the end.
    fn is_delivered(&self) -> bool {
        self.inbox.is_empty()
            && self.backlog.is_delivered()
            && self.clock_points.is_empty()
            && self.engine_log.is_empty()
            && self.uploads.is_idle()
    }

    /// Whether a batch would say something. Progress held back by its pace does not count.
    fn has_news(&self) -> bool {
        !self.backlog.is_delivered()
            || !self.clock_points.is_empty()
            || !self.engine_log.is_empty()
            || self.status_reason.is_some()
            || self.due_progress().is_some()
    }

    fn due_progress(&self) -> Option<Progress> {
        self.progress.filter(|_| self.progress_sent.is_none_or(|sent| sent.elapsed() >= PROGRESS_PAUSE))
    }

    /// Sends one batch, or a heartbeat. `Some`: reporting ends.
    async fn send_batch(&mut self) -> Option<Reported> {
        self.last_batch = Some(Instant::now());
        // So many clock points at most, that the batch stays far below its limit; a burst of them takes several batches.
        let clock_points = self.clock_points.len().min(5_000);
        let engine_log = self.engine_log.len().min(1_000);
        let progress = self.due_progress();
        let (items, more) = self.backlog.batch();
        let body = BatchBody {
            lease_token: self.lease_token,
            first_ordinal: self.backlog.next(),
            items,
            clock_points: &self.clock_points[..clock_points],
            engine_log: &self.engine_log[..engine_log],
            progress,
            status_reason: self.status_reason.as_deref(),
            sent_at_ms: now_ms(),
        };
        let body = match serde_json::to_vec(&body) {
            Ok(body) => body,
            Err(error) => {
                self.give_up(format!("A report could not be written: {error}."));
                return None;
            }
        };
        let answer = match self.client.send_batch(self.run_id, body).await {
            Ok(answer) => answer,
            Err(error) => return self.meet(error),
        };
        self.backoff.reset();
        self.clock_points.drain(..clock_points);
        self.room.give_back_clock_points(clock_points);
        self.engine_log.drain(..engine_log);
        self.status_reason = None;
        if progress.is_some() {
            self.progress = None;
            self.progress_sent = Some(Instant::now());
        }
        self.more = more;
        self.obey(answer)
    }

    fn obey(&mut self, answer: Answer) -> Option<Reported> {
        match answer.order {
            Order::GoOn => self.orders.give(Command::GoOn),
            Order::Pause => self.orders.give(Command::Pause),
            Order::Cancel => {
                // The engine may be in the midst of a step; nothing that it still says is waited for.
                self.orders.give(Command::Cancel);
                self.inbox.close();
                self.end(Outcome::Cancelled);
            }
        }
        self.expect(answer.next_ordinal)
    }

    fn expect(&mut self, ordinal: u64) -> Option<Reported> {
        if let Err(error) = self.backlog.expect(ordinal) {
            // Only a server that lost its last commits gets here; its checkpoint is older too, so the run goes on from there.
            self.give_up_with(Outcome::HandedBack { reason: format!("The run goes on from its last checkpoint, for {error}.") });
        }
        None
    }

    /// What an error means. `Some`: reporting ends; `None`: go on, not before `not_before`.
    fn meet(&mut self, error: CallError) -> Option<Reported> {
        match error {
            CallError::LeaseLost(detail) | CallError::Unknown(detail) => return Some(Reported::Lost(detail)),
            CallError::Unauthorized(_) => return Some(Reported::Unauthorized(error)),
            CallError::Gap { expected } => {
                tracing::info!(run = %self.run_id, expected, "the server lacks items, sending them again");
                self.not_before = Instant::now() + self.backoff.next();
                return self.expect(expected);
            }
            CallError::Refused { .. } => {
                tracing::error!(run = %self.run_id, %error, "a report was refused");
                self.not_before = Instant::now() + self.backoff.next();
                self.give_up(format!("The worker's report was refused: {error}."));
            }
            CallError::Unreachable(why) => {
                let wait = self.backoff.next();
                tracing::warn!(run = %self.run_id, %why, "no answer, trying again in {wait:.1?}");
                self.not_before = Instant::now() + wait;
            }
        }
        None
    }

    fn uploaded(&mut self, upload: &Upload, result: Result<(), CallError>) -> Option<Reported> {
        match (result, upload) {
            (Ok(()), _) => {
                tracing::debug!(run = %self.run_id, "uploaded {}", upload.name());
                None
            }
            (Err(error @ (CallError::LeaseLost(_) | CallError::Unknown(_) | CallError::Unauthorized(_))), _) => self.meet(error),
            (Err(error), Upload::Checkpoint(_)) if matches!(self.ended, Some(Outcome::Paused)) => {
                // Without it the run could not go on from here; the state before is still whole.
                self.ended =
                    Some(Outcome::Failed { reason: format!("The run could not be paused, for its checkpoint was not stored: {error}.") });
                None
            }
            (Err(error), _) => {
                let message = format!("The server did not store {}: {error}.", upload.name());
                self.engine_log.push(LogLine { level: Level::Warning, message });
                None
            }
        }
    }

    /// Ends the run as failed without delivering the rest.
    fn give_up(&mut self, reason: String) {
        self.give_up_with(Outcome::Failed { reason });
    }

    fn give_up_with(&mut self, outcome: Outcome) {
        self.gave_up = true;
        self.orders.give(Command::Drop);
        self.inbox.close();
        while self.inbox.try_recv().is_ok() {}
        self.backlog = Backlog::new(self.room.clone());
        self.clock_points.clear();
        self.engine_log.clear();
        self.uploads.clear();
        self.ended = Some(outcome);
    }
}

fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded { .. } => "succeeded",
        Outcome::Failed { .. } => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Paused => "paused",
        Outcome::HandedBack { .. } => "handed back",
    }
}

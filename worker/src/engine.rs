//! The engine: drives one experiment step by step, numbers what it says, saves it, and obeys orders between steps.

use crate::{
    gpu::Gpu,
    now_ms,
    orders::{Command, Orders},
    position::Position,
    protocol::{LogLine, Progress, TimedPoint},
    pulse::Pulse,
};
use lab::{
    Checkpoint, Entry, Lab, Recorder, Running,
    json::Number,
    record::{Artifact, Item, Level},
};
use serde_json::{Map, Value};
use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};
use tokio_util::bytes::Bytes;

pub use crate::position::SavedCheckpoint;

/// The first checkpoint of a lease is made at the first step after this.
const FIRST_CHECKPOINT: Duration = Duration::from_secs(2);

/// One thing that reaches whoever listens to a run.
#[derive(Debug)]
pub enum Said {
    /// Said by the experiment and numbered.
    Item {
        /// Its number, from 1.
        ordinal: u64,
        /// What was said.
        item: Item,
        /// When, ms since 1970.
        time_ms: i64,
    },
    /// A point of a clock series.
    ClockPoint(TimedPoint),
    /// How far the run is.
    Progress(Progress),
    /// A log line of the engine itself.
    Log(LogLine),
    /// A checkpoint; every item below its ordinal was said before it.
    Checkpoint(SavedCheckpoint),
}

/// Nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Whoever listens to a run: the reporter of a leased run, or a terminal.
pub trait Sink {
    /// Takes one thing; may wait for room. Errors: nobody listens any more, and the run ends.
    fn hear(&mut self, said: Said) -> Result<(), Closed>;
}

/// A run to drive.
pub struct Plan<'a> {
    /// The experiment.
    pub entry: &'a Entry,
    /// Complete config.
    pub config: Map<String, Value>,
    /// Device, data folders and seed.
    pub lab: Lab,
    /// The file of the checkpoint to go on from.
    pub resume: Option<Bytes>,
    /// Where the run was forked from another: its first steps are the other's, so that it cannot start over.
    pub forked_step: Option<u64>,
    /// When to save; never in a terminal.
    pub saving: Option<Saving>,
}

/// When checkpoints are made.
#[derive(Debug, Clone, Copy)]
pub struct Saving {
    /// When the lease began.
    pub leased_at: Instant,
    /// Time between checkpoints after the first.
    pub every: Duration,
}

/// How driving a run ended.
#[derive(Debug)]
pub enum Ended {
    /// All steps are done.
    Succeeded {
        /// Summary numbers.
        summary: BTreeMap<String, Number>,
        /// Files left behind.
        artifacts: Vec<Artifact>,
    },
    /// It cannot go on; a sentence says why.
    Failed(String),
    /// Cancelled as ordered.
    Cancelled,
    /// Paused as ordered, after a checkpoint.
    Paused,
    /// The worker stops, after a checkpoint.
    Stopped,
    /// The run belongs to somebody else.
    Dropped,
}

/// Why the loop ends early.
enum Halt {
    Failed(String),
    Closed,
}

impl From<lab::Error> for Halt {
    fn from(error: lab::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Closed> for Halt {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

/// Drives a run to its end, while the calling thread waits. An error or a panic of the experiment is an ending like others.
///
/// It runs on a thread of rayon's pool: from outside, every parallel piece of a step would have to wake the pool and wait to be woken by it.
pub fn drive(plan: Plan<'_>, orders: &Orders, sink: &mut (impl Sink + Send)) -> Ended {
    // Unwind safe, for nothing that the experiment touched is used after a panic.
    match rayon::scope(|_| catch_unwind(AssertUnwindSafe(|| train(plan, orders, sink)))) {
        Ok(Ok(ended)) => ended,
        Ok(Err(Halt::Failed(reason))) => Ended::Failed(reason),
        Ok(Err(Halt::Closed)) => Ended::Dropped,
        Err(payload) => Ended::Failed(format!("The experiment panicked: {}", panic_text(payload.as_ref()))),
    }
}

fn train(mut plan: Plan<'_>, orders: &Orders, sink: &mut impl Sink) -> Result<Ended, Halt> {
    let (mut running, position) = begin(&mut plan, sink)?;
    let total = running.total_steps();
    if position.step > total {
        return Err(Halt::Failed(format!("The checkpoint is at step {}, but the run has {total} steps.", position.step)));
    }
    let pulse = Pulse::begin(Instant::now(), position.step, Duration::from_millis(position.trained_ms), Gpu::of(&plan.lab.device));
    let mut recorder = Recorder::resumed(position.last_steps.clone());
    // What a run without a further step says in its end belongs to the last step.
    recorder.begin_step(position.step);
    let mut training = Training { recorder, position, pulse, total, sink };
    training.tell_progress()?;
    let mut save_at = plan.saving.map(|saving| saving.leased_at + FIRST_CHECKPOINT);
    loop {
        match orders.now() {
            Command::GoOn => {}
            Command::Drop => return Ok(Ended::Dropped),
            Command::Cancel => return Ok(Ended::Cancelled),
            command @ (Command::Pause | Command::Stop) => {
                training.save(running.as_ref())?;
                return Ok(if command == Command::Pause { Ended::Paused } else { Ended::Stopped });
            }
        }
        if training.position.step == total {
            return training.finish(running);
        }
        training.step(running.as_mut())?;
        if let (Some(saving), Some(at)) = (plan.saving, save_at)
            && Instant::now() >= at
        {
            training.save(running.as_ref())?;
            // Counted from the end of saving, so that a slow save never takes all the time.
            save_at = Some(Instant::now() + saving.every);
        }
    }
}

/// Starts the experiment, or restores it; where a checkpoint does not fit, it starts over and says so, unless it is a fork.
fn begin(plan: &mut Plan<'_>, sink: &mut impl Sink) -> Result<(Box<dyn Running>, Position), Halt> {
    if let Some(checkpoint) = plan.resume.take() {
        let restore = || {
            let checkpoint = Checkpoint::from_bytes(&checkpoint)?;
            let position = Position::read(&checkpoint)?;
            Ok((plan.entry.restore(&plan.config, &plan.lab, &checkpoint)?, position))
        };
        match restore() {
            Err(error @ lab::Error::Checkpoint(_)) => {
                if let Some(step) = plan.forked_step {
                    return Err(Halt::Failed(why_no_fork(step, &format!("its checkpoint cannot be used: {error}"))));
                }
                let message = format!("The run starts over, for its checkpoint cannot be used: {error}.");
                sink.hear(Said::Log(LogLine { level: Level::Warning, message }))?;
            }
            restored => return Ok(restored?),
        }
    }
    if let Some(step) = plan.forked_step {
        return Err(Halt::Failed(why_no_fork(step, "its checkpoint is gone")));
    }
    Ok((plan.entry.start(&plan.config, &plan.lab)?, Position::start()))
}

/// The sentence for a fork that cannot go on from its checkpoint.
pub(crate) fn why_no_fork(step: u64, why: &str) -> String {
    format!("The run was forked at step {step} and cannot start over: {why}.")
}

/// What the engine keeps of a run beside the experiment itself.
struct Training<'a, S> {
    recorder: Recorder,
    position: Position,
    pulse: Pulse,
    total: u64,
    sink: &'a mut S,
}

impl<S: Sink> Training<'_, S> {
    fn step(&mut self, running: &mut dyn Running) -> Result<(), Halt> {
        self.position.step += 1;
        self.recorder.begin_step(self.position.step);
        running.step(&mut self.recorder)?;
        self.tell()?;
        for point in self.pulse.beat(Instant::now(), self.position.step, now_ms()) {
            self.sink.hear(Said::ClockPoint(point))?;
        }
        self.tell_progress()
    }

    /// Passes on what the experiment said, numbered.
    fn tell(&mut self) -> Result<(), Halt> {
        let time_ms = now_ms();
        for item in self.recorder.take_items() {
            let ordinal = self.position.next_ordinal;
            self.position.next_ordinal += 1;
            self.sink.hear(Said::Item { ordinal, item, time_ms })?;
        }
        for point in self.recorder.take_clock_points() {
            self.sink.hear(Said::ClockPoint(TimedPoint { point, time_ms }))?;
        }
        Ok(())
    }

    fn tell_progress(&mut self) -> Result<(), Halt> {
        match self.pulse.progress(Instant::now(), self.position.step, self.total) {
            Some(progress) => Ok(self.sink.hear(Said::Progress(progress))?),
            None => Ok(()),
        }
    }

    fn save(&mut self, running: &dyn Running) -> Result<(), Halt> {
        self.position.trained_ms = self.pulse.trained(Instant::now()).as_millis() as u64;
        let checkpoint = SavedCheckpoint::make(running, &self.recorder, &mut self.position)?;
        Ok(self.sink.hear(Said::Checkpoint(checkpoint))?)
    }

    fn finish(mut self, running: Box<dyn Running>) -> Result<Ended, Halt> {
        running.finish(&mut self.recorder)?;
        self.tell()?;
        let progress = self.pulse.progress_now(Instant::now(), self.total, self.total);
        self.sink.hear(Said::Progress(progress))?;
        let (summary, artifacts) = self.recorder.take_results();
        let summary = summary.into_iter().map(|(name, value)| (name, Number(value))).collect();
        Ok(Ended::Succeeded { summary, artifacts })
    }
}

/// What a panic said.
fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned().or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it left no message".to_owned())
}

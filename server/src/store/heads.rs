//! What this server remembers of the runs that report to it, so that an ordinary batch is one round trip to the database.
//!
//! A memory is never trusted: the write that uses it names the row's position it believes in, and changes nothing where it is wrong.

use super::{
    StoreError,
    chunk::StoredPoint,
    recent::{self, MOST_BATCHES, MOST_POINTS, SeriesPoint},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;
use worker::protocol::{Batch, ReportedItem, TimedPoint};

/// Runs remembered at most; beyond that all are forgotten and read again.
const MOST_RUNS: usize = 1_024;

/// Metric name and arm, `""` for the whole run.
pub(super) type SeriesKey = (String, String);

/// Where a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeriesEnd {
    pub number: i64,
    pub last_step: Option<i64>,
}

/// The end of one run's log and of its series.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub lease_token: Uuid,
    pub last_seq: i64,
    pub next_ordinal: u64,
    pub series: HashMap<SeriesKey, SeriesEnd>,
    /// Batches and points not folded into chunks yet.
    pub recent_batches: usize,
    pub recent_points: usize,
}

impl Head {
    /// The head of a run whose series (number, name, arm, last step in a chunk) and unfolded rows were read.
    pub fn read(lease_token: Uuid, series: Vec<(i64, String, String, Option<i64>)>, recent: &[Vec<u8>]) -> Result<Self, StoreError> {
        let unfolded = recent::by_series(recent)?;
        let end = |(number, name, arm, last_step): (i64, String, String, Option<i64>)| {
            let newest = unfolded.get(&number).and_then(|points| points.last()).map(|point| point.step);
            ((name, arm), SeriesEnd { number, last_step: newest.or(last_step) })
        };
        Ok(Self {
            lease_token,
            series: series.into_iter().map(end).collect(),
            recent_batches: recent.len(),
            recent_points: unfolded.values().map(Vec::len).sum(),
            ..Self::default()
        })
    }

    /// Whether another batch may lie unfolded.
    pub fn has_room(&self) -> bool {
        self.recent_batches < MOST_BATCHES && self.recent_points < MOST_POINTS
    }

    /// Adds a point at the end of its series, or says why it may not stand there.
    pub fn take_point(&mut self, point: &TimedPoint, taken: &mut Vec<SeriesPoint>) -> Result<(), String> {
        let next = self.series.len() as i64;
        let end = self.series.entry(key(point)).or_insert(SeriesEnd { number: next, last_step: None });
        let (name, step) = (&point.point.name, point.point.step as i64);
        if let Some(last) = end.last_step.filter(|last| *last >= step) {
            return Err(format!("{name} has a point at step {last} already, and none may follow at step {step}"));
        }
        end.last_step = Some(step);
        taken.push((end.number, stored(point)));
        Ok(())
    }

    /// Whether the batch is nothing but the next points of known series (and how far the run is).
    pub fn continues_with(&self, batch: &Batch) -> bool {
        let is_known = |point: &TimedPoint| self.series.contains_key(&key(point));
        batch.lease_token == self.lease_token
            && batch.first_ordinal == self.next_ordinal
            && batch.engine_log.is_empty()
            && batch.status_reason.is_none()
            && !(batch.items.is_empty() && batch.clock_points.is_empty())
            && batch.items.iter().all(|item| matches!(item, ReportedItem::Point(point) if is_known(point)))
            && batch.clock_points.iter().all(is_known)
    }
}

/// The series a point belongs to.
pub(super) fn key(point: &TimedPoint) -> SeriesKey {
    (point.point.name.clone(), point.point.arm.clone().unwrap_or_default())
}

/// A point as it is stored.
pub(super) fn stored(point: &TimedPoint) -> StoredPoint {
    StoredPoint { step: point.point.step as i64, time_ms: point.time_ms, value: point.point.value.0 }
}

/// The heads of the runs that report to this server.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<HashMap<Uuid, Head>>);

impl Heads {
    /// Takes a run's head out. Whoever meets none reads the database.
    pub(super) fn take(&self, run_id: Uuid) -> Option<Head> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run_id)
    }

    /// Puts a head (back).
    pub(super) fn put(&self, run_id: Uuid, head: Head) {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heads.len() >= MOST_RUNS {
            heads.clear();
        }
        heads.insert(run_id, head);
    }
}

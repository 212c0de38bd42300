//! Whether two runs gave the same points: bit for bit, or the first step at which they part.

use crate::store::{SeriesHead, Store, StoreError, StoredPoint};
use lab::{json::Number, record::is_clock_name};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use uuid::Uuid;

/// Where two runs part.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The step; `None` for a summary number, which has none.
    pub step: Option<i64>,
    /// Metric or summary name.
    pub name: String,
    /// Arm; empty for the whole run, and for a summary number.
    pub arm: String,
    /// What the first run has there; `None` for nothing.
    pub one: Option<f64>,
    /// What the other has.
    pub other: Option<f64>,
}

/// What a comparison has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Sameness {
    /// Series that were compared.
    pub series: usize,
    /// Points that are the same in both.
    pub points: u64,
    /// The first of the differences; `None` where there are none.
    pub difference: Option<Difference>,
}

/// The points of one series, read piece by piece; none for a series that the run does not have.
struct Reader<'a> {
    store: &'a Store,
    run_id: Uuid,
    series: Option<i64>,
    ahead: VecDeque<StoredPoint>,
    last: i64,
}

impl<'a> Reader<'a> {
    fn new(store: &'a Store, run_id: Uuid, series: Option<i64>, after: i64) -> Self {
        Self { store, run_id, series, ahead: VecDeque::new(), last: after }
    }

    async fn peek(&mut self) -> Result<Option<StoredPoint>, StoreError> {
        if self.ahead.is_empty()
            && let Some(series) = self.series
        {
            self.ahead = self.store.read_points_after(self.run_id, series, self.last).await?.into();
            match self.ahead.back() {
                Some(point) => self.last = point.step,
                None => self.series = None,
            }
        }
        Ok(self.ahead.front().copied())
    }
}

/// Compares all points after step `after` (−1 for every point) and all summary numbers of two runs but those of the clock. Both should have
/// ended.
pub async fn compare(
    store: &Store,
    (one, one_summary): (Uuid, &BTreeMap<String, Number>),
    (other, other_summary): (Uuid, &BTreeMap<String, Number>),
    after: i64,
) -> Result<Sameness, StoreError> {
    let mut pairs: BTreeMap<(String, String), (Option<i64>, Option<i64>)> = BTreeMap::new();
    for SeriesHead { name, arm, number } in store.list_series(one).await? {
        pairs.entry((name, arm)).or_default().0 = Some(number);
    }
    for SeriesHead { name, arm, number } in store.list_series(other).await? {
        pairs.entry((name, arm)).or_default().1 = Some(number);
    }
    pairs.retain(|(name, _), _| !is_clock_name(name));
    let mut found = Sameness { series: pairs.len(), points: 0, difference: None };
    for ((name, arm), (left, right)) in pairs {
        let (mut left, mut right) = (Reader::new(store, one, left, after), Reader::new(store, other, right, after));
        loop {
            let (here, there) = (left.peek().await?, right.peek().await?);
            let step = match (here, there) {
                (None, None) => break,
                (Some(point), None) | (None, Some(point)) => point.step,
                (Some(here), Some(there)) => here.step.min(there.step),
            };
            // Later steps of this series change nothing once another has parted before.
            if found.difference.as_ref().and_then(|first| first.step).is_some_and(|first| first <= step) {
                break;
            }
            let at = |point: Option<StoredPoint>| point.filter(|point| point.step == step).map(|point| point.value);
            let (here, there) = (at(here), at(there));
            if here.map(f64::to_bits) != there.map(f64::to_bits) {
                found.difference = Some(Difference { step: Some(step), name, arm, one: here, other: there });
                break;
            }
            left.ahead.pop_front();
            right.ahead.pop_front();
            found.points += 1;
        }
    }
    if found.difference.is_none() {
        let names = one_summary.keys().chain(other_summary.keys()).filter(|name| !is_clock_name(name));
        let at = |summary: &BTreeMap<String, Number>, name: &String| summary.get(name).map(|value| value.0);
        found.difference = names
            .map(|name| (name, at(one_summary, name), at(other_summary, name)))
            .find(|(_, one, other)| one.map(f64::to_bits) != other.map(f64::to_bits))
            .map(|(name, one, other)| Difference { step: None, name: name.clone(), arm: String::new(), one, other });
    }
    Ok(found)
}

/// SHA-256 over all points of a run but those of the clock: name, arm, step and the value's bits, series by name and arm. The same config,
/// seed and version give the same digest on the same kind of CPU.
pub async fn digest(store: &Store, run_id: Uuid) -> Result<String, StoreError> {
    let mut hasher = Sha256::new();
    for SeriesHead { name, arm, number } in store.list_series(run_id).await? {
        if is_clock_name(&name) {
            continue;
        }
        hasher.update(format!("{name}\n{arm}\n"));
        let mut last = -1;
        loop {
            let points = store.read_points_after(run_id, number, last).await?;
            let Some(end) = points.last() else { break };
            last = end.step;
            for point in points {
                hasher.update(point.step.to_le_bytes());
                hasher.update(point.value.to_bits().to_le_bytes());
            }
        }
    }
    Ok(hex::encode(hasher.finalize()))
}

//! What workers and the server say to each other, under `/api/v1/worker/`.
//!
//! Everything an experiment says is numbered from 1 by the engine (the *ordinal*), and the number is part of every checkpoint: a
//! resumed run numbers the repeated part alike, and the server drops what it has. What the engine itself says (status, progress,
//! clock series) has no ordinal; repeats of it are new or dropped, never compared.

use lab::{
    json::Number,
    record::{Level, Point},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value, value::RawValue};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long a lease lasts by the server's clock unless it is renewed; every call renews it.
pub const LEASE_MS: i64 = 30_000;
/// A worker calls at least this often while it holds a lease.
pub const RENEW_MS: u64 = 5_000;

/// `POST /worker/register`: a worker introduces itself; also after the server has forgotten it (404 on lease).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Register {
    /// Chosen by the worker at its start, so that a repeated registration is the same worker.
    pub worker_id: Uuid,
    /// Name shown to people.
    pub name: String,
    /// Host it runs on.
    pub host: String,
    /// Devices it offers, `cpu` and `cuda:N`.
    pub devices: Vec<String>,
    /// Its `engram_version`; a run resumes only on the same one.
    pub version: String,
}

/// `POST /worker/lease`: asks for a run; waits up to `wait_seconds` for one. 200 with a [`Lease`], or 204.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskForRun {
    /// Who asks.
    pub worker_id: Uuid,
    /// How long to wait for a run, at most 30.
    pub wait_seconds: u64,
}

/// A run handed to a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lease {
    /// The run.
    pub run_id: Uuid,
    /// Proves the lease; every report carries it.
    pub lease_token: Uuid,
    /// Experiment id.
    pub experiment: String,
    /// Complete config.
    pub config: Map<String, Value>,
    /// Seed of every random stream.
    pub seed: u64,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Which lease of this run it is, from 1.
    pub attempt: u64,
    /// The newest checkpoint of this run, whatever version made it.
    pub checkpoint: Option<CheckpointInfo>,
    /// Where the run was forked from another: it goes on from its checkpoint or fails, for its first steps are the other's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_step: Option<u64>,
}

/// A stored checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// The ordinal that follows the last item before it: the first ordinal a resumed run sends.
    pub next_ordinal: u64,
    /// Steps done.
    pub step: u64,
    /// Size of its file.
    pub bytes: u64,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// The `engram_version` that wrote it.
    pub engram_version: String,
}

/// `POST /worker/runs/{id}/batches`: reports, renews the lease, and learns what to do. Answers: 200 [`Answer`]; 409 with problem type
/// `lease-lost` (drop the run) or `ordinal-gap` (send again from `expected_ordinal`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Batch {
    /// Proof of the lease.
    pub lease_token: Uuid,
    /// Ordinal of the first item; the others follow without a gap.
    pub first_ordinal: u64,
    /// What the experiment said, in order.
    pub items: Vec<ReportedItem>,
    /// Points of clock series (`time/`, `throughput/`, `system/`), outside the numbering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clock_points: Vec<TimedPoint>,
    /// Log lines of the engine itself, outside the numbering.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engine_log: Vec<LogLine>,
    /// How far the run is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What the worker does before the first step (`fetching cifar10, 41%`); an empty text takes the sentence back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// The worker's clock when it sent this, ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_ms: Option<i64>,
}

/// A batch takes far less than this to arrive; a larger difference is one of clocks.
const CLOCK_TOLERANCE_MS: i64 = 2_000;

impl Batch {
    /// Tells the times of the points by the server's clock, on which it is `now_ms` as the batch arrives. A worker's clock may be hours
    /// off, and runs of several workers lie on one time axis.
    pub fn tell_times_by(&mut self, now_ms: i64) {
        let ahead = self.sent_at_ms.map_or(0, |sent| sent.saturating_sub(now_ms));
        if ahead.abs() <= CLOCK_TOLERANCE_MS {
            return;
        }
        let numbered = self.items.iter_mut().filter_map(|item| match item {
            ReportedItem::Point(point) => Some(point),
            ReportedItem::Frame(_) | ReportedItem::Log(_) => None,
        });
        numbered.chain(&mut self.clock_points).for_each(|point| point.time_ms = point.time_ms.saturating_sub(ahead));
    }
}

/// One numbered item.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReportedItem {
    /// A value of a series.
    Point(TimedPoint),
    /// A picture.
    Frame(ReportedFrame),
    /// A log line.
    Log(LogLine),
}

impl<'de> Deserialize<'de> for ReportedItem {
    /// By hand, because a derived tagged enum reads its fields into a buffer first, and a `RawValue` cannot be read from there.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Type {
            Point,
            Frame,
            Log,
        }
        #[derive(Deserialize)]
        struct Fields {
            r#type: Type,
            name: Option<String>,
            arm: Option<String>,
            step: Option<u64>,
            value: Option<Number>,
            time_ms: Option<i64>,
            kind: Option<String>,
            body: Option<Box<RawValue>>,
            level: Option<Level>,
            message: Option<String>,
        }
        let missing = <D::Error as de::Error>::missing_field;
        let fields = Fields::deserialize(from)?;
        Ok(match fields.r#type {
            Type::Point => Self::Point(TimedPoint {
                point: Point {
                    name: fields.name.ok_or_else(|| missing("name"))?,
                    arm: fields.arm,
                    step: fields.step.ok_or_else(|| missing("step"))?,
                    value: fields.value.ok_or_else(|| missing("value"))?,
                },
                time_ms: fields.time_ms.ok_or_else(|| missing("time_ms"))?,
            }),
            Type::Frame => Self::Frame(ReportedFrame {
                name: fields.name.ok_or_else(|| missing("name"))?,
                arm: fields.arm,
                step: fields.step.ok_or_else(|| missing("step"))?,
                kind: fields.kind.ok_or_else(|| missing("kind"))?,
                body: fields.body.ok_or_else(|| missing("body"))?,
            }),
            Type::Log => Self::Log(LogLine {
                level: fields.level.ok_or_else(|| missing("level"))?,
                message: fields.message.ok_or_else(|| missing("message"))?,
            }),
        })
    }
}

/// A point with the time it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimedPoint {
    /// The point.
    #[serde(flatten)]
    pub point: Point,
    /// When it was made, ms since 1970 by the worker's clock.
    pub time_ms: i64,
}

/// A picture on its way to the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportedFrame {
    /// Name of the frame.
    pub name: String,
    /// The arm it belongs to.
    pub arm: Option<String>,
    /// The step it shows.
    pub step: u64,
    /// `heatmap`, `plot`, `histogram`, `raster`, `graph` or `image`.
    pub kind: String,
    /// The frame's JSON, byte for byte as it will be served; for an `image` its PNG in base64 as a JSON string.
    pub body: Box<RawValue>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// How serious it is.
    pub level: Level,
    /// One sentence.
    pub message: String,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub total: u64,
    /// Seconds left, once they can be told.
    pub eta_seconds: Option<f64>,
}

/// Answer to a batch.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Answer {
    /// What to do next.
    pub order: Order,
    /// The ordinal the server expects next.
    pub next_ordinal: u64,
}

/// What the server wants of a worker that holds a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Train on.
    GoOn,
    /// Checkpoint, then finish with [`Outcome::Paused`].
    Pause,
    /// Stop, then finish with [`Outcome::Cancelled`].
    Cancel,
}

/// Query of `PUT /worker/runs/{id}/checkpoint`; the body is the file. It becomes current only if every item below `next_ordinal` is
/// stored (else 409 `ordinal-gap`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckpointUpload {
    /// Proof of the lease.
    pub lease_token: Uuid,
    /// See [`CheckpointInfo::next_ordinal`].
    pub next_ordinal: u64,
    /// Steps done.
    pub step: u64,
    /// SHA-256 of the body, hexadecimal.
    pub sha256: String,
    /// The worker's version.
    pub engram_version: String,
}

/// Query of `GET /worker/runs/{id}/checkpoint` and of `PUT /worker/runs/{id}/artifacts/{path}` (whose media type is its `Content-Type`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseProof {
    /// Proof of the lease.
    pub lease_token: Uuid,
}

/// `POST /worker/runs/{id}/finish`: gives the lease back, after every item is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finish {
    /// Proof of the lease.
    pub lease_token: Uuid,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a lease ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// All steps done.
    Succeeded {
        /// Summary numbers by `METRIC.ARM`.
        summary: BTreeMap<String, Number>,
    },
    /// It cannot go on.
    Failed {
        /// A sentence a person can act on.
        reason: String,
    },
    /// Cancelled as ordered.
    Cancelled,
    /// Paused as ordered; a checkpoint is stored.
    Paused,
    /// The worker stops or cannot do it; the run goes back to the queue and no death is counted.
    HandedBack {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_survives_json_to_the_bit() {
        let point = |value: f64| TimedPoint {
            point: Point { name: "loss".to_owned(), arm: None, step: (1 << 53) - 1, value: Number(value) },
            time_ms: 1_700_000_000_123,
        };
        for value in [f64::NAN, f64::NEG_INFINITY, -0.0, 5e-324, 0.1 + 0.2] {
            let text = serde_json::to_string(&ReportedItem::Point(point(value))).unwrap();
            let ReportedItem::Point(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            assert_eq!(back.point.value.0.to_bits(), value.to_bits(), "{text}");
            assert_eq!((back.time_ms, back.point.step), (1_700_000_000_123, (1 << 53) - 1));
        }
        let body = RawValue::from_string(r#"{"kind":"heatmap",  "values":[1.50, "NaN"]}"#.to_owned()).unwrap();
        let frame = ReportedFrame { name: "f".to_owned(), arm: Some("a".to_owned()), step: 3, kind: "heatmap".to_owned(), body };
        let text = serde_json::to_string(&ReportedItem::Frame(frame.clone())).unwrap();
        let ReportedItem::Frame(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(back.body.get(), frame.body.get());
        let line = LogLine { level: Level::Warning, message: "\u{1f9e0}".to_owned() };
        let text = serde_json::to_string(&ReportedItem::Log(line.clone())).unwrap();
        let ReportedItem::Log(back) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(back, line);
        let error = serde_json::from_str::<ReportedItem>(r#"{"type":"log","level":"info"}"#).unwrap_err();
        assert!(error.to_string().contains("missing field `message`"), "{error}");
    }
}

//! What a watched run looks like now: its state, how far it is, and the curves of its main metric.

use super::{
    calls::{CallError, Server},
    chart::Curve,
    labels::{duration, name_of, plain, text},
};
use lab::json::Number;
use serde_json::{Value, json};
use server::store::RunStatus;
use worker::terminal::digits;

/// Points asked for of a curve that is there already; a terminal shows a few hundred.
const POINTS: usize = 1_000;

/// What the catalogue says about a run's experiment.
pub struct Card {
    /// The metric that is drawn: the first of the first panel of curves, as on the dashboard.
    pub metric: String,
    /// Its name for people.
    pub metric_title: String,
    /// Ids of the arms in the order of their colours.
    pub arms: Vec<String>,
    /// Claims with their statements.
    pub claims: Vec<(String, String)>,
}

impl Card {
    /// The card of an experiment.
    pub async fn of(server: &Server, experiment: &str) -> Result<Self, CallError> {
        let card = match server.get(&format!("experiments/{experiment}"), &[]).await {
            // A run outlives its experiment; it is shown without what the card would add.
            Err(error) if error.is_missing() => json!({}),
            card => card?,
        };
        let list = |field: &str| card[field].as_array().cloned().unwrap_or_default();
        let panels = list("panels");
        let first = panels.iter().find(|panel| panel["kind"] == "series").and_then(|panel| panel["metrics"][0].as_str());
        let metrics = list("metrics");
        let metric = first.or_else(|| metrics.first().map(|metric| text(metric, "name"))).unwrap_or("").to_owned();
        let title =
            metrics.iter().find(|known| known["name"] == metric.as_str()).map_or(metric.clone(), |known| text(known, "title").to_owned());
        Ok(Self {
            metric_title: title,
            metric,
            arms: list("arms").iter().map(|arm| text(arm, "id").to_owned()).collect(),
            claims: list("claims").iter().map(|claim| (text(claim, "id").to_owned(), text(claim, "statement").to_owned())).collect(),
        })
    }
}

/// A curve of the main metric.
struct Line {
    arm: Option<String>,
    points: Vec<(f64, f64)>,
}

/// A run while it is watched.
pub struct Watched {
    /// What it is, in a few words.
    pub name: String,
    /// Its state as the contract's word.
    pub state: String,
    reason: Option<String>,
    queue: Option<u64>,
    step: u64,
    total: Option<u64>,
    eta_seconds: Option<f64>,
    lines: Vec<Line>,
    /// Since when the server does not answer, and why.
    pub lost: Option<String>,
}

impl Watched {
    /// A run with what is known of its curves, and the number of the event that comes next after them.
    pub async fn open(server: &Server, card: &Card, id: &str) -> Result<(Self, i64), CallError> {
        let query = [("names", card.metric.clone()), ("points", POINTS.to_string())];
        let metrics = server.get(&format!("runs/{id}/metrics"), &query).await?;
        // Read after the points, so that nothing it says is older than they are; the events between the two only repeat it.
        let run = server.get(&format!("runs/{id}"), &[]).await?;
        let progress = &run["progress"];
        let mut watched = Self {
            name: name_of(&run),
            state: text(&run, "status").to_owned(),
            reason: run["status_reason"].as_str().map(plain),
            queue: run["queue"]["position"].as_u64(),
            step: progress["step"].as_u64().unwrap_or(0),
            total: progress["total"].as_u64(),
            eta_seconds: progress["eta_seconds"].as_f64(),
            lines: Vec::new(),
            lost: None,
        };
        for series in metrics["series"].as_array().into_iter().flatten().filter(|series| series["name"] == card.metric.as_str()) {
            let steps = series["steps"].as_array().into_iter().flatten();
            for (step, value) in steps.zip(series["values"].as_array().into_iter().flatten()) {
                watched.add(series["arm"].as_str(), step, value);
            }
        }
        Ok((watched, metrics["last_seq"].as_i64().unwrap_or(0)))
    }

    /// Takes the next event of the run's log.
    pub fn take(&mut self, event: &Value, card: &Card) {
        match text(event, "type") {
            "status" => {
                self.state = text(event, "status").to_owned();
                self.reason = event["reason"].as_str().map(plain);
                self.queue = None;
            }
            "progress" => {
                self.step = event["step"].as_u64().unwrap_or(self.step);
                self.total = event["total"].as_u64().or(self.total);
                self.eta_seconds = event["eta_seconds"].as_f64();
            }
            "metrics" => {
                for point in event["points"].as_array().into_iter().flatten().filter(|point| point["name"] == card.metric.as_str()) {
                    self.add(point["arm"].as_str(), &point["step"], &point["value"]);
                    self.step = self.step.max(point["step"].as_u64().unwrap_or(0));
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, arm: Option<&str>, step: &Value, value: &Value) {
        let Ok(Number(value)) = serde_json::from_value(value.clone()) else { return };
        let point = (step.as_f64().unwrap_or(0.0), value);
        match self.lines.iter_mut().find(|line| line.arm.as_deref() == arm) {
            Some(line) => line.points.push(point),
            None => self.lines.push(Line { arm: arm.map(str::to_owned), points: vec![point] }),
        }
    }

    /// The curves with their names, in the card's order.
    pub fn curves(&self, card: &Card) -> Vec<(String, Curve<'_>)> {
        let place =
            |line: &Line| line.arm.as_ref().and_then(|arm| card.arms.iter().position(|known| known == arm)).unwrap_or(card.arms.len());
        let mut curves: Vec<_> = self.lines.iter().map(|line| (line, place(line))).collect();
        curves.sort_by_key(|(_, place)| *place);
        let name = |line: &Line| line.arm.clone().unwrap_or_else(|| "run".to_owned());
        curves.into_iter().map(|(line, place)| (name(line), Curve { place, points: &line.points })).collect()
    }

    /// The last value of every curve, as `dense 0.7911  g2g 0.8123`.
    pub fn latest(&self, card: &Card) -> String {
        let last = |(name, curve): (String, Curve)| curve.points.last().map(|(_, value)| format!("{name} {}", digits(*value)));
        self.curves(card).into_iter().filter_map(last).collect::<Vec<_>>().join("  ")
    }

    /// The last step that the chart must have room for.
    pub fn end(&self) -> f64 {
        self.total.unwrap_or(self.step).max(self.step) as f64
    }

    /// Whether it has ended for good.
    pub fn is_over(&self) -> bool {
        RunStatus::from_word(&self.state).is_some_and(RunStatus::is_terminal)
    }

    /// The part that is done, 0 to 1.
    pub fn part(&self) -> f64 {
        self.total.filter(|total| *total > 0).map_or(0.0, |total| (self.step as f64 / total as f64).min(1.0))
    }

    /// The state, and how far it is, in words.
    pub fn told(&self) -> String {
        let mut parts = vec![self.state.clone()];
        if let Some(place) = self.queue.filter(|_| self.state == "queued") {
            parts.push(format!("place {place} in the queue"));
        }
        match self.total {
            Some(total) if self.step > 0 => parts.push(format!("step {} of {total}", self.step)),
            _ if self.step > 0 => parts.push(format!("step {}", self.step)),
            _ => {}
        }
        if let Some(seconds) = self.eta_seconds.filter(|_| self.state == "running") {
            parts.push(format!("{} left", duration(seconds)));
        }
        parts.extend(self.reason.clone().map(|reason| reason.replace('\n', " ")));
        parts.join(", ")
    }
}

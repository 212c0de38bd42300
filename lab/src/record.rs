//! What an experiment says while it runs: points, frames, log lines, and at the end its summary and artifacts.

mod bars;
mod overlays;
mod role;

pub use bars::Bars;
pub use overlays::{Compared, Diagram, Dots, Dotted, Frontier, Marked, Marks, Residuals};

use crate::{Error, Result, json::Number};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// One thing said during a run.
#[derive(Debug, Clone)]
pub enum Item {
    /// One value of a series.
    Point(Point),
    /// A picture.
    Frame {
        /// Name of the panel's frame.
        name: String,
        /// The arm it belongs to; `None` for the whole run.
        arm: Option<String>,
        /// The step it shows.
        step: u64,
        /// The picture itself.
        frame: Frame,
    },
    /// A line of the log.
    Log {
        /// How serious it is.
        level: Level,
        /// One sentence.
        message: String,
    },
}

/// One value of a series at one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Metric name, `family/what`.
    pub name: String,
    /// The arm it belongs to; `None` for the whole run.
    pub arm: Option<String>,
    /// The global step.
    pub step: u64,
    /// The value; may be non-finite.
    pub value: Number,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something that may interest.
    Info,
    /// Something that may mislead whoever does not know it.
    Warning,
    /// Something that went wrong.
    Error,
}

/// A picture that the dashboard knows how to draw.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Frame {
    /// A matrix drawn as colours.
    Heatmap(Heatmap),
    /// A matrix drawn as colours, with lines over it; an ordinary heat map to whoever does not know the lines.
    #[serde(rename = "heatmap")]
    Diagram(Diagram),
    /// The same with measured values over it.
    #[serde(rename = "heatmap")]
    Dotted(Box<Dotted>),
    /// Curves against any axis.
    Plot(Plot),
    /// Curves against any axis, with a strip of residuals below; an ordinary plot to whoever does not know the residuals.
    #[serde(rename = "plot")]
    Compared(Compared),
    /// Grouped bars over named places; an ordinary plot to whoever does not know the names.
    #[serde(rename = "plot")]
    Bars(Bars),
    /// Curves against any axis, with upright lines where something happened; an ordinary plot to whoever does not know the lines.
    #[serde(rename = "plot")]
    Marked(Marked),
    /// Counts per bin.
    Histogram {
        /// `n + 1` bin edges, ascending.
        edges: Vec<Number>,
        /// `n` counts.
        counts: Vec<u64>,
        /// What is counted.
        title: String,
    },
    /// Spikes of neurons over steps.
    Raster {
        /// Number of neurons.
        neurons: u64,
        /// Number of steps.
        steps: u64,
        /// Pairs of neuron and step.
        spikes: Vec<(u64, u64)>,
    },
    /// Nodes and weighted edges.
    Graph {
        /// The nodes.
        nodes: Vec<Node>,
        /// The edges.
        edges: Vec<Edge>,
    },
    /// A picture as PNG bytes.
    #[serde(skip)]
    Image(Vec<u8>),
}

impl Frame {
    /// The kind as the contract names it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Heatmap(_) | Self::Diagram(_) | Self::Dotted(_) => "heatmap",
            Self::Plot(_) | Self::Compared(_) | Self::Marked(_) | Self::Bars(_) => "plot",
            Self::Histogram { .. } => "histogram",
            Self::Raster { .. } => "raster",
            Self::Graph { .. } => "graph",
            Self::Image(_) => "image",
        }
    }
}

/// A matrix drawn as colours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heatmap {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// Row-major values, `rows * columns` of them.
    pub values: Vec<Number>,
    /// Value at the low end of the scale.
    pub min: Number,
    /// Value at the high end of the scale.
    pub max: Number,
    /// Labels of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_labels: Option<Vec<String>>,
    /// Labels of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_labels: Option<Vec<String>>,
    /// What the columns are.
    pub x_title: String,
    /// What the rows are.
    pub y_title: String,
    /// The kind of scale.
    pub colour: Colour,
}

/// Colour scale of a heat map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Amounts from little to much.
    Sequential,
    /// Signed values around zero.
    Diverging,
}

/// Curves against any axis.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plot {
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// An axis of a plot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Axis {
    /// What it shows, with its unit.
    pub title: String,
    /// Whether it is logarithmic.
    pub log: bool,
}

/// A curve of a plot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Curve {
    /// Its name in the legend.
    pub label: String,
    /// Whether it is theory (a line), data (points), or data that are a line.
    #[serde(flatten)]
    pub role: Role,
    /// Horizontal values.
    pub x: Vec<Number>,
    /// Vertical values.
    pub y: Vec<Number>,
    /// Half lengths of the error bars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y_error: Option<Vec<Number>>,
    /// Whether the solver converged at each point; unconverged points are drawn hollow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converged: Option<Vec<bool>>,
}

/// What a curve of a plot is; on the wire `role`, `theory` or `data`, and `line` where data are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "role::Wire", from = "role::Wire")]
pub enum Role {
    /// Computed from a formula.
    Theory,
    /// Measured in this run.
    Data,
    /// Measured in this run, and a line by nature, as a ROC curve is.
    Line,
}

/// A node of a graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Its number.
    pub id: u64,
    /// The group it is drawn in.
    pub group: u64,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Horizontal place, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Vertical place, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
}

/// An edge of a graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Edge {
    /// Where it starts.
    pub from: u64,
    /// Where it ends.
    pub to: u64,
    /// Its weight.
    pub weight: Number,
}

/// A file that a run leaves behind.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Relative path with `/`, as `weights/dense.safetensors`.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Whether numbers of this name depend on the clock or the machine; only such names may, and they are left out of comparisons.
pub fn is_clock_name(name: &str) -> bool {
    ["time/", "throughput/", "system/"].iter().any(|family| name.starts_with(family))
}

/// Takes what an experiment says in one step. Everything but clock series is numbered by the engine in the order said here.
#[derive(Debug, Default)]
pub struct Recorder {
    step: u64,
    items: Vec<Item>,
    clock_points: Vec<Point>,
    last_step: HashMap<(String, Option<String>), u64>,
    summary: BTreeMap<String, f64>,
    artifacts: Vec<Artifact>,
}

impl Recorder {
    /// A recorder that goes on after a checkpoint: `last_step` is what [`Recorder::last_steps`] gave.
    pub fn resumed(last_steps: Vec<(String, Option<String>, u64)>) -> Self {
        let last_step = last_steps.into_iter().map(|(name, arm, step)| ((name, arm), step)).collect();
        Self { last_step, ..Self::default() }
    }

    /// The last step of every series, sorted; part of a checkpoint.
    pub fn last_steps(&self) -> Vec<(String, Option<String>, u64)> {
        let mut steps: Vec<_> = self.last_step.iter().map(|((name, arm), step)| (name.clone(), arm.clone(), *step)).collect();
        steps.sort();
        steps
    }

    /// Sets the step that following points and frames belong to. The engine calls this before each step.
    pub fn begin_step(&mut self, step: u64) {
        self.step = step;
    }

    /// The step that points and frames belong to now.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Records the value of a metric at this step. Errors: the series has a point at this step or a later one already.
    pub fn point<'a>(&mut self, name: &str, arm: impl Into<Option<&'a str>>, value: f64) -> Result<()> {
        let arm = arm.into().map(str::to_owned);
        let point = Point { name: name.to_owned(), arm: arm.clone(), step: self.step, value: Number(value) };
        if is_clock_name(name) {
            self.clock_points.push(point);
            return Ok(());
        }
        let last = self.last_step.entry((name.to_owned(), arm)).or_insert(u64::MAX);
        if *last != u64::MAX && *last >= self.step {
            return Err(Error::Record(format!("{name} has a point at step {last} already, and none may follow at step {}", self.step)));
        }
        *last = self.step;
        self.items.push(Item::Point(point));
        Ok(())
    }

    /// Records a picture of this step.
    pub fn frame<'a>(&mut self, name: &str, arm: impl Into<Option<&'a str>>, frame: Frame) {
        let arm = arm.into().map(str::to_owned);
        self.items.push(Item::Frame { name: name.to_owned(), arm, step: self.step, frame });
    }

    /// Writes a line to the run's log.
    pub fn log(&mut self, level: Level, message: impl Into<String>) {
        self.items.push(Item::Log { level, message: message.into() });
    }

    /// Adds a number to the summary: `METRIC.ARM`, `METRIC.ARM-ARM`, or a bare name for the whole run.
    pub fn summary(&mut self, name: impl Into<String>, value: f64) {
        self.summary.insert(name.into(), value);
    }

    /// Leaves a file behind.
    pub fn artifact(&mut self, path: impl Into<String>, media_type: &str, bytes: Vec<u8>) {
        self.artifacts.push(Artifact { path: path.into(), media_type: media_type.to_owned(), bytes });
    }

    /// Takes what was said since the last call, in order.
    pub fn take_items(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }

    /// Takes the clock points said since the last call.
    pub fn take_clock_points(&mut self) -> Vec<Point> {
        std::mem::take(&mut self.clock_points)
    }

    /// Takes summary and artifacts at the end of a run.
    pub fn take_results(&mut self) -> (BTreeMap<String, f64>, Vec<Artifact>) {
        (std::mem::take(&mut self.summary), std::mem::take(&mut self.artifacts))
    }
}

//! The pictures of the stream: accuracy over it, what remains of each task, where the means are, and uncertainty against change.

use super::{
    arm::{Arm, Model},
    fields::mean_and_variance,
    uncertainty::by_parts,
};
use crate::{
    Recorder,
    json::Number,
    record::{Axis, Colour, Curve, Frame, Heatmap, Plot, Role},
};

/// Bins of a histogram of means.
const BINS: usize = 40;
/// Weights of a scatter picture.
const SCATTERED: usize = 400;
/// Parts of equal size by certainty.
const PARTS: usize = 10;
/// Names of the frames of the means of each layer.
const MEANS: [&str; 3] = ["means/layer_1", "means/layer_2", "means/layer_3"];

/// After each epoch.
pub fn tell_epoch(arm: &Arm, epochs_per_task: u64, out: &mut Recorder) {
    out.frame("stream/accuracy", arm.id.id(), over_the_stream(arm, epochs_per_task));
    if let Model::Fields(learner) = &arm.model {
        for (name, layer) in MEANS.iter().zip(&learner.network.layers) {
            out.frame(name, arm.id.id(), histogram(&layer.means));
        }
    }
}

fn axis(title: &str) -> Axis {
    Axis { title: title.to_owned(), log: false }
}

fn over_the_stream(arm: &Arm, epochs_per_task: u64) -> Frame {
    let history = &arm.state.history;
    let tasks = history.last().map_or(0, Vec::len);
    let mut curves: Vec<Curve> = (0..tasks)
        .map(|task| {
            let known = history.iter().enumerate().filter_map(|(epoch, row)| Some((epoch + 1, *row.get(task)?)));
            let (x, y) = known.map(|(epoch, accuracy)| (Number(epoch as f64), Number(accuracy))).unzip();
            Curve { label: format!("task {}", task + 1), role: Role::Line, x, y, y_error: None, converged: None }
        })
        .collect();
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for border in (1..tasks).map(|task| (task as u64 * epochs_per_task) as f64) {
        // A number that is none ends the line between two borders.
        x.extend([border; 3].map(Number));
        y.extend([0.0, 1.0, f64::NAN].map(Number));
    }
    if !x.is_empty() {
        curves.push(Curve { label: "next task".to_owned(), role: Role::Line, x, y, y_error: None, converged: None });
    }
    Frame::Plot(Plot { x: axis("epochs of the stream"), y: axis("test accuracy"), curves })
}

fn histogram(means: &[f32]) -> Frame {
    let mut counts = vec![0u64; BINS];
    for mean in means {
        let bin = ((mean + 1.0) * 0.5 * BINS as f32) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    let edges = (0..=BINS).map(|edge| Number(2.0 * edge as f64 / BINS as f64 - 1.0)).collect();
    Frame::Histogram { edges, counts, title: "mean of a weight".to_owned() }
}

/// After each task: accuracy on every task so far, row by row.
pub fn matrix(arm: &Arm, tasks: usize) -> Frame {
    let rows = arm.state.accuracies.rows();
    let cell = |at: usize| rows.get(at / tasks).and_then(|row| row.get(at % tasks)).copied().unwrap_or(f64::NAN);
    let label = |what: &str| Some((1..=tasks).map(|task| format!("{what} {task}")).collect());
    Frame::Heatmap(Heatmap {
        rows: tasks,
        columns: tasks,
        values: (0..tasks * tasks).map(|at| Number(cell(at))).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: label("after"),
        column_labels: label("task"),
        x_title: "task".to_owned(),
        y_title: "learnt so far".to_owned(),
        colour: Colour::Sequential,
    })
}

/// After the last step of a task, before its weights are marked as the next one's start: variance of the weights when it began against what
/// the task has changed of their fields.
pub fn uncertainty_and_change(arm: &Arm) -> Option<Frame> {
    let Model::Fields(_) = &arm.model else { return None };
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let (starts, ends) = (wide(arm.starts.concat()), wide(arm.values().concat()));
    let (mut means, mut variances) = (vec![0.0; starts.len()], vec![0.0; starts.len()]);
    mean_and_variance(&starts, arm.state.start_beta, &mut means, &mut variances);
    let changes: Vec<f64> = starts.iter().zip(&ends).map(|(start, end)| (end - start).abs()).collect();
    let parts = by_parts(&variances, &changes, PARTS);
    let column = |of: &dyn Fn(&[f64; 3]) -> f64| parts.iter().map(|part| Number(of(part))).collect::<Vec<_>>();
    let sample = (0..starts.len()).step_by(starts.len().div_ceil(SCATTERED).max(1));
    let (x, y) = sample.map(|at| (Number(variances[at]), Number(changes[at]))).unzip();
    Some(Frame::Plot(Plot {
        x: axis("variance of the weight when the task began"),
        y: axis("change of its field by the task"),
        curves: vec![
            Curve { label: "a sample of the weights".to_owned(), role: Role::Data, x, y, y_error: None, converged: None },
            Curve {
                label: "mean and deviation of each tenth".to_owned(),
                role: Role::Data,
                x: column(&|part| part[0]),
                y: column(&|part| part[1]),
                y_error: Some(column(&|part| part[2])),
                converged: None,
            },
        ],
    }))
}

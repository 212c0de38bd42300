//! The pictures of a run: time line, what follows a swap, learning rates, labels, and accuracy against the shift rate.

use super::{
    arm::Arm,
    config::{ArmId, CLASSES},
    shift::Labels,
    tally::{AROUND, Tally},
    world::{Swap, World},
};
use crate::{
    Recorder,
    json::Number,
    record::{Axis, Colour, Curve, Frame, Heatmap, Marked, Marks, Plot, Role},
};

/// Places of a time line at most.
const PLACES: usize = 300;
/// Batches of a bin of what follows a swap.
const BIN: usize = 10;

/// Pictures that grow: a time line and a histogram for each arm, and what follows a swap for all arms together.
pub fn tell_growing(arms: &[Arm], worlds: &[World], out: &mut Recorder) {
    for arm in arms.iter().filter(|arm| arm.state.alive) {
        out.frame("timeline", arm.name.as_str(), timeline(arm, &worlds[arm.world]));
        if arm.id.is_regulated() {
            let edges = arm.state.tally.histogram_edges().into_iter().map(Number).collect();
            let counts = arm.state.tally.histogram().to_vec();
            out.frame("learning_rate/histogram", arm.name.as_str(), Frame::Histogram { edges, counts, title: "learning rate".to_owned() });
        }
    }
    let seen: Vec<&Arm> = arms.iter().filter(|arm| arm.state.alive && arm.state.tally.swaps_seen() > 0).collect();
    if !seen.is_empty() {
        out.frame("swap_response/accuracy", None, swap_response(&seen, |tally| tally.around(BIN).0, "online accuracy", false));
        let regulated: Vec<&Arm> = seen.into_iter().filter(|arm| arm.id.is_regulated()).collect();
        if !regulated.is_empty() {
            out.frame("swap_response/learning_rate", None, swap_response(&regulated, |tally| tally.around(BIN).1, "learning rate", true));
        }
    }
}

/// Online accuracy, the learning rate as a multiple of that at the start, and every swap with its labels, on one axis of time.
fn timeline(arm: &Arm, world: &World) -> Frame {
    let places = &arm.state.tally.timeline;
    let kept: Vec<_> = places.iter().rev().step_by(places.len().div_ceil(PLACES).max(1)).rev().collect();
    let steps: Vec<Number> = kept.iter().map(|place| Number(place.step as f64)).collect();
    let first_rate = arm.first_rate;
    let curve = |label: &str, x, y| Curve { label: label.to_owned(), role: Role::Line, x, y, y_error: None, converged: None };
    let curves = vec![
        curve("online accuracy", steps.clone(), kept.iter().map(|place| Number(place.accuracy)).collect()),
        curve("learning rate / first", steps, kept.iter().map(|place| Number(place.rate / first_rate)).collect()),
    ];
    let axis = |title: &str, log| Axis { title: title.to_owned(), log };
    let plot = Plot { x: axis("batches seen", false), y: axis("accuracy; learning rate / first", true), curves };
    if world.swaps.is_empty() {
        return Frame::Plot(plot);
    }
    let marks = Marks {
        label: "labels swapped".to_owned(),
        x: world.swaps.iter().map(|swap| Number(swap.step as f64)).collect(),
        notes: world.swaps.iter().map(Swap::to_string).collect(),
    };
    Frame::Marked(Marked { plot, marks })
}

/// A mean over swaps by distance from the swap.
fn swap_response(arms: &[&Arm], values: impl Fn(&Tally) -> Vec<f64>, title: &str, log: bool) -> Frame {
    let middle = |bin: usize| Number((bin * BIN) as f64 + BIN as f64 / 2.0 - AROUND as f64);
    let curves = arms.iter().map(|arm| {
        let y: Vec<Number> = values(&arm.state.tally).into_iter().map(Number).collect();
        Curve { label: arm.name.clone(), role: Role::Data, x: (0..y.len()).map(middle).collect(), y, y_error: None, converged: None }
    });
    let x = Axis { title: "batches after the swap".to_owned(), log: false };
    Frame::Plot(Plot { x, y: Axis { title: title.to_owned(), log }, curves: curves.collect() })
}

/// Which label each class carries.
pub fn labels_now(labels: &Labels) -> Frame {
    let cells = (0..CLASSES * CLASSES).map(|cell| usize::from(labels.of((cell / CLASSES) as u8)) == cell % CLASSES);
    let names: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
    Frame::Heatmap(Heatmap {
        rows: CLASSES,
        columns: CLASSES,
        values: cells.map(|carried| Number(f64::from(carried))).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: Some(names.clone()),
        column_labels: Some(names),
        x_title: "label".to_owned(),
        y_title: "class".to_owned(),
        colour: Colour::Sequential,
    })
}

/// Online accuracy over the run against the shift rate, with the spread (standard deviation) over epochs; a curve for each system.
pub fn accuracy_by_shift_rate(arms: &[Arm], worlds: &[World]) -> Frame {
    let curves = ArmId::ALL.into_iter().filter_map(|id| {
        let same: Vec<&Arm> = arms.iter().filter(|arm| arm.id == id && arm.state.alive).collect();
        let spread = |arm: &&Arm| {
            let epochs = arm.state.tally.by_epoch();
            let mean = epochs.iter().sum::<f64>() / epochs.len() as f64;
            (epochs.iter().map(|accuracy| (accuracy - mean).powi(2)).sum::<f64>() / epochs.len() as f64).sqrt()
        };
        (!same.is_empty()).then(|| Curve {
            label: id.id().to_owned(),
            role: Role::Data,
            x: same.iter().map(|arm| Number(worlds[arm.world].shift.rate as f64)).collect(),
            y: same.iter().map(|arm| Number(arm.state.tally.online_mean())).collect(),
            y_error: Some(same.iter().map(spread).map(Number).collect()),
            converged: None,
        })
    });
    let axis = |title: &str| Axis { title: title.to_owned(), log: false };
    Frame::Plot(Plot { x: axis("swaps an epoch"), y: axis("online accuracy"), curves: curves.collect() })
}

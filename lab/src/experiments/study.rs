//! What experiments of several kinds share: a kind at some step, and the small pieces of pictures and tables that they say.

use crate::{
    Checkpoint, Recorder, Result,
    json::Number,
    record::{Axis, Compared, Curve, Frame, Plot, Residuals, Role},
};

/// One kind of an experiment at some step.
pub trait Study: Send {
    /// Steps of the run.
    fn total_steps(&self) -> u64;

    /// Step `t`, from 1.
    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()>;

    /// Saves what does not follow from config and seed.
    fn save(&self, into: &mut Checkpoint) -> Result<()>;

    /// Takes over what was saved.
    fn restore(&mut self, from: &Checkpoint) -> Result<()>;

    /// Summary and artifacts.
    fn finish(&self, out: &mut Recorder) -> Result<()>;
}

/// An axis with linear or logarithmic scale.
pub fn axis(title: &str, log: bool) -> Axis {
    Axis { title: title.to_owned(), log }
}

/// Measured points `(x, y, half length of the error bar)`.
pub fn measured(label: &str, points: &[(f64, f64, f64)]) -> Curve {
    Curve {
        y_error: Some(points.iter().map(|point| Number(point.2)).collect()),
        ..curve(label, Role::Data, points.iter().map(|p| (p.0, p.1)))
    }
}

/// A line computed point by point `(x, y, whether the solver converged)`.
pub fn solved(label: &str, points: &[(f64, f64, bool)]) -> Curve {
    Curve { converged: Some(points.iter().map(|point| point.2).collect()), ..curve(label, Role::Theory, points.iter().map(|p| (p.0, p.1))) }
}

/// A plot with a strip below it: how far measured points, whose error bars are one standard error, lie from the points of theory
/// `(x, y, whether the solver converged)` at the same places. Without such pairs it is the plot alone.
pub fn compared(plot: Plot, pairs: &[(&Curve, &[(f64, f64, bool)])]) -> Frame {
    if pairs.is_empty() {
        return Frame::Plot(plot);
    }
    let residuals = |(measured, theory): &(&Curve, &[(f64, f64, bool)])| {
        let expected: Vec<f64> = theory.iter().map(|point| point.1).collect();
        Residuals { converged: Some(theory.iter().map(|point| point.2).collect()), ..Residuals::of(measured, &expected) }
    };
    Frame::Compared(Compared { residuals: pairs.iter().map(residuals).collect(), plot })
}

/// A curve without error bars.
pub fn curve(label: &str, role: Role, points: impl Iterator<Item = (f64, f64)>) -> Curve {
    let (x, y) = points.map(|(x, y)| (Number(x), Number(y))).unzip();
    Curve { label: label.to_owned(), role, x, y, y_error: None, converged: None }
}

/// A table as CSV: a header and rows.
pub fn csv(header: &str, rows: impl Iterator<Item = String>) -> Vec<u8> {
    let mut text = format!("{header}\n");
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    text.into_bytes()
}

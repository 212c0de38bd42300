//! What every kind of this experiment does, and small pieces that several of them say.

use crate::{
    Checkpoint, Error, Lab, Recorder, Result,
    datasets::{self, State},
    json::Number,
    record::{Axis, Curve, Role},
};

/// One kind of the experiment at some step.
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

/// Whether a data set of the catalogue is on this machine, whole or not.
pub fn is_here(id: &str, lab: &Lab) -> bool {
    datasets::get(id, &lab.data_folders).is_ok_and(|set| set.state(&lab.data_folders) != State::Absent)
}

/// That a run goes on with the sets it began with. Errors: it does not.
pub fn check_same_sets(began_with: &[String], here: &[String]) -> Result<()> {
    if began_with == here {
        return Ok(());
    }
    let (before, now) = (began_with.join(", "), here.join(", "));
    Err(Error::Checkpoint(format!("it was made with the data sets {before}; here are {now}")))
}

/// Mean and standard error of the mean; the error is 0 for a single value, both are NaN for none.
pub fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0) / n).sqrt() } else { 0.0 * mean })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_only_with_the_sets_it_began_with() {
        let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(check_same_sets(&sets(&["fox", "tiger"]), &sets(&["fox", "tiger"])).is_ok());
        let text = check_same_sets(&sets(&["fox", "tiger"]), &sets(&["fox"])).unwrap_err().to_string();
        assert!(text.contains("made with the data sets fox, tiger; here are fox"), "{text}");
    }

    #[test]
    fn means_and_their_errors() {
        assert_eq!(mean_and_error(&[1.0, 3.0]), (2.0, 1.0));
        assert_eq!(mean_and_error(&[7.0]), (7.0, 0.0));
        assert!(mean_and_error(&[]).0.is_nan());
    }
}

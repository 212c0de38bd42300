//! What experiments of several kinds share: a kind at some step, how it is run, and the small pieces of pictures and tables that they say.

use crate::{
    Checkpoint, Config, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
    json::Number,
    record::{Axis, Compared, Curve, Frame, Plot, Residuals, Role},
};
use std::marker::PhantomData;

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

/// An experiment of several kinds, of which a config names one; [`Studied`] runs it.
pub trait Kinds: 'static {
    /// The parameters of every kind.
    type Config: Config;

    /// See [`Experiment::card`].
    fn card() -> Card;

    /// The kind that a config names, before its first step. Errors: see [`Experiment::start`].
    fn study(config: &Self::Config, lab: &Lab) -> Result<Box<dyn Study>>;

    /// See [`Experiment::estimates`].
    fn estimates(config: &Self::Config) -> Estimates;
}

/// A run of one of the kinds of `K` at some step.
pub struct Studied<K> {
    study: Box<dyn Study>,
    step: u64,
    kinds: PhantomData<fn() -> K>,
}

impl<K: Kinds> Experiment for Studied<K> {
    type Config = K::Config;

    fn card() -> Card {
        K::card()
    }

    fn start(config: &K::Config, lab: &Lab) -> Result<Self> {
        Ok(Self { study: K::study(config, lab)?, step: 0, kinds: PhantomData })
    }

    fn total_steps(&self) -> u64 {
        self.study.total_steps()
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        self.study.step(self.step, out)
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("step", &self.step)?;
        self.study.save(into)
    }

    fn restore(config: &K::Config, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        let mut run = Self::start(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        run.study.restore(from)?;
        Ok(run)
    }

    fn estimates(config: &K::Config) -> Estimates {
        K::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        self.study.finish(out)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::dense_rsb::{DenseRsb, basin::BasinConfig, config::DenseRsbConfig};

    #[test]
    fn a_run_is_restored_at_its_step_and_not_beyond_its_last() {
        let config = DenseRsbConfig::Basin(BasinConfig {
            orders: vec![2],
            neurons: vec![20],
            start_overlaps: vec![0.2, 0.8],
            samples: 2,
            ..BasinConfig::default()
        });
        let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: 0 };
        let mut run = Studied::<DenseRsb>::start(&config, &lab).unwrap();
        let mut out = Recorder::default();
        for step in 1..=run.total_steps() {
            out.begin_step(step);
            run.step(&mut out).unwrap();
        }
        let mut saved = Checkpoint::default();
        run.save(&mut saved).unwrap();
        assert_eq!(Studied::<DenseRsb>::restore(&config, &lab, &saved).unwrap().step, 2);
        run.step = 3;
        let mut beyond = Checkpoint::default();
        run.save(&mut beyond).unwrap();
        let error = Studied::<DenseRsb>::restore(&config, &lab, &beyond).err().unwrap().to_string();
        assert!(error.contains("it is at step 3 of a run of 2"), "{error}");
    }
}

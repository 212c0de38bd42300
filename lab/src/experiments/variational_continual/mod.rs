//! Binary networks that learn one task after another in the fields of their weights, by the variational rule: a deep network on a stream of image
//! tasks beside other binary networks, and a perceptron beside the theory of its order parameters.
//!
//! Source: Li, Huang, Zou, Huang (2022), Statistical mechanics of continual learning, arXiv 2212.02846. We had its abstract and its public code; the
//! formulas of the theory are derived from the model and compared with simulations. What differs is marked where it stands.

pub mod adam;
pub mod arm;
pub mod baseline;
pub mod benchmark;
pub mod binary;
mod card;
pub mod config;
pub mod deep;
mod estimates;
pub mod fields;
pub mod learner;
pub mod network;
pub mod perceptron;
mod pictures;
mod presets;
pub mod read_out;
mod results;
pub mod scores;
pub mod stream;
pub mod uncertainty;

use crate::{
    Checkpoint, Error, Experiment, Lab, Recorder, Result,
    experiment::{Card, Estimates},
};
use config::VariationalConfig;
use deep::Deep;
use perceptron::Perceptron;

/// A run at some step. Where both parts are run, a step goes on with both until one of them has ended.
pub struct VariationalContinual {
    deep: Option<(Deep, u64)>,
    perceptron: Option<(Perceptron, u64)>,
    step: u64,
}

impl Experiment for VariationalContinual {
    type Config = VariationalConfig;

    fn card() -> Card {
        card::card()
    }

    fn start(config: &VariationalConfig, lab: &Lab) -> Result<Self> {
        let deep = config.has_deep().then(|| Ok::<_, Error>((Deep::new(config, lab)?, config.deep_steps()))).transpose()?;
        let perceptron = config.has_perceptron().then(|| (Perceptron::new(config, lab), perceptron::total_steps(config)));
        Ok(Self { deep, perceptron, step: 0 })
    }

    fn total_steps(&self) -> u64 {
        self.deep.as_ref().map_or(0, |(_, steps)| *steps).max(self.perceptron.as_ref().map_or(0, |(_, steps)| *steps))
    }

    fn step(&mut self, out: &mut Recorder) -> Result<()> {
        self.step += 1;
        let t = self.step;
        if let Some((deep, steps)) = &mut self.deep
            && t <= *steps
        {
            deep.step(t, out)?;
        }
        if let Some((perceptron, steps)) = &mut self.perceptron
            && t <= *steps
        {
            perceptron.step(t, out)?;
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("step", &self.step)?;
        self.deep.as_ref().map_or(Ok(()), |(deep, _)| deep.save(into))?;
        self.perceptron.as_ref().map_or(Ok(()), |(perceptron, _)| perceptron.save(into))
    }

    fn restore(config: &VariationalConfig, lab: &Lab, from: &Checkpoint) -> Result<Self> {
        // Data, examples and orders follow from config and seed.
        let mut run = Self::start(config, lab)?;
        run.step = from.get_state("step")?;
        if run.step > run.total_steps() {
            return Err(Error::Checkpoint(format!("it is at step {} of a run of {}", run.step, run.total_steps())));
        }
        run.deep.as_mut().map_or(Ok(()), |(deep, _)| deep.restore(from))?;
        run.perceptron.as_mut().map_or(Ok(()), |(perceptron, _)| perceptron.restore(from))?;
        Ok(run)
    }

    fn estimates(config: &VariationalConfig) -> Estimates {
        estimates::estimates(config)
    }

    fn finish(self, out: &mut Recorder) -> Result<()> {
        if let Some((deep, _)) = &self.deep {
            results::tell_results(deep, out)?;
        }
        if let Some((perceptron, _)) = &self.perceptron {
            perceptron.finish(out);
        }
        Ok(())
    }
}

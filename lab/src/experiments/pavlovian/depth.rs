//! Kind `depth`: what many layers do to recall, with and without clean-up, and which width makes up for it.

use super::{
    capacity::TOGETHER,
    chain::{Chain, Cleanup, Layer},
    config::{check_ascending, check_distinct, check_memory},
    depth_pictures::{OfChain, conclude, error_plot, map},
};
use crate::{Checkpoint, Lab, Recorder, Result, config::CrossFaults, experiments::study::Study, random::Generator};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `depth`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Depth")]
#[serde(default, deny_unknown_fields)]
pub struct DepthConfig {
    /// Numbers of a code in one head (d_k).
    #[schemars(title = "Key size", range(min = 4, max = 4096))]
    pub key_dim: usize,
    /// Pairs of every layer (n), one curve after the other.
    #[schemars(title = "Pairs", length(min = 1, max = 12), inner(range(min = 1, max = 4096)))]
    pub pairs: Vec<usize>,
    /// Heads whose answers are averaged (H), one curve after the other.
    #[schemars(title = "Heads", length(min = 1, max = 8), inner(range(min = 1, max = 64)))]
    pub heads: Vec<usize>,
    /// Layers (L).
    #[schemars(title = "Layers", range(min = 1, max = 64))]
    pub layers: usize,
    /// What happens to an answer before it is the next layer's cue.
    #[schemars(title = "Clean-up", length(min = 1))]
    pub cleanups: Vec<Cleanup>,
    /// Temperature of a softmax clean-up.
    #[schemars(title = "Softmax temperature", range(min = 0.001, max = 10.0), extend("told" = "tau must be > 0"))]
    pub tau: f64,
    /// Total widths (d_k H) of the map of reliability, ascending; none for no map.
    #[schemars(title = "Widths of the map", length(max = 32), inner(range(min = 4, max = 16384)))]
    pub map_widths: Vec<usize>,
    /// Pairs of every layer in the map.
    #[schemars(title = "Pairs of the map", range(min = 2, max = 4096))]
    pub map_pairs: usize,
    /// Relative error up to which a code counts as recalled.
    #[schemars(title = "Target error", range(min = 0.001, max = 100.0))]
    pub target_error: f64,
    /// Chains drawn for every point.
    #[schemars(title = "Trials", range(min = 1, max = 10_000))]
    pub trials: usize,
}

impl Default for DepthConfig {
    fn default() -> Self {
        Self {
            key_dim: 256,
            pairs: vec![32, 64],
            heads: vec![1],
            layers: 8,
            cleanups: vec![Cleanup::None, Cleanup::Sign],
            tau: 0.125,
            map_widths: vec![32, 64, 128, 256, 512, 1024],
            map_pairs: 16,
            target_error: 0.5,
            trials: 20,
        }
    }
}

impl DepthConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("map_widths", &self.map_widths, faults);
        check_distinct("pairs", &self.pairs, faults);
        check_distinct("heads", &self.heads, faults);
        check_distinct("cleanups", &self.cleanups, faults);
        let most = self.chains().iter().map(|chain| chain.pairs * (2 * chain.width() + chain.pairs)).max().unwrap_or(0);
        check_memory(most, 1, 0, TOGETHER, &["pairs", "key_dim", "heads"], faults);
    }

    /// The chains that are measured, clean-up by clean-up.
    pub fn chains(&self) -> Vec<Chain> {
        let mut chains = Vec::new();
        for cleanup in &self.cleanups {
            for heads in &self.heads {
                chains.extend(self.pairs.iter().map(|pairs| Chain {
                    pairs: *pairs,
                    key_dim: self.key_dim,
                    heads: *heads,
                    layers: self.layers,
                    cleanup: *cleanup,
                    tau: self.tau,
                    target_error: self.target_error,
                }));
            }
        }
        chains
    }

    /// Steps of the curves and of the map.
    pub fn steps(&self) -> (usize, usize) {
        (self.chains().len() * self.trials.div_ceil(TOGETHER), self.map_widths.len())
    }

    /// The chain of the map at one width.
    pub fn map_chain(&self, width: usize) -> Chain {
        Chain {
            pairs: self.map_pairs,
            key_dim: width,
            heads: 1,
            layers: self.layers,
            cleanup: Cleanup::None,
            tau: self.tau,
            target_error: self.target_error,
        }
    }
}

/// A run of `depth`.
pub struct Depth {
    config: DepthConfig,
    chains: Vec<Chain>,
    seed: u64,
    /// Per chain, per trial, per layer.
    measured: Vec<Vec<Vec<Layer>>>,
    /// Per width of the map, per layer: share of codes recalled.
    reliability: Vec<Vec<f64>>,
}

impl Depth {
    /// An empty grid.
    pub fn new(config: &DepthConfig, lab: &Lab) -> Self {
        let chains = config.chains();
        Self { config: config.clone(), seed: lab.seed, measured: vec![Vec::new(); chains.len()], chains, reliability: Vec::new() }
    }

    fn trials(&self, chain: Chain, trials: std::ops::Range<usize>) -> Vec<Vec<Layer>> {
        let place = format!("depth/{}/{}/{}/{}", chain.cleanup.id(), chain.pairs, chain.key_dim, chain.heads);
        let trial = |trial| chain.recall(Generator::new(self.seed, &format!("{place}/{trial}")).rng());
        trials.into_par_iter().map(trial).collect()
    }

    fn known(&self) -> Vec<OfChain<'_>> {
        let both = self.chains.iter().zip(&self.measured).filter(|(_, trials)| !trials.is_empty());
        both.map(|(chain, trials)| OfChain { chain: *chain, trials }).collect()
    }

    fn measure(&mut self, t: usize, out: &mut Recorder) -> Result<()> {
        let batches = self.config.trials.div_ceil(TOGETHER);
        let (at, batch) = (t / batches, t % batches);
        let chain = self.chains[at];
        let found = self.trials(chain, batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.trials));
        self.measured[at].extend(found);
        say_last(chain, &self.measured[at], out)?;
        if batch + 1 == batches {
            out.frame("depth/relative_error", None, error_plot(&self.known(), false));
            if chain.cleanup == Cleanup::Sign {
                out.frame("depth/bit_error", None, error_plot(&self.known(), true));
            }
        }
        Ok(())
    }

    fn extend_map(&mut self, at: usize, out: &mut Recorder) -> Result<()> {
        let chain = self.config.map_chain(self.config.map_widths[at]);
        let trials = self.trials(chain, 0..self.config.trials);
        let mean = |layer: usize| trials.iter().map(|trial| trial[layer].within_target).sum::<f64>() / trials.len() as f64;
        self.reliability.push((0..self.config.layers).map(mean).collect());
        say_last(chain, &trials, out)?;
        out.frame("depth/reliability", None, map(&self.config, &self.reliability));
        Ok(())
    }
}

/// Says how well the codes of the last layer were recalled.
fn say_last(chain: Chain, trials: &[Vec<Layer>], out: &mut Recorder) -> Result<()> {
    let mean = |of: fn(&Layer) -> f64| trials.iter().map(|layers| of(&layers[chain.layers - 1])).sum::<f64>() / trials.len() as f64;
    out.point("recall/relative_error", chain.cleanup.id(), mean(|layer| layer.relative_error))?;
    out.point("recall/bit_error", chain.cleanup.id(), mean(|layer| layer.bit_error))?;
    out.point("recall/within_target", chain.cleanup.id(), mean(|layer| layer.within_target))
}

impl Study for Depth {
    fn total_steps(&self) -> u64 {
        let (curves, widths) = self.config.steps();
        (curves + widths) as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let (at, curves) = ((t - 1) as usize, self.config.steps().0);
        if at < curves { self.measure(at, out) } else { self.extend_map(at - curves, out) }
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("depth", &(&self.measured, &self.reliability))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.measured, self.reliability) = from.get_state("depth")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        conclude(&self.config, &self.known(), &self.reliability, out);
        Ok(())
    }
}

//! Kind `heads`: several memories with keys of their own, whose answers are averaged or vote, at a fixed size of keys or a fixed total width.

use super::{
    capacity::TOGETHER,
    codes::{Code, KeyKind, ValueKind},
    config::check_ascending,
    curves::{exponent, say_z_scores},
    hebbian::reads,
    recall::{Measure, Recall},
    theory,
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve, measured},
    kernels::delta_rule::Sizes,
    random::Generator,
    record::{Compared, Frame, Plot, Residuals, Role},
    theory::monte_carlo::{mean_and_error, z_score},
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stays the same when there are more heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fixed {
    /// Every head has keys of the same size.
    FixedKeyDim,
    /// All heads share the numbers of one key.
    FixedWidth,
}

impl Fixed {
    const ALL: [Self; 2] = [Self::FixedKeyDim, Self::FixedWidth];

    /// Id of its arm.
    pub fn id(self) -> &'static str {
        match self {
            Self::FixedKeyDim => "fixed_key_dim",
            Self::FixedWidth => "fixed_width",
        }
    }
}

/// Parameters of `heads`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Heads")]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// Numbers of a key (d_k): of every head where it is fixed, of all together where the width is.
    #[schemars(title = "Key size", range(min = 4, max = 4096))]
    pub key_dim: usize,
    /// Numbers of a value (d_v).
    #[schemars(title = "Value size", range(min = 1, max = 4096))]
    pub value_dim: usize,
    /// Pairs stored by every head (n).
    #[schemars(title = "Pairs", range(min = 2, max = 10_000))]
    pub pairs: usize,
    /// Heads (H), ascending; each must be able to share the key size.
    #[schemars(title = "Heads", length(min = 1, max = 20), inner(range(min = 1, max = 64)))]
    pub heads: Vec<usize>,
    /// Draws of keys and values for every point.
    #[schemars(title = "Trials", range(min = 1, max = 10_000))]
    pub trials: usize,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self { key_dim: 32, value_dim: 64, pairs: 32, heads: vec![1, 2, 4, 8, 16], trials: 40 }
    }
}

impl HeadsConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_ascending("heads", &self.heads, faults);
        if let Some(heads) = self.heads.iter().find(|heads| !self.key_dim.is_multiple_of(**heads)) {
            faults.push(&["heads", "key_dim"], format!("a total width of {} cannot be shared by {heads} heads", self.key_dim));
        }
    }

    fn key_dim_of(&self, fixed: Fixed, heads: usize) -> usize {
        if fixed == Fixed::FixedWidth { self.key_dim / heads } else { self.key_dim }
    }

    /// Interference in one head.
    fn interference(&self, fixed: Fixed, heads: usize) -> f64 {
        theory::interference(self.pairs, self.key_dim_of(fixed, heads))
    }

    /// Steps of a run.
    pub fn steps(&self) -> usize {
        self.heads.len() * self.trials.div_ceil(TOGETHER)
    }
}

/// One trial: of the averaged answer, and the share of signs that the majority of heads has wrong, ties counted as half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Trial {
    averaged: Recall,
    vote_error: f64,
}

/// A run of `heads`.
pub struct Heads {
    config: HeadsConfig,
    seed: u64,
    /// Per arm, per number of heads that has begun.
    measured: [Vec<Vec<Trial>>; 2],
}

impl Heads {
    /// An empty grid.
    pub fn new(config: &HeadsConfig, lab: &Lab) -> Self {
        Self { config: config.clone(), seed: lab.seed, measured: [Vec::new(), Vec::new()] }
    }

    fn trial(&self, fixed: Fixed, heads: usize, trial: usize) -> Trial {
        let mut generator = Generator::new(self.seed, &format!("heads/{}/{heads}/{trial}", fixed.id()));
        let (key_dim, value_dim) = (self.config.key_dim_of(fixed, heads), self.config.value_dim);
        let code = Code { keys: KeyKind::Sphere, correlation: 0.0, values: ValueKind::Sign, key_dim, value_dim, query_noise: 0.0 };
        // All heads store the same values under keys of their own.
        let mut pairs = code.draw(self.config.pairs, generator.rng());
        let values = pairs.values.clone();
        let (mut sum, mut votes) = (vec![0f32; values.len()], vec![0i32; values.len()]);
        for head in 0..heads {
            if head > 0 {
                pairs = code.draw(self.config.pairs, generator.rng());
                pairs.values.clone_from(&values);
            }
            for ((sum, votes), y) in sum.iter_mut().zip(&mut votes).zip(reads(&pairs, Sizes { key_dim, value_dim })) {
                *sum += y;
                *votes += if y > 0.0 { 1 } else { -1 };
            }
        }
        let scale = (heads as f32).recip();
        sum.iter_mut().for_each(|y| *y *= scale);
        let wrong = |(votes, value): (&i32, &f32)| if *votes == 0 { 0.5 } else { f64::from(u8::from((*votes > 0) != (*value > 0.0))) };
        let vote_error = votes.iter().zip(&values).map(wrong).sum::<f64>() / values.len() as f64;
        Trial { averaged: Recall::of(&sum, &values, value_dim, ValueKind::Sign), vote_error }
    }

    /// Mean and error of a measure of every number of heads so far; without a measure, of the votes.
    fn points(&self, arm: usize, measure: Option<Measure>) -> Vec<(f64, f64, f64)> {
        let value = |trial: &Trial| measure.map_or(trial.vote_error, |measure| measure.of(&trial.averaged));
        let point = |(heads, trials): (&usize, &Vec<Trial>)| {
            let (mean, error) = mean_and_error(&trials.iter().map(value).collect::<Vec<_>>());
            (*heads as f64, mean, error)
        };
        self.config.heads.iter().zip(&self.measured[arm]).map(point).collect()
    }

    fn theory(&self, fixed: Fixed, measure: Option<Measure>) -> Vec<f64> {
        let of = |heads: &usize| {
            let nu = self.config.interference(fixed, *heads);
            match measure {
                Some(Measure::RelativeError) => nu / *heads as f64,
                Some(_) => theory::bit_error(nu / *heads as f64),
                None => theory::majority_error(*heads, theory::bit_error(nu)),
            }
        };
        self.config.heads.iter().map(of).collect()
    }

    fn plot(&self, title: &str, measures: &[(Option<Measure>, &str)]) -> Frame {
        let (mut curves, mut residuals) = (Vec::new(), Vec::new());
        for (arm, fixed) in Fixed::ALL.into_iter().enumerate() {
            for (measure, what) in measures {
                let name = match fixed {
                    Fixed::FixedKeyDim => format!("{what}d_k {} each", self.config.key_dim),
                    Fixed::FixedWidth => format!("{what}d_k H {} together", self.config.key_dim),
                };
                let points = measured(&name, &self.points(arm, *measure));
                let line = self.theory(fixed, *measure);
                residuals.push(Residuals::of(&points, &line));
                let xy = self.config.heads.iter().map(|heads| *heads as f64).zip(line);
                curves.push(curve(&name, Role::Theory, xy.take(points.x.len())));
                curves.push(points);
            }
        }
        if measures.len() > 1 {
            let p = theory::bit_error(self.config.interference(Fixed::FixedKeyDim, 1));
            let bound = self.config.heads.iter().map(|heads| (*heads as f64, theory::majority_bound(*heads, p)));
            curves.push(curve("bound of a vote, d_k fixed", Role::Theory, bound));
        }
        Frame::Compared(Compared { plot: Plot { x: axis("heads, H", true), y: axis(title, true), curves }, residuals })
    }

    /// Layers through which a sign comes unharmed with probability 1/2, were every layer of so many heads to fail independently. Points where
    /// no sign was wrong are left out.
    fn depth_plot(&self) -> Frame {
        let mut curves = Vec::new();
        for (measure, label) in [(BITS, "mean"), (None, "vote")] {
            let layers = |p: f64| theory::layers_until(p, LEFT);
            let line = self.config.heads.iter().zip(self.theory(Fixed::FixedKeyDim, measure));
            curves.push(curve(label, Role::Theory, line.map(|(heads, p)| (*heads as f64, layers(p)))));
            let found = self.points(0, measure).into_iter().filter(|(_, p, _)| *p > 0.0);
            // An error of p is one of as large a share of the layers.
            let points: Vec<_> = found.map(|(heads, p, error)| (heads, layers(p), layers(p) * error / p)).collect();
            curves.push(measured(label, &points));
        }
        let title = "layers L with (1 - p)^L = 1/2, p the share of wrong signs of one layer (derived here)";
        let x = axis(&format!("heads of d_k {}, H", self.config.key_dim), true);
        Frame::Plot(Plot { x, y: axis(title, true), curves })
    }
}

/// Probability that is left of a sign after the layers of the picture of depth.
const LEFT: f64 = 0.5;
/// The relative error of the averaged answer.
const ERROR: Option<Measure> = Some(Measure::RelativeError);
/// Its share of wrong signs.
const BITS: Option<Measure> = Some(Measure::BitError);

impl Study for Heads {
    fn total_steps(&self) -> u64 {
        self.config.steps() as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let batches = self.config.trials.div_ceil(TOGETHER);
        let (at, batch) = ((t - 1) as usize / batches, (t - 1) as usize % batches);
        let heads = self.config.heads[at];
        let trials = batch * TOGETHER..((batch + 1) * TOGETHER).min(self.config.trials);
        for (arm, fixed) in Fixed::ALL.into_iter().enumerate() {
            let found: Vec<Trial> = trials.clone().into_par_iter().map(|trial| self.trial(fixed, heads, trial)).collect();
            if batch == 0 {
                self.measured[arm].push(Vec::new());
            }
            self.measured[arm][at].extend(found);
            let averaged: Vec<Recall> = self.measured[arm][at].iter().map(|trial| trial.averaged).collect();
            for measure in Measure::ALL {
                out.point(measure.metric(), fixed.id(), measure.over(&averaged).0)?;
            }
            let votes: Vec<f64> = self.measured[arm][at].iter().map(|trial| trial.vote_error).collect();
            out.point("recall/vote_error", fixed.id(), mean_and_error(&votes).0)?;
        }
        if batch + 1 == batches {
            out.frame(
                "heads/relative_error",
                None,
                self.plot("relative error of the mean answer (lines: ν/H, derived here)", &[(ERROR, "")]),
            );
            let title = "share of wrong signs (lines derived here; bound: Hoeffding)";
            out.frame("heads/bit_error", None, self.plot(title, &[(BITS, "mean, "), (None, "vote, ")]));
            out.frame("heads/layers", None, self.depth_plot());
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("heads", &self.measured)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.measured = from.get_state("heads")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let (mut z_scores, mut rows) = (Vec::new(), Vec::new());
        let least = ((self.config.trials * self.config.pairs * self.config.value_dim) as f64).recip();
        for (arm, fixed) in Fixed::ALL.into_iter().enumerate() {
            for (measure, name) in [(ERROR, "relative_error"), (BITS, "bit_error"), (None, "vote_error")] {
                for ((heads, mean, error), theory) in self.points(arm, measure).into_iter().zip(self.theory(fixed, measure)) {
                    let z = z_score(mean, if measure == ERROR { error } else { error.max(least) }, theory);
                    if measure == ERROR {
                        z_scores.push(z);
                    }
                    out.summary(format!("heads/{name}_h{heads}.{}", fixed.id()), mean);
                    rows.push(format!("{},{heads},{name},{mean},{error},{theory},{z}", fixed.id()));
                }
            }
            let points: Vec<(f64, f64)> = self.points(arm, ERROR).into_iter().map(|(heads, mean, _)| (heads, mean)).collect();
            if let Some(slope) = exponent(&points) {
                out.summary(format!("heads/slope.{}", fixed.id()), slope);
            }
        }
        say_z_scores("theory/", &z_scores, out);
        out.artifact("heads.csv", "text/csv", csv("arm,heads,measure,mean,standard_error,theory,z", rows.into_iter()));
        Ok(())
    }
}

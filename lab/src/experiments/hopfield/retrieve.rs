//! Kind `retrieve`: patterns are asked for by damaged copies of themselves, one update of all cues per step.

use super::{
    memory::{Memory, dot, largest_difference, norm},
    patterns::{PatternKind, Wanted, draw},
};
use crate::{
    Checkpoint, Lab, Recorder, Result,
    config::CrossFaults,
    datasets,
    experiments::study::{Study, axis, csv, curve},
    json::Number,
    random::Generator,
    record::{Colour, Frame, Heatmap, Level, Plot, Role},
    theory::monte_carlo::mean_and_error,
};
use candle_core::Device;
use rand::Rng;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Cues that are shown in pictures.
const SHOWN: usize = 6;
/// Updates that the strip shows before it keeps only the newest.
const STRIP_STEPS: usize = 8;

/// Parameters of `retrieve`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Retrieval of patterns from damaged cues")]
#[serde(default, deny_unknown_fields)]
pub struct RetrieveConfig {
    /// What is stored.
    #[schemars(title = "Stored patterns")]
    pub pattern_kind: PatternKind,
    /// The id under which `engram data import` has brought in the images that are stored; read only where what is stored is upload. Set the dimension
    /// to the values of an image.
    #[schemars(title = "Imported set", length(max = 64))]
    pub uploaded: String,
    /// Patterns stored (n).
    #[schemars(title = "Number of patterns", range(min = 1, max = 1_000_000), extend("told" = "4 n*d bytes must fit into 2048 MiB"))]
    pub num_patterns: usize,
    /// Components of a pattern (d); the digits have 64.
    #[schemars(title = "Dimension", range(min = 2, max = 8_192))]
    pub dim: usize,
    /// Inverse temperature. It means something only beside the squared norm of the patterns, which is d for signs and 1 on the sphere.
    #[schemars(
        title = "Inverse temperature",
        range(min = 0.0001, max = 10_000.0),
        extend("told" = "beta must be positive; at d={dim} try 1/sqrt(d)..1")
    )]
    pub beta: f64,
    /// Probability that a component of a cue has its sign turned.
    #[schemars(title = "Signs turned", range(min = 0.0, max = 0.5), extend("told" = "above 0.5 the cue points at the inverse pattern"))]
    pub flip_fraction: f64,
    /// Standard deviation of the noise added to every component of a cue.
    #[schemars(title = "Noise", range(min = 0.0, max = 5.0))]
    pub noise_sigma: f64,
    /// Share of a cue, from its end (the lower part of an image), that is set to 0.
    #[schemars(
        title = "Share hidden",
        range(min = 0.0, max = 0.95),
        extend("told" = "above 0.95 hardly anything of the cue is left to go by")
    )]
    pub mask_fraction: f64,
    /// Cues; each asks for another pattern.
    #[schemars(
        title = "Cues",
        range(min = 1, max = 10_000),
        extend("told" = "every cue asks for another of num_patterns ({num_patterns})")
    )]
    pub probes: usize,
    /// Updates of every cue, and steps of the run.
    #[schemars(title = "Updates", range(min = 1, max = 10_000), extend("forkable" = true))]
    pub max_steps: usize,
    /// The run is at rest, and updates no more, when no component of any cue moves by more than this; empty for all updates.
    #[schemars(title = "Tolerance", range(min = 1e-12, max = 0.1), extend("forkable" = true))]
    pub tol: Option<f64>,
}

impl Default for RetrieveConfig {
    fn default() -> Self {
        Self {
            pattern_kind: PatternKind::Digits,
            uploaded: String::new(),
            num_patterns: 50,
            dim: 64,
            beta: 2.0,
            flip_fraction: 0.0,
            noise_sigma: 0.0,
            mask_fraction: 0.5,
            probes: 50,
            max_steps: 5,
            tol: None,
        }
    }
}

impl RetrieveConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_patterns(self.patterns(), faults);
        if self.probes > self.num_patterns {
            let detail = format!("probes cannot exceed num_patterns ({}): every cue asks for another pattern", self.num_patterns);
            faults.push(&["probes", "num_patterns"], detail);
        }
    }

    /// The patterns that are stored.
    pub fn patterns(&self) -> Wanted<'_> {
        Wanted { kind: self.pattern_kind, count: self.num_patterns, dim: self.dim, uploaded: &self.uploaded }
    }
}

/// Most bytes that stored patterns may take.
const MOST_PATTERN_BYTES: usize = 2 << 30;

/// Adds the faults of a number of patterns and their dimension.
pub fn check_patterns(wanted: Wanted<'_>, faults: &mut CrossFaults) {
    let Wanted { kind, count, dim, uploaded } = wanted;
    if kind == PatternKind::Upload && uploaded.is_empty() {
        faults.push(&["uploaded", "pattern_kind"], "must name the set of images, as `engram data import ID PATH` has called it");
    }
    if count > kind.most() {
        let detail = format!("there are {} digits to store; got {count}", kind.most());
        faults.push(&["num_patterns", "pattern_kind"], detail);
    }
    if kind.dim(dim) != dim {
        faults.push(&["dim", "pattern_kind"], format!("digits have {} pixels; got {dim}", kind.dim(dim)));
    }
    let bytes = count.saturating_mul(dim).saturating_mul(8);
    if bytes > MOST_PATTERN_BYTES {
        let detail = format!("n*d needs {} MiB, limit {}", bytes >> 20, MOST_PATTERN_BYTES >> 20);
        faults.push(&["num_patterns", "dim"], detail);
    }
}

/// A run of `retrieve`.
pub struct Retrieve {
    config: RetrieveConfig,
    device: Device,
    memory: Memory<f64>,
    cues: Vec<f64>,
    /// Columns of a pattern that is drawn as a picture.
    width: usize,
    state: State,
}

/// What is saved.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    states: Vec<f64>,
    /// States of the shown cues after every update.
    shown: Vec<Vec<f64>>,
    /// Energies of the shown cues, the cue's own first.
    energies: Vec<Vec<f64>>,
    /// Mean energy of all cues before the first update and after each.
    mean_energy: Vec<f64>,
    /// Largest rise of an energy in one update, relative to the energy.
    largest_rise: f64,
    energy: Vec<f64>,
    last: Figures,
    /// Updates made.
    updates: u64,
    /// Whether the last of them moved nothing by more than the tolerance.
    at_rest: bool,
}

/// The newest numbers.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Figures {
    identified: f64,
    cosine: f64,
    movement: f64,
}

impl Retrieve {
    /// Draws patterns and cues. Errors: data missing.
    pub fn new(config: &RetrieveConfig, lab: &Lab) -> Result<Self> {
        let dim = config.dim;
        let mut generator = lab.generator("patterns");
        let patterns = draw(config.patterns(), &mut generator, &lab.data_folders)?;
        let memory = Memory::new(patterns, dim, config.beta);
        let cues = damaged(&memory.patterns[..config.probes * dim], dim, config, &mut lab.generator("cues"));
        let first = memory.update_on(&lab.device, &cues)?;
        let energy = memory.energies(&cues, &first.log_sum);
        let state = State {
            states: cues.clone(),
            shown: Vec::new(),
            energies: energy.iter().take(SHOWN).map(|energy| vec![*energy]).collect(),
            mean_energy: vec![mean_and_error(&energy).0],
            largest_rise: 0.0,
            energy,
            last: Figures::default(),
            updates: 0,
            at_rest: false,
        };
        let width = match config.patterns().set() {
            Some(id) => datasets::load(id, &lab.data_folders)?.width,
            // As nearly a square as may be.
            None => dim.div_ceil((1..=dim).take_while(|side| side * side <= dim).last().unwrap_or(1)),
        };
        Ok(Self { config: config.clone(), device: lab.device.clone(), memory, cues, width, state })
    }

    fn shown(&self) -> usize {
        self.config.probes.min(SHOWN)
    }

    /// Targets, cues and states after every update, each drawn as a picture, side by side.
    fn strip(&self) -> Frame {
        let dim = self.config.dim;
        let (width, height) = (self.width, dim.div_ceil(self.width));
        let shown = self.shown();
        let mut pictures: Vec<(String, &[f64])> =
            vec![("target".to_owned(), &self.memory.patterns[..shown * dim]), ("cue".to_owned(), &self.cues[..shown * dim])];
        let first = self.state.shown.len().saturating_sub(STRIP_STEPS);
        for (at, states) in self.state.shown.iter().enumerate().skip(first) {
            pictures.push((format!("step {}", at + 1), states));
        }
        // One empty line between pictures.
        let (rows, columns) = (shown * (height + 1) - 1, pictures.len() * (width + 1) - 1);
        let mut values = vec![Number(0.0); rows * columns];
        for (across, (_, states)) in pictures.iter().enumerate() {
            for (down, state) in states.chunks_exact(dim).enumerate() {
                for (at, value) in state.iter().enumerate() {
                    values[(down * (height + 1) + at / width) * columns + across * (width + 1) + at % width] = Number(*value);
                }
            }
        }
        let most = self.memory.patterns.iter().fold(0f64, |most, value| most.max(value.abs()));
        let titles: Vec<String> = pictures.into_iter().map(|(title, _)| title).collect();
        Frame::Heatmap(Heatmap {
            rows,
            columns,
            values,
            min: Number(-most),
            max: Number(most),
            row_labels: None,
            column_labels: None,
            x_title: titles.join(" | "),
            y_title: "cues".to_owned(),
            colour: Colour::Diverging,
        })
    }

    fn descent(&self) -> Frame {
        let curves = self.state.energies.iter().enumerate().map(|(cue, energies)| {
            curve(&format!("cue {}", cue + 1), Role::Data, energies.iter().enumerate().map(|(step, energy)| (step as f64, *energy)))
        });
        Frame::Plot(Plot { x: axis("update", false), y: axis("energy", false), curves: curves.collect() })
    }
}

/// Copies with signs turned, noise added and their end hidden, in that order.
fn damaged(patterns: &[f64], dim: usize, config: &RetrieveConfig, generator: &mut Generator) -> Vec<f64> {
    let visible = dim - (config.mask_fraction * dim as f64).round() as usize;
    let rng = generator.rng();
    let damage = |(at, value): (usize, &f64)| {
        let turned = if rng.random::<f64>() < config.flip_fraction { -value } else { *value };
        let noise: f64 = rng.sample(StandardNormal);
        if at % dim < visible { turned + config.noise_sigma * noise } else { 0.0 }
    };
    patterns.iter().enumerate().map(damage).collect()
}

impl Study for Retrieve {
    fn total_steps(&self) -> u64 {
        self.config.max_steps as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let dim = self.config.dim;
        if self.state.at_rest {
            return Ok(());
        }
        if t == 1 {
            let scale = self.config.beta * self.memory.largest_norm.powi(2);
            out.log(Level::Info, format!("beta times the largest squared norm of a pattern is {scale:.3}."));
        }
        let updated = self.memory.update_on(&self.device, &self.state.states)?;
        let movements = self.state.states.chunks_exact(dim).zip(updated.states.chunks_exact(dim)).map(|(a, b)| largest_difference(a, b));
        let movement = movements.fold(0.0, f64::max);
        let next = self.memory.update_on(&self.device, &updated.states)?;
        let energy = self.memory.energies(&updated.states, &next.log_sum);
        for (before, after) in self.state.energy.iter().zip(&energy) {
            let rise = (after - before) / before.abs().max(f64::MIN_POSITIVE);
            self.state.largest_rise = self.state.largest_rise.max(rise);
        }
        let cosines: Vec<f64> = updated
            .states
            .chunks_exact(dim)
            .enumerate()
            .map(|(at, state)| dot(state, self.memory.pattern(at)) / (norm(state) * norm(self.memory.pattern(at))).max(f64::MIN_POSITIVE))
            .collect();
        let k90: Vec<f64> = self.memory.fewest_patterns(&self.state.states, 0.9).into_iter().map(|count| count as f64).collect();
        let perplexity: Vec<f64> = updated.entropy.iter().map(|entropy| entropy.exp()).collect();
        let nearest = nearest_patterns(&self.memory, &updated.states);
        let identified = nearest.iter().enumerate().filter(|(cue, nearest)| cue == *nearest).count() as f64 / nearest.len() as f64;
        self.state.last = Figures { identified, cosine: mean_and_error(&cosines).0, movement };

        let arm = "modern";
        out.point("energy", arm, mean_and_error(&energy).0)?;
        out.point("retrieval/movement", arm, movement)?;
        out.point("retrieval/cosine", arm, self.state.last.cosine)?;
        out.point("retrieval/identified", arm, identified)?;
        out.point("retrieval/largest_weight", arm, mean_and_error(&updated.largest).0)?;
        out.point("retrieval/k90", arm, mean_and_error(&k90).0)?;
        out.point("retrieval/perplexity", arm, mean_and_error(&perplexity).0)?;

        self.state.states = updated.states;
        self.state.shown.push(self.state.states[..self.shown() * dim].to_vec());
        self.state.energies.iter_mut().zip(&energy).for_each(|(energies, energy)| energies.push(*energy));
        self.state.mean_energy.push(mean_and_error(&energy).0);
        self.state.energy = energy;
        self.state.updates = t;
        if self.config.tol.is_some_and(|tol| movement <= tol) {
            self.state.at_rest = true;
            out.log(Level::Info, format!("All cues are at rest after update {t}: none has moved by more than {movement:e}."));
        }
        out.frame("retrieval/strip", None, self.strip());
        out.frame("retrieval/energies", None, self.descent());
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("retrieve", &self.state)
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        self.state = from.get_state("retrieve")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let last = self.state.last;
        out.summary("retrieval/identified.modern", last.identified);
        out.summary("retrieval/cosine.modern", last.cosine);
        out.summary("retrieval/movement.modern", last.movement);
        out.summary("retrieval/updates.modern", self.state.updates as f64);
        out.summary("energy/largest_rise.modern", self.state.largest_rise);
        let rows = self.state.mean_energy.iter().enumerate().map(|(step, energy)| format!("{step},{energy}"));
        out.artifact("energy.csv", "text/csv", csv("update,mean_energy", rows));
        Ok(())
    }
}

/// The stored pattern closest to every state; the first of equals.
fn nearest_patterns(memory: &Memory<f64>, states: &[f64]) -> Vec<usize> {
    use super::memory::distance;
    use rayon::prelude::*;
    let nearest = |state: &[f64]| {
        let distances = memory.patterns.chunks_exact(memory.dim).map(|pattern| distance(pattern, state));
        distances.enumerate().fold((0, f64::INFINITY), |best, (at, far)| if far < best.1 { (at, far) } else { best }).0
    };
    states.par_chunks_exact(memory.dim).map(nearest).collect()
}

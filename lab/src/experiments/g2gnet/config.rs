//! The parameters of `g2gnet` and the rules that span several of them.

use super::arms::{ArmId, Custom, GrowRule, Layout, Pattern};
pub use super::data_set::{DataSet, Encoder};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fewest units a group may have; below that a group is no population.
const SMALLEST_GROUP: usize = 4;

/// Parameters of the comparison of group-to-group wiring with dense and random wiring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct G2gNetConfig {
    /// The images to learn. The last 5,000 training images (or the last fifth, if that is less) are held out for validation.
    #[schemars(title = "Data set")]
    pub dataset: DataSet,
    /// Training images used, taken from the beginning of the training part.
    #[schemars(title = "Training images", range(min = 1_000, max = 55_000))]
    pub train_samples: usize,
    /// The systems compared, side by side on the same batches; at least two.
    #[schemars(title = "Arms", extend("uniqueItems" = true))]
    pub arms: Vec<ArmId>,
    /// What stands before the first sparse layer.
    #[schemars(title = "Encoder")]
    pub encoder: Encoder,
    /// Units in every hidden layer; a multiple of the number of groups.
    #[schemars(
        title = "Hidden width",
        range(min = 64, max = 8_192),
        extend("told" = "a multiple of groups ({groups}), of which each needs at least 4 units")
    )]
    pub hidden_width: usize,
    /// Hidden layers, all of them sparse in the sparse arms; the read-out that follows is always dense.
    #[schemars(title = "Hidden layers", range(min = 1, max = 6))]
    pub hidden_layers: usize,
    /// Groups of units in every layer (G) of the arms that are wired by single edges.
    #[schemars(title = "Groups", range(min = 2, max = 64), extend("told" = "each group needs at least 4 units: lower groups or widen"))]
    pub groups: usize,
    /// Groups of units in every layer (G) of the tile arms.
    #[schemars(
        title = "Groups of the tile arms",
        range(min = 2, max = 64),
        extend("told" = "each group needs at least 4 units: lower tile_groups or widen")
    )]
    pub tile_groups: usize,
    /// Source groups of every group (K) in the tile arms, itself included: a share K / G of the weights exists.
    #[schemars(
        title = "Source groups of a tile row",
        range(min = 1, max = 64),
        extend("told" = "K must be 1..G ({tile_groups}); K=G is dense")
    )]
    pub tile_fan_in: usize,
    /// How units are assigned to groups.
    #[schemars(title = "Grouping")]
    pub grouping: Grouping,
    /// Share of the possible edges between groups of the same index that exist at the start.
    #[schemars(title = "Wiring inside groups", range(min = 0.0, max = 1.0), extend("told" = "0 would leave units with no input"))]
    pub p_intra: f64,
    /// Wanted share of absent weights in the sparse layers. What is left after the wiring inside groups is spread over all other pairs.
    #[schemars(
        title = "Sparsity",
        range(min = 0.0, max = 0.999),
        extend("told" = "with {groups} groups fully wired inside, at most 1 - 1/{groups} is possible")
    )]
    pub sparsity: f64,
    /// Layout and rules of the arm `custom`.
    #[schemars(title = "The arm `custom`")]
    pub custom: Custom,
    /// Optimiser steps between two rewiring events.
    #[schemars(
        title = "Steps between rewirings",
        range(min = 10, max = 100_000),
        extend("forkable" = true, "told" = "one longer than the run would never rewire")
    )]
    pub dst_every: u64,
    /// Share of the edges swapped at the first event; above 0.5 a layer would mostly hold untrained weights.
    #[schemars(
        title = "Share of edges swapped",
        range(min = 0.0, max = 0.5),
        extend("forkable" = true, "told" = "above 0.5 the layer is mostly untrained weights")
    )]
    pub dst_fraction: f64,
    /// Whether the share swapped falls to zero along a half cosine.
    #[schemars(title = "Anneal rewiring", extend("forkable" = true))]
    pub dst_anneal: bool,
    /// Part of the run after which no edge is swapped; 0 disables rewiring.
    #[schemars(title = "Rewiring ends at", range(min = 0.0, max = 1.0), extend("forkable" = true, "told" = "0 disables rewiring"))]
    pub dst_stop_frac: f64,
    /// How strongly two units co-vary, by which new edges are chosen.
    #[schemars(title = "Hebbian measure", extend("forkable" = true))]
    pub hebb_measure: HebbMeasure,
    /// Training batches before an event from which co-variation is measured.
    #[schemars(
        title = "Hebbian window (batches)",
        range(min = 1, max = 50),
        extend("forkable" = true, "told" = "a window must not be longer than dst_every ({dst_every})")
    )]
    pub hebb_window: u64,
    /// Whether edges between groups of the same index are never removed.
    #[schemars(title = "Keep edges inside groups", extend("forkable" = true))]
    pub protect_intra: bool,
    /// Where new edges may grow.
    #[schemars(title = "New edges grow", extend("forkable" = true))]
    pub grow_scope: GrowScope,
    /// Whether an edge removed at an event may return at the same event.
    #[schemars(title = "Allow immediate return", extend("forkable" = true))]
    pub allow_regrow_pruned: bool,
    /// How weights are drawn at the start.
    #[schemars(title = "Initial weights")]
    pub init: Init,
    /// Step size of Adam at the start; it falls to zero along a half cosine.
    #[schemars(title = "Learning rate", range(min = 0.00001, max = 1.0), extend("forkable" = true))]
    pub learning_rate: f64,
    /// Step sizes to choose from. Each arm takes the one with the lowest validation loss after a short training of up to one epoch before
    /// the run; empty means `learning_rate` for all.
    #[schemars(title = "Learning rates to choose from", length(max = 8), inner(range(min = 0.00001, max = 1.0)))]
    pub learning_rate_choices: Vec<f64>,
    /// Decoupled weight decay of Adam.
    #[schemars(title = "Weight decay", range(min = 0.0, max = 0.1), extend("forkable" = true))]
    pub weight_decay: f64,
    /// Images per optimiser step; what does not fill a batch at the end of an epoch is left out of it.
    #[schemars(title = "Batch size", range(min = 16, max = 4_096))]
    pub batch_size: usize,
    /// Passes over the training images.
    #[schemars(title = "Epochs", range(min = 1, max = 1_000), extend("forkable" = true))]
    pub epochs: u64,
}

impl Default for G2gNetConfig {
    fn default() -> Self {
        Self {
            dataset: DataSet::FashionMnist,
            train_samples: 20_000,
            arms: ArmId::USUAL.to_vec(),
            encoder: Encoder::None,
            hidden_width: 512,
            hidden_layers: 2,
            groups: 8,
            tile_groups: 16,
            tile_fan_in: 4,
            grouping: Grouping::Mixer,
            p_intra: 1.0,
            sparsity: 0.74375,
            custom: Custom::default(),
            dst_every: 100,
            dst_fraction: 0.2,
            dst_anneal: true,
            dst_stop_frac: 0.75,
            hebb_measure: HebbMeasure::PearsonAbs,
            hebb_window: 5,
            protect_intra: false,
            grow_scope: GrowScope::Any,
            allow_regrow_pruned: false,
            init: Init::He,
            learning_rate: 1e-3,
            learning_rate_choices: Vec::new(),
            weight_decay: 0.0,
            batch_size: 256,
            epochs: 6,
        }
    }
}

/// How units are assigned to groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Neighbouring units form a group.
    Contiguous,
    /// Unit u belongs to group u modulo G.
    Interleaved,
    /// Contiguous groups behind a fixed random permutation on either side of every layer.
    Random,
    /// Contiguous and interleaved by turns, so that two layers connect all groups.
    Mixer,
}

/// How strongly two units co-vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HebbMeasure {
    /// Cosine of the two activity vectors, not centred: favours units that are always on.
    Cosine,
    /// Absolute Pearson correlation; 0 for a unit that does not vary.
    PearsonAbs,
}

/// Where new edges may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrowScope {
    /// Anywhere.
    Any,
    /// Only between groups of different index.
    Inter,
}

/// How weights are drawn at the start; f is the number of inputs that a unit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform within the square root of 6 / f, bias 0 (He, for ReLU).
    He,
    /// Uniform within 1 / sqrt(f), bias within 1 / sqrt(mean f), as in the authors' follow-up code.
    Repo,
}

impl G2gNetConfig {
    /// Inputs of the first sparse layer.
    pub fn inputs(&self) -> usize {
        self.encoder.features(self.dataset)
    }

    /// Groups on either side of the layers of an arm that is wired in this way.
    pub fn groups_of(&self, pattern: Pattern) -> usize {
        match pattern {
            Pattern::Random | Pattern::Groups => self.groups,
            Pattern::Tiles => self.tile_groups,
        }
    }

    fn has_tile_arm(&self) -> bool {
        self.arms.iter().any(|arm| arm.pattern(self.custom) == Some(Pattern::Tiles))
    }

    /// Widths of input, hidden layers and read-out of an arm of full width.
    pub fn widths(&self) -> Vec<usize> {
        self.widths_of(self.hidden_width)
    }

    fn widths_of(&self, hidden: usize) -> Vec<usize> {
        let mut widths = vec![self.inputs()];
        widths.extend(std::iter::repeat_n(hidden, self.hidden_layers));
        widths.push(self.dataset.classes());
        widths
    }

    /// Widths of the narrow dense arm, given the edges of the sparse layers of a sparse arm: the widest hidden layers, h, whose
    /// `n_0 h + (L - 1) h^2` weights are no more than those edges.
    pub fn narrow_widths(&self, edges: usize) -> Vec<usize> {
        let weights = |h: usize| self.inputs() * h + (self.hidden_layers - 1) * h * h;
        let width = (1..=self.hidden_width).take_while(|h| weights(*h) <= edges).last().unwrap_or(1);
        self.widths_of(width)
    }

    /// Probability of an edge between groups of different index that gives the wanted sparsity:
    /// `((1 - s) - p_intra / G) / (1 - 1 / G)`. Outside 0 to 1 where that sparsity is not possible.
    pub fn p_inter(&self) -> f64 {
        let groups = self.groups as f64;
        ((1.0 - self.sparsity) - self.p_intra / groups) / (1.0 - 1.0 / groups)
    }

    /// Optimiser steps in an epoch; at least 1 in a checked config.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.train_samples / self.batch_size) as u64
    }

    /// Optimiser steps of the run.
    pub fn total_steps(&self) -> u64 {
        self.steps_per_epoch() * self.epochs
    }
}

impl Check for G2gNetConfig {
    fn check(&self, faults: &mut CrossFaults) {
        if self.arms.len() < 2 {
            faults.push(&["arms"], "a comparison needs two arms");
        }
        let most = self.dataset.most_train_samples();
        if self.train_samples > most {
            let detail = format!("must be between 1000 and {most} for {}; got {}", self.dataset.id(), self.train_samples);
            faults.push(&["train_samples", "dataset"], detail);
        }
        if self.batch_size > self.train_samples {
            let detail = format!("must be at most the number of training images, {}; got {}", self.train_samples, self.batch_size);
            faults.push(&["batch_size", "train_samples"], detail);
        }
        if self.encoder == Encoder::Patch16 && !self.dataset.side().is_multiple_of(Encoder::PATCHES) {
            faults.push(&["encoder", "dataset"], format!("image side must be divisible by 4 for patch16; got {}", self.dataset.side()));
        }
        self.check_groups("groups", self.groups, faults);
        let groups = self.groups;
        if self.p_intra <= 0.0 {
            faults.push(&["p_intra"], "0 would leave units with no input; must be above 0");
        } else if self.p_inter() < -1e-9 {
            let most = 100.0 * (1.0 - self.p_intra / groups as f64);
            let wired = if self.p_intra == 1.0 { "fully wired".to_owned() } else { format!("{} % wired", 100.0 * self.p_intra) };
            let detail =
                format!("with {groups} groups {wired} inside, at most {} % sparsity is possible", (most * 1000.0).floor() / 1000.0);
            faults.push(&["sparsity", "groups", "p_intra"], detail);
        } else if self.p_inter() > 1.0 + 1e-9 {
            let least = 100.0 * (1.0 - self.p_intra) / groups as f64;
            let detail =
                format!("with {groups} groups {} % wired inside, at least {least:.3} % of the weights are absent", 100.0 * self.p_intra);
            faults.push(&["sparsity", "groups", "p_intra"], detail);
        }
        if self.has_tile_arm() {
            self.check_tiles(faults);
        }
        if self.hebb_window > self.dst_every {
            let detail = format!("window longer than dst_every ({}); got {}", self.dst_every, self.hebb_window);
            faults.push(&["hebb_window", "dst_every"], detail);
        }
    }

    fn check_fork(&self, parent: &Self, faults: &mut CrossFaults) {
        if self.learning_rate != parent.learning_rate && !self.learning_rate_choices.is_empty() {
            let detail = "is fixed at a fork of this run: each arm goes on with the rate that it chose from learning_rate_choices";
            faults.push(&["learning_rate"], detail);
        }
    }
}

impl G2gNetConfig {
    /// What holds for the number of groups in the field `name`.
    fn check_groups(&self, name: &str, groups: usize, faults: &mut CrossFaults) {
        let (width, inputs) = (self.hidden_width, self.inputs());
        if !width.is_multiple_of(groups) {
            let below = width / groups * groups;
            let detail = format!("hidden_width must be a multiple of {name} ({groups}); nearest are {below} and {}", below + groups);
            faults.push(&["hidden_width", name], detail);
        }
        if width.min(inputs) < SMALLEST_GROUP * groups {
            let detail = format!(
                "each group needs at least {SMALLEST_GROUP} units: lower {name} or widen; got {groups} groups of {width} hidden units and {inputs} inputs"
            );
            faults.push(&[name, "hidden_width", "dataset", "encoder"], detail);
        }
    }

    fn check_tiles(&self, faults: &mut CrossFaults) {
        self.check_groups("tile_groups", self.tile_groups, faults);
        if self.tile_fan_in > self.tile_groups {
            let detail = format!("K must be 1..G ({}); K=G is dense; got {}", self.tile_groups, self.tile_fan_in);
            faults.push(&["tile_fan_in", "tile_groups"], detail);
        }
        if self.p_intra > 0.0 && self.p_intra < 1.0 {
            let detail = format!("tile needs p_intra = 1: leave the tile arms out or the groups fully wired; got {}", self.p_intra);
            faults.push(&["p_intra", "arms", "custom"], detail);
        }
        if self.arms.contains(&ArmId::Custom) && self.custom.layout == Layout::Tile && self.custom.grow_rule == GrowRule::Gradient {
            faults.push(&["custom"], "gradient is not available for tile layout: choose hebb or random as grow_rule");
        }
    }
}

#[cfg(test)]
mod tests;

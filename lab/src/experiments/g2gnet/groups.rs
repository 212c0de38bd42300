//! Which unit belongs to which group, on both sides of a layer.

use super::config::Grouping;
use crate::random::Generator;

/// Group ids of the units on both sides of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGroups {
    /// Number of groups, G.
    pub count: usize,
    /// Group of every input of the layer.
    pub inputs: Vec<usize>,
    /// Group of every output of the layer.
    pub outputs: Vec<usize>,
}

impl LayerGroups {
    /// The groups of layer number `layer` (from 0) with these many inputs and outputs.
    ///
    /// Inputs that do not divide by the number of groups are counted as if padded to the next multiple; the padding itself is no unit.
    /// `seed` fixes the permutations of [`Grouping::Random`].
    pub fn new(grouping: Grouping, layer: usize, n_in: usize, n_out: usize, count: usize, seed: u64) -> Self {
        let side = |n: usize, name: &str| {
            let mut generator = Generator::new(seed, &format!("groups/layer_{}/{name}", layer + 1));
            group_ids(grouping, layer, n, count, &mut generator)
        };
        Self { count, inputs: side(n_in, "inputs"), outputs: side(n_out, "outputs") }
    }

    /// Number of pairs of units in groups of the same index.
    pub fn intra_pairs(&self) -> usize {
        let sizes = |ids: &[usize]| (0..self.count).map(|group| ids.iter().filter(|id| **id == group).count()).collect::<Vec<_>>();
        sizes(&self.inputs).iter().zip(sizes(&self.outputs)).map(|(inputs, outputs)| inputs * outputs).sum()
    }

    /// Edges inside groups and between them for these probabilities: `round(p * pairs)` each.
    pub fn edge_counts(&self, p_intra: f64, p_inter: f64) -> (usize, usize) {
        let intra = self.intra_pairs();
        let inter = self.inputs.len() * self.outputs.len() - intra;
        let kept = |p: f64, pairs: usize| (p * pairs as f64).round().clamp(0.0, pairs as f64) as usize;
        (kept(p_intra, intra), kept(p_inter, inter))
    }

    /// Whether the edge from `input` to `output` lies between groups of the same index.
    pub fn is_intra(&self, output: usize, input: usize) -> bool {
        self.outputs[output] == self.inputs[input]
    }
}

fn group_ids(grouping: Grouping, layer: usize, n: usize, groups: usize, generator: &mut Generator) -> Vec<usize> {
    let padded = n.next_multiple_of(groups);
    let contiguous = |unit: usize| unit * groups / padded;
    match (grouping, layer % 2) {
        (Grouping::Contiguous, _) | (Grouping::Mixer, 0) => (0..n).map(contiguous).collect(),
        (Grouping::Interleaved | Grouping::Mixer, _) => (0..n).map(|unit| unit % groups).collect(),
        (Grouping::Random, _) => generator.permutation(padded).into_iter().take(n).map(|place| contiguous(place as usize)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(grouping: Grouping, layer: usize, n: usize, groups: usize) -> Vec<usize> {
        group_ids(grouping, layer, n, groups, &mut Generator::new(0, "test"))
    }

    #[test]
    fn four_units_in_two_groups() {
        assert_eq!(ids(Grouping::Contiguous, 0, 4, 2), [0, 0, 1, 1]);
        assert_eq!(ids(Grouping::Interleaved, 0, 4, 2), [0, 1, 0, 1]);
        assert_eq!(ids(Grouping::Mixer, 0, 4, 2), [0, 0, 1, 1]);
        assert_eq!(ids(Grouping::Mixer, 1, 4, 2), [0, 1, 0, 1]);
        assert_eq!(ids(Grouping::Mixer, 2, 4, 2), [0, 0, 1, 1]);
    }

    #[test]
    fn random_groups_have_equal_sizes_and_padding_shortens_the_last() {
        let random = ids(Grouping::Random, 0, 64, 8);
        assert!((0..8).all(|group| random.iter().filter(|id| **id == group).count() == 8));
        assert_ne!(random, ids(Grouping::Contiguous, 0, 64, 8));
        assert_eq!(ids(Grouping::Contiguous, 0, 10, 4), [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
    }
}

//! Which weights of a layer exist, and what their pattern looks like.

use super::groups::LayerGroups;
use crate::{kernels::TilePattern, random::Generator};

/// The edges of one layer. Cells lie as the weights do, `[inputs, outputs]` row-major; the order that breaks ties and in which cells are
/// drawn is `output * inputs + input`, called the rank here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    n_in: usize,
    n_out: usize,
    exists: Vec<u8>,
}

impl Mask {
    /// A mask from its cells in the layout of the weights, 1 for an edge and 0 for none. `None` when their number does not fit.
    pub fn from_cells(n_in: usize, n_out: usize, cells: Vec<u8>) -> Option<Self> {
        (cells.len() == n_in * n_out).then_some(Self { n_in, n_out, exists: cells })
    }

    /// Group-to-group wiring: `round(p * pairs)` cells without replacement, separately among the pairs inside groups and among the
    /// others, so that every seed has the same number of edges.
    pub fn group_to_group(groups: &LayerGroups, p_intra: f64, p_inter: f64, generator: &mut Generator) -> Self {
        let (n_in, n_out) = (groups.inputs.len(), groups.outputs.len());
        let mut mask = Self { n_in, n_out, exists: vec![0; n_in * n_out] };
        let (intra, inter): (Vec<usize>, Vec<usize>) = (0..n_in * n_out).partition(|rank| groups.is_intra(rank / n_in, rank % n_in));
        let (kept_intra, kept_inter) = groups.edge_counts(p_intra, p_inter);
        for (ranks, kept) in [(intra, kept_intra), (inter, kept_inter)] {
            for at in generator.choose(ranks.len(), kept) {
                let cell = mask.cell_of_rank(ranks[at]);
                mask.exists[cell] = 1;
            }
        }
        mask
    }

    /// Exactly `edges` cells drawn without replacement from all.
    pub fn random(n_in: usize, n_out: usize, edges: usize, generator: &mut Generator) -> Self {
        let mut mask = Self { n_in, n_out, exists: vec![0; n_in * n_out] };
        for rank in generator.choose(n_in * n_out, edges) {
            let cell = mask.cell_of_rank(rank);
            mask.exists[cell] = 1;
        }
        mask
    }

    /// All cells between groups that a tile joins.
    pub fn of_tiles(groups: &LayerGroups, pattern: &TilePattern) -> Self {
        let (n_in, n_out) = (groups.inputs.len(), groups.outputs.len());
        let mut joined = vec![0; groups.count * groups.count];
        for (tile, source) in pattern.sources().iter().enumerate() {
            joined[source * groups.count + tile / pattern.fan_in()] = 1;
        }
        let row = |input: &usize| groups.outputs.iter().map(|output| joined[input * groups.count + output]).collect::<Vec<u8>>();
        Self { n_in, n_out, exists: groups.inputs.iter().flat_map(row).collect() }
    }

    /// All cells, 1 or 0, in the layout of the weights.
    pub fn cells(&self) -> &[u8] {
        &self.exists
    }

    /// Inputs and outputs of the layer.
    pub fn sizes(&self) -> (usize, usize) {
        (self.n_in, self.n_out)
    }

    /// Place in the weights of the cell with this rank.
    pub fn cell_of_rank(&self, rank: usize) -> usize {
        rank % self.n_in * self.n_out + rank / self.n_in
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.exists.iter().map(|cell| usize::from(*cell)).sum()
    }

    /// Number of edges of every output.
    pub fn fan_in(&self) -> Vec<usize> {
        let mut fan_in = vec![0; self.n_out];
        for row in self.exists.chunks_exact(self.n_out) {
            fan_in.iter_mut().zip(row).for_each(|(count, cell)| *count += usize::from(*cell));
        }
        fan_in
    }

    /// Number of edges of every input.
    pub fn fan_out(&self) -> Vec<usize> {
        self.exists.chunks_exact(self.n_out).map(|row| row.iter().map(|cell| usize::from(*cell)).sum()).collect()
    }

    /// Number of edges that `other` has too.
    pub fn shared_edges(&self, other: &Self) -> usize {
        self.exists.iter().zip(&other.exists).filter(|(a, b)| **a == 1 && **b == 1).count()
    }

    /// Removes one edge per cell of `removed` and adds one per cell of `added`. The number of edges must not change.
    pub fn swap(&mut self, removed: &[usize], added: &[usize]) {
        let edges = self.edges();
        removed.iter().for_each(|cell| self.exists[*cell] = 0);
        added.iter().for_each(|cell| self.exists[*cell] = 1);
        assert_eq!(self.edges(), edges, "rewiring changed the number of edges");
    }

    /// Edges from every input group to every output group.
    pub fn group_counts(&self, groups: &LayerGroups) -> GroupCounts {
        let mut edges = vec![0; groups.count * groups.count];
        let mut pairs = edges.clone();
        for (input, row) in self.exists.chunks_exact(self.n_out).enumerate() {
            for (cell, output) in row.iter().zip(&groups.outputs) {
                let at = output * groups.count + groups.inputs[input];
                edges[at] += usize::from(*cell);
                pairs[at] += 1;
            }
        }
        GroupCounts { groups: groups.count, edges, pairs }
    }
}

/// Edges between groups: row = output group, column = input group, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCounts {
    /// Number of groups.
    pub groups: usize,
    /// Edges of every pair of groups.
    pub edges: Vec<usize>,
    /// Possible edges of every pair of groups.
    pub pairs: Vec<usize>,
}

impl GroupCounts {
    /// All edges.
    pub fn total(&self) -> usize {
        self.edges.iter().sum()
    }

    /// Edges between groups of the same index.
    pub fn intra(&self) -> usize {
        (0..self.groups).map(|group| self.edges[group * (self.groups + 1)]).sum()
    }

    /// Share of the possible edges that exist, per pair of groups.
    pub fn densities(&self) -> Vec<f64> {
        self.edges.iter().zip(&self.pairs).map(|(edges, pairs)| *edges as f64 / (*pairs).max(1) as f64).collect()
    }

    /// Bipartite modularity, `sum_g (e_gg - a_g b_g)` with `e` the edges of group pairs over all edges and `a`, `b` its row and column
    /// sums. 0 without edges.
    pub fn modularity(&self) -> f64 {
        let total = self.total().max(1) as f64;
        let share = |row: usize, column: usize| self.edges[row * self.groups + column] as f64 / total;
        let all = 0..self.groups;
        all.clone()
            .map(|g| {
                let row: f64 = all.clone().map(|other| share(g, other)).sum();
                let column: f64 = all.clone().map(|other| share(other, g)).sum();
                share(g, g) - row * column
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::config::Grouping;

    fn rows(mask: &Mask) -> Vec<String> {
        let cell = |output: usize, input: usize| mask.cells()[mask.cell_of_rank(output * mask.n_in + input)].to_string();
        (0..mask.n_out).map(|output| (0..mask.n_in).map(|input| cell(output, input)).collect()).collect()
    }

    fn draw(grouping: Grouping, layer: usize, n_in: usize, n_out: usize, groups: usize, p_inter: f64) -> (Mask, GroupCounts) {
        let groups = LayerGroups::new(grouping, layer, n_in, n_out, groups, 0);
        let mask = Mask::group_to_group(&groups, 1.0, p_inter, &mut Generator::new(0, "mask"));
        let counts = mask.group_counts(&groups);
        (mask, counts)
    }

    #[test]
    fn masks_of_four_units_in_two_groups() {
        let (contiguous, _) = draw(Grouping::Contiguous, 0, 4, 4, 2, 0.0);
        assert_eq!(rows(&contiguous), ["1100", "1100", "0011", "0011"]);
        let (interleaved, _) = draw(Grouping::Interleaved, 0, 4, 4, 2, 0.0);
        assert_eq!(rows(&interleaved), ["1010", "0101", "1010", "0101"]);
        assert_eq!((contiguous.edges(), interleaved.edges()), (8, 8));
    }

    #[test]
    fn edge_counts_are_exact() {
        for (n_in, n_out, intra, total) in [(784, 512, 50_176, 102_861), (512, 512, 32_768, 67_174), (1024, 1024, 131_072, 268_698)] {
            for layer in [0, 1] {
                let (mask, counts) = draw(Grouping::Mixer, layer, n_in, n_out, 8, 0.15);
                assert_eq!((counts.intra(), counts.total(), mask.edges()), (intra, total, total));
                assert!((total as f64 / (n_in * n_out) as f64 - 0.25625).abs() < 1e-5);
                assert!((intra as f64 / total as f64 - 0.487805).abs() < 1e-5);
                // Drawn counts per pair of groups differ a little from their expectation, which the specification's value is for.
                assert!((counts.modularity() - 0.362805).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn modularity_of_known_counts() {
        let counts = GroupCounts { groups: 2, edges: vec![4, 1, 1, 2], pairs: vec![4; 4] };
        assert!((counts.modularity() - 0.21875).abs() < 1e-12);
        let uniform = |diagonal: usize, other: usize| {
            let edges: Vec<usize> = (0..64).map(|at| if at % 9 == 0 { diagonal } else { other }).collect();
            GroupCounts { groups: 8, pairs: edges.clone(), edges }
        };
        assert!((uniform(100, 15).modularity() - 0.362805).abs() < 1e-6);
    }

    #[test]
    fn a_random_mask_has_exactly_the_wanted_edges() {
        let mask = Mask::random(50, 20, 257, &mut Generator::new(1, "er"));
        assert_eq!((mask.edges(), mask.fan_in().iter().sum::<usize>(), mask.fan_out().iter().sum::<usize>()), (257, 257, 257));
    }

    #[test]
    fn the_mask_of_tiles_is_where_their_weights_lie() {
        for grouping in [Grouping::Contiguous, Grouping::Interleaved, Grouping::Random] {
            // 10 inputs in 4 groups are padded to 12.
            let groups = LayerGroups::new(grouping, 0, 10, 8, 4, 1);
            let pattern = TilePattern::new(4, &groups.inputs, &groups.outputs, vec![0, 3, 1, 0, 2, 1, 3, 2]).unwrap();
            let ones = vec![1f32; 8 * pattern.tile_size()];
            let cells: Vec<u8> = pattern.dense_of(&ones).iter().map(|cell| *cell as u8).collect();
            assert_eq!(Mask::of_tiles(&groups, &pattern).cells(), cells);
        }
    }

    #[test]
    #[should_panic(expected = "changed the number of edges")]
    fn a_swap_that_loses_an_edge_is_caught() {
        draw(Grouping::Contiguous, 0, 4, 4, 2, 0.0).0.swap(&[0], &[1]);
    }
}

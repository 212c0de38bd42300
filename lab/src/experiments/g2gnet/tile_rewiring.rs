//! One rewiring event of a layer of tiles: which tiles of weights go, and from which source groups others come.

use super::{
    arms::GrowRule,
    groups::LayerGroups,
    rewiring::{Rules, ascending, prune, take_least, take_random},
};
use crate::{Error, Result, kernels::TilePattern, random::Generator};

/// What the rules look at.
#[derive(Debug, Clone)]
pub struct TileEvidence {
    /// Mean magnitude of the weights of every tile.
    magnitudes: Vec<f32>,
    /// Mean Hebbian score of every pair of groups, row = output group, column = input group.
    scores: Vec<f32>,
}

impl TileEvidence {
    /// The evidence of a layer: its `weights` as [`TilePattern::shape`] says, and the `scores` of all cells `[inputs, outputs]`, of which
    /// there may be none where no rule looks at them.
    pub fn new(pattern: &TilePattern, groups: &LayerGroups, weights: &[f32], scores: &[f32]) -> Self {
        let inputs_of = |group: usize| groups.inputs.iter().filter(|id| **id == group).count();
        let (_, _, outputs) = pattern.shape();
        let tiles = weights.chunks_exact(pattern.tile_size()).zip(pattern.sources());
        let magnitudes = tiles.map(|(tile, source)| {
            let sum: f64 = tile.iter().map(|weight| f64::from(weight.abs())).sum();
            (sum / (inputs_of(*source) * outputs).max(1) as f64) as f32
        });
        Self { magnitudes: magnitudes.collect(), scores: mean_per_pair(groups, scores) }
    }
}

/// The mean of all cells between two groups; `cells` are `[inputs, outputs]`, the result has a row per output group.
fn mean_per_pair(groups: &LayerGroups, cells: &[f32]) -> Vec<f32> {
    let mut sums = vec![(0f64, 0f64); groups.count * groups.count];
    for (row, input) in cells.chunks_exact(groups.outputs.len()).zip(&groups.inputs) {
        for (cell, output) in row.iter().zip(&groups.outputs) {
            let (sum, count) = &mut sums[output * groups.count + input];
            *sum += f64::from(*cell);
            *count += 1.0;
        }
    }
    sums.into_iter().map(|(sum, count)| (sum / count.max(1.0)) as f32).collect()
}

/// A tile whose weights go, and the group that it reads from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileMove {
    /// The tile.
    pub tile: usize,
    /// Its new source group.
    pub source: usize,
}

/// Chooses `share` of the tiles that do not join groups of the same index, at least one, and where they go. A group never loses itself as
/// a source, never gets one twice, and keeps its number of sources; a tile for which no other source is left stays. Equal values are
/// decided by the lower `output group * groups + input group`. Errors: growth by gradient, which tiles that do not exist have none of.
pub fn choose_tiles(
    pattern: &TilePattern,
    rules: Rules,
    share: f64,
    evidence: &TileEvidence,
    generator: &mut Generator,
) -> Result<Vec<TileMove>> {
    let (groups, fan_in) = (pattern.groups(), pattern.fan_in());
    let mut tile_at = vec![None; groups * groups];
    for (tile, source) in pattern.sources().iter().enumerate() {
        tile_at[tile / fan_in * groups + source] = Some(tile);
    }
    let mut live: Vec<usize> = (0..groups * groups).filter(|rank| tile_at[*rank].is_some() && rank / groups != rank % groups).collect();
    let count = ((share * live.len() as f64).round() as usize).max(1).min(live.len());
    let magnitude = |rank: usize| ascending(tile_at[rank].map_or(0.0, |tile| evidence.magnitudes[tile]));
    let score = |rank: usize| ascending(evidence.scores[rank]);
    let mut pruned = prune(rules.prune, &mut live, count, magnitude, score, generator);
    pruned.sort_unstable();
    let mut moves = Vec::new();
    for row in pruned.chunk_by(|a, b| a / groups == b / groups) {
        let first = row[0] / groups * groups;
        let may_come = |rank: &usize| tile_at[*rank].is_none() || (rules.allow_regrow_pruned && row.contains(rank));
        let mut absent: Vec<usize> = (first..first + groups).filter(may_come).collect();
        let count = row.len().min(absent.len());
        let grown = match rules.grow {
            GrowRule::Random => take_random(&mut absent, count, generator),
            GrowRule::Hebb => take_least(&mut absent, count, |rank| !score(rank)),
            GrowRule::Gradient => return Err(Error::Record("tiles that do not exist have no gradient to grow by".to_owned())),
        };
        let moved = row.iter().zip(grown).filter_map(|(gone, come)| Some(TileMove { tile: tile_at[*gone]?, source: come % groups }));
        moves.extend(moved);
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::{
        arms::PruneRule,
        config::{Grouping, GrowScope},
    };
    use std::collections::BTreeSet;

    const HEBB: Rules = Rules {
        prune: PruneRule::Magnitude,
        grow: GrowRule::Hebb,
        protect_intra: false,
        grow_scope: GrowScope::Any,
        allow_regrow_pruned: false,
    };

    fn layer(groups: usize, sources: &[usize]) -> (TilePattern, LayerGroups) {
        let ids = LayerGroups::new(Grouping::Contiguous, 0, 2 * groups, 2 * groups, groups, 0);
        (TilePattern::new(groups, &ids.inputs, &ids.outputs, sources.to_vec()).unwrap(), ids)
    }

    /// Three groups; group 0 reads 0 and 1, 1 reads 1 and 2, 2 reads 2 and 0.
    fn three(rules: Rules, share: f64) -> Vec<TileMove> {
        let (pattern, ids) = layer(3, &[0, 1, 1, 2, 2, 0]);
        let of_tiles = [9.0, -0.1, 0.0, 0.3, 0.0, -0.2f32];
        let weights: Vec<f32> = of_tiles.iter().flat_map(|weight| [*weight; 4]).collect();
        // Scores of cells [inputs, outputs]; every input group is 2 rows, every output group 2 columns.
        let of_pairs = [[0.0, 0.2, 0.3], [0.9, 0.0, 0.5], [0.8, 0.1, 0.0f32]];
        let scores: Vec<f32> = (0..36).map(|cell| of_pairs[cell / 12][cell % 6 / 2]).collect();
        choose_tiles(&pattern, rules, share, &TileEvidence::new(&pattern, &ids, &weights, &scores), &mut Generator::new(0, "tiles"))
            .unwrap()
    }

    #[test]
    fn a_hand_worked_event() {
        let to = |tile, source| TileMove { tile, source };
        // Of the tiles 1, 3 and 5, which leave their group, 1 is the weakest; group 0 has only source 2 left.
        assert_eq!(three(HEBB, 0.01), [to(1, 2)]);
        assert_eq!(three(HEBB, 0.67), [to(1, 2), to(5, 1)]);
        assert_eq!(three(HEBB, 1.0), [to(1, 2), to(3, 0), to(5, 1)]);
        // By score: pairs (output, input) (0, 1) 0.9, (1, 2) 0.1, (2, 0) 0.3.
        assert_eq!(three(Rules { prune: PruneRule::Hebb, ..HEBB }, 0.01), [to(3, 0)]);
        // What goes may come again: 0.9 is the best of group 0.
        assert_eq!(three(Rules { allow_regrow_pruned: true, ..HEBB }, 0.01), [to(1, 1)]);
        let gradient = Rules { grow: GrowRule::Gradient, ..HEBB };
        let (pattern, ids) = layer(3, &[0, 1, 1, 2, 2, 0]);
        let evidence = TileEvidence::new(&pattern, &ids, &[0.0; 24], &[0.0; 36]);
        assert!(choose_tiles(&pattern, gradient, 0.5, &evidence, &mut Generator::new(0, "tiles")).is_err());
    }

    #[test]
    fn where_all_tiles_exist_none_moves() {
        let (pattern, ids) = layer(2, &[0, 1, 1, 0]);
        let evidence = TileEvidence::new(&pattern, &ids, &[1.0; 16], &[0.5; 16]);
        assert_eq!(choose_tiles(&pattern, HEBB, 0.5, &evidence, &mut Generator::new(0, "tiles")).unwrap(), []);
        let (alone, ids) = layer(2, &[0, 1]);
        let evidence = TileEvidence::new(&alone, &ids, &[1.0; 8], &[0.5; 16]);
        assert_eq!(choose_tiles(&alone, HEBB, 0.5, &evidence, &mut Generator::new(0, "tiles")).unwrap(), []);
    }

    #[test]
    fn a_thousand_random_events_keep_sources_distinct_and_the_own_group() {
        let (groups, fan_in) = (8, 5);
        let sources: Vec<usize> = (0..groups).flat_map(|row| (0..fan_in).map(move |slot| (row + slot) % groups)).collect();
        let (mut pattern, ids) = layer(groups, &sources);
        let mut generator = Generator::new(5, "events");
        let prunes = [PruneRule::Magnitude, PruneRule::Random, PruneRule::Hebb, PruneRule::Three];
        let mut moved = 0;
        for event in 0..1000 {
            let mut draw = |n: usize| (0..n).map(|_| generator.symmetric(3.0).round()).collect::<Vec<f32>>();
            let (weights, scores) = (draw(groups * fan_in * 4), draw(4 * groups * groups));
            let evidence = TileEvidence::new(&pattern, &ids, &weights, &scores);
            let rules = Rules {
                prune: prunes[event % 4],
                grow: if event % 3 == 0 { GrowRule::Random } else { GrowRule::Hebb },
                allow_regrow_pruned: event % 5 == 0,
                ..HEBB
            };
            let moves = choose_tiles(&pattern, rules, (event % 11) as f64 / 10.0, &evidence, &mut generator).unwrap();
            assert!(!moves.is_empty());
            let mut sources = pattern.sources().to_vec();
            for TileMove { tile, source } in &moves {
                assert_ne!(sources[*tile], tile / fan_in, "a group lost itself");
                assert!(rules.allow_regrow_pruned || sources[*tile] != *source);
                sources[*tile] = *source;
                moved += 1;
            }
            for (row, sources) in sources.chunks_exact(fan_in).enumerate() {
                assert!(sources.contains(&row) && sources.iter().collect::<BTreeSet<_>>().len() == fan_in, "{sources:?}");
            }
            pattern = pattern.with_sources(sources).unwrap();
        }
        assert!(moved > 5_000, "{moved}");
    }
}

//! One rewiring event: which edges of a layer go, which come, and how many.

use super::{
    arms::{GrowRule, PruneRule},
    config::GrowScope,
    groups::LayerGroups,
    mask::Mask,
};
use crate::random::Generator;

/// The rules of an event.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Which edges go.
    pub prune: PruneRule,
    /// Which edges come.
    pub grow: GrowRule,
    /// Whether edges inside groups never go.
    pub protect_intra: bool,
    /// Where edges may come.
    pub grow_scope: GrowScope,
    /// Whether an edge that goes may come again at once.
    pub allow_regrow_pruned: bool,
}

impl Rules {
    /// Whether Hebbian scores decide anything.
    pub fn look_at_scores(self) -> bool {
        matches!(self.prune, PruneRule::Hebb | PruneRule::Three) || self.grow == GrowRule::Hebb
    }
}

/// What the rules look at, in the layout of the weights.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Weights of all cells.
    pub weights: &'a [f32],
    /// Gradient of the loss on all cells, existing or not.
    pub gradient: &'a [f32],
    /// Hebbian score of all cells; none where no rule looks at them.
    pub scores: &'a [f32],
}

/// The outcome of an event: as many cells go as come, places in the weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swap {
    /// Edges that go.
    pub pruned: Vec<usize>,
    /// Edges that come.
    pub grown: Vec<usize>,
}

/// Share of the edges swapped at step `t`: `fraction / 2 (1 + cos(pi t / stop))`, or `fraction` without annealing; 0 from `stop` on.
pub fn swap_share(fraction: f64, anneal: bool, t: u64, stop: f64) -> f64 {
    let t = t as f64;
    if t >= stop {
        0.0
    } else if anneal {
        fraction / 2.0 * (1.0 + (std::f64::consts::PI * t / stop).cos())
    } else {
        fraction
    }
}

/// Chooses `count` edges to go and as many to come; fewer where the rules leave fewer. Equal values are decided by the lower rank
/// (`output * inputs + input`), for going as for coming.
pub fn choose_swap(
    mask: &Mask,
    groups: &LayerGroups,
    rules: Rules,
    count: usize,
    evidence: Evidence<'_>,
    generator: &mut Generator,
) -> Swap {
    let (n_in, n_out) = mask.sizes();
    let is_intra = |rank: usize| groups.is_intra(rank / n_in, rank % n_in);
    let may_grow = |rank: usize| rules.grow_scope == GrowScope::Any || !is_intra(rank);
    let (mut live, mut absent) = (Vec::new(), Vec::new());
    for rank in 0..n_in * n_out {
        if mask.cells()[mask.cell_of_rank(rank)] == 1 {
            if !(rules.protect_intra && is_intra(rank)) {
                live.push(rank);
            }
        } else if may_grow(rank) {
            absent.push(rank);
        }
    }
    let count = count.min(live.len()).min(absent.len());
    let magnitude = |rank: usize| ascending(evidence.weights[mask.cell_of_rank(rank)].abs());
    let score = |rank: usize| ascending(evidence.scores[mask.cell_of_rank(rank)]);
    let pruned = prune(rules.prune, &mut live, count, magnitude, score, generator);
    if rules.allow_regrow_pruned {
        absent.extend(pruned.iter().copied().filter(|rank| may_grow(*rank)));
    }
    let grown = match rules.grow {
        GrowRule::Random => take_random(&mut absent, count, generator),
        GrowRule::Gradient => take_least(&mut absent, count, |rank| !ascending(evidence.gradient[mask.cell_of_rank(rank)].abs())),
        GrowRule::Hebb => take_least(&mut absent, count, |rank| !score(rank)),
    };
    let to_cells = |ranks: Vec<usize>| ranks.into_iter().map(|rank| mask.cell_of_rank(rank)).collect();
    Swap { pruned: to_cells(pruned), grown: to_cells(grown) }
}

/// Takes `count` ranks out of `live` by a rule, given magnitude and score of a rank as numbers that sort as they do.
pub(super) fn prune(
    rule: PruneRule,
    live: &mut Vec<usize>,
    count: usize,
    magnitude: impl Fn(usize) -> u32,
    score: impl Fn(usize) -> u32,
    generator: &mut Generator,
) -> Vec<usize> {
    match rule {
        PruneRule::Magnitude => take_least(live, count, magnitude),
        PruneRule::Random => take_random(live, count, generator),
        PruneRule::Hebb => take_least(live, count, score),
        PruneRule::Three => {
            let third = count / 3;
            let mut pruned = take_least(live, third, magnitude);
            pruned.extend(take_random(live, third, generator));
            pruned.extend(take_least(live, count - 2 * third, score));
            pruned
        }
    }
}

/// A number that sorts as the float does.
pub(super) fn ascending(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// Takes the `count` ranks with the least key out of `ranks`; of equal keys the lower rank.
pub(super) fn take_least(ranks: &mut Vec<usize>, count: usize, key: impl Fn(usize) -> u32) -> Vec<usize> {
    // A layer has at most 8192 x 8192 cells, so rank and key fit into one number that sorts by both.
    let mut keyed: Vec<u64> = ranks.iter().map(|rank| u64::from(key(*rank)) << 32 | *rank as u64).collect();
    if count < keyed.len() {
        keyed.select_nth_unstable(count);
    }
    let rank_of = |keyed: &u64| (keyed & u64::from(u32::MAX)) as usize;
    let mut taken: Vec<usize> = keyed[..count].iter().map(rank_of).collect();
    *ranks = keyed[count..].iter().map(rank_of).collect();
    taken.sort_unstable();
    ranks.sort_unstable();
    taken
}

/// Takes `count` uniformly drawn ranks out of `ranks`.
pub(super) fn take_random(ranks: &mut Vec<usize>, count: usize, generator: &mut Generator) -> Vec<usize> {
    ranks.sort_unstable();
    let places = generator.choose(ranks.len(), count);
    let taken: Vec<usize> = places.iter().map(|place| ranks[*place]).collect();
    let mut places = places.into_iter().peekable();
    let mut at = 0;
    ranks.retain(|_| {
        let drawn = places.next_if_eq(&at).is_some();
        at += 1;
        !drawn
    });
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::g2gnet::config::Grouping;

    const HEBB: Rules = Rules {
        prune: PruneRule::Magnitude,
        grow: GrowRule::Hebb,
        protect_intra: false,
        grow_scope: GrowScope::Any,
        allow_regrow_pruned: false,
    };

    fn one_row(count: usize, rules: Rules) -> Swap {
        let mask = Mask::from_cells(8, 1, vec![1, 1, 1, 1, 0, 0, 0, 0]).unwrap();
        let groups = LayerGroups { count: 2, inputs: vec![0, 0, 1, 1, 0, 0, 1, 1], outputs: vec![0] };
        let weights = [0.5, -0.1, 0.3, 0.05, 0.0, 0.0, 0.0, 0.0];
        let scores = [0.0, 0.0, 0.0, 0.95, 0.2, 0.9, 0.9, 0.1];
        let evidence = Evidence { weights: &weights, gradient: &[0.0, 0.0, 0.0, 0.0, 0.1, -3.0, 2.0, 0.0], scores: &scores };
        choose_swap(&mask, &groups, rules, count, evidence, &mut Generator::new(0, "rewiring"))
    }

    #[test]
    fn a_hand_worked_event() {
        assert_eq!(one_row(2, HEBB), Swap { pruned: vec![1, 3], grown: vec![5, 6] });
        assert_eq!(one_row(1, HEBB), Swap { pruned: vec![3], grown: vec![5] });
        assert_eq!(one_row(0, HEBB), Swap::default());
    }

    #[test]
    fn the_other_rules() {
        assert_eq!(one_row(2, Rules { grow: GrowRule::Gradient, ..HEBB }).grown, [5, 6]);
        assert_eq!(one_row(1, Rules { grow: GrowRule::Gradient, ..HEBB }).grown, [5]);
        assert_eq!(one_row(2, Rules { protect_intra: true, ..HEBB }).pruned, [2, 3]);
        assert_eq!(one_row(3, Rules { grow_scope: GrowScope::Inter, ..HEBB }).grown, [6, 7]);
        assert_eq!(one_row(1, Rules { allow_regrow_pruned: true, ..HEBB }), Swap { pruned: vec![3], grown: vec![3] });
        assert_eq!(one_row(3, Rules { prune: PruneRule::Hebb, ..HEBB }).pruned, [0, 1, 2]);
        let random = one_row(3, Rules { prune: PruneRule::Random, grow: GrowRule::Random, ..HEBB });
        assert!(random.pruned.iter().all(|cell| *cell < 4) && random.grown.iter().all(|cell| *cell >= 4));
    }

    #[test]
    fn the_share_swapped_falls_along_a_cosine() {
        assert_eq!(swap_share(0.2, true, 0, 351.0), 0.2);
        assert!((swap_share(0.2, true, 175, 351.0) - 0.100448).abs() < 1e-6);
        assert_eq!(swap_share(0.2, true, 351, 351.0), 0.0);
        assert_eq!((swap_share(0.2, false, 350, 351.0), swap_share(0.2, false, 351, 351.0)), (0.2, 0.0));
        assert_eq!((swap_share(0.2, true, 0, 351.0) * 67_174.0) as usize, 13_434);
    }

    #[test]
    fn three_rules_share_ten_edges_as_3_3_4() {
        // Magnitude and score point at different ends, so that the parts can be told from each other.
        let n = 40;
        let mask = Mask::from_cells(n, 1, (0..n).map(|at| u8::from(at < 30)).collect()).unwrap();
        let groups = LayerGroups { count: 1, inputs: vec![0; n], outputs: vec![0] };
        let weights: Vec<f32> = (0..n).map(|at| at as f32 + 1.0).collect();
        let scores: Vec<f32> = (0..n).map(|at| -(at as f32)).collect();
        let evidence = Evidence { weights: &weights, gradient: &weights, scores: &scores };
        let rules = Rules { prune: PruneRule::Three, ..HEBB };
        let swap = choose_swap(&mask, &groups, rules, 10, evidence, &mut Generator::new(0, "rewiring"));
        assert_eq!(swap.pruned[..3], [0, 1, 2]);
        let mut by_score: Vec<usize> = (3..30).filter(|cell| !swap.pruned[3..6].contains(cell)).collect();
        assert!(swap.pruned[3..6].iter().all(|cell| (3..30).contains(cell)));
        assert_eq!(swap.pruned[6..], by_score.split_off(by_score.len() - 4));
        assert_eq!(swap.pruned.len(), 10);
    }

    #[test]
    fn a_thousand_random_events_keep_the_number_of_edges() {
        let groups = LayerGroups::new(Grouping::Mixer, 1, 48, 32, 4, 3);
        let mut generator = Generator::new(3, "events");
        let mut mask = Mask::group_to_group(&groups, 1.0, 0.1, &mut generator);
        let edges = mask.edges();
        let prunes = [PruneRule::Magnitude, PruneRule::Random, PruneRule::Hebb, PruneRule::Three];
        let grows = [GrowRule::Random, GrowRule::Gradient, GrowRule::Hebb];
        for event in 0..1000 {
            let mut draw = || (0..48 * 32).map(|_| (generator.symmetric(4.0)).round()).collect::<Vec<f32>>();
            let (weights, gradient, scores) = (draw(), draw(), draw());
            let rules = Rules {
                prune: prunes[event % 4],
                grow: grows[event % 3],
                protect_intra: event % 2 == 0,
                grow_scope: if event % 5 == 0 { GrowScope::Inter } else { GrowScope::Any },
                allow_regrow_pruned: event % 7 == 0,
            };
            let evidence = Evidence { weights: &weights, gradient: &gradient, scores: &scores };
            let swap = choose_swap(&mask, &groups, rules, event % 200, evidence, &mut generator);
            assert_eq!(swap.pruned.len(), swap.grown.len());
            assert!(rules.allow_regrow_pruned || swap.grown.iter().all(|cell| !swap.pruned.contains(cell)));
            mask.swap(&swap.pruned, &swap.grown);
            assert_eq!(mask.edges(), edges);
        }
    }
}

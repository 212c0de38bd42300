//! Memories of signs: the classical Hopfield network, dense memories of higher order, and the exponential one, on packed patterns.
//!
//! All replace s_i by the sign of `sum_mu [F(c_mu + x_mu,i) - F(c_mu - x_mu,i)]`, where `c_mu` is the overlap of pattern mu with the
//! state without unit i. With `F(c) = c^P` this is `sum_mu x_mu,i g(c_mu)` with `g` = c, 3 c^2 + 1 and c^3 + c up to a factor; P = 2 is
//! the Hebbian network with zero diagonal. D. Krotov, J. Hopfield (2016), equation 2; M. Demircigil et al. (2017), equation 3.

use crate::kernels::packed::{PackedPatterns, Planes, sign};

/// How strongly an overlap counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// P = 2: the classical network.
    Quadratic,
    /// P = 3.
    Cubic,
    /// P = 4.
    Quartic,
    /// F = exp.
    Exponential,
}

impl Interaction {
    /// g, for a whole overlap; of the exponential one there is none.
    fn weight(self, overlap: i64) -> i64 {
        match self {
            Self::Quadratic => overlap,
            Self::Cubic => 3 * overlap * overlap + 1,
            Self::Quartic | Self::Exponential => overlap * overlap * overlap + overlap,
        }
    }
}

/// One sweep: every unit of the packed `state` in order takes the sign of its field, computed from the units as they are by then. A unit
/// whose field is 0 keeps its sign. Returns how many units have turned.
pub fn sweep(patterns: &PackedPatterns, interaction: Interaction, state: &mut [u64]) -> usize {
    let mut overlaps = vec![0; patterns.count()];
    patterns.overlaps(state, &mut overlaps);
    let mut fields = Fields::new(interaction, &overlaps);
    let mut turned = 0;
    for unit in 0..patterns.dim() {
        let own = sign(state, unit);
        if fields.opposes(patterns, unit, own) {
            state[unit / 64] ^= 1 << (unit % 64);
            turned += 1;
            for (pattern, overlap) in overlaps.iter_mut().enumerate() {
                *overlap -= 2 * own * sign(patterns.column(unit), pattern);
            }
            fields.take(&overlaps);
        }
    }
    turned
}

/// What is needed for the field of any unit under fixed overlaps. A pattern that agrees with unit i has `c = m - 1`, one that does not has
/// `c = m + 1`, so that `s_i h_i = sum_agree (g(m - 1) + g(m + 1)) - sum g(m + 1)`.
enum Fields {
    /// Both sums in whole numbers, the first by bit planes.
    Exact { interaction: Interaction, weights: Vec<i64>, planes: Planes, total: i128, against: i128 },
    /// Weights relative to the largest, of the patterns that are not negligible.
    Exponential { near: Vec<(usize, f64)> },
}

/// Overlaps this far below the largest cannot turn a sign: `exp(-60)` times a million patterns is below the rounding of 1.
const NEGLIGIBLE: i64 = 60;

impl Fields {
    fn new(interaction: Interaction, overlaps: &[i64]) -> Self {
        let mut fields = match interaction {
            Interaction::Exponential => Self::Exponential { near: Vec::new() },
            _ => Self::Exact { interaction, weights: Vec::new(), planes: Planes::new(&[]), total: 0, against: 0 },
        };
        fields.take(overlaps);
        fields
    }

    fn take(&mut self, overlaps: &[i64]) {
        match self {
            Self::Exact { interaction, weights, planes, total, against } => {
                weights.clear();
                (*total, *against) = (0, 0);
                for overlap in overlaps {
                    let (agreeing, opposing) = (interaction.weight(overlap - 1), interaction.weight(overlap + 1));
                    weights.push(agreeing + opposing);
                    *total += i128::from(agreeing) + i128::from(opposing);
                    *against += i128::from(opposing);
                }
                planes.fill(weights);
            }
            Self::Exponential { near } => {
                let top = overlaps.iter().copied().max().unwrap_or(0);
                near.clear();
                let kept = overlaps.iter().enumerate().filter(|(_, overlap)| top - **overlap <= NEGLIGIBLE);
                near.extend(kept.map(|(pattern, overlap)| (pattern, ((overlap - top) as f64).exp())));
            }
        }
    }

    /// Whether the field of `unit` points against its sign `own`.
    fn opposes(&self, patterns: &PackedPatterns, unit: usize, own: i64) -> bool {
        match self {
            Self::Exact { planes, total, against, .. } => {
                let positive = patterns.sum_where_positive(unit, planes);
                let agreeing = if own > 0 { positive } else { total - positive };
                agreeing < *against
            }
            Self::Exponential { near } => {
                // x g(c) up to the factor 2 sinh(1): exp(m - 1) where the pattern agrees, -exp(m + 1) where not.
                let e = std::f64::consts::E;
                let column = patterns.column(unit);
                let field: f64 =
                    near.iter().map(|(pattern, weight)| if sign(column, *pattern) == own { weight / e } else { -weight * e }).sum();
                field < 0.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::hopfield::patterns::{flipped, signs},
        kernels::packed::pack,
        random::Generator,
    };

    /// The definition, in floating point, with F itself.
    fn plain_sweep(patterns: &[i8], interaction: Interaction, state: &mut [i8]) {
        let dim = state.len();
        let f = |c: f64| match interaction {
            Interaction::Quadratic => c * c,
            Interaction::Cubic => c * c * c,
            Interaction::Quartic => c.powi(4),
            Interaction::Exponential => c.exp(),
        };
        for unit in 0..dim {
            let mut field = 0.0;
            for row in patterns.chunks(dim) {
                let without: f64 = (0..dim).filter(|at| *at != unit).map(|at| f64::from(row[at] * state[at])).sum();
                field += f(without + f64::from(row[unit])) - f(without - f64::from(row[unit]));
            }
            if field != 0.0 {
                state[unit] = if field > 0.0 { 1 } else { -1 };
            }
        }
    }

    #[test]
    fn packed_sweeps_are_those_of_the_definition() {
        let mut generator = Generator::new(11, "signs");
        for interaction in [Interaction::Quadratic, Interaction::Cubic, Interaction::Quartic, Interaction::Exponential] {
            for (count, dim) in [(3, 9), (40, 21), (30, 70)] {
                let patterns = signs(count * dim, &mut generator);
                let packed = PackedPatterns::new(&patterns, dim);
                for cue in 0..5 {
                    let mut state = flipped(&patterns[cue % 3 * dim..(cue % 3 + 1) * dim], 0.25, &mut generator);
                    let mut bits = pack(&state);
                    let before = bits.clone();
                    let turned = sweep(&packed, interaction, &mut bits);
                    plain_sweep(&patterns, interaction, &mut state);
                    assert_eq!(bits, pack(&state), "{interaction:?} {count} x {dim}");
                    let differ: u32 = bits.iter().zip(&before).map(|(a, b)| (a ^ b).count_ones()).sum();
                    assert_eq!(turned, differ as usize);
                }
            }
        }
    }

    #[test]
    fn a_single_pattern_is_recalled_and_a_zero_field_keeps_the_sign() {
        let pattern = [1i8, -1, 1, 1, -1, 1, -1];
        let packed = PackedPatterns::new(&pattern, 7);
        let mut state = pack(&[1, -1, -1, 1, -1, 1, -1]);
        assert_eq!(sweep(&packed, Interaction::Quadratic, &mut state), 1);
        assert_eq!(state, pack(&pattern));
        // Two patterns whose votes cancel.
        let packed = PackedPatterns::new(&[1, 1, 1, -1], 2);
        let mut state = pack(&[-1, 1]);
        // Unit 1: c = (1, -1), field = 1 * 1 + 1 * -1 = 0: it stays. Unit 2: c = (-1, -1), field = -1 + 1 = 0: it stays.
        assert_eq!((sweep(&packed, Interaction::Quadratic, &mut state), state), (0, pack(&[-1, 1])));
    }
}

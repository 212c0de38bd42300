//! Examples of ternary patterns and the network that learns them without a teacher: every example pulls at the state for itself.

use super::{
    columns::Columns,
    dynamics::{Chance, Network},
};
use crate::kernels::{
    biased_bits::BiasedBits,
    packed::{PackedPatterns, Planes, pack},
    ternary::TernaryPatterns,
};
use rand::RngCore;
use std::ops::Range;

/// Most examples that are packed together, so that what they are packed from stays small.
const TOGETHER: usize = 1_024;

/// M examples of each of K patterns: entries of the pattern whose sign is right with probability (1 + r)/2; blanks stay blank.
#[derive(Debug, Clone)]
pub struct Examples {
    patterns: TernaryPatterns,
    per_pattern: usize,
    quality: f64,
    groups: Vec<Group>,
}

/// Examples of one pattern.
#[derive(Debug, Clone)]
struct Group {
    pattern: usize,
    /// Their signs; bits of blanks are 0.
    signs: PackedPatterns,
}

impl Examples {
    /// Draws `per_pattern` examples of each pattern, of quality r in (0, 1].
    pub fn draw(patterns: TernaryPatterns, per_pattern: usize, quality: f64, rng: &mut impl RngCore) -> Self {
        let wrong = BiasedBits::new(0.5 * (1.0 - quality));
        let units = patterns.dim();
        let mut turned = vec![0; units.div_ceil(64)];
        let mut groups = Vec::new();
        for pattern in 0..patterns.count() {
            for first in (0..per_pattern).step_by(TOGETHER) {
                let count = TOGETHER.min(per_pattern - first);
                let mut signs = Vec::with_capacity(count * units);
                for _ in 0..count {
                    wrong.fill(&mut turned, units, rng);
                    for (at, turned) in turned.iter().enumerate() {
                        let word = (turned ^ patterns.positive(pattern)[at]) & patterns.mask(pattern)[at];
                        signs.extend((0..64.min(units - 64 * at)).map(|bit| (word >> bit & 1) as i8));
                    }
                }
                groups.push(Group { pattern, signs: PackedPatterns::new(&signs, units) });
            }
        }
        Self { patterns, per_pattern, quality, groups }
    }

    /// The patterns behind the examples.
    pub fn patterns(&self) -> &TernaryPatterns {
        &self.patterns
    }

    /// `R = r^2 (1 + rho)`, the squared length of a class mean; M of the definition times this is `1 + (M - 1) r^2`.
    fn examples_times_length(&self) -> f64 {
        1.0 + (self.per_pattern as f64 - 1.0) * self.quality * self.quality
    }

    /// Sum over the examples of each pattern at each unit, `[units, patterns]`: M times the class means.
    pub fn class_sums(&self) -> Vec<i32> {
        let count = self.patterns.count();
        let mut sums = vec![0; self.patterns.dim() * count];
        for Group { pattern, signs } in &self.groups {
            for unit in 0..self.patterns.dim() {
                if self.patterns.value(*pattern, unit) != 0 {
                    let positive: u32 = signs.column(unit).iter().map(|word| word.count_ones()).sum();
                    sums[unit * count + pattern] += 2 * positive as i32 - signs.count() as i32;
                }
            }
        }
        sums
    }

    /// The network of a teacher, who knows which examples belong together: it stores the class means. With sums instead of means the factor
    /// 1 / (N (1 - d) R) of the field becomes 1 / (N (1 - d) R M^2).
    pub fn supervised(&self, spins: Vec<i8>, dilution: f64) -> Columns {
        let m = self.per_pattern as f64;
        let scale = 1.0 / (self.patterns.dim() as f64 * (1.0 - dilution) * self.examples_times_length() * m);
        Columns::new(&self.class_sums(), self.patterns.count(), spins, scale)
    }

    /// The network without one: all examples are stored side by side.
    pub fn unsupervised(&self, spins: Vec<i8>, dilution: f64) -> Unsupervised<'_> {
        let scale = 1.0 / (self.patterns.dim() as f64 * (1.0 - dilution) * self.examples_times_length());
        Unsupervised {
            examples: self,
            scale,
            spins,
            overlaps: Vec::new(),
            pulls: Vec::new(),
            totals: Vec::new(),
            sums: Vec::new(),
            room: Vec::new(),
            stale: true,
        }
    }

    /// The first example of the first pattern, its blanks 0.
    pub fn first(&self) -> Vec<i8> {
        let sign = |unit: usize| if self.groups[0].signs.row(0)[unit / 64] >> (unit % 64) & 1 == 1 { 1 } else { -1 };
        (0..self.patterns.dim()).map(|unit| if self.patterns.value(0, unit) == 0 { 0 } else { sign(unit) }).collect()
    }
}

/// `h_i = scale sum_mu,a eta_mu,a,i sum_j eta_mu,a,j s_j`: K M overlaps by popcount, and fields by bit planes of the overlaps.
#[derive(Debug)]
pub struct Unsupervised<'a> {
    examples: &'a Examples,
    scale: f64,
    spins: Vec<i8>,
    /// Overlaps of the examples of one group.
    overlaps: Vec<i64>,
    /// The overlaps of each group in planes of bits, and their sums.
    pulls: Vec<Planes>,
    totals: Vec<i64>,
    /// By unit, and the part of one group.
    sums: Vec<i128>,
    room: Vec<i128>,
    stale: bool,
}

impl Unsupervised<'_> {
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let state = pack(&self.spins);
        self.totals.clear();
        for (at, Group { pattern, signs }) in self.examples.groups.iter().enumerate() {
            self.overlaps.resize(signs.count(), 0);
            signs.overlaps(&state, &mut self.overlaps);
            // The sign bit of a blank is 0, which counts as -1 there: what the blanks of the state add is taken back.
            let up_at_blanks: i64 =
                state.iter().zip(self.examples.patterns.mask(*pattern)).map(|(state, mask)| i64::from((state & !mask).count_ones())).sum();
            let blanks = self.spins.len() as i64 - self.examples.patterns.non_zeros()[*pattern] as i64;
            self.overlaps.iter_mut().for_each(|overlap| *overlap += 2 * up_at_blanks - blanks);
            self.totals.push(self.overlaps.iter().sum());
            match self.pulls.get_mut(at) {
                Some(planes) => planes.fill(&self.overlaps),
                None => self.pulls.push(Planes::new(&self.overlaps)),
            }
        }
    }
}

impl Network for Unsupervised<'_> {
    fn spins(&self) -> &[i8] {
        &self.spins
    }

    fn chances(&mut self, units: Range<usize>, temperature: f64, into: &mut [Chance]) {
        self.refresh();
        self.sums.clear();
        self.sums.resize(units.len(), 0);
        self.room.resize(units.len(), 0);
        for ((Group { pattern, signs }, planes), total) in self.examples.groups.iter().zip(&self.pulls).zip(&self.totals) {
            signs.sums_where_positive(units.clone(), planes, &mut self.room);
            for ((sum, positive), unit) in self.sums.iter_mut().zip(&self.room).zip(units.clone()) {
                if self.examples.patterns.value(*pattern, unit) != 0 {
                    *sum += 2 * positive - i128::from(*total);
                }
            }
        }
        into.iter_mut().zip(&self.sums).for_each(|(chance, sum)| *chance = Chance::of(self.scale * *sum as f64, temperature));
    }

    fn flip(&mut self, units: &[u32]) {
        units.iter().for_each(|unit| self.spins[*unit as usize] *= -1);
        self.stale |= !units.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn examples(units: usize, count: usize, per_pattern: usize, dilution: f64) -> (Examples, Vec<i8>) {
        let mut generator = Generator::new(9, "examples");
        let patterns = TernaryPatterns::draw(count, units, dilution, generator.rng());
        let spins = (0..units).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect();
        (Examples::draw(patterns, per_pattern, 0.4, generator.rng()), spins)
    }

    /// `eta_mu,a,i`.
    fn entry(examples: &Examples, mu: usize, a: usize, unit: usize) -> i64 {
        let group = examples.groups.iter().filter(|group| group.pattern == mu).nth(a / TOGETHER).unwrap();
        let sign = 2 * (group.signs.row(a % TOGETHER)[unit / 64] >> (unit % 64) & 1) as i64 - 1;
        if examples.patterns.value(mu, unit) == 0 { 0 } else { sign }
    }

    #[test]
    fn examples_have_the_quality_asked_for() {
        let (drawn, _) = examples(2_000, 2, 50, 0.3);
        let (mut right, mut all) = (0, 0);
        for (mu, a, unit) in (0..2).flat_map(|mu| (0..50).flat_map(move |a| (0..2_000).map(move |unit| (mu, a, unit)))) {
            let pattern = i64::from(drawn.patterns.value(mu, unit));
            right += entry(&drawn, mu, a, unit) * pattern;
            all += pattern * pattern;
        }
        assert!((right as f64 / all as f64 - 0.4).abs() < 4.0 * (0.84 / all as f64).sqrt(), "{right} of {all}");
        let sums = drawn.class_sums();
        let sum = |mu: usize, unit: usize| (0..50).map(|a| entry(&drawn, mu, a, unit)).sum::<i64>();
        assert!((0..2_000).all(|unit| (0..2).all(|mu| i64::from(sums[unit * 2 + mu]) == sum(mu, unit))));
    }

    #[test]
    fn fields_are_those_of_the_definitions() {
        // More examples than are packed together.
        let per_pattern = TOGETHER + 70;
        let (drawn, spins) = examples(130, 3, per_pattern, 0.5);
        let (n, m, r, d) = (130.0, per_pattern as f64, 0.4f64, 0.5);
        let rho = (1.0 - r * r) / (m * r * r);
        let length = r * r * (1.0 + rho);
        let entries: Vec<Vec<Vec<f64>>> =
            (0..3).map(|mu| (0..per_pattern).map(|a| (0..130).map(|unit| entry(&drawn, mu, a, unit) as f64).collect()).collect()).collect();
        let (mut pooled, mut taught) = (drawn.unsupervised(spins.clone(), d), drawn.supervised(spins, d));
        for flips in [vec![], vec![3, 77], vec![129, 3]] {
            pooled.flip(&flips);
            taught.flip(&flips);
            let (mut without, mut with) = (vec![Chance::KEEP; 130], vec![Chance::KEEP; 130]);
            pooled.chances(0..130, 0.7, &mut without);
            taught.chances(0..130, 0.7, &mut with);
            let overlap = |row: &Vec<f64>| row.iter().zip(pooled.spins()).map(|(entry, spin)| entry * f64::from(*spin)).sum::<f64>();
            let overlaps: Vec<Vec<f64>> = entries.iter().map(|rows| rows.iter().map(overlap).collect()).collect();
            for unit in 0..130 {
                let (mut alone, mut means) = (0.0, 0.0);
                for (rows, overlaps) in entries.iter().zip(&overlaps) {
                    alone += rows.iter().zip(overlaps).map(|(row, overlap)| row[unit] * overlap).sum::<f64>();
                    means += rows.iter().map(|row| row[unit]).sum::<f64>() / m * overlaps.iter().sum::<f64>() / m;
                }
                let near = |chance: Chance, field: f64| {
                    let all = [field - 1e-9, field, field + 1e-9].map(|field| Chance::of(field, 0.7));
                    assert!(all.contains(&chance), "{unit}: {chance:?} is not {all:?}");
                };
                near(without[unit], alone / (n * (1.0 - d) * length * m));
                near(with[unit], means / (n * (1.0 - d) * length));
            }
        }
        let first = drawn.first();
        assert!((0..130).all(|unit| i64::from(first[unit]) == entry(&drawn, 0, 0, unit)));
    }
}

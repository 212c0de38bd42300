//! Local fields of a pairwise Hebbian network, kept up to date flip by flip, for sequential dynamics at low temperature, where few spins
//! flip.
//!
//! A flip costs one addition per spin, and looking at a spin that stays costs nothing; recomputing a field would cost one product per
//! pattern. Couplings are whole numbers, so that fields never drift.

/// Couplings `J_ij = sum_mu x_mu,i x_mu,j` without diagonal, the state, and the field `h_i = sum_j J_ij s_j` of every spin.
#[derive(Debug, Clone)]
pub struct IncrementalFields {
    spins: Vec<i8>,
    /// `[spins, spins]`, symmetric.
    couplings: Vec<i16>,
    fields: Vec<i32>,
}

/// Most patterns: couplings must fit 16 bits.
pub const MOST_PATTERNS: usize = i16::MAX as usize;

impl IncrementalFields {
    /// The network of `patterns`, `[patterns, units]` row-major with entries -1, 0 or 1, in the state `spins`, `[units]` of ±1.
    ///
    /// Panics unless the rows are whole, there are at most 32,767 patterns and `patterns * units` is below 2^31.
    pub fn new(patterns: &[i8], spins: &[i8]) -> Self {
        let units = spins.len();
        assert!(units > 0 && patterns.len().is_multiple_of(units), "rows of {units} entries");
        assert!(patterns.len() / units <= MOST_PATTERNS && patterns.len() < 1 << 31, "at most {MOST_PATTERNS} patterns");
        let mut couplings = vec![0i16; units * units];
        for pattern in patterns.chunks_exact(units) {
            for (row, own) in couplings.chunks_exact_mut(units).zip(pattern) {
                if *own != 0 {
                    row.iter_mut().zip(pattern).for_each(|(coupling, other)| *coupling += i16::from(own * other));
                }
            }
        }
        (0..units).for_each(|unit| couplings[unit * units + unit] = 0);
        let mut network = Self { spins: Vec::new(), couplings, fields: Vec::new() };
        network.set(spins);
        network
    }

    /// Takes another state. Panics unless it has the same number of spins.
    pub fn set(&mut self, spins: &[i8]) {
        assert_eq!(self.couplings.len(), spins.len() * spins.len(), "a state of this network");
        self.spins = spins.to_vec();
        let field = |row: &[i16]| row.iter().zip(spins).map(|(coupling, spin)| i32::from(*coupling) * i32::from(*spin)).sum();
        self.fields = self.couplings.chunks_exact(spins.len()).map(field).collect();
    }

    /// The state.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }

    /// `h_i`; the field of the definition is this over the number of spins.
    pub fn field(&self, unit: usize) -> i32 {
        self.fields[unit]
    }

    /// Turns a spin and moves every field by what that changes.
    pub fn flip(&mut self, unit: usize) {
        let units = self.spins.len();
        let change = -2 * i32::from(self.spins[unit]);
        self.spins[unit] = -self.spins[unit];
        let row = &self.couplings[unit * units..(unit + 1) * units];
        self.fields.iter_mut().zip(row).for_each(|(field, coupling)| *field += change * i32::from(*coupling));
    }

    /// `-1/2 sum_i h_i s_i`; the energy of the definition is this over the number of spins.
    pub fn energy(&self) -> f64 {
        -0.5 * self.fields.iter().zip(&self.spins).map(|(field, spin)| i64::from(*field) * i64::from(*spin)).sum::<i64>() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn two_patterns_by_hand() {
        // J = [[0, 0, 1], [0, 0, 1], [1, 1, 0]] of (1, 1, 1) and (1, -1, 0).
        let network = IncrementalFields::new(&[1, 1, 1, 1, -1, 0], &[1, 1, -1]);
        assert_eq!([0, 1, 2].map(|unit| network.field(unit)), [-1, -1, 2]);
        assert_eq!(network.energy(), 2.0);
    }

    #[test]
    fn fields_stay_those_of_the_definition() {
        let (units, count) = (67, 9);
        let mut generator = Generator::new(3, "fields");
        let patterns: Vec<i8> = (0..count * units).map(|_| (generator.symmetric(1.5).round() as i8).signum()).collect();
        let mut spins: Vec<i8> = patterns[..units].iter().map(|value| if *value < 0 { -1 } else { 1 }).collect();
        let mut network = IncrementalFields::new(&patterns, &spins);
        for turn in 0..200 {
            let unit = (turn * 29) % units;
            let before = (network.energy(), network.field(unit), spins[unit]);
            network.flip(unit);
            spins[unit] = -spins[unit];
            // A flip costs 2 s h.
            assert_eq!(network.energy() - before.0, 2.0 * f64::from(before.1) * f64::from(before.2));
            let expected = |i: usize| {
                let rows = patterns.chunks(units);
                rows.map(|x| (0..units).filter(|j| *j != i).map(|j| i32::from(x[i] * x[j] * spins[j])).sum::<i32>()).sum::<i32>()
            };
            assert!((0..units).all(|i| network.field(i) == expected(i)), "after flip {turn}");
        }
        assert_eq!(network.spins(), spins);
        let fields: Vec<i32> = (0..units).map(|unit| network.field(unit)).collect();
        network.set(&spins);
        assert_eq!(fields, (0..units).map(|unit| network.field(unit)).collect::<Vec<_>>());
    }
}

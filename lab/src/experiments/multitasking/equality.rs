//! Where all patterns are equally strong: from which temperature on, and how far apart the noise of a finite network sets them.

use super::mean_field::{ALIVE, MeanField, Solution};
use std::f64::consts::FRAC_2_SQRT_PI;

/// Amplitudes of theory that differ by less are equal.
pub const EQUAL: f64 = 1e-6;
/// The highest temperature looked at; at 1 all amplitudes are gone.
const HIGHEST: f64 = 0.95;
/// How precisely the temperature is found.
const PRECISION: f64 = 1e-3;
/// Mean of the largest minus the least of as many standard normal numbers as the place says.
const RANGE_OF_NORMALS: [f64; 9] = [0.0, 0.0, FRAC_2_SQRT_PI, 1.692_569, 2.058_751, 2.325_929, 2.534_413, 2.704_357, 2.847_201];

/// Whether a solution of at least two patterns has all amplitudes equal.
pub fn has_equal(solution: &Solution) -> bool {
    solution.amplitudes.len() > 1 && solution.amplitudes[0] - solution.amplitudes[solution.amplitudes.len() - 1] < EQUAL
}

/// The temperature from which on the solution of lowest free energy has all patterns equally strong, to 0.001; `None` where a single pattern
/// is left before amplitudes are gone. 2 to 8 patterns, dilution in [0, 1).
///
/// Close to T = 1 amplitudes are small, and the quartic term of the free energy, `(1 - d)(3 d - 2) sum m^4` beside one of `(sum m^2)^2`, asks
/// for equal ones above d = 2/3 and for a single one below: derived here.
pub fn equal_from(patterns: usize, dilution: f64) -> Option<f64> {
    let equal = |temperature: f64| {
        let found = MeanField::new(patterns, dilution, temperature).global_minimum();
        has_equal(&found) && found.amplitudes[0] > ALIVE
    };
    if patterns < 2 || !equal(HIGHEST) {
        return None;
    }
    let (mut low, mut high) = (0.0, HIGHEST);
    while high - low > PRECISION {
        let middle = 0.5 * (low + high);
        if equal(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The mean of the largest minus the least of so many amplitudes with independent normal noise of standard deviation `scatter`.
pub fn range_of_noise(patterns: usize, scatter: f64) -> f64 {
    RANGE_OF_NORMALS.get(patterns).map_or(f64::NAN, |range| range * scatter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;
    use rand::Rng;
    use rand_distr::StandardNormal;

    #[test]
    fn a_hierarchy_gives_way_to_equal_amplitudes_at_a_temperature() {
        for (patterns, dilution, by) in [(2, 0.9, 0.10), (3, 0.9, 0.20), (3, 0.7, 0.5)] {
            let found = equal_from(patterns, dilution).unwrap();
            eprintln!("{patterns} patterns at d = {dilution}: equal from T = {found:.4}");
            assert!(found > 0.0 && found <= by + PRECISION, "{patterns} {dilution}: {found}");
            for (temperature, equal) in [(found + 2.0 * PRECISION, true), (found - 2.0 * PRECISION, false)] {
                let solution = MeanField::new(patterns, dilution, temperature).global_minimum();
                assert_eq!(has_equal(&solution), equal, "{patterns} {dilution} {temperature}: {solution:?}");
            }
            let amplitudes = MeanField::new(patterns, dilution, by).global_minimum().amplitudes;
            assert!(amplitudes[0] - amplitudes[patterns - 1] < 1e-3, "{patterns} {dilution} {by}: {amplitudes:?}");
        }
        // Two equal amplitudes m are stable while 1 - d + d (1 - tanh^2(m / T)) is below T: down to T = 1 - d where these are saturated.
        assert!((equal_from(2, 0.9).unwrap() - 0.1).abs() <= PRECISION);
        assert_eq!((equal_from(3, 0.4), equal_from(2, 0.6), equal_from(1, 0.9)), (None, None, None));
    }

    #[test]
    fn ranges_of_normal_numbers() {
        let mut generator = Generator::new(1, "ranges");
        for patterns in 2..9 {
            let mut range = || {
                let drawn: Vec<f64> = (0..patterns).map(|_| generator.rng().sample(StandardNormal)).collect();
                drawn.iter().copied().fold(f64::MIN, f64::max) - drawn.iter().copied().fold(f64::MAX, f64::min)
            };
            let mean = (0..20_000).map(|_| range()).sum::<f64>() / 20_000.0;
            assert!((mean - range_of_noise(patterns, 1.0)).abs() < 0.03, "{patterns}: {mean}");
        }
    }
}

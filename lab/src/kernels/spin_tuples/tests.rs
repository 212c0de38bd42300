//! Fields, energies and flips against their definitions, state by state.

use super::*;
use crate::{kernels::incremental_fields::IncrementalFields, random::Generator};

fn interactions(units: usize) -> Vec<(Interaction, u32, bool)> {
    let both = |order| [(Interaction::distinct(order, units), order, true), (Interaction::power(order, units), order, false)];
    (2..=4).flat_map(both).collect()
}

/// `e_k`, sums over all tuples of k distinct places.
fn elementary(values: &[i64], k: u32) -> i64 {
    if k == 0 {
        return 1;
    }
    (0..values.len()).map(|first| values[first] * elementary(&values[first + 1..], k - 1)).sum()
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// The energy by its definition, tuple by tuple or power by power.
fn energy(order: u32, distinct: bool, patterns: &[Vec<i8>], spins: &[i8]) -> f64 {
    let n = spins.len() as f64;
    let of_pattern = |pattern: &Vec<i8>| {
        let products: Vec<i64> = pattern.iter().zip(spins).map(|(x, s)| i64::from(x * s)).collect();
        if distinct {
            factorial(order - 1) * elementary(&products, order) as f64
        } else {
            (products.iter().sum::<i64>() as f64).powi(order as i32) / f64::from(order)
        }
    };
    -patterns.iter().map(of_pattern).sum::<f64>() / n.powi(order as i32 - 1)
}

fn random_patterns(count: usize, units: usize) -> Vec<Vec<i8>> {
    let mut generator = Generator::new(5, "patterns");
    let mut sign = || if generator.symmetric(1.0) < 0.0 { -1 } else { 1 };
    (0..count).map(|_| (0..units).map(|_| sign()).collect()).collect()
}

#[test]
fn fields_by_hand() {
    // Three spins up, one pattern of ones: h = 2/9 e_2 of the two others.
    let network = SpinTuples::new(Interaction::distinct(3, 3), &[1, 1, 1], 3);
    assert!((network.field(0) - 2.0 / 9.0).abs() < 1e-15 && (network.energy() + 2.0 / 9.0).abs() < 1e-15);
    // Elementary symmetric polynomials by overlap and number of entries: e_2(3, 3) = 3, e_2(1, 3) = -1, e_3(3, 3) = 1, e_4(4, 4) = 1.
    assert_eq!([elementary(&[1, 1, 1], 2), elementary(&[1, 1, -1], 2), elementary(&[1, 1, 1], 3)], [3, -1, 1]);
    // Four spins up at P = 4: h = 6/64 e_3(3, 3) and the energy -6/64 e_4(4, 4).
    let network = SpinTuples::new(Interaction::distinct(4, 4), &[1, 1, 1, 1], 4);
    assert_eq!((network.field(2), network.energy()), (6.0 / 64.0, -6.0 / 64.0));
}

#[test]
fn energies_and_flips_of_all_states_of_six_spins() {
    let units = 6;
    // 70 patterns: one word whole, one not.
    for count in [1, 3, 70] {
        let patterns = random_patterns(count, units);
        for (interaction, order, distinct) in interactions(units) {
            let mut network = SpinTuples::new(interaction, &patterns.concat(), units);
            for state in 0..1u32 << units {
                let mut spins: Vec<i8> = (0..units).map(|unit| if state >> unit & 1 == 1 { 1 } else { -1 }).collect();
                network.set(&spins);
                let before = energy(order, distinct, &patterns, &spins);
                assert!((network.energy() - before).abs() < 1e-12 * count as f64, "P = {order}: {} {before}", network.energy());
                for unit in 0..units {
                    let cost = 2.0 * f64::from(spins[unit]) * network.field(unit);
                    spins[unit] = -spins[unit];
                    let after = energy(order, distinct, &patterns, &spins);
                    spins[unit] = -spins[unit];
                    assert!((after - before - cost).abs() < 1e-12 * count as f64, "P = {order}, {distinct}: {} {cost}", after - before);
                }
            }
        }
    }
}

#[test]
fn a_thousand_flips_leave_what_a_new_start_gives() {
    let (units, count) = (50, 1_300);
    for (interaction, order, _) in interactions(units) {
        let mut generator = Generator::new(order.into(), "flips");
        let mut network = SpinTuples::draw(interaction, count, units, generator.rng());
        assert_eq!((network.overlaps()[0], network.count()), (50, count));
        (0..1_000).for_each(|turn| network.flip(turn * 7 % units));
        let mut fresh = network.clone();
        fresh.set(network.spins());
        assert_eq!((&network.overlaps, &network.values), (&fresh.overlaps, &fresh.values));
        assert_eq!((network.value_sum, network.slope_sum), (fresh.value_sum, fresh.slope_sum));
        let overlap = |mu: usize| (0..units).map(|i| i32::from(network.sign(mu, i) * network.spins()[i])).sum::<i32>();
        assert!((0..count).all(|mu| network.overlaps()[mu] == overlap(mu)));
        // The wide and the plain sums are one.
        for column in network.columns.chunks_exact(network.words) {
            assert_eq!(sum_where_positive(column, &network.values), sum_portable(column, &network.values));
        }
    }
}

#[test]
fn pairs_have_the_fields_of_couplings() {
    let (units, count) = (40, 9);
    let patterns = random_patterns(count, units);
    let mut network = SpinTuples::new(Interaction::distinct(2, units), &patterns.concat(), units);
    let mut couplings = IncrementalFields::new(&patterns.concat(), network.spins());
    for turn in 0..60 {
        assert!((0..units).all(|unit| network.whole_field(unit) == i64::from(couplings.field(unit))));
        network.flip(turn * 11 % units);
        couplings.flip(turn * 11 % units);
    }
    assert!((network.energy() - couplings.energy() / units as f64).abs() < 1e-12);
}

#[test]
fn the_largest_sums_fit() {
    for order in 2..=4 {
        let units = Interaction::most_units(order).min(6_000);
        for interaction in [Interaction::distinct(order, units), Interaction::power(order, units)] {
            let count = 64 * FLUSHED_WORDS;
            let network = SpinTuples::new(interaction, &vec![1; count * units], units);
            let c = units as f64 - 1.0;
            let b = f64::from(interaction.lower) / f64::from(interaction.scale);
            let g = c.powi(order as i32 - 1) + if order == 2 { 0.0 } else { b * c.powi(order as i32 - 3) };
            let expected = count as f64 * g / (units as f64).powi(order as i32 - 1);
            assert!((network.field(0) - expected).abs() < 1e-9 * expected, "P = {order}: {} {expected}", network.field(0));
        }
    }
}

//! Sweeps of multitasking networks, the inner loops of the experiment: `cargo bench --workspace --bench multitasking`.
//!
//! The same in NumPy is `benches/peers/multitasking.py` at the root of the repository.

use lab::{
    experiments::multitasking::{
        columns::Columns,
        dynamics::{Dynamics, Network, Sweeper},
        examples::Examples,
        lumped::Lumped,
        sample::Start,
    },
    kernels::{packed::pack, ternary::TernaryPatterns},
    random::Generator,
};
use std::{hint::black_box, time::Instant};

/// Rounds; the median counts, and the fastest beside it.
const ROUNDS: usize = 30;
const NEURONS: usize = 100_000;
const PATTERNS: usize = 3;
const DILUTION: f64 = 0.4;
const TEMPERATURE: f64 = 0.1;
/// Neurons, patterns and examples of the learning networks.
const LEARNING: (usize, usize, usize) = (10_000, 2, 640);

/// Median and least of the seconds that `work` takes.
fn timed(mut work: impl FnMut()) -> (f64, f64) {
    for _ in 0..3 {
        work();
    }
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    (seconds[ROUNDS / 2], seconds[0])
}

#[allow(clippy::print_stdout)]
fn say(what: &str, (median, least): (f64, f64)) {
    println!("{what}: {:.3} ms, best {:.3} ms", 1e3 * median, 1e3 * least);
}

fn sweeps(what: &str, network: &mut impl Network, dynamics: Dynamics, temperature: f64, generator: &mut Generator) {
    let mut sweeper = Sweeper::default();
    say(
        what,
        timed(|| {
            black_box(sweeper.sweep(network, dynamics, temperature, generator));
        }),
    );
}

fn main() {
    let mut generator = Generator::new(0, "bench");
    let patterns = TernaryPatterns::draw(PATTERNS, NEURONS, DILUTION, generator.rng());
    let spins = Start::Hierarchical.spins(&patterns, None, &mut generator);
    let state = pack(&spins);
    let mut overlaps = vec![0; PATTERNS];
    say(&format!("overlaps, {PATTERNS} ternary patterns of {NEURONS}"), timed(|| patterns.overlaps(black_box(&state), &mut overlaps)));
    let mut network = Columns::stored(&patterns, spins, DILUTION);
    sweeps(&format!("block sweep, {NEURONS} neurons"), &mut network, Dynamics::Block, TEMPERATURE, &mut generator);
    sweeps(&format!("parallel sweep, {NEURONS} neurons"), &mut network, Dynamics::Parallel, TEMPERATURE, &mut generator);
    sweeps(&format!("sequential sweep, {NEURONS} neurons"), &mut network, Dynamics::Sequential, TEMPERATURE, &mut generator);
    let mut lumped = Lumped::draw(PATTERNS, NEURONS, DILUTION, &mut generator);
    lumped.start(|word| word.iter().copied().find(|entry| *entry != 0).unwrap_or(0), &mut generator);
    say(
        &format!("lumped sweep, {NEURONS} neurons"),
        timed(|| {
            black_box(lumped.sweep(TEMPERATURE, &mut generator));
        }),
    );

    let (neurons, patterns, count) = LEARNING;
    let patterns = TernaryPatterns::draw(patterns, neurons, DILUTION, generator.rng());
    let examples = Examples::draw(patterns, count, 0.2, generator.rng());
    let spins = Start::Hierarchical.spins(examples.patterns(), None, &mut generator);
    let size = format!("{neurons} neurons, {} patterns, {count} examples of each", examples.patterns().count());
    let mut taught = examples.supervised(spins.clone(), DILUTION);
    sweeps(&format!("supervised block sweep, {size}"), &mut taught, Dynamics::Block, TEMPERATURE, &mut generator);
    let mut pooled = examples.unsupervised(spins, DILUTION);
    sweeps(&format!("unsupervised block sweep, {size}"), &mut pooled, Dynamics::Block, TEMPERATURE, &mut generator);
}

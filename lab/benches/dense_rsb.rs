//! Sweeps of dense memories, the inner loops of the experiment: `cargo bench --workspace --bench dense_rsb`.
//!
//! The same in NumPy is `benches/peers/dense_rsb.py` at the root of the repository.

use lab::{
    experiments::dense_rsb::dynamics::Relaxation,
    kernels::{
        packed::{PackedPatterns, Planes, pack},
        spin_tuples::{Interaction, SpinTuples},
    },
    random::Generator,
};
use std::{hint::black_box, time::Instant};

/// Rounds; the median counts, and the fastest beside it.
const ROUNDS: usize = 15;
/// Order, neurons and patterns of each network: at the replica-symmetric capacity.
const NETWORKS: [(u32, usize, usize); 4] = [(2, 2_000, 276), (3, 256, 8_264), (4, 96, 29_176), (4, 160, 135_073)];
/// Patterns and signs of the packed overlaps, and of a synchronous update of pairs.
const OVERLAPS: (usize, usize) = (4_096, 4_096);
const SYNCHRONOUS: (usize, usize) = (400, 4_096);
/// Above it a spin turns now and then.
const TEMPERATURE: f64 = 0.2;

/// Median and least of the seconds that `work` takes.
fn timed(mut work: impl FnMut()) -> (f64, f64) {
    work();
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
fn say(what: &str, terms: usize, (median, least): (f64, f64)) {
    println!("{what}: {:.3} ms, best {:.3} ms, {:.2}e9 pattern terms a second", 1e3 * median, 1e3 * least, terms as f64 / least / 1e9);
}

fn signs(count: usize, generator: &mut Generator) -> Vec<i8> {
    (0..count).map(|_| if generator.symmetric(1.0) < 0.0 { -1 } else { 1 }).collect()
}

/// What a synchronous update reuses.
struct Update {
    overlaps: Vec<i64>,
    planes: Planes,
    sums: Vec<i128>,
}

impl Update {
    /// Every spin takes the sign of `sum_mu xi_mu,i x_mu - K s_i`, all at once; without a field it stays.
    fn run(&mut self, patterns: &PackedPatterns, spins: &mut [i8]) {
        patterns.overlaps(&pack(spins), &mut self.overlaps);
        self.planes.fill(&self.overlaps);
        patterns.sums_where_positive(0..spins.len(), &self.planes, &mut self.sums);
        let (total, count) = (self.overlaps.iter().sum::<i64>(), patterns.count() as i64);
        for (spin, sum) in spins.iter_mut().zip(&self.sums) {
            let field = 2 * *sum as i64 - total - count * i64::from(*spin);
            *spin = if field == 0 { *spin } else { field.signum() as i8 };
        }
    }
}

#[allow(clippy::print_stdout)]
fn packed(generator: &mut Generator) {
    let (count, dim) = OVERLAPS;
    let (patterns, state) = (PackedPatterns::new(&signs(count * dim, generator), dim), pack(&signs(dim, generator)));
    let mut overlaps = vec![0; count];
    let (median, least) = timed(|| patterns.overlaps(black_box(&state), &mut overlaps));
    println!("overlaps, {count} patterns of {dim} signs: {:.4} ms, best {:.4} ms", 1e3 * median, 1e3 * least);

    let (count, dim) = SYNCHRONOUS;
    let patterns = PackedPatterns::new(&signs(count * dim, generator), dim);
    let (mut spins, mut update) =
        (signs(dim, generator), Update { overlaps: vec![0; count], planes: Planes::new(&[]), sums: vec![0; dim] });
    let (median, least) = timed(|| update.run(&patterns, black_box(&mut spins)));
    let million = dim as f64 / least / 1e6;
    println!(
        "synchronous update, {dim} neurons, {count} patterns: {:.4} ms, best {:.4} ms, {million:.0} million spins a second",
        1e3 * median,
        1e3 * least
    );
}

fn main() {
    packed(&mut Generator::new(0, "packed"));
    for (order, neurons, patterns) in NETWORKS {
        let mut generator = Generator::new(0, "bench");
        let mut network = SpinTuples::draw(Interaction::distinct(order, neurons), patterns, neurons, generator.rng());
        let terms = patterns * neurons;
        let size = format!("P = {order}, {neurons} neurons, {patterns} patterns");
        say(
            &format!("all fields, {size}"),
            terms,
            timed(|| {
                black_box((0..neurons).map(|unit| network.whole_field(unit)).sum::<i64>());
            }),
        );
        say(
            &format!("all spins turned, {size}"),
            terms,
            timed(|| {
                (0..neurons).for_each(|unit| network.flip(unit));
                black_box(network.overlaps()[0]);
            }),
        );
        let start: Vec<i8> = network.spins().to_vec();
        let relaxation = Relaxation { temperature: TEMPERATURE, sweeps: 10 };
        say(
            &format!("ten sweeps at T = {TEMPERATURE} from the pattern, {size}"),
            10 * terms,
            timed(|| {
                network.set(&start);
                black_box(relaxation.relax(&mut network, &mut generator));
            }),
        );
    }
}

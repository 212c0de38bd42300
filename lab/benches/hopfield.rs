//! Softmax retrieval and overlaps of packed signs, the two inner loops of the Hopfield memories: `cargo bench --workspace --bench hopfield`.
//!
//! The same in PyTorch is `benches/peers/hopfield.py` at the root of the repository.

use lab::{
    kernels::{
        packed::{PackedPatterns, pack},
        softmax_retrieval::retrieve,
    },
    random::Generator,
};
use rand::Rng;
use std::{hint::black_box, time::Instant};

/// Rounds; the median counts, and the fastest beside it.
const ROUNDS: usize = 200;
const THREADS: usize = 2;

/// Median and least of the seconds that `work` takes.
fn timed(mut work: impl FnMut()) -> (f64, f64) {
    for _ in 0..10 {
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
fn main() -> Result<(), Box<dyn std::error::Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
    let mut generator = Generator::new(0, "bench");
    let (patterns, dim, states) = (4_096, 64, 256);
    let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| generator.symmetric(1.0)).collect() };
    let (stored, cues) = (numbers(patterns * dim), numbers(states * dim));
    let (median, least) = timed(|| {
        black_box(retrieve(black_box(&stored), black_box(&cues), dim, 1.0));
    });
    println!(
        "retrieval, {states} cues from {patterns} patterns of {dim}, {THREADS} threads: {:.2} ms, best {:.2} ms",
        1e3 * median,
        1e3 * least
    );

    let (patterns, dim) = (4_096, 4_096);
    let mut generator = Generator::new(0, "signs");
    let mut signs = |count: usize| -> Vec<i8> { (0..count).map(|_| if generator.rng().random() { 1 } else { -1 }).collect() };
    let (memory, state) = (PackedPatterns::new(&signs(patterns * dim), dim), pack(&signs(dim)));
    let mut overlaps = vec![0i64; patterns];
    let (median, least) = timed(|| memory.overlaps(black_box(&state), black_box(&mut overlaps)));
    println!("overlaps of {patterns} packed patterns of {dim} signs, one thread: {:.1} us, best {:.1} us", 1e6 * median, 1e6 * least);
    Ok(())
}

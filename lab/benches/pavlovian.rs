//! Writing into and reading from associative memories, and steps of the trained task: `cargo bench --workspace --bench pavlovian`.
//!
//! The same in NumPy is `benches/peers/pavlovian.py` at the root of the repository.

use lab::{
    experiments::pavlovian::{
        attention::TrainedRule,
        codes::{Code, KeyKind, ValueKind},
        episodes::{Episode, Rewritten, Task},
        hebbian::reads,
        reader::Reader,
        trainer::Trainer,
    },
    kernels::delta_rule::{CHUNK, Sizes, write_in_chunks, write_one_by_one},
    random::Generator,
};
use std::{hint::black_box, time::Instant};

/// Rounds; the median counts, and the fastest beside it.
const ROUNDS: usize = 30;
const SIZES: Sizes = Sizes { key_dim: 64, value_dim: 64 };
/// Pairs of keys and values.
const FEW: usize = 64;
const MANY: usize = 1024;
/// Keys of an episode, and episodes of a batch.
const KEYS: usize = 16;
const BATCH: usize = 32;

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

fn main() {
    let mut generator = Generator::new(0, "bench");
    let code = |keys, key_dim| Code { keys, correlation: 0.0, values: ValueKind::Sign, key_dim, value_dim: 64, query_noise: 0.0 };
    for (keys, name) in [(KeyKind::Sphere, "unit keys"), (KeyKind::Sign, "keys of signs")] {
        for (count, key_dim) in [(FEW, 64), (MANY, 64), (MANY, 1024)] {
            let pairs = code(keys, key_dim).draw(count, generator.rng());
            let sizes = Sizes { key_dim, value_dim: 64 };
            say(
                &format!("hebb, {count} {name} of {key_dim}: written and read"),
                timed(|| {
                    black_box(reads(black_box(&pairs), sizes));
                }),
            );
        }
    }
    let pairs = code(KeyKind::Sphere, 64).draw(MANY, generator.rng());
    let mut state = vec![0f32; 64 * 64];
    say(
        &format!("delta, {MANY} pairs of 64, one by one"),
        timed(|| write_one_by_one(&mut state, black_box(&pairs.keys), &pairs.values, SIZES, 1.0)),
    );
    say(
        &format!("delta, {MANY} pairs of 64, in chunks"),
        timed(|| write_in_chunks(&mut state, black_box(&pairs.keys), &pairs.values, SIZES, 1.0, CHUNK)),
    );

    let one = Reader {
        rule: TrainedRule::Hebb,
        key_dim: 16,
        value_dim: 16,
        vocab_keys: 64,
        vocab_values: 32,
        tau: 0.125,
        layers: 1,
        hidden_width: 0,
    };
    let two = Reader { layers: 2, hidden_width: 64, ..one };
    for (rule, shape, blocks) in TrainedRule::ALL.into_iter().flat_map(|rule| [(rule, one, "one block"), (rule, two, "two blocks")]) {
        let reader = Reader { rule, ..shape };
        let batch: Vec<Episode> =
            (0..BATCH).map(|_| Episode::draw(Task::Reversal, Rewritten::Random, KEYS, 64, 32, generator.rng())).collect();
        let Ok(mut trainer) = Trainer::new(reader, 0.5, &mut generator) else { return };
        say(
            &format!("step of training, {}, {blocks}, {BATCH} episodes of {KEYS} keys", rule.id()),
            timed(|| {
                let _ = black_box(trainer.train(&batch, 1e-3));
            }),
        );
    }
}

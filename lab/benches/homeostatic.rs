//! Training images a second of every arm of the homeostatic experiment, all that a run does beside training included:
//! `cargo bench --workspace --bench homeostatic`.
//!
//! The same training in PyTorch is `benches/peers/homeostatic.py` at the root of the repository.

use lab::{Lab, Recorder, registry};
use serde_json::json;
use std::time::Instant;

/// Rounds; the fastest counts, for the others were disturbed.
const ROUNDS: u64 = 5;
/// Images of an epoch of the quick preset.
const SAMPLES: f64 = 20_000.0;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entry = registry::standard().get("homeostatic")?;
    for arm in ["lrh", "lrc", "lrr", "lrc_tuned", "adam"] {
        let given = json!({ "epochs": 1, "arms": [arm] });
        let config = entry.complete("quick", given.as_object().ok_or("no object")?)?;
        let mut best = 0f64;
        for seed in 0..ROUNDS {
            let mut running = entry.start(&config, &Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed })?;
            let mut recorder = Recorder::default();
            let begun = Instant::now();
            // On a thread of the pool, as training does.
            rayon::scope(|_| {
                (1..=running.total_steps()).try_for_each(|step| {
                    recorder.begin_step(step);
                    running.step(&mut recorder)
                })
            })?;
            best = best.max(SAMPLES / begun.elapsed().as_secs_f64());
        }
        println!("{arm:10} {best:10.0} samples/s");
    }
    Ok(())
}

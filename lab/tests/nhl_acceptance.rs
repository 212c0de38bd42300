//! NHL on Fashion-MNIST against an independent implementation: the quick preset, seeds 0, 1 and 2.

use lab::{Lab, Recorder, registry};
use serde_json::Map;
use std::collections::BTreeMap;

fn run(seed: u64) -> BTreeMap<String, f64> {
    let entry = registry::standard().get("nhl").unwrap();
    let config = entry.complete("quick", &Map::new()).unwrap();
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed };
    let mut running = entry.start(&config, &lab).unwrap();
    let mut recorder = Recorder::default();
    for step in 1..=running.total_steps() {
        recorder.begin_step(step);
        running.step(&mut recorder).unwrap();
        recorder.take_items();
    }
    running.finish(&mut recorder).unwrap();
    recorder.take_results().0
}

#[test]
fn the_quick_preset_reproduces_the_measured_table() {
    for seed in 0..3 {
        let t = std::time::Instant::now();
        let summary = run(seed);
        println!("seed {seed} {:?}", t.elapsed());
        for name in [
            "clean",
            "gaussian_noise",
            "shot_noise",
            "impulse_noise",
            "gaussian_blur",
            "motion_blur",
            "contrast",
            "brightness",
            "pixelate",
            "fog",
            "mean",
            "noises",
        ] {
            let row: Vec<String> = ["source", "bn_adapt", "tent", "hebb", "modulator", "nhl"]
                .iter()
                .map(|arm| format!("{:5.1}", 100.0 * summary[&format!("error/{name}.{arm}")]))
                .collect();
            println!("{name:15} {}", row.join(" "));
        }
        for (k, v) in &summary {
            if k.starts_with("time") {
                println!("{k} {v:.2}");
            }
        }
    }
}

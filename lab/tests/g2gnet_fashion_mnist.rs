//! G2GNet's `quick` preset on Fashion-MNIST with three seeds, against accuracies measured with an independent implementation.

use candle_core::Device;
use lab::{Lab, Recorder, registry};
use serde_json::Map;
use std::collections::BTreeMap;

/// Mean test accuracy over seeds 0 to 2 of a plain PyTorch implementation in the same setting (with Bernoulli masks in place of exact counts).
const MEASURED: [(&str, f64); 5] = [("dense", 0.8622), ("dense_narrow", 0.8478), ("er", 0.8478), ("g2g", 0.8498), ("g2g_hebb", 0.8487)];

/// The summary of a whole run, whatever depends on the clock left out.
fn summary(seed: u64, threads: usize) -> BTreeMap<String, f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let entry = registry::standard().get("g2gnet").unwrap();
        let config = entry.complete("quick", &Map::new()).unwrap();
        let lab = Lab { device: Device::Cpu, data_folders: Vec::new(), seed };
        let mut running = entry
            .start(&config, &lab)
            .unwrap_or_else(|error| panic!("{error}; this test needs Fashion-MNIST: run ./test, or install `dataset-fashion-mnist`"));
        let mut recorder = Recorder::default();
        for step in 1..=running.total_steps() {
            recorder.begin_step(step);
            running.step(&mut recorder).unwrap();
            recorder.take_items();
            recorder.take_clock_points();
        }
        running.finish(&mut recorder).unwrap();
        let summary = recorder.take_results().0;
        summary.into_iter().filter(|(name, _)| !lab::record::is_clock_name(name)).collect()
    })
}

#[test]
fn three_seeds_reach_the_measured_accuracies_and_the_threads_change_no_bit() {
    let first = summary(0, 1);
    let again = summary(0, 2);
    let bits = |summary: &BTreeMap<String, f64>| summary.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect::<Vec<_>>();
    assert_eq!(bits(&first), bits(&again), "the same seed on one and on two threads");
    let runs = [first, summary(1, 2), summary(2, 2)];
    let mean = |name: &str| runs.iter().map(|run| run[name]).sum::<f64>() / runs.len() as f64;
    for (arm, measured) in MEASURED {
        let accuracy = mean(&format!("accuracy/test.{arm}"));
        eprintln!("{arm}: {accuracy:.4}, measured {measured:.4}");
        assert!((accuracy - measured).abs() < 0.01, "{arm}: {accuracy}, {measured} was measured");
    }
    let difference = mean("accuracy/test.g2g") - mean("accuracy/test.er");
    assert!(difference > -0.001, "grouped wiring is {difference} from random wiring");
    for arm in ["er", "g2g", "g2g_hebb"] {
        let edges: Vec<f64> = runs.iter().map(|run| run[&format!("weights/edges_active.{arm}")]).collect();
        assert!(edges.iter().all(|count| *count == edges[0]), "{arm} has {edges:?} edges with three seeds");
    }
}

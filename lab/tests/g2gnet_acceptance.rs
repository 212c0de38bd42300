//! G2GNet on Fashion-MNIST against an independent implementation: the quick preset, mean of seeds 0, 1 and 2.
//!
//! The reference values are measured with PyTorch in the same setting (20,000 images, 784-512-512-10, 6 epochs, batch 256, Adam 1e-3 with
//! a cosine, He initialisation, G = 8, p_inter = 0.15, rewiring every 40 steps), last epoch on the 10,000 test images.

use lab::{Lab, Recorder, record::Item, registry};
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};

const REFERENCE: [(&str, f64); 5] = [("dense", 0.8622), ("dense_narrow", 0.8478), ("er", 0.8478), ("g2g", 0.8498), ("g2g_hebb", 0.8487)];
/// The edges of 784-512-512 at p_inter = 0.15.
const EDGES: f64 = 170_035.0;

#[test]
fn the_quick_preset_reproduces_the_measured_table() {
    let entry = registry::standard().get("g2gnet").unwrap();
    let config = entry.complete("quick", &Map::new()).unwrap();
    let seeds = [0, 1, 2];
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for seed in seeds {
        let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed };
        let mut running = entry.start(&config, &lab).unwrap();
        let mut recorder = Recorder::default();
        let mut edges = BTreeSet::new();
        for step in 1..=running.total_steps() {
            recorder.begin_step(step);
            running.step(&mut recorder).unwrap();
            for item in recorder.take_items() {
                match item {
                    Item::Point(point) if point.name == "weights/edges_active" => {
                        edges.insert(point.value.0 as u64);
                    }
                    _ => {}
                }
            }
        }
        assert_eq!(edges, BTreeSet::from([EDGES as u64]), "edge counts with seed {seed}");
        running.finish(&mut recorder).unwrap();
        let (summary, _) = recorder.take_results();
        for (name, value) in summary {
            *sums.entry(name).or_default() += value / seeds.len() as f64;
        }
    }
    for (arm, reference) in REFERENCE {
        let accuracy = sums[&format!("accuracy/test.{arm}")];
        assert!((accuracy - reference).abs() < 0.01, "{arm}: {accuracy:.4}, reference {reference:.4}");
    }
    let groups_over_random = sums["accuracy/test.g2g-er"];
    assert!(groups_over_random > -0.001, "g2g - er: {groups_over_random:.4}");
    let intra = sums["weights/intra_fraction.g2g_hebb"];
    assert!((0.37..=0.44).contains(&intra), "edges inside groups after rewiring: {intra:.4}");
    let untouched = sums["weights/intra_fraction.g2g"];
    assert!((untouched - 0.487_805).abs() < 1e-4, "edges inside groups without rewiring: {untouched:.4}");
}

//! G2GNet's `quick` preset on Fashion-MNIST with three seeds, against accuracies measured with an independent implementation.

mod support;

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use support::{Drive, config, on_threads};

/// Mean test accuracy over seeds 0 to 2 of a plain PyTorch implementation in the same setting (20,000 images, 784-512-512-10, 6 epochs,
/// batch 256, Adam 1e-3 with a cosine, He initialisation, rewiring every 40 steps; with Bernoulli masks in place of exact counts), and the
/// least and most that ours may reach.
const MEASURED: [(&str, f64, f64, f64); 7] = [
    ("dense", 0.8622, 0.857, 0.867),
    ("dense_narrow", 0.8478, 0.840, 0.856),
    ("er", 0.8478, 0.844, 0.856),
    ("g2g", 0.8498, 0.844, 0.856),
    ("g2g_hebb", 0.8487, 0.844, 0.856),
    ("tile", 0.8499, 0.844, 0.856),
    ("tile_hebb", 0.8483, 0.844, 0.856),
];
/// Edges of 784-512-512, by group wiring at a density of 0.25625 and by tiles of which a quarter exists.
const EDGES: [(&str, f64); 5] =
    [("er", 170_035.0), ("g2g", 170_035.0), ("g2g_hebb", 170_035.0), ("tile", 165_888.0), ("tile_hebb", 165_888.0)];

/// The summary of a whole run, whatever depends on the clock left out, and every number of edges that an arm has had.
fn run(seed: u64, threads: usize) -> (BTreeMap<String, f64>, BTreeMap<String, BTreeSet<u64>>) {
    let config = config("g2gnet", "quick", &json!({}));
    let heard = on_threads(threads, || Drive::start("g2gnet", &config, seed).run_out());
    let mut edges: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for point in heard.points.into_iter().filter(|point| point.name == "weights/edges_active") {
        edges.entry(point.arm.unwrap_or_default()).or_default().insert(point.value.0 as u64);
    }
    (heard.summary.into_iter().filter(|(name, _)| !lab::record::is_clock_name(name)).collect(), edges)
}

#[test]
fn three_seeds_reach_the_measured_accuracies_and_the_threads_change_no_bit() {
    let (first, edges) = run(0, 1);
    let (again, _) = run(0, 2);
    let bits = |summary: &BTreeMap<String, f64>| summary.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect::<Vec<_>>();
    assert_eq!(bits(&first), bits(&again), "the same seed on one and on two threads");
    let runs = [(first, edges), run(1, 2), run(2, 2)];
    for (seed, (_, edges)) in runs.iter().enumerate() {
        for (arm, count) in EDGES {
            assert_eq!(edges[arm], BTreeSet::from([count as u64]), "edges of {arm} with seed {seed}, at any time");
        }
    }
    let mean = |name: &str| runs.iter().map(|(summary, _)| summary[name]).sum::<f64>() / runs.len() as f64;
    for (arm, measured, least, most) in MEASURED {
        let accuracy = mean(&format!("accuracy/test.{arm}"));
        eprintln!("{arm}: {accuracy:.4}, measured {measured:.4}");
        assert!((least..=most).contains(&accuracy), "{arm}: {accuracy}, {measured} was measured");
    }
    let difference = mean("accuracy/test.g2g-er");
    assert!(difference > -0.001, "grouped wiring is {difference} from random wiring");
    for arm in ["er", "g2g", "g2g_hebb", "tile", "tile_hebb"] {
        for other in ["dense", "dense_narrow", "er"].into_iter().filter(|other| *other != arm) {
            let (difference, by_means) = (
                mean(&format!("accuracy/test.{arm}-{other}")),
                mean(&format!("accuracy/test.{arm}")) - mean(&format!("accuracy/test.{other}")),
            );
            assert!((difference - by_means).abs() < 1e-12, "{arm} - {other}");
        }
    }
    let difference = mean("accuracy/test.tile-g2g");
    assert!(difference.abs() < 0.005, "tiles are {difference} from single edges");
    let intra = mean("weights/intra_fraction.g2g_hebb");
    assert!((0.37..=0.44).contains(&intra), "edges inside groups after rewiring: {intra}");
    let untouched = mean("weights/intra_fraction.g2g");
    assert!((untouched - 0.487_805).abs() < 1e-4, "edges inside groups without rewiring: {untouched}");
    assert_eq!(mean("weights/intra_fraction.tile_hebb"), 0.25, "no group of tiles loses itself");
}

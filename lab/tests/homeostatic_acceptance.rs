//! The homeostatic learner on Fashion-MNIST against an independent implementation in NumPy, where chance leaves something to compare.
//!
//! Constant rates are compared arm by arm. The homeostatic arm is a random walk with a floor: one seed in five or so starves within six epochs, so of
//! its advantage only the median over seeds is stable, and of its rate only the mean.

mod support;

use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn run(preset: &str, given: &Value, seed: u64) -> BTreeMap<String, f64> {
    support::summary_of("homeostatic", &support::config("homeostatic", preset, given), seed)
}

/// The values of a summary number over the seeds from 0.
fn over_seeds(preset: &str, given: Value, seeds: u64, names: &[&str]) -> Vec<Vec<f64>> {
    let runs: Vec<_> = (0..seeds).into_par_iter().map(|seed| run(preset, &given, seed)).collect();
    names.iter().map(|name| runs.iter().map(|summary| summary[*name]).collect()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn is_near(values: &[f64], reference: f64, tolerance: f64) -> bool {
    (mean(values) - reference).abs() < tolerance
}

#[test]
fn the_quick_preset_reproduces_what_chance_leaves() {
    let names = ["accuracy/online_mean.lrc", "advantage/under_shift", "decision/taken_fraction.lrh", "learning_rate/end.lrh"];
    let [constant, advantage, taken, rate] = &mut over_seeds("quick", json!({ "arms": ["lrh", "lrc"] }), 5, &names)[..] else {
        panic!("four")
    };
    // NumPy: .547, .543, .519 over three seeds.
    assert!(is_near(constant, 0.536, 0.03), "{constant:?}");
    advantage.sort_by(f64::total_cmp);
    assert!((0.005..0.05).contains(&advantage[2]), "median advantage of {advantage:?}");
    assert!(taken.iter().all(|taken| (0.001..0.008).contains(taken)), "{taken:?}");
    assert!(rate.iter().all(|rate| rate.is_finite() && *rate > 0.0));
    let summary = run("quick", &json!({ "arms": ["lrc_tuned", "lrr"] }), 0);
    assert!((summary["accuracy/online_mean.lrc_tuned"] - 0.80).abs() < 0.03);
    assert!(summary["accuracy/online_mean.lrr"] > mean(constant) + 0.02, "random regulation is better than the small constant");
}

#[test]
fn a_stable_world_is_learnt_as_well_as_the_reference_does() {
    let given = json!({ "arms": ["lrc"], "shift_rates": [0] });
    let accuracy = over_seeds("quick", given, 2, &["accuracy/online_mean.lrc"]);
    assert!(is_near(&accuracy[0], 0.765, 0.01), "{accuracy:?}");
}

/// Online accuracy of the constant rate, seeds listed one by one in the reference. Chance chooses only order and weights, so that the mean over as
/// many seeds of ours lies near it.
#[test]
fn the_constant_rate_reproduces_every_cell_of_the_table() {
    let cells: [(&str, Value, &[f64], f64); 3] = [
        ("20,000 x 24, 8 swaps", json!({ "epochs": 24 }), &[0.548], 0.03),
        ("60,000 x 10, stable", json!({ "train_samples": 60_000, "epochs": 10, "shift_rates": [0] }), &[0.827, 0.827], 0.01),
        (
            "12,000 x 12, 16 swaps, rate 0.0058",
            json!({ "learning_rate": 0.0058, "train_samples": 12_000, "epochs": 12, "shift_rates": [16] }),
            &[0.592, 0.604],
            0.03,
        ),
    ];
    for (name, mut given, reference, tolerance) in cells {
        given["arms"] = json!(["lrc"]);
        let found = over_seeds("quick", given, reference.len() as u64, &["accuracy/online_mean.lrc"]);
        assert!(is_near(&found[0], mean(reference), tolerance), "{name}: {found:?}, reference {reference:?}");
    }
}

/// Half of the long runs of the reference starve. Which do is chance; that they end, and say so, is not.
#[test]
fn long_homeostatic_runs_end_finite_and_tell_starvation() {
    let names = ["accuracy/online_mean.lrh", "accuracy/online_last.lrh", "learning_rate/end.lrh", "starved_fraction.lrh"];
    let found = over_seeds("quick", json!({ "arms": ["lrh"], "epochs": 24 }), 4, &names);
    assert!(found.iter().flatten().all(|value| value.is_finite()), "{found:?}");
    let [mean, last, rate, starved] = &found[..] else { panic!("four") };
    assert!(mean.iter().chain(last).all(|accuracy| (0.1..0.9).contains(accuracy)), "{found:?}");
    for (rate, starved) in rate.iter().zip(starved) {
        assert!(*rate > 0.0 && (*starved == 1.0 || *rate >= 1e-5), "an arm whose rate is {rate:e} has starved: {starved}");
    }
}

#[test]
fn from_the_larger_rate_the_rate_follows_the_world() {
    let names = ["learning_rate/end.lrh_s0", "learning_rate/end.lrh_s8"];
    let found = over_seeds("quick_rate", json!({ "arms": ["lrh"] }), 5, &names);
    let ratio = mean(&found[1]) / mean(&found[0]);
    assert!(ratio >= 3.0, "mean rate at the end, shifting over stable: {ratio:.2}, {found:?}");
    let constant = run("quick_rate", &json!({ "arms": ["lrc"], "shift_rates": [8] }), 0)["accuracy/online_mean.lrc"];
    assert!((constant - 0.718).abs() < 0.03, "{constant}");
}

//! G2GNet on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

mod support;

use lab::registry;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use support::{Config, Drive, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after};

fn config(preset: &str, given: Value) -> Config {
    support::config("g2gnet", preset, &given)
}

const ARMS: [&str; 10] = ["dense", "dense_narrow", "er", "g2g", "g2g_hebb", "tile", "tile_hebb", "g2g_set", "er_rigl", "custom"];

fn small() -> Config {
    // Windows of 5 batches before events at 20, 40, 60; evaluations in between.
    let custom = json!({ "layout": "tile", "prune_rule": "three", "grow_rule": "random" });
    config("glance", json!({ "hidden_width": 64, "epochs": 5, "arms": ARMS, "custom": custom }))
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("g2gnet", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    // After the first step, within a Hebbian window, at an event, between evaluations, before and after the last step.
    assert_resumes_at("g2gnet", &small(), &[1, 18, 20, 37, 84, 85]);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    assert_same_on_any_threads("g2gnet", &small());
}

#[test]
fn an_arm_says_the_same_whoever_runs_beside_it() {
    let mut few = small();
    few["arms"] = json!(["tile_hebb", "g2g_hebb"]);
    let (few, all) = (start(&few, 3).run_out(), start(&small(), 3).run_out());
    for arm in ["tile_hebb", "g2g_hebb"] {
        let of_arm = |said: &[String]| said.iter().filter(|line| line.contains(&format!("Some(\"{arm}\")"))).cloned().collect::<Vec<_>>();
        assert_eq!(of_arm(&few.said), of_arm(&all.said));
    }
}

#[test]
fn an_encoder_is_learnt_with_the_rest_and_restored() {
    let config = config(
        "glance",
        json!({ "hidden_width": 64, "epochs": 8, "learning_rate": 0.005, "encoder": "patch16", "arms": ["dense", "tile_hebb"] }),
    );
    assert_resumes_at("g2gnet", &config, &[30]);
    let summary = start(&config, 1).run_out().summary;
    for arm in ["dense", "tile_hebb"] {
        assert!(summary[&format!("accuracy/test.{arm}")] > 0.85, "{arm}: {summary:?}");
    }
    // 16 patches of 4 pixels with 32 filters, then 512-64-64-10.
    assert_eq!(summary["compute/macs_per_image.dense"], (16 * 4 * 32 + 512 * 64 + 64 * 64 + 640) as f64);
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    // An infinite number in the second hidden layer of one arm.
    let heard = spoilt_after("g2gnet", &small(), 10, "arms/g2g/layer_2/bias", f32::INFINITY);
    let [(step, loss)] = heard.series("loss/train", "g2g")[..] else { panic!("{:?}", heard.series("loss/train", "g2g")) };
    assert!(step == 11 && !loss.is_finite(), "{loss} at step {step}");
    assert_eq!(heard.series("loss/train", "g2g_hebb").len(), 75);
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("Arm g2g has diverged at step 11") && warning.contains("hidden layer 2"), "{warning}");
    let summary = &heard.summary;
    for arm in ARMS {
        assert_eq!(summary[&format!("accuracy/test.{arm}")].is_nan(), arm == "g2g", "{arm}");
    }
    assert!(summary["accuracy/test.g2g-er"].is_nan() && !summary["accuracy/test.g2g_hebb-dense"].is_nan());
    assert_eq!(heard.artifacts.len(), ARMS.len() + 1);
    assert_undisturbed("g2gnet", &small(), &heard, "dense");
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("g2gnet").unwrap().card;
    let heard = start(&small(), 0).run_out();
    assert!(heard.points.iter().all(|point| point.value.0.is_finite()));
    let (metrics, frames) = (&heard.metrics, heard.frame_names());
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(*metrics, known);
    for panel in &card.panels {
        assert!(panel.metrics.iter().all(|metric| metrics.contains(*metric)), "{}", panel.id);
        assert!(panel.frame.is_none_or(|frame| frames.contains(frame)), "{}", panel.id);
    }
    assert_eq!(heard.frame_steps("connectivity/layer_1", "g2g_hebb"), [1, 20, 40, 60, 85]);
    assert_eq!(heard.frame_steps("connectivity/layer_2", "er"), [1, 85]);
    for arm in ["g2g_hebb", "tile_hebb", "g2g_set", "er_rigl", "custom"] {
        assert_eq!(heard.frame_steps("moves/layer_1", arm), [20, 40, 60], "{arm}");
    }
    assert_eq!(heard.frame_steps("accuracy/against_weights", None).last(), Some(&85));
    for claim in &card.claims {
        assert!(heard.summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    let paths = heard.artifact_paths();
    assert_eq!(paths.len(), ARMS.len() + 1);
    assert!(paths.contains(&"weights/g2g_hebb.safetensors") && paths.contains(&"summary.csv"));
}

#[test]
fn presets_are_valid_and_name_what_they_need() {
    let entry = registry::standard().get("g2gnet").unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        assert!(estimates.seconds > 0.0 && estimates.memory_bytes > 0 && estimates.datasets.len() == 1, "{}", preset.id);
    }
    let quick = entry.estimates(&entry.complete("quick", &Map::new()).unwrap()).unwrap();
    assert_eq!((quick.numbers["edges_layer_1"], quick.numbers["edges_layer_2"]), (102_861.0, 67_174.0));
    assert_eq!((quick.numbers["dense_narrow_width"], quick.numbers["steps"]), (176.0, 468.0));
}

#[test]
fn each_arm_can_choose_its_learning_rate() {
    let config = config("glance", json!({ "hidden_width": 64, "epochs": 1, "learning_rate_choices": [0.00001, 0.005] }));
    let heard = start(&config, 0).run_out();
    assert_eq!(heard.summary["optimiser/learning_rate.dense"], 0.005);
    assert!(heard.said.iter().any(|line| line.contains("Arm g2g trains with learning rate 0.005")));
}

#[test]
fn the_bundled_digits_are_learnt() {
    let summary = start(&config("glance", json!({ "epochs": 10 })), 0).run_out().summary;
    for arm in &ARMS[..7] {
        let accuracy = summary[&format!("accuracy/test.{arm}")];
        // A unit of a tile arm sees 16 of these 64 pixels, the same as its whole group.
        let least = if arm.starts_with("tile") { 0.9 } else { 0.93 };
        assert!((least..1.0).contains(&accuracy), "{arm}: {accuracy}");
    }
    assert_eq!(summary["weights/edges_active.g2g"], summary["weights/edges_active.g2g_hebb"]);
    assert!(summary["weights/sparsity.dense_narrow"] >= 0.74 && summary["weights/sparsity.g2g_hebb"] >= 0.74);
}

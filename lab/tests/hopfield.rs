//! Every kind of the Hopfield experiment, driven as the engine drives it: resuming, threads, what it says, and what it finds.

mod support;

use lab::{Lab, registry};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{Config, Drive, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after, summary_of};

fn config(preset: &str, given: Value) -> Config {
    support::config("hopfield", preset, &given)
}

/// A small run of every kind.
fn kinds() -> Vec<Config> {
    let mut configs = [
        json!({ "kind": "retrieve", "noise_sigma": 0.3, "flip_fraction": 0.05, "num_patterns": 30, "probes": 20 }),
        json!({
            "kind": "capacity", "arms": ["modern", "classical", "dense3", "dense4", "exponential"], "dim": 33, "max_patterns": 64,
            "probes": 20, "replicas": 2
        }),
        json!({ "kind": "capacity_growth", "dims": [8, 12, 16, 24], "probes": 32, "replicas": 2 }),
        json!({ "kind": "beta_scan", "num_patterns": 24, "probes": 24, "dim": 16, "betas": 5, "max_steps": 50 }),
        json!({ "kind": "bound", "dims": [16, 32], "pattern_counts": [20], "betas": [8, 40], "probes": 24, "replicas": 2 }),
        json!({
            "kind": "mil", "num_bags": 40, "folds": 3, "epochs": 3, "batch_size": 8, "instances_per_bag": 6, "hidden_width": 8,
            "num_heads": 2, "update_steps": 3, "learning_rate": 0.05
        }),
        json!({ "kind": "association", "set_size": 5, "dim": 6, "classes": 3, "batch_size": 4, "steps": 55, "test_samples": 8 }),
        json!({
            "kind": "repertoire", "train_samples": 16, "instances_per_bag": 600, "shortest_sequence": 6, "longest_sequence": 8, "motif_length": 3, "filters": 16,
            "batch_size": 4, "epochs": 3
        }),
        json!({
            "kind": "heads", "dataset": "digits", "patch_side": 2, "train_samples": 50, "test_samples": 10, "hidden_width": 8, "num_heads": 2,
            "batch_size": 6, "steps": 12
        }),
        json!({
            "kind": "uci_suite", "datasets": ["iris", "wine"], "folds": 2, "hidden_width": 8, "num_heads": 2, "quantity": 6, "update_steps": 2,
            "epochs": 3, "trees": 5
        }),
    ];
    configs.iter_mut().map(|given| config("none", given.take())).collect()
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("hopfield", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    for config in kinds() {
        let total = start(&config, 3).total_steps();
        let stops = BTreeSet::from([1, 2, total / 2, total - 1, total]);
        assert_resumes_at("hopfield", &config, &Vec::from_iter(stops));
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    for config in kinds() {
        assert_same_on_any_threads("hopfield", &config);
    }
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    for (kind, array, measure) in [
        ("association", "association/mean/parameters", "accuracy/test"),
        ("repertoire", "repertoire/mean/parameters", "auc/test_repertoire"),
        ("mil", "mil/bit_pattern/0/mean/parameters", "auc/test_bit_pattern"),
    ] {
        let config = kinds().into_iter().find(|config| config["kind"] == kind).unwrap();
        let heard = spoilt_after("hopfield", &config, 1, array, f32::INFINITY);
        let [warning] = &heard.warnings[..] else { panic!("{kind}: {:?}", heard.warnings) };
        assert!(warning.contains("Arm mean has diverged at step 2"), "{kind}: {warning}");
        let result = |arm: &str| heard.summary[&format!("{measure}.{arm}")];
        assert!(result("mean").is_nan() && result("hopfield").is_finite(), "{kind}");
        assert_undisturbed("hopfield", &config, &heard, "hopfield");
    }
}

#[test]
fn what_all_kinds_say_is_what_the_card_promises() {
    let card = &registry::standard().get("hopfield").unwrap().card;
    let (mut metrics, mut frames, mut arms, mut summaries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for config in kinds() {
        let drive = start(&config, 0);
        let steps = drive.total_steps();
        let heard = drive.run_out();
        assert!(heard.points.iter().all(|point| point.value.0.is_finite()), "{}", config["kind"]);
        assert!(heard.points.iter().any(|point| point.step == steps), "{} is silent at its last step", config["kind"]);
        assert!(!heard.artifacts.is_empty(), "{}", config["kind"]);
        frames.extend(heard.frame_names().into_iter().map(str::to_owned));
        metrics.extend(heard.metrics);
        arms.extend(heard.points.into_iter().filter_map(|point| point.arm));
        summaries.extend(heard.summary.into_keys());
    }
    // Sets that have to be fetched or imported are not here; each would say these two.
    for set in ["musk1", "musk2", "elephant", "fox", "tiger", "ucsb_breast_cancer"] {
        metrics.extend(["loss", "auc"].map(|metric| format!("{metric}/{set}")));
    }
    assert_eq!(metrics, card.metrics.iter().map(|metric| metric.name.to_owned()).collect());
    assert_eq!(arms, card.arms.iter().map(|arm| arm.id.to_owned()).collect());
    assert_eq!(frames, card.panels.iter().filter_map(|panel| panel.frame).map(str::to_owned).collect());
    let drawn: BTreeSet<&str> = card.panels.iter().flat_map(|panel| panel.metrics.iter().copied()).collect();
    assert_eq!(drawn, metrics.iter().map(String::as_str).collect());
    for claim in &card.claims {
        assert!(summaries.contains(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
}

#[test]
fn presets_are_valid_and_every_kind_has_one() {
    let entry = registry::standard().get("hopfield").unwrap();
    let mut kinds = BTreeSet::new();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        let ratio = estimates.seconds / preset.expected_seconds;
        assert!((0.2..5.0).contains(&ratio), "{}: estimated {} s, measured {} s", preset.id, estimates.seconds, preset.expected_seconds);
        assert!(estimates.memory_bytes > 0 && estimates.numbers["steps"] >= 1.0, "{}", preset.id);
        kinds.insert(config["kind"].as_str().unwrap().to_owned());
    }
    let branches = entry.config_schema["oneOf"].as_array().unwrap();
    assert_eq!(kinds, branches.iter().map(|branch| branch["properties"]["kind"]["const"].as_str().unwrap().to_owned()).collect());
    // Another kind than the preset's drops the preset and is completed by its own defaults.
    let other = config("glance", json!({ "kind": "bound" }));
    assert!(other["kind"] == "bound" && other.contains_key("cue_distance") && !other.contains_key("mask_fraction"));
}

#[test]
fn sets_that_are_absent_are_left_out_and_named_or_end_the_run() {
    for (kind, made, absent, undecided) in
        [("mil", "bit_pattern", "fox", "mil/sets_won_of_four"), ("uci_suite", "iris", "uci", "rank/place.hopfield")]
    {
        let mut config = kinds().into_iter().find(|config| config["kind"] == kind).unwrap();
        config["datasets"] = json!([absent, made]);
        let entry = registry::standard().get("hopfield").unwrap();
        let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: 0 };
        let refused = entry.start(&config, &lab).err().unwrap().to_string();
        assert!(refused.contains("is not here") && refused.contains("engram data"), "{kind}: {refused}");
        config["leave_out_absent"] = json!(true);
        let heard = start(&config, 0).run_out();
        let warning = format!("Not on this machine and left out: {absent}.");
        assert!(heard.warnings.contains(&warning), "{kind}: {:?}", heard.warnings);
        // A claim about all of them has no value then.
        assert!(heard.summary[undecided].is_nan(), "{kind}");
        config["datasets"] = json!([absent]);
        assert!(entry.start(&config, &lab).err().unwrap().to_string().contains("engram data list"), "{kind}");
        // What may be left out is not fetched.
        assert_eq!(entry.estimates(&config).unwrap().datasets, Vec::<String>::new(), "{kind}");
    }
}

/// Numbers of no meaning in the layout of fox: 200 bags, the first 120 of 7 instances and the others of 6, of 230 features.
#[test]
fn an_imported_set_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..200).flat_map(|bag| (0..if bag < 120 { 7 } else { 6 }).map(move |instance| (bag, instance)));
    let text: String = rows.map(|(bag, instance)| format!("{},{bag}{}\n", bag % 2, format!(",{instance}").repeat(230))).collect();
    let (file, data) = (folder.path().join("fox.csv"), folder.path().join("data"));
    std::fs::write(&file, text).unwrap();
    lab::datasets::import::import("fox", &[file], &data, &Default::default()).unwrap();
    let mut config = kinds().into_iter().find(|config| config["kind"] == "mil").unwrap();
    for (name, value) in [("datasets", json!(["fox", "tiger"])), ("leave_out_absent", json!(true)), ("epochs", json!(1))] {
        config[name] = value;
    }
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: vec![data], seed: 0 };
    let heard = Drive::start_in("hopfield", &config, lab).run_out();
    assert!(heard.warnings.contains(&"Not on this machine and left out: tiger.".to_owned()), "{:?}", heard.warnings);
    assert!(heard.summary.contains_key("auc/test_fox.hopfield"), "{:?}", heard.summary);
}

fn summary(preset: &str, given: Value, seed: u64) -> BTreeMap<String, f64> {
    summary_of("hopfield", &config(preset, given), seed)
}

#[test]
fn digits_come_back_from_their_upper_half() {
    // References of an independent implementation: 1.00, 1.00, 0.88, 0.61 after one update at beta = 2.
    for (count, reference) in [(10, 1.0), (50, 1.0), (200, 0.88), (1_000, 0.61)] {
        let found = summary("glance", json!({ "num_patterns": count, "probes": count, "max_steps": 1 }), 0)["retrieval/identified.modern"];
        assert!((found - reference).abs() <= 0.05, "{count}: {found}");
    }
}

#[test]
fn the_capacity_grows_exponentially() {
    let found = summary("growth_quick", json!({ "max_patterns": 8_192, "dims": [8, 16, 24, 32, 40, 48], "replicas": 3 }), 0);
    assert!(found["capacity/fit_r2.exponential"] > 0.95, "{found:?}");
}

#[test]
fn the_quick_presets_judge_their_claims() {
    let capacity = summary("quick", json!({}), 0);
    let held = |arm: &str| capacity[&format!("capacity/patterns.{arm}")];
    assert!(held("classical") < 0.2 * 64.0 && held("dense3") < held("dense4") && held("dense4") < held("modern"), "{capacity:?}");
    let bound = summary("bound_quick", json!({ "replicas": 1 }), 0);
    assert_eq!(bound["bound/violations"], 0.0);
    assert!(bound["bound/second_move"] <= 1e-5, "{bound:?}");
    assert_eq!(summary("beta_scan_clustered", json!({}), 0)["regime/seen"], 3.0);
}

#[test]
fn hopfield_pooling_finds_the_telling_instance() {
    // References of an independent implementation at 800 bags, 5 folds, 40 epochs: hopfield 1.000 and 0.985, mean 0.808 and 0.868.
    let found = summary("mil_standard", json!({}), 0);
    for set in ["bit_pattern", "digits_bags"] {
        let auc = |arm: &str| found[&format!("auc/test_{set}.{arm}")];
        assert!(auc("hopfield") >= 0.97, "{set}: {}", auc("hopfield"));
        assert!(auc("hopfield") - auc("mean") >= 0.08, "{set}: {} {}", auc("hopfield"), auc("mean"));
    }
}

#[test]
fn a_layer_learns_to_associate_two_sets() {
    let found = summary("association_quick", json!({}), 0);
    let accuracy = |arm: &str| found[&format!("accuracy/test.{arm}")];
    assert!(accuracy("hopfield") > 0.9 * found["accuracy/oracle"], "{found:?}");
    assert!(accuracy("hopfield") - accuracy("mean") > 0.5, "{found:?}");
}

#[test]
fn hopfield_pooling_finds_a_rare_motif() {
    let found = summary("repertoire_quick", json!({ "arms": ["hopfield", "mean"], "epochs": 15 }), 0);
    assert!(found["auc/test_repertoire.hopfield"] >= 0.97 && found["auc/test_repertoire.hopfield-mean"] > 0.0, "{found:?}");
    // 1 % of the sequences carry the motif; most of the weight lies on them.
    assert!(found["key_weight/repertoire.hopfield"] > 0.5, "{found:?}");
}

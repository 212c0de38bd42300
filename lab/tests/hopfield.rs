//! Every kind of the Hopfield experiment, driven as the engine drives it: resuming, threads, what it says, and what it finds.

mod support;

use lab::{Lab, registry};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{Config, Drive, Heard, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after, summary_of};

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
    for (kind, array, measure, loss, place) in [
        ("association", "association/mean/parameters", "accuracy/test", "loss/train", "the norm of the states"),
        ("repertoire", "repertoire/mean/parameters", "auc/test_repertoire", "loss/repertoire", "the filters"),
        ("mil", "mil/bit_pattern/0/mean/parameters", "auc/test_bit_pattern", "loss/bit_pattern", "the embedding"),
    ] {
        let config = kinds().into_iter().find(|config| config["kind"] == kind).unwrap();
        let heard = spoilt_after("hopfield", &config, 1, array, f32::INFINITY);
        let [warning] = &heard.warnings[..] else { panic!("{kind}: {:?}", heard.warnings) };
        assert!(warning.contains("Arm mean has diverged at step 2"), "{kind}: {warning}");
        assert!(warning.contains(&format!("the first number that is not finite is in {place}.")), "{kind}: {warning}");
        assert!(heard.series(loss, "mean").iter().any(|(step, loss)| *step == 2 && !loss.is_finite()), "{kind}");
        assert!(heard.series(loss, "hopfield").iter().all(|(_, loss)| loss.is_finite()), "{kind}");
        let result = |arm: &str| heard.summary[&format!("{measure}.{arm}")];
        assert!(result("mean").is_nan() && result("hopfield").is_finite(), "{kind}");
        assert_undisturbed("hopfield", &config, &heard, "hopfield");
    }
}

#[test]
fn a_deep_net_that_diverges_is_told_and_trained_no_further() {
    let config = kinds().into_iter().find(|config| config["kind"] == "heads").unwrap();
    let heard = spoilt_after("hopfield", &config, 5, "heads/parameters", f32::NAN);
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("diverged at step 6") && warning.contains("not finite is in the embedding."), "{warning}");
    let losses: Vec<_> = heard.points.iter().filter(|point| point.name == "loss/patches").collect();
    assert!(losses.len() == 1 && losses[0].step == 6 && losses[0].value.0.is_nan(), "{losses:?}");
    assert!(heard.summary["loss/patches_test"].is_nan());
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
    for set in ["musk1", "musk2", "elephant", "fox", "tiger", "ucsb_breast_cancer", "upload"] {
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

#[test]
fn the_lowest_validation_loss_chooses_the_recipe_of_every_fold() {
    let mut config = kinds().into_iter().find(|config| config["kind"] == "mil").unwrap();
    let alone = |rate: f64| {
        let mut config = config.clone();
        config["learning_rate"] = json!(rate);
        start(&config, 0).run_out()
    };
    let losses = |heard: &Heard| -> BTreeMap<String, f64> {
        let table = String::from_utf8(heard.artifacts.iter().find(|file| file.path == "mil.csv").unwrap().bytes.clone()).unwrap();
        let rows = table.lines().skip(1).map(|row| row.rsplit_once(',').unwrap());
        rows.map(|(row, loss)| (row.split(',').take(3).collect::<Vec<_>>().join(","), loss.parse().unwrap())).collect()
    };
    let (fast, slow) = (losses(&alone(0.05)), losses(&alone(0.001)));
    config["learning_rate_choices"] = json!([0.05, 0.001]);
    let both = start(&config, 0).run_out();
    for (place, loss) in losses(&both) {
        assert_eq!(loss, fast[&place].min(slow[&place]), "{place}");
    }
    let choices = both.artifacts.iter().find(|file| file.path == "choices.csv").unwrap();
    let choices = String::from_utf8(choices.bytes.clone()).unwrap();
    assert!(
        choices.starts_with("set,pooling,fold,learning_rate,dropout,beta\nbit_pattern,hopfield,0,") && choices.lines().count() == 25,
        "{choices}"
    );
    (config["dropout_choices"], config["beta_choices"]) = (json!([0.0, 0.5]), json!([0.1, 1.0]));
    (config["datasets"], config["learning_rate_decay"]) = (json!(["bit_pattern"]), json!(0.9));
    assert_resumes_at("hopfield", &config, &[4]);
    assert_same_on_any_threads("hopfield", &config);
}

#[test]
fn a_retrieval_at_rest_updates_no_more() {
    let given = |tol: Value| config("glance", json!({ "mask_fraction": 0.1, "beta": 8.0, "max_steps": 60, "tol": tol }));
    let all = start(&given(Value::Null), 0).run_out();
    let stopped = start(&given(json!(1e-9)), 0).run_out();
    let moved = |heard: &Heard| heard.series("retrieval/movement", "modern");
    let updates = stopped.summary["retrieval/updates.modern"] as usize;
    assert!((2..60).contains(&updates) && all.summary["retrieval/updates.modern"] == 60.0, "{updates}");
    assert_eq!(moved(&stopped), moved(&all)[..updates]);
    assert!(moved(&stopped)[updates - 1].1 <= 1e-9 && moved(&stopped)[updates - 2].1 > 1e-9);
    assert!(stopped.said.iter().any(|line| line.contains(&format!("at rest after update {updates}"))));
    assert_eq!(stopped.summary["retrieval/identified.modern"], all.summary["retrieval/identified.modern"]);
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
fn a_hopfield_layer_that_looks_up_keeps_up_with_a_perceptron() {
    let seeds: Vec<_> = (0..3).map(|seed| summary("uci_quick", json!({ "arms": ["hopfield", "mlp"] }), seed)).collect();
    for table in ["iris", "wine", "breast_cancer"] {
        let difference = seeds.iter().map(|found| found[&format!("accuracy/test_{table}.hopfield-mlp")]).sum::<f64>() / 3.0;
        assert!(difference.abs() <= 0.02, "{table}: {difference}");
    }
}

#[test]
fn hopfield_pooling_finds_a_rare_motif() {
    let found = summary("repertoire_quick", json!({ "arms": ["hopfield", "mean"], "epochs": 15 }), 0);
    assert!(found["auc/test_repertoire.hopfield"] >= 0.97 && found["auc/test_repertoire.hopfield-mean"] > 0.0, "{found:?}");
    // 1 % of the sequences carry the motif; most of the weight lies on them.
    assert!(found["key_weight/repertoire.hopfield"] > 0.5, "{found:?}");
}

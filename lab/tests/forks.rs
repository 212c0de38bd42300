//! Forks of every experiment: without a change they are the rest of the parent, and every field that may change says something.

mod support;

use lab::{fork::forkable_fields, registry};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::{Config, Drive};

/// A small run and the fields that change at its fork, each to another value.
struct Case {
    experiment: &'static str,
    config: Config,
    /// Where the fork is made.
    step: u64,
    changes: Value,
}

fn case(experiment: &'static str, preset: &str, given: Value, step: u64, changes: Value) -> Case {
    Case { experiment, config: support::config(experiment, preset, &given), step, changes }
}

fn cases() -> Vec<Case> {
    let g2gnet = json!({
        "hidden_width": 64, "epochs": 6, "arms": ["dense", "g2g_hebb", "g2g_set", "er_rigl"], "p_intra": 0.5, "sparsity": 0.6, "dst_every": 10,
        "dst_fraction": 0.5, "weight_decay": 0.01
    });
    let g2gnet_changes = json!({
        "dst_every": 12, "dst_fraction": 0.1, "dst_anneal": false, "dst_stop_frac": 0.5, "hebb_measure": "cosine", "hebb_window": 2,
        "protect_intra": true, "grow_scope": "inter", "allow_regrow_pruned": true, "learning_rate": 0.01, "weight_decay": 0.1, "epochs": 8
    });
    let homeostatic = json!({
        "epochs": 2, "hidden_widths": [20, 12], "arms": ["lrh", "lrc", "lrr", "lrc_tuned"], "learning_rate": 0.02,
        "learning_rate_step_fraction": 0.5, "shift_rates": [3]
    });
    let homeostatic_changes = json!({
        "epochs": 3, "tuned_learning_rate": 0.2, "learning_rate_step_fraction": 0.1, "learning_rate_floor": 0.01, "decision_interval": 3,
        "decision_gradient": "batch", "class_effects": [1, 1, 1, 1, 1, -1, -1, -1, -1, -1]
    });
    let nhl = json!({
        "corruptions": ["gaussian_noise", "contrast"], "source_samples": 1000, "source_epochs": 2, "test_samples": 210, "adapt_batch_size": 40,
        "channels": [6, 8, 8], "modulator_steps": 2
    });
    let nhl_changes = json!({
        "source_learning_rate": 0.01, "hebb_learning_rate": 0.1, "hebb_temperature": 1.0, "hebb_rule": "anti", "modulator_learning_rate": 0.1,
        "modulator_steps": 3, "tent_learning_rate": 0.1, "continual": true, "predict_after_update": false
    });
    let hopfield = |given: Value, step: u64, changes: Value| case("hopfield", "none", given, step, changes);
    let association =
        json!({ "kind": "association", "set_size": 5, "dim": 6, "classes": 3, "batch_size": 4, "steps": 55, "test_samples": 8 });
    let mil = json!({ "kind": "mil", "num_bags": 40, "folds": 3, "epochs": 3, "batch_size": 8, "instances_per_bag": 6, "hidden_width": 8, "num_heads": 2 });
    let repertoire = json!({
        "kind": "repertoire", "train_samples": 16, "instances_per_bag": 200, "shortest_sequence": 6, "longest_sequence": 8, "motif_length": 3,
        "filters": 16, "batch_size": 4, "epochs": 3
    });
    let heads = json!({
        "kind": "heads", "dataset": "digits", "patch_side": 2, "train_samples": 50, "test_samples": 10, "hidden_width": 8, "num_heads": 2,
        "batch_size": 6, "steps": 12
    });
    let variational = json!({ "epochs_per_task": 1, "tasks": 2, "hidden_width": 16 });
    let variational_changes =
        json!({ "learning_rate": 0.05, "kl_weight": 5.0, "baseline_learning_rate": 0.05, "meta": 1.0, "ewc_lambda": 5_000.0 });
    let pavlovian = |given: Value, step: u64, changes: Value| case("pavlovian", "none", given, step, changes);
    let trained = json!({
        "kind": "task", "task": "reversal", "rules": ["hebb", "decay", "delta"], "pairs": [2, 4], "key_dims": [6], "value_dim": 6, "vocab_keys": 8,
        "vocab_values": 6, "steps": 6, "batch_size": 10, "test_samples": 9
    });
    let multitasking = |given: Value, step: u64| case("multitasking", "none", given, step, json!({}));
    let dense = |given: Value, step: u64| case("dense_rsb", "none", given, step, json!({}));
    vec![
        dense(
            json!({
                "kind": "capacity", "orders": [3, 4], "neurons": [40, 24], "loads": [0.5, 1.5], "temperatures": [0.0, 0.3], "theory_orders": [4],
                "samples": 5, "sweeps": 20
            }),
            3,
        ),
        dense(json!({ "kind": "phase", "load_points": 5, "temperature_points": 4 }), 4),
        dense(json!({ "kind": "basin", "neurons": [60, 30, 20], "start_overlaps": [0.2, 0.8], "samples": 5 }), 2),
        dense(json!({ "kind": "scaling", "orders": [3], "neurons": [20], "sizes": 2, "loads": [0.5, 2.0, 4.0], "samples": 6 }), 5),
        dense(
            json!({
                "kind": "glass", "neurons": [60, 30, 20], "loads": [0.3, 0.9], "samples": 5, "split_temperatures": [0.5], "split_orders": [2, 3],
                "replicas": 3, "replica_sweeps": 20
            }),
            3,
        ),
        dense(json!({ "kind": "detect", "neurons": 30, "noises": [0.0, 1.0], "samples": 5 }), 3),
        case("g2gnet", "glance", g2gnet, 13, g2gnet_changes),
        case("homeostatic", "glance", homeostatic, 100, homeostatic_changes),
        case("nhl", "glance", nhl, 5, nhl_changes),
        case("variational_continual", "glance", variational, 5, variational_changes),
        multitasking(json!({ "kind": "amplitudes", "neurons": 400, "dilutions": [0.0, 0.3], "samples": 5, "sweeps": 12, "burn_in": 4 }), 1),
        multitasking(
            json!({ "kind": "temperature", "neurons": 3_000, "temperatures": [0.1, 0.3], "dilutions": [0.9], "samples": 4, "dynamics": "lumped" }),
            1,
        ),
        multitasking(json!({ "kind": "phase", "dilution_points": 6, "temperature_points": 5 }), 2),
        multitasking(json!({ "kind": "learning", "neurons": 300, "examples": [5, 100], "dilutions": [0.0, 0.3], "samples": 3 }), 1),
        multitasking(json!({ "kind": "loss", "neurons": 500, "sweeps": 8 }), 3),
        multitasking(json!({ "kind": "picture", "side": 20, "temperature": 0.1, "sweeps": 6 }), 2),
        multitasking(json!({ "kind": "growth", "neurons": [150, 500], "samples": 5 }), 1),
        pavlovian(
            json!({ "kind": "capacity", "key_dims": [8, 16], "value_dim": 12, "loads": [0.5, 2], "trials": 6, "search_trials": 60 }),
            7,
            json!({}),
        ),
        pavlovian(json!({ "kind": "rules", "key_dim": 12, "value_dim": 6, "pairs": [5, 20], "trials": 5 }), 2, json!({})),
        pavlovian(
            json!({ "kind": "depth", "key_dim": 32, "pairs": [4, 12], "layers": 3, "map_widths": [16, 64], "trials": 6 }),
            8,
            json!({}),
        ),
        pavlovian(json!({ "kind": "heads", "key_dim": 8, "value_dim": 8, "pairs": 8, "heads": [1, 2, 4], "trials": 6 }), 3, json!({})),
        pavlovian(json!({ "kind": "conditioning" }), 12, json!({})),
        pavlovian(trained, 4, json!({ "learning_rate": 0.05 })),
        hopfield(json!({ "kind": "retrieve", "num_patterns": 30, "probes": 20 }), 2, json!({ "max_steps": 9, "tol": 0.1 })),
        hopfield(json!({ "kind": "capacity", "dim": 33, "max_patterns": 64, "probes": 20, "replicas": 2 }), 3, json!({})),
        hopfield(json!({ "kind": "capacity_growth", "dims": [8, 12, 16], "probes": 32, "replicas": 2 }), 3, json!({})),
        hopfield(json!({ "kind": "beta_scan", "num_patterns": 24, "probes": 24, "dim": 16, "betas": 5, "max_steps": 50 }), 2, json!({})),
        hopfield(json!({ "kind": "bound", "dims": [16], "pattern_counts": [20], "betas": [8, 40], "probes": 24 }), 1, json!({})),
        hopfield(association, 20, json!({ "learning_rate": 0.1, "weight_decay": 0.5, "steps": 60 })),
        hopfield(repertoire, 5, json!({ "learning_rate": 0.1, "weight_decay": 0.5, "epochs": 4 })),
        hopfield(heads, 5, json!({ "learning_rate": 0.1, "weight_decay": 0.5, "steps": 14 })),
        hopfield(mil, 4, json!({ "dropout": 0.5, "learning_rate": 0.1, "learning_rate_decay": 0.5, "weight_decay": 0.5, "epochs": 4 })),
        hopfield(
            json!({ "kind": "uci_suite", "datasets": ["iris"], "folds": 2, "hidden_width": 8, "epochs": 3, "trees": 5 }),
            1,
            json!({}),
        ),
    ]
}

fn whole_of(case: &Case) -> (Drive, Vec<u8>) {
    let mut drive = Drive::start(case.experiment, &case.config, 3);
    drive.run_to(case.step);
    let checkpoint = drive.save();
    (drive, checkpoint)
}

#[test]
fn a_fork_without_a_change_is_the_rest_of_its_parent_bit_for_bit() {
    let mut driven = BTreeSet::new();
    for case in cases() {
        let entry = registry::standard().get(case.experiment).unwrap();
        let (parent, checkpoint) = whole_of(&case);
        let config = entry.complete_fork(&case.config, &Config::new()).unwrap();
        let fork = parent.fork(&checkpoint, &config).run_out();
        let before = parent.heard().said.len();
        let whole = parent.run_out();
        assert_eq!(fork.said, whole.said[before..], "{} {}", case.experiment, case.config.get("kind").unwrap_or(&Value::Null));
        let bits = |heard: &support::Heard| heard.summary.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect::<Vec<_>>();
        let is_of_clock = |name: &str| lab::record::is_clock_name(name);
        let told = |heard: &support::Heard| bits(heard).into_iter().filter(|(name, _)| !is_of_clock(name)).collect::<Vec<_>>();
        assert_eq!(told(&fork), told(&whole), "{}", case.experiment);
        driven.insert((case.experiment, case.config.get("kind").map(Value::to_string)));
    }
    for entry in registry::standard().entries() {
        match entry.config_schema.get("oneOf").and_then(Value::as_array) {
            None => assert!(driven.contains(&(entry.card.id, None)), "{} is not driven", entry.card.id),
            Some(kinds) => {
                for kind in kinds.iter().map(|branch| branch["properties"]["kind"]["const"].to_string()) {
                    assert!(driven.contains(&(entry.card.id, Some(kind.clone()))), "{} {kind} is not driven", entry.card.id);
                }
            }
        }
    }
}

#[test]
fn every_field_that_may_change_is_one_that_says_something_after_the_fork() {
    for case in cases() {
        let entry = registry::standard().get(case.experiment).unwrap();
        let changes = case.changes.as_object().unwrap();
        let free: BTreeSet<String> = forkable_fields(&entry.config_schema, &case.config).into_iter().collect();
        assert_eq!(free, changes.keys().cloned().collect(), "{} {:?}", case.experiment, case.config.get("kind"));
        let (parent, checkpoint) = whole_of(&case);
        let end_of = |mut drive: Drive| {
            drive.run_to(drive.total_steps());
            (drive.save(), drive.heard().said.clone())
        };
        let unchanged = end_of(parent.fork(&checkpoint, &case.config));
        for (field, value) in changes {
            let given = Config::from_iter([(field.clone(), value.clone())]);
            let config = entry.complete_fork(&case.config, &given).unwrap_or_else(|faults| panic!("{}: {faults}", case.experiment));
            assert_ne!(end_of(parent.fork(&checkpoint, &config)), unchanged, "{} {field} changes nothing", case.experiment);
        }
    }
}

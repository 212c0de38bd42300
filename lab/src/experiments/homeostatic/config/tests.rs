//! What a config of `homeostatic` is told.

use super::*;
use crate::config::testing::{assert_faults, assert_told_why, faults_of};
use serde_json::{Value, json};

fn details(given: Value) -> Vec<String> {
    faults_of::<HomeostaticConfig>(&given)
}

#[test]
fn every_fault_is_named_at_once() {
    let given = json!({
        "dataset": "cifar10", "train_samples": 20_005, "epochs": 0, "hidden_widths": [80, 2], "learning_rate": 0,
        "tuned_learning_rate": 2, "learning_rate_step_fraction": -1, "decision_interval": 0, "memory_size": 1_001,
        "decision_gradient": "half", "class_effects": [1, 2], "shift_rates": [8, 2_001], "shift_schedule": "weekly",
        "bias_init_std": 11, "arms": ["lrx"], "season": 3
    });
    let expected = [
        ("/dataset", "must be one of digits, fashion_mnist, mnist; got \"cifar10\""),
        ("/epochs", "must be between 1 and 200; got 0"),
        ("/hidden_widths/1", "must be between 4 and 1024; got 2"),
        ("/learning_rate", "must be between 0.000001 and 1; got 0"),
        ("/tuned_learning_rate", "must be between 0.000001 and 1; got 2"),
        ("/learning_rate_step_fraction", "must be between 0 and 10; got -1"),
        ("/decision_interval", "must be between 1 and 1000; got 0"),
        ("/memory_size", "must be between 1 and 1000; got 1001"),
        ("/decision_gradient", "must be one of first_sample, batch; got \"half\""),
        ("/class_effects", "must have 10 entries, each -1, 0 or 1; got [1, 2]"),
        ("/shift_schedule", "must be one of constant, seasonal, ramp, dynamic"),
        ("/bias_init_std", "must be between 0 and 10; got 11"),
        ("/arms/0", "must be one of lrh, lrc, lrr, lrc_tuned, adam; got \"lrx\""),
        ("/season", "did you mean"),
        ("/shift_rates", "must be between 0 and the number of batches in an epoch (2000); got 2001"),
    ];
    // The data set is at fault, so nothing is said of the number of its images.
    assert_faults::<HomeostaticConfig>(&given, &expected);
}

#[test]
fn what_is_out_of_bounds_is_told_why() {
    let cases = [
        ("learning_rate_step_fraction", json!(-1), "0 freezes the rate: lrh then equals lrc"),
        ("learning_rate_floor", json!(2), "at most learning_rate (0.001)"),
        ("memory_size", json!(1_001), "smaller than train_samples (20000)"),
        ("shift_rates", json!([60_001]), "at most the batches of an epoch, one for every 10 images"),
        (
            "shift_rate_low",
            json!(60_001),
            "at most the batches of an epoch, and only used when shift_schedule is seasonal, ramp or dynamic",
        ),
        ("season_epochs", json!(201), "at most epochs (6), and only used when shift_schedule is seasonal or dynamic"),
    ];
    for (field, value, reason) in cases {
        assert_told_why::<HomeostaticConfig>(None, field, &value, reason);
    }
}

#[test]
fn single_rules() {
    let multiple = "/train_samples must be a multiple of batch_size (10) between 1000 and 60000; got";
    for samples in [20_005, 990, 60_010] {
        assert!(details(json!({ "train_samples": samples }))[0].starts_with(multiple), "{samples}");
    }
    assert!(details(json!({ "dataset": "digits", "memory_size": 1_000 }))[0].contains("between 1000 and 1438; got 20000"));
    assert!(details(json!({ "learning_rate_floor": 0.01 }))[0].contains("must be between 0 and learning_rate (0.001); got 0.01"));
    assert!(details(json!({ "train_samples": 1_000, "memory_size": 1_000 }))[0].contains("smaller than train_samples (1000); got 1000"));
    assert!(details(json!({ "arms": [] }))[0].starts_with("/arms"));
    let unused = details(json!({ "shift_rate_low": 9_999, "season_epochs": 9 }));
    assert_eq!(
        unused,
        [
            "/shift_rate_low is only used when shift_schedule is seasonal, ramp or dynamic; leave it at 0; got 9999",
            "/season_epochs is only used when shift_schedule is seasonal or dynamic; leave it at 3; got 9"
        ]
    );
    let found = details(json!({ "shift_schedule": "seasonal", "shift_rate_low": 9_999, "season_epochs": 9 }));
    assert!(found[0].contains("number of batches in an epoch (2000); got 9999") && found[1].contains("between 1 and epochs (6); got 9"));
    assert!(details(json!({ "shift_schedule": "ramp", "season_epochs": 9 }))[0].starts_with("/season_epochs is only used when"));
    assert_eq!(details(json!({ "shift_schedule": "ramp", "shift_rate_low": 9 })), [""; 0]);
}

#[test]
fn arms_are_named_after_their_world_where_there_are_several() {
    let names = |config: HomeostaticConfig| config.worlds().into_iter().map(|(_, suffix)| suffix).collect::<Vec<_>>();
    let config = HomeostaticConfig::default();
    assert_eq!(names(config.clone()), [""]);
    assert_eq!(names(HomeostaticConfig { shift_rates: vec![0, 8], ..config.clone() }), ["_s0", "_s8"]);
    let dynamic = HomeostaticConfig { shift_schedule: ShiftSchedule::Dynamic, ..config };
    assert_eq!(names(dynamic.clone()), ["_seasonal", "_ramp"]);
    assert_eq!(names(HomeostaticConfig { shift_rates: vec![1, 2], ..dynamic })[..2], ["_s1_seasonal", "_s1_ramp"]);
}

//! What a config of `g2gnet` is told.

use super::*;
use crate::config::complete;
use crate::config::testing::{assert_faults, assert_told_why, faults_of};
use serde_json::{Map, Value, json};

fn details(given: Value) -> Vec<String> {
    faults_of::<G2gNetConfig>(&given)
}

#[test]
fn defaults_are_valid_and_partial_configs_are_completed() {
    let given = json!({ "groups": 16, "sparsity": 0.9 });
    let (config, complete) = complete::<G2gNetConfig>(&Map::new(), given.as_object().unwrap()).unwrap();
    assert_eq!((config.groups, config.hidden_width), (16, 512));
    assert_eq!(complete["grouping"], "mixer");
}

#[test]
fn every_fault_is_named_at_once() {
    let given = json!({
        "arms": ["g2g"], "hidden_width": 500, "sparsity": 0.9, "hebb_window": 20, "dst_every": 10, "dataset": "digits",
        "epochs": 0, "groupings": "mixer"
    });
    let expected = [
        ("/epochs", "1"),
        ("/groupings", "did you mean `grouping`?"),
        ("/arms", "a comparison needs two arms"),
        ("/train_samples", "must be between 1000 and 1151 for digits; got 20000"),
        ("/hidden_width", "hidden_width must be a multiple of groups (8); nearest are 496 and 504"),
        ("/sparsity", "with 8 groups fully wired inside, at most 87.5 % sparsity is possible"),
        ("/hebb_window", "window longer than dst_every (10); got 20"),
    ];
    assert_faults::<G2gNetConfig>(&given, &expected);
}

#[test]
fn what_is_out_of_bounds_is_told_why() {
    let cases = [
        ("hidden_width", json!(63), "a multiple of groups (8), of which each needs at least 4 units"),
        ("groups", json!(65), "each group needs at least 4 units: lower groups or widen"),
        ("tile_groups", json!(1), "each group needs at least 4 units: lower tile_groups or widen"),
        ("tile_fan_in", json!(0), "K must be 1..G (16); K=G is dense"),
        ("p_intra", json!(1.5), "0 would leave units with no input"),
        ("sparsity", json!(1), "with 8 groups fully wired inside, at most 1 - 1/8 is possible"),
        ("dst_every", json!(9), "one longer than the run would never rewire"),
        ("dst_fraction", json!(0.6), "above 0.5 the layer is mostly untrained weights"),
        ("dst_stop_frac", json!(-0.1), "0 disables rewiring"),
        ("hebb_window", json!(51), "a window must not be longer than dst_every (100)"),
    ];
    for (field, value, reason) in cases {
        assert_told_why::<G2gNetConfig>(None, field, &value, reason);
    }
}

#[test]
fn single_rules() {
    assert!(details(json!({ "groups": 64, "hidden_width": 128, "sparsity": 0.5 }))[0].contains("at least 4 units"));
    assert!(details(json!({ "p_intra": 0 }))[0].contains("no input"));
    assert!(details(json!({ "p_intra": 0.5, "sparsity": 0.01 }))[0].contains("at least 6.250 %"));
    assert!(details(json!({ "batch_size": 2000, "train_samples": 1000 }))[0].contains("at most the number of training images, 1000"));
    assert!(details(json!({ "arms": ["g2g", "g2g"] }))[0].contains("must not repeat"));
    assert!(details(json!({ "learning_rate_choices": [0.1, 3] }))[0].starts_with("/learning_rate_choices/1"));
}

#[test]
fn rules_of_tiles_hold_where_there_are_tiles() {
    let given = json!({
        "arms": ["dense", "custom"], "hidden_width": 72, "tile_groups": 12, "tile_fan_in": 13, "p_intra": 0.9, "dataset": "cifar10",
        "train_samples": 50_000, "custom": { "layout": "tile", "grow_rule": "gradient" }
    });
    let expected = [
        ("/train_samples", "must be between 1000 and 45000 for cifar10; got 50000"),
        ("/tile_fan_in", "K must be 1..G (12); K=G is dense; got 13"),
        ("/p_intra", "tile needs p_intra = 1"),
        ("/custom", "gradient is not available for tile layout"),
    ];
    assert_faults::<G2gNetConfig>(&given, &expected);
    assert!(details(json!({ "hidden_width": 200 }))[0].contains("multiple of tile_groups (16); nearest are 192 and 208"));
    assert!(details(json!({ "hidden_width": 200, "arms": ["er", "g2g"] })).is_empty());
    assert!(details(json!({ "custom": { "prune_rule": "small" } }))[0].starts_with("/custom/prune_rule"));
    assert!(details(json!({ "encoder": "patch16", "hidden_width": 64, "groups": 16 })).is_empty());
}

#[test]
fn densities_and_the_narrow_width() {
    let mut config = G2gNetConfig { sparsity: 0.75, ..G2gNetConfig::default() };
    assert!((config.p_inter() - 0.142857).abs() < 1e-6);
    config.sparsity = 0.9;
    assert!((config.p_inter() + 0.02857).abs() < 1e-5);
    assert_eq!(config.narrow_widths(170_035), [784, 176, 176, 10]);
    assert_eq!(config.total_steps(), 468);
}

//! What a config of `nhl` is told.

use super::*;
use crate::config::testing::{assert_faults, assert_told_why, faults_of};
use serde_json::{Value, json};

fn details(given: Value) -> Vec<String> {
    faults_of::<NhlConfig>(&given)
}

#[test]
fn every_fault_is_named_at_once() {
    let given = json!({
        "arms": ["nhl", "nhl"], "corruptions": ["rain"], "severities": [6], "adapt_batch_size": 1, "channels": [2, 24, 1000],
        "dataset": "digits", "hebb_temperature": 0, "modulator": "second_layer", "tent_learning_rat": 1, "continual": "no"
    });
    let expected = [
        ("/arms/1", "must not repeat"),
        ("/corruptions/0", "must be one of gaussian_noise"),
        ("/severities/0", "must be between 1 and 5; got 6"),
        ("/adapt_batch_size", "must be between 2 and 1000; got 1"),
        ("/channels/0", "must be between 4 and 512; got 2"),
        ("/channels/2", "must be between 4 and 512; got 1000"),
        ("/hebb_temperature", "must be between 0.01 and 10; got 0"),
        ("/modulator", "must be one of first_layer, all_layers, none"),
        ("/tent_learning_rat", "did you mean `tent_learning_rate`?"),
        ("/continual", "must be true or false"),
        ("/source_samples", "must be between 1000 and 1438 for digits; got 12000"),
        ("/test_samples", "must be between 200 and 359 for digits; got 2000"),
    ];
    assert_faults::<NhlConfig>(&given, &expected);
}

#[test]
fn what_is_out_of_bounds_is_told_why() {
    let cases = [("adapt_batch_size", json!(1), "batch statistics need at least 2; below 16 expect collapse")];
    for (field, value, reason) in cases {
        assert_told_why::<NhlConfig>(None, field, &value, reason);
    }
}

#[test]
fn single_rules() {
    assert!(details(json!({})).is_empty());
    assert!(details(json!({ "dataset": "cifar10", "corruption_source": "official", "corruptions": ["snow"] })).is_empty());
    assert!(details(json!({ "corruptions": ["snow"] }))[0].contains("unknown corruption snow for fashion_mnist; known: gaussian_noise,"));
    assert!(details(json!({ "corruption_source": "official" }))[0].contains("for cifar10 only; got fashion_mnist"));
    assert!(details(json!({ "arms": ["nhl"] }))[0].contains("a comparison needs two arms"));
    assert!(details(json!({ "modulator": "none" }))[0].contains("the arm modulator needs a modulator"));
    assert!(details(json!({ "test_samples": 300, "adapt_batch_size": 301 }))[0].contains("at most the number of test images, 300"));
    assert!(details(json!({ "channels": [12, 24] }))[0].starts_with("/channels"));
    assert!(details(json!({ "severities": [] }))[0].starts_with("/severities"));
}

#[test]
fn sizes_of_a_run() {
    let quick = NhlConfig::default();
    assert_eq!((quick.source_steps(), quick.batches(), quick.all_corruptions().len()), (240, 20, 9));
    let colour = NhlConfig { dataset: DataSet::Cifar10, ..quick };
    assert_eq!((colour.first_kernel(), colour.all_corruptions().len(), colour.adapt_batch(), colour.batches()), (3, 15, 200, 10));
    assert_eq!(NhlConfig { adapt_batch_size: Some(40), ..colour }.batches(), 50);
}

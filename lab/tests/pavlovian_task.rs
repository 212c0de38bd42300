//! The trained sequence model beside what an independent implementation measured: recall, reversal, one block and two.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::{config, summary_of};

/// The summary of a run of a preset with changes, seed 0.
fn run(preset: &str, given: Value) -> BTreeMap<String, f64> {
    summary_of("pavlovian", &config("pavlovian", preset, &given), 0)
}

/// Prints accuracies beside those expected and asserts that they lie within `allowed` of them.
#[allow(clippy::print_stdout)]
fn assert_accuracies(found: &BTreeMap<String, f64>, rule: &str, expected: &[(usize, f64)], allowed: f64) {
    for (pairs, expected) in expected {
        let accuracy = found[&format!("accuracy/test_n{pairs}.{rule}")];
        println!("{rule}, n {pairs}: {accuracy:.3}, expected {expected}");
        assert!((accuracy - expected).abs() <= allowed, "{rule}, n {pairs}: {accuracy}, expected {expected}");
    }
}

#[test]
fn a_sequence_model_learns_to_recall() {
    let found = run("task_quick", json!({ "pairs": [4, 8, 16, 32], "steps": 600 }));
    assert_accuracies(&found, "hebb", &[(4, 0.998), (8, 1.0), (16, 0.979), (32, 0.854)], 0.03);
    assert_accuracies(&found, "delta", &[(4, 1.0), (8, 0.986), (16, 0.962)], 0.03);
    assert_accuracies(&found, "softmax", &[(4, 1.0), (8, 1.0), (16, 1.0), (32, 1.0)], 0.005);
    // Nothing repeats, and the delta rule gains nothing.
    assert!(found["recall/least_gain.delta-hebb"] < 0.02, "{found:?}");
    // In 400 steps elsewhere 0.795.
    let found = run("task_quick", json!({ "pairs": [32], "rules": ["delta"], "steps": 400 }));
    assert_accuracies(&found, "delta", &[(32, 0.795)], 0.06);
}

#[test]
fn only_rules_that_know_the_order_learn_what_is_newest() {
    let found = run("reversal_quick", json!({}));
    assert_accuracies(&found, "hebb", &[(4, 0.754), (8, 0.758), (16, 0.708)], 0.03);
    assert_accuracies(&found, "softmax", &[(4, 0.751), (8, 0.779), (16, 0.764)], 0.04);
    assert_accuracies(&found, "delta", &[(4, 0.997), (8, 0.990), (16, 0.942)], 0.03);
    assert_accuracies(&found, "decay", &[(4, 0.995), (8, 0.983), (16, 0.912)], 0.03);
    let ceiling = found["reversal/order_blind_ceiling"];
    assert!((ceiling - 0.758).abs() < 2e-4);
    for pairs in [4, 8, 16] {
        let of = |rule: &str| found[&format!("accuracy/test_n{pairs}.{rule}")];
        assert!(of("hebb") < ceiling + 0.04 && of("softmax") < ceiling + 0.04, "{pairs}: {found:?}");
        assert!(of("delta") - of("hebb") >= 0.15 && of("decay") - of("hebb") >= 0.1, "{pairs}: {found:?}");
        // Softmax that knows how old a pair is passes the ceiling too.
        assert!(of("softmax_age") > ceiling + 0.1, "{pairs}: {found:?}");
    }
    assert!(found["reversal/least_gain.delta-hebb"] >= 0.15);
    // Forgetting counts on the old value's being as many pairs older as there are keys; the delta rule does not.
    let random = run("reversal_quick", json!({ "rewritten": "random", "rules": ["decay", "delta"], "pairs": [16] }));
    let lost = |rule: &str| found[&format!("accuracy/test_n16.{rule}")] - random[&format!("accuracy/test_n16.{rule}")];
    assert!(lost("decay") > lost("delta") + 0.03, "{random:?}");
}

#[test]
fn a_second_block_gives_hebb_the_error_term_that_it_lacks() {
    let found = run("reversal_blocks", json!({ "rules": ["hebb"], "pairs": [4, 8] }));
    let ceiling = found["reversal/order_blind_ceiling"];
    for pairs in [4, 8] {
        assert!(found[&format!("accuracy/test_n{pairs}.hebb")] > ceiling + 0.2, "{pairs}: {found:?}");
    }
    // The memory alone, twice, can do it too; without a second block a feed-forward part does not help.
    let short = |given: Value| run("reversal_blocks", given)["accuracy/test_n8.hebb"];
    assert!(short(json!({ "rules": ["hebb"], "pairs": [8], "hidden_width": 0 })) > ceiling + 0.2);
    assert!(short(json!({ "rules": ["hebb"], "pairs": [8], "layers": 1 })) < ceiling + 0.04);
}

#[test]
fn longer_keys_hold_more_pairs() {
    let found = run("task_quick", json!({ "key_dims": [4, 16], "rules": ["hebb"], "steps": 200 }));
    let of = |key_dim: usize| found[&format!("accuracy/test_d{key_dim}_n16.hebb")];
    assert!(of(16) > of(4) + 0.2, "{found:?}");
}

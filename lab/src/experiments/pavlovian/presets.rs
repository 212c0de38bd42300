//! The presets of `pavlovian`.

use crate::experiment::Preset;
use serde_json::{Map, Value, json};

/// Fifteen loads from 1/16 to 4 in steps of equal ratio.
fn fine_loads() -> Vec<f64> {
    (0..15).map(|at| (2f64.powf(-4.0 + 6.0 * f64::from(at) / 14.0) * 1e4).round() / 1e4).collect()
}

/// Every preset, the most telling ones first.
pub fn presets() -> Vec<Preset> {
    let preset = |id, title, description, config, seeds: &[u64], expected_seconds| {
        let config = match config {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Preset { id, title, description, config, seeds: seeds.to_vec(), expected_seconds, needs: None }
    };
    let five = [0, 1, 2, 3, 4];
    let three = [0, 1, 2];
    let every_rule = ["hebb", "decay", "delta", "replay", "oja", "pinv", "softmax"];
    let every_trained = ["hebb", "decay", "delta", "softmax"];
    let with_age = ["hebb", "decay", "delta", "softmax", "softmax_age"];
    vec![
        preset(
            "glance",
            "Glance",
            "Blocking: B, shown with A after A has been learned, is not learned by the delta rule.",
            json!({ "kind": "conditioning" }),
            &[0],
            0.1,
        ),
        preset(
            "quick",
            "Quick",
            "Pairs that a Hebbian memory holds, keys of 16, 64 and 256 numbers, by three criteria beside theory.",
            json!({ "kind": "capacity" }),
            &five,
            0.3,
        ),
        preset(
            "capacity_standard",
            "Capacity, standard",
            "Keys of 16 to 1,024 numbers, 15 loads, 100 trials each.",
            json!({ "kind": "capacity", "key_dims": [16, 32, 64, 128, 256, 512, 1024], "loads": fine_loads(), "trials": 100, "search_trials": 1000 }),
            &five,
            15.0,
        ),
        preset(
            "correlated_standard",
            "Capacity, correlated keys",
            "Keys of a mean cosine of 0.3: the common part adds up, and capacity does not grow with their size.",
            json!({
                "kind": "capacity", "key_dims": [16, 64, 256], "loads": fine_loads(), "key_kind": "correlated", "key_correlation": 0.3,
                "trials": 100, "search_trials": 1000
            }),
            &five,
            1.5,
        ),
        preset(
            "capacity_paper",
            "Capacity, large",
            "Keys of up to 4,096 numbers, 15 loads, 1,000 trials each.",
            json!({
                "kind": "capacity", "key_dims": [16, 64, 256, 1024, 4096], "loads": fine_loads(), "trials": 1000, "search_trials": 2000
            }),
            &[0],
            2_700.0,
        ),
        preset(
            "rules_quick",
            "Rules",
            "16 to 128 pairs of keys of 64 numbers, written by seven rules; what is forgotten first.",
            json!({ "kind": "rules", "rules": every_rule }),
            &five,
            0.1,
        ),
        preset(
            "rules_standard",
            "Rules, standard",
            "The same with 12 numbers of pairs and 100 trials each.",
            json!({ "kind": "rules", "rules": every_rule, "pairs": [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256], "trials": 100 }),
            &five,
            1.0,
        ),
        preset(
            "rates_standard",
            "Rules on rates",
            "Values of 0 and 1, a fifth of them 1, where the rule of Bienenstock, Cooper and Munro applies.",
            json!({
                "kind": "rules", "rules": ["hebb", "bcm", "delta", "pinv"], "value_kind": "rate", "pairs": [8, 16, 32, 64], "trials": 100
            }),
            &five,
            0.2,
        ),
        preset(
            "rules_paper",
            "Rules, large",
            "Keys and values of 256 numbers, up to 1,024 pairs, 200 trials each.",
            json!({
                "kind": "rules", "rules": every_rule, "key_dim": 256, "value_dim": 256, "pairs": [16, 32, 64, 128, 192, 256, 384, 512, 1024],
                "trials": 200
            }),
            &[0],
            170.0,
        ),
        preset(
            "depth_quick",
            "Depth",
            "Eight layers of 256 numbers, with and without sign clean-up, 400 trials; which width makes up for depth.",
            json!({ "kind": "depth", "trials": 400 }),
            &five,
            2.0,
        ),
        preset(
            "depth_standard",
            "Depth, standard",
            "16 layers, five numbers of pairs, one and four heads, three clean-ups, 100 trials each.",
            json!({
                "kind": "depth", "layers": 16, "pairs": [16, 32, 64, 96, 128], "heads": [1, 4], "cleanups": ["none", "sign", "softmax"],
                "map_widths": [32, 64, 128, 256, 512, 1024, 2048], "trials": 100
            }),
            &five,
            15.0,
        ),
        preset(
            "depth_paper",
            "Depth, large",
            "64 layers of up to 1,024 numbers in heads, 1,000 trials each.",
            json!({
                "kind": "depth", "layers": 64, "pairs": [16, 32, 64, 96, 128], "heads": [1, 4],
                "map_widths": [64, 128, 256, 512, 1024, 2048, 4096, 8192], "trials": 1000
            }),
            &[0],
            820.0,
        ),
        preset(
            "heads_quick",
            "Heads",
            "One to 16 heads of 32 numbers each, or 32 numbers together; 32 pairs.",
            json!({ "kind": "heads" }),
            &five,
            0.1,
        ),
        preset(
            "heads_standard",
            "Heads, standard",
            "The same with keys of 64 numbers and 400 trials.",
            json!({ "kind": "heads", "key_dim": 64, "pairs": 64, "heads": [1, 2, 4, 8, 16], "trials": 400 }),
            &five,
            1.0,
        ),
        preset(
            "heads_paper",
            "Heads, large",
            "One to 64 heads of 128 numbers, 2,000 trials.",
            json!({ "kind": "heads", "key_dim": 128, "pairs": 128, "heads": [1, 2, 4, 8, 16, 32, 64], "trials": 2000 }),
            &[0],
            60.0,
        ),
        preset(
            "conditioning_quick",
            "Reversal",
            "A is followed and B is not, then the other way round: who learns it anew?",
            json!({ "kind": "conditioning", "protocol": "reversal", "rules": ["hebb", "decay", "delta", "oja", "bcm"] }),
            &[0],
            0.1,
        ),
        preset(
            "acquisition",
            "Acquisition",
            "A is followed, by five rules.",
            json!({ "kind": "conditioning", "protocol": "acquisition", "rules": ["hebb", "decay", "delta", "oja", "bcm"] }),
            &[0],
            0.1,
        ),
        preset(
            "extinction",
            "Extinction",
            "A is followed, then it is not.",
            json!({ "kind": "conditioning", "protocol": "extinction" }),
            &[0],
            0.1,
        ),
        preset(
            "overshadowing",
            "Overshadowing",
            "A and B together, beside a group that has A alone.",
            json!({ "kind": "conditioning", "protocol": "overshadowing" }),
            &[0],
            0.1,
        ),
        preset(
            "conditioning_standard",
            "Conditioned inhibition",
            "A alone is followed, A and B together are not.",
            json!({ "kind": "conditioning", "protocol": "inhibition", "rules": ["hebb", "decay", "delta", "oja", "bcm"] }),
            &[0],
            0.1,
        ),
        preset(
            "conditioning_paper",
            "A protocol of many phases",
            "Acquisition, blocking, extinction and recovery of three stimuli.",
            json!({
                "kind": "conditioning", "protocol": "custom", "phases": ["20 A+", "20 AB+", "20 B-", "20 AC-", "20 A+ C-"],
                "rules": ["hebb", "decay", "delta", "oja", "bcm"]
            }),
            &[0],
            0.2,
        ),
        preset(
            "task_quick",
            "Trained recall",
            "A sequence model learns to recall 16 pairs, with Hebb's rule, the delta rule and softmax.",
            json!({ "kind": "task", "steps": 400 }),
            &three,
            0.5,
        ),
        preset(
            "reversal_quick",
            "Trained reversal",
            "The first half of the keys gets a new value, and only the newest counts: four to 16 keys, five rules.",
            json!({ "kind": "task", "task": "reversal", "rules": with_age, "pairs": [4, 8, 16], "steps": 500 }),
            &three,
            2.0,
        ),
        preset(
            "task_standard",
            "Trained recall, standard",
            "Four to 32 pairs, four rules, 1,500 steps.",
            json!({ "kind": "task", "rules": every_trained, "pairs": [4, 8, 16, 32], "steps": 1500 }),
            &three,
            9.0,
        ),
        preset(
            "reversal_standard",
            "Trained reversal, standard",
            "Four to 32 keys of which any half gets a new value, five rules, 1,500 steps.",
            json!({ "kind": "task", "task": "reversal", "rewritten": "random", "rules": with_age, "pairs": [4, 8, 16, 32], "steps": 1500 }),
            &three,
            15.0,
        ),
        preset(
            "reversal_blocks",
            "Trained reversal, two blocks",
            "Two blocks of memory and feed-forward part: the second one can store what the first one did not expect.",
            json!({
                "kind": "task", "task": "reversal", "rewritten": "random", "rules": with_age, "pairs": [4, 8, 16], "layers": 2, "hidden_width": 64,
                "steps": 1500
            }),
            &three,
            8.0,
        ),
        preset(
            "task_paper",
            "Trained recall, large",
            "Two blocks, keys of 16 to 128 numbers, 512 tokens of keys and of values, 16 and 64 pairs, 20,000 steps.",
            json!({
                "kind": "task", "rules": every_trained, "pairs": [16, 64], "key_dims": [16, 32, 64, 128], "value_dim": 64, "vocab_keys": 512,
                "vocab_values": 512, "layers": 2, "hidden_width": 256, "steps": 20_000
            }),
            &five,
            5_000.0,
        ),
    ]
}

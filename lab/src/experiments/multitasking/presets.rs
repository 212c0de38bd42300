//! The presets of `multitasking`.

use crate::experiment::Preset;
use serde_json::{Value, json};

/// Every preset, the most telling ones first.
pub fn presets() -> Vec<Preset> {
    let preset = |id, title, description, config, seeds: &[u64], expected_seconds| {
        let config = match config {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Preset { id, title, description, config, seeds: seeds.to_vec(), expected_seconds, needs: None }
    };
    let five = [0, 1, 2, 3, 4];
    let steps = |from: u32, to: u32, over: f64| (from..=to).map(|k| f64::from(k) / over).collect::<Vec<_>>();
    vec![
        preset(
            "glance",
            "Glance",
            "Three images with blanks: starting from the first, the state fills its blanks with the other two.",
            json!({ "kind": "picture" }),
            &five,
            0.1,
        ),
        preset(
            "quick",
            "Quick",
            "Amplitudes of three patterns against the share of blanks, 5,000 neurons, beside theory.",
            json!({ "kind": "amplitudes", "dilutions": steps(1, 9, 10.0), "samples": 5 }),
            &five,
            0.2,
        ),
        preset(
            "amplitudes_standard",
            "Amplitudes, standard",
            "Three and five patterns in 20,000 neurons, 19 dilutions, with and without temperature, 20 samples each.",
            json!({
                "kind": "amplitudes", "neurons": 20_000, "patterns": [3, 5], "dilutions": steps(1, 19, 20.0), "temperatures": [0.0, 0.1],
                "samples": 20
            }),
            &five,
            12.0,
        ),
        preset(
            "amplitudes_paper",
            "Amplitudes, large",
            "Up to seven patterns in 100,000 neurons, 40 dilutions and ten temperatures, 100 samples each.",
            json!({
                "kind": "amplitudes", "neurons": 100_000, "patterns": [3, 5, 7], "dilutions": steps(1, 40, 41.0),
                "temperatures": steps(0, 9, 50.0), "samples": 100
            }),
            &[0],
            2_400.0,
        ),
        preset(
            "temperature_quick",
            "Temperature",
            "Three patterns in 20,000 neurons: the weaker ones die one after the other, and at strong dilution all become equally strong.",
            json!({ "kind": "temperature", "neurons": 20_000, "samples": 20 }),
            &five,
            6.0,
        ),
        preset(
            "phase_quick",
            "Phases",
            "Patterns alive, and how far apart they are, over dilution and temperature: theory alone.",
            json!({ "kind": "phase" }),
            &[0],
            1.0,
        ),
        preset(
            "learning_quick",
            "Learning",
            "Two patterns learned from 10, 40 and 160 examples of quality 0.2, with a teacher and without.",
            json!({ "kind": "learning", "neurons": 2_000, "examples": [10, 40, 160], "samples": 3 }),
            &five,
            0.1,
        ),
        preset(
            "learning_standard",
            "Learning, standard",
            "10,000 neurons, three dilutions, eight numbers of examples up to 640, ten samples each.",
            json!({ "kind": "learning", "neurons": 10_000, "dilutions": [0.0, 0.3, 0.6], "samples": 10 }),
            &five,
            4.0,
        ),
        preset(
            "learning_paper",
            "Learning, large",
            "100,000 neurons, qualities 0.1, 0.2 and 0.5, up to 10,000 examples, 50 samples each.",
            json!({
                "kind": "learning", "neurons": 100_000, "qualities": [0.1, 0.2, 0.5],
                "examples": [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000], "samples": 50
            }),
            &[0],
            2_500.0,
        ),
        preset(
            "loss_quick",
            "Loss",
            "Energy and sum of squared errors of 5,000 neurons, sweep by sweep from a random state.",
            json!({ "kind": "loss" }),
            &five,
            0.1,
        ),
        preset(
            "growth_quick",
            "Growth",
            "As many patterns as ln N for 1,000 to 100,000 neurons, 20 samples each.",
            json!({ "kind": "growth" }),
            &five,
            1.5,
        ),
    ]
}

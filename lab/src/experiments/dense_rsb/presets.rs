//! The presets of `dense_rsb`.

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
            "From how far away networks of pairs, triples and quadruples find a pattern: a few samples.",
            json!({ "kind": "basin", "neurons": [300, 64, 48], "start_overlaps": [0.1, 0.3, 0.5, 0.7, 0.9], "samples": 8 }),
            &five,
            0.05,
        ),
        preset(
            "quick",
            "Quick",
            "Overlap against load at T = 0 for pairs (N = 1,000), triples (128) and quadruples (64), eight loads, 20 samples, beside both levels of theory.",
            json!({ "kind": "capacity", "neurons": [1_000, 128, 64] }),
            &five,
            4.0,
        ),
        preset(
            "capacity_standard",
            "Capacity, standard",
            "N = 2,000, 256 and 96, twelve loads, T = 0, 0.1 and 0.2, 60 samples each.",
            json!({
                "kind": "capacity", "neurons": [2_000, 256, 96], "loads": steps(2, 13, 8.0), "temperatures": [0.0, 0.1, 0.2], "samples": 60
            }),
            &five,
            200.0,
        ),
        preset(
            "capacity_paper",
            "Capacity, large",
            "N = 10,000, 512 and 160 (up to 200,000 patterns), twenty loads, three temperatures, 200 samples each: for many cores.",
            json!({
                "kind": "capacity", "neurons": [10_000, 512, 160], "loads": steps(3, 22, 14.0), "temperatures": [0.0, 0.1, 0.2], "samples": 200
            }),
            &[0],
            20_000.0,
        ),
        preset(
            "phase_quick",
            "Phases",
            "P = 4 over load and temperature, 20 loads and 12 temperatures: retrieval, glasses and their stability, by theory, and fifteen dots of Monte \
             Carlo, N = 48.",
            json!({
                "kind": "phase", "load_points": 20, "temperature_points": 12, "samples": 8, "dot_loads": 5, "dot_temperatures": 3, "neurons": 48,
                "sweeps": 200
            }),
            &[0],
            2.0,
        ),
        preset(
            "phase_pairs_quick",
            "Phases of pairs",
            "The same for P = 2, up to T = 1.2: its glass, with a soft part, is the first thing to freeze.",
            json!({ "kind": "phase", "order": 2, "load_points": 20, "temperature_points": 13, "highest_temperature": 1.2 }),
            &[0],
            1.5,
        ),
        preset(
            "phase_triples_quick",
            "Phases of triples",
            "The same for P = 3, an extension, up to T = 0.6.",
            json!({ "kind": "phase", "order": 3, "load_points": 20, "temperature_points": 13, "highest_temperature": 0.6 }),
            &[0],
            3.0,
        ),
        preset(
            "phase_standard",
            "Phases, standard",
            "P = 4, 60 loads and 40 temperatures, the one-step-broken spinodal at T = 0 and ten temperatures, and forty dots of Monte Carlo, N = 96.",
            json!({
                "kind": "phase", "load_points": 60, "temperature_points": 40, "broken_points": 10, "samples": 20, "dot_loads": 8,
                "dot_temperatures": 5, "neurons": 96, "sweeps": 300
            }),
            &[0],
            50.0,
        ),
        preset(
            "phase_paper",
            "Phases, large",
            "P = 4, 200 loads and 120 temperatures, the one-step-broken spinodal as far as symmetry is unstable.",
            json!({ "kind": "phase", "load_points": 200, "temperature_points": 120, "broken_points": 40, "level": "both" }),
            &[0],
            250.0,
        ),
        preset(
            "basin_quick",
            "Basins",
            "From how far away a pattern is found at 0.4 of each order's capacity, nine starts, 20 samples.",
            json!({ "kind": "basin" }),
            &five,
            0.4,
        ),
        preset(
            "scaling_quick",
            "Scaling",
            "Patterns at half success of four sizes of each order, eight loads, 20 samples.",
            json!({ "kind": "scaling" }),
            &five,
            1.0,
        ),
        preset(
            "scaling_standard",
            "Scaling, standard",
            "Six sizes, twelve loads, 60 samples.",
            json!({
                "kind": "scaling", "neurons": [250, 48, 32], "sizes": 6,
                "loads": [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5], "samples": 60
            }),
            &five,
            40.0,
        ),
        preset(
            "glass_quick",
            "Glass",
            "Hard and soft parts of the free energy for P = 2 to 6, overlaps with the other patterns for P = 2 to 4, and replicas without a pattern.",
            json!({ "kind": "glass", "neurons": [1_000, 128, 64] }),
            &five,
            3.0,
        ),
        preset(
            "glass_standard",
            "Glass, standard",
            "The same with N = 2,000, 256 and 96, 60 samples and 40 replicas.",
            json!({ "kind": "glass", "neurons": [2_000, 256, 96], "samples": 60, "replicas": 40 }),
            &five,
            45.0,
        ),
        preset(
            "detect_quick",
            "Detection",
            "Patterns under noise as strong as the root of N: pairs lose them, quadruples do not.",
            json!({ "kind": "detect" }),
            &five,
            0.3,
        ),
    ]
}

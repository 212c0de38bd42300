//! The catalogue entry of `variational_continual`: metrics, panels, and claims fixed before any run.

use super::{config::ArmId, deep::TASKS, presets};
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, Paper, ReportedWords};

/// Id of the experiment.
pub const ID: &str = "variational_continual";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "Variational continual learning with binary weights",
        summary: "Do binary weights that know how uncertain they are keep old tasks, and does mean-field theory predict how much?",
        paper: Paper {
            title: "Statistical mechanics of continual learning: variational principle and mean-field potential",
            authors: "Li, Huang, Zou, Huang",
            year: 2022,
            url: "https://arxiv.org/abs/2212.02846",
        },
        presets: presets::presets(),
        arms: arms(),
        metrics: metrics(),
        panels: panels(),
        claims: claims(),
        datasets: vec!["fashion_mnist", "mnist", "digits"],
    }
}

fn arms() -> Vec<Arm> {
    ArmId::ALL
        .into_iter()
        .map(|arm| {
            let (title, baseline) = match arm {
                ArmId::Vcl => ("variational", false),
                ArmId::VclNoKl => ("variational, annealing alone", false),
                ArmId::VclTask => ("variational, to the last task", false),
                ArmId::Finetune => ("binary, fine-tuned", true),
                ArmId::Metaplastic => ("binary, metaplastic", true),
                ArmId::Ewc => ("binary, EWC", true),
            };
            Arm { id: arm.id(), title, baseline }
        })
        .collect()
}

/// Titles of the series of each task.
const TASK_TITLES: [&str; 20] = [
    "Test accuracy on task 1",
    "Test accuracy on task 2",
    "Test accuracy on task 3",
    "Test accuracy on task 4",
    "Test accuracy on task 5",
    "Test accuracy on task 6",
    "Test accuracy on task 7",
    "Test accuracy on task 8",
    "Test accuracy on task 9",
    "Test accuracy on task 10",
    "Test accuracy on task 11",
    "Test accuracy on task 12",
    "Test accuracy on task 13",
    "Test accuracy on task 14",
    "Test accuracy on task 15",
    "Test accuracy on task 16",
    "Test accuracy on task 17",
    "Test accuracy on task 18",
    "Test accuracy on task 19",
    "Test accuracy on task 20",
];

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    let mut metrics = vec![
        metric("loss/train", "Training loss an image", "nats", down),
        metric("kl/per_weight", "Relative entropy to what it was, a weight", "nats", None),
        metric("beta", "Inverse temperature of the weights", "", None),
        metric("sigma2/layer_1", "Mean variance of a weight, layer 1", "", None),
        metric("sigma2/layer_2", "Mean variance of a weight, layer 2", "", None),
        metric("sigma2/layer_3", "Mean variance of a weight, layer 3", "", None),
        metric("flips/layer_1", "Signs changed since the task began, layer 1", "", None),
        metric("flips/layer_2", "Signs changed since the task began, layer 2", "", None),
        metric("flips/layer_3", "Signs changed since the task began, layer 3", "", None),
        metric("uncertainty/rank_correlation", "Uncertainty against change, rank correlation", "", None),
        metric("uncertainty/flip_auc", "Uncertainty tells which signs change, AUC", "", None),
        metric("error/theory_task_1", "Test error on task 1, theory", "", down),
        metric("error/theory_task_2", "Test error on task 2, theory", "", down),
        metric("error/simulation_task_1", "Test error on task 1, simulation", "", down),
        metric("error/simulation_task_2", "Test error on task 2, simulation", "", down),
        metric("order/q", "Overlap of two students (q)", "", None),
        metric("order/r", "Overlap with the teacher learnt last (r)", "", None),
        metric("order/norm", "Overlap of a student with itself (Q)", "", None),
        metric("time/step_ms", "Time of a training step", "ms", down),
        metric("throughput/samples_per_s", "Training images per second", "1/s", up),
    ];
    metrics.extend(TASKS.into_iter().zip(TASK_TITLES).map(|(name, title)| metric(name, title, "", up)));
    metrics
}

fn panels() -> Vec<Panel> {
    let (series, frame) = (Panel::series, Panel::frame);
    let (stream, weights, perceptron, cost) = ("Stream of tasks", "Weights", "Perceptron and theory", "Cost");
    vec![
        frame("over_stream", "Accuracy over the stream", stream, "stream/accuracy"),
        frame("matrix", "What remains of each task", stream, "accuracy/matrix"),
        series("task_1", "Test accuracy on task 1", stream, &TASKS[..1]),
        series("task_2", "Test accuracy on task 2", stream, &TASKS[1..2]),
        series("task_3", "Test accuracy on task 3", stream, &TASKS[2..3]),
        series("task_4", "Test accuracy on task 4", stream, &TASKS[3..4]),
        series("task_5", "Test accuracy on task 5", stream, &TASKS[4..5]),
        series("later_tasks", "Test accuracy on later tasks", stream, &TASKS[5..]),
        Panel { y_log: true, ..series("loss", "Training loss an image", stream, &["loss/train"]) },
        frame("change", "Variance of a weight against its change by the next task", weights, "uncertainty/change"),
        series("rank_correlation", "Uncertainty against change, rank correlation", weights, &["uncertainty/rank_correlation"]),
        series("flip_auc", "Uncertainty tells which signs change, AUC", weights, &["uncertainty/flip_auc"]),
        frame("means_1", "Means of the weights, layer 1", weights, "means/layer_1"),
        frame("means_2", "Means of the weights, layer 2", weights, "means/layer_2"),
        frame("means_3", "Means of the weights, layer 3", weights, "means/layer_3"),
        series("sigma2_1", "Mean variance of a weight, layer 1", weights, &["sigma2/layer_1"]),
        series("sigma2_2", "Mean variance of a weight, layer 2", weights, &["sigma2/layer_2"]),
        series("sigma2_3", "Mean variance of a weight, layer 3", weights, &["sigma2/layer_3"]),
        series("flips_1", "Signs changed since the task began, layer 1", weights, &["flips/layer_1"]),
        series("flips_2", "Signs changed since the task began, layer 2", weights, &["flips/layer_2"]),
        series("flips_3", "Signs changed since the task began, layer 3", weights, &["flips/layer_3"]),
        Panel { y_log: true, ..series("kl", "Relative entropy to what it was, a weight", weights, &["kl/per_weight"]) },
        series("beta", "Inverse temperature of the weights", weights, &["beta"]),
        frame("first", "Test error after one task", perceptron, "perceptron/first"),
        frame("second_old", "Test error on task 1 after a second one", perceptron, "perceptron/second_old"),
        frame("second_new", "Test error on the second task", perceptron, "perceptron/second_new"),
        frame("order", "Order parameters of the first task", perceptron, "perceptron/order"),
        series("error_1", "Test error on task 1, point by point", perceptron, &["error/theory_task_1", "error/simulation_task_1"]),
        series("error_2", "Test error on task 2, point by point", perceptron, &["error/theory_task_2", "error/simulation_task_2"]),
        series("order_series", "Order parameters, point by point", perceptron, &["order/q", "order/r", "order/norm"]),
        series("step_ms", "Time of a training step", cost, &["time/step_ms"]),
        series("samples_per_s", "Training images per second", cost, &["throughput/samples_per_s"]),
    ]
}

fn claims() -> Vec<Claim> {
    let rule = |op, value| Expect { op, value, tolerance: None };
    vec![
        Claim {
            id: "theory_matches_sgd",
            statement: "Order parameters of the mean-field theory predict the test error that gradient descent comes to on one task.",
            reported: None,
            reported_words: Some(ReportedWords { words: "they coincide", source: "abstract" }),
            measure: "error/theory_gap_1",
            expect: rule(Op::AtMost, 0.03),
            needs_seeds: 5,
            why: "The mean distance, over the points of the first task and their perceptrons, of a simulated test error from the theory's; both \
                  keep the prior. The scatter of single perceptrons counts in it; `error/theory_gap_of_mean_1` is that of their mean.",
        },
        Claim {
            id: "theory_matches_sgd_task_2",
            statement: "The Franz-Parisi potential predicts the test errors on both tasks after a second one.",
            reported: None,
            reported_words: Some(ReportedWords { words: "they coincide", source: "abstract" }),
            measure: "error/theory_gap_2",
            expect: rule(Op::AtMost, 0.04),
            needs_seeds: 5,
            why: "The same over the points of the second task, both errors counting alike; points at which the theory has not converged are left out.",
        },
        Claim {
            id: "less_forgetting",
            statement: "Variational continual learning forgets less than a fine-tuned binary network.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "accuracy/backward_transfer.vcl-finetune",
            expect: rule(Op::Greater, 0.0),
            needs_seeds: 5,
            why: "The change of the accuracy on a task from when it was learnt to the end. Compare the arm without relative entropy: annealing protects by \
                  itself, and what a network has learnt less well it has less of to forget.",
        },
        Claim {
            id: "beats_metaplasticity",
            statement: "It is more accurate over all tasks than a binary network with metaplastic hidden weights.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "accuracy/average.vcl-metaplastic",
            expect: rule(Op::AtLeast, 0.0),
            needs_seeds: 5,
            why: "At small sizes each task is learnt less well: the variational network has no batch normalisation and few steps, while the baseline \
                  normalises and gets the gains and shifts of the task it is asked for.",
        },
    ]
}

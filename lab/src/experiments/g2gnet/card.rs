//! The catalogue entry of `g2gnet`: presets, metrics, panels, and claims fixed before any run.

use super::{arms::ArmId, config::DataSet};
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, PanelKind, Paper, Preset, Reported, ReportedWords};
use serde_json::{Value, json};

/// Id of the experiment.
pub const ID: &str = "g2gnet";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "G2GNet: group-to-group sparse networks with Hebbian rewiring",
        summary: "Does a sparse network whose units are wired in groups, and rewired by co-activity, beat a dense one?",
        paper: Paper {
            title: "Neuro-inspired Ensemble-to-Ensemble Communication Primitives for Sparse and Efficient ANNs",
            authors: "Konstantaropoulos, Smirnakis, Papadopouli",
            year: 2025,
            url: "https://arxiv.org/abs/2508.14140",
        },
        presets: presets(),
        arms: arms(),
        metrics: metrics(),
        panels: panels(),
        claims: claims(),
        datasets: DataSet::ALL.map(DataSet::id).to_vec(),
    }
}

fn presets() -> Vec<Preset> {
    let preset = |id, title, description, config, seeds: &[u64], expected_seconds| {
        let config = match config {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Preset { id, title, description, config, seeds: seeds.to_vec(), expected_seconds, needs: None }
    };
    let paper = |id, title, dataset: DataSet, expected_seconds| {
        let description = "The setting of the authors' follow-up code: a patch encoder, three hidden layers of 1,024 units, 30 epochs.";
        let config = json!({
            "dataset": dataset, "train_samples": dataset.most_train_samples(), "encoder": "patch16", "hidden_width": 1_024,
            "hidden_layers": 3, "epochs": 30, "dst_every": 1_000, "weight_decay": 1e-4
        });
        Preset { needs: Some("gpu"), ..preset(id, title, description, config, &[0, 1, 2, 3, 4], expected_seconds) }
    };
    vec![
        preset(
            "glance",
            "Glance",
            "Seven small networks learn the bundled 8 x 8 digits; the whole story in a few seconds, without any download.",
            json!({
                "dataset": "digits", "train_samples": 1_151, "hidden_width": 256, "batch_size": 64, "epochs": 60, "dst_every": 20
            }),
            &[0, 1, 2, 3, 4],
            5.0,
        ),
        preset(
            "quick",
            "Quick",
            "The comparison on 20,000 images of Fashion-MNIST: enough to see the gap to dense and modularity dissolve.",
            json!({ "dst_every": 40 }),
            &[0, 1, 2, 3, 4],
            28.0,
        ),
        preset(
            "standard",
            "Standard",
            "All training images of Fashion-MNIST, ten epochs.",
            json!({ "train_samples": 55_000, "epochs": 10 }),
            &[0, 1, 2, 3, 4],
            110.0,
        ),
        paper("paper_fashion_mnist", "Paper, Fashion-MNIST", DataSet::FashionMnist, 4_000.0),
        paper("paper_cifar10", "Paper, CIFAR-10", DataSet::Cifar10, 3_300.0),
        paper("paper_cifar100", "Paper, CIFAR-100", DataSet::Cifar100, 3_300.0),
    ]
}

fn arms() -> Vec<Arm> {
    ArmId::ALL
        .into_iter()
        .map(|arm| {
            let (title, baseline) = match arm {
                ArmId::Dense => ("dense", true),
                ArmId::DenseNarrow => ("dense, narrow", true),
                ArmId::Er => ("random wiring", true),
                ArmId::G2g => ("group wiring", false),
                ArmId::G2gHebb => ("group wiring, Hebbian rewiring", false),
                ArmId::Tile => ("group wiring in tiles", false),
                ArmId::TileHebb => ("tiles, Hebbian rewiring", false),
                ArmId::G2gSet => ("group wiring, random rewiring (SET)", true),
                ArmId::ErRigl => ("random wiring, rewired by gradient (RigL)", true),
                ArmId::Custom => ("custom", false),
            };
            Arm { id: arm.id(), title, baseline }
        })
        .collect()
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("loss/train", "Training loss", "nats", down),
        metric("loss/validation", "Validation loss", "nats", down),
        metric("accuracy/train", "Training accuracy", "", up),
        metric("accuracy/validation", "Validation accuracy", "", up),
        metric("accuracy/test", "Test accuracy", "", up),
        metric("weights/edges_active", "Edges", "", None),
        metric("weights/turnover", "Edges swapped at an event", "", None),
        metric("weights/edge_survival", "Initial edges that are left", "", None),
        metric("weights/intra_fraction", "Edges inside groups", "", None),
        metric("weights/modularity_q", "Modularity Q", "", None),
        metric("hebb/active_mean", "Mean Hebbian score of edges", "", None),
        metric("hebb/inactive_mean", "Mean Hebbian score of absent edges", "", None),
        metric("weights/dead_units", "Hidden units that never answer", "", down),
        metric("compute/gmac", "Multiply-accumulates counted", "GMAC", down),
        metric("time/step_ms", "Time of a training step", "ms", down),
        metric("throughput/samples_per_s", "Training images per second", "1/s", up),
    ]
}

fn panels() -> Vec<Panel> {
    let series = |id, title, section, metrics: &[&'static str], arms: &[ArmId]| Panel {
        id,
        title,
        kind: PanelKind::Series,
        section,
        metrics: metrics.to_vec(),
        frame: None,
        arms: arms.iter().map(|arm| arm.id()).collect(),
        x_log: false,
        y_log: false,
    };
    let frame = |id, title, section, frame, arms: &[ArmId]| Panel {
        id,
        title,
        kind: PanelKind::Frame,
        section,
        metrics: Vec::new(),
        frame: Some(frame),
        arms: arms.iter().map(|arm| arm.id()).collect(),
        x_log: false,
        y_log: false,
    };
    use ArmId::{Custom, Er, ErRigl, G2g, G2gHebb, G2gSet, Tile, TileHebb};
    let sparse = [G2gHebb, G2g, Er, Tile, TileHebb, G2gSet, ErRigl, Custom];
    let rewired = [G2gHebb, TileHebb, G2gSet, ErRigl, Custom];
    let scored = [G2gHebb, TileHebb, Custom];
    vec![
        series("accuracy", "Test accuracy", "Learning", &["accuracy/test"], &[]),
        Panel { y_log: true, ..series("loss", "Training loss", "Learning", &["loss/train"], &[]) },
        frame("accuracy_weights", "Test accuracy against weights", "Learning", "accuracy/against_weights", &[]),
        frame("connectivity_1", "Density between groups, layer 1", "Wiring", "connectivity/layer_1", &sparse),
        frame("connectivity_2", "Density between groups, layer 2", "Wiring", "connectivity/layer_2", &sparse),
        frame("magnitude_1", "Mean |W| between groups, layer 1", "Wiring", "magnitude/layer_1", &sparse),
        frame("magnitude_2", "Mean |W| between groups, layer 2", "Wiring", "magnitude/layer_2", &sparse),
        frame("moves_1", "Births minus deaths at an event, layer 1", "Wiring", "moves/layer_1", &rewired),
        frame("moves_2", "Births minus deaths at an event, layer 2", "Wiring", "moves/layer_2", &rewired),
        series("intra", "Edges inside groups", "Wiring", &["weights/intra_fraction"], &sparse),
        series("modularity", "Modularity Q", "Wiring", &["weights/modularity_q"], &sparse),
        series("survival", "Initial edges that are left", "Wiring", &["weights/edge_survival"], &rewired),
        series("turnover", "Edges swapped at an event", "Wiring", &["weights/turnover"], &rewired),
        series("hebb", "Mean Hebbian score", "Wiring", &["hebb/active_mean", "hebb/inactive_mean"], &scored),
        frame("input_degrees", "Units that each pixel feeds", "Degrees", "out_degree/inputs", &sparse),
        frame("in_degrees_1", "In-degrees, layer 1", "Degrees", "in_degree/layer_1", &sparse),
        frame("in_degrees_2", "In-degrees, layer 2", "Degrees", "in_degree/layer_2", &sparse),
        frame("out_degrees_1", "Out-degrees, layer 1", "Degrees", "out_degree/layer_1", &sparse),
        frame("out_degrees_2", "Out-degrees, layer 2", "Degrees", "out_degree/layer_2", &sparse),
        series("edges", "Edges", "Wiring", &["weights/edges_active"], &sparse),
        series("validation", "Validation accuracy", "Generalisation", &["accuracy/validation"], &[]),
        series("train_accuracy", "Training accuracy", "Generalisation", &["accuracy/train"], &[]),
        series("validation_loss", "Validation loss", "Generalisation", &["loss/validation"], &[]),
        series("dead_units", "Hidden units that never answer", "Generalisation", &["weights/dead_units"], &[]),
        series("gmac", "Multiply-accumulates counted", "Cost", &["compute/gmac"], &[]),
        frame("times", "Measured and promised step time", "Cost", "time/steps", &[]),
        series("step_ms", "Time of a training step", "Cost", &["time/step_ms"], &[]),
        series("samples_per_s", "Training images per second", "Cost", &["throughput/samples_per_s"], &[]),
    ]
}

fn claims() -> Vec<Claim> {
    let above_zero = Expect { op: Op::Greater, value: 0.0, tolerance: None };
    vec![
        Claim {
            id: "sparse_beats_dense",
            statement: "A group-to-group network with Hebbian rewiring is more accurate than the dense network of the same width.",
            reported: Some(Reported {
                value: 4.3,
                unit: "percentage points",
                source: "abstract: up to, over Fashion-MNIST, CIFAR-10 and CIFAR-100",
            }),
            reported_words: None,
            measure: "accuracy/test.g2g_hebb-dense",
            expect: above_zero,
            needs_seeds: 5,
            why: "At this step size and number of steps no sparse arm reaches dense; most of the gap closes with larger steps and more of \
                  them, so let each arm choose its learning rate on the validation part before judging.",
        },
        Claim {
            id: "groups_beat_random",
            statement: "Wiring in groups is more accurate than random wiring with the same number of edges.",
            reported: None,
            reported_words: None,
            measure: "accuracy/test.g2g-er",
            expect: above_zero,
            needs_seeds: 5,
            why: "Group wiring is ahead of random wiring by no more than 0.1 to 0.3 percentage points, which is about the spread between \
                  seeds, so the groups, and not sparsity alone, earn at most a little of the credit.",
        },
        Claim {
            id: "hebbian_rewiring_helps",
            statement: "Moving the weakest edges to where activity co-varies most improves accuracy over leaving the wiring as it was drawn.",
            reported: None,
            reported_words: Some(ReportedWords { words: "yes", source: "abstract" }),
            measure: "accuracy/test.g2g_hebb-g2g",
            expect: above_zero,
            needs_seeds: 5,
            why: "Rewiring dissolves the groups (edges inside them fall from 49 to about 40 %) and Hebbian growth adds nothing over random \
                  growth here, so the difference lies within the spread between seeds.",
        },
        Claim {
            id: "sparsity_75",
            statement: "The network does with up to 75 % fewer weights.",
            reported: Some(Reported { value: 75.0, unit: "%", source: "abstract: up to" }),
            reported_words: None,
            measure: "weights/sparsity.g2g_hebb",
            expect: Expect { op: Op::AtLeast, value: 0.74, tolerance: None },
            needs_seeds: 1,
            why: "The wiring fixes the number of edges, and rewiring keeps it; counted over the sparse layers, without the dense read-out.",
        },
        Claim {
            id: "fewer_computations",
            statement: "A training step of the sparse network takes at most half the time of the dense one.",
            reported: None,
            reported_words: Some(ReportedWords { words: "far fewer", source: "abstract" }),
            measure: "time/step_share_of_dense.tile",
            expect: Expect { op: Op::AtMost, value: 0.5, tolerance: None },
            needs_seeds: 5,
            why: "Only whole tiles save time: single edges, of which half of the published wiring consists, are computed as dense layers \
                  are. The gain grows with the size of the tiles, from about half the time at 512 units to a quarter or so at 1,024.",
        },
    ]
}

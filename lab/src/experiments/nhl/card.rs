//! The catalogue entry of `nhl`: presets, metrics, panels, and claims fixed before any run.

use super::config::{ArmId, DataSet};
use crate::experiment::{Arm, Better, Card, Claim, Expect, Metric, Op, Panel, PanelKind, Paper, Preset, ReportedWords};
use serde_json::{Value, json};

/// Id of the experiment.
pub const ID: &str = "nhl";

/// The catalogue entry.
pub fn card() -> Card {
    Card {
        id: ID,
        title: "NHL: neuro-modulated Hebbian learning for test-time adaptation",
        summary: "How much of what corrupted images cost a classifier do batch statistics, entropy, Hebbian learning and a modulator win \
                  back, without labels? A reconstruction: the paper's code and equations are not public.",
        paper: Paper {
            title: "Neuro-Modulated Hebbian Learning for Fully Test-Time Adaptation",
            authors: "Tang, Zhang, Xu, Chen, Cheng, Leng, Guo, He",
            year: 2023,
            url: "https://arxiv.org/abs/2303.00914",
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
    let paper = |id, title, dataset: DataSet| {
        let description = "The paper's stream, not its network: fifteen corruptions of all 10,000 test images behind 100 epochs of training, in a \
                           wide network of three convolutions where the paper's (WRN-40-2, ResNet-26) have dozens.";
        let config = json!({
            "dataset": dataset, "channels": [64, 128, 256], "source_samples": 50_000, "source_epochs": 100, "test_samples": 10_000
        });
        Preset { needs: Some("gpu"), ..preset(id, title, description, config, &[0, 1, 2], 13_000.0) }
    };
    vec![
        preset(
            "glance",
            "Glance",
            "A small network learns the bundled 8 x 8 digits and then meets nine corruptions of them; without any download.",
            json!({
                "dataset": "digits", "source_samples": 1_438, "source_epochs": 20, "test_samples": 350, "adapt_batch_size": 50
            }),
            &[0, 1, 2],
            1.5,
        ),
        preset(
            "quick",
            "Quick",
            "Fashion-MNIST: 12,000 images to learn, then nine corruptions of 2,000 test images at the highest severity, six arms.",
            json!({}),
            &[0, 1, 2, 3, 4],
            7.0,
        ),
        preset(
            "standard",
            "Standard",
            "Fashion-MNIST with a wider network and 50,000 images to learn, the nine corruptions at the highest severity.",
            json!({ "channels": [32, 64, 128], "source_samples": 50_000, "source_epochs": 5 }),
            &[0, 1, 2],
            130.0,
        ),
        preset(
            "severities",
            "Severities",
            "The quick setting in all five severities: when does adaptation begin to pay?",
            json!({ "severities": [1, 2, 3, 4, 5] }),
            &[0, 1, 2],
            27.0,
        ),
        preset(
            "cifar10",
            "CIFAR-10",
            "CIFAR-10 with 50,000 images to learn, then the fifteen corruptions, regenerated, of 2,000 test images.",
            json!({ "dataset": "cifar10", "channels": [32, 64, 128], "source_samples": 50_000, "source_epochs": 5 }),
            &[0, 1, 2],
            220.0,
        ),
        preset(
            "cifar100",
            "CIFAR-100",
            "As CIFAR-10, with the hundred classes of CIFAR-100.",
            json!({ "dataset": "cifar100", "channels": [32, 64, 128], "source_samples": 50_000, "source_epochs": 5 }),
            &[0, 1, 2],
            220.0,
        ),
        paper("paper_cifar10", "CIFAR-10, the paper's stream", DataSet::Cifar10),
        paper("paper_cifar100", "CIFAR-100, the paper's stream", DataSet::Cifar100),
    ]
}

fn arms() -> Vec<Arm> {
    ArmId::ALL
        .into_iter()
        .map(|arm| {
            let (title, baseline) = match arm {
                ArmId::Source => ("no adaptation", true),
                ArmId::BnAdapt => ("batch statistics", true),
                ArmId::Tent => ("TENT", true),
                ArmId::Hebb => ("Hebbian", false),
                ArmId::Modulator => ("modulator", false),
                ArmId::Nhl => ("Hebbian and modulator (NHL)", false),
            };
            Arm { id: arm.id(), title, baseline }
        })
        .collect()
}

fn metrics() -> Vec<Metric> {
    let metric = |name, title, unit, better| Metric { name, title, unit, better };
    let (up, down) = (Some(Better::Up), Some(Better::Down));
    vec![
        metric("loss/train", "Training loss of the source model", "nats", down),
        metric("accuracy/train", "Training accuracy of the source model", "", up),
        metric("error/batch", "Error on the batch", "", down),
        metric("error/running", "Error on the corruption so far", "", down),
        metric("entropy/prediction", "Entropy of the predictions", "nats", None),
        metric("hebb/weight_change", "Distance of the first filters from the source model's", "", None),
        metric("hebb/winner_entropy", "Entropy of the competition between filters", "nats", None),
        metric("modulator/gain_mean", "Mean gain of the first layer", "", None),
        metric("modulator/gain_std", "Spread of the gains of the first layer", "", None),
        metric("time/batch_ms", "Time to adapt to a batch and predict", "ms", down),
        metric("throughput/samples_per_s", "Training images per second of the source model", "1/s", up),
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
    let hebbian = [ArmId::Nhl, ArmId::Hebb];
    let modulated = [ArmId::Modulator, ArmId::Nhl];
    vec![
        frame("error_table", "Error by corruption", "Adaptation", "error/table", &[]),
        series("running", "Error on the corruption so far", "Adaptation", &["error/running"], &[]),
        series("entropy", "Entropy of the predictions", "Adaptation", &["entropy/prediction"], &[]),
        frame("severity", "Error against severity", "Adaptation", "error/severity", &[]),
        frame("examples", "Clean, corrupted, and which arm was right", "Images", "examples", &[]),
        frame("classes", "Predicted classes", "Images", "predictions/classes", &[]),
        frame("filters", "First filters: source, now, change", "First layer", "filters/first_layer", &hebbian),
        series("weight_change", "Distance of the filters from the source model's", "First layer", &["hebb/weight_change"], &hebbian),
        series("winner_entropy", "Entropy of the competition", "First layer", &["hebb/winner_entropy"], &hebbian),
        series("gain_mean", "Mean gain", "First layer", &["modulator/gain_mean"], &modulated),
        series("gain_std", "Spread of the gains", "First layer", &["modulator/gain_std"], &modulated),
        series("batch", "Error on each batch", "Details", &["error/batch"], &[]),
        series("source_loss", "Training loss of the source model", "Details", &["loss/train"], &[]),
        series("source_accuracy", "Training accuracy of the source model", "Details", &["accuracy/train"], &[]),
        series("batch_ms", "Time per batch", "Details", &["time/batch_ms"], &[]),
        series("samples_per_s", "Source training images per second", "Details", &["throughput/samples_per_s"], &[]),
    ]
}

fn claims() -> Vec<Claim> {
    let above_zero = Expect { op: Op::Greater, value: 0.0, tolerance: None };
    // The paper's own figure is an error on other data with another network, not a difference: it stands on no card.
    let claim = |id, statement, measure, needs_seeds, why| {
        let reported_words = Some(ReportedWords { words: "yes", source: "abstract" });
        Claim { id, statement, reported: None, reported_words, measure, expect: above_zero, needs_seeds, why }
    };
    vec![
        claim(
            "adaptation_helps",
            "Adapting to every test batch lowers the error on corrupted images.",
            "error/mean.source-nhl",
            5,
            "Nearly all of the gain comes from the statistics of the batch, which bn_adapt has too; read the other arms as differences to it.",
        ),
        claim(
            "nhl_beats_tent",
            "Hebbian learning with the modulator has a lower mean error than TENT.",
            "error/mean.tent-nhl",
            5,
            "Over all corruptions the two lie within a point of each other in this setting: blur and contrast pay for what noise gains.",
        ),
        Claim {
            reported_words: None,
            ..claim(
                "nhl_beats_tent_on_noise",
                "On the three noises it has a lower error than TENT.",
                "error/noises.tent-nhl",
                5,
                "Noise changes the patches that the first filters see, which is what the Hebbian rule follows.",
            )
        },
        claim(
            "modulator_helps_hebb",
            "The modulator lowers the error of Hebbian learning alone.",
            "error/mean.hebb-nhl",
            5,
            "The modulator re-weights the filters that Hebbian learning has moved by what the read-out is sure of; the effect is small in a \
             network this size.",
        ),
    ]
}

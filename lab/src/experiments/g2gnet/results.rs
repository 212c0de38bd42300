//! What a run leaves behind: summary numbers, a table, and the weights of every arm.

use super::{arm::Arm, arms::ArmId, pictures::wiring_summary, timing::mean_step_ms};
use crate::{Error, Recorder, Result};
use safetensors::{Dtype, tensor::TensorView};
use std::fmt::Write as _;

/// The arms in which weights are absent.
const SPARSE: [ArmId; 8] =
    [ArmId::Er, ArmId::G2g, ArmId::G2gHebb, ArmId::Tile, ArmId::TileHebb, ArmId::G2gSet, ArmId::ErRigl, ArmId::Custom];
/// What the test accuracy of each of them is compared with: as many units, as many weights, and random wiring.
const COMPARED_WITH: [ArmId; 3] = [ArmId::Dense, ArmId::DenseNarrow, ArmId::Er];
/// Further pairs, which show where a gain comes from.
const FURTHER: [(ArmId, ArmId); 6] = [
    (ArmId::DenseNarrow, ArmId::Dense),
    (ArmId::G2gHebb, ArmId::G2g),
    (ArmId::Tile, ArmId::G2g),
    (ArmId::TileHebb, ArmId::Tile),
    (ArmId::G2gHebb, ArmId::G2gSet),
    (ArmId::G2gHebb, ArmId::ErRigl),
];

/// All pairs of arms whose test accuracies are compared.
fn pairs() -> impl Iterator<Item = (ArmId, ArmId)> {
    let sparse = SPARSE.into_iter().flat_map(|arm| COMPARED_WITH.into_iter().map(move |other| (arm, other)));
    sparse.filter(|(arm, other)| arm != other).chain(FURTHER)
}

/// Writes the summary and all artifacts.
pub fn tell_results(arms: &[Arm], full_weights: usize, out: &mut Recorder) -> Result<()> {
    for arm in arms {
        tell_summary(arm, full_weights, out);
        out.artifact(format!("weights/{}.safetensors", arm.id.id()), "application/octet-stream", weights_file(arm)?);
    }
    let find = |id: ArmId| arms.iter().find(|arm| arm.id == id);
    for (a, b) in pairs() {
        if let (Some(first), Some(second)) = (find(a), find(b)) {
            let difference = test_accuracy(first) - test_accuracy(second);
            out.summary(format!("accuracy/test.{}-{}", a.id(), b.id()), difference);
        }
    }
    if let Some(dense) = find(ArmId::Dense).and_then(mean_step_ms) {
        for (arm, ms) in arms.iter().filter_map(|arm| Some((arm, mean_step_ms(arm)?))) {
            out.summary(format!("time/speedup_vs_dense.{}", arm.id.id()), dense / ms);
            out.summary(format!("time/step_share_of_dense.{}", arm.id.id()), ms / dense);
        }
    }
    out.artifact("summary.csv", "text/csv", table(arms, full_weights).into_bytes());
    Ok(())
}

/// The last test accuracy; NaN for an arm that has diverged.
fn test_accuracy(arm: &Arm) -> f64 {
    if arm.state.alive { arm.state.test.accuracy } else { f64::NAN }
}

fn validation_accuracy(arm: &Arm) -> f64 {
    if arm.state.alive { arm.state.validation.accuracy } else { f64::NAN }
}

/// Share of the weights of the full-width hidden layers that the arm does without.
fn sparsity(arm: &Arm, full_weights: usize) -> f64 {
    1.0 - arm.hidden_weights() as f64 / full_weights as f64
}

fn tell_summary(arm: &Arm, full_weights: usize, out: &mut Recorder) {
    let mut tell = |name: &str, value: f64| out.summary(format!("{name}.{}", arm.id.id()), value);
    tell("accuracy/test", test_accuracy(arm));
    tell("accuracy/validation", validation_accuracy(arm));
    tell("optimiser/learning_rate", arm.state.learning_rate);
    tell("weights/edges_active", arm.hidden_weights() as f64);
    tell("weights/sparsity", sparsity(arm, full_weights));
    tell("compute/macs_per_image", arm.network.macs_per_image().0 as f64);
    tell("compute/gmac", arm.state.macs / 1e9);
    if let Some((intra, modularity)) = wiring_summary(arm) {
        tell("weights/intra_fraction", intra);
        tell("weights/modularity_q", modularity);
    }
    if let Some(ms) = mean_step_ms(arm) {
        tell("time/step_ms", ms);
    }
}

fn table(arms: &[Arm], full_weights: usize) -> String {
    let mut text = "arm,test_accuracy,validation_accuracy,learning_rate,active_weights,sparsity,macs_per_image,training_gmac\n".to_owned();
    for arm in arms {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{}",
            arm.id.id(),
            test_accuracy(arm),
            validation_accuracy(arm),
            arm.state.learning_rate,
            arm.hidden_weights(),
            sparsity(arm, full_weights),
            arm.network.macs_per_image().0,
            arm.state.macs / 1e9
        );
    }
    text
}

/// `layer_N.weight` `[outputs, inputs]` and `layer_N.bias` as other frameworks name and lay them out, `layer_N.mask` of sparse layers, and
/// the same of `encoder`, whose inputs are `[channels, rows, columns]` of a patch.
fn weights_file(arm: &Arm) -> Result<Vec<u8>> {
    let mut entries: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
    let bytes = |values: Vec<f32>| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    for (name, layer) in arm.network.named_layers() {
        let (n_in, n_out) = layer.sizes;
        let place = |rank: usize| rank % n_in * n_out + rank / n_in;
        let dense = layer.dense_weights()?;
        let weights = (0..n_in * n_out).map(|rank| dense[place(rank)]).collect();
        entries.push((format!("{name}.weight"), Dtype::F32, vec![n_out, n_in], bytes(weights)));
        entries.push((format!("{name}.bias"), Dtype::F32, vec![n_out], bytes(layer.bias.to_vec1::<f32>()?)));
        if let Some(wiring) = &layer.wiring {
            let mask = (0..n_in * n_out).map(|rank| wiring.mask.cells()[place(rank)]).collect();
            entries.push((format!("{name}.mask"), Dtype::U8, vec![n_out, n_in], mask));
        }
    }
    let misfit = |error: safetensors::SafeTensorError| Error::Record(format!("the weights of {} cannot be written: {error}", arm.id.id()));
    let views =
        entries.iter().map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(misfit)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(misfit)
}

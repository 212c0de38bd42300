//! What the stream leaves behind: summary numbers, tables, and the weights of every arm.

use super::{
    arm::{Arm, Model},
    config::ArmId,
    deep::Deep,
    read_out::ReadOut,
    scores::{Accuracies, mean},
};
use crate::{Error, Recorder, Result};
use rayon::prelude::*;
use safetensors::{Dtype, tensor::TensorView};
use std::fmt::Write as _;

/// Names of the summary numbers of a read-out.
const NAMES: [&str; 3] = ["accuracy/average", "accuracy/backward_transfer", "accuracy/learning"];

/// Writes the summary and all artifacts of the stream.
pub fn tell_results(deep: &Deep, out: &mut Recorder) -> Result<()> {
    let mut table = format!("arm,read_out,{}\n", NAMES.join(","));
    let mut matrix = "arm,learnt,task,accuracy\n".to_owned();
    let mut main = Vec::new();
    // With one task nothing can be forgotten.
    let applies = |name: &str| name != NAMES[1] || deep.config.tasks > 1;
    for arm in &deep.arms {
        let (id, scores) = (arm.id.id(), scores(deep, arm));
        for (read_out, numbers) in arm.read_outs().iter().zip(&scores) {
            for (name, value) in NAMES.iter().zip(numbers).filter(|(name, _)| applies(name)) {
                if *read_out == ReadOut::Sign {
                    out.summary(format!("{name}.{id}"), *value);
                } else {
                    out.summary(format!("{name}_{}.{id}", read_out.id()), *value);
                }
            }
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{id},{},{},{},{}", read_out.id(), numbers[0], numbers[1], numbers[2]);
        }
        if let [sign, _, gaussian, ..] = &scores[..] {
            out.summary(format!("accuracy/read_out_gap.{id}"), (sign[0] - gaussian[0]).abs());
        }
        for (learnt, row) in arm.state.accuracies.rows().iter().enumerate() {
            for (task, accuracy) in row.iter().enumerate() {
                let _ = writeln!(matrix, "{id},{},{},{accuracy}", learnt + 1, task + 1);
            }
        }
        let alive = |value: f64| if arm.state.alive { value } else { f64::NAN };
        out.summary(format!("weights/flips.{id}"), alive(mean(arm.state.flips.iter().copied())));
        if deep.config.tasks > 1 {
            let told = &arm.state.told;
            out.summary(format!("uncertainty/rank_correlation.{id}"), alive(mean(told.iter().map(|told| told.0))));
            out.summary(format!("uncertainty/flip_auc.{id}"), alive(mean(told.iter().map(|told| told.1))));
        }
        if let (seconds, steps @ 1..) = arm.clock[1] {
            out.summary(format!("time/step_ms.{id}"), 1000.0 * seconds / steps as f64);
            out.summary(format!("throughput/samples_per_s.{id}"), (steps as usize * deep.config.batch_size) as f64 / seconds);
        }
        out.artifact(format!("weights/{id}.safetensors"), "application/octet-stream", weights_file(arm)?);
        main.push((arm.id, scores[0]));
    }
    out.artifact("summary.csv", "text/csv", table.into_bytes());
    out.artifact("accuracies.csv", "text/csv", matrix.into_bytes());
    if let Some((_, own)) = main.iter().find(|(id, _)| *id == ArmId::Vcl) {
        for (id, other) in main.iter().filter(|(id, _)| *id != ArmId::Vcl) {
            for (at, name) in NAMES.iter().enumerate().filter(|(_, name)| applies(name)) {
                out.summary(format!("{name}.vcl-{}", id.id()), own[at] - other[at]);
            }
        }
    }
    Ok(())
}

/// Average, backward transfer and learning accuracy by every read-out of an arm; NaN where it diverged.
fn scores(deep: &Deep, arm: &Arm) -> Vec<[f64; 3]> {
    let of = |accuracies: &Accuracies| [accuracies.average(), accuracies.backward_transfer(), accuracies.learning()];
    if !arm.state.alive {
        return vec![[f64::NAN; 3]; arm.read_outs().len()];
    }
    let mut scores = vec![of(&arm.state.accuracies)];
    for (at, read_out) in arm.read_outs().iter().enumerate().skip(1) {
        // Of the other read-outs only the newest task was measured after each, and all of them now.
        let diagonal: Vec<f64> = arm.state.learnt.iter().map(|learnt| learnt[at - 1]).collect();
        let last: Vec<f64> =
            deep.stream.tasks.par_iter().enumerate().map(|(number, task)| arm.accuracy(number, task, *read_out, deep.seed)).collect();
        let mut accuracies = Accuracies::default();
        let rows = diagonal.len().saturating_sub(1);
        for (task, accuracy) in diagonal[..rows].iter().enumerate() {
            let mut row = vec![f64::NAN; task];
            row.push(*accuracy);
            accuracies.push(row);
        }
        accuracies.push(last);
        scores.push(of(&accuracies));
    }
    scores
}

/// `layer_N.field` or `layer_N.weight` as `[outputs, inputs]`, and for hidden weights `layer_N.gain` and `layer_N.shift` of the last task.
fn weights_file(arm: &Arm) -> Result<Vec<u8>> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let turned = |values: &[f32], inputs: usize, outputs: usize| -> Vec<f32> {
        (0..inputs * outputs).map(|at| values[at % inputs * outputs + at / inputs]).collect()
    };
    let mut entries = Vec::new();
    match &arm.model {
        Model::Fields(learner) => {
            for (at, layer) in learner.network.layers.iter().enumerate() {
                let fields = turned(&layer.fields, layer.inputs, layer.outputs);
                entries.push((format!("layer_{}.field", at + 1), vec![layer.outputs, layer.inputs], bytes(&fields)));
            }
        }
        Model::Hidden(learner) => {
            for (at, layer) in learner.network.layers.iter().enumerate() {
                let weights = turned(&layer.weights, layer.inputs, layer.outputs);
                entries.push((format!("layer_{}.weight", at + 1), vec![layer.outputs, layer.inputs], bytes(&weights)));
                entries.push((format!("layer_{}.gain", at + 1), vec![layer.outputs], bytes(&layer.affine.gain)));
                entries.push((format!("layer_{}.shift", at + 1), vec![layer.outputs], bytes(&layer.affine.shift)));
            }
        }
    }
    let misfit = |error: safetensors::SafeTensorError| Error::Record(format!("the weights of {} cannot be written: {error}", arm.id.id()));
    let views = entries.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(misfit)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(misfit)
}

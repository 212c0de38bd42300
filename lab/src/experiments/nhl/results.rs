//! What a run leaves behind: summary numbers, tables, and the weights of the source model and of every arm.

use super::{
    arm::Arm,
    config::ArmId,
    network::Network,
    pictures::{View, label},
    stream::Condition,
};
use crate::{Error, Recorder, Result, datasets::corruptions::Corruption};
use safetensors::{Dtype, tensor::TensorView};
use std::fmt::Write as _;

/// Pairs of arms whose mean errors are compared, the first minus the second: positive where the second is better.
const DIFFERENCES: [(ArmId, ArmId); 10] = [
    (ArmId::Source, ArmId::BnAdapt),
    (ArmId::Source, ArmId::Tent),
    (ArmId::Source, ArmId::Nhl),
    (ArmId::BnAdapt, ArmId::Tent),
    (ArmId::BnAdapt, ArmId::Hebb),
    (ArmId::BnAdapt, ArmId::Modulator),
    (ArmId::BnAdapt, ArmId::Nhl),
    (ArmId::Tent, ArmId::Nhl),
    (ArmId::Hebb, ArmId::Nhl),
    (ArmId::Modulator, ArmId::Nhl),
];
/// An arm hurts on a corruption when its error is above that of batch statistics by more than this.
const HURT: f64 = 0.005;

/// Mean errors of an arm on the corrupted parts that `choose` picks; NaN where there is none.
fn mean_error(view: View<'_>, arm: &Arm, choose: impl Fn(Corruption) -> bool) -> f64 {
    let parts = view.stream.conditions().iter().enumerate();
    let errors: Vec<f64> = parts
        .filter(|(_, part)| matches!(part, Condition::Corrupted(corruption, _) if choose(*corruption)))
        .map(|(at, _)| arm.error(at))
        .collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// Writes the summary and all artifacts.
pub fn tell_results(view: View<'_>, out: &mut Recorder) -> Result<()> {
    let corruptions = view.config.all_corruptions();
    let noises = Corruption::NOISES.iter().all(|noise| corruptions.contains(noise));
    let find = |id: ArmId| view.arms.iter().find(|arm| arm.id == id);
    let all = |arm: &Arm| mean_error(view, arm, |_| true);
    let on_noises = |arm: &Arm| mean_error(view, arm, |corruption| Corruption::NOISES.contains(&corruption));
    for arm in view.arms {
        let mut tell = |name: &str, value: f64| out.summary(format!("error/{name}.{}", arm.id.id()), value);
        for corruption in &corruptions {
            tell(view.stream.label(*corruption), mean_error(view, arm, |other| other == *corruption));
        }
        tell("clean", arm.error(0));
        tell("mean", all(arm));
        if noises {
            tell("noises", on_noises(arm));
        }
        if let Some(source) = find(ArmId::Source) {
            tell("gain_over_source", all(source) - all(arm));
            tell("recovered_fraction", (all(source) - all(arm)) / (all(source) - source.error(0)));
        }
        if let Some(bn_adapt) = find(ArmId::BnAdapt) {
            let hurts = |corruption: &&Corruption| {
                let error = |arm: &Arm| mean_error(view, arm, |other| other == **corruption);
                error(arm) > error(bn_adapt) + HURT
            };
            let count = corruptions.iter().filter(hurts).count() as f64;
            tell("corruptions_hurt", if arm.state.alive && bn_adapt.state.alive { count } else { f64::NAN });
        }
        let (seconds, steps) = arm.clock[1];
        if steps > 0 {
            out.summary(format!("time/batch_ms.{}", arm.id.id()), 1000.0 * seconds / steps as f64);
        }
    }
    for (a, b) in DIFFERENCES {
        if let (Some(first), Some(second)) = (find(a), find(b)) {
            let pair = format!("{}-{}", a.id(), b.id());
            out.summary(format!("error/mean.{pair}"), all(first) - all(second));
            if noises {
                out.summary(format!("error/noises.{pair}"), on_noises(first) - on_noises(second));
            }
        }
    }
    out.artifact("errors.csv", "text/csv", table(view).into_bytes());
    out.artifact("weights/source.safetensors", "application/octet-stream", weights_file(view, view.source)?);
    for arm in view.arms.iter().filter(|arm| !matches!(arm.id, ArmId::Source | ArmId::BnAdapt)) {
        let path = format!("weights/{}.safetensors", arm.id.id());
        out.artifact(path, "application/octet-stream", weights_file(view, &arm.network)?);
    }
    Ok(())
}

/// One row per part of the stream, one column per arm.
fn table(view: View<'_>) -> String {
    let arms: Vec<&str> = view.arms.iter().map(|arm| arm.id.id()).collect();
    let mut text = format!("corruption,severity,{}\n", arms.join(","));
    for (at, part) in view.stream.conditions().iter().enumerate() {
        let (name, severity) = match part {
            Condition::Clean => (label(view.stream, view.config, *part), 0),
            Condition::Corrupted(corruption, severity) => (view.stream.label(*corruption).to_owned(), *severity),
        };
        let errors: Vec<String> = view.arms.iter().map(|arm| arm.error(at).to_string()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name},{severity},{}", errors.join(","));
    }
    text
}

/// `layer_N.weight`, `.gain`, `.offset`, `.running_mean`, `.running_variance`, and `read_out.weight` `[classes, features]` with `.bias`.
fn weights_file(view: View<'_>, network: &Network) -> Result<Vec<u8>> {
    let mut entries: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut put = |name: String, shape: Vec<usize>, values: &[f32]| {
        entries.push((name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()));
    };
    for (at, (layer, convolution)) in network.layers.iter().zip(&view.plan.convolutions).enumerate() {
        let name = format!("layer_{}", at + 1);
        let (filters, side) = (convolution.filters, convolution.kernel);
        put(format!("{name}.weight"), vec![filters, convolution.channels, side, side], &layer.filters);
        put(format!("{name}.gain"), vec![filters], &layer.gain);
        put(format!("{name}.offset"), vec![filters], &layer.offset);
        put(format!("{name}.running_mean"), vec![filters], &layer.running.mean);
        put(format!("{name}.running_variance"), vec![filters], &layer.running.variance);
    }
    let (features, classes) = (view.plan.features, view.plan.classes);
    let turned: Vec<f32> =
        (0..classes).flat_map(|class| (0..features).map(move |feature| feature * classes + class)).map(|at| network.weights[at]).collect();
    put("read_out.weight".to_owned(), vec![classes, features], &turned);
    put("read_out.bias".to_owned(), vec![classes], &network.bias);
    let misfit = |error: safetensors::SafeTensorError| Error::Record(format!("the weights cannot be written: {error}"));
    let views = entries.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(misfit)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(misfit)
}

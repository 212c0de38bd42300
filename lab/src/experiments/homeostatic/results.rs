//! What a run leaves behind: summary numbers, a table, the swaps, and the weights of every arm.

use super::{
    arm::Arm,
    config::{ArmId, HomeostaticConfig, ShiftSchedule},
    world::World,
};
use crate::{Error, Recorder, Result};
use safetensors::{Dtype, tensor::TensorView};
use std::fmt::Write as _;

/// What regulating oneself is compared with.
const COMPARED_WITH: [ArmId; 4] = [ArmId::Lrc, ArmId::Lrr, ArmId::LrcTuned, ArmId::Adam];

/// Names of the summary numbers of each arm, in the order of the table.
const NAMES: [&str; 12] = [
    "accuracy/online_mean",
    "accuracy/online_last",
    "accuracy/after_swap",
    "recovery/batches",
    "recovery/censored_fraction",
    "accuracy/validation_end",
    "learning_rate/mean",
    "learning_rate/end",
    "decision/taken_fraction",
    "decision/wrong_guess_fraction",
    "starved_fraction",
    "swaps",
];

/// Writes the summary and all artifacts. `validation` has each arm's accuracy on all held-out images.
pub fn tell_results(config: &HomeostaticConfig, arms: &[Arm], worlds: &[World], validation: &[f64], out: &mut Recorder) -> Result<()> {
    let mut table = format!("arm,shift_rate,schedule,{}\n", NAMES.join(","));
    for (arm, validation) in arms.iter().zip(validation) {
        let world = &worlds[arm.world];
        let numbers = numbers_of(arm, world, *validation);
        for (name, value) in NAMES.iter().zip(&numbers) {
            // What does not apply (no decision, no swap) is left out; what an arm that diverged lacks is no number.
            if let Some(value) = value {
                out.summary(format!("{name}.{}", arm.name), *value);
            }
        }
        if let (seconds, steps @ 1..) = arm.clock.all {
            out.summary(format!("time/step_ms.{}", arm.name), 1000.0 * seconds / steps as f64);
            out.summary(format!("throughput/samples_per_s.{}", arm.name), (steps as usize * config.batch_size) as f64 / seconds);
        }
        let cells: Vec<String> = numbers.iter().map(|value| value.map_or(String::new(), |value| value.to_string())).collect();
        let schedule = format!("{:?}", world.shift.schedule).to_lowercase();
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{},{},{schedule},{}", arm.name, world.shift.rate, cells.join(","));
        out.artifact(format!("weights/{}.safetensors", arm.name), "application/octet-stream", weights_file(arm)?);
    }
    out.artifact("summary.csv", "text/csv", table.into_bytes());
    out.artifact("swaps.csv", "text/csv", swaps_table(worlds).into_bytes());
    tell_differences(config, arms, worlds, out);
    Ok(())
}

fn online(arm: &Arm) -> f64 {
    if arm.state.alive { arm.state.tally.online_mean() } else { f64::NAN }
}

fn numbers_of(arm: &Arm, world: &World, validation: f64) -> [Option<f64>; NAMES.len()] {
    let tally = &arm.state.tally;
    let alive = |value: f64| Some(if arm.state.alive { value } else { f64::NAN });
    let swapped = |value: f64| if world.swaps.is_empty() { None } else { alive(value) };
    let ((recovery, censored), (rate_mean, rate_end)) = (tally.recovery(), tally.rates());
    let decisions = tally.all_decisions;
    [
        alive(tally.online_mean()),
        alive(tally.online_last()),
        swapped(tally.after_swap()),
        swapped(recovery),
        swapped(censored),
        alive(validation),
        alive(rate_mean),
        alive(rate_end),
        (decisions.made > 0).then(|| decisions.taken as f64 / decisions.made as f64),
        (decisions.taken > 0).then(|| decisions.wrong as f64 / decisions.taken as f64),
        arm.id.is_regulated().then(|| f64::from(arm.state.has_starved)),
        Some(world.swaps.len() as f64),
    ]
}

/// Differences between arms of one world, and what only several worlds or a moving world can show.
fn tell_differences(config: &HomeostaticConfig, arms: &[Arm], worlds: &[World], out: &mut Recorder) {
    let find = |id: ArmId, world: usize| arms.iter().find(|arm| arm.id == id && arm.world == world);
    let mut advantages = Vec::new();
    for (at, world) in worlds.iter().enumerate() {
        let Some(own) = find(ArmId::Lrh, at) else { continue };
        for other in COMPARED_WITH.into_iter().filter_map(|id| find(id, at)) {
            out.summary(format!("accuracy/online_mean.{}-{}", own.name, other.name), online(own) - online(other));
            if other.id == ArmId::Lrc {
                advantages.push((world.shift.rate as f64, online(own) - online(other)));
            }
        }
    }
    let constant = config.shift_schedule == ShiftSchedule::Constant;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    if !constant && !advantages.is_empty() {
        out.summary("advantage/changing_shift", mean(&advantages.iter().map(|(_, advantage)| *advantage).collect::<Vec<_>>()));
    }
    if constant {
        let shifted: Vec<f64> = advantages.iter().filter(|(rate, _)| *rate > 0.0).map(|(_, advantage)| *advantage).collect();
        if !shifted.is_empty() {
            out.summary("advantage/under_shift", mean(&shifted));
        }
        if advantages.len() > 1 {
            out.summary("advantage/slope", slope(&advantages));
        }
        let by_rate = |rate: u64| arms.iter().find(|arm| arm.id == ArmId::Lrh && worlds[arm.world].shift.rate == rate);
        let fastest = config.shift_rates.iter().copied().max().unwrap_or(0);
        if let (Some(stable), Some(shifted), 1..) = (by_rate(0), by_rate(fastest), fastest) {
            let end = |arm: &Arm| if arm.state.alive { arm.state.tally.rates().1 } else { f64::NAN };
            out.summary("learning_rate/end_ratio", end(shifted) / end(stable));
        }
    }
}

/// Least-squares slope of pairs of x and y; at least two x differ.
fn slope(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (x, y) = pairs.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
    let covariance: f64 = pairs.iter().map(|pair| (pair.0 - x) * (pair.1 - y)).sum();
    covariance / pairs.iter().map(|pair| (pair.0 - x).powi(2)).sum::<f64>()
}

fn swaps_table(worlds: &[World]) -> String {
    let mut table = "shift_rate,schedule,step,label_a,label_b\n".to_owned();
    for world in worlds {
        let schedule = format!("{:?}", world.shift.schedule).to_lowercase();
        for swap in &world.swaps {
            // Writing to a string cannot fail.
            let _ = writeln!(table, "{},{schedule},{},{},{}", world.shift.rate, swap.step, swap.a, swap.b);
        }
    }
    table
}

/// `layer_N.weight` `[outputs, inputs]` and `layer_N.bias` as other frameworks name and lay them out.
fn weights_file(arm: &Arm) -> Result<Vec<u8>> {
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let mut entries = Vec::new();
    for (at, layer) in arm.network.layers.iter().enumerate() {
        entries.push((format!("layer_{}.weight", at + 1), vec![layer.outputs, layer.inputs], bytes(&layer.plain_weights())));
        entries.push((format!("layer_{}.bias", at + 1), vec![layer.outputs], bytes(&layer.bias[..layer.outputs])));
    }
    let misfit = |error: safetensors::SafeTensorError| Error::Record(format!("the weights of {} cannot be written: {error}", arm.name));
    let views = entries.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(misfit)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(misfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_by_hand() {
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)]) - 0.5).abs() < 1e-12);
    }
}

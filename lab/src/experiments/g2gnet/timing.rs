//! How long a training step takes in every arm, beside what its multiply-accumulates promise.

use super::{arm::Arm, arms::ArmId};
use crate::{
    Recorder,
    record::{Bars, Frame, Role},
};

/// Milliseconds of a training step, over the steps that this process made.
pub fn mean_step_ms(arm: &Arm) -> Option<f64> {
    let (seconds, steps) = arm.clock.all;
    (steps > 0).then(|| 1000.0 * seconds / steps as f64)
}

/// An arm's time and size.
struct Timed {
    arm: ArmId,
    milliseconds: f64,
    /// Multiply-accumulates of a training step and image over the weights that exist.
    macs: f64,
}

/// Says the times so far. The picture's name begins as that of everything does that depends on the clock.
pub fn tell_times(arms: &[Arm], out: &mut Recorder) {
    let timed: Vec<Timed> = arms
        .iter()
        .filter(|arm| arm.state.alive)
        .filter_map(|arm| Some(Timed { arm: arm.id, milliseconds: mean_step_ms(arm)?, macs: arm.network.macs_per_image().1 as f64 }))
        .collect();
    if !timed.is_empty() {
        out.frame("time/steps", None, Frame::Bars(bars(&timed)));
    }
}

/// Measured times and, where the dense arm is there to compare with, its time by the share of its multiply-accumulates that an arm has.
fn bars(timed: &[Timed]) -> Bars {
    let mut bars = Bars::new("arm", "ms a training step", timed.iter().map(|one| one.arm.id().to_owned()).collect());
    bars.add("measured", Role::Data, timed.iter().map(|one| one.milliseconds));
    if let Some(dense) = timed.iter().find(|one| one.arm == ArmId::Dense) {
        bars.add("by the weights that exist", Role::Theory, timed.iter().map(|one| dense.milliseconds * one.macs / dense.macs));
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_should_take_the_share_of_the_dense_time_that_it_has_of_the_dense_work() {
        let timed = |arm, milliseconds, macs| Timed { arm, milliseconds, macs };
        let both = bars(&[timed(ArmId::Tile, 3.0, 250.0), timed(ArmId::Dense, 8.0, 1_000.0)]);
        assert_eq!(both.categories, ["tile", "dense"]);
        let heights: Vec<Vec<f64>> = both.plot.curves.iter().map(|curve| curve.y.iter().map(|y| y.0).collect()).collect();
        assert_eq!(heights, [[3.0, 8.0], [2.0, 8.0]]);
        assert_eq!(bars(&[timed(ArmId::Tile, 3.0, 250.0)]).plot.curves.len(), 1, "nothing to compare with");
    }
}

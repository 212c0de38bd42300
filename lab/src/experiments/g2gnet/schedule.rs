//! When what happens in a run: learning rate, rewiring events, Hebbian windows, and how often numbers are said.

use super::{config::G2gNetConfig, rewiring::swap_share};

/// A run has at least this many evaluations of the validation part.
const LEAST_EVALUATIONS: u64 = 6;
/// A run has at least this many evaluations of the test part.
const LEAST_TESTS: u64 = 4;
/// About this many points of the training loss are said by each arm.
const LOSS_POINTS: u64 = 400;

/// The times of a run; steps `t` count from 1.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Optimiser steps in all.
    pub total: u64,
    steps_per_epoch: u64,
    every: u64,
    fraction: f64,
    anneal: bool,
    stop_frac: f64,
    window: u64,
}

impl Schedule {
    /// The schedule of a config for a run of `total` steps.
    pub fn new(config: &G2gNetConfig, total: u64) -> Self {
        Self {
            total,
            steps_per_epoch: config.steps_per_epoch(),
            every: config.dst_every,
            fraction: config.dst_fraction,
            anneal: config.dst_anneal,
            stop_frac: config.dst_stop_frac,
            window: config.hebb_window,
        }
    }

    /// The step size at step `t`, falling from `base` to 0 along a half cosine.
    pub fn learning_rate(self, base: f64, t: u64) -> f64 {
        base / 2.0 * (1.0 + (std::f64::consts::PI * (t - 1) as f64 / self.total as f64).cos())
    }

    fn stop(self) -> f64 {
        self.stop_frac * self.total as f64
    }

    /// Whether edges are swapped at step `t`: every `dst_every` steps while `t < dst_stop_frac * total`.
    pub fn is_rewiring(self, t: u64) -> bool {
        self.fraction > 0.0 && t.is_multiple_of(self.every) && (t as f64) < self.stop()
    }

    /// Whether the batch of step `t` counts for the Hebbian scores of the next event.
    pub fn is_in_window(self, t: u64) -> bool {
        let event = t.next_multiple_of(self.every);
        self.is_rewiring(event) && t + self.window > event
    }

    /// Share of the edges swapped at step `t`.
    pub fn swap_share(self, t: u64) -> f64 {
        swap_share(self.fraction, self.anneal, t, self.stop())
    }

    /// Number of rewiring events.
    pub fn events(self) -> u64 {
        if self.fraction == 0.0 { 0 } else { (1..).take_while(|event| self.is_rewiring(event * self.every)).count() as u64 }
    }

    /// Whether the validation part is evaluated after step `t`: at the end of every epoch, and in between where epochs are few.
    pub fn is_evaluation(self, t: u64) -> bool {
        self.divides_epochs(t, LEAST_EVALUATIONS)
    }

    /// Whether the test part is evaluated as well. Every such step is an evaluation of the validation part too.
    pub fn is_test(self, t: u64) -> bool {
        self.divides_epochs(t, LEAST_TESTS)
    }

    fn divides_epochs(self, t: u64, least: u64) -> bool {
        let epochs = self.total.div_ceil(self.steps_per_epoch);
        // A power of two, so that the coarser division of an epoch is part of the finer one.
        let parts = least.div_ceil(epochs).next_power_of_two();
        let part = |t: u64| t * parts / self.steps_per_epoch;
        t == self.total || part(t) != part(t - 1)
    }

    /// Whether the mean training loss since the last time is said at step `t`.
    pub fn is_loss_point(self, t: u64) -> bool {
        t == 1 || t == self.total || t.is_multiple_of(self.loss_interval())
    }

    /// Whether times are said at step `t`.
    pub fn is_clock_point(self, t: u64) -> bool {
        t == self.total || t.is_multiple_of(8 * self.loss_interval())
    }

    fn loss_interval(self) -> u64 {
        (self.total / LOSS_POINTS).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(epochs: u64) -> Schedule {
        let config = G2gNetConfig { epochs, dst_every: 40, ..G2gNetConfig::default() };
        Schedule::new(&config, config.total_steps())
    }

    #[test]
    fn events_stop_at_three_quarters_and_windows_lie_before_them() {
        let quick = schedule(6);
        let events: Vec<u64> = (1..=quick.total).filter(|t| quick.is_rewiring(*t)).collect();
        assert_eq!(events, [40, 80, 120, 160, 200, 240, 280, 320]);
        assert_eq!(quick.events(), 8);
        let window: Vec<u64> = (1..=quick.total).filter(|t| quick.is_in_window(*t)).collect();
        assert_eq!(window[..6], [36, 37, 38, 39, 40, 76]);
        assert_eq!(window.len(), 40);
    }

    #[test]
    fn evaluations_come_at_every_epoch_and_more_often_in_short_runs() {
        for epochs in [1, 2, 3, 5, 6, 30] {
            let schedule = schedule(epochs);
            let all: Vec<u64> = (1..=schedule.total).filter(|t| schedule.is_evaluation(*t)).collect();
            let tests: Vec<u64> = (1..=schedule.total).filter(|t| schedule.is_test(*t)).collect();
            assert!(all.len() as u64 >= LEAST_EVALUATIONS && tests.len() as u64 >= LEAST_TESTS, "{epochs}: {all:?} {tests:?}");
            assert!((1..=epochs).all(|epoch| tests.contains(&(78 * epoch))));
            assert!(tests.iter().all(|t| all.contains(t)));
        }
    }

    #[test]
    fn the_learning_rate_falls_to_nearly_zero() {
        let quick = schedule(6);
        assert_eq!(quick.learning_rate(0.1, 1), 0.1);
        assert!((quick.learning_rate(0.1, 235) - 0.05).abs() < 1e-3);
        assert!(quick.learning_rate(0.1, 468) < 1e-5);
    }
}

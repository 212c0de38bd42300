//! Concept shift: pairs of labels are exchanged for all images, at a rate that may itself change.

use super::config::CLASSES;
use crate::random::Generator;
use serde::{Deserialize, Serialize};

/// How the shift rate changes over a run. The paper names second-order shift; these two forms are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// The shift rate and the low one by turns, beginning with the former.
    Seasonal,
    /// From the low rate in the first epoch evenly to the shift rate in the last.
    Ramp,
}

impl Schedule {
    /// What tells arms of this schedule apart from those of others.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Constant => "",
            Self::Seasonal => "_seasonal",
            Self::Ramp => "_ramp",
        }
    }
}

/// When labels are exchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Swaps an epoch (s).
    pub rate: u64,
    /// Swaps an epoch in quiet times.
    pub low: u64,
    /// How the rate changes.
    pub schedule: Schedule,
    /// Epochs of a season.
    pub season_epochs: u64,
    /// Epochs of the run.
    pub epochs: u64,
    /// Batches in an epoch.
    pub batches: u64,
}

impl Shift {
    /// Swaps in an epoch, counted from 0.
    pub fn rate_of(&self, epoch: u64) -> u64 {
        match self.schedule {
            Schedule::Constant => self.rate,
            Schedule::Seasonal if (epoch / self.season_epochs).is_multiple_of(2) => self.rate,
            Schedule::Seasonal => self.low,
            Schedule::Ramp if self.epochs == 1 => self.rate,
            Schedule::Ramp => {
                let share = epoch as f64 / (self.epochs - 1) as f64;
                (self.low as f64 + share * (self.rate as f64 - self.low as f64)).round() as u64
            }
        }
    }

    /// Whether labels are exchanged once batch `t` of the run, from 1, is finished.
    ///
    /// Within an epoch of n batches at rate s that is after every `floor(n / s)` of them, s times. The published test,
    /// `sample % (samples / s) == 0`, skips swaps where that number is no multiple of the batch size; this one does not.
    pub fn is_swap(&self, t: u64) -> bool {
        let (epoch, within) = ((t - 1) / self.batches, (t - 1) % self.batches + 1);
        match self.rate_of(epoch) {
            0 => false,
            rate => {
                let interval = self.batches / rate;
                within.is_multiple_of(interval) && within / interval <= rate
            }
        }
    }

    /// Swaps in the whole run.
    pub fn total(&self) -> u64 {
        (0..self.epochs).map(|epoch| self.rate_of(epoch)).sum()
    }
}

/// Which label each class carries now (π): the label of an image of class y is `labels.of(y)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels([u8; CLASSES]);

impl Default for Labels {
    fn default() -> Self {
        Self(std::array::from_fn(|class| class as u8))
    }
}

impl Labels {
    /// The label of a class.
    pub fn of(&self, class: u8) -> u8 {
        self.0[usize::from(class)]
    }

    /// Images labelled `a` are labelled `b` from now on, and the reverse.
    pub fn exchange(&mut self, a: u8, b: u8) {
        for label in &mut self.0 {
            *label = match *label {
                label if label == a => b,
                label if label == b => a,
                label => label,
            };
        }
    }
}

/// The labels of swap number `k`, from 0: two different ones, drawn uniformly, in ascending order. They follow from seed and number alone, so
/// that every arm lives through the same swaps, and worlds of other rates through the same sequence of them.
pub fn pair(seed: u64, k: u64) -> (u8, u8) {
    let chosen = Generator::new(seed, &format!("swaps/swap_{k}")).choose(CLASSES, 2);
    (chosen[0] as u8, chosen[1] as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIFT: Shift = Shift { rate: 7, low: 1, schedule: Schedule::Constant, season_epochs: 2, epochs: 5, batches: 6_000 };

    fn swaps(shift: &Shift, epoch: u64) -> Vec<u64> {
        (1..=shift.batches).filter(|within| shift.is_swap(epoch * shift.batches + within)).collect()
    }

    #[test]
    fn a_rate_that_does_not_divide_the_epoch_still_gives_all_its_swaps() {
        for epoch in [0, 1, 4] {
            assert_eq!(swaps(&SHIFT, epoch), [857, 1714, 2571, 3428, 4285, 5142, 5999]);
        }
        assert_eq!(swaps(&Shift { rate: 5, batches: 200, ..SHIFT }, 0), [40, 80, 120, 160, 200]);
        assert_eq!(swaps(&Shift { rate: 7, batches: 10, ..SHIFT }, 0).len(), 7);
        assert_eq!(swaps(&Shift { rate: 0, ..SHIFT }, 0).len(), 0);
        assert_eq!(SHIFT.total(), 35);
    }

    #[test]
    fn seasons_alternate_and_a_ramp_rises_evenly() {
        let rates = |shift: Shift| (0..shift.epochs).map(|epoch| shift.rate_of(epoch)).collect::<Vec<_>>();
        assert_eq!(rates(Shift { schedule: Schedule::Seasonal, ..SHIFT }), [7, 7, 1, 1, 7]);
        assert_eq!(rates(Shift { schedule: Schedule::Ramp, ..SHIFT }), [1, 3, 4, 6, 7]);
        assert_eq!(rates(Shift { schedule: Schedule::Ramp, epochs: 1, ..SHIFT }), [7]);
        let seasonal = Shift { schedule: Schedule::Seasonal, ..SHIFT };
        assert_eq!((swaps(&seasonal, 1).len(), swaps(&seasonal, 2).len(), seasonal.total()), (7, 1, 23));
    }

    #[test]
    fn swaps_compose() {
        let mut labels = Labels::default();
        labels.exchange(1, 2);
        labels.exchange(2, 3);
        assert_eq!((labels.of(1), labels.of(2), labels.of(3), labels.of(4)), (3, 1, 2, 4));
    }

    #[test]
    fn pairs_follow_from_seed_and_number_and_are_uniform() {
        assert_eq!(pair(3, 5), pair(3, 5));
        let mut counts = [0; CLASSES];
        for k in 0..1_000 {
            let (a, b) = pair(0, k);
            assert!(a < b && usize::from(b) < CLASSES);
            counts[usize::from(a)] += 1;
            counts[usize::from(b)] += 1;
        }
        assert!(counts.iter().all(|count| (150..250).contains(count)), "{counts:?}");
        assert!((0..9).any(|k| pair(1, k) != pair(2, k)));
    }
}

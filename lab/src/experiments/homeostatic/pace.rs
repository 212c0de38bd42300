//! When points and pictures are due: every so many batches, sparser in long runs.

use super::config::HomeostaticConfig;

/// Batches between points in a run of usual length.
const EVERY: u64 = 50;
/// Points of a series at most.
const MOST_POINTS: u64 = 2_000;
/// Images between evaluations on held-out images.
const VALIDATION_SAMPLES: u64 = 1_000;
/// Pictures of a kind at most.
const PICTURES: u64 = 20;
/// Pictures of the labels at most.
const LABEL_PICTURES: u64 = 100;

/// When points and pictures are due in a run.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Batches of the run.
    pub total: u64,
    points: u64,
    validations: u64,
}

impl Pace {
    /// That of a config.
    pub fn new(config: &HomeostaticConfig) -> Self {
        let total = config.total_steps();
        let stretch = total.div_ceil(EVERY * MOST_POINTS).max(1);
        let validations = VALIDATION_SAMPLES.div_ceil(config.batch_size as u64) * stretch;
        Self { total, points: EVERY * stretch, validations }
    }

    /// Whether series get a point after batch `t`.
    pub fn is_point(self, t: u64) -> bool {
        t.is_multiple_of(self.points) || t == self.total
    }

    /// Whether held-out images are evaluated after batch `t`: every 1,000 images, and last.
    pub fn is_validation(self, t: u64) -> bool {
        t.is_multiple_of(self.validations) || t == self.total
    }

    /// Whether pictures that grow are shown after batch `t`.
    pub fn is_picture(self, t: u64) -> bool {
        t * PICTURES / self.total != (t - 1) * PICTURES / self.total
    }

    /// Whether swap number `k`, from 0, of `swaps` is pictured.
    pub fn is_pictured_swap(self, k: u64, swaps: u64) -> bool {
        k.is_multiple_of(swaps.div_ceil(LABEL_PICTURES).max(1))
    }

    /// Number of evaluations on held-out images.
    pub fn validation_count(self) -> u64 {
        self.total / self.validations + u64::from(!self.total.is_multiple_of(self.validations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_are_sparser_and_every_run_ends_with_a_point() {
        let short = Pace::new(&HomeostaticConfig { epochs: 1, train_samples: 1_230, ..HomeostaticConfig::default() });
        let steps = |due: &dyn Fn(u64) -> bool, total: u64| (1..=total).filter(|t| due(*t)).collect::<Vec<_>>();
        assert_eq!(steps(&|t| short.is_point(t), 123), [50, 100, 123]);
        assert_eq!(steps(&|t| short.is_validation(t), 123), [100, 123]);
        assert_eq!(short.validation_count(), 2);
        let long = Pace::new(&HomeostaticConfig { epochs: 50, train_samples: 60_000, ..HomeostaticConfig::default() });
        assert_eq!(steps(&|t| long.is_point(t), 300_000).len(), 2_000);
        assert_eq!(long.validation_count(), 1_000);
        let pictures = steps(&|t| long.is_picture(t), 300_000);
        assert_eq!((pictures.len(), pictures.last()), (20, Some(&300_000)));
        assert_eq!((0..2_500).filter(|k| long.is_pictured_swap(*k, 2_500)).count(), 100);
    }
}

//! The scores of an arm as it goes: accuracy before each update, what follows a swap, decisions, and where the learning rate has been.

use super::{config::HomeostaticConfig, shift::Shift};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Batches over which online accuracy is averaged.
const ONLINE: usize = 500;
/// Batches before and after a swap in the picture of what follows one.
pub const AROUND: usize = 200;
/// Batches that count as after a swap, and before it.
const NEAR: usize = 50;
/// Batches over which recovery is judged.
const RECOVERY: usize = 20;
/// Share of the accuracy before a swap that counts as recovered.
const RECOVERED: f64 = 0.95;
/// Epochs that count as the last ones.
const LAST_EPOCHS: usize = 3;
/// Bins of the histogram of learning rates an octave, and octaves below and above the rate at the start.
const BINS: (i32, i32, i32) = (2, 5, 6);

/// One decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The image's place in its epoch, from 0.
    pub sample: usize,
    /// Its guessed label.
    pub guessed: u8,
    /// Its true one.
    pub label: u8,
    /// Right answers in the two imagined futures, leave and take, where they were imagined.
    pub right: Option<[usize; 2]>,
    /// Whether it was taken in.
    pub taken: bool,
    /// Imagined gain of accuracy.
    pub gain: f64,
    /// Whether the guessed effect differs from the true one.
    pub is_wrong: bool,
}

/// Decisions under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Decisions {
    /// Made.
    pub made: u64,
    /// Of these, taken.
    pub taken: u64,
    /// Sum of the gains of those taken.
    pub gain: f64,
    /// Of those taken, with another effect than guessed.
    pub wrong: u64,
}

/// An epoch under way or done.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Epoch {
    batches: u64,
    correct: u64,
    rate: f64,
}

/// One place of the time line.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Moment {
    /// Batches seen.
    pub step: u64,
    /// Online accuracy.
    pub accuracy: f64,
    /// Learning rate.
    pub rate: f64,
}

/// The scores of an arm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tally {
    batch: usize,
    first_rate: f64,
    batches_in_epoch: u64,
    /// Images told right in each of the last batches, the newest last, and learning rates of those around a swap.
    correct: VecDeque<u16>,
    rates: VecDeque<f64>,
    epochs: Vec<Epoch>,
    /// Images told right, and batches, soon after swaps.
    after_swaps: (u64, u64),
    /// Batches since the last swap.
    age: Option<u64>,
    /// What online accuracy must reach after it; `None` once it has.
    goal: Option<f64>,
    recoveries: Vec<u64>,
    censored: u64,
    around: Around,
    histogram: Vec<u64>,
    /// Since they were said last.
    pub decisions: Decisions,
    /// Of the whole run.
    pub all_decisions: Decisions,
    /// The last decision.
    #[serde(skip)]
    pub last_decision: Option<Decision>,
    /// Online accuracy and learning rate over time.
    pub timeline: Vec<Moment>,
    /// The newest accuracy on held-out images.
    pub validation: f64,
}

/// Sums over swaps by distance from the swap, `2 AROUND` batches.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Around {
    /// Swaps summed.
    pub swaps: u64,
    correct: Vec<u64>,
    rates: Vec<f64>,
}

impl Tally {
    /// Nothing seen yet.
    pub fn new(config: &HomeostaticConfig) -> Self {
        Self {
            batch: config.batch_size,
            first_rate: config.learning_rate,
            batches_in_epoch: config.batches(),
            correct: VecDeque::new(),
            rates: VecDeque::new(),
            epochs: Vec::new(),
            after_swaps: (0, 0),
            age: None,
            goal: None,
            recoveries: Vec::new(),
            censored: 0,
            around: Around { swaps: 0, correct: vec![0; 2 * AROUND], rates: vec![0.0; 2 * AROUND] },
            histogram: vec![0; edges(config.learning_rate).len() - 1],
            decisions: Decisions::default(),
            all_decisions: Decisions::default(),
            last_decision: None,
            timeline: Vec::new(),
            validation: f64::NAN,
        }
    }

    /// Adds a decision.
    pub fn decided(&mut self, decision: Decision) {
        for sums in [&mut self.decisions, &mut self.all_decisions] {
            sums.made += 1;
            if decision.taken {
                sums.taken += 1;
                sums.gain += decision.gain;
                sums.wrong += u64::from(decision.is_wrong);
            }
        }
        self.last_decision = Some(decision);
    }

    /// Adds batch `t`: images told right in it before its update, and the learning rate of that update.
    pub fn add(&mut self, shift: &Shift, t: u64, correct: usize, rate: f64) {
        remember(&mut self.correct, correct as u16, ONLINE);
        remember(&mut self.rates, rate, 2 * AROUND);
        let epoch = ((t - 1) / self.batches_in_epoch) as usize;
        self.epochs.resize(epoch + 1, Epoch::default());
        let epoch = &mut self.epochs[epoch];
        epoch.batches += 1;
        epoch.correct += correct as u64;
        epoch.rate += rate;
        self.histogram[bin_of(rate / self.first_rate)] += 1;
        if let Some(age) = &mut self.age {
            *age += 1;
            let age = *age;
            if age <= NEAR as u64 {
                self.after_swaps.0 += correct as u64;
                self.after_swaps.1 += 1;
            }
            if age >= RECOVERY as u64 && self.goal.is_some_and(|goal| self.recent(RECOVERY) >= goal) {
                self.recoveries.push(age);
                self.goal = None;
            }
        }
        if t >= 2 * AROUND as u64 && shift.is_swap(t - AROUND as u64) {
            self.around.swaps += 1;
            let newest = self.correct.iter().skip(self.correct.len() - 2 * AROUND);
            self.around.correct.iter_mut().zip(newest).for_each(|(sum, correct)| *sum += u64::from(*correct));
            self.around.rates.iter_mut().zip(&self.rates).for_each(|(sum, rate)| *sum += rate);
        }
        if shift.is_swap(t) {
            self.censor();
            self.goal = Some(RECOVERED * self.recent(NEAR));
            self.age = Some(0);
        }
    }

    /// A recovery still waited for is cut short, by the next swap or by the end of the run.
    pub fn censor(&mut self) {
        if self.goal.take().is_some() {
            self.recoveries.push(self.age.unwrap_or(0));
            self.censored += 1;
        }
    }

    /// Share told right of the images of the last `batches`, or of all if there are fewer.
    fn recent(&self, batches: usize) -> f64 {
        let count = batches.min(self.correct.len());
        let sum: u64 = self.correct.iter().rev().take(count).map(|correct| u64::from(*correct)).sum();
        sum as f64 / (count * self.batch) as f64
    }

    /// Online accuracy: share of images told right before they were learnt, over the last 500 batches.
    pub fn online(&self) -> f64 {
        self.recent(ONLINE)
    }

    /// Online accuracy over the whole run.
    pub fn online_mean(&self) -> f64 {
        self.accuracy_of(&self.epochs)
    }

    /// Online accuracy over the last three epochs.
    pub fn online_last(&self) -> f64 {
        self.accuracy_of(&self.epochs[self.epochs.len().saturating_sub(LAST_EPOCHS)..])
    }

    /// Online accuracy of every epoch.
    pub fn by_epoch(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| self.accuracy_of(std::slice::from_ref(epoch))).collect()
    }

    fn accuracy_of(&self, epochs: &[Epoch]) -> f64 {
        let (correct, batches) = epochs.iter().fold((0, 0), |sum, epoch| (sum.0 + epoch.correct, sum.1 + epoch.batches));
        correct as f64 / (batches * self.batch as u64) as f64
    }

    /// Mean learning rate over the run, and over its last epoch.
    pub fn rates(&self) -> (f64, f64) {
        let mean = |epochs: &[Epoch]| {
            let (rate, batches) = epochs.iter().fold((0.0, 0), |sum, epoch| (sum.0 + epoch.rate, sum.1 + epoch.batches));
            rate / batches as f64
        };
        (mean(&self.epochs), mean(&self.epochs[self.epochs.len().saturating_sub(1)..]))
    }

    /// Online accuracy of the 50 batches after each swap; NaN without one.
    pub fn after_swap(&self) -> f64 {
        self.after_swaps.0 as f64 / (self.after_swaps.1 * self.batch as u64) as f64
    }

    /// Median batches until online accuracy over 20 batches is back at 95 % of its mean over the 50 before the swap, one that is cut short
    /// counting as long as it was watched; and the share cut short. NaN without a swap.
    pub fn recovery(&self) -> (f64, f64) {
        let mut batches = self.recoveries.clone();
        batches.sort_unstable();
        let count = batches.len();
        let median = match count {
            0 => f64::NAN,
            count if count.is_multiple_of(2) => (batches[count / 2 - 1] + batches[count / 2]) as f64 / 2.0,
            count => batches[count / 2] as f64,
        };
        (median, self.censored as f64 / count as f64)
    }

    /// Swaps seen from both sides.
    pub fn swaps_seen(&self) -> u64 {
        self.around.swaps
    }

    /// Online accuracy and mean learning rate around swaps, in bins of so many batches.
    pub fn around(&self, bin: usize) -> (Vec<f64>, Vec<f64>) {
        let images = self.around.swaps as f64 * (bin * self.batch) as f64;
        let accuracy = self.around.correct.chunks(bin).map(|part| part.iter().sum::<u64>() as f64 / images);
        let rates = self.around.rates.chunks(bin).map(|part| part.iter().sum::<f64>() / (self.around.swaps as f64 * bin as f64));
        (accuracy.collect(), rates.collect())
    }

    /// Edges of the bins of [`Tally::histogram`]: half octaves around the rate at the start, and all below and above.
    pub fn histogram_edges(&self) -> Vec<f64> {
        edges(self.first_rate)
    }

    /// Batches by their learning rate.
    pub fn histogram(&self) -> &[u64] {
        &self.histogram
    }
}

fn edges(first_rate: f64) -> Vec<f64> {
    let (bins, below, above) = BINS;
    let mut edges = vec![0.0];
    edges.extend((-below * bins..=above * bins).map(|half| first_rate * 2f64.powf(f64::from(half) / f64::from(bins))));
    edges.push(first_rate * 2f64.powi(2 * above));
    edges
}

fn bin_of(ratio: f64) -> usize {
    let (bins, below, above) = BINS;
    let at = (ratio.log2() * f64::from(bins)).floor() + f64::from(below * bins);
    // The first bin takes all that is smaller (also 0, whose logarithm is -infinity), the last all that is larger.
    (at + 1.0).clamp(0.0, f64::from((below + above) * bins + 1)) as usize
}

fn remember<T>(values: &mut VecDeque<T>, value: T, most: usize) {
    if values.len() == most {
        values.pop_front();
    }
    values.push_back(value);
}

#[cfg(test)]
mod tests {
    use super::super::shift::Schedule;
    use super::*;

    /// Two epochs of 1,000 batches with a swap in the middle of each.
    const SHIFT: Shift = Shift { rate: 2, low: 0, schedule: Schedule::Constant, season_epochs: 1, epochs: 2, batches: 1_000 };

    fn tally() -> Tally {
        Tally::new(&HomeostaticConfig { train_samples: 10_000, epochs: 2, shift_rates: vec![2], ..HomeostaticConfig::default() })
    }

    #[test]
    fn a_hand_worked_fall_and_recovery() {
        let mut tally = tally();
        for t in 1..=1_000 {
            // Eight of ten right, two of ten for 60 batches after the swap at 500.
            tally.add(&SHIFT, t, if (501..=560).contains(&t) { 2 } else { 8 }, 0.001 * (1 + t / 501) as f64);
        }
        assert!((tally.online_mean() - (940.0 * 0.8 + 60.0 * 0.2) / 1_000.0).abs() < 1e-12);
        assert!((tally.after_swap() - 0.2).abs() < 1e-12);
        // Back at 0.76 when at most one of the last 20 batches is from the fall: 8 - 6/20 = 7.7.
        assert_eq!(tally.recovery(), (79.0, 0.0));
        let (accuracy, rates) = tally.around(10);
        assert_eq!((accuracy.len(), tally.swaps_seen()), (40, 1));
        assert!((accuracy[19] - 0.8).abs() < 1e-12 && (accuracy[20] - 0.2).abs() < 1e-12 && (accuracy[26] - 0.8).abs() < 1e-12);
        assert!((rates[19] - 0.001).abs() < 1e-12 && (rates[20] - 0.002).abs() < 1e-12);
        assert!((tally.online() - (440.0 * 0.8 + 60.0 * 0.2) / 500.0).abs() < 1e-12);
        // The swap at 1000 waits for a recovery that the end of the run cuts short.
        (1_001..=1_010).for_each(|t| tally.add(&SHIFT, t, 0, 0.001));
        tally.censor();
        assert_eq!(tally.recovery(), ((79.0 + 10.0) / 2.0, 0.5));
        assert_eq!(tally.by_epoch()[1], 0.0);
        let (mean, end) = tally.rates();
        assert!((end - 0.001).abs() < 1e-12 && (mean - (500.0 * 0.001 + 500.0 * 0.002 + 10.0 * 0.001) / 1_010.0).abs() < 1e-12);
    }

    #[test]
    fn learning_rates_fall_in_their_bins() {
        let mut tally = tally();
        let edges = tally.histogram_edges();
        let rates = [1e-8, 0.0, 0.001, 0.0011, 0.0001, 0.004, 0.9];
        rates.iter().enumerate().for_each(|(at, rate)| tally.add(&SHIFT, at as u64 + 1, 5, *rate));
        assert_eq!(tally.histogram().iter().sum::<u64>(), 7);
        assert_eq!((tally.histogram()[0], tally.histogram().last()), (2, Some(&1)));
        for (bin, count) in tally.histogram().iter().enumerate() {
            let expected = rates.iter().filter(|rate| {
                (edges[bin] - 1e-15..edges[bin + 1] - 1e-15).contains(*rate) || (**rate > edges[bin + 1] && bin + 2 == edges.len())
            });
            assert_eq!(*count as usize, expected.count(), "bin {bin} of {edges:?}");
        }
    }

    #[test]
    fn decisions_add_up() {
        let mut tally = tally();
        let decision = Decision { sample: 30, guessed: 1, label: 7, right: Some([3, 5]), taken: true, gain: 0.1, is_wrong: true };
        tally.decided(decision);
        tally.decided(Decision { taken: false, ..decision });
        assert_eq!(tally.decisions, Decisions { made: 2, taken: 1, gain: 0.1, wrong: 1 });
        assert_eq!(tally.all_decisions, tally.decisions);
    }
}

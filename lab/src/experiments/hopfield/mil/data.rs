//! Labelled bags, made or read, and their division into folds.

use super::{bags::Bags, config::MilConfig};
use crate::{Error, Lab, Result, datasets, random::Generator};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The digit that makes a bag of digits positive.
const TARGET_DIGIT: u8 = 9;

/// Labelled bags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BagData {
    /// Bags of random bits; half of them hold one of a few fixed signals. Generated.
    BitPattern,
    /// Bags of 8 x 8 digits; positive where one is a 9. The images of a fold are in no other. Bundled.
    DigitsBags,
    /// Molecules as bags of their shapes; positive where one smells of musk.
    Musk1,
    /// As MUSK1, with more shapes.
    Musk2,
    /// Pictures as bags of regions; positive with an elephant.
    Elephant,
    /// As Elephant, with a fox. Can only be imported.
    Fox,
    /// As Elephant, with a tiger. Can only be imported.
    Tiger,
    /// Tissue as bags of patches; positive where it is malignant.
    UcsbBreastCancer,
    /// A set of bags of one's own, which has been imported.
    Upload,
}

impl BagData {
    /// The sets of which the paper says how many Hopfield pooling wins.
    pub const OF_THE_PAPER: [Self; 4] = [Self::Tiger, Self::Fox, Self::Elephant, Self::UcsbBreastCancer];

    /// Its stable id, which is that of the catalogue of data sets for those that it knows.
    pub fn id(self) -> &'static str {
        match self {
            Self::BitPattern => "bit_pattern",
            Self::DigitsBags => "digits_bags",
            Self::Musk1 => "musk1",
            Self::Musk2 => "musk2",
            Self::Elephant => "elephant",
            Self::Fox => "fox",
            Self::Tiger => "tiger",
            Self::UcsbBreastCancer => "ucsb_breast_cancer",
            Self::Upload => "upload",
        }
    }

    /// The id of the data set that is read.
    pub fn set(self, config: &MilConfig) -> &str {
        if self == Self::Upload { &config.uploaded } else { self.id() }
    }

    /// Whether its bags are made here, as many as the config says.
    pub fn is_made(self) -> bool {
        matches!(self, Self::BitPattern | Self::DigitsBags)
    }
}

/// A set of labelled bags in folds.
#[derive(Debug, Clone)]
pub struct BagSet {
    /// The bags.
    pub bags: Bags<f32>,
    /// 1 for positive bags.
    pub labels: Vec<u8>,
    /// The fold in which a bag is tested.
    pub fold: Vec<usize>,
    /// Whether an instance is what makes its bag positive; empty where that is not known.
    pub key: Vec<bool>,
}

impl BagSet {
    /// Makes or reads `data`. Errors: files missing, no such set or none of bags, too few bags of a class for the folds.
    pub fn load(data: BagData, config: &MilConfig, lab: &Lab) -> Result<Self> {
        match data {
            BagData::BitPattern => Ok(bit_patterns(config, lab.seed)),
            BagData::DigitsBags => digits_bags(config, lab),
            _ => {
                let mut generator = lab.generator(&format!("mil/{}", data.id()));
                let id = data.set(config);
                let read = datasets::load_bags(id, &lab.data_folders)?;
                check_folds(id, &read.labels, config.folds)?;
                Ok(Self::of(&read, config.folds, &mut generator))
            }
        }
    }

    /// Bags that were read, in folds; of none is known what makes it positive.
    fn of(read: &datasets::BagSet, folds: usize, generator: &mut Generator) -> Self {
        let bags = Bags { width: read.features, values: read.values.clone(), offsets: read.offsets.clone() };
        Self { bags, fold: stratified(&read.labels, folds, generator), labels: read.labels.clone(), key: Vec::new() }
    }

    /// The bags that are tested in `fold`, and the others divided into those to train on and those to validate on, by class. Each list is in
    /// a fixed order.
    pub fn split(&self, fold: usize, validation_fraction: f64, seed: u64) -> Split {
        let mut split = Split { train: Vec::new(), validation: Vec::new(), test: Vec::new() };
        split.test = (0..self.labels.len()).filter(|bag| self.fold[*bag] == fold).collect();
        for class in [0, 1] {
            let rest: Vec<usize> = (0..self.labels.len()).filter(|bag| self.fold[*bag] != fold && self.labels[*bag] == class).collect();
            let held = ((validation_fraction * rest.len() as f64).round() as usize).clamp(1, rest.len() - 1);
            let order = Generator::new(seed, &format!("mil/validation/{fold}/{class}")).permutation(rest.len());
            for (place, at) in order.into_iter().enumerate() {
                let part = if place < held { &mut split.validation } else { &mut split.train };
                part.push(rest[at as usize]);
            }
        }
        split.train.sort_unstable();
        split.validation.sort_unstable();
        split
    }
}

/// Bags of one fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Trained on.
    pub train: Vec<usize>,
    /// What epochs and rates are chosen by.
    pub validation: Vec<usize>,
    /// Only looked at.
    pub test: Vec<usize>,
}

/// Errors: a class has fewer bags than there are folds, or a fold leaves fewer than two of them, to train and to validate on.
fn check_folds(id: &str, labels: &[u8], folds: usize) -> Result<()> {
    for class in [0, 1] {
        let bags = labels.iter().filter(|label| **label == class).count();
        if bags < folds || bags - bags.div_ceil(folds) < 2 {
            return Err(Error::Data(format!("{id} has {bags} bags of class {class}, too few for {folds} folds.")));
        }
    }
    Ok(())
}

/// A fold for every bag, by class, in random order: stratified k-fold.
pub fn stratified(labels: &[u8], folds: usize, generator: &mut Generator) -> Vec<usize> {
    let mut fold = vec![0; labels.len()];
    let mut dealt = 0;
    for class in [0, 1] {
        let members: Vec<usize> = (0..labels.len()).filter(|bag| labels[*bag] == class).collect();
        for at in generator.permutation(members.len()) {
            fold[members[at as usize]] = dealt % folds;
            dealt += 1;
        }
    }
    fold
}

/// The bits of an instance as 0 and 1, as in the authors' demonstration. Negative bags hold no signal.
fn bit_patterns(config: &MilConfig, seed: u64) -> BagSet {
    let mut generator = Generator::new(seed, "mil/bit_pattern");
    let bits = config.num_bits;
    let instance =
        |generator: &mut Generator| -> Vec<f32> { (0..bits).map(|_| f32::from(u8::from(generator.rng().random::<bool>()))).collect() };
    let mut signals: Vec<Vec<f32>> = Vec::new();
    while signals.len() < config.num_signals {
        let signal = instance(&mut generator);
        if !signals.contains(&signal) {
            signals.push(signal);
        }
    }
    let mut set = BagSet { bags: Bags::new(bits), labels: Vec::new(), fold: Vec::new(), key: Vec::new() };
    for bag in 0..config.num_bags {
        let label = (bag % 2) as u8;
        let place = generator.rng().random_range(0..config.instances_per_bag);
        let mut values = Vec::with_capacity(bits * config.instances_per_bag);
        for at in 0..config.instances_per_bag {
            let is_key = label == 1 && at == place;
            set.key.push(is_key);
            if is_key {
                let which = generator.rng().random_range(0..signals.len());
                values.extend_from_slice(&signals[which]);
            } else {
                values
                    .extend(std::iter::repeat_with(|| instance(&mut generator)).find(|drawn| !signals.contains(drawn)).unwrap_or_default());
            }
        }
        set.bags.push(&values);
        set.labels.push(label);
    }
    set.fold = stratified(&set.labels, config.folds, &mut generator);
    set
}

/// Bags of 10 +- 2 digits, half of them with a 9. The images are divided among the folds before bags are drawn, so that no image is both
/// trained on and tested on.
fn digits_bags(config: &MilConfig, lab: &Lab) -> Result<BagSet> {
    let digits = datasets::load("digits", &lab.data_folders)?;
    let mut generator = lab.generator("mil/digits_bags");
    let images: Vec<(&[u8], u8)> = [&digits.train, &digits.test]
        .into_iter()
        .flat_map(|split| split.images.chunks_exact(64).zip(split.labels.iter().copied()))
        .collect();
    let order = generator.permutation(images.len());
    let mut set = BagSet { bags: Bags::new(64), labels: Vec::new(), fold: Vec::new(), key: Vec::new() };
    for bag in 0..config.num_bags {
        let (fold, label) = (bag % config.folds, (bag / config.folds % 2) as u8);
        let pool = order.iter().skip(fold).step_by(config.folds).map(|at| images[*at as usize]);
        let (targets, others): (Vec<_>, Vec<_>) = pool.partition(|(_, digit)| *digit == TARGET_DIGIT);
        let length = generator.rng().random_range(8..=12);
        let mut values = Vec::with_capacity(length * 64);
        let place = generator.rng().random_range(0..length);
        for at in 0..length {
            let from = if label == 1 && at == place { &targets } else { &others };
            let (image, digit) = from[generator.rng().random_range(0..from.len())];
            values.extend(image.iter().map(|pixel| f32::from(*pixel) / f32::from(digits.max_value)));
            set.key.push(digit == TARGET_DIGIT);
        }
        set.bags.push(&values);
        set.labels.push(label);
        set.fold.push(fold);
    }
    Ok(set)
}

/// Mean and one over the standard deviation of every feature, from the instances of some bags; features that do not vary are left alone.
#[derive(Debug, Clone)]
pub struct Standard {
    mean: Vec<f32>,
    scale: Vec<f32>,
}

impl Standard {
    /// Of the bags `train` of `bags`.
    pub fn of(bags: &Bags<f32>, train: &[usize]) -> Self {
        let (mut sums, mut squares, mut count) = (vec![0f64; bags.width], vec![0f64; bags.width], 0.0);
        for bag in train {
            for instance in bags.bag(*bag).chunks_exact(bags.width) {
                count += 1.0;
                for (at, value) in instance.iter().enumerate() {
                    sums[at] += f64::from(*value);
                    squares[at] += f64::from(*value) * f64::from(*value);
                }
            }
        }
        let scale = sums.iter().zip(&squares).map(|(sum, square)| {
            let variance = square / count - (sum / count).powi(2);
            if variance > 1e-12 { (1.0 / variance.sqrt()) as f32 } else { 1.0 }
        });
        Self { scale: scale.collect(), mean: sums.iter().map(|sum| (sum / count) as f32).collect() }
    }

    /// The bags with every feature shifted and scaled.
    pub fn apply(&self, mut bags: Bags<f32>) -> Bags<f32> {
        for instance in bags.values.chunks_exact_mut(bags.width) {
            for ((value, mean), scale) in instance.iter_mut().zip(&self.mean).zip(&self.scale) {
                *value = (*value - mean) * scale;
            }
        }
        bags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn load(data: BagData) -> BagSet {
        let config = MilConfig { num_bags: 60, folds: 3, ..MilConfig::default() };
        BagSet::load(data, &config, &Lab { device: Device::Cpu, data_folders: Vec::new(), seed: 1 }).unwrap()
    }

    #[test]
    fn bags_are_balanced_and_only_positive_ones_have_a_key() {
        for data in [BagData::BitPattern, BagData::DigitsBags] {
            let set = load(data);
            assert_eq!(set.labels.iter().filter(|label| **label == 1).count(), 30);
            for bag in 0..set.bags.len() {
                let keys = set.key[set.bags.rows(bag)].iter().filter(|key| **key).count();
                assert_eq!(keys, usize::from(set.labels[bag]), "{data:?}");
            }
            for fold in 0..3 {
                let split = set.split(fold, 0.2, 1);
                assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (32, 8, 20));
                let mut all = [split.train, split.validation, split.test].concat();
                all.sort_unstable();
                assert_eq!(all, (0..60).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn bags_that_were_read_keep_their_instances_and_are_dealt_by_class() {
        let labels = [1u8, 0, 0, 1, 1, 0, 1, 0];
        let read = datasets::BagSet {
            features: 2,
            values: (0..24).map(|value| value as f32).collect(),
            offsets: vec![0, 1, 3, 4, 5, 8, 9, 10, 12],
            labels: labels.to_vec(),
        };
        let set = BagSet::of(&read, 2, &mut Generator::new(0, "read"));
        assert_eq!((set.bags.len(), set.bags.width, set.bags.bag(1)), (8, 2, &[2.0f32, 3.0, 4.0, 5.0][..]));
        for fold in 0..2 {
            let of = |class: u8| (0..8).filter(|bag| set.fold[*bag] == fold && labels[*bag] == class).count();
            assert_eq!((of(0), of(1)), (2, 2));
        }
    }

    #[test]
    fn no_image_of_a_digit_is_in_two_folds() {
        let set = load(BagData::DigitsBags);
        let of_fold = |fold: usize| {
            let mut found = std::collections::BTreeSet::new();
            for bag in (0..60).filter(|bag| set.fold[*bag] == fold) {
                found.extend(set.bags.bag(bag).chunks(64).map(|image| image.iter().map(|p| (p * 16.0) as u8).collect::<Vec<_>>()));
            }
            found
        };
        assert!(of_fold(0).is_disjoint(&of_fold(1)) && of_fold(1).is_disjoint(&of_fold(2)));
    }

    #[test]
    fn features_are_standardised_by_the_training_bags() {
        let set = load(BagData::DigitsBags);
        let train: Vec<usize> = (0..40).collect();
        let standard = Standard::of(&set.bags, &train).apply(set.bags.gather(&train));
        let column: Vec<f64> = standard.values.iter().skip(20).step_by(64).map(|value| f64::from(*value)).collect();
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        let variance = column.iter().map(|value| value * value).sum::<f64>() / column.len() as f64 - mean * mean;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }
}

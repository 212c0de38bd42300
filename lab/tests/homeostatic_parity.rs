//! The homeostatic learner against numbers recorded from the authors' public code: every guess, decision and learning rate, and the final
//! weights, for a plain implementation in f64 (updated weights are copied, nothing is fused) and for the one that runs, in f64 and in f32.

use lab::{
    Lab, datasets,
    experiments::homeostatic::{
        arm::{Arm, Outcome},
        config::{ArmId, HomeostaticConfig},
        network::{Layer, Network},
        samples::{Batch, liken},
        shift::Labels,
    },
    kernels::few_rows::{Element, Rows},
};
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

const BATCH: usize = 10;
const MEMORY: usize = 20;
const WIDTHS: [usize; 4] = [784, 80, 60, 10];
const RECORDED: &[u8] = include_bytes!("data/homeostatic/parity.safetensors");

/// Name, system, rate at the start, step of the rate, accuracy on the held-out images at the end.
const ARMS: [(&str, ArmId, f64, f64, f64); 6] = [
    ("lrh", ArmId::Lrh, 0.001, 0.0001, 0.246),
    ("lrh_0.0058", ArmId::Lrh, 0.0058, 0.00058, 0.42),
    ("lrh_stress", ArmId::Lrh, 0.02, 0.01, 0.38),
    ("lrc", ArmId::Lrh, 0.001, 0.0, 0.24),
    ("lrc_0.0058", ArmId::Lrh, 0.0058, 0.0, 0.426),
    ("lrr", ArmId::Lrr, 0.001, 0.0001, 0.404),
];

struct Recorded(SafeTensors<'static>);

impl Recorded {
    fn open() -> Self {
        Self(SafeTensors::deserialize(RECORDED).unwrap())
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        let data = self.0.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}")).data();
        data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
    }

    fn counts(&self, name: &str) -> Vec<i64> {
        let tensor = self.0.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        match tensor.dtype() {
            safetensors::Dtype::U8 => tensor.data().iter().map(|value| i64::from(*value)).collect(),
            _ => tensor.data().as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }
}

/// The images of the recorded epoch in their order, and the held-out ones: pixels in `[0, 1]` and classes.
struct Images {
    pixels: Vec<f64>,
    classes: Vec<u8>,
    held_out: (Vec<f64>, Vec<u8>),
}

fn images(recorded: &Recorded) -> Images {
    let set = datasets::load("fashion_mnist", &[]).unwrap();
    let order = recorded.counts("initial.train_index");
    let image = |at: &i64| &set.train.images[*at as usize * 784..(*at as usize + 1) * 784];
    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (bytes, classes): (Vec<u8>, Vec<u8>) =
        (order.iter().flat_map(image).copied().collect(), order.iter().map(|at| set.train.labels[*at as usize]).collect());
    assert_eq!(hex(&bytes), "0d2afa469c39920ebb01c0ccec032709449cc2181e6138eff9ece7a78067c41a");
    let held_out = recorded.counts("initial.validation_index");
    let scaled = |bytes: &[u8]| bytes.iter().map(|pixel| f64::from(*pixel) / 255.0).collect::<Vec<_>>();
    let held_out_bytes: Vec<u8> =
        held_out.iter().flat_map(|at| &set.test.images[*at as usize * 784..(*at as usize + 1) * 784]).copied().collect();
    let held_out_classes = held_out.iter().map(|at| set.test.labels[*at as usize]).collect();
    Images { pixels: scaled(&bytes), classes, held_out: (scaled(&held_out_bytes), held_out_classes) }
}

/// What a run leaves to compare: batch by batch, decision by decision, and the final arrays `w12`, `b12`, `w23`, …
#[derive(Debug, Default)]
struct Trace {
    correct: Vec<i64>,
    rates: Vec<f64>,
    /// Sample, guess, label, right answers when left and when taken, whether taken.
    decisions: Vec<[i64; 6]>,
    arrays: Vec<(String, Vec<f64>)>,
    held_out_accuracy: f64,
}

/// Weights `[outputs, inputs]` and biases of three layers, and everything done to them as plainly as it can be said.
#[derive(Clone)]
struct Plain {
    weights: Vec<Vec<f64>>,
    biases: Vec<Vec<f64>>,
}

impl Plain {
    /// Inputs of every layer and the logits, for one image.
    fn forward(&self, image: &[f64]) -> Vec<Vec<f64>> {
        let mut activity = vec![image.to_vec()];
        for (at, (weights, biases)) in self.weights.iter().zip(&self.biases).enumerate() {
            let below = &activity[at];
            let sums = weights
                .chunks_exact(below.len())
                .zip(biases)
                .map(|(row, bias)| row.iter().zip(below).map(|(w, x)| w * x).sum::<f64>() + bias);
            activity.push(if at == 2 { sums.collect() } else { sums.map(|z| if z > 0.0 { z } else { z.exp() - 1.0 }).collect() });
        }
        activity
    }

    fn guess(&self, image: &[f64]) -> u8 {
        let logits = &self.forward(image)[3];
        (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best }) as u8
    }

    /// Gradient of the cross-entropy of one image, layer by layer: inputs and errors, whose outer product it is.
    fn gradient(&self, image: &[f64], label: u8) -> Vec<(Vec<f64>, Vec<f64>)> {
        let activity = self.forward(image);
        let most = activity[3].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = activity[3].iter().map(|logit| (logit - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let mut errors: Vec<f64> = powers.iter().map(|power| power / sum).collect();
        errors[usize::from(label)] -= 1.0;
        let mut layers = Vec::new();
        for at in (0..3).rev() {
            let below = &activity[at];
            let handed: Vec<f64> = (0..below.len())
                .map(|input| {
                    let back: f64 =
                        errors.iter().enumerate().map(|(output, error)| error * self.weights[at][output * below.len() + input]).sum();
                    back * if below[input] > 0.0 { 1.0 } else { below[input] + 1.0 }
                })
                .collect();
            layers.push((below.clone(), std::mem::replace(&mut errors, handed)));
        }
        layers.reverse();
        layers
    }

    fn descend(&mut self, gradient: &[(Vec<f64>, Vec<f64>)], rate: f64) {
        for (at, (inputs, errors)) in gradient.iter().enumerate() {
            for (output, error) in errors.iter().enumerate() {
                self.biases[at][output] -= rate * error;
                let row = &mut self.weights[at][output * inputs.len()..(output + 1) * inputs.len()];
                row.iter_mut().zip(inputs).for_each(|(weight, input)| *weight -= rate * error * input);
            }
        }
    }
}

fn initial(recorded: &Recorded) -> Plain {
    let arrays = |letter: &str| ["12", "23", "34"].map(|layer| recorded.floats(&format!("initial.{letter}{layer}"))).to_vec();
    Plain { weights: arrays("w"), biases: arrays("b") }
}

/// The label of each class after each recorded swap that is due once `finished` batches are.
fn swap(recorded: &Recorded, arm: &str, finished: usize, labels: &mut Labels) {
    for swap in recorded.counts(&format!("{arm}.swaps")).as_chunks::<3>().0.iter().filter(|swap| swap[0] == finished as i64) {
        labels.exchange(swap[1] as u8, swap[2] as u8);
    }
}

fn run_plain(recorded: &Recorded, images: &Images, arm: &str, id: ArmId, first_rate: f64, step: f64) -> Trace {
    let (mut plain, mut trace, mut labels, mut rate) = (initial(recorded), Trace::default(), Labels::default(), first_rate);
    let mut uniform = if id == ArmId::Lrr { recorded.floats(&format!("{arm}.decision_uniform")) } else { Vec::new() }.into_iter();
    let image = |at: usize| &images.pixels[at * 784..(at + 1) * 784];
    let moved = |rate: f64, label: u8| {
        let moved = if label >= 5 { rate + step } else { rate - step };
        if moved < 0.0 { 1e-8 } else { moved }
    };
    for batch in 0..images.classes.len() / BATCH {
        let (mut correct, mut gradients) = (0, Vec::new());
        for at in batch * BATCH..(batch + 1) * BATCH {
            let (guess, label) = (plain.guess(image(at)), labels.of(images.classes[at]));
            correct += i64::from(guess == label);
            gradients.push(plain.gradient(image(at), label));
            let is_due = at % 10 == 0 && (at > MEMORY || (id == ArmId::Lrr && at > 0));
            if !is_due {
                continue;
            }
            let mut right = [-1; 2];
            let taken = if id == ArmId::Lrr {
                uniform.next().unwrap() > 0.5
            } else {
                for (right, rate) in right.iter_mut().zip([rate, moved(rate, guess)]) {
                    let mut future = plain.clone();
                    gradients.iter().for_each(|gradient| future.descend(gradient, rate / BATCH as f64));
                    let remembered = at - MEMORY..at;
                    *right = remembered.filter(|past| future.guess(image(*past)) == labels.of(images.classes[*past])).count() as i64;
                }
                right[1] > right[0]
            };
            if taken {
                rate = moved(rate, label);
            }
            trace.decisions.push([at as i64, i64::from(guess), i64::from(label), right[0], right[1], i64::from(taken)]);
        }
        gradients.iter().for_each(|gradient| plain.descend(gradient, rate / BATCH as f64));
        trace.correct.push(correct);
        trace.rates.push(rate);
        swap(recorded, arm, batch + 1, &mut labels);
    }
    let (pixels, classes) = &images.held_out;
    let right = pixels.chunks_exact(784).zip(classes).filter(|(image, class)| plain.guess(image) == labels.of(**class)).count();
    trace.held_out_accuracy = right as f64 / classes.len() as f64;
    for (at, layer) in ["12", "23", "34"].iter().enumerate() {
        trace.arrays.push((format!("w{layer}"), plain.weights[at].clone()));
        trace.arrays.push((format!("b{layer}"), plain.biases[at].clone()));
    }
    trace
}

fn run_ours<T: Element>(recorded: &Recorded, images: &Images, arm: &str, id: ArmId, first_rate: f64, step: f64) -> Trace {
    let (mut trace, mut labels) = (Trace::default(), Labels::default());
    let config = HomeostaticConfig {
        train_samples: images.classes.len(),
        epochs: 1,
        learning_rate: first_rate,
        learning_rate_step_fraction: step / first_rate,
        arms: vec![id],
        shift_rates: vec![5],
        ..HomeostaticConfig::default()
    };
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: 0 };
    let mut ours = Arm::new(&config, id, 0, "", &lab);
    let narrow = |values: &[f64]| values.iter().map(|value| T::of(*value)).collect::<Vec<T>>();
    let plain = initial(recorded);
    let layers = (0..3).map(|at| Layer::new(&narrow(&plain.weights[at]), &narrow(&plain.biases[at]), at == 0));
    ours.network = Network { layers: layers.collect() };
    let mut uniform = if id == ArmId::Lrr { recorded.floats(&format!("{arm}.decision_uniform")) } else { Vec::new() }.into_iter();
    let (pixels, mut likeness) = (narrow(&images.pixels), Vec::new());
    for at in 0..images.classes.len() / BATCH {
        let start = at * BATCH;
        let first = start.saturating_sub(MEMORY);
        let rows = Rows::new(&pixels[first * 784..(start + BATCH) * 784], 784);
        liken(rows, rows.part(start - first..rows.count()), &mut likeness);
        let batch = Batch { start, before: start - first, rows, likeness: &likeness, classes: &images.classes[first..start + BATCH] };
        ours.state.tally.last_decision = None;
        let Outcome::Learnt { correct } = ours.learn(at as u64 + 1, &batch, &labels, || uniform.next().unwrap()) else {
            panic!("diverged")
        };
        trace.correct.push(correct as i64);
        trace.rates.push(ours.state.rate);
        if let Some(decision) = ours.state.tally.last_decision {
            let [leave, take] = decision.right.map_or([-1; 2], |right| right.map(|count| count as i64));
            let (guess, label) = (i64::from(decision.guessed), i64::from(decision.label));
            trace.decisions.push([decision.sample as i64, guess, label, leave, take, i64::from(decision.taken)]);
        }
        swap(recorded, arm, at + 1, &mut labels);
    }
    trace.held_out_accuracy = ours.accuracy(&narrow(&images.held_out.0), &images.held_out.1, &labels);
    for (layer, name) in ours.network.layers.iter().zip(["12", "23", "34"]) {
        let wide = |values: &[T]| values.iter().map(|value| value.wide()).collect::<Vec<_>>();
        trace.arrays.push((format!("w{name}"), wide(&layer.plain_weights())));
        trace.arrays.push((format!("b{name}"), wide(&layer.bias[..layer.outputs])));
    }
    trace
}

fn compare(recorded: &Recorded, arm: &str, trace: &Trace, held_out_accuracy: f64, weight_tolerance: f64, checksum_tolerance: f64) {
    let counts = |name: &str| recorded.counts(&format!("{arm}.{name}"));
    assert_eq!(trace.correct, counts("correct"), "{arm}");
    let rates = recorded.floats(&format!("{arm}.learning_rate"));
    for (batch, (found, expected)) in trace.rates.iter().zip(&rates).enumerate() {
        assert!((found - expected).abs() < 1e-12, "{arm}, batch {batch}: {found} {expected}");
    }
    for (column, name) in ["sample", "guess", "label", "leave_correct", "take_correct", "taken"].iter().enumerate() {
        let name = format!("decision_{name}");
        if recorded.has(&format!("{arm}.{name}")) {
            let found: Vec<i64> = trace.decisions.iter().map(|decision| decision[column]).collect();
            assert_eq!(found, counts(&name), "{arm}, {name}");
        }
    }
    for (name, values) in &trace.arrays {
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let checksum: f64 = values.iter().enumerate().map(|(at, value)| value * (at as f64).cos()).sum();
        for (what, found) in [("norm", norm), ("checksum", checksum)] {
            let expected = recorded.floats(&format!("{arm}.final.{name}.{what}"))[0];
            assert!((found - expected).abs() < checksum_tolerance, "{arm}, {what} of {name}: {found} {expected}");
        }
        if recorded.has(&format!("{arm}.final.{name}")) {
            let expected = recorded.floats(&format!("{arm}.final.{name}"));
            let worst = values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < weight_tolerance, "{arm}, {name}: {worst:e}");
        }
    }
    assert!((trace.held_out_accuracy - held_out_accuracy).abs() < 1e-9, "{arm}: {}", trace.held_out_accuracy);
}

#[test]
fn a_plain_implementation_in_f64_equals_the_authors_code() {
    let recorded = Recorded::open();
    let images = images(&recorded);
    for (arm, id, rate, step, held_out_accuracy) in ARMS {
        let trace = run_plain(&recorded, &images, arm, id, rate, step);
        compare(&recorded, arm, &trace, held_out_accuracy, 1e-10, 1e-9);
    }
}

#[test]
fn ours_in_f64_equals_the_authors_code() {
    let recorded = Recorded::open();
    let images = images(&recorded);
    for (arm, id, rate, step, held_out_accuracy) in ARMS {
        let trace = run_ours::<f64>(&recorded, &images, arm, id, rate, step);
        compare(&recorded, arm, &trace, held_out_accuracy, 1e-12, 1e-10);
    }
}

#[test]
fn ours_in_f32_decides_the_same_and_ends_within_rounding() {
    let recorded = Recorded::open();
    let images = images(&recorded);
    assert_eq!(initial(&recorded).weights[0].len(), WIDTHS[0] * WIDTHS[1]);
    for (arm, id, rate, step, held_out_accuracy) in ARMS {
        let trace = run_ours::<f32>(&recorded, &images, arm, id, rate, step);
        compare(&recorded, arm, &trace, held_out_accuracy, 1e-4, 1e-3);
    }
}

#[test]
fn a_frozen_rate_is_the_constant_arm_to_the_bit() {
    let recorded = Recorded::open();
    let images = images(&recorded);
    let homeostatic = run_ours::<f32>(&recorded, &images, "lrc", ArmId::Lrh, 0.001, 0.0);
    let constant = run_ours::<f32>(&recorded, &images, "lrc", ArmId::Lrc, 0.001, 0.0);
    assert_eq!(homeostatic.arrays, constant.arrays);
    assert!(homeostatic.decisions.len() == 197 && constant.decisions.is_empty());
}

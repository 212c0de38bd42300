//! The variational rule against numbers recorded from the authors' public code; see `data/variational_continual/README.md`. The learner is the one
//! that runs, in f64 and, where fields do not saturate, in f32.

use candle_core::{DType, Tensor, npy::NpzTensors};
use lab::{
    experiments::variational_continual::{
        adam::Decay,
        fields::relative_entropy,
        learner::{Learner, Reference, Rule},
        network::{Layer, Network},
        perceptron::student::{Examples, Schooling, Student},
    },
    kernels::real::Real,
};

const WIDTHS: [usize; 4] = [20, 16, 16, 4];
const BATCH: usize = 8;

struct Fixture(NpzTensors);

impl Fixture {
    fn open(name: &str) -> Self {
        Self(NpzTensors::new(format!("{}/tests/data/variational_continual/{name}.npz", env!("CARGO_MANIFEST_DIR"))).unwrap())
    }

    fn tensor(&self, name: &str) -> Tensor {
        self.0.get(name).unwrap().unwrap_or_else(|| panic!("no array {name}"))
    }

    fn get(&self, name: &str) -> Vec<f64> {
        self.tensor(name).to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Arrays of the layers, `[outputs, inputs]` there and `[inputs, outputs]` here.
    fn layers(&self, name: &str) -> Vec<Vec<f64>> {
        let turned = |layer: usize| {
            let (values, inputs, outputs) = (self.get(&format!("{name}.{layer}")), WIDTHS[layer], WIDTHS[layer + 1]);
            (0..inputs * outputs).map(|at| values[at % outputs * inputs + at / outputs]).collect()
        };
        (0..3).map(turned).collect()
    }

    /// Inputs and labels of every step.
    fn batches(&self) -> Vec<(Vec<f64>, Vec<u8>)> {
        if self.0.names().iter().any(|name| *name == "batch_x") {
            let (inputs, labels) = (self.get("batch_x"), self.get("batch_y"));
            let labels = labels.chunks_exact(BATCH).map(|labels| labels.iter().map(|label| *label as u8).collect());
            return inputs.chunks_exact(BATCH * WIDTHS[0]).map(<[f64]>::to_vec).zip(labels).collect();
        }
        let (inputs, labels, order) = (self.get("inputs"), self.get("labels"), self.get("batch_index"));
        let batch = |(task, order): (&f64, &[f64])| {
            let image = |at: &f64| {
                let start = (*task as usize * labels.len() + *at as usize) * WIDTHS[0];
                &inputs[start..start + WIDTHS[0]]
            };
            (order.iter().flat_map(image).copied().collect(), order.iter().map(|at| labels[*at as usize] as u8).collect())
        };
        self.get("batch_task").iter().zip(order.chunks_exact(BATCH)).map(batch).collect()
    }
}

fn farthest(found: impl Iterator<Item = f64>, expected: impl Iterator<Item = f64>) -> f64 {
    found.zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, |most: f64, next| if next.is_nan() { f64::NAN } else { most.max(next) })
}

fn same(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} {expected}");
}

fn narrow<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|value| T::of(*value)).collect()
}

fn norm<T: Real>(layers: &[Vec<T>]) -> f64 {
    layers.iter().flatten().map(|value| value.wide() * value.wide()).sum::<f64>().sqrt()
}

struct Tolerances {
    loss: f64,
    means: f64,
    fields: f64,
    /// Of fields whose variance is below 1e-9: what moves these is rounding that Adam amplifies.
    saturated: f64,
}

impl Tolerances {
    /// Asserts that fields at an inverse temperature are those expected.
    fn of_fields(&self, found: impl Iterator<Item = f64>, expected: &[f64], beta: f64, what: &str) {
        for (found, expected) in found.zip(expected) {
            let allowed = if 1.0 - (beta * expected).tanh().powi(2) < 1e-9 { self.saturated } else { self.fields };
            assert!((found - expected).abs() <= allowed, "{what}: {found} {expected}");
        }
    }
}

/// Every step of a recording by the learner that runs.
fn follow<T: Real>(name: &str, tolerances: &Tolerances) {
    let fixture = Fixture::open(name);
    let layers =
        fixture.layers("initial.theta").iter().enumerate().map(|(at, fields)| Layer::new(narrow::<T>(fields), WIDTHS[at])).collect();
    let betas = fixture.get("beta");
    let rule = Rule { reference: Reference::PreviousStep, weight: 1.0, learning_rate: 0.01, decay: Decay::FIELDS };
    let mut learner = Learner::new(Network { layers }, rule, betas[0]);
    let noise: Vec<Vec<f64>> = (0..3).map(|layer| fixture.get(&format!("noise.{layer}"))).collect();
    let recorded = ["loss", "kl", "kl_gradient_norm", "gradient_norm", "sigma2_mean"].map(|name| fixture.get(name));
    let [losses, entropies, carried_norms, gradient_norms, variances] = &recorded;
    let mut before: Option<Vec<Vec<T>>> = None;
    for (step, (inputs, labels)) in fixture.batches().iter().enumerate() {
        let what = |of: &str| format!("{name}, step {step}: {of}");
        learner.set_beta(betas[step]);
        let fields: Vec<Vec<T>> = learner.network.layers.iter().map(|layer| layer.fields.clone()).collect();
        let entropy = |before: &Vec<Vec<T>>| {
            fields.iter().zip(before).map(|(fields, before)| relative_entropy(fields, |at| before[at], betas[step])).sum()
        };
        same(before.as_ref().map_or(0.0, entropy), entropies[step], tolerances.loss * 10.0, &what("relative entropy"));
        for (layer, values) in learner.network.layers.iter().enumerate() {
            let mean = values.variances.iter().map(|variance| variance.wide()).sum::<f64>() / values.variances.len() as f64;
            same(mean, variances[3 * step + layer], tolerances.means, &what("mean variance"));
        }
        same(norm(learner.carried_gradient()), carried_norms[step], tolerances.loss, &what("norm of the gradient carried"));
        let of_step = |values: &Vec<f64>| {
            let count = values.len() / losses.len();
            narrow::<T>(&values[step * count..(step + 1) * count])
        };
        let noise: Vec<Vec<T>> = noise.iter().map(of_step).collect();
        let loss = learner.gradient(&narrow::<T>(inputs), labels, &(0..4), &noise);
        same(loss, losses[step], tolerances.loss, &what("loss"));
        same(norm(&learner.activity.gradients), gradient_norms[step], tolerances.loss * 10.0, &what("norm of the gradient"));
        if [0, 1, 29].contains(&step) && step < losses.len() && (step < 10 || losses.len() > 29) {
            for (at, expected) in fixture.layers(&format!("gradient.{step}")).iter().enumerate() {
                let found = learner.activity.gradients[at].iter().map(|gradient| gradient.wide());
                let far = farthest(found, expected.iter().copied());
                assert!(far <= tolerances.loss, "{} {at}: off by {far:e}", what("gradient of layer"));
            }
            for (fields, expected) in fields.iter().zip(fixture.layers(&format!("theta.{step}"))) {
                tolerances.of_fields(fields.iter().map(|field| field.wide()), &expected, betas[step], &what("fields"));
            }
        }
        learner.descend(false);
        before = Some(fields);
    }
    let beta = betas[betas.len() - 1];
    let ends = fixture.layers("final.theta");
    let carried = fixture.layers("final.kl_gradient");
    for (at, (layer, expected)) in learner.network.layers.iter().zip(&ends).enumerate() {
        tolerances.of_fields(layer.fields.iter().map(|field| field.wide()), expected, beta, &format!("{name}, final fields {at}"));
        let far = farthest(layer.means.iter().map(|mean| mean.wide()), expected.iter().map(|field| (beta * field).tanh()));
        assert!(far <= tolerances.means, "{name}, final means {at}: off by {far:e}");
        let far = farthest(learner.carried_gradient()[at].iter().map(|value| value.wide()), carried[at].iter().copied());
        assert!(far <= tolerances.loss, "{name}, gradient carried on {at}: off by {far:e}");
    }
}

#[test]
fn every_step_in_f64_equals_the_authors_code() {
    for name in ["deep", "deep_anneal", "deep_zero_input"] {
        follow::<f64>(name, &Tolerances { loss: 1e-9, means: 1e-9, fields: 1e-6, saturated: 2e-6 });
    }
}

#[test]
fn in_f32_losses_and_means_stay_within_rounding() {
    follow::<f32>("deep", &Tolerances { loss: 1e-4, means: 1e-3, fields: 1e-2, saturated: 1e-2 });
}

/// Examples of every step: all, or so many at a time in a fixed order.
fn school(name: &str, batches: [usize; 2], rates: [f64; 2], decays: [f64; 2]) {
    let fixture = Fixture::open(name);
    let mut student = Student::new(fixture.get("initial_theta"));
    let teachers = [fixture.get("teacher_1"), fixture.get("teacher_2")];
    let tolerance = 1e-7;
    for task in 0..2 {
        let prefix = format!("task_{}", task + 1);
        let of = |what: &str| fixture.get(&format!("{prefix}.{what}"));
        let examples =
            Examples { inputs: fixture.get(&format!("inputs_{}", task + 1)), labels: fixture.get(&format!("labels_{}", task + 1)) };
        if task == 1 {
            student = student.before_next_task();
        }
        let (count, batch) = (examples.labels.len(), batches[task].min(examples.labels.len()));
        let schooling = Schooling {
            learning_rate: rates[task],
            weight_decay: decays[task],
            weight: batch as f64 / count as f64,
            decay: Decay { epsilon: 1e-20, ..Decay::USUAL },
        };
        let (losses, entropies, norms) = (of("loss"), of("kl"), of("gradient_norm"));
        for step in 0..losses.len() {
            let start = step * batch % count;
            let loss = student.loss(&examples.part(start..start + batch));
            let what = |of: &str| format!("{name}, {prefix}, step {step}: {of}");
            same(loss, losses[step], tolerance, &what("loss"));
            same(student.entropy(), entropies[step], tolerance, &what("relative entropy"));
            let gradient = student.data_gradient();
            same(gradient.iter().map(|value| value * value).sum::<f64>().sqrt(), norms[step], tolerance, &what("norm of the gradient"));
            if step == 0 {
                let far = farthest(gradient.iter().copied(), of("gradient_first").into_iter());
                assert!(far <= tolerance, "{}: off by {far:e}", what("first gradient"));
            }
            if step + 1 == losses.len() {
                // The gradient of the relative entropy before the last step, (theta - theta_ref) (1 - m²).
                let pull =
                    student.fields.iter().zip(&student.reference).map(|(field, anchor)| (field - anchor) * (1.0 - field.tanh().powi(2)));
                let far = farthest(pull, of("kl_gradient_last").into_iter());
                assert!(far <= 1e-6, "{}: off by {far:e}", what("gradient of the relative entropy"));
            }
            student.descend(schooling);
            if [1, 10, 100].contains(&(step + 1)) {
                let far = farthest(student.fields.iter().copied(), of(&format!("theta.{}", step + 1)).into_iter());
                assert!(far <= tolerance, "{}: off by {far:e}", what("fields"));
            }
        }
        for (teacher, expected) in teachers.iter().zip(of("overlap")) {
            same(student.overlap(teacher), expected, 1e-12, &format!("{name}, {prefix}: overlap"));
        }
    }
}

#[test]
fn perceptrons_learn_as_in_the_authors_code() {
    school("perceptron_full_batch", [72, 60], [0.01, 0.01], [0.0, 0.0]);
    school("perceptron_mini_batch", [24, 20], [0.005, 0.01], [5e-4, 1e-3]);
}

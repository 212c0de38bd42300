//! A perceptron of binary weights that learns from a teacher: the simulation beside the theory, in `f64`.

use super::super::{
    adam::{Decay, Moments},
    fields::{mean_and_variance, relative_entropy},
};
use crate::{
    kernels::matmul::{Destination, Matrix, product_alone},
    random::Generator,
    theory::normal_distribution,
};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Examples of a teacher.
#[derive(Debug, Clone)]
pub struct Examples {
    /// Inputs, ±1, `[examples, inputs]`.
    pub inputs: Vec<f64>,
    /// What the teacher says of each, ±1.
    pub labels: Vec<f64>,
}

impl Examples {
    /// `count` random inputs and what `teacher` says of them; a sum of 0 counts as +1.
    pub fn draw(teacher: &[f64], count: usize, generator: &mut Generator) -> Self {
        let inputs: Vec<f64> = (0..count * teacher.len()).map(|_| if generator.rng().random() { 1.0 } else { -1.0 }).collect();
        let said = |input: &[f64]| if input.iter().zip(teacher).map(|(x, w)| x * w).sum::<f64>() < 0.0 { -1.0 } else { 1.0 };
        let labels = inputs.chunks_exact(teacher.len()).map(said).collect();
        Self { inputs, labels }
    }

    /// The examples of a range.
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        let width = self.inputs.len() / self.labels.len();
        Self { inputs: self.inputs[range.start * width..range.end * width].to_vec(), labels: self.labels[range].to_vec() }
    }
}

/// How a student learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schooling {
    /// Step size.
    pub learning_rate: f64,
    /// Decoupled decay of the fields.
    pub weight_decay: f64,
    /// Weight of the relative entropy to the reference.
    pub weight: f64,
    /// Constants of Adam.
    pub decay: Decay,
}

/// A student: fields of binary weights at beta = 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Student {
    /// Its fields.
    pub fields: Vec<f64>,
    /// The fields that the relative entropy is taken to.
    pub reference: Vec<f64>,
    moments: Moments<f64>,
    #[serde(skip)]
    room: Room,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Room {
    means: Vec<f64>,
    variances: Vec<f64>,
    stabilities: Vec<f64>,
    gradient: Vec<f64>,
}

impl Student {
    /// A student before its first step; the relative entropy is taken to fields of 0, that is, to weights of which nothing is known.
    pub fn new(fields: Vec<f64>) -> Self {
        let reference = vec![0.0; fields.len()];
        Self { moments: Moments::new(fields.len()), reference, fields, room: Room::default() }
    }

    /// The same student before another task: the relative entropy is taken to its fields of now, and the optimiser begins anew.
    pub fn before_next_task(&self) -> Self {
        Self { reference: self.fields.clone(), ..Self::new(self.fields.clone()) }
    }

    /// Loss of some examples and its gradient by the fields, without the relative entropy, which stands in [`Student::data_gradient`].
    ///
    /// `-ln Phi(y m.x / sqrt(sum 1 - m²))`, summed. With `rho = phi / Phi`: `d/dm = -Xᵀ (rho y) / sqrt(S) - m sum(rho kappa) / S`.
    pub fn loss(&mut self, examples: &Examples) -> f64 {
        let (count, width) = (examples.labels.len(), self.fields.len());
        let Room { means, variances, stabilities, gradient } = &mut self.room;
        for room in [&mut *means, &mut *variances, &mut *gradient] {
            room.resize(width, 0.0);
        }
        mean_and_variance(&self.fields, 1.0, means, variances);
        let spread: f64 = variances.iter().sum();
        stabilities.resize(count, 0.0);
        let inputs = Matrix::new(&examples.inputs, count, width);
        product_alone(stabilities, Destination::Overwrite, inputs, Matrix::new(means, width, 1));
        let (mut loss, mut sum) = (0.0, 0.0);
        for (stability, label) in stabilities.iter_mut().zip(&examples.labels) {
            let kappa = label * *stability / spread.sqrt();
            let log = normal_distribution::ln_cumulative(kappa);
            let ratio = (-0.5 * kappa * kappa - 0.5 * (2.0 * std::f64::consts::PI).ln() - log).exp();
            loss -= log;
            sum += ratio * kappa;
            *stability = ratio * label;
        }
        product_alone(gradient, Destination::Overwrite, Matrix::new(stabilities, 1, count), inputs);
        for ((gradient, mean), variance) in gradient.iter_mut().zip(&*means).zip(&*variances) {
            *gradient = -*variance * (*gradient / spread.sqrt() + mean * sum / spread);
        }
        loss
    }

    /// The gradient that [`Student::loss`] left.
    pub fn data_gradient(&self) -> &[f64] {
        &self.room.gradient
    }

    /// Relative entropy of the fields to the reference, in nats summed over the weights.
    pub fn entropy(&self) -> f64 {
        relative_entropy(&self.fields, |at| self.reference[at], 1.0)
    }

    /// The step along the gradient that [`Student::loss`] left and that of the relative entropy, `(theta - theta_ref) (1 - m²)`.
    pub fn descend(&mut self, schooling: Schooling) {
        let terms = self.fields.iter().zip(&self.reference).zip(&self.room.variances);
        for (gradient, ((field, reference), variance)) in self.room.gradient.iter_mut().zip(terms) {
            *gradient += schooling.weight * (field - reference) * variance;
        }
        self.moments.direction(&mut self.room.gradient, schooling.decay);
        for (field, direction) in self.fields.iter_mut().zip(&self.room.gradient) {
            *field -= schooling.learning_rate * (direction + schooling.weight_decay * *field);
        }
    }

    /// Overlap of the signs with a teacher.
    pub fn overlap(&self, teacher: &[f64]) -> f64 {
        let terms = self.fields.iter().zip(teacher).map(|(field, teacher)| if *field < 0.0 { -teacher } else { *teacher });
        terms.sum::<f64>() / teacher.len() as f64
    }

    /// Overlap of the means with a teacher and with themselves.
    pub fn mean_overlaps(&self, teacher: &[f64]) -> [f64; 2] {
        let means = self.fields.iter().map(|field| field.tanh());
        let (with_teacher, with_self) = means.zip(teacher).fold((0.0, 0.0), |sums, (m, w)| (sums.0 + m * w, sums.1 + m * m));
        [with_teacher / teacher.len() as f64, with_self / teacher.len() as f64]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_equals_finite_differences() {
        let mut generator = Generator::new(1, "student");
        let mut draw = |count: usize| (0..count).map(|_| f64::from(2.0 * generator.symmetric(1.0))).collect::<Vec<_>>();
        let (fields, teacher) = (draw(12), draw(12).iter().map(|w| w.signum()).collect::<Vec<_>>());
        let examples = Examples::draw(&teacher, 30, &mut Generator::new(1, "examples"));
        assert!(examples.labels.contains(&1.0) && examples.labels.contains(&-1.0));
        let mut student = Student::new(fields.clone());
        student.loss(&examples);
        for (at, found) in student.data_gradient().to_vec().into_iter().enumerate() {
            let moved = |by: f64| {
                let mut fields = fields.clone();
                fields[at] += by;
                Student::new(fields).loss(&examples)
            };
            let numeric = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((found - numeric).abs() < 1e-7, "{at}: {found} {numeric}");
        }
        // A part is the examples themselves.
        let mut parts = examples.part(0..10).labels;
        parts.extend(examples.part(10..30).labels);
        assert_eq!(parts, examples.labels);
    }

    #[test]
    fn overlaps_by_hand() {
        let student = Student::new(vec![0.5, -0.5, 2.0, 0.1]);
        assert_eq!(student.overlap(&[1.0, 1.0, 1.0, -1.0]), 0.0);
        let [with_teacher, with_self] = student.mean_overlaps(&[1.0, -1.0, 1.0, 1.0]);
        assert!((with_teacher - (2.0 * 0.5f64.tanh() + 2f64.tanh() + 0.1f64.tanh()) / 4.0).abs() < 1e-15);
        assert!((with_self - (2.0 * 0.5f64.tanh().powi(2) + 2f64.tanh().powi(2) + 0.1f64.tanh().powi(2)) / 4.0).abs() < 1e-15);
        let next = student.before_next_task();
        assert_eq!((next.reference == student.fields, next.entropy()), (true, 0.0));
    }
}

//! Binary weights described by fields: a weight is +1 with probability `exp(beta theta) / (2 cosh beta theta)`, else -1.

use crate::{kernels::real::Real, theory::normal_distribution::ln_cosh};
use rayon::prelude::*;

/// Weights that one task takes.
const WEIGHTS_PER_TASK: usize = 16_384;

/// Mean `m = tanh(beta theta)` and variance `1 - m^2` of every weight.
///
/// `fields`, `means` and `variances` have the same length, else it panics; `beta` is above 0. Both come from `exp(-2 beta |theta|)`, so that the
/// variance of a saturated weight is not the rounding of `1 - m^2`. A NaN stays one.
pub fn mean_and_variance<T: Real>(fields: &[T], beta: f64, means: &mut [T], variances: &mut [T]) {
    assert!(fields.len() == means.len() && fields.len() == variances.len(), "fields, means and variances of the same weights");
    let pieces = means.par_chunks_mut(WEIGHTS_PER_TASK).zip(variances.par_chunks_mut(WEIGHTS_PER_TASK));
    pieces.zip(fields.par_chunks(WEIGHTS_PER_TASK)).for_each(|((means, variances), fields)| {
        let scale = T::of(-2.0 * beta);
        for (power, field) in variances.iter_mut().zip(fields) {
            *power = scale * if *field < T::ZERO { -*field } else { *field };
        }
        T::exp_less(variances, T::ZERO);
        let four = T::of(4.0);
        for ((mean, variance), field) in means.iter_mut().zip(&mut *variances).zip(fields) {
            let power = *variance;
            let sum = T::ONE + power;
            let size = (T::ONE - power) / sum;
            *mean = if *field < T::ZERO { -size } else { size };
            *variance = four * power / (sum * sum);
        }
    });
}

/// The relative entropy of weights with these fields to weights with the fields `reference`, in nats, summed over the weights:
/// `sum beta (theta - theta') m - ln cosh(beta theta) + ln cosh(beta theta')` with `m = tanh(beta theta)`.
///
/// Its gradient with respect to `theta` is `beta^2 (theta - theta') (1 - m^2)`.
pub fn relative_entropy<T: Real>(fields: &[T], reference: impl Iterator<Item = T>, beta: f64) -> f64 {
    let one = |(field, reference): (&T, T)| {
        let (field, reference) = (beta * field.wide(), beta * reference.wide());
        // Far from 0 both logarithms are their argument less ln 2; what is left of the difference is what the arguments differ by.
        (field - reference) * field.tanh() - (ln_cosh(field) - ln_cosh(reference))
    };
    fields.iter().zip(reference).map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn moments(fields: &[f64], beta: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut means, mut variances) = (vec![0.0; fields.len()], vec![0.0; fields.len()]);
        mean_and_variance(fields, beta, &mut means, &mut variances);
        (means, variances)
    }

    #[test]
    fn means_are_tangents_and_variances_what_is_left() {
        let fields = [0.0, 0.3, -2.0, 1e-9, 40.0, -0.7];
        let (means, variances) = moments(&fields, 1.7);
        for ((field, mean), variance) in fields.iter().zip(&means).zip(&variances) {
            let exact = (1.7 * field).tanh();
            assert!((mean - exact).abs() < 2e-16 && (variance - (1.0 - exact * exact)).abs() < 4e-16, "{field}: {mean} {variance}");
        }
        assert!(variances[4] > 0.0 && variances[4] < 1e-50, "a saturated weight has a variance of its own");
        let narrow: Vec<f32> = fields.iter().map(|field| *field as f32).collect();
        let (mut m, mut v) = (vec![0f32; 6], vec![0f32; 6]);
        mean_and_variance(&narrow, 1.7, &mut m, &mut v);
        assert!(m.iter().zip(&means).chain(v.iter().zip(&variances)).all(|(a, b)| (f64::from(*a) - b).abs() < 3e-7));
        mean_and_variance(&[f32::NAN], 1.0, &mut m[..1], &mut v[..1]);
        assert!(m[0].is_nan() && v[0].is_nan());
    }

    #[test]
    fn relative_entropy_of_one_weight() {
        let entropy = |field: f64, reference: f64, beta: f64| relative_entropy(&[field], std::iter::once(reference), beta);
        assert!((entropy(1.0, 0.0, 1.0) - 0.327_813_325_5).abs() < 1e-10);
        assert_eq!(entropy(0.7, 0.7, 3.0), 0.0);
        let (_, variances) = moments(&[1.0], 1.0);
        assert!((variances[0] - 0.419_974_3).abs() < 5e-8);
        // In probabilities: sum p ln(p / q).
        let up = |field: f64| 1.0 / (1.0 + (-2.0 * field).exp());
        let (p, q) = (up(1.3), up(-0.4));
        let plain = p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
        assert!((entropy(1.3, -0.4, 1.0) - plain).abs() < 1e-14);
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let mut generator = Generator::new(1, "fields");
        for _ in 0..200 {
            let (field, reference) = (2.0 * f64::from(generator.symmetric(1.0)), 2.0 * f64::from(generator.symmetric(1.0)));
            let beta = 2.0;
            let (_, variances) = moments(&[field], beta);
            let gradient = beta * beta * (field - reference) * variances[0];
            let at = |field: f64| relative_entropy(&[field], std::iter::once(reference), beta);
            let numeric = (at(field + 1e-5) - at(field - 1e-5)) / 2e-5;
            assert!((gradient - numeric).abs() < 1e-6, "{field} {reference}: {gradient} {numeric}");
        }
    }
}

//! Binary weights described by fields: a weight is +1 with probability `exp(beta theta) / (2 cosh beta theta)`, else -1.

use crate::kernels::real::Real;
use rayon::prelude::*;

/// Weights that one task of the thread pool takes.
pub const WEIGHTS_PER_TASK: usize = 16_384;

/// Changes every number by the one at the same place, on all threads. Panics unless there are as many.
pub fn each<T: Real>(numbers: &mut [T], by: &[T], change: impl Fn(&mut T, &T) + Sync) {
    assert_eq!(numbers.len(), by.len(), "a number for each");
    let pieces = numbers.par_chunks_mut(WEIGHTS_PER_TASK).zip(by.par_chunks(WEIGHTS_PER_TASK));
    pieces.for_each(|(numbers, by)| numbers.iter_mut().zip(by).for_each(|(number, by)| change(number, by)));
}

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

/// The relative entropy of weights with these fields to weights with the fields `reference(at)`, in nats, summed over the weights:
/// `sum beta (theta - theta') m - ln cosh(beta theta) + ln cosh(beta theta')` with `m = tanh(beta theta)`.
///
/// Its gradient with respect to `theta` is `beta^2 (theta - theta') (1 - m^2)`.
pub fn relative_entropy<T: Real>(fields: &[T], reference: impl Fn(usize) -> T + Sync, beta: f64) -> f64 {
    let sum = |(piece, fields): (usize, &[T])| -> f64 {
        let ends = (piece * WEIGHTS_PER_TASK..).map(&reference);
        fields.iter().zip(ends).map(|(field, end)| entropy_of_one(beta * field.wide(), beta * end.wide())).sum()
    };
    // Added in their order, so that the bits do not depend on the number of threads.
    fields.par_chunks(WEIGHTS_PER_TASK).enumerate().map(sum).collect::<Vec<_>>().into_iter().sum()
}

/// With `d` the way from the field to the reference and `q` the probability of the sign that it leads away from:
/// `2 q |d| + ln(1 - q + q exp(-2 |d|))`, which loses nothing to the difference of two large logarithms.
fn entropy_of_one(field: f64, reference: f64) -> f64 {
    /// Below it the first five cumulants of the weight tell it to a millionth.
    const SHORT: f64 = 0.0625;
    let way = reference - field;
    let power = (-2.0 * field.abs()).exp();
    let (likely, unlikely) = (1.0 / (1.0 + power), power / (1.0 + power));
    if way.abs() < SHORT {
        let mean = if field < 0.0 { unlikely - likely } else { likely - unlikely };
        let square = mean * mean;
        let fifth = way * (16.0 - 120.0 * square + 120.0 * square * square) / 720.0;
        let fourth = way * (mean * (16.0 - 24.0 * square) / 120.0 + fifth);
        let third = way * ((6.0 * square - 2.0) / 24.0 + fourth);
        return 4.0 * likely * unlikely * way * way * (0.5 + way * (third - mean / 3.0));
    }
    let (with, against) = if (way < 0.0) == (field < 0.0) { (likely, unlikely) } else { (unlikely, likely) };
    let fallen = -2.0 * way.abs();
    2.0 * against * way.abs() + if against < 0.5 { (against * fallen.exp_m1()).ln_1p() } else { (with + against * fallen.exp()).ln() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{random::Generator, theory::normal_distribution::ln_cosh};

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
        let entropy = |field: f64, reference: f64, beta: f64| relative_entropy(&[field], |_| reference, beta);
        assert!((entropy(1.0, 0.0, 1.0) - 0.327_813_325_5).abs() < 1e-10);
        assert_eq!(entropy(0.7, 0.7, 3.0), 0.0);
        let (_, variances) = moments(&[1.0], 1.0);
        assert!((variances[0] - 0.419_974_3).abs() < 5e-8);
        // In probabilities: sum p ln(p / q).
        let up = |field: f64| 1.0 / (1.0 + (-2.0 * field).exp());
        let (p, q) = (up(1.3), up(-0.4));
        let plain = p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
        assert!((entropy(1.3, -0.4, 1.0) - plain).abs() < 1e-14);
        // Short ways and long ones, from likely and unlikely signs, beside the definition.
        for field in [-3.0, -0.2, 0.0, 0.9, 2.5] {
            for way in [-4.0, -0.07, -0.06, -0.01, 0.03, 0.0624, 0.0626, 5.0] {
                let (field, reference): (f64, f64) = (field, field + way);
                let expected = (field - reference) * field.tanh() - ln_cosh(field) + ln_cosh(reference);
                let found = entropy(field, reference, 1.0);
                assert!((found - expected).abs() < 1e-6 * expected + 1e-15, "{field} {way}: {found} {expected}");
            }
        }
        let saturated = entropy(30.0, 0.0, 1.0);
        assert!((saturated - std::f64::consts::LN_2).abs() < 1e-12, "{saturated}");
        assert!((entropy(-30.0, 30.0, 1.0) - 60.0).abs() < 1e-9 && entropy(f64::NAN, 0.0, 1.0).is_nan());
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let mut generator = Generator::new(1, "fields");
        for _ in 0..200 {
            let (field, reference) = (2.0 * f64::from(generator.symmetric(1.0)), 2.0 * f64::from(generator.symmetric(1.0)));
            let beta = 2.0;
            let (_, variances) = moments(&[field], beta);
            let gradient = beta * beta * (field - reference) * variances[0];
            let at = |field: f64| relative_entropy(&[field], |_| reference, beta);
            let numeric = (at(field + 1e-5) - at(field - 1e-5)) / 2e-5;
            assert!((gradient - numeric).abs() < 1e-6, "{field} {reference}: {gradient} {numeric}");
        }
    }
}

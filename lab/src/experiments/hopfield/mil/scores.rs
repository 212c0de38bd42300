//! What the logits of bags are worth: cross-entropy and the area under the ROC curve.

use crate::kernels::real::Real;

/// Mean of `ln(1 + exp(-z))` for label 1 and `ln(1 + exp(z))` for label 0, and its gradient.
pub fn binary_cross_entropy<T: Real>(logits: &[T], labels: &[u8]) -> (f64, Vec<T>) {
    let n = labels.len() as f64;
    let mut loss = 0.0;
    let gradient = logits
        .iter()
        .zip(labels)
        .map(|(logit, label)| {
            let (z, y) = (logit.wide(), f64::from(*label));
            loss += z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
            T::of((1.0 / (1.0 + (-z).exp()) - y) / n)
        })
        .collect();
    (loss / n, gradient)
}

/// Area under the ROC curve: the share of pairs of a positive and a negative whose scores stand in that order, ties counted half. NaN where a
/// class is missing or a score is not a number.
pub fn auc(scores: &[f64], labels: &[u8]) -> f64 {
    if scores.iter().any(|score| score.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let positives = labels.iter().filter(|label| **label == 1).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (mut below, mut pairs) = (0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let up = tied.iter().filter(|at| labels[**at] == 1).count() as f64;
        let down = tied.len() as f64 - up;
        pairs += up * (below + 0.5 * down);
        below += down;
    }
    pairs / (positives * negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_under_the_curve() {
        assert_eq!(auc(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]), 0.75);
        assert_eq!(auc(&[0.5, 0.5, 0.5, 0.9], &[0, 1, 0, 1]), 0.75);
        assert!(auc(&[0.1, 0.2], &[1, 1]).is_nan() && auc(&[f64::NAN, 0.2], &[0, 1]).is_nan());
    }

    #[test]
    fn a_logit_of_zero_costs_ln_2() {
        let (loss, gradient) = binary_cross_entropy(&[0f64, 0.0], &[1, 0]);
        assert_eq!((loss, gradient), (2f64.ln(), vec![-0.25, 0.25]));
        assert_eq!(binary_cross_entropy(&[1e4f64], &[0]).0, 1e4);
    }
}

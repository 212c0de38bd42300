//! Softmax cross-entropy of classes.

use crate::kernels::real::Real;

/// Mean softmax cross-entropy in nats of `logits` `[rows, classes]` over `labels` `[rows]`, and its gradient, shaped as the logits.
pub fn cross_entropy<T: Real>(logits: &[T], labels: &[usize], classes: usize) -> (f64, Vec<T>) {
    let n = labels.len() as f64;
    let mut gradient = Vec::with_capacity(logits.len());
    let mut loss = 0.0;
    for (row, label) in logits.chunks_exact(classes).zip(labels) {
        let top = row.iter().copied().fold(T::LOWEST, T::max);
        let sum: f64 = row.iter().map(|z| (*z - top).wide().exp()).sum();
        loss += sum.ln() - (row[*label] - top).wide();
        let wanted = |class: usize| f64::from(u8::from(class == *label));
        gradient.extend(row.iter().enumerate().map(|(class, z)| T::of(((*z - top).wide().exp() / sum - wanted(class)) / n)));
    }
    (loss / n, gradient)
}

/// The place of the largest value of a row, the first of several; 0 for an empty row.
pub fn largest<T: Real>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_classes() {
        let (loss, gradient) = cross_entropy(&[0f32; 4], &[2], 4);
        assert!((loss - 4f64.ln()).abs() < 1e-12);
        assert_eq!(gradient, [0.25, 0.25, -0.75, 0.25]);
        assert_eq!((largest(&[1f64, 3.0, 3.0]), largest::<f64>(&[])), (1, 0));
    }
}

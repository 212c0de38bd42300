//! Entropy of predictions: what the modulator and TENT minimise without labels.

/// `ln p` of the classes of one row of logits.
fn log_shares(row: &[f32]) -> impl Iterator<Item = f64> + Clone + '_ {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total = row.iter().map(|z| f64::from(z - largest).exp()).sum::<f64>().ln();
    row.iter().map(move |z| f64::from(z - largest) - total)
}

fn row_entropy(row: &[f32]) -> f64 {
    // A class whose share is 0 adds 0, though its logarithm is not finite; a NaN stays one.
    -log_shares(row).map(|log| if log == f64::NEG_INFINITY { 0.0 } else { log.exp() * log }).sum::<f64>()
}

/// Mean over the batch of `- sum over classes of p ln p`, in nats; `logits` is `[batch, classes]`. Not finite where a logit is not.
pub fn mean_entropy(logits: &[f32], classes: usize) -> f64 {
    logits.chunks_exact(classes).map(row_entropy).sum::<f64>() / (logits.len() / classes) as f64
}

/// The gradient of [`mean_entropy`] with respect to the logits: `- p_k (ln p_k + H) / batch`.
pub fn gradient(logits: &[f32], classes: usize, into: &mut [f32]) {
    let batch = (logits.len() / classes) as f64;
    for (row, into) in logits.chunks_exact(classes).zip(into.chunks_exact_mut(classes)) {
        let entropy = row_entropy(row);
        for (log, into) in log_shares(row).zip(into) {
            *into = if log == f64::NEG_INFINITY { 0.0 } else { (-log.exp() * (log + entropy) / batch) as f32 };
        }
    }
}

/// The class with the largest logit of every row; the first of equal ones.
pub fn predictions(logits: &[f32], classes: usize) -> Vec<u8> {
    let best = |row: &[f32]| (1..classes).fold(0, |best, class| if row[class] > row[best] { class } else { best }) as u8;
    logits.chunks_exact(classes).map(best).collect()
}

/// Mean cross-entropy with the labels, in nats, and its gradient.
pub fn cross_entropy(logits: &[f32], labels: &[u8], classes: usize, into: &mut [f32]) -> f64 {
    let batch = labels.len() as f64;
    let mut loss = 0.0;
    for ((row, label), into) in logits.chunks_exact(classes).zip(labels).zip(into.chunks_exact_mut(classes)) {
        for ((class, log), into) in log_shares(row).enumerate().zip(into) {
            let wanted = class == usize::from(*label);
            loss -= if wanted { log } else { 0.0 };
            *into = ((log.exp() - f64::from(u8::from(wanted))) / batch) as f32;
        }
    }
    loss / batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    #[test]
    fn hand_worked_values() {
        assert!((mean_entropy(&[1.5, 1.5], 2) - LN_2).abs() < 1e-7);
        assert_eq!(mean_entropy(&[0.0, f32::NEG_INFINITY], 2), 0.0);
        assert!((mean_entropy(&[0.0, 0.0, 0.0, 1000.0], 2) - LN_2 / 2.0).abs() < 1e-7);
        assert!(mean_entropy(&[f32::NAN, 0.0], 2).is_nan());
        assert_eq!(predictions(&[1.0, 1.0, 0.0, 0.0, 2.0, 3.0], 3), [0, 2]);
        let mut gradient = [0f32; 2];
        let loss = cross_entropy(&[0.0, 0.0], &[1], 2, &mut gradient);
        assert!((loss - LN_2).abs() < 1e-7);
        assert_eq!(gradient, [0.5, -0.5]);
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let logits = [0.3f32, -1.0, 2.0, 0.1, 0.2, -0.4];
        let (mut of_entropy, mut of_loss) = ([0f32; 6], [0f32; 6]);
        gradient(&logits, 3, &mut of_entropy);
        cross_entropy(&logits, &[0, 2], 3, &mut of_loss);
        for at in 0..6 {
            let moved = |by: f32| {
                let mut logits = logits;
                logits[at] += by;
                (mean_entropy(&logits, 3), cross_entropy(&logits, &[0, 2], 3, &mut [0.0; 6]))
            };
            let ((e1, l1), (e0, l0)) = (moved(0.01), moved(-0.01));
            assert!(((e1 - e0) / 0.02 - f64::from(of_entropy[at])).abs() < 1e-4);
            assert!(((l1 - l0) / 0.02 - f64::from(of_loss[at])).abs() < 1e-4);
        }
    }
}

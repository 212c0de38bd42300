//! Mean softmax cross-entropy of a batch as one operation with its own backward pass.

use crate::kernels::storage::{contiguous, read};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// `mean over the batch of log(sum_c exp(z_c)) - z_label`, in nats, as a scalar.
///
/// `logits` is `[batch, classes]`, contiguous `f32` on the CPU; elsewhere these are candle's own operations. Not finite where a logit is
/// not. Errors: `labels` of another length than the batch, or a label that is no class.
pub fn cross_entropy(logits: &Tensor, labels: &Arc<[u32]>) -> Result<Tensor> {
    let (batch, classes) = logits.dims2()?;
    if labels.len() != batch || labels.iter().any(|label| *label as usize >= classes) {
        bail!("{} labels do not fit logits of shape {:?}", labels.len(), logits.shape());
    }
    if logits.device().is_cpu() { logits.apply_op1(CrossEntropy { labels: Arc::clone(labels) }) } else { plain(logits, labels) }
}

/// How many rows of `logits` `[batch, classes]` have their largest value at the label; the first of equal values counts, as in `argmax`.
pub fn count_correct(logits: &Tensor, labels: &[u32]) -> Result<usize> {
    let (_, classes) = logits.dims2()?;
    read(logits, |values| {
        let largest = |row: &[f32]| (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best });
        Ok(values.chunks_exact(classes).zip(labels).filter(|(row, label)| largest(row) == **label as usize).count())
    })
}

fn plain(logits: &Tensor, labels: &[u32]) -> Result<Tensor> {
    let labels = Tensor::new(labels, logits.device())?.unsqueeze(1)?;
    let chosen = logits.gather(&labels, 1)?.squeeze(1)?;
    (logits.log_sum_exp(1)? - chosen)?.mean_all()
}

struct CrossEntropy {
    labels: Arc<[u32]>,
}

/// The largest logit of a row and the sum of `exp(z - largest)`.
fn softmax_terms(row: &[f32]) -> (f32, f64) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (largest, row.iter().map(|z| f64::from(z - largest).exp()).sum())
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "softmax-cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, classes) = layout.shape().dims2()?;
        let rows = contiguous(logits, layout)?.chunks_exact(classes);
        let total: f64 = rows
            .zip(&*self.labels)
            .map(|(row, label)| {
                let (largest, sum) = softmax_terms(row);
                sum.ln() - f64::from(row[*label as usize] - largest)
            })
            .sum();
        Ok((CpuStorage::F32(vec![(total / batch as f64) as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (batch, classes) = logits.dims2()?;
        let scale = f64::from(gradient.to_scalar::<f32>()?) / batch as f64;
        let mut values = vec![0f32; batch * classes];
        read(logits, |logits| {
            for ((out, row), label) in values.chunks_exact_mut(classes).zip(logits.chunks_exact(classes)).zip(&*self.labels) {
                let (largest, sum) = softmax_terms(row);
                for (class, (out, z)) in out.iter_mut().zip(row).enumerate() {
                    let wanted = f64::from(u8::from(class == *label as usize));
                    *out = (scale * (f64::from(z - largest).exp() / sum - wanted)) as f32;
                }
            }
            Ok(())
        })?;
        Ok(Some(Tensor::from_vec(values, (batch, classes), logits.device())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Var};

    fn example(batch: usize, classes: usize) -> (Var, Arc<[u32]>) {
        let logits = Generator::new(5, "logits").normal((batch, classes), 3.0, &Device::Cpu).unwrap();
        (Var::from_tensor(&logits).unwrap(), (0..batch as u32).map(|i| (i * 7) % classes as u32).collect())
    }

    #[test]
    fn two_equal_logits_cost_ln_2() {
        let logits = Tensor::new(&[[0f32, 0.0], [1000.0, 1000.0]], &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &Arc::from([0, 1])).unwrap().to_scalar::<f32>().unwrap();
        assert!((loss - 2f32.ln()).abs() < 1e-7);
        assert_eq!(count_correct(&logits, &[0, 1]).unwrap(), 1);
    }

    #[test]
    fn value_and_gradient_are_those_of_candle() {
        for (batch, classes) in [(1, 2), (33, 10), (256, 100)] {
            let (logits, labels) = example(batch, classes);
            let (ours, theirs) = (cross_entropy(&logits, &labels).unwrap(), plain(&logits, &labels).unwrap());
            assert!(relative_difference(&ours, &theirs) < 1e-5);
            let (ours, theirs) = (ours.backward().unwrap(), theirs.backward().unwrap());
            assert!(relative_difference(ours.get(&logits).unwrap(), theirs.get(&logits).unwrap()) < 1e-5);
        }
    }

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let (logits, labels) = example(3, 4);
        let gradients = cross_entropy(&logits, &labels).unwrap().backward().unwrap();
        let gradient = gradients.get(&logits).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let values = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for at in 0..values.len() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[at] += by;
                let logits = Tensor::from_vec(values, (3, 4), &Device::Cpu).unwrap();
                cross_entropy(&logits, &labels).unwrap().to_scalar::<f32>().unwrap()
            };
            assert!(((moved(0.01) - moved(-0.01)) / 0.02 - gradient[at]).abs() < 1e-4);
        }
    }

    #[test]
    fn bad_labels_are_refused_and_a_nan_shows() {
        let (logits, _) = example(2, 3);
        assert!(cross_entropy(&logits, &Arc::from([0, 3])).is_err());
        assert!(cross_entropy(&logits, &Arc::from([0])).is_err());
        let logits = Tensor::new(&[[0f32, f32::NAN]], &Device::Cpu).unwrap();
        assert!(cross_entropy(&logits, &Arc::from([0])).unwrap().to_scalar::<f32>().unwrap().is_nan());
    }
}

//! Hebbian scores: how strongly the two ends of every possible edge co-vary over the last few training batches.

use super::config::HebbMeasure;
use crate::{
    Checkpoint, Result,
    kernels::matmul::{Destination, Matrix, product},
};

/// Below this variance a unit counts as one that does not vary.
const NO_VARIANCE: f64 = 1e-12;

/// Sums over a window of batches for one layer, from which the scores of all its cells follow.
#[derive(Debug)]
pub struct HebbianWindow {
    n_in: usize,
    n_out: usize,
    samples: u64,
    /// Sums of input times output, in the layout of the weights, `[inputs, outputs]`.
    products: Vec<f32>,
    inputs: Sums,
    outputs: Sums,
}

/// Sums and squared sums of the activity of units.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Sums {
    sum: Vec<f64>,
    squared: Vec<f64>,
}

impl Sums {
    fn new(units: usize) -> Self {
        Self { sum: vec![0.0; units], squared: vec![0.0; units] }
    }

    fn add(&mut self, values: &[f32]) {
        for row in values.chunks_exact(self.sum.len()) {
            for ((sum, squared), value) in self.sum.iter_mut().zip(&mut self.squared).zip(row) {
                *sum += f64::from(*value);
                *squared += f64::from(*value) * f64::from(*value);
            }
        }
    }

    /// Mean and standard deviation (biased; 0 for a unit that does not vary) of every unit.
    fn moments(&self, samples: f64) -> (Vec<f64>, Vec<f64>) {
        let means: Vec<f64> = self.sum.iter().map(|sum| sum / samples).collect();
        let variances = self.squared.iter().zip(&means).map(|(squared, mean)| squared / samples - mean * mean);
        let deviations = variances.map(|variance| if variance < NO_VARIANCE { 0.0 } else { variance.sqrt() }).collect();
        (means, deviations)
    }
}

impl HebbianWindow {
    /// An empty window for a layer of these sizes.
    pub fn new(n_in: usize, n_out: usize) -> Self {
        Self { n_in, n_out, samples: 0, products: vec![0.0; n_in * n_out], inputs: Sums::new(n_in), outputs: Sums::new(n_out) }
    }

    /// Adds a batch: what the layer was given, `[batch, inputs]`, and what it answered, `[batch, outputs]`.
    pub fn add(&mut self, inputs: &[f32], outputs: &[f32]) {
        let batch = inputs.len() / self.n_in;
        let destination = if self.samples == 0 { Destination::Overwrite } else { Destination::Add };
        let (x, y) = (Matrix::new(inputs, batch, self.n_in), Matrix::new(outputs, batch, self.n_out));
        product(&mut self.products, destination, x.transposed(), y);
        self.inputs.add(inputs);
        self.outputs.add(outputs);
        self.samples += batch as u64;
    }

    /// Forgets all batches.
    pub fn clear(&mut self) {
        *self = Self {
            products: std::mem::take(&mut self.products),
            inputs: Sums::new(self.n_in),
            outputs: Sums::new(self.n_out),
            samples: 0,
            ..*self
        };
    }

    /// The score of every cell, in the layout of the weights; all 0 for an empty window.
    ///
    /// With pre p, post q and N samples: cosine is `S_qp / (sqrt(s_qq) sqrt(s_pp) + 1e-8)`, pearson_abs is
    /// `|S_qp / N - mean_q mean_p| / (sd_q sd_p + 1e-6)`, 0 where either does not vary.
    pub fn scores(&self, measure: HebbMeasure) -> Vec<f32> {
        if self.samples == 0 {
            return vec![0.0; self.products.len()];
        }
        let n = self.samples as f64;
        let mut scores = vec![0f32; self.products.len()];
        let rows = scores.chunks_exact_mut(self.n_out).zip(self.products.chunks_exact(self.n_out)).enumerate();
        match measure {
            HebbMeasure::Cosine => {
                let norms = |sums: &Sums| sums.squared.iter().map(|squared| squared.sqrt()).collect::<Vec<_>>();
                let (pre, post) = (norms(&self.inputs), norms(&self.outputs));
                for (input, (row, products)) in rows {
                    for ((score, product), post) in row.iter_mut().zip(products).zip(&post) {
                        *score = (f64::from(*product) / (post * pre[input] + 1e-8)) as f32;
                    }
                }
            }
            HebbMeasure::PearsonAbs => {
                let ((pre_mean, pre_sd), (post_mean, post_sd)) = (self.inputs.moments(n), self.outputs.moments(n));
                for (input, (row, products)) in rows {
                    if pre_sd[input] == 0.0 {
                        continue;
                    }
                    for (((score, product), mean), sd) in row.iter_mut().zip(products).zip(&post_mean).zip(&post_sd) {
                        if *sd > 0.0 {
                            let covariance = f64::from(*product) / n - mean * pre_mean[input];
                            *score = (covariance.abs() / (sd * pre_sd[input] + 1e-6)) as f32;
                        }
                    }
                }
            }
        }
        scores
    }

    /// Saves the sums under names that begin with `name`; little for an empty window.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        into.put_state(&format!("{name}/samples"), &self.samples)?;
        if self.samples > 0 {
            into.put_f32(&format!("{name}/products"), &[self.n_in, self.n_out], &self.products)?;
            into.put_state(&format!("{name}/sums"), &(&self.inputs, &self.outputs))?;
        }
        Ok(())
    }

    /// Takes over what [`HebbianWindow::save`] saved.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        self.clear();
        self.samples = from.get_state(&format!("{name}/samples"))?;
        if self.samples > 0 {
            self.products = from.get_f32(&format!("{name}/products"))?;
            (self.inputs, self.outputs) = from.get_state(&format!("{name}/sums"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_measures_pick_opposite_edges() {
        let mut window = HebbianWindow::new(2, 1);
        window.add(&[1.0, 0.0], &[2.0]);
        window.add(&[1.0, 1.0], &[0.0]);
        let cosine = window.scores(HebbMeasure::Cosine);
        assert!((cosine[0] - 0.5f32.sqrt()).abs() < 1e-6 && cosine[1] == 0.0, "{cosine:?}");
        let pearson = window.scores(HebbMeasure::PearsonAbs);
        assert!(pearson[0] == 0.0 && (pearson[1] - 1.0).abs() < 1e-5, "{pearson:?}");
    }

    #[test]
    fn batches_add_up_and_a_cleared_window_starts_anew() {
        let (a, b) = ([0.5f32, 1.0, 0.0, 2.0], [1f32, 3.0, 0.25, 0.0]);
        let (mut whole, mut parts) = (HebbianWindow::new(2, 2), HebbianWindow::new(2, 2));
        parts.add(&[9.0; 4], &[7.0; 4]);
        parts.clear();
        assert_eq!(parts.scores(HebbMeasure::Cosine), [0.0; 4]);
        whole.add(&a, &b);
        parts.add(&a[..2], &b[..2]);
        let mut saved = Checkpoint::default();
        parts.save("window", &mut saved).unwrap();
        let mut parts = HebbianWindow::new(2, 2);
        parts.restore("window", &saved).unwrap();
        parts.add(&a[2..], &b[2..]);
        for measure in [HebbMeasure::Cosine, HebbMeasure::PearsonAbs] {
            assert_eq!(whole.scores(measure), parts.scores(measure));
        }
    }
}

//! Two imagined futures: how many of the images just seen would be told right after a step with one learning rate, and with another.

use super::network::{Activity, Network, guess};
use crate::kernels::few_rows::{Element, Rows, elu, inner_products};

/// The images of the batch whose gradient the imagined step follows, with what the network answered and where it erred.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a, T = f32> {
    /// How many, from the first of the batch.
    pub images: usize,
    /// Answers of all images of the batch.
    pub activity: &'a Activity<T>,
    /// Errors of all images of the batch.
    pub errors: &'a [Vec<T>],
}

/// What is remembered: images just seen, under the labels that are valid now.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a, T = f32> {
    /// Labels now.
    pub labels: &'a [u8],
    /// Sums of the first layer for them under the present weights, `[remembered, width]`.
    pub first_sums: &'a [T],
    /// Inner products with the images of the batch, plus 1, `[remembered, batch]`.
    pub likeness: Rows<'a, T>,
}

/// Room for the imagined answers, kept between decisions.
#[derive(Debug, Default)]
pub struct Imagination<T = f32> {
    likeness: Vec<T>,
    hidden: Vec<T>,
    sums: Vec<T>,
}

impl<T: Element> Imagination<T> {
    /// Right answers among the memory with `rates`, each a learning rate over the batch size, of a step along the gradient of the first
    /// `step.images` images of the batch.
    ///
    /// No weight is copied: the step is a sum of outer products of these images' inputs and errors, so a layer's sums for a remembered
    /// image with input h become `h W + b - rate * sum_j (h . a_j + 1) e_j`. Equal to updating the weights but for rounding.
    pub fn count_right(&mut self, network: &Network<T>, memory: Memory<'_, T>, step: Step<'_, T>, rates: [T; 2]) -> [usize; 2] {
        let (remembered, images) = (memory.labels.len(), step.images);
        self.likeness.clear();
        (0..remembered).for_each(|row| self.likeness.extend_from_slice(&memory.likeness.row(row)[..images]));
        self.sums.clear();
        for _ in rates {
            self.sums.extend_from_slice(memory.first_sums);
        }
        // Both futures begin from the same inputs, so that the first layer's likeness is shared.
        let size = self.likeness.len();
        self.likeness.extend_from_within(..size);
        self.turn(0, network, remembered, step, rates);
        for at in 1..network.layers.len() {
            std::mem::swap(&mut self.hidden, &mut self.sums);
            elu(&mut self.hidden);
            let hidden = Rows::new(&self.hidden, network.layers[at - 1].width());
            let below = Rows::new(&step.activity.layers[at - 1], network.layers[at - 1].width()).part(0..images);
            network.layers[at].sums(hidden, &mut self.sums);
            self.likeness.resize(hidden.count() * images, T::ZERO);
            inner_products(&mut self.likeness, hidden, below);
            self.likeness.iter_mut().for_each(|likeness| *likeness += T::ONE);
            self.turn(at, network, remembered, step, rates);
        }
        let last = network.layers.last().map_or(0, |layer| layer.outputs);
        let width = self.sums.len() / (2 * remembered);
        let right = |future: usize| {
            let rows = self.sums[future * remembered * width..].chunks_exact(width);
            rows.zip(memory.labels).filter(|(row, label)| guess(&row[..last]) == **label).count()
        };
        [right(0), right(1)]
    }

    /// Moves the sums of a layer, rows of the first future and then of the second, by the imagined step.
    fn turn(&mut self, at: usize, network: &Network<T>, remembered: usize, step: Step<'_, T>, rates: [T; 2]) {
        let width = network.layers[at].width();
        let images = step.images;
        let errors = &step.errors[at][..images * width];
        for (row, (sums, likeness)) in self.sums.chunks_exact_mut(width).zip(self.likeness.chunks_exact(images)).enumerate() {
            let rate = rates[row / remembered];
            for (error, likeness) in errors.chunks_exact(width).zip(likeness) {
                let by = rate * *likeness;
                sums.iter_mut().zip(error).for_each(|(sum, error)| *sum -= by * *error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    /// Right answers and logits of `network` on the memory.
    fn answers(network: &Network, memory: Rows<'_>, labels: &[u8]) -> usize {
        let mut activity = Activity::default();
        network.forward(memory, &mut activity);
        network.logits(&activity).zip(labels).filter(|(logits, label)| guess(logits) == **label).count()
    }

    #[test]
    fn imagining_equals_updating_the_weights() {
        let (features, batch, remembered) = (30, 10, 25);
        let mut differing = 0;
        for seed in 0..20 {
            let mut generator = Generator::new(seed, "imagining");
            let network = Network::new(&[features, 24, 18, 10], 1.0, &mut generator);
            let mut pixels = |rows: usize| (0..rows * features).map(|_| generator.symmetric(1.0).abs()).collect::<Vec<f32>>();
            let (memory, inputs) = (pixels(remembered), pixels(batch));
            let (memory, inputs) = (Rows::new(&memory, features), Rows::new(&inputs, features));
            let labels: Vec<u8> = (0..remembered + batch).map(|at| (at * 7 % 10) as u8).collect();
            let (mut activity, mut errors) = (Activity::default(), Vec::new());
            network.forward(inputs, &mut activity);
            network.errors(&activity, &labels[remembered..], &mut errors);
            let mut first_sums = Vec::new();
            network.layers[0].sums(memory, &mut first_sums);
            let mut likeness = vec![0.0; remembered * batch];
            inner_products(&mut likeness, memory, inputs);
            likeness.iter_mut().for_each(|likeness| *likeness += 1.0);
            for images in [1, 4, batch] {
                let rates = [0.002, 0.5];
                let step = Step { images, activity: &activity, errors: &errors };
                let known = Memory { labels: &labels[..remembered], first_sums: &first_sums, likeness: Rows::new(&likeness, batch) };
                let mut imagination = Imagination::default();
                let right = imagination.count_right(&network, known, step, rates);
                for (future, rate) in rates.into_iter().enumerate() {
                    let mut updated = network.clone();
                    let part = Activity {
                        layers: activity.layers.iter().map(|values| values[..values.len() / batch * images].to_vec()).collect(),
                    };
                    let errors: Vec<_> = errors.iter().map(|values| values[..values.len() / batch * images].to_vec()).collect();
                    updated.descend(inputs.part(0..images), &part, &errors, rate);
                    let mut explicit = Activity::default();
                    updated.forward(memory, &mut explicit);
                    let size = explicit.layers[2].len();
                    let imagined = &imagination.sums[future * size..(future + 1) * size];
                    let scale = explicit.layers[2].iter().fold(1f32, |most, logit| most.max(logit.abs()));
                    for (imagined, explicit) in imagined.iter().zip(&explicit.layers[2]) {
                        assert!((imagined - explicit).abs() < 1e-5 * scale, "{images} images, rate {rate}: {imagined} {explicit}");
                    }
                    assert_eq!(right[future], answers(&updated, memory, &labels[..remembered]));
                }
                differing += usize::from(right[0] != right[1]);
            }
        }
        assert!(differing > 20, "the futures differ in {differing} of 60 cases");
    }
}

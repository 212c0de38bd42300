//! Batch normalisation, ReLU and max pooling on slices in one pass, forward and backward.
//!
//! `y = max over the window of relu(h)` with `h = gain x + offset` and `x = (u - mean) / sqrt(variance + 1e-5)` per channel. A window of 1
//! is normalisation and ReLU alone. The whole gradient of a window goes to its largest response, to the first of equal ones (column by
//! column), and to none where the ReLU gives 0.

mod planes;

use super::batch_norm::{PIECES, Statistics, added};
use planes::{NONE, Scratch};
use rayon::prelude::*;

/// The sizes of a normalisation with ReLU and max pooling.
///
/// Inputs `u` are `[batch, channels, height, width]`, outputs `[batch, channels, height / window, width / window]`; lines that fill no
/// window are left out of the pooling, though they count for the statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormPool {
    /// Channels.
    pub channels: usize,
    /// Rows of an input.
    pub height: usize,
    /// Columns of an input.
    pub width: usize,
    /// Rows and columns of a window, and the distance between windows; 1 to 15.
    pub window: usize,
}

/// Gradients of gain and offset, `[channels]` each.
#[derive(Debug, Clone, PartialEq)]
pub struct AffineGradient {
    /// `sum of dy x` at the responses that were chosen.
    pub gain: Vec<f32>,
    /// `sum of dy` there.
    pub offset: Vec<f32>,
}

impl NormPool {
    /// Places of an input, per channel.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Places of an output, per channel.
    pub fn pooled_pixels(&self) -> usize {
        (self.height / self.window) * (self.width / self.window)
    }

    /// Numbers of an output image.
    pub fn pooled_size(&self) -> usize {
        self.channels * self.pooled_pixels()
    }

    /// The outputs, and which response of its window each of them is, for the backward pass.
    ///
    /// `gain` and `offset` are `[channels]`; `outputs` and `chosen` are of the outputs' shape. With the statistics of the batch itself a
    /// NaN in `inputs` makes its channel NaN. Panics when sizes do not fit.
    pub fn forward(&self, inputs: &[f32], statistics: &Statistics, gain: &[f32], offset: &[f32], outputs: &mut [f32], chosen: &mut [u8]) {
        let piece = self.piece(inputs, outputs);
        assert_eq!(outputs.len(), chosen.len(), "the choices of {self:?}");
        let lines = self.lines(statistics, gain, offset);
        let size = piece * self.pooled_size();
        let pieces = outputs.par_chunks_mut(size).zip(chosen.par_chunks_mut(size));
        pieces.zip(inputs.par_chunks(piece * self.channels * self.pixels())).for_each(|((outputs, chosen), inputs)| {
            let mut scratch = Scratch::new(self);
            let planes = outputs.chunks_exact_mut(self.pooled_pixels()).zip(chosen.chunks_exact_mut(self.pooled_pixels()));
            for (((outputs, chosen), inputs), line) in planes.zip(inputs.chunks_exact(self.pixels())).zip(lines.iter().cycle()) {
                planes::choose(self, inputs, *line, outputs, chosen, &mut scratch);
            }
        });
    }

    /// The outputs alone, which takes less time.
    pub fn infer(&self, inputs: &[f32], statistics: &Statistics, gain: &[f32], offset: &[f32], outputs: &mut [f32]) {
        let piece = self.piece(inputs, outputs);
        let lines = self.lines(statistics, gain, offset);
        let pieces = outputs.par_chunks_mut(piece * self.pooled_size()).zip(inputs.par_chunks(piece * self.channels * self.pixels()));
        pieces.for_each(|(outputs, inputs)| {
            let mut scratch = Scratch::new(self);
            let planes = outputs.chunks_exact_mut(self.pooled_pixels()).zip(inputs.chunks_exact(self.pixels()));
            for ((outputs, inputs), line) in planes.zip(lines.iter().cycle()) {
                planes::pool(self, inputs, *line, outputs, &mut scratch);
            }
        });
    }

    /// Per channel the slope and the constant of `h` as a line in `u`.
    fn lines(&self, statistics: &Statistics, gain: &[f32], offset: &[f32]) -> Vec<(f32, f32)> {
        let line = |channel: usize| {
            let slope = gain[channel] * statistics.inverse_deviation(channel);
            (slope, offset[channel] - slope * statistics.mean[channel])
        };
        (0..self.channels).map(line).collect()
    }

    /// The gradients of gain and offset, given that of the outputs.
    pub fn affine_gradient(&self, inputs: &[f32], statistics: &Statistics, gradient: &[f32], chosen: &[u8]) -> AffineGradient {
        let (gain, offset) = self.sums(inputs, statistics, gradient, chosen);
        let rounded = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
        AffineGradient { gain: rounded(gain), offset: rounded(offset) }
    }

    /// The gradients of gain and offset, and into `into` that of the inputs, where `statistics` are those of these inputs.
    pub fn gradient(
        &self,
        inputs: &[f32],
        statistics: &Statistics,
        gain: &[f32],
        gradient: &[f32],
        chosen: &[u8],
        into: &mut [f32],
    ) -> AffineGradient {
        let piece = self.piece(inputs, gradient);
        assert_eq!(into.len(), inputs.len(), "the gradient of the inputs of {self:?}");
        let (gain_sums, offset_sums) = self.sums(inputs, statistics, gradient, chosen);
        let (size, pooled) = (self.pixels(), self.pooled_pixels());
        let count = (inputs.len() / self.channels) as f64;
        // du = slope (dh - mean(dh) - x mean(dh x)), which is slope dh plus a line in u.
        let lines: Vec<(f32, f32, f32)> = (0..self.channels)
            .map(|channel| {
                let inverse = f64::from(statistics.inverse_deviation(channel));
                let slope = f64::from(gain[channel]) * inverse;
                let per_input = -slope * inverse * gain_sums[channel] / count;
                let constant = -slope * offset_sums[channel] / count - per_input * f64::from(statistics.mean[channel]);
                (slope as f32, per_input as f32, constant as f32)
            })
            .collect();
        let within = self.places_within();
        into.par_chunks_mut(piece * self.channels * size)
            .zip(inputs.par_chunks(piece * self.channels * size))
            .zip(gradient.par_chunks(piece * self.pooled_size()).zip(chosen.par_chunks(piece * self.pooled_size())))
            .for_each(|((into, inputs), (gradient, chosen))| {
                let planes = into.chunks_exact_mut(size).zip(inputs.chunks_exact(size));
                let pools = gradient.chunks_exact(pooled).zip(chosen.chunks_exact(pooled));
                for (((into, inputs), (gradient, chosen)), line) in planes.zip(pools).zip(lines.iter().cycle()) {
                    let (slope, per_input, constant) = *line;
                    into.iter_mut().zip(inputs).for_each(|(into, input)| *into = per_input * input + constant);
                    self.each_chosen(&within, gradient, chosen, |place, dy| into[place] += slope * dy);
                }
            });
        let rounded = |sums: Vec<f64>| sums.into_iter().map(|sum| sum as f32).collect();
        AffineGradient { gain: rounded(gain_sums), offset: rounded(offset_sums) }
    }

    /// Per channel, the sums over the batch of `dy x` and of `dy` at the chosen responses.
    fn sums(&self, inputs: &[f32], statistics: &Statistics, gradient: &[f32], chosen: &[u8]) -> (Vec<f64>, Vec<f64>) {
        let piece = self.piece(inputs, gradient);
        assert_eq!(gradient.len(), chosen.len(), "the choices of {self:?}");
        let (size, pooled) = (self.pixels(), self.pooled_pixels());
        let within = self.places_within();
        let partial: Vec<Vec<f64>> = inputs
            .par_chunks(piece * self.channels * size)
            .zip(gradient.par_chunks(piece * self.pooled_size()).zip(chosen.par_chunks(piece * self.pooled_size())))
            .map(|(inputs, (gradient, chosen))| {
                let mut sums = vec![0f64; 2 * self.channels];
                let planes = inputs.chunks_exact(size).zip(gradient.chunks_exact(pooled).zip(chosen.chunks_exact(pooled)));
                for (at, (inputs, (gradient, chosen))) in planes.enumerate() {
                    let channel = at % self.channels;
                    let mean = statistics.mean[channel];
                    let (mut with_input, mut alone) = (0f32, 0f32);
                    self.each_chosen(&within, gradient, chosen, |place, dy| {
                        with_input += dy * (inputs[place] - mean);
                        alone += dy;
                    });
                    sums[channel] += f64::from(with_input) * f64::from(statistics.inverse_deviation(channel));
                    sums[self.channels + channel] += f64::from(alone);
                }
                sums
            })
            .collect();
        let mut gain = added(&partial);
        let offset = gain.split_off(self.channels.min(gain.len()));
        (gain, offset)
    }

    /// For every number that a choice can be, the distance of its place from the window's first.
    fn places_within(&self) -> [u32; 256] {
        let mut places = [0; 256];
        for (number, place) in places.iter_mut().enumerate().take(self.window * self.window) {
            *place = (number / self.window * self.width + number % self.window) as u32;
        }
        places
    }

    /// Calls `take(place, dy)` for every window of a plane, with the place of its chosen response in the input plane; where no response
    /// passed the ReLU, with 0 at the window's first place, which is faster than a branch that half the windows take.
    #[inline(always)]
    fn each_chosen(&self, within: &[u32; 256], gradient: &[f32], chosen: &[u8], mut take: impl FnMut(usize, f32)) {
        let (window, width) = (self.window, self.width);
        let rows = gradient.chunks_exact(width / window).zip(chosen.chunks_exact(width / window)).enumerate();
        for (row, (gradient, chosen)) in rows {
            let first = row * window * width;
            for (column, (dy, chosen)) in gradient.iter().zip(chosen).enumerate() {
                let dy = if *chosen == NONE { 0.0 } else { *dy };
                take(first + column * window + within[usize::from(*chosen)] as usize, dy);
            }
        }
    }

    /// Images that one task takes. Panics when inputs and outputs are not of one batch.
    fn piece(&self, inputs: &[f32], outputs: &[f32]) -> usize {
        assert!((1..=15).contains(&self.window) && self.pooled_pixels() > 0, "{self:?} has no outputs");
        let size = self.channels * self.pixels();
        let batch = inputs.len() / size;
        assert_eq!((inputs.len(), outputs.len()), (batch * size, batch * self.pooled_size()), "a batch of {self:?}");
        batch.div_ceil(PIECES).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::batch_norm::EPSILON;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Tensor, Var};

    fn draw(n: usize, name: &str) -> Vec<f32> {
        let mut generator = Generator::new(5, name);
        (0..n).map(|_| generator.symmetric(1.0)).collect()
    }

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
    }

    /// Gain 1 and offset 0, mean 0 and a variance that makes the deviation 1: pooling alone.
    fn pool_only(sizes: NormPool, inputs: &[f32]) -> (Vec<f32>, Vec<u8>, Statistics) {
        let unit = Statistics { mean: vec![0.0; sizes.channels], variance: vec![1.0 - EPSILON; sizes.channels] };
        let batch = inputs.len() / (sizes.channels * sizes.pixels());
        let (mut outputs, mut chosen) = (vec![f32::NAN; batch * sizes.pooled_size()], vec![0; batch * sizes.pooled_size()]);
        sizes.forward(inputs, &unit, &vec![1.0; sizes.channels], &vec![0.0; sizes.channels], &mut outputs, &mut chosen);
        (outputs, chosen, unit)
    }

    #[test]
    fn a_unique_maximum_gets_the_whole_gradient_and_the_first_of_equal_ones_does() {
        let sizes = NormPool { channels: 1, height: 3, width: 5, window: 2 };
        #[rustfmt::skip]
        let inputs = [
            1.0, 5.0, -1.0, -2.0, 9.0,
            2.0, 3.0, -3.0, -4.0, 9.0,
            8.0, 8.0,  8.0,  8.0, 9.0f32,
        ];
        let (outputs, chosen, _) = pool_only(sizes, &inputs);
        assert_eq!((outputs, chosen.clone()), (vec![5.0, 0.0], vec![1, NONE]));
        let mut places = Vec::new();
        sizes.each_chosen(&sizes.places_within(), &[3.0, 7.0], &chosen, |place, dy| places.push((place, dy)));
        assert_eq!(places, [(1, 3.0), (2, 0.0)]);
        let equal = NormPool { height: 2, width: 4, ..sizes };
        assert_eq!(pool_only(equal, &[1.0, 2.0, 0.0, 4.0, 2.0, 1.0, 4.0, 0.0]).1, [2, 2]);
        assert_eq!(pool_only(equal, &[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 4.0, 4.0]).1, [0, 2]);
    }

    struct Example {
        sizes: NormPool,
        inputs: Vec<f32>,
        gain: Vec<f32>,
        offset: Vec<f32>,
        weights: Vec<f32>,
        batch: usize,
    }

    fn examples() -> Vec<Example> {
        [(3, 4, 6, 2, 5), (2, 7, 7, 2, 33), (5, 3, 4, 1, 2), (2, 7, 9, 3, 4), (4, 28, 28, 2, 2)]
            .into_iter()
            .map(|(channels, height, width, window, batch)| {
                let sizes = NormPool { channels, height, width, window };
                Example {
                    inputs: draw(batch * channels * sizes.pixels(), "inputs").iter().map(|u| 3.0 * u + 0.5).collect(),
                    gain: draw(channels, "gain").iter().map(|g| 1.0 + 0.5 * g).collect(),
                    offset: draw(channels, "offset"),
                    weights: draw(batch * sizes.pooled_size(), "weights"),
                    sizes,
                    batch,
                }
            })
            .collect()
    }

    impl Example {
        fn forward(&self, inputs: &[f32], gain: &[f32], offset: &[f32]) -> (Vec<f32>, Vec<u8>, Statistics) {
            let statistics = Statistics::of(inputs, self.sizes.channels, self.sizes.pixels());
            let (mut outputs, mut chosen) = (vec![f32::NAN; self.weights.len()], vec![0; self.weights.len()]);
            self.sizes.forward(inputs, &statistics, gain, offset, &mut outputs, &mut chosen);
            (outputs, chosen, statistics)
        }

        fn gradients(&self) -> (Vec<f32>, AffineGradient) {
            let (_, chosen, statistics) = self.forward(&self.inputs, &self.gain, &self.offset);
            let mut into = vec![f32::NAN; self.inputs.len()];
            let affine = self.sizes.gradient(&self.inputs, &statistics, &self.gain, &self.weights, &chosen, &mut into);
            assert_eq!(affine, self.sizes.affine_gradient(&self.inputs, &statistics, &self.weights, &chosen));
            (into, affine)
        }
    }

    #[test]
    fn values_and_gradients_are_those_of_the_plain_expression() {
        for example in examples() {
            let NormPool { channels, height, width, window } = example.sizes;
            let (rows, columns) = (height / window, width / window);
            let u = Var::from_tensor(&tensor(&example.inputs, &[example.batch, channels, height, width])).unwrap();
            let parameter = |values: &[f32]| Var::from_tensor(&tensor(values, &[1, channels, 1, 1])).unwrap();
            let (gain, offset) = (parameter(&example.gain), parameter(&example.offset));
            let mean = u.mean_keepdim((0, 2, 3)).unwrap();
            let centred = u.broadcast_sub(&mean).unwrap();
            let deviation = (centred.sqr().unwrap().mean_keepdim((0, 2, 3)).unwrap() + f64::from(EPSILON)).unwrap().sqrt().unwrap();
            let h = centred.broadcast_div(&deviation).unwrap().broadcast_mul(&gain).unwrap().broadcast_add(&offset).unwrap();
            // Pooling by reductions, whose gradient is right where the maximum is unique; candle's own pooling divides it.
            let h = h.relu().unwrap().narrow(2, 0, rows * window).unwrap().narrow(3, 0, columns * window).unwrap();
            let h = h.contiguous().unwrap().reshape((example.batch * channels, rows, window, columns, window)).unwrap();
            let theirs = h.max_keepdim(4).unwrap().max_keepdim(2).unwrap().flatten_all().unwrap();
            let (ours, _, statistics) = example.forward(&example.inputs, &example.gain, &example.offset);
            let mut alone = vec![f32::NAN; ours.len()];
            example.sizes.infer(&example.inputs, &statistics, &example.gain, &example.offset, &mut alone);
            assert_eq!(alone, ours);
            assert!(relative_difference(&tensor(&ours, &[ours.len()]), &theirs) < 1e-5);
            let weighted = (theirs * tensor(&example.weights, &[ours.len()])).unwrap().sum_all().unwrap();
            // Where the whole window is off, the reductions share a gradient that the ReLU then stops.
            let store = weighted.backward().unwrap();
            let (into, affine) = example.gradients();
            assert!(relative_difference(&tensor(&into, u.dims()), store.get(&u).unwrap()) < 1e-5);
            assert!(relative_difference(&tensor(&affine.gain, gain.dims()), store.get(&gain).unwrap()) < 1e-5);
            assert!(relative_difference(&tensor(&affine.offset, offset.dims()), store.get(&offset).unwrap()) < 1e-5);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let example = &examples()[0];
        let (into, affine) = example.gradients();
        let value = |inputs: &[f32], gain: &[f32], offset: &[f32]| {
            let (outputs, ..) = example.forward(inputs, gain, offset);
            outputs.iter().zip(&example.weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum::<f64>()
        };
        let h = 2e-3;
        let check = |found: &[f32], which: usize| {
            for (at, found) in found.iter().enumerate() {
                let moved = |by: f32| {
                    let mut all = [example.inputs.clone(), example.gain.clone(), example.offset.clone()];
                    all[which][at] += by;
                    value(&all[0], &all[1], &all[2])
                };
                let numeric = (moved(h) - moved(-h)) / f64::from(2.0 * h);
                assert!((numeric - f64::from(*found)).abs() < 0.01 * (1.0 + numeric.abs()), "{which} {at}: {numeric} {found}");
            }
        };
        check(&into, 0);
        check(&affine.gain, 1);
        check(&affine.offset, 2);
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let example = &examples()[1];
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (example.forward(&example.inputs, &example.gain, &example.offset), example.gradients()))
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

//! Two-dimensional convolution on slices, forward and backward, without a matrix of columns where the stride is 1.
//!
//! An image is padded with zeros once. For stride 1 the input that a tap of the kernel sees is then the padded image moved by a fixed
//! offset, so that a response is a sum over taps of `weight * image[offset + n]` along one contiguous run, and a product needs no packing.
//! The run also visits the columns of the padding between two lines; what comes out there is dropped. For other strides the inputs of
//! every tap are gathered first, and the offsets are those of the gathered rows.

mod device;
mod operation;
mod run;

pub use operation::conv2d;

use rayon::prelude::*;
use run::{PackedFilters, Run, copy_lines, correlate};
use std::ops::Range;

/// A batch is cut into at most this many pieces, whatever the number of threads, and their weight gradients are added in order.
const PIECES: usize = 16;

/// The sizes of a convolution of square kernels without a bias: `y[o] = sum over c, ky, kx of w[o, c, ky, kx] x[c, s i + ky - p, s j + kx - p]`,
/// with `x` zero outside the image.
///
/// Inputs are `[batch, channels, height, width]`, weights `[filters, channels, kernel, kernel]`, outputs
/// `[batch, filters, out_height, out_width]`, all row-major `f32`; the batch follows from the length of a slice. Methods panic when a slice
/// does not fit. A NaN in an image or a weight reaches every number that depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Channels of an input image.
    pub channels: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Filters, which are the channels of the output.
    pub filters: usize,
    /// Rows and columns of a kernel.
    pub kernel: usize,
    /// Step of the kernel, at least 1.
    pub stride: usize,
    /// Lines of zeros on every side of the image.
    pub padding: usize,
}

impl Convolution {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        self.out_size(self.height)
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        self.out_size(self.width)
    }

    fn out_size(&self, size: usize) -> usize {
        assert!(self.stride > 0 && size + 2 * self.padding >= self.kernel, "{self:?} has a kernel that does not fit its image");
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Numbers of an input image.
    pub fn in_size(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Places of an output image.
    pub fn pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Numbers of an output image.
    pub fn image_size(&self) -> usize {
        self.filters * self.pixels()
    }

    /// Weights of a filter.
    pub fn taps(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Multiply-accumulates for an image.
    pub fn macs(&self) -> usize {
        self.image_size() * self.taps()
    }

    /// The responses to `inputs`.
    pub fn forward(&self, inputs: &[f32], weights: &[f32], outputs: &mut [f32]) {
        let piece = self.piece(inputs, outputs);
        let (filters, run) = (PackedFilters::new(weights, self.filters, self.taps()), Run::new(self));
        let pieces = outputs.par_chunks_mut(piece * self.image_size()).zip(inputs.par_chunks(piece * self.in_size()));
        pieces.for_each(|(outputs, inputs)| {
            let (mut signal, mut responses) = (run.signal(), run.responses(self.filters));
            for (output, input) in outputs.chunks_exact_mut(self.image_size()).zip(inputs.chunks_exact(self.in_size())) {
                run.lower(input, &mut signal);
                run.respond(&filters, &signal, &mut responses, output);
            }
        });
    }

    /// The gradient of the inputs, given that of the outputs.
    pub fn input_gradient(&self, gradient: &[f32], weights: &[f32], into: &mut [f32]) {
        let piece = self.piece(into, gradient);
        assert!(self.padding < self.kernel, "{self:?} pads more than its kernel reaches");
        // The adjoint of a convolution is one with flipped kernels, over outputs that are spread out to where stride 1 would have them.
        let adjoint = Self {
            channels: self.filters,
            height: self.height + 2 * self.padding + 1 - self.kernel,
            width: self.width + 2 * self.padding + 1 - self.kernel,
            filters: self.channels,
            kernel: self.kernel,
            stride: 1,
            padding: self.kernel - 1 - self.padding,
        };
        let (filters, run) = (PackedFilters::new(&self.flipped(weights), adjoint.filters, adjoint.taps()), Run::new(&adjoint));
        let pieces = into.par_chunks_mut(piece * self.in_size()).zip(gradient.par_chunks(piece * self.image_size()));
        pieces.for_each(|(into, gradient)| {
            let (mut signal, mut responses) = (run.signal(), run.responses(self.channels));
            let mut spread = vec![0f32; if self.stride > 1 { adjoint.in_size() } else { 0 }];
            for (into, gradient) in into.chunks_exact_mut(self.in_size()).zip(gradient.chunks_exact(self.image_size())) {
                if self.stride > 1 {
                    self.spread(gradient, adjoint.height, adjoint.width, &mut spread);
                    run.lower(&spread, &mut signal);
                } else {
                    run.lower(gradient, &mut signal);
                }
                run.respond(&filters, &signal, &mut responses, into);
            }
        });
    }

    /// The gradient of the weights, summed over the batch.
    pub fn weight_gradient(&self, inputs: &[f32], gradient: &[f32], into: &mut [f32]) {
        let piece = self.piece(inputs, gradient);
        assert_eq!(into.len(), self.filters * self.taps(), "the weight gradient of {self:?}");
        let run = Run::new(self);
        let pieces = inputs.par_chunks(piece * self.in_size()).zip(gradient.par_chunks(piece * self.image_size()));
        let partial: Vec<Vec<f32>> = pieces
            .map(|(inputs, gradient)| {
                let images = inputs.len() / self.in_size();
                let (signal_size, line_size) = (run.signal_size(), run.line_size());
                let mut signals = vec![0f32; images * signal_size];
                let mut lines = vec![0f32; images * self.filters * line_size];
                for (signal, input) in signals.chunks_exact_mut(signal_size).zip(inputs.chunks_exact(self.in_size())) {
                    run.lower(input, signal);
                }
                for (line, plane) in lines.chunks_exact_mut(line_size).zip(gradient.chunks_exact(self.pixels())) {
                    copy_lines(line, run.row, plane, self.out_width(), self.out_width(), self.out_height());
                }
                let mut sums = vec![0f32; self.filters * self.taps()];
                correlate(&run, &signals, &lines, self.filters, &mut sums);
                sums
            })
            .collect();
        into.fill(0.0);
        for sums in &partial {
            into.iter_mut().zip(sums).for_each(|(into, sum)| *into += sum);
        }
    }

    /// Distance of two taps where what they see is gathered: rows a power of two apart would fall into the same few sets of the cache.
    fn gathered_row(&self) -> usize {
        self.pixels() + if self.pixels().is_multiple_of(64) { 16 } else { 0 }
    }

    /// What every tap sees, the taps `row` apart in `into`, which is zero where a tap lies outside the image.
    fn gather(&self, image: &[f32], into: &mut [f32], row: usize) {
        assert_eq!(image.len(), self.in_size(), "the image of {self:?}");
        for channel in 0..self.channels {
            for ky in 0..self.kernel {
                for kx in 0..self.kernel {
                    let tap = (channel * self.kernel + ky) * self.kernel + kx;
                    for (columns, at) in self.seen(channel, ky, kx) {
                        let into = &mut into[tap * row..][columns];
                        if self.stride == 1 {
                            into.copy_from_slice(&image[at..at + into.len()]);
                        } else {
                            into.iter_mut().zip(image[at..].iter().step_by(self.stride)).for_each(|(into, value)| *into = *value);
                        }
                    }
                }
            }
        }
    }

    /// For every output row, the columns where a tap lies inside the image, and the place in the image that the first of them sees.
    fn seen(&self, channel: usize, ky: usize, kx: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let Self { height, width, stride, padding, .. } = *self;
        let out_width = self.out_width();
        let first = padding.saturating_sub(kx).div_ceil(stride).min(out_width);
        let end = (width + padding).saturating_sub(kx).div_ceil(stride).min(out_width);
        (0..self.out_height()).filter_map(move |row| {
            let line = (row * stride + ky).checked_sub(padding).filter(|line| *line < height)?;
            let at = (channel * height + line) * width + first * stride + kx;
            (first < end).then(|| (row * out_width + first..row * out_width + end, at - padding))
        })
    }

    /// Images that one task takes. Panics when inputs and outputs are not of one batch.
    fn piece(&self, inputs: &[f32], outputs: &[f32]) -> usize {
        let batch = inputs.len() / self.in_size();
        assert_eq!((inputs.len(), outputs.len()), (batch * self.in_size(), batch * self.image_size()), "a batch of {self:?}");
        batch.div_ceil(PIECES).max(1)
    }

    /// The weights of the adjoint, `[channels, filters, kernel, kernel]` with every kernel turned by 180 degrees.
    fn flipped(&self, weights: &[f32]) -> Vec<f32> {
        let area = self.kernel * self.kernel;
        let mut flipped = vec![0f32; weights.len()];
        for filter in 0..self.filters {
            for channel in 0..self.channels {
                let from = &weights[(filter * self.channels + channel) * area..][..area];
                let into = &mut flipped[(channel * self.filters + filter) * area..][..area];
                into.iter_mut().zip(from.iter().rev()).for_each(|(into, weight)| *into = *weight);
            }
        }
        flipped
    }

    /// Puts `stride - 1` zeros between the places of `gradient`; `into` holds zeros there already.
    fn spread(&self, gradient: &[f32], height: usize, width: usize, into: &mut [f32]) {
        let planes = gradient.chunks_exact(self.pixels()).zip(into.chunks_exact_mut(height * width));
        for (plane, into) in planes {
            for (row, line) in plane.chunks_exact(self.out_width()).enumerate() {
                let into = &mut into[row * self.stride * width..][..width];
                into.iter_mut().step_by(self.stride).zip(line).for_each(|(into, value)| *into = *value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernels::testing::relative_difference, random::Generator};
    use candle_core::{Device, Tensor, Var};

    fn draw(n: usize, name: &str) -> Vec<f32> {
        let mut generator = Generator::new(4, name);
        (0..n).map(|_| generator.symmetric(1.0)).collect()
    }

    fn sizes(channels: usize, side: (usize, usize), filters: usize, kernel: usize, stride: usize, padding: usize) -> Convolution {
        Convolution { channels, height: side.0, width: side.1, filters, kernel, stride, padding }
    }

    /// Every kind of size: one channel and many, tails of filters, taps and blocks, strides that do and do not reach the far side.
    fn examples() -> Vec<(Convolution, usize)> {
        vec![
            (sizes(1, (28, 28), 12, 5, 1, 2), 3),
            (sizes(12, (14, 14), 24, 3, 1, 1), 5),
            (sizes(24, (7, 7), 32, 3, 1, 1), 33),
            (sizes(3, (32, 32), 9, 3, 1, 1), 2),
            (sizes(2, (5, 9), 3, 3, 1, 0), 4),
            (sizes(5, (6, 6), 17, 1, 1, 0), 3),
            (sizes(3, (9, 9), 5, 3, 2, 1), 4),
            (sizes(3, (8, 8), 5, 3, 2, 1), 1),
            (sizes(2, (11, 11), 4, 5, 3, 2), 18),
            (sizes(4, (8, 8), 6, 1, 2, 0), 2),
            (sizes(2, (3, 3), 1, 3, 1, 0), 2),
        ]
    }

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn a_hand_worked_convolution() {
        // 1 2 3
        // 4 5 6   with the kernel 1 0 / 0 -1.
        let sizes = sizes(1, (2, 3), 1, 2, 1, 0);
        let (image, weights) = ([1f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1f32, 0.0, 0.0, -1.0]);
        let mut output = [0f32; 2];
        sizes.forward(&image, &weights, &mut output);
        assert_eq!(output, [-4.0, -4.0]);
        let (mut dx, mut dw) = ([9f32; 6], [9f32; 4]);
        sizes.input_gradient(&[1.0, 10.0], &weights, &mut dx);
        assert_eq!(dx, [1.0, 10.0, 0.0, 0.0, -1.0, -10.0]);
        sizes.weight_gradient(&image, &[1.0, 10.0], &mut dw);
        assert_eq!(dw, [21.0, 32.0, 54.0, 65.0]);
    }

    #[test]
    fn values_and_gradients_are_those_of_candle() {
        for (sizes, batch) in examples() {
            let (image, weights) = (draw(batch * sizes.in_size(), "image"), draw(sizes.filters * sizes.taps(), "weights"));
            let gradient = draw(batch * sizes.image_size(), "gradient");
            let out = [batch, sizes.filters, sizes.out_height(), sizes.out_width()];
            let x = Var::from_tensor(&tensor(&image, &[batch, sizes.channels, sizes.height, sizes.width])).unwrap();
            let w = Var::from_tensor(&tensor(&weights, &[sizes.filters, sizes.channels, sizes.kernel, sizes.kernel])).unwrap();
            let theirs = x.conv2d(&w, sizes.padding, sizes.stride, 1, 1).unwrap();
            let mut ours = vec![f32::NAN; gradient.len()];
            sizes.forward(&image, &weights, &mut ours);
            assert!(relative_difference(&tensor(&ours, &out), &theirs) < 1e-5, "{sizes:?}");
            let store = (theirs * tensor(&gradient, &out)).unwrap().sum_all().unwrap().backward().unwrap();
            let (mut dx, mut dw) = (vec![f32::NAN; image.len()], vec![f32::NAN; weights.len()]);
            sizes.input_gradient(&gradient, &weights, &mut dx);
            sizes.weight_gradient(&image, &gradient, &mut dw);
            assert!(relative_difference(&tensor(&dx, x.dims()), store.get(&x).unwrap()) < 1e-5, "{sizes:?}");
            assert!(relative_difference(&tensor(&dw, w.dims()), store.get(&w).unwrap()) < 1e-5, "{sizes:?}");
        }
    }

    #[test]
    fn what_another_device_would_do_gives_the_same() {
        for (sizes, batch) in examples() {
            let (image, weights) = (draw(batch * sizes.in_size(), "image"), draw(sizes.filters * sizes.taps(), "weights"));
            let gradient = draw(batch * sizes.image_size(), "gradient");
            let agree = |ours: Vec<f32>, theirs: Vec<f32>| {
                let (n, device) = (ours.len(), Device::Cpu);
                let [ours, theirs] = [ours, theirs].map(|values| Tensor::from_vec(values, n, &device).unwrap());
                assert!(relative_difference(&ours, &theirs) < 1e-5, "{sizes:?}");
            };
            let (mut ours, mut theirs) = (vec![0f32; gradient.len()], vec![f32::NAN; gradient.len()]);
            sizes.forward_on(&Device::Cpu, &image, &weights, &mut ours).unwrap();
            sizes.plain_forward(&Device::Cpu, &image, &weights, &mut theirs).unwrap();
            agree(ours, theirs);
            let (mut ours, mut theirs) = (vec![0f32; image.len()], vec![f32::NAN; image.len()]);
            sizes.input_gradient_on(&Device::Cpu, &gradient, &weights, &mut ours).unwrap();
            sizes.plain_input_gradient(&Device::Cpu, &gradient, &weights, &mut theirs).unwrap();
            agree(ours, theirs);
            let (mut ours, mut theirs) = (vec![0f32; weights.len()], vec![f32::NAN; weights.len()]);
            sizes.weight_gradient_on(&Device::Cpu, &image, &gradient, &mut ours).unwrap();
            sizes.plain_weight_gradient(&Device::Cpu, &image, &gradient, &mut theirs).unwrap();
            agree(ours, theirs);
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        // Both gradients of sum(r y) are exact differences, for y is linear in either.
        for sizes in [sizes(2, (5, 4), 3, 3, 1, 1), sizes(2, (6, 5), 3, 3, 2, 1)] {
            let batch = 2;
            let (mut image, mut weights) = (draw(batch * sizes.in_size(), "image"), draw(sizes.filters * sizes.taps(), "weights"));
            let r = draw(batch * sizes.image_size(), "gradient");
            let value = |image: &[f32], weights: &[f32]| {
                let mut y = vec![0f32; r.len()];
                sizes.forward(image, weights, &mut y);
                y.iter().zip(&r).map(|(y, r)| f64::from(*y) * f64::from(*r)).sum::<f64>()
            };
            let (mut dx, mut dw) = (vec![0f32; image.len()], vec![0f32; weights.len()]);
            sizes.input_gradient(&r, &weights, &mut dx);
            sizes.weight_gradient(&image, &r, &mut dw);
            for at in 0..image.len() {
                let kept = image[at];
                let [above, below] = [0.5, -0.5].map(|by| {
                    image[at] = kept + by;
                    value(&image, &weights)
                });
                image[at] = kept;
                assert!((above - below - f64::from(dx[at])).abs() < 1e-4, "{at}");
            }
            for at in 0..weights.len() {
                let kept = weights[at];
                let [above, below] = [0.5, -0.5].map(|by| {
                    weights[at] = kept + by;
                    value(&image, &weights)
                });
                weights[at] = kept;
                assert!((above - below - f64::from(dw[at])).abs() < 1e-4, "{at}");
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let sizes = sizes(12, (14, 14), 24, 3, 1, 1);
        let (image, weights) = (draw(37 * sizes.in_size(), "image"), draw(sizes.filters * sizes.taps(), "weights"));
        let gradient = draw(37 * sizes.image_size(), "gradient");
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (mut y, mut dx, mut dw) = (vec![0f32; gradient.len()], vec![0f32; image.len()], vec![0f32; weights.len()]);
            pool.install(|| {
                sizes.forward(&image, &weights, &mut y);
                sizes.input_gradient(&gradient, &weights, &mut dx);
                sizes.weight_gradient(&image, &gradient, &mut dw);
            });
            (y, dx, dw)
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

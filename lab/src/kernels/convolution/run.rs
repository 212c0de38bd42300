//! The inner loops of a convolution: sums along contiguous runs, in vectors of the processor's width.

use super::Convolution;
use crate::kernels::lanes::{Lanes, widest};

/// Filters whose responses are computed together; weights are packed in groups of this many.
const FILTERS: usize = 8;
/// Filters and taps whose weight gradients are computed together.
const TILE: usize = 4;
/// A run is read and written in blocks of at most this many numbers, so that buffers need as much room behind their end.
const SLACK: usize = 32;

/// The run along which all responses of a filter to one image are computed.
pub(super) struct Run {
    sizes: Convolution,
    /// Where in the signal each tap begins to read.
    offsets: Vec<usize>,
    /// Distance along the run of two rows of the output.
    pub(super) row: usize,
    /// Numbers of the run.
    length: usize,
}

impl Run {
    pub(super) fn new(sizes: &Convolution) -> Self {
        let Convolution { channels, height, width, kernel, padding, .. } = *sizes;
        let (out_height, out_width) = (sizes.out_height(), sizes.out_width());
        if sizes.stride == 1 {
            let (rows, row) = (height + 2 * padding, width + 2 * padding);
            let offset = |channel: usize, ky: usize, kx: usize| (channel * rows + ky) * row + kx;
            let kernels = (0..channels).flat_map(|channel| (0..kernel * kernel).map(move |tap| (channel, tap / kernel, tap % kernel)));
            let offsets = kernels.map(|(channel, ky, kx)| offset(channel, ky, kx)).collect();
            Self { sizes: *sizes, offsets, row, length: (out_height - 1) * row + out_width }
        } else {
            let row = sizes.gathered_row();
            let offsets = (0..sizes.taps()).map(|tap| tap * row).collect();
            Self { sizes: *sizes, offsets, row: out_width, length: sizes.pixels() }
        }
    }

    /// Numbers of a signal, with room for the last block of the run.
    pub(super) fn signal_size(&self) -> usize {
        self.offsets.last().map_or(0, |last| last + self.length) + SLACK
    }

    pub(super) fn signal(&self) -> Vec<f32> {
        vec![0.0; self.signal_size()]
    }

    /// Numbers of a run in whole blocks.
    pub(super) fn line_size(&self) -> usize {
        self.length.next_multiple_of(SLACK)
    }

    pub(super) fn responses(&self, filters: usize) -> Vec<f32> {
        vec![0.0; filters.next_multiple_of(FILTERS) * self.line_size()]
    }

    /// Brings an image into the form that the offsets refer to. What is zero in `signal` and outside the image stays so.
    pub(super) fn lower(&self, image: &[f32], signal: &mut [f32]) {
        let Convolution { height, width, padding, stride, .. } = self.sizes;
        if stride == 1 {
            let size = (height + 2 * padding) * self.row;
            for (channel, plane) in image.chunks_exact(height * width).enumerate() {
                let first = channel * size + padding * self.row + padding;
                copy_lines(&mut signal[first..], self.row, plane, width, width, height);
            }
        } else {
            self.sizes.gather(image, signal, self.offsets.get(1).copied().unwrap_or(0));
        }
    }

    /// The responses of all filters to a signal.
    pub(super) fn respond(&self, filters: &PackedFilters, signal: &[f32], responses: &mut [f32], output: &mut [f32]) {
        convolve(self, filters, signal, responses);
        let (out_height, out_width) = (self.sizes.out_height(), self.sizes.out_width());
        let planes = output.chunks_exact_mut(out_height * out_width).zip(responses.chunks_exact(self.line_size()));
        for (plane, line) in planes {
            copy_lines(plane, out_width, line, self.row, out_width, out_height);
        }
    }
}

/// Weights in groups of [`FILTERS`] filters, `[group, taps, FILTERS]`, zero where there is no filter.
pub(super) struct PackedFilters {
    values: Vec<f32>,
    filters: usize,
    taps: usize,
}

impl PackedFilters {
    pub(super) fn new(weights: &[f32], filters: usize, taps: usize) -> Self {
        assert_eq!(weights.len(), filters * taps, "the weights of {filters} filters");
        let mut values = vec![0f32; filters.next_multiple_of(FILTERS) * taps];
        for (filter, weights) in weights.chunks_exact(taps).enumerate() {
            let group = &mut values[filter / FILTERS * FILTERS * taps..];
            group[filter % FILTERS..].iter_mut().step_by(FILTERS).zip(weights).for_each(|(into, weight)| *into = *weight);
        }
        Self { values, filters, taps }
    }
}

/// `responses[filter][n] = sum over taps of weight * signal[offset + n]` for n along the run.
fn convolve(run: &Run, filters: &PackedFilters, signal: &[f32], responses: &mut [f32]) {
    let line = run.line_size();
    assert!(signal.len() >= run.signal_size() && run.offsets.len() == filters.taps);
    assert!(responses.len() >= filters.filters.next_multiple_of(FILTERS) * line);
    widest!(convolve_in(run: &Run, filters: &PackedFilters, signal: &[f32], responses: &mut [f32]))
}

/// # Safety
/// The processor has the instructions of `L`, and the slices have the sizes that [`convolve`] asserts.
#[inline(always)]
unsafe fn convolve_in<L: Lanes>(run: &Run, filters: &PackedFilters, signal: &[f32], responses: &mut [f32]) {
    let line = run.line_size();
    let groups = filters.values.chunks_exact(FILTERS * filters.taps).zip(responses.chunks_exact_mut(FILTERS * line)).enumerate();
    for (group, (weights, responses)) in groups {
        let present = filters.filters - group * FILTERS;
        for at in (0..run.length).step_by(2 * L::WIDTH) {
            // SAFETY: two vectors at `at` lie within the slack of signal and responses, and the caller vouches for the rest.
            unsafe {
                if present * 2 > FILTERS {
                    block::<L, FILTERS>(weights, &run.offsets, signal.as_ptr().add(at), responses.as_mut_ptr().add(at), line);
                } else {
                    block::<L, { FILTERS / 2 }>(weights, &run.offsets, signal.as_ptr().add(at), responses.as_mut_ptr().add(at), line);
                }
            }
        }
    }
}

/// Two vectors of the run for the first `M` filters of a group.
///
/// # Safety
/// As [`convolve_in`]; `signal` and `responses` point into the slices with two vectors of room behind every offset.
#[inline(always)]
unsafe fn block<L: Lanes, const M: usize>(weights: &[f32], offsets: &[usize], signal: *const f32, responses: *mut f32, line: usize) {
    // SAFETY: the caller vouches for instructions and room.
    unsafe {
        let mut sums = [[L::zero(); 2]; M];
        for (weights, offset) in weights.as_chunks::<FILTERS>().0.iter().zip(offsets) {
            let (first, second) = (L::load(signal.add(*offset)), L::load(signal.add(*offset + L::WIDTH)));
            for (sums, weight) in sums.iter_mut().zip(weights) {
                let weight = L::splat(*weight);
                sums[0] = first.multiply_add(weight, sums[0]);
                sums[1] = second.multiply_add(weight, sums[1]);
            }
        }
        for (filter, sums) in sums.into_iter().enumerate() {
            sums[0].store(responses.add(filter * line));
            sums[1].store(responses.add(filter * line + L::WIDTH));
        }
    }
}

/// `sums[filter][tap] = sum over images and n of line[filter][n] * signal[offset of tap + n]`. Between the rows of the output, and behind
/// its end, the lines are zero.
pub(super) fn correlate(run: &Run, signals: &[f32], lines: &[f32], filters: usize, sums: &mut [f32]) {
    let images = signals.len() / run.signal_size();
    assert_eq!((signals.len(), lines.len()), (images * run.signal_size(), images * filters * run.line_size()));
    assert_eq!(sums.len(), filters * run.offsets.len());
    widest!(correlate_in(run: &Run, signals: &[f32], lines: &[f32], filters: usize, sums: &mut [f32]))
}

/// # Safety
/// The processor has the instructions of `L`, and the slices have the sizes that [`correlate`] asserts.
#[inline(always)]
unsafe fn correlate_in<L: Lanes>(run: &Run, signals: &[f32], lines: &[f32], filters: usize, sums: &mut [f32]) {
    let taps = run.offsets.len();
    for filter in (0..filters).step_by(TILE) {
        for tap in (0..taps).step_by(TILE) {
            // A tile that reaches over the end repeats the last filter or tap, and what it finds for it is the same.
            let which: [usize; TILE] = std::array::from_fn(|i| (filter + i).min(filters - 1));
            let tap_of: [usize; TILE] = std::array::from_fn(|i| (tap + i).min(taps - 1));
            let (offsets, starts) = (tap_of.map(|tap| run.offsets[tap]), which.map(|filter| filter * run.line_size()));
            let images = signals.chunks_exact(run.signal_size()).zip(lines.chunks_exact(filters * run.line_size()));
            // SAFETY: a line is a whole number of vectors, and the signal has as much room behind every offset.
            unsafe {
                let mut tile = [[L::zero(); TILE]; TILE];
                for (signal, lines) in images {
                    for at in (0..run.length).step_by(L::WIDTH) {
                        let mut seen = [L::zero(); TILE];
                        for (seen, offset) in seen.iter_mut().zip(offsets) {
                            *seen = L::load(signal.as_ptr().add(offset + at));
                        }
                        for (tile, start) in tile.iter_mut().zip(starts) {
                            let line = L::load(lines.as_ptr().add(start + at));
                            for (sum, seen) in tile.iter_mut().zip(seen) {
                                *sum = seen.multiply_add(line, *sum);
                            }
                        }
                    }
                }
                for (tile, filter) in tile.into_iter().zip(which) {
                    for (sum, tap) in tile.into_iter().zip(tap_of) {
                        sums[filter * taps + tap] = sum.sum();
                    }
                }
            }
        }
    }
}

/// Copies `lines` lines of `width` numbers that lie `from_row` apart to places that lie `into_row` apart.
pub(super) fn copy_lines(into: &mut [f32], into_row: usize, from: &[f32], from_row: usize, width: usize, lines: usize) {
    /// A copy of known length is a few instructions; one of any length is a call.
    #[inline(always)]
    fn copy<const WIDTH: usize>(into: &mut [f32], into_row: usize, from: &[f32], from_row: usize, lines: usize) {
        for line in 0..lines {
            if let (Some(into), Some(from)) =
                (into[line * into_row..].first_chunk_mut::<WIDTH>(), from[line * from_row..].first_chunk::<WIDTH>())
            {
                *into = *from;
            }
        }
    }
    if lines == 0 {
        return;
    }
    assert!(into.len() >= (lines - 1) * into_row + width && from.len() >= (lines - 1) * from_row + width);
    match width {
        3 => copy::<3>(into, into_row, from, from_row, lines),
        4 => copy::<4>(into, into_row, from, from_row, lines),
        7 => copy::<7>(into, into_row, from, from_row, lines),
        8 => copy::<8>(into, into_row, from, from_row, lines),
        14 => copy::<14>(into, into_row, from, from_row, lines),
        16 => copy::<16>(into, into_row, from, from_row, lines),
        28 => copy::<28>(into, into_row, from, from_row, lines),
        32 => copy::<32>(into, into_row, from, from_row, lines),
        _ => {
            for line in 0..lines {
                into[line * into_row..][..width].copy_from_slice(&from[line * from_row..][..width]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn draw(n: usize, name: &str) -> Vec<f32> {
        let mut generator = Generator::new(4, name);
        (0..n).map(|_| generator.symmetric(1.0)).collect()
    }

    #[test]
    fn vectors_of_every_width_agree() {
        let sizes = Convolution { channels: 3, height: 9, width: 10, filters: 13, kernel: 3, stride: 1, padding: 1 };
        let (image, weights) = (draw(sizes.in_size(), "image"), draw(sizes.filters * sizes.taps(), "weights"));
        let gradient = draw(sizes.image_size(), "gradient");
        let (run, filters) = (Run::new(&sizes), PackedFilters::new(&weights, sizes.filters, sizes.taps()));
        let mut signal = run.signal();
        run.lower(&image, &mut signal);
        let (mut wide, mut plain) = (run.responses(sizes.filters), run.responses(sizes.filters));
        convolve(&run, &filters, &signal, &mut wide);
        // SAFETY: arrays need no special instructions, and the sizes are those just accepted.
        unsafe { convolve_in::<[f32; 8]>(&run, &filters, &signal, &mut plain) };
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        for (wide, plain) in wide.chunks(run.line_size()).zip(plain.chunks(run.line_size())).take(sizes.filters) {
            assert!(close(&wide[..run.length], &plain[..run.length]));
        }
        let mut lines = vec![0f32; sizes.filters * run.line_size()];
        for (line, plane) in lines.chunks_exact_mut(run.line_size()).zip(gradient.chunks_exact(sizes.pixels())) {
            copy_lines(line, run.row, plane, sizes.out_width(), sizes.out_width(), sizes.out_height());
        }
        let (mut wide, mut plain) = (vec![0f32; weights.len()], vec![0f32; weights.len()]);
        correlate(&run, &signal, &lines, sizes.filters, &mut wide);
        // SAFETY: as above.
        unsafe { correlate_in::<[f32; 8]>(&run, &signal, &lines, sizes.filters, &mut plain) };
        assert!(close(&wide, &plain));
    }
}

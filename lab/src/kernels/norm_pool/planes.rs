//! Pooling of one plane: loops over blocks of eight numbers, which compilers turn into vectors.

use super::NormPool;
use crate::kernels::lanes::wide;

/// Stands for a window in which no response passed the ReLU.
pub(super) const NONE: u8 = u8::MAX;
/// Numbers that loops take at once.
const BLOCK: usize = 8;

/// For every row of windows and every column that a window has, the largest response and the row of the window that it is in.
pub(super) struct Scratch {
    largest: Vec<f32>,
    row: Vec<u32>,
}

impl Scratch {
    pub(super) fn new(sizes: &NormPool) -> Self {
        let numbers = sizes.pooled_pixels() * sizes.window;
        Self { largest: vec![0.0; numbers], row: vec![0; numbers] }
    }
}

/// One plane of the outputs and its choices; a response is `slope * input + constant`.
pub(super) fn choose(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], chosen: &mut [u8], scratch: &mut Scratch) {
    wide!(choose_in(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], chosen: &mut [u8], scratch: &mut Scratch))
}

/// One plane of the outputs.
pub(super) fn pool(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], scratch: &mut Scratch) {
    wide!(pool_in(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], scratch: &mut Scratch))
}

#[inline(always)]
fn choose_in(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], chosen: &mut [u8], scratch: &mut Scratch) {
    largest_of_columns::<true>(sizes, inputs, line, scratch);
    let Scratch { largest, row } = scratch;
    if sizes.window == 2 && outputs.len() >= BLOCK {
        let mut at = 0;
        while at < outputs.len() {
            let first = at.min(outputs.len() - BLOCK);
            let (Some(largest), Some(row)) = (largest[2 * first..].first_chunk::<16>(), row[2 * first..].first_chunk::<16>()) else {
                return;
            };
            let left: [f32; BLOCK] = std::array::from_fn(|i| largest[2 * i]);
            let right: [f32; BLOCK] = std::array::from_fn(|i| largest[2 * i + 1]);
            let left_number: [u32; BLOCK] = std::array::from_fn(|i| 2 * row[2 * i]);
            let right_number: [u32; BLOCK] = std::array::from_fn(|i| 2 * row[2 * i + 1] + 1);
            let best: [f32; BLOCK] = std::array::from_fn(|i| if right[i] > left[i] { right[i] } else { left[i] });
            let number: [u32; BLOCK] = std::array::from_fn(|i| if right[i] > left[i] { right_number[i] } else { left_number[i] });
            let number: [u32; BLOCK] = std::array::from_fn(|i| if best[i] <= 0.0 { u32::from(NONE) } else { number[i] });
            let best: [f32; BLOCK] = std::array::from_fn(|i| if best[i] <= 0.0 { 0.0 } else { best[i] });
            outputs[first..first + BLOCK].copy_from_slice(&best);
            chosen[first..first + BLOCK].copy_from_slice(&number.map(|number| number as u8));
            at = first + BLOCK;
        }
        return;
    }
    let columns = largest.chunks_exact(sizes.window).zip(row.chunks_exact(sizes.window));
    for ((output, chosen), (largest, row)) in outputs.iter_mut().zip(chosen).zip(columns) {
        (*output, *chosen) = largest_of(sizes.window, largest, row);
    }
}

#[inline(always)]
fn pool_in(sizes: &NormPool, inputs: &[f32], line: (f32, f32), outputs: &mut [f32], scratch: &mut Scratch) {
    largest_of_columns::<false>(sizes, inputs, line, scratch);
    let largest = |columns: &[f32]| {
        let best = columns[1..].iter().fold(columns[0], |best, value| if *value > best { *value } else { best });
        if best <= 0.0 { 0.0 } else { best }
    };
    if sizes.window == 2 {
        let columns = scratch.largest.as_chunks::<2>().0;
        outputs.iter_mut().zip(columns).for_each(|(output, columns)| *output = largest(columns));
    } else {
        let columns = scratch.largest.chunks_exact(sizes.window);
        outputs.iter_mut().zip(columns).for_each(|(output, columns)| *output = largest(columns));
    }
}

/// Fills the scratch; the rows of windows only where choices are wanted.
#[inline(always)]
fn largest_of_columns<const CHOICES: bool>(sizes: &NormPool, inputs: &[f32], (slope, constant): (f32, f32), scratch: &mut Scratch) {
    let (width, window) = (sizes.width, sizes.window);
    let used = width / window * window;
    let rows = scratch.largest.chunks_exact_mut(used).zip(scratch.row.chunks_exact_mut(used));
    for ((largest, row), inputs) in rows.zip(inputs.chunks_exact(window * width)) {
        let mut at = 0;
        while at < used {
            if used < BLOCK {
                let (mut best, mut which) = (slope * inputs[at] + constant, 0);
                for line in 1..window {
                    let response = slope * inputs[line * width + at] + constant;
                    let larger = response > best;
                    best = if larger { response } else { best };
                    which = if larger { line as u32 } else { which };
                }
                (largest[at], row[at]) = (best, which);
                at += 1;
                continue;
            }
            // The last block overlaps the one before, which gives the same numbers again.
            let first = at.min(used - BLOCK);
            let (mut best, mut which) = ([0f32; BLOCK], [0u32; BLOCK]);
            for line in 0..window {
                if let Some(inputs) = inputs[line * width + first..].first_chunk::<BLOCK>() {
                    let responses: [f32; BLOCK] = std::array::from_fn(|i| slope * inputs[i] + constant);
                    if line == 0 {
                        best = responses;
                    } else {
                        if CHOICES {
                            which = std::array::from_fn(|i| if responses[i] > best[i] { line as u32 } else { which[i] });
                        }
                        best = std::array::from_fn(|i| if responses[i] > best[i] { responses[i] } else { best[i] });
                    }
                }
            }
            largest[first..first + BLOCK].copy_from_slice(&best);
            if CHOICES {
                row[first..first + BLOCK].copy_from_slice(&which);
            }
            at = first + BLOCK;
        }
    }
}

/// The largest of the columns' largest responses after the ReLU, and its number in the window. Of equal ones it is the first,
/// column by column.
#[inline(always)]
fn largest_of(window: usize, largest: &[f32], row: &[u32]) -> (f32, u8) {
    let (mut best, mut which) = (largest[0], row[0] * window as u32);
    for column in 1..window {
        let number = row[column] * window as u32 + column as u32;
        let better = largest[column] > best;
        best = if better { largest[column] } else { best };
        which = if better { number } else { which };
    }
    // Written so that a NaN stays one.
    if best <= 0.0 { (0.0, NONE) } else { (best, which as u8) }
}

//! Blur.

use super::{Shape, resize, to_byte};
use crate::random::Generator;
use rand::Rng;

/// How an image goes on beyond its border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// The last pixel repeats: `a a | a b c | c c`.
    Nearest,
    /// Mirrored between pixels: `b a | a b c | c b`.
    Reflect,
    /// Mirrored at the last pixel: `c b | a b c | b a`.
    Reflect101,
}

impl Border {
    /// The pixel of `0..size` that stands at `at`.
    pub(super) fn place(self, at: isize, size: usize) -> usize {
        let last = size as isize - 1;
        match self {
            Self::Nearest => at.clamp(0, last) as usize,
            Self::Reflect => {
                let folded = at.rem_euclid(2 * (last + 1));
                if folded > last { 2 * last + 1 - folded } else { folded }.unsigned_abs()
            }
            Self::Reflect101 if last == 0 => 0,
            Self::Reflect101 => {
                let folded = at.rem_euclid(2 * last);
                if folded > last { 2 * last - folded } else { folded }.unsigned_abs()
            }
        }
    }
}

/// A normal kernel of this standard deviation in pixels, cut off at `truncate` of them.
pub(super) fn gaussian(image: &mut [f32], shape: Shape, sigma: f32, truncate: f32, border: Border) {
    let radius = (truncate * sigma + 0.5) as isize;
    if radius == 0 {
        return;
    }
    let mut kernel: Vec<f32> = (-radius..=radius).map(|at| (-0.5 * (at as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    let places = |size: usize| -> Vec<usize> { (-radius..size as isize + radius).map(|at| border.place(at, size)).collect() };
    let (rows, columns) = (places(shape.height), places(shape.width));
    let mut between = vec![0f32; shape.pixels()];
    for plane in image.chunks_exact_mut(shape.pixels()) {
        for (row, into) in between.chunks_exact_mut(shape.width).enumerate() {
            into.fill(0.0);
            for (weight, from) in kernel.iter().zip(&rows[row..]) {
                let from = &plane[from * shape.width..][..shape.width];
                into.iter_mut().zip(from).for_each(|(into, value)| *into += weight * value);
            }
        }
        for (line, into) in between.chunks_exact(shape.width).zip(plane.chunks_exact_mut(shape.width)) {
            for (column, into) in into.iter_mut().enumerate() {
                *into = kernel.iter().zip(&columns[column..]).map(|(weight, from)| weight * line[*from]).sum();
            }
        }
    }
}

/// The mean of `length` neighbours in a row, an odd number; zero beyond the border.
pub(super) fn horizontal(image: &mut [f32], shape: Shape, length: usize) {
    let half = length / 2;
    for line in image.chunks_exact_mut(shape.width) {
        let from = line.to_vec();
        for (column, into) in line.iter_mut().enumerate() {
            let end = (column + half + 1).min(from.len());
            *into = from[column.saturating_sub(half)..end].iter().sum::<f32>() / length as f32;
        }
    }
}

/// A disk of this radius, its edge softened by a normal 3 x 3 kernel.
pub(super) fn disk(image: &mut [f32], shape: Shape, radius: f32, alias: f32) {
    /// The disk and a pixel around it lie inside.
    const REACH: isize = 3;
    let side = 2 * REACH as usize + 1;
    let around = || (-REACH..=REACH).flat_map(|y| (-REACH..=REACH).map(move |x| (y, x)));
    let mut kernel: Vec<f32> = around().map(|(y, x)| if (x * x + y * y) as f32 <= radius * radius { 1.0 } else { 0.0 }).collect();
    let count: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= count);
    let shape_of_kernel = Shape { channels: 1, height: side, width: side };
    // Cut off so that the radius is 1.
    gaussian(&mut kernel, shape_of_kernel, alias, 1.0 / alias, Border::Reflect101);
    let mut from = vec![0f32; shape.pixels()];
    for plane in image.chunks_exact_mut(shape.pixels()) {
        from.copy_from_slice(plane);
        for (at, into) in plane.iter_mut().enumerate() {
            let (row, column) = ((at / shape.width) as isize, (at % shape.width) as isize);
            let seen = around().zip(&kernel).filter(|(_, weight)| **weight != 0.0).map(|((y, x), weight)| {
                let line = Border::Reflect101.place(row + y, shape.height) * shape.width;
                weight * from[line + Border::Reflect101.place(column + x, shape.width)]
            });
            *into = seen.sum();
        }
    }
}

/// Pixels change places with others at most `reach` away, `times` times over the image from its end to its beginning, between two blurs.
pub(super) fn glass(image: &mut [f32], shape: Shape, sigma: f32, reach: usize, times: usize, generator: &mut Generator) {
    gaussian(image, shape, sigma, 4.0, Border::Nearest);
    image.iter_mut().for_each(|value| *value = to_byte(*value) / 255.0);
    let bound = reach as i32;
    for _ in 0..times {
        for row in (reach + 1..=shape.height - reach).rev() {
            for column in (reach + 1..=shape.width - reach).rev() {
                let [right, down] = [(); 2].map(|()| generator.rng().random_range(-bound..bound) as isize);
                let other = row.saturating_add_signed(down) * shape.width + column.saturating_add_signed(right);
                let here = row * shape.width + column;
                image.chunks_exact_mut(shape.pixels()).for_each(|plane| plane.swap(here, other));
            }
        }
    }
    gaussian(image, shape, sigma, 4.0, Border::Nearest);
}

/// A line of `2 radius + 1` pixels that goes out from every pixel at `angle` degrees, with half a normal kernel along it.
pub(super) fn motion(image: &mut [f32], shape: Shape, radius: usize, sigma: f32, angle: f32) {
    let length = 2 * radius + 1;
    let mut kernel: Vec<f32> = (0..length).map(|at| (-0.5 * (at as f32 / sigma).powi(2)).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|weight| *weight /= sum);
    let (sine, cosine) = angle.to_radians().sin_cos();
    let steps: Vec<(isize, isize)> =
        (0..length).map(|at| ((at as f32 * sine - 0.5).ceil() as isize, (at as f32 * cosine - 0.5).ceil() as isize)).collect();
    let mut from = vec![0f32; shape.pixels()];
    for plane in image.chunks_exact_mut(shape.pixels()) {
        from.copy_from_slice(plane);
        for (at, into) in plane.iter_mut().enumerate() {
            let (row, column) = ((at / shape.width) as isize, (at % shape.width) as isize);
            let seen = kernel.iter().zip(&steps).map(|(weight, (down, right))| {
                let line = Border::Nearest.place(row + down, shape.height) * shape.width;
                weight * from[line + Border::Nearest.place(column + right, shape.width)]
            });
            *into = seen.sum();
        }
    }
}

/// The mean of the image and its middle enlarged by 1, 1.01, 1.02 … (`count` of them).
pub(super) fn zoom(image: &mut [f32], shape: Shape, count: usize) {
    for plane in image.chunks_exact_mut(shape.pixels()) {
        let mut sum = plane.to_vec();
        for step in 0..count {
            let larger = resize::zoomed_middle(plane, shape.height, shape.width, 1.0 + step as f32 / 100.0);
            sum.iter_mut().zip(&larger).for_each(|(sum, value)| *sum += value);
        }
        plane.iter_mut().zip(&sum).for_each(|(into, sum)| *into = sum / (count + 1) as f32);
    }
}

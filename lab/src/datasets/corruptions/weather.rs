//! Snow, frost and fog.

use super::{Shape, blur, blur::Border, noise, resize, to_byte};
use crate::random::Generator;

/// How much and what kind of snow.
#[derive(Debug, Clone, Copy)]
pub(super) struct SnowFall {
    mean: f32,
    deviation: f32,
    zoom: f32,
    /// What is darker is no flake.
    least: f32,
    blur_radius: usize,
    blur_sigma: f32,
    /// Share of the image that keeps its colours.
    keep: f32,
}

/// By severity.
pub(super) const SNOW: [SnowFall; 5] = {
    const fn snow(mean: f32, deviation: f32, zoom: f32, least: f32, blur_radius: usize, blur_sigma: f32, keep: f32) -> SnowFall {
        SnowFall { mean, deviation, zoom, least, blur_radius, blur_sigma, keep }
    }
    [
        snow(0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
        snow(0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
        snow(0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
        snow(0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
        snow(0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
    ]
};

/// Flakes, blurred along their way down, over an image whose colours fade towards white.
pub(super) fn snow(image: &mut [f32], shape: Shape, fall: SnowFall, generator: &mut Generator) {
    let mut layer = vec![fall.mean; shape.pixels()];
    noise::gaussian(&mut layer, fall.deviation, generator);
    layer = resize::zoomed_middle(&layer, shape.height, shape.width, fall.zoom);
    layer.iter_mut().for_each(|value| *value = if *value < fall.least { 0.0 } else { to_byte(value.min(1.0)) / 255.0 });
    let angle = -90.0 + generator.symmetric(45.0);
    blur::motion(&mut layer, Shape { channels: 1, ..shape }, fall.blur_radius, fall.blur_sigma, angle);
    let size = shape.pixels();
    for at in 0..size {
        let grey = 0.299 * image[at] + 0.587 * image[size + at] + 0.114 * image[2 * size + at];
        let (white, flakes) = (1.5 * grey + 0.5, layer[at] + layer[size - 1 - at]);
        for channel in 0..shape.channels {
            let value = &mut image[channel * size + at];
            *value = fall.keep * *value + (1.0 - fall.keep) * value.max(white) + flakes;
        }
    }
}

/// `keep x + add texture`, with a bluish fractal of bright ridges as the texture.
pub(super) fn frost(image: &mut [f32], shape: Shape, keep: f32, add: f32, generator: &mut Generator) {
    /// Red, green and blue of the brightest ice.
    const TINT: [f32; 3] = [0.86, 0.93, 1.0];
    let side = 2 * shape.height.max(shape.width).next_power_of_two();
    let field = plasma(side, 1.6, generator);
    // A crop at a random place.
    let [top, left] = [shape.height, shape.width].map(|size| (generator.symmetric(0.5) + 0.5) * (side - size) as f32);
    for row in 0..shape.height {
        for column in 0..shape.width {
            let value = field[(top as usize + row) * side + left as usize + column];
            // Ridges where the field crosses its middle.
            let ice = 0.25 + 0.75 * (1.0 - (2.0 * value - 1.0).abs()).powi(2);
            for (channel, plane) in image.chunks_exact_mut(shape.pixels()).enumerate() {
                let value = &mut plane[row * shape.width + column];
                *value = keep * *value + add * ice * TINT[channel % TINT.len()];
            }
        }
    }
}

/// `(x + amount plasma) most / (most + amount)`, with `most` the largest value of the image.
pub(super) fn fog(image: &mut [f32], shape: Shape, amount: f32, decay: f32, generator: &mut Generator) {
    let most = image.iter().copied().fold(0.0, f32::max);
    let side = shape.height.max(shape.width).next_power_of_two();
    let field = plasma(side, decay, generator);
    for plane in image.chunks_exact_mut(shape.pixels()) {
        for (row, line) in plane.chunks_exact_mut(shape.width).enumerate() {
            let density = &field[row * side..];
            line.iter_mut().zip(density).for_each(|(value, density)| *value = (*value + amount * density) * most / (most + amount));
        }
    }
}

/// `(x + amount n) / (1 + amount)`, with n normal noise blurred by 5 pixels and scaled to `[0, 1]`.
pub(super) fn grey_fog(image: &mut [f32], shape: Shape, amount: f32, generator: &mut Generator) {
    let mut density = vec![0f32; shape.pixels()];
    noise::gaussian(&mut density, 1.0, generator);
    blur::gaussian(&mut density, shape, 5.0, 4.0, Border::Reflect);
    scale_to_unit(&mut density);
    image.iter_mut().zip(&density).for_each(|(value, density)| *value = (*value + amount * density) / (1.0 + amount));
}

/// A fractal height field in `[0, 1]` by the diamond-square algorithm on a torus, `[side, side]` with a power of two; noise falls by
/// `decay` from one scale to the next finer one.
fn plasma(side: usize, decay: f32, generator: &mut Generator) -> Vec<f32> {
    let mut field = vec![0f32; side * side];
    let (mut step, mut roughness) = (side, 100f32);
    while step >= 2 {
        let half = step / 2;
        let at = |row: usize, column: usize| (row % side) * side + column % side;
        // As in the published script the amount goes into the noise twice.
        let mut wobbled = |sum: f32| sum / 4.0 + roughness * generator.symmetric(roughness);
        let corners = || (0..side).step_by(step).flat_map(|row| (0..side).step_by(step).map(move |column| (row, column)));
        for (row, column) in corners() {
            let sum = field[at(row, column)]
                + field[at(row + step, column)]
                + field[at(row, column + step)]
                + field[at(row + step, column + step)];
            field[at(row + half, column + half)] = wobbled(sum);
        }
        for (row, column) in corners() {
            let around = [(row, column), (row, column + step), (row + half, column + half), (row + side - half, column + half)];
            field[at(row, column + half)] = wobbled(around.map(|(row, column)| field[at(row, column)]).iter().sum());
            let around = [(row, column), (row + step, column), (row + half, column + half), (row + half, column + side - half)];
            field[at(row + half, column)] = wobbled(around.map(|(row, column)| field[at(row, column)]).iter().sum());
        }
        step = half;
        roughness /= decay;
    }
    scale_to_unit(&mut field);
    field
}

/// Moves and scales values so that the least is 0 and the greatest 1.
fn scale_to_unit(values: &mut [f32]) {
    let (least, most) =
        values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), value| (least.min(*value), most.max(*value)));
    let range = (most - least).max(f32::MIN_POSITIVE);
    values.iter_mut().for_each(|value| *value = (*value - least) / range);
}

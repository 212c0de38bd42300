//! Light, contrast, shape and compression.

use super::{Shape, blur, blur::Border, resize};
use crate::random::Generator;

/// `(x - mean) factor + mean`, about the mean of `values`.
pub(super) fn contrast(values: &mut [f32], factor: f32) {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    values.iter_mut().for_each(|value| *value = (*value - mean) * factor + mean);
}

/// Adds to the value of hue, saturation and value: the largest channel grows by `more`, the others in proportion.
pub(super) fn brightness(image: &mut [f32], shape: Shape, more: f32) {
    let size = shape.pixels();
    for at in 0..size {
        let value = (0..shape.channels).map(|channel| image[channel * size + at]).fold(0.0, f32::max);
        let brighter = (value + more).min(1.0);
        for channel in 0..shape.channels {
            let pixel = &mut image[channel * size + at];
            *pixel = if value > 0.0 { *pixel * brighter / value } else { brighter };
        }
    }
}

/// Fewer pixels, and back to as many as before; every pixel of the smaller image is a mean.
pub(super) fn pixelate(image: &mut [f32], shape: Shape, scale: f32) {
    // Rounded first, for 0.35 x 20 must not become 6.
    let fewer = |size: usize| (((size as f32 * scale * 1024.0).round() / 1024.0) as usize).max(1);
    let (whole, small) = ((shape.height, shape.width), (fewer(shape.height), fewer(shape.width)));
    for plane in image.chunks_exact_mut(shape.pixels()) {
        let smaller = resize::with_box(plane, whole, small);
        plane.copy_from_slice(&resize::with_box(&smaller, small, whole));
    }
}

/// A random affine map that moves three points by at most `affine`, then displacements that are uniform noise blurred by `sigma` times
/// `alpha`; all three in widths of the image.
pub(super) fn elastic(image: &mut [f32], shape: Shape, alpha: f32, sigma: f32, affine: f32, generator: &mut Generator) {
    let Shape { height, width, .. } = shape;
    let side = height.min(width) as f32;
    let (middle, third) = ((width as f32 / 2.0).floor(), (side / 3.0).floor());
    let from = [(middle + third, middle + third), (middle + third, middle - third), (middle - third, middle - third)];
    let to = from.map(|(x, y)| (x + generator.symmetric(affine * side), y + generator.symmetric(affine * side)));
    let back = affine_map(to, from);
    let mut moved = vec![0f32; shape.pixels()];
    for plane in image.chunks_exact_mut(shape.pixels()) {
        for (at, into) in moved.iter_mut().enumerate() {
            let (x, y) = ((at % width) as f32, (at / width) as f32);
            let [source_x, source_y] = back.map(|[a, b, c]| a * x + b * y + c);
            *into = resize::between(plane, height, width, source_y, source_x, Border::Reflect101);
        }
        plane.copy_from_slice(&moved);
    }
    if alpha == 0.0 {
        return;
    }
    let one = Shape { channels: 1, ..shape };
    let [right, down] = [(); 2].map(|()| {
        let mut field: Vec<f32> = (0..shape.pixels()).map(|_| generator.symmetric(1.0)).collect();
        blur::gaussian(&mut field, one, sigma * side, 3.0, Border::Reflect);
        field.iter_mut().for_each(|value| *value *= alpha * side);
        field
    });
    for plane in image.chunks_exact_mut(shape.pixels()) {
        for (at, into) in moved.iter_mut().enumerate() {
            let (x, y) = ((at % width) as f32 + right[at], (at / width) as f32 + down[at]);
            *into = resize::between(plane, height, width, y, x, Border::Reflect);
        }
        plane.copy_from_slice(&moved);
    }
}

/// The map `[[a, b, c], [d, e, f]]` with `x' = a x + b y + c`, `y' = d x + e y + f` that takes three points to three others.
fn affine_map(from: [(f32, f32); 3], to: [(f32, f32); 3]) -> [[f32; 3]; 2] {
    let [(x0, y0), (x1, y1), (x2, y2)] = from.map(|(x, y)| (f64::from(x), f64::from(y)));
    let area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
    let row = |values: [f32; 3]| {
        let [v0, v1, v2] = values.map(f64::from);
        let a = ((v1 - v0) * (y2 - y0) - (v2 - v0) * (y1 - y0)) / area;
        let b = ((x1 - x0) * (v2 - v0) - (x2 - x0) * (v1 - v0)) / area;
        [a as f32, b as f32, (v0 - a * x0 - b * y0) as f32]
    };
    [row(to.map(|(x, _)| x)), row(to.map(|(_, y)| y))]
}

/// Quantisation of brightness and colour at quality 50, ITU-T T.81, annex K.
#[rustfmt::skip]
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16,  24,  40,  51,  61,  12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,  14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,  24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,  72, 92, 95, 98, 112, 100, 103,  99,
];
#[rustfmt::skip]
const CHROMINANCE: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,  18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,  47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,  99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,  99, 99, 99, 99, 99, 99, 99, 99,
];

/// What a baseline JPEG file of this quality (1 to 100) keeps of an image of three channels, with colour at half the resolution. Coding
/// the coefficients loses nothing, so there is no file.
pub(super) fn jpeg(image: &mut [f32], shape: Shape, quality: u16) {
    let Shape { height, width, .. } = shape;
    let size = shape.pixels();
    // Steps as libjpeg scales them.
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let steps = |table: [u16; 64]| table.map(|step| f32::from(((step * percent + 50) / 100).clamp(1, 255)));
    let (luminance, chrominance) = (steps(LUMINANCE), steps(CHROMINANCE));
    let (red, rest) = image.split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    let (mut y, mut cb, mut cr) = (vec![0f32; size], vec![0f32; size], vec![0f32; size]);
    for at in 0..size {
        let [r, g, b] = [red[at], green[at], blue[at]].map(|value| super::to_byte(value.clamp(0.0, 1.0)));
        y[at] = (0.299 * r + 0.587 * g + 0.114 * b).round() - 128.0;
        cb[at] = (-0.168_736 * r - 0.331_264 * g + 0.5 * b).round();
        cr[at] = (0.5 * r - 0.418_688 * g - 0.081_312 * b).round();
    }
    quantise(&mut y, height, width, &luminance);
    for colour in [&mut cb, &mut cr] {
        let half = (height.div_ceil(2), width.div_ceil(2));
        let mut smaller = halved(colour, height, width);
        quantise(&mut smaller, half.0, half.1, &chrominance);
        for (at, into) in colour.iter_mut().enumerate() {
            // Pixels of half the size have their centres between those of the whole.
            let (y, x) = ((at / width) as f32 / 2.0 - 0.25, (at % width) as f32 / 2.0 - 0.25);
            *into = resize::between(&smaller, half.0, half.1, y, x, Border::Nearest);
        }
    }
    for at in 0..size {
        let (y, cb, cr) = (y[at] + 128.0, cb[at], cr[at]);
        let bytes = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        [red[at], green[at], blue[at]] = bytes.map(|value| value.round().clamp(0.0, 255.0) / 255.0);
    }
}

/// Means of 2 x 2 pixels; the last row and column repeat where sizes are odd.
fn halved(plane: &[f32], height: usize, width: usize) -> Vec<f32> {
    let places = (0..height.div_ceil(2)).flat_map(|row| (0..width.div_ceil(2)).map(move |column| (2 * row, 2 * column)));
    places
        .map(|(row, column)| {
            let (below, right) = ((row + 1).min(height - 1), (column + 1).min(width - 1));
            (plane[row * width + column] + plane[row * width + right] + plane[below * width + column] + plane[below * width + right]) / 4.0
        })
        .collect()
}

/// Rounds the cosine coefficients of every 8 x 8 block to multiples of `steps`; blocks over the border repeat the last pixel.
fn quantise(plane: &mut [f32], height: usize, width: usize, steps: &[f32; 64]) {
    // basis[frequency][place], orthonormal.
    let basis: [[f32; 8]; 8] = std::array::from_fn(|frequency| {
        let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
        std::array::from_fn(|place| {
            let angle = (2 * place + 1) as f64 * frequency as f64 * std::f64::consts::PI / 16.0;
            (scale * angle.cos()) as f32
        })
    });
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            let mut block: [[f32; 8]; 8] = std::array::from_fn(|row| {
                std::array::from_fn(|column| plane[(top + row).min(height - 1) * width + (left + column).min(width - 1)])
            });
            block = product(&product(&basis, &block), &transposed(&basis));
            for (coefficients, steps) in block.iter_mut().zip(steps.as_chunks::<8>().0) {
                coefficients.iter_mut().zip(steps).for_each(|(value, step)| *value = (*value / step).round() * step);
            }
            block = product(&product(&transposed(&basis), &block), &basis);
            for (row, line) in block.iter().enumerate().take(height - top) {
                for (column, value) in line.iter().enumerate().take(width - left) {
                    plane[(top + row) * width + left + column] = *value;
                }
            }
        }
    }
}

fn product(a: &[[f32; 8]; 8], b: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    std::array::from_fn(|row| std::array::from_fn(|column| (0..8).map(|k| a[row][k] * b[k][column]).sum()))
}

fn transposed(a: &[[f32; 8]; 8]) -> [[f32; 8]; 8] {
    std::array::from_fn(|row| std::array::from_fn(|column| a[column][row]))
}

//! Rows of embeddings: gathered by tokens and scattered back, brought to length 1 and back through that.

use crate::kernels::real::Real;

/// Rows of length 1 and their lengths before.
pub struct Units<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Their lengths before.
    pub lengths: Vec<T>,
}

/// The rows of an embedding that tokens name, `[tokens, width]`.
pub fn gather<T: Real>(embedding: &[T], tokens: &[usize], width: usize) -> Vec<T> {
    tokens.iter().flat_map(|token| &embedding[token * width..(token + 1) * width]).copied().collect()
}

/// Adds rows to those of an embedding that they were gathered from.
pub fn scatter<T: Real>(into: &mut [T], tokens: &[usize], rows: &[T], width: usize) {
    for (token, row) in tokens.iter().zip(rows.chunks_exact(width)) {
        into[token * width..(token + 1) * width].iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
    }
}

/// Brings rows to length 1; a row of zeros becomes one of NaN.
pub fn units<T: Real>(mut rows: Vec<T>, width: usize) -> Units<T> {
    let lengths = rows
        .chunks_exact_mut(width)
        .map(|row| {
            let length = row.iter().map(|x| *x * *x).sum::<T>().sqrt();
            row.iter_mut().for_each(|x| *x = *x / length);
            length
        })
        .collect();
    Units { rows, lengths }
}

/// Adds the gradient of rows that were brought to length 1, `units`, from the gradient of these: what points along a row is lost.
pub fn through_units<T: Real>(into: &mut [T], units: &[T], lengths: &[T], d_units: &[T], width: usize) {
    let rows = units.chunks_exact(width).zip(d_units.chunks_exact(width));
    for ((into, length), (row, d)) in into.chunks_exact_mut(width).zip(lengths).zip(rows) {
        let along: T = row.iter().zip(d).map(|(x, d)| *x * *d).sum();
        into.iter_mut().zip(row.iter().zip(d)).for_each(|(g, (x, d))| *g += (*d - along * *x) / *length);
    }
}

//! The delta rule of Widrow and Hoff on a matrix memory: pair by pair, and in chunks whose pairs are solved for together.
//!
//! `S <- S + eta (v - S k) k^T` for pair after pair. In a chunk of C pairs with the overlaps `G = K K^T`, what the pairs add is
//! `S <- S + U^T K` with `(I + eta tril(G, -1)) U = eta (V - K S^T)`: a triangular system of C rows and matrix products instead of C passes
//! over S. Sources: Widrow and Hoff (1960); as a fast-weight memory Schlag, Irie, Schmidhuber (2021), arXiv 2102.11174; the chunked (WY) form
//! Yang et al. (2024), arXiv 2406.06484.

use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};

/// Pairs of a chunk.
pub const CHUNK: usize = 32;

/// Sizes of a memory: what a key and a value have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Numbers of a key, d_k.
    pub key_dim: usize,
    /// Numbers of a value, d_v.
    pub value_dim: usize,
}

/// Writes pair after pair into `state`, `[value_dim, key_dim]` row-major: `S += eta (v - S k) k^T`.
///
/// Shapes: `keys` `[pairs, key_dim]`, `values` `[pairs, value_dim]`. Diverges where `eta |k|^2 >= 2`. Panics when lengths do not fit. The
/// plain expression, by which [`write_in_chunks`] is tested.
pub fn write_one_by_one<T: Real>(state: &mut [T], keys: &[T], values: &[T], sizes: Sizes, eta: T) {
    assert_eq!(state.len(), sizes.key_dim * sizes.value_dim, "a memory of {sizes:?}");
    assert_eq!(keys.len() / sizes.key_dim, values.len() / sizes.value_dim, "a value for every key");
    for (key, value) in keys.chunks_exact(sizes.key_dim).zip(values.chunks_exact(sizes.value_dim)) {
        for (row, value) in state.chunks_exact_mut(sizes.key_dim).zip(value) {
            let read: T = row.iter().zip(key).map(|(s, k)| *s * *k).sum();
            let change = eta * (*value - read);
            row.iter_mut().zip(key).for_each(|(s, k)| *s += change * *k);
        }
    }
}

/// The same as [`write_one_by_one`] up to rounding, chunk by chunk; as fast as matrix products are.
pub fn write_in_chunks<T: Real>(state: &mut [T], keys: &[T], values: &[T], sizes: Sizes, eta: T, chunk: usize) {
    let Sizes { key_dim, value_dim } = sizes;
    assert_eq!(state.len(), key_dim * value_dim, "a memory of {sizes:?}");
    assert_eq!(keys.len() / key_dim, values.len() / value_dim, "a value for every key");
    let (mut overlaps, mut added) = (Vec::new(), Vec::new());
    for (keys, values) in keys.chunks(chunk * key_dim).zip(values.chunks(chunk * value_dim)) {
        let pairs = keys.len() / key_dim;
        let of_keys = Matrix::new(keys, pairs, key_dim);
        overlaps.resize(pairs * pairs, T::ZERO);
        product_alone(&mut overlaps, Destination::Overwrite, of_keys, of_keys.transposed());
        added.resize(pairs * value_dim, T::ZERO);
        product_alone(&mut added, Destination::Overwrite, of_keys, Matrix::new(state, value_dim, key_dim).transposed());
        added.iter_mut().zip(values).for_each(|(read, value)| *read = *value - *read);
        solve_forward(&overlaps, &mut added, pairs, value_dim, eta);
        product_alone(state, Destination::Add, Matrix::new(&added, pairs, value_dim).transposed(), of_keys);
    }
}

/// Solves `(I + eta tril(G, -1)) U = eta R` in place: `rows` holds R, `[pairs, width]`, and then U, what every pair adds to the memory.
/// `overlaps` is G, `[pairs, pairs]`.
pub fn solve_forward<T: Real>(overlaps: &[T], rows: &mut [T], pairs: usize, width: usize, eta: T) {
    assert!(overlaps.len() == pairs * pairs && rows.len() == pairs * width, "{pairs} rows of {width}");
    for i in 0..pairs {
        let (before, rest) = rows.split_at_mut(i * width);
        let row = &mut rest[..width];
        for (overlap, earlier) in overlaps[i * pairs..i * pairs + i].iter().zip(before.chunks_exact(width)) {
            row.iter_mut().zip(earlier).for_each(|(x, u)| *x -= *overlap * *u);
        }
        row.iter_mut().for_each(|x| *x = eta * *x);
    }
}

/// Solves the transposed system `(I + eta tril(G, -1))^T Z = D` in place: `rows` holds D, `[pairs, width]`, and then Z.
pub fn solve_backward<T: Real>(overlaps: &[T], rows: &mut [T], pairs: usize, width: usize, eta: T) {
    assert!(overlaps.len() == pairs * pairs && rows.len() == pairs * width, "{pairs} rows of {width}");
    for i in (0..pairs).rev() {
        let (here, after) = rows.split_at_mut((i + 1) * width);
        let row = &mut here[i * width..];
        for (later, z) in after.chunks_exact(width).enumerate() {
            let weight = eta * overlaps[(i + 1 + later) * pairs + i];
            row.iter_mut().zip(z).for_each(|(x, z)| *x -= weight * *z);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    const TWO: Sizes = Sizes { key_dim: 2, value_dim: 1 };

    #[test]
    fn two_pairs_by_hand() {
        let (keys, values) = ([1.0, 0.0, 0.6, 0.8], [1.0, -1.0]);
        // Pass by pass the error of the first pair shrinks by the squared overlap 0.36, and the memory comes to the pseudo-inverse (1, -2).
        let expected = [(1, 0.04, -1.28), (2, 0.6544, -1.7408), (3, 0.875584, -1.906688), (6, 0.99419525, -1.99564644), (60, 1.0, -2.0)];
        for (passes, first, second) in expected {
            let (mut plain, mut chunked) = ([0.0f64; 2], [0.0f64; 2]);
            for _ in 0..passes {
                write_one_by_one(&mut plain, &keys, &values, TWO, 1.0);
                write_in_chunks(&mut chunked, &keys, &values, TWO, 1.0, 2);
            }
            for found in [plain, chunked] {
                assert!((found[0] - first).abs() < 1e-8 && (found[1] - second).abs() < 1e-8, "{passes} passes: {found:?}");
            }
            if passes <= 3 {
                assert!((1.0 - plain[0] - [0.96, 0.3456, 0.124416][passes - 1]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn chunks_do_what_the_loop_does() {
        let mut generator = Generator::new(1, "delta_rule");
        for (pairs, key_dim, value_dim, chunk) in [(70, 24, 10, 16), (64, 64, 64, 32), (5, 3, 1, 32), (33, 8, 4, 1)] {
            let sizes = Sizes { key_dim, value_dim };
            let mut keys: Vec<f32> = (0..pairs * key_dim).map(|_| generator.symmetric(1.0)).collect();
            for key in keys.chunks_exact_mut(key_dim) {
                let length = key.iter().map(|k| k * k).sum::<f32>().sqrt();
                key.iter_mut().for_each(|k| *k /= length);
            }
            let values: Vec<f32> = (0..pairs * value_dim).map(|_| generator.symmetric(1.0)).collect();
            let mut plain: Vec<f32> = (0..key_dim * value_dim).map(|_| generator.symmetric(0.1)).collect();
            let mut chunked = plain.clone();
            write_one_by_one(&mut plain, &keys, &values, sizes, 0.9);
            write_in_chunks(&mut chunked, &keys, &values, sizes, 0.9, chunk);
            let largest = plain.iter().zip(&chunked).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-5, "{pairs} pairs in chunks of {chunk}: {largest}");
        }
    }

    #[test]
    fn the_backward_solution_is_that_of_the_transposed_system() {
        // <solve(R), D> = eta <R, solve^T(D)> for any R and D.
        let mut generator = Generator::new(2, "delta_rule");
        let mut draw = |n: usize| (0..n).map(|_| f64::from(generator.symmetric(1.0))).collect::<Vec<_>>();
        let (overlaps, right, left) = (draw(49), draw(21), draw(21));
        let (mut forward, mut backward) = (right.clone(), left.clone());
        solve_forward(&overlaps, &mut forward, 7, 3, 0.7);
        solve_backward(&overlaps, &mut backward, 7, 3, 0.7);
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((inner(&forward, &left) - 0.7 * inner(&right, &backward)).abs() < 1e-12);
    }
}

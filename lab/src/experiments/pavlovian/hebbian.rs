//! Hebb's rule on many pairs at once: reads from the overlaps of keys alone, or from the memory, whichever is cheaper.
//!
//! `y_i = S q_i = sum_j v_j (k_j . q_i)`: with n pairs the overlaps take n^2 d_k products and the reads n^2 d_v, the memory 2 n d_k d_v in
//! all. Keys of signs are counted in bits, 64 products in one XOR and one popcount.

use super::codes::Pairs;
use crate::kernels::{
    delta_rule::Sizes,
    matmul::{Destination, Matrix, product_alone},
};

/// The overlaps `q_i . k_j`, `[queries, keys]`.
pub fn overlaps(pairs: &Pairs, key_dim: usize) -> Vec<f32> {
    let count = pairs.keys.len() / key_dim;
    let mut overlaps = vec![0.0; count * count];
    match &pairs.packed {
        Some(packed) if pairs.queries.is_none() => {
            let mut row = vec![0; count];
            let scale = (key_dim as f32).recip();
            for (at, into) in overlaps.chunks_exact_mut(count).enumerate() {
                packed.overlaps(packed.row(at), &mut row);
                into.iter_mut().zip(&row).for_each(|(overlap, whole)| *overlap = *whole as f32 * scale);
            }
        }
        _ => {
            let (keys, queries) = (Matrix::new(&pairs.keys, count, key_dim), Matrix::new(pairs.queries(), count, key_dim));
            product_alone(&mut overlaps, Destination::Overwrite, queries, keys.transposed());
        }
    }
    overlaps
}

/// Whether overlaps are cheaper than the memory. An overlap counted in bits takes about half as long as one in a product of matrices, measured
/// with keys of 1,024 signs.
fn prefers_overlaps(count: usize, sizes: Sizes, packed: bool) -> bool {
    let Sizes { key_dim, value_dim } = sizes;
    let per_pair = if packed { key_dim.div_ceil(2) } else { key_dim };
    count * (per_pair + value_dim) < 2 * key_dim * value_dim
}

/// What every query reads, `[pairs, value_dim]`, after one presentation of every pair by Hebb's rule at rate 1.
pub fn reads(pairs: &Pairs, sizes: Sizes) -> Vec<f32> {
    let count = pairs.keys.len() / sizes.key_dim;
    if prefers_overlaps(count, sizes, pairs.packed.is_some() && pairs.queries.is_none()) {
        reads_by_overlaps(pairs, sizes)
    } else {
        reads_by_memory(pairs, sizes)
    }
}

fn reads_by_overlaps(pairs: &Pairs, sizes: Sizes) -> Vec<f32> {
    let count = pairs.keys.len() / sizes.key_dim;
    let overlaps = overlaps(pairs, sizes.key_dim);
    let mut reads = vec![0.0; count * sizes.value_dim];
    let values = Matrix::new(&pairs.values, count, sizes.value_dim);
    product_alone(&mut reads, Destination::Overwrite, Matrix::new(&overlaps, count, count), values);
    reads
}

fn reads_by_memory(pairs: &Pairs, sizes: Sizes) -> Vec<f32> {
    let Sizes { key_dim, value_dim } = sizes;
    let count = pairs.keys.len() / key_dim;
    let mut state = vec![0.0; key_dim * value_dim];
    let values = Matrix::new(&pairs.values, count, value_dim);
    product_alone(&mut state, Destination::Overwrite, values.transposed(), Matrix::new(&pairs.keys, count, key_dim));
    let mut reads = vec![0.0; count * value_dim];
    let queries = Matrix::new(pairs.queries(), count, key_dim);
    product_alone(&mut reads, Destination::Overwrite, queries, Matrix::new(&state, value_dim, key_dim).transposed());
    reads
}

/// For one pair after the other, whether all signs of the pairs stored so far are right: `[most]` answers for 1, 2, ... pairs. Values are
/// signs.
///
/// A pair that is added changes what every earlier one reads by its overlap, so that all numbers of pairs up to `most` cost as much as the
/// last of them.
pub fn error_free(pairs: &Pairs, sizes: Sizes) -> Vec<bool> {
    let value_dim = sizes.value_dim;
    let count = pairs.keys.len() / sizes.key_dim;
    let overlaps = overlaps(pairs, sizes.key_dim);
    let value = |at: usize| &pairs.values[at * value_dim..(at + 1) * value_dim];
    let mut reads = vec![0f32; count * value_dim];
    let mut answers = Vec::with_capacity(count);
    for last in 0..count {
        let (before, rest) = reads.split_at_mut(last * value_dim);
        let newest = &mut rest[..value_dim];
        for earlier in 0..=last {
            let weight = overlaps[last * count + earlier];
            newest.iter_mut().zip(value(earlier)).for_each(|(y, v)| *y += weight * v);
        }
        for (earlier, read) in before.chunks_exact_mut(value_dim).enumerate() {
            let weight = overlaps[earlier * count + last];
            read.iter_mut().zip(value(last)).for_each(|(y, v)| *y += weight * v);
        }
        let wrong = reads[..(last + 1) * value_dim].iter().zip(&pairs.values).filter(|(y, v)| (**y > 0.0) != (**v > 0.0)).count();
        answers.push(wrong == 0);
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        experiments::pavlovian::codes::{Code, KeyKind, ValueKind},
        random::Generator,
    };

    fn draw(keys: KeyKind, query_noise: f64, count: usize) -> (Pairs, Sizes) {
        let code = Code { keys, correlation: 0.3, values: ValueKind::Sign, key_dim: 20, value_dim: 6, query_noise };
        (code.draw(count, Generator::new(5, "hebbian").rng()), Sizes { key_dim: 20, value_dim: 6 })
    }

    fn difference(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn both_ways_read_the_same() {
        for (kind, noise) in [(KeyKind::Sphere, 0.0), (KeyKind::Sign, 0.0), (KeyKind::Sign, 0.4), (KeyKind::Correlated, 0.4)] {
            let (pairs, sizes) = draw(kind, noise, 30);
            let (one, other) = (reads_by_overlaps(&pairs, sizes), reads_by_memory(&pairs, sizes));
            assert!(difference(&one, &other) < 1e-4, "{kind:?} {noise}");
            assert!(difference(&reads(&pairs, sizes), &one) < 1e-4);
        }
        // Few pairs do without a memory, many do not.
        let sizes = Sizes { key_dim: 64, value_dim: 64 };
        assert!(prefers_overlaps(60, sizes, false) && !prefers_overlaps(70, sizes, false) && prefers_overlaps(80, sizes, true));
    }

    #[test]
    fn pairs_one_by_one_are_those_of_every_number() {
        for noise in [0.0, 0.3] {
            let (pairs, sizes) = draw(KeyKind::Sphere, noise, 12);
            let answers = error_free(&pairs, sizes);
            for count in 1..=12 {
                let part = |numbers: &[f32], width: usize| numbers[..count * width].to_vec();
                let few = Pairs {
                    keys: part(&pairs.keys, 20),
                    values: part(&pairs.values, 6),
                    queries: pairs.queries.as_ref().map(|queries| part(queries, 20)),
                    packed: None,
                };
                let right = reads(&few, sizes).iter().zip(&few.values).all(|(y, v)| (*y > 0.0) == (*v > 0.0));
                assert_eq!(answers[count - 1], right, "{count} pairs");
            }
            assert!(answers[0] && !answers[11]);
        }
    }
}

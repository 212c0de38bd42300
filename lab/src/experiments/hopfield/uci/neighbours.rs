//! The k nearest neighbours of a row, by Euclidean distance.

use super::rows::Rows;
use crate::experiments::hopfield::layers::cross_entropy::largest;

/// The class most of the `k` nearest rows of `known` have; of several, the one of the nearest row. Rows of equal distance count in their order.
pub fn class_of(known: &Rows, k: usize, row: &[f32]) -> usize {
    let mut near: Vec<(f32, usize)> =
        (0..known.count()).map(|at| (known.row(at).iter().zip(row).map(|(a, b)| (a - b) * (a - b)).sum(), at)).collect();
    let k = k.min(near.len());
    let order = |a: &(f32, usize), b: &(f32, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if k < near.len() {
        near.select_nth_unstable_by(k, order);
        near.truncate(k);
    }
    near.sort_unstable_by(order);
    let mut votes = vec![0f32; known.classes];
    // Less than a vote in all, so that it decides among equals only: the nearer, the more.
    for (place, (_, at)) in near.iter().enumerate() {
        votes[known.labels[*at]] += 1.0 + 0.5f32.powi(place as i32 + 2);
    }
    largest(&votes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rows_vote_and_the_nearest_decides_among_equals() {
        let known = Rows { width: 1, classes: 3, values: vec![0.0, 1.0, 3.0, 4.0, 10.0], labels: vec![0, 1, 1, 2, 2] };
        assert_eq!(class_of(&known, 1, &[0.4]), 0);
        assert_eq!(class_of(&known, 3, &[0.4]), 1);
        assert_eq!(class_of(&known, 2, &[3.6]), 2);
        assert_eq!(class_of(&known, 2, &[3.4]), 1);
        // All five: 1, 2 and 2 votes; 1 is nearer to 1.2.
        assert_eq!(class_of(&known, 50, &[1.2]), 1);
        // At 2 the rows 1 and 3 are equally far; both are class 1, and at 3.5 the earlier of 3 and 4 counts.
        assert_eq!((class_of(&known, 1, &[2.0]), class_of(&known, 1, &[3.5])), (1, 1));
    }
}

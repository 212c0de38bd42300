//! How much the uncertainty of a weight tells of its later change, as numbers and as a picture.

/// What uncertainty tells of a task's changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    /// Spearman's correlation of the uncertainty at the start of the task with the size of the change, -1 to 1.
    pub rank_correlation: f64,
    /// Probability that of two weights, one that has changed its sign by the end of the task and one that has not, the former was less certain:
    /// 0.5 where uncertainty tells nothing, 1 where it tells all. NaN where all or none have changed.
    pub flip_auc: f64,
}

/// Compares weights at the start of a task with those at its end. `starts` and `ends` are fields, or hidden weights, of the same length; both
/// have a sign and a certainty `|w|`. The variance `1 - tanh²(beta theta)` falls with `|theta|`, so that ranks of it are ranks of `-|theta|`.
pub fn told(starts: &[f32], ends: &[f32]) -> Told {
    let uncertainty = ranks(&starts.iter().map(|start| -start.abs()).collect::<Vec<_>>());
    let change = ranks(&starts.iter().zip(ends).map(|(start, end)| (end - start).abs()).collect::<Vec<_>>());
    let flipped = starts.iter().zip(ends).map(|(start, end)| (*start < 0.0) != (*end < 0.0));
    let (mut sum, mut count) = (0.0, 0.0);
    for (rank, _) in uncertainty.iter().zip(flipped).filter(|(_, flipped)| *flipped) {
        sum += rank;
        count += 1.0;
    }
    let rest = starts.len() as f64 - count;
    Told { rank_correlation: correlation(&uncertainty, &change), flip_auc: (sum - count * (count + 1.0) / 2.0) / (count * rest) }
}

/// Ranks from 1, equal values sharing the mean of theirs.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b)));
    let mut ranks = vec![0.0; values.len()];
    for equals in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
        // `equals` is part of `order`, so that their distance is the number of smaller values.
        let before = (equals.as_ptr() as usize - order.as_ptr() as usize) / size_of::<u32>();
        let rank = before as f64 + (equals.len() + 1) as f64 / 2.0;
        equals.iter().for_each(|at| ranks[*at as usize] = rank);
    }
    ranks
}

/// Pearson's correlation; NaN where either is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        both += (a - mean_a) * (b - mean_b);
        of_a += (a - mean_a) * (a - mean_a);
        of_b += (b - mean_b) * (b - mean_b);
    }
    both / (of_a * of_b).sqrt()
}

/// Mean and standard deviation of `values` in equal parts of the weights from the most certain to the least: for each of `parts`, the mean of
/// `uncertainty`, and of `values` mean and deviation.
pub fn by_parts(uncertainty: &[f64], values: &[f64], parts: usize) -> Vec<[f64; 3]> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| uncertainty[*a].total_cmp(&uncertainty[*b]).then(a.cmp(b)));
    let chunk = values.len().div_ceil(parts).max(1);
    let part = |places: &[usize]| {
        let mean = |of: &dyn Fn(usize) -> f64| places.iter().map(|at| of(*at)).sum::<f64>() / places.len() as f64;
        let middle = mean(&|at| values[at]);
        [mean(&|at| uncertainty[at]), middle, mean(&|at| (values[at] - middle).powi(2)).sqrt()]
    };
    order.chunks(chunk).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_what_is_equal() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[0.0; 3]), [2.0; 3]);
    }

    #[test]
    fn weights_that_move_the_more_the_less_certain_they_are() {
        let starts = [0.1, -0.2, 1.0, -3.0];
        let told = told(&starts, &[-0.9, 0.3, 1.2, -3.0]);
        assert!((told.rank_correlation - 1.0).abs() < 1e-12 && told.flip_auc == 1.0);
        // By hand: uncertainty ranks 4 3 2 1, changes 0 0.5 0.2 1 rank 1 3 2 4; no sign changes.
        let against = super::told(&starts, &[0.1, -0.7, 1.2, -2.0]);
        assert!((against.rank_correlation + 0.8).abs() < 1e-12 && against.flip_auc.is_nan());
        let one = super::told(&starts, &[0.1, -0.2, -0.5, -3.0]);
        assert!((one.flip_auc - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn parts_by_hand() {
        let parts = by_parts(&[0.4, 0.1, 0.3, 0.2], &[4.0, 1.0, 2.0, 3.0], 2);
        assert!((parts[0][0] - 0.15).abs() < 1e-12 && parts[0][1..] == [2.0, 1.0] && parts[1][1..] == [3.0, 1.0]);
    }
}

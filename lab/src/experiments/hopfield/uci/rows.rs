//! Rows of a table as classifiers see them, and their division into folds.

use crate::{datasets::Table, random::Generator};

/// Labelled rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// Features of a row.
    pub width: usize,
    /// Number of classes.
    pub classes: usize,
    /// All rows, `[rows, width]`.
    pub values: Vec<f32>,
    /// Their classes.
    pub labels: Vec<usize>,
}

impl Rows {
    /// Number of rows.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// Some rows, in the order asked for.
    pub fn gather(&self, rows: &[usize]) -> Self {
        Self {
            values: rows.iter().flat_map(|row| self.row(*row).iter().copied()).collect(),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            ..*self
        }
    }

    /// Some rows of a table.
    fn of(table: &Table, rows: &[usize]) -> Self {
        Self {
            width: table.features,
            classes: table.classes.len(),
            values: rows.iter().flat_map(|row| table.row(*row).iter().copied()).collect(),
            labels: rows.iter().map(|row| table.labels[*row] as usize).collect(),
        }
    }

    /// These rows and others with every feature shifted to mean 0 and scaled to deviation 1 among these; features that do not vary are only
    /// shifted.
    fn standardised(mut self, mut others: Self) -> (Self, Self) {
        let n = self.count() as f64;
        for feature in 0..self.width {
            let column = || self.values.iter().skip(feature).step_by(self.width).map(|value| f64::from(*value));
            let mean = column().sum::<f64>() / n;
            let deviation = (column().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
            let scale = if deviation > 1e-6 * mean.abs().max(1e-6) { 1.0 / deviation } else { 1.0 };
            for rows in [&mut self, &mut others] {
                let width = rows.width;
                for value in rows.values.iter_mut().skip(feature).step_by(width) {
                    *value = ((f64::from(*value) - mean) * scale) as f32;
                }
            }
        }
        (self, others)
    }
}

/// The rows of one fold of a table.
#[derive(Debug, Clone)]
pub struct Fold {
    /// To try parameters on: a part of the rows outside the fold, standardised by itself.
    pub train: Rows,
    /// What parameters are chosen by: the other rows outside the fold, standardised as `train`.
    pub validation: Rows,
    /// All rows outside the fold, standardised by themselves.
    pub whole: Rows,
    /// The rows of the fold, standardised as `whole`; they choose nothing.
    pub test: Rows,
}

impl Fold {
    /// The rows of fold `fold` of `folds`, which say for every row of the table in which it is tested.
    pub fn new(table: &Table, folds: &[usize], fold: usize, validation_fraction: f64, seed: u64) -> Self {
        let part = |inside: bool| (0..table.rows()).filter(|row| (folds[*row] == fold) == inside).collect::<Vec<_>>();
        let (outside, inside) = (part(false), part(true));
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for class in 0..table.classes.len() {
            let members: Vec<usize> = outside.iter().copied().filter(|row| table.labels[*row] as usize == class).collect();
            // A class of one row is trained on.
            let held = (validation_fraction * members.len() as f64).round() as usize;
            let order = Generator::new(seed, &format!("uci/{}/validation/{fold}/{class}", table.name)).permutation(members.len());
            for (place, at) in order.into_iter().enumerate() {
                let into = if place < held { &mut validation } else { &mut train };
                into.push(members[at as usize]);
            }
        }
        train.sort_unstable();
        validation.sort_unstable();
        let (train, validation) = Rows::of(table, &train).standardised(Rows::of(table, &validation));
        let (whole, test) = Rows::of(table, &outside).standardised(Rows::of(table, &inside));
        Self { train, validation, whole, test }
    }
}

/// A fold for every row, by class, in random order: stratified k-fold. A class with fewer rows than folds is missing from some folds.
pub fn stratified(table: &Table, folds: usize, seed: u64) -> Vec<usize> {
    let mut generator = Generator::new(seed, &format!("uci/{}/folds", table.name));
    let mut fold = vec![0; table.rows()];
    let mut dealt = 0;
    for class in 0..table.classes.len() {
        let members: Vec<usize> = (0..table.rows()).filter(|row| table.labels[*row] as usize == class).collect();
        for at in generator.permutation(members.len()) {
            fold[members[at as usize]] = dealt % folds;
            dealt += 1;
        }
    }
    fold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets;

    #[test]
    fn every_row_is_tested_once_and_the_training_rows_set_the_scale() {
        let table = datasets::load_table("iris", &[]).unwrap();
        let folds = stratified(&table, 5, 3);
        for fold in 0..5 {
            let parts = Fold::new(&table, &folds, fold, 0.2, 3);
            assert_eq!((parts.train.count(), parts.validation.count(), parts.whole.count(), parts.test.count()), (96, 24, 120, 30));
            for class in 0..3 {
                let of = |rows: &Rows| rows.labels.iter().filter(|label| **label == class).count();
                assert_eq!((of(&parts.train), of(&parts.validation), of(&parts.test)), (32, 8, 10));
            }
            for rows in [&parts.train, &parts.whole] {
                let column: Vec<f64> = rows.values.iter().skip(2).step_by(4).map(|value| f64::from(*value)).collect();
                let mean = column.iter().sum::<f64>() / column.len() as f64;
                let variance = column.iter().map(|value| value * value).sum::<f64>() / column.len() as f64 - mean * mean;
                assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
            }
            // The rows of a fold are scaled as the others: here the first is a row of the table under the scale of `whole`.
            let first = folds.iter().position(|of| *of == fold).unwrap();
            let outside: Vec<f64> = (0..150).filter(|row| folds[*row] != fold).map(|row| f64::from(table.row(row)[0])).collect();
            let mean = outside.iter().sum::<f64>() / 120.0;
            let deviation = (outside.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 120.0).sqrt();
            assert!((f64::from(parts.test.row(0)[0]) - (f64::from(table.row(first)[0]) - mean) / deviation).abs() < 1e-6);
        }
        assert_ne!(stratified(&table, 5, 4), folds);
    }

    #[test]
    fn a_feature_that_does_not_vary_is_left_at_zero() {
        let rows = Rows { width: 2, classes: 2, values: vec![5.1, 1.0, 5.1, 3.0], labels: vec![0, 1] };
        let (these, others) = rows.standardised(Rows { width: 2, classes: 2, values: vec![5.1, 2.0], labels: vec![0] });
        assert!(these.values[0].abs() < 1e-6 && (these.values[1] + 1.0).abs() < 1e-6, "{these:?}");
        assert!(others.values.iter().all(|value| value.abs() < 1e-6), "{others:?}");
    }
}

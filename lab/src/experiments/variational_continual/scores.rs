//! What remains of the tasks: accuracies after each of them, and what follows from them.

use serde::{Deserialize, Serialize};

/// Test accuracies by the last task learnt and the task asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracies {
    /// `rows[k][i]`: accuracy on task i after task k was learnt, `i <= k`.
    rows: Vec<Vec<f64>>,
}

impl Accuracies {
    /// Adds the accuracies on all tasks so far, once a task has been learnt.
    pub fn push(&mut self, row: Vec<f64>) {
        self.rows.push(row);
    }

    /// What was measured after each task.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// Mean accuracy over all tasks after the last; NaN before the first has ended.
    pub fn average(&self) -> f64 {
        self.rows.last().map_or(f64::NAN, |last| mean(last.iter().copied()))
    }

    /// Mean accuracy of each task right after it was learnt.
    pub fn learning(&self) -> f64 {
        mean(self.rows.iter().filter_map(|row| row.last()).copied())
    }

    /// Mean change of the accuracy of each task but the last, from right after it was learnt to the end; below 0 where tasks are forgotten.
    /// NaN with one task. Source: D. Lopez-Paz, M. Ranzato (2017), arXiv 1706.08840.
    pub fn backward_transfer(&self) -> f64 {
        let Some((last, before)) = self.rows.split_last() else { return f64::NAN };
        mean(before.iter().enumerate().filter_map(|(task, row)| Some(last.get(task)? - row.last()?)))
    }
}

/// Mean; NaN for none.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tasks_by_hand() {
        let mut accuracies = Accuracies::default();
        assert!(accuracies.average().is_nan() && accuracies.backward_transfer().is_nan());
        accuracies.push(vec![0.9]);
        assert!(accuracies.backward_transfer().is_nan() && accuracies.learning() == 0.9);
        accuracies.push(vec![0.8, 0.7]);
        accuracies.push(vec![0.6, 0.65, 0.85]);
        assert!((accuracies.average() - 0.7).abs() < 1e-15);
        assert!((accuracies.learning() - 2.45 / 3.0).abs() < 1e-15);
        assert!((accuracies.backward_transfer() - (-0.3 - 0.05) / 2.0).abs() < 1e-15);
    }
}

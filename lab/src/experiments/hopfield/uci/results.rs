//! What `uci_suite` shows and leaves: accuracies by table, mean ranks, and who is first.

use super::{
    Finished, UciSuite,
    config::Classifier,
    ranks::{mean_and_interval, ranks},
};
use crate::{
    Recorder, Result,
    experiments::study::{axis, csv, measured},
    json::Number,
    record::{Colour, Frame, Heatmap, Level, Plot},
    theory::monte_carlo::mean_and_error,
};

/// Fewest tables of which a place among the arms says something; on a handful of tables ranks are chance.
const ENOUGH_TABLES: usize = 20;

/// Says which tables there are and which are left out.
pub fn tell_tables(suite: &UciSuite, out: &mut Recorder) {
    let shape =
        |table: &crate::datasets::Table| format!("{} ({} x {}, {} classes)", table.name, table.rows(), table.features, table.classes.len());
    let tables: Vec<String> = suite.tables.iter().map(|table| shape(table)).collect();
    out.log(Level::Info, format!("{} tables: {}.", tables.len(), tables.join(", ")));
    if !suite.absent.is_empty() {
        out.log(Level::Warning, format!("Not on this machine and left out: {}.", suite.absent.join(", ")));
    }
    if !suite.too_large.is_empty() {
        let message = format!("Left out, for they have more than {} rows: {}.", suite.config.max_rows, suite.too_large.join(", "));
        out.log(Level::Info, message);
    }
}

/// Mean accuracy over the folds, `[table][arm]`, of the tables that are finished; NaN where a fold has none.
fn means(suite: &UciSuite) -> Vec<Vec<f64>> {
    let tables = suite.finished.len() / suite.config.folds;
    let mean = |table, arm| mean_and_error(&suite.accuracies(table, arm)).0;
    (0..tables).map(|table| (0..suite.config.arms.len()).map(|arm| mean(table, arm)).collect()).collect()
}

/// Values of one arm out of `[table][arm]`.
fn of_arm(values: &[Vec<f64>], arm: usize) -> Vec<f64> {
    values.iter().map(|row| row[arm]).collect()
}

/// Points and pictures when a table is finished.
pub fn tell_progress(suite: &UciSuite, out: &mut Recorder) -> Result<()> {
    let arms = &suite.config.arms;
    let means = means(suite);
    let ranked: Vec<Vec<f64>> = means.iter().map(|row| ranks(row)).collect();
    for (at, arm) in arms.iter().enumerate() {
        let finite: Vec<f64> = of_arm(&means, at).into_iter().filter(|mean| mean.is_finite()).collect();
        if !finite.is_empty() {
            out.point("accuracy/tables", arm.id(), mean_and_error(&finite).0)?;
        }
        out.point("rank/tables", arm.id(), mean_and_error(&of_arm(&ranked, at)).0)?;
    }
    let table = Heatmap {
        rows: means.len(),
        columns: arms.len(),
        values: means.iter().flatten().copied().map(Number).collect(),
        min: Number(0.0),
        max: Number(1.0),
        row_labels: Some(suite.tables.iter().take(means.len()).map(|table| table.name.clone()).collect()),
        column_labels: Some(arms.iter().map(|arm| arm.id().to_owned()).collect()),
        x_title: "classifier".to_owned(),
        y_title: "test accuracy, mean over folds".to_owned(),
        colour: Colour::Sequential,
    };
    out.frame("uci/accuracy", None, Frame::Heatmap(table));
    let curve = |at: usize, arm: &Classifier| {
        let own = of_arm(&ranked, at);
        let point = |tables: usize| {
            let (mean, half) = mean_and_interval(&own[..tables]);
            (tables as f64, mean, if half.is_finite() { half } else { 0.0 })
        };
        measured(arm.id(), &(1..=own.len()).map(point).collect::<Vec<_>>())
    };
    let curves = arms.iter().enumerate().map(|(at, arm)| curve(at, arm)).collect();
    let plot = Plot { x: axis("tables", false), y: axis("mean rank, 95 % interval over tables", false), curves };
    out.frame("uci/ranks", None, Frame::Plot(plot));
    Ok(())
}

/// Summary and table.
pub fn tell_results(suite: &UciSuite, out: &mut Recorder) {
    let arms = &suite.config.arms;
    let means = means(suite);
    let ranked: Vec<Vec<f64>> = means.iter().map(|row| ranks(row)).collect();
    let own = arms.iter().position(|arm| *arm == Classifier::Hopfield);
    let mut rows = Vec::new();
    for (table, data) in suite.tables.iter().enumerate() {
        let name = &data.name;
        for (at, arm) in arms.iter().enumerate() {
            let accuracies = suite.accuracies(table, at);
            let (mean, error) = mean_and_error(&accuracies);
            out.summary(format!("accuracy/test_{name}.{}", arm.id()), mean);
            out.summary(format!("accuracy/test_{name}_sd.{}", arm.id()), error * (accuracies.len() as f64).sqrt());
            if let Some(own) = own.filter(|own| *own != at) {
                out.summary(format!("accuracy/test_{name}.hopfield-{}", arm.id()), means[table][own] - mean);
            }
            let cells = suite.finished.iter().skip(table * suite.config.folds).take(suite.config.folds);
            for (fold, cell) in cells.enumerate() {
                let Finished { accuracy, chosen } = &cell[at];
                let shape = (data.rows(), data.features, data.classes.len());
                rows.push(format!("{name},{},{},{},{},{fold},{accuracy},\"{chosen}\"", shape.0, shape.1, shape.2, arm.id()));
            }
        }
    }
    let mut mean_ranks = Vec::new();
    for (at, arm) in arms.iter().enumerate() {
        let (mean, half) = mean_and_interval(&of_arm(&ranked, at));
        out.summary(format!("rank/mean.{}", arm.id()), mean);
        out.summary(format!("rank/interval.{}", arm.id()), half);
        out.summary(format!("accuracy/mean.{}", arm.id()), mean_and_error(&of_arm(&means, at)).0);
        mean_ranks.push(mean);
        if let Some(own) = own.filter(|own| *own != at) {
            let differences: Vec<f64> = ranked.iter().map(|row| row[own] - row[at]).collect();
            let (mean, half) = mean_and_interval(&differences);
            out.summary(format!("rank/mean.hopfield-{}", arm.id()), mean);
            out.summary(format!("rank/interval.hopfield-{}", arm.id()), half);
        }
    }
    if let Some(own) = own {
        out.summary("rank/place.hopfield", place(&mean_ranks, own, suite.tables.len()));
    }
    out.summary("uci/tables", suite.tables.len() as f64);
    out.artifact("uci.csv", "text/csv", csv("table,rows,features,classes,classifier,fold,test_accuracy,chosen", rows.into_iter()));
}

/// The place of an arm by its mean rank, 1 for the lowest; NaN on fewer tables than tell anything.
fn place(mean_ranks: &[f64], arm: usize, tables: usize) -> f64 {
    if tables < ENOUGH_TABLES { f64::NAN } else { 1.0 + mean_ranks.iter().filter(|rank| **rank < mean_ranks[arm]).count() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_mean_rank_and_a_few_tables_give_none() {
        assert_eq!((place(&[2.0, 1.5, 2.5], 0, 20), place(&[2.0, 1.5, 2.5], 1, 20)), (2.0, 1.0));
        assert!(place(&[1.0, 2.0], 0, 19).is_nan());
    }
}

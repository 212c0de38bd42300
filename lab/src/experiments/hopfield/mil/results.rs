//! What `mil` shows and leaves: the table of AUCs, ROC curves, weights over one bag, and who won.

use super::{Mil, SetRun, config::PoolingKind, data::BagData};
use crate::{
    Recorder,
    experiments::study::{axis, csv, curve},
    json::Number,
    record::{Bars, Colour, Frame, Heatmap, Level, Plot, Role},
    theory::monte_carlo::mean_and_error,
};

/// A bag of more instances is drawn as cells.
const MOST_BARS: usize = 48;

/// Says what the sets are, and which are not here.
pub fn tell_sets(mil: &Mil, out: &mut Recorder) {
    if !mil.absent.is_empty() {
        out.log(Level::Warning, format!("Not on this machine and left out: {}.", mil.absent.join(", ")));
    }
    for set in &mil.sets {
        let positive = set.labels.iter().filter(|label| **label == 1).count();
        let folds = &set.folds[0];
        let instances: usize =
            [&folds.train, &folds.validation, &folds.test].iter().map(|part| part.bags.values.len() / part.bags.width).sum();
        let message = format!(
            "{}: {} bags ({positive} positive) of {instances} instances with {} features; the first fold trains on {} and validates on {}.",
            set.data.id(),
            set.labels.len(),
            folds.train.bags.width,
            folds.train.labels.len(),
            folds.validation.labels.len()
        );
        out.log(Level::Info, message);
    }
}

/// The test AUC of every fold of an arm.
fn aucs(set: &SetRun, arm: usize) -> Vec<f64> {
    set.trainings.iter().zip(&set.folds).map(|(trainings, fold)| trainings[arm].test_auc(fold)).collect()
}

/// Pictures at the end of an epoch, and those that need a finished training at the end.
pub fn tell_pictures(mil: &Mil, last: bool, out: &mut Recorder) {
    out.frame("mil/auc", None, Frame::Bars(auc_bars(mil)));
    if last {
        for (at, arm) in mil.config.arms.iter().enumerate() {
            out.frame("mil/roc", arm.id(), roc(mil, at));
        }
    }
    if let Some(frame) = weights(&mil.sets[0], &mil.config.arms) {
        out.frame("mil/weights", None, frame);
    }
}

/// Mean test AUC by set and arm, of the epochs chosen so far, and its standard deviation over the folds; an AUC of 0.5 is chance.
fn auc_bars(mil: &Mil) -> Bars {
    let names = mil.sets.iter().map(|set| set.data.id().to_owned()).collect();
    let mut bars = Bars::new("set", "test AUC, mean ± sd over folds", names).starting_at(0.5);
    for (at, arm) in mil.config.arms.iter().enumerate() {
        let of_set = |set: &SetRun| {
            let aucs = aucs(set, at);
            let (mean, error) = mean_and_error(&aucs);
            (mean, error * (aucs.len() as f64).sqrt())
        };
        bars.add_measured(arm.id(), mil.sets.iter().map(of_set));
    }
    bars
}

/// ROC curves of an arm over the test bags, one for every fold of every set.
fn roc(mil: &Mil, arm: usize) -> Frame {
    let curves = mil.sets.iter().flat_map(|set| {
        let folds = set.folds.iter().zip(&set.trainings);
        folds.map(|(fold, trainings)| {
            let points = roc_points(&fold.test.labels, &trainings[arm].state.test_scores);
            curve(set.data.id(), Role::Line, points.into_iter())
        })
    });
    Frame::Plot(Plot { x: axis("false positives", false), y: axis("true positives", false), curves: curves.collect() })
}

/// Shares of false and of true positives while the threshold falls over the scores; equal scores pass it together.
fn roc_points(labels: &[u8], scores: &[f64]) -> Vec<(f64, f64)> {
    let count = |wanted: u8| labels.iter().filter(|label| **label == wanted).count() as f64;
    let (positives, negatives) = (count(1), count(0));
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let (mut true_positive, mut false_positive) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        true_positive += tied.iter().filter(|at| labels[**at] == 1).count() as f64;
        false_positive += tied.iter().filter(|at| labels[**at] == 0).count() as f64;
        points.push((false_positive / negatives, true_positive / positives));
    }
    points
}

/// Weights over the first positive validation bag of the first fold, of every pooling that weighs: bars, or rows of cells where the bag is
/// too large for them. What makes the bag positive is named as far as it is known.
fn weights(set: &SetRun, arms: &[PoolingKind]) -> Option<Frame> {
    let fold = &set.folds[0];
    let bag = fold.validation.labels.iter().position(|label| *label == 1)?;
    let bags = fold.validation.bags.gather(&[bag]);
    let rows = fold.validation.bags.rows(bag);
    let is_signal: Vec<bool> = rows.clone().map(|row| fold.validation_key.get(row).copied().unwrap_or(false)).collect();
    let weighed: Vec<(&str, Vec<f64>)> =
        arms.iter().zip(&set.trainings[0]).filter_map(|(arm, training)| Some((arm.id(), training.model.weights(&bags)?))).collect();
    if weighed.is_empty() {
        return None;
    }
    let names = is_signal.iter().enumerate().map(|(at, signal)| format!("{}{}", at + 1, if *signal { " signal" } else { "" })).collect();
    if rows.len() <= MOST_BARS {
        let mut bars = Bars::new("instance of a positive bag", "weight", names);
        weighed.into_iter().for_each(|(arm, weights)| bars.add(arm, Role::Data, weights));
        return Some(Frame::Bars(bars));
    }
    Some(Frame::Heatmap(Heatmap {
        rows: weighed.len(),
        columns: rows.len(),
        row_labels: Some(weighed.iter().map(|(arm, _)| (*arm).to_owned()).collect()),
        values: weighed.into_iter().flat_map(|(_, weights)| weights).map(Number).collect(),
        min: Number(0.0),
        max: Number(1.0),
        column_labels: Some(names),
        x_title: "instance of a positive bag".to_owned(),
        y_title: "weight".to_owned(),
        colour: Colour::Sequential,
    }))
}

/// How many of the paper's four sets are among `won`; NaN unless all four are among `here`.
fn won_of_four(here: &[BagData], won: &[BagData]) -> f64 {
    let four = BagData::OF_THE_PAPER;
    if four.iter().all(|data| here.contains(data)) { four.iter().filter(|data| won.contains(data)).count() as f64 } else { f64::NAN }
}

/// Summary and table.
pub fn tell_results(mil: &Mil, out: &mut Recorder) {
    let arms = &mil.config.arms;
    let mut rows = Vec::new();
    let mut won = Vec::new();
    for set in &mil.sets {
        let name = set.data.id();
        let found: Vec<Vec<f64>> = (0..arms.len()).map(|arm| aucs(set, arm)).collect();
        for (arm, aucs) in arms.iter().zip(&found) {
            let (mean, error) = mean_and_error(aucs);
            out.summary(format!("auc/test_{name}.{}", arm.id()), mean);
            out.summary(format!("auc/test_{name}_sd.{}", arm.id()), error * (aucs.len() as f64).sqrt());
        }
        if let Some(own) = arms.iter().position(|arm| *arm == PoolingKind::Hopfield) {
            let mut best_other = f64::NEG_INFINITY;
            for (arm, aucs) in arms.iter().zip(&found).filter(|(arm, _)| **arm != PoolingKind::Hopfield) {
                let differences: Vec<f64> = found[own].iter().zip(aucs).map(|(a, b)| a - b).collect();
                let (mean, error) = mean_and_error(&differences);
                out.summary(format!("auc/test_{name}.hopfield-{}", arm.id()), mean);
                out.summary(format!("auc/test_{name}_standard_error.hopfield-{}", arm.id()), error);
                best_other = best_other.max(mean_and_error(aucs).0);
            }
            let margin = mean_and_error(&found[own]).0 - best_other;
            out.summary(format!("auc/margin_{name}"), margin);
            won.extend((margin > 0.0).then_some(set.data));
        }
        for (fold, trainings) in set.trainings.iter().enumerate() {
            for (arm, training) in trainings.iter().enumerate() {
                let row = (training.arm.id(), found[arm][fold], training.state.best_epoch, training.state.best_loss);
                rows.push(format!("{name},{},{fold},{},{},{}", row.0, row.1, row.2, row.3));
            }
        }
    }
    out.summary("mil/sets_won", won.len() as f64);
    let here: Vec<BagData> = mil.sets.iter().map(|set| set.data).collect();
    out.summary("mil/sets_won_of_four", won_of_four(&here, &won));
    out.summary("mil/sets", mil.sets.len() as f64);
    out.artifact("mil.csv", "text/csv", csv("set,pooling,fold,test_auc,chosen_epoch,validation_loss", rows.into_iter()));
    let scores = mil.sets.iter().flat_map(|set| {
        set.folds.iter().zip(&set.trainings).flat_map(move |(fold, trainings)| {
            trainings.iter().flat_map(move |training| {
                let bags = fold.test_bags.iter().zip(&fold.test.labels).zip(&training.state.test_scores);
                bags.map(move |((bag, label), score)| {
                    format!("{},{},{},{bag},{label},{score}", set.data.id(), training.arm.id(), fold.index)
                })
            })
        })
    });
    out.artifact("test_scores.csv", "text/csv", csv("set,pooling,fold,bag,label,logit", scores));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roc_curve_passes_equal_scores_together() {
        let points = roc_points(&[0, 0, 1, 1], &[0.1, 0.4, 0.4, 0.8]);
        assert_eq!(points, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn sets_won_count_only_where_all_four_are_here() {
        let mut here = vec![BagData::Musk1, BagData::Fox, BagData::Tiger, BagData::Elephant];
        let won = [BagData::Musk1, BagData::Tiger, BagData::UcsbBreastCancer];
        assert!(won_of_four(&here, &won).is_nan());
        here.push(BagData::UcsbBreastCancer);
        assert_eq!(won_of_four(&here, &won), 2.0);
    }
}

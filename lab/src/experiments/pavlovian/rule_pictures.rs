//! What the kind `rules` says: error against load rule by rule, error by the age of a pair, and the memory itself half-way and at the end.

use super::{
    codes::{KeyKind, Pairs, ValueKind},
    compare::{OfRule, RulesConfig},
    config::expected,
    curves::say_z_scores,
    recall::Measure,
    rules::{Rule, memory},
    theory,
};
use crate::{
    Recorder,
    experiments::study::{axis, csv, curve, measured},
    json::Number,
    record::{Colour, Compared, Frame, Heatmap, Plot, Residuals, Role},
    theory::monte_carlo::z_score,
};

/// Relative error from which on a pair counts as forgotten.
const FORGOTTEN: f64 = 0.5;
/// Largest side of a memory that is drawn; of a larger one the upper left corner.
const MOST_DRAWN: usize = 64;

/// What theory says of a rule here: of Hebb's at rate 1, and of one pass of the delta rule at rate 1 on independent unit keys; `None`
/// elsewhere.
fn theory_of(config: &RulesConfig, rule: Rule, measure: Measure, count: usize) -> Option<f64> {
    let (error, noise) = expected(&config.code(), count)?;
    let independent = matches!(config.key_kind, KeyKind::Sphere | KeyKind::Sign) && config.query_noise == 0.0;
    match (rule, measure) {
        (Rule::Hebb, Measure::RelativeError) if config.eta == 1.0 => Some(error),
        (Rule::Hebb, Measure::BitError) if config.value_kind == ValueKind::Sign => Some(theory::bit_error(noise)),
        (Rule::Delta, Measure::RelativeError) if config.eta == 1.0 && independent => Some(theory::delta_error(count, config.key_dim)),
        _ => None,
    }
}

/// A measure against load, one curve for every rule.
pub fn plot(config: &RulesConfig, known: &[Vec<OfRule>], measure: Measure) -> Frame {
    let counts = &config.pairs[..known.len()];
    let load = |count: usize| count as f64 / config.key_dim as f64;
    let (mut curves, mut residuals) = (Vec::new(), Vec::new());
    for (at, rule) in config.rules.iter().enumerate() {
        let point = |(count, of_rules): (&usize, &Vec<OfRule>)| {
            let (mean, error) = measure.over(&of_rules[at].trials);
            (load(*count), mean, error)
        };
        let points = measured(rule.id(), &counts.iter().zip(known).map(point).collect::<Vec<_>>());
        if let Some(line) = counts.iter().map(|count| theory_of(config, *rule, measure, *count)).collect::<Option<Vec<f64>>>() {
            residuals.push(Residuals::of(&points, &line));
            let points = counts.iter().zip(&line).map(|(count, y)| (load(*count), *y));
            curves.push(curve(rule.id(), Role::Theory, points));
        }
        curves.push(points);
    }
    let title = match measure {
        Measure::RelativeError => "relative error |y - v|² / |v|² (lines derived here)",
        Measure::BitError => "share of wrong bits (lines derived here)",
        _ => "correlation of y and v",
    };
    let plot = Plot { x: axis("pairs over numbers of a key, n/d_k", true), y: axis(title, false), curves };
    if residuals.is_empty() { Frame::Plot(plot) } else { Frame::Compared(Compared { plot, residuals }) }
}

/// Relative error by age, the newest pair first.
fn by_age(of_rule: &OfRule) -> Vec<f64> {
    of_rule.by_place.iter().rev().map(|sum| sum / of_rule.trials.len() as f64).collect()
}

/// Relative error against how many pairs were written later, one curve for every rule.
pub fn recency_plot(config: &RulesConfig, count: usize, of_rules: &[OfRule]) -> Frame {
    let of_rule = |(rule, found): (&Rule, &OfRule)| {
        let points = by_age(found).into_iter().enumerate().map(|(age, error)| (age as f64, error));
        curve(rule.id(), Role::Data, points)
    };
    let curves = config.rules.iter().zip(of_rules).map(of_rule).collect();
    let x = axis(&format!("pairs written later, of {count}"), false);
    Frame::Plot(Plot { x, y: axis("relative error |y - v|² / |v|² of one pair, mean over trials", false), curves })
}

/// Age at which the relative error first reaches the limit, linear between ages; `None` where it does not.
fn half_life(errors: &[f64]) -> Option<f64> {
    let at = errors.windows(2).position(|pair| pair[0] < FORGOTTEN && pair[1] >= FORGOTTEN)?;
    Some(at as f64 + (FORGOTTEN - errors[at]) / (errors[at + 1] - errors[at]))
}

/// The memory after half of the pairs and after all of them, side by side; `None` for softmax.
pub fn halves(config: &RulesConfig, rule: Rule, pairs: &Pairs) -> Option<Frame> {
    let sizes = config.sizes();
    let count = pairs.keys.len() / sizes.key_dim;
    let half = count.div_ceil(2);
    let of =
        |first: usize| memory(rule, &config.rates(), &pairs.keys[..first * sizes.key_dim], &pairs.values[..first * sizes.value_dim], sizes);
    let both = [of(half)?, of(count)?];
    let (rows, side) = (sizes.value_dim.min(MOST_DRAWN), sizes.key_dim.min(MOST_DRAWN));
    let columns = 2 * side + 1;
    let mut values = vec![Number(f64::NAN); rows * columns];
    let mut most = f64::MIN_POSITIVE;
    for row in 0..rows {
        for (across, state) in both.iter().enumerate() {
            for column in 0..side {
                let value = f64::from(state[row * sizes.key_dim + column]);
                most = most.max(value.abs());
                values[row * columns + across * (side + 1) + column] = Number(value);
            }
        }
    }
    Some(Frame::Heatmap(Heatmap {
        rows,
        columns,
        values,
        min: Number(-most),
        max: Number(most),
        row_labels: None,
        column_labels: None,
        x_title: format!("numbers of a key: S after {half} pairs | after {count}"),
        y_title: "numbers of a value".to_owned(),
        colour: Colour::Diverging,
    }))
}

/// Summary and tables.
pub fn conclude(config: &RulesConfig, known: &[Vec<OfRule>], out: &mut Recorder) {
    let mut z_scores = Vec::new();
    let (mut rows, mut ages) = (Vec::new(), Vec::new());
    for (count, of_rules) in config.pairs.iter().zip(known) {
        for (rule, found) in config.rules.iter().zip(of_rules) {
            for measure in Measure::ALL {
                let (mean, error) = measure.over(&found.trials);
                let name = measure.metric().trim_start_matches("recall/");
                out.summary(format!("rules/{name}_n{count}.{}", rule.id()), mean);
                let theory = theory_of(config, *rule, measure, *count);
                // The law of the delta rule is one of large keys; Hebb's holds for all.
                if let Some(theory) = theory.filter(|_| *count > 1 && measure == Measure::RelativeError && *rule == Rule::Hebb) {
                    z_scores.push(z_score(mean, error, theory));
                }
                let text = theory.map_or(String::new(), |value| value.to_string());
                rows.push(format!("{},{count},{name},{mean},{error},{text}", rule.id()));
            }
            let errors = by_age(found);
            if let Some(age) = half_life(&errors).filter(|_| rule.knows_order()) {
                out.summary(format!("rules/half_life_n{count}.{}", rule.id()), age);
            }
            ages.extend(errors.iter().enumerate().map(|(age, error)| format!("{},{count},{age},{error}", rule.id())));
        }
    }
    say_z_scores("theory/", &z_scores, out);
    out.artifact("rules.csv", "text/csv", csv("rule,pairs,measure,mean,standard_error,theory", rows.into_iter()));
    out.artifact("recency.csv", "text/csv", csv("rule,pairs,pairs_written_later,relative_error", ages.into_iter()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lives_by_hand() {
        assert_eq!(half_life(&[0.0, 0.25, 0.75, 0.8]), Some(1.5));
        assert_eq!((half_life(&[0.0, 0.2]), half_life(&[0.6, 0.7]), half_life(&[])), (None, None, None));
    }
}

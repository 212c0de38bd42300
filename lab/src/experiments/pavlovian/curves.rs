//! What the kind `capacity` says: curves against load beside theory, pairs by every criterion against the size of keys, and the exponents.

use super::{
    capacity::{CapacityConfig, Search},
    codes::{KeyKind, ValueKind},
    config::expected,
    recall::{Measure, Recall},
    theory,
};
use crate::{
    Recorder,
    experiments::study::{axis, csv, curve, measured},
    record::{Compared, Frame, Plot, Residuals, Role},
    theory::monte_carlo::z_score,
};
use serde::{Deserialize, Serialize};

/// Relative error by which capacity on average is judged.
const RELATIVE_ERROR: f64 = 0.5;
/// Share of wrong bits by which it is judged.
const BIT_ERROR: f64 = 0.01;
/// Points of a line of theory.
const POINTS: usize = 60;

/// A size of keys and a number of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Numbers of a key.
    pub key_dim: usize,
    /// Pairs stored.
    pub pairs: usize,
}

/// A cell and the trials made of it so far.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// The cell.
    pub cell: Cell,
    /// Its trials.
    pub trials: &'a [Recall],
}

/// What theory says of a measure; `None` where it says nothing.
pub fn theory_of(config: &CapacityConfig, measure: Measure, key_dim: usize, pairs: usize) -> Option<f64> {
    let (error, noise) = expected(&config.code(key_dim), pairs)?;
    let signs = config.value_kind == ValueKind::Sign;
    match measure {
        Measure::RelativeError => Some(error),
        _ if !signs => None,
        Measure::Cosine => Some(theory::cosine(error)),
        Measure::BitError => Some(theory::bit_error(noise)),
        Measure::Exact => Some(theory::exact_rate(noise, (pairs * config.value_dim) as f64)),
        Measure::Correlation => None,
    }
}

/// What the criterion of a chart is.
fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::RelativeError => "relative error |y - v|² / |v|², criterion 0.5 (lines derived here)",
        Measure::Cosine => "cosine of y and v, criterion: average fidelity (lines derived here)",
        Measure::BitError => "share of wrong signs, criterion 0.01 (lines derived here)",
        Measure::Exact => "draws without any wrong sign, criterion 1/2 (lines derived here)",
        Measure::Correlation => "correlation of y and v",
    }
}

/// A measure against load, one curve for every size of keys; the marks of the largest size on the chart of draws without an error.
pub fn plot(config: &CapacityConfig, known: &[Measured<'_>], measure: Measure) -> Frame {
    let (mut curves, mut residuals) = (Vec::new(), Vec::new());
    for of_dim in known.chunk_by(|a, b| a.cell.key_dim == b.cell.key_dim) {
        let key_dim = of_dim[0].cell.key_dim;
        let load = |pairs: usize| pairs as f64 / key_dim as f64;
        let point = |found: &Measured<'_>| {
            let (mean, error) = measure.over(found.trials);
            (load(found.cell.pairs), mean, error)
        };
        let label = format!("d_k {key_dim}");
        let points = measured(&label, &of_dim.iter().map(point).collect::<Vec<_>>());
        let expected: Option<Vec<f64>> = of_dim.iter().map(|found| theory_of(config, measure, key_dim, found.cell.pairs)).collect();
        if let Some(expected) = expected {
            residuals.push(Residuals::of(&points, &expected));
            let counts = steps_between(of_dim[0].cell.pairs, of_dim[of_dim.len() - 1].cell.pairs);
            let line = counts.into_iter().filter_map(|pairs| Some((load(pairs), theory_of(config, measure, key_dim, pairs)?)));
            curves.push(curve(&label, Role::Theory, line));
        }
        curves.push(points);
    }
    if measure == Measure::Exact
        && let Some(key_dim) = known.iter().map(|found| found.cell.key_dim).max()
    {
        let dim = key_dim as f64;
        let error_free = theory::error_free_pairs(key_dim, config.value_dim);
        for (label, pairs) in [("√d_k", dim.sqrt()), ("half of the draws", error_free), ("d_k", dim)] {
            let mark = format!("{label}, d_k {key_dim}");
            curves.push(curve(&mark, Role::Theory, [(pairs / dim, 0.0), (pairs / dim, 1.0)].into_iter()));
        }
    }
    let plot = Plot { x: axis("pairs over numbers of a key, n/d_k", true), y: axis(title(measure), false), curves };
    Frame::Compared(Compared { plot, residuals })
}

/// Whole numbers from one to another in steps of about equal ratio.
fn steps_between(first: usize, last: usize) -> Vec<usize> {
    let ratio = last as f64 / first as f64;
    let mut counts: Vec<usize> = (0..=POINTS).map(|at| (first as f64 * ratio.powf(at as f64 / POINTS as f64)).round() as usize).collect();
    counts.dedup();
    counts
}

/// Where a curve of points `(n, y)` first reaches `level` from below, linear in n.
fn reaches(points: &[(f64, f64)], level: f64) -> Option<f64> {
    let pair = points.windows(2).find(|pair| pair[0].1 < level && pair[1].1 >= level)?;
    Some(pair[0].0 + (pair[1].0 - pair[0].0) * (level - pair[0].1) / (pair[1].1 - pair[0].1))
}

/// The three criteria, as the summary and as pictures name them.
const CRITERIA: [(&str, &str); 3] =
    [("relative_error", "relative error 0.5"), ("bit_error", "1 % of signs wrong"), ("error_free", "no sign wrong in half of the draws")];

/// Pairs that theory says by one of the criteria, for independent unit keys asked for without noise.
fn theory_by_criterion(criterion: &str, key_dim: usize, value_dim: usize) -> f64 {
    match criterion {
        "relative_error" => theory::pairs_at_relative_error(key_dim, RELATIVE_ERROR),
        "bit_error" => theory::pairs_at_bit_error(key_dim, BIT_ERROR),
        _ => theory::error_free_pairs(key_dim, value_dim),
    }
}

/// Pairs by one of the criteria for every size of keys that has come so far. Shares of wrong bits are turned into noise powers first, which
/// are linear in the number of pairs.
fn by_criterion(criterion: &str, known: &[Measured<'_>], searches: &[Search]) -> Vec<(f64, f64)> {
    if criterion == "error_free" {
        return searches.iter().filter_map(|search| Some((search.key_dim as f64, search.half()?))).collect();
    }
    let of_dim = |found: &[Measured<'_>]| {
        let point = |one: &Measured<'_>| {
            let y = if criterion == "bit_error" {
                let share = Measure::BitError.over(one.trials).0;
                if share > 0.0 { theory::noise_of_bit_error(share.min(0.49)) } else { 0.0 }
            } else {
                Measure::RelativeError.over(one.trials).0
            };
            (one.cell.pairs as f64, y)
        };
        let level = if criterion == "bit_error" { theory::noise_of_bit_error(BIT_ERROR) } else { RELATIVE_ERROR };
        Some((found[0].cell.key_dim as f64, reaches(&found.iter().map(point).collect::<Vec<_>>(), level)?))
    };
    known.chunk_by(|a, b| a.cell.key_dim == b.cell.key_dim).filter_map(of_dim).collect()
}

/// Slope of ln y on ln x by least squares; `None` for fewer than two points.
pub fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / count, logs.iter().map(|p| p.1).sum::<f64>() / count);
    let xx: f64 = logs.iter().map(|p| (p.0 - mx).powi(2)).sum();
    let xy: f64 = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    (logs.len() > 1 && xx > 0.0).then(|| xy / xx)
}

/// Pairs by every criterion against the size of keys, beside theory where it knows the noise, and the two growths that the paper names.
pub fn criteria_plot(config: &CapacityConfig, known: &[Measured<'_>], searches: &[Search]) -> Frame {
    let line =
        |label: &str, of: &dyn Fn(usize) -> f64| curve(label, Role::Theory, config.key_dims.iter().map(|dim| (*dim as f64, of(*dim))));
    let independent = matches!(config.key_kind, KeyKind::Sphere | KeyKind::Sign) && config.query_noise == 0.0;
    let signs = config.value_kind == ValueKind::Sign;
    let mut curves = Vec::new();
    for (id, label) in CRITERIA {
        if independent && (signs || id == "relative_error") {
            curves.push(line(label, &|dim| theory_by_criterion(id, dim, config.value_dim)));
        }
        curves.push(curve(label, Role::Data, by_criterion(id, known, searches).into_iter()));
    }
    curves.push(line("√d_k", &|dim| (dim as f64).sqrt()));
    curves.push(line("d_k", &|dim| dim as f64));
    let y = axis("pairs by the criterion named (lines derived here)", true);
    Frame::Plot(Plot { x: axis("numbers of a key, d_k", true), y, curves })
}

/// Summary and table.
pub fn conclude(config: &CapacityConfig, known: &[Measured<'_>], searches: &[Search], out: &mut Recorder) {
    for (id, _) in CRITERIA {
        let points = by_criterion(id, known, searches);
        for (key_dim, pairs) in &points {
            out.summary(format!("capacity/{id}_d{key_dim}"), *pairs);
        }
        if let Some(exponent) = exponent(&points) {
            out.summary(format!("capacity/exponent_{id}"), exponent);
        }
    }
    for search in searches {
        out.summary(format!("capacity/error_free_formula_d{}", search.key_dim), theory::error_free_pairs(search.key_dim, config.value_dim));
    }
    for (measure, prefix) in [(Measure::RelativeError, "theory/"), (Measure::BitError, "theory/bits_")] {
        let z_scores: Vec<f64> = known.iter().filter_map(|found| z_of(config, found, measure)).collect();
        say_z_scores(prefix, &z_scores, out);
    }
    let rows = known.iter().flat_map(|found| {
        Measure::ALL.into_iter().map(move |measure| {
            let (mean, error) = measure.over(found.trials);
            let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
            let theory = theory_of(config, measure, found.cell.key_dim, found.cell.pairs);
            let name = measure.metric().trim_start_matches("recall/");
            let z = text(z_of(config, found, measure));
            format!("{},{},{name},{mean},{error},{},{z}", found.cell.key_dim, found.cell.pairs, text(theory))
        })
    });
    out.artifact("capacity.csv", "text/csv", csv("key_dim,pairs,measure,mean,standard_error,theory,z", rows));
    let rows = searches.iter().flat_map(|search| {
        let share = |right: &u32| f64::from(*right) / search.draws as f64;
        search.right.iter().enumerate().map(move |(at, right)| format!("{},{},{}", search.key_dim, at + 1, share(right)))
    });
    out.artifact("error_free.csv", "text/csv", csv("key_dim,pairs,share_without_error", rows));
}

/// How many points were compared with theory, the share within three standard errors, and the largest distance. A single trial has no error
/// and is compared with nothing.
pub fn say_z_scores(prefix: &str, z_scores: &[f64], out: &mut Recorder) {
    let z_scores: Vec<f64> = z_scores.iter().copied().filter(|z| z.is_finite()).collect();
    if z_scores.is_empty() {
        return;
    }
    out.summary(format!("{prefix}points"), z_scores.len() as f64);
    out.summary(format!("{prefix}share_within_3"), z_scores.iter().filter(|z| z.abs() <= 3.0).count() as f64 / z_scores.len() as f64);
    out.summary(format!("{prefix}largest_z"), z_scores.iter().map(|z| z.abs()).fold(0.0, f64::max));
}

/// How many standard errors a measure lies above theory. An error of bits is at least what one wrong sign in all trials makes.
fn z_of(config: &CapacityConfig, found: &Measured<'_>, measure: Measure) -> Option<f64> {
    let theory = theory_of(config, measure, found.cell.key_dim, found.cell.pairs)?;
    let (mean, error) = measure.over(found.trials);
    let resolution = ((found.trials.len() * found.cell.pairs * config.value_dim) as f64).recip();
    match measure {
        // One pair is read exactly, up to rounding.
        _ if found.cell.pairs == 1 && config.query_noise == 0.0 && theory == 0.0 => None,
        Measure::RelativeError => Some(z_score(mean, error, theory)),
        Measure::BitError => Some(z_score(mean, error.max(resolution), theory)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_and_crossings_by_hand() {
        assert!((exponent(&[(2.0, 3.0), (8.0, 12.0), (4.0, 6.0)]).unwrap() - 1.0).abs() < 1e-12);
        assert!((exponent(&[(1.0, 1.0), (16.0, 4.0)]).unwrap() - 0.5).abs() < 1e-12);
        assert!(exponent(&[(1.0, 1.0)]).is_none() && exponent(&[(2.0, 1.0), (2.0, 3.0)]).is_none());
        assert_eq!(reaches(&[(4.0, 0.1), (8.0, 0.3), (16.0, 0.7)], 0.5), Some(12.0));
        assert_eq!(reaches(&[(4.0, 0.6), (8.0, 0.7)], 0.5), None);
        assert_eq!(steps_between(1, 3), [1, 2, 3]);
        assert_eq!(steps_between(5, 5), [5]);
    }
}

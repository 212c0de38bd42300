//! The replica-symmetric spinodal: the largest load at which a retrieval state exists, at any temperature, T = 0 included.
//!
//! Along the curve of solutions at one temperature m is the control: from it follow the spread `w = beta sqrt(v)` by `<tanh(beta m^(P-1) + w z)> = m`,
//! then q and the load. The load has its maximum over m at the fold; nothing has to be followed towards a singular point.

use super::model::{Model, quadrature};
use crate::theory::{
    Quadrature,
    normal_distribution::{erf, erf_inverse},
    root_finding::brent,
};
use std::f64::consts::PI;

/// The end of the retrieval branch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spinodal {
    /// Largest load with a retrieval state.
    pub load: f64,
    /// m there.
    pub magnetisation: f64,
}

/// Points between 0 and 1 at which the curve is first looked at.
const GRID: usize = 200;

/// The spinodal of the model's order and tuples at a temperature of at least 0; its load is not read. `None` where no load above 0 has a retrieval
/// state.
pub fn spinodal(model: Model, temperature: f64) -> Option<Spinodal> {
    let load = |m: f64| load_at_zero(model, m);
    if temperature == 0.0 {
        return highest(load);
    }
    let rule = quadrature(temperature);
    highest(|m| load_of_magnetisation(model, temperature, &rule, m).unwrap_or(f64::NAN))
}

/// The load at which m solves the self-consistency at T = 0: `m = erf(y)`, `y = m^(P-1) / sqrt(2 v)`.
///
/// For P >= 3 `B = erf(y)^(2P-2) / (2 y^2)`; for P = 2 `sqrt(2 alpha) = erf(y)/y - 2/sqrt(pi) exp(-y^2)`.
pub fn load_at_zero(model: Model, magnetisation: f64) -> f64 {
    crosstalk_at_zero(model.order, erf_inverse(magnetisation)) / model.crosstalk_of_unit_load()
}

/// B as a function of y; see [`load_at_zero`]. NaN where no state has it.
pub fn crosstalk_at_zero(order: u32, y: f64) -> f64 {
    if order == 2 {
        let root = erf(y) / y - 2.0 / PI.sqrt() * (-y * y).exp();
        return if root > 0.0 { 0.5 * root * root } else { f64::NAN };
    }
    0.5 * (erf(y).powi(order as i32 - 1) / y).powi(2)
}

/// The load at which m in (0, 1) solves the self-consistency at T > 0; `None` where none above 0 does.
pub fn load_of_magnetisation(model: Model, temperature: f64, rule: &Quadrature, magnetisation: f64) -> Option<f64> {
    let signal = model.signal(magnetisation) / temperature;
    if signal.tanh() <= magnetisation {
        return None;
    }
    let excess = |w: f64| rule.sum(|z| (signal + w * z).tanh()) - magnetisation;
    let mut most = signal;
    while excess(most) > 0.0 {
        most *= 2.0;
    }
    let spread = brent(excess, 0.0, most, 1e-14).ok()?;
    let overlap = rule.sum(|z| (signal + spread * z).tanh().powi(2));
    let variance = (spread * temperature).powi(2);
    if model.is_soft() {
        let a = 1.0 - (1.0 - overlap) / temperature;
        return (a > 0.0).then(|| variance * a * a / overlap);
    }
    Some(variance / (model.signal(overlap) * model.crosstalk_of_unit_load()))
}

/// The temperature above which a single pattern is not retrieved, the end of the spinodal at load 0: the maximum of `m^(P-1) / atanh(m)`, 1 for P = 2.
pub fn zero_load_end(order: u32) -> f64 {
    let temperature = |m: f64| m.powi(order as i32 - 1) / m.atanh();
    if order == 2 { 1.0 } else { temperature(golden_section(temperature, 1e-6, 1.0 - 1e-12)) }
}

/// The temperature at which a single pattern and the paramagnet have the same free energy: `-ln(1 - m^2)/2 = (1 - 1/P) m atanh(m)`; 1 for P = 2, whose
/// transition is continuous.
pub fn zero_load_transition(order: u32) -> f64 {
    if order == 2 {
        return 1.0;
    }
    let temperature = |m: f64| m.powi(order as i32 - 1) / m.atanh();
    let end = golden_section(temperature, 1e-6, 1.0 - 1e-12);
    let excess = |m: f64| -0.5 * (-m * m).ln_1p() - (1.0 - f64::from(order).recip()) * m * m.atanh();
    brent(excess, end, 1.0 - 1e-14, 1e-15).map_or(f64::NAN, temperature)
}

/// The maximum over m in (0, 1) of a load that may be no number in places.
fn highest(mut load: impl FnMut(f64) -> f64) -> Option<Spinodal> {
    let at = |k: usize| k as f64 / GRID as f64;
    let found: Vec<(usize, f64)> = (1..GRID).map(|k| (k, load(at(k)))).filter(|(_, load)| *load > 0.0).collect();
    let (best, _) = found.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let magnetisation = golden_section(&mut load, at(best - 1), at(best + 1));
    Some(Spinodal { load: load(magnetisation), magnetisation })
}

/// Where a function with one maximum in `[low, high]` has it, to 1e-9; values that are no numbers count as lowest.
pub(super) fn golden_section(mut function: impl FnMut(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let mut value = |x: f64| Some(function(x)).filter(|v| !v.is_nan()).unwrap_or(f64::NEG_INFINITY);
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (value(left), value(right));
    while high - low > 1e-9 {
        if at_left > at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = value(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = value(right);
        }
    }
    0.5 * (low + high)
}

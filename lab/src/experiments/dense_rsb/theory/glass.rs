//! The glass of the P-spin model, which is what a dense memory is without a pattern: transitions, and the one-step-broken ground state.
//!
//! Temperatures of the transitions are in units of the P-spin model's coupling J (D. J. Gross and M. Mezard, 1984), `J^2 = 2 B / P`; in units of the
//! field multiply by `sqrt(2 B / P)`. At theta = 1 the overlap obeys `q = <tanh(lambda + sqrt(lambda) z)>`, `lambda = beta^2 (P/2) q^(P-1)`: lambda is
//! the control, and the temperature follows.

use super::{broken_ground_state::means_without_field, model::Model, spinodal::golden_section};
use crate::theory::{
    Quadrature,
    normal_distribution::ln_cosh,
    root_finding::{brent, first_bracket},
};

/// The transitions of the glass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transitions {
    /// T_d, below which metastable states trap the dynamics.
    pub dynamic: f64,
    /// T_s, below which the entropy of states vanishes: the thermodynamic transition.
    pub stationary: f64,
}

/// Both transitions of the P-spin glass in units of J; `None` for P = 2, whose transition is continuous.
pub fn transitions(order: u32) -> Option<Transitions> {
    if order < 3 {
        return None;
    }
    let rule = Quadrature::normal_trapezoid(1_201, 10.0);
    let overlap = |lambda: f64| rule.sum(|z| (lambda + lambda.sqrt() * z).tanh());
    let temperature = |lambda: f64| (0.5 * f64::from(order) * overlap(lambda).powi(order as i32 - 1) / lambda).sqrt();
    let dynamic = temperature(golden_section(temperature, 0.1, 20.0));
    // dA / d theta at theta = 1.
    let slope = |lambda: f64| {
        let broken = 0.5 * lambda * (1.0 - 1.0 / f64::from(order)) * overlap(lambda);
        rule.sum(|z| ln_cosh(lambda + lambda.sqrt() * z)) - 0.5 * lambda - broken
    };
    let (low, high) = first_bracket(slope, (1..=400).map(|k| 0.1 * f64::from(k)))?;
    let stationary = temperature(brent(slope, low, high, 1e-13).ok()?);
    Some(Transitions { dynamic, stationary })
}

/// The one-step-broken glass without a pattern at T = 0, m = q1 = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokenGlass {
    /// Energy per spin, below 0.
    pub energy: f64,
    /// `D = lim beta theta`, above 0.
    pub breakpoint: f64,
    /// `C = lim beta (1 - q2)`, above 0.
    pub susceptibility: f64,
}

/// The one-step-broken glass at T = 0; `None` without a solution.
///
/// Everything is a function of `x = D s`, s the spread of the field: with `c = C s` `s = sqrt(B)` for P >= 3, and `(s - c)(s - c - x) = alpha` for P = 2.
pub fn broken_glass(model: Model) -> Option<BrokenGlass> {
    let (crosstalk, share) = (model.crosstalk(), model.share_below());
    let spread = |x: f64, c: f64| if model.is_soft() { c + 0.5 * (x + (x * x + 4.0 * model.load).sqrt()) } else { crosstalk.sqrt() };
    // Of P = 2: a1 and a2, and the logarithm of their ratio, which may be close to 1.
    let gaps = |x: f64, c: f64, s: f64| (1.0 - (c + x) / s, 1.0 - c / s, (-x / (s - c)).ln_1p());
    // Slope of the pressure over beta by D, over s.
    let slope = |x: f64| {
        let means = means_without_field(1.0, x);
        let free = means.field / x - means.ln_weight / (x * x);
        if !model.is_soft() {
            return free - 0.5 * share;
        }
        let c = means.susceptibility;
        let s = spread(x, c);
        let (a1, a2, ln_ratio) = gaps(x, c, s);
        free + 0.5 * model.load * (ln_ratio / (x * x) + 1.0 / (x * s * a1) - 1.0 / (s * s * a1 * a2))
    };
    let (low, high) = first_bracket(slope, (0..=100).map(|k| 0.001 * 1.1f64.powi(k)))?;
    let x = brent(slope, low, high, 1e-14).ok()?;
    let means = means_without_field(1.0, x);
    let c = means.susceptibility;
    let s = spread(x, c);
    let pressure = s * means.ln_weight / x;
    let energy = if model.is_soft() {
        let (_, _, ln_ratio) = gaps(x, c, s);
        0.5 * model.load * s * ln_ratio / x - pressure + 0.5 * s * (c + x)
    } else {
        s * 0.5 * share * x - pressure
    };
    Some(BrokenGlass { energy, breakpoint: x / s, susceptibility: c / s })
}

/// Its energy.
pub fn broken_glass_energy(model: Model) -> Option<f64> {
    broken_glass(model).map(|glass| glass.energy)
}

//! The glass of the P-spin model, which is what a dense memory is without a pattern (P >= 3): transitions and ground state.
//!
//! Temperatures in units of the P-spin model's coupling J (D. J. Gross and M. Mezard, 1984), `J^2 = 2 B / P`; in units of the field multiply by
//! `sqrt(2 B / P)`. At theta = 1 the overlap obeys `q = <tanh(lambda + sqrt(lambda) z)>`, `lambda = beta^2 (P/2) q^(P-1)`: lambda is the control, and
//! the temperature follows.

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

/// Energy per spin of the one-step-broken glass at T = 0 and m = 0, for P >= 3 (where q1 = 0); `None` for P = 2 or without a solution.
pub fn broken_glass_energy(model: Model) -> Option<f64> {
    if model.is_soft() {
        return None;
    }
    let (crosstalk, share) = (model.crosstalk(), model.share_below());
    let spread = crosstalk.sqrt();
    // In units of the spread everything is a function of D s.
    let slope = |x: f64| {
        let means = means_without_field(1.0, x);
        means.field / x - means.ln_weight / (x * x) - 0.5 * share
    };
    let (low, high) = first_bracket(slope, (1..=200).map(|k| 0.05 * f64::from(k)))?;
    let x = brent(slope, low, high, 1e-14).ok()?;
    Some(spread * (0.5 * share * x - means_without_field(1.0, x).ln_weight / x))
}

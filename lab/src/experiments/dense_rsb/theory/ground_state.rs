//! The replica-symmetric theory at T = 0, in closed form up to one root.

use super::{
    model::Model,
    spinodal::{crosstalk_at_zero, spinodal},
};
use crate::theory::{
    normal_distribution::{erf, erf_inverse},
    root_finding::brent,
};
use std::f64::consts::PI;

/// A replica-symmetric state at T = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroundState {
    /// m in [0, 1].
    pub magnetisation: f64,
    /// Energy per spin, below 0.
    pub energy: f64,
    /// `C = lim beta (1 - q)`, at least 0.
    pub susceptibility: f64,
}

/// The retrieval state of the largest m; `None` above the spinodal.
pub fn retrieval(model: Model) -> Option<GroundState> {
    let top = erf_inverse(spinodal(model, 0.0)?.magnetisation);
    let excess = |y: f64| crosstalk_at_zero(model.order, y) - model.crosstalk();
    let mut high = 2.0 * top;
    while excess(high) > 0.0 {
        high *= 2.0;
    }
    let y = brent(excess, top, high, 1e-15).ok()?;
    let m = erf(y);
    let signal = model.signal(m);
    Some(state(model, m, signal / (y * std::f64::consts::SQRT_2)))
}

/// The glass without a pattern, m = 0.
pub fn glass(model: Model) -> GroundState {
    let spread = if model.is_soft() { model.load.sqrt() + (2.0 / PI).sqrt() } else { model.crosstalk().sqrt() };
    state(model, 0.0, spread)
}

/// The state of a magnetisation and a spread `sqrt(v)` of the field that solve the self-consistency: `C = sqrt(2 / (pi v)) exp(-m^(2P-2) / (2 v))`.
fn state(model: Model, m: f64, spread: f64) -> GroundState {
    let signal = model.signal(m);
    let y = signal / (spread * std::f64::consts::SQRT_2);
    let susceptibility = (2.0 / PI).sqrt() / spread * (-y * y).exp();
    let field = signal * erf(y) + spread * spread * susceptibility;
    let mut energy = model.share_below() * m * signal - field;
    if model.is_soft() {
        let a = 1.0 - susceptibility;
        energy -= 0.5 * model.load / a - 0.5 * spread * spread * susceptibility;
    }
    GroundState { magnetisation: m, energy, susceptibility }
}

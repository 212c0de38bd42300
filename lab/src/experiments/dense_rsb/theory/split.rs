//! The split of the free energy: at P = 2 the memory without a pattern is a hard glass (Sherrington and Kirkpatrick) and a soft, Gaussian one; for
//! P >= 3 it is the hard P-spin glass alone. Replica-symmetric, m = 0.

use super::{model::Model, replica_symmetric::ReplicaSymmetric};
use crate::theory::{Damped, Quadrature, normal_distribution::ln_cosh};
use std::f64::consts::LN_2;

/// The pressure of a memory without a pattern and the parts that it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// q of the memory.
    pub overlap: f64,
    /// Pressure of the memory.
    pub whole: f64,
    /// Pressure of the hard glass.
    pub hard: f64,
    /// Pressure of the soft glass per stored load; `None` for P >= 3, where there is none.
    pub soft: Option<f64>,
    /// `whole` less what the parts make.
    pub residual: f64,
    /// Whether every overlap that went in is a solution.
    pub converged: bool,
}

/// The split of a model at a temperature above 0.
///
/// P = 2, with `a = 1 - beta (1 - q)`, `beta1 = sqrt(alpha) beta / a`, `p = beta q / a^2`: `A = A_SK(beta1) - beta1^2 / 4 + alpha A_soft`,
/// `A_soft = -ln(a)/2 + a p/2 + a^2 p^2 / 4`. P >= 3: `A = A_P-spin(beta sqrt(2 B / P))`. The overlap of the hard glass is solved for on its own.
pub fn split(model: Model, temperature: f64) -> Split {
    let theory = ReplicaSymmetric::new(model, temperature);
    let memory = theory.glass();
    let (beta, q) = (1.0 / temperature, memory.overlap);
    let whole = theory.pressure(0.0, q);
    let rule = super::model::quadrature(temperature);
    if model.is_soft() {
        let a = 1.0 - beta * (1.0 - q);
        let hard_beta = model.load.sqrt() * beta / a;
        let p = beta * q / (a * a);
        let (hard, converged) = spin_glass_pressure(2, hard_beta, &rule);
        let soft = -0.5 * a.ln() + 0.5 * a * p + 0.25 * (a * p).powi(2);
        let residual = whole - (hard - 0.25 * hard_beta * hard_beta + model.load * soft);
        return Split { overlap: q, whole, hard, soft: Some(soft), residual, converged: converged && memory.converged };
    }
    let (hard, converged) = spin_glass_pressure(model.order, beta * (2.0 * model.crosstalk() / f64::from(model.order)).sqrt(), &rule);
    Split { overlap: q, whole, hard, soft: None, residual: whole - hard, converged: converged && memory.converged }
}

/// Replica-symmetric pressure of the P-spin glass with couplings of J = 1 at its own overlap, and whether that was found:
/// `ln 2 + <ln cosh(beta sqrt(P/2 q^(P-1)) z)> + beta^2 / 4 (1 - P q^(P-1) + (P-1) q^P)`.
fn spin_glass_pressure(order: u32, beta: f64, rule: &Quadrature) -> (f64, bool) {
    let p = f64::from(order);
    let spread = |q: f64| beta * (0.5 * p * q.powi(order as i32 - 1)).sqrt();
    let found = Damped::default().solve(&[1.0], |q, into| into[0] = rule.sum(|z| (spread(q[0]) * z).tanh().powi(2)));
    let q = found.at[0];
    let power = q.powi(order as i32 - 1);
    let pressure = LN_2 + rule.sum(|z| ln_cosh(spread(q) * z)) + 0.25 * beta * beta * (1.0 - p * power + (p - 1.0) * q * power);
    (pressure, found.converged)
}

//! One step of replica symmetry breaking at T > 0.
//!
//! `g = beta [m^(P-1) + sqrt(v1) z1 + sqrt(v2 - v1) z2]`, `[f] = E2(cosh^theta g f) / E2 cosh^theta g`: `m = E1 [tanh]`, `q1 = E1 [tanh]^2`,
//! `q2 = E1 [tanh^2]`, and theta where the pressure is stationary. Sources: as for [`super::broken_ground_state`].

use super::model::Model;
use crate::theory::{Quadrature, normal_distribution::ln_cosh};
use std::f64::consts::{LN_2, PI};

/// The one-step-broken theory of one network at one temperature: its equations at any point. [`super::broken_glass`] and
/// [`super::broken_retrieval`] solve them.
#[derive(Debug, Clone)]
pub struct OneStep {
    pub(super) model: Model,
    pub(super) beta: f64,
    outer: Quadrature,
    inner: Quadrature,
}

/// A point of the theory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// m in [-1, 1].
    pub magnetisation: f64,
    /// q1, overlap of replicas of different clusters, at most q2.
    pub between: f64,
    /// q2, overlap of replicas of one cluster, in [0, 1].
    pub within: f64,
    /// theta in (0, 1], Parisi's breakpoint.
    pub breakpoint: f64,
}

/// A solution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solution {
    /// Where it ended.
    pub order: Order,
    /// Whether all equations are solved; where not, the numbers are no solution.
    pub converged: bool,
    /// Largest of the equations' residuals.
    pub residual: f64,
}

/// Means over both normal variables.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Means {
    ln_weight: f64,
    tanh: f64,
    pub(super) tanh_squared_between: f64,
    pub(super) tanh_squared_within: f64,
    ln_cosh: f64,
    sech_fourth: f64,
    response_squared: f64,
}

/// Residuals of the equations that count as solved.
pub(super) const TOLERANCE: f64 = 1e-10;
/// Below this temperature there is [`super::broken_ground_state::BrokenTheory`], the limit T = 0.
pub const COLDEST: f64 = 0.01;
/// Where the rules over z1 and z2 are cut; the weight cosh^theta moves the mass over z2 outwards.
const REACH: (f64, f64) = (8.0, 12.0);
/// What the trapezoid leaves out is `exp(-27)`: a pole at the distance d from the real axis takes a step of `2 pi d / 27`.
const DIGITS: f64 = 27.0;
/// The widest step: the weights themselves are steep.
const WIDEST_STEP: f64 = 0.2;
/// Most nodes of a rule.
const MOST_NODES: usize = 8_001;

/// Nodes on `[-reach, reach]` of a step.
fn nodes(reach: f64, step: f64) -> usize {
    ((2.0 * reach / step.min(WIDEST_STEP)).ceil().min(MOST_NODES as f64) as usize) | 1
}

/// The rule over z2 that sees `tanh(spread z2)`, whose poles lie `pi / (2 spread)` from the real axis.
pub(super) fn inner_rule(spread: f64) -> Quadrature {
    Quadrature::normal_trapezoid(nodes(REACH.1, PI * PI / (spread * DIGITS)), REACH.1)
}

impl OneStep {
    /// With rules of a thousand nodes; `OneStep::sized` has those that a point takes. Panics for a temperature that is not above 0:
    /// [`super::broken_ground_state::BrokenTheory`] has the limit.
    pub fn new(model: Model, temperature: f64) -> Self {
        assert!(temperature > 0.0, "a temperature above 0; got {temperature}");
        let (outer, inner) = (Quadrature::normal_trapezoid(601, REACH.0), Quadrature::normal_trapezoid(801, REACH.1));
        Self { model, beta: 1.0 / temperature, outer, inner }
    }

    /// The same theory with as many nodes as points near `order` take, with crosstalk half as strong again.
    ///
    /// The mean over z2 has zeros of its weight `pi / (2 D)` from the real axis of the field, and is as smooth as the field's spread s around the poles of
    /// tanh, `pi / (2 beta)` from it.
    pub(super) fn sized(&self, order: &Order) -> Self {
        let (v1, apart) = self.variances(order);
        let (outer, inner) = (1.25 * v1.max(0.0).sqrt(), 1.25 * apart.max(0.0).sqrt());
        let pole = PI / (2.0 * self.beta);
        let by_spread = 2.0 * DIGITS / (pole + (pole * pole + 2.0 * DIGITS * inner * inner).sqrt());
        let by_weight = 2.0 * DIGITS * self.beta * order.breakpoint / PI;
        let step = 2.0 * PI / (by_spread.max(by_weight) * outer.max(1e-9));
        let outer = Quadrature::normal_trapezoid(nodes(REACH.0, step), REACH.0);
        Self { model: self.model, beta: self.beta, outer, inner: inner_rule(self.beta * inner) }
    }

    /// The same theory with another rule over z2.
    pub(super) fn with_inner(self, inner: Quadrature) -> Self {
        Self { inner, ..self }
    }

    /// `a1` and `a2` of P = 2.
    pub(super) fn gaps(&self, order: &Order) -> (f64, f64) {
        let within = 1.0 - self.beta * (1.0 - order.within);
        (within - self.beta * order.breakpoint * (order.within - order.between), within)
    }

    /// Variances v1 and `v2 - v1` of the crosstalk.
    fn variances(&self, order: &Order) -> (f64, f64) {
        if self.model.is_soft() {
            let (a1, a2) = self.gaps(order);
            return (self.model.load * order.between / (a1 * a1), self.model.load * (order.within - order.between) / (a1 * a2));
        }
        let (between, within) = (self.model.signal(order.between), self.model.signal(order.within));
        (self.model.crosstalk() * between, self.model.crosstalk() * (within - between))
    }

    pub(super) fn means(&self, order: &Order) -> Means {
        let (v1, apart) = self.variances(order);
        let (outer, inner) = (self.beta * v1.sqrt(), self.beta * apart.sqrt());
        let signal = self.beta * self.model.signal(order.magnetisation);
        if v1 == 0.0 {
            return self.inner_means(signal, inner, order.breakpoint);
        }
        let mut sum = Means::default();
        for (z, weight) in self.outer.nodes.iter().zip(&self.outer.weights) {
            let at = self.inner_means(signal + outer * z, inner, order.breakpoint);
            sum.ln_weight += weight * at.ln_weight;
            sum.tanh += weight * at.tanh;
            sum.tanh_squared_between += weight * at.tanh_squared_between;
            sum.tanh_squared_within += weight * at.tanh_squared_within;
            sum.ln_cosh += weight * at.ln_cosh;
            sum.sech_fourth += weight * at.sech_fourth;
            sum.response_squared += weight * at.response_squared;
        }
        sum
    }

    /// `ln E2 cosh^theta` and the weighted means over z2.
    fn inner_means(&self, field: f64, spread: f64, theta: f64) -> Means {
        // cosh^theta against its largest value on the rule keeps the weights finite.
        let top = theta * ln_cosh(field.abs() + spread * self.inner.nodes[self.inner.nodes.len() - 1]);
        let (mut total, mut sum) = (0.0, Means::default());
        for (z, weight) in self.inner.nodes.iter().zip(&self.inner.weights) {
            let g = field + spread * z;
            let height = ln_cosh(g);
            let weight = weight * (theta * height - top).exp();
            let tanh = g.tanh();
            let square = tanh * tanh;
            total += weight;
            sum.tanh += weight * tanh;
            sum.tanh_squared_within += weight * square;
            sum.ln_cosh += weight * height;
            sum.sech_fourth += weight * (1.0 - square) * (1.0 - square);
        }
        let (tanh, square) = (sum.tanh / total, sum.tanh_squared_within / total);
        Means {
            ln_weight: top + total.ln(),
            tanh,
            tanh_squared_between: tanh * tanh,
            tanh_squared_within: square,
            ln_cosh: sum.ln_cosh / total,
            sech_fourth: sum.sech_fourth / total,
            // d [tanh] / d (beta h) at the outer field.
            response_squared: (1.0 - (1.0 - theta) * square - theta * tanh * tanh).powi(2),
        }
    }

    /// Pressure `A = -beta f` per spin at any point; stationary in m, q1, q2 and theta at a solution.
    pub fn pressure(&self, order: &Order) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let (m, q1, q2, theta) = (order.magnetisation, order.between, order.within, order.breakpoint);
        let free = LN_2 + self.means(order).ln_weight / theta - beta * model.share_below() * m * model.signal(m);
        if model.is_soft() {
            let (a1, a2) = self.gaps(order);
            let (v1, apart) = self.variances(order);
            let v2 = v1 + apart;
            let soft = a2.ln() + (a1 / a2).ln() / theta - beta * q1 / a1;
            return free - 0.5 * model.load * soft - 0.5 * beta * beta * (v2 * (1.0 - q2) + theta * (v2 * q2 - v1 * q1));
        }
        let (full1, full2) = (q1 * model.signal(q1), q2 * model.signal(q2));
        let bracket = 1.0 - model.signal(q2) - model.share_below() * (theta * (full2 - full1) + 1.0 - full2);
        free + 0.5 * beta * beta * model.crosstalk() * bracket
    }

    /// `dA / d beta` at a solution, in closed form: the energy per spin with its sign turned.
    pub fn pressure_by_beta(&self, order: &Order) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let (m, q1, q2, theta) = (order.magnetisation, order.between, order.within, order.breakpoint);
        let signal = m * model.signal(m) / f64::from(model.order);
        if model.is_soft() {
            let (a1, a2) = self.gaps(order);
            let (by1, by2) = (-(1.0 - q2) - theta * (q2 - q1), -(1.0 - q2));
            let soft = by2 / a2 * (1.0 - 1.0 / theta) + by1 / (theta * a1) - q1 / a1 + beta * q1 * by1 / (a1 * a1);
            return signal - 0.5 * model.load * soft;
        }
        let (full1, full2) = (q1 * model.signal(q1), q2 * model.signal(q2));
        signal + beta * model.crosstalk() * (1.0 - (1.0 - theta) * full2 - theta * full1) / f64::from(model.order)
    }

    /// `dA / d theta` at fixed m, q1 and q2 that solve their equations, in closed form.
    pub fn pressure_by_breakpoint(&self, order: &Order) -> f64 {
        self.slope(order, &self.means(order))
    }

    pub(super) fn slope(&self, order: &Order, means: &Means) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let (q1, q2, theta) = (order.between, order.within, order.breakpoint);
        let free = means.ln_cosh / theta - means.ln_weight / (theta * theta);
        if model.is_soft() {
            let (a1, a2) = self.gaps(order);
            let (v1, apart) = self.variances(order);
            let width = beta * (q2 - q1);
            let soft = -(a1 / a2).ln() / (theta * theta) - width / (theta * a1) - beta * q1 * width / (a1 * a1);
            return free - 0.5 * model.load * soft - 0.5 * beta * beta * ((v1 + apart) * q2 - v1 * q1);
        }
        let full = q2 * model.signal(q2) - q1 * model.signal(q1);
        free - 0.5 * beta * beta * model.crosstalk() * model.share_below() * full
    }

    /// The replicon of replicas of one cluster: above 0 where one step is stable against a second (Gardner, 1985).
    ///
    /// `1 - beta^2 B (P-1) q2^(P-2) E1 [sech^4]`; for P = 2 `1 - alpha beta^2 E1 [sech^4] / a2^2`.
    pub fn replicon(&self, order: &Order) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let curvature = if model.is_soft() {
            model.load / self.gaps(order).1.powi(2)
        } else {
            model.crosstalk() * f64::from(model.order - 1) * order.within.powi(model.order as i32 - 2)
        };
        1.0 - beta * beta * curvature * self.means(order).sech_fourth
    }

    /// The replicon of replicas of different clusters: above 0 where clusters do not group into more.
    ///
    /// `1 - beta^2 B (P-1) q1^(P-2) E1 (1 - (1 - theta) [tanh^2] - theta [tanh]^2)^2`; for P = 2 `alpha / a1^2` for `B (P-1) q1^(P-2)`. It is 1 for the glass
    /// of P >= 3, where q1 is 0.
    pub fn between_replicon(&self, order: &Order) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let curvature = if model.is_soft() {
            model.load / self.gaps(order).0.powi(2)
        } else {
            model.crosstalk() * f64::from(model.order - 1) * order.between.powi(model.order as i32 - 2)
        };
        1.0 - beta * beta * curvature * self.means(order).response_squared
    }

    /// `F(x) - x` of m, q1 and q2, and the slope of the pressure by theta; no numbers outside the domain.
    pub(super) fn residuals(&self, order: &Order) -> [f64; 4] {
        let inside = order.between >= 0.0 && order.between < order.within && order.within < 1.0 && order.breakpoint > 0.0;
        if !inside || (self.model.is_soft() && self.gaps(order).0 <= 0.0) {
            return [f64::NAN; 4];
        }
        let means = self.means(order);
        [
            means.tanh - order.magnetisation,
            means.tanh_squared_between - order.between,
            means.tanh_squared_within - order.within,
            // Times theta^2, so that it has a limit at T = 0 and is of the size of the others.
            self.slope(order, &means) * order.breakpoint * order.breakpoint,
        ]
    }
}

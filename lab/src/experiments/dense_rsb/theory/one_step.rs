//! One step of replica symmetry breaking at T > 0.
//!
//! `g = beta [m^(P-1) + sqrt(v1) z1 + sqrt(v2 - v1) z2]`, `[f] = E2(cosh^theta g f) / E2 cosh^theta g`: `m = E1 [tanh]`, `q1 = E1 [tanh]^2`,
//! `q2 = E1 [tanh^2]`, and theta where the pressure is stationary. Sources: as for [`super::broken_ground_state`].

use super::{broken_ground_state::BrokenTheory, model::Model};
use crate::theory::{
    Damped, Quadrature,
    newton::newton,
    normal_distribution::ln_cosh,
    root_finding::{brent, first_bracket},
};
use std::f64::consts::LN_2;

/// The one-step-broken theory of one network at one temperature.
#[derive(Debug, Clone)]
pub struct OneStep {
    model: Model,
    beta: f64,
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

/// The state of largest load at a temperature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fold {
    /// The state.
    pub order: Order,
    /// Its load.
    pub load: f64,
}

/// Means over both normal variables.
#[derive(Debug, Clone, Copy, Default)]
struct Means {
    ln_weight: f64,
    tanh: f64,
    tanh_squared_between: f64,
    tanh_squared_within: f64,
    ln_cosh: f64,
    sech_fourth: f64,
}

/// Residuals of the equations that count as solved.
const TOLERANCE: f64 = 1e-10;
/// Difference of q2 and q1 below which nothing is broken.
const BROKEN: f64 = 1e-6;
/// Nodes over z1, on [-8, 8].
const OUTER_NODES: usize = 601;
/// Nodes over z2, on [-12, 12], as the weight cosh^theta moves the mass outwards. Their step sees `tanh(beta s z)` up to a spread beta s of about 12.
const INNER_NODES: usize = 801;
/// See [`INNER_NODES`].
const WIDEST_SPREAD: f64 = 12.0;
/// Below this temperature the spread of a retrieval state may be too wide for the nodes; at T = 0 there is [`BrokenTheory`].
pub const COLDEST: f64 = 0.03;

impl OneStep {
    /// Panics for a temperature that is not above 0: [`BrokenTheory`] has the limit.
    pub fn new(model: Model, temperature: f64) -> Self {
        assert!(temperature > 0.0, "a temperature above 0; got {temperature}");
        let (outer, inner) = (Quadrature::normal_trapezoid(OUTER_NODES, 8.0), Quadrature::normal_trapezoid(INNER_NODES, 12.0));
        Self { model, beta: 1.0 / temperature, outer, inner }
    }

    /// For [`OneStep::glass`] at any temperature: without a pattern and without q1 the whole crosstalk is inside the weighted mean, which takes more nodes
    /// the colder it is. Panics as [`OneStep::new`] does.
    pub fn for_glass(model: Model, temperature: f64) -> Self {
        let spread = model.crosstalk().sqrt() / temperature;
        let nodes = INNER_NODES.max((INNER_NODES as f64 * spread / WIDEST_SPREAD) as usize | 1);
        Self { inner: Quadrature::normal_trapezoid(nodes, 12.0), ..Self::new(model, temperature) }
    }

    /// `a1` and `a2` of P = 2.
    fn gaps(&self, order: &Order) -> (f64, f64) {
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

    fn means(&self, order: &Order) -> Means {
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
        let tanh = sum.tanh / total;
        Means {
            ln_weight: top + total.ln(),
            tanh,
            tanh_squared_between: tanh * tanh,
            tanh_squared_within: sum.tanh_squared_within / total,
            ln_cosh: sum.ln_cosh / total,
            sech_fourth: sum.sech_fourth / total,
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

    fn slope(&self, order: &Order, means: &Means) -> f64 {
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

    /// `F(x) - x` of m, q1 and q2, and the slope of the pressure by theta; no numbers outside the domain.
    fn residuals(&self, order: &Order) -> [f64; 4] {
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

    /// The solution with a pattern near `guess`, by Newton's method; it does not converge where q1 and q2 meet, that is where symmetry holds.
    pub fn near(&self, guess: &Order) -> Solution {
        let order = |x: &[f64]| {
            let within = 1.0 - x[2].exp();
            Order { magnetisation: x[0], between: within - x[1].exp(), within, breakpoint: x[3].exp() }
        };
        let apart = (guess.within - guess.between).ln();
        let start = [guess.magnetisation, apart, (1.0 - guess.within).ln(), guess.breakpoint.ln()];
        let found = newton(|x, into| into.copy_from_slice(&self.residuals(&order(x))), &start, TOLERANCE);
        Solution { order: order(&found.at), converged: found.converged, residual: found.residual }
    }

    /// The solution of magnetisation `m` near `guess` and `load`, with the load as an unknown: on both sides of the fold. Of the model the load is not
    /// read.
    fn at_magnetisation(&self, m: f64, guess: &Order, load: f64) -> (Solution, f64) {
        let order = |x: &[f64]| {
            let within = 1.0 - x[2].exp();
            Order { magnetisation: m, between: within - x[1].exp(), within, breakpoint: x[3].exp() }
        };
        let start = [load.ln(), (guess.within - guess.between).ln(), (1.0 - guess.within).ln(), guess.breakpoint.ln()];
        let mut theory = self.clone();
        let equations = |x: &[f64], into: &mut [f64]| {
            theory.model.load = x[0].exp();
            into.copy_from_slice(&theory.residuals(&order(x)));
        };
        let found = newton(equations, &start, TOLERANCE);
        (Solution { order: order(&found.at), converged: found.converged, residual: found.residual }, found.at[0].exp())
    }

    /// The retrieval state of largest load, near `guess` and `load`: parabolas through three magnetisations, until the vertex stays. Takes seconds. `None`
    /// where symmetry holds, or the largest load is not found near `guess`.
    pub fn fold(&self, guess: &Order, load: f64) -> Option<Fold> {
        let mut top = Fold { order: *guess, load };
        for width in [0.008, 0.004, 0.004] {
            let at = |m: f64, near: &Fold| {
                let (found, load) = self.at_magnetisation(m, &near.order, near.load);
                let is_broken = found.converged && found.order.within - found.order.between > BROKEN;
                // Newton's method may fall to another branch, with a breakpoint of almost 0.
                let stays = (0.5..2.0).contains(&(found.order.breakpoint / near.order.breakpoint));
                (is_broken && stays).then_some(Fold { order: found.order, load })
            };
            let centre = at(top.order.magnetisation, &top)?;
            let middle = centre.order.magnetisation;
            let (left, right) = (at(middle - width, &centre)?.load, at(middle + width, &centre)?.load);
            let curvature = left - 2.0 * centre.load + right;
            // On a slope without a top nearby the parabola leads uphill, little further than the other points lie.
            let step = if curvature < 0.0 { (0.5 * (left - right) / curvature).clamp(-1.5, 1.5) } else { 1.5 * (right - left).signum() };
            top = at((middle + step * width).clamp(0.05, 0.999), &centre)?;
        }
        Some(top)
    }

    /// The retrieval state, begun from the limit T = 0 with `theta = D T`; `None` where that limit has none. For temperatures well below that at
    /// which the symmetry returns.
    pub fn retrieval(&self) -> Option<Solution> {
        let limit = BrokenTheory::new(self.model).retrieval(self.model.load)?;
        Some(self.near(&Order {
            magnetisation: limit.magnetisation,
            between: limit.overlap.min(1.0 - 1.5 * limit.susceptibility / self.beta),
            within: 1.0 - limit.susceptibility / self.beta,
            breakpoint: limit.breakpoint / self.beta,
        }))
    }

    /// The glass without a pattern for P >= 3, m = q1 = 0, at the breakpoint where the pressure is stationary.
    ///
    /// `None` above the thermodynamic transition, where no breakpoint below 1 is stationary, and for P = 2, whose glass has q1 above 0.
    pub fn glass(&self) -> Option<Solution> {
        if self.model.is_soft() {
            return None;
        }
        let slope = |theta: f64| self.slope_of_glass(theta).0;
        let (at_one, order, ..) = self.slope_of_glass(1.0);
        if order.within < 1e-6 || at_one <= 0.0 {
            return None;
        }
        // From 1 downwards: far below the root the glass may end, and with q2 = 0 the slope is 0.
        let (high, low) = first_bracket(slope, (0..=120).map(|k| (-0.05 * f64::from(k)).exp()))?;
        let breakpoint = brent(slope, low, high, 1e-13).ok()?;
        let (slope, order, settled, residual) = self.slope_of_glass(breakpoint);
        let residual = residual.max(slope.abs() * breakpoint * breakpoint);
        Some(Solution { order, converged: settled && residual <= TOLERANCE, residual })
    }

    /// The slope of the pressure by theta at the glass of a breakpoint, the glass, whether its q2 converged, and the residual of that.
    fn slope_of_glass(&self, breakpoint: f64) -> (f64, Order, bool, f64) {
        let order = |within: f64| Order { magnetisation: 0.0, between: 0.0, within, breakpoint };
        let found =
            Damped { damping: 1.0, ..Damped::default() }.solve(&[1.0], |q, into| into[0] = self.means(&order(q[0])).tanh_squared_within);
        let order = order(found.at[0]);
        (self.slope(&order, &self.means(&order)), order, found.converged, found.residual)
    }
}

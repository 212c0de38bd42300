//! The one-step-broken glass without a pattern at T > 0, m = q1 = 0: the P-spin glass of P >= 3, and for P = 2 a glass like that of Sherrington and
//! Kirkpatrick with the soft factor of the Hopfield network.
//!
//! For given theta q2 solves `q2 = [tanh^2]`; theta is where the pressure is stationary. Without a field q1 = 0 solves its equation at every order. For P = 2
//! this state is not stable between clusters ([`OneStep::between_replicon`]): there is another with q1 above 0, which is not solved here.

use super::{
    model::Model,
    one_step::{OneStep, Order, Solution, TOLERANCE, inner_rule},
};
use crate::theory::{
    Damped,
    normal_distribution::ln_cosh,
    root_finding::{brent, first_bracket},
};

/// q2 below which there is no glass.
const FROZEN: f64 = 1e-6;
/// Ratio of neighbouring breakpoints among which the stationary one is first looked for, and how many there are.
const GRID: (f64, u32) = (0.9, 70);
/// How close to its limit a breakpoint of pairs is tried.
const CLOSE: f64 = 0.999;

impl OneStep {
    /// For [`OneStep::glass`] at any temperature: without a pattern and without q1 the whole crosstalk is inside the weighted mean, which takes more nodes
    /// the colder it is. Panics as [`OneStep::new`] does.
    pub fn for_glass(model: Model, temperature: f64) -> Self {
        let spread = model.crosstalk().sqrt() / temperature;
        Self::new(model, temperature).with_inner(inner_rule(spread))
    }

    /// The glass at the breakpoint where the pressure is stationary, and the theory with the nodes that it took.
    ///
    /// `None` above the thermodynamic transition: for P >= 3 no breakpoint below 1 is stationary there, for P = 2 q2 is 0.
    pub fn glass(&self) -> Option<Solution> {
        let limit = self.largest_breakpoint();
        let top = self.glass_of(limit)?;
        if top.slope <= 0.0 {
            return None;
        }
        // From the limit downwards: far below the root the glass may end, and with q2 = 0 the slope is 0.
        let slope = |theta: f64| self.glass_of(theta).map_or(f64::NAN, |glass| glass.slope);
        let (high, low) = first_bracket(slope, (0..=GRID.1).map(|k| limit * GRID.0.powi(k as i32)))?;
        let breakpoint = brent(slope, low, high, 1e-14).ok()?;
        let found = self.glass_of(breakpoint)?;
        let residual = found.residual.max(found.slope.abs() * breakpoint * breakpoint);
        Some(Solution { order: found.order, converged: residual <= TOLERANCE, residual })
    }

    /// The theory with the nodes that the glass of `order` takes.
    pub fn at_glass(&self, order: &Order) -> Self {
        self.clone().with_inner(inner_rule(self.spread_of_glass(order)))
    }

    /// `beta sqrt(v2)` of a glass.
    fn spread_of_glass(&self, order: &Order) -> f64 {
        if self.model.is_soft() {
            let (a1, a2) = self.gaps(order);
            return self.beta * (self.model.load * order.within / (a1 * a2)).sqrt();
        }
        self.beta * (self.model.crosstalk() * self.model.signal(order.within)).sqrt()
    }

    /// Breakpoints of P >= 3 end at 1, those of pairs below T as well: there `a1` is 0 once q2 is 1.
    fn largest_breakpoint(&self) -> f64 {
        if self.model.is_soft() { CLOSE * self.beta.recip().min(1.0) } else { 1.0 }
    }

    /// The glass of a breakpoint, `None` where there is only the paramagnet.
    fn glass_of(&self, breakpoint: f64) -> Option<Glass> {
        let within = if self.model.is_soft() { self.within_of_pairs(breakpoint)? } else { self.within_of_dense(breakpoint) };
        if within < FROZEN {
            return None;
        }
        let order = Order { magnetisation: 0.0, between: 0.0, within, breakpoint };
        let theory = self.at_glass(&order);
        let means = theory.means(&order);
        Some(Glass { order, slope: theory.slope(&order, &means), residual: (means.tanh_squared_within - within).abs() })
    }

    /// q2 by iteration from 1.
    fn within_of_dense(&self, breakpoint: f64) -> f64 {
        let order = |within: f64| Order { magnetisation: 0.0, between: 0.0, within, breakpoint };
        let map = |q: &[f64], into: &mut [f64]| into[0] = self.means(&order(q[0])).tanh_squared_within;
        Damped { damping: 1.0, ..Damped::default() }.solve(&[1.0], map).at[0]
    }

    /// q2 of pairs, whose iteration oscillates: the spread `w = beta sqrt(v2)` is the control, from which q2 and the load `w^2 a1 a2 / (beta^2 q2)`
    /// follow, and w is the root at which the load is the model's. The load rises with w where `a1` is above 0.
    fn within_of_pairs(&self, breakpoint: f64) -> Option<f64> {
        let excess = |w: f64| {
            let within = weighted_square(w, breakpoint);
            let (a1, a2) = self.gaps(&Order { magnetisation: 0.0, between: 0.0, within, breakpoint });
            if a1 <= 0.0 { -self.model.load } else { (w / self.beta).powi(2) * a1 * a2 / within - self.model.load }
        };
        let mut most = 1.0;
        while excess(most) < 0.0 {
            most *= 2.0;
            if most > 1e4 {
                return None;
            }
        }
        brent(excess, 1e-3, most, 0.0).ok().map(|w| weighted_square(w, breakpoint))
    }
}

/// A glass at some breakpoint.
struct Glass {
    order: Order,
    /// Slope of the pressure by theta.
    slope: f64,
    /// What is left of the equation of q2.
    residual: f64,
}

/// `[tanh^2(w z)]` under the weight `cosh^theta(w z)`.
fn weighted_square(w: f64, theta: f64) -> f64 {
    let rule = inner_rule(w);
    let top = theta * ln_cosh(w * rule.nodes[rule.nodes.len() - 1]);
    let (mut total, mut sum) = (0.0, 0.0);
    // Both are even: half of the nodes, the middle one counted once.
    let half = rule.nodes.len() / 2;
    for (at, (z, weight)) in rule.nodes.iter().zip(&rule.weights).enumerate().skip(half) {
        let share = if at == half { 1.0 } else { 2.0 };
        let weight = share * weight * (theta * ln_cosh(w * z) - top).exp();
        total += weight;
        sum += weight * (w * z).tanh().powi(2);
    }
    sum / total
}

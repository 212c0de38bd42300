//! One step of replica symmetry breaking at T = 0: `D = beta theta` stays finite while q2 -> 1.
//!
//! The field is `h = m^(P-1) + sqrt(v1) z1 + s z2`; the mean over z2 with the weight `exp(D |h|)` has a closed form, that over z1 is a trapezoid.
//! Sources: Crisanti, Amit and Gutfreund (1986) and Steffan and Kuehn (1994) for P = 2, Gardner (1987) and Albanese et al. (2021) beyond.

use super::model::Model;
use crate::theory::{
    Quadrature,
    newton::newton,
    normal_distribution::{ln_add_exp, ln_cumulative},
};
use std::f64::consts::PI;

/// A one-step-broken state at T = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrokenGroundState {
    /// m in [0, 1].
    pub magnetisation: f64,
    /// q1, overlap of replicas of different clusters, in [0, 1].
    pub overlap: f64,
    /// `D = lim beta theta`, above 0.
    pub breakpoint: f64,
    /// `C = lim beta (1 - q2)`, above 0.
    pub susceptibility: f64,
    /// Load at which the state exists.
    pub load: f64,
    /// Energy per spin, below 0.
    pub energy: f64,
    /// Whether the equations are solved; where not, the numbers are no solution.
    pub converged: bool,
    /// Largest of the equations' residuals.
    pub residual: f64,
}

/// Residuals of the equations that count as solved.
const TOLERANCE: f64 = 1e-11;
/// Nodes over z1: the means are analytic within `pi / (2 D sqrt(v1))` of the real axis, a multiple of the step of 0.01.
const NODES: usize = 1_601;

/// Means over z1, each of a mean over z2 with the weight `exp(D |h|)`, of total weight Z.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Means {
    /// `ln Z`.
    pub ln_weight: f64,
    /// `[sgn h]`.
    pub sign: f64,
    /// `[sgn h]^2`.
    pub sign_squared: f64,
    /// `2 delta / s`, the susceptibility C; `delta = phi(mu / s) / Z`.
    pub susceptibility: f64,
    /// `[|h|]`.
    pub field: f64,
}

/// The equations of one network: order and tuples of the model count, the load is an unknown like the others.
#[derive(Debug, Clone)]
pub struct BrokenTheory {
    model: Model,
    rule: Quadrature,
}

/// Unknowns in the order of the equations.
#[derive(Debug, Clone, Copy)]
struct Point {
    m: f64,
    q: f64,
    d: f64,
    c: f64,
    load: f64,
}

impl Point {
    fn is_inside(&self) -> bool {
        (0.0..=1.0).contains(&self.m) && (0.0..1.0).contains(&self.q) && self.d > 0.0 && self.c > 0.0 && self.load > 0.0
    }

    fn of(state: &BrokenGroundState) -> Self {
        Self { m: state.magnetisation, q: state.overlap, d: state.breakpoint, c: state.susceptibility, load: state.load }
    }
}

impl BrokenTheory {
    /// For the model's order and tuples.
    pub fn new(model: Model) -> Self {
        Self { model, rule: Quadrature::normal_trapezoid(NODES, 8.0) }
    }

    /// Order and tuples; the load is not read.
    pub fn model(&self) -> Model {
        self.model
    }

    /// `a1`, `a2` of P = 2: `1 - C - D (1 - q1)` and `1 - C`.
    fn gaps(point: &Point) -> (f64, f64) {
        (1.0 - point.c - point.d * (1.0 - point.q), 1.0 - point.c)
    }

    /// Variances v1 and `s^2 = v2 - v1` of the crosstalk.
    fn variances(&self, point: &Point) -> (f64, f64) {
        if self.model.is_soft() {
            let (a1, a2) = Self::gaps(point);
            return (point.load * point.q / (a1 * a1), point.load * (1.0 - point.q) / (a1 * a2));
        }
        let crosstalk = point.load * self.model.crosstalk_of_unit_load();
        let power = self.model.signal(point.q);
        (crosstalk * power, crosstalk * (1.0 - power))
    }

    fn means(&self, point: &Point) -> Means {
        let (v1, s2) = self.variances(point);
        let signal = self.model.signal(point.m);
        if v1 == 0.0 {
            return inner_means(signal, s2.sqrt(), point.d);
        }
        let mut sum = Means::default();
        for (z, weight) in self.rule.nodes.iter().zip(&self.rule.weights) {
            let at = inner_means(signal + v1.sqrt() * z, s2.sqrt(), point.d);
            sum.ln_weight += weight * at.ln_weight;
            sum.sign += weight * at.sign;
            sum.sign_squared += weight * at.sign_squared;
            sum.susceptibility += weight * at.susceptibility;
            sum.field += weight * at.field;
        }
        sum
    }

    /// `F(x) - x` of m, q1 and C, and the slope of `A / beta` by D, times D^2.
    fn residuals(&self, point: &Point) -> [f64; 4] {
        if !point.is_inside() || (self.model.is_soft() && Self::gaps(point).0 <= 0.0) {
            return [f64::NAN; 4];
        }
        let means = self.means(point);
        let (q, d) = (point.q, point.d);
        let mut slope = means.field / d - means.ln_weight / (d * d);
        if self.model.is_soft() {
            let (a1, a2) = Self::gaps(point);
            slope += 0.5 * point.load * ((a1 / a2).ln() / (d * d) + (1.0 - q) / (d * a1) - (1.0 - q) / (a1 * a2));
        } else {
            let crosstalk = point.load * self.model.crosstalk_of_unit_load();
            slope -= 0.5 * crosstalk * self.model.share_below() * (1.0 - q * self.model.signal(q));
        }
        // Times D^2, so that it is of the size of the others however large D.
        [means.sign - point.m, means.sign_squared - q, means.susceptibility - point.c, slope * d * d]
    }

    fn energy(&self, point: &Point) -> f64 {
        let (m, q, d) = (point.m, point.q, point.d);
        let pressure = self.means(point).ln_weight / d - self.model.share_below() * m * self.model.signal(m);
        if self.model.is_soft() {
            let (a1, a2) = Self::gaps(point);
            let (v1, s2) = self.variances(point);
            let soft = 0.5 * point.load * ((a1 / a2).ln() / d - q / a1);
            return soft - pressure + 0.5 * ((v1 + s2) * point.c + d * (v1 + s2 - v1 * q));
        }
        let crosstalk = point.load * self.model.crosstalk_of_unit_load();
        0.5 * crosstalk * self.model.share_below() * d * (1.0 - q * self.model.signal(q)) - pressure
    }

    fn state(&self, point: Point, converged: bool, residual: f64) -> BrokenGroundState {
        BrokenGroundState {
            magnetisation: point.m,
            overlap: point.q,
            breakpoint: point.d,
            susceptibility: point.c,
            load: point.load,
            energy: self.energy(&point),
            converged,
            residual,
        }
    }

    /// The state at the load of `guess`, near it.
    pub fn at_load(&self, guess: &BrokenGroundState) -> BrokenGroundState {
        let point = |x: &[f64]| Point { m: x[0], q: 1.0 - x[1].exp(), d: x[2].exp(), c: x[3].exp(), load: guess.load };
        let start = [guess.magnetisation, (1.0 - guess.overlap).ln(), guess.breakpoint.ln(), guess.susceptibility.ln()];
        let found = newton(|x, into| into.copy_from_slice(&self.residuals(&point(x))), &start, TOLERANCE);
        self.state(point(&found.at), found.converged, found.residual)
    }

    /// The state of magnetisation `m`, near `guess`; its load is an unknown. Works on both sides of the fold at which the load is largest.
    pub fn at_magnetisation(&self, m: f64, guess: &BrokenGroundState) -> BrokenGroundState {
        let point = |x: &[f64]| Point { m, load: x[0].exp(), q: 1.0 - x[1].exp(), d: x[2].exp(), c: x[3].exp() };
        let guess = Point::of(guess);
        let start = [guess.load.ln(), (1.0 - guess.q).ln(), guess.d.ln(), guess.c.ln()];
        let found = newton(|x, into| into.copy_from_slice(&self.residuals(&point(x))), &start, TOLERANCE);
        self.state(point(&found.at), found.converged, found.residual)
    }

    /// The retrieval state at a load: damped iteration of m, q1 and C under a grid of D, from which Newton's method starts where the slope by D
    /// changes its sign. `None` where the grid has no such place or Newton's method does not converge to a state with m above 0; close to the largest load
    /// iteration falls off the branch.
    pub fn by_iteration(&self, load: f64) -> Option<BrokenGroundState> {
        let mut last: Option<f64> = None;
        let mut point = Point { m: 1.0, q: 0.999, d: 0.0, c: 0.05, load };
        for step in 0..=40 {
            point.d = 300.0 * (-0.14 * f64::from(step)).exp();
            point = self.settle(point);
            let slope = self.residuals(&point)[3];
            if last.is_some_and(|before| before * slope < 0.0) {
                let found = self.at_load(&self.state(point, false, slope.abs()));
                if found.converged && found.magnetisation > 0.1 {
                    return Some(found);
                }
            }
            last = Some(slope);
        }
        None
    }

    /// Forty damped steps of m, q1 and C at fixed D.
    fn settle(&self, mut point: Point) -> Point {
        for _ in 0..40 {
            let [m, q, c, _] = self.residuals(&point);
            if m.is_nan() {
                break;
            }
            point.m += 0.5 * m;
            point.q = (point.q + 0.5 * q).min(1.0 - 1e-9);
            point.c += 0.5 * c;
        }
        point
    }
}

/// Means over z2 at the outer field mu.
fn inner_means(mu: f64, s: f64, d: f64) -> Means {
    let above = d * mu + ln_cumulative(mu / s + d * s);
    let below = -d * mu + ln_cumulative(-mu / s + d * s);
    let both = ln_add_exp(above, below);
    let ln_weight = 0.5 * d * d * s * s + both;
    let sign = (above - both).exp() - (below - both).exp();
    let delta = (-0.5 * (mu / s).powi(2) - 0.5 * (2.0 * PI).ln() - ln_weight).exp();
    let field = d * s * s + mu * sign + 2.0 * s * delta;
    Means { ln_weight, sign, sign_squared: sign * sign, susceptibility: 2.0 * delta / s, field }
}

/// The means over z2 at an outer field of 0, where `[sgn h] = 0`: what a glass without a pattern needs.
pub(super) fn means_without_field(s: f64, d: f64) -> Means {
    inner_means(0.0, s, d)
}

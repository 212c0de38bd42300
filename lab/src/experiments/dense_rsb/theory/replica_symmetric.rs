//! The replica-symmetric theory at T > 0: self-consistency, pressure, its slope, and stability.
//!
//! `m = <tanh g>`, `q = <tanh^2 g>`, `g = beta (m^(P-1) + sqrt(v) z)` with z standard normal. Sources: Amit, Gutfreund and Sompolinsky (1987) for
//! P = 2, Gardner (1987) and Albanese et al. (2021), arXiv 2111.12997, beyond.

use super::model::{Model, quadrature};
use crate::theory::{Damped, Quadrature, normal_distribution::ln_cosh, root_finding::brent};

/// The replica-symmetric theory of one network at one temperature.
#[derive(Debug, Clone)]
pub struct ReplicaSymmetric {
    model: Model,
    beta: f64,
    rule: Quadrature,
    damped: Damped,
}

/// A solution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solution {
    /// m, overlap of the state with its pattern, in [-1, 1].
    pub magnetisation: f64,
    /// q, overlap of two replicas, in [0, 1].
    pub overlap: f64,
    /// Whether the iteration converged; where not, the numbers are no solution.
    pub converged: bool,
    /// Evaluations of the map.
    pub iterations: usize,
    /// `max |F(x) - x|` at the end.
    pub residual: f64,
}

impl ReplicaSymmetric {
    /// Panics for a temperature that is not above 0: [`super::ground_state`] has the limit.
    pub fn new(model: Model, temperature: f64) -> Self {
        Self::with(model, temperature, quadrature(temperature), Damped { damping: 0.7, ..Damped::default() })
    }

    /// With a rule for means over a normal variable and a way to iterate. Panics as [`ReplicaSymmetric::new`] does.
    pub fn with(model: Model, temperature: f64, rule: Quadrature, damped: Damped) -> Self {
        assert!(temperature > 0.0, "a temperature above 0; got {temperature}");
        Self { model, beta: 1.0 / temperature, rule, damped }
    }

    /// Variance v of the crosstalk.
    pub fn variance(&self, overlap: f64) -> f64 {
        if self.model.is_soft() {
            self.model.load * overlap / self.susceptibility_gap(overlap).powi(2)
        } else {
            self.model.crosstalk() * self.model.signal(overlap)
        }
    }

    /// `a = 1 - beta (1 - q)`.
    fn susceptibility_gap(&self, overlap: f64) -> f64 {
        1.0 - self.beta * (1.0 - overlap)
    }

    /// `<f(g)>`.
    fn mean(&self, m: f64, q: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
        let (signal, spread) = (self.beta * self.model.signal(m), self.beta * self.variance(q).sqrt());
        self.rule.sum(|z| f(signal + spread * z))
    }

    /// `<tanh g>` and `<tanh^2 g>`.
    fn images(&self, m: f64, q: f64) -> (f64, f64) {
        let mut squares = 0.0;
        let mut at = self.rule.weights.iter();
        let mean = self.mean(m, q, |g| {
            let answer = g.tanh();
            squares += at.next().map_or(0.0, |weight| weight * answer * answer);
            answer
        });
        (mean, squares)
    }

    /// The solution that damped iteration reaches from `magnetisation` and `overlap`.
    pub fn solve(&self, magnetisation: f64, overlap: f64) -> Solution {
        let found = self.damped.solve(&[magnetisation, overlap], |x, into| (into[0], into[1]) = self.images(x[0], x[1]));
        let (magnetisation, overlap) = (found.at[0], found.at[1]);
        Solution { magnetisation, overlap, converged: found.converged, iterations: found.iterations, residual: found.residual }
    }

    /// The retrieval branch, reached from m = q = 1. Beyond the spinodal it ends at m = 0.
    pub fn retrieval(&self) -> Solution {
        self.solve(1.0, 1.0)
    }

    /// The glass without a pattern, m = 0; above the temperature of the glass it ends at q = 0.
    ///
    /// For P >= 3 reached from q = 1. For P = 2 iteration oscillates: there the spread `w = beta sqrt(v)` is the control, from which q and the load
    /// follow, and w is the root at which the load is the model's.
    pub fn glass(&self) -> Solution {
        if !self.model.is_soft() {
            return self.solve(0.0, 1.0);
        }
        let overlap = |w: f64| self.rule.sum(|z| (w * z).tanh().powi(2));
        let excess = |w: f64| {
            let (q, a) = (overlap(w), self.susceptibility_gap(overlap(w)));
            if a <= 0.0 { -self.model.load } else { (w * a / self.beta).powi(2) / q - self.model.load }
        };
        let mut most = 1.0;
        while excess(most) < 0.0 {
            most *= 2.0;
        }
        let q = brent(excess, 1e-6, most, 0.0).map_or(0.0, overlap);
        let (_, image) = self.images(0.0, q);
        let residual = (image - q).abs();
        Solution { magnetisation: 0.0, overlap: q, converged: residual <= 1e-11, iterations: 1, residual }
    }

    /// Pressure `A = -beta f` per spin at any m and q; stationary in both where they solve the self-consistency.
    pub fn pressure(&self, m: f64, q: f64) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let free = std::f64::consts::LN_2 + self.mean(m, q, ln_cosh) - beta * model.share_below() * m * model.signal(m);
        if model.is_soft() {
            let a = self.susceptibility_gap(q);
            return free - 0.5 * model.load * (a.ln() - beta * q / a) - 0.5 * beta * beta * self.variance(q) * (1.0 - q);
        }
        let power = model.signal(q);
        free + 0.5 * beta * beta * model.crosstalk() * (1.0 - power - model.share_below() * (1.0 - q * power))
    }

    /// `dA / d beta` at a solution, in closed form: the energy per spin with its sign turned.
    pub fn pressure_by_beta(&self, m: f64, q: f64) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let signal = m * model.signal(m) / f64::from(model.order);
        if model.is_soft() {
            let a = self.susceptibility_gap(q);
            return signal + 0.5 * model.load * (1.0 / a + beta * q * (1.0 - q) / (a * a));
        }
        signal + beta * model.crosstalk() * (1.0 - q * model.signal(q)) / f64::from(model.order)
    }

    /// `dA / d alpha` at a solution, in closed form.
    pub fn pressure_by_load(&self, q: f64) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        if model.is_soft() {
            let a = self.susceptibility_gap(q);
            return -0.5 * (a.ln() - beta * q / a);
        }
        0.5 * beta * beta * model.crosstalk_of_unit_load() * (1.0 - q * model.signal(q)) / f64::from(model.order)
    }

    /// The replicon: above 0 where the solution is stable against breaking the symmetry of replicas (de Almeida and Thouless, 1978).
    ///
    /// `1 - beta^2 B (P-1) q^(P-2) <sech^4 g>`; for P = 2 `1 - alpha beta^2 <sech^4 g> / a^2`.
    pub fn replicon(&self, m: f64, q: f64) -> f64 {
        let (model, beta) = (&self.model, self.beta);
        let curvature = if model.is_soft() {
            model.load / self.susceptibility_gap(q).powi(2)
        } else {
            model.crosstalk() * f64::from(model.order - 1) * q.powi(model.order as i32 - 2)
        };
        1.0 - beta * beta * curvature * self.mean(m, q, |g| (1.0 - g.tanh().powi(2)).powi(2))
    }
}

//! What the examples ask of a student: the energetic part of the free energy and the conjugates that follow from it.

use crate::theory::{Quadrature, normal_distribution};

/// Nodes for each of the two normal variables.
const NODES: usize = 60;
/// How close to the border of `r² < q <= Q < 1` the order parameters are taken.
const BORDER: f64 = 1e-12;

/// Order parameters of a student: overlap of two of them, with its teacher, and with itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// Overlap of two students drawn for the same examples (q), in (0, 1).
    pub q: f64,
    /// Overlap with the teacher (r), `r² < q`.
    pub r: f64,
    /// Overlap with itself (Q), `q <= Q < 1`.
    pub norm: f64,
}

/// What conjugates act on the mean of a weight: `(norm - q / 2) m² + sqrt(q) z m + r m`.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Conjugates {
    /// Of `q`.
    pub q: f64,
    /// Of `r`.
    pub r: f64,
    /// Of `Q`.
    pub norm: f64,
}

/// The energetic part and its slopes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// `E(q, r, Q)`.
    pub value: f64,
    /// By `q`, `r` and `Q`.
    pub slopes: [f64; 3],
}

/// Quadrature for the energetic part at an inverse temperature.
#[derive(Debug, Clone)]
pub struct Energetics {
    rule: Quadrature,
    inverse_temperature: f64,
}

impl Energetics {
    /// That of an inverse temperature (b).
    pub fn new(inverse_temperature: f64) -> Self {
        Self { rule: Quadrature::hermite(NODES), inverse_temperature }
    }

    /// `E(q, r, Q) = 2 int Dz Phi(z r / sqrt(q - r²)) ln int Dx Phi((sqrt(q) z + sqrt(Q - q) x) / sqrt(1 - Q))^b`, replica symmetric.
    ///
    /// Slopes are those of the integrand. Source: Li, Huang, Zou, Huang (2022), arXiv 2212.02846, for a teacher of binary weights.
    pub fn at(&self, order: Order) -> Energy {
        let norm = order.norm.min(1.0 - BORDER);
        let q = order.q.clamp(BORDER, norm);
        let apart = (norm - q).max(BORDER).sqrt();
        let rest = (q - order.r * order.r).max(BORDER);
        let free = (1.0 - norm).sqrt();
        let (mut value, mut slopes) = (0.0, [0.0; 3]);
        for (z, weight) in self.rule.nodes.iter().zip(&self.rule.weights) {
            let [inner, by_q, by_norm] = self.inner(*z, q.sqrt(), apart, free);
            let u = z * order.r / rest.sqrt();
            let (share, density) = (normal_distribution::cumulative(u), normal_distribution::density(u));
            value += 2.0 * weight * share * inner;
            slopes[0] += 2.0 * weight * (share * by_q - density * 0.5 * u / rest * inner);
            slopes[1] += 2.0 * weight * density * z * q / rest.powf(1.5) * inner;
            slopes[2] += 2.0 * weight * share * by_norm;
        }
        Energy { value, slopes }
    }

    /// `ln int Dx Phi(A)^b` and its slopes by `q` and `Q`.
    fn inner(&self, z: f64, root_q: f64, apart: f64, free: f64) -> [f64; 3] {
        let b = self.inverse_temperature;
        let (mut logs, mut most) = ([0.0; NODES], f64::NEG_INFINITY);
        let argument = |x: f64| (root_q * z + apart * x) / free;
        for ((log, x), weight) in logs.iter_mut().zip(&self.rule.nodes).zip(&self.rule.weights) {
            *log = normal_distribution::ln_cumulative(argument(*x));
            most = most.max(b * *log + weight.ln());
        }
        let (mut sum, mut by_q, mut by_norm) = (0.0, 0.0, 0.0);
        for ((log, x), weight) in logs.iter().zip(&self.rule.nodes).zip(&self.rule.weights) {
            let power = (b * log - most).exp() * weight;
            let argument = argument(*x);
            // phi(A) / Phi(A), the slope of ln Phi.
            let slope = power * (-0.5 * argument * argument - 0.5 * (2.0 * std::f64::consts::PI).ln() - log).exp();
            sum += power;
            by_q += slope * (z / (2.0 * root_q) - x / (2.0 * apart)) / free;
            by_norm += slope * (x / (2.0 * apart * free) + argument / (2.0 * free * free));
        }
        [most + sum.ln(), b * by_q / sum, b * by_norm / sum]
    }

    /// Conjugates of the order parameters at `alpha` examples per weight: `-2 alpha dE/dq`, `alpha dE/dr`, `alpha dE/dQ`.
    pub fn conjugates(&self, order: Order, alpha: f64) -> Conjugates {
        let [by_q, by_r, by_norm] = self.at(order).slopes;
        Conjugates { q: (-2.0 * alpha * by_q).max(0.0), r: alpha * by_r, norm: alpha * by_norm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_equal_finite_differences() {
        for inverse_temperature in [20.0, 100.0] {
            let energetics = Energetics::new(inverse_temperature);
            for (q, r, norm) in [(0.26, 0.36, 0.27), (0.1, 0.15, 0.14), (0.6, 0.72, 0.62), (0.3, -0.2, 0.5)] {
                let found = energetics.at(Order { q, r, norm }).slopes;
                let value = |q, r, norm| energetics.at(Order { q, r, norm }).value;
                let h = 1e-6;
                let expected = [
                    (value(q + h, r, norm) - value(q - h, r, norm)) / (2.0 * h),
                    (value(q, r + h, norm) - value(q, r - h, norm)) / (2.0 * h),
                    (value(q, r, norm + h) - value(q, r, norm - h)) / (2.0 * h),
                ];
                for (found, expected) in found.iter().zip(expected) {
                    assert!(
                        (found - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                        "{inverse_temperature} {q} {r} {norm}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn without_any_overlap_every_example_is_a_coin() {
        // As Q and q go to 0 every example has probability one half: E = b ln(1/2).
        let energy = Energetics::new(1.0).at(Order { q: 1e-9, r: 0.0, norm: 2e-9 });
        assert!((energy.value - 0.5f64.ln()).abs() < 1e-4, "{energy:?}");
    }
}

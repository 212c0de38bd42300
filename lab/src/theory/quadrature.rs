//! Quadrature rules: Gauss-Hermite for means over the normal distribution, Gauss-Legendre and the trapezoid on an interval.

use super::{normal_distribution::density, root_finding::brent};
use std::f64::consts::PI;

/// Nodes, ascending, and their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadrature {
    /// Where the function is asked.
    pub nodes: Vec<f64>,
    /// What its values count.
    pub weights: Vec<f64>,
}

/// Most nodes of Gauss-Hermite; beyond about 700 the functions that it is computed from underflow at the outer nodes.
const MOST_HERMITE_NODES: usize = 500;
/// Most nodes of Gauss-Legendre.
const MOST_LEGENDRE_NODES: usize = 2_000;

impl Quadrature {
    /// Means over a standard normal variable, `E f(z) = sum_k w_k f(z_k)`: probabilists' Gauss-Hermite, exact for polynomials of degree
    /// below `2 n`. The weights sum to 1.
    ///
    /// `n` in 1..=500, else it panics; weights below 1e-308 are 0. Steps and kinks (a sign, or `tanh(x / T)` at small T) converge slowly or
    /// not at all: use [`Quadrature::normal_trapezoid`] or a closed form there.
    pub fn hermite(n: usize) -> Self {
        assert!((1..=MOST_HERMITE_NODES).contains(&n), "1 to {MOST_HERMITE_NODES} nodes; got {n}");
        let mut positive: Vec<(f64, f64)> = (0..n / 2).map(|k| hermite_root(n, hermite_guess(n, k))).collect();
        if n % 2 == 1 {
            positive.push(hermite_root(n, 0.0));
        }
        Self::mirrored(&positive, n)
    }

    /// Integrals over `[low, high]`: Gauss-Legendre, exact for polynomials of degree below `2 n`. The weights sum to `high - low`.
    ///
    /// `n` in 1..=2,000 and finite ends, else it panics.
    pub fn legendre(n: usize, low: f64, high: f64) -> Self {
        assert!((1..=MOST_LEGENDRE_NODES).contains(&n), "1 to {MOST_LEGENDRE_NODES} nodes; got {n}");
        assert!(low.is_finite() && high.is_finite(), "a finite interval; got {low} to {high}");
        let positive: Vec<(f64, f64)> = (0..n.div_ceil(2))
            .map(|k| {
                // Tricomi's approximation of the k-th largest root.
                let mut x = (PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
                if n % 2 == 1 && k == n / 2 {
                    x = 0.0;
                }
                for _ in 0..100 {
                    let (value, slope) = legendre_polynomial(n, x);
                    let step = value / slope;
                    x -= step;
                    if step.abs() <= 1e-16 {
                        break;
                    }
                }
                let slope = legendre_polynomial(n, x).1;
                (x, 2.0 / ((1.0 - x * x) * slope * slope))
            })
            .collect();
        let mut rule = Self::mirrored(&positive, n);
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        rule.nodes.iter_mut().for_each(|node| *node = middle + half * *node);
        rule.weights.iter_mut().for_each(|weight| *weight *= half);
        rule
    }

    /// Means over a standard normal variable cut at `reach`: the trapezoid on `[-reach, reach]`, its weights normalised to sum 1.
    ///
    /// For what Gauss-Hermite cannot do, steep functions: the error is that of the step `2 reach / (n - 1)` against the width of the
    /// steepest part. `n` at least 3 and `reach` above 0, else it panics; a reach of 8 leaves out 1.2e-15.
    pub fn normal_trapezoid(n: usize, reach: f64) -> Self {
        assert!(n >= 3 && reach > 0.0, "at least 3 nodes and a reach above 0; got {n} and {reach}");
        let step = 2.0 * reach / (n - 1) as f64;
        // Written about the middle, so that the nodes are symmetric to the bit.
        let nodes: Vec<f64> = (0..n).map(|k| (k as f64 - 0.5 * (n - 1) as f64) * step).collect();
        let end = |k: usize| if k == 0 || k == n - 1 { 0.5 } else { 1.0 };
        let mut weights: Vec<f64> = nodes.iter().enumerate().map(|(k, node)| end(k) * density(*node)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Self { nodes, weights }
    }

    /// `sum_k w_k f(x_k)`.
    pub fn sum(&self, mut function: impl FnMut(f64) -> f64) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(node, weight)| weight * function(*node)).sum()
    }

    /// A symmetric rule of `n` nodes from those that are not negative, largest first.
    fn mirrored(positive: &[(f64, f64)], n: usize) -> Self {
        let negative = positive.iter().map(|(node, weight)| (-node, *weight));
        // An odd rule has its middle node once.
        let (nodes, weights) = negative.take(n / 2).chain(positive.iter().rev().copied()).unzip();
        Self { nodes, weights }
    }
}

/// Where the root number k of `He_n` lies, from 0 for the largest, k below n / 2: the phase of the WKB approximation inside the turning
/// point `a cos(theta)`, `a^2 = 4 n + 2`, is `(2 n + 1)/4 (2 theta - sin 2 theta) = pi (k + 3/4)` there. Off by a few hundredths of the
/// spacing at most.
fn hermite_guess(n: usize, k: usize) -> f64 {
    let order = (2 * n + 1) as f64;
    let phase = |theta: f64| 0.25 * order * (2.0 * theta - (2.0 * theta).sin()) - PI * (k as f64 + 0.75);
    let theta = brent(phase, 0.0, 0.5 * PI, 1e-12).unwrap_or(0.5 * PI);
    (2.0 * order).sqrt() * theta.cos()
}

/// The root of `He_n` near `x` and its weight.
fn hermite_root(n: usize, mut x: f64) -> (f64, f64) {
    for _ in 0..100 {
        let (value, before) = hermite_functions(n, x);
        // He_n' = n He_(n-1); what makes functions of the polynomials cancels.
        let step = value / ((n as f64).sqrt() * before);
        x -= step;
        if step.abs() <= 4.0 * f64::EPSILON * x.abs().max(1.0) {
            break;
        }
    }
    let before = hermite_functions(n, x).1;
    // w = n! / (n He_(n-1))^2 = exp(-x^2 / 2) / (n h_(n-1)^2).
    (x, (-0.5 * x * x).exp() / (n as f64 * before * before))
}

/// `h_n` and `h_(n-1)` at x, where `h_k = He_k / sqrt(k!) exp(-x^2 / 4)`: nothing overflows up to the largest root.
fn hermite_functions(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, (-0.25 * x * x).exp());
    for k in 0..n {
        let next = (x * value - (k as f64).sqrt() * before) / ((k + 1) as f64).sqrt();
        (before, value) = (value, next);
    }
    (value, before)
}

/// `P_n` and its slope at x, |x| < 1.
fn legendre_polynomial(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 0..n {
        let next = ((2 * k + 1) as f64 * x * value - k as f64 * before) / (k + 1) as f64;
        (before, value) = (value, next);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::normal_distribution::ln_cosh;
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found:e} is not {expected:e}");
    }

    #[test]
    fn rules_of_five_nodes_in_closed_form() {
        let rule = Quadrature::hermite(5);
        for (at, node, weight) in [
            (2, 0.0, 8.0 / 15.0),
            (3, 1.355_626_179_974_266, 0.222_075_922_005_612_64),
            (4, 2.856_970_013_872_805_7, 0.011_257_411_327_720_69),
        ] {
            assert!((rule.nodes[at] - node).abs() < 1e-15 && (rule.nodes[4 - at] + node).abs() < 1e-15, "{rule:?}");
            close(rule.weights[at], weight, 4e-15);
            close(rule.weights[4 - at], weight, 4e-15);
        }
        let rule = Quadrature::legendre(5, -1.0, 1.0);
        for (at, node, weight) in [
            (2, 0.0, 128.0 / 225.0),
            (3, 0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
            (4, 0.906_179_845_938_664, 0.236_926_885_056_189_09),
        ] {
            assert!((rule.nodes[at] - node).abs() < 1e-15 && (rule.nodes[4 - at] + node).abs() < 1e-15, "{rule:?}");
            close(rule.weights[at], weight, 4e-15);
        }
    }

    #[test]
    fn nodes_of_large_rules() {
        // References computed with 50 digits.
        let rule = Quadrature::hermite(120);
        close(rule.nodes[119], 20.897_349_687_416_616, 1e-15);
        close(rule.weights[119], 5.477_570_156_422_411e-96, 1e-12);
        close(rule.nodes[60], 0.143_096_021_485_458_15, 1e-14);
        close(rule.weights[60], 0.113_012_728_743_004_77, 1e-14);
        let rule = Quadrature::legendre(240, -1.0, 1.0);
        close(rule.nodes[239], 0.999_950_007_741_625_7, 1e-15);
        close(rule.weights[239], 0.000_128_295_209_986_382_03, 1e-11);
    }

    #[test]
    fn every_rule_ascends_and_integrates_what_it_must() {
        for n in 1..=MOST_HERMITE_NODES {
            let rule = Quadrature::hermite(n);
            assert!(rule.nodes.len() == n && rule.nodes.is_sorted_by(|a, b| a < b), "{n}");
            close(rule.weights.iter().sum(), 1.0, 1e-13);
            if n >= 4 {
                close(rule.sum(|z| z * z), 1.0, 1e-13);
                close(rule.sum(|z| z.powi(6)), 15.0, 1e-12);
            }
        }
        for n in [1, 2, 3, 7, 64, 121, 500, MOST_LEGENDRE_NODES] {
            let rule = Quadrature::legendre(n, -1.0, 3.0);
            assert!(rule.nodes.len() == n && rule.nodes.is_sorted_by(|a, b| a < b), "{n}");
            close(rule.weights.iter().sum(), 4.0, 1e-13);
            close(rule.sum(|x| x), 4.0, 1e-13);
            if n >= 64 {
                close(rule.sum(|x| x.exp()), 3f64.exp() - (-1f64).exp(), 1e-13);
            }
        }
    }

    #[test]
    fn means_over_the_normal_distribution() {
        // E ln cosh z and E tanh^2 z, computed with 50 digits; E cos z = exp(-1/2).
        for rule in [Quadrature::hermite(120), Quadrature::normal_trapezoid(601, 8.0)] {
            close(rule.sum(f64::cos), (-0.5f64).exp(), 1e-13);
            close(rule.sum(ln_cosh), 0.374_567_207_491_437_97, 1e-12);
            close(rule.sum(|z| z.tanh().powi(2)), 0.394_294_490_397_841_17, 1e-11);
        }
    }

    #[test]
    fn a_step_needs_the_trapezoid() {
        // E |tanh(z / T)| at T = 0.02 is 1 less about 2 T ln 2 phi(0).
        let steep = |z: f64| (z / 0.02).tanh().abs();
        let fine = Quadrature::normal_trapezoid(60_001, 8.0).sum(steep);
        assert!((fine - (1.0 - 0.04 * 2f64.ln() * density(0.0))).abs() < 1e-4, "{fine}");
        assert!((Quadrature::normal_trapezoid(6_001, 8.0).sum(steep) - fine).abs() < 1e-4);
        assert!((Quadrature::hermite(120).sum(steep) - fine).abs() > 1e-3, "Gauss-Hermite does not see the step");
    }
}

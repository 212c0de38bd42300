//! What the paper proves: how far one update lands from its pattern, and how many random patterns can be stored.

/// A proven lower bound on the number of random patterns on a sphere of radius `K sqrt(d - 1)` that can be stored.
///
/// `n >= sqrt(p) c^((d - 1) / 4)` with `c = b / W0(exp(a + ln b))`, `a = 2 (1 + ln(2 beta K^2 p (d - 1))) / (d - 1)`,
/// `b = 2 K^2 beta / 5`, where `p` is the probability of failure, in (0, 1). Ramsauer et al. (2020), theorem 3.
#[derive(Debug, Clone, Copy)]
pub struct Guarantee {
    /// Base of the exponential growth.
    pub base: f64,
    /// Patterns guaranteed.
    pub patterns: f64,
}

/// See [`Guarantee`]; `dim` above 1.
pub fn guarantee(beta: f64, radius: f64, dim: usize, failure: f64) -> Guarantee {
    let free = (dim - 1) as f64;
    let a = 2.0 / free * (1.0 + (2.0 * beta * radius * radius * failure * free).ln());
    let b = 2.0 * radius * radius * beta / 5.0;
    let base = b / lambert_w_of_exp(a + b.ln());
    Guarantee { base, patterns: failure.sqrt() * base.powf(free / 4.0) }
}

/// `W0(exp(y))`: the w above 0 with `w + ln w = y`, by Newton's method, for any finite `y`.
pub fn lambert_w_of_exp(y: f64) -> f64 {
    // In ln w, `exp(u) + u = y` is convex and rising, so that Newton's steps from the right never leave the domain.
    let mut u = if y > 1.0 { y.ln() } else { y };
    for _ in 0..100 {
        let step = (u.exp() + u - y) / (u.exp() + 1.0);
        u -= step;
        if step.abs() <= 1e-15 * u.abs().max(1.0) {
            break;
        }
    }
    u.exp()
}

/// Bound on `||f(xi) - x_i||` after one update: `2 (n - 1) M exp(-beta (separation - 2 M offset))`, where `offset` is the larger of the
/// distances from `x_i` to the cue and to the fixed point near it. Above 2 M it says nothing. Ramsauer et al. (2020), theorem 5.
pub fn one_step_bound(patterns: usize, largest_norm: f64, beta: f64, separation: f64, offset: f64) -> f64 {
    2.0 * (patterns - 1) as f64 * largest_norm * (-beta * (separation - 2.0 * largest_norm * offset)).exp()
}

/// The separation from which a pattern has a fixed point close to it: `2 / (beta n) + ln(2 (n - 1) n beta M^2) / beta`, n above 1.
pub fn needed_separation(patterns: usize, largest_norm: f64, beta: f64) -> f64 {
    let n = patterns as f64;
    2.0 / (beta * n) + (2.0 * (n - 1.0) * n * beta * largest_norm * largest_norm).ln() / beta
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_of_the_paper() {
        // Theorem 3 states c >= 3.1546 and c >= 1.3718.
        assert!((guarantee(1.0, 3.0, 20, 1e-3).base - 3.154_610_77).abs() < 1e-7);
        assert!((guarantee(1.0, 1.0, 75, 1e-3).base - 1.371_877_77).abs() < 1e-7);
    }

    #[test]
    fn lambert_w_inverts_its_definition() {
        assert!((lambert_w_of_exp(1.0) - 1.0).abs() < 1e-15);
        assert!((lambert_w_of_exp(0.0) - 0.567_143_290_409_783_8).abs() < 1e-15);
        for y in [-700.0, -20.0, -1.0, 0.3, 5.0, 40.0, 700.0, 1e6] {
            let w = lambert_w_of_exp(y);
            assert!((w + w.ln() - y).abs() < 1e-12 * y.abs().max(1.0), "{y}");
        }
    }

    #[test]
    fn bound_and_separation_by_hand() {
        assert!((one_step_bound(3, 2.0, 1.0, 4.0, 0.5) - 8.0 * (-2f64).exp()).abs() < 1e-15);
        assert!((needed_separation(2, 1.0, 1.0) - (1.0 + 4f64.ln())).abs() < 1e-15);
    }
}

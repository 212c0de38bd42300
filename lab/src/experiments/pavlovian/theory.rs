//! What is expected of an associative memory of random pairs: interference, capacity by three criteria, depth, width and heads.
//!
//! All formulas were derived here, save the layered network, whose recursion is that of Domany, Meir and Kinzel (1986), Europhys. Lett. 2:175.
//! The paper's own constants and theorems are not known to us.

use crate::theory::{
    normal_distribution::{erf, erfc, quantile, upper_tail},
    root_finding::brent,
};
use std::f64::consts::{LN_2, PI, SQRT_2};

/// Load n/d above which a layered network with sign clean-up loses more bits with every layer (Domany, Meir, Kinzel 1986);
/// [`critical_load`] computes it.
pub const CRITICAL_LOAD: f64 = 0.269_06;
/// Precision of roots, relative to their bracket.
const TOLERANCE: f64 = 1e-13;

/// Relative power of interference `nu = (n - 1) / d_k`: the sum over the n - 1 other pairs of the squared overlap of two random keys.
pub fn interference(pairs: usize, key_dim: usize) -> f64 {
    (pairs as f64 - 1.0) / key_dim as f64
}

/// The same for keys whose cosines have the mean `correlation`: `(n - 1) (c^2 + (1 - c^2) / d_k)`.
pub fn correlated_interference(pairs: usize, key_dim: usize, correlation: f64) -> f64 {
    let square = correlation * correlation;
    (pairs as f64 - 1.0) * (square + (1.0 - square) / key_dim as f64)
}

/// The same for keys of length 1 that share a common part: `k = sqrt(c) m + sqrt(1 - c) s` divided by its length, which varies with the chance
/// overlap of the parts. Their cosines have the mean `c - c (1 - c) (2 - 3 c) / d_k` and the variance `(1 - c)^2 (1 + 2 c (1 - c)) / d_k`, up to
/// terms of 1 / d_k^2.
pub fn unit_correlated_interference(pairs: usize, key_dim: usize, correlation: f64) -> f64 {
    let (c, rest, dim) = (correlation, 1.0 - correlation, key_dim as f64);
    let mean = c - c * rest * (2.0 - 3.0 * c) / dim;
    (pairs as f64 - 1.0) * (mean * mean + rest * rest * (1.0 + 2.0 * c * rest) / dim)
}

/// Relative error of pairs written once by the delta rule at rate 1, the mean over pairs, up to terms of 1 / d_k^2 per pair.
///
/// A pair is exact when it is written. A later one of error R = 2 - (1 - 1/d)^t, the t-th of all, changes what it reads by R times a chance
/// overlap: `E' = E + (R - 2 E - 2 C) / d`, where C, the product of its error with its value, is `(1 - 1/d)^m - 1` after m later pairs.
pub fn delta_error(pairs: usize, key_dim: usize) -> f64 {
    let dim = key_dim as f64;
    let keep = 1.0 - 1.0 / dim;
    let of_pair = |written: usize| {
        let mut error = 0.0;
        for t in written..pairs {
            let along = keep.powi((t - written) as i32) - 1.0;
            error += (2.0 - keep.powi(t as i32) - 2.0 * error - 2.0 * along) / dim;
        }
        error
    };
    (1..=pairs).map(of_pair).sum::<f64>() / pairs as f64
}

/// Expected cosine of what is read and what was stored, `1 / sqrt(1 + nu)`.
pub fn cosine(nu: f64) -> f64 {
    (1.0 + nu).sqrt().recip()
}

/// Share of wrong signs when signs are read under Gaussian noise of relative power `nu`: `Q(1 / sqrt(nu))`.
pub fn bit_error(nu: f64) -> f64 {
    if nu > 0.0 { upper_tail(nu.sqrt().recip()) } else { 0.0 }
}

/// The noise power at which a share `bit_error` in (0, 1/2) of the signs is wrong: the inverse of [`bit_error`].
pub fn noise_of_bit_error(bit_error: f64) -> f64 {
    quantile(bit_error).powi(-2)
}

/// Probability that all n d_v signs are right, taken as independent: `(1 - p)^(n d_v)`.
pub fn exact_rate(nu: f64, signs: f64) -> f64 {
    (signs * (-bit_error(nu)).ln_1p()).exp()
}

/// Pairs whose relative error is `error`: `1 + error d_k`.
pub fn pairs_at_relative_error(key_dim: usize, error: f64) -> f64 {
    1.0 + error * key_dim as f64
}

/// Pairs at which a share `bit_error` of the signs is wrong: `1 + d_k / Q^-1(p)^2`, which is `1 + d_k / 5.41` for 1 %.
pub fn pairs_at_bit_error(key_dim: usize, bit_error: f64) -> f64 {
    1.0 + key_dim as f64 * noise_of_bit_error(bit_error)
}

/// Pairs of which all signs are right in half of all draws: the root of `n d_v Q(sqrt(d_k / (n - 1))) = ln 2`, about
/// `d_k / (2 ln(n d_v))`. NaN where there is none below a hundred d_k.
pub fn error_free_pairs(key_dim: usize, value_dim: usize) -> f64 {
    let dim = key_dim as f64;
    let excess = |n: f64| (n * value_dim as f64 * bit_error((n - 1.0) / dim)).ln() - LN_2.ln();
    brent(excess, 1.0 + dim * 1e-3, 100.0 * dim, TOLERANCE).unwrap_or(f64::NAN)
}

/// Relative error after so many layers without clean-up, each storing pairs of which the previous one's answer is the cue:
/// `(1 + nu)^L - 1`. Errors lie in the span of stored keys, so every layer multiplies them by 1 + nu.
pub fn depth_error(nu: f64, layers: usize) -> f64 {
    (layers as f64 * nu.ln_1p()).exp_m1()
}

/// Least total width d_k H with which n pairs come through so many layers with relative error at most `error`:
/// `(n - 1) / ((1 + error)^(1 / L) - 1)`, about `L (n - 1) / ln(1 + error)`.
pub fn width_needed(pairs: usize, layers: usize, error: f64) -> f64 {
    (pairs as f64 - 1.0) / (error.ln_1p() / layers as f64).exp_m1()
}

/// Bound on the probability that the majority of H independent heads is wrong when each is with probability `p` < 1/2:
/// `exp(-2 H (1/2 - p)^2)` (Hoeffding).
pub fn majority_bound(heads: usize, p: f64) -> f64 {
    (-2.0 * heads as f64 * (0.5 - p).powi(2)).exp()
}

/// Probability that more than half of H independent heads are wrong, ties counted as half: what a majority of signs does.
pub fn majority_error(heads: usize, p: f64) -> f64 {
    let (mut sum, mut choose) = (0.0, 1.0);
    for wrong in 0..=heads {
        let weight = choose * p.powi(wrong as i32) * (1.0 - p).powi((heads - wrong) as i32);
        sum += weight * if 2 * wrong > heads { 1.0 } else { f64::from(u8::from(2 * wrong == heads)) * 0.5 };
        choose *= (heads - wrong) as f64 / (wrong + 1) as f64;
    }
    sum
}

/// What is left after so many layers that fail independently, each with probability `p`: `(1 - p)^L`.
pub fn reliability(p: f64, layers: f64) -> f64 {
    (layers * (-p).ln_1p()).exp()
}

/// Layers after which the [`reliability`] is `left`, in (0, 1): about `-ln(left) / p`, so that L p is what counts. Infinite where p is 0.
pub fn layers_until(p: f64, left: f64) -> f64 {
    left.ln() / (-p).ln_1p()
}

/// Share of correct answers on reversed pairs by whoever does not know the order of what was written: unchanged keys are right, of the
/// changed ones a half, and those whose old and new value coincide.
pub fn order_blind_accuracy(values: usize) -> f64 {
    0.5 + 0.5 * (0.5 + 0.5 / values as f64)
}

/// Wrong signs after each of so many layers with sign clean-up at load `load = n / d`, from a perfect cue.
///
/// `m' = erf(m / sqrt(2 Delta))`, `Delta' = load + (2 / pi) exp(-m^2 / Delta)`, from m = 1, Delta = load; a share (1 - m) / 2 is wrong.
pub fn layered_bit_errors(load: f64, layers: usize) -> Vec<f64> {
    let (mut m, mut spread) = (1.0f64, load);
    let mut errors = Vec::with_capacity(layers);
    for _ in 0..layers {
        let reach = m / spread.sqrt();
        errors.push(upper_tail(reach));
        (m, spread) = (erf(reach / SQRT_2), load + 2.0 / PI * (-reach * reach).exp());
    }
    errors
}

/// The load at which a layered network has a fixed point with `m = erf(x)`.
fn load_of(x: f64) -> f64 {
    erf(x).powi(2) / (2.0 * x * x) - 2.0 / PI * (-2.0 * x * x).exp()
}

/// The largest load at which a layered network with sign clean-up keeps what it was shown, and the x of its fixed point.
fn turning_point() -> (f64, f64) {
    let slope = |x: f64| {
        let density = 2.0 / PI.sqrt() * (-x * x).exp();
        erf(x) * density / (x * x) - erf(x).powi(2) / x.powi(3) + 8.0 * x / PI * (-2.0 * x * x).exp()
    };
    // The slope is above 0 at 1/2 and below 0 at 2, so that there is a root.
    let x = brent(slope, 0.5, 2.0, TOLERANCE).unwrap_or(f64::NAN);
    (load_of(x), x)
}

/// The largest load at which a layered network with sign clean-up keeps what it was shown; see [`CRITICAL_LOAD`].
pub fn critical_load() -> f64 {
    turning_point().0
}

/// Wrong signs after very many layers with sign clean-up; `None` at and above the critical load, where nothing is kept.
pub fn layered_fixed_point(load: f64) -> Option<f64> {
    let (critical, x) = turning_point();
    if load >= critical {
        return None;
    }
    // At x = 1 / sqrt(2 load) + 1 the load of the fixed point is below `load`.
    let root = brent(|x| load_of(x) - load, x, (2.0 * load).sqrt().recip() + 1.0, TOLERANCE).ok()?;
    Some(0.5 * erfc(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }

    #[test]
    fn interference_and_what_it_does_to_signs() {
        for (pairs, key_dim, nu) in
            [(16, 64, 0.234), (32, 64, 0.484), (64, 64, 0.984), (128, 64, 1.984), (64, 256, 0.2461), (256, 256, 0.996)]
        {
            close(interference(pairs, key_dim), nu, 6e-4);
        }
        for (pairs, error) in [(8, 0.00125), (16, 0.0194), (32, 0.0754), (64, 0.1568), (256, 0.308)] {
            close(bit_error(interference(pairs, 64)), error, 6e-4);
        }
        close(bit_error(15.0 / 64.0), 0.01943, 6e-6);
        close(bit_error(63.0 / 64.0), 0.15675, 6e-6);
        close(cosine(interference(64, 64)), 0.7099, 6e-5);
        assert_eq!((bit_error(0.0), cosine(0.0), interference(1, 64)), (0.0, 1.0, 0.0));
        close(noise_of_bit_error(bit_error(0.7)), 0.7, 1e-12);
        close(correlated_interference(33, 64, 0.3), 32.0 * (0.09 + 0.91 / 64.0), 1e-12);
        close(correlated_interference(33, 64, 0.0), interference(33, 64), 1e-15);
        close(unit_correlated_interference(33, 64, 0.0), interference(33, 64), 1e-15);
        // For long keys both are the same.
        close(unit_correlated_interference(33, 100_000, 0.3) / correlated_interference(33, 100_000, 0.3), 1.0, 1e-4);
    }

    #[test]
    fn the_delta_rule_forgets_what_it_overwrites() {
        // The newest pair is exact, the one before reads the newest's value through a chance overlap of variance 1 / d.
        close(delta_error(2, 50), 0.5 * (2.0 - 0.98) / 50.0, 1e-15);
        // Measured in 1,500 and 500 draws by an independent program: 0.1342 and 0.2924.
        close(delta_error(16, 64), 0.1342, 3e-3);
        close(delta_error(32, 64), 0.2924, 4e-3);
    }

    #[test]
    fn capacity_depends_on_its_criterion() {
        for (key_dim, pairs) in [(16, 3.2), (32, 4.9), (64, 8.1), (128, 13.8), (256, 24.2)] {
            close(error_free_pairs(key_dim, 64), pairs, 0.06);
        }
        close((pairs_at_bit_error(541, 0.01) - 1.0) / 541.0, 1.0 / 5.41, 1e-4);
        assert_eq!(pairs_at_relative_error(64, 0.5), 33.0);
        let pairs = error_free_pairs(64, 64);
        close(exact_rate((pairs - 1.0) / 64.0, pairs * 64.0), 0.5, 2e-3);
    }

    #[test]
    fn errors_grow_with_depth_and_shrink_with_width() {
        let nu = interference(32, 256);
        for (layer, error) in [0.121, 0.257, 0.409, 0.580, 0.771, 0.985, 1.226, 1.495].into_iter().enumerate() {
            close(depth_error(nu, layer + 1), error, 6e-4);
        }
        close(depth_error(interference(64, 256), 8), 4.81, 6e-3);
        for (layer, error) in [0.246, 0.553, 0.935, 1.411, 2.004, 2.744].into_iter().enumerate() {
            close(depth_error(interference(64, 64) / 4.0, layer + 1), error, 1e-3);
        }
        // The frontier is where the error is the one wanted.
        let width = width_needed(32, 8, 0.5);
        close(depth_error(31.0 / width, 8), 0.5, 1e-12);
        close(width / (8.0 * 31.0 / 1.5f64.ln()), 1.0, 0.03);
    }

    #[test]
    fn a_layered_network_keeps_its_signs_below_the_critical_load() {
        for (load, layer, error) in [
            (0.25, 1, 0.0228),
            (0.25, 2, 0.0310),
            (0.25, 3, 0.0354),
            (0.25, 4, 0.0380),
            (0.25, 8, 0.0420),
            (0.375, 1, 0.0512),
            (0.375, 2, 0.0828),
            (0.375, 4, 0.1403),
            (0.375, 8, 0.2749),
            (0.5, 1, 0.0786),
            (0.5, 2, 0.1355),
            (0.5, 4, 0.2434),
            (0.5, 8, 0.4046),
        ] {
            close(layered_bit_errors(load, 8)[layer - 1], error, 6e-5);
        }
        close(critical_load(), CRITICAL_LOAD, 6e-6);
        close(layered_fixed_point(0.125).unwrap(), 0.0025, 6e-5);
        // The iteration comes to the fixed point below the critical load, and to chance above.
        close(layered_bit_errors(0.25, 2_000)[1_999], layered_fixed_point(0.25).unwrap(), 1e-9);
        close(layered_bit_errors(0.28, 2_000)[1_999], 0.5, 1e-6);
        assert!(layered_fixed_point(0.27).is_none() && layered_fixed_point(0.2690).is_some());
    }

    #[test]
    fn heads_vote() {
        // One of three heads may be wrong: 3 p^2 (1 - p) + p^3; two heads of which one is wrong decide by chance.
        close(majority_error(3, 0.2), 3.0 * 0.04 * 0.8 + 0.008, 1e-15);
        close(majority_error(2, 0.2), 0.04 + 0.5 * 0.32, 1e-15);
        for (heads, p) in [(1, 0.1), (5, 0.155), (15, 0.3), (16, 0.4)] {
            assert!(majority_error(heads, p) <= majority_bound(heads, p), "{heads} {p}");
        }
        close(order_blind_accuracy(32), 0.758, 2e-4);
    }

    #[test]
    fn layers_fail_one_after_the_other() {
        close(reliability(0.1, 3.0), 0.729, 1e-15);
        close(reliability(0.0, 50.0), 1.0, 0.0);
        close(reliability(0.02, layers_until(0.02, 0.5)), 0.5, 1e-14);
        // L p = ln 2 for rare failures.
        close(layers_until(1e-6, 0.5) * 1e-6, LN_2, 1e-6);
        assert!(layers_until(0.0, 0.5).is_infinite() && layers_until(0.0, 0.5) > 0.0);
    }
}

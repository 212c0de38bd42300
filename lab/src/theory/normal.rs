//! The standard normal distribution and the functions around it, stable in the tails.

pub use libm::{erf, erfc};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// Density `phi(x) = exp(-x^2 / 2) / sqrt(2 pi)`; 0 beyond about |x| = 38.6.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Distribution function `Phi(x)`, with full relative accuracy in the lower tail down to about x = -37.5.
pub fn cumulative(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// Upper tail `Q(x) = 1 - Phi(x)`, with full relative accuracy up to about x = 37.5.
pub fn upper_tail(x: f64) -> f64 {
    cumulative(-x)
}

/// `ln Phi(x)`, finite for every finite x of magnitude below 1e154.
///
/// Below x = -14 from the asymptotic series of Mills' ratio (Abramowitz and Stegun 26.2.12).
pub fn ln_cumulative(x: f64) -> f64 {
    if x > 5.0 {
        return (-upper_tail(x)).ln_1p();
    }
    if x > -14.0 {
        return cumulative(x).ln();
    }
    // 1 - 1/x^2 + 3/x^4 - 15/x^6 + ... in nested form; the first term left out is below 2e-17.
    let y = 1.0 / (x * x);
    let series = (0..12).rev().fold(1.0, |inner, k| 1.0 - f64::from(2 * k + 1) * y * inner);
    -0.5 * x * x - (-x).ln() - 0.5 * (2.0 * PI).ln() + series.ln()
}

/// Quantile `Phi^-1(p)` for p in (0, 1); infinite at 0 and 1, NaN outside.
pub fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let rough = -std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * p);
    // One step of Halley's method on Phi(x) = p.
    let error = (cumulative(rough) - p) / density(rough);
    rough - error / (1.0 + 0.5 * rough * error)
}

/// Inverse of the error function for y in (-1, 1); infinite at the ends.
pub fn erf_inverse(y: f64) -> f64 {
    let rough = statrs::function::erf::erf_inv(y);
    if y.abs() < 1.0 { rough - (erf(rough) - y) / (2.0 / PI.sqrt() * (-rough * rough).exp()) } else { rough }
}

/// `ln cosh x` without overflow; exact to rounding for small x as well.
pub fn ln_cosh(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        // cosh x - 1 = 2 sinh^2(x / 2) loses nothing where cosh x is close to 1.
        let half = (0.5 * x).sinh();
        return (2.0 * half * half).ln_1p();
    }
    x + (-2.0 * x).exp().ln_1p() - LN_2
}

/// `ln(2 cosh x)` without overflow.
pub fn ln_2cosh(x: f64) -> f64 {
    let x = x.abs();
    x + (-2.0 * x).exp().ln_1p()
}

/// `ln(exp a + exp b)` without overflow.
pub fn ln_add_exp(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + (small - large).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found:e} is not {expected:e}");
    }

    // Every reference was computed with 60 digits.

    #[test]
    fn error_functions() {
        for (x, expected) in [(0.5, 0.520_499_877_813_046_5), (1.0, 0.842_700_792_949_714_9), (3.0, 0.999_977_909_503_001_4), (6.0, 1.0)] {
            close(erf(x), expected, 2e-16);
            close(erf(-x), -expected, 2e-16);
        }
        for (x, expected) in [
            (0.5, 0.479_500_122_186_953_5),
            (2.0, 0.004_677_734_981_047_266),
            (6.0, 2.151_973_671_249_891_3e-17),
            (20.0, 5.395_865_611_607_901e-176),
        ] {
            close(erfc(x), expected, 4e-16);
        }
        for (y, expected) in [
            (1e-9, 8.862_269_254_527_581e-10),
            (0.5, 0.476_936_276_204_469_9),
            (0.9, 1.163_087_153_676_674),
            (0.999, 2.326_753_765_513_524_5),
            (-0.3, -0.272_462_714_726_754_3),
        ] {
            // Near 1 a unit in the last place of y is worth exp(x^2) of them in x.
            close(erf_inverse(y), expected, if y > 0.99 { 2e-14 } else { 2e-15 });
        }
        assert_eq!(erf_inverse(1.0), f64::INFINITY);
    }

    #[test]
    fn the_normal_distribution() {
        for (x, expected) in [
            (-37.0, 5.725_571_222_524_577e-300),
            (-20.0, 2.753_624_118_606_233_7e-89),
            (-8.0, 6.220_960_574_271_784e-16),
            (-1.0, 0.158_655_253_931_457_05),
            (0.3, 0.617_911_422_188_952_6),
            (2.0, 0.977_249_868_051_820_8),
            (8.0, 0.999_999_999_999_999_4),
        ] {
            // The argument of the tail is rounded once, which counts x^2 times.
            close(cumulative(x), expected, 4e-16 + 2e-16 * x * x);
            close(upper_tail(-x), expected, 4e-16 + 2e-16 * x * x);
        }
        for (x, expected) in [
            (0.0, 0.398_942_280_401_432_7),
            (1.0, 0.241_970_724_519_143_35),
            (-2.5, 0.017_528_300_493_568_537),
            (10.0, 7.694_598_626_706_42e-23),
        ] {
            close(density(x), expected, 4e-16);
        }
        for (p, expected) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-10, -6.361_340_902_404_056),
            (0.025, -1.959_963_984_540_054_2),
            (0.3, -0.524_400_512_708_040_8),
            (0.9, 1.281_551_565_544_600_6),
            (0.975, 1.959_963_984_540_053_9),
        ] {
            close(quantile(p), expected, 2e-15);
        }
        assert_eq!((quantile(0.5), quantile(0.0), quantile(1.0)), (0.0, f64::NEG_INFINITY, f64::INFINITY));
        assert!(quantile(1.5).is_nan() && quantile(-0.1).is_nan());
    }

    #[test]
    fn logarithms_do_not_leave_the_numbers() {
        for (x, expected) in [
            (-1e100, -5e199),
            (-1000.0, -500_007.826_694_812_2),
            (-40.0, -804.608_442_013_753_8),
            (-14.0, -101.563_034_407_449_96),
            (-13.99, -101.422_376_983_405_27),
            (-5.0, -15.064_998_393_988_726),
            (-1.0, -1.841_021_645_009_263_5),
            (0.0, -std::f64::consts::LN_2),
            (2.0, -0.023_012_909_328_963_49),
            (6.0, -9.865_876_455_243_757e-10),
            (10.0, -7.619_853_024_160_526e-24),
        ] {
            close(ln_cumulative(x), expected, 2e-15);
        }
        for (x, expected) in [
            (1e-8, 5e-17),
            (0.1, 0.004_991_688_821_646_531),
            (1.0, 0.433_780_830_483_027_2),
            (-1.5, 0.855_440_171_013_796_7),
            (20.0, 19.306_852_819_440_055),
            (1000.0, 999.306_852_819_440_1),
        ] {
            close(ln_cosh(x), expected, 4e-16);
        }
        close(ln_2cosh(-0.3), 0.737_487_950_485_885_6, 4e-16);
        assert_eq!((ln_2cosh(1e4), ln_2cosh(0.0)), (1e4, std::f64::consts::LN_2));
        close(ln_add_exp(1000.0, 1000.0), 1000.0 + std::f64::consts::LN_2, 1e-15);
        assert_eq!((ln_add_exp(f64::NEG_INFINITY, 3.0), ln_add_exp(0.0, -800.0)), (3.0, 0.0));
        assert_eq!(ln_add_exp(f64::NEG_INFINITY, f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
}

//! The exponential function of many numbers, in a form that compilers turn into vectors and that gives the same bits on every machine.

/// `e^x` for x at most 0, with a relative error below 2e-7; what is smaller than -87 counts as -87. A NaN stays one.
///
/// Source: range reduction by multiples of ln 2 in two parts and the polynomial of Cephes' `expf` (S. Moshier, 1992).
#[inline(always)]
pub fn exp_of_negative(x: f32) -> f32 {
    /// Added and taken away again, it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * rest + coefficient;
    }
    let mantissa = p * (rest * rest) + rest + 1.0;
    // The whole number stands in the low bits of the shifted one; moved into the exponent it multiplies by a power of two.
    let power = f32::from_bits(shifted.to_bits().wrapping_shl(23).wrapping_add(0x3f80_0000));
    mantissa * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exponential() {
        for step in 0..=87_000 {
            let x = -(step as f32) / 1000.0;
            let (found, expected) = (f64::from(exp_of_negative(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 2e-7, "{x}: {found} {expected}");
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert!(exp_of_negative(-1e30) < 1e-37 && exp_of_negative(f32::NAN).is_nan());
    }
}

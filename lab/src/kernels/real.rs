//! The two widths of floating-point numbers that slice kernels are written for.

use std::{
    fmt::Debug,
    iter::Sum,
    ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign},
};

/// `f32`, in which experiments run, or `f64`, in which they are compared with formulas and with other implementations.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Sum
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Minus infinity.
    const LOWEST: Self;

    /// The nearest number of this width.
    fn of(value: f64) -> Self;
    /// The same number in `f64`.
    fn wide(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self;
    /// The largest of `values` and `floor`; numbers that are none are passed over.
    fn largest(values: &[Self], floor: Self) -> Self {
        // Sixteen at a time, without a branch: as fast as the processor is wide.
        let mut lanes = [floor; 16];
        let (whole, rest) = values.as_chunks::<16>();
        for values in whole {
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane = if *value > *lane { *value } else { *lane };
            }
        }
        lanes.into_iter().chain(rest.iter().copied()).fold(floor, |most, value| if value > most { value } else { most })
    }
    /// Replaces every value by `exp(value - shift)`, to one or two units in the last place; values below the range become 0.
    fn exp_less(values: &mut [Self], shift: Self);
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f64::NEG_INFINITY;

    fn of(value: f64) -> Self {
        value
    }
    fn wide(self) -> f64 {
        self
    }
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    fn max(self, other: Self) -> Self {
        f64::max(self, other)
    }
    fn exp_less(values: &mut [Self], shift: Self) {
        values.iter_mut().for_each(|value| *value = (*value - shift).exp());
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = f32::NEG_INFINITY;

    fn of(value: f64) -> Self {
        value as f32
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    fn tanh(self) -> Self {
        f32::tanh(self)
    }
    fn max(self, other: Self) -> Self {
        f32::max(self, other)
    }
    fn exp_less(values: &mut [Self], shift: Self) {
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has just been asked.
                return unsafe { exp_avx512(values, shift) };
            }
            if std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has just been asked.
                return unsafe { exp_avx2(values, shift) };
            }
        }
        exp_portable(values, shift);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn exp_avx512(values: &mut [f32], shift: f32) {
    exp_portable(values, shift);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn exp_avx2(values: &mut [f32], shift: f32) {
    exp_portable(values, shift);
}

/// The library's `expf` takes one number at a time; this takes a register full. Nothing is fused, so every width gives the same bits.
/// Coefficients: S. Moshier, Cephes, `expf.c`.
#[inline(always)]
fn exp_portable(values: &mut [f32], shift: f32) {
    /// Adding and taking away 1.5 * 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LEAST: f32 = -87.336_54;
    const MOST: f32 = 88.376_26;
    for value in values {
        let wanted = *value - shift;
        let x = if wanted > MOST { MOST } else { wanted };
        let x = if x < LEAST { LEAST } else { x };
        let rounded = x * std::f32::consts::LOG2_E + ROUND;
        let power = rounded - ROUND;
        let rest = x - power * 0.693_359_4 - power * -2.121_944_4e-4;
        let mut sum = 1.987_569_1e-4;
        for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            sum = sum * rest + coefficient;
        }
        // The whole number stands in the lowest bits of what was rounded.
        let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
        let result = (sum * rest * rest + rest + 1.0) * f32::from_bits(exponent);
        let result = if wanted < LEAST { 0.0 } else { result };
        let result = if wanted > MOST { f32::INFINITY } else { result };
        *value = if wanted.is_nan() { wanted } else { result };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_two_units_in_the_last_place() {
        let inputs: Vec<f32> = (-8_700..8_830).map(|i| i as f32 * 0.01 + 0.003).collect();
        let (mut wide, mut portable) = (inputs.clone(), inputs.clone());
        f32::exp_less(&mut wide, 0.25);
        exp_portable(&mut portable, 0.25);
        assert_eq!(wide, portable);
        for (input, found) in inputs.iter().zip(&wide) {
            let exact = f64::from(input - 0.25).exp();
            assert!((f64::from(*found) - exact).abs() <= 2.0 * f64::from(f32::EPSILON) * exact, "exp({input} - 0.25) = {found}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        let mut values = [0.0, -1e4, f32::NEG_INFINITY, f32::NAN, 200.0];
        f32::exp_less(&mut values, 0.0);
        assert_eq!((values[0], values[1], values[2], values[4]), (1.0, 0.0, 0.0, f32::INFINITY));
        assert!(values[3].is_nan());
    }
}

//! The two widths of floating-point numbers that slice kernels are written for.

use crate::kernels::exponential::exp_of_negative;
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
    /// Replaces every value by `exp(value - shift)`, to two units in the last place; `shift` is no less than any value. What is below the
    /// range of the type becomes 0, a NaN stays one.
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

/// Nothing is fused, so every width gives the same bits.
#[inline(always)]
fn exp_portable(values: &mut [f32], shift: f32) {
    for value in values {
        let wanted = *value - shift;
        *value = if wanted < -87.0 { 0.0 } else { exp_of_negative(wanted) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_the_same_exponential() {
        let inputs: Vec<f32> = (-8_700..=0).map(|i| i as f32 * 0.01).collect();
        let (mut wide, mut portable) = (inputs.clone(), inputs.clone());
        f32::exp_less(&mut wide, 0.25);
        exp_portable(&mut portable, 0.25);
        assert_eq!(wide, portable);
        for (input, found) in inputs.iter().zip(&wide).filter(|(input, _)| **input >= -86.7) {
            let exact = f64::from(input - 0.25).exp();
            assert!((f64::from(*found) - exact).abs() <= 2e-7 * exact, "exp({input} - 0.25) = {found}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        let mut values = [0.0, -1e4, f32::NEG_INFINITY, f32::NAN];
        f32::exp_less(&mut values, 0.0);
        assert_eq!((values[0], values[1], values[2]), (1.0, 0.0, 0.0));
        assert!(values[3].is_nan());
        assert_eq!(f32::largest(&[1.0, f32::NAN, 3.0, 2.0], 0.0), 3.0);
        assert_eq!(f64::largest(&(0..40).map(f64::from).collect::<Vec<_>>(), 50.0), 50.0);
    }
}

//! Products of few rows with a small matrix, for networks trained on batches of about ten: there a tensor library spends its time on
//! anything but arithmetic.
//!
//! A matrix is `[inputs, width]` row-major, its width padded with zeros to a multiple of [`LANES`], so that a row is whole vectors.
//! One body is compiled for AVX-512, for AVX2 with FMA, and for any processor, and chosen when it runs. Every number is summed over
//! its inputs, or over its rows, in ascending order, so that cutting the work otherwise would give the same bits.

mod tiles;
mod vector;

use super::real::Real;
use tiles::Shape;

/// Widths are multiples of this.
pub const LANES: usize = 16;

/// Numbers that these products are written for: `f32` by the processor's best instructions, and `f64` by plain ones, for comparisons with other
/// implementations.
pub trait Element: Real {
    /// See [`add_product`].
    ///
    /// # Safety
    ///
    /// All pointers have the numbers that the shape tells, and `into` is borrowed exclusively.
    unsafe fn product(into: *mut Self, x: *const Self, w: *const Self, shape: Shape);
    /// See [`descend`].
    ///
    /// # Safety
    ///
    /// As of [`Element::product`].
    unsafe fn descent(w: *mut Self, x: *const Self, e: *const Self, rate: Self, shape: Shape);
    /// See [`inner_products`].
    ///
    /// # Safety
    ///
    /// As of [`Element::product`].
    unsafe fn inner(into: *mut Self, a: *const Self, b: *const Self, shape: Shape);
    /// See [`elu`].
    fn elu(values: &mut [Self]);
    /// See [`exp`].
    fn power_of_e(self) -> Self;
}

/// Calls a body compiled for the best instructions of this processor.
macro_rules! for_this_cpu {
    ($body:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                tiles::avx512::$body($($argument),*)
            } else if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                tiles::avx2::$body($($argument),*)
            } else {
                tiles::portable::$body($($argument),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        tiles::portable::$body($($argument),*)
    }};
}

impl Element for f32 {
    unsafe fn product(into: *mut Self, x: *const Self, w: *const Self, shape: Shape) {
        // SAFETY: the caller's, and `for_this_cpu` asks the processor.
        unsafe { for_this_cpu!(product(into, x, w, shape)) }
    }
    unsafe fn descent(w: *mut Self, x: *const Self, e: *const Self, rate: Self, shape: Shape) {
        // SAFETY: as above.
        unsafe { for_this_cpu!(descent(w, x, e, rate, shape)) }
    }
    unsafe fn inner(into: *mut Self, a: *const Self, b: *const Self, shape: Shape) {
        // SAFETY: as above.
        unsafe { for_this_cpu!(inner(into, a, b, shape)) }
    }
    fn elu(values: &mut [Self]) {
        // SAFETY: `for_this_cpu` asks the processor.
        unsafe { for_this_cpu!(elu_of(values)) }
    }
    #[inline(always)]
    fn power_of_e(self) -> Self {
        exp(self)
    }
}

impl Element for f64 {
    unsafe fn product(into: *mut Self, x: *const Self, w: *const Self, shape: Shape) {
        // SAFETY: the caller's.
        unsafe { tiles::double::product(into, x, w, shape) }
    }
    unsafe fn descent(w: *mut Self, x: *const Self, e: *const Self, rate: Self, shape: Shape) {
        // SAFETY: the caller's.
        unsafe { tiles::double::descent(w, x, e, rate, shape) }
    }
    unsafe fn inner(into: *mut Self, a: *const Self, b: *const Self, shape: Shape) {
        // SAFETY: the caller's.
        unsafe { tiles::double::inner(into, a, b, shape) }
    }
    fn elu(values: &mut [Self]) {
        // SAFETY: it is unsafe only like its namesakes, which ask for instructions.
        unsafe { tiles::double::elu_of(values) }
    }
    fn power_of_e(self) -> Self {
        self.exp()
    }
}

/// `width` rounded up to whole vectors.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// Rows of numbers, each `stride` after the one before it.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, T = f32> {
    values: &'a [T],
    stride: usize,
}

impl<'a, T: Copy> Rows<'a, T> {
    /// Rows that follow each other. Panics unless `values` are whole rows.
    pub fn new(values: &'a [T], stride: usize) -> Self {
        assert!(stride > 0 && values.len().is_multiple_of(stride), "{} numbers in rows of {stride}", values.len());
        Self { values, stride }
    }

    /// How many.
    pub fn count(self) -> usize {
        self.values.len() / self.stride
    }

    /// The row of this number.
    pub fn row(self, at: usize) -> &'a [T] {
        &self.values[at * self.stride..(at + 1) * self.stride]
    }

    /// Some of them.
    pub fn part(self, rows: std::ops::Range<usize>) -> Self {
        Self { values: &self.values[rows.start * self.stride..rows.end * self.stride], stride: self.stride }
    }
}

/// `into += x w`: every row of `into`, `[rows, width]`, gains the sum over `inputs` of `x[row, input] w[input, ..]`.
///
/// `x` may have longer rows than `inputs`; what is beyond is not read. Panics when the shapes do not fit.
pub fn add_product<T: Element>(into: &mut [T], x: Rows<'_, T>, w: &[T], inputs: usize) {
    let width = w.len() / inputs;
    assert!(width.is_multiple_of(LANES) && w.len() == inputs * width && inputs <= x.stride, "the sizes of a product");
    assert_eq!(into.len(), x.count() * width, "the size of a product");
    let shape = Shape { rows: x.count(), inputs, width, stride: x.stride };
    // SAFETY: the asserts keep every access inside the slices, and `into` is borrowed exclusively.
    unsafe { T::product(into.as_mut_ptr(), x.values.as_ptr(), w.as_ptr(), shape) }
}

/// `w -= rate xᵀ e`: a gradient step of a matrix `[inputs, width]` whose rows got `x` and erred by `e`, `[rows, width]`.
///
/// The gradient is summed first and scaled once. Panics when the shapes do not fit.
pub fn descend<T: Element>(w: &mut [T], x: Rows<'_, T>, e: Rows<'_, T>, inputs: usize, rate: T) {
    let width = e.stride;
    assert!(width.is_multiple_of(LANES) && w.len() == inputs * width && inputs <= x.stride, "the sizes of a gradient step");
    assert_eq!(x.count(), e.count(), "the rows of a gradient step");
    let shape = Shape { rows: x.count(), inputs, width, stride: x.stride };
    // SAFETY: as above.
    unsafe { T::descent(w.as_mut_ptr(), x.values.as_ptr(), e.values.as_ptr(), rate, shape) }
}

/// `into[row, other] = a[row] . b[other]` for every pair of rows, `[a rows, b rows]`. Panics when the shapes do not fit.
pub fn inner_products<T: Element>(into: &mut [T], a: Rows<'_, T>, b: Rows<'_, T>) {
    assert_eq!(a.stride, b.stride, "the lengths of inner products");
    assert_eq!(into.len(), a.count() * b.count(), "the number of inner products");
    let shape = Shape { rows: a.count(), inputs: a.stride, width: b.count(), stride: a.stride };
    // SAFETY: as above.
    unsafe { T::inner(into.as_mut_ptr(), a.values.as_ptr(), b.values.as_ptr(), shape) }
}

/// ELU with α = 1, in place: `z` above 0, `exp(z) - 1` else. A NaN stays one.
pub fn elu<T: Element>(values: &mut [T]) {
    T::elu(values);
}

/// Multiplies errors by the slope of ELU, which follows from its value: 1 above 0, `exp(z) = value + 1` else.
pub fn times_elu_slope<T: Element>(errors: &mut [T], values: &[T]) {
    for (error, value) in errors.iter_mut().zip(values) {
        *error *= if *value > T::ZERO { T::ONE } else { *value + T::ONE };
    }
}

/// `exp(x)` for `x` up to 88, within 2 units in the last place of `f32`; 1.6e-38 for what is below -87.
///
/// Splits off the power of two, then a polynomial (Cephes `expf`, S. Moshier). Plain arithmetic, so that a loop over it becomes vectors
/// and every machine gives the same bits.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Added and taken away, it rounds to a whole number, which the low bits of the sum then hold.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let r = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let p = ((((1.987_569_1e-4 * r + 1.398_199_9e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 1.666_666_5e-1) * r + 0.5;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    (p * r * r + r + 1.0) * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    fn example(n: usize, name: &str) -> Vec<f32> {
        let mut generator = Generator::new(1, name);
        (0..n).map(|_| generator.symmetric(1.0)).collect()
    }

    /// Sizes that leave rests in every direction.
    const SIZES: [(usize, usize, usize, usize); 5] =
        [(10, 784, 784, 80), (1, 3, 16, 16), (7, 65, 80, 64), (23, 10, 16, 144), (5, 130, 130, 48)];

    #[test]
    fn products_equal_sums_in_f64() {
        for (rows, inputs, stride, width) in SIZES {
            let (x, w, start) = (example(rows * stride, "x"), example(inputs * width, "w"), example(rows * width, "start"));
            let mut found = start.clone();
            add_product(&mut found, Rows::new(&x, stride), &w, inputs);
            for (at, found) in found.iter().enumerate() {
                let (row, column) = (at / width, at % width);
                let sum: f64 = (0..inputs).map(|k| f64::from(x[row * stride + k]) * f64::from(w[k * width + column])).sum();
                assert!((f64::from(*found) - sum - f64::from(start[at])).abs() < 1e-4, "{rows} x {inputs} x {width}");
            }
        }
    }

    #[test]
    fn gradient_steps_equal_sums_in_f64_and_the_transposed_matrix_gets_the_same_bits() {
        for (rows, inputs, stride, width) in SIZES {
            let (x, e, start) = (example(rows * stride, "x"), example(rows * width, "e"), example(inputs * width, "w"));
            let mut found = start.clone();
            descend(&mut found, Rows::new(&x, stride), Rows::new(&e, width), inputs, 0.25);
            for (at, found) in found.iter().enumerate() {
                let (input, column) = (at / width, at % width);
                let sum: f64 = (0..rows).map(|row| f64::from(x[row * stride + input]) * f64::from(e[row * width + column])).sum();
                assert!((f64::from(*found) - (f64::from(start[at]) - 0.25 * sum)).abs() < 1e-5, "{rows} x {inputs} x {width}");
            }
            if stride.is_multiple_of(LANES) {
                let mut transposed = vec![0f32; width * stride];
                (0..width * inputs)
                    .for_each(|at| transposed[at / inputs * stride + at % inputs] = start[at % inputs * width + at / inputs]);
                descend(&mut transposed, Rows::new(&e, width), Rows::new(&x, stride), width, 0.25);
                assert!(
                    (0..width * inputs)
                        .all(|at| transposed[at / inputs * stride + at % inputs] == found[at % inputs * width + at / inputs])
                );
            }
        }
    }

    #[test]
    fn every_kind_of_vector_gives_the_same_sums() {
        let (rows, inputs, width) = (7, 100, 80);
        let (x, w) = (example(rows * inputs, "x"), example(inputs * width, "w"));
        let shape = Shape { rows, inputs, width, stride: inputs };
        let mut portable = vec![0f32; rows * width];
        // SAFETY: the shapes are those of the slices.
        unsafe { tiles::portable::product(portable.as_mut_ptr(), x.as_ptr(), w.as_ptr(), shape) };
        let mut found = vec![0f32; rows * width];
        add_product(&mut found, Rows::new(&x, inputs), &w, inputs);
        assert!(portable.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-5));
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            let mut narrow = vec![0f32; rows * width];
            // SAFETY: as above, and the processor was asked.
            unsafe { tiles::avx2::product(narrow.as_mut_ptr(), x.as_ptr(), w.as_ptr(), shape) };
            assert_eq!(narrow, found, "both multiply and add in one rounding, in one order");
        }
    }

    #[test]
    fn inner_products_of_all_pairs() {
        for (rows, others, length) in [(30, 10, 784), (7, 1, 37), (3, 12, 16), (11, 6, 5)] {
            let (a, b) = (example(rows * length, "a"), example(others * length, "b"));
            let mut found = vec![f32::NAN; rows * others];
            inner_products(&mut found, Rows::new(&a, length), Rows::new(&b, length));
            for (at, found) in found.iter().enumerate() {
                let (a, b) = (Rows::new(&a, length).row(at / others), Rows::new(&b, length).row(at % others));
                let expected: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                assert!((f64::from(*found) - expected).abs() < 2e-5, "{rows} x {others} x {length}");
            }
        }
        let mut product = [0f32];
        inner_products(&mut product, Rows::new(&[2.0, 3.0], 2), Rows::new(&[5.0, 7.0], 2));
        assert_eq!(product, [31.0]);
    }

    #[test]
    fn exp_and_elu() {
        let worst = (-870..=880).map(|tenths| tenths as f32 / 10.0).map(|x| (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs());
        assert!(worst.fold(0.0, f64::max) < 2.5e-7);
        assert!(exp(-1e9) < 2e-38 && exp(0.0) == 1.0);
        let mut values = [-1.0, 2.0, 0.0, f32::NAN, f32::INFINITY];
        elu(&mut values);
        assert!((values[0] + 0.632_120_6).abs() < 1e-7 && values[1] == 2.0 && values[2] == 0.0);
        assert!(values[3].is_nan() && values[4] == f32::INFINITY);
        let mut errors = [1.0; 3];
        times_elu_slope(&mut errors, &values[..3]);
        assert!((errors[0] - 0.367_879_4).abs() < 1e-7 && errors[1] == 1.0 && errors[2] == 1.0);
    }
}

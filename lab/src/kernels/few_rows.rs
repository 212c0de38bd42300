//! Products of few rows with a small matrix, for networks trained on batches of about ten: there a tensor library spends its time on
//! anything but arithmetic.
//!
//! A matrix is `[inputs, width]` row-major, its width padded with zeros to a multiple of [`LANES`], so that a row is whole vectors.
//! One body is compiled for AVX-512, for AVX2 with FMA, and for any processor, and chosen when it runs. Every number is summed over
//! its inputs, or over its rows, in ascending order, so that cutting the work otherwise would give the same bits.

/// Widths are multiples of this.
pub const LANES: usize = 16;
/// Inputs that are gone through before the next rows: their part of the matrix stays in the first-level cache.
const BLOCK: usize = 64;

/// `width` rounded up to whole vectors.
pub fn padded(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// Rows of numbers, each `stride` after the one before it.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows that follow each other. Panics unless `values` are whole rows.
    pub fn new(values: &'a [f32], stride: usize) -> Self {
        assert!(stride > 0 && values.len().is_multiple_of(stride), "{} numbers in rows of {stride}", values.len());
        Self { values, stride }
    }

    /// How many.
    pub fn count(self) -> usize {
        self.values.len() / self.stride
    }

    /// The row of this number.
    pub fn row(self, at: usize) -> &'a [f32] {
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
pub fn add_product(into: &mut [f32], x: Rows<'_>, w: &[f32], inputs: usize) {
    let width = w.len() / inputs;
    assert!(width.is_multiple_of(LANES) && w.len() == inputs * width && inputs <= x.stride, "the sizes of a product");
    assert_eq!(into.len(), x.count() * width, "the size of a product");
    // SAFETY: the asserts keep every access inside the slices, `into` is borrowed exclusively, and `for_this_cpu` asks the processor.
    unsafe {
        for_this_cpu!(product(into.as_mut_ptr(), x.values.as_ptr(), w.as_ptr(), Shape { rows: x.count(), inputs, width, stride: x.stride }))
    }
}

/// `w -= rate xᵀ e`: a gradient step of a matrix `[inputs, width]` whose rows got `x` and erred by `e`, `[rows, width]`.
///
/// The gradient is summed first and scaled once. Panics when the shapes do not fit.
pub fn descend(w: &mut [f32], x: Rows<'_>, e: Rows<'_>, inputs: usize, rate: f32) {
    let width = e.stride;
    assert!(width.is_multiple_of(LANES) && w.len() == inputs * width && inputs <= x.stride, "the sizes of a gradient step");
    assert_eq!(x.count(), e.count(), "the rows of a gradient step");
    let shape = Shape { rows: x.count(), inputs, width, stride: x.stride };
    // SAFETY: as above.
    unsafe { for_this_cpu!(descent(w.as_mut_ptr(), x.values.as_ptr(), e.values.as_ptr(), rate, shape)) }
}

/// `into[row, other] = a[row] . b[other]` for every pair of rows, `[a rows, b rows]`. Panics when the shapes do not fit.
pub fn inner_products(into: &mut [f32], a: Rows<'_>, b: Rows<'_>) {
    assert_eq!(a.stride, b.stride, "the lengths of inner products");
    assert_eq!(into.len(), a.count() * b.count(), "the number of inner products");
    let shape = Shape { rows: a.count(), inputs: a.stride, width: b.count(), stride: a.stride };
    // SAFETY: as above.
    unsafe { for_this_cpu!(inner(into.as_mut_ptr(), a.values.as_ptr(), b.values.as_ptr(), shape)) }
}

/// ELU with α = 1, in place: `z` above 0, `exp(z) - 1` else. A NaN stays one.
pub fn elu(values: &mut [f32]) {
    // SAFETY: `for_this_cpu` asks the processor.
    unsafe { for_this_cpu!(elu_of(values)) }
}

/// Multiplies errors by the slope of ELU, which follows from its value: 1 above 0, `exp(z) = value + 1` else.
pub fn times_elu_slope(errors: &mut [f32], values: &[f32]) {
    for (error, value) in errors.iter_mut().zip(values) {
        *error *= if *value > 0.0 { 1.0 } else { value + 1.0 };
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

#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: usize,
    inputs: usize,
    width: usize,
    /// From one row of `x` to the next.
    stride: usize,
}

/// Calls a body compiled for the best instructions of this processor.
macro_rules! for_this_cpu {
    ($body:ident($($argument:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                avx512::$body($($argument),*)
            } else if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                avx2::$body($($argument),*)
            } else {
                portable::$body($($argument),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        portable::$body($($argument),*)
    }};
}
use for_this_cpu;

/// A vector of `f32`. Loads and stores are unaligned.
trait Vector: Copy {
    /// Numbers in it; divides [`LANES`].
    const SIZE: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// `self * factor + term`.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
}

impl Vector for [f32; 8] {
    const SIZE: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's pointer has 8 numbers; an array of them needs no more alignment than one.
        unsafe { from.cast::<Self>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as above.
        unsafe { to.cast::<Self>().write(self) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        std::array::from_fn(|i| self[i] * factor[i] + term[i])
    }
}

/// An implementation of [`Vector`] by the processor's own, and the bodies compiled for it.
#[cfg(target_arch = "x86_64")]
macro_rules! vector_of {
    ($vector:ident, $size:literal, $splat:ident, $load:ident, $store:ident, $mul_add:ident) => {
        impl super::Vector for std::arch::x86_64::$vector {
            const SIZE: usize = $size;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: reached only through functions whose callers asked the processor.
                unsafe { std::arch::x86_64::$splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: as above, and the caller's pointer has a vector's numbers.
                unsafe { std::arch::x86_64::$load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$store(to, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: as above.
                unsafe { std::arch::x86_64::$mul_add(self, factor, term) }
            }
        }
    };
}

/// The bodies for one kind of vector: rows and vectors of a tile of a product, inputs of a tile of a gradient step.
macro_rules! bodies {
    ($module:ident, $vector:ty, $rows:literal, $columns:literal, $inputs:literal, $(#[$feature:meta])?) => {
        mod $module {
            use super::Shape;

            $(#[$feature])?
            pub(super) unsafe fn product(into: *mut f32, x: *const f32, w: *const f32, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::product::<$vector, $rows, $columns>(into, x, w, shape) }
            }

            $(#[$feature])?
            pub(super) unsafe fn descent(w: *mut f32, x: *const f32, e: *const f32, rate: f32, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::descent::<$vector, $inputs, $columns>(w, x, e, rate, shape) }
            }

            $(#[$feature])?
            pub(super) unsafe fn inner(into: *mut f32, a: *const f32, b: *const f32, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::inner::<$vector, $rows>(into, a, b, shape) }
            }

            $(#[$feature])?
            pub(super) unsafe fn elu_of(values: &mut [f32]) {
                super::elu_of(values);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod intel {
    vector_of!(__m512, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps);
    vector_of!(__m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps);
}

#[cfg(target_arch = "x86_64")]
bodies!(avx512, std::arch::x86_64::__m512, 5, 5, 4, #[target_feature(enable = "avx512f")]);
#[cfg(target_arch = "x86_64")]
bodies!(avx2, std::arch::x86_64::__m256, 2, 5, 2, #[target_feature(enable = "avx2,fma")]);
bodies!(portable, [f32; 8], 2, 2, 2,);

#[inline(always)]
unsafe fn product<V: Vector, const ROWS: usize, const COLUMNS: usize>(into: *mut f32, x: *const f32, w: *const f32, shape: Shape) {
    for first in (0..shape.inputs).step_by(BLOCK) {
        let block = Shape { inputs: BLOCK.min(shape.inputs - first), ..shape };
        let mut row = 0;
        while row < shape.rows {
            // SAFETY: `row` and `first` are inside the caller's shape, and so is all that a band of that many rows touches.
            unsafe {
                let (into, x, w) = (into.add(row * shape.width), x.add(row * shape.stride + first), w.add(first * shape.width));
                if shape.rows - row >= ROWS {
                    product_band::<V, ROWS, COLUMNS>(into, x, w, block);
                    row += ROWS;
                } else {
                    product_band::<V, 1, COLUMNS>(into, x, w, block);
                    row += 1;
                }
            }
        }
    }
}

/// A band of `ROWS` rows, tile by tile.
#[inline(always)]
unsafe fn product_band<V: Vector, const ROWS: usize, const COLUMNS: usize>(into: *mut f32, x: *const f32, w: *const f32, shape: Shape) {
    let (mut at, columns) = (0, shape.width / V::SIZE);
    while at < columns {
        let left = columns - at;
        // SAFETY: a tile is never wider than what is left.
        unsafe {
            let (into, w) = (into.add(at * V::SIZE), w.add(at * V::SIZE));
            at += if left >= COLUMNS {
                product_tile::<V, ROWS, COLUMNS>(into, x, w, shape)
            } else if left >= 4 {
                product_tile::<V, ROWS, 4>(into, x, w, shape)
            } else if left >= 2 {
                product_tile::<V, ROWS, 2>(into, x, w, shape)
            } else {
                product_tile::<V, ROWS, 1>(into, x, w, shape)
            };
        }
    }
}

/// `ROWS` rows by `COLUMNS` vectors, held in registers over all inputs. Gives `COLUMNS`.
#[inline(always)]
unsafe fn product_tile<V: Vector, const ROWS: usize, const COLUMNS: usize>(
    into: *mut f32,
    x: *const f32,
    w: *const f32,
    shape: Shape,
) -> usize {
    // SAFETY: the tile is inside the caller's shape.
    unsafe {
        let mut sums = [[V::splat(0.0); COLUMNS]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(into.add(row * shape.width + column * V::SIZE));
            }
        }
        // `wrapping_add` and `read_unaligned` are the plain ones without the checks of debug builds, which would halve the speed of tests.
        let rows: [*const f32; ROWS] = std::array::from_fn(|row| x.wrapping_add(row * shape.stride));
        let mut w = w;
        for input in 0..shape.inputs {
            let weights: [V; COLUMNS] = std::array::from_fn(|column| V::load(w.wrapping_add(column * V::SIZE)));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let value = V::splat(row.wrapping_add(input).read_unaligned());
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = value.mul_add(weights, *sum);
                }
            }
            w = w.wrapping_add(shape.width);
        }
        for (row, sums) in sums.iter().enumerate() {
            for (column, sum) in sums.iter().enumerate() {
                sum.store(into.add(row * shape.width + column * V::SIZE));
            }
        }
    }
    COLUMNS
}

#[inline(always)]
unsafe fn descent<V: Vector, const INPUTS: usize, const COLUMNS: usize>(
    w: *mut f32,
    x: *const f32,
    e: *const f32,
    rate: f32,
    shape: Shape,
) {
    let mut input = 0;
    while input < shape.inputs {
        // SAFETY: `input` is inside the caller's shape, and so is a band of that many inputs.
        unsafe {
            let (w, x) = (w.add(input * shape.width), x.add(input));
            if shape.inputs - input >= INPUTS {
                descent_band::<V, INPUTS, COLUMNS>(w, x, e, rate, shape);
                input += INPUTS;
            } else {
                descent_band::<V, 1, COLUMNS>(w, x, e, rate, shape);
                input += 1;
            }
        }
    }
}

/// A band of `INPUTS` inputs, tile by tile.
#[inline(always)]
unsafe fn descent_band<V: Vector, const INPUTS: usize, const COLUMNS: usize>(
    w: *mut f32,
    x: *const f32,
    e: *const f32,
    rate: f32,
    shape: Shape,
) {
    let (mut at, columns) = (0, shape.width / V::SIZE);
    while at < columns {
        let left = columns - at;
        // SAFETY: a tile is never wider than what is left.
        unsafe {
            let (w, e) = (w.add(at * V::SIZE), e.add(at * V::SIZE));
            at += if left >= COLUMNS {
                descent_tile::<V, INPUTS, COLUMNS>(w, x, e, rate, shape)
            } else if left >= 4 {
                descent_tile::<V, INPUTS, 4>(w, x, e, rate, shape)
            } else if left >= 2 {
                descent_tile::<V, INPUTS, 2>(w, x, e, rate, shape)
            } else {
                descent_tile::<V, INPUTS, 1>(w, x, e, rate, shape)
            };
        }
    }
}

/// `INPUTS` inputs by `COLUMNS` vectors, whose gradient is held in registers over all rows. Gives `COLUMNS`.
#[inline(always)]
unsafe fn descent_tile<V: Vector, const INPUTS: usize, const COLUMNS: usize>(
    w: *mut f32,
    x: *const f32,
    e: *const f32,
    rate: f32,
    shape: Shape,
) -> usize {
    // SAFETY: the tile is inside the caller's shape.
    unsafe {
        let mut sums = [[V::splat(0.0); COLUMNS]; INPUTS];
        let (mut x, mut e) = (x, e);
        for _ in 0..shape.rows {
            let errors: [V; COLUMNS] = std::array::from_fn(|column| V::load(e.wrapping_add(column * V::SIZE)));
            for (input, sums) in sums.iter_mut().enumerate() {
                let value = V::splat(x.wrapping_add(input).read_unaligned());
                for (sum, errors) in sums.iter_mut().zip(errors) {
                    *sum = value.mul_add(errors, *sum);
                }
            }
            (x, e) = (x.wrapping_add(shape.stride), e.wrapping_add(shape.width));
        }
        let rate = V::splat(-rate);
        for (input, sums) in sums.iter().enumerate() {
            for (column, sum) in sums.iter().enumerate() {
                let at = w.add(input * shape.width + column * V::SIZE);
                sum.mul_add(rate, V::load(at)).store(at);
            }
        }
    }
    COLUMNS
}

#[inline(always)]
unsafe fn inner<V: Vector, const ROWS: usize>(into: *mut f32, a: *const f32, b: *const f32, shape: Shape) {
    let mut row = 0;
    while row < shape.rows {
        let mut other = 0;
        while other < shape.width {
            // SAFETY: both are inside the caller's shape, and so are as many as the tile takes.
            unsafe {
                let (into, a, b) = (into.add(row * shape.width + other), a.add(row * shape.stride), b.add(other * shape.stride));
                match (shape.rows - row >= ROWS, shape.width - other >= ROWS) {
                    (true, true) => inner_tile::<V, ROWS, ROWS>(into, a, b, shape),
                    (true, false) => inner_tile::<V, ROWS, 1>(into, a, b, shape),
                    (false, true) => inner_tile::<V, 1, ROWS>(into, a, b, shape),
                    (false, false) => inner_tile::<V, 1, 1>(into, a, b, shape),
                }
            }
            other += if shape.width - other >= ROWS { ROWS } else { 1 };
        }
        row += if shape.rows - row >= ROWS { ROWS } else { 1 };
    }
}

/// Inner products of `ROWS` rows with `OTHERS`, each in as many partial sums as a vector has numbers, which are added in order.
#[inline(always)]
unsafe fn inner_tile<V: Vector, const ROWS: usize, const OTHERS: usize>(into: *mut f32, a: *const f32, b: *const f32, shape: Shape) {
    // SAFETY: the tile is inside the caller's shape, and every vector ends before `whole`.
    unsafe {
        let whole = shape.inputs / V::SIZE * V::SIZE;
        let (a, b) = ([a; ROWS], [b; OTHERS]);
        let a: [*const f32; ROWS] = std::array::from_fn(|row| a[row].wrapping_add(row * shape.stride));
        let b: [*const f32; OTHERS] = std::array::from_fn(|other| b[other].wrapping_add(other * shape.stride));
        let mut sums = [[V::splat(0.0); OTHERS]; ROWS];
        for at in (0..whole).step_by(V::SIZE) {
            let others: [V; OTHERS] = std::array::from_fn(|other| V::load(b[other].wrapping_add(at)));
            for (sums, row) in sums.iter_mut().zip(a) {
                let row = V::load(row.wrapping_add(at));
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum = row.mul_add(other, *sum);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (other, sum) in sums.iter().enumerate() {
                let mut partial = [0f32; LANES];
                sum.store(partial.as_mut_ptr());
                let rest = (whole..shape.inputs).fold(0.0, |rest, at| rest + *a[row].add(at) * *b[other].add(at));
                into.add(row * shape.width + other).write(partial.iter().sum::<f32>() + rest);
            }
        }
    }
}

#[inline(always)]
fn elu_of(values: &mut [f32]) {
    for value in values {
        // NaN fails the comparison, and `exp` passes it on.
        *value = if *value > 0.0 { *value } else { exp(*value) - 1.0 };
    }
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
        unsafe { portable::product(portable.as_mut_ptr(), x.as_ptr(), w.as_ptr(), shape) };
        let mut found = vec![0f32; rows * width];
        add_product(&mut found, Rows::new(&x, inputs), &w, inputs);
        assert!(portable.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-5));
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            let mut narrow = vec![0f32; rows * width];
            // SAFETY: as above, and the processor was asked.
            unsafe { avx2::product(narrow.as_mut_ptr(), x.as_ptr(), w.as_ptr(), shape) };
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

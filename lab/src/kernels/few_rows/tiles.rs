//! The loops behind the products of few rows, in tiles that fit the registers, compiled for each kind of vector.

use super::{Element, LANES, vector::Vector};
use crate::kernels::real::Real;

/// Inputs that are gone through before the next rows: their part of the matrix stays in the first-level cache.
const BLOCK: usize = 64;

/// The sizes of a product.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Rows of `x`.
    pub rows: usize,
    /// Numbers of a row that count.
    pub inputs: usize,
    /// Numbers of a row of the result.
    pub width: usize,
    /// From one row of `x` to the next.
    pub stride: usize,
}

/// The bodies for one kind of vector: rows and vectors of a tile of a product, inputs of a tile of a gradient step.
macro_rules! bodies {
    ($module:ident, $number:ty, $vector:ty, $rows:literal, $columns:literal, $inputs:literal, $(#[$feature:meta])?) => {
        pub(super) mod $module {
            use super::Shape;

            $(#[$feature])?
            pub(in super::super) unsafe fn product(into: *mut $number, x: *const $number, w: *const $number, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::product::<$vector, $rows, $columns>(into, x, w, shape) }
            }

            $(#[$feature])?
            pub(in super::super) unsafe fn descent(w: *mut $number, x: *const $number, e: *const $number, rate: $number, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::descent::<$vector, $inputs, $columns>(w, x, e, rate, shape) }
            }

            $(#[$feature])?
            pub(in super::super) unsafe fn inner(into: *mut $number, a: *const $number, b: *const $number, shape: Shape) {
                // SAFETY: the caller's.
                unsafe { super::inner::<$vector, $rows>(into, a, b, shape) }
            }

            $(#[$feature])?
            pub(in super::super) unsafe fn elu_of(values: &mut [$number]) {
                super::elu_of(values);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
bodies!(avx512, f32, std::arch::x86_64::__m512, 5, 5, 4, #[target_feature(enable = "avx512f")]);
#[cfg(target_arch = "x86_64")]
bodies!(avx2, f32, std::arch::x86_64::__m256, 2, 5, 2, #[target_feature(enable = "avx2,fma")]);
bodies!(portable, f32, [f32; 8], 2, 2, 2,);
bodies!(double, f64, [f64; 8], 2, 2, 2,);

#[inline(always)]
unsafe fn product<V: Vector, const ROWS: usize, const COLUMNS: usize>(
    into: *mut V::Number,
    x: *const V::Number,
    w: *const V::Number,
    shape: Shape,
) {
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
unsafe fn product_band<V: Vector, const ROWS: usize, const COLUMNS: usize>(
    into: *mut V::Number,
    x: *const V::Number,
    w: *const V::Number,
    shape: Shape,
) {
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
    into: *mut V::Number,
    x: *const V::Number,
    w: *const V::Number,
    shape: Shape,
) -> usize {
    // SAFETY: the tile is inside the caller's shape.
    unsafe {
        let mut sums = [[V::splat(V::Number::ZERO); COLUMNS]; ROWS];
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(into.add(row * shape.width + column * V::SIZE));
            }
        }
        // `wrapping_add` and `read_unaligned` are the plain ones without the checks of debug builds, which would halve the speed of tests.
        let rows: [*const V::Number; ROWS] = std::array::from_fn(|row| x.wrapping_add(row * shape.stride));
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
    w: *mut V::Number,
    x: *const V::Number,
    e: *const V::Number,
    rate: V::Number,
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
    w: *mut V::Number,
    x: *const V::Number,
    e: *const V::Number,
    rate: V::Number,
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
    w: *mut V::Number,
    x: *const V::Number,
    e: *const V::Number,
    rate: V::Number,
    shape: Shape,
) -> usize {
    // SAFETY: the tile is inside the caller's shape.
    unsafe {
        let mut sums = [[V::splat(V::Number::ZERO); COLUMNS]; INPUTS];
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
unsafe fn inner<V: Vector, const ROWS: usize>(into: *mut V::Number, a: *const V::Number, b: *const V::Number, shape: Shape) {
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
unsafe fn inner_tile<V: Vector, const ROWS: usize, const OTHERS: usize>(
    into: *mut V::Number,
    a: *const V::Number,
    b: *const V::Number,
    shape: Shape,
) {
    // SAFETY: the tile is inside the caller's shape, and every vector ends before `whole`.
    unsafe {
        let whole = shape.inputs / V::SIZE * V::SIZE;
        let (a, b) = ([a; ROWS], [b; OTHERS]);
        let a: [*const V::Number; ROWS] = std::array::from_fn(|row| a[row].wrapping_add(row * shape.stride));
        let b: [*const V::Number; OTHERS] = std::array::from_fn(|other| b[other].wrapping_add(other * shape.stride));
        let mut sums = [[V::splat(V::Number::ZERO); OTHERS]; ROWS];
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
                let mut partial = [V::Number::ZERO; LANES];
                sum.store(partial.as_mut_ptr());
                let rest = (whole..shape.inputs).fold(V::Number::ZERO, |rest, at| rest + *a[row].add(at) * *b[other].add(at));
                into.add(row * shape.width + other).write(partial.into_iter().sum::<V::Number>() + rest);
            }
        }
    }
}

#[inline(always)]
fn elu_of<T: Element>(values: &mut [T]) {
    for value in values {
        // NaN fails the comparison, and the power passes it on.
        *value = if *value > T::ZERO { *value } else { value.power_of_e() - T::ONE };
    }
}

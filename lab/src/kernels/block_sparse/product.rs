//! Products of small matrices, the arithmetic of a block-sparse layer.
//!
//! A tile is too small to be worth the copying and cutting of a general product: here it is read where it lies, and stays in the first
//! cache while the rows of a task pass over it.

use crate::kernels::{
    lanes::{Lanes, widest},
    matmul::{Destination, Matrix},
};
use std::ops::Range;

/// Rows of a block. With two vectors to a row its sums, the vectors and a factor fit sixteen registers, with four those of AVX-512.
const ROWS: usize = 4;
/// The same with two vectors to a row: with fewer sums each one waits for the one before it.
const MORE_ROWS: usize = 6;

/// `into = a b` or `into += a b` in some columns of `into`, `[a.rows, stride]` row-major.
///
/// The numbers of a row of `b` lie side by side. Each number is summed in the order of the inner dimension. Panics when the shapes do not fit.
pub(super) fn product_into(into: &mut [f32], stride: usize, columns: Range<usize>, destination: Destination, a: Matrix<'_>, b: Matrix<'_>) {
    assert!(columns.end <= stride && into.len() == a.rows * stride, "columns {columns:?} of {} numbers in rows of {stride}", into.len());
    assert!(a.columns == b.rows && b.columns == columns.len() && b.column_stride == 1, "the shapes of a product");
    let add = destination == Destination::Add;
    blocks(into[columns.start..].as_mut_ptr(), stride, add, &a, &b);
}

fn blocks(into: *mut f32, stride: usize, add: bool, a: &Matrix<'_>, b: &Matrix<'_>) {
    widest!(strips(into: *mut f32, stride: usize, add: bool, a: &Matrix<'_>, b: &Matrix<'_>))
}

/// # Safety
/// `into` may be read and written for `a.rows` rows of `b.columns` numbers, `stride` apart; `b` has as many rows as `a` columns, and the
/// numbers of a row lie side by side.
#[inline(always)]
unsafe fn strips<L: Lanes>(into: *mut f32, stride: usize, add: bool, a: &Matrix<'_>, b: &Matrix<'_>) {
    let mut column = 0;
    // SAFETY: a strip ends at the last column at the latest.
    unsafe {
        // Only AVX-512 has the registers for four vectors to a row.
        while L::WIDTH >= 16 && column + 4 * L::WIDTH <= b.columns {
            strip::<L, 4>(into, stride, add, a, b, column);
            column += 4 * L::WIDTH;
        }
        while column + 2 * L::WIDTH <= b.columns {
            strip::<L, 2>(into, stride, add, a, b, column);
            column += 2 * L::WIDTH;
        }
        while column + L::WIDTH <= b.columns {
            strip::<L, 1>(into, stride, add, a, b, column);
            column += L::WIDTH;
        }
        while column < b.columns {
            strip::<f32, 1>(into, stride, add, a, b, column);
            column += 1;
        }
    }
}

/// The columns of `V` vectors.
///
/// # Safety
/// As for `strips`, with the strip inside of the columns.
#[inline(always)]
unsafe fn strip<L: Lanes, const V: usize>(into: *mut f32, stride: usize, add: bool, a: &Matrix<'_>, b: &Matrix<'_>, column: usize) {
    let mut row = 0;
    // SAFETY: a block ends at the last row at the latest.
    unsafe {
        while L::WIDTH == 8 && row + MORE_ROWS <= a.rows {
            block::<L, MORE_ROWS, V>(into, stride, add, a, b, row, column);
            row += MORE_ROWS;
        }
        while row + ROWS <= a.rows {
            block::<L, ROWS, V>(into, stride, add, a, b, row, column);
            row += ROWS;
        }
        while row < a.rows {
            block::<L, 1, V>(into, stride, add, a, b, row, column);
            row += 1;
        }
    }
}

/// `R` rows of `V` vectors from this row and column on.
///
/// # Safety
/// As for `strips`, with the block inside of the rows and columns.
#[inline(always)]
unsafe fn block<L: Lanes, const R: usize, const V: usize>(
    into: *mut f32,
    stride: usize,
    add: bool,
    a: &Matrix<'_>,
    b: &Matrix<'_>,
    row: usize,
    column: usize,
) {
    // SAFETY: all reads are of elements of the matrices, all writes inside of the block; one step beyond the last is never read.
    unsafe {
        let into = into.add(row * stride + column);
        let mut sums = [[L::zero(); V]; R];
        if add {
            for (at, sums) in sums.iter_mut().enumerate() {
                for (vector, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(into.add(at * stride + vector * L::WIDTH));
                }
            }
        }
        let mut left = a.values.as_ptr().wrapping_add(row * a.row_stride);
        let mut right = b.values.as_ptr().wrapping_add(column);
        for _ in 0..b.rows {
            let mut vectors = [L::zero(); V];
            for (at, vector) in vectors.iter_mut().enumerate() {
                *vector = L::load(right.add(at * L::WIDTH));
            }
            for (at, sums) in sums.iter_mut().enumerate() {
                let factor = L::splat(*left.add(at * a.row_stride));
                for (sum, vector) in sums.iter_mut().zip(&vectors) {
                    *sum = factor.multiply_add(*vector, *sum);
                }
            }
            left = left.wrapping_add(a.column_stride);
            right = right.wrapping_add(b.row_stride);
        }
        for (at, sums) in sums.iter().enumerate() {
            for (vector, sum) in sums.iter().enumerate() {
                sum.store(into.add(at * stride + vector * L::WIDTH));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn products_equal_sums_in_f64() {
        let mut generator = Generator::new(1, "products");
        let mut draw = |n: usize| (0..n).map(|_| generator.symmetric(1.0)).collect::<Vec<f32>>();
        // Rests in every direction, and numbers between the rows of both operands and of the result that take no part.
        for (rows, columns, inner, apart) in [(13, 64, 5, 7), (6, 119, 64, 0), (1, 3, 1, 1), (9, 17, 4, 3), (128, 64, 64, 960)] {
            for (transposed, destination) in [(false, Destination::Overwrite), (true, Destination::Add)] {
                let (left, right) = (draw(rows * inner), draw(inner * (columns + apart)));
                let start = draw(rows * (columns + apart));
                let a = if transposed { Matrix::new(&left, inner, rows).transposed() } else { Matrix::new(&left, rows, inner) };
                let b = Matrix::new(&right, inner, columns + apart).columns(apart..columns + apart);
                let mut product = start.clone();
                product_into(&mut product, columns + apart, 0..columns, destination, a, b);
                for (at, (ours, start)) in product.iter().zip(&start).enumerate() {
                    let (row, column) = (at / (columns + apart), at % (columns + apart));
                    if column >= columns {
                        assert_eq!(ours, start, "a number between the rows");
                        continue;
                    }
                    let term = |k: usize| {
                        let a = left[if transposed { k * rows + row } else { row * inner + k }];
                        f64::from(a) * f64::from(right[k * (columns + apart) + apart + column])
                    };
                    let start = if destination == Destination::Add { f64::from(*start) } else { 0.0 };
                    let exact = start + (0..inner).map(term).sum::<f64>();
                    assert!((f64::from(*ours) - exact).abs() < 1e-5 * (1.0 + exact.abs()), "{rows} x {columns}: {ours} and {exact}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the shapes of a product")]
    fn shapes_that_do_not_fit_are_refused() {
        let (a, b) = (Matrix::new(&[0.0; 6], 2, 3), Matrix::new(&[0.0; 4], 2, 2));
        product_into(&mut [0.0; 4], 2, 0..2, Destination::Overwrite, a, b);
    }
}

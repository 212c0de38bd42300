//! Matrix products on slices: a safe face for the `gemm` crate, whose result does not depend on the number of threads.

use crate::kernels::real::Real;
use gemm::{Parallelism, gemm};
use std::ops::Range;

/// Numbers from one row to the next from which on reading down the columns is slow: rows that far apart compete for few lines of the cache.
const FAR_APART: usize = 512;

/// A matrix inside a slice: element `(i, j)` is `values[i * row_stride + j * column_stride]`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    pub(super) values: &'a [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// A row-major matrix. Panics unless `values` holds exactly `rows * columns` numbers.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a {rows} x {columns} matrix");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// Some neighbouring columns of a matrix. Panics where it has fewer.
    pub fn columns(self, range: Range<usize>) -> Self {
        assert!(range.start < range.end && range.end <= self.columns, "columns {range:?} of {}", self.columns);
        let values = &self.values[range.start * self.column_stride..];
        Self { values, columns: range.len(), ..self }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self { values: self.values, rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride }
    }
}

/// What happens to the numbers that are in the destination already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// They are replaced.
    Overwrite,
    /// The product is added to them.
    Add,
}

/// `into = a b` or `into += a b`, with `into` `[a.rows, b.columns]` row-major.
///
/// `gemm` cuts rows and columns among threads and never the inner sum, so every element is summed in one order for any number of
/// threads. Panics when the shapes do not fit.
pub fn product<T: Real>(into: &mut [T], destination: Destination, a: Matrix<'_, T>, b: Matrix<'_, T>) {
    product_with(into, destination, a, b, Parallelism::Rayon(0));
}

/// [`product`] on the calling thread alone, for tasks that already run side by side. Same bits.
pub fn product_alone<T: Real>(into: &mut [T], destination: Destination, a: Matrix<'_, T>, b: Matrix<'_, T>) {
    product_with(into, destination, a, b, Parallelism::None);
}

fn product_with<T: Real>(into: &mut [T], destination: Destination, a: Matrix<'_, T>, b: Matrix<'_, T>, parallelism: Parallelism) {
    assert_eq!(a.columns, b.rows, "the inner sizes of a product");
    assert_eq!(into.len(), a.rows * b.columns, "the size of a product");
    // `gemm` would copy a large `b` down its columns at half of its speed; with the operands exchanged it reads along them, and what has to
    // be exchanged back is the smaller matrix.
    if b.row_stride == 1 && b.column_stride >= FAR_APART && 2 * a.rows <= b.columns {
        let mut exchanged = vec![T::ZERO; into.len()];
        product_with(&mut exchanged, Destination::Overwrite, b.transposed(), a.transposed(), parallelism);
        return exchange(&exchanged, into, a.rows, destination);
    }
    // SAFETY: the constructor of `Matrix` and the asserts keep every access inside the slices, and `into` is borrowed exclusively.
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            into.as_mut_ptr(),
            1,
            b.columns as isize,
            destination == Destination::Add,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Copies or adds `from`, `[columns, rows]`, to `into`, `[rows, columns]`.
pub(super) fn exchange<T: Real>(from: &[T], into: &mut [T], rows: usize, destination: Destination) {
    /// Rows and columns of a block: its numbers and those it is made of fit the registers and the first cache.
    const BLOCK: usize = 16;
    let columns = into.len() / rows;
    for first_column in (0..columns).step_by(BLOCK) {
        let width = BLOCK.min(columns - first_column);
        for first_row in (0..rows).step_by(BLOCK) {
            let height = BLOCK.min(rows - first_row);
            let mut block = [[T::ZERO; BLOCK]; BLOCK];
            for (column, block) in block.iter_mut().take(width).enumerate() {
                block[..height].copy_from_slice(&from[(first_column + column) * rows + first_row..][..height]);
            }
            for row in 0..height {
                let into = &mut into[(first_row + row) * columns + first_column..][..width];
                for (value, column) in into.iter_mut().zip(&block) {
                    *value = if destination == Destination::Add { *value + column[row] } else { column[row] };
                }
            }
        }
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

    #[test]
    fn a_hand_worked_product_plain_transposed_and_added() {
        let (a, b) = ([1f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1f32, 0.0, 2.0, 1.0, 0.0, 3.0]);
        let mut c = [0f32; 4];
        product(&mut c, Destination::Overwrite, Matrix::new(&a, 2, 3), Matrix::new(&b, 3, 2));
        assert_eq!(c, [5.0, 11.0, 14.0, 23.0]);
        product(&mut c, Destination::Add, Matrix::new(&a, 2, 3), Matrix::new(&b, 2, 3).transposed());
        assert_eq!(c, [5.0 + 7.0, 11.0 + 10.0, 14.0 + 16.0, 23.0 + 22.0]);
    }

    #[test]
    fn columns_of_a_matrix() {
        let (a, b) = ([1f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1f32, 0.0, 2.0, 1.0]);
        let a = Matrix::new(&a, 2, 3).columns(1..3);
        let mut c = [0f32; 4];
        product_alone(&mut c, Destination::Overwrite, a, Matrix::new(&b, 2, 2));
        assert_eq!(c, [8.0, 3.0, 17.0, 6.0]);
        product_alone(&mut c, Destination::Overwrite, a.transposed(), Matrix::new(&b, 2, 2));
        assert_eq!(c, [12.0, 5.0, 15.0, 6.0]);
        product_alone(&mut c[..2], Destination::Overwrite, Matrix::new(&b, 2, 2), Matrix::new(&b, 2, 2).transposed().columns(1..2));
        assert_eq!(c[..2], [2.0, 5.0]);
    }

    #[test]
    fn a_large_matrix_read_down_its_columns() {
        // Blocks that are not whole on either side.
        let (m, k, n) = (21, FAR_APART, 45);
        let (a, b) = (example(m * k, "a"), example(n * k, "b"));
        let b = Matrix::new(&b, n, k).transposed();
        let mut found = example(m * n, "c");
        let expected: Vec<f64> = found
            .iter()
            .enumerate()
            .map(|(at, start)| {
                let (row, column) = (at / n, at % n);
                let terms = (0..k).map(|term| f64::from(a[row * k + term]) * f64::from(b.values[column * k + term]));
                f64::from(*start) + terms.sum::<f64>()
            })
            .collect();
        product(&mut found, Destination::Add, Matrix::new(&a, m, k), b);
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let (m, k, n) = (256, 784, 576);
        let (a, b) = (example(m * k, "a"), example(k * n, "b"));
        for b in [Matrix::new(&b, k, n), Matrix::new(&b, n, k).transposed()] {
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut c = vec![0f32; m * n];
                pool.install(|| product(&mut c, Destination::Overwrite, Matrix::new(&a, m, k), b));
                c
            };
            let one = run(1);
            assert_eq!(one, run(2));
            assert_eq!(one, run(5));
        }
    }
}

//! The feed-forward part of a block: two linear layers with a rectifier between them and a residual around both.
//!
//! `y = x + W2 max(0, W1 x + b1) + b2`, row by row. Parameters lie in one slice: W1 `[hidden, width]`, b1 `[hidden]`, W2 `[width, hidden]`,
//! b2 `[width]`.

use super::attention::multiply;
use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use std::ops::Range;

/// Sizes of the part; without hidden units it hands on what it gets and has no parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedForward {
    /// Numbers of a row.
    pub width: usize,
    /// Hidden units.
    pub hidden: usize,
}

/// What came out, `[rows, width]`, and what the hidden units came to, `[rows, hidden]`.
#[derive(Debug, Clone)]
pub struct Passed<T> {
    /// What came out.
    pub outputs: Vec<T>,
    hidden: Vec<T>,
}

impl FeedForward {
    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        if self.hidden == 0 { 0 } else { 2 * self.width * self.hidden + self.hidden + self.width }
    }

    /// W1.
    pub fn first(&self) -> Range<usize> {
        0..self.hidden * self.width
    }

    /// b1, W2 and b2.
    fn others(&self) -> [Range<usize>; 3] {
        let bias = self.first().end..self.first().end + self.hidden;
        let second = bias.end..bias.end + self.width * self.hidden;
        let last = second.end..second.end + self.width;
        [bias, second, last]
    }

    /// Passes rows through. Shapes: `inputs` `[rows, width]`; `parameters` as long as [`FeedForward::parameters`] says.
    pub fn pass<T: Real>(&self, parameters: &[T], inputs: &[T]) -> Passed<T> {
        let mut outputs = inputs.to_vec();
        if self.hidden == 0 {
            return Passed { outputs, hidden: Vec::new() };
        }
        let (rows, [bias, second, last]) = (inputs.len() / self.width, self.others());
        let of_first = Matrix::new(&parameters[self.first()], self.hidden, self.width);
        let mut hidden = multiply(rows * self.hidden, Matrix::new(inputs, rows, self.width), of_first.transposed());
        for row in hidden.chunks_exact_mut(self.hidden) {
            row.iter_mut().zip(&parameters[bias.clone()]).for_each(|(h, b)| *h = rectified(*h + *b));
        }
        let of_second = Matrix::new(&parameters[second], self.width, self.hidden);
        product_alone(&mut outputs, Destination::Add, Matrix::new(&hidden, rows, self.hidden), of_second.transposed());
        for row in outputs.chunks_exact_mut(self.width) {
            row.iter_mut().zip(&parameters[last.clone()]).for_each(|(y, b)| *y += *b);
        }
        Passed { outputs, hidden }
    }

    /// The gradient of the inputs from that of the outputs; adds that of the parameters to `gradient`.
    pub fn backward<T: Real>(&self, parameters: &[T], inputs: &[T], passed: &Passed<T>, d_outputs: &[T], gradient: &mut [T]) -> Vec<T> {
        let mut d_inputs = d_outputs.to_vec();
        if self.hidden == 0 {
            return d_inputs;
        }
        let (rows, [bias, second, last]) = (inputs.len() / self.width, self.others());
        let (of_d_outputs, of_hidden) = (Matrix::new(d_outputs, rows, self.width), Matrix::new(&passed.hidden, rows, self.hidden));
        product_alone(&mut gradient[second.clone()], Destination::Add, of_d_outputs.transposed(), of_hidden);
        add_rows(&mut gradient[last], d_outputs);
        let mut d_hidden = multiply(rows * self.hidden, of_d_outputs, Matrix::new(&parameters[second], self.width, self.hidden));
        d_hidden.iter_mut().zip(&passed.hidden).for_each(|(d, h)| *d = if *h > T::ZERO { *d } else { T::ZERO });
        let of_d_hidden = Matrix::new(&d_hidden, rows, self.hidden);
        product_alone(&mut gradient[self.first()], Destination::Add, of_d_hidden.transposed(), Matrix::new(inputs, rows, self.width));
        add_rows(&mut gradient[bias], &d_hidden);
        let of_first = Matrix::new(&parameters[self.first()], self.hidden, self.width);
        product_alone(&mut d_inputs, Destination::Add, of_d_hidden, of_first);
        d_inputs
    }
}

/// `max(0, x)`; a NaN stays one.
fn rectified<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

fn add_rows<T: Real>(into: &mut [T], rows: &[T]) {
    for row in rows.chunks_exact(into.len()) {
        into.iter_mut().zip(row).for_each(|(sum, x)| *sum += *x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hidden_units_by_hand() {
        let part = FeedForward { width: 2, hidden: 2 };
        // W1 = ((1, 2), (-1, 0)), b1 = (1, 0.5), W2 = ((1, 3), (0, 2)), b2 = (0.25, 0); one row is (1, -0.5), another (-2, 0).
        let parameters = [1.0, 2.0, -1.0, 0.0, 1.0, 0.5, 1.0, 3.0, 0.0, 2.0, 0.25, 0.0];
        assert_eq!(part.parameters(), parameters.len());
        let inputs = [1.0, -0.5, -2.0, 0.0];
        let passed = part.pass(&parameters, &inputs);
        assert_eq!(passed.hidden, [1.0, 0.0, 0.0, 2.5]);
        assert_eq!(passed.outputs, [1.0 + 1.0 + 0.25, -0.5, -2.0 + 7.5 + 0.25, 5.0]);
        let mut gradient = [0.0; 12];
        let d_inputs = part.backward(&parameters, &inputs, &passed, &[1.0, 0.0, 0.0, 1.0], &mut gradient);
        assert_eq!(d_inputs, [1.0 + 1.0, 2.0, -2.0, 1.0]);
        assert_eq!(gradient, [1.0, -0.5, -4.0, 0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 2.5, 1.0, 1.0]);
    }

    #[test]
    fn without_hidden_units_nothing_changes() {
        let part = FeedForward { width: 3, hidden: 0 };
        let passed = part.pass(&[], &[1.0, 2.0, 3.0]);
        assert_eq!((passed.outputs.as_slice(), part.parameters()), ([1.0, 2.0, 3.0].as_slice(), 0));
        assert_eq!(part.backward(&[], &[1.0, 2.0, 3.0], &passed, &[4.0, 5.0, 6.0], &mut []), [4.0, 5.0, 6.0]);
    }
}

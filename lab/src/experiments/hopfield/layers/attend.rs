//! The association of queries with keys and values, refined by Hopfield updates, with its backward pass.
//!
//! Per head: `A_0 = softmax(beta q k^T)`; each refinement replaces q by `A k` and associates again; the result is `A v` of the last
//! association. A head stops when the Frobenius norm of the change of its association is at most a tolerance.

use crate::kernels::{
    matmul::{Destination, Matrix, product_alone},
    real::Real,
};
use std::ops::Range;

/// Rows of one item: a bag, a pair of sets. Several items may share rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its rows of the queries.
    pub queries: Range<usize>,
    /// Its rows of keys and values.
    pub keys: Range<usize>,
}

/// Sizes and temperature.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// Heads.
    pub count: usize,
    /// Components of a query and of a key in one head.
    pub dim: usize,
    /// Components of a value in one head.
    pub value_dim: usize,
    /// Inverse temperature.
    pub beta: f64,
}

/// When refinement ends.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// Most refinements; there is one association more.
    pub refinements: usize,
    /// A head whose association changed by no more than this stops.
    pub tolerance: f64,
    /// Whether a head of one item waits for the same head of all others, as in the authors' code; else items do not know of each other.
    pub together: bool,
}

/// Result of an association and what its backward pass needs.
#[derive(Debug, Clone)]
pub struct Attended<T> {
    /// Results `[sum of the items' queries, heads * value_dim]`, items in order.
    pub output: Vec<T>,
    traces: Vec<Trace<T>>,
}

/// One head of one item: the queries of every association and its matrix.
#[derive(Debug, Clone)]
struct Trace<T> {
    keys: Vec<T>,
    values: Vec<T>,
    queries: Vec<Vec<T>>,
    associations: Vec<Vec<T>>,
    active: bool,
}

impl<T: Real> Attended<T> {
    /// The last association matrix of a head of an item, `[queries, keys]`.
    pub fn association(&self, item: usize, head: usize, heads: usize) -> &[T] {
        self.traces[item * heads + head].associations.last().map_or(&[], Vec::as_slice)
    }

    /// The most associations that any head made.
    pub fn most_associations(&self) -> usize {
        self.traces.iter().map(|trace| trace.associations.len()).max().unwrap_or(0)
    }
}

/// The rows `range` of head `head`, out of `[rows, heads * dim]`.
fn of_head<T: Real>(values: &[T], range: &Range<usize>, head: usize, heads: usize, dim: usize) -> Vec<T> {
    let row = |row: usize| values[(row * heads + head) * dim..(row * heads + head + 1) * dim].iter().copied();
    range.clone().flat_map(row).collect()
}

/// Adds the rows of one head back to where [`of_head`] took them from.
fn add_head<T: Real>(into: &mut [T], rows: &[T], range: &Range<usize>, head: usize, heads: usize, dim: usize) {
    for (row, values) in range.clone().zip(rows.chunks_exact(dim)) {
        let into = &mut into[(row * heads + head) * dim..(row * heads + head + 1) * dim];
        into.iter_mut().zip(values).for_each(|(sum, value)| *sum += *value);
    }
}

fn times<T: Real>(a: Matrix<'_, T>, b: Matrix<'_, T>, size: usize) -> Vec<T> {
    let mut result = vec![T::ZERO; size];
    product_alone(&mut result, Destination::Overwrite, a, b);
    result
}

/// `softmax(beta q k^T)`, `[queries, keys]`.
fn associate<T: Real>(queries: &[T], keys: &[T], dim: usize, beta: f64) -> Vec<T> {
    let (rows, columns) = (queries.len() / dim, keys.len() / dim);
    let mut scores = times(Matrix::new(queries, rows, dim), Matrix::new(keys, columns, dim).transposed(), rows * columns);
    for row in scores.chunks_exact_mut(columns) {
        row.iter_mut().for_each(|score| *score *= T::of(beta));
        let top = T::largest(row, T::LOWEST);
        T::exp_less(row, top);
        let scale = T::ONE / row.iter().copied().sum::<T>();
        row.iter_mut().for_each(|weight| *weight *= scale);
    }
    scores
}

/// Associates the queries of every item with its keys and reads its values. Shapes: `queries` `[., heads * dim]`, `keys` the same width,
/// `values` `[., heads * value_dim]` with a row for every key. Every item has at least one key.
pub fn attend<T: Real>(queries: &[T], keys: &[T], values: &[T], items: &[Item], heads: Heads, stop: Stop) -> Attended<T> {
    let mut traces: Vec<Trace<T>> = Vec::with_capacity(items.len() * heads.count);
    for item in items {
        for head in 0..heads.count {
            let query = of_head(queries, &item.queries, head, heads.count, heads.dim);
            let keys = of_head(keys, &item.keys, head, heads.count, heads.dim);
            let association = associate(&query, &keys, heads.dim, heads.beta);
            let values = of_head(values, &item.keys, head, heads.count, heads.value_dim);
            traces.push(Trace { keys, values, queries: vec![query], associations: vec![association], active: true });
        }
    }
    for _ in 0..stop.refinements {
        // The largest change of every head over the items; not looked at where items stop by themselves.
        let mut changes = vec![0.0; heads.count];
        for (at, trace) in traces.iter_mut().enumerate().filter(|(_, trace)| trace.active) {
            let change = trace.refine(heads);
            trace.active = change > stop.tolerance;
            changes[at % heads.count] = f64::max(changes[at % heads.count], change);
        }
        if stop.together {
            for (at, trace) in traces.iter_mut().enumerate() {
                trace.active = changes[at % heads.count] > stop.tolerance;
            }
        }
        if traces.iter().all(|trace| !trace.active) {
            break;
        }
    }
    let width = heads.count * heads.value_dim;
    let rows: usize = items.iter().map(|item| item.queries.len()).sum();
    let mut output = vec![T::ZERO; rows * width];
    let mut start = 0;
    for (item, traces) in items.iter().zip(traces.chunks_exact(heads.count)) {
        let range = start..start + item.queries.len();
        for (head, trace) in traces.iter().enumerate() {
            if let Some(association) = trace.associations.last() {
                let (rows, columns) = (item.queries.len(), item.keys.len());
                let values = Matrix::new(&trace.values, columns, heads.value_dim);
                let read = times(Matrix::new(association, rows, columns), values, rows * heads.value_dim);
                add_head(&mut output, &read, &range, head, heads.count, heads.value_dim);
            }
        }
        start = range.end;
    }
    Attended { output, traces }
}

impl<T: Real> Trace<T> {
    /// One Hopfield update of the queries and the association after it; returns the norm of the association's change.
    fn refine(&mut self, heads: Heads) -> f64 {
        let columns = self.keys.len() / heads.dim;
        let old = &self.associations[self.associations.len() - 1];
        let rows = old.len() / columns;
        let query = times(Matrix::new(old, rows, columns), Matrix::new(&self.keys, columns, heads.dim), rows * heads.dim);
        let new = associate(&query, &self.keys, heads.dim, heads.beta);
        let squares = old.iter().zip(&new).map(|(old, new)| (old.wide() - new.wide()).powi(2));
        let change = squares.sum::<f64>().sqrt();
        self.queries.push(query);
        self.associations.push(new);
        change
    }

    /// Gradients of the first queries, of the keys and of the values, given that of the output.
    fn backward(&self, d_output: &[T], heads: Heads) -> (Vec<T>, Vec<T>, Vec<T>) {
        let (dim, value_dim) = (heads.dim, heads.value_dim);
        let (rows, columns) = (d_output.len() / value_dim, self.keys.len() / dim);
        let (keys, values) = (Matrix::new(&self.keys, columns, dim), Matrix::new(&self.values, columns, value_dim));
        let mut at = self.associations.len() - 1;
        let d_output = Matrix::new(d_output, rows, value_dim);
        let d_values = times(Matrix::new(&self.associations[at], rows, columns).transposed(), d_output, columns * value_dim);
        let mut d_association = times(d_output, values.transposed(), rows * columns);
        let mut d_keys = vec![T::ZERO; columns * dim];
        loop {
            let (association, query) = (&self.associations[at], &self.queries[at]);
            // Through softmax and beta: dS = beta A (dA - sum A dA).
            for (d, a) in d_association.chunks_exact_mut(columns).zip(association.chunks_exact(columns)) {
                let along = d.iter().zip(a).map(|(d, a)| *d * *a).sum::<T>();
                d.iter_mut().zip(a).for_each(|(d, a)| *d = T::of(heads.beta) * *a * (*d - along));
            }
            let d_scores = Matrix::new(&d_association, rows, columns);
            let d_query = times(d_scores, keys, rows * dim);
            product_alone(&mut d_keys, Destination::Add, d_scores.transposed(), Matrix::new(query, rows, dim));
            if at == 0 {
                return (d_query, d_keys, d_values);
            }
            // Through q = A k of the association before.
            at -= 1;
            let d_query = Matrix::new(&d_query, rows, dim);
            let before = Matrix::new(&self.associations[at], rows, columns);
            product_alone(&mut d_keys, Destination::Add, before.transposed(), d_query);
            d_association = times(d_query, keys.transposed(), rows * columns);
        }
    }
}

/// Adds the gradients of queries, keys and values to `d_queries`, `d_keys`, `d_values`, shaped as they are, given that of the output.
pub fn attend_backward<T: Real>(
    attended: &Attended<T>,
    d_output: &[T],
    items: &[Item],
    heads: Heads,
    d_queries: &mut [T],
    d_keys: &mut [T],
    d_values: &mut [T],
) {
    let mut start = 0;
    for (item, traces) in items.iter().zip(attended.traces.chunks_exact(heads.count)) {
        let range = start..start + item.queries.len();
        for (head, trace) in traces.iter().enumerate() {
            let d_output = of_head(d_output, &range, head, heads.count, heads.value_dim);
            let (d_query, d_key, d_value) = trace.backward(&d_output, heads);
            add_head(d_queries, &d_query, &item.queries, head, heads.count, heads.dim);
            add_head(d_keys, &d_key, &item.keys, head, heads.count, heads.dim);
            add_head(d_values, &d_value, &item.keys, head, heads.count, heads.value_dim);
        }
        start = range.end;
    }
}

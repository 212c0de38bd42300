//! A Hopfield layer that looks things up: the stored patterns and what is read at them are trained, the state patterns are the input.
//!
//! Source: Ramsauer et al. (2020), section 3, `HopfieldLayer`.

use super::{
    association::{Associated, Association, AssociationShape},
    attend::{Item, Stop},
    parameters::{Block, Layout},
};
use crate::kernels::real::Real;

/// A layer whose `quantity` stored patterns and as many targets, read with their weights, are parameters.
#[derive(Debug, Clone)]
pub struct Lookup {
    layer: Association,
    stored: Block,
    targets: Block,
    quantity: usize,
}

impl Lookup {
    /// A layer whose parameters are appended to `layout` under names that begin with `name`: `NAME.stored` `[quantity, stored]`,
    /// `NAME.targets` `[quantity, projection]`, then those of [`Association`].
    pub fn new(layout: &mut Layout, name: &str, shape: AssociationShape, quantity: usize, stop: Stop) -> Self {
        let stored = layout.add(format!("{name}.stored"), &[quantity, shape.stored]);
        let targets = layout.add(format!("{name}.targets"), &[quantity, shape.projection]);
        Self { layer: Association::new(layout, name, shape, stop), stored, targets, quantity }
    }

    /// Every row of the states is an item of its own, so that rows that stop refining at different times do not disturb each other; where
    /// nothing is refined they are one item, which is faster and the same.
    fn items(&self, rows: usize) -> Vec<Item> {
        let item = |queries| Item { queries, keys: 0..self.quantity };
        if self.layer.stop.refinements == 0 { vec![item(0..rows)] } else { (0..rows).map(|row| item(row..row + 1)).collect() }
    }

    /// Looks up `states` `[rows, state]`; the output is `[rows, output]`.
    pub fn forward<T: Real>(&self, parameters: &[T], states: &[T]) -> Associated<T> {
        let items = self.items(states.len() / self.layer.shape.state);
        self.layer.forward(parameters, states, self.stored.of(parameters), self.targets.of(parameters), &items)
    }

    /// Adds the gradients of all parameters, given that of the output; returns that of the states.
    pub fn backward<T: Real>(&self, parameters: &[T], associated: &Associated<T>, d_output: &[T], gradient: &mut [T]) -> Vec<T> {
        let items = self.items(d_output.len() / self.layer.shape.output);
        let inputs = self.layer.backward(parameters, associated, d_output, &items, gradient);
        for (block, d_input) in [(self.stored, &inputs.stored), (self.targets, &inputs.projection)] {
            block.of_mut(gradient).iter_mut().zip(d_input).for_each(|(sum, d)| *sum += *d);
        }
        inputs.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{experiments::hopfield::layers::Heads, random::Generator};

    const ROWS: usize = 3;

    fn layer(refinements: usize) -> (Lookup, Vec<f64>) {
        let heads = Heads { count: 2, dim: 3, value_dim: 2, beta: 0.9 };
        let shape = AssociationShape { state: 4, stored: 5, projection: 3, heads, output: 2 };
        let mut layout = Layout::default();
        let layer = Lookup::new(&mut layout, "lookup", shape, 6, Stop { refinements, tolerance: 1e-12, together: false });
        // Large enough that no part is near its linear regime.
        let mut generator = Generator::new(3, "lookup");
        let parameters = (0..layout.len()).map(|_| 0.2 + f64::from(generator.symmetric(1.0))).collect();
        (layer, parameters)
    }

    fn states() -> Vec<f64> {
        let mut generator = Generator::new(3, "states");
        (0..ROWS * 4).map(|_| f64::from(generator.symmetric(1.0))).collect()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        // The scalar that is differentiated: the outputs weighed by fixed numbers.
        let probe: Vec<f64> = (0..ROWS * 2).map(|at| (at as f64 * 1.3).cos()).collect();
        for refinements in [0, 2] {
            let (layer, parameters) = layer(refinements);
            let value = |parameters: &[f64], states: &[f64]| -> f64 {
                layer.forward(parameters, states).output.iter().zip(&probe).map(|(output, weight)| output * weight).sum()
            };
            let mut gradient = vec![0.0; parameters.len()];
            let d_states = layer.backward(&parameters, &layer.forward(&parameters, &states()), &probe, &mut gradient);
            let slope = |at: usize, of: &dyn Fn(f64) -> f64, expected: f64| {
                let slope = (of(1e-5) - of(-1e-5)) / 2e-5;
                assert!((slope - expected).abs() < 1e-8 + 1e-6 * slope.abs(), "{refinements}, {at}: {slope} {expected}");
            };
            let moved = |values: &[f64], at: usize, by: f64| {
                let mut values = values.to_vec();
                values[at] += by;
                values
            };
            for (at, expected) in gradient.iter().enumerate() {
                slope(at, &|by| value(&moved(&parameters, at, by), &states()), *expected);
            }
            for (at, expected) in d_states.iter().enumerate() {
                slope(at, &|by| value(&parameters, &moved(&states(), at, by)), *expected);
            }
        }
    }

    #[test]
    fn rows_do_not_know_of_each_other_and_a_sharp_layer_reads_one_target() {
        let states = states();
        for refinements in [0, 2] {
            let (layer, parameters) = layer(refinements);
            let together = layer.forward(&parameters, &states).output;
            let alone: Vec<f64> = states.chunks(4).flat_map(|row| layer.forward(&parameters, row).output).collect();
            assert!(together.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-14), "{refinements}");
        }
        let (mut layer, parameters) = layer(0);
        layer.layer.shape.heads.beta = 1e4;
        let associated = layer.forward(&parameters, &states);
        for head in 0..2 {
            for row in associated.attended.association(0, head, 2).chunks(6) {
                assert!(row.iter().filter(|weight| **weight > 1.0 - 1e-9).count() == 1, "{row:?}");
            }
        }
    }
}

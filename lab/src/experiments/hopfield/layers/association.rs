//! A Hopfield layer: norms and projections around an association of two sets.
//!
//! Pooling is the case of trained state patterns, look-up that of trained stored patterns. Source: Ramsauer et al. (2020), section 3;
//! names and order of the norms follow the authors' code.

use super::{
    attend::{Attended, Heads, Item, Stop, attend, attend_backward},
    dense::{LayerNorm, Linear, Normed},
    parameters::Layout,
};
use crate::kernels::real::Real;

/// Sizes of a layer.
#[derive(Debug, Clone, Copy)]
pub struct AssociationShape {
    /// Width of a state pattern.
    pub state: usize,
    /// Width of a stored pattern.
    pub stored: usize,
    /// Width of a pattern that values are made of.
    pub projection: usize,
    /// Heads, their sizes and beta. The width of one head is what the authors' code calls `hidden_size`.
    pub heads: Heads,
    /// Width of the result.
    pub output: usize,
}

/// A layer: `q = LN(state) W_q`, `k = LN(stored) W_k`, `v = LN(projection) W_v`, all with biases; then the association, then `W_o`.
#[derive(Debug, Clone)]
pub struct Association {
    /// Sizes.
    pub shape: AssociationShape,
    /// When refinement ends.
    pub stop: Stop,
    norms: [LayerNorm; 3],
    maps: [Linear; 3],
    out: Linear,
}

/// What a forward pass keeps.
#[derive(Debug, Clone)]
pub struct Associated<T> {
    /// The result, `[sum of the items' queries, output]`.
    pub output: Vec<T>,
    /// The association itself.
    pub attended: Attended<T>,
    normed: [Normed<T>; 3],
    /// Numbers in the projected queries, keys and values.
    sizes: [usize; 3],
}

/// Gradients of the three inputs.
#[derive(Debug, Clone)]
pub struct InputGradients<T> {
    /// Of the state patterns.
    pub state: Vec<T>,
    /// Of the stored patterns.
    pub stored: Vec<T>,
    /// Of the patterns that values are made of.
    pub projection: Vec<T>,
}

impl Association {
    /// A layer whose parameters are appended to `layout` under names that begin with `name`.
    pub fn new(layout: &mut Layout, name: &str, shape: AssociationShape, stop: Stop) -> Self {
        let heads = shape.heads;
        let (inner, value) = (heads.count * heads.dim, heads.count * heads.value_dim);
        let mut norm = |what: &str, width| LayerNorm::new(layout, &format!("{name}.norm_{what}"), width);
        let norms = [norm("state", shape.state), norm("stored", shape.stored), norm("projection", shape.projection)];
        let mut map = |what: &str, inputs, outputs| Linear::new(layout, &format!("{name}.{what}"), inputs, outputs);
        let maps = [map("query", shape.state, inner), map("key", shape.stored, inner), map("value", shape.projection, value)];
        Self { shape, stop, norms, maps, out: map("out", value, shape.output) }
    }

    /// Sets the norms to 1 and draws the weights of all maps; biases stay as they are.
    pub fn start<T: Real>(&self, parameters: &mut [T], mut draw: impl FnMut() -> f64) {
        for norm in &self.norms {
            norm.weight().of_mut(parameters).fill(T::ONE);
        }
        for map in self.maps.iter().chain([&self.out]) {
            map.weights().of_mut(parameters).iter_mut().for_each(|weight| *weight = T::of(draw()));
        }
    }

    /// Associates `states` `[., state]` with `stored` `[., stored]` and reads from `projections` `[., projection]`, item by item.
    pub fn forward<T: Real>(&self, parameters: &[T], states: &[T], stored: &[T], projections: &[T], items: &[Item]) -> Associated<T> {
        let inputs = [states, stored, projections];
        let normed = [0, 1, 2].map(|at| self.norms[at].forward(parameters, inputs[at]));
        let [queries, keys, values] = [0, 1, 2].map(|at| self.maps[at].forward(parameters, &normed[at].y));
        let attended = attend(&queries, &keys, &values, items, self.shape.heads, self.stop);
        let output = self.out.forward(parameters, &attended.output);
        Associated { output, attended, normed, sizes: [queries.len(), keys.len(), values.len()] }
    }

    /// Adds the gradients of all parameters, given that of the output; returns those of the inputs.
    pub fn backward<T: Real>(
        &self,
        parameters: &[T],
        associated: &Associated<T>,
        d_output: &[T],
        items: &[Item],
        gradient: &mut [T],
    ) -> InputGradients<T> {
        self.out.backward_parameters(&associated.attended.output, d_output, gradient);
        let d_read = self.out.backward_input(parameters, d_output);
        let mut inner = associated.sizes.map(|size| vec![T::ZERO; size]);
        let [queries, keys, values] = &mut inner;
        attend_backward(&associated.attended, &d_read, items, self.shape.heads, queries, keys, values);
        let [state, stored, projection] = [0, 1, 2].map(|at| {
            self.maps[at].backward_parameters(&associated.normed[at].y, &inner[at], gradient);
            let d_normed = self.maps[at].backward_input(parameters, &inner[at]);
            self.norms[at].backward(parameters, &associated.normed[at], &d_normed, gradient)
        });
        InputGradients { state, stored, projection }
    }
}

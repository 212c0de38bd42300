//! A Hopfield layer: norms and projections around an association of two sets.
//!
//! Pooling is the case of trained state patterns, look-up that of trained stored patterns. Source: Ramsauer et al. (2020), section 3;
//! names and order of the norms follow the authors' code.

use super::{
    attend::{Attended, Heads, Item, Stop, attend, attend_backward},
    dense::{LayerNorm, Linear, Normed},
    parameters::Layout,
};
use crate::{experiments::divergence::first_broken, kernels::real::Real};

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

/// Parts of a layer that are usually absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    /// Values are made of projected keys, `v = (LN(projection) W_k) W_v`; patterns to project are then as wide as stored ones.
    pub connected: bool,
    /// One more norm of the queries and keys of every head, the same for all heads, before the first association.
    pub head_norm: bool,
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
    connected: bool,
    head_norm: Option<LayerNorm>,
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
    /// What values are made of, where that is projected keys.
    projected: Option<Vec<T>>,
    /// Norms of the heads' queries and keys, where there are any.
    of_heads: Option<[Normed<T>; 2]>,
    /// Numbers in the projected queries, keys and values.
    sizes: [usize; 3],
}

impl<T: Real> Associated<T> {
    /// The part of the layer whose results hold the first number that is not finite, if any does.
    pub fn first_broken(&self) -> Option<&'static str> {
        let [states, stored, projections] = &self.normed;
        first_broken([
            ("the norm of the states", states.y.as_slice()),
            ("the norm of the stored patterns", stored.y.as_slice()),
            ("the norm of the projected patterns", projections.y.as_slice()),
            ("the association", self.attended.output.as_slice()),
            ("the map behind the association", self.output.as_slice()),
        ])
    }
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
        Self::with(layout, name, shape, stop, Variant::default())
    }

    /// The same with parts that are usually absent. Panics when values are to be made of keys and the widths do not allow it.
    pub fn with(layout: &mut Layout, name: &str, shape: AssociationShape, stop: Stop, variant: Variant) -> Self {
        assert!(!variant.connected || shape.projection == shape.stored, "keys are projected from patterns {} wide", shape.stored);
        let heads = shape.heads;
        let (inner, value) = (heads.count * heads.dim, heads.count * heads.value_dim);
        let mut norm = |what: &str, width| LayerNorm::new(layout, &format!("{name}.norm_{what}"), width);
        let norms = [norm("state", shape.state), norm("stored", shape.stored), norm("projection", shape.projection)];
        let head_norm = variant.head_norm.then(|| norm("head", heads.dim));
        let mut map = |what: &str, inputs, outputs| Linear::new(layout, &format!("{name}.{what}"), inputs, outputs);
        let value_inputs = if variant.connected { inner } else { shape.projection };
        let maps = [map("query", shape.state, inner), map("key", shape.stored, inner), map("value", value_inputs, value)];
        Self { shape, stop, norms, maps, connected: variant.connected, head_norm, out: map("out", value, shape.output) }
    }

    /// Sets the norms to 1 and draws the weights of all maps; biases stay as they are.
    pub fn start<T: Real>(&self, parameters: &mut [T], mut draw: impl FnMut() -> f64) {
        for norm in self.norms.iter().chain(&self.head_norm) {
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
        let projected = self.connected.then(|| self.maps[1].forward(parameters, &normed[2].y));
        let values = self.maps[2].forward(parameters, projected.as_ref().unwrap_or(&normed[2].y));
        let [queries, keys] = [0, 1].map(|at| self.maps[at].forward(parameters, &normed[at].y));
        let sizes = [queries.len(), keys.len(), values.len()];
        // Rows of heads lie one after the other.
        let of_heads = self.head_norm.map(|norm| [&queries, &keys].map(|rows| norm.forward(parameters, rows)));
        let (queries, keys) = of_heads.as_ref().map_or((&queries, &keys), |[queries, keys]| (&queries.y, &keys.y));
        let attended = attend(queries, keys, &values, items, self.shape.heads, self.stop);
        let output = self.out.forward(parameters, &attended.output);
        Associated { output, attended, normed, projected, of_heads, sizes }
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
        if let (Some(norm), Some(of_heads)) = (self.head_norm, &associated.of_heads) {
            for (d, normed) in inner.iter_mut().zip(of_heads) {
                *d = norm.backward(parameters, normed, d, gradient);
            }
        }
        let through = |map: &Linear, x: &[T], d: &[T], gradient: &mut [T]| {
            map.backward_parameters(x, d, gradient);
            map.backward_input(parameters, d)
        };
        let [state, stored, projection] = [0, 1, 2].map(|at| {
            let normed = &associated.normed[at];
            let d_normed = match &associated.projected {
                Some(projected) if at == 2 => {
                    let d_projected = through(&self.maps[2], projected, &inner[2], gradient);
                    through(&self.maps[1], &normed.y, &d_projected, gradient)
                }
                _ => through(&self.maps[at], &normed.y, &inner[at], gradient),
            };
            self.norms[at].backward(parameters, normed, &d_normed, gradient)
        });
        InputGradients { state, stored, projection }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    #[test]
    fn gradients_of_every_variant_agree_with_finite_differences() {
        let heads = Heads { count: 2, dim: 3, value_dim: 2, beta: 0.9 };
        let shape = AssociationShape { state: 4, stored: 5, projection: 5, heads, output: 3 };
        let items = [Item { queries: 0..2, keys: 0..3 }, Item { queries: 2..3, keys: 3..5 }];
        let stop = Stop { refinements: 1, tolerance: 1e-12, together: false };
        let mut generator = Generator::new(2, "association");
        let mut numbers = |count: usize| -> Vec<f64> { (0..count).map(|_| f64::from(generator.symmetric(1.0))).collect() };
        let inputs = [numbers(3 * 4), numbers(5 * 5), numbers(5 * 5)];
        let probe = numbers(3 * 3);
        for (connected, head_norm) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut layout = Layout::default();
            let layer = Association::with(&mut layout, "layer", shape, stop, Variant { connected, head_norm });
            // Away from 0, so that no weight of a norm vanishes.
            let parameters: Vec<f64> = numbers(layout.len()).into_iter().map(|value| value + 0.3).collect();
            // Everything that the scalar `sum of output times probe` depends on, one after the other.
            let mut all: Vec<f64> = [&parameters[..], &inputs[0], &inputs[1], &inputs[2]].concat();
            let cuts = [parameters.len(), inputs[0].len(), inputs[1].len(), inputs[2].len()];
            let forward = |all: &[f64]| {
                let (parameters, rest) = all.split_at(cuts[0]);
                let (states, rest) = rest.split_at(cuts[1]);
                let (stored, projections) = rest.split_at(cuts[2]);
                layer.forward(parameters, states, stored, projections, &items)
            };
            let scalar = |all: &[f64]| forward(all).output.iter().zip(&probe).map(|(output, probe)| output * probe).sum::<f64>();
            let mut gradient = vec![0.0; layout.len()];
            let found = layer.backward(&parameters, &forward(&all), &probe, &items, &mut gradient);
            gradient.extend([found.state, found.stored, found.projection].concat());
            for at in 0..all.len() {
                let kept = all[at];
                let mut at_offset = |offset: f64| {
                    all[at] = kept + offset;
                    scalar(&all)
                };
                let slope = (at_offset(1e-5) - at_offset(-1e-5)) / 2e-5;
                all[at] = kept;
                let off = (slope - gradient[at]).abs();
                assert!(off < 1e-7 + 1e-6 * slope.abs(), "{connected} {head_norm} {at}: {slope} {}", gradient[at]);
            }
        }
    }
}

//! All parameters of a model in one vector, cut into named blocks; gradients and moments have the same layout.

use crate::{experiments::divergence::first_broken, kernels::real::Real, random::Generator};
use rand::Rng;
use rand_distr::StandardNormal;

/// Ends of the names of trained patterns.
const PATTERNS: [&str; 3] = ["queries", "stored", "targets"];

/// A named part of the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    start: usize,
    len: usize,
}

impl Block {
    /// Its numbers in a vector of the layout.
    pub fn of<T>(self, values: &[T]) -> &[T] {
        &values[self.start..self.start + self.len]
    }

    /// The same, to change them.
    pub fn of_mut<T>(self, values: &mut [T]) -> &mut [T] {
        &mut values[self.start..self.start + self.len]
    }
}

/// Names and shapes of the blocks, in order.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    names: Vec<(String, Vec<usize>, Block)>,
    len: usize,
}

impl Layout {
    /// Appends a block.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize]) -> Block {
        let block = Block { start: self.len, len: shape.iter().product() };
        self.len += block.len;
        self.names.push((name.into(), shape.to_vec(), block));
        block
    }

    /// Numbers in all blocks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Name, shape and place of every block.
    pub fn blocks(&self) -> impl Iterator<Item = (&str, &[usize], Block)> {
        self.names.iter().map(|(name, shape, block)| (name.as_str(), shape.as_slice(), *block))
    }

    /// The block of this name.
    pub fn find(&self, name: &str) -> Option<Block> {
        self.names.iter().find(|(known, ..)| known == name).map(|(_, _, block)| *block)
    }

    /// Where a model with these parameters broke: what a forward pass has found broken first, else the first block of parameters that is
    /// not finite, else the last block of gradients, at which errors begin to go back. `passed` is what the pass has found.
    pub fn place_of_break<T: Real>(&self, passed: Option<String>, parameters: &[T], gradient: &[T]) -> String {
        let block = |values| self.blocks().map(move |(name, _, block)| (name, block.of(values)));
        let of_parameters = || first_broken(block(parameters)).map(str::to_owned);
        let of_gradient =
            || first_broken(block(gradient).collect::<Vec<_>>().into_iter().rev()).map(|name| format!("the gradient of {name}"));
        passed.or_else(of_parameters).or_else(of_gradient).unwrap_or_else(|| "the loss".to_owned())
    }

    /// First values of all blocks: maps uniform within one over the square root of their inputs, norms 1, trained patterns (whose names end in
    /// `queries`, `stored` or `targets`) normal with deviation 0.02, biases 0. Blocks of the same name and shape start alike in every model of
    /// the same seed and `purpose`.
    pub fn start<T: Real>(&self, seed: u64, purpose: &str) -> Vec<T> {
        let mut parameters = vec![T::ZERO; self.len];
        for (name, shape, block) in self.blocks() {
            let mut generator = Generator::new(seed, &format!("{purpose}/{name}"));
            let values = block.of_mut(&mut parameters);
            if PATTERNS.iter().any(|pattern| name.ends_with(pattern)) {
                values.iter_mut().for_each(|value| *value = T::of(0.02 * generator.rng().sample::<f64, _>(StandardNormal)));
            } else if name.contains("norm_") {
                values.fill(if name.ends_with("weight") { T::ONE } else { T::ZERO });
            } else if let [_, inputs] = *shape {
                let bound = 1.0 / (inputs as f32).sqrt();
                values.iter_mut().for_each(|value| *value = T::of(f64::from(generator.symmetric(bound))));
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_named_by_the_pass_then_the_parameters_then_the_gradient() {
        let mut layout = Layout::default();
        layout.add("embedding", &[2]);
        layout.add("readout", &[1]);
        let (fine, broken) = ([0.0f32, 1.0, 2.0], [0.0, f32::NAN, f32::INFINITY]);
        assert_eq!(layout.place_of_break(Some("the pooling".to_owned()), &broken, &broken), "the pooling");
        assert_eq!(layout.place_of_break(None, &broken, &broken), "embedding");
        assert_eq!(layout.place_of_break(None, &fine, &broken), "the gradient of readout");
        assert_eq!(layout.place_of_break(None, &fine, &fine), "the loss");
    }
}

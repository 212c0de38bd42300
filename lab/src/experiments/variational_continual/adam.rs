//! Adam as the networks of this experiment use it: the direction of a step is asked for first, so that a rule can change it.

use super::fields::WEIGHTS_PER_TASK;
use crate::{Checkpoint, Error, Result, kernels::real::Real};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Constants of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    /// Decay of the mean gradient (beta 1).
    pub first: f64,
    /// Decay of the mean square (beta 2).
    pub second: f64,
    /// What keeps the division finite.
    pub epsilon: f64,
}

impl Decay {
    /// Those of the fields of a deep network in the published code.
    pub const FIELDS: Self = Self { first: 0.9, second: 0.99, epsilon: 1e-8 };
    /// The usual ones.
    pub const USUAL: Self = Self { first: 0.9, second: 0.999, epsilon: 1e-8 };
}

/// Moments of some parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments<T> {
    first: Vec<T>,
    second: Vec<T>,
    steps: u64,
}

impl<T: Real> Moments<T> {
    /// None yet, for so many parameters.
    pub fn new(parameters: usize) -> Self {
        Self { first: vec![T::ZERO; parameters], second: vec![T::ZERO; parameters], steps: 0 }
    }

    /// Takes the gradient in and replaces it by the direction `U` of the step; the step itself is `-learning_rate U`.
    ///
    /// `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `U = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)`.
    /// Source: D. Kingma, J. Ba (2015), arXiv 1412.6980, algorithm 1.
    pub fn direction(&mut self, gradient: &mut [T], decay: Decay) {
        self.steps += 1;
        let t = self.steps as f64;
        let (b1, b2, epsilon) = (T::of(decay.first), T::of(decay.second), T::of(decay.epsilon));
        let (c1, c2) = (T::of(1.0 - decay.first), T::of(1.0 - decay.second));
        let scale = T::of(1.0 / (1.0 - decay.first.powf(t)));
        let correction = T::of(1.0 / (1.0 - decay.second.powf(t)));
        let moments = self.first.par_chunks_mut(WEIGHTS_PER_TASK).zip(self.second.par_chunks_mut(WEIGHTS_PER_TASK));
        gradient.par_chunks_mut(WEIGHTS_PER_TASK).zip(moments).for_each(|(gradient, (first, second))| {
            for ((g, m), v) in gradient.iter_mut().zip(first).zip(second) {
                *m = b1 * *m + c1 * *g;
                *v = b2 * *v + c2 * (*g * *g);
                *g = scale * *m / ((correction * *v).sqrt() + epsilon);
            }
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.first.fill(T::ZERO);
        self.second.fill(T::ZERO);
        self.steps = 0;
    }
}

impl Moments<f32> {
    /// Saves the moments under names that begin with `name`.
    pub fn save(&self, name: &str, into: &mut Checkpoint) -> Result<()> {
        into.put_f32(&format!("{name}/first_moment"), &[self.first.len()], &self.first)?;
        into.put_f32(&format!("{name}/second_moment"), &[self.second.len()], &self.second)?;
        into.put_state(&format!("{name}/steps"), &self.steps)
    }

    /// Takes over what [`Moments::save`] saved. Errors: it is missing or of another size.
    pub fn restore(&mut self, name: &str, from: &Checkpoint) -> Result<()> {
        let (first, second) = (from.get_f32(&format!("{name}/first_moment"))?, from.get_f32(&format!("{name}/second_moment"))?);
        if (first.len(), second.len()) != (self.first.len(), self.second.len()) {
            return Err(Error::Checkpoint(format!("`{name}` is of another size")));
        }
        (self.first, self.second) = (first, second);
        self.steps = from.get_state(&format!("{name}/steps"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_direction_is_the_sign_and_the_second_is_by_hand() {
        let mut moments = Moments::new(2);
        let mut gradient = [0.5f64, -20.0];
        moments.direction(&mut gradient, Decay::FIELDS);
        assert!((gradient[0] - 1.0).abs() < 1e-7 && (gradient[1] + 1.0).abs() < 1e-7);
        let mut gradient = [1.0, 0.0];
        moments.direction(&mut gradient, Decay { epsilon: 0.0, ..Decay::FIELDS });
        let mean = (0.9 * 0.05 + 0.1) / (1.0 - 0.81);
        let square: f64 = (0.99 * 0.01 * 0.25 + 0.01) / (1.0 - 0.9801);
        assert!((gradient[0] - mean / square.sqrt()).abs() < 1e-12);
        moments.clear();
        assert_eq!(moments, Moments::new(2));
    }
}

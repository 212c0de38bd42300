//! What is said of a model whose numbers are no longer finite: its loss, and the part where the first such number is.

use crate::kernels::real::Real;

/// How a training came to an end before its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The loss of the step that was not made, in the unit of the training loss. It may be finite where a gradient is not.
    pub loss: f64,
    /// The part of the model that holds the first number that is not finite, as `the read-out`.
    pub place: String,
}

impl Broken {
    /// What the series of the loss gets: a number that is not finite, whatever broke.
    pub fn point(&self) -> f64 {
        if self.loss.is_finite() { f64::NAN } else { self.loss }
    }

    /// What broke, as the end of a sentence.
    pub fn told(&self) -> String {
        format!("its training loss is {}; {}", self.loss, first_in(&self.place))
    }
}

/// Where the first number that is not finite is, as the end of a sentence.
pub fn first_in(place: &str) -> String {
    format!("the first number that is not finite is in {place}")
}

/// Whether all of `values` are finite.
pub fn is_finite<T: Real>(values: &[T]) -> bool {
    values.iter().all(|value| value.wide().is_finite())
}

/// The first of some named parts that holds a number that is not finite. The parts come in the order in which a pass computes them.
pub fn first_broken<'a, N, T: Real>(parts: impl IntoIterator<Item = (N, &'a [T])>) -> Option<N> {
    parts.into_iter().find(|(_, values)| !is_finite(values)).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_is_not_finite_is_named() {
        let parts = [("embedding", [1.0f32, 2.0]), ("pooling", [f32::INFINITY, 0.0]), ("read-out", [f32::NAN, 0.0])];
        assert_eq!(first_broken(parts.iter().map(|(name, values)| (*name, values.as_slice()))), Some("pooling"));
        assert_eq!(first_broken(parts[..1].iter().map(|(name, values)| (*name, values.as_slice()))), None);
        let broken = Broken { loss: 0.5, place: "the gradient of readout.weight".to_owned() };
        assert!(broken.point().is_nan());
        assert_eq!(broken.told(), "its training loss is 0.5; the first number that is not finite is in the gradient of readout.weight");
        assert_eq!(Broken { loss: f64::INFINITY, ..broken }.point(), f64::INFINITY);
    }
}

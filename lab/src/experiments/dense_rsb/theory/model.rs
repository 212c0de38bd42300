//! What the theory knows of a network: how many spins interact, how many patterns are stored, and the variance of their crosstalk.

use crate::theory::Quadrature;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which products of spins the energy sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tuples {
    /// Products of P distinct spins: `H = -(P - 1)!/N^(P-1) sum_mu e_P(xi_mu s)`, with `e_P` the elementary symmetric polynomial.
    Distinct,
    /// Powers of the overlaps: `H = -sum_mu x_mu^P / (P N^(P-1))` (Krotov and Hopfield, 2016). Its crosstalk is larger; the theory here leaves
    /// out the glasses of lower order that it adds.
    Power,
}

/// A network of P-spin interactions that stores `load N^(P-1)` random patterns.
///
/// Temperatures are in units of the field, `h_i = m^(P-1) + ...`. For P >= 3 the crosstalk has the variance `v(q) = B q^(P-1)`; for P = 2 it is
/// `load q / (1 - beta (1 - q))^2`, with the soft factor of Amit, Gutfreund and Sompolinsky (1987).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// P, 2 to 10.
    pub order: u32,
    /// `alpha = K / N^(P-1)`, above 0.
    pub load: f64,
    /// Which products the energy sums.
    pub tuples: Tuples,
}

impl Model {
    /// Of products of distinct spins. Panics for an order outside 2 to 10 or a load that is not above 0.
    pub fn distinct(order: u32, load: f64) -> Self {
        assert!((2..=10).contains(&order), "orders from 2 to 10; got {order}");
        assert!(load > 0.0, "a load above 0; got {load}");
        Self { order, load, tuples: Tuples::Distinct }
    }

    /// The same network at another load.
    pub fn at_load(self, load: f64) -> Self {
        Self { load, ..self }
    }

    /// `B = alpha (P - 1)!` for distinct spins, `alpha (2 P - 3)!!` for powers: the variance of the crosstalk at T = 0 for P >= 3.
    pub fn crosstalk(&self) -> f64 {
        self.load * self.crosstalk_of_unit_load()
    }

    /// B at alpha = 1.
    pub fn crosstalk_of_unit_load(&self) -> f64 {
        let factors = 1..self.order;
        match self.tuples {
            Tuples::Distinct => factors.map(f64::from).product(),
            Tuples::Power => factors.map(|k| f64::from(2 * k - 1)).product(),
        }
    }

    /// `gamma = alpha P!/2`, the load in the normalisation of Albanese et al. (2021).
    pub fn gamma(&self) -> f64 {
        self.load * (1..=self.order).map(f64::from).product::<f64>() / 2.0
    }

    /// Whether the crosstalk has a soft part: only for P = 2.
    pub fn is_soft(&self) -> bool {
        self.order == 2
    }

    /// `m^(P-1)`, the field of the retrieved pattern.
    pub fn signal(&self, magnetisation: f64) -> f64 {
        magnetisation.powi(self.order as i32 - 1)
    }

    /// `1 - 1/P`.
    pub fn share_below(&self) -> f64 {
        1.0 - 1.0 / f64::from(self.order)
    }
}

/// The quadrature that means over a normal variable need at a temperature above 0: `tanh(beta h)` has its poles at `pi T / 2` from the real
/// axis, and below T = 0.2 no rule of some hundred nodes sees the step.
pub fn quadrature(temperature: f64) -> Quadrature {
    Quadrature::normal_trapezoid(if temperature < 0.2 { 6_001 } else { 601 }, 8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosstalk_and_loads() {
        for (order, distinct, power, gamma) in [(2, 1.0, 1.0, 1.0), (3, 2.0, 3.0, 3.0), (4, 6.0, 15.0, 12.0), (5, 24.0, 105.0, 60.0)] {
            let model = Model::distinct(order, 0.5);
            assert_eq!((model.crosstalk(), model.gamma()), (0.5 * distinct, 0.5 * gamma));
            assert_eq!(Model { tuples: Tuples::Power, ..model }.crosstalk(), 0.5 * power);
        }
    }
}

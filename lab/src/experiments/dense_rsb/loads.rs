//! Loads and the rules of networks that Monte Carlo simulates, which all kinds share.

use super::{
    ensemble::Cell,
    theory::{
        model::{Model, Tuples},
        spinodal::spinodal,
    },
};
use crate::{Recorder, config::CrossFaults, kernels::spin_tuples::Interaction, record::Level};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a sample may take.
const MOST_BYTES: u64 = 2_048 << 20;

/// What loads are given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadUnit {
    /// Shares of the replica-symmetric capacity at T = 0, so that all orders are as far from it.
    Capacity,
    /// `alpha = K / N^(P-1)`.
    Alpha,
    /// `gamma = alpha P!/2`, the paper's.
    Gamma,
}

impl LoadUnit {
    /// alpha of a load given in this unit.
    pub fn alpha(self, load: f64, order: u32, tuples: Tuples) -> f64 {
        match self {
            Self::Alpha => load,
            Self::Gamma => load / Model { order, load: 1.0, tuples }.gamma(),
            // Every order has a capacity at T = 0.
            Self::Capacity => load * capacity(order, tuples),
        }
    }
}

/// The replica-symmetric capacity at T = 0; it exists for every order.
pub fn capacity(order: u32, tuples: Tuples) -> f64 {
    spinodal(Model { order, load: 1.0, tuples }, 0.0).map_or(f64::NAN, |found| found.load)
}

/// Tells which of the orders the paper does not cover.
pub fn tell_extension(orders: &[u32], out: &mut Recorder) {
    for order in orders.iter().filter(|order| !order.is_multiple_of(2)) {
        out.log(Level::Info, format!("The paper covers even P; P = {order} is an extension."));
    }
}

/// Adds the faults of orders and their numbers of neurons, in the fields `orders` and `neurons`; returns whether they can be paired.
pub fn check_orders(orders: &[u32], neurons: &[usize], faults: &mut CrossFaults) -> bool {
    if orders.iter().enumerate().any(|(at, order)| orders[..at].contains(order)) {
        faults.push(&["orders"], "must not repeat");
    }
    if orders.len() != neurons.len() {
        faults.push(&["neurons", "orders"], format!("one number for each of {} orders; got {}", orders.len(), neurons.len()));
        return false;
    }
    for (order, units) in orders.iter().zip(neurons) {
        check_units(*order, *units, "neurons", faults);
    }
    true
}

/// Adds the fault of more neurons than an order's sums allow.
pub fn check_units(order: u32, units: usize, field: &'static str, faults: &mut CrossFaults) {
    let most = Interaction::most_units(order);
    if units > most {
        faults.push(&[field, "orders"], format!("P={order} is simulated with at most {most} neurons; got {units}"));
    }
}

/// Adds the faults of cells whose patterns are none, or too many for the memory, under the name of a field.
pub fn check_cells<'a>(cells: impl Iterator<Item = &'a Cell>, fields: &[&str], faults: &mut CrossFaults) {
    let mut worst: Option<&Cell> = None;
    for cell in cells {
        let Cell { order, neurons, load, .. } = cell;
        if cell.patterns() == 0 {
            faults.push(fields, format!("K rounds to 0: N={neurons},P={order},alpha={load}"));
            return;
        }
        if cell.bytes() > worst.map_or(MOST_BYTES, Cell::bytes) {
            worst = Some(cell);
        }
    }
    if let Some(cell) = worst {
        let Cell { order, neurons, load, .. } = cell;
        let needs = format!("N={neurons},P={order},alpha={load} needs K={} patterns, {} MiB", cell.patterns(), cell.bytes() >> 20);
        faults.push(fields, format!("{needs}; limit {} MiB", MOST_BYTES >> 20));
    }
}

/// Adds the fault of a grid that does not ascend.
pub fn check_ascending(field: &'static str, values: &[f64], faults: &mut CrossFaults) {
    if !values.is_sorted_by(|a, b| a < b) {
        faults.push(&[field], "must ascend without repeating");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_loads() {
        assert_eq!(LoadUnit::Alpha.alpha(0.2, 4, Tuples::Distinct), 0.2);
        assert!((LoadUnit::Gamma.alpha(0.395_720_24, 4, Tuples::Distinct) - 0.032_976_69).abs() < 1e-8);
        assert!((LoadUnit::Capacity.alpha(0.5, 2, Tuples::Distinct) - 0.068_952_785).abs() < 1e-8);
        assert!((LoadUnit::Capacity.alpha(1.0, 3, Tuples::Power) - 0.084_063_5).abs() < 1e-7);
    }
}

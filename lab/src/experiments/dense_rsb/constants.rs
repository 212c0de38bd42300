//! The constants of an order at T = 0, computed, and beside them those computed before by others and by an independent implementation.

use super::theory::{
    broken_branch::{broken_branch, fold},
    broken_ground_state::BrokenGroundState,
    capacity::{broken_ground_state_load, ground_state_load},
    model::{Model, Tuples},
    spinodal::spinodal,
};
use serde::{Deserialize, Serialize};

/// Constants of one order; loads are alpha.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// P.
    pub order: u32,
    /// What the energy sums.
    pub tuples: Tuples,
    /// Replica-symmetric capacity and m there.
    pub symmetric: (f64, f64),
    /// One-step-broken capacity and m there; `None` where the branch was lost.
    pub broken: Option<(f64, f64)>,
    /// Load at which retrieval stops being the ground state, beside the one-step-broken glass, at P = 2 the replica-symmetric one; `None` where it is up
    /// to its spinodal.
    pub ground_state: Option<f64>,
    /// The same beside the one-step-broken glass at every order.
    pub broken_ground_state: Option<f64>,
    /// One-step-broken retrieval states, load and m, from 0.9 of the replica-symmetric capacity to the fold.
    pub branch: Vec<(f64, f64)>,
    /// Largest residual of the states of the branch.
    pub residual: f64,
}

/// A known constant: its value and how many decimals are given.
type Known = (f64, i32);

/// Per order from 2: replica-symmetric alpha, gamma and m, one-step-broken alpha, and the load of the ground state.
///
/// P = 2: A. Crisanti, D. Amit and H. Gutfreund (1986) and H. Steffan and R. Kuehn (1994), Z. Phys. B 95:249; the others were computed anew.
const KNOWN: [[Option<Known>; 5]; 5] = [
    [Some((0.137_905_57, 8)), Some((0.137_905_57, 8)), Some((0.967_417, 6)), Some((0.138_186, 6)), Some((0.0519, 4))],
    [Some((0.126_095_22, 8)), Some((0.378_285_65, 8)), Some((0.838_482, 6)), Some((0.153_74, 5)), None],
    [Some((0.032_976_69, 8)), Some((0.395_720_24, 8)), Some((0.917_922, 6)), Some((0.038_195, 6)), Some((0.031_714, 6))],
    [Some((0.007_198_86, 8)), Some((0.431_931_39, 8)), Some((0.947_243, 6)), Some((0.008_143_3, 7)), Some((0.006_135, 6))],
    [Some((0.001_314_00, 8)), Some((0.473_038_61, 8)), Some((0.961_987, 6)), Some((0.001_465_9, 7)), Some((0.001_010_6, 7))],
];

impl Constants {
    /// Of an order in 2..=10. Takes seconds.
    pub fn of(order: u32, tuples: Tuples) -> Self {
        let model = Model { order, load: 1.0, tuples };
        let symmetric = spinodal(model, 0.0).map_or((f64::NAN, f64::NAN), |found| (found.load, found.magnetisation));
        let states = broken_branch(model).unwrap_or_default();
        let top = fold(model, &states);
        let residual = states.iter().chain(&top).map(|state| state.residual).fold(0.0, f64::max);
        let place = |state: &BrokenGroundState| (state.load, state.magnetisation);
        let mut branch: Vec<(f64, f64)> = states.iter().take(states.len().saturating_sub(1)).map(place).collect();
        // The last state before the largest may lie beyond it.
        branch.retain(|(_, m)| top.is_none_or(|top| *m > top.magnetisation));
        branch.extend(top.as_ref().map(place));
        let (ground_state, broken_ground_state) = (ground_state_load(model), broken_ground_state_load(model));
        Self { order, tuples, symmetric, broken: top.as_ref().map(place), ground_state, broken_ground_state, branch, residual }
    }

    /// By how much the one-step-broken capacity is above the replica-symmetric one, as a share of that.
    pub fn gain(&self) -> Option<f64> {
        self.broken.map(|(load, _)| load / self.symmetric.0 - 1.0)
    }

    /// How many constants are known of this order, and how many of them came out otherwise: further off than half a unit of the last digit given,
    /// or there where there should be none. None are known of powers.
    pub fn beside_known(&self) -> (usize, usize) {
        let known = KNOWN.get(self.order as usize - 2).filter(|_| self.tuples == Tuples::Distinct);
        let Some(known) = known else { return (0, 0) };
        let gamma = Model { order: self.order, load: self.symmetric.0, tuples: self.tuples }.gamma();
        let found = [Some(self.symmetric.0), Some(gamma), Some(self.symmetric.1), self.broken.map(|broken| broken.0), self.ground_state];
        let is_off = |(found, known): &(Option<f64>, Option<Known>)| match (found, known) {
            // Half a unit, and what rounding of the comparison takes.
            (Some(found), Some((value, decimals))) => (found - value).abs() > 0.5001 * 10f64.powi(-decimals),
            (None, None) => false,
            _ => true,
        };
        (known.len(), found.into_iter().zip(*known).filter(is_off).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_come_out_as_they_are_known_and_wrong_ones_are_told() {
        let found = Constants::of(4, Tuples::Distinct);
        assert_eq!(found.beside_known(), (5, 0), "{found:?}");
        assert!((found.gain().unwrap() - 0.1582).abs() < 1e-3 && found.residual < 1e-10);
        assert!(found.branch.is_sorted_by(|a, b| a.0 <= b.0 && a.1 > b.1) && found.branch.len() > 20, "{:?}", found.branch);
        let wrong = Constants { symmetric: (0.032_977_5, found.symmetric.1), ground_state: None, ..found.clone() };
        // Both alpha and gamma are off.
        assert_eq!(wrong.beside_known(), (5, 3));
        assert_eq!(Constants { tuples: Tuples::Power, ..found.clone() }.beside_known(), (0, 0));
        assert_eq!(Constants { order: 7, ..found }.beside_known(), (0, 0));
    }
}

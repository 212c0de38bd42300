//! Critical capacities at T = 0, at both levels of the theory, and the load at which retrieval stops being the ground state.

use super::{
    broken_ground_state::{BrokenGroundState, BrokenTheory},
    glass::broken_glass_energy,
    ground_state,
    model::Model,
    spinodal::{golden_section, spinodal},
};
use crate::theory::root_finding::brent;

/// Steps of m on the way to the fold.
const STEP: f64 = 0.005;
/// Where the branch is entered, as a share of the replica-symmetric capacity: far below the fold, where iteration still converges.
const ENTRY: f64 = 0.9;

/// The one-step-broken retrieval states at T = 0 from below the replica-symmetric capacity to just past the fold, in steps of m: the load rises until
/// the last but one.
///
/// The load of `model` is not read. `None` where the branch is not found or lost before the fold.
pub fn broken_branch(model: Model) -> Option<Vec<BrokenGroundState>> {
    let theory = BrokenTheory::new(model);
    let mut state = theory.retrieval(spinodal(model, 0.0)?.load * ENTRY)?;
    let mut branch = vec![state];
    loop {
        let next = theory.at_magnetisation(state.magnetisation - STEP, &state);
        if !next.converged || next.magnetisation < STEP {
            return None;
        }
        branch.push(next);
        if next.load < state.load {
            return Some(branch);
        }
        state = next;
    }
}

/// The state of largest load around the end of a [`broken_branch`] of the model: the load maximised over m.
pub fn fold(model: Model, branch: &[BrokenGroundState]) -> Option<BrokenGroundState> {
    let theory = BrokenTheory::new(model);
    let top = branch.get(branch.len().checked_sub(2)?)?;
    let load = |m: f64| Some(theory.at_magnetisation(m, top)).filter(|found| found.converged).map_or(f64::NAN, |found| found.load);
    let m = golden_section(load, top.magnetisation - STEP, top.magnetisation + STEP);
    Some(theory.at_magnetisation(m, top)).filter(|found| found.converged)
}

/// The one-step-broken state of largest load: the branch of retrieval states is followed in m, which passes the fold smoothly.
///
/// The load of `model` is not read. `None` where the branch is not found or lost before the fold.
pub fn broken_capacity(model: Model) -> Option<BrokenGroundState> {
    fold(model, &broken_branch(model)?)
}

/// The load at which the replica-symmetric retrieval state and the glass have the same energy at T = 0, the one-step-broken glass for P >= 3, the
/// replica-symmetric one for P = 2. `None` where retrieval is lowest up to its spinodal.
pub fn ground_state_load(model: Model) -> Option<f64> {
    let most = spinodal(model, 0.0)?.load;
    let excess = |load: f64| {
        let model = model.at_load(load);
        let glass = if model.is_soft() { Some(ground_state::glass(model).energy) } else { broken_glass_energy(model) };
        match (ground_state::retrieval(model), glass) {
            (Some(retrieval), Some(glass)) => retrieval.energy - glass,
            _ => f64::NAN,
        }
    };
    brent(excess, 1e-3 * most, most * (1.0 - 1e-12), 1e-14).ok()
}

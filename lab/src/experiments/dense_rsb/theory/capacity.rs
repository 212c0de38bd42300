//! Critical capacities at T = 0, at both levels of the theory, and the load at which retrieval stops being the ground state.

use super::{
    broken_branch::{broken_branch, fold},
    broken_ground_state::BrokenGroundState,
    glass::broken_glass_energy,
    ground_state,
    model::Model,
    spinodal::spinodal,
};
use crate::theory::root_finding::brent;

/// The one-step-broken state of largest load: the branch of retrieval states is followed in m, which passes the fold smoothly.
///
/// The load of `model` is not read. `None` where the branch is not found or lost before the fold.
pub fn broken_capacity(model: Model) -> Option<BrokenGroundState> {
    fold(model, &broken_branch(model)?)
}

/// The load at which the replica-symmetric retrieval state and a glass have the same energy at T = 0. `None` where retrieval is lowest up to its
/// spinodal.
///
/// The glass is the one-step-broken one for P >= 3 and the replica-symmetric one for P = 2, as in the literature (Amit, Gutfreund and Sompolinsky, 1987);
/// [`broken_ground_state_load`] has the broken one for every order.
pub fn ground_state_load(model: Model) -> Option<f64> {
    if model.is_soft() { equal_load(model, |model| Some(ground_state::glass(model).energy)) } else { broken_ground_state_load(model) }
}

/// The same with the one-step-broken glass for every order.
pub fn broken_ground_state_load(model: Model) -> Option<f64> {
    equal_load(model, broken_glass_energy)
}

fn equal_load(model: Model, glass: impl Fn(Model) -> Option<f64>) -> Option<f64> {
    let most = spinodal(model, 0.0)?.load;
    let excess = |load: f64| {
        let model = model.at_load(load);
        match (ground_state::retrieval(model), glass(model)) {
            (Some(retrieval), Some(glass)) => retrieval.energy - glass,
            _ => f64::NAN,
        }
    };
    brent(excess, 1e-3 * most, most * (1.0 - 1e-12), 1e-14).ok()
}

//! The branch of one-step-broken retrieval states at T = 0, followed in m, which passes the largest load smoothly.

use super::{
    broken_ground_state::{BrokenGroundState, BrokenTheory},
    model::Model,
    spinodal::{golden_section, spinodal},
};
use crate::theory::root_finding::brent;

/// How the search for a one-step-broken state ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search<S> {
    /// With a state that solves all equations.
    Found(S),
    /// There is none.
    Absent,
    /// The solver lost the branch; nothing is known.
    Lost {
        /// Largest residual where it did, as far as there is one.
        residual: f64,
    },
}

impl<S> Search<S> {
    /// What the state says, where there is one.
    pub fn map<T>(self, say: impl FnOnce(S) -> T) -> Search<T> {
        match self {
            Self::Found(state) => Search::Found(say(state)),
            Self::Absent => Search::Absent,
            Self::Lost { residual } => Search::Lost { residual },
        }
    }

    /// The state, where there is one.
    pub fn found(self) -> Option<S> {
        match self {
            Self::Found(state) => Some(state),
            Self::Absent | Self::Lost { .. } => None,
        }
    }
}

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
    let mut state = theory.by_iteration(spinodal(model, 0.0)?.load * ENTRY)?;
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

impl BrokenTheory {
    /// The retrieval state at a load: by iteration, and where that falls off the branch, as it does near the largest load, as a root of the load along the
    /// branch. [`Search::Absent`] beyond the largest load.
    pub fn retrieval(&self, load: f64) -> Search<BrokenGroundState> {
        if let Some(found) = self.by_iteration(load) {
            return Search::Found(found);
        }
        let lost = Search::Lost { residual: f64::NAN };
        let Some(branch) = broken_branch(self.model()) else { return lost };
        let Some(top) = fold(self.model(), &branch) else { return lost };
        if load > top.load {
            return Search::Absent;
        }
        let states: Vec<BrokenGroundState> =
            branch.into_iter().filter(|state| state.magnetisation > top.magnetisation).chain([top]).collect();
        let after = states.partition_point(|state| state.load < load);
        // Below the entry iteration should not have failed.
        let (Some(right), Some(left)) = (states.get(after), after.checked_sub(1).map(|at| states[at])) else { return lost };
        let excess = |m: f64| {
            let found = self.at_magnetisation(m, &left);
            if found.converged { found.load - load } else { f64::NAN }
        };
        match brent(excess, right.magnetisation, left.magnetisation, 1e-14) {
            Ok(m) => Search::Found(self.at_magnetisation(m, &left)),
            Err(_) => lost,
        }
    }
}

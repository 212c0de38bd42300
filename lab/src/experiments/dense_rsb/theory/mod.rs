//! Theory of dense (P-spin) associative memories, replica-symmetric and with one step of replica symmetry breaking, at any temperature.
//!
//! Model, symbols and units: [`model`]. Nothing here is random; every solver says whether it converged.

pub mod broken_branch;
pub mod broken_glass;
pub mod broken_ground_state;
pub mod broken_retrieval;
pub mod capacity;
pub mod glass;
pub mod ground_state;
pub mod model;
pub mod one_step;
pub mod replica_symmetric;
pub mod spinodal;
pub mod split;

#[cfg(test)]
mod tests;

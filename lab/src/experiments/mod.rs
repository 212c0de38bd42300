//! The experiments, one module per paper, named after its id.

pub mod g2gnet;
pub mod homeostatic;
pub mod hopfield;
pub mod nhl;
pub mod variational_continual;

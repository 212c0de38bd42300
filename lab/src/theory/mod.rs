//! Numerics that the systems of statistical physics share, in `f64`: fixed points, roots, quadratures and the normal distribution.
//!
//! Nothing here is random and nothing depends on the number of threads. Solvers say whether they converged and never stay silent about it.

pub mod fixed_point;
pub mod normal;
pub mod quadrature;
pub mod root;

pub use fixed_point::{Damped, FixedPoint};
pub use quadrature::Rule;

//! Numerics that the systems of statistical physics share, in `f64`: fixed points, roots, quadratures, the normal distribution, and what is
//! said of Monte Carlo results.
//!
//! Nothing here is random and nothing depends on the number of threads. Solvers say whether they converged and never stay silent about it.

pub mod fixed_point;
pub mod monte_carlo;
pub mod newton;
pub mod normal_distribution;
pub mod quadrature;
pub mod root_finding;

pub use fixed_point::{Damped, FixedPoint};
pub use quadrature::Quadrature;

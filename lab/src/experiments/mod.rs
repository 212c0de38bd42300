//! The experiments, one module per paper, named after its id, and what several of them share.

pub mod dense_rsb;
pub mod divergence;
pub mod g2gnet;
pub mod homeostatic;
pub mod hopfield;
pub mod multitasking;
pub mod nhl;
pub mod pavlovian;
pub mod study;
pub mod variational_continual;

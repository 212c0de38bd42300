//! G2GNet: group-to-group sparse networks with dynamic rewiring, against dense and random wiring.

pub mod config;
pub mod groups;
pub mod mask;
pub mod rewiring;
pub mod scores;

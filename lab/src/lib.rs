//! The science of Engram as a plain library: experiments, learning rules, kernels and data sets. No HTTP, no SQL, no async.

pub mod checkpoint;
pub mod config;
pub mod datasets;
mod error;
pub mod experiment;
pub mod experiments;
pub mod json;
pub mod kernels;
pub mod npy;
pub mod png;
pub mod random;
pub mod record;
pub mod registry;
pub mod schema;
pub mod theory;

pub use checkpoint::Checkpoint;
pub use config::{Check, Config};
pub use error::{Error, Result};
pub use experiment::{Experiment, Lab, Running};
pub use record::Recorder;
pub use registry::{Entry, Registry};
pub use schema::{ConfigFaults, Fault};

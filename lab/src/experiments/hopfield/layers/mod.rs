//! Trained layers on plain slices, each with its own backward pass: linear maps, layer norms, Hopfield associations, and AdamW.
//!
//! The layers are small and many train side by side, so that every one runs on the thread that calls it; experiments spread models over
//! threads. All are written for `f32` and `f64`.

pub mod adamw;
pub mod association;
pub mod attend;
pub mod cross_entropy;
pub mod dense;
pub mod lookup;
pub mod parameters;

pub use adamw::{AdamW, clip};
pub use association::{Association, AssociationShape, Variant};
pub use attend::{Heads, Item, Stop};
pub use dense::{LayerNorm, Linear};
pub use lookup::Lookup;
pub use parameters::{Block, Layout};

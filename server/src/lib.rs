//! The Engram server: the HTTP contract, live events, storage and the supervision of local workers.

pub mod api;
pub mod claims;
pub mod clock;
pub mod config;
pub mod datasets;
pub mod error;
pub mod evidence;
pub mod export;
pub mod extract;
pub mod follow;
pub mod grid;
pub mod guard;
pub mod idempotency;
pub mod interval;
pub mod limits;
pub mod live;
pub mod metrics;
pub mod objects;
pub mod presence;
pub mod preview;
pub mod sameness;
pub mod secret;
pub mod serve;
pub mod state;
pub mod store;
pub mod supervisor;

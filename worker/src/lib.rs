//! The worker: leases a run, fetches its data, drives the experiment and reports over HTTP.

mod backlog;
mod backoff;
pub mod client;
pub mod device;
pub mod engine;
pub mod fetch;
mod gpu;
pub mod http;
pub mod orders;
mod outbox;
mod position;
mod prepare;
pub mod protocol;
mod pulse;
mod report;
pub mod run_loop;
pub mod terminal;
pub mod threads;
mod upload;

pub use run_loop::{WorkerOptions, host_name, run_worker};
pub use terminal::{TerminalRun, run_in_terminal};

/// The `engram_version`: a run resumes only on the version that wrote its checkpoint.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Milliseconds since 1970 by this machine's clock.
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

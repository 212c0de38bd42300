//! The worker against a server that keeps the protocol, and the engine alone.

mod engine;
mod leases;
mod reports;
mod server;
mod terminal;
mod walk;

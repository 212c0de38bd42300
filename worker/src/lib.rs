//! The worker: leases a run, fetches its data, drives the experiment and reports over HTTP.

pub mod protocol;

//! The lab's figures as a user meets them: the real `engram` binary, real HTTP and WebSockets, each figure beside its aim.
//!
//! `cargo bench --workspace --bench figures` prints all of them; names after `--` choose (`-- cold_start viewers`). Client and server share
//! the machine's cores. The server is a fresh one on SQLite in a temporary folder, or on the database that `ENGRAM_BENCH_DATABASE_URL` names.
#![allow(clippy::print_stdout, reason = "a benchmark's answer is what it prints")]
#![allow(missing_docs, reason = "a program, not a library")]

#[path = "../../tests/support/chrome.rs"]
mod chrome;
#[path = "../../tests/support/mod.rs"]
mod support;

mod lab;
mod live;
mod pages;
mod reads;
mod writes;

use std::time::Duration;

/// One line of the answer.
pub struct Figure {
    pub what: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// At most this, or with `more_is_better` at least this.
    pub aim: Option<f64>,
    pub more_is_better: bool,
}

impl Figure {
    /// A figure to keep below its aim.
    pub fn at_most(what: &'static str, value: f64, unit: &'static str, aim: f64) -> Self {
        Self { what, value, unit, aim: Some(aim), more_is_better: false }
    }

    /// A figure to bring above its aim.
    pub fn at_least(what: &'static str, value: f64, unit: &'static str, aim: f64) -> Self {
        Self { what, value, unit, aim: Some(aim), more_is_better: true }
    }

    /// A figure without an aim.
    pub fn plain(what: &'static str, value: f64, unit: &'static str) -> Self {
        Self { what, value, unit, aim: None, more_is_better: false }
    }

    fn print(&self) {
        let Self { what, value, unit, aim, more_is_better } = self;
        let digits = if *value >= 100.0 { 0 } else { 3 };
        let verdict = match aim {
            None => String::new(),
            Some(aim) => {
                let met = if *more_is_better { value >= aim } else { value <= aim };
                format!("aim {} {aim} {unit}: {}", if *more_is_better { "≥" } else { "≤" }, if met { "met" } else { "MISSED" })
            }
        };
        println!("{what:<58} {value:>12.digits$} {unit:<10} {verdict}");
    }
}

/// The value that `share` of the values do not exceed.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn main() {
    // `cargo bench` adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|other| other == name);
    server::limits::allow_many_files();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let print = |figures: Vec<Figure>| figures.iter().for_each(Figure::print);
    if wants("cold_start") {
        print(lab::cold_start());
    }
    if wants("idle_memory") {
        print(lab::idle_memory());
    }
    if wants("writes") {
        print(runtime.block_on(writes::writes()));
    }
    if wants("reads") {
        print(runtime.block_on(reads::reads()));
    }
    if wants("latency") {
        print(runtime.block_on(live::latency()));
    }
    if wants("viewers") {
        print(runtime.block_on(live::thousand_viewers()));
    }
    if wants("pages") {
        print(runtime.block_on(pages::pages()));
    }
}

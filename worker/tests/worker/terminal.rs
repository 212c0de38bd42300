//! Running in the terminal.

use crate::walk::REGISTRY;
use worker::{TerminalRun, device::DeviceChoice, run_in_terminal};

fn options(set: &[(&str, &str)]) -> TerminalRun {
    TerminalRun {
        experiment: "walk".to_owned(),
        preset: "quick".to_owned(),
        set: set.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
        seed: None,
        device: DeviceChoice::Cpu,
        json: true,
        data_folders: vec![],
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let run =
        TerminalRun { preset: "quik".to_owned(), seed: Some(1 << 53), ..options(&[("steps", "0"), ("stops", "4"), ("step_ms", "fast")]) };
    let text = run_in_terminal(run, &REGISTRY).unwrap_err().to_string();
    for part in [
        "did you mean `quick`?",
        "steps: must be",
        "did you mean `steps`?",
        "step_ms: must be",
        "--seed: must be between 0 and 9007199254740991",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let unknown = TerminalRun { experiment: "wal".to_owned(), ..options(&[]) };
    assert!(run_in_terminal(unknown, &REGISTRY).unwrap_err().to_string().contains("did you mean `walk`?"));
}

#[test]
fn a_run_ends_well_or_with_the_experiments_reason() {
    run_in_terminal(options(&[("steps", "30"), ("dataset", "digits")]), &REGISTRY).unwrap();
    run_in_terminal(TerminalRun { json: false, ..options(&[]) }, &REGISTRY).unwrap();
    let error = run_in_terminal(options(&[("panic_at", "3")]), &REGISTRY).unwrap_err().to_string();
    assert!(error.contains("walk: The experiment panicked: the walker fell at step 3"), "{error}");
    let error = run_in_terminal(options(&[("dataset", "mnist")]), &REGISTRY).unwrap_err().to_string();
    assert!(error.contains("`engram data fetch mnist`"), "{error}");
}

#[test]
fn a_preset_that_needs_a_gpu_is_refused_on_a_processor() {
    let error = run_in_terminal(TerminalRun { preset: "long".to_owned(), ..options(&[]) }, &REGISTRY).unwrap_err().to_string();
    assert!(error.contains("--preset: long needs a GPU") && error.contains("--features cuda"), "{error}");
}

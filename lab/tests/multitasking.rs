//! Every kind of the multitasking experiment, driven as the engine drives it: resuming, threads, what it says, and Monte Carlo beside
//! theory.

mod support;

use lab::{
    experiments::multitasking::{
        dynamics::Dynamics,
        learned::{Learned, entropy},
        mean_field::{MeanField, critical_dilution},
    },
    theory::monte_carlo::z_score,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{
    Config, Drive, assert_presets_show_every_kind, assert_resumes_at, assert_same_on_any_threads, assert_says_what_its_card_lists,
    summary_of,
};

fn config(preset: &str, given: Value) -> Config {
    support::config("multitasking", preset, &given)
}

/// A small run of every kind, some of them in several ways.
fn kinds() -> Vec<Config> {
    let mut configs = [
        json!({
            "kind": "amplitudes", "neurons": 400, "dilutions": [0.0, 0.3, 0.9], "temperatures": [0.0, 0.2], "samples": 5,
            "sweeps": 12, "burn_in": 4
        }),
        json!({
            "kind": "amplitudes", "neurons": 300, "patterns": [8], "dilutions": [0.4], "samples": 3, "dynamics": "sequential",
            "init": "mixture", "sweeps": 6, "burn_in": 2
        }),
        json!({
            "kind": "temperature", "neurons": 3_000, "temperatures": [0.1, 0.3], "dilutions": [0.9], "samples": 6,
            "dynamics": "lumped"
        }),
        json!({
            "kind": "temperature", "neurons": 300, "patterns": 12, "theory": false, "temperatures": [0.1], "samples": 2,
            "dynamics": "parallel"
        }),
        json!({ "kind": "phase", "dilution_points": 6, "temperature_points": 5 }),
        json!({ "kind": "learning", "neurons": 300, "examples": [5, 100, 400], "dilutions": [0.0, 0.3], "samples": 3 }),
        json!({
            "kind": "learning", "neurons": 300, "examples": [20], "temperature": 0.1, "init": "example", "samples": 2, "sweeps": 10,
            "burn_in": 5
        }),
        json!({ "kind": "learning", "neurons": 300, "patterns": 10, "theory": false, "examples": [20, 40], "samples": 2 }),
        json!({ "kind": "loss", "neurons": 500, "sweeps": 8 }),
        json!({ "kind": "picture", "side": 20, "temperature": 0.1, "sweeps": 6 }),
        json!({ "kind": "growth", "neurons": [150, 500], "samples": 5 }),
    ];
    configs.iter_mut().map(|given| config("none", given.take())).collect()
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("multitasking", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    // Theory alone has no seed.
    for config in kinds().into_iter().filter(|config| config["kind"] != "phase") {
        let total = start(&config, 3).total_steps();
        let stops = BTreeSet::from([1, total.min(2), total / 2, total - 1, total]);
        assert_resumes_at("multitasking", &config, &stops.into_iter().filter(|stop| *stop > 0).collect::<Vec<_>>());
    }
}

#[test]
fn a_map_of_theory_restored_anywhere_is_the_same_whatever_the_seed() {
    let config = kinds().into_iter().find(|config| config["kind"] == "phase").unwrap();
    let whole = start(&config, 3).run_out();
    for stop in 1..5 {
        let mut first = start(&config, 4);
        first.run_to(stop);
        let rest = first.resume(&first.save()).run_out();
        assert_eq!([&first.heard().said[..], &rest.said].concat(), whole.said);
        assert_eq!((rest.summary, rest.artifacts[0].bytes.clone()), (whole.summary.clone(), whole.artifacts[0].bytes.clone()));
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    for config in kinds() {
        assert_same_on_any_threads("multitasking", &config);
    }
}

#[test]
fn what_all_kinds_say_is_what_the_card_promises() {
    for (config, heard) in assert_says_what_its_card_lists("multitasking", kinds()) {
        let (kind, patterns) = (config["kind"].as_str().unwrap(), config.get("patterns").and_then(Value::as_u64).unwrap_or(1));
        if kind == "phase" {
            continue;
        }
        for name in ["energy", "loss/product", "dynamics/flips", "dynamics/acceptance", "magnetisation/mode_1"] {
            assert!(heard.metrics.contains(name), "{kind} does not say {name}");
        }
        let told = heard.metrics.iter().filter(|name| name.starts_with("magnetisation/")).count() as u64;
        assert!(told >= patterns.min(8), "{kind} says {told} amplitudes of {patterns} patterns");
    }
}

#[test]
fn presets_are_valid_and_every_kind_has_one() {
    assert_presets_show_every_kind("multitasking");
}

#[test]
fn presets_hold_what_they_promise() {
    let grid = |from: u32, to: u32, over: f64| json!((from..=to).map(|k| f64::from(k) / over).collect::<Vec<_>>());
    let expected = [
        (
            "quick",
            json!({
                "kind": "amplitudes", "neurons": 5_000, "patterns": [3], "dilutions": grid(1, 9, 10.0), "temperatures": [0.05], "samples": 5,
                "sweeps": 60, "burn_in": 30
            }),
        ),
        (
            "amplitudes_standard",
            json!({
                "kind": "amplitudes", "neurons": 20_000, "patterns": [3, 5], "dilutions": grid(1, 19, 20.0), "temperatures": [0.0, 0.1],
                "samples": 20
            }),
        ),
        (
            "amplitudes_paper",
            json!({ "kind": "amplitudes", "neurons": 100_000, "patterns": [3, 5, 7], "temperatures": grid(0, 9, 50.0), "samples": 100 }),
        ),
        ("temperature_quick", json!({ "kind": "temperature", "neurons": 20_000, "patterns": 3, "dilutions": [0.4, 0.9], "samples": 20 })),
        ("phase_quick", json!({ "kind": "phase", "patterns": 3, "dilution_points": 50, "temperature_points": 41 })),
        (
            "learning_quick",
            json!({
                "kind": "learning", "neurons": 2_000, "patterns": 2, "dilutions": [0.3], "qualities": [0.2], "examples": [10, 40, 160],
                "samples": 3
            }),
        ),
        (
            "learning_standard",
            json!({
                "kind": "learning", "neurons": 10_000, "dilutions": [0.0, 0.3, 0.6], "examples": [5, 10, 20, 40, 80, 160, 320, 640],
                "samples": 10
            }),
        ),
        ("learning_paper", json!({ "kind": "learning", "neurons": 100_000, "qualities": [0.1, 0.2, 0.5], "samples": 50 })),
        ("growth_quick", json!({ "kind": "growth", "neurons": [1_000, 3_162, 10_000, 31_623, 100_000], "dilution": 0.3, "samples": 20 })),
    ];
    for (preset, fields) in expected {
        let complete = config(preset, json!({}));
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(&complete[name], value, "{preset}/{name}");
        }
    }
    let paper = config("amplitudes_paper", json!({}));
    assert_eq!(paper["dilutions"].as_array().unwrap().len(), 40);
    assert_eq!(config("learning_paper", json!({}))["examples"].as_array().unwrap().last().unwrap(), 10_000);
    assert_eq!(config("none", json!({ "kind": "temperature" }))["neurons"], 5_000);
    let five = |preset: &str| {
        lab::registry::standard().get("multitasking").unwrap().card.presets.iter().any(|known| known.id == preset && known.seeds.len() == 5)
    };
    assert!(
        ["quick", "amplitudes_standard", "temperature_quick", "learning_quick", "learning_standard", "growth_quick"].into_iter().all(five)
    );
}

/// Rows of a table by the columns' names.
fn table(preset: &str, given: Value, seed: u64) -> (BTreeMap<String, f64>, Vec<BTreeMap<String, String>>) {
    let heard = Drive::start("multitasking", &config(preset, given), seed).run_out();
    let text = String::from_utf8(heard.artifacts[0].bytes.clone()).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    (heard.summary, lines.map(|row| header.iter().cloned().zip(row).collect()).collect())
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or(f64::NAN)
}

/// Prints every measured amplitude beside theory and asserts the rule of acceptance, |MC - theory| <= 4 SE + 0.01.
#[allow(clippy::print_stdout)]
fn assert_meets_theory(rows: &[BTreeMap<String, String>], expected: impl Fn(f64, f64) -> Option<Vec<f64>>) -> usize {
    let mut compared = 0;
    for row in rows.iter().filter(|row| row["arm"] == "diluted") {
        let (dilution, temperature, mode) = (number(row, "dilution"), number(row, "temperature"), number(row, "mode") as usize);
        let Some(theory) = expected(dilution, temperature).map(|theory| theory[mode - 1]) else { continue };
        let (mean, error) = (number(row, "amplitude"), number(row, "standard_error"));
        let z = z_score(mean, error, theory);
        println!("d {dilution} T {temperature} m_{mode}: measured {mean:.4} ± {error:.4}, theory {theory:.4}, z {z:.2}");
        assert!((mean - theory).abs() <= 4.0 * error + 0.01, "d {dilution} T {temperature} m_{mode}: {mean} ± {error}, theory {theory}");
        compared += 1;
    }
    compared
}

#[test]
fn amplitudes_are_those_of_theory() {
    let given = json!({ "dilutions": [0.2, 0.4, 0.5, 0.6, 0.7], "temperatures": [0.0, 0.1], "samples": 5 });
    let (summary, rows) = table("quick", given, 0);
    // Values of an independent implementation; at T = 0.1 and d = 0.2 the third mode is dead.
    let reference = |dilution: f64, temperature: f64| match ((dilution * 10.0).round() as i32, temperature > 0.0) {
        (2, false) => Some(vec![1.0, 0.2, 0.04]),
        (4, false) => Some(vec![1.0, 0.4, 0.16]),
        (5, false) => Some(vec![1.0, 0.5, 0.25]),
        (7, false) => Some(vec![0.955, 0.745, 0.535]),
        (2, true) => Some(vec![1.0, 0.1915, 0.0]),
        (4, true) => Some(vec![1.0, 0.3984, 0.1447]),
        _ => None,
    };
    assert_eq!(assert_meets_theory(&rows, reference), 18);
    for row in rows.iter().filter(|row| row["arm"] == "diluted") {
        let (dilution, temperature) = (number(row, "dilution"), number(row, "temperature"));
        // At d = 0.6, just below the critical 0.618, samples lie on either side: theory alone.
        let here = if (dilution, temperature) == (0.6, 0.0) { Some(vec![1.0, 0.6, 0.36]) } else { reference(dilution, temperature) };
        let (place, mode) = (format!("k3_d{dilution}_t{temperature}_m{}", row["mode"]), number(row, "mode") as usize - 1);
        if let Some(theory) = here {
            assert!((number(row, "theory") - theory[mode]).abs() < 6e-5, "{row:?}");
        }
        for (name, column) in [("amplitude", "amplitude"), ("theory", "theory")] {
            assert_eq!(summary[&format!("{name}/{place}")], number(row, column), "{place}");
        }
        assert_eq!(summary[&format!("amplitude/{place}_error")], number(row, "standard_error"), "{place}");
        // A state without temperature stands still; with it, weak amplitudes fluctuate in time.
        let blocked = number(row, "blocked_error");
        assert!(if temperature == 0.0 { blocked == 0.0 } else { blocked < 0.05 && (mode == 0 || blocked > 0.0) }, "{row:?}");
        assert!(row["z"].is_empty() == (dilution == 0.6), "{row:?}");
    }
    println!("{summary:#?}");
    assert!(summary["theory/share_within_3"] >= 0.85 && summary["theory/unconverged"] == 0.0, "{summary:?}");
    assert!(summary["powerlaw/absolute_z"] <= 4.0 && (summary["powerlaw/slope"] - 1.0).abs() < 0.05, "{summary:?}");
    // Without temperature theory has the dilution itself.
    assert!((summary["powerlaw/theory_slope"] - 1.0).abs() < 1e-12, "{summary:?}");
    assert!(summary["amplitude/second.undiluted"] <= 0.1, "{summary:?}");
}

#[test]
fn every_kind_of_dynamics_has_the_same_amplitudes() {
    for dynamics in [Dynamics::Sequential, Dynamics::Block, Dynamics::Parallel, Dynamics::Lumped] {
        println!("{dynamics:?}");
        let given = json!({
            "dilutions": [0.3], "temperatures": [0.1], "samples": 16, "dynamics": dynamics, "arms": ["diluted"], "neurons": 4_000
        });
        let (_, rows) = table("quick", given, 1);
        let theory = MeanField::new(3, 0.3, 0.1).hierarchical().amplitudes;
        assert_eq!(assert_meets_theory(&rows, |_, _| Some(theory.clone())), 3);
    }
}

#[test]
fn a_hierarchy_gives_way_to_equal_amplitudes() {
    let given = json!({ "dilutions": [0.9], "temperatures": [0.05, 0.1, 0.2, 0.3, 0.4, 0.5], "samples": 20 });
    let (summary, rows) = table("temperature_quick", given, 0);
    println!("{summary:#?}");
    let equal = MeanField::new(3, 0.9, 0.2).global_minimum().amplitudes;
    assert_meets_theory(&rows, |_, temperature| (temperature == 0.2).then(|| equal.clone()));
    assert!(summary["parallel/spread"] <= 0.03 && summary["parallel/points"] >= 3.0, "{summary:?}");
    assert_eq!(summary["parallel/from_temperature_d0.9"], 0.2);
    assert!((0.1..=0.2).contains(&summary["parallel/bifurcation_d0.9"]), "{summary:?}");
    // In a sample equal amplitudes lie as far apart as drawn patterns and temperature make them.
    let ratio = summary["parallel/spread_of_samples"] / summary["parallel/spread_of_noise"];
    assert!((0.7..1.4).contains(&ratio), "{ratio}: {summary:?}");
}

#[test]
fn weaker_modes_die_when_it_gets_warm() {
    let given = json!({ "dilutions": [0.4], "temperatures": [0.05, 0.2, 0.3, 0.6, 1.5], "samples": 8 });
    let (_, rows) = table("temperature_quick", given, 0);
    let amplitude = |temperature: f64, mode: &str| {
        let row = rows.iter().find(|row| row["arm"] == "diluted" && row["mode"] == mode && number(row, "temperature") == temperature);
        number(row.unwrap(), "amplitude")
    };
    // The third dies at T = d^2 = 0.16 once the second is saturated, the second at T = d = 0.4, the first at T = 1.
    assert!(amplitude(0.05, "3") > 0.1 && amplitude(0.2, "3").abs() < 0.05, "{} {}", amplitude(0.05, "3"), amplitude(0.2, "3"));
    assert!(amplitude(0.3, "2") > 0.2 && amplitude(0.6, "2").abs() < 0.05, "{} {}", amplitude(0.3, "2"), amplitude(0.6, "2"));
    assert!(amplitude(0.6, "1") > 0.8 && amplitude(1.5, "1").abs() < 0.05, "{} {}", amplitude(0.6, "1"), amplitude(1.5, "1"));
}

/// Amplitude and standard error by arm, mode, dilution and examples.
fn learned(rows: &[BTreeMap<String, String>], arm: &str, mode: usize, dilution: f64, examples: f64) -> (f64, f64) {
    let is_row = |row: &&BTreeMap<String, String>| {
        row["arm"] == arm
            && number(row, "mode") as usize == mode
            && (number(row, "dilution"), number(row, "examples")) == (dilution, examples)
    };
    let row = rows.iter().find(is_row).unwrap();
    (number(row, "amplitude"), number(row, "standard_error"))
}

#[test]
fn a_teacher_makes_no_difference_and_theory_says_how_far_examples_go() {
    let given = json!({ "examples": [20, 40, 80, 160, 320], "dilutions": [0.0], "samples": 40 });
    let (summary, rows) = table("learning_quick", given, 0);
    // Of an independent implementation: theory, and one run each with a teacher and without.
    for (examples, reference) in [(20.0, 0.639), (40.0, 0.803), (80.0, 0.932), (160.0, 0.990), (320.0, 0.9997)] {
        let theory = Learned::new(2, 0.0, 0.0, entropy(0.2, examples)).global_minimum().amplitudes[0];
        let ((taught, error), (pooled, other)) =
            (learned(&rows, "supervised", 1, 0.0, examples), learned(&rows, "unsupervised", 1, 0.0, examples));
        println!("M {examples}: theory {theory:.4}, supervised {taught:.4} ± {error:.4}, unsupervised {pooled:.4} ± {other:.4}");
        assert!((theory - reference).abs() < 6e-4, "{examples}: {theory} {reference}");
        assert!((taught - pooled).abs() <= 0.04, "M {examples}: {taught} {pooled}");
        if examples >= 40.0 {
            assert!((taught - theory).abs() <= 0.03 && (pooled - theory).abs() <= 0.03, "M {examples}: {taught} {pooled} {theory}");
        }
    }
    assert!((0.8..=1.25).contains(&summary["learning/threshold_ratio"]), "{summary:?}");
    assert!((summary["learning/threshold_formula"] - 64.93).abs() < 0.01);
    // Between 40 and 80 examples on the logarithmic axis.
    assert!((summary["learning/threshold_theory_r0.2_d0"] - 65.0).abs() < 6.0, "{summary:?}");
    for arm in ["supervised", "unsupervised"] {
        assert!((summary[&format!("learning/threshold_r0.2_d0.{arm}")] - 65.0).abs() < 15.0, "{arm}: {summary:?}");
    }
}

#[test]
fn examples_of_patterns_with_blanks_make_a_hierarchy_once_they_are_many() {
    let given = json!({ "examples": [20, 40, 80, 160, 320], "dilutions": [0.3], "samples": 20, "neurons": 4_000 });
    let (summary, rows) = table("learning_quick", given, 0);
    for (examples, reference) in
        [(20.0, [0.473, 0.473]), (40.0, [0.567, 0.567]), (80.0, [0.797, 0.454]), (160.0, [0.956, 0.338]), (320.0, [0.9945, 0.305])]
    {
        for mode in [1, 2] {
            let theory = Learned::new(2, 0.3, 0.0, entropy(0.2, examples)).global_minimum().amplitudes[mode - 1];
            assert!((theory - reference[mode - 1]).abs() < 6e-4, "M {examples} m_{mode}: {theory}");
            for arm in ["supervised", "unsupervised"] {
                let (mean, error) = learned(&rows, arm, mode, 0.3, examples);
                let z = z_score(mean, error, theory);
                println!("M {examples} {arm} m_{mode}: measured {mean:.4} ± {error:.4}, theory {theory:.4}, z {z:.2}");
                // Theory is for many examples. Class sums of few are whole numbers: with blanks their ties favour the pattern that is ahead.
                assert!(
                    examples < 80.0 || (mean - theory).abs() <= (4.0 * error + 0.01).max(0.04),
                    "M {examples} {arm} m_{mode}: {mean} {theory}"
                );
            }
        }
        let (taught, pooled) = (learned(&rows, "supervised", 1, 0.3, examples), learned(&rows, "unsupervised", 1, 0.3, examples));
        let allowed = (4.0 * taught.1.hypot(pooled.1)).max(0.04);
        assert!(examples < 80.0 || (taught.0 - pooled.0).abs() <= allowed, "M {examples}: {taught:?} {pooled:?}");
    }
    assert!((summary["learning/splitting_entropy_d0.3"] - 0.369).abs() < 0.004, "{summary:?}");
}

#[test]
fn energy_and_loss_are_one() {
    let found = summary_of("multitasking", &config("loss_quick", json!({})), 0);
    assert!(found["loss/residual"] < 1e-9 && found["energy/last"] < found["energy/first"] - 0.02, "{found:?}");
}

#[test]
fn images_share_a_state() {
    let found = summary_of("multitasking", &config("glance", json!({})), 0);
    // The first image is whole; the second is followed where the first is blank, the third where both are.
    for (image, amplitude, owned) in [(1, 1.0, 0.6), (2, 0.4, 0.24), (3, 0.16, 0.096)] {
        assert!((found[&format!("picture/amplitude_{image}")].abs() - amplitude).abs() < 0.1, "{image}: {found:?}");
        assert!(found[&format!("picture/owned_{image}")] > 0.5 * owned, "{image}: {found:?}");
    }
}

#[test]
fn as_many_patterns_as_the_logarithm_of_the_neurons() {
    let found = summary_of("multitasking", &config("growth_quick", json!({ "neurons": [1_000, 10_000] })), 0);
    println!("{found:#?}");
    assert_eq!((found["growth/patterns_n1000"], found["growth/patterns_n10000"]), (7.0, 9.0));
    // The strongest patterns come out as theory has them; where the noise of all others together exceeds an amplitude, it is overruled.
    assert!(found["growth/largest_deviation"] <= 0.1 && found["growth/modes_outside_3"] <= 6.0, "{found:?}");
    assert!(found["growth/resolved_n1000"] >= 2.0 && found["growth/resolved_n10000"] >= 2.0, "{found:?}");
}

#[test]
fn the_map_of_theory_has_every_regime_where_it_belongs() {
    let found = summary_of("multitasking", &config("phase_quick", json!({})), 0);
    println!("{found:#?}");
    let share = |name: &str| found[&format!("phase/share_{name}")];
    let all: f64 = ["none", "single", "hierarchical", "mixed", "parallel"].iter().map(|name| share(name)).sum();
    assert!(
        (all - 1.0).abs() < 1e-12
            && share("none") > 0.0
            && share("parallel") > 0.1
            && share("hierarchical") > 0.05
            && share("mixed") > 0.01
    );
    assert!((critical_dilution(3) - 0.618_033_988_749_894_8).abs() < 1e-15);
}

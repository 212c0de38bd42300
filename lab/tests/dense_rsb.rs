//! Every kind of the dense memories, driven as the engine drives it: resuming, threads, what it says, and Monte Carlo beside theory.

mod support;

use lab::{registry, theory::monte_carlo::z_score};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use support::{
    Config, Drive, assert_presets_show_every_kind, assert_resumes_at, assert_same_on_any_threads, assert_says_what_its_card_lists,
    summary_of,
};

fn config(preset: &str, given: Value) -> Config {
    support::config("dense_rsb", preset, &given)
}

/// A small run of every kind, some of them in several ways.
fn kinds() -> Vec<Config> {
    let mut configs = [
        json!({
            "kind": "capacity", "orders": [2, 3, 4], "neurons": [60, 32, 24], "loads": [0.5, 1.0, 2.0, 3.5], "theory_orders": [4], "samples": 5
        }),
        json!({
            "kind": "capacity", "orders": [3], "neurons": [40], "loads": [0.05, 0.1], "load_unit": "alpha", "temperatures": [0.0, 0.3],
            "theory_orders": [], "samples": 3, "sweeps": 20, "tuples": "power", "level": "symmetric", "start_overlap": 0.9
        }),
        json!({ "kind": "phase", "load_points": 5, "temperature_points": 4, "level": "both" }),
        json!({ "kind": "phase", "order": 2, "load_points": 3, "temperature_points": 3, "quadrature": 100, "highest_temperature": 1.2 }),
        json!({
            "kind": "phase", "order": 3, "load_points": 4, "temperature_points": 4, "samples": 5, "dot_loads": 2, "dot_temperatures": 2, "neurons": 24,
            "sweeps": 20
        }),
        json!({ "kind": "basin", "neurons": [60, 30, 20], "start_overlaps": [0.2, 0.8], "samples": 5 }),
        json!({ "kind": "scaling", "orders": [2, 3], "neurons": [40, 20], "sizes": 2, "loads": [0.5, 2.0, 4.0, 7.0], "samples": 6 }),
        json!({
            "kind": "glass", "neurons": [60, 30, 20], "loads": [0.3, 0.9], "samples": 5, "split_temperatures": [0.5], "split_orders": [2, 3],
            "replicas": 3, "replica_sweeps": 20
        }),
        json!({ "kind": "detect", "neurons": 30, "noises": [0.0, 1.0], "samples": 5 }),
    ];
    configs.iter_mut().map(|given| config("none", given.take())).collect()
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("dense_rsb", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    // Theory alone has no seed.
    for config in kinds().into_iter().filter(|config| config["kind"] != "phase" || config["samples"] != 0) {
        let total = start(&config, 3).total_steps();
        let stops = BTreeSet::from([1, total / 2, total - 1]);
        assert_resumes_at("dense_rsb", &config, &stops.into_iter().filter(|stop| *stop > 0).collect::<Vec<_>>());
    }
}

#[test]
fn a_map_of_theory_restored_anywhere_is_the_same_whatever_the_seed() {
    let config = kinds().into_iter().find(|config| config["kind"] == "phase").unwrap();
    let whole = start(&config, 3).run_out();
    for stop in 1..start(&config, 3).total_steps() {
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
        assert_same_on_any_threads("dense_rsb", &config);
    }
}

#[test]
fn what_all_kinds_say_is_what_the_card_promises() {
    for (config, heard) in assert_says_what_its_card_lists("dense_rsb", kinds()) {
        // A rule that is too coarse is raised, and told.
        let raised = heard.warnings.iter().any(|warning| warning.contains("100 raised to 6001"));
        assert_eq!(raised, config.get("quadrature") == Some(&json!(100)), "{:?}", heard.warnings);
    }
}

#[test]
fn presets_are_valid_and_every_kind_has_one() {
    assert_presets_show_every_kind("dense_rsb");
    let entry = registry::standard().get("dense_rsb").unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        assert_eq!(entry.estimates(&config).unwrap().numbers["steps"], start(&config, 0).total_steps() as f64, "{}", preset.id);
    }
}

type Row = BTreeMap<String, String>;

/// Summary, and the rows of the first table by the columns' names.
fn table(given: Value) -> (BTreeMap<String, f64>, Vec<Row>) {
    let heard = start(&config("none", given), 0).run_out();
    let text = String::from_utf8(heard.artifacts[0].bytes.clone()).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    (heard.summary, lines.map(|row| header.iter().cloned().zip(row).collect()).collect())
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or(f64::NAN)
}

/// Samples of one order at loads alpha and a temperature.
fn samples(order: u32, neurons: usize, loads: &[f64], temperature: f64, samples: usize) -> Vec<Row> {
    let given = json!({
        "kind": "capacity", "orders": [order], "neurons": [neurons], "loads": loads, "load_unit": "alpha", "temperatures": [temperature],
        "theory_orders": [], "samples": samples, "sweeps": 300
    });
    table(given).1
}

#[test]
fn at_a_temperature_samples_that_keep_the_pattern_are_those_of_theory() {
    // Replica-symmetric m at T = 0.2, by an independent implementation.
    let expected = [
        (2, 1_000, [(0.05, 0.998_878), (0.1, 0.989_085)]),
        (3, 192, [(0.05, 0.992_928), (0.08, 0.972_703)]),
        (4, 96, [(0.015, 0.994_695), (0.02, 0.987_451)]),
    ];
    for (order, neurons, points) in expected {
        let rows = samples(order, neurons, &points.map(|(load, _)| load), 0.2, 12);
        for (row, (load, theory)) in rows.iter().zip(points) {
            let (m, error) = (number(row, "kept"), number(row, "kept_error"));
            let z = z_score(m, error, theory);
            println!(
                "P {order} N {neurons} alpha {load} T 0.2: kept {m:.5} ± {error:.5}, all {} ± {}, theory {theory}, z {z:.2}, survived {}",
                row["magnetisation"], row["standard_error"], row["survived"]
            );
            assert!((number(row, "symmetric") - theory).abs() < 2e-4, "{row:?}");
            assert!((m - theory).abs() <= 4.0 * error + 0.004, "P {order} alpha {load}: {m} ± {error}, theory {theory}");
        }
    }
}

#[test]
fn at_zero_temperature_pairs_lose_the_pattern_as_often_as_they_did() {
    // Shares of sixteen samples by an independent implementation; the transition is wider in small networks.
    let loads = [0.13, 0.138, 0.145, 0.15, 0.16, 0.18];
    for (neurons, known) in [(2_000, [1.0, 1.0, 0.88, 0.69, 0.31, 0.12]), (500, [0.98, 0.97, 0.83, 0.88, 0.78, 0.60])] {
        let rows = samples(2, neurons, &loads, 0.0, 32);
        for (row, (load, known)) in rows.iter().zip(loads.into_iter().zip(known)) {
            let rate = number(row, "success_rate");
            println!("P 2 N {neurons} alpha {load} T 0: success {rate:.3}, known {known}");
            // Binomial errors of 16 and 32 trials, of which each has seen one more.
            let error = ((rate * (1.0 - rate) + 0.03) / 32.0 + (known * (1.0 - known) + 0.06) / 16.0f64).sqrt();
            assert!((rate - known).abs() <= 3.0 * error, "N {neurons} alpha {load}: {rate}, known {known} ± {error}");
        }
    }
}

#[test]
fn at_zero_temperature_dense_networks_stick_near_the_pattern_beyond_the_spinodal() {
    // m and the allowed difference; without an error given, a hundredth.
    for (order, neurons, known) in [
        (3, 256, vec![(0.08, 0.984, 0.01), (0.1, 0.963, 0.01), (0.126, 0.934, 0.018), (0.154, 0.894, 0.02), (0.2, 0.819, 0.03)]),
        (4, 96, vec![(0.025, 0.986, 0.01), (0.033, 0.962, 0.027), (0.042, 0.927, 0.03), (0.05, 0.856, 0.05)]),
    ] {
        let loads: Vec<f64> = known.iter().map(|(load, ..)| *load).collect();
        let rows = samples(order, neurons, &loads, 0.0, 20);
        for (row, (load, known, allowed)) in rows.iter().zip(known) {
            let (m, error, theory) = (number(row, "magnetisation"), number(row, "standard_error"), number(row, "broken"));
            println!(
                "P {order} N {neurons} alpha {load} T 0: m {m:.4} ± {error:.4}, known {known}, broken theory {theory:.4}, z {}",
                row["z"]
            );
            assert!((m - known).abs() <= 3.0 * error + allowed, "P {order} alpha {load}: {m} ± {error}, known {known}");
        }
        // No collapse at the spinodal.
        assert!(number(&rows[rows.len() - 1], "success_rate") > 0.8, "{:?}", rows[rows.len() - 1]);
    }
}

#[test]
fn most_points_of_the_quick_loads_lie_within_three_errors() {
    let given = json!({ "kind": "capacity", "theory_orders": [2, 4], "loads": [0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6] });
    let (summary, rows) = table(given);
    for row in rows.iter().filter(|row| row["compared"] == "true") {
        let finest = if row["broken"].is_empty() { &row["symmetric"] } else { &row["broken"] };
        println!("{} alpha {}: {} ± {}, theory {finest}, z {}", row["arm"], row["alpha"], row["kept"], row["kept_error"], row["z"]);
    }
    println!("{summary:#?}");
    assert!(summary["theory/share_within_3"] >= 0.7 && summary["theory/unconverged"] == 0.0, "{summary:?}");
    assert_eq!((summary["theory/constants_known"], summary["theory/constants_off"]), (10.0, 0.0));
    assert!((0.001..0.003).contains(&summary["capacity/least_gain"]), "{summary:?}");
}

#[test]
fn basins_shrink_with_the_order() {
    let known =
        [(2, 1_000, 0.05, [0.74, 1.0, 1.0, 1.0]), (3, 128, 0.05, [0.15, 0.61, 0.96, 0.996]), (4, 96, 0.015, [0.09, 0.19, 0.54, 0.94])];
    let mut edges = Vec::new();
    for (order, neurons, load, known) in known {
        let given = json!({
            "kind": "basin", "orders": [order], "neurons": [neurons], "load": load, "load_unit": "alpha",
            "start_overlaps": [0.2, 0.4, 0.6, 0.8], "samples": 24
        });
        let (summary, rows) = table(given);
        for (row, known) in rows.iter().zip(known) {
            let (m, error) = (number(row, "magnetisation"), number(row, "standard_error"));
            println!("P {order} N {neurons} alpha {load} from {}: {m:.3} ± {error:.3}, known {known}", row["start"]);
            // Known values come from a dozen samples, of which one that is lost moves the mean by 0.07.
            assert!((m - known).abs() <= 4.0 * error + 0.1, "P {order} from {}: {m} ± {error}, known {known}", row["start"]);
        }
        // Pairs may find it from the first start already.
        edges.push(summary.get(&format!("basin/edge.p{order}")).copied().unwrap_or(0.2));
    }
    assert!(edges.is_sorted_by(|a, b| a < b), "{edges:?}");
}

#[test]
fn pairs_keep_a_soft_part_and_dense_networks_do_not() {
    let given = json!({
        "kind": "glass", "orders": [2, 3], "neurons": [2_000, 256], "loads": [0.1, 0.13], "load_unit": "alpha", "samples": 24, "replicas": 0
    });
    let (summary, rows) = table(given);
    for row in &rows {
        let (r, error, theory) = (number(row, "crosstalk"), number(row, "standard_error"), number(row, "theory"));
        println!("{} alpha {}: r {r:.4} ± {error:.4}, theory {theory:.4}, z {:.2}", row["arm"], row["alpha"], z_score(r, error, theory));
        let reference = if row["arm"] == "p3" {
            1.0
        } else if row["alpha"] == "0.1" {
            1.0431
        } else {
            1.2095
        };
        assert!((theory - reference).abs() < 2e-4, "{row:?}");
        assert!((r - theory).abs() <= 4.0 * error + 0.02, "{row:?}");
    }
    println!("{summary:#?}");
    assert!(summary["split/residual_pairs"] < 1e-10 && summary["split/residual_dense"] < 1e-10, "{summary:?}");
    assert_eq!(summary["theory/unconverged"], 0.0);
}

#[test]
fn capacity_grows_with_the_power_of_the_order() {
    let given = json!({ "kind": "scaling", "orders": [2, 3], "neurons": [150, 40], "sizes": 3, "growth": 1.6, "samples": 24 });
    let summary = summary_of("dense_rsb", &config("none", given), 0);
    println!("{summary:#?}");
    for (arm, exponent) in [("p2", 1.0), ("p3", 2.0)] {
        let (found, error) = (summary[&format!("scaling/exponent.{arm}")], summary[&format!("scaling/exponent_error.{arm}")]);
        // Small networks hold more than their share, so that the exponent comes out a little lower.
        assert!((found - exponent).abs() <= 3.0 * error + 0.25, "{arm}: {found} ± {error}");
    }
}

#[test]
fn phases_have_a_region_where_breaking_makes_the_glass_stable() {
    let given = json!({ "kind": "phase", "load_points": 6, "temperature_points": 6, "highest_temperature": 0.5 });
    let summary = summary_of("dense_rsb", &config("none", given), 0);
    println!("{summary:#?}");
    assert!(summary["phase/cells_stabilised"] >= 1.0 && summary["phase/cells_glass"] >= summary["phase/cells_stabilised"]);
    assert!((summary["phase/spinodal"] - 0.032_976_69).abs() < 1e-8 && (summary["phase/broken_spinodal"] - 0.038_195).abs() < 1e-6);
    assert!(summary["phase/share_retrieval"] > summary["phase/share_ground_state"] && summary["theory/unconverged"] == 0.0);
}

#[test]
fn the_glass_of_pairs_is_solved_at_both_levels_and_one_step_does_not_make_it_stable() {
    let given =
        json!({ "kind": "phase", "order": 2, "load_points": 5, "temperature_points": 7, "highest_temperature": 1.2, "broken_points": 3 });
    let (summary, rows) = table(given);
    println!("{summary:#?}");
    let broken: Vec<&Row> = rows.iter().filter(|row| number(row, "breakpoint").is_finite()).collect();
    assert_eq!(summary["phase/cells_glass"], broken.len() as f64);
    for row in &broken {
        let of = |column: &str| number(row, column);
        assert!(of("glass_replicon") < of("broken_replicon") && of("broken_replicon") < 0.0 && of("between_replicon") < 0.0, "{row:?}");
        assert!((0.0..=1.0).contains(&of("breakpoint")), "{row:?}");
        // Breaking lowers the pressure of the glass, to the advantage of retrieval.
        assert!(of("advantage").is_nan() || of("advantage") >= of("symmetric_advantage") - 1e-9, "{row:?}");
    }
    // Every cell below the transition at 1 + sqrt(alpha) has the glass at both levels.
    let frozen = rows.iter().filter(|row| number(row, "temperature") > 0.0 && number(row, "glass_overlap") > 1e-6).count();
    assert!(frozen == broken.len() && frozen > 20, "{frozen} {}", broken.len());
    assert_eq!((summary["phase/cells_stabilised"], summary["theory/unconverged"]), (0.0, 0.0));
    assert_eq!(summary["phase/cells_unstable"], summary["phase/cells_glass"]);
}

#[test]
fn dots_over_the_map_are_what_samples_measure_there() {
    let given = json!({
        "kind": "phase", "load_points": 8, "temperature_points": 6, "largest_load": 1.2, "samples": 12, "dot_loads": 4, "dot_temperatures": 3,
        "neurons": 64, "sweeps": 200
    });
    let heard = start(&config("none", given), 0).run_out();
    let text = String::from_utf8(heard.artifacts.iter().find(|artifact| artifact.path == "dots.csv").unwrap().bytes.clone()).unwrap();
    println!("{text}{:#?}", heard.summary);
    assert_eq!(text.lines().count(), 1 + 4 * 3);
    assert!(heard.summary["theory/points"] >= 3.0 && heard.summary["theory/share_within_3"] >= 0.5, "{:?}", heard.summary);
    assert_eq!(heard.summary["theory/unconverged"], 0.0);
    // The last picture has them all, at cells of the map, in its range.
    let last = heard.said.iter().rev().find(|line| line.starts_with("phase/diagram ")).unwrap();
    let drawn: Value = serde_json::from_str(last.splitn(4, ' ').nth(3).unwrap()).unwrap();
    let dots = &drawn["dots"];
    assert_eq!((dots["x"].as_array().unwrap().len(), drawn["columns"].as_u64()), (12, Some(8)));
    let at = |field: &str, dot: usize| dots[field][dot].as_f64().unwrap();
    for dot in 0..12 {
        let (column, row) = (1 + 2 * (dot % 4), 5 - 2 * (dot / 4));
        // The whole number of patterns moves a dot a little.
        assert!((at("x", dot) - (column as f64 + 0.5)).abs() < 0.01 && (at("y", dot) - (row as f64 + 0.5)).abs() < 1e-9, "{dots}");
        assert!((-1.0..=1.0).contains(&at("values", dot)) && at("errors", dot) >= 0.0, "{dots}");
    }
    // Far below the spinodal the pattern is kept, far above the temperature of retrieval it is not.
    assert!(at("values", 0) > 0.95 && at("values", 0) > at("values", 3), "{dots}");
}

#[test]
fn noise_that_hides_every_entry_is_seen_through_four_at_a_time() {
    let given = json!({ "kind": "detect", "neurons": 100, "noises": [0.2, 0.6, 1.5], "samples": 12 });
    let (summary, rows) = table(given);
    for row in &rows {
        println!("{} noise {}: first {} ({}), last {}", row["arm"], row["noise"], row["first"], row["first_theory"], row["last"]);
        let (first, error, theory) = (number(row, "first"), number(row, "first_error"), number(row, "first_theory"));
        assert!(row["arm"] == "p2" || (first - theory).abs() <= 4.0 * error + 0.03, "{row:?}");
    }
    assert!(summary["detect/largest_noise.p4"] >= 0.6 && !summary.contains_key("detect/largest_noise.p2"), "{summary:?}");
}

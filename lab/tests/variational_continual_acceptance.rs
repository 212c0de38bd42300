//! Variational continual learning against an independent implementation in NumPy: the perceptron beside its theory, and the stream of
//! permuted Fashion-MNIST.

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use support::Drive;

const ID: &str = "variational_continual";

fn run(preset: &str, given: &Value, seed: u64) -> BTreeMap<String, f64> {
    support::summary_of(ID, &support::config(ID, preset, given), seed)
}

#[test]
fn the_perceptron_meets_its_theory_after_one_task_and_after_two() {
    // All points of the preset: five of the first task, nine of the second, three perceptrons each.
    let heard = Drive::start(ID, &support::config(ID, "perceptron_quick", &json!({})), 0).run_out();
    let of = |name: &str| heard.summary[name];
    let (first, second) = (of("error/theory_gap_1"), of("error/theory_gap_2"));
    println!("mean distance of a perceptron from the theory: task 1 {first:.4}, task 2 {second:.4}");
    println!("distance of their mean: {:.4}, {:.4}", of("error/theory_gap_of_mean_1"), of("error/theory_gap_of_mean_2"));
    assert!(first <= 0.03 && second <= 0.04, "{first} {second}");
    assert!(of("error/theory_gap_of_mean_1") <= first && of("error/theory_gap_of_mean_2") <= second);
    // At three examples per weight the iteration is slow or jumps: a transition to perfect learning is near.
    assert!(of("theory/unconverged") <= 3.0, "{}", of("theory/unconverged"));

    // Order parameters of the first task beside those of the simulations, perceptron by perceptron in the table.
    let table = heard.artifacts.iter().find(|artifact| artifact.path == "perceptron.csv").unwrap();
    let text = String::from_utf8(table.bytes.clone()).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = |name: &str| header.iter().position(|known| *known == name).unwrap();
    let rows: Vec<_> = rows.filter(|row| row[column("series")] == "alone").collect();
    // Of the reference at an inverse temperature of 100: test error, m·m/N and m·W/N by theory, and means of three simulations.
    let reference = [
        ("0.4", [0.372, 0.110, 0.152], [0.378, 0.104, 0.145]),
        ("0.8", [0.306, 0.214, 0.294], [0.294, 0.211, 0.300]),
        ("1.2", [0.249, 0.325, 0.430], [0.235, 0.325, 0.440]),
        ("2", [0.133, 0.615, 0.722], [0.131, 0.632, 0.735]),
    ];
    for (alpha, theory, simulated) in reference {
        let here: Vec<_> = rows.iter().filter(|row| row[column("alpha")] == alpha).collect();
        let mean = |name: &str| here.iter().map(|row| row[column(name)].parse::<f64>().unwrap()).sum::<f64>() / here.len() as f64;
        let names = [("simulation_1", "theory_1"), ("overlap_self", "Q"), ("overlap_teacher", "r")];
        for ((ours, own), (theory, simulated)) in names.iter().zip(theory.iter().zip(&simulated)) {
            println!("alpha {alpha}: {own} {:.4} (reference {theory}), {ours} {:.4} (reference {simulated})", mean(own), mean(ours));
            assert!((mean(own) - theory).abs() <= 5e-4, "{alpha} {own}: {} {theory}", mean(own));
            assert!((mean(ours) - mean(own)).abs() <= 0.03, "{alpha} {ours}: {} {}", mean(ours), mean(own));
        }
    }
}

#[test]
fn the_stream_of_three_permutations_is_kept_as_in_the_reference() {
    let summary = run("deep_quick", &json!({}), 0);
    let of = |name: &str, arm: &str| summary[&format!("accuracy/{name}.{arm}")];
    // Average, backward transfer, learning accuracy of the reference, seed 0. Of `vcl_task` references differ: one program gave 0.688, -0.027,
    // 0.706 for one seed. Two others, written from the same formulas alone, gave the first row here as the mean of six seeds and, likewise, the
    // second, which `benches/peers/variational_task.py` makes again (deviations between seeds 0.011, 0.013, 0.012). Ours is held to these two.
    let reference = [
        ("vcl", 0.679, -0.032, 0.700),
        ("vcl_no_kl", 0.744, -0.077, 0.795),
        ("vcl_task", 0.663, 0.018, 0.651),
        ("vcl_task", 0.679, 0.024, 0.663),
        ("finetune", 0.695, -0.204, 0.831),
        ("metaplastic", 0.790, -0.059, 0.829),
        ("ewc", 0.780, -0.077, 0.831),
    ];
    for (arm, average, transfer, learning) in reference {
        let found = ["average", "backward_transfer", "learning"].map(|name| of(name, arm));
        println!("{arm:12} {:.3} {average:.3}   {:.3} {transfer:.3}   {:.3} {learning:.3}", found[0], found[1], found[2]);
        assert!((found[0] - average).abs() <= 0.04, "{arm} keeps {}, reference {average}", found[0]);
        assert!((found[1] - transfer).abs() <= 0.04, "{arm} forgets {}, reference {transfer}", found[1]);
        assert!((found[2] - learning).abs() <= 0.04, "{arm} learns {}, reference {learning}", found[2]);
    }
    let other = [0.688, -0.027, 0.706];
    let apart = ["average", "backward_transfer", "learning"].iter().zip(other).map(|(name, other)| of(name, "vcl_task") - other);
    println!("vcl_task minus the other reference: {:.3?}", apart.collect::<Vec<_>>());
    assert!(of("backward_transfer", "vcl") >= -0.06 && of("backward_transfer", "finetune") <= -0.10);
    for arm in ["vcl", "vcl_no_kl", "vcl_task"] {
        let gap = summary[&format!("accuracy/read_out_gap.{arm}")];
        assert!(gap <= 0.04, "{arm}: signs are {gap} away from the noisy read-out");
    }
    // What a weight's uncertainty tells: which signs change, far better than chance.
    for arm in ["vcl", "vcl_no_kl", "vcl_task"] {
        let (auc, correlation) = (summary[&format!("uncertainty/flip_auc.{arm}")], summary[&format!("uncertainty/rank_correlation.{arm}")]);
        println!("{arm:12} AUC {auc:.3}, rank correlation {correlation:.3}");
        assert!(auc > 0.6, "{arm}: {auc}");
    }
}

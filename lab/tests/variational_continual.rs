//! Variational continual learning on the bundled digits and a small perceptron, driven as the engine drives it: resuming, threads, divergence,
//! and what it says.

mod support;

use lab::{Checkpoint, Lab, registry};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use support::{Config, Drive, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after};

const ID: &str = "variational_continual";

fn config(given: Value) -> Config {
    support::config(ID, "glance", &given)
}

/// Three tasks of 20 steps in two epochs each for all arms, and a perceptron with two points of the first task and one of the second, 8 steps each.
fn small() -> Config {
    config(json!({
        "problem": "both", "tasks": 3, "epochs_per_task": 2, "train_samples_per_task": 650, "test_samples": 120, "hidden_width": 16,
        "n_inputs": 50, "alpha_1": [0.5], "alpha_before": 1.0, "alpha_2": [0.5], "teacher_overlap": [0.5], "replicas": 2,
        "perceptron_steps": 100, "inverse_temperature": 20
    }))
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    // After the first step; in and at the end of points of the perceptron (8, 16, 24); at the end of an epoch (10) and of tasks (20, 40), and
    // around them; before and after the last step.
    assert_resumes_at(ID, &small(), &[1, 8, 9, 10, 16, 19, 20, 21, 24, 40, 59, 60]);
}

#[test]
fn relative_entropy_to_the_last_task_is_restored_too() {
    let given =
        json!({ "epochs_per_task": 1, "kl_reference": "previous_task", "arms": ["vcl"], "beta_schedule": "fixed", "hidden_width": 16 });
    assert_resumes_at(ID, &config(given), &[21, 22, 23, 44]);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    assert_same_on_any_threads(ID, &small());
}

#[test]
fn an_arm_does_not_depend_on_the_others() {
    let of = |arms: Value, arm: &str| {
        let given = json!({ "epochs_per_task": 1, "tasks": 2, "arms": arms, "hidden_width": 32 });
        let heard = Drive::start(ID, &config(given), 1).run_out();
        (heard.series("loss/train", arm), heard.summary[&format!("accuracy/average.{arm}")])
    };
    assert_eq!(of(json!(["vcl"]), "vcl"), of(json!(["ewc", "vcl", "vcl_task"]), "vcl"));
    assert_eq!(of(json!(["metaplastic"]), "metaplastic"), of(json!(["vcl", "metaplastic"]), "metaplastic"));
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    let config = config(json!({ "epochs_per_task": 2, "hidden_width": 16 }));
    let heard = spoilt_after(ID, &config, 30, "arms/vcl_task/layer_1/fields", f32::NAN);
    let [(step, loss)] = heard.series("loss/train", "vcl_task")[..] else { panic!("{:?}", heard.series("loss/train", "vcl_task")) };
    assert!(step == 31 && loss.is_nan(), "{loss} at step {step}");
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("Arm vcl_task has diverged at step 31"), "{warning}");
    for arm in ["vcl", "vcl_no_kl", "vcl_task", "finetune", "metaplastic", "ewc"] {
        assert_eq!(heard.summary[&format!("accuracy/average.{arm}")].is_nan(), arm == "vcl_task", "{arm}");
        assert_eq!(heard.summary[&format!("uncertainty/flip_auc.{arm}")].is_nan(), arm == "vcl_task", "{arm}");
    }
    assert!(heard.summary["accuracy/average.vcl-vcl_task"].is_nan() && heard.summary["accuracy/average.vcl-ewc"].is_finite());
    assert_undisturbed(ID, &config, &heard, "vcl");
    let hidden = spoilt_after(ID, &config, 30, "arms/ewc/layer_2/weights", f32::NAN);
    let [warning] = &hidden.warnings[..] else { panic!("{:?}", hidden.warnings) };
    assert!(warning.contains("Arm ewc has diverged at step 31"), "{warning}");
    assert_undisturbed(ID, &config, &hidden, "metaplastic");
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get(ID).unwrap().card;
    let heard = Drive::start(ID, &small(), 0).run_out();
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    let beyond = (4..=20).map(|task| format!("accuracy/task_{task}")).collect::<BTreeSet<_>>();
    assert_eq!(heard.metrics, &known - &beyond);
    assert!(heard.points.iter().all(|point| point.value.0.is_finite()));
    for panel in &card.panels {
        let told = panel.metrics.iter().any(|metric| heard.metrics.contains(*metric));
        let further = ["task_4", "task_5", "later_tasks"].contains(&panel.id);
        assert!(further || told || panel.frame.is_some_and(|frame| heard.frame_names().contains(frame)), "{}", panel.id);
    }
    for claim in &card.claims {
        assert!(heard.summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    // Every 10 steps an epoch, every 20 a task; a point of the perceptron every 8.
    assert_eq!(heard.frame_steps("stream/accuracy", "ewc"), [10, 20, 30, 40, 50, 60]);
    assert_eq!(heard.frame_steps("means/layer_3", "vcl_no_kl"), [10, 20, 30, 40, 50, 60]);
    assert_eq!(heard.frame_steps("accuracy/matrix", "vcl"), [20, 40, 60]);
    assert_eq!(heard.frame_steps("uncertainty/change", "vcl"), [40, 60]);
    assert_eq!(heard.frame_steps("uncertainty/change", "finetune"), [0; 0]);
    assert_eq!(
        (heard.frame_steps("perceptron/first", None), heard.frame_steps("perceptron/second_new", None)),
        (vec![8, 16, 24], vec![24])
    );
    assert_eq!(heard.series("accuracy/task_3", "vcl").len(), 2);
    assert_eq!(heard.series("error/theory_task_1", "alone").len(), 2);
    assert_eq!(heard.series("error/simulation_task_2", "r0_0.5").len(), 1);
    assert_eq!(heard.series("kl/per_weight", "vcl_no_kl").len(), 0);
    let paths = heard.artifact_paths();
    let files = ["weights/vcl.safetensors", "weights/ewc.safetensors", "summary.csv", "accuracies.csv", "perceptron.csv"];
    assert!(paths.len() == 9 && files.iter().all(|file| paths.contains(file)), "{paths:?}");
    let summary = &heard.summary;
    for read_out in ["", "_mean", "_gaussian", "_sampled"] {
        for name in ["accuracy/average", "accuracy/backward_transfer", "accuracy/learning"] {
            assert!(summary[&format!("{name}{read_out}.vcl")].is_finite(), "{name}{read_out}");
            assert_eq!(summary.contains_key(&format!("{name}{read_out}.ewc")), read_out.is_empty());
        }
    }
    let difference = summary["accuracy/backward_transfer.vcl"] - summary["accuracy/backward_transfer.finetune"];
    assert_eq!(summary["accuracy/backward_transfer.vcl-finetune"], difference);
    // The last value of each series is what the average is made of.
    let last = |task: usize| heard.series(&format!("accuracy/task_{task}"), "vcl").last().unwrap().1;
    assert!((summary["accuracy/average.vcl"] - (last(1) + last(2) + last(3)) / 3.0).abs() < 1e-12);
    // With one task there is nothing to forget and nothing to compare with.
    let one = Drive::start(ID, &config(json!({ "tasks": 1, "epochs_per_task": 1 })), 0).run_out().summary;
    assert!(
        one.contains_key("accuracy/average.vcl-ewc") && !one.keys().any(|name| name.contains("transfer") || name.contains("uncertainty"))
    );
}

#[test]
fn arms_begin_with_the_same_fields_and_the_metaplastic_one_at_zero_is_the_fine_tuned_one() {
    let given =
        json!({ "epochs_per_task": 1, "arms": ["finetune", "metaplastic", "ewc"], "meta": 0.0, "ewc_lambda": 0.0, "hidden_width": 32 });
    let heard = Drive::start(ID, &config(given), 0).run_out();
    let of = |arm: &str| heard.series("loss/train", arm);
    assert_eq!((of("metaplastic"), of("ewc")), (of("finetune"), of("finetune")));
    let free = json!({ "epochs_per_task": 1, "arms": ["vcl", "vcl_no_kl"], "kl_reference": "none", "hidden_width": 32 });
    let heard = Drive::start(ID, &config(free), 0).run_out();
    assert_eq!(heard.series("loss/train", "vcl"), heard.series("loss/train", "vcl_no_kl"));
}

#[test]
fn a_checkpoint_of_a_longer_run_is_refused() {
    let mut drive = Drive::start(ID, &config(json!({ "epochs_per_task": 2, "hidden_width": 16 })), 0);
    drive.run_to(drive.total_steps());
    let from = Checkpoint::from_bytes(&drive.save()).unwrap();
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed: 0 };
    let short = config(json!({ "epochs_per_task": 1, "hidden_width": 16 }));
    let error = registry::standard().get(ID).unwrap().restore(&short, &lab, &from).err().unwrap().to_string();
    assert!(error.contains("it is at step 132 of a run of 66"), "{error}");
    let wide = config(json!({ "epochs_per_task": 2, "hidden_width": 32 }));
    let error = registry::standard().get(ID).unwrap().restore(&wide, &lab, &from).err().unwrap().to_string();
    assert!(error.contains("another shape"), "{error}");
}

#[test]
fn presets_are_valid_and_name_what_they_need() {
    let entry = registry::standard().get(ID).unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        assert!(estimates.seconds > 0.0 && estimates.memory_bytes > 0, "{}", preset.id);
        let ratio = estimates.seconds / preset.expected_seconds;
        let (expected, estimated) = (preset.expected_seconds, estimates.seconds);
        assert!((0.4..2.5).contains(&ratio), "{} is expected to take {expected} s and estimated {estimated} s", preset.id);
    }
    let of = |preset: &str| entry.estimates(&entry.complete(preset, &Map::new()).unwrap()).unwrap();
    let quick = of("quick");
    assert_eq!((quick.numbers["steps"], quick.numbers["weights"], quick.numbers["points"]), (1_500.0, 118_016.0, 14.0));
    assert_eq!(quick.datasets, ["fashion_mnist"]);
    assert_eq!(of("sequential_quick").datasets, ["mnist", "fashion_mnist"]);
    assert!(of("perceptron_quick").datasets.is_empty());
}

#[test]
fn presets_hold_what_they_promise() {
    let twelve = json!([0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5]);
    let stream = |benchmark: &str, tasks: u64, images: u64, epochs: u64, hidden: u64| {
        json!({
            "benchmark": benchmark, "tasks": tasks, "train_samples_per_task": images, "epochs_per_task": epochs, "hidden_width": hidden,
            "learning_rate": 0.01, "batch_size": 64, "kl_reference": "previous_step", "beta_schedule": "anneal"
        })
    };
    let quick = json!({
        "n_inputs": 400, "alpha_1": [0.4, 0.8, 1.2, 1.6, 2.0], "alpha_before": 1.6, "alpha_2": [0.4, 1.6, 3.0], "teacher_overlap": [0.5, 0.0, -0.5],
        "inverse_temperature": 100.0, "kl_gamma": 1.0
    });
    let expected = [
        ("quick", json!({ "problem": "both", "meta": 6.0, "ewc_lambda": 50.0 })),
        ("quick", stream("permuted_fashion", 3, 8_000, 4, 128)),
        ("quick", quick.clone()),
        ("perceptron_quick", quick),
        ("deep_quick", stream("permuted_fashion", 3, 8_000, 4, 128)),
        ("deep_wide", stream("permuted_fashion", 3, 16_000, 4, 256)),
        ("deep_wide_mnist", stream("permuted_mnist", 3, 16_000, 4, 256)),
        ("standard", json!({ "problem": "both", "n_inputs": 1_000, "replicas": 5, "alpha_1": twelve })),
        ("standard", stream("permuted_fashion", 5, 16_000, 5, 256)),
        ("paper", stream("permuted_mnist", 5, 32_000, 5, 512)),
        ("paper", json!({ "meta": 1.35, "problem": "deep" })),
        ("paper_fashion", stream("permuted_fashion", 5, 32_000, 5, 512)),
        ("paper_perceptron", json!({ "n_inputs": 1_000, "replicas": 20, "alpha_before": 2.0, "kl_gamma": 1.0 })),
        ("paper_perceptron_weak", json!({ "n_inputs": 1_000, "replicas": 20, "alpha_before": 2.0, "kl_gamma": 0.1 })),
    ];
    for (preset, fields) in expected {
        let complete = support::config(ID, preset, &json!({}));
        for (name, value) in fields.as_object().unwrap() {
            assert_eq!(&complete[name], value, "{preset}/{name}");
        }
    }
    assert_eq!(support::config(ID, "paper_perceptron", &json!({}))["alpha_2"].as_array().unwrap().last().unwrap(), 7.0);
    let seeds =
        |preset: &str| registry::standard().get(ID).unwrap().card.presets.iter().find(|known| known.id == preset).unwrap().seeds.len();
    assert_eq!(["quick", "standard", "paper", "paper_fashion"].map(seeds), [5, 3, 3, 3]);
}

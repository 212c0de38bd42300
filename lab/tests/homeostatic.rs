//! The homeostatic learner on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

mod support;

use lab::registry;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use support::{Config, Drive, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after};

fn config(preset: &str, given: Value) -> Config {
    support::config("homeostatic", preset, &given)
}

/// All arms, Adam too, in a seasonal and a ramped world: 143 batches an epoch, four epochs. The rate moves by half of itself, so that many
/// decisions are taken.
fn small() -> Config {
    let arms = json!(["lrh", "lrc", "lrr", "lrc_tuned", "adam"]);
    config(
        "glance",
        json!({
            "epochs": 4, "hidden_widths": [20, 12], "arms": arms, "learning_rate": 0.02, "learning_rate_step_fraction": 0.5,
            "shift_schedule": "dynamic", "season_epochs": 1, "shift_rate_low": 1, "shift_rates": [3]
        }),
    )
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("homeostatic", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    // After the first step; before and after swaps (47), an epoch's end (143) and the first decision of the next; in the window around a
    // swap; where pictures are due; before and after the last step.
    assert_resumes_at("homeostatic", &small(), &[1, 46, 47, 143, 146, 290, 401, 571, 572]);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    assert_same_on_any_threads("homeostatic", &small());
}

#[test]
fn every_swap_is_told_with_its_labels_few_one_by_one_and_many_by_the_epoch() {
    let swaps = |rate: u64| {
        let heard = start(&config("glance", json!({ "epochs": 3, "shift_rates": [rate], "arms": ["lrc"] })), 1).run_out();
        let timeline = heard.said.iter().rfind(|line| line.starts_with("timeline")).unwrap().clone();
        let told: Vec<String> = heard.said.into_iter().filter(|line| line.contains('↔') && line.starts_with("Info")).collect();
        (told, timeline)
    };
    let (few, timeline) = swaps(2);
    assert_eq!(few.len(), 6);
    // The marks of the picture carry what the log says.
    let pair = few[0].split("Labels ").nth(1).unwrap().split(" are").next().unwrap();
    assert!(timeline.contains("\"marks\"") && timeline.contains(pair), "{pair}: {timeline}");
    let (many, _) = swaps(70);
    assert_eq!(many.iter().map(|line| line.matches('↔').count()).collect::<Vec<_>>(), [70, 70, 70]);
    assert!(many[1].contains("Labels exchanged in epoch 2: "), "{}", many[1]);
}

#[test]
fn arms_of_one_rate_do_not_depend_on_the_other_rates_or_arms() {
    let of = |given: Value, arm: &str| start(&config("glance", given), 1).run_out().series("accuracy/online", arm);
    let alone = of(json!({ "epochs": 3, "shift_rates": [2], "arms": ["lrh"] }), "lrh");
    assert_eq!(alone.len(), 9);
    assert_eq!(of(json!({ "epochs": 3, "shift_rates": [0, 2] }), "lrh_s2"), alone);
    assert_ne!(of(json!({ "epochs": 3, "shift_rates": [0, 2] }), "lrh_s0"), alone);
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    let config = config("glance", json!({ "epochs": 2 }));
    // An infinite bias of a hidden unit.
    let heard = spoilt_after("homeostatic", &config, 60, "arms/lrr/layer_2/bias", f32::INFINITY);
    let [(step, accuracy)] = heard.series("accuracy/online", "lrr")[..] else { panic!("{:?}", heard.series("accuracy/online", "lrr")) };
    assert!(step == 61 && accuracy.is_nan(), "{accuracy} at step {step}");
    assert_eq!(heard.series("accuracy/online", "lrh").len(), 5);
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("Arm lrr has diverged at step 61") && warning.contains("not finite is in hidden layer 2"), "{warning}");
    let summary = &heard.summary;
    for arm in ["lrh", "lrc", "lrr", "lrc_tuned"] {
        assert_eq!(summary[&format!("accuracy/online_mean.{arm}")].is_nan(), arm == "lrr", "{arm}");
    }
    assert!(summary["accuracy/online_mean.lrh-lrr"].is_nan() && summary["accuracy/online_mean.lrh-lrc"].is_finite());
    assert_eq!(heard.artifacts.len(), 6);
    assert_undisturbed("homeostatic", &config, &heard, "lrh");
}

#[test]
fn an_arm_at_the_floor_starves_and_says_so_once() {
    // Every class inhibits, and random regulation takes half of them in: the rate is at its floor after some twenty decisions.
    let given = json!({ "epochs": 9, "arms": ["lrr", "lrc"], "class_effects": [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1] });
    let heard = start(&config("glance", given), 0).run_out();
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("lrr has starved at batch 10"), "{warning}");
    assert_eq!((heard.summary["starved_fraction.lrr"], heard.summary.get("starved_fraction.lrc")), (1.0, None));
    let starved = heard.series("starved", "lrr");
    assert_eq!((starved[0].1, starved[starved.len() - 1].1), (0.0, 1.0));
    assert!((heard.summary["learning_rate/end.lrr"] - 1e-8).abs() < 1e-20);
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("homeostatic").unwrap().card;
    let moving = json!({ "epochs": 6, "learning_rate": 0.02, "learning_rate_step_fraction": 0.5 });
    let heard = start(&config("glance", moving), 0).run_out();
    assert!(heard.points.iter().all(|point| point.value.0.is_finite()));
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(heard.metrics, known);
    // 858 batches, a swap after every 143, and twenty pictures of what grows.
    assert_eq!(heard.frame_steps("labels", None), [1, 143, 286, 429, 572, 715, 858]);
    let drawn = |name: &str, arm: &str| heard.frame_steps(name, arm).len();
    assert_eq!((drawn("timeline", "lrh"), drawn("learning_rate/histogram", "lrr"), drawn("learning_rate/histogram", "lrc")), (20, 20, 0));
    let responses = heard.frame_steps("swap_response/accuracy", None);
    assert_eq!(responses.first(), Some(&515), "the first picture after 200 batches beyond the swap at 286");
    let paths = heard.artifact_paths();
    let files = ["weights/lrh.safetensors", "weights/lrc_tuned.safetensors", "summary.csv", "swaps.csv"];
    assert!(paths.len() == 6 && files.iter().all(|file| paths.contains(file)), "{paths:?}");
    assert_eq!(heard.summary["swaps.lrh"], 6.0);

    // What only several rates, or a changing one, can show.
    let rates = start(&config("glance", json!({ "epochs": 2, "shift_rates": [0, 1, 2] })), 0).run_out();
    let changing = start(&small(), 0).run_out();
    assert!(rates.points.iter().chain(&changing.points).all(|point| point.value.0.is_finite()));
    let frames: BTreeSet<&str> = heard.frame_names().into_iter().chain(rates.frame_names()).collect();
    for panel in &card.panels {
        assert!(panel.metrics.iter().all(|metric| heard.metrics.contains(*metric)), "{}", panel.id);
        assert!(panel.frame.is_none_or(|frame| frames.contains(frame)), "{}", panel.id);
    }
    for claim in &card.claims {
        let told = [&heard, &rates, &changing].iter().any(|run| run.summary.contains_key(claim.measure));
        assert!(told, "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    let (rates, changing) = (rates.summary, changing.summary);
    // A claim about a shifting world is not judged in a stable or a changing one.
    assert!(!changing.contains_key("advantage/under_shift") && !rates.contains_key("advantage/changing_shift"));
    let stable = start(&config("glance", json!({ "epochs": 1, "shift_rates": [0] })), 0).run_out().summary;
    assert!(!stable.contains_key("advantage/under_shift") && !stable.contains_key("accuracy/after_swap.lrh"));
    let expected = ["lrh_s1-lrc_s1", "lrh_s2-lrc_s2"].map(|pair| rates[&format!("accuracy/online_mean.{pair}")]).iter().sum::<f64>() / 2.0;
    assert!((rates["advantage/under_shift"] - expected).abs() < 1e-15);
    let ratio = rates["learning_rate/end.lrh_s2"] / rates["learning_rate/end.lrh_s0"];
    assert_eq!(rates["learning_rate/end_ratio"], ratio);
}

#[test]
fn presets_are_valid_and_name_what_they_need() {
    let entry = registry::standard().get("homeostatic").unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        assert!(estimates.seconds > 0.0 && estimates.memory_bytes > 0 && estimates.datasets.len() == 1, "{}", preset.id);
        let ratio = estimates.seconds / preset.expected_seconds;
        assert!(
            (0.4..2.5).contains(&ratio),
            "{} is expected to take {} s and estimated {} s",
            preset.id,
            preset.expected_seconds,
            estimates.seconds
        );
    }
    let numbers = |preset: &str| entry.estimates(&entry.complete(preset, &Map::new()).unwrap()).unwrap().numbers;
    let (quick, rates) = (numbers("quick"), numbers("shift_rates"));
    assert_eq!((quick["steps"], quick["swaps"], quick["arms"], quick["weights"]), (12_000.0, 48.0, 4.0, 68_120.0));
    assert_eq!((rates["worlds"], rates["arms"], rates["swaps"]), (7.0, 28.0, 528.0));
    assert_eq!(numbers("dynamic")["worlds"], 2.0);
}

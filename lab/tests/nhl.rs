//! NHL on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

mod support;

use lab::registry;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use support::{Config, Drive, Heard, assert_resumes_at, assert_same_on_any_threads, assert_undisturbed, spoilt_after};

const ARMS: [&str; 6] = ["source", "bn_adapt", "tent", "hebb", "modulator", "nhl"];

fn config(preset: &str, given: Value) -> Config {
    support::config("nhl", preset, &given)
}

/// 20 steps of the source model, then five batches each of clean images, noise and contrast in two severities.
fn small() -> Config {
    let given = json!({
        "corruptions": ["gaussian_noise", "contrast"], "severities": [3, 5], "source_samples": 1000, "source_epochs": 2,
        "test_samples": 210, "adapt_batch_size": 40, "channels": [6, 8, 8], "modulator_steps": 2
    });
    config("glance", given)
}

fn start(config: &Config, seed: u64) -> Drive {
    Drive::start("nhl", config, seed)
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    for continual in [false, true] {
        let mut config = small();
        config.insert("continual".to_owned(), continual.into());
        // In the middle of the source model's training, between epochs, before and after its last step, within clean images, at the end
        // of a part and at the beginning of the next, and before and after the last step.
        assert_resumes_at("nhl", &config, &[1, 7, 10, 19, 20, 21, 23, 25, 26, 33, 44, 45]);
    }
}

#[test]
fn a_source_model_is_trained_once_and_taken_over_to_the_bit() {
    let of = |tent_learning_rate: f64, seed: u64| {
        let mut config = small();
        (config["channels"], config["tent_learning_rate"]) = (json!([6, 10, 8]), tent_learning_rate.into());
        start(&config, seed).run_out()
    };
    let clock = "throughput/samples_per_s";
    let (trained, taken_over, other) = (of(0.001, 0), of(0.1, 0), of(0.1, 1));
    assert!(trained.metrics.contains(clock) && !taken_over.metrics.contains(clock) && other.metrics.contains(clock));
    let source = |heard: &Heard| {
        let told = heard.said.iter().filter(|line| line.starts_with("loss/train") || line.contains("Some(\"source\")"));
        (told.cloned().collect::<Vec<_>>(), heard.artifacts.iter().find(|file| file.path.contains("source")).unwrap().bytes.clone())
    };
    assert_eq!(source(&trained), source(&taken_over));
    assert_ne!(source(&trained), source(&other));
    assert_ne!(trained.summary["error/mean.tent"], taken_over.summary["error/mean.tent"]);
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    assert_same_on_any_threads("nhl", &small());
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    let heard = spoilt_after("nhl", &small(), 27, "arms/hebb/read_out/bias", f32::NAN);
    let of = |arm: &str, name: &str| heard.series(name, arm).len();
    assert_eq!((of("hebb", "entropy/prediction"), of("hebb", "error/batch"), of("nhl", "error/batch")), (1, 0, 18));
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("Arm hebb has diverged at step 28, batch 3 of gaussian_noise 3, and stops"), "{warning}");
    assert!(warning.contains("not finite is in the read-out"), "{warning}");
    assert!(heard.series("entropy/prediction", "hebb")[0].1.is_nan());
    let summary = &heard.summary;
    for arm in ARMS {
        assert_eq!(summary[&format!("error/mean.{arm}")].is_nan(), arm == "hebb", "{arm}");
    }
    assert!(summary["error/mean.hebb-nhl"].is_nan() && !summary["error/mean.tent-nhl"].is_nan());
    assert_eq!(heard.artifacts.len(), 6);
    assert_undisturbed("nhl", &small(), &heard, "nhl");
}

#[test]
fn the_part_of_the_network_that_breaks_first_is_named() {
    for (array, place) in [("filters", "convolution 2"), ("gain", "normalisation 2")] {
        let heard = spoilt_after("nhl", &small(), 27, &format!("arms/tent/layer_2/{array}"), f32::NAN);
        let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
        assert!(warning.contains("Arm tent has diverged at step 28") && warning.contains(&format!("is in {place}.")), "{warning}");
        assert_undisturbed("nhl", &small(), &heard, "nhl");
    }
}

#[test]
fn a_diverged_source_model_lets_no_arm_start() {
    let heard = spoilt_after("nhl", &small(), 4, "source/read_out/bias", f32::INFINITY);
    let [warning] = &heard.warnings[..] else { panic!("{:?}", heard.warnings) };
    assert!(warning.contains("The source model has diverged at step 5") && warning.contains("lower source_learning_rate"), "{warning}");
    assert!(warning.contains("not finite is in the read-out"), "{warning}");
    let losses = heard.points.iter().filter(|point| point.name == "loss/train" && !point.value.0.is_finite());
    assert_eq!(losses.map(|point| point.step).collect::<Vec<_>>(), [5]);
    assert!(!heard.metrics.contains("error/batch"));
    assert!(heard.summary["error/mean.nhl"].is_nan() && heard.summary["error/clean.source"].is_nan());
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("nhl").unwrap().card;
    let given = json!({
        "corruptions": ["gaussian_noise", "shot_noise", "impulse_noise"], "source_samples": 1000, "source_epochs": 2, "test_samples": 200,
        "adapt_batch_size": 40, "channels": [6, 8, 10]
    });
    let heard = start(&config("glance", given), 0).run_out();
    for point in &heard.points {
        assert!(point.value.0.is_finite(), "{point:?}");
        assert!(!point.name.starts_with("error/") || (0.0..=1.0).contains(&point.value.0), "{point:?}");
    }
    let (metrics, frames) = (&heard.metrics, heard.frame_names());
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(*metrics, known);
    for panel in &card.panels {
        assert!(panel.metrics.iter().all(|metric| metrics.contains(*metric)), "{}", panel.id);
        assert!(panel.frame.is_none_or(|frame| frames.contains(frame)), "{}", panel.id);
    }
    for name in ["error/table", "error/severity", "examples", "predictions/classes"] {
        assert_eq!(heard.frame_steps(name, None), [25, 30, 35, 40], "{name}");
    }
    assert_eq!(heard.frame_steps("filters/first_layer", "nhl"), [25, 30, 35, 40]);
    let has = |name: &str, arm: &str| !heard.series(name, arm).is_empty();
    for arm in ARMS {
        assert!(has("error/batch", arm) && has("error/running", arm) && has("entropy/prediction", arm), "{arm}");
        assert_eq!(has("hebb/winner_entropy", arm), ["hebb", "nhl"].contains(&arm), "{arm}");
        assert_eq!(has("modulator/gain_mean", arm), ["modulator", "nhl"].contains(&arm), "{arm}");
    }
    let summary = &heard.summary;
    for claim in &card.claims {
        assert!(summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    for name in ["shot_noise", "clean", "mean", "noises", "gain_over_source", "recovered_fraction", "corruptions_hurt"] {
        assert!(ARMS.iter().all(|arm| summary[&format!("error/{name}.{arm}")].is_finite()), "{name}");
    }
    let mean = (summary["error/gaussian_noise.nhl"] + summary["error/shot_noise.nhl"] + summary["error/impulse_noise.nhl"]) / 3.0;
    assert!((mean - summary["error/mean.nhl"]).abs() < 1e-12 && summary["error/recovered_fraction.source"] == 0.0);
    let weights = ["source", "tent", "hebb", "modulator", "nhl"].map(|arm| format!("weights/{arm}.safetensors"));
    assert_eq!(heard.artifact_paths(), [&["errors.csv".to_owned()][..], &weights].concat());
    let table = String::from_utf8(heard.artifacts[0].bytes.clone()).unwrap();
    assert!(table.starts_with("corruption,severity,source,bn_adapt,tent,hebb,modulator,nhl\nclean,0,") && table.lines().count() == 5);
}

#[test]
fn presets_are_valid_and_name_what_they_need() {
    let entry = registry::standard().get("nhl").unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        assert!(estimates.seconds > 0.0 && estimates.memory_bytes > 0 && estimates.datasets.len() == 1, "{}", preset.id);
    }
    let quick = entry.estimates(&entry.complete("quick", &Map::new()).unwrap()).unwrap();
    assert_eq!((quick.numbers["source_steps"], quick.numbers["steps"], quick.numbers["parts"]), (240.0, 440.0, 10.0));
}

#[test]
fn arms_without_a_step_are_batch_statistics_and_all_arms_agree_on_what_they_share() {
    let given = json!({
        "corruptions": ["shot_noise"], "source_samples": 1000, "source_epochs": 2, "test_samples": 200, "adapt_batch_size": 40,
        "channels": [6, 8, 8], "hebb_learning_rate": 0, "modulator_learning_rate": 0, "tent_learning_rate": 0
    });
    let summary = start(&config("glance", given.clone()), 0).run_out().summary;
    for arm in ["tent", "hebb", "modulator", "nhl"] {
        assert_eq!(summary[&format!("error/mean.{arm}")], summary["error/mean.bn_adapt"], "{arm}");
    }
    // Without a modulator NHL is Hebbian learning; the other arms do not notice.
    let mut bare = given;
    bare["hebb_learning_rate"] = 0.05.into();
    bare["modulator"] = "none".into();
    bare["arms"] = json!(["bn_adapt", "hebb", "nhl"]);
    let bare = start(&config("glance", bare), 0).run_out();
    let without = &bare.summary;
    assert_eq!(without["error/mean.hebb"], without["error/mean.nhl"]);
    assert_eq!(without["error/mean.bn_adapt"], summary["error/mean.bn_adapt"]);
    assert!(!bare.metrics.iter().any(|name| name.starts_with("modulator/")));
}

#[test]
fn the_variants_do_what_they_say() {
    let run = |given: Value| {
        let mut all = json!({
            "corruptions": ["gaussian_noise", "contrast"], "source_samples": 1000, "source_epochs": 2, "test_samples": 200,
            "adapt_batch_size": 40, "channels": [6, 8, 8], "hebb_learning_rate": 0.05
        });
        all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        start(&config("glance", all), 0).run_out()
    };
    let plain = run(json!({}));
    let change = |run: &Heard, step: u64| run.series("hebb/weight_change", "nhl").iter().find(|(at, _)| *at == step).unwrap().1;
    // Steps 21 to 25 are clean, 26 to 30 noise, 31 to 35 contrast: filters start anew at 26 and 31, or only at 26.
    assert!(change(&plain, 26) < change(&plain, 25) && change(&plain, 31) < change(&plain, 30));
    let continual = run(json!({ "continual": true }));
    assert!(change(&continual, 26) < change(&continual, 25));
    assert!(change(&continual, 31) > change(&plain, 31));
    assert!(continual.said.iter().any(|line| line.contains("From step 31: contrast; the arms go on from the last part.")));
    for given in [json!({ "predict_after_update": false }), json!({ "modulator": "all_layers" }), json!({ "hebb_rule": "anti" })] {
        let changed = run(given.clone());
        assert_ne!(changed.said, plain.said, "{given}");
        assert_eq!(changed.summary["error/mean.bn_adapt"], plain.summary["error/mean.bn_adapt"], "{given}");
    }
    let by_class = run(json!({ "stream_order": "by_class", "adapt_batch_size": 10, "source_epochs": 20 }));
    assert_eq!(by_class.warnings.len(), 2, "a small batch, and the order");
    let (source, adapted) = (by_class.summary["error/clean.source"], by_class.summary["error/clean.bn_adapt"]);
    assert!(adapted > source + 0.1, "batches of one class break batch statistics: {source} {adapted}");
}

#[test]
fn the_bundled_digits_are_learnt_and_adaptation_wins_back_much() {
    let summary = start(&config("glance", json!({})), 0).run_out().summary;
    assert!(summary["error/clean.source"] < 0.08, "{}", summary["error/clean.source"]);
    assert!((summary["error/clean.bn_adapt"] - summary["error/clean.source"]).abs() < 0.03);
    assert!(summary["error/mean.source-bn_adapt"] > 0.03, "{}", summary["error/mean.source-bn_adapt"]);
    assert!(summary["error/recovered_fraction.nhl"] > 0.1, "{}", summary["error/recovered_fraction.nhl"]);
}

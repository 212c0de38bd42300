//! NHL on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

use lab::{
    Checkpoint, Lab, Recorder, Running,
    record::{Frame, Item},
    registry,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ARMS: [&str; 6] = ["source", "bn_adapt", "tent", "hebb", "modulator", "nhl"];

fn lab_with_seed(seed: u64) -> Lab {
    Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed }
}

fn config(preset: &str, given: Value) -> Map<String, Value> {
    let entry = registry::standard().get("nhl").unwrap();
    entry.complete(preset, given.as_object().unwrap()).unwrap()
}

/// 20 steps of the source model, then five batches each of clean images, noise and contrast in two severities.
fn small() -> Map<String, Value> {
    let given = json!({
        "corruptions": ["gaussian_noise", "contrast"], "severities": [3, 5], "source_samples": 1000, "source_epochs": 2,
        "test_samples": 210, "adapt_batch_size": 40, "channels": [6, 8, 8], "modulator_steps": 2
    });
    config("glance", given)
}

/// One line per item, floats by their bits.
fn lines(items: Vec<Item>) -> Vec<String> {
    items
        .into_iter()
        .map(|item| match item {
            Item::Point(point) => format!("{} {:?} {} {:016x}", point.name, point.arm, point.step, point.value.0.to_bits()),
            Item::Frame { name, arm, step, frame: Frame::Image(png) } => format!("{name} {arm:?} {step} {png:?}"),
            Item::Frame { name, arm, step, frame } => format!("{name} {arm:?} {step} {}", serde_json::to_string(&frame).unwrap()),
            Item::Log { level, message } => format!("{level:?} {message}"),
        })
        .collect()
}

struct Drive {
    running: Box<dyn Running>,
    recorder: Recorder,
    step: u64,
    said: Vec<String>,
}

impl Drive {
    fn start(config: &Map<String, Value>, seed: u64) -> Self {
        let running = registry::standard().get("nhl").unwrap().start(config, &lab_with_seed(seed)).unwrap();
        Self { running, recorder: Recorder::default(), step: 0, said: Vec::new() }
    }

    fn resume(config: &Map<String, Value>, seed: u64, checkpoint: &[u8], stopped: &Self) -> Self {
        let from = Checkpoint::from_bytes(checkpoint).unwrap();
        let running = registry::standard().get("nhl").unwrap().restore(config, &lab_with_seed(seed), &from).unwrap();
        Self { running, recorder: Recorder::resumed(stopped.recorder.last_steps()), step: stopped.step, said: Vec::new() }
    }

    fn run_to(&mut self, step: u64) {
        while self.step < step {
            self.step += 1;
            self.recorder.begin_step(self.step);
            self.running.step(&mut self.recorder).unwrap();
            self.said.extend(lines(self.recorder.take_items()));
        }
    }

    fn run_out(mut self) -> (Vec<String>, BTreeMap<String, f64>, Vec<lab::record::Artifact>) {
        self.run_to(self.running.total_steps());
        self.running.finish(&mut self.recorder).unwrap();
        let (summary, artifacts) = self.recorder.take_results();
        (self.said, summary, artifacts)
    }

    fn save(&self) -> Vec<u8> {
        let mut checkpoint = Checkpoint::default();
        self.running.save(&mut checkpoint).unwrap();
        checkpoint.to_bytes().unwrap()
    }
}

fn without_clock(summary: BTreeMap<String, f64>) -> BTreeMap<String, u64> {
    summary.into_iter().filter(|(name, _)| !lab::record::is_clock_name(name)).map(|(name, value)| (name, value.to_bits())).collect()
}

#[test]
fn a_run_restored_anywhere_says_the_same_and_leaves_the_same() {
    for continual in [false, true] {
        let mut config = small();
        config.insert("continual".to_owned(), continual.into());
        let (said, summary, artifacts) = Drive::start(&config, 3).run_out();
        let summary = without_clock(summary);
        // In the middle of the source model's training, between epochs, before and after its last step, within clean images, at the end
        // of a part and at the beginning of the next, and before and after the last step.
        for stop in [1, 7, 10, 19, 20, 21, 23, 25, 26, 33, 44, 45] {
            let mut first = Drive::start(&config, 3);
            first.run_to(stop);
            let checkpoint = first.save();
            let second = Drive::resume(&config, 3, &checkpoint, &first);
            assert_eq!(second.save(), checkpoint, "saving what was restored at step {stop}");
            let (rest, rest_summary, rest_artifacts) = second.run_out();
            assert_eq!([first.said, rest].concat(), said, "stopped at step {stop}");
            assert_eq!(without_clock(rest_summary), summary, "stopped at step {stop}");
            assert_eq!(artifacts.len(), rest_artifacts.len());
            for (a, b) in artifacts.iter().zip(&rest_artifacts) {
                assert!(a.path == b.path && a.bytes == b.bytes, "{} after a stop at step {stop}", a.path);
            }
        }
        assert_ne!(Drive::start(&config, 4).run_out().0, said);
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Drive::start(&small(), 0).run_out().0)
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

/// The checkpoint with the first value of an `f32` tensor replaced.
fn with_first_value(checkpoint: &[u8], tensor: &str, value: f32) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(checkpoint).unwrap();
    let at = file.tensor(tensor).unwrap().data().as_ptr() as usize - checkpoint.as_ptr() as usize;
    let mut changed = checkpoint.to_vec();
    changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
    changed
}

#[test]
fn a_diverged_arm_stops_alone_and_says_so() {
    let config = small();
    let mut first = Drive::start(&config, 0);
    first.run_to(27);
    let broken = with_first_value(&first.save(), "arms/hebb/read_out/bias", f32::NAN);
    let (said, summary, artifacts) = Drive::resume(&config, 0, &broken, &first).run_out();
    let of = |arm: &str, name: &str| said.iter().filter(|line| line.starts_with(&format!("{name} Some(\"{arm}\")"))).count();
    assert_eq!((of("hebb", "entropy/prediction"), of("hebb", "error/batch"), of("nhl", "error/batch")), (1, 0, 18));
    let warnings: Vec<_> = said.iter().filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("Arm hebb has diverged at step 28, batch 3 of gaussian_noise 3, and stops"), "{warnings:?}");
    for arm in ARMS {
        assert_eq!(summary[&format!("error/mean.{arm}")].is_nan(), arm == "hebb", "{arm}");
    }
    assert!(summary["error/mean.hebb-nhl"].is_nan() && !summary["error/mean.tent-nhl"].is_nan());
    assert_eq!(artifacts.len(), 6);
    // The others are not disturbed.
    let (undisturbed, _, _) = Drive::start(&config, 0).run_out();
    let of_nhl = |said: &[String]| said.iter().filter(|line| line.contains("Some(\"nhl\")")).cloned().collect::<Vec<_>>();
    assert!(of_nhl(&undisturbed).ends_with(&of_nhl(&said)));
}

#[test]
fn a_diverged_source_model_lets_no_arm_start() {
    let mut first = Drive::start(&small(), 0);
    first.run_to(4);
    let broken = with_first_value(&first.save(), "source/read_out/bias", f32::INFINITY);
    let (said, summary, _) = Drive::resume(&small(), 0, &broken, &first).run_out();
    let warnings: Vec<_> = said.iter().filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("The source model has diverged at step 5") && warnings[0].contains("lower source_learning_rate"));
    assert!(!said.iter().any(|line| line.starts_with("error/batch")));
    assert!(summary["error/mean.nhl"].is_nan() && summary["error/clean.source"].is_nan());
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("nhl").unwrap().card;
    let given = json!({
        "corruptions": ["gaussian_noise", "shot_noise", "impulse_noise"], "source_samples": 1000, "source_epochs": 2, "test_samples": 200,
        "adapt_batch_size": 40, "channels": [6, 8, 8]
    });
    let mut drive = Drive::start(&config("glance", given), 0);
    let (mut metrics, mut frames, mut frame_steps) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::<String, Vec<u64>>::new());
    let mut metric_arms = BTreeSet::new();
    for step in 1..=drive.running.total_steps() {
        drive.recorder.begin_step(step);
        drive.running.step(&mut drive.recorder).unwrap();
        for item in drive.recorder.take_items() {
            match item {
                Item::Point(point) => {
                    assert!(point.value.0.is_finite(), "{point:?}");
                    assert!(!point.name.starts_with("error/") || (0.0..=1.0).contains(&point.value.0), "{point:?}");
                    metric_arms.insert((point.name.clone(), point.arm));
                    metrics.insert(point.name);
                }
                Item::Frame { name, arm, step, .. } => {
                    frame_steps.entry(format!("{name} {arm:?}")).or_default().push(step);
                    frames.insert(name);
                }
                Item::Log { .. } => {}
            }
        }
        metrics.extend(drive.recorder.take_clock_points().into_iter().map(|point| point.name));
    }
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(metrics, known);
    for panel in &card.panels {
        assert!(panel.metrics.iter().all(|metric| metrics.contains(*metric)), "{}", panel.id);
        assert!(panel.frame.is_none_or(|frame| frames.contains(frame)), "{}", panel.id);
    }
    for name in
        ["error/table None", "error/severity None", "examples None", "predictions/classes None", "filters/first_layer Some(\"nhl\")"]
    {
        assert_eq!(frame_steps[name], [25, 30, 35, 40], "{name}");
    }
    let has = |name: &str, arm: &str| metric_arms.contains(&(name.to_owned(), Some(arm.to_owned())));
    for arm in ARMS {
        assert!(has("error/batch", arm) && has("error/running", arm) && has("entropy/prediction", arm), "{arm}");
        assert_eq!(has("hebb/winner_entropy", arm), ["hebb", "nhl"].contains(&arm), "{arm}");
        assert_eq!(has("modulator/gain_mean", arm), ["modulator", "nhl"].contains(&arm), "{arm}");
    }
    drive.running.finish(&mut drive.recorder).unwrap();
    let (summary, artifacts) = drive.recorder.take_results();
    for claim in &card.claims {
        assert!(summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    for name in ["shot_noise", "clean", "mean", "noises", "gain_over_source", "recovered_fraction", "corruptions_hurt"] {
        assert!(ARMS.iter().all(|arm| summary[&format!("error/{name}.{arm}")].is_finite()), "{name}");
    }
    let mean = (summary["error/gaussian_noise.nhl"] + summary["error/shot_noise.nhl"] + summary["error/impulse_noise.nhl"]) / 3.0;
    assert!((mean - summary["error/mean.nhl"]).abs() < 1e-12 && summary["error/recovered_fraction.source"] == 0.0);
    let paths: Vec<&str> = artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    let weights = ["source", "tent", "hebb", "modulator", "nhl"].map(|arm| format!("weights/{arm}.safetensors"));
    assert_eq!(paths, [&["errors.csv".to_owned()][..], &weights].concat());
    let table = String::from_utf8(artifacts[0].bytes.clone()).unwrap();
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
    let (_, summary, _) = Drive::start(&config("glance", given.clone()), 0).run_out();
    for arm in ["tent", "hebb", "modulator", "nhl"] {
        assert_eq!(summary[&format!("error/mean.{arm}")], summary["error/mean.bn_adapt"], "{arm}");
    }
    // Without a modulator NHL is Hebbian learning; the other arms do not notice.
    let mut bare = given;
    bare["hebb_learning_rate"] = 0.05.into();
    bare["modulator"] = "none".into();
    bare["arms"] = json!(["bn_adapt", "hebb", "nhl"]);
    let (said, without, _) = Drive::start(&config("glance", bare), 0).run_out();
    assert_eq!(without["error/mean.hebb"], without["error/mean.nhl"]);
    assert_eq!(without["error/mean.bn_adapt"], summary["error/mean.bn_adapt"]);
    assert!(!said.iter().any(|line| line.starts_with("modulator/")));
}

#[test]
fn the_variants_do_what_they_say() {
    let run = |given: Value| {
        let mut all = json!({
            "corruptions": ["gaussian_noise", "contrast"], "source_samples": 1000, "source_epochs": 2, "test_samples": 200,
            "adapt_batch_size": 40, "channels": [6, 8, 8], "hebb_learning_rate": 0.05
        });
        all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        Drive::start(&config("glance", all), 0).run_out()
    };
    let (plain, plain_summary, _) = run(json!({}));
    let change = |said: &[String], step: u64| {
        let line = said.iter().find(|line| line.starts_with(&format!("hebb/weight_change Some(\"nhl\") {step} "))).unwrap();
        f64::from_bits(u64::from_str_radix(line.rsplit(' ').next().unwrap(), 16).unwrap())
    };
    // Steps 21 to 25 are clean, 26 to 30 noise, 31 to 35 contrast: filters start anew at 26 and 31, or only at 26.
    assert!(change(&plain, 26) < change(&plain, 25) && change(&plain, 31) < change(&plain, 30));
    let (continual, _, _) = run(json!({ "continual": true }));
    assert!(change(&continual, 26) < change(&continual, 25));
    assert!(change(&continual, 31) > change(&plain, 31));
    assert!(continual.iter().any(|line| line.contains("From step 31: contrast; the arms go on from the last part.")));
    for given in [json!({ "predict_after_update": false }), json!({ "modulator": "all_layers" }), json!({ "hebb_rule": "anti" })] {
        let (said, summary, _) = run(given.clone());
        assert_ne!(said, plain, "{given}");
        assert_eq!(summary["error/mean.bn_adapt"], plain_summary["error/mean.bn_adapt"], "{given}");
    }
    let (by_class, summary, _) = run(json!({ "stream_order": "by_class", "adapt_batch_size": 10, "source_epochs": 20 }));
    let warnings = by_class.iter().filter(|line| line.starts_with("Warning")).count();
    assert_eq!(warnings, 2, "a small batch, and the order");
    let (source, adapted) = (summary["error/clean.source"], summary["error/clean.bn_adapt"]);
    assert!(adapted > source + 0.1, "batches of one class break batch statistics: {source} {adapted}");
}

#[test]
fn the_bundled_digits_are_learnt_and_adaptation_wins_back_much() {
    let (_, summary, _) = Drive::start(&config("glance", json!({})), 0).run_out();
    assert!(summary["error/clean.source"] < 0.08, "{}", summary["error/clean.source"]);
    assert!((summary["error/clean.bn_adapt"] - summary["error/clean.source"]).abs() < 0.03);
    assert!(summary["error/mean.source-bn_adapt"] > 0.03, "{}", summary["error/mean.source-bn_adapt"]);
    assert!(summary["error/recovered_fraction.nhl"] > 0.1, "{}", summary["error/recovered_fraction.nhl"]);
}

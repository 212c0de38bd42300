//! G2GNet on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

use lab::{Checkpoint, Lab, Recorder, Running, record::Item, registry};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn lab_with_seed(seed: u64) -> Lab {
    Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed }
}

fn config(preset: &str, given: Value) -> Map<String, Value> {
    let entry = registry::standard().get("g2gnet").unwrap();
    entry.complete(preset, given.as_object().unwrap()).unwrap()
}

const ARMS: [&str; 10] = ["dense", "dense_narrow", "er", "g2g", "g2g_hebb", "tile", "tile_hebb", "g2g_set", "er_rigl", "custom"];

fn small() -> Map<String, Value> {
    // Windows of 5 batches before events at 20, 40, 60; evaluations in between.
    let custom = json!({ "layout": "tile", "prune_rule": "three", "grow_rule": "random" });
    config("glance", json!({ "hidden_width": 64, "epochs": 5, "arms": ARMS, "custom": custom }))
}

/// One line per item, floats by their bits.
fn lines(items: Vec<Item>) -> Vec<String> {
    items
        .into_iter()
        .map(|item| match item {
            Item::Point(point) => format!("{} {:?} {} {:016x}", point.name, point.arm, point.step, point.value.0.to_bits()),
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
        let running = registry::standard().get("g2gnet").unwrap().start(config, &lab_with_seed(seed)).unwrap();
        Self { running, recorder: Recorder::default(), step: 0, said: Vec::new() }
    }

    fn resume(config: &Map<String, Value>, seed: u64, checkpoint: &[u8], stopped: &Self) -> Self {
        let from = Checkpoint::from_bytes(checkpoint).unwrap();
        let running = registry::standard().get("g2gnet").unwrap().restore(config, &lab_with_seed(seed), &from).unwrap();
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
    let config = small();
    let (said, summary, artifacts) = Drive::start(&config, 3).run_out();
    let summary = without_clock(summary);
    // After the first step, within a Hebbian window, at an event, between evaluations, before and after the last step.
    for stop in [1, 18, 20, 37, 84, 85] {
        let mut first = Drive::start(&config, 3);
        first.run_to(stop);
        let checkpoint = first.save();
        let second = Drive::resume(&config, 3, &checkpoint, &first);
        assert_eq!(second.save(), checkpoint, "saving what was restored at step {stop}");
        let (rest, rest_summary, rest_artifacts) = second.run_out();
        assert_eq!([first.said, rest].concat(), said, "stopped at step {stop}");
        assert_eq!(without_clock(rest_summary), summary, "stopped at step {stop}");
        for (a, b) in artifacts.iter().zip(&rest_artifacts) {
            assert!(a.path == b.path && a.bytes == b.bytes, "{} after a stop at step {stop}", a.path);
        }
    }
    assert_ne!(Drive::start(&config, 4).run_out().0, said);
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

#[test]
fn an_arm_says_the_same_whoever_runs_beside_it() {
    let mut few = small();
    few["arms"] = json!(["tile_hebb", "g2g_hebb"]);
    let (few, ..) = Drive::start(&few, 3).run_out();
    let (all, ..) = Drive::start(&small(), 3).run_out();
    for arm in ["tile_hebb", "g2g_hebb"] {
        let of_arm = |said: &[String]| said.iter().filter(|line| line.contains(&format!("Some(\"{arm}\")"))).cloned().collect::<Vec<_>>();
        assert_eq!(of_arm(&few), of_arm(&all));
    }
}

#[test]
fn an_encoder_is_learnt_with_the_rest_and_restored() {
    let config = config(
        "glance",
        json!({ "hidden_width": 64, "epochs": 8, "learning_rate": 0.005, "encoder": "patch16", "arms": ["dense", "tile_hebb"] }),
    );
    let (said, summary, _) = Drive::start(&config, 1).run_out();
    let mut first = Drive::start(&config, 1);
    first.run_to(30);
    let (rest, ..) = Drive::resume(&config, 1, &first.save(), &first).run_out();
    assert_eq!([first.said, rest].concat(), said);
    for arm in ["dense", "tile_hebb"] {
        assert!(summary[&format!("accuracy/test.{arm}")] > 0.85, "{arm}: {summary:?}");
    }
    // 16 patches of 4 pixels with 32 filters, then 512-64-64-10.
    assert_eq!(summary["compute/macs_per_image.dense"], (16 * 4 * 32 + 512 * 64 + 64 * 64 + 640) as f64);
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
    first.run_to(10);
    // What an overflow leaves behind: an infinite number in the second hidden layer of one arm.
    let broken = with_first_value(&first.save(), "arms/g2g/layer_2/bias", f32::INFINITY);
    let (said, summary, artifacts) = Drive::resume(&config, 0, &broken, &first).run_out();
    let losses = |arm: &str| said.iter().filter(|line| line.starts_with(&format!("loss/train Some(\"{arm}\")"))).collect::<Vec<_>>();
    let [only] = losses("g2g")[..] else { panic!("{:?}", losses("g2g")) };
    let bits = u64::from_str_radix(only.rsplit(' ').next().unwrap(), 16).unwrap();
    assert!(only.contains(" 11 ") && !f64::from_bits(bits).is_finite(), "{only}");
    assert_eq!(losses("g2g_hebb").len(), 75);
    let warnings: Vec<_> = said.iter().filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("Arm g2g has diverged at step 11") && warnings[0].contains("hidden layer 2"), "{warnings:?}");
    for arm in ARMS {
        assert_eq!(summary[&format!("accuracy/test.{arm}")].is_nan(), arm == "g2g", "{arm}");
    }
    assert!(summary["accuracy/test.g2g-er"].is_nan() && !summary["accuracy/test.g2g_hebb-dense"].is_nan());
    assert_eq!(artifacts.len(), ARMS.len() + 1);
    // The others are not disturbed.
    let (undisturbed, _, _) = Drive::start(&config, 0).run_out();
    let of_dense = |said: &[String]| said.iter().filter(|line| line.contains("Some(\"dense\")")).cloned().collect::<Vec<_>>();
    assert!(of_dense(&undisturbed).ends_with(&of_dense(&said)));
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("g2gnet").unwrap().card;
    let mut drive = Drive::start(&small(), 0);
    let (mut metrics, mut frames) = (BTreeSet::new(), BTreeSet::new());
    let mut frame_steps: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for step in 1..=drive.running.total_steps() {
        drive.recorder.begin_step(step);
        drive.running.step(&mut drive.recorder).unwrap();
        for item in drive.recorder.take_items() {
            match item {
                Item::Point(point) => {
                    assert!(point.value.0.is_finite(), "{point:?}");
                    metrics.insert(point.name);
                }
                Item::Frame { name, arm, step, .. } => {
                    frame_steps.entry(format!("{name} {}", arm.unwrap_or_default())).or_default().push(step);
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
    assert_eq!(frame_steps["connectivity/layer_1 g2g_hebb"], [1, 20, 40, 60, 85]);
    assert_eq!(frame_steps["connectivity/layer_2 er"], [1, 85]);
    for arm in ["g2g_hebb", "tile_hebb", "g2g_set", "er_rigl", "custom"] {
        assert_eq!(frame_steps[&format!("moves/layer_1 {arm}")], [20, 40, 60], "{arm}");
    }
    assert_eq!(frame_steps["accuracy/against_weights "].last(), Some(&85));
    drive.running.finish(&mut drive.recorder).unwrap();
    let (summary, artifacts) = drive.recorder.take_results();
    for claim in &card.claims {
        assert!(summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    let paths: Vec<&str> = artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths.len(), ARMS.len() + 1);
    assert!(paths.contains(&"weights/g2g_hebb.safetensors") && paths.contains(&"summary.csv"));
}

#[test]
fn presets_are_valid_and_name_what_they_need() {
    let entry = registry::standard().get("g2gnet").unwrap();
    for preset in &entry.card.presets {
        let config = entry.complete(preset.id, &Map::new()).unwrap();
        let estimates = entry.estimates(&config).unwrap();
        assert!(estimates.seconds > 0.0 && estimates.memory_bytes > 0 && estimates.datasets.len() == 1, "{}", preset.id);
    }
    let quick = entry.estimates(&entry.complete("quick", &Map::new()).unwrap()).unwrap();
    assert_eq!((quick.numbers["edges_layer_1"], quick.numbers["edges_layer_2"]), (102_861.0, 67_174.0));
    assert_eq!((quick.numbers["dense_narrow_width"], quick.numbers["steps"]), (176.0, 468.0));
}

#[test]
fn each_arm_can_choose_its_learning_rate() {
    let config = config("glance", json!({ "hidden_width": 64, "epochs": 1, "learning_rate_choices": [0.00001, 0.005] }));
    let (said, summary, _) = Drive::start(&config, 0).run_out();
    assert_eq!(summary["optimiser/learning_rate.dense"], 0.005);
    assert!(said.iter().any(|line| line.contains("Arm g2g trains with learning rate 0.005")));
}

#[test]
fn the_bundled_digits_are_learnt() {
    let (_, summary, _) = Drive::start(&config("glance", json!({ "epochs": 10 })), 0).run_out();
    for arm in &ARMS[..7] {
        let accuracy = summary[&format!("accuracy/test.{arm}")];
        // A unit of a tile arm sees 16 of these 64 pixels, the same as its whole group.
        let least = if arm.starts_with("tile") { 0.9 } else { 0.93 };
        assert!((least..1.0).contains(&accuracy), "{arm}: {accuracy}");
    }
    assert_eq!(summary["weights/edges_active.g2g"], summary["weights/edges_active.g2g_hebb"]);
    assert!(summary["weights/sparsity.dense_narrow"] >= 0.74 && summary["weights/sparsity.g2g_hebb"] >= 0.74);
}

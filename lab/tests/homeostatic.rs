//! The homeostatic learner on the bundled digits, driven as the engine drives it: resuming, threads, divergence, and what it says.

use lab::{Checkpoint, Lab, Recorder, Running, record::Item, registry};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn lab_with_seed(seed: u64) -> Lab {
    Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed }
}

fn config(preset: &str, given: Value) -> Map<String, Value> {
    let entry = registry::standard().get("homeostatic").unwrap();
    entry.complete(preset, given.as_object().unwrap()).unwrap()
}

/// All arms, Adam too, in a seasonal and a ramped world: 143 batches an epoch, four epochs. The rate moves by half of itself, so that many
/// decisions are taken.
fn small() -> Map<String, Value> {
    let arms = json!(["lrh", "lrc", "lrr", "lrc_tuned", "adam"]);
    config(
        "glance",
        json!({
            "epochs": 4, "hidden_widths": [20, 12], "arms": arms, "learning_rate": 0.02, "learning_rate_step_fraction": 0.5,
            "shift_schedule": "dynamic", "season_epochs": 1, "shift_rate_low": 1, "shift_rates": [3]
        }),
    )
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
        let running = registry::standard().get("homeostatic").unwrap().start(config, &lab_with_seed(seed)).unwrap();
        Self { running, recorder: Recorder::default(), step: 0, said: Vec::new() }
    }

    fn resume(config: &Map<String, Value>, seed: u64, checkpoint: &[u8], stopped: &Self) -> Self {
        let from = Checkpoint::from_bytes(checkpoint).unwrap();
        let running = registry::standard().get("homeostatic").unwrap().restore(config, &lab_with_seed(seed), &from).unwrap();
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
    // After the first step; before and after swaps (47), an epoch's end (143) and the first decision of the next; in the window around a
    // swap; where pictures are due; before and after the last step.
    for stop in [1, 46, 47, 143, 146, 290, 401, 571, 572] {
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
fn arms_of_one_rate_do_not_depend_on_the_other_rates_or_arms() {
    let of = |given: Value, arm: &str| {
        let (said, _, _) = Drive::start(&config("glance", given), 1).run_out();
        let name = format!("accuracy/online Some(\"{arm}\") ");
        said.iter().filter_map(|line| line.strip_prefix(&name).map(str::to_owned)).collect::<Vec<_>>()
    };
    let alone = of(json!({ "epochs": 3, "shift_rates": [2], "arms": ["lrh"] }), "lrh");
    assert_eq!(alone.len(), 9);
    assert_eq!(of(json!({ "epochs": 3, "shift_rates": [0, 2] }), "lrh_s2"), alone);
    assert_ne!(of(json!({ "epochs": 3, "shift_rates": [0, 2] }), "lrh_s0"), alone);
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
    let config = config("glance", json!({ "epochs": 2 }));
    let mut first = Drive::start(&config, 0);
    first.run_to(60);
    // What an overflow leaves behind: an infinite bias of a hidden unit.
    let broken = with_first_value(&first.save(), "arms/lrr/layer_2/bias", f32::INFINITY);
    let (said, summary, artifacts) = Drive::resume(&config, 0, &broken, &first).run_out();
    let accuracies =
        |arm: &str| said.iter().filter(|line| line.starts_with(&format!("accuracy/online Some(\"{arm}\")"))).collect::<Vec<_>>();
    let [only] = accuracies("lrr")[..] else { panic!("{:?}", accuracies("lrr")) };
    let bits = u64::from_str_radix(only.rsplit(' ').next().unwrap(), 16).unwrap();
    assert!(only.contains(" 61 ") && f64::from_bits(bits).is_nan(), "{only}");
    assert_eq!(accuracies("lrh").len(), 5);
    let warnings: Vec<_> = said.iter().filter(|line| line.starts_with("Warning")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("Arm lrr has diverged at step 61"), "{warnings:?}");
    for arm in ["lrh", "lrc", "lrr", "lrc_tuned"] {
        assert_eq!(summary[&format!("accuracy/online_mean.{arm}")].is_nan(), arm == "lrr", "{arm}");
    }
    assert!(summary["accuracy/online_mean.lrh-lrr"].is_nan() && summary["accuracy/online_mean.lrh-lrc"].is_finite());
    assert_eq!(artifacts.len(), 6);
    // The others are not disturbed.
    let (undisturbed, _, _) = Drive::start(&config, 0).run_out();
    let of_lrh = |said: &[String]| said.iter().filter(|line| line.contains("Some(\"lrh\")")).cloned().collect::<Vec<_>>();
    assert!(of_lrh(&undisturbed).ends_with(&of_lrh(&said)));
}

#[test]
fn an_arm_at_the_floor_starves_and_says_so_once() {
    // Every class inhibits, and random regulation takes half of them in: the rate is at its floor after some twenty decisions.
    let given = json!({ "epochs": 9, "arms": ["lrr", "lrc"], "class_effects": [-1, -1, -1, -1, -1, -1, -1, -1, -1, -1] });
    let (said, summary, _) = Drive::start(&config("glance", given), 0).run_out();
    let warnings: Vec<_> = said.iter().filter(|line| line.starts_with("Warning")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("lrr has starved at batch 10"), "{warnings:?}");
    assert_eq!((summary["starved_fraction.lrr"], summary.get("starved_fraction.lrc")), (1.0, None));
    let starved: Vec<_> = said.iter().filter(|line| line.starts_with("starved Some(\"lrr\")")).collect();
    assert!(starved[0].ends_with(" 0000000000000000") && starved.last().unwrap().ends_with(" 3ff0000000000000"));
    assert!((summary["learning_rate/end.lrr"] - 1e-8).abs() < 1e-20);
}

/// Names of metrics and frames of a run, its last value of every series, its summary and its files.
fn everything(config: &Map<String, Value>) -> (BTreeSet<String>, BTreeMap<String, Vec<u64>>, BTreeMap<String, f64>, Vec<String>) {
    let mut drive = Drive::start(config, 0);
    let (mut metrics, mut frames) = (BTreeSet::new(), BTreeMap::<String, Vec<u64>>::new());
    for step in 1..=drive.running.total_steps() {
        drive.recorder.begin_step(step);
        drive.running.step(&mut drive.recorder).unwrap();
        for item in drive.recorder.take_items() {
            match item {
                Item::Point(point) => {
                    assert!(point.value.0.is_finite(), "{point:?}");
                    metrics.insert(point.name);
                }
                Item::Frame { name, arm, step, .. } => frames.entry(format!("{name} {}", arm.unwrap_or_default())).or_default().push(step),
                Item::Log { .. } => {}
            }
        }
        metrics.extend(drive.recorder.take_clock_points().into_iter().map(|point| point.name));
    }
    drive.running.finish(&mut drive.recorder).unwrap();
    let (summary, artifacts) = drive.recorder.take_results();
    (metrics, frames, summary, artifacts.into_iter().map(|artifact| artifact.path).collect())
}

#[test]
fn what_a_run_says_is_what_its_card_promises() {
    let card = &registry::standard().get("homeostatic").unwrap().card;
    let moving = json!({ "epochs": 6, "learning_rate": 0.02, "learning_rate_step_fraction": 0.5 });
    let (metrics, frames, mut summary, paths) = everything(&config("glance", moving));
    let known: BTreeSet<String> = card.metrics.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(metrics, known);
    // 858 batches, a swap after every 143, and twenty pictures of what grows.
    assert_eq!(frames["labels "], [1, 143, 286, 429, 572, 715, 858]);
    assert_eq!((frames["timeline lrh"].len(), frames["learning_rate/histogram lrr"].len()), (20, 20));
    assert_eq!(frames["swap_response/accuracy "].first(), Some(&515), "the first picture after 200 batches beyond the swap at 286");
    assert!(!frames.contains_key("learning_rate/histogram lrc"));
    let files = ["weights/lrh.safetensors", "weights/lrc_tuned.safetensors", "summary.csv", "swaps.csv"];
    assert!(paths.len() == 6 && files.iter().all(|file| paths.iter().any(|path| path == file)), "{paths:?}");
    assert_eq!(summary["swaps.lrh"], 6.0);

    // What only several rates, or a changing one, can show.
    let (_, more_frames, rates, _) = everything(&config("glance", json!({ "epochs": 2, "shift_rates": [0, 1, 2] })));
    let (_, _, changing, _) = everything(&small());
    summary.extend(rates.clone());
    summary.extend(changing.clone());
    let names: BTreeSet<&str> = frames.keys().chain(more_frames.keys()).filter_map(|name| name.split(' ').next()).collect();
    for panel in &card.panels {
        assert!(panel.metrics.iter().all(|metric| metrics.contains(*metric)), "{}", panel.id);
        assert!(panel.frame.is_none_or(|frame| names.contains(frame)), "{}", panel.id);
    }
    for claim in &card.claims {
        assert!(summary.contains_key(claim.measure), "{} judges by {}, which is not there", claim.id, claim.measure);
    }
    // A claim about a shifting world is not judged in a stable or a changing one.
    assert!(!changing.contains_key("advantage/under_shift") && !rates.contains_key("advantage/changing_shift"));
    let (_, _, stable, _) = everything(&config("glance", json!({ "epochs": 1, "shift_rates": [0] })));
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

use lab::{Lab, Recorder, registry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn run(preset: &str, given: Value, seed: u64) -> (BTreeMap<String, f64>, f64) {
    let entry = registry::standard().get("homeostatic").unwrap();
    let config = entry.complete(preset, given.as_object().unwrap()).unwrap();
    let lab = Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed };
    let begun = std::time::Instant::now();
    let mut running = entry.start(&config, &lab).unwrap();
    let mut recorder = Recorder::default();
    for step in 1..=running.total_steps() {
        recorder.begin_step(step);
        running.step(&mut recorder).unwrap();
        recorder.take_items();
        recorder.take_clock_points();
    }
    running.finish(&mut recorder).unwrap();
    (recorder.take_results().0, begun.elapsed().as_secs_f64())
}

#[test]
fn probe() {
    let show = |s: &BTreeMap<String, f64>, names: &[&str]| names.iter().map(|n| format!("{n}={:.4}", s.get(*n).copied().unwrap_or(f64::NAN))).collect::<Vec<_>>().join(" ");
    let mut d = Vec::new();
    for seed in 0..20 {
        let (s, secs) = run("quick", json!({"arms": ["lrh", "lrc"]}), seed);
        d.push(s["advantage/under_shift"]);
        println!("seed quick {seed} {secs:.2}s {}", show(&s, &["accuracy/online_mean.lrc", "accuracy/online_mean.lrh", "advantage/under_shift", "learning_rate/end.lrh", "decision/taken_fraction.lrh", "starved_fraction.lrh"]));
    }
    let n = d.len() as f64; let m = d.iter().sum::<f64>() / n; let sd = (d.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    println!("seed MEAN {m:.4} sd {sd:.4} ci {:.4}", 2.09 * sd / n.sqrt());
    for seed in 0..5 {
        let (s, secs) = run("quick_rate", json!({}), seed);
        println!("seed rate {seed} {secs:.2}s {}", show(&s, &["accuracy/online_mean.lrc_s0", "accuracy/online_mean.lrh_s0", "accuracy/online_mean.lrc_s8", "accuracy/online_mean.lrh_s8", "learning_rate/end.lrh_s0", "learning_rate/end.lrh_s8", "learning_rate/end_ratio", "advantage/under_shift"]));
    }
    for seed in 0..2 {
        let (s, secs) = run("quick", json!({"shift_rates": [0]}), seed);
        println!("seed s0 {seed} {secs:.2}s {}", show(&s, &["accuracy/online_mean.lrc", "accuracy/online_mean.lrh", "accuracy/online_mean.lrr", "learning_rate/end.lrh"]));
    }
}

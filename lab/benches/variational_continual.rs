//! Training images a second of every arm of the deep stream, with all that a run tells and tests, steps a second of the perceptron, and seconds
//! of a point of its theory: `cargo bench --workspace --bench variational_continual`.
//!
//! The same in NumPy is `benches/peers/variational_continual.py` at the root of the repository.

use lab::{
    Lab, Recorder,
    experiments::variational_continual::{
        adam::Decay,
        perceptron::{
            student::{Examples, Schooling, Student},
            theory::{First, Second},
        },
    },
    random::Generator,
    registry,
};
use serde_json::json;
use std::time::Instant;

/// Rounds; the fastest counts, for the others were disturbed.
const ROUNDS: u64 = 3;
/// Epochs of the one task, and images of all of them.
const EPOCHS: u64 = 4;
const SAMPLES: f64 = 8_000.0 * EPOCHS as f64;
const THREADS: usize = 2;

/// The least seconds of some rounds.
fn least(mut work: impl FnMut(u64) -> Result<f64, Box<dyn std::error::Error>>) -> Result<f64, Box<dyn std::error::Error>> {
    let mut best = f64::INFINITY;
    for round in 0..ROUNDS {
        best = best.min(work(round)?);
    }
    Ok(best)
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global()?;
    let entry = registry::standard().get("variational_continual")?;
    for arm in ["vcl", "vcl_no_kl", "vcl_task", "finetune", "metaplastic", "ewc"] {
        let given = json!({ "tasks": 1, "epochs_per_task": EPOCHS, "arms": [arm] });
        let config = entry.complete("deep_quick", given.as_object().ok_or("no object")?)?;
        let seconds = least(|seed| {
            let mut running = entry.start(&config, &Lab { device: candle_core::Device::Cpu, data_folders: Vec::new(), seed })?;
            let mut recorder = Recorder::default();
            let begun = Instant::now();
            // On a thread of the pool, as training does.
            rayon::scope(|_| {
                (1..=running.total_steps()).try_for_each(|step| {
                    recorder.begin_step(step);
                    running.step(&mut recorder)
                })
            })?;
            Ok(begun.elapsed().as_secs_f64())
        })?;
        println!("{arm:12} {:10.0} samples/s", SAMPLES / seconds);
    }

    let (inputs, steps) = (400, 300);
    let mut generator = Generator::new(0, "bench");
    let mut draw = |count: usize| (0..count).map(|_| f64::from(generator.symmetric(1.0))).collect::<Vec<_>>();
    let (fields, teacher) = (draw(inputs), draw(inputs).iter().map(|w| w.signum()).collect::<Vec<_>>());
    let examples = Examples::draw(&teacher, 640, &mut Generator::new(0, "examples"));
    let seconds = least(|_| {
        let mut student = Student::new(fields.clone());
        let schooling = Schooling { learning_rate: 0.01, weight_decay: 0.0, weight: 1.0, decay: Decay::USUAL };
        let begun = Instant::now();
        for _ in 0..steps {
            student.loss(&examples);
            student.descend(schooling);
        }
        Ok(begun.elapsed().as_secs_f64())
    })?;
    println!("perceptron   {:10.0} steps/s, {inputs} inputs and 640 examples, one thread", f64::from(steps) / seconds);

    let theory = First::new(1.6, 100.0);
    let mut progress = First::start();
    let first = least(|_| {
        progress = First::start();
        let begun = Instant::now();
        theory.go_on(&mut progress, 600);
        Ok(begun.elapsed().as_secs_f64())
    })?;
    println!("theory 1     {:10.4} s, {} iterations", first, progress.iterations);
    let (_, conjugates) = theory.predict(&progress);
    let mut reached = 0;
    let second = least(|_| {
        let begun = Instant::now();
        let theory = Second::new(conjugates, 1.6, 0.5, 1.0, 100.0);
        let mut progress = Second::start(&progress, 0.5);
        theory.go_on(&mut progress, 600);
        reached = progress.iterations;
        Ok(begun.elapsed().as_secs_f64())
    })?;
    println!("theory 2     {second:10.4} s, {reached} iterations, {THREADS} threads");
    Ok(())
}

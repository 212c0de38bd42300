//! The quick presets of all experiments on the first GPU, beside the same on the CPU. `./test --gpu` runs it; only a build with the feature
//! `cuda` has it.
//!
//! Both add in different orders, and training magnifies the last bit. Of the first three steps every number must be within 1e-3; of a whole
//! run accuracies, mean errors and shares must be within 0.03, capacities within 10%, and numbers of edges the same. An experiment that
//! says it uses the GPU must differ from the CPU in some bit, so that none passes because it ignores its device.

mod support;

use candle_core::Device;
use lab::record::is_clock_name;
use serde_json::json;
use std::collections::BTreeMap;
use support::{Drive, config, summary_on};

/// Where the tensors of an experiment live when it is given a GPU.
#[derive(Debug, PartialEq)]
enum Runs {
    /// On the GPU: some bit of the summary differs from the CPU's.
    OnGpu,
    /// On the CPU whatever it is given, so every bit is the CPU's.
    OnCpu,
    /// On the GPU in part, but the summary has only counts, which may come out the same.
    Counts,
}

/// Of `hopfield` the softmax retrievals run on the GPU, of `nhl` the convolutions; batches of 10 are faster on a CPU.
const EXPERIMENTS: [(&str, Runs); 8] = [
    ("dense_rsb", Runs::OnCpu),
    ("g2gnet", Runs::OnGpu),
    ("homeostatic", Runs::OnCpu),
    ("hopfield", Runs::Counts),
    ("multitasking", Runs::OnCpu),
    ("nhl", Runs::OnGpu),
    ("pavlovian", Runs::OnCpu),
    ("variational_continual", Runs::OnCpu),
];
/// The summary numbers that are compared, by the beginning of their names.
const EXACT: [&str; 1] = ["weights/edges_active."];
const SHARES: [&str; 6] = ["accuracy/", "error/mean", "error/noises", "error/clean", "retrieval/bit_error", "weights/intra_fraction."];
const CAPACITIES: [&str; 1] = ["capacity/patterns."];

#[test]
fn the_quick_presets_come_out_alike_on_a_gpu_and_on_the_cpu() {
    let gpu = Device::new_cuda(0).unwrap_or_else(|error| panic!("this test needs a GPU: {error}"));
    let mut faults = Vec::new();
    for (experiment, runs) in EXPERIMENTS {
        let config = config(experiment, "quick", &json!({}));
        let begun = |device: &Device| {
            let mut drive = Drive::start_on(device, experiment, &config, 0);
            drive.run_to(3);
            drive.heard().points.iter().map(|point| (format!("{} {:?} {}", point.name, point.arm, point.step), point.value.0)).collect()
        };
        let (on_gpu, on_cpu): (BTreeMap<String, f64>, _) = (begun(&gpu), begun(&Device::Cpu));
        faults.extend(differences(experiment, &on_gpu, &on_cpu, |_, size| 1e-3 * size.max(1.0)));

        let (on_gpu, on_cpu) = (summary_on(&gpu, experiment, &config, 0), summary_on(&Device::Cpu, experiment, &config, 0));
        faults.extend(differences(experiment, &on_gpu, &on_cpu, |name, size| {
            let is_of = |families: &[&str]| families.iter().any(|family| name.starts_with(family));
            let allowed = [(is_of(&EXACT), 0.0), (is_of(&SHARES), 0.03), (is_of(&CAPACITIES), 0.1 * size)];
            allowed.iter().find(|(applies, _)| *applies).map_or(f64::INFINITY, |(_, allowed)| *allowed)
        }));
        let same = on_cpu
            .iter()
            .filter(|(name, _)| !is_clock_name(name))
            .all(|(name, value)| on_gpu.get(name).is_some_and(|gpu| gpu.to_bits() == value.to_bits()));
        eprintln!("{experiment}: {}", if same { "every bit is the CPU's" } else { "some bits are not the CPU's" });
        if same != (runs == Runs::OnCpu) && runs != Runs::Counts {
            faults.push(format!("{experiment} should run {runs:?}, but its bits are {}the CPU's", if same { "" } else { "not " }));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every number that one of them lacks, or that is further from the CPU's than `allowed` by its name and size.
fn differences(
    experiment: &str,
    on_gpu: &BTreeMap<String, f64>,
    on_cpu: &BTreeMap<String, f64>,
    allowed: impl Fn(&str, f64) -> f64,
) -> Vec<String> {
    let only = on_gpu.keys().filter(|name| !on_cpu.contains_key(*name)).map(|name| format!("{experiment}: {name} is on the GPU only"));
    let of_both = on_cpu.iter().filter(|(name, _)| !is_clock_name(name)).filter_map(|(name, cpu)| {
        let gpu = on_gpu.get(name).copied().unwrap_or(f64::NAN);
        let alike = gpu.to_bits() == cpu.to_bits() || (gpu - cpu).abs() <= allowed(name, cpu.abs());
        (!alike).then(|| format!("{experiment}: {name} is {gpu} on the GPU and {cpu} on the CPU"))
    });
    only.chain(of_both).collect()
}

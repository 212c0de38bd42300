//! The quick presets of all experiments on the first GPU, beside the same on the CPU. `./test --gpu` runs it; only a build with the feature
//! `cuda` has it.
//!
//! Both add in different orders, and training magnifies the last bit, so a whole run is compared within what its numbers are read by:
//! shares (accuracies, errors, fractions) within 0.03, everything else within 10%. Of its first steps every number is within 1e-3.

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
    /// On the GPU, but the summary has only counts, which may come out the same.
    Counts,
}

const EXPERIMENTS: [(&str, Runs); 4] =
    [("g2gnet", Runs::OnGpu), ("homeostatic", Runs::OnCpu), ("hopfield", Runs::OnCpu), ("nhl", Runs::OnCpu)];

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
        let is_share = |name: &str| ["accuracy/", "error/", "decision/", "weights/"].iter().any(|family| name.starts_with(family));
        faults.extend(differences(
            experiment,
            &on_gpu,
            &on_cpu,
            |name, size| {
                if is_share(name) && size <= 1.0 { 0.03 } else { 0.1 * size }
            },
        ));
        let same = on_cpu.iter().filter(|(name, _)| !is_clock_name(name)).all(|(name, value)| on_gpu[name].to_bits() == value.to_bits());
        eprintln!("{experiment}: {}", if same { "every bit is the CPU's" } else { "within the tolerance, on the GPU" });
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

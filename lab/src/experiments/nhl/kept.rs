//! Source models that this process has trained, kept for later runs that would train the same one to the bit.
//!
//! A sweep over what happens to the stream trains its source model once for each seed and worker, not once for each cell. A run says the same
//! whether it trains or takes over: only the clock tells.

use super::config::NhlConfig;
use crate::Lab;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes of all models kept; the oldest go first.
const MOST_BYTES: usize = 64 << 20;

/// A trained source model.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Step, loss in nats and accuracy of every point that its training said.
    pub points: Vec<(u64, f64, f64)>,
    /// A checkpoint of model and optimiser after the last step.
    pub checkpoint: Vec<u8>,
}

static KEPT: Mutex<VecDeque<(String, Arc<Kept>)>> = Mutex::new(VecDeque::new());

/// All that a source model follows from, within one version of the program and on one processor. That the number of threads changes no bit is
/// for tests to find out, which compare such runs.
fn key(config: &NhlConfig, lab: &Lab) -> String {
    let NhlConfig { dataset, channels, source_epochs, source_samples, source_learning_rate, .. } = config;
    let (device, threads) = (lab.device.location(), rayon::current_num_threads());
    format!("{dataset:?} {channels:?} {source_epochs} {source_samples} {source_learning_rate} {} {device:?} {threads}", lab.seed)
}

/// The model that a run with this config would train, if one is kept.
pub fn find(config: &NhlConfig, lab: &Lab) -> Option<Arc<Kept>> {
    let key = key(config, lab);
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.iter().find(|(known, _)| *known == key).map(|(_, model)| Arc::clone(model))
}

/// Keeps a model for later runs.
pub fn keep(config: &NhlConfig, lab: &Lab, model: Kept) {
    let (key, mut kept) = (key(config, lab), KEPT.lock().unwrap_or_else(PoisonError::into_inner));
    kept.retain(|(known, _)| *known != key);
    kept.push_back((key, Arc::new(model)));
    while kept.iter().map(|(_, model)| model.checkpoint.len()).sum::<usize>() > MOST_BYTES {
        kept.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn models_are_told_apart_and_the_oldest_go() {
        let lab = |seed: u64| Lab { device: Device::Cpu, data_folders: Vec::new(), seed };
        let config = NhlConfig { source_samples: 4_321, ..NhlConfig::default() };
        let model = |bytes: usize| Kept { points: vec![(1, 0.5, 0.25)], checkpoint: vec![7; bytes] };
        keep(&config, &lab(1), model(10));
        assert_eq!(find(&config, &lab(1)).unwrap().points, [(1, 0.5, 0.25)]);
        assert!(find(&config, &lab(2)).is_none());
        assert!(find(&NhlConfig { source_learning_rate: 0.001, ..config.clone() }, &lab(1)).is_none());
        // What only happens to the stream does not matter.
        assert!(find(&NhlConfig { tent_learning_rate: 0.5, severities: vec![1], ..config.clone() }, &lab(1)).is_some());
        for seed in 2..6 {
            keep(&config, &lab(seed), model(MOST_BYTES / 3));
        }
        assert!(find(&config, &lab(1)).is_none() && find(&config, &lab(5)).is_some());
    }
}

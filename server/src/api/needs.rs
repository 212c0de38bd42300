//! Presets that need a GPU: refused where no worker has one, else kept for the workers that do.

use super::workers::REMEMBERED_MS;
use crate::{clock::now_ms, error::ApiError, state::AppState};
use lab::{ConfigFaults, Registry, experiment::Preset};
use serde_json::Value;

/// The preset that a body names, if it needs a GPU.
fn preset_in_need<'a>(registry: &'a Registry, value: &Value) -> Option<&'a Preset> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (experiment, id) = (registry.find(text("experiment")?)?, text("preset")?);
    experiment.card.presets.iter().find(|preset| preset.id == id && preset.needs_gpu())
}

/// Whether a worker with a GPU has called lately; not looked up, and true, for a body whose preset needs none.
pub(super) async fn has_what_it_needs(app: &AppState, value: &Value) -> Result<bool, ApiError> {
    match preset_in_need(app.registry, value) {
        None => Ok(true),
        Some(_) => Ok(app.store.has_gpu_worker(now_ms() - REMEMBERED_MS).await?),
    }
}

/// A preset that needs a GPU is a fault where the run would get none. A run that names a GPU waits for it, as any other does.
pub(super) fn check_needs(registry: &Registry, value: &Value, has_gpu_worker: bool, faults: &mut ConfigFaults) {
    let Some(preset) = preset_in_need(registry, value) else { return };
    match value.get("device").and_then(Value::as_str).unwrap_or("auto") {
        "cpu" => faults.push("device", preset.why_not_without_gpu()),
        "auto" if !has_gpu_worker => faults.push("preset", preset.why_not_without_gpu()),
        _ => {}
    }
}

/// The device of a run whose body wishes for `wished`: `auto` means a GPU where the preset needs one.
pub(super) fn device_for(preset: Option<&Preset>, wished: Option<String>) -> String {
    match wished {
        Some(device) if device != "auto" => device,
        _ if preset.is_some_and(Preset::needs_gpu) => "cuda".to_owned(),
        _ => "auto".to_owned(),
    }
}

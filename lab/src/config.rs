//! Configs: how a partial config becomes a complete one, or a list of every fault in it.

use crate::schema::{self, ConfigFaults};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Rules that span several fields of a config; bounds of single fields live in the schema.
pub trait Check {
    /// Adds every fault to `faults`. Called only with a config whose single fields are in range.
    fn check(&self, faults: &mut CrossFaults) {
        let _ = faults;
    }

    /// Adds the faults of a run with this config that goes on from a checkpoint of one with the config `parent`, beyond those of fields
    /// that are fixed there.
    fn check_fork(&self, parent: &Self, faults: &mut CrossFaults) {
        let _ = (parent, faults);
    }
}

/// Collects faults that involve several fields.
#[derive(Debug)]
pub struct CrossFaults {
    found: ConfigFaults,
    /// Faults of single fields; a rule that involves such a field says nothing, for it would judge a stand-in value.
    single: ConfigFaults,
}

impl CrossFaults {
    /// None yet, beside these of single fields.
    pub(crate) fn after(single: &ConfigFaults) -> Self {
        Self { found: ConfigFaults::default(), single: single.clone() }
    }

    /// What was found.
    pub(crate) fn into_found(self) -> ConfigFaults {
        self.found
    }

    /// Adds a fault. The first of `fields` is the one it is shown beside; the others are those the rule also reads.
    pub fn push(&mut self, fields: &[&str], detail: impl Into<String>) {
        if !fields.iter().any(|field| self.single.touches(field)) {
            self.found.push(fields[0], detail);
        }
    }
}

/// What a config type must be able to do. `Default` holds the paper's or the specification's values.
pub trait Config: Serialize + DeserializeOwned + JsonSchema + Check + Clone + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + JsonSchema + Check + Clone + Send + Sync + 'static> Config for T {}

/// The schema of a config: JSON Schema 2020-12 with a title, description, default and bounds for every field.
pub fn schema_of<C: Config>() -> Value {
    let mut settings = schemars::generate::SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<C>().to_value()
}

/// Puts `over` on top of `base`, field by field.
pub fn overlay(base: &Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = base.clone();
    merged.extend(over.iter().map(|(name, value)| (name.clone(), value.clone())));
    merged
}

/// Completes a partial config: every default filled in, or every fault named at once.
///
/// `base` is the preset's part, trusted to be valid; `given` is the user's. Where the schema has kinds, another `kind` than the
/// preset's drops the preset.
pub fn complete<C: Config>(base: &Map<String, Value>, given: &Map<String, Value>) -> Result<(C, Value), ConfigFaults> {
    complete_under::<C>(&schema_of::<C>(), base, given)
}

/// [`complete`] with the schema of `C` at hand, for those who complete many.
pub fn complete_under<C: Config>(root: &Value, base: &Map<String, Value>, given: &Map<String, Value>) -> Result<(C, Value), ConfigFaults> {
    let kind_changed = given.get("kind").is_some_and(|kind| base.get("kind").is_some_and(|own| own != kind));
    let empty = Map::new();
    let base = if kind_changed { &empty } else { base };
    let merged = Value::Object(overlay(base, given));
    let mut found = schema::faults(root, root, &merged);

    // Fields with faults are replaced by the preset's or the default value, so that the rules across fields still speak.
    let mut patched = overlay(base, given);
    patched.retain(|name, _| !found.touches(name) || name == "kind");
    for (name, value) in base {
        patched.entry(name.clone()).or_insert_with(|| value.clone());
    }
    match serde_json::from_value::<C>(Value::Object(patched)) {
        Ok(config) => {
            let mut across = CrossFaults::after(&found);
            config.check(&mut across);
            found.0.extend(across.into_found().0);
            let complete = serde_json::to_value(&config).map_err(|error| ConfigFaults::of("", error.to_string()))?;
            found.or(complete).map(|complete| (config, complete))
        }
        Err(_) if !found.0.is_empty() => Err(found),
        Err(error) => Err(ConfigFaults(vec![schema::Fault { pointer: String::new(), detail: error.to_string() }])),
    }
}

#[cfg(test)]
pub(crate) mod testing;

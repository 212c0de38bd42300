//! The catalogue: every experiment by its id, its type forgotten.

use crate::{
    Checkpoint, Experiment, Lab, Result, Running,
    config::{self, Config},
    experiment::{Card, Estimates},
    experiments::{
        dense_rsb::DenseRsb, g2gnet::G2gNet, homeostatic::Homeostatic, hopfield::Hopfield, multitasking::Multitasking, nhl::Nhl,
        pavlovian::Pavlovian, study::Studied, variational_continual::VariationalContinual,
    },
    fork,
    schema::{ConfigFaults, nearest},
};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The fields of a config.
type Fields = Map<String, Value>;

/// One experiment of the catalogue.
pub struct Entry {
    /// What it is.
    pub card: Card,
    /// JSON Schema of its config.
    pub config_schema: Value,
    complete: fn(&Value, &Fields, &Fields) -> Result<Value, ConfigFaults>,
    complete_fork: fn(&Value, &Fields, &Fields) -> Result<Value, ConfigFaults>,
    start: fn(&Fields, &Lab) -> Result<Box<dyn Running>>,
    restore: fn(&Fields, &Lab, &Checkpoint) -> Result<Box<dyn Running>>,
    estimates: fn(&Fields) -> Result<Estimates, ConfigFaults>,
}

impl Entry {
    /// The catalogue entry of `E`.
    pub fn of<E: Experiment>() -> Self {
        fn typed<C: Config>(config: &Map<String, Value>) -> Result<C, ConfigFaults> {
            config::complete::<C>(&Map::new(), config).map(|(config, _)| config)
        }
        Self {
            card: E::card(),
            config_schema: config::schema_of::<E::Config>(),
            complete: |schema, base, given| config::complete_under::<E::Config>(schema, base, given).map(|(_, complete)| complete),
            complete_fork: fork::complete_fork::<E::Config>,
            start: |config, lab| Ok(Box::new(E::start(&typed(config)?, lab)?)),
            restore: |config, lab, from| Ok(Box::new(E::restore(&typed(config)?, lab, from)?)),
            estimates: |config| Ok(E::estimates(&typed(config)?)),
        }
    }

    /// The complete config for `preset` with `given` on top, or every fault. Errors: see [`config::complete`].
    pub fn complete(&self, preset: &str, given: &Map<String, Value>) -> Result<Map<String, Value>, ConfigFaults> {
        let base = self.card.presets.iter().find(|known| known.id == preset).map(|known| known.config.clone()).unwrap_or_default();
        fields_of((self.complete)(&self.config_schema, &base, given)?)
    }

    /// The complete config of a run that goes on from a checkpoint of one with the config `parent`, with `given` on top, or every fault.
    /// Errors: see [`fork::complete_fork`].
    pub fn complete_fork(&self, parent: &Map<String, Value>, given: &Map<String, Value>) -> Result<Map<String, Value>, ConfigFaults> {
        fields_of((self.complete_fork)(&self.config_schema, parent, given)?)
    }

    /// Starts a run with a complete config.
    pub fn start(&self, config: &Map<String, Value>, lab: &Lab) -> Result<Box<dyn Running>> {
        (self.start)(config, lab)
    }

    /// Goes on from a checkpoint.
    pub fn restore(&self, config: &Map<String, Value>, lab: &Lab, from: &Checkpoint) -> Result<Box<dyn Running>> {
        (self.restore)(config, lab, from)
    }

    /// What can be known before training.
    pub fn estimates(&self, config: &Map<String, Value>) -> Result<Estimates, ConfigFaults> {
        (self.estimates)(config)
    }
}

fn fields_of(config: Value) -> Result<Fields, ConfigFaults> {
    match config {
        Value::Object(fields) => Ok(fields),
        _ => Err(ConfigFaults::of("", "the config of this experiment is not an object")),
    }
}

/// Experiments by id.
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// A catalogue of these entries, shown in this order.
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// All entries in the order they are shown.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The experiment of this id.
    pub fn find(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.card.id == id)
    }

    /// The experiment of this id, or a sentence that names the closest one.
    pub fn get(&self, id: &str) -> Result<&Entry, String> {
        self.find(id).ok_or_else(|| match nearest(id, self.entries.iter().map(|entry| entry.card.id)) {
            Some(known) => format!("there is no experiment `{id}`; did you mean `{known}`?"),
            None => format!("there is no experiment `{id}`"),
        })
    }
}

/// Every experiment of the lab, in the order they are shown.
pub fn standard() -> &'static Registry {
    static STANDARD: LazyLock<Registry> = LazyLock::new(|| {
        Registry::new(vec![
            Entry::of::<G2gNet>(),
            Entry::of::<Homeostatic>(),
            Entry::of::<Studied<Hopfield>>(),
            Entry::of::<Nhl>(),
            Entry::of::<Studied<DenseRsb>>(),
            Entry::of::<Studied<Multitasking>>(),
            Entry::of::<Studied<Pavlovian>>(),
            Entry::of::<VariationalContinual>(),
        ])
    });
    &STANDARD
}

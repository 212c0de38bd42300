//! Forks: a run that goes on from a checkpoint of another with some fields changed, and which fields may change there.
//!
//! A field may change where its schema says `"forkable": true`: it is read at every step and nothing that a checkpoint holds has its shape
//! or its order. All others are fixed, for the state that was saved would not fit them, or they would say nothing any more.

use crate::{
    config::{Config, CrossFaults, complete_under},
    schema::{self, ConfigFaults},
};
use serde_json::{Map, Value};

/// The keyword of a field's schema.
const FORKABLE: &str = "forkable";

/// The fields that may change at a fork of a run with this config, in the order of the schema; none where its kind has none.
pub fn forkable_fields(root: &Value, config: &Map<String, Value>) -> Vec<String> {
    let fields = properties(root, config);
    fields.filter(|(_, field)| is_forkable(field, root)).map(|(name, _)| name.clone()).collect()
}

/// The complete config of a fork: `parent`, which is complete, with `given` on top. Errors: every fault at once, those of a config and
/// fields that are fixed; a fixed field that is given as it is already is none.
pub fn complete_fork<C: Config>(root: &Value, parent: &Map<String, Value>, given: &Map<String, Value>) -> Result<Value, ConfigFaults> {
    let (mut found, mut free) = (ConfigFaults::default(), given.clone());
    for (name, field) in properties(root, parent) {
        let Some(value) = given.get(name).filter(|_| !is_forkable(field, root)) else { continue };
        if !parent.get(name).is_some_and(|now| is_same(now, value)) {
            found.push(name, why_fixed(root, parent));
        }
        free.remove(name);
    }
    match complete_under::<C>(root, parent, &free) {
        Err(faults) => found.0.extend(faults.0),
        Ok((config, complete)) => {
            // The parent's config was complete once; where this version reads it no more, the faults above say so.
            if let Ok((before, _)) = complete_under::<C>(root, parent, &Map::new()) {
                let mut across = CrossFaults::after(&found);
                config.check_fork(&before, &mut across);
                found.0.extend(across.into_found().0);
            }
            return found.or(complete);
        }
    }
    Err(found)
}

fn properties<'a>(root: &'a Value, config: &Map<String, Value>) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let branch = schema::branch(root, root, &Value::Object(config.clone())).unwrap_or(root);
    branch.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_forkable(field: &Value, root: &Value) -> bool {
    field.get(FORKABLE).or_else(|| schema::resolve(field, root).get(FORKABLE)) == Some(&Value::Bool(true))
}

fn why_fixed(root: &Value, parent: &Map<String, Value>) -> String {
    match forkable_fields(root, parent).as_slice() {
        [] => "is fixed at a fork, as every field of this experiment is: what a checkpoint holds follows from it".to_owned(),
        free => format!("is fixed at a fork: what a checkpoint holds follows from it; free are {}", free.join(", ")),
    }
}

/// Whether two values mean the same: 1 and 1.0 do.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| is_same(value, other)))
        }
        _ => one == other,
    }
}

/// The fields of a fork that differ from its parent's, each as `field old → new`.
pub fn changes(parent: &Map<String, Value>, child: &Map<String, Value>) -> Vec<String> {
    let differing = child.iter().filter(|(name, value)| !parent.get(*name).is_some_and(|before| is_same(before, value)));
    differing.map(|(name, value)| format!("{name} {} → {value}", parent.get(name).unwrap_or(&Value::Null))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::standard;
    use serde_json::json;

    fn parent(experiment: &str, given: Value) -> (&'static crate::Entry, Map<String, Value>) {
        let entry = standard().get(experiment).unwrap();
        (entry, entry.complete("", given.as_object().unwrap()).unwrap())
    }

    fn faults(experiment: &str, base: Value, given: Value) -> Vec<(String, String)> {
        let (entry, parent) = parent(experiment, base);
        match entry.complete_fork(&parent, given.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.into_iter().map(|fault| (fault.pointer, fault.detail)).collect(),
        }
    }

    #[test]
    fn what_may_change_does_and_the_rest_stays() {
        let (entry, parent) = parent("g2gnet", json!({ "dataset": "digits", "train_samples": 1_000, "epochs": 3 }));
        let child = entry.complete_fork(&parent, json!({ "learning_rate": 0.01, "epochs": 5, "hidden_width": 512.0 }).as_object().unwrap());
        let child = child.unwrap();
        assert_eq!(changes(&parent, &child), ["learning_rate 0.001 → 0.01", "epochs 3 → 5"]);
        assert_eq!(changes(&parent, &entry.complete_fork(&parent, &Map::new()).unwrap()), [""; 0]);
    }

    #[test]
    fn every_fault_of_a_fork_is_named_at_once() {
        let given = json!({ "hidden_width": 64, "learning_rate": 7, "arms": ["dense"], "epoch": 2, "hebb_window": 50, "dst_every": 20 });
        let found = faults("g2gnet", json!({}), given);
        let has = |pointer: &str, text: &str| found.iter().any(|fault| fault.0 == pointer && fault.1.contains(text));
        assert!(has("/hidden_width", "is fixed at a fork") && has("/hidden_width", "free are ") && has("/hidden_width", "learning_rate"));
        assert!(has("/arms", "is fixed at a fork"), "{found:?}");
        assert!(has("/learning_rate", "between 0.00001 and 1; got 7"), "{found:?}");
        assert!(has("/epoch", "did you mean `epochs`?"), "{found:?}");
        assert!(has("/hebb_window", "window longer than dst_every (20)"), "{found:?}");
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn a_rate_that_was_chosen_is_not_changed_behind_the_back_of_its_choice() {
        let base = json!({ "learning_rate_choices": [0.001, 0.01] });
        let found = faults("g2gnet", base, json!({ "learning_rate": 0.1 }));
        assert!(matches!(found.as_slice(), [(pointer, detail)] if pointer == "/learning_rate" && detail.contains("chose")), "{found:?}");
    }

    #[test]
    fn the_kind_is_fixed_and_a_kind_without_free_fields_says_so() {
        let found = faults("hopfield", json!({ "kind": "capacity" }), json!({ "kind": "retrieve", "probes": 3 }));
        assert_eq!(found.iter().map(|fault| fault.0.as_str()).collect::<Vec<_>>(), ["/kind", "/probes"]);
        assert!(found[1].1.contains("as every field of this experiment is"), "{found:?}");
        assert_eq!(faults("hopfield", json!({ "kind": "association" }), json!({ "kind": "association", "steps": 700 })), []);
    }
}

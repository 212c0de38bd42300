//! The parameters of `pavlovian`: one set of fields for every kind, and the rules that several kinds share.

use super::{
    capacity::CapacityConfig,
    codes::{Code, KeyKind, ValueKind},
    compare::RulesConfig,
    conditioning::ConditioningConfig,
    depth::DepthConfig,
    heads::HeadsConfig,
    task::TaskConfig,
    theory::{interference, unit_correlated_interference},
};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most bytes that the pairs of the trials that run side by side may take.
const MOST_BYTES: usize = 2 << 30;

/// Parameters of a run; `kind` says which experiment it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PavlovianConfig {
    /// How many pairs a Hebbian memory holds, by three criteria.
    Capacity(CapacityConfig),
    /// Learning rules side by side.
    Rules(RulesConfig),
    /// Memories in layers, the answer of one being the cue of the next.
    Depth(DepthConfig),
    /// Several memories whose answers are averaged.
    Heads(HeadsConfig),
    /// Classical conditioning, trial by trial.
    Conditioning(ConditioningConfig),
    /// A trained sequence model.
    Task(TaskConfig),
}

impl Check for PavlovianConfig {
    fn check(&self, faults: &mut CrossFaults) {
        match self {
            Self::Capacity(config) => config.check(faults),
            Self::Rules(config) => config.check(faults),
            Self::Depth(config) => config.check(faults),
            Self::Heads(config) => config.check(faults),
            Self::Conditioning(config) => config.check(faults),
            Self::Task(config) => config.check(faults),
        }
    }
}

/// Adds the fault of a grid that does not ascend, under the name of its field.
pub fn check_ascending<T: PartialOrd>(field: &'static str, grid: &[T], faults: &mut CrossFaults) {
    if !grid.is_sorted_by(|a, b| a < b) {
        faults.push(&[field], "must ascend without repeating");
    }
}

/// Adds the fault of a list in which something stands twice, under the name of its field.
pub fn check_distinct<T: PartialEq>(field: &'static str, list: &[T], faults: &mut CrossFaults) {
    if list.iter().enumerate().any(|(at, one)| list[..at].contains(one)) {
        faults.push(&[field], "must not repeat");
    }
}

/// Adds the faults of keys: more orthogonal ones than there are, a mean cosine without common part. `fields` are those that say how many.
pub fn check_keys(kind: KeyKind, correlation: f64, most: usize, key_dim: usize, fields: &[&str], faults: &mut CrossFaults) {
    if kind == KeyKind::Orthogonal && most > key_dim {
        let mut involved = vec![fields[0], "key_kind"];
        involved.extend(&fields[1..]);
        faults.push(&involved, format!("only {key_dim} orthogonal keys exist; got {most} pairs"));
    }
    if correlation > 0.0 && kind != KeyKind::Correlated {
        faults.push(&["key_correlation", "key_kind"], "only key_kind=correlated has a mean cosine; here it must be 0");
    }
}

/// Adds the fault of pairs that take more memory than there is for them.
pub fn check_memory(pairs: usize, key_dim: usize, value_dim: usize, together: usize, fields: &[&str], faults: &mut CrossFaults) {
    // Keys and values in single precision, values also as read.
    let bytes = together.saturating_mul(pairs).saturating_mul(4 * (key_dim + 2 * value_dim));
    if bytes > MOST_BYTES {
        faults.push(fields, format!("{pairs} pairs need {} MiB; limit {}", bytes >> 20, MOST_BYTES >> 20));
    }
}

/// What is expected of Hebb's rule on these pairs: the relative error, and of it the part that noise on signs has; `None` where the formulas
/// do not hold, for rates are not symmetric and the common part of correlated keys then adds up.
pub fn expected(code: &Code, pairs: usize) -> Option<(f64, f64)> {
    let Code { keys, correlation, values, key_dim, query_noise, .. } = *code;
    let noise = query_noise * pairs as f64 / key_dim as f64;
    match keys {
        KeyKind::Correlated if values == ValueKind::Rate => None,
        KeyKind::Correlated => {
            let nu = unit_correlated_interference(pairs, key_dim, correlation) + noise;
            Some((nu, nu))
        }
        KeyKind::Orthogonal => Some((noise, noise)),
        KeyKind::Sphere | KeyKind::Sign => Some((interference(pairs, key_dim) + noise, interference(pairs, key_dim) + noise)),
        // The length of a key varies: its own value is read with a factor whose variance is 2 / d_k.
        KeyKind::Gaussian => {
            let nu = interference(pairs, key_dim) + noise;
            Some((nu + 2.0 / key_dim as f64, nu))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{assert_faults, assert_kinds_are_described, faults_of};
    use serde_json::{Value, json};

    fn details(given: Value) -> Vec<String> {
        faults_of::<PavlovianConfig>(&given)
    }

    #[test]
    fn every_kind_has_a_title_and_valid_defaults() {
        assert_kinds_are_described::<PavlovianConfig>();
    }

    #[test]
    fn every_fault_of_a_kind_is_named_at_once() {
        let given = json!({
            "kind": "rules", "key_dim": 2, "value_dim": 0, "pairs": [8, 4], "rules": ["hebb", "bcm"], "eta": 1.5, "forget": 2,
            "key_correlation": 0.5, "tau": 0, "lr": 1, "value_kind": "spikes"
        });
        let expected = [
            ("/key_dim", "between 4 and 4096; got 2"),
            ("/value_dim", "between 1 and 4096; got 0"),
            ("/pairs", "must ascend without repeating"),
            ("/eta", "above 1 is for the delta rule alone"),
            ("/forget", "between 0 and 1; got 2"),
            ("/key_correlation", "only key_kind=correlated has a mean cosine"),
            ("/tau", "between 0.001 and 10; got 0"),
            ("/lr", "there is no field of this name"),
            ("/value_kind", "must be one of sign, gaussian, rate"),
        ];
        assert_faults::<PavlovianConfig>(&given, &expected);
        assert!(details(json!({ "kind": "recall" }))[0].contains("must be one of capacity, rules"));
    }

    #[test]
    fn single_rules() {
        let one = |given: Value, text: &str| {
            let found = details(given);
            assert!(found.len() == 1 && found[0].contains(text), "{text}: {found:?}");
        };
        one(json!({ "kind": "rules", "rules": ["bcm"] }), "bcm needs value_kind=rate");
        assert!(details(json!({ "kind": "rules", "rules": ["bcm"], "value_kind": "rate" })).is_empty());
        one(json!({ "kind": "rules", "rules": ["delta"], "eta": 2 }), "delta diverges at eta >= 2/||k||^2");
        one(json!({ "kind": "rules", "eta": 2.5 }), "must be between 0 and 2; got 2.5: delta diverges at eta >= 2/||k||^2");
        one(json!({ "kind": "depth", "tau": 0 }), "must be between 0.001 and 10; got 0: tau must be > 0");
        one(json!({ "kind": "rules", "rules": ["delta"], "eta": 1.9, "key_kind": "gaussian" }), "delta diverges at eta >= 2/||k||^2");
        one(json!({ "kind": "rules", "pairs": [65], "key_kind": "orthogonal" }), "only 64 orthogonal keys exist; got 65 pairs");
        one(
            json!({ "kind": "rules", "pairs": [100_000], "key_dim": 1024, "value_dim": 1024, "trials": 1 }),
            "operations per pass exceeds the budget",
        );
        one(json!({ "kind": "rules", "rules": ["hebb", "hebb"] }), "must not repeat");
        one(json!({ "kind": "rules", "rules": [] }), "must have at least 1 items");
        one(json!({ "kind": "capacity", "key_kind": "orthogonal" }), "only 256 orthogonal keys exist; got 1024 pairs");
        one(json!({ "kind": "capacity", "key_dims": [64, 16] }), "/key_dims must ascend");
        one(json!({ "kind": "capacity", "key_dims": [4096], "loads": [20] }), "MiB; limit 2048");
        one(json!({ "kind": "depth", "pairs": [] }), "must have 1 to 12 items");
        one(json!({ "kind": "depth", "heads": [0] }), "between 1 and 64; got 0");
        one(json!({ "kind": "heads", "heads": [3], "key_dim": 32 }), "a total width of 32 cannot be shared by 3 heads");
        one(json!({ "kind": "conditioning", "protocol": "custom", "phases": ["10 A+", "ten B"] }), "is not like `10 AB+`");
        one(json!({ "kind": "conditioning", "rules": ["softmax"] }), "has no strengths trial by trial");
        one(json!({ "kind": "conditioning", "eta": 1.5 }), "above 1 is for the delta rule alone");
        one(json!({ "kind": "task", "pairs": [65] }), "pairs=65 exceeds vocab_keys");
        one(json!({ "kind": "task", "key_dims": [32, 16] }), "/key_dims must ascend");
        one(json!({ "kind": "task", "key_dims": [2] }), "between 4 and 4096; got 2");
        one(json!({ "kind": "task", "layers": 3 }), "between 1 and 2; got 3");
        one(json!({ "kind": "task", "layers": 0 }), "between 1 and 2; got 0");
        one(json!({ "kind": "task", "hidden_width": 4097 }), "between 0 and 4096; got 4097");
        one(json!({ "kind": "task", "tau": 0 }), "between 0.001 and 10; got 0");
        one(json!({ "kind": "task", "task": "reversal", "pairs": [5] }), "reversal needs an even number of pairs, at least 2; got 5");
        one(json!({ "kind": "task", "rules": ["oja"] }), "must be one of");
    }

    #[test]
    fn what_is_expected_of_keys_by_their_kind() {
        let code = |keys, query_noise| Code { keys, correlation: 0.0, values: ValueKind::Sign, key_dim: 128, value_dim: 64, query_noise };
        let error = |code: Code, pairs| expected(&code, pairs).unwrap().0;
        assert!((error(code(KeyKind::Sphere, 0.5), 64) - 0.742).abs() < 5e-4);
        assert_eq!(error(code(KeyKind::Orthogonal, 0.0), 64), 0.0);
        assert_eq!(error(code(KeyKind::Gaussian, 0.0), 64), 65.0 / 128.0);
        assert!(expected(&Code { values: ValueKind::Rate, ..code(KeyKind::Correlated, 0.0) }, 4).is_none());
    }
}

//! The parameters of `hopfield`: one set of fields for every kind.

use super::{
    beta_scan::BetaScanConfig, bound::BoundConfig, capacity::CapacityConfig, growth::GrowthConfig, heads::config::HeadsConfig,
    mil::config::MilConfig, pairs::PairConfig, repertoire::config::RepertoireConfig, retrieve::RetrieveConfig, uci::config::UciConfig,
};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of a run; `kind` says which experiment it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HopfieldConfig {
    /// Patterns are asked for by damaged copies of themselves.
    Retrieve(RetrieveConfig),
    /// Wrong bits against stored patterns, one curve per memory.
    Capacity(CapacityConfig),
    /// How the capacity grows with the dimension.
    CapacityGrowth(GrowthConfig),
    /// Fixed points and their regimes against the inverse temperature.
    BetaScan(BetaScanConfig),
    /// The error of one update against its bound.
    Bound(BoundConfig),
    /// Hopfield pooling against other poolings on bags of instances.
    Mil(MilConfig),
    /// A Hopfield layer learns to associate two sets.
    Association(PairConfig),
    /// Bags of many sequences with a rare motif.
    Repertoire(RepertoireConfig),
    /// Over how many tokens the heads of a deep net average, layer by layer.
    Heads(HeadsConfig),
    /// A Hopfield layer that looks up against other classifiers on small tables.
    UciSuite(UciConfig),
}

impl Check for HopfieldConfig {
    fn check(&self, faults: &mut CrossFaults) {
        match self {
            Self::Retrieve(config) => config.check(faults),
            Self::Capacity(config) => config.check(faults),
            Self::CapacityGrowth(config) => config.check(faults),
            Self::BetaScan(config) => config.check(faults),
            Self::Bound(config) => config.check(faults),
            Self::Mil(config) => config.check(faults),
            Self::Association(config) => config.check(faults),
            Self::Repertoire(config) => config.check(faults),
            Self::Heads(config) => config.check(faults),
            Self::UciSuite(config) => config.check(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{complete, schema_of};
    use serde_json::{Map, Value, json};

    fn details(given: Value) -> Vec<String> {
        match complete::<HopfieldConfig>(&Map::new(), given.as_object().unwrap()) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect(),
        }
    }

    #[test]
    fn every_kind_has_a_title_and_valid_defaults() {
        let schema = schema_of::<HopfieldConfig>();
        for branch in schema["oneOf"].as_array().unwrap() {
            let kind = branch["properties"]["kind"]["const"].as_str().unwrap();
            assert!(branch["title"].is_string(), "{kind}");
            assert_eq!(details(json!({ "kind": kind })), Vec::<String>::new(), "{kind}");
            for (name, field) in branch["properties"].as_object().unwrap() {
                let told = field.get("description").is_some() && field.get("title").is_some() && field.get("default").is_some();
                assert!(told || name == "kind", "{kind}/{name}: {field}");
            }
        }
    }

    #[test]
    fn every_fault_of_the_kind_is_named_at_once() {
        let found = details(json!({ "kind": "retrieve", "probes": 60, "beta": -1, "dim": 1, "flips": 0.1 }));
        let expected = [
            ("/beta", "between 0.0001 and 10000"),
            ("/dim", "between 2 and 8192"),
            ("/flips", "did you mean"),
            ("/probes", "probes cannot exceed num_patterns (50)"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (pointer, text) in expected {
            assert!(found.iter().any(|fault| fault.starts_with(pointer) && fault.contains(text)), "{pointer}: {found:#?}");
        }
        assert!(details(json!({ "kind": "recall" }))[0].contains("must be one of retrieve, capacity"));
    }

    #[test]
    fn single_rules() {
        assert!(details(json!({ "kind": "retrieve", "num_patterns": 2_000 }))[0].contains("there are 1438 digits"));
        assert!(details(json!({ "kind": "retrieve", "dim": 65 }))[0].contains("digits have 64 pixels"));
        let large = json!({ "kind": "retrieve", "pattern_kind": "sphere", "num_patterns": 1_000_000, "dim": 8_192 });
        assert!(details(large)[0].contains("n*d needs 62500 MiB, limit 2048"));
        assert!(details(json!({ "kind": "capacity", "dim": 8_192, "max_patterns": 1_048_576 }))[0].contains("n*d needs 32768 MiB"));
        assert!(details(json!({ "kind": "capacity", "arms": [] }))[0].starts_with("/arms"));
        assert!(details(json!({ "kind": "capacity_growth", "dims": [8, 8, 16] }))[0].contains("must ascend"));
        assert!(details(json!({ "kind": "beta_scan", "beta_min": 5, "beta_max": 4 }))[0].contains("must be above beta_min (5)"));
        assert!(details(json!({ "kind": "bound", "betas": [8, 8] }))[0].contains("must not repeat"));
        assert!(details(json!({ "kind": "mil", "num_heads": 5 }))[0].contains("num_heads=5 does not divide hidden_width=32"));
        assert!(details(json!({ "kind": "mil", "num_bits": 4 })).is_empty());
        assert!(
            details(json!({ "kind": "mil", "num_bits": 4, "num_signals": 5 }))[0].contains("num_signals must be far below 2^num_bits (16)")
        );
        assert!(details(json!({ "kind": "mil", "arms": ["mean"] }))[0].contains("a comparison needs two poolings"));
        assert!(details(json!({ "kind": "association", "arms": ["mean"] }))[0].contains("a comparison needs two arms"));
        let motif =
            details(json!({ "kind": "repertoire", "shortest_sequence": 5, "longest_sequence": 4, "motif_length": 6, "kernel_size": 4 }));
        assert!(motif[0].contains("must be at most the letters of the shortest sequence, 5; got 6"));
        assert!(motif[1].contains("must be at most longest_sequence, 4; got 5"), "{motif:?}");
        assert!(details(json!({ "kind": "repertoire", "filters": 24 }))[0].contains("multiple of 16"));
        assert!(details(json!({ "kind": "uci_suite", "arms": ["mlp"] }))[0].contains("a comparison needs two classifiers"));
        assert!(details(json!({ "kind": "uci_suite", "hidden_width": 30 }))[0].contains("num_heads=4 does not divide hidden_width=30"));
        assert!(details(json!({ "kind": "mil", "num_bags": 30, "folds": 10 }))[0].contains("needs at least 40 bags for 10 folds"));
        assert!(details(json!({ "kind": "heads", "num_heads": 5 }))[0].contains("num_heads=5 does not divide hidden_width=32"));
        let heads = details(json!({ "kind": "heads", "dataset": "digits", "patch_side": 3 }));
        assert!(heads[0].contains("must divide the 8 pixels of an image of digits into two or more; got 3"), "{heads:?}");
        assert!(heads[1].contains("digits has 1438 images to train and validate on; got 10200"), "{heads:?}");
    }
}

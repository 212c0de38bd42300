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
    use crate::config::testing::{assert_faults, assert_kinds_are_described, assert_told_why, faults_of};
    use serde_json::{Value, json};

    fn details(given: Value) -> Vec<String> {
        faults_of::<HopfieldConfig>(&given)
    }

    #[test]
    fn every_kind_has_a_title_and_valid_defaults() {
        assert_kinds_are_described::<HopfieldConfig>();
    }

    #[test]
    fn every_fault_of_the_kind_is_named_at_once() {
        let given = json!({ "kind": "retrieve", "probes": 60, "beta": -1, "dim": 1, "flips": 0.1 });
        let expected = [
            ("/beta", "between 0.0001 and 10000"),
            ("/dim", "between 2 and 8192"),
            ("/flips", "did you mean"),
            ("/probes", "probes cannot exceed num_patterns (50)"),
        ];
        assert_faults::<HopfieldConfig>(&given, &expected);
        assert!(details(json!({ "kind": "recall" }))[0].contains("must be one of retrieve, capacity"));
    }

    #[test]
    fn what_is_out_of_bounds_is_told_why() {
        let cases = [
            ("retrieve", "beta", json!(-1), "beta must be positive; at d=64 try 1/sqrt(d)..1"),
            ("retrieve", "flip_fraction", json!(0.6), "above 0.5 the cue points at the inverse pattern"),
            ("retrieve", "num_patterns", json!(0), "4 n*d bytes must fit into 2048 MiB"),
            ("retrieve", "mask_fraction", json!(1), "above 0.95 hardly anything of the cue is left to go by"),
            ("retrieve", "probes", json!(0), "every cue asks for another of num_patterns (50)"),
            ("capacity", "arms", json!([]), "choose at least one memory"),
            ("capacity", "beta", json!(0), "beta must be positive; at d=64 try 1/sqrt(d)..1"),
            ("capacity", "flip_fraction", json!(0.6), "above 0.5 the cue points at the inverse pattern"),
            ("capacity", "max_patterns", json!(2), "4 n*d bytes must fit into 2048 MiB"),
            ("capacity_growth", "beta", json!(0), "beta must be positive; try 1/sqrt(d)..1"),
            ("capacity_growth", "flip_fraction", json!(0.6), "above 0.5 the cue points at the inverse pattern"),
            ("capacity_growth", "max_patterns", json!(2), "4 n*d bytes must fit into 2048 MiB"),
            ("beta_scan", "beta_min", json!(0), "beta must be positive; at d=32 try 1/sqrt(d)..1"),
            ("beta_scan", "beta_max", json!(0), "beta must be positive; at d=32 try 1/sqrt(d)..1"),
            ("beta_scan", "num_patterns", json!(1), "4 n*d bytes must fit into 2048 MiB"),
            ("beta_scan", "probes", json!(0), "every iteration starts at another of num_patterns (64)"),
            ("bound", "betas", json!([0]), "beta must be positive; for patterns of length 1 try 8..20"),
            ("mil", "beta", json!(0), "beta must be positive; try 1/sqrt(d)..1, d the width of a head"),
            ("mil", "num_heads", json!(0), "must divide hidden_width (32)"),
            ("mil", "update_steps", json!(0), "counts associations: 1 is plain attention, which the authors' update_steps_max calls 0"),
            ("mil", "num_signals", json!(0), "num_signals must be far below 2^num_bits, here 2^16"),
            ("mil", "num_bits", json!(3), "num_signals (4) must be far below 2^num_bits"),
            ("mil", "folds", json!(1), "every fold needs a bag of the rarest class"),
            ("mil", "datasets", json!([]), "choose at least one set of bags"),
            ("association", "beta", json!(0), "beta must be positive; at d=16 try 1/sqrt(d)..1"),
            ("repertoire", "beta", json!(0), "beta must be positive; try 1/sqrt(32)..1"),
            ("heads", "beta", json!(0), "beta must be positive; try 1/sqrt(d)..1, d the width of a head"),
            ("heads", "num_heads", json!(0), "must divide hidden_width (32)"),
            ("uci_suite", "beta", json!(0), "beta must be positive; try 1/sqrt(d)..1, d the width of a head"),
            ("uci_suite", "num_heads", json!(0), "must divide hidden_width (32)"),
            (
                "uci_suite",
                "update_steps",
                json!(0),
                "counts associations: 1 is plain attention, which the authors' update_steps_max calls 0",
            ),
            ("uci_suite", "folds", json!(1), "every fold needs a row of the rarest class"),
            ("uci_suite", "datasets", json!([]), "choose at least one table"),
        ];
        for (kind, field, value, reason) in cases {
            assert_told_why::<HopfieldConfig>(Some(kind), field, &value, reason);
        }
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

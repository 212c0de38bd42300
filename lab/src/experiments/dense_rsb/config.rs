//! The parameters of `dense_rsb`: one set of fields for every kind.

use super::{
    basin::BasinConfig, capacity_config::CapacityConfig, detect::DetectConfig, glass_config::GlassConfig, phase_config::PhaseConfig,
    scaling::ScalingConfig,
};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of a run; `kind` says which experiment it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DenseRsbConfig {
    /// Retrieval against load, measured and by theory at both levels.
    Capacity(CapacityConfig),
    /// Retrieval, glasses and their stability over load and temperature.
    Phase(PhaseConfig),
    /// From how far away a pattern is found.
    Basin(BasinConfig),
    /// How the largest number of patterns grows with the number of neurons.
    Scaling(ScalingConfig),
    /// What crosstalk is made of.
    Glass(GlassConfig),
    /// Patterns hidden under noise that grows with the network.
    Detect(DetectConfig),
}

impl Check for DenseRsbConfig {
    fn check(&self, faults: &mut CrossFaults) {
        match self {
            Self::Capacity(config) => config.check(faults),
            Self::Phase(config) => config.check(faults),
            Self::Basin(config) => config.check(faults),
            Self::Scaling(config) => config.check(faults),
            Self::Glass(config) => config.check(faults),
            Self::Detect(config) => config.check(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{assert_faults, assert_kinds_are_described, faults_of};
    use serde_json::{Value, json};

    fn details(given: Value) -> Vec<String> {
        faults_of::<DenseRsbConfig>(&given)
    }

    #[test]
    fn every_kind_has_a_title_and_valid_defaults() {
        assert_kinds_are_described::<DenseRsbConfig>();
    }

    #[test]
    fn every_fault_of_the_kind_is_named_at_once() {
        let given = json!({
            "kind": "capacity", "orders": [2, 3, 5], "neurons": [1_000, 8, 64], "temperatures": [-0.1], "loads": [0.4, 0.2], "tuples": "triples",
            "level": "full", "start_overlap": 1.5, "theory_orders": [2, 2], "temperature": 0.1
        });
        let expected = [
            ("/orders/2", "between 2 and 4; got 5"),
            ("/neurons/1", "between 16 and 100000; got 8"),
            ("/temperatures/0", "between 0 and 1.5; got -0.1"),
            ("/loads", "must ascend without repeating"),
            ("/tuples", "must be one of distinct, power"),
            ("/level", "must be one of symmetric, broken, both"),
            ("/start_overlap", "between -1 and 1; got 1.5"),
            ("/theory_orders", "must not repeat"),
            ("/temperature", "did you mean `temperatures`"),
        ];
        assert_faults::<DenseRsbConfig>(&given, &expected);
    }

    #[test]
    fn single_rules() {
        let one = |given: Value, text: &str| {
            let found = details(given);
            assert!(found.len() == 1 && found[0].contains(text), "{text}: {found:?}");
        };
        let capacity = |orders: Value, neurons: Value, loads: Value| json!({ "kind": "capacity", "orders": orders, "neurons": neurons, "loads": loads, "load_unit": "alpha" });
        one(capacity(json!([4]), json!([100]), json!([1e-7, 0.01])), "/loads K rounds to 0: N=100,P=4,alpha=0.0000001");
        one(
            capacity(json!([4]), json!([500]), json!([0.4])),
            "/loads N=500,P=4,alpha=0.4 needs K=50000000 patterns, 3361 MiB; limit 2048 MiB",
        );
        one(capacity(json!([4]), json!([600]), json!([0.01])), "/neurons P=4 is simulated with at most 500 neurons; got 600");
        one(capacity(json!([2, 4]), json!([600]), json!([0.01])), "/neurons one number for each of 2 orders; got 1");
        one(capacity(json!([2, 2]), json!([600, 700]), json!([0.01])), "/orders must not repeat");
        one(json!({ "kind": "phase", "quadrature": 20 }), "/quadrature must be 0 or at least 41; got 20");
        one(
            json!({ "kind": "phase", "broken_points": 3, "highest_temperature": 0.02 }),
            "/broken_points points of the broken spinodal lie from",
        );
        one(json!({ "kind": "phase", "order": 5, "samples": 2 }), "/samples dots are simulated up to P=4; got P=5");
        one(
            json!({ "kind": "phase", "samples": 2, "dot_loads": 50 }),
            "/dot_loads dots lie on cells of the map, of which there are 40; got 50",
        );
        one(json!({ "kind": "phase", "samples": 2, "neurons": 600 }), "/neurons P=4 is simulated with at most 500 neurons; got 600");
        one(json!({ "kind": "phase", "samples": 2, "largest_load": 1e-6 }), "/neurons K rounds to 0: N=64,P=4");
        assert_eq!(details(json!({ "kind": "phase", "order": 5, "neurons": 600 })), Vec::<String>::new(), "no dots");
        one(json!({ "kind": "scaling", "orders": [4], "neurons": [200], "growth": 2.0 }), "at most 500 neurons; got 1600");
        one(json!({ "kind": "scaling", "neurons": [16, 16, 16], "growth": 1.05, "orders": [2, 3, 2] }), "/orders must not repeat");
        one(json!({ "kind": "basin", "start_overlaps": [0.5, 0.2] }), "/start_overlaps must ascend");
        one(json!({ "kind": "glass", "split_temperatures": [0.0] }), "between 0.02 and 1.5; got 0");
        one(json!({ "kind": "detect", "load": 0.001 }), "K rounds to 0: N=128,alpha=0.001");
        one(json!({ "kind": "detect", "neurons": 2_000, "load": 1.0 }), "needs K=2000 patterns, 61035 MiB; limit 2048 MiB");
    }
}

//! The parameters of `multitasking`: one set of fields for every kind, and the rules that several kinds share.

use super::{
    amplitudes::AmplitudesConfig, dynamics::Dynamics, growth::GrowthConfig, learning::LearningConfig, loss::LossConfig,
    mean_field::MOST_PATTERNS, phase::PhaseConfig, picture::PictureConfig, sample::Start, temperature::TemperatureConfig,
};
use crate::{Check, config::CrossFaults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of a run; `kind` says which experiment it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MultitaskingConfig {
    /// Amplitudes of all patterns against the share of blanks.
    Amplitudes(AmplitudesConfig),
    /// Amplitudes against temperature.
    Temperature(TemperatureConfig),
    /// Theory over dilution and temperature.
    Phase(PhaseConfig),
    /// How many examples are enough, with and without a teacher.
    Learning(LearningConfig),
    /// The energy and a sum of squared errors, sweep by sweep.
    Loss(LossConfig),
    /// Images with blanks in one state.
    Picture(PictureConfig),
    /// As many patterns as the logarithm of the number of neurons.
    Growth(GrowthConfig),
}

impl Check for MultitaskingConfig {
    fn check(&self, faults: &mut CrossFaults) {
        match self {
            Self::Amplitudes(config) => config.check(faults),
            Self::Temperature(config) => config.check(faults),
            Self::Phase(_) => {}
            Self::Learning(config) => config.check(faults),
            Self::Loss(config) => config.check(faults),
            Self::Picture(config) => config.check(faults),
            Self::Growth(config) => config.check(faults),
        }
    }
}

/// Defaults that kinds share.
pub struct Common {
    /// Spins.
    pub neurons: usize,
    /// What is updated together.
    pub dynamics: Dynamics,
    /// Where samples start.
    pub init: Start,
    /// Sweeps of a sample.
    pub sweeps: usize,
    /// Sweeps before those that are averaged.
    pub burn_in: usize,
}

impl Default for Common {
    fn default() -> Self {
        Self { neurons: 5_000, dynamics: Dynamics::Block, init: Start::Hierarchical, sweeps: 60, burn_in: 30 }
    }
}

/// Adds the faults of networks that store patterns.
pub fn check_common(init: Start, sweeps: usize, burn_in: usize, faults: &mut CrossFaults) {
    check_burn_in(sweeps, burn_in, faults);
    check_init(init, faults);
}

/// Adds the fault of a start from examples where there are none.
pub fn check_init(init: Start, faults: &mut CrossFaults) {
    if init == Start::Example {
        faults.push(
            &["init"],
            "there are examples only where the kind is learning; here it must be hierarchical, pattern1, random or mixture",
        );
    }
}

/// Adds the fault of dynamics without single spins where these are shown.
pub fn check_not_lumped(dynamics: Dynamics, faults: &mut CrossFaults) {
    if dynamics == Dynamics::Lumped {
        faults.push(&["dynamics"], "lumped dynamics has no single spins to show; here it must be sequential, block or parallel");
    }
}

/// Adds the fault of a burn-in that leaves nothing to average.
pub fn check_burn_in(sweeps: usize, burn_in: usize, faults: &mut CrossFaults) {
    if burn_in >= sweeps {
        faults.push(&["burn_in", "sweeps"], format!("burn_in must be below sweeps ({sweeps}); got {burn_in}"));
    }
}

/// Adds the faults of numbers of patterns, under the name of their field.
pub fn check_patterns(field: &'static str, patterns: &[usize], theory: bool, dynamics: Dynamics, faults: &mut CrossFaults) {
    if patterns.iter().enumerate().any(|(at, count)| patterns[..at].contains(count)) {
        faults.push(&[field], "must not repeat");
    }
    let most = patterns.iter().copied().max().unwrap_or(0);
    if theory && most > MOST_PATTERNS {
        faults.push(&[field, "theory"], format!("theory sums 3^K words; above {MOST_PATTERNS} choose theory=false; got {most}"));
    }
    if dynamics == Dynamics::Lumped && most > MOST_PATTERNS {
        faults.push(&[field, "dynamics"], format!("lumped dynamics counts 3^K words; above {MOST_PATTERNS} choose block; got {most}"));
    }
}

/// Adds the faults of shares of blanks, under the name of their field.
pub fn check_dilutions(field: &'static str, dilutions: &[f64], faults: &mut CrossFaults) {
    if !dilutions.is_sorted_by(|a, b| a < b) {
        faults.push(&[field], "must ascend without repeating");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{assert_faults, assert_kinds_are_described, assert_told_why, faults_of};
    use serde_json::{Value, json};

    fn details(given: Value) -> Vec<String> {
        faults_of::<MultitaskingConfig>(&given)
    }

    #[test]
    fn every_kind_has_a_title_and_valid_defaults() {
        assert_kinds_are_described::<MultitaskingConfig>();
    }

    #[test]
    fn every_fault_of_the_kind_is_named_at_once() {
        let given = json!({
            "kind": "amplitudes", "neurons": 50, "patterns": [3, 9], "dilutions": [0.5, 1.0], "temperatures": [-0.1], "sweeps": 20,
            "burn_in": 20, "init": "example", "dilution": 0.3, "dynamics": "asynchronous"
        });
        let expected = [
            ("/neurons", "between 100 and 1000000; got 50"),
            ("/patterns", "theory sums 3^K words; above 8 choose theory=false; got 9"),
            ("/dilutions/1", "between 0 and 0.98; got 1"),
            ("/temperatures/0", "between 0 and 2; got -0.1"),
            ("/burn_in", "burn_in must be below sweeps (20); got 20"),
            ("/init", "there are examples only where the kind is learning"),
            ("/dilution", "did you mean `dilutions`"),
            ("/dynamics", "must be one of sequential, block, parallel, lumped"),
        ];
        assert_faults::<MultitaskingConfig>(&given, &expected);
        assert!(details(json!({ "kind": "storing" }))[0].contains("must be one of amplitudes, temperature"));
    }

    #[test]
    fn what_is_out_of_bounds_is_told_why() {
        let cases = [
            ("amplitudes", "patterns", json!([65]), "theory sums 3^K words; above 8 choose theory=false"),
            ("amplitudes", "dilutions", json!([1.1]), "at d=1 all entries are blank"),
            ("amplitudes", "temperatures", json!([-0.1]), "T must be >= 0; above 1 nothing is stored"),
            ("amplitudes", "burn_in", json!(100_000), "burn_in must be below sweeps (60)"),
            ("temperature", "patterns", json!(0), "theory sums 3^K words; above 8 choose theory=false"),
            ("temperature", "dilutions", json!([-1]), "at d=1 all entries are blank"),
            ("temperature", "temperatures", json!([3]), "T must be >= 0; above 1 nothing is stored"),
            ("temperature", "burn_in", json!(100_000), "burn_in must be below sweeps (60)"),
            ("phase", "patterns", json!(9), "theory sums 3^K words"),
            ("phase", "highest_temperature", json!(2.5), "T must be >= 0; above 1 nothing is stored"),
            ("learning", "patterns", json!(65), "theory sums 3^K words; above 8 choose theory=false"),
            ("learning", "dilutions", json!([1.1]), "at d=1 all entries are blank"),
            ("learning", "qualities", json!([1.1]), "at r=0 examples carry no information"),
            ("learning", "examples", json!([0]), "K*M*N packed bits must fit into 2048 MiB"),
            ("learning", "temperature", json!(-1), "T must be >= 0; above 1 nothing is stored"),
            ("learning", "burn_in", json!(100_000), "burn_in must be below sweeps (60)"),
            ("loss", "dilution", json!(1.1), "at d=1 all entries are blank"),
            ("loss", "temperature", json!(-1), "T must be >= 0; above 1 nothing is stored"),
            ("picture", "dilution", json!(1.1), "at d=1 all entries are blank"),
            ("picture", "temperature", json!(-1), "T must be >= 0; above 1 nothing is stored"),
            ("growth", "dilution", json!(1.1), "at d=1 all entries are blank, and from the critical dilution on no hierarchy is left"),
        ];
        for (kind, field, value, reason) in cases {
            assert_told_why::<MultitaskingConfig>(Some(kind), field, &value, reason);
        }
    }

    #[test]
    fn single_rules() {
        let one = |given: Value, text: &str| {
            let found = details(given);
            assert!(found.len() == 1 && found[0].contains(text), "{text}: {found:?}");
        };
        one(json!({ "kind": "amplitudes", "patterns": [12], "theory": false, "dynamics": "lumped" }), "lumped dynamics counts 3^K words");
        assert!(details(json!({ "kind": "amplitudes", "patterns": [12], "theory": false })).is_empty());
        one(json!({ "kind": "amplitudes", "patterns": [3, 3] }), "/patterns must not repeat");
        one(json!({ "kind": "temperature", "temperatures": [0.2, 0.1] }), "/temperatures must ascend without repeating");
        one(json!({ "kind": "phase", "patterns": 9 }), "between 1 and 8; got 9");
        one(json!({ "kind": "learning", "qualities": [0] }), "at r=0 examples carry no information");
        one(json!({ "kind": "learning", "dynamics": "lumped" }), "lumped dynamics is for stored patterns");
        one(json!({ "kind": "learning", "init": "example", "arms": ["stored"] }), "a stored pattern has no examples");
        one(
            json!({ "kind": "learning", "neurons": 1_000_000, "examples": [100_000], "patterns": 8 }),
            "needs 381469 MiB packed; limit 2048",
        );
        one(json!({ "kind": "learning", "examples": [10, 5] }), "/examples must ascend");
        one(json!({ "kind": "loss", "dynamics": "lumped" }), "lumped");
        one(json!({ "kind": "picture", "dilution": 0.99 }), "between 0 and 0.98; got 0.99");
        one(json!({ "kind": "learning", "patterns": 9 }), "theory sums 3^K words; above 8 choose theory=false; got 9");
        assert!(details(json!({ "kind": "learning", "patterns": 64, "theory": false })).is_empty());
        one(json!({ "kind": "growth", "dilution": 0.6 }), "must be below the critical dilution of 12 patterns");
    }
}

//! Kind `conditioning`: associative strengths of stimuli, trial by trial, by every learning rule; a memory with values of one number.

use super::{
    compare::check_eta,
    config::check_distinct,
    protocol::{Presentation, Protocol, STIMULI, Trials, parse},
    rules::Rule,
};
use crate::{
    Checkpoint, Recorder, Result,
    config::CrossFaults,
    experiments::study::{Study, axis, csv, curve},
    record::{Frame, Plot, Role},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Series of the strengths.
const STRENGTHS: [&str; STIMULI] = ["strength/a", "strength/b", "strength/c", "strength/d"];
/// Names of the stimuli.
const NAMES: [&str; STIMULI] = ["A", "B", "C", "D"];

/// Parameters of `conditioning`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Conditioning")]
#[serde(default, deny_unknown_fields)]
pub struct ConditioningConfig {
    /// What is shown.
    #[schemars(title = "Protocol")]
    pub protocol: Protocol,
    /// Phases of a custom protocol, as `10 AB+`: ten trials of A and B with the outcome; `20 A+ AB-`: twenty of one after the other.
    #[schemars(title = "Phases", length(max = 20))]
    pub phases: Vec<String>,
    /// Learning rules compared.
    #[schemars(title = "Rules", length(min = 1))]
    pub rules: Vec<Rule>,
    /// Write rate of hebb, decay and delta, above 0; up to 1, for delta below 2 over the number of stimuli shown together.
    #[schemars(title = "Write rate", range(min = 0.0, max = 2.0), extend("told" = "delta diverges at eta >= 2/||k||^2"))]
    pub eta: f64,
    /// Write rate of oja and bcm.
    #[schemars(title = "Write rate of oja and bcm", range(min = 0.0001, max = 1.0))]
    pub oja_eta: f64,
    /// Share that decay forgets at every presentation (g).
    #[schemars(title = "Forgetting", range(min = 0.0, max = 1.0))]
    pub forget: f64,
    /// Presentations over which the threshold of bcm averages.
    #[schemars(title = "Threshold window", range(min = 1.0, max = 10_000.0))]
    pub bcm_window: f64,
}

impl Default for ConditioningConfig {
    fn default() -> Self {
        Self {
            protocol: Protocol::Blocking,
            phases: Vec::new(),
            rules: vec![Rule::Hebb, Rule::Decay, Rule::Delta],
            eta: 0.5,
            oja_eta: 0.1,
            forget: 0.05,
            bcm_window: 20.0,
        }
    }
}

impl ConditioningConfig {
    /// Adds the faults that span fields.
    pub fn check(&self, faults: &mut CrossFaults) {
        check_distinct("rules", &self.rules, faults);
        if let Some(rule) = self.rules.iter().find(|rule| matches!(rule, Rule::Pinv | Rule::Softmax | Rule::Replay)) {
            faults
                .push(&["rules"], format!("{} has no strengths trial by trial; here it must be hebb, decay, delta, oja or bcm", rule.id()));
        }
        if self.protocol == Protocol::Custom && self.phases.is_empty() {
            faults.push(&["phases", "protocol"], "a custom protocol needs at least one phase, as `10 AB+`");
        }
        if self.protocol != Protocol::Custom && !self.phases.is_empty() {
            faults.push(&["phases", "protocol"], "phases are those of protocol=custom; here there must be none");
        }
        match self.trials() {
            Err(detail) => faults.push(&["phases"], detail),
            Ok(trials) => {
                let shown = |presentation: &Presentation| presentation.stimuli.iter().sum::<f64>();
                let most = trials.iter().flatten().map(shown).fold(1.0, f64::max);
                check_eta(self.eta, &self.rules, most, faults);
            }
        }
    }

    /// What is shown, trial by trial. Errors: a phase that cannot be read.
    pub fn trials(&self) -> Result<Trials, String> {
        if self.protocol == Protocol::Custom { parse(&self.phases) } else { parse(self.protocol.phases()) }
    }

    /// What the control group is shown; of a custom protocol of several phases the last one.
    pub fn control(&self) -> Result<Trials, String> {
        match self.phases.last() {
            Some(last) if self.protocol == Protocol::Custom && self.phases.len() > 1 => parse(&[last]),
            _ => parse(self.protocol.control()),
        }
    }
}

/// Associative strengths under one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Strengths {
    /// Of every stimulus.
    pub of: [f64; STIMULI],
    /// Threshold of bcm.
    threshold: f64,
}

impl Strengths {
    /// What is expected of stimuli shown together: the sum of their strengths.
    pub fn response(&self, stimuli: &[f64; STIMULI]) -> f64 {
        self.of.iter().zip(stimuli).map(|(w, x)| w * x).sum()
    }

    /// Learns from one presentation.
    pub fn learn(&mut self, rule: Rule, config: &ConditioningConfig, shown: &Presentation) {
        let u = shown.outcome;
        let (keep, write) = match rule {
            Rule::Decay => (1.0 - config.forget, config.eta * u),
            Rule::Delta => (1.0, config.eta * (u - self.response(&shown.stimuli))),
            Rule::Oja => (1.0 - config.oja_eta * u * u, config.oja_eta * u),
            Rule::Bcm => {
                let threshold = self.threshold;
                self.threshold += (u * u - threshold) / config.bcm_window;
                (1.0, config.oja_eta * u * (u - threshold))
            }
            // Those without strengths are refused with the config.
            Rule::Hebb | Rule::Replay | Rule::Pinv | Rule::Softmax => (1.0, config.eta * u),
        };
        self.of.iter_mut().zip(&shown.stimuli).for_each(|(w, x)| *w = keep * *w + write * x);
    }
}

/// One group of animals: what it is shown, and what it has learned trial by trial.
struct Group {
    trials: Trials,
    /// Per rule, per trial that is over.
    history: Vec<Vec<Strengths>>,
}

impl Group {
    fn new(trials: Trials, rules: usize) -> Self {
        Self { trials, history: vec![Vec::new(); rules] }
    }

    /// Shows trial `at`, from 0, where there is one; what every rule expected of its last presentation.
    fn show(&mut self, at: usize, config: &ConditioningConfig) -> Option<Vec<f64>> {
        let trial = self.trials.get(at)?;
        let show = |(rule, history): (&Rule, &mut Vec<Strengths>)| {
            let mut strengths = history.last().copied().unwrap_or_default();
            let mut response = 0.0;
            for shown in trial {
                response = strengths.response(&shown.stimuli);
                strengths.learn(*rule, config, shown);
            }
            history.push(strengths);
            response
        };
        Some(config.rules.iter().zip(&mut self.history).map(show).collect())
    }

    /// Stimuli that are ever shown.
    fn stimuli(&self) -> Vec<usize> {
        (0..STIMULI).filter(|at| self.trials.iter().flatten().any(|shown| shown.stimuli[*at] > 0.0)).collect()
    }

    fn plot(&self, rules: &[Rule], title: &str) -> Frame {
        let mut curves = Vec::new();
        for (rule, history) in rules.iter().zip(&self.history) {
            for stimulus in self.stimuli() {
                let start = std::iter::once((0.0, 0.0));
                let points = history.iter().enumerate().map(|(at, strengths)| ((at + 1) as f64, strengths.of[stimulus]));
                curves.push(curve(&format!("{} {}", NAMES[stimulus], rule.id()), Role::Data, start.chain(points)));
            }
        }
        Frame::Plot(Plot { x: axis("trial", false), y: axis(title, false), curves })
    }
}

/// A run of `conditioning`.
pub struct Conditioning {
    config: ConditioningConfig,
    group: Group,
    control: Group,
}

impl Conditioning {
    /// Before the first trial. Errors: a phase that cannot be read.
    pub fn new(config: &ConditioningConfig) -> Result<Self> {
        let trials = |found: Result<Trials, String>| found.map_err(crate::Error::Data);
        let (shown, control) = (trials(config.trials())?, trials(config.control())?);
        let rules = config.rules.len();
        Ok(Self { config: config.clone(), group: Group::new(shown, rules), control: Group::new(control, rules) })
    }
}

impl Study for Conditioning {
    fn total_steps(&self) -> u64 {
        self.group.trials.len() as u64
    }

    fn step(&mut self, t: u64, out: &mut Recorder) -> Result<()> {
        let at = (t - 1) as usize;
        let responses = self.group.show(at, &self.config).unwrap_or_default();
        for ((rule, history), response) in self.config.rules.iter().zip(&self.group.history).zip(responses) {
            for stimulus in self.group.stimuli() {
                out.point(STRENGTHS[stimulus], rule.id(), history[at].of[stimulus])?;
            }
            out.point("strength/response", rule.id(), response)?;
        }
        out.frame("conditioning/strengths", None, self.group.plot(&self.config.rules, "associative strength"));
        if self.control.show(at, &self.config).is_some() {
            out.frame("conditioning/control", None, self.control.plot(&self.config.rules, "associative strength, control group"));
        }
        Ok(())
    }

    fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state("conditioning", &(&self.group.history, &self.control.history))
    }

    fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.group.history, self.control.history) = from.get_state("conditioning")?;
        Ok(())
    }

    fn finish(&self, out: &mut Recorder) -> Result<()> {
        let mut rows = Vec::new();
        for (group, family) in [(&self.group, "strength"), (&self.control, "control")] {
            for (rule, history) in self.config.rules.iter().zip(&group.history) {
                for stimulus in group.stimuli() {
                    if let Some(last) = history.last() {
                        out.summary(format!("{family}/{}.{}", NAMES[stimulus].to_lowercase(), rule.id()), last.of[stimulus]);
                    }
                    let row = |(at, strengths): (usize, &Strengths)| {
                        format!("{family},{},{},{},{}", rule.id(), at + 1, NAMES[stimulus], strengths.of[stimulus])
                    };
                    rows.extend(history.iter().enumerate().map(row));
                }
            }
        }
        out.artifact("conditioning.csv", "text/csv", csv("group,rule,trial,stimulus,strength", rows.into_iter()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strengths after every trial of these phases.
    fn play(rule: Rule, phases: &[&str]) -> Vec<[f64; STIMULI]> {
        let config = ConditioningConfig { rules: vec![rule], ..ConditioningConfig::default() };
        let mut group = Group::new(parse(phases).unwrap(), 1);
        (0..group.trials.len()).for_each(|at| assert!(group.show(at, &config).is_some()));
        group.history[0].iter().map(|strengths| strengths.of).collect()
    }

    fn last(rule: Rule, phases: &[&str]) -> [f64; STIMULI] {
        *play(rule, phases).last().unwrap()
    }

    #[test]
    fn acquisition_and_extinction() {
        let learned: Vec<f64> = play(Rule::Delta, &["3 A+"]).iter().map(|of| of[0]).collect();
        assert_eq!(learned, [0.5, 0.75, 0.875]);
        assert!((last(Rule::Delta, &["5 A+", "5 A-"])[0] - 0.03027344).abs() < 1e-8);
        // Without an error term what was written stays.
        assert_eq!(last(Rule::Hebb, &["5 A+", "5 A-"])[0], 2.5);
    }

    #[test]
    fn what_a_rule_without_errors_does_not_show() {
        let blocked = last(Rule::Delta, Protocol::Blocking.phases());
        assert!((blocked[0] - 0.999511719).abs() < 1e-9 && (blocked[1] - 0.000488281).abs() < 1e-9, "{blocked:?}");
        assert_eq!(last(Rule::Delta, Protocol::Blocking.control())[..2], [0.5, 0.5]);
        assert_eq!(last(Rule::Hebb, Protocol::Blocking.phases())[..2], [10.0, 5.0]);
        // Overshadowing halves the strength; an inhibitor becomes negative.
        assert_eq!(last(Rule::Delta, Protocol::Overshadowing.phases())[..2], [0.5, 0.5]);
        assert!(last(Rule::Delta, Protocol::Overshadowing.control())[0] > 0.999);
        let inhibited = last(Rule::Delta, Protocol::Inhibition.phases());
        assert!(inhibited[0] > 0.7 && inhibited[1] < -0.7, "{inhibited:?}");
        assert!(last(Rule::Hebb, Protocol::Inhibition.phases())[1] == 0.0);
        let reversed = last(Rule::Delta, Protocol::Reversal.phases());
        assert!(reversed[0] < 0.01 && reversed[1] > 0.99, "{reversed:?}");
        assert_eq!(last(Rule::Hebb, Protocol::Reversal.phases())[..2], [5.0, 5.0]);
    }

    #[test]
    fn other_rules_forget_or_stop() {
        // Oja: w <- 0.9 w + 0.1; bcm: the threshold comes to 1 and learning stops.
        assert!((last(Rule::Oja, &["2 A+"])[0] - 0.19).abs() < 1e-12);
        assert!((last(Rule::Decay, &["2 A+"])[0] - (0.5 * 0.95 + 0.5)).abs() < 1e-12);
        assert!((last(Rule::Bcm, &["2 A+"])[0] - (0.1 + 0.095)).abs() < 1e-12);
        assert!(last(Rule::Bcm, &["400 A+"])[0] - last(Rule::Bcm, &["300 A+"])[0] < 1e-6);
    }
}

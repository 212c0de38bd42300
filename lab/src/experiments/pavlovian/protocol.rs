//! Protocols of classical conditioning: which stimuli are shown together, and what follows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stimuli there are, A to D.
pub const STIMULI: usize = 4;

/// A named protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// A is followed by the outcome.
    Acquisition,
    /// Then it is not.
    Extinction,
    /// A is learned first; then B, shown with A, is not.
    Blocking,
    /// A and B together share what one would have alone.
    Overshadowing,
    /// A alone is followed, A and B together are not: B comes to predict that nothing follows.
    Inhibition,
    /// A is followed and B is not, then the other way round.
    Reversal,
    /// The phases given.
    Custom,
}

impl Protocol {
    /// Its phases; of `Custom` none.
    pub fn phases(self) -> &'static [&'static str] {
        match self {
            Self::Acquisition => &["10 A+"],
            Self::Extinction => &["10 A+", "10 A-"],
            Self::Blocking => &["10 A+", "10 AB+"],
            Self::Overshadowing => &["20 AB+"],
            Self::Inhibition => &["30 A+ AB-"],
            Self::Reversal => &["10 A+ B-", "10 A- B+"],
            Self::Custom => &[],
        }
    }

    /// The phases of the group that it is compared with, where there is one.
    pub fn control(self) -> &'static [&'static str] {
        match self {
            Self::Blocking => &["10 AB+"],
            Self::Overshadowing => &["20 A+"],
            _ => &[],
        }
    }
}

/// Stimuli shown together and the outcome that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Presentation {
    /// 1 for every stimulus that is shown.
    pub stimuli: [f64; STIMULI],
    /// Strength of the outcome.
    pub outcome: f64,
}

/// Trials of a protocol: in each some presentations, one after the other.
pub type Trials = Vec<Vec<Presentation>>;

/// The trials of phases like `10 AB+` or `20 A+ AB-`: so many trials, in each these presentations. A sign says whether the outcome follows, a
/// number behind `+` how strong it is (`A+0.5`). Errors: the phase that is not like this.
pub fn parse<S: AsRef<str>>(phases: &[S]) -> Result<Trials, String> {
    let mut trials = Vec::new();
    for phase in phases {
        let phase = phase.as_ref();
        let (count, trial) =
            phase_of(phase).ok_or_else(|| format!("`{phase}` is not like `10 AB+` or `20 A+ AB-`, of the stimuli A to D"))?;
        trials.extend(std::iter::repeat_n(trial, count));
    }
    Ok(trials)
}

fn phase_of(phase: &str) -> Option<(usize, Vec<Presentation>)> {
    let mut words = phase.split_whitespace();
    let count = words.next()?.parse().ok().filter(|count| (1..=1_000).contains(count))?;
    let shown: Vec<Presentation> = words.map(presentation).collect::<Option<_>>()?;
    (!shown.is_empty()).then_some((count, shown))
}

fn presentation(word: &str) -> Option<Presentation> {
    let at = word.find(['+', '-'])?;
    let (names, outcome) = word.split_at(at);
    let mut stimuli = [0.0; STIMULI];
    for name in names.chars() {
        let place = "ABCD".find(name)?;
        if stimuli[place] == 1.0 {
            return None;
        }
        stimuli[place] = 1.0;
    }
    let outcome = match outcome {
        "+" => 1.0,
        "-" => 0.0,
        strong => strong.strip_prefix('+')?.parse().ok().filter(|strength| (0.0..=10.0).contains(strength))?,
    };
    (!names.is_empty()).then_some(Presentation { stimuli, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_read_and_others_named() {
        let trials = parse(&["2 A+", "1 AC- B+0.5"]).unwrap();
        assert_eq!(trials.len(), 3);
        assert_eq!(trials[1], [Presentation { stimuli: [1.0, 0.0, 0.0, 0.0], outcome: 1.0 }]);
        let both =
            [Presentation { stimuli: [1.0, 0.0, 1.0, 0.0], outcome: 0.0 }, Presentation { stimuli: [0.0, 1.0, 0.0, 0.0], outcome: 0.5 }];
        assert_eq!(trials[2], both);
        for wrong in ["A+", "0 A+", "3", "3 A", "3 +", "3 E+", "3 AA+", "3 A-1", "3 A+x", "3 A+11", "2000 A+", ""] {
            assert!(parse(&[wrong]).unwrap_err().contains("is not like `10 AB+`"), "{wrong}");
        }
    }

    #[test]
    fn every_named_protocol_can_be_played() {
        use Protocol::{Acquisition, Blocking, Extinction, Inhibition, Overshadowing, Reversal};
        for protocol in [Acquisition, Extinction, Blocking, Overshadowing, Inhibition, Reversal] {
            assert!(parse(protocol.phases()).unwrap().len() >= 10);
            assert!(parse(protocol.control()).unwrap().len() <= parse(protocol.phases()).unwrap().len());
        }
    }
}

//! Episodes of the trained task: pairs of key and value tokens to be written, and keys asked for afterwards.

use rand::{Rng, seq::index};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The value of every key.
    Recall,
    /// The newest value of every key, after half of them got a new one.
    Reversal,
}

impl Task {
    /// Pairs written in an episode of so many keys.
    pub fn writes(self, keys: usize) -> usize {
        if self == Self::Reversal { keys + keys / 2 } else { keys }
    }
}

/// Which half of the keys gets a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rewritten {
    /// The first half in the order of the first writing, so that a new value is always as many pairs younger than the old one as there are keys.
    First,
    /// A random half in random order, so that there is no such lag to count on.
    Random,
}

/// One episode, as tokens. Every key is asked for once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Keys in the order in which they are written.
    pub keys: Vec<usize>,
    /// Their values.
    pub values: Vec<usize>,
    /// Keys asked for.
    pub queries: Vec<usize>,
    /// Their newest values.
    pub answers: Vec<usize>,
}

impl Episode {
    /// Draws `keys` distinct keys of `vocab_keys` with random values of `vocab_values`, and in a reversal new values of half of them, one of which
    /// may be the old one by chance.
    pub fn draw(task: Task, rewritten: Rewritten, keys: usize, vocab_keys: usize, vocab_values: usize, rng: &mut ChaCha8Rng) -> Self {
        let queries = index::sample(rng, vocab_keys, keys).into_vec();
        let mut answers: Vec<usize> = (0..keys).map(|_| rng.random_range(0..vocab_values)).collect();
        let (mut written, mut values) = (queries.clone(), answers.clone());
        let again = match (task, rewritten) {
            (Task::Recall, _) => Vec::new(),
            (Task::Reversal, Rewritten::First) => (0..keys / 2).collect(),
            (Task::Reversal, Rewritten::Random) => index::sample(rng, keys, keys / 2).into_vec(),
        };
        for at in again {
            answers[at] = rng.random_range(0..vocab_values);
            written.push(queries[at]);
            values.push(answers[at]);
        }
        Self { keys: written, values, queries, answers }
    }

    /// Tokens read: a key and a value for every pair written, and the keys asked for.
    pub fn tokens(&self) -> usize {
        2 * self.keys.len() + self.queries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn the_answer_is_the_newest_value_of_a_key() {
        let mut generator = Generator::new(0, "episodes");
        for (task, rewritten) in [(Task::Recall, Rewritten::First), (Task::Reversal, Rewritten::First), (Task::Reversal, Rewritten::Random)]
        {
            let (mut changed, mut first_halves) = (0, 0);
            for _ in 0..50 {
                let episode = Episode::draw(task, rewritten, 8, 20, 32, generator.rng());
                first_halves += usize::from(episode.keys.get(8..) == Some(&episode.queries[..4]));
                assert_eq!((episode.keys.len(), episode.queries.len()), (task.writes(8), 8));
                assert_eq!(episode.queries.iter().collect::<BTreeSet<_>>().len(), 8);
                let newest: BTreeMap<usize, usize> = episode.keys.iter().copied().zip(episode.values.iter().copied()).collect();
                assert!(episode.queries.iter().zip(&episode.answers).all(|(key, answer)| newest[key] == *answer));
                changed += episode.values[..8].iter().zip(&episode.answers).filter(|(old, new)| old != new).count();
            }
            // Of 200 new values a thirty-second part is the old one.
            assert!(if task == Task::Recall { changed == 0 } else { (180..=200).contains(&changed) }, "{changed}");
            assert_eq!(first_halves == 50, (task, rewritten) == (Task::Reversal, Rewritten::First), "{first_halves}");
        }
    }
}

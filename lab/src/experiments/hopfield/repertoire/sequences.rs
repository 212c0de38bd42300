//! Bags of random sequences of amino acids, some of which carry a motif. A bag is made tile by tile whenever it is needed, so that no
//! bag, however large, is ever in memory.

use super::config::RepertoireConfig;
use crate::random::Generator;
use rand::Rng;
use std::ops::RangeInclusive;

/// Letters of the alphabet.
pub const LETTERS: usize = 20;
/// What stands behind the last letter of a sequence in a tile.
const NO_LETTER: u8 = LETTERS as u8;
/// Sequences of a tile.
pub const TILE: usize = 512;

/// Which bags: parts share no bag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Trained on.
    Train,
    /// What the epoch is chosen by.
    Validation,
    /// Only looked at.
    Test,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The source of all bags of a run.
#[derive(Debug, Clone)]
pub struct Source {
    seed: u64,
    /// Sequences of a bag.
    pub instances: usize,
    letters: RangeInclusive<usize>,
    /// Sequences with the motif in a positive bag.
    pub witnesses: usize,
    motif: Vec<u8>,
}

impl Source {
    /// The source of this config; the motif follows from the seed.
    pub fn new(config: &RepertoireConfig, seed: u64) -> Self {
        let mut generator = Generator::new(seed, "repertoire/motif");
        Self {
            seed,
            instances: config.instances_per_bag,
            letters: config.shortest_sequence..=config.longest_sequence,
            witnesses: config.witnesses(),
            motif: (0..config.motif_length).map(|_| generator.rng().random_range(0..LETTERS as u8)).collect(),
        }
    }

    /// 1 for every other bag.
    pub fn label(bag: usize) -> u8 {
        (bag % 2) as u8
    }

    /// Number of tiles of a bag.
    pub fn tiles(&self) -> usize {
        self.instances.div_ceil(TILE)
    }

    /// Whether sequence number `at` of a positive bag carries the motif: evenly spaced, for the order in a bag means nothing.
    pub fn is_witness(&self, at: usize) -> bool {
        (at + 1) * self.witnesses / self.instances > at * self.witnesses / self.instances
    }

    /// The sequences of one tile of a bag, `[sequences, longest]`, letters `0..20` and nothing behind the last of them (see [`letters_of`]), in
    /// place of what `into` held.
    pub fn tile(&self, part: Part, bag: usize, tile: usize, into: &mut Vec<u8>) {
        let mut generator = Generator::new(self.seed, &format!("repertoire/{}/{bag}/{tile}", part.name()));
        let rng = generator.rng();
        into.clear();
        for at in tile * TILE..self.instances.min((tile + 1) * TILE) {
            let (start, length) = (into.len(), rng.random_range(self.letters.clone()));
            while into.len() < start + length {
                // Four letters out of 64 bits; a letter's share is off by less than 1e-3 of itself.
                let bits: u64 = rng.random();
                let letters = (0..4).map(|piece| (((bits >> (16 * piece) & 0xffff) * LETTERS as u64) >> 16) as u8);
                into.extend(letters.take(start + length - into.len()));
            }
            if Self::label(bag) == 1 && self.is_witness(at) {
                let place = start + rng.random_range(0..=length - self.motif.len());
                into[place..place + self.motif.len()].copy_from_slice(&self.motif);
            }
            into.resize(start + self.letters.end(), NO_LETTER);
        }
    }
}

/// The letters of one sequence of a tile.
pub fn letters_of(sequence: &[u8]) -> &[u8] {
    let end = sequence.iter().position(|letter| *letter == NO_LETTER).unwrap_or(sequence.len());
    &sequence[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positive_bags_hold_the_motif_as_often_as_asked_for() {
        let config = RepertoireConfig { instances_per_bag: 1_300, witness_rate: 0.01, ..RepertoireConfig::default() };
        let source = Source::new(&config, 3);
        assert_eq!((source.tiles(), source.witnesses), (3, 13));
        let (mut tile, mut counts, mut lengths) = (Vec::new(), [0usize; LETTERS], [0usize; 21]);
        let mut found = [0, 0];
        for bag in [0, 1] {
            let mut seen = 0;
            for at in 0..source.tiles() {
                source.tile(Part::Train, bag, at, &mut tile);
                for sequence in tile.chunks_exact(20).map(letters_of) {
                    let has = sequence.windows(source.motif.len()).any(|window| window == source.motif);
                    assert!(has || bag == 0 || !source.is_witness(seen));
                    found[bag] += usize::from(has);
                    seen += 1;
                    lengths[sequence.len()] += 1;
                    sequence.iter().for_each(|letter| counts[usize::from(*letter)] += 1);
                }
            }
            assert_eq!(seen, 1_300);
        }
        assert!(found[0] <= 2 && (13..=15).contains(&found[1]), "{found:?}");
        assert!(counts.iter().all(|count| (1_750..2_150).contains(count)), "{counts:?}");
        assert!(lengths[10..].iter().all(|count| (190..290).contains(count)), "{lengths:?}");
    }

    #[test]
    fn parts_and_bags_differ_and_a_tile_is_always_the_same() {
        let source = Source::new(&RepertoireConfig::default(), 0);
        let tile = |part, bag| {
            let mut tile = Vec::new();
            source.tile(part, bag, 1, &mut tile);
            tile
        };
        assert_eq!(tile(Part::Train, 2), tile(Part::Train, 2));
        assert_ne!(tile(Part::Train, 2), tile(Part::Test, 2));
        assert_ne!(tile(Part::Train, 2), tile(Part::Train, 4));
    }
}

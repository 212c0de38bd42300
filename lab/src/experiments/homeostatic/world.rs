//! A world whose labels move: when, and where they are now.

use super::shift::{Labels, Shift, pair};
use crate::{Checkpoint, Result};
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as FormatResult};

/// A world at some step, shared by the arms that live in it.
#[derive(Debug, Clone)]
pub struct World {
    /// When labels are exchanged.
    pub shift: Shift,
    /// What is appended to the names of its arms.
    pub suffix: String,
    /// Which label each class carries now.
    pub labels: Labels,
    /// Every swap so far.
    pub swaps: Vec<Swap>,
}

/// Two labels exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap {
    /// Batches finished before it.
    pub step: u64,
    /// One label.
    pub a: u8,
    /// The other.
    pub b: u8,
}

impl Display for Swap {
    fn fmt(&self, f: &mut Formatter<'_>) -> FormatResult {
        write!(f, "{} ↔ {}", self.a, self.b)
    }
}

impl World {
    /// A world in which every class carries its own label.
    pub fn new(shift: Shift, suffix: String) -> Self {
        Self { shift, suffix, labels: Labels::default(), swaps: Vec::new() }
    }

    /// After batch `t`: exchanges two labels where a swap is due, and gives it.
    pub fn turn(&mut self, t: u64, seed: u64) -> Option<Swap> {
        self.shift.is_swap(t).then(|| {
            let (a, b) = pair(seed, self.swaps.len() as u64);
            let swap = Swap { step: t, a, b };
            self.labels.exchange(a, b);
            self.swaps.push(swap);
            swap
        })
    }

    /// Saves labels and swaps.
    pub fn save(&self, into: &mut Checkpoint) -> Result<()> {
        into.put_state(&format!("world{}", self.suffix), &(&self.labels, &self.swaps))
    }

    /// Takes over what [`World::save`] saved.
    pub fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        (self.labels, self.swaps) = from.get_state(&format!("world{}", self.suffix))?;
        Ok(())
    }
}

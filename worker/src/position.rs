//! Where a run stands: what the engine adds to every checkpoint.

use crate::VERSION;
use lab::{Checkpoint, Recorder, Result, Running};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::bytes::Bytes;

const NAME: &str = "engine";

/// Where a run stands between two steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// The ordinal of the next item.
    pub next_ordinal: u64,
    /// Milliseconds spent training, all leases together.
    pub trained_ms: u64,
    /// Last step of every series, so that the rule of one point a step holds across a resumption.
    pub last_steps: Vec<(String, Option<String>, u64)>,
}

impl Position {
    /// Before the first step.
    pub fn start() -> Self {
        Self { step: 0, next_ordinal: 1, trained_ms: 0, last_steps: Vec::new() }
    }

    /// The position inside a checkpoint that [`SavedCheckpoint::make`] wrote.
    pub fn read(from: &Checkpoint) -> Result<Self> {
        from.get_state(NAME)
    }
}

/// A checkpoint as it is stored.
#[derive(Debug, Clone)]
pub struct SavedCheckpoint {
    /// The safetensors file.
    pub bytes: Bytes,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Steps done.
    pub step: u64,
    /// The ordinal of the next item; everything below was said before it.
    pub next_ordinal: u64,
    /// The version that made it.
    pub engram_version: &'static str,
}

impl SavedCheckpoint {
    /// Saves an experiment and where it stands.
    pub fn make(running: &dyn Running, recorder: &Recorder, position: &mut Position) -> Result<Self> {
        let mut checkpoint = Checkpoint::default();
        running.save(&mut checkpoint)?;
        position.last_steps = recorder.last_steps();
        checkpoint.put_state(NAME, position)?;
        let bytes = Bytes::from(checkpoint.to_bytes()?);
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Ok(Self { bytes, sha256, step: position.step, next_ordinal: position.next_ordinal, engram_version: VERSION })
    }
}
